"""How far out a prior may lie: the bounds within which the engines were tested.

Beyond them numbers run out: log odds of 10,000 are as certain as any larger ones, a standard deviation of 1e-300 is
none, and a density that overflows is nowhere a number. A prior must have some of its probability (one part in a
thousand) within the bounds; the rest may be as vague as one likes, as it is with the usual priors of a precision.
"""

from __future__ import annotations

import numpy as np

from bayes_lupil.errors import ModelError
from bayes_lupil.priors import Dirichlet, EffectOnRisk, Normal, Prior
from bayes_lupil.spec import ModelSpec

__all__ = ["LEAST_SHARE", "check_priors", "prior_bounds"]

LEAST_SHARE = 1e-3
"""Of a prior's probability, that must lie within its bounds."""
_LOG_ODDS, _UNITS, _SMALLEST = 1e4, 1e6, 1e-9
_NEXT_TO_ONE = 1 - 1e-9


def prior_bounds(name: str, continuous: bool) -> tuple[float, float]:
    """The least and the largest value that the engines were tested for, of a parameter by the name of its prior.

    Examples
    --------
    >>> prior_bounds("alpha", continuous=False)
    (-10000.0, 10000.0)
    >>> prior_bounds("tau_u", continuous=False)
    (1e-09, 10000.0)
    """
    most = _UNITS if continuous else _LOG_ODDS
    if name in ("tau_u", "tau_v", "tau_c", "tau_d", "sigma"):
        return _SMALLEST, most
    if name in ("df", "error_df", "site_shares"):
        return 1e-3, 1e6
    if name in ("outlier_share", "country_outlier_share", "retention"):
        return _SMALLEST, _NEXT_TO_ONE
    if name == "correlation":
        return -_NEXT_TO_ONE, _NEXT_TO_ONE
    return -most, most


def check_priors(spec: ModelSpec) -> None:
    """That every prior of a model says something within the bounds that the engines were tested for.

    Raises
    ------
    ModelError
        Naming the prior and the bounds.
    """
    for name, prior in spec.priors.items():
        low, high = prior_bounds(name, spec.continuous)
        share = _share(prior, low, high)
        if share >= LEAST_SHARE:
            continue
        told = "whose quantiles are no numbers" if np.isnan(share) else f"{100 * share:.2g} % of which lies there"
        raise ModelError(
            f"model '{spec.name}', key 'priors.{name}'",
            f"{prior.describe()}, {told}",
            f"at least {100 * LEAST_SHARE:g} % of its probability between {low:,g} and {high:,g}",
            "The engines were tested no further; values beyond are all alike, or no numbers at all.",
        )


def _share(prior: Prior, low: float, high: float) -> float:
    """Probability within the bounds; NaN where the prior's numbers are none."""
    if isinstance(prior, Dirichlet):
        return float(low <= prior.concentration <= high)
    if isinstance(prior, EffectOnRisk):  # of which the parameter's own density depends on another one
        prior = Normal(mean=prior.mean, sd=prior.sd, reason=prior.reason)
    with np.errstate(all="ignore"):
        quartiles = prior.ppf([0.25, 0.5, 0.75])
        below, above = prior.cdf([low, high])
        density = prior.logpdf(quartiles[1])
    if not (np.isfinite(quartiles).all() and np.isfinite(density)):
        return np.nan
    return float(above - below)
