"""Bayesian reanalysis of multicentre randomised trials.

Public names are loaded on first use, because PyMC and ArviZ take seconds to import.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from bayes_lupil.version import __version__ as __version__

if TYPE_CHECKING:
    from bayes_lupil import (
        arms,
        az,
        endpoints,
        outcomes,
        priors,
        published,
        report,
        sensitivity,
        sites,
        subgroups,
        unpublished,
    )
    from bayes_lupil.arms import compare_arms
    from bayes_lupil.endpoints import analyse_end_points
    from bayes_lupil.errors import BayesLupilError
    from bayes_lupil.fitting import fit, pymc_model
    from bayes_lupil.frequentist import trial_hierarchy
    from bayes_lupil.outcomes import Outcomes, read_outcomes, synthetic_patients
    from bayes_lupil.posterior import Posterior
    from bayes_lupil.published.many import benefit_many
    from bayes_lupil.published.rereading import benefit
    from bayes_lupil.reanalysis import reanalyse
    from bayes_lupil.report import figures, write_end_points, write_fit, write_reanalysis, write_sites
    from bayes_lupil.report.arms.page import write_arms
    from bayes_lupil.report.published.page import write_benefit
    from bayes_lupil.report.subgroups.page import write_subgroups
    from bayes_lupil.site_analysis import analyse
    from bayes_lupil.sites import analyse_sites, country_table
    from bayes_lupil.spec import (
        ModelSpec,
        Plan,
        builtin_models,
        builtin_plans,
        load_model,
        load_models,
        load_plan,
        model,
        site_models,
    )
    from bayes_lupil.subgroups import subgroup_effects
    from bayes_lupil.trials import (
        Arms,
        Cells,
        EndPoint,
        Margins,
        Measurements,
        Patients,
        Trial,
        builtin_trials,
        load_comparisons,
        load_trial,
    )
    from bayes_lupil.trials.from_print import from_estimate
    from bayes_lupil.unpublished import analyse_unpublished

_HOMES = {
    "analyse": "site_analysis", "analyse_end_points": "endpoints", "analyse_sites": "sites",
    "analyse_unpublished": "unpublished", "Arms": "trials", "BayesLupilError": "errors",
    "benefit": "published.rereading", "benefit_many": "published.many", "builtin_models": "spec",
    "builtin_plans": "spec", "builtin_trials": "trials", "Cells": "trials", "compare_arms": "arms",
    "country_table": "sites", "EndPoint": "trials", "fit": "fitting",
    "from_estimate": "trials.from_print", "load_comparisons": "trials", "load_model": "spec", "load_models": "spec",
    "load_plan": "spec", "load_trial": "trials", "Margins": "trials", "Measurements": "trials", "model": "spec",
    "ModelSpec": "spec", "Outcomes": "outcomes", "Patients": "trials", "Plan": "spec", "Posterior": "posterior",
    "pymc_model": "fitting", "read_outcomes": "outcomes", "reanalyse": "reanalysis", "site_models": "spec",
    "subgroup_effects": "subgroups", "synthetic_patients": "outcomes", "Trial": "trials",
    "trial_hierarchy": "frequentist",
    "write_arms": "report.arms.page", "write_benefit": "report.published.page", "write_end_points": "report",
    "write_fit": "report", "write_reanalysis": "report", "write_sites": "report",
    "write_subgroups": "report.subgroups.page",
}  # fmt: skip

_MODULES = {
    "arms": "bayes_lupil.arms",
    "az": "bayes_lupil.az",
    "endpoints": "bayes_lupil.endpoints",
    "figures": "bayes_lupil.report.figures",
    "hidden": "bayes_lupil.hidden",
    "outcomes": "bayes_lupil.outcomes",
    "priors": "bayes_lupil.priors",
    "published": "bayes_lupil.published",
    "report": "bayes_lupil.report",
    "sensitivity": "bayes_lupil.sensitivity",
    "sites": "bayes_lupil.sites",
    "subgroups": "bayes_lupil.subgroups",
    "unpublished": "bayes_lupil.unpublished",
}

__all__ = [
    "Arms", "BayesLupilError", "Cells", "EndPoint", "Margins", "Measurements", "ModelSpec", "Outcomes", "Patients",
    "Plan", "Posterior", "Trial", "analyse", "analyse_end_points", "analyse_sites", "analyse_unpublished", "arms", "az",
    "benefit", "benefit_many", "builtin_models", "builtin_plans", "builtin_trials", "compare_arms",
    "country_table", "endpoints", "figures", "fit",
    "from_estimate", "load_comparisons", "load_model", "load_models", "load_plan", "load_trial", "model",
    "outcomes", "priors", "published", "pymc_model", "read_outcomes", "reanalyse", "report", "sensitivity",
    "site_models", "sites", "subgroup_effects", "subgroups", "synthetic_patients", "trial_hierarchy", "unpublished",
    "write_arms", "write_benefit", "write_end_points", "write_fit", "write_reanalysis", "write_sites",
    "write_subgroups",
]  # fmt: skip

if sys.flags.optimize > 1:  # python -OO: ArviZ adds to docstrings of its functions as it runs, and there are none
    from arviz_stats.base import stats_utils as _stats_utils

    _stats_utils.update_docstring = lambda *_, **__: None


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(_MODULES[name])
    if name in _HOMES:
        return getattr(import_module(f"bayes_lupil.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'bayes_lupil' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
