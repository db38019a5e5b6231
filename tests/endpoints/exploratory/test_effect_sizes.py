"""Effects on one scale: against textbook formulas, and their covariance against a simulated truth."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.contingency_tables import Table2x2

from bayes_lupil import EndPoint
from bayes_lupil.endpoints.exploratory.effect_sizes import TO_LOG_ODDS, effect_sizes
from bayes_lupil.errors import TrialError

MANY = 4.0
BINARY = EndPoint("b", "b")
CHANGE = EndPoint("c", "c", "lower", kind="continuous")
ARM = np.arange(60) % 2


def _one(point, values, baseline=None, arm=ARM):
    return effect_sizes([point], [np.asarray(values, float)], arm, [baseline]).items[0]


def test_odds_ratio_of_a_table() -> None:
    y = np.where(ARM == 1, np.arange(60) < 40, np.arange(60) < 20).astype(float)
    found = _one(BINARY, y)
    table = Table2x2(np.array([[20, 10], [10, 20]]))
    assert found.own == pytest.approx(table.oddsratio)
    assert found.estimate == pytest.approx(table.log_oddsratio)
    assert found.se == pytest.approx(table.log_oddsratio_se)
    assert found.p == pytest.approx(table.log_oddsratio_pvalue())
    assert found.on_own_scale(found.estimate) == pytest.approx(found.own)
    turned = _one(EndPoint("b", "b", "lower"), y)
    assert turned.estimate == -found.estimate
    assert turned.own == found.own
    assert turned.on_own_scale(turned.estimate) == pytest.approx(found.own)


def test_empty_cells_and_no_information() -> None:
    y = np.where(ARM == 1, 1.0, np.arange(60) < 20)
    found = _one(BINARY, y)
    table = Table2x2(np.array([[30.5, 0.5], [10.5, 20.5]]), shift_zeros=False)
    assert found.estimate == pytest.approx(table.log_oddsratio)
    assert "0.5 added" in found.note
    assert "all patients alike" in _one(BINARY, np.ones(60)).note
    assert np.isnan(_one(BINARY, np.ones(60)).estimate)
    assert "fewer than 2" in _one(BINARY, np.where(ARM == 1, np.nan, y)).note
    assert "all patients alike" in _one(CHANGE, np.full(60, 3.0)).note
    with pytest.raises(TrialError, match="59 values"):
        _one(BINARY, np.ones(59))


def test_standardised_difference() -> None:
    rng = np.random.default_rng(1)
    y = rng.normal(-2.0 * ARM, 3.0)
    y[:4] = np.nan
    found = _one(CHANGE, y)
    control, active = y[(ARM == 0) & ~np.isnan(y)], y[(ARM == 1) & ~np.isnan(y)]
    test = stats.ttest_ind(active, control)
    sd = np.sqrt((control.var(ddof=1) * (control.size - 1) + active.var(ddof=1) * (active.size - 1)) / (y.size - 6))
    assert found.own == pytest.approx(active.mean() - control.mean())
    assert found.estimate == pytest.approx(-TO_LOG_ODDS * found.own / sd)  # lower is better
    assert found.p == pytest.approx(test.pvalue)
    assert found.on_own_scale(found.estimate) == pytest.approx(found.own)
    assert found.patients == (28, 28)


def test_a_patient_who_settles_the_slope_alone() -> None:
    """Leverage 1: fitted exactly, and so without influence; nothing is divided by 0."""
    rng = np.random.default_rng(9)
    baseline = np.where(np.arange(60) == 4, 12.0, 8.0)
    found = _one(CHANGE, rng.normal(-1.0 * ARM, 2.0), baseline)
    assert np.isfinite(found.se)
    assert found.se > 0.2


def test_one_scale_for_all() -> None:
    """A latent normal effect of half an SD, seen as it is, with its baseline, or cut in two: near the same effect."""
    rng = np.random.default_rng(10)
    arm = np.arange(40_000) % 2
    baseline = rng.standard_normal(40_000)
    y = 0.5 * arm + 0.8 * baseline + 0.6 * rng.standard_normal(40_000)
    point = EndPoint("c", "c", kind="continuous")
    crude, adjusted = _one(point, y, arm=arm), _one(point, y, baseline, arm=arm)
    binary = _one(BINARY, y > 0.25, arm=arm)
    assert crude.estimate == pytest.approx(0.5 * TO_LOG_ODDS, abs=0.06)
    assert adjusted.estimate == pytest.approx(crude.estimate, abs=0.06)
    assert adjusted.se < 0.7 * crude.se
    # cut in two the logistic and the normal distribution differ by some ten per cent
    assert binary.estimate == pytest.approx(crude.estimate, rel=0.15)


def test_adjusted_for_the_baseline() -> None:
    import pandas as pd
    import statsmodels.formula.api as smf

    rng = np.random.default_rng(2)
    baseline = rng.normal(10, 3, 60)
    y = rng.normal(-2.0 * ARM - 0.8 * baseline, 2.0)
    found = _one(CHANGE, y, baseline)
    fit = smf.ols("y ~ arm + baseline", pd.DataFrame({"y": y, "arm": ARM, "baseline": baseline})).fit()
    assert found.own == pytest.approx(fit.params["arm"])
    assert found.p == pytest.approx(fit.pvalues["arm"])


def test_arms_of_unequal_spread() -> None:
    """90 v 30 patients, SDs 1 and 3: the stated error is that over 800 trials, which the model's own is far from."""
    rng = np.random.default_rng(6)
    arm = np.repeat([0, 1], [90, 30])
    found = [_one(CHANGE, np.where(arm == 1, 3.0, 1.0) * rng.standard_normal(120), arm=arm) for _ in range(800)]
    sd = np.std([item.estimate for item in found], ddof=1)
    said = np.sqrt(np.mean([item.se**2 for item in found]))
    assert abs(said / sd - 1) < MANY / np.sqrt(2 * 800) + 0.03  # HC2 is a little low in 30 patients
    pooled = TO_LOG_ODDS * np.sqrt(1 / 90 + 1 / 30)
    assert sd > 1.3 * pooled


def _patients(rng, size=400):
    """Correlated end points with missing values: two binary, two continuous."""
    arm = np.arange(size) % 2
    common = rng.standard_normal(size)

    def mixed(share):
        return share * common + np.sqrt(1 - share**2) * rng.standard_normal(size)

    b1 = (mixed(0.8) > 0.2 - 0.3 * arm).astype(float)
    b2 = (mixed(0.5) > -0.4).astype(float)
    c1 = 2 * mixed(0.9) + 0.8 * arm
    c2 = -3 * mixed(0.6)
    for column in (b2, c1):
        column[rng.random(size) < 0.15] = np.nan
    return [b1, b2, c1, c2], arm


def test_covariance_over_repeated_trials() -> None:
    """The SDs and correlations of estimates over 600 trials are those that one trial says, within 4 errors."""
    points = [BINARY, EndPoint("b2", "b2", "lower"), EndPoint("c1", "c1", kind="continuous"), CHANGE]
    rng = np.random.default_rng(3)
    estimates, stated = [], []
    for _ in range(600):
        values, arm = _patients(rng)
        found = effect_sizes(points, values, arm, [None] * 4)
        estimates.append([item.estimate for item in found.items])
        stated.append(found.covariance)
    truth, mean = np.cov(np.array(estimates).T), np.mean(stated, axis=0)
    sd = np.sqrt(np.diag(truth))
    assert np.abs(np.sqrt(np.diag(mean)) / sd - 1).max() < MANY / np.sqrt(2 * 600)
    for i in range(4):
        for j in range(i):
            r, said = truth[i, j] / sd[i] / sd[j], mean[i, j] / np.sqrt(mean[i, i] * mean[j, j])
            assert abs(r - said) < MANY * (1 - r**2) / np.sqrt(600) + 0.01
    assert abs(truth[0, 2] / sd[0] / sd[2]) > 0.3  # so that there is something to see
