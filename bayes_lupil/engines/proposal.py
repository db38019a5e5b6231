"""Where importance points are put: Student-t densities at the mode and along each between-site SD, and the prior.

The posterior of a hierarchical model is a funnel: the larger a between-site SD, the less the sites say of the averages.
With few sites a proposal that fits at the mode is too narrow where an SD is large, and no weight tells of points that
are never drawn. With small sites the density has a shoulder towards an SD of 0 that it misses as well. So for each SD
there is a ladder: to both sides of the mode, about the conditional modes of the other parameters, with the SDs there,
weighted by their mass by Laplace's method, as in Rue, Martino and Chopin (2009, J R Stat Soc B 71:319-392). One point
in ten comes from the prior, which bounds every weight by ten times the likelihood and finds modes that the search did
not (Hesterberg 1995, Technometrics 37:185-194). All points are weighted by the mixture as a whole (Owen and Zhou 2000,
JASA 95:135-143).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.engines.climb import NOWHERE, Asking, central, climb, difference_steps, expansion, inverse
from bayes_lupil.errors import SamplerError

__all__ = ["LogDensity", "NowhereANumberError", "Proposal", "Rung", "cholesky", "find_proposal"]

Floats = NDArray[np.float64]
LogDensity = Callable[[Floats], Floats]
"""From points of shape (size, dimensions) to (size,)."""
Found = TypeVar("Found")

_FIRST = 32  # points of the prior, the best of which the search for the mode starts from
_BITS = 30  # of a Sobol coordinate, so that there are 2^30 points before they repeat
# At a normal density in 2, 4, 6 or 10 dimensions the Student-t alone, stretched, has weights of at most 1.3, 1.5, 1.6
# or 1.8, and 88, 80, 75 or 68 points in 100 are worth a draw; unstretched 95, 91, 87 or 79. That is the price of
# covering posteriors that are wider, or have heavier tails, than the curvature at the mode says.
_DF = 7.0
_WIDER = 1.15
_PRIOR_SHARE = 0.1  # weights are below 10 times likelihood over evidence
_SPACING = 1.8  # of rungs, in SDs of the axis at the mode: five reach 9 of them
_RUNGS = 5
_NEGLIGIBLE = -8.0  # log of a rung's mass relative to the main component's: 3e-4
_MOST_MASS = 600.0  # on the log scale: a sum of such masses is a number still
_LADDER_SHARE = 0.5  # of all points, at most, by mass; with the least share the 20 rungs of two SDs get less than 0.7
_SMALLEST_SHARE = 0.01
_MAX_STEPS = 100
_NOWHERE = -1e9  # in place of a log density of minus infinity, which has no differences
_CLOSE = 0.25  # to the mode, in SDs: the last step need not be looked at
_FALL = 0.05  # of the log density, which small jumps of the integrals may make
_PART = 4096  # points at a time: what is computed of them on the way stays in the caches, six times as fast


class NowhereANumberError(SamplerError):
    """The density is not a number, or 0, wherever it was looked for."""

    def __init__(self) -> None:
        super().__init__("the density is nowhere a number")


@dataclass(frozen=True)
class Rung:
    """A further Student-t component: its mean, the Cholesky factor of its scale, and its share of the points."""

    mean: Floats
    factor: Floats
    share: float


@dataclass(frozen=True)
class Proposal:
    """Student-t(7) with mean and Cholesky factor of its scale, mixed with rungs and with a standard normal."""

    mean: Floats
    factor: Floats
    prior_share: float = _PRIOR_SHARE
    rungs: tuple[Rung, ...] = ()

    @cached_property
    def _components(self) -> tuple[Floats, Floats, Floats]:
        """Means, factors and shares of the Student-t parts, the main one first; shares and the prior's sum to 1."""
        parts = (Rung(self.mean, self.factor, 1 - self.prior_share - sum(r.share for r in self.rungs)), *self.rungs)
        means, factors, shares = zip(*((part.mean, part.factor, part.share) for part in parts), strict=True)
        return np.stack(means), np.stack(factors), np.array(shares)

    def points(self, size: int, seed: np.random.SeedSequence) -> Floats:
        """Randomly shifted Sobol points turned into draws of the mixture, shape (size, dimensions)."""
        from scipy.special import ndtri

        means, factors, shares = self._components
        dimension, rng = self.mean.size, np.random.default_rng(seed)
        u = _shifted_sobol(dimension + 1, size, rng)
        found: Floats = ndtri(u[:, :dimension])  # which is a draw of the prior already
        # t = normal / (chi-square / df)^(1/2); its chi-square and the shift alone are not Sobol's
        wide = found * (_WIDER / np.sqrt(rng.chisquare(_DF, size) / _DF))[:, None]
        # the last coordinate chooses the component: first the prior, then the parts in their order
        bounds = self.prior_share + np.cumsum(shares)[:-1]
        which = np.searchsorted(bounds, u[:, dimension], side="right")
        moved = means[which] + np.einsum("ij,ikj->ik", wide, factors[which])
        return np.where((u[:, dimension] < self.prior_share)[:, None], found, moved)

    def log_density(self, points: Floats) -> Floats:
        """Log density of the mixture, shape (size,).

        A part with scale L L' (L its factor times _WIDER) has, with df = _DF and q = |L^-1 (x - mean)|^2,

            log t = log G((df + d) / 2) - log G(df / 2) - (d / 2) log(df pi) - log det L - (df + d) / 2 log(1 + q / df),

        G the gamma function. Parts are added by logsumexp: far from all of them each density underflows by itself.
        """
        starts = range(0, max(len(points), 1), _PART)
        return np.concatenate([self._log_density(points[start : start + _PART]) for start in starts])

    def _log_density(self, points: Floats) -> Floats:
        from scipy.special import gammaln, logsumexp

        d, (means, factors, shares) = self.mean.size, self._components
        inverse = np.linalg.inv(factors)  # (parts, d, d)
        # one column for each part and axis; not by BLAS, whose threads go on to spin on cores that the integrals need
        columns = np.ascontiguousarray(inverse.reshape(-1, d).T)
        moved = np.einsum("ij,jk->ik", points, columns) - np.einsum("kij,kj->ki", inverse, means).ravel()
        standard = moved.reshape(len(points), -1, d) / _WIDER
        scales = np.log(np.diagonal(factors, axis1=1, axis2=2)).sum(axis=1) + d * np.log(_WIDER)
        constants = gammaln((_DF + d) / 2) - gammaln(_DF / 2) - d / 2 * np.log(_DF * np.pi) - scales + np.log(shares)
        squares = np.einsum("nki,nki->kn", standard, standard)
        parts = constants[:, None] - (_DF + d) / 2 * np.log1p(squares / _DF)
        if self.prior_share > 0:
            normal = -0.5 * (points**2).sum(axis=1) - d / 2 * np.log(2 * np.pi)
            parts = np.concatenate([parts, [np.log(self.prior_share) + normal]])
        return np.asarray(logsumexp(parts, axis=0))

    def moved(self, mean: Floats, factor: Floats) -> Proposal:
        """The same mixture with another main component."""
        return Proposal(mean, factor, self.prior_share, self.rungs)


def _shifted_sobol(dimension: int, size: int, rng: np.random.Generator) -> Floats:
    """Sobol points, each coordinate's digits shifted at random: uniform each, evenly spread together.

    A coordinate is an integer of _BITS binary digits; the shift adds random digits without carry (exclusive or), which
    keeps the net's even spread and makes every point uniform. Half a unit keeps coordinates off 0 and 1, where the
    normal quantile is infinite.
    """
    shift = rng.integers(0, 2**_BITS, dimension)
    return np.asarray(((_sobol(dimension, max(size - 1, 1).bit_length())[:size] ^ shift) + 0.5) / 2**_BITS)


@cache
def _sobol(dimension: int, doublings: int) -> NDArray[np.int64]:
    """The points themselves, as integers of `_BITS` digits, kept because they take longer to make than to use.

    Their number is a power of 2, as the sequence is even only over these, and so that few of them are kept.
    """
    from scipy.stats import qmc

    found = qmc.Sobol(dimension, scramble=False, bits=_BITS).random_base2(doublings)
    return np.asarray(found * 2**_BITS, dtype=np.int64)


def find_proposal(
    log_density: LogDensity, dimension: int, scale_axes: tuple[int, ...], seed: np.random.SeedSequence
) -> Proposal:
    """Proposal at the mode, found from the best of some points of the prior, with a ladder along each scale axis."""
    from scipy.special import ndtri

    first = ndtri(_shifted_sobol(dimension, _FIRST, np.random.default_rng(seed)))
    first[0] = 0.0
    values = log_density(first)
    if not (values > -np.inf).any():
        raise NowhereANumberError
    best = first[np.nanargmax(values)]
    ((mode, top, spread),) = _side_by_side(log_density, [_search(best)])
    factor = cholesky(spread)
    if not top > NOWHERE or factor is None or not np.isfinite(factor).all():
        raise NowhereANumberError
    # Laplace's log integral, log f(mode) + log det(2 pi V) / 2
    mass = top + 0.5 * np.linalg.slogdet(2 * np.pi * spread)[1]
    ladders = [_ladder(mode, spread, axis, way, mass) for axis in scale_axes for way in (1, -1)]
    rungs = [rung for ladder in _side_by_side(log_density, ladders) for rung in ladder]
    # shares of half the points in proportion to mass, the main component's being 1
    masses = np.array([rung.share for rung in rungs])
    shares = np.maximum(_LADDER_SHARE * masses / (1 + masses.sum()), _SMALLEST_SHARE)
    shared = tuple(Rung(rung.mean, rung.factor, float(share)) for rung, share in zip(rungs, shares, strict=True))
    return Proposal(mode, factor, _PRIOR_SHARE, shared)


def _side_by_side(log_density: LogDensity, searches: list[Asking[Found]]) -> list[Found]:
    """Results of searches, each of which asks for the density at some points; all that are asked for in one call."""
    found: dict[int, Found] = {}
    asked = {i: next(search) for i, search in enumerate(searches)}
    while asked:
        values = log_density(np.concatenate(list(asked.values())))
        ends = np.cumsum([len(points) for points in asked.values()])
        for i, part in zip(list(asked), np.split(values, ends[:-1]), strict=True):
            try:
                asked[i] = searches[i].send(part)
            except StopIteration as end:
                found[i] = end.value
                del asked[i]
    return [found[i] for i in range(len(searches))]


def _search(start: Floats) -> Asking[tuple[Floats, float, Floats]]:
    """Mode, log density there, inverse information; Newton steps of at most two SDs, halved where they go down.

    The steps of the differences are halved with them: what they span was not like a normal density. Where such steps
    do not come to an end, as under a prior a thousand times as wide as the posterior, `climb` takes over.
    """
    at, steps = start, np.full(start.size, 0.05)
    best, move = -np.inf, np.zeros(start.size)
    spread = np.eye(start.size)
    for _ in range(_MAX_STEPS):
        value, gradient, information = yield from expansion(at, steps, _NOWHERE)
        if value < best - _FALL:
            move, steps = 0.5 * move, 0.5 * steps
            at = at - move
            continue
        if not value > _NOWHERE:
            break
        best, spread = max(best, value), inverse(information)
        widths = np.sqrt(np.diag(spread))
        move = spread @ gradient
        if np.abs(move / widths).max(initial=0) < _CLOSE:
            if (steps > 2 * widths).any():  # too long to have seen the bend
                break
            # the last step V g is as of a parabola, on which it gains g'V g / 2; the point itself is not looked at
            return at + move, value + 0.5 * float(gradient @ move), spread
        move = _limited(move, widths)
        at, steps = at + move, difference_steps(widths)
    found = yield from climb(start)
    return (at, value, spread) if found is None else found


def _ladder(mode: Floats, spread: Floats, axis: int, way: int, mass: float) -> Asking[list[Rung]]:
    """Conditional modes along one axis, above the mode (way 1) or below it (-1).

    The others' conditional SDs are found at each rung; their conditional correlations are those at the mode. Shares
    are masses relative to the main component's.

    With V the covariance at the mode, s the axis and o the others, given s they have the mean V_os / V_ss times the
    distance (`along`) and the covariance V_oo - V_os V_so / V_ss = W C W (`given`), W their SDs and C correlations. At
    a rung one Newton step in the others, W C W times their gradient, leads to about their conditional mode. Laplace's
    log integral over them there, times the length of the axis that the rung stands for, is the rung's mass,

        log f + log det(2 pi C) / 2 + sum log W + log(1.8 SDs).

    As a component a rung has along s the scale v, 0.8 times the spacing, so that neighbours melt into one another
    (normal densities of one height add up to a constant to within 2e-5). The others follow by a regression on s, with
    the slopes from the previous rung to this one (`tilt`): Cov(o, s) = tilt v^2, Cov(o) = W C W + tilt tilt' v^2.
    """
    width = np.sqrt(spread[axis, axis])
    others = np.delete(np.arange(mode.size), axis)
    along = spread[:, axis] / spread[axis, axis]
    given = spread[np.ix_(others, others)] - np.outer(along[others], spread[axis, others])
    widths = np.sqrt(np.diag(given))
    correlation = given / np.outer(widths, widths)
    volume = 0.5 * np.linalg.slogdet(2 * np.pi * correlation)[1]
    at = mode
    found: list[Rung] = []
    for _ in range(_RUNGS):
        at = at + way * along * _SPACING * width  # where the others would go if all were normal
        value, gradient, bend = yield from _slopes(at, others, difference_steps(widths))
        widths = 1 / np.sqrt(np.maximum(-bend, 0.5))  # as in `inverse`: the prior's own information is 1
        move = widths * (correlation @ (widths * gradient))
        move = _limited(move, widths)
        at[others] += move
        value += 0.5 * float(gradient @ move)  # as of a parabola; the point itself is not looked at
        relative = value + volume + np.log(widths).sum() + np.log(_SPACING * width) - mass
        if not relative > _NEGLIGIBLE:
            break
        previous = found[-1].mean if found else mode
        along = (at - previous) / (at[axis] - previous[axis])
        tilt = along[others]
        scale = np.empty_like(spread)
        variance = (0.8 * _SPACING * width) ** 2
        scale[axis, axis] = variance
        scale[others, axis] = scale[axis, others] = tilt * variance
        scale[np.ix_(others, others)] = correlation * np.outer(widths, widths) + np.outer(tilt, tilt) * variance
        factor = cholesky(scale)
        if factor is None:
            break
        found.append(Rung(at, factor, float(np.exp(min(relative, _MOST_MASS)))))
    return found


def _limited(move: Floats, widths: Floats) -> Floats:
    """A step of at most two SDs along any axis."""
    far = np.abs(move / widths).max(initial=0)
    return np.asarray(move * (2.0 / far)) if far > 2 else move


def _slopes(at: Floats, axes: NDArray[np.int64], steps: Floats) -> Asking[tuple[float, Floats, Floats]]:
    """Value, first and second derivatives along some axes by central differences."""
    each = np.zeros((axes.size, at.size))
    each[np.arange(axes.size), axes] = steps
    values = yield at + np.concatenate([np.zeros((1, at.size)), each, -each])
    value, gradient, bend = central(np.where(values > _NOWHERE, values, _NOWHERE), steps)
    return value, gradient, bend / steps**2


def cholesky(covariance: Floats) -> Floats | None:
    """None where rounding has left no covariance."""
    try:
        return np.asarray(np.linalg.cholesky(covariance), dtype=float)
    except np.linalg.LinAlgError:
        return None
