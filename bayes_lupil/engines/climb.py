"""Search for a mode that may be a million times narrower than the prior, or thousands of prior SDs away from it.

The search of `bayes_lupil.engines.proposal` takes steps of at most two SDs of the posterior, which is quick and safe
where the posterior is not much narrower than the prior. A million patients under a wide prior are another matter: here
Newton steps are limited by a radius in SDs of the prior, which grows while the steps do well and shrinks where they do
not (Nocedal and Wright 2006, Numerical Optimization, chapter 4), and the differences narrow with the posterior.

With gradient g, information J (minus the Hessian) and V = J^-1 at a point, Newton's step is V g. The log density of a
normal density rises along it by g'V g / 2 to the mode, and widths are the square roots of V's diagonal.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["NOWHERE", "Asking", "central", "climb", "difference_steps", "expansion", "inverse"]

Floats = NDArray[np.float64]
Found = TypeVar("Found")
Asking = Generator[Floats, Floats, Found]
"""A search that yields the points where it wants to know the density, is sent the values, and returns what it found."""

NOWHERE = -1e30
"""In place of a log density of minus infinity, which has no differences."""
_MOST_STEPS = 400  # a radius that grows four times with each is at 1e12 after 20
_CLOSE = 0.25  # to the mode, in SDs of each axis: the last step is taken as of a parabola
_COARSE = 2.0  # differences over more SDs than this say nothing of the bend at the mode
_FALL = 0.05  # of the log density, which small jumps of the integrals may make
_SMALLEST = 1e-9  # radius: the density does not rise any more along a step that can be told from none


def climb(start: Floats) -> Asking[tuple[Floats, float, Floats] | None]:
    """Mode, log density there and inverse information; None where no mode was found."""
    at, steps = start, np.full(start.size, 0.05)
    value, gradient, information = yield from expansion(at, steps, NOWHERE)
    radius = 1.0
    for _ in range(_MOST_STEPS):
        if not (value > NOWHERE and np.isfinite(gradient).all() and np.isfinite(information).all()):
            return None
        spread = inverse(information)
        widths = np.sqrt(np.diag(spread))
        newton = spread @ gradient
        if np.abs(newton / widths).max(initial=0) < _CLOSE and (steps <= _COARSE * widths).all():
            return at + newton, value + 0.5 * float(gradient @ newton), spread
        # lengths are in SDs of the prior, which is standard normal: Newton's direction, cut at the radius
        length = float(np.linalg.norm(newton))
        move = newton * min(1.0, radius / length) if length > 0 else newton
        finer = difference_steps(widths)
        found = yield from expansion(at + move, finer, NOWHERE)
        if found[0] >= value - _FALL:
            if length > radius:  # the radius held the step back, which did well
                radius *= 4
            at, steps = at + move, finer
            value, gradient, information = found
        else:
            radius = 0.25 * min(radius, length)
            if radius < _SMALLEST * float(widths.min()):
                return None
    return None


def difference_steps(widths: Floats) -> Floats:
    """Of the differences: long enough for the small jumps of integrals whose number of nodes depends on theta.

    A jump of e in the log density puts up to e / s into a central difference of step s, where the gradient is of the
    size of 1 / SD, and about 2 e / s^2 into a second one, where the information is 1 / SD^2. With s = 0.3 SDs and
    e = 1e-3 that is 2 per cent of the information; shorter steps would say more of the jump, longer ones of the third
    and fourth derivatives. The bound of 0.4 hardly binds, as `inverse` lets no SD be above 2^(1/2).
    """
    return np.clip(0.3 * widths, 1e-12, 0.4)


def expansion(at: Floats, steps: Floats, nowhere: float) -> Asking[tuple[float, Floats, Floats]]:
    """Value, gradient and minus the Hessian by central differences; `nowhere` stands for minus infinity.

    With D_i the second difference along axis i, D_i = f(x + s_i) + f(x - s_i) - 2 f(x) = s_i^2 H_ii + ..., and likewise

        f(x + s_i + s_j) + f(x - s_i - s_j) - 2 f(x) = s_i^2 H_ii + s_j^2 H_jj + 2 s_i s_j H_ij + ...,

    so that H_ij is that less D_i and D_j, over 2 s_i s_j: two points for each pair of axes in place of four, and
    1 + d + d^2 in all. Odd terms cancel; what is left out is of the order of s^2. One call asks for all of them.
    """
    d = at.size
    lower = np.tril_indices(d, -1)
    each = np.diag(steps)
    both = each[lower[0]] + each[lower[1]]
    values = yield at + np.concatenate([np.zeros((1, d)), each, -each, both, -both])
    values = np.where(values > nowhere, values, nowhere)
    value, gradient, bend = central(values[: 2 * d + 1], steps)
    up_both, down_both = values[2 * d + 1 :].reshape(2, -1)
    information = np.diag(-bend / steps**2)
    mixed = -(up_both + down_both - 2 * value - bend[lower[0]] - bend[lower[1]])
    information[lower] = mixed / (2 * steps[lower[0]] * steps[lower[1]])
    information[lower[1], lower[0]] = information[lower]
    return value, gradient, information


def central(values: Floats, steps: Floats) -> tuple[float, Floats, Floats]:
    """Value, gradient and second differences from values at a point, above it and below it along each axis."""
    up, down = np.split(values[1:], 2)
    return float(values[0]), (up - down) / (2 * steps), up + down - 2 * values[0]


def inverse(information: Floats) -> Floats:
    """Covariance; the prior alone has information 1, and a likelihood that bends the other way must not undo it.

    Eigenvalues below 1/2 (also negative ones, at a saddle) are taken for 1/2: the inverse is then positive definite, so
    that Newton's step goes uphill, and no SD is above 2^(1/2) of the prior's.
    """
    values, vectors = np.linalg.eigh(information)
    return np.asarray((vectors / np.maximum(values, 0.5)) @ vectors.T)
