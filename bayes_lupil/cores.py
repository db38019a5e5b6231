"""How many cores the samplers and the compiled integrals may use at once."""

from __future__ import annotations

import os

from bayes_lupil.errors import InputError

__all__ = ["VARIABLE", "usable_cores"]

VARIABLE = "BAYES_LUPIL_CORES"


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
