"""Effects of several end points on one scale, with the covariance that comes from their being of the same patients.

Binary end points give a log odds ratio (arms against each other, 0.5 added to every cell where one is empty).
Continuous ones give a difference of means, adjusted for the baseline where there is one, over the SD of an arm's
patients: a standardised difference d, turned to the scale of log odds ratios by pi / 3^(1/2) (Hasselblad and Hedges
1995, Psychol Bull 117:167-178; Chinn 2000, Stat Med 19:3127-3131). All are turned so that positive is a benefit.
Covariances come from the influence of each patient on each estimate (stacked estimating equations; Stefanski and Boos
2002, Am Stat 56:29-38), so that arms may differ in their SD; residuals are enlarged for leverage (HC2; MacKinnon and
White 1985, J Econometrics 29:305-325). The variance of a log odds ratio is Woolf's. Sites are left out: with a few
patients a site, terms for them cost more than they give.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.errors import TrialError
from bayes_lupil.frozen import ReadOnly
from bayes_lupil.trials.end_point import EndPoint

__all__ = ["EffectSize", "EffectSizes", "effect_sizes"]

Floats = NDArray[np.float64]

TO_LOG_ODDS = np.pi / np.sqrt(3.0)
"""From standardised differences to log odds ratios: the SD of a logistic distribution."""
_LEAST = 2  # patients an arm
_CORRECTION = 0.5
_ALONE = 1e-8  # of 1 - leverage


@dataclass(frozen=True)
class EffectSize:
    """One end point.

    Attributes
    ----------
    end_point : EndPoint
    patients : (int, int)
        With a value; control and active.
    estimate, se : float
        Log odds ratio, or standardised difference on its scale; positive is a benefit. NaN where there is none.
    own : float
        On the end point's own scale, active minus control: odds ratio or mean difference.
    unit : float
        What one unit of `estimate` is there: 1 of a log odds ratio, or SD 3^(1/2) / pi; with the sign of benefit.
    p : float
        Two-sided, Wald, not corrected for there being several.
    note : str
    """

    end_point: EndPoint
    patients: tuple[int, int]
    estimate: float
    se: float
    own: float
    unit: float
    p: float
    note: str = ""

    def on_own_scale(self, value: float) -> float:
        """An effect of the common scale as an odds ratio or a mean difference, active minus control."""
        return float(np.exp(value * self.unit)) if self.end_point.kind == "binary" else float(value * self.unit)


@dataclass(frozen=True, eq=False)
class EffectSizes(ReadOnly):
    """Estimates with their covariance.

    Attributes
    ----------
    items : tuple of EffectSize
    covariance : array, shape (end points, end points)
        Of the estimates; NaN where there is none.
    """

    items: tuple[EffectSize, ...]
    covariance: Floats


def effect_sizes(
    end_points: list[EndPoint], values: list[Floats], arm: NDArray[np.int64], baselines: list[Floats | None]
) -> EffectSizes:
    """Estimate every end point alike.

    Parameters
    ----------
    end_points : list of EndPoint
    values : list of array, shape (patients,)
        NaN where missing; every end point is estimated from the patients who have it.
    arm : array of int, shape (patients,)
        0 control, 1 active.
    baselines : list of array or None
        Covariates of continuous end points.

    Raises
    ------
    TrialError
        Where a column is not as long as the others.
    """
    items, influences = [], []
    for point, column, baseline in zip(end_points, values, baselines, strict=True):
        if np.shape(column) != arm.shape:
            raise TrialError(f"end point '{point.name}'", f"{np.size(column)} values", f"{arm.size}, one a patient")
        binary = point.kind == "binary"
        item, influence = _binary(point, column, arm) if binary else _continuous(point, column, arm, baseline)
        items.append(item)
        influences.append(influence)
    table = np.array(influences)
    raw = table @ table.T
    scale = np.sqrt(np.diag(raw))
    se = np.array([item.se for item in items])
    with np.errstate(invalid="ignore", divide="ignore"):
        correlation = raw / np.outer(scale, scale)
    np.fill_diagonal(correlation, 1.0)
    correlation[~np.isfinite(correlation)] = 0.0
    return EffectSizes(tuple(items), correlation * np.outer(se, se))


def _none(point: EndPoint, counts: tuple[int, int], size: int, note: str) -> tuple[EffectSize, Floats]:
    return EffectSize(point, counts, np.nan, np.nan, np.nan, np.nan, np.nan, note), np.zeros(size)


def _counts(known: NDArray[np.bool_], arm: NDArray[np.int64]) -> tuple[int, int]:
    return int((known & (arm == 0)).sum()), int((known & (arm == 1)).sum())


def _binary(point: EndPoint, y: Floats, arm: NDArray[np.int64]) -> tuple[EffectSize, Floats]:
    from scipy.special import ndtr

    known = ~np.isnan(y)
    n = _counts(known, arm)
    if min(n) < _LEAST:
        return _none(point, n, y.size, f"fewer than {_LEAST} patients in an arm")
    events = np.array([(y[known & (arm == a)] == 1).sum() for a in (0, 1)], dtype=float)
    if not events.any() or (events == n).all():
        return _none(point, n, y.size, "all patients alike")
    cells = np.array([events, n - events])
    note = ""
    if (cells == 0).any():
        cells, note = cells + _CORRECTION, "a cell is empty: 0.5 added to each"
    log_odds = np.log(cells[0] / cells[1])
    estimate, se = float(log_odds[1] - log_odds[0]), float(np.sqrt((1 / cells).sum()))
    rate = cells[0] / cells.sum(axis=0)
    influence = np.zeros(y.size)
    for a, sign in ((0, -1), (1, 1)):
        mine = known & (arm == a)
        influence[mine] = sign * (y[mine] - rate[a]) / (mine.sum() * rate[a] * (1 - rate[a]))
    good = point.sign
    p = float(2 * ndtr(-abs(estimate) / se))
    return EffectSize(point, n, good * estimate, se, float(np.exp(estimate)), good, p, note), good * influence


def _continuous(
    point: EndPoint, y: Floats, arm: NDArray[np.int64], baseline: Floats | None
) -> tuple[EffectSize, Floats]:
    import statsmodels.api as sm

    known = ~np.isnan(y) & (True if baseline is None else ~np.isnan(baseline))
    n = _counts(known, arm)
    if min(n) < _LEAST or sum(n) < _LEAST + 3:
        return _none(point, n, y.size, "too few patients")
    columns = [np.ones(sum(n)), arm[known].astype(float)]
    if baseline is not None and np.ptp(baseline[known]) > 0:
        columns.append(baseline[known] - baseline[known].mean())
    design = np.column_stack(columns)
    fit = sm.OLS(y[known], design).fit()
    crude = sm.OLS(y[known], design[:, :2]).fit()  # the SD of patients of an arm, whatever their baseline
    sigma = float(np.sqrt(crude.mse_resid))
    if sigma <= 1e-12 * max(float(np.abs(y[known]).max()), 1.0):
        return _none(point, n, y.size, "all patients alike, given the arm")
    beta, d = float(fit.params[1]), float(fit.params[1]) / sigma
    bread = np.linalg.inv(design.T @ design)
    spared = 1 - ((design @ bread) * design).sum(axis=1)
    alone = spared < _ALONE  # such a patient is fitted exactly
    of_beta = (design @ bread)[:, 1] * np.where(alone, 0.0, np.asarray(fit.resid) / np.sqrt(np.maximum(spared, _ALONE)))
    of_variance = (np.asarray(crude.resid) ** 2 - sigma**2) / sum(n)
    influence = np.zeros(y.size)
    influence[known] = TO_LOG_ODDS * (of_beta / sigma - beta / (2 * sigma**3) * of_variance)
    se = float(np.sqrt((influence**2).sum())) / TO_LOG_ODDS
    if se <= 0:
        return _none(point, n, y.size, "no variation left beside arm and baseline")
    good = point.sign
    item = EffectSize(
        point, n, good * TO_LOG_ODDS * d, TO_LOG_ODDS * se, beta, good * sigma / TO_LOG_ODDS, float(fit.pvalues[1])
    )
    return item, good * influence
