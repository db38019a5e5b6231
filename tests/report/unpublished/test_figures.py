"""The figure on unpublished counts: nothing clipped, and every number that of the result."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from bayes_lupil import load_model, load_trial
from bayes_lupil.report.figures import figure_hidden_counts
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
