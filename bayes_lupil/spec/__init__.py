"""What a model file may say: one complete, prespecified analysis. All defaults of the package live in this room."""

from bayes_lupil.spec.countries import Countries
from bayes_lupil.spec.covariates import Covariates
from bayes_lupil.spec.library import (
    builtin_models,
    builtin_plans,
    country_models,
    end_point_models,
    is_model,
    is_plan,
    load_model,
    load_models,
    model,
    model_path,
    model_schema,
    site_models,
)
from bayes_lupil.spec.model import ModelSpec
from bayes_lupil.spec.plan import Plan, PlannedEndPoint, load_plan
from bayes_lupil.spec.sites import Sites
from bayes_lupil.spec.tables import Decision, Errors, Priors, Sampler

__all__ = [
    "Countries",
    "Covariates",
    "Decision",
    "Errors",
    "ModelSpec",
    "Plan",
    "PlannedEndPoint",
    "Priors",
    "Sampler",
    "Sites",
    "builtin_models",
    "builtin_plans",
    "country_models",
    "end_point_models",
    "is_model",
    "is_plan",
    "load_model",
    "load_models",
    "load_plan",
    "model",
    "model_path",
    "model_schema",
    "site_models",
]
