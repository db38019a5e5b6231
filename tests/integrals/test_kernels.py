"""The parts of the compiled integrals one by one: fast exp and softplus, the mode, the axes, the rules, the tables."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import optimize, stats
from scipy.special import log_expit

from bayes_lupil.integrals import grids, kernel_modes, kernels
from bayes_lupil.integrals.site_integral import rules, shape_table
from bayes_lupil.priors import Normal, Prior, StudentT, Uniform

WHY = "For this test only."


def test_exp_over_its_range() -> None:
    """Taylor's remainder, 32 r^9 / 9! exp(r) of the value with r = |x| / 32, doubled for squaring; and rounding.

    Five squarings and 13 roundings of a polynomial: 1e-13 is some 450 units of rounding.
    """
    x = np.concatenate([np.linspace(-45, 30, 6001), [-1e-300, 0.0, 1e-9]])
    error = np.abs(np.array([kernel_modes._exp(v) for v in x]) - np.exp(x))
    r = np.abs(x) / 32
    remainder = 2 * 32 * r**9 / math.factorial(9) * np.exp(r)
    assert np.all(error <= (remainder + 1e-13) * np.exp(x))
    assert np.all(error <= np.where(x <= 5, 1e-11, 1e-4) * np.maximum(1, np.exp(x)))
    assert np.all(error[x <= 0] <= 2e-13)
    for below in (-45.1, -800.0, -1e300):
        assert 0 <= kernel_modes._exp(below) < 3e-20


def test_softplus_over_its_range() -> None:
    """A polynomial through Chebyshev's points errs by 2 a (L / 4)^8 (a next to 1 / 17, L = 1 / 9): 1e-13 of log1p."""
    eta = np.concatenate([np.linspace(-60, 60, 4001), [0.0, 1e-8, -700.0, 700.0, 1e5, -1e5]])
    ours = np.array([kernel_modes._softplus(v) for v in eta])
    np.testing.assert_allclose(ours, np.logaddexp(0, eta), rtol=1e-13, atol=1e-12)


Cells = tuple[np.ndarray, ...]


def _cells(y: list[float], n: list[float], offset: list[float], j1: list[float], j2: list[float]) -> Cells:
    return tuple(np.array(v, dtype=float) for v in (y, n, offset, j1, j2))


SITES = {
    "mixed": _cells([3, 7], [11, 12], [-0.4, 0.6], [0.9, 0.9], [-0.25, 0.25]),
    "none responded": _cells([0, 0], [400, 300], [2.0, 3.0], [5.0, 5.0], [-2.5, 2.5]),
    "all responded": _cells([9, 14], [9, 14], [-4.0, -4.0], [5.0, 5.0], [0.0, 5.0]),
    "one cell": _cells([2], [5], [0.0], [1.0], [0.5]),
    "two against two": _cells([0, 500], [500, 500], [4.0, -4.0], [0.1, 0.1], [-0.05, 0.05]),
}


def _log_density(z: np.ndarray, cells: Cells) -> float:
    y, n, offset, j1, j2 = cells
    eta = offset + j1 * z[0] + j2 * z[1]
    return float((y * log_expit(eta) + (n - y) * log_expit(-eta)).sum() - 0.5 * z @ z)


def _modes(*sites: Cells) -> np.ndarray:
    """Modes of sites with as many cells each, whose counts are alike, as if they were draws of one site."""
    y, n = sites[0][:2]
    offset, j1, j2 = (np.ascontiguousarray(np.transpose([site[i] for site in sites])) for i in (2, 3, 4))
    at, ended = np.empty((8, len(sites))), np.empty(len(sites), dtype=bool)
    kernel_modes._modes(at, y, n, offset, j1, j2, ended)
    assert ended.all()
    return at


@pytest.mark.parametrize("site", SITES)
def test_the_mode_and_the_information_there(site: str) -> None:
    """The maximum, as close to SciPy's as is asked; the information, by differences with steps of 1e-4."""
    cells = SITES[site]
    at = _modes(cells)
    (z1, z2, value), found = at[:3, 0], at[5:, 0]
    best = optimize.minimize(lambda z: -_log_density(z, cells), [0.1, -0.1], method="Nelder-Mead",
                             options={"xatol": 1e-9, "fatol": 1e-13, "maxiter": 4000})  # fmt: skip
    # twice what the search is content with: its last step would have been as long, but by the information before it
    away, information = np.array([z1, z2]) - best.x, np.array([[found[0], found[1]], [found[1], found[2]]])
    assert away @ information @ away < (2 * kernel_modes._CLOSE) ** 2
    assert abs(value + best.fun) < 2 * kernel_modes._CLOSE**2
    at, step = np.array([z1, z2]), 1e-4
    shifted = {(i, j): _log_density(at + step * np.array([i, j]), cells) for i in (-1, 0, 1) for j in (-1, 0, 1)}
    expected = (
        (2 * shifted[0, 0] - shifted[1, 0] - shifted[-1, 0]) / step**2,
        -(shifted[1, 1] - shifted[1, -1] - shifted[-1, 1] + shifted[-1, -1]) / (4 * step**2),
        (2 * shifted[0, 0] - shifted[0, 1] - shifted[0, -1]) / step**2,
    )
    # rounding of the values, at most 1e-12 here, over the square of the step
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-12 * abs(value) / step**2)


def test_modes_do_not_depend_on_their_neighbours() -> None:
    """Draws are searched together until the last has converged; those that have stay where they are."""
    rng = np.random.default_rng(20260503)
    draws = [
        _cells([0, 9], [40, 9], *(list(rng.normal(0, size, 2)) for size in (3, 6, 3)))
        for _ in range(kernel_modes.LANES)
    ]
    alone = np.concatenate([_modes(draw) for draw in draws], axis=1)
    # but for the rounding of products that are fused where several draws are taken at once
    np.testing.assert_allclose(_modes(*draws), alone, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("information", [(3.0, 0.0, 2.0), (4.0, -1.5, 2.2), (1.0, 0.0, 1.0), (400.0, 199.0, 100.5)])
def test_axes_are_those_of_the_curvature(information: tuple[float, float, float]) -> None:
    a, b, c = information
    b11, b21, b12, b22, large, small = kernels._axes(a, b, c, 3)
    basis = np.array([[b11, b12], [b21, b22]])
    matrix = np.array([[a, b], [b, c]])
    np.testing.assert_allclose(basis @ basis.T, np.linalg.inv(matrix), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(sorted((large, small)), np.linalg.eigvalsh(matrix), rtol=1e-10)
    assert abs(basis[:, 0] @ basis[:, 1]) < 1e-10  # principal, not Cholesky


def test_more_information_never_gets_fewer_nodes() -> None:
    levels = [kernels._level(i, i - 1) for i in np.linspace(1, 5, 400)]
    assert levels[0] == 0
    assert levels[-1] == len(kernels.LEVELS) - 1
    assert np.all(np.diff(levels) >= 0)
    assert list(kernels.LEVELS) == sorted(kernels.LEVELS)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_rules_are_exact_for_polynomials(order: int) -> None:
    """k nodes give normal moments exactly up to 2 k - 1: E z^2 = 1, E z^4 = 3 and so on, for every pair of levels."""
    rule = rules(13, order)
    for i, j in np.ndindex(rule.sizes.shape):
        part = slice(rule.starts[i, j], rule.starts[i, j] + rule.sizes[i, j])
        t1, t2 = rule.t1[part], rule.t2[part]
        w = np.exp(rule.weights[part] - 0.5 * (t1**2 + t2**2))
        k1 = max(math.ceil(kernels.LEVELS[i] * 13), 1) if order & 1 else 1
        k2 = max(math.ceil(kernels.LEVELS[j] * 13), 1) if order & 2 else 1
        assert rule.sizes[i, j] == k1 * k2
        for p in range(0, min(2 * k1, 10), 2):
            for q in range(0, min(2 * k2, 10), 2):
                moments = stats.norm.moment(p) * stats.norm.moment(q) if p or q else 1.0
                assert (w * t1**p * t2**q).sum() == pytest.approx(moments, rel=1e-9)
        assert abs((w * t1).sum()) + abs((w * t2).sum()) < 1e-12


SHAPES: list[Prior] = [
    *(StudentT(df=df, mean=0, scale=1, reason=WHY) for df in (1, 2, 4, 10, 30, 1000)),
    StudentT(df=3, mean=-1, scale=2.5, reason=WHY),
    Uniform(lower=-4, upper=2, reason=WHY),
]


@pytest.mark.parametrize("prior", SHAPES, ids=lambda prior: prior.describe())
def test_shape_is_the_quantile_at_the_normal_chance(prior: Prior) -> None:
    """Value and slope against SciPy, between the rows of the table.

    Cubic Hermite interpolation errs by h^4 / 384 of the fourth derivative. A quantile's grows with z as z^4 or less,
    so relative to itself the value is good to 0.005^4 / 384 * 8^4 = 7e-9, and the slope to 0.005^3 / 72 * 8^4 = 7e-6.
    """
    table = shape_table(prior)
    z = np.linspace(-8, 8, 1001) + 1e-3
    value, slope = np.array([grids._shape(table, v) for v in z]).T
    tail = stats.norm.sf(np.abs(z))
    twin = (
        stats.t(prior.df, prior.mean, prior.scale)
        if isinstance(prior, StudentT)
        else stats.uniform(prior.lower, prior.upper - prior.lower)
    )
    expected = np.where(z > 0, twin.isf(tail), twin.ppf(tail))
    np.testing.assert_allclose(value, expected, rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(slope, stats.norm.pdf(z) / twin.pdf(expected), rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("prior", SHAPES, ids=lambda prior: prior.describe())
def test_shape_stays_finite_and_rises_to_its_ends(prior: Prior) -> None:
    table = shape_table(prior)
    assert np.all(np.isfinite(table))
    values = np.array([grids._shape(table, z)[0] for z in np.linspace(-40, 40, 4001)])
    assert np.all(np.isfinite(values))
    inside = values[200:-200]
    assert np.all(np.diff(inside) >= -1e-12 * np.abs(inside[1:]))


def test_no_table_is_the_identity() -> None:
    table = shape_table(Normal(mean=2, sd=3, reason=WHY))
    assert table.shape == (0, 2)
    assert grids._shape(table, 1.7) == (1.7, 1.0)


def test_pick_tells_the_density_of_the_straight_lines() -> None:
    low, step, logs = -1.0, 0.5, np.log(np.array([0.2, 1.0, 0.4, 2.0, 1e-9, 0.6]))
    rng = np.random.default_rng(20260501)
    found = np.array([grids._pick(logs, logs.size, low, step, rng) for _ in range(2000)])
    at = low + step * np.arange(logs.size)
    assert found[:, 0].min() >= at[0]
    assert found[:, 0].max() <= at[-1]
    np.testing.assert_allclose(np.exp(found[:, 1]), np.interp(found[:, 0], at, np.exp(logs)), rtol=1e-9)


def test_picks_follow_the_straight_lines() -> None:
    """Kolmogorov-Smirnov; the ends are negligible, as those of the engine's grids are."""
    z = np.linspace(-7, 7, 29)
    logs, rng = -0.5 * z**2, np.random.default_rng(20260502)
    found = np.array([grids._pick(logs, z.size, z[0], z[1] - z[0], rng)[0] for _ in range(8000)])
    fine = np.linspace(-7, 7, 100_001)
    cdf = np.cumsum(np.interp(fine, z, np.exp(logs)))
    assert stats.kstest(found, lambda x: np.interp(x, fine, cdf / cdf[-1])).pvalue > 1e-3


def test_between_its_points_the_integrand_lies_below_the_bound() -> None:
    """At random sites, also with a mode too sharp to be seen; and no bound is far above a fine grid's maximum."""
    rng, far = np.random.default_rng(20260511), 0.0
    table = shape_table(StudentT(df=4, mean=0, scale=1, reason=WHY))
    h, logs = np.empty(4096), np.empty(4096)
    for _ in range(300):
        n = rng.integers(1, 60, 2)
        line = np.array([rng.binomial(n, rng.uniform(0, 1, 2)), n, rng.normal(0, 3, 2), rng.normal(0, 10, 2)], float)
        for size, tight in ((40, False), (4096, True)):
            low, step = -8.0, 16.0 / (size - 1)
            grids._on_line(line, 2, table, low, step, size, h, logs)
            bound = grids._highest(logs, h, size, low, step, grids._saturated(line, 2))
            if not tight:
                rough = bound
                continue
            assert logs.max() <= rough + 1e-9
            far = max(far, bound - logs.max())
    assert 0 <= far < 1.0
