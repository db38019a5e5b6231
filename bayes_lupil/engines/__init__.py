"""Engines: ways of fitting the same likelihood. Each takes a likelihood and gives `Draws`."""

from __future__ import annotations

from typing import Literal

from bayes_lupil.engines.draws import Draws
from bayes_lupil.likelihoods import Likelihood

__all__ = ["Draws", "engine_for", "run_engine"]


def run_engine(likelihood: Likelihood, progress: bool = False) -> Draws:
    """Fit with the engine that the model file names, or with the one that 'auto' means for this trial."""
    if engine_for(likelihood) == "nuts":
        from bayes_lupil.engines import nuts

        return nuts.sample(likelihood, progress)
    from bayes_lupil.engines import quadrature

    return quadrature.sample(likelihood, progress)


def engine_for(likelihood: Likelihood) -> Literal["nuts", "quadrature"]:
    """The engine named, or quadrature for 'auto' where site effects can be integrated out, and NUTS elsewhere.

    Raises
    ------
    UnsupportedModelError
        Where quadrature is named and site effects cannot be integrated out.
    """
    engine = likelihood.spec.sampler.engine
    if engine == "auto":
        return "nuts" if likelihood.site_marginal is None else "quadrature"
    if engine == "quadrature":
        from bayes_lupil.engines import quadrature

        quadrature.marginal_of(likelihood)
    return engine
