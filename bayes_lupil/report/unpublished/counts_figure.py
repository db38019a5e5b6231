"""The figure on unpublished counts: what they could do to the answer."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from bayes_lupil.numbers import points_interval, probability
from bayes_lupil.report.direction import benefit_side
from bayes_lupil.report.media.plot_style import COLOURS, LONGEST, clip, styled, watermark, wrap
from bayes_lupil.unpublished.conditional import HiddenCount
from bayes_lupil.unpublished.counts import UnpublishedCounts
from bayes_lupil.unpublished.tipping import Given, Surface
from bayes_lupil.unpublished.value_of_information import ABOVE, BELOW

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["figure_hidden_counts", "hidden_figure_words"]

_NARROW = 9.0  # inches below which panels stand one above the other
_PHONE = 6.0  # inches below which words are set smaller and closer
_TITLE, _LINE = 0.18, 0.135  # inches for a line of a panel's title, and of the footnote
_LYING = 28.0  # points that a number needs to lie flat
_RARE = 0.01  # posterior probability below which a value is marked as hardly possible


@styled
def figure_hidden_counts(hidden: UnpublishedCounts, width: float = 8.0) -> Figure:
    """Posterior of the first unpublished count, P(benefit) and risk difference against it, and against two of them.

    Parameters
    ----------
    hidden : UnpublishedCounts
    width : float
        In inches, 4 and more; below 9 the map stands under the other panels.

    Notes
    -----
    Bars and lines show single values of the first count (in LUPIL-2 placebo patients, all responders, at the excluded
    sites); the map its combinations with the first count of the other arm. Values with a posterior probability below
    0.01 are drawn open: the model holds them for hardly possible, though the publication allows them.
    """
    from matplotlib.figure import Figure as NewFigure

    first = hidden.counts[0]
    # over the first count and the first one of the other arm
    pair = next(
        (s for names, s in hidden.surfaces.items()
         if len(names) == 2 and first.name in names and s.counts[1].arm != first.arm), None,
    )  # fmt: skip
    narrow = pair is None or width < _NARROW
    lines_wide = width if narrow else 0.4 * width
    titles = [wrap(text, int(11.5 * (lines_wide - 0.75))) for text in _titles(hidden)]
    point = hidden.posterior.provenance.end_point
    heading = wrap(
        f"{clip(point.label, LONGEST)} ({point.benefit} is better): what the unpublished counts at the excluded sites "
        f"could do", int((8 if width >= _PHONE else 8.8) * width),
    )  # fmt: skip
    synthetic = hidden.posterior.provenance.synthetic
    below = wrap(_footnote(hidden), int((14 if width >= _PHONE else 15) * width)) + ("\n" if synthetic else "")
    if narrow:
        # inches: the panel, and the words above and below it
        heights = [1.1, 1.35, 1.6] if pair is None else [1.1, 1.35, 1.6, max(2.0, 0.27 * len(pair.counts[1].values))]
        words = _TITLE * (sum(text.count("\n") + 1 for text in titles) + (0 if pair is None else 4)) + 1.2
        edge = 0.21 * (heading.count("\n") + 1) + _LINE * (below.count("\n") + 1) + 0.15
        figure = NewFigure(figsize=(width, sum(heights) + words + edge), layout="constrained")
        grid = figure.add_gridspec(len(heights), 1, height_ratios=heights)
    else:
        figure = NewFigure(figsize=(width, 0.64 * width), layout="constrained")
        grid = figure.add_gridspec(3, 2, height_ratios=(1.0, 1.2, 1.2), width_ratios=(1.0, 1.35))
    lines = [figure.add_subplot(grid[i, 0]) for i in range(3)]
    heat = None if pair is None else figure.add_subplot(grid[3, 0] if narrow else grid[:, 1])
    surface = hidden.one(first.name)
    slot = 72 * (lines_wide - 0.75) / (first.most - first.least + 1.2)  # points along the axis that a value has
    _bars(lines[0], surface, slot)
    _curve(lines[1], hidden, surface)
    _differences(lines[2], hidden, surface, lines_wide < _PHONE)
    lines[2].set_xlabel(wrap(_axis(first), int(10 * lines_wide)), fontsize=9)
    for axes, text in zip(lines, titles, strict=True):
        axes.set_title(text, fontsize=10)
        axes.set_xlim(first.least - 0.6, first.most + 0.6)
        axes.set_xticks(list(first.values)[:: _every(slot, 14)])
        axes.tick_params(labelsize=9)
    for axes in lines[:2]:
        axes.tick_params(labelbottom=False)
    if heat is not None and pair is not None:
        _map(heat, pair, width if narrow else 0.57 * width)
    figure.suptitle(heading, x=0.01, ha="left", fontsize=12 if width >= _PHONE else 11)
    figure.supxlabel(below, fontsize=8, x=0.01, ha="left")
    if synthetic:
        watermark(figure)
    return figure


def _titles(hidden: UnpublishedCounts) -> list[str]:
    known = probability(hidden.p_benefit, hidden.p_benefit_mcse)
    return [
        "A  How many? (posterior of the model)",
        f"B  P(benefit) if that number were known; dashed: not known, {known}",
        "C  Risk difference: posterior means; bounds without a model",
    ]


def _every(slot: float, needed: float) -> int:
    """Every how many values there is room for a word, where a value has `slot` points and a word needs `needed`."""
    return max(math.ceil(needed / slot), 1)


def _axis(count: HiddenCount) -> str:
    if not count.least:
        return f"{clip(count.label, 50)} at the excluded sites"
    arm = clip(count.label.removesuffix(" non-responders").removesuffix(" responders"), 40)
    return f"{arm} patients at the excluded sites ({'all' if count.response else 'none'} responded)"


def _footnote(hidden: UnpublishedCounts) -> str:
    refitted = sum(row.source != "reweighted" and row.computed for row in hidden.one(hidden.counts[0].name).rows)
    given = f"Given {hidden.implied}, as the publication implies. " if hidden.implied else ""
    open_marks = f"Open marks: values to which the model gives a probability below {_RARE:g}. "
    refits = f"{refitted} of the values in the lines rest on refits with the count known. " if refitted else ""
    return f"{given}{open_marks}Bars on points: 2 Monte Carlo standard errors either way. {refits}"


def _bars(axes: Axes, surface: Surface, slot: float) -> None:
    chance = np.array([row.probability for row in surface.rows])
    error = np.array([row.probability_mcse for row in surface.rows])
    x = [row.counts[0] for row in surface.rows]
    axes.bar(x, chance, width=0.75, color=COLOURS[4], edgecolor="black", lw=0.6)
    axes.errorbar(x, chance, yerr=2 * error, fmt="none", ecolor="black", elinewidth=1)
    upright = slot < _LYING  # numbers stand upright where they would meet
    for value, height in list(zip(x, chance + 2 * error, strict=True))[:: _every(slot, 9) if upright else 1]:
        text = f"{chance[value - x[0]]:.2f}" if chance[value - x[0]] >= 0.005 else "< .01"
        axes.text(
            value, height + (0.05 if upright else 0.02) * chance.max(), text, ha="center", va="bottom", fontsize=8,
            rotation=90 if upright else 0,
        )  # fmt: skip
    axes.set_ylim(0, (1.6 if upright else 1.25) * chance.max())
    axes.set_ylabel("Posterior\nprobability", fontsize=9)


def _curve(axes: Axes, hidden: UnpublishedCounts, surface: Surface) -> None:
    axes.axhline(ABOVE, color="black", lw=0.8, ls=(0, (2, 2)))
    axes.axhline(0.5, color="black", lw=0.8, ls=(0, (2, 2)))
    axes.axhline(hidden.p_benefit, color=COLOURS[1], lw=1.4, ls=(0, (5, 1.5)), zorder=1)
    _marked(axes, surface, "p_benefit", COLOURS[0], "o")
    axes.set_ylim(0.4, 1.02)
    axes.set_yticks([0.5, 0.6, 0.7, 0.8, 0.9, ABOVE], ["0.5", "0.6", "0.7", "0.8", "0.9", f"{ABOVE:g}"])
    lowest = float(np.nanmin([row.p_benefit for row in surface.rows]))
    if lowest < 0.45:
        axes.set_ylim(max(lowest - 0.05, 0), 1.02)
    axes.set_ylabel("P(benefit)", fontsize=9)


def _differences(axes: Axes, hidden: UnpublishedCounts, surface: Surface, narrow: bool) -> None:
    axes.axhline(0, color="black", lw=0.8)
    _marked(axes, surface, "risk_difference", COLOURS[0], "o", 100, "all sites", -0.1)
    _marked(axes, surface, "risk_difference_ordinary", COLOURS[2], "s", 100, "ordinary sites alone", 0.1)
    low, high = _raw_range(hidden, surface.counts[0])
    x = np.array(list(surface.counts[0].values))
    axes.fill_between(
        x, 100 * low, 100 * high, color="#E3E3E3", lw=0, zorder=0, label="observed without the excluded: bounds"
    )
    span = 100 * np.concatenate([low, high])
    bottom, top = min(float(np.nanmin(span)), 0) - 4, float(np.nanmax(span)) + 2
    room = 0.36 if narrow else 0.18  # of the panel, for the legend: three rows where narrow
    axes.set_ylim(bottom, bottom + (top - bottom) / (1 - room))
    axes.legend(fontsize=8, frameon=False, loc="upper left", ncols=1 if narrow else 3, borderaxespad=0.1,
                handlelength=1.2, columnspacing=0.8, labelspacing=0.25)  # fmt: skip
    axes.set_ylabel("Risk difference,\npoints", fontsize=9)


def _raw_range(hidden: UnpublishedCounts, first: HiddenCount) -> tuple[np.ndarray, np.ndarray]:
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
    slot = 72 * (inches - 0.75) / len(across.values)
    size = float(np.clip(slot / 1.7, 8.0, 9.0))
    step = _every(slot, 1.55 * size)
    for (i, j), value in np.ndenumerate(p):
        x, y = j + across.least, i + up.least
        text = "·" if np.isnan(value) else f"{100 * value:.0f}"
        if j % step == 0:
            axes.text(
                x, y, text, ha="center", va="center", fontsize=size, color="black",
                weight="bold" if inside[i, j] else "normal",
            )  # fmt: skip
        if value > ABOVE or value < BELOW:
            axes.add_patch(Rectangle((x - 0.46, y - 0.46), 0.92, 0.92, fill=False, ec=COLOURS[1], lw=1.4))
    _outline(axes, inside, across.least, up.least)
    axes.set_xticks(list(across.values)[:: _every(slot, 14)])
    axes.set_yticks(list(up.values))
    axes.tick_params(labelsize=9)
    axes.set_xlabel(wrap(_axis(across), int(10 * inches)), fontsize=9)
    axes.set_ylabel(wrap(_axis(up), 45), fontsize=9)
    beyond = int(((p > ABOVE) | (p < BELOW)).sum())
    framed = f"; framed: above {ABOVE:g} or below {BELOW:g}" if beyond else ""
    empty = "; dot: not computed" if np.isnan(p).any() else ""
    some = f"; one column in {step} has numbers" if step > 1 else ""
    worst = np.nanmax([row.p_benefit_mcse for row in surface.rows])
    more = f"{framed}{empty}{some}; Monte Carlo standard errors up to {math.ceil(100 * worst)}"
    title = f"D  P(benefit) in % if both numbers were known. Bold, within the line: 95 % of the posterior{more}"
    axes.set_title(wrap(title, int(11.5 * (inches - 0.75))), fontsize=10)


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


def hidden_figure_words(hidden: UnpublishedCounts) -> str:
    """The panels one by one: the posterior of the first count, and what P(benefit) and differences depend on it."""
    first = hidden.counts[0]
    surface, origin = hidden.one(first.name), hidden.posterior.provenance
    likely = max(surface.rows, key=lambda row: row.probability)
    done = [row for row in surface.rows if row.computed]
    what = f"{clip(first.label)} at the excluded sites"
    parts = [
        f"The number of {what}, which was not published, may be {first.least} to {first.most}; the model holds "
        f"{likely.counts[0]} for the most probable (P {probability(likely.probability, likely.probability_mcse)})"
    ]
    if done:
        low, high = (pick(done, key=lambda row: row.p_benefit) for pick in (min, max))
        parts.append(
            f"P(benefit), {probability(hidden.p_benefit, hidden.p_benefit_mcse)} without knowing it, would be "
            f"{_given(low)} to {_given(high)} if it were known ({_bounds(surface)})"
        )
        parts.append(
            f"The mean risk difference ({clip(origin.arms.active)} minus {clip(origin.arms.control)}, "
            f"{benefit_side(origin.end_point)}) would be {_spread(row.risk_difference for row in done)} points over "
            f"all sites and {_spread(row.risk_difference_ordinary for row in done)} points at the other sites alone"
        )
    b = hidden.bounds
    parts.append(
        f"Without any model, the observed difference at the other sites may be {points_interval(b.lowest, b.highest)} "
        "points (bounds)"
    )
    pair = next((s for s in hidden.surfaces.values() if len(s.names) == 2 and s.counts[1].arm != s.counts[0].arm), None)
    both = [row for row in pair.rows if row.computed] if pair is not None else []
    if pair is not None and both:
        low, high = (pick(both, key=lambda row: row.p_benefit) for pick in (min, max))
        parts.append(
            f"If the number of {clip(pair.counts[1].label)} there were known too, P(benefit) would be "
            f"{probability(low.p_benefit, low.p_benefit_mcse)} to {probability(high.p_benefit, high.p_benefit_mcse)} "
            f"({_bounds(pair)})"
        )
    return ". ".join(parts) + "."


def _bounds(surface: Surface) -> str:
    return "bounds over the values computed" if surface.not_computed else "bounds"


def _given(row: Given) -> str:
    return f"{probability(row.p_benefit, row.p_benefit_mcse)} (at {row.counts[0]})"


def _spread(values: Iterable[float]) -> str:
    found = list(values)
    return points_interval(min(found), max(found))
