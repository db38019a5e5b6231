"""The likelihood of a site table given the hyper-parameters alone: each site's own effects are integrated out.

Given theta (alpha, beta, the SDs, ...) sites are independent, so the integral is a product of small ones. A site
parameter that is free at every site ('fixed') has a prior that is known, and so integrates out in the same way; theta
stays as small as it is however many sites there are. Where sites are a mixture of components
(`bayes_lupil.likelihoods.mixture`), the likelihood of a site is a sum over them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.cores import usable_cores
from bayes_lupil.integrals.cell_table import CellTable
from bayes_lupil.integrals.site_integral import AT_ONCE, SiteForm, draw_z, integrate, shape_table
from bayes_lupil.likelihoods.mixture import components_of
from bayes_lupil.likelihoods.site_effects import Parameter, SiteModel
from bayes_lupil.priors import Normal

__all__ = ["SiteMarginal"]

Floats = NDArray[np.float64]
Values = Mapping[str, Any]

_MOST_ON_GRIDS = 1_000_000
"""Integrals on grids, one within the other, that take minutes; 100,000 take some ten seconds on two cores."""
_NUMBERS = 4_000_000  # integrals held in memory at a time
_NEGLIGIBLE = 30.0  # below the largest log likelihood: a share of exp(-15) even where the average is exp(-15) of it


class SiteMarginal:
    """Log likelihood of a site table as a function of theta, and draws of the site parameters given theta.

    Parameters
    ----------
    sites : SiteModel
    table : CellTable
        Its design has the columns 1, x and those of the covariates.
    coefficients : array, shape (sites,), optional
        Logs of the numbers of ways in which a site's responders could be spread over its patients; by default those of
        the table.
    """

    def __init__(self, sites: SiteModel, table: CellTable, coefficients: Floats | None = None) -> None:
        self.sites = sites
        self.table = table
        self._distinct, self._which = table.distinct()
        self._coefficients = table.log_coefficients() if coefficients is None else coefficients

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """Theta: the parameters that are not one for each site."""
        return tuple(item for item in self.sites.parameters() if not item.dims)

    @cached_property
    def _tables(self) -> tuple[Floats, Floats]:
        """Shapes h_1 and h_2, where they are the same at every draw."""
        pooling, priors = self.sites.spec.sites, self.sites.spec.priors
        if priors.df is not None:
            return np.empty((0, 2)), np.empty((0, 2))
        first, second = (
            shape_table({"fixed": prior, "partial": self.sites.standard}[how]) if how != "pooled" else np.empty((0, 2))
            for how, prior in ((pooling.intercepts, priors.alpha), (pooling.effects, priors.beta))
        )
        return first, second

    def most_draws(self, nodes: int = 0) -> float:  # noqa: ARG002
        """At how many draws of theta the integrals take about a minute on two cores; infinite where they are cheap.

        Grids within grids, for two effects of which one is not normal, take 100 times as long as other integrals.
        """
        sites = self.sites.spec.sites
        if sites.is_mixture or "pooled" in (sites.intercepts, sites.effects):
            return math.inf
        heavy = self.sites.spec.priors.df is not None or any(table.size for table in self._tables)
        return _MOST_ON_GRIDS / self._distinct.n_sites if heavy else math.inf

    def form(self, theta: Values) -> SiteForm:
        """The site model at draws of theta, each of shape (draws,), where sites are no mixture."""
        pooling, priors = self.sites.spec.sites, self.sites.spec.priors
        draws = len(next(iter(theta.values()))) if theta else 1
        columns, spread = [], []
        for name, tau, how, prior in (
            ("alpha", "tau_u", pooling.intercepts, priors.alpha),
            ("beta", "tau_v", pooling.effects, priors.beta),
        ):
            if how == "fixed":
                location, size = (prior.mean, prior.sd) if isinstance(prior, Normal) else (0.0, 1.0)
                columns.append(np.full(draws, location))
                spread.append(np.full(draws, size))
            else:
                columns.append(np.asarray(theta[name]))
                spread.append(np.asarray(theta[tau]) if tau in theta else np.zeros(draws))
        r = np.asarray(theta["correlation"]) if "correlation" in theta else np.zeros(draws)
        scale = np.column_stack([spread[0], spread[1] * r, spread[1] * np.sqrt(1 - r**2)])
        order = (pooling.intercepts != "pooled") + 2 * (pooling.effects != "pooled")
        df = np.asarray(theta["df"]) if "df" in theta else None
        columns += [np.asarray(theta[name]) for name in self.sites.covariates]
        return SiteForm(order, self._tables, np.column_stack(columns), scale, df)

    def _by_component(self, theta: Values, nodes: int) -> tuple[Floats, NDArray[np.int64]]:
        """Log of share times likelihood of each distinct site, shape (components, draws, distinct); failures."""
        found, failures = [], []
        for component in components_of(self.sites, theta):
            values, failed = integrate(self._distinct, component.form, nodes)
            found.append(values + component.log_share[:, None])
            failures.append(failed)
        return np.stack(found), np.sum(failures, axis=0)

    def _of_distinct(self, theta: Values, nodes: int) -> tuple[Floats, NDArray[np.int64]]:
        """Log likelihood of each distinct site without the coefficients, shape (draws, distinct); failures."""
        if not self.sites.spec.sites.is_mixture:
            return integrate(self._distinct, self.form(theta), nodes)
        by_component, failed = self._by_component(theta, nodes)
        return np.logaddexp.reduce(by_component, axis=0), failed

    def log_sites(self, theta: Values, nodes: int) -> tuple[Floats, int]:
        """Log likelihood of every site, shape (draws, sites), and how many integrals failed."""
        found, failed = self._of_distinct(theta, nodes)
        return found[:, self._which] + self._coefficients, int(failed.sum())

    def log_total(self, theta: Values, nodes: int, powers: Floats | None = None) -> tuple[Floats, int]:
        """Log likelihood summed over sites, shape (draws,), and how many integrals failed where that may matter.

        `powers`, shape (sites,), multiplies each site's share: 0 leaves a site out.
        """
        powers = np.ones(self.table.n_sites) if powers is None else powers
        counts = np.bincount(self._which, weights=powers)
        draws = len(next(iter(theta.values()))) if theta else 1
        total, failed = np.empty(draws), np.zeros(draws, dtype=np.int64)
        block = max(AT_ONCE, _NUMBERS // self._distinct.y.size)  # not all cells of all draws at a time
        for start in range(0, total.size, block):
            part = slice(start, start + block)
            found, failed[part] = self._of_distinct({name: value[part] for name, value in theta.items()}, nodes)
            total[part] = np.einsum("ij,j->i", found, counts)  # as in `bayes_lupil.engines.proposal`, not by BLAS
        harmful = failed[total > total.max() - _NEGLIGIBLE]
        return total + powers @ self._coefficients, int(harmful.sum())

    def outlier_probability(self, theta: Values, nodes: int) -> dict[str, Floats]:
        """Probability given theta and the data that a site is outlying, by where it is, each (draws, sites)."""
        by_component, _ = self._by_component(theta, nodes)
        chance = np.exp(by_component - np.logaddexp.reduce(by_component, axis=0))[:, :, self._which]
        found: dict[str, Floats] = {}
        for component, values in zip(components_of(self.sites, theta), chance, strict=True):
            for where in component.outlying:
                found[where] = found.get(where, 0.0) + values
        return found

    def draw(self, theta: Values, seed: np.random.SeedSequence) -> dict[str, Floats]:
        """Draws of the site parameters given theta and the data, each of shape (draws, sites).

        Where sites are a mixture of components, of u and v; else of the standardised effects, or fixed parameters.
        """
        if self.sites.spec.sites.is_mixture:
            return self._draw_mixture(theta, seed)
        form = self.form(theta)
        return self._named(draw_z(self.table, form, seed), theta) if form.order else {}

    def _draw_mixture(self, theta: Values, seed: np.random.SeedSequence) -> dict[str, Floats]:
        """First the component of each site, then its effects."""
        components = components_of(self.sites, theta)
        chance, _ = self._by_component(theta, self.sites.spec.sampler.nodes)
        chance = np.exp(chance - np.logaddexp.reduce(chance, axis=0))
        chooser, *streams = seed.spawn(1 + self.table.n_sites)
        draws, n_sites = chance.shape[1], self.table.n_sites
        at = np.random.default_rng(chooser).random((draws, n_sites))
        u, v = np.empty((draws, n_sites)), np.empty((draws, n_sites))

        def piece(s: int) -> None:
            steps = np.cumsum(chance[:, :, self._which[s]], axis=0)
            chosen = np.minimum((at[:, s] >= steps).sum(axis=0), len(components) - 1)
            for k, (component, stream) in enumerate(zip(components, streams[s].spawn(len(components)), strict=True)):
                mine = np.flatnonzero(chosen == k)
                if mine.size:
                    z = draw_z(self.table.site(s), component.form.at(mine), stream)
                    u[mine, s], v[mine, s] = component.effects(z[:, 0], mine)

        with ThreadPoolExecutor(usable_cores()) as pool:
            list(pool.map(piece, range(n_sites)))
        return {"u": u} if all(component.form.order == 1 for component in components) else {"u": u, "v": v}

    def _named(self, z: Floats, theta: Values) -> dict[str, Floats]:
        """Site parameters by name from standard normal variables of shape (draws, sites, 2)."""
        pooling, priors = self.sites.spec.sites, self.sites.spec.priors
        given = [np.asarray(theta["df"])[:, None]] if "df" in theta else []
        found = {}
        for i, (how, name, prior) in enumerate(
            ((pooling.intercepts, "alpha", priors.alpha), (pooling.effects, "beta", priors.beta))
        ):
            if how == "fixed":
                found[name] = prior.from_normal(z[..., i])
            elif how == "partial":
                found["e" if i == 0 else "f"] = self.sites.standard.from_normal(z[..., i], *given)
        return found
