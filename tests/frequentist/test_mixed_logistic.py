"""Maximum likelihood with random site effects: against lme4, brute-force grids by others, and first principles."""

import csv
import itertools

import numpy as np
import pytest
from scipy import integrate, stats
from scipy.special import expit

from bayes_lupil import load_trial
from bayes_lupil.errors import InputError
from bayes_lupil.frequentist import mixed_logistic, trial_hierarchy
from tests.proofs import FIT

ARMS = {
    "beitler_landis_1985": ("control", "drug"),
    "hartzel_8centre_muchbetter": ("placebo", "drug"),
    "fungal_5centre_sparse": ("placebo", "drug"),
    "indo_rct_pep": ("placebo", "indomethacin"),
    "bugs_blocker_22trials": ("control", "betablocker"),
    "opt_preterm37_excl_elective_abortion": ("control", "treatment"),
    "ist_hospital_aspirin_death14d": ("no_aspirin", "aspirin"),
    "ist_hospital_aspirin_deaddep6m": ("no_aspirin", "aspirin"),
}
RANDOM_INTERCEPT = "glmer RI nAGQ=25: y~x+(1|site)"
GRID = "BRUTE-FORCE 175x175 trapezoid grid ML: y~x+(x||site), "
SLOPES = [
    (name, coding)
    for name in ("beitler_landis_1985", "hartzel_8centre_muchbetter", "indo_rct_pep")
    for coding in ("reference", "centred")
]
# fitted with lme4's default optimiser tolerance, which leaves the 5th digit open
THREE_DIGITS = 1e-3
# an SD that is estimated at 0 has a flat likelihood: the grid's optimiser stopped at 0.001 to 0.012
FLAT = 0.02


def table(validation, name):
    control, active = ARMS[name]
    trial = load_trial(validation / "data" / f"{name}.csv", control=control, active=active, single_arm_sites=True)
    return trial, trial.analysis_set("itt").data


def references(validation, dataset, model):
    with (validation / "references.csv").open(encoding="utf-8", newline="") as lines:
        return {
            row["term"]: (float(row["estimate"]), None if row["se"] == "NA" else float(row["se"]))
            for row in csv.DictReader(lines)
            if row["dataset"] == dataset and row["model"] == model
        }


@pytest.mark.stack
@pytest.mark.parametrize("name", ARMS)
def test_random_intercepts_against_lme4(validation, name):
    _, cells = table(validation, name)
    fit = mixed_logistic(cells.responders, cells.n, coding="reference")
    given = references(validation, name, RANDOM_INTERCEPT)
    assert fit.alpha == pytest.approx(given["(Intercept)"][0], rel=THREE_DIGITS)
    assert fit.beta == pytest.approx(given["x"][0], rel=THREE_DIGITS)
    assert fit.tau_u == pytest.approx(given["sd(site)"][0], rel=THREE_DIGITS)
    assert fit.alpha_se == pytest.approx(given["(Intercept)"][1], rel=THREE_DIGITS)
    assert fit.beta_se == pytest.approx(given["x"][1], rel=THREE_DIGITS)


@pytest.mark.parametrize(("name", "coding"), SLOPES)
def test_random_slopes_against_a_grid(validation, name, coding):
    _, cells = table(validation, name)
    fit = mixed_logistic(cells.responders, cells.n, effects="partial", coding=coding)
    given = references(validation, name, GRID + ("x=0/1" if coding == "reference" else "x=-.5/+.5"))
    assert fit.alpha == pytest.approx(given["(Intercept)"][0], rel=THREE_DIGITS)
    assert fit.beta == pytest.approx(given["x"][0], rel=THREE_DIGITS)
    assert fit.tau_u == pytest.approx(given["sd(site)"][0], rel=THREE_DIGITS)
    assert fit.tau_v == pytest.approx(given["sd(x|site)"][0], rel=THREE_DIGITS, abs=FLAT if fit.boundary else 0)
    assert fit.beta_se == pytest.approx(given["x"][1], rel=THREE_DIGITS)
    # never below a maximum that others found, and not above it by more than its grid's error
    assert -1e-6 < fit.log_likelihood - given["logLik"][0] < 1e-4


def test_published_by_agresti_and_hartzel(validation):
    # Agresti & Hartzel 2000: 0.746 (.325), SD .15, slopes and -1/2, 1/2 coding
    _, cells = table(validation, "beitler_landis_1985")
    fit = mixed_logistic(cells.responders, cells.n, effects="partial")
    assert (round(fit.beta, 3), round(fit.beta_se, 3), round(fit.tau_v, 2)) == (0.746, 0.325, 0.15)


def test_walds_interval_and_test_are_those_of_the_standard_error(validation):
    """lme4 prints estimate and standard error; what follows from them is arithmetic."""
    _, cells = table(validation, "beitler_landis_1985")
    given, se = references(validation, "beitler_landis_1985", RANDOM_INTERCEPT)["x"]
    fit = mixed_logistic(cells.responders, cells.n, coding="reference", method="wald", confidence=0.9)
    assert (fit.interval.lower, fit.interval.upper) == pytest.approx(stats.norm(given, se).interval(0.9), abs=2e-3)
    assert fit.p == pytest.approx(2 * stats.norm.sf(given / se), rel=0.02)  # 0.014
    assert fit.interval.method == "Wald"
    profile = mixed_logistic(cells.responders, cells.n, coding="reference")
    assert (profile.beta, profile.beta_se, profile.log_likelihood) == (fit.beta, fit.beta_se, fit.log_likelihood)


def profile_by_hand(cells, beta):
    """Largest log likelihood with beta held, random intercepts, by SciPy's quadrature and a simplex search."""
    from scipy.optimize import minimize

    x = np.array([-0.5, 0.5])

    def minus_log(parameters):
        alpha, tau = parameters[0], np.exp(parameters[1])
        total = 0.0
        for y, n in zip(cells.responders, cells.n, strict=True):

            def integrand(z, y=y, n=n):
                return np.prod(stats.binom.pmf(y, n, expit(alpha + tau * z + beta * x))) * stats.norm.pdf(z)

            total += np.log(integrate.quad(integrand, -8, 8, epsabs=0, epsrel=1e-9, limit=200)[0])
        return -total

    return -minimize(minus_log, [-1.0, 0.0], method="Nelder-Mead", options={"xatol": 1e-4, "fatol": 1e-7}).fun


@pytest.mark.proof(*FIT, "frequentist")
def test_the_interval_is_where_the_profile_falls_by_half_of_chi_square(validation):
    _, cells = table(validation, "fungal_5centre_sparse")
    fit = mixed_logistic(cells.responders, cells.n)
    top = profile_by_hand(cells, fit.beta)
    assert fit.log_likelihood == pytest.approx(top, abs=1e-5)
    for limit in (fit.interval.lower, fit.interval.upper):
        assert 2 * (top - profile_by_hand(cells, limit)) == pytest.approx(stats.chi2.ppf(0.95, 1), abs=1e-4)
    assert fit.p == pytest.approx(stats.chi2.sf(2 * (top - profile_by_hand(cells, 0.0)), 1), rel=1e-4)


@pytest.mark.parametrize("name", ["beitler_landis_1985", "opt_preterm37_excl_elective_abortion"])
def test_larger_models_are_not_less_likely(validation, name):
    _, cells = table(validation, name)
    fits = [
        mixed_logistic(cells.responders, cells.n, effects=effects, correlated=correlated)
        for effects, correlated in (("pooled", False), ("partial", False), ("partial", True))
    ]
    for smaller, larger in itertools.pairwise(fits):
        assert larger.log_likelihood > smaller.log_likelihood - 1e-6


def test_without_spread_it_is_ordinary_logistic_regression():
    # three equal sites: no spread, so the crude log odds ratio, and its interval from the profile of two binomials
    r, n = [[2, 6], [2, 6], [2, 6]], [[10, 10], [10, 10], [10, 10]]
    fit = mixed_logistic(r, n)
    assert fit.boundary == ("tau_u",)
    assert fit.tau_u == pytest.approx(0, abs=1e-3)
    assert fit.beta == pytest.approx(np.log((18 / 12) / (6 / 24)), abs=1e-4)
    assert fit.beta_se == pytest.approx(np.sqrt(1 / 18 + 1 / 12 + 1 / 6 + 1 / 24), rel=1e-3)


def test_arms_swapped_turn_the_sign(validation):
    _, cells = table(validation, "beitler_landis_1985")
    fit = mixed_logistic(cells.responders, cells.n, effects="partial")
    turned = mixed_logistic(cells.responders[:, ::-1], cells.n[:, ::-1], effects="partial")
    assert turned.beta == pytest.approx(-fit.beta, abs=1e-4)
    assert turned.interval.lower == pytest.approx(-fit.interval.upper, abs=1e-4)


def test_no_finite_estimate_is_an_error():
    with pytest.raises(InputError, match="both outcomes in both arms"):
        mixed_logistic([[0, 3], [0, 4]], [[5, 5], [5, 5]])
    with pytest.raises(InputError, match="two sites or more"):
        mixed_logistic([[1, 3]], [[5, 5]])


def test_it_joins_the_hierarchy_where_sites_are_known(validation):
    trial, _ = table(validation, "beitler_landis_1985")
    (row,) = trial_hierarchy(trial)
    assert [fit.effects for fit in row.mixed] == ["pooled", "partial"]
    assert row.mixed[0].beta == pytest.approx(0.7385, abs=5e-5)
    assert all(row.mixed == () for row in trial_hierarchy(load_trial("lupil2")))
