"""Logistic regression adjusted for baseline and site, and the risk difference standardised from it.

The coefficient of an arm is a conditional log odds ratio: between patients of the same site and baseline. The
standardised risk difference is the marginal one: the mean, over all patients of the trial, of the fitted probability
were they in the active arm minus the same in the control arm (g-computation). Both are what FDA guidance of 2023
describes (Adjusting for Covariates in Randomized Clinical Trials for Drugs and Biological Products, III.C); the
standard error is by the delta method (Ge et al. 2011, Drug Inf J 45:481-493).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayes_lupil.errors import InputError
from bayes_lupil.frequentist.ancova import Design, PatientRows, patient_rows
from bayes_lupil.frequentist.arguments import level_of
from bayes_lupil.frequentist.logistic import LogOddsRatio
from bayes_lupil.frequentist.two_by_two import Interval
from bayes_lupil.frozen import ReadOnly

__all__ = ["AdjustedContrast", "AdjustedLogistic", "RiskDifference", "adjusted_logistic"]

Floats = NDArray[np.float64]

_WHERE = "adjusted logistic regression"
_SEPARATED = 1e-4


@dataclass(frozen=True, slots=True)
class RiskDifference:
    """A risk difference, active minus control, as a probability.

    Attributes
    ----------
    estimate, se : float
        Estimate and standard error.
    p : float
        Two-sided, by the normal distribution.
    interval : Interval
        Normal, cut at -1 and 1.
    """

    estimate: float
    se: float
    p: float
    interval: Interval


@dataclass(frozen=True, slots=True)
class AdjustedContrast:
    """One active arm against control."""

    odds_ratio: LogOddsRatio
    """Conditional, on the log scale, with the model's standard error."""
    difference: RiskDifference
    """Standardised over the patients of the trial."""


@dataclass(frozen=True, slots=True)
class AdjustedLogistic(ReadOnly):
    """A fitted model: logit P(response) = site + arm + slope * baseline + covariates; made by `adjusted_logistic`.

    Attributes
    ----------
    level : float
        Of the intervals, as a probability.
    control : str
        The arm that all others are held against.
    contrasts : dict of str to AdjustedContrast or None
        By active arm, in order of appearance. None where there is no finite estimate, and `notes` says why.
    risks : dict of str to float
        Standardised risk by arm, for the arms with an estimate, control first; empty without any.
    baseline_slope, baseline_slope_se : float or None
        Log odds ratio of one unit of the baseline.
    responders, n : dict of str to int
        By arm, control first.
    n_sites : int
        1 where sites were left out of the model.
    one_outcome_sites : tuple of str
        Sites where nobody, or everybody, responded.
    notes : tuple of str
        One sentence for each estimate that does not exist, and for patients who did not take part in the fit.
    """

    level: float
    control: str
    contrasts: dict[str, AdjustedContrast | None]
    risks: dict[str, float]
    baseline_slope: float | None
    baseline_slope_se: float | None
    responders: dict[str, int]
    n: dict[str, int]
    n_sites: int
    one_outcome_sites: tuple[str, ...]
    notes: tuple[str, ...]


def adjusted_logistic(
    response: ArrayLike,
    arm: Sequence[str],
    site: Sequence[str] | None,
    baseline: ArrayLike | None = None,
    *,
    control: str,
    level: float = 0.95,
    covariates: ArrayLike | None = None,
) -> AdjustedLogistic:
    """Fit the model by maximum likelihood (statsmodels GLM) and standardise it over the trial's patients.

    The standard errors of the risk differences are of the delta method with the covariance of the maximum likelihood
    estimates, as Ge et al.; they take the patients' sites and baselines for given, and the model for true.

    Parameters
    ----------
    response : array_like of 0 and 1, shape (patients,)
        Complete cases: whoever calls removes or imputes the others.
    arm, site : sequence of str, shape (patients,)
        Arm and site of each patient; `site=None` leaves sites out of the model.
    baseline : array_like of float, shape (patients,), optional
        Baseline value of each patient.
    control : str
        Name of the control arm.
    level : float
        Of the intervals.
    covariates : array_like of float, shape (patients, columns), optional
        Further columns of the model, such as indicators of categories.

    Raises
    ------
    InputError
        For missing values, a response that is not 0 or 1, or an unknown control arm.

    Notes
    -----
    A site where nobody or everybody responded says nothing about the odds ratio, and its own coefficient is infinite.
    Its fitted probabilities are 0 (or 1) in either arm: it does not take part in the fit, but stays in the
    standardisation with a difference of 0, which is the limit of the maximum likelihood fit.

    Whether the other estimates are finite is settled before the fit, by linear programming: there is no maximum where
    some combination of coefficients never contradicts a response (Albert and Anderson 1984, Biometrika 71:1; Konis
    2007, thesis, Oxford). An arm whose coefficient takes part in such a combination has no estimate here (the
    Mantel-Haenszel risk difference of `stratified` may exist); its patients leave the model of the other arms.

    Examples
    --------
    One site and no baseline: the crude table, 15/20 against 8/20.

    >>> y, arm = [1] * 8 + [0] * 12 + [1] * 15 + [0] * 5, ["c"] * 20 + ["a"] * 20
    >>> fit = adjusted_logistic(y, arm, None, control="c").contrasts["a"]
    >>> print(f"{fit.difference.estimate:.3f} ({fit.difference.se:.4f}), log OR {fit.odds_ratio.estimate:.4f}")
    0.350 (0.1462), log OR 1.5041
    """
    confidence = level_of(level)
    rows = patient_rows(_WHERE, response, arm, site, baseline, control, covariates)
    wrong = (rows.y != 0) & (rows.y != 1)
    if wrong.any():
        i = int(np.argmax(wrong))
        raise InputError(f"{_WHERE}, response, row {i + 1}", f"{rows.y[i]:g}", "0 or 1")
    empty = AdjustedLogistic(
        level=confidence,
        control=control,
        contrasts=dict.fromkeys(rows.arms[1:]),
        risks={},
        baseline_slope=None,
        baseline_slope_se=None,
        responders={name: int(rows.y[rows.arm == i].sum()) for i, name in enumerate(rows.arms)},
        n=rows.n(),
        n_sites=len(rows.sites),
        one_outcome_sites=tuple(rows.sites[i] for i in np.flatnonzero(_one_outcome(rows))) if site is not None else (),
        notes=(),
    )
    return _fitted(empty, rows)


def _one_outcome(rows: PatientRows) -> NDArray[np.bool_]:
    """By site, whether nobody or everybody responded."""
    n = np.bincount(rows.site)
    responders = np.bincount(rows.site, weights=rows.y)
    return np.asarray((responders == 0) | (responders == n))


def _fitted(empty: AdjustedLogistic, rows: PatientRows) -> AdjustedLogistic:
    """The result with what these patients tell; calls itself without the arms that have no finite estimate."""
    import statsmodels.api as sm

    nothing = "odds ratio and risk difference: do not exist, "
    set_aside = _one_outcome(rows)[rows.site]
    if set_aside.all():
        where = "" if len(rows.sites) == 1 else " at every site"
        return _with_note(empty, f"{nothing}all patients{where} have the same outcome")
    # An arm without patients in the fit keeps its column, of zeros, and is found to have no estimate.
    chosen = rows.take(~set_aside, keep_arms=True)
    design = Design(chosen, chosen.site)
    endless = _endless(design, chosen.y)
    if endless.intersection(design.covariate_columns):
        return _with_note(empty, f"{nothing}the covariates tell without a contradiction who responds")
    if design.baseline_column in endless:
        return _with_note(empty, f"{nothing}the baseline tells without a contradiction who responds")
    columns = dict(zip(rows.arms[1:], design.arm_columns, strict=True))
    lost = [name for name, column in columns.items() if column in endless or column not in design.told]
    if lost:
        for name in lost:
            infinite = columns[name] in endless
            why = "no response contradicts an infinite effect" if infinite else "no site in the fit joins them"
            rest = "" if len(lost) == len(columns) else "; its patients take no part in the comparison of the others"
            empty = _with_note(empty, f"{name!r} against {empty.control!r}: does not exist, {why}{rest}")
        if len(lost) == len(columns):
            return empty
        return _fitted(empty, rows.take(~np.isin(rows.arm, [rows.arms.index(name) for name in lost])))

    if set_aside.any():
        count = int(_one_outcome(rows).sum())
        empty = _with_note(
            empty,
            f"{int(set_aside.sum())} patients at {count} {'site' if count == 1 else 'sites'} where nobody or everybody "
            "responded: not in the fit, in the standardised risk difference with a difference of 0",
        )
    if design.baseline_column is not None and design.baseline_column not in design.told:
        empty = _with_note(empty, *design.notes())
    x = design.matrix[:, design.kept]
    model, stop = sm.GLM(chosen.y, x, family=sm.families.Binomial()), {"tol": 1e-10, "tol_criterion": "params"}
    # standard errors are of the weights before the last step, which can be the first one: so one more, from the maximum
    fit = model.fit(start_params=model.fit(maxiter=100, **stop).params, maxiter=100, **stop)
    if not fit.converged:
        return _with_note(empty, f"{nothing}the fit did not converge")
    fitted = _Fit(design, chosen.y, np.asarray(fit.params), np.asarray(fit.cov_params()), rows.y[set_aside])
    limits = fit.conf_int(alpha=1.0 - empty.level)
    contrasts = {**empty.contrasts}
    for i, (name, column) in enumerate(columns.items(), start=1):
        j = design.kept.index(column)
        interval = Interval(float(limits[j, 0]), float(limits[j, 1]), "Wald")
        odds_ratio = LogOddsRatio(float(fit.params[j]), float(fit.bse[j]), float(fit.pvalues[j]), interval)
        contrasts[name] = AdjustedContrast(odds_ratio, fitted.difference(i, empty.level))
    slope = design.kept.index(design.baseline_column) if design.baseline_column in design.told else None
    return replace(
        empty,
        contrasts=contrasts,
        risks={name: fitted.risk(i) for i, name in enumerate(rows.arms)},
        baseline_slope=None if slope is None else float(fit.params[slope]),
        baseline_slope_se=None if slope is None else float(fit.bse[slope]),
    )


def _with_note(result: AdjustedLogistic, *notes: str) -> AdjustedLogistic:
    return replace(result, notes=(*result.notes, *notes))


def _endless(design: Design, y: Floats) -> set[int]:
    """Columns of arms, baseline and covariates whose coefficient can run away without the likelihood ever falling.

    Directions d with x_i d >= 0 for every responder and <= 0 for every other patient. With both outcomes at every site
    any such direction takes in an arm, the baseline or a covariate, so that these columns are all that needs a look.
    """
    from scipy.optimize import linprog

    x = design.matrix[:, design.kept]
    toward = np.unique(np.where(y == 1, 1.0, -1.0)[:, None] * x / np.abs(x).max(axis=0), axis=0)
    found = set()
    for column in design.told:
        for sign in (-1.0, 1.0):
            goal = np.zeros(x.shape[1])
            goal[design.kept.index(column)] = sign
            best = linprog(goal, A_ub=-toward, b_ub=np.zeros(len(toward)), bounds=(-1, 1), method="highs")
            if best.status != 0 or -best.fun > _SEPARATED:
                found.add(column)
    return found


@dataclass(frozen=True, slots=True)
class _Fit:
    """A fit, to be standardised."""

    design: Design
    y: Floats
    parameters: Floats
    covariance: Floats
    set_aside: Floats
    """Responses at sites where all are the same, shape (patients there,)."""

    def _arm(self, i: int) -> tuple[Floats, Floats, Floats]:
        """Were all patients in arm i: design, fitted probabilities, their slope in the logit."""
        x = self.design.matrix.copy()
        x[:, self.design.arm_columns] = np.arange(1, len(self.design.arm_columns) + 1) == i
        x = x[:, self.design.kept]
        p = _expit(x @ self.parameters)
        return x, p, p * (1 - p)

    def risk(self, i: int) -> float:
        """Standardised risk in arm i."""
        return float(np.concatenate([self._arm(i)[1], self.set_aside]).mean())

    def difference(self, i: int, level: float) -> RiskDifference:
        """Standardised risk difference of arm i against control."""
        from scipy.stats import norm

        (x1, p1, w1), (x0, p0, w0) = self._arm(i), self._arm(0)
        size = len(self.y) + len(self.set_aside)
        estimate = float((p1 - p0).sum() / size)
        gradient = (w1 @ x1 - w0 @ x0) / size
        se = float(np.sqrt(gradient @ self.covariance @ gradient))
        reach = float(norm.isf((1 - level) / 2)) * se
        method = "delta method, model variance"
        interval = Interval(max(-1.0, estimate - reach), min(1.0, estimate + reach), method)
        return RiskDifference(estimate, se, float(2 * norm.sf(abs(estimate) / se)), interval)


def _expit(logit: Floats) -> Floats:
    from scipy.special import expit

    return np.asarray(expit(logit), dtype=float)
