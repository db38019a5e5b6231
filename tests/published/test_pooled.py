"""Random effects over results, against draws and against known limits."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import integrate, stats

from bayes_lupil.errors import InputError
from bayes_lupil.published.pooled import pooled_effect

Y, S = [-0.30, -0.10, 0.05, -0.45], [0.20, 0.15, 0.30, 0.25]


def test_against_two_dimensional_integration():
    """P(mean < 0) by brute force over mean and SD."""

    def density(mu, tau):
        return stats.halfnorm.pdf(tau, scale=0.5) * np.prod(stats.norm.pdf(Y, mu, np.sqrt(np.square(S) + tau**2)))

    def over(low, high):
        return integrate.dblquad(density, 0, 5, low, high, epsabs=1e-10, epsrel=1e-8)[0]

    exact = over(-4, 0) / (over(-4, 0) + over(0, 4))
    found = pooled_effect(Y, S, 0.5)
    assert found.below(0.0) == pytest.approx(exact, abs=1e-6)
    assert found.below(found.quantile(0.2)) == pytest.approx(0.2, abs=1e-9)
    assert found.new_below(0.0) < found.below(0.0)  # one more trial is less sure than the mean


@pytest.mark.parametrize(("se", "tau_sd"), [(1e-3, 1.0), (1e-4, 1.0), (1e-3, 10.0), (0.02, 0.5), (1.0, 1e-3)])
def test_precise_results_and_a_wide_prior(se, tau_sd):
    """Two results one standard error apart: the SD between them matters on the scale of their errors."""
    y, x0 = np.array([0.0, se]), 0.1 * se

    def parts(tau):
        variance = se**2 + tau**2
        density = np.exp(-0.5 * (tau / tau_sd) ** 2 - 0.25 * se**2 / variance) / np.sqrt(variance)
        return density, density * stats.norm.cdf((x0 - y.mean()) / np.sqrt(variance / 2))

    edges = [0.0, *np.geomspace(min(se, tau_sd) / 100, 12 * tau_sd, 30)]
    whole, below = (
        sum(integrate.quad(lambda t, k=k: parts(t)[k], a, b, epsrel=1e-10)[0] for a, b in itertools.pairwise(edges))
        for k in (0, 1)
    )
    assert pooled_effect(y, [se, se], tau_sd).below(x0) == pytest.approx(below / whole, abs=1e-8)


def test_without_differences_it_is_the_weighted_mean():
    found = pooled_effect(Y, S, 1e-6)
    weights = 1 / np.square(S)
    assert found.mean == pytest.approx(np.average(Y, weights=weights), abs=1e-6)
    assert found.below(0.0) == pytest.approx(stats.norm.cdf(0, found.mean, weights.sum() ** -0.5), abs=1e-6)


@pytest.mark.parametrize(("values", "ses", "sd"), [([0.1], [0.1], 0.5), ([0.1, 0.2], [0.1, 0.0], 0.5), (Y, S, 0.0)])
def test_too_little_is_refused(values, ses, sd):
    with pytest.raises(InputError, match="results to pool"):
        pooled_effect(values, ses, sd)
