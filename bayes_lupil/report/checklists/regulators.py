"""What regulators ask of Bayesian analyses and of estimands.

Read of the sources: of the guidance of 2010 (FDA, devices) its first pages and a published summary of what it
recommends; of the draft guidance of January 2026 (FDA, drugs and biologics) the announcement and what three summaries
by others agree on, not its text; of ICH E9(R1) its introduction and published descriptions of its five attributes.
What only the texts themselves could have told is left out, so this is a choice of points and no complete list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bayes_lupil.report.checklists.facts import (
    calculation,
    counted,
    model_checks,
    no_result,
    other_models,
    prior_justified,
    prior_sensitivity,
    repeatable,
    summaries,
)
from bayes_lupil.report.checklists.item import Checklist, Finding, Question, filled, found, unanswered

if TYPE_CHECKING:
    from bayes_lupil.report.reanalysis.contents import Contents

__all__ = ["regulators"]

SOURCE = (
    "ICH E9(R1), 2019 (estimands); FDA, Guidance for the Use of Bayesian Statistics in Medical Device Clinical Trials, "
    "2010; FDA, Use of Bayesian Methodology in Clinical Trials of Drug and Biological Products, draft guidance, "
    "January 2026, docket FDA-2025-D-3217. A choice of points in our words, from summaries and not from the whole "
    "texts; a report of a reanalysis is not a submission."
)
CENTRED = 1e-9
"""A median of the prior of the effect this close to 0 is 0: quantiles are computed, and need not meet it exactly."""


def regulators(contents: Contents, sections: frozenset[str]) -> Checklist:
    """The points, filled from the run."""
    items = tuple(filled(question, contents, sections) for question in QUESTIONS)
    return Checklist("Points that regulators ask about", SOURCE, items)


def _estimand(contents: Contents) -> Finding:
    lead = contents.lead
    if lead is None:
        return unanswered(no_result(contents))
    arms = contents.trial.arms
    words = (
        f"{arms.active} against {arms.control}; {lead.provenance.population_label}; {contents.trial.end_point.label}; "
        f"{lead.spec.estimand}."
    )
    return found(words, "trial")


def _intercurrent(contents: Contents) -> Finding:  # noqa: ARG001
    return unanswered("a trial file has no place for intercurrent events, so none is named here with its strategy.")


def _missing(contents: Contents) -> Finding:
    listed = [entry for entry in contents.trial.not_published if "missing" in entry.lower()]
    if listed:
        return unanswered(f"never published: {'; '.join(listed)}.")
    return unanswered("the trial file does not say how missing outcomes were counted.")


def _prespecified(contents: Contents) -> Finding:
    source = contents.trial.end_point.mcid_source
    said = f" The trial file says of the important difference: {source}." if source else ""
    return unanswered(f"no file says that the models were prespecified, before the data were seen.{said}")


def _success(contents: Contents) -> Finding:  # noqa: ARG001
    return unanswered(
        "the model files declare thresholds of the effect, but no probability that would count as success."
    )


def _characteristics(contents: Contents) -> Finding:  # noqa: ARG001
    return unanswered(
        "error rates were not simulated for this design; those that come with the software are of made-up scenarios."
    )


def _outside(contents: Contents) -> Finding:
    if not contents.sound:
        return unanswered(no_result(contents))
    informed = [p.spec.name for p in contents.sound if abs(float(p.spec.priors.marginal("beta").ppf(0.5))) > CENTRED]
    if not informed:
        words = f"The prior of the treatment effect is centred at no effect in {counted(len(contents.sound), 'model')}."
        return found(words, "models")
    named = ", ".join(f"`{name}`" for name in informed)
    return found(
        f"The prior of the treatment effect is not centred at no effect in {named}; why stands beside it.", "models"
    )


def _conflict(contents: Contents) -> Finding:  # noqa: ARG001
    return unanswered("no test of conflict between prior and data was run.")


QUESTIONS = (
    Question("E9(R1), a", "Treatments, population, variable and population-level summary", _estimand),
    Question("E9(R1), b", "Intercurrent events, each with its strategy", _intercurrent),
    Question("E9(R1), c", "Missing data: how they are counted, and what else they could be", _missing),
    Question("E9(R1), d", "The same estimand under other assumptions of the analysis", other_models),
    Question("FDA, a", "Prior distributions stated and justified (2010, 2026 draft)", prior_justified),
    Question("FDA, b", "Information from outside the trial: where it enters (2010, 2026 draft)", _outside),
    Question("FDA, c", "Results under other priors (2010, 2026 draft)", prior_sensitivity),
    Question("FDA, d", "Conflict between prior and data (2026 draft)", _conflict),
    Question("FDA, e", "Analysis prespecified (2010, 2026 draft)", _prespecified),
    Question("FDA, f", "A criterion of success, fixed beforehand (2010, 2026 draft)", _success),
    Question("FDA, g", "Operating characteristics of the design, by simulation (2010, 2026 draft)", _characteristics),
    Question("FDA, h", "Computation: how, and evidence that it can be trusted (2010, 2026 draft)", calculation),
    Question("FDA, i", "What it takes to repeat the calculations: programs, versions, settings (2010)", repeatable),
    Question("FDA, j", "Checks of the model against the data (2010)", model_checks),
    Question("FDA, k", "Posterior summaries with credible intervals (2010)", summaries),
)
