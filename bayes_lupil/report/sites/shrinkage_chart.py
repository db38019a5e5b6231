"""The chart of the sites: each one's odds ratio, raw and given the model, and the one at an average site."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_lupil.characters import one_line
from bayes_lupil.numbers import interval, percent, points, ratio
from bayes_lupil.posterior import Posterior
from bayes_lupil.report.media.blocks import Chart
from bayes_lupil.report.media.plot_rows import chosen_rows, counts, same_fit, site_names
from bayes_lupil.report.media.plot_style import clip
from bayes_lupil.report.media.vega import colour, finished, minus, placed, rows_of, texts_at
from bayes_lupil.report.sites.sentences import in_sentence, listed, without_words
from bayes_lupil.sites.analysis import OUTLYING, SiteAnalysis, p_outlying
from bayes_lupil.sites.influence import site_cells, site_log_odds_ratios
from bayes_lupil.sites.table import SiteRow, SiteTable

if TYPE_CHECKING:
    import altair

__all__ = ["SiteEffect", "chart_sites", "shrinkage_chart", "shrinkage_words", "site_effects"]

_NARROW = 5.0  # inches below which labels stand above their rows
_FURTHEST = math.log(64)  # of the axis, but for what a site showed or has for its median
_LETTER = 7.4  # pixels of a letter of names and counts, which stand before the axes of a wide chart
_HEAD = 14  # pixels above the rows, for what is in them
_AREA, _LEAST = (
    420.0,
    30.0,
)  # square pixels of the open circle of the largest site, and of the smallest one that is seen


@dataclass(frozen=True)
class SiteEffect:
    """One site; effects are log odds ratios, active minus control.

    Attributes
    ----------
    raw : float
        With half a patient more in each cell where one is empty; NaN for a site without patients in an arm.
    median, low, high : float
        Given the model, with the 95 % credible interval.
    outlying : bool
        Whether P(outlier), or P(not exchangeable), is above 0.5 (in either arm).
    """

    row: SiteRow
    raw: float
    median: float
    low: float
    high: float
    outlying: bool


def site_effects(table: SiteTable, posterior: Posterior) -> tuple[SiteEffect, ...]:
    """The sites of a table in its order, with the medians of the posterior that it is of.

    Raises
    ------
    InputError
        Where the posterior is not that of the table, or its diagnostics failed.
    """
    same_fit((table.trial, table.model, table.population), posterior)
    draws = site_log_odds_ratios(posterior, site_cells(posterior))
    low, middle, high = np.quantile(draws, [0.025, 0.5, 0.975], axis=(0, 1))
    return tuple(
        SiteEffect(
            row, row.raw.log_odds_ratio, float(middle[s]), float(low[s]), float(high[s]),
            outlying=(p_outlying(row) or 0.0) > OUTLYING,
        )
        for s, row in enumerate(table.rows)
    )  # fmt: skip


def shrinkage_chart(result: SiteAnalysis) -> Chart:
    """The chart with its words."""
    caption = (
        "Open: what the site's own counts say (area by patients). Filled: posterior median, with the 95 % credible "
        f"interval (faint). {_pull(result.shown)}"
    )
    if any(row.raw.corrected for row in result.table.rows):
        caption += " Where a cell is 0, half a patient is added to each of the four for the open circle."
    draw = partial(chart_sites, result.table, result.shown)
    return Chart("site_shrinkage", shrinkage_words(result), caption, draw, source="sites.csv")


def _pull(posterior: Posterior) -> str:
    """What the dashed line is to the sites, by the model."""
    sites = posterior.spec.sites
    if sites.effects == "fixed":
        return "Dashed: the average of the sites' effects; the model takes each site's own as it is."
    if sites.effects == "pooled":
        return "Dashed: the effect, which the model takes for the same at every site."
    pulled = "Sites are" if sites.distribution == "normal" else "Sites that are not outlying are"
    where = "expected at their level of response, of which it is the average" if sites.correlated else ""
    towards = f"the effect {where}" if where else "it"
    return f"Dashed: the effect at an average site. {pulled} pulled towards {towards}, the more the smaller they are."


def chart_sites(table: SiteTable, posterior: Posterior, most: int = 30, width: float = 8.0) -> altair.LayerChart:
    """Odds ratio of each site, raw (open) and given the model (filled), with the one at an average site (dashed).

    Parameters
    ----------
    table : SiteTable
    posterior : Posterior
        That the table is of.
    most : int
        Sites shown; of more, the most outlying (a third of the rows, where the model has outliers) and the largest.
    width : float
        In inches; below 5 the labels stand above their rows.

    Raises
    ------
    InputError
        Where the posterior is not that of the table, or its diagnostics failed.
    """
    import altair as alt

    every, narrow, source = site_effects(table, posterior), width < _NARROW, posterior.provenance
    scores = np.array([p_outlying(row) or 0.0 for row in table.rows])
    kept, left_out = chosen_rows([sum(row.n) for row in table.rows], most, scores, "highest P(outlier)")
    sign = source.end_point.sign
    order = sorted(kept, key=lambda s: -sign * every[s].median)  # the best at the top
    rows, height = _rows(every, order, site_names([row.site for row in table.rows], 4.0 if narrow else 5.0), narrow)
    average = posterior.row("conditional_log_odds_ratio")
    line = average.q50
    arms = [clip(one_line(name), 16) for name in source.arms.names]
    head = {"name": "site", "counts": f"{arms[1]} v {arms[0]}"}
    letters = sum(max(len(row[of]) for row in [*rows, head]) for of in ("name", "counts"))
    left = 0.0 if narrow else 24 + _LETTER * letters
    ends = _ends([every[s] for s in order], line)
    worse, best = (f"{arms[0]} better", f"{arms[1]} better")[::sign]
    axis = alt.Axis(
        title=["Odds ratio (logarithmic scale)", f"\u2190 {worse}  |  {best} \u2192"], values=_ticks(ends, narrow),
        labelExpr="datum.value < 1 ? '1/' + round(1 / datum.value) : '' + round(datum.value)", grid=not narrow,
    )  # fmt: skip
    scale = alt.Scale(type="log", base=2, domain=[math.exp(end) for end in ends], nice=False)
    x, level = alt.X("x:Q", scale=scale, axis=axis), placed(height)
    segments = [(row["level"] - 9, row["level"] + 11) for row in rows] if narrow else [(_HEAD, height)]
    ones, lines = ([{"x": at, "level": top, "to": end} for top, end in segments] for at in (1.0, math.exp(line)))
    dashed: dict[str, Any] = {"color": colour("accent"), "strokeWidth": 2, "strokeDash": [4, 3] if narrow else [6, 4]}
    layers = [
        rows_of(ones).mark_rule(color=colour("ink"), strokeWidth=1).encode(x=x, y=level, y2="to:Q"),
        rows_of(lines).mark_rule(**dashed).encode(x=alt.X("x:Q", scale=scale), y=level, y2="to:Q"),
        *_marks(rows, height, scale),
        *_words_of(rows, height, left, head["counts"]),
    ]  # fmt: skip
    subtitle = (
        f"{left_out}Dashed: {_line_name(posterior)}, odds ratio {_odds(line)} "
        f"(95 % credible interval {interval(_odds(average.q2_5), _odds(average.q97_5))})"
    )
    return finished(
        layers, inches=width, height=height, title=finding(every), subtitle=subtitle,
        left=left, synthetic=table.synthetic, axis_lines=2,
    )  # fmt: skip


def _line_name(posterior: Posterior) -> str:
    return "effect averaged over the sites" if posterior.spec.sites.effects == "fixed" else "effect at an average site"


def _odds(log_ratio: float) -> str:
    """An odds ratio in words.

    Examples
    --------
    >>> _odds(0.675), _odds(9.0), _odds(-9.0)
    ('1.96', 'above 1000', 'below 0.001')
    """
    if abs(log_ratio) >= math.log(1000):
        return "above 1000" if log_ratio > 0 else "below 0.001"
    return ratio(math.exp(log_ratio))


def finding(sites: Sequence[SiteEffect]) -> str:
    """What the chart shows, in a line."""
    if all(p_outlying(site.row) is None for site in sites):
        return "Each site's effect, raw and given the model"
    found = sorted((site for site in sites if site.outlying), key=lambda site: -(p_outlying(site.row) or 0.0))
    if not found:
        return "No site is outlying"
    rest = "; the others are pulled towards an average site" if len(found) < len(sites) else ""
    if len(found) > 3:
        return f"{len(found)} of {len(sites)} sites are outlying{rest}"
    names = [clip(one_line(site.row.site), 24) for site in found]
    chances = [percent(p_outlying(site.row) or 0.0, short=True) for site in found]
    if len(found) == 1:
        return f"{in_sentence(names[0], first=True)} is outlying ({chances[0]}){rest}"
    names = [in_sentence(names[0], first=True), *map(in_sentence, names[1:])]
    named = [f"{name} ({chance})" for name, chance in zip(names, chances, strict=True)]
    return f"{', '.join(named[:-1])} and {named[-1]} are outlying{rest}"


def _ends(sites: Sequence[SiteEffect], line: float) -> tuple[float, float]:
    """Of the axis, as powers of 2: all marks, and as much of the bars as lies within odds ratios of 1/64 and 64."""
    found = [0.0, line]
    for site in sites:
        found += [site.median, max(site.low, -_FURTHEST), min(site.high, _FURTHEST)]
        found += [] if math.isnan(site.raw) else [site.raw]
    step = math.log(2)
    return step * (math.floor(min(found) / step - 0.15)), step * math.ceil(max(found) / step + 0.15)


def _ticks(ends: tuple[float, float], narrow: bool) -> list[float]:
    """Powers of 2, or of 4 where there are many, 1 among them."""
    low, high = (round(end / math.log(2)) for end in ends)
    step = 1 if high - low <= (6 if narrow else 8) else 2
    return [2.0**power for power in range(low, high + 1) if power % step == 0]


def _rows(
    sites: Sequence[SiteEffect], order: Sequence[Any], names: Sequence[str], narrow: bool
) -> tuple[list[dict[str, Any]], float]:
    """Each site with its place, its numbers and what is told of it."""
    largest, rows, tall = max(sum(sites[s].row.n) for s in order), [], 44 if narrow else 27
    for i, s in enumerate(order):
        site, row = sites[s], sites[s].row
        top = _HEAD + tall * i
        chance = p_outlying(row)
        raw = {} if math.isnan(site.raw) else {"raw": math.exp(site.raw)}
        rd = row.risk_difference
        rows.append(
            {
                "level": top + (27 if narrow else 14), "words": top + (10 if narrow else 14), "name": names[s],
                "site": one_line(row.site), "counts": counts(row.responders, row.n), "n": str(sum(row.n)),
                "x": math.exp(site.median), "low": math.exp(site.low), "high": math.exp(site.high), **raw,
                "area": max(_AREA * sum(row.n) / largest, _LEAST), "kind": "outlying" if site.outlying else "other",
                "chance": "" if chance is None else percent(chance, short=True),
                "chances": "P(not exchangeable)" if row.nonexchangeable is not None else "P(outlier)",
                "ratios": f"{'none' if not raw else _odds(site.raw)}, {_odds(site.median)}",
                "difference": minus(f"{'none' if not raw else points(row.raw.risk_difference)}, {points(rd.mean)}"),
                "without": minus(without_words(row)[0]),
            }
        )  # fmt: skip
    return rows, float(_HEAD + tall * len(order) + 4)


def _told(rows: Sequence[dict[str, Any]]) -> list[altair.Tooltip]:
    import altair as alt

    fields = [
        ("site", "site"), ("counts", "active v control"), ("chance", rows[0]["chances"]),
        ("ratios", "odds ratio: raw, model"), ("difference", "risk difference: raw, model"),
        ("without", "trial without the site"),
    ]  # fmt: skip
    return [alt.Tooltip(f"{name}:N", title=title) for name, title in fields if any(row[name] for row in rows)]


def _marks(rows: Sequence[dict[str, Any]], height: float, scale: altair.Scale) -> list[altair.Chart]:
    """Intervals, ways from raw to shrunken, open circles, filled marks; outlying sites in a look of their own."""
    import altair as alt

    told, level, layers = _told(rows), placed(height), []
    x = alt.X("x:Q", scale=scale)
    with_raw = [row for row in rows if "raw" in row]
    for kind, name in (("other", "accent"), ("outlying", "other")):
        held = [row for row in rows if row["kind"] == kind]
        if held:
            bars = rows_of(held).mark_rule(color=colour(name), strokeWidth=4, opacity=0.3, clip=True)
            layers.append(bars.encode(x=alt.X("low:Q", scale=scale), x2="high:Q", y=level, tooltip=told))
    if with_raw:
        ways = rows_of(with_raw).mark_rule(color=colour("muted"), strokeWidth=1.4)
        layers.append(ways.encode(x=alt.X("raw:Q", scale=scale), x2="x:Q", y=level, tooltip=alt.value(None)))
        circles = rows_of(with_raw).mark_point(
            shape="circle", filled=False, color=colour("ink"), fill=colour("paper"), strokeWidth=1.5, opacity=1
        )  # fmt: skip
        area = alt.Size("area:Q", scale=None)
        layers.append(circles.encode(x=alt.X("raw:Q", scale=scale), y=level, size=area, tooltip=told))
    for kind, name, shape in (("other", "accent", "circle"), ("outlying", "other", "diamond")):
        held = [row for row in rows if row["kind"] == kind]
        if held:
            marks = rows_of(held).mark_point(filled=True, opacity=1, shape=shape, size=90, color=colour(name))
            layers.append(marks.encode(x=x, y=level, tooltip=told))
    return layers


def _words_of(rows: Sequence[dict[str, Any]], height: float, left: float, arms: str) -> list[altair.Chart]:
    """Names and counts, before the axes or above the row where there is no room; P(outlier) of outlying sites."""
    import altair as alt

    narrow = left == 0
    head: dict[str, Any] = {"color": colour("muted"), "fontSize": 11.5}
    names = [{"text": row["name"], "level": row["words"]} for row in rows]
    held = [{"text": row["counts"], "level": row["words"]} for row in rows]
    outlying = [
        {"text": f"{row['chances']} {row['chance']}", "level": row["words"]}
        for row in rows if row["kind"] == "outlying"
    ]  # fmt: skip
    if narrow:
        named = [{"text": f"{row['name']}, {row['counts']}", "level": row["words"]} for row in rows]
        layers = [texts_at([{"text": f"site, {arms}", "level": 6}], height, 2, **head), texts_at(named, height, 2)]
    else:
        layers = [
            texts_at([{"text": "site", "level": 6}], height, 2 - left, **head),
            texts_at([{"text": arms, "level": 6}], height, -10, align="right", **head),
            texts_at(names, height, 2 - left), texts_at(held, height, -10, align="right"),
        ]  # fmt: skip
    if outlying:
        place, side = (alt.ExprRef("width - 4"), "right") if narrow else (alt.ExprRef("width + 8"), "left")
        layers.append(texts_at(outlying, height, place, align=side, color=colour("other"), fontWeight="bold"))
    return layers


def shrinkage_words(result: SiteAnalysis) -> str:
    """The finding, and how far apart the sites' odds ratios lie, raw and given the model."""
    sites, shown, arms = site_effects(result.table, result.shown), result.shown, result.trial.arms
    line, with_raw = shown.row("conditional_log_odds_ratio"), [site for site in sites if not math.isnan(site.raw)]
    raw = _range(with_raw, [site.raw for site in with_raw])
    observed = f"Raw ones run from {raw}; p" if raw else "No site has patients in both arms. P"
    good = "above" if result.trial.end_point.sign > 0 else "below"
    apart = [site for site in sites if site.outlying]
    own = [f"{clip(site.row.site)} raw {_raw_words(site)}, posterior median {_odds(site.median)}" for site in apart]
    return (
        f"{finding(sites)}. Odds ratios of {len(sites)} sites, {clip(arms.active)} over {clip(arms.control)}; {good} 1 "
        f"is benefit. {observed}osterior medians run from {_range(sites, [site.median for site in sites])}. "
        f"{_line_name(shown).capitalize()}: {_odds(line.q50)} (95 % credible interval "
        f"{interval(_odds(line.q2_5), _odds(line.q97_5))})." + (f" Outlying: {listed(own)}." if own else "")
    )


def _raw_words(site: SiteEffect) -> str:
    return "none" if math.isnan(site.raw) else _odds(site.raw)


def _range(sites: Sequence[SiteEffect], values: list[float]) -> str:
    """Smallest and largest odds ratio, with the site of each; empty where there are none."""
    if not sites:
        return ""
    low, high = int(np.argmin(values)), int(np.argmax(values))
    named = [clip(site.row.site) for site in sites]
    return f"{_odds(values[low])} ({named[low]}) to {_odds(values[high])} ({named[high]})"
