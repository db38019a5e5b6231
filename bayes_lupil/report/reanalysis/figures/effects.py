"""The figures of a reanalysis."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.numbers import in_points, percent, points, points_interval, probability
from bayes_lupil.posterior import Posterior
from bayes_lupil.posterior.diagnostics import effective_draws
from bayes_lupil.reanalysis import Reanalysis, leading
from bayes_lupil.report.direction import benefit_side, difference_words
from bayes_lupil.report.media.plot_rows import end_point_title, no_result
from bayes_lupil.report.media.plot_style import (
    COLOURS,
    DASHES,
    HARM,
    RELEVANT,
    TRIVIAL,
    clip,
    new_figure,
    styled,
    wrap,
)
from bayes_lupil.report.reanalysis.benefit import benefits_shown
from bayes_lupil.trials.end_point import Arms

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "benefit_curve_words",
    "figure_benefit_curve",
    "figure_intervals",
    "figure_risk_difference",
    "intervals_words",
    "legend_outside",
    "risk_difference_words",
]  # fmt: skip

_REGIONS = ("harm", "trivial", "relevant benefit")
_RIDGE = 0.5  # of a row, for the density below its label
_LETTERS = 50  # to a line of a label, on a narrow figure

NARROW = 6.0
"""Inches below which labels stand above their rows, and numbers in them, instead of beside."""


def _label(posterior: Posterior) -> str:
    star = " *" if posterior.spec.role == "primary" else ""
    return f"{clip(posterior.spec.title, 80)}\n({posterior.provenance.population_label}){star}"


def _axis_label(arms: Arms) -> str:
    return f"Risk difference, {clip(arms.active)} minus {clip(arms.control)} (percentage points)"


def _density(draws: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    from arviz_stats.base import array_stats

    grid, density, _ = array_stats.kde(draws.ravel(), bw_fct=1.3, grid_len=200)  # finer would not be seen
    return np.asarray(grid), np.asarray(density)


@styled
def figure_risk_difference(posteriors: list[Posterior], failed: tuple[str, ...] = (), width: float = 8.0) -> Figure:
    """Posterior of the risk difference for each model, over the regions of harm, trivial and relevant benefit.

    Parameters
    ----------
    posteriors : list of Posterior
        Fits of one trial; the regions are those of the first one's model file.
    failed : tuple of str
        Names of fits left out because their diagnostics failed, for the footnote.
    width : float
        In inches; below 6 the labels stand above the densities, with the probabilities in them.

    Raises
    ------
    InputError
        Where the diagnostics of a fit failed: its probabilities are not shown.
    """
    _sound(posteriors)
    first = posteriors[0]
    sign, decision = first.provenance.end_point.sign, first.spec.decision
    top, narrow = len(posteriors), width < NARROW
    height = 2.1 + (1.4 if narrow else 0.95) * top
    figure, axes, words = new_figure(width, height, first.provenance.synthetic, side=0.0 if narrow else 0.3)
    # limits that hold 99.8 % of all draws, and zero
    drawn = [100 * p.draws("risk_difference").ravel() for p in posteriors]
    low, high = (float(q) for q in np.quantile(np.concatenate(drawn), [0.001, 0.999]))
    pad = 0.05 * (high - low)
    least = min(5.0, 1.5 * max(-low, high))  # of either side; little where all effects are small
    low, high = min(low - pad, -least), max(high + pad, least)
    edges = [low, -100 * sign * decision.harm, 100 * sign * decision.relevant, high]
    if sign < 0:
        edges[0], edges[3] = high, low
    for i, (name, colour) in enumerate(zip(_REGIONS, (HARM, TRIVIAL, RELEVANT), strict=True)):
        left, right = sorted(float(np.clip(edge, low, high)) for edge in (edges[i], edges[i + 1]))
        axes.axvspan(left, right, color=colour, zorder=0, lw=0)
        if right - left > (0.11 if narrow else 0.08) * (high - low):
            said = "relevant\nbenefit" if narrow and name.startswith("relevant") else name
            axes.text(
                (left + right) / 2, top + 0.2, said, ha="center", va="bottom", fontsize=8 if narrow else 9,
                fontweight="bold",
            )  # fmt: skip
    # where the labels stand above the densities, the limits do not run through the letters
    tall = _RIDGE if narrow else 0.85
    pieces = [(row, row + tall) for row in range(top)] if narrow else [(-0.12, top + 0.15)]
    for bottom, end in pieces:
        axes.vlines(edges[1:3], bottom, end, color="black", lw=0.8, ls=(0, (2, 2)), zorder=1)
    columns = dict(zip(("benefit", "harm", "trivial", "relevant"), (0.2, 0.47, 0.72, 1.0), strict=True))
    for name, x in columns.items() if not narrow else ():
        weight = "bold" if name == "benefit" else "normal"
        word = "any\nbenefit" if name == "benefit" else name
        words.text(x, top + 0.2, word, ha="right", va="bottom", fontsize=8.5, weight=weight)
    for row, posterior in enumerate(reversed(posteriors)):
        _ridge(axes, row, posterior, tall)
        chance = posterior.chances
        if narrow:
            said = ", ".join(f"{name} {percent(chance[name].probability, short=True)}" for name in list(columns)[1:])
            label = wrap(_label(posterior).replace("\n", " "), _LETTERS)
            label += f"\nany benefit {percent(chance['benefit'].probability, short=True)} ({said})"
            axes.text(low, row + 0.94, label, va="top", fontsize=8.5, zorder=7)
            continue
        for name, x in columns.items():
            weight = "bold" if name == "benefit" else "normal"
            text = percent(chance[name].probability, short=True)
            words.text(x, row + 0.3, text, ha="right", fontsize=9.5, weight=weight)
    if narrow:
        axes.set_yticks([])
    else:
        labels = [wrap(_label(p), 24) for p in reversed(posteriors)]
        axes.set_yticks([i + 0.3 for i in range(top)], labels, fontsize=9)
    axes.tick_params(axis="y", length=0)
    axes.set(xlim=(low, high), ylim=(-0.12, top + 0.15))
    axes.set_xlabel(wrap(_axis_label(first.provenance.arms), int(11 * width)))
    heading = wrap(f"{end_point_title(first.provenance.end_point)}: posterior of the risk difference", int(8.5 * width))
    figure.suptitle(heading, fontsize=11, x=0.01, ha="left")
    axes.spines["left"].set_visible(False)
    below = _below(figure, posteriors, "Point and bar: median and 95 % credible interval.", failed)
    below += "\n" if first.provenance.synthetic else ""  # the mark stands there
    figure.supxlabel(below, fontsize=8, x=0.01, ha="left")
    return figure


def _sound(posteriors: list[Posterior]) -> None:
    for posterior in posteriors:
        if not posterior.verdict.ok:
            raise no_result("figure of benefit", posterior)


def _ridge(axes: Axes, row: int, posterior: Posterior, tall: float) -> None:
    """Density, median and interval of one model on line `row`."""
    primary = posterior.spec.role == "primary"
    colour = COLOURS[0] if primary else "#595959"
    grid, density = _density(100 * posterior.draws("risk_difference"))
    height = tall * density / density.max()
    axes.fill_between(grid, row, row + height, color=colour, alpha=0.55, lw=0, zorder=3)
    axes.plot(grid, row + height, color=colour, lw=1.8 if primary else 1.0, zorder=4)
    summary = posterior.row("risk_difference")
    axes.plot([100 * summary.q2_5, 100 * summary.q97_5], [row, row], color="black", lw=1.4, zorder=5)
    axes.plot([100 * summary.q50], [row], "o", color="black", ms=4, zorder=6)


def _below(figure: Figure, posteriors: list[Posterior], text: str, failed: tuple[str, ...]) -> str:
    """What stands below the figure: the star, and how large the Monte Carlo error of a probability can be."""
    # the error of a probability is largest at one half, wherever on the scale that is
    worst = max(0.5 / effective_draws(p.draws("risk_difference")) ** 0.5 for p in posteriors)
    star = "* primary analysis. " if any(p.spec.role == "primary" for p in posteriors) else ""
    error = f" Monte Carlo standard error of each probability: at most {math.ceil(1000 * worst) / 10:.1f} points."
    absent = f"\nNot shown, because the diagnostics failed: {', '.join(failed)}." if failed else ""
    return wrap(f"{star}{text}{error}{absent}".strip(), int(15.5 * figure.get_figwidth()))


@styled
def figure_benefit_curve(posteriors: list[Posterior], failed: tuple[str, ...] = (), width: float = 7.5) -> Figure:
    """P(risk difference beyond d) against d, on the benefit scale, one line a model.

    Raises
    ------
    InputError
        Where the diagnostics of a fit failed.
    """
    _sound(posteriors)
    first = posteriors[0]
    sign = first.provenance.end_point.sign
    height = 4.6 + (0.36 if width < NARROW else 0.25) * len(posteriors)
    figure, axes, _ = new_figure(width, height, first.provenance.synthetic)
    low, high = benefits_shown(posteriors)
    grid = np.linspace(low, high, 241)
    for i, posterior in enumerate(posteriors):
        good = np.sort(sign * posterior.draws("risk_difference").ravel())
        chance = 1 - np.searchsorted(good, grid, side="right") / good.size
        axes.plot(
            100 * grid, 100 * chance, color=COLOURS[i % len(COLOURS)], ls=DASHES[i % len(DASHES)],
            lw=2.6 if posterior.spec.role == "primary" else 1.6,
            label=wrap(_label(posterior).replace("\n", " "), int(11 * width)),
        )  # fmt: skip
    for d, word in ((0.0, "any benefit"), (first.spec.decision.relevant, "relevant")):
        if d > high:
            continue
        axes.axvline(100 * d, color="black", lw=0.8, ls=(0, (2, 2)))
        axes.text(100 * d, 101.5, f" {word} ", ha="left" if d else "right", va="bottom", fontsize=8)
    axes.set(xlim=(100 * low, 100 * high), ylim=(0, 101))
    axes.set_xlabel("d: benefit in percentage points" + ("" if sign > 0 else " (risk reduction)"))
    axes.set_ylabel("P(benefit greater than d), %")
    axes.grid(color="#E5E5E5", lw=0.6)
    heading = f"{end_point_title(first.provenance.end_point)}: how probable is a benefit greater than d?"
    axes.set_title(wrap(heading, int(8 * width)), pad=18)
    # the footnote heads the legend, since both are outside the axes
    below = _below(figure, posteriors, "", failed)
    legend_outside(figure, first.provenance.synthetic, fontsize=8.5, title=below, title_fontsize=8)
    return figure


def legend_outside(figure: Figure, synthetic: bool, **options: Any) -> None:
    """A legend below the axes, and below it room for the synthetic mark."""
    mark = 0.14 if synthetic else 0.0  # inches
    share = mark / figure.get_figheight()
    figure.set_layout_engine("constrained", rect=(0, share, 1, 1 - share))
    # the layout keeps room for a legend only where it lies at the edge: the padding lifts it over the mark
    pad = 0.5 + 72 * mark / options["fontsize"]
    figure.legend(frameon=False, loc="outside lower left", alignment="left", borderaxespad=pad, **options)


@styled
def figure_intervals(result: Reanalysis, width: float = 8.0) -> Figure:
    """Frequentist and posterior intervals of the risk difference on one axis."""
    rows: list[tuple[str, float | None, float | None, float | None, str]] = []
    for item in result.hierarchy:
        t = item.two_by_two
        if t is None:
            continue
        for limits in (t.risk_difference_newcombe, t.risk_difference_mn):
            if limits is not None:
                label = f"{limits.method} ({item.population.label})"
                rows.append((label, t.risk_difference, limits.lower, limits.upper, "frequentist"))
        s = item.stratified
        if s is not None and s.mh_risk_difference_interval is not None:
            i = s.mh_risk_difference_interval
            label = f"Mantel-Haenszel by site, Sato ({item.population.label})"
            rows.append((label, s.mh_risk_difference, i.lower, i.upper, "frequentist"))
    for analysis in result.fitted:
        posterior = analysis.posterior
        assert posterior is not None
        label = _label(posterior).replace("\n", " ")
        if posterior.verdict.ok:
            line = posterior.row("risk_difference")
            rows.append((label, line.q50, line.q2_5, line.q97_5, "Bayesian"))
        else:
            rows.append((f"{label}: diagnostics failed", None, None, None, "Bayesian"))
    narrow = width < NARROW
    height = 1.9 + (0.85 if narrow else 0.5) * len(rows)
    figure, axes, words = new_figure(width, height, result.trial.synthetic, side=0.0 if narrow else 0.22)
    styles = {
        "frequentist": (COLOURS[1], "s", "95 % confidence interval"),
        "Bayesian": (COLOURS[0], "o", "95 % credible interval, median"),
    }
    seen: set[str] = set()
    for y, (label, middle, lower, upper, kind) in enumerate(reversed(rows)):
        text = ""
        if middle is not None and lower is not None and upper is not None:
            text = f"{points(middle)} ({points_interval(lower, upper)})"
        if narrow:  # on white, so that the lines of the axes do not run through the letters
            axes.annotate(
                f"{wrap(label, _LETTERS)}\n{text}".strip(), (0, y + 0.15), xycoords=("axes fraction", "data"),
                fontsize=8.5, va="bottom", bbox={"fc": "white", "ec": "none", "pad": 0.5},
            )  # fmt: skip
        if middle is None or lower is None or upper is None:
            continue
        colour, marker, name = styles[kind]
        axes.plot([100 * lower, 100 * upper], [y, y], color=colour, lw=2, solid_capstyle="butt")
        axes.plot([100 * middle], [y], marker, color=colour, ms=7, label=None if kind in seen else name)
        seen.add(kind)
        if not narrow:
            words.text(0, y, text, va="center", fontsize=9)
    axes.axvline(0, color="black", lw=0.8)
    if narrow:
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
    else:
        axes.set_yticks(range(len(rows)), [wrap(row[0], 36) for row in reversed(rows)], fontsize=9)
    axes.set_xlabel(wrap(_axis_label(result.trial.arms), int(11 * width)))
    axes.set_ylim(-0.6, len(rows) - 0.1)
    axes.grid(axis="x", color="#E5E5E5", lw=0.6)
    heading = wrap(f"{end_point_title(result.trial.end_point)}: frequentist and Bayesian intervals", int(8.5 * width))
    figure.suptitle(heading, fontsize=11, x=0.01, ha="left")
    star = "* primary analysis" if result.primary is not None else None
    columns = 1 if narrow else 2
    legend_outside(figure, result.trial.synthetic, fontsize=9, ncols=columns, title=star, title_fontsize=8)
    return figure


def risk_difference_words(posteriors: list[Posterior], failed: tuple[str, ...] = ()) -> str:
    """Of the densities by model."""
    lead = _lead(posteriors)
    rd, benefit, source = lead.row("risk_difference"), lead.chances["benefit"], lead.provenance
    others = [p for p in posteriors if p is not lead]
    spread = sorted(p.row("risk_difference").q50 for p in others)
    rest = f" The medians of the others run from {points(spread[0])} to {points(spread[-1])} points." if spread else ""
    return (
        f"Posterior of the risk difference under {_counted(len(posteriors))}. {lead.spec.called}: "
        f"the {source.end_point.words.one.split()[1]} is "
        f"{difference_words(rd.q50, source.arms, source.end_point)} (median; 95 % credible interval "
        f"{points_interval(rd.q2_5, rd.q97_5)}), P(benefit) {probability(benefit.probability, benefit.mcse)}."
        f"{rest}{_failed(failed)}"
    )


def benefit_curve_words(posteriors: list[Posterior], failed: tuple[str, ...] = ()) -> str:
    """Of the curves of P(benefit greater than d)."""
    lead = _lead(posteriors)
    steps = ", ".join(
        f"{in_points(100 * item.threshold)} {probability(item.probability, item.mcse)}"
        for item in lead.ladder
        if item.kind == "benefit"
    )
    return (
        f"Probability that the benefit of {lead.provenance.arms.active} is greater than d, falling as d grows, under "
        f"{_counted(len(posteriors))}. {lead.spec.called}: beyond {steps}.{_failed(failed)}"
    )


def intervals_words(result: Reanalysis) -> str:
    """Of the confidence and credible intervals on one axis."""
    told = []
    for row in result.hierarchy:
        t = row.two_by_two
        if t is not None and t.risk_difference_newcombe is not None:
            i = t.risk_difference_newcombe
            told.append(
                f"{row.population.label}, {points(t.risk_difference)}, 95 % confidence interval "
                f"{points_interval(i.lower, i.upper)}"
            )
    for posterior in result.sound:
        rd = posterior.row("risk_difference")
        told.append(
            f"{posterior.spec.called}, {points(rd.q50)}, 95 % credible interval {points_interval(rd.q2_5, rd.q97_5)}"
        )
    trial = result.trial
    return (
        f"Intervals of the risk difference, {trial.arms.active} minus {trial.arms.control}, in percentage points; "
        f"{benefit_side(trial.end_point)}. Frequentist ones first: {'; '.join(told)}.{_failed(result.unsound)}"
    )


def _lead(posteriors: list[Posterior]) -> Posterior:
    lead = leading(posteriors)
    assert lead is not None  # a figure of no model is not drawn
    return lead


def _counted(number: int) -> str:
    return "one model" if number == 1 else f"{number} models"


def _failed(failed: tuple[str, ...]) -> str:
    return f" Not shown, because the diagnostics failed: {', '.join(failed)}." if failed else ""
