"""One site in words and numbers, for the terminal and for the page."""

from __future__ import annotations

import math

from bayes_lupil.numbers import interval, points, probability
from bayes_lupil.posterior.diagnostics import Row
from bayes_lupil.sensitivity import Estimate
from bayes_lupil.sites.table import Mean, SiteRow, SiteTable
from bayes_lupil.trials.trial import EndPoint

__all__ = [
    "benefit_side",
    "chance",
    "conflict_words",
    "counts",
    "log_ratio_words",
    "most_telling",
    "outlier_error",
    "outlier_words",
    "retained_words",
    "without_words",
]


def benefit_side(end_point: EndPoint) -> str:
    """On which side of no difference benefit lies, of active minus control.

    Examples
    --------
    >>> benefit_side(EndPoint("x", "x")), benefit_side(EndPoint("x", "x", "lower"))
    ('above 0 is benefit', 'below 0 is benefit')
    """
    return f"{'above' if end_point.sign > 0 else 'below'} 0 is benefit"


def counts(row: SiteRow) -> str:
    """Responders of patients, active against control."""
    return f"{row.responders[1]}/{row.n[1]} v {row.responders[0]}/{row.n[0]}"


def chance(value: float) -> str:
    """A probability whose Monte Carlo error is told beside the table.

    Examples
    --------
    >>> chance(0.934), chance(0.0004), chance(0.9998), chance(float("nan"))
    ('0.93', '< 0.01', '> 0.99', '')
    """
    if math.isnan(value):
        return ""
    if value < 0.005:
        return "< 0.01"
    return "> 0.99" if value > 0.995 else f"{value:.2f}"


def log_ratio_words(item: Row | Estimate, *, kind: bool = False) -> str:
    """Median of a log odds ratio with its 95 % credible interval, whose kind a table's header names if not `kind`."""
    limits = interval(f"{item.q2_5:+.2f}", f"{item.q97_5:+.2f}")
    return f"{item.q50:+.2f} ({'95 % credible interval ' if kind else ''}{limits})"


def outlier_words(row: SiteRow) -> str:
    """P(outlier) in the control and the active arm, or P(not exchangeable); empty where the model has neither."""
    if row.outlier is not None:
        return f"{chance(row.outlier[0].mean)}, {chance(row.outlier[1].mean)}"
    return chance(row.nonexchangeable.mean) if row.nonexchangeable is not None else ""


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
    limits = interval(points(rd.q2_5), points(rd.q97_5))
    return f"{points(rd.q50)} ({limits})", probability(row.without.p_benefit, row.without.p_benefit_mcse)


def retained_words(row: SiteRow) -> str:
    """Weight retained, with its Monte Carlo error."""
    item = row.retained
    return "" if math.isnan(item.mean) else f"{item.mean:.2f} ({max(item.mcse, 0.01):.2f})"


def outlier_error(table: SiteTable) -> float:
    """The largest Monte Carlo standard error of any P(outlier) of a table; 0 where there are none."""
    items: list[Mean] = [item for row in table.rows for item in (row.outlier or ())]
    items += [row.nonexchangeable for row in table.rows if row.nonexchangeable is not None]
    return max((item.mcse for item in items), default=0.0)


def most_telling(table: SiteTable, most: int) -> tuple[SiteRow, ...]:
    """All rows in their order, or where there are more than `most`, the most outlying and the largest of them."""
    if len(table.rows) <= most:
        return table.rows

    def outlying(row: SiteRow) -> float:
        items = row.outlier or ((row.nonexchangeable,) if row.nonexchangeable is not None else ())
        return max((item.mean for item in items), default=0.0)

    by_chance = sorted(table.rows, key=lambda row: -outlying(row))[: most // 2]
    by_size = sorted(table.rows, key=lambda row: -sum(row.n))
    kept = {row.site for row in by_chance}
    kept |= {row.site for row in [r for r in by_size if r.site not in kept][: most - len(kept)]}
    return tuple(row for row in table.rows if row.site in kept)
