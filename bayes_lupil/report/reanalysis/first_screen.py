"""What a hurried reader learns first: one sentence, one figure, and what the trial and the reanalysis say.

Probabilities are in whole per cent; tables and CSV files hold them with their Monte Carlo errors.
"""

from __future__ import annotations

import math

from bayes_lupil.frequentist.hierarchy import FORMAL, RECOMPUTED, HierarchyRow
from bayes_lupil.numbers import in_points, of_chance, p_is, percent, points_interval, ratio
from bayes_lupil.posterior import Posterior
from bayes_lupil.report.media.blocks import Block, Folded, Paragraph, Points, Verdict
from bayes_lupil.report.reanalysis.contents import Contents
from bayes_lupil.report.reanalysis.figures.answer import answer_chart
from bayes_lupil.report.reanalysis.verdict import verdict_words
from bayes_lupil.report.sites.sentences import suspects_answer
from bayes_lupil.report.unpublished.sentences import excluded_answer
from bayes_lupil.sensitivity.effect_priors import PriorAnalysis
from bayes_lupil.unpublished.analysis import UnpublishedAnalysis
from bayes_lupil.verdict_steps import ESTABLISHED

__all__ = ["answer_blocks", "glossary", "in_short", "no_error_words", "prior_span", "verdict"]

_EVEN = 0.5
_MORE = 0.05  # of a probability, by which doubt is not expected to raise it
_SLIGHT = 0.1  # log odds ratio that is as good as none
_RARE = 0.01
_LARGE = 500  # patients of an arm, of whom a tenth of one per cent can be told

_OF_SITES = (
    (
        "Shrinkage",
        "a small site's result is drawn towards what the other sites show, the more so the fewer its patients.",
    ),
    ("Outlying site", "one whose result lies further from the others' than sites usually differ."),
)


def verdict(contents: Contents) -> str:
    """The one sentence of the report."""
    lead = contents.lead
    if lead is None:
        return "No analysis has sound diagnostics, so no effect and no probability is given."
    said = verdict_words(lead.chances["benefit"].probability, lead.provenance.arms)
    if lead.provenance.population == FORMAL:
        return said
    return f"{said} That is of a population that randomisation may not protect ({lead.provenance.population_label})."


def in_short(contents: Contents) -> tuple[tuple[str, str], ...]:
    """What the trial says, what the reanalysis finds, what the sites did, and what the answer depends on."""
    told = [("The trial", _trial(contents))]
    if contents.lead is not None:
        told.append(("This reanalysis", _finding(contents.lead)))
        if (sites := _sites(contents)) is not None:
            told.append(("The sites", sites))
        if depends := _depends(contents, contents.lead):
            told.append(("It depends on", depends))
    return tuple(told)


def answer_blocks(contents: Contents) -> list[Block]:
    """The first screen, and its figure."""
    blocks: list[Block] = [Verdict(verdict(contents)), Points(in_short(contents))]
    if (chart := answer_chart(contents)) is not None:
        blocks.append(chart)
    if contents.lead is not None:
        blocks += [Paragraph(no_error_words(contents)), glossary(contents)]
    return blocks


def no_error_words(contents: Contents) -> str:
    """How exact the whole per cents are."""
    errors = [p.chances["benefit"].mcse for p in contents.sound]
    if contents.priors is not None:
        errors += [row.changed.p_benefit_mcse for row in contents.priors.rows if row.changed.ok]
    if isinstance(contents.sites, UnpublishedAnalysis):
        errors += [item.p_benefit_mcse for item in contents.sites.alternatives if item.ok]
    worst = math.ceil(1000 * max(errors)) / 10
    return (
        f"Monte Carlo errors (MCSE) of these probabilities: at most {worst:g} percentage points. We call a benefit "
        f"established if its probability in all randomised patients is at least {100 * ESTABLISHED:g} %. This rule is "
        "ours, not the trial's, and is not the same as p < 0.05."
    )


def _trial(contents: Contents) -> str:
    row = next(r for r in contents.reanalysis.hierarchy if r.step == 1 and r.population.name == FORMAL)
    claim = " ".join(contents.trial.claims)
    return f"{_counts(row, contents)} {claim}".strip()


def _counts(row: HierarchyRow, contents: Contents) -> str:
    arms, words, t = contents.trial.arms, contents.trial.end_point.words, row.two_by_two
    told = ""
    if t is not None:
        (r1, n1), (r0, n0) = t.active, t.control
        told = (
            f"{words.many.capitalize()} in {r1:,} of {n1:,} patients ({_rate(r1, n1)}) on {arms.active}, {r0:,} of "
            f"{n0:,} ({_rate(r0, n0)}) on {arms.control}"
        )
    published = row.published
    if published is not None and published.p is not None:
        met = {"significant": "the primary end point was met", "not significant": "the primary end point was missed"}
        said = met.get(row.gate.status, f"the primary end point: {row.gate.status}")
        return f"{told}; p {p_is(published.p)} as printed: {said}."
    if row.clustered:
        return f"{told}; no p-value, since no site has patients of both arms."
    if row.gate_basis == RECOMPUTED and row.gate.p is not None:
        by_site = row.stratified is not None and row.stratified.cmh is not None
        test = "the Cochran-Mantel-Haenszel test, by site" if by_site else "Pearson's test"
        outcome = "met" if row.gate.status == "significant" else "missed"
        return (
            f"{told}; p {p_is(row.gate.p)} by {test}, computed here: {outcome} by this report's rule "
            f"(p < {row.gate.alpha:g})."
        )
    return f"{told}; p {p_is(t.p_chi_square)} by Pearson's test, computed here." if t else f"{told}."


def _rate(count: int, patients: int) -> str:
    """Per cent in as many digits as a rare event needs, and a large trial."""
    share = 100 * count / patients
    if share >= 10 or count == 0:
        return f"{share:.{1 if patients >= _LARGE and count else 0}f} %"
    return f"{share:#.2g} %"


def _finding(lead: Posterior) -> str:
    source, rd = lead.provenance, lead.row("risk_difference")
    rate, way = source.end_point.words.rate, "higher" if rd.q50 > 0 else "lower"
    of = lead.spec.covariates
    adjusted = "" if of is None else f", adjusted for {', '.join(of.columns)}"
    return (
        f"{rate[:1].upper()}{rate[1:]} {_amount(rd.q50)} {way} on {source.arms.active} (95 % credible "
        f"interval {points_interval(rd.q2_5, rd.q97_5)}){adjusted}{_relevant(lead)}.{_average_site(lead)}"
    )


def _relevant(lead: Posterior) -> str:
    """How probable a relevant difference is; where there is no room for one, that another is to be declared."""
    end_point, control = lead.provenance.end_point, lead.row("risk_control")
    least = lead.spec.decision.relevant
    room = control.q97_5 if end_point.sign < 0 else 1 - control.q2_5
    size, arm = in_points(100 * least), lead.provenance.arms.control
    if least > room:
        left = "the whole" if end_point.sign < 0 else "what is left to gain from the"
        return (
            f"; a relevant difference, in the model file {size}, would exceed {left} {end_point.words.rate} on {arm}: "
            "declare one that fits (mcid)"
        )
    relevant, wanted = lead.chances["relevant"], "higher" if end_point.sign > 0 else "lower"
    if end_point.mcid is None and relevant.probability < _RARE:  # of the model file alone, and far from this trial
        return ""
    return f"; at least {size} {wanted} with a probability {of_chance(relevant.probability, relevant.mcse)}"


def _average_site(lead: Posterior) -> str:
    """That the effect at an average site points the other way than the one over all patients, where it does."""
    rd, log_ratio = lead.row("risk_difference").q50, lead.row("conditional_log_odds_ratio").q50
    if rd * log_ratio >= 0 or abs(rd) < 0.001 or abs(log_ratio) < _SLIGHT:
        return ""
    return (
        f" At an average site the effect points the other way (odds ratio {ratio(math.exp(log_ratio))}): large sites "
        "decide the result over all patients."
    )


def _amount(value: float) -> str:
    """A difference in points without its sign."""
    size = abs(100 * value)
    return f"{size:.1f} percentage points" if size >= 0.095 or size == 0 else f"{size:.2g} percentage points"


def _sites(contents: Contents) -> str | None:
    sites = contents.sites
    if sites is None:
        return None
    return excluded_answer(sites) if isinstance(sites, UnpublishedAnalysis) else " ".join(suspects_answer(sites))


def _depends(contents: Contents, lead: Posterior) -> str:
    told = [] if contents.priors is None else prior_span(contents.priors)
    own = [
        p
        for p in contents.sound
        if p.provenance.population == lead.provenance.population and _effect_prior(p) == _effect_prior(lead)
    ]
    if len(own) > 1:
        told.append(f"model: {_span(_chances(own))}")
    if isinstance(contents.sites, UnpublishedAnalysis):
        known = [item.p_benefit for item in contents.sites.alternatives if item.ok]
        if len(known) > 1:
            told.append(f"assumptions about sites: {_span(known)}")
    said = "; ".join(told)
    return f"{said[:1].upper()}{said[1:]}." if said else ""


def _effect_prior(posterior: Posterior) -> str:
    return posterior.spec.priors.beta.describe()


def _chances(posteriors: list[Posterior]) -> list[float]:
    return [p.chances["benefit"].probability for p in posteriors]


def _span(chances: list[float]) -> str:
    """P(benefit), the lowest and the highest."""
    low, high = (percent(pick(chances)) for pick in (min, max))
    return low if low == high else f"{low} to {high}"


def prior_span(priors: PriorAnalysis) -> list[str]:
    """P(benefit) under the sceptical and the optimistic prior, and whether that turns the answer."""
    by_name = {row.prior.name: row.changed for row in priors.rows if row.changed.ok}
    known = [(name, by_name[name]) for name in ("sceptical", "optimistic") if name in by_name]
    if not known:
        return []
    said = ", ".join(f"{percent(item.p_benefit, item.p_benefit_mcse)} if {name}" for name, item in known)
    now = priors.posterior.chances["benefit"].probability
    turned = any((item.p_benefit > _EVEN) != (now > _EVEN) for _, item in known)
    sceptical = by_name.get("sceptical")
    # doubt of an average site's effect may leave more of what one large site shows
    away = sceptical is not None and (sceptical.p_benefit - now) * math.copysign(1, now - _EVEN) > _MORE
    words = " (it decides which arm is ahead)" if turned else ""
    words += " (it is of the effect at an average site, and these probabilities of all patients)" if away else ""
    return [f"prior of the effect: {said}{words}"]


def glossary(contents: Contents) -> Folded:
    """The words of the first screen, one tap away."""
    arms = contents.trial.arms
    return Folded(
        "What these words mean",
        (
            Points(
                (
                    (
                        f"Probability that {arms.active} was better",
                        "given these data, the model and its prior. A probability of 80 %, say: of 100 situations with "
                        f"the same data, {arms.active} would be better in 80.",
                    ),
                    ("Prior, posterior", "what is held of the effect before and after these data."),
                    ("Sceptical, optimistic prior", "one that expects no effect, and one that expects a useful one."),
                    (
                        "95 % credible interval",
                        "holds the true difference with a probability of 95 %. A confidence interval does not: 95 % of "
                        "such intervals, over many trials, hold it.",
                    ),
                    ("Points", "percentage points: from 58 % to 68 % is 10 points."),
                    *(_OF_SITES if contents.sites is not None else ()),
                    ("Monte Carlo error (MCSE)", "what another run of the same computation could change."),
                )
            ),
        ),
        "glossary",
    )
