"""Effects by baseline risk against the odds themselves, and against quantiles and thresholds in closed form."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bayes_lupil as bl
from bayes_lupil import Posterior
from bayes_lupil.errors import InputError, UnsupportedModelError
from bayes_lupil.report.reanalysis.baseline_risk import baseline_risk_blocks, figure_baseline_risk
from bayes_lupil.subgroups import by_baseline_risk
from bayes_lupil.subgroups.baseline_risk import default_risks, difference_at, risks_frame

RISKS = [0.01, 0.2, 0.5, 0.9]


@pytest.fixture(scope="module")
def posterior() -> Posterior:
    return bl.fit("site_effects", "beitler_landis")


@given(st.floats(1e-6, 1 - 1e-6), st.floats(-8, 8))
def test_the_difference_is_that_of_the_odds(risk: float, log_odds_ratio: float) -> None:
    odds = risk / (1 - risk) * np.exp(log_odds_ratio)
    assert float(difference_at(risk, np.array(log_odds_ratio))) == pytest.approx(odds / (1 + odds) - risk, abs=1e-12)


def test_quantiles_are_those_of_the_odds_ratio(posterior: Posterior) -> None:
    ratio = np.exp(posterior.draws("conditional_log_odds_ratio"))
    for row in by_baseline_risk(posterior, RISKS):
        at = {}
        for q in (0.025, 0.5, 0.975):
            odds = row.risk / (1 - row.risk) * np.quantile(ratio, q)
            at[q] = odds / (1 + odds) - row.risk
        found = row.risk_difference
        assert (found.q2_5, found.q50, found.q97_5) == pytest.approx(tuple(at.values()), abs=2e-5)
        assert row.nnt.point == pytest.approx(1 / at[0.5], rel=1e-3)


def test_a_relevant_benefit_is_a_threshold_of_the_odds_ratio(posterior: Posterior) -> None:
    ratio = np.exp(posterior.draws("conditional_log_odds_ratio"))
    relevant = posterior.spec.decision.relevant
    for row in by_baseline_risk(posterior, [0.2, 0.5, 0.85]):
        needed = (row.risk + relevant) / (1 - row.risk - relevant) * (1 - row.risk) / row.risk
        assert row.relevant.probability == pytest.approx((ratio >= needed).mean(), abs=1e-9)
    (rare,) = by_baseline_risk(posterior, [0.001])
    assert rare.relevant.probability == 0
    assert rare.relevant.mcse > 0


def test_lower_is_better_where_it_is() -> None:
    found = by_baseline_risk(bl.fit("site_effects", "topcat"), [0.3])[0]
    assert found.risk_difference.q50 < 0
    assert found.nnt.text.startswith("NNTB")


def test_risks_lie_around_the_trials_own(posterior: Posterior) -> None:
    (responders, patients), _ = posterior.provenance.totals or ((0, 1), (0, 1))
    risks = default_risks(posterior)
    assert risks[0] < responders / patients < risks[-1]
    frame = risks_frame(by_baseline_risk(posterior))
    assert frame["baseline_risk"].tolist() == list(risks)


@pytest.mark.parametrize("risk", [0.0, 1.0, -0.1, 20.0, float("nan")])
def test_what_is_no_risk_is_refused(posterior: Posterior, risk: float) -> None:
    with pytest.raises(InputError, match="risks"):
        by_baseline_risk(posterior, [0.1, risk])


def test_other_end_points_are_refused_and_left_out_of_reports() -> None:
    posterior = bl.fit("itt_pooled", "indo_rct")
    found = bl.fit("itt_pooled", bl.from_estimate(or_=0.7, ci=(0.5, 0.98), benefit="lower"))
    with pytest.raises(UnsupportedModelError, match="binary"):
        by_baseline_risk(found)
    assert baseline_risk_blocks(found) == []
    assert len(baseline_risk_blocks(posterior)) == 4


def test_effects_that_nothing_ties_together_are_refused_and_left_out() -> None:
    fixed = bl.fit(bl.load_model("site_fixed").edited(sites__effects="fixed"), "beitler_landis")
    with pytest.raises(UnsupportedModelError, match="effects of sites that nothing ties together"):
        by_baseline_risk(fixed)
    assert baseline_risk_blocks(fixed) == []


def test_the_curve_is_the_median(posterior: Posterior) -> None:
    axes = figure_baseline_risk(posterior).axes[0]
    (line,) = (line for line in axes.lines if line.get_gid() == "median")
    risks, values = line.get_xdata(), line.get_ydata()
    middle = np.quantile(posterior.draws("conditional_log_odds_ratio"), 0.5)
    assert np.asarray(values) == pytest.approx([100 * float(difference_at(r / 100, middle)) for r in np.asarray(risks)])
