"""The prior families. Each has log density, cdf, quantiles and draws (SciPy) and the same prior in PyMC."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field, StringConstraints, model_validator

from bayes_lupil.documents import Document

__all__ = [
    "Beta",
    "Dirichlet",
    "Exponential",
    "HalfCauchy",
    "HalfNormal",
    "HalfStudentT",
    "LocationPrior",
    "LogNormal",
    "Normal",
    "PrecisionGamma",
    "Prior",
    "ScalePrior",
    "StudentT",
    "Uniform",
]

Positive = Annotated[float, Field(gt=0)]
Floats = NDArray[np.float64]


class Prior(Document):
    """A prior for one quantity, with the reason for it.

    A family gives `_scipy` (a frozen SciPy distribution) and `_pymc` (name and arguments of the PyMC twin); a test
    holds the two against each other.
    """

    reason: Annotated[str, StringConstraints(min_length=10, max_length=1000)]

    def _scipy(self) -> Any:
        raise NotImplementedError

    def _pymc(self) -> tuple[str, dict[str, float]]:
        raise NotImplementedError

    def logpdf(self, x: ArrayLike) -> Floats:
        """Log density at x."""
        return np.asarray(self._scipy().logpdf(x), dtype=float)

    def cdf(self, x: ArrayLike) -> Floats:
        """Probability of a value up to x."""
        return np.asarray(self._scipy().cdf(x), dtype=float)

    def ppf(self, q: ArrayLike) -> Floats:
        """Quantile, the inverse of `cdf`."""
        return np.asarray(self._scipy().ppf(q), dtype=float)

    def sample(self, rng: np.random.Generator, size: tuple[int, ...] = ()) -> Floats:
        """Draws of shape `size`."""
        return np.asarray(self._scipy().rvs(size=size, random_state=rng), dtype=float)

    def pymc(self, name: str, dims: tuple[str, ...] = ()) -> Any:
        """Add the prior to the PyMC model in context and return its random variable."""
        import pymc as pm

        family, arguments = self._pymc()
        return getattr(pm, family)(name, dims=dims or None, **arguments)

    def describe(self) -> str:
        """Family and arguments in words, for tables."""
        arguments = {k: v for k, v in self.model_dump().items() if k not in {"family", "reason"}}
        return (
            f"{self.model_dump()['family'].replace('_', ' ')}({', '.join(f'{k} {v:g}' for k, v in arguments.items())})"
        )


class Normal(Prior):
    """Normal distribution."""

    family: Literal["normal"] = "normal"
    mean: float
    sd: Positive

    def _scipy(self) -> Any:
        from scipy import stats

        return stats.norm(self.mean, self.sd)

    def _pymc(self) -> tuple[str, dict[str, float]]:
        return "Normal", {"mu": self.mean, "sigma": self.sd}


class StudentT(Prior):
    """Student-t distribution with location and scale."""

    family: Literal["student_t"] = "student_t"
    df: Positive
    mean: float
    scale: Positive

    def _scipy(self) -> Any:
        from scipy import stats

        return stats.t(self.df, self.mean, self.scale)

    def _pymc(self) -> tuple[str, dict[str, float]]:
        return "StudentT", {"nu": self.df, "mu": self.mean, "sigma": self.scale}


class HalfNormal(Prior):
    """Normal distribution with mean 0 and the given SD, folded to positive values."""

    family: Literal["half_normal"] = "half_normal"
    sd: Positive

    def _scipy(self) -> Any:
        from scipy import stats

        return stats.halfnorm(0, self.sd)

    def _pymc(self) -> tuple[str, dict[str, float]]:
        return "HalfNormal", {"sigma": self.sd}


class HalfStudentT(Prior):
    """Student-t distribution around 0, folded to positive values."""

    family: Literal["half_student_t"] = "half_student_t"
    df: Positive
    scale: Positive

    def _scipy(self) -> Any:
        from scipy import stats

        # a t variable squared is F(1, df); folding keeps the scale
        return _Folded(stats.t(self.df, 0, self.scale))

    def _pymc(self) -> tuple[str, dict[str, float]]:
        return "HalfStudentT", {"nu": self.df, "sigma": self.scale}


class HalfCauchy(Prior):
    """Cauchy distribution around 0, folded to positive values."""

    family: Literal["half_cauchy"] = "half_cauchy"
    scale: Positive

    def _scipy(self) -> Any:
        from scipy import stats

        return stats.halfcauchy(0, self.scale)

    def _pymc(self) -> tuple[str, dict[str, float]]:
        return "HalfCauchy", {"beta": self.scale}


class Exponential(Prior):
    """Exponential distribution with the given mean."""

    family: Literal["exponential"] = "exponential"
    mean: Positive

    def _scipy(self) -> Any:
        from scipy import stats

        return stats.expon(0, self.mean)

    def _pymc(self) -> tuple[str, dict[str, float]]:
        return "Exponential", {"lam": 1 / self.mean}


class LogNormal(Prior):
    """Positive, with a normal logarithm."""

    family: Literal["log_normal"] = "log_normal"
    mean_log: float
    sd_log: Positive

    def _scipy(self) -> Any:
        from scipy import stats

        return stats.lognorm(self.sd_log, 0, np.exp(self.mean_log))

    def _pymc(self) -> tuple[str, dict[str, float]]:
        return "LogNormal", {"mu": self.mean_log, "sigma": self.sd_log}


class Uniform(Prior):
    """Uniform between two bounds; for a standard deviation the lower one must be 0 or more."""

    family: Literal["uniform"] = "uniform"
    lower: float
    upper: float

    @model_validator(mode="after")
    def _ordered(self) -> Uniform:
        if not self.lower < self.upper:
            raise ValueError("lower < upper")
        return self

    def _scipy(self) -> Any:
        from scipy import stats

        return stats.uniform(self.lower, self.upper - self.lower)

    def _pymc(self) -> tuple[str, dict[str, float]]:
        return "Uniform", {"lower": self.lower, "upper": self.upper}


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

    def logpdf(self, x: ArrayLike) -> Floats:
        """Log density of the standard deviation."""
        sd = np.asarray(x, dtype=float)
        return np.asarray(self._precision().logpdf(sd**-2) + np.log(2) - 3 * np.log(sd), dtype=float)

    def cdf(self, x: ArrayLike) -> Floats:
        """Probability of a standard deviation up to x."""
        return np.asarray(self._precision().sf(np.asarray(x, dtype=float) ** -2), dtype=float)

    def ppf(self, q: ArrayLike) -> Floats:
        """Quantile of the standard deviation."""
        return np.asarray(self._precision().isf(q) ** -0.5, dtype=float)

    def sample(self, rng: np.random.Generator, size: tuple[int, ...] = ()) -> Floats:
        """Draws of the standard deviation; with a shape near 0 most are astronomically large."""
        tiny = np.finfo(float).tiny
        return np.asarray(np.maximum(self._precision().rvs(size=size, random_state=rng), tiny) ** -0.5, dtype=float)

    def pymc(self, name: str, dims: tuple[str, ...] = ()) -> Any:
        """The prior as a custom density on the standard deviation."""
        import pymc as pm
        import pytensor.tensor as pt

        shape, rate = self.shape, self.rate

        def logp(value: Any, *_: Any) -> Any:
            return pm.logp(pm.Gamma.dist(alpha=shape, beta=rate), value**-2) + pt.log(2.0) - 3 * pt.log(value)

        def random(*_: Any, rng: Any = None, size: Any = None) -> Any:
            return self.sample(rng, tuple(np.atleast_1d(size)) if size is not None else ())

        return pm.CustomDist(
            name,
            0.0,
            logp=logp,
            random=random,
            dims=dims or None,
            initval=0.5,
            default_transform=pm.distributions.transforms.log,
        )


class Beta(Prior):
    """Beta distribution of a probability."""

    family: Literal["beta"] = "beta"
    a: Positive
    b: Positive

    def _scipy(self) -> Any:
        from scipy import stats

        return stats.beta(self.a, self.b)

    def _pymc(self) -> tuple[str, dict[str, float]]:
        return "Beta", {"alpha": self.a, "beta": self.b}


class Dirichlet(Prior):
    """Symmetric Dirichlet distribution of shares; a single number, however many shares there are."""

    family: Literal["dirichlet"] = "dirichlet"
    concentration: Positive

    def logpdf(self, x: ArrayLike) -> Floats:
        """Log density of shares, last axis; x has shape (..., categories) and sums to 1."""
        from scipy.special import gammaln

        shares = np.asarray(x, dtype=float)
        k, c = shares.shape[-1], self.concentration
        return np.asarray(gammaln(k * c) - k * gammaln(c) + (c - 1) * np.log(shares).sum(axis=-1), dtype=float)

    def sample(self, rng: np.random.Generator, size: tuple[int, ...] = ()) -> Floats:
        """Draws of shape `size`, the last axis being the shares."""
        return rng.dirichlet(np.full(size[-1], self.concentration), size=size[:-1])

    def pymc(self, name: str, dims: tuple[str, ...] = ()) -> Any:
        """Shares over the last of `dims`."""
        import pymc as pm

        size = len(pm.modelcontext(None).coords[dims[-1]])
        return pm.Dirichlet(name, a=np.full(size, self.concentration), dims=dims)


class _Folded:
    """|X| for a frozen SciPy distribution that is symmetric around 0."""

    def __init__(self, symmetric: Any) -> None:
        self._of = symmetric

    def logpdf(self, x: ArrayLike) -> Any:
        x = np.asarray(x, dtype=float)
        return np.where(x >= 0, self._of.logpdf(x) + np.log(2), -np.inf)

    def cdf(self, x: ArrayLike) -> Any:
        return np.clip(2 * self._of.cdf(x) - 1, 0, 1)

    def ppf(self, q: ArrayLike) -> Any:
        return self._of.ppf((1 + np.asarray(q, dtype=float)) / 2)

    def rvs(self, size: tuple[int, ...], random_state: np.random.Generator) -> Any:
        return np.abs(self._of.rvs(size=size, random_state=random_state))


LocationPrior = Annotated[Normal | StudentT | Uniform, Field(discriminator="family")]
"""What a log odds or log odds ratio can have."""

ScalePrior = Annotated[
    HalfNormal | HalfStudentT | HalfCauchy | Exponential | LogNormal | Uniform | PrecisionGamma,
    Field(discriminator="family"),
]
"""What a between-site standard deviation can have."""
