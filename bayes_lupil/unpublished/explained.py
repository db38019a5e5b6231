"""Whether leaving out the excluded sites alone would explain the published result, by how many patients they had."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.cards import Brief
from bayes_lupil.posterior.estimates import Estimate
from bayes_lupil.sensitivity.reweighting import WeightedDraws
from bayes_lupil.trials.margins import Margins
from bayes_lupil.unpublished.bounds import HardBounds
from bayes_lupil.unpublished.conditional import HiddenCount, HiddenDraws

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ExplainedAt", "explained_by_number", "explained_frame", "log_chance", "patients_there"]

_IMPOSSIBLE = -700.0  # log of a chance


@dataclass(frozen=True, kw_only=True)
class ExplainedAt(Brief):
    """Had the excluded sites had this many control patients; NaN where the draws cannot tell.

    Attributes
    ----------
    control_there : int
        Control patients at the excluded sites.
    tables, explaining : int
        Tables with that number which the publication allows; those of them with a benefit and Pearson p < 0.05 without
        the excluded sites.
    probability, probability_mcse : float
        Posterior probability of the number.
    p_explains, p_explains_mcse : float
        Given that number, the probability that leaving out the excluded sites alone gives a benefit with Pearson
        p < 0.05.
    """

    control_there: int
    tables: int
    explaining: int
    probability: float
    probability_mcse: float
    p_explains: float = np.nan
    p_explains_mcse: float = np.nan


def explained_by_number(draws: HiddenDraws, bounds: HardBounds) -> tuple[ExplainedAt, ...]:
    """Whether the exclusion explains the result, at every number of control patients at the excluded sites.

    Parameters
    ----------
    draws : HiddenDraws
        Of the trial as published.
    bounds : HardBounds
        Its tables.
    """
    names, there = tuple(c.name for c in draws.counts), patients_there(draws.margins, draws.counts, 0)
    found = []
    for number in range(int(there.min()), int(there.max()) + 1):
        here = there == number
        chance = draws.chance(names, here.astype(float))
        numbers = Estimate(*draws.ratio(chance)).columns("probability")
        if WeightedDraws(draws.base, log_chance(chance)).sound:
            given = draws.ratio(draws.chance(names, (bounds.benefit & here).astype(float)), chance)
            numbers |= Estimate(*given).columns("p_explains")
        tables, explaining = int(here.sum()), int((bounds.benefit & here).sum())
        found.append(ExplainedAt(control_there=number, tables=tables, explaining=explaining, **numbers))
    return tuple(found)


def explained_frame(found: Iterable[ExplainedAt]) -> pd.DataFrame:
    """One row a number of control patients at the excluded sites."""
    import pandas as pd

    return pd.DataFrame([vars(item) for item in found]).set_index("control_there")


def patients_there(margins: Margins, counts: tuple[HiddenCount, ...], arm: int) -> NDArray[np.int64]:
    """Patients of an arm at the excluded sites, at every value of the unpublished counts."""
    known = sum(count for a, _, count in margins.at_excluded if a == arm)
    grid = np.meshgrid(*(c.values for c in counts), indexing="ij")
    mine = [axis for c, axis in zip(counts, grid, strict=True) if c.arm == arm]
    return np.asarray(sum(mine, start=np.zeros(grid[0].shape, dtype=np.int64)) + known)


def log_chance(chance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log of the chance of something at each draw, as weights: a number where it is impossible, too."""
    with np.errstate(divide="ignore"):
        return np.maximum(np.log(chance), _IMPOSSIBLE)
