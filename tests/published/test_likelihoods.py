"""Posteriors of counts and estimates against closed forms, brute force and each other's algorithms."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats
from scipy.special import betaln, expit, log_expit

from bayes_lupil.errors import UnsupportedModelError
from bayes_lupil.published.arms import ArmsPosterior
from bayes_lupil.published.likelihoods import ArmPrior, CountsLikelihood, NormalLikelihood
from bayes_lupil.published.priors import EffectPrior
from bayes_lupil.trials.measures import MEASURES

EXACT = 1e-6
"""What the page claims of probabilities without a Monte Carlo error."""
UNIFORM = ArmPrior("uniform")
COUNTS = [
    ((29, 50), (34, 50)),
    ((0, 20), (5, 20)),
    ((20, 20), (3, 4)),
    ((1408, 5763), (1399, 5795)),
    ((3, 10), (1500, 20_000)),
    ((1, 200_000), (4, 200_000)),
    ((1, 1), (0, 1)),
]
PRIORS = [EffectPrior("a", 0.0, 1.0, ""), EffectPrior("b", 0.5, 0.1, ""), EffectPrior("c", -3.0, 5.0, "")]


@pytest.mark.parametrize(("mean", "sd"), [(0.0, 0.355), (-0.4, 0.25), (2.0, 5.0)])
def test_normal_prior_and_likelihood_have_a_normal_posterior(mean, sd):
    data = NormalLikelihood(MEASURES["hr"], -0.2744, 0.1625)
    found = data.under(EffectPrior("x", mean, sd, "", "hr"))

    def density(t):
        return stats.norm.pdf(-0.2744, t, 0.1625) * stats.norm.pdf(t, mean, sd)

    total = integrate.quad(density, -10, 10, points=[-0.2744], limit=400, epsabs=1e-13)[0]
    below = integrate.quad(density, -10, 0, points=[-0.2744], limit=400, epsabs=1e-13)[0]
    assert found.below(0.0) == pytest.approx(below / total, abs=1e-9)
    assert found.below(found.quantile(0.3)) == pytest.approx(0.3, abs=1e-12)


def test_a_flat_prior_is_the_likelihood():
    found = NormalLikelihood(MEASURES["hr"], -0.27, 0.16).under(EffectPrior("flat", 0.0, math.inf, ""))
    assert (found.mean, found.sd) == (-0.27, 0.16)


@pytest.mark.parametrize(("control", "active"), COUNTS)
def test_uniform_arms_are_betas(control, active):
    """P(risk of active below risk of control + d) by one integral over a beta density (scipy)."""
    arms = ArmsPosterior(CountsLikelihood(control, active, UNIFORM), UNIFORM)
    (y0, n0), (y1, n1) = control, active
    first, second = stats.beta(y0 + 1, n0 - y0 + 1), stats.beta(y1 + 1, n1 - y1 + 1)
    shift = 0.3 * (second.std() + first.std())

    def below(value, of):
        edges = [first.ppf(q) for q in (1e-14, 0.001, 0.1, 0.5, 0.9, 0.999, 1 - 1e-14)]
        return integrate.quad(
            lambda p: first.pdf(p) * second.cdf(of(p, value)), edges[0], edges[-1], points=edges[1:-1], limit=800,
            epsabs=1e-12, epsrel=1e-10,
        )[0]  # fmt: skip

    for value in (0.0, shift, -shift):
        assert arms.below(MEASURES["rd"], value) == pytest.approx(below(value, lambda p, d: p + d), abs=EXACT)
    for value in (1.0, 1.3, 0.7):
        assert arms.below(MEASURES["rr"], value) == pytest.approx(below(value, lambda p, r: min(p * r, 1)), abs=EXACT)
    same = arms.below(MEASURES["or"], 1.0)
    assert same == pytest.approx(arms.below(MEASURES["rd"], 0.0), abs=1e-12)
    assert same == pytest.approx(arms.below(MEASURES["rr"], 1.0), abs=1e-12)


def test_uniform_arms_have_the_closed_form():
    """P(p0 > p1) of beta risks with whole parameters is a finite sum (Miller 2015, Formulas for A/B testing)."""
    (a0, b0), (a1, b1) = (30, 22), (35, 17)
    exact = sum(
        math.exp(betaln(a1 + i, b0 + b1) - math.log(b0 + i) - betaln(1 + i, b0) - betaln(a1, b1)) for i in range(a0)
    )
    arms = ArmsPosterior(CountsLikelihood((29, 50), (34, 50), UNIFORM), UNIFORM)
    assert arms.below(MEASURES["rd"], 0.0) == pytest.approx(exact, abs=1e-10)


@pytest.mark.proof("published", "trials", "numbers.py")
@pytest.mark.parametrize("prior", PRIORS, ids=lambda prior: prior.name)
@pytest.mark.parametrize(("control", "active"), COUNTS)
def test_two_algorithms_agree(control, active, prior):
    """One integrates the control arm out and tabulates the effect, the other integrates over both arms at once."""
    data = CountsLikelihood(control, active)
    table, arms = data.under(prior), ArmsPosterior(data, prior)
    for t in (-1.0, 0.0, 0.4):
        assert table.below(t) == pytest.approx(arms.below(MEASURES["or"], math.exp(t)), abs=EXACT)
    for q in (0.025, 0.5, 0.975):
        [value] = arms.quantiles(MEASURES["or"], (q,))
        assert table.below(math.log(value)) == pytest.approx(q, abs=EXACT)
        for key in ("rr", "rd"):
            [value] = arms.quantiles(MEASURES[key], (q,))
            assert arms.below(MEASURES[key], value) == pytest.approx(q, abs=EXACT)
        for arm in (0, 1):
            assert 0 < arms.risk(arm, (q,))[0] < 1


@pytest.mark.proof("published", "trials", "numbers.py")
@pytest.mark.parametrize("level", [ArmPrior(), UNIFORM, ArmPrior("normal", -1.0, 0.8)], ids=str)
@pytest.mark.parametrize("centre", [0.0, 0.5])
def test_counts_against_brute_force(level, centre):
    """A sum over a fine grid of both arms' log odds, of nothing but the binomial and the prior densities."""
    control, active, prior = (3, 12), (7, 11), EffectPrior("x", 0.3, 0.7, "")
    h = np.linspace(-14, 14, 4001)
    h0, h1 = h[:, None], h[None, :]
    log = 3 * log_expit(h0) + 9 * log_expit(-h0) + 7 * log_expit(h1) + 4 * log_expit(-h1)
    between = h0 + centre * (h1 - h0)
    if level.kind == "uniform":
        log = log + log_expit(between) + log_expit(-between)
    elif level.kind == "normal":
        log = log + stats.norm.logpdf(between, -1.0, 0.8)
    log = log + stats.norm.logpdf(h1 - h0, 0.3, 0.7)
    weights = np.exp(log - log.max())
    weights /= weights.sum()
    effect = (h1 - h0).ravel()
    data = CountsLikelihood(control, active, level, centre)
    mean, sd = np.average(effect, weights=weights.ravel()), 0.0
    sd = math.sqrt(np.average((effect - mean) ** 2, weights=weights.ravel()))
    found = data.under(prior)
    assert found.mean == pytest.approx(mean, abs=1e-7)
    assert found.sd == pytest.approx(sd, abs=1e-7)
    arms = ArmsPosterior(data, prior)
    # the mean risk difference from its quantiles: what lies below each value, integrated
    brute = float((weights * (expit(h1) - expit(h0))).sum())
    grid = np.linspace(-1, 1, 401)
    below = np.array([arms.below(MEASURES["rd"], value) for value in grid])
    assert 1 - np.trapezoid(below, grid) == pytest.approx(brute, abs=2e-5)  # the rule's own error


@settings(max_examples=40, deadline=None)
@given(
    n0=st.integers(2, 400), n1=st.integers(2, 400), share0=st.floats(0, 1), share1=st.floats(0, 1),
    mean=st.floats(-1, 1), sd=st.floats(0.1, 3),
)  # fmt: skip
def test_arms_swapped_and_outcomes_turned(n0, n1, share0, share1, mean, sd):
    y0, y1 = min(round(share0 * n0), n0), min(round(share1 * n1), n1)
    if y0 + y1 in (0, n0 + n1):
        return
    prior, mirror = EffectPrior("x", mean, sd, ""), EffectPrior("x", -mean, sd, "")
    p = CountsLikelihood((y0, n0), (y1, n1)).under(prior).below(0.2)
    swapped = CountsLikelihood((y1, n1), (y0, n0)).under(mirror).below(-0.2)
    turned = CountsLikelihood((n0 - y0, n0), (n1 - y1, n1)).under(mirror).below(-0.2)
    assert p == pytest.approx(1 - swapped, abs=EXACT)
    assert p == pytest.approx(1 - turned, abs=EXACT)


def test_a_flat_level_adds_no_event():
    """A uniform prior of the control risk alone is one event more in that arm, which moves rare events' effect."""
    wide = EffectPrior("wide", 0.0, 50.0, "")
    flat = CountsLikelihood((4, 1000), (4, 1000)).under(wide)
    assert flat.quantile(0.5) == pytest.approx(0.0, abs=1e-6)
    uniform = CountsLikelihood((4, 1000), (4, 1000), UNIFORM).under(wide)
    assert uniform.quantile(0.5) < -0.1


def test_what_has_no_posterior_is_refused():
    with pytest.raises(UnsupportedModelError, match=r"flat prior.*nobody, or everybody"):
        CountsLikelihood((0, 20), (5, 20)).under(EffectPrior("flat", 0.0, math.inf, ""))
    with pytest.raises(UnsupportedModelError, match="0 events of 40 patients"):
        CountsLikelihood((0, 20), (0, 20))
    with pytest.raises(UnsupportedModelError, match="40 patients"):
        CountsLikelihood((20, 20), (20, 20))
    midway = CountsLikelihood((0, 20), (0, 20), UNIFORM, 0.5)
    assert midway.under(EffectPrior("x", 0, 1, "")).below(0) == pytest.approx(0.5)
    far = EffectPrior("far", 30.0, 0.01, "")
    with pytest.raises(UnsupportedModelError, match="40 standard errors"):
        CountsLikelihood((500, 1000), (500, 1000)).under(far)


@pytest.mark.parametrize("engine", ["quadrature", "nuts"])
def test_engines_give_the_same(engine):
    """The package's engines fit the same model from a model file: priors of the level midway and of the effect."""
    from bayes_lupil import fit, load_model
    from bayes_lupil.trials.trial import Trial

    spec = load_model("itt_pooled").with_(engine=engine, seed=5)
    trial = Trial.from_counts("34/50", "29/50")
    alpha, beta = spec.priors.alpha, spec.priors.beta
    assert (alpha.family, beta.family, spec.sites.coding) == ("normal", "normal", "centred")
    data = CountsLikelihood((29, 50), (34, 50), ArmPrior("normal", alpha.mean, alpha.sd), 0.5)
    exact = data.under(EffectPrior("x", beta.mean, beta.sd, ""))
    found = fit(spec, trial)
    chance = found.p_benefit
    assert abs(chance.probability - (1 - exact.below(0.0))) < 5 * chance.mcse
    row = found.row("beta")
    assert abs(row.mean - exact.mean) < 5 * row.mcse_mean
    low, high = ArmsPosterior(data, EffectPrior("x", beta.mean, beta.sd, "")).quantiles(MEASURES["rd"], (0.025, 0.975))
    rd = np.sort(found.draws("risk_difference").ravel())
    error = 5 * math.sqrt(0.025 * 0.975 / chance_draws(chance))
    for value, wanted in ((low, 0.025), (high, 0.975)):
        assert abs((rd < value).mean() - wanted) < error


def chance_draws(chance):
    """Effective draws behind a probability and its error."""
    return chance.probability * (1 - chance.probability) / chance.mcse**2
