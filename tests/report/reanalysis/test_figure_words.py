"""What is said of the figures of a reanalysis: numbers of the draws, the right direction, nothing that is not shown."""

from __future__ import annotations

import dataclasses
import math
import re

import numpy as np
import pytest

from bayes_lupil import Cells, Trial, load_model, load_trial, reanalyse
from bayes_lupil.report.reanalysis.figures.effects import benefit_curve_words, intervals_words, risk_difference_words
from bayes_lupil.report.reanalysis.figures.prior_map import prior_map_words
from bayes_lupil.report.reanalysis.figures.priors import prior_posterior_words, prior_predictive_words
from bayes_lupil.report.reanalysis.figures.ranks import ranks_words
from bayes_lupil.report.reanalysis.figures.site_rates import site_rates_words
from bayes_lupil.sensitivity.effect_priors import PriorAnalysis
from bayes_lupil.trials import Arms, EndPoint
from tests.report.reanalysis.prior_maps import map_of

COUNTS, PATIENTS = np.array([[4, 12], [5, 14]]), np.array([[20, 20], [20, 20]])  # 9/40 on control, 26/40 on active


def trial(benefit="higher", flipped=False):
    """Control first in each table; `flipped` swaps the arms, and with them the direction of the difference."""
    order = [1, 0] if flipped else [0, 1]
    arms = Arms("drug", "placebo") if flipped else Arms("placebo", "drug")
    return Trial.from_cells(
        Cells(("s", "t"), COUNTS[:, order], PATIENTS[:, order]), arms, EndPoint("y", "Event", benefit)
    )


@pytest.mark.parametrize("flipped", [False, True])
@pytest.mark.parametrize("benefit", ["higher", "lower"])
def test_the_difference_favours_the_right_arm(resampled, benefit, flipped):
    """The event is more frequent on drug, whoever is called the control; that favours drug only where more is good."""
    posterior = resampled(load_model("itt_pooled"), trial(benefit, flipped))
    words = risk_difference_words([posterior])
    draws = posterior.draws("risk_difference")
    low, middle, high = 100 * np.quantile(draws, [0.025, 0.5, 0.975])
    assert (
        f"more frequent on drug than on placebo, by {abs(middle):.1f} percentage points, which favours "
        f"{'drug' if benefit == 'higher' else 'placebo'} (median; 95 % credible interval {low:+.1f} to {high:+.1f})"
    ) in words
    active_is_better = (benefit == "higher") != flipped
    assert (middle > 0) != flipped
    good = (draws > 0) if benefit == "higher" else (draws < 0)
    assert (good.mean() > 0.5) == active_is_better
    sign, said = re.search(r"P\(benefit\) ([<>] )?(\d\.\d+)", words).groups()
    # beyond what the error can tell, a bound in one digit less
    assert float(said) == pytest.approx(good.mean(), abs=0.002 if sign is None else 0.0101)
    assert sign in (None, "> " if active_is_better else "< ")


def test_the_curve_tells_each_threshold_on_the_side_of_benefit(resampled):
    posterior = resampled(load_model("itt_pooled"), trial("lower", flipped=True))
    words = benefit_curve_words([posterior])
    assert "benefit of placebo is greater than d" in words
    gain = -posterior.draws("risk_difference")
    told = [line for line in posterior.ladder if line.kind == "benefit"]
    assert len(told) > 2
    for line in told:
        assert f"{100 * line.threshold:g} points " in words
        assert line.probability == pytest.approx(np.mean(gain > line.threshold), abs=1e-9)


def test_a_fit_that_is_not_shown_is_named_and_the_primary_one_leads(resampled):
    pooled, primary = (resampled(load_model(name), trial()) for name in ("itt_pooled", "site_effects"))
    for words in (risk_difference_words, benefit_curve_words):
        said = words([pooled, primary], ("broken",))
        assert "under 2 models. site_effects: " in said
        assert said.endswith("Not shown, because the diagnostics failed: broken.")
        assert "Not shown" not in words([pooled])


@pytest.mark.parametrize(("benefit", "side"), [("higher", "above 0 is benefit"), ("lower", "below 0 is benefit")])
def test_intervals_say_their_kind_their_direction_and_what_failed(fake_engine, benefit, side):
    result = reanalyse(trial(benefit), [load_model("itt_pooled")])
    words = intervals_words(result)
    assert f"drug minus placebo, in percentage points; {side}" in words
    # Newcombe's hybrid score interval by hand, from Wilson's limits
    limits = []
    for r, n in ((9, 40), (26, 40)):
        z, p = 1.959964, r / n
        half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        limits.append((p, *((p + z * z / (2 * n) + sign * half) / (1 + z * z / n) for sign in (-1, 1))))
    (p0, l0, u0), (p1, l1, u1) = limits
    low = p1 - p0 - math.hypot(p1 - l1, u0 - p0)
    high = p1 - p0 + math.hypot(u1 - p1, p0 - l0)
    assert f"{100 * (p1 - p0):+.1f}, 95 % confidence interval {100 * low:+.1f} to {100 * high:+.1f}" in words
    assert words.count("credible interval") == 1
    fake_engine.diverge = True
    failed = intervals_words(reanalyse(trial(benefit), [load_model("itt_pooled")]))
    assert failed.endswith("Not shown, because the diagnostics failed: itt_pooled.")
    assert "credible" not in failed


def test_raw_rates_are_those_of_the_counts(resampled):
    posterior = resampled(load_model("site_effects"), trial())
    words = site_rates_words(posterior)
    assert "Response rates at 2 sites" in words
    assert "on drug raw rates run from 60 to 70 %" in words
    assert "on placebo raw rates run from 20 to 25 %" in words


def test_before_and_after_the_data(resampled):
    posterior = resampled(load_model("site_effects"), trial(flipped=True))
    words = prior_predictive_words(posterior)
    assert "on drug (observed 65.0 %)" in words
    assert "on placebo (observed 22.5 %)" in words
    assert "(observed -42.5)" in words
    told = prior_posterior_words(posterior)
    low, high = np.quantile(posterior.draws("tau_u"), [0.025, 0.975])
    assert f"data {low:.2f} to {high:.2f}" in told[told.index("tau_u") : told.index("tau_v")]
    # the prior of beta is normal with mean 0: the limits are those of its SD
    sd = posterior.spec.priors.beta.sd
    first = float(told.split("prior from ")[1].split(" to ")[0])
    assert first == pytest.approx(-1.96 * sd, rel=0.1)


def test_ranks_need_chains_and_a_failure_is_said(resampled):
    posterior = resampled(load_model("site_effects"), trial())
    assert f"at most {posterior.verdict.max_r_hat:.4f} over" in ranks_words(posterior)
    bad = dataclasses.replace(posterior.verdict, ok=False, failures=("3 divergences",))
    failed = _Posterior(posterior, verdict=bad)
    assert ranks_words(failed).count("diagnostics failed") == 1
    assert "3 divergences" in ranks_words(failed)
    assert "R-hat" not in ranks_words(failed)
    independent = _Posterior(posterior, diagnostics={**posterior.diagnostics, "pareto_k": 0.1})
    with pytest.raises(ValueError, match="no chains"):
        ranks_words(independent)


class _Posterior:
    """A posterior of which something is otherwise."""

    def __init__(self, posterior, **changed):
        self._posterior = posterior
        self.__dict__.update(changed)

    def __getattr__(self, name):
        return getattr(self._posterior, name)


def test_no_corner_of_the_map_is_certain(resampled):
    posterior = resampled(load_model("site_effects"), load_trial("lupil2"))
    chances = np.array([[0.0004, 0.5], [np.nan, 0.99999]])
    surface = map_of(np.log([0.25, 4.0]), np.array([0.1, 1.0]), chances)
    words = prior_map_words(PriorAnalysis(posterior, 0.43, (), (), surface))
    assert "odds ratios from 0.25 to 4" in words
    assert "from < 0.01 to > 0.99" in words
