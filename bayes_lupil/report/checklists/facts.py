"""What the checklists ask of a run more than once, each question answered in one place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bayes_lupil.posterior import Posterior
from bayes_lupil.report.checklists.item import Finding, found, unanswered
from bayes_lupil.sites.analysis import SiteAnalysis

if TYPE_CHECKING:
    from bayes_lupil.report.reanalysis.contents import Contents

__all__ = [
    "by_chains",
    "by_importance",
    "calculation",
    "counted",
    "engines",
    "failures",
    "formal",
    "goal",
    "likelihood",
    "model_checks",
    "no_result",
    "other_models",
    "prior_justified",
    "prior_sensitivity",
    "prior_stated",
    "repeatable",
    "summaries",
    "unsound",
]


def counted(number: int, one: str) -> str:
    """A number with its noun.

    Examples
    --------
    >>> counted(1, "model"), counted(3, "model")
    ('1 model', '3 models')
    """
    return f"{number} {one}{'' if number == 1 else 's'}"


def fitted(contents: Contents) -> tuple[Posterior, ...]:
    """Every posterior of the comparison, sound or not."""
    return contents.reanalysis.posteriors


def failures(contents: Contents) -> tuple[str, ...]:
    """Names of the models that could not be fitted, or whose diagnostics failed."""
    return tuple(item.model.name for item in contents.reanalysis.analyses if item.is_failure)


def by_chains(contents: Contents) -> tuple[Posterior, ...]:
    """Posteriors drawn by Markov chains."""
    return tuple(posterior for posterior in fitted(contents) if "pareto_k" not in posterior.diagnostics)


def by_importance(contents: Contents) -> tuple[Posterior, ...]:
    """Posteriors drawn by importance sampling, site effects integrated out or drawn from their prior."""
    return tuple(posterior for posterior in fitted(contents) if "pareto_k" in posterior.diagnostics)


def unsound(posteriors: tuple[Posterior, ...]) -> str:
    """Names of those whose diagnostics failed, in one text; empty where all are sound."""
    return ", ".join(f"`{p.spec.name}`" for p in posteriors if not p.verdict.ok)


def no_result(contents: Contents) -> str:
    """Why there is no result to speak of; empty where there is one."""
    if contents.lead is not None:
        return ""
    names = ", ".join(f"`{name}`" for name in failures(contents)) or "every model"
    return f"there is no sound posterior: the diagnostics of {names} failed, or it could not be fitted."


def goal(contents: Contents) -> Finding:
    """The question that the lead analysis answers, in the words of its model file."""
    lead = contents.lead
    if lead is None:
        return unanswered(no_result(contents))
    return found(f"The lead analysis, `{lead.spec.name}`, asks: {lead.spec.question}", "trial")


def likelihood(contents: Contents) -> Finding:
    """Likelihood and parameters of every model fitted."""
    models = fitted(contents)
    if not models:
        return unanswered("no model was fitted.")
    pooled = sum(posterior.spec.sites.pooled for posterior in models)
    kind = "continuous" if contents.trial.end_point.kind == "continuous" else "binary"
    levels = f"{len(models) - pooled} of them with effects of sites, {pooled} with sites ignored"
    return found(f"{counted(len(models), 'model')} of a {kind} end point, {levels}.", "models")


def formal(contents: Contents) -> Finding:
    """Likelihood and priors in symbols, and the hashes of the model files."""
    models = fitted(contents)
    if not models:
        return unanswered("no model was fitted.")
    hashes = ", ".join(f"`{p.spec.name}` {p.provenance.model_hash[:12]}" for p in models)
    return found(f"In equations; each model file is identified by its hash: {hashes}.", "models", "software")


def prior_stated(contents: Contents) -> Finding:
    """Every prior of every model fitted."""
    models = fitted(contents)
    if not models:
        return unanswered("no model was fitted.")
    number = sum(len(posterior.spec.priors.items()) for posterior in models)
    return found(
        f"{counted(number, 'prior')} of {counted(len(models), 'model')}, with family and parameters.", "models"
    )


def prior_justified(contents: Contents) -> Finding:
    """A reason for every prior, as the model files give it."""
    models = fitted(contents)
    priors = [prior for posterior in models for _, prior in posterior.spec.priors.items()]
    if not priors:
        return unanswered("no model was fitted.")
    if not all(prior.reason.strip() for prior in priors):
        return unanswered("a model file gives no reason for one of its priors.")
    return found(f"A reason beside each of the {counted(len(priors), 'prior')}, from the model files.", "models")


def prior_sensitivity(contents: Contents) -> Finding:
    """The lead analysis under other priors of the treatment effect."""
    if contents.priors is None:
        return unanswered("the lead analysis was not run under other priors of the treatment effect.")
    words = (
        "The lead analysis under sceptical, neutral, optimistic and flat priors of the treatment effect, the priors "
    )
    return found(words + "at which the answer would tip, and a grid of others.", "sensitivity")


def other_models(contents: Contents) -> Finding:
    """Other models of the same population, beside the lead analysis."""
    lead = contents.lead
    if lead is None:
        return unanswered(no_result(contents))
    others = [p.spec.name for p in contents.sound if p is not lead and p.spec.population == lead.spec.population]
    if not others:
        return unanswered("one sound model of this population only, so nothing shows what its assumptions do.")
    named = ", ".join(f"`{name}`" for name in others)
    return found(f"`{lead.spec.name}` beside {named}, of the same population.", "results")


def summaries(contents: Contents) -> Finding:
    """Median and named intervals of the effect, with their Monte Carlo errors."""
    lead = contents.lead
    if lead is None:
        return unanswered(no_result(contents))
    effect = "mean difference" if lead.effect == "mean_difference" else "risk difference"
    models = counted(len(contents.sound), "sound model")
    words = f"Posterior median of the {effect} and its 95 % credible interval (equal tails), {models}."
    return found(words, "results")


def engines(contents: Contents) -> str:
    """What drew the posteriors, in words."""
    return "; ".join(dict.fromkeys(posterior.provenance.sampler for posterior in fitted(contents)))


def calculation(contents: Contents) -> Finding:
    """How the posteriors were computed, and whether that is exact enough."""
    models = fitted(contents)
    if not models:
        return unanswered("no model was fitted.")
    failed = failures(contents)
    if failed:
        names = ", ".join(f"`{name}`" for name in failed)
        return unanswered(f"the diagnostics of {names} failed, or it could not be fitted; no figure of it is reported.")
    words = f"{engines(contents)}; the diagnostics of {counted(len(models), 'model')} are sound"
    agreements = [agreement for _, agreement in contents.reanalysis.agreements]
    agree = sum(agreement.status == "agree" for agreement in agreements)
    if agreements:
        words += f"; {agree} of {len(agreements)} compared with a second engine agree with it"
    return found(words + ".", "diagnostics")


def model_checks(contents: Contents) -> Finding:
    """Posterior predictive checks by site, where the sites are known and were looked at."""
    sites = contents.sites
    if not isinstance(sites, SiteAnalysis):
        reason = "was not run" if sites is None else "needs a table of sites, which was never published"
        return unanswered(f"the check of predicted against observed responses by site {reason}.")
    if not sites.checks:
        return unanswered("the sites were looked at without predictive checks.")
    models = ", ".join(f"`{name}`" for name in dict.fromkeys(check.model for check in sites.checks))
    return found(f"Responses by site and arm against those of replicated trials, under {models}.", "sites")


def repeatable(contents: Contents) -> Finding:
    """What is needed to run the analysis again."""
    models = fitted(contents)
    if not models:
        return unanswered("no model was fitted.")
    source = models[0].provenance
    words = (
        f"bayes-lupil {source.versions.get('bayes-lupil', '')} on Python {source.python}, versions of "
        f"{counted(len(source.versions), 'package')}, a seed and a hash of each model file, and the hash of the data, "
        f"{source.data_hash[:12]}."
    )
    return found(words, "software")
