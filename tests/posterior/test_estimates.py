"""Estimates as cells of a table, and weighted sums and quantiles against NumPy's."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bayes_lupil.posterior.estimates import Estimate, weighted_quantiles, weighted_sum


def test_a_weighted_sum_is_the_same_on_any_number_of_cores():
    """As that of BLAS is not: with so many numbers it shares them out among its threads."""
    limits = pytest.importorskip("threadpoolctl").threadpool_limits
    rng = np.random.default_rng(6)
    weights, values = rng.gamma(0.3, size=100_001), rng.normal(size=100_001)
    found = []
    for threads in (1, 2, 3):
        with limits(threads):
            found.append(weighted_sum(weights, values))
    assert found[0] == found[1] == found[2] == pytest.approx(math.fsum(weights * values), rel=1e-12)


def test_quantiles_are_those_of_numpy():
    rng = np.random.default_rng(5)
    values, weights = rng.normal(size=3001), rng.gamma(0.3, size=3001)
    weights /= weights.sum()
    theirs = np.quantile(values, [0.025, 0.5, 0.975], weights=weights, method="inverted_cdf")
    assert weighted_quantiles(values, weights) == pytest.approx(tuple(theirs), abs=0)
    assert weighted_quantiles(values, weights, np.argsort(values)) == pytest.approx(tuple(theirs), abs=0)
    assert weighted_quantiles(values, 7 * weights, total=7.0) == pytest.approx(tuple(theirs), abs=0)


def test_all_weight_on_one_value():
    assert weighted_quantiles(np.array([2.0, 1.0, 3.0]), np.array([0.0, 1.0, 0.0])) == (1.0, 1.0, 1.0)


def test_cells_of_a_table():
    found = Estimate(0.1, 0.01, q2_5=-0.2, q97_5=0.4)
    assert found.columns("rd") == {"rd": 0.1, "rd_mcse": 0.01}
    assert found.columns("rd", "q2_5", "q97_5") == {"rd": 0.1, "rd_mcse": 0.01, "rd_q2_5": -0.2, "rd_q97_5": 0.4}
    assert np.isnan(found.sd)
