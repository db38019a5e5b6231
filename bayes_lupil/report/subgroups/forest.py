"""The forest of subgroups: what each shows by itself, shrunken, the average, and one that was not seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bayes_lupil.report.media.forest import Line, odds_ratio_forest
from bayes_lupil.report.media.plot_style import LONGEST, clip, styled
from bayes_lupil.sites.group_row import GroupRow, odds_words
from bayes_lupil.subgroups.analysis import SubgroupAnalysis

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from bayes_lupil.posterior.estimates import Estimate

__all__ = ["figure_subgroups", "line_of", "subgroups_in_words"]


def line_of(name: str, item: Estimate, row: GroupRow | None = None, p_benefit: Estimate | None = None) -> Line:
    """A line of the forest, with the counts of its group where it has one."""
    seen = None if row is None else row.observed
    return Line(
        name, (item.q2_5, item.q50, item.q97_5), odds_words(item.q2_5, item.q50, item.q97_5),
        "" if row is None else row.counts,
        None if seen is None else (seen.interval.lower, seen.estimate, seen.interval.upper),
        None if p_benefit is None else p_benefit.mean,
    )  # fmt: skip


@styled
def figure_subgroups(found: SubgroupAnalysis, width: float = 8.0) -> Figure:
    """Odds ratio of each subgroup, observed (square) and shrunken (circle), with 95 % intervals; log scale.

    Parameters
    ----------
    found : SubgroupAnalysis
    width : float
        In inches; below 6 the numbers stand under the names.
    """
    source = found.posterior.provenance
    active, control = clip(source.arms.active, 20), clip(source.arms.control, 20)
    return odds_ratio_forest(
        [
            *(line_of(row.subgroup, row.log_odds_ratio, row, row.p_benefit) for row in found.rows),
            line_of("average", found.average), line_of("one not seen", found.new),
        ],
        width=width, arms=(source.arms.active, source.arms.control), sign=source.end_point.sign,
        heading=f"{clip(source.end_point.directed, LONGEST)}: effect by {clip(found.by, 30)}",
        footnote=f"Under each name: {source.end_point.words.patients}/patients, {active} v {control}. Squares: "
        "observed, 95 % confidence interval. Circles and diamonds: posterior median, 95 % credible interval. Tests of "
        f"interaction: {found.tests}.",
        said="shrunken odds ratio", synthetic=source.synthetic,
    )  # fmt: skip


def subgroups_in_words(found: SubgroupAnalysis) -> str:
    """The figure for those who cannot see it."""
    told = [f"{row.subgroup} {row.shrunken_words}" for row in found.rows]
    return f"Shrunken odds ratios: {'; '.join(told)}."
