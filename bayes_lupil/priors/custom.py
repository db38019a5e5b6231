"""A density that PyMC does not have, as a random variable of PyMC."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["custom"]


def custom(
    name: str,
    dims: tuple[str, ...],
    logp: Callable[..., Any],
    sample: Callable[..., Any],
    start: float,
    transform: Any = None,
    given: tuple[Any, ...] = (),
) -> Any:
    """Add a variable with the log density `logp(value, *given)` to the PyMC model in context.

    Draws of it come from `sample(rng, size, *given)`, the prior's own. NUTS starts from `start`, on the scale of
    `transform`.
    """
    import pymc as pm
    import pytensor.tensor as pt

    def support_point(rv: Any, size: Any, *_: Any) -> Any:
        return pt.full(size if rv.ndim else (), np.float64(start))  # asking rv for its shape would draw it

    # a custom distribution needs an argument; one without any gets a 0 that its density does not look at
    def density(value: Any, *arguments: Any) -> Any:
        return logp(value, *arguments[: len(given)])

    def draws(*arguments: Any, rng: np.random.Generator, size: tuple[int, ...] | None) -> Any:
        shape = np.broadcast_shapes(*map(np.shape, arguments)) if size is None else tuple(size)
        return np.asarray(sample(rng, shape, *arguments[: len(given)]), dtype=float)

    return pm.CustomDist(
        name,
        *(given or (0.0,)),
        logp=density,
        random=draws,
        support_point=support_point,
        dims=dims or None,
        default_transform=transform,
    )
