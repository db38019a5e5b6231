"""Prior families: density, cdf, quantiles, draws and the PyMC twin are five views of one distribution."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from scipy import integrate, special, stats

from bayes_lupil.priors import (
    LKJ,
    Beta,
    ControlRiskBeta,
    Dirichlet,
    DuMouchel,
    EffectOnRisk,
    Exponential,
    Gamma,
    HalfCauchy,
    HalfNormal,
    HalfStudentT,
    LogNormal,
    Normal,
    PrecisionGamma,
    PrecisionUniform,
    Prior,
    StudentT,
    Uniform,
    UniformShrinkage,
    VarianceHalfNormal,
    VarianceInverseGamma,
    VarianceUniform,
    typical_error,
)
from bayes_lupil.priors.shrinkage import ShrinkagePrior
from bayes_lupil.priors.variances import PriorOfSquare
from bayes_lupil.spec import load_models

WHY = "For this test only."
PRIORS: list[Prior] = [
    Normal(mean=0.53, sd=0.77, reason=WHY),
    StudentT(df=3, mean=-1, scale=2.5, reason=WHY),
    StudentT(df=0.7, mean=0, scale=1, reason=WHY),
    HalfNormal(sd=0.5, reason=WHY),
    HalfStudentT(df=4, scale=0.8, reason=WHY),
    HalfCauchy(scale=0.3, reason=WHY),
    Exponential(mean=0.4, reason=WHY),
    LogNormal(mean_log=-1.2, sd_log=0.9, reason=WHY),
    Uniform(lower=0.5, upper=2, reason=WHY),
    Uniform(lower=-3, upper=1, reason=WHY),
    PrecisionGamma(shape=2, rate=0.5, reason=WHY),
    PrecisionGamma(shape=0.5, rate=0.005, reason=WHY),
    VarianceInverseGamma(shape=1.5, scale=0.2, reason=WHY),
    VarianceUniform(upper=50, reason=WHY),
    VarianceUniform(lower=0.25, upper=4, reason=WHY),
    VarianceHalfNormal(sd=0.4, reason=WHY),
    PrecisionUniform(upper=10, reason=WHY),
    PrecisionUniform(lower=0.25, upper=16, reason=WHY),
    UniformShrinkage(scale=0.36, reason=WHY),
    DuMouchel(scale=0.36, reason=WHY),
    Beta(a=1, b=1, reason=WHY),
    Beta(a=2.5, b=0.8, reason=WHY),
    ControlRiskBeta(a=1, b=1, reason=WHY),
    ControlRiskBeta(a=2.5, b=40, reason=WHY),
    ControlRiskBeta(a=0.3, b=0.5, reason=WHY),
    LKJ(eta=2, reason=WHY),
    LKJ(eta=0.7, reason=WHY),
    Gamma(shape=2, rate=0.1, lower=1, reason=WHY),
    Gamma(shape=0.8, rate=2, reason=WHY),
]
BUGS = PrecisionGamma(shape=0.001, rate=0.001, reason=WHY)
"""The prior of many BUGS examples; half of its mass lies at standard deviations beyond 1e154."""

PYMC_OFFSET = {"half_student_t": 1.9046543e-9, "half_cauchy": 1.9046543e-9}
"""PyMC 5.28 writes log 2 of these two families in single precision: a constant, which changes no posterior."""

every_prior = pytest.mark.parametrize("prior", PRIORS, ids=lambda prior: prior.describe())


def pieces(prior: Prior) -> np.ndarray[Any, Any]:
    """Quantiles that cut the support into pieces over which the density is easy to integrate."""
    return prior.ppf([1e-7, 1e-5, 1e-3, 0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99, 1 - 1e-3, 1 - 1e-5, 1 - 1e-7])


def test_every_family_is_tested() -> None:
    def families(of: type[Prior]) -> set[type[Prior]]:
        return {of} if "family" in of.model_fields else set().union(*map(families, of.__subclasses__()))

    # the priors of the effect that depend on the control risk are in test_risk_priors.py
    assert {type(prior) for prior in PRIORS} == families(Prior) - families(EffectOnRisk) - {Dirichlet}


@every_prior
def test_the_density_integrates_to_one(prior: Prior) -> None:
    """Over the central 1 - 2e-7, to 1e-8; the tails are in the test of the cdf."""
    cuts = pieces(prior)
    total = sum(
        integrate.quad(lambda x: math.exp(prior.logpdf(x)), a, b, epsabs=1e-11, epsrel=1e-10, limit=200)[0]
        for a, b in itertools.pairwise(cuts)
    )
    assert total == pytest.approx(1 - 2e-7, abs=1e-8)


@every_prior
def test_the_density_is_the_slope_of_the_cdf(prior: Prior) -> None:
    """Central differences with a step of 1e-5 of the distance to the centre: an error of about 1e-10, held to 1e-6."""
    x = prior.ppf(np.linspace(0.02, 0.98, 25))
    step = 1e-5 * (prior.ppf(0.75) - prior.ppf(0.25))
    slope = (prior.cdf(x + step) - prior.cdf(x - step)) / (2 * step)
    np.testing.assert_allclose(slope, np.exp(prior.logpdf(x)), rtol=1e-6)


@every_prior
def test_the_quantile_is_the_inverse_of_the_cdf(prior: Prior) -> None:
    q = np.concatenate([np.logspace(-9, -2, 8), np.linspace(0.05, 0.95, 19), 1 - np.logspace(-2, -9, 8)])
    x = prior.ppf(q)
    assert np.all(np.diff(x) > 0)
    np.testing.assert_allclose(prior.cdf(x), q, rtol=1e-9, atol=1e-12)


@every_prior
def test_beyond_the_support_there_is_nothing(prior: Prior) -> None:
    low, high = prior.ppf(0.0), prior.ppf(1.0)
    assert prior.cdf(low) == pytest.approx(0, abs=1e-12)
    if np.isfinite(low):
        assert prior.logpdf(low - 0.1) == -np.inf
        assert prior.cdf(low - 0.1) == 0
    if high < 1e100:
        assert prior.logpdf(high + 0.1) == -np.inf
        assert prior.cdf(high + 0.1) == 1


@every_prior
def test_draws_follow_the_cdf(prior: Prior) -> None:
    """Kolmogorov-Smirnov with a fixed seed: p above 0.001 for 4,000 draws finds errors of about 3 % anywhere."""
    draws = prior.sample(np.random.default_rng(20260110), (4000,))
    assert draws.shape == (4000,)
    assert stats.kstest(draws, prior.cdf).pvalue > 1e-3


@every_prior
def test_draws_depend_on_the_seed_alone(prior: Prior) -> None:
    first, again = (prior.sample(np.random.default_rng(1), (2, 3)) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert first.shape == (2, 3)
    assert len(np.unique(first)) == 6


@every_prior
def test_a_scalar_in_gives_a_scalar_out(prior: Prior) -> None:
    for value in (prior.logpdf(0.6), prior.cdf(0.6), prior.ppf(0.6), prior.sample(np.random.default_rng(1))):
        assert value.shape == ()
        assert value.dtype == float


def test_folding_keeps_the_scale() -> None:
    """|X| of a t variable: twice the density, and the distribution of the square root of an F(1, df) variable."""
    prior = HalfStudentT(df=4, scale=0.8, reason=WHY)
    x = np.linspace(0.01, 6, 50)
    np.testing.assert_allclose(prior.cdf(x), stats.f(1, 4).cdf((x / 0.8) ** 2), rtol=1e-10)
    np.testing.assert_allclose(prior.logpdf(x), stats.t(4, 0, 0.8).logpdf(x) + math.log(2), rtol=1e-12)


def test_half_t_of_one_degree_of_freedom_is_half_cauchy() -> None:
    x = np.linspace(0, 20, 50)
    student, cauchy = HalfStudentT(df=1, scale=0.3, reason=WHY), HalfCauchy(scale=0.3, reason=WHY)
    np.testing.assert_allclose(student.logpdf(x), cauchy.logpdf(x), rtol=1e-10)


def test_precision_gamma_is_a_gamma_on_the_precision() -> None:
    prior = PrecisionGamma(shape=2, rate=0.5, reason=WHY)
    precision = np.random.default_rng(20260110).gamma(2, 1 / 0.5, size=4000)
    assert stats.kstest(precision**-0.5, prior.cdf).pvalue > 1e-3
    assert prior.cdf(2.0) == pytest.approx(stats.gamma(2, scale=2).sf(0.25), rel=1e-12)


def test_the_bugs_prior_stays_finite_where_floats_end() -> None:
    """Its density is c sd^-1.002 exp(-0.001 / sd^2); no warning, no infinity, no lost order."""
    x = np.logspace(-1, 150, 20)
    constant = 0.001 * math.log(0.001) - special.gammaln(0.001) + math.log(2)
    np.testing.assert_allclose(BUGS.logpdf(x), constant - 1.002 * np.log(x) - 0.001 / x**2, rtol=1e-12)
    np.testing.assert_allclose(BUGS.cdf(BUGS.ppf([0.001, 0.01, 0.1, 0.4])), [0.001, 0.01, 0.1, 0.4], rtol=1e-9)
    q = BUGS.ppf(np.linspace(0, 1, 101))
    assert np.all(np.isfinite(q))
    assert np.all(np.diff(q) >= 0)
    assert np.all(np.isfinite(BUGS.sample(np.random.default_rng(1), (1000,))))


@pytest.mark.parametrize("prior", [BUGS, PrecisionGamma(shape=2, rate=0.5, reason=WHY)])
def test_a_standard_deviation_of_zero_or_less_has_no_density(prior: Prior) -> None:
    for sd in (0.0, -0.5, -1e-200, 1e-200):
        assert prior.logpdf(sd) == -np.inf
        assert prior.cdf(sd) == 0


# priors stated for the variance, the precision or the shrinkage


def test_inverse_gamma_of_the_variance_is_gamma_of_the_precision() -> None:
    """Two names in a model file, one prior: equal to the last bit."""
    one, other = VarianceInverseGamma(shape=0.7, scale=0.3, reason=WHY), PrecisionGamma(shape=0.7, rate=0.3, reason=WHY)
    x = np.logspace(-3, 5, 30)
    np.testing.assert_array_equal(one.logpdf(x), other.logpdf(x))
    np.testing.assert_array_equal(one.from_normal(np.linspace(-8, 8, 9)), other.from_normal(np.linspace(-8, 8, 9)))


@pytest.mark.parametrize(
    ("prior", "stated", "power"),
    [
        (VarianceUniform(lower=0.5, upper=2, reason=WHY), stats.uniform(0.5, 1.5), 2),
        (VarianceHalfNormal(sd=0.4, reason=WHY), stats.halfnorm(scale=0.4), 2),
        (VarianceInverseGamma(shape=1.5, scale=0.2, reason=WHY), stats.invgamma(1.5, scale=0.2), 2),
        (PrecisionUniform(lower=0.25, upper=25, reason=WHY), stats.uniform(0.25, 24.75), -2),
        (PrecisionGamma(shape=2, rate=0.5, reason=WHY), stats.gamma(2, scale=2), -2),
    ],
    ids=lambda item: item.describe() if isinstance(item, Prior) else "",
)
def test_what_is_stated_for_a_square_holds_for_the_square(prior: Prior, stated: Any, power: int) -> None:
    draws = prior.sample(np.random.default_rng(20260110), (4000,))
    assert stats.kstest(draws ** float(power), stated.cdf).pvalue > 1e-3


def test_uniform_shrinkage_and_dumouchel_shrink_uniformly() -> None:
    """B0 = s0^2 / (s0^2 + tau^2) and s0 / (s0 + tau) are uniform, and so p(tau^2) = s0^2 / (s0^2 + tau^2)^2."""
    rng, s0, tau = np.random.default_rng(20260110), 0.36, np.array([1e-6, 0.1, 0.36, 2.0, 50.0])
    uniform, dumouchel = UniformShrinkage(scale=s0, reason=WHY), DuMouchel(scale=s0, reason=WHY)
    assert stats.kstest(s0**2 / (s0**2 + uniform.sample(rng, (4000,)) ** 2), "uniform").pvalue > 1e-3
    assert stats.kstest(s0 / (s0 + dumouchel.sample(rng, (4000,))), "uniform").pvalue > 1e-3
    np.testing.assert_allclose(np.exp(uniform.logpdf(tau)), 2 * tau * s0**2 / (s0**2 + tau**2) ** 2, rtol=1e-12)
    np.testing.assert_allclose(np.exp(dumouchel.logpdf(tau)), s0 / (s0 + tau) ** 2, rtol=1e-12)


def test_the_shrinkage_density_does_not_end_where_squares_do() -> None:
    """At 1e200 and 1e-200: 2 s0^2 / tau^3 and 2 tau / s0^2 up to the last digits."""
    prior = UniformShrinkage(scale=0.5, reason=WHY)
    expected = [math.log(0.5) - 3 * math.log(1e200), math.log(8) + math.log(1e-200)]
    np.testing.assert_allclose(prior.logpdf([1e200, 1e-200]), expected, rtol=1e-13)
    assert prior.logpdf(0.0) == -np.inf
    assert DuMouchel(scale=0.5, reason=WHY).logpdf(0.0) == pytest.approx(math.log(2))


def test_the_typical_error_is_a_harmonic_mean() -> None:
    assert typical_error([0.1, 0.3, 0.7]) == pytest.approx(stats.hmean([0.1, 0.3, 0.7]) ** 0.5, rel=1e-12)


# standard normal variables


SQUARED = (
    StudentT, HalfStudentT, PrecisionGamma, VarianceInverseGamma, VarianceUniform, VarianceHalfNormal, PrecisionUniform,
    UniformShrinkage,
)  # fmt: skip


def _log_beta(risk: Any, log_odds: Any) -> Any:
    """Log cdf of the risk; where the risk is so small that it is no float, by the first term of its series."""
    a, b = risk.args
    series = a * log_odds - math.log(a) - special.betaln(a, b)
    return np.where(log_odds < -50, series, np.log(risk.cdf(special.expit(log_odds))))


def _scipy_tails(prior: Prior) -> tuple[Any, Any]:
    """Log cdf and log upper tail by SciPy's distributions, put together here anew."""
    match prior:
        case Normal():
            twin = stats.norm(prior.mean, prior.sd)
        case StudentT():
            twin = stats.t(prior.df, prior.mean, prior.scale)
        case HalfNormal():
            twin = stats.halfnorm(scale=prior.sd)
        case HalfStudentT():
            square, t = stats.f(1, prior.df), stats.t(prior.df, scale=prior.scale)
            return lambda x: square.logcdf((x / prior.scale) ** 2), lambda x: math.log(2) + t.logsf(x)
        case HalfCauchy():
            twin = stats.halfcauchy(scale=prior.scale)
        case Exponential():
            twin = stats.expon(scale=prior.mean)
        case LogNormal():
            twin = stats.lognorm(prior.sd_log, scale=math.exp(prior.mean_log))
        case Uniform():
            twin = stats.uniform(prior.lower, prior.upper - prior.lower)
        case PrecisionGamma():
            precision = stats.gamma(prior.shape, scale=1 / prior.rate)
            return lambda x: precision.logsf(x**-2.0), lambda x: precision.logcdf(x**-2.0)
        case VarianceInverseGamma():  # SciPy's own inverse gamma distribution, of the variance
            variance = stats.invgamma(prior.shape, scale=prior.scale)
            return lambda x: variance.logcdf(x**2), lambda x: variance.logsf(x**2)
        case VarianceUniform():
            variance = stats.uniform(prior.lower, prior.upper - prior.lower)
            return lambda x: variance.logcdf(x**2), lambda x: variance.logsf(x**2)
        case VarianceHalfNormal():
            variance = stats.halfnorm(scale=prior.sd)
            return lambda x: np.log(special.erf(x**2 / prior.sd / math.sqrt(2))), lambda x: variance.logsf(x**2)
        case PrecisionUniform():
            precision = stats.uniform(prior.lower, prior.upper - prior.lower)
            return lambda x: precision.logsf(x**-2.0), lambda x: precision.logcdf(x**-2.0)
        case UniformShrinkage():
            s = prior.scale
            return lambda x: -np.log1p((s / x) ** 2), lambda x: -np.log1p((x / s) ** 2)
        case DuMouchel():
            return lambda x: -np.log1p(prior.scale / x), lambda x: -np.log1p(x / prior.scale)
        case Gamma():  # what lies below the cut is taken out of the lower tail
            whole = stats.gamma(prior.shape, scale=1 / prior.rate)
            below, above = whole.cdf(prior.lower), whole.logsf(prior.lower)
            lower = (lambda x: np.log(whole.cdf(x) - below) - above) if prior.lower else whole.logcdf
            return lower, lambda x: whole.logsf(x) - above
        case ControlRiskBeta():  # each tail by SciPy's incomplete beta integral of the smaller risk
            risk, other = stats.beta(prior.a, prior.b), stats.beta(prior.b, prior.a)
            return lambda x: _log_beta(risk, x), lambda x: _log_beta(other, -x)
        case Beta():
            twin = stats.beta(prior.a, prior.b)
        case LKJ():
            twin = stats.beta(prior.eta, prior.eta, loc=-1, scale=2)
    return twin.logcdf, twin.logsf


@every_prior
@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning")
def test_a_standard_normal_becomes_the_prior_in_both_tails(prior: Prior) -> None:
    """To 1e-9 of the logarithm of the tail, for chances down to 1e-197, once x is moved by 4 units of rounding.

    Where a square is involved only down to 1e-89: there are no quantiles beyond about 1e154.
    """
    log_cdf, log_sf = _scipy_tails(prior)
    far = 20 if isinstance(prior, SQUARED) else 30
    for tail, sign in ((log_cdf, -1), (log_sf, 1)):
        g = sign * np.array([0.01, 0.3, 1, 2, 4, 6, 8, 10, 15, far])
        x = prior.from_normal(g)
        assert np.all(np.isfinite(x))
        nudge = 4 * np.spacing(np.abs(x))
        ends = np.array([tail(np.maximum(x - nudge, prior.ppf(0.0))), tail(np.minimum(x + nudge, prior.ppf(1.0)))])
        expected = special.log_ndtr(-np.abs(g))
        assert np.all(ends.min(axis=0) * (1 + 1e-9) <= expected), sign
        assert np.all(ends.max(axis=0) * (1 - 1e-9) >= expected), sign


@every_prior
def test_a_standard_normal_and_the_prior_rise_together(prior: Prior) -> None:
    far = 20 if isinstance(prior, SQUARED) else 30
    g = np.linspace(-far, far, 2001)
    x = prior.from_normal(g)
    assert np.all(np.diff(x) >= 0)
    inner = np.abs(g) < 5
    assert np.all(np.diff(x[inner]) > 0)
    assert prior.from_normal(0.0) == pytest.approx(float(prior.ppf(0.5)), rel=1e-12, abs=1e-12)


@every_prior
def test_the_upper_quantile(prior: Prior) -> None:
    """At 1/16, 1/8, ..., whose complements are exact."""
    q = np.arange(1, 16) / 16
    np.testing.assert_allclose(prior.isf(q), prior.ppf(1 - q), rtol=1e-9, atol=1e-12)


def test_an_sd_near_zero_is_not_zero() -> None:
    """Of the prior's lowest 1e-23; a median by complement would round to 0 there."""
    assert HalfNormal(sd=0.5, reason=WHY).from_normal(-10.0) == pytest.approx(
        0.5 * stats.norm.cdf(-10) * math.sqrt(math.pi / 2), rel=1e-9
    )


# the control risk


def test_a_uniform_control_risk_is_a_logistic_log_odds() -> None:
    prior, twin = ControlRiskBeta(a=1, b=1, reason=WHY), stats.logistic()
    x = np.linspace(-40, 40, 41)
    np.testing.assert_allclose(prior.logpdf(x), twin.logpdf(x), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(prior.cdf(x), twin.cdf(x), rtol=1e-12)
    np.testing.assert_allclose(
        prior.from_normal(special.ndtri([1e-9, 0.3, 0.5])), twin.ppf([1e-9, 0.3, 0.5]), atol=1e-12
    )


def test_the_risk_behind_the_log_odds_has_the_beta_distribution() -> None:
    draws = ControlRiskBeta(a=2.5, b=40, reason=WHY).sample(np.random.default_rng(20260110), (4000,))
    assert stats.kstest(special.expit(draws), stats.beta(2.5, 40).cdf).pvalue > 1e-3


# moments


@every_prior
def test_the_tail_tells_which_moments_exist(prior: Prior) -> None:
    """P(X > x) falls like x^-tail: between the chances 1e-99 and 1e-100 to 1e-3; else faster than the tenth power."""
    near, far = prior.isf([1e-99, 1e-100])
    if math.isinf(prior.tail):
        assert far / near < 10**0.1
    else:
        assert math.log(10) / math.log(far / near) == pytest.approx(prior.tail, rel=1e-3)


# the correlation


@pytest.mark.parametrize("eta", [0.7, 1.0, 2.0, 5.0])
def test_lkj_is_a_power_of_one_minus_the_square(eta: float) -> None:
    """And its constant is the reciprocal of the integral by SciPy's beta function."""
    r = np.linspace(-0.999, 0.999, 41)
    whole = 2 ** (2 * eta - 1) * special.beta(eta, eta)
    expected = (eta - 1) * np.log1p(-(r**2)) - math.log(whole)
    np.testing.assert_allclose(LKJ(eta=eta, reason=WHY).logpdf(r), expected, rtol=1e-10, atol=1e-12)


def test_lkj_of_one_is_uniform() -> None:
    np.testing.assert_allclose(LKJ(eta=1, reason=WHY).cdf([-0.5, 0, 0.8]), [0.25, 0.5, 0.9], rtol=1e-12)


# Dirichlet


def test_dirichlet_density() -> None:
    shares = np.random.default_rng(1).dirichlet(np.ones(4), size=(3, 2))
    prior = Dirichlet(concentration=1.2, reason=WHY)
    expected = [[stats.dirichlet(np.full(4, 1.2)).logpdf(row) for row in block] for block in shares]
    np.testing.assert_allclose(prior.logpdf(shares), expected, rtol=1e-12)


def test_dirichlet_at_an_empty_share() -> None:
    flat, peaked = Dirichlet(concentration=1, reason=WHY), Dirichlet(concentration=2, reason=WHY)
    assert flat.logpdf([0.0, 0.4, 0.6]) == pytest.approx(math.log(2))
    assert peaked.logpdf([0.0, 0.4, 0.6]) == -np.inf


def test_dirichlet_draws() -> None:
    """Each share alone is Beta(c, (k - 1) c)."""
    draws = Dirichlet(concentration=1.2, reason=WHY).sample(np.random.default_rng(20260110), (4000, 25))
    np.testing.assert_allclose(draws.sum(axis=1), 1, rtol=1e-12)
    for site in (0, 24):
        assert stats.kstest(draws[:, site], stats.beta(1.2, 24 * 1.2).cdf).pvalue > 1e-3


# PyMC


@pytest.fixture(scope="module")
def pm() -> Any:
    import pymc

    return pymc


@pytest.mark.stack
@every_prior
def test_the_twin_in_pymc_has_the_same_density(pm: Any, prior: Prior) -> None:
    """At points over the whole support, through the method that the models use; no transform, no Jacobian."""
    points = prior.ppf([1e-6, 0.01, 0.1, 0.3, 0.5, 0.8, 0.95, 1 - 1e-6])
    with pm.Model(coords={"point": range(len(points))}):
        variable = prior.pymc("x", dims=("point",))
    twin = pm.logp(variable, points).eval(mode="FAST_COMPILE")
    offset = twin - prior.logpdf(points)
    np.testing.assert_allclose(offset, offset[0], rtol=0, atol=1e-10 * np.abs(twin).max())
    assert offset[0] == pytest.approx(0, abs=1e-10 + PYMC_OFFSET.get(prior.model_dump()["family"], 0))


@pytest.mark.parametrize(
    "prior",
    [
        BUGS,
        *(p for p in PRIORS if isinstance(p, PriorOfSquare | ShrinkagePrior | HalfCauchy) and not hasattr(p, "upper")),
    ],
    ids=lambda prior: prior.describe(),
)
def test_the_density_that_the_sampler_sees_is_that_of_the_prior(pm: Any, prior: Prior) -> None:
    """On the sampler's own scale, the logarithm, the density gains the Jacobian log sd and nothing else."""
    with pm.Model() as model:
        prior.pymc("tau")
    density = model.compile_logp(mode="FAST_COMPILE")
    for tau in (0.05, 0.4, 3.0):
        expected = prior.logpdf(tau) + math.log(tau)
        close = 1e-10 + PYMC_OFFSET.get(prior.model_dump()["family"], 0)
        assert density({"tau_log__": np.array(math.log(tau))}) == pytest.approx(expected, rel=1e-10, abs=close)


@pytest.mark.stack
@pytest.mark.parametrize("dims", [(), ("site",)], ids=["shared", "by site"])
@pytest.mark.parametrize("family", sorted({type(p) for p in PRIORS if type(p).pymc is not Prior.pymc}, key=str))
def test_the_sampler_has_a_start_where_pymc_has_no_such_family(pm: Any, family: type[Prior], dims: Any) -> None:
    prior = next(prior for prior in PRIORS if type(prior) is family)
    with pm.Model(coords={"site": range(3)}) as model:
        prior.pymc("x", dims=dims)
    start = next(iter(model.initial_point().values()))
    assert start.shape == (3,) * len(dims)
    assert np.isfinite(model.compile_logp(mode="FAST_COMPILE")(model.initial_point()))


def test_dirichlet_in_pymc_has_the_same_density(pm: Any) -> None:
    prior = Dirichlet(concentration=1.2, reason=WHY)
    shares = np.random.default_rng(1).dirichlet(np.full(5, 1.2))
    with pm.Model(coords={"site": range(5)}):
        variable = prior.pymc("pi", dims=("site",))
    twin = pm.logp(variable, shares).eval(mode="FAST_COMPILE")
    assert twin == pytest.approx(prior.logpdf(shares), rel=1e-10)


# what a prior may be


@pytest.mark.parametrize(
    ("family", "arguments"),
    [
        (Normal, {"mean": 0, "sd": 0}),
        (Normal, {"mean": math.nan, "sd": 1}),
        (Normal, {"mean": 0, "sd": math.inf}),
        (StudentT, {"df": 0, "mean": 0, "scale": 1}),
        (HalfNormal, {"sd": -1}),
        (HalfStudentT, {"df": 3, "scale": 0}),
        (HalfCauchy, {"scale": 0}),
        (Exponential, {"mean": 0}),
        (LogNormal, {"mean_log": 0, "sd_log": 0}),
        (Uniform, {"lower": 1, "upper": 1}),
        (PrecisionGamma, {"shape": 0, "rate": 1}),
        (VarianceInverseGamma, {"shape": 1, "scale": 0}),
        (VarianceUniform, {"lower": 2, "upper": 2}),
        (VarianceUniform, {"lower": -1, "upper": 2}),
        (PrecisionUniform, {"lower": 3, "upper": 2}),
        (VarianceHalfNormal, {"sd": 0}),
        (UniformShrinkage, {"scale": 0}),
        (DuMouchel, {"scale": -0.1}),
        (Beta, {"a": 1, "b": 0}),
        (ControlRiskBeta, {"a": 0, "b": 1}),
        (Dirichlet, {"concentration": 0}),
        (LKJ, {"eta": 0}),
        (Normal, {"mean": 0, "sd": 1, "df": 3}),
        (Normal, {"mean": "0", "sd": 1}),
    ],
)
def test_arguments_that_make_no_distribution_are_refused(family: type[Prior], arguments: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        family(reason=WHY, **arguments)


def test_a_prior_in_words() -> None:
    assert StudentT(df=3, mean=0, scale=2.5, reason=WHY).describe() == "student t(df 3, mean 0, scale 2.5)"
    assert BUGS.describe() == "precision: gamma(shape 0.001, rate 0.001)"
    assert VarianceUniform(upper=50, reason=WHY).describe() == "variance: uniform(lower 0, upper 50)"
    assert VarianceHalfNormal(sd=0.4, reason=WHY).describe() == "variance: half normal(sd 0.4)"
    assert UniformShrinkage(scale=0.36, reason=WHY).describe() == "uniform shrinkage(scale 0.36)"
    assert ControlRiskBeta(a=1, b=1, reason=WHY).describe() == "control risk: beta(a 1, b 1)"
    assert DuMouchel(scale=0.36, reason=WHY).describe() == "DuMouchel(scale 0.36)"


def test_the_priors_of_the_models_put_the_mass_where_their_reasons_say() -> None:
    """'95 % between 5 % and 95 %' and 'between odds ratios of 0.14 and 7.1' are said of these two priors."""
    claims = 0
    for model in (*load_models(), *load_models(trial="lupil2")):
        alpha, beta = model.priors.alpha, model.priors.beta
        if "95 % of the prior between 5 % and 95 %" in alpha.reason:
            assert special.expit(alpha.ppf([0.025, 0.975])) == pytest.approx([0.05, 0.95], abs=0.005)
            claims += 1
        if "odds ratios of 0.14 and 7.1" in beta.reason:
            assert np.exp(beta.ppf([0.025, 0.975])) == pytest.approx([0.14, 7.1], abs=0.005 * 10)
            claims += 1
    assert claims >= 4
