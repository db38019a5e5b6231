"""Importance sampling of a density that is close to a standard normal prior times a smooth likelihood.

Points come from `bayes_lupil.engines.proposal` in independent replicates of shifted Sobol points; weights are
Pareto-smoothed (Vehtari et al. 2024, JMLR 25:72). Where the weights are poor, the main part of the proposal is moved to
the weighted mean and covariance, with twice the points.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.engines.proposal import LogDensity, NowhereANumberError, Proposal, cholesky

__all__ = ["ImportanceSample", "sample_density", "side_by_side", "smooth_weights"]

Floats = NDArray[np.float64]

_STAGES = 5  # proposals, each with twice the points of the one before
_GOOD_K, _GOOD_SHARE = 0.5, 0.2  # below k = 0.5 the weights have a variance; a fifth of the points is worth a draw
# By Markov's inequality an unbiased estimate that is never negative exceeds e^7 times the evidence with a chance of
# e^-7 = 0.0009 at most. So where a later estimate is lower by 7, it is the later one that has lost its way.
_LOST = 7.0  # log evidence; that it is overestimated by so much by chance happens less than once in a thousand


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
    proposal : Proposal
        Where the points come from.
    """

    points: Floats
    weights: Floats
    log_density: Floats
    k_hat: float
    effective: float
    log_evidence: float
    log_evidence_error: float
    stages: int
    proposal: Proposal

    @property
    def is_good(self) -> bool:
        """Whether another proposal is not worth trying."""
        return self.k_hat <= _GOOD_K and self.effective >= _GOOD_SHARE * self.weights.size

    def improved(self) -> Proposal | None:
        """The proposal with its main part at the weighted mean and covariance; None where too few points matter."""
        flat, w = self.points.reshape(-1, self.points.shape[2]), self.weights.ravel()
        mean = w @ flat
        spread = (w[:, None] * (flat - mean)).T @ (flat - mean)
        if self.effective < mean.size + 2:  # nothing is learnt of a spread from points that outweigh all others
            return None
        # an axis on which points hardly differ gets a little variance, a thousandth of its own at most
        factor = cholesky(spread + np.diag(np.minimum(1e-9, 1e-3 * np.diag(spread))))
        return None if factor is None else self.proposal.moved(mean, factor)

    def picked(self, seed: np.random.SeedSequence, most: int) -> NDArray[np.int64]:
        """Which points make equal-weight draws, at most as many as the effective sample size, in random order.

        Systematic resampling adds next to no error of its own, so that SD / sqrt(draws), what ArviZ takes as the
        Monte Carlo error of independent draws, is the error of the weighted points. With W_j the sum of the first j
        weights, U uniform and n draws, point j is drawn once for each i with W_(j-1) < (i + U) / n <= W_j: n w_j times,
        up to one more or less. Points are first sorted along the axis that varies most, so that where one is drawn
        too often its neighbour is drawn too seldom.

        Returns
        -------
        array, shape (replicates, draws)
            Indices of the points of each replicate.
        """
        replicates, size = self.weights.shape
        each = max(min(int(self.effective), most) // replicates, 1)
        rng = np.random.default_rng(seed)
        kept = np.empty((replicates, each), dtype=np.int64)
        longest = int(np.argmax(self.points.reshape(-1, self.points.shape[2]).var(axis=0)))
        for r in range(replicates):
            order = np.argsort(self.points[r, :, longest])  # so that neighbours stand in for one another
            steps = np.cumsum(self.weights[r, order])
            picked = np.searchsorted(steps / steps[-1], (np.arange(each) + rng.random()) / each)
            kept[r] = rng.permutation(order[np.minimum(picked, size - 1)])
        return kept

    def resample(self, seed: np.random.SeedSequence, most: int) -> tuple[Floats, Floats]:
        """Equal-weight draws of the points, as `picked` says.

        Returns
        -------
        array, shape (replicates, draws, dimensions)
        array, shape (replicates, draws)
            The log density there.
        """
        kept = self.picked(seed, most)
        rows = np.arange(len(kept))[:, None]
        return self.points[rows, kept], self.log_density[rows, kept]

    def halves_difference(self) -> float:
        """The largest difference between the weighted means of two independent halves, in Monte Carlo errors."""
        means, errors = [], []
        for points, weights in zip(np.array_split(self.points, 2), np.array_split(self.weights, 2), strict=True):
            flat, w = points.reshape(-1, points.shape[2]), weights.ravel() / weights.sum()
            means.append(w @ flat)
            errors.append(np.sqrt(w**2 @ (flat - means[-1]) ** 2))
        with np.errstate(invalid="ignore"):  # where one point outweighs all others there is no error, and no answer
            return float(np.max(np.abs(means[0] - means[1]) / np.hypot(*errors)))


def side_by_side(kept: NDArray[np.int64], seed: np.random.SeedSequence) -> NDArray[np.int64]:
    """The same points of each replicate in random order, but those drawn several times next to each other.

    Draws are then correlated as those of a Markov chain are, so that whatever tells the effective size of a chain
    tells theirs. The order is one of points, not of draws: in the order of their first draws, those of large weights
    would come first, and chains would seem to drift.

    Examples
    --------
    >>> found = side_by_side(np.array([[5, 2, 7, 5, 2, 5]]), np.random.SeedSequence(1))
    >>> sorted("".join(map(str, found[0])).replace("555", "5").replace("22", "2"))
    ['2', '5', '7']
    """
    rng, found = np.random.default_rng(seed), np.empty_like(kept)
    for r, row in enumerate(kept):
        points, which = np.unique(row, return_inverse=True)
        found[r] = row[np.argsort(rng.permutation(points.size)[which], kind="stable")]
    return found


def smooth_weights(log_ratios: Floats) -> tuple[Floats, float]:
    """Pareto-smoothed importance weights that sum to 1, and k-hat, by ArviZ; ratios of shape (draws,).

    k-hat is infinite where so few weights matter that nothing can be said of their tail.
    """
    from arviz_stats.base import array_stats

    log_ratios = np.maximum(log_ratios - np.max(log_ratios), -700)  # exp(-700) is a number still, 1e-304
    size = log_ratios.size
    # as many of the largest as the Pareto distribution is fitted to, min(S / 5, 3 S^(1/2)) of S
    tail = int(np.ceil(min(0.2 * size, 3 * np.sqrt(size))))
    # ArviZ would sort all of the others too, and leave them as they are, so it is given the F largest, with
    # r_eff = F / S for its tail 3 (F / r_eff)^(1/2) to be that of S. It takes that where F r_eff > 225, so that
    # F > 15 S^(1/2) is needed; with F a power of 2, F / r_eff is S exactly.
    few = min(2 ** math.ceil(math.log2(16 * np.sqrt(size))), size)
    top = np.argpartition(log_ratios, size - few)[size - few :] if few < size else np.arange(size)
    top = top[np.argsort(log_ratios[top])]
    weights = np.exp(log_ratios)
    if log_ratios[top[-tail]] == 0:  # the largest weights are all alike: nothing to smooth
        return weights / weights.sum(), -np.inf
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        smoothed, k_hat = array_stats.psislw(-log_ratios[top], r_eff=few / size)
    smoothed = np.asarray(smoothed) - (smoothed[0] - log_ratios[top[0]])  # the lowest of them is as it was
    if not (np.isfinite(smoothed).all() and np.isfinite(k_hat)):
        # so few points matter that no tail can be fitted to them: the weights as they are, and not to be trusted
        return weights / weights.sum(), np.inf
    weights[top] = np.exp(smoothed)
    return weights / weights.sum(), float(k_hat)


def sample_density(
    log_density: LogDensity,
    start: Proposal,
    points: int,
    replicates: int,
    seed: np.random.SeedSequence,
    most_points: float = np.inf,
) -> ImportanceSample:
    """Importance sample of a density, with further proposals where the first does not do.

    Parameters
    ----------
    log_density : callable
        From points of shape (size, dimensions) to (size,); may be -inf.
    start : Proposal
    points, replicates : int
        Points in all, and into how many independent replicates they are divided.
    most_points : float
        Another proposal is not tried where it would take more than these.

    Raises
    ------
    SamplerError
        Where the density is nowhere a number.
    """
    proposal, found, evidence = start, None, -np.inf
    for stage in range(1, _STAGES + 1):
        size = points // replicates * 2 ** (stage - 1)
        g = np.stack([proposal.points(size, s) for s in seed.spawn(replicates)])
        flat = g.reshape(-1, g.shape[2])
        target = log_density(flat)
        found = _weigh(g, target, target - proposal.log_density(flat), stage, proposal)
        if found.log_evidence < evidence - _LOST:  # moved away from where the mass is: points alike among themselves
            found = replace(found, k_hat=np.inf)
        evidence = max(evidence, found.log_evidence)
        if found.is_good or 2 * size * replicates > most_points:
            break
        better = found.improved()
        if better is None:
            break
        proposal = better
    assert found is not None
    return found


def _weigh(g: Floats, target: Floats, log_ratios: Floats, stage: int, proposal: Proposal) -> ImportanceSample:
    log_ratios = np.where(np.isfinite(log_ratios), log_ratios, -np.inf)
    if not (log_ratios > -np.inf).any():
        raise NowhereANumberError
    weights, k_hat = smooth_weights(log_ratios)
    # log mean(r) with the largest ratio taken out, and by the delta method its standard error,
    # SD(r) / mean(r) / S^(1/2), as of independent points; shifted Sobol points are spread more evenly
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
        proposal=proposal,
    )
