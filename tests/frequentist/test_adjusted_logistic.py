"""Adjusted logistic regression: against R, the fixed-site fit of tables, brute force and limits worked by hand."""

import csv

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.special import expit

from bayes_lupil.errors import InputError
from bayes_lupil.frequentist import stratified
from bayes_lupil.frequentist.adjusted_logistic import adjusted_logistic
from tests.frequentist.test_ancova import references
from tests.frequentist.test_mixed_logistic import ARMS
from tests.proofs import FIT

FIXED = "glm fixed site effects + x (informative sites)"
# references.csv prints 8 digits
PRINTED = 1e-7
# R's glm takes its standard error from the weights before the last step (see test_stratified.py)
R_GLM_SE = 1e-4
# both fits end where Newton moves the coefficients by less than 1e-10
MAXIMUM = 1e-7
SMALL = [name for name in ARMS if not name.startswith("ist_")]
LARGE = [pytest.param(name, marks=pytest.mark.proof(*FIT, "frequentist")) for name in ARMS if name.startswith("ist_")]


def patients(cells):
    """One row a patient from (site, arm, responders, n)."""
    y, arm, site = [], [], []
    for s, a, r, n in cells:
        y += [1] * r + [0] * (n - r)
        arm += [a] * n
        site += [s] * n
    return np.array(y, dtype=float), arm, site


def read(validation, name):
    with (validation / "data" / f"{name}.csv").open(encoding="utf-8", newline="") as lines:
        return [(row["site"], row["arm"], int(row["responders"]), int(row["n"])) for row in csv.DictReader(lines)]


def as_table(cells, arms):
    """Responders and patients, shape (sites, 2)."""
    index = {s: i for i, s in enumerate(dict.fromkeys(s for s, *_ in cells))}
    table = np.zeros((2, len(index), 2), dtype=int)
    for s, a, r, n in cells:
        table[:, index[s], arms.index(a)] += r, n
    return table


def newton(x, y, weights=None, steps=25):
    """Maximum likelihood by Newton's method, without a stopping rule; and the covariance there."""
    weights = np.ones(len(y)) if weights is None else weights
    beta = np.zeros(x.shape[1])
    for _ in range(steps):
        p = expit(x @ beta)
        information = (x * (weights * p * (1 - p))[:, None]).T @ x
        beta = beta + np.linalg.solve(information, x.T @ (weights * (y - p)))
    return beta, np.linalg.inv(information)


def difference(x, column, beta, weights=None):
    """The standardised risk difference, from its definition."""
    with_it, without = x.copy(), x.copy()
    with_it[:, column], without[:, column] = 1, 0
    return np.average(expit(with_it @ beta) - expit(without @ beta), weights=weights)


def trial(seed=0, sites=4, each=50):
    """Patients with a baseline that matters; design with the arm in the last column."""
    rng = np.random.default_rng(seed)
    site = np.repeat(np.arange(sites), each)
    arm = rng.permutation(np.arange(sites * each) % 2)
    baseline = rng.normal(10, 2, sites * each)
    dummies = (site[:, None] == np.arange(1, sites)).astype(float)
    x = np.column_stack([np.ones(len(site)), dummies, baseline - baseline.mean(), arm])
    truth = np.array([-0.4, *np.linspace(-1, 1, sites - 1), 0.4, 0.7])
    y = (rng.uniform(size=len(site)) < expit(x @ truth)).astype(float)
    return y, [("c", "a")[i] for i in arm], [str(s) for s in site], baseline, x


@pytest.mark.parametrize("name", SMALL + LARGE)
def test_sites_alone_are_the_fixed_site_fit_of_the_table(validation, name):
    cells = read(validation, name)
    y, arm, site = patients(cells)
    control, active = ARMS[name]
    fit = adjusted_logistic(y, arm, site, control=control)
    found = fit.contrasts[active].odds_ratio
    table = as_table(cells, ARMS[name])
    expected = stratified(*table).fixed_site_logit
    assert (found.estimate, found.se, found.p) == pytest.approx((expected.estimate, expected.se, expected.p), rel=1e-6)
    limits = expected.interval.lower, expected.interval.upper
    assert (found.interval.lower, found.interval.upper) == pytest.approx(limits, rel=1e-6)
    estimate, se = references(validation, name, FIXED)["x"]
    assert found.estimate == pytest.approx(estimate, rel=1e-6)
    assert found.se == pytest.approx(se, rel=R_GLM_SE)
    r, n = table.sum(axis=1)
    assert (fit.responders, fit.n) == (dict(zip(ARMS[name], r, strict=True)), dict(zip(ARMS[name], n, strict=True)))


def test_one_site_is_the_raw_difference_with_its_binomial_error():
    y, arm, _ = patients([("1", "c", 29, 50), ("1", "a", 34, 48)])
    fit = adjusted_logistic(y, arm, None, control="c", level=0.9)
    found = fit.contrasts["a"].difference
    p0, p1 = 29 / 50, 34 / 48
    se = np.sqrt(p0 * (1 - p0) / 50 + p1 * (1 - p1) / 48)
    assert (found.estimate, found.se) == pytest.approx((p1 - p0, se), rel=MAXIMUM)
    assert found.p == pytest.approx(2 * stats.norm.sf((p1 - p0) / se), rel=1e-6)
    expected = stats.norm(p1 - p0, se).interval(0.9)
    assert (found.interval.lower, found.interval.upper) == pytest.approx(expected, rel=1e-6)
    assert fit.risks == pytest.approx({"c": p0, "a": p1}, rel=MAXIMUM)
    odds = fit.contrasts["a"].odds_ratio
    assert odds.estimate == pytest.approx(np.log(34 * 21 / (14 * 29)), rel=MAXIMUM)
    assert odds.se == pytest.approx(np.sqrt(1 / 34 + 1 / 14 + 1 / 29 + 1 / 21), rel=MAXIMUM)


def test_delta_method_with_numerical_slopes():
    y, arm, site, baseline, x = trial()
    fit = adjusted_logistic(y, arm, site, baseline, control="c")
    beta, covariance = newton(x, y)
    last = x.shape[1] - 1
    step = 1e-5
    moves = step * np.eye(last + 1)
    slopes = [(difference(x, last, beta + m) - difference(x, last, beta - m)) / (2 * step) for m in moves]
    found = fit.contrasts["a"]
    assert found.odds_ratio.estimate == pytest.approx(beta[-1], rel=MAXIMUM)
    assert found.odds_ratio.se == pytest.approx(np.sqrt(covariance[-1, -1]), rel=MAXIMUM)
    assert (fit.baseline_slope, fit.baseline_slope_se) == pytest.approx((beta[-2], np.sqrt(covariance[-2, -2])))
    assert found.difference.estimate == pytest.approx(difference(x, last, beta), rel=MAXIMUM)
    # central differences of step 1e-5 miss by 1e-10 and rounding by 1e-11
    assert found.difference.se == pytest.approx(np.sqrt(slopes @ covariance @ slopes), rel=1e-6)
    assert found.difference.estimate == pytest.approx(fit.risks["a"] - fit.risks["c"], rel=MAXIMUM)


def test_model_variance_by_parametric_bootstrap():
    y, arm, site, baseline, x = trial(1, each=150)
    found = adjusted_logistic(y, arm, site, baseline, control="c").contrasts["a"].difference
    beta, _ = newton(x, y)
    rng = np.random.default_rng(2)
    again = (rng.uniform(size=(1000, len(y))) < expit(x @ beta)).astype(float)
    drawn = [difference(x, x.shape[1] - 1, newton(x, one, steps=8)[0]) for one in again]
    # an SD from 1000 draws has a relative error of 1 / sqrt(2000)
    assert np.std(drawn) == pytest.approx(found.se, rel=4 / np.sqrt(2000))


@pytest.mark.parametrize("outcome", [0, 1])
def test_sites_of_one_outcome_are_the_limit_of_the_fit(outcome):
    """Newton with all sites in drives such a site's coefficient one unit a step to infinity: at 18, p is 1e-8."""
    y, arm, site, baseline, x = trial(4)
    y[150:] = outcome
    fit = adjusted_logistic(y, arm, site, baseline, control="c")
    beta, covariance = newton(x, y, steps=18)
    found, last = fit.contrasts["a"], x.shape[1] - 1
    assert found.odds_ratio.estimate == pytest.approx(beta[-1], rel=1e-6)
    assert found.odds_ratio.se == pytest.approx(np.sqrt(covariance[-1, -1]), rel=1e-6)
    assert found.difference.estimate == pytest.approx(difference(x, last, beta), rel=1e-6)
    for name, value in (("a", 1.0), ("c", 0.0)):
        moved = x.copy()
        moved[:, last] = value
        assert fit.risks[name] == pytest.approx(expit(moved @ beta).mean(), rel=1e-6)
    moves = 1e-5 * np.eye(last + 1)
    slopes = [(difference(x, last, beta + m) - difference(x, last, beta - m)) / 2e-5 for m in moves]
    assert found.difference.se == pytest.approx(np.sqrt(slopes @ covariance @ slopes), rel=1e-4)
    assert fit.one_outcome_sites == ("3",)
    who, what = fit.notes[0].split(": ")
    assert who == "50 patients at 1 site where nobody or everybody responded"
    assert what == "not in the fit, in the standardised risk difference with a difference of 0"


def counts(most=3):
    return st.tuples(st.integers(0, most), st.integers(0, most)).map(lambda pair: (pair[0], sum(pair)))


@settings(max_examples=200)
@given(st.lists(st.tuples(counts(), counts()), min_size=1, max_size=4))
def test_an_estimate_exists_exactly_where_the_table_has_one(sites):
    """`stratified` knows from two sums over the table; here it is a linear program over patients."""
    cells = [(str(s), "ca"[i], *one) for s, pair in enumerate(sites) for i, one in enumerate(pair)]
    y, arm, site = patients(cells)
    assume(len(set(arm)) == 2)
    fit = adjusted_logistic(y, arm, site, control="c")
    expected = stratified(*as_table(cells, "ca")).fixed_site_logit
    assert (fit.contrasts["a"] is None) == (expected is None)
    assert bool(fit.risks) == (expected is not None)
    if expected is None:
        assert fit.notes
        assert "not exist" in fit.notes[-1]
    else:
        assert fit.contrasts["a"].odds_ratio.estimate == pytest.approx(expected.estimate, abs=1e-6)
        assert fit.contrasts["a"].odds_ratio.se == pytest.approx(expected.se, rel=1e-6)


@settings(max_examples=50)
@given(st.integers(0, 10**6), st.booleans())
def test_arms_swapped_turn_the_sign(seed, with_baseline):
    y, arm, site, baseline, _ = trial(seed, sites=3, each=12)
    fit, turned = (
        adjusted_logistic(y, arm, site, baseline if with_baseline else None, control=control) for control in "ca"
    )
    there, back = fit.contrasts["a"], turned.contrasts["c"]
    assert (there is None) == (back is None)
    if there is not None:
        for one, other in ((there.odds_ratio, back.odds_ratio), (there.difference, back.difference)):
            assert other.estimate == pytest.approx(-one.estimate, abs=1e-6 * one.se)
            assert other.se == pytest.approx(one.se, rel=1e-6)
            assert other.interval.lower == pytest.approx(-one.interval.upper, abs=1e-6)
        assert turned.risks == pytest.approx(fit.risks, rel=1e-6)


THREE = [("1", "c", 3, 9), ("1", "a", 5, 8), ("2", "c", 4, 7), ("2", "a", 6, 9), ("3", "c", 2, 9), ("3", "a", 4, 9)]


def same_without(cells, extra, message):
    """An arm more that has no estimate leaves the others as they are without it."""
    fit = adjusted_logistic(*patients([*cells, *extra]), control="c")
    without = adjusted_logistic(*patients(cells), control="c")
    assert fit.contrasts == {"a": without.contrasts["a"], "b": None}
    assert fit.risks == without.risks
    assert message in " ".join(fit.notes)
    assert len(fit.notes) == len(without.notes) + 1


def test_an_arm_in_which_nobody_responded():
    same_without(
        THREE, [("1", "b", 0, 5), ("2", "b", 0, 6)], "'b' against 'c': does not exist, no response contradicts"
    )


def test_an_arm_that_no_site_joins_to_control():
    same_without(THREE, [("4", "b", 3, 5)], "'b' against 'c': does not exist, no site in the fit joins them")


def test_an_arm_at_sites_of_one_outcome_only():
    same_without([*THREE, ("4", "c", 0, 5)], [("4", "b", 0, 5)], "no site in the fit joins them")


def test_three_arms_share_a_model_but_not_a_contrast():
    cells = [*THREE, ("1", "b", 2, 8), ("2", "b", 5, 8), ("3", "b", 6, 8)]
    fit, turned = (adjusted_logistic(*patients(cells), control=control) for control in "cb")
    a, b = fit.contrasts["a"], fit.contrasts["b"]
    assert list(fit.contrasts) == ["a", "b"]
    assert turned.contrasts["c"].difference.estimate == pytest.approx(-b.difference.estimate, rel=MAXIMUM)
    assert turned.contrasts["a"].odds_ratio.estimate == pytest.approx(
        a.odds_ratio.estimate - b.odds_ratio.estimate, rel=MAXIMUM
    )
    x = np.array([[1, s == "2", s == "3", v == "a", v == "b"] for s, v in zip(*patients(cells)[:0:-1], strict=True)])
    beta, _ = newton(x.astype(float), patients(cells)[0])
    assert (a.odds_ratio.estimate, b.odds_ratio.estimate) == pytest.approx(tuple(beta[3:]), rel=MAXIMUM)


def test_no_estimate_at_all_says_why():
    everybody = adjusted_logistic(*patients([("1", "c", 5, 5), ("1", "a", 4, 4)]), control="c")
    assert everybody.notes == ("odds ratio and risk difference: do not exist, all patients have the same outcome",)
    by_site = adjusted_logistic(*patients([("1", "c", 5, 5), ("1", "a", 4, 4), ("2", "c", 0, 3)]), control="c")
    assert "all patients at every site have the same outcome" in by_site.notes[0]
    y, arm, site = patients(THREE)
    told = adjusted_logistic(y, arm, site, y + 3, control="c")
    assert "the baseline tells without a contradiction who responds" in told.notes[0]
    for fit in (everybody, by_site, told):
        assert (fit.contrasts, fit.risks, fit.baseline_slope) == ({"a": None}, {}, None)
    nobody = adjusted_logistic(*patients([("1", "c", 0, 5), ("1", "a", 2, 4), ("1", "b", 3, 4)]), control="c")
    assert nobody.contrasts == {"a": None, "b": None}
    assert all("no response contradicts an infinite effect" in note for note in nobody.notes)
    assert len(nobody.notes) == 2


def test_a_baseline_that_says_nothing_is_told():
    y, arm, site = patients(THREE)
    fit = adjusted_logistic(y, arm, site, [float(s) for s in site], control="c")
    assert fit.notes == ("baseline: no slope, it says nothing that site and arm do not say",)
    assert fit.baseline_slope is None
    without = adjusted_logistic(y, arm, site, control="c").contrasts["a"]
    assert fit.contrasts["a"].difference.se == pytest.approx(without.difference.se, rel=MAXIMUM)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"response": [1, 0, 0.5, 1]}, "response, row 3: found 0.5"),
        ({"response": [1, 0, float("nan"), 1]}, "found 1 of 4 missing"),
        ({"control": "placebo"}, "the name of an arm"),
        ({"level": 1.0}, "between 0 and 1"),
    ],
)
def test_what_cannot_be_analysed_is_an_error(change, message):
    arguments = {"response": [1, 0, 0, 1], "arm": ["c", "a", "c", "a"], "site": ["1"] * 4, "control": "c"}
    with pytest.raises(InputError, match=message):
        adjusted_logistic(**{**arguments, **change})


def test_several_covariates_against_statsmodels():
    """Coefficient of the arm to 1e-8, standardised difference and its error by numerical derivatives."""
    import statsmodels.api as sm

    rng = np.random.default_rng(8)
    size = 300
    z, site, arm = rng.normal(size=(size, 3)), rng.integers(0, 4, size), rng.integers(0, 2, size)
    eta = 0.4 * site - 0.8 + 0.7 * arm + z @ [0.9, -0.4, 0.0]
    y = (rng.random(size) < 1 / (1 + np.exp(-eta))).astype(int)
    names = ["ab"[a] for a in arm], [f"s{s}" for s in site]
    found = adjusted_logistic(y, *names, control="a", covariates=z).contrasts["b"]
    x = np.column_stack([np.ones(size), site[:, None] == np.arange(1, 4), z, arm]).astype(float)
    theirs = sm.Logit(y, x).fit(disp=0, tol=1e-12)
    assert found.odds_ratio.estimate == pytest.approx(theirs.params[-1], abs=1e-8)
    assert found.odds_ratio.se == pytest.approx(theirs.bse[-1], rel=1e-6)

    def difference(parameters):
        with_arm, without = x.copy(), x.copy()
        with_arm[:, -1], without[:, -1] = 1, 0
        return float(np.mean(1 / (1 + np.exp(-with_arm @ parameters)) - 1 / (1 + np.exp(-without @ parameters))))

    steps = 1e-5 * np.eye(x.shape[1])
    slope = [(difference(theirs.params + h) - difference(theirs.params - h)) / 2e-5 for h in steps]
    assert found.difference.estimate == pytest.approx(difference(theirs.params), abs=1e-9)
    assert found.difference.se == pytest.approx(float(np.sqrt(slope @ theirs.cov_params() @ slope)), rel=1e-5)
    # a column that the others tell changes nothing
    more = np.column_stack([z, z[:, 0] + z[:, 1]])
    assert adjusted_logistic(y, *names, control="a", covariates=more).contrasts[
        "b"
    ].difference.estimate == pytest.approx(found.difference.estimate, abs=1e-9)


def test_one_covariate_is_the_baseline():
    rng = np.random.default_rng(9)
    z, arm = rng.normal(size=80), rng.integers(0, 2, 80)
    y = (rng.random(80) < 1 / (1 + np.exp(-z - arm))).astype(int)
    names = ["ab"[a] for a in arm]
    one = adjusted_logistic(y, names, None, z, control="a").contrasts["b"]
    other = adjusted_logistic(y, names, None, control="a", covariates=z[:, None]).contrasts["b"]
    assert one.difference.estimate == pytest.approx(other.difference.estimate, abs=1e-9)
    assert one.difference.se == pytest.approx(other.difference.se, rel=1e-6)


def test_covariates_that_tell_who_responds_have_no_estimate():
    rng = np.random.default_rng(10)
    z, arm = rng.normal(size=(60, 2)), rng.integers(0, 2, 60)
    y = (z @ [1.0, 2.0] > 0).astype(int)
    found = adjusted_logistic(y, ["ab"[a] for a in arm], None, control="a", covariates=z)
    assert found.contrasts["b"] is None
    assert "the covariates tell without a contradiction who responds" in found.notes[0]


@pytest.mark.parametrize("columns", [np.zeros(4), np.zeros((3, 2)), np.array([[1.0], [np.nan], [0.0], [2.0]])])
def test_covariates_are_a_row_of_numbers_for_each_patient(columns):
    with pytest.raises(InputError, match="covariates"):
        adjusted_logistic([0, 1, 0, 1], ["a", "b", "a", "b"], None, control="a", covariates=columns)
