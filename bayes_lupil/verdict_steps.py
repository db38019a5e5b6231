"""Values of P(benefit) at which a verdict changes its words."""

from __future__ import annotations

__all__ = ["ALMOST_CERTAIN", "ESTABLISHED", "PROBABLE", "STEPS", "VERY_PROBABLE", "how_sure"]

ESTABLISHED = 0.975
"""From here a benefit is called established: the two-sided 5 % level of a trial."""
ALMOST_CERTAIN, VERY_PROBABLE, PROBABLE = 0.99, 0.9, 2 / 3
STEPS = tuple(
    sorted({edge for step in (ALMOST_CERTAIN, ESTABLISHED, VERY_PROBABLE, PROBABLE) for edge in (step, 1 - step)})
)
"""All of them, of benefit and of harm."""


def how_sure(chance: float) -> str:
    """The adverb for a probability of at least one half; empty where it is too small for one.

    Examples
    --------
    >>> how_sure(0.995), how_sure(0.94), how_sure(0.8), how_sure(0.6)
    ('almost certainly', 'very probably', 'probably', '')
    """
    words = ((ALMOST_CERTAIN, "almost certainly"), (VERY_PROBABLE, "very probably"), (PROBABLE, "probably"))
    return next((word for least, word in words if chance >= least), "")
