"""Modes of many densities at once, of one or two variables each, with the spread around them; no derivatives needed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Laplace", "laplace"]

Floats = NDArray[np.float64]
LogDensity = Callable[[Floats, NDArray[np.int64]], Floats]

_STEP = 0.5  # of the differences, in SDs: they see the bend over the range that matters, and no rounding
_MOST = 40  # looks at each density
_CLOSE = 0.2  # SDs that the last step may be long
_FLATTEST, _SHARPEST = 0.04, 25.0  # bend against the one that is known: the SD changes 5 times at most in a step
_LONGEST = 4.0  # SDs that a step may be long, and fewer where such steps led downhill
_ALIKE = 0.5, 2.0  # bend against the one known, within which the spread is found


@dataclass(frozen=True, eq=False)
class Laplace:
    """Modes and spreads of densities.

    Attributes
    ----------
    mode : array, shape (draws, axes)
    factor : array, shape (draws, axes, axes)
        L with L L' the inverse of the bend (the negative Hessian of the log density) at the mode.
    found : array of bool, shape (draws,)
    """

    mode: Floats
    factor: Floats
    found: NDArray[np.bool_]

    def at(self, w: Floats) -> Floats:
        """Points w SDs from the mode, shape (draws or 1, points, axes), on the scale of the density."""
        each = np.broadcast_to(w, (len(self.mode), *w.shape[1:]))
        return np.asarray(self.mode[:, None, :] + np.einsum("dij,dpj->dpi", self.factor, each))

    @property
    def log_volume(self) -> Floats:
        """Log of the determinant of the factor, shape (draws,)."""
        return np.asarray(np.log(np.abs(np.linalg.det(self.factor))))


def laplace(log_density: LogDensity, start: Floats, precision: Floats) -> Laplace:
    """Modes by Newton's method with differences over half an SD; from where the density fell it goes back.

    It then goes on from the better point with the spread found there, and steps a quarter as long.

    Parameters
    ----------
    log_density : callable
        Takes points of shape (some draws, points, axes) and the numbers of these draws.
    start : array, shape (draws, axes)
    precision : array, shape (draws, axes, axes)
        The bend there, about.

    Examples
    --------
    >>> found = laplace(lambda z, _: -((z[..., 0] - 3) ** 2) / 8, np.zeros((1, 1)), np.ones((1, 1, 1)))
    >>> bool(abs(found.mode[0, 0] - 3) < 0.05), bool(abs(found.factor[0, 0, 0] - 2) < 0.01)
    (True, True)
    """
    draws, axes = start.shape
    star = _star(axes)
    mode, factor = start.copy(), np.linalg.cholesky(np.linalg.inv(precision))
    best, before = np.full(draws, -np.inf), start.copy()  # where the last step came from, and its density
    reach = np.full(draws, _LONGEST)
    found, active = np.zeros(draws, dtype=bool), np.arange(draws)
    for _ in range(_MOST):
        if not active.size:
            break
        here, spread = mode[active], factor[active]
        values = log_density(here[:, None, :] + np.einsum("dij,pj->dpi", spread, star), active)
        centre = values[:, 0]
        fell = ~(centre >= best[active] - 1e-6 - 1e-12 * np.abs(centre))  # also where it is no number
        back = active[fell]
        mode[back], best[back] = before[back], -np.inf
        reach[back] /= 4
        on, values, here, spread = active[~fell], values[~fell], here[~fell], spread[~fell]
        best[on], before[on] = values[:, 0], here
        reach[on] = np.minimum(1.5 * reach[on], _LONGEST)
        slope, bend = _differences(values, axes)
        sizes, vectors = np.linalg.eigh(bend)
        kept = np.clip(np.where(np.isfinite(sizes), sizes, 1.0), _FLATTEST, _SHARPEST)
        step = np.einsum("dij,dj,dkj,dk->di", vectors, 1 / kept, vectors, slope)
        length = np.sqrt((kept * np.einsum("dij,di->dj", vectors, step) ** 2).sum(axis=1))
        step *= np.minimum(1.0, reach[on] / np.maximum(length, 1e-300))[:, None]
        mode[on] = here + np.einsum("dij,dj->di", spread, step)
        factor[on] = np.einsum("dij,djk,dk->dik", spread, vectors, kept**-0.5)
        settled = (length < _CLOSE) & ((sizes > _ALIKE[0]) & (sizes < _ALIKE[1])).all(axis=1)
        found[on] = settled
        active = np.concatenate([back, on[~settled]])
    return Laplace(mode, factor, found)


def _star(axes: int) -> Floats:
    """The centre, a step either way along each axis and, of two, either way along the diagonal."""
    arms = [sign * _STEP * np.eye(axes)[i] for i in range(axes) for sign in (1.0, -1.0)]
    diagonal = [np.full(axes, sign * _STEP) for sign in (1.0, -1.0)] if axes == 2 else []
    return np.stack([np.zeros(axes), *arms, *diagonal])


def _differences(values: Floats, axes: int) -> tuple[Floats, Floats]:
    """Gradient and negative Hessian, in SDs, from the values on the star, shape (draws, axes) and (..., axes)."""
    centre, up, down = values[:, 0], values[:, 1 : 2 * axes : 2], values[:, 2 : 2 * axes + 1 : 2]
    slope = (up - down) / (2 * _STEP)
    bend = np.zeros((len(values), axes, axes))
    curved = up + down - 2 * centre[:, None]
    for i in range(axes):
        bend[:, i, i] = -curved[:, i] / _STEP**2
    if axes == 2:
        along = values[:, 5] + values[:, 6] - 2 * centre
        bend[:, 0, 1] = bend[:, 1, 0] = -(along - curved.sum(axis=1)) / (2 * _STEP**2)
    return slope, np.where(np.isfinite(bend), bend, 0.0)
