"""What one printed result says of an effect: a normal likelihood of an estimate, a binomial one of the counts.

Of counts, with control's log odds a and the log odds ratio t,

    y0 ~ Binomial(n0, expit(a)),   y1 ~ Binomial(n1, expit(a + t)),

and a prior of a + c t, the log odds in between the arms: flat, that of a uniform risk (a logistic density), or normal.
A flat one adds nothing, wherever in between it is put; one of the control risk alone would move the effect of rare
events, by one event of the control arm where it is uniform. Since the prior of t does not enter,

    m(t) = integral of L0(a) L1(a + t) p(a + c t) da

is worked out once, and the posterior under any prior of t is m(t) p(t), up to a constant: one integral over t. Risk
differences and ratios need both: see `joint`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_expit

from bayes_lupil.errors import UnsupportedModelError
from bayes_lupil.published.posteriors import EffectPosterior, NormalPosterior, TabledPosterior
from bayes_lupil.published.priors import EffectPrior
from bayes_lupil.trials.measures import MEASURES, Measure

__all__ = ["ArmPrior", "CountsLikelihood", "EffectLikelihood", "NormalLikelihood"]

Floats = NDArray[np.float64]

_NODES = 241
"""Of the sum over a. The trapezoidal rule errs by exp(-2 pi d / step) for a function without singularities nearer than
d to the real line: logistic ones have theirs at pi, and the step is below 0.5 however flat the integrand is."""
_POINTS = 2001
_NOTHING = 36.0
"""Log density below the highest that counts for nothing: exp(-36) = 2e-16."""
_FURTHEST = 30.0
"""Of a log odds ratio: beyond it only a flat prior with an arm without events, or without others, has any mass."""


class EffectLikelihood(Protocol):
    """What data say of one effect."""

    @property
    def measure(self) -> Measure:
        """The measure of effect, on whose scale priors are."""
        ...

    @property
    def value(self) -> float:
        """The estimate, on that scale."""
        ...

    @property
    def se(self) -> float:
        """Its standard error."""
        ...

    def under(self, prior: EffectPrior) -> EffectPosterior:
        """The posterior under a prior."""
        ...

    def relative(self, values: Floats) -> Floats:
        """The likelihood, its greatest value being 1."""
        ...


@dataclass(frozen=True)
class NormalLikelihood:
    """An estimate about normal with a known standard error, both on the measure's scale."""

    measure: Measure
    value: float
    se: float

    def under(self, prior: EffectPrior) -> NormalPosterior:
        """The posterior: precisions add, and the mean is their weighted average.

        Examples
        --------
        >>> found = NormalLikelihood(MEASURES["hr"], -0.2744, 0.1625).under(EffectPrior("x", 0, 0.355, ""))
        >>> round(found.mean, 4), round(found.sd, 4)
        (-0.2269, 0.1478)
        """
        weight = prior.weight(self.se)
        mean = self.value + weight * (prior.mean - self.value)
        sd = self.se if prior.is_flat else self.se * (prior.sd / math.hypot(self.se, prior.sd))
        return NormalPosterior(mean, sd)

    def relative(self, values: Floats) -> Floats:
        """The likelihood, its greatest value being 1."""
        return np.asarray(np.exp(-0.5 * ((values - self.value) / self.se) ** 2))


@dataclass(frozen=True)
class ArmPrior:
    """Prior of log odds: flat (by default), that of a uniform risk, or normal.

    Attributes
    ----------
    kind : {"flat", "uniform", "normal"}
    mean, sd : float
        Of normal log odds.
    """

    kind: Literal["flat", "uniform", "normal"] = "flat"
    mean: float = 0.0
    sd: float = math.inf

    def log_density(self, log_odds: Floats) -> Floats:
        """Up to a constant."""
        if self.kind == "uniform":
            return np.asarray(log_expit(log_odds) + log_expit(-log_odds))
        return np.asarray(-0.5 * ((log_odds - self.mean) / self.sd) ** 2)

    def slope_and_curvature(self, log_odds: Floats) -> tuple[Floats, Floats]:
        """First derivative of the log density, and the second one with the other sign."""
        if self.kind == "uniform":
            risk = expit(log_odds)
            return 1 - 2 * risk, 2 * risk * (1 - risk)
        return (self.mean - log_odds) / self.sd**2, np.full(log_odds.shape, self.sd**-2)

    def __str__(self) -> str:
        if self.kind == "normal":
            return f"normal on the log odds, mean {self.mean:g}, SD {self.sd:g}"
        return "uniform between 0 and 1" if self.kind == "uniform" else "flat on the log odds"


@dataclass(frozen=True)
class CountsLikelihood:
    """Binomial counts of both arms.

    Attributes
    ----------
    control, active : (int, int)
        Events and patients.
    level : ArmPrior
        Of the log odds in between the arms; a flat one leaves the effect to the data and its own prior.
    centre : float
        Where in between: 0 at the control arm, 1/2 midway.
    """

    control: tuple[int, int]
    active: tuple[int, int]
    level: ArmPrior = ArmPrior()
    centre: float = 0.0

    def __post_init__(self) -> None:
        events, patients = (sum(pair) for pair in zip(self.control, self.active, strict=True))
        if self.level.kind == "flat" and events in (0, patients):
            raise UnsupportedModelError(
                "a flat prior of the level", f"{events} events of {patients} patients in all",
                "events and patients without", "ArmPrior('uniform') has a posterior.",
            )  # fmt: skip

    @property
    def measure(self) -> Measure:
        """The odds ratio: priors are of its log."""
        return MEASURES["or"]

    @property
    def se(self) -> float:
        """Standard error of the log odds ratio (Woolf), of half an event more in each cell where one is empty."""
        cells = [count for events, n in (self.control, self.active) for count in (events, n - events)]
        more = 0.5 if min(cells) == 0 else 0.0
        return math.sqrt(sum(1 / (count + more) for count in cells))

    @property
    def is_bounded(self) -> bool:
        """Whether the likelihood falls off on both sides, so that a flat prior has a posterior."""
        return all(0 < events < n for events, n in (self.control, self.active))

    @cached_property
    def value(self) -> float:
        """The log odds ratio, of half an event more in each cell."""
        odds = [(events + 0.5) / (n - events + 0.5) for events, n in (self.control, self.active)]
        return math.log(odds[1] / odds[0])

    def log_arm(self, arm: tuple[int, int], log_odds: Floats) -> Floats:
        """Binomial log likelihood of an arm, up to a constant."""
        events, n = arm
        return np.asarray(events * log_expit(log_odds) + (n - events) * log_expit(-log_odds))

    def log_marginal(self, effect: Floats) -> Floats:
        """Log m(t), up to a constant.

        For each t the integrand is a log-concave function of a: Newton's steps find its mode, bisection on either side
        where it has fallen to nothing, and the trapezoidal rule what lies between.
        """
        t = np.atleast_1d(np.asarray(effect, dtype=float))
        (y0, n0), (y1, n1) = self.control, self.active
        a = math.log((y0 + 0.5) / (n0 - y0 + 0.5)) - np.clip(t - self.value, -5, 5) / 2
        for _ in range(60):
            p0, p1 = expit(a), expit(a + t)
            more, curved = self.level.slope_and_curvature(a + self.centre * t)
            slope, curve = y0 - n0 * p0 + y1 - n1 * p1 + more, n0 * p0 * (1 - p0) + n1 * p1 * (1 - p1) + curved
            step = np.clip(slope / np.maximum(curve, 1e-12), -1.0, 1.0)
            a = a + step
            if np.abs(step).max() < 1e-10:
                break

        def log_integrand(nodes: Floats) -> Floats:
            apart = t.reshape(-1, *[1] * (nodes.ndim - 1))
            level = self.level.log_density(nodes + self.centre * apart)
            return self.log_arm(self.control, nodes) + self.log_arm(self.active, nodes + apart) + level

        edges = [_falls_to(log_integrand, a, side) for side in (-1.0, 1.0)]
        nodes = edges[0][:, None] + (edges[1] - edges[0])[:, None] * np.linspace(0, 1, _NODES)
        log = log_integrand(nodes)
        top = log.max(axis=1)
        return np.asarray(top + np.log(np.exp(log - top[:, None]).sum(axis=1) * (edges[1] - edges[0])))

    @cached_property
    def _table(self) -> tuple[Floats, Floats]:
        """Log m(t) at equally spaced t, out to 40 standard errors."""
        reach = min(40 * self.se, 2 * _FURTHEST)
        points = np.linspace(self.value - reach, self.value + reach, _POINTS)
        return points, self.log_marginal(points)

    @cached_property
    def _spline(self) -> object:
        from scipy.interpolate import CubicSpline

        return CubicSpline(*self._table)

    def under(self, prior: EffectPrior) -> TabledPosterior:
        """The posterior of the log odds ratio.

        Raises
        ------
        UnsupportedModelError
            For a flat prior where an arm has no events, or nothing else; for a prior 40 standard errors away.

        Examples
        --------
        >>> data = CountsLikelihood((29, 50), (34, 50))
        >>> round(data.under(EffectPrior("neutral", 0, 1, "")).below(0), 3)
        0.167
        """
        if prior.is_flat and not self.is_bounded:
            raise UnsupportedModelError(
                "a flat prior", "an arm in which nobody, or everybody, had an event",
                "a prior with an SD", "Under a flat prior the odds ratio may be as far out as one likes.",
            )  # fmt: skip
        table, _ = self._table

        def log_density(t: Floats) -> Floats:
            # beyond the table the likelihood has vanished, or is level where an arm is empty
            found = np.asarray(self._spline(np.clip(t, table[0], table[-1])))  # type: ignore[operator]
            return found if prior.is_flat else found - 0.5 * ((t - prior.mean) / prior.sd) ** 2

        low, high = table[0], table[-1]
        if not self.is_bounded:
            low, high = min(low, prior.mean - 9 * prior.sd), max(high, prior.mean + 9 * prior.sd)
        for _ in range(6):  # to where the density is, from as wide as the table
            points = np.linspace(low, high, _POINTS)
            log = log_density(points)
            inside = np.flatnonzero(log > log.max() - _NOTHING)
            low, high = points[max(inside[0] - 1, 0)], points[min(inside[-1] + 1, _POINTS - 1)]
            if inside.size > 0.8 * _POINTS:
                break
        points = np.linspace(low, high, _POINTS)
        log = log_density(points)
        if max(log[0], log[-1]) > log.max() - 25:
            raise UnsupportedModelError(
                f"prior '{prior.name}'", "a log odds ratio more than 40 standard errors from the data", "a nearer one"
            )
        return TabledPosterior(points, log)

    def relative(self, values: Floats) -> Floats:
        """The likelihood of the log odds ratio with the control risk integrated out, its greatest value being 1."""
        points, log = self._table
        inside = np.clip(values, points[0], points[-1])
        return np.asarray(np.exp(self._spline(inside) - log.max()))  # type: ignore[operator]


def _falls_to(log: Callable[[Floats], Floats], mode: Floats, side: float) -> Floats:
    """Where a log-concave function has fallen by 36 from its mode, on one side."""
    least = log(mode) - _NOTHING
    near, far = mode, mode + side * 2 * _FURTHEST
    for _ in range(20):
        middle = 0.5 * (near + far)
        above = log(middle) > least
        near, far = np.where(above, middle, near), np.where(above, far, middle)
    return far
