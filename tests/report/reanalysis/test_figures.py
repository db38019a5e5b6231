"""Figures: made where the data support them, with nothing clipped and the synthetic mark on made-up data."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb

from bayes_lupil import Cells, Trial, load_model, load_trial, reanalyse
from bayes_lupil.report.figures import figure_benefit_curve, figure_risk_difference, figure_shrinkage, figures_of
from bayes_lupil.report.media.plot_style import HARM, RELEVANT, TRIVIAL, svg_text
from bayes_lupil.trials import Arms, EndPoint
from tests.report.drawn import undrawn


def texts_outside(figure):
    """Visible texts that reach beyond the edge of the picture, by more than a pixel."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    width, height = canvas.get_width_height()
    left_out = undrawn(figure)
    outside = []
    for text in figure.findobj(match=lambda item: hasattr(item, "get_text") and item.get_visible()):
        if text in left_out or not text.get_text().strip():
            continue
        box = text.get_window_extent(renderer)
        if box.x0 < -1 or box.y0 < -1 or box.x1 > width + 1 or box.y1 > height + 1:
            outside.append(text.get_text())
    return outside


@pytest.mark.stack
@pytest.mark.parametrize(
    ("trial", "names"),
    [
        ("lupil2", ["risk_difference", "benefit_curve", "baseline_risk", "intervals"]),
        ("beitler_landis", ["risk_difference", "benefit_curve", "baseline_risk", "site_shrinkage", "intervals"]),
        ("indo_rct", ["risk_difference", "benefit_curve", "baseline_risk", "site_shrinkage", "intervals"]),
    ],
)
@pytest.mark.parametrize("width", [None, 4.0])
def test_each_trial_gets_its_figures_with_nothing_clipped(reanalysed, trial, names, width):
    made = dict(figures_of(reanalysed(trial), width=width))
    assert set(made) - {"prior_predictive", "prior_posterior", "ranks"} == set(names)
    assert {"prior_predictive", "prior_posterior"} < set(made)
    for name, figure in made.items():
        assert texts_outside(figure) == [], name


def test_the_shown_probabilities_are_those_of_the_table(reanalysed):
    result = reanalysed("lupil2", "pp_pooled")
    figure = dict(figures_of(result))["risk_difference"]
    post = result.fitted[0].posterior
    shown = [text.get_text() for text in figure.findobj(match=lambda item: hasattr(item, "get_text"))]
    for row in post.ladder:
        if row.kind != "benefit" or row.threshold == 0:
            assert f"{100 * row.probability:.0f} %" in shown


def test_on_a_phone_no_number_is_lost(reanalysed):
    """What stands beside the rows of a wide figure stands in the labels of a narrow one."""
    result = reanalysed("beitler_landis", "itt_pooled")
    wide, narrow = (dict(figures_of(result, width=width)) for width in (None, 4.0))
    post = result.fitted[0].posterior
    for name, needed in (
        ("risk_difference", [f"{100 * line.probability:.0f} %" for line in post.chances.values()]),
        ("intervals", [text.get_text() for text in wide["intervals"].axes[1].texts]),
    ):
        figure = narrow[name]
        assert figure.get_figwidth() == 4
        words = " ".join(text.get_text() for text in figure.axes[0].texts)
        assert len(needed) >= 4
        assert [number for number in needed if number not in words] == [], name


@pytest.mark.parametrize("width", [None, 4.0])
def test_synthetic_data_carry_the_mark_which_covers_no_other_words(fake_engine, width):
    trial = dataclasses.replace(load_trial("beitler_landis"), synthetic=True)
    for name, figure in figures_of(reanalyse(trial, [load_model("site_fixed")]), width=width):
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        mark = next(text for text in figure.texts if text.get_text().startswith("SYNTHETIC DATA:"))
        top = mark.get_window_extent(canvas.get_renderer()).y1
        legends = [item.get_window_extent(canvas.get_renderer()) for item in figure.legends]
        below = figure.findobj(match=lambda item: hasattr(item, "get_text") and item.get_visible())
        footnote = figure._supxlabel  # its last line is empty, and the mark stands there
        assert footnote is None or footnote.get_text().endswith("\n"), name
        boxes = [
            text.get_window_extent(canvas.get_renderer())
            for text in below
            if text.get_text().strip() and "SYNTHETIC" not in text.get_text() and text is not footnote
        ]
        assert min(box.y0 for box in boxes + legends) > top - 1, name


def test_regions_are_told_apart_in_grey():
    luma = sorted(
        0.299 * red + 0.587 * green + 0.114 * blue
        for red, green, blue in (np.array(to_rgb(colour)) for colour in (HARM, TRIVIAL, RELEVANT))
    )
    assert np.diff(luma).min() > 0.08


@pytest.mark.stack
def test_the_same_figure_has_the_same_bytes_and_its_text_stays_text(resampled):
    posterior = resampled(load_model("itt_pooled"), load_trial("lupil2"))
    first, second = (svg_text(figure_risk_difference([posterior], width=4.0)) for _ in range(2))
    assert first == second
    assert first.startswith("<svg")
    assert "percentage points" in first
    assert "<use" in first  # marks of the axes, and no letters
    assert "DejaVuSans-" not in first
    assert "<!DOCTYPE" not in first
    assert "dc:date" not in first


def test_where_benefit_is_a_reduction_harm_is_on_the_right(reanalysed):
    figure = dict(figures_of(reanalysed("indo_rct", "itt_pooled")))["risk_difference"]
    place = {text.get_text(): text.get_position()[0] for text in figure.axes[0].texts}
    assert place["relevant benefit"] < place["trivial"] < place["harm"]


def test_failed_fits_have_no_curve_but_a_line_that_says_so(fake_engine):
    fake_engine.diverge = True
    made = dict(figures_of(reanalyse("he2020", [load_model("itt_pooled")])))
    assert list(made) == ["intervals"]
    labels = [" ".join(text.get_text().split()) for text in made["intervals"].axes[0].get_yticklabels()]
    assert any("diagnostics failed" in label for label in labels)


def test_a_failed_fit_is_never_drawn(fake_engine):
    fake_engine.diverge = True
    post = reanalyse("he2020", [load_model("itt_pooled")]).fitted[0].posterior
    for draw in (figure_risk_difference, figure_benefit_curve):
        with pytest.raises(ValueError, match="no probabilities to show"):
            draw([post])


def test_long_and_odd_names_do_not_break_a_figure(fake_engine):
    sites = ("x" * 300, "<script>alert(1)</script>", "$\\frac{1}{2}$", "_a_ ^b^ \u202etfel")
    cells = Cells(sites, np.array([[1, 2]] * 4), np.array([[5, 5]] * 4))
    trial = Trial.from_cells(cells, Arms("a" * 60, "$b$"), EndPoint("y", "y" * 120))
    for name, figure in figures_of(reanalyse(trial, [load_model("site_fixed")])):
        assert not [text for text in texts_outside(figure) if "script" in text], name


def test_shrinkage_needs_known_sites(resampled):
    with pytest.raises(ValueError, match="no site effects"):
        figure_shrinkage(resampled(load_model("itt_pooled"), load_trial("lupil2")))
