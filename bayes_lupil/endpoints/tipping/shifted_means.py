"""Tipping points of a continuous end point: by how much the missing patients would have to differ, by arm.

Pattern mixture with delta adjustment (Rubin 1987, Multiple Imputation for Nonresponse in Surveys, chapter 6;
Carpenter, Roger and Kenward 2013, J Biopharm Stat 23:1352-1371): a missing patient of arm a has the mean of patients
alike in arm, site, baseline and covariates who were seen, plus delta_a. Missing values then integrate out of the
likelihood, so that the posterior of all parameters is that of the complete cases, and averaged over everyone randomised

    mean difference = sum_s w_s (beta + v_s) + pi_1 delta_1 - pi_0 delta_0,

with pi_a the share of arm a's patients that is missing, wherever they are: the whole surface is a shift of the same
draws.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.endpoints.tipping.surface import Surface, SurfacePoint
from bayes_lupil.errors import InputError
from bayes_lupil.posterior.diagnostics import effective_draws, mcse_proportion
from bayes_lupil.trials.end_point import Arms, EndPoint

__all__ = ["shifted_means_surface"]

Floats = NDArray[np.float64]
_SIZE = 17
_SDS = 2.0


def shifted_means_surface(
    difference: Floats,
    residual_sd: float,
    missing: tuple[int, int],
    randomised: tuple[int, int],
    end_point: EndPoint,
    arms: Arms,
    *,
    model: str = "",
    threshold: float = 0.975,
) -> Surface:
    """P(benefit) for shifts of the missing patients' means, by arm.

    Parameters
    ----------
    difference : array, shape (chain, draw)
        Mean difference, active minus control, under missing at random, weighed by everyone randomised.
    residual_sd : float
        SD of patients, for the range of the shifts: about 2 of them either way.
    missing, randomised : (int, int)
        Patients of control and active.
    end_point : EndPoint
    arms : Arms
    model : str
        Name of the model, for the record.
    threshold : float

    Raises
    ------
    InputError
        Where nothing is missing.
    """
    if not any(missing):
        raise InputError("tipping points", "no missing value", "at least one")
    share = [m / n for m, n in zip(missing, randomised, strict=True)]
    top = _even(_SDS * residual_sd)
    shifts = np.linspace(-top, top, _SIZE)
    effective = effective_draws(difference)

    def at(delta: tuple[Floats | float, Floats | float]) -> tuple[float, float, float]:
        moved = difference + share[1] * delta[1] - share[0] * delta[0]
        event = end_point.sign * moved > 0
        return float(event.mean()), mcse_proportion(event, effective), float(moved.mean())

    grid = np.array([[at((float(c), float(a))) for a in shifts] for c in shifts])
    good = end_point.sign * top

    def point(name: str, label: str, c: float, a: float) -> SurfacePoint:
        return SurfacePoint(name, label, c, a, True, *at((c, a)))

    like = "missing active patients like control (each draw's overall effect taken from them)"
    jump = SurfacePoint("jump_to_control", like, 0.0, float(-difference.mean()), False, *at((0.0, -difference)))
    points = (
        point("complete_cases", "missing at random: missing patients like those seen", 0.0, 0.0),
        jump,
        point("worst_case", "worst case for the active arm", good, -good),
        point("best_case", "best case for the active arm", -good, good),
    )
    return Surface(
        end_point, arms, model, missing, randomised, f"shift in {end_point.unit or 'units'}", shifts, shifts,
        grid[..., 0], grid[..., 1], grid[..., 2], points, threshold,
    )  # fmt: skip


def _even(value: float) -> float:
    """Near the value, such that the steps of the axes are round numbers."""
    step = value / (_SIZE // 2)
    power = 10.0 ** np.floor(np.log10(step))
    return float((_SIZE // 2) * power * min((1.0, 2.0, 2.5, 5.0, 10.0), key=lambda k: abs(k - step / power)))
