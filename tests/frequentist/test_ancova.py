"""Analysis of covariance: against a published table, R's lm, textbook tests and what the design cannot tell."""

import csv

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bayes_lupil.errors import InputError
from bayes_lupil.frequentist import Hypothesis, fixed_sequence
from bayes_lupil.frequentist.ancova import ancova

ADAS = "cdiscpilot_adascog_week24_locf"
SETS = {
    ADAS: (ADAS, "site", "Placebo"),
    f"{ADAS}[site_group]": (ADAS, "site_group", "Placebo"),
    "opt_pocketdepth_change": ("opt_pocketdepth_change", "site", "control"),
}
LM = "lm ANCOVA change~baseline+arm+site(fixed)"
# references.csv prints 8 digits
PRINTED = 1e-7
# two ways through the same least squares
ROUNDING = 1e-9


def columns(validation, dataset):
    name, site, control = SETS[dataset]
    frame = pd.read_csv(validation / "data" / f"{name}.csv", dtype={"site": str, "site_group": str})
    return (frame.change.to_numpy(), frame.arm.tolist(), frame[site].tolist(), frame.baseline.to_numpy()), control


def references(validation, dataset, model):
    with (validation / "references.csv").open(encoding="utf-8", newline="") as lines:
        return {
            row["term"]: (float(row["estimate"]), None if row["se"] == "NA" else float(row["se"]))
            for row in csv.DictReader(lines)
            if row["dataset"] == dataset and row["model"] == model
        }


def made_up(sizes, seed=0, baseline=True):
    """Patients by (site, arm) and their number; outcomes at random."""
    rng = np.random.default_rng(seed)
    site = [s for (s, _), n in sizes.items() for _ in range(n)]
    arm = [a for (_, a), n in sizes.items() for _ in range(n)]
    level = {s: 2.0 * i for i, s in enumerate(dict.fromkeys(site))}
    x = rng.normal(10, 3, len(site)) if baseline else None
    y = rng.normal(size=len(site)) + [level[s] for s in site] + (0.5 * x if baseline else 0)
    return y, arm, site, x


def test_the_published_table_of_the_cdisc_pilot(validation):
    # its table 14-3.01: low dose -0.5 (.82), p .569; high dose -1.0 (.84), p .233; n 79, 81, 74
    data, control = columns(validation, f"{ADAS}[site_group]")
    fit = ancova(*data, control=control)
    low, high = fit.contrasts["Xanomeline_Low_Dose"], fit.contrasts["Xanomeline_High_Dose"]
    assert (f"{low.estimate:.1f}", f"{low.se:.2f}", f"{low.p:.3f}") == ("-0.5", "0.82", "0.569")
    assert (f"{high.estimate:.1f}", f"{high.se:.2f}", f"{high.p:.3f}") == ("-1.0", "0.84", "0.233")
    assert fit.n == {"Placebo": 79, "Xanomeline_High_Dose": 74, "Xanomeline_Low_Dose": 81}
    assert (fit.n_sites, fit.df, fit.one_arm_sites, fit.notes) == (11, 220, (), ())
    # higher doses first: the gate stays shut for the second
    gates = fixed_sequence([Hypothesis("high dose", high.p), Hypothesis("low dose", low.p)])
    assert [gate.status for gate in gates] == ["not significant", "no formal claim: formal testing stops at step 1"]


def test_covariates_are_columns_of_the_regression():
    """Against statsmodels' OLS on the same columns, one of which the sites tell."""
    import statsmodels.api as sm

    y, arm, site, baseline = made_up({("A", "c"): 9, ("A", "t"): 8, ("B", "c"): 7, ("B", "t"): 9})
    z = np.column_stack([np.random.default_rng(8).normal(size=(len(y), 2)), np.array(site) == "B"])
    fit = ancova(y, arm, site, baseline, control="c", covariates=z)
    x = np.column_stack([np.ones(len(y)), np.array(site) == "B", z[:, :2], baseline, np.array(arm) == "t"]).astype(
        float
    )
    theirs = sm.OLS(y, x).fit()
    contrast = fit.contrasts["t"]
    assert (contrast.estimate, contrast.se) == pytest.approx((theirs.params[-1], theirs.bse[-1]), rel=1e-9)
    assert (contrast.p, fit.df) == (pytest.approx(theirs.pvalues[-1]), int(theirs.df_resid))
    for wrong in (z[:-1], z[:, 0], np.where(z > 1, np.nan, z)):
        with pytest.raises(InputError, match="ANCOVA, covariates"):
            ancova(y, arm, site, baseline, control="c", covariates=wrong)


@pytest.mark.parametrize("dataset", SETS)
def test_least_squares_of_r(validation, dataset):
    data, control = columns(validation, dataset)
    fit = ancova(*data, control=control)
    given = references(validation, dataset, LM)
    assert len(given) == len(fit.contrasts) + 2
    assert fit.sigma == pytest.approx(given["sigma"][0], rel=PRINTED)
    assert (fit.baseline_slope, fit.baseline_slope_se) == pytest.approx(given["baseline"], rel=PRINTED)
    for arm, contrast in fit.contrasts.items():
        assert (contrast.estimate, contrast.se) == pytest.approx(given[f"arm{arm}"], rel=PRINTED)
        t = stats.t(contrast.df, contrast.estimate, contrast.se)
        assert (contrast.interval.lower, contrast.interval.upper) == pytest.approx(t.interval(0.95))
        assert contrast.p == pytest.approx(2 * stats.t.sf(abs(contrast.estimate / contrast.se), fit.df), rel=1e-6)


@pytest.mark.parametrize("dataset", SETS)
def test_raw_means_without_sites_and_baseline(validation, dataset):
    (y, arm, _, _), control = columns(validation, dataset)
    fit = ancova(y, arm, None, control=control)
    given = references(validation, dataset, "raw change by arm")
    arms = np.array(arm)
    for name, mean in fit.means.items():
        assert mean.estimate == pytest.approx(given[f"mean[{name}]"][0], rel=PRINTED)
        assert mean.se == pytest.approx(fit.sigma / np.sqrt((arms == name).sum()), rel=ROUNDING)
    if len(fit.contrasts) == 1:  # Student's test
        (contrast,) = fit.contrasts.values()
        expected = stats.ttest_ind(y[arms == "treatment"], y[arms == "control"])
        assert contrast.p == pytest.approx(expected.pvalue, rel=1e-6)
        assert contrast.df == expected.df
        assert tuple(expected.confidence_interval()) == pytest.approx(
            (contrast.interval.lower, contrast.interval.upper), rel=ROUNDING
        )
    assert fit.n_sites == 1


def test_adjusted_means_are_predictions_for_everybody(validation):
    """By another way in: a model with one mean an arm and all else minus its average, by formula."""
    import statsmodels.formula.api as smf

    data, control = columns(validation, f"{ADAS}[site_group]")
    fit = ancova(*data, control=control)
    frame = pd.DataFrame(dict(zip(("y", "arm", "site", "baseline"), data, strict=True)))
    terms = pd.get_dummies(frame.site, dtype=float).iloc[:, 1:].assign(baseline=frame.baseline)
    terms = (terms - terms.mean()).rename(columns=lambda name: f"c_{name}")
    other = smf.ols(f"y ~ 0 + arm + {' + '.join(terms)}", frame.join(terms)).fit()
    for name, mean in fit.means.items():
        assert mean.estimate == pytest.approx(other.params[f"arm[{name}]"], rel=ROUNDING)
        assert mean.se == pytest.approx(other.bse[f"arm[{name}]"], rel=ROUNDING)
    for name, contrast in fit.contrasts.items():
        assert fit.means[name].estimate - fit.means[control].estimate == pytest.approx(contrast.estimate)


def test_a_one_armed_site_changes_nothing_but_sigma():
    sizes = {("1", "c"): 5, ("1", "a"): 4, ("2", "c"): 3, ("2", "a"): 6}
    more = {**sizes, ("3", "a"): 4}
    y, arm, site, _ = made_up(more, baseline=False)
    size = sum(sizes.values())
    with_it, without = ancova(y, arm, site, control="c"), ancova(y[:size], arm[:size], site[:size], control="c")
    assert with_it.one_arm_sites == ("3",)
    assert with_it.notes == ()
    assert with_it.contrasts["a"].estimate == pytest.approx(without.contrasts["a"].estimate, rel=ROUNDING)
    assert with_it.contrasts["a"].se / with_it.sigma == pytest.approx(without.contrasts["a"].se / without.sigma)
    assert with_it.df == without.df + 3


def test_an_arm_that_no_site_joins_to_control_is_told():
    sizes = {("1", "c"): 5, ("1", "a"): 4, ("2", "c"): 3, ("2", "a"): 6, ("3", "d"): 4, ("3", "e"): 4}
    y, arm, site, x = made_up(sizes)
    fit = ancova(y, arm, site, x, control="c")
    # d and e are joined to each other, and a model that drops a column would call one of them a contrast
    assert fit.contrasts["d"] is None
    assert fit.contrasts["e"] is None
    assert fit.means == {}
    assert [note.split(":")[0] for note in fit.notes] == ["'d' against 'c'", "'e' against 'c'"]
    # 'a' as with one mean for each cell of the lonely site
    cells = [s if s != "3" else s + a for s, a in zip(site, arm, strict=True)]
    arms = [a if a in ("c", "a") else "c" for a in arm]
    other = ancova(y, arms, cells, x, control="c")
    assert fit.contrasts["a"].estimate == pytest.approx(other.contrasts["a"].estimate, rel=ROUNDING)
    assert fit.contrasts["a"].se == pytest.approx(other.contrasts["a"].se, rel=ROUNDING)
    assert fit.df == other.df == len(y) - 6
    assert fit.baseline_slope == pytest.approx(other.baseline_slope, rel=ROUNDING)


def test_an_arm_is_joined_by_way_of_another():
    sizes = {("1", "c"): 5, ("1", "a"): 4, ("2", "a"): 3, ("2", "b"): 6}
    y, arm, site, _ = made_up(sizes, baseline=False)
    fit = ancova(y, arm, site, control="c")
    cell = {key: np.mean([v for v, *k in zip(y, site, arm, strict=True) if tuple(k) == key]) for key in sizes}
    expected = cell["1", "a"] - cell["1", "c"] + cell["2", "b"] - cell["2", "a"]
    assert fit.contrasts["b"].estimate == pytest.approx(expected, rel=ROUNDING)


@pytest.mark.parametrize("values", [{"1": 0.1, "2": 0.1}, {"1": 0.1, "2": 7.3}])
def test_a_baseline_that_says_nothing_is_told(values):
    y, arm, site, _ = made_up({("1", "c"): 5, ("1", "a"): 4, ("2", "c"): 3, ("2", "a"): 6}, baseline=False)
    fit = ancova(y, arm, site, [values[s] for s in site], control="c")
    assert fit.baseline_slope is None
    assert fit.notes == ("baseline: no slope, it says nothing that site and arm do not say",)
    without = ancova(y, arm, site, control="c")
    assert fit.df == without.df
    assert fit.contrasts["a"].se == pytest.approx(without.contrasts["a"].se, rel=ROUNDING)
    for name, mean in without.means.items():
        assert (fit.means[name].estimate, fit.means[name].se) == pytest.approx((mean.estimate, mean.se), rel=ROUNDING)


@given(st.integers(0, 10**6), st.integers(2, 4), st.booleans())
def test_arms_swapped_turn_the_sign(seed, sites, with_baseline):
    rng = np.random.default_rng(seed)
    sizes = {(str(s), a): int(rng.integers(1, 5)) for s in range(sites) for a in "cab"}
    y, arm, site, x = made_up(sizes, seed, with_baseline)
    fit, turned = (ancova(y, arm, site, x, control=control, level=0.9) for control in "cb")
    there, back = fit.contrasts["b"], turned.contrasts["c"]
    # rounding in proportion to the error, not to an estimate that may be near 0
    assert back.estimate == pytest.approx(-there.estimate, abs=1e-8 * there.se)
    assert (back.se, back.p) == pytest.approx((there.se, there.p), rel=1e-6)
    assert back.interval.lower == pytest.approx(-there.interval.upper, abs=1e-8 * there.se)
    across = there.estimate - fit.contrasts["a"].estimate
    assert turned.contrasts["a"].estimate == pytest.approx(-across, abs=1e-8 * there.se)


Y, ARM, SITE = [1.0, 2.0, 4.0, 6.0, 5.0], ["c", "c", "a", "a", "a"], ["1", "2", "1", "2", "1"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": [1.0, np.nan, 4.0, 6.0, np.nan]}, "outcome: found 2 of 5 missing or not finite, first in row 2"),
        ({"y": [1.0, np.inf, 4.0, 6.0, 5.0]}, "complete cases"),
        ({"y": ["low", 1, 1, 1, 1]}, "a number for each patient"),
        ({"y": [[1.0] * 5]}, "one number for each patient"),
        ({"y": [], "arm": [], "site": []}, "no patients"),
        ({"baseline": [1.0, 2.0, 3.0, 4.0, np.nan]}, "baseline: found 1 of 5 missing"),
        ({"baseline": [1.0]}, "one number for each patient"),
        ({"arm": ["c", "c", "a", "a"]}, "arm: found 4 values"),
        ({"arm": ["c", "c", "a", "a", ""]}, "arm, row 5: found ''"),
        ({"site": ["1", "2", float("nan"), "1", "2"]}, "site, row 3: found nan"),
        ({"control": "C"}, "Did you mean 'c'"),
        ({"arm": ["c"] * 5}, "at least one active arm"),
        ({"site": ["1", "1", "2", "2", "2"]}, "no site joins them.*site=None"),
        ({"site": list("12345")}, "more patients than parameters"),
        ({"y": [1.0, 1.0, 2.0, 2.0, 2.0]}, "no residual variation"),
        ({"level": 95}, "between 0 and 1"),
    ],
)
def test_what_cannot_be_analysed_is_an_error(change, message):
    arguments = {"y": Y, "arm": ARM, "site": SITE, "control": "c", **change}
    with pytest.raises(InputError, match=message):
        ancova(**arguments)
