"""What a run says to the questions of the checklists: each fact once, by the name under which checklists ask for it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING

from bayes_lupil.numbers import small
from bayes_lupil.posterior import Posterior
from bayes_lupil.report.checklists.item import Finding, found, inapplicable, unanswered
from bayes_lupil.report.reanalysis.trial_and_estimand import MOST_ROWS
from bayes_lupil.sites.analysis import SiteAnalysis
from bayes_lupil.verdict_steps import ESTABLISHED

if TYPE_CHECKING:
    from bayes_lupil.report.reanalysis.contents import Contents

__all__ = ["FACTS"]

Fact = Callable[["Contents"], Finding]

FACTS: dict[str, Fact] = {}
"""The functions below by their names."""

_CENTRED = 1e-9  # a median of the prior of the effect this close to 0 is 0: quantiles need not meet it exactly
_OTHER_WAY = "every reported figure comes from Markov chains (see 2B and 2C)."
_NO_CHAIN = "no reported figure comes from a Markov chain (see 2D)."


def fact(needs: str = "") -> Callable[[Fact], Fact]:
    """Put a function among the facts; what it `needs` of a run, 'fits' or a sound 'lead', is asked for before."""

    def added(decide: Fact) -> Fact:
        @functools.wraps(decide)
        def decided(contents: Contents) -> Finding:
            if needs == "fits" and not contents.reanalysis.posteriors:
                return unanswered("no model was fitted.")
            if needs == "lead" and contents.lead is None:
                names = ", ".join(f"`{name}`" for name in _failures(contents)) or "every model"
                return unanswered(
                    f"there is no sound posterior: the diagnostics of {names} failed, or it could not be fitted."
                )
            return decide(contents)

        FACTS[decide.__name__] = decided
        return decided

    return added


def _counted(number: int, one: str) -> str:
    return f"{number} {one}{'' if number == 1 else 's'}"


def _failures(contents: Contents) -> list[str]:
    """Names of the models that could not be fitted, or whose diagnostics failed."""
    return [item.model.name for item in contents.reanalysis.analyses if item.is_failure]


def _lead(contents: Contents) -> Posterior:
    assert contents.lead is not None  # that is what the fact needs
    return contents.lead


def _drawn(contents: Contents, chains: bool) -> tuple[tuple[Posterior, ...], Finding | None]:
    """Posteriors drawn by Markov chains, or by importance sampling; and why nothing can be said of them, if so."""
    drawn = tuple(p for p in contents.reanalysis.posteriors if ("pareto_k" not in p.diagnostics) == chains)
    if not drawn:
        return drawn, inapplicable(_NO_CHAIN if chains else _OTHER_WAY)
    bad = ", ".join(f"`{p.spec.name}`" for p in drawn if not p.verdict.ok)
    return drawn, unanswered(f"the diagnostics of {bad} failed.") if bad else None


def _engines(contents: Contents) -> str:
    return "; ".join(dict.fromkeys(posterior.provenance.sampler for posterior in contents.reanalysis.posteriors))


@fact("lead")
def goal(contents: Contents) -> Finding:
    """The question that the main analysis answers, in the words of its model file."""
    spec = _lead(contents).spec
    return found(f"The main analysis, `{spec.name}`, asks: {spec.question}", "trial")


@fact("lead")
def estimand(contents: Contents) -> Finding:
    """Treatments, population, variable and summary of the main analysis."""
    lead, arms = _lead(contents), contents.trial.arms
    words = (
        f"{arms.active} against {arms.control}; {lead.provenance.population_label}; {contents.trial.end_point.label}; "
        f"{lead.spec.estimand}."
    )
    return found(words, "trial")


@fact()
def variables(contents: Contents) -> Finding:
    """What is predicted, and from what."""
    trial = contents.trial
    number = _counted(len(trial.site_names), "site")
    sites = f"{number}, that of each patient not published" if trial.resolution == "margins" else number
    arms = f"{trial.arms.active} or {trial.arms.control}"
    words = f"Predicted: {trial.end_point.label}. From: the arm ({arms}) and, in models with sites, the site ({sites})."
    return found(words, "trial", "data")


@fact("fits")
def likelihood(contents: Contents) -> Finding:
    """Likelihood and parameters of every model fitted."""
    models = contents.reanalysis.posteriors
    pooled = sum(posterior.spec.pooled for posterior in models)
    kind = "continuous" if contents.trial.end_point.kind == "continuous" else "binary"
    levels = f"{len(models) - pooled} of them with effects of sites, {pooled} with sites ignored"
    return found(f"{_counted(len(models), 'model')} of a {kind} end point, {levels}.", "models")


@fact("fits")
def formal(contents: Contents) -> Finding:
    """Likelihood and priors in symbols, and the hashes of the model files."""
    hashes = ", ".join(f"`{p.spec.name}` {p.provenance.model_hash[:12]}" for p in contents.reanalysis.posteriors)
    return found(f"In equations; each model file is identified by its hash: {hashes}.", "models", "software")


@fact("fits")
def prior_stated(contents: Contents) -> Finding:
    """Every prior of every model fitted."""
    models = contents.reanalysis.posteriors
    number = sum(len(posterior.spec.priors.items()) for posterior in models)
    words = f"{_counted(number, 'prior')} of {_counted(len(models), 'model')}, with family and parameters."
    return found(words, "models")


@fact("fits")
def prior_justified(contents: Contents) -> Finding:
    """A reason for every prior, as the model files give it."""
    priors = [prior for posterior in contents.reanalysis.posteriors for _, prior in posterior.spec.priors.items()]
    if not all(prior.reason.strip() for prior in priors):
        return unanswered("a model file gives no reason for one of its priors.")
    return found(f"A reason beside each of the {_counted(len(priors), 'prior')}, from the model files.", "models")


@fact()
def prior_predictive(contents: Contents) -> Finding:
    """Data drawn from the prior of the main analysis."""
    lead = contents.lead
    if lead is None or "prior_predictive" not in lead.data.children:
        return unanswered("there are no draws of data from the prior of a sound analysis.")
    return found(f"Data drawn from the prior of `{lead.spec.name}`.", "prior-predictive")


@fact()
def prior_sensitivity(contents: Contents) -> Finding:
    """The main analysis under other priors of the treatment effect."""
    if contents.priors is None:
        return unanswered("the main analysis was not run under other priors of the treatment effect.")
    words = (
        "The main analysis under sceptical, neutral, optimistic and flat priors of the treatment effect, the priors "
        "at which the answer would tip, and a grid of others."
    )
    return found(words, "sensitivity")


@fact("lead")
def outside(contents: Contents) -> Finding:
    """Whether a prior of the treatment effect says where the effect lies."""
    informed = [p.spec.name for p in contents.sound if abs(float(p.spec.priors.marginal("beta").ppf(0.5))) > _CENTRED]
    if not informed:
        models = _counted(len(contents.sound), "model")
        return found(f"The prior of the treatment effect is centred at no effect in {models}.", "models")
    named = ", ".join(f"`{name}`" for name in informed)
    return found(
        f"The prior of the treatment effect is not centred at no effect in {named}; why stands beside it.", "models"
    )


@fact("lead")
def other_models(contents: Contents) -> Finding:
    """Other models of the same population, beside the main analysis."""
    lead = _lead(contents)
    others = [p.spec.name for p in contents.sound if p is not lead and p.spec.population == lead.spec.population]
    if not others:
        return unanswered("one sound model of this population only, so nothing shows what its assumptions do.")
    named = ", ".join(f"`{name}`" for name in others)
    return found(f"`{lead.spec.name}` beside {named}, of the same population.", "results")


@fact("lead")
def summaries(contents: Contents) -> Finding:
    """Median and named intervals of the effect, with their Monte Carlo errors."""
    effect = "mean difference" if _lead(contents).effect == "mean_difference" else "risk difference"
    models = _counted(len(contents.sound), "sound model")
    words = f"Posterior median of the {effect} and its 95 % credible interval (equal tails), {models}."
    return found(words, "results")


@fact("lead")
def spread(contents: Contents) -> Finding:  # noqa: ARG001
    """An interval of every effect."""
    return found("A 95 % credible interval beside every median.", "results")


@fact("fits")
def software(contents: Contents) -> Finding:
    """What drew the posteriors."""
    return found(f"{_engines(contents)}; versions of all packages.", "software")


@fact("fits")
def calculation(contents: Contents) -> Finding:
    """How the posteriors were computed, and whether that is exact enough."""
    if failed := _failures(contents):
        names = ", ".join(f"`{name}`" for name in failed)
        return unanswered(f"the diagnostics of {names} failed, or it could not be fitted; no figure of it is reported.")
    models = _counted(len(contents.reanalysis.posteriors), "model")
    words = f"{_engines(contents)}; the diagnostics of {models} are sound"
    agreements = [agreement for _, agreement in contents.reanalysis.agreements]
    agree = sum(agreement.status == "agree" for agreement in agreements)
    if agreements:
        words += f"; {agree} of {len(agreements)} compared with a second engine agree with it"
    return found(words + ".", "diagnostics")


@fact("fits")
def repeatable(contents: Contents) -> Finding:
    """What is needed to run the analysis again."""
    source = contents.reanalysis.posteriors[0].provenance
    words = (
        f"bayes-lupil {source.versions.get('bayes-lupil', '')} on Python {source.python}, versions of "
        f"{_counted(len(source.versions), 'package')}, a seed and a hash of each model file, and the hash of the data, "
        f"{source.data_hash[:12]}."
    )
    return found(words, "software")


@fact()
def convergence(contents: Contents) -> Finding:
    """R-hat of Markov chains."""
    chains, lacking = _drawn(contents, chains=True)
    if lacking:
        return lacking
    worst, models = max(posterior.verdict.max_r_hat for posterior in chains), _counted(len(chains), "model")
    words = f"R-hat of every quantity of {models}, sites and estimands included: at most {worst:.4f}"
    return found(f"{words}; no divergent transition.", "diagnostics")


@fact()
def resolution(contents: Contents) -> Finding:
    """Effective sample sizes of Markov chains."""
    chains, lacking = _drawn(contents, chains=True)
    if lacking:
        return lacking
    bulk = min(posterior.verdict.min_ess_bulk for posterior in chains)
    tail = min(posterior.verdict.min_ess_tail for posterior in chains)
    words = f"Effective sample size of every quantity of {_counted(len(chains), 'model')}: at least {bulk:.0f} (bulk)"
    return found(f"{words} and {tail:.0f} (tail).", "diagnostics")


@fact()
def not_chains(contents: Contents) -> Finding:
    """How inexact importance sampling is."""
    drawn, lacking = _drawn(contents, chains=False)
    if lacking:
        return lacking
    k_hat = max(posterior.verdict.pareto_k or 0.0 for posterior in drawn)
    errors = [error for posterior in drawn if (error := posterior.verdict.quadrature_error) is not None]
    words = f"{_counted(len(drawn), 'model')} by importance sampling: k-hat at most {k_hat:.2f}"
    if errors:
        worst = small(max(errors), 1e-6)
        words += (
            f"; of {len(errors)} of them the integrals over sites, where there are any, by quadrature with an error "
            f"{worst if worst.startswith('below') else f'of at most {worst}'} of a log density"
        )
    return found(f"{words}; with the number of independent draws.", "diagnostics")


@fact()
def model_checks(contents: Contents) -> Finding:
    """Posterior predictive checks by site, where the sites are known and were looked at."""
    sites = contents.sites
    if not isinstance(sites, SiteAnalysis):
        reason = "was not run" if sites is None else "needs a table of sites, which was never published"
        return unanswered(f"the check of predicted against observed responses by site {reason}.")
    if not sites.checks:
        return unanswered("the sites were looked at without predictive checks.")
    models = ", ".join(f"`{name}`" for name in dict.fromkeys(check.model for check in sites.checks))
    return found(f"Counts by site and arm against those of replicated trials, under {models}.", "sites-in-full")


@fact()
def decisions(contents: Contents) -> Finding:
    """No decision is taken, and which probabilities are reported in its place."""
    lead = contents.lead
    ladder = "" if lead is None else f" (beyond {', '.join(f'{d:g}' for d in lead.spec.decision.ladder)})"
    return unanswered(
        f"no decision is taken; probabilities of benefit beyond each declared threshold{ladder} are reported, and no "
        "limit was prespecified at which one of them would decide. A benefit is called established from "
        f"{100 * ESTABLISHED:g} % on: a rule of this package; no file says that it was chosen before the result was "
        "known."
    )


@fact()
def prespecified(contents: Contents) -> Finding:
    """That nobody says so of the models."""
    source = contents.trial.end_point.mcid_source
    said = f" The trial file says of the important difference: {source}." if source else ""
    return unanswered(f"no file says that the models were prespecified, before the data were seen.{said}")


@fact()
def missing(contents: Contents) -> Finding:
    """What was never published of missing outcomes."""
    listed = [entry for entry in contents.trial.not_published if "missing" in entry.lower()]
    if listed:
        return unanswered(f"never published: {'; '.join(listed)}.")
    return unanswered("the trial file does not say how missing outcomes were counted.")


@fact()
def data_and_code(contents: Contents) -> Finding:
    """Every number with its source."""
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
    words = f"Every number that was analysed, with its source, in a table of {_counted(rows, 'row')}."
    return found(words, "data")
