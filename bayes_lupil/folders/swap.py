"""The files of a run in place of those of the earlier one: all of them or none, wherever it is cut off."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from bayes_lupil.files import clear_partials, write_text
from bayes_lupil.folders.manifests import MANIFEST, places_of

__all__ = ["WORK", "close_work", "files_in", "open_work", "recover", "swap"]

WORK = ".bayes_lupil.run"
"""Hidden folder inside the one that is written to, for as long as a run lasts.

In it are `new`, which the run fills; `coming.json`, the names in it once it is full; and `old`, the files of the
earlier run, from when they are moved out until the new ones stand: then it is called `done`.
"""


def open_work(folder: Path) -> Path:
    """The folder that a run fills."""
    new = folder / WORK / "new"
    new.mkdir(parents=True)
    return new


def close_work(folder: Path) -> None:
    """Remove what a run needed, unless it holds all that is left of an earlier run."""
    if not (folder / WORK / "old").exists():
        shutil.rmtree(folder / WORK, ignore_errors=True)


def files_in(folder: Path) -> list[str]:
    """Relative names of the files, pages before manifests at the end: neither is there without what it is of."""
    found = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()]
    return sorted(found, key=_last)


def swap(folder: Path, earlier: Iterable[str]) -> None:
    """Move the files of the earlier run out, then the new ones in; all or none.

    At no moment files of both lie there.
    """
    work = folder / WORK
    new, old = work / "new", work / "old"
    coming = files_in(new)
    going = sorted((name for name in {*earlier, *coming} if os.path.lexists(folder / name)), key=_last, reverse=True)
    write_text(work / "coming.json", json.dumps(coming))
    old.mkdir()
    try:
        for name in going:
            _move(folder / name, old / name)
        for name in coming:
            _move(new / name, folder / name)
    except BaseException:
        _undo(folder)
        raise
    old.rename(work / "done")  # from here on the new ones stand
    _remove_empty(folder, going)


def recover(folder: Path) -> str:
    """Undo what a run left half done that was ended from outside; says what, empty where there was nothing."""
    clear_partials(folder)
    work = folder / WORK
    if not os.path.lexists(work):
        return ""
    if (work / "old").is_dir():
        _undo(folder)
        said = "while it put its results in place; those before them have been restored"
    elif (work / "done").is_dir():
        _remove_empty(folder, files_in(work / "done"))
        said = "when its results were in place; what it left beside them has been removed"
    else:
        said = "before its results were in place; what it left has been removed"
    shutil.rmtree(work)
    return f"{folder}: a run was ended {said}"


def _undo(folder: Path) -> None:
    """Bring back what `swap` moved out, wherever that was cut off, or this itself was."""
    work = folder / WORK
    new, old = work / "new", work / "old"
    coming = json.loads((work / "coming.json").read_text(encoding="utf-8"))
    for name in reversed(coming):
        if os.path.lexists(folder / name) and not os.path.lexists(new / name):
            _move(folder / name, new / name)
    for name in files_in(old):
        _move(old / name, folder / name)
    _remove_empty(folder, coming)
    shutil.rmtree(old)


def _last(name: str) -> tuple[bool, bool, str]:
    return name == MANIFEST, name.endswith((".html", ".md")), name


def _move(source: Path, goal: Path) -> None:
    goal.parent.mkdir(parents=True, exist_ok=True)
    source.replace(goal)


def _remove_empty(folder: Path, names: Iterable[str]) -> None:
    """Remove those folders of these files that are empty now."""
    for place in places_of(names):
        with contextlib.suppress(OSError):
            (folder / place).rmdir()
