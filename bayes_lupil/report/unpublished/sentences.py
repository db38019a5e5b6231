"""What the unpublished counts could do to the answer, in sentences that a clinician can read."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.numbers import percent, points, points_interval
from bayes_lupil.report.media.plot_style import clip
from bayes_lupil.trials.margins import Margins
from bayes_lupil.unpublished.alternatives import AS_DECLARED, Supposed
from bayes_lupil.unpublished.analysis import UnpublishedAnalysis
from bayes_lupil.unpublished.bounds import SIGNIFICANT
from bayes_lupil.unpublished.counts import UnpublishedCounts

__all__ = ["excluded_answer", "excluded_names", "excluded_sentences", "excluded_sites_words", "subset_difference"]

_SMALL = 0.05


def excluded_sites_words(result: UnpublishedAnalysis) -> str:
    """The names of the sites that the publication left out."""
    names = excluded_names(result)
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def excluded_names(result: UnpublishedAnalysis) -> tuple[str, ...]:
    """The sites that the publication left out."""
    return _margins(result).excluded_sites


def excluded_answer(result: UnpublishedAnalysis) -> str:
    """Whether leaving out the excluded sites alone would explain the published result."""
    declared, most = _explained(result)
    p, error = (
        (declared.p_explains, declared.p_explains_mcse) if declared is not None
        else (result.hidden.tables.p_significant_benefit, result.hidden.tables.p_significant_benefit_mcse)
    )  # fmt: skip
    very = "almost certainly" if p < 0.01 else "probably" if p < 0.5 else "perhaps"
    would = "would not have" if p < 0.5 else "would have"
    also = (
        "" if most is None else f"; {percent(most.p_explains, most.p_explains_mcse)} at most under other suppositions"
    )
    return (
        f"Leaving out {excluded_sites_words(result)} alone {very} {would} given p < {SIGNIFICANT:g} (probability "
        f"{percent(p, error)}{also})."
    )


def excluded_sentences(result: UnpublishedAnalysis) -> list[str]:
    """What the trial was without the excluded sites, whether that explains the subset, and what would have to be so."""
    hidden, sites, label = result.hidden, excluded_sites_words(result), _subset(result)
    b, (low, high) = hidden.bounds, hidden.tables.raw_risk_difference_interval
    wanted = subset_difference(result)
    lines = [
        f"Without {sites}, whose counts were never published, the difference was most probably about "
        f"{points(hidden.tables.raw_risk_difference)} points (95 % credible interval {points_interval(low, high)}), "
        f"and not the {points(wanted)} points of the {label} analysis. "
        f"Without any model it could lie between {points(b.lowest)} and {points(b.highest)}.",
        _explains(result),
        _needed(result, wanted),
        _settles(hidden),
    ]
    return [line for line in lines if line]


def subset_difference(result: UnpublishedAnalysis) -> float:
    """The risk difference of the published subset, active minus control."""
    (r0, n0), (r1, n1) = result.trial.analysis_set(_margins(result).subset).totals
    return r1 / n1 - r0 / n0


def _margins(result: UnpublishedAnalysis) -> Margins:
    assert isinstance(result.trial.data, Margins)  # what is unpublished is unpublished in margins
    return result.trial.data


def _subset(result: UnpublishedAnalysis) -> str:
    return result.trial.populations[_margins(result).subset].label


def _explained(result: UnpublishedAnalysis) -> tuple[Supposed | None, Supposed | None]:
    """As declared, and the alternative under which the exclusion explains most; None where that is no other."""
    known = [item for item in result.alternatives if item.ok]
    declared = next((item for item in known if item.name == AS_DECLARED), None)
    most = max(known, key=lambda item: item.p_explains, default=None)
    return declared, None if most is declared else most


def _explains(result: UnpublishedAnalysis) -> str:
    declared, most = _explained(result)
    if declared is None:
        return ""
    more = (
        "" if most is None
        else f", and {percent(most.p_explains, most.p_explains_mcse)} at most under the alternatives declared "
        f"({most.name})"
    )  # fmt: skip
    return (
        f"The probability that leaving out these sites alone gives p < {SIGNIFICANT:g} is "
        f"{percent(declared.p_explains, declared.p_explains_mcse)}{more}. It depends on how large these sites are "
        "believed to be, which was not published."
    )


def _needed(result: UnpublishedAnalysis, wanted: float) -> str:
    """How many patients the excluded sites must have had for the subset's result to come from them alone."""
    hidden, sign = result.hidden, result.trial.end_point.sign
    patients = np.indices(hidden.bounds.risk_difference.shape)
    there = sum(
        np.array(count.values)[patients[i]] for i, count in enumerate(hidden.counts)
    ) + sum(count for *_, count in _margins(result).at_excluded)  # fmt: skip
    significant = (sign * hidden.bounds.risk_difference > 0) & (hidden.bounds.p_chi_square < SIGNIFICANT)
    as_large = sign * hidden.bounds.risk_difference >= sign * wanted
    told = [
        f"at least {_fewest(hidden, there, event)} for {what}"
        for event, what in (
            (significant, f"p < {SIGNIFICANT:g}"),
            (as_large, f"a difference as large as that of the {_subset(result)} analysis"),
        )
        if event.any()
    ]
    if not told:
        return f"No table that fits the publication gives p < {SIGNIFICANT:g} without these sites."
    expected = sum(
        float((hidden.full.table("probability") * np.array(count.values)[patients[i]]).sum())
        for i, count in enumerate(hidden.counts)
    )  # fmt: skip
    return (
        f"For the result to come from these sites alone they must have had {' and '.join(told)}; the model "
        f"expects {expected:.0f} patients there."
    )


def _fewest(hidden: UnpublishedCounts, there: NDArray[np.int64], event: NDArray[np.bool_]) -> str:
    """The smallest number of patients at the excluded sites in any table of an event, and who they are."""
    least = np.unravel_index(int(np.where(event, there, there.max() + 1).argmin()), there.shape)
    counts = [(count.values[int(i)], count.label) for count, i in zip(hidden.counts, least, strict=True)]
    who = " and ".join(f"{n} {label if n > 1 else label.removesuffix('s')}" for n, label in counts if n)
    return f"{int(there[least])} patients ({who})"


def _settles(hidden: UnpublishedCounts) -> str:
    single = [item for item in hidden.values if len(item.names) == 1]
    best = max(single, key=lambda item: item.expected_change)
    move = 100 * best.expected_change
    many = "point" if round(move) == 1 else "points"
    amount = "less than one percentage point" if move < 0.5 else f"about {move:.0f} percentage {many}"
    told = (
        f"Knowing any one of the missing numbers would move the probability of benefit over all patients by {amount} "
        f"on average (most: {best.labels[0]} there)"
    )
    if best.p_settled < _SMALL:
        return f"{told}, and would hardly settle whether {clip(hidden.posterior.provenance.arms.active)} helps."
    chance = percent(best.p_settled, best.p_settled_mcse)
    return f"{told}, and would settle it with a probability of {chance}."
