"""Sites taken away one at a time: weights, or fits, that lead to the posterior without each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.arguments import checked
from bayes_lupil.cards import Brief
from bayes_lupil.errors import SamplerError
from bayes_lupil.fitting import refit
from bayes_lupil.posterior import Posterior
from bayes_lupil.posterior.estimates import Estimate
from bayes_lupil.posterior.own_trial import own_trial
from bayes_lupil.sensitivity.preconditions import site_log_likelihood, why_not_without
from bayes_lupil.sensitivity.reweighting import BaseDraws, Changed, WeightedDraws, of_refit, summary

__all__ = ["Deletion", "deletions", "leave_one_site_out"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Deletion(Brief):
    """The way to the posterior without a site: weights of the draws, and a fit without it where they do not do.

    Attributes
    ----------
    site : str
    draws : WeightedDraws
        Of the posterior of all sites.
    difference, log_odds_ratio : array, shape (draws,)
        The risk difference over the patients of the other sites, and the conditional log odds ratio of these sites.
    may_refit : bool
        Whether a fit is wanted where the weights do not do.
    impossible : str
        Why there is no trial without the site; empty where there is one.
    """

    site: str
    draws: WeightedDraws
    difference: Floats
    log_odds_ratio: Floats | None = None
    may_refit: bool = True
    impossible: str = ""

    @cached_property
    def weighted(self) -> Changed | None:
        """Summaries of the weighted draws; None where they cannot stand for the posterior without the site."""
        return None if self.impossible else summary(self.draws, self.label, self.difference, self.log_odds_ratio)

    @property
    def refit(self) -> Posterior | None:
        """The model fitted without the site, at the first call; None where that is not wanted, or cannot be done."""
        return self._refitted[0]

    @cached_property
    def _refitted(self) -> tuple[Posterior | None, str]:
        """The fit, or why there is none."""
        if self.impossible or not self.may_refit:
            return None, self.impossible or "draws that cannot stand for it, and no fit was wanted"
        whole = self.draws.base.posterior
        spec = whole.spec
        try:
            return refit(spec.edited(without_sites=[*spec.without_sites, self.site]), whole.trial), ""
        except SamplerError as problem:
            return None, str(problem)

    @property
    def label(self) -> str:
        """In words."""
        return f"without site {self.site}"

    @cached_property
    def changed(self) -> Changed:
        """The summaries; NaN where there are neither weights that do nor a fit."""
        if self.weighted is not None:
            return self.weighted
        if self.refit is not None:
            return of_refit(self.refit, self.label, self.draws.k_hat)
        nothing, k_hat = {"risk_difference": Estimate(np.nan, np.nan)}, self.draws.k_hat
        why = self._refitted[1]
        return Changed(self.label, nothing, np.nan, np.nan, k_hat, np.nan, refitted=False, ok=False, reason=why)


def deletions(posterior: Posterior, refit: bool = True) -> Iterator[Deletion]:
    """Each site in turn taken away, one at a time in memory; arguments and errors as of `leave_one_site_out`."""
    by_site = site_log_likelihood(posterior)
    likelihood, spec = posterior.likelihood, posterior.spec
    p, shares = posterior.draws("p").reshape(len(by_site), -1, 2), np.asarray(likelihood.site_weights({}))
    each = (p[..., 1] - p[..., 0]) * shares
    whole, base = each.sum(axis=1), BaseDraws(posterior)
    own = posterior.draws("beta").reshape(len(by_site), -1) if spec.sites.effects == "fixed" else None
    for s, name in enumerate(likelihood.site_names):
        why = why_not_without(posterior, (name,))
        with np.errstate(divide="ignore", invalid="ignore"):
            difference = (whole - each[:, s]) / (1 - shares[s])
            # where each site has an effect of its own, the average is over the other sites, as in `estimands`
            average = None if own is None else (own @ shares - own[:, s] * shares[s]) / (1 - shares[s])
        impossible = why and f"not possible: {why}"
        yield Deletion(name, WeightedDraws(base, -by_site[:, s]), difference, average, refit, impossible)


@own_trial
@checked
def leave_one_site_out(posterior: Posterior) -> tuple[Changed, ...]:
    """The posterior without each site in turn; the risk difference is then over the patients of the other sites.

    A site without which an arm would have no patients has no such posterior: its `ok` is False, and `reason` says why.

    Parameters
    ----------
    posterior : Posterior
        Of a model with sites, from either engine.

    Raises
    ------
    UnsupportedModelError
        Where the trial has no site table, or the model no sites.
    InputError
        Where its diagnostics failed.
    """
    return tuple(deletion.changed for deletion in deletions(posterior))
