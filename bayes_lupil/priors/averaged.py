"""A prior that depends on another parameter, averaged over that parameter's own prior."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from bayes_lupil.priors.base import Floats, Prior
from bayes_lupil.priors.risks import EffectOnRisk

__all__ = ["Averaged", "Univariate"]

_POINTS = 512
_HALVINGS = 80


class Univariate(Protocol):
    """What a figure or a table asks of the prior of one number."""

    @property
    def tail(self) -> float:
        """Moments of an order below this exist."""

    def logpdf(self, x: ArrayLike) -> Floats:
        """Log density at x."""

    def cdf(self, x: ArrayLike) -> Floats:
        """Probability of a value up to x."""

    def ppf(self, q: ArrayLike) -> Floats:
        """Quantile."""


@dataclass(frozen=True)
class Averaged:
    """The log odds ratio before the data, whatever the control risk: for tables and figures, to about three digits.

    A mean over 512 equally likely values of alpha.

    Parameters
    ----------
    prior : EffectOnRisk
    given : Prior
        Of alpha.
    """

    prior: EffectOnRisk
    given: Prior

    @property
    def tail(self) -> float:
        """All moments exist: towards a bound of the risk the density falls like that of a logarithm."""
        return np.inf

    @property
    def _alphas(self) -> Floats:
        return self.given.ppf((np.arange(_POINTS) + 0.5) / _POINTS)

    def logpdf(self, x: ArrayLike) -> Floats:
        """Log density at x."""
        from scipy.special import logsumexp

        by_alpha = self.prior.logpdf(np.asarray(x, dtype=float)[..., None], self._alphas)
        return np.asarray(logsumexp(by_alpha, axis=-1) - np.log(_POINTS))

    def cdf(self, x: ArrayLike) -> Floats:
        """Probability of a log odds ratio up to x."""
        return np.asarray(self.prior.cdf(np.asarray(x, dtype=float)[..., None], self._alphas).mean(axis=-1))

    def ppf(self, q: ArrayLike) -> Floats:
        """Quantile, by halving between the least and the greatest that the values of alpha give."""
        q = np.asarray(q, dtype=float)
        by_alpha = self.prior.ppf(q[..., None], self._alphas)
        low, high = by_alpha.min(axis=-1), by_alpha.max(axis=-1)
        for _ in range(_HALVINGS):
            middle = 0.5 * (low + high)
            below = self.cdf(middle) < q
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        return np.asarray(0.5 * (low + high))
