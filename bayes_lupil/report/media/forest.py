"""What forests of odds ratios share: a bar with its mark, and the axis."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["bar", "odds_ratio_axis"]

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
