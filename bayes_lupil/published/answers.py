"""The answer under one prior: the effect with its interval, and the probability of each event that is asked about."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from bayes_lupil.errors import InputError
from bayes_lupil.published.arms import ArmsPosterior
from bayes_lupil.published.likelihoods import ArmPrior, CountsLikelihood, EffectLikelihood
from bayes_lupil.published.priors import EffectPrior
from bayes_lupil.trials.measures import Measure

__all__ = ["Event", "PriorAnswer", "answer", "events_asked", "uniform_arms"]


@dataclass(frozen=True)
class Event:
    """That the effect lies between two values, as the measure is printed.

    Attributes
    ----------
    key : str
        For columns: 'p_benefit', 'p_beyond_0.9' ...
    statement : str
        'P(HR < 1)' and the like.
    low, high : float
    """

    key: str
    statement: str
    low: float
    high: float


@dataclass(frozen=True)
class PriorAnswer:
    """The posterior under one prior.

    Attributes
    ----------
    prior : EffectPrior
    median, lower, upper : float
        Of the effect, as the measure is printed.
    chances : tuple of float
        Of each event, benefit first.
    below : callable
        Probability that the effect is below a value, as printed.
    """

    prior: EffectPrior
    median: float
    lower: float
    upper: float
    chances: tuple[float, ...]
    below: Callable[[float], float] = field(compare=False, repr=False)

    @property
    def p_benefit(self) -> float:
        """Probability of a benefit, however small."""
        return self.chances[0]


def events_asked(
    measure: Measure, sign: int, beyond: Sequence[float], margin: float | None, rope: Sequence[float] | None
) -> tuple[Event, ...]:
    """Benefit, then what is asked beside it.

    Parameters
    ----------
    sign : {1, -1}
        The side of benefit.

    Raises
    ------
    InputError
        For a value that the measure cannot have, or a range that is none.
    """
    least = 0.0 if measure.is_ratio else -math.inf
    told = "above 0" if measure.is_ratio else "that is finite"
    given = [("beyond", item) for item in beyond] + [("rope", item) for item in rope or ()]
    for name, value in [*given, *([] if margin is None else [("margin", margin)])]:
        if not (least < value < math.inf):
            raise InputError(name, f"{value:g}", f"{measure.one} {told}")
        if measure.key == "rd" and not -1 < value < 1:
            hint = f"{value:g} points are {value / 100:g}."
            raise InputError(name, f"{value:g}", "a risk difference between -1 and 1", hint)
    if margin is not None and sign * (measure.scaled(margin) - measure.scaled(measure.null)) >= 0:
        side = "below" if sign > 0 else "above"
        required = f"{measure.one} {side} {measure.null:g}: a margin of non-inferiority is on the side of harm"
        hint = f"The probability of an effect better than {margin:g}: --beyond {margin:g} (in Python beyond=...)."
        raise InputError("margin", f"{margin:g}", required, hint)

    def better(key: str, value: float) -> Event:
        mark = ">" if sign > 0 else "<"
        low, high = (value, math.inf) if sign > 0 else (least, value)
        return Event(key, f"P({measure.symbol} {mark} {_as_printed(measure, value)})", low, high)

    found = [better("p_benefit", measure.null)]
    found += [better(f"p_beyond_{value:g}", value) for value in beyond]
    if margin is not None:
        within = better(f"p_within_margin_{margin:g}", margin)
        found.append(replace(within, statement=f"non-inferiority, {within.statement}"))
    if rope is not None:
        if len(rope) != 2 or rope[0] >= rope[1]:
            raise InputError("rope", ", ".join(f"{item:g}" for item in rope), "two values, the lower one first")
        low, high = (_as_printed(measure, edge) for edge in rope)
        found.append(Event("p_rope", f"P({low} < {measure.symbol} < {high})", rope[0], rope[1]))
    return tuple(found)


def _as_printed(measure: Measure, value: float) -> str:
    """A threshold as it was typed; of a risk difference in points, as its results are shown."""
    return f"{100 * value:g} points" if measure.key == "rd" and value else f"{value:g}"


def answer(
    likelihood: EffectLikelihood,
    prior: EffectPrior,
    shown: Measure,
    events: Sequence[Event],
    level: float,
) -> PriorAnswer:
    """Quantiles and probabilities under a prior, as the measure shown.

    Raises
    ------
    UnsupportedModelError
        Where there is no posterior under the prior.
    """
    wanted = ((1 - level) / 2, 0.5, (1 + level) / 2)
    if isinstance(likelihood, CountsLikelihood) and shown != likelihood.measure:
        likelihood.under(prior)  # which refuses a prior without a posterior
        return _of_arms(ArmsPosterior(likelihood, prior), prior, shown, events, wanted)
    posterior = likelihood.under(prior)
    lower, median, upper = (shown.printed(posterior.quantile(p)) for p in wanted)

    def below(value: float) -> float:
        return 0.0 if shown.is_ratio and value <= 0 else posterior.below(shown.scaled(value))

    return PriorAnswer(prior, median, lower, upper, _chances(events, below), below)


def uniform_arms(data: CountsLikelihood, shown: Measure, events: Sequence[Event], level: float) -> PriorAnswer:
    """The answer where each arm's risk has a uniform prior by itself: beta posteriors."""
    uniform = ArmPrior("uniform")
    reason = "each arm's risk uniform between 0 and 1, by itself; the log odds ratio is then not quite normal"
    prior = EffectPrior("uniform arms", 0.0, math.pi * math.sqrt(2 / 3), reason, "or")
    arms = ArmsPosterior(CountsLikelihood(data.control, data.active, uniform), uniform)
    return _of_arms(arms, prior, shown, events, ((1 - level) / 2, 0.5, (1 + level) / 2))


def _of_arms(
    arms: ArmsPosterior, prior: EffectPrior, shown: Measure, events: Sequence[Event], wanted: tuple[float, float, float]
) -> PriorAnswer:
    lower, median, upper = arms.quantiles(shown, wanted)
    below = partial(arms.below, shown)
    return PriorAnswer(prior, median, lower, upper, _chances(events, below), below)


def _chances(events: Sequence[Event], below: Callable[[float], float]) -> tuple[float, ...]:
    def chance(event: Event) -> float:
        low, high = (
            0.0 if edge == -math.inf else 1.0 if edge == math.inf else below(edge) for edge in (event.low, event.high)
        )
        return min(max(high - low, 0.0), 1.0)

    return tuple(chance(event) for event in events)
