"""What the posterior would be without a site, under another prior, or with prior or likelihood weighed differently.

Draws are reweighted, with Pareto-smoothed weights; where k-hat is above 0.7, or fewer than 400 draws would be left,
they cannot carry the change, and the model is fitted again. The site effects are integrated out, so a weight depends on
the few parameters that sites share, and leaving out a site is a small change (Merkle, Furr and Rabe-Hesketh 2019,
Psychometrika 84:802-829, on marginal against conditional likelihoods).

Vehtari et al. 2024, JMLR 25:72 (Pareto smoothing); Kallioinen et al. 2024, Stat Comput 34:57 (power scaling).
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bayes_lupil.convergence import MAX_K_HAT, MIN_ESS
from bayes_lupil.engines import quadrature
from bayes_lupil.engines.importance import smooth_weights
from bayes_lupil.errors import InputError, UnsupportedModelError
from bayes_lupil.fitting import fit
from bayes_lupil.likelihoods import build_likelihood
from bayes_lupil.posterior import Posterior
from bayes_lupil.provenance import provenance_of
from bayes_lupil.tree import build_tree
from bayes_lupil.trials.trial import Trial

if TYPE_CHECKING:
    import pandas as pd

_GOOD_K_HAT = 0.5  # up to here the weights have a variance

__all__ = [
    "Changed",
    "SiteLoo",
    "as_table",
    "change_prior",
    "leave_one_site_out",
    "log_evidence",
    "loo_sites",
    "power_scale",
]

Floats = NDArray[np.float64]

_QUANTITIES = ("risk_difference", "conditional_log_odds_ratio", "alpha", "beta", "tau_u", "tau_v", "correlation")


@dataclass(frozen=True)
class Estimate:
    """A quantity under a change: mean with its Monte Carlo standard error, SD and quantiles."""

    mean: float
    mcse: float
    sd: float
    q2_5: float
    q50: float
    q97_5: float


@dataclass(frozen=True)
class Changed:
    """The posterior under a change.

    Attributes
    ----------
    label : str
        What was changed.
    estimates : dict of str to Estimate
        The risk difference (active minus control), the conditional log odds ratio and the parameters that sites share.
    p_benefit, p_benefit_mcse : float
        P(benefit) on the trial's benefit scale and its Monte Carlo standard error; NaN where the diagnostics of a
        refit fail.
    k_hat : float
        Of the weights that the change asks for.
    effective : float
        Draws that the result is worth.
    refitted : bool
        Whether the model was fitted again, because reweighted draws could not carry the change.
    ok : bool
        Whether the result may be reported.
    """

    label: str
    estimates: dict[str, Estimate]
    p_benefit: float
    p_benefit_mcse: float
    k_hat: float
    effective: float
    refitted: bool
    ok: bool = True


def as_table(results: Iterable[Changed]) -> pd.DataFrame:
    """One row a change: the risk difference, P(benefit) with its error, k-hat and how it was computed."""
    import pandas as pd

    rows = []
    for item in results:
        rd = item.estimates["risk_difference"]
        rows.append(
            {
                "change": item.label, "risk_difference": rd.mean, "mcse": rd.mcse, "sd": rd.sd, "q2_5": rd.q2_5,
                "q50": rd.q50, "q97_5": rd.q97_5, "p_benefit": item.p_benefit, "p_benefit_mcse": item.p_benefit_mcse,
                "k_hat": item.k_hat, "effective": item.effective, "refitted": item.refitted, "ok": item.ok,
            }
        )  # fmt: skip
    return pd.DataFrame(rows).set_index("change")


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
    by_site = _site_log_likelihood(posterior, trial)
    likelihood = build_likelihood(posterior.spec, trial)
    names, shares = likelihood.site_names, np.asarray(likelihood.site_weights({}))
    p = posterior.draws("p").reshape(-1, len(names), 2)
    found = []
    for s, name in enumerate(names):
        label = f"without site {name}"
        weights, k_hat = smooth_weights(-by_site[:, s])
        if not _carries(posterior, weights, k_hat):
            found.append(_refit_without(posterior, trial, name, label, k_hat))
            continue
        rest = np.where(np.arange(len(names)) == s, 0.0, shares)
        difference = ((p[..., 1] - p[..., 0]) * rest).sum(axis=1) / rest.sum()
        found.append(_weighted(posterior, label, weights, k_hat, difference))
    return tuple(found)


def change_prior(posterior: Posterior, trial: Trial, **priors: dict[str, Any]) -> Changed:
    """The posterior under other priors.

    Parameters
    ----------
    priors
        By the name of the parameter, as in a model file, for example
        ``tau_v={"family": "half_normal", "sd": 1, "reason": "twice as wide"}``.

    Raises
    ------
    ModelError
        For a prior that a model file may not have.
    """
    _check(posterior, trial)
    spec = posterior.spec.edited(**{f"priors__{name}": value for name, value in priors.items()})
    log_ratio = np.zeros(posterior.draws("risk_difference").size)
    old, new = dict(posterior.spec.priors.items()), dict(spec.priors.items())
    for name in priors:
        draws = posterior.draws(name)
        density = new[name].logpdf(draws) - old[name].logpdf(draws)
        log_ratio += density.reshape(log_ratio.size, -1).sum(axis=1)  # one for each site where a parameter is 'fixed'
    label = "; ".join(f"{name} ~ {new[name].describe()}" for name in priors)
    weights, k_hat = smooth_weights(log_ratio)
    if not _carries(posterior, weights, k_hat):
        return _of_refit(fit(spec, trial), label, k_hat)
    return _weighted(posterior, label, weights, k_hat)


def power_scale(posterior: Posterior, trial: Trial, *, prior: float = 1.0, likelihood: float = 1.0) -> Changed:
    """The posterior with the prior of the shared parameters, or the sites' marginal likelihood, raised to a power.

    Powers a little above and below 1 show how much each of them matters. Site effects given the shared parameters keep
    their distribution.

    Raises
    ------
    InputError
        For a power that is not positive.
    """
    for name, value in (("prior", prior), ("likelihood", likelihood)):
        if not 0 < value < np.inf:
            raise InputError(f"power of the {name}", f"{value:g}", "a positive number")
    by_site = _site_log_likelihood(posterior, trial)
    model = build_likelihood(posterior.spec, trial)
    marginal = model.site_marginal
    assert marginal is not None  # there is a site log likelihood
    log_ratio = (likelihood - 1) * by_site.sum(axis=1)
    for item in marginal.parameters:
        log_ratio += (prior - 1) * item.prior.logpdf(posterior.draws(item.name)).ravel()
    label = f"prior^{prior:g}, likelihood^{likelihood:g}"
    weights, k_hat = smooth_weights(log_ratio)
    if _carries(posterior, weights, k_hat):
        return _weighted(posterior, label, weights, k_hat)
    draws = quadrature.sample(model, likelihood_power=likelihood, prior_power=prior)
    refit = Posterior(build_tree(model, draws), posterior.spec, provenance_of(posterior.spec, trial, draws))
    return _of_refit(refit, label, k_hat)


@dataclass(frozen=True)
class SiteLoo:
    """Expected log predictive density of a new site, by leaving out each site.

    Attributes
    ----------
    elpd, se : float
        Sum over sites and its standard error, on the log scale.
    by_site : dict of str to float
    k_hat : dict of str to float
        Of the weights that leave each site out.
    refitted : tuple of str
        Sites whose k-hat was above 0.7, for which the model was fitted without them.
    """

    elpd: float
    se: float
    by_site: dict[str, float]
    k_hat: dict[str, float]
    refitted: tuple[str, ...]


def loo_sites(posterior: Posterior, trial: Trial) -> SiteLoo:
    """Leave-one-site-out predictive density, by Pareto-smoothed importance sampling (ArviZ), refitted where needed.

    Where k-hat is above 0.5, that is: between 0.5 and 0.7 a density of the indomethacin trial was too high by 0.3 of a
    log. Differs from `az.loo(posterior.data)`, which leaves out one cell and keeps the site's own effects.

    Raises
    ------
    UnsupportedModelError, InputError
        As `leave_one_site_out`; and for a trial of one site.
    """
    from bayes_lupil import az

    if _site_log_likelihood(posterior, trial).shape[1] < 2:
        raise InputError("leave-one-site-out predictive density", "one site", "two sites or more")
    by_site = posterior.data["site_log_likelihood"].to_dataset()
    groups = {"posterior": posterior.data["posterior"].to_dataset(), "log_likelihood": by_site}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Estimated shape parameter")  # such sites are fitted again below
        result = az.loo(xr.DataTree.from_dict(groups), pointwise=True)
    names = [str(site) for site in by_site["site"].values]
    elpd = {name: float(value) for name, value in zip(names, np.asarray(result.elpd_i), strict=True)}
    k_hat = {name: float(value) for name, value in zip(names, np.asarray(result.pareto_k), strict=True)}
    refitted = tuple(name for name in names if not k_hat[name] <= _GOOD_K_HAT)
    for name in refitted:
        elpd[name] = _log_predictive(posterior, trial, name)
    values = np.array(list(elpd.values()))
    return SiteLoo(float(values.sum()), float(values.std(ddof=1) * np.sqrt(values.size)), elpd, k_hat, refitted)


def log_evidence(posterior: Posterior) -> tuple[float, float]:
    """Log marginal likelihood of the model and its Monte Carlo standard error.

    Only from the quadrature engine, which has it for nothing. It depends on the tails of the priors: compare models by
    it only where these were chosen with care.

    Raises
    ------
    UnsupportedModelError
        For a posterior of another engine.
    InputError
        Where the diagnostics failed.
    """
    found = posterior.diagnostics
    if "log_evidence" not in found:
        raise UnsupportedModelError(
            "log evidence", f"a posterior by {posterior.provenance.sampler}", "sampler.engine = 'quadrature'"
        )
    if not posterior.verdict.ok:
        raise InputError("posterior", posterior.verdict.text, "one whose diagnostics are sound")
    return found["log_evidence"], found["log_evidence_mcse"]


def _check(posterior: Posterior, trial: Trial) -> None:
    if trial.data_hash != posterior.provenance.data_hash:
        raise InputError(
            f"trial '{trial.name}'",
            "data other than the posterior's",
            f"the trial fitted, '{posterior.provenance.trial}'",
        )
    if not posterior.verdict.ok:
        raise InputError("posterior", posterior.verdict.text, "one whose diagnostics are sound")


def _site_log_likelihood(posterior: Posterior, trial: Trial) -> Floats:
    """Shape (draws, sites)."""
    _check(posterior, trial)
    group = posterior.data.children.get("site_log_likelihood")
    if group is None or posterior.spec.sites.pooled:
        raise UnsupportedModelError(
            f"model '{posterior.spec.name}'",
            "no likelihood of single sites",
            "a model with sites and a trial whose site table is known",
        )
    values = np.asarray(group["y"].values, dtype=float)
    return values.reshape(-1, values.shape[-1])


def _carries(posterior: Posterior, weights: Floats, k_hat: float) -> bool:
    """Whether reweighted draws may stand for the changed posterior: the rules that a posterior itself is judged by."""
    return k_hat <= MAX_K_HAT and _effective(posterior, weights) >= MIN_ESS


def _weighted(
    posterior: Posterior, label: str, weights: Floats, k_hat: float, difference: Floats | None = None
) -> Changed:
    """Summaries from weighted draws."""
    if difference is None:
        difference = posterior.draws("risk_difference").ravel()
    draws = {
        name: posterior.draws(name).ravel()
        for name in _QUANTITIES
        if name in posterior.data["posterior"].data_vars and posterior.data["posterior"][name].ndim == 2
    }
    draws["risk_difference"] = difference
    effective = _effective(posterior, weights)
    good = posterior.provenance.end_point.sign * difference > 0
    p = float(weights @ good)
    held = (p * effective + 1) / (effective + 2)  # as in `mcse_proportion`, so that 0 and 1 have an error too
    return Changed(
        label, {name: _estimate(value, weights, effective) for name, value in draws.items()},
        p, float(np.sqrt(held * (1 - held) / effective)), k_hat, effective, refitted=False,
    )  # fmt: skip


def _effective(posterior: Posterior, weights: Floats) -> float:
    """Kish's effective size, no larger than what the draws themselves were worth."""
    row = posterior.row("risk_difference")
    worth = min(row.ess_bulk / weights.size, 1.0)
    return float(worth / (weights**2).sum())


def _estimate(draws: Floats, weights: Floats, effective: float) -> Estimate:
    mean = float(weights @ draws)
    sd = float(np.sqrt(weights @ (draws - mean) ** 2))
    order = np.argsort(draws)
    steps = np.cumsum(weights[order])
    low, middle, high = (
        float(draws[order[min(int(np.searchsorted(steps, q)), draws.size - 1)]]) for q in (0.025, 0.5, 0.975)
    )
    return Estimate(mean, sd / float(np.sqrt(effective)), sd, low, middle, high)


def _refit_without(posterior: Posterior, trial: Trial, site: str, label: str, k_hat: float) -> Changed:
    spec = posterior.spec
    return _of_refit(fit(spec.edited(without_sites=[*spec.without_sites, site]), trial), label, k_hat)


def _of_refit(refit: Posterior, label: str, k_hat: float) -> Changed:
    equal = np.full(refit.draws("risk_difference").size, 1 / refit.draws("risk_difference").size)
    found = replace(_weighted(refit, label, equal, k_hat), refitted=True)
    return found if refit.verdict.ok else replace(found, p_benefit=np.nan, p_benefit_mcse=np.nan, ok=False)


def _log_predictive(posterior: Posterior, trial: Trial, site: str) -> float:
    """Log predictive density of a site under the posterior without it."""
    spec = posterior.spec
    refit = fit(spec.edited(without_sites=[*spec.without_sites, site]), trial)
    likelihood = build_likelihood(spec, trial)
    marginal = likelihood.site_marginal
    assert marginal is not None
    theta = {item.name: refit.draws(item.name).ravel() for item in marginal.parameters}
    values, _ = marginal.log_sites(theta, spec.sampler.nodes)
    column = values[:, likelihood.site_names.index(site)]
    return float(np.log(np.mean(np.exp(column - column.max()))) + column.max())
