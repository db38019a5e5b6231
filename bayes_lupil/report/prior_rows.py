"""One prior of the treatment effect in words and numbers, for the tables that show several."""

from __future__ import annotations

from bayes_lupil.numbers import interval
from bayes_lupil.sensitivity.effect_priors import EffectPrior
from bayes_lupil.trials.trial import EndPoint

__all__ = ["BEFORE", "before_the_data"]

BEFORE = ("prior", "mean", "SD", "95 % of its odds ratios", "P(benefit) before")
"""The columns that `before_the_data` fills."""


def before_the_data(prior: EffectPrior, end_point: EndPoint) -> tuple[str, ...]:
    """What a prior says before the data.

    Examples
    --------
    >>> before_the_data(EffectPrior("flat", 0.0, 10.0, ""), EndPoint("x", "x"))
    ('flat', '0.000', '10.000', 'below 0.01 to above 1000', '0.50')
    """
    return (
        prior.name, f"{prior.mean:.3f}", f"{prior.sd:.3f}", interval(*(_odds(limit) for limit in prior.odds_ratios())),
        f"{prior.p_benefit(end_point):.2f}",
    )  # fmt: skip


def _odds(value: float) -> str:
    return f"{value:.2f}" if 0.005 <= value < 1000 else ("above 1000" if value > 1 else "below 0.01")
