"""What a likelihood offers to the engines: the same model in NumPy and as a PyMC graph."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.likelihoods.site_marginal import SiteMarginal
from bayes_lupil.likelihoods.sites import Parameter, SiteModel
from bayes_lupil.spec import ModelSpec

__all__ = ["ARMS", "Likelihood", "Pointwise"]

ARMS = ("control", "active")
Floats = NDArray[np.float64]
Values = Mapping[str, Any]


@dataclass(frozen=True)
class Pointwise:
    """Numbers for each observation, with the dimensions after the leading (draw) axes and their coordinates."""

    name: str
    values: Any
    dims: tuple[str, ...]


class Likelihood(ABC):
    """A model file met with data.

    Attributes
    ----------
    sites : SiteModel
        Parameters of the sites and log odds by site and arm.
    site_names : tuple of str
    """

    spec: ModelSpec
    sites: SiteModel
    site_names: tuple[str, ...]

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """All free parameters with their priors."""
        return self.sites.parameters()

    @property
    def coords(self) -> dict[str, Any]:
        """Coordinates of every dimension used."""
        return {"site": list(self.site_names), "arm": list(ARMS)}

    @property
    def site_marginal(self) -> SiteMarginal | None:
        """The likelihood with the site effects integrated out; None where that cannot be done site by site."""
        return None

    def probabilities(self, values: Values) -> Floats:
        """Response probability by site and arm, shape (..., sites, 2)."""
        from scipy.special import expit

        return np.asarray(expit(self.sites.log_odds(values)))

    def log_prior(self, values: Values) -> Floats:
        """Log prior density of all parameters, shape (...)."""
        total = np.zeros(np.shape(values[self.parameters[0].name])[: self._leading(values)])
        for parameter in self.parameters:
            density = parameter.prior.logpdf(values[parameter.name])
            axes = tuple(range(total.ndim, density.ndim))
            total = total + density.sum(axis=axes)
        return total

    def _leading(self, values: Values) -> int:
        """Number of leading (draw) axes, read off any parameter."""
        first = self.parameters[0]
        return int(np.ndim(values[first.name])) - len(first.dims)

    def log_joint(self, values: Values) -> Floats:
        """Log prior plus log likelihood, shape (...)."""
        return self.log_prior(values) + self.log_likelihood(values)

    def prior_draws(self, draws: int, rng: np.random.Generator) -> dict[str, Floats]:
        """Draws of every parameter from its prior, leading axis `draws`."""
        sizes = {name: len(labels) for name, labels in self.coords.items()}
        return {
            item.name: item.prior.sample(rng, (draws, *(sizes[dim] for dim in item.dims))) for item in self.parameters
        }

    def pymc_model(self) -> Any:
        """The PyMC graph: parameters and likelihood, nothing derived."""
        import pymc as pm
        import pytensor

        # PyTensor would hold constants such as 1.5 in single precision, and their logarithms too
        double = pytensor.config.change_flags(cast_policy="numpy+floatX")
        with double, pm.Model(coords=self.coords) as model:
            values = {item.name: item.prior.pymc(item.name, item.dims) for item in self.parameters}
            self._observe(values)
        return model

    @abstractmethod
    def _observe(self, values: Values) -> None:
        """Add the data to the PyMC model in context."""

    @abstractmethod
    def log_likelihood(self, values: Values) -> Floats:
        """Log likelihood, shape (...)."""

    @abstractmethod
    def pointwise(self, values: Values) -> Pointwise:
        """Log likelihood of each observation, the unit of leave-one-out."""

    @abstractmethod
    def observed(self) -> Pointwise:
        """The counts fitted."""

    def constants(self) -> list[Pointwise]:
        """What the counts are conditional on, such as the number of patients by site and arm."""
        return []

    @abstractmethod
    def simulate(self, values: Values, rng: np.random.Generator) -> Pointwise:
        """Counts drawn given the parameters, with the dimensions of `observed`."""

    @abstractmethod
    def site_weights(self, values: Values) -> Floats:
        """Share of the trial's patients at each site, shape (sites,) or (..., sites), summing to 1."""
