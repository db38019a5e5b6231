"""The exploratory end points on the page: own estimates, and what shrinkage makes of them."""

from __future__ import annotations

from bayes_lupil.endpoints.analysis import EndPointAnalysis
from bayes_lupil.endpoints.exploratory.analysis import FurtherRow
from bayes_lupil.numbers import interval, p_value
from bayes_lupil.report.blocks import Block, Figure, Paragraph, Table
from bayes_lupil.report.style import clip

__all__ = ["chance_words", "exploratory", "exploratory_words", "own_scale"]

_EVEN = 0.5
_LEAST, _MOST = 0.01, 1000.0  # odds ratios beyond which no number is written


def exploratory(result: EndPointAnalysis) -> list[Block]:
    """The table of exploratory end points, what it means, and its figure; nothing where there are none."""
    found = result.further
    if found is None:
        return []
    header = (
        "end point", "group", "better", "patients", "own estimate", "p, not corrected",
        "shrunken (95 % credible interval)", "P(benefit)",
    )  # fmt: skip
    rows = [
        [
            row.raw.end_point.label, row.group, row.raw.end_point.benefit,
            f"{row.raw.patients[1]} v {row.raw.patients[0]}", _raw(row), p_value(row.raw.p) if row.shrunken else "",
            _shrunken(row), chance_words(row),
        ]
        for row in found.rows
    ]  # fmt: skip
    errors = [row.shrunken.error for row in found.rows if row.shrunken]
    means = "; ".join(
        f"{group} {mean.mean:+.2f} (95 % credible interval {mean.lower:+.2f} to {mean.upper:+.2f})"
        for group, mean in found.means.items()
    )
    arms = result.arms
    caption = (
        f"Exploratory end points: {arms.active} against {arms.control}, odds ratios (active to control) or differences "
        "in means (active minus control) in units of the end point"
    )
    return [
        Paragraph(
            "All of them analysed alike, sites left out: binary ones by the odds ratio, continuous ones by the "
            "difference of means adjusted for the baseline where the plan names one. Effects of a group are taken to "
            "come from one distribution, so that each is pulled towards the group's mean, the more the less it is "
            "known; that replaces a correction of p-values. A group of one is pulled towards its prior alone. Missing "
            "values are left out. Nothing here was tested formally."
        ),
        Table.of(header, rows, caption, "exploratory.csv"),
        Paragraph(
            f"Mean effect by group, on the scale of log odds ratios with benefit positive: {means}. P(benefit) is "
            f"computed on a grid, not by simulation: its numerical error is at most {max(errors, default=0.0):.1g}."
        ),
        Figure("exploratory", exploratory_words(result), "Exploratory end points, own and shrunken estimates"),
    ]


def exploratory_words(result: EndPointAnalysis) -> str:
    """What the figure of exploratory end points shows: how many are probably better, the most and the least probable.

    Every number is of shrunken effects; 'better' is by each end point's own direction.
    """
    rows = [row for row in result.further.rows if row.shrunken is not None] if result.further is not None else []
    if not rows:
        return "No exploratory end point has an estimate."
    chances = [row.shrunken.p_benefit for row in rows if row.shrunken is not None]
    better = sum(p > _EVEN for p in chances)
    order = sorted(range(len(rows)), key=lambda i: chances[i])
    named = [("the least probable benefit", rows[order[0]]), ("the most probable", rows[order[-1]])]
    ends = "; ".join(
        f"{word} is in {clip(row.raw.end_point.label, 60)} ({row.raw.end_point.benefit} is better): {_shrunken(row)}, "
        f"P(benefit) {chance_words(row)}"
        for word, row in named[: len(rows)]
    )
    return (
        f"Own and shrunken effects of {len(rows)} exploratory end points, {clip(result.arms.active)} against "
        f"{clip(result.arms.control)}: P(benefit) is above {_EVEN:g} in {better} of them. Shrunken effects with 95 % "
        f"credible intervals: {ends}."
    )


def own_scale(row: FurtherRow, value: float, unit: bool = True) -> str:
    """An effect of the common scale on that of the end point."""
    own = row.raw.on_own_scale(value)
    if row.raw.end_point.kind == "binary":
        # neither end is written as a number that it is not, so that both directions read alike
        written = f"above {_MOST:g}" if own >= _MOST else f"below {_LEAST:g}" if own < _LEAST else f"{own:.2f}"
        return f"odds ratio {written}" if unit else written
    suffix = f" {row.raw.end_point.unit}" if unit and row.raw.end_point.unit else ""
    return f"{own:+.3g}{suffix}"


def _raw(row: FurtherRow) -> str:
    return (
        own_scale(row, row.raw.estimate) + (f" ({row.raw.note})" if row.raw.note else "")
        if row.shrunken
        else row.raw.note
    )


def _shrunken(row: FurtherRow) -> str:
    s = row.shrunken
    if s is None:
        return ""
    ends = sorted((s.lower, s.upper), key=row.raw.on_own_scale)
    return f"{own_scale(row, s.mean)} ({interval(*(own_scale(row, end, unit=False) for end in ends))})"


def chance_words(row: FurtherRow) -> str:
    """P(benefit) to three decimals; its error is below that."""
    if row.shrunken is None:
        return ""
    p = row.shrunken.p_benefit
    return "> 0.999" if p > 0.9995 else "< 0.001" if p < 0.0005 else f"{p:.3f}"
