"""The hierarchy of end points as tables: one row a step, the frequentist analyses beside it, what is missing."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from bayes_lupil.frequentist.adjusted_logistic import AdjustedLogistic
from bayes_lupil.frequentist.two_by_two import Interval
from bayes_lupil.posterior.estimands import EFFECTS

if TYPE_CHECKING:
    import pandas as pd

    from bayes_lupil.endpoints.analysis import EndPointAnalysis, Step

__all__ = ["counterpart_rows", "counterpart_table", "hierarchy_table", "missing_frame"]


def hierarchy_table(result: EndPointAnalysis) -> pd.DataFrame:
    """One row a step: printed, recomputed and adjusted p, gate, effect, P(benefit), P(this and all above).

    Effects are active minus control: risk differences as proportions, mean differences in units. Every probability has
    its Monte Carlo standard error, and is missing where the diagnostics fail. `p_all` is of the joint model; the bounds
    say what the separate probabilities alone allow.
    """
    import pandas as pd

    chances = result.joint.chances() if result.joint is not None else None
    rows = []
    for i, step in enumerate(result.steps):
        point, gate = step.derived.plan, step.gate
        row: dict[str, Any] = {
            "step": step.number, "end_point": point.name, "label": point.label, "role": point.role,
            "benefit": point.benefit, "unit": point.unit, **_analysed(step),
            "p_printed": point.printed.p if point.printed else None, "p_recomputed": step.counterpart.p,
            "test": step.counterpart.words, "p_adjusted": gate.adjusted_p, "gate": gate.status,
            "effect": EFFECTS[point.kind].replace("_", " "), "model": step.model.name,
        }  # fmt: skip
        row |= _effect(step)
        if chances is not None:
            both = chances[i]
            row |= {
                "p_benefit_joint": both.benefit, "p_benefit_joint_mcse": both.benefit_mcse,
                "p_all": both.all_above, "p_all_mcse": both.all_above_mcse,
            }  # fmt: skip
        if result.bounds:
            bound = result.bounds[i]
            row |= {
                "p_all_lower_bound": bound.lower, "p_all_lower_bound_mcse": bound.lower_mcse,
                "p_all_upper_bound": bound.upper, "p_all_upper_bound_mcse": bound.upper_mcse,
            }  # fmt: skip
        row |= {"status": "ok" if step.ok else "failed", "why_not": step.reason}
        rows.append(row)
    return pd.DataFrame(rows).set_index("step")


def _analysed(step: Step) -> dict[str, Any]:
    last = step.missing.iloc[-1]
    found: dict[str, Any] = {
        f"{word}_{arm}": int(last[f"{name}_{arm}"])
        for arm in ("control", "active")
        for word, name in (("randomised", "n"), ("missing", "missing"))
    }
    return found | {"missing_rule": step.derived.plan.missing_rule.replace("_", " ")}


def _effect(step: Step) -> dict[str, Any]:
    if not step.ok or step.posterior is None:
        return {}
    row, chances = step.posterior.row(step.posterior.effect), step.posterior.chances
    benefit, relevant = chances["benefit"], chances["relevant"]
    return {
        "median": row.q50, "lower": row.q2_5, "upper": row.q97_5, "interval": "95 % credible",
        "p_benefit": benefit.probability, "p_benefit_mcse": benefit.mcse, "relevant": relevant.threshold,
        "p_relevant": relevant.probability, "p_relevant_mcse": relevant.mcse,
    }  # fmt: skip


def counterpart_table(result: EndPointAnalysis) -> pd.DataFrame:
    """The frequentist analyses, one row an estimate, active minus control, with their confidence intervals."""
    import pandas as pd

    rows = [row for step in result.steps for row in counterpart_rows(step, result.arms.active)]
    return pd.DataFrame(rows)


def counterpart_rows(step: Step, active: str) -> list[dict[str, Any]]:
    """The frequentist analyses of one step."""
    head = {"step": step.number, "end_point": step.derived.plan.name}
    found = step.counterpart
    contrast: Any = found.analysis.contrasts.get(active)
    if isinstance(found.analysis, AdjustedLogistic):
        rows = [] if contrast is None else _logistic(head, contrast, found.adjusted)
        return rows if found.stratified is None else rows + _stratified(head, found.stratified)
    if contrast is None:
        return []
    pairs = [(f"ANCOVA, {found.adjusted}", contrast)]
    if found.mixed is not None:
        baseline = "" if found.mixed.baseline_slope is None else ", baseline"
        pairs.append((f"linear mixed model, random site intercepts{baseline}", found.mixed.contrasts[active]))
    return [head | _row(name, "mean difference", c.estimate, c.se, c.interval, c.p) for name, c in pairs]


def _logistic(head: dict[str, Any], contrast: Any, adjusted: str) -> list[dict[str, Any]]:
    name = f"logistic regression, {adjusted}"
    found = []
    odds, risk = contrast.odds_ratio, contrast.difference
    if odds is not None:
        found.append(head | _row(name, "log odds ratio", odds.estimate, odds.se, odds.interval, odds.p))
    if risk is not None:
        found.append(
            head | _row(f"{name}, standardised", "risk difference", risk.estimate, risk.se, risk.interval, risk.p)
        )
    return found


def _stratified(head: dict[str, Any], s: Any) -> list[dict[str, Any]]:
    found = []
    if s.mh_risk_difference is not None:
        found.append(
            head
            | _row(
                "Mantel-Haenszel over sites", "risk difference", s.mh_risk_difference, s.mh_risk_difference_se,
                s.mh_risk_difference_interval, None,
            )
        )  # fmt: skip
    if s.mh_odds_ratio is not None:
        limits = s.mh_odds_ratio_interval
        logs = None if limits is None else Interval(math.log(limits.lower), math.log(limits.upper), limits.method)
        p = None if s.cmh is None else s.cmh.p
        estimate, se = math.log(s.mh_odds_ratio), s.mh_log_odds_ratio_se
        found.append(head | _row("Mantel-Haenszel over sites, p by CMH", "log odds ratio", estimate, se, logs, p))
    return found


def _row(
    analysis: str, measure: str, estimate: float, se: float | None, limits: Interval | None, p: float | None
) -> dict[str, Any]:
    return {
        "analysis": analysis, "measure": measure, "estimate": estimate, "se": se,
        "lower": None if limits is None else limits.lower, "upper": None if limits is None else limits.upper,
        "interval": "" if limits is None else f"95 % confidence, {limits.method}", "p": p,
    }  # fmt: skip


def missing_frame(result: EndPointAnalysis) -> pd.DataFrame:
    """Patients and missing values by end point, site and arm."""
    import pandas as pd

    frames = [step.missing.reset_index().assign(end_point=step.derived.plan.name) for step in result.steps]
    table = pd.concat(frames, ignore_index=True)
    return table[["end_point", *[c for c in table.columns if c != "end_point"]]]
