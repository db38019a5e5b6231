"""A posterior without MCMC: site effects integrated out by quadrature, the few parameters left by importance sampling.

1. Whiten by the prior: theta = F^-1(Phi(g)), so that every g is N(0, 1) a priori, and the posterior of g has neither
   boundary nor heavy tail where a between-site SD goes to 0.
2. Importance sampling of g (`bayes_lupil.engines.importance`), the sites' effects integrated out at every point.
3. Resampling to independent draws of equal weight, then the site effects given theta.

The method ends where theta has more than about ten dimensions, where the sites are not independent given theta
(published margins), or where the verdict says so; NUTS is the way out.
"""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.engines.draws import Draws, most_draws, said
from bayes_lupil.engines.importance import ImportanceSample, sample_density
from bayes_lupil.engines.proposal import NowhereANumberError, find_proposal
from bayes_lupil.errors import SamplerError, UnsupportedModelError
from bayes_lupil.likelihoods import Likelihood
from bayes_lupil.likelihoods.base import Marginal
from bayes_lupil.version import __version__

__all__ = ["LIMIT", "MAX_NODES", "WhitenedPosterior", "sample", "sample_theta"]

Floats = NDArray[np.float64]

MAX_NODES = 61
LIMIT = 1e6
"""Of a parameter's size. Log odds as far apart as this are all the same, and products of vague priors must neither
overflow nor cancel; where draws stand here, the verdict fails."""
_SEARCH_NODES = 7  # a proposal need not be exact; its differences span more than small jumps of the integrals
_CHECKED = 32
_CLOSE = 15.0
_ENOUGH = 0.02
_LONGER = 2  # times the points that take about a minute: more are not tried where fewer do not do


class WhitenedPosterior:
    """Log density of g, where theta = F^-1(Phi(g)) under the prior F.

    Parameters
    ----------
    marginal : Marginal
    nodes : int
        The most Gauss-Hermite nodes along an axis of a site's integral.
    site_powers : array, shape (sites,), optional
        Multiplies each site's log likelihood; 0 leaves a site out.
    prior_power : float
        Power of the prior of theta.
    """

    def __init__(
        self, marginal: Marginal, nodes: int, site_powers: Floats | None = None, prior_power: float = 1.0
    ) -> None:
        self.marginal = marginal
        self.nodes = nodes
        self.site_powers = site_powers
        self.prior_power = prior_power
        self.failed = 0

    @property
    def dimension(self) -> int:
        """Number of parameters in theta."""
        return len(self.marginal.parameters)

    @property
    def scale_axes(self) -> tuple[int, ...]:
        """Which axes are between-site SDs."""
        names = [item.name for item in self.marginal.parameters]
        return tuple(names.index(name) for name in ("tau_u", "tau_v", "tau_c", "tau_d") if name in names)

    def theta(self, g: Floats) -> dict[str, Floats]:
        """Parameters by name, each of shape (...), from g of shape (..., dimension)."""
        theta: dict[str, Floats] = {}
        with np.errstate(over="ignore", invalid="ignore"):
            for i, item in enumerate(self.marginal.parameters):  # those that others depend on come first
                theta[item.name] = np.maximum(np.minimum(item.from_normal(g[..., i], theta), LIMIT), -LIMIT)
        return theta

    def log_density(self, g: Floats) -> Floats:
        """Log posterior density of g up to the evidence, shape (draws,)."""
        theta = self.theta(g)
        value, failed = self.marginal.log_total(theta, self.nodes, self.site_powers)
        self.failed += failed + int(np.isnan(value).sum())  # a density that is no number must not pass for 0
        value = value - 0.5 * (g**2).sum(axis=-1) - 0.5 * self.dimension * np.log(2 * np.pi)
        if self.prior_power != 1:
            for item in self.marginal.parameters:
                value = value + (self.prior_power - 1) * item.logpdf(theta)
        return np.asarray(value)

    def beyond_numbers(self) -> str:
        """Which priors say next to nothing that numbers can hold: their values there are none, or beyond `LIMIT`."""
        theta = self.theta(np.linspace(-2.0, 2.0, 9)[:, None] * np.ones(self.dimension))
        named = [name for name, value in theta.items() if not (np.abs(value) < LIMIT).any()]
        return " and ".join(f"priors.{name}" for name in named) or "the priors"

    def with_nodes(self, nodes: int) -> WhitenedPosterior:
        """The same density by other rules."""
        return WhitenedPosterior(self.marginal, nodes, self.site_powers, self.prior_power)


def sample_theta(
    density: WhitenedPosterior, points: int, replicates: int, seed: np.random.SeedSequence
) -> tuple[ImportanceSample, dict[str, float]]:
    """Importance sample of g, with more points and nodes where those given do not do, and its diagnostics.

    The quadrature error is found at points of the proposal, not at draws: a point whose likelihood is wrongly small is
    never drawn.
    """
    mode_seed, *stages = seed.spawn(4)
    rough = density.with_nodes(_SEARCH_NODES).log_density
    start = find_proposal(rough, density.dimension, density.scale_axes, mode_seed)
    for attempt, stage_seed in enumerate(stages, start=1):
        most = _LONGER * density.marginal.most_draws(density.nodes)
        sample = sample_density(density.log_density, start, points, replicates, stage_seed, most)
        error = _quadrature_error(density, sample)
        finer = min(2 * density.nodes + 1, MAX_NODES)
        enough = error <= _ENOUGH or density.nodes >= MAX_NODES or attempt == len(stages)
        if enough or points > _LONGER * density.marginal.most_draws(finer):
            break
        density = density.with_nodes(finer)
    return sample, {
        "pareto_k": sample.k_hat,
        "importance_ess": sample.effective,
        "points": float(sample.weights.size),
        "nodes": float(density.nodes),
        "quadrature_error": error,
        "failed_integrals": float(density.failed),
        "log_evidence": sample.log_evidence,
        "log_evidence_mcse": float(np.hypot(sample.log_evidence_error, error)),
    }


def _quadrature_error(density: WhitenedPosterior, sample: ImportanceSample) -> float:
    """SD over points of the difference that twice the nodes would make to the log density.

    Over those points whose density by either rule comes within exp(-15) of the largest: a constant difference does no
    harm, and neither does any difference where both densities are next to 0.
    """
    per_replicate = -(-_CHECKED // sample.points.shape[0])
    g = sample.points[:, :per_replicate].reshape(-1, sample.points.shape[2])
    rough = sample.log_density[:, :per_replicate].ravel()
    fine = density.with_nodes(2 * density.nodes + 1).log_density(g)
    matters = np.maximum(rough, fine) > np.maximum(rough.max(), fine.max()) - _CLOSE
    return float(np.std((fine - rough)[matters]))


def _at_limit(theta: dict[str, Floats]) -> float:
    """Share of the draws of which a parameter is as large as numbers may be here."""
    return float(np.mean(np.any([np.abs(value) >= LIMIT for value in theta.values()], axis=0))) if theta else 0.0


def sample(
    likelihood: Likelihood, progress: bool = False, *, likelihood_power: float = 1.0, prior_power: float = 1.0
) -> Draws:
    """Draw from the posterior of all free parameters.

    Parameters
    ----------
    likelihood : Likelihood
        With a `marginal`. Its `spec.sampler` holds points, nodes, chains (here: independent replicates) and seed.
    progress : bool
        Whether to say what is going on.
    likelihood_power, prior_power : float
        Powers of the sites' marginal likelihoods and of the prior of theta, for power scaling.

    Returns
    -------
    Draws
        Independent draws, as many as the importance sample is worth; the same for the same seed, whatever the number
        of cores.

    Raises
    ------
    UnsupportedModelError
        Where site effects cannot be integrated out.
    SamplerError
        Where the density is nowhere a number.
    """
    settings = likelihood.spec.sampler
    marginal = likelihood.marginal
    if marginal is None:
        raise UnsupportedModelError(
            f"model '{likelihood.spec.name}'", "engine 'quadrature'", "engine 'nuts' (or 'auto')",
            likelihood.why_no_marginal,
        )  # fmt: skip
    started = time.perf_counter()
    theta_seed, draw_seed, site_seed = np.random.SeedSequence(settings.seed).spawn(3)
    powers = None if likelihood_power == 1 else np.full(len(likelihood.site_names), likelihood_power)
    density = WhitenedPosterior(marginal, settings.nodes, powers, prior_power)
    with said(progress, f"integrating over {len(likelihood.site_names)} sites, {settings.points} points"):
        if density.dimension:
            try:
                found, diagnostics = sample_theta(density, settings.points, settings.chains, theta_seed)
            except NowhereANumberError as problem:
                raise SamplerError(f"{problem} under {density.beyond_numbers()}") from None
            g, log_density = found.resample(draw_seed, most_draws(len(likelihood.site_names)))
        else:  # every parameter belongs to one site
            g, nothing = np.zeros((settings.chains, settings.points // settings.chains, 0)), np.zeros((1, 0))
            rough, fine = (d.log_density(nothing)[0] for d in (density, density.with_nodes(MAX_NODES)))
            log_density = np.full(g.shape[:2], rough)
            diagnostics = {
                "pareto_k": -np.inf,
                "importance_ess": float(settings.points),
                "points": float(settings.points),
                "nodes": float(settings.nodes),
                "quadrature_error": float(abs(fine - rough)),
                "failed_integrals": float(density.failed),
                "log_evidence": float(fine),
                "log_evidence_mcse": float(abs(fine - rough)),
            }
        diagnostics["log_evidence"] += likelihood.log_pooled
        theta = density.theta(g)
        diagnostics["at_limit"] = _at_limit(theta)
        flat = {name: value.reshape(-1) for name, value in theta.items()} or {"": np.zeros(log_density.size)}
        local = marginal.draw(flat, site_seed)
    values = theta | {name: value.reshape(*log_density.shape, -1) for name, value in local.items()}
    return Draws(
        values=values,
        statistics={"lp": log_density},
        sampler=f"quadrature, bayes-lupil {__version__}",
        seconds={"sample": time.perf_counter() - started},
        diagnostics=diagnostics,
    )
