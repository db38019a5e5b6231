"""The whole hierarchy of end points from patient data: the trial's own tests, and their Bayesian counterpart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bayes_lupil.arguments import checked
from bayes_lupil.cards import Brief, Card, Shown
from bayes_lupil.endpoints.classical import Counterpart, counterpart
from bayes_lupil.endpoints.exploratory.analysis import Further, analyse_further
from bayes_lupil.endpoints.floor_and_ceiling import LimitsCheck, check_limits
from bayes_lupil.endpoints.joint.data import JointData, JointOutcome
from bayes_lupil.endpoints.joint.posterior import JointPosterior, fit_joint
from bayes_lupil.endpoints.probability_bounds import Bounds, cumulative_bounds
from bayes_lupil.endpoints.tables import counterpart_table, hierarchy_table
from bayes_lupil.endpoints.tipping.analysis import tipping_surface
from bayes_lupil.endpoints.tipping.surface import Surface
from bayes_lupil.errors import InputError, ModelError, SamplerError, nearest, within
from bayes_lupil.fitting import fit_checked
from bayes_lupil.frequentist.gatekeeping import Gate, Hypothesis, fixed_sequence
from bayes_lupil.likelihoods import build_likelihood
from bayes_lupil.numbers import p_value, points, probability
from bayes_lupil.outcomes.derive import Derived, check_arms, compared, derive, missing_table, trial_of
from bayes_lupil.outcomes.table import Outcomes, read_outcomes
from bayes_lupil.posterior import Posterior
from bayes_lupil.posterior.agreement import Agreement
from bayes_lupil.progress import counting, is_shown
from bayes_lupil.spec import ModelSpec, Plan, load_plan
from bayes_lupil.spec.plan import check_patients
from bayes_lupil.trials.trial import SYNTHETIC, Arms, Trial

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["EndPointAnalysis", "Step", "analyse_end_points"]

Say = Callable[[str], None]


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


@checked
def analyse_end_points(
    plan: Plan | str | Path,
    outcomes: Outcomes | str | Path,
    *,
    active: str | None = None,
    models: dict[str, ModelSpec] | None = None,
    joint: bool = True,
    tipping: bool = True,
    check_engines: bool = True,
    seed: int | None = None,
    progress: bool | None = None,
    announce: Say | None = None,
) -> EndPointAnalysis:
    """Run a trial's hierarchy of end points and its Bayesian counterpart.

    Parameters
    ----------
    plan : Plan, str or Path
        A built-in plan (`bayes_lupil.spec.builtin_plans`), or a TOML file.
    outcomes : Outcomes, str or Path
        Patient data, or a CSV file of them.
    active : str, optional
        Which arm is compared with control, where the plan names several.
    models : dict of str to ModelSpec, optional
        By end point, in place of those that the plan names; needed where `plan` is a `Plan`.
    joint, tipping : bool
        Whether the joint model is fitted and tipping points are looked for.
    check_engines : bool
        Whether models that both engines can fit are fitted by both, and fail where the results differ.
    seed : int, optional
        In place of the seeds of the model files (step i gets seed + i) and of the joint model.
    progress : bool, optional
        Whether progress is shown; by default on a terminal and in a notebook.
    announce : callable, optional
        Called with a line of text before each piece of work.

    Returns
    -------
    EndPointAnalysis

    Raises
    ------
    ModelError, TrialError
        For bad input, before anything is fitted.
    """
    if announce is None and is_shown(progress):
        with counting(True, None) as step:
            return analyse_end_points(
                plan, outcomes, active=active, models=models, joint=joint, tipping=tipping,
                check_engines=check_engines, seed=seed, progress=False, announce=lambda line: step(line.strip()),
            )  # fmt: skip
    say: Say = announce or (lambda _line: None)
    if isinstance(plan, Plan):
        chosen, specs = plan, dict(models or {})
    else:
        chosen, specs = load_plan(plan)
        specs |= models or {}
    data = outcomes if isinstance(outcomes, Outcomes) else read_outcomes(outcomes, chosen.columns.model_dump())
    check_arms(chosen, data)
    arms = _arms(chosen, active)
    made = [derive(point, data) for point in chosen.end_points]
    trials = [trial_of(item, data, arms) for item in made[: len(chosen.steps)]]
    for i, (item, trial) in enumerate(zip(made, trials, strict=False)):
        name = item.plan.name
        if name not in specs:
            raise ModelError(f"plan '{chosen.name}', end point '{name}'", "no model", "one for each step (models=...)")
        if seed is not None:
            specs[name] = specs[name].edited(sampler__seed=seed + i)
        if item.plan.mcid is not None:  # the plan says what difference matters
            specs[name] = specs[name].edited(decision__relevant=item.plan.mcid)
        check_patients(chosen, specs[name], f"plan '{chosen.name}', end point '{name}', model '{specs[name].name}'")
        # a model that the data cannot support is refused before anything is fitted
        build_likelihood(specs[name], trial)
    joined = _joint_data(chosen, specs, data, arms, made) if joint and chosen.joint is not None else None
    tested = []
    for item, of_it in zip(made, trials, strict=False):
        with within(f"{data.source or data.name}, end point '{item.plan.name}'"):
            tested.append(counterpart(chosen, item, data, of_it, arms))
    gates, basis = _gates(chosen, made, tested)
    steps = []
    for i, trial in enumerate(trials):
        item, spec = made[i], specs[made[i].plan.name]
        say(f"[{i + 1}/{len(trials)}] {item.plan.label}: {spec.title}")
        posterior, agreement, reason = _fit(spec, trial, check_engines, progress)
        if reason:
            say(f"      {reason}")
        surface = None
        absent = missing_table(item, data, arms, chosen.population)
        if tipping and posterior is not None and posterior.verdict.ok and _gaps(absent):
            say("      tipping points: what the missing patients would have to be")
            surface = tipping_surface(item, data, posterior, chosen, arms)
        limits = check_limits(posterior) if posterior is not None and item.limits is not None else None
        steps.append(
            Step(
                i + 1, item, trial, spec, posterior, reason, agreement, tested[i], gates[i], basis, absent, limits,
                surface,
            )
        )  # fmt: skip
    together, why = None, ""
    if joined is not None:
        say("All end points together: the joint model")
        together, why = _joint(chosen, joined, seed, progress)
        if why:
            say(f"      {why}")
    further = None
    if chosen.further:
        say(f"{len(chosen.further)} exploratory end points")
        further = analyse_further(chosen, made[len(chosen.steps) :], data, arms)
    return EndPointAnalysis(chosen, data, arms, tuple(steps), together, why, _bounds(steps, together), further)


def _arms(plan: Plan, active: str | None) -> Arms:
    known = plan.arms.actives
    if active is None:
        if len(known) > 1:
            required = "one of them named as active"
            raise InputError(f"plan '{plan.name}'", f"the active arms {', '.join(known)}", required)
        return Arms(plan.arms.control, known[0])
    if active not in known:
        raise InputError(
            f"plan '{plan.name}'", f"no active arm '{active}'", "one that it names", nearest(active, known)
        )
    return Arms(plan.arms.control, active)


def _gates(plan: Plan, made: list[Derived], tested: list[Counterpart]) -> tuple[tuple[Gate, ...], str]:
    """The fixed sequence by printed p-values where the plan gives any, and by recomputed ones where not."""
    points = [item.plan for item in made[: len(tested)]]
    printed = any(point.printed is not None for point in points)
    hypotheses = []
    for point, test in zip(points, tested, strict=True):
        p = (None if point.printed is None else point.printed.p) if printed else test.gate_p
        if p is not None and test.favours == "control":
            p = 1.0  # a printed p-value has no sign, but the data do
        hypotheses.append(Hypothesis(point.label, p))
    return fixed_sequence(hypotheses, plan.level), "printed" if printed else "recomputed"


def _fit(
    spec: ModelSpec, trial: Trial, check_engines: bool, progress: bool | None
) -> tuple[Posterior | None, Agreement | None, str]:
    try:
        posterior, agreement = fit_checked(spec, trial, check_engines=check_engines, progress=progress)
    except SamplerError as problem:
        return None, None, str(problem)
    return posterior, agreement, "" if posterior.verdict.ok else posterior.verdict.text


def _gaps(missing: pd.DataFrame) -> bool:
    last = missing.iloc[-1]
    return bool(last["missing_control"] + last["missing_active"])


def _joint_data(plan: Plan, specs: dict[str, ModelSpec], data: Outcomes, arms: Arms, made: list[Derived]) -> JointData:
    """All steps side by side, the rule for missing values applied to each."""
    who, outcomes = compared(data, arms, plan.population), []
    for item in made[: len(plan.steps)]:
        point, continuous = item.plan, item.plan.kind == "continuous"
        covariate = item.baseline[who.here] if item.baseline is not None and continuous else None
        values = item.counted[who.here]
        spec = specs[point.name]
        outcomes.append(JointOutcome(point.name, point.label, spec, point.kind, point.benefit, values, covariate))
    return JointData(tuple(outcomes), who.sites, who.site, who.arm)


def _joint(plan: Plan, joined: JointData, seed: int | None, progress: bool | None) -> tuple[JointPosterior | None, str]:
    assert plan.joint is not None  # or there were no data for it
    given = plan.joint
    sampler = given.sampler if seed is None else given.sampler.model_copy(update={"seed": seed})
    try:
        found = fit_joint(joined, patients=given.patients, sampler=sampler, progress=progress)
    except SamplerError as problem:
        return None, str(problem)
    return found, "" if found.verdict.ok else found.verdict.text


def _bounds(steps: list[Step], joint: JointPosterior | None) -> tuple[Bounds, ...]:
    """Of P(this and all above), from the joint model's own probabilities, or from the separate models' without it."""
    together = None if joint is None else joint.chances()
    if together is not None:
        return cumulative_bounds([c.benefit for c in together], [c.benefit_mcse for c in together], independent=False)
    chances = [step.posterior.p_benefit for step in steps if step.posterior is not None]
    known = [chance for chance in chances if chance is not None]
    if len(known) < len(steps):
        return ()
    return cumulative_bounds([c.probability for c in known], [c.mcse for c in known])
