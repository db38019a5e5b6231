"""Reweighted posteriors against fits that were really changed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from bayes_lupil import Arms, Cells, EndPoint, Trial, fit, load_model, load_trial, sensitivity
from bayes_lupil.errors import InputError, ModelError, UnsupportedModelError
from bayes_lupil.likelihoods import build_likelihood
from tests.proofs import FIT

# of combined Monte Carlo errors; about 60 differences are looked at with fixed seeds, of which 4 would be passed by
# chance in less than 1 % of choices of the seeds
MANY = 4.5


@pytest.fixture(scope="module")
def trial():
    return load_trial("beitler_landis")


@pytest.fixture(scope="module")
def posterior(trial):
    """So many draws that 130 are on the rarer side of no difference."""
    return fit(load_model("site_effects").edited(sampler__points=65_536), trial)


def precisely(spec):
    """Another seed, and so many points that the reference adds little error of its own."""
    return spec.edited(sampler__seed=97, sampler__points=65_536)


def assert_alike(changed, reference):
    """Means and P(benefit) against a fit of the changed model."""
    for name, estimate in changed.estimates.items():
        row = reference.row(name)
        assert abs(estimate.mean - row.mean) < MANY * np.hypot(estimate.mcse, row.mcse_mean), (changed.label, name)
        if changed.k_hat > 0.5:  # weights without a variance: means still have an error that can be told, SDs do not
            continue
        heavy = stats.kurtosis(reference.draws(name).ravel(), fisher=False)
        relative = np.sqrt((heavy - 1) / (4 * changed.effective))  # standard error of an SD
        assert estimate.sd == pytest.approx(row.sd, rel=MANY * relative), (changed.label, name)
    best = reference.p_benefit
    assert abs(changed.p_benefit - best.probability) < MANY * np.hypot(changed.p_benefit_mcse, best.mcse), changed.label


@pytest.mark.proof(*FIT, "sensitivity")
def test_leaving_out_each_site_is_a_fit_without_it(trial, posterior):
    results = sensitivity.leave_one_site_out(posterior)
    assert [item.label for item in results] == [f"without site {name}" for name in trial.site_names]
    assert {item.refitted for item in results} == {False, True}  # both ways lead to the same
    for site, item in zip(trial.site_names, results, strict=True):
        assert_alike(item, fit(precisely(posterior.spec).edited(without_sites=[site]), trial))


def dominated():
    """One site has nearly all patients and contradicts the others: its likelihood is most of the posterior."""
    r = np.array([[150, 50], [1, 4], [1, 4], [2, 4], [1, 5]])
    n = np.array([[200, 200], [5, 5], [5, 5], [5, 5], [5, 5]])
    cells = Cells(("big", "a", "b", "c", "d"), r, n)
    return Trial.from_cells(cells, Arms("old", "new"), EndPoint("y", "y"), "dominated", synthetic=True)


def test_where_weights_do_not_carry_the_model_is_refitted():
    trial = dominated()
    spec = load_model("itt_pooled").edited(
        name="common",
        sites__intercepts="partial",
        priors__tau_u={"family": "half_normal", "sd": 0.2, "reason": "small spread"},
    )
    results = sensitivity.leave_one_site_out(fit(spec, trial))
    big = results[0]
    assert big.k_hat > 0.7
    assert big.refitted
    assert_alike(big, fit(precisely(spec).edited(without_sites=["big"]), trial))


@pytest.mark.proof(*FIT, "sensitivity")
def test_loo_of_sites_is_what_fits_without_them_predict(trial, posterior):
    loo = sensitivity.loo_sites(posterior)
    marginal = build_likelihood(posterior.spec, trial).site_marginal
    total = 0.0
    for s, site in enumerate(trial.site_names):
        refit = fit(precisely(posterior.spec).edited(without_sites=[site]), trial)
        theta = {item.name: refit.draws(item.name).ravel() for item in marginal.parameters}
        density = np.exp(marginal.log_sites(theta, 13)[0][:, s])
        spread = density.std() / density.mean()
        # the same relative spread for the reweighted draws, which are fewer
        error = spread * np.hypot(density.size**-0.5, posterior.draws("beta").size ** -0.5)
        assert abs(loo.by_site[site] - np.log(density.mean())) < MANY * error, site
        total += loo.by_site[site]
    assert loo.elpd == pytest.approx(total)
    assert loo.se == pytest.approx(np.std(list(loo.by_site.values()), ddof=1) * np.sqrt(8))


def test_loo_needs_two_sites(tmp_path):
    table = tmp_path / "one.csv"
    table.write_text("site,arm,responders,n\nA,control,3,10\nA,active,5,10\n")
    trial = load_trial(table)
    with pytest.raises(InputError, match="two sites or more"):
        sensitivity.loo_sites(fit("site_effects", trial))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_loo_of_a_site_that_matters_is_a_difference_of_log_evidences(validation, seed):
    # smoothed weights of k-hat 0.53 to 0.65 gave a density too high by 0.23 to 0.29 at this site
    table = validation / "data" / "indo_rct_pep.csv"
    trial = load_trial(table, control="placebo", active="indomethacin", benefit="lower")
    spec = load_model("site_effects").edited(sampler__seed=seed)
    whole = fit(spec, trial)
    loo = sensitivity.loo_sites(whole)
    evidence, error = sensitivity.log_evidence(whole)
    without, its_error = sensitivity.log_evidence(fit(precisely(spec).edited(without_sites=["UM"]), trial))
    # the predictive density's own error is about 0.01
    assert loo.by_site["UM"] == pytest.approx(evidence - without, abs=MANY * np.sqrt(error**2 + its_error**2 + 0.01**2))


@pytest.mark.proof(*FIT, "sensitivity")
@pytest.mark.parametrize(
    ("name", "prior"),
    [
        ("tau_v", {"family": "half_normal", "sd": 1.0, "reason": "twice as wide"}),
        ("tau_v", {"family": "half_cauchy", "scale": 0.5, "reason": "a heavier tail"}),
        ("beta", {"family": "normal", "mean": 0.0, "sd": 0.35, "reason": "a sceptical prior"}),
        ("beta", {"family": "normal", "mean": -3.0, "sd": 0.1, "reason": "against the data: must be refitted"}),
    ],
)
def test_another_prior_is_a_fit_with_it(trial, posterior, name, prior):
    changed = sensitivity.change_prior(posterior, **{name: prior})
    assert changed.refitted == (prior.get("sd") != 0.35)  # the others reach further, or lie where no draw is
    assert_alike(changed, fit(precisely(posterior.spec).edited(**{f"priors__{name}": prior}), trial))


def test_a_prior_of_free_site_levels_counts_once_for_each_site(trial):
    posterior = fit(load_model("site_fixed").edited(sampler__points=65_536), trial)
    prior = {"family": "normal", "mean": 0.0, "sd": 1.3, "reason": "a little narrower"}
    changed = sensitivity.change_prior(posterior, alpha=prior)
    assert not changed.refitted
    assert_alike(changed, fit(precisely(posterior.spec).edited(priors__alpha=prior), trial))


def test_power_one_changes_nothing(posterior, trial):
    same = sensitivity.power_scale(posterior)
    row = posterior.row("risk_difference")
    assert same.estimates["risk_difference"].mean == pytest.approx(row.mean, rel=1e-12)
    assert same.estimates["risk_difference"].mcse == pytest.approx(row.mcse_mean, rel=1e-3)
    assert same.p_benefit == pytest.approx(posterior.p_benefit.probability, abs=1e-12)


def test_the_prior_raised_to_a_power_is_a_narrower_prior(trial, posterior):
    # N(0, sd)^1.1 is N(0, sd / sqrt(1.1)), and a half-normal likewise: a model file can say the same
    changed = sensitivity.power_scale(posterior, prior=1.1)
    assert_alike(changed, sensitivity_reference(posterior, trial))


@pytest.mark.proof(*FIT, "sensitivity")
@pytest.mark.parametrize(("copies", "refitted"), [(2, False), (64, True)])
def test_a_power_of_the_likelihood_is_copies_of_every_site(trial, posterior, copies, refitted):
    cells = trial.analysis_set("itt").data
    names = tuple(f"{site} copy {k}" for k in range(copies) for site in cells.sites)
    many = Cells(names, np.tile(cells.responders, (copies, 1)), np.tile(cells.n, (copies, 1)))
    repeated = Trial.from_cells(many, trial.arms, trial.end_point, "repeated", synthetic=True)
    reference = fit(precisely(posterior.spec), repeated)
    changed = sensitivity.power_scale(posterior, likelihood=float(copies))
    assert changed.refitted == refitted
    for name in ("alpha", "beta", "tau_u", "tau_v"):
        estimate, row = changed.estimates[name], reference.row(name)
        assert abs(estimate.mean - row.mean) < MANY * np.hypot(estimate.mcse, row.mcse_mean), name


def test_a_nuts_posterior_can_be_reweighted_too(trial, posterior):
    tree = posterior.data.copy()  # dressed up as chains, since real ones take a minute
    del tree["diagnostics"]
    lp = tree["sample_stats"]["lp"]
    tree["sample_stats"] = tree["sample_stats"].to_dataset().assign(diverging=xr.zeros_like(lp, dtype=bool))
    stand_in = replace(posterior, data=tree)
    assert stand_in.verdict.pareto_k is None
    changed = sensitivity.power_scale(stand_in, prior=1.1)
    assert not changed.refitted
    assert changed.effective <= stand_in.row("risk_difference").ess_bulk
    assert_alike(changed, sensitivity_reference(posterior, trial))
    with pytest.raises(UnsupportedModelError, match="quadrature"):
        sensitivity.log_evidence(stand_in)


def sensitivity_reference(posterior, trial):
    """Prior to the power 1.1, as a model file can say it of normal and half-normal priors."""
    narrower = {
        f"priors__{name}": {**prior.model_dump(), "sd": prior.sd / np.sqrt(1.1)}
        for name, prior in posterior.spec.priors.items()
        if name not in ("site_shares", "retention")
    }
    return fit(precisely(posterior.spec).edited(**narrower), trial)


def test_log_evidence_tells_models_apart(trial, posterior):
    value, error = sensitivity.log_evidence(posterior)
    assert (value, error) == (posterior.diagnostics["log_evidence"], posterior.diagnostics["log_evidence_mcse"])
    again, other_error = sensitivity.log_evidence(fit(precisely(posterior.spec), trial))
    assert abs(value - again) < MANY * np.hypot(error, other_error)


def test_table(trial, posterior):
    table = sensitivity.as_table([sensitivity.power_scale(posterior, prior=1.1)])
    assert list(table.index) == ["prior^1.1, likelihood^1"]
    assert {"risk_difference", "p_benefit", "p_benefit_mcse", "k_hat", "refitted", "ok"} <= set(table.columns)


def test_what_cannot_be_done_is_an_error(trial, posterior):
    with pytest.raises(InputError, match="positive"):
        sensitivity.power_scale(posterior, prior=0.0)
    with pytest.raises(UnsupportedModelError, match="site table"):
        sensitivity.loo_sites(fit("itt_pooled", trial))
    with pytest.raises(ModelError, match="tau_v"):
        sensitivity.change_prior(posterior, tau_v={"family": "half_normal", "sd": -1, "reason": "not allowed"})


def test_failed_diagnostics_are_not_reweighted(trial, posterior):
    tree = posterior.data.copy()
    tree["diagnostics"] = tree["diagnostics"].to_dataset().assign(pareto_k=0.9)
    with pytest.raises(InputError, match=r"k-hat 0\.90"):
        sensitivity.power_scale(replace(posterior, data=tree), prior=1.1)
