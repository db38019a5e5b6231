"""What a command says: streams that take any letter, and whose failure harms no result and is told once.

A full disk, a closed stream or a reader that has gone must not end a run whose results are about to be written, so what
a stream does not take is dropped, and told at the end. Letters that it lacks are written as escapes.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import sys
import warnings
from collections.abc import Iterator
from typing import Any, TextIO

from bayes_lupil.characters import visible
from bayes_lupil.errors import OutputError

__all__ = ["Streams", "quiet_surroundings", "streams", "write_document"]


class _Sink(io.RawIOBase):
    """Bytes to a stream that may be missing or fail; after a failure they are dropped."""

    def __init__(self, target: Any) -> None:
        self._target = target  # None where it was closed before the program began
        self.failure = ""

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return self._target is not None and bool(self._target.isatty())

    def fileno(self) -> int:
        if self._target is None:
            raise io.UnsupportedOperation("fileno")
        return int(self._target.fileno())

    def write(self, content: Any) -> int:
        content = bytes(content)
        if not self.failure:
            try:
                return self._passed_on(content)
            except (OSError, ValueError) as problem:  # ValueError where it was closed since
                self.failure = (getattr(problem, "strerror", None) or str(problem)).lower()
        return len(content)

    def _passed_on(self, content: bytes) -> int:
        if self._target is None:
            raise ValueError("a closed stream")
        written = self._target.write(content)
        if written is None:
            raise BlockingIOError(0, "a stream that takes nothing now")
        self._target.flush()
        return int(written)


class Streams:
    """Standard output and standard error in the place of those that the program was given."""

    def __init__(self) -> None:
        self._given = sys.stdout, sys.stderr
        self._sinks: list[_Sink] = []
        sys.stdout, sys.stderr = (self._wrapped(stream) for stream in self._given)

    def _wrapped(self, stream: TextIO | None) -> Any:
        if stream is not None and not hasattr(stream, "buffer"):
            self._sinks.append(_Sink(None))
            return stream  # takes text alone, as in some editors
        if stream is not None:
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        sink = _Sink(None if stream is None else getattr(stream.buffer, "raw", stream.buffer))
        self._sinks.append(sink)
        return io.TextIOWrapper(
            io.BufferedWriter(sink),
            encoding=getattr(stream, "encoding", None) or "utf-8",
            errors="backslashreplace",
            line_buffering=sink.isatty() or len(self._sinks) == 2,  # standard error at once
        )

    def flush(self) -> None:
        """Pass on what has been said."""
        sys.stdout.flush()
        sys.stderr.flush()

    @property
    def lost(self) -> OutputError | None:
        """What to say where standard output did not take all."""
        self.flush()
        if not self._sinks[0].failure:
            return None
        required, hint = "a stream that takes what a command says", "What went into files is whole."
        return OutputError("standard output", self._sinks[0].failure, required, hint)

    def give_back(self) -> None:
        """Put back the streams that were there before."""
        self.flush()
        sys.stdout, sys.stderr = self._given


@contextlib.contextmanager
def streams() -> Iterator[Streams]:
    """Streams that do not fail, for as long as the block lasts."""
    for number in range(3):  # else the next file that is opened would be taken for a standard stream
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    ours = Streams()
    try:
        yield ours
    finally:
        ours.give_back()


def write_document(text: str) -> None:
    """Write what is to be kept as a file: in UTF-8, since in the stream's own encoding it could not be read again.

    Where nobody but a reader at a terminal gets it, nothing in it is hidden.
    """
    sys.stdout.flush()
    if sys.stdout.isatty():
        text = visible(text)
    if hasattr(sys.stdout, "buffer"):
        sys.stdout.buffer.write(text.encode())
        sys.stdout.buffer.flush()
    else:
        sys.stdout.write(text)


def quiet_surroundings() -> None:
    """No window for figures, which go to files, and no warnings of the packages beneath, unless they are asked for."""
    os.environ["MPLBACKEND"] = "agg"
    if not sys.warnoptions and all(action != "error" for action, *_ in warnings.filters):
        warnings.simplefilter("ignore")
        logging.getLogger("matplotlib").setLevel(logging.ERROR)
