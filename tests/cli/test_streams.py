"""Standard output that is full, closed or lacks letters; surroundings that break packages beneath: results unharmed."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bayes_lupil import cli
from bayes_lupil.cli.streams import streams, write_document
from bayes_lupil.spec import model_path
from tests.proofs import WHOLE

UNICODE = "site,arm,responders,n\nKöln,Φάρμακο,3,10\nKöln,drug,5,10\n東京 😀,Φάρμακο,2,8\n東京 😀,drug,4,9\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("streams")
    (made / "uni.csv").write_text(UNICODE, encoding="utf-8")
    return made


ARMS = ("--control", "Φάρμακο", "--active", "drug")
SHOWS = {
    "help": ["--help"],
    "help of a command": ["fit", "--help"],
    "version": ["--version"],
    "trials": ["trials"],
    "a trial": ["trials", "uni.csv", *ARMS],
    "models": ["models"],
    "a model": ["models", "site_effects"],
    "schema": ["models", "--schema"],
    "plans": ["plans"],
    "a plan": ["plans", "lupil2_hierarchy"],
    "check": ["check", "uni.csv", *ARMS],
}
WORKS = {
    "fit": ["fit", "itt_pooled", "uni.csv", *ARMS, "--out", "OUT"],
    "fit as JSON": ["fit", "itt_pooled", "uni.csv", *ARMS, "--json", "--out", "OUT"],
    "reanalyse": ["reanalyse", "uni.csv", *ARMS, "--models", "MODEL", "--one-engine", "--out", "OUT"],
    "sites": ["sites", "uni.csv", *ARMS, "--model", "site_effects"],
    "synthetic": ["synthetic", "OUT.csv"],
}


@pytest.fixture
def run(monkeypatch, folder, tmp_path, fake_engine):
    """run(arguments, out): the program in this process, with the standard streams given; gives status and stderr."""

    def call(arguments, out):
        words = {"OUT": tmp_path / "out", "OUT.csv": tmp_path / "out" / "made.csv", "MODEL": model_path("itt_pooled")}
        err = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
        monkeypatch.chdir(folder)
        monkeypatch.setattr(sys, "argv", ["bayes-lupil", *(str(words.get(word, word)) for word in arguments)])
        monkeypatch.setattr(sys, "stdout", out)
        monkeypatch.setattr(sys, "stderr", err)
        monkeypatch.setenv("COLUMNS", "150")
        with pytest.raises(SystemExit) as end:
            cli.main()
        assert (sys.stdout, sys.stderr) == (out, err)  # given back
        err.seek(0)
        said = [line for line in err.read().splitlines() if not line.startswith(("note:", "[", "      "))]
        return end.value.code, said

    return call


class Failing(io.RawIOBase):
    """A stream that takes so many bytes and then fails."""

    def __init__(self, takes, problem):
        self.takes, self.problem = takes, problem

    def writable(self):
        return True

    def write(self, content):
        if self.takes <= 0:
            if self.problem is None:
                return None
            raise self.problem
        taken = min(len(content), self.takes)
        self.takes -= taken
        return taken


def failing(takes, problem):
    return io.TextIOWrapper(io.BufferedWriter(Failing(takes, problem)), encoding="utf-8")


def letters(encoding):
    return io.TextIOWrapper(io.BytesIO(), encoding=encoding)


FAILURES = {
    "full": lambda: failing(0, OSError(28, "No space left on device")),
    "full after a while": lambda: failing(9, OSError(28, "No space left on device")),
    "a reader that has gone": lambda: failing(0, BrokenPipeError(32, "Broken pipe")),
    "an input error": lambda: failing(0, OSError(5, "Input/output error")),
    "takes nothing now": lambda: failing(0, None),
    "closed": lambda: None,
}
ENCODINGS = ("cp1252", "ascii", "latin-1", "cp437", "koi8-r", "utf-8", "utf-16")


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("command", ["trials", "a trial", "schema", "a plan"])
def test_what_could_not_be_said_is_told_in_one_line(run, command, failure):
    status, said = run(SHOWS[command], FAILURES[failure]())
    assert status == 2
    assert len(said) == 1
    assert said[0].startswith("error: standard output: found ")


@pytest.mark.parametrize("command", sorted(set(SHOWS) - {"trials", "a trial", "schema", "a plan"}))
def test_every_command_that_shows_something_tells_it(run, command):
    status, said = run(SHOWS[command], FAILURES["full"]())
    assert (status, len(said)) == (2, 1)


@pytest.mark.parametrize("failure", ["full", "closed"])
@pytest.mark.parametrize(
    "command", ["fit", "fit as JSON", "synthetic", pytest.param("reanalyse", marks=pytest.mark.proof(*WHOLE))]
)
def test_results_are_unharmed(run, tmp_path, command, failure):
    assert run(WORKS[command], letters("utf-8"))[0] == 0
    (tmp_path / "out").rename(tmp_path / "sound")
    status, said = run(WORKS[command], FAILURES[failure]())
    assert (status, len(said)) == (2, 1), said
    found, sound = (
        {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        for folder in (tmp_path / "out", tmp_path / "sound")
    )
    assert set(found) == set(sound)
    told = [name for name in sound if name.suffix in (".csv", ".md", ".docx", ".tex")]
    assert told
    assert all(found[name] == sound[name] for name in told)


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("command", ["a trial", "check", "fit", "sites"])
def test_letters_that_a_stream_lacks_become_escapes(run, command, encoding):
    out = letters(encoding)
    status, said = run((SHOWS | WORKS)[command], out)
    assert (status, said) == (0, [])
    told = out.buffer.getvalue().decode(encoding)
    assert "uni" in told
    if command != "check":
        shown = "Φάρμακο".encode(encoding, "backslashreplace").decode(encoding)
        assert shown[:4] in told
    assert "?" not in told


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_json_is_always_json(run, encoding):
    out = letters(encoding)
    status, said = run(WORKS["fit as JSON"], out)
    assert (status, said) == (0, [])
    told = json.loads(out.buffer.getvalue().decode("ascii"))
    assert "Φάρμακο" in json.dumps(told, ensure_ascii=False)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_what_is_to_become_a_file_is_utf_8(run, tmp_path, monkeypatch, encoding):
    mine = tmp_path / "mine.toml"
    source = model_path("itt_pooled").read_text(encoding="utf-8")
    mine.write_text(source + "# Köln, Φάρμακο\n", encoding="utf-8")
    out = letters(encoding)
    assert run(["models", str(mine)], out) == (0, [])
    assert out.buffer.getvalue() == mine.read_bytes()


def test_the_exit_status_of_a_failed_command_stays(run):
    status, said = run(["trials", "nosuch"], FAILURES["full"]())
    assert (status, len(said)) == (2, 1)
    assert "nosuch" in said[0]


def test_standard_error_that_fails_stops_nothing(monkeypatch):
    monkeypatch.setattr(sys, "stderr", FAILURES["full"]())
    monkeypatch.setattr(sys, "stdout", letters("utf-8"))
    with streams() as said:
        sys.stderr.write("a notice\n")
        sys.stdout.write("a result\n")
        assert said.lost is None
    assert sys.stdout.buffer.getvalue() == b"a result\n"


def test_what_was_said_before_comes_first(monkeypatch):
    out = letters("utf-8")
    monkeypatch.setattr(sys, "stdout", out)
    out.write("before ")
    with streams():
        sys.stdout.write("text ")
        write_document("document ")
        sys.stdout.write("text")
    assert out.buffer.getvalue() == b"before text document text"


def test_a_stream_of_text_alone_is_left_as_it_is(monkeypatch):
    editor = io.StringIO()
    monkeypatch.setattr(sys, "stdout", editor)
    with streams() as said:
        write_document("document")
        assert said.lost is None
        assert sys.stdout is editor
    assert editor.getvalue() == "document"


# what only a process of its own can show

PROGRAM = [sys.executable, "-m", "bayes_lupil.cli"]
SHELL = pytest.mark.skipif(sys.platform == "win32" or not Path("/dev/full").exists(), reason="no /dev/full here")


@SHELL
@pytest.mark.parametrize(
    ("redirection", "found"),
    [
        ("> /dev/full", "no space left on device"),
        (">&-", "a closed stream"),
        ("<&- >&-", "a closed stream"),
        ("| true", "broken pipe"),
    ],
)
def test_a_shell_sees_one_line_and_status_2(redirection, found):
    command = f'"{sys.executable}" -c "import time, bayes_lupil.cli; time.sleep(0.5); bayes_lupil.cli.main()" trials'
    script = f"set -o pipefail; {command} {redirection}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        f"error: standard output: found {found}; required: a stream that takes what a command says. "
        "What went into files is whole."
    ]


@SHELL
@pytest.mark.parametrize("redirection", [">&- 2>&-", "<&- >&- 2>&-", "> /dev/full 2> /dev/full"])
def test_status_2_where_nothing_can_be_said_at_all(redirection):
    script = f'"{sys.executable}" -m bayes_lupil.cli trials {redirection}'
    assert subprocess.run(["bash", "-c", script], capture_output=True).returncode == 2


@SHELL
@pytest.mark.parametrize("redirection", ["2>&-", "2> /dev/full"])
def test_notices_that_cannot_be_told_are_no_failure(folder, redirection):
    (folder / "plain.csv").write_text(UNICODE.replace("Φάρμακο", "placebo"), encoding="utf-8")
    script = f'"{sys.executable}" -m bayes_lupil.cli check plain.csv {redirection}'
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0
    assert "\nok: trial 'plain'" in done.stdout


NARROW = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.mark.proof(*WHOLE)
@pytest.mark.parametrize(
    "surroundings",
    [
        {"MPLBACKEND": "nope"},
        {"MPLBACKEND": "TkAgg"},
        {"PYTHONOPTIMIZE": "1"},
        {"PYTHONOPTIMIZE": "2"},
        NARROW,
        {"PYTHONIOENCODING": "cp1252"},
        {"PYTHONWARNINGS": "error::SyntaxWarning"},
    ],
    ids=lambda items: ", ".join(f"{name} {value}" for name, value in items.items()).replace("::", " "),
)
@pytest.mark.parametrize("name", ["plain", "Zürich 東京"])
def test_odd_surroundings_change_nothing(tmp_path, surroundings, name):
    table = tmp_path / f"{name}.csv"
    table.write_text(UNICODE.replace("Φάρμακο", "placebo"), encoding="utf-8")
    command = ["fit", "itt_pooled", table, "--out", tmp_path / "out", "-q"]
    done = subprocess.run([*PROGRAM, *command], capture_output=True, env=os.environ | surroundings)
    assert (done.returncode, done.stderr) == (0, b"")
    assert (tmp_path / "out" / "summary.csv").is_file()


@pytest.mark.proof(*WHOLE)
@pytest.mark.parametrize("level", ["1", "2"])
def test_a_report_needs_no_asserts_and_says_that_it_needs_docstrings(tmp_path, level):
    table = tmp_path / "plain.csv"
    table.write_text(UNICODE.replace("Φάρμακο", "placebo"), encoding="utf-8")
    model = model_path("itt_pooled")
    command = ["reanalyse", table, "--models", model, "--sites", "--one-engine", "--out", tmp_path / "out", "-q"]
    surroundings = os.environ | {"PYTHONOPTIMIZE": level}
    done = subprocess.run([*PROGRAM, *command], capture_output=True, text=True, env=surroundings)
    if level == "2":  # Altair cannot be imported then
        assert done.returncode == 2
        assert "docstrings" in done.stderr
        assert not (tmp_path / "out").exists()
        return
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "out" / "report.html").is_file()


@pytest.mark.parametrize("options", [["-W", "error"], ["-W", "always"]])
def test_warnings_are_heard_by_who_asks_for_them(options):
    code = "import warnings; from bayes_lupil.cli.streams import quiet_surroundings as q; q(); warnings.warn('heard')"
    done = subprocess.run([sys.executable, *options, "-c", code], capture_output=True, text=True)
    assert "heard" in done.stderr
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr == ""
