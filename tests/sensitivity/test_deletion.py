"""Sites without which there is no trial, and priors that no weights lead to."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from scipy.special import comb, log_expit, logsumexp

from bayes_lupil import Arms, Cells, EndPoint, Trial, fit, load_model, sensitivity
from bayes_lupil.errors import SamplerError, UnsupportedModelError
from bayes_lupil.sensitivity.effect_priors import analyse_priors
from bayes_lupil.sensitivity.preconditions import covers, covers_power
from bayes_lupil.sites import analyse_sites, compare_models, site_table
from bayes_lupil.sites.conflict import conflict_p_values
from tests.proofs import FIT

MANY = 4.5
WHY = "declared for this test"


def trial_of(responders, patients):
    cells = Cells(tuple("ABCDEFGH"[: len(patients)]), np.array(responders), np.array(patients))
    return Trial.from_cells(cells, Arms("placebo", "drug"), EndPoint("cure", "Cure"), "made up", synthetic=True)


@pytest.fixture(scope="module")
def lopsided():
    """All placebo patients but none of the others are at site A."""
    return trial_of([[5, 6], [0, 4], [0, 3]], [[12, 10], [0, 7], [0, 6]])


@pytest.fixture(scope="module")
def posterior(lopsided):
    return fit("site_effects", lopsided)


def test_a_site_whose_removal_empties_an_arm_is_a_row(posterior, lopsided):
    first, second, third = sensitivity.leave_one_site_out(posterior)
    assert not first.ok
    assert "not possible" in first.reason
    assert "control" in first.reason
    assert np.isnan([first.p_benefit, first.p_benefit_mcse, first.estimates["risk_difference"].mean]).all()
    for site, changed in (("B", second), ("C", third)):
        again = fit(posterior.spec.edited(without_sites=[site], sampler__seed=5), lopsided)
        assert changed.ok
        assert abs(changed.p_benefit - again.p_benefit.probability) < MANY * np.hypot(
            changed.p_benefit_mcse, again.p_benefit.mcse
        )
    table = sensitivity.as_table((first, second))
    assert table["ok"].tolist() == [False, True]
    assert "not possible" in table["reason"].iloc[0]


def test_so_are_the_table_conflicts_and_densities(posterior, lopsided):
    found = site_table(posterior)
    assert [row.without.ok for row in found.rows] == [False, True, True]
    assert any("site A: not possible" in note for note in found.notes)
    assert np.isnan(found.rows[0].change.mean)
    conflict = conflict_p_values(posterior).sites[0]
    assert np.isnan(conflict.control.p)
    loo = sensitivity.loo_sites(posterior)
    assert "A" not in loo.refitted or np.isnan(loo.by_site["A"])
    assert np.isfinite([loo.by_site["B"], loo.by_site["C"]]).all()


def test_models_are_compared_by_the_sites_that_can_be_left_out(posterior, lopsided):
    other = fit("site_intercepts", lopsided)
    found = compare_models([posterior, other])
    assert set(found.by_site["site_effects"]) == {"B", "C"}
    assert any("Site A is in no sum" in warning for warning in found.warnings)
    loo = sensitivity.loo_sites(posterior)
    score = next(score for score in found.models if score.name == "site_effects")
    assert score.elpd == pytest.approx(loo.by_site["B"] + loo.by_site["C"])


def test_the_whole_look_at_the_sites_goes_on(lopsided):
    found = analyse_sites(lopsided, load_model("site_effects"), [load_model("site_intercepts")], seed=3)
    assert found.comparison is not None
    assert found.path is not None
    assert found.path.sites != ("A",)
    two = trial_of([[5, 6], [0, 4]], [[12, 10], [0, 7]])
    alone = analyse_sites(two, load_model("site_effects"), [load_model("site_intercepts")], seed=3)
    assert alone.comparison is None
    assert alone.path is not None
    assert alone.path.sites == ("B",)


def test_a_fit_that_the_sampler_cannot_make_is_a_row_too(lopsided, posterior, monkeypatch):
    def broken(*_, **__):
        raise SamplerError("the density is nowhere a number")

    monkeypatch.setattr(sys.modules[sensitivity.Deletion.__module__], "refit", broken)
    monkeypatch.setattr("bayes_lupil.sensitivity.reweighting.WeightedDraws.sound", False)
    changed = sensitivity.leave_one_site_out(posterior)[1]
    assert not changed.ok
    assert changed.reason == "the density is nowhere a number"


def test_effects_of_free_sites_are_averaged_over_the_sites_that_are_left():
    """The conditional log odds ratio without a site is that of the others, as in a fit without it."""
    trial = trial_of([[6, 7], [5, 8], [7, 3]], [[14, 12], [12, 13], [12, 11]])
    spec = load_model("site_fixed").edited(
        name="free", only_for=[], sites__effects="fixed", sites__intercepts="fixed", sampler__points=4096
    )
    spec = spec.edited(priors__tau_u=None, priors__tau_v=None)
    found = sensitivity.leave_one_site_out(fit(spec, trial))
    for site, changed in zip("ABC", found, strict=True):
        again = fit(spec.edited(without_sites=[site], sampler__seed=9), trial)
        row, estimate = again.row("conditional_log_odds_ratio"), changed.estimates["conditional_log_odds_ratio"]
        assert abs(estimate.mean - row.mean) < MANY * np.hypot(estimate.mcse, row.mcse_mean), site


@pytest.fixture(scope="module")
def ordinary():
    return trial_of([[6, 8], [5, 8], [7, 8]], [[14, 13], [12, 13], [15, 14]])


@pytest.fixture(scope="module")
def on_risk(ordinary):
    prior = {"family": "log_risk_ratio_normal", "mean": 0.0, "sd": 0.5, "reason": WHY}
    return fit(load_model("site_effects").edited(sites__coding="reference", priors__beta=prior), ordinary)


@pytest.mark.proof(*FIT, "sensitivity")
def test_a_prior_that_depends_on_the_control_risk_is_never_reweighted(on_risk, ordinary):
    other = {"family": "risk_difference_normal", "mean": 0.0, "sd": 0.2, "reason": WHY}
    changed = sensitivity.change_prior(on_risk, beta=other)
    assert changed.refitted
    again = fit(on_risk.spec.edited(priors__beta=other, sampler__seed=8), ordinary)
    assert abs(changed.p_benefit - again.p_benefit.probability) < MANY * np.hypot(
        changed.p_benefit_mcse, again.p_benefit.mcse
    )
    rows = analyse_priors(on_risk).rows
    assert all(row.changed.refitted and row.changed.ok for row in rows)


def test_the_prior_of_alpha_beside_one_that_depends_on_it_may_be(on_risk, ordinary):
    narrower = {**on_risk.spec.priors.alpha.model_dump(), "sd": 1.2}
    changed = sensitivity.change_prior(on_risk, alpha=narrower)
    again = fit(on_risk.spec.edited(priors__alpha=narrower, sampler__seed=8, sampler__points=16_384), ordinary)
    for name in ("alpha", "beta"):
        row = again.row(name)
        assert abs(changed.estimates[name].mean - row.mean) < MANY * np.hypot(
            changed.estimates[name].mcse, row.mcse_mean
        )


@pytest.mark.proof(*FIT, "sensitivity")
def test_the_density_of_a_site_unlike_all_others_is_a_difference_of_evidences():
    """It was -307 (1.0) where -242.4 is right: the mean of likelihoods was one draw's. Here by a grid of its own."""
    sites = [(30, 100, 55, 100), (28, 100, 57, 100), (32, 100, 55, 100), (290, 300, 60, 300)]
    trial = trial_of([[a, c] for a, _, c, _ in sites], [[b, d] for _, b, _, d in sites])
    spec = load_model("itt_pooled_primary_priors").edited(
        only_for=[], sites__intercepts="partial", sampler__engine="quadrature",
        priors__tau_u={"family": "half_normal", "sd": 0.3, "reason": WHY},
    )  # fmt: skip
    loo = sensitivity.loo_sites(fit(spec, trial))
    assert "D" in loo.refitted

    alpha, beta, tau = np.linspace(-3, 3, 121), np.linspace(-4, 3, 141), (np.arange(24) + 0.5) / 24 * 1.5
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)

    def log_evidence(chosen):
        priors = spec.priors
        log = (
            priors.alpha.logpdf(alpha)[:, None, None]
            + priors.beta.logpdf(beta)[:, None]
            + stats.halfnorm.logpdf(tau, 0, 0.3)
        )
        for y0, n0, y1, n1 in chosen:
            part = []
            for t in tau:
                eta = alpha[:, None, None] + t * nodes
                cells = np.log(comb(n0, y0)) + np.log(comb(n1, y1))
                for x, y, n in ((-0.5, y0, n0), (0.5, y1, n1)):
                    at = eta + x * beta[:, None]
                    cells = cells + y * log_expit(at) + (n - y) * log_expit(-at)
                part.append(logsumexp(cells, b=weights / weights.sum(), axis=-1))
            log = log + np.moveaxis(np.array(part), 0, -1)
        return float(logsumexp(log))

    right = log_evidence(sites) - log_evidence(sites[:3])
    assert loo.mcse["D"] < 0.1
    assert loo.by_site["D"] == pytest.approx(right, abs=MANY * loo.mcse["D"] + 0.05)  # of the grid's steps


def test_no_power_where_no_shared_parameter_carries_the_effect():
    trial = trial_of([[3, 7], [9, 12], [0, 8]], [[10, 10], [15, 14], [8, 8]])
    free = load_model("site_fixed").edited(sites__effects="fixed", priors__tau_u=None, priors__tau_v=None)
    with pytest.raises(UnsupportedModelError, match="one that the sites share"):
        sensitivity.power_scale(fit(free, trial), likelihood=2.0)


@pytest.mark.proof(*FIT, "sites", "sensitivity")
@pytest.mark.parametrize("seed", range(4))
def test_conflicts_far_out_are_no_crash_and_within_their_error(seed):
    """Tails next to 0 were rounding noise, at times below 0, with errors a hundred times too small."""
    sites = [(50, 100, 55, 100), (48, 100, 57, 100), (52, 100, 55, 100), (49, 100, 54, 100), (0, 60, 60, 60)]
    trial = trial_of([[a, c] for a, _, c, _ in sites], [[b, d] for _, b, _, d in sites])
    spec = load_model("itt_pooled_primary_priors").edited(
        only_for=[], sites__intercepts="partial", sampler__engine="quadrature", sampler__seed=seed,
        priors__tau_u={"family": "half_normal", "sd": 0.3, "reason": WHY},
    )  # fmt: skip
    found = conflict_p_values(fit(spec, trial)).sites[-1]
    for item in (found.control, found.active, found.difference):
        assert 0 <= item.p < 0.001
        assert item.mcse > 1e-5  # 6.9e-8 is right for one of them: within 5 such errors
        assert item.reading == "conflict"


def test_a_failed_refit_shows_no_number_at_all(ordinary, monkeypatch):
    posterior = fit("site_effects", ordinary)
    monkeypatch.setattr(
        "bayes_lupil.engines.importance.ImportanceSample.resample",
        lambda self, seed, most: (self.points[:, :50], self.log_density[:, :50]),
    )
    monkeypatch.setattr("bayes_lupil.sensitivity.reweighting.WeightedDraws.sound", False)
    narrow = {"family": "normal", "mean": 0.0, "sd": 0.5, "reason": WHY}
    spec = posterior.spec.edited(sampler__engine="quadrature")
    changed = sensitivity.change_prior(replace(posterior, spec=spec), beta=narrow)
    assert not changed.ok
    assert "ESS" in changed.reason
    assert all(np.isnan(list(vars(item).values())).all() for item in changed.estimates.values())


def test_a_mean_that_does_not_exist_is_not_told():
    """One site and a prior of its SD without a mean: quantiles alone."""
    trial = trial_of([[3, 7], [9, 12]], [[10, 10], [15, 14]])
    heavy = {"family": "precision_gamma", "shape": 0.05, "rate": 0.05, "reason": WHY}
    spec = load_model("site_intercepts").edited(only_for=[], priors__tau_u=heavy, sampler__engine="quadrature")
    posterior = fit(spec, trial)
    if not posterior.verdict.ok:
        pytest.skip("the diagnostics refuse it already")
    for changed in sensitivity.leave_one_site_out(posterior):
        if changed.ok:
            tau = changed.estimates["tau_u"]
            assert np.isnan([tau.mean, tau.mcse, tau.sd]).all()
            assert np.isfinite([tau.q2_5, tau.q50, tau.q97_5]).all()


def test_what_covers_what(on_risk):
    from bayes_lupil.priors import HalfCauchy, HalfNormal, Normal, StudentT, Uniform

    unit = Normal(mean=0, sd=1, reason=WHY)
    t = StudentT(df=4, mean=0, scale=1, reason=WHY)
    pairs = {
        (unit, Normal(mean=0, sd=1, reason="in other words")): True,
        (unit, Normal(mean=0.5, sd=0.8, reason=WHY)): True,
        (unit, Normal(mean=0, sd=1.05, reason=WHY)): True,  # a little wider
        (unit, Normal(mean=0, sd=1.5, reason=WHY)): False,
        (unit, Normal(mean=4, sd=0.5, reason=WHY)): False,
        (unit, t): False,
        (t, unit): True,
        (Uniform(lower=-1, upper=1, reason=WHY), unit): False,
        (unit, Uniform(lower=-2, upper=2, reason=WHY)): True,
        (Uniform(lower=-1, upper=1, reason=WHY), Uniform(lower=-1, upper=0.5, reason=WHY)): True,
        (Uniform(lower=-1, upper=1, reason=WHY), Uniform(lower=-1, upper=1.01, reason=WHY)): False,
        (HalfNormal(sd=1, reason=WHY), HalfCauchy(scale=1, reason=WHY)): False,
        (HalfCauchy(scale=1, reason=WHY), HalfNormal(sd=1, reason=WHY)): True,
        (on_risk.spec.priors.beta, unit): False,
        (unit, on_risk.spec.priors.beta): False,
        (on_risk.spec.priors.beta, on_risk.spec.priors.beta): True,
    }
    for (old, new), expected in pairs.items():
        assert covers(old, new) is expected, (old.describe(), new.describe())
    assert covers_power(unit, 0.8)
    assert covers_power(unit, 3.0)
    assert not covers_power(unit, 0.3)
    assert not covers_power(on_risk.spec.priors.beta, 0.9)
