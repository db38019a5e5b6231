"""Notebooks run from top to bottom, use public names only, and were committed with the outputs of a clean run."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest

import bayes_lupil
from tests.proofs import WHOLE

FOLDER = Path(__file__).parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_committed_with_outputs_and_public_names(path):
    book = nbformat.read(path, as_version=4)
    code = [cell for cell in book.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1)), "run 'make notebooks'"
    for cell in code:
        for output in cell.outputs:
            assert output.output_type != "error"
            assert output.get("name") != "stderr", output.get("text")
        assert not re.search(r"from bayes_lupil\.|import bayes_lupil\.", cell.source)
        for name in re.findall(r"\bbl\.(\w+)", cell.source):
            assert name in bayes_lupil.__all__


def marks_of(path):
    """One is run each time, and by another Python; the others where something behind them has changed."""
    first = path.stem.startswith("01")
    return [pytest.mark.slow, pytest.mark.stack] if first else [pytest.mark.proof(*WHOLE, "notebooks")]


@pytest.mark.parametrize("path", [pytest.param(path, marks=marks_of(path), id=path.stem) for path in NOTEBOOKS])
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:Proactor event loop", "ignore::ResourceWarning")
def test_runs(path):
    from nbclient import NotebookClient

    book = nbformat.read(path, as_version=4)
    NotebookClient(book, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(FOLDER)}}).execute()
