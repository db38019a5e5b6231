"""From what was recorded of each patient to end points: SRI, changes, missing values, trials of one end point each."""

from bayes_lupil.outcomes.change import absolute_change, relative_change
from bayes_lupil.outcomes.derive import Derived, derive, missing_table, trial_of
from bayes_lupil.outcomes.sri import SRI, SRIColumns, sri
from bayes_lupil.outcomes.synthetic import Design, synthetic_patients
from bayes_lupil.outcomes.table import Outcomes, read_outcomes

__all__ = [
    "SRI",
    "Derived",
    "Design",
    "Outcomes",
    "SRIColumns",
    "absolute_change",
    "derive",
    "missing_table",
    "read_outcomes",
    "relative_change",
    "sri",
    "synthetic_patients",
    "trial_of",
]
