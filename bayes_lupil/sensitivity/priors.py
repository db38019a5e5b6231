"""Another prior, and prior or likelihood raised to a power."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from bayes_lupil.arguments import checked
from bayes_lupil.engines import margins, quadrature
from bayes_lupil.errors import InputError, UnsupportedModelError
from bayes_lupil.fitting import fit
from bayes_lupil.likelihoods import MarginsLikelihood
from bayes_lupil.posterior import Posterior
from bayes_lupil.posterior.own_trial import own_trial
from bayes_lupil.priors import Prior
from bayes_lupil.sensitivity.preconditions import check, covers, covers_power, site_log_likelihood
from bayes_lupil.sensitivity.reweighting import BaseDraws, Changed, WeightedDraws, of_refit, summary

__all__ = ["change_prior", "power_scale"]


@own_trial
@checked
def change_prior(posterior: Posterior, **priors: Prior | dict[str, Any]) -> Changed:
    """The posterior under other priors: draws reweighted, or the model fitted again where they cannot stand for that.

    Draws never stand for a prior that reaches further than the one they were made under (see
    `bayes_lupil.sensitivity.preconditions.covers`).

    Parameters
    ----------
    priors
        By the name of the parameter: as the functions of `bayes_lupil.priors` make them, for example
        ``tau_v=priors.half_normal(1)``, or as in a model file.

    Raises
    ------
    ModelError
        For a prior that a model file may not have.
    """
    check(posterior)
    spec = posterior.spec.edited(**{f"priors__{name}": value for name, value in priors.items()})
    old, new = dict(posterior.spec.priors.items()), dict(spec.priors.items())
    label = "; ".join(f"{name} ~ {new[name].describe()}" for name in priors)
    drawn = posterior.data["posterior"].data_vars
    # shares and retention play no part where the table of sites is known; other priors may be of what was summed out
    idle = () if posterior.provenance.resolution == "margins" else ("site_shares", "retention")
    used = [name for name in priors if name not in idle]
    if not all(name in drawn and covers(old[name], new[name]) for name in used):
        return of_refit(fit(spec, posterior.trial), label, np.nan)
    base = BaseDraws(posterior)
    log_ratio = np.zeros(base.size)
    for name in used:
        draws = posterior.draws(name)
        density = new[name].logpdf(draws) - old[name].logpdf(draws)
        log_ratio += density.reshape(base.size, -1).sum(axis=1)  # one for each site where a parameter is 'fixed'
    weighted = WeightedDraws(base, log_ratio)
    return summary(weighted, label) or of_refit(fit(spec, posterior.trial), label, weighted.k_hat)


@own_trial
@checked
def power_scale(posterior: Posterior, *, prior: float = 1.0, likelihood: float = 1.0) -> Changed:
    """The posterior with the prior of the shared parameters, or the sites' marginal likelihood, raised to a power.

    Powers a little above and below 1 show how much each of them matters. Site effects given the shared parameters keep
    their distribution. Of published margins, whose sites cannot be integrated out one by one, the power is that of the
    likelihood given site effects and the sites' shares.

    Raises
    ------
    InputError
        For a power that is not positive.
    UnsupportedModelError
        Where every site has an effect of its own: no shared parameter carries it, so that nothing would change.
    """
    for name, value in (("prior", prior), ("likelihood", likelihood)):
        if not 0 < value < np.inf:
            raise InputError(f"power of the {name}", f"{value:g}", "a positive number")
    if posterior.spec.sites.effects == "fixed":
        raise UnsupportedModelError(
            f"model '{posterior.spec.name}'", "a treatment effect for each site", "one that the sites share"
        )
    model = posterior.likelihood
    if isinstance(model, MarginsLikelihood):
        from scipy.special import logit

        check(posterior)
        log_odds = np.clip(logit(posterior.draws("p").reshape(-1, model.margins.n_sites, 2)), -40, 40)
        by_draw = model.log_integrated(posterior.draws("site_share").reshape(log_odds.shape[:2]), log_odds)
        shared, sample = [item for item in model.parameters if not item.dims], partial(margins.sample, model)
    else:
        by_draw = site_log_likelihood(posterior).sum(axis=1)
        assert model.site_marginal is not None  # there is a site log likelihood
        shared, sample = list(model.site_marginal.parameters), partial(quadrature.sample, model)
    log_ratio = (likelihood - 1) * by_draw
    theta = {item.name: posterior.draws(item.name).ravel() for item in shared}
    for item in shared:
        log_ratio += (prior - 1) * item.logpdf(theta)
    covered = all(covers_power(item.prior, prior) for item in shared)
    label = f"prior^{prior:g}, likelihood^{likelihood:g}"
    weighted = WeightedDraws(BaseDraws(posterior), log_ratio, covered)
    if (found := summary(weighted, label)) is not None:
        return found
    draws = sample(likelihood_power=likelihood, prior_power=prior)
    return of_refit(Posterior.from_draws(model, draws, posterior.trial, alone=True), label, weighted.k_hat)
