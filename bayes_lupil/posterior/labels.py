"""What the variables of a result are, in words and units, as attributes by which xarray and ArviZ label their plots."""

from __future__ import annotations

import xarray as xr

from bayes_lupil.posterior.estimands import ESTIMANDS
from bayes_lupil.spec import ModelSpec
from bayes_lupil.trials.end_point import EndPoint

__all__ = ["label"]

_LOG_ODDS, _SHARE, _PATIENTS = "log odds", "proportion", "patients"
_UNITS_OF_ESTIMANDS = {
    **{name: _SHARE for name in ESTIMANDS if name.startswith("risk_") and name != "risk_ratio"},
    **{name: _LOG_ODDS for name in ESTIMANDS if "log_odds_ratio" in name},
}
_SAMPLER = {
    "diverging": "whether the trajectory diverged",
    "tree_depth": "depth of the trajectory's tree",
    "n_steps": "steps of the trajectory",
    "energy": "energy",
    "lp": "log joint density",
    "point": "number of the importance point",
}
_DIAGNOSTICS = {
    "pareto_k": "Pareto k-hat of the importance weights",
    "importance_ess": "effective number of importance points",
    "points": "importance points",
    "halves_difference": "difference of two halves of the points, in Monte Carlo errors",
    "nodes": "nodes of the quadrature",
    "quadrature_error": "largest error of the log density by quadrature",
    "failed_integrals": "integrals that failed",
    "log_evidence": "log evidence",
    "log_evidence_mcse": "Monte Carlo error of the log evidence",
    "at_limit": "draws at the limit of what numbers hold",
}
Words = tuple[str, str]


def label(tree: xr.DataTree, spec: ModelSpec, end_point: EndPoint) -> None:
    """Give every variable of a result a long_name, and units where it has any.

    Parameters
    ----------
    tree : xarray.DataTree
        Its attributes are changed.
    spec : ModelSpec
    end_point : EndPoint
    """
    words = _quantities(spec, end_point)
    for path, group in tree.children.items():
        for name, variable in group.variables.items():
            if name in group.coords:
                continue
            long_name, units = _words(str(path), str(name), words)
            if name not in words and "long_name" in variable.attrs:  # as of a covariate, from its data
                continue
            variable.attrs["long_name"] = long_name
            if units:
                variable.attrs["units"] = units


def _words(group: str, name: str, quantities: dict[str, Words]) -> Words:
    """Name and units of a variable; the name itself where nothing is known of it."""
    known, units = quantities.get(name, (name, ""))
    match group:
        case "log_likelihood":
            return "log likelihood of each observation", ""
        case "site_log_likelihood":
            return "log likelihood of each site, its effects integrated out", ""
        case "log_prior":
            return f"log prior density of the {known}", ""
        case "outliers" if name == "outlier_country":
            return "probability that the country is outlying", _SHARE
        case "outliers":
            return f"probability that the site is {'outlying' if name == 'outlier' else 'not exchangeable'}", _SHARE
        case "sample_stats":
            return _SAMPLER.get(name, name), ""
        case "diagnostics":
            return _DIAGNOSTICS.get(name, name.replace("_", " ")), ""
    return known, units


def _quantities(spec: ModelSpec, end_point: EndPoint) -> dict[str, Words]:
    """Parameters, derived quantities and data by name."""
    unit = end_point.unit if spec.continuous else _LOG_ODDS
    level, effect = ("mean", "mean difference") if spec.continuous else ("log odds", "log odds ratio")
    at = {"fixed": "at each site", "pooled": "over all sites"}
    where = [at.get(pooling, "at an average site") for pooling in (spec.sites.intercepts, spec.sites.effects)]
    alike = "" if spec.covariates is None else " given covariates"
    where = [f"{words}{alike}" for words in where]
    of_level = (
        f"{level} in the control arm" if spec.sites.coding == "reference" else f"{level}, midway between the arms,"
    )
    kind = "not exchangeable" if spec.sites.distribution == "exnex" else "outlying"
    of_sites, of_countries = (
        "scale" if above is not None and above.distribution == "student_t" else "SD"
        for above in (spec.sites, spec.countries)
    )
    estimand_unit = end_point.unit if spec.continuous else ""
    scale = end_point.unit if end_point.kind == "estimate" else effect
    return {
        "alpha": (f"{of_level} {where[0]}", unit),
        "beta": (f"{scale} {where[1]}, active minus control", unit),
        "se": ("standard error of the estimate", ""),
        "tau_u": (f"{of_sites} over sites of the {level}", unit),
        "tau_v": (f"{of_sites} over sites of the {effect}", unit),
        "tau_c": (f"{of_countries} over countries of the log odds", unit),
        "tau_d": (f"{of_countries} over countries of the log odds ratio", unit),
        "country_outlier_share": ("share of countries that are outlying", _SHARE),
        "c": ("effect of the country on the log odds", unit),
        "d": ("effect of the country on the log odds ratio", unit),
        "u": (f"site effect on the {level}", unit),
        "v": (f"site effect on the {effect}", unit),
        "correlation": ("correlation of site effects on level and treatment effect", ""),
        "df": ("degrees of freedom of the site effects", ""),
        "outlier_share": (f"share of sites that are {kind}", _SHARE),
        "gamma": ("slope on the baseline", ""),
        "sigma": ("scale of the errors within a site and arm", unit),
        "error_df": ("degrees of freedom of the errors", ""),
        "site_share": ("share of the patients at each site", _SHARE),
        "retention": ("probability of being in the published subset", _SHARE),
        "p": ("response probability", _SHARE),
        "mean": (f"mean of {end_point.label}", unit),
        "y": (end_point.label, unit) if spec.continuous else ("responders", _PATIENTS),
        "n": ("patients of each site and arm", _PATIENTS),
        "count": ("patients of each class", _PATIENTS),
        "site_index": ("number of the patient's site", ""),
        "arm_index": ("number of the patient's arm", ""),
        "baseline": ("value at baseline", unit),
        **{
            name: (
                f"{words}{alike}" if "log_odds_ratio" in name else words,
                _UNITS_OF_ESTIMANDS.get(name, "" if name == "standardised_difference" else estimand_unit),
            )
            for name, words in ESTIMANDS.items()
        },
    }
