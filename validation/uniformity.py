"""Are ranks uniform? The two questions asked of the ranks of simulation-based calibration.

Under a correct posterior the rank of the true value among L independent posterior draws is uniform on 0..L (Talts et
al. 2018, arXiv:1804.06788). The chi-square test looks at bins; the test of the empirical distribution function looks
at its largest departure from the diagonal, in the sense of Saeilynoja, Buerkner & Vehtari 2022 (Stat Comput 32:32),
and finds a shift or a wrong spread that is smooth over the bins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["Uniformity", "uniformity"]

Integers = NDArray[np.int64]

_NULL_SETS = 10_000
"""Sets of uniform ranks that the second p-value is read off; its steps are 1 / 10,001."""


@dataclass(frozen=True)
class Uniformity:
    """p-values of the two tests; each is uniform (the first nearly so) where ranks are.

    Attributes
    ----------
    chi_square : float
        Of equal counts in equally wide bins.
    ecdf : float
        Of the largest departure of the empirical distribution function from the diagonal, by simulation.
    """

    chi_square: float
    ecdf: float

    def passes(self, false_alarm: float) -> bool:
        """Whether neither test rejects, at half of the false-alarm rate each."""
        return min(self.chi_square, self.ecdf) >= false_alarm / 2


def uniformity(ranks: Sequence[int] | Integers, draws: int, bins: int = 20) -> Uniformity:
    """Test whether ranks are uniform on 0..draws.

    Parameters
    ----------
    ranks : sequence of int
        One for each simulation.
    draws : int
        Number of posterior draws that each true value was ranked among.
    bins : int
        Bins of the chi-square test; must divide `draws` + 1.

    Raises
    ------
    ValueError
        For ranks out of range, bins of unequal width, or fewer than five expected ranks a bin.

    Examples
    --------
    >>> even = list(range(100)) * 3
    >>> uniformity(even, 99).passes(0.01), uniformity([r // 2 for r in even], 99).passes(0.01)
    (True, False)
    """
    from scipy import stats

    given = np.asarray(ranks, dtype=np.int64)
    if given.min() < 0 or given.max() > draws:
        raise ValueError(f"ranks from {given.min()} to {given.max()}, required: 0 to {draws}")
    if (draws + 1) % bins:
        raise ValueError(f"{bins} bins over {draws + 1} possible ranks, required: a divisor")
    if given.size < 5 * bins:
        raise ValueError(f"{given.size} ranks in {bins} bins, required: at least 5 expected in each")
    counts = np.bincount(given * bins // (draws + 1), minlength=bins)
    seen = _largest_departure(given[None], draws)[0]
    # the 1s count the observed set among those it is compared with, so that p is never 0
    not_larger = np.sum(_under_uniformity(given.size, draws) <= seen)
    return Uniformity(float(stats.chisquare(counts).pvalue), float((not_larger + 1) / (_NULL_SETS + 1)))


@lru_cache(maxsize=8)
def _under_uniformity(size: int, draws: int) -> NDArray[np.float64]:
    """Largest departures of `_NULL_SETS` sets of uniform ranks."""
    rng = np.random.default_rng(size * 1_000_003 + draws)
    return _largest_departure(rng.integers(0, draws + 1, (_NULL_SETS, size)), draws)


def _largest_departure(ranks: NDArray[np.int64], draws: int) -> NDArray[np.float64]:
    """Smallest two-sided tail probability of 'how many ranks are at most r' over r, for each row of ranks."""
    many, size = ranks.shape
    flat = ranks + np.arange(many)[:, None] * (draws + 1)
    counts = np.bincount(flat.ravel(), minlength=many * (draws + 1)).reshape(many, draws + 1)
    below = counts.cumsum(axis=1)[:, :-1]
    found: NDArray[np.float64] = _tails(size, draws)[below, np.arange(draws)].min(axis=1)
    return found


@lru_cache(maxsize=8)
def _tails(size: int, draws: int) -> NDArray[np.float64]:
    """Two-sided tail probability of k of `size` ranks being at most r, by k and r."""
    from scipy import stats

    chance = np.arange(1, draws + 1) / (draws + 1)
    k = np.arange(size + 1)[:, None]
    tails: NDArray[np.float64] = 2 * np.minimum(stats.binom.cdf(k, size, chance), stats.binom.sf(k - 1, size, chance))
    return tails
