"""A tipping-point surface: P(benefit) as a function of what the missing patients would have been, by arm.

Yan, Lee and Li 2009, J Biopharm Stat 19:1085-1098; Liublinska and Rubin 2014, Stat Med 33:4170-4185.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.frozen import ReadOnly
from bayes_lupil.numbers import small
from bayes_lupil.trials.end_point import Arms, EndPoint

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Surface", "SurfacePoint"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class SurfacePoint:
    """A named assumption on the missing patients.

    Attributes
    ----------
    name : str
        'non_responder', 'complete_cases', 'worst_case', 'best_case' or 'jump_to_control'.
    label : str
        In words.
    control, active : float
        Where it stands on the axes of the surface.
    on_grid : bool
        Whether it is a cell of the surface.
    p, mcse : float
        P(benefit) and its Monte Carlo standard error; NaN where the diagnostics fail.
    effect : float
        Posterior mean of the effect, active minus control.
    """

    name: str
    label: str
    control: float
    active: float
    on_grid: bool
    p: float
    mcse: float
    effect: float


@dataclass(frozen=True, eq=False)
class Surface(ReadOnly):
    """P(benefit) over a grid of assumptions.

    Attributes
    ----------
    end_point : EndPoint
    arms : Arms
    model : str
    missing, randomised : (int, int)
        Patients whose value is missing, and all patients; control and active.
    axis : str
        What the axes count, as after "on placebo: ".
    control, active : array, shape (rows,) and (columns,)
        Of a binary end point the number of responders among the missing; of a continuous one the shift of their mean
        against patients alike who were seen, in units.
    p, mcse, effect : array, shape (rows, columns)
        P(benefit), its Monte Carlo standard error, and the posterior mean of the effect; NaN where a fit failed.
    points : tuple of SurfacePoint
        The first is the rule of the primary analysis.
    threshold : float
        Of P(benefit), whose crossing is looked for.
    failures : tuple of str
        Why single cells have no result.
    """

    end_point: EndPoint
    arms: Arms
    model: str
    missing: tuple[int, int]
    randomised: tuple[int, int]
    axis: str
    control: Floats
    active: Floats
    p: Floats
    mcse: Floats
    effect: Floats
    points: tuple[SurfacePoint, ...]
    threshold: float
    failures: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether every cell and point has a result."""
        return not self.failures and not any(np.isnan(point.p) for point in self.points)

    def point(self, name: str) -> SurfacePoint:
        """A named point."""
        return next(point for point in self.points if point.name == name)

    @property
    def words(self) -> list[str]:
        """What the surface says, in sentences."""
        primary = self.points[0]
        above = self.p > self.threshold
        some, every = bool(above.any()), bool(above[~np.isnan(self.p)].all())
        counts = f"{self.missing[1]} of {self.randomised[1]} on {self.arms.active}, {self.missing[0]} of "
        counts += f"{self.randomised[0]} on {self.arms.control}"
        first = (
            f"Missing: {counts}. By the rule of the analysis ({primary.label}) P(benefit) is {primary.p:.3f} (MCSE "
            f"{small(max(primary.mcse, 1e-4))}); over all assumptions tried it runs from {_written(np.nanmin(self.p))} "
            f"to {_written(np.nanmax(self.p))}."
        )
        if every:
            second = f"It stays above {self.threshold:g} whatever the missing patients would have been."
        elif not some:
            second = f"It stays below {self.threshold:g} whatever the missing patients would have been."
        else:
            second = self._crossing(primary.p > self.threshold)
        return [first, second]

    def _crossing(self, now_above: bool) -> str:
        """The assumption nearest to the primary one on the other side of the threshold."""
        primary = self.points[0]
        rows, columns = np.nonzero((self.p <= self.threshold) if now_above else (self.p > self.threshold))
        spans = [max(float(np.ptp(axis)), 1e-12) for axis in (self.control, self.active)]
        away = np.abs(self.control[rows] - primary.control) / spans[0]
        away = away + np.abs(self.active[columns] - primary.active) / spans[1]
        best = int(np.argmin(away))
        i, j = int(rows[best]), int(columns[best])
        verb = "falls to or below" if now_above else "rises above"
        return (
            f"It {verb} {self.threshold:g}, for example, with {self.active[j]:g} on {self.arms.active} and "
            f"{self.control[i]:g} on {self.arms.control} ({self.axis}): there it is {self.p[i, j]:.3f}."
        )

    def to_frame(self) -> pd.DataFrame:
        """One row a cell, then one row a named point that is no cell."""
        import pandas as pd

        rows = [
            {
                "control": float(c), "active": float(a), "p_benefit": float(self.p[i, j]),
                "p_benefit_mcse": float(self.mcse[i, j]), "effect": float(self.effect[i, j]),
                "point": ", ".join(p.name for p in self.points if p.on_grid and (p.control, p.active) == (c, a)),
            }
            for i, c in enumerate(self.control) for j, a in enumerate(self.active)
        ]  # fmt: skip
        rows += [
            {
                "control": point.control, "active": point.active, "p_benefit": point.p, "p_benefit_mcse": point.mcse,
                "effect": point.effect, "point": point.name,
            }
            for point in self.points if not point.on_grid
        ]  # fmt: skip
        return pd.DataFrame(rows)


def _written(p: float) -> str:
    """A probability to three decimals, never as 0 or 1."""
    return "above 0.999" if p > 0.9995 else "below 0.001" if p < 0.0005 else f"{p:.3f}"
