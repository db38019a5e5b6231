"""What prior it would take, against its definition: the posterior under it lies just where it should."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from bayes_lupil import load_trial
from bayes_lupil.published.likelihoods import CountsLikelihood, NormalLikelihood
from bayes_lupil.published.priors import EffectPrior
from bayes_lupil.published.reverse import credibility_limits, prior_map, tipping_mean
from bayes_lupil.trials.estimates import estimate_of_counts
from bayes_lupil.trials.measures import MEASURES
from bayes_lupil.trials.reading_estimates import read_estimate

Z = norm.ppf(0.975)


def test_lupil2():
    """Per protocol the scepticism limit is an odds ratio of about 7.6, in everyone the advocacy limit about 10.9."""
    trial = load_trial("lupil2")
    limits = {
        name: credibility_limits(estimate_of_counts("or", *trial.analysis_set(name).totals)) for name in ("itt", "pp")
    }
    assert (limits["itt"].kind, round(limits["itt"].limit, 1)) == ("advocacy", 10.9)
    assert (limits["pp"].kind, round(limits["pp"].limit, 1)) == ("scepticism", 7.6)


@given(value=st.floats(-3, 3), se=st.floats(0.02, 2))
def test_the_posterior_just_touches_no_effect(value, se):
    assume(abs(value) > 1e-3 * se)
    assume(abs(abs(value) / se - Z) > 1e-3)
    found = credibility_limits(read_estimate("md", repr(value), se=repr(se)))
    posterior = NormalLikelihood(MEASURES["md"], value, se).under(
        EffectPrior("x", found.prior_mean, found.prior_sd, "", "md")
    )
    edge = posterior.mean - math.copysign(Z, value) * posterior.sd
    assert edge == pytest.approx(0.0, abs=1e-7 * max(found.prior_sd, 1))
    assert found.kind == ("scepticism" if abs(value) > Z * se else "advocacy")
    if found.kind == "scepticism":  # the prior's own limit, from a centre at no effect
        assert found.limit == pytest.approx(math.copysign(Z * found.prior_sd, value))
    else:  # the prior's interval runs from no effect to the limit
        assert found.prior_mean - math.copysign(Z * found.prior_sd, value) == pytest.approx(0.0, abs=1e-9)
        assert found.limit == pytest.approx(2 * found.prior_mean)


def test_matthews_formula():
    """The scepticism limit of Matthews 2001: exp((U - L)^2 / (4 sqrt(U L))) with log limits."""
    low, high = math.log(1.28), math.log(17.06)
    found = credibility_limits(read_estimate("or", math.exp((low + high) / 2), ci=(1.28, 17.06)))
    assert math.log(found.limit) == pytest.approx((high - low) ** 2 / (4 * math.sqrt(high * low)), rel=1e-6)


@given(z=st.floats(2.0, 8.0))
def test_intrinsic_credibility_is_conflict_with_the_sceptic(z):
    """Held 2019: the estimate's prior predictive tail (Box) under the prior that would just overturn it."""
    assume(abs(z - Z * math.sqrt(2)) > 1e-6)
    found = credibility_limits(read_estimate("md", repr(z), se="1.0"))
    box = 2 * norm.sf(z / math.hypot(1.0, found.prior_sd))
    assert (found.p_intrinsic <= 0.05) == (box <= 0.05)
    assert found.p_intrinsic == pytest.approx(2 * norm.sf(z / math.sqrt(2)))


def test_no_limit_without_an_effect():
    assert credibility_limits(read_estimate("md", "0.0", se="1.0")) is None


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    "likelihood", [NormalLikelihood(MEASURES["hr"], -0.27, 0.16), CountsLikelihood((62, 124), (44, 125))]
)
@pytest.mark.parametrize("target", [0.5, 0.95, 0.975])
def test_tipping_means_tip(likelihood, sign, target):
    found = tipping_mean(likelihood, sign, 0.355, target)
    below = likelihood.under(EffectPrior("x", found.mean, 0.355, "", likelihood.measure.key)).below(0.0)
    assert (below if sign < 0 else 1 - below) == pytest.approx(target, abs=1e-6)
    assert found.p_benefit_prior == pytest.approx(norm.cdf(sign * found.mean / 0.355))


@pytest.mark.parametrize("sd", [0.002, 0.005, 0.01, 0.02])
@pytest.mark.parametrize("active", [(102_000, 400_000), (98_000, 400_000), (100_000, 400_000)])
def test_narrow_priors_of_large_trials_tip(sd, active):
    """Far from the data such a prior has no posterior in the table; the mean that tips is near."""
    data = CountsLikelihood((100_000, 400_000), active)
    for target in (0.5, 0.95):
        found = tipping_mean(data, -1, sd, target)
        spread = math.sqrt(1 / data.se**2 + 1 / sd**2)
        near = sd**2 * (-norm.ppf(target) * spread - data.value / data.se**2)
        assert found.mean == pytest.approx(near, abs=0.01 * max(sd, data.se) + 1e-3 * abs(near))
    assert np.isfinite(prior_map(data, -1, np.array([0.0]), np.array([sd]), (0.0,))).all()
    assert np.isnan(prior_map(data, -1, np.array([5.0]), np.array([0.002]), (0.0,))).all()


def test_a_tipping_mean_out_of_reach_is_none():
    found = tipping_mean(NormalLikelihood(MEASURES["hr"], 5.0, 0.02), -1, 5.0, 0.975)
    assert found.mean is None


@settings(max_examples=5, deadline=None)
@given(threshold=st.floats(-0.5, 0.5))
def test_the_map_is_of_its_points(threshold):
    likelihood = NormalLikelihood(MEASURES["or"], 0.3, 0.2)
    means, sds = np.array([-0.4, 0.0, 0.5]), np.array([0.1, 1.0])
    found = prior_map(likelihood, 1, means, sds, (threshold, 0.0))
    for i, sd in enumerate(sds):
        for j, mean in enumerate(means):
            posterior = likelihood.under(EffectPrior("x", float(mean), float(sd), ""))
            assert found[0, i, j] == pytest.approx(1 - posterior.below(threshold))
    assert (np.diff(found, axis=2) > 0).all()  # more optimism, more probable
