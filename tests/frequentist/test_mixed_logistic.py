"""Maximum likelihood with random site effects: against lme4, brute-force grids by others, and first principles."""

import csv
import itertools
from functools import partial

import numpy as np
import pytest
from scipy import integrate, stats
from scipy.special import expit

from bayes_lupil import Arms, Cells, EndPoint, Trial, load_trial, reanalyse
from bayes_lupil.errors import InputError
from bayes_lupil.frequentist import mixed_logistic, trial_hierarchy
from bayes_lupil.report.reanalysis.comparison import comparison_table
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


SEPARATED = {
    "no site with both outcomes by arm": ([[3, 4], [0, 1], [0, 1], [0, 0]], [[3, 4], [4, 1], [1, 1], [1, 4]]),
    "sites of one outcome": ([[0, 0], [0, 0], [10, 10], [10, 10]], [[10, 10]] * 4),
    "the same, few patients": ([[0, 0], [2, 2], [0, 0], [3, 3]], [[2, 2], [2, 2], [3, 3], [3, 3]]),
    "each active arm above": ([[0, 10], [0, 10], [10, 10], [0, 0], [0, 10], [0, 10]], [[10, 10]] * 6),
    "one site turned": ([[0, 5], [0, 5], [0, 0], [5, 5]], [[5, 5]] * 4),
}


def along(counts, parameters, k):
    """Log likelihood, random intercepts alone, k times as far out: by a grid over the site effect in its SDs."""
    u, (alpha, beta, tau) = np.linspace(-9, 9, 4001), k * np.array(parameters)
    weight, total = stats.norm.pdf(u) * (u[1] - u[0]), 0.0
    for y, n in zip(*map(np.array, counts), strict=True):
        eta = alpha + beta * np.array([-0.5, 0.5]) + tau * u[:, None]
        fits = (-y * np.logaddexp(0, -eta) - (n - y) * np.logaddexp(0, eta)).sum(axis=1)
        total += np.log(np.exp(fits) @ weight)
    return total


@pytest.mark.parametrize("effects", ["pooled", "partial"])
@pytest.mark.parametrize("case", SEPARATED)
def test_log_odds_that_run_away_together_are_an_error(case, effects):
    """The sites' log odds may be scaled as a whole, and are the likelier for it, as the grid says."""
    counts = SEPARATED[case]
    with pytest.raises(InputError, match="sites with both outcomes, or the estimate is infinite") as told:
        mixed_logistic(*counts, effects=effects)
    assert "on the log-odds scale" in told.value.found
    if effects == "pooled":
        rises = [
            max(along(counts, (a, b, 1.0), k) for a in (-0.5, 0.0, 0.5) for b in (0.0, 1.0, 2.5)) for k in (2, 6, 18)
        ]
        assert rises == sorted(rises)


def _falls(counts, at, beta=None):
    """Less the log likelihood on the grid, of alpha, beta and tau, or of alpha and tau with beta held."""
    return -along(counts, at if beta is None else (at[0], beta, at[1]), 1.0)


@pytest.mark.parametrize("sd", [1.0, 3.0])
def test_what_is_given_is_the_maximum_of_a_grid_and_limits_fall_as_far(sd):
    """Of small sites that differ widely: either refused, or the maximum of a search on grids and its deviance there."""
    from scipy.optimize import minimize

    rng, given = np.random.default_rng(7), 0
    for _ in range(6):
        n = rng.integers(1, 5, (7, 2))
        counts = rng.binomial(n, expit(sd * rng.normal(size=(7, 1)) + [[-0.5, 0.5]])), n
        try:
            fit = mixed_logistic(*counts)
        except InputError:
            continue
        given += 1
        fall = partial(_falls, counts)
        best = np.array([fit.alpha, fit.beta, fit.tau_u])
        assert minimize(fall, best, method="Nelder-Mead", options={"maxfev": 60}).fun > fall(best) - 1e-5
        for limit in (fit.interval.lower, fit.interval.upper):
            if np.isfinite(limit):
                held = partial(_falls, counts, beta=limit)
                found = minimize(held, best[[0, 2]], method="Nelder-Mead", options={"maxfev": 150, "fatol": 1e-6})
                assert 2 * (found.fun - fall(best)) == pytest.approx(stats.chi2.ppf(0.95, 1), abs=0.02)
    assert given >= 2


@pytest.mark.parametrize("place", range(4))
def test_a_site_without_patients_changes_nothing(place):
    y, n = [[1, 5], [3, 6], [4, 5]], [[10, 10]] * 3
    more = mixed_logistic([*y[:place], [0, 0], *y[place:]], [*n[:place], [0, 0], *n[place:]])
    assert more == mixed_logistic(y, n)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"confidence": 95}, "a number between 0 and 1"), ({"effects": "both"}, "'pooled' or 'partial'"),
        ({"coding": "ref"}, "'centred' or 'reference'"), ({"method": "x"}, "'profile' or 'wald'"),
        ({"responders": [[11, 5], [3, 6]]}, "11 responders of 10"), ({"responders": [[1.5, 5], [3, 6]]}, "whole"),
        ({"responders": [[-1, 5], [3, 6]]}, "-1 responders"), ({"responders": [1, 5]}, "shape"),
        ({"responders": [[1, 5], [0, 0]], "n": [[10, 10], [0, 0]]}, "1 site; required: two sites"),
        ({"n": [[10, 10]]}, "shapes"),
    ],
)  # fmt: skip
def test_what_is_no_count_and_no_choice_is_an_error(changes, message):
    with pytest.raises(InputError, match=message):
        mixed_logistic(**{"responders": [[1, 5], [3, 6]], "n": [[10, 10], [10, 10]], **changes})


def test_a_hierarchy_says_why_there_is_no_estimate():
    y, n = map(np.array, SEPARATED["sites of one outcome"])
    trial = Trial.from_cells(Cells(tuple("ABCD"), y, n), Arms("placebo", "drug"), EndPoint("cure", "Cure"))
    (row,) = trial_hierarchy(trial)
    assert [type(item).__name__ for item in row.mixed] == ["Unfitted", "Unfitted"]
    table = comparison_table(reanalyse(trial, "itt_pooled", check_engines=False))
    notes = table[table["analysis"].str.contains("random site")]["note"].tolist()
    assert len(notes) == 2
    assert all(note.startswith("maximum likelihood has no estimate: tau_u = ") for note in notes)


def test_it_joins_the_hierarchy_where_sites_are_known(validation):
    trial, _ = table(validation, "beitler_landis_1985")
    (row,) = trial_hierarchy(trial)
    assert [fit.effects for fit in row.mixed] == ["pooled", "partial"]
    assert row.mixed[0].beta == pytest.approx(0.7385, abs=5e-5)
    assert all(row.mixed == () for row in trial_hierarchy(load_trial("lupil2")))
