"""How far each site is shrunk, and how much its own effect still counts in the overall one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.arguments import checked
from bayes_lupil.cards import Brief
from bayes_lupil.errors import UnsupportedModelError
from bayes_lupil.likelihoods import BinomialCells
from bayes_lupil.likelihoods.base import refuse_countries, refuse_covariates
from bayes_lupil.posterior import Posterior
from bayes_lupil.posterior.diagnostics import mcse_mean
from bayes_lupil.posterior.estimates import Estimate
from bayes_lupil.posterior.own_trial import own_trial
from bayes_lupil.priors import EffectOnRisk, LocationPrior, Normal, StudentT
from bayes_lupil.sensitivity.preconditions import check
from bayes_lupil.spec import ModelSpec

__all__ = [
    "Retained",
    "Shrinkage",
    "error_of_means",
    "estimates_of",
    "outlier_estimates",
    "refuse_pooled",
    "retained_weights",
    "shrinkage_factors",
    "site_cells",
    "site_log_odds_ratios",
]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Shrinkage(Brief):
    """Shrinkage factors by site.

    Attributes
    ----------
    sites : tuple of str
    factor, mcse : array, shape (sites,)
        From 0 (the site keeps its own effect) to 1 (it has the overall one), and the Monte Carlo standard error.
    """

    sites: tuple[str, ...]
    factor: Floats
    mcse: Floats


@dataclass(frozen=True, eq=False)
class Retained(Brief):
    """What the sites weigh in the overall effect.

    Attributes
    ----------
    sites : tuple of str
    weight, weight_mcse : array, shape (sites,)
        Change of the posterior mean of the overall log odds ratio for a small change of the site's own observed log
        odds ratio, as a share of it; 0 where the site has patients in one arm only. With its Monte Carlo error.
    relative, relative_mcse : array, shape (sites,)
        The site's share of the weight of all sites, divided by the share that a non-outlying site of that size would
        have. 1: it counts like one; near 0: the model all but ignores it; below 0: the further out its effect, the less
        the model believes it. NaN where the site has patients in one arm only, and where effects are fixed (the overall
        effect is then an average by patients, not an estimate by weights).
    """

    sites: tuple[str, ...]
    weight: Floats
    weight_mcse: Floats
    relative: Floats
    relative_mcse: Floats


@own_trial
@checked
def shrinkage_factors(posterior: Posterior) -> Shrinkage:
    """The share of the distance between a site's own effect and the one expected of it that the model removes.

    The posterior mean of B = s2 / (s2 + V) (Morris 1983, J Am Stat Assoc 78:47-55), with

        s2 = 1 / (n_1 p_1 (1 - p_1)) + 1 / (n_0 p_0 (1 - p_0)),

    the variance of the site's own log odds ratio at the draw's probabilities (infinite where an arm is empty, so that
    B = 1), and V the variance of the site's true log odds ratio given the model:

    - normal: tau_v^2; pooled: 0, so that B = 1; fixed: the variance of the prior, towards whose mean it is shrunk;
    - Student-t: tau_v^2 (df + f^2) / (df + 1), since t is normal with a random precision, whose expectation given the
      standardised effect f = v / tau_v is (df + 1) / (df + f^2) / tau_v^2;
    - contaminated: B is averaged over whether the site is outlying, where V is larger by outlier_sd^2 for each arm that
      deviates; a deviation of the level changes nothing (arms that deviate each on its own are taken as independent
      given the draw);
    - exchangeable or not: B is averaged likewise, V of a site that is not being the variance of its prior;
    - correlated with the level: tau_v^2 (1 - correlation^2) in place of tau_v^2, towards the effect expected of a site
      of that level, which is taken as known.

    s2 takes nothing from how the site's level compares with others', so B describes a site in the terms of a
    meta-analysis of log odds ratios.

    Raises
    ------
    UnsupportedModelError
        Where the trial has no site table, or the model no sites.
    InputError
        Where its diagnostics failed.
    """
    likelihood = site_cells(posterior)
    p = posterior.draws("p")
    with np.errstate(divide="ignore", over="ignore"):
        s2 = (1 / (likelihood.cells.n * p * (1 - p))).sum(axis=-1)
    factor = np.zeros(s2.shape)
    for chance, variance in _variances(posterior, likelihood):
        with np.errstate(invalid="ignore", over="ignore"):
            removed = s2 / (s2 + variance)
        factor += chance * np.where(np.isinf(s2), 1.0, removed)
    return Shrinkage(likelihood.site_names, factor.mean(axis=(0, 1)), error_of_means(posterior, factor))


@own_trial
@checked
def retained_weights(posterior: Posterior) -> Retained:
    """How far the overall effect moves with a site's own effect, relative to a non-outlying site of that size.

    Where responders change by d c_a in arm a of a site, its log likelihood changes by d sum_a c_a eta_a, eta the log
    odds, and so, exactly and in any model, d E[beta | data] / dd = Cov(beta, sum_a c_a eta_a | data) (Gustafson 1996,
    Ann Stat 24:174-195; Giordano, Broderick and Jordan 2018, JMLR 19:51). Of the ways to raise the site's observed log
    odds ratio take the one that keeps its responders in all, and with them the estimate of its level that is
    independent of the log odds ratio: c_1 = -c_0. Since logit(y / n) rises by 1 / i, i = n p (1 - p), for each
    responder more, c_1 = 1 / s2, with s2 = 1 / i_1 + 1 / i_0, raises the log odds ratio by 1 to first order. Hence

        w_s = Cov(beta, eta_s1 - eta_s0 | data) / s2_s.

    It is the direction of the efficient score of the log odds ratio. For normal data with known variances it is
    w_s = (1 / (s2_s + V_s)) / (1 / Var(beta) + sum_j 1 / (s2_j + V_j)), Var(beta) that of the prior. i is taken at its
    posterior mean, since observed counts of 0 have none. `relative` is w_s / sum_j w_j over the posterior mean of
    (1 / (s2_s + tau_v^2)) / sum_j 1 / (s2_j + tau_v^2), so that neither the prior nor the tails of the distribution
    that all sites share count as a loss of any of them.

    Raises
    ------
    UnsupportedModelError, InputError
        As `shrinkage_factors`.
    """
    likelihood = site_cells(posterior)
    p, n = posterior.draws("p"), likelihood.cells.n
    information = n * (p * (1 - p)).mean(axis=(0, 1))
    with np.errstate(divide="ignore"):
        s2 = (1 / information).sum(axis=-1)
    own = site_log_odds_ratios(posterior, likelihood)
    overall = posterior.draws("conditional_log_odds_ratio")[..., None]
    products = (overall - overall.mean()) * (own - own.mean(axis=(0, 1))) / s2
    weight = products.mean(axis=(0, 1))
    # s2 is itself an average of draws: what each draw adds to the weight through it, to first order
    with np.errstate(divide="ignore", invalid="ignore"):
        through = (n / information**2 * (p * (1 - p) - (p * (1 - p)).mean(axis=(0, 1)))).sum(axis=-1) / s2
    spread = error_of_means(posterior, products + np.where(np.isfinite(s2), weight * through, 0.0))
    nothing = np.full(weight.shape, np.nan)
    if likelihood.spec.sites.effects == "fixed" or not np.isfinite(s2).any():  # no site has both arms
        return Retained(likelihood.site_names, weight, spread, nothing, nothing)
    tau = posterior.draws("tau_v")[..., None] if "tau_v" in posterior.data["posterior"] else np.zeros(overall.shape)
    usual = 1 / (s2 + tau**2)
    usual /= usual.sum(axis=-1, keepdims=True)
    expected, total = usual.mean(axis=(0, 1)), weight.sum()
    known = np.isfinite(s2)
    relative, error = nothing.copy(), nothing.copy()
    relative[known] = weight[known] / total / expected[known]
    # what each draw adds to the ratio, to first order; what s2 adds to weight and expectation goes together
    parts = (products - products.sum(axis=-1, keepdims=True) * weight / total)[..., known] / total / expected[known]
    parts -= relative[known] * usual[..., known] / expected[known]
    error[known] = error_of_means(posterior, parts)
    return Retained(likelihood.site_names, weight, spread, relative, error)


def site_log_odds_ratios(posterior: Posterior, likelihood: BinomialCells) -> Floats:
    """Log odds ratio of each site, (chain, draw, sites); from the parameters, since p may be 1 to the last digit."""
    group, model = posterior.data["posterior"], likelihood.sites
    names = [item.name for item in model.parameters() if item.name not in model.behind]
    eta = model.linear_predictor(
        {name: posterior.draws(name) for name in (*names, "u", "v", "c", "d") if name in group.data_vars}
    )
    return np.asarray(eta[..., 1] - eta[..., 0])


def refuse_pooled(spec: ModelSpec) -> None:
    """Refuse a model that has nothing to say of single sites.

    Raises
    ------
    UnsupportedModelError
    """
    if spec.sites.pooled:
        raise UnsupportedModelError(
            f"model '{spec.name}'", "sites that are pooled, so that none can be told from another",
            "a model with sites.intercepts or sites.effects other than 'pooled'",
        )  # fmt: skip


def site_cells(posterior: Posterior) -> BinomialCells:
    """The likelihood of a posterior that has something to say of single sites.

    Raises
    ------
    UnsupportedModelError, InputError
        As `shrinkage_factors`.
    """
    refuse_pooled(posterior.spec)
    refuse_countries(posterior.spec)
    refuse_covariates(posterior.spec)
    likelihood = posterior.likelihood
    if not isinstance(likelihood, BinomialCells):
        raise UnsupportedModelError(
            f"trial '{posterior.provenance.trial}'", "margins, which do not tell which patient was at which site",
            "a trial whose site table is known",
        )  # fmt: skip
    check(posterior)
    return likelihood


def error_of_means(posterior: Posterior, values: Floats) -> Floats:
    """Monte Carlo standard errors of means over draws, shape (...), from values of shape (chain, draw, ...)."""
    if "pareto_k" in posterior.diagnostics:  # independent draws
        return np.asarray(values.std(axis=(0, 1), ddof=1) / np.sqrt(values.shape[0] * values.shape[1]))
    flat = values.reshape(*values.shape[:2], -1)
    errors = [0.0 if np.ptp(flat[..., i]) == 0 else mcse_mean(flat[..., i]) for i in range(flat.shape[2])]
    return np.array(errors).reshape(values.shape[2:])


def estimates_of(posterior: Posterior, values: Floats) -> NDArray[np.object_]:
    """Mean with its error, SD, median and 95 % interval over (chain, draw, ...): array of `Estimate`, shape (...)."""
    means, errors, sds = values.mean(axis=(0, 1)), error_of_means(posterior, values), values.std(axis=(0, 1), ddof=1)
    low, middle, high = np.quantile(values, [0.025, 0.5, 0.975], axis=(0, 1))
    found = np.empty(means.shape, dtype=object)
    for index in np.ndindex(found.shape):
        found[index] = Estimate(*(float(of[index]) for of in (means, errors, sds, low, middle, high)))
    return found


def outlier_estimates(posterior: Posterior, name: str) -> NDArray[np.object_] | None:
    """Posterior probabilities of being outlying, from the group that holds them by draw."""
    group = posterior.data.children.get("outliers")
    if group is None or name not in group.data_vars:
        return None
    values = np.asarray(group[name].values, dtype=float)
    return estimates_of(posterior, values)


def _variances(posterior: Posterior, likelihood: BinomialCells) -> list[tuple[Floats, Floats]]:
    """(chance of that kind of site, variance of its log odds ratio), each broadcasting to (chain, draw, sites)."""
    sites, draws = likelihood.spec.sites, posterior.data["posterior"]
    always = np.ones(1)
    if sites.effects == "fixed":
        prior = likelihood.spec.priors.beta
        assert not isinstance(prior, EffectOnRisk)  # which model files with fixed effects cannot have
        return [(always, np.full(1, _variance_of(prior)))]
    if sites.effects == "pooled":
        usual = np.zeros(1)
    else:
        tau = posterior.draws("tau_v")[..., None]
        usual = tau**2
        r = posterior.draws("correlation")[..., None] if "correlation" in draws else np.zeros(1)
        usual = usual * (1 - r**2)
        if sites.distribution == "student_t":
            df = posterior.draws("df")[..., None] if "df" in draws else np.full(1, float(sites.df or np.inf))
            f = posterior.draws("v") / tau
            if "correlation" in draws:
                f = (f - r * posterior.draws("u") / posterior.draws("tau_u")[..., None]) / np.sqrt(1 - r**2)
            usual = usual * (df + f**2) / (df + 1)
    if sites.distribution == "exnex":
        chance = np.asarray(posterior.data["outliers"]["nonexchangeable"].values)
        own = likelihood.spec.priors.nonexchangeable
        assert own is not None  # a model file of that kind has it
        return [(1 - chance, usual), (chance, np.full(1, own.sd**2))]
    if sites.distribution != "contaminated" or sites.outliers == "site":
        return [(always, usual)]
    extra = float(sites.outlier_sd or 0.0) ** 2
    chance = np.asarray(posterior.data["outliers"]["outlier"].values)
    control, active = chance[..., 0], chance[..., 1]
    if sites.outliers != "arms":
        one = active if sites.outliers == "active" else control
        return [(1 - one, usual), (one, usual + extra)]
    either = control * (1 - active) + active * (1 - control)
    return [
        ((1 - control) * (1 - active), usual), (either, usual + extra), (control * active, usual + 2 * extra)
    ]  # fmt: skip


def _variance_of(prior: LocationPrior) -> float:
    if isinstance(prior, Normal):
        return prior.sd**2
    if isinstance(prior, StudentT):
        return prior.scale**2 * prior.df / (prior.df - 2) if prior.df > 2 else np.inf
    return (prior.upper - prior.lower) ** 2 / 12
