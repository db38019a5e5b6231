"""Figures of a hierarchy of end points: effects side by side, tipping points, exploratory end points."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_lupil.endpoints.classical import Counterpart
from bayes_lupil.endpoints.result import EndPointAnalysis, Step
from bayes_lupil.endpoints.tipping.surface import Surface as TippingSurface
from bayes_lupil.errors import InputError
from bayes_lupil.frequentist.ancova import Ancova
from bayes_lupil.numbers import interval, probability
from bayes_lupil.report.endpoints.sentences import chance_words, in_units, own_scale, shrunken_words
from bayes_lupil.report.media.plot_rows import NARROW, frame, label_above, label_rows, legend_below
from bayes_lupil.report.media.plot_style import COLOURS, clip, new_figure, styled, wrap

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "exploratory_words", "figure_further", "figure_hierarchy", "figure_tipping", "hierarchy_words", "tipping_words"
]  # fmt: skip

_BAYES, _CLASSIC = 0.16, -0.16  # of a row
_ABOVE = 0.27  # of a row: where labels begin that stand above
_MOST_WRITTEN = 64  # cells with a number in each
_WALD = 1.959964


@styled
def figure_hierarchy(result: EndPointAnalysis, width: float = 7.5) -> Figure:
    """Effects of all steps on one axis, in multiples of the difference that each model file calls relevant.

    Above, posterior median and 95 % credible interval; below, the adjusted frequentist estimate with its 95 %
    confidence interval. Benefit is to the right whatever the declared direction, the first step at the top.

    Parameters
    ----------
    result : EndPointAnalysis
    width : float
        In inches; 4 and more. Below 5.5 labels and numbers stand above the rows.
    """
    narrow = width < NARROW
    figure, axes, words = new_figure(width, width, result.synthetic, side=0 if narrow else 0.34)
    steps = list(reversed(result.steps))
    for y, step in enumerate(steps):
        scale = step.derived.end_point.sign / step.model.decision.relevant
        _bayesian(axes, y, step, scale)
        _frequentist(axes, y, step.counterpart, result.arms.active, scale)
    axes.axvline(0, color="black", lw=0.8, zorder=1)
    axes.axvline(1, color="#555555", lw=1.0, ls=(0, (1, 1)), zorder=1)
    names = [f"{step.number} {clip(step.derived.plan.label, 60)}" for step in steps]
    height = _labelled(axes, words, names, [_numbers(step) for step in steps], width, 0.75, 30)
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
        f"Relevant differences, declared in the model files: {relevant}. P(benefit) of each end point by its own "
        f"model, with its Monte Carlo standard error (MCSE).",
        result.synthetic, height + 0.3 + below,
    )  # fmt: skip
    return figure


def _labelled(
    axes: Axes, words: Axes, names: list[str], numbers: list[tuple[str, ...]], width: float, row: float, letters: int
) -> float:
    """Name each row beside it, with its numbers to the right; or all above it where narrow. The height in inches.

    `row` is the height of a row, `letters` the room to the right, both where not narrow.
    """
    if width < NARROW:
        lines = [[name, *(" ".join(said[:-1]), said[-1])] for name, said in zip(names, numbers, strict=True)]
        return label_above(
            axes, ["\n".join(wrap(line, int(13 * width)) for line in label if line) for label in lines], _ABOVE
        )
    label_rows(axes, [wrap(name, int(3.4 * width)) for name in names])
    for y, said in enumerate(numbers):
        words.text(0.02, y, "\n".join(wrap(line, letters) for line in said), fontsize=8.5, va="center")
    return row * len(names)


def _numbers(step: Step) -> tuple[str, ...]:
    """Effect, interval and probability of a step in words."""
    if not step.ok or step.posterior is None:
        return ("no result: diagnostics failed",)
    row, best = step.posterior.row(step.posterior.effect), step.posterior.p_benefit
    assert best is not None  # it is sound
    point = step.derived.end_point
    limits = interval(in_units(row.q2_5, point, unit=False), in_units(row.q97_5, point, unit=False))
    return in_units(row.q50, point), f"({limits})", f"P(benefit) {probability(best.probability, best.mcse)}"


def _bayesian(axes: Axes, y: int, step: Step, scale: float) -> None:
    if not step.ok or step.posterior is None:
        return
    row = step.posterior.row(step.posterior.effect)
    axes.plot([scale * row.q2_5, scale * row.q97_5], [y + _BAYES] * 2, color=COLOURS[0], lw=2, solid_capstyle="butt")
    axes.plot(scale * row.q50, y + _BAYES, "o", color=COLOURS[0], ms=6)


def _frequentist(axes: Axes, y: int, found: Counterpart, arm: str, scale: float) -> None:
    contrast: Any = found.analysis.contrasts.get(arm)
    if contrast is None:
        return
    if not isinstance(found.analysis, Ancova):
        contrast = contrast.difference
    ends = scale * np.array([contrast.interval.lower, contrast.interval.upper])
    axes.plot(ends, [y + _CLASSIC] * 2, color=COLOURS[1], lw=1.2, solid_capstyle="butt")
    axes.plot(scale * contrast.estimate, y + _CLASSIC, "s", color=COLOURS[1], mfc="white", ms=5)


_POINT_MARKS = {
    "non_responder": "o", "complete_cases": "s", "worst_case": "v", "best_case": "^", "jump_to_control": "D",
}  # fmt: skip


@styled
def figure_tipping(step: Step, result: EndPointAnalysis, width: float = 6.5) -> Figure:
    """P(benefit) over what the missing patients would have been, with the line where it crosses the threshold.

    Parameters
    ----------
    step : Step
        With a surface.
    result : EndPointAnalysis
    width : float
        In inches; 4 and more.

    Raises
    ------
    InputError
        Where the step has no surface, because nothing is missing or none was asked for.
    """
    from matplotlib.lines import Line2D

    surface = step.tipping
    if surface is None:
        raise InputError(f"end point '{step.derived.plan.name}'", "no tipping-point surface", "one")
    figure, axes, _ = new_figure(width, width, result.synthetic)
    image = axes.pcolormesh(
        _edges(surface.active), _edges(surface.control), surface.p, cmap="cividis", vmin=0, vmax=1, rasterized=True
    )
    bar = figure.colorbar(image, ax=axes, fraction=0.05)
    bar.set_label("P(benefit)", fontsize=9)
    bar.ax.axhline(surface.threshold, color="#D55E00", lw=1.5)
    if surface.p.size <= _MOST_WRITTEN:
        step_up = float(surface.control[1] - surface.control[0]) if surface.control.size > 1 else 1.0
        for i, c in enumerate(surface.control):
            for j, a in enumerate(surface.active):
                shade = "black" if surface.p[i, j] > 0.6 else "white"
                text = "none" if np.isnan(surface.p[i, j]) else f"{surface.p[i, j]:.2f}"
                axes.text(a, c - 0.32 * step_up, text, ha="center", va="center", fontsize=8, color=shade)
    if min(surface.p.shape) > 1 and np.nanmin(surface.p) < surface.threshold < np.nanmax(surface.p):
        axes.contour(surface.active, surface.control, surface.p, [surface.threshold], colors="#D55E00", linewidths=1.8)
    handles = []
    for point in surface.points:
        mark: dict[str, Any] = {"marker": _POINT_MARKS[point.name], "mfc": "white", "mec": "black", "ms": 7, "ls": ""}
        axes.plot(point.active, point.control, clip_on=False, zorder=5, **mark)
        words = f"{point.label}: {probability(point.p, point.mcse, least=1e-4)}"
        handles.append(Line2D([], [], label=wrap(words, int(8 * width)), **mark))
    handles.append(Line2D([], [], color="#D55E00", lw=1.8, label=f"P(benefit) = {surface.threshold:g}"))
    of = f"of {surface.missing[1]} missing" if step.derived.plan.kind == "binary" else surface.end_point.unit
    of_control = f"of {surface.missing[0]} missing" if step.derived.plan.kind == "binary" else surface.end_point.unit
    what = "Responders" if step.derived.plan.kind == "binary" else "Shift of the mean of the missing"
    axes.set_xlabel(f"{what} on {clip(result.arms.active, 25)} ({of})", fontsize=9)
    axes.set_ylabel(f"{what} on\n{clip(result.arms.control, 25)} ({of_control})", fontsize=9)
    if step.derived.plan.kind == "binary":
        axes.set_xticks(surface.active)
        axes.set_yticks(surface.control)
    axes.legend(
        handles=handles, fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(-0.1, -0.16), borderaxespad=0
    )
    lines = sum(str(handle.get_label()).count("\n") + 1 for handle in handles)
    frame(
        figure, f"{clip(step.derived.plan.label, 60)}: what the missing patients would have to be",
        " ".join(surface.words), result.synthetic, 3.1 + 0.6 + 0.19 * lines,
    )  # fmt: skip
    return figure


def _edges(centres: Any) -> Any:
    """Edges of cells around their centres; a single one is one wide."""
    if centres.size == 1:
        return np.array([centres[0] - 0.5, centres[0] + 0.5])
    middle = (centres[1:] + centres[:-1]) / 2
    return np.concatenate([[2 * centres[0] - middle[0]], middle, [2 * centres[-1] - middle[-1]]])


@styled
def figure_further(result: EndPointAnalysis, width: float = 7.5) -> Figure:
    """Forest plot of the exploratory end points: own estimate and shrunken one, benefit to the right.

    Parameters
    ----------
    result : EndPointAnalysis
        With exploratory end points.
    width : float
        In inches; 4 and more. Below 5.5 labels and numbers stand above the rows.

    Raises
    ------
    InputError
        Where there are none.
    """
    from matplotlib.lines import Line2D

    if result.further is None:
        raise InputError(f"plan '{result.plan.name}'", "no exploratory end points", "one or more")
    rows = list(reversed(result.further.rows))
    narrow = width < NARROW
    figure, axes, words = new_figure(width, width, result.synthetic, side=0 if narrow else 0.3)
    numbers: list[tuple[str, ...]] = []
    for y, row in enumerate(rows):
        if row.shrunken is None:
            numbers.append((f"no estimate: {row.raw.note}",))
            continue
        raw, s = row.raw, row.shrunken
        axes.plot(
            [raw.estimate - _WALD * raw.se, raw.estimate + _WALD * raw.se], [y + _BAYES] * 2, color=COLOURS[1], lw=1.2
        )
        axes.plot(raw.estimate, y + _BAYES, "s", color=COLOURS[1], mfc="white", ms=5)
        axes.plot([s.lower, s.upper], [y + _CLASSIC] * 2, color=COLOURS[0], lw=2, solid_capstyle="butt")
        axes.plot(s.mean, y + _CLASSIC, "o", color=COLOURS[0], ms=6)
        numbers.append((own_scale(row, s.mean), f"P(benefit) {chance_words(row)}"))
    axes.axvline(0, color="black", lw=0.8, zorder=1)
    names = [f"{clip(row.raw.end_point.label, 60)} ({row.group})" for row in rows]
    height = _labelled(axes, words, names, numbers, width, 0.55, 26)
    scale = wrap("Log odds ratio, or standardised difference on its scale", int(11 * width))
    axes.set_xlabel(f"{scale}\n\u2190 worse      better \u2192", fontsize=9)
    below = legend_below(
        axes,
        [
            Line2D(
                [], [], color=COLOURS[1], marker="s", mfc="white", lw=1.2, ms=5, label="own estimate, 95 % confidence"
            ),
            Line2D([], [], color=COLOURS[0], marker="o", lw=2, ms=6, label="shrunken, 95 % credible"),
        ],
    )
    frame(
        figure,
        f"{clip(result.arms.active, 30)} against {clip(result.arms.control, 30)}: exploratory end points",
        f"Each effect is shrunk towards the others of its group (in brackets), a group of one towards its prior. "
        f"{'Under each name' if narrow else 'To the right'}: shrunken effect on the scale of the end point. Nothing "
        f"here was tested formally.",
        result.synthetic, height + 0.3 + below,
    )  # fmt: skip
    return figure


def hierarchy_words(result: EndPointAnalysis) -> str:
    """The effects in the order of testing: by the model, and by the adjusted analysis."""
    return (
        f"Effects of {clip(result.arms.active)} against {clip(result.arms.control)} in the order of testing. "
        f"{' '.join(_step_words(step, result.arms.active) for step in result.steps)}"
    )


def _step_words(step: Step, active: str) -> str:
    point, best = step.derived.end_point, step.posterior.p_benefit if step.posterior is not None else None
    head = f"{step.number}, {clip(point.label, 60)} ({point.benefit} is better)"
    if best is None or step.posterior is None:
        said = "no result of the model"
    else:
        row = step.posterior.row(step.posterior.effect)
        limits = interval(in_units(row.q2_5, point, unit=False), in_units(row.q97_5, point, unit=False))
        said = (
            f"median {in_units(row.q50, point)} (95 % credible interval {limits}), P(benefit) "
            f"{probability(best.probability, best.mcse)}"
        )
    analysis = step.counterpart.analysis
    contrast: Any = analysis.contrasts.get(active)
    if contrast is not None and not isinstance(analysis, Ancova):
        contrast = contrast.difference
    if contrast is not None and contrast.interval is not None:
        i = contrast.interval
        limits = interval(in_units(i.lower, point, unit=False), in_units(i.upper, point, unit=False))
        said += f"; adjusted estimate {in_units(contrast.estimate, point)} (95 % confidence interval {limits})"
    relevant = in_units(step.model.decision.relevant, point, signed=False)
    return f"{head}: {said}; a relevant difference is {relevant}."


def tipping_words(surface: TippingSurface) -> str:
    """What the surface says, and P(benefit) under each named assumption."""
    named = "; ".join(f"{point.label}: {probability(point.p, point.mcse, least=1e-4)}" for point in surface.points)
    return f"P(benefit) over what the missing patients would have been. {' '.join(surface.words)} {named}."


def exploratory_words(result: EndPointAnalysis) -> str:
    """What the figure of exploratory end points shows: how many are probably better, the most and the least probable.

    Every number is of shrunken effects; 'better' is by each end point's own direction.
    """
    rows = [row for row in result.further.rows if row.shrunken is not None] if result.further is not None else []
    if not rows:
        return "No exploratory end point has an estimate."
    chances = [row.shrunken.p_benefit for row in rows if row.shrunken is not None]
    better = sum(p > 0.5 for p in chances)
    order = sorted(range(len(rows)), key=lambda i: chances[i])
    named = [("the least probable benefit", rows[order[0]]), ("the most probable", rows[order[-1]])]
    ends = "; ".join(
        f"{word} is in {clip(row.raw.end_point.label, 60)} ({row.raw.end_point.benefit} is better): "
        f"{shrunken_words(row)}, P(benefit) {chance_words(row)}"
        for word, row in named[: len(rows)]
    )
    return (
        f"Own and shrunken effects of {len(rows)} exploratory end points, {clip(result.arms.active)} against "
        f"{clip(result.arms.control)}: P(benefit) is above 0.5 in {better} of them. Shrunken effects with 95 % "
        f"credible intervals: {ends}."
    )
