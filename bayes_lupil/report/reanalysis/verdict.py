"""The verdict: what a probability of benefit amounts to, in words that depend on nothing else."""

from __future__ import annotations

from bayes_lupil.numbers import in_hundred
from bayes_lupil.trials.end_point import Arms
from bayes_lupil.verdict_steps import ESTABLISHED, how_sure

__all__ = ["verdict_words"]

_EVEN = 0.5


def verdict_words(p: float, arms: Arms) -> str:
    """What P(benefit) amounts to.

    Examples
    --------
    >>> verdict_words(0.8172, Arms("placebo", "ILT-101"))
    'ILT-101 was probably better than placebo (82 in 100), but this trial does not establish it.'
    >>> verdict_words(0.03, Arms("placebo", "drug"))
    'Placebo was very probably better than drug (97 in 100), but this trial does not establish it.'
    >>> verdict_words(0.55, Arms("placebo", "drug"))
    'Whether drug was better than placebo stays open (55 in 100 that it was).'
    """
    better, worse, chance = (
        (arms.active, arms.control, p) if p >= _EVEN else (arms.control, arms.active, 1 - p)
    )  # fmt: skip
    if not (word := how_sure(chance)):
        return f"Whether {arms.active} was better than {arms.control} stays open ({in_hundred(p)} that it was)."
    settled = "" if chance >= ESTABLISHED else ", but this trial does not establish it"
    return f"{better[:1].upper()}{better[1:]} was {word} better than {worse} ({in_hundred(chance)}){settled}."
