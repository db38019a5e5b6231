"""Priors of the treatment effect that readers of trials ask for: sceptical, neutral, optimistic and flat."""

from __future__ import annotations

import math

from bayes_lupil.published.priors import EffectPrior
from bayes_lupil.trials.end_point import EndPoint

__all__ = ["FLAT_SD", "relevant_log_odds_ratio", "standard_priors"]

FLAT_SD = 10.0
"""Of a log odds ratio: within any interval that data allow, the density hardly changes."""
_NEUTRAL_SD = 1.0
_FIVE_PERCENT = 1.6448536269514722  # standard normal quantile
_MOST_EXTREME = 0.005  # of a response probability


def standard_priors(end_point: EndPoint, control_risk: float, relevant: float) -> tuple[EffectPrior, ...]:
    """Sceptical, neutral, optimistic and flat prior, in this order.

    Parameters
    ----------
    control_risk : float
        Response probability of the control arm, strictly between 0 and 1.
    relevant : float
        The risk difference that would matter, without sign.

    Examples
    --------
    >>> for prior in standard_priors(EndPoint("x", "x"), 0.58, 0.10):
    ...     print(prior.name, round(prior.mean, 3), round(prior.sd, 3))
    sceptical 0.0 0.262
    neutral 0.0 1.0
    optimistic 0.431 0.262
    flat 0.0 10.0
    """
    d = relevant_log_odds_ratio(end_point, control_risk, relevant)
    sd = abs(d) / _FIVE_PERCENT
    whole = _MOST_EXTREME < control_risk + end_point.sign * relevant < 1 - _MOST_EXTREME
    short = "" if whole else "; less than the whole, for which the control arm leaves no room"
    size = f"the effect that would matter (odds ratio {math.exp(d):.2f} at an average site{short})"
    return (
        EffectPrior("sceptical", 0.0, sd, f"No effect expected; 5 % for more than {size}."),
        EffectPrior("neutral", 0.0, _NEUTRAL_SD, "No direction favoured; 95 % between odds ratios of 0.14 and 7.1."),
        EffectPrior("optimistic", d, sd, f"Expects {size}; 5 % for harm."),
        EffectPrior("flat", 0.0, FLAT_SD, "So wide that it adds next to nothing; the model's other priors remain."),
    )


def relevant_log_odds_ratio(end_point: EndPoint, control_risk: float, relevant: float) -> float:
    """The log odds ratio that turns the control arm's rate into one better by `relevant`, kept between 1 % and 99 %."""
    base = min(max(control_risk, 0.01), 0.99)
    better = min(max(base + end_point.sign * relevant, _MOST_EXTREME), 1 - _MOST_EXTREME)
    return math.log(better / (1 - better)) - math.log(base / (1 - base))
