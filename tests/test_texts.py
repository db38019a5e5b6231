"""The door of all text files: what is no ordinary file of text is refused before it is read, in words that help."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from bayes_lupil import load_model, load_plan, load_trial, read_outcomes
from bayes_lupil.errors import BayesLupilError, InputError, ModelError
from bayes_lupil.limits import MOST_BYTES_OF_A_DOCUMENT, MOST_BYTES_OF_A_TABLE
from bayes_lupil.texts import read_text

READERS: dict[str, tuple[Callable[[Path], object], str]] = {
    "trial": (load_trial, ".toml"), "table": (load_trial, ".csv"), "model": (load_model, ".toml"),
    "plan": (load_plan, ".toml"), "patients": (read_outcomes, ".csv"),
}  # fmt: skip

TABLES = ("table", "patients")


@pytest.fixture(params=READERS)
def refused(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Callable[[Path], object]], InputError]:
    """What a reader says of the file that is made there."""
    read, suffix = READERS[request.param]

    def refused(make: Callable[[Path], object]) -> InputError:
        path = tmp_path / f"file{suffix}"
        make(path)
        with pytest.raises(BayesLupilError) as caught:
            read(path)
        assert isinstance(caught.value, InputError)
        assert caught.value.where.startswith(str(path))
        return caught.value

    return refused


Refused = Callable[[Callable[[Path], object]], InputError]


def _socket(path: Path) -> None:
    there, place = Path.cwd(), socket.socket(socket.AF_UNIX)
    os.chdir(path.parent)  # a socket's path must be short
    try:
        place.bind(path.name)
    finally:
        os.chdir(there)
        place.close()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes on this system")
@pytest.mark.parametrize(
    ("make", "found"),
    [
        (lambda path: None, "no such file"),
        (lambda path: path.symlink_to("nowhere"), "no such file"),
        (Path.mkdir, "a folder"),
        (lambda path: path.symlink_to("/dev/zero"), "a device"),
        (lambda path: path.symlink_to("/dev/null"), "a device"),
        (os.mkfifo, "a pipe"),
        (_socket, "a socket"),
        (lambda path: path.symlink_to(path.name), "too many levels of symbolic links"),
        (lambda path: path.symlink_to("/etc"), "a folder"),
    ],
    ids=["nothing", "dead link", "folder", "zero", "null", "pipe", "socket", "loop", "linked folder"],
)
def test_what_is_no_file_is_not_opened(refused: Refused, make: Callable[[Path], object], found: str) -> None:
    assert refused(make).found == found


def test_a_file_that_may_not_be_read(refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    def make(path: Path) -> None:
        path.write_text("a", encoding="utf-8")
        path.chmod(0)
        if os.access(path, os.R_OK):  # root may read everything
            opened = Path.open

            def closed(this: Path, *args: object, **kwargs: object) -> object:
                if this == path:
                    raise PermissionError(13, "Permission denied", str(path))
                return opened(this, *args, **kwargs)  # type: ignore[call-overload]

            monkeypatch.setattr(Path, "open", closed)

    assert refused(make).found == "permission denied"


def test_a_file_that_is_too_large_is_not_read(refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    def make(path: Path) -> None:
        with path.open("wb") as file:  # a hole: it takes no room
            file.truncate(10**13)
        monkeypatch.setattr(Path, "open", None)

    problem = refused(make)
    assert problem.found == "a file of 10,000,000,000,000 bytes"
    assert problem.required in {f"at most {most:,} bytes" for most in (MOST_BYTES_OF_A_DOCUMENT, MOST_BYTES_OF_A_TABLE)}


def test_a_file_that_says_it_is_empty_is_read_no_further_than_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.symlink_to("/proc/self/smaps")
    if not path.is_file():
        pytest.skip("no /proc on this system")
    assert path.stat().st_size == 0
    with pytest.raises(ModelError, match="more than 100 bytes"):
        read_text(path, ModelError, 100)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize("text", ["site,arm,responders,n\nA,drug,1,2\n", "schema = 1\nname = 'Köln'\n", "a"])
def test_wide_encodings_are_named(refused: Refused, encoding: str, text: str, request: pytest.FixtureRequest) -> None:
    if request.node.callspec.params["refused"] in TABLES and encoding.startswith("utf-16"):
        return  # tables may be in UTF-16: tests/trials/test_sources.py
    problem = refused(lambda path: path.write_bytes(text.encode(encoding)))
    if text == "a" and not encoding.endswith(("16", "32")):
        return  # one letter and zeros: whatever it is, it is refused
    assert problem.found == f"text in {encoding[:6].upper()}"
    assert "UTF-8" in problem.hint


@pytest.mark.parametrize(("encoding", "byte"), [("latin-1", "e9"), ("cp1252", "e9"), ("mac-roman", "8e")])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_another_encoding_is_named_by_its_first_strange_byte(
    refused: Refused, encoding: str, byte: str, mark: bytes, request: pytest.FixtureRequest
) -> None:
    if request.node.callspec.params["refused"] in TABLES and not mark:
        return  # tables may be in Latin-1: tests/trials/test_sources.py
    problem = refused(lambda path: path.write_bytes(mark + "# first\n# é\n".encode(encoding)))
    assert problem.where.endswith(", line 2")
    assert problem.found == f"a byte (0x{byte}) that is not UTF-8"


@pytest.mark.parametrize(
    "sign",
    ["\x00", "\x07", "\x0b", "\x0c", "\x1a", "\x1b[2J", "\x7f", "\x85", "\x9b", "\ufffe", "\ufdd0", "\U0001ffff"],
)
@pytest.mark.parametrize("place", ["in", "before", "after"])
def test_what_no_output_can_hold_is_refused_at_its_line(refused: Refused, sign: str, place: str) -> None:
    cell = {"in": f"A{sign}B", "before": f"{sign}A", "after": f"A{sign}"}[place]
    text = f"# the first line\n# the second\n{cell},placebo,3,10\nA,drug,5,10\n"
    problem = refused(lambda path: path.write_bytes(text.encode()))
    assert problem.where.endswith(", line 3")
    assert problem.found == f"the character U+{ord(sign[0]):04X}"


def test_a_name_that_no_file_can_have(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="found embedded null byte; required: a readable file"):
        read_text(tmp_path / "a\0.toml", ModelError, 100)


@pytest.mark.parametrize("content", [b"", b" \n\t\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf \n", b"\r\n"])
def test_an_empty_file(refused: Refused, content: bytes) -> None:
    assert refused(lambda path: path.write_bytes(content)).found == "an empty file"
