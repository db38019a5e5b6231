"""The table of sites: each column against where it comes from, or against counts by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bayes_lupil import Arms, Cells, EndPoint, Trial, fit, load_model, load_trial, sensitivity
from bayes_lupil.errors import InputError, UnsupportedModelError
from bayes_lupil.sites.conflict import conflict_p_values
from bayes_lupil.sites.influence import retained_weights, shrinkage_factors
from bayes_lupil.sites.table import site_table
from tests.proofs import FIT

# of Monte Carlo errors; some 40 differences with fixed seeds, of which 4 would be passed by chance in less than 1 %
MANY = 4.5


@pytest.fixture(scope="module")
def trial():
    return load_trial("beitler_landis")


@pytest.fixture(scope="module")
def posterior(trial):
    return fit("site_effects", trial)


@pytest.fixture(scope="module")
def table(posterior, trial):
    return site_table(posterior)


def trial_of(responders, n, benefit="higher"):
    names = tuple(f"site {s}" for s in range(len(n)))
    cells = Cells(names, np.array(responders), np.array(n))
    return Trial.from_cells(cells, Arms("old", "new"), EndPoint("y", "y", benefit), "made up", synthetic=True)


def test_counts_and_raw_effects_are_those_of_the_paper(table, trial):
    assert [row.site for row in table.rows] == list(trial.site_names)
    first = table.rows[0]  # Beitler and Landis 1985: 10/37 of control and 11/36 of drug
    assert (first.n, first.responders) == ((37, 36), (10, 11))
    assert first.raw.rates == pytest.approx((10 / 37, 11 / 36))
    assert first.raw.risk_difference == pytest.approx(11 / 36 - 10 / 37)
    assert first.raw.log_odds_ratio == pytest.approx(np.log(11 / 25) - np.log(10 / 27))
    assert not first.raw.corrected
    empty = table.rows[4]  # 0/12 of control, 6/17 of drug
    assert (empty.n, empty.responders) == ((12, 17), (0, 6))
    assert empty.raw.corrected
    assert empty.raw.log_odds_ratio == pytest.approx(np.log(6.5 / 11.5) - np.log(0.5 / 12.5))
    assert sum(row.raw.corrected for row in table.rows) == sum(
        0 in (*row.responders, *(np.array(row.n) - row.responders)) for row in table.rows
    )


def test_shrunken_numbers_are_the_posteriors(table, posterior):
    for row in table.rows:
        for a, arm in enumerate(("control", "active")):
            known = posterior.row(f"p[{row.site}, {arm}]")
            found = row.rates[a]
            assert (found.mean, found.mcse) == (pytest.approx(known.mean), pytest.approx(known.mcse_mean))
            assert (found.q2_5, found.q97_5) == (pytest.approx(known.q2_5), pytest.approx(known.q97_5))
        v = posterior.row(f"v[{row.site}]").mean + posterior.row("beta").mean
        assert row.log_odds_ratio.mean == pytest.approx(v, abs=1e-9)
        assert row.risk_difference.mean == pytest.approx(row.rates[1].mean - row.rates[0].mean)
        assert row.risk_difference.q2_5 < row.risk_difference.mean < row.risk_difference.q97_5


def test_the_rest_is_what_the_single_functions_say(table, posterior, trial):
    left_out, conflicts = sensitivity.leave_one_site_out(posterior), conflict_p_values(posterior)
    shrinkage, retained = shrinkage_factors(posterior), retained_weights(posterior)
    for s, row in enumerate(table.rows):
        assert row.without == left_out[s]
        assert row.conflict == conflicts.sites[s]
        assert (row.shrinkage.mean, row.shrinkage.mcse) == (shrinkage.factor[s], shrinkage.mcse[s])
        assert (row.weight.mean, row.retained.mean) == (retained.weight[s], retained.relative[s])
        assert (row.outlier, row.nonexchangeable) == (None, None)
    assert table.notes == (conflicts.reading,)
    assert table.p_benefit.mean == posterior.p_benefit.probability
    assert (table.trial, table.model, table.arms) == ("beitler_landis", "site_effects", trial.arms.names)


def test_frame_is_one_flat_row_a_site(table, trial):
    frame = table.to_frame()
    assert list(frame.index) == list(trial.site_names)
    assert {
        "n_control", "responders_active", "raw_rate_control", "raw_risk_difference", "raw_log_odds_ratio",
        "raw_corrected", "rate_control", "rate_active_q97_5", "risk_difference", "log_odds_ratio_q2_5", "shrinkage",
        "weight", "weight_mcse", "retained", "retained_mcse", "without_risk_difference", "without_p_benefit",
        "without_p_benefit_mcse", "change_of_p_benefit", "change_of_p_benefit_mcse", "k_hat", "refitted", "ok",
        "conflict_control_p", "conflict_active_mcse", "conflict_difference_smallest", "conflict_control_reading",
    } <= set(frame.columns)  # fmt: skip
    assert "data" not in frame.columns
    assert not any("outlier" in name or "nonexchangeable" in name for name in frame.columns)
    first = table.rows[0]
    assert frame.iloc[0]["without_p_benefit"] == first.without.p_benefit
    assert frame.iloc[0]["rate_control"] == first.rates[0].mean
    assert frame.iloc[0]["change_of_p_benefit"] == pytest.approx(first.without.p_benefit - table.p_benefit.mean)


def test_made_up_data_say_so():
    trial = trial_of([[6, 9], [4, 18], [9, 3], [2, 0]], [[20, 14], [12, 30], [15, 10], [9, 0]])
    table = site_table(fit("site_effects", trial))
    assert table.synthetic
    frame = table.to_frame()
    assert frame.columns[0] == "data"
    assert frame["data"].str.startswith("SYNTHETIC").all()
    # and the last site has one arm alone
    last = table.rows[-1]
    assert np.isnan([last.raw.rates[1], last.raw.risk_difference, last.raw.log_odds_ratio]).all()
    assert last.conflict.active is None
    assert frame.iloc[-1]["conflict_active_reading"] == "no patients"


def test_a_lower_response_may_be_the_benefit():
    y, n = [[16, 9], [14, 10], [15, 3]], [[20, 20], [20, 20], [20, 20]]
    lower = trial_of(y, n, "lower")
    table = site_table(fit("site_effects", lower))
    assert table.p_benefit.mean > 0.9
    assert all(row.without.p_benefit > 0.5 for row in table.rows)
    assert table.rows[2].change.mean < 0


def test_models_with_fixed_levels_have_no_conflict_p_values(trial):
    table = site_table(fit("site_fixed", trial))
    assert all(row.conflict is None for row in table.rows)
    assert table.notes[0].startswith("No conflict p-values: sites.intercepts = 'fixed'")
    assert not any("conflict" in name for name in table.to_frame().columns)


def test_a_site_that_cannot_be_left_out_is_refitted_or_named():
    trial = trial_of([[150, 50], [1, 4], [1, 4], [2, 4], [1, 5]], [[200, 200], [5, 5], [5, 5], [5, 5], [5, 5]])
    spec = load_model("itt_pooled").edited(
        name="common",
        sites__intercepts="partial",
        priors__tau_u={"family": "half_normal", "sd": 0.2, "reason": "small spread"},
    )
    posterior = fit(spec, trial)
    big = site_table(posterior).rows[0]
    assert big.without.refitted
    without = fit(spec.edited(without_sites=["site 0"], sampler__seed=5), trial).p_benefit
    assert abs(big.without.p_benefit - without.probability) < MANY * np.hypot(big.without.p_benefit_mcse, without.mcse)
    table = site_table(posterior, refit=False)
    first = table.rows[0]
    assert (first.without.refitted, first.without.ok) == (False, False)
    assert np.isnan([first.without.p_benefit, first.change.mean, first.conflict.control.p]).all()
    assert table.notes[-1].startswith("Nothing without site site 0")
    assert "no fit was wanted" in table.notes[-1]


def test_outlier_probabilities_are_the_means_of_their_draws():
    trial = trial_of([[10, 12], [9, 13], [11, 12], [10, 11], [20, 12]], np.full((5, 2), 20))
    spec = load_model("site_effects").edited(
        sites__distribution="contaminated", sites__outliers="arms", sites__outlier_sd=2.5, sites__outlier_share=0.1
    )
    posterior = fit(spec, trial)
    table = site_table(posterior)
    chance = posterior.data["outliers"]["outlier"].values
    for s, row in enumerate(table.rows):
        assert [item.mean for item in row.outlier] == pytest.approx(list(chance[..., s, :].mean(axis=(0, 1))))
        assert all(0 < item.mcse < 0.05 for item in row.outlier)
    assert table.rows[-1].outlier[0].mean > 0.5 > table.rows[-1].outlier[1].mean
    assert {"p_outlier_control", "p_outlier_active_mcse"} <= set(table.to_frame().columns)


def test_both_engines_give_the_same_table(resampled):
    trial = trial_of([[4, 6], [5, 9]], [[12, 11], [9, 12]])
    spec = load_model("site_effects")
    one, other = (site_table(posterior) for posterior in (fit(spec, trial), resampled(spec, trial)))
    for a, b in zip(one.rows, other.rows, strict=True):
        pairs = [(a.rates[0], b.rates[0]), (a.log_odds_ratio, b.log_odds_ratio), (a.shrinkage, b.shrinkage)]
        pairs += [(a.weight, b.weight), (a.retained, b.retained), (a.change, b.change)]
        for x, y in pairs:
            assert abs(x.mean - y.mean) < MANY * np.hypot(x.mcse, y.mcse)
        for name in ("control", "active", "difference"):
            x, y = getattr(a.conflict, name), getattr(b.conflict, name)
            assert abs(x.p - y.p) < MANY * np.hypot(x.mcse, y.mcse)


def test_progress_is_said_on_the_error_stream(posterior, trial, capsys):
    site_table(posterior, progress=True)
    assert capsys.readouterr().out == ""


def test_what_cannot_be_done_is_an_error(posterior, trial):
    with pytest.raises(UnsupportedModelError, match="pooled"):
        site_table(fit("itt_pooled", trial))
    one = trial_of([[3, 5]], [[10, 10]])
    with pytest.raises(InputError, match="two sites or more"):
        site_table(fit("site_effects", one))
    tree = posterior.data.copy()
    tree["diagnostics"] = tree["diagnostics"].to_dataset().assign(pareto_k=0.9)
    with pytest.raises(InputError, match=r"k-hat 0\.90"):
        site_table(replace(posterior, data=tree))


@pytest.mark.proof(*FIT, "sites", "sensitivity")
def test_hundreds_of_sites(validation):
    table = validation / "data" / "ist_hospital_aspirin_death14d.csv"
    names = {"control": "no_aspirin", "active": "aspirin", "benefit": "lower"}
    trial = load_trial(table, single_arm_sites=True, **names)
    found = site_table(fit("site_effects", trial))
    assert len(found.rows) == len(trial.site_names) > 460
    # each site's own weight is a share of the whole, which the prior of beta takes next to nothing of
    assert sum(row.weight.mean for row in found.rows) == pytest.approx(1, abs=0.1)
