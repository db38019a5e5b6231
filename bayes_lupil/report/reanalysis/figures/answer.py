"""The answer in one chart: fifty equally probable values of the effect, and below them every interval beside it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_lupil.numbers import in_points, interval, percent
from bayes_lupil.report.media.blocks import Chart, Slider
from bayes_lupil.report.media.plot_style import LONGEST, clip, wrap
from bayes_lupil.report.media.vega import PIXELS, colour, finished, minus, placed, rows_of, texts_at
from bayes_lupil.report.reanalysis.contents import Contents
from bayes_lupil.report.reanalysis.figures.answer_lines import DOTS, Answer, answer_of, said

if TYPE_CHECKING:
    import altair

__all__ = ["answer_chart"]

_LONG, _SHORT = 42, 25  # letters of a line of the text above the dots of a narrow chart, and beside those of a wide one
_NARROW = 5.0  # inches below which labels stand above their rows
_LOOKS = {"trial": ("other", "square"), "lead": ("accent", "circle"), "prior": ("soft", "diamond")}
_BESIDE = 208.0  # pixels before the axes of a wide chart, for words
_STACK, _SMALLEST = 150.0, 5.0  # pixels: of all dots upon each other, and of the smallest dot


def answer_chart(contents: Contents) -> Chart | None:
    """The chart with its words, its slider and its numbers; None where no analysis is sound, or it is not of risks."""
    import pandas as pd

    answer = answer_of(contents)
    if answer is None:
        return None
    arms = answer.lead.provenance.arms
    positions = tuple(
        (
            round(100 * step.threshold, 6),
            in_points(round(100 * step.threshold, 6)),
            said(answer, step, _LONG),
            said(answer, step, _SHORT),
        )
        for step in answer.steps
    )  # fmt: skip
    frame = pd.DataFrame(
        {
            "at_least": [step.threshold for step in answer.steps],
            "dots": [answer.beyond(step.threshold) for step in answer.steps],
            "p_benefit": [step.probability for step in answer.steps],
            "p_benefit_mcse": [step.mcse for step in answer.steps],
        }
    )
    return Chart(
        "answer", _words(answer), _caption(answer), partial(_drawn, answer),
        Slider(f"{arms.active} at least this many points better:", positions), "answer.csv", frame,
    )  # fmt: skip


def _words(answer: Answer) -> str:
    source, first = answer.lead.provenance, answer.steps[0]
    told, of = [], ""
    for line in answer.lines:
        if line.kind == "heading":
            of = line.label
            continue
        name = line.label.split(":")[0].removeprefix("\u2026 ")
        result = f"; {line.said}" if line.said else ""
        told.append(
            f"{of}, {name[:1].lower()}{name[1:]}: {answer.points(line.middle)} ({line.method} "
            f"{interval(answer.points(line.low), answer.points(line.high))}){result}"
        )
    return (
        f"Differences of {source.end_point.words.rate}s, {source.arms.active} minus {source.arms.control}, in "
        f"percentage points. {answer.beyond(0.0)} of {DOTS} equally probable values lie on the side where "
        f"{source.arms.active} is better: probability {percent(first.probability, short=True)}. {'. '.join(told)}."
    )


def _caption(answer: Answer) -> str:
    told = " ".join(f"{line.said} {line.method}" for line in answer.lines)
    notes = [
        ("(Newcombe)", "Confidence intervals of the totals are Newcombe's."),
        ("by site)", "The confidence interval (Mantel-Haenszel) and the p-value (CMH: Cochran-Mantel-Haenszel test) "
                     "are stratified by site."),
        ("nominal", "Nominal: outside the trial's fixed sequence of tests."),
        ("unprotected", "Unprotected: randomisation does not protect the choice of these patients."),
    ]  # fmt: skip
    return " ".join(
        [
            f"Each dot is one of {DOTS} equally probable values of the difference (posterior of "
            f"`{answer.lead.spec.name}`). Bars: 95 % intervals; squares: the trial's estimate; circles and diamonds: "
            "posterior medians.",
            *(words for mark, words in notes if mark in told),
        ]
    )


def _drawn(answer: Answer, width: float = 8.0) -> altair.LayerChart:
    """The chart in a width in inches; below 5 the labels stand above their rows."""
    import altair as alt

    narrow, sign = width < _NARROW, answer.sign
    left, right = (0.0, 0.0) if narrow else (_BESIDE, 10 + 7.2 * max(len(line.said) for line in answer.lines))
    low, high = _ends(answer)
    across = PIXELS * width - left - right - 16
    # on a phone the words stand over the dots, however long the slider makes them
    tall = 18 * max(len(said(answer, step, _LONG if narrow else _SHORT)) for step in answer.steps)
    over = 8.0 + tall if narrow else 4.0
    dots, size, bin_width, base = _stacked(answer, (high - low) / across, over, 13.0 if narrow else 17.0)
    rows, height = _rows(answer, max(base + 16, 0 if narrow else tall + 8), narrow)
    scale = alt.Scale(domain=[low, high], nice=False, zero=False)
    source = answer.lead.provenance
    arms = [clip(name, 16 if narrow else 24) for name in source.arms.names]
    worse, best = (f"{arms[0]} better", f"{arms[1]} better")[::sign]
    heads = [
        f"Difference in {source.end_point.words.rate}, percentage points",
        f"\u2190 {worse}  |  {best} \u2192",
    ]
    axis = alt.Axis(title=heads, grid=not narrow, tickCount=5 if narrow or high - low < 2 else 8, format="~f")
    x = alt.X("x:Q", scale=scale, axis=axis)
    beyond = f"{sign} * datum.x > threshold"
    radius = f"min({size}, width * {bin_width / (high - low)})"
    shades = rows_of(dots).mark_point(
        filled=True, opacity=1, strokeWidth=1.2, size=alt.ExprRef(f"pow(0.84 * {radius}, 2)"), shape="circle"
    )
    asked = alt.XDatum(alt.ExprRef(f"{sign} * threshold"), type="quantitative")
    shown = alt.ExprRef("threshold > 0 ? 1 : 0")
    layers: list[alt.Chart] = [
        rows_of(_zeros(rows, (over, base, height), narrow)).mark_rule(color=colour("ink"), strokeWidth=1)
        .encode(x=x, y=placed(height), y2="to:Q"),
        rows_of([{"level": base, "x": low, "to": high}]).mark_rule(color=colour("muted"))
        .encode(x=x, x2="to:Q", y=placed(height)),
        rows_of([{"level": base, "top": over}])
        .mark_rule(color=colour("accent"), strokeDash=[5, 3], strokeWidth=1.5, opacity=shown)
        .encode(x=asked, y=placed(height), y2="top:Q"),
        shades.encode(
            x=alt.X("at:Q", scale=scale), y=placed(height),
            fill=alt.condition(beyond, alt.value(colour("accent")), alt.value(colour("paper"))),
            stroke=alt.condition(beyond, alt.value(colour("accent")), alt.value(colour("muted"))),
            tooltip=[alt.Tooltip("value:N", title="difference"), alt.Tooltip("rank:N", title="value")],
        ),
        rows_of([{"level": 10}])
        .mark_text(align="left", baseline="middle", color=colour("accent"), fontWeight="bold", fontSize=14,
                   lineHeight=18, text=alt.ExprRef("said"))
        .encode(x=alt.value(2 - left), y=placed(height)),
    ]  # fmt: skip
    layers += _intervals(rows, height, scale)
    layers += _row_words(rows, height, narrow, left)
    title = "Where the true difference may lie: 50 equally probable values"
    return finished(
        layers, inches=width, height=height, title=title, subtitle=_of(answer), left=left,
        synthetic=source.synthetic, axis_lines=2,
        values={"threshold": 0, "said": list(said(answer, answer.steps[0], _LONG if narrow else _SHORT))},
    )  # fmt: skip


def _zeros(rows: list[dict[str, Any]], levels: tuple[float, float, float], narrow: bool) -> list[dict[str, float]]:
    """The line of no difference from over the dots to the axis; on a phone it stops where there are words."""
    over, base, bottom = levels
    if not narrow:
        return [{"x": 0, "level": over, "to": bottom}]
    found = [{"x": 0, "level": over, "to": base}, {"x": 0, "level": bottom - 4, "to": bottom}]
    return found + [{"x": 0, "level": row["level"] - 9, "to": row["level"] + 9} for row in rows if row["label"]]


def _of(answer: Answer) -> str:
    """The end point, and by which analysis."""
    source, spec = answer.lead.provenance, answer.lead.spec
    role = "primary analysis" if spec.role == "primary" else f"analysis '{clip(spec.name, 30)}'"
    return f"{clip(source.end_point.directed, LONGEST)}; {role}"


def _ends(answer: Answer) -> tuple[float, float]:
    """Of the horizontal axis: all that is drawn, and no difference."""
    found = [0.0, *(100 * answer.dots)]
    for line in answer.lines:
        if line.kind != "heading":
            found += [100 * line.low, 100 * line.high]
    pad = 0.04 * (max(found) - min(found))
    return min(found) - pad, max(found) + pad


def _stacked(
    answer: Answer, per_pixel: float, above: float, size: float
) -> tuple[list[dict[str, Any]], float, float, float]:
    """Dots with their places, the size of one, the width of a stack in points, and the level that they stand on.

    They are as large as `size` where no stack is too high then.

    No stack holds dots of both sides of no difference, for one begins there.
    """
    values = 100 * answer.dots
    while True:
        stacks = np.floor(values / (size * per_pixel)).astype(int)
        tallest = int(np.unique(stacks, return_counts=True)[1].max())
        if tallest * size <= _STACK or size <= _SMALLEST:
            break
        size -= 0.5
    base, filled, dots = above + tallest * size + 4, dict.fromkeys(stacks.tolist(), 0), []
    for i, (value, stack) in enumerate(zip(values.tolist(), stacks.tolist(), strict=True)):
        filled[stack] += 1
        dots.append(
            {
                "x": value, "at": round((stack + 0.5) * size * per_pixel, 6),
                "level": round(base - (filled[stack] - 0.5) * size, 2),
                "value": minus(f"{answer.points(value / 100)} points"),
                "rank": f"{i + 1} of {DOTS}, from the worst",
            }
        )  # fmt: skip
    return dots, size, size * per_pixel, base


def _rows(answer: Answer, top: float, narrow: bool) -> tuple[list[dict[str, Any]], float]:
    """Each line with its level, and how high the chart is."""
    rows: list[dict[str, Any]] = []
    level = top
    for line in answer.lines:
        if line.kind == "heading":
            lines = wrap(line.label, 50 if narrow else 28).split("\n")
            level += 14 if rows else 4
            rows.append({"kind": "heading", "text": lines, "level": round(level + 4, 1), "label": ""})
            level += 15 * len(lines) + 7
            continue
        limits = interval(answer.points(line.low), answer.points(line.high))
        rows.append(
            {
                "kind": line.kind, "label": line.label, "level": round(level + (38 if narrow else 15), 1),
                "words": round(level + 8, 1), "numbers": minus(f"{answer.points(line.middle)} ({limits})"),
                "said": line.said, "method": line.method,
                "x": 100 * line.middle, "low": 100 * line.low, "high": 100 * line.high,
            }
        )  # fmt: skip
        level += 56 if narrow else 36
    return rows, round(level + 4, 1)


def _intervals(rows: list[dict[str, Any]], height: float, scale: altair.Scale) -> list[altair.Chart]:
    """The bars with their marks, each kind in a colour and a shape of its own."""
    import altair as alt

    layers = []
    for kind, (name, shape) in _LOOKS.items():
        held = [row for row in rows if row["kind"] == kind]
        if not held:
            continue
        told = [
            alt.Tooltip("label:N", title=" "), alt.Tooltip("numbers:N", title="points"),
            alt.Tooltip("method:N", title="interval"),
            alt.Tooltip("said:N", title="result"),
        ]  # fmt: skip
        base = rows_of(held)
        layers += [
            base.mark_rule(color=colour(name), strokeWidth=3)
            .encode(x=alt.X("low:Q", scale=scale), x2="high:Q", y=placed(height), tooltip=told),
            base.mark_point(filled=True, opacity=1, shape=shape, size=95, color=colour(name))
            .encode(x=alt.X("x:Q", scale=scale), y=placed(height), tooltip=told),
        ]  # fmt: skip
    return layers


def _row_words(rows: list[dict[str, Any]], height: float, narrow: bool, left: float) -> list[altair.Chart]:
    """Headings, labels with numbers, and what stands beside: in columns, or above the row on a phone."""
    import altair as alt

    start = 2 - left
    heads = [{"text": row["text"], "level": row["level"]} for row in rows if row["kind"] == "heading"]
    layers = [texts_at(heads, height, start, fontWeight="bold", fontSize=12.5, baseline="top", lineHeight=15)]
    lines = [row for row in rows if row["kind"] != "heading"]
    named = [{"text": row["label"], "level": row["words"]} for row in lines]
    numbers = [{"text": row["numbers"], "level": row["words"] + 14} for row in lines]
    layers += [
        texts_at(named, height, start),
        texts_at(numbers, height, start, color=colour("muted"), fontSize=11.5),
    ]
    for kind, (name, _) in _LOOKS.items():
        beside = [
            {"text": row["said"], "level": row["words"] if narrow else row["level"]}
            for row in lines if row["kind"] == kind
        ]  # fmt: skip
        place, side = (alt.ExprRef("width - 4"), "right") if narrow else (alt.ExprRef("width + 8"), "left")
        layers.append(texts_at(beside, height, place, align=side, color=colour(name), fontWeight="bold"))
    return layers
