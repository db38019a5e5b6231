"""Priors as functions: what a model built in Python names them by, under the names that model files have.

A scale is the SD of a normal distribution and of one that is folded or cut off; of a Student-t distribution, which is
wider than its scale says, it is the SD of the normal distribution that it comes to with many degrees of freedom. Both
words, `sd` and `scale`, are understood by each function that has either.
"""

from __future__ import annotations

from typing import TypeVar

from bayes_lupil.arguments import checked
from bayes_lupil.documents import parse_document
from bayes_lupil.errors import InputError, ModelError
from bayes_lupil.priors.base import NO_REASON, Prior
from bayes_lupil.priors.families import (
    LKJ,
    Beta,
    Dirichlet,
    Exponential,
    HalfCauchy,
    HalfNormal,
    HalfStudentT,
    LogNormal,
    Normal,
    StudentT,
    Uniform,
)
from bayes_lupil.priors.gammas import Gamma
from bayes_lupil.priors.risks import ControlRiskBeta, LogRiskRatioNormal, RiskDifferenceNormal
from bayes_lupil.priors.shrinkage import DuMouchel, UniformShrinkage
from bayes_lupil.priors.variances import (
    PrecisionGamma,
    PrecisionUniform,
    VarianceHalfNormal,
    VarianceInverseGamma,
    VarianceUniform,
)

__all__ = [
    "beta", "control_risk_beta", "dirichlet", "dumouchel", "exponential", "gamma", "half_cauchy", "half_normal",
    "half_student_t", "lkj", "log_normal", "log_risk_ratio_normal", "normal", "precision_gamma", "precision_uniform",
    "risk_difference_normal", "student_t", "uniform", "uniform_shrinkage", "variance_half_normal",
    "variance_inverse_gamma", "variance_uniform",
]  # fmt: skip

P = TypeVar("P", bound=Prior)


def _made(family: type[P], reason: str, **arguments: float) -> P:
    name = str(family.model_fields["family"].default)
    return parse_document({"family": name, **arguments, "reason": reason}, family, ModelError, f"prior {name}()")


def _either(name: str, first: float | None, second: float | None) -> float:
    """The one of two words for the same number that was said."""
    if (first is None) == (second is None):
        raise InputError(f"prior {name}()", "neither" if first is None else "both", "one of sd and scale")
    return float(second if first is None else first)  # type: ignore[arg-type]


@checked
def normal(mean: float, sd: float | None = None, *, scale: float | None = None, reason: str = NO_REASON) -> Normal:
    """Normal distribution.

    Parameters
    ----------
    mean, sd : float
        On the scale of the parameter: log odds for alpha, log odds ratio for beta.
    scale : float
        Another word for `sd`.
    reason : str
        Why this prior; it stands beside every result that leans on it.

    Examples
    --------
    >>> normal(0, 0.5, reason="sceptical of large effects").describe()
    'normal(mean 0, sd 0.5)'
    """
    return _made(Normal, reason, mean=mean, sd=_either("normal", sd, scale))


@checked
def student_t(
    df: float, mean: float, scale: float | None = None, *, sd: float | None = None, reason: str = NO_REASON
) -> StudentT:
    """Student-t distribution with location and scale.

    Examples
    --------
    >>> student_t(3, 0, 2.5) == student_t(3, 0, sd=2.5)
    True
    """
    return _made(StudentT, reason, df=df, mean=mean, scale=_either("student_t", scale, sd))


@checked
def uniform(lower: float, upper: float, *, reason: str = NO_REASON) -> Uniform:
    """Uniform between two bounds."""
    return _made(Uniform, reason, lower=lower, upper=upper)


@checked
def half_normal(sd: float | None = None, *, scale: float | None = None, reason: str = NO_REASON) -> HalfNormal:
    """Normal distribution with mean 0, folded to positive values; for between-site SDs.

    Examples
    --------
    >>> half_normal(0.5).describe()
    'half normal(sd 0.5)'
    """
    return _made(HalfNormal, reason, sd=_either("half_normal", sd, scale))


@checked
def half_student_t(
    df: float, scale: float | None = None, *, sd: float | None = None, reason: str = NO_REASON
) -> HalfStudentT:
    """Student-t distribution around 0, folded to positive values."""
    return _made(HalfStudentT, reason, df=df, scale=_either("half_student_t", scale, sd))


@checked
def half_cauchy(scale: float | None = None, *, sd: float | None = None, reason: str = NO_REASON) -> HalfCauchy:
    """Cauchy distribution around 0, folded to positive values; it has no mean and no SD."""
    return _made(HalfCauchy, reason, scale=_either("half_cauchy", scale, sd))


@checked
def exponential(mean: float, *, reason: str = NO_REASON) -> Exponential:
    """Exponential distribution with the given mean (a rate of 2 is a mean of 0.5)."""
    return _made(Exponential, reason, mean=mean)


@checked
def log_normal(mean_log: float, sd_log: float, *, reason: str = NO_REASON) -> LogNormal:
    """Positive, with a normal logarithm."""
    return _made(LogNormal, reason, mean_log=mean_log, sd_log=sd_log)


@checked
def beta(a: float, b: float, *, reason: str = NO_REASON) -> Beta:
    """Beta distribution of a probability, such as the share of outlying sites."""
    return _made(Beta, reason, a=a, b=b)


@checked
def gamma(shape: float, rate: float, lower: float = 0.0, *, reason: str = NO_REASON) -> Gamma:
    """Gamma distribution of degrees of freedom, cut off below `lower`."""
    return _made(Gamma, reason, shape=shape, rate=rate, lower=lower)


@checked
def lkj(eta: float, *, reason: str = NO_REASON) -> LKJ:
    """Correlation of level and effect over sites; 1 is uniform, more shrinks towards 0."""
    return _made(LKJ, reason, eta=eta)


@checked
def dirichlet(concentration: float, *, reason: str = NO_REASON) -> Dirichlet:
    """Shares of the sites, where the site table was never published."""
    return _made(Dirichlet, reason, concentration=concentration)


@checked
def control_risk_beta(a: float, b: float, *, reason: str = NO_REASON) -> ControlRiskBeta:
    """Of alpha: beta distribution of the control arm's risk, with coding = 'reference'."""
    return _made(ControlRiskBeta, reason, a=a, b=b)


@checked
def log_risk_ratio_normal(mean: float, sd: float, *, reason: str = NO_REASON) -> LogRiskRatioNormal:
    """Of beta: normal distribution of the log risk ratio, cut off to what the control risk allows."""
    return _made(LogRiskRatioNormal, reason, mean=mean, sd=sd)


@checked
def risk_difference_normal(mean: float, sd: float, *, reason: str = NO_REASON) -> RiskDifferenceNormal:
    """Of beta: normal distribution of the risk difference, cut off to what the control risk allows."""
    return _made(RiskDifferenceNormal, reason, mean=mean, sd=sd)


@checked
def variance_uniform(upper: float, lower: float = 0.0, *, reason: str = NO_REASON) -> VarianceUniform:
    """Of a between-site SD: its square is uniform from `lower` to `upper`."""
    return _made(VarianceUniform, reason, lower=lower, upper=upper)


@checked
def variance_half_normal(sd: float, *, reason: str = NO_REASON) -> VarianceHalfNormal:
    """Of a between-site SD: its square is half-normal."""
    return _made(VarianceHalfNormal, reason, sd=sd)


@checked
def variance_inverse_gamma(shape: float, scale: float, *, reason: str = NO_REASON) -> VarianceInverseGamma:
    """Of a between-site SD: its square is inverse gamma."""
    return _made(VarianceInverseGamma, reason, shape=shape, scale=scale)


@checked
def precision_gamma(shape: float, rate: float, *, reason: str = NO_REASON) -> PrecisionGamma:
    """Of a between-site SD: 1 / variance is gamma, as in many WinBUGS programs."""
    return _made(PrecisionGamma, reason, shape=shape, rate=rate)


@checked
def precision_uniform(upper: float, lower: float = 0.0, *, reason: str = NO_REASON) -> PrecisionUniform:
    """Of a between-site SD: 1 / variance is uniform from `lower` to `upper`."""
    return _made(PrecisionUniform, reason, lower=lower, upper=upper)


@checked
def uniform_shrinkage(scale: float, *, reason: str = NO_REASON) -> UniformShrinkage:
    """Of a between-site SD: how far it shrinks a site whose standard error is `scale` is uniform from 0 to 1."""
    return _made(UniformShrinkage, reason, scale=scale)


@checked
def dumouchel(scale: float, *, reason: str = NO_REASON) -> DuMouchel:
    """Of a between-site SD: DuMouchel's prior, heavier in the tail than `uniform_shrinkage`."""
    return _made(DuMouchel, reason, scale=scale)
