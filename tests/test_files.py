"""Files are written whole or not at all, and a place that cannot be written to is named."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bayes_lupil.errors import OutputError
from bayes_lupil.files import clear_partials, made_folder, make_folder, new_file, refuse_existing, write_text


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_text_is_written_as_utf_8_with_plain_line_ends(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "é\nß\n")
    assert (tmp_path / "a.txt").read_bytes() == "é\nß\n".encode()
    assert names(tmp_path) == ["a.txt"]


def test_an_older_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "a long first text")
    write_text(path, "short")
    assert path.read_text(encoding="utf-8") == "short"


def test_until_the_block_ends_the_older_file_stands(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "first")
    with new_file(path) as temporary:
        temporary.write_text("second", encoding="utf-8")
        assert path.read_text(encoding="utf-8") == "first"
        assert temporary.parent == path.parent  # a rename between two file systems would not be atomic
        assert temporary.suffix == path.suffix  # writers that choose their format by it
    assert path.read_text(encoding="utf-8") == "second"


@pytest.mark.parametrize("problem", [RuntimeError, KeyboardInterrupt, ValueError])
def test_an_error_leaves_nothing_behind(tmp_path: Path, problem: type[BaseException]) -> None:
    path = tmp_path / "a.txt"

    def write_half() -> None:
        with new_file(path) as temporary:
            temporary.write_text("half", encoding="utf-8")
            raise problem

    with pytest.raises(problem):
        write_half()
    assert names(tmp_path) == []


def test_an_error_leaves_the_older_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "first")

    def fail() -> None:
        with new_file(path) as temporary:
            temporary.write_text("half", encoding="utf-8")
            raise OSError(28, "No space left on device")

    with pytest.raises(OutputError) as caught:
        fail()
    assert caught.value.where == str(path)
    assert caught.value.found == "no space left on device"
    assert names(tmp_path) == ["a.txt"]
    assert path.read_text(encoding="utf-8") == "first"


def test_a_block_that_writes_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"a\.txt: found no such file"), new_file(tmp_path / "a.txt"):
        pass
    assert names(tmp_path) == []


@pytest.mark.parametrize("place", ["missing/a.txt", "file/a.txt", "folder", "x" * 300])
def test_a_place_that_cannot_be_written_to(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("a file, not a folder", encoding="utf-8")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError) as caught:
        write_text(tmp_path / place, "text")
    assert caught.value.where == str(tmp_path / place)
    assert caught.value.required == "a file that can be written"
    assert names(tmp_path) == ["file", "folder"]
    assert names(tmp_path / "folder") == []


def test_a_folder_is_made_with_its_parents_and_left_empty(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    assert make_folder(folder) == folder
    assert names(folder) == []
    assert make_folder(folder) == folder  # once more, now that it is there


@pytest.mark.parametrize("place", ["file", "file/a"])
def test_a_folder_that_cannot_be_made(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("a file, not a folder", encoding="utf-8")
    with pytest.raises(OutputError) as caught:
        make_folder(tmp_path / place)
    assert caught.value.where == str(tmp_path / place)
    assert caught.value.required == "a folder that can be written to"
    assert "--out" in caught.value.hint
    assert names(tmp_path) == ["file"]


def test_a_folder_without_leave_to_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object, **_options: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("bayes_lupil.files.tempfile.TemporaryFile", refuse)  # root may write everywhere
    with pytest.raises(OutputError) as caught:
        make_folder(tmp_path)
    assert caught.value.found == "permission denied"


@pytest.mark.parametrize("place", ["new", "new/deeper", ""])
def test_a_folder_made_for_what_fails_goes_with_it(tmp_path: Path, place: str) -> None:
    (tmp_path / "old").mkdir()
    with pytest.raises(ZeroDivisionError), made_folder(tmp_path / place):
        raise ZeroDivisionError
    assert names(tmp_path) == ["old"]
    with made_folder(tmp_path / "new" / "deeper") as made:
        assert made == [tmp_path / "new" / "deeper", tmp_path / "new"]
        write_text(tmp_path / "new" / "deeper" / "a.txt", "kept")
    assert names(tmp_path / "new" / "deeper") == ["a.txt"]


def test_temporary_files_of_dead_writers_are_removed_by_the_next(tmp_path: Path) -> None:
    started = [sys.executable, "-c", "import os; print(os.getpid())"]
    dead = subprocess.run(started, capture_output=True, text=True, check=True).stdout.strip()
    mine, other, alive = (
        f".a.txt.{dead}.partial.txt",
        f".b.txt.{dead}.partial.txt",
        f".a.txt.{os.getppid()}.partial.txt",
    )
    for name in (mine, other, alive, ".a.txt.x.partial.txt", f".a.txt.{10**30}.partial.txt"):
        (tmp_path / name).write_text("half")
    write_text(tmp_path / "a.txt", "whole")
    assert names(tmp_path) == sorted([other, alive, ".a.txt.x.partial.txt", "a.txt"])
    clear_partials(tmp_path)
    assert names(tmp_path) == sorted([alive, ".a.txt.x.partial.txt", "a.txt"])


@pytest.mark.parametrize("name", ["[a].txt", "a*.txt", "?.txt", "a b.txt", "é.txt"])
def test_names_with_letters_of_patterns_are_only_names(tmp_path: Path, name: str) -> None:
    (tmp_path / ".a.txt.999999999.partial.txt").write_text("of another file")
    (tmp_path / f".{name}.999999999.partial.txt").write_text("half")
    write_text(tmp_path / name, "whole")
    assert names(tmp_path) == sorted([".a.txt.999999999.partial.txt", name])


@pytest.mark.parametrize("there", ["file", "folder", "link", "broken link"])
def test_what_has_the_name_already(tmp_path: Path, there: str) -> None:
    path = tmp_path / "a.txt"
    refuse_existing(path, force=False)
    if there == "folder":
        path.mkdir()
    elif there == "file":
        path.touch()
    else:
        path.symlink_to(tmp_path if there == "link" else "nowhere")
    with pytest.raises(OutputError, match="found a file of that name"):
        refuse_existing(path, force=False)
    refuse_existing(path, force=True)
