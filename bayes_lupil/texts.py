"""The one door through which text files come in: their size, encoding and characters are looked at first."""

from __future__ import annotations

import stat
from pathlib import Path

from bayes_lupil.characters import unholdable
from bayes_lupil.errors import InputError

__all__ = ["read_any_text", "read_bytes", "read_text"]

_KINDS = (
    (stat.S_ISDIR, "a folder"), (stat.S_ISCHR, "a device"), (stat.S_ISBLK, "a device"), (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
)  # fmt: skip
_AGAIN = "Save the file again with the encoding UTF-8"


def read_text(path: Path, error: type[InputError], most: int) -> str:
    """The text of a file, which must be an ordinary one, in UTF-8, without control characters, and not empty.

    Parameters
    ----------
    path : Path
    error : type of InputError
        The kind that is raised.
    most : int
        Bytes that it may have.

    Raises
    ------
    InputError
        Naming the file, and the line where there is one. Devices, pipes and what is too large are not opened.
    """
    return _holdable(_decoded(read_bytes(path, error, most), path, error), path, error)


def read_any_text(path: Path, error: type[InputError], most: int) -> tuple[str, tuple[str, ...]]:
    """The text of a file as `read_text` gives it, in UTF-16 and Windows-1252 (Latin-1) too; and what was guessed.

    Raises
    ------
    InputError
        As `read_text`, and where a file has characters of UTF-8 beside bytes that are none: it was damaged or put
        together from several.
    """
    raw = read_bytes(path, error, most)
    notes: tuple[str, ...] = ()
    try:
        wide = _wide(raw)
        if wide == "UTF-16":
            text, notes = _wide_text(raw), ("encoded in UTF-16",)
        elif wide or raw.startswith(b"\xef\xbb\xbf") or not _latin(raw):
            text = _decoded(raw, path, error)
        else:
            text = raw.decode("cp1252")
            notes = ("not encoded in UTF-8: taken for Windows-1252 (Latin-1); look at the letters with accents",)
    except UnicodeDecodeError:
        text = _decoded(raw, path, error)  # says which byte it is
    return _holdable(text, path, error), notes


def read_bytes(path: Path, error: type[InputError], most: int, only: int = -1) -> bytes:
    """The bytes of an ordinary file (see `read_text`), or the first of them only."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            kind = next((words for fits, words in _KINDS if fits(status.st_mode)), "something else than a file")
            raise error(str(path), kind, "a readable file")
        if status.st_size > most:
            raise error(str(path), f"a file of {status.st_size:,} bytes", f"at most {most:,} bytes")
        with path.open("rb") as file:
            raw = file.read(most + 1 if only < 0 else only)
    except FileNotFoundError:
        raise error(str(path), "no such file", "an existing file") from None
    except InputError:
        raise
    except (OSError, ValueError) as problem:  # a ValueError for a name with a null byte
        found = getattr(problem, "strerror", None) or str(problem)
        raise error(str(path), found.lower(), "a readable file") from None
    if len(raw) > most:  # it grew, or says that it is empty, as those in /proc
        raise error(str(path), f"a file of more than {most:,} bytes", f"at most {most:,} bytes")
    return raw


def _holdable(text: str, path: Path, error: type[InputError]) -> str:
    if found := unholdable(text):
        raise error(
            f"{path}, line {text.count(chr(10), 0, found.start()) + 1}",
            f"the character U+{ord(found[0]):04X}",
            "text without control characters",
            "No table, figure or page can hold it: take it out.",
        )
    if not text.strip():
        raise error(str(path), "an empty file", "a file with content")
    return text


def _latin(raw: bytes) -> bool:
    """Whether a text may be of one byte a character: not UTF-8, and without any character of several bytes."""
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return not any(ord(sign) > 127 for sign in raw.decode("utf-8", "ignore"))
    return False


def _wide_text(raw: bytes) -> str:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return raw.decode("utf-16")
    head = raw[:400]
    return raw.decode("utf-16-le" if head[1::2].count(0) > head[::2].count(0) else "utf-16-be")


def _decoded(raw: bytes, path: Path, error: type[InputError]) -> str:
    if wide := _wide(raw):
        hint = f"{_AGAIN} (in Excel: 'CSV UTF-8'; in an editor: 'Save as')."
        raise error(str(path), f"text in {wide}", "a text file in UTF-8", hint)
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        # of a file with a mark at its beginning, which is then not part of what is decoded
        start = problem.start + 3 * raw.startswith(b"\xef\xbb\xbf")
        line = raw[:start].count(b"\n") + 1
        found = f"a byte (0x{raw[start]:02x}) that is not UTF-8"
        raise error(f"{path}, line {line}", found, "a text file in UTF-8", f"{_AGAIN}.") from None


def _wide(raw: bytes) -> str:
    """The encoding of a text whose characters have two or four bytes each; empty where it is none of these."""
    if raw.startswith((b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff")):
        return "UTF-32"
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "UTF-16"
    head = raw[:400]
    zeros = [head[place::4].count(0) / max(1, len(head[place::4])) for place in range(4)]
    if sorted(zeros)[1] > 0.9:
        return "UTF-32"
    even, odd = (zeros[0] + zeros[2]) / 2, (zeros[1] + zeros[3]) / 2
    return "UTF-16" if max(even, odd) > 0.5 > 0.1 > min(even, odd) else ""
