"""The gamma distribution of degrees of freedom."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from pydantic import Field

from bayes_lupil.priors.base import Floats, Positive, Prior
from bayes_lupil.priors.custom import custom

__all__ = ["Gamma"]


class Gamma(Prior):
    """Gamma distribution cut off below `lower`: the usual prior of degrees of freedom.

    Juarez and Steel 2010 (J Bus Econ Stat 28:52-66) take shape 2 and rate 0.1.
    """

    family: Literal["gamma"] = "gamma"
    shape: Positive
    rate: Positive
    lower: Annotated[float, Field(ge=0)] = 0.0

    def _scipy(self) -> Any:
        from scipy import stats

        return stats.gamma(self.shape, scale=1 / self.rate)

    def _above(self) -> float:
        """Probability of the part that is kept."""
        return float(self._distribution.sf(self.lower))

    def logpdf(self, x: ArrayLike) -> Floats:
        """Log density at x."""
        x = np.asarray(x, dtype=float)
        return np.where(x >= self.lower, self._distribution.logpdf(x) - np.log(self._above()), -np.inf)

    def cdf(self, x: ArrayLike) -> Floats:
        """Probability of a value up to x."""
        return np.asarray(1 - self._distribution.sf(np.maximum(x, self.lower)) / self._above(), dtype=float)

    def ppf(self, q: ArrayLike) -> Floats:
        """Quantile, the inverse of `cdf`."""
        below = self._distribution.cdf(self.lower)
        return np.asarray(self._distribution.ppf(below + np.asarray(q, dtype=float) * self._above()), dtype=float)

    def isf(self, q: ArrayLike) -> Floats:
        """Value exceeded with probability q."""
        return np.asarray(self._distribution.isf(np.asarray(q, dtype=float) * self._above()), dtype=float)

    def sample(self, rng: np.random.Generator, size: tuple[int, ...] = ()) -> Floats:
        """Draws of shape `size`."""
        return self.isf(rng.random(size))

    def pymc(self, name: str, dims: tuple[str, ...] = ()) -> Any:
        """The prior as a custom density above `lower`."""
        import pymc as pm
        import pytensor.tensor as pt
        from scipy.special import gammaln

        constant = np.float64(self.shape * np.log(self.rate) - gammaln(self.shape) - np.log(self._above()))
        power, rate, lower = np.float64(self.shape - 1), np.float64(self.rate), np.float64(self.lower)

        def logp(value: Any) -> Any:
            return pt.switch(value >= lower, constant + power * pt.log(value) - rate * value, -np.inf)

        return custom(
            name, dims, logp, self.sample, float(self.ppf(0.5)), pm.distributions.transforms.Interval(self.lower, None)
        )
