"""Site-marginal log likelihood against brute force: models, extremes, nodes, invariants, a planted failure."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from scipy import integrate as quadrature
from scipy import stats
from scipy.special import betaln, expit

from bayes_lupil import ModelSpec
from bayes_lupil.engines import quadrature as engine
from bayes_lupil.integrals.cell_table import CellTable
from bayes_lupil.integrals.site_integral import SiteForm, integrate
from bayes_lupil.likelihoods import BinomialCells
from bayes_lupil.likelihoods.binomial_marginal import SiteMarginal
from bayes_lupil.likelihoods.site_effects import SiteModel
from tests.likelihoods.brute_force import (
    CLOSE,
    EXTREME,
    FAR_OUT,
    HEAVY,
    MODELS,
    NODES,
    OUTLIER,
    QUICK,
    Floats,
    brute,
    brute_site,
    latent_of,
    latents_of,
    likelihood_of,
    log_sites_at,
    marginal_of,
    read_counts,
    spec_of,
    table_of,
)
from tests.proofs import FIT


def test_brute_force_is_right() -> None:
    """Against adaptive quadrature by SciPy, in one and two dimensions, and where the answer is known.

    A uniform chance of response (a logistic intercept) gives 1 / (n + 1) whatever was seen; here its log odds are
    normal with mean 0, so that with nobody and everybody responding the answers are alike.
    """
    y, n, x = [3, 7], [11, 12], [-0.5, 0.5]
    normal, heavy = latent_of("normal"), latent_of("t", df=2)

    def cells(u: float, v: float) -> float:
        return float(np.prod([stats.binom.pmf(k, m, expit(u + v * c)) for k, m, c in zip(y, n, x, strict=True)]))

    one, _ = quadrature.quad(lambda u: cells(-0.5 + 1.5 * u, 0.7) * stats.norm.pdf(u), -10, 10, epsabs=1e-14)
    assert brute(y, n, x, normal, None, -0.5, 0.7, (1.5, 1.0)) == pytest.approx(np.log(one), abs=1e-9)
    one, _ = quadrature.quad(lambda u: cells(-0.5 + 1.5 * u, 0.7) * stats.t.pdf(u, 2), -40, 40, epsabs=1e-14, limit=400)
    assert brute(y, n, x, heavy, None, -0.5, 0.7, (1.5, 1.0)) == pytest.approx(np.log(one), abs=1e-8)
    t, w = np.polynomial.hermite.hermgauss(120)
    a, b = np.meshgrid(np.sqrt(2) * t, np.sqrt(2) * t, indexing="ij")
    u, v = -0.5 + 0.8 * a, 0.7 + 0.4 * (0.6 * a + 0.8 * b)
    p = np.prod([stats.binom.pmf(k, m, expit(u + v * c)) for k, m, c in zip(y, n, x, strict=True)], axis=0)
    two = np.log((np.outer(w, w) / np.pi * p).sum())
    assert brute(y, n, x, normal, normal, -0.5, 0.7, (0.8, 0.4), 0.6) == pytest.approx(two, abs=1e-9)
    none, everyone = (brute([k], [9], [0.0], normal, None, 0.0, 0.0, (1.5, 1.0)) for k in (0, 9))
    assert none == pytest.approx(everyone, abs=1e-11)


def _worst(likelihood: BinomialCells, theta: dict[str, Floats], draws: int) -> float:
    """Largest error of a site's log likelihood over some draws of theta."""
    marginal = likelihood.site_marginal
    some = {name: value[:draws] for name, value in theta.items()}
    ours, failed = marginal.log_sites(some or {"": np.zeros(1)}, NODES)
    assert failed == 0
    worst = 0.0
    for d in range(len(ours)):
        point = {name: float(value[d]) for name, value in some.items()}
        for s, (y, n) in enumerate(zip(likelihood.cells.responders, likelihood.cells.n, strict=True)):
            worst = max(worst, abs(ours[d, s] - brute_site(likelihood.spec, point, y, n)))
    return worst


def _at_posterior(folder: Path, dataset: str, model: str, draws: int) -> float:
    likelihood = likelihood_of(MODELS[model], *read_counts(folder / "data" / f"{dataset}.csv"))
    found = engine.sample(likelihood)
    names = [item.name for item in likelihood.site_marginal.parameters]
    return _worst(likelihood, {name: found.values[name].ravel() for name in names}, draws)


DATASETS = ("beitler_landis_1985", "hartzel_8centre_muchbetter", "fungal_5centre_sparse", "indo_rct_pep")


@pytest.mark.parametrize("model", QUICK[:-1])
def test_at_theta_of_a_posterior(validation: Path, model: str) -> None:
    """Fungal: five sites, three of them without one responder. Measured 3e-9 to 2e-6."""
    assert _at_posterior(validation, "fungal_5centre_sparse", model, 2) < CLOSE


@pytest.mark.proof(*FIT)
@pytest.mark.parametrize("dataset", DATASETS)
@pytest.mark.parametrize("model", MODELS)
def test_at_many_thetas_of_posteriors(validation: Path, dataset: str, model: str) -> None:
    worst = _at_posterior(validation, dataset, model, 6)
    assert worst < CLOSE


def _extreme(rng: np.random.Generator, model: ModelSpec) -> tuple[dict[str, Floats], list[int], list[int]]:
    n = np.rint(np.exp(rng.uniform(0, np.log(500), 2))).astype(int)
    kind = rng.integers(5)
    y = [0, 0] if kind == 0 else list(n) if kind == 1 else [0, n[1]] if kind == 2 else list(rng.binomial(n, 0.3))
    if kind == 4:  # one arm
        n[rng.integers(2)] = 0
        y = list(np.minimum(y, n))
    theta = {"alpha": rng.uniform(-4, 4), "beta": rng.uniform(-3, 3), "tau_u": rng.uniform(0, 5),
             "tau_v": rng.uniform(0, 5), "correlation": rng.uniform(-0.97, 0.97)}  # fmt: skip
    names = {item.name for item in SiteModel(model, 1).parameters() if not item.dims}
    return {name: np.array([value]) for name, value in theta.items() if name in names}, y, list(n)


def _at_extremes(model: str, many: int) -> float:
    rng, worst = np.random.default_rng(20260510), 0.0
    for _ in range(many):
        theta, y, n = _extreme(rng, MODELS[model])
        ours, failed = marginal_of(MODELS[model], [y], [n]).log_sites(theta, NODES)
        assert failed == 0
        point = {name: float(value[0]) for name, value in theta.items()}
        worst = max(worst, abs(ours[0, 0] - brute_site(MODELS[model], point, y, n, 241)))
    return worst


@pytest.mark.proof(*FIT)
@pytest.mark.parametrize("model", QUICK)
def test_at_extremes(model: str) -> None:
    assert _at_extremes(model, 12) < EXTREME


@pytest.mark.proof(*FIT)
@pytest.mark.parametrize("model", MODELS)
def test_at_many_extremes(model: str) -> None:
    worst = _at_extremes(model, 150)
    assert worst < EXTREME


def test_heavy_tails_have_two_modes() -> None:
    """A small scale and a site far out: half the mass near 0 and half far away; a rule at one mode is wrong by 0.3.

    The mode near 0 alone holds what a normal model with this tau would give it, far less than the whole.
    """
    spec = spec_of("partial", "partial", **HEAVY, sites__df=4)
    ours, failed = log_sites_at(spec, [OUTLIER[0]], [OUTLIER[1]], FAR_OUT)
    assert failed == 0
    whole = brute_site(spec, FAR_OUT, *OUTLIER, scan=481)
    assert ours[0] == pytest.approx(whole, abs=CLOSE)
    near_zero = brute_site(spec_of("partial", "partial"), FAR_OUT, *OUTLIER)
    assert near_zero < whole - 0.3


def test_as_the_degrees_of_freedom_grow_t_becomes_normal() -> None:
    """Two code paths, one limit: t with 1000 degrees of freedom moves a log likelihood by about 1 / 1000."""
    theta = {"alpha": -0.5, "beta": 0.7, "tau_u": 0.9, "tau_v": 0.5}
    point = {name: np.array([value]) for name, value in theta.items()}
    normal, near = (
        marginal_of(spec, [[3, 7], [0, 9]], [[11, 12], [9, 9]]).log_sites(point, NODES)[0]
        for spec in (spec_of("partial", "partial"), spec_of("partial", "partial", **HEAVY, sites__df=1000))
    )
    assert np.abs(normal - near).max() < 5e-3
    assert np.abs(normal - near).max() > 1e-6  # not the same numbers


# any number of cells, any design


@pytest.mark.parametrize("model", ["both", "correlated", "t with 4"])
def test_any_number_of_cells_a_site(model: str) -> None:
    """Five cells at one site (strata of it, three doses), one at another, in mixed order."""
    site, x = [1, 0, 1, 1, 1, 1], [0.5, -0.5, -0.5, 0.0, 0.5, -0.5]
    y, n = [4, 2, 0, 5, 9, 3], [9, 7, 6, 11, 12, 30]
    spec = MODELS[model]
    theta = {"alpha": -0.4, "beta": 0.8, "tau_u": 1.1, "tau_v": 0.7, "correlation": -0.5}
    if not spec.sites.correlated:
        del theta["correlation"]
    marginal = SiteMarginal(SiteModel(spec, 2), table_of(site, y, n, x))
    ours, _ = marginal.log_sites({k: np.array([v]) for k, v in theta.items()}, NODES)
    for s in (0, 1):
        mine = np.asarray(site) == s
        expected = brute(
            np.array(y)[mine], np.array(n)[mine], np.array(x)[mine], *latents_of(spec), theta["alpha"], theta["beta"],
            (theta["tau_u"], theta["tau_v"]), theta.get("correlation", 0.0),
        )  # fmt: skip
        assert ours[0, s] == pytest.approx(expected, abs=CLOSE), s


def test_three_arms_with_an_effect_each() -> None:
    """Two dummy columns in the design, a random intercept, and no random slope."""
    arms = np.tile([0, 1, 2], 2)
    design = np.column_stack([np.ones(6), arms == 1, arms == 2]).astype(float)
    y, n = np.array([3, 5, 9, 0, 2, 2]), np.array([12, 11, 13, 6, 5, 7])
    table = CellTable.from_arrays(np.repeat([0, 1], 3), y, n, np.zeros(6), design)
    b, tau = np.array([-0.8, 0.5, 1.2]), 0.9
    none = np.empty((0, 2))
    ours, failed = integrate(table, SiteForm(1, (none, none), b[None], np.array([[tau, 0.0, 0.0]])), NODES)
    assert failed == 0
    t, w = np.polynomial.hermite.hermgauss(80)
    for s in (0, 1):
        part = slice(3 * s, 3 * s + 3)
        p = expit((design[part] @ b)[:, None] + tau * np.sqrt(2) * t)
        expected = np.log(w @ np.prod(stats.binom.pmf(y[part, None], n[part, None], p), axis=0) / np.sqrt(np.pi))
        assert ours[0, s] + table.log_coefficients()[s] == pytest.approx(expected, abs=CLOSE)


# number of nodes


def _error(nodes: int, y: int, n: int, tau: float) -> float:
    spec = spec_of("partial", "pooled")
    theta = {"alpha": -0.5, "beta": 0.3, "tau_u": tau}
    ours, _ = marginal_of(spec, [[y, y]], [[n, n]]).log_sites({k: np.array([v]) for k, v in theta.items()}, nodes)
    return abs(float(ours[0, 0]) - brute_site(spec, theta, [y, y], [n, n]))


@pytest.mark.parametrize(("y", "n", "tau"), [(0, 20, 3.0), (1, 4, 2.0), (0, 3, 5.0)])
def test_error_falls_geometrically_with_the_nodes(y: int, n: int, tau: float) -> None:
    """The integrand is analytic in a strip, and Gauss-Hermite then errs by about exp(-c sqrt k): c = 2 d sqrt 2.

    (Barrett 1961, Math Comp 15:272-281.) d is the distance of the poles, pi / tau on the scale of z and farther on that
    of the nodes, which are scaled by an SD below 1: at least 0.63 sqrt(1/2) here, for nodes t = z / sqrt 2. From 5 to
    45 nodes the error must so fall by exp(-2 * 0.44 * (sqrt 90 - sqrt 10)) = 0.004 or more; measured 2e-5 and less.
    """
    few, some, many = (_error(k, y, n, tau) for k in (5, 15, 45))
    assert few > 1e-7  # there is an error to begin with
    assert many < 0.004 * few
    assert some < np.sqrt(0.004) * few * 3  # on the way down
    assert many < some


@pytest.mark.parametrize(("nodes", "power"), [(3, 1), (5, 2), (7, 3)])
def test_error_falls_with_the_size_of_a_site(nodes: int, power: int) -> None:
    """As n^-floor((k + 2) / 3) (Jin and Andersson 2020, Biometrika 107:737-744, correcting Liu and Pierce 1994).

    Around the mode the integrand is a normal density times a series whose terms in n^-r are polynomials of degree up
    to 6 r; k nodes are exact to degree 2 k - 1, so the first error is at r = ceil(k / 3).
    One responder in four, every site with information enough for all nodes. The law is one of large n, so the power is
    taken from n = 320 to 1280, and held to a quarter.
    """
    small, large = (_error(nodes, n // 4, n, 1.0) for n in (320, 1280))
    assert np.log(small / large) / np.log(4) == pytest.approx(power, abs=0.25)


# equal sites, order, powers, cores


def _many(model: str = "both", sites: int = 12, seed: int = 3) -> tuple[BinomialCells, dict[str, Floats]]:
    rng = np.random.default_rng(seed)
    n = rng.integers(1, 15, (sites, 2))
    likelihood = likelihood_of(MODELS[model], rng.binomial(n, 0.4), n)
    theta = {item.name: item.prior.sample(rng, (300,)) for item in likelihood.site_marginal.parameters}
    return likelihood, theta


def test_equal_sites_share_an_integral() -> None:
    responders, n = [[3, 7], [0, 2], [3, 7], [3, 8], [0, 2], [3, 7]], [[9, 9], [4, 4], [9, 9], [9, 9], [4, 4], [9, 9]]
    likelihood = likelihood_of(MODELS["both"], responders, n)
    kinds, which = likelihood.site_marginal.table.distinct()
    assert kinds.n_sites == 3
    assert which.tolist() == [0, 1, 0, 2, 1, 0]
    _, theta = _many()
    ours, _ = likelihood.site_marginal.log_sites(theta, NODES)
    np.testing.assert_array_equal(ours[:, 0], ours[:, 2])
    alone = [
        marginal_of(MODELS["both"], [y], [m]).log_sites(theta, NODES)[0][:, 0]
        for y, m in zip(responders, n, strict=True)
    ]
    np.testing.assert_allclose(ours, np.transpose(alone), rtol=0, atol=1e-12)


def test_sites_are_equal_only_if_all_of_their_cells_are() -> None:
    """Responders, patients, treatment code and number of cells all count; arms swapped are another site."""
    site = [0, 0, 1, 1, 2, 2, 3, 4, 4]
    table = table_of(site, [1, 2, 2, 1, 1, 2, 1, 1, 2], [4, 4, 4, 4, 4, 5, 4, 4, 4], [0, 1, 0, 1, 0, 1, 0, 0, 1])
    assert table.distinct()[1].tolist() == [0, 1, 2, 3, 0]


def test_totals_are_weighted_sums_of_sites() -> None:
    likelihood, theta = _many()
    marginal = likelihood.site_marginal
    each, _ = marginal.log_sites(theta, NODES)
    powers = np.random.default_rng(1).uniform(0, 2, likelihood.cells.n.shape[0])
    for p, expected in ((None, each.sum(axis=1)), (powers, each @ powers)):
        np.testing.assert_allclose(marginal.log_total(theta, NODES, p)[0], expected, rtol=1e-12)
    without = np.ones(12)
    without[4] = 0
    left = likelihood_of(
        likelihood.spec, np.delete(likelihood.cells.responders, 4, 0), np.delete(likelihood.cells.n, 4, 0)
    )
    np.testing.assert_allclose(
        marginal.log_total(theta, NODES, without)[0], left.site_marginal.log_total(theta, NODES)[0], rtol=1e-12
    )


@pytest.mark.parametrize("model", ["both", "t with 4"])
def test_nothing_depends_on_the_number_of_cores(monkeypatch: pytest.MonkeyPatch, model: str) -> None:
    likelihood, theta = _many(model, sites=3)
    found = []
    for cores in (1, 2, 5):
        monkeypatch.setenv("BAYES_LUPIL_CORES", str(cores))
        drawn = likelihood.site_marginal.draw(theta, np.random.SeedSequence(5))
        found.append((likelihood.site_marginal.log_sites(theta, NODES)[0], drawn["e"], drawn["f"]))
    for other in found[1:]:
        for first, again in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(first, again)


counts = st.lists(
    st.tuples(st.integers(0, 30), st.integers(0, 30), st.integers(0, 30), st.integers(0, 30)).filter(lambda c: sum(c)),
    min_size=1, max_size=4,
)  # fmt: skip
thetas = st.fixed_dictionaries({
    "alpha": st.floats(-4, 4), "beta": st.floats(-3, 3), "tau_u": st.floats(0, 5), "tau_v": st.floats(0, 3),
})  # fmt: skip


def _both(sites: list[tuple[int, ...]], theta: dict[str, float]) -> Floats:
    y = [[a, c] for a, _, c, _ in sites]
    n = [[a + b, c + d] for a, b, c, d in sites]
    return log_sites_at(MODELS["both"], y, n, theta, 25)[0]


@settings(max_examples=60)
@given(counts, thetas)
def test_invariants(sites: list[tuple[int, ...]], theta: dict[str, float]) -> None:
    """To twice the quadrature error at 25 nodes at these extremes, 1e-3; sums of sites to rounding.

    Responders and non-responders swapped: alpha and beta change sign. Arms swapped: beta does (u and v are symmetric).
    Sites in another order: so are the numbers. A log likelihood of counts is not above 0.
    """
    ours = _both(sites, theta)
    assert np.all(ours <= 1e-9)
    flipped = _both([(b, a, d, c) for a, b, c, d in sites], theta | {"alpha": -theta["alpha"], "beta": -theta["beta"]})
    np.testing.assert_allclose(ours, flipped, rtol=0, atol=2e-3)
    swapped = _both([(c, d, a, b) for a, b, c, d in sites], theta | {"beta": -theta["beta"]})
    np.testing.assert_allclose(ours, swapped, rtol=0, atol=2e-3)
    np.testing.assert_allclose(ours[::-1], _both(sites[::-1], theta), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("model", ["both", "t with 4", "fixed intercepts, t prior"])
def test_chances_of_all_outcomes_sum_to_one(model: str) -> None:
    """Over every table of a site with 2 and 3 patients: nothing but the integral's own error is left."""
    tables = [[a, b] for a in range(3) for b in range(4)]
    spec = MODELS[model]
    likelihood = likelihood_of(spec, tables, [[2, 3]] * 12)
    names = {item.name for item in likelihood.site_marginal.parameters}
    theta = {"alpha": -0.7, "beta": 1.1, "tau_u": 1.4, "tau_v": 0.9}
    found, _ = likelihood.site_marginal.log_sites({k: np.array([v]) for k, v in theta.items() if k in names}, NODES)
    assert np.exp(found).sum() == pytest.approx(1, abs=CLOSE)


@pytest.mark.parametrize("model", ["both", "t with 4"])
def test_a_site_that_says_nothing_multiplies_by_one(model: str) -> None:
    """Cells without patients, which BinomialCells leaves out but a table may hold."""
    sites = SiteModel(MODELS[model], 2)
    theta = {k: np.array([v]) for k, v in {"alpha": -0.5, "beta": 0.4, "tau_u": 2.0, "tau_v": 1.0}.items()}
    table = table_of([0, 0, 1, 1], [3, 4, 0, 0], [9, 9, 0, 0], [-0.5, 0.5, -0.5, 0.5])
    found, failed = SiteMarginal(sites, table).log_sites(theta, NODES)
    assert failed == 0
    assert found[0, 1] == pytest.approx(0.0, abs=1e-9)


def test_without_spread_it_is_the_binomial() -> None:
    """tau = 0 exactly, and no site effects at all: the same closed form."""
    theta = {"alpha": np.array([-0.3]), "beta": np.array([0.9])}
    y, n = [[3, 7], [0, 9]], [[11, 12], [9, 9]]
    p = expit(-0.3 + 0.9 * np.array([-0.5, 0.5]))
    expected = stats.binom.logpmf(y, n, p).sum(axis=1)
    pooled = marginal_of(spec_of("pooled", "pooled"), y, n)
    np.testing.assert_allclose(pooled.log_sites(theta, NODES)[0][0], expected, rtol=1e-12)
    still = theta | {"tau_u": np.zeros(1), "tau_v": np.zeros(1)}
    for model in ("both", "t with 4"):
        found, _ = marginal_of(MODELS[model], y, n).log_sites(still, NODES)
        np.testing.assert_allclose(found[0], expected, rtol=0, atol=1e-6)


# a planted failure


def _without_the_guard() -> ModuleType:
    """The kernels with any full Newton step accepted, however low it leads."""
    from bayes_lupil.integrals import kernel_modes, kernels

    guard, accepted = "if not new[2, i] >= at[2, i] - _ROUNDING:", "if False:"
    search = Path(str(kernel_modes.__file__)).read_text(encoding="utf-8")
    assert search.count(guard) == 1
    _module("modes_without_the_guard", search.replace(guard, accepted))
    integrals = Path(str(kernels.__file__)).read_text(encoding="utf-8")
    return _module("kernels_without_the_guard", integrals.replace(kernel_modes.__name__, "modes_without_the_guard"))


def _module(name: str, source: str) -> ModuleType:
    spec = importlib.util.spec_from_loader(name, loader=None)
    assert spec is not None
    found = importlib.util.module_from_spec(spec)
    sys.modules[name] = found
    exec(compile(source.replace("cache=True", "cache=False"), name, "exec"), found.__dict__)
    return found


@pytest.mark.proof(*FIT)
def test_newton_steps_without_a_limit_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The trap: at sites with 0 of n full steps may diverge, and the likelihood there come out as anything.

    Brute force sees it, by more than 1,000 times the tolerance, and so does the verdict's count.
    """
    from bayes_lupil.integrals import kernels

    spec = MODELS["random intercept"]
    theta = {"alpha": 3.78, "beta": 0.6, "tau_u": 0.17}
    expected = brute_site(spec, theta, [0, 0], [400, 400])
    right, failed = log_sites_at(spec, [[0, 0]], [[400, 400]], theta)
    assert failed == 0
    assert abs(right[0] - expected) < EXTREME
    broken = _without_the_guard()
    monkeypatch.setattr(kernels, "integrate_sites", broken.integrate_sites)
    wrong, failed = log_sites_at(spec, [[0, 0]], [[400, 400]], theta)
    assert failed == 1
    assert abs(wrong[0] - expected) > 1000 * EXTREME
    # two such sites; the rest of the table is likeliest where they have no integral
    table = [[0, 0], [0, 0], [395, 396], [394, 398]], [[400, 400]] * 4
    assert marginal_of(spec, *table).log_total({k: np.array([v]) for k, v in theta.items()}, NODES)[1] > 0


PATIENTS = st.tuples(st.integers(0, 300), st.integers(0, 300))
VAGUE = st.fixed_dictionaries({
    "alpha": st.floats(-1e4, 1e4), "beta": st.floats(-1e4, 1e4), "tau_u": st.floats(-3, 6).map(lambda x: 10**x),
})  # fmt: skip


@settings(deadline=None, max_examples=150)
@given(PATIENTS, PATIENTS, VAGUE)
@example((14, 0), (0, 0), {"alpha": 54.0, "beta": 32.0, "tau_u": 1e6})
@example((117, 78), (252, 78), {"alpha": 0.0, "beta": 7825.796875, "tau_u": 851276.9747713862})
def test_priors_as_vague_as_any(yes: tuple[int, int], no: tuple[int, int], theta: dict[str, float]) -> None:
    """Where a vague prior leads the search: an integral, never infinite, never of a density above 1."""
    y, n = np.array([yes]), np.array([yes]) + np.array([no])
    assume(n.sum())
    for model in ("random intercept", "both"):
        point = theta if model == "random intercept" else theta | {"tau_v": theta["tau_u"]}
        values, failed = log_sites_at(MODELS[model], y, n, point)
        assert failed == 0
        assert -np.inf < values[0] < 1e-6


@pytest.mark.parametrize("alpha", [0.0, 150.0])
@pytest.mark.parametrize("tau", [1e2, 1e4])
def test_where_the_prior_is_flat(alpha: float, tau: float) -> None:
    """An intercept so vague that its prior is flat where a site's data are: a ratio of beta functions.

    Over the log odds a flat prior of height phi(alpha / tau) / tau integrates the binomial density to
    choose(n, y) B(y, n - y) times that height; it bends over the SD of the data, 0.5, by less than 1e-4.
    """
    y, n = 14, 36
    expected = stats.norm.logpdf(-alpha, 0, tau) + betaln(y, n - y) - betaln(y + 1, n - y + 1) - np.log(n + 1)
    theta = {"alpha": alpha, "beta": 0.0, "tau_u": tau}
    values, failed = log_sites_at(MODELS["random intercept"], [[y, 0]], [[n, 0]], theta)
    assert failed == 0
    assert values[0] == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("tau", [1e2, 1e3, 1e4])
@pytest.mark.parametrize(("n", "alpha"), [(1, -6.0), (20, 2.0)])
def test_none_responded_and_a_vast_sd(n: int, alpha: float, tau: float) -> None:
    """A wall: half of the prior lies beyond it. What the search ends at must be the mode, not the wall.

    By Gauss-Hermite at the mode 0.15 is the most that 13 nodes err here; at a point on the wall it would be 0.2 to 5.
    """
    spec, theta = MODELS["random intercept"], {"alpha": alpha, "beta": 0.0, "tau_u": tau}
    values, failed = log_sites_at(spec, [[0, 0]], [[n, 0]], theta)
    assert failed == 0
    assert values[0] == pytest.approx(brute_site(spec, theta, [0, 0], [n, 0], 481), abs=0.15)


def test_a_ridge_far_out_in_heavy_tails() -> None:
    """All responded although the site's model says few: two t variables far out, on a ridge 0.01 SDs wide."""
    spec = MODELS["t with 4, correlated"]
    theta = {"alpha": -1.33, "beta": -1.264, "tau_u": 0.11, "tau_v": 3.9, "correlation": -0.45}
    expected = brute_site(spec, theta, [6, 30], [6, 30])
    for nodes in (NODES, 27, 61):
        values, failed = log_sites_at(spec, [[6, 30]], [[6, 30]], theta, nodes)
        assert failed == 0
        assert values[0] == pytest.approx(expected, abs=CLOSE), nodes
