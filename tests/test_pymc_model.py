"""The PyMC model that users get: its density, and what PyMC's own predictive sampling makes of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pymc as pm
import pytest
from pymc.model.transform.conditioning import remove_value_transforms
from pytensor.compile.mode import Mode
from scipy import stats
from scipy.special import expit

import bayes_lupil as bl
from bayes_lupil import Arms, Cells, EndPoint, Trial
from bayes_lupil.az import to_datatree
from bayes_lupil.likelihoods import build_likelihood
from tests.proofs import FIT

ARMS, POINT = Arms("control", "active"), EndPoint("y", "y")
FULL = Cells(tuple("ABCD"), np.array([[0, 3], [5, 2], [4, 4], [9, 6]]), np.array([[8, 6], [5, 9], [11, 12], [20, 19]]))
GAPS = replace(
    FULL, responders=np.array([[0, 3], [5, 0], [0, 4], [9, 6]]), n=np.array([[8, 6], [5, 0], [0, 12], [20, 19]])
)
DRAWS = 2000
# run by Python, without compiling
PLAIN = Mode(linker="py", optimizer="fast_run")


def trial_of(cells):
    return Trial.from_cells(cells, ARMS, POINT)


def measured(spec):
    """Patients of three sites; a baseline where the model has gamma."""
    rng = np.random.default_rng(3)
    site, arm = np.repeat([0, 1, 2], 8), np.tile([0, 1], 12)
    from bayes_lupil.likelihoods import NormalPatients

    baseline = rng.normal(8, 2, 24) if spec.priors.gamma is not None else None
    return NormalPatients(spec, tuple("ABC"), site, arm, rng.normal(-2, 3, 24), baseline)


LIKELIHOODS = {
    "all cells": lambda: build_likelihood(bl.load_model("site_effects"), trial_of(FULL)),
    "gaps": lambda: build_likelihood(bl.load_model("site_effects"), trial_of(GAPS)),
    "outliers": lambda: build_likelihood(bl.load_model("outliers_arms"), trial_of(FULL)),
    "exnex": lambda: build_likelihood(bl.load_model("site_exnex"), trial_of(GAPS)),
    "pooled": lambda: build_likelihood(bl.load_model("itt_pooled"), trial_of(FULL)),
    "margins": lambda: build_likelihood(bl.load_model("site_effects"), bl.load_trial("lupil2")),
    "normal": lambda: measured(bl.load_model("sledai_absolute")),
    "student": lambda: measured(bl.load_model("sledai_absolute_t")),
}


@pytest.fixture(params=LIKELIHOODS)
def likelihood(request):
    return LIKELIHOODS[request.param]()


def prior_points(likelihood, many):
    drawn = likelihood.prior_draws(many, np.random.default_rng(8))
    return [{name: value[i] for name, value in drawn.items()} for i in range(many)]


@pytest.mark.stack
def test_density_is_that_of_numpy(likelihood):
    model = remove_value_transforms(likelihood.pymc_model(drawn=True))
    density = model.compile_fn(model.logp(jacobian=False), mode=PLAIN)
    for point in prior_points(likelihood, 10):
        assert float(density(point)) == pytest.approx(float(likelihood.log_joint(point)), rel=1e-10, abs=1e-10)


@pytest.mark.stack
def test_prior_predictive_has_the_moments_of_draws_by_numpy(likelihood):
    """Of two samples of the same distribution: 5 standard errors, for each observation, of mean and mean of squares."""
    with likelihood.pymc_model(drawn=True) as model:
        tree = to_datatree(pm.sample_prior_predictive(DRAWS, random_seed=1, compile_kwargs={"mode": PLAIN}))
    (name,) = (variable.name for variable in model.observed_RVs)
    found = tree["prior_predictive"][name].values[0].reshape(DRAWS, -1)
    rng = np.random.default_rng(2)
    values = likelihood.sites.with_components(likelihood.prior_draws(DRAWS, rng), rng)
    ours = np.asarray(likelihood.simulate(values, rng).values).reshape(DRAWS, -1)
    if tree["prior_predictive"][name].dims[2:] == ("cell",):
        ours = ours[:, np.ravel(likelihood.cells.n > 0)]
    # heavy tails have no moments: a score is bounded
    middle, spread = np.median(ours, axis=0), np.quantile(np.abs(ours - np.median(ours, axis=0)), 0.7, axis=0) + 1
    scores = [np.tanh((sample - middle) / spread) for sample in (found, ours)]
    for power in (1, 2):
        one, two = (score**power for score in scores)
        error = np.sqrt((one.var(axis=0) + two.var(axis=0)) / DRAWS)
        assert (np.abs(one.mean(axis=0) - two.mean(axis=0)) < 5 * error + 1e-12).all()


@pytest.mark.stack
@pytest.mark.parametrize("cells", [FULL, GAPS], ids=["all cells", "gaps"])
def test_posterior_predictive_and_log_likelihood_are_binomial(cells):
    """Given draws of p: the moments of y are those of the law of total variance, its log likelihood is SciPy's."""
    model = bl.pymc_model("site_effects", trial_of(cells))
    rng = np.random.default_rng(4)
    sizes = {"alpha": (), "beta": (), "tau_u": (), "tau_v": (), "e": (4,), "f": (4,)}
    draws = {name: rng.normal(0, 0.7, (1, DRAWS, *size)) for name, size in sizes.items()}
    draws |= {name: np.abs(draws[name]) for name in ("tau_u", "tau_v")}
    u, v = draws["tau_u"][..., None] * draws["e"], draws["tau_v"][..., None] * draws["f"]
    level, effect = draws["alpha"][..., None] + u, draws["beta"][..., None] + v
    p = expit(np.stack([level - effect / 2, level + effect / 2], axis=-1))[0]
    some = cells.n > 0
    p, n, y = (p[:, some], cells.n[some], cells.responders[some])
    trace = as_result(draws, model)
    with model:
        drawn = pm.sample_posterior_predictive(trace, random_seed=5, progressbar=False, compile_kwargs={"mode": PLAIN})
        logs = pm.compute_log_likelihood(
            trace, extend_inferencedata=False, progressbar=False, compile_kwargs={"mode": PLAIN}
        )
    found = to_datatree(drawn)["posterior_predictive"]["y"].values[0].reshape(DRAWS, -1)
    mean, variance = n * p.mean(axis=0), (n * p * (1 - p)).mean(axis=0) + (n * p).var(axis=0)
    assert (np.abs(found.mean(axis=0) - mean) < 5 * np.sqrt(variance / DRAWS)).all()
    fourth = ((found - mean) ** 4).mean(axis=0)
    assert (np.abs(found.var(axis=0) - variance) < 5 * np.sqrt(fourth / DRAWS)).all()
    np.testing.assert_allclose(logs["y"].values[0].reshape(DRAWS, -1), stats.binom.logpmf(y, n, p), rtol=1e-9)


def as_result(draws, model):
    """Draws as PyMC's functions take them, in either ArviZ generation."""
    import arviz as az

    coords = {name: list(labels) for name, labels in model.coords.items()}
    dims = {"e": ["site"], "f": ["site"]}
    if int(az.__version__.split(".")[0]) < 1:
        return az.from_dict(posterior=draws, coords=coords, dims=dims)
    return az.from_dict({"posterior": draws}, coords=coords, dims=dims)


@pytest.mark.parametrize("family", ["uniform_shrinkage", "dumouchel", "variance_inverse_gamma"])
def test_priors_that_pymc_lacks_draw_as_themselves(family):
    """Kolmogorov and Smirnov's distance of PyMC's draws from the prior's own distribution function."""
    makers = {
        "uniform_shrinkage": lambda: bl.priors.uniform_shrinkage(scale=0.5),
        "dumouchel": lambda: bl.priors.dumouchel(scale=0.5),
        "variance_inverse_gamma": lambda: bl.priors.variance_inverse_gamma(shape=2, scale=0.5),
    }
    spec = bl.model("site_intercepts", tau_u=makers[family]())
    with bl.pymc_model(spec, trial_of(FULL)):
        drawn = pm.sample_prior_predictive(2000, var_names=["tau_u"], random_seed=6, compile_kwargs={"mode": PLAIN})
    tree = to_datatree(drawn)
    found = tree["prior"]["tau_u"].values[0]
    assert stats.kstest(found, spec.priors.tau_u.cdf).pvalue > 1e-4


@pytest.mark.proof(*FIT)
def test_sampled_by_pymc_it_gives_what_fit_gives():
    trial = bl.load_trial("beitler_landis")
    model = bl.pymc_model("site_effects", trial)
    with model:
        trace = pm.sample(1000, tune=1000, chains=2, cores=1, random_seed=7, progressbar=False, target_accept=0.95)
    beta = to_datatree(trace)["posterior"]["beta"].values
    row = bl.fit("site_effects", trial).row("beta")
    from bayes_lupil.posterior.diagnostics import describe

    theirs = describe("beta", beta)
    assert abs(theirs.mean - row.mean) < 5 * np.hypot(theirs.mcse_mean, row.mcse_mean)
    assert set(to_datatree(trace)["posterior"].data_vars) >= {
        "alpha",
        "beta",
        "tau_u",
        "tau_v",
        "e",
        "f",
        "u",
        "v",
        "p",
    }


def test_what_the_trial_cannot_support_is_refused_as_by_fit():
    with pytest.raises(bl.BayesLupilError, match="no built-in model of that name"):
        bl.pymc_model("sitefx", "lupil2")
    with pytest.raises(bl.BayesLupilError, match="not published"):
        bl.pymc_model("site_fixed", "lupil2")
