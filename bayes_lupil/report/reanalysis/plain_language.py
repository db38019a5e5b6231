"""The answer in plain language: the question, what the trial found, what the reanalysis finds, how sure, on what.

Every sentence with a number takes its direction from the end point's declared benefit and from who is compared with
whom: nothing here says 'higher is better'.
"""

from __future__ import annotations

import math

import numpy as np

from bayes_lupil.frequentist.hierarchy import FORMAL, RECOMPUTED, HierarchyRow
from bayes_lupil.numbers import in_points, of_chance, p_is, percent, points, points_interval, ratio
from bayes_lupil.posterior import Posterior
from bayes_lupil.posterior.diagnostics import MAX_DIFFERENCE
from bayes_lupil.report.direction import difference_words
from bayes_lupil.report.reanalysis.contents import Contents
from bayes_lupil.report.reanalysis.first_screen import prior_span, verdict
from bayes_lupil.sensitivity.effect_priors import PriorAnalysis

EVEN = 0.5

__all__ = ["certainty", "findings", "prior_words", "question", "reanalysed", "tipping_words", "trial_result"]


def question(contents: Contents) -> str:
    """Who was compared, on what, and which way is good."""
    trial = contents.trial
    (_, n0), (_, n1) = trial.analysis_set(FORMAL).totals
    good = "more" if trial.end_point.sign > 0 else "fewer"
    most = "up to " if trial.resolution == "margins" else ""  # how many sites recruited is not known there
    many = len(trial.site_names)
    where = f" at {most}{many} sites" if many > 1 else ""
    return (
        f"{n0 + n1:,} patients{where} were randomised to {trial.arms.active} ({n1:,}) or "
        f"{trial.arms.control} ({n0:,}). Does {trial.arms.active} help? The end point is {trial.end_point.label}; "
        f"{good} {trial.end_point.words.many} are the benefit."
    )


def trial_result(contents: Contents) -> list[str]:
    """What the trial's own tests say, as printed where something was printed."""
    rows = [row for row in contents.reanalysis.hierarchy if row.step == 1]
    first = next(row for row in rows if row.population.name == FORMAL)
    lines = [f"{_met(first)} {_counts(first, contents)}"]
    later = [row for row in contents.reanalysis.hierarchy if row.population.name == FORMAL and row.step > 1]
    if any(row.gate.status.startswith("no formal claim") for row in later):
        lines[0] += " Formal testing stopped there: nothing further down the trial's hierarchy supports a claim."
    for row in rows:
        if row is first or row.two_by_two is None:
            continue
        out = _left_out(first, row)
        kind = "analysed post hoc" if row.population.post_hoc else "a secondary population"
        lines.append(
            f"{row.population.label[:1].upper()}{row.population.label[1:]} ({kind}, without {out} patients): "
            f"{_counts(row, contents)} It is outside the fixed sequence, so its p-value is nominal and supports no "
            f"formal claim."
        )
    return lines


def _left_out(first: HierarchyRow, row: HierarchyRow) -> int:
    assert first.two_by_two is not None
    assert row.two_by_two is not None
    whole = first.two_by_two.active[1] + first.two_by_two.control[1]
    return whole - row.two_by_two.active[1] - row.two_by_two.control[1]


def _met(row: HierarchyRow) -> str:
    status = row.gate.status
    if row.gate_basis == RECOMPUTED:  # whether it was met is for the trial's own test, which was not printed
        return "No published p-value of these counts is known here."
    if status == "significant":
        return "The primary end point was met."
    if status == "not significant":
        return "The primary end point was not met."
    return f"The primary end point: {status}."


def _counts(row: HierarchyRow, contents: Contents) -> str:
    arms, t = contents.trial.arms, row.two_by_two
    label = contents.trial.end_point.label
    words = f"{label[:1].upper()}{label[1:]}"
    if t is not None:
        (r1, n1), (r0, n0) = t.active, t.control
        words += (
            f" in {r1:,} of {n1:,} patients ({100 * r1 / n1:.1f} %) on {arms.active} and "
            f"{r0:,} of {n0:,} ({100 * r0 / n0:.1f} %) on {arms.control}"
        )
    published = row.published
    if published is not None and published.p is not None:
        return f"{words}; p {p_is(published.p)} as printed."
    if row.clustered:
        return (
            f"{words}. No p-value is given: no site has patients of both arms, and tests of these totals take the "
            "patients of a site for independent."
        )
    if row.gate_basis == RECOMPUTED and row.gate.p is not None:
        pearson = "" if t is None else f"p {p_is(t.p_chi_square)} by Pearson's test of these totals"
        if row.stratified is not None and row.stratified.cmh is not None:
            cmh = f"p {p_is(row.gate.p)} by the Cochran-Mantel-Haenszel test stratified by site"
            return f"{words}; {cmh}, {pearson}, both computed here."
        return f"{words}; {pearson}, computed here."
    if t is not None:
        return f"{words}; p {p_is(t.p_chi_square)} by Pearson's test, computed here."
    return f"{words}."


def reanalysed(contents: Contents) -> list[str]:
    """The main analysis: where the effect lies, and how probable benefit is."""
    lead = contents.lead
    if lead is None:
        return ["No analysis has sound diagnostics, so no effect and no probability is given."]
    source, rd = lead.provenance, lead.row("risk_difference")
    benefit, relevant, harm = (lead.chances[kind] for kind in ("benefit", "relevant", "harm"))
    least = in_points(100 * lead.spec.decision.relevant, "percentage point")
    word = "more" if source.end_point.sign > 0 else "fewer"
    role = "the primary analysis" if lead.spec.role == "primary" else f"the analysis `{lead.spec.name}`"
    return [
        f"Over {_everyone(lead)}, {role} finds {source.end_point.words.many} "
        f"{difference_words(rd.q50, source.arms, source.end_point)} "
        f"(posterior median; risk difference {source.arms.active} minus {source.arms.control} {points(rd.q50)} points, "
        f"95 % credible interval {points_interval(rd.q2_5, rd.q97_5)}).",
        f"The probability that {source.arms.active} is better than {source.arms.control} at all is "
        f"{percent(benefit.probability, benefit.mcse)}; that it brings at least {least} {word} "
        f"{source.end_point.words.many} {percent(relevant.probability, relevant.mcse)}; "
        + _harm_words(lead, harm.probability, harm.mcse),
    ]


def _harm_words(lead: Posterior, chance: float, error: float) -> str:
    source, limit = lead.provenance, lead.spec.decision.harm
    more = f" by more than {in_points(100 * limit)}" if limit else ""
    return f"that it is worse{more} {percent(chance, error)}." + (
        "" if source.population == FORMAL else f" Population: {source.population_label}."
    )


def _everyone(lead: Posterior) -> str:
    (_, n0), (_, n1) = lead.provenance.totals or ((0, 0), (0, 0))
    if lead.provenance.population == FORMAL:
        return f"all {n0 + n1:,} randomised patients"
    return f"{n0 + n1} patients ({lead.provenance.population_label})"


def certainty(contents: Contents) -> list[str]:
    """How much of a verdict that is, and whether the computation can be trusted."""
    lead = contents.lead
    if lead is None:
        return []
    lines = [verdict(contents)]
    same = [p for p in contents.sound if p.provenance.population == lead.provenance.population]
    if len(same) > 1:
        chances = [(p.chances["benefit"], p.spec.name) for p in same]
        (low, lowest), (high, highest) = (end(chances, key=lambda pair: pair[0].probability) for end in (min, max))
        lines.append(
            f"In {'both' if len(same) == 2 else f'all {len(same)}'} declared analyses of these patients the "
            "probability of benefit, each under its own priors, lies between "
            f"{percent(low.probability, low.mcse)} (`{lowest}`) and {percent(high.probability, high.mcse)} "
            f"(`{highest}`)."
        )
    failed = [item.model.name for item in contents.reanalysis.analyses if item.is_failure]
    computed = f"The computation of the main analysis passed its checks ({lead.verdict.text.removeprefix('ok: ')})"
    lines.append(computed + _engines(contents, lead))
    lines.append("MCSE: Monte Carlo standard error, what another run of the same analysis could change.")
    if failed:
        lines.append(f"No result: {', '.join(f'`{name}`' for name in failed)}, whose computation failed.")
    return lines


def _as_observed(lead: Posterior) -> list[str]:
    """A warning where the difference that is asked for is the one that was seen."""
    assert lead.provenance.totals is not None  # the end point is binary
    (r0, n0), (r1, n1) = lead.provenance.totals
    relevant = lead.spec.decision.relevant
    if abs(lead.provenance.end_point.sign * (r1 / n1 - r0 / n0) - relevant) > min(0.01, 0.1 * relevant):
        return []
    return [
        f"The important difference, {in_points(100 * relevant)}, is just what the trial observed: under a nearly flat "
        "prior the probability of at least that much is then about one half by construction, and the optimistic prior "
        "has its centre near the data."
    ]


def _engines(contents: Contents, lead: Posterior) -> str:
    """Which models a second engine gave the same result for, the lead one among them or not."""
    found = contents.reanalysis.agreements
    agreed = [name for name, item in found if item.status == "agree"]
    told = ""
    if agreed:
        names = ", ".join(f"`{name}`" for name in agreed)
        told += f" A second engine gives the same result (within {MAX_DIFFERENCE:g} Monte Carlo errors) for {names}"
        told += "." if lead.spec.name in agreed else "; the main analysis can be run by one engine only."
    for status, words in (("disagree", "Two engines disagree on"), ("not compared", "The second engine failed for")):
        names = ", ".join(f"`{name}`" for name, item in found if item.status == status)
        told += f" {words} {names}." if names else ""
    return f".{told}"


def prior_words(contents: Contents) -> list[str]:
    """How far the prior of the effect moves the answer, and which prior would turn it."""
    priors = contents.priors
    if priors is None:
        return []
    lines = [f"The probability of benefit depends on the {item}." for item in prior_span(priors)]
    return [*lines, tipping_words(priors), *_as_observed(priors.posterior)]


def tipping_words(priors: PriorAnalysis) -> str:
    """Which prior would turn 'more probable than not' into its opposite."""
    arms, now = priors.posterior.provenance.arms, priors.posterior.chances["benefit"].probability
    behind = arms.control if now > EVEN else arms.active
    known = [
        item for item in priors.tipping if item.target == EVEN and item.sd < 1 and item.p_benefit_prior is not None
    ]
    if not known:
        return _tried_words(priors, behind)
    held = " or ".join(
        f"{of_chance(1 - c if now > EVEN else c)} (SD of the log odds ratio {item.sd:.2g})"
        for item in known
        if (c := item.p_benefit_prior) is not None
    )
    return (
        f"To end at 50:50 one would have had to hold {behind} to be better, before the trial, with a probability "
        f"{held}."
    )


def _tried_words(priors: PriorAnalysis, behind: str) -> str:
    """Which priors of the map turn the answer, by what they hold before the data; of those that have a result."""
    found, sign = priors.map, priors.posterior.provenance.end_point.sign
    now = priors.posterior.chances["benefit"].probability > EVEN
    held = [
        1 - prior.p_benefit(sign) if now else prior.p_benefit(sign)
        for prior, chance in zip(found.priors, found.p_benefit.ravel(), strict=True)
        if (chance < EVEN if now else chance > EVEN)  # neither where there is no number
    ]
    missing = int(np.isnan(found.p_benefit).sum())
    tried = (
        f"the priors tried{' that have a result' if missing else ''}, centred at odds ratios from "
        f"{ratio(math.exp(found.means[0]))} to {ratio(math.exp(found.means[-1]))}"
    )
    unknown = f" Of {missing} others nothing can be told: their results have too few draws." if missing else ""
    if not held:
        return f"None of {tried}, turns the answer.{unknown}"
    least = "from below 1 % on" if percent(min(held)).startswith("below") else of_chance(min(held))
    return (
        f"Of {tried}, those that turn the answer held {behind} to be better, before the trial, with a probability "
        f"{least.replace('of ', 'of at least ')}.{unknown}"
    )


def findings(contents: Contents) -> tuple[tuple[str, list[str]], ...]:
    """The five questions, in their order, with their answers; a question without an answer is left out."""
    parts = (
        ("What was asked", [question(contents)]),
        ("What the trial found", trial_result(contents)),
        ("What the reanalysis finds", reanalysed(contents)),
        ("How sure that is", certainty(contents)),
        ("What the answer depends on", prior_words(contents)),
    )
    return tuple((name, lines) for name, lines in parts if lines)
