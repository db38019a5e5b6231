"""Binomial likelihood of counts by site and arm: y_sa ~ Binomial(n_sa, p_sa)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.likelihoods.base import Likelihood, Pointwise
from bayes_lupil.likelihoods.site_marginal import CellTable, SiteMarginal
from bayes_lupil.likelihoods.sites import SiteModel
from bayes_lupil.spec import ModelSpec
from bayes_lupil.trials.cells import Cells

__all__ = ["BinomialCells"]

Floats = NDArray[np.float64]


class BinomialCells(Likelihood):
    """A model file met with a table of sites."""

    def __init__(self, spec: ModelSpec, cells: Cells) -> None:
        self.spec = spec
        self.cells = cells
        self.site_names = cells.sites
        self.sites = SiteModel(spec, len(cells.sites))

    @cached_property
    def site_marginal(self) -> SiteMarginal:
        """The likelihood with the site effects integrated out; cells without patients say nothing and are left out."""
        y, n = self.cells.responders, self.cells.n
        site, arm = np.nonzero(n)
        x = np.array(self.spec.sites.x)[arm]
        design = np.column_stack([np.ones(x.size), x])
        return SiteMarginal(self.sites, CellTable.from_arrays(site, y[site, arm], n[site, arm], x, design))

    def _observe(self, values: Mapping[str, Any]) -> None:
        import pymc as pm
        import pytensor.tensor as pt

        # data containers, so that another table of the same size needs no new compilation
        n = pm.Data("n", self.cells.n, dims=("site", "arm"))
        y = pm.Data("responders", self.cells.responders, dims=("site", "arm"))
        eta = self.sites.log_odds(values)
        choose = pt.gammaln(n + 1) - pt.gammaln(y + 1) - pt.gammaln(n - y + 1)
        # not pm.Binomial, whose density is 0 from a log odds of 37 on, where 1 - p rounds to 0
        pm.Potential("log_likelihood", pt.sum(choose - y * pt.softplus(-eta) - (n - y) * pt.softplus(eta)))

    def pointwise(self, values: Mapping[str, Any]) -> Pointwise:
        """Log likelihood of each cell, shape (..., sites, 2); 0 where a cell has no patients."""
        from scipy.special import gammaln, log_expit

        y, n = self.cells.responders, self.cells.n
        eta = self.sites.log_odds(values)
        choose = gammaln(n + 1) - gammaln(y + 1) - gammaln(n - y + 1)
        return Pointwise("y", choose + y * log_expit(eta) + (n - y) * log_expit(-eta), ("site", "arm"))

    def log_likelihood(self, values: Mapping[str, Any]) -> Floats:
        """Sum over cells, shape (...)."""
        total: Floats = self.pointwise(values).values.sum(axis=(-2, -1))
        return total

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
