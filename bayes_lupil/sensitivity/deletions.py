"""Sites taken away one at a time: weights, or fits, that lead to the posterior without each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.engines.importance import smooth_weights
from bayes_lupil.fitting import fit
from bayes_lupil.likelihoods import build_likelihood
from bayes_lupil.posterior import Posterior
from bayes_lupil.sensitivity.inputs import site_log_likelihood
from bayes_lupil.sensitivity.weighted import Changed, Estimate, carries, of_refit, weighted
from bayes_lupil.trials.trial import Trial

__all__ = ["Deletion", "deletions", "leave_one_site_out"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Deletion:
    """The way to the posterior without a site: weights of the draws, a fit without it, or neither.

    Attributes
    ----------
    site : str
    k_hat : float
        Of the weights.
    weights, difference : array, shape (draws,), or None
        Weights that sum to 1, and the risk difference over the patients of the other sites; None where weights do not
        carry the change.
    refit : Posterior or None
        The model fitted without the site; None where the weights carry, or where no fit was wanted.
    """

    site: str
    k_hat: float
    weights: Floats | None = None
    difference: Floats | None = None
    refit: Posterior | None = None

    def changed(self, posterior: Posterior) -> Changed:
        """The summaries; NaN where there are neither weights nor a fit."""
        label = f"without site {self.site}"
        if self.weights is not None:
            return weighted(posterior, label, self.weights, self.k_hat, self.difference)
        if self.refit is not None:
            return of_refit(self.refit, label, self.k_hat)
        nothing = {"risk_difference": Estimate(*[np.nan] * 6)}
        return Changed(label, nothing, np.nan, np.nan, self.k_hat, np.nan, refitted=False, ok=False)


def deletions(posterior: Posterior, trial: Trial, refit: bool = True) -> Iterator[Deletion]:
    """Each site in turn taken away, one at a time in memory; arguments and errors as of `leave_one_site_out`."""
    by_site = site_log_likelihood(posterior, trial)
    likelihood, spec = build_likelihood(posterior.spec, trial), posterior.spec
    p, shares = posterior.draws("p").reshape(len(by_site), -1, 2), np.asarray(likelihood.site_weights({}))
    each = (p[..., 1] - p[..., 0]) * shares
    whole = each.sum(axis=1)
    for s, name in enumerate(likelihood.site_names):
        weights, k_hat = smooth_weights(-by_site[:, s])
        if carries(posterior, weights, k_hat):
            yield Deletion(name, k_hat, weights, (whole - each[:, s]) / (1 - shares[s]))
        elif refit:
            without = spec.edited(without_sites=[*spec.without_sites, name])
            yield Deletion(name, k_hat, refit=fit(without, trial))
        else:
            yield Deletion(name, k_hat)


def leave_one_site_out(posterior: Posterior, trial: Trial) -> tuple[Changed, ...]:
    """The posterior without each site in turn; the risk difference is then over the patients of the other sites.

    Parameters
    ----------
    posterior : Posterior
        Of a model with sites, from either engine.
    trial : Trial
        The trial it was fitted to.

    Raises
    ------
    UnsupportedModelError
        Where the trial has no site table, or the model no sites.
    InputError
        Where the posterior is of another trial, or its diagnostics failed.
    """
    return tuple(deletion.changed(posterior) for deletion in deletions(posterior, trial))
