"""Exploratory end points in one table: every effect shrunk towards those of its group.

    estimates ~ N(theta, V),   theta_j ~ N(mu, tau^2),   mu ~ N(m, s^2),   tau ~ its prior

(Rubin 1981, J Educ Stat 6:377-401; in place of corrected p-values: Gelman, Hill and Yajima 2012, J Res Educ Eff
5:189-211; of safety end points: Berry and Berry 2004, Biometrics 60:418-426). V is taken as known; it has covariances,
because the end points are of the same patients (`bayes_lupil.endpoints.estimates`).

Given tau all is normal. With V = Q diag(l) Q' and A = (V + tau^2 I)^-1,

    mu | tau, y ~ N(c, d^2),   1 / d^2 = 1 / s^2 + 1'A1,   c = d^2 (m / s^2 + 1'Ay),
    theta | mu, tau, y ~ N(y - VA(y - mu 1), tau^2 VA),

so that every marginal posterior is a mixture of normals over tau, whose density is integrated over log tau by composite
Gauss-Legendre quadrature. No draws, and no Monte Carlo error: the error of each probability is what a grid of twice
the panels changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayes_lupil.endpoints.estimates import EndPointValues, Estimate, estimate_end_points
from bayes_lupil.errors import InputError
from bayes_lupil.spec.plan import Exploratory

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ExploratoryGroup", "ExploratoryRow", "ExploratoryTable", "Shrinkage", "Shrunken", "explore", "shrink"]

Floats = NDArray[np.float64]

_PANELS, _NODES, _MOST_PANELS = 16, 8, 2048
_CLOSE = 1e-9
_DEPTH = 36.0  # log density below the largest, where nothing is left
_RANGE = 1e12  # of tau, either way from the standard errors


@dataclass(frozen=True)
class Shrunken:
    """The posterior of one quantity, on the common scale: positive is a benefit.

    Attributes
    ----------
    mean, sd, median, lower, upper : float
        With the limits of the 95 % credible interval.
    p_benefit : float
        P(quantity > 0).
    p_error : float
        Numerical error of it: what twice the grid of tau changes. There is no Monte Carlo error.
    factor : float
        Posterior mean of V_jj / (V_jj + tau^2): 0 where an effect keeps its own estimate, 1 where it takes the mean of
        its group. Of that mean itself, NaN.
    """

    mean: float
    sd: float
    median: float
    lower: float
    upper: float
    p_benefit: float
    p_error: float
    factor: float = np.nan


@dataclass(frozen=True)
class Shrinkage:
    """The posterior of a group.

    Attributes
    ----------
    theta : tuple of Shrunken
        Effects, in the order of the estimates.
    mu : Shrunken
        Mean of the distribution that they come from.
    tau_mean, tau_sd : float
        SD of that distribution.
    nodes : int
        Values of tau.
    error : float
        The largest change by twice the grid, over all probabilities, and all means and SDs in posterior SDs.
    """

    theta: tuple[Shrunken, ...]
    mu: Shrunken
    tau_mean: float
    tau_sd: float
    nodes: int
    error: float


def shrink(estimates: ArrayLike, covariance: ArrayLike, prior: Exploratory) -> Shrinkage:
    """The effects of one group.

    Parameters
    ----------
    estimates : array, shape (end points,)
    covariance : array, shape (end points, end points)
        Symmetric, without a negative eigenvalue.
    prior : Exploratory
        Priors of mu and tau.

    Raises
    ------
    InputError
        Where the estimates are no numbers, or the covariance is none.

    Examples
    --------
    >>> from bayes_lupil.priors import Normal, Uniform
    >>> why = "an example: effects that do not differ"
    >>> alike = Uniform(lower=0, upper=1e-9, reason=why)
    >>> prior = Exploratory(mean=Normal(mean=0, sd=1, reason=why), spread=alike)
    >>> found = shrink([1.0, 2.0], [[1.0, 0.0], [0.0, 1.0]], prior)
    >>> round(found.theta[0].mean, 6), round(found.mu.sd, 6), round(found.theta[0].factor, 6)
    (1.0, 0.57735, 1.0)
    """
    y, v = np.asarray(estimates, dtype=float), np.asarray(covariance, dtype=float)
    if y.ndim != 1 or not y.size or v.shape != (y.size, y.size) or not (np.isfinite(y).all() and np.isfinite(v).all()):
        required = "finite numbers, and a covariance for each pair"
        raise InputError("shrinkage", f"estimates of shape {y.shape}, covariance of shape {v.shape}", required)
    values, vectors = np.linalg.eigh(v)
    if (
        not np.allclose(v, v.T, rtol=1e-8, atol=0)
        or values[0] < -1e-8 * max(values[-1], 0.0)
        or (np.diag(v) <= 0).any()
    ):
        raise InputError("shrinkage", f"a covariance with the eigenvalue {values[0]:.3g}", "a covariance matrix")
    given_tau = _GivenTau(y, v, np.maximum(values, 0.0), vectors, prior)
    low, high = given_tau.support()
    panels = _PANELS
    rough = given_tau.mixture(low, high, panels)
    while True:
        panels *= 2
        fine = given_tau.mixture(low, high, panels)
        error = fine.difference(rough)
        if error < _CLOSE or panels >= _MOST_PANELS:
            break
        rough = fine
    factor = fine.weight @ (np.diag(v) / (np.diag(v) + fine.tau[:, None] ** 2))
    p_errors = np.abs(fine.above(0.0) - rough.above(0.0))
    rows = [fine.summary(j, float(p_errors[j]), float(factor[j]) if j < y.size else np.nan) for j in range(y.size + 1)]
    tau_mean = float(fine.weight @ fine.tau)
    tau_sd = float(np.sqrt(fine.weight @ (fine.tau - tau_mean) ** 2))
    return Shrinkage(tuple(rows[:-1]), rows[-1], tau_mean, tau_sd, fine.tau.size, error)


@dataclass(frozen=True, eq=False)
class _Mixture:
    """Normals of every theta and, last, of mu: weight and tau (nodes,), centre and SD (nodes, end points + 1)."""

    weight: Floats
    tau: Floats
    centre: Floats
    spread: Floats

    def above(self, at: float | Floats) -> Floats:
        """P(quantity > at) for all quantities."""
        from scipy.special import ndtr

        return np.asarray(self.weight @ ndtr((self.centre - at) / self.spread))

    def moments(self) -> tuple[Floats, Floats]:
        mean = self.weight @ self.centre
        return mean, np.sqrt(self.weight @ (self.spread**2 + (self.centre - mean) ** 2))

    def difference(self, other: _Mixture) -> float:
        (mean, sd), (mean_, sd_) = self.moments(), other.moments()
        gaps = [np.abs(self.above(0.0) - other.above(0.0)), np.abs(mean - mean_) / sd, np.abs(sd - sd_) / sd]
        return float(np.max(gaps))

    def summary(self, j: int, p_error: float, factor: float) -> Shrunken:
        from scipy.optimize import brentq

        mean, sd = (float(part[j]) for part in self.moments())
        one = _Mixture(self.weight, self.tau, self.centre[:, [j]], self.spread[:, [j]])

        def quantile(q: float) -> float:
            # by Cantelli's inequality the quantile is within 7 SDs of the mean
            ends = (mean - 7 * sd, mean + 7 * sd)
            return float(brentq(lambda at: float(one.above(at)[0]) - (1 - q), *ends, xtol=1e-10 * sd))

        return Shrunken(
            mean, sd, quantile(0.5), quantile(0.025), quantile(0.975), float(one.above(0.0)[0]), p_error, factor
        )


class _GivenTau:
    """The posterior given tau, in the axes of the covariance."""

    def __init__(self, y: Floats, v: Floats, values: Floats, vectors: Floats, prior: Exploratory) -> None:
        self.values, self.vectors, self.prior = values, vectors, prior
        self.y, self.ones = vectors.T @ y, vectors.T @ np.ones(y.size)
        self.scale = float(np.sqrt(np.diag(v).mean()))

    def log_density(self, tau: Floats) -> tuple[Floats, Floats, Floats]:
        """Log density of tau up to a constant, and mean and variance of mu; shape (taus,) each."""
        total = self.values + tau[:, None] ** 2
        m, s2 = self.prior.mean.mean, self.prior.mean.sd**2
        variance = 1 / (1 / s2 + (self.ones**2 / total).sum(axis=1))
        centre = variance * (m / s2 + (self.ones * self.y / total).sum(axis=1))
        gap = self.y - centre[:, None] * self.ones
        fit = -0.5 * (np.log(total) + gap**2 / total).sum(axis=1)
        fit += 0.5 * np.log(variance / s2) - 0.5 * (centre - m) ** 2 / s2
        return fit + self.prior.spread.logpdf(tau), centre, variance

    def support(self) -> tuple[float, float]:
        """Log of the range of tau that holds the posterior, but for a share too small to count."""
        lowest, highest = float(self.prior.spread.ppf(0.0)), float(self.prior.spread.isf(0.0))
        first = max(lowest, min(highest, self.scale) / _RANGE)
        last = min(highest, max(lowest, self.scale) * _RANGE)
        grid = np.linspace(float(np.log(first)), float(np.log(last)), 4001)
        log = self.log_density(np.exp(grid))[0] + grid  # of log tau
        inside = np.flatnonzero(log > np.nanmax(log) - _DEPTH)
        return float(grid[max(inside[0] - 1, 0)]), float(grid[min(inside[-1] + 1, grid.size - 1)])

    def mixture(self, low: float, high: float, panels: int) -> _Mixture:
        node, share = np.polynomial.legendre.leggauss(_NODES)
        edges = np.linspace(low, high, panels + 1)
        half = np.diff(edges)[:, None] / 2
        x = (edges[:-1, None] + half * (node + 1)).ravel()
        tau = np.exp(x)
        log, centre, variance = self.log_density(tau)
        weight = np.exp(log + x - np.max(log + x)) * (half * share).ravel()
        kept = self.values / (self.values + tau[:, None] ** 2)  # of VA, in the axes
        own, towards = tau[:, None] ** 2 / (self.values + tau[:, None] ** 2) * self.y, kept * self.ones
        slope = towards @ self.vectors.T
        theta = own @ self.vectors.T + centre[:, None] * slope
        spread = (tau[:, None] ** 2 * kept) @ (self.vectors**2).T + slope**2 * variance[:, None]
        return _Mixture(
            weight / weight.sum(), tau, np.column_stack([theta, centre]), np.sqrt(np.column_stack([spread, variance]))
        )


@dataclass(frozen=True)
class ExploratoryRow:
    """One end point: its own estimate, and the shrunken one; None where there is none (`own.note` says why)."""

    own: Estimate
    shrunken: Shrunken | None


@dataclass(frozen=True)
class ExploratoryGroup:
    """End points that were shrunk together; `posterior.theta` is in their order."""

    name: str
    end_points: tuple[str, ...]
    posterior: Shrinkage


@dataclass(frozen=True)
class ExploratoryTable:
    """All exploratory end points, in the order given."""

    rows: tuple[ExploratoryRow, ...]
    groups: tuple[ExploratoryGroup, ...]

    def to_frame(self) -> pd.DataFrame:
        """One row an end point.

        `estimate`, `se` and the columns shrunken_* are on the common scale, positive is a benefit; own_* and
        own_shrunken_* are odds ratios or differences in units, active minus control, the shrunken ones transformed
        from median and limits.
        """
        import pandas as pd

        found = []
        for row in self.rows:
            own, point = row.own, row.own.end_point
            binary = point.kind == "binary"
            line = {
                "end_point": point.name, "label": point.label, "group": own.group, "kind": point.kind,
                "benefit": point.benefit, "unit": "odds ratio" if binary else point.unit,
                "n_control": own.patients[0], "n_active": own.patients[1], "missing_control": own.missing[0],
                "missing_active": own.missing[1], "own": float(np.exp(own.raw)) if binary else own.raw,
                "p_uncorrected": own.p, "estimate": own.estimate, "se": own.se,
            }  # fmt: skip
            s = row.shrunken or Shrunken(*[np.nan] * 7)
            lower, upper = sorted((own.own_scale(s.lower), own.own_scale(s.upper)))
            line |= {
                "shrunken": s.mean, "shrunken_sd": s.sd, "shrunken_lower": s.lower, "shrunken_upper": s.upper,
                "own_shrunken": own.own_scale(s.median), "own_shrunken_lower": lower, "own_shrunken_upper": upper,
                "shrinkage": s.factor, "p_benefit": s.p_benefit, "p_benefit_error": s.p_error, "note": own.note,
            }  # fmt: skip
            found.append(line)
        return pd.DataFrame(found).set_index("end_point")


def explore(
    end_points: Sequence[EndPointValues],
    arm: ArrayLike,
    prior: Exploratory,
    *,
    site: Sequence[str] | None = None,
    together: bool = False,
) -> ExploratoryTable:
    """Estimate every end point alike and shrink each towards the others of its group.

    Parameters
    ----------
    end_points : sequence of EndPointValues
    arm : array of int, shape (patients,)
        0 control, 1 active.
    prior : Exploratory
        Priors of mean and spread of the effects of a group, alike for all groups.
    site : sequence of str, optional
        For a fixed effect of each site; none if left out.
    together : bool
        Whether all end points are one group, whatever they say: efficacy then moves safety, and the other way round.

    Returns
    -------
    ExploratoryTable

    Raises
    ------
    InputError, TrialError
        As `estimate_end_points`.
    """
    found = estimate_end_points(end_points, arm, site=site)
    names = ["all" if together else item.group for item in found.items]
    shrunken: list[Shrunken | None] = [None] * len(names)
    groups = []
    for name in dict.fromkeys(names):
        chosen = [j for j, item in enumerate(found.items) if names[j] == name and item.ok]
        if not chosen:
            continue
        estimates = [found.items[j].estimate for j in chosen]
        posterior = shrink(estimates, found.covariance[np.ix_(chosen, chosen)], prior)
        groups.append(ExploratoryGroup(name, tuple(found.items[j].end_point.name for j in chosen), posterior))
        for j, row in zip(chosen, posterior.theta, strict=True):
            shrunken[j] = row
    rows = tuple(ExploratoryRow(item, small) for item, small in zip(found.items, shrunken, strict=True))
    return ExploratoryTable(rows, tuple(groups))
