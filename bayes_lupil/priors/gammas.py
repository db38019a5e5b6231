"""Prior families with a gamma distribution: of degrees of freedom, and of the precision behind a standard deviation."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from pydantic import Field

from bayes_lupil.priors.base import Floats, Positive, Prior

__all__ = ["Gamma", "PrecisionGamma"]


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

        def logp(value: Any, *_: Any) -> Any:
            return pt.switch(value >= lower, constant + power * pt.log(value) - rate * value, -np.inf)

        def support_point(rv: Any, *_: Any) -> Any:
            return pt.full(rv.shape, np.float64(self.ppf(0.5)))

        return pm.CustomDist(
            name,
            0.0,
            logp=logp,
            support_point=support_point,
            dims=dims or None,
            default_transform=pm.distributions.transforms.Interval(self.lower, None),
        )


class PrecisionGamma(Prior):
    """A standard deviation whose precision (1 / variance) has a gamma distribution, as in BUGS examples.

    Kept for matching published fits; for a new analysis prefer a family on the standard deviation itself
    (Gelman 2006, Bayesian Analysis 1:515-533).
    """

    family: Literal["precision_gamma"] = "precision_gamma"
    shape: Positive
    rate: Positive

    def _precision(self) -> Any:
        from scipy import stats

        return stats.gamma(self.shape, scale=1 / self.rate)

    def _log_constant(self) -> Any:
        from scipy.special import gammaln

        return self.shape * np.log(self.rate) - gammaln(self.shape) + np.log(2)

    def logpdf(self, x: ArrayLike) -> Floats:
        """Log density of the standard deviation."""
        sd = np.asarray(x, dtype=float)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            exponent = -(2 * self.shape + 1) * np.log(sd) - self.rate * sd**-2.0
        return np.where(sd > 0, self._log_constant() + exponent, -np.inf)

    def cdf(self, x: ArrayLike) -> Floats:
        """Probability of a standard deviation up to x."""
        sd = np.asarray(x, dtype=float)
        with np.errstate(divide="ignore", over="ignore"):
            precision = sd**-2.0
        return np.where(sd > 0, self._precision().sf(precision), 0.0)

    def ppf(self, q: ArrayLike) -> Floats:
        """Quantile of the standard deviation; with a shape near 0 the upper ones are astronomically large."""
        return self._from_precision(self._precision().isf(q))

    def isf(self, q: ArrayLike) -> Floats:
        """Standard deviation exceeded with probability q."""
        return self._from_precision(self._precision().ppf(q))

    def sample(self, rng: np.random.Generator, size: tuple[int, ...] = ()) -> Floats:
        """Draws of the standard deviation; with a shape near 0 most are astronomically large."""
        return self._from_precision(self._precision().rvs(size=size, random_state=rng))

    @staticmethod
    def _from_precision(precision: ArrayLike) -> Floats:
        """Kept finite: a precision may be smaller than the smallest float."""
        return np.asarray(np.maximum(precision, np.finfo(float).tiny) ** -0.5, dtype=float)

    def pymc(self, name: str, dims: tuple[str, ...] = ()) -> Any:
        """The prior as a custom density on the standard deviation; draws of it come from `sample`."""
        import pymc as pm
        import pytensor.tensor as pt

        constant, power, rate = (np.float64(v) for v in (self._log_constant(), 2 * self.shape + 1, self.rate))

        def logp(value: Any, *_: Any) -> Any:
            return pt.switch(value > 0, constant - power * pt.log(value) - rate / value**2, -np.inf)

        def support_point(rv: Any, *_: Any) -> Any:
            return pt.full(rv.shape, np.float64(0.5))

        return pm.CustomDist(
            name,
            0.0,
            logp=logp,
            support_point=support_point,
            dims=dims or None,
            default_transform=pm.distributions.transforms.log,
        )
