"""Priors: families with a reason each, in SciPy and in PyMC."""

from bayes_lupil.priors.averaged import Averaged, Univariate
from bayes_lupil.priors.base import Prior
from bayes_lupil.priors.choices import DfPrior, EffectPrior, LevelPrior, LocationPrior, ScalePrior
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
from bayes_lupil.priors.risks import ControlRiskBeta, EffectOnRisk, LogRiskRatioNormal, RiskDifferenceNormal
from bayes_lupil.priors.shrinkage import DuMouchel, UniformShrinkage, typical_error
from bayes_lupil.priors.variances import (
    PrecisionGamma,
    PrecisionUniform,
    VarianceHalfNormal,
    VarianceInverseGamma,
    VarianceUniform,
)

__all__ = [
    "LKJ",
    "Averaged",
    "Beta",
    "ControlRiskBeta",
    "DfPrior",
    "Dirichlet",
    "DuMouchel",
    "EffectOnRisk",
    "EffectPrior",
    "Exponential",
    "Gamma",
    "HalfCauchy",
    "HalfNormal",
    "HalfStudentT",
    "LevelPrior",
    "LocationPrior",
    "LogNormal",
    "LogRiskRatioNormal",
    "Normal",
    "PrecisionGamma",
    "PrecisionUniform",
    "Prior",
    "RiskDifferenceNormal",
    "ScalePrior",
    "StudentT",
    "Uniform",
    "UniformShrinkage",
    "Univariate",
    "VarianceHalfNormal",
    "VarianceInverseGamma",
    "VarianceUniform",
    "typical_error",
]
