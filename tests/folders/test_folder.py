"""A folder of results is that of one run, whole, and what is not a run's own is left alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import pytest

from bayes_lupil.errors import OutputError
from bayes_lupil.folders import MANIFEST, WORK, output_folder
from bayes_lupil.folders.folder import LOCK

FIRST = {"a.txt": "first", "report.html": "first page", "sub/b.txt": "first b", "sub/deep/c.txt": "first c"}
SECOND = {"a.txt": "second", "d.txt": "second d", "report.html": "second page"}
NAMES = [*FIRST, *SECOND]


def fill(folder, content, **options):
    """One run."""
    with output_folder(folder, options.pop("names", NAMES), **options) as new:
        for name, text in content.items():
            path = new / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")


def tree(folder):
    """All that lies in a folder, manifests left out; hidden files and empty folders too."""
    return {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") if path.is_file() else None
        for path in sorted(folder.rglob("*"))
        if path.name != MANIFEST and not (path.is_dir() and any(path.iterdir()))
    }


def refused(folder, content=None, **options):
    before = tree(folder)
    with pytest.raises(OutputError) as caught:
        fill(folder, content or SECOND, **options)
    assert tree(folder) == before
    return caught.value


def test_a_run_takes_the_place_of_the_one_before_it_as_a_whole(tmp_path):
    fill(tmp_path / "w", FIRST)
    (tmp_path / "w" / "mine.txt").write_text("mine")
    (tmp_path / "w" / "sub" / "mine.txt").write_text("mine too")
    assert tree(tmp_path / "w") == {**FIRST, "mine.txt": "mine", "sub/mine.txt": "mine too"}
    fill(tmp_path / "w", SECOND)
    assert tree(tmp_path / "w") == {**SECOND, "mine.txt": "mine", "sub/mine.txt": "mine too"}
    assert sorted(json.loads((tmp_path / "w" / MANIFEST).read_text())["files"]) == sorted(SECOND)
    assert not (tmp_path / "w" / "sub" / MANIFEST).exists()


def test_until_the_run_ends_the_earlier_results_stand(tmp_path):
    fill(tmp_path / "w", FIRST)
    with output_folder(tmp_path / "w", NAMES) as new:
        (new / "a.txt").write_text("second")
        assert (tmp_path / "w" / "a.txt").read_text() == "first"
    assert tree(tmp_path / "w") == {"a.txt": "second"}


@pytest.mark.parametrize("problem", [RuntimeError, KeyboardInterrupt, OSError, SystemExit, GeneratorExit])
@pytest.mark.parametrize("place", ["w", "new", "new/and/deeper"])
def test_an_error_leaves_everything_as_it_was(tmp_path, place, problem):
    fill(tmp_path / "w", FIRST)

    def fail():
        with output_folder(tmp_path / place, NAMES) as new:
            (new / "a.txt").write_text("half")
            raise problem

    with pytest.raises(problem) as caught:
        fail()
    assert {path.name for path in tmp_path.iterdir()} == {"w"}
    assert tree(tmp_path / "w") == FIRST
    assert getattr(caught.value, "__notes__", []) == (["nothing written"] if problem is KeyboardInterrupt else [])


def test_a_run_that_writes_nothing_changes_nothing(tmp_path):
    fill(tmp_path / "w", FIRST)
    fill(tmp_path / "w", {})
    assert tree(tmp_path / "w") == FIRST
    fill(tmp_path / "new", {})
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("number", range(1, 8))
def test_a_move_that_fails_brings_everything_back(tmp_path, monkeypatch, number):
    fill(tmp_path / "w", FIRST)
    moved, replace = [], Path.replace

    def fails(self, goal):
        if WORK in str(self) + str(goal) and self.suffix != ".json":
            moved.append(self)
            if len(moved) == number:
                raise PermissionError(13, "Permission denied", str(self))  # as Windows has it of an open file
        return replace(self, goal)

    monkeypatch.setattr(Path, "replace", fails)
    with pytest.raises(OutputError, match="permission denied"):
        fill(tmp_path / "w", SECOND)
    assert tree(tmp_path / "w") == FIRST
    monkeypatch.undo()
    fill(tmp_path / "w", SECOND)
    assert tree(tmp_path / "w") == SECOND


def test_what_cannot_be_brought_back_at_once_is_not_lost(tmp_path, monkeypatch):
    fill(tmp_path / "w", FIRST)
    replace = Path.replace

    def fails(self, goal):
        if goal.name == "d.txt" or (WORK in str(self) and self.parent.name == "old"):
            raise PermissionError(13, "Permission denied", str(self))
        return replace(self, goal)

    monkeypatch.setattr(Path, "replace", fails)
    with pytest.raises(OutputError):
        fill(tmp_path / "w", SECOND)
    monkeypatch.undo()
    told = []
    with pytest.raises(ZeroDivisionError), output_folder(tmp_path / "w", NAMES, tell=told.append):
        raise ZeroDivisionError
    (line,) = told
    assert "those before them have been restored" in line
    assert tree(tmp_path / "w") == FIRST


# what is in the way


def put_file(path, _other):
    path.write_text("mine")


def put_link(path, other):
    other.write_text("mine")
    path.symlink_to(other)


def put_broken_link(path, _other):
    path.symlink_to("nowhere")


@pytest.mark.parametrize("put", [put_file, put_link, put_broken_link])
@pytest.mark.parametrize("name", ["a.txt", "d.txt", "sub/b.txt", MANIFEST, f"sub/{MANIFEST}"])
def test_what_no_run_wrote_is_replaced_by_force_alone(tmp_path, name, put):
    path = tmp_path / "w" / name
    path.parent.mkdir(parents=True)
    put(path, tmp_path / "other.txt")
    content = {**SECOND, "sub/b.txt": "second b"}
    problem = refused(tmp_path / "w", content)
    assert f"'{name}'" in problem.found
    assert "--force" in problem.hint
    fill(tmp_path / "w", content, force=True)
    assert tree(tmp_path / "w") == content
    assert not path.is_symlink()
    if put is put_link:
        assert (tmp_path / "other.txt").read_text() == "mine"


@pytest.mark.parametrize("name", ["a.txt", "sub/b.txt", "sub/deep/c.txt"])
def test_results_that_were_changed_since_are_replaced_by_force_alone(tmp_path, name):
    fill(tmp_path / "w", FIRST)
    (tmp_path / "w" / name).write_text("changed by hand")
    problem = refused(tmp_path / "w")
    assert f"'{name}', changed since it was written in the way" in problem.found
    fill(tmp_path / "w", SECOND, force=True)
    assert tree(tmp_path / "w") == SECOND


def test_results_that_were_removed_since_do_not_matter(tmp_path):
    fill(tmp_path / "w", FIRST)
    (tmp_path / "w" / "a.txt").unlink()
    fill(tmp_path / "w", SECOND)
    assert tree(tmp_path / "w") == SECOND


def test_all_that_is_in_the_way_is_told_at_once(tmp_path):
    (tmp_path / "w").mkdir()
    for name in ("a.txt", "d.txt", "report.html", MANIFEST):
        (tmp_path / "w" / name).write_text("mine")
    found = refused(tmp_path / "w").found
    assert found == "'a.txt'; 'd.txt'; 'manifest.json' and 1 more in the way"


def test_what_comes_into_the_way_while_the_run_lasts_is_not_replaced(tmp_path):
    def late():
        with output_folder(tmp_path / "w", NAMES) as new:
            (new / "a.txt").write_text("second")
            (tmp_path / "w" / "a.txt").write_text("mine")

    with pytest.raises(OutputError, match=r"'a\.txt' in the way"):
        late()
    assert tree(tmp_path / "w") == {"a.txt": "mine"}


def test_a_name_that_was_not_announced_replaces_nothing_either(tmp_path):
    (tmp_path / "w").mkdir()
    (tmp_path / "w" / "other.txt").write_text("mine")
    assert "'other.txt' in the way" in refused(tmp_path / "w", {"other.txt": "second"}).found


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize(
    ("make", "content"),
    [
        (lambda w: (w / "a.txt").mkdir(), SECOND),
        (lambda w: (w / "a.txt").symlink_to(w.parent), SECOND),
        (lambda w: (w / "sub").write_text("a file"), FIRST),
        (lambda w: (w / "sub").symlink_to(w.parent / "elsewhere"), FIRST),
        (lambda w: (w / MANIFEST).mkdir(), SECOND),
    ],
    ids=["folder for a file", "link to a folder", "file for a folder", "link for a folder", "folder for a manifest"],
)
def test_a_folder_is_no_file_and_a_file_no_folder(tmp_path, make, content, force):
    (tmp_path / "w").mkdir()
    (tmp_path / "elsewhere").mkdir()
    make(tmp_path / "w")
    with pytest.raises(OutputError, match="name that is free"):
        fill(tmp_path / "w", content, force=force)
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert len(list((tmp_path / "w").iterdir())) == 1


# what the run reads


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize(
    ("place", "name"),
    [("itself", "a.txt"), ("itself", "sub/b.txt"), ("itself", MANIFEST), ("link to it", "a.txt"),
     ("link there", "d.txt"), ("hard link", "report.html"), ("by another way", "a.txt")],
)  # fmt: skip
def test_no_file_that_is_read_is_replaced(tmp_path, place, name, force):
    path = tmp_path / "w" / name
    path.parent.mkdir(parents=True)
    (tmp_path / "real.csv").write_text("data")
    read = {"itself": path, "by another way": tmp_path / "w" / ".." / "w" / name}.get(place, tmp_path / "real.csv")
    if place == "link there":
        path.symlink_to(tmp_path / "real.csv")
    elif place == "hard link":
        path.hardlink_to(tmp_path / "real.csv")
    else:
        path.write_text("data")
    if place == "link to it":
        (tmp_path / "real.csv").unlink()
        (tmp_path / "real.csv").symlink_to(path)
    problem = refused(tmp_path / "w", FIRST | SECOND, inputs=[read], force=force)
    assert problem.where == str(path)
    assert problem.found == "a file that this run reads"
    assert read.read_text() == "data"


@pytest.mark.parametrize("force", [False, True])
def test_a_result_that_is_read_is_not_removed_either(tmp_path, force):
    fill(tmp_path / "w", FIRST)
    names = ["d.txt"]
    problem = refused(tmp_path / "w", {"d.txt": "second"}, names=names, inputs=[tmp_path / "w" / "a.txt"], force=force)
    assert problem.where.endswith("a.txt")


def test_a_file_that_is_read_may_lie_beside_the_results(tmp_path):
    (tmp_path / "trial.csv").write_text("data")
    fill(tmp_path, SECOND, inputs=[tmp_path / "trial.csv"])
    assert tree(tmp_path) == {**SECOND, "trial.csv": "data"}


# odd places


@pytest.mark.parametrize("place", ["", "x" * 300, "a\0b", "file/w"])
def test_a_place_that_is_none(tmp_path, monkeypatch, place):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        fill(place, SECOND)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fill(".", FIRST)
    fill(".", SECOND)
    assert tree(tmp_path) == SECOND
    with pytest.raises(OutputError):
        fill(".", FIRST, names=["d.txt"], inputs=[Path("d.txt")])


def test_a_link_to_a_folder(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "w").symlink_to(tmp_path / "real")
    fill(tmp_path / "w", FIRST)
    fill(tmp_path / "w", SECOND)
    assert tree(tmp_path / "real") == SECOND
    assert (tmp_path / "w").is_symlink()


def test_a_part_of_a_run_is_written_with_it(tmp_path):
    with output_folder(tmp_path / "w", ["part/a.txt"]) as new:
        fill(new / "part", {"a.txt": "part"})
        assert not (tmp_path / "w" / "part").exists()
    assert tree(tmp_path / "w") == {"part/a.txt": "part"}
    # a run into the part alone, and then the whole again
    fill(tmp_path / "w" / "part", {"a.txt": "alone", "b.txt": "alone"}, names=["a.txt", "b.txt"])
    assert tree(tmp_path / "w") == {"part/a.txt": "alone", "part/b.txt": "alone"}
    with output_folder(tmp_path / "w", ["part/a.txt"]) as new:
        fill(new / "part", {"a.txt": "whole"})
    assert tree(tmp_path / "w") == {"part/a.txt": "whole"}


# one run at a time


def test_a_second_run_in_this_process_says_why_not(tmp_path):
    with output_folder(tmp_path / "w", NAMES) as new:
        (new / "a.txt").write_text("first")
        with pytest.raises(OutputError, match="another run that is writing there"):
            fill(tmp_path / "w", SECOND)
        found = []

        def other():
            try:
                fill(tmp_path / "w", SECOND)
            except OutputError as problem:
                found.append(problem)

        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        assert "another run" in found[0].found
        fill(tmp_path / "other", SECOND)
    assert tree(tmp_path / "w") == {"a.txt": "first"}
    assert not (tmp_path / "w" / LOCK).exists()


HOLD = """
import sys
from pathlib import Path
from bayes_lupil.folders import output_folder
with output_folder(sys.argv[1], ["a.txt"]) as new:
    (new / "a.txt").write_text("theirs")
    print("writing", flush=True)
    sys.stdin.readline()
"""


@pytest.mark.parametrize("end", ["finishes", "is killed"])
def test_a_second_process_says_why_not(tmp_path, end):
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, tmp_path / "w"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout.readline() == "writing\n"
    with pytest.raises(OutputError, match="another run that is writing there"):
        fill(tmp_path / "w", SECOND)
    if end == "finishes":
        other.communicate("go on\n")
        assert tree(tmp_path / "w") == {"a.txt": "theirs"}
        fill(tmp_path / "w", SECOND)
    else:
        other.kill()
        other.communicate()
        with pytest.warns(UserWarning, match="ended before its results were in place; what it left has been removed"):
            fill(tmp_path / "w", SECOND)
    assert tree(tmp_path / "w") == SECOND


def test_what_a_killed_run_left_alone_in_a_folder_goes_with_the_next(tmp_path):
    (tmp_path / "w" / WORK / "new").mkdir(parents=True)
    (tmp_path / "w" / LOCK).touch()
    told = []
    with pytest.raises(ZeroDivisionError), output_folder(tmp_path / "w", NAMES, tell=told.append):
        raise ZeroDivisionError
    assert not (tmp_path / "w").exists()
    (line,) = told
    assert "removed" in line


def test_temporary_files_of_dead_runs_are_cleared(tmp_path):
    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True)
    dead, alive = int(ended.stdout), os.getpid()
    for name in (f".a.txt.{dead}.partial.txt", f".a.txt.{alive}.partial.txt", ".a.txt.partial.txt", f".{dead}.txt"):
        (tmp_path / name).write_text("half")
    fill(tmp_path, SECOND)
    kept = {f".a.txt.{alive}.partial.txt", ".a.txt.partial.txt", f".{dead}.txt"}
    assert set(tree(tmp_path)) == {*SECOND, *kept}


def test_nobody_is_warned_without_a_reason(tmp_path):
    with warnings.catch_warnings(record=True) as caught:
        fill(tmp_path / "w", FIRST)
        fill(tmp_path / "w", SECOND)
    assert caught == []
