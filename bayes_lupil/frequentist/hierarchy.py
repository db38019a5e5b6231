"""The trial's own fixed sequence: for each step and population what was printed, what the counts give, and the gate."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bayes_lupil.arguments import checked
from bayes_lupil.errors import InputError
from bayes_lupil.frequentist.gatekeeping import Gate, Hypothesis, fixed_sequence
from bayes_lupil.frequentist.mixed_logistic import EFFECTS, MixedLogistic, mixed_logistic
from bayes_lupil.frequentist.stratified import Stratified, stratified
from bayes_lupil.frequentist.two_by_two import TwoByTwo, two_by_two
from bayes_lupil.trials.cells import Cells
from bayes_lupil.trials.confounding import is_confounded
from bayes_lupil.trials.estimates import Estimate
from bayes_lupil.trials.populations import Population
from bayes_lupil.trials.trial import PublishedResult, Step, Trial

__all__ = ["HierarchyRow", "Unfitted", "trial_hierarchy"]

PRINTED, RECOMPUTED, NONE = "printed", "recomputed", "none"
FORMAL = "itt"
"""The population in which the fixed sequence is run."""


@dataclass(frozen=True)
class Unfitted:
    """A mixed logistic regression without an estimate.

    Attributes
    ----------
    effects : {"pooled", "partial"}
    why : str
    """

    effects: str
    why: str


@dataclass(frozen=True)
class HierarchyRow:
    """One step in one population.

    Attributes
    ----------
    published : PublishedResult or None
        What the publication printed, as printed.
    two_by_two : TwoByTwo or None
        Tests of the arm totals; None for a step whose counts were not published.
    stratified : Stratified or None
        Analyses stratified by site, where the sites are known.
    mixed : tuple of MixedLogistic or Unfitted
        Logistic regression with random site intercepts, and with random intercepts and effects, where the sites are
        known and both arms have both outcomes; or why there is no estimate.
    gate : Gate
        Status in the fixed sequence.
    gate_basis : {"printed", "recomputed", "none"}
        Which p-values the gate goes by: the printed ones where the trial has any, else the Cochran-Mantel-Haenszel
        test of the counts where sites are known and Pearson's where not. The rule is fixed here, for every trial.
        none: the population is outside the fixed sequence, which spends the trial's error rate once, on everyone
        randomised; its p-values are nominal and never adjusted.
    clustered : bool
        Whether no site has patients of both arms, so that tests of the totals, which take patients for independent, are
        not the trial's own: nothing is tested then.
    """

    step: int
    name: str
    role: str
    population: Population
    published: PublishedResult | None
    two_by_two: TwoByTwo | None
    stratified: Stratified | None
    mixed: tuple[MixedLogistic | Unfitted, ...]
    gate: Gate
    gate_basis: str
    clustered: bool = False


@checked
def trial_hierarchy(trial: Trial, alpha: float = 0.05) -> tuple[HierarchyRow, ...]:
    """The fixed sequence of a trial in each of its populations.

    A trial without a declared hierarchy has one step, its end point.

    Examples
    --------
    >>> from bayes_lupil.trials import load_trial
    >>> for row in trial_hierarchy(load_trial("lupil2")):
    ...     print(row.population.name, row.step, row.gate.status)
    itt 1 not significant
    itt 2 no formal claim: formal testing stops at step 1
    itt 3 no formal claim: formal testing stops at step 1
    pp 1 nominal p at most 0.05; post hoc, outside the fixed sequence
    pp 2 reported significant, no figure published
    pp 3 reported significant, no figure published
    """
    if isinstance(trial.data, Estimate):
        return (_of_estimate(trial, trial.data, alpha),)
    steps = trial.hierarchy or (Step(trial.end_point.label, "primary", recomputable=True),)
    found = []
    for population in trial.populations.values():
        analysed = trial.analysis_set(population.name)
        table = two_by_two(*analysed.totals)
        cells = analysed.data
        clustered = isinstance(cells, Cells) and cells.sites_known and is_confounded(cells.n)
        by_site = (
            stratified(cells.responders, cells.n)
            if isinstance(cells, Cells) and cells.sites_known and len(cells.sites) > 1 and not clustered
            else None
        )
        both_outcomes = all(0 < r < n for r, n in analysed.totals)
        mixed = _mixed(cells) if by_site is not None and both_outcomes and isinstance(cells, Cells) else ()
        published = [
            next((item for item in step.published if item.population == population.name), None) for step in steps
        ]
        basis = (
            PRINTED
            if any(item is not None and (item.p is not None or item.reported) for item in published)
            else RECOMPUTED
        )
        if population.name != FORMAL:
            basis = NONE
        hypotheses = []
        for step, item in zip(steps, published, strict=True):
            p = item.p if item is not None else None
            if basis == RECOMPUTED and step.recomputable and not clustered:
                p = by_site.cmh.p if by_site is not None and by_site.cmh is not None else table.p_chi_square
            hypotheses.append(Hypothesis(step.name, p, item.reported if item is not None else ""))
        gates = _nominal(hypotheses, population, alpha) if basis == NONE else fixed_sequence(hypotheses, alpha)
        if clustered and basis == RECOMPUTED:
            gates = tuple(replace(gate, status="not tested: no site has patients of both arms") for gate in gates)
        for i, (step, gate) in enumerate(zip(steps, gates, strict=True)):
            found.append(
                HierarchyRow(
                    i + 1, step.name, step.role, population, published[i],
                    table if step.recomputable else None, by_site if step.recomputable else None,
                    mixed if step.recomputable else (), gate, basis, clustered,
                )
            )  # fmt: skip
    return tuple(found)


def _mixed(cells: Cells) -> tuple[MixedLogistic | Unfitted, ...]:
    found: list[MixedLogistic | Unfitted] = []
    for effects in EFFECTS:
        try:
            found.append(mixed_logistic(cells.responders, cells.n, effects=effects))
        except InputError as problem:
            found.append(Unfitted(effects, problem.found))
    return tuple(found)


def _of_estimate(trial: Trial, estimate: Estimate, alpha: float) -> HierarchyRow:
    """The one hypothesis of a trial of which one estimate is known, by the p-value that it makes."""
    population = trial.populations[FORMAL]
    result = PublishedResult(population.name, f"{estimate.kind.name} {estimate.words}", estimate.p)
    [gate] = fixed_sequence([Hypothesis(trial.end_point.label, estimate.p)], alpha)
    return HierarchyRow(1, trial.end_point.label, "primary", population, result, None, None, (), gate, RECOMPUTED)


def _nominal(hypotheses: list[Hypothesis], population: Population, alpha: float) -> tuple[Gate, ...]:
    """What can be said of p-values outside the fixed sequence: how they compare with the level, and no more."""
    outside = f"{'post hoc, ' if population.post_hoc else ''}outside the fixed sequence"
    gates = []
    for i, item in enumerate(hypotheses, start=1):
        if item.p is not None:
            status = f"nominal p {'at most' if item.p <= alpha else 'above'} {alpha:g}; {outside}"
        elif item.reported:
            status = f"reported {item.reported}, no figure published"
        else:
            status = outside
        gates.append(Gate(i, item.name, item.p, None, alpha, status))
    return tuple(gates)
