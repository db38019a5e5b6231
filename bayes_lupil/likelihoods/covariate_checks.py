"""What columns of covariates may not be, and what of them must be known before the result."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.errors import TrialError
from bayes_lupil.trials.measurements import Measurements
from bayes_lupil.trials.patients import Patients

__all__ = [
    "far_from_all", "follows", "hardly_told_apart", "refuse_dependence", "refuse_what_is_known_otherwise", "separated",
    "told_by_others",
]  # fmt: skip

Floats = NDArray[np.float64]

_DEPENDENT = 1e-8
"""Of a column's length: what is left of it beside the others and is no more than this is rounding."""
_TOLD = 0.01
"""Of the variance of outcomes: where covariates leave no more than this, they were made of the outcome."""
_FAR = 15.0
"""Spreads from the median, of which nobody lies so far in a normal distribution and few in one whose logarithm is."""
_INFLATED = 100.0
"""Factor by which the others inflate the variance of a coefficient (1 / (1 - R^2)), above which it is told."""


def refuse_what_is_known_otherwise(
    name: str, values: Floats, missing: NDArray[np.bool_], patients: Patients | Measurements
) -> None:
    """Refuse a column that is the outcome, the arm or the site under another name, or was made after the outcome.

    Parameters
    ----------
    name : str
    values : array, shape (patients, columns)
    missing : array of bool, shape (patients,)
    patients : Patients or Measurements

    Raises
    ------
    TrialError
    """
    _, value = np.unique(values, axis=0, return_inverse=True)
    value = value.ravel()
    site = np.unique(np.array(patients.site), return_inverse=True)[1]
    if isinstance(patients, Patients):
        y, found = patients.response, "values that tell without exception who responded"
        # of a number with a spline or missing values, the first column is the number itself
        told = _separated(values[~missing, 0], y[~missing]) or (_tells(value, y) and value.max() < y.size // 2)
    else:
        both, found = ~missing & patients.measured, "values from which each patient's outcome follows"
        told = follows(patients.value[both], values[both])
    if told:
        hint = "Is it the outcome, or was it measured after treatment? A covariate is known before."
    elif _tells(value, patients.arm) and value.max() < value.size // 2:
        found, hint = "values that tell without exception who was in which arm", "The arm is no covariate."
    elif site.max() and _tells(value, site) and _tells(site, value):
        found, hint = "a value of its own for each site", "Sites have their effects already."
    else:
        return
    raise TrialError(f"column '{name}'", found, "a covariate, which patients of either arm and any outcome share", hint)


def _separated(values: Floats, y: NDArray[np.int64]) -> bool:
    """Whether all values of responders lie on one side of all others'."""
    if not 0 < y.sum() < y.size:
        return False
    one, other = values[y == 1], values[y == 0]
    return bool(one.min() > other.max() or one.max() < other.min())


def follows(y: Floats, columns: Floats) -> bool:
    """Whether y is a constant and multiples of the columns, but for at most 1 % of its variance.

    Nothing that was known before treatment tells that much; the outcome in other units or rounded does. Of residuals
    the mean square is counted, so that many columns of few patients do not count as telling them.

    Parameters
    ----------
    y : array, shape (patients,)
    columns : array, shape (patients, columns)

    Examples
    --------
    >>> x = np.array([[0.0, 1.0, 3.0, 4.0, 6.0]]).T
    >>> follows(np.array([1.0, 3.1, 7.0, 8.9, 13.0]), x), follows(np.array([1.0, 5.0, 7.0, 8.0, 13.0]), x)
    (True, False)
    """
    design = np.column_stack([np.ones(y.size), columns])
    rank = int(np.linalg.matrix_rank(design)) if y.size else 0
    if y.size <= rank or np.ptp(y) == 0:
        return False
    away = y - y.mean()
    rest = away - design @ np.linalg.lstsq(design, away, rcond=None)[0]
    return bool((rest @ rest) / (y.size - rank) <= _TOLD * (away @ away) / (y.size - 1))


def _tells(value: NDArray[np.int64], other: NDArray[np.int64]) -> bool:
    """Whether whoever has the same value has the same of the other, which differs between patients."""
    pairs = np.unique(np.column_stack([value, other]), axis=0)
    return len(np.unique(other)) > 1 and len(pairs) == len(np.unique(value))


def told_by_others(z: Floats) -> list[int]:
    """Columns that a constant and the columns before them tell exactly: their coefficients come from the prior.

    Parameters
    ----------
    z : array, shape (patients, columns)

    Examples
    --------
    >>> told_by_others(np.array([[0.0, 1.0, 3.0], [0.0, 2.0, 5.0], [0.0, 4.0, 9.0]]))
    [0, 2]
    """
    design, found = np.column_stack([np.ones(len(z)), z]), []
    for k in range(1, design.shape[1]):
        before, own = design[:, :k], design[:, k]
        rest = own - before @ np.linalg.lstsq(before, own, rcond=None)[0]
        if np.linalg.norm(rest) <= _DEPENDENT * np.linalg.norm(own):
            found.append(k - 1)
    return found


def hardly_told_apart(labels: Sequence[str], z: Floats) -> list[str]:
    """Columns whose coefficient the others make ten times as uncertain as it would be alone, or more.

    Parameters
    ----------
    labels : sequence of str
    z : array, shape (patients, columns)
        Of mean 0 and of full rank.

    Examples
    --------
    >>> z = np.array([[-1.0, -1.0, 1.0], [0.0, 0.01, -2.0], [1.0, 0.99, 1.0]])
    >>> hardly_told_apart(("a", "c"), z[:, [0, 2]]), hardly_told_apart(("a", "b"), z[:, :2])
    ([], ['a', 'b'])
    """
    scaled = z / np.sqrt((z**2).sum(axis=0))
    # the diagonal of the inverse of a correlation matrix holds 1 / (1 - R^2) of each column on the others
    inflation = (np.linalg.pinv(scaled) ** 2).sum(axis=1)
    return [label for label, factor in zip(labels, inflation, strict=True) if factor > _INFLATED]


def far_from_all(values: Floats) -> list[tuple[float, float]]:
    """Values far from all others, each with its distance from the median in SDs as the quartiles tell them.

    Parameters
    ----------
    values : array, shape (patients,)

    Examples
    --------
    >>> far_from_all(np.array([52.0, 55, 58, 61, 550]))
    [(550.0, 111.0)]
    """
    lower, middle, upper = np.quantile(values, [0.25, 0.5, 0.75])
    spread = (upper - lower) / 1.349  # of a normal distribution the SD
    if spread == 0:
        return []
    away = np.abs(values - middle) / spread
    return [(float(value), float(round(far))) for value, far in sorted({*zip(values, away, strict=True)}) if far > _FAR]


def separated(labels: Sequence[str], z: Floats, y: NDArray[np.int64]) -> list[str]:
    """Indicators whose patients, those with it or those without, all responded or all did not.

    The likelihood of such a coefficient has no maximum: what keeps it finite is its prior.

    Parameters
    ----------
    labels : sequence of str
    z : array, shape (patients, columns)
    y : array, shape (patients,)
        1 of responders, 0 of others.

    Examples
    --------
    >>> z = np.array([[0.0, 1.0, 0.0, 0.0, 1.0], [0.2, 0.1, 0.4, 0.3, 0.5]]).T
    >>> separated(("sex: m v f", "age"), z, np.array([1, 0, 0, 1, 0]))
    ['sex: m v f']
    """
    found = []
    for label, column in zip(labels, z.T, strict=True):
        two = np.unique(column)
        if two.size == 2 and any(np.unique(y[column == value]).size == 1 for value in two):
            found.append(label)
    return found


def refuse_dependence(labels: Sequence[str], z: Floats) -> None:
    """Refuse a column that the others tell exactly.

    Raises
    ------
    TrialError
    """
    if told := told_by_others(z):
        k = told[0]
        raise TrialError(
            f"covariate '{labels[k]}'", f"what the others tell exactly ({'; '.join(labels[:k])})",
            "a column that says something of its own", "Leave one of them out.",
        )  # fmt: skip
