"""What a published result under standard priors says, in sentences."""

from __future__ import annotations

import math

from bayes_lupil.numbers import interval, p_is
from bayes_lupil.published.analysis import BenefitAnalysis, chance_words, equals
from bayes_lupil.published.answers import PriorAnswer
from bayes_lupil.published.priors import EffectPrior
from bayes_lupil.trials.measures import MEASURES, Measure

__all__ = [
    "absolute_words",
    "effect_words",
    "headline",
    "limit_words",
    "location_words",
    "prior_words",
    "reported_words",
    "tipping_words",
    "with_unit",
]


def effect_words(measure: Measure, item: PriorAnswer) -> str:
    """Median and interval, for tables whose captions name the unit."""
    return f"{measure.words(item.median)} ({interval(measure.words(item.lower), measure.words(item.upper))})"


def with_unit(measure: Measure, item: PriorAnswer) -> str:
    """The same with its name and unit, for sentences."""
    unit = " percentage points" if measure.key == "rd" else ""
    return f"{measure.symbol} {effect_words(measure, item)}{unit}"


def location_words(kind: Measure, value: float) -> str:
    """A mean or SD on the scale of priors; of a risk difference in points."""
    return f"{100 * value:.3g}" if kind.key == "rd" else f"{value:.3g}"


def prior_words(prior: EffectPrior) -> str:
    """Mean, SD and the range that holds 95 %."""
    kind = MEASURES[prior.measure]
    if prior.is_flat:
        return f"flat on the {kind.scale}"
    inside = interval(*map(kind.words, prior.range()))
    unit = ", in percentage points" if kind.key == "rd" else ""
    mean, sd = location_words(kind, prior.mean), location_words(kind, prior.sd)
    return f"mean {mean}, SD {sd} on the {kind.scale}{unit}; 95 % {inside}"


def headline(found: BenefitAnalysis) -> list[str]:
    """The probability of benefit under the leading prior, and what other priors make of it."""
    lead, (low, high), event = found.lead, found.span, found.events[0]
    prior = lead.prior
    before = chance_words(prior.p_benefit(found.sign))
    name = "a flat prior" if prior.is_flat else f"the {prior.name} prior"
    lines = [
        f"{event.statement} {equals(lead.p_benefit)} under {name} ({prior_words(prior)}; {before} before the data). "
        f"{with_unit(found.measure, lead)}.",
    ]
    others = [item for item in found.answers if item.prior.is_flat and item is not lead]
    alone = f"With a flat prior, by the data alone, it is {chance_words(others[0].p_benefit)}. " if others else ""
    lines.append(
        f"{alone}Over the {len(found.answers)} priors of the table it lies between {chance_words(low.p_benefit)} "
        f"({low.prior.name}) and {chance_words(high.p_benefit)} ({high.prior.name})."
    )
    rest = [
        f"{event.statement} {equals(chance)}" for event, chance in zip(found.events[1:], lead.chances[1:], strict=True)
    ]
    return [*lines, *([f"Under {name}: {'; '.join(rest)}."] if rest else [])]


def reported_words(found: BenefitAnalysis) -> str:
    """What the data say without any prior, as the trial's authors would report it; empty where there is no estimate."""
    item = found.estimate
    if item is None:
        return ""
    source = {"counts": "worked out from the counts", "interval": "as printed"}.get(
        item.basis, f"from the {item.basis}"
    )
    return f"{found.measure.name} {item.words}, {source}; p {p_is(item.p)}"


def absolute_words(found: BenefitAnalysis) -> str:
    """Patients of a thousand at one control risk, and the number needed to treat; empty where there is no risk."""
    item = found.absolute
    if item is None:
        return ""
    rare = max(map(abs, item.per_1000())) < 1
    size = 100_000 if rare else 1000
    middle, low, high = (_more(value * size / 1000) for value in item.per_1000())
    many = found.trial.end_point.words.many if found.trial.end_point.kind == "binary" else "events"
    cut = " Some of that would give risks beyond 0 or 1, and is cut off there." if item.is_cut else ""
    return (
        f"At a control risk of {100 * item.control_risk:.3g} %, held fixed: of {size:,} patients {middle} {many} "
        f"({interval(low, high)}), {item.nnt(found.sign)}.{cut}"
    )


def _more(value: float) -> str:
    """How many more or fewer.

    Examples
    --------
    >>> _more(-99.3), _more(2.41), _more(0.0)
    ('99 fewer', '2.4 more', '0 more')
    """
    size = f"{abs(value):.0f}" if abs(value) >= 10 or value == 0 else f"{abs(value):.2g}"
    return f"{size} {'more' if value >= 0 else 'fewer'}"


def limit_words(found: BenefitAnalysis) -> str:
    """Matthews' limit, and whether the result is intrinsically credible; empty where there is none."""
    limits, kind = found.limits, found.measure
    if limits is None:
        return ""
    level, null = f"{100 * limits.level:g} %", kind.words(kind.null)
    edge, one = kind.words(limits.limit), "a rate ratio" if kind.key == "irr" else f"an {kind.symbol}"
    unit = " percentage points" if kind.key == "rd" else ""
    name = limits.kind.capitalize()
    if not _matters(kind, limits.limit):
        whom = "Sceptics of any width are not convinced" if limits.kind == "scepticism" else (
            "Whatever effect an advocate holds possible, the result becomes credible"
        )  # fmt: skip
        first = f"{name} limit: beyond every effect that anybody expects. {whom}."
    elif limits.kind == "scepticism":
        other = kind.words(kind.printed(-kind.scaled(limits.limit)))
        pair = interval(*((other, edge) if limits.limit > kind.null else (edge, other)))
        first = (
            f"{name} limit: {kind.symbol} {edge}{unit}. A sceptic whose prior is centred at no effect and has {level} "
            f"of it within {pair} or nearer to {null} is not convinced; a wider one is."
        )
    else:
        first = (
            f"{name} limit: {kind.symbol} {edge}{unit}. An advocate's prior with {level} of it between {null} and "
            f"{one} nearer to {null} than {edge} makes the result credible; a wider one does not."
        )
    alpha = 1 - limits.level
    held = "at most" if limits.p_intrinsic <= alpha else "above"
    credible = "is" if limits.p_intrinsic <= alpha else "is not"
    return (
        f"{first} By itself the result {credible} intrinsically credible: p for that {p_is(limits.p_intrinsic)}, "
        f"{held} {alpha:.2g}."
    )


def _matters(kind: Measure, limit: float) -> bool:
    """Whether a limit is an effect that a treatment may have."""
    if kind.is_ratio:
        return 0.01 <= limit <= 100
    return abs(limit) < 1 or kind.key != "rd"


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
