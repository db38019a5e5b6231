"""Where a site's integrand is largest, for `kernels` and `kernel_draws`; and the fast functions that all kernels share.

With eta_c = o_c + j_1c z_1 + j_2c z_2, and J the matrix of rows (j_1c, j_2c), the log of the integrand is

    g(z) = sum_c (y_c eta_c - n_c log(1 + exp(eta_c))) - z'z / 2,

    gradient     J'(y - n p) - z,          p_c = 1 / (1 + exp(-eta_c)),
    information  I + J' diag(n p (1 - p)) J   (minus the Hessian; both eigenvalues are 1 or more).

So g is strictly concave, has one mode, and Newton's step is information^-1 gradient. The log(2 pi) of the prior and the
binomial coefficients are left out here and added by the callers.

The search for the mode never takes a Newton step that lowers the density. At a site where nobody (or everybody)
responded, full steps diverge when the between-site SD is large; such points then get next to no weight, and no
diagnostic of the draws would notice.
"""

from __future__ import annotations

import math

import numpy as np

from bayes_lupil.integrals.compiled import compiled

__all__ = ["LANES", "terms"]

_CLOSE = 0.01  # to the mode, in SDs of z: the nodes need not be centred better
# d log(p (1 - p)) / d eta = 1 - 2 p lies between -1 and 1, so that a step which moves no log odds by more than 0.1
# changes no patient's information by more than a factor exp(0.1)
_STILL = 0.1  # change of the log odds by the next step: the information must be that at the mode
# log(1 + exp(eta)) errs by 1.6e-13 for each patient, and these add up
_ROUNDING = 1e-7  # of log densities: less is no fall
_MAX_STEPS = 1000  # a site that would need more counts as one whose integral failed
LANES = 64  # draws whose modes are searched for at the same time

_jit = compiled()
# sums may be reordered and products fused in these, so that they run on several nodes at once; nothing else is relaxed
_vector = compiled(fastmath={"contract", "reassoc", "nsz"})

_E = tuple(1.0 / math.factorial(i) for i in range(9))
# artanh(s) / s = sum_k q^k / (2 k + 1), q = s^2, as a polynomial for 0 <= q <= 1/9; through Chebyshev's points, with
# degree 7, it errs by 2 (1/36)^8 times a coefficient next to 1/17: below 1e-13
_A = tuple(
    np.polynomial.Chebyshev.interpolate(lambda q: np.arctanh(np.sqrt(q)) / np.sqrt(q), 7, domain=[0.0, 1.0 / 9.0])
    .convert(kind=np.polynomial.Polynomial)
    .coef.tolist()
)


@_vector
def _exp(x):
    """exp(x) for x up to about 5, next to 0 below -45: Taylor series of exp(x / 32), squared five times.

    With r = x / 32, exp(x) = (1 + r + ... + r^8 / 8!)^32, whose relative error is 32 times that of the series, about
    32 r^9 / 9! exp(-r). For x < 0 it is largest, as an absolute error, at x = -9: 1.6e-13. Relative to the larger of 1
    and the value it is below 1e-12 up to x = 4, 4e-12 at 5, and 2e-5 at 30. More squarings would multiply the rounding
    of the series (by 32 here), fewer would need more terms.
    The C library's takes one number at a time, and half of the engine's time would go there.
    """
    r = max(x, -45.0) * (1.0 / 32.0)  # exp(-45) = 3e-20; further down the series is no longer near its limit
    p = _E[8]
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
    return p * p


@_vector
def _softplus(eta):
    """log(1 + exp(eta)), with log(1 + t) = 2 artanh(t / (2 + t)) as a polynomial. Error below 1e-12.

    log(1 + exp(eta)) = max(eta, 0) + log(1 + exp(-|eta|)): t = exp(-|eta|) never exceeds 1, so nothing overflows, and
    s = t / (2 + t) never exceeds 1/3: in artanh's series each term is below a ninth of the one before, while that of
    log(1 + t) hardly converges at t = 1.
    """
    t = _exp(-abs(eta))
    s = t / (2.0 + t)
    q = s * s
    p = _A[7]
    p = p * q + _A[6]
    p = p * q + _A[5]
    p = p * q + _A[4]
    p = p * q + _A[3]
    p = p * q + _A[2]
    p = p * q + _A[1]
    p = p * q + _A[0]
    return max(eta, 0.0) + 2.0 * s * p


@_vector
def _log_odds(offset, j1, j2, z1, z2, eta, small):
    for i in range(eta.size):
        eta[i] = offset[i] + j1[i] * z1[i] + j2[i] * z2[i]
    for i in range(eta.size):
        small[i] = _exp(-abs(eta[i]))


@_vector
def _add_value(y, n, eta, value, size):
    for i in range(size):
        value[i] += y * eta[i] - n * _softplus(eta[i])


@_vector
def _slopes(y, n, eta, small, residual, weight):
    # with e = exp(-|eta|): p = 1 / (1 + e) for eta > 0, e / (1 + e) otherwise, and p (1 - p) = e / (1 + e)^2 for both
    for i in range(eta.size):
        residual[i] = y - n * (1.0 if eta[i] > 0.0 else small[i]) / (1.0 + small[i])
    for i in range(eta.size):
        weight[i] = n * small[i] / ((1.0 + small[i]) * (1.0 + small[i]))


@_vector
def _add_product(a, b, total):
    for i in range(total.size):
        total[i] += a[i] * b[i]


@_vector
def _add_product_of_three(a, b, c, total):
    for i in range(total.size):
        total[i] += a[i] * b[i] * c[i]


@_vector
def _start(z1, z2, value):
    for i in range(value.size):
        value[i] = -0.5 * (z1[i] * z1[i] + z2[i] * z2[i])


@_jit
def _densities(at, y, n, offset, j1, j2, work):
    """Log of the integrand at z, the first two rows of `at`; the rows after them become value, gradient, information.

    `offset`, `j1` and `j2` are (cells, draws), `work` (4, draws) holds eta, exp(-|eta|), y - n p and n p (1 - p).
    Every loop runs over draws and touches few arrays, so that the compiler can take several draws at once.
    """
    _start(at[0], at[1], at[2])
    for i in range(at.shape[1]):
        at[3, i], at[4, i], at[5, i], at[6, i], at[7, i] = -at[0, i], -at[1, i], 1.0, 0.0, 1.0
    for k in range(y.size):
        _log_odds(offset[k], j1[k], j2[k], at[0], at[1], work[0], work[1])
        _add_value(y[k], n[k], work[0], at[2], at.shape[1])
        _slopes(y[k], n[k], work[0], work[1], work[2], work[3])
        _add_product(work[2], j1[k], at[3])
        _add_product(work[2], j2[k], at[4])
        _add_product_of_three(work[3], j1[k], j1[k], at[5])
        _add_product_of_three(work[3], j1[k], j2[k], at[6])
        _add_product_of_three(work[3], j2[k], j2[k], at[7])


@_jit
def _solve(a, b, c, g1, g2):
    """The step z with [[a, b], [b, c]] z = g, where both eigenvalues are at least 1, as rounding may not show.

    By Cramer's rule. The determinant a c - b^2 is the product of the eigenvalues; as neither is below 1 it is no less
    than the larger one, which is no less than a or c. Where the matrix is near a singular one a c and b^2 cancel, and
    this bound stands in for the difference: the step is then too short, never far too long or of the wrong sign.
    """
    factor = 1.0 / max(a * c - b * b, a, c)
    return factor * (c * g1 - b * g2), factor * (a * g2 - b * g1)


@_jit
def _first_guess(at, y, n, offset, j1, j2):
    """Modes if each cell's empirical log odds were normal with their usual variance (half a patient added to each).

    With L_c = log((y + 1/2) / (n - y + 1/2)), W_c^-1 = 1 / (y + 1/2) + 1 / (n - y + 1/2), and prior N(0, I), the normal
    model L ~ N(o + J z, W^-1) has its mode at z = (I + J'WJ)^-1 J'W (L - o). The halves keep 0/n sites finite.
    """
    at[3:, :] = 0.0
    for k in range(y.size):
        yes, no = y[k] + 0.5, n[k] - y[k] + 0.5
        weight, seen = yes * no / (yes + no), math.log(yes / no)
        for i in range(at.shape[1]):
            at[3, i] += weight * (seen - offset[k, i]) * j1[k, i]
            at[4, i] += weight * (seen - offset[k, i]) * j2[k, i]
            at[5, i] += weight * j1[k, i] * j1[k, i]
            at[6, i] += weight * j1[k, i] * j2[k, i]
            at[7, i] += weight * j2[k, i] * j2[k, i]
    for i in range(at.shape[1]):
        at[0, i], at[1, i] = _solve(1.0 + at[5, i], at[6, i], 1.0 + at[7, i], at[3, i], at[4, i])


@_jit
def _modes(at, y, n, offset, j1, j2, ended):
    """Modes of one site's integrands at some draws by Newton steps, each halved until it no longer lowers the density.

    Rows of `at` (8, draws) become z1, z2, log density there, its gradient (2) and information matrix (3); `ended`
    (draws), whether the search came to an end: the next step would raise the density by less than _CLOSE^2 / 2, and
    move no log odds by more than _STILL. Where the between-site SD is vast the first alone is met on the wall of a 0/n
    site, where the information is nothing like that at the mode.
    """
    draws = at.shape[1]
    new, work = np.empty((8, draws)), np.empty((4, draws))
    shrink = np.ones(draws)
    _first_guess(at, y, n, offset, j1, j2)
    _densities(at, y, n, offset, j1, j2, work)
    for _ in range(_MAX_STEPS):
        for i in range(draws):
            g1, g2 = at[3, i], at[4, i]
            step1, step2 = _solve(at[5, i], at[6, i], at[7, i], g1, g2)
            # gradient' information^-1 gradient, the squared length of the step in SDs; half of it is what g would gain
            ended[i] = step1 * g1 + step2 * g2 <= _CLOSE * _CLOSE
            for k in range(y.size):
                ended[i] &= abs(j1[k, i] * step1 + j2[k, i] * step2) <= _STILL
            factor = 0.0 if ended[i] else shrink[i]
            new[0, i], new[1, i] = at[0, i] + factor * step1, at[1, i] + factor * step2
        if ended.all():
            return
        _densities(new, y, n, offset, j1, j2, work)
        for i in range(draws):
            if ended[i]:
                continue
            # 'not >=' rather than '<', so that a density that is no number is a fall
            if not new[2, i] >= at[2, i] - _ROUNDING:
                shrink[i] *= 0.5
            else:
                shrink[i] = min(1.0, 2.0 * shrink[i])
                for row in range(8):
                    at[row, i] = new[row, i]


@_jit
def terms(c, design, x, order, d, fixed, scale):
    """Of cell c at draw d: offset X b, and what z_1 and z_2 are multiplied by, s_11 + s_21 x_c and s_22 x_c."""
    offset = 0.0
    for p in range(fixed.shape[1]):
        offset += design[c, p] * fixed[d, p]
    j1 = scale[d, 0] + scale[d, 1] * x[c] if order & 1 else 0.0
    j2 = scale[d, 2] * x[c] if order & 2 else 0.0
    return offset, j1, j2


@_jit
def _lanes(first, s, y, n, design, x, order, fixed, scale, draw, lanes, merged):
    """Site s at `lanes` draws from `draw` on: the terms of its cells, (cells, lanes), and what `_modes` fills.

    If `merged`, the one combination of z_1 and z_2 that matters to a single cell is taken for z_1: j_1 z_1 + j_2 z_2 is
    N(0, j_1^2 + j_2^2), and the direction at right angles to it integrates to 1.
    """
    lo, cells = first[s], slice(first[s], first[s + 1])
    shape = (first[s + 1] - first[s], lanes)
    offset, j1, j2 = np.empty(shape), np.empty(shape), np.empty(shape)
    for k in range(shape[0]):
        for i in range(lanes):
            offset[k, i], j1[k, i], j2[k, i] = terms(lo + k, design, x, order, draw + i, fixed, scale)
    if merged and shape[0] == 1:
        for i in range(lanes):
            j1[0, i], j2[0, i] = math.hypot(j1[0, i], j2[0, i]), 0.0
    at, ended = np.empty((8, lanes)), np.empty(lanes, dtype=np.bool_)
    _modes(at, y[cells], n[cells], offset, j1, j2, ended)
    return offset, j1, j2, at, ended
