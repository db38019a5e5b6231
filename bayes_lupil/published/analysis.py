"""A published result under standard priors: how probable a benefit is, and what it would take to think otherwise."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from bayes_lupil.cards import Card, Shown
from bayes_lupil.errors import TrialError
from bayes_lupil.published.absolute import AbsoluteEffect
from bayes_lupil.published.answers import Event, PriorAnswer
from bayes_lupil.published.likelihoods import EffectLikelihood
from bayes_lupil.published.priors import EffectPrior
from bayes_lupil.published.reverse import Limits, TippingMean, credibility_limits, tipping_mean
from bayes_lupil.trials.end_point import SYNTHETIC
from bayes_lupil.trials.estimates import Estimate, estimate_of_counts
from bayes_lupil.trials.measures import Measure
from bayes_lupil.trials.trial import OfTrial, Trial

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["LEAD", "BenefitAnalysis", "chance_words", "equals"]

LEAD = "neutral moderate"
"""The prior that leads where nobody asks for another."""
_TARGETS = (0.5, 0.95, 0.975)


@dataclass(frozen=True)
class BenefitAnalysis(Shown, OfTrial):
    """A published result, reread; see `benefit`.

    Attributes
    ----------
    trial : Trial
        What was printed, which `fit` and `reanalyse` take too.
    measure : Measure
        As which the effect is shown.
    likelihood : NormalLikelihood or CountsLikelihood
    answers : tuple of PriorAnswer
        One a prior, that which leads first; probabilities are exact to 1e-6 and have no Monte Carlo error.
    asked : tuple of EffectPrior
        Those that the caller asked for.
    events : tuple of Event
        Whose probability is given: benefit first.
    absolute : AbsoluteEffect or None
        At the control risk observed or given, under the leading prior.
    notes : tuple of str
        What must be known first: what was assumed, and what does not follow of what is printed.
    remarks : tuple of str
        What explains the result: what rounding leaves open, where the expected effect comes from.
    """

    trial: Trial
    measure: Measure
    likelihood: EffectLikelihood
    answers: tuple[PriorAnswer, ...]
    asked: tuple[EffectPrior, ...]
    events: tuple[Event, ...]
    expected: float
    absolute: AbsoluteEffect | None
    notes: tuple[str, ...]
    level: float = 0.95
    population: str = "itt"
    left_out: tuple[str, ...] = field(default=())
    remarks: tuple[str, ...] = field(default=())

    @property
    def sign(self) -> int:
        """+1 where a higher effect is a benefit, -1 where a lower one is."""
        return self.trial.end_point.sign

    @property
    def lead(self) -> PriorAnswer:
        """Under the prior that leads: the one asked for first, or the moderate neutral one."""
        return self.answers[0]

    @property
    def estimate(self) -> Estimate | None:
        """The estimate on the measure's own scale, as the trial's authors would have it; None where there is none."""
        if isinstance(self.trial.data, Estimate):
            return self.trial.data
        control, active = self.counts
        try:
            return estimate_of_counts(self.measure.key, control, active, self.level)
        except TrialError:
            return None

    @property
    def counts(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """(events, patients) of control and active."""
        return self.trial.analysis_set(self.population).totals

    @property
    def patients(self) -> int | None:
        """In the analysis; None where they are not known."""
        return None if isinstance(self.trial.data, Estimate) else sum(n for _, n in self.counts)

    @cached_property
    def limits(self) -> Limits | None:
        """Scepticism or advocacy limit, from the estimate and its standard error."""
        return None if self.estimate is None else credibility_limits(self.estimate, self.level)

    @cached_property
    def tipping(self) -> tuple[TippingMean, ...]:
        """The prior means at which P(benefit) is 0.5, 0.95 and 0.975, for the SD of the leading prior."""
        sd = self.lead.prior.sd if not self.lead.prior.is_flat else abs(self.expected)
        return tuple(tipping_mean(self.likelihood, self.sign, sd, target) for target in _TARGETS)

    def better_than(self, item: PriorAnswer, value: float) -> float:
        """Probability, under a prior, of an effect that is better than a value as printed."""
        below = item.below(value)
        return below if self.sign < 0 else 1 - below

    def answer_under(self, name: str) -> PriorAnswer | None:
        """The answer under the prior of that name; None where there is none."""
        return next((item for item in self.answers if item.prior.name == name), None)

    @property
    def span(self) -> tuple[PriorAnswer, PriorAnswer]:
        """The answers with the least and the greatest P(benefit)."""
        ordered = sorted(self.answers, key=lambda item: item.p_benefit)
        return ordered[0], ordered[-1]

    def to_frame(self) -> pd.DataFrame:
        """One row a prior: its mean, SD, 95 % range and weight, the effect, and the probability of each event."""
        import pandas as pd

        return pd.DataFrame([self.row(item) for item in self.answers])

    def row(self, item: PriorAnswer) -> dict[str, Any]:
        """One answer as plain data."""
        prior = item.prior
        low, high = prior.range()
        patients = self.patients
        found: dict[str, Any] = {
            "prior": prior.name, "mean": prior.mean, "sd": prior.sd, "range_lower": low, "range_upper": high,
            "p_benefit_prior": prior.p_benefit(self.sign), "weight": prior.weight(self.likelihood.se),
            "effective_patients": None if patients is None else prior.patients(self.likelihood.se, patients),
            "reason": prior.reason, self.measure.key: item.median, "lower": item.lower, "upper": item.upper,
        }  # fmt: skip
        return found | {event.key: chance for event, chance in zip(self.events, item.chances, strict=True)}

    def to_json(self) -> dict[str, Any]:
        """Everything as plain data."""
        import math

        def plain(value: Any) -> Any:
            return None if isinstance(value, float) and not math.isfinite(value) else value

        limits, absolute = self.limits, self.absolute
        return {
            "trial": self.trial.name, "synthetic": self.trial.synthetic, "end_point": self.trial.end_point.label,
            "benefit": self.trial.end_point.benefit, "measure": self.measure.name, "level": self.level,
            "data": self.printed(), "notes": list(self.notes), "remarks": list(self.remarks),
            "lead": self.lead.prior.name,
            "events": [{"key": event.key, "statement": event.statement} for event in self.events],
            "priors": [{key: plain(value) for key, value in self.row(item).items()} for item in self.answers],
            "left_out": list(self.left_out),
            "limits": None if limits is None else {key: plain(value) for key, value in vars(limits).items()},
            "tipping": [dict(vars(item)) for item in self.tipping],
            "absolute": None if absolute is None else dict(vars(absolute)),
        }  # fmt: skip

    def printed(self) -> str:
        """What the analysis is of, in words."""
        if isinstance(self.trial.data, Estimate):
            return f"{self.measure.name} {self.trial.data.words}"
        (y0, n0), (y1, n1) = self.counts
        arms = self.trial.arms
        return f"{arms.active} {y1}/{n1} ({100 * y1 / n1:.1f} %) v {arms.control} {y0}/{n0} ({100 * y0 / n0:.1f} %)"

    def card(self) -> Card:
        """P(benefit) under the leading prior and its range over the others, the effect, and what it would take."""
        low, high = self.span
        lead, words = self.lead, self.measure.words
        rows = [("note", note) for note in self.notes]
        rows += [
            ("data", self.printed()),
            (self.events[0].statement, f"{chance_words(lead.p_benefit)} under the {lead.prior.name} prior"),
            ("over the priors", f"{chance_words(low.p_benefit)} ({low.prior.name}) to {chance_words(high.p_benefit)} "
                                f"({high.prior.name})"),
            (self.measure.symbol, f"{words(lead.median)} ({words(lead.lower)} to {words(lead.upper)})"),
        ]  # fmt: skip
        rows += [
            (event.statement, chance_words(chance))
            for event, chance in zip(self.events[1:], lead.chances[1:], strict=True)
        ]
        if self.limits is not None:
            rows.append((f"{self.limits.kind} limit", f"{self.measure.symbol} {words(self.limits.limit)}"))
        calls = ("found.to_frame()", "bl.write_benefit(found, folder)", "bl.fit('itt_pooled', found)")
        heading = f"{self.trial.end_point.directed}"
        return Card(heading, tuple(rows), SYNTHETIC if self.trial.synthetic else "", calls)


def equals(chance: float) -> str:
    """A probability behind what it is of.

    Examples
    --------
    >>> equals(0.9544), equals(0.99996)
    ('= 0.954', '> 0.999')
    """
    words = chance_words(chance)
    return words if words[:1] in "<>" else f"= {words}"


def chance_words(value: float) -> str:
    """A probability that has no Monte Carlo error.

    Examples
    --------
    >>> chance_words(0.9544), chance_words(0.99996)
    ('0.954', '> 0.999')
    """
    from bayes_lupil.numbers import probability

    return probability(value, digits=3)
