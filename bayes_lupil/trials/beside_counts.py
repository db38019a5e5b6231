"""What is printed beside the counts of two arms, held against them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bayes_lupil.errors import TrialError
from bayes_lupil.trials.estimates import estimate_of_counts
from bayes_lupil.trials.measures import MEASURES, Measure
from bayes_lupil.trials.printed import (
    Printed,
    does_percentage_agree,
    printed_together,
    read_p,
    split_interval,
    split_result,
)

__all__ = ["counts_against"]

_WIDTH = 0.1
"""By which share an interval may be wider or narrower than that of the counts: methods differ so much, errors more."""
_OF_COUNTS = ("or", "rr", "rd")


def counts_against(
    control: tuple[int, int],
    active: tuple[int, int],
    printed: Mapping[str, Any] | None = None,
    percentages: Sequence[str | float | None] = (None, None),
    level: float = 0.95,
) -> tuple[str, ...]:
    """What is printed beside counts and does not follow from them, with the value that does.

    Parameters
    ----------
    printed : mapping, optional
        An estimate by its measure ('or', 'rr', 'rd', 'hr' ...), and 'ci' and 'p', all as printed.
    percentages : (control, active)
        Of patients with the event, as printed.
    level : float
        Of the interval.

    Raises
    ------
    TrialError
        For what is no number.

    Examples
    --------
    >>> counts_against((29, 50), (34, 50), percentages=("58", "66"))
    ('66 % is printed of the active arm; 34/50 are 68.0 %',)
    >>> counts_against((62, 124), (44, 125), {"or": "0.62"})
    ('the odds ratio printed is 0.62; the counts give 0.543',)
    """
    told = []
    for name, (events, n), given in zip(("control", "active"), (control, active), percentages, strict=True):
        if given is not None and not does_percentage_agree(events, n, given):
            told.append(f"{given} % is printed of the {name} arm; {events}/{n} are {100 * events / n:.1f} %")
    given_all = dict(printed or {})
    p, ci = given_all.pop("p", None), given_all.pop("ci", None)
    for measure, estimate in given_all.items():
        told += _estimate_against(control, active, measure, estimate, ci, level)
    if p is not None:
        told += _p_against(control, active, p)
    return tuple(told)


def _estimate_against(
    control: tuple[int, int], active: tuple[int, int], measure: str, estimate: Any, ci: Any, level: float
) -> list[str]:
    kind = MEASURES[measure]
    if measure not in _OF_COUNTS:
        return [f"the {kind.name} printed beside the counts cannot be held against them, and is not used"]
    text, own = split_result(str(estimate))
    limits = own or (split_interval(ci) if isinstance(ci, str) else ci)
    try:
        again = estimate_of_counts(measure, control, active, level)
    except TrialError as problem:
        return [f"the {kind.name} printed cannot be held against the counts: {problem.found} has none"]
    point, *edges = printed_together(text if isinstance(estimate, str) else estimate, *(limits or ()), where=kind.name)
    told = []
    if not point.holds(kind.printed(again.value)):
        told.append(f"the {kind.name} printed is {text}; the counts give {kind.printed(again.value):.3g}")
    if len(edges) == 2 and all(edge.value > 0 or not kind.is_ratio for edge in edges):
        low, high = again.interval
        width = kind.scaled(edges[1].value) - kind.scaled(edges[0].value)
        wanted, slack = kind.scaled(high) - kind.scaled(low), sum(_rounding(kind, edge) for edge in edges)
        if abs(width - wanted) > _WIDTH * wanted + slack:
            found = f"{edges[0].value:g} to {edges[1].value:g}"
            told.append(f"the interval printed is {found}; the counts give {low:.3g} to {high:.3g}")
    return told


def _rounding(kind: Measure, edge: Printed) -> float:
    """Half the range of what may have been rounded to a limit, on the measure's scale."""
    low, high = edge.range
    return (kind.scaled(high) - kind.scaled(max(low, edge.value * 1e-6) if kind.is_ratio else low)) / 2


def _p_against(control: tuple[int, int], active: tuple[int, int], p: Any) -> list[str]:
    """That no usual test of the counts gives a p-value: chi-square with and without correction, Fisher's, Wald's."""
    from scipy import stats

    sign, number = read_p(p, "p-value")
    table = [[y, n - y] for y, n in (active, control)]
    found = {"Fisher": float(stats.fisher_exact(table).pvalue)}
    if all(sum(column) for column in zip(*table, strict=True)):
        found |= {
            "chi-square": float(stats.chi2_contingency(table, correction=False).pvalue),
            "corrected chi-square": float(stats.chi2_contingency(table).pvalue),
        }
    values = list(found.values())
    least, most = number.range
    agrees = {"<": min(values) <= number.value, ">": max(values) >= number.value}.get(
        sign, least <= max(values) and min(values) <= most
    )
    if agrees:
        return []
    tests = ", ".join(f"{value:.2g} ({name})" for name, value in found.items())
    return [f"the p-value printed is {str(p).strip()}; the counts give {tests}"]
