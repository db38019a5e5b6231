"""Other priors of the treatment effect, against integrals on a grid (no code of the package) and against refits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import binom, norm

from bayes_lupil import fit, load_model, load_trial
from bayes_lupil.errors import UnsupportedModelError
from bayes_lupil.sensitivity.effect_priors import (
    EffectPrior,
    analyse_priors,
    relevant_log_odds_ratio,
    standard_priors,
    under_normal,
    under_prior,
)
from bayes_lupil.sensitivity.reweighting import BaseDraws
from bayes_lupil.trials.end_point import EndPoint
from tests.proofs import FIT

HIGHER, LOWER = EndPoint("x", "x"), EndPoint("x", "x", "lower")


@pytest.fixture(scope="module")
def trial():
    return load_trial("lupil2")


@pytest.fixture(scope="module")
def pooled(trial):
    return fit("itt_pooled_primary_priors", trial)


@pytest.fixture(scope="module")
def analysis(pooled, trial):
    return analyse_priors(pooled)


def on_a_grid(mean, sd, threshold=0.0):
    """P(risk difference > threshold) of the pooled model of LUPIL-2 (34/50 v 29/50), alpha ~ N(0, 1.5), beta ~ N."""
    alpha = np.linspace(-2, 3, 801)[:, None]
    beta = np.linspace(max(-6, mean - 9 * sd), min(6, mean + 9 * sd), 2401)[None, :]
    p0, p1 = expit(alpha - beta / 2), expit(alpha + beta / 2)
    log = norm.logpdf(alpha, 0, 1.5) + norm.logpdf(beta, mean, sd) + binom.logpmf(29, 50, p0) + binom.logpmf(34, 50, p1)
    weight = np.exp(log - log.max())
    return float((weight * (p1 - p0 > threshold)).sum() / weight.sum())


def test_standard_priors_hold_what_they_promise():
    for end_point in (HIGHER, LOWER):
        sceptical, neutral, optimistic, flat = standard_priors(end_point, 0.58, 0.10)
        d, side = optimistic.mean, end_point.sign
        better = expit(np.log(0.58 / 0.42) + d)
        assert better - 0.58 == pytest.approx(side * 0.10, abs=1e-12)
        assert norm.sf(side * d, 0, sceptical.sd) == pytest.approx(0.05)  # beyond the effect that would matter
        assert optimistic.p_benefit(end_point.sign) == pytest.approx(0.95)  # 5 % for harm
        assert (
            sceptical.p_benefit(end_point.sign)
            == neutral.p_benefit(end_point.sign)
            == flat.p_benefit(end_point.sign)
            == 0.5
        )
        assert norm.sf(0, side * d, optimistic.sd) == pytest.approx(optimistic.p_benefit(end_point.sign))


@pytest.mark.parametrize("risk", [0.0, 0.03, 0.5, 0.97, 1.0])
@pytest.mark.parametrize("end_point", [HIGHER, LOWER])
def test_the_effect_that_matters_is_finite_and_on_the_side_of_benefit(risk, end_point):
    d = relevant_log_odds_ratio(end_point, risk, 0.10)
    assert np.isfinite(d)
    assert np.sign(d) == end_point.sign


@pytest.mark.proof(*FIT, "sensitivity")
def test_every_prior_and_threshold_is_that_of_the_integral(analysis):
    assert [row.prior.name for row in analysis.rows] == ["sceptical", "neutral", "optimistic", "flat"]
    for row in analysis.rows:
        for line in (item for item in row.ladder if item.kind == "benefit"):
            exact = on_a_grid(row.prior.mean, row.prior.sd, line.threshold)
            assert abs(line.probability - exact) < 4 * line.mcse + 1e-4, (row.prior.name, line.statement)
        assert row.changed.p_benefit == row.ladder[0].probability


def test_the_declared_prior_changes_nothing(pooled, trial):
    declared = pooled.spec.priors.beta
    draws = under_normal(BaseDraws(pooled), declared.mean, declared.sd)
    assert draws.k_hat == -np.inf
    assert np.ptp(draws.weights) == 0
    same = under_prior(pooled, EffectPrior("declared", declared.mean, declared.sd, "as it stands"))
    assert not same.changed.refitted
    assert same.changed.p_benefit == pytest.approx(pooled.p_benefit.probability, abs=1e-12)


@pytest.mark.proof(*FIT, "sensitivity")
def test_tipping_priors_give_their_target(analysis):
    found = [item for item in analysis.tipping if item.mean is not None]
    assert {item.target for item in found} == {0.5, 0.975}
    for item in found:
        step = 0.01
        slope = (on_a_grid(item.mean + step, item.sd) - on_a_grid(item.mean - step, item.sd)) / (2 * step)
        assert abs(on_a_grid(item.mean, item.sd) - item.target) < 4 * item.mcse * slope + 1e-4
        assert item.p_benefit_prior == pytest.approx(norm.sf(0, item.mean, item.sd))


def test_a_prior_that_the_draws_cannot_carry_is_fitted_again(pooled, trial):
    found = under_prior(pooled, EffectPrior("far", -2.5, 0.3, "far from what the data say"))
    assert found.changed.refitted
    assert found.changed.ok
    assert abs(found.changed.p_benefit - on_a_grid(-2.5, 0.3)) < 4 * found.changed.p_benefit_mcse + 1e-4


@pytest.mark.proof(*FIT, "sensitivity")
def test_with_sites_reweighting_gives_what_a_refit_gives():
    trial, spec = load_trial("beitler_landis"), load_model("site_effects")
    post = fit(spec, trial)
    for prior in analyse_priors(post).rows:
        if prior.changed.refitted:
            continue
        declared = {"family": "normal", "mean": prior.prior.mean, "sd": prior.prior.sd, "reason": prior.prior.reason}
        again = fit(spec.edited(priors__beta=declared, sampler__seed=99), trial)
        for mine, theirs in zip(prior.ladder, again.ladder, strict=True):
            assert abs(mine.probability - theirs.probability) < 4 * np.hypot(mine.mcse, theirs.mcse), prior.prior.name


@pytest.mark.proof(*FIT, "sensitivity")
def test_lower_is_better_and_arms_swapped_mirror_everything(trial):
    """Non-responders counted in place of responders, 'lower' being good: the same question, so the same answer."""
    from bayes_lupil import Arms, Cells, Trial

    def of(end_point, y):
        cells = Cells(("A", "B"), np.array(y), np.array([[25, 25], [25, 25]]))
        return Trial.from_cells(cells, Arms("placebo", "drug"), end_point)

    spec = load_model("itt_pooled_primary_priors")
    one = of(replace(HIGHER, mcid=0.1), [[14, 17], [15, 17]])
    two = of(replace(LOWER, mcid=0.1), [[11, 8], [10, 8]])
    for mine, theirs in zip(analyse_priors(fit(spec, one)).rows, analyse_priors(fit(spec, two)).rows, strict=True):
        assert mine.prior.mean == pytest.approx(-theirs.prior.mean, abs=1e-9)
        assert mine.prior.p_benefit(HIGHER.sign) == pytest.approx(theirs.prior.p_benefit(LOWER.sign))
        assert abs(mine.changed.p_benefit - theirs.changed.p_benefit) < 4 * np.hypot(
            mine.changed.p_benefit_mcse, theirs.changed.p_benefit_mcse
        )


def test_what_has_no_common_effect_is_refused():
    table = load_trial("beitler_landis")
    free = load_model("site_effects").edited(sites__effects="fixed", priors__tau_v=None)
    with pytest.raises(UnsupportedModelError, match="one that the sites share"):
        analyse_priors(fit(free, table))
