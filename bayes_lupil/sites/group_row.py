"""What a row of effects by group tells, be the groups subgroups or countries."""

from __future__ import annotations

import math
from typing import Any

from bayes_lupil.frequentist.logistic import LogOddsRatio
from bayes_lupil.numbers import interval, odds_ratio
from bayes_lupil.posterior.estimates import Estimate

__all__ = ["GroupRow", "odds_words"]


class GroupRow:
    """Base of rows with the counts of a group, its observed and its shrunken effect; pairs are control and active."""

    n: tuple[int, int]
    responders: tuple[int, int]
    observed: LogOddsRatio | None
    log_odds_ratio: Estimate
    risk_difference: Estimate

    @property
    def counts(self) -> str:
        """Responders of patients, active v control."""
        return " v ".join(f"{r}/{n}" for r, n in zip(self.responders[::-1], self.n[::-1], strict=True))

    @property
    def observed_words(self) -> str:
        """The observed odds ratio with its confidence interval."""
        seen = self.observed
        return "none" if seen is None else odds_words(seen.interval.lower, seen.estimate, seen.interval.upper)

    @property
    def shrunken_words(self) -> str:
        """The posterior median of the odds ratio with its credible interval."""
        effect = self.log_odds_ratio
        return odds_words(effect.q2_5, effect.q50, effect.q97_5)

    def effect_columns(self) -> dict[str, Any]:
        """Counts and effects, as cells of one flat row."""
        row: dict[str, Any] = {}
        for a, arm in enumerate(("control", "active")):
            row |= {f"n_{arm}": self.n[a], f"responders_{arm}": self.responders[a]}
        seen = self.observed
        row |= {
            "observed_log_odds_ratio": math.nan if seen is None else seen.estimate,
            "observed_lower": math.nan if seen is None else seen.interval.lower,
            "observed_upper": math.nan if seen is None else seen.interval.upper,
        }
        row |= self.log_odds_ratio.columns("log_odds_ratio", "q2_5", "q50", "q97_5")
        return row | self.risk_difference.columns("risk_difference", "q2_5", "q50", "q97_5")


def odds_words(low: float, middle: float, high: float) -> str:
    """An odds ratio with its interval, from logarithms.

    Examples
    --------
    >>> odds_words(-0.4, -0.18, 0.0)
    '0.84 (0.67 to 1.00)'
    """
    first, second, third = (math.exp(min(value, 700.0)) for value in (low, middle, high))
    told = [odds_ratio(value, f"{value:.2f}") for value in (first, second, third)]
    return f"{told[1]} ({interval(told[0], told[2])})"
