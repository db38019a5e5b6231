"""Shrinkage over end points: effects of a group come from one distribution, and pull one another towards its mean.

    estimates ~ N(theta, V),   theta_j ~ N(mu, tau^2),   mu ~ N(m, s^2),   tau ~ its prior

(Rubin 1981, J Educ Stat 6:377-401; for safety end points Berry and Berry 2004, Biometrics 60:418-426). V is known up
to sampling error and has covariances, since the end points are of the same patients. Given tau everything is normal,
so that the posterior is a mixture of normal distributions over a grid of quantiles of the prior of tau: no Markov
chain, and an error that is that of the grid alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.priors import Normal, Prior

__all__ = ["Shrunken", "shrink"]

Floats = NDArray[np.float64]

_GRID = 401  # points; odd, so that every other one spans the same range
_FAR = 8.0  # SDs of the prior
_WIDE = 8.0  # SDs of the posterior
_LEAST_TAU = 1e-9


@dataclass(frozen=True)
class Shrunken:
    """The posterior of one effect, or of their mean.

    Attributes
    ----------
    mean, sd, lower, upper : float
        With the limits of the 95 % credible interval.
    p_benefit : float
        P(effect > 0).
    error : float
        What half the grid would change in p_benefit: the numerical error, there being no Monte Carlo one.
    """

    mean: float
    sd: float
    lower: float
    upper: float
    p_benefit: float
    error: float


def shrink(estimates: Floats, covariance: Floats, mean: Normal, spread: Prior) -> tuple[tuple[Shrunken, ...], Shrunken]:
    """The effects of a group, and their mean mu.

    Parameters
    ----------
    estimates : array, shape (end points,)
        Positive is a benefit.
    covariance : array, shape (end points, end points)
    mean : Normal
        Prior of mu.
    spread : Prior
        Prior of tau, the SD of effects around mu.

    Examples
    --------
    One end point, no spread to speak of: the product of two normal densities.

    >>> from bayes_lupil.priors import HalfNormal
    >>> mu, tau = Normal(mean=0, sd=1, reason="an example"), HalfNormal(sd=1e-9, reason="an example")
    >>> (one,), _ = shrink(np.array([1.0]), np.eye(1), mu, tau)
    >>> round(one.mean, 6), round(one.sd, 6)
    (0.5, 0.707107)
    """
    # end points that say the same make V singular
    covariance = covariance + 1e-8 * np.diag(covariance).mean() * np.eye(estimates.size)
    everywhere = np.linspace(-_FAR, _FAR, _GRID)
    first = _posterior(estimates, covariance, mean, spread, everywhere)
    centre = float(first[0] @ everywhere)
    width = float(np.sqrt(first[0] @ (everywhere - centre) ** 2)) + 2 * (everywhere[1] - everywhere[0])
    grid = np.linspace(max(centre - _WIDE * width, -_FAR), min(centre + _WIDE * width, _FAR), _GRID)
    fine = _posterior(estimates, covariance, mean, spread, grid)
    rough = _posterior(estimates, covariance, mean, spread, grid[::2])
    rows = []
    for j in range(estimates.size + 1):
        found = _summary(fine[1][:, j], fine[2][:, j], fine[0])
        rows.append(Shrunken(*found, abs(found[-1] - _above(rough[0], rough[1][:, j], rough[2][:, j]))))
    return tuple(rows[:-1]), rows[-1]


def _posterior(y: Floats, v: Floats, mean: Normal, spread: Prior, g: Floats) -> tuple[Floats, Floats, Floats]:
    """Weights (grid,), and mean and SD of every theta and of mu given tau, (grid, end points + 1).

    The grid is in g = Phi^-1(F(tau)), N(0, 1) a priori, so that it reaches into the tail of the prior of tau.
    """
    taus = np.maximum(spread.from_normal(g), _LEAST_TAU)
    k, size = y.size, g.size
    each = np.ones(k)
    log, centres, sds = np.empty(size), np.empty((size, k + 1)), np.empty((size, k + 1))
    for i, tau in enumerate(taus):
        prior = tau**2 * np.eye(k) + mean.sd**2 * np.outer(each, each)
        total = prior + v
        root = np.linalg.cholesky(total)
        gap = y - mean.mean
        z = np.linalg.solve(root, gap)
        log[i] = -0.5 * (z @ z + g[i] ** 2) - np.log(np.diag(root)).sum()
        # theta, and mu as one more: both jointly normal with the estimates
        cross = np.vstack([prior, mean.sd**2 * each])
        gain = np.linalg.solve(total, cross.T).T
        centres[i] = mean.mean + gain @ gap
        variance = np.append(np.diag(prior), mean.sd**2) - (gain * cross).sum(axis=1)
        sds[i] = np.sqrt(np.maximum(variance, 1e-300))
    weight = np.exp(log - log.max())
    return weight / weight.sum(), centres, sds


def _above(weight: Floats, centre: Floats, sd: Floats, at: float = 0.0) -> float:
    from scipy.special import ndtr

    return float(weight @ ndtr((centre - at) / sd))


def _summary(centre: Floats, sd: Floats, weight: Floats) -> tuple[float, float, float, float, float]:
    from scipy.optimize import brentq

    mean = float(weight @ centre)
    spread = float(np.sqrt(weight @ (sd**2 + (centre - mean) ** 2)))
    ends = (mean - 12 * spread, mean + 12 * spread)
    lower, upper = (float(brentq(lambda at, q=q: _above(weight, centre, sd, at) - q, *ends)) for q in (0.975, 0.025))
    return mean, spread, lower, upper, _above(weight, centre, sd)
