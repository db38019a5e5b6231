"""Several active arms against one control, in one model."""

from bayes_lupil.arms.analysis import compare_arms
from bayes_lupil.arms.result import ArmRow, ArmsAnalysis
from bayes_lupil.arms.table import ArmsTable, arms_table

__all__ = ["ArmRow", "ArmsAnalysis", "ArmsTable", "arms_table", "compare_arms"]
