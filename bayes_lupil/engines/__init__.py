"""Engines: ways of fitting the same likelihood. Each takes a likelihood and gives `Draws`."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from bayes_lupil.engines.draws import Draws
from bayes_lupil.likelihoods import Likelihood

__all__ = ["Draws", "engine_for", "run_engine", "takes_too_long"]

_MOST_NESTED = 1_000_000
"""Integrals over two variables on grids, one within the other, that 'auto' begins; they take about a minute for 100,000
on two cores, and the engine may need several times as many."""


def run_engine(likelihood: Likelihood, progress: bool = False) -> Draws:
    """Fit with the engine that the model file names, or with the one that 'auto' means for this trial."""
    if engine_for(likelihood) == "nuts":
        from bayes_lupil.engines import nuts

        draws = nuts.sample(likelihood, progress)
        if likelihood.spec.sampler.engine == "auto" and takes_too_long(likelihood):
            told = f"sampled by NUTS, because quadrature would take more than {_MOST_NESTED:,} integrals on grids"
            return replace(draws, notes=(*draws.notes, told))
        return draws
    from bayes_lupil.engines import quadrature

    return quadrature.sample(likelihood, progress)


def engine_for(likelihood: Likelihood) -> Literal["nuts", "quadrature"]:
    """The engine named, or quadrature for 'auto' where site effects can be integrated out quickly, and NUTS elsewhere.

    Raises
    ------
    UnsupportedModelError
        Where quadrature is named and site effects cannot be integrated out.
    """
    engine = likelihood.spec.sampler.engine
    if engine == "auto":
        return "nuts" if likelihood.site_marginal is None or takes_too_long(likelihood) else "quadrature"
    if engine == "quadrature":
        from bayes_lupil.engines import quadrature

        quadrature.marginal_of(likelihood)
    return engine


def takes_too_long(likelihood: Likelihood) -> bool:
    """Whether quadrature would take minutes or hours: many sites whose two effects have heavy tails."""
    marginal = likelihood.site_marginal
    return marginal is not None and likelihood.spec.sampler.points * marginal.nested_grids > _MOST_NESTED
