"""All figures, drawn on Matplotlib figures of their own (no global state, any backend)."""

from bayes_lupil.report.figures.endpoints import figure_further, figure_hierarchy, figure_tipping
from bayes_lupil.report.figures.hidden import figure_hidden_counts
from bayes_lupil.report.figures.look import site_figures_of
from bayes_lupil.report.figures.path import figure_exclusion_path
from bayes_lupil.report.figures.predictive import figure_predictive
from bayes_lupil.report.figures.prior import figure_prior_posterior, figure_prior_predictive
from bayes_lupil.report.figures.prior_map import figure_prior_map
from bayes_lupil.report.figures.ranks import figure_ranks, has_ranks
from bayes_lupil.report.figures.reanalysis import (
    figure_benefit_curve,
    figure_intervals,
    figure_risk_difference,
    figure_shrinkage,
    figures_of,
)
from bayes_lupil.report.figures.sites import figure_caterpillar, figure_outliers

__all__ = [
    "figure_benefit_curve",
    "figure_caterpillar",
    "figure_exclusion_path",
    "figure_further",
    "figure_hidden_counts",
    "figure_hierarchy",
    "figure_intervals",
    "figure_outliers",
    "figure_predictive",
    "figure_prior_map",
    "figure_prior_posterior",
    "figure_prior_predictive",
    "figure_ranks",
    "figure_risk_difference",
    "figure_shrinkage",
    "figure_tipping",
    "figures_of",
    "has_ranks",
    "site_figures_of",
]
