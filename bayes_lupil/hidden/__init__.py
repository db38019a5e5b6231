"""Trials known by their margins: what the counts that were never published could do to the answer."""

from bayes_lupil.hidden.alternatives import Supposed, alternatives_frame, margins_alternatives
from bayes_lupil.hidden.analysis import HiddenAnalysis, analyse_hidden
from bayes_lupil.hidden.counts import HiddenCounts, hidden_counts
from bayes_lupil.hidden.path import margins_path, path_frame
from bayes_lupil.hidden.retention import WhoStayed, kept_frame, who_stayed

__all__ = [
    "HiddenAnalysis",
    "HiddenCounts",
    "Supposed",
    "WhoStayed",
    "alternatives_frame",
    "analyse_hidden",
    "hidden_counts",
    "kept_frame",
    "margins_alternatives",
    "margins_path",
    "path_frame",
    "who_stayed",
]
