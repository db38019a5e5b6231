"""What every question of sensitivity needs of a posterior: soundness, its own trial, likelihoods of single sites."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.errors import InputError, UnsupportedModelError
from bayes_lupil.posterior import Posterior
from bayes_lupil.trials.trial import Trial

__all__ = ["check", "site_log_likelihood"]

Floats = NDArray[np.float64]


def check(posterior: Posterior, trial: Trial) -> None:
    """Refuse a posterior of another trial, of a continuous end point, and one whose diagnostics failed."""
    if trial.end_point.kind != "binary":
        raise UnsupportedModelError(
            f"trial '{trial.name}'", f"the continuous end point '{trial.end_point.name}'", "a binary one"
        )
    if trial.data_hash != posterior.provenance.data_hash:
        raise InputError(
            f"trial '{trial.name}'",
            "data other than the posterior's",
            f"the trial fitted, '{posterior.provenance.trial}'",
        )
    if not posterior.verdict.ok:
        raise InputError("posterior", posterior.verdict.text, "one whose diagnostics are sound")


def site_log_likelihood(posterior: Posterior, trial: Trial) -> Floats:
    """Log likelihood of each site, its own effects integrated out, shape (draws, sites)."""
    check(posterior, trial)
    group = posterior.data.children.get("site_log_likelihood")
    if group is None or posterior.spec.sites.pooled:
        raise UnsupportedModelError(
            f"model '{posterior.spec.name}'",
            "no likelihood of single sites",
            "a model with sites and a trial whose site table is known",
        )
    values = np.asarray(group["y"].values, dtype=float)
    return values.reshape(-1, values.shape[-1])
