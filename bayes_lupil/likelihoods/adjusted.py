"""Binomial likelihood of patients whose covariates are known: logit p_i = eta_sa + sum_k gamma_k z_ik.

Patients of one site and arm who are alike in all covariates are one cell, so that the site integrals are those of
counts with more cells and columns. The effect is standardised by g-computation: with n_s patients at site s,

    p_sa = (1 / n_s) sum_(i at s) expit(eta_sa + sum_k gamma_k z_ik),

over the patients of both arms, each as if in arm a. It is a marginal effect: what they would show on average.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.integrals.cell_table import CellTable
from bayes_lupil.likelihoods.base import Pointwise
from bayes_lupil.likelihoods.binomial import BinomialCells, _log_binomial, _log_ways
from bayes_lupil.likelihoods.binomial_marginal import SiteMarginal
from bayes_lupil.likelihoods.covariates import covariate_columns
from bayes_lupil.likelihoods.site_effects import SiteModel
from bayes_lupil.spec import ModelSpec
from bayes_lupil.trials.patients import Patients

__all__ = ["AdjustedCells"]

Floats = NDArray[np.float64]
Values = Mapping[str, Any]

_NUMBERS = 4_000_000  # of patients by draws, held in memory at a time


class AdjustedCells(BinomialCells):
    """A model file with covariates met with patients.

    Observations are the responders of each site and arm, as without covariates, so that models with and without them
    are compared on the same data: the log likelihood of a site and arm is that of its patients' responses, and of the
    number of ways in which they could be spread.

    Parameters
    ----------
    spec : ModelSpec
        With `covariates`.
    patients : Patients
        All in the data, by whose means and SDs the covariates are standardised.
    members : array of bool, shape (patients,)
        Those analysed.

    Raises
    ------
    UnsupportedModelError
        Where the patients lack a column.
    TrialError
        For a column that cannot be used.
    """

    adjusts = True

    def __init__(self, spec: ModelSpec, patients: Patients, members: NDArray[np.bool_]) -> None:
        assert spec.covariates is not None
        table = patients.cells(members)
        pooled = spec.sites.pooled
        super().__init__(spec, table.pooled() if pooled else table, table if pooled and table.sites_known else None)
        columns = covariate_columns(spec.covariates, patients, f"model '{spec.name}'")
        self.coefficient_labels = dict(zip(columns.names, columns.labels, strict=True))
        self.sites = SiteModel(spec, len(self.cells.sites), covariates=columns.names)
        index = {name: 0 if pooled else s for s, name in enumerate(table.sites)}
        site = np.array([index[name] for name, kept in zip(patients.site, members, strict=True) if kept])
        # one row for each site, arm and pattern of covariates
        z = columns.z[members]
        rows, which = np.unique(np.column_stack([site, patients.arm[members], z]), axis=0, return_inverse=True)
        self.site, self.arm, self.z = rows[:, 0].astype(np.int64), rows[:, 1].astype(np.int64), rows[:, 2:]
        self.n = np.bincount(which.ravel())
        self.y = np.bincount(which.ravel(), weights=patients.response[members]).astype(np.int64)
        # rows are in the order of site and arm: where each of these begins
        self._key, self._starts = np.unique(2 * self.site + self.arm, return_index=True)

    @cached_property
    def site_marginal(self) -> SiteMarginal:
        """The likelihood with the site effects integrated out."""
        return SiteMarginal(self.sites, self._table, _log_ways(self.cells).sum(axis=1))

    @property
    def _table(self) -> CellTable:
        x = np.array(self.spec.sites.x)[self.arm]
        design = np.column_stack([np.ones(x.size), x, self.z])
        return CellTable.from_arrays(self.site, self.y, self.n, x, design)

    def _shift(self, values: Values) -> Any:
        """What the covariates add to the log odds of each row, shape (..., rows), in NumPy or PyTensor."""
        found: Any = 0.0
        for k, name in enumerate(self.sites.covariates):
            found = found + values[name][..., None] * self.z[:, k]
        return found

    def _log_odds(self, eta: Any, values: Values) -> Any:
        """Of each row, from the linear predictor by site and arm, shape (..., rows), in NumPy or PyTensor."""
        return eta[..., self.site, self.arm] + self._shift(values)

    def _by_cell(self, eta: Floats, values: Values) -> Floats:
        from scipy.special import log_expit

        found = np.zeros((*eta.shape[:-2], eta.shape[-2] * 2))
        log_odds = self._log_odds(eta, values)
        rows = self.y * log_expit(log_odds) + (self.n - self.y) * log_expit(-log_odds)
        found[..., self._key] = np.add.reduceat(rows, self._starts, axis=-1)
        return np.asarray(_log_ways(self.cells) + found.reshape(eta.shape))

    def probabilities(self, values: Values) -> Floats:
        """Response probability by site and arm, averaged over the site's patients, shape (..., sites, 2)."""
        return np.exp(self.log_probabilities(values, 1))

    def log_probabilities(self, values: Values, side: int) -> Floats:
        """Log of the probability of a response (`side` 1) or of none (-1), averaged over the site's patients."""
        eta = np.asarray(self.sites.linear_predictor(values), dtype=float)
        found = np.empty(eta.shape)
        for s in range(eta.shape[-2]):
            found[..., s, :] = self._averaged(eta[..., s, :], values, self.site == s, side)
        return found

    def average_risk(self, log_odds: Floats, values: Values, side: int) -> Floats:
        """Probability of a response (`side` 1) or of none (-1), averaged over all patients analysed."""
        return np.exp(self._averaged(np.asarray(log_odds), values, np.ones(self.n.size, bool), side))

    def _averaged(self, log_odds: Floats, values: Values, rows: NDArray[np.bool_], side: int) -> Floats:
        """Log of the average over some rows of expit(side (log_odds + shift)), shape (..., 2)."""
        from scipy.special import log_expit

        # rows that differ in arm alone are one
        z, which = np.unique(self.z[rows], axis=0, return_inverse=True)
        share = np.bincount(which.ravel(), weights=self.n[rows]) / self.n[rows].sum()
        flat = log_odds.reshape(-1, 2)
        gamma = np.stack([np.broadcast_to(values[name], log_odds.shape[:-1]) for name in self.sites.covariates], -1)
        gamma = gamma.reshape(-1, z.shape[1])
        found = np.empty(flat.shape)
        block = max(1, _NUMBERS // share.size)
        for start in range(0, len(flat), block):
            part = slice(start, start + block)
            shift = np.einsum("dk,mk->dm", gamma[part], z)  # not by BLAS, whose sums depend on the number of cores
            for arm in (0, 1):
                logs = log_expit(side * (flat[part, arm, None] + shift))
                top = logs.max(axis=1)
                found[part, arm] = top + np.log(np.einsum("dm,m->d", np.exp(logs - top[:, None]), share))
        return found.reshape(log_odds.shape)

    def _derive(self, values: Values) -> None:
        import pymc as pm
        import pytensor.tensor as pt

        for name, effect in self.sites.effects(values).items():
            pm.Deterministic(name, effect, dims="site")
        eta, shift = self.sites.linear_predictor(values), self._shift(values)
        at_site = (self.site == np.arange(len(self.site_names))[:, None]) * self.n
        share = at_site / at_site.sum(axis=1, keepdims=True)
        p = pt.stack([pt.dot(share, pt.sigmoid(eta[self.site, arm] + shift)) for arm in (0, 1)], axis=-1)
        pm.Deterministic("p", p, dims=("site", "arm"))

    def _observe(self, values: Values) -> None:
        import pymc as pm
        import pytensor.tensor as pt

        n, y = (pm.Data(name, value) for name, value in self.graph_data().items())
        ((_, eta),) = self.sites.linear_predictors(values)
        constant = float(_log_ways(self.cells).sum() - self._table.log_coefficients().sum())
        pm.Potential("log_likelihood", pt.sum(_log_binomial(y, self._log_odds(eta, values), n)) + constant)

    def _observe_drawn(self, values: Values) -> None:
        import pymc as pm

        from bayes_lupil.likelihoods.binomial import _draw_binomial

        pm.modelcontext(None).add_coord("row", np.arange(self.n.size))
        ((_, eta),) = self.sites.linear_predictors(values)
        pm.CustomDist(
            "y", self._log_odds(eta, values), pm.Data("n", self.n, dims="row"), logp=_log_binomial,
            random=_draw_binomial, dtype="int64", dims="row", observed=pm.Data("responders", self.y, dims="row"),
        )  # fmt: skip

    def graph_data(self) -> dict[str, NDArray[np.number[Any]]]:
        """Patients and responders by site, arm and pattern of covariates."""
        return {"n": self.n, "responders": self.y}

    def graph_key(self) -> str:
        """As of any likelihood; and who the patients are."""
        return repr((super().graph_key(), self.site.tolist(), self.arm.tolist(), self.z.tolist()))

    def simulate(self, values: Values, rng: np.random.Generator) -> Pointwise:
        """Responders drawn given the parameters and the patients' covariates, shape (..., sites, 2)."""
        from scipy.special import expit

        eta = np.asarray(self.sites.linear_predictor(values), dtype=float)
        drawn = rng.binomial(self.n, expit(self._log_odds(eta, values)))
        found = np.zeros((*eta.shape[:-2], eta.shape[-2] * 2), dtype=np.int64)
        found[..., self._key] = np.add.reduceat(drawn, self._starts, axis=-1)
        return Pointwise("y", found.reshape(eta.shape), ("site", "arm"))
