"""Tipping points of a continuous end point: how far the missing patients' means would have to be shifted, by arm.

Pattern mixture with delta adjustment (Rubin 1987, Multiple Imputation for Nonresponse in Surveys, section 6.2;
Carpenter, Roger and Kenward 2013, J Biopharm Stat 23:1352-1371): under arm a, a patient whose value is missing has
delta_a more than the model expects of a patient of the same site and baseline. A missing value whose mean holds a
fixed shift integrates to 1, so that the posterior of every parameter is that of the patients seen, whatever the shifts.

The effect is over everyone randomised. Of the n_s patients of site s a share w_s = n_s / n of all would be treated with
arm a, and a share q_sa of them, that of the arm's patients missing at that site, would be missing, so that their mean
is m_sa + q_sa delta_a, and

    MD(delta_0, delta_1) = sum_s w_s (beta + v_s) + pi_1 delta_1 - pi_0 delta_0,   pi_a = sum_s w_s q_sa.

pi_a is the arm's missing share standardised over sites like the effect itself; with one row, or with arms of equal
proportions at every site, it is the plain share. At a site without patients in an arm q_sa is the arm's plain share.
The shares are taken as known. The whole surface is thus a shift of the same draws: exact, and without any refit.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayes_lupil.convergence import effective_draws, mcse_proportion, mcse_quantile
from bayes_lupil.endpoints.tipping import TippingPoint, TippingSurface
from bayes_lupil.errors import InputError, TrialError, UnsupportedModelError
from bayes_lupil.trials.trial import Arms, EndPoint

__all__ = ["missing_shares", "shifted_surface"]

Floats = NDArray[np.float64]

_SIDE = 17  # odd, so that no shift is on the grid
_SDS = 2.0


def shifted_surface(
    beta: Floats,
    v: Floats | None,
    sites: tuple[str, ...],
    missing: ArrayLike,
    randomised: ArrayLike,
    end_point: EndPoint,
    arms: Arms,
    *,
    residual_sd: float | None = None,
    largest: float | None = None,
    threshold: float = 0.975,
    side: int = _SIDE,
    model: str = "",
) -> TippingSurface:
    """P(benefit) for shifts of the missing patients' means, by arm.

    Parameters
    ----------
    beta : array, shape (chain, draw) or (chain, draw, sites)
        Draws of the mean difference, active minus control; by site where sites have fixed effects.
    v : array, shape (chain, draw, sites), or None
        Draws of what sites add to it; None where effects do not differ, or are in `beta`.
    sites : tuple of str
        Of everyone randomised. One name, for a model that ignores sites.
    missing, randomised : array of int, shape (sites, 2)
        Patients whose value (or baseline) is missing, and all of them; control and active.
    residual_sd : float, optional
        SD of patients within site, arm and baseline; needed where `largest` is not given.
    largest : float, optional
        Largest shift of the grid, either way, in units; 2 residual SDs (to two digits) if nothing is said.
    threshold : float
        Of P(benefit).
    side : int
        Shifts along an axis, an odd number.
    model : str
        Name of the model, for the record.

    Returns
    -------
    TippingSurface
        Points 'complete_cases' (no shift, the rule of the primary analysis), 'worst_case' and 'best_case' (corners,
        for the active arm), 'jump_to_control' (missing active patients have the mean of control at their site, draw by
        draw; it stands at the average shift that this is), and 'active_alone' and 'control_alone', the shift of one
        arm with which P(benefit) is at the threshold exactly, on the grid or beyond; left out for an arm where no
        value is missing.

    Raises
    ------
    InputError, TrialError
        Where nothing is missing, or arrays do not go together.
    UnsupportedModelError
        For a binary end point.

    Examples
    --------
    >>> beta = np.random.default_rng(1).normal(2.0, 1.0, (4, 1000))
    >>> gaps, everyone, point = [[10, 20]], [[100, 100]], EndPoint("x", "x", kind="continuous", unit="points")
    >>> found = shifted_surface(beta, None, ("all",), gaps, everyone, point, Arms("placebo", "drug"), largest=10.0)
    >>> round(found.point("worst_case").effect - found.point("complete_cases").effect, 6)
    -3.0
    """
    if end_point.kind != "continuous":
        raise UnsupportedModelError("tipping points", f"the binary end point '{end_point.name}'", "a continuous one")
    gaps, everyone = _counts(sites, "missing", missing), _counts(sites, "randomised", randomised)
    effects = _effects(beta, v, len(sites))
    weight, share = everyone.sum(axis=1) / everyone.sum(), missing_shares(gaps, everyone)
    if not gaps.any():
        raise InputError("tipping points", "no missing value", "at least one")
    if not 0 < threshold < 1 or side < 3 or side % 2 == 0:
        required = "a threshold between 0 and 1, and an odd number from 3 on"
        raise InputError("tipping points", f"threshold {threshold}, {side} shifts", required)
    top = _top(residual_sd, largest)
    pi = weight @ share
    good = end_point.sign * (effects @ weight)  # the effect, so that positive is good
    effective = effective_draws(good)

    def at(control: float | Floats, active: float | Floats) -> tuple[float, float, float]:
        moved = good + end_point.sign * (active - control)
        return (
            float((moved > 0).mean()), mcse_proportion(moved > 0, effective), end_point.sign * float(moved.mean())
        )  # fmt: skip

    def point(name: str, label: str, control: float, active: float, on_grid: bool = True) -> TippingPoint:
        return TippingPoint(name, label, control, active, on_grid, *at(pi[0] * control, pi[1] * active))

    shifts = np.linspace(-top, top, side)
    shifts[side // 2] = 0.0
    grid = np.array([[at(pi[0] * c, pi[1] * a) for a in shifts] for c in shifts])
    bad = -end_point.sign * top
    points = [
        point("complete_cases", "missing at random: no shift", 0.0, 0.0),
        point("worst_case", f"worst case for the active arm within {top:g} {end_point.unit}", -bad, bad),
        point("best_case", f"best case for the active arm within {top:g} {end_point.unit}", bad, -bad),
    ]
    # at a threshold q P(good + c > 0) = q for c = -(the 1 - q quantile of good)
    needed, error = -float(np.quantile(good, 1 - threshold)), mcse_quantile(good, 1 - threshold)
    if pi[1] > 0:
        jump = -(effects @ (weight * share[:, 1]))  # sum_s w_s q_s1 (m_s0 - m_s1)
        label, place = "missing active patients have the mean of control", float(jump.mean()) / float(pi[1])
        points.append(TippingPoint("jump_to_control", label, 0.0, place, False, *at(0.0, jump)))
    for a, (name, arm) in enumerate(zip(("control_alone", "active_alone"), arms.names, strict=True)):
        if pi[a] > 0:
            shift = end_point.sign * needed / float(pi[a]) * (1 if a else -1)
            label = f"at the threshold: a shift on {arm} alone of {shift:.3g} (MCSE {error / float(pi[a]):.1g})"
            points.append(point(name, label, *((0.0, shift) if a else (shift, 0.0)), on_grid=False))
    unit = end_point.unit or "units"
    return TippingSurface(
        end_point, arms, model, tuple(sites), gaps, everyone, f"shift of the missing patients' mean in {unit}", shifts,
        shifts, grid[..., 0], grid[..., 1], grid[..., 2], tuple(points), threshold,
    )  # fmt: skip


def missing_shares(missing: NDArray[np.int64], randomised: NDArray[np.int64]) -> Floats:
    """Share of patients whose value is missing, by site and arm, shape (sites, 2).

    Where a site has no patient in an arm, the arm's share over all sites stands in.

    Examples
    --------
    >>> missing_shares(np.array([[1, 1], [0, 0]]), np.array([[2, 3], [2, 0]])).round(2).tolist()
    [[0.5, 0.33], [0.0, 0.33]]

    Raises
    ------
    TrialError
        For more missing patients than patients, or an arm without any.
    """
    if (missing > randomised).any():
        s, a = (int(i) for i in np.argwhere(missing > randomised)[0])
        found = f"{missing[s, a]} missing of {randomised[s, a]} patients"
        raise TrialError(f"tipping points, row {s + 1}, {('control', 'active')[a]} arm", found, "at most all of them")
    total = randomised.sum(axis=0)
    if not total.all():
        raise TrialError("tipping points", "an arm without patients", "at least one patient in each arm")
    plain = missing.sum(axis=0) / total
    return np.where(randomised > 0, missing / np.maximum(randomised, 1), plain)


def _counts(sites: tuple[str, ...], name: str, table: ArrayLike) -> NDArray[np.int64]:
    array = np.asarray(table)
    if array.shape != (len(sites), 2) or not np.issubdtype(array.dtype, np.integer) or (array < 0).any():
        required = f"whole numbers, none negative, of shape ({len(sites)}, 2): sites by arms"
        raise TrialError(f"tipping points, {name}", f"{array.dtype} of shape {array.shape}", required)
    return array.astype(np.int64)


def _effects(beta: Floats, v: Floats | None, sites: int) -> Floats:
    """Mean difference at each site, shape (chain, draw, sites)."""
    beta = np.asarray(beta, dtype=float)
    found = beta[..., None] if beta.ndim == 2 else beta
    if v is not None:
        found = found + np.asarray(v, dtype=float)
    if found.ndim != 3 or found.shape[2] not in (1, sites) or not np.isfinite(found).all():
        required = f"finite draws of shape (chain, draw) or (chain, draw, {sites})"
        raise InputError("tipping points, beta and v", f"draws of shape {found.shape}", required)
    return np.broadcast_to(found, (*found.shape[:2], sites))


def _top(residual_sd: float | None, largest: float | None) -> float:
    """The largest shift: two significant digits where it is made of the SD, so that axes can be read."""
    if largest is None and residual_sd is not None:
        largest = float(f"{_SDS * residual_sd:.2g}")
    if largest is None or not 0 < largest < np.inf:
        given = f"largest = {largest}, residual_sd = {residual_sd}"
        raise InputError("tipping points", given, "one of the two, a positive number")
    return largest
