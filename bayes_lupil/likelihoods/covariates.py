"""Columns of patients' covariates as they enter a linear predictor: numbers, centred at the mean of all patients."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.characters import repeated
from bayes_lupil.errors import TrialError, UnsupportedModelError, nearest
from bayes_lupil.likelihoods.covariate_checks import (
    far_from_all,
    hardly_told_apart,
    refuse_dependence,
    refuse_what_is_known_otherwise,
)
from bayes_lupil.spec import Covariates
from bayes_lupil.trials.codes import nothing_recorded
from bayes_lupil.trials.measurements import Measurements
from bayes_lupil.trials.names import check_names
from bayes_lupil.trials.patients import Patients
from bayes_lupil.trials.values import canonical_text, number

__all__ = ["CovariateColumns", "columns_of", "covariate_columns"]

Floats = NDArray[np.float64]
Check = Callable[[str, Floats, NDArray[np.bool_]], None]

_MOST_CATEGORIES = 10
_SHOWN = 3
_LARGEST = 1e100  # squares of numbers beyond may be none
_DEPENDENT = 1e-8
"""Of the largest value: numbers no further apart than this are one number."""


@dataclass(frozen=True, eq=False)
class CovariateColumns:
    """What z_k are in logit p = ... + sum_k gamma_k z_k, or in the mean of a continuous end point.

    Attributes
    ----------
    names : tuple of str
        Of the coefficients, as 'gamma_age' and 'gamma_sex_male'.
    labels : tuple of str
        What a coefficient of 1 is the log odds ratio, or the difference, of: 'age, by SD (9.31)', 'sex: male v female'.
    z : array, shape (patients, columns)
        Over all patients in the data each has the mean 0; one of a number has the SD 1.
    cautions : tuple of str
        What must be known before the result: values that were missing, or lie far out; columns alike.
    """

    names: tuple[str, ...]
    labels: tuple[str, ...]
    z: Floats
    cautions: tuple[str, ...] = ()


def covariate_columns(covariates: Covariates, patients: Patients | Measurements, where: str) -> CovariateColumns:
    """The columns that a model names, from all patients of a trial.

    Mean, SD and the most frequent category are those of all patients in the data, whoever is analysed, so that a
    coefficient stands for the same with and without a site.

    Parameters
    ----------
    covariates : Covariates
    patients : Patients or Measurements
    where : str
        The model, for messages.

    Raises
    ------
    UnsupportedModelError
        Where the patients have no such column.
    TrialError
        For texts among numbers, one value only, values that are missing and may not be, a column that tells arm,
        site or response without exception, or one that the other columns tell.

    Examples
    --------
    >>> import numpy as np
    >>> columns = {"age": ("20", "30", "40", "50", "50"), "sex": ("f", "m", "f", "f", "m")}
    >>> arm, response = np.array([0, 1, 0, 1, 1]), np.array([0, 1, 1, 0, 1])
    >>> patients = Patients(("A",) * 5, arm, response, covariates=columns)
    >>> found = covariate_columns(Covariates(continuous=("age",), categorical=("sex",)), patients, "model 'mine'")
    >>> found.names, found.labels
    (('gamma_age', 'gamma_sex_m'), ('age, by SD (11.7)', 'sex: m v f'))
    >>> found.z.T.round(2).tolist()
    [[-1.54, -0.69, 0.17, 1.03, 1.03], [-0.4, 0.6, -0.4, -0.4, 0.6]]
    """

    def refuse(name: str, columns: Floats, missing: NDArray[np.bool_]) -> None:
        refuse_what_is_known_otherwise(name, columns, missing, patients)

    return columns_of(covariates, patients.covariates, where, refuse)


def columns_of(
    covariates: Covariates, known: Mapping[str, Sequence[str]], where: str, refuse: Check | None = None
) -> CovariateColumns:
    """As `covariate_columns`, from the texts of each column; `refuse` sees every column's values first."""
    if unknown := [name for name in covariates.columns if name not in known]:
        hint = f"{nearest(unknown[0], sorted(known))} " if known else ""
        hint += "Others are named by --continuous, --categorical ... of fit, or in the model file."
        named = " and ".join(f"no column '{name}'" for name in unknown)
        raise UnsupportedModelError(
            where, f"{named} of the patients beside site, arm, outcome and populations", "the columns of [covariates]",
            hint,
        )  # fmt: skip
    names: list[str] = []
    labels: list[str] = []
    columns: list[Floats] = []
    cautions: list[str] = []
    for name in covariates.columns:
        numbers = name in covariates.continuous or name in covariates.splines
        texts = [text.strip() for text in known[name]]
        levels = [canonical_text(level) for level in covariates.ordered.get(name, ())]  # as values are read
        missing = np.array([text not in levels and nothing_recorded(text, numbers) for text in texts])
        if missing.any() and covariates.missing == "refused":
            raise TrialError(
                f"column '{name}'", f"no value for {missing.sum()} of {len(texts)} patients ({_shown(texts, missing)})",
                "a value for everyone",
                "Or say beforehand, in a model file (bayes-lupil models site_effects_adjusted prints one), what is "
                "done with them: covariates.missing = 'indicator' keeps them, with the mean for a number and a "
                "coefficient of their own.",
            )  # fmt: skip
        if numbers:
            made = _numbers(name, texts, missing, covariates.splines.get(name, 1))
        elif name in covariates.ordered:
            made = _steps(name, levels, texts, missing)
        else:
            made = _categories(name, texts, missing)
        if missing.any():
            kept = "a category" if name in covariates.categorical else "the mean and a coefficient"
            found = f"no value for {missing.sum()} of {len(texts)} patients"
            cautions.append(f"covariate '{name}': {found}, who have {kept} of their own")
        if numbers:
            cautions += _far(name, texts, missing)
        if refuse is not None:
            refuse(name, np.column_stack([values for *_, values in made]), missing)
        for label, slug, values in made:
            names.append(_unlike(f"gamma_{_slug(slug)}", names))
            labels.append(label)
            columns.append(values - values.mean())
    z = np.column_stack(columns)
    refuse_dependence(labels, z)
    if close := hardly_told_apart(labels, z):
        told = "what is of the one and what of the other comes mostly from the prior of the coefficients"
        cautions.append(f"covariates that can hardly be told apart ({'; '.join(close)}): {told}")
    return CovariateColumns(tuple(names), tuple(labels), z, tuple(cautions))


def _shown(texts: Sequence[str], chosen: NDArray[np.bool_]) -> str:
    """Which texts there are, and how often each."""
    counts = Counter(text for text, one in zip(texts, chosen, strict=True) if one)
    some = ", ".join(f"{repr(text) if text else 'nothing'} {count} times" for text, count in counts.most_common(_SHOWN))
    return some if len(counts) <= _SHOWN else f"{some}, ..."


def _numbers(
    name: str, texts: Sequence[str], missing: NDArray[np.bool_], degrees: int
) -> list[tuple[str, str, Floats]]:
    """(label, name, values) of numbers over their SD, of a spline's curves, and of an indicator of those missing."""
    values = np.full(len(texts), np.nan)
    wrong = np.zeros(len(texts), dtype=bool)
    for i, text in enumerate(texts):
        if not missing[i]:
            found = number(text)
            wrong[i] = found is None or abs(found) > _LARGEST
            values[i] = np.nan if found is None else found
    if wrong.any():
        hint = "Decimal points are read, commas not; a column of categories belongs into covariates.categorical."
        required = f"numbers up to {_LARGEST:g}, as [covariates] says"
        raise TrialError(f"column '{name}'", _shown(texts, wrong), required, hint)
    seen = values[~missing]
    if seen.size == 0 or seen.max() - seen.min() <= _DEPENDENT * np.abs(seen).max():
        raise TrialError(f"column '{name}'", _one_value(texts, missing), "values that differ")
    sd = float(seen.std())
    columns = [(f"{name}, by SD ({sd:.3g})", name, np.where(missing, 0.0, (values - seen.mean()) / sd))]
    for k, curve in enumerate(_curves(name, seen, degrees).T if degrees > 1 else (), 1):
        bent = np.zeros(len(texts))
        bent[~missing] = curve
        columns.append((f"{name}: curve {k} of {degrees - 1} beside the line", f"{name}_curve_{k}", bent))
    if missing.any():
        told = f"{name}: missing ({_shown(texts, missing)}) v known"
        columns.append((told, f"{name}_missing", missing.astype(float)))
    return columns


def _far(name: str, texts: Sequence[str], missing: NDArray[np.bool_]) -> list[str]:
    """That values lie so far from all others that they may be errors, and weigh heavily in any case."""
    values = np.array([number(text) for text, gone in zip(texts, missing, strict=True) if not gone], dtype=float)
    told = [f"{value:g} ({away:g} SDs)" for value, away in far_from_all(values)]
    if not told:
        return []
    some = ", ".join(told[:_SHOWN]) + (", ..." if len(told) > _SHOWN else "")
    middle = f"from the median, {np.median(values):g}, in SDs as the quartiles tell them"
    return [f"covariate '{name}': far from all others ({middle}), and of great weight: {some}"]


def _categories(name: str, texts: Sequence[str], missing: NDArray[np.bool_]) -> list[tuple[str, str, Floats]]:
    """(label, name, values) of an indicator of each category but the most frequent one."""
    held = np.where(missing, "missing", np.array(texts, dtype=object))
    check_names(
        tuple(text for text, gone in zip(texts, missing, strict=True) if not gone), "category", f"column '{name}'"
    )
    counts = Counter(held)
    if len(counts) == 1:
        raise TrialError(f"column '{name}'", _one_value(texts, missing), "values that differ")
    if len(counts) > _MOST_CATEGORIES:
        hint = "Numbers belong into covariates.continuous; rare categories can be put together in the file."
        raise TrialError(f"column '{name}'", f"{len(counts)} categories", f"{_MOST_CATEGORIES} or fewer", hint)
    reference = min(set(counts) - {"missing"}, key=lambda category: (-counts[category], category))
    others = sorted(category for category in counts if category != reference)
    return [(f"{name}: {one} v {reference}", f"{name}_{one}", (held == one).astype(float)) for one in others]


def _curves(name: str, x: Floats, degrees: int) -> Floats:
    """What a natural cubic spline adds to a straight line, shape (patients, degrees - 1).

    The cardinal splines (1 at one knot and 0 at the others, with no curvature at the outer ones) span it; less what a
    constant and a line tell of them, their orthonormal basis, times the root of the number of patients, has SDs of 1.
    """
    from scipy.interpolate import make_interp_spline

    different = np.unique(x)
    knots = np.quantile(different, np.linspace(0, 1, degrees + 1))  # as mgcv and patsy place them
    if different.size > degrees and (np.diff(knots) <= _DEPENDENT * np.ptp(x)).any():
        found = f"knots at {', '.join(f'{knot:.3g}' for knot in knots)}, too close beside so wide a range"
        raise TrialError(f"column '{name}'", found, "values that are less askew", "Look for outliers, or take logs.")
    if different.size <= degrees:
        required = f"{degrees + 1} or more, as a spline of {degrees} degrees of freedom has knots"
        hint = "Use fewer degrees of freedom in covariates.splines, or covariates.ordered."
        raise TrialError(f"column '{name}'", f"{different.size} different values", required, hint)
    scaled = (x - x.mean()) / x.std()
    at = (knots - x.mean()) / x.std()
    cardinal = make_interp_spline(at, np.eye(degrees + 1), bc_type="natural")(scaled)
    line = np.column_stack([np.ones(x.size), scaled])
    rest = cardinal - line @ np.linalg.lstsq(line, cardinal, rcond=None)[0]
    # the two functions that a line spans are gone: what is left has degrees - 1 singular values above rounding
    basis = np.linalg.svd(rest, full_matrices=False)[0][:, : degrees - 1] * np.sqrt(x.size)
    # a sign is the library's choice: positive at the largest value
    return np.asarray(basis * np.where(basis[np.argmax(x)] < 0, -1.0, 1.0))


def _steps(
    name: str, levels: Sequence[str], texts: Sequence[str], missing: NDArray[np.bool_]
) -> list[tuple[str, str, Floats]]:
    """(label, name, values) of each step up of ordered categories, and of an indicator of those missing."""
    if twice := repeated(levels):
        raise TrialError(f"column '{name}'", f"category '{twice}' twice in covariates.ordered", "each category once")
    if missing.all():
        raise TrialError(f"column '{name}'", _one_value(texts, missing), "values that differ")
    unknown = np.array([text not in levels for text in texts]) & ~missing
    if unknown.any():
        required = f"one of the categories of covariates.ordered ({', '.join(levels)})"
        hint = nearest(texts[int(np.argmax(unknown))], levels)
        raise TrialError(f"column '{name}'", _shown(texts, unknown), required, hint)
    if empty := [level for level in levels if level not in texts]:
        raise TrialError(f"column '{name}'", f"no patient with '{empty[0]}'", "patients of every category declared")
    place = np.array([levels.index(text) if text in levels else -1 for text in texts])
    columns = []
    for k, level in enumerate(levels[1:], 1):
        at_least = (place >= k).astype(float)
        above = " or higher" if k < len(levels) - 1 else ""
        label = f"{name}: {level}{above} v {levels[k - 1]}{' or lower' if k > 1 else ''}"
        columns.append((label, f"{name}_step_{level}", np.where(missing, at_least[~missing].mean(), at_least)))
    if missing.any():
        columns.append(
            (f"{name}: missing ({_shown(texts, missing)}) v known", f"{name}_missing", missing.astype(float))
        )
    return columns


def _one_value(texts: Sequence[str], missing: NDArray[np.bool_]) -> str:
    return "no value at all" if missing.all() else f"'{texts[int(np.argmin(missing))]}' of every patient"


def _slug(text: str) -> str:
    """As the name of a variable: letters, digits and underscores."""
    return re.sub(r"[\W_]+", "_", text).strip("_").lower() or "column"


def _unlike(name: str, taken: Sequence[str]) -> str:
    """The name, with a number where it is taken."""
    found, k = name, 2
    while found in taken:
        found, k = f"{name}_{k}", k + 1
    return found
