"""A site model at some draws of theta in the form of the compiled integrals, and the call of these."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.cores import usable_cores
from bayes_lupil.integrals.cell_table import CellTable
from bayes_lupil.priors import Normal, Prior

__all__ = [
    "AT_ONCE",
    "Rules",
    "SiteForm",
    "draw_z",
    "gauss_hermite",
    "in_pieces",
    "integrate",
    "rules",
    "shape_table",
    "t_tables",
]

Floats = NDArray[np.float64]

AT_ONCE = 128
"""Draws in one piece of work; fixed, so that results do not depend on the number of cores."""
# cubic interpolation between rows 0.005 apart (one table for all draws) or 0.025 apart (one for each draw): with the
# latter quantiles of t err, within 4 SDs, by 4e-7 of themselves at 1 degree of freedom, 8e-9 at 3, 2e-10 at 10
_ROWS, _T_ROWS = 10001, 2001
_FAR = 1e100  # log odds beyond this are all the same
# t(1000) at z lies about (z^3 + z) / 4000 beyond z: 0.0075 at 3 SDs
_MOST_DF = 1000.0  # from here on a t variable is as good as normal
_FINE = 1.0  # steps of the grids at 13 nodes, in SDs of the sharpest bend


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
    df : array, shape (draws,), optional
        Where degrees of freedom vary over draws: the shapes are then those of Student-t variables, made as they are
        needed.
    """

    order: int
    tables: tuple[Floats, Floats]
    fixed: Floats
    scale: Floats
    df: Floats | None = None

    def at(self, draws: slice | NDArray[np.int64]) -> SiteForm:
        """The form at some of the draws."""
        df = None if self.df is None else self.df[draws]
        return replace(self, fixed=self.fixed[draws], scale=self.scale[draws], df=df)

    def tables_by_draw(self) -> tuple[Floats, Floats]:
        """Tables of shape (1 or draws, rows, 2)."""
        if self.df is None:
            return self.tables[0][None], self.tables[1][None]
        table, nothing = t_tables(self.df), np.empty((1, 0, 2))
        return (table if self.order & 1 else nothing), (table if self.order & 2 else nothing)

    @property
    def is_linear(self) -> bool:
        """Whether both shapes are the identity, so that the integrands are log-concave."""
        return self.df is None and not any(table.size for table in self.tables)


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
    from bayes_lupil.integrals.kernels import LEVELS

    parts, sizes = [], np.empty((len(LEVELS), len(LEVELS)), dtype=np.int64)
    for i, j in np.ndindex(sizes.shape):
        along_1, along_2 = (
            gauss_hermite(max(int(np.ceil(share * most)), 1)) if order & axis else (np.zeros(1), np.zeros(1))
            for axis, share in ((1, LEVELS[i]), (2, LEVELS[j]))
        )
        pairs = [np.repeat(a, b.size) for a, b in zip(along_1, along_2, strict=True)]
        tiled = [np.tile(b, a.size) for a, b in zip(along_1, along_2, strict=True)]
        parts.append((pairs[0], tiled[0], pairs[1] + tiled[1]))
        sizes[i, j] = pairs[0].size
    starts = np.concatenate([[0], np.cumsum(sizes.ravel())[:-1]]).reshape(sizes.shape)
    t1, t2, weights = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Rules(t1, t2, weights, starts, sizes)


def gauss_hermite(k: int) -> tuple[Floats, Floats]:
    """Nodes z and log weights w such that the integral of f(z) / sqrt(2 pi) is about sum exp(w) f(z).

    The rule as it is tabulated has sum_k W_k F(t_k) for the integral of exp(-t^2) F(t). With z = 2^(1/2) t and
    F(t) = exp(t^2) f(2^(1/2) t), the integral of f(z) / (2 pi)^(1/2) dz is pi^(-1/2) sum_k W_k exp(t_k^2) f(z_k). As
    logs, because they are added to log densities before anything is exponentiated; no weight is above 1.
    """
    t, w = np.polynomial.hermite.hermgauss(k)
    return np.sqrt(2) * t, np.log(w) + t**2 - 0.5 * np.log(np.pi)


def shape_table(prior: Prior) -> Floats:
    """The prior as a function of a standard normal variable: rows (value, slope) over the reach of the kernels.

    A normal prior has no rows: it is the identity, to which location and scale are applied elsewhere. From
    F(h(z)) = Phi(z) the slope is h'(z) = phi(z) / f(h(z)), F and f the prior's distribution function and density.
    """
    if isinstance(prior, Normal):
        return np.empty((0, 2))
    from bayes_lupil.integrals.grids import REACH

    z = np.linspace(-REACH, REACH, _ROWS)
    value = prior.from_normal(z)
    slope = np.exp(-0.5 * z**2 - 0.5 * np.log(2 * np.pi) - prior.logpdf(np.clip(value, -_FAR, _FAR)))
    far = np.abs(value) > _FAR
    return np.column_stack([np.clip(value, -_FAR, _FAR), np.where(far, 0.0, slope)])


def t_tables(df: Floats) -> Floats:
    """Tables as of `shape_table` for Student-t variables, shape (draws, rows, 2), one for each of `df`.

    h(z) = F^-1(Phi(z)) by the upper tails, h(z) = isf(Phi(-z)) for z >= 0, since 1 - Phi(z) would be 0 from z = 8.3 on;
    the lower half by h(-z) = -h(z), whose slope is the same.
    """
    from scipy import stats
    from scipy.special import ndtr

    from bayes_lupil.integrals.grids import REACH

    z = np.linspace(0, REACH, _T_ROWS // 2 + 1)
    df = np.minimum(df, _MOST_DF)[:, None]
    value = stats.t.isf(ndtr(-z), df)
    value[:, 0] = 0.0
    rising = np.diff(value, axis=1) > 0  # not where a number is missing, either
    for row in np.flatnonzero(~rising.all(axis=1)):
        last = int(np.argmin(rising[row]))
        # from 22 SDs on SciPy loses its way at some degrees of freedom; there h^df is proportional to 1 / tail, since
        # P(T > h) ~ const h^-df: h = h_last (tail_last / tail)^(1 / df)
        value[row, last:] = value[row, last] * (ndtr(-z[last]) / ndtr(-z[last:])) ** (1 / df[row, 0])
    value = np.minimum(value, _FAR)
    slope = np.exp(-0.5 * z**2 - 0.5 * np.log(2 * np.pi) - stats.t.logpdf(value, df))
    slope[value >= _FAR] = 0.0
    half = np.stack([value, slope], axis=-1)
    return np.ascontiguousarray(np.concatenate([half[:, :0:-1] * (-1, 1), half], axis=1))


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
        here = form.at(part)
        if form.is_linear:
            from bayes_lupil.integrals.kernels import integrate_sites

            rule = rules(nodes, form.order)
            nodes_of = rule.t1, rule.t2, rule.weights, rule.starts, rule.sizes
            integrate_sites(*given, here.fixed, here.scale, *nodes_of, found[part], failed[part])
        else:
            from bayes_lupil.integrals.grids import integrate_on_grids

            tables = here.tables_by_draw()
            integrate_on_grids(*given, *tables, here.fixed, here.scale, _FINE * 13 / nodes, found[part], failed[part])

    in_pieces(piece, draws)
    return found, failed


def draw_z(table: CellTable, form: SiteForm, seed: np.random.SeedSequence) -> Floats:
    """Draws of the standard normal site variables given theta and the data, shape (draws, sites, 2)."""
    draws = form.fixed.shape[0]
    z = np.empty((draws, table.n_sites, 2))
    streams = seed.spawn(-(-draws // AT_ONCE))

    def piece(part: slice) -> None:
        t, rng, here = table, np.random.default_rng(streams[part.start // AT_ONCE]), form.at(part)
        given = t.starts, t.y, t.n, t.design, t.x, form.order
        if form.is_linear:
            from bayes_lupil.integrals.kernel_draws import draw_sites

            draw_sites(*given, here.fixed, here.scale, rng, z[part])
        else:
            from bayes_lupil.integrals.grids import draw_on_grids

            draw_on_grids(*given, *here.tables_by_draw(), here.fixed, here.scale, _FINE, rng, z[part])

    in_pieces(piece, draws)
    return z


def in_pieces(work: Callable[[slice], None], draws: int) -> None:
    """Run over pieces of fixed size on all cores; the kernels let go of Python's lock."""
    pieces = [slice(start, min(start + AT_ONCE, draws)) for start in range(0, draws, AT_ONCE)]
    cores = min(usable_cores(), len(pieces))
    if cores <= 1:
        for part in pieces:
            work(part)
        return
    with ThreadPoolExecutor(cores) as pool:
        list(pool.map(work, pieces))
