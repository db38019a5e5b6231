"""Effects of any number of end points on one scale, with the covariance between them.

The scale is the log odds ratio, turned so that positive is a benefit.

- Binary: the log odds ratio of logistic regression. Where a cell of arms by outcome is empty there is no maximum, and
  0.5 is added to each of the four (Haldane 1956, Ann Hum Genet 20:309-311), which is the estimate of Firth 1993
  (Biometrika 80:27-38) for this model. Where all patients of both arms are alike there is no estimate.
- Continuous: the mean difference, adjusted for the baseline where there is one (ANCOVA), over the residual SD; times
  pi / 3^(1/2), the SD of a logistic distribution (Chinn 2000, Stat Med 19:3127-3131).

Sites are left out unless they are given. With a few patients a site their terms cost more than they give: of a binary
end point, sites where all patients are alike say nothing, and maximum likelihood with many site terms overstates the
odds ratio (Andersen 1970, J R Stat Soc B 32:283-301).

Each estimate is, but for terms of higher order, a sum of what each patient adds to it (its influence): stacking the
estimating equations of all end points (Stefanski and Boos 2002, Am Stat 56:29-38), the covariance of two estimates is
the sum of products over the patients who have both. A patient's residual is divided by (1 - leverage)^(1/2) (HC2:
MacKinnon and White 1985, J Econometrics 29:305-325), which gives Welch's variance where there is no covariate. The
influences of a binary end point are scaled to the model's own variance, which they have already where no cell is empty
and no site is in the model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayes_lupil.errors import InputError, TrialError
from bayes_lupil.frequentist.adjusted_logistic import adjusted_logistic
from bayes_lupil.frequentist.ancova import Design, ancova, patient_rows
from bayes_lupil.trials.trial import EndPoint

__all__ = ["TO_LOG_ODDS", "EndPointValues", "Estimate", "Estimates", "estimate_end_points"]

Floats = NDArray[np.float64]

TO_LOG_ODDS = float(np.pi / np.sqrt(3.0))
"""From a standardised difference to a log odds ratio."""
_LEAST = 2  # patients an arm
_CORRECTION = 0.5
_ARMS = ("control", "active")


@dataclass(frozen=True, eq=False)
class EndPointValues:
    """One end point of every patient.

    Attributes
    ----------
    values : array, shape (patients,)
        0 and 1 of a binary end point; NaN where missing.
    baseline : array, shape (patients,), or None
        Covariate of a continuous end point; a patient without it does not count.
    group : str
        Such as 'efficacy' or 'safety': shrinkage is within a group.
    """

    end_point: EndPoint
    values: Floats
    baseline: Floats | None = None
    group: str = "efficacy"


@dataclass(frozen=True)
class Estimate:
    """One end point by itself.

    Attributes
    ----------
    patients, missing : (int, int)
        Who counts, and who does not because a value is missing; control and active.
    estimate, se : float
        On the common scale, positive is a benefit; NaN where there is none, and `note` says why.
    raw, raw_se : float
        Active minus control as it is usually told: log odds ratio or mean difference in units, with the standard error
        of its model.
    unit : float
        What one unit of the common scale is on the scale of `raw`: the sign of benefit, times the residual SD over
        pi / 3^(1/2) of a continuous end point.
    p : float
        Two-sided, of `raw` (Wald; t for mean differences), not corrected for the number of end points.
    note : str
    """

    end_point: EndPoint
    group: str
    patients: tuple[int, int]
    missing: tuple[int, int]
    estimate: float
    se: float
    raw: float
    raw_se: float
    unit: float
    p: float
    note: str = ""

    @property
    def ok(self) -> bool:
        """Whether there is an estimate."""
        return bool(np.isfinite(self.estimate))

    def own_scale(self, value: float) -> float:
        """A value of the common scale as an odds ratio or mean difference, active minus control."""
        return float(np.exp(value * self.unit)) if self.end_point.kind == "binary" else float(value * self.unit)


@dataclass(frozen=True, eq=False)
class Estimates:
    """All end points.

    Attributes
    ----------
    items : tuple of Estimate
    covariance : array, shape (end points, end points)
        Of the estimates; NaN in the rows of those that do not exist.
    influence : array, shape (end points, patients)
        What each patient adds to each estimate; the covariance is the sum of its products.
    """

    items: tuple[Estimate, ...]
    covariance: Floats
    influence: Floats


def estimate_end_points(
    end_points: Sequence[EndPointValues], arm: ArrayLike, *, site: Sequence[str] | None = None
) -> Estimates:
    """Estimate every end point alike, from the patients who have it.

    Parameters
    ----------
    end_points : sequence of EndPointValues
    arm : array of int, shape (patients,)
        0 control, 1 active.
    site : sequence of str, shape (patients,), optional
        For a fixed effect of each site in every model; none if left out.

    Raises
    ------
    InputError, TrialError
        For no end point, one named twice, columns of another length, or values that are none of a binary end point.

    Examples
    --------
    >>> point = EndPoint("relapse", "Relapse", benefit="lower")
    >>> relapse = np.repeat([1.0, 0.0, 1.0, 0.0], [30, 20, 20, 30])
    >>> found = estimate_end_points([EndPointValues(point, relapse)], np.repeat([0, 1], 50))
    >>> round(found.items[0].estimate, 4), round(found.items[0].se, 4), round(found.items[0].own_scale(0.5), 3)
    (0.8109, 0.4082, 0.607)
    """
    group = np.asarray(arm)
    if group.ndim != 1 or not np.isin(group, (0, 1)).all():
        raise InputError("end points, arm", f"shape {group.shape}, or other values", "0 or 1 for each patient")
    if site is not None and len(site) != group.size:
        raise InputError("end points, site", f"{len(site)} values", f"one for each of {group.size} patients")
    names = [item.end_point.name for item in end_points]
    if not names or len(set(names)) < len(names):
        raise InputError("end points", ", ".join(names) or "none", "at least one, each once")
    where = None if site is None else np.array(site)
    found = [_one(item, group.astype(np.int64), where) for item in end_points]
    influence = np.array([row for _, row in found])
    covariance = influence @ influence.T
    lost = np.array([not item.ok for item, _ in found])
    covariance[lost, :] = covariance[:, lost] = np.nan
    return Estimates(tuple(item for item, _ in found), covariance, influence)


def _one(item: EndPointValues, arm: NDArray[np.int64], site: NDArray[np.str_] | None) -> tuple[Estimate, Floats]:
    """The estimate, and the influence of every patient of the trial."""
    point, values = item.end_point, np.asarray(item.values, dtype=float)
    where = f"end point '{point.name}'"
    baseline = None if item.baseline is None else np.asarray(item.baseline, dtype=float)
    for name, column in (("values", values), ("baseline", baseline)):
        if column is not None and (column.shape != arm.shape or np.isinf(column).any()):
            found = f"shape {column.shape}" if column.shape != arm.shape else "an infinite number"
            raise TrialError(f"{where}, {name}", found, f"{arm.size} finite numbers, NaN where missing")
    binary = point.kind == "binary"
    if binary and not np.isin(values[~np.isnan(values)], (0, 1)).all():
        raise TrialError(where, "values other than 0 and 1", "0 or 1, NaN where missing")
    if binary and baseline is not None:
        hint = "An odds ratio between patients alike in a covariate is another estimand than one without it."
        raise InputError(where, "a baseline of a binary end point", "none", hint)
    known = ~np.isnan(values) if baseline is None else ~np.isnan(values) & ~np.isnan(baseline)
    n, lost = (_by_arm(arm[chosen]) for chosen in (known, ~known))

    def made(note: str, estimate: _Fitted | None = None) -> tuple[Estimate, Floats]:
        influence = np.zeros(arm.size)
        nan = np.nan
        if estimate is None:
            return Estimate(point, item.group, n, lost, nan, nan, nan, nan, nan, nan, note), influence
        unit = point.sign * estimate.unit
        influence[known] = estimate.influence / unit
        common, se = estimate.raw / unit, float(np.sqrt(influence @ influence))
        row = Estimate(point, item.group, n, lost, common, se, estimate.raw, estimate.se, unit, estimate.p, note)
        return row, influence

    if min(n) < _LEAST:
        return made(f"no estimate: fewer than {_LEAST} patients in an arm")
    y, a = values[known], arm[known]
    sites = None if site is None else [str(name) for name in site[known]]
    if not binary:
        try:
            return made("", _mean_difference(y, a, sites, None if baseline is None else baseline[known]))
        except InputError as problem:
            return made(f"no estimate: {problem.found}")
    if (y == y[0]).all():
        return made(f"no estimate: all patients {'have' if y[0] else 'lack'} it")
    return made(*_odds_ratio(y, a, sites))


@dataclass(frozen=True)
class _Fitted:
    """Estimate, standard error and p by the model, and its influences, on the scale of the end point."""

    raw: float
    se: float
    p: float
    unit: float
    """Of the common scale."""
    influence: Floats


def _by_arm(arm: NDArray[np.int64]) -> tuple[int, int]:
    control, active = np.bincount(arm, minlength=2)
    return int(control), int(active)


def _mean_difference(y: Floats, arm: NDArray[np.int64], site: list[str] | None, baseline: Floats | None) -> _Fitted:
    """ANCOVA; the influences are those of the standardised difference, times the SD."""
    names = [_ARMS[a] for a in arm]
    result = ancova(y, names, site, baseline, control="control")
    contrast = result.contrasts["active"]
    assert contrast is not None  # it raises where the only contrast does not exist
    rows = patient_rows("end points", y, names, site, baseline, "control")
    design = Design(rows, rows.site)
    x = design.matrix[:, design.kept]
    column = design.kept.index(design.arm_columns[0])
    inverse = np.linalg.pinv(x)
    residual = y - x @ (inverse @ y)
    left = np.maximum(1 - np.einsum("ij,ji->i", x, inverse), 1e-9)  # 1 - leverage; 0 for a patient alone in a site
    beta, sigma = contrast.estimate, result.sigma
    # d = beta / sigma, and the second term is what estimating sigma adds
    of_beta = inverse[column] * residual / np.sqrt(left)
    of_variance = (residual**2 / left - sigma**2) / y.size
    influence = of_beta - beta / (2 * sigma**2) * of_variance
    return _Fitted(beta, contrast.se, contrast.p, sigma / TO_LOG_ODDS, influence)


def _odds_ratio(y: Floats, arm: NDArray[np.int64], site: list[str] | None) -> tuple[str, _Fitted | None]:
    """Logistic regression, and what there is to say of it."""
    from scipy.special import expit, ndtr

    if site is None:
        events, n = np.bincount(arm, weights=y, minlength=2), np.bincount(arm, minlength=2)
        cells = np.array([events, n - events])
        note = "" if cells.all() else f"a cell is empty: {_CORRECTION:g} added to each of the four"
        cells = cells if cells.all() else cells + _CORRECTION
        raw, se = float(np.diff(np.log(cells[0] / cells[1]))[0]), float(np.sqrt((1 / cells).sum()))
        if not note:  # the same by maximum likelihood
            fitted = adjusted_logistic(y, [_ARMS[a] for a in arm], None, control="control").contrasts["active"]
            assert fitted is not None
            raw, se = fitted.odds_ratio.estimate, fitted.odds_ratio.se
        risk = cells[0] / cells.sum(axis=0)
        influence = np.where(arm == 1, 1, -1) * (y - risk[arm]) / (cells.sum(axis=0) * risk * (1 - risk))[arm]
    else:
        names = [_ARMS[a] for a in arm]
        result = adjusted_logistic(y, names, site, control="control")
        found, note = result.contrasts["active"], "; ".join(result.notes)
        if found is None:
            return f"no estimate: {note}", None
        raw, se = found.odds_ratio.estimate, found.odds_ratio.se
        told = ~np.isin(np.array(site), result.one_outcome_sites)
        rows = patient_rows("end points", y, names, site, None, "control").take(told)
        design = Design(rows, rows.site)
        x = design.matrix[:, design.kept]
        p = expit(x @ _coefficients(x, rows.y))
        inverse = np.linalg.inv(x.T @ (x * (p * (1 - p))[:, None]))
        influence = np.zeros(y.size)
        influence[told] = (rows.y - p) * (x @ inverse)[:, design.kept.index(design.arm_columns[0])]
    influence = influence * se / np.sqrt(influence @ influence)
    return note, _Fitted(raw, se, float(2 * ndtr(-abs(raw) / se)), 1.0, influence)


def _coefficients(x: Floats, y: Floats) -> Floats:
    """Of logistic regression, whose maximum is known to exist."""
    import statsmodels.api as sm

    fit = sm.GLM(y, x, family=sm.families.Binomial()).fit(maxiter=100, tol=1e-10)
    return np.asarray(fit.params, dtype=float)
