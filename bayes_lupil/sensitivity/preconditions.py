"""What every question of sensitivity needs of a posterior: soundness, what its sites are worth alone.

And of priors: whether draws under the one can stand for draws under the other.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.errors import DiagnosticsError, TrialError, UnsupportedModelError
from bayes_lupil.likelihoods.base import refuse_countries, refuse_covariates
from bayes_lupil.posterior import Posterior
from bayes_lupil.priors import Dirichlet, EffectOnRisk, Prior
from bayes_lupil.trials.cells import Cells

__all__ = [
    "MAX_LOG_RATIO", "check", "covers", "covers_power", "site_log_likelihood", "site_table_of",
    "why_not_without",
]  # fmt: skip

Floats = NDArray[np.float64]

MAX_LOG_RATIO = float(np.log(1000))
"""Of a new prior's density over the old one's: what is heavier in a tail than this is never reached by reweighting."""
_WITHOUT_QUANTILES = (Dirichlet, EffectOnRisk)  # of one number that depends on no other: never reweighted
_Z = np.linspace(-7.034484, 7.034484, 400)  # standard normal quantiles from 1e-12 to 1 - 1e-12


def check(posterior: Posterior) -> None:
    """Refuse a posterior of a continuous end point, and one whose diagnostics failed."""
    source = posterior.provenance
    if source.end_point.kind != "binary":
        raise UnsupportedModelError(
            f"trial '{source.trial}'", f"the continuous end point '{source.end_point.name}'", "a binary one"
        )
    if not posterior.verdict.ok:
        raise DiagnosticsError(f"fit '{posterior.spec.name}'", posterior.verdict.text)


def site_log_likelihood(posterior: Posterior) -> Floats:
    """Log likelihood of each site, its own effects integrated out, shape (draws, sites)."""
    check(posterior)
    refuse_countries(posterior.spec)
    group = posterior.data.children.get("site_log_likelihood")
    if group is None or posterior.spec.sites.pooled:
        raise UnsupportedModelError(
            f"model '{posterior.spec.name}'",
            "no likelihood of single sites",
            "a model with sites and a trial whose site table is known",
        )
    values = np.asarray(group["y"].values, dtype=float)
    return values.reshape(-1, values.shape[-1])


def site_table_of(posterior: Posterior, purpose: str) -> Cells:
    """The table of the sites analysed, also where the model pools them; refused where there is none, or by `check`.

    Parameters
    ----------
    purpose : str
        What it is needed for, as after 'one, to'.
    """
    check(posterior)
    refuse_countries(posterior.spec)
    refuse_covariates(posterior.spec)
    data = posterior.analysis_set.data
    if not isinstance(data, Cells) or not data.sites_known:
        where = f"population '{posterior.spec.population}' of trial '{posterior.provenance.trial}'"
        raise UnsupportedModelError(where, "no site table", f"one, to {purpose}")
    return data


def why_not_without(posterior: Posterior, sites: tuple[str, ...]) -> str:
    """Why there is no trial without these sites; empty where there is one."""
    spec = posterior.spec
    try:
        posterior.trial.analysis_set(spec.population, (*spec.without_sites, *sites))
    except TrialError as problem:
        return problem.found
    return ""


def covers(old: Prior, new: Prior) -> bool:
    """Whether draws under one prior may be reweighted to another: wherever the new one is, the old one is too.

    The ratio of the densities must be at most 1,000 between the quantiles 1e-12 and 1 - 1e-12 of the new prior,
    whatever the draws are: weights are blind to what lies beyond a bound of the old prior, and to a tail without draws.

    Examples
    --------
    >>> from bayes_lupil.priors import Normal, Uniform
    >>> wide, narrow = (Normal(mean=0, sd=sd, reason="an example") for sd in (1.0, 0.5))
    >>> covers(wide, narrow), covers(narrow, wide)
    (True, False)
    >>> covers(Uniform(lower=0, upper=1, reason="an example"), narrow)
    False
    """
    if old.model_copy(update={"reason": ""}) == new.model_copy(update={"reason": ""}):
        return True
    if isinstance(old, _WITHOUT_QUANTILES) or isinstance(new, _WITHOUT_QUANTILES):
        return False
    at = new.from_normal(_Z)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        there = new.logpdf(at)
        ratio = there - old.logpdf(at)
    return bool((ratio[there > -np.inf] <= MAX_LOG_RATIO).all())


def covers_power(prior: Prior, power: float) -> bool:
    """Whether draws under a prior may be reweighted to that prior raised to a power, as `covers`."""
    if power >= 1:
        return True
    if isinstance(prior, _WITHOUT_QUANTILES):
        return False
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        fall = prior.logpdf(prior.from_normal(0.0)) - prior.logpdf(prior.from_normal(_Z))
    return bool(((1 - power) * fall <= MAX_LOG_RATIO).all())
