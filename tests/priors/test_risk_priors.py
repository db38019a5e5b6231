"""Priors of the treatment effect stated for the log risk ratio or the risk difference, given the control risk."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from scipy import integrate, special, stats

from bayes_lupil import ModelSpec, load_model
from bayes_lupil.errors import ModelError, UnsupportedModelError
from bayes_lupil.priors import (
    Averaged,
    ControlRiskBeta,
    EffectOnRisk,
    LogRiskRatioNormal,
    RiskDifferenceNormal,
    Uniform,
)
from bayes_lupil.priors.truncated import log_mass

WHY = "For this test only."
PRIORS: list[EffectOnRisk] = [
    LogRiskRatioNormal(mean=0, sd=0.5, reason=WHY),
    LogRiskRatioNormal(mean=-0.3, sd=0.05, reason=WHY),
    LogRiskRatioNormal(mean=1.5, sd=0.2, reason=WHY),  # at high control risks next to nothing of it is possible
    LogRiskRatioNormal(mean=0, sd=10, reason=WHY),
    RiskDifferenceNormal(mean=0, sd=0.2, reason=WHY),
    RiskDifferenceNormal(mean=0.1, sd=0.01, reason=WHY),
    RiskDifferenceNormal(mean=-0.6, sd=0.1, reason=WHY),
    RiskDifferenceNormal(mean=0.3, sd=10, reason=WHY),
]
ALPHAS = (-6.0, -2.0, 0.0, 0.7, 4.0)

every_prior = pytest.mark.parametrize("prior", PRIORS, ids=lambda prior: prior.describe())
every_alpha = pytest.mark.parametrize("alpha", ALPHAS)


def effect(prior: EffectOnRisk, beta: Any, alpha: Any) -> Any:
    """What the prior is stated for."""
    p0, p1 = special.expit(alpha), special.expit(alpha + beta)
    return np.log(p1 / p0) if isinstance(prior, LogRiskRatioNormal) else p1 - p0


def bounds(prior: EffectOnRisk, alpha: float) -> tuple[float, float]:
    """What is possible of it."""
    p0 = special.expit(alpha)
    return (-np.inf, -math.log(p0)) if isinstance(prior, LogRiskRatioNormal) else (-p0, 1 - p0)


def truncated(prior: EffectOnRisk, alpha: float) -> Any:
    """SciPy's truncated normal distribution of it."""
    low, high = ((bound - prior.mean) / prior.sd for bound in bounds(prior, alpha))
    return stats.truncnorm(low, high, prior.mean, prior.sd)


def test_every_family_is_tested() -> None:
    assert {type(prior) for prior in PRIORS} == set(EffectOnRisk.__subclasses__())


@every_prior
@every_alpha
def test_the_density_integrates_to_one(prior: EffectOnRisk, alpha: float) -> None:
    """Over the central 1 - 2e-9 in pieces between quantiles, to 1e-8."""
    cuts = prior.ppf([1e-9, 1e-6, 1e-3, 0.05, 0.25, 0.5, 0.75, 0.95, 1 - 1e-3, 1 - 1e-6, 1 - 1e-9], alpha)
    total = sum(
        integrate.quad(lambda x: math.exp(prior.logpdf(x, alpha)), a, b, epsabs=1e-12, epsrel=1e-11, limit=200)[0]
        for a, b in itertools.pairwise(cuts)
    )
    assert total == pytest.approx(1, abs=1e-8)


@every_prior
@every_alpha
def test_the_quantile_is_the_inverse_of_the_cdf(prior: EffectOnRisk, alpha: float) -> None:
    """To 1e-9, and what a rounding of the quantile's last digit moves."""
    q = np.concatenate([np.logspace(-30, -2, 15), np.linspace(0.05, 0.95, 19), 1 - np.logspace(-2, -9, 8)])
    x = prior.ppf(q, alpha)
    assert np.all(np.diff(x) > 0)
    moved = 4 * np.spacing(np.abs(x) + abs(alpha)) * np.exp(prior.logpdf(x, alpha))
    assert np.all(np.abs(prior.cdf(x, alpha) - q) <= 1e-9 * q + moved)
    np.testing.assert_allclose(
        prior.isf(np.arange(1, 16) / 16, alpha), prior.ppf(1 - np.arange(1, 16) / 16, alpha), atol=1e-12
    )


@every_prior
@every_alpha
def test_the_density_has_the_jacobian(prior: EffectOnRisk, alpha: float) -> None:
    """SciPy's truncated normal density of the effect, times its slope in beta by central differences, to 1e-6."""
    beta = prior.ppf(np.linspace(0.02, 0.98, 25), alpha)
    step = 1e-4
    slope = (effect(prior, beta + step, alpha) - effect(prior, beta - step, alpha)) / (2 * step)
    expected = truncated(prior, alpha).logpdf(effect(prior, beta, alpha)) + np.log(slope)
    np.testing.assert_allclose(prior.logpdf(beta, alpha), expected, atol=1e-6)


@every_prior
@every_alpha
def test_the_effect_drawn_is_a_truncated_normal(prior: EffectOnRisk, alpha: float) -> None:
    """Kolmogorov-Smirnov with a fixed seed; the closed form is SciPy's."""
    draws = prior.sample(np.random.default_rng(20260110), (4000,), alpha)
    assert stats.kstest(effect(prior, draws, alpha), truncated(prior, alpha).cdf).pvalue > 1e-3


def test_alpha_may_differ_from_draw_to_draw() -> None:
    """The probability transform of draws is uniform, whatever their control risks."""
    rng = np.random.default_rng(20260110)
    for prior in PRIORS:
        alpha = rng.normal(0, 2, 4000)
        beta = prior.sample(rng, (4000,), alpha)
        assert stats.kstest(prior.cdf(beta, alpha), "uniform").pvalue > 1e-3
        single = [float(prior.logpdf(b, a)) for b, a in zip(beta[:20], alpha[:20], strict=True)]
        np.testing.assert_allclose(prior.logpdf(beta[:20], alpha[:20]), single, rtol=1e-13)


@every_prior
@every_alpha
def test_a_standard_normal_becomes_the_prior_in_both_tails(prior: EffectOnRisk, alpha: float) -> None:
    """Rising, finite from -30 to 30, and near a bound at the distance that the density there gives.

    There the cdf of the distance y is y times the density at 0, up to a share of about y / sd^2: at chances below
    1e-60 the bound and the first term agree to 1e-9.
    """
    z = np.linspace(-30, 30, 601)
    beta = prior.from_normal(z, alpha)
    assert np.all(np.isfinite(beta))
    assert np.all(np.diff(beta) > 0)
    assert prior.from_normal(0.0, alpha) == pytest.approx(float(prior.ppf(0.5, alpha)), rel=1e-12, abs=1e-12)
    low, high = bounds(prior, alpha)
    for side, bound in ((-1, low), (1, high)):
        start = side * (prior.mean - bound) / prior.sd  # the bound is this many SDs away, at most where it matters
        if not np.isfinite(bound) or abs(start) > 15:
            continue
        log_chance, (a, b) = special.log_ndtr(-25.0), ((end - prior.mean) / prior.sd for end in (low, high))
        total = math.log(stats.norm.sf(a) - stats.norm.sf(b) if a > 0 else stats.norm.cdf(b) - stats.norm.cdf(a))
        log_y = log_chance + total - stats.norm.logpdf(start) + math.log(prior.sd)
        assert side * (prior.from_normal(25.0 * side, alpha) + alpha) == pytest.approx(-float(log_y), rel=1e-9)


def test_the_mass_between_two_points() -> None:
    """Against SciPy's survival function where it has digits, and the density times the width where nothing has."""
    assert log_mass(8.0, np.inf) == pytest.approx(stats.norm.logsf(8), rel=1e-12)
    assert log_mass(-2.0, 3.0) == pytest.approx(math.log(stats.norm.cdf(1) - stats.norm.cdf(-2)), rel=1e-12)
    assert log_mass(7.0, 2.0) == pytest.approx(math.log(stats.norm.sf(7) - stats.norm.sf(9)), rel=1e-12)
    assert log_mass(-3.0, 1e-30) == pytest.approx(stats.norm.logpdf(-3) + math.log(1e-30), rel=1e-12)
    assert log_mass(-40.0, 0.5) == pytest.approx(stats.norm.logcdf(-39.5) + math.log1p(-math.exp(-19.88)), rel=1e-9)


@every_prior
def test_the_twin_in_pymc_has_the_same_density(prior: EffectOnRisk) -> None:
    """And slopes that are numbers, at control risks from 0.2 % to 98 % and effects from far out to far out."""
    import pymc as pm
    import pytensor
    import pytensor.tensor as pt

    alphas, value = pt.dscalar("alpha"), pt.dscalar("value")
    with pytensor.config.change_flags(cast_policy="numpy+floatX"), pm.Model():
        density = pm.logp(prior.pymc("beta", (), alphas), value)
        slopes = pytensor.grad(density, [alphas, value])
    twin = pytensor.function([alphas, value], [density, *slopes], mode="FAST_COMPILE")
    for alpha in ALPHAS:
        for beta in [*prior.ppf([1e-9, 0.01, 0.3, 0.5, 0.9, 1 - 1e-6], alpha), 0.0, -30.0, 30.0]:
            found, *slope = twin(alpha, beta)
            expected = float(prior.logpdf(beta, alpha))
            assert found == pytest.approx(expected, rel=1e-10, abs=1e-10), (alpha, beta)
            assert np.all(np.isfinite(slope)), (alpha, beta)


def test_in_words() -> None:
    assert PRIORS[0].describe() == "log risk ratio: normal(mean 0, sd 0.5)"
    assert PRIORS[4].describe() == "risk difference: normal(mean 0, sd 0.2)"


def test_a_difference_in_percent_is_refused() -> None:
    with pytest.raises(ValidationError):
        RiskDifferenceNormal(mean=10, sd=5, reason=WHY)


@every_prior
def test_no_control_risk_is_too_extreme(prior: EffectOnRisk) -> None:
    """Up to where the engine ends: log odds of 1e6 to either side, where the risk itself is no float."""
    alpha, z = np.meshgrid([-1e6, -800.0, -30.0, 30.0, 800.0, 1e6], [-8.0, 0.0, 8.0])
    beta = prior.from_normal(z, alpha)
    assert np.all(np.isfinite(beta))
    assert not np.any(np.isnan(prior.logpdf(beta, alpha)))


@pytest.mark.parametrize("method", ["logpdf", "cdf", "ppf", "isf", "from_normal"])
def test_a_prior_that_depends_on_alpha_says_so(method: str) -> None:
    with pytest.raises(UnsupportedModelError, match="depends on the control arm's risk"):
        getattr(PRIORS[0], method)(0.5)


# averaged over the control risk


@pytest.mark.parametrize("prior", [PRIORS[0], PRIORS[4]], ids=lambda prior: prior.describe())
def test_the_average_is_what_draws_of_both_show(prior: EffectOnRisk) -> None:
    """Draws of alpha and then beta, by Kolmogorov-Smirnov; the density integrates to what the cdf says, to 1e-6."""
    level = ControlRiskBeta(a=2, b=3, reason=WHY)
    average, rng = Averaged(prior, level), np.random.default_rng(20260110)
    draws = prior.sample(rng, (4000,), level.sample(rng, (4000,)))
    assert stats.kstest(draws, average.cdf).pvalue > 1e-3
    low, high = average.ppf([0.025, 0.975])
    assert integrate.quad(lambda x: math.exp(average.logpdf(x)), low, high)[0] == pytest.approx(0.95, abs=1e-6)


def test_an_average_over_one_control_risk_is_the_prior_there() -> None:
    average = Averaged(PRIORS[0], Uniform(lower=-1, upper=-1 + 1e-12, reason=WHY))
    np.testing.assert_allclose(average.logpdf([-1.0, 0.2]), PRIORS[0].logpdf([-1.0, 0.2], -1.0), rtol=1e-9)
    np.testing.assert_allclose(average.ppf([0.1, 0.9]), PRIORS[0].ppf([0.1, 0.9], -1.0), rtol=1e-9)


# model files


UNIFORM_RISK = {"family": "control_risk_beta", "a": 1, "b": 1, "reason": WHY}
RATIO = {"family": "log_risk_ratio_normal", "mean": 0, "sd": 0.5, "reason": WHY}
ONE_LEVEL = {"sites__intercepts": "pooled", "priors__tau_u": None}
DIFFERENCE = {"family": "risk_difference_normal", "mean": 0, "sd": 0.2, "reason": WHY}


@pytest.fixture(scope="module")
def reference_coded() -> ModelSpec:
    return load_model("site_intercepts").edited(sites__coding="reference")


def test_where_the_control_risk_is_known(reference_coded: ModelSpec) -> None:
    spec = reference_coded.edited(priors__alpha=UNIFORM_RISK, priors__beta=RATIO)
    assert spec.priors.beta == LogRiskRatioNormal(mean=0, sd=0.5, reason=WHY)
    assert ModelSpec.from_dict(spec.to_dict()).hash == spec.hash


@pytest.mark.parametrize(
    ("changes", "key", "required"),
    [
        (
            {"sites__coding": "centred", "priors__alpha": UNIFORM_RISK},
            "sites.coding",
            "alpha is midway between the arms",
        ),
        ({"sites__coding": "centred", "priors__beta": RATIO}, "sites.coding", "because of 'log_risk_ratio_normal'"),
        (
            {
                "sites__effects": "fixed",
                "sites__intercepts": "pooled",
                "priors__tau_u": None,
                "priors__beta": DIFFERENCE,
            },
            "sites.effects",
            "one effect at one control risk",
        ),
        (
            {"sites__intercepts": "fixed", "priors__tau_u": None, "priors__beta": RATIO},
            "sites.intercepts",
            "'pooled' or 'partial'",
        ),
        ({"priors__alpha": RATIO}, "priors.alpha.family", "one of normal, student_t, uniform, control_risk_beta"),
        ({"priors__beta": UNIFORM_RISK}, "priors.beta.family", "one of normal, student_t, uniform, log_risk_ratio"),
    ],
)
def test_where_it_is_not(reference_coded: ModelSpec, changes: dict[str, Any], key: str, required: str) -> None:
    with pytest.raises(ModelError) as problem:
        reference_coded.edited(**changes)
    assert problem.value.where.endswith(f"key '{key}'")
    assert required in problem.value.required


@pytest.mark.parametrize(("name", "prior"), [("alpha", UNIFORM_RISK), ("beta", DIFFERENCE)])
def test_a_continuous_end_point_has_no_risks(name: str, prior: dict[str, Any]) -> None:
    spec = load_model("site_intercepts").edited(sites__coding="reference")
    sigma = {"family": "half_normal", "sd": 1, "reason": WHY}
    with pytest.raises(ModelError) as problem:
        spec.edited(priors__sigma=sigma, **{f"priors__{name}": prior})
    assert problem.value.where.endswith(f"key 'priors.{name}.family'")
    assert "there are no risks" in problem.value.required
