"""Comparison of models against log evidences, ArviZ and brute force."""

from __future__ import annotations

import inspect
import warnings
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from bayes_lupil import Arms, Cells, EndPoint, Trial, az, fit, load_model, load_trial, sensitivity
from bayes_lupil.errors import InputError, UnsupportedModelError
from bayes_lupil.sites.comparison import compare_models, stacking_weights
from tests.proofs import FIT

MANY = 4.5  # Monte Carlo errors


@pytest.fixture(scope="module")
def trial():
    return load_trial("beitler_landis")


@pytest.fixture(scope="module")
def posteriors(trial):
    return {
        "primary": fit("site_effects", trial),
        "levels": fit("site_intercepts", trial),
        "outlying": fit("outliers_arms", trial),
    }


@pytest.fixture(scope="module")
def comparison(posteriors, trial):
    return compare_models(posteriors)


def in_arviz(comparison, posteriors):
    """The same pointwise densities, as ArviZ takes them."""
    found = {}
    for name, posterior in posteriors.items():
        by_site = posterior.data["site_log_likelihood"].to_dataset()
        groups = {"posterior": posterior.data["posterior"].to_dataset(), "log_likelihood": by_site}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            own = az.loo(xr.DataTree.from_dict(groups), pointwise=True)
        values = own.elpd_i.copy(data=[comparison.by_site[name][str(site)] for site in by_site["site"].values])
        found[name] = replace(own, elpd_i=values, elpd=float(values.sum()), se=0.0)
    exact = {"round_to": "none"} if "round_to" in inspect.signature(az.compare).parameters else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return az.compare(found, method="stacking", **exact)


def test_differences_are_those_of_log_evidences(comparison, posteriors, trial):
    # log p(y_s | y_-s) = log p(y) - log p(y_-s), the evidences from fits that share nothing with the reweighting
    exact, error = {}, {}
    for name in ("primary", "levels"):
        spec = posteriors[name].spec.edited(sampler__seed=97, sampler__points=8192)
        whole, whole_error = sensitivity.log_evidence(fit(spec, trial))
        parts = [sensitivity.log_evidence(fit(spec.edited(without_sites=[s]), trial)) for s in trial.site_names]
        exact[name] = sum(whole - value for value, _ in parts)
        error[name] = np.sqrt(sum(e**2 for _, e in parts) + (8 * whole_error) ** 2)
    best = comparison.models[0].name
    for item in comparison.models:
        if item.name not in exact:
            continue
        assert abs(item.elpd - exact[item.name]) < MANY * np.hypot(item.mcse, error[item.name])
        tolerance = MANY * np.sqrt(item.difference_mcse**2 + error[item.name] ** 2 + error[best] ** 2)
        assert abs(item.difference - (exact[item.name] - exact[best])) <= tolerance


@pytest.mark.proof(*FIT, "sites", "sensitivity")
def test_the_error_of_a_density_is_its_spread_over_seeds(trial):
    runs = [
        compare_models(
            {str(n): fit(load_model("site_effects").edited(sampler__seed=seed + n), trial) for n in (0, 1)}
        ).models
        for seed in range(0, 24, 2)
    ]
    values = [item for run in runs for item in run]
    spread = np.std([item.elpd for item in values], ddof=1)
    # 24 runs tell an SD to about 15 %; a factor of 2 is more than 4 times that
    # errors of evidences are told on the large side: their points are evenly spread
    assert 0.3 < spread / np.mean([item.mcse for item in values]) < 1.5


@pytest.mark.stack
def test_paired_standard_errors_are_those_of_arviz(comparison, posteriors):
    reference = in_arviz(comparison, posteriors)
    for item in comparison.models:
        # ArviZ divides by the number of sites, not by one less
        se = np.asarray(reference["dse"].astype(float)[item.name]) * np.sqrt(8 / 7)
        assert item.difference_se == pytest.approx(se, rel=1e-6)
        assert item.elpd == pytest.approx(float(reference["elpd"][item.name]), rel=1e-6)


@pytest.mark.stack
def test_stacking_weights_are_those_of_arviz(comparison, posteriors):
    reference = in_arviz(comparison, posteriors)["weight"].astype(float)
    for item in comparison.models:
        assert item.weight == pytest.approx(reference[item.name], abs=2e-3)  # its optimiser stops at 1e-6 of the score


def test_stacking_weights_by_brute_force():
    log_density = np.random.default_rng(5).normal(0, 1, (40, 2)) - 3
    grid = np.linspace(0, 1, 100_001)
    score = sum(np.log(grid * np.exp(a) + (1 - grid) * np.exp(b)) for a, b in log_density)
    assert 0.05 < grid[score.argmax()] < 0.95
    assert stacking_weights(log_density)[0] == pytest.approx(grid[score.argmax()], abs=1e-4)


@pytest.mark.parametrize("seed", range(5))
def test_stacking_weights_meet_the_conditions_of_an_optimum(seed):
    # Karush, Kuhn and Tucker: the mean of p_k / mixture is 1 where a weight is positive and at most 1 elsewhere
    log_density = np.random.default_rng(seed).normal(0, 1, (30, 6)) * np.linspace(0.5, 2, 6)
    weights = stacking_weights(log_density)
    density = np.exp(log_density)
    slope = (density / (density @ weights)[:, None]).mean(axis=0)
    assert weights.sum() == pytest.approx(1)
    assert (weights >= 0).all()
    assert slope[weights > 1e-6] == pytest.approx(1, abs=1e-4)
    assert (slope < 1 + 1e-4).all()


def test_densities_that_underflow_stack_as_well():
    log_density = np.random.default_rng(1).normal(0, 1, (20, 3))
    shifted = log_density - np.linspace(100, 5000, 20)[:, None]
    assert stacking_weights(shifted) == pytest.approx(stacking_weights(log_density), abs=1e-8)


def test_models_that_cannot_be_told_apart_are_said_so(comparison):
    assert not any(item.distinct for item in comparison.models[1:])
    text = comparison.warnings[0]
    assert text.startswith(f"'{comparison.models[0].name}' cannot be told apart from ")
    assert all(f"'{item.name}'" in text for item in comparison.models[1:])
    assert "below 4" in text
    assert "With 8 sites" in comparison.warnings[-1]


def test_a_model_that_predicts_badly_is_told_apart(posteriors, trial):
    prior = {"family": "normal", "mean": 2.5, "sd": 0.05, "reason": "against the data"}
    tight = {"family": "half_normal", "sd": 0.05, "reason": "and sure of it"}
    wrong = fit(posteriors["primary"].spec.edited(name="wrong", priors__alpha=prior, priors__tau_u=tight), trial)
    found = compare_models([posteriors["primary"], wrong])
    best, last = found.models
    assert (best.name, last.name) == ("site_effects", "wrong")
    assert last.distinct
    assert last.difference < -20
    assert (best.difference, best.difference_se, best.difference_mcse) == (0, 0, 0)
    assert best.weight == pytest.approx(1, abs=1e-3)
    assert len(found.warnings) == 1  # that of few sites alone


def test_refitted_sites_are_named():
    r = np.array([[12, 6], [3, 9], [10, 4], [4, 4], [20, 19]])
    n = np.array([[20, 20], [20, 20], [20, 20], [20, 20], [20, 20]])
    cells = Cells(tuple("ABCDE"), r, n)
    trial = Trial.from_cells(cells, Arms("placebo", "drug"), EndPoint("cure", "Cure"), "made up", synthetic=True)
    models = [load_model("site_effects"), load_model("site_intercepts")]
    found = compare_models([fit(spec, trial) for spec in models])
    for item in found.models:
        loo = sensitivity.loo_sites(fit(load_model(item.name), trial))
        assert item.refitted == loo.refitted
        assert found.by_site[item.name] == loo.by_site
        assert np.isfinite(item.mcse)
    assert any(item.refitted for item in found.models)
    assert found.synthetic


def test_as_a_table(comparison):
    frame = comparison.to_frame()
    assert frame.index[0] == comparison.models[0].name
    assert frame["difference"].is_monotonic_decreasing
    assert frame["weight"].sum() == pytest.approx(1)
    assert frame.notna().all(axis=None)


def test_what_is_refused(posteriors, trial):
    one = posteriors["primary"]
    with pytest.raises(InputError, match="two or more"):
        compare_models([one])
    with pytest.raises(InputError, match="two named 'site_effects'"):
        compare_models([one, one])
    without = fit(one.spec.edited(name="without", without_sites=["1"]), trial)
    with pytest.raises(InputError, match="without 1"):
        compare_models([one, without])
    with pytest.raises(UnsupportedModelError, match="no likelihood of single sites"):
        compare_models([one, fit("itt_pooled", trial)])
