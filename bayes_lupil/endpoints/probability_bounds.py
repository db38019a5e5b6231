"""Bounds of a joint probability from the separate ones: what is known of 'all hold' if nothing is of correlation.

Frechet 1951, Ann Univ Lyon A 14:53-77: for events with probabilities p_1, ..., p_k

    max(0, p_1 + ... + p_k - (k - 1)) <= P(all) <= min(p_1, ..., p_k),

and both are reached by some joint distribution, so that nothing sharper can be said. They are bounds, not estimates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bayes_lupil.errors import InputError

__all__ = ["Bounds", "cumulative_bounds", "frechet"]


@dataclass(frozen=True)
class Bounds:
    """Bounds of P(all), each with the Monte Carlo standard error that it has from the separate probabilities."""

    lower: float
    upper: float
    lower_mcse: float
    upper_mcse: float


def frechet(probabilities: Sequence[float], mcse: Sequence[float], independent: bool = True) -> Bounds:
    """Bounds of the probability that all events hold.

    Parameters
    ----------
    probabilities : sequence of float
    mcse : sequence of float
        Their Monte Carlo standard errors.
    independent : bool
        Whether they come from runs of their own. If not, errors are added up, which is the most they can come to.

    Raises
    ------
    InputError
        Where there are none, a number is outside 0 to 1, or there are not as many errors.

    Examples
    --------
    >>> found = frechet([0.9, 0.8], [0.003, 0.004])
    >>> round(found.lower, 3), found.upper, round(found.lower_mcse, 4), found.upper_mcse
    (0.7, 0.8, 0.005, 0.004)
    """
    p, e = np.asarray(probabilities, dtype=float), np.asarray(mcse, dtype=float)
    if not p.size or p.shape != e.shape:
        raise InputError("bounds", f"{p.size} probabilities and {e.size} errors", "one or more, with an error each")
    if not ((p >= 0) & (p <= 1)).all():
        raise InputError("bounds", str(p.tolist()), "probabilities from 0 to 1")
    total = float(p.sum() - (p.size - 1))
    least = int(np.argmin(p))
    error = float(np.sqrt((e**2).sum()) if independent else e.sum()) if total > 0 else 0.0
    return Bounds(max(total, 0.0), float(p[least]), error, float(e[least]))


def cumulative_bounds(
    probabilities: Sequence[float], mcse: Sequence[float], independent: bool = True
) -> tuple[Bounds, ...]:
    """Bounds of P(the first k hold) for k = 1, 2, ...; parameters as of `frechet`."""
    return tuple(frechet(probabilities[:k], mcse[:k], independent) for k in range(1, len(probabilities) + 1))
