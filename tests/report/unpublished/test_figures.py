"""The figure and the words on unpublished counts: nothing clipped, and every number that of the result."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from bayes_lupil import load_model, load_trial
from bayes_lupil.numbers import probability
from bayes_lupil.report.figures import figure_hidden_counts
from bayes_lupil.report.unpublished.sentences import sentences
from bayes_lupil.unpublished.counts import unpublished_counts


@pytest.fixture(scope="module")
def hidden(resampled):
    """LUPIL-2 with few draws and no refits, so that some values are left without a P(benefit)."""
    trial = load_trial("lupil2")
    return unpublished_counts(resampled(load_model("site_effects"), trial), most_refits=0)


def _texts(figure):
    return [text for text in figure.findobj(Text) if text.get_text().strip()]


@pytest.mark.parametrize("width", [12.0, 8.0, 4.0])
@pytest.mark.parametrize("synthetic", [False, True])
def test_nothing_is_clipped_no_words_meet_and_none_is_small(hidden, width, synthetic):
    posterior = hidden.posterior
    marked = replace(posterior, provenance=replace(posterior.provenance, synthetic=synthetic))
    figure = figure_hidden_counts(replace(hidden, posterior=marked), width=width)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    across, up = canvas.get_width_height()
    hidden_ticks = {
        label for axes in figure.axes[:2] for tick in axes.xaxis.get_major_ticks() for label in (tick.label1,)
    }
    undrawn = {
        tick.label1
        for axes in figure.axes
        for tick in axes.yaxis.get_major_ticks()
        if not min(axes.get_ylim()) <= tick.get_loc() <= max(axes.get_ylim())
    }
    # the large mark may cross words, and the small one stands on the line left free for it
    shown = [
        (text, text.get_window_extent(renderer))
        for text in _texts(figure)
        if text.get_visible() and text not in hidden_ticks | undrawn and "SYNTHETIC DATA" not in text.get_text()
    ]
    assert len(shown) > 200
    for text, box in shown:
        assert text.get_fontsize() >= 8, text.get_text()
        assert box.x0 >= -1, text.get_text()
        assert box.x1 <= across + 1, text.get_text()
        assert box.y0 >= -1, text.get_text()
        assert box.y1 <= up + 1, text.get_text()
    for (first, one), (second, other) in itertools.combinations(shown, 2):
        wide, high = min(one.x1, other.x1) - max(one.x0, other.x0), min(one.y1, other.y1) - max(one.y0, other.y0)
        assert wide <= 1 or high <= 1, (first.get_text(), second.get_text())


@pytest.mark.parametrize("width", [8.0, 4.0])
def test_the_map_shows_the_numbers_of_the_table(hidden, width):
    figure = figure_hidden_counts(hidden, width=width)
    surface = hidden.surfaces["control_responders", "active_responders"]
    shown = {tuple(text.get_position()): text.get_text() for text in figure.axes[3].texts}
    assert len(shown) == len(surface.rows) == 14 * 15
    for row in surface.rows:
        assert shown[row.counts] == (f"{100 * row.p_benefit:.0f}" if row.computed else "·")
    assert not all(row.computed for row in surface.rows)


def test_numbers_in_the_sentences_are_those_of_the_result(hidden):
    support, unsettled, settle = sentences(hidden)
    assert all(text.endswith(".") and text.count(". ") == 0 for text in (support, unsettled, settle))
    digits = re.search(r"P\(benefit\) is ([\d.]+) \(MCSE ([\d.]+)\)", support)
    assert digits
    assert float(digits[1]) == pytest.approx(hidden.p_benefit, abs=0.5 * 10 ** -len(digits[1].split(".")[1]) + 1e-9)
    assert float(digits[2]) == pytest.approx(hidden.p_benefit_mcse, rel=0.5)
    assert "2,730 tables" in unsettled
    assert "from -1.6 to +47.8 points" in unsettled
    low, high = hidden.tables.raw_risk_difference_interval
    assert f"{100 * low:+.1f} to {100 * high:+.1f} for 95 % probable (posterior)" in unsettled
    every = hidden.values[-1]
    assert probability(every.ordinary_lowest, every.ordinary_lowest_mcse) in settle
    assert "over all randomised patients" in settle
    single = [item for item in hidden.values if len(item.names) == 1]
    most = max(single, key=lambda item: item.expected_change)
    assert f"the number of {most.labels[0]}" in settle
    assert probability(most.lowest, most.lowest_mcse) in settle
    assert f"{most.expected_change:.3f}" in settle


@pytest.mark.parametrize(
    ("p", "word"),
    [(0.99, "support a benefit"), (0.8, "more probable than not without"), (0.3, "less probable than not"),
     (0.01, "speak against")],
)  # fmt: skip
def test_what_is_supported_follows_the_probability(hidden, p, word):
    assert word in sentences(replace(hidden, p_benefit=p))[0]


@pytest.mark.parametrize(
    ("p", "word"), [(0.0, "No single unpublished"), (0.2, "might settle"), (0.9, "probably settle")]
)
def test_which_count_settles_it_follows_the_probability(hidden, p, word):
    values = tuple(replace(item, p_above=p, p_below=0.0) for item in hidden.values)
    assert word in sentences(replace(hidden, values=values))[2]


def test_the_direction_of_benefit_is_in_words(hidden):
    posterior = hidden.posterior
    lower = replace(posterior.provenance.end_point, benefit="lower")
    turned = replace(hidden, posterior=replace(posterior, provenance=replace(posterior.provenance, end_point=lower)))
    assert "above 0 is benefit" in sentences(hidden)[0]
    assert "below 0 is benefit" in sentences(turned)[0]


def test_synthetic_data_carry_the_mark(hidden):
    posterior = hidden.posterior
    made_up = replace(posterior, provenance=replace(posterior.provenance, synthetic=True))
    figure = figure_hidden_counts(replace(hidden, posterior=made_up))
    assert any("SYNTHETIC" in text.get_text() for text in figure.texts)


def test_a_trial_with_one_hidden_count_has_no_map(resampled):
    trial = load_trial("lupil2")
    known = replace(trial, data=replace(trial.data, at_excluded=((1, 1, 3), (1, 0, 1))))
    one = unpublished_counts(resampled(load_model("site_effects"), known), most_refits=0)
    figure = figure_hidden_counts(one)
    assert len(figure.axes) == 3
    assert np.isclose(sum(row.probability for row in one.full.rows), 1)
    assert "counts together" not in sentences(one)[2]
