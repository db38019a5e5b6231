"""Forests of odds ratios: observed and posterior, a line each; a bar with its mark, and the axis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bayes_lupil.numbers import percent
from bayes_lupil.report.media.plot_rows import better, frame, row_names
from bayes_lupil.report.media.plot_style import COLOURS, clip, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Line", "bar", "odds_ratio_axis", "odds_ratio_forest"]

_NARROW = 6.0

_REACH = math.log(100)
_TICKS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)


def bar(axes: Axes, y: float, low: float, middle: float, high: float, mark: str, colour: str, kind: str) -> None:
    """An interval with its estimate, on the log scale."""
    axes.plot([low, high], [y, y], color=colour, lw=1.6, gid=kind)
    axes.plot([middle], [y], mark, color=colour, ms=5.5, gid=kind)


def odds_ratio_axis(axes: Axes) -> None:
    """Odds ratios at the logarithms drawn, a line at 1; between 1/100 and 100 at most."""
    axes.axvline(0, color="black", lw=0.8, ls=(0, (2, 2)))
    low, high = axes.get_xlim()
    axes.set_xlim(max(low, -_REACH), min(high, _REACH))
    low, high = axes.get_xlim()
    ticks = [tick for tick in _TICKS if low <= math.log(tick) <= high]
    axes.set_xticks([math.log(tick) for tick in ticks], [f"{tick:g}" for tick in ticks])
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", labelsize=8.5)


@dataclass(frozen=True)
class Line:
    """A line of a forest, its numbers logarithms of odds ratios.

    Attributes
    ----------
    name : str
    posterior : (float, float, float)
        2.5 % quantile, median and 97.5 % quantile.
    said : str
        The same in words.
    counts : str
        Under the name; empty for what has no patients of its own, such as an average.
    observed : (float, float, float), optional
        Lower end of the interval, estimate, upper end.
    p_benefit : float, optional
    """

    name: str
    posterior: tuple[float, float, float]
    said: str
    counts: str = ""
    observed: tuple[float, float, float] | None = None
    p_benefit: float | None = None


def odds_ratio_forest(
    lines: Sequence[Line],
    *,
    width: float,
    arms: tuple[str, str],
    sign: int,
    heading: str,
    footnote: str,
    said: str,
    synthetic: bool,
) -> Figure:
    """Observed (square) and posterior (circle, or diamond without patients) odds ratios; narrow ones have no column.

    Parameters
    ----------
    lines : sequence of Line
        Those without patients last.
    arms : (str, str)
        What is above the line of the ratio, and below.
    sign : int
        1 where a higher response is the benefit.
    said : str
        What the posterior is called over its column.
    """
    narrow, own = width < _NARROW, sum(bool(line.counts) for line in lines)
    inside = 0.58 * len(lines) + 0.7
    figure, axes, words = new_figure(width, inside, synthetic, side=0.0 if narrow else 0.3)
    labels, names = [], row_names([line.name for line in lines], 28)
    for y, line, name in zip(reversed(range(len(lines))), lines, names, strict=True):
        mark, colour, below = ("o", COLOURS[0], 0.0) if line.counts else ("D", COLOURS[6], 0.0)
        if line.observed is not None:
            below = 0.15
            bar(axes, y + below, *line.observed, "s", COLOURS[1], "observed")
        bar(axes, y - below, *line.posterior, mark, colour, "shrunken")
        chance = "" if line.p_benefit is None else f"{percent(line.p_benefit, short=True)}   "
        under = f"\n{line.counts}" if line.counts else ""
        labels.append(f"{name}{under}" + (f"\n{chance}{line.said}" if narrow else ""))
        if not narrow:
            words.text(0, y, f"{chance}{line.said}", va="center", fontsize=8.5)
    if not narrow:
        words.text(0, len(lines) - 0.4, f"P(benefit), {said}", va="center", fontsize=8.5, weight="bold")
    axes.set_yticks(range(len(lines) - 1, -1, -1), labels, fontsize=8.5)
    if own < len(lines):
        axes.axhline(len(lines) - own - 0.5, color="#999999", lw=0.6)
    axes.set_ylim(-0.6, len(lines) - 0.1)
    odds_ratio_axis(axes)
    active, control = (clip(name, 20) for name in arms)
    axes.set_xlabel(f"Odds ratio, {active} v {control}\n{better(sign)}", fontsize=9)
    frame(figure, heading[:1].upper() + heading[1:], footnote, synthetic, inside)
    return figure
