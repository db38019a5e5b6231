"""Sites within countries: integrals and draws against grids that share no code, and the models that they come down to.

Brute force takes a country's effects (c, d) on a dense grid, in the distribution that the model file states for them,
and for each point the sites' integrals of `brute_force`.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from bayes_lupil import Cells, ModelSpec, load_model
from bayes_lupil.errors import UnsupportedModelError
from bayes_lupil.likelihoods import BinomialCells, NestedCells
from bayes_lupil.likelihoods.laplace import laplace
from tests.likelihoods import brute_force as bf
from tests.likelihoods.test_density import _agree
from tests.proofs import FIT

Floats = NDArray[np.float64]
WHY = "For this test only."
SPECS: dict[str, ModelSpec] = {
    "both": load_model("site_in_country"),
    "outliers": load_model("country_outliers"),
    "levels": load_model("site_in_country").edited(
        countries__effects="pooled", priors__tau_d=None, sites__effects="pooled", priors__tau_v=None
    ),
    "effects, sites fixed": load_model("site_in_country").edited(
        countries__intercepts="pooled", priors__tau_c=None, sites__intercepts="fixed", priors__tau_u=None
    ),
    "outlying levels": load_model("country_outliers").edited(
        countries__outliers="site", countries__effects="pooled", priors__tau_d=None,
        countries__outlier_share=0.2, priors__country_outlier_share=None,
    ),
    "outlying control": load_model("country_outliers").edited(
        countries__outliers="control", countries__effects="pooled", priors__tau_d=None, sites__coding="reference",
    ),
    "one level": load_model("site_in_country").edited(
        sites__intercepts="pooled", sites__effects="pooled", priors__tau_u=None, priors__tau_v=None
    ),
    "countries fixed": load_model("site_in_country").edited(
        countries__intercepts="fixed", countries__fixed_sd=1.7, priors__tau_c=None
    ),
    "levels fixed alone": load_model("site_in_country").edited(
        countries__intercepts="fixed", countries__effects="pooled", countries__fixed_sd=0.8, priors__tau_c=None,
        priors__tau_d=None,
    ),
}  # fmt: skip
"""Every way in which countries may enter."""

Y = np.array([[3, 6], [2, 2], [8, 11], [0, 0], [0, 1], [19, 3], [30, 52]])
N = np.array([[10, 11], [4, 0], [20, 21], [9, 8], [12, 10], [20, 4], [60, 90]])
Y[1, 1] = 0
COUNTRY = ("Italy", "Italy", "Italy", "Spain", "Spain", "Malta", "France")
CELLS = Cells(tuple(f"s{i}" for i in range(7)), Y, N, countries=COUNTRY)
USUAL = {
    "alpha": -0.4, "beta": 0.3, "tau_u": 0.5, "tau_v": 0.3, "tau_c": 0.6, "tau_d": 0.4, "country_outlier_share": 0.15,
}  # fmt: skip
EXTREME = {
    "alpha": 1.5, "beta": -1.0, "tau_u": 0.05, "tau_v": 0.02, "tau_c": 4.0, "tau_d": 2.5, "country_outlier_share": 0.5,
}  # fmt: skip


def _theta(spec: ModelSpec, point: dict[str, float]) -> dict[str, float]:
    return {item.name: point[item.name] for item in NestedCells(spec, CELLS).marginal.parameters}


def _array(theta: dict[str, float], many: int = 1) -> dict[str, Floats]:
    return {name: np.full(many, value) for name, value in theta.items()}


def _kinds(spec: ModelSpec, theta: dict[str, float]) -> list[tuple[float, Floats, tuple[bool, bool]]]:
    """(share, covariance of the two arms' country effects, which arms are outlying) of every kind of country."""
    x = np.array(spec.sites.x)
    table = spec.countries
    assert table is not None
    tau_c, tau_d = (
        table.fixed_sd if pooling == "fixed" and table.fixed_sd else theta.get(tau, 0.0)
        for tau, pooling in (("tau_c", table.intercepts), ("tau_d", table.effects))
    )
    usual = tau_c**2 + tau_d**2 * np.outer(x, x)
    if not table.is_mixture:
        return [(1.0, usual, (False, False))]
    q = theta.get("country_outlier_share", table.outlier_share)
    assert q is not None
    assert table.outlier_sd is not None
    w2 = table.outlier_sd**2
    if table.outliers == "site":
        return [(1 - q, usual, (False, False)), (q, usual + w2, (True, True))]
    found = []
    for out in product((False, True), repeat=2):
        chance = 1.0
        for is_out, name in zip(out, ("control", "active"), strict=True):
            may = table.outliers in (name, "arms")
            chance *= (q if is_out else 1 - q) if may else float(not is_out)
        if chance:
            found.append((chance, usual + w2 * np.diag(np.array(out, dtype=float)), out))
    return found


def _grid(cov: Floats, many: int) -> tuple[Floats, Floats]:
    """Effects of a country on the log odds of both arms, on a grid of 7 SDs along the principal axes; log weights."""
    values, vectors = np.linalg.eigh(cov)
    axes, points, log_w = vectors * np.sqrt(np.maximum(values, 0)), np.zeros((1, 2)), np.zeros(1)
    for i in range(2):
        if values[i] > 1e-12:
            z = np.linspace(-7, 7, many)
            points = (points[:, None, :] + z[:, None] * axes[:, i]).reshape(-1, 2)
            log_w = (log_w[:, None] + stats.norm.logpdf(z) + np.log(z[1] - z[0])).ravel()
    return points, log_w


def _brute(spec: ModelSpec, theta: dict[str, float], many: int = 141) -> list[list[tuple[float, Floats, Floats]]]:
    """By country and kind: share, grid of effects (by arm), and log of weight times likelihood there.

    The sites' own integrals are those of `SiteMarginal`, which `test_binomial_marginal` holds against brute force.
    """
    found = []
    alone = spec.edited(countries=None, priors__tau_c=None, priors__tau_d=None, priors__country_outlier_share=None)
    x = np.array(spec.sites.x)
    for name in dict.fromkeys(COUNTRY):
        rows = np.array([its == name for its in COUNTRY])
        marginal = bf.marginal_of(alone, Y[rows], N[rows])
        kinds = []
        for share, cov, _ in _kinds(spec, theta):
            points, log_w = _grid(cov, many)
            d = (points[:, 1] - points[:, 0]) / (x[1] - x[0])
            c = points[:, 0] - x[0] * d
            here = _array({k: v for k, v in theta.items() if k in {p.name for p in marginal.parameters}}, len(c))
            here |= {k: here[k] + move for k, move in (("alpha", c), ("beta", d)) if k in here}
            total, failed = marginal.log_total(here or {"": c}, 31)
            assert not failed
            kinds.append((share, points, log_w + total))
        found.append(kinds)
    return found


def _log_sum(kinds: list[tuple[float, Floats, Floats]]) -> float:
    return float(np.logaddexp.reduce([np.log(share) + np.logaddexp.reduce(log) for share, _, log in kinds]))


@pytest.mark.parametrize("name", SPECS)
def test_the_likelihood_is_the_integral_over_both_levels(name: str) -> None:
    spec = SPECS[name]
    marginal = NestedCells(spec, CELLS).marginal
    for point, close in ((USUAL, bf.CLOSE), (EXTREME, bf.EXTREME)):
        theta = _theta(spec, point)
        ours, failed = marginal.log_total(_array(theta), bf.NODES)
        assert failed == 0
        theirs = sum(_log_sum(kinds) for kinds in _brute(spec, theta, 141 if point is USUAL else 301))
        assert ours[0] == pytest.approx(theirs, abs=close * len(set(COUNTRY)))


@pytest.mark.proof("integrals", "likelihoods", "priors", "spec")
def test_sites_are_integrated_as_by_brute_force() -> None:
    """One country by grids over both levels, without any integral of the package."""
    spec, theta = SPECS["both"], USUAL
    rows = [0, 1, 2]
    cells = Cells(("a", "b", "c", "z"), Y[[*rows, 6]], N[[*rows, 6]], countries=("I", "I", "I", "F"))
    marginal = NestedCells(spec, cells).marginal
    both, _ = marginal.log_total(_array(_theta(spec, theta)), bf.NODES)
    alone, _ = marginal.log_total(_array(_theta(spec, theta)), bf.NODES, np.array([0.0, 0.0, 0.0, 1.0]))
    points, log_w = _grid(_kinds(spec, theta)[0][1], 25)
    keep = log_w > log_w.max() - 25
    total = []
    for point, weight in zip(points[keep], log_w[keep], strict=True):
        d = point[1] - point[0]
        moved = {**theta, "alpha": theta["alpha"] + point.mean(), "beta": theta["beta"] + d}
        total.append(weight + sum(bf.brute_site(spec, moved, Y[s], N[s], scan=41) for s in rows))
    assert both[0] - alone[0] == pytest.approx(float(np.logaddexp.reduce(total)), abs=3 * bf.CLOSE)


def test_countries_that_do_not_differ_are_no_level() -> None:
    """With SDs of 0 between countries the likelihood is that of the model without them, to the last digits."""
    theta = {**_theta(SPECS["both"], USUAL), "tau_c": 0.0, "tau_d": 0.0}
    nested, _ = NestedCells(SPECS["both"], CELLS).marginal.log_total(_array(theta), bf.NODES)
    flat = bf.marginal_of(load_model("site_effects"), Y, N)
    alone, _ = flat.log_total(_array({item.name: theta[item.name] for item in flat.parameters}), bf.NODES)
    np.testing.assert_allclose(nested, alone, rtol=1e-13)


@pytest.mark.parametrize("point", [USUAL, EXTREME], ids=["usual", "extreme"])
def test_countries_of_one_site_without_a_level_of_sites_are_sites(point: dict[str, float]) -> None:
    own = Cells(CELLS.sites, Y, N, countries=tuple(f"c{i}" for i in range(7)))
    theta = _theta(SPECS["one level"], point)
    nested, _ = NestedCells(SPECS["one level"], own).marginal.log_total(_array(theta), bf.NODES)
    flat = bf.marginal_of(load_model("site_effects"), Y, N)
    renamed = {"alpha": "alpha", "beta": "beta", "tau_u": "tau_c", "tau_v": "tau_d"}
    alone, _ = flat.log_total(_array({item.name: theta[renamed[item.name]] for item in flat.parameters}), 61)
    np.testing.assert_allclose(nested, alone, atol=7 * (bf.CLOSE if point is USUAL else bf.EXTREME))


def test_a_power_of_0_leaves_a_site_out() -> None:
    spec = SPECS["both"]
    powers, theta = np.array([1.0, 1, 0, 1, 1, 1, 1]), _array(_theta(spec, USUAL))
    without = NestedCells(spec, CELLS.without(("s2",))).marginal.log_total(theta, bf.NODES)[0]
    # both rules are right to this, with their points around slightly different starts
    np.testing.assert_allclose(
        NestedCells(spec, CELLS).marginal.log_total(theta, bf.NODES, powers)[0], without, atol=1e-6
    )


@pytest.mark.proof(*FIT)
@pytest.mark.parametrize("name", ["both", "outliers", "effects, sites fixed", "outlying control"])
def test_draws_follow_their_density(name: str) -> None:
    """Means, squares and products of a country's effects by arm given theta, within 4.5 Monte Carlo errors."""
    spec, many = SPECS[name], 8000
    theta, likelihood = _theta(SPECS[name], USUAL), NestedCells(SPECS[name], CELLS)
    drawn = likelihood.marginal.draw(_array(theta, many), np.random.SeedSequence(11))
    c, d = (drawn.get(key, np.zeros((many, 4))) for key in ("c", "d"))
    x = np.array(spec.sites.x)
    effects = c[..., None] + d[..., None] * x
    for g, kinds in enumerate(_brute(spec, theta)):
        at = np.concatenate([points for _, points, _ in kinds])
        w = np.concatenate([np.log(share) + log for share, _, log in kinds])
        w = np.exp(w - np.logaddexp.reduce(w))
        for value in (lambda e: e[..., 0], lambda e: e[..., 1], lambda e: e[..., 0] ** 2, lambda e: e.prod(axis=-1)):
            mean = w @ value(at)
            sd = np.sqrt(w @ (value(at) - mean) ** 2)
            assert abs(value(effects[:, g]).mean() - mean) < 4.5 * sd / np.sqrt(many) + 1e-12, (g, mean)


def test_the_only_site_of_a_country_is_drawn_as_one_with_the_variance_of_both_levels() -> None:
    """Given theta, c + u of such a site is normal with tau_c^2 + tau_u^2: drawn as of the model with sites alone."""
    spec, many = SPECS["both"], 20_000
    theta, likelihood = _theta(spec, USUAL), NestedCells(spec, CELLS)
    values = _array(theta, many)
    values |= likelihood.marginal.draw(values, np.random.SeedSequence(5))
    eta = likelihood.sites.linear_predictor(values)
    flat = bf.likelihood_of(load_model("site_effects"), Y, N)
    one = {"alpha": theta["alpha"], "beta": theta["beta"], "tau_u": np.hypot(theta["tau_u"], theta["tau_c"])}
    alone = _array(one | {"tau_v": np.hypot(theta["tau_v"], theta["tau_d"])}, many)
    alone |= flat.site_marginal.draw(alone, np.random.SeedSequence(6))
    expected = flat.sites.linear_predictor(alone)
    for s in (5, 6):
        for ours, theirs in ((eta[:, s, a], expected[:, s, a]) for a in (0, 1)):
            assert stats.ks_2samp(ours, theirs).pvalue > 1e-3
        assert stats.ks_2samp(eta[:, s, 1] - eta[:, s, 0], expected[:, s, 1] - expected[:, s, 0]).pvalue > 1e-3


@pytest.mark.parametrize("name", ["outliers", "outlying levels", "outlying control"])
def test_the_probability_of_an_outlying_country(name: str) -> None:
    spec = SPECS[name]
    theta = _theta(spec, USUAL)
    ours = NestedCells(spec, CELLS).marginal.outlier_probability(_array(theta), bf.NODES)
    kinds = _kinds(spec, theta)
    for g, parts in enumerate(_brute(spec, theta)):
        weights = np.array([share * np.exp(np.logaddexp.reduce(log)) for share, _, log in parts])
        for arm, names in enumerate((("site", "control"), ("site", "active"))):
            theirs = weights[[out[arm] for _, _, out in kinds]].sum() / weights.sum()
            found = next((ours[key][0, g] for key in names if key in ours), 0.0)
            assert found == pytest.approx(theirs, abs=1e-4)


@pytest.mark.parametrize("name", SPECS)
def test_pymc_has_the_same_density(name: str) -> None:
    _agree(NestedCells(SPECS[name], CELLS))


def test_pymc_has_the_same_density_of_student_t_countries() -> None:
    heavy = {"countries__distribution": "student_t", "countries__df": 3}
    likelihood = NestedCells(SPECS["both"].edited(**heavy), CELLS)
    assert likelihood.marginal is None
    _agree(likelihood)
    # by SciPy: the prior of a country's standardised effects
    point = {name: value[0] for name, value in likelihood.prior_draws(1, np.random.default_rng(8)).items()}
    normal = NestedCells(SPECS["both"], CELLS)
    parts = [point[name] for name in ("e_country", "f_country")]
    more = sum((stats.t.logpdf(z, 3) - stats.norm.logpdf(z)).sum() for z in parts)
    assert float(likelihood.log_joint(point) - normal.log_joint(point)) == pytest.approx(more, rel=1e-9)


def test_a_model_with_countries_is_never_met_without_them() -> None:
    for cells in (CELLS, Cells(CELLS.sites, Y, N)):
        with pytest.raises(UnsupportedModelError, match="countries above the sites"):
            BinomialCells(SPECS["both"], cells)
    with pytest.raises(UnsupportedModelError, match="country is not known"):
        NestedCells(SPECS["both"], Cells(CELLS.sites, Y, N))
    with pytest.raises(UnsupportedModelError, match="Sites of one country are not independent"):
        NestedCells(SPECS["both"], CELLS).site_marginal  # noqa: B018  asking is refused


# modes


def test_modes_of_skewed_densities_of_two_variables() -> None:
    """Of exp(-z'z / 2) / (1 + exp(a + b'z))^n, as of a country without any response: the slope there is 0."""
    rng = np.random.default_rng(2)
    a, b, n = rng.normal(0, 2, 200), rng.normal(0, 3, (200, 2)), rng.integers(1, 2000, 200)

    def log_density(z: Floats, draws: Any) -> Floats:
        eta = a[draws, None] + np.einsum("dpi,di->dp", z, b[draws])
        return np.asarray(-0.5 * (z**2).sum(axis=-1) - n[draws, None] * np.logaddexp(0, eta))

    found = laplace(log_density, np.zeros((200, 2)), np.tile(np.eye(2), (200, 1, 1)))
    assert found.found.all()
    eta = a + (found.mode * b).sum(axis=1)
    slope = -found.mode - (n / (1 + np.exp(-eta)))[:, None] * b
    in_sds = np.einsum("dji,dj->di", found.factor, slope)
    assert np.abs(in_sds).max() < 0.4
