"""A posterior mean with its Monte Carlo error, and weighted sums and quantiles of draws."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Estimate", "weighted_quantiles", "weighted_sum"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A posterior mean with its Monte Carlo standard error, SD and quantiles; NaN where there is none.

    Examples
    --------
    >>> Estimate(0.1, 0.01).columns("shrinkage")
    {'shrinkage': 0.1, 'shrinkage_mcse': 0.01}
    """

    mean: float
    mcse: float
    sd: float = np.nan
    q2_5: float = np.nan
    q50: float = np.nan
    q97_5: float = np.nan

    def columns(self, name: str, *more: str) -> dict[str, float]:
        """The cells that it takes in a table: the mean, the error and what more is named.

        Parameters
        ----------
        name : str
            Of the quantity.
        *more : str
            'sd', 'q2_5', 'q50', 'q97_5'.
        """
        return {name: self.mean} | {f"{name}_{key}": getattr(self, key) for key in ("mcse", *more)}


def weighted_sum(weights: NDArray[Any], values: NDArray[Any]) -> float:
    """Sum over draws of weight times value, on one core.

    Not by BLAS, that is by `@`: from 10,000 numbers on it shares the sum out among the cores, so that the last digits
    depend on how many there are, and waits for the slowest, which on a busy computer takes a thousand times as long.

    Parameters
    ----------
    weights : array, shape (n,)
    values : array, shape (n,)
        Numbers, or whether an event happened.

    Examples
    --------
    >>> weighted_sum(np.array([0.25, 0.5, 0.25]), np.array([True, False, True]))
    0.5
    """
    return float(np.einsum("i,i->", weights, values))


def weighted_quantiles(
    values: Floats, weights: Floats, order: NDArray[np.int64] | None = None, total: float = 1.0
) -> tuple[float, float, float]:
    """2.5 %, 50 % and 97.5 % quantiles of weighted values: the first value up to which there is so much weight.

    Parameters
    ----------
    values, weights : array, shape (n,)
    order : array of int, shape (n,), optional
        What sorts the values, where it is known.
    total : float
        What the weights sum to.

    Examples
    --------
    >>> weighted_quantiles(np.array([3.0, 1.0, 2.0]), np.array([0.01, 0.6, 0.39]))
    (1.0, 1.0, 2.0)
    """
    order = np.argsort(values) if order is None else order
    steps = np.cumsum(weights[order]) / total
    low, middle, high = np.minimum(np.searchsorted(steps, (0.025, 0.5, 0.975)), values.size - 1)
    return float(values[order[low]]), float(values[order[middle]]), float(values[order[high]])
