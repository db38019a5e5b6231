"""What the frequentist analyses are asked for, and the counts they take."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayes_lupil.errors import InputError

__all__ = ["counts_by_site", "level_of", "one_of"]

Counts = NDArray[np.int64]


def level_of(confidence: float) -> float:
    """The level of an interval.

    Raises
    ------
    InputError
        Unless it is a number between 0 and 1.
    """
    required = "a number between 0 and 1, such as 0.95"
    try:
        level = float(confidence)
    except (TypeError, ValueError) as error:
        raise InputError("confidence", repr(confidence), required) from error
    if not 0.0 < level < 1.0:
        raise InputError("confidence", repr(confidence), required)
    return level


def one_of(where: str, value: str, choices: Iterable[str]) -> None:
    """Refuse what is not one of the choices.

    Raises
    ------
    InputError
    """
    known = list(choices)
    if value not in known:
        raise InputError(where, repr(value), " or ".join(map(repr, known)))


def counts_by_site(responders: ArrayLike, n: ArrayLike) -> tuple[Counts, Counts]:
    """Responders and patients by site and arm, shape (sites, 2), as whole numbers.

    Raises
    ------
    InputError
        For other shapes, anything but whole numbers with 0 <= responders <= n, and no patient at all.

    Examples
    --------
    >>> counts_by_site([[1, 2.0]], [[3, 4]])
    (array([[1, 2]]), array([[3, 4]]))
    """
    x = _whole_numbers("responders", responders)
    m = _whole_numbers("n", n)
    if x.shape != m.shape:
        raise InputError("responders and n", f"shapes {x.shape} and {m.shape}", "the same shape")
    wrong = np.argwhere((x < 0) | (x > m))
    if len(wrong):
        site, arm = (int(i) for i in wrong[0])
        raise InputError(
            f"site {site} (row index), {'active' if arm else 'control'} arm",
            f"{x[site, arm]} responders of {m[site, arm]} patients",
            "0 <= responders <= n",
        )
    if m.sum() == 0:
        raise InputError("n", "no patient at any site", "at least one patient")
    return x, m


def _whole_numbers(name: str, values: ArrayLike) -> Counts:
    required = "whole numbers of shape (sites, 2), column 0 control and 1 active"
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise InputError(name, "rows of unequal length", required) from error
    if array.ndim != 2 or array.shape[1] != 2 or len(array) == 0:
        raise InputError(name, f"shape {array.shape}", required)
    # Floats that hold whole numbers come out of pandas wherever a column once had a gap.
    whole = array.dtype.kind == "f" and bool(np.isfinite(array).all()) and not (array != np.floor(array)).any()
    if array.dtype.kind not in "iu" and not whole:
        raise InputError(name, f"{array.dtype} values that are not all whole numbers", required)
    return array.astype(np.int64)
