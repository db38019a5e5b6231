"""Sites one by one: how far each is shrunk, how outlying it is, how much it counts, what deleting it would assume."""

from bayes_lupil.sites.analysis import SiteAnalysis, analyse_sites
from bayes_lupil.sites.comparison import ModelComparison, compare_models
from bayes_lupil.sites.conflict import Conflicts, conflict_p_values
from bayes_lupil.sites.countries import CountryTable, country_table
from bayes_lupil.sites.exclusion import ExclusionPath, exclusion_path
from bayes_lupil.sites.influence import retained_weights, shrinkage_factors
from bayes_lupil.sites.posterior_predictive import PredictiveChecks, predicted_by_site, predictive_checks
from bayes_lupil.sites.table import SiteTable, site_table

__all__ = [
    "Conflicts",
    "CountryTable",
    "ExclusionPath",
    "ModelComparison",
    "PredictiveChecks",
    "SiteAnalysis",
    "SiteTable",
    "analyse_sites",
    "compare_models",
    "conflict_p_values",
    "country_table",
    "exclusion_path",
    "predicted_by_site",
    "predictive_checks",
    "retained_weights",
    "shrinkage_factors",
    "site_table",
]
