"""Priors: families with a reason each, in SciPy and in PyMC."""

from bayes_lupil.priors.base import Prior
from bayes_lupil.priors.families import (
    LKJ,
    Beta,
    Dirichlet,
    Exponential,
    HalfCauchy,
    HalfNormal,
    HalfStudentT,
    LocationPrior,
    LogNormal,
    Normal,
    PrecisionGamma,
    ScalePrior,
    StudentT,
    Uniform,
)

__all__ = [
    "LKJ",
    "Beta",
    "Dirichlet",
    "Exponential",
    "HalfCauchy",
    "HalfNormal",
    "HalfStudentT",
    "LocationPrior",
    "LogNormal",
    "Normal",
    "PrecisionGamma",
    "Prior",
    "ScalePrior",
    "StudentT",
    "Uniform",
]
