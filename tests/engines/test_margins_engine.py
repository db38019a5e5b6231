"""The importance engine of published margins against samplers that are not its own."""

from __future__ import annotations

import numpy as np

from bayes_lupil import load_model, load_trial
from bayes_lupil.engines.margins import MarginsDensity
from bayes_lupil.likelihoods import build_likelihood

SPEC = load_model("site_effects")


def test_a_point_gives_its_own_parameters():
    """In any order, over the blocks that points are dealt with in, also where one is asked for twice."""
    density = MarginsDensity(build_likelihood(SPEC, load_trial("lupil2")), np.random.SeedSequence(1))
    points = np.random.default_rng(2).normal(size=(5000, density.dimension))
    density(points)
    every = density.again(points, np.arange(5000))
    some = np.array([4999, 3, 2, 2048, 3, 2047, 0, 4096])
    for name, values in density.again(points, some).items():
        np.testing.assert_array_equal(values, every[name][some], err_msg=name)
