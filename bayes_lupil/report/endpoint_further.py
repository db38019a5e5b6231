"""The exploratory end points on the page: own estimates, and what shrinkage makes of them."""

from __future__ import annotations

from bayes_lupil.endpoints.analysis import EndPointAnalysis
from bayes_lupil.endpoints.further import FurtherRow
from bayes_lupil.report.markdown import markdown_table
from bayes_lupil.report.numbers import interval, p_value

__all__ = ["chance_words", "further_markdown", "own_scale"]


def further_markdown(result: EndPointAnalysis) -> list[str]:
    """The table of exploratory end points and what it means."""
    found = result.further
    assert found is not None  # or it would not be asked for
    header = (
        "end point",
        "group",
        "better",
        "patients",
        "own estimate",
        "p, not corrected",
        "shrunken (95 % CrI)",
        "P(benefit)",
    )
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
        f"{group} {mean.mean:+.2f} (95 % CrI {mean.lower:+.2f} to {mean.upper:+.2f})"
        for group, mean in found.means.items()
    )
    return [
        "## Exploratory end points",
        "",
        "All of them analysed alike, sites left out: binary ones by the odds ratio, continuous ones by the difference "
        "of means adjusted for the baseline where the plan names one. Effects of a group are taken to come from one "
        "distribution, so that each is pulled towards the group's mean, the more the less it is known; that replaces a "
        "correction of p-values. A group of one is pulled towards its prior alone. Missing values are left out. "
        "Nothing here was tested formally.",
        "",
        markdown_table(header, rows),
        "",
        f"Mean effect by group, on the scale of log odds ratios with benefit positive: {means}. P(benefit) is "
        f"computed on a grid, not by simulation: its numerical error is at most {max(errors, default=0.0):.1g}.",
        "",
        "![Exploratory end points, own and shrunken estimates](exploratory.png)",
        "",
    ]


def own_scale(row: FurtherRow, value: float, unit: bool = True) -> str:
    """An effect of the common scale on that of the end point."""
    own = row.raw.on_own_scale(value)
    if row.raw.end_point.kind == "binary":
        return (f"odds ratio {own:.2f}" if unit else f"{own:.2f}") if own < 1000 else "odds ratio above 1000"
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
