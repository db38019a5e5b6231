"""Importance sampling of a density that is close to a standard normal prior times a smooth likelihood.

The proposal is a mixture: a Student-t(7) at the mode with 1.15 times the curvature's SDs, and, for one point in ten,
the prior itself. The prior's share bounds every weight by ten times the likelihood and finds modes that the search did
not (Hesterberg 1995, Technometrics 37:185-194); all points are weighted by the mixture as a whole (Owen and Zhou 2000,
JASA 95:135-143). Points are scrambled Sobol points, in independent replicates. Weights are Pareto-smoothed (Vehtari et
al. 2024, JMLR 25:72). Where the weights are poor, the proposal is moved to the weighted mean and covariance, with twice
the points.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["ImportanceSample", "Proposal", "find_mode", "sample_density", "smooth_weights"]

Floats = NDArray[np.float64]
LogDensity = Callable[[Floats], Floats]

_DF = 7.0
_WIDER = 1.15
_PRIOR_SHARE = 0.1
_STAGES = 5
_GOOD_K, _GOOD_SHARE = 0.5, 0.2


@dataclass(frozen=True)
class Proposal:
    """Student-t(7) with mean and Cholesky factor of its scale, mixed with a standard normal."""

    mean: Floats
    factor: Floats
    prior_share: float = _PRIOR_SHARE

    def points(self, size: int, seed: np.random.SeedSequence) -> Floats:
        """Scrambled Sobol points turned into draws of the mixture, shape (size, dimensions)."""
        from scipy.special import ndtri
        from scipy.stats import chi2, qmc

        dimension = self.mean.size
        sobol = qmc.Sobol(dimension + 2, scramble=True, rng=np.random.default_rng(seed))
        u = np.clip(sobol.random(size), 1e-12, 1 - 1e-12)
        normal = ndtri(u[:, :dimension])
        stretch = _WIDER / np.sqrt(chi2.ppf(u[:, dimension], _DF) / _DF)
        student = self.mean + (normal * stretch[:, None]) @ self.factor.T
        points: Floats = np.where((u[:, dimension + 1] < self.prior_share)[:, None], normal, student)
        return points

    def log_density(self, points: Floats) -> Floats:
        """Log density of the mixture, shape (size,)."""
        from scipy.linalg import solve_triangular
        from scipy.special import gammaln

        d = self.mean.size
        standard = solve_triangular(self.factor, (points - self.mean).T, lower=True) / _WIDER
        log_scale = np.log(np.diag(self.factor)).sum() + d * np.log(_WIDER)
        student = gammaln((_DF + d) / 2) - gammaln(_DF / 2) - d / 2 * np.log(_DF * np.pi) - log_scale
        student = student - (_DF + d) / 2 * np.log1p((standard**2).sum(axis=0) / _DF)
        if self.prior_share == 0:
            return np.asarray(student)
        prior = -0.5 * (points**2).sum(axis=1) - d / 2 * np.log(2 * np.pi)
        mixed: Floats = np.logaddexp(np.log1p(-self.prior_share) + student, np.log(self.prior_share) + prior)
        return mixed


@dataclass(frozen=True)
class ImportanceSample:
    """Weighted points and what they say of themselves.

    Attributes
    ----------
    points : array, shape (replicates, size, dimensions)
    weights : array, shape (replicates, size)
        Pareto-smoothed, summing to 1 over all.
    log_density : array, shape (replicates, size)
        The target at the points.
    k_hat : float
        Shape of the Pareto distribution fitted to the largest weights; above 0.7 the weights are not to be trusted.
    effective : float
        Kish's effective sample size, 1 / sum of squared weights.
    log_evidence, log_evidence_error : float
        Log of the integral of the target, from the raw weights, and its Monte Carlo standard error.
    stages : int
        Proposals tried.
    """

    points: Floats
    weights: Floats
    log_density: Floats
    k_hat: float
    effective: float
    log_evidence: float
    log_evidence_error: float
    stages: int

    @property
    def is_good(self) -> bool:
        """Whether another proposal is not worth trying."""
        return self.k_hat <= _GOOD_K and self.effective >= _GOOD_SHARE * self.weights.size

    def resample(self, seed: np.random.SeedSequence) -> tuple[Floats, Floats]:
        """Equal-weight draws, as many in all as the effective sample size, in random order within each replicate.

        Systematic resampling adds next to no error of its own, so that SD / sqrt(draws), what ArviZ takes as the
        Monte Carlo error of independent draws, is the error of the weighted points.

        Returns
        -------
        array, shape (replicates, draws, dimensions)
        array, shape (replicates, draws)
            The log density there.
        """
        replicates, size = self.weights.shape
        each = max(int(self.effective) // replicates, 1)
        rng = np.random.default_rng(seed)
        kept = np.empty((replicates, each), dtype=np.int64)
        longest = int(np.argmax(self.points.reshape(-1, self.points.shape[2]).var(axis=0)))
        for r in range(replicates):
            order = np.argsort(self.points[r, :, longest])  # so that neighbours stand in for one another
            steps = np.cumsum(self.weights[r, order])
            picked = np.searchsorted(steps / steps[-1], (np.arange(each) + rng.random()) / each)
            kept[r] = rng.permutation(order[np.minimum(picked, size - 1)])
        rows = np.arange(replicates)[:, None]
        return self.points[rows, kept], self.log_density[rows, kept]


def smooth_weights(log_ratios: Floats) -> tuple[Floats, float]:
    """Pareto-smoothed importance weights that sum to 1, and k-hat, by ArviZ; ratios of shape (draws,)."""
    from arviz_stats.base import array_stats

    log_ratios = np.maximum(log_ratios, np.max(log_ratios) - 700)
    tail = min(0.2 * log_ratios.size, 3 * np.sqrt(log_ratios.size))
    if np.ptp(np.sort(log_ratios)[-int(np.ceil(tail)) :]) == 0:  # the largest weights are all alike: nothing to smooth
        raw = np.exp(log_ratios - np.max(log_ratios))
        return raw / raw.sum(), -np.inf
    log_weights, k_hat = array_stats.psislw(-log_ratios)
    return np.exp(np.asarray(log_weights)), float(k_hat)


def sample_density(
    log_density: LogDensity, start: Proposal, points: int, replicates: int, seed: np.random.SeedSequence
) -> ImportanceSample:
    """Importance sample of a density, with further proposals where the first does not do.

    Parameters
    ----------
    log_density : callable
        From points of shape (size, dimensions) to (size,); may be -inf.
    start : Proposal
    points, replicates : int
        Points in all, and into how many independent replicates they are divided.
    """
    proposal, found = start, None
    for stage in range(1, _STAGES + 1):
        size = points // replicates * 2 ** (stage - 1)
        g = np.stack([proposal.points(size, s) for s in seed.spawn(replicates)])
        flat = g.reshape(-1, g.shape[2])
        target = log_density(flat)
        found = _weigh(g, target, target - proposal.log_density(flat), stage)
        if found.is_good:
            break
        w = found.weights.ravel()
        mean = w @ flat
        spread = (w[:, None] * (flat - mean)).T @ (flat - mean)
        factor = np.linalg.cholesky(spread + 1e-9 * np.eye(mean.size))
        proposal = Proposal(mean, np.asarray(factor, dtype=float), start.prior_share)
    assert found is not None
    return found


def _weigh(g: Floats, target: Floats, log_ratios: Floats, stage: int) -> ImportanceSample:
    log_ratios = np.where(np.isfinite(log_ratios), log_ratios, -np.inf)
    weights, k_hat = smooth_weights(log_ratios)
    top = log_ratios.max()
    raw = np.exp(log_ratios - top)
    return ImportanceSample(
        points=g,
        weights=weights.reshape(g.shape[:2]),
        log_density=target.reshape(g.shape[:2]),
        k_hat=k_hat,
        effective=float(1 / (weights**2).sum()),
        log_evidence=float(top + np.log(raw.mean())),
        log_evidence_error=float(raw.std() / raw.mean() / np.sqrt(raw.size)),
        stages=stage,
    )


def find_mode(log_density: LogDensity, dimension: int, seed: np.random.SeedSequence) -> Proposal:
    """Proposal at the mode, with the curvature there, found from the best of some points of the prior."""
    from scipy.optimize import minimize
    from scipy.stats import norm, qmc

    step = 1e-3
    stencil = np.concatenate([np.zeros((1, dimension)), np.eye(dimension), -np.eye(dimension)]) * step

    def with_gradient(g: Floats) -> tuple[float, Floats]:
        values = -log_density(g + stencil)
        return float(values[0]), (values[1 : dimension + 1] - values[dimension + 1 :]) / (2 * step)

    first = norm.ppf(qmc.Sobol(dimension, scramble=True, rng=np.random.default_rng(seed)).random(64))
    first[0] = 0.0
    best = first[np.argmax(log_density(first))]
    found = minimize(with_gradient, best, jac=True, method="BFGS", options={"gtol": 1e-2})
    information = _information(log_density, found.x)
    values, vectors = np.linalg.eigh(information)
    # the prior alone has information 1; a likelihood that bends the other way must not make the proposal very wide
    spread = vectors @ np.diag(1 / np.maximum(values, 0.5)) @ vectors.T
    return Proposal(found.x, np.linalg.cholesky(spread))


def _information(log_density: LogDensity, mode: Floats) -> Floats:
    """Minus the Hessian by central differences, over steps of about a third of an SD."""
    dimension = mode.size
    steps = np.full(dimension, 0.05)
    at_mode = log_density(mode[None])[0]
    for _ in range(2):  # the second time with steps that suit the curvature
        sides = log_density(mode + np.concatenate([np.diag(steps), -np.diag(steps)]))
        curvature = (2 * at_mode - sides[:dimension] - sides[dimension:]) / steps**2
        steps = np.clip(0.3 / np.sqrt(np.maximum(curvature, 0.5)), 1e-3, 0.4)
    pairs = [(i, j) for i in range(dimension) for j in range(i + 1)]
    corners = [
        mode + steps * (a * np.eye(dimension)[i] + b * np.eye(dimension)[j])
        for i, j in pairs
        for a, b in ((1, 1), (1, -1), (-1, 1), (-1, -1))
    ]
    values = log_density(np.array(corners)).reshape(-1, 4) if corners else np.empty((0, 4))
    information = np.empty((dimension, dimension))
    for (i, j), (pp, pm, mp, mm) in zip(pairs, values, strict=True):
        information[i, j] = information[j, i] = -(pp - pm - mp + mm) / (4 * steps[i] * steps[j])
    return information
