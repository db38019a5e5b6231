"""Priors: families with a reason each, in SciPy and in PyMC."""

from bayes_lupil.priors.base import Prior
from bayes_lupil.priors.families import (
    LKJ,
    Beta,
    DfPrior,
    Dirichlet,
    Exponential,
    HalfCauchy,
    HalfNormal,
    HalfStudentT,
    LocationPrior,
    LogNormal,
    Normal,
    ScalePrior,
    StudentT,
    Uniform,
)
from bayes_lupil.priors.gammas import Gamma, PrecisionGamma

__all__ = [
    "LKJ",
    "Beta",
    "DfPrior",
    "Dirichlet",
    "Exponential",
    "Gamma",
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
