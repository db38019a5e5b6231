"""What every prior offers: log density, cdf, quantiles, draws (SciPy) and the same prior in PyMC."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field, StringConstraints

from bayes_lupil.documents import Document

__all__ = ["NO_REASON", "Floats", "Positive", "Prior"]

NO_REASON = "No reason given."
"""Stands in tables and reports where a prior was built in Python without one."""

Floats = NDArray[np.float64]
Positive = Annotated[float, Field(gt=0)]


class Prior(Document):
    """A prior for one quantity, with the reason for it.

    A family gives `_scipy` (a frozen SciPy distribution) and `_pymc` (name and arguments of the PyMC twin); a test
    holds the two against each other.
    """

    quantity: ClassVar[str] = ""
    """What the prior is stated for, where that is not the parameter itself; the name of the family begins with it."""

    reason: Annotated[str, StringConstraints(min_length=10, max_length=1000)]

    def _scipy(self) -> Any:
        raise NotImplementedError

    def _pymc(self) -> tuple[str, dict[str, float]]:
        raise NotImplementedError

    @property
    def tail(self) -> float:
        """Moments of an order below this exist; infinity where all of them do."""
        return np.inf

    @cached_property
    def _distribution(self) -> Any:
        """SciPy's, kept because it takes longer to make than to use."""
        return self._scipy()

    def logpdf(self, x: ArrayLike) -> Floats:
        """Log density at x."""
        return np.asarray(self._distribution.logpdf(x), dtype=float)

    def cdf(self, x: ArrayLike) -> Floats:
        """Probability of a value up to x."""
        return np.asarray(self._distribution.cdf(x), dtype=float)

    def ppf(self, q: ArrayLike) -> Floats:
        """Quantile, the inverse of `cdf`."""
        return np.asarray(self._distribution.ppf(q), dtype=float)

    def isf(self, q: ArrayLike) -> Floats:
        """Value exceeded with probability q: keeps its digits in the upper tail, where `ppf` cannot."""
        return np.asarray(self._distribution.isf(q), dtype=float)

    def from_normal(self, z: ArrayLike) -> Floats:
        """The value that a standard normal z stands for: a rising function that turns N(0, 1) into this prior."""
        from scipy.special import ndtr

        z = np.asarray(z, dtype=float)
        tail = ndtr(-np.abs(z))
        return np.where(z > 0, self.isf(tail), self.ppf(tail))

    def sample(self, rng: np.random.Generator, size: tuple[int, ...] = ()) -> Floats:
        """Draws of shape `size`."""
        return np.asarray(self._distribution.rvs(size=size, random_state=rng), dtype=float)

    def pymc(self, name: str, dims: tuple[str, ...] = ()) -> Any:
        """Add the prior to the PyMC model in context and return its random variable."""
        import pymc as pm

        family, arguments = self._pymc()
        # PyTensor would take a Python number that fits into float32 as one, and log(2.5) would lose nine digits
        exact = {key: np.float64(value) for key, value in arguments.items()}
        return getattr(pm, family)(name, dims=dims or None, **exact)

    def describe(self) -> str:
        """Family and arguments in words, for tables."""
        content = self.model_dump(exclude={"reason"})
        family = content.pop("family").replace("_", " ")
        if self.quantity:
            family = f"{self.quantity}:{family.removeprefix(self.quantity)}"
        return f"{family}({', '.join(f'{key} {value:g}' for key, value in content.items())})"
