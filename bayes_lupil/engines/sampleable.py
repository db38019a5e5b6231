"""What the No-U-Turn Sampler needs of something that can be sampled."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.likelihoods.site_effects import Parameter
from bayes_lupil.spec import Sampler

__all__ = ["Sampleable"]


class Sampleable(Protocol):
    """A density of parameters as a PyMC graph, with the settings to sample it by: a `Likelihood`, or a joint model."""

    @property
    def sampler(self) -> Sampler:
        """Chains, draws, seed and backend."""

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """All free parameters with their priors."""

    def pymc_model(self) -> Any:
        """The PyMC graph."""

    def graph_data(self) -> dict[str, NDArray[np.number[Any]]]:
        """Data that may be exchanged in a compiled graph, by the name of their container."""

    def graph_key(self) -> str:
        """Alike where two graphs differ in nothing but these data."""
