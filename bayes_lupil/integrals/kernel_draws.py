"""Draws of a site's own effects given the hyper-parameters, where they are normal; the integrals are in `kernels`."""

from __future__ import annotations

import math

import numpy as np

from bayes_lupil.integrals.kernel_modes import LANES, _jit, _lanes, _softplus, _vector
from bayes_lupil.integrals.kernels import _axes

__all__ = ["draw_sites"]

# At a normal density w (see `_from_chain`) is 1.16 on one axis and 1.25 on two, and twelve steps leave a distance of
# 5e-9. Where nobody responded and log odds move by 0.5 in one SD, w = 1.2 on one axis leaves 6e-10 and w = 1.6 on two
# 1e-5; where they move by _STEEP, 1.4 leaves 5e-7 and 2.3 leaves 1e-3; at a move of 1, w = 2.6 on one axis leaves 3e-3.
_CHAIN = 12
_FLAT, _SHARP = 30.0, 1e6  # determinants of the information; the share accepted is about 1 / their square root
_STEEP = 0.7  # change of the log odds by one SD


@_jit
def _log_likelihood(z1, z2, y, n, offset, j1, j2):
    """Log likelihood of a site's cells at z."""
    log = 0.0
    for k in range(y.size):
        eta = offset[k] + j1[k] * z1 + j2[k] * z2
        log += y[k] * eta - n[k] * _softplus(eta)
    return log


@_jit
def _from_envelope(mode, order, y, n, offset, j1, j2, rng):
    """An exact draw of z by rejection.

    log L is concave in z, so its tangent, here that near the mode, lies above it, and the prior times
    exp(tangent) is N(gradient of log L, 1). Nor does log L bend more than n/4 of each cell tells, so that many draws
    are accepted unseen (a squeeze; Devroye 1986, Non-Uniform Random Variate Generation, II.3.6).

    With z near the mode, s the gradient of log L there and d = (proposal) - z, a proposal N(s, 1) is accepted with
    probability exp(-gap), gap = log L(z) + s'd - log L(z + d) >= 0; a standard exponential variable E is -log of a
    uniform one, so that is where gap <= E. As p (1 - p) <= 1/4, Taylor's remainder gives gap <= bend / 8 with
    bend = sum_c n_c (J d)_c^2. At the mode of the whole s = z, and of the volume under exp(tangent) times prior the
    target takes about det(information)^(-1/2), which is the share accepted.
    """
    z1, z2 = mode[0], mode[1]
    l1, l2 = mode[3] + z1, mode[4] + z2  # s: row 3 and 4 hold the gradient with the prior's part, s - z
    at_mode = mode[2] + 0.5 * (z1 * z1 + z2 * z2)  # log L(z): row 2 holds it with the prior's part
    while True:
        d1 = l1 - z1 + rng.standard_normal() if order & 1 else 0.0
        d2 = l2 - z2 + rng.standard_normal() if order & 2 else 0.0
        bend = 0.0
        for k in range(y.size):
            bend += n[k] * (j1[k] * d1 + j2[k] * d2) ** 2
        allowed = rng.standard_exponential()
        # the squeeze, bend / 8 <= E, first: it needs no exponential
        if (
            bend <= 8.0 * allowed
            or at_mode + l1 * d1 + l2 * d2 - _log_likelihood(z1 + d1, z2 + d2, y, n, offset, j1, j2) <= allowed
        ):
            return z1 + d1, z2 + d2


@_vector
def _add_cell(y, n, offset, j1, j2, h1, h2, log, size):
    for i in range(size):
        eta = offset + j1 * h1[i] + j2 * h2[i]
        log[i] += y * eta - n * _softplus(eta)


@_jit
def _from_chain(mode, order, y, n, offset, j1, j2, rng, w1, w2, logs):
    """A draw of z by `_CHAIN` steps of an independence sampler with Student-t(5) proposals at the mode.

    Its distance from the target falls as (1 - 1/w)^steps, w the largest ratio of target to proposal (Mengersen and
    Tweedie 1996, Ann Statist 24:101-121, Theorem 2.1). All proposals are made first, and their densities at once; they
    need not be normalised, as only ratios of weights enter. The proposal's scale is that of the curvature times 1.1.
    """
    b11, b21, b12, b22, _, _ = _axes(mode[5], mode[6], mode[7], order)
    dimension = 2 if order == 3 else 1
    for step in range(_CHAIN + 1):
        t1 = rng.standard_normal() if order & 1 else 0.0
        t2 = rng.standard_normal() if order & 2 else 0.0
        # a chi-square variable with 5 degrees of freedom: 2 and 2 and 1; -2 log(uniform) has 2
        stretch = 1.1 / math.sqrt((rng.standard_normal() ** 2 - 2.0 * math.log(rng.random() * rng.random())) / 5.0)
        t1, t2 = t1 * stretch, t2 * stretch
        v1, v2 = mode[0] + b11 * t1 + b12 * t2, mode[1] + b21 * t1 + b22 * t2
        w1[step], w2[step] = v1, v2
        log_proposal = -0.5 * (5.0 + dimension) * math.log1p((t1 * t1 + t2 * t2) / (5.0 * 1.21))
        logs[step] = -0.5 * (v1 * v1 + v2 * v2) - log_proposal
    for k in range(y.size):
        _add_cell(y[k], n[k], offset[k], j1[k], j2[k], w1, w2, logs, _CHAIN + 1)
    now = 0
    for step in range(1, _CHAIN + 1):
        if logs[step] >= logs[now] or rng.random() < math.exp(logs[step] - logs[now]):
            now = step
    return w1[now], w2[now]


@_jit
def _by_rejection(mode, order, j1, j2):
    """Whether rejection is quick enough, or needed because the density is too skew for the chain.

    It is skew where log odds change much within an SD: at a site where nobody responded while the between-site SDs are
    10, the chain's w is 26, and means would err by 0.15 SD. Up to a determinant of 30 one proposal in five or six is
    accepted or better, which costs less than the chain's 13; up to 1e6, one in a thousand, where the chain would err.
    """
    determinant = mode[5] * mode[7] - mode[6] * mode[6]
    if determinant < _FLAT:
        return True
    b11, b21, b12, b22, _, _ = _axes(mode[5], mode[6], mode[7], order)
    shift = 0.0
    for k in range(j1.size):
        shift = max(shift, abs(j1[k] * b11 + j2[k] * b21), abs(j1[k] * b12 + j2[k] * b22))
    return shift > _STEEP and determinant < _SHARP


@_jit
def draw_sites(first, y, n, design, x, order, fixed, scale, rng, z):
    """Fill `z` (draws, sites, 2) with a draw of the site variables given the hyper-parameters of each draw."""
    draws = fixed.shape[0]
    w1, w2, logs = np.empty(_CHAIN + 1), np.empty(_CHAIN + 1), np.empty(_CHAIN + 1)
    for s in range(first.size - 1):
        cells = slice(first[s], first[s + 1])
        for draw in range(0, draws, LANES):
            lanes = min(LANES, draws - draw)
            offset, j1, j2, at, _ = _lanes(first, s, y, n, design, x, order, fixed, scale, draw, lanes, False)
            for i in range(lanes):
                given = at[:, i], order, y[cells], n[cells], offset[:, i], j1[:, i], j2[:, i], rng
                if _by_rejection(at[:, i], order, j1[:, i], j2[:, i]):
                    v1, v2 = _from_envelope(*given)
                else:
                    v1, v2 = _from_chain(*given, w1, w2, logs)
                z[draw + i, s, 0], z[draw + i, s, 1] = v1, v2
