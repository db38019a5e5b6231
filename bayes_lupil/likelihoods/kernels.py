"""Compiled site integrals: the likelihood of one site's cells with the site's own effects integrated out.

Given the hyper-parameters, cell c of a site has the log odds

    eta_c = X_c b + (s_11 + s_21 x_c) z_1 + s_22 x_c z_2,    z_1, z_2 ~ N(0, 1) independent.

All site models of the package with normal site effects have this form; for others see `bayes_lupil.likelihoods.grids`.
The integrand is log-concave. The integral of the cells' binomial probability over z is taken by adaptive
Gauss-Hermite quadrature (Pinheiro and Bates 1995, J Comput Graph Stat 4:12-35): nodes centred at the mode and scaled
along the principal axes of the curvature there. Along an axis on which the data say little the integrand is nearly
normal, and few nodes do (`LEVELS`). `order` is 1 where z_1 alone exists, 2 where z_2 alone does, 3 for both.

The search for the mode never takes a Newton step that lowers the density. At a site where nobody (or everybody)
responded, full steps diverge when the between-site SD is large; such points then get next to no weight, and no
diagnostic of the draws would notice.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numba
import numpy as np

__all__ = ["LEVELS", "draw_sites", "integrate_sites"]

_TOLERANCE = 1e-5  # of the mode in units of z, whose SD is at most 1: the nodes need not be centred better
_MAX_STEPS = 100
_CHAIN = 12
_FLAT = 30.0

LEVELS = (0.23, 0.38, 0.54, 0.84, 1.0)
"""Share of the nodes asked for that an axis gets, by the information on it. Found by brute force over 36 kinds of site
and theta from priors, for like errors on all axes."""

_BOUNDS = np.array([1.03, 1.3, 1.6, 2.0])

_jit: Callable[..., Any] = numba.njit(nogil=True, cache=True, error_model="numpy")
# sums may be reordered and products fused in these, so that they run on several nodes at once; nothing else is relaxed
_vector: Callable[..., Any] = numba.njit(
    nogil=True, cache=True, error_model="numpy", fastmath={"contract", "reassoc", "nsz"}
)

_E = tuple(1.0 / math.factorial(i) for i in range(12))


@_vector
def _exp(x):
    """exp(x) for x up to about 20, next to 0 below -45: Taylor series of exp(x / 64), squared six times.

    The error is below 1e-13 of the larger of 1 and the value, and below 4e-9 of the value.
    The C library's takes one number at a time, and half of the engine's time would go there.
    """
    r = max(x, -45.0) * (1.0 / 64.0)
    p = _E[11]
    p = p * r + _E[10]
    p = p * r + _E[9]
    p = p * r + _E[8]
    p = p * r + _E[7]
    p = p * r + _E[6]
    p = p * r + _E[5]
    p = p * r + _E[4]
    p = p * r + _E[3]
    p = p * r + _E[2]
    p = p * r + 1.0
    p = p * r + 1.0
    p = p * p
    p = p * p
    p = p * p
    p = p * p
    p = p * p
    return p * p


@_vector
def _softplus(eta):
    """log(1 + exp(eta)), with log(1 + t) = 2 artanh(t / (2 + t)) as a series in at most 1/9. Error below 1.1e-11."""
    t = _exp(-abs(eta))
    s = t / (2.0 + t)
    q = s * s
    p = 1.0 / 19.0
    p = p * q + 1.0 / 17.0
    p = p * q + 1.0 / 15.0
    p = p * q + 1.0 / 13.0
    p = p * q + 1.0 / 11.0
    p = p * q + 1.0 / 9.0
    p = p * q + 1.0 / 7.0
    p = p * q + 1.0 / 5.0
    p = p * q + 1.0 / 3.0
    p = p * q + 1.0
    return max(eta, 0.0) + 2.0 * s * p


@_jit
def _density(z1, z2, cells, count, state):
    """Log of the integrand at z; its gradient and the information matrix there go into `state`."""
    value = -0.5 * (z1 * z1 + z2 * z2)
    g1, g2, a, b, c = -z1, -z2, 1.0, 0.0, 1.0
    for k in range(count):
        eta = cells[2, k] + cells[3, k] * z1 + cells[4, k] * z2
        small = math.exp(-abs(eta))
        value += cells[0, k] * eta - cells[1, k] * (max(eta, 0.0) + math.log1p(small))
        p = (1.0 if eta > 0.0 else small) / (1.0 + small)
        residual = cells[0, k] - cells[1, k] * p
        weight = cells[1, k] * small / ((1.0 + small) * (1.0 + small))
        u, v = cells[3, k], cells[4, k]
        g1 += residual * u
        g2 += residual * v
        a += weight * u * u
        b += weight * u * v
        c += weight * v * v
    state[0], state[1], state[2], state[3], state[4] = g1, g2, a, b, c
    return value


@_jit
def _mode(cells, count, state):
    """Mode of the integrand by Newton steps, each halved until it raises the density.

    Returns (z1, z2, log density there, whether it converged); gradient and information there are left in `state`.
    """
    z1, z2 = 0.0, 0.0
    value = _density(z1, z2, cells, count, state)
    for _ in range(_MAX_STEPS):
        g1, g2, a, b, c = state[0], state[1], state[2], state[3], state[4]
        determinant = a * c - b * b
        step1, step2 = (c * g1 - b * g2) / determinant, (a * g2 - b * g1) / determinant
        size = max(abs(step1), abs(step2))
        if not size > _TOLERANCE:
            return z1, z2, value, size <= _TOLERANCE
        while True:
            new = _density(z1 + step1, z2 + step2, cells, count, state)
            if new >= value:
                break
            step1, step2, size = 0.5 * step1, 0.5 * step2, 0.5 * size
            if not size > 1e-3 * _TOLERANCE:  # no step raises the density any more, for want of digits
                _density(z1, z2, cells, count, state)
                return z1, z2, value, True
        z1, z2, value = z1 + step1, z2 + step2, new
    return z1, z2, value, False


@_jit
def _axes(state, order):
    """Columns of B with B B' the inverse information, along its principal axes, and the information along each."""
    a, b, c = state[2], state[3], state[4]
    if order != 3:
        return 1.0 / math.sqrt(a), 0.0, 0.0, 1.0 / math.sqrt(c), a, c
    middle, radius = 0.5 * (a + c), math.hypot(0.5 * (a - c), b)
    large = middle + radius
    small = (a * c - b * b) / large
    cosine, sine = 1.0, 0.0
    if radius > 0.0:
        cosine = math.sqrt(max(0.5 + 0.25 * (a - c) / radius, 0.0))
        sine = math.copysign(math.sqrt(max(0.5 - 0.25 * (a - c) / radius, 0.0)), b)
    r1, r2 = 1.0 / math.sqrt(large), 1.0 / math.sqrt(small)
    return r1 * cosine, r1 * sine, -r2 * sine, r2 * cosine, large, small


@_jit
def _level(information):
    """Which of the rules an axis needs, by the information on it (the prior's own is 1); see `LEVELS`."""
    level = 0
    while level < _BOUNDS.size and information >= _BOUNDS[level]:
        level += 1
    return level


@_vector
def _place(z1, z2, b11, b12, b21, b22, value, t1, t2, weights, start, size, w1, w2, logs):
    """Nodes of the standard rule moved to the mode and scaled; logs of weight and prior."""
    for i in range(size):
        v1 = z1 + b11 * t1[start + i] + b12 * t2[start + i]
        v2 = z2 + b21 * t1[start + i] + b22 * t2[start + i]
        w1[i], w2[i] = v1, v2
        logs[i] = weights[start + i] - 0.5 * (v1 * v1 + v2 * v2) - value


@_vector
def _add_cell(y, n, offset, j1, j2, h1, h2, log, size):
    for i in range(size):
        eta = offset + j1 * h1[i] + j2 * h2[i]
        log[i] += y * eta - n * _softplus(eta)


@_vector
def _sum_exp(log, size):
    total = 0.0
    for i in range(size):
        total += _exp(log[i])
    return total


@_jit
def _integral(z1, z2, value, order, cells, count, state, t1, t2, weights, starts, sizes, w1, w2, logs):
    """Log integral over the z that exist, from the mode and the information there."""
    b11, b21, b12, b22, i1, i2 = _axes(state, order)
    level1, level2 = _level(i1), _level(i2)
    start, size = starts[level1, level2], sizes[level1, level2]
    _place(z1, z2, b11, b12, b21, b22, value, t1, t2, weights, start, size, w1, w2, logs)
    for k in range(count):
        _add_cell(cells[0, k], cells[1, k], cells[2, k], cells[3, k], cells[4, k], w1, w2, logs, size)
    scale = (i1 if order != 2 else 1.0) * (i2 if order != 1 else 1.0)
    return value + math.log(_sum_exp(logs, size)) - 0.5 * math.log(scale)


@_jit
def _fill(lo, count, y, n, design, x, order, d, fixed, scale, cells):
    """One site's cells at draw d, a row each: y, n, offset X b, coefficients of z_1 and of z_2."""
    for k in range(count):
        offset = 0.0
        for p in range(fixed.shape[1]):
            offset += design[lo + k, p] * fixed[d, p]
        cells[0, k], cells[1, k], cells[2, k] = y[lo + k], n[lo + k], offset
        cells[3, k] = scale[d, 0] + scale[d, 1] * x[lo + k] if order & 1 else 0.0
        cells[4, k] = scale[d, 2] * x[lo + k] if order & 2 else 0.0


@_jit
def integrate_sites(first, y, n, design, x, order, fixed, scale, t1, t2, weights, starts, sizes, log_likelihood):
    """Fill `log_likelihood` (draws, sites); returns how many searches for a mode did not converge.

    `first` (sites + 1) bounds the cells of each site in y, n, x (cells) and design (cells, P); `fixed` is (draws, P),
    `scale` (draws, 3) holds s_11, s_21, s_22. Nodes (t1, t2) with log `weights` hold a rule for each pair of levels,
    from starts[level1, level2] on.
    """
    widest = np.max(np.diff(first))
    cells, state = np.empty((5, widest)), np.empty(5)
    most = sizes.max()
    w1, w2, logs = np.empty(most), np.empty(most), np.empty(most)
    failed = 0
    for d in range(fixed.shape[0]):
        for s in range(first.size - 1):
            lo, count = first[s], first[s + 1] - first[s]
            _fill(lo, count, y, n, design, x, order, d, fixed, scale, cells)
            z1, z2, value, converged = _mode(cells, count, state)
            failed += not converged
            log_likelihood[d, s] = _integral(
                z1, z2, value, order, cells, count, state, t1, t2, weights, starts, sizes, w1, w2, logs
            )
    return failed


@_jit
def _from_envelope(z1, z2, order, cells, count, state, rng):
    """An exact draw of z by rejection.

    log L is concave in z, so its tangent at the mode lies above it, and the prior times
    exp(tangent) is N(gradient of log L, 1).
    """
    at_mode = _density(z1, z2, cells, count, state)
    l1, l2 = state[0] + z1, state[1] + z2
    at_mode += 0.5 * (z1 * z1 + z2 * z2)
    while True:
        v1 = l1 + rng.standard_normal() if order & 1 else 0.0
        v2 = l2 + rng.standard_normal() if order & 2 else 0.0
        log = -at_mode - l1 * (v1 - z1) - l2 * (v2 - z2)
        for k in range(count):
            eta = cells[2, k] + cells[3, k] * v1 + cells[4, k] * v2
            log += cells[0, k] * eta - cells[1, k] * (max(eta, 0.0) + math.log1p(math.exp(-abs(eta))))
        if math.log(rng.random()) <= log:
            return v1, v2


@_jit
def _from_chain(z1, z2, order, cells, count, state, rng):
    """A draw of z by `_CHAIN` steps of an independence sampler with Student-t(5) proposals at the mode.

    Its distance from the target falls as (1 - 1/w)^steps, w the largest ratio of target to proposal (Mengersen and
    Tweedie 1996, Ann Statist 24:101-121, Theorem 2.1).
    """
    b11, b21, b12, b22, _, _ = _axes(state, order)
    dimension = 2 if order == 3 else 1
    now, now1, now2 = -np.inf, z1, z2
    for _ in range(_CHAIN + 1):
        t1 = rng.standard_normal() if order & 1 else 0.0
        t2 = rng.standard_normal() if order & 2 else 0.0
        stretch = 1.1 / math.sqrt(rng.chisquare(5.0) / 5.0)
        t1, t2 = t1 * stretch, t2 * stretch
        v1, v2 = z1 + b11 * t1 + b12 * t2, z2 + b21 * t1 + b22 * t2
        log = 0.5 * (5.0 + dimension) * math.log1p((t1 * t1 + t2 * t2) / (5.0 * 1.21)) - 0.5 * (v1 * v1 + v2 * v2)
        for k in range(count):
            eta = cells[2, k] + cells[3, k] * v1 + cells[4, k] * v2
            log += cells[0, k] * eta - cells[1, k] * (max(eta, 0.0) + math.log1p(math.exp(-abs(eta))))
        if log >= now or rng.random() < math.exp(log - now):
            now, now1, now2 = log, v1, v2
    return now1, now2


@_jit
def draw_sites(first, y, n, design, x, order, fixed, scale, rng, z):
    """Fill `z` (draws, sites, 2) with a draw of the site variables given the hyper-parameters of each draw."""
    widest = np.max(np.diff(first))
    cells, state = np.empty((5, widest)), np.empty(5)
    for d in range(fixed.shape[0]):
        for s in range(first.size - 1):
            lo, count = first[s], first[s + 1] - first[s]
            _fill(lo, count, y, n, design, x, order, d, fixed, scale, cells)
            z1, z2, _, _ = _mode(cells, count, state)
            # the share accepted is about 1 / sqrt(determinant of the information)
            if state[2] * state[4] - state[3] * state[3] < _FLAT:
                v1, v2 = _from_envelope(z1, z2, order, cells, count, state, rng)
            else:
                v1, v2 = _from_chain(z1, z2, order, cells, count, state, rng)
            z[d, s, 0], z[d, s, 1] = v1, v2
