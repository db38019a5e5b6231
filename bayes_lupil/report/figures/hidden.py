"""The figure on unpublished counts: what they could do to the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bayes_lupil.hidden.counts import HiddenCounts
from bayes_lupil.hidden.draws import HiddenCount
from bayes_lupil.hidden.surface import Surface
from bayes_lupil.hidden.value import ABOVE, BELOW
from bayes_lupil.report.numbers import probability
from bayes_lupil.report.style import COLOURS, clip, styled, wrap
from bayes_lupil.trials.trial import SYNTHETIC

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["figure_hidden_counts"]

_NARROW = 9.0  # inches below which panels stand one above the other
_RARE = 0.01  # posterior probability below which a value is marked as hardly possible


@styled
def figure_hidden_counts(hidden: HiddenCounts, width: float = 12.0) -> Figure:
    """Posterior of the first unpublished count, P(benefit) and risk difference against it, and against two of them.

    Parameters
    ----------
    hidden : HiddenCounts
    width : float
        In inches; below 9 the map stands under the other panels.

    Notes
    -----
    Bars and lines show single values of the first count (in LUPIL-2 placebo patients, all responders, at the excluded
    sites); the map its combinations with the first count of the other arm. Values with a posterior probability below
    0.01 are drawn open: the model holds them for hardly possible, though the publication allows them.
    """
    from matplotlib.figure import Figure as NewFigure

    first = hidden.counts[0]
    pair = next((s for names, s in hidden.surfaces.items() if len(names) == 2 and _both_arms(s, first)), None)
    narrow = width < _NARROW
    if pair is None or narrow:
        heights = (1.0, 1.2, 1.2) if pair is None else (1.0, 1.2, 1.2, 4.2)
        figure = NewFigure(figsize=(width, 8.0 if pair is None else 8.0 + 0.75 * width), layout="constrained")
        grid = figure.add_gridspec(len(heights), 1, height_ratios=heights)
        lines = [figure.add_subplot(grid[i, 0]) for i in range(3)]
        heat = None if pair is None else figure.add_subplot(grid[3, 0])
    else:
        figure = NewFigure(figsize=(width, 0.64 * width), layout="constrained")
        grid = figure.add_gridspec(3, 2, height_ratios=(1.0, 1.2, 1.2), width_ratios=(1.0, 1.35))
        lines = [figure.add_subplot(grid[i, 0]) for i in range(3)]
        heat = figure.add_subplot(grid[:, 1])
    surface = hidden.one(first.name)
    _bars(lines[0], surface)
    _curve(lines[1], hidden, surface)
    _differences(lines[2], hidden, surface)
    lines[2].set_xlabel(wrap(_axis(first), 60))
    for axes in lines:
        axes.set_xlim(first.least - 0.6, first.most + 0.6)
        axes.set_xticks(list(first.values))
    for axes in lines[:2]:
        axes.tick_params(labelbottom=False)
    if heat is not None and pair is not None:
        _map(heat, pair, width if narrow else 0.57 * width)
    what = clip(hidden.posterior.provenance.end_point.label, 50)
    figure.suptitle(
        wrap(f"{what}: what the unpublished counts at the excluded sites could do", int(width * 8)),
        x=0.01, ha="left", fontsize=12,
    )  # fmt: skip
    figure.supxlabel(wrap(_footnote(hidden), int(width * 14)), fontsize=8, x=0.01, ha="left")
    if hidden.posterior.provenance.synthetic:
        figure.text(
            0.5, 0.5, "SYNTHETIC DATA", fontsize=30, alpha=0.25, rotation=25, color="#B00000", ha="center", va="center"
        )
        figure.text(0.5, 0.002, SYNTHETIC, fontsize=7, va="bottom", color="#B00000", ha="center")
    return figure


def _both_arms(surface: Surface, first: HiddenCount) -> bool:
    """Whether a surface is over the first count and the first one of the other arm."""
    return first.name in surface.names and surface.counts[1].arm != first.arm


def _axis(count: HiddenCount) -> str:
    if not count.least:
        return f"{clip(count.label, 50)} at the excluded sites"
    arm = clip(count.label.removesuffix(" non-responders").removesuffix(" responders"), 40)
    return f"{arm} patients at the excluded sites ({'all' if count.response else 'none'} responded)"


def _footnote(hidden: HiddenCounts) -> str:
    refitted = sum(row.source != "reweighted" and row.computed for row in hidden.one(hidden.counts[0].name).rows)
    given = f"Given {hidden.implied}, as the publication implies. " if hidden.implied else ""
    open_marks = f"Open marks: values to which the model gives a probability below {_RARE:g}. "
    refits = f"{refitted} of the values in the lines rest on refits with the count known. " if refitted else ""
    return f"{given}{open_marks}Bars on points: 2 Monte Carlo standard errors either way. {refits}"


def _bars(axes: Axes, surface: Surface) -> None:
    chance = np.array([row.probability for row in surface.rows])
    error = np.array([row.probability_mcse for row in surface.rows])
    x = [row.counts[0] for row in surface.rows]
    axes.bar(x, chance, width=0.75, color=COLOURS[4], edgecolor="black", lw=0.6)
    axes.errorbar(x, chance, yerr=2 * error, fmt="none", ecolor="black", elinewidth=1)
    for value, height in zip(x, chance + 2 * error, strict=True):
        text = f"{chance[value - x[0]]:.2f}" if chance[value - x[0]] >= 0.005 else "< .01"
        axes.text(value, height + 0.012, text, ha="center", va="bottom", fontsize=7.5)
    axes.set_ylim(0, 1.25 * chance.max())
    axes.set_ylabel("Posterior\nprobability")
    axes.set_title("A  How many? (posterior of the model)", fontsize=10)


def _curve(axes: Axes, hidden: HiddenCounts, surface: Surface) -> None:
    axes.axhline(ABOVE, color="black", lw=0.8, ls=(0, (2, 2)))
    axes.axhline(0.5, color="black", lw=0.8, ls=(0, (2, 2)))
    axes.axhline(hidden.p_benefit, color=COLOURS[1], lw=1.4, ls=(0, (5, 1.5)), zorder=1)
    _marked(axes, surface, "p_benefit", COLOURS[0], "o")
    axes.set_ylim(0.4, 1.02)
    axes.set_yticks([0.5, 0.6, 0.7, 0.8, 0.9, ABOVE], ["0.5", "0.6", "0.7", "0.8", "0.9", f"{ABOVE:g}"])
    lowest = float(np.nanmin([row.p_benefit for row in surface.rows]))
    if lowest < 0.45:
        axes.set_ylim(max(lowest - 0.05, 0), 1.02)
    axes.text(
        0.01, hidden.p_benefit - 0.02,
        f"none known: {probability(hidden.p_benefit, hidden.p_benefit_mcse)}",
        fontsize=8, va="top", color=COLOURS[1],
        transform=axes.get_yaxis_transform(),
    )  # fmt: skip
    axes.set_ylabel("P(benefit)")
    axes.set_title("B  P(benefit) if that number were known", fontsize=10)


def _differences(axes: Axes, hidden: HiddenCounts, surface: Surface) -> None:
    axes.axhline(0, color="black", lw=0.8)
    _marked(axes, surface, "risk_difference", COLOURS[0], "o", 100, "all sites", -0.1)
    _marked(axes, surface, "risk_difference_ordinary", COLOURS[2], "s", 100, "ordinary sites alone", 0.1)
    low, high = _raw_range(hidden, surface.counts[0])
    x = np.array(list(surface.counts[0].values))
    axes.fill_between(
        x, 100 * low, 100 * high, color="#E3E3E3", lw=0, zorder=0, label="raw, without the excluded: bounds"
    )
    span = 100 * np.concatenate([low, high])
    axes.set_ylim(min(float(np.nanmin(span)), 0) - 4, float(np.nanmax(span)) * 1.45 + 4)
    axes.legend(fontsize=7.5, frameon=False, loc="upper left", ncols=3, borderaxespad=0.1, handlelength=1.2,
                columnspacing=0.8)  # fmt: skip
    axes.set_ylabel("Risk difference,\npoints")
    axes.set_title("C  Risk difference: posterior means; bounds without a model", fontsize=10)


def _raw_range(hidden: HiddenCounts, first: HiddenCount) -> tuple[np.ndarray, np.ndarray]:
    """Smallest and largest raw risk difference without the excluded sites for each value of the first count."""
    table = hidden.bounds.risk_difference
    axis = hidden.bounds.names.index(first.name)
    flat = np.moveaxis(table, axis, 0).reshape(table.shape[axis], -1)
    return np.nanmin(flat, axis=1), np.nanmax(flat, axis=1)


def _marked(
    axes: Axes,
    surface: Surface,
    what: str,
    colour: str,
    marker: str,
    scale: float = 1.0,
    label: str | None = None,
    shift: float = 0.0,
) -> None:
    """A line through the values; those that are hardly possible open."""
    rows = [row for row in surface.rows if row.computed]
    x = shift + np.array([row.counts[0] for row in rows])
    y = scale * np.array([getattr(row, what) for row in rows])
    error = scale * np.array([getattr(row, f"{what}_mcse") for row in rows])
    axes.plot(x, y, color=colour, lw=1.2, zorder=2)
    axes.errorbar(x, y, yerr=2 * error, fmt="none", ecolor=colour, elinewidth=1.2, capsize=2, zorder=3)
    likely = np.array([row.probability >= _RARE for row in rows])
    axes.plot(x[likely], y[likely], marker, color=colour, ms=5, zorder=4, label=label)
    axes.plot(x[~likely], y[~likely], marker, mfc="white", mec=colour, ms=5, zorder=4)


def _map(axes: Axes, surface: Surface, inches: float) -> None:
    """P(benefit) over two counts: the numbers say it, the grey only helps; a line holds 95 % of the posterior."""
    from matplotlib.patches import Rectangle

    across, up = surface.counts
    p, chance = surface.table("p_benefit").T, surface.table("probability").T
    low, high = float(np.nanmin(p)), float(np.nanmax(p))  # shades light enough for black numbers
    axes.imshow(
        p, origin="lower", cmap="Greys", vmin=low - 0.02, vmax=low + 2.5 * (high - low) + 0.02, aspect="auto",
        interpolation="nearest",
        extent=(across.least - 0.5, across.most + 0.5, up.least - 0.5, up.most + 0.5),
    )  # fmt: skip
    inside = _most_probable(chance, 0.95)
    size = float(np.clip(72 * inches / (1.2 * len(across.values)) / 2.6, 4.5, 9.0))
    for (i, j), value in np.ndenumerate(p):
        x, y = j + across.least, i + up.least
        text = "·" if np.isnan(value) else f"{100 * value:.0f}"
        axes.text(
            x, y, text, ha="center", va="center", fontsize=size, color="black",
            weight="bold" if inside[i, j] else "normal",
        )  # fmt: skip
        if value > ABOVE or value < BELOW:
            axes.add_patch(Rectangle((x - 0.46, y - 0.46), 0.92, 0.92, fill=False, ec=COLOURS[1], lw=1.4))
    _outline(axes, inside, across.least, up.least)
    axes.set_xticks(list(across.values))
    axes.set_yticks(list(up.values))
    axes.set_xlabel(wrap(_axis(across), 60))
    axes.set_ylabel(_axis(up))
    beyond = int(((p > ABOVE) | (p < BELOW)).sum())
    framed = f"; framed: above {ABOVE:g} or below {BELOW:g}" if beyond else ""
    empty = "; dot: not computed" if np.isnan(p).any() else ""
    title = (
        f"D  P(benefit) in % if both numbers were known. Bold, within the line: 95 % of the posterior{framed}{empty}"
    )
    axes.set_title(wrap(title, int(inches * 10.5)), fontsize=10)


def _most_probable(chance: np.ndarray, content: float) -> np.ndarray:
    """The most probable values that together hold `content` of the posterior, as an indicator."""
    order = np.argsort(-chance, axis=None)
    steps = np.cumsum(chance.ravel()[order])
    inside = np.zeros(chance.size, dtype=bool)
    inside[order[: int(np.searchsorted(steps, content)) + 1]] = True
    return inside.reshape(chance.shape)


def _outline(axes: Axes, inside: np.ndarray, left: int, bottom: int) -> None:
    """Draw the border between values inside and outside."""
    padded = np.pad(inside, 1)
    for i, j in np.argwhere(inside):
        x, y = j + left, i + bottom
        for step_y, step_x, xs, ys in (
            (0, -1, (x - 0.5, x - 0.5), (y - 0.5, y + 0.5)), (0, 1, (x + 0.5, x + 0.5), (y - 0.5, y + 0.5)),
            (-1, 0, (x - 0.5, x + 0.5), (y - 0.5, y - 0.5)), (1, 0, (x - 0.5, x + 0.5), (y + 0.5, y + 0.5)),
        ):  # fmt: skip
            if not padded[i + 1 + step_y, j + 1 + step_x]:
                axes.plot(xs, ys, color=COLOURS[0], lw=2.0, solid_capstyle="projecting", zorder=5)
