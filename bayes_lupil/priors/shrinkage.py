"""Priors of a between-site SD that are stated for how far they would shrink a site with a typical standard error.

With the typical variance s0^2 of a site's estimate, a site's effect is shrunk to the average by the share
B0 = s0^2 / (s0^2 + tau^2); `scale` in the model file is s0. Both priors are log-logistic distributions of tau: with
k = 2 for a uniform B0, k = 1 for a uniform s0 / (s0 + tau),

    P(tau > t) = 1 / (1 + (t / s0)^k),      p(tau) = (k / s0) (tau / s0)^(k - 1) / (1 + (tau / s0)^k)^2,

as B = 1 / (1 + (tau / s0)^k) falls with tau, so that tau > t is B < 1 / (1 + (t / s0)^k), whose chance is that number.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike

from bayes_lupil.priors.base import Floats, Positive, Prior
from bayes_lupil.priors.custom import custom

__all__ = ["DuMouchel", "ShrinkagePrior", "UniformShrinkage", "typical_error"]


def typical_error(variances: Sequence[float]) -> float:
    """s0, the square root of the harmonic mean of the sampling variances of the sites' estimates.

    For log odds ratios these are sums of reciprocal cell counts, with 0.5 added to each as is usual. A prior that takes
    its scale from them has looked at the data: only at how precise they are, but say so in its reason.

    Examples
    --------
    >>> from bayes_lupil.priors import typical_error
    >>> round(typical_error([1 / 16 + 1 / 9, 1 / 4 + 1 / 4]), 3)
    0.508
    """
    return float(np.mean(1 / np.asarray(variances, dtype=float)) ** -0.5)


class ShrinkagePrior(Prior):
    """Log-logistic: P(tau > t) = 1 / (1 + (t / scale)^power)."""

    power: ClassVar[int]
    scale: Positive

    @property
    def tail(self) -> float:
        """The chance of a tau above t falls like t^-power."""
        return float(self.power)

    def _scipy(self) -> Any:
        from scipy import stats

        return stats.fisk(self.power, scale=self.scale)

    def logpdf(self, x: ArrayLike) -> Floats:
        """Log density, also where the square of x is no float."""
        tau = np.asarray(x, dtype=float)
        # with l = log(tau / s0): log(k / s0) + (k - 1) l - 2 log(1 + exp(k l)), the last by logaddexp
        log_ratio = np.log(np.where(tau > 0, tau, self.scale) / self.scale)
        constant = np.log(self.power / self.scale)
        density = constant + (self.power - 1) * log_ratio - 2 * np.logaddexp(0.0, self.power * log_ratio)
        # p(0) = 1 / s0 for k = 1, else 0; `tau` was replaced by the scale above so that no log of 0 is taken
        at_zero = constant if self.power == 1 else -np.inf
        return np.where(tau > 0, density, np.where(tau == 0, at_zero, -np.inf))

    def pymc(self, name: str, dims: tuple[str, ...] = ()) -> Any:
        """The prior as a custom density."""
        import pymc as pm
        import pytensor.tensor as pt

        power, scale = np.float64(self.power), np.float64(self.scale)
        constant = np.float64(np.log(self.power / self.scale))

        def logp(value: Any) -> Any:
            log_ratio = pt.log(value / scale)
            density = constant + (power - 1) * log_ratio - 2 * pt.softplus(power * log_ratio)
            return pt.switch(value > 0, density, -np.inf)

        return custom(name, dims, logp, self.sample, self.scale, pm.distributions.transforms.log)


class UniformShrinkage(ShrinkagePrior):
    """Uniform shrinkage: B0 = scale^2 / (scale^2 + tau^2) is uniform between 0 and 1; the median of tau is the scale.

    In the variance p(tau^2) = scale^2 / (scale^2 + tau^2)^2. The scale is s0, the square root of the harmonic mean of
    the sites' sampling variances (`typical_error`). Daniels 1999 (Can J Stat 27:567-578); Spiegelhalter, Abrams and
    Myles 2004 (Bayesian Approaches to Clinical Trials and Health-Care Evaluation, section 5.7.3).
    """

    family: Literal["uniform_shrinkage"] = "uniform_shrinkage"
    power: ClassVar[int] = 2


class DuMouchel(ShrinkagePrior):
    """DuMouchel's prior: scale / (scale + tau) is uniform between 0 and 1; p(tau) = scale / (scale + tau)^2.

    The scale is s0 as for `UniformShrinkage`, and again the median of tau; no mean exists. DuMouchel and Normand 2000
    (in Stangl and Berry, Meta-Analysis in Medicine and Health Policy).
    """

    family: Literal["dumouchel"] = "dumouchel"
    power: ClassVar[int] = 1

    def describe(self) -> str:
        """With the name as its author writes it."""
        return super().describe().replace("dumouchel", "DuMouchel")
