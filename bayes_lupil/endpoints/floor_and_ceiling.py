"""Does the normal model predict scores outside the instrument's range: a posterior predictive check.

A score cannot fall below the instrument's least value, so a change is bounded patient by patient; a normal model does
not know that. The check says how many patients it predicts beyond the limits, how many were observed at them, and by
how much the mean difference would move if predictions were cut there. Gelman, Meng and Stern 1996, Stat Sinica
6:733-807, for the idea of such checks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.errors import UnsupportedModelError
from bayes_lupil.numbers import small
from bayes_lupil.posterior import Posterior
from bayes_lupil.posterior.own_trial import own_trial

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ArmLimits", "LimitsCheck", "check_limits"]

Floats = NDArray[np.float64]
_SMALL = 0.02
_TOUCH = 1e-9


@dataclass(frozen=True)
class ArmLimits:
    """One arm of a check.

    Attributes
    ----------
    observed_lowest, observed_highest : float
        Share of patients whose score stands at the least, and at the largest, value of the instrument.
    below, above : float
        Share that the model predicts beyond them, averaged over draws.
    below_interval, above_interval : (float, float)
        95 % intervals of that share over predicted trials.
    """

    arm: str
    patients: int
    observed_lowest: float
    observed_highest: float
    below: float
    below_interval: tuple[float, float]
    above: float
    above_interval: tuple[float, float]


@dataclass(frozen=True)
class LimitsCheck:
    """Predicted values beyond what the instrument allows, by arm.

    Attributes
    ----------
    arms : (ArmLimits, ArmLimits)
        Control and active.
    cut_moves : float
        By how much the predicted mean difference (active minus control, in units) moves if predictions are cut at the
        limits.
    cut_moves_mcse : float
        Its Monte Carlo standard error.
    """

    end_point: str
    unit: str
    arms: tuple[ArmLimits, ArmLimits]
    cut_moves: float
    cut_moves_mcse: float

    @property
    def words(self) -> str:
        """The check in two sentences."""
        worst = max(self.arms, key=lambda arm: arm.below + arm.above)
        share = worst.below + worst.above
        seen = worst.observed_lowest + worst.observed_highest
        first = (
            f"The model predicts {100 * share:.1f} % of patients of the arm {worst.arm} beyond what the instrument "
            f"allows; {100 * seen:.1f} % were observed at a limit."
        )
        unit = f" {self.unit}" if self.unit else ""
        error = f"(MCSE {small(self.cut_moves_mcse)})"
        size = f"Cutting predictions there would move the mean difference by {self.cut_moves:+.2g}{unit} {error}"
        if share < _SMALL:
            return f"{first} {size}."
        return f"{first} {size}; the normal model is an approximation here."

    def to_frame(self) -> pd.DataFrame:
        """One row an arm, shares as proportions."""
        import pandas as pd

        rows = [
            {
                "arm": arm.arm, "patients": arm.patients, "observed_at_lowest": arm.observed_lowest,
                "predicted_below": arm.below, "predicted_below_lower": arm.below_interval[0],
                "predicted_below_upper": arm.below_interval[1], "observed_at_highest": arm.observed_highest,
                "predicted_above": arm.above, "predicted_above_lower": arm.above_interval[0],
                "predicted_above_upper": arm.above_interval[1],
            }
            for arm in self.arms
        ]  # fmt: skip
        return pd.DataFrame(rows).set_index("arm")


@own_trial
def check_limits(posterior: Posterior) -> LimitsCheck:
    """Compare predicted values with the instrument's limits.

    Parameters
    ----------
    posterior : Posterior
        Of a continuous end point, whose `Measurements` have limits.

    Raises
    ------
    UnsupportedModelError
        Where the trial has no limits.
    """
    trial = posterior.trial
    found = trial.measured_set(posterior.spec.population, posterior.spec.without_sites)
    if found.limits is None:
        raise UnsupportedModelError(
            f"trial '{trial.name}'",
            f"no limits of '{trial.end_point.name}'",
            "the least and largest score of the instrument",
        )
    low, high = found.limits
    predicted = np.asarray(posterior.data["posterior_predictive"]["y"].values, dtype=float)
    predicted = predicted.reshape(-1, predicted.shape[-1])
    moved = np.clip(predicted, low, high) - predicted
    arms, moves = [], []
    for a, name in enumerate(trial.arms.names):
        mine = found.arm == a
        below = (predicted[:, mine] < low[mine]).mean(axis=1)
        above = (predicted[:, mine] > high[mine]).mean(axis=1)
        moves.append(moved[:, mine].mean(axis=1))
        arms.append(
            ArmLimits(
                name,
                int(mine.sum()),
                float((found.value[mine] <= low[mine] + _TOUCH).mean()),
                float((found.value[mine] >= high[mine] - _TOUCH).mean()),
                float(below.mean()),
                _interval(below),
                float(above.mean()),
                _interval(above),
            )
        )
    change = moves[1] - moves[0]
    worth = min(posterior.row(posterior.effect).ess_bulk, change.size)
    return LimitsCheck(
        trial.end_point.name, trial.end_point.unit, (arms[0], arms[1]), float(change.mean()),
        float(change.std(ddof=1) / np.sqrt(worth)),
    )  # fmt: skip


def _interval(values: Floats) -> tuple[float, float]:
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)
