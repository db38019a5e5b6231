"""Compiled site integrals on grids: for site effects that are not normal, whose integrand may have two modes.

As in `bayes_lupil.integrals.kernels`, cell c of a site has the log odds X_c b + j_1c h_1(z_1) + j_2c h_2(z_2), z
standard normal. With h the identity the integrand is log-concave. With heavy tails it is not: where the scale of the
site effects is small and the site far out, one mode is near 0 and another where the site's data are, and a rule
centred at one of them misses the other by any factor. Here a scan finds all z that matter, and the trapezoid rule is
taken over them, its step a fraction of the SD that goes with the sharpest bend. For integrands that are analytic and
die out at both ends its error falls geometrically with 1 / step (Trefethen and Weideman 2014, SIAM Rev 56:385-458).
Two variables, one within the other, each row with its own grid. All equations: docstring of `bayes_lupil.integrals`.
"""

from __future__ import annotations

import math

import numpy as np

from bayes_lupil.integrals.kernel_modes import _exp, _jit, _softplus, _vector, terms

__all__ = ["REACH", "draw_on_grids", "integrate_on_grids"]

REACH = 25.0
"""Tables of h run from -REACH to REACH, as far as SciPy's quantiles of t go; z goes no further, a chance of 1e-137."""

_CUT = 20.0  # what lies this far below the largest log density is left out: 2e-9 of the peak
_SCAN = 32  # least points of a grid; where fewer than half of them matter, the grid is only narrowed
_MOST = 4096  # points of a grid: the length of the work arrays
_FURTHEST = 256  # points of the first scan where z may be this far out, SDs
_DIGITS = 4.0  # half the points must agree with all to 10^-(_DIGITS / fineness), which then err by about its square
_ROUNDING = 1e-6  # closer agreement is never asked for: rounding, 1.6e-13 a patient in `_softplus`, may forbid it
_ATTEMPTS = 12  # a grid that does not do grows 1.5 to 2.75 times, from 32 to 4096 points in 5 to 12 attempts
_STEPS = 6  # of the sampler: at w = 1.06, a normal density at 0.7 SDs a step, they leave a distance of 4e-8


@_jit
def _shape(table, z):
    """Value and slope of h at z: cubic Hermite interpolation between rows (value, slope); no rows, the identity."""
    rows = table.shape[0]
    if rows == 0:
        return z, 1.0
    step = 2.0 * REACH / (rows - 1)
    i = min(max(math.floor((z + REACH) / step), 0), rows - 2)
    t = (z + REACH) / step - i  # 0 to 1 between two rows; beyond the ends a straight line goes on
    if t < 0.0:
        return table[0, 0] + t * step * table[0, 1], table[0, 1]
    if t > 1.0:
        return table[i + 1, 0] + (t - 1.0) * step * table[i + 1, 1], table[i + 1, 1]
    rise, d0, d1 = table[i + 1, 0] - table[i, 0], table[i, 1] * step, table[i + 1, 1] * step
    a = d0 + d1 - 2.0 * rise  # a t^3 + b t^2 + d0 t + h_i: values and slopes of both rows, d h / d t = step d h / d z
    b = 3.0 * rise - 2.0 * d0 - d1
    return ((a * t + b) * t + d0) * t + table[i, 0], ((3.0 * a * t + 2.0 * b) * t + d0) / step


@_vector
def _add_cell(y, n, offset, j, h, logs, size):
    for i in range(size):
        eta = offset + j * h[i]
        # y log p + (n - y) log(1 - p), but not as y eta - n softplus(eta): no digit is left of that at vast eta
        logs[i] += y * min(eta, 0.0) - (n - y) * max(eta, 0.0) - n * _softplus(-abs(eta))


@_jit
def _on_line(line, count, table, low, step, size, h, logs):
    """Log integrand at low, low + step, ...; `line` has a row each for y, n, offset and coefficient of h."""
    for i in range(size):
        z = low + i * step
        h[i] = _shape(table, z)[0]
        logs[i] = -0.5 * z * z
    for k in range(count):
        _add_cell(line[0, k], line[1, k], line[2, k], line[3, k], h, logs, size)


@_jit
def _saturated(line, count):
    """The largest possible log likelihood."""
    found = 0.0
    for k in range(count):
        y, n = line[0, k], line[1, k]
        if 0.0 < y < n:
            found += y * math.log(y / n) + (n - y) * math.log(1.0 - y / n)
    return found


@_jit
def _reach(line, count, table):
    """Bound on the z that matter: there the prior times the largest possible likelihood is below the cut."""
    gap, h = _saturated(line, count), _shape(table, 0.0)[0]
    for k in range(count):
        eta = line[2, k] + line[3, k] * h
        gap -= line[0, k] * eta - line[1, k] * _softplus(eta)
    found = math.sqrt(2.0 * (_CUT + 5.0 + max(gap, 0.0)))  # z^2 / 2 = (l* - l(h(0))) + cut + 5, l* the saturated one
    return found if table.shape[0] == 0 else min(found, REACH)


@_vector
def _sums(logs, size, top):
    """Sum of exp(logs - top) over all points, and over every other one."""
    even, odd = 0.0, 0.0
    for i in range(size // 2):
        even += _exp(logs[2 * i] - top)
        odd += _exp(logs[2 * i + 1] - top)
    if size % 2:
        even += _exp(logs[size - 1] - top)
    return even + odd, even


@_jit
def _log_sum(logs, size, step):
    top = logs[:size].max()
    return top + math.log(_sums(logs, size, top)[0] * step)


@_jit
def _first_size(reach):
    """Points of the first scan: half an SD apart, so that up to |z| = 40 the prior changes in a step by less than _CUT.

    Where z may be so far out that this would take too many, a site has many thousands of patients: the scans that
    follow close in on the peak of its likelihood.
    """
    return max(_SCAN, math.ceil(4.0 * reach)) if reach <= _FURTHEST else _FURTHEST


@_jit
def _peak(logs, size, low, step):
    """Where on a grid the likelihood, the integrand without the prior, is largest, and its log there."""
    peak, likeliest = 0, -np.inf
    for i in range(size):
        likelihood = logs[i] + 0.5 * (low + i * step) ** 2
        if likelihood > likeliest:
            peak, likeliest = i, likelihood
    return peak, likeliest


@_jit
def _plan(logs, size, low, step, fineness):
    """Whether a grid will do and, if not, the next one: (will do, low, high, size).

    A grid will do where every other point gives nearly the same integral: its own error is about the square of the
    difference. If it will not, it is narrowed to what matters, and gets as many points as the sharpest bend of what
    matters most asks for. The likelihood has one mode, which may be so sharp that it lies unseen between points; a
    grid that does not resolve it will not do.
    """
    top = logs[:size].max()
    peak, likeliest = _peak(logs, size, low, step)
    first, last = size, 0
    bend, seen = 1e-12, True
    floor = top - _CUT
    for i in range(size):
        if logs[i] > floor:
            first, last = min(first, i), i
        if 0 < i < size - 1 and logs[i] > top - 0.5 * _CUT:
            bend = max(bend, 2.0 * logs[i] - max(logs[i - 1], floor) - max(logs[i + 1], floor))  # (step / SD)^2
    if 1 < peak < size - 2:
        before, after = low + (peak - 2) * step, low + (peak + 2) * step
        sag = likeliest - max(logs[peak - 2] + 0.5 * before * before, logs[peak + 2] + 0.5 * after * after)
        if logs[peak] + 0.25 * sag > floor:  # between points a parabola rises by sag / 8 at most
            first, last = min(first, peak), max(last, peak)
            seen = sag < 2.0 * fineness * fineness
            bend = max(bend, min(sag, _CUT))
    first, last = max(first - 1, 0), min(last + 1, size - 1)
    kept = last - first + 1
    if 2 * kept < _SCAN:
        return False, low + first * step, low + last * step, _SCAN
    needed = kept * math.sqrt(bend) / fineness  # so that the step becomes `fineness` SDs
    total, even = _sums(logs, size, top)
    does = seen and abs(2.0 * even / total - 1.0) < max(10.0 ** (-_DIGITS / fineness), _ROUNDING)
    if does or size == _MOST:
        return does, low, low + (size - 1) * step, size
    # a bend seen from afar looks sharper than it is; one that lies between points, less sharp
    size = int(min(max(1.1 * min(max(needed, 1.4 * kept), 2.5 * kept), _SCAN), _MOST))
    return False, low + first * step, low + last * step, size


@_jit
def _highest(logs, h, size, low, step, saturated):
    """Bound on the log integrand between the points of a grid, `saturated` being one on the log likelihood.

    The log likelihood is concave in h, so that the lines through neighbouring points lie above it elsewhere; and
    between two points the prior is at most what it is at the one nearer to 0.
    """
    most, (peak, _) = -np.inf, _peak(logs, size, low, step)
    for i in range(size - 1):
        z, after = low + i * step, low + (i + 1) * step
        f0, f1 = logs[i] + 0.5 * z * z, logs[i + 1] + 0.5 * after * after
        found = max(f0, f1)
        if peak - 1 <= i <= peak:
            found = saturated
            if 0 < i < size - 2:
                found = min(found, _crossing(logs, h, low, step, i, f0, f1))
        nearest = 0.0 if z < 0.0 < after else min(abs(z), abs(after))
        most = max(most, found - 0.5 * nearest * nearest)
    return most


@_jit
def _crossing(logs, h, low, step, i, f0, f1):
    """Where the lines through the points on either side of the interval from point i to i + 1 cross."""
    before, after = low + (i - 1) * step, low + (i + 2) * step
    rise = (f0 - logs[i - 1] - 0.5 * before * before) / (h[i] - h[i - 1])
    fall = (f1 - logs[i + 2] - 0.5 * after * after) / (h[i + 2] - h[i + 1])
    if not rise + fall > 0.0:  # one straight line, but for rounding
        return max(f0, f1)
    return f0 + rise * (f1 - f0 + fall * (h[i + 1] - h[i])) / (rise + fall)


@_jit
def _line(line, count, table, fineness, negligible, h, logs):
    """Grid that does for one variable: (low, step, size, whether it does); the log integrand is left in `logs`.

    Where the integral is below `negligible`, on the log scale, any grid does.
    """
    high = _reach(line, count, table)
    low, size, step, does = -high, _first_size(high), 0.0, False
    saturated = _saturated(line, count)
    for attempt in range(_ATTEMPTS):
        step = (high - low) / (size - 1)
        _on_line(line, count, table, low, step, size, h, logs)
        does, next_low, next_high, next_size = _plan(logs, size, low, step, fineness)
        if not does and negligible > -np.inf:
            does = _highest(logs, h, size, low, step, saturated) + math.log(high - low) < negligible
        if does:
            break
        if attempt == _ATTEMPTS - 1 or not next_high > next_low:  # what is told must go with what was computed
            break
        low, high, size = next_low, next_high, next_size
    return low, step, size, does


@_jit
def _set_line(cells, count, axis, other, line):
    """Cells as a function of one variable, `other` being h of the second one where there are two."""
    for k in range(count):
        line[0, k], line[1, k] = cells[0, k], cells[1, k]
        line[2, k] = cells[2, k] + (cells[4, k] * other if axis == 1 else 0.0)
        line[3, k] = cells[2 + axis, k]


@_jit
def _row(z2, cells, count, table1, table2, fineness, negligible, line, h, logs):
    """Grid for z_1 at a given z_2: (log integral over z_1, low, step, size, whether it does)."""
    _set_line(cells, count, 1, _shape(table2, z2)[0], line)
    low, step, size, does = _line(line, count, table1, fineness, negligible + 0.5 * z2 * z2, h, logs)
    return _log_sum(logs, size, step) - 0.5 * z2 * z2, low, step, size, does


@_jit
def _plane(cells, count, table1, table2, fineness, line, h, logs, rows):
    """Grid for z_2: (low, step, size, whether it and its rows do); log integrals over z_1 are left in `rows`."""
    _set_line(cells, count, 2, 0.0, line)
    for k in range(count):
        line[2, k] += cells[3, k] * _shape(table1, 0.0)[0]  # z_1 = 0, for the bound on z_2 alone
    high = _reach(line, count, table2)
    low, size, step, does, worst = -high, _first_size(high), 0.0, False, -np.inf
    best = _row(0.0, cells, count, table1, table2, fineness, -np.inf, line, h, logs)[0]
    for attempt in range(_ATTEMPTS):
        step, worst = (high - low) / (size - 1), -np.inf
        for i in range(size):
            rows[i], _, _, _, well = _row(
                low + i * step, cells, count, table1, table2, fineness, best - 2.0 * _CUT, line, h, logs
            )
            best = max(best, rows[i])
            if not well:
                worst = max(worst, rows[i])
        does, next_low, next_high, next_size = _plan(rows, size, low, step, fineness)
        if does or (size == _MOST and next_size == _MOST) or attempt == _ATTEMPTS - 1 or not next_high > next_low:
            break
        low, high, size = next_low, next_high, next_size
    # a row whose own grid does not do is wrong by some per cent; half the cut down, exp(-10) of that is harmless
    return low, step, size, does and worst < rows[:size].max() - 0.5 * _CUT


@_jit
def _fill(lo, count, y, n, design, x, order, d, fixed, scale, cells):
    """One site's cells at draw d, a column each: y, n, offset X b, coefficients of h_1 and of h_2."""
    for k in range(count):
        cells[0, k], cells[1, k] = y[lo + k], n[lo + k]
        cells[2, k], cells[3, k], cells[4, k] = terms(lo + k, design, x, order, d, fixed, scale)


@_jit
def integrate_on_grids(first, y, n, design, x, order, table1, table2, fixed, scale, fineness, log_likelihood, failed):
    """Fill `log_likelihood` (draws, sites) and `failed` (draws), how many sites got no grid that does.

    Arguments as those of `kernels.integrate_sites`; tables have the shape (1 or draws, rows, 2); `fineness` is the step
    in units of the sharpest bend's SD.
    """
    widest = np.max(np.diff(first))
    cells, line = np.empty((5, widest)), np.empty((4, widest))
    h, logs, rows = np.empty(_MOST), np.empty(_MOST), np.empty(_MOST)
    failed[:] = 0
    for d in range(fixed.shape[0]):
        of1, of2 = table1[min(d, table1.shape[0] - 1)], table2[min(d, table2.shape[0] - 1)]
        for s in range(first.size - 1):
            lo, count = first[s], first[s + 1] - first[s]
            _fill(lo, count, y, n, design, x, order, d, fixed, scale, cells)
            if order == 3:
                _, step, size, does = _plane(cells, count, of1, of2, fineness, line, h, logs, rows)
                found = _log_sum(rows, size, step) - math.log(2.0 * math.pi)  # (2 pi)^(-1/2) for each variable
            else:
                _set_line(cells, count, order, 0.0, line)
                _, step, size, does = _line(line, count, of1 if order == 1 else of2, fineness, -np.inf, h, logs)
                found = _log_sum(logs, size, step) - 0.5 * math.log(2.0 * math.pi)
            log_likelihood[d, s] = found
            failed[d] += not does


@_jit
def _pick(logs, size, low, step, rng):
    """A draw of the density that joins the points of a grid by straight lines, and the log of that density there."""
    top, total = logs[:size].max(), 0.0
    for i in range(size):
        total += math.exp(logs[i] - top)
    left, i = rng.random() * total, 0  # point i by its height, the area of its triangle in steps
    while i < size - 1 and left > math.exp(logs[i] - top):
        left -= math.exp(logs[i] - top)
        i += 1
    away = rng.random() - rng.random()  # triangular from -1 to 1
    if (i == 0 and away < 0.0) or (i == size - 1 and away > 0.0):
        away = -away
    beside = min(max(i + (1 if away > 0.0 else -1), 0), size - 1)
    share = abs(away)
    density = (1.0 - share) * math.exp(logs[i] - top) + share * math.exp(logs[beside] - top)
    return low + (i + away) * step, top + math.log(density)


@_jit
def _at(z, line, count, table):
    """Log integrand at one point of a line."""
    h, log = _shape(table, z)[0], -0.5 * z * z
    for k in range(count):
        eta = line[2, k] + line[3, k] * h
        log += line[0, k] * min(eta, 0.0) - (line[1, k] - line[0, k]) * max(eta, 0.0)
        log -= line[1, k] * _softplus(-abs(eta))
    return log


@_jit
def draw_on_grids(first, y, n, design, x, order, table1, table2, fixed, scale, fineness, rng, z):
    """Fill `z` (draws, sites, 2) with a draw of the site variables given the hyper-parameters of each draw.

    By `_STEPS` steps of an independence sampler that proposes from the grid's density joined by straight lines. The
    largest ratio of target to proposal is near 1, and the distance from the target falls as (1 - 1/ratio)^steps
    (Mengersen and Tweedie 1996, Ann Statist 24:101-121, Theorem 2.1).
    """
    widest = np.max(np.diff(first))
    cells, line = np.empty((5, widest)), np.empty((4, widest))
    h, logs, rows = np.empty(_MOST), np.empty(_MOST), np.empty(_MOST)
    for d in range(fixed.shape[0]):
        of1, of2 = table1[min(d, table1.shape[0] - 1)], table2[min(d, table2.shape[0] - 1)]
        for s in range(first.size - 1):
            lo, count = first[s], first[s + 1] - first[s]
            _fill(lo, count, y, n, design, x, order, d, fixed, scale, cells)
            now, v1, v2 = -np.inf, 0.0, 0.0
            if order == 3:
                low, step, size, _ = _plane(cells, count, of1, of2, fineness, line, h, logs, rows)
                for _ in range(_STEPS + 1):
                    t2, log2 = _pick(rows, size, low, step, rng)
                    sum2, low1, step1, size1, _ = _row(t2, cells, count, of1, of2, fineness, -np.inf, line, h, logs)
                    t1, log1 = _pick(logs, size1, low1, step1, rng)
                    ratio = (_at(t1, line, count, of1) - log1) + (sum2 - log2)  # log of target / proposal
                    if ratio >= now or rng.random() < math.exp(ratio - now):
                        now, v1, v2 = ratio, t1, t2
            else:
                table = of1 if order == 1 else of2
                _set_line(cells, count, order, 0.0, line)
                low, step, size, _ = _line(line, count, table, fineness, -np.inf, h, logs)
                for _ in range(_STEPS + 1):
                    t, log = _pick(logs, size, low, step, rng)
                    ratio = _at(t, line, count, table) - log
                    if ratio >= now or rng.random() < math.exp(ratio - now):
                        now, v1 = ratio, t
                if order == 2:
                    v1, v2 = 0.0, v1
            z[d, s, 0], z[d, s, 1] = v1, v2
