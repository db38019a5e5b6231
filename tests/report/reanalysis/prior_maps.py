"""Maps over priors made of probabilities, without a fit."""

from __future__ import annotations

import itertools

import numpy as np

from bayes_lupil.posterior.estimands import Benefit
from bayes_lupil.published.priors import EffectPrior
from bayes_lupil.sensitivity.normal_priors import AtPrior, PriorMap

AXIS = np.linspace(-2.1, 2.1, 61)


def map_of(means, sds, chances) -> PriorMap:
    """P(benefit), shape (sds, means), with an error of 0.001; NaN where there is no result."""
    cells = [
        None if np.isnan(chance) else at_prior(EffectPrior("", float(mean), float(sd), ""), chance)
        for (sd, mean), chance in zip(itertools.product(sds, means), chances.ravel(), strict=True)
    ]
    return PriorMap(means, sds, tuple(cells), {}, AXIS)


def at_prior(prior, chance):
    """A result of which P(benefit) alone matters."""
    ladder = (Benefit("benefit", 0.0, "risk difference > 0", float(chance), 0.001),)
    return AtPrior(prior, -0.1, 0.1, 0.3, ladder, np.zeros(AXIS.size))
