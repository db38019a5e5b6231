"""Several published results as one: the normal random-effects model, integrated without a sampler.

    y_i ~ Normal(theta_i, s_i^2),   theta_i ~ Normal(mu, tau^2),   mu flat,   tau ~ half-normal(SD)

Given tau, mu is normal with the weights 1 / (s_i^2 + tau^2); its posterior is a mixture of these over tau, whose
density is up to a constant p(tau) prod_i Normal(y_i; mu_hat, s_i^2 + tau^2) times the SD of mu (Gelman et al. 2013,
Bayesian Data Analysis, 3rd edition, 5.4). What lies below a value is the same mixture of normal probabilities: exact
but for one integral, and skewed where tau is uncertain, so that a normal approximation of it errs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from bayes_lupil.errors import InputError

__all__ = ["PooledEffect", "pooled_effect"]

Floats = NDArray[np.float64]
_NODES = 400


@dataclass(frozen=True, eq=False)
class PooledEffect:
    """The mean effect over results, and how far they differ.

    Attributes
    ----------
    weights, means, sds : array, shape (nodes,)
        The mixture over the SD between results.
    tau : array, shape (nodes,)
    """

    weights: Floats
    means: Floats
    sds: Floats
    tau: Floats

    def below(self, value: float) -> float:
        """Probability that the mean effect is below a value."""
        return float(self.weights @ ndtr((value - self.means) / self.sds))

    def new_below(self, value: float) -> float:
        """The same of the effect in one more trial."""
        return float(self.weights @ ndtr((value - self.means) / np.hypot(self.sds, self.tau)))

    def quantile(self, probability: float) -> float:
        """The value below which the mean effect lies with a probability."""
        from scipy.optimize import brentq

        low, high = float((self.means - 12 * self.sds).min()), float((self.means + 12 * self.sds).max())
        return float(brentq(lambda x: self.below(x) - probability, low, high, xtol=1e-10))

    @property
    def mean(self) -> float:
        """Mean of the mean effect."""
        return float(self.weights @ self.means)

    @property
    def tau_mean(self) -> float:
        """Mean of the SD between results."""
        return float(self.weights @ self.tau)


def pooled_effect(values: Sequence[float], ses: Sequence[float], tau_sd: float) -> PooledEffect:
    """The posterior of the mean of several effects.

    Parameters
    ----------
    values, ses : sequence of float
        Estimates and standard errors, on the measure's scale; two or more.
    tau_sd : float
        SD of the half-normal prior of the SD between results.

    Raises
    ------
    InputError
        For fewer than two results, or standard errors or an SD that are not above 0.

    Examples
    --------
    >>> found = pooled_effect([-0.3, -0.1], [0.2, 0.2], 0.5)
    >>> round(found.mean, 3), round(found.below(0), 2)
    (-0.2, 0.81)
    """
    y, variances = np.asarray(values, dtype=float), np.asarray(ses, dtype=float) ** 2
    if y.size < 2 or y.size != variances.size or not (variances > 0).all() or not tau_sd > 0:
        found = f"{y.size} results, SD of tau {tau_sd:g}"
        raise InputError("results to pool", found, "two or more, with standard errors and an SD above 0")
    # tau up to 12 SDs, beyond which the half-normal mass is below 1e-32; tau = s sinh(u), since it matters on two
    # scales: that of the least standard error s, and that of its prior
    x, w = np.polynomial.legendre.leggauss(_NODES)
    least = float(np.sqrt(variances.min()))
    u = np.arcsinh(12 * tau_sd / least) * (x + 1) / 2
    tau = least * np.sinh(u)
    within = variances + tau[:, None] ** 2
    precision = (1 / within).sum(axis=1)
    means = (y / within).sum(axis=1) / precision
    log = -0.5 * (tau / tau_sd) ** 2 - 0.5 * np.log(within).sum(axis=1) - 0.5 * np.log(precision)
    log = log - 0.5 * ((y - means[:, None]) ** 2 / within).sum(axis=1)
    log = log + np.log(np.cosh(u))
    weights = w * np.exp(log - log.max())
    return PooledEffect(weights / weights.sum(), means, 1 / np.sqrt(precision), tau)
