"""A posterior of published margins without MCMC: importance sampling of the few parameters that sites share.

Sites whose patients are unknown are not independent given the other parameters, so their effects cannot be integrated
out one by one; but as nothing tells them apart, the data say next to nothing of any one of them. So these come from
their prior, the chances to stay in the subset are integrated out in closed form (`likelihoods.retention`), and what
the data do speak of is drawn where the likelihood is: the parameters that sites share, the excluded sites' share of
the patients and, where counts are known there, the excluded sites' effects, all whitened by their priors.

Site effects drawn from their prior change the average response, which the data know well. Each point therefore moves
alpha and beta so that it does not: alpha + x_a beta = (alpha' + x_a beta') - s_a, where (alpha', beta') is proposed
and s_a(u, v, pi) is what the site effects add to the log odds of the average response in arm a near the observed one.
A shift by what does not depend on alpha' and beta' has the Jacobian 1. About half of the weights' variance goes.

The method ends where few sites and thousands of patients let the margins know the average response much better than
random site effects reach it, or where thousands of patients are known to be at the excluded sites: k-hat and the
effective draws say so, and NUTS is the way out. Twenty-five sites carry 4,000 patients.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.cores import usable_cores
from bayes_lupil.engines.draws import Draws, most_draws, said
from bayes_lupil.engines.importance import sample_density, side_by_side
from bayes_lupil.engines.proposal import find_proposal
from bayes_lupil.integrals.kernel_responses import average_responses
from bayes_lupil.integrals.log_sums import log_sum_exp
from bayes_lupil.likelihoods import MarginsLikelihood
from bayes_lupil.version import __version__

__all__ = ["MarginsDensity", "sample"]

Floats = NDArray[np.float64]
Taken = TypeVar("Taken")

_BLOCK = 2048  # points at a time: small enough for the caches, and each with random numbers of its own on any core
_WORLDS = 16  # draws of the site effects that the search for a mode averages over
_FIRST = 4096  # points that tell how many points a draw takes
_MOST_POINTS = 2**18
_FURTHEST, _KNOTS = 8.0, 2049  # of a standard normal variable, beyond which none is drawn
_SPARE = 1.1  # times as many points as that would take, since the number is an estimate


class MarginsDensity:
    """Log density of what is proposed, given site effects drawn from their prior anew at every call.

    Parameters
    ----------
    likelihood : MarginsLikelihood
    seed : SeedSequence
        Of the site effects.
    likelihood_power, prior_power : float
        Powers of the likelihood given site effects, and of the prior of the parameters that sites share.

    Notes
    -----
    A point g holds, as standard normal variables: the parameters without sites in their order; and where counts are
    known at the excluded sites, their share of the patients and each of these sites' own effects.
    """

    def __init__(
        self,
        likelihood: MarginsLikelihood,
        seed: np.random.SeedSequence,
        likelihood_power: float = 1.0,
        prior_power: float = 1.0,
    ) -> None:
        from scipy.special import logit

        self.likelihood = likelihood
        self.likelihood_power, self.prior_power = likelihood_power, prior_power
        self.shared = [item for item in likelihood.parameters if not item.dims]
        self.by_site = [item for item in likelihood.parameters if item.dims == ("site",) and item.name != "site_share"]
        self.by_country = [item for item in likelihood.parameters if item.dims == ("country",)]
        priors, margins = likelihood.spec.priors, likelihood.margins
        assert priors.site_shares is not None  # checked where the likelihood is chosen
        own = priors.excluded_shares or priors.site_shares
        self.n_sites, self.n_excluded = margins.n_sites, len(margins.excluded_sites)
        self.weights = np.repeat([own.concentration, priors.site_shares.concentration], self.groups)
        self.known = any(item.excluded for item in likelihood.retained)
        self.levels = np.array([logit((r + 0.5) / (n + 1)) for r, n in margins.totals])
        self._seed, self._call = seed, seed
        self._worlds = self._drawn(np.zeros((_WORLDS, self.dimension)), np.random.default_rng(seed.spawn(1)[0]))

    @property
    def dimension(self) -> int:
        """Length of a point."""
        return len(self.shared) + (1 + len(self.by_site) * self.n_excluded if self.known else 0)

    @property
    def groups(self) -> tuple[int, int]:
        """Numbers of excluded and of ordinary sites."""
        return self.n_excluded, self.n_sites - self.n_excluded

    @property
    def scale_axes(self) -> tuple[int, ...]:
        """Which axes are between-site SDs."""
        return tuple(i for i, item in enumerate(self.shared) if item.name in ("tau_u", "tau_v", "tau_c", "tau_d"))

    def __call__(self, g: Floats) -> Floats:
        """Log density at points of shape (size, dimension), up to the evidence; site effects drawn anew."""
        (self._call,) = self._seed.spawn(1)
        return np.concatenate(list(self._by_block(g, lambda _, part, drawn: self._at(part, drawn))))

    def again(self, g: Floats, kept: NDArray[np.int64]) -> dict[str, Floats]:
        """Parameters, without the chances to stay, at some of the points of the last call, by name."""
        found: dict[str, Floats] = {}
        starts, order = range(0, len(g), _BLOCK), np.argsort(kept)
        by_block = np.split(order, np.searchsorted(kept, starts[1:], sorter=order))
        mine = {start: np.sort(block) for start, block in zip(starts, by_block, strict=True)}

        def rows(start: int, part: Floats, drawn: dict[str, Floats]) -> dict[str, Floats]:
            here = kept[mine[start]] - start
            return self._placed(part[here], {name: value[here] for name, value in drawn.items()})[0]

        for start, part in zip(starts, self._by_block(g, rows), strict=True):
            for name, value in part.items():
                found.setdefault(name, np.empty((kept.size, *value.shape[1:])))[mine[start]] = value
        return found

    def rough(self, g: Floats) -> Floats:
        """Log of the density averaged over a few site effects that are always the same: smooth, for finding a mode.

        log (1/16) sum_w density(g, site effects w), by logsumexp since each density underflows; shape (size,).
        """
        points = np.repeat(g, _WORLDS, axis=0)
        drawn = {name: np.tile(value, (len(g), 1)) for name, value in self._worlds.items()}
        density = self._at(points, drawn)
        return np.asarray(log_sum_exp(density.reshape(len(g), _WORLDS)) - np.log(_WORLDS))

    def _by_block(self, g: Floats, take: Callable[[int, Floats, dict[str, Floats]], Taken]) -> Iterator[Taken]:
        """What is made of each block of points, from its start, with the last call's site effects."""
        starts = range(0, len(g), _BLOCK)
        seeds = np.random.SeedSequence(self._call.entropy, spawn_key=self._call.spawn_key).spawn(len(starts))

        def block(start: int, seed: np.random.SeedSequence) -> Taken:
            part = g[start : start + _BLOCK]
            return take(start, part, self._drawn(part, np.random.default_rng(seed)))

        with ThreadPoolExecutor(usable_cores()) as pool:
            yield from pool.map(block, starts, seeds)

    def _theta(self, g: Floats) -> dict[str, Floats]:
        theta: dict[str, Floats] = {}
        for i, item in enumerate(self.shared):  # those that others depend on come first
            theta[item.name] = item.from_normal(g[:, i], theta)
        return theta

    def _drawn(self, g: Floats, rng: np.random.Generator) -> dict[str, Floats]:
        """Standardised effects of sites and countries; shares of the sites (or of the excluded and of the ordinary)."""
        theta, size, m = self._theta(g), len(g), self.n_excluded
        found = {item.name: item.sample(rng, (size, self.n_sites), theta) for item in self.by_site}
        countries = len(self.likelihood.country_names)
        found |= {item.name: item.sample(rng, (size, countries), theta) for item in self.by_country}
        groups = (self.weights[:m], self.weights[m:]) if self.known else (self.weights,)
        shares = [rng.dirichlet(weights, size) for weights in groups]
        return found | {"site_share": np.concatenate(shares, axis=1)}

    def _placed(self, g: Floats, drawn: dict[str, Floats]) -> tuple[dict[str, Floats], dict[str, Floats], Floats]:
        """Parameters at the points; those proposed; and the chances that `average_responses` fills."""
        sites = self.likelihood.sites
        proposed = self._theta(g)
        values = {**proposed, **{item.name: drawn[item.name] for item in (*self.by_site, *self.by_country)}}
        values["site_share"] = drawn["site_share"]
        if self.known:
            own = g[:, len(self.shared) + 1 :].reshape(len(g), len(self.by_site), self.n_excluded)
            for i, item in enumerate(self.by_site):
                there = item.from_normal(own[:, i], proposed)
                values[item.name] = np.concatenate([there, values[item.name][:, self.n_excluded :]], axis=1)
            values["site_share"] = drawn["site_share"] * self._totals(g[:, len(self.shared)])
        nothing = np.zeros(len(g))
        effects = np.ascontiguousarray(sites.linear_predictor({**values, "alpha": nothing, "beta": nothing}))
        values |= {name: proposed[name].copy() for name in ("alpha", "beta")}
        chances = np.empty((len(g), 2, 2, 2))
        average_responses(
            values["site_share"], effects, self.levels, np.array(sites.spec.sites.x, dtype=float), values["alpha"],
            values["beta"], self.n_excluded, chances,
        )  # fmt: skip
        return values, proposed, chances

    def _at(self, g: Floats, drawn: dict[str, Floats]) -> Floats:
        """Log density at the points, shape (size,).

        Standard normal g has the prior's density, so log N(g; 0, I) is the prior of what it stands for. Except for
        alpha and beta, of which g gives (alpha', beta') while the model has (alpha, beta), a shift with Jacobian 1:
        there the prior of the one is put in place of that of the other, log p(alpha, beta) - log p(alpha', beta').
        A prior to the power k adds (k - 1) log p for the rest, and takes k log p for alpha and beta.
        """
        values, proposed, chances = self._placed(g, drawn)
        density = -0.5 * (g**2).sum(axis=1) - 0.5 * g.shape[1] * np.log(2 * np.pi)
        with np.errstate(invalid="ignore"):
            for item in self.shared:
                if item.name in ("alpha", "beta"):
                    density += self.prior_power * item.logpdf(values) - item.logpdf(proposed)
                elif self.prior_power != 1:
                    density += (self.prior_power - 1) * item.logpdf(values)
            density += self.likelihood_power * self.likelihood.log_of_chances(chances)
        return np.where(np.isnan(density), -np.inf, density)

    def _totals(self, g: Floats) -> Floats:
        """Share of the patients of the group that a site belongs to, excluded or ordinary, shape (size, sites).

        It is independent of the shares within both groups, and has a beta distribution: of a Dirichlet distribution
        with weights c_s the sum over the excluded sites is Beta(sum of their c_s, sum of the others').
        """
        from scipy.special import expit

        log_odds = self._log_odds_of_totals(np.clip(g, -_FURTHEST, _FURTHEST))
        return np.repeat(np.stack([expit(log_odds), expit(-log_odds)], axis=1), self.groups, axis=1)

    @cached_property
    def _log_odds_of_totals(self) -> Callable[[Floats], Floats]:
        """Log odds of the excluded sites' share as a function of a standard normal variable, by a spline.

        The beta quantile itself takes as long as all else together. Its logit is smooth in the normal variable, and the
        spline off by less than 1e-9.
        """
        from scipy.interpolate import CubicSpline
        from scipy.special import betaincinv, ndtr

        shape = [self.weights[: self.n_excluded].sum(), self.weights[self.n_excluded :].sum()]
        below = np.linspace(-_FURTHEST, 0.0, _KNOTS)
        # with x(p; a, b) the beta quantile, x(1 - p; a, b) = 1 - x(p; b, a), and 1 - Phi(g) = Phi(-g): only small
        # probabilities are asked for, which have all their digits
        low, high = (betaincinv(a, b, ndtr(below)) for a, b in (shape, shape[::-1]))
        low, high = (np.log(x) - np.log1p(-x) for x in (low, high))
        both = np.concatenate([below, -below[-2::-1]]), np.concatenate([low, -high[-2::-1]])
        spline: Callable[[Floats], Floats] = CubicSpline(*both)
        return spline


def sample(
    likelihood: MarginsLikelihood, progress: bool = False, *, likelihood_power: float = 1.0, prior_power: float = 1.0
) -> Draws:
    """Draw from the posterior of all free parameters.

    Parameters
    ----------
    likelihood : MarginsLikelihood
        Its `spec.sampler` holds points (at least; more where they are worth fewer draws than chains x draws), chains
        (here: independent replicates) and seed.
    progress : bool
        Whether to say what is going on.
    likelihood_power, prior_power : float
        Powers of the likelihood given site effects, and of the prior of the parameters that sites share.

    Returns
    -------
    Draws
        The same for the same seed, whatever the number of cores. Site effects drawn from their prior make weights
        uneven, so some points are drawn several times, next to each other; 'point' says which draws are of one.

    Raises
    ------
    SamplerError
        Where the density is nowhere a number.
    """
    settings = likelihood.spec.sampler
    started = time.perf_counter()
    site_seed, mode_seed, first_seed, last_seed, draw_seed, retention_seed, order_seed = np.random.SeedSequence(
        settings.seed
    ).spawn(7)
    density = MarginsDensity(likelihood, site_seed, likelihood_power, prior_power)
    with said(progress, f"drawing {likelihood.margins.n_sites} sites whose patients are not known"):
        start = find_proposal(density.rough, density.dimension, density.scale_axes, mode_seed)
        found = sample_density(density, start, _FIRST, settings.chains, first_seed)
        per_draw = found.weights.size / found.effective
        wanted = min(int(_SPARE * per_draw * settings.chains * settings.draws), _MOST_POINTS)
        points = max(settings.points, wanted)
        better = found.improved()
        if points > found.weights.size and better is not None:
            found = sample_density(density, better, points, settings.chains, last_seed, most_points=points)
        kept = side_by_side(found.picked(draw_seed, most_draws(density.n_sites)), order_seed)
        replicates, size = found.weights.shape
        flat = (kept + size * np.arange(replicates)[:, None]).ravel()
        values = density.again(found.points.reshape(replicates * size, -1), flat)
        rng = np.random.default_rng(retention_seed)
        parts = ({name: x[i : i + _BLOCK] for name, x in values.items()} for i in range(0, flat.size, _BLOCK))
        values["retention"] = np.concatenate([likelihood.draw_retention(part, rng) for part in parts])
    log_density = np.take_along_axis(found.log_density, kept, axis=1)
    return Draws(
        values={name: value.reshape(*kept.shape, *value.shape[1:]) for name, value in values.items()},
        statistics={"lp": log_density, "point": flat.reshape(kept.shape)},
        sampler=f"importance sampling, bayes-lupil {__version__}",
        seconds={"sample": time.perf_counter() - started},
        diagnostics={
            "pareto_k": found.k_hat,
            "importance_ess": found.effective,
            "points": float(found.weights.size),
            "halves_difference": found.halves_difference(),
        },
    )
