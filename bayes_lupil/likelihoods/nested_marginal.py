"""The likelihood of sites in countries given the hyper-parameters alone: effects at both levels integrated out.

Given theta (alpha, beta, the SDs at both levels, ...) countries are independent, and given theta and the effects of a
country so are its sites. With L_s the likelihood of a site, its own effects integrated out, that of a country is

    L_g(theta) = sum_k share_k int N(z; 0, I) prod_{s in g} L_s(alpha + s_11 z_1, beta + s_21 z_1 + s_22 z_2) dz,

k the kinds of countries, s the factor of the covariance of a country's effects (c, d) of that kind. The inner integrals
are those of `SiteMarginal`, one for each country; the outer one is taken here by adaptive Gauss-Hermite quadrature.

A country has one mode where the effects of its sites are normal: L_s is then an integral of a log-concave function, and
so log-concave in (alpha, beta), and its own effects are normal. Where either are not, this rule would take one mode for
all: such models are left to NUTS (`nested.NestedCells.marginal`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.integrals.cell_table import CellTable
from bayes_lupil.integrals.site_integral import gauss_hermite
from bayes_lupil.likelihoods.binomial_marginal import SiteMarginal
from bayes_lupil.likelihoods.laplace import Laplace, laplace
from bayes_lupil.likelihoods.mixture import components_of, country_components
from bayes_lupil.likelihoods.site_effects import Parameter, SiteModel

__all__ = ["NestedMarginal"]

Floats = NDArray[np.float64]
Values = Mapping[str, Any]

_MOST_INTEGRALS = 100_000_000
"""Over a site's effects, that take about a minute on two cores: TOPCAT (6 countries in 2 regions) takes 2 million of
them, with outlying regions 6 million, and 40 sites in 10 countries about 15 million."""
_BLOCK = 2048  # draws at a time, each at all points of the outer rule
_NEGLIGIBLE = 30.0  # as of `SiteMarginal`: below the largest log likelihood, where a failure does no harm
_SEARCH_NODES = 5  # of the inner integrals while a mode is looked for, which need not be exact
_FIRST, _STEPS = 8, 24  # proposals from which the chain of a draw starts, and steps that it takes
_DF = 7.0  # of the proposals, whose tails must not be lighter than those of a country's effects
_NO_PATIENTS = 1e12  # variance of the log odds of an empty cell


@dataclass(frozen=True, eq=False)
class _Country:
    """The sites of one country: their numbers, and their likelihood given the country's effects."""

    rows: NDArray[np.int64]
    marginal: SiteMarginal


class NestedMarginal:
    """Log likelihood of a table of sites in countries as a function of theta, and draws of all effects given theta.

    Parameters
    ----------
    sites : SiteModel
        With the country of each site.
    table : CellTable
        Its design has the columns 1 and x.

    Notes
    -----
    The outer rule has as many nodes along an axis as the inner one where one effect of a country varies, and about half
    as many where two do, so that twice the nodes refine both.
    """

    def __init__(self, sites: SiteModel, table: CellTable) -> None:
        self.sites = sites
        self.table = table
        which = np.array(sites.country)
        self._countries = [self._of_sites(np.flatnonzero(which == g)) for g in range(int(which.max()) + 1)]

    def _of_sites(self, rows: NDArray[np.int64]) -> _Country:
        table = self.table
        cells = [np.arange(table.starts[s], table.starts[s + 1]) for s in rows]
        kept, site = np.concatenate(cells), np.repeat(np.arange(rows.size), [c.size for c in cells])
        part = CellTable.from_arrays(site, table.y[kept], table.n[kept], table.x[kept], table.design[kept])
        return _Country(rows, SiteMarginal(SiteModel(self.sites.spec, rows.size), part))

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """Theta: the parameters that are neither of one site nor of one country."""
        return tuple(item for item in self.sites.parameters() if not item.dims)

    @cached_property
    def _axes(self) -> tuple[int, ...]:
        """Which of z_1 and z_2 there are: a country's level and effect, or a deviation that moves the one with both."""
        table, to_both = self.sites.spec.countries, any(to_d for _, to_d in self.sites.spec.country_deviations.values())
        assert table is not None
        present = table.intercepts != "pooled", table.effects != "pooled" or to_both
        return tuple(i for i, there in enumerate(present) if there)

    def most_draws(self, nodes: int) -> float:
        """At how many draws of theta the integrals take about a minute on two cores."""
        per_country: int = self._many(nodes) ** len(self._axes) + 2 * (1 + 3 * len(self._axes))  # with the search
        kinds: int = 2 ** len(self.sites.spec.country_deviations)
        return _MOST_INTEGRALS / (self.table.n_sites * per_country * kinds)

    def _many(self, nodes: int) -> int:
        """Nodes of the outer rule along an axis."""
        return max(nodes if len(self._axes) == 1 else (nodes + 1) // 2, 3)

    def log_total(self, theta: Values, nodes: int, powers: Floats | None = None) -> tuple[Floats, int]:
        """Log likelihood summed over countries, shape (draws,), and how many integrals failed where that may matter.

        `powers`, shape (sites,), multiplies the share of each site given its country: 0 leaves a site out.
        """
        arrays = {name: np.asarray(value, dtype=float) for name, value in theta.items()}
        draws = len(next(iter(arrays.values())))
        total, failed = np.zeros(draws), np.zeros(draws, dtype=np.int64)
        inside = 0
        for start in range(0, draws, _BLOCK):
            part = slice(start, start + _BLOCK)
            here = {name: value[part] for name, value in arrays.items()}
            for country in self._countries:
                own = None if powers is None else powers[country.rows]
                by_kind, lost, more = self._by_kind(country, here, nodes, own)
                total[part] += np.logaddexp.reduce(by_kind, axis=0)
                failed[part] += lost
                inside += more
        harmful = failed[total > total.max() - _NEGLIGIBLE]
        return total, int(harmful.sum()) + inside

    def outlier_probability(self, theta: Values, nodes: int) -> dict[str, Floats]:
        """Probability given theta and the data that a country is outlying, by where it is, each (draws, countries)."""
        arrays = {name: np.asarray(value, dtype=float) for name, value in theta.items()}
        draws = len(next(iter(arrays.values())))
        shape = draws, len(self._countries)
        found = {arm: np.zeros(shape) for arm in self.sites.spec.country_deviations}
        for start in range(0, draws, _BLOCK):
            part = slice(start, start + _BLOCK)
            here = {name: value[part] for name, value in arrays.items()}
            kinds = [outlying for outlying, _, _ in country_components(self.sites, here)]
            for g, country in enumerate(self._countries):
                by_kind, _, _ = self._by_kind(country, here, nodes, None)
                chance = np.exp(by_kind - np.logaddexp.reduce(by_kind, axis=0))
                for outlying, values in zip(kinds, chance, strict=True):
                    for arm in outlying:
                        found[arm][part, g] += values
        return found

    def site_outlier_probability(self, values: Values, effects: Values) -> dict[str, Floats]:
        """Probability that a site is outlying given theta, its country's effects and its data, each (draws, sites)."""
        arrays = {name: np.ravel(values[name]) for name in (item.name for item in self.parameters)}
        nothing = np.zeros((len(arrays["alpha"]), len(self._countries)))
        c, d = (np.reshape(effects.get(name, nothing), nothing.shape) for name in ("c", "d"))
        found: dict[str, Floats] = {}
        for g, country in enumerate(self._countries):
            moved = _moved(self._inner(country, arrays), c[:, g], d[:, g])
            for where, chance in country.marginal.outlier_probability(moved, self.sites.spec.sampler.nodes).items():
                found.setdefault(where, np.empty((len(chance), self.table.n_sites)))[:, country.rows] = chance
        return found

    def draw(self, theta: Values, seed: np.random.SeedSequence) -> dict[str, Floats]:
        """Draws of the countries' effects c and d, shape (draws, countries), and of the site parameters given these.

        A country's effects come from a chain of independence Metropolis: it starts at one of 8 proposals, taken with
        the probability of its importance weight, and takes 24 steps, with proposals from a Student-t distribution
        around the mode. After k steps the distance in total variation is at most (1 - 1/w)^k of that at the start, w
        the largest importance weight over the mean one: about 2 where the effects are nearly normal, so that what is
        left is far below what any number of draws could tell. The site parameters given them are as exact as those of
        `SiteMarginal.draw`.
        """
        arrays = {name: np.asarray(value, dtype=float) for name, value in theta.items()}
        draws = len(next(iter(arrays.values())))
        c, d = np.empty((2, draws, len(self._countries)))
        found: dict[str, Floats] = {}
        streams = seed.spawn(2 * len(self._countries))
        for g, country in enumerate(self._countries):
            rng = np.random.default_rng(streams[2 * g])
            for start in range(0, draws, _BLOCK):
                part = slice(start, start + _BLOCK)
                here = {name: value[part] for name, value in arrays.items()}
                c[part, g], d[part, g] = self._draw_effects(country, here, rng)
            moved = _moved(self._inner(country, arrays), c[:, g], d[:, g])
            for name, values in country.marginal.draw(moved, streams[2 * g + 1]).items():
                found.setdefault(name, np.empty((draws, self.table.n_sites)))[:, country.rows] = values
        return found | {("c", "d")[axis]: (c, d)[axis] for axis in self._axes}

    def _draw_effects(self, country: _Country, theta: Values, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """Effects c and d of one country, each of shape (draws,): its kind first, where there are several."""
        nodes, kinds = self.sites.spec.sampler.nodes, country_components(self.sites, theta)
        draws = len(next(iter(theta.values())))
        chosen = np.zeros(draws, dtype=np.int64)
        if len(kinds) > 1:
            by_kind, _, _ = self._by_kind(country, theta, nodes, None)
            steps = np.cumsum(np.exp(by_kind - np.logaddexp.reduce(by_kind, axis=0)), axis=0)
            chosen = np.minimum((rng.random(draws) >= steps).sum(axis=0), len(kinds) - 1)
        c, d = np.empty((2, draws))
        for k, (_, _, scale) in enumerate(kinds):
            mine = np.flatnonzero(chosen == k)
            if mine.size:
                own = {name: value[mine] for name, value in theta.items()}
                z = self._draw_z(country, own, scale[mine], rng)
                c[mine], d[mine] = (part[:, 0] for part in _effects(scale[mine], z[:, None, :]))
        return c, d

    def _draw_z(self, country: _Country, theta: Values, scale: Floats, rng: np.random.Generator) -> Floats:
        """The standard normal variables of a country of one kind given its data, shape (draws, 2)."""
        nodes, draws, axes = self.sites.spec.sampler.nodes, len(scale), len(self._axes)
        mode = self._mode(country, theta, scale, None)
        many = _FIRST + _STEPS
        t = rng.standard_normal((draws, many, axes)) / np.sqrt(rng.chisquare(_DF, (draws, many, 1)) / _DF)
        z = mode.at(t)
        log_weight, _ = self._log_density(country, theta, scale, z, nodes, None)
        log_weight += 0.5 * (_DF + axes) * np.log1p((t**2).sum(axis=-1) / _DF)  # less the log density of t
        first = np.exp(log_weight[:, :_FIRST] - log_weight[:, :_FIRST].max(axis=1, keepdims=True))
        steps = np.cumsum(first / first.sum(axis=1, keepdims=True), axis=1)
        at = np.minimum((rng.random((draws, 1)) >= steps).sum(axis=1), _FIRST - 1)
        rows, accept = np.arange(draws), np.log(rng.random((draws, _STEPS)))
        for step in range(_STEPS):
            proposed = _FIRST + step
            better = accept[:, step] < log_weight[:, proposed] - log_weight[rows, at]
            at = np.where(better, proposed, at)
        return self._whole(z[rows, at])

    def _by_kind(
        self, country: _Country, theta: Values, nodes: int, powers: Floats | None
    ) -> tuple[Floats, NDArray[np.bool_], int]:
        """Log of share times likelihood of a country, shape (kinds, draws); where no mode was found; inner failures."""
        many, axes = self._many(nodes), len(self._axes)
        x, log_w = gauss_hermite(many)
        points = np.stack(np.meshgrid(*[x] * axes, indexing="ij"), axis=-1).reshape(-1, axes)
        weights = np.stack(np.meshgrid(*[log_w] * axes, indexing="ij"), axis=-1).reshape(-1, axes).sum(axis=1)
        found, lost, inside = [], np.zeros(len(next(iter(theta.values()))), dtype=bool), 0
        for _, log_share, scale in country_components(self.sites, theta):
            mode = self._mode(country, theta, scale, powers)
            log_density, failed = self._log_density(country, theta, scale, mode.at(points[None]), nodes, powers)
            found.append(log_share + mode.log_volume + np.logaddexp.reduce(log_density + weights, axis=1))
            lost |= ~mode.found
            inside += failed
        return np.stack(found), lost, inside

    def _log_density(
        self, country: _Country, theta: Values, scale: Floats, z: Floats, nodes: int, powers: Floats | None
    ) -> tuple[Floats, int]:
        """Log of exp(-z'z / 2) times the likelihood at points z of shape (draws, points, axes), and inner failures."""
        c, d = _effects(scale, self._whole(z))
        many = z.shape[1]
        each = {name: np.repeat(value, many) for name, value in self._inner(country, theta).items()}
        values, failed = country.marginal.log_total(_moved(each, c.ravel(), d.ravel()), nodes, powers)
        return values.reshape(-1, many) - 0.5 * (z**2).sum(axis=-1), failed

    def _mode(self, country: _Country, theta: Values, scale: Floats, powers: Floats | None) -> Laplace:
        """The mode of a country's effects, and their spread around it."""
        start, precision = self._normal_approximation(country, theta, scale, powers)

        def log_density(z: Floats, draws: NDArray[np.int64]) -> Floats:
            own = {name: value[draws] for name, value in theta.items()}
            return self._log_density(country, own, scale[draws], z, _SEARCH_NODES, powers)[0]

        return laplace(log_density, start, precision)

    def _normal_approximation(
        self, country: _Country, theta: Values, scale: Floats, powers: Floats | None
    ) -> tuple[Floats, Floats]:
        """Where the search begins: mean and precision of z, shape (draws, axes) and (draws, axes, axes).

        From the observed log odds of each cell, (y + 1/2) / (n - y + 1/2), with their variances V, and sites of the
        usual kind: these have the mean X (alpha + c, beta + d) and the covariance V + X T X', T that of (u, v).
        """
        table, model = country.marginal.table, country.marginal.sites
        inner = self._inner(country, theta)
        form = components_of(model, inner)[0].form if model.spec.sites.is_mixture else country.marginal.form(inner)
        x = np.array(model.spec.sites.x)
        site, arm = np.repeat(np.arange(table.n_sites), np.diff(table.starts)), (table.x == x[1]).astype(int)
        log_odds, variance = np.zeros((table.n_sites, 2)), np.full((table.n_sites, 2), _NO_PATIENTS)
        log_odds[site, arm] = np.log((table.y + 0.5) / (table.n - table.y + 0.5))
        variance[site, arm] = 1 / (table.y + 0.5) + 1 / (table.n - table.y + 0.5)
        counted = np.ones(table.n_sites) if powers is None else powers
        s11, s21, s22 = form.scale.T
        t11, t12, t22 = s11**2, s11 * s21, s21**2 + s22**2
        residual = log_odds - (form.fixed[:, :1, None] + form.fixed[:, 1:2, None] * x)  # (draws, sites, arms)
        m00, m01, m11 = ((t11 + (x[a] + x[b]) * t12 + x[a] * x[b] * t22)[:, None] for a, b in ((0, 0), (0, 1), (1, 1)))
        m00, m11 = m00 + variance[:, 0], m11 + variance[:, 1]
        det = m00 * m11 - m01**2
        w00, w01, w11 = counted * m11 / det, -counted * m01 / det, counted * m00 / det  # by site: (V + X T X')^-1
        r0, r1 = residual[..., 0], residual[..., 1]
        score0, score1 = (w00 * r0 + w01 * r1).sum(axis=1), (w01 * r0 + w11 * r1).sum(axis=1)
        w00, w01, w11 = w00.sum(axis=1), w01.sum(axis=1), w11.sum(axis=1)
        design = np.stack([np.ones(2), x], axis=1)  # rows are arms
        to_arms = np.einsum("ai,dij->daj", design, _factors(scale))[..., list(self._axes)]
        weight = np.stack([np.stack([w00, w01], -1), np.stack([w01, w11], -1)], -2)
        precision = np.eye(len(self._axes)) + np.einsum("dai,dab,dbj->dij", to_arms, weight, to_arms)
        score = np.einsum("dai,da->di", to_arms, np.stack([score0, score1], -1))
        return np.linalg.solve(precision, score[..., None])[..., 0], precision

    def _inner(self, country: _Country, theta: Values) -> dict[str, Any]:
        """The parameters that the sites of a country know of."""
        names = [item.name for item in country.marginal.parameters]
        return {name: theta[name] for name in names} or {"": next(iter(theta.values()))}

    def _whole(self, z: Floats) -> Floats:
        """Both variables, from those that there are, along the last axis."""
        if len(self._axes) == 2:
            return z
        found = np.zeros((*z.shape[:-1], 2))
        found[..., self._axes[0]] = z[..., 0]
        return found


def _factors(scale: Floats) -> Floats:
    """The matrices that take z to (c, d), shape (draws, 2, 2)."""
    found = np.zeros((len(scale), 2, 2))
    found[:, 0, 0], found[:, 1, 0], found[:, 1, 1] = scale.T
    return found


def _effects(scale: Floats, z: Floats) -> tuple[Floats, Floats]:
    """Effects c and d at points z of shape (draws, points, 2)."""
    s11, s21, s22 = scale.T[..., None]
    return s11 * z[..., 0], s21 * z[..., 0] + s22 * z[..., 1]


def _moved(theta: Mapping[str, Floats], c: Floats, d: Floats) -> dict[str, Floats]:
    """Theta of the sites of a country with the effects c and d; what sites have of their own is in no theta."""
    moved = {name: theta[name] + effect for name, effect in (("alpha", c), ("beta", d)) if name in theta}
    return {**theta, **moved}
