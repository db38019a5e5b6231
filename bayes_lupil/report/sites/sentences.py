"""One site in words and numbers, for the terminal and for the page."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from bayes_lupil.numbers import interval, percent, points, points_interval, probability, small
from bayes_lupil.posterior.diagnostics import Row
from bayes_lupil.report.direction import benefit_side
from bayes_lupil.sensitivity import Estimate
from bayes_lupil.sites.analysis import OUTLYING, SiteAnalysis
from bayes_lupil.sites.table import SiteRow, SiteTable

__all__ = [
    "conflict_words",
    "headline",
    "in_sentence",
    "listed",
    "log_ratio_words",
    "most_telling",
    "outlier_error",
    "outlier_words",
    "retained_words",
    "suspects_answer",
    "table_notes",
    "without_words",
]


def log_ratio_words(item: Row | Estimate, *, kind: bool = False) -> str:
    """Median of a log odds ratio with its 95 % credible interval, whose kind a table's header names if not `kind`."""
    limits = interval(f"{item.q2_5:+.2f}", f"{item.q97_5:+.2f}")
    return f"{item.q50:+.2f} ({'95 % credible interval ' if kind else ''}{limits})"


def outlier_words(row: SiteRow) -> str:
    """P(outlier) in the control and the active arm, or P(not exchangeable); empty where the model has neither."""
    if row.outlier is not None:
        return f"{probability(row.outlier[0].mean)}, {probability(row.outlier[1].mean)}"
    return probability(row.nonexchangeable.mean) if row.nonexchangeable is not None else ""


def suspects_answer(result: SiteAnalysis) -> list[str]:
    """Whether a site looks outlying, and what the trial says without those that do, or without the least typical."""
    arms = result.table.arms
    chances = [(site, item.mean) for row in result.table.rows for site, item in _chances(row, arms)]
    found = [(site, chance) for site, chance in chances if chance > OUTLYING]
    lines = []
    if found:
        named = listed([f"{site} (probability {percent(chance)})" for site, chance in found])
        lines.append(f"{_sentence(named)} {'looks' if len(found) == 1 else 'look'} outlying.")
    elif chances:
        site, chance = max(chances, key=lambda pair: pair[1])
        lines.append(f"No site looks outlying; the least typical is {site} (probability {percent(chance)}).")
    path = result.path
    if path is not None and path.ok:
        first, last = path.points[0], path.points[-1]
        without = (
            " and ".join(map(in_sentence, path.sites)) if len(path.sites) < 3 else f"these {len(path.sites)} sites"
        )
        by = f"By the model for sites (`{result.table.model}`), leaving out {without} post hoc would"
        (rd, benefit), (rd_without, benefit_without) = (
            (points(at.risk_difference.q50), percent(at.p_benefit)) for at in (first, last)
        )
        if (rd, benefit) == (rd_without, benefit_without):
            lines.append(f"{by} hardly move the difference ({rd} points) or the probability of benefit ({benefit}).")
        else:
            lines.append(
                f"{by} move the difference from {rd} to {rd_without} points, and the probability of benefit from "
                f"{benefit} to {benefit_without}; intervals and probabilities do not allow for that choice."
            )
    return lines or ["This model of the sites has no outlying ones."]


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"


def _chances(row: SiteRow, arms: Sequence[str]) -> list[tuple[str, Estimate]]:
    """P(outlier) by arm, or P(not exchangeable), with the site's name; empty where the model has neither."""
    if row.outlier is not None:
        shared = row.outlier[0] == row.outlier[1]
        where = [""] if shared else [f" in the {arm} arm" for arm in arms]
        return [(f"{in_sentence(row.site)}{arm}", item) for arm, item in zip(where, row.outlier, strict=False)]
    return [(in_sentence(row.site), row.nonexchangeable)] if row.nonexchangeable is not None else []


def in_sentence(site: str, *, first: bool = False) -> str:
    """A site in a sentence: its name, with 'site' where that is a number or a code.

    Examples
    --------
    >>> in_sentence("7"), in_sentence("site 05", first=True), in_sentence("Russia")
    ('site 7', 'Site 05', 'Russia')
    """
    said = site if re.search(r"[^\W\d_]{4}", site) else f"site {site}"
    return _sentence(said) if first else said


def conflict_words(row: SiteRow) -> str:
    """Conflict p-values of control and active arm; 'small' where no outcome could have shown a conflict."""
    if row.conflict is None:
        return ""
    found = []
    for item in (row.conflict.control, row.conflict.active):
        if item is None:
            found.append("no patients")
        elif not item.testable:
            found.append("small")
        else:
            found.append("" if math.isnan(item.p) else f"{item.p:.2f}" if item.p >= 0.1 else f"{item.p:.3f}")
    return ", ".join(found)


def without_words(row: SiteRow) -> tuple[str, str]:
    """Risk difference and P(benefit) of the trial without the site."""
    rd = row.without.estimates["risk_difference"]
    if not row.without.ok:
        return "none", "none"
    limits = points_interval(rd.q2_5, rd.q97_5)
    return f"{points(rd.q50)} ({limits})", probability(row.without.p_benefit, row.without.p_benefit_mcse)


def retained_words(row: SiteRow) -> str:
    """Weight retained, with its Monte Carlo error."""
    item = row.retained
    return "" if math.isnan(item.mean) else f"{item.mean:.2f} ({max(item.mcse, 0.01):.2f})"


def outlier_error(table: SiteTable) -> float:
    """The largest Monte Carlo standard error of any P(outlier) of a table; 0 where there are none."""
    items: list[Estimate] = [item for row in table.rows for item in (row.outlier or ())]
    items += [row.nonexchangeable for row in table.rows if row.nonexchangeable is not None]
    return max((item.mcse for item in items), default=0.0)


def most_telling(table: SiteTable, most: int) -> tuple[SiteRow, ...]:
    """All rows in their order, or where there are more than `most`, the most outlying and the largest of them."""
    if len(table.rows) <= most:
        return table.rows

    def outlying(row: SiteRow) -> float:
        return max((item.mean for _, item in _chances(row, table.arms)), default=0.0)

    by_chance = sorted(table.rows, key=lambda row: -outlying(row))[: most // 2]
    by_size = sorted(table.rows, key=lambda row: -sum(row.n))
    kept = {row.site for row in by_chance}
    kept |= {row.site for row in [r for r in by_size if r.site not in kept][: most - len(kept)]}
    return tuple(row for row in table.rows if row.site in kept)


DELETION = (
    "Excluding sites asks about the patients of the others. Where the outcomes suggested whom to exclude, no interval "
    "or probability here allows for that choice; values between 0 and 1 only show the transition."
)


WEIGHT = (
    "weight: of the site's own data in the log odds ratio at an average site, 1 being what a site of that size "
    "has; below 0, the further out it lies the less it is believed. The risk difference over all patients still "
    "holds the site's own patients, whatever its weight."
)


def headline(result: SiteAnalysis) -> list[str]:
    """End point, arms, direction and overall result under the shown model."""
    trial, shown = result.trial, result.shown
    rd, log_or, best = shown.row("risk_difference"), shown.row("conditional_log_odds_ratio"), shown.p_benefit
    assert best is not None  # a table is shown of sound fits alone
    limits = points_interval(rd.q2_5, rd.q97_5)
    return [
        f"{trial.end_point.label}; {trial.end_point.benefit} is better. {trial.arms.active} (active) v "
        f"{trial.arms.control} (control), {result.table.population}, under '{shown.spec.name}': {shown.spec.title}.",
        f"All sites: risk difference {points(rd.q50)} points (95 % credible interval {limits}; "
        f"{benefit_side(trial.end_point)}), P(benefit) {probability(best.probability, best.mcse)}; log odds ratio at "
        f"an average site {log_ratio_words(log_or, kind=True)}.",
    ]


def table_notes(table: SiteTable) -> list[str]:
    """What the columns mean, and what is missing."""
    alone = any(row.nonexchangeable is not None for row in table.rows)
    lines = [
        "RD: risk difference, active minus control, in percentage points, raw and given the model. shrink: share of "
        "the way from the site's own effect to that of an average site that the model takes; an outlier is left "
        f"where it is. {WEIGHT} P without: P(benefit) of the trial less the site. "
        "In brackets: Monte Carlo standard errors. conflict: two-sided mid-p of control, active "
        "arm; 'small': too few patients for any outcome to show a conflict.",
    ]
    if error := outlier_error(table):
        what = (
            "P(alone), that the site's effect stands alone" if alone else "P(out), of an outlying control, active arm"
        )
        lines.append(f"{what}: Monte Carlo standard error of each at most {small(max(error, 0.0001))}.")
    return [*lines, *table.notes]


def listed(said: list[str]) -> str:
    """The first few of several, and how many more there are."""
    more = f" and {len(said) - _FEW} more" if len(said) > _FEW else ""
    return "; ".join(said[:_FEW]) + more


_FEW = 3  # items named one by one; of more, the number
