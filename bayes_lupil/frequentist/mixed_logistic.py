"""Logistic regression with random site effects, by maximum likelihood with the site effects integrated out exactly.

The same site integrals as the quadrature engine's. lme4's `glmer` integrates one random effect in this way (nAGQ > 1)
and takes the Laplace approximation for two, which is poor where sites are small.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayes_lupil.errors import InputError
from bayes_lupil.frequentist.two_by_two import Interval
from bayes_lupil.integrals.cell_table import CellTable
from bayes_lupil.integrals.site_integral import SiteForm, integrate

__all__ = ["MixedLogistic", "mixed_logistic"]

Floats = NDArray[np.float64]

_NODES = 25
_BOUNDARY = 1e-3
_WIDEST = 30.0
_STARTS = ((0.5, 0.3), (1.0, 0.05), (0.05, 0.5))
_STEP = 1e-3
_HESSIAN_STEP = 5e-3


@dataclass(frozen=True, slots=True)
class MixedLogistic:
    """A fitted model: logit p = alpha + u_s + (beta + v_s) x, u ~ N(0, tau_u^2), v ~ N(0, tau_v^2).

    Attributes
    ----------
    effects : {"pooled", "partial"}
        pooled: random intercepts alone (tau_v = 0); partial: random slopes too.
    alpha, beta : float
        Log odds (of the control arm under reference coding) and log odds ratio at an average site.
    tau_u, tau_v, correlation : float
        SDs over sites and the correlation of u and v, maximum likelihood, so too small with few sites.
    alpha_se, beta_se : float
        From the observed information of all parameters that are not on the boundary.
    interval : Interval
        Of beta, by profile likelihood (a limit is infinite where the likelihood never falls that far) or by Wald.
    p : float
        Test of beta = 0: likelihood ratio with one degree of freedom, or Wald's.
    log_likelihood : float
        With the binomial coefficients.
    boundary : tuple of str
        SDs estimated as 0, and a correlation as -1 or 1.
    """

    effects: str
    alpha: float
    beta: float
    tau_u: float
    tau_v: float
    correlation: float
    alpha_se: float
    beta_se: float
    interval: Interval
    p: float
    log_likelihood: float
    boundary: tuple[str, ...]


def mixed_logistic(
    responders: ArrayLike,
    n: ArrayLike,
    *,
    effects: Literal["pooled", "partial"] = "pooled",
    correlated: bool = False,
    coding: Literal["centred", "reference"] = "centred",
    method: Literal["profile", "wald"] = "profile",
    confidence: float = 0.95,
) -> MixedLogistic:
    """Fit the model to a table of sites.

    Parameters
    ----------
    responders, n : array_like of int, shape (sites, 2)
        Column 0 control, 1 active; a site may have patients in one arm only.
    effects : {"pooled", "partial"}
        Whether the treatment effect is the same at every site.
    correlated : bool
        Whether u and v may be correlated.
    coding : {"centred", "reference"}
        x is -1/2 and 1/2, or 0 and 1; with random slopes these are different models.
    method : {"profile", "wald"}
        Interval and test of beta from the profile likelihood, or from its standard error: quicker, and too sure of
        itself with few sites.
    confidence : float
        Of the interval; the profile deviance is taken for chi-square with one degree of freedom.

    Raises
    ------
    InputError
        For fewer than two sites, or arms in which everybody or nobody responded: there is no finite estimate.

    Examples
    --------
    The trial of Beitler and Landis (1985), 8 sites; SAS and lme4 print 0.7385 (0.3004).

    >>> r = [[10, 11], [22, 16], [7, 14], [1, 2], [0, 6], [0, 1], [1, 1], [6, 4]]
    >>> n = [[37, 36], [32, 20], [19, 19], [17, 16], [12, 17], [10, 11], [9, 5], [7, 6]]
    >>> fit = mixed_logistic(r, n)
    >>> print(f"{fit.beta:.4f} ({fit.beta_se:.4f}), SD {fit.tau_u:.4f}")
    0.7385 (0.3004), SD 1.4008
    """
    from scipy import stats

    y, m = np.asarray(responders), np.asarray(n)
    _require_information(y, m)
    site, arm = np.nonzero(m)
    x = np.array((-0.5, 0.5) if coding == "centred" else (0.0, 1.0))[arm]
    design = np.column_stack([np.ones(x.size), x])
    table = CellTable.from_arrays(site, y[site, arm], m[site, arm], x, design)
    likelihood = _likelihood(table, effects, correlated)

    totals = y.sum(axis=0), m.sum(axis=0)
    odds = np.log(totals[0] / (totals[1] - totals[0]))
    start = np.array([odds.mean() if coding == "centred" else odds[0], odds[1] - odds[0], 0.5, 0.3, 0.0])
    free = np.array([True, True, True, effects == "partial", effects == "partial" and correlated])
    start[~free] = 0.0
    found = [_maximise(likelihood, np.where(free, [*start[:2], *sds, 0.0], start), free) for sds in _STARTS]
    best, top = max(found, key=lambda item: item[1])
    boundary = tuple(
        name
        for name, i, edge in (("tau_u", 2, 0.0), ("tau_v", 3, 0.0), ("correlation", 4, 1.0))
        if free[i] and abs(abs(best[i]) - edge) < _BOUNDARY
    )
    inside = free & ~np.isin(np.array(["alpha", "beta", "tau_u", "tau_v", "correlation"]), boundary)
    se = _standard_errors(likelihood, best, inside)

    alpha, beta, tau_u, tau_v, correlation = (float(value) for value in best)
    total = top + float(table.log_coefficients().sum())
    if method == "wald":
        far = float(stats.norm.ppf((1 + confidence) / 2) * se[1])
        interval, p = Interval(beta - far, beta + far, "Wald"), float(2 * stats.norm.sf(abs(beta) / se[1]))
    else:

        def deviance(beta: float, near: Floats) -> tuple[float, Floats]:
            """Twice the fall of the profile log likelihood from its top."""
            held = near.copy()
            held[1] = beta
            found, value = _maximise(likelihood, held, free & (np.arange(5) != 1))
            return 2 * (top - value), found

        limit = float(stats.chi2.ppf(confidence, 1))
        lower, upper = (_profile_limit(deviance, best, side * se[1], limit) for side in (-1, 1))
        fall = max(deviance(0.0, best)[0], 0.0)
        interval, p = Interval(lower, upper, "profile likelihood"), float(stats.chi2.sf(fall, 1))
    return MixedLogistic(
        effects, alpha, beta, tau_u, tau_v, correlation, float(se[0]), float(se[1]), interval, p, total, boundary
    )


def _require_information(y: NDArray[np.int64], m: NDArray[np.int64]) -> None:
    if len(y) < 2:
        raise InputError("mixed logistic regression", f"{len(y)} site", "two sites or more")
    r, n = y.sum(axis=0), m.sum(axis=0)
    if (r == 0).any() or (r == n).any():
        raise InputError(
            "mixed logistic regression", f"{r[0]} of {n[0]} and {r[1]} of {n[1]} responders",
            "both outcomes in both arms, or the estimate is infinite",
        )  # fmt: skip


def _likelihood(table: CellTable, effects: str, correlated: bool) -> Callable[[Floats], Floats]:
    """Log likelihood of parameter rows (alpha, beta, tau_u, tau_v, correlation), without binomial coefficients."""
    kinds, which = table.distinct()
    counts = np.bincount(which).astype(float)
    order = 3 if effects == "partial" else 1
    none = np.empty((0, 2))

    def value(rows: Floats) -> Floats:
        tau_u, tau_v, r = rows[:, 2], rows[:, 3], rows[:, 4] if correlated else np.zeros(len(rows))
        scale = np.column_stack([tau_u, tau_v * r, tau_v * np.sqrt(1 - r**2)])
        form = SiteForm(order, (none, none), np.ascontiguousarray(rows[:, :2]), scale)
        by_kind, failed = integrate(kinds, form, _NODES)
        return np.where(failed > 0, -np.inf, by_kind @ counts)

    return value


def _maximise(likelihood: Callable[[Floats], Floats], start: Floats, free: NDArray[np.bool_]) -> tuple[Floats, float]:
    """Maximum over the free parameters; returns all parameters and the log likelihood.

    The search moves variances, not SDs: the likelihood is even in an SD, so that its slope at 0 is 0 whether or not
    the maximum is there.
    """
    from scipy.optimize import minimize

    is_sd = np.array([False, False, True, True, False])
    lowest = np.array([-_WIDEST, -_WIDEST, 0.0, 0.0, -1 + 1e-6])[free]
    highest = np.array([_WIDEST, _WIDEST, _WIDEST**2, _WIDEST**2, 1 - 1e-6])[free]
    size = int(free.sum())

    def all_parameters(values: Floats) -> Floats:
        rows = np.tile(start, (len(values), 1))
        rows[:, free] = np.where(is_sd[free], np.sqrt(np.abs(values)), values)
        return rows

    def with_gradient(values: Floats) -> tuple[float, Floats]:
        above = np.minimum(values + _STEP, highest)
        below = np.maximum(values - _STEP, lowest)
        rows = np.tile(values, (2 * size + 1, 1))
        rows[1 : size + 1][np.diag_indices(size)] = above
        rows[size + 1 :][np.diag_indices(size)] = below
        found = -likelihood(all_parameters(rows))
        return float(found[0]), (found[1 : size + 1] - found[size + 1 :]) / (above - below)

    at = np.clip(np.where(is_sd, start**2, start)[free], lowest, highest)
    result = minimize(
        with_gradient, at, jac=True, method="L-BFGS-B", bounds=list(zip(lowest, highest, strict=True)),
        options={"ftol": 1e-13, "gtol": 1e-6, "maxiter": 500},
    )  # fmt: skip
    return all_parameters(result.x[None])[0], -float(result.fun)


def _standard_errors(likelihood: Callable[[Floats], Floats], best: Floats, inside: NDArray[np.bool_]) -> Floats:
    """Square roots of the inverse observed information, 0 for parameters that are not inside."""
    index = np.flatnonzero(inside)
    pairs = [(a, b) for a in range(index.size) for b in range(a + 1)]
    steps = np.full(best.size, _HESSIAN_STEP)
    steps[4] = min(_HESSIAN_STEP, (1 - abs(best[4])) / 4)  # a correlation must stay one, at twice the step
    rows = []
    for a, b in pairs:
        for i, j in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
            row = best.copy()
            row[index[a]] += i * steps[index[a]]
            row[index[b]] += j * steps[index[b]]
            rows.append(row)
    values = likelihood(np.array(rows)).reshape(-1, 4)
    information = np.empty((index.size, index.size))
    for (a, b), (pp, pm, mp, mm) in zip(pairs, values, strict=True):
        information[a, b] = information[b, a] = -(pp - pm - mp + mm) / (4 * steps[index[a]] * steps[index[b]])
    se = np.zeros(best.size)
    se[index] = np.sqrt(np.diag(np.linalg.inv(information)))
    return se


def _profile_limit(
    deviance: Callable[[float, Floats], tuple[float, Floats]], best: Floats, step: float, limit: float
) -> float:
    """Where the profile deviance of beta crosses the limit, going from the maximum in steps of `step`."""
    from scipy.optimize import brentq

    inner, near = float(best[1]), best
    for _ in range(40):
        outer = inner + step
        if abs(outer) > _WIDEST:
            break
        fall, found = deviance(outer, near)
        if fall > limit:
            return float(
                brentq(lambda beta, near=found: deviance(beta, near)[0] - limit, inner, outer, xtol=1e-7, rtol=1e-9)
            )
        inner, near = outer, found
    return float(np.copysign(np.inf, step))
