"""A prior and a likelihood as one density, for NumPy."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.likelihoods.site_effects import Parameter

__all__ = ["Density"]

Floats = NDArray[np.float64]
Values = Mapping[str, Any]


class Density(ABC):
    """Base of what has parameters with priors and a likelihood of data."""

    @property
    @abstractmethod
    def parameters(self) -> tuple[Parameter, ...]:
        """All free parameters with their priors."""

    @property
    @abstractmethod
    def coords(self) -> dict[str, Any]:
        """Coordinates of every dimension used."""

    @abstractmethod
    def log_likelihood(self, values: Values) -> Floats:
        """Log likelihood, shape (...)."""

    def log_prior(self, values: Values) -> Floats:
        """Log prior density of all parameters, shape (...)."""
        first = self.parameters[0]  # any parameter has the leading axes, those of draws
        shape = np.shape(values[first.name])
        total = np.zeros(shape[: len(shape) - len(first.dims)])
        for parameter in self.parameters:
            density = parameter.logpdf(values)
            axes = tuple(range(total.ndim, density.ndim))
            total = total + density.sum(axis=axes)
        return total

    def log_joint(self, values: Values) -> Floats:
        """Log prior plus log likelihood, shape (...)."""
        return self.log_prior(values) + self.log_likelihood(values)

    def prior_draws(self, draws: int, rng: np.random.Generator) -> dict[str, Floats]:
        """Draws of every parameter from its prior, leading axis `draws`."""
        sizes = {name: len(labels) for name, labels in self.coords.items()}
        found: dict[str, Floats] = {}
        for item in self.parameters:
            found[item.name] = item.sample(rng, (draws, *(sizes[dim] for dim in item.dims)), found)
        return found
