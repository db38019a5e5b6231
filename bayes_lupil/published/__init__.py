"""One published result: its likelihood, standard priors of the effect, and what they make of it.

Public names are loaded on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bayes_lupil.published.analysis import BenefitAnalysis
    from bayes_lupil.published.library import published_claims, published_frame
    from bayes_lupil.published.many import benefit_many
    from bayes_lupil.published.pooled import pooled_effect
    from bayes_lupil.published.priors import (
        EffectPrior,
        combined,
        from_estimate,
        from_quantiles,
        from_roulette,
        from_tail,
        nine_priors,
    )
    from bayes_lupil.published.rereading import benefit
    from bayes_lupil.published.reverse import credibility_limits

_HOMES = {
    "BenefitAnalysis": "analysis", "EffectPrior": "priors", "benefit": "rereading", "benefit_many": "many",
    "combined": "priors", "credibility_limits": "reverse", "from_estimate": "priors", "from_quantiles": "priors",
    "from_roulette": "priors", "from_tail": "priors", "nine_priors": "priors", "pooled_effect": "pooled",
    "published_claims": "library", "published_frame": "library",
}  # fmt: skip

__all__ = [
    "BenefitAnalysis", "EffectPrior", "benefit", "benefit_many", "combined", "credibility_limits", "from_estimate",
    "from_quantiles", "from_roulette", "from_tail", "nine_priors", "pooled_effect", "published_claims",
    "published_frame",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"bayes_lupil.published.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'bayes_lupil.published' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
