"""The exclusion path of a trial whose site table is known: suspect sites from kept to excluded post hoc.

With power w (`bayes_lupil.sensitivity.exclusion_path`) a suspect site's cells (y, n) become (w y, w n) in its
likelihood given its effects, and its share of the trial's patients in the risk difference becomes that of w n.

Draws of theta, the parameters that sites share, get the weights

    w(theta) = prod over suspects of L_s^(power)(theta) / L_s(theta),

both with the site's effects integrated out. Given theta the other sites keep their draws, and the suspects' effects are
drawn afresh from their powered cells. Where weights do not carry the change the model is fitted again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.arguments import checked
from bayes_lupil.cards import Brief
from bayes_lupil.engines import quadrature
from bayes_lupil.errors import InputError, nearest
from bayes_lupil.fitting import refit
from bayes_lupil.integrals.cell_table import CellTable
from bayes_lupil.likelihoods import BinomialCells
from bayes_lupil.likelihoods.binomial_marginal import SiteMarginal
from bayes_lupil.posterior import Posterior
from bayes_lupil.posterior.estimates import Estimate
from bayes_lupil.posterior.own_trial import own_trial
from bayes_lupil.sensitivity.exclusion_path import checked_powers, path_points
from bayes_lupil.sensitivity.preconditions import site_table_of
from bayes_lupil.sensitivity.reweighting import BaseDraws, Changed, WeightedDraws, as_table, of_refit, summary
from bayes_lupil.spec import ModelSpec
from bayes_lupil.trials.cells import Cells

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["POWERS", "ExclusionPath", "ExclusionPoint", "exclusion_path"]

Floats = NDArray[np.float64]

POWERS = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0)


@dataclass(frozen=True)
class ExclusionPoint(Changed):
    """The posterior where each suspect patient counts `power`; the risk difference is over the patients that count.

    Attributes
    ----------
    power : float
        1: the suspect sites are kept; 0: they are excluded.
    """

    power: float = field(kw_only=True)

    @property
    def risk_difference(self) -> Estimate:
        """Active minus control."""
        return self.estimates["risk_difference"]

    @property
    def conditional_log_odds_ratio(self) -> Estimate:
        """Of the sites that count."""
        return self.estimates["conditional_log_odds_ratio"]


@dataclass(frozen=True)
class ExclusionPath(Brief):
    """What becomes of the result as suspect sites count less and less.

    Attributes
    ----------
    points : tuple of ExclusionPoint
        In the order of the powers asked for.
    sites : tuple of str
        The suspects, with so many `patients`.
    synthetic : bool
        Whether the data are made up.
    """

    points: tuple[ExclusionPoint, ...]
    sites: tuple[str, ...]
    patients: int
    model: str
    trial: str
    population: str
    synthetic: bool

    @property
    def ok(self) -> bool:
        """Whether every point may be reported."""
        return all(point.ok for point in self.points)

    def to_frame(self) -> pd.DataFrame:
        """One row a power: risk difference, conditional log odds ratio and P(benefit), with their errors, and k-hat."""
        return as_table(self.points, "conditional_log_odds_ratio").set_index("power").drop(columns="reason")


@own_trial
@checked
def exclusion_path(posterior: Posterior, sites: Sequence[str], powers: Sequence[float] = POWERS) -> ExclusionPath:
    """The posterior along the way from keeping suspect sites to excluding them post hoc.

    Parameters
    ----------
    posterior : Posterior
        From either engine, of a trial with a site table. Also of a model that pools all sites, whose path runs from the
        one crude analysis to the other.
    sites : sequence of str
        The suspects, named before or after the fact; the path takes no view of how they were chosen.
    powers : sequence of float
        Each from 0 to 1.

    Returns
    -------
    ExclusionPath
        Points between 0 and 1 that have to be fitted again are fitted by quadrature, whichever engine the posterior is
        from; without the sites at all, by the engine that the model file names.

    Raises
    ------
    InputError
        For a site that is not in the analysis, every site, a power outside 0 to 1, or a posterior whose
        diagnostics failed.
    UnsupportedModelError
        Where the trial's site table is not known.
    """
    cells = site_table_of(posterior, "raise the likelihood of single sites to a power")
    spec, source = posterior.spec, posterior.provenance
    suspects, wanted = _suspects(spec, cells, sites), checked_powers(powers)
    way = _Way(posterior, cells, suspects)
    points = path_points(way.base, wanted, way.log_weights, way.reweighted, way.refitted)
    patients = int(cells.n[way.rows].sum())
    return ExclusionPath(
        points, suspects, patients, spec.called, source.trial, source.population_label, source.synthetic
    )


class _Way:
    """The posterior at any power of some sites, from draws in which they count in full."""

    def __init__(self, posterior: Posterior, cells: Cells, suspects: tuple[str, ...]) -> None:
        self.posterior, self.cells, self.suspects = posterior, cells, suspects
        self.base = BaseDraws(posterior)
        self.rows = np.array([cells.sites.index(site) for site in suspects])
        self.n = cells.n.sum(axis=1).astype(float)
        self.whole = _part(BinomialCells(posterior.spec, cells).site_marginal, self.rows)
        self.theta = {item.name: posterior.draws(item.name).ravel() for item in self.whole.parameters}

    def log_weights(self, power: float) -> Floats:
        """Of the draws, up to a constant, shape (draws,)."""
        if power == 1:
            return np.zeros(self.base.size)
        return np.broadcast_to(self._log_likelihood(power) - self._log_likelihood(1.0), self.base.size)

    def _log_likelihood(self, power: float) -> Floats:
        """Summed over the suspects, shape (draws,), or (1,) where sites share no parameter."""
        nodes = self.posterior.spec.sampler.nodes
        by_site, _ = _powered(self.whole, np.full(self.rows.size, power)).log_sites(self.theta, nodes)
        return np.asarray(by_site.sum(axis=1))

    def reweighted(self, power: float, draws: WeightedDraws) -> ExclusionPoint | None:
        """Summaries of the weighted draws; None where they cannot stand for the suspects' counting less."""
        difference = average = None
        if power != 1:  # else the draws there are, so that the path begins at the fit itself
            shares = self.n.copy()
            shares[self.rows] *= power
            shares /= shares.sum()
            fresh = self._fresh(power)
            difference = (self._differences(fresh) * shares).sum(axis=1)
            if self.posterior.spec.sites.effects == "fixed":  # over the sites that count, as in `estimands`
                by_site = self.posterior.draws("beta").reshape(self.base.size, -1).copy()
                by_site[:, self.rows] = fresh["beta"]
                average = (by_site * shares).sum(axis=1)
        found = summary(draws, f"power {power:g}", difference, average)
        return None if found is None else ExclusionPoint(**vars(found), power=power)

    def refitted(self, power: float, k_hat: float) -> ExclusionPoint:
        """The model fitted again with the suspects' powered cells, or without them."""
        spec, trial = self.posterior.spec, self.posterior.trial
        if power == 0:
            found = refit(spec.edited(without_sites=[*spec.without_sites, *self.suspects]), trial)
        else:
            powers = np.ones(len(self.cells.sites))
            powers[self.rows] = power
            likelihood = _PoweredCells(spec, self.cells, powers)
            found = Posterior.from_draws(likelihood, quadrature.sample(likelihood), trial, alone=True)
        return ExclusionPoint(**vars(of_refit(found, f"power {power:g}", k_hat)), power=power)

    def _fresh(self, power: float) -> dict[str, Floats]:
        """Parameters of the suspect sites given theta and their powered cells."""
        # neither the stream of the fit nor that of what is derived from it; the same at every power, for a smooth path
        seed = np.random.SeedSequence((self.posterior.spec.sampler.seed, 1))
        theta = self.theta or {"": np.zeros(self.base.size)}
        return _powered(self.whole, np.full(self.rows.size, power)).draw(theta, seed)

    def _differences(self, fresh: Mapping[str, Floats]) -> Floats:
        """Risk differences by site, shape (draws, sites)."""
        p = self.posterior.draws("p")
        by_site = np.broadcast_to((p[..., 1] - p[..., 0]).reshape(self.base.size, -1), (self.base.size, self.n.size))
        from scipy.special import expit

        again = expit(self.whole.sites.linear_predictor({**self.theta, **fresh}))
        by_site = by_site.copy()
        by_site[:, self.rows] = again[..., 1] - again[..., 0]
        return by_site


class _PoweredCells(BinomialCells):
    """A table of sites whose patients count less than 1 at some of them."""

    def __init__(self, spec: ModelSpec, cells: Cells, powers: Floats) -> None:
        super().__init__(spec, cells)
        self.powers = powers

    @cached_property
    def site_marginal(self) -> SiteMarginal:
        """The likelihood with the site effects integrated out."""
        return _powered(BinomialCells(self.spec, self.cells).site_marginal, self.powers)

    def _by_cell(self, eta: Floats, values: Mapping[str, Any]) -> Floats:
        return super()._by_cell(eta, values) * self.powers[:, None]

    def site_weights(self, values: Mapping[str, Any]) -> Floats:  # noqa: ARG002
        """Shares of the patients as they count, shape (sites,)."""
        counted = self.powers * self.cells.n.sum(axis=1)
        return np.asarray(counted / counted.sum())


def _powered(marginal: SiteMarginal, powers: Floats) -> SiteMarginal:
    """Each site's cells, and so its likelihood given its effects, raised to its power, shape (sites,)."""
    table = marginal.table
    by_cell = np.repeat(powers, np.diff(table.starts))
    return SiteMarginal(marginal.sites, replace(table, y=table.y * by_cell, n=table.n * by_cell))


def _part(marginal: SiteMarginal, rows: NDArray[np.int64]) -> SiteMarginal:
    """Some of the sites, in the order of `rows`."""
    table = marginal.table
    cells = [np.arange(table.starts[s], table.starts[s + 1]) for s in rows]
    kept, site = np.concatenate(cells), np.repeat(np.arange(rows.size), [c.size for c in cells])
    part = CellTable.from_arrays(site, table.y[kept], table.n[kept], table.x[kept], table.design[kept])
    return SiteMarginal(replace(marginal.sites, n_sites=rows.size), part)


def _suspects(spec: ModelSpec, cells: Cells, sites: Sequence[str]) -> tuple[str, ...]:
    """The suspects in the order given, each once.

    Raises
    ------
    InputError, TrialError
        For no site, one that is not there, and where no patient would be left in an arm.
    """
    chosen = tuple(dict.fromkeys(sites))
    if not chosen:
        raise InputError("suspect sites", "none", "at least one site")
    for site in chosen:
        if site not in cells.sites:
            hint = "The model leaves it out." if site in spec.without_sites else nearest(str(site), cells.sites)
            raise InputError("suspect sites", f"'{site}'", "a site of the analysis", hint)
    cells.without(chosen)  # refuses to leave out every site
    return chosen
