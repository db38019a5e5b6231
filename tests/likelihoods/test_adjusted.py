"""Covariates of patients: the density by hand and by PyMC, site integrals by brute force, g-computation by loops."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats
from scipy.special import expit, gammaln

from bayes_lupil import Arms, EndPoint, ModelSpec, Trial, load_model, load_trial
from bayes_lupil.errors import UnsupportedModelError
from bayes_lupil.likelihoods import AdjustedCells, BinomialCells, build_likelihood
from bayes_lupil.trials.cells import Cells
from bayes_lupil.trials.patients import Patients
from bayes_lupil.trials.populations import Population
from tests.likelihoods.brute_force import CLOSE, LEGENDRE
from tests.likelihoods.test_density import RELATIVE, _agree, _points

Floats = NDArray[np.float64]

ADJUSTED = load_model("site_effects_adjusted").edited(covariates__continuous=["age"], covariates__categorical=["sex"])
UNADJUSTED = load_model("site_effects")
POOLED = {"sites__intercepts": "pooled", "sites__effects": "pooled", "priors__tau_u": None, "priors__tau_v": None}
SPECS: dict[str, ModelSpec] = {
    "both": ADJUSTED,
    "reference": ADJUSTED.edited(sites__coding="reference"),
    "levels": ADJUSTED.edited(sites__effects="pooled", priors__tau_v=None),
    "pooled": ADJUSTED.edited(**POOLED),
    "fixed levels": ADJUSTED.edited(sites__intercepts="fixed", priors__tau_u=None),
    "Student-t": ADJUSTED.edited(sites__distribution="student_t", sites__df=4),
    "outlying arms": ADJUSTED.edited(
        sites__distribution="contaminated", sites__outliers="arms", sites__outlier_sd=1.5, sites__outlier_share=0.1
    ),
}


def _patients(seed: int = 4, patients: int = 46, sites: int = 4) -> Patients:
    rng = np.random.default_rng(seed)
    site = rng.integers(0, sites, patients)
    arm = rng.integers(0, 2, patients)
    arm[site == sites - 1] = 1  # a site with one arm only
    age = rng.integers(30, 70, patients)  # some are alike in everything
    sex = np.where(rng.random(patients) < 0.4, "m", "f")
    response = (rng.random(patients) < expit((age - 50) / 10 + 0.5 * arm)).astype(int)
    flags = {"pp": rng.random(patients) < 0.8}
    covariates = {"age": tuple(map(str, age)), "sex": tuple(sex)}
    return Patients(tuple(f"s{k}" for k in site), arm, response, flags, covariates)


PATIENTS = _patients()


def _trial(patients: Patients = PATIENTS) -> Trial:
    populations = {"itt": Population("itt", "all", "everyone"), "pp": Population("pp", "per protocol", "some")}
    return Trial(
        "made up", "made up", Arms("placebo", "drug"), EndPoint("cure", "Cure"), patients, populations, synthetic=True
    )


def _likelihood(spec: ModelSpec, patients: Patients = PATIENTS) -> AdjustedCells:
    found = build_likelihood(spec, _trial(patients))
    assert isinstance(found, AdjustedCells)
    return found


def _z(patients: Patients = PATIENTS) -> Floats:
    """Age over its SD and 'male', both centred, patient by patient."""
    age = np.array(patients.covariates["age"], dtype=float)
    male = np.array(patients.covariates["sex"]) == "m"
    return np.column_stack([(age - age.mean()) / age.std(), male - male.mean()])


def _ways(cells: Cells) -> Floats:
    """Logs of binomial coefficients, shape (sites, 2)."""
    y, n = cells.responders, cells.n
    return np.asarray(gammaln(n + 1) - gammaln(y + 1) - gammaln(n - y + 1))


def _log_odds(
    likelihood: AdjustedCells, point: dict[str, Any], arm: NDArray[np.int64], members: Any = slice(None)
) -> Floats:
    """Of each patient, were they in some arm, one after the other."""
    eta, found = likelihood.sites.linear_predictor(point), []
    sites = np.array(PATIENTS.site)[members]
    for i, (site, a) in enumerate(zip(sites, arm, strict=True)):
        s = 0 if likelihood.spec.sites.pooled else likelihood.site_names.index(site)
        z = _z()[members][i]
        found.append(eta[s, a] + point["gamma_age"] * z[0] + point["gamma_sex_m"] * z[1])
    return np.array(found)


@pytest.mark.parametrize("name", SPECS)
def test_the_density_is_that_of_pymc(name: str) -> None:
    _agree(_likelihood(SPECS[name]))


@pytest.mark.parametrize("name", ["both", "reference", "pooled"])
@pytest.mark.parametrize("population", ["itt", "pp"])
def test_the_density_by_hand(name: str, population: str) -> None:
    """Patient by patient, and the number of ways in which the responders of a site and arm could be spread."""
    likelihood = _likelihood(SPECS[name].edited(population=population))
    members = np.ones(len(PATIENTS.site), bool) if population == "itt" else PATIENTS.flags["pp"]
    y, arm = PATIENTS.response[members], PATIENTS.arm[members]
    cells = PATIENTS.cells(members)
    ways = _ways(cells.pooled() if SPECS[name].sites.pooled else cells)
    for point in _points(likelihood, 3, np.random.default_rng(2)):
        by_hand = stats.bernoulli.logpmf(y, expit(_log_odds(likelihood, point, arm, members))).sum() + ways.sum()
        assert float(likelihood.log_likelihood(point)) == pytest.approx(by_hand, rel=RELATIVE)
        assert float(np.sum(likelihood.pointwise(point).values)) == pytest.approx(by_hand, rel=RELATIVE)


@pytest.mark.parametrize("name", ["both", "pooled"])
def test_the_risk_is_that_of_all_patients_in_either_arm(name: str) -> None:
    likelihood = _likelihood(SPECS[name])
    sites = np.array(PATIENTS.site)
    for point in _points(likelihood, 3, np.random.default_rng(3)):
        p, weights = likelihood.probabilities(point), likelihood.site_weights(point)
        whole = []
        for a in (0, 1):
            each = expit(_log_odds(likelihood, point, np.full(len(sites), a)))
            whole.append(each.mean())
            if name == "both":
                for s, site in enumerate(likelihood.site_names):
                    assert p[s, a] == pytest.approx(each[sites == site].mean(), rel=RELATIVE)
        assert weights @ p == pytest.approx(whole, rel=RELATIVE)
        rest = np.exp(likelihood.log_probabilities(point, -1))
        np.testing.assert_allclose(p + rest, 1.0, rtol=RELATIVE)
        new = np.array([[-1.0, 0.5]])
        each = np.array([expit(new[0, a] + _z() @ [point["gamma_age"], point["gamma_sex_m"]]).mean() for a in (0, 1)])
        point = {key: np.asarray(value)[None] for key, value in point.items()}
        np.testing.assert_allclose(likelihood.average_risk(new, point, 1)[0], each, rtol=RELATIVE)


@pytest.mark.parametrize("name", ["both", "reference", "levels", "Student-t", "fixed levels"])
def test_sites_are_integrated_as_by_brute_force(name: str) -> None:
    """Against 320 x 320 points of Gauss and Legendre over the standardised effects of a site, patient by patient."""
    spec = SPECS[name]
    marginal = _likelihood(spec).site_marginal
    usual = {"alpha": -0.3, "beta": 0.6, "tau_u": 0.8, "tau_v": 0.5, "gamma_age": 1.1, "gamma_sex_m": -0.7}
    theta = {item.name: np.array([usual[item.name]]) for item in marginal.parameters}
    values, failed = marginal.log_sites(theta, 31)
    assert failed == 0
    nodes, weights = LEGENDRE
    at = 6 * nodes if name == "Student-t" else 9 * nodes  # t variables as the sinh of what is integrated over
    z = np.sinh(at) if name == "Student-t" else at
    density = stats.t.pdf(z, 4) * np.cosh(at) * 6 if name == "Student-t" else stats.norm.pdf(z) * 9
    e, f = z[:, None], z[None, :]
    level = 1.5 * e if name == "fixed levels" else usual["alpha"] + usual["tau_u"] * e  # its prior is N(0, 1.5^2)
    slope = usual["beta"] + (0 if name == "levels" else usual["tau_v"]) * f
    ways = _ways(PATIENTS.cells())
    for s, site in enumerate(PATIENTS.sites):
        here = np.array(PATIENTS.site) == site
        shift = _z()[here] @ [usual["gamma_age"], usual["gamma_sex_m"]]
        product = np.ones((z.size, z.size))
        for own, y, arm in zip(shift, PATIENTS.response[here], PATIENTS.arm[here], strict=True):
            product *= expit((2 * y - 1) * (level + slope * spec.sites.x[arm] + own))
        whole = (weights * density) @ product @ (weights * density)
        assert values[0, s] == pytest.approx(np.log(whole) + ways[s].sum(), abs=CLOSE)


@pytest.mark.parametrize("name", ["both", "pooled"])
def test_without_any_weight_covariates_change_nothing(name: str) -> None:
    """Coefficients of 0: likelihood, site integrals and risks are those of the model without covariates."""
    spec = UNADJUSTED.edited(**POOLED) if name == "pooled" else UNADJUSTED
    plain, adjusted = build_likelihood(spec, _trial()), _likelihood(SPECS[name])
    assert isinstance(plain, BinomialCells)
    rng = np.random.default_rng(5)
    drawn = plain.prior_draws(5, rng)
    with_zero = {**drawn, "gamma_age": np.zeros(5), "gamma_sex_m": np.zeros(5)}
    np.testing.assert_allclose(adjusted.log_likelihood(with_zero), plain.log_likelihood(drawn), rtol=RELATIVE)
    np.testing.assert_allclose(adjusted.probabilities(with_zero), plain.probabilities(drawn), rtol=RELATIVE)
    assert plain.site_marginal is not None
    first, second = (
        one.site_marginal.log_sites(values, 31)[0] for one, values in ((plain, drawn), (adjusted, with_zero))
    )
    np.testing.assert_allclose(first, second, rtol=0, atol=1e-6)
    assert adjusted.log_pooled == plain.log_pooled


def test_draws_of_responders_have_the_patients_probabilities() -> None:
    """Means of 40,000 draws within 4.5 of their errors."""
    likelihood = _likelihood(ADJUSTED)
    (point,) = _points(likelihood, 1, np.random.default_rng(8))
    many = {name: np.repeat(value[None], 40_000, axis=0) for name, value in point.items()}
    drawn = likelihood.simulate(many, np.random.default_rng(9)).values
    p = expit(_log_odds(likelihood, point, PATIENTS.arm))
    for s, site in enumerate(likelihood.site_names):
        for a in (0, 1):
            here = (np.array(PATIENTS.site) == site) & (PATIENTS.arm == a)
            error = np.sqrt((p[here] * (1 - p[here])).sum() / 40_000)
            assert abs(drawn[:, s, a].mean() - p[here].sum()) <= 4.5 * error


def test_without_a_site_covariates_stay_where_they_were() -> None:
    """Means and SDs are those of all randomised patients: a coefficient stands for the same."""
    whole, part = _likelihood(ADJUSTED), _likelihood(ADJUSTED.edited(without_sites=["s0"]))
    rows = {tuple(row) for row in whole.z.round(12)}
    assert {tuple(row) for row in part.z.round(12)} < rows


@pytest.mark.parametrize("trial", ["beitler_landis", "lupil2", "topcat"])
def test_counts_have_no_covariates(trial: str) -> None:
    with pytest.raises(UnsupportedModelError, match="patients are not known one by one"):
        build_likelihood(ADJUSTED, load_trial(trial))


def test_no_likelihood_leaves_covariates_out_in_silence() -> None:
    with pytest.raises(UnsupportedModelError, match="covariates of patients"):
        BinomialCells(ADJUSTED, PATIENTS.cells())
