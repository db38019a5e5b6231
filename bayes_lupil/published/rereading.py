"""Reads a published result, checks what is printed of it, and asks it what it says under standard priors."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from bayes_lupil.arguments import checked
from bayes_lupil.errors import InputError, UnsupportedModelError
from bayes_lupil.published.absolute import AbsoluteEffect, absolute_effect
from bayes_lupil.published.analysis import LEAD, BenefitAnalysis, chance_words
from bayes_lupil.published.answers import Event, PriorAnswer, answer, events_asked, uniform_arms
from bayes_lupil.published.likelihoods import ArmPrior, CountsLikelihood, EffectLikelihood, NormalLikelihood
from bayes_lupil.published.priors import EffectPrior, expected_effect, flat, nine_priors
from bayes_lupil.published.reading_priors import read_prior
from bayes_lupil.trials.beside_counts import counts_against
from bayes_lupil.trials.end_point import Direction, EndPoint
from bayes_lupil.trials.estimates import Estimate, estimate_of_counts
from bayes_lupil.trials.from_print import ASSUMED
from bayes_lupil.trials.measures import MEASURES, Measure
from bayes_lupil.trials.trial import Trial

__all__ = ["benefit"]

Counts = str | tuple[int, int]
_SAY = "--lower-is-better, in Python benefit='lower'"
_ROUNDED = 0.005
"""Of P(benefit): what rounding of the print may change without being told."""


@checked
def benefit(
    active: Counts | Trial,
    control: Counts | None = None,
    *,
    benefit: Direction | None = None,
    measure: Literal["or", "rr", "rd"] | None = None,
    prior: Any = (),
    expected: float | None = None,
    beyond: float | Sequence[float] = (),
    margin: float | None = None,
    rope: Sequence[float] | None = None,
    control_risk: float | None = None,
    level: float = 0.95,
    population: str = "itt",
    approximate: bool = False,
    printed: Mapping[str, Any] | None = None,
    percentages: Sequence[str | float | None] = (None, None),
    end_point: str = "",
    name: str = "trial",
) -> BenefitAnalysis:
    """How probable a benefit is, by a published result and standard priors.

    Parameters
    ----------
    active, control : str or (int, int), or a Trial as the first
        Events and patients of each arm, as '44/125', active first; or a trial: its arm totals, or the estimate of
        `from_estimate`.
    benefit : {"higher", "lower"}, optional
        Which direction is good for the patient; of counts 'higher' where nothing is said, which is then noted.
    measure : {"or", "rr", "rd"}, optional
        As which the effect of counts is shown, and thresholds are meant; the odds ratio by default. Priors are of the
        log odds ratio all the same, beside a flat prior of the control arm's log odds.
    prior : str, (mean, sd), EffectPrior, bl.priors.normal(...), or several of them
        Beside the nine: 'sceptical', 'neutral weak', 'flat', 'MEAN,SD' on the measure's scale, 'P(OR>2)=0.05', or one
        made in Python. The first leads.
    expected : float, optional
        The effect that optimists expect, as printed: what the trial's sample size was planned for.
    beyond : float or several
        Effects as printed: the probability of one that is better.
    margin : float, optional
        Of non-inferiority: the probability of an effect that is better than it.
    rope : (float, float), optional
        A range of practical equivalence: the probability that the effect lies within it.
    control_risk : float, optional
        At which the effect per 1,000 patients is told; by default that observed.
    level : float
        Of intervals, as a probability.
    population : str
        Of a trial.
    approximate : bool
        Take counts as a normal estimate of `measure` on its scale, on which priors then are.
    printed : mapping, optional
        What else the paper prints beside the counts, held against them: ``{"or": "0.54", "ci": ("0.33", "0.90"), "p":
        "0.02"}``.
    percentages : (active, control)
        Of patients with an event, as printed; held against the counts.
    end_point, name : str
        What counts are of, and what the trial is called.

    Raises
    ------
    TrialError
        For counts that are none.
    InputError
        For a prior, threshold or risk that is none.

    Examples
    --------
    >>> found = benefit("44/125", "62/124", benefit="lower")
    >>> round(found.lead.p_benefit, 3), len(found.answers)
    (0.973, 11)
    """
    if not 0.5 <= level < 1:
        hint = f"{level:g} % is {level / 100:g}." if 50 <= level < 100 else ""
        raise InputError("level", f"{level:g}", "a level between 0.5 and 1, such as 0.95", hint)
    if isinstance(active, Trial):
        trial = active
        assumed = next((note for note in trial.notes if note.startswith(ASSUMED)), "")
        if control is not None:
            raise InputError("benefit()", "a trial and counts of control beside it", "a trial alone, or two counts")
        if benefit is not None and benefit != trial.end_point.benefit and not assumed:
            raise InputError("benefit()", f"benefit = '{benefit}'", f"'{trial.end_point.benefit}', as the trial has it")
    else:
        if control is None:
            raise InputError("benefit()", "the active arm alone", "counts of both arms, active first")
        (active, of_active), (control, of_control) = _without_percentage(active), _without_percentage(control)
        percentages = (percentages[0] or of_active, percentages[1] or of_control)
        counted = "event" if benefit == "lower" else "response"
        point = EndPoint(counted, end_point or counted, benefit or "higher")
        trial = Trial.from_counts(active, control, end_point=point, name=name)
        assumed = "" if benefit else f"{ASSUMED}: a higher risk is taken for one ({_SAY})"
    notes = [*([assumed] if assumed else []), *trial.warnings]
    if isinstance(trial.data, Estimate):
        likelihood, shown = _of_estimate(trial.data, measure)
        notes += trial.notes
    else:
        totals = trial.analysis_set(population).totals
        shown = MEASURES[measure or "or"]
        likelihood = _of_counts(totals, shown, approximate, notes)
        if shown != likelihood.measure and (prior or expected is not None):
            notes.append(
                f"priors, and what is expected, are of the log odds ratio, though the {shown.name} is shown; "
                "--approximate (in Python approximate=True) has them on its own scale"
            )
        notes += counts_against(*totals, printed, tuple(reversed(percentages)), level)
    point = trial.end_point
    size, where = expected_effect(likelihood.measure, point.benefit, likelihood.se, expected)
    events = events_asked(shown, point.sign, (beyond,) if isinstance(beyond, int | float) else beyond, margin, rope)
    asked = tuple(read_prior(item, likelihood.measure, size, where) for item in _each(prior))
    answers, left_out = _answers(likelihood, shown, asked, nine_priors(likelihood.measure, size, where), events, level)
    remarks = _rounding(trial.data, point.sign) if isinstance(trial.data, Estimate) else []
    if expected is None and not likelihood.measure.is_ratio:
        remarks.append(
            f"the expected effect of optimists is {where}: the trial's own precision, so that these priors are another "
            "trial's no more; --expected (in Python expected=...) gives one from elsewhere"
        )
    absolute = _absolute(trial, shown, answers[0], control_risk, population)
    return BenefitAnalysis(
        trial, shown, likelihood, answers, asked, events, size, absolute, tuple(dict.fromkeys(notes)), level,
        population, left_out, tuple(remarks),
    )  # fmt: skip


def _of_estimate(estimate: Estimate, measure: str | None) -> tuple[EffectLikelihood, Measure]:
    """The likelihood of an estimate, which is shown as what it is."""
    kind = estimate.kind
    if measure is not None:
        raise InputError("benefit()", f"measure = '{measure}'", f"nothing: the {kind.name} is what is known")
    return NormalLikelihood(kind, estimate.value, estimate.se), kind


def _each(prior: Any) -> tuple[Any, ...]:
    """The priors asked for, of which two numbers are one."""
    is_pair = isinstance(prior, list | tuple) and len(prior) == 2 and all(isinstance(x, int | float) for x in prior)
    return tuple(prior) if isinstance(prior, list | tuple) and not is_pair else (prior,)


def _answers(
    likelihood: EffectLikelihood,
    shown: Measure,
    asked: tuple[EffectPrior, ...],
    nine: tuple[EffectPrior, ...],
    events: tuple[Event, ...],
    level: float,
) -> tuple[tuple[PriorAnswer, ...], tuple[str, ...]]:
    """The answer under each prior, those asked for first; and which of the others have none."""
    lead = () if asked else tuple(item for item in nine if item.name == LEAD)
    found, left_out = [], []
    for item in dict.fromkeys((*asked, *lead, flat(likelihood.measure), *nine)):
        try:
            found.append(answer(likelihood, item, shown, events, level))
        except UnsupportedModelError as problem:
            if item in asked:
                raise
            left_out.append(f"{item.name}: {problem.found}")
    if isinstance(likelihood, CountsLikelihood):
        found.insert(len(asked) + len(lead) + 1, uniform_arms(likelihood, shown, events, level))
    return tuple(found), tuple(left_out)


def _absolute(
    trial: Trial, shown: Measure, lead: PriorAnswer, control_risk: float | None, population: str
) -> AbsoluteEffect | None:
    """The effect on patients at the control risk given, or else observed; None where neither is there."""
    risk = control_risk
    if risk is None and not isinstance(trial.data, Estimate):
        (events, patients), _ = trial.analysis_set(population).totals
        risk = events / patients if 0 < events < patients else None
    return None if risk is None else absolute_effect(shown, risk, (lead.lower, lead.median, lead.upper))


def _without_percentage(counts: Counts) -> tuple[Counts, str | None]:
    """Counts, and the percentage that stands behind them: '44/125 (35.2%)'."""
    found = re.fullmatch(r"(.*?)\s*\(\s*([\d.,\u00b7]+)\s*%?\s*\)\s*", counts) if isinstance(counts, str) else None
    return (found[1], found[2]) if found else (counts, None)


def _of_counts(
    totals: tuple[tuple[int, int], tuple[int, int]], shown: Measure, approximate: bool, notes: list[str]
) -> CountsLikelihood | NormalLikelihood:
    """The likelihood, with a flat prior of the level where there is one; notes what a reader must know of it."""
    if approximate:
        near = estimate_of_counts(shown.key, *totals)
        notes.append(f"counts taken as a normal estimate of the {shown.scale}, on which priors are")
        return NormalLikelihood(shown, near.value, near.se)
    if 0 < sum(events for events, _ in totals) < sum(n for _, n in totals):
        return CountsLikelihood(*totals)
    told = "the risk midway between the arms has a uniform prior, and priors give the answer"
    notes.append(f"nobody, or everybody, had an event: {told}")
    return CountsLikelihood(*totals, ArmPrior("uniform"), 0.5)


def _rounding(estimate: Estimate, sign: int) -> list[str]:
    """That what is printed is rounded so much that the answer is uncertain by it."""
    from scipy.special import ndtr

    low, high = estimate.value_range
    chances = [
        float(ndtr(sign * value / se)) if se > 0 else float(sign * value > 0)
        for value in (low, high)
        for se in estimate.se_range
    ]
    if max(chances) - min(chances) < 2 * _ROUNDED:
        return []
    return [
        f"what is printed is rounded: with a flat prior P(benefit) lies between {chance_words(min(chances))} and "
        f"{chance_words(max(chances))}"
    ]
