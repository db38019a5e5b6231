"""Maximum of a log likelihood of coefficients, SDs and correlations, how it falls around it, and interval and test.

Shared by the logistic regressions with random effects; the first two parameters are alpha and beta in all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.errors import InputError
from bayes_lupil.frequentist.two_by_two import Interval
from bayes_lupil.frozen import ReadOnly

__all__ = [
    "BOUNDARY",
    "WIDEST",
    "Surface",
    "crude_start",
    "interval_and_test",
    "profile_limit",
    "refined",
    "require_both_outcomes",
    "require_finite",
]

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
Flags = NDArray[np.bool_]

BOUNDARY = 1e-3
"""How near to 0 an SD, or to -1 or 1 a correlation, is taken to be there."""
WIDEST = 10.0
"""Coefficients and SDs are looked for up to here, an odds ratio of 22,000; integrals over wider effects are inexact."""
_EDGE = 0.99
"""Of the widest: what is found beyond is taken for the end of the search, not for a maximum."""
_FAR, _FURTHER, _FLAT = 5.0, 1.5, 1e-3  # beyond 5 is infinite what is hardly less likely when half as large again
_SAME, _SAME_LIMIT = 1e-7, 1e-3  # changes of the log likelihood by finer integrals that do not matter
_STEP = 1e-4
_HESSIAN_STEP = 5e-3


@dataclass(frozen=True, eq=False)
class Surface(ReadOnly):
    """A log likelihood and what its parameters are.

    Attributes
    ----------
    by_nodes : callable
        Log likelihood of rows of parameters, shape (rows,), by integrals of so many nodes; even in every SD.
    nodes : tuple of int
        How many: the first here, the others in turn where that is too few.
    is_sd, is_correlation : array of bool, shape (parameters,)
    """

    by_nodes: Callable[[Floats, int], Floats]
    nodes: tuple[int, ...]
    is_sd: Flags
    is_correlation: Flags

    def value(self, rows: Floats) -> Floats:
        """Log likelihood of rows of parameters, shape (rows,)."""
        return self.by_nodes(rows, self.nodes[0])

    @property
    def finer(self) -> Surface | None:
        """The same by the next finer integrals; None where there are no finer ones."""
        return replace(self, nodes=self.nodes[1:]) if self.nodes[1:] else None

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


def refined(surface: Surface, start: Floats, free: Flags) -> tuple[Surface, Floats, float]:
    """The first surface, from coarse to fine, of which a finer one has the same value at the maximum; and that."""
    best, top = surface.maximise(start, free)
    while (finer := surface.finer) is not None and abs(finer.value(best[None])[0] - top) > _SAME:
        surface = finer
        best, top = surface.maximise(best, free)
    return surface, best, top


def require_finite(where: str, names: Sequence[str], surface: Surface, best: Floats, top: float) -> None:
    """Refuse a maximum that lies at infinity, or beyond what the integrals hold.

    Coefficients and SDs run away alone, or together where sites have one outcome by arm: the log odds are then scaled
    as a whole, and their likelihood rises towards a limit.

    Parameters
    ----------
    names : sequence of str
        Of the parameters.
    best : array
        Where the log likelihood is largest, `top`.

    Raises
    ------
    InputError
    """
    scales = ~surface.is_correlation
    far = np.flatnonzero(scales & (np.abs(best) > _FAR))
    if not far.size:
        return
    longer = np.tile(best, (far.size + 1, 1))
    longer[np.arange(far.size), far] *= _FURTHER
    longer[-1, scales] *= _FURTHER
    endless = bool((surface.value(longer) > top - _FLAT).any())
    if endless or (np.abs(best[scales]) >= _EDGE * WIDEST).any():
        found = ", ".join(f"{names[i]} = {best[i]:.3g}" for i in far.tolist())
        raise InputError(
            where, f"{found} on the log-odds scale, and no end of it in sight",
            f"sites with both outcomes, or the estimate is infinite, or beyond the {WIDEST:g} that are searched",
        )  # fmt: skip


def require_both_outcomes(where: str, y: Counts, m: Counts) -> None:
    """Refuse counts by site and arm, shape (sites, 2), of which an arm's total leaves no finite estimate.

    Raises
    ------
    InputError
    """
    r, n = y.sum(axis=0), m.sum(axis=0)
    if (r == 0).any() or (r == n).any():
        raise InputError(
            where, f"{r[0]} of {n[0]} and {r[1]} of {n[1]} responders",
            "both outcomes in both arms, or the estimate is infinite",
        )  # fmt: skip


def crude_start(y: Counts, m: Counts, coding: str) -> tuple[float, float]:
    """Alpha and beta of the totals, where a search begins."""
    totals = y.sum(axis=0), m.sum(axis=0)
    odds = np.log(totals[0] / (totals[1] - totals[0]))
    return float(odds.mean() if coding == "centred" else odds[0]), float(odds[1] - odds[0])


def interval_and_test(
    surface: Surface, best: Floats, top: float, free: Flags, se: float, method: Literal["profile", "wald"],
    confidence: float, step: float, *, rough: bool = False,
) -> tuple[Interval, float]:  # fmt: skip
    """Interval of beta and p of beta = 0: by profile likelihood, or by Wald.

    Parameters
    ----------
    best : array
        Parameters at the maximum, where the log likelihood is `top`.
    free : array of bool
        Parameters that were searched.
    se : float
        Standard error of beta.
    step : float
        In which the profile likelihood is followed from the maximum.
    rough : bool
        Whether a rough search will do for it.
    """
    from scipy import stats

    beta = float(best[1])
    if method == "wald":
        far = float(stats.norm.ppf((1 + confidence) / 2) * se)
        return Interval(beta - far, beta + far, "Wald"), float(2 * stats.norm.sf(abs(beta) / se))
    others = free & (np.arange(best.size) != 1)

    def deviance(beta: float, near: Floats) -> tuple[float, Floats]:
        """Twice the fall of the profile log likelihood from its top."""
        held = near.copy()
        held[1] = beta
        at, value = surface.maximise(held, others, rough=rough)
        return 2 * (top - value), at

    limit = float(stats.chi2.ppf(confidence, 1))
    (lower, at_lower), (upper, at_upper) = (profile_limit(deviance, best, side * step, limit) for side in (-1, 1))
    fall, at_0 = deviance(0.0, best)
    if (finer := surface.finer) is not None:
        there = np.stack([at_lower, at_upper, at_0])
        if np.abs(finer.value(there) - surface.value(there)).max() > _SAME_LIMIT:
            best, top = finer.maximise(best, free)
            return interval_and_test(finer, best, top, free, se, method, confidence, step, rough=rough)
    return Interval(lower, upper, "profile likelihood"), float(stats.chi2.sf(max(fall, 0.0), 1))


def profile_limit(
    deviance: Callable[[float, Floats], tuple[float, Floats]], best: Floats, step: float, limit: float
) -> tuple[float, Floats]:
    """Where the profile deviance of beta crosses the limit, going from the maximum in steps of `step`.

    Infinite where that is beyond the widest, of beta or of another parameter; and the last parameters looked at.

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
            if (np.abs(np.delete(found, 1)) >= _EDGE * WIDEST).any():
                break  # it would fall less, were the search of the others not held there
            return float(brentq(beyond, inner, outer, xtol=1e-7, rtol=1e-9)), near
        inner = outer
    return float(np.copysign(np.inf, step)), near
