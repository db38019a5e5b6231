"""The trial without its excluded sites: what the model holds of a difference that was never published."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bayes_lupil.numbers import percent, points, points_interval
from bayes_lupil.report.direction import benefit_side
from bayes_lupil.report.media.plot_style import COLOURS, new_figure, styled, wrap
from bayes_lupil.report.unpublished.sentences import excluded_sites_words, subset_difference, would_have_given
from bayes_lupil.trials.margins import Margins
from bayes_lupil.unpublished.analysis import UnpublishedAnalysis

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["figure_without_excluded", "without_excluded_words"]

_BIN = 2.0  # percentage points


@styled
def figure_without_excluded(result: UnpublishedAnalysis, width: float = 7.5) -> Figure:
    """Posterior of the raw risk difference without the excluded sites, beside what was published.

    Parameters
    ----------
    result : UnpublishedAnalysis
    width : float
        In inches; 4 is a phone.

    Notes
    -----
    Every table that fits the publication has a difference without the excluded sites; bars add up the posterior
    probability of those in 2 points, in per cent.
    """
    values, weights = _weighted(result)
    everyone, subset = observed(result)
    low = _BIN * np.floor(min(values[weights > 1e-4].min(), 0.0, everyone, subset) / _BIN) - _BIN
    high = _BIN * np.ceil(max(values[weights > 1e-4].max(), 0.0, everyone, subset) / _BIN) + _BIN
    heights, edges = np.histogram(values, np.arange(low, high + _BIN / 2, _BIN), weights=100 * weights)
    figure, axes, _ = new_figure(width, 3.4 if width > 5 else 3.9, result.trial.synthetic)
    axes.bar(edges[:-1], heights, _BIN * 0.94, align="edge", color=COLOURS[0], alpha=0.75)
    axes.axvline(0, color="black", lw=0.8)
    if (first := _first_significant(result)) is not None:
        ends = sorted((first, high if first > 0 else low))
        axes.axvspan(*ends, color="#E8E8E8", lw=0, zorder=0, gid="significant")
    top = 1.3 * heights.max()
    lower = 0.98 if abs(subset - everyone) > 2.8 / width * (high - low) else 0.9
    labels = (
        (everyone, f"all patients {points(everyone / 100)}", 0.98),
        (subset, f"{_label(result)} {points(subset / 100)}", lower),
    )
    for at, words, height in labels:
        axes.axvline(at, color=COLOURS[1], lw=1.4, ls=(0, (5, 1.5)))
        right = at > (low + high) / 2
        axes.annotate(
            words, (at, height * top), (-5 if right else 5, 0), textcoords="offset points", color="#A34700", va="top",
            ha="right" if right else "left", fontsize=9,
        )  # fmt: skip
    axes.set_ylim(0, top)
    axes.set_xlim(low, high)
    axes.set_ylabel("probability, %")
    arms = result.trial.arms
    axes.set_xlabel(
        wrap(
            f"Observed difference without {excluded_sites_words(result)}, {arms.active} minus {arms.control} "
            f"(percentage points; {benefit_side(result.trial.end_point)})",
            int(11 * width),
        )
    )
    figure.suptitle(wrap(would_have_given(result), int(8.5 * width)), fontsize=11, x=0.01, ha="left")
    return figure


def _first_significant(result: UnpublishedAnalysis) -> float | None:
    """The difference nearest to 0, in points, at which a table gives a benefit with p < 0.05; None where none does."""
    bounds, sign = result.hidden.bounds, result.trial.end_point.sign
    differences = bounds.risk_difference[bounds.benefit]
    return 100 * sign * float((sign * differences).min()) if differences.size else None


def observed(result: UnpublishedAnalysis) -> tuple[float, float]:
    """The raw differences of all patients and of the published subset, in points."""
    assert isinstance(result.trial.data, Margins)
    (r0, n0), (r1, n1) = result.trial.data.totals
    return 100 * (r1 / n1 - r0 / n0), 100 * subset_difference(result)


def _label(result: UnpublishedAnalysis) -> str:
    assert isinstance(result.trial.data, Margins)
    return result.trial.populations[result.trial.data.subset].label


def _weighted(result: UnpublishedAnalysis) -> tuple[np.ndarray, np.ndarray]:
    """The difference of every table, in points, and the posterior probability of the table."""
    values = np.round(100 * result.hidden.bounds.risk_difference.ravel(), 9)  # an edge is no matter of rounding
    weights = result.hidden.full.table("probability").ravel()
    known = np.isfinite(values)
    return values[known], weights[known]


def without_excluded_words(result: UnpublishedAnalysis) -> str:
    """Of the distribution, for those who cannot see it."""
    tables, (everyone, subset) = result.hidden.tables, observed(result)
    low, high = tables.raw_risk_difference_interval
    return (
        f"{would_have_given(result)}: probability {percent(tables.p_significant_benefit)}. Distribution of the "
        f"observed difference without these sites, in percentage points: mean {points(tables.raw_risk_difference)}, "
        f"{points_interval(low, high)} is 95 % probable. Marked: {points(everyone / 100)} of all patients and "
        f"{points(subset / 100)} {_label(result)}."
    )
