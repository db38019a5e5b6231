"""What an odds ratio means for patients of different baseline risk: risk difference and number needed to treat."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.arguments import checked
from bayes_lupil.errors import DiagnosticsError, InputError, UnsupportedModelError
from bayes_lupil.posterior import Posterior
from bayes_lupil.posterior.estimands import NNT, Benefit, benefit_ladder, number_needed_to_treat
from bayes_lupil.posterior.estimates import Estimate
from bayes_lupil.posterior.own_trial import own_trial
from bayes_lupil.sites.influence import estimates_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["RiskRow", "by_baseline_risk", "default_risks"]

Floats = NDArray[np.float64]

EFFECT = "conditional_log_odds_ratio"
_ROUND = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99)
_FURTHEST = 2.3  # on the log odds from the trial's own level: a tenth of the odds to ten times


@dataclass(frozen=True)
class RiskRow:
    """Patients of one baseline risk.

    Attributes
    ----------
    risk : float
        Their probability of the end point without the treatment.
    risk_difference : Estimate
        Active minus control.
    nnt : NNT
    relevant : Benefit
        Probability that the benefit is at least the relevant difference of the model file.
    """

    risk: float
    risk_difference: Estimate
    nnt: NNT
    relevant: Benefit

    def to_dict(self) -> dict[str, Any]:
        """As one flat row."""
        row: dict[str, Any] = {"baseline_risk": self.risk}
        row |= self.risk_difference.columns("risk_difference", "q2_5", "q50", "q97_5")
        chance = {"p_relevant": self.relevant.probability, "p_relevant_mcse": self.relevant.mcse}
        return row | {"nnt": self.nnt.text} | chance


def default_risks(posterior: Posterior) -> tuple[float, ...]:
    """Round risks between a tenth of the control arm's odds and ten times these.

    Examples
    --------
    >>> import bayes_lupil as bl
    >>> default_risks(bl.fit("itt_pooled", "beitler_landis"))
    (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
    """
    (responders, patients), _ = _totals(posterior)
    level = math.log((responders + 0.5) / (patients - responders + 0.5))
    found = tuple(risk for risk in _ROUND if abs(math.log(risk / (1 - risk)) - level) <= _FURTHEST)
    return found or (responders / patients,)


@own_trial
@checked
def by_baseline_risk(posterior: Posterior, risks: Sequence[float] | None = None) -> tuple[RiskRow, ...]:
    """Risk difference and number needed to treat by the risk that patients have without the treatment.

    With b a draw of the conditional log odds ratio, that of an average site, and r the risk,

        RD = expit(logit(r) + b) - r.

    That the odds ratio is the same at every risk is an assumption of the model, which `subgroup_effects` looks at.

    Parameters
    ----------
    posterior : Posterior
        Of a binary end point.
    risks : sequence of float, optional
        Between 0 and 1; by default those of `default_risks`.

    Raises
    ------
    UnsupportedModelError
        Where the end point is not binary, or sites have effects of their own that nothing ties together.
    InputError
        For a risk that is none; where the diagnostics of the posterior failed.

    Examples
    --------
    >>> import bayes_lupil as bl
    >>> rows = by_baseline_risk(bl.fit("site_effects", "beitler_landis"), [0.2, 0.5])
    >>> [row.risk for row in rows], bool(rows[0].risk_difference.q50 < rows[1].risk_difference.q50)
    ([0.2, 0.5], True)
    """
    check_common_effect(posterior)
    asked = default_risks(posterior) if risks is None else tuple(float(risk) for risk in risks)
    if wrong := [risk for risk in asked if not 0 < risk < 1]:
        raise InputError("risks", f"{wrong[0]:g}", "probabilities above 0 and below 1")
    decision, end_point, rows = posterior.spec.decision, posterior.provenance.end_point, []
    for risk in asked:
        difference = difference_at(risk, posterior.draws(EFFECT))
        ladder = benefit_ladder(difference, end_point, (), decision.harm, decision.relevant)
        estimate = estimates_of(posterior, difference).item()
        rows.append(RiskRow(risk, estimate, number_needed_to_treat(difference, end_point), ladder[-1]))
    return tuple(rows)


def has_common_effect(posterior: Posterior) -> bool:
    """Whether the end point is binary, and patients of all sites share a log odds ratio or its distribution."""
    shared = EFFECT in posterior.data["posterior"] and posterior.spec.sites.effects != "fixed"
    return shared and posterior.provenance.end_point.kind == "binary"


def check_common_effect(posterior: Posterior) -> None:
    """Refuse a posterior without a log odds ratio that patients of all risks share, and an unsound one."""
    source = posterior.provenance
    if not has_common_effect(posterior):
        found = "effects of sites that nothing ties together"
        if source.end_point.kind != "binary":
            found = f"the {source.end_point.kind} end point '{source.end_point.name}'"
        where = f"model '{posterior.spec.name}', trial '{source.trial}'"
        raise UnsupportedModelError(where, found, "a binary end point and a common odds ratio")
    if not posterior.verdict.ok:
        raise DiagnosticsError(f"fit '{posterior.spec.name}'", posterior.verdict.text)


def difference_at(risk: float, log_odds_ratio: Floats) -> Floats:
    """The risk difference that a log odds ratio makes of a risk, of the shape of the ratios.

    Examples
    --------
    >>> float(difference_at(0.5, np.log(3.0)).round(12))
    0.25
    """
    from scipy.special import expit, logit

    return np.asarray(expit(logit(risk) + log_odds_ratio) - risk)


def risks_frame(rows: Sequence[RiskRow]) -> pd.DataFrame:
    """One row a risk."""
    import pandas as pd

    return pd.DataFrame([row.to_dict() for row in rows])


def _totals(posterior: Posterior) -> tuple[tuple[int, int], tuple[int, int]]:
    totals = posterior.provenance.totals
    if totals is None:
        raise UnsupportedModelError(f"trial '{posterior.provenance.trial}'", "no counts", "the control arm's, or risks")
    return totals
