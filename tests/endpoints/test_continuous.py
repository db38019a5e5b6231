"""Continuous end points from trial to posterior: estimands, benefit, both engines, Student-t errors, limits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import integrate, stats

from bayes_lupil import Arms, EndPoint, ModelSpec, Posterior, Trial, fit, load_model, sensitivity
from bayes_lupil.endpoints.floor_and_ceiling import check_limits
from bayes_lupil.engines import engine_for
from bayes_lupil.errors import ModelError, UnsupportedModelError
from bayes_lupil.likelihoods import build_likelihood
from bayes_lupil.posterior.diagnostics import mcse_mean
from bayes_lupil.trials import Measurements, Population
from tests.proofs import FIT

WHY = "For this test only."
MANY = 4.0
"""Monte Carlo errors."""


def _trial(site, arm, value, baseline, benefit="lower", limits=None) -> Trial:
    point = EndPoint("change", "Change", benefit, "points", 2.0, kind="continuous")
    data = Measurements(tuple(site), np.asarray(arm), np.asarray(value), baseline, limits)
    return Trial("made_up", "Made up", Arms("placebo", "drug"), point, data, {"itt": Population("itt", "ITT")})


def _made_up(seed: int = 1, patients: int = 120, sd: float = 4.0) -> Trial:
    rng = np.random.default_rng(seed)
    site, arm = rng.integers(0, 12, patients), np.arange(patients) % 2
    baseline = 6 + rng.poisson(4, patients).astype(float)
    value = -4 - 2 * arm + rng.normal(0, 1.5, 12)[site] - 0.4 * (baseline - 10) + rng.normal(0, sd, patients)
    value[rng.random(patients) < 0.08] = np.nan
    return _trial([f"site {s}" for s in site], arm, value, baseline, limits=(-baseline, 105 - baseline))


def _spec(name: str = "sledai_absolute", **changes) -> ModelSpec:
    return load_model(name).edited(end_point="change", **changes)


@pytest.fixture(scope="module")
def posterior() -> Posterior:
    return fit(_spec(), _made_up())


def test_estimands_by_hand(posterior: Posterior) -> None:
    assert engine_for(build_likelihood(posterior.spec, _made_up())) == "quadrature"
    assert posterior.verdict.ok
    beta, v, sigma = (posterior.draws(name) for name in ("beta", "v", "sigma"))
    shares = _made_up().measured_set().shares
    np.testing.assert_allclose(posterior.draws("mean_difference"), beta + v @ shares, rtol=0, atol=1e-10)
    np.testing.assert_allclose(posterior.draws("standardised_difference"), (beta + v @ shares) / sigma, atol=1e-10)
    difference = posterior.draws("mean_active") - posterior.draws("mean_control")
    np.testing.assert_allclose(difference, posterior.draws("mean_difference"), atol=1e-10)
    assert {"mean_difference_new_site", "mean_difference_average_site"} <= set(posterior.summary().index)


def test_benefit_goes_the_declared_way(posterior: Posterior) -> None:
    assert posterior.effect == "mean_difference"
    below = (posterior.draws("mean_difference") < 0).mean()
    assert posterior.p_benefit is not None
    assert posterior.p_benefit.probability == pytest.approx(below)
    assert posterior.p_benefit.statement == "mean difference < 0"
    assert posterior.chances["relevant"].statement == "mean difference at most -2"
    assert posterior.nnt is None
    turned = fit(_spec(), _trial_turned(_made_up()))
    assert turned.p_benefit is not None
    assert turned.p_benefit.probability == pytest.approx(1 - below)


def _trial_turned(trial: Trial) -> Trial:
    """The same with the other direction of benefit."""
    d = trial.data
    assert isinstance(d, Measurements)
    return _trial(d.site, d.arm, d.value, d.baseline, benefit="higher", limits=d.limits)


@pytest.mark.stack
def test_round_trip_and_json(posterior: Posterior, tmp_path: Path) -> None:
    again = Posterior.load(posterior.save(tmp_path / "p.nc"))
    assert again.provenance == posterior.provenance
    assert again.provenance.patients == _made_up().measured_set().patients
    assert again.benefit().equals(posterior.benefit())
    assert "mean_difference" in posterior.to_json()["estimands"]


def test_what_is_for_binary_end_points_says_so(posterior: Posterior) -> None:
    with pytest.raises(UnsupportedModelError, match="a binary one"):
        sensitivity.change_prior(posterior, beta={"family": "normal", "mean": 0, "sd": 1, "reason": "x"})


@pytest.mark.stack
def test_student_t_errors_alike_in_both_languages() -> None:
    """PyMC's density against NumPy's, and NumPy's against an integral: t is normal with a gamma precision."""
    for changes in ({}, {"errors__df": 4.0, "priors__error_df": None}):
        spec = _spec("sledai_absolute_t", **changes)
        likelihood = build_likelihood(spec, _made_up(patients=40))
        assert likelihood.site_marginal is None
        assert engine_for(likelihood) == "nuts"
        values = likelihood.prior_draws(5, np.random.default_rng(3))
        model = likelihood.pymc_model()
        logp = model.compile_fn(model.potentials[0], inputs=model.free_RVs, on_unused_input="ignore", point_fn=False)
        for i in range(5):
            mine = likelihood.log_likelihood({name: value[i] for name, value in values.items()})
            theirs = logp(*(values[variable.name][i] for variable in model.free_RVs))
            assert float(theirs) == pytest.approx(float(mine), rel=1e-10)
        one = {name: value[0] for name, value in values.items()}
        residual = float((likelihood.y - likelihood.patient_means(one))[0] / one["sigma"])
        df = float(likelihood.error_df(one))

        def density(w: float, r: float, df: float) -> float:
            return float(stats.norm.pdf(r, 0, 1 / np.sqrt(w)) * stats.gamma.pdf(w, df / 2, scale=2 / df))

        mixture, _ = integrate.quad(density, 0, np.inf, args=(residual, df))
        assert likelihood.pointwise(one).values[0] == pytest.approx(np.log(mixture / one["sigma"]), abs=1e-6)


def test_simulated_t_errors_have_the_sd_that_is_told() -> None:
    likelihood = build_likelihood(_spec("sledai_absolute_t", errors__df=6.0, priors__error_df=None), _made_up())
    one = {name: value[0] for name, value in likelihood.prior_draws(1, np.random.default_rng(5)).items()}
    many = {name: np.repeat(value[None], 4000, axis=0) for name, value in one.items()}
    y = likelihood.simulate(many, np.random.default_rng(6)).values - likelihood.patient_means(one)
    sd = float(likelihood.residual_sd(one))
    # the variance of a variance of n t(6) values is 2.5 times that of normal ones (kurtosis 6): (kappa - 1) / n
    error = 0.5 * sd * np.sqrt((6 - 1) / y.size)
    assert abs(y.std() - sd) < MANY * error


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"errors": {"distribution": "normal", "df": 5.0}}, "errors.df.*none, because errors.distribution = 'normal'"),
        ({"errors": {"distribution": "student_t"}}, "errors.df.*or the prior priors.error_df"),
        ({"errors": {"distribution": "student_t", "df": 2.0}}, "errors.df.*greater than 2"),
        ({"priors__error_df": {"family": "uniform", "lower": 2, "upper": 9, "reason": WHY}}, "errors are normal"),
    ],
)
def test_errors_that_do_not_go_together(changes, words) -> None:
    with pytest.raises(ModelError, match=words):
        _spec(**changes)


def test_quadrature_refuses_t_errors() -> None:
    with pytest.raises(UnsupportedModelError, match="Student-t errors"):
        engine_for(build_likelihood(_spec("sledai_absolute_t", sampler__engine="quadrature"), _made_up()))


def test_limits_by_brute_force(posterior: Posterior) -> None:
    trial = _made_up()
    found = check_limits(posterior)
    measured = trial.measured_set()
    low, _ = measured.limits
    predicted = posterior.data["posterior_predictive"]["y"].values.reshape(-1, measured.value.size)
    active = measured.arm == 1
    assert found.arms[1].below == pytest.approx((predicted[:, active] < low[active]).mean())
    cut = np.maximum(predicted, low)  # nobody comes near 105
    shift = (cut - predicted)[:, active].mean(axis=1) - (cut - predicted)[:, ~active].mean(axis=1)
    assert found.cut_moves == pytest.approx(shift.mean())
    assert found.arms[1].patients == int(active.sum())
    assert "of the arm drug" in found.words or "of the arm placebo" in found.words
    assert list(found.to_frame().index) == ["placebo", "drug"]


def test_no_limits_no_check(posterior: Posterior) -> None:
    d = _made_up().data
    without = replace(posterior, _trial=_trial(d.site, d.arm, d.value, d.baseline))
    with pytest.raises(UnsupportedModelError, match="least and largest score"):
        check_limits(without)


@pytest.mark.proof(*FIT, "endpoints")
def test_outlying_patients_move_t_errors_less() -> None:
    """One patient 60 points off: the normal mean difference moves by about its share, the Student-t one hardly."""
    clean = _made_up(sd=2.0)
    d = clean.data
    first = int(np.argmax(~np.isnan(d.value) & (d.arm == 1)))
    spoilt = _trial(d.site, d.arm, np.where(np.arange(d.value.size) == first, 60.0, d.value), d.baseline)
    moved = {}
    for name in ("sledai_absolute", "sledai_absolute_t"):
        both = [fit(_spec(name), trial) for trial in (clean, spoilt)]
        assert all(item.verdict.ok for item in both), [item.verdict.text for item in both]
        draws = [item.draws("mean_difference") for item in both]
        moved[name] = (draws[1].mean() - draws[0].mean(), np.hypot(*(mcse_mean(item) for item in draws)))
    normal, student = moved["sledai_absolute"], moved["sledai_absolute_t"]
    assert normal[0] > 0.4
    assert abs(student[0]) < 0.25 * normal[0] + MANY * student[1]
