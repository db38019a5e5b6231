"""What is said of a trial speaks of that trial: nothing of another, whose reasons do not hold for it."""

from __future__ import annotations

import re

import pytest
from docx import Document

from bayes_lupil import load_trial, reanalyse
from bayes_lupil.report import collect, write_fit, write_reanalysis, write_sites
from bayes_lupil.sites.analysis import analyse_sites
from tests.folders.without_pictures import without_pictures
from tests.proofs import WHOLE

OF_LUPIL2 = re.compile(r"lupus|lupil|bulgaria|interleukin|\bILT|\bSRI\b|\bSRI-|\bSLE\b|SLEDAI|He 2020", re.IGNORECASE)
PACKAGE = re.compile(r"bayes[-_]lupil")
CSV = "site,arm,responders,n\n" + "".join(
    f"S{i},{arm},{3 + i + k},12\n" for i in range(4) for k, arm in enumerate(("usual", "ECMO"))
)


def texts(folder):
    """(file, text) of whatever lies below a folder and can be read, without the package's own name."""
    for path in sorted(folder.rglob("*")):
        if path.suffix in {".md", ".html", ".csv", ".json", ".tex", ".svg"}:
            text = path.read_text(encoding="utf-8")
        elif path.suffix == ".docx":
            document = Document(str(path))
            cells = (cell.text for table in document.tables for row in table.rows for cell in row.cells)
            text = "\n".join([*(paragraph.text for paragraph in document.paragraphs), *cells])
        else:
            continue
        text = re.sub(r"base64,[A-Za-z0-9+/=]+", "", text)
        yield path.relative_to(folder).as_posix(), PACKAGE.sub("", text)


def speaking_of_lupil2(folder):
    hits = [(name, text, OF_LUPIL2.search(text)) for name, text in texts(folder)]
    return [(name, text[max(0, hit.start() - 60) : hit.end() + 60]) for name, text, hit in hits if hit]


@pytest.fixture
def trial(request, tmp_path):
    if request.param.endswith(".csv"):
        (tmp_path / request.param).write_text(CSV)
        return load_trial(tmp_path / request.param, control="usual")
    return load_trial(request.param)


every_trial = pytest.mark.parametrize("trial", ["beitler_landis", "indo_rct", "ecmo.csv"], indirect=True)


@pytest.mark.proof(*WHOLE)
@every_trial
def test_a_report_of_another_trial(trial, fake_engine, tmp_path):
    result = reanalyse(trial)
    write_reanalysis(collect(result), tmp_path / "out")
    names = {name for name, _ in texts(tmp_path / "out")}
    assert {"report.html", "comparison.md", "comparison_table.docx", "site_effects/manifest.json"} <= names
    assert speaking_of_lupil2(tmp_path / "out") == []
    write_fit(result.primary.posterior, tmp_path / "fit")
    assert speaking_of_lupil2(tmp_path / "fit") == []


@pytest.mark.proof(*WHOLE)
def test_the_sites_of_another_trial(tmp_path):
    write_sites(analyse_sites(load_trial("beitler_landis")), tmp_path / "out")
    assert "sites.md" in {name for name, _ in texts(tmp_path / "out")}
    assert speaking_of_lupil2(tmp_path / "out") == []


def test_the_same_of_lupil2_does(lupil2_report, tmp_path, monkeypatch):
    """Or the test above could not fail."""
    without_pictures(monkeypatch)
    write_reanalysis(lupil2_report, tmp_path / "out")
    assert {"report.html", "comparison.md"} <= {name for name, _ in speaking_of_lupil2(tmp_path / "out")}
    assert "lupus trials" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
