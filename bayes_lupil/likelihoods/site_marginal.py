"""The likelihood of a site table given the hyper-parameters alone: each site's own effects are integrated out.

Given theta (alpha, beta, the SDs, ...) sites are independent, so the integral is a product of small ones. A site
parameter that is free at every site ('fixed') has a prior that is known, and so integrates out in the same way; theta
stays as small as it is however many sites there are.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayes_lupil.likelihoods.sites import Parameter, SiteModel
from bayes_lupil.priors import Normal, Prior

__all__ = ["CellTable", "Rules", "SiteForm", "SiteMarginal", "integrate", "rules", "shape_table"]

Floats = NDArray[np.float64]
Values = Mapping[str, Any]

_NUMBERS = 4_000_000  # integrals held in memory at a time
_AT_ONCE = 128  # draws in one piece of work; fixed, so that results do not depend on the number of cores
_ROWS = 10001
_FAR = 1e100  # log odds beyond this are all the same
_NEGLIGIBLE = 30.0  # below the largest log likelihood: a share of exp(-15) even where the average is exp(-15) of it
_FINE = 1.0  # steps of the grids at 13 nodes, in SDs of the sharpest bend


@dataclass(frozen=True, eq=False)
class CellTable:
    """Cells in the order of their sites, for the compiled integrals.

    Attributes
    ----------
    starts : array of int, shape (sites + 1,)
        Where each site's cells begin and end; a site may have any number of cells.
    y, n, x : array, shape (cells,)
        Responders, patients, treatment code.
    design : array, shape (cells, P)
        Columns of the fixed effects.
    """

    starts: NDArray[np.int64]
    y: Floats
    n: Floats
    x: Floats
    design: Floats

    @classmethod
    def from_arrays(cls, site: ArrayLike, y: ArrayLike, n: ArrayLike, x: ArrayLike, design: ArrayLike) -> CellTable:
        """From one row for each cell; `site` numbers the sites from 0 and rows may come in any order."""
        site = np.asarray(site)
        order = np.argsort(site, kind="stable")
        starts = np.concatenate([[0], np.cumsum(np.bincount(site))]).astype(np.int64)
        columns = [np.ascontiguousarray(np.asarray(v, dtype=float)[order]) for v in (y, n, x, design)]
        return cls(starts, *columns)

    @property
    def n_sites(self) -> int:
        """Number of sites."""
        return self.starts.size - 1

    def log_coefficients(self) -> Floats:
        """Log binomial coefficients summed over each site's cells, shape (sites,)."""
        from scipy.special import gammaln

        per_cell = gammaln(self.n + 1) - gammaln(self.y + 1) - gammaln(self.n - self.y + 1)
        return np.asarray(np.add.reduceat(per_cell, self.starts[:-1]))

    def distinct(self) -> tuple[CellTable, NDArray[np.int64]]:
        """One site of each kind of counts, and for every site which of them it is: equal sites share an integral."""
        kinds: dict[bytes, int] = {}
        first: list[int] = []
        which = np.empty(self.n_sites, dtype=np.int64)
        for s in range(self.n_sites):
            cells = slice(self.starts[s], self.starts[s + 1])
            key = b"".join(np.ascontiguousarray(v[cells]).tobytes() for v in (self.y, self.n, self.x, self.design))
            if key not in kinds:
                kinds[key] = len(first)
                first.append(s)
            which[s] = kinds[key]
        rows = [np.arange(self.starts[s], self.starts[s + 1]) for s in first]
        starts = np.concatenate([[0], np.cumsum([row.size for row in rows])]).astype(np.int64)
        kept = np.concatenate(rows)
        return CellTable(starts, self.y[kept], self.n[kept], self.x[kept], self.design[kept]), which


@dataclass(frozen=True, eq=False)
class SiteForm:
    """A site model at some draws of theta, in the form of `kernels` and `grids`, the compiled integrals.

    Attributes
    ----------
    order : int
        0: no site effects; 1: the first alone; 2: the second alone; 3: both.
    tables : two arrays of shape (rows, 2)
        Shapes h_1 and h_2 as values and slopes; no rows for the identity.
    fixed : array, shape (draws, P)
    scale : array, shape (draws, 3)
        s_11, s_21 and s_22.
    """

    order: int
    tables: tuple[Floats, Floats]
    fixed: Floats
    scale: Floats

    @property
    def is_linear(self) -> bool:
        """Whether both shapes are the identity, so that the integrands are log-concave."""
        return not any(table.size for table in self.tables)


@dataclass(frozen=True, eq=False)
class Rules:
    """Gauss-Hermite rules for every pair of levels (see `kernels.LEVELS`), one after the other.

    The rule for levels (i, j) has sizes[i, j] nodes from starts[i, j] on; the integral of f over the axes that exist,
    divided by (2 pi)^(axes / 2), is about sum_k exp(weights_k) f(t1_k, t2_k).
    """

    t1: Floats
    t2: Floats
    weights: Floats
    starts: NDArray[np.int64]
    sizes: NDArray[np.int64]


@cache
def rules(most: int, order: int) -> Rules:
    """Rules with at most `most` nodes along an axis, for the axes that `order` says exist."""
    from bayes_lupil.likelihoods.kernels import LEVELS

    parts, sizes = [], np.empty((len(LEVELS), len(LEVELS)), dtype=np.int64)
    for i, j in np.ndindex(sizes.shape):
        along_1, along_2 = (
            _gauss_hermite(max(int(np.ceil(share * most)), 1)) if order & axis else (np.zeros(1), np.zeros(1))
            for axis, share in ((1, LEVELS[i]), (2, LEVELS[j]))
        )
        pairs = [np.repeat(a, b.size) for a, b in zip(along_1, along_2, strict=True)]
        tiled = [np.tile(b, a.size) for a, b in zip(along_1, along_2, strict=True)]
        parts.append((pairs[0], tiled[0], pairs[1] + tiled[1]))
        sizes[i, j] = pairs[0].size
    starts = np.concatenate([[0], np.cumsum(sizes.ravel())[:-1]]).reshape(sizes.shape)
    t1, t2, weights = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Rules(t1, t2, weights, starts, sizes)


def _gauss_hermite(k: int) -> tuple[Floats, Floats]:
    """Nodes z and log weights w such that the integral of f(z) / sqrt(2 pi) is about sum exp(w) f(z)."""
    t, w = np.polynomial.hermite.hermgauss(k)
    return np.sqrt(2) * t, np.log(w) + t**2 - 0.5 * np.log(np.pi)


def shape_table(prior: Prior) -> Floats:
    """The prior as a function of a standard normal variable: rows (value, slope) over the reach of the kernels.

    A normal prior has no rows: it is the identity, to which location and scale are applied elsewhere.
    """
    if isinstance(prior, Normal):
        return np.empty((0, 2))
    from bayes_lupil.likelihoods.grids import REACH

    z = np.linspace(-REACH, REACH, _ROWS)
    value = prior.from_normal(z)
    slope = np.exp(-0.5 * z**2 - 0.5 * np.log(2 * np.pi) - prior.logpdf(np.clip(value, -_FAR, _FAR)))
    far = np.abs(value) > _FAR
    return np.column_stack([np.clip(value, -_FAR, _FAR), np.where(far, 0.0, slope)])


class SiteMarginal:
    """Log likelihood of a site table as a function of theta, and draws of the site parameters given theta.

    Parameters
    ----------
    sites : SiteModel
    table : CellTable
        Its design has the columns 1 and x.
    """

    def __init__(self, sites: SiteModel, table: CellTable) -> None:
        self.sites = sites
        self.table = table
        self._kinds, self._which = table.distinct()
        self._coefficients = table.log_coefficients()

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """Theta: the parameters that are not one for each site."""
        return tuple(item for item in self.sites.parameters() if not item.dims)

    @cached_property
    def _tables(self) -> tuple[Floats, Floats]:
        """Shapes h_1 and h_2."""
        pooling, priors = self.sites.spec.sites, self.sites.spec.priors
        first, second = (
            shape_table({"fixed": prior, "partial": self.sites.standard}[how]) if how != "pooled" else np.empty((0, 2))
            for how, prior in ((pooling.intercepts, priors.alpha), (pooling.effects, priors.beta))
        )
        return first, second

    def form(self, theta: Values) -> SiteForm:
        """The site model at draws of theta, each of shape (draws,)."""
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
        return SiteForm(order, self._tables, np.column_stack(columns), scale)

    def log_sites(self, theta: Values, nodes: int) -> tuple[Floats, int]:
        """Log likelihood of every site, shape (draws, sites), and how many integrals failed."""
        kinds, failed = integrate(self._kinds, self.form(theta), nodes)
        return kinds[:, self._which] + self._coefficients, int(failed.sum())

    def log_total(self, theta: Values, nodes: int, powers: Floats | None = None) -> tuple[Floats, int]:
        """Log likelihood summed over sites, shape (draws,), and how many integrals failed where that may matter.

        `powers`, shape (sites,), multiplies each site's share: 0 leaves a site out.
        """
        powers = np.ones(self.table.n_sites) if powers is None else powers
        counts = np.bincount(self._which, weights=powers)
        form = self.form(theta)
        total, failed = np.empty(form.fixed.shape[0]), np.zeros(form.fixed.shape[0], dtype=np.int64)
        block = max(_AT_ONCE, _NUMBERS // counts.size)  # not all sites of all draws at a time
        for start in range(0, total.size, block):
            part = slice(start, start + block)
            kinds, failed[part] = integrate(
                self._kinds, replace(form, fixed=form.fixed[part], scale=form.scale[part]), nodes
            )
            total[part] = np.einsum("ij,j->i", kinds, counts)  # as in `bayes_lupil.engines.proposal`, not by BLAS
        harmful = failed[total > total.max() - _NEGLIGIBLE]
        return total + powers @ self._coefficients, int(harmful.sum())

    def draw(self, theta: Values, seed: np.random.SeedSequence) -> dict[str, Floats]:
        """Draws of the site parameters given theta and the data, each of shape (draws, sites)."""
        form = self.form(theta)
        if not form.order:
            return {}
        draws = form.fixed.shape[0]
        z = np.empty((draws, self.table.n_sites, 2))
        streams = seed.spawn(-(-draws // _AT_ONCE))

        def piece(part: slice) -> None:
            t, rng = self.table, np.random.default_rng(streams[part.start // _AT_ONCE])
            given = t.starts, t.y, t.n, t.design, t.x, form.order
            if form.is_linear:
                from bayes_lupil.likelihoods.kernel_draws import draw_sites

                draw_sites(*given, form.fixed[part], form.scale[part], rng, z[part])
            else:
                from bayes_lupil.likelihoods.grids import draw_on_grids

                draw_on_grids(*given, *form.tables, form.fixed[part], form.scale[part], _FINE, rng, z[part])

        _in_pieces(piece, draws)
        return self._named(z)

    def _named(self, z: Floats) -> dict[str, Floats]:
        """Site parameters by name from standard normal variables of shape (draws, sites, 2)."""
        pooling, priors = self.sites.spec.sites, self.sites.spec.priors
        found = {}
        for i, (how, name, prior) in enumerate(
            ((pooling.intercepts, "alpha", priors.alpha), (pooling.effects, "beta", priors.beta))
        ):
            if how == "fixed":
                found[name] = prior.from_normal(z[..., i])
            elif how == "partial":
                found["e" if i == 0 else "f"] = self.sites.standard.from_normal(z[..., i])
        return found


def integrate(table: CellTable, form: SiteForm, nodes: int) -> tuple[Floats, NDArray[np.int64]]:
    """Log of each site's binomial probability, without the coefficients, integrated over its effects.

    Returns
    -------
    array, shape (draws, sites)
    array of int, shape (draws,)
        At how many sites no mode was found, or no grid that does; 0 unless something is badly wrong.
    """
    draws = form.fixed.shape[0]
    failed = np.zeros(draws, dtype=np.int64)
    if not form.order:
        from scipy.special import log_expit

        eta = form.fixed @ table.design.T
        per_cell = table.y * log_expit(eta) + (table.n - table.y) * log_expit(-eta)
        return np.add.reduceat(per_cell, table.starts[:-1], axis=-1), failed
    found, t = np.empty((draws, table.n_sites)), table
    given = t.starts, t.y, t.n, t.design, t.x, form.order

    def piece(part: slice) -> None:
        at = form.fixed[part], form.scale[part]
        if form.is_linear:
            from bayes_lupil.likelihoods.kernels import integrate_sites

            rule = rules(nodes, form.order)
            nodes_of = rule.t1, rule.t2, rule.weights, rule.starts, rule.sizes
            integrate_sites(*given, *at, *nodes_of, found[part], failed[part])
        else:
            from bayes_lupil.likelihoods.grids import integrate_on_grids

            integrate_on_grids(*given, *form.tables, *at, _FINE * 13 / nodes, found[part], failed[part])

    _in_pieces(piece, draws)
    return found, failed


def _in_pieces(work: Callable[[slice], None], draws: int) -> None:
    """Run over pieces of fixed size on all cores; the kernels let go of Python's lock."""
    pieces = [slice(start, min(start + _AT_ONCE, draws)) for start in range(0, draws, _AT_ONCE)]
    cores = os.cpu_count() or 1
    if cores == 1 or len(pieces) == 1:
        for part in pieces:
            work(part)
        return
    with ThreadPoolExecutor(cores) as pool:
        list(pool.map(work, pieces))
