"""How many cores the samplers and the compiled integrals may use at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from bayes_lupil.errors import InputError

__all__ = ["VARIABLE", "at_once", "usable_cores"]

VARIABLE = "BAYES_LUPIL_CORES"
Item = TypeVar("Item")
Made = TypeVar("Made")


def usable_cores() -> int:
    """Number of chains or threads to run at once: the environment variable BAYES_LUPIL_CORES, or every core.

    No result depends on it. It is read anew at each call.

    Returns
    -------
    int

    Raises
    ------
    InputError
        Where the variable is no positive whole number.

    Examples
    --------
    >>> from bayes_lupil.cores import usable_cores
    >>> usable_cores() >= 1
    True
    """
    asked = os.environ.get(VARIABLE, "").strip()
    if not asked:
        return os.cpu_count() or 1
    if not (asked.isascii() and asked.isdigit() and int(asked)):
        hint = f"Leave {VARIABLE} unset to use every core."
        raise InputError(f"environment variable {VARIABLE}", repr(asked), "a positive whole number of cores", hint)
    return int(asked)


def at_once(make: Callable[[Item], Made], items: Iterable[Item]) -> list[Made]:
    """What is made of each item, in their order; as many are made at once as there are cores to use.

    For fits by the fast engines, each of which leaves a core idle for much of its time.

    Examples
    --------
    >>> from bayes_lupil.cores import at_once
    >>> at_once(len, ["a", "bc"])
    [1, 2]
    """
    with ThreadPoolExecutor(usable_cores()) as pool:
        return list(pool.map(make, items))
