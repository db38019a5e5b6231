"""What the unpublished counts could do to the answer, in sentences that a clinician can read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.frequentist.hierarchy import FORMAL
from bayes_lupil.numbers import of_chance, percent, points, points_interval
from bayes_lupil.report.media.plot_style import clip
from bayes_lupil.report.unpublished.outlying import outlying_by_site
from bayes_lupil.trials.margins import Margins
from bayes_lupil.unpublished.alternatives import AS_DECLARED
from bayes_lupil.unpublished.analysis import UnpublishedAnalysis
from bayes_lupil.unpublished.bounds import SIGNIFICANT
from bayes_lupil.unpublished.counts import UnpublishedCounts
from bayes_lupil.unpublished.exclusion import PathPoint
from bayes_lupil.unpublished.explained import patients_there
from bayes_lupil.verdict_steps import how_sure

__all__ = [
    "counts_words",
    "excluded_answer",
    "excluded_names",
    "excluded_sentences",
    "excluded_sites_words",
    "settles_words",
    "subset_difference",
    "what_is_explained",
    "would_have_given",
]

_SMALL, _EVEN = 0.05, 0.5
_FEW = 4  # numbers of patients, of which two are told
_TEST = "Pearson's test"


def excluded_sites_words(result: UnpublishedAnalysis) -> str:
    """The names of the sites that the publication left out."""
    return _listed(excluded_names(result))


def excluded_names(result: UnpublishedAnalysis) -> tuple[str, ...]:
    """The sites that the publication left out."""
    return _margins(result).excluded_sites


def excluded_answer(result: UnpublishedAnalysis) -> str:
    """Whether leaving out the excluded sites alone would explain the published result, and what it would change."""
    whose = "its" if len(excluded_names(result)) == 1 else "their"
    said = f"{would_have_given(result)} ({_chances(result)}: {whose} counts were not published)"
    if path := _central_path(result):
        chances = f"{percent(path[0].p_benefit)} to {percent(path[-1].p_benefit)}"
        said += f", and would move the probability of benefit from about {chances}"
    return f"{said}."


def would_have_given(result: UnpublishedAnalysis) -> str:
    """Whether leaving out the excluded sites alone would have given a significant benefit, and how sure that is."""
    would, word = _explains(result)
    leaving, given = f"eaving out {excluded_sites_words(result)} alone", f"have given p < {SIGNIFICANT:g}"
    if not word:
        return f"Whether l{leaving} would {given} stays open"
    return f"L{leaving} {word} would {'' if would else 'not '}{given}"


def excluded_sentences(result: UnpublishedAnalysis) -> list[str]:
    """Whether the excluded sites explain the subset, what was observed without them, and what would have to be so."""
    lines = [
        _answer(result),
        _observed(result),
        _without(result),
        _needed(result, subset_difference(result)),
        _outlying(result),
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


def _chances_by_assumption(result: UnpublishedAnalysis) -> list[tuple[str, float, float]]:
    """By assumption, as declared first, the probability of a significant benefit without the excluded sites, and its
    Monte Carlo error.
    """
    tables = result.hidden.tables
    known = [(item.name, item.p_explains, item.p_explains_mcse) for item in result.alternatives if item.ok]
    if not any(name == AS_DECLARED for name, *_ in known):
        known.insert(0, (AS_DECLARED, tables.p_significant_benefit, tables.p_significant_benefit_mcse))
    return sorted(known, key=lambda item: item[0] != AS_DECLARED)


def _explains(result: UnpublishedAnalysis) -> tuple[bool, str]:
    """Whether the exclusion explains the result, and the adverb for the least probable of the assumptions tried."""
    chances = [p for _, p, _ in _chances_by_assumption(result)]
    would = chances[0] >= _EVEN
    return would, how_sure(min(chances) if would else 1 - max(chances))


def _chances(result: UnpublishedAnalysis) -> str:
    (_, p, error), *others = _chances_by_assumption(result)
    said = f"probability {percent(p, error)}"
    if not others:
        return said
    _, furthest = _furthest(p, others)
    return f"{said} as declared, {furthest} under {len(others)} other assumption{'' if len(others) == 1 else 's'}"


def _furthest(p: float, others: list[tuple[str, float, float]]) -> tuple[str, str]:
    """The assumption that speaks most against what is said as declared, and how far down or up it leads."""
    way, pick = ("down to", min) if p >= _EVEN else ("up to", max)
    name, *chance = pick(others, key=lambda item: item[1])
    return name, f"{way} {percent(*chance)}"


def _answer(result: UnpublishedAnalysis) -> str:
    """Yes or no, with how probable that is, and what it rests on."""
    would, word = _explains(result)
    one = len(excluded_names(result)) == 1
    do, themselves, it = ("does", "itself", "it") if one else ("do", "themselves", "them")
    sites, what = excluded_sites_words(result), what_is_explained(result)
    explain = f"explain{'s' if one else ''}" if would else f"{do} not explain"
    said = f"{sites} {word} {explain} {what} by {themselves}"
    if not word:
        said = f"Whether {sites} explain{'s' if one else ''} {what} by {themselves} stays open"
    (_, p, error), *others = _chances_by_assumption(result)
    chances = f"with probability {percent(p, error)}"
    if others:
        name, furthest = _furthest(p, others)
        chances += (
            f" under the model as declared, and {furthest} under the {len(others)} other assumptions tried ({name})"
        )
    return (
        f"{said}: leaving {it} out alone gives p < {SIGNIFICANT:g} ({_TEST}) {chances}. It depends on how many "
        f"patients {'it' if one else 'they'} had, which was not published{_by_number(result)}."
    )


def _by_number(result: UnpublishedAnalysis) -> str:
    """The probability at half of the most control patients there that it can be told of, and at the most."""
    told = {item.control_there: item for item in result.hidden.by_number if np.isfinite(item.p_explains)}
    if len(told) < _FEW:
        return ""
    most, arm = max(told), result.trial.arms.control
    parts = [
        f"{percent(told[n].p_explains, told[n].p_explains_mcse)} with {n}{words}"
        for n, words in ((most // 2, f" {arm} patients there"), (most, ""))
        if n in told
    ]
    return f": {', '.join(parts)}"


def _without(result: UnpublishedAnalysis) -> str:
    """What leaving them out would change by the model, were their counts as expected; empty where that is not known."""
    if not (path := _central_path(result)):
        return ""
    known, kept, left_out = result.paths[0][0], path[0], path[-1]
    return (
        f"Had there been {counts_words(result.hidden, known)} there, about as many as the model expects, leaving them "
        f"out would move the difference by the model from {points(kept.risk_difference)} to "
        f"{points(left_out.risk_difference)} points, and the probability of benefit from {percent(kept.p_benefit)} to "
        f"{percent(left_out.p_benefit)}."
    )


def _central_path(result: UnpublishedAnalysis) -> tuple[PathPoint, ...]:
    """From kept to left out, were the counts as the model expects; empty where that was not followed, or failed."""
    path = result.paths[0][1] if result.paths else ()
    return path if all(item.computed for item in path) else ()


def _observed(result: UnpublishedAnalysis) -> str:
    """The difference without the excluded sites, which was never published."""
    tables, bounds = result.hidden.tables, result.hidden.bounds
    interval = points_interval(*tables.raw_risk_difference_interval)
    means = [item.raw_risk_difference for item in result.alternatives if item.ok]
    other = f"; under other assumptions {points(min(means))} to {points(max(means))}" if len(means) > 1 else ""
    return (
        f"Without {excluded_sites_words(result)}, whose counts were never published, the observed difference was "
        f"{points(tables.raw_risk_difference)} points by the model (posterior mean; 95 % credible interval "
        f"{interval}{other}), and not the {points(subset_difference(result))} points of the {_subset(result)} "
        f"analysis. That is what the trial saw there, not how large the effect is. Without any model it could lie "
        f"between {points(bounds.lowest)} and {points(bounds.highest)}."
    )


def what_is_explained(result: UnpublishedAnalysis) -> str:
    """What is to be explained: that the trial missed its end point, where it is known to have."""
    first = result.trial.hierarchy[:1]
    printed = [item.p for step in first for item in step.published if item.population == FORMAL and item.p is not None]
    return "the missed end point" if printed and printed[0] >= SIGNIFICANT else "the trial's result"


def _needed(result: UnpublishedAnalysis, wanted: float) -> str:
    """How many patients the excluded sites must have had for the subset's result to come from them alone."""
    hidden, sign = result.hidden, result.trial.end_point.sign
    control, active = (patients_there(_margins(result), hidden.counts, arm) for arm in (0, 1))
    there, significant = control + active, hidden.bounds.benefit
    as_large = sign * hidden.bounds.risk_difference >= sign * wanted
    if not significant.any():
        return f"No table that fits the publication gives p < {SIGNIFICANT:g} without these sites."
    told = [f"to give p < {SIGNIFICANT:g}, there must have been at least {_fewest(hidden, there, significant)}"]
    if (alone := _by_first_alone(hidden, significant)) is not None:
        told[0] += f", {alone} if all were {hidden.counts[0].label}"
    if as_large.any():
        told.append(
            f"to give a difference as large as that of the {_subset(result)} analysis, at least "
            f"{_fewest(hidden, there, as_large)}"
        )
    means = [f"{mean:.1f} {count.label}" for count, mean in zip(hidden.counts, hidden.expected, strict=True)]
    return (
        f"For leaving out {excluded_sites_words(result)} alone {'; '.join(told)}. The model expects "
        f"{_listed(means)} there (posterior means)."
    )


def _by_first_alone(hidden: UnpublishedCounts, event: NDArray[np.bool_]) -> int | None:
    """The smallest first count at which an event is so while all others are at their least; None where none is."""
    alone = event.reshape(len(event), -1)[:, 0]
    return hidden.counts[0].values[int(alone.argmax())] if event.ndim > 1 and alone.any() else None


def _fewest(hidden: UnpublishedCounts, there: NDArray[np.int64], event: NDArray[np.bool_]) -> str:
    """The smallest number of patients at the excluded sites in any table of an event, and who they are."""
    least = np.unravel_index(int(np.where(event, there, there.max() + 1).argmin()), there.shape)
    known = {count.name: count.values[int(i)] for count, i in zip(hidden.counts, least, strict=True)}
    who = counts_words(hidden, {name: n for name, n in known.items() if n})
    return f"{int(there[least])} patients (for example {who})"


def counts_words(hidden: UnpublishedCounts, known: Mapping[str, int]) -> str:
    """Unpublished counts with whom they count: '1 placebo responder and 6 ILT-101 non-responders'."""
    labels = {count.name: count.label for count in hidden.counts}
    told = [f"{n} {labels[name].removesuffix('s') if n == 1 else labels[name]}" for name, n in known.items()]
    return _listed(told)


def _listed(items: Sequence[str]) -> str:
    return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)


def _outlying(result: UnpublishedAnalysis) -> str:
    """What the data say of whether the excluded sites are outlying; empty where no model with outliers was fitted."""
    found = [item for item in outlying_by_site(result) if item.prior_share == item.prior_share]
    if not found:
        return ""
    most = max(found, key=lambda item: max(item.control, item.active))
    arms = result.trial.arms
    arm, chance = (arms.control, most.control) if most.control >= most.active else (arms.active, most.active)
    told = "hardly say" if chance < _EVEN else "say"
    return (
        f"The published numbers {told} whether these sites were outlying: in the {arm} arm of {most.site} with "
        f"probability {percent(chance, most.mcse)}, {percent(most.prior_share)} before the data (`{most.model}`)."
    )


def settles_words(hidden: UnpublishedCounts) -> str:
    """What knowing one of the unpublished counts would do to the answer."""
    single = [item for item in hidden.values if len(item.names) == 1]
    best = max(single, key=lambda item: item.expected_change)
    move = 100 * best.expected_change
    size = "less than 0.1 percentage points" if move < 0.05 else f"at most {move:.1f} percentage points"
    told = (
        f"Knowing one of the missing numbers would move the probability of benefit over all patients by {size} on "
        "average"
    )
    if best.p_settled < _SMALL:
        return f"{told}, and would hardly settle whether {clip(hidden.posterior.provenance.arms.active)} helps."
    chance = of_chance(best.p_settled, best.p_settled_mcse)
    return f"{told}, and would settle it with a probability {chance}."
