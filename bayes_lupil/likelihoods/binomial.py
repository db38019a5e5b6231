"""Binomial likelihood of counts by site and arm: y_sa ~ Binomial(n_sa, p_sa)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.integrals.cell_table import CellTable
from bayes_lupil.likelihoods.base import ARMS, Likelihood, Pointwise, by_arm, refuse_countries, refuse_covariates
from bayes_lupil.likelihoods.binomial_marginal import SiteMarginal
from bayes_lupil.likelihoods.site_effects import NONEXCHANGEABLE, SiteModel
from bayes_lupil.spec import ModelSpec
from bayes_lupil.trials.cells import Cells

__all__ = ["BinomialCells"]

Floats = NDArray[np.float64]


def _log_ways(cells: Cells) -> Floats:
    """Log of the number of ways in which the responders could be spread over the patients of each cell."""
    from scipy.special import gammaln

    y, n = cells.responders, cells.n
    return np.asarray(gammaln(n + 1) - gammaln(y + 1) - gammaln(n - y + 1))


def _log_binomial(y: Any, eta: Any, n: Any) -> Any:
    """Log density of responders given the log odds, cell by cell, as a graph."""
    import pytensor.tensor as pt

    choose = pt.gammaln(n + 1) - pt.gammaln(y + 1) - pt.gammaln(n - y + 1)
    # not pm.Binomial, whose density is 0 from a log odds of 37 on, where 1 - p rounds to 0
    return choose - y * pt.softplus(-eta) - (n - y) * pt.softplus(eta)


def _log_mixture(y: Any, share: Any, eta: Any, other_share: Any, other_eta: Any, n: Any) -> Any:
    """Log density of both arms of a site that is of one of two components, site by site, as a graph."""
    import pytensor.tensor as pt

    components = [(share, eta), (other_share, other_eta)]
    return pt.logsumexp(pt.stack([pt.log(c) + pt.sum(_log_binomial(y, e, n), -1) for c, e in components]), axis=0)


def _draw_binomial(eta: Any, n: Any, rng: np.random.Generator, size: tuple[int, ...] | None) -> Any:
    from scipy.special import expit

    return rng.binomial(n, expit(eta), size)


def _draw_mixture(
    share: Any, eta: Any, other_share: Any, other_eta: Any, n: Any, rng: np.random.Generator, size: Any
) -> Any:
    """Responders in both arms of a mixture of two components, shape (..., 2); the two shares sum to 1."""
    shape = np.broadcast_shapes(np.shape(share), np.shape(eta)[:-1]) if size is None else tuple(size)
    other = rng.random(shape) < np.broadcast_to(other_share, shape)
    return _draw_binomial(np.where(other[..., None], other_eta, eta), n, rng, None)


class BinomialCells(Likelihood):
    """A model file met with a table of sites, or with its totals.

    Parameters
    ----------
    spec : ModelSpec
    cells : Cells
        The table, or its totals.
    table : Cells, optional
        The table that totals are of, where it is known.
    """

    adjusts = False
    """Whether covariates of patients are part of it."""

    def __init__(self, spec: ModelSpec, cells: Cells, table: Cells | None = None) -> None:
        if table is not None:
            self.log_pooled = float(_log_ways(table).sum() - _log_ways(cells).sum())
        if self.site_by_site:
            refuse_countries(spec)  # they would be left out in silence
        if not self.adjusts:
            refuse_covariates(spec)
        self.spec = spec
        self.cells = cells
        self.site_names = cells.sites
        self.sites = SiteModel(spec, len(cells.sites))

    @cached_property
    def site_marginal(self) -> SiteMarginal:
        """The likelihood with the site effects integrated out."""
        return SiteMarginal(self.sites, self._table)

    @property
    def _table(self) -> CellTable:
        """The cells with patients; those without say nothing."""
        y, n = self.cells.responders, self.cells.n
        site, arm = np.nonzero(n)
        x = np.array(self.spec.sites.x)[arm]
        design = np.column_stack([np.ones(x.size), x])
        return CellTable.from_arrays(site, y[site, arm], n[site, arm], x, design)

    def _observe(self, values: Mapping[str, Any]) -> None:
        import pymc as pm
        import pytensor.tensor as pt

        n, y = (pm.Data(name, value, dims=("site", "arm")) for name, value in self.graph_data().items())
        components = self.sites.linear_predictors(values)
        if len(components) == 1:
            parts = _log_binomial(y, components[0][1], n)
        else:
            (share, eta), (other_share, other_eta) = components
            parts = _log_mixture(y, share, eta, other_share, other_eta, n)
        pm.Potential("log_likelihood", pt.sum(parts))

    def _observe_drawn(self, values: Mapping[str, Any]) -> None:
        import pymc as pm

        components = self.sites.linear_predictors(values)
        n, y, some = self.cells.n, self.cells.responders, self.cells.n > 0
        if len(components) > 1:
            dims: tuple[str, ...] = ("site", "arm")
            given = [*(part for component in components for part in component), pm.Data("n", n, dims=dims)]
            call = {"logp": _log_mixture, "random": _draw_mixture, "signature": "(),(a),(),(a),(a)->(a)"}
        else:
            dims, eta = self._dims, components[0][1]
            if not some.all():
                pm.modelcontext(None).add_coord("cell", self._labels)
                site, arm = np.nonzero(some)
                n, y, eta = n[some], y[some], eta[site, arm]
            given = [eta, pm.Data("n", n, dims=dims)]
            call = {"logp": _log_binomial, "random": _draw_binomial}
        pm.CustomDist("y", *given, **call, dtype="int64", dims=dims, observed=pm.Data("responders", y, dims=dims))

    def graph_data(self) -> dict[str, NDArray[np.number[Any]]]:
        """Patients and responders."""
        return {"n": self.cells.n, "responders": self.cells.responders}

    def pointwise(self, values: Mapping[str, Any]) -> Pointwise:
        """Log likelihood of each cell, shape (..., sites, 2); shape (..., cells) where some have no patients.

        Such a cell is no observation: left in, its log likelihood of 0 at every draw is what `az.loo` cannot take.
        """
        by_cell = self._by_cell(self.sites.linear_predictor(values), values)
        if self._dims != ("cell",):
            return Pointwise("y", by_cell, self._dims)
        return Pointwise("y", by_cell[..., self.cells.n > 0], self._dims, {"cell": self._labels})

    @property
    def _dims(self) -> tuple[str, ...]:
        """Of the cells that have patients."""
        return ("site", "arm") if (self.cells.n > 0).all() else ("cell",)

    @property
    def _labels(self) -> list[str]:
        return [f"{self.site_names[s]}, {ARMS[a]}" for s, a in np.argwhere(self.cells.n > 0)]

    def _by_cell(self, eta: Floats, values: Mapping[str, Any]) -> Floats:  # noqa: ARG002
        """Log likelihood of each cell at a linear predictor, shape (..., sites, 2)."""
        from scipy.special import log_expit

        y, n = self.cells.responders, self.cells.n
        return np.asarray(_log_ways(self.cells) + y * log_expit(eta) + (n - y) * log_expit(-eta))

    def _by_component(self, values: Mapping[str, Any]) -> Floats:
        """Log of share times likelihood of each site's cells, for every component, shape (components, ..., sites)."""
        with np.errstate(divide="ignore"):  # a share of 0
            return np.stack(
                [
                    np.expand_dims(np.log(share), -1) + self._by_cell(eta, values).sum(axis=-1)
                    for share, eta in self.sites.linear_predictors(values)
                ]
            )

    def log_likelihood(self, values: Mapping[str, Any]) -> Floats:
        """Sum over cells, shape (...); summed over the components of each site where the values leave these open."""
        return np.asarray(np.logaddexp.reduce(self._by_component(values), axis=0).sum(axis=-1))

    def with_components(self, values: Mapping[str, Any], rng: np.random.Generator) -> dict[str, Any]:
        """Values with the component of every site drawn given its data, where they leave it open."""
        if not self.sites.leaves_open(values):
            return dict(values)
        logs = self._by_component(values)
        return self.sites.with_components(values, rng, np.exp(logs[1] - np.logaddexp.reduce(logs, axis=0)))

    def outlier_probability(self, values: Mapping[str, Any]) -> Pointwise | None:
        """Given the shared parameters and the data, the site's own effects integrated out."""
        if not self.spec.sites.is_mixture:
            return None
        shape = np.shape(values["alpha"])
        found = {name: chance.reshape(*shape, -1) for name, chance in self._outlying(values).items()}
        if NONEXCHANGEABLE in found:
            return Pointwise(NONEXCHANGEABLE, found[NONEXCHANGEABLE], ("site",))
        return Pointwise("outlier", by_arm(found), ("site", "arm"))

    def _outlying(self, values: Mapping[str, Any]) -> dict[str, Floats]:
        """Probability that a site is outlying by where it is, shape (draws, sites), all chains in a row."""
        marginal = self.site_marginal
        theta = {item.name: np.ravel(values[item.name]) for item in marginal.parameters}
        return marginal.outlier_probability(theta, self.spec.sampler.nodes)

    def observed(self) -> Pointwise:
        """Responders by site and arm."""
        return Pointwise("y", self.cells.responders, ("site", "arm"))

    def constants(self) -> list[Pointwise]:
        """Patients by site and arm."""
        return [Pointwise("n", self.cells.n, ("site", "arm"))]

    def simulate(self, values: Mapping[str, Any], rng: np.random.Generator) -> Pointwise:
        """Responders drawn given the parameters, shape (..., sites, 2)."""
        return Pointwise("y", rng.binomial(self.cells.n, self.probabilities(values)), ("site", "arm"))

    def site_weights(self, values: Mapping[str, Any]) -> Floats:  # noqa: ARG002
        """Observed shares, shape (sites,)."""
        return self.cells.site_shares
