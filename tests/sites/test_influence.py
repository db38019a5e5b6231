"""Shrinkage factors and retained weights against closed forms, finite differences and planted sites."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bayes_lupil import Arms, Cells, EndPoint, Trial, fit, load_model, load_trial
from bayes_lupil.errors import InputError, UnsupportedModelError
from bayes_lupil.likelihoods import build_likelihood
from bayes_lupil.likelihoods.binomial_marginal import SiteMarginal
from bayes_lupil.sites import influence
from bayes_lupil.sites.influence import retained_weights, shrinkage_factors
from tests.proofs import FIT

# of Monte Carlo errors; some 60 differences with fixed seeds, of which 4 would be passed by chance in less than 1 %
MANY = 4.5


def trial_of(responders, n, name="table"):
    names = tuple(f"site {s}" for s in range(len(n)))
    cells = Cells(names, np.array(responders), np.array(n))
    return Trial.from_cells(cells, Arms("old", "new"), EndPoint("y", "y"), name, synthetic=True)


def known(value):
    """A prior so narrow that the parameter is known."""
    return {"family": "uniform", "lower": value * 0.999, "upper": value * 1.001, "reason": "taken as known"}


def normal(sd):
    return {"family": "normal", "mean": 0, "sd": sd, "reason": "for this test alone"}


@pytest.fixture(scope="module")
def large():
    """Counts so large that log odds ratios are normal; arms of unequal size, effects that differ."""
    rng = np.random.default_rng(5)
    n = np.array([[300, 900], [4000, 2000], [700, 500], [1000, 300], [6000, 9000], [350, 350]])
    y = rng.binomial(n, [[0.3, 0.4], [0.5, 0.52], [0.35, 0.4], [0.6, 0.72], [0.45, 0.5], [0.55, 0.5]])
    return trial_of(y, n)


TAU = 0.15


@pytest.fixture(scope="module")
def of_large(large):
    spec = load_model("site_fixed").edited(
        sites__effects="partial", priors__tau_v=known(TAU), priors__beta=normal(0.2), priors__alpha=normal(3.0),
        sampler__points=16384,
    )  # fmt: skip
    return fit(spec, large)


def observed_variance(trial):
    r, n = trial.data.responders, trial.data.n
    return (1 / r + 1 / (n - r)).sum(axis=1)


def test_weights_of_normal_data_are_the_closed_form(large, of_large):
    precision = 1 / (observed_variance(large) + TAU**2)
    expected = precision / (precision.sum() + 1 / 0.2**2)
    found = retained_weights(of_large)
    assert found.sites == large.site_names
    # 1 %: of what the counts lack of being normal
    assert np.all(np.abs(found.weight - expected) < MANY * found.weight_mcse + 0.01 * expected)
    assert np.all(found.weight_mcse < 0.1 * expected)
    assert np.all(np.abs(found.relative - 1) < MANY * found.relative_mcse + 0.01)
    assert np.all(found.relative_mcse < 0.1)


def test_shrinkage_of_normal_data_is_the_closed_form(large, of_large):
    s2 = observed_variance(large)
    found = shrinkage_factors(of_large)
    assert found.factor == pytest.approx(s2 / (s2 + TAU**2), rel=0.03)  # s2 is at the shrunken rates
    assert np.all((found.mcse > 0) & (found.mcse < 0.01))
    # and it is what the model does to the effects
    r, n = large.data.responders, large.data.n
    own = np.log(r / (n - r)) @ [-1, 1]
    overall = of_large.row("conditional_log_odds_ratio").mean
    p = of_large.draws("p")
    shrunk = (np.log(p / (1 - p)) @ [-1, 1]).mean(axis=(0, 1))
    error = of_large.row("conditional_log_odds_ratio").mcse_mean
    assert shrunk == pytest.approx(own + found.factor * (overall - own), abs=MANY * 3 * error + 0.01)


SMALL_Y, SMALL_N = [[6, 9], [4, 18], [9, 3], [2, 5]], [[20, 14], [12, 30], [15, 10], [9, 9]]
GRID = np.linspace(-5, 5, 201)


def mean_of_beta(likelihood, y, tau_u, tau_v):
    """E[beta | data] on a grid of alpha and beta, both N(0, 1) a priori; counts need not be whole."""
    table = replace(likelihood.site_marginal.table, y=np.asarray(y, dtype=float).ravel())
    alpha, beta = (axis.ravel() for axis in np.meshgrid(GRID, GRID))
    theta = {"alpha": alpha, "beta": beta, "tau_u": np.full(alpha.size, tau_u), "tau_v": np.full(alpha.size, tau_v)}
    logs = SiteMarginal(likelihood.sites, table).log_sites(theta, 21)[0].sum(axis=1) - (alpha**2 + beta**2) / 2
    weights = np.exp(logs - logs.max())
    return float(weights @ beta / weights.sum())


def test_weights_are_what_a_small_change_of_the_counts_does():
    trial = trial_of(SMALL_Y, SMALL_N)
    spec = load_model("site_effects").edited(
        priors__tau_u=known(0.6), priors__tau_v=known(0.5), priors__alpha=normal(1.0), priors__beta=normal(1.0),
        sampler__points=16384,
    )  # fmt: skip
    posterior = fit(spec, trial)
    found = retained_weights(posterior)
    likelihood = build_likelihood(spec, trial)
    p = posterior.draws("p")
    s2 = (1 / (np.array(SMALL_N) * (p * (1 - p)).mean(axis=(0, 1)))).sum(axis=1)
    step = 0.05  # of a log odds ratio
    for s in range(4):
        move = np.zeros((4, 2))
        move[s] = np.array([-1, 1]) * step / s2[s]
        up, down = (mean_of_beta(likelihood, np.array(SMALL_Y) + sign * move, 0.6, 0.5) for sign in (1, -1))
        assert abs(found.weight[s] - (up - down) / (2 * step)) < MANY * found.weight_mcse[s], s
    assert np.all(found.weight_mcse < 0.05 * found.weight)


def with_outlier():
    y = [[40, 47], [38, 44], [44, 50], [36, 46], [41, 45], [39, 47], [43, 52], [37, 42], [10, 80]]
    return trial_of(y, np.full((9, 2), 100), "planted")


def heavy(df):
    return load_model("site_effects").edited(sites__distribution="student_t", sites__df=df, sampler__points=1024)


@pytest.fixture(scope="module")
def planted():
    """One trial with an outlier, under normal and under heavy-tailed site effects."""
    trial = with_outlier()
    return fit("site_effects", trial), fit(heavy(2), trial)


def test_heavy_tails_take_the_weight_of_an_outlier(planted):
    posteriors = planted
    light, t = (retained_weights(posterior) for posterior in posteriors)
    assert light.relative[-1] == pytest.approx(1, abs=MANY * light.relative_mcse[-1] + 0.2)
    # it may fall below 0: pulled further out, the site is believed less
    assert t.relative[-1] < 0.4 * light.relative[-1]
    assert light.relative[-1] - t.relative[-1] > MANY * np.hypot(light.relative_mcse[-1], t.relative_mcse[-1])
    assert np.all(t.relative[:-1] > 0.8)


def test_heavy_tails_shrink_an_outlier_less_than_the_others(planted):
    posteriors = planted
    light, t = (shrinkage_factors(posterior).factor for posterior in posteriors)
    assert t[-1] < 0.5 * t[:-1].min()
    assert light[-1] > 0.5 * light[:-1].min()


@pytest.mark.proof(*FIT, "sites", "sensitivity")
@pytest.mark.parametrize("correlated", [False, True])
def test_precision_behind_a_t_effect_is_that_of_brute_force(correlated):
    # weights of gamma draws by the normal density of f: E[precision | f], by Monte Carlo of 1e5 draws
    trial = trial_of([[40, 47], [38, 44], [10, 80]], np.full((3, 2), 100))
    changes = {"sites__correlated": True, "priors__correlation": {"family": "lkj", "eta": 2, "reason": "for this test"}}
    posterior = fit(heavy(3).edited(sampler__points=512, **changes if correlated else {}), trial)
    ((_, variance),) = influence._variances(posterior, build_likelihood(posterior.spec, trial))
    u, v, tau_u, tau_v = (posterior.draws(name) for name in ("u", "v", "tau_u", "tau_v"))
    r = posterior.draws("correlation") if correlated else np.zeros(tau_v.shape)
    precision = np.random.default_rng(3).gamma(1.5, 1 / 1.5, 100_000)
    for d, s in ((3, 0), (50, 2), (9, 1)):
        spread = tau_v[0, d] * np.sqrt(1 - r[0, d] ** 2)
        rest = v[0, d, s] - r[0, d] * tau_v[0, d] / tau_u[0, d] * u[0, d, s]
        weights = np.sqrt(precision) * np.exp(-precision * (rest / spread) ** 2 / 2)
        assert variance[0, d, s] == pytest.approx(spread**2 * weights.sum() / (weights @ precision), rel=0.03)


def test_a_site_with_one_arm_is_shrunk_wholly_and_has_no_weight_of_its_own():
    trial = trial_of([[6, 9], [4, 18], [9, 3], [2, 0]], [[20, 14], [12, 30], [15, 10], [9, 0]])
    posterior = fit("site_effects", trial)
    shrinkage, retained = shrinkage_factors(posterior), retained_weights(posterior)
    assert (shrinkage.factor[-1], shrinkage.mcse[-1]) == (1, 0)
    assert retained.weight[-1] == 0
    assert np.isnan([retained.relative[-1], retained.relative_mcse[-1]]).all()
    assert np.isfinite(retained.relative[:-1]).all()
    assert np.all(shrinkage.factor[:-1] < 1)


def test_pooled_effects_are_shrunk_wholly_and_every_site_counts_by_its_size():
    trial = load_trial("beitler_landis")
    posterior = fit("site_intercepts", trial)
    assert np.all(shrinkage_factors(posterior).factor == 1)
    found = retained_weights(posterior)
    assert found.relative == pytest.approx(np.ones(8), abs=1e-9)


def test_fixed_effects_are_shrunk_to_their_prior():
    trial = trial_of([[300, 400], [450, 420]], [[1000, 1000], [900, 1000]])
    spec = load_model("site_fixed").edited(sites__effects="fixed", priors__beta=normal(0.1), priors__alpha=normal(3))
    posterior = fit(spec, trial)
    s2 = observed_variance(trial)
    assert shrinkage_factors(posterior).factor == pytest.approx(s2 / (s2 + 0.01), rel=0.02)
    found = retained_weights(posterior)
    assert np.isnan(found.relative).all()
    # the average by patients of two independent effects, whose posterior variance is s2 V / (s2 + V)
    share = trial.data.n.sum(axis=1) / trial.data.n.sum()
    expected = share * 0.01 / (s2 + 0.01)
    assert np.all(np.abs(found.weight - expected) < MANY * found.weight_mcse + 0.02 * expected)


def contaminated(where, share):
    return load_model("site_effects").edited(
        sites__distribution="contaminated", sites__outliers=where, sites__outlier_sd=2.0, sites__outlier_share=share
    )


@pytest.mark.parametrize("where", ["site", "control", "active", "arms"])
def test_outlying_arms_are_shrunk_less(where):
    trial = with_outlier()
    usual = shrinkage_factors(fit("site_effects", trial))
    none = shrinkage_factors(fit(contaminated(where, 0.0), trial))
    assert np.all(np.abs(none.factor - usual.factor) < MANY * np.hypot(none.mcse, usual.mcse))
    posterior = fit(contaminated(where, 0.1), trial)
    found = shrinkage_factors(posterior)
    # by brute force over the states of both arms
    chance, tau = posterior.data["outliers"]["outlier"].values, posterior.draws("tau_v")[..., None]
    p = posterior.draws("p")
    s2 = (1 / (100 * p * (1 - p))).sum(axis=-1)
    expected = 0.0
    states = {"site": [(0, 0)], "control": [(0, 0), (1, 0)], "active": [(0, 0), (0, 1)]}
    for c, a in states.get(where, [(0, 0), (1, 0), (0, 1), (1, 1)]):
        weight = 1.0
        if where in ("control", "arms"):
            weight = weight * (chance[..., 0] if c else 1 - chance[..., 0])
        if where in ("active", "arms"):
            weight = weight * (chance[..., 1] if a else 1 - chance[..., 1])
        expected = expected + weight * s2 / (s2 + tau**2 + 4.0 * (c + a))
    assert found.factor == pytest.approx(np.mean(expected, axis=(0, 1)), rel=1e-9)


def test_a_site_that_is_not_exchangeable_is_shrunk_to_its_own_prior():
    trial = with_outlier()
    spec = load_model("site_effects").edited(
        sites__distribution="exnex", sites__outlier_share=0.1, priors__nonexchangeable=normal(2.0)
    )
    posterior = fit(spec, trial)
    found = shrinkage_factors(posterior)
    p, tau = posterior.draws("p"), posterior.draws("tau_v")[..., None]
    chance = posterior.data["outliers"]["nonexchangeable"].values
    s2 = (1 / (100 * p * (1 - p))).sum(axis=-1)
    expected = ((1 - chance) * s2 / (s2 + tau**2) + chance * s2 / (s2 + 4)).mean(axis=(0, 1))
    assert found.factor == pytest.approx(expected, rel=1e-9)
    assert found.factor[-1] < 0.5 * found.factor[0]


def test_what_cannot_be_done_is_an_error(resampled):
    trial = load_trial("beitler_landis")
    posterior = fit("site_effects", trial)
    for function in (shrinkage_factors, retained_weights):
        with pytest.raises(UnsupportedModelError, match="pooled"):
            function(fit("itt_pooled", trial))
    margins = load_trial("lupil2")
    with pytest.raises(UnsupportedModelError, match="margins"):
        shrinkage_factors(resampled(load_model("site_effects"), margins))
    tree = posterior.data.copy()
    tree["diagnostics"] = tree["diagnostics"].to_dataset().assign(pareto_k=0.9)
    with pytest.raises(InputError, match=r"k-hat 0\.90"):
        retained_weights(replace(posterior, data=tree))


def test_errors_of_chains_are_those_of_dependent_draws():
    # a first-order autoregression of 0.9 has 19 times the variance of a mean of independent draws
    rng = np.random.default_rng(8)
    noise = rng.standard_normal((4, 5000, 2))
    for t in range(1, 5000):
        noise[:, t] = 0.9 * noise[:, t - 1] + np.sqrt(1 - 0.81) * noise[:, t]

    class Chains:
        diagnostics = ()

    found = influence.error_of_means(Chains(), noise)
    assert found == pytest.approx(np.sqrt(19 / 20000), rel=0.2)
    constant = np.concatenate([noise, np.ones((4, 5000, 1))], axis=-1)
    assert influence.error_of_means(Chains(), constant)[-1] == 0
