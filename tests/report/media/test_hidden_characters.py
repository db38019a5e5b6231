"""Figures and files: whatever names hold, SVG is well formed, and nothing in it is hidden."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from bayes_lupil import Arms, Cells, EndPoint, Trial, load_model, reanalyse
from bayes_lupil.characters import visible
from bayes_lupil.report import write_fit
from bayes_lupil.report.figures import figure_shrinkage, figures_of
from bayes_lupil.report.media.plot_style import new_figure, save_figure, styled, svg_text
from bayes_lupil.report.reanalysis.figures.effects import figure_benefit_curve, figure_risk_difference
from bayes_lupil.report.reanalysis.figures.priors import figure_prior_predictive

MARKS = ("\u202e", "\u200b", "\u2066", "\ufeff", "\u00ad", "\U000e0041")


@pytest.fixture(scope="module", params=[MARKS[:3], MARKS[3:]], ids=["first three", "others"])
def post(request, resampled):
    mark = "".join(request.param)
    cells = Cells((f"A{mark}", f"{mark}B", "C"), np.array([[1, 2], [2, 3], [3, 4]]), np.array([[5, 6]] * 3))
    point = EndPoint(f"y{mark}", f"Y{mark}")
    trial = Trial.from_cells(cells, Arms(f"c{mark}", f"a{mark}"), point, f"t{mark}", f"T{mark}", synthetic=True)
    return mark, resampled(load_model("site_effects"), trial)


def test_names_in_figures_are_visible_in_every_format(post, tmp_path):
    mark, fit = post
    shown = 0
    for draw in (figure_prior_predictive, figure_shrinkage):
        figure = draw(fit)
        save_figure(figure, tmp_path, "figure")
        texts = (tmp_path / "figure.svg").read_text(encoding="utf-8"), svg_text(figure)
        for text in texts:
            ElementTree.fromstring(text)
            assert visible(text) == text
        shown += all(f"[U+{ord(sign):04X}]" in texts[0] for sign in mark)
    for draw in (figure_risk_difference, figure_benefit_curve):
        for text in draw([fit]).findobj(Text):
            assert visible(text.get_text()) == text.get_text()
    assert shown == 2


def test_files_of_a_fit_hide_nothing_and_say_the_same(post, tmp_path):
    mark, fit = post
    write_fit(fit, tmp_path)
    for path in tmp_path.iterdir():
        if path.suffix in (".csv", ".json"):
            text = path.read_text(encoding="utf-8")
            assert visible(text) == text, path
    assert json.loads((tmp_path / "manifest.json").read_text(encoding="utf-8"))["arms"] == {
        "control": f"c{mark}", "active": f"a{mark}",
    }  # fmt: skip


HIDDEN = "a\x1b[2J\u202e\x0b\x00\ud800\uffff"


@styled
def _drawn(place: str) -> Figure:
    figure, axes, _ = new_figure(14, 9, synthetic=False)
    axes.plot([0, 1], [0, 1], label=HIDDEN if place == "legend" else "line")
    if place == "text":
        axes.text(0.5, 0.5, HIDDEN)
    elif place == "title":
        axes.set_title(HIDDEN)
    elif place == "figure":
        figure.suptitle(HIDDEN)
    elif place == "axis":
        axes.set_xlabel(HIDDEN)
    elif place == "ticks":
        axes.set_yticks([0, 1], [HIDDEN, "b"])
    elif place == "labels of given ticks":
        axes.set_xticks([0, 1])
        axes.set_xticklabels([HIDDEN, "b"])
    elif place == "annotation":
        axes.annotate(HIDDEN, (0.5, 0.5))
    elif place == "second axis":
        axes.twinx().set_yticks([0, 1], [HIDDEN, "b"])
    elif place == "legend":
        axes.legend(title=HIDDEN)
    return figure


@pytest.mark.parametrize(
    "place",
    ["text", "title", "figure", "axis", "ticks", "labels of given ticks", "annotation", "second axis", "legend"],
)
def test_text_is_visible_wherever_it_stands_in_a_figure(tmp_path, place):
    figure = _drawn(place)
    save_figure(figure, tmp_path, "figure")
    for text in ((tmp_path / "figure.svg").read_text(encoding="utf-8"), svg_text(figure)):
        ElementTree.fromstring(text)
        assert visible(text) == text
    assert "[U+001B][2J[U+202E][U+000B][U+0000][U+D800][U+FFFF]" in (tmp_path / "figure.svg").read_text(
        encoding="utf-8"
    )


def test_a_whole_reanalysis_of_such_names(fake_engine):
    cells = Cells(("A\u202e", "B\u200b"), np.array([[1, 2], [2, 3]]), np.array([[5, 6]] * 2))
    trial = Trial.from_cells(cells, Arms("c\u202e", "a"), EndPoint("y", "Y\u2066"), title="T\u202e")
    drawn = 0
    for name, figure in figures_of(reanalyse(trial, [load_model("site_effects"), load_model("itt_pooled")])):
        text = svg_text(figure)
        ElementTree.fromstring(text)
        assert visible(text) == text, name
        drawn += 1
    assert drawn > 4
