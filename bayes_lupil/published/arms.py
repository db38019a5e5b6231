"""Both arms' risks at once: risk differences and ratios, with a prior of the log odds ratio or of each arm by itself.

With h0 and h1 the log odds of the arms, the joint density is L0(h0) L1(h1) times the prior, which is p(h0) p(h1 - h0)
of a control risk and a log odds ratio, or p(h0) p(h1) of independent arms. A measure f that rises in h1 lies below c
where h1 < g(h0), so that

    P(f < c) = integral over h0 of { integral over h1 from -inf to g(h0) of the joint density },

both integrals by Gauss and Legendre, the inner one on either side of g; or the other way round, the arm that is known
better outside. Where g leaves the numbers (a risk of 0 or 1) the outer integral is divided.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_expit

from bayes_lupil.published.likelihoods import ArmPrior, CountsLikelihood
from bayes_lupil.published.priors import EffectPrior
from bayes_lupil.trials.measures import Measure

__all__ = ["ArmsPosterior"]

Floats = NDArray[np.float64]

_X, _W = np.polynomial.legendre.leggauss(48)
_PANELS = 8
_X_PANEL, _W_PANEL = np.polynomial.legendre.leggauss(16)
_NOTHING = 36.0


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

    def _window(self, h0: Floats) -> tuple[Floats, Floats]:
        """For each h0, where the inner density is above exp(-36) of its peak: a search in two rounds."""
        low, high = np.full(h0.shape, -60.0), np.full(h0.shape, 60.0)
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
        low, high = -60.0, 60.0
        for _ in range(5):
            h = np.linspace(low, high, 97)
            total = self._log_total(h, *self._window(h))
            inside = np.flatnonzero(total > total.max() - _NOTHING)
            low, high = float(h[max(inside[0] - 1, 0)]), float(h[min(inside[-1] + 1, 96)])
            if inside.size > 0.7 * h.size:
                break
        return low, high

    def _log_total(self, outer: Floats, low: Floats, high: Floats) -> Floats:
        """Log density of the outer arm's log odds, up to a constant."""
        inner = 0.5 * (low + high)[:, None] + 0.5 * (high - low)[:, None] * _X
        log = self._log_inner(outer[:, None], inner)
        top = log.max(axis=1)
        return np.asarray(self._log_outer(outer) + top + np.log(0.5 * (high - low) * (np.exp(log - top[:, None]) @ _W)))

    def _rows_between(self, edges: list[float]) -> tuple[Floats, Floats, Floats, Floats]:
        """Nodes of the outer arm on panels between the edges, their weights, and the windows of the inner arm."""
        nodes, widths = [], []
        for left, right in itertools.pairwise(edges):
            nodes.append(0.5 * (left + right) + 0.5 * (right - left) * _X_PANEL)
            widths.append(0.5 * (right - left) * _W_PANEL)
        outer = np.concatenate(nodes)
        low, high = self._window(outer)
        total = self._log_total(outer, low, high)
        weights = np.concatenate(widths) * np.exp(total - total.max())
        return outer, weights / weights.sum(), low, high

    @cached_property
    def _rows(self) -> tuple[Floats, Floats, Floats, Floats]:
        return self._rows_between(np.linspace(*self._reach, _PANELS + 1).tolist())

    def _share_below(self, cut: Callable[[Floats], Floats], kink: float) -> float:
        """Probability that the inner arm's log odds are below a function of the outer ones.

        Parameters
        ----------
        kink : float
            Where the function leaves the finite numbers, and with it the integrand stops being smooth: there the outer
            integral is divided.
        """
        low_end, high_end = self._reach
        rows = self._rows
        if low_end < kink < high_end:
            rows = self._rows_between(sorted([*np.linspace(low_end, high_end, _PANELS + 1).tolist(), kink]))
        outer, weights, low, high = rows
        inside = np.clip(cut(outer), low, high)
        halves, logs = [], []
        for left, right in ((low, inside), (inside, high)):
            inner = 0.5 * (left + right)[:, None] + 0.5 * (right - left)[:, None] * _X
            halves.append(0.5 * (right - left))
            logs.append(self._log_inner(outer[:, None], inner))
        top = np.maximum(*(log.max(axis=1) for log in logs))[:, None]
        under, above = (half * (np.exp(log - top) @ _W) for half, log in zip(halves, logs, strict=True))
        return float(weights @ (under / (under + above)))

    def below(self, measure: Measure, value: float) -> float:
        """Probability that a measure of effect is below a value, as it is printed.

        Examples
        --------
        >>> arms = ArmsPosterior(CountsLikelihood((29, 50), (34, 50), ArmPrior("uniform")), ArmPrior("uniform"))
        >>> round(arms.below(MEASURES["rd"], 0.0), 4)
        0.1529
        """
        if measure.is_ratio and value <= 0:
            return 0.0
        if self._outer == 1:  # the control arm is above what the inverse measure says
            value = 1 / value if measure.is_ratio else -value
        share = self._share_below(lambda outer: _other_log_odds(measure, outer, value), _kink(measure, value))
        return 1 - share if self._outer == 1 else share

    def quantiles(self, measure: Measure, probabilities: tuple[float, ...]) -> tuple[float, ...]:
        """Values below which a measure lies with each probability, as printed."""
        outer, _, low, high = self._rows
        arms = [(outer, low), (outer, high)] if self._outer == 0 else [(low, outer), (high, outer)]
        edges = np.concatenate([_value(measure, *both) for both in arms])
        least = max(float(edges.min()), 1e-300) if measure.is_ratio else float(edges.min())
        ends = measure.scaled(least), measure.scaled(float(edges.max()))

        def below(scaled: float) -> float:
            return self.below(measure, measure.printed(scaled))

        return tuple(measure.printed(_solved(below, p, *ends)) for p in probabilities)

    def risk(self, arm: int, probabilities: tuple[float, ...]) -> tuple[float, ...]:
        """Quantiles of an arm's risk: 0 control, 1 active."""
        _, _, low, high = self._rows
        if arm == self._outer:
            found = [_solved(self._outer_below, p, *self._reach) for p in probabilities]
        else:
            ends = float(low.min()), float(high.max())
            found = [
                _solved(lambda h: self._share_below(lambda outer: np.full(outer.shape, h), math.nan), p, *ends)
                for p in probabilities
            ]
        return tuple(float(expit(h)) for h in found)

    def _outer_below(self, value: float) -> float:
        edges = sorted([*np.linspace(*self._reach, _PANELS + 1).tolist(), value])
        outer, weights, _, _ = self._rows_between(edges)
        return float(weights[outer < value].sum())


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
