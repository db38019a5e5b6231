"""What a published result under standard priors says, in sentences."""

from __future__ import annotations

import math

from bayes_lupil.numbers import interval, p_value
from bayes_lupil.published.analysis import BenefitAnalysis, chance_words
from bayes_lupil.published.answers import PriorAnswer
from bayes_lupil.published.priors import EffectPrior
from bayes_lupil.trials.measures import MEASURES, Measure

__all__ = [
    "absolute_words",
    "effect_words",
    "headline",
    "limit_words",
    "prior_words",
    "reported_words",
    "tipping_words",
]


def effect_words(measure: Measure, item: PriorAnswer) -> str:
    """Median and interval."""
    return f"{measure.words(item.median)} ({interval(measure.words(item.lower), measure.words(item.upper))})"


def prior_words(prior: EffectPrior) -> str:
    """Mean, SD and the range that holds 95 %."""
    kind = MEASURES[prior.measure]
    if prior.is_flat:
        return f"flat on the {kind.scale}"
    low, high = prior.range()
    inside = interval(kind.words(low), kind.words(high))
    return f"mean {prior.mean:.3g}, SD {prior.sd:.3g} on the {kind.scale}; 95 % {inside}"


def headline(found: BenefitAnalysis) -> list[str]:
    """The probability of benefit under the leading prior, and what other priors make of it."""
    lead, (low, high), event = found.lead, found.span, found.events[0]
    prior = lead.prior
    before = chance_words(prior.p_benefit(found.sign))
    lines = [
        f"{event.statement} = {chance_words(lead.p_benefit)} under the {prior.name} prior ({prior_words(prior)}; "
        f"{before} before the data). {found.measure.symbol} {effect_words(found.measure, lead)}.",
    ]
    others = [item for item in found.answers if item.prior.is_flat]
    alone = f"With a flat prior, by the data alone, it is {chance_words(others[0].p_benefit)}. " if others else ""
    lines.append(
        f"{alone}Over {len(found.answers)} priors it lies between {chance_words(low.p_benefit)} ({low.prior.name}) and "
        f"{chance_words(high.p_benefit)} ({high.prior.name})."
    )
    rest = [
        f"{event.statement} = {chance_words(chance)}"
        for event, chance in zip(found.events[1:], lead.chances[1:], strict=True)
    ]
    return [*lines, *([f"{'; '.join(rest)} ({prior.name} prior)."] if rest else [])]


def reported_words(found: BenefitAnalysis) -> str:
    """What the data say without any prior, as the trial's authors would report it; empty where there is no estimate."""
    item = found.estimate
    if item is None:
        return ""
    source = {"counts": "worked out from the counts", "interval": "as printed"}.get(
        item.basis, f"from the {item.basis}"
    )
    return f"{found.measure.name} {item.words}, {source}; p {_p(item.p)}"


def _p(value: float) -> str:
    text = p_value(value)
    return text if text.startswith("<") else f"= {text}"


def absolute_words(found: BenefitAnalysis) -> str:
    """Patients of a thousand at one control risk, and the number needed to treat; empty where there is no risk."""
    item = found.absolute
    if item is None:
        return ""
    middle, low, high = item.per_1000()
    more = "more" if middle > 0 else "fewer"
    edges = interval(f"{low:+.0f}", f"{high:+.0f}")
    many = found.trial.end_point.words.many if found.trial.end_point.kind == "binary" else "events"
    return (
        f"At a control risk of {100 * item.control_risk:.3g} %, held fixed: {abs(middle):.0f} {more} {many} per 1,000 "
        f"({edges}), {item.nnt(found.sign)}."
    )


def limit_words(found: BenefitAnalysis) -> str:
    """Matthews' limit, and whether the result is intrinsically credible; empty where there is none."""
    limits, kind = found.limits, found.measure
    if limits is None:
        return ""
    level, null = f"{100 * limits.level:g} %", kind.words(kind.null)
    edge = kind.words(limits.limit)
    if limits.kind == "scepticism":
        other = kind.words(kind.printed(-kind.scaled(limits.limit)))
        pair = interval(*((other, edge) if limits.limit > kind.null else (edge, other)))
        first = (
            f"Scepticism limit: {kind.symbol} {edge}. A sceptic whose prior is centred at no effect and has {level} of "
            f"it within {pair} or nearer to {null} is not convinced; a wider one is."
        )
    else:
        first = (
            f"Advocacy limit: {kind.symbol} {edge}. An advocate's prior with {level} of it between {null} and a "
            f"{kind.symbol} nearer to {null} than {edge} makes the result credible; a wider one does not."
        )
    alpha = 1 - limits.level
    held = "at most" if limits.p_intrinsic <= alpha else "above"
    credible = "is" if limits.p_intrinsic <= alpha else "is not"
    return (
        f"{first} By itself the result {credible} intrinsically credible: p for that {_p(limits.p_intrinsic)}, "
        f"{held} {alpha:.2g}."
    )


def tipping_words(found: BenefitAnalysis) -> str:
    """Where the centre of a prior must lie for P(benefit) to be 0.5, 0.95 and 0.975."""
    parts = []
    for item in found.tipping:
        kind = found.likelihood.measure
        where = "no prior in reach" if item.mean is None else f"{kind.symbol} {kind.words(kind.printed(item.mean))}"
        parts.append(f"{item.target:g} with a centre at {where}")
    sd = found.tipping[0].sd
    scale = "" if math.isinf(sd) else f" of SD {sd:.3g}"
    return f"P(benefit) is {', '.join(parts)} (a normal prior{scale})."
