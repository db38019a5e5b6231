"""Engines: ways of fitting the same likelihood. Each takes a likelihood and gives `Draws`."""

from __future__ import annotations

from bayes_lupil.engines.draws import Draws
from bayes_lupil.likelihoods import Likelihood

__all__ = ["Draws", "run_engine"]


def run_engine(likelihood: Likelihood, progress: bool = False) -> Draws:
    """Fit with the engine that the model file names."""
    from bayes_lupil.engines import nuts

    engines = {"nuts": nuts.sample}
    return engines[likelihood.spec.sampler.engine](likelihood, progress)
