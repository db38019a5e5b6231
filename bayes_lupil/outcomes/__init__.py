"""From what was recorded of each patient to end points: SRI, changes, missing values, trials of one end point each."""

from bayes_lupil.outcomes.table import Outcomes, read_outcomes

__all__ = ["Outcomes", "read_outcomes"]
