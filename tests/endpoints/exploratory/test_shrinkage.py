"""Shrinkage over end points: eight schools, brute force over a grid, limits."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from bayes_lupil.endpoints.exploratory.shrinkage import shrink
from bayes_lupil.priors import HalfCauchy, HalfNormal, Normal, Uniform

WHY = "For this test only."
SCHOOLS = np.array([28, 8, -3, 7, -1, 1, 18, 12.0]), np.array([15, 10, 16, 11, 9, 11, 10, 18.0])
"""Rubin 1981: effects and standard errors."""
MANY = 4.0


def test_eight_schools() -> None:
    """Against the posterior of PyMC that ArviZ ships as an example: mu ~ N(0, 5), tau ~ half-Cauchy(5)."""
    from arviz_base import load_arviz_data

    from bayes_lupil.posterior.diagnostics import describe

    reference = load_arviz_data("non_centered_eight").posterior
    y, se = SCHOOLS
    mean, spread = Normal(mean=0, sd=5, reason=WHY), HalfCauchy(scale=5, reason=WHY)
    rows, mu = shrink(y, np.diag(se**2), mean, spread)
    draws = [reference["theta"].values[..., j] for j in range(8)] + [reference["mu"].values]
    for mine, theirs in zip((*rows, mu), draws, strict=True):
        row = describe("theta", theirs)
        assert abs(mine.mean - row.mean) < MANY * row.mcse_mean
        error_of_sd = row.sd / np.sqrt(2 * row.ess_bulk)
        assert abs(mine.sd - row.sd) < 2 * MANY * error_of_sd  # tails are heavier than normal ones
        p = (theirs > 0).mean()
        assert abs(mine.p_benefit - p) < MANY * np.sqrt(p * (1 - p) / row.ess_bulk)
        assert mine.error < 1e-4


def test_eight_schools_of_posteriordb() -> None:
    """Reference posterior eight_schools-eight_schools_noncentered: Stan, 10,000 draws; means and Monte Carlo errors."""
    means = [6.15050229, 4.93958114, 3.90590609, 4.79601675, 3.61443632, 4.05114758, 6.31716976, 4.88399694]
    errors = [0.05573753, 0.04622938, 0.05423137, 0.04749358, 0.04614506, 0.04851954, 0.04987668, 0.05425116]
    y, se = SCHOOLS
    rows, mu = shrink(y, np.diag(se**2), Normal(mean=0, sd=5, reason=WHY), HalfCauchy(scale=5, reason=WHY))
    assert (np.abs([row.mean for row in rows] - np.array(means)) < MANY * np.array(errors)).all()
    assert abs(mu.mean - 4.41051834) < MANY * 0.03303747


def test_the_tail_of_the_prior_of_tau() -> None:
    """A prior of tau far too small for the data: sums over a fine grid of tau itself, mu and theta by matrices."""
    y, v = np.array([1.5, -1.2, 0.9, -1.0]), 0.02 * np.eye(4)
    mean, spread = Normal(mean=0, sd=1, reason=WHY), HalfNormal(sd=0.1, reason=WHY)
    taus = np.linspace(1e-4, 1.5, 6000)
    log = np.array([stats.multivariate_normal.logpdf(y, np.zeros(4), v + t**2 * np.eye(4) + 1.0) for t in taus])
    log = log + stats.halfnorm.logpdf(taus, scale=0.1)
    weight = np.exp(log - log.max())
    weight /= weight.sum()
    prior = [t**2 * np.eye(4) + 1.0 for t in taus]
    centre = np.array([p @ np.linalg.solve(p + v, y) for p in prior])
    rows, _ = shrink(y, v, mean, spread)
    assert [row.mean for row in rows] == pytest.approx(weight @ centre, abs=1e-5)
    assert all(row.error < 1e-6 for row in rows)


def test_brute_force_with_correlated_estimates() -> None:
    """Three end points of the same patients: sums over a grid of theta, tau and mu, nothing in closed form."""
    y = np.array([0.8, 0.1, -0.4])
    v = np.array([[0.2, 0.1, 0.02], [0.1, 0.3, -0.05], [0.02, -0.05, 0.25]])
    mean, spread = Normal(mean=0.1, sd=0.7, reason=WHY), HalfNormal(sd=0.6, reason=WHY)
    rng = np.random.default_rng(5)
    # importance sampling from the prior by plain simulation
    size = 400_000
    mu = rng.normal(0.1, 0.7, size)
    tau = np.abs(rng.normal(0, 0.6, size))
    theta = mu[:, None] + tau[:, None] * rng.standard_normal((size, 3))
    weight = stats.multivariate_normal.pdf(y - theta, np.zeros(3), v)
    weight /= weight.sum()
    rows, average = shrink(y, v, mean, spread)
    for row, values in zip((*rows, average), (*theta.T, mu), strict=True):
        m = weight @ values
        error = np.sqrt(weight**2 @ (values - m) ** 2)
        assert abs(row.mean - m) < MANY * error
        p = weight @ (values > 0)
        assert abs(row.p_benefit - p) < MANY * np.sqrt(weight**2 @ ((values > 0) - p) ** 2)
        low = weight @ (values < row.lower)
        assert abs(low - 0.025) < MANY * np.sqrt(weight**2 @ ((values < row.lower) - low) ** 2)


def test_end_points_that_say_the_same() -> None:
    """A response twice: V is singular, and the two stay alike; as one end point would, given the group of one."""
    mean, spread = Normal(mean=0, sd=1, reason=WHY), HalfNormal(sd=1e-6, reason=WHY)
    two, _ = shrink(np.array([0.7, 0.7]), np.full((2, 2), 0.2), mean, spread)
    (one,), _ = shrink(np.array([0.7]), np.array([[0.2]]), mean, spread)
    assert two[0].mean == pytest.approx(two[1].mean, abs=1e-6)
    assert two[0].mean == pytest.approx(one.mean, rel=1e-3)


def test_limits() -> None:
    """No spread: all alike, the precision-weighted mean. Endless spread: each its own estimate."""
    y, v = np.array([1.0, 0.0, 0.2]), np.diag([0.1, 0.2, 0.3])
    flat = Normal(mean=0, sd=1e3, reason=WHY)
    alike, mu = shrink(y, v, flat, HalfNormal(sd=1e-7, reason=WHY))
    weights = 1 / np.diag(v)
    for row in (*alike, mu):
        assert row.mean == pytest.approx(weights @ y / weights.sum(), abs=1e-4)
        assert row.sd == pytest.approx(weights.sum() ** -0.5, rel=1e-3)
    far = Uniform(lower=1e3, upper=1e4, reason=WHY)  # a wide prior alone leaves the data free to find a small tau
    alone, _ = shrink(y, v, Normal(mean=0, sd=1, reason=WHY), far)
    for row, own, variance in zip(alone, y, np.diag(v), strict=True):
        assert row.mean == pytest.approx(own, abs=0.01)
        assert row.sd == pytest.approx(np.sqrt(variance), rel=0.01)


def test_shrinks_towards_the_group() -> None:
    y = np.array([2.0, 0.0, 0.1, -0.1, 0.05])
    rows, mu = shrink(y, 0.3 * np.eye(5), Normal(mean=0, sd=1, reason=WHY), HalfNormal(sd=0.5, reason=WHY))
    assert mu.mean < rows[0].mean < 2.0
    assert all(abs(row.mean - mu.mean) < abs(own - mu.mean) for row, own in zip(rows, y, strict=True))
