"""The forest of countries: what each shows by itself, shrunken, and its sites, shrunken towards it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from bayes_lupil.numbers import of_chance
from bayes_lupil.report.media.forest import bar, odds_ratio_axis
from bayes_lupil.report.media.plot_rows import better, end_point_title, frame, row_names
from bayes_lupil.report.media.plot_style import COLOURS, LONGEST, clip, new_figure, styled
from bayes_lupil.sites.analysis import OUTLYING
from bayes_lupil.sites.countries import CountryTable
from bayes_lupil.sites.group_row import odds_words

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from bayes_lupil.posterior.estimates import Estimate
    from bayes_lupil.sites.countries import CountryRow

__all__ = ["countries_in_words", "figure_countries"]

_NARROW = 6.0


@styled
def figure_countries(table: CountryTable, width: float = 8.0) -> Figure:
    """Odds ratio of each country, observed (square) and shrunken (circle), and of its sites (dots); log scale.

    Parameters
    ----------
    table : CountryTable
    width : float
        In inches; below 6 the numbers stand under the names.
    """
    narrow, source = width < _NARROW, table.posterior.provenance
    lines: list[tuple[str, CountryRow | None, Estimate]] = [
        *((row.country, row, row.log_odds_ratio) for row in table.rows),
        ("average country", None, table.average),
        ("new site, new country", None, table.new),
    ]
    inside = 0.62 * len(lines) + 0.7
    figure, axes, words = new_figure(width, inside, source.synthetic, side=0.0 if narrow else 0.24)
    labels, names = [], row_names([name for name, *_ in lines], 28)
    for y, name, (_, row, item) in zip(reversed(range(len(lines))), names, lines, strict=True):
        mark, colour, under = "D", COLOURS[6], ""
        if row is not None:
            mark, colour = ("D", COLOURS[1]) if outlying(row) else ("o", COLOURS[0])
            many = len(row.sites)
            under = f"\n{row.counts}, {many} site{'' if many == 1 else 's'}"
            sites = [site.q50 for site in row.site_log_odds_ratios]
            axes.plot(sites, [y - 0.26] * many, "o", color=COLOURS[0], mec="white", mew=0.4, ms=3.6, gid="site")
        if row is not None and (seen := row.observed) is not None:
            bar(axes, y + 0.2, seen.interval.lower, seen.estimate, seen.interval.upper, "s", "#777777", "observed")
        bar(axes, y, item.q2_5, item.q50, item.q97_5, mark, colour, "shrunken")
        said = odds_words(item.q2_5, item.q50, item.q97_5)
        labels.append(f"{name}{under}" + (f"\n{said}" if narrow else ""))
        if not narrow:
            words.text(0, y, said, va="center", fontsize=8.5)
    if not narrow:
        words.text(0, len(lines) - 0.4, "shrunken odds ratio", va="center", fontsize=8.5, weight="bold")
    axes.set_yticks(range(len(lines) - 1, -1, -1), labels, fontsize=8.5)
    axes.axhline(1.5, color="#999999", lw=0.6)
    axes.axvline(table.average.q50, color="#555555", lw=1.2, ls=(0, (5, 1.5)), zorder=0, gid="average")
    axes.set_ylim(-0.6, len(lines) - 0.1)
    odds_ratio_axis(axes)
    axes.set_xlabel(f"Odds ratio, {clip(source.arms.active, 20)} v {clip(source.arms.control, 20)}\n"
                    f"{better(source.end_point.sign)}", fontsize=9)  # fmt: skip
    far = " Orange diamonds: countries that are probably outlying." if any(map(outlying, table.rows)) else ""
    footnote = (
        f"Under each name: {source.end_point.words.patients}/patients, {clip(source.arms.active, 20)} v "
        f"{clip(source.arms.control, 20)}. Grey squares: observed, 95 % confidence interval. Circles: posterior "
        f"median at an average site of the country, 95 % credible interval, shrunken towards the dashed line. "
        f"Small dots: its sites.{far}"
    )
    heading = f"{clip(end_point_title(source.end_point), LONGEST)}: effect by country"
    frame(figure, heading, footnote, source.synthetic, inside)
    return figure


def outlying(row: CountryRow) -> bool:
    """Whether an arm of the country is probably outlying."""
    return row.outlier is not None and max(item.mean for item in row.outlier) > OUTLYING


def countries_in_words(table: CountryTable) -> str:
    """The figure for those who cannot see it."""
    told = [
        f"{row.country} {row.shrunken_words}"
        + (f" (outlying with a probability {of_chance(max(p.mean for p in row.outlier))})" if row.outlier else "")
        for row in table.rows
    ]
    return f"Shrunken odds ratios: {'; '.join(told)}; average country {math.exp(table.average.q50):.2f}."
