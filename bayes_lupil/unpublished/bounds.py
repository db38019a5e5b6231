"""Bounds that need no model: the trial without the excluded sites, for every table that the publication allows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.cards import Brief
from bayes_lupil.errors import InputError
from bayes_lupil.trials.end_point import EndPoint
from bayes_lupil.trials.margins import Margins
from bayes_lupil.unpublished.conditional import HiddenCount

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["MOST_TABLES", "SIGNIFICANT", "HardBounds", "hard_bounds"]

MOST_TABLES = 20_000
SIGNIFICANT = 0.05


@dataclass(frozen=True, eq=False)
class HardBounds(Brief):
    """The raw trial without the excluded sites, over every combination of the unpublished counts. No model, no prior.

    A share of tables is not a probability: tables are counted, not weighed.

    Attributes
    ----------
    names : tuple of str
        The unpublished counts, one an axis of the arrays.
    tables : int
        Combinations that the publication allows.
    risk_difference : array
        Active minus control among the patients of the other sites; NaN where an arm would be empty.
    p_chi_square : array
        Pearson chi-square without correction, two-sided (SciPy); 1 where nobody or everybody responded, NaN where an
        arm would be empty.
    lowest, highest : float
        Of the risk difference.
    lowest_at, highest_at : dict of str to int
        Where (the first such table).
    benefit, harm : array of bool
        At which tables Pearson p < 0.05 and the difference has that direction; nowhere where an arm would be empty.
    """

    names: tuple[str, ...]
    tables: int
    risk_difference: NDArray[np.float64]
    p_chi_square: NDArray[np.float64]
    lowest: float
    lowest_at: dict[str, int]
    highest: float
    highest_at: dict[str, int]
    benefit: NDArray[np.bool_]
    harm: NDArray[np.bool_]

    @property
    def significant_benefit(self) -> int:
        """Number of tables with a significant benefit."""
        return int(self.benefit.sum())

    @property
    def significant_harm(self) -> int:
        """Number of tables with a significant harm."""
        return int(self.harm.sum())

    def to_frame(self) -> pd.DataFrame:
        """One row a bound: what, its value, and the counts where it is reached."""
        import pandas as pd

        rows = [
            {"bound": "lowest risk difference without the excluded sites", "value": self.lowest, **self.lowest_at},
            {"bound": "highest risk difference without the excluded sites", "value": self.highest, **self.highest_at},
            {"bound": "tables allowed", "value": self.tables},
        ]
        for word, tables in (("benefit", self.significant_benefit), ("harm", self.significant_harm)):
            rows.append({"bound": f"tables with {word} and p < {SIGNIFICANT} (Pearson chi-square)", "value": tables})
        return pd.DataFrame(rows).astype(dict.fromkeys(self.names, "Int64")).set_index("bound")


def hard_bounds(margins: Margins, counts: tuple[HiddenCount, ...], end_point: EndPoint) -> HardBounds:
    """Go through every table that the publication allows.

    Raises
    ------
    InputError
        Where there are more than 20,000, or no table leaves patients in both arms.
    """
    from scipy.stats import chi2

    shape = tuple(len(c.values) for c in counts)
    total = int(np.prod(shape))
    if total > MOST_TABLES:
        raise InputError("unpublished counts", f"{total:,} possible tables", f"at most {MOST_TABLES:,}")
    there: dict[tuple[int, int], Any] = {(arm, response): known for arm, response, known in margins.at_excluded}
    values = np.meshgrid(*(np.array(c.values, dtype=float) for c in counts), indexing="ij")
    there |= {(c.arm, c.response): grid for c, grid in zip(counts, values, strict=True)}
    yes = [np.broadcast_to(r - there.get((arm, 1), 0.0), shape) for arm, (r, _) in enumerate(margins.totals)]
    no = [np.broadcast_to(n - r - there.get((arm, 0), 0.0), shape) for arm, (r, n) in enumerate(margins.totals)]
    size, both = [y + n for y, n in zip(yes, no, strict=True)], (yes[0] + yes[1]) * (no[0] + no[1])
    with np.errstate(divide="ignore", invalid="ignore"):
        difference = yes[1] / size[1] - yes[0] / size[0]  # NaN where an arm has no patients left
        # Pearson's statistic of a table of two by two: N (ad - bc)^2 over the product of the four margins
        square = (size[0] + size[1]) * (yes[1] * no[0] - yes[0] * no[1]) ** 2 / (size[0] * size[1] * both)
    pearson = np.where(np.isnan(difference), np.nan, np.where(both == 0, 1.0, chi2.sf(square, 1)))
    if np.isnan(difference).all():
        raise InputError("unpublished counts", "no table with patients in both arms", "patients at ordinary sites")
    names = tuple(c.name for c in counts)

    def at(flat: int) -> dict[str, int]:
        return {c.name: c.values[int(i)] for c, i in zip(counts, np.unravel_index(flat, shape), strict=True)}

    significant, sign = pearson < SIGNIFICANT, end_point.sign
    return HardBounds(
        names, total, difference, pearson, float(np.nanmin(difference)), at(int(np.nanargmin(difference))),
        float(np.nanmax(difference)), at(int(np.nanargmax(difference))), significant & (sign * difference > 0),
        significant & (sign * difference < 0),
    )  # fmt: skip
