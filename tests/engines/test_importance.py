"""Importance sampling of densities whose integral and moments are known; proposals that do not do are told."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats
from scipy.special import logsumexp

from bayes_lupil.engines import importance
from bayes_lupil.engines.importance import ImportanceSample, sample_density, smooth_weights
from bayes_lupil.engines.proposal import Proposal, Rung, find_proposal

Floats = NDArray[np.float64]
Density = Callable[[Floats], Floats]

MANY = 4.0
POINTS, REPLICATES = 4096, 4


def _sample(density: Density, dimension: int, seed: int = 1, scale_axes: tuple[int, ...] = ()) -> ImportanceSample:
    first, second = np.random.SeedSequence(seed).spawn(2)
    proposal = find_proposal(density, dimension, scale_axes, first)
    return sample_density(density, proposal, POINTS, REPLICATES, second)


def _moments(sample: ImportanceSample) -> tuple[Floats, Floats]:
    w, g = sample.weights.ravel(), sample.points.reshape(-1, sample.points.shape[2])
    mean = w @ g
    return mean, np.sqrt(w @ (g - mean) ** 2)


MEAN = np.array([0.6, -1.1, 0.3])
COVARIANCE = np.array([[0.5, 0.2, 0.0], [0.2, 0.3, -0.1], [0.0, -0.1, 0.9]])


def _normal(g: Floats) -> Floats:
    return np.asarray(stats.multivariate_normal(MEAN, COVARIANCE).logpdf(g) - 37.0)


def test_a_normal_density() -> None:
    """Integral, means and SDs within 4 errors; k-hat far below 0.5; more than half of the points effective."""
    found = _sample(_normal, 3)
    assert abs(found.log_evidence + 37.0) < MANY * found.log_evidence_error
    assert found.log_evidence_error < 0.02
    mean, sd = _moments(found)
    expected = np.sqrt(np.diag(COVARIANCE))
    assert np.all(np.abs(mean - MEAN) < MANY * expected / np.sqrt(found.effective))
    assert np.all(np.abs(sd / expected - 1) < MANY / np.sqrt(2 * found.effective))
    assert found.k_hat < 0.5
    assert found.effective > 0.5 * POINTS
    assert found.stages == 1


def _funnel(g: Floats) -> Floats:
    """Four sites' averages of mean g_0 and SD 0.3 + exp(g_1) under N(0, 1) priors: the funnel of few sites."""
    y = np.array([-0.4, 0.1, 0.2, 1.0])
    spread = 0.3 + np.exp(g[:, 1, None])
    return np.asarray(stats.norm.logpdf(y, g[:, :1], spread).sum(axis=1) + stats.norm.logpdf(g).sum(axis=1))


def test_a_funnel() -> None:
    """Against a grid of 1,000 by 1,000 points."""
    axis = np.linspace(-7, 7, 1001)
    a, b = np.meshgrid(axis, axis, indexing="ij")
    grid = np.column_stack([a.ravel(), b.ravel()])
    log = _funnel(grid)
    evidence = logsumexp(log) + 2 * np.log(axis[1] - axis[0])
    w = np.exp(log - logsumexp(log))
    mean = w @ grid
    sd = np.sqrt(w @ (grid - mean) ** 2)
    found = _sample(_funnel, 2, scale_axes=(1,))
    assert abs(found.log_evidence - evidence) < MANY * found.log_evidence_error
    ours, our_sd = _moments(found)
    assert np.all(np.abs(ours - mean) < MANY * sd / np.sqrt(found.effective))
    kurtosis = w @ ((grid - mean) / sd) ** 4
    assert np.all(np.abs(our_sd / sd - 1) < MANY * np.sqrt((kurtosis - 1) / 4 / found.effective))
    assert found.k_hat < 0.5


def test_errors_are_as_large_as_they_are_said_to_be() -> None:
    """Over 40 seeds, distances from the truth in errors have mean square 1 or less (Sobol points), and not 0.

    40 squares of normal variables average 1 with SE 0.22.
    """
    evidence, means = [], []
    for seed in range(40):
        found = _sample(_normal, 3, seed)
        evidence.append((found.log_evidence + 37.0) / found.log_evidence_error)
        means.append((_moments(found)[0] - MEAN) / np.sqrt(np.diag(COVARIANCE) / found.effective))
    for distances in (np.array(evidence), np.array(means)):
        square = float(np.mean(distances**2))
        assert 1e-4 < square < 1 + MANY * np.sqrt(2 / 40)


MIXTURE = Proposal(
    np.array([0.5, 0.2]), np.array([[0.6, 0.0], [0.2, 0.4]]),
    rungs=(Rung(np.array([-1.5, 0.0]), np.diag([0.3, 0.8]), 0.2), Rung(np.array([1.0, 2.0]), np.eye(2), 0.1)),
)  # fmt: skip


def test_the_density_of_a_proposal_is_that_of_its_points() -> None:
    """It integrates to 1 over a grid, and to the share of its points over every quarter of the plane."""
    axis = np.linspace(-40, 40, 1601)
    a, b = np.meshgrid(axis, axis, indexing="ij")
    grid = np.column_stack([a.ravel(), b.ravel()])
    density = np.exp(MIXTURE.log_density(grid)) * (axis[1] - axis[0]) ** 2
    assert density.sum() == pytest.approx(1, abs=2e-4)  # t(7) beyond 40: 1e-5; the rest is the grid's
    points = MIXTURE.points(2**14, np.random.SeedSequence(5))
    for signs in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
        expected = density[((grid + 1e-9) * signs > 0).all(axis=1)].sum()
        share = (points * signs > 0).all(axis=1).mean()
        # the grid's points on the axes go to one side: 1.25 % of a cell's width; Sobol points are closer than binomial
        assert abs(share - expected) < 0.02


def test_a_proposal_that_is_too_narrow_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fifth of the width, nothing from the prior: k-hat above 0.7. Further stages widen it and mend that."""
    narrow = Proposal(MEAN, 0.2 * np.linalg.cholesky(COVARIANCE), prior_share=0.0)
    seed = np.random.SeedSequence(3)
    mended = sample_density(_normal, narrow, POINTS, REPLICATES, seed)
    assert mended.stages > 1
    assert mended.k_hat < 0.7
    assert abs(mended.log_evidence + 37.0) < MANY * mended.log_evidence_error
    monkeypatch.setattr(importance, "_STAGES", 1)
    found = sample_density(_normal, narrow, POINTS, REPLICATES, np.random.SeedSequence(3))
    assert found.k_hat > 0.7


def _two_modes(g: Floats) -> Floats:
    parts = [stats.norm.logpdf(g[:, 0], at, 0.35) + stats.norm.logpdf(g[:, 1]) for at in (-2.0, 2.0)]
    return np.asarray(logsumexp(parts, axis=0) - np.log(2))


def test_a_second_mode_is_found() -> None:
    """The search stops at one of them; points of the prior reach the other. Each gets half, and the integral is 1."""
    found = _sample(_two_modes, 2)
    share = found.weights[found.points[..., 0] > 0].sum()
    assert abs(share - 0.5) < MANY * 0.5 / np.sqrt(found.effective)
    assert abs(found.log_evidence) < MANY * found.log_evidence_error
    assert found.k_hat < 0.7


def test_without_points_of_the_prior_the_second_mode_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """Why one point in ten comes from there: no weight tells of a mode where no point is."""
    start = find_proposal(_two_modes, 2, (), np.random.SeedSequence(1))
    lost = Proposal(start.mean, 0.5 * start.factor, prior_share=0.0)
    monkeypatch.setattr(importance, "_STAGES", 1)
    found = sample_density(_two_modes, lost, POINTS, REPLICATES, np.random.SeedSequence(2))
    share = found.weights[found.points[..., 0] > 0].sum()
    assert min(share, 1 - share) < 0.02 or found.k_hat > 0.7


def test_draws_are_the_points_as_often_as_they_weigh() -> None:
    """Systematic resampling: no point more than once too often or too seldom; neighbours in order are not alike."""
    found = _sample(_normal, 3)
    g, log_density = found.resample(np.random.SeedSequence(7), 10**9)
    each = g.shape[1]
    assert g.shape[0] == REPLICATES
    assert each == int(found.effective) // REPLICATES
    np.testing.assert_allclose(log_density.ravel(), _normal(g.reshape(-1, 3)), rtol=1e-9)
    for r in range(REPLICATES):
        points, counts = np.unique(g[r], axis=0, return_counts=True)
        number = {tuple(p): c for p, c in zip(points, counts, strict=True)}
        expected = found.weights[r] / found.weights[r].sum() * each
        drawn = np.array([number.get(tuple(p), 0) for p in found.points[r]])
        assert np.abs(drawn - expected).max() < 1
        lagged = np.corrcoef(g[r, 1:, 0], g[r, :-1, 0])[0, 1]
        assert abs(lagged) < MANY / np.sqrt(each)
    assert found.resample(np.random.SeedSequence(7), 100)[0].shape == (REPLICATES, 25, 3)


@pytest.mark.parametrize("size", [30, 225, 226, 1000, 4096, 50_001])
@pytest.mark.parametrize("ratios", ["light", "heavy", "tied", "half matter"])
def test_the_largest_alone_are_smoothed_as_if_with_all(size: int, ratios: str) -> None:
    """Weights and k-hat are those of ArviZ given all draws, within 100 rounding errors."""
    from arviz_stats.base import array_stats

    rng = np.random.default_rng(size)
    log_ratios = {
        "light": rng.normal(0, 0.3, size),
        "heavy": rng.standard_t(3, size) * 2,
        "tied": np.round(rng.normal(0, 2, size), 1),
        "half matter": np.where(np.arange(size) % 2 == 0, rng.normal(0, 1, size), -np.inf),
    }[ratios]
    weights, k_hat = smooth_weights(log_ratios)
    floor = np.maximum(log_ratios, log_ratios.max() - 700)
    theirs, their_k = array_stats.psislw(-floor)
    assert k_hat == pytest.approx(float(their_k), abs=1e-12)
    np.testing.assert_allclose(np.sort(weights), np.sort(np.exp(theirs)), rtol=100 * np.finfo(float).eps, atol=1e-300)
    assert (np.diff(weights[np.argsort(log_ratios, kind="stable")]) > -1e-9 / size).all() or ratios == "tied"


def test_weights_that_are_alike_need_no_smoothing() -> None:
    weights, k_hat = smooth_weights(np.zeros(500))
    np.testing.assert_allclose(weights, 1 / 500)
    assert k_hat == -np.inf


def test_points_without_density_weigh_nothing() -> None:
    def half(g: Floats) -> Floats:
        return np.where(g[:, 0] > 0, stats.norm.logpdf(g).sum(axis=1), -np.inf)

    found = sample_density(half, Proposal(np.zeros(2), np.eye(2)), POINTS, REPLICATES, np.random.SeedSequence(4))
    assert found.weights[found.points[..., 0] <= 0].max() < 1e-12
    assert abs(found.log_evidence - np.log(0.5)) < MANY * found.log_evidence_error
