"""Which way an effect goes, in words: from the end point's declared benefit and from who is compared with whom."""

from __future__ import annotations

from bayes_lupil.numbers import in_points
from bayes_lupil.trials.end_point import Arms, EndPoint
from bayes_lupil.trials.trial import Trial

__all__ = ["benefit_side", "beyond_words", "difference_words", "directions", "favoured"]


def favoured(difference: float, arms: Arms, end_point: EndPoint) -> str:
    """The arm that a risk difference (active minus control) speaks for; empty where it is 0.

    Examples
    --------
    >>> favoured(-0.1, Arms("placebo", "drug"), EndPoint("death", "Death", "lower"))
    'drug'
    """
    if difference == 0:
        return ""
    return arms.active if end_point.sign * difference > 0 else arms.control


def difference_words(difference: float, arms: Arms, end_point: EndPoint) -> str:
    """A risk difference (active minus control) in words: where the response is more frequent, and whom that favours.

    Examples
    --------
    >>> difference_words(0.0771, Arms("placebo", "drug"), EndPoint("x", "Cure"))
    'more frequent on drug than on placebo, by 7.7 percentage points, which favours drug'
    """
    if abs(difference) < 0.0005:
        return f"as frequent on {arms.active} as on {arms.control}"
    more, less = (arms.active, arms.control) if difference > 0 else (arms.control, arms.active)
    return (
        f"more frequent on {more} than on {less}, by {abs(100 * difference):.1f} percentage points, which favours "
        f"{favoured(difference, arms, end_point)}"
    )


def beyond_words(threshold: float, end_point: EndPoint) -> str:
    """A benefit beyond a threshold (0 or more, on the benefit scale), as it reads for the end point.

    Examples
    --------
    >>> beyond_words(0.1, EndPoint("x", "x", "lower"))
    'fewer events by more than 10 percentage points'
    """
    word = "more" if end_point.sign > 0 else "fewer"
    beyond = f" by more than {in_points(100 * threshold, 'percentage point')}" if threshold else ""
    return f"{word} {end_point.words.many}{beyond}"


def benefit_side(end_point: EndPoint) -> str:
    """On which side of no difference benefit lies, of active minus control.

    Examples
    --------
    >>> benefit_side(EndPoint("x", "x")), benefit_side(EndPoint("x", "x", "lower"))
    ('above 0 is benefit', 'below 0 is benefit')
    """
    return f"{'above' if end_point.sign > 0 else 'below'} 0 is benefit"


def directions(trial: Trial) -> str:
    """Which response is good, and which way differences go."""
    good = "higher response" if trial.end_point.sign > 0 else "lower risk"
    return (
        f"End point: {trial.end_point.label}; a {good} is the benefit. Risk differences are {trial.arms.active} minus "
        f"{trial.arms.control}, in percentage points."
    )
