"""Three sentences on unpublished counts that a clinician can read."""

from __future__ import annotations

import math

from bayes_lupil.hidden.counts import HiddenCounts
from bayes_lupil.hidden.value import ABOVE, BELOW, CountValue
from bayes_lupil.report.numbers import points, probability
from bayes_lupil.report.style import clip

__all__ = ["sentences"]

_NOTHING = 0.001
_CHANCES = (0.05, 0.5)  # of settling: below the first "none would", above the second "probably"


def sentences(hidden: HiddenCounts) -> tuple[str, str, str]:
    """Three sentences for a clinician: what the published numbers support, what they leave open, what would settle it.

    Every number is the result's, rounded to its Monte Carlo error; 'benefit' has the direction of the end point.

    Returns
    -------
    tuple of str
        Support, cannot settle, would settle.
    """
    return _support(hidden), _open(hidden), _settle(hidden)


def _support(hidden: HiddenCounts) -> str:
    origin, (low, high) = hidden.posterior.provenance, hidden.risk_difference_interval
    p = hidden.p_benefit
    if p > ABOVE:
        verdict = f"support a benefit of {clip(origin.arms.active)}"
    elif p < 1 - ABOVE:
        verdict = f"speak against a benefit of {clip(origin.arms.active)}"
    elif p > BELOW:
        verdict = f"make a benefit of {clip(origin.arms.active)} more probable than not without establishing it"
    else:
        verdict = f"make a benefit of {clip(origin.arms.active)} less probable than not without ruling it out"
    return (
        f"The published numbers {verdict}: over all randomised patients P(benefit) is "
        f"{probability(p, hidden.p_benefit_mcse)} and the risk difference {points(hidden.risk_difference)} percentage "
        f"points (95 % credible interval {points(low)} to {points(high)}; "
        f"{'above' if origin.end_point.sign > 0 else 'below'} 0 is benefit)."
    )


def _open(hidden: HiddenCounts) -> str:
    b, (low, high) = hidden.bounds, hidden.tables.raw_risk_difference_interval
    return (
        f"They cannot settle what the trial showed without the excluded sites: over the {b.tables:,} tables that fit "
        f"the publication the raw risk difference there runs from {points(b.lowest)} to {points(b.highest)} points "
        f"(bounds), of which the model holds {points(low)} to {points(high)} for 95 % probable (posterior)."
    )


def _settle(hidden: HiddenCounts) -> str:
    single = [item for item in hidden.values if len(item.names) == 1]
    every = next(item for item in hidden.values if len(item.names) == len(hidden.counts))
    best = max(single, key=lambda item: item.expected_change)
    matters = f"the number of {best.labels[0]} at the excluded sites"
    by = (
        f"knowing it would move P(benefit) by {best.expected_change:.3f} on average (MCSE "
        f"{best.expected_change_mcse:.1g}), to between {best.lowest:.2f} and {best.highest:.2f} at most, and the "
        f"probability that this takes it above {ABOVE:g} or below {BELOW:g} is {_settled(best)}"
    )
    missing = "" if not every.not_computed else " computed"
    whole = (
        f"; all {len(hidden.counts)} counts together could move it to between {every.lowest:.2f} and "
        f"{every.highest:.2f} (bounds over the tables{missing}), and would settle it with a probability of "
        f"{_settled(every)}"
        if len(hidden.counts) > 1
        else ""
    )
    sooner, later = _CHANCES
    if best.p_settled > later:
        return f"{matters[0].upper()}{matters[1:]} would probably settle it: {by}{whole}."
    if best.p_settled >= sooner:
        return f"{matters[0].upper()}{matters[1:]} might settle it, and probably would not: {by}{whole}."
    return f"No single unpublished count would settle it: the one that matters most is {matters}; {by}{whole}."


def _settled(value: CountValue) -> str:
    """A probability with its error; where these are next to nothing, a limit that holds what was not computed too."""
    high = value.p_settled + 2 * value.p_settled_mcse
    most = high + value.not_computed
    if most < _NOTHING:
        return f"below {_NOTHING:g}"
    if high < _NOTHING:
        return f"at most {math.ceil(most / _NOTHING) * _NOTHING:.3f}"
    return f"{probability(value.p_settled, value.p_settled_mcse)}"
