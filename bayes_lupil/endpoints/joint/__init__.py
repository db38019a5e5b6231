"""All end points of a hierarchy in one model: P(this end point and all above it)."""

from bayes_lupil.endpoints.joint.posterior import JointPosterior, fit_joint

__all__ = ["JointPosterior", "fit_joint"]
