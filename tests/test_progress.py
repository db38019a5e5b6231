"""Progress is shown where somebody looks on, says what is left, and leaves nothing behind."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys

import nbformat
import pytest

import bayes_lupil as bl
from bayes_lupil import progress
from bayes_lupil.progress import counting, is_shown, silent
from tests.proofs import WHOLE


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(("asked", "terminal", "shown"), [
    (None, True, True), (None, False, False), (True, False, True), (False, True, False),
])  # fmt: skip
def test_shown_on_a_terminal_unless_asked_otherwise(monkeypatch, asked, terminal, shown):
    monkeypatch.setattr(sys, "stderr", Terminal() if terminal else io.StringIO())
    assert is_shown(asked) is shown


def test_nothing_is_shown_without_standard_error(monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    assert is_shown(None) is False


def test_within_a_call_that_counts_nothing_else_is_shown(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    with counting(True, 2):
        assert not is_shown(None)
        assert is_shown(True)
    assert is_shown(None)
    with counting(False, 2):
        assert not is_shown(None)
    with counting(None, 2, announced=True):
        assert is_shown(None)
    with pytest.raises(ValueError, match="x"), silent():
        raise ValueError("x")
    assert is_shown(None)


def test_pieces_are_counted_and_the_rest_estimated(monkeypatch):
    seconds = iter([0.0, 0.0, 10.0, 20.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(seconds))
    told = []

    class Cell:
        def update(self, html):
            told.append(html.data)

    ipython = pytest.importorskip("IPython.display")
    monkeypatch.setattr(ipython, "display", lambda *_, **__: Cell())
    with progress._in_cell(3) as step:
        for name in ("a", "<b>", "c"):
            step(name)
    assert told == ["1 of 3: a", "2 of 3: &lt;b&gt; (about 20 s left)", "3 of 3: c (about 10 s left)", ""]


def on_a_terminal(code):
    """What a program leaves of standard error on a terminal, and its standard output."""
    try:
        here, there = pty.openpty()
    except OSError as problem:
        pytest.skip(f"no terminal to be had: {problem}")
    with subprocess.Popen([sys.executable, "-W", "ignore", "-c", code], stderr=there, stdout=subprocess.PIPE,
                          env=os.environ | {"TERM": "xterm", "COLUMNS": "100"}) as running:  # fmt: skip
        os.close(there)
        parts = []
        while True:
            try:
                part = os.read(here, 65536)
            except OSError:  # Linux: the other end is closed
                break
            if not part:
                break
            parts.append(part)
        out = running.stdout.read().decode()
    os.close(here)
    assert running.returncode == 0
    return b"".join(parts).decode(), out


@pytest.mark.proof(*WHOLE)
def test_a_reanalysis_is_counted_on_a_terminal():
    code = "import bayes_lupil as bl; print(len(bl.reanalyse('beitler_landis', MODELS, {}).fitted))"
    code = code.replace("MODELS", "['itt_pooled', 'site_effects']")
    told, out = on_a_terminal(code.format("check_engines=False"))
    assert out == "2\n"
    assert "model itt_pooled" in told
    assert "model site_effects" in told
    assert "1/2" in told
    silenced, _ = on_a_terminal(code.format("check_engines=False, progress=False"))
    assert silenced == ""


def test_nothing_is_shown_in_a_script(capfd):
    bl.reanalyse("beitler_landis", ["itt_pooled"], check_engines=False)
    assert capfd.readouterr() == ("", "")


CELLS = [
    "import bayes_lupil as bl",
    "bl.reanalyse('beitler_landis', ['itt_pooled', 'site_effects'], check_engines=False);",
    "bl.fit('itt_pooled', 'beitler_landis');",
    "bl.fit(bl.model('itt_pooled', engine='nuts', draws=200, chains=2), 'beitler_landis');",
]


@pytest.mark.proof(*WHOLE)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:Proactor event loop", "ignore::ResourceWarning")
def test_in_a_notebook_no_warning_and_nothing_readable_stays():
    from nbclient import NotebookClient

    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    NotebookClient(book, timeout=300, kernel_name="python3").execute()
    counted, quick, chains = (cell.outputs for cell in book.cells[1:])
    assert [output["data"]["text/html"] for output in counted] == [""]
    assert quick == []
    assert any("Estimated Time" in output["data"].get("text/html", "") for output in chains)
    assert not any(output.output_type == "stream" for cell in book.cells for output in cell.outputs)
