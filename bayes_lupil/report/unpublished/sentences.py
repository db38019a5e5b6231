"""What the unpublished counts could do to the answer, in sentences that a clinician can read."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.frequentist.hierarchy import FORMAL
from bayes_lupil.numbers import of_chance, percent, points, points_interval
from bayes_lupil.report.media.plot_style import clip
from bayes_lupil.trials.margins import Margins
from bayes_lupil.unpublished.alternatives import AS_DECLARED, Supposed
from bayes_lupil.unpublished.analysis import UnpublishedAnalysis
from bayes_lupil.unpublished.bounds import SIGNIFICANT
from bayes_lupil.unpublished.counts import UnpublishedCounts

__all__ = [
    "counts_words",
    "excluded_answer",
    "excluded_names",
    "excluded_sentences",
    "excluded_sites_words",
    "subset_difference",
]

_SMALL, _VERY_RARE, _EVEN = 0.05, 0.01, 0.5
_TEST = "Pearson's test"


def excluded_sites_words(result: UnpublishedAnalysis) -> str:
    """The names of the sites that the publication left out."""
    names = excluded_names(result)
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def excluded_names(result: UnpublishedAnalysis) -> tuple[str, ...]:
    """The sites that the publication left out."""
    return _margins(result).excluded_sites


def excluded_answer(result: UnpublishedAnalysis) -> str:
    """Whether leaving out the excluded sites alone would explain the published result."""
    p, _ = _declared(result)
    would = "would not have" if p < _EVEN else "would have"
    return (
        f"Leaving out {excluded_sites_words(result)} alone {_how_sure(p)} {would} given p < {SIGNIFICANT:g} "
        f"({_TEST}; {_chances(result, named=False)})."
    )


def excluded_sentences(result: UnpublishedAnalysis) -> list[str]:
    """Whether the excluded sites explain the subset, what was observed without them, and what would have to be so."""
    hidden, sites, label = result.hidden, excluded_sites_words(result), _subset(result)
    b, interval = hidden.bounds, points_interval(*hidden.tables.raw_risk_difference_interval)
    wanted = subset_difference(result)
    lines = [
        _explains(result),
        f"Without {sites}, whose counts were never published, the observed difference was most probably about "
        f"{points(hidden.tables.raw_risk_difference)} points ({interval} is 95 % probable), "
        f"and not the {points(wanted)} points of the {label} analysis. That is what the trial saw there, not how large "
        f"the effect is. Without any model it could lie between {points(b.lowest)} and {points(b.highest)}.",
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


def _declared(result: UnpublishedAnalysis) -> tuple[float, float]:
    """Probability, as declared, that leaving out the excluded sites alone gives a significant benefit; its error."""
    declared, tables = _explained(result)[0], result.hidden.tables
    if declared is None:
        return tables.p_significant_benefit, tables.p_significant_benefit_mcse
    return declared.p_explains, declared.p_explains_mcse


def _how_sure(p: float) -> str:
    return "almost certainly" if p < _VERY_RARE else "probably" if p < _EVEN else "perhaps"


def _chances(result: UnpublishedAnalysis, *, named: bool) -> str:
    """That probability as declared, and the largest under any supposition tried."""
    said, most = f"probability {percent(*_declared(result))}", _explained(result)[1]
    if most is None:
        return said
    known = sum(item.ok for item in result.alternatives)
    chance = percent(most.p_explains, most.p_explains_mcse)
    if not named:
        return f"{said}, up to {chance} under other suppositions"
    return f"{said} as declared, and up to {chance} under one of the {known - 1} other suppositions tried ({most.name})"


def _explains(result: UnpublishedAnalysis) -> str:
    """Yes or no, with how probable that is."""
    p, _ = _declared(result)
    one = len(excluded_names(result)) == 1
    do, themselves, they, are = ("does", "itself", "it", "is") if one else ("do", "themselves", "they", "are")
    explain = f"{do} not explain" if p < _EVEN else "explains" if one else "explain"
    return (
        f"{excluded_sites_words(result)} {_how_sure(p)} {explain} {_result(result)} by {themselves}, under this model: "
        f"leaving out {'it' if one else 'them'} alone gives p < {SIGNIFICANT:g} ({_TEST}) with "
        f"{_chances(result, named=True)}. It depends on how large {they} {are} believed to be, which was not published."
    )


def _result(result: UnpublishedAnalysis) -> str:
    """What is to be explained: that the trial missed its end point, where it is known to have."""
    first = result.trial.hierarchy[:1]
    printed = [item.p for step in first for item in step.published if item.population == FORMAL and item.p is not None]
    return "the missed end point" if printed and printed[0] >= SIGNIFICANT else "the trial's result"


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
        f"to give {what}, there must have been at least {_fewest(hidden, there, event)}"
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
        f"For leaving out {excluded_sites_words(result)} alone {'; '.join(told)}. The model expects {expected:.0f} "
        "patients there."
    )


def _fewest(hidden: UnpublishedCounts, there: NDArray[np.int64], event: NDArray[np.bool_]) -> str:
    """The smallest number of patients at the excluded sites in any table of an event, and who they are."""
    least = np.unravel_index(int(np.where(event, there, there.max() + 1).argmin()), there.shape)
    known = {count.name: count.values[int(i)] for count, i in zip(hidden.counts, least, strict=True)}
    who = counts_words(hidden, {name: n for name, n in known.items() if n})
    return f"{int(there[least])} patients ({who})"


def counts_words(hidden: UnpublishedCounts, known: Mapping[str, int]) -> str:
    """Unpublished counts with whom they count: '1 placebo responder and 6 ILT-101 non-responders'."""
    labels = {count.name: count.label for count in hidden.counts}
    told = [f"{n} {labels[name].removesuffix('s') if n == 1 else labels[name]}" for name, n in known.items()]
    return " and ".join([", ".join(told[:-1]), told[-1]] if len(told) > 1 else told)


def _settles(hidden: UnpublishedCounts) -> str:
    single = [item for item in hidden.values if len(item.names) == 1]
    best = max(single, key=lambda item: item.expected_change)
    move = 100 * best.expected_change
    size = "less than 0.1 percentage points" if move < 0.05 else f"at most {move:.1f} percentage points"
    told = (
        f"Knowing one of the missing numbers would move the probability of benefit over all patients by {size} on "
        f"average (that of the {best.labels[0]} there moves it most)"
    )
    if best.p_settled < _SMALL:
        return f"{told}, and would hardly settle whether {clip(hidden.posterior.provenance.arms.active)} helps."
    chance = of_chance(best.p_settled, best.p_settled_mcse)
    return f"{told}, and would settle it with a probability {chance}."
