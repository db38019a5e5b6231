"""The prior families."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from pydantic import model_validator

from bayes_lupil.documents import requirement
from bayes_lupil.priors.base import Floats, Positive, Prior
from bayes_lupil.priors.custom import custom

__all__ = [
    "LKJ",
    "Beta",
    "Dirichlet",
    "Exponential",
    "HalfCauchy",
    "HalfNormal",
    "HalfStudentT",
    "LogNormal",
    "Normal",
    "StudentT",
    "Uniform",
]


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

    def logpdf(self, x: ArrayLike) -> Floats:
        """Log density at x; SciPy's, whose distribution takes longer to make than the density of thousands of draws."""
        return np.asarray(
            -(((np.asarray(x) - self.mean) / self.sd) ** 2) / 2 - np.log(np.sqrt(2 * np.pi)) - np.log(self.sd)
        )

    def from_normal(self, z: ArrayLike) -> Floats:
        """A straight line, so that data far out in the prior's tail are no difficulty."""
        return np.asarray(self.mean + self.sd * np.asarray(z, dtype=float))


class StudentT(Prior):
    """Student-t distribution with location and scale."""

    family: Literal["student_t"] = "student_t"
    df: Positive
    mean: float
    scale: Positive

    @property
    def tail(self) -> float:
        """As heavy as its degrees of freedom say."""
        return self.df

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

    def from_normal(self, z: ArrayLike) -> Floats:
        """In closed form, since this is the usual prior of a between-site SD."""
        from scipy.special import erfinv, ndtr, ndtri

        z = np.asarray(z, dtype=float)
        low = np.sqrt(2) * erfinv(ndtr(np.minimum(z, 0.0)))  # keeps its digits near 0
        return np.asarray(self.sd * np.where(z < 0, low, -ndtri(0.5 * ndtr(-np.maximum(z, 0.0)))))


class HalfStudentT(Prior):
    """Student-t distribution around 0, folded to positive values."""

    family: Literal["half_student_t"] = "half_student_t"
    df: Positive
    scale: Positive

    @property
    def tail(self) -> float:
        """As heavy as its degrees of freedom say."""
        return self.df

    def _scipy(self) -> Any:
        from scipy import stats

        return _Folded(stats.t(self.df, 0, self.scale), stats.f(1, self.df), self.scale)

    def _pymc(self) -> tuple[str, dict[str, float]]:
        return "HalfStudentT", {"nu": self.df, "sigma": self.scale}


class HalfCauchy(Prior):
    """Cauchy distribution around 0, folded to positive values."""

    family: Literal["half_cauchy"] = "half_cauchy"
    scale: Positive

    @property
    def tail(self) -> float:
        """No mean exists."""
        return 1.0

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
            raise requirement("", f"lower = {self.lower:g}, upper = {self.upper:g}", "lower below upper")
        return self

    def _scipy(self) -> Any:
        from scipy import stats

        return stats.uniform(self.lower, self.upper - self.lower)

    def _pymc(self) -> tuple[str, dict[str, float]]:
        return "Uniform", {"lower": self.lower, "upper": self.upper}


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


class LKJ(Prior):
    """A correlation with density proportional to (1 - r^2)^(eta - 1); eta 1 is uniform, larger ones shrink to 0.

    Lewandowski, Kurowicka and Joe 2009 (J Multivar Anal 100:1989-2001), for a 2 x 2 matrix.
    """

    family: Literal["lkj"] = "lkj"
    eta: Positive

    def _scipy(self) -> Any:
        from scipy import stats

        return stats.beta(self.eta, self.eta, loc=-1, scale=2)

    def logpdf(self, x: ArrayLike) -> Floats:
        """Log density of the correlation."""
        from scipy.special import betaln

        r = np.asarray(x, dtype=float)
        constant = -betaln(self.eta, self.eta) - (2 * self.eta - 1) * np.log(2)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(np.abs(r) < 1, constant + (self.eta - 1) * np.log1p(-(r**2)), -np.inf)

    def pymc(self, name: str, dims: tuple[str, ...] = ()) -> Any:
        """The prior as a custom density between -1 and 1."""
        import pymc as pm
        import pytensor.tensor as pt

        power, constant = np.float64(self.eta - 1), np.float64(self.logpdf(0.0))

        def logp(value: Any) -> Any:
            return pt.switch(pt.abs(value) < 1, constant + power * pt.log1p(-(value**2)), -np.inf)

        return custom(name, dims, logp, self.sample, 0.0, pm.distributions.transforms.Interval(-1.0, 1.0))


class Dirichlet(Prior):
    """Symmetric Dirichlet distribution of shares; a single number, however many shares there are."""

    family: Literal["dirichlet"] = "dirichlet"
    concentration: Positive

    def logpdf(self, x: ArrayLike) -> Floats:
        """Log density of shares, last axis; x has shape (..., categories) and sums to 1."""
        from scipy.special import gammaln, xlogy

        shares = np.asarray(x, dtype=float)
        k, c = shares.shape[-1], self.concentration
        return np.asarray(gammaln(k * c) - k * gammaln(c) + xlogy(c - 1, shares).sum(axis=-1), dtype=float)

    def sample(self, rng: np.random.Generator, size: tuple[int, ...] = ()) -> Floats:
        """Draws of shape `size`, the last axis being the shares."""
        return rng.dirichlet(np.full(size[-1], self.concentration), size=size[:-1])

    def pymc(self, name: str, dims: tuple[str, ...] = ()) -> Any:
        """Shares over the last of `dims`."""
        import pymc as pm

        size = len(pm.modelcontext(None).coords[dims[-1]])
        return pm.Dirichlet(name, a=np.full(size, self.concentration, dtype=float), dims=dims)


class _Folded:
    """|X| for a t variable X; (X / scale) squared is an F variable, which keeps its digits near 0, but not far out."""

    def __init__(self, t: Any, square: Any, scale: float) -> None:
        self._of = t
        self._square = square
        self._scale = scale

    def logpdf(self, x: ArrayLike) -> Any:
        x = np.asarray(x, dtype=float)
        return np.where(x >= 0, self._of.logpdf(x) + np.log(2), -np.inf)

    def cdf(self, x: ArrayLike) -> Any:
        return self._square.cdf((np.maximum(x, 0.0) / self._scale) ** 2)

    def ppf(self, q: ArrayLike) -> Any:
        return self._scale * np.sqrt(self._square.ppf(q))

    def isf(self, q: ArrayLike) -> Any:
        return self._of.isf(0.5 * np.asarray(q, dtype=float))  # F's is infinite from 1e-23 on

    def rvs(self, size: tuple[int, ...], random_state: np.random.Generator) -> Any:
        return np.abs(self._of.rvs(size=size, random_state=random_state))
