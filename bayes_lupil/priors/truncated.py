"""A normal distribution cut off at a point, with its digits kept next to the cut.

SciPy's `truncnorm` gives the value, so that the distance from the cut has no more digits than the cut itself; and a
log odds ratio is about the logarithm of that distance.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from bayes_lupil.priors.base import Floats

__all__ = ["log_mass", "log_width", "log_width_above"]

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(12)
_STEPS = 5


def _log_density(z: Floats) -> Floats:
    return np.asarray(-0.5 * z**2 - 0.5 * np.log(2 * np.pi))


def log_mass(start: ArrayLike, width: ArrayLike) -> Floats:
    """Log of the standard normal probability between `start` and `start + width`; the width may be infinite."""
    from scipy.special import log_ndtr

    start, width = (np.asarray(value, dtype=float) for value in np.broadcast_arrays(start, width))
    middle = start + 0.5 * width
    # seen from the side on which both ends have a small tail
    far, near = np.where(middle > 0, -(start + width), start), np.where(middle > 0, -start, start + width)
    with np.errstate(divide="ignore"):
        apart = log_ndtr(near) + np.log1p(-np.exp(np.minimum(log_ndtr(far) - log_ndtr(near), 0.0)))
        close = width * (np.abs(start) + 1) < 1  # the density changes by a factor of 3 at most: 12 nodes are exact
        w, m = np.where(close, width, 0.0), np.where(close, middle, 0.0)
        t = 0.5 * w[..., None] * _NODES
        inside = 0.5 * np.exp(-m[..., None] * t - 0.5 * t**2) @ _WEIGHTS
        together = _log_density(m) + np.log(w) + np.log(inside)
    return np.asarray(np.where(close, together, apart))


def log_width(log_q: ArrayLike, start: ArrayLike, log_total: ArrayLike) -> Floats:
    """Log of the width w with P(start < Z < start + w) = q P, where q is at most a half and P all that is kept."""
    from scipy.special import log_ndtr, ndtri_exp

    start = np.asarray(start, dtype=float)
    target = np.asarray(log_q, dtype=float) + np.asarray(log_total, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        above = log_ndtr(-start)
        upper = -ndtri_exp(above + np.log1p(-np.exp(np.minimum(target - above, 0.0))))
        z = np.where(start > 0, upper, ndtri_exp(np.logaddexp(log_ndtr(start), target)))
        tiny = target - _log_density(start)
        found = np.where(tiny + np.log(np.abs(start) + 1) < np.log(0.1), tiny, np.log(np.maximum(z - start, 0.0)))
        for _ in range(_STEPS):  # Newton's; log w is nearly a straight line in the log of the mass
            mass = log_mass(start, np.exp(found))
            step = (mass - target) / np.exp(_log_density(start + np.exp(found)) + found - mass)
            found = found - np.where(np.isfinite(step), step, 0.0)
    return np.asarray(found)


def log_width_above(log_q: ArrayLike, start: ArrayLike) -> Floats:
    """Log of the width w with P(Z > start + w) = q P(Z > start)."""
    from scipy.special import log_ndtr, ndtri_exp

    start = np.asarray(start, dtype=float)
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(-ndtri_exp(np.asarray(log_q, dtype=float) + log_ndtr(-start)) - start))
