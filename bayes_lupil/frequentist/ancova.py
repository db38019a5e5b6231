"""Analysis of covariance: the change of each arm against control, adjusted for baseline and site.

Any number of arms in one model, so that all of them share one residual SD, as in the tables that trials publish. The
two-sided p of a contrast is what `gatekeeping.fixed_sequence` takes, in the prespecified order, one step each:
`Hypothesis("ADAS-Cog, high dose", contrast.p)`. That function sees no signs: where an effect points to harm, a small p
must not open the next gate, and whoever calls it has to hold the sign against the declared direction of benefit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayes_lupil.errors import InputError, nearest
from bayes_lupil.frequentist.arguments import level_of
from bayes_lupil.frequentist.two_by_two import Interval
from bayes_lupil.frozen import ReadOnly

__all__ = ["AdjustedMean", "Ancova", "MeanDifference", "ancova"]

Floats = NDArray[np.float64]

_NO_VARIATION = 1e-12


@dataclass(frozen=True, slots=True)
class MeanDifference:
    """A difference of two arms, active minus control, on the scale of the outcome.

    Attributes
    ----------
    estimate, se : float
        Estimate and standard error.
    df : float
        Degrees of freedom of the t distribution behind p and interval.
    p : float
        Two-sided.
    interval : Interval
        Estimate and a quantile of t times the standard error, either way.
    """

    estimate: float
    se: float
    df: float
    p: float
    interval: Interval


@dataclass(frozen=True, slots=True)
class AdjustedMean:
    """Mean outcome if all patients of the trial, with their sites and baselines, had been in one arm."""

    estimate: float
    se: float


@dataclass(frozen=True, slots=True)
class Ancova(ReadOnly):
    """A fitted model: outcome = site + arm + slope * baseline + error; made by `ancova`.

    Attributes
    ----------
    level : float
        Of the intervals, as a probability.
    control : str
        The arm that all others are held against.
    contrasts : dict of str to MeanDifference or None
        By active arm, in order of appearance. None where the data do not say, and `notes` says why.
    means : dict of str to AdjustedMean
        By arm, control first; empty where a contrast is None. Averaged over the patients, not over the sites (SAS
        averages over sites alike), so that their differences are the contrasts and their weights the trial's own.
    sigma : float
        Residual SD.
    df : int
        Residual degrees of freedom.
    baseline_slope, baseline_slope_se : float or None
        Change of the outcome with one unit of the baseline.
    n : dict of str to int
        Patients by arm, control first.
    n_sites : int
        1 where sites were left out of the model.
    one_arm_sites : tuple of str
        Sites with patients of one arm only. They take part, but add to the effect through the baseline slope and the
        residual SD alone.
    notes : tuple of str
        One sentence for each term of the model that could not be estimated.
    untold : tuple of int
        Which columns of the covariates, from 0, have no coefficient, because they say nothing that the others, site and
        arm do not say.
    """

    level: float
    control: str
    contrasts: dict[str, MeanDifference | None]
    means: dict[str, AdjustedMean]
    sigma: float
    df: int
    baseline_slope: float | None
    baseline_slope_se: float | None
    n: dict[str, int]
    n_sites: int
    one_arm_sites: tuple[str, ...]
    notes: tuple[str, ...]
    untold: tuple[int, ...] = ()


def ancova(
    y: ArrayLike,
    arm: Sequence[str],
    site: Sequence[str] | None,
    baseline: ArrayLike | None = None,
    *,
    control: str,
    level: float = 0.95,
    covariates: ArrayLike | None = None,
) -> Ancova:
    """Fit the model by least squares (statsmodels OLS).

    Parameters
    ----------
    y : array_like of float, shape (patients,)
        Outcome, such as the change of a score. Complete cases: whoever calls removes or imputes the others.
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
        For missing values, an unknown control arm, no arm that can be told from the sites, or no residual variation.

    Notes
    -----
    A term that is a combination of others is told, not silently shared out: a baseline that is the same within every
    site leaves the model, and an arm that no site joins to control has no contrast. Contrasts of other arms do not
    depend on how such terms are parted.

    Examples
    --------
    >>> fit = ancova([1.0, 2.0, 4.0, 6.0], ["c", "c", "a", "a"], ["1", "2", "1", "2"], control="c")
    >>> round(fit.contrasts["a"].estimate, 3), fit.df, fit.n
    (3.5, 1, {'c': 2, 'a': 2})
    """
    import statsmodels.api as sm

    where, confidence = "ANCOVA", level_of(level)
    rows = patient_rows(where, y, arm, site, baseline, control, covariates)
    design = Design(rows, rows.site)
    df = len(rows.y) - len(design.kept)
    if df < 1:
        raise InputError(where, f"{len(rows.y)} patients and as many parameters", "more patients than parameters")
    result = sm.OLS(rows.y, design.matrix[:, design.kept]).fit()
    sigma = float(np.sqrt(result.scale))
    if sigma <= _NO_VARIATION * max(float(np.abs(rows.y).max()), 1.0):
        raise InputError(where, "no residual variation", "patients that the model does not predict exactly")

    limits = result.conf_int(alpha=1.0 - confidence)
    contrasts: dict[str, MeanDifference | None] = {}
    for name, column in zip(rows.arms[1:], design.arm_columns, strict=True):
        contrasts[name] = None
        if column in design.told:
            i = design.kept.index(column)
            interval = Interval(float(limits[i, 0]), float(limits[i, 1]), "t")
            contrasts[name] = MeanDifference(
                float(result.params[i]), float(result.bse[i]), float(df), float(result.pvalues[i]), interval
            )
    notes = design.notes()
    if all(contrast is None for contrast in contrasts.values()):
        raise InputError(
            where, "; ".join(notes), "a site with patients of an active arm and of control",
            "Without a site term (site=None) arms are compared over all sites.",
        )  # fmt: skip
    means = {}
    if all(contrasts.values()):
        profile = design.matrix.mean(axis=0)
        for i, name in enumerate(rows.arms):
            profile[design.arm_columns] = np.arange(1, len(rows.arms)) == i
            found = result.t_test(profile[design.kept])
            means[name] = AdjustedMean(float(found.effect.item()), float(found.sd.item()))
    slope = design.kept.index(design.baseline_column) if design.baseline_column in design.told else None
    return Ancova(
        level=confidence,
        control=control,
        contrasts=contrasts,
        means=means,
        sigma=sigma,
        df=df,
        baseline_slope=None if slope is None else float(result.params[slope]),
        baseline_slope_se=None if slope is None else float(result.bse[slope]),
        n=rows.n(),
        n_sites=len(rows.sites),
        one_arm_sites=rows.one_arm_sites(),
        notes=notes,
        untold=tuple([k for k, column in enumerate(design.covariate_columns) if column not in design.told]),
    )


@dataclass(frozen=True, slots=True)
class PatientRows(ReadOnly):
    """Patients, checked: complete, of known arms; shared by the regressions of this room."""

    y: Floats
    arms: tuple[str, ...]
    """Control first, then the active arms in order of appearance."""
    arm: NDArray[np.intp]
    sites: tuple[str, ...]
    site: NDArray[np.intp]
    """All 0 where sites are left out."""
    baseline: Floats | None
    """Minus its mean."""
    baseline_mean: float
    covariates: Floats | None = None
    """Further columns, shape (patients, columns)."""

    def n(self) -> dict[str, int]:
        return {name: int((self.arm == i).sum()) for i, name in enumerate(self.arms)}

    def one_arm_sites(self) -> tuple[str, ...]:
        if len(self.sites) == 1:
            return ()
        return tuple(name for i, name in enumerate(self.sites) if len(set(self.arm[self.site == i].tolist())) == 1)

    def take(self, chosen: NDArray[np.bool_], keep_arms: bool = False) -> PatientRows:
        """Some of the patients; sites without any are dropped, and arms unless kept; the mean of the baseline stays."""
        arms, arm = np.unique(self.arm[chosen], return_inverse=True)
        if keep_arms:
            arms, arm = np.arange(len(self.arms)), self.arm[chosen]
        sites, site = np.unique(self.site[chosen], return_inverse=True)
        return PatientRows(
            self.y[chosen], tuple(self.arms[i] for i in arms), arm, tuple(self.sites[i] for i in sites), site,
            None if self.baseline is None else self.baseline[chosen], self.baseline_mean,
            None if self.covariates is None else self.covariates[chosen],
        )  # fmt: skip


def patient_rows(
    where: str,
    y: ArrayLike,
    arm: Sequence[str],
    site: Sequence[str] | None,
    baseline: ArrayLike | None,
    control: str,
    covariates: ArrayLike | None = None,
) -> PatientRows:
    """Check what came in; the messages name `where`, the argument and the row."""
    outcome = _complete(f"{where}, outcome", y)
    size = len(outcome)
    if not size:
        raise InputError(where, "no patients", "at least one in each of two arms")
    arm_names = _names(f"{where}, arm", arm, size)
    site_names: tuple[str, ...] = ("",)
    site_index = np.zeros(size, dtype=np.intp)
    if site is not None:
        given = _names(f"{where}, site", site, size)
        site_names = tuple(dict.fromkeys(given))
        place = {name: i for i, name in enumerate(site_names)}
        site_index = np.array([place[name] for name in given], dtype=np.intp)
    known = tuple(dict.fromkeys(arm_names))
    if control not in known:
        raise InputError(f"{where}, control", f"'{control}'", "the name of an arm", nearest(control, known))
    arms = (control, *(name for name in known if name != control))
    if len(arms) == 1:
        raise InputError(f"{where}, arm", f"'{control}' alone", "at least one active arm")
    index = {name: i for i, name in enumerate(arms)}
    centred, mean = None, 0.0
    if baseline is not None:
        values = _complete(f"{where}, baseline", baseline, size)
        mean = float(values.mean())
        centred = values - mean
        if np.abs(centred).max() <= _NO_VARIATION * np.abs(values).max():  # one value, and rounding
            centred = np.zeros(size)
    columns = None
    if covariates is not None:
        columns = np.asarray(covariates, dtype=float)
        if columns.ndim != 2 or len(columns) != size or not np.isfinite(columns).all():
            found = f"shape {columns.shape}" if columns.ndim != 2 or len(columns) != size else "missing values"
            raise InputError(f"{where}, covariates", found, "a row of finite numbers for each patient")
    return PatientRows(
        outcome, arms, np.array([index[name] for name in arm_names], dtype=np.intp), site_names, site_index,
        centred, mean, columns,
    )  # fmt: skip


def _complete(where: str, values: ArrayLike, size: int | None = None) -> Floats:
    try:
        array = np.asarray(values, dtype=float)
    except (TypeError, ValueError) as error:
        raise InputError(where, "something else than numbers", "a number for each patient") from error
    if array.ndim != 1 or (size is not None and len(array) != size):
        raise InputError(where, f"shape {array.shape}", "one number for each patient")
    wrong = ~np.isfinite(array)
    if wrong.any():
        found = f"{int(wrong.sum())} of {len(array)} missing or not finite, first in row {int(np.argmax(wrong)) + 1}"
        raise InputError(where, found, "complete cases", "Remove these patients, or impute them openly, beforehand.")
    return array


def _names(where: str, names: Sequence[str], size: int) -> list[str]:
    if isinstance(names, str) or len(names) != size:
        raise InputError(where, f"{len(names)} values", f"one name for each of {size} patients")
    for i, name in enumerate(names):
        if not isinstance(name, str) or not name:
            raise InputError(f"{where}, row {i + 1}", repr(name), "a name")
    return [str(name) for name in names]


class Design:
    """Columns of a regression on intercept, sites, covariates, baseline and arms; which their data can tell apart."""

    def __init__(self, rows: PatientRows, site: NDArray[np.intp]) -> None:
        sites = site[:, None] == np.arange(1, site.max() + 1)
        baseline = np.empty((len(rows.y), 0)) if rows.baseline is None else rows.baseline[:, None]
        covariates = np.empty((len(rows.y), 0)) if rows.covariates is None else rows.covariates
        active = rows.arm[:, None] == np.arange(1, len(rows.arms))
        self.matrix: Floats = np.hstack([np.ones((len(rows.y), 1)), sites, covariates, baseline, active]).astype(float)
        width = self.matrix.shape[1]
        self.arm_columns = list(range(width - active.shape[1], width))
        before = 1 + sites.shape[1]
        self.covariate_columns = list(range(before, before + covariates.shape[1]))
        self.baseline_column = None if rows.baseline is None else self.arm_columns[0] - 1
        self._arms = rows.arms
        self.kept = list(range(width))
        """Columns of full rank that span all of them."""
        baselines = [] if self.baseline_column is None else [self.baseline_column]
        asked = [*self.arm_columns, *baselines, *self.covariate_columns]
        self.told = set(asked)
        """Columns of arms, baseline and covariates that are no combination of others: their coefficients exist."""
        size = np.linalg.norm(self.matrix, axis=0)
        # the triangle has the same dependences as the columns, and is small
        triangle = np.linalg.qr(self.matrix / np.where(size > 0, size, 1.0), mode="r")
        rank = int(np.linalg.matrix_rank(triangle))
        if rank < width:
            from scipy.linalg import qr

            self.told = {j for j in asked if np.linalg.matrix_rank(np.delete(triangle, j, axis=1)) < rank}
            self.kept = sorted(int(j) for j in qr(triangle, mode="r", pivoting=True)[1][:rank])

    def notes(self) -> tuple[str, ...]:
        """What could not be told apart."""
        found = []
        if self.baseline_column is not None and self.baseline_column not in self.told:
            found.append("baseline: no slope, it says nothing that site and arm do not say")
        found += [
            f"{name!r} against {self._arms[0]!r}: does not exist, no site joins them, directly or by other arms"
            for name, column in zip(self._arms[1:], self.arm_columns, strict=True)
            if column not in self.told
        ]
        return tuple(found)
