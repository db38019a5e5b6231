"""Compiled site integrals: the likelihood of one site's cells with the site's own effects integrated out.

Given the hyper-parameters, cell c of a site has the log odds

    eta_c = X_c b + (s_11 + s_21 x_c) z_1 + s_22 x_c z_2,    z_1, z_2 ~ N(0, 1) independent.

All site models of the package with normal site effects have this form; for others see `bayes_lupil.integrals.grids`.
The integrand is log-concave. The integral of the cells' binomial probability over z is taken by adaptive
Gauss-Hermite quadrature (Pinheiro and Bates 1995, J Comput Graph Stat 4:12-35): nodes centred at the mode and scaled
along the principal axes of the curvature there. Along an axis on which the data say little the integrand is nearly
normal, and few nodes do (`LEVELS`). `order` is 1 where z_1 alone exists, 2 where z_2 alone does, 3 for both.

With g(z) the log likelihood l(z) less z'z / 2, its mode m, and B B' the inverse of the information there, put
z = m + B t. In d dimensions

    integral of exp(g(z)) / (2 pi)^(d/2) dz
      = exp(g(m)) det(B) integral of exp(g(m + B t) - g(m)) / (2 pi)^(d/2) dt
      ~ exp(g(m)) det(B) sum_k exp(w_k + g(m + B t_k) - g(m)),

where w_k is the log of the Gauss-Hermite weight with exp(t't / 2) put back (`site_integral.rules`). One node (t = 0,
w = 0) is Laplace's method. g(m) is taken out before anything is exponentiated: a site's likelihood of exp(-5000) is no
float, while each exponent above is at most about w_k <= 0, where `_exp` is best. Once the mode is found everything is
written in terms of t (`_along_axes`, `_place`), so that no z is formed at any node.
"""

from __future__ import annotations

import math

import numpy as np

from bayes_lupil.integrals.kernel_modes import LANES, _add_value, _exp, _jit, _lanes, _vector

__all__ = ["LEVELS", "integrate_sites"]

LEVELS = (0.0, 0.23, 0.38, 0.54, 0.84, 1.0, 1.5, 2.3)
"""Share of the nodes asked for that an axis gets, by the information on it and by how far log odds change along it.

At least one node, which does where there is no information.

Of 13 nodes these are 1, 3, 5, 8, 11, 13, 20 and 30. Found by brute force over 36 kinds of site and theta from priors,
for like errors on all axes. Against 61 nodes, at 200 random sites of up to 60 patients an arm and SDs from a
half-normal prior with scale 1, the log of an integral errs by 4e-10 in the median, 2e-6 once in a hundred times, 4e-5
at most. Where theta crosses a bound the number of nodes jumps, and the log density with it: by up to 6e-5 at one of
these sites, 1.5e-3 with the 7 nodes of the search for the posterior's mode (see `engines.climb.difference_steps`).

The last two are for sites where nobody (or everybody) responded while the between-site SD is large. Along an axis eta
moves by `shift` for one SD, so that log(1 + exp(eta)) has its nearest singularities pi / shift SDs from the real axis,
and Gauss-Hermite errs by about exp(-c sqrt k) with c = 2 pi / shift (Barrett 1961, Math Comp 15:272-281; between
1.6 and 2.1 pi / shift where it was measured, shifts of 2 to 10). Up to an SD of 5 that is below 0.01 with 13 nodes; at
such a site it reaches 0.03 at 10 and 0.15 at 100, where more nodes help little.
"""

_BOUNDS = np.array([1.0001, 1.03, 1.3, 1.6, 2.0])  # of the information on an axis: levels 1 to 5
_SHIFTS = np.array([0.85, 1.7])  # of the log odds in one SD, past the last of these bounds: levels 6 and 7


@_jit
def _axes(a, b, c, order):
    """Columns of B with B B' the inverse information, along its principal axes, and the information along each.

    The information [[a, b], [b, c]] has the eigenvalues m +- r with m = (a + c) / 2 and r^2 = (a - c)^2 / 4 + b^2, and
    the axis of the larger one stands at the angle u with cos 2u = (a - c) / (2 r) and sin 2u = b / r; so
    cos^2 u = 1/2 + (a - c) / (4 r), and with u between -90 and 90 degrees sin u has the sign of b. The columns are
    (cos u, sin u) and (-sin u, cos u) over the square roots of the eigenvalues. Principal axes and not Cholesky's:
    along these the data may say little of one variable, which then needs few nodes, and all of the other.
    """
    if order != 3:
        return 1.0 / math.sqrt(a), 0.0, 0.0, 1.0 / math.sqrt(c), a, c
    middle, radius = 0.5 * (a + c), math.sqrt(0.25 * (a - c) ** 2 + b * b)
    large = middle + radius
    # not m - r, which loses digits wherever one eigenvalue is far larger; a c - b^2 does only where b is large as well
    small = max((a * c - b * b) / large, 1.0)  # as it is but for rounding
    cosine, sine = 1.0, 0.0
    if radius > 0.0:
        cosine = math.sqrt(max(0.5 + 0.25 * (a - c) / radius, 0.0))
        sine = math.copysign(math.sqrt(max(0.5 - 0.25 * (a - c) / radius, 0.0)), b)
    r1, r2 = 1.0 / math.sqrt(large), 1.0 / math.sqrt(small)
    return r1 * cosine, r1 * sine, -r2 * sine, r2 * cosine, large, small


@_jit
def _level(information, shift):
    """Which of the rules an axis needs, by the information on it (the prior's own is 1); see `LEVELS`.

    By what the information may become one SD away, where log odds are up to `shift` higher or lower: at a site where
    nobody responded the mode says little of the wall beside it. The data's part, n p (1 - p) j^2, grows at most by the
    factor exp(shift), since |d log(p (1 - p)) / d eta| <= 1.
    """
    information = 1.0 + (information - 1.0) * _exp(min(shift, 30.0))
    level = 0
    for bound in _BOUNDS:
        level += information >= bound
    if level == _BOUNDS.size:
        level += (shift >= _SHIFTS[0]) + (shift >= _SHIFTS[1])
    return level


@_jit
def _along_axes(at, offset, j1, j2, order, levels, volume):
    """Turn a site's cells at some draws to the axes of its integrand, with the mode at 0 and an SD for a unit.

    `offset`, `j1` and `j2` (cells, draws) become the log odds at the mode and their changes by one SD along each axis;
    rows 3 to 7 of `at`, what `_place` takes; `levels` (2, draws), those of the axes; `volume` (draws), the determinant.
    From here on no z is needed: with m the mode and b_i the columns of B, eta = (o + J m) + J b_1 t_1 + J b_2 t_2.
    """
    for i in range(at.shape[1]):
        z1, z2 = at[0, i], at[1, i]
        b11, b21, b12, b22, i1, i2 = _axes(at[5, i], at[6, i], at[7, i], order)
        shift1, shift2 = 0.0, 0.0
        for k in range(offset.shape[0]):
            offset[k, i] += j1[k, i] * z1 + j2[k, i] * z2
            j1[k, i], j2[k, i] = j1[k, i] * b11 + j2[k, i] * b21, j1[k, i] * b12 + j2[k, i] * b22
            shift1, shift2 = max(shift1, abs(j1[k, i])), max(shift2, abs(j2[k, i]))
        levels[0, i], levels[1, i] = _level(i1, shift1), _level(i2, shift2)
        volume[i] = 1.0 / math.sqrt((i1 if order != 2 else 1.0) * (i2 if order != 1 else 1.0))
        at[3, i], at[4, i] = z1 * b11 + z2 * b21, z1 * b12 + z2 * b22  # m'b_1 and m'b_2
        at[5, i], at[6, i] = b11 * b11 + b21 * b21, b12 * b12 + b22 * b22  # |b_1|^2 and |b_2|^2
        at[7, i] = at[2, i] + 0.5 * (z1 * z1 + z2 * z2)  # l(m) = g(m) + |m|^2 / 2, the log likelihood at the mode


# The loops below write some nodes of one draw after those of another. Unsigned numbers cannot count from the end of an
# array, which the compiler would have to look out for.


@_vector
def _place(at, draw, t1, t2, weights, rule, logs, start, size):
    """Logs of weight and prior at the nodes of a standard rule, moved to the mode z and scaled: z + b_1 t_1 + b_2 t_2.

    The columns b_1 and b_2 are at right angles: the prior needs z'b_i and b_i'b_i alone,

        |z + b_1 t_1 + b_2 t_2|^2 / 2 = |z|^2 / 2 + sum_i t_i (z'b_i + |b_i|^2 t_i / 2).

    What is left of |z|^2 / 2 is in g(m), which is added at the very end. Less l(m), so that with the cells' log
    likelihood at the nodes, added by `_add_value`, the result is w + g(node) - g(m).
    """
    g1, g2, h1, h2, value = at[3, draw], at[4, draw], 0.5 * at[5, draw], 0.5 * at[6, draw], at[7, draw]
    for i in range(size):
        k = np.uint64(rule + i)
        logs[np.uint64(start + i)] = weights[k] - t1[k] * (g1 + h1 * t1[k]) - t2[k] * (g2 + h2 * t2[k]) - value


@_vector
def _log_odds_at_nodes(offset, j1, j2, t1, t2, rule, eta, start, size):
    for i in range(size):
        k = np.uint64(rule + i)
        eta[np.uint64(start + i)] = offset + j1 * t1[k] + j2 * t2[k]


@_vector
def _exponentials(logs, size):
    for i in range(size):
        logs[i] = _exp(logs[i])


@_vector
def _sum(values, start, size):
    total = 0.0
    for i in range(size):
        total += values[np.uint64(start + i)]
    return total


@_jit
def integrate_sites(
    first, y, n, design, x, order, fixed, scale, t1, t2, weights, starts, sizes, log_likelihood, failed
):
    """Fill `log_likelihood` (draws, sites) and `failed` (draws), at how many sites the search for a mode did not end.

    There the integral is taken for 1, which it cannot exceed: where that does no harm, no value could.
    `first` (sites + 1) bounds the cells of each site in y, n, x (cells) and design (cells, P); `fixed` is (draws, P),
    `scale` (draws, 3) holds s_11, s_21, s_22. Nodes (t1, t2) with log `weights` hold a rule for each pair of levels,
    from starts[level1, level2] on.
    """
    draws, most = fixed.shape[0], LANES * sizes.max()
    logs, eta = np.empty(most), np.empty(most)
    levels, volume = np.empty((2, LANES), dtype=np.int64), np.empty(LANES)
    rule, begin, size = (
        np.empty(LANES, dtype=np.int64),
        np.empty(LANES, dtype=np.int64),
        np.empty(LANES, dtype=np.int64),
    )
    failed[:] = 0
    for s in range(first.size - 1):
        count = first[s + 1] - first[s]
        for draw in range(0, draws, LANES):
            lanes = min(LANES, draws - draw)
            offset, j1, j2, at, ended = _lanes(first, s, y, n, design, x, order, fixed, scale, draw, lanes, order == 3)
            _along_axes(at, offset, j1, j2, order, levels, volume)
            total = 0
            for i in range(lanes):
                rule[i], size[i] = starts[levels[0, i], levels[1, i]], sizes[levels[0, i], levels[1, i]]
                begin[i] = total
                _place(at, i, t1, t2, weights, rule[i], logs, total, size[i])
                total += size[i]
            # the nodes of all draws together, because the logarithms and exponentials of few would wait for each other
            for k in range(count):
                for i in range(lanes):
                    _log_odds_at_nodes(offset[k, i], j1[k, i], j2[k, i], t1, t2, rule[i], eta, begin[i], size[i])
                _add_value(y[first[s] + k], n[first[s] + k], eta, logs, total)
            _exponentials(logs, total)
            for i in range(lanes):
                log_likelihood[draw + i, s] = at[2, i] + math.log(volume[i] * _sum(logs, begin[i], size[i]))
                if not ended[i]:
                    log_likelihood[draw + i, s] = 0.0
                    failed[draw + i] += 1
