"""How many rows of a table are equal by chance."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["equal_pairs_by_chance", "is_far_above"]

_MARGIN = 5
"""Chance is taken for so many times what independent columns would give, since columns never quite are."""
_SURE = 0.001
_MOST_ROWS = 10_000
"""Of the rows that are different, so many are looked at for columns that follow from another."""


def equal_pairs_by_chance(rows: Mapping[tuple[str, ...], int]) -> float:
    """How many pairs of rows would be equal in all columns if the columns were independent of one another.

    The pairs of rows, times for each column the share of pairs that are equal in it; columns that follow from another
    (a country from its site) do not count. Where more pairs than that are equal in all columns but the most varied
    one, the product is of their number and of that column's share: the others may depend on one another.

    Parameters
    ----------
    rows : mapping
        How often each row comes.

    Examples
    --------
    >>> two = {("A", "0"): 1, ("A", "1"): 1, ("B", "0"): 1, ("B", "1"): 1}
    >>> round(equal_pairs_by_chance(two), 3)  # 6 pairs, and in each column 2 of them are equal
    0.667
    """
    times = np.array(list(rows.values()), dtype=np.int64)
    pairs = math.comb(int(times.sum()), 2)
    columns = [_codes(column) for column in zip(*rows, strict=True)]
    if not pairs or not columns:
        return 0.0
    shares = [_equal_pairs(column, times) / pairs for column in columns]
    seen = [column[:_MOST_ROWS] for column in columns]
    kept: list[int] = []
    for j in sorted(range(len(columns)), key=lambda j: -int(columns[j].max())):  # the most values first
        if not any(_follows(seen[j], seen[i], shares[j]) for i in kept):
            kept.append(j)
    varied = min(kept, key=lambda j: shares[j])
    rest = _joint([column for j, column in enumerate(columns) if j != varied], len(times))
    return max(pairs * math.prod(shares[j] for j in kept), _equal_pairs(rest, times) * shares[varied])


def is_far_above(observed: int, expected: float) -> bool:
    """Whether a count is well above a number expected under independence: five times this one would hardly give it.

    By Chernoff's bound of a Poisson tail.

    Examples
    --------
    >>> is_far_above(30, 0.5), is_far_above(3, 0.5), is_far_above(90, 40)
    (True, False, False)
    """
    mean = _MARGIN * expected
    if observed <= mean or mean == 0:
        return observed > mean
    return observed - mean - observed * math.log(observed / mean) < math.log(_SURE)


def _codes(cells: Sequence[Hashable]) -> NDArray[np.int64]:
    """A number for each value, in the order in which they come."""
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(cell, len(numbers)) for cell in cells], dtype=np.int64)


def _joint(columns: Sequence[NDArray[np.int64]], size: int) -> NDArray[np.int64]:
    """A number for each combination of values."""
    joint = np.zeros(size, dtype=np.int64)
    for column in columns:
        joint = np.unique(joint * (int(column.max()) + 1) + column, return_inverse=True)[1].reshape(-1)
    return joint


def _equal_pairs(codes: NDArray[np.int64], times: NDArray[np.int64]) -> int:
    """How many pairs have the same number, where each comes so many times."""
    counts = np.zeros(int(codes.max()) + 1, dtype=np.int64)
    np.add.at(counts, codes, times)
    return int((counts * (counts - 1)).sum()) // 2


def _follows(one: NDArray[np.int64], other: NDArray[np.int64], share: float) -> bool:
    """Whether a column follows from another, more often than equal values by chance would let it seem so."""
    values = len(np.unique(other))
    both = len(np.unique(_joint((one, other), len(one))))
    return both == values and share ** (len(other) - values) < _SURE
