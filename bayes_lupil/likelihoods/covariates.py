"""Columns of patients' covariates as they enter a linear predictor: numbers, centred at the mean of all randomised."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.errors import TrialError, UnsupportedModelError, nearest
from bayes_lupil.spec import Covariates
from bayes_lupil.trials.codes import is_missing
from bayes_lupil.trials.patients import Patients
from bayes_lupil.trials.values import number

__all__ = ["CovariateColumns", "covariate_columns"]

Floats = NDArray[np.float64]

_MOST_CATEGORIES = 10
_SHOWN = 3


@dataclass(frozen=True, eq=False)
class CovariateColumns:
    """What z_k are in logit p = ... + sum_k gamma_k z_k.

    Attributes
    ----------
    names : tuple of str
        Of the coefficients, as 'gamma_age' and 'gamma_sex_male'.
    labels : tuple of str
        What a coefficient of 1 is the log odds ratio of: 'age, by SD (9.31)', 'sex: male v female'.
    z : array, shape (patients, columns)
        Over all patients of the trial each has the mean 0; one of a number has the SD 1.
    """

    names: tuple[str, ...]
    labels: tuple[str, ...]
    z: Floats


def covariate_columns(covariates: Covariates, patients: Patients, where: str) -> CovariateColumns:
    """The columns that a model names, from all patients of a trial.

    Mean, SD and the most frequent category are those of all patients, whoever is analysed, so that a coefficient
    stands for the same with and without a site.

    Parameters
    ----------
    covariates : Covariates
    patients : Patients
    where : str
        The model, for messages.

    Raises
    ------
    UnsupportedModelError
        Where the patients have no such column.
    TrialError
        For texts among numbers, one value only, or values that are missing and may not be.

    Examples
    --------
    >>> import numpy as np
    >>> columns = {"age": ("20", "30", "40", "50"), "sex": ("f", "m", "f", "f")}
    >>> patients = Patients(("A",) * 4, np.array([0, 1, 0, 1]), np.array([0, 1, 1, 0]), covariates=columns)
    >>> found = covariate_columns(Covariates(continuous=("age",), categorical=("sex",)), patients, "model 'mine'")
    >>> found.names, found.labels
    (('gamma_age', 'gamma_sex_m'), ('age, by SD (11.2)', 'sex: m v f'))
    >>> found.z.T.round(2).tolist()
    [[-1.34, -0.45, 0.45, 1.34], [-0.25, 0.75, -0.25, -0.25]]
    """
    known = patients.covariates
    if unknown := [name for name in covariates.columns if name not in known]:
        hint = nearest(unknown[0], sorted(known)) if known else "Site, arm, outcome and populations are no covariates."
        named = " and ".join(f"no column '{name}'" for name in unknown)
        raise UnsupportedModelError(where, f"{named} of the patients", "the columns of [covariates]", hint)
    names: list[str] = []
    labels: list[str] = []
    columns: list[Floats] = []
    for name in covariates.columns:
        texts = [text.strip() for text in known[name]]
        missing = np.array([is_missing(text) for text in texts])
        if missing.any() and covariates.missing == "refused":
            raise TrialError(
                f"column '{name}'", f"no value for {missing.sum()} of {len(texts)} patients", "a value for everyone",
                "Or say beforehand what becomes of them: covariates.missing = 'indicator' keeps them, with the mean "
                "for a number and a coefficient of their own.",
            )  # fmt: skip
        make = _numbers if name in covariates.continuous else _categories
        for label, slug, values in make(name, texts, missing):
            names.append(_unlike(f"gamma_{_slug(slug)}", names))
            labels.append(label)
            columns.append(values - values.mean())
    return CovariateColumns(tuple(names), tuple(labels), np.column_stack(columns))


def _numbers(name: str, texts: Sequence[str], missing: NDArray[np.bool_]) -> list[tuple[str, str, Floats]]:
    """(label, name, values) of a column of numbers over their SD, and of an indicator of those missing."""
    values = np.full(len(texts), np.nan)
    wrong: Counter[str] = Counter()
    for i, text in enumerate(texts):
        if missing[i]:
            continue
        found = number(text)
        if found is None:
            wrong[text] += 1
        else:
            values[i] = found
    if wrong:
        shown = ", ".join(f"'{text}' ({count} times)" for text, count in wrong.most_common(_SHOWN))
        hint = "Decimal points are read, commas not; a column of categories belongs into covariates.categorical."
        raise TrialError(f"column '{name}'", shown, "numbers, as covariates.continuous says", hint)
    seen = values[~missing]
    if seen.size == 0 or seen.min() == seen.max():
        raise TrialError(f"column '{name}'", _one_value(texts, missing), "values that differ")
    sd = float(seen.std())
    columns = [(f"{name}, by SD ({sd:.3g})", name, np.where(missing, 0.0, (values - seen.mean()) / sd))]
    if missing.any():
        columns.append((f"{name}: missing v known", f"{name}_missing", missing.astype(float)))
    return columns


def _categories(name: str, texts: Sequence[str], missing: NDArray[np.bool_]) -> list[tuple[str, str, Floats]]:
    """(label, name, values) of an indicator of each category but the most frequent one."""
    held = np.where(missing, "missing", np.array(texts, dtype=object))
    counts = Counter(held)
    if len(counts) == 1:
        raise TrialError(f"column '{name}'", _one_value(texts, missing), "values that differ")
    if len(counts) > _MOST_CATEGORIES:
        hint = "Numbers belong into covariates.continuous; rare categories can be put together in the file."
        raise TrialError(f"column '{name}'", f"{len(counts)} categories", f"{_MOST_CATEGORIES} or fewer", hint)
    reference = min(counts, key=lambda category: (-counts[category], category))
    others = sorted(category for category in counts if category != reference)
    return [(f"{name}: {one} v {reference}", f"{name}_{one}", (held == one).astype(float)) for one in others]


def _one_value(texts: Sequence[str], missing: NDArray[np.bool_]) -> str:
    return "no value at all" if missing.all() else f"'{texts[int(np.argmin(missing))]}' of every patient"


def _slug(text: str) -> str:
    """As the name of a variable: letters, digits and underscores."""
    return re.sub(r"\W+", "_", text).strip("_").lower() or "column"


def _unlike(name: str, taken: Sequence[str]) -> str:
    """The name, with a number where it is taken."""
    found, k = name, 2
    while found in taken:
        found, k = f"{name}_{k}", k + 1
    return found
