"""Both arms' risks at once: risk differences and ratios, with a prior of the log odds ratio or of each arm by itself.

With h0 and h1 the log odds of the arms, the joint density is L0(h0) L1(h1) times the prior, which is p(h0) p(h1 - h0)
of a control risk and a log odds ratio, or p(h0) p(h1) of independent arms. A measure f that rises in h1 lies below c
where h1 < g(h0), so that

    P(f < c) = integral over h0 of { integral over h1 from -inf to g(h0) of the joint density },

both integrals by Gauss and Legendre, the inner one on either side of g; or the other way round, the arm that is known
better outside. The outer integral is divided until its parts agree, since the inner one may be steep: where the prior
is narrow, and where g leaves the numbers (a risk of 0 or 1).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_expit, ndtri

from bayes_lupil.published.likelihoods import ArmPrior, CountsLikelihood
from bayes_lupil.published.priors import EffectPrior
from bayes_lupil.trials.measures import Measure

__all__ = ["ArmsPosterior"]

Floats = NDArray[np.float64]

_X, _W = np.polynomial.legendre.leggauss(48)
_WIDEST = 24.0
"""Log odds that so many nodes span: logistic functions have their singularities at pi, and err by 1e-11."""
_PANELS = 4
_X_PANEL, _W_PANEL = np.polynomial.legendre.leggauss(16)
_NOTHING = 36.0
_CLOSE = 1e-9
"""Of a panel's probability: its halves agree with it."""
_HALVINGS = 30

_Rows = tuple[Floats, Floats, Floats, Floats]


@dataclass(frozen=True)
class ArmsPosterior:
    """The joint posterior of both arms' risks.

    Attributes
    ----------
    data : CountsLikelihood
    effect : EffectPrior or ArmPrior
        A prior of the log odds ratio, beside that of the control risk; or one of the active arm's risk by itself.
    """

    data: CountsLikelihood
    effect: EffectPrior | ArmPrior

    @property
    def _outer(self) -> int:
        """The arm that is summed over: the one better known, so that what is integrated given it varies slowly."""
        patients = (self.data.control, self.data.active)
        variances = [1 / (events + 0.5) + 1 / (n - events + 0.5) for events, n in patients]
        return int(variances[1] < variances[0])

    def _log_outer(self, h: Floats) -> Floats:
        return self.data.log_arm((self.data.control, self.data.active)[self._outer], h)

    def _log_inner(self, outer: Floats, inner: Floats) -> Floats:
        """What depends on the other arm: its likelihood, and the priors of both."""
        h0, h1 = (outer, inner) if self._outer == 0 else (inner, outer)
        found = self.data.log_arm((self.data.active, self.data.control)[self._outer], inner)
        if isinstance(self.effect, ArmPrior):
            return found + self.data.level.log_density(h0) + self.effect.log_density(h1)
        found = found + self.data.level.log_density(h0 + self.data.centre * (h1 - h0))
        if self.effect.is_flat:
            return found
        return np.asarray(found - 0.5 * ((h1 - h0 - self.effect.mean) / self.effect.sd) ** 2)

    @property
    def _furthest(self) -> float:
        """How far from 0 log odds may lie: a wide prior of an arm without events reaches beyond any likelihood."""
        if isinstance(self.effect, ArmPrior) or self.effect.is_flat:
            return 60.0
        return 60.0 + abs(self.effect.mean) + 9 * self.effect.sd

    def _window(self, h0: Floats) -> tuple[Floats, Floats]:
        """For each h0, where the inner density is above exp(-36) of its peak: a search in rounds."""
        low, high = np.full(h0.shape, -self._furthest), np.full(h0.shape, self._furthest)
        for _ in range(6):
            grid = low[:, None] + (high - low)[:, None] * np.linspace(0, 1, 201)
            log = self._log_inner(h0[:, None], grid)
            inside = log > log.max(axis=1, keepdims=True) - _NOTHING
            first = np.maximum(inside.argmax(axis=1) - 1, 0)
            last = np.minimum(200 - inside[:, ::-1].argmax(axis=1) + 1, 200)
            rows = np.arange(h0.size)
            low, high = grid[rows, first], grid[rows, last]
        return low, high

    @cached_property
    def _reach(self) -> tuple[float, float]:
        """Log odds of the outer arm between which all but exp(-36) of the joint density lies."""
        low, high = -self._furthest, self._furthest
        for _ in range(8):
            h = np.linspace(low, high, 97)
            total = self._log_total(h, *self._window(h))
            inside = np.flatnonzero(total > total.max() - _NOTHING)
            low, high = float(h[max(inside[0] - 1, 0)]), float(h[min(inside[-1] + 1, 96)])
            if inside.size > 0.7 * h.size:
                break
        return low, high

    def _log_integral(self, outer: Floats, low: Floats, high: Floats) -> Floats:
        """Log of the inner integral between two values, for each value of the outer arm."""
        width = (high - low)[:, None]
        parts = max(1, math.ceil(float(width.max()) / _WIDEST))
        unit = ((np.arange(parts)[:, None] + 0.5 + 0.5 * _X) / parts).ravel()
        log = self._log_inner(outer[:, None], low[:, None] + width * unit)
        top = log.max(axis=1)
        with np.errstate(divide="ignore"):
            found = top + np.log(0.5 / parts * width[:, 0] * (np.exp(log - top[:, None]) @ np.tile(_W, parts)))
        return np.asarray(found)

    def _log_total(self, outer: Floats, low: Floats, high: Floats) -> Floats:
        """Log density of the outer arm's log odds, up to a constant."""
        return np.asarray(self._log_outer(outer) + self._log_integral(outer, low, high))

    def _rows_on(self, left: Floats, right: Floats) -> _Rows:
        """Nodes of the outer arm on panels, their log weights, and the windows of the inner arm."""
        half = 0.5 * (right - left)[:, None]
        outer = (0.5 * (left + right)[:, None] + half * _X_PANEL).ravel()
        low, high = self._window(outer)
        return outer, np.log(half * _W_PANEL).ravel() + self._log_total(outer, low, high), low, high

    @cached_property
    def _edges(self) -> Floats:
        return np.linspace(*self._reach, 2 * _PANELS + 1)

    @cached_property
    def _rows(self) -> tuple[_Rows, _Rows]:
        """On panels, and on their halves."""
        edges = self._edges
        return self._rows_on(edges[:-1:2], edges[2::2]), self._rows_on(edges[:-1], edges[1:])

    @cached_property
    def _log_mass(self) -> float:
        """Log of the whole integral."""
        weights = self._rows[1][1]
        top = float(weights.max())
        return top + math.log(float(np.exp(weights - top).sum()))

    def _shares(self, rows: _Rows, cut: Callable[[Floats], Floats]) -> tuple[Floats, Floats]:
        """What lies below the cut at each node of each panel, as a share of the node's weight, and that weight."""
        outer, weights, low, high = rows
        inside = np.clip(cut(outer), low, high)
        below = expit(self._log_integral(outer, low, inside) - self._log_integral(outer, inside, high))
        return below.reshape(-1, _X_PANEL.size), np.exp(weights - self._log_mass).reshape(-1, _X_PANEL.size)

    def _share_below(self, cut: Callable[[Floats], Floats], kink: float = math.nan, limit: float = 0.0) -> float:
        """Probability that the inner arm's log odds are below a function of the outer ones.

        Panels of the outer arm are halved until both halves say what the whole one said.

        Parameters
        ----------
        kink, limit : float
            Where the function leaves the finite numbers, and what lies below it there: all or nothing. Panels are
            divided there, and ever nearer to it until their last node has seen the turn.
        """
        left, middle, right = self._edges[:-1:2], self._edges[1::2], self._edges[2::2]
        whole, rows = self._rows
        told, found = (np.prod(self._shares(whole, cut), axis=0)).sum(axis=1), 0.0
        for _ in range(_HALVINGS):
            below, weights = self._shares(rows, cut)
            parts = (below * weights).sum(axis=1)
            edges = np.column_stack([left, middle, middle, right]).reshape(-1, 2)
            starts, ends = edges.T
            unseen = (starts < kink) & (kink < ends)
            for edge, last in ((starts, below[:, 0]), (ends, below[:, -1])):
                unseen |= _is_beside(edge, starts, ends, kink) & (np.abs(last - limit) > _CLOSE)
            unseen &= weights.sum(axis=1) > _CLOSE
            bad = (np.abs(parts.reshape(-1, 2).sum(axis=1) - told) > _CLOSE) | unseen.reshape(-1, 2).any(axis=1)
            found += float(parts.reshape(-1, 2)[~bad].sum())
            again = np.repeat(bad, 2)
            if not again.any():
                return found
            (left, right), told = edges[again].T, parts[again]
            middle = _divided(left, right, kink)
            rows = self._rows_on(*np.column_stack([left, middle, middle, right]).reshape(-1, 2).T)
        return found + float(told.sum())

    def below(self, measure: Measure, value: float) -> float:
        """Probability that a measure of effect is below a value, as it is printed.

        Examples
        --------
        >>> from bayes_lupil.trials.measures import MEASURES
        >>> arms = ArmsPosterior(CountsLikelihood((29, 50), (34, 50), ArmPrior("uniform")), ArmPrior("uniform"))
        >>> round(arms.below(MEASURES["rd"], 0.0), 4)
        0.1529
        """
        if measure.is_ratio and value <= 0:
            return 0.0
        if self._outer == 1:  # the control arm is above what the inverse measure says
            value = 1 / value if measure.is_ratio else -value
        kink = _kink(measure, value)
        share = self._share_below(lambda outer: _other_log_odds(measure, outer, value), kink, float(value > 0))
        return min(max(1 - share if self._outer == 1 else share, 0.0), 1.0)

    def quantiles(self, measure: Measure, probabilities: tuple[float, ...]) -> tuple[float, ...]:
        """Values below which a measure lies with each probability, as printed."""
        outer, _, low, high = self._rows[1]
        arms = [(outer, low), (outer, high)] if self._outer == 0 else [(low, outer), (high, outer)]
        edges = np.concatenate([_value(measure, *both) for both in arms])
        least = max(float(edges.min()), 1e-300) if measure.is_ratio else float(edges.min())
        ends = measure.scaled(least), measure.scaled(float(edges.max()))

        def below(scaled: float) -> float:
            return self.below(measure, measure.printed(scaled))

        return tuple(measure.printed(found) for found in _all_solved(below, probabilities, *ends))

    def risk(self, arm: int, probabilities: tuple[float, ...]) -> tuple[float, ...]:
        """Quantiles of an arm's risk: 0 control, 1 active."""
        _, _, low, high = self._rows[1]
        if arm == self._outer:
            found = [_solved(self._outer_below, p, *self._reach) for p in probabilities]
        else:
            ends = float(low.min()), float(high.max())
            found = [
                _solved(lambda h: self._share_below(lambda outer: np.full(outer.shape, h)), p, *ends)
                for p in probabilities
            ]
        return tuple(float(expit(h)) for h in found)

    def _outer_below(self, value: float) -> float:
        edges = np.array([*self._edges[self._edges < value], value])
        weights = self._rows_on(edges[:-1], edges[1:])[1] if edges.size > 1 else np.empty(0)
        return float(np.exp(weights - self._log_mass).sum())


def _is_beside(edge: Floats, left: Floats, right: Floats, kink: float) -> NDArray[np.bool_]:
    """Whether an edge of panels is the kink or so near to it that nodes between the two see nothing."""
    return np.asarray(np.abs(edge - kink) < 0.1 * (right - left))


def _divided(left: Floats, right: Floats, kink: float) -> Floats:
    """Where panels are divided: at the kink, or near to it where it is at their edge, or else in the middle."""
    sixteenth = (right - left) / 16
    near = np.where(_is_beside(right, left, right, kink), right - sixteenth, 0.5 * (left + right))
    near = np.where(_is_beside(left, left, right, kink), left + sixteenth, near)
    return np.where((left < kink) & (kink < right), kink, near)


def _all_solved(
    below: Callable[[float], float], probabilities: tuple[float, ...], low: float, high: float
) -> list[float]:
    """Where a distribution function has each of several values.

    As a normal quantile of itself it is nearly a straight line: secants from one solution lead to the next in a few
    steps, and where they do not, the interval is searched.
    """
    middle = _solved(below, 0.5, low, high)
    step = 1e-3 * (high - low)
    slope = float(ndtri(min(max(below(middle + step), 1e-12), 1 - 1e-12))) / step
    found = []
    for probability in probabilities:
        wanted, x, before = float(ndtri(probability)), middle, (middle, 0.0)
        rate = slope
        for _ in range(12):
            nearer = x + (wanted - before[1]) / rate if rate > 0 else math.nan
            if not low < nearer < high:
                break
            value = float(ndtri(min(max(below(nearer), 1e-300), 1 - 1e-16)))
            if abs(value - wanted) < 1e-9:
                x, before = nearer, (nearer, value)
                break
            rate = (value - before[1]) / (nearer - x) if nearer != x else math.nan
            x, before = nearer, (nearer, value)
        found.append(x if abs(before[1] - wanted) < 1e-9 else _solved(below, probability, low, high))
    return found


def _solved(below: Callable[[float], float], probability: float, low: float, high: float) -> float:
    from scipy.optimize import brentq

    return float(brentq(lambda x: below(x) - probability, low, high, xtol=1e-15, rtol=1e-12))


def _other_log_odds(measure: Measure, control: Floats, value: float) -> Floats:
    """The log odds of an arm at which its measure against another has a value; infinite where no risk gives it."""
    if math.isinf(value):
        return np.full(control.shape, value)
    if measure.key == "or":
        return control + math.log(value) if value > 0 else np.full(control.shape, -np.inf)
    if measure.key == "rr":
        with np.errstate(divide="ignore"):
            log_risk = log_expit(control) + np.log(value)
        return np.where(log_risk < 0, log_risk - np.log(-np.expm1(np.minimum(log_risk, -1e-300))), np.inf)
    risk = expit(control) + value
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(risk <= 0, -np.inf, np.where(risk >= 1, np.inf, np.log(risk / (expit(-control) - value))))


def _value(measure: Measure, control: Floats, active: Floats) -> Floats:
    if measure.key == "or":
        return np.asarray(np.exp(active - control))
    if measure.key == "rr":
        return np.asarray(np.exp(log_expit(active) - log_expit(control)))
    return np.asarray(expit(active) - expit(control))


def _kink(measure: Measure, value: float) -> float:
    """The log odds of an arm beyond which no risk of the other gives the value; NaN where there are none."""
    if measure.key == "rr":
        return -math.log(value - 1) if 1 < value < math.inf else math.nan
    if measure.key == "rd" and 0 < abs(value) < 1:
        return math.log(1 - value) - math.log(value) if value > 0 else math.log(-value) - math.log1p(value)
    return math.nan
