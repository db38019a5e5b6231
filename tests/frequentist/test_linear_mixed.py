"""Linear mixed model: against lme4, statsmodels' likelihood, and trials where textbook t tests are exact."""

import importlib
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from bayes_lupil.errors import InputError
from bayes_lupil.frequentist.ancova import ancova
from tests.frequentist.test_ancova import ADAS, SETS, columns, references

module = importlib.import_module("bayes_lupil.frequentist.linear_mixed")
linear_mixed = module.linear_mixed

RANDOM = {True: "lmer REML: change~baseline+arm+(1|site)", False: "lmer ML: change~baseline+arm+(1|site)"}
SLOPES = "lmer REML: change~baseline+x+(x||site), x=0/1"
# lme4's optimiser stops where its SDs (relative to sigma) move by less than 1e-6 to 1e-5 of themselves: the largest
# difference in these files is 1.8e-6. Fixed effects hardly feel that: 8e-7 of a standard error; standard errors 1.5e-6.
SDS, FIXED, ERRORS = 1e-5, 4e-6, 7e-6
# both maxima are found to 1e-6 in log likelihood at worst; what follows from one maximum by two ways is rounding
MAXIMUM = 1e-5


def same_as_lme4(fit, rows):
    """Each row once: `rows` is by term (estimate, se or None), `fit` by the same terms."""
    assert set(fit) == set(rows)
    for term, (estimate, se) in rows.items():
        if se is None:
            assert fit[term] == pytest.approx(estimate, rel=SDS)
        else:
            assert fit[term][0] == pytest.approx(estimate, abs=FIXED * se)
            assert fit[term][1] == pytest.approx(se, rel=ERRORS)


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("dataset", SETS)
def test_random_intercepts_of_lme4(validation, dataset, reml):
    data, control = columns(validation, dataset)
    fit = linear_mixed(*data, control=control, reml=reml)
    assert (fit.converged, fit.boundary, fit.notes) == (True, (), ())
    found = {
        "(Intercept)": (fit.intercept, fit.intercept_se),
        "baseline": (fit.baseline_slope, fit.baseline_slope_se),
        **{f"arm{arm}": (contrast.estimate, contrast.se) for arm, contrast in fit.contrasts.items()},
        "sd(site)": fit.sd_site,
        "sigma": fit.sigma,
    }
    same_as_lme4(found, references(validation, dataset, RANDOM[reml]))


def test_random_slopes_of_lme4(validation):
    data, control = columns(validation, "opt_pocketdepth_change")
    fit = linear_mixed(*data, control=control, effects="partial")
    (contrast,) = fit.contrasts.values()
    found = {
        "(Intercept)": (fit.intercept, fit.intercept_se),
        "baseline": (fit.baseline_slope, fit.baseline_slope_se),
        "x": (contrast.estimate, contrast.se),
        "sd site (Intercept)": fit.sd_site,
        "sd site.1 x": fit.sd_slope["treatment"],
        "sd Residual NA": fit.sigma,
    }
    same_as_lme4(found, references(validation, "opt_pocketdepth_change", SLOPES))
    # four sites that differ: a normal p would be .013
    assert 2.5 < contrast.df < 3.5
    assert contrast.p > 0.05 > 2 * stats.norm.sf(abs(contrast.estimate / contrast.se))


def statsmodels_model(data, control, fit):
    """statsmodels' model with the same columns, its likelihood free of its optimiser."""
    from statsmodels.regression.mixed_linear_model import MixedLM

    y, arm, site, baseline = data
    active = list(fit.contrasts)
    x = np.array([[a == name for name in active] for a in arm], dtype=float)
    x -= 1 / (1 + len(active)) if fit.coding == "centred" else 0
    fixed = np.column_stack([np.ones(len(y)), x, baseline])
    model = MixedLM(y, fixed, np.array(site), fixed[:, : 1 + len(active)] if fit.sd_slope else fixed[:, :1])
    model.reml, model.cov_pen, model.fe_pen, model._cov_sing = fit.reml, None, None, 0  # what its fit() sets
    return model


def log_likelihood(model, variances):
    from statsmodels.regression.mixed_linear_model import MixedLMParams

    return model.loglike(MixedLMParams.from_components(np.zeros(model.k_fe), np.diag(variances)))


@pytest.mark.stack
@pytest.mark.parametrize("coding", ["reference", "centred"])
@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("dataset", SETS)
def test_no_higher_likelihood_in_statsmodels(validation, dataset, reml, coding):
    """The height is the same, and no point of a grid over all variances, four decades wide, is higher."""
    data, control = columns(validation, dataset)
    fit = linear_mixed(*data, control=control, effects="partial", reml=reml, coding=coding)
    assert fit.converged
    model = statsmodels_model(data, control, fit)
    ratios = (np.array([fit.sd_site, *fit.sd_slope.values()]) / fit.sigma) ** 2
    # statsmodels cannot take a variance of 0; 1e-9 costs less than the number of patients times that
    assert log_likelihood(model, np.maximum(ratios, 1e-9)) == pytest.approx(fit.log_likelihood, abs=1e-6)
    grid = np.geomspace(1e-4, 1, 4) if len(ratios) == 3 else np.geomspace(1e-4, 1, 9)
    for point in itertools.product(grid, repeat=len(ratios)):
        assert log_likelihood(model, point) < fit.log_likelihood
    # and it is a maximum: any SD or variance moved by a tenth is lower
    for i, up in itertools.product(range(len(ratios)), (0.9, 1.1)):
        moved = np.maximum(ratios, 1e-9)
        moved[i] = moved[i] * up if ratios[i] > 0 else 1e-3
        assert log_likelihood(model, moved) < fit.log_likelihood


def test_the_likelihood_is_a_normal_density(validation):
    (y, arm, site, baseline), control = columns(validation, ADAS)
    fit = linear_mixed(y, arm, site, baseline, control=control, effects="partial", reml=False)
    x = np.array([[a == name for name in fit.contrasts] for a in arm], dtype=float)
    same = np.equal.outer(site, site)
    covariance = fit.sigma**2 * np.eye(len(y)) + fit.sd_site**2 * same
    for i, sd in enumerate(fit.sd_slope.values()):
        covariance += sd**2 * same * np.outer(x[:, i], x[:, i])
    effects = [contrast.estimate for contrast in fit.contrasts.values()]
    mean = fit.intercept + fit.baseline_slope * baseline + x @ effects
    assert fit.log_likelihood == pytest.approx(stats.multivariate_normal(mean, covariance).logpdf(y), abs=1e-6)


def balanced(sites, cell, seed=0, sd_site=2.0, sd_slope=1.0, sigma=1.0):
    """The same number of patients in each arm of each site; shape of y (sites, arms, cell)."""
    rng = np.random.default_rng(seed)
    u, v = sd_site * rng.normal(size=(sites, 1, 1)), sd_slope * rng.normal(size=(sites, 1, 1))
    y = u + (v + 0.7) * np.array([-0.5, 0.5])[None, :, None] + sigma * rng.normal(size=(sites, 2, cell))
    site = [f"{s}" for s in range(sites) for _ in range(2 * cell)]
    arm = [a for _ in range(sites) for a in "ca" for _ in range(cell)]
    return y, arm, site


def test_balanced_slopes_are_a_t_test_of_the_sites_differences():
    """Exact: with as many patients everywhere each site is one difference, and df is sites minus 1."""
    y, arm, site = balanced(7, 5)
    fit = linear_mixed(y.ravel(), arm, site, control="c", effects="partial", coding="centred", level=0.9)
    assert fit.boundary == ()
    test = stats.ttest_1samp(np.subtract(*y.mean(axis=2).T[::-1]), 0)
    contrast = fit.contrasts["a"]
    assert contrast.df == pytest.approx(6, rel=MAXIMUM)
    assert contrast.estimate / contrast.se == pytest.approx(test.statistic, rel=MAXIMUM)
    assert contrast.p == pytest.approx(test.pvalue, rel=10 * MAXIMUM)
    interval = test.confidence_interval(0.9)
    assert (contrast.interval.lower, contrast.interval.upper) == pytest.approx(tuple(interval), rel=10 * MAXIMUM)
    # and the SDs are those of the analysis of variance
    difference = np.subtract(*y.mean(axis=2).T[::-1])
    within = y.var(axis=2, ddof=1).mean()
    assert fit.sigma**2 == pytest.approx(within, rel=MAXIMUM)
    assert fit.sd_slope["a"] ** 2 == pytest.approx(difference.var(ddof=1) - 2 * within / 5, rel=MAXIMUM)
    assert fit.sd_site**2 == pytest.approx(y.mean(axis=(1, 2)).var(ddof=1) - within / 10, rel=MAXIMUM)


def test_balanced_intercepts_are_analysis_of_covariance_with_sites():
    y, arm, site = balanced(7, 5, sd_slope=0.0)
    fit, fixed = linear_mixed(y.ravel(), arm, site, control="c"), ancova(y.ravel(), arm, site, control="c")
    there, here = fixed.contrasts["a"], fit.contrasts["a"]
    assert (here.estimate, here.se, here.df) == pytest.approx((there.estimate, there.se, there.df), rel=MAXIMUM)
    assert fit.sigma == pytest.approx(fixed.sigma, rel=MAXIMUM)
    assert (fit.intercept, fit.n, fit.n_sites) == (pytest.approx(y[:, 0].mean()), {"c": 35, "a": 35}, 7)


def test_sites_of_one_arm_each_are_a_t_test_of_site_means():
    """As in a trial that randomises sites: df is sites minus 2, however many patients."""
    rng = np.random.default_rng(4)
    y = rng.normal(size=(8, 1)) + rng.normal(size=(8, 20))
    arm, site = ["c"] * 80 + ["a"] * 80, [f"{s}" for s in range(8) for _ in range(20)]
    contrast = linear_mixed(y.ravel(), arm, site, control="c").contrasts["a"]
    test = stats.ttest_ind(y[4:].mean(axis=1), y[:4].mean(axis=1))
    assert contrast.df == pytest.approx(6, rel=MAXIMUM)
    assert contrast.estimate / contrast.se == pytest.approx(test.statistic, rel=MAXIMUM)
    assert contrast.p == pytest.approx(test.pvalue, rel=10 * MAXIMUM)


@pytest.mark.parametrize("effects", ["pooled", "partial"])
def test_without_spread_it_is_least_squares(effects):
    """Sites more alike than chance: all SDs 0, said so, and the fit is that without sites."""
    y, arm, site = balanced(5, 4, sd_site=0.0, sd_slope=0.0)
    y -= 0.9 * (y.mean(axis=2, keepdims=True) - y.mean(axis=(0, 2), keepdims=True))
    fit = linear_mixed(y.ravel(), arm, site, control="c", effects=effects)
    plain = ancova(y.ravel(), arm, None, control="c")
    assert fit.boundary == (("site",) if effects == "pooled" else ("site", "a"))
    assert (fit.sd_site, *fit.sd_slope.values()) == (0.0,) * len(fit.boundary)
    assert [note.split(":")[1] for note in fit.notes] == [" estimated as 0"] * len(fit.boundary)
    there, here = plain.contrasts["a"], fit.contrasts["a"]
    assert (here.estimate, here.se, here.df) == pytest.approx((there.estimate, there.se, there.df), rel=1e-9)
    assert fit.converged


def test_pooled_effects_do_not_depend_on_coding_and_slopes_do(validation):
    data, control = columns(validation, "opt_pocketdepth_change")
    reference, centred = (linear_mixed(*data, control=control, coding=c) for c in ("reference", "centred"))
    a, b = reference.contrasts["treatment"], centred.contrasts["treatment"]
    assert (a.estimate, a.se, a.df) == pytest.approx((b.estimate, b.se, b.df), rel=MAXIMUM)
    assert centred.intercept - reference.intercept == pytest.approx(a.estimate / 2, rel=MAXIMUM)
    reference, centred = (
        linear_mixed(*data, control=control, coding=c, effects="partial") for c in ("reference", "centred")
    )
    assert abs(reference.log_likelihood - centred.log_likelihood) > 0.01


@settings(max_examples=30)
@given(st.integers(0, 10**6), st.sampled_from(["pooled", "partial"]), st.booleans())
def test_arms_swapped_turn_the_sign(seed, effects, reml):
    rng = np.random.default_rng(seed)
    site = [f"{s}" for s in range(5) for _ in range(8)]
    arm = ["c", "a", *rng.choice(["c", "a"], size=38).tolist()]
    y = np.repeat(rng.normal(size=5), 8) + rng.normal(size=40)
    fit, turned = (
        linear_mixed(y, arm, site, control=control, effects=effects, coding="centred", reml=reml) for control in "ca"
    )
    there, back = fit.contrasts["a"], turned.contrasts["c"]
    assert (fit.converged, fit.boundary == ()) == (turned.converged, turned.boundary == ())
    assert back.estimate == pytest.approx(-there.estimate, abs=MAXIMUM * there.se)
    assert back.se == pytest.approx(there.se, rel=MAXIMUM)
    assert turned.log_likelihood == pytest.approx(fit.log_likelihood, abs=1e-6)


def test_a_search_cut_short_says_so(validation, monkeypatch):
    data, control = columns(validation, "opt_pocketdepth_change")
    monkeypatch.setattr(module, "_ITERATIONS", 1)
    monkeypatch.setattr(module, "_NEWTON", 0)
    fit = linear_mixed(*data, control=control, effects="partial")
    assert not fit.converged
    assert "did not converge" in fit.notes[-1]


def test_a_baseline_of_one_value_is_told():
    y, arm, site = balanced(4, 3)
    fit = linear_mixed(y.ravel(), arm, site, [0.1] * y.size, control="c")
    assert fit.baseline_slope is None
    assert fit.notes == ("baseline: no slope, it has one value only",)
    assert fit.contrasts == linear_mixed(y.ravel(), arm, site, control="c").contrasts


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": [1.0, np.nan, 4.0, 6.0, 5.0, 4.0]}, "linear mixed model, outcome: found 1 of 6 missing"),
        ({"site": ["1"] * 6}, "two sites or more"),
        ({"site": list("123456")}, "to tell the SDs apart"),
        ({"site": ["1", "1", "2", "2", "3", "3"], "effects": "partial"}, "one in each site and arm"),
        ({"effects": "fixed"}, "'pooled' or 'partial'"),
        ({"coding": "dummy"}, "'reference' or 'centred'"),
        ({"y": [1.0, 2.0] * 3}, "no residual variation"),
        ({"control": "C"}, "Did you mean"),
    ],
)
def test_what_cannot_be_analysed_is_an_error(change, message):
    arguments = {"y": [1.0, 2.0, 4.0, 6.0, 5.0, 4.0], "arm": ["c", "a"] * 3, "site": ["1"] * 3 + ["2"] * 3}
    with pytest.raises(InputError, match=message):
        linear_mixed(**{**arguments, "control": "c", **change})


@pytest.mark.parametrize("baseline", [(1, 0), (0.1, 0.3), (7.3, -2.1), (0.7, 1e3), (3.3, 0.123)])
def test_a_baseline_that_the_arm_tells_is_an_error(baseline):
    y, arm, site = np.random.default_rng(1).normal(size=40), np.tile(["c", "a"], 20), np.repeat(list("1234"), 10)
    with pytest.raises(InputError, match="tell exactly"):
        linear_mixed(y, arm, site, baseline[0] * (arm == "a") + baseline[1], control="c")


def test_covariates_are_fixed_effects():
    """At statsmodels' own likelihood: the coefficients and the maximum of MixedLM on the same columns."""
    import statsmodels.api as sm

    rng = np.random.default_rng(9)
    site = np.repeat(np.arange(12), 10)
    arm, z = np.arange(120) % 2, rng.normal(size=(120, 2)) + 3.0
    y = 1 + 0.5 * arm + z @ [0.7, -0.2] + rng.normal(size=12)[site] + rng.normal(size=120)
    names = ["ct"[a] for a in arm], [f"s{s}" for s in site]
    x = np.column_stack([np.ones(120), arm, z])
    for reml in (True, False):
        fit = linear_mixed(y, *names, control="c", reml=reml, covariates=z)
        theirs = sm.MixedLM(y, x, groups=site).fit(reml=reml)
        assert fit.contrasts["t"].estimate == pytest.approx(theirs.fe_params[1], rel=1e-4)
        assert fit.sigma**2 == pytest.approx(theirs.scale, rel=1e-3)
        assert fit.sd_site**2 == pytest.approx(float(theirs.cov_re[0, 0]), rel=1e-2)
        assert fit.log_likelihood == pytest.approx(theirs.llf, abs=1e-3)
    with pytest.raises(InputError, match="tell exactly"):
        linear_mixed(y, *names, control="c", covariates=np.column_stack([z, z[:, 0] + 2 * arm]))
