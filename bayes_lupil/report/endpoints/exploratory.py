"""The exploratory end points on the page: own estimates, and what shrinkage makes of them."""

from __future__ import annotations

from functools import partial

from bayes_lupil.endpoints.exploratory.analysis import FurtherRow
from bayes_lupil.endpoints.result import EndPointAnalysis
from bayes_lupil.numbers import p_value, small
from bayes_lupil.report.endpoints.figures import exploratory_words, figure_further
from bayes_lupil.report.endpoints.sentences import chance_words, own_scale, shrunken_words
from bayes_lupil.report.media.blocks import Block, Figure, Paragraph, Table

__all__ = ["exploratory"]


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
            shrunken_words(row), chance_words(row),
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
        Table.of(header, rows, caption, "exploratory.csv", found.to_frame().reset_index()),
        Paragraph(
            f"Mean effect by group, on the scale of log odds ratios with benefit positive: {means}. P(benefit) is "
            "computed on a grid, not by simulation: its numerical error is at most "
            f"{small(max([*errors, 0.0001]))}."
        ),
        Figure(
            "exploratory",
            exploratory_words(result),
            "Exploratory end points, own and shrunken estimates",
            partial(figure_further, result),
        ),
    ]


def _raw(row: FurtherRow) -> str:
    return (
        own_scale(row, row.raw.estimate) + (f" ({row.raw.note})" if row.raw.note else "")
        if row.shrunken
        else row.raw.note
    )
