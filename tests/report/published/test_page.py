"""The page of a published result: every medium holds the same numbers; pictures are of what they say."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

import bayes_lupil as bl
from bayes_lupil.published.analysis import chance_words
from bayes_lupil.published.priors import EffectPrior
from bayes_lupil.report.published.figures import (
    figure_prior_grid,
    figure_threshold_curve,
    figure_triplot,
    thresholds_of,
)
from bayes_lupil.report.published.forest import figure_forest, forest_page
from bayes_lupil.report.published.page import BENEFIT_FILES, benefit_page, benefit_summary, write_benefit
from bayes_lupil.report.published.prior_map import figure_prior_map, map_frame
from bayes_lupil.report.published.sentences import absolute_words, headline, limit_words, reported_words, tipping_words
from tests.folders.without_pictures import without_pictures
from tests.report.drawn import boxes

CASES = {
    "counts": lambda: bl.benefit("44/125", "62/124", benefit="lower", beyond=0.9),
    "points": lambda: bl.benefit("34/50", "29/50", benefit="higher", measure="rd", beyond=0.1),
    "hazards": lambda: bl.benefit(
        bl.from_estimate(hr="0.76", ci=("0.55", "1.04")), prior="sceptical", control_risk=0.3
    ),
    "means": lambda: bl.benefit(bl.from_estimate(md=-2.5, se=1.1, benefit="lower")),
    "nobody": lambda: bl.benefit("0/20", "5/20", benefit="lower"),
}


@pytest.fixture(scope="module", params=list(CASES))
def found(request):
    return CASES[request.param]()


def test_files_hold_the_same_numbers(found, tmp_path, request, monkeypatch):
    if request.node.callspec.params["found"] != "counts":  # pictures of one are enough
        without_pictures(monkeypatch)
    folder = write_benefit(found, tmp_path / "out")
    assert {path.name for path in folder.iterdir()} - {"manifest.json"} == set(BENEFIT_FILES)
    table = pd.read_csv(folder / "benefit.csv")
    assert np.allclose(table["p_benefit"], [item.p_benefit for item in found.answers], atol=1e-6)
    assert json.loads((folder / "benefit.json").read_text())["lead"] == found.lead.prior.name
    thresholds = pd.read_csv(folder / "thresholds.csv")
    first = thresholds[thresholds["prior"] == found.lead.prior.name].iloc[0]
    assert first["probability"] == pytest.approx(found.lead.p_benefit, abs=1e-6)
    for name in ("benefit.md", "benefit.html"):
        text = (folder / name).read_text(encoding="utf-8")
        for item in found.answers:
            assert item.prior.name in text
            assert chance_words(item.p_benefit).lstrip("<> ") in text


def test_sentences_have_no_gap(found):
    lines = [*headline(found), reported_words(found), absolute_words(found), limit_words(found), tipping_words(found)]
    for line in lines:
        for wrong in ("nan", "None", "inf ", "  ", "-0.0 "):
            assert wrong not in line, line
    assert found.events[0].statement in lines[0]
    assert "MCSE" not in " ".join(lines)


def test_no_table_is_without_a_main_number(found, capsys):
    from rich.console import Console

    from bayes_lupil.report.media.terminal import show

    for width in (60, 80, 120):
        out = Console(width=width, force_terminal=False)
        show(benefit_summary(found), out)
        text = capsys.readouterr().out
        # the last column's heading, whole or folded, and every row's last cell
        assert ("worth" if found.patients else "weight")[:4] in text
        assert max(map(len, text.splitlines())) <= width


def test_warnings_stand_first(found):
    page = benefit_page(found)
    assert page.warnings == found.notes
    if found.notes:
        assert found.notes[0] in page.marks[0]


def test_the_triplot_is_of_its_densities(found):
    figure = figure_triplot(found)
    lines = {
        line.get_gid(): line for line in figure.axes[0].lines if line.get_gid() in ("posterior", "likelihood", "prior")
    }
    for line in lines.values():
        x, y = line.get_data()
        assert np.trapezoid(y, x) == pytest.approx(1.0, abs=0.06)  # prior and likelihood may run out of the picture
    x, y = lines["posterior"].get_data()
    good = x * found.sign > 0
    assert np.trapezoid(np.where(good, y, 0.0), x) == pytest.approx(
        found.likelihood.under(found.lead.prior).below(0.0) if found.sign < 0
        else 1 - found.likelihood.under(found.lead.prior).below(0.0), abs=0.01,
    )  # fmt: skip


def test_the_grid_has_its_numbers(found):
    figure = figure_prior_grid(found)
    texts = [text.get_text() for text in figure.axes[0].texts]
    wanted = [chance_words(found.better_than(item, value)) for item in found.answers for value in thresholds_of(found)]
    assert texts == wanted


def test_curves_are_of_their_probabilities(found):
    figure = figure_threshold_curve(found)
    line = next(line for line in figure.axes[0].lines if line.get_label() == found.lead.prior.name)
    x, y = line.get_data()
    at = len(x) // 3
    assert y[at] == pytest.approx(100 * found.better_than(found.lead, found.measure.printed(x[at])), abs=1e-6)
    assert (np.diff(y) * found.sign <= 1e-9).all()


@pytest.mark.parametrize("width", [4.0, 7.5])
@pytest.mark.parametrize("draw", [figure_triplot, figure_threshold_curve, figure_prior_grid, figure_prior_map])
def test_nothing_is_clipped(found, draw, width):
    words, (across, down) = boxes(draw(found, width=width))
    for text, box in words:
        inside = box.x0 >= -1 and box.x1 <= across + 1 and box.y0 >= -1 and box.y1 <= down + 1
        assert inside, text.get_text()


def test_a_forest_of_many():
    results = [CASES[name]() for name in ("counts", "hazards", "means")]
    page = forest_page(results)
    assert len(page.blocks[0].rows) == 3
    same = [CASES["counts"](), bl.benefit("30/125", "62/124", benefit="lower")]
    figure = figure_forest(same)
    squares = [line for line in figure.axes[0].lines if line.get_marker() == "s"]
    assert len(squares) == 2
    assert sorted(line.get_xdata()[0] for line in squares) == pytest.approx(
        sorted(np.log(next(a.median for a in item.answers if a.prior.is_flat)) for item in same)
    )


def test_a_reanalysis_of_an_estimate_has_its_report(tmp_path, monkeypatch):
    without_pictures(monkeypatch)
    trial = bl.from_estimate(hr="0.76", ci=("0.55", "1.04"), benefit="lower", name="mine")
    result = bl.reanalyse(trial, check_engines=False)
    assert [item.model.name for item in result.fitted] == ["itt_pooled", "itt_pooled_primary_priors"]
    assert result.hierarchy[0].gate.p == pytest.approx(0.0913, abs=1e-4)
    folder = bl.write_reanalysis(result, tmp_path / "out")
    text = (folder / "report.html").read_text(encoding="utf-8")
    assert "What the models make of it" in text
    assert (folder / "itt_pooled" / "posterior.nc").is_file()


def test_the_map_is_of_refits(found):
    """Points of it against the answer under that very prior."""
    frame = map_frame(found)
    assert frame["threshold"].nunique() == (1 if found.likelihood.measure != found.measure else 2)
    kind = found.likelihood.measure
    for row in frame.dropna().sample(6, random_state=1).itertuples():
        posterior = found.likelihood.under(EffectPrior("x", row.mean, row.sd, "", kind.key))
        below = posterior.below(kind.scaled(row.threshold))
        assert row.probability == pytest.approx(below if found.sign < 0 else 1 - below, abs=1e-9)
