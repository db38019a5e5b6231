"""What a likelihood offers to the engines: the same model in NumPy and as a PyMC graph."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.errors import UnsupportedModelError
from bayes_lupil.likelihoods.binomial_marginal import SiteMarginal
from bayes_lupil.likelihoods.density import Density
from bayes_lupil.likelihoods.site_effects import Parameter, SiteModel
from bayes_lupil.spec import ModelSpec, Sampler

__all__ = ["ARMS", "Likelihood", "Marginal", "Pointwise", "by_arm", "numbered", "refuse_countries", "refuse_covariates"]

ARMS = ("control", "active")
Floats = NDArray[np.float64]
Values = Mapping[str, Any]


def by_arm(found: Mapping[str, Any]) -> Floats:
    """From 'site', or 'control' and 'active', each of shape (..., sites), to (..., sites, 2)."""
    if "site" in found:
        return np.stack([found["site"]] * 2, axis=-1)
    nothing = np.zeros_like(next(iter(found.values())))
    return np.stack([found.get(arm, nothing) for arm in ARMS], axis=-1)


@dataclass(frozen=True)
class Pointwise:
    """Numbers for each observation, with the dimensions after the leading (draw) axes.

    Coordinates are those of the likelihood, and `coords` of dimensions that only these numbers have.
    """

    name: str
    values: Any
    dims: tuple[str, ...]
    coords: Mapping[str, list[str]] = field(default_factory=dict)


def numbered(countries: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Names of the countries, and the number of each site's.

    Examples
    --------
    >>> numbered(("Spain", "Italy", "Spain"))
    (('Spain', 'Italy'), (0, 1, 0))
    """
    names = tuple(dict.fromkeys(countries))
    return names, tuple(names.index(name) for name in countries)


def refuse_countries(spec: ModelSpec) -> None:
    """Refuse a model with countries above the sites, where the question takes sites one by one.

    Raises
    ------
    UnsupportedModelError
    """
    if spec.countries is not None:
        raise UnsupportedModelError(
            f"model '{spec.name}'", "countries above the sites", "a model without [countries]",
            "Sites of one country are not independent given the parameters that all sites share. What a fit without a "
            "site or a country says: bayes_lupil.fit with without_sites (Cells.sites_in names those of a country).",
        )  # fmt: skip


def refuse_covariates(spec: ModelSpec) -> None:
    """Refuse a model with covariates, where the question takes all patients of a site and arm for alike.

    Raises
    ------
    UnsupportedModelError
    """
    if spec.covariates is not None:
        raise UnsupportedModelError(
            f"model '{spec.name}'", f"covariates of patients ({', '.join(spec.covariates.columns)})",
            "a model without [covariates]",
            "Patients of one site and arm differ by their covariates; this question takes them for alike. A fit, its "
            "effect averaged over the trial's patients, and the trial without a site can be had.",
        )  # fmt: skip


class Marginal(Protocol):
    """A likelihood with its site effects integrated out; see `SiteMarginal` and `NestedMarginal`."""

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """Theta."""

    def most_draws(self, nodes: int) -> float:
        """At how many draws of theta the integrals take about a minute on two cores; infinite where they are cheap."""

    def log_total(self, theta: dict[str, Floats], nodes: int, powers: Floats | None = None) -> tuple[Floats, int]:
        """Log likelihood, shape (draws,), and how many integrals failed."""

    def draw(self, theta: dict[str, Floats], seed: np.random.SeedSequence) -> dict[str, Floats]:
        """Parameters of single sites (and countries) given theta, shape (draws, sites)."""


class Likelihood(Density):
    """A model file met with data.

    Attributes
    ----------
    sites : SiteModel
        Parameters of the sites and linear predictor by site and arm.
    site_names : tuple of str
    country_names : tuple of str
        Of the countries, where they are a level of the model.
    log_pooled : float
        What the log probability of the whole table of sites is above that of the totals, whatever the parameters, where
        a model that pools all sites was met with the totals: the log evidence is of the table, as other models' is.
    """

    spec: ModelSpec
    sites: SiteModel
    site_names: tuple[str, ...]
    country_names: tuple[str, ...] = ()
    log_pooled: float = 0.0
    coefficient_labels: Mapping[str, str] = MappingProxyType({})
    """What the coefficients of covariates are the log odds ratios of, by name."""
    site_by_site = True
    """Whether sites are independent given the parameters that they share, so that `site_marginal` has one term each."""
    why_no_marginal = ""
    """Why `marginal` is None, where it is."""

    @property
    def sampler(self) -> Sampler:
        """Settings of the engine."""
        return self.spec.sampler

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """All free parameters with their priors."""
        return self.sites.parameters()

    @property
    def coords(self) -> dict[str, Any]:
        """Coordinates of every dimension used."""
        countries = {"country": list(self.country_names)} if self.country_names else {}
        return {"site": list(self.site_names), "arm": list(ARMS), **countries}

    @property
    def site_marginal(self) -> SiteMarginal | None:
        """The likelihood with the site effects integrated out; None where that cannot be done site by site."""
        return None

    @property
    def marginal(self) -> Marginal | None:
        """What the quadrature engine integrates: `site_marginal`, or where sites lie in countries, that of these."""
        return self.site_marginal

    def probabilities(self, values: Values) -> Floats:
        """Response probability by site and arm, shape (..., sites, 2), averaged over the site's patients."""
        from scipy.special import expit

        log_odds = np.asarray(self.sites.linear_predictor(values), dtype=float)
        return np.asarray(expit(log_odds, out=log_odds))

    def log_probabilities(self, values: Values, side: int) -> Floats:
        """Log of the probability of a response (`side` 1) or of none (-1), shape (..., sites, 2), to all its digits."""
        from scipy.special import log_expit

        return np.asarray(log_expit(side * self.sites.linear_predictor(values)))

    def average_risk(self, log_odds: Floats, values: Values, side: int) -> Floats:  # noqa: ARG002
        """Probability of a response (`side` 1) or of none (-1) at some log odds, averaged over the trial's patients.

        `log_odds`, shape (..., 2), are by arm and of a patient whose covariates are the mean ones.
        """
        from scipy.special import expit

        return np.asarray(expit(side * log_odds))

    def pymc_model(self, drawn: bool = False) -> Any:
        """The PyMC graph: parameters and likelihood.

        Parameters
        ----------
        drawn : bool
            Whether the data are an observed variable that PyMC can draw too, with site effects and probabilities beside
            it; else they are a potential, and nothing is derived.
        """
        import pymc as pm
        import pytensor

        # PyTensor would hold constants such as 1.5 in single precision, and their logarithms too
        double = pytensor.config.change_flags(cast_policy="numpy+floatX")
        with double, pm.Model(coords=self.coords) as model:
            values: dict[str, Any] = {}
            for item in self.parameters:
                values[item.name] = item.pymc(values)
            if drawn:
                self._derive(values)
                self._observe_drawn(values)
            else:
                self._observe(values)
        return model

    def _derive(self, values: Values) -> None:
        """Add site effects and response probabilities (or means) to the PyMC model in context."""
        import pymc as pm

        if len(self.sites.linear_predictors(values)) > 1:
            return  # they depend on the component of each site, which is summed out
        for name, effect in self.sites.effects(values).items():
            pm.Deterministic(name, effect, dims="site")
        for name, effect in self.sites.country_effects(values).items():
            pm.Deterministic(name, effect, dims="country")
        centre = self.sites.linear_predictor(values)
        dims = ("site", "arm")
        if self.spec.continuous:
            pm.Deterministic("mean", centre, dims=dims)
        else:
            pm.Deterministic("p", pm.math.sigmoid(centre), dims=dims)

    def with_components(self, values: Values, rng: np.random.Generator) -> dict[str, Any]:
        """Values with the component of every site drawn given the data, where an engine left it open."""
        return self.sites.with_components(values, rng)

    def outlier_probability(self, values: Values) -> Pointwise | None:
        """Probability that a site is outlying, by arm, or not exchangeable, by site; None where sites are no mixture.

        Its mean over draws is the posterior probability. Draws of the deviations say 0 or 1; where site effects can be
        integrated out, the probability given the shared parameters alone is steadier.
        """
        found = self.sites.outlying(values)
        if not found:
            return None
        return Pointwise("outlier", by_arm(found), ("site", "arm"))

    def country_outlier_probability(self, values: Values) -> Pointwise | None:
        """Probability that a country is outlying, by arm; None where countries are no mixture.

        Here which deviate at each draw: 0 or 1, of the same mean.
        """
        found = self.sites.outlying_countries(values)
        return Pointwise("outlier_country", by_arm(found), ("country", "arm")) if found else None

    @abstractmethod
    def _observe(self, values: Values) -> None:
        """Add the data to the PyMC model in context, each of `graph_data` as a data container."""

    @abstractmethod
    def _observe_drawn(self, values: Values) -> None:
        """The same density as an observed variable, which PyMC can draw."""

    @abstractmethod
    def graph_data(self) -> dict[str, NDArray[np.number[Any]]]:
        """Data that may be exchanged in a compiled graph, by the name of their container."""

    def graph_key(self) -> str:
        """Alike where two likelihoods differ in nothing of their graphs but the data."""
        model = self.spec.to_dict()
        arrays = {name: (value.shape, str(value.dtype)) for name, value in self.graph_data().items()}
        countries = (model["countries"], self.sites.country) if self.sites.country else ()
        return repr((model["sites"], model["priors"], self.coords, arrays, *countries))

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
