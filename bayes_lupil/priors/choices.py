"""Which families a parameter of a model file may have."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bayes_lupil.priors.families import (
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

__all__ = ["DfPrior", "EffectPrior", "LevelPrior", "LocationPrior", "ScalePrior"]

LocationPrior = Annotated[Normal | StudentT | Uniform, Field(discriminator="family")]
"""What a slope or a mean can have."""

LevelPrior = Annotated[Normal | StudentT | Uniform | ControlRiskBeta, Field(discriminator="family")]
"""What a log odds can have."""

EffectPrior = Annotated[
    Normal | StudentT | Uniform | LogRiskRatioNormal | RiskDifferenceNormal, Field(discriminator="family")
]
"""What a log odds ratio can have."""

ScalePrior = Annotated[
    HalfNormal
    | HalfStudentT
    | HalfCauchy
    | Exponential
    | LogNormal
    | Uniform
    | VarianceUniform
    | VarianceHalfNormal
    | VarianceInverseGamma
    | PrecisionGamma
    | PrecisionUniform
    | UniformShrinkage
    | DuMouchel,
    Field(discriminator="family"),
]
"""What a between-site standard deviation can have."""

DfPrior = Annotated[Gamma | Uniform, Field(discriminator="family")]
"""What the degrees of freedom of Student-t site effects can have."""
