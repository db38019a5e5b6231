"""Trials known by their margins: what the counts that were never published could do to the answer."""

from bayes_lupil.unpublished.alternatives import Supposed, alternatives_frame, margins_alternatives
from bayes_lupil.unpublished.analysis import UnpublishedAnalysis, analyse_unpublished
from bayes_lupil.unpublished.counts import UnpublishedCounts, unpublished_counts
from bayes_lupil.unpublished.exclusion import margins_path, path_frame
from bayes_lupil.unpublished.retention import WhoStayed, kept_frame, who_stayed

__all__ = [
    "Supposed",
    "UnpublishedAnalysis",
    "UnpublishedCounts",
    "WhoStayed",
    "alternatives_frame",
    "analyse_unpublished",
    "kept_frame",
    "margins_alternatives",
    "margins_path",
    "path_frame",
    "unpublished_counts",
    "who_stayed",
]
