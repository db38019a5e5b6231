"""The forest of subgroups: what each shows by itself, shrunken, the average, and one that was not seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bayes_lupil.numbers import percent
from bayes_lupil.report.media.forest import bar, odds_ratio_axis
from bayes_lupil.report.media.plot_rows import better, frame
from bayes_lupil.report.media.plot_style import COLOURS, LONGEST, clip, new_figure, styled
from bayes_lupil.sites.group_row import odds_words
from bayes_lupil.subgroups.analysis import SubgroupAnalysis

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["figure_subgroups", "subgroups_in_words"]

_NARROW = 6.0


@styled
def figure_subgroups(found: SubgroupAnalysis, width: float = 8.0) -> Figure:
    """Odds ratio of each subgroup, observed (square) and shrunken (circle), with 95 % intervals; log scale.

    Parameters
    ----------
    found : SubgroupAnalysis
    width : float
        In inches; below 6 the numbers stand under the names.
    """
    narrow, source = width < _NARROW, found.posterior.provenance
    lines = [
        *((row.subgroup, row, row.log_odds_ratio) for row in found.rows),
        ("average", None, found.average),
        ("one not seen", None, found.new),
    ]
    inside = 0.58 * len(lines) + 0.7
    figure, axes, words = new_figure(width, inside, source.synthetic, side=0.0 if narrow else 0.3)
    labels = []
    for y, (name, row, item) in zip(reversed(range(len(lines))), lines, strict=True):
        said, counts, mark, colour, below = odds_words(item.q2_5, item.q50, item.q97_5), "", "D", COLOURS[6], 0.0
        if row is not None:
            said, counts = f"{percent(row.p_benefit.mean, short=True)}   {said}", f"\n{row.counts}"
            mark, colour = "o", COLOURS[0]
        if row is not None and (seen := row.observed) is not None:
            below = 0.15
            bar(axes, y + below, seen.interval.lower, seen.estimate, seen.interval.upper, "s", COLOURS[1], "observed")
        bar(axes, y - below, item.q2_5, item.q50, item.q97_5, mark, colour, "shrunken")
        labels.append(f"{clip(name, 28)}{counts}" + (f"\n{said}" if narrow else ""))
        if not narrow:
            words.text(0, y, said, va="center", fontsize=8.5)
    if not narrow:
        words.text(0, len(lines) - 0.4, "P(benefit), shrunken odds ratio", va="center", fontsize=8.5, weight="bold")
    axes.set_yticks(range(len(lines) - 1, -1, -1), labels, fontsize=8.5)
    axes.axhline(1.5, color="#999999", lw=0.6)
    axes.set_ylim(-0.6, len(lines) - 0.1)
    odds_ratio_axis(axes)
    axes.set_xlabel(f"Odds ratio, {clip(source.arms.active, 20)} v {clip(source.arms.control, 20)}\n"
                    f"{better(source.end_point.sign)}", fontsize=9)  # fmt: skip
    footnote = (
        f"Under each name: {source.end_point.words.patients}/patients, {clip(source.arms.active, 20)} v "
        f"{clip(source.arms.control, 20)}. Squares: observed, 95 % confidence interval. Circles and diamonds: "
        f"posterior median, 95 % credible interval. Tests of interaction: {found.tests}."
    )
    heading = f"{clip(source.end_point.directed, LONGEST)}: effect by {clip(found.by, 30)}"
    frame(figure, heading[:1].upper() + heading[1:], footnote, source.synthetic, inside)
    return figure


def subgroups_in_words(found: SubgroupAnalysis) -> str:
    """The figure for those who cannot see it."""
    told = [f"{row.subgroup} {row.shrunken_words}" for row in found.rows]
    return f"Shrunken odds ratios: {'; '.join(told)}."
