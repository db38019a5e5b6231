"""The tipping-point surface of one step of the hierarchy, whichever kind its end point is."""

from __future__ import annotations

import numpy as np

from bayes_lupil.endpoints.tipping.imputed_counts import imputed_counts_surface
from bayes_lupil.endpoints.tipping.shifted_means import shifted_means_surface
from bayes_lupil.endpoints.tipping.surface import Surface
from bayes_lupil.outcomes.derive import Derived, compared
from bayes_lupil.outcomes.table import Outcomes
from bayes_lupil.posterior import Posterior
from bayes_lupil.spec import Plan
from bayes_lupil.trials.end_point import Arms

__all__ = ["tipping_surface"]


def tipping_surface(derived: Derived, outcomes: Outcomes, posterior: Posterior, plan: Plan, arms: Arms) -> Surface:
    """What the missing patients would have to be for P(benefit) to cross the plan's threshold.

    Parameters
    ----------
    derived : Derived
        With missing values.
    outcomes : Outcomes
    posterior : Posterior
        Of the step's model, its rule for missing values applied.
    plan : Plan
    arms : Arms

    Raises
    ------
    InputError
        Where nothing is missing.
    """
    who = compared(outcomes, arms, plan.population)
    values, gaps = derived.values[who.here], derived.missing[who.here]

    def counted(chosen: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
        table = np.zeros((len(who.sites), 2), dtype=np.int64)
        np.add.at(table, (who.site[chosen], who.arm[chosen]), 1)
        return table

    n, missing = counted(~gaps), counted(gaps)
    if derived.plan.kind == "binary":
        responders = counted(~gaps & (values == 1))
        return imputed_counts_surface(
            posterior.spec, who.sites, responders, n, missing, derived.end_point, arms, rule=derived.plan.missing_rule,
            threshold=plan.threshold,
        )  # fmt: skip
    lost, everyone = missing.sum(axis=0), (n + missing).sum(axis=0)
    difference = posterior.draws("mean_difference")
    sd = float(np.median(difference / posterior.draws("standardised_difference")))
    return shifted_means_surface(
        difference, sd, (int(lost[0]), int(lost[1])), (int(everyone[0]), int(everyone[1])), derived.end_point, arms,
        model=posterior.spec.name, threshold=plan.threshold,
    )  # fmt: skip
