"""Maximum of a log likelihood of coefficients, SDs and correlations, and how it falls around it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.frozen import ReadOnly

__all__ = ["BOUNDARY", "WIDEST", "Surface", "profile_limit"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

BOUNDARY = 1e-3
"""How near to 0 an SD, or to -1 or 1 a correlation, is taken to be there."""
WIDEST = 30.0
"""Coefficients and SDs are looked for up to here."""
_STEP = 1e-4
_HESSIAN_STEP = 5e-3


@dataclass(frozen=True, eq=False)
class Surface(ReadOnly):
    """A log likelihood and what its parameters are.

    Attributes
    ----------
    value : callable
        Log likelihood of rows of parameters, shape (rows,); even in every SD.
    is_sd, is_correlation : array of bool, shape (parameters,)
    """

    value: Callable[[Floats], Floats]
    is_sd: Flags
    is_correlation: Flags

    def maximise(self, start: Floats, free: Flags, *, rough: bool = False) -> tuple[Floats, float]:
        """Maximum over the free parameters; returns all parameters and the log likelihood.

        The search moves variances, not SDs: the likelihood is even in an SD, so that its slope at 0 is 0 whether or not
        the maximum is there. Where it is rough it stops at about 1e-6 below the largest log likelihood.
        """
        from scipy.optimize import minimize

        is_sd = self.is_sd[free]
        lowest = np.select([is_sd, self.is_correlation[free]], [0.0, -1 + 1e-6], -WIDEST)
        highest = np.select([is_sd, self.is_correlation[free]], [WIDEST**2, 1 - 1e-6], WIDEST)
        size = int(free.sum())

        def all_parameters(values: Floats) -> Floats:
            rows = np.tile(start, (len(values), 1))
            rows[:, free] = np.where(is_sd, np.sqrt(np.abs(values)), values)
            return rows

        def with_gradient(values: Floats) -> tuple[float, Floats]:
            above = np.minimum(values + _STEP, highest)
            below = np.maximum(values - _STEP, lowest)
            rows = np.tile(values, (2 * size + 1, 1))
            rows[1 : size + 1][np.diag_indices(size)] = above
            rows[size + 1 :][np.diag_indices(size)] = below
            found = -self.value(all_parameters(rows))
            return float(found[0]), (found[1 : size + 1] - found[size + 1 :]) / (above - below)

        at = np.clip(np.where(is_sd, start[free] ** 2, start[free]), lowest, highest)
        result = minimize(
            with_gradient, at, jac=True, method="L-BFGS-B", bounds=list(zip(lowest, highest, strict=True)),
            options={"ftol": 1e-9 if rough else 1e-13, "gtol": 1e-4 if rough else 1e-6, "maxiter": 500},
        )  # fmt: skip
        return all_parameters(result.x[None])[0], -float(result.fun)

    def standard_errors(self, best: Floats, inside: Flags) -> Floats:
        """Square roots of the inverse observed information, 0 for parameters that are not inside."""
        index = np.flatnonzero(inside)
        pairs = [(a, b) for a in range(index.size) for b in range(a + 1)]
        steps = np.full(best.size, _HESSIAN_STEP)
        # a correlation must stay one, at twice the step
        steps[self.is_correlation] = np.minimum(_HESSIAN_STEP, (1 - np.abs(best[self.is_correlation])) / 4)
        rows = []
        for a, b in pairs:
            for i, j in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
                row = best.copy()
                row[index[a]] += i * steps[index[a]]
                row[index[b]] += j * steps[index[b]]
                rows.append(row)
        values = self.value(np.array(rows)).reshape(-1, 4)
        information = np.empty((index.size, index.size))
        for (a, b), (pp, pm, mp, mm) in zip(pairs, values, strict=True):
            information[a, b] = information[b, a] = -(pp - pm - mp + mm) / (4 * steps[index[a]] * steps[index[b]])
        se = np.zeros(best.size)
        se[index] = np.sqrt(np.diag(np.linalg.inv(information)))
        return se


def profile_limit(
    deviance: Callable[[float, Floats], tuple[float, Floats]], best: Floats, step: float, limit: float
) -> float:
    """Where the profile deviance of beta crosses the limit, going from the maximum in steps of `step`.

    Parameters
    ----------
    deviance : callable
        Takes beta and parameters to start from; returns the deviance and where it is attained.
    best : array
        Parameters at the maximum, of which beta is the second.
    step : float
        Below 0 for the lower limit.
    limit : float
    """
    from scipy.optimize import brentq

    inner, near = float(best[1]), best
    known = {inner: -np.sqrt(limit)}

    def beyond(beta: float) -> float:
        """Root of the deviance, which is nearly a straight line, less that of the limit."""
        if beta not in known:
            known[beta] = np.sqrt(max(deviance(beta, near)[0], 0.0)) - np.sqrt(limit)
        return float(known[beta])

    for _ in range(40):
        outer = inner + step
        if abs(outer) > WIDEST:
            break
        fall, found = deviance(outer, near)
        known[outer], near = np.sqrt(max(fall, 0.0)) - np.sqrt(limit), found
        if fall > limit:
            return float(brentq(beyond, inner, outer, xtol=1e-7, rtol=1e-9))
        inner = outer
    return float(np.copysign(np.inf, step))
