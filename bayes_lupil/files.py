"""Writing results: to a temporary file first, then renamed, so that nobody ever reads half a file."""

from __future__ import annotations

import contextlib
import glob
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bayes_lupil.errors import OutputError

__all__ = ["clear_partials", "made_folder", "make_folder", "new_file", "refuse_existing", "write_bytes", "write_text"]


def make_folder(folder: Path) -> Path:
    """Create a folder (and its parents) that can be written to.

    Raises
    ------
    OutputError
        Where it cannot be made or written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except (OSError, ValueError) as problem:  # a ValueError for a name with a null byte
        raise OutputError(
            str(folder),
            (getattr(problem, "strerror", None) or str(problem)).lower(),
            "a folder that can be written to",
            "Choose another with --out.",
        ) from None
    return folder


@contextlib.contextmanager
def made_folder(folder: Path) -> Iterator[list[Path]]:
    """`make_folder`; what was made for the block and is empty at its end is removed, as after an error in it.

    The block gets the list of these folders, the innermost first.
    """
    made = [place for place in (folder, *folder.parents) if not os.path.lexists(place)]
    try:
        make_folder(folder)
        yield made
    finally:
        for place in made:
            with contextlib.suppress(OSError, ValueError):  # most say that it is not empty, others that it is no name
                place.rmdir()


def refuse_existing(path: Path, force: bool) -> None:
    """That nothing has the name of a file to be written, or may be replaced.

    Raises
    ------
    OutputError
        Where there is something, and `force` was not said.
    """
    if not force and os.path.lexists(path):
        raise OutputError(
            str(path),
            "a file of that name",
            "a name that is free",
            "Choose another, or replace the file with --force.",
        )


def clear_partials(folder: Path, name: str = "") -> None:
    """Remove temporary files whose process has ended, of all files of a folder or of the one named."""
    for path in folder.glob(f".{glob.escape(name) if name else '*'}.*.partial*"):
        found = re.fullmatch(r"\..+\.(\d+)\.partial(\.\w+)?", path.name)
        if found and _has_ended(int(found[1])):
            with contextlib.suppress(OSError):
                path.unlink()


def _has_ended(process: int) -> bool:
    """Whether there is no such process; not asked on Windows, where the question would end it."""
    if os.name == "nt":
        return False
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return True
    except OSError:
        return False
    return False


def _refuse_what_is_no_file(path: Path) -> None:
    """A device or a pipe would be gone, and a file in its place."""
    if path.exists() and not path.is_file():
        found = "a folder" if path.is_dir() else "a device or a pipe"
        raise OutputError(str(path), found, "a file that can be written")


@contextlib.contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` that takes its place when the block ends without an error."""
    if not path.name:
        raise OutputError(f"'{path}'", "no name of a file", "a file that can be written")
    with contextlib.suppress(OSError):  # of names that cannot be: told where the file is made
        _refuse_what_is_no_file(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.partial{path.suffix}")
    clear_partials(path.parent, path.name)
    try:
        yield temporary
        temporary.replace(path)
    except OSError as problem:
        reason = (problem.strerror or str(problem)).lower()
        raise OutputError(str(path), reason, "a file that can be written") from problem
    finally:
        with contextlib.suppress(OSError):  # where it could not be made, it cannot be removed either
            temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file in UTF-8, whole or not at all."""
    with new_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file of bytes, whole or not at all."""
    with new_file(path) as temporary:
        temporary.write_bytes(content)
