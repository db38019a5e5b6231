"""Figures of a hierarchy of end points: effects side by side, tipping points, exploratory end points."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_lupil.endpoints.analysis import EndPointAnalysis, Step
from bayes_lupil.endpoints.counterpart import Counterpart
from bayes_lupil.frequentist.ancova import Ancova
from bayes_lupil.report.endpoint_words import in_units
from bayes_lupil.report.figures.rows import frame, label_rows, legend_below
from bayes_lupil.report.numbers import interval, probability
from bayes_lupil.report.style import COLOURS, clip, new_figure, styled, wrap

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["figure_hierarchy"]

_BAYES, _CLASSIC = 0.16, -0.16  # of a row


@styled
def figure_hierarchy(result: EndPointAnalysis, width: float = 7.5) -> Figure:
    """Effects of all steps on one axis, in multiples of the difference that each model file calls relevant.

    Above, posterior median and 95 % credible interval; below, the adjusted frequentist estimate with its 95 % confidence
    interval. Benefit is to the right whatever the declared direction, the first step at the top.

    Parameters
    ----------
    result : EndPointAnalysis
    width : float
        In inches; 5 and more.
    """
    figure, axes, words = new_figure(width, width, result.synthetic, side=0.34)
    steps = list(reversed(result.steps))
    for y, step in enumerate(steps):
        scale = step.derived.end_point.sign / step.model.decision.relevant
        _bayesian(axes, words, y, step, scale)
        _frequentist(axes, y, step.counterpart, result.arms.active, scale)
    axes.axvline(0, color="black", lw=0.8, zorder=1)
    axes.axvline(1, color="#555555", lw=1.0, ls=(0, (1, 1)), zorder=1)
    label_rows(axes, [wrap(f"{step.number} {clip(step.derived.plan.label, 60)}", int(3.4 * width)) for step in steps])
    axes.set_xlabel("Effect in multiples of the relevant difference\n\u2190 worse      better \u2192", fontsize=9)
    from matplotlib.lines import Line2D

    below = legend_below(
        axes,
        [
            Line2D([], [], color=COLOURS[0], marker="o", lw=2, ms=6, label="model with sites, 95 % credible"),
            Line2D([], [], color=COLOURS[1], marker="s", mfc="white", lw=1.2, ms=5, label="adjusted, 95 % confidence"),
            Line2D([], [], color="#555555", lw=1.0, ls=(0, (1, 1)), label="relevant difference"),
        ],
    )
    relevant = "; ".join(
        f"{step.number}: {in_units(step.model.decision.relevant, step.derived.end_point, signed=False)}"
        for step in result.steps
    )
    frame(
        figure,
        f"{clip(result.arms.active, 30)} against {clip(result.arms.control, 30)}: end points in the order of testing",
        f"Relevant differences, declared in the model files: {relevant}. P(benefit) of each end point by its own model, "
        f"with its Monte Carlo standard error (MCSE).",
        result.synthetic, 0.75 * len(steps) + 0.3 + below,
    )  # fmt: skip
    return figure


def _bayesian(axes: Axes, words: Axes, y: int, step: Step, scale: float) -> None:
    style: dict[str, Any] = {"fontsize": 8.5, "va": "center"}
    if not step.ok or step.posterior is None:
        words.text(0.02, y, "no result: diagnostics failed", **style)
        return
    row, best = step.posterior.row(step.posterior.effect), step.posterior.p_benefit
    assert best is not None  # it is sound
    axes.plot([scale * row.q2_5, scale * row.q97_5], [y + _BAYES] * 2, color=COLOURS[0], lw=2, solid_capstyle="butt")
    axes.plot(scale * row.q50, y + _BAYES, "o", color=COLOURS[0], ms=6)
    point = step.derived.end_point
    limits = interval(in_units(row.q2_5, point, unit=False), in_units(row.q97_5, point, unit=False))
    text = f"{in_units(row.q50, point)}\n({limits})\nP(benefit) {probability(best.probability, best.mcse)}"
    words.text(0.02, y, text, **style)


def _frequentist(axes: Axes, y: int, found: Counterpart, arm: str, scale: float) -> None:
    contrast: Any = found.analysis.contrasts.get(arm)
    if contrast is None:
        return
    if not isinstance(found.analysis, Ancova):
        contrast = contrast.difference
    ends = scale * np.array([contrast.interval.lower, contrast.interval.upper])
    axes.plot(ends, [y + _CLASSIC] * 2, color=COLOURS[1], lw=1.2, solid_capstyle="butt")
    axes.plot(scale * contrast.estimate, y + _CLASSIC, "s", color=COLOURS[1], mfc="white", ms=5)
