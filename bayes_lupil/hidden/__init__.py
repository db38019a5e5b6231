"""Trials known by their margins: what the counts that were never published could do to the answer."""

from bayes_lupil.hidden.analysis import HiddenAnalysis, analyse_hidden
from bayes_lupil.hidden.counts import HiddenCounts, hidden_counts
from bayes_lupil.hidden.path import margins_path, path_frame

__all__ = ["HiddenAnalysis", "HiddenCounts", "analyse_hidden", "hidden_counts", "margins_path", "path_frame"]
