"""What knowing an unpublished count would be worth, and what the posterior holds of the possible tables."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.posterior.estimates import weighted_quantiles
from bayes_lupil.unpublished.bounds import SIGNIFICANT, HardBounds
from bayes_lupil.unpublished.conditional import HiddenDraws
from bayes_lupil.unpublished.tipping import Surface

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ABOVE", "BELOW", "CountValue", "TablePosterior", "count_value", "interval", "table_posterior"]

Floats = NDArray[np.float64]

ABOVE, BELOW = 0.975, 0.025
"""P(benefit) beyond which an answer counts as settled, for or against a benefit: the two-sided 5 % level of a trial."""
_SIDES_APART = 2.0
"""Monte Carlo errors within which it is not certain on which side of a threshold a P(benefit) lies."""


@dataclass(frozen=True)
class CountValue:
    """What knowing one unpublished count, or several together, would do to P(benefit).

    Averages are over the posterior of the counts, given what the publication implies.

    Attributes
    ----------
    names, labels : tuple of str
    expected_change, expected_change_mcse : float
        Mean of |P(benefit | counts) - P(benefit)|. Its error takes the errors of the changes to go together, so that it
        is an upper bound; a value within it is no change that could be told from none.
    sd : float
        SD of P(benefit | counts).
    p_above, p_above_mcse : float
        Probability that knowing them would put P(benefit) above 0.975. The errors of this and the next hold the
        probability of counts whose P(benefit) lies within two Monte Carlo errors of the threshold; they are 0 where no
        value computed lies beyond it or near it.
    p_below, p_below_mcse : float
        Probability that knowing them would put P(benefit) below 0.025.
    lowest, highest : float
        Bounds: P(benefit | counts) over all values allowed and computed, however improbable.
    lowest_mcse, highest_mcse : float
    lowest_at, highest_at : tuple of int
    not_computed : float
        Posterior probability of counts without a P(benefit), which the figures above leave out.
    ordinary_lowest, ordinary_highest : float
        Bounds of P(benefit) at the ordinary sites alone, over the same values.
    ordinary_lowest_mcse, ordinary_highest_mcse : float
    """

    names: tuple[str, ...]
    labels: tuple[str, ...]
    expected_change: float
    expected_change_mcse: float
    sd: float
    p_above: float
    p_above_mcse: float
    p_below: float
    p_below_mcse: float
    lowest: float
    lowest_mcse: float
    lowest_at: tuple[int, ...]
    highest: float
    highest_mcse: float
    highest_at: tuple[int, ...]
    not_computed: float
    ordinary_lowest: float
    ordinary_lowest_mcse: float
    ordinary_highest: float
    ordinary_highest_mcse: float

    @property
    def p_settled(self) -> float:
        """Probability that knowing them would put P(benefit) above 0.975 or below 0.025."""
        return self.p_above + self.p_below

    @property
    def p_settled_mcse(self) -> float:
        """Monte Carlo error of `p_settled`, an upper bound."""
        return self.p_above_mcse + self.p_below_mcse

    def to_dict(self) -> dict[str, Any]:
        """As plain data, with the counts in one text."""
        content = {name: value for name, value in asdict(self).items() if name not in ("names", "labels")}
        return {"counts": ", ".join(self.labels), **content}


def count_value(base: HiddenDraws, p_benefit: float, surface: Surface) -> CountValue:
    """What knowing the counts of a surface would do.

    Parameters
    ----------
    base : HiddenDraws
        Of the trial as published.
    p_benefit : float
        Without knowing them.
    """
    p, error = surface.table("p_benefit"), surface.table("p_benefit_mcse")
    chance = surface.table("probability")
    there = np.isfinite(p)
    change = np.where(there, np.abs(p - p_benefit), 0.0)
    expected, drawn = base.expect(surface.names, change)
    errors = float((chance * np.nan_to_num(surface.table("change_mcse"))).sum())

    def beyond(event: NDArray[np.bool_], threshold: float) -> tuple[float, float]:
        probability, mcse = base.expect(surface.names, event.astype(float))
        near = there & (np.abs(p - threshold) < _SIDES_APART * error)
        return probability, float(mcse + chance[near].sum())

    above, below = beyond(p > ABOVE, ABOVE), beyond(p < BELOW, BELOW)  # NaN is beyond no threshold
    (low, high), (least, most) = surface.extremes("p_benefit"), surface.extremes("p_ordinary")
    weights = np.where(there, chance, 0.0)
    centre = float((weights * np.nan_to_num(p)).sum() / weights.sum())
    sd = float(np.sqrt((weights * np.nan_to_num(p - centre) ** 2).sum() / weights.sum()))
    return CountValue(
        surface.names, tuple(c.label for c in surface.counts), expected, float(np.hypot(drawn, errors)), sd,
        *above, *below, low.p_benefit, low.p_benefit_mcse, low.counts, high.p_benefit, high.p_benefit_mcse, high.counts,
        surface.not_computed, least.p_ordinary, least.p_ordinary_mcse, most.p_ordinary, most.p_ordinary_mcse,
    )  # fmt: skip


@dataclass(frozen=True)
class TablePosterior:
    """The posterior over the tables that the publication allows, of the quantities that the bounds are bounds of.

    Attributes
    ----------
    raw_risk_difference, raw_risk_difference_mcse : float
        Mean of the raw risk difference without the excluded sites.
    raw_risk_difference_interval : (float, float)
        Its 2.5 % and 97.5 % quantiles: what that unpublished number would probably be, not what the effect is.
    p_significant_benefit, p_significant_benefit_mcse : float
        Probability that the trial without the excluded sites would have had a benefit with Pearson p < 0.05.
    p_significant_harm, p_significant_harm_mcse : float
        The same for harm.
    p_benefit_interval : (float, float)
        2.5 % and 97.5 % quantiles of P(benefit | all counts), over the tables computed.
    not_computed : float
        Posterior probability of the tables without a P(benefit).
    """

    raw_risk_difference: float
    raw_risk_difference_mcse: float
    raw_risk_difference_interval: tuple[float, float]
    p_significant_benefit: float
    p_significant_benefit_mcse: float
    p_significant_harm: float
    p_significant_harm_mcse: float
    p_benefit_interval: tuple[float, float]
    not_computed: float

    def to_frame(self) -> pd.DataFrame:
        """One row a quantity."""
        import pandas as pd

        nothing = float("nan")
        low, high = self.raw_risk_difference_interval
        p_low, p_high = self.p_benefit_interval
        rows = [
            ("raw risk difference without the excluded sites", self.raw_risk_difference,
             self.raw_risk_difference_mcse, low, high),
            (f"benefit with p < {SIGNIFICANT} without the excluded sites", self.p_significant_benefit,
             self.p_significant_benefit_mcse, nothing, nothing),
            (f"harm with p < {SIGNIFICANT} without the excluded sites", self.p_significant_harm,
             self.p_significant_harm_mcse, nothing, nothing),
            ("P(benefit | all counts)", nothing, nothing, p_low, p_high),
        ]  # fmt: skip
        return pd.DataFrame(rows, columns=["posterior of", "mean", "mcse", "q2_5", "q97_5"]).set_index("posterior of")


def table_posterior(base: HiddenDraws, bounds: HardBounds, full: Surface) -> TablePosterior:
    """Weigh all tables by their posterior probability; tables with an empty arm count as no difference."""
    raw = np.nan_to_num(bounds.risk_difference)
    chance = full.table("probability")
    mean = base.expect(full.names, raw)
    benefit = base.expect(full.names, bounds.benefit.astype(float))
    harm = base.expect(full.names, bounds.harm.astype(float))
    return TablePosterior(
        *mean, interval(raw, chance), *benefit, *harm, interval(full.table("p_benefit"), chance), full.not_computed
    )


def interval(values: Floats, weights: Floats) -> tuple[float, float]:
    """2.5 % and 97.5 % quantiles of weighted values, of which those that do not exist (NaN) are left out."""
    there = np.isfinite(values)
    low, _, high = weighted_quantiles(values[there], weights[there], total=float(weights[there].sum()))
    return low, high
