"""Changes from baseline: follow-up minus baseline, or that in per cent of baseline; what the instrument allows them.

Which direction is a benefit is declared with the end point, not here: a change is negative where the score fell.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.arguments import checked
from bayes_lupil.errors import TrialError
from bayes_lupil.frozen import ReadOnly
from bayes_lupil.outcomes.table import Outcomes

__all__ = ["Change", "absolute_change", "relative_change"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Change(ReadOnly):
    """The change of every patient.

    Attributes
    ----------
    values : array, shape (patients,)
        In points, or in per cent of baseline; NaN where one of the two scores is missing.
    limits : (array, array) or None
        Least and largest change that the instrument allows each patient, shape (patients,) each, on the same scale; NaN
        where the baseline is missing, infinite on a side whose limit was not given. None where no limit was given.
    """

    values: Floats
    limits: tuple[Floats, Floats] | None


@checked
def absolute_change(
    outcomes: Outcomes, baseline: str, followup: str, lowest: float | None = None, highest: float | None = None
) -> Change:
    """Follow-up minus baseline, in points.

    Parameters
    ----------
    baseline, followup : str
        Columns of the score.
    lowest, highest : float, optional
        Least and largest score of the instrument.

    Raises
    ------
    TrialError
        Naming file, line and column, for a score outside the instrument.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"site": ["A", "B"], "arm": ["drug", "drug"], "s0": [8, 10], "s12": [4, None]})
    >>> data = Outcomes.from_frame(frame)
    >>> absolute_change(data, "s0", "s12").values.tolist(), relative_change(data, "s0", "s12").values.tolist()
    ([-4.0, nan], [-50.0, nan])
    >>> [side.tolist() for side in absolute_change(data, "s0", "s12", lowest=0, highest=105).limits]
    [[-8.0, -10.0], [97.0, 95.0]]
    """
    before, after = _scores(outcomes, baseline, followup, lowest, highest)
    return Change(*_frozen(after - before, _limits(before, lowest, highest)))


@checked
def relative_change(
    outcomes: Outcomes, baseline: str, followup: str, lowest: float | None = None, highest: float | None = None
) -> Change:
    """Follow-up minus baseline in per cent of baseline: -100 where nothing is left.

    Parameters
    ----------
    baseline, followup, lowest, highest
        As for `absolute_change`.

    Raises
    ------
    TrialError
        As `absolute_change`, and for a baseline that is not above 0, which has no percentage.
    """
    before, after = _scores(outcomes, baseline, followup, lowest, highest)
    wrong = before <= 0
    if wrong.any():
        i = int(np.argmax(wrong))
        raise TrialError(
            outcomes.where(baseline, i),
            f"a baseline of {before[i]:g} (patient '{outcomes.patient[i]}'; {int(wrong.sum())} such in all)",
            "a baseline above 0 for a change in per cent of it",
            "Analyse the absolute change, or decide beforehand how such patients count.",
        )
    values = 100 * (after - before) / before
    limits = _limits(before, lowest, highest)
    if limits is not None:
        limits = (100 * limits[0] / before, 100 * limits[1] / before)
    return Change(*_frozen(values, limits))


def _scores(
    outcomes: Outcomes, baseline: str, followup: str, lowest: float | None, highest: float | None
) -> tuple[Floats, Floats]:
    if baseline == followup:
        raise TrialError("change", f"'{baseline}' as baseline and as follow-up", "two columns")
    low = -np.inf if lowest is None else float(lowest)
    high = np.inf if highest is None else float(highest)
    if not low < high:
        raise TrialError("change", f"a least score of {low:g} and a largest of {high:g}", "the least below the largest")
    scores = []
    for name in (baseline, followup):
        values = outcomes.number(name)
        wrong = (values < low) | (values > high)
        if wrong.any():
            i = int(np.argmax(wrong))
            found = f"{values[i]:g} (patient '{outcomes.patient[i]}')"
            raise TrialError(outcomes.where(name, i), found, f"a score from {low:g} to {high:g}, as the instrument has")
        scores.append(values)
    return scores[0], scores[1]


def _limits(before: Floats, lowest: float | None, highest: float | None) -> tuple[Floats, Floats] | None:
    """On the absolute scale."""
    if lowest is None and highest is None:
        return None
    low = -np.inf if lowest is None else float(lowest)
    high = np.inf if highest is None else float(highest)
    return low - before, high - before


def _frozen(values: Floats, limits: tuple[Floats, Floats] | None) -> tuple[Floats, tuple[Floats, Floats] | None]:
    for array in (values, *(limits or ())):
        array.setflags(write=False)
    return values, limits
