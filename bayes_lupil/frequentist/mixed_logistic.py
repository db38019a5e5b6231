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
from bayes_lupil.frequentist.arguments import counts_by_site, level_of, one_of
from bayes_lupil.frequentist.maximum import (
    BOUNDARY,
    Surface,
    crude_start,
    interval_and_test,
    refined,
    require_both_outcomes,
    require_finite,
)
from bayes_lupil.frequentist.two_by_two import Interval
from bayes_lupil.integrals.cell_table import CellTable
from bayes_lupil.integrals.site_integral import SiteForm, integrate

__all__ = ["EFFECTS", "MixedLogistic", "mixed_logistic"]

Floats = NDArray[np.float64]

EFFECTS: tuple[Literal["pooled", "partial"], ...] = ("pooled", "partial")
_WHERE = "mixed logistic regression"
_NODES = 25, 51, 101  # coarse ones do where finer ones change the log likelihood by next to nothing
_STARTS = ((0.5, 0.3), (1.0, 0.05), (0.05, 0.5))


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
        Of beta, by profile likelihood (a limit is infinite where the likelihood does not fall that far up to an odds
        ratio of 22,000, or with an SD of 10) or by Wald.
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
        For counts that are none, or a word that is no choice; for fewer than two sites with patients; for arms in which
        everybody or nobody responded, or other data without a finite estimate, or with one beyond 10 on the log-odds
        scale.

    Examples
    --------
    The trial of Beitler and Landis (1985), 8 sites; SAS and lme4 print 0.7385 (0.3004).

    >>> r = [[10, 11], [22, 16], [7, 14], [1, 2], [0, 6], [0, 1], [1, 1], [6, 4]]
    >>> n = [[37, 36], [32, 20], [19, 19], [17, 16], [12, 17], [10, 11], [9, 5], [7, 6]]
    >>> fit = mixed_logistic(r, n)
    >>> print(f"{fit.beta:.4f} ({fit.beta_se:.4f}), SD {fit.tau_u:.4f}")
    0.7385 (0.3004), SD 1.4008
    """
    one_of(f"{_WHERE}, effects", effects, EFFECTS)
    one_of(f"{_WHERE}, coding", coding, ("centred", "reference"))
    one_of(f"{_WHERE}, method", method, ("profile", "wald"))
    confidence = level_of(confidence)
    y, m = counts_by_site(responders, n)
    y, m = y[m.sum(axis=1) > 0], m[m.sum(axis=1) > 0]
    _require_information(y, m)
    site, arm = np.nonzero(m)
    x = np.array((-0.5, 0.5) if coding == "centred" else (0.0, 1.0))[arm]
    design = np.column_stack([np.ones(x.size), x])
    table = CellTable.from_arrays(site, y[site, arm], m[site, arm], x, design)
    names = np.array(["alpha", "beta", "tau_u", "tau_v", "correlation"])
    surface = Surface(
        _likelihood(table, effects, correlated), _NODES, np.isin(names, ("tau_u", "tau_v")), names == "correlation"
    )

    start = np.array([*crude_start(y, m, coding), 0.5, 0.3, 0.0])
    free = np.array([True, True, True, effects == "partial", effects == "partial" and correlated])
    start[~free] = 0.0
    found = [surface.maximise(np.where(free, [*start[:2], *sds, 0.0], start), free) for sds in _STARTS]
    surface, best, top = refined(surface, max(found, key=lambda item: item[1])[0], free)
    require_finite(_WHERE, names.tolist(), surface, best, top)
    boundary = tuple(
        name
        for name, i, edge in (("tau_u", 2, 0.0), ("tau_v", 3, 0.0), ("correlation", 4, 1.0))
        if free[i] and abs(abs(best[i]) - edge) < BOUNDARY
    )
    inside = free & ~np.isin(names, boundary)
    se = surface.standard_errors(best, inside)

    alpha, beta, tau_u, tau_v, correlation = (float(value) for value in best)
    total = top + float(table.log_coefficients().sum())
    interval, p = interval_and_test(surface, best, top, free, float(se[1]), method, confidence, float(se[1]))
    return MixedLogistic(
        effects, alpha, beta, tau_u, tau_v, correlation, float(se[0]), float(se[1]), interval, p, total, boundary
    )


def _require_information(y: NDArray[np.int64], m: NDArray[np.int64]) -> None:
    if len(y) < 2:
        raise InputError(_WHERE, f"{len(y)} site", "two sites or more")
    require_both_outcomes(_WHERE, y, m)


def _likelihood(table: CellTable, effects: str, correlated: bool) -> Callable[[Floats, int], Floats]:
    """Log likelihood of parameter rows (alpha, beta, tau_u, tau_v, correlation), without binomial coefficients."""
    kinds, which = table.distinct()
    counts = np.bincount(which).astype(float)
    order = 3 if effects == "partial" else 1
    none = np.empty((0, 2))

    def value(rows: Floats, nodes: int) -> Floats:
        tau_u, tau_v, r = rows[:, 2], rows[:, 3], rows[:, 4] if correlated else np.zeros(len(rows))
        scale = np.column_stack([tau_u, tau_v * r, tau_v * np.sqrt(1 - r**2)])
        form = SiteForm(order, (none, none), np.ascontiguousarray(rows[:, :2]), scale)
        by_kind, failed = integrate(kinds, form, nodes)
        return np.where(failed > 0, -np.inf, by_kind @ counts)

    return value
