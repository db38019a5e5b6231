"""Site distributions other than normal: against integrals over the two log odds of a site, which share no code.

Given its kind, a site's two log odds are bivariate normal with the mean (alpha + x_a slope) and the covariance
tau_u^2 + tau_v^2 x_a x_b + r tau_u tau_v (x_a + x_b) + (the arm deviates) w^2, written down here arm by arm, not as
(u, v); the integral is taken on a dense grid along the principal axes.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import integrate, stats
from scipy.special import expit, gammaln, log_expit

from bayes_lupil import Arms, Cells, EndPoint, Margins, ModelSpec, Trial, fit, load_model
from bayes_lupil.integrals.site_integral import shape_table, t_tables
from bayes_lupil.likelihoods import BinomialCells, build_likelihood
from bayes_lupil.likelihoods.spike_and_slab import deviates, deviation
from bayes_lupil.priors import StudentT
from tests.likelihoods import brute_force as bf
from tests.likelihoods.test_density import MARGINS, TABLE, _agree, _extremes, _function, _likelihood

Floats = NDArray[np.float64]
WHY = "For this test only."
SHARE = {"family": "beta", "a": 1, "b": 9, "reason": WHY}
CONTAMINATED = {"sites__distribution": "contaminated", "sites__outlier_sd": 2.5, "priors__outlier_share": SHARE}
NO_EFFECTS = {"sites__effects": "pooled", "priors__tau_v": None}
CORRELATED = {"sites__correlated": True, "priors__correlation": {"family": "lkj", "eta": 2, "reason": WHY}}
CHANGES: dict[str, dict[str, Any]] = {
    **{where: {**CONTAMINATED, "sites__outliers": where} for where in ("site", "control", "active", "arms")},
    "control, reference": {**CONTAMINATED, "sites__outliers": "control", "sites__coding": "reference"},
    "active, reference": {**CONTAMINATED, "sites__outliers": "active", "sites__coding": "reference"},
    "arms, reference": {**CONTAMINATED, "sites__outliers": "arms", "sites__coding": "reference"},
    "arms, correlated": {**CONTAMINATED, **CORRELATED, "sites__outliers": "arms"},
    "control, effects pooled": {**CONTAMINATED, **NO_EFFECTS, "sites__outliers": "control"},
    "site, effects pooled": {**CONTAMINATED, **NO_EFFECTS, "sites__outliers": "site"},
    "control, share fixed": {
        **CONTAMINATED, "sites__outliers": "control", "priors__outlier_share": None, "sites__outlier_share": 0.15,
    },
    "exnex": {
        "sites__distribution": "exnex", "priors__outlier_share": SHARE,
        "priors__nonexchangeable": {"family": "normal", "mean": 0.3, "sd": 1.5, "reason": WHY},
    },
}  # fmt: skip
SPECS = {name: load_model("site_effects").edited(**changes) for name, changes in CHANGES.items()}
T_DF = load_model("site_effects").edited(
    sites__distribution="student_t",
    priors__df={"family": "gamma", "shape": 2, "rate": 0.1, "lower": 1, "reason": WHY},
)
SITES = [([3, 20], [4, 22]), ([20, 10], [20, 20]), ([0, 0], [7, 9]), ([9, 9], [9, 9]), ([0, 14], [0, 15])]
THETAS = [
    {"alpha": 0.3, "beta": 0.4, "tau_u": 0.5, "tau_v": 0.3, "outlier_share": 0.1, "correlation": 0.4},
    {"alpha": -1.0, "beta": 1.5, "tau_u": 1.5, "tau_v": 1.0, "outlier_share": 0.4, "correlation": -0.8},
    {"alpha": 0.0, "beta": 0.0, "tau_u": 1e-3, "tau_v": 1e-3, "outlier_share": 0.02, "correlation": 0.0},
]


def _theta(spec: ModelSpec, point: dict[str, float]) -> dict[str, float]:
    likelihood = bf.marginal_of(spec, *zip(*SITES, strict=True))
    return {item.name: point[item.name] for item in likelihood.parameters}


def _kinds(spec: ModelSpec, theta: dict[str, float]) -> list[tuple[float, Floats, Floats, tuple[bool, bool]]]:
    """(share, mean and covariance of the two log odds, which arms are outlying) of every kind of site."""
    q = theta.get("outlier_share", spec.sites.outlier_share)
    assert q is not None
    x = np.array(spec.sites.x)
    tau_u, tau_v, r = theta["tau_u"], theta.get("tau_v", 0.0), theta.get("correlation", 0.0)
    mean = theta["alpha"] + theta["beta"] * x
    cov = tau_u**2 + tau_v**2 * np.outer(x, x) + r * tau_u * tau_v * np.add.outer(x, x)
    if spec.sites.distribution == "exnex":
        own = spec.priors.nonexchangeable
        assert own is not None
        alone = theta["alpha"] + own.mean * x, tau_u**2 + own.sd**2 * np.outer(x, x)
        return [(1 - q, mean, cov, (False, False)), (q, *alone, (False, True))]
    w2, where = spec.sites.outlier_sd**2, spec.sites.outliers  # type: ignore[operator]
    if where == "site":
        return [(1 - q, mean, cov, (False, False)), (q, mean, cov + w2, (True, True))]
    found = []
    for control, active in product((False, True), repeat=2):
        chance = 1.0
        for out, name in ((control, "control"), (active, "active")):
            may = where in (name, "arms")
            chance *= (q if out else 1 - q) if may else float(not out)
        if chance:
            found.append((chance, mean, cov + w2 * np.diag([float(control), float(active)]), (control, active)))
    return found


def _log_likelihood(eta: Floats, y: list[int], n: list[int]) -> Floats:
    y_, n_ = np.array(y), np.array(n)
    choose = gammaln(n_ + 1) - gammaln(y_ + 1) - gammaln(n_ - y_ + 1)
    return np.asarray((choose + y_ * log_expit(eta) + (n_ - y_) * log_expit(-eta)).sum(axis=-1))


def _grid(mean: Floats, cov: Floats, many: int = 301) -> tuple[Floats, Floats]:
    """Log odds on a dense grid of 9 SDs along the principal axes, and the log weight of each point."""
    values, vectors = np.linalg.eigh(cov)
    z = np.linspace(-9, 9, many)
    log_w = stats.norm.logpdf(z) + np.log(z[1] - z[0])
    axes = vectors * np.sqrt(np.maximum(values, 0.0))
    points = mean + z[:, None, None] * axes[:, 0] + z[None, :, None] * axes[:, 1]
    return points, log_w[:, None] + log_w[None, :]


def _brute(spec: ModelSpec, theta: dict[str, float], y: list[int], n: list[int]) -> list[float]:
    """Share times likelihood of every kind."""
    found = []
    for share, mean, cov, _ in _kinds(spec, theta):
        eta, log_w = _grid(mean, cov)
        found.append(share * float(np.exp(_log_likelihood(eta, y, n) + log_w).sum()))
    return found


@pytest.mark.parametrize("name", SPECS)
def test_a_site_is_the_sum_over_its_kinds(name: str) -> None:
    spec = SPECS[name]
    for point in THETAS:
        theta = _theta(spec, point)
        ours, failed = bf.log_sites_at(spec, *zip(*SITES, strict=True), theta)
        assert failed == 0
        theirs = [np.log(sum(_brute(spec, theta, y, n))) for y, n in SITES]
        np.testing.assert_allclose(ours, theirs, atol=bf.EXTREME / 2 if point is THETAS[1] else bf.CLOSE)


@pytest.mark.parametrize("name", SPECS)
def test_the_probability_of_an_outlier(name: str) -> None:
    spec = SPECS[name]
    marginal = bf.marginal_of(spec, *zip(*SITES, strict=True))
    for point in THETAS[:2]:
        theta = _theta(spec, point)
        ours = marginal.outlier_probability({k: np.array([v]) for k, v in theta.items()}, bf.NODES)
        for s, (y, n) in enumerate(SITES):
            parts, kinds = _brute(spec, theta, y, n), _kinds(spec, theta)
            for arm, names in enumerate((("site", "control"), ("site", "active", "nonexchangeable"))):
                theirs = sum(p for p, kind in zip(parts, kinds, strict=True) if kind[3][arm]) / sum(parts)
                found = next((ours[name][0, s] for name in names if name in ours), 0.0)
                assert found == pytest.approx(theirs, abs=2e-3)


@pytest.mark.parametrize("name", ["site", "control", "arms, reference", "control, effects pooled", "exnex"])
def test_draws_of_a_site_follow_their_density(name: str) -> None:
    """Mean, SD and correlation of the two log odds given theta, within 4.5 Monte Carlo errors (60 comparisons)."""
    spec, many = SPECS[name], 20_000
    theta = _theta(spec, THETAS[0])
    likelihood = bf.likelihood_of(spec, *zip(*SITES, strict=True))
    values = {k: np.full(many, v) for k, v in theta.items()}
    values |= likelihood.site_marginal.draw(values, np.random.SeedSequence(7))
    eta = likelihood.sites.linear_predictor(values)
    for s, (y, n) in enumerate(SITES):
        points, weights = [], []
        for share, mean, cov, _ in _kinds(spec, theta):
            at, log_w = _grid(mean, cov)
            points.append(at.reshape(-1, 2))
            weights.append((share * np.exp(_log_likelihood(at, y, n) + log_w)).ravel())
        p, w = np.concatenate(points), np.concatenate(weights)
        w = w / w.sum()
        for value in (p[:, 0], p[:, 1], p[:, 0] ** 2, p[:, 1] ** 2, p[:, 0] * p[:, 1]):
            mean = w @ value
            sd = np.sqrt(w @ (value - mean) ** 2)
            drawn = next(d for d, v in _moments(eta[:, s], p) if v is value or np.array_equal(v, value))
            assert abs(drawn.mean() - mean) < 4.5 * sd / np.sqrt(many), (name, s)


def _moments(eta: Floats, p: Floats) -> list[tuple[Floats, Floats]]:
    return [
        (eta[:, 0], p[:, 0]), (eta[:, 1], p[:, 1]), (eta[:, 0] ** 2, p[:, 0] ** 2), (eta[:, 1] ** 2, p[:, 1] ** 2),
        (eta[:, 0] * eta[:, 1], p[:, 0] * p[:, 1]),
    ]  # fmt: skip


# the deviation behind NUTS


@pytest.mark.parametrize("share", [0.02, 0.1, 0.5, 0.97])
def test_a_deviation_has_its_spike_and_its_slab(share: float) -> None:
    """P(|D| > t) = 2 q (1 - Phi(t)) by integrating the normal density over the z that give it, to 1e-9."""
    for t in (1e-6, 0.3, 1.0, 2.5):
        z = np.linspace(0, 9, 200_001)
        over = z[deviation(z, share) > t].min()
        assert 2 * stats.norm.sf(over) == pytest.approx(2 * share * stats.norm.sf(t), abs=2e-4)
    z = np.random.default_rng(1).standard_normal(100_000)
    d = deviation(z, share)
    np.testing.assert_array_equal(d != 0, deviates(z, share))
    assert abs((d != 0).mean() - share) < 4 * np.sqrt(share * (1 - share) / 1e5)
    assert stats.kstest(d[d != 0], stats.norm.cdf).pvalue > 1e-4
    np.testing.assert_array_equal(deviation(-z, share), -d)


def test_a_share_of_nothing_deviates_nowhere() -> None:
    z = np.array([-9.0, 0.0, 0.3, 12.0])
    np.testing.assert_array_equal(deviation(z, 0.0), np.zeros(4))
    assert np.isfinite(deviation(np.array([-400.0, 400.0]), 0.3)).all()


# densities


@pytest.mark.parametrize("name", SPECS)
def test_pymc_has_the_same_density_on_cells(name: str) -> None:
    _agree(_likelihood(SPECS[name], TABLE))


@pytest.mark.parametrize("name", [name for name in SPECS if name != "exnex"])
def test_pymc_has_the_same_density_on_margins(name: str) -> None:
    _agree(_likelihood(SPECS[name], MARGINS))


@pytest.mark.stack
@pytest.mark.parametrize("data", [TABLE, MARGINS], ids=["cells", "margins"])
def test_pymc_has_the_same_density_with_degrees_of_freedom(data: Cells | Margins) -> None:
    _agree(_likelihood(T_DF, data))


@pytest.mark.stack
@pytest.mark.parametrize("name", ["control", "arms", "exnex"])
def test_the_gradient_is_finite(name: str) -> None:
    likelihood = _likelihood(SPECS[name], TABLE)
    gradient = _function(likelihood, gradient=True)
    for point in _extremes(likelihood):
        assert np.isfinite(gradient(point)).all(), point


@pytest.mark.parametrize("name", ["site", "control", "arms", "exnex"])
def test_the_joint_density_integrates_to_the_marginal(name: str) -> None:
    """Average of the likelihood over prior draws of all site variables at fixed theta, within 4.5 errors."""
    spec, many = SPECS[name], 400_000
    likelihood = bf.likelihood_of(spec, *zip(*SITES[:1], strict=True))
    theta = {k: np.full(many, v) for k, v in _theta(spec, THETAS[0]).items()}
    rng = np.random.default_rng(3)
    values = theta | {item.name: item.sample(rng, (many, 1), theta) for item in likelihood.parameters if item.dims}
    chance = np.exp(likelihood.log_likelihood(values))
    ours = np.exp(likelihood.site_marginal.log_sites({k: v[:1] for k, v in theta.items()}, bf.NODES)[0][0, 0])
    assert abs(chance.mean() - ours) < 4.5 * chance.std() / np.sqrt(many)


def test_margins_refuse_effects_that_are_exchangeable_or_not() -> None:
    from bayes_lupil.errors import UnsupportedModelError

    with pytest.raises(UnsupportedModelError, match="site table"):
        _likelihood(SPECS["exnex"], MARGINS)


# limits


def _fits(spec: ModelSpec, other: ModelSpec, **changes: Any) -> tuple[Any, Any]:
    trial = Trial.from_cells(TABLE, Arms("placebo", "drug"), EndPoint("cure", "Cure"))
    return fit(spec.edited(**changes), trial), fit(other.edited(**changes), trial)


@pytest.mark.parametrize("where", ["site", "control", "active", "arms"])
def test_contaminated_with_a_share_of_0_is_normal(where: str) -> None:
    """The same density at any theta, so the same importance sample."""
    nothing = {"sites__outliers": where, "priors__outlier_share": None, "sites__outlier_share": 0.0}
    spec, normal = load_model("site_effects").edited(**{**CONTAMINATED, **nothing}), load_model("site_effects")
    rng = np.random.default_rng(5)
    theta = {k: rng.uniform(0.1, 1.5, 20) for k in ("alpha", "beta", "tau_u", "tau_v")}
    sites = list(zip(*SITES, strict=True))
    ours, theirs = (bf.marginal_of(m, *sites).log_sites(theta, bf.NODES)[0] for m in (spec, normal))
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)
    contaminated, plain = _fits(spec, normal, sampler__points=1024)
    for name in ("beta", "risk_difference"):
        a, b = contaminated.row(name), plain.row(name)
        assert abs(a.mean - b.mean) < 4 * np.hypot(a.mcse_mean, b.mcse_mean)
    assert contaminated.data["outliers"]["outlier"].values.max() == 0


def test_many_degrees_of_freedom_are_normal() -> None:
    """Log densities differ by (x^4 - 2 x^2 - 1) / (4 df) and terms in 1 / df^2, so 2 L(1000) - L(500) is the limit.

    Only to 1e-3 of it, since one of the sites lies more than 3 SDs out, where L(1000) itself is 0.01 off.
    """
    spec = load_model("site_effects").edited(sites__distribution="student_t", sites__df=1000)
    sites = list(zip(*SITES, strict=True))
    for point in THETAS[:2]:
        theta = {k: point[k] for k in ("alpha", "beta", "tau_u", "tau_v")}
        thousand, half, normal = (
            bf.log_sites_at(model, *sites, theta, 61)[0]
            for model in (spec, spec.edited(sites__df=500), load_model("site_effects"))
        )
        np.testing.assert_allclose(2 * thousand - half, normal, atol=1e-3)
        assert np.abs(thousand - normal).max() < 0.55 * np.abs(half - normal).max()
    heavy, plain = _fits(spec, load_model("site_effects"), sampler__points=1024)
    for name in ("beta", "risk_difference", "tau_u"):
        a, b = heavy.row(name), plain.row(name)
        assert abs(a.mean - b.mean) < 4 * np.hypot(a.mcse_mean, b.mcse_mean)


# degrees of freedom that vary over draws


def test_tables_by_degrees_of_freedom() -> None:
    df = np.array([1.0, 2.3, 4.0, 30.0, 900.0])
    many = t_tables(df)
    for i, value in enumerate(df):
        one = shape_table(StudentT(df=value, mean=0, scale=1, reason=WHY))[::5]
        near = slice(200, 1801)  # within 20 SDs
        np.testing.assert_allclose(many[i, near, 0], one[near, 0], rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(many[i, near, 1], one[near, 1], rtol=1e-9)


def test_no_degrees_of_freedom_leave_a_hole() -> None:
    """SciPy's quantiles go astray at some tails below 1e-100; what stands in for them rises, by the law of tails."""
    df = np.concatenate([np.linspace(2.0, 2.6, 4001), np.geomspace(2.6, 1000, 500), np.linspace(1, 2, 500)])
    tables = t_tables(df)
    assert np.isfinite(tables).all()
    value = tables[..., 0]
    assert (np.diff(value) >= 0).all()
    z = np.linspace(0, 25, 1001)[-100:]
    slope = np.diff(np.log(value[:4001, -100:])) / np.diff(-stats.norm.logsf(z))  # d log h / d (-log tail) is 1 / df
    np.testing.assert_allclose(slope, np.broadcast_to(1 / df[:4001, None], slope.shape), rtol=1e-2)


def test_each_draw_has_its_own_degrees_of_freedom() -> None:
    sites = list(zip(*SITES, strict=True))
    df = np.array([1.5, 4.0, 60.0])
    theta = {k: np.full(3, THETAS[0][k]) for k in ("alpha", "beta", "tau_u", "tau_v")}
    ours, failed = bf.marginal_of(T_DF, *sites).log_sites({**theta, "df": df}, bf.NODES)
    assert failed == 0
    for i, value in enumerate(df):
        fixed = T_DF.edited(priors__df=None, sites__df=float(value))
        alone = {k: float(v[i]) for k, v in theta.items()}
        theirs = [bf.brute_site(fixed, alone, y, n) for y, n in SITES]
        np.testing.assert_allclose(ours[i], theirs, atol=bf.CLOSE)


def test_draws_by_degrees_of_freedom() -> None:
    """Site effects of two degrees of freedom in one call: each as if it were alone (Kolmogorov-Smirnov)."""
    many = 4000
    theta = {k: np.full(2 * many, THETAS[0][k]) for k in ("alpha", "beta", "tau_u", "tau_v")}
    df = np.repeat([1.5, 60.0], many)
    both = bf.marginal_of(T_DF, [[3, 20]], [[4, 22]]).draw({**theta, "df": df}, np.random.SeedSequence(1))
    for i, value in enumerate((1.5, 60.0)):
        fixed = T_DF.edited(priors__df=None, sites__df=value)
        alone = bf.marginal_of(fixed, [[3, 20]], [[4, 22]]).draw(
            {k: v[:many] for k, v in theta.items()}, np.random.SeedSequence(2)
        )
        for name in ("e", "f"):
            part = both[name][i * many : (i + 1) * many, 0]
            assert stats.ks_2samp(part, alone[name][:, 0]).pvalue > 1e-4, (value, name)


# a new site


@pytest.mark.parametrize("name", ["site", "control", "arms", "exnex"])
def test_a_new_site_is_drawn_from_the_mixture(name: str) -> None:
    """Mean and variance of its two log odds, from the kinds, within 4.5 errors."""
    spec, many = SPECS[name], 200_000
    theta = _theta(spec, THETAS[0])
    likelihood = build_likelihood(spec, Trial.from_cells(TABLE, Arms("c", "a"), EndPoint("x", "x")))
    values = {k: np.full(many, v) for k, v in theta.items()}
    eta = likelihood.sites.new_site(values, np.random.default_rng(11))["linear_predictor"]
    kinds = _kinds(spec, theta)
    mean = sum(share * m for share, m, _, _ in kinds)
    second = sum(share * (np.diag(c) + m**2) for share, m, c, _ in kinds)
    for a in (0, 1):
        assert abs(eta[:, a].mean() - mean[a]) < 4.5 * eta[:, a].std() / np.sqrt(many)
        squares = eta[:, a] ** 2
        assert abs(squares.mean() - second[a]) < 4.5 * squares.std() / np.sqrt(many)


def test_which_site_stands_alone_is_drawn_given_its_data() -> None:
    """At given effects the chance is share times likelihood, over the sum of both kinds', by hand."""
    spec = SPECS["exnex"]
    likelihood = BinomialCells(spec, Cells(("a",), np.array([[5, 9]]), np.array([[10, 10]])))
    many = 40_000
    one = {"alpha": 0.1, "beta": 0.5, "tau_u": 0.5, "tau_v": 0.3, "outlier_share": 0.3}
    values = {k: np.full(many, v) for k, v in one.items()} | {
        k: np.full((many, 1), v) for k, v in (("e", 0.4), ("f", -0.2), ("g", 1.1))
    }
    drawn = likelihood.with_components(values, np.random.default_rng(2))["nonexchangeable"]
    base = 0.1 + 0.5 * 0.4
    parts = []
    for share, slope in ((0.7, 0.5 + 0.3 * -0.2), (0.3, 0.3 + 1.5 * 1.1)):
        p = expit(base + slope * np.array([-0.5, 0.5]))
        parts.append(share * stats.binom.pmf([5, 9], 10, p).prod())
    chance = parts[1] / sum(parts)
    assert abs(drawn.mean() - chance) < 4.5 * np.sqrt(chance * (1 - chance) / many)
    total = likelihood.log_likelihood({k: v[:1] for k, v in values.items()})
    np.testing.assert_allclose(total, np.log(sum(parts)), rtol=1e-12)


def test_brute_force_is_right() -> None:
    """The grid of this file against SciPy's adaptive double integral."""
    spec = SPECS["control"]
    theta = _theta(spec, THETAS[0])
    (share, mean, cov, _), *_ = _kinds(spec, theta)
    normal = stats.multivariate_normal(mean, cov)
    exact, _ = integrate.dblquad(
        lambda b, a: float(normal.pdf([a, b])) * float(np.exp(_log_likelihood(np.array([a, b]), *SITES[0]))),
        -4, 5, -4, 5, epsabs=1e-12, epsrel=1e-7,
    )  # fmt: skip
    assert _brute(spec, theta, *SITES[0])[0] == pytest.approx(share * exact, rel=1e-5)
