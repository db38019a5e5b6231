"""Normal likelihood of one printed estimate: e ~ Normal(beta, s), both on the scale of its measure.

There are no sites and no level: the treatment effect beta, whose prior a model file gives for a log odds ratio, is the
only parameter.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.likelihoods.base import Likelihood, Pointwise
from bayes_lupil.likelihoods.site_effects import Parameter, SiteModel
from bayes_lupil.spec import ModelSpec
from bayes_lupil.trials.cells import ALL_SITES
from bayes_lupil.trials.estimates import Estimate

__all__ = ["EstimateLikelihood"]

Floats = NDArray[np.float64]
Values = Mapping[str, Any]

_LOG_2PI = np.log(2 * np.pi)
_DIMS = ("estimate",)


class EstimateLikelihood(Likelihood):
    """A model file, of which only the prior of the effect is used, met with an estimate.

    Parameters
    ----------
    spec : ModelSpec
        With pooled sites.
    data : Estimate
    """

    def __init__(self, spec: ModelSpec, data: Estimate) -> None:
        self.spec = spec
        self.data = data
        self.site_names = (ALL_SITES,)
        self.sites = SiteModel(spec, 1)

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The effect alone."""
        return (Parameter("beta", self.spec.priors.beta),)

    @property
    def coords(self) -> dict[str, Any]:
        """The estimate, by its measure."""
        return {"estimate": [self.data.kind.name]}

    @cached_property
    def site_marginal(self) -> Any:
        """Itself: nothing is left to be integrated out."""
        return _Marginal(self)

    def effect(self, values: Values) -> Floats:
        """The effect on the measure's scale, shape (...)."""
        return np.asarray(values["beta"])

    def log_likelihood(self, values: Values) -> Floats:
        """Normal log density of the estimate, shape (...)."""
        z = (self.data.value - np.asarray(values["beta"])) / self.data.se
        return np.asarray(-0.5 * (_LOG_2PI + z**2) - np.log(self.data.se))

    def pointwise(self, values: Values) -> Pointwise:
        """The same, with the dimension of the one estimate."""
        return Pointwise("y", self.log_likelihood(values)[..., None], _DIMS)

    def observed(self) -> Pointwise:
        """The estimate."""
        return Pointwise("y", np.array([self.data.value]), _DIMS)

    def constants(self) -> list[Pointwise]:
        """Its standard error."""
        return [Pointwise("se", np.array([self.data.se]), _DIMS)]

    def simulate(self, values: Values, rng: np.random.Generator) -> Pointwise:
        """Estimates of another trial like this one."""
        centre = np.asarray(values["beta"])[..., None]
        return Pointwise("y", rng.normal(centre, self.data.se), _DIMS)

    def site_weights(self, values: Values) -> Floats:  # noqa: ARG002
        """All patients at the one site."""
        return np.ones(1)

    def graph_data(self) -> dict[str, NDArray[np.number[Any]]]:
        """Estimate and standard error."""
        return {"y": np.array([self.data.value]), "se": np.array([self.data.se])}

    def _observe(self, values: Values) -> None:
        import pymc as pm

        data = {name: pm.Data(name, value, dims=_DIMS) for name, value in self.graph_data().items()}
        z = (data["y"] - values["beta"]) / data["se"]
        pm.Potential("log_likelihood", (-0.5 * (_LOG_2PI + z**2) - pm.math.log(data["se"])).sum())

    def _observe_drawn(self, values: Values) -> None:
        import pymc as pm

        data = self.graph_data()
        pm.Normal("y", values["beta"], data["se"], dims=_DIMS, observed=data["y"])

    def _derive(self, values: Values) -> None:
        """Nothing: the effect is the parameter itself."""


class _Marginal:
    """What the quadrature engine asks of a likelihood whose site effects are integrated out, where there are none."""

    def __init__(self, likelihood: EstimateLikelihood) -> None:
        self.likelihood = likelihood
        self.sites = likelihood.sites

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return self.likelihood.parameters

    def log_total(self, theta: dict[str, Floats], nodes: int, powers: Floats | None = None) -> tuple[Floats, int]:  # noqa: ARG002
        found = self.likelihood.log_likelihood(theta)
        return found if powers is None else found * powers[0], 0

    def log_sites(self, theta: dict[str, Floats], nodes: int) -> tuple[Floats, int]:  # noqa: ARG002
        return self.likelihood.log_likelihood(theta)[:, None], 0

    def most_draws(self, nodes: int) -> float:  # noqa: ARG002
        return np.inf

    def draw(self, theta: dict[str, Floats], seed: np.random.SeedSequence) -> dict[str, Floats]:  # noqa: ARG002
        return {}
