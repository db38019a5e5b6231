"""The trial's own fixed sequence: for each step and population what was printed, what the counts give, and the gate."""

from __future__ import annotations

from dataclasses import dataclass

from bayes_lupil.frequentist.gatekeeping import Gate, Hypothesis, fixed_sequence
from bayes_lupil.frequentist.stratified import Stratified, stratified
from bayes_lupil.frequentist.two_by_two import TwoByTwo, two_by_two
from bayes_lupil.trials.cells import Cells
from bayes_lupil.trials.populations import Population
from bayes_lupil.trials.trial import PublishedResult, Step, Trial

__all__ = ["HierarchyRow", "trial_hierarchy"]

PRINTED, RECOMPUTED = "printed", "recomputed"


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
    gate : Gate
        Status in the fixed sequence.
    gate_basis : {"printed", "recomputed"}
        Which p-values the gate goes by: the printed ones where the trial has any, else the Cochran-Mantel-Haenszel
        test of the counts where sites are known and Pearson's where not. The rule is fixed here, for every trial.
    """

    step: int
    name: str
    role: str
    population: Population
    published: PublishedResult | None
    two_by_two: TwoByTwo | None
    stratified: Stratified | None
    gate: Gate
    gate_basis: str


def trial_hierarchy(trial: Trial, alpha: float = 0.05) -> tuple[HierarchyRow, ...]:
    """The fixed sequence of a trial in each of its populations.

    A trial without a declared hierarchy has one step, its end point.

    Examples
    --------
    >>> from bayes_lupil.trials import load_trial
    >>> for row in trial_hierarchy(load_trial("lupil2")):
    ...     print(row.population.name, row.step, row.gate.status)
    itt 1 not significant
    itt 2 not tested: formal testing stops at step 1
    itt 3 not tested: formal testing stops at step 1
    pp 1 significant
    pp 2 reported significant, no figure published
    pp 3 reported significant, no figure published
    """
    steps = trial.hierarchy or (Step(trial.end_point.label, "primary", recomputable=True),)
    found = []
    for population in trial.populations.values():
        analysed = trial.analysis_set(population.name)
        table = two_by_two(*analysed.totals)
        cells = analysed.data
        by_site = (
            stratified(cells.responders, cells.n)
            if isinstance(cells, Cells) and cells.sites_known and len(cells.sites) > 1
            else None
        )
        published = [
            next((item for item in step.published if item.population == population.name), None) for step in steps
        ]
        printed = any(item is not None and (item.p is not None or item.reported) for item in published)
        hypotheses = []
        for step, item in zip(steps, published, strict=True):
            p = item.p if item is not None else None
            if not printed and step.recomputable:
                p = by_site.cmh.p if by_site is not None and by_site.cmh is not None else table.p_chi_square
            hypotheses.append(Hypothesis(step.name, p, item.reported if item is not None else ""))
        for i, (step, gate) in enumerate(zip(steps, fixed_sequence(hypotheses, alpha), strict=True)):
            found.append(
                HierarchyRow(
                    i + 1, step.name, step.role, population, published[i],
                    table if step.recomputable else None, by_site if step.recomputable else None,
                    gate, PRINTED if printed else RECOMPUTED,
                )
            )  # fmt: skip
    return tuple(found)
