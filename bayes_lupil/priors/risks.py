"""Priors of log odds and log odds ratios that are stated for risks: control risk, risk ratio, risk difference.

With the control risk p0 = expit(alpha) and the risk p1 = expit(alpha + beta) under treatment (0/1 coding), a prior of
phi = log(p1 / p0) or phi = p1 - p0 is a prior of beta given alpha,

    p(beta | alpha) = p_phi(phi(alpha, beta)) |d phi / d beta|,

cut off to what is possible at that control risk (log(p1 / p0) < -log p0; -p0 < p1 - p0 < 1 - p0) and scaled to 1 there.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from pydantic import Field

from bayes_lupil.errors import UnsupportedModelError
from bayes_lupil.priors.base import Floats, Positive, Prior
from bayes_lupil.priors.custom import custom
from bayes_lupil.priors.truncated import log_mass, log_width, log_width_above

__all__ = ["ControlRiskBeta", "EffectOnRisk", "LogRiskRatioNormal", "RiskDifferenceNormal"]


class ControlRiskBeta(Prior):
    """A log odds whose probability has a beta distribution; a = b = 1 is the uniform one.

    Of `alpha` under reference coding: the control arm's risk, where sites differ at a site with average log odds.
    """

    family: Literal["control_risk_beta"] = "control_risk_beta"
    quantity: ClassVar[str] = "control risk"
    a: Positive
    b: Positive

    def _scipy(self) -> Any:
        from scipy import stats

        return stats.beta(self.a, self.b)

    def logpdf(self, x: ArrayLike) -> Floats:
        """Log density of the log odds."""
        from scipy.special import betaln, log_expit

        x = np.asarray(x, dtype=float)
        return np.asarray(self.a * log_expit(x) + self.b * log_expit(-x) - betaln(self.a, self.b))

    def cdf(self, x: ArrayLike) -> Floats:
        """Probability of a log odds up to x."""
        from scipy.special import expit

        return np.asarray(self._distribution.cdf(expit(np.asarray(x, dtype=float))), dtype=float)

    def ppf(self, q: ArrayLike) -> Floats:
        """Quantile of the log odds."""
        from scipy.special import betaincinv

        q = np.asarray(q, dtype=float)
        p = np.nan_to_num(betaincinv(self.a, self.b, q))
        # seen from the side on which the chance has its digits, unless the risk has none there
        lower = (p < 1e-8) | ((q <= 0.5) & (p < 1 - 1e-8))
        below, above = _log_odds(self.a, self.b, q), -_log_odds(self.b, self.a, np.where(lower, 0.5, 1 - q))
        return np.asarray(np.where(lower, below, above))

    def isf(self, q: ArrayLike) -> Floats:
        """Log odds exceeded with probability q: those of the other outcome at its quantile."""
        other = ControlRiskBeta(a=self.b, b=self.a, reason=self.reason)
        return np.asarray(-other.ppf(q))

    def sample(self, rng: np.random.Generator, size: tuple[int, ...] = ()) -> Floats:
        """Draws of the log odds."""
        return self.from_normal(rng.standard_normal(size))

    def pymc(self, name: str, dims: tuple[str, ...] = ()) -> Any:
        """The prior as a custom density of the log odds."""
        import pytensor.tensor as pt
        from scipy.special import betaln

        a, b, constant = np.float64(self.a), np.float64(self.b), np.float64(betaln(self.a, self.b))

        def logp(value: Any) -> Any:
            return -a * pt.softplus(-value) - b * pt.softplus(value) - constant

        return custom(name, dims, logp, self.sample, float(self.ppf(0.5)))


def _log_odds(a: float, b: float, q: Floats) -> Floats:
    """Log odds of the quantile of Beta(a, b), for probabilities up to about 1/2."""
    from scipy.special import betainc, betaincinv, betaln, expit, log_expit, logit

    with np.errstate(divide="ignore", invalid="ignore"):
        # next to 0 the cdf is p^a / (a B(a, b)) to the last digit; p may be no float there, and SciPy's quantile NaN
        small = (np.log(q) + np.log(a) + betaln(a, b)) / a
        tiny = small < -46 - np.log1p(b)
        x = np.where(tiny, 0.0, logit(betaincinv(a, b, q)))
        # SciPy's quantile has eight digits in places: one step of Newton's method on the log of the cdf
        cdf, log_density = betainc(a, b, expit(x)), a * log_expit(x) + b * log_expit(-x) - betaln(a, b)
        step = np.log(cdf / q) * cdf / np.exp(log_density)
        return np.asarray(np.where(tiny, small, x - np.where(np.isfinite(step), step, 0.0)))


class Maths(NamedTuple):
    """Functions of arrays or of PyTensor variables, so that each formula is written once."""

    exp: Callable[[Any], Any]
    log_risk: Callable[[Any], Any]

    @classmethod
    def of_arrays(cls) -> Maths:
        """NumPy's."""
        from scipy.special import log_expit

        return cls(np.exp, log_expit)

    @classmethod
    def of_graphs(cls) -> Maths:
        """PyTensor's."""
        import pytensor.tensor as pt

        return cls(pt.exp, lambda log_odds: -pt.softplus(-log_odds))


class EffectOnRisk(Prior):
    """A prior of the log odds ratio given the log odds alpha of the control arm: every method takes alpha as well.

    It says of the distance y of the risk p1 from a bound that it is normal, cut off: y = -log p1 for the risk ratio,
    between 0 and infinity; y = p1 for the risk difference, between 0 and 1.
    """

    mean: float
    sd: Positive

    @abstractmethod
    def _start(self, alpha: Any, maths: Maths) -> Any:
        """Y = 0 as a standard normal deviate."""

    @property
    @abstractmethod
    def _reach(self) -> float:
        """The length of what is possible, in SDs."""

    @abstractmethod
    def _distance(self, log_odds: Any, maths: Maths) -> tuple[Any, Any]:
        """Y and the log of its slope in beta, from the log odds of p1."""

    @abstractmethod
    def _log_below(self, start: Floats, width: Floats) -> Floats:
        """Log of the standard normal mass of what gives a smaller log odds ratio than y = width SDs does."""

    @abstractmethod
    def _log_odds(self, log_q: Floats, alpha: Floats, upper: bool) -> Floats:
        """The log odds of p1 with the chance q, up to a half, above it (`upper`) or below it."""

    def logpdf(self, x: ArrayLike, alpha: ArrayLike | None = None) -> Floats:
        """Log density of the log odds ratio given alpha."""
        alpha, maths = self._given(alpha), Maths.of_arrays()
        y, log_slope = self._distance(alpha + np.asarray(x, dtype=float), maths)
        start = self._start(alpha, maths)
        z = start + y / self.sd
        constant = np.log(self.sd) + 0.5 * np.log(2 * np.pi)
        return np.asarray(-0.5 * z**2 - constant - log_mass(start, self._reach) + log_slope)

    def cdf(self, x: ArrayLike, alpha: ArrayLike | None = None) -> Floats:
        """Probability of a log odds ratio up to x, given alpha."""
        alpha, maths = self._given(alpha), Maths.of_arrays()
        y, _ = self._distance(alpha + np.asarray(x, dtype=float), maths)
        start = self._start(alpha, maths)
        return np.asarray(np.exp(self._log_below(start, y / self.sd) - log_mass(start, self._reach)))

    def ppf(self, q: ArrayLike, alpha: ArrayLike | None = None) -> Floats:
        """Quantile of the log odds ratio given alpha."""
        q = np.asarray(q, dtype=float)
        return self._value(*_log_tail(q, q > 0.5), self._given(alpha))

    def isf(self, q: ArrayLike, alpha: ArrayLike | None = None) -> Floats:
        """Log odds ratio exceeded with probability q, given alpha."""
        q = np.asarray(q, dtype=float)
        log_tail, beyond = _log_tail(q, q > 0.5)
        return self._value(log_tail, ~beyond, self._given(alpha))

    def from_normal(self, z: ArrayLike, alpha: ArrayLike | None = None) -> Floats:
        """The log odds ratio that a standard normal z stands for, given alpha."""
        from scipy.special import log_ndtr

        z = np.asarray(z, dtype=float)
        return self._value(log_ndtr(-np.abs(z)), z > 0, self._given(alpha))

    def sample(self, rng: np.random.Generator, size: tuple[int, ...] = (), alpha: ArrayLike | None = None) -> Floats:
        """Draws of shape `size`; alpha is broadcast to it."""
        return self.from_normal(rng.standard_normal(size), alpha)

    def pymc(self, name: str, dims: tuple[str, ...] = (), alpha: Any = None) -> Any:
        """The prior as a custom density given the random variable alpha."""
        maths, given = Maths.of_graphs(), self._given(alpha)
        sd, reach = np.float64(self.sd), np.float64(self._reach)
        constant = np.float64(np.log(self.sd) + 0.5 * np.log(2 * np.pi))

        def logp(value: Any, alpha: Any) -> Any:
            y, log_slope = self._distance(alpha + value, maths)
            start = self._start(alpha, maths)
            return -0.5 * (start + y / sd) ** 2 - constant - _symbolic_log_mass(start, reach) + log_slope

        return custom(name, dims, logp, self.sample, 0.0, given=(given,))

    def _given(self, alpha: Any) -> Any:
        """alpha, which a caller must not forget."""
        if alpha is None:
            raise UnsupportedModelError(
                f"prior {self.describe()}",
                "a question about the prior of the log odds ratio alone",
                "a prior of the log odds ratio itself, such as family = 'normal'",
                "This one depends on the control arm's risk.",
            )
        return alpha

    def _value(self, log_tail: Floats, upper: Any, alpha: Floats) -> Floats:
        below, above = (self._log_odds(log_tail, alpha, side) for side in (False, True))
        return np.asarray(np.where(upper, above, below) - alpha)


class LogRiskRatioNormal(EffectOnRisk):
    """A normal prior of the log risk ratio, active against control, cut off where the risk would pass 1."""

    family: Literal["log_risk_ratio_normal"] = "log_risk_ratio_normal"
    quantity: ClassVar[str] = "log risk ratio"

    @property
    def _reach(self) -> float:
        return np.inf

    def _start(self, alpha: Any, maths: Maths) -> Any:
        return (np.float64(self.mean) + maths.log_risk(alpha)) / np.float64(self.sd)

    def _distance(self, log_odds: Any, maths: Maths) -> tuple[Any, Any]:
        return -maths.log_risk(log_odds), maths.log_risk(-log_odds)

    def _log_below(self, start: Floats, width: Floats) -> Floats:
        return log_mass(start + width, np.inf)

    def _log_odds(self, log_q: Floats, alpha: Floats, upper: bool) -> Floats:
        start = self._start(alpha, Maths.of_arrays())
        if not upper:
            return _from_log_distance(log_width_above(log_q, start) + np.log(self.sd))
        return _from_log_distance(log_width(log_q, start, log_mass(start, np.inf)) + np.log(self.sd))


class RiskDifferenceNormal(EffectOnRisk):
    """A normal prior of the risk difference, active minus control, cut off where a risk would pass 0 or 1."""

    family: Literal["risk_difference_normal"] = "risk_difference_normal"
    quantity: ClassVar[str] = "risk difference"
    mean: Annotated[float, Field(gt=-1, lt=1)]

    @property
    def _reach(self) -> float:
        return 1 / self.sd

    def _start(self, alpha: Any, maths: Maths) -> Any:
        return -(np.float64(self.mean) + maths.exp(maths.log_risk(alpha))) / np.float64(self.sd)

    def _distance(self, log_odds: Any, maths: Maths) -> tuple[Any, Any]:
        log_risk = maths.log_risk(log_odds)
        return maths.exp(log_risk), log_risk + maths.log_risk(-log_odds)

    def _log_below(self, start: Floats, width: Floats) -> Floats:
        return log_mass(start, width)

    def _log_odds(self, log_q: Floats, alpha: Floats, upper: bool) -> Floats:
        start = self._start(alpha, Maths.of_arrays())
        start = -(start + self._reach) if upper else start  # the upper bound is the lower one of 1 - p1
        log_p = log_width(log_q, start, log_mass(start, self._reach)) + np.log(self.sd)
        log_odds = log_p - np.log1p(-np.exp(np.minimum(log_p, np.log(1 - 1e-16))))
        return np.asarray(-log_odds if upper else log_odds)


def _log_tail(q: Floats, beyond: Any) -> tuple[Floats, Any]:
    """Log of q, or of 1 - q where q is above a half."""
    with np.errstate(divide="ignore"):
        return np.where(beyond, np.log1p(-np.where(beyond, q, 0.0)), np.log(np.where(beyond, 0.5, q))), beyond


def _from_log_distance(log_y: Floats) -> Floats:
    """Log odds of p1 = exp(-y), from log y."""
    y = np.exp(log_y)
    with np.errstate(divide="ignore"):
        return np.asarray(-y - np.where(y < 1e-8, log_y - 0.5 * y, np.log(-np.expm1(-y))))


def _symbolic_log_mass(start: Any, width: Any) -> Any:
    """`log_mass` for PyTensor; nothing overflows in a branch that is not taken, whose slope would be no number."""
    import pytensor.tensor as pt

    def log_cdf(z: Any) -> Any:
        low, high = pt.minimum(z, 0.0), pt.maximum(z, 0.0)
        below = pt.log(0.5 * pt.erfcx(-low / np.sqrt(2))) - 0.5 * low**2
        return pt.switch(z < 0, below, pt.log1p(-0.5 * pt.erfc(high / np.sqrt(2))))

    if not np.isfinite(width):
        return log_cdf(-start)
    flip = start + 0.5 * width > 0
    far, near = pt.switch(flip, -(start + width), start), pt.switch(flip, -start, start + width)
    return log_cdf(near) + pt.log1p(-pt.exp(log_cdf(far) - log_cdf(near)))
