"""Whether arm and site can be told apart: which sites have patients of both arms."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["CLUSTERS", "is_confounded", "is_one_armed"]

CLUSTERS = "no site has patients of both arms"
"""How the warning begins that arm and site cannot be told apart."""


def is_one_armed(patients: NDArray[np.int64]) -> NDArray[np.bool_]:
    """At which sites an arm has no patients, shape (sites,); `patients` by site and arm.

    Examples
    --------
    >>> is_one_armed(np.array([[3, 4], [2, 0]])).tolist()
    [False, True]
    """
    found: NDArray[np.bool_] = (patients == 0).any(axis=1)
    return found


def is_confounded(patients: NDArray[np.int64]) -> bool:
    """Whether, of several sites, none has patients of both arms; `patients` by site and arm.

    Examples
    --------
    >>> is_confounded(np.array([[3, 0], [0, 4]])), is_confounded(np.array([[3, 4], [2, 0]]))
    (True, False)
    """
    return len(patients) > 1 and bool(is_one_armed(patients).all())
