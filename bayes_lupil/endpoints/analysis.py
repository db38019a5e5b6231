"""The whole hierarchy of end points from patient data: the trial's own tests, and their Bayesian counterpart."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from bayes_lupil.arguments import checked
from bayes_lupil.endpoints.classical import Counterpart, counterpart
from bayes_lupil.endpoints.exploratory.analysis import analyse_further
from bayes_lupil.endpoints.floor_and_ceiling import check_limits
from bayes_lupil.endpoints.joint.data import JointData, JointOutcome
from bayes_lupil.endpoints.joint.posterior import JointPosterior, fit_joint
from bayes_lupil.endpoints.probability_bounds import Bounds, cumulative_bounds
from bayes_lupil.endpoints.result import EndPointAnalysis, Step
from bayes_lupil.endpoints.tipping.analysis import tipping_surface
from bayes_lupil.errors import InputError, ModelError, SamplerError, nearest, within
from bayes_lupil.frequentist.gatekeeping import Gate, Hypothesis, fixed_sequence
from bayes_lupil.likelihoods import build_likelihood
from bayes_lupil.model_analysis import analyse_model
from bayes_lupil.outcomes.derive import Derived, check_arms, compared, derive, missing_table, trial_of
from bayes_lupil.outcomes.table import Outcomes, read_outcomes
from bayes_lupil.progress import counting, is_shown
from bayes_lupil.spec import ModelSpec, Plan, load_plan
from bayes_lupil.spec.plan import check_patients
from bayes_lupil.trials.end_point import Arms

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["analyse_end_points"]

Say = Callable[[str], None]


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
    steps_made = made[: len(chosen.steps)]
    if lost := [item.plan.name for item in steps_made if item.plan.name not in specs]:
        raise ModelError(f"plan '{chosen.name}', end point '{lost[0]}'", "no model", "one for each step (models=...)")
    adjusting = [specs[item.plan.name].covariates for item in steps_made]
    for item, covariates in zip(steps_made, adjusting, strict=True):
        if covariates is not None and item.plan.kind == "binary":
            raise ModelError(
                f"plan '{chosen.name}', end point '{item.plan.name}'", "a model with [covariates]",
                "one without, because the end point is binary",
                "Missing responses are then counted by site and arm; bayes-lupil fit takes patients' covariates.",
            )  # fmt: skip
    columns = [() if covariates is None else covariates.columns for covariates in adjusting]
    trials = [trial_of(item, data, arms, named) for item, named in zip(steps_made, columns, strict=True)]
    for i, (item, trial) in enumerate(zip(made, trials, strict=False)):
        name = item.plan.name
        if seed is not None:
            specs[name] = specs[name].edited(sampler__seed=seed + i)
        if item.plan.mcid is not None:  # the plan says what difference matters
            specs[name] = specs[name].edited(decision__relevant=item.plan.mcid)
        check_patients(chosen, specs[name], f"plan '{chosen.name}', end point '{name}', model '{specs[name].name}'")
        # a model that the data cannot support is refused before anything is fitted
        build_likelihood(specs[name], trial)
    joined = _joint_data(chosen, specs, data, arms, made) if joint and chosen.joint is not None else None
    tested = []
    for item, of_it, covariates in zip(steps_made, trials, adjusting, strict=True):
        with within(f"{data.source or data.name}, end point '{item.plan.name}'"):
            tested.append(counterpart(chosen, item, data, of_it, arms, covariates))
    gates, basis = _gates(chosen, made, tested)
    steps = []
    for i, trial in enumerate(trials):
        item, spec = made[i], specs[made[i].plan.name]
        say(f"[{i + 1}/{len(trials)}] {item.plan.label}: {spec.title}")
        found = analyse_model(spec, trial, check_engines=check_engines, progress=progress)
        posterior = found.posterior
        if found.reason:
            say(f"      {found.reason}")
        surface = None
        absent = missing_table(item, data, arms, chosen.population)
        if tipping and posterior is not None and posterior.verdict.ok and _gaps(absent):
            say("      tipping points: what the missing patients would have to be")
            surface = tipping_surface(item, data, posterior, chosen, arms)
        limits = check_limits(posterior) if posterior is not None and item.limits is not None else None
        steps.append(
            Step(
                i + 1, item, trial, spec, posterior, found.reason, found.agreement, tested[i], gates[i], basis,
                absent, limits, surface,
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
