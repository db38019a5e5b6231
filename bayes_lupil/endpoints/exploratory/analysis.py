"""Exploratory end points: all analysed alike, in one table, shrunk towards the others of their group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bayes_lupil.endpoints.exploratory.effect_sizes import EffectSize, effect_sizes
from bayes_lupil.endpoints.exploratory.shrinkage import Shrunken, shrink
from bayes_lupil.frozen import ReadOnly
from bayes_lupil.outcomes.derive import Derived, compared
from bayes_lupil.outcomes.table import Outcomes
from bayes_lupil.spec import Plan
from bayes_lupil.trials.end_point import Arms

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Further", "FurtherRow", "analyse_further"]


@dataclass(frozen=True)
class FurtherRow:
    """One exploratory end point.

    Attributes
    ----------
    group : str
        Shrunk towards others of this group only.
    missing : (int, int)
        Patients without a value, control and active.
    raw : EffectSize
        Its own estimate.
    shrunken : Shrunken or None
        None where there is no estimate, and `raw.note` says why.
    """

    group: str
    missing: tuple[int, int]
    raw: EffectSize
    shrunken: Shrunken | None


@dataclass(frozen=True)
class Further(ReadOnly):
    """Exploratory end points, and the mean effect of each group.

    Attributes
    ----------
    rows : tuple of FurtherRow
    means : dict of str to Shrunken
        Average effect by group, on the scale of log odds ratios, positive is a benefit.
    """

    rows: tuple[FurtherRow, ...]
    means: dict[str, Shrunken]

    def to_frame(self) -> pd.DataFrame:
        """One row an end point: own estimate and p, shrunken effect on the common and on its own scale, P(benefit)."""
        import pandas as pd

        found = []
        for row in self.rows:
            raw, point = row.raw, row.raw.end_point
            line = {
                "end_point": point.name, "label": point.label, "group": row.group, "kind": point.kind,
                "benefit": point.benefit, "unit": "odds ratio" if point.kind == "binary" else point.unit,
                "n_control": raw.patients[0], "n_active": raw.patients[1], "missing_control": row.missing[0],
                "missing_active": row.missing[1], "raw_own_scale": raw.own, "raw": raw.estimate, "raw_se": raw.se,
                "p_uncorrected": raw.p, "note": raw.note,
            }  # fmt: skip
            if row.shrunken is not None:
                s = row.shrunken
                own = sorted(raw.on_own_scale(v) for v in (s.lower, s.upper))
                line |= {
                    "shrunken": s.mean, "shrunken_sd": s.sd, "shrunken_lower": s.lower, "shrunken_upper": s.upper,
                    "shrunken_own_scale": raw.on_own_scale(s.mean), "own_scale_lower": own[0],
                    "own_scale_upper": own[1], "p_benefit": s.p_benefit, "p_benefit_error": s.error,
                }  # fmt: skip
            found.append(line)
        return pd.DataFrame(found).set_index("end_point")


def analyse_further(plan: Plan, derived: list[Derived], outcomes: Outcomes, arms: Arms) -> Further:
    """Estimate every exploratory end point and shrink them by group.

    Parameters
    ----------
    plan : Plan
        With priors for the shrinkage.
    derived : list of Derived
    outcomes : Outcomes
    arms : Arms
    """
    assert plan.exploratory is not None  # a plan with such end points has it
    who = compared(outcomes, arms, plan.population)
    here, arm = who.here, who.arm
    points = [item.end_point for item in derived]
    values = [item.counted[here] for item in derived]
    baselines = [None if item.baseline is None else item.baseline[here] for item in derived]
    found = effect_sizes(points, values, arm, baselines)
    shrunken: list[Shrunken | None] = [None] * len(points)
    means = {}
    for group in dict.fromkeys(item.plan.group for item in derived):
        chosen = [i for i, d in enumerate(derived) if d.plan.group == group and np.isfinite(found.items[i].se)]
        if not chosen:
            continue
        estimates = np.array([found.items[i].estimate for i in chosen])
        prior = plan.exploratory
        rows, means[group] = shrink(estimates, found.covariance[np.ix_(chosen, chosen)], prior.mean, prior.spread)
        for i, row in zip(chosen, rows, strict=True):
            shrunken[i] = row
    rows_ = []
    for item, raw, small in zip(derived, found.items, shrunken, strict=True):
        gaps = item.missing[here]
        missing = (int((gaps & (arm == 0)).sum()), int((gaps & (arm == 1)).sum()))
        rows_.append(FurtherRow(item.plan.group, missing, raw, small))
    return Further(tuple(rows_), means)
