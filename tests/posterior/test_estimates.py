"""Estimates as cells of a table, and weighted quantiles against NumPy's."""

from __future__ import annotations

import numpy as np
import pytest

from bayes_lupil.posterior.estimates import Estimate, weighted_quantiles


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
