"""Figures of end points on a page and on a phone: nothing clipped, no words over each other, the same numbers."""

from __future__ import annotations

import itertools
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from bayes_lupil.report.figures import figure_further, figure_hierarchy, figure_tipping
from tests.report.drawn import boxes

WIDTHS = [7.5, 4.0]


def words(figure):
    """Visible words with their boxes in pixels, the synthetic mark aside; and the size of the picture."""
    found, size = boxes(figure)
    return [(t, box) for t, box in found if "SYNTHETIC DATA" not in t.get_text()], size


def assert_readable(figure):
    found, (across, up) = words(figure)
    assert len(found) > 8
    for text, box in found:
        assert text.get_fontsize() >= 8, text.get_text()
        assert min(box.x0, box.y0) >= -1, text.get_text()
        assert box.x1 <= across + 1, text.get_text()
        assert box.y1 <= up + 1, text.get_text()
    for (first, one), (second, other) in itertools.combinations(found, 2):
        wide, high = min(one.x1, other.x1) - max(one.x0, other.x0), min(one.y1, other.y1) - max(one.y0, other.y0)
        assert wide <= 1 or high <= 1, (first.get_text(), second.get_text())
    return " ".join(text.get_text().replace("\n", " ") for text, _ in found)


@pytest.mark.stack
@pytest.mark.parametrize("width", WIDTHS)
def test_the_hierarchy_can_be_read(result, width):
    text = assert_readable(figure_hierarchy(result, width=width))
    for step in result.steps:
        assert f"P(benefit) {step.posterior.p_benefit.probability:.3f} (MCSE" in text
    # by hand, from the draws
    low, middle, high = 100 * np.quantile(result.steps[0].posterior.draws("risk_difference"), [0.025, 0.5, 0.975])
    assert f"{middle:+.1f} points ({low:+.1f} to {high:+.1f})" in text


@pytest.mark.parametrize("width", WIDTHS)
def test_exploratory_end_points_can_be_read(result, width):
    text = assert_readable(figure_further(result, width=width))
    for row in result.further.rows:
        assert f"{row.raw.end_point.label} ({row.group})" in text
    assert ("Under each name" in text) == (width < 5)


@pytest.mark.stack
@pytest.mark.parametrize("width", [6.5, 4.0])
def test_tipping_points_can_be_read(result, width):
    for step in (result.steps[0], result.steps[2]):
        assert "P(benefit)" in assert_readable(figure_tipping(step, result, width=width))


@pytest.mark.parametrize("width", WIDTHS)
def test_bars_are_the_intervals(result, width):
    axes = figure_hierarchy(result, width=width).axes[0]
    for y, step in enumerate(reversed(result.steps)):
        scale = step.derived.end_point.sign / step.model.decision.relevant
        known = sorted(scale * np.quantile(step.posterior.draws(step.posterior.effect), [0.025, 0.975]))
        bars = [sorted(line.get_xdata()) for line in axes.lines if np.allclose(line.get_ydata(), [y + 0.16] * 2)]
        assert any(len(bar) == 2 and np.allclose(bar, known, rtol=1e-6) for bar in bars)


@pytest.mark.parametrize("width", WIDTHS)
def test_steps_and_rows_without_result_say_so(result, width):
    failed = replace(result, steps=(replace(result.steps[0], posterior=None), *result.steps[1:]))
    assert "no result: diagnostics failed" in assert_readable(figure_hierarchy(failed, width=width))
    first, *others = result.further.rows
    gone = replace(first, shrunken=None, raw=replace(first.raw, note="nobody of either arm has a value"))
    lost = SimpleNamespace(
        further=replace(result.further, rows=(gone, *others)), arms=result.arms, synthetic=result.synthetic
    )
    assert "no estimate: nobody of either arm" in assert_readable(figure_further(lost, width=width))
