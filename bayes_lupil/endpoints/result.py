"""What an analysis of end points found: its steps, and the same as tables, one row a step or a frequentist analysis."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bayes_lupil.cards import Brief, Card, Shown
from bayes_lupil.endpoints.classical import Counterpart
from bayes_lupil.endpoints.exploratory.analysis import Further
from bayes_lupil.endpoints.floor_and_ceiling import LimitsCheck
from bayes_lupil.endpoints.joint.posterior import JointPosterior
from bayes_lupil.endpoints.probability_bounds import Bounds
from bayes_lupil.endpoints.tipping.surface import Surface
from bayes_lupil.frequentist.adjusted_logistic import AdjustedLogistic
from bayes_lupil.frequentist.gatekeeping import Gate
from bayes_lupil.frequentist.two_by_two import Interval
from bayes_lupil.numbers import p_value, points, probability
from bayes_lupil.outcomes.derive import Derived
from bayes_lupil.outcomes.table import Outcomes
from bayes_lupil.posterior import Posterior
from bayes_lupil.posterior.agreement import Agreement
from bayes_lupil.posterior.estimands import EFFECTS
from bayes_lupil.spec import ModelSpec, Plan
from bayes_lupil.trials.end_point import SYNTHETIC, Arms
from bayes_lupil.trials.trial import Trial

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["EndPointAnalysis", "Step", "counterpart_rows", "counterpart_table", "hierarchy_table", "missing_frame"]


@dataclass(frozen=True, eq=False)
class Step(Brief):
    """One primary or secondary end point.

    Attributes
    ----------
    number : int
        Place in the sequence, from 1.
    derived : Derived
        The end point of every patient, and how it came about.
    trial : Trial
        What the model was fitted to: two arms, the rule for missing values applied.
    posterior : Posterior or None
        None where the sampler could not run; `reason` then says why.
    agreement : Agreement or None
        Comparison with the other engine, where both can fit the model.
    counterpart : Counterpart
        The frequentist analyses.
    gate : Gate
        By recomputed p-values, or by the printed ones where the plan gives any.
    gate_basis : {"recomputed", "printed"}
    missing : DataFrame
        Patients and missing values by site and arm.
    limits : LimitsCheck or None
        Of a change between limits of its instrument.
    tipping : Surface or None
        None where no value is missing, or where it was not asked for.
    """

    number: int
    derived: Derived
    trial: Trial
    model: ModelSpec
    posterior: Posterior | None
    reason: str
    agreement: Agreement | None
    counterpart: Counterpart
    gate: Gate
    gate_basis: str
    missing: pd.DataFrame
    limits: LimitsCheck | None
    tipping: Surface | None

    @property
    def ok(self) -> bool:
        """Whether a probability may be reported."""
        return self.posterior is not None and self.posterior.verdict.ok


@dataclass(frozen=True, eq=False)
class EndPointAnalysis(Shown):
    """The hierarchy of one active arm against control.

    Attributes
    ----------
    steps : tuple of Step
        Primary and secondary end points in the order of testing.
    joint : JointPosterior or None
        The model of all of them together, where the plan declares one and it was asked for.
    joint_reason : str
        Why it gives no probability; empty where it does, or was not asked for.
    bounds : tuple of Bounds
        What P(benefit) of each step alone allows P(this and all above) to be: Fréchet bounds, not estimates. From the
        joint model's P(benefit), or from the separate models' where there is none. Empty where a fit failed.
    further : Further or None
        Exploratory end points.
    """

    plan: Plan
    outcomes: Outcomes
    arms: Arms
    steps: tuple[Step, ...]
    joint: JointPosterior | None
    joint_reason: str
    bounds: tuple[Bounds, ...]
    further: Further | None

    @property
    def synthetic(self) -> bool:
        """Whether the data are made up."""
        return self.outcomes.synthetic

    @property
    def ok(self) -> bool:
        """Whether no fit failed."""
        joint = not self.joint_reason and (self.joint is None or self.joint.verdict.ok)
        tipping = all(step.tipping is None or step.tipping.ok for step in self.steps)
        return joint and tipping and all(step.ok for step in self.steps)

    def card(self) -> Card:
        """Each step's p-value, whether the sequence lets it be tested, effect and P(benefit)."""
        rows = []
        for step in self.steps:
            told = [f"p {p_value(step.counterpart.p)}" if step.counterpart.p is not None else "no p", step.gate.status]
            benefit = None if step.posterior is None else step.posterior.p_benefit
            if benefit is None or step.posterior is None:
                why = step.reason or (step.posterior.verdict.text if step.posterior else "")
                told.append(f"no probability: {why}")
            else:
                row = step.posterior.row(step.posterior.effect)
                binary = step.derived.end_point.kind == "binary"
                told.append(f"{points(row.mean, row.mcse_mean)} points" if binary else f"{row.mean:.3g}")
                told.append(f"P(benefit) {probability(benefit.probability, benefit.mcse)}")
            rows.append((f"{step.number}. {step.derived.plan.name}", ", ".join(told)))
        heading = f"End points of plan '{self.plan.name}': {self.arms.active} v {self.arms.control}"
        calls = ("result.to_frame()", "result.frequentist()", "result.steps")
        return Card(heading, tuple(rows), SYNTHETIC if self.synthetic else "", calls)

    def to_frame(self) -> pd.DataFrame:
        """One row a step: p printed, recomputed and adjusted, gate, effect, P(benefit), P(this and all above)."""
        return hierarchy_table(self)

    def frequentist(self) -> pd.DataFrame:
        """The frequentist estimates with their confidence intervals, one row each."""
        return counterpart_table(self)


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
    also, mixed_also = found.adjusted_for_these, found.mixed_with_these
    untold = () if also is None else also.untold
    named = "; ".join(label for k, label in enumerate(found.covariates) if k not in untold) or "none that tells more"
    if also is not None and (with_these := also.contrasts.get(active)) is not None:
        pairs.append((f"ANCOVA, {found.adjusted}, and for covariates ({named})", with_these))
    if mixed_also is not None:
        pairs.append(("linear mixed model with the same covariates", mixed_also.contrasts[active]))
    return [head | _row(name, "mean difference", c.estimate, c.se, c.interval, c.p) for name, c in pairs]


def _logistic(head: dict[str, Any], contrast: Any, adjusted: str) -> list[dict[str, Any]]:
    name = f"logistic regression, {adjusted}"
    return [
        head | _row(words, measure, found.estimate, found.se, found.interval, found.p)
        for words, measure, found in (
            (name, "log odds ratio", contrast.odds_ratio),
            (f"{name}, standardised", "risk difference", contrast.difference),
        )
        if found is not None
    ]


def _stratified(head: dict[str, Any], s: Any) -> list[dict[str, Any]]:
    found = []
    if (difference := s.mh_risk_difference) is not None:
        se, limits = s.mh_risk_difference_se, s.mh_risk_difference_interval
        found.append(head | _row("Mantel-Haenszel over sites", "risk difference", difference, se, limits, None))
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
