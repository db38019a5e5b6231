"""Priors of a standard deviation that are stated for its square, the variance, or for 1 / variance, the precision.

With the variance v = sd^2 and the precision w = sd^-2 a prior p_v or p_w is, for the standard deviation,

    p(sd) = p_v(sd^2) 2 sd      and      p(sd) = p_w(sd^-2) 2 sd^-3.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike
from pydantic import Field, model_validator

from bayes_lupil.documents import requirement
from bayes_lupil.priors.base import Floats, Positive, Prior
from bayes_lupil.priors.custom import custom
from bayes_lupil.priors.families import HalfNormal

__all__ = [
    "InverseGammaPrior", "PrecisionGamma", "PrecisionUniform", "PriorOfSquare", "VarianceHalfNormal",
    "VarianceInverseGamma", "VarianceUniform",
]  # fmt: skip

NotNegative = Annotated[float, Field(ge=0)]


class PriorOfSquare(Prior):
    """A prior of sd ** `power`, which is the variance (2) or the precision (-2); `_scipy` is its distribution there."""

    power: ClassVar[Literal[2, -2]]

    def _square(self, x: ArrayLike) -> Floats:
        """The variance or precision of a standard deviation that is not negative."""
        sd = np.maximum(np.asarray(x, dtype=float), 0.0)
        with np.errstate(divide="ignore", over="ignore"):
            return np.asarray(sd ** float(self.power))

    def _root(self, square: ArrayLike) -> Floats:
        """Kept finite: a precision may be smaller than the smallest float."""
        if self.power == 2:
            return np.asarray(np.sqrt(square), dtype=float)
        return np.asarray(np.maximum(square, np.finfo(float).tiny) ** -0.5, dtype=float)

    def logpdf(self, x: ArrayLike) -> Floats:
        """Log density of the standard deviation."""
        sd = np.asarray(x, dtype=float)
        with np.errstate(divide="ignore", invalid="ignore"):
            slope = np.log(2) + (self.power - 1) * np.log(sd)
            density = self._distribution.logpdf(self._square(sd)) + slope
        return np.where((sd > 0) & np.isfinite(sd) & ~np.isnan(density), density, -np.inf)

    def cdf(self, x: ArrayLike) -> Floats:
        """Probability of a standard deviation up to x."""
        square, rising = self._square(x), self.power == 2
        below = self._distribution.cdf(square) if rising else self._distribution.sf(square)
        return np.where(np.asarray(x) > 0, below, 0.0)

    def ppf(self, q: ArrayLike) -> Floats:
        """Quantile of the standard deviation; with a precision that may be near 0 the upper ones are very large."""
        return self._root(self._distribution.ppf(q) if self.power == 2 else self._distribution.isf(q))

    def isf(self, q: ArrayLike) -> Floats:
        """Standard deviation exceeded with probability q."""
        return self._root(self._distribution.isf(q) if self.power == 2 else self._distribution.ppf(q))

    def sample(self, rng: np.random.Generator, size: tuple[int, ...] = ()) -> Floats:
        """Draws of the standard deviation."""
        return self._root(self._distribution.rvs(size=size, random_state=rng))


class VarianceHalfNormal(PriorOfSquare):
    """A standard deviation whose square is half-normal: a normal distribution around 0, folded, with the given SD."""

    family: Literal["variance_half_normal"] = "variance_half_normal"
    quantity: ClassVar[str] = "variance"
    power: ClassVar[Literal[2, -2]] = 2
    sd: Positive

    def _scipy(self) -> Any:
        from scipy import stats

        return stats.halfnorm(0, self.sd)

    def from_normal(self, z: ArrayLike) -> Floats:
        """In closed form, which keeps its digits near 0 where SciPy's quantile has none."""
        return self._root(HalfNormal(sd=self.sd, reason=self.reason).from_normal(z))

    def pymc(self, name: str, dims: tuple[str, ...] = ()) -> Any:
        """The prior as a custom density of the standard deviation."""
        import pymc as pm
        import pytensor.tensor as pt

        constant, scale = np.float64(1.5 * np.log(2) - 0.5 * np.log(np.pi) - np.log(self.sd)), np.float64(self.sd)

        def logp(value: Any) -> Any:
            return pt.switch(value > 0, constant + pt.log(value) - 0.5 * (value**2 / scale) ** 2, -np.inf)

        return custom(name, dims, logp, self.sample, float(self.ppf(0.5)), pm.distributions.transforms.log)


class _UniformSquare(PriorOfSquare):
    """A uniform distribution of the variance or the precision."""

    lower: NotNegative = 0.0
    upper: Positive

    @model_validator(mode="after")
    def _ordered(self) -> _UniformSquare:
        if not self.lower < self.upper:
            raise requirement("", f"lower = {self.lower:g}, upper = {self.upper:g}", "lower below upper")
        return self

    def _scipy(self) -> Any:
        from scipy import stats

        return stats.uniform(self.lower, self.upper - self.lower)

    def pymc(self, name: str, dims: tuple[str, ...] = ()) -> Any:
        """The prior as a custom density of the standard deviation."""
        import pymc as pm
        import pytensor.tensor as pt

        constant, power = np.float64(np.log(2) - np.log(self.upper - self.lower)), np.float64(self.power - 1)
        ends = self.lower, self.upper
        bottom, top = (float(end) ** 0.5 if self.power == 2 else end**-0.5 if end else None for end in ends)
        bottom, top = (bottom, top) if self.power == 2 else (top, bottom)
        low, high = np.float64(bottom), np.float64(np.inf if top is None else top)

        def logp(value: Any) -> Any:
            return pt.switch((value > 0) & (value >= low) & (value <= high), constant + power * pt.log(value), -np.inf)

        return custom(
            name, dims, logp, self.sample, float(self.ppf(0.5)), pm.distributions.transforms.Interval(bottom, top)
        )


class VarianceUniform(_UniformSquare):
    """A standard deviation whose square is uniform between two bounds.

    Its density rises with the standard deviation: it favours sites that differ (Gelman 2006, Bayesian Analysis
    1:515-533).
    """

    family: Literal["variance_uniform"] = "variance_uniform"
    quantity: ClassVar[str] = "variance"
    power: ClassVar[Literal[2, -2]] = 2


class PrecisionUniform(_UniformSquare):
    """A standard deviation whose precision, 1 / variance, is uniform between two bounds.

    With the lower bound 0 the standard deviation may be of any size, and is above t with the chance 1 / (upper t^2).
    """

    family: Literal["precision_uniform"] = "precision_uniform"
    quantity: ClassVar[str] = "precision"
    power: ClassVar[Literal[2, -2]] = -2

    @property
    def tail(self) -> float:
        """The chance of a standard deviation above t falls like t^-2, where it has no upper bound."""
        return np.inf if self.lower else 2.0


class InverseGammaPrior(PriorOfSquare):
    """A gamma distribution of the precision, which is an inverse gamma distribution of the variance.

    The rate of the one is the scale of the other: precision ~ gamma(shape, rate = b) says the same as
    variance ~ inverse gamma(shape, scale = b), so that both names below are this one prior. Kept for matching
    published fits; for a new analysis prefer a family of the standard deviation itself (Gelman 2006, Bayesian
    Analysis 1:515-533).
    """

    power: ClassVar[Literal[2, -2]] = -2
    shape: Positive

    @property
    def tail(self) -> float:
        """The chance of a standard deviation above t falls like t^(-2 shape)."""
        return 2 * self.shape

    @property
    def _b(self) -> float:
        raise NotImplementedError

    def _scipy(self) -> Any:
        from scipy import stats

        return stats.gamma(self.shape, scale=1 / self._b)

    def _log_constant(self) -> Any:
        from scipy.special import gammaln

        return self.shape * np.log(self._b) - gammaln(self.shape) + np.log(2)

    def logpdf(self, x: ArrayLike) -> Floats:
        """Log density of the standard deviation, also where its precision is no float."""
        sd = np.asarray(x, dtype=float)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            exponent = -(2 * self.shape + 1) * np.log(sd) - self._b * sd**-2.0
        return np.where(sd > 0, self._log_constant() + exponent, -np.inf)

    def pymc(self, name: str, dims: tuple[str, ...] = ()) -> Any:
        """The prior as a custom density of the standard deviation."""
        import pymc as pm
        import pytensor.tensor as pt

        constant, power, b = (np.float64(v) for v in (self._log_constant(), 2 * self.shape + 1, self._b))

        def logp(value: Any) -> Any:
            return pt.switch(value > 0, constant - power * pt.log(value) - b / value**2, -np.inf)

        return custom(name, dims, logp, self.sample, 0.5, pm.distributions.transforms.log)


class PrecisionGamma(InverseGammaPrior):
    """A standard deviation whose precision, 1 / variance, has a gamma distribution, as in BUGS examples.

    The same prior as `VarianceInverseGamma` with scale = rate.
    """

    family: Literal["precision_gamma"] = "precision_gamma"
    quantity: ClassVar[str] = "precision"
    rate: Positive

    @property
    def _b(self) -> float:
        return self.rate


class VarianceInverseGamma(InverseGammaPrior):
    """A standard deviation whose square has an inverse gamma distribution.

    The same prior as `PrecisionGamma` with rate = scale.
    """

    family: Literal["variance_inverse_gamma"] = "variance_inverse_gamma"
    quantity: ClassVar[str] = "variance"
    scale: Positive

    @property
    def _b(self) -> float:
        return self.scale
