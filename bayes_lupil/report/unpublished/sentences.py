"""Three sentences on unpublished counts that a clinician can read."""

from __future__ import annotations

import math

from bayes_lupil.numbers import points, probability
from bayes_lupil.report.direction import benefit_side
from bayes_lupil.report.media.plot_style import clip
from bayes_lupil.unpublished.counts import UnpublishedCounts
from bayes_lupil.unpublished.value_of_information import ABOVE, BELOW, CountValue

__all__ = ["sentences"]

_NOTHING = 0.001
_EVEN = 0.5
_CHANCES = (0.05, 0.5)  # of settling: below the first "none would", above the second "probably"


def sentences(hidden: UnpublishedCounts) -> tuple[str, str, str]:
    """Three sentences for a clinician: what the published numbers support, what they leave open, what would settle it.

    Every number is the result's, rounded to its Monte Carlo error; 'benefit' has the direction of the end point.

    Returns
    -------
    tuple of str
        Support, cannot settle, would settle.
    """
    return _support(hidden), _open(hidden), _settle(hidden)


def _support(hidden: UnpublishedCounts) -> str:
    origin, (low, high) = hidden.posterior.provenance, hidden.risk_difference_interval
    p = hidden.p_benefit
    if p > ABOVE:
        verdict = f"support a benefit of {clip(origin.arms.active)}"
    elif p < 1 - ABOVE:
        verdict = f"speak against a benefit of {clip(origin.arms.active)}"
    elif p > _EVEN:
        verdict = f"make a benefit of {clip(origin.arms.active)} more probable than not without establishing it"
    else:
        verdict = f"make a benefit of {clip(origin.arms.active)} less probable than not without ruling it out"
    return (
        f"The published numbers {verdict}: over all randomised patients P(benefit) is "
        f"{probability(p, hidden.p_benefit_mcse)} and the risk difference {points(hidden.risk_difference)} percentage "
        f"points (95 % credible interval {points(low)} to {points(high)}; {benefit_side(origin.end_point)})."
    )


def _open(hidden: UnpublishedCounts) -> str:
    b, (low, high) = hidden.bounds, hidden.tables.raw_risk_difference_interval
    return (
        f"They cannot settle what the trial showed without the excluded sites: over the {b.tables:,} tables that fit "
        f"the publication the raw risk difference there runs from {points(b.lowest)} to {points(b.highest)} points "
        f"(bounds), of which the model holds {points(low)} to {points(high)} for 95 % probable (posterior)."
    )


def _settle(hidden: UnpublishedCounts) -> str:
    single = [item for item in hidden.values if len(item.names) == 1]
    every = next(item for item in hidden.values if len(item.names) == len(hidden.counts))
    best = max(single, key=lambda item: item.expected_change)
    rest = [item for item in single if item is not best]
    told_apart = all(
        best.expected_change - item.expected_change > 2 * (best.expected_change_mcse + item.expected_change_mcse)
        for item in rest
    )
    matters = f"the number of {best.labels[0]} at the excluded sites"
    what = f"whether {clip(hidden.posterior.provenance.arms.active)} helps over all randomised patients"
    by = (
        f"knowing it would move P(benefit) by {best.expected_change:.3f} (MCSE {best.expected_change_mcse:.1g}) on "
        f"average, to between {probability(best.lowest, best.lowest_mcse)} and "
        f"{probability(best.highest, best.highest_mcse)} (bounds), and beyond {ABOVE:g} or {BELOW:g} with a "
        f"probability {_settled(best)}"
    )
    counts = "the same" if len(hidden.counts) == 1 else f"all {len(hidden.counts)} counts together"
    alone = (
        f"; at the other sites alone, {counts} could move it to between "
        f"{probability(every.ordinary_lowest, every.ordinary_lowest_mcse)} and "
        f"{probability(every.ordinary_highest, every.ordinary_highest_mcse)} (bounds"
        f"{' over the tables computed' if every.not_computed else ''})"
    )
    which = "the one that matters most is" if told_apart or not rest else "the one that may matter most is"
    sooner, later = _CHANCES
    if best.p_settled > later:
        return f"{matters[0].upper()}{matters[1:]} would probably settle {what}: {by}{alone}."
    if best.p_settled >= sooner:
        return f"{matters[0].upper()}{matters[1:]} might settle {what}, and probably would not: {by}{alone}."
    return f"No single unpublished count would settle {what}: {which} {matters}; {by}{alone}."


def _settled(value: CountValue) -> str:
    """A probability with its error; where these are next to nothing, a limit that holds what was not computed too."""
    high = value.p_settled + 2 * value.p_settled_mcse
    most = high + value.not_computed
    if most < _NOTHING:
        return f"below {_NOTHING:g}"
    if high < _NOTHING:
        return f"of at most {math.ceil(most / _NOTHING) * _NOTHING:.3f}"
    return f"of {probability(value.p_settled, value.p_settled_mcse)}"
