"""The normal likelihood: NumPy against PyMC and SciPy, and its closed-form site integrals against brute force and R."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats
from scipy.linalg import block_diag

from bayes_lupil import ModelSpec, load_model
from bayes_lupil.engines import engine_for
from bayes_lupil.errors import TrialError, UnsupportedModelError
from bayes_lupil.likelihoods.normal import NormalPatients
from bayes_lupil.likelihoods.normal_marginal import NormalSiteMarginal

RELATIVE = 1e-10
"""PyMC against NumPy, as the design declares; rounding over some 100 terms comes to about 1e-14."""

INTEGRAL = 1e-8
"""Relative. The trapezoidal rule on a Gaussian of SD w with step h errs by 2 exp(-2 (pi w / h)^2): 5e-9 at w = h, and
the narrowest here has w above 1.5 h."""

WHY = "For this test only."
POOLINGS = ("pooled", "partial", "fixed")
EVERY = [(u, v, False) for u in POOLINGS for v in POOLINGS] + [("partial", "partial", True)]
every_pooling = pytest.mark.parametrize(("intercepts", "effects", "correlated"), EVERY)
every_coding = pytest.mark.parametrize("coding", ["centred", "reference"])

# both arms; one patient an arm; control only; a single active patient; nobody
N_CELL = ((5, 4), (1, 1), (6, 0), (0, 1), (0, 0), (3, 8))
SITES = tuple("ABCDEF")
_rng = np.random.default_rng(20260401)
SITE = np.repeat(np.repeat(np.arange(6), 2), np.ravel(N_CELL))
ARM = np.repeat(np.tile([0, 1], 6), np.ravel(N_CELL))
BASELINE = np.round(_rng.normal(30, 6, SITE.size))
BASELINE[SITE == 2] = 31.0  # a site at which it does not vary
Y = np.round(1.5 - 0.8 * ARM + 0.1 * (BASELINE - 30) + _rng.normal(size=6)[SITE] + _rng.normal(0, 2, SITE.size), 1)


def _spec(
    intercepts: str = "partial",
    effects: str = "partial",
    correlated: bool = False,
    coding: str = "centred",
    baseline: bool = True,
    **changes: Any,
) -> ModelSpec:
    tau = {"tau_u": intercepts, "tau_v": effects}
    priors: dict[str, Any] = {f"priors__{name}": None for name, pooling in tau.items() if pooling != "partial"}
    priors["priors__alpha"] = {"family": "normal", "mean": 1, "sd": 2, "reason": WHY}
    priors["priors__sigma"] = {"family": "half_normal", "sd": 3, "reason": WHY}
    if baseline:
        priors["priors__gamma"] = {"family": "normal", "mean": 0, "sd": 0.5, "reason": WHY}
    if correlated:
        priors["priors__correlation"] = {"family": "lkj", "eta": 1.5, "reason": WHY}
    sites = {"intercepts": intercepts, "effects": effects, "correlated": correlated, "coding": coding}
    given = {f"sites__{name}": value for name, value in sites.items()}
    return load_model("site_effects").edited(**(priors | given | changes))


def _likelihood(spec: ModelSpec) -> NormalPatients:
    baseline = None if spec.priors.gamma is None else BASELINE
    return NormalPatients(spec, SITES, SITE, ARM, Y, baseline)


def _marginal(likelihood: NormalPatients) -> NormalSiteMarginal:
    marginal = likelihood.site_marginal
    assert isinstance(marginal, NormalSiteMarginal)
    return marginal


def _thetas(likelihood: NormalPatients, draws: int, seed: int) -> dict[str, Any]:
    drawn = likelihood.prior_draws(draws, np.random.default_rng(seed))
    theta = {item.name: drawn[item.name] for item in _marginal(likelihood).parameters}
    theta["sigma"] = np.maximum(theta["sigma"], 0.05)
    return theta


def _points(likelihood: NormalPatients, many: int, seed: int) -> list[dict[str, Any]]:
    drawn = likelihood.prior_draws(many, np.random.default_rng(seed))
    return [{name: value[i] for name, value in drawn.items()} for i in range(many)]


# the joint density


def _function(likelihood: NormalPatients, gradient: bool = False) -> Any:
    """PyMC's joint log density at untransformed values, so without any Jacobian; run by Python, without compiling."""
    from pymc.model.transform.conditioning import remove_value_transforms
    from pytensor.compile.mode import Mode

    model = remove_value_transforms(likelihood.pymc_model())
    mode = Mode(linker="py", optimizer="fast_run")
    return model.compile_fn(model.dlogp() if gradient else model.logp(jacobian=False), mode=mode)


def _extremes(likelihood: NormalPatients) -> list[dict[str, Any]]:
    (start,) = _points(likelihood, 1, 20260402)
    found = []
    for alpha, beta in ((40.0, -3.0), (-1e6, 1e6)):
        change = {"alpha": np.full_like(start["alpha"], alpha), "beta": np.full_like(start["beta"], beta)}
        found.append({**start, **change})
    found += [{**start, "sigma": np.asarray(sigma)} for sigma in (1e-12, 1e9)]
    taus = [name for name in ("tau_u", "tau_v") if name in start]
    return found + [{**start, **dict.fromkeys(taus, np.asarray(tau))} for tau in (1e-12, 1e3)]


@pytest.mark.stack
@pytest.mark.parametrize(
    "spec",
    [
        *(_spec(u, v, r, ("centred", "reference")[i % 2]) for i, (u, v, r) in enumerate(EVERY)),
        _spec(baseline=False),
        _spec(sites__distribution="student_t", sites__df=4),
    ],
    ids=[*("-".join((u, v, "r" * r)) for u, v, r in EVERY), "no baseline", "student_t"],
)
def test_pymc_and_numpy_agree(spec: ModelSpec) -> None:
    likelihood = _likelihood(spec)
    density = _function(likelihood)
    for point in _points(likelihood, 10, 20260403) + _extremes(likelihood):
        ours, theirs = float(likelihood.log_joint(point)), float(density(point))
        assert np.isfinite(ours), point
        assert theirs == pytest.approx(ours, rel=RELATIVE, abs=RELATIVE), point


def test_gradient_is_finite_at_the_extremes() -> None:
    likelihood = _likelihood(_spec(correlated=True))
    gradient = _function(likelihood, gradient=True)
    for point in _extremes(likelihood):
        assert np.isfinite(gradient(point)).all(), point


def test_density_by_hand() -> None:
    """Both densities could be wrong alike: against SciPy's, patient by patient, with all terms written out."""
    likelihood = _likelihood(_spec(correlated=True, coding="reference"))
    (point,) = _points(likelihood, 1, 20260404)
    u = point["tau_u"] * point["e"]
    r = point["correlation"]
    v = point["tau_v"] * (r * point["e"] + np.sqrt(1 - r**2) * point["f"])
    mean = [
        point["alpha"] + u[s] + (point["beta"] + v[s]) * a + point["gamma"] * (b - BASELINE.mean())
        for s, a, b in zip(SITE, ARM, BASELINE, strict=True)
    ]
    by_patient = stats.norm.logpdf(Y, mean, point["sigma"])
    np.testing.assert_allclose(likelihood.pointwise(point).values, by_patient, rtol=1e-12)
    assert float(likelihood.log_likelihood(point)) == pytest.approx(by_patient.sum(), rel=1e-12)
    parameters = {item.name: item for item in likelihood.parameters}
    assert set(parameters) == {"alpha", "beta", "tau_u", "tau_v", "e", "f", "correlation", "gamma", "sigma"}
    prior = sum(item.prior.logpdf(point[name]).sum() for name, item in parameters.items())
    assert float(likelihood.log_joint(point)) == pytest.approx(prior + by_patient.sum(), rel=1e-12)


def test_leading_axes() -> None:
    """Densities of many draws at once are those of each draw by itself."""
    likelihood = _likelihood(_spec())
    drawn = likelihood.prior_draws(6, np.random.default_rng(3))
    stacked = {name: value.reshape(2, 3, *value.shape[1:]) for name, value in drawn.items()}
    singly = [likelihood.log_joint({name: value[i] for name, value in drawn.items()}) for i in range(6)]
    np.testing.assert_allclose(likelihood.log_joint(stacked), np.reshape(singly, (2, 3)), rtol=1e-13)
    assert likelihood.pointwise(stacked).values.shape == (2, 3, Y.size)
    assert likelihood.means(stacked).shape == (2, 3, 6, 2)


def test_simulated_patients() -> None:
    """Means and SDs over many draws at one point, within 5 standard errors; 58 comparisons."""
    likelihood, many = _likelihood(_spec()), 20_000
    (point,) = _points(likelihood, 1, 20260405)
    values = {name: np.broadcast_to(value, (many, *np.shape(value))) for name, value in point.items()}
    drawn = likelihood.simulate(values, np.random.default_rng(4))
    assert (drawn.dims, drawn.values.shape) == (likelihood.observed().dims, (many, Y.size))
    sigma = float(point["sigma"])
    assert np.abs(drawn.values.mean(axis=0) - likelihood.patient_means(point)).max() < 5 * sigma / np.sqrt(many)
    assert np.abs(drawn.values.std(axis=0) - sigma).max() < 5 * sigma / np.sqrt(2 * many)


def test_weights_data_and_coordinates() -> None:
    likelihood = _likelihood(_spec())
    np.testing.assert_allclose(likelihood.site_weights({}), np.sum(N_CELL, axis=1) / Y.size)
    np.testing.assert_array_equal(likelihood.observed().values, Y)
    constants = {item.name: item.values for item in likelihood.constants()}
    assert set(constants) == {"site_index", "arm_index", "baseline"}
    assert all(len(value) == len(likelihood.coords["patient"]) for value in constants.values())
    assert [item.name for item in _likelihood(_spec(baseline=False)).constants()] == ["site_index", "arm_index"]


# the site effects integrated out


def _moments(spec: ModelSpec, theta: dict[str, float]) -> tuple[Any, Any, Any]:
    """Mean of y, design of the site effects (2 columns a site) and their prior covariance, from the definition."""
    pooling, priors = spec.sites, spec.priors
    x = np.array(spec.sites.x)[ARM]
    alpha, beta = theta.get("alpha", priors.alpha.mean), theta.get("beta", priors.beta.mean)
    mean = alpha + beta * x + theta.get("gamma", 0.0) * (BASELINE - BASELINE.mean())
    su = {"pooled": 0.0, "partial": theta.get("tau_u"), "fixed": priors.alpha.sd}[pooling.intercepts]
    sv = {"pooled": 0.0, "partial": theta.get("tau_v"), "fixed": priors.beta.sd}[pooling.effects]
    r = theta.get("correlation", 0.0)
    one = np.array([[su**2, r * su * sv], [r * su * sv, sv**2]])
    z = np.zeros((Y.size, 12))
    z[np.arange(Y.size), 2 * SITE] = 1
    z[np.arange(Y.size), 2 * SITE + 1] = x
    return mean, z, block_diag(*[one] * 6)


@every_coding
@every_pooling
def test_marginal_is_a_multivariate_normal(intercepts: str, effects: str, correlated: bool, coding: str) -> None:
    """Site by site against SciPy's density with the full covariance matrix of the patients."""
    for baseline in (True, False):
        likelihood = _likelihood(_spec(intercepts, effects, correlated, coding, baseline))
        marginal = _marginal(likelihood)
        thetas = _thetas(likelihood, 8, 20260406)
        by_site, failed = marginal.log_sites(thetas, nodes=13)
        assert (by_site.shape, failed) == ((8, 6), 0)
        for i in range(8):
            theta = {name: float(value[i]) for name, value in thetas.items()}
            mean, z, prior = _moments(likelihood.spec, theta)
            covariance = z @ prior @ z.T + theta["sigma"] ** 2 * np.eye(Y.size)
            for s in (0, 1, 2, 3, 5):
                here = s == SITE
                expected = stats.multivariate_normal.logpdf(Y[here], mean[here], covariance[np.ix_(here, here)])
                assert by_site[i, s] == pytest.approx(expected, rel=INTEGRAL, abs=INTEGRAL)
            assert by_site[i, 4] == 0
        powers = np.array([1, 0, 1, 0.5, 1, 2])
        np.testing.assert_allclose(marginal.log_total(thetas, 13)[0], by_site.sum(axis=1), rtol=1e-13)
        np.testing.assert_allclose(marginal.log_total(thetas, 13, powers)[0], by_site @ powers, rtol=1e-13)


@pytest.mark.parametrize(("intercepts", "effects", "correlated"), [item for item in EVERY if item != EVERY[0]])
def test_marginal_is_the_integral_of_the_joint(intercepts: str, effects: str, correlated: bool) -> None:
    """Against the likelihood given the site effects, summed over a fine grid of them."""
    likelihood = _likelihood(_spec(intercepts, effects, correlated))
    marginal = _marginal(likelihood)
    priors = {item.name: item.prior for item in likelihood.parameters}
    local = [item.name for item in likelihood.parameters if item.dims]
    thetas = _thetas(likelihood, 3, 20260407)
    thetas["sigma"] = np.array([1.0, 2.0, 5.0])
    by_site, _ = marginal.log_sites(thetas)
    grid = np.linspace(-10, 10, 241)
    z = np.meshgrid(*[grid] * len(local), indexing="ij")
    log_weight = sum(stats.norm.logpdf(axis.ravel()) for axis in z) + len(local) * np.log(grid[1] - grid[0])
    for i in range(3):
        values = {name: np.full(log_weight.size, value[i]) for name, value in thetas.items()}
        for name, axis in zip(local, z, strict=True):
            values[name] = np.repeat(priors[name].from_normal(axis.ravel())[:, None], 6, axis=1)
        by_patient = likelihood.pointwise(values).values
        for s in (0, 1, 2, 3, 5):
            log = by_patient[:, s == SITE].sum(axis=1) + log_weight
            expected = log.max() + np.log(np.exp(log - log.max()).sum())
            assert by_site[i, s] == pytest.approx(expected, rel=INTEGRAL, abs=INTEGRAL)


def _flat_site(likelihood: NormalPatients, site: int, theta: dict[str, Any]) -> float:
    """Log of the integral of a site's likelihood over flat site effects, by QR."""
    here = site == SITE
    x = np.array(likelihood.spec.sites.x)[ARM[here]]
    z = np.column_stack([np.ones(x.size), x])
    assert likelihood.centred_baseline is not None
    y = Y[here] - theta["gamma"][0] * likelihood.centred_baseline[here] - theta["alpha"][0] - theta["beta"][0] * x
    q, r = np.linalg.qr(z)
    residual = y - q @ (q.T @ y)
    sigma = theta["sigma"][0]
    fit = -0.5 * (x.size - 2) * np.log(2 * np.pi * sigma**2) - (residual**2).sum() / (2 * sigma**2)
    return float(fit - np.log(np.abs(np.diag(r))).sum())


@pytest.mark.parametrize("tau", [1e7, 1e30, 1e100])
def test_huge_between_site_variances(tau: float) -> None:
    """The likelihood is then that of flat site effects over the height of their prior; nothing may cancel."""
    likelihood = _likelihood(_spec(correlated=True))
    theta = {name: value[:1] for name, value in _thetas(likelihood, 1, 20260408).items()}
    theta |= {"tau_u": np.array([tau]), "tau_v": np.array([tau]), "correlation": np.array([0.3])}
    by_site, _ = _marginal(likelihood).log_sites(theta)
    height = -np.log(2 * np.pi * tau**2 * np.sqrt(1 - 0.3**2))
    for s in (0, 1, 5):
        assert by_site[0, s] == pytest.approx(_flat_site(likelihood, s, theta) + height, rel=1e-10)


def test_finite_wherever_the_engine_may_look() -> None:
    """Up to 1e100, where the engine ends its search, and with a sigma of 0, which a prior far out gives."""
    likelihood = _likelihood(_spec(correlated=True))
    marginal = _marginal(likelihood)
    theta = {name: value[:1] for name, value in _thetas(likelihood, 1, 20260409).items()}
    for name in theta:
        values = (-1.0, 0.0, 1.0) if name == "correlation" else (0.0, 1e-300, 1e100)
        for value in values:
            for other in ("", "sigma", "tau_u"):
                changed = {**theta, **({other: np.array([1e100])} if other else {}), name: np.array([value])}
                assert np.isfinite(marginal.log_total(changed)[0]).all(), (name, value, other)
                drawn = marginal.draw(changed, np.random.SeedSequence(1))
                assert all(np.isfinite(value).all() for value in drawn.values()), (name, value, other)
    steep = NormalPatients(likelihood.spec, SITES, SITE, ARM, Y, 1e6 * BASELINE)
    nothing_fits = theta | {"gamma": np.array([1e100]), "sigma": np.zeros(1)}
    assert _marginal(steep).log_total(nothing_fits)[0] < -1e299
    assert _marginal(steep).log_total(nothing_fits, powers=np.zeros(6))[0] == 0


def test_a_level_common_to_all_patients_costs_no_digits() -> None:
    """A million added to y, to alpha and to the baseline: only the rounding of y itself is left, 1e-10 of a unit."""
    spec = _spec()
    likelihood = _likelihood(spec)
    moved = NormalPatients(spec, SITES, SITE, ARM, Y + 1e6, BASELINE + 1e6)
    theta = _thetas(likelihood, 20, 20260410)
    there = {**theta, "alpha": theta["alpha"] + 1e6}
    np.testing.assert_allclose(
        _marginal(moved).log_sites(there)[0], _marginal(likelihood).log_sites(theta)[0], rtol=1e-6, atol=1e-6
    )


def test_many_draws_at_once_are_those_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    likelihood = _likelihood(_spec(correlated=True))
    theta = _thetas(likelihood, 50, 20260411)
    whole = _marginal(likelihood).log_sites(theta)[0], _marginal(likelihood).draw(theta, np.random.SeedSequence(5))
    monkeypatch.setattr("bayes_lupil.likelihoods.normal_marginal._AT_ONCE", 6 * 7)
    pieces = _marginal(likelihood).log_sites(theta)[0], _marginal(likelihood).draw(theta, np.random.SeedSequence(5))
    np.testing.assert_array_equal(whole[0], pieces[0])
    assert all((whole[1][name] == pieces[1][name]).all() for name in ("e", "f"))


# draws of the site effects


def _exact(likelihood: NormalPatients, theta: dict[str, float]) -> tuple[Any, Any]:
    """Mean and covariance given y of all sites' (u, v), or (alpha, beta) less their priors' means; dense algebra."""
    mean, z, prior = _moments(likelihood.spec, theta)
    total = z @ prior @ z.T + theta["sigma"] ** 2 * np.eye(Y.size)
    gain = prior @ z.T @ np.linalg.inv(total)
    return gain @ (Y - mean), prior - gain @ z @ prior


def _effects(likelihood: NormalPatients, theta: dict[str, Any], local: dict[str, Any]) -> Any:
    """(u, v) of every site in the order of `_exact`, shape (draws, 12), from drawn site parameters."""
    priors = likelihood.spec.priors
    found = {name: np.zeros((len(theta["sigma"]), 6)) for name in ("u", "v")} | likelihood.sites.effects(theta | local)
    for name, parameter, prior in (("u", "alpha", priors.alpha), ("v", "beta", priors.beta)):
        if parameter in local:
            found[name] = local[parameter] - prior.mean
    return np.stack([found["u"], found["v"]], axis=-1).reshape(-1, 12)


@every_coding
@every_pooling
def test_conditional_moments_are_exact(intercepts: str, effects: str, correlated: bool, coding: str) -> None:
    """Standard normal variables of 0 give the mean; one of 1 at a time gives a factor of the covariance."""
    likelihood = _likelihood(_spec(intercepts, effects, correlated, coding))
    marginal = _marginal(likelihood)
    thetas = _thetas(likelihood, 4, 20260412)
    for i in range(4):
        theta = {name: np.full(3, value[i]) for name, value in thetas.items()}
        z = np.repeat(np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])[:, None], 6, axis=1)
        marginal._condition(theta, z)
        drawn = _effects(likelihood, theta, marginal._named(z, theta))
        mean, covariance = _exact(likelihood, {name: float(value[i]) for name, value in thetas.items()})
        size = max(np.sqrt(np.diag(covariance)).max(), np.abs(mean).max(), 1e-3)
        np.testing.assert_allclose(drawn[0], mean, atol=1e-10 * size)
        factor = (drawn[1:] - drawn[0]).reshape(2, 6, 2)
        found = np.einsum("ksi,ksj->sij", factor, factor)
        for s in range(6):
            block = covariance[2 * s : 2 * s + 2, 2 * s : 2 * s + 2]
            np.testing.assert_allclose(found[s], block, atol=1e-10 * size**2)


def test_draws_have_these_moments() -> None:
    """100,000 draws at one theta: every mean and covariance within 5 standard errors; 90 comparisons."""
    likelihood, many = _likelihood(_spec(correlated=True)), 100_000
    marginal = _marginal(likelihood)
    one = {name: value[:1] for name, value in _thetas(likelihood, 1, 20260413).items()}
    theta = {name: np.repeat(value, many) for name, value in one.items()}
    local = marginal.draw(theta, np.random.SeedSequence(20260414))
    assert {name: value.shape for name, value in local.items()} == {"e": (many, 6), "f": (many, 6)}
    drawn = _effects(likelihood, theta, local)
    mean, covariance = _exact(likelihood, {name: float(value[0]) for name, value in one.items()})
    sd = np.sqrt(np.diag(covariance))
    assert (np.abs(drawn.mean(axis=0) - mean) < 5 * sd / np.sqrt(many)).all()
    error = np.sqrt((np.outer(sd, sd) ** 2 + covariance**2) / many)
    assert (np.abs(np.cov(drawn.T) - covariance) < 5 * error).all()
    again = marginal.draw(theta, np.random.SeedSequence(20260414))
    assert (again["e"] == local["e"]).all()


def test_pooled_sites_have_nothing_to_draw() -> None:
    likelihood = _likelihood(_spec("pooled", "pooled"))
    theta = _thetas(likelihood, 3, 1)
    assert _marginal(likelihood).draw(theta, np.random.SeedSequence(1)) == {}


# what is refused


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sites__distribution": "student_t", "sites__df": 4}, "sites.distribution = 'student_t'"),
        (
            {
                "intercepts": "fixed",
                "priors__alpha": {"family": "student_t", "df": 3, "mean": 0, "scale": 1, "reason": WHY},
            },
            "a prior of family 'student_t' for alpha",
        ),
    ],
)
def test_without_a_closed_form_it_is_nuts(changes: dict[str, Any], words: str) -> None:
    spec = _spec(**changes)
    auto = _likelihood(spec)
    assert auto.site_marginal is None
    assert engine_for(auto) == "nuts"
    with pytest.raises(UnsupportedModelError, match="engine 'nuts'") as caught:
        _ = _likelihood(spec.edited(sampler__engine="quadrature")).site_marginal
    assert words in str(caught.value)
    assert _likelihood(spec.edited(sampler__engine="nuts")).site_marginal is None


def test_such_a_prior_of_pooled_effects_is_no_hindrance() -> None:
    prior = {"family": "student_t", "df": 3, "mean": 0, "scale": 1, "reason": WHY}
    likelihood = _likelihood(_spec(priors__alpha=prior, priors__beta=prior))
    assert engine_for(likelihood) == "quadrature"
    assert np.isfinite(_marginal(likelihood).log_total(_thetas(likelihood, 5, 2))[0]).all()


def test_priors_that_do_not_go_with_the_data() -> None:
    with pytest.raises(UnsupportedModelError, match=r"no prior for sigma; required: priors\.sigma"):
        NormalPatients(_spec(baseline=False, priors__sigma=None), SITES, SITE, ARM, Y)
    with pytest.raises(UnsupportedModelError, match=r"no prior for gamma; required: priors\.gamma"):
        NormalPatients(_spec(baseline=False), SITES, SITE, ARM, Y, BASELINE)
    with pytest.raises(UnsupportedModelError, match="data without a baseline"):
        NormalPatients(_spec(), SITES, SITE, ARM, Y)
    with pytest.raises(UnsupportedModelError, match="a continuous end point"):
        _likelihood(_spec()).probabilities({})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"y": []}, r"y of shape \(0,\)"),
        ({"y": Y[:, None]}, r"y of shape \(29, 1\)"),
        ({"y": np.where(np.arange(Y.size) == 3, np.nan, Y)}, "y = nan in row 4"),
        ({"baseline": BASELINE[1:]}, "baseline of shape"),
        ({"baseline": np.where(np.arange(Y.size) == 0, np.inf, BASELINE)}, "baseline = inf in row 1"),
        ({"site": SITE + 1}, "site = 6 in row .* a whole number, 0 to 5"),
        ({"site": SITE[:-1]}, "site of shape"),
        ({"arm": ARM / 2}, "arm = 0.5 in row .* a whole number, 0 to 1"),
        ({"arm": -ARM}, "arm = -1 in row"),
    ],
)
def test_arrays_that_cannot_be(change: dict[str, Any], words: str) -> None:
    arrays = {"site": SITE, "arm": ARM, "y": Y, "baseline": BASELINE} | change
    with pytest.raises(TrialError, match=words):
        NormalPatients(_spec(), SITES, **arrays)


# R's results on two trials

FIVE_DIGITS = 1e-5
"""Relative. Both sides stop their search where the criterion is flat; the farthest, an SD of slopes, is 1.8e-6 away."""


class MixedModel:
    """R's fits from `log_total` alone: maximum likelihood, and restricted maximum likelihood.

    `log_total` is exactly quadratic in the fixed effects, so that differences over steps of 1 give gradient and Hessian
    without error. REML is the likelihood integrated over flat fixed effects (Harville 1974, Biometrika 61:383-385),
    that of a quadratic in closed form. A third arm, which the model does not have, is a shift of its patients' values.
    """

    def __init__(self, rows: list[dict[str, str]], site: str, arms: list[str], spec: ModelSpec) -> None:
        names = sorted({row[site] for row in rows})
        index = [names.index(row[site]) for row in rows]
        y, baseline = (np.array([float(row[name]) for row in rows]) for name in ("change", "baseline"))
        arm = np.array([arms.index(row["arm"]) for row in rows])
        self.arms = arms
        self.mean_baseline = baseline.mean()
        self.shifted = {
            shift: _marginal(NormalPatients(spec, names, index, arm == 1, y - shift * (arm == 2), baseline))
            for shift in ((0,) if len(arms) == 2 else (-1, 0, 1))
        }
        # a fixed effect that is free at every site is integrated out under its (very wide) prior
        self.fixed = [
            name for name in ("alpha", "beta", "gamma") if spec.sites.intercepts != "fixed" or name != "alpha"
        ]
        self.names = [*self.fixed, *(["shift"] if len(arms) == 3 else [])]
        self.variances = [item.name for item in self.shifted[0].parameters if item.name not in self.fixed]
        k = len(self.names)
        unit = np.eye(k, dtype=int)
        self.pairs = [(i, j) for i in range(k) for j in range(i)]
        self.steps = np.array([np.zeros(k, int), *unit, *-unit, *(unit[i] + unit[j] for i, j in self.pairs)])

    def quadratic(self, sds: Any) -> tuple[float, Any, Any]:
        """Maximum over the fixed effects, where it is, and minus the Hessian."""
        k, values = len(self.names), np.empty(len(self.steps))
        for shift, marginal in self.shifted.items():
            here = self.steps[:, -1] == shift if len(self.arms) == 3 else np.ones(len(values), bool)
            theta = {name: self.steps[here, i].astype(float) for i, name in enumerate(self.fixed)}
            theta |= {name: np.full(here.sum(), sd) for name, sd in zip(self.variances, sds, strict=True)}
            values[here] = marginal.log_total(theta)[0]
        plus, minus, top = values[1 : k + 1], values[k + 1 : 2 * k + 1], values[0]
        information = np.diag(2 * top - plus - minus)
        for (i, j), both in zip(self.pairs, values[2 * k + 1 :], strict=True):
            information[i, j] = information[j, i] = plus[i] + plus[j] - top - both
        gradient = (plus - minus) / 2
        estimate = np.linalg.solve(information, gradient)
        return top + gradient @ estimate / 2, estimate, information

    def fit(self, restricted: bool) -> dict[str, tuple[float, float]]:
        """Estimate and standard error by the names of the reference rows."""
        from scipy.optimize import minimize

        def criterion(log_sds: Any) -> float:
            top, _, information = self.quadratic(np.exp(log_sds))
            return -(top - 0.5 * np.linalg.slogdet(information)[1] if restricted else top)

        start = np.zeros(len(self.variances))
        options = {"xatol": 1e-7, "fatol": 1e-10, "maxiter": 4000, "maxfev": 4000}
        found = minimize(criterion, start, method="Nelder-Mead", options=options)
        assert found.success
        sds = np.exp(found.x)
        _, estimate, information = self.quadratic(sds)
        covariance = np.linalg.inv(information)
        result = {name: (float(sd), np.nan) for name, sd in zip(self.variances, sds, strict=True)}
        for i, name in enumerate(self.names):
            result[name] = (float(estimate[i]), float(np.sqrt(covariance[i, i])))
        if "alpha" in self.names:
            at_zero = np.array([{"alpha": 1.0, "gamma": -self.mean_baseline}.get(name, 0.0) for name in self.names])
            result["(Intercept)"] = (float(at_zero @ estimate), float(np.sqrt(at_zero @ covariance @ at_zero)))
        active = [name for name in ("beta", "shift") if name in result]
        terms = {f"arm{arm}": name for arm, name in zip(self.arms[1:], active, strict=True)}
        terms |= {"x": "beta", "baseline": "gamma", "sd(site)": "tau_u", "sigma": "sigma"}
        terms |= {"sd site (Intercept)": "tau_u", "sd site.1 x": "tau_v", "sd Residual NA": "sigma"}
        return result | {term: result[name] for term, name in terms.items() if name in result}


CDISC, OPT = "cdiscpilot_adascog_week24_locf", "opt_pocketdepth_change"
ARMS = {CDISC: ["Placebo", "Xanomeline_High_Dose", "Xanomeline_Low_Dose"], OPT: ["control", "treatment"]}
ML, REML = ("lmer ML: change~baseline+arm+(1|site)", "lmer REML: change~baseline+arm+(1|site)")
SLOPES, ANCOVA = ("lmer REML: change~baseline+x+(x||site), x=0/1", "lm ANCOVA change~baseline+arm+site(fixed)")


@pytest.mark.parametrize(
    ("dataset", "model", "terms"),
    [
        *((f"{CDISC}{group}", model, 6) for group in ("", "[site_group]") for model in (ML, REML)),
        *((OPT, model, 5) for model in (ML, REML)),
        (OPT, SLOPES, 6),
        (f"{CDISC}", ANCOVA, 4),
        (f"{CDISC}[site_group]", ANCOVA, 4),
        (OPT, ANCOVA, 3),
    ],
)
def test_r(validation: Path, dataset: str, model: str, terms: int) -> None:
    """lme4 and lm (references.csv: R 4.2.2, lme4 1.1-31), estimates and standard errors, from our `log_total`.

    Rows of REML are no maximum of `log_total`, but of its integral over the fixed effects, which is closed too; so are
    those of lm with fixed sites, whose free intercepts are integrated under a prior with an SD of a million.
    """
    name, _, group = dataset.partition("[")
    with (validation / "references.csv").open(newline="") as file:
        references = {
            row["term"]: row for row in csv.DictReader(file) if (row["dataset"], row["model"]) == (dataset, model)
        }
    assert len(references) == terms
    with (validation / "data" / f"{name}.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    intercepts, effects = "fixed" if model == ANCOVA else "partial", "partial" if model == SLOPES else "pooled"
    spec = _spec(intercepts, effects, coding="reference", priors__alpha__sd=1e6)
    found = MixedModel(rows, group.rstrip("]") or "site", ARMS[name], spec).fit(restricted=model != ML)
    for term, row in references.items():
        estimate, error = found[term]
        assert estimate == pytest.approx(float(row["estimate"]), rel=FIVE_DIGITS), term
        if row["se"] != "NA":
            assert error == pytest.approx(float(row["se"]), rel=FIVE_DIGITS), term
