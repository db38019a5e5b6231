"""Several active arms against one control, in one model."""

from bayes_lupil.arms.analysis import ArmRow, ArmsAnalysis, compare_arms
from bayes_lupil.arms.table import ArmsTable, arms_table

__all__ = ["ArmRow", "ArmsAnalysis", "ArmsTable", "arms_table", "compare_arms"]
