"""The frequentist side: tests and intervals for arms and sites, and the fixed-sequence hierarchy.

Importing this package loads NumPy only; scipy and statsmodels are loaded by the first call that needs them.
"""

from bayes_lupil.frequentist.adjusted_logistic import AdjustedContrast, AdjustedLogistic, adjusted_logistic
from bayes_lupil.frequentist.ancova import Ancova, MeanDifference, ancova
from bayes_lupil.frequentist.gatekeeping import Gate, Hypothesis, fixed_sequence
from bayes_lupil.frequentist.hierarchy import HierarchyRow, trial_hierarchy
from bayes_lupil.frequentist.linear_mixed import LinearMixed, linear_mixed
from bayes_lupil.frequentist.logistic import LogOddsRatio
from bayes_lupil.frequentist.mixed_logistic import MixedLogistic, mixed_logistic
from bayes_lupil.frequentist.nested_logistic import NestedLogistic, nested_logistic
from bayes_lupil.frequentist.stratified import ChiSquare, Stratified, stratified
from bayes_lupil.frequentist.two_by_two import Interval, TwoByTwo, two_by_two

__all__ = [
    "AdjustedContrast",
    "AdjustedLogistic",
    "Ancova",
    "ChiSquare",
    "Gate",
    "HierarchyRow",
    "Hypothesis",
    "Interval",
    "LinearMixed",
    "LogOddsRatio",
    "MeanDifference",
    "MixedLogistic",
    "NestedLogistic",
    "Stratified",
    "TwoByTwo",
    "adjusted_logistic",
    "ancova",
    "fixed_sequence",
    "linear_mixed",
    "mixed_logistic",
    "nested_logistic",
    "stratified",
    "trial_hierarchy",
    "two_by_two",
]
