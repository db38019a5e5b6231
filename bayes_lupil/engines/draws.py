"""What an engine gives back: draws of the free parameters, before anything is derived from them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

__all__ = ["Draws", "most_draws", "said"]

_FEWEST, _NUMBERS = 800, 4_000_000


@dataclass(frozen=True)
class Draws:
    """Draws and what the sampler said of them.

    Attributes
    ----------
    values : dict of str to array
        Parameters by name, shape (chain, draw, ...).
    statistics : dict of str to array
        Sampler statistics, shape (chain, draw); 'diverging', which NUTS has, is boolean.
    sampler : str
        What ran, with its version.
    seconds : dict of str to float
        Durations of 'sample' and, where there is such a step, 'compile'.
    notes : tuple of str
        Anything a reader should know, such as a fallback.
    diagnostics : dict of str to float
        What the engine says of the result as a whole, such as 'pareto_k'.
    """

    values: dict[str, NDArray[np.float64]]
    statistics: dict[str, NDArray[np.generic]]
    sampler: str
    seconds: dict[str, float]
    notes: tuple[str, ...] = field(default=())
    diagnostics: dict[str, float] = field(default_factory=dict)


def most_draws(n_sites: int) -> int:
    """Most independent draws that are kept: fewer where there are so many sites that they would fill the memory."""
    return max(_FEWEST, _NUMBERS // n_sites)


@contextmanager
def said(progress: bool, what: str) -> Iterator[None]:
    """A line on the terminal while the work lasts."""
    if not progress:
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(what):
        yield
