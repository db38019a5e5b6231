"""Are ranks uniform? The two questions asked of the ranks of simulation-based calibration.

Under a correct posterior the rank of the true value among L independent posterior draws is uniform on 0..L (Talts et
al. 2018, arXiv:1804.06788). The chi-square test looks at bins; the test of the empirical distribution function looks
at its largest departure from the diagonal, in the sense of Saeilynoja, Buerkner & Vehtari 2022 (Stat Comput 32:32),
and finds a shift or a wrong spread that is smooth over the bins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

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
    rng = np.random.default_rng(given.size * 1_000_003 + draws)
    null = _largest_departure(rng.integers(0, draws + 1, (_NULL_SETS, given.size)), draws)
    # the 1s count the observed set among those it is compared with, so that p is never 0
    return Uniformity(float(stats.chisquare(counts).pvalue), float((np.sum(null <= seen) + 1) / (_NULL_SETS + 1)))


def _largest_departure(ranks: ArrayLike, draws: int) -> NDArray[np.float64]:
    """Smallest two-sided tail probability of 'how many ranks are at most r' over r, for each row of ranks."""
    from scipy import stats

    rows = np.asarray(ranks, dtype=np.int64)
    many, size = rows.shape
    flat = rows + np.arange(many)[:, None] * (draws + 1)
    counts = np.bincount(flat.ravel(), minlength=many * (draws + 1)).reshape(many, draws + 1)
    below = counts.cumsum(axis=1)[:, :-1]
    chance = np.arange(1, draws + 1) / (draws + 1)
    possible = np.arange(size + 1)[:, None]
    tails = np.minimum(stats.binom.cdf(possible, size, chance), stats.binom.sf(possible - 1, size, chance))
    found: NDArray[np.float64] = 2 * tails[below, np.arange(draws)].min(axis=1)
    return found
