"""BARG: the Bayesian analysis reporting guidelines of Kruschke 2021.

Read of the source: the table's preamble and steps 1 and 2 (to the beginning of 2D) in full; of step 3 the titles of its
items, from a worked example by others; of steps 4 to 6 what each is about. The letters within steps 4 to 6 were not
read, so each of these is one item here; step 6 is parted in two by us, because a run can say what it takes to run it
again and cannot say what was published with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bayes_lupil.report.checklists.facts import (
    by_chains,
    by_importance,
    counted,
    engines,
    formal,
    goal,
    likelihood,
    model_checks,
    prior_justified,
    prior_sensitivity,
    repeatable,
    summaries,
    unsound,
)
from bayes_lupil.report.checklists.item import Checklist, Finding, Question, filled, found, unanswered
from bayes_lupil.report.reanalysis.trial_and_estimand import MOST_ROWS

if TYPE_CHECKING:
    from bayes_lupil.report.reanalysis.contents import Contents

__all__ = ["barg"]

SOURCE = (
    "Kruschke JK. Bayesian Analysis Reporting Guidelines. Nature Human Behaviour 2021;5:1282-1291, "
    "doi 10.1038/s41562-021-01177-7. Its steps in our words; of steps 4 to 6 one item each, step 6 parted in two by us."
)


def barg(contents: Contents, sections: frozenset[str]) -> Checklist:
    """The guidelines, filled from the run."""
    return Checklist("BARG", SOURCE, tuple(filled(question, contents, sections) for question in QUESTIONS))


def _why_bayesian(contents: Contents) -> Finding:  # noqa: ARG001
    return unanswered(
        "the model files say what is asked, not why it is asked in a Bayesian way; that is for the author."
    )


def _variables(contents: Contents) -> Finding:
    trial = contents.trial
    number = counted(len(trial.site_names), "site")
    sites = f"{number}, that of each patient not published" if trial.resolution == "margins" else number
    arms = f"{trial.arms.active} or {trial.arms.control}"
    words = f"Predicted: {trial.end_point.label}. From: the arm ({arms}) and, in models with sites, the site ({sites})."
    return found(words, "trial", "data")


def _prior_predictive(contents: Contents) -> Finding:
    lead = contents.lead
    if lead is None or "prior_predictive" not in lead.data.children:
        return unanswered("there are no draws of data from the prior of a sound analysis.")
    return found(f"Data drawn from the prior of `{lead.spec.name}`.", "prior-predictive")


def _software(contents: Contents) -> Finding:
    used = engines(contents)
    return found(f"{used}; versions of all packages.", "software") if used else unanswered("no model was fitted.")


def _convergence(contents: Contents) -> Finding:
    chains = by_chains(contents)
    if not chains:
        return unanswered("it does not apply, since no reported figure comes from a Markov chain (see 2D).")
    if bad := unsound(chains):
        return unanswered(f"the diagnostics of {bad} failed.")
    worst = max(posterior.verdict.max_r_hat for posterior in chains)
    words = (
        f"R-hat of every quantity of {counted(len(chains), 'model')}, sites and estimands included: at most {worst:.4f}"
    )
    return found(f"{words}; no divergent transition.", "diagnostics")


def _resolution(contents: Contents) -> Finding:
    chains = by_chains(contents)
    if not chains:
        return unanswered("it does not apply, since no reported figure comes from a Markov chain (see 2D).")
    if bad := unsound(chains):
        return unanswered(f"the diagnostics of {bad} failed.")
    bulk = min(posterior.verdict.min_ess_bulk for posterior in chains)
    tail = min(posterior.verdict.min_ess_tail for posterior in chains)
    words = f"Effective sample size of every quantity of {counted(len(chains), 'model')}: at least {bulk:.0f} (bulk)"
    return found(f"{words} and {tail:.0f} (tail).", "diagnostics")


def _not_chains(contents: Contents) -> Finding:
    drawn = by_importance(contents)
    if not drawn:
        return unanswered("it does not apply, since every reported figure comes from Markov chains (see 2B and 2C).")
    if bad := unsound(drawn):
        return unanswered(f"the diagnostics of {bad} failed.")
    k_hat = max(posterior.verdict.pareto_k or 0.0 for posterior in drawn)
    errors = [error for posterior in drawn if (error := posterior.verdict.quadrature_error) is not None]
    words = f"{counted(len(drawn), 'model')} by importance sampling: k-hat at most {k_hat:.2f}"
    if errors:
        size = f"{max(errors):.0e}" if max(errors) else "0"
        words += (
            f"; effects of sites, where a model has them and the table of sites is known, integrated out by quadrature "
            f"with an error of at most {size} of a log density"
        )
    return found(f"{words}; with the number of independent draws.", "diagnostics")


def _model_probabilities(contents: Contents) -> Finding:  # noqa: ARG001
    return unanswered("it does not apply, since no Bayes factor is used and no model is given a probability.")


def _decisions(contents: Contents) -> Finding:
    lead = contents.lead
    ladder = "" if lead is None else f" (beyond {', '.join(f'{d:g}' for d in lead.spec.decision.ladder)})"
    return unanswered(
        f"no decision is taken; probabilities of benefit beyond each declared threshold{ladder} are reported, and no "
        "limit was prespecified at which one of them would decide."
    )


def _data_and_code(contents: Contents) -> Finding:
    trial = contents.trial
    known = {source.id for source in trial.sources}
    if not trial.provenance or not all(row["source"] in known for row in trial.provenance):
        return unanswered(
            "the trial file names no published source of the data, and the software cannot know who has them."
        )
    if trial.resolution == "patients":
        return unanswered("the data are of single patients and are not shown; the software cannot know who has them.")
    rows = len(trial.provenance) if len(trial.provenance) > 1 else len(trial.site_names)
    if rows > MOST_ROWS:
        return unanswered(f"the report shows the {MOST_ROWS} largest of {rows:,} counts, and not all.")
    return found(f"Every number that was analysed, with its source, in a table of {counted(rows, 'row')}.", "data")


QUESTIONS = (
    Question("Preamble A", "Why a Bayesian analysis, where readers need to be told", _why_bayesian),
    Question("Preamble B", "The goals of the analysis", goal),
    Question("1A", "What is predicted, and from what", _variables),
    Question("1B", "Likelihood and all parameters, with the levels of a multilevel model", likelihood),
    Question("1C", "The prior of every parameter, and why it was chosen", prior_justified),
    Question("1D", "The model in full, as mathematics or code", formal),
    Question("1E", "A check of what data the prior predicts", _prior_predictive),
    Question("2A", "The software used, with its add-ons", _software),
    Question("2B", "Evidence that the chains converged, for every parameter and derived quantity", _convergence),
    Question("2C", "Evidence that the chains are long enough, by effective sample sizes", _resolution),
    Question("2D", "Where no Markov chain was run: how inexact the approximation is", _not_chains),
    Question("3A", "A check of the data that the fitted model predicts against those observed", model_checks),
    Question("3B", "Posterior distributions: centre, and intervals of named mass and kind", summaries),
    Question("3C", "Bayes factors with probabilities of the models, where they are used", _model_probabilities),
    Question("4", "Decisions: why they are taken, and by what limits", _decisions),
    Question("5", "What other priors would have given", prior_sensitivity),
    Question("6, rerun", "What it takes to run the analysis again", repeatable),
    Question("6, data", "The data, for others to use", _data_and_code),
)
