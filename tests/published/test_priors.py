"""Priors by belief and strength against their definitions, and against what is known of a published set."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from bayes_lupil.errors import InputError
from bayes_lupil.published.likelihoods import NormalLikelihood
from bayes_lupil.published.priors import (
    STRENGTHS,
    EffectPrior,
    combined,
    expected_effect,
    flat,
    from_estimate,
    from_quantiles,
    from_roulette,
    from_tail,
    nine_priors,
    prior_of_belief,
)
from bayes_lupil.published.reading_priors import read_prior
from bayes_lupil.trials.measures import MEASURES
from bayes_lupil.trials.reading_estimates import read_estimate

OR, HR, RD, MD = (MEASURES[key] for key in ("or", "hr", "rd", "md"))


def test_the_nine_of_zampieri():
    """Table 2 with an expected odds ratio of 0.66: neutral SDs as printed, the others by their probability of harm."""
    priors = {prior.name: prior for prior in nine_priors(OR, math.log(0.66))}
    assert [priors[f"neutral {s}"].sd for s in STRENGTHS] == [5.0, 0.355, 0.205]
    for strength, beyond in zip(STRENGTHS, (0.30, 0.15, 0.05), strict=True):
        better, worse = priors[f"optimistic {strength}"], priors[f"pessimistic {strength}"]
        assert norm.sf(0, better.mean, better.sd) == pytest.approx(beyond)
        assert norm.cdf(0, worse.mean, worse.sd) == pytest.approx(beyond)
        assert worse.mean == -better.mean
        assert better.mean == math.log(0.66)
    low, high = priors["neutral moderate"].range()
    assert (round(low, 2), round(high, 2)) == (0.5, 2.01)


def test_art_under_the_nine():
    """HR 1.27 (0.99 to 1.63): eight of the nine give P(harm) 0.930 to 0.992, the strong optimistic one 0.826."""
    data = NormalLikelihood(HR, math.log(1.27), (math.log(1.63) - math.log(0.99)) / (2 * norm.ppf(0.975)))
    harms = {p.name: 1 - data.under(p).below(0.0) for p in nine_priors(HR, math.log(0.66))}
    assert round(harms.pop("optimistic strong"), 3) == 0.826
    assert (round(min(harms.values()), 3), round(max(harms.values()), 3)) == (0.930, 0.992)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_sceptic_has_five_percent_beyond_the_expected(sign):
    d = sign * 0.4
    prior = prior_of_belief("sceptical", "strong", OR, d)
    assert (norm.sf(d, 0, prior.sd) if sign > 0 else norm.cdf(d, 0, prior.sd)) == pytest.approx(0.05)
    assert prior.p_benefit(sign) == 0.5


def test_expected_effects():
    assert expected_effect(OR, "lower", 0.2)[0] == pytest.approx(math.log(0.66))
    assert expected_effect(OR, "higher", 0.2)[0] == pytest.approx(-math.log(0.66))
    assert expected_effect(HR, "lower", 0.2, 0.8)[0] == pytest.approx(math.log(0.8))
    size, _ = expected_effect(MD, "lower", 1.0)
    assert norm.cdf(-norm.ppf(0.975) - size) == pytest.approx(0.80, abs=1e-6)  # found with 80 % power
    for given_, benefit in ((1.2, "lower"), (0.8, "higher"), (1.0, "lower"), (-0.5, "lower"), (math.nan, "lower")):
        with pytest.raises(InputError, match=f"{benefit} is better"):
            expected_effect(OR, benefit, 0.2, given_)


@given(beyond=st.floats(1.05, 20), probability=st.floats(0.001, 0.49))
def test_a_tail_has_its_probability(beyond, probability):
    prior = from_tail(OR, beyond, probability)
    assert norm.sf(math.log(beyond), 0, prior.sd) == pytest.approx(probability)
    other = from_tail(OR, 1 / beyond, probability)
    assert other.sd == pytest.approx(prior.sd)


@given(mean=st.floats(-2, 2), sd=st.floats(0.05, 3))
def test_quantiles_give_their_normal_back(mean, sd):
    asked = {q: math.exp(norm.ppf(q, mean, sd)) for q in (0.05, 0.25, 0.5, 0.9)}
    found = from_quantiles(OR, asked)
    assert (found.mean, found.sd) == (pytest.approx(mean, abs=1e-9), pytest.approx(sd, rel=1e-9))


def test_chips_of_a_normal_give_it_back():
    """So many chips on so many ranges that their shares are those of a normal distribution."""
    edges = np.exp(np.linspace(-2.2, 1.4, 25))
    shares = np.diff(norm.cdf(np.log(edges), -0.4, 0.35))
    found = from_roulette(OR, edges.tolist(), np.round(shares * 100_000).astype(int).tolist())
    assert (found.mean, found.sd) == (pytest.approx(-0.4, abs=0.01), pytest.approx(0.35, rel=0.03))
    for wrong in (([1, 2, 3], [1, 2]), ([1, 2, 3, 4], [0, 0, 0]), ([1, 2, 3, 4], [0, 5, 0]), ([1, 2, 3], [1, 1, 1])):
        with pytest.raises(InputError, match="roulette"):
            from_roulette(OR, *wrong)


def test_bad_statements_are_refused():
    for quantiles in ({}, {0.5: 1.0}, {0.5: 1.0, 0.9: 0.8}, {0.5: -1.0, 0.9: 2.0}, {0.0: 1.0, 0.9: 2.0}):
        with pytest.raises(InputError, match="quantiles"):
            from_quantiles(OR, quantiles)
    for beyond, probability in ((1.0, 0.05), (2.0, 0.0), (2.0, 0.5), (2.0, 5.0)):
        with pytest.raises(InputError, match="tail"):
            from_tail(OR, beyond, probability)
    with pytest.raises(InputError, match="discount"):
        from_estimate(read_estimate("or", 0.5, se=0.2), 0)
    with pytest.raises(InputError, match="finite mean"):
        EffectPrior("x", math.nan, 1.0, "")
    with pytest.raises(InputError, match="SD above 0"):
        EffectPrior("x", 0.0, 0.0, "")


def test_experts_together():
    """Mean and SD of a linear pool against draws of it."""
    priors = [EffectPrior("a", 0.0, 0.3, ""), EffectPrior("b", -0.8, 0.5, "")]
    found = combined(priors, [3, 1])
    rng = np.random.default_rng(1)
    n = 400_000
    which = rng.random(n) < 0.25
    draws = np.where(which, rng.normal(-0.8, 0.5, n), rng.normal(0.0, 0.3, n))
    assert found.mean == pytest.approx(draws.mean(), abs=5 * draws.std() / math.sqrt(n))
    assert found.sd == pytest.approx(draws.std(), rel=5 / math.sqrt(n))
    with pytest.raises(InputError, match="of one measure"):
        combined([priors[0], EffectPrior("c", 0.0, 1.0, "", "rd")])
    with pytest.raises(InputError, match="weights"):
        combined(priors, [1, -1])


def test_an_earlier_trial_at_a_share_of_its_weight():
    """A quarter of the information is the variance four times, as of a trial a quarter the size."""
    whole = from_estimate(read_estimate("or", 0.5, se=0.2))
    quarter = from_estimate(read_estimate("or", 0.5, se=0.2), 0.25)
    assert quarter.sd**2 == pytest.approx(4 * whole.sd**2)
    assert whole.patients(0.2, 400) == pytest.approx(400)
    assert quarter.patients(0.2, 400) == pytest.approx(100)
    assert whole.weight(0.2) == pytest.approx(0.5)
    assert flat(OR).weight(0.2) == flat(OR).patients(0.2, 400) == 0


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("sceptical", "sceptical strong"), ("Skeptical", "sceptical strong"), ("sceptical-weak", "sceptical weak"),
        ("weak neutral", "neutral weak"), ("optimistic", "optimistic moderate"), ("FLAT", "flat"),
        ("0,0.35", "normal(0, 0.35)"), (" -0.1 ; .35 ", "normal(-0.1, 0.35)"),
    ],
)  # fmt: skip
def test_priors_are_read(written, name):
    assert read_prior(written, OR, math.log(0.66), "").name == name


@pytest.mark.parametrize("written", ["P(OR>2)=0.05", "p( or > 2 ) = 5 %", "P(OR<0.5)=0.05"])
def test_tails_are_read(written):
    assert read_prior(written, OR, -0.4, "").sd == pytest.approx(math.log(2) / norm.ppf(0.95))


@pytest.mark.parametrize(
    "written", ["septical", "neutral tiny", "0,0", "0,-1", "P(OR>0.5)=0.05", "P(OR<2)=0.05", "P(OR>2)=0.7", "1,2,3", ""]
)
def test_unreadable_priors_are_refused(written):
    with pytest.raises(InputError, match="prior"):
        read_prior(written, OR, -0.4, "")


def test_a_prior_of_another_measure_is_refused():
    with pytest.raises(InputError, match="one of 'rd'"):
        read_prior(EffectPrior("x", 0.0, 0.1, "", "rd"), OR, -0.4, "")


@pytest.mark.parametrize(
    ("beyond", "share", "centre"),
    [(-1, 0.05, None), (0, 0.05, None), (math.inf, 0.05, None), (math.nan, 0.05, None), (2, 0.05, 0.0), (2, 0.05, -1),
     (2, math.nan, None), (2, 0.5, None), (2, 0.0, None), (1, 0.05, None)],
)  # fmt: skip
def test_tails_that_no_ratio_has_are_refused(beyond, share, centre):
    with pytest.raises(InputError, match="prior from a tail"):
        from_tail(OR, beyond, share, centre)


def test_an_expert_without_weight_adds_nothing():
    alone = EffectPrior("a", 0.1, 0.3, "")
    found = combined([alone, flat(OR)], [1, 0])
    assert (found.mean, found.sd) == pytest.approx((0.1, 0.3))


@pytest.mark.parametrize("sd", [1e-3, 1e-6, 1e-9])
def test_a_prior_that_is_all_but_certain(sd):
    found = NormalLikelihood(OR, -0.3, 0.16).under(EffectPrior("x", 0.0, sd, ""))
    assert found.sd == pytest.approx(sd, rel=1e-4)
    assert found.below(0.5 * sd) == pytest.approx(norm.cdf(0.5), abs=0.01)
    assert found.below(found.mean + found.sd) == pytest.approx(norm.cdf(1), abs=1e-9)
