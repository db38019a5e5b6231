"""The exclusion path: some patients from kept to excluded, their likelihood raised to powers from 1 to 0.

With power w each of these patients counts w. It is the power prior of Ibrahim and Chen 2000 (Stat Sci 15:46-60,
equation 1), with them in the place of the historical data: at 1 it is the fit of all patients, at 0 the fit without
them, as if they said nothing of the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.errors import InputError
from bayes_lupil.sensitivity.reweighting import BaseDraws, WeightedDraws

__all__ = ["checked_powers", "path_points"]

Floats = NDArray[np.float64]
Point = TypeVar("Point")


def checked_powers(powers: Iterable[float]) -> tuple[float, ...]:
    """The powers as numbers.

    Raises
    ------
    InputError
        For one outside 0 to 1.

    Examples
    --------
    >>> checked_powers([1, 0.5])
    (1.0, 0.5)
    """
    found = tuple(map(float, powers))
    for power in found:
        if not 0 <= power <= 1:
            raise InputError("powers", f"{power:g}", "numbers between 0 and 1 (0: excluded, 1: kept)")
    return found


def path_points(
    kept: BaseDraws,
    powers: Iterable[float],
    log_weights: Callable[[float], Floats],
    reweighted: Callable[[float, WeightedDraws], Point | None],
    refitted: Callable[[float, float], Point],
) -> tuple[Point, ...]:
    """A point for each power: from weighted draws, or from a fit where these cannot stand for the change.

    Parameters
    ----------
    kept : BaseDraws
        Of the posterior in which the patients are kept.
    powers : iterable of float
    log_weights : callable
        Log weights of the draws at a power, up to a constant.
    reweighted : callable
        The point at a power that weighted draws make; None where they cannot.
    refitted : callable
        The point at a power that a fit makes; it is also told k-hat of the weights.
    """
    points = []
    for power in powers:
        draws = WeightedDraws(kept, log_weights(power))
        points.append(reweighted(power, draws) or refitted(power, draws.k_hat))
    return tuple(points)
