"""Models with covariates, whole: other software, both engines, simulated trials, and what adjusting is for."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import optimize, stats
from scipy.special import expit

from bayes_lupil import Arms, EndPoint, Posterior, Trial, fit, load_model, load_trial
from bayes_lupil.errors import UnsupportedModelError
from bayes_lupil.fitting import fit_checked
from bayes_lupil.likelihoods import AdjustedCells, build_likelihood
from bayes_lupil.sensitivity import change_prior, leave_one_site_out
from bayes_lupil.sites import (
    analyse_sites,
    conflict_p_values,
    exclusion_path,
    predictive_checks,
    shrinkage_factors,
    site_table,
)
from bayes_lupil.trials.patients import Patients
from bayes_lupil.trials.populations import Population
from tests.proofs import FIT

Floats = NDArray[np.float64]

FEW = {"sampler__points": 1024, "sampler__engine": "quadrature"}
ADJUSTED = load_model("site_effects_adjusted").edited(covariates__continuous=["z"], **FEW)
UNADJUSTED = load_model("site_effects").edited(**FEW)
INDO = load_model("site_effects_adjusted").edited(
    covariates__continuous=["age", "risk"], covariates__categorical=["gender"]
)
SITES, PATIENTS = 8, 160


@pytest.fixture(scope="session")
def indo(validation: Path) -> Trial:
    """Indomethacin against pancreatitis after ERCP: 602 patients at 4 sites."""
    return load_trial(
        validation / "raw" / "medicaldata_indo_rct.csv", control="0_placebo", active="1_indomethacin", arm="rx",
        outcome="outcome", responder="1_yes", benefit="lower", site="site", id="id",
    )  # fmt: skip


def _made(z: Floats, truth: dict[str, Any], rng: np.random.Generator, shown: Floats | None = None) -> Trial:
    """A trial with one covariate; `shown` is what is recorded of it."""
    site, arm = np.arange(z.size) % SITES, np.arange(z.size) // SITES % 2
    level = truth["alpha"] + truth["tau_u"] * truth["e"][site]
    effect = truth["beta"] + truth["tau_v"] * truth["f"][site]
    eta = level + effect * (arm - 0.5) + truth["gamma_z"] * (z - z.mean()) / z.std()
    y = (rng.random(z.size) < expit(eta)).astype(int)
    columns = {"z": tuple(f"{value:.9f}" for value in (z if shown is None else shown))}
    patients = Patients(tuple(f"s{s}" for s in site), arm, y, {}, columns)
    everyone = {"itt": Population("itt", "all", "everyone")}
    return Trial(
        "made up", "made up", Arms("placebo", "drug"), EndPoint("cure", "Cure"), patients, everyone, synthetic=True
    )


def test_the_maximum_is_that_of_statsmodels(indo: Trial) -> None:
    """Log odds ratios of a pooled model to 1e-4 of their errors, and the risk difference standardised from them."""
    import statsmodels.api as sm

    pooled = {"sites__intercepts": "pooled", "sites__effects": "pooled", "priors__tau_u": None, "priors__tau_v": None}
    likelihood = build_likelihood(INDO.edited(sites__coding="reference", **pooled), indo)
    assert isinstance(likelihood, AdjustedCells)
    names = [item.name for item in likelihood.parameters]
    assert names == ["alpha", "beta", "gamma_age", "gamma_risk", "gamma_gender_2_male"]
    found = optimize.minimize(
        lambda at: -float(likelihood.log_likelihood(dict(zip(names, map(np.asarray, at), strict=True)))),
        np.zeros(len(names)), method="BFGS", options={"gtol": 1e-6},
    )  # fmt: skip
    data = indo.data
    assert isinstance(data, Patients)
    age, risk = (np.array(data.covariates[name], dtype=float) for name in ("age", "risk"))
    male = np.array(data.covariates["gender"]) == "2_male"
    z = [(value - value.mean()) / scale for value, scale in ((age, age.std()), (risk, risk.std()), (male, 1.0))]
    x = np.column_stack([np.ones(age.size), data.arm, *z])
    theirs = sm.Logit(data.response, x).fit(disp=0, tol=1e-12)
    assert np.abs((found.x - theirs.params) / theirs.bse).max() < 1e-4
    x[:, 1] = 1
    active = theirs.predict(x).mean()
    x[:, 1] = 0
    values = dict(zip(names, map(np.asarray, theirs.params), strict=True))
    control, ours = likelihood.probabilities(values)[0]
    assert (control, ours) == (pytest.approx(theirs.predict(x).mean(), rel=1e-10), pytest.approx(active, rel=1e-10))


def test_splines_and_steps_have_the_maximum_of_statsmodels(indo: Trial) -> None:
    """The same deviance as logistic regression on patsy's spline and indicators, and the same standardised risks."""
    import pandas as pd
    import statsmodels.formula.api as smf

    pooled = {"sites__intercepts": "pooled", "sites__effects": "pooled", "priors__tau_u": None, "priors__tau_v": None}
    spec = INDO.edited(
        sites__coding="reference", covariates__continuous=[], covariates__categorical=[],
        covariates__splines={"age": 4}, covariates__ordered={"gender": ["1_female", "2_male"]}, **pooled,
    )  # fmt: skip
    likelihood, data = build_likelihood(spec, indo), indo.data
    assert isinstance(likelihood, AdjustedCells)
    assert isinstance(data, Patients)
    names = [item.name for item in likelihood.parameters]
    found = optimize.minimize(
        lambda at: -float(likelihood.log_likelihood(dict(zip(names, map(np.asarray, at), strict=True)))),
        np.zeros(len(names)), method="BFGS", options={"gtol": 1e-6},
    )  # fmt: skip
    columns = pd.DataFrame({
        "y": data.response, "arm": data.arm, "age": np.array(data.covariates["age"], dtype=float),
        "sex": np.array(data.covariates["gender"]),
    })  # fmt: skip
    theirs = smf.logit("y ~ arm + cr(age, df=4, constraints='center') + C(sex)", columns).fit(disp=0, tol=1e-12)
    ours = likelihood.probabilities(dict(zip(names, map(np.asarray, found.x), strict=True)))[0]
    both = [theirs.predict(columns.assign(arm=arm)).mean() for arm in (0, 1)]
    assert ours == pytest.approx(both, rel=1e-5)


def test_what_is_left_to_the_prior_is_told() -> None:
    """A category that nobody analysed has: its coefficient is the prior, and the first lines say so."""
    rng = np.random.default_rng(5)
    stage = np.array(["I", "II", "III"])[np.arange(PATIENTS) // 3 % 3]
    trial = _made(rng.normal(size=PATIENTS), _truth(rng), rng)
    data = trial.data
    assert isinstance(data, Patients)
    patients = replace(data, covariates={"stage": tuple(stage)}, flags={"early": stage != "III"})
    early = {"early": Population("early", "early", "stages I and II")}
    trial = replace(trial, data=patients, populations={**trial.populations, **early})
    spec = ADJUSTED.edited(covariates__continuous=[], covariates__ordered={"stage": ["I", "II", "III"]})
    for population, told in (("itt", False), ("early", True)):
        posterior = fit(spec.edited(population=population), trial)
        said = [text for text in posterior.provenance.cautions if "stage: III v II or lower" in text]
        assert bool(said) == told
        row = posterior.row("gamma_stage_step_iii")
        assert (row.sd == pytest.approx(1, abs=0.05)) == told


@pytest.mark.proof(*FIT)
def test_both_engines_agree_on_a_real_trial(indo: Trial) -> None:
    posterior, agreement = fit_checked(INDO, indo)
    assert posterior.provenance.sampler.startswith("quadrature")
    assert agreement is not None
    assert agreement.status == "agree", agreement


@cache
def _fitted(seed: int = 1) -> tuple[Posterior, Posterior]:
    """Adjusted and not, of one made-up trial."""
    rng = np.random.default_rng(seed)
    trial = _made(rng.normal(size=PATIENTS), _truth(rng), rng)
    return fit(ADJUSTED, trial), fit(UNADJUSTED, trial)


def _truth(rng: np.random.Generator, gamma: float = 1.2) -> dict[str, Any]:
    e, f = rng.normal(size=(2, SITES))
    found = {"alpha": -0.3, "beta": 0.7, "tau_u": 0.6, "tau_v": 0.2, "gamma_z": gamma, "e": e, "f": f}
    return {name: np.asarray(value) for name, value in found.items()}


def test_the_standardised_difference_is_that_of_its_draws() -> None:
    """The risk difference of each draw, patient by patient."""
    posterior = _fitted()[0]
    data = posterior.trial.data
    assert isinstance(data, Patients)
    z = np.array(data.covariates["z"], dtype=float)
    z = (z - z.mean()) / z.std()
    site = np.array([posterior.trial.site_names.index(name) for name in data.site])
    draw = {name: posterior.draws(name)[0, :50] for name in ("alpha", "beta", "gamma_z", "u", "v", "risk_difference")}
    risks = []
    for arm in (-0.5, 0.5):
        slope = draw["beta"][:, None] + draw["v"][:, site]
        eta = draw["alpha"][:, None] + draw["u"][:, site] + slope * arm + draw["gamma_z"][:, None] * z
        risks.append(expit(eta).mean(axis=1))
    np.testing.assert_allclose(risks[1] - risks[0], draw["risk_difference"], rtol=0, atol=1e-12)


def test_what_is_asked_after_a_fit() -> None:
    adjusted, unadjusted = _fitted()
    assert adjusted.verdict.ok
    assert any("gamma_z = z, by SD" in note for note in adjusted.provenance.notes)
    assert adjusted.data["posterior"]["gamma_z"].attrs["long_name"].startswith("log odds ratio of z, by SD")
    # a prior of coefficients that says they are 0: the model without them, within 4 errors of the evidence
    none = {"family": "normal", "mean": 0, "sd": 1e-6, "reason": "For this test only."}
    same = fit(ADJUSTED.edited(priors__coefficients=none), adjusted.trial)
    difference = same.diagnostics["log_evidence"] - unadjusted.diagnostics["log_evidence"]
    error = np.hypot(same.diagnostics["log_evidence_mcse"], unadjusted.diagnostics["log_evidence_mcse"])
    assert abs(difference) < 4 * error
    # and the data, which were made with a coefficient of 1.2, prefer the model with one
    assert adjusted.diagnostics["log_evidence"] > unadjusted.diagnostics["log_evidence"] + 5


def test_without_a_site_and_under_another_prior() -> None:
    adjusted = _fitted()[0]
    left = leave_one_site_out(adjusted)[0]
    again = fit(ADJUSTED.edited(without_sites=["s0"]), adjusted.trial).ladder[0]
    assert abs(left.p_benefit - again.probability) < 4 * np.hypot(left.p_benefit_mcse, again.mcse)
    sceptical = {"family": "normal", "mean": 0, "sd": 0.3, "reason": "For this test only."}
    changed = change_prior(adjusted, beta=sceptical)
    again = fit(ADJUSTED.edited(priors__beta=sceptical), adjusted.trial).ladder[0]
    assert abs(changed.p_benefit - again.probability) < 4 * np.hypot(changed.p_benefit_mcse, again.mcse)


def test_what_takes_patients_for_alike_refuses() -> None:
    adjusted = _fitted()[0]
    for ask in (site_table, conflict_p_values, shrinkage_factors, predictive_checks):
        with pytest.raises(UnsupportedModelError, match="covariates of patients"):
            ask(adjusted)
    with pytest.raises(UnsupportedModelError, match="covariates of patients"):
        exclusion_path(adjusted, ["s0"])
    with pytest.raises(UnsupportedModelError, match="covariates of patients"):
        analyse_sites(adjusted.trial, ADJUSTED)


@pytest.mark.proof(*FIT)
def test_both_engines_agree_on_splines_of_a_real_trial(indo: Trial) -> None:
    curves = {"covariates__continuous": ["risk"], "covariates__splines": {"age": 4}}
    posterior, agreement = fit_checked(INDO.edited(**curves), indo)
    assert posterior.provenance.sampler.startswith("quadrature")
    assert agreement is not None
    assert agreement.status == "agree", agreement


@pytest.mark.proof(*FIT)
def test_truths_drawn_from_the_prior_have_uniform_ranks() -> None:
    """Simulation-based calibration of 150 trials: Kolmogorov and Smirnov, at 0.001 over 5 quantities."""
    names = ("alpha", "beta", "tau_u", "gamma_z", "risk_difference")
    ranks = []
    for k in range(150):
        rng = np.random.default_rng((20261127, k))
        z = rng.normal(size=PATIENTS)
        trial = _made(z, {**_truth(rng), "gamma_z": 0.0}, rng)
        likelihood = build_likelihood(ADJUSTED, trial)
        truth = {name: value[0] for name, value in likelihood.prior_draws(1, rng).items()}
        trial = _made(z, truth, rng)
        p = likelihood.probabilities(truth)
        truth["risk_difference"] = likelihood.site_weights(truth) @ (p[:, 1] - p[:, 0])
        posterior = fit(ADJUSTED.edited(sampler__seed=k + 1), trial)
        assert posterior.verdict.ok, posterior.verdict.text
        ranks.append([(posterior.draws(name) < truth[name]).mean() for name in names])
    for name, column in zip(names, np.array(ranks).T, strict=True):
        assert stats.kstest(column, "uniform").pvalue > 0.001 / len(names), name


@pytest.mark.proof(*FIT)
def test_adjusting_narrows_where_a_covariate_predicts_and_changes_nothing_where_it_does_not() -> None:
    """Over 80 trials: the posterior SD of the risk difference, its mean, and how often 90 % intervals cover."""
    ratios, shifts, noise, covered = [], [], [], []
    for k in range(80):
        rng = np.random.default_rng((20261128, k))
        z, truth = rng.normal(size=PATIENTS), _truth(rng, gamma=1.8)
        trial = _made(z, truth, rng)
        data = trial.data
        assert isinstance(data, Patients)
        blind = Patients(data.site, data.arm, data.response, {}, {"z": tuple(map(str, rng.normal(size=PATIENTS)))})
        found = [
            fit(model, one).draws("risk_difference").ravel()
            for model, one in (
                (UNADJUSTED, trial), (ADJUSTED, trial), (ADJUSTED, replace(trial, data=blind)),
            )
        ]  # fmt: skip
        sd = [values.std() for values in found]
        ratios.append(sd[1] / sd[0])
        noise.append(sd[2] / sd[0])
        shifts.append((found[2].mean() - found[0].mean()) / sd[0])
        true = build_likelihood(ADJUSTED, trial)
        p = true.probabilities(truth)
        effect = true.site_weights(truth) @ (p[:, 1] - p[:, 0])
        low, high = np.quantile(found[1], [0.05, 0.95])
        covered.append(low <= effect <= high)
    # a log odds ratio of 1.8 by SD explains about half of the latent variance; measured 0.80, 0.98 and 0.88
    assert np.mean(ratios) < 0.9
    assert abs(np.mean(noise) - 1) < 0.03
    assert abs(np.mean(shifts)) < 4 * np.std(shifts) / np.sqrt(len(shifts))
    assert stats.binomtest(sum(covered), len(covered), 0.9).pvalue > 0.001
