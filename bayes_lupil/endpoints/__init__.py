"""The hierarchy of end points from patient data: tests, gates, P(benefit), missing values, exploratory end points."""

from bayes_lupil.endpoints.analysis import analyse_end_points
from bayes_lupil.endpoints.floor_and_ceiling import check_limits
from bayes_lupil.endpoints.joint.data import JointData, JointOutcome
from bayes_lupil.endpoints.joint.posterior import JointPosterior, fit_joint
from bayes_lupil.endpoints.probability_bounds import Bounds, cumulative_bounds, frechet
from bayes_lupil.endpoints.result import EndPointAnalysis, Step

__all__ = [
    "Bounds",
    "EndPointAnalysis",
    "JointData",
    "JointOutcome",
    "JointPosterior",
    "Step",
    "analyse_end_points",
    "check_limits",
    "cumulative_bounds",
    "fit_joint",
    "frechet",
]
