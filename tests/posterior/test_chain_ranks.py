"""The band of the ranks of chains holds what it says, against simulation and a hypergeometric distribution."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bayes_lupil.posterior.chain_ranks import rank_band, rank_differences


def leaves(draws, limits):
    found = rank_differences(draws)
    return bool(((found < limits[0] - 1e-12) | (found > limits[1] + 1e-12)).any())


@pytest.mark.parametrize(("chains", "n", "probability"), [(2, 30, 0.9), (4, 50, 0.99), (3, 101, 0.95), (8, 20, 0.8)])
def test_sets_of_exchangeable_chains_stay_within(chains, n, probability):
    limits = rank_band(chains, n, probability)
    rng = np.random.default_rng(1)
    sets = 2000
    out = sum(leaves(rng.standard_normal((chains, n)), limits) for _ in range(sets))
    # 4 binomial errors of these sets and of those behind the band, which may be wider, as ranks are whole
    error = np.sqrt(probability * (1 - probability) * (1 / sets + 1 / 10_000))
    assert 1 - out / sets == pytest.approx(probability, abs=4 * error + 0.02 * (n < 40))


def test_limits_are_quantiles_of_a_hypergeometric_distribution():
    chains, n = 4, 60
    low, high = rank_band(chains, n, 0.95)
    levels = []
    for k in range(1, n):
        drawn = stats.hypergeom(chains * n, chains * k, n)
        x = round(n * low[k - 1]) + k
        levels.append((drawn.cdf(x - 1), drawn.cdf(x)))  # one fewer is too few, this is not
    assert max(below for below, _ in levels) < min(at for _, at in levels)
    np.testing.assert_allclose(low, -high[::-1], atol=1e-12)


def test_a_chain_elsewhere_leaves_the_band():
    rng = np.random.default_rng(2)
    draws = rng.standard_normal((4, 250))
    assert not leaves(draws, rank_band(4, 250, 0.99))
    draws[2] *= 1.5
    assert leaves(draws, rank_band(4, 250, 0.99))


@given(st.integers(2, 5), st.integers(3, 40), st.integers(0, 2**32 - 1))
def test_differences_are_those_of_empirical_distributions(chains, n, seed):
    draws = np.random.default_rng(seed).standard_normal((chains, n))
    found = rank_differences(draws)
    everything = np.sort(draws.ravel())
    for k in range(1, n):
        own = (draws <= everything[chains * k - 1]).mean(axis=1)
        np.testing.assert_allclose(found[:, k - 1], own - k / n, atol=1e-12)
    np.testing.assert_allclose(found.sum(axis=0), 0, atol=1e-9)
