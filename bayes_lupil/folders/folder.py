"""A folder that a run fills, and what must not be in its way."""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from bayes_lupil.errors import OutputError
from bayes_lupil.files import made_folder, make_folder
from bayes_lupil.folders.manifests import MANIFEST, earlier_files, is_as_written, places_of, write_manifests
from bayes_lupil.folders.swap import close_work, files_in, open_work, recover, swap

__all__ = ["LOCK", "output_folder"]

LOCK = ".bayes_lupil.lock"
_FILLING: set[Path] = set()
"""Folders that runs of this process are filling: what is written inside one belongs to that run."""
_LISTED = 3


def _warn(line: str) -> None:
    warnings.warn(line, UserWarning, stacklevel=2)


@contextlib.contextmanager
def output_folder(
    target: str | Path,
    names: Iterable[str],
    *,
    inputs: Sequence[Path] = (),
    force: bool = False,
    tell: Callable[[str], None] | None = None,
) -> Iterator[Path]:
    """A folder to be filled, whose content takes the place of an earlier run's in `target` when the block ends.

    An error in the block leaves `target` as it was, and removes it where it was made for it. Inside such a block, a
    folder below the one that is filled is simply made: what is written there is part of the same run.

    Parameters
    ----------
    target : str or Path
    names : iterable of str
        Everything that the run may write, relative to `target`, with '/' between folder and file; manifests need not
        be named.
    inputs : sequence of Path
        Files that the run reads. None of them is ever replaced or removed.
    force : bool
        Whether files in the way are replaced that no earlier run wrote, or that were changed since.
    tell : callable
        Called with a line on what a run left that was ended from outside, by default a warning; and on results of an
        earlier run that this one does not make and that are removed.

    Raises
    ------
    OutputError
        Where the folder cannot be written to, another run is writing there, or something is in the way.

    Examples
    --------
    >>> import tempfile
    >>> place = tempfile.TemporaryDirectory()
    >>> with output_folder(Path(place.name) / "results", ["a.txt"]) as new:
    ...     _ = (new / "a.txt").write_text("whole")
    >>> sorted(path.name for path in (Path(place.name) / "results").iterdir())
    ['a.txt', 'manifest.json']
    >>> place.cleanup()
    """
    if not str(target):
        raise OutputError("the folder for results", "an empty name", "a folder", "Write '.' for the current one.")
    folder = Path(target)
    if any(place in _FILLING for place in (folder, *folder.parents)):
        yield make_folder(folder)
        return
    committed = False
    try:
        with made_folder(folder) as made, _locked(folder):
            with _told(folder):
                if left := recover(folder):
                    (tell or _warn)(left)
                    made[:] = made or [folder]  # which that run may have made
                expected = _with_manifests(names)
                _refuse(folder, expected, inputs, force)
                new = open_work(folder)
            _FILLING.add(new)
            try:
                yield new
                with _told(folder):
                    if coming := files_in(new):
                        write_manifests(new)
                        earlier = _refuse(folder, expected | _with_manifests(coming), inputs, force)
                        gone = sorted(name for name in earlier if name not in expected)
                        if gone and tell:
                            tell(f"{folder}: {len(gone)} results of an earlier run are removed, such as '{gone[0]}'")
                        swap(folder, earlier)
                        committed = True
            finally:
                _FILLING.discard(new)
                close_work(folder)
    except KeyboardInterrupt as problem:
        if not committed:
            problem.add_note("nothing written")
        raise


@contextlib.contextmanager
def _told(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as problem:
        where, reason = problem.filename or folder, problem.strerror or str(problem)
        raise OutputError(str(where), reason.lower(), "a place that can be written to") from problem


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """For one run at a time; the lock ends with its process, however that ends."""
    from filelock import FileLock, Timeout

    path = folder / LOCK
    lock = FileLock(path)
    with _told(folder):
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise OutputError(
                str(folder),
                "another run that is writing there",
                "one run at a time",
                "Wait until it has ended, or choose another folder.",
            ) from None
    try:
        yield
    finally:
        try:
            path.unlink()  # while it is held: who opened it before finds it gone, and does not take it for a lock
        except OSError:  # Windows removes no file that is open
            lock.release()
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
        lock.release()


def _with_manifests(names: Iterable[str]) -> set[str]:
    named = set(names)
    return {*named, MANIFEST, *(f"{place}/{MANIFEST}" for place in places_of(named))}


def _refuse(folder: Path, names: set[str], inputs: Sequence[Path], force: bool) -> dict[str, str]:
    """What earlier runs wrote and may be moved out, once it is sure that nothing else is in the way."""
    for place in places_of(names):
        path = folder / place
        if os.path.lexists(path) and (path.is_symlink() or not path.is_dir()):
            raise OutputError(str(path), "a file or a link", "a name that is free for a folder", "Choose another.")
    earlier = earlier_files(folder, names)
    there = [name for name in sorted({*names, *earlier}) if os.path.lexists(folder / name)]
    for name in there:
        path = folder / name
        if path.is_dir():
            raise OutputError(str(path), "a folder", "a name that is free for a file", "Choose another folder.")
        if path.exists() and any(read.exists() and path.samefile(read) for read in inputs):
            raise OutputError(
                str(path),
                "a file that this run reads",
                "results that take the place of none of them",
                "Choose another folder with --out.",
            )
    foreign = [name for name in there if not is_as_written(folder / name, earlier.get(name))]
    if foreign and not force:
        shown = [f"'{name}'{', changed since it was written' if name in earlier else ''}" for name in foreign[:_LISTED]]
        more = f" and {len(foreign) - _LISTED} more" if len(foreign) > _LISTED else ""
        raise OutputError(
            str(folder),
            f"{'; '.join(shown)}{more} in the way",
            "nothing of these names but the results of an earlier run, as it wrote them",
            "Choose another folder, or replace what is there with --force (in Python force=True).",
        )
    return earlier
