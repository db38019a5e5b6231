"""Values of P(benefit) at which a verdict changes its words."""

from __future__ import annotations

__all__ = ["ALMOST_CERTAIN", "ESTABLISHED", "PROBABLE", "STEPS", "VERY_PROBABLE"]

ESTABLISHED = 0.975
"""From here a benefit is called established: the two-sided 5 % level of a trial."""
ALMOST_CERTAIN, VERY_PROBABLE, PROBABLE = 0.99, 0.9, 2 / 3
STEPS = tuple(
    sorted({edge for step in (ALMOST_CERTAIN, ESTABLISHED, VERY_PROBABLE, PROBABLE) for edge in (step, 1 - step)})
)
"""All of them, of benefit and of harm."""
