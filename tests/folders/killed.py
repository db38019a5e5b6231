"""Runs that are killed at every step: started by a test, in a process of its own that has no threads.

Each run is a child that kills itself with SIGKILL before its n-th access to the file system, n = 1, 2, ... until it
comes to its end.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from bayes_lupil.folders import MANIFEST, output_folder

FOREIGN = {"mine.txt": "mine", "sub/mine.txt": "mine too"}
RUNS = {
    "first": {"a.txt": "first a", "report.html": "first page", "sub/b.txt": "first b", "sub/deep/c.txt": "first c"},
    "second": {"a.txt": "second a", "d.txt": "second d", "report.html": "second page", "new/e.txt": "second e"},
    "third": {"a.txt": "third a", "sub/b.txt": "third b", "report.html": "third page"},
}
NAMES = sorted({name for content in RUNS.values() for name in content})
ACCESS = ("open", "os.rename", "os.mkdir", "os.rmdir", "os.remove", "os.scandir", "os.listdir", "shutil.rmtree")


def fill(folder: Path, run: str) -> list[str]:
    """One run, which tells what it found."""
    told: list[str] = []
    with output_folder(folder, NAMES, tell=told.append) as new:
        for name, text in RUNS[run].items():
            (new / name).parent.mkdir(parents=True, exist_ok=True)
            (new / name).write_text(text)
    return told


def child(action: Callable[[], object], at: int) -> bool:
    """Whether an action comes to its end in a child that is killed before its access number `at`."""
    pid = os.fork()
    if pid == 0:
        left = at

        def kill(event: str, _arguments: object) -> None:
            nonlocal left
            if event in ACCESS:
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(kill)
        action()
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    assert os.WIFSIGNALED(status) or os.waitstatus_to_exitcode(status) == 0, status
    return not os.WIFSIGNALED(status)


def seen(folder: Path) -> dict[str, str]:
    """Every file that is not hidden, manifests left out."""
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {
        name: path.read_text()
        for name, path in found.items()
        if not any(part.startswith(".") for part in Path(name).parts) and path.name != MANIFEST
    }


def check(folder: Path, runs: tuple[str, ...], where: object) -> None:
    """That what lies in a folder is of one run at most, every file whole, and with its manifest all of it."""
    there = seen(folder)
    assert FOREIGN.items() <= there.items(), where
    own = {name: text for name, text in there.items() if name not in FOREIGN}
    of = [run for run in runs if own.items() <= RUNS[run].items()]
    assert of, (where, own)
    if (folder / MANIFEST).exists():
        assert own in [RUNS[run] for run in of], (where, own)


def check_the_next(folder: Path, where: object) -> None:
    """That the next run is whole and the only one, and leaves nothing hidden."""
    left = any(path.name == ".bayes_lupil.run" for path in folder.iterdir())
    told = fill(folder, "third")
    assert len(told) == left, (where, told)
    assert seen(folder) == FOREIGN | RUNS["third"], where
    hidden = [path for path in folder.rglob("*") if path.name.startswith(".")]
    empty = [path for path in folder.rglob("*") if path.is_dir() and not any(path.iterdir())]
    assert not hidden + empty, (where, hidden, empty)


def fresh(folder: Path) -> None:
    """A folder with the first run's results, and other files."""
    shutil.rmtree(folder, ignore_errors=True)
    fill(folder, "first")
    for name, text in FOREIGN.items():
        (folder / name).write_text(text)


def main() -> int:
    """Print how many moments were tried, once and twice."""
    place, rng = Path(sys.argv[1]), random.Random(20260801)
    folder, other = place / "w", place / "other"
    at, twice, restored = 1, 0, 0
    while True:
        fresh(folder)
        whole = child(lambda: fill(folder, "second"), at)
        check(folder, ("first", "second"), at)
        # killed once more, while it mends what the first left
        again = 1
        while not whole:
            shutil.rmtree(other, ignore_errors=True)
            shutil.copytree(folder, other)
            if child(lambda: fill(other, "third"), again):
                break
            twice += 1
            check(other, ("first", "second", "third"), (at, again))
            check_the_next(other, (at, again))
            again += rng.randint(1, 50)
        restored += (folder / ".bayes_lupil.run" / "old").exists()
        check_the_next(folder, at)
        if whole:
            break
        at += 1
    sys.stdout.write(f"{at} {twice} {restored}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
