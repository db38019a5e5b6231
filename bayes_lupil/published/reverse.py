"""What prior it would take to think otherwise: the question asked backwards.

For an estimate e with standard error s, both on the measure's scale, and z the normal quantile of the level, Matthews
(2001, Drug Inf J 35(4), doi 10.1177/009286150103500442; 2018, R Soc Open Sci 5:171047) asks for the prior with which
the posterior interval just touches no effect:

    where the interval leaves it out (|e| > z s): the sceptical prior N(0, v), 1/v = e^2 / (z^2 s^4) - 1/s^2. Whoever
    holds effects beyond its limit z sqrt(v) (the scepticism limit) improbable need not believe the result.

    where the interval holds it: the advocate's prior N(m, v), whose interval runs from no effect to m + z sqrt(v) (the
    advocacy limit), with sqrt(v) = 2 z |e| s^2 / (z^2 s^2 - e^2).

A result is intrinsically credible (Held 2019, R Soc Open Sci 6:181534) where it is in conflict with the very prior that
would just overturn it: |e| / sqrt(s^2 + v) > z. Its p-value for intrinsic credibility is 2 Phi(-|e / s| / sqrt 2).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from bayes_lupil.errors import UnsupportedModelError
from bayes_lupil.published.likelihoods import EffectLikelihood
from bayes_lupil.published.priors import EffectPrior
from bayes_lupil.trials.estimates import Estimate, two_sided_p

__all__ = ["Limits", "TippingMean", "credibility_limits", "prior_map", "tipping_mean"]

Floats = NDArray[np.float64]
_FURTHEST = 6.0
"""Of a tipping prior's mean on a log scale; on others, in standard errors."""


@dataclass(frozen=True)
class Limits:
    """The prior interval that would just overturn, or establish, a result.

    Attributes
    ----------
    kind : {"scepticism", "advocacy"}
    limit : float
        As the measure is printed: effects between no effect and here (and, of scepticism, its mirror image) are those
        that the prior holds possible.
    prior_mean, prior_sd : float
        Of that prior, on the measure's scale.
    p_intrinsic : float
        p-value for intrinsic credibility.
    level : float
    """

    kind: str
    limit: float
    prior_mean: float
    prior_sd: float
    p_intrinsic: float
    level: float


def credibility_limits(estimate: Estimate, level: float = 0.95) -> Limits | None:
    """Matthews' limit of an estimate; None for an estimate of no effect, or one that lies just at the border.

    Examples
    --------
    >>> from bayes_lupil.trials.estimates import estimate_of_counts
    >>> round(credibility_limits(estimate_of_counts("or", (29, 50), (34, 50))).limit, 1)
    10.9
    """
    e, s, z = estimate.value, estimate.se, float(ndtri(0.5 + level / 2))
    intrinsic = two_sided_p(e / s / math.sqrt(2))
    if abs(e) > z * s * (1 + 1e-9):
        sd = (e**2 / (z**2 * s**4) - s**-2) ** -0.5
        far = math.copysign(z * sd, e)
        return Limits("scepticism", estimate.kind.printed(far), 0.0, sd, intrinsic, level)
    if e == 0 or abs(e) > z * s * (1 - 1e-9):
        return None
    sd = 2 * z * abs(e) * s**2 / (z**2 * s**2 - e**2)
    mean = math.copysign(z * sd, e)
    return Limits("advocacy", estimate.kind.printed(2 * mean), mean, sd, intrinsic, level)


@dataclass(frozen=True)
class TippingMean:
    """The mean that a normal prior of a given SD needs for P(benefit) to be just `target`.

    Attributes
    ----------
    mean : float or None
        On the measure's scale; None where it lies beyond what anybody would call a prior.
    p_benefit_prior : float or None
        P(benefit) under that prior before the data.
    """

    target: float
    sd: float
    mean: float | None
    p_benefit_prior: float | None


def tipping_mean(likelihood: EffectLikelihood, sign: int, sd: float, target: float) -> TippingMean:
    """Where P(benefit) crosses a value as the prior's mean moves.

    Examples
    --------
    >>> from bayes_lupil.published.likelihoods import NormalLikelihood
    >>> from bayes_lupil.trials.measures import MEASURES
    >>> found = tipping_mean(NormalLikelihood(MEASURES["hr"], -0.27, 0.16), -1, 0.355, 0.5)
    >>> round(found.mean, 3)
    1.329
    """
    from scipy.optimize import brentq

    key = likelihood.measure.key
    reach = _FURTHEST if likelihood.measure.is_ratio else 40 * likelihood.se

    def miss(mean: float) -> float:
        below = likelihood.under(EffectPrior("tipping", mean, sd, "", key)).below(0.0)
        return (below if sign < 0 else 1 - below) - target

    low, high = (_in_reach(miss, side * reach, likelihood.value) for side in (-1, 1))
    if miss(low) * miss(high) >= 0:
        return TippingMean(target, sd, None, None)
    mean = float(brentq(miss, low, high, xtol=1e-9))
    return TippingMean(target, sd, mean, float(ndtr(sign * mean / sd)))


def _in_reach(miss: Callable[[float], float], mean: float, value: float) -> float:
    """The mean, or one so much nearer to the estimate that there is a posterior: counts have none under one far off."""
    for _ in range(50):
        try:
            miss(mean)
        except UnsupportedModelError:
            mean = 0.5 * (mean + value)
        else:
            break
    return mean


def prior_map(
    likelihood: EffectLikelihood, sign: int, means: Floats, sds: Floats, thresholds: tuple[float, ...]
) -> Floats:
    """P(effect beyond each threshold), shape (thresholds, sds, means); thresholds on the measure's scale.

    NaN where counts have no posterior, under a prior that is far off.
    """
    found = np.empty((len(thresholds), sds.size, means.size))
    for i, sd in enumerate(sds):
        for j, mean in enumerate(means):
            try:
                posterior = likelihood.under(EffectPrior("map", float(mean), float(sd), "", likelihood.measure.key))
            except UnsupportedModelError:
                found[:, i, j] = math.nan
                continue
            below = [posterior.below(threshold) for threshold in thresholds]
            found[:, i, j] = below if sign < 0 else [1 - share for share in below]
    return found
