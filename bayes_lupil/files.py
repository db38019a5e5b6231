"""Writing results: to a temporary file first, then renamed, so that nobody ever reads half a file."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bayes_lupil.errors import OutputError

__all__ = ["make_folder", "new_file", "write_bytes", "write_text"]


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
    except OSError as problem:
        raise OutputError(
            str(folder),
            (problem.strerror or str(problem)).lower(),
            "a folder that can be written to",
            "Choose another with --out.",
        ) from None
    return folder


@contextlib.contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` that takes its place when the block ends without an error."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.partial{path.suffix}")
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
