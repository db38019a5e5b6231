"""The tracked LUPIL-2 results against importance sampling that shares no code with the package.

Prior draws of the site model are weighted by the likelihood of the margins; retention is integrated out in closed form:
with a patients of a class inside the subset and b outside, of whom k came from the excluded sites,

    int (rho Q_o)^a ((1 - rho) Q_o + Q_e)^b d rho = sum_k C(b, k) Q_e^k Q_o^(a + b - k) B(a + 1, b - k + 1),

where Q_o and Q_e are the chances of a patient of that arm and response at an ordinary and at an excluded site, and k
stops at 0 where the class cannot come from the excluded sites. The k-th term is the share of k, so the same weights
tell what the posterior would be if the two sites are known to have had at least one placebo patient.
"""

from __future__ import annotations

from math import comb
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.special import betaln, expit

OUTPUTS = Path(__file__).parents[1] / "outputs" / "lupil2"
SITES, EXCLUDED = 25, 2
# arm, response: inside the subset, outside it, whether the excluded sites are possible (published counts of the trial)
CLASSES = {(0, 1): (15, 14, True), (0, 0): (14, 7, False), (1, 1): (20, 14, True), (1, 0): (4, 12, True)}
MODELS = {"site_effects": (0.0, 1.0, 0.5), "site_intercepts": (0.0, 1.0, 0.0), "informed_he2020": (0.53, 0.77, 0.5)}
"""Mean and SD of the prior of beta, scale of the half-normal prior of tau_v (0: no site effects)."""


def by_number_excluded(inside, outside, possible, ordinary, excluded):
    """Likelihood of one class by the number k of its patients from the excluded sites, shape (k, draws)."""
    most = outside if possible else 0
    return np.stack(
        [
            comb(outside, k)
            * excluded**k
            * ordinary ** (inside + outside - k)
            * np.exp(betaln(inside + 1, outside - k + 1))
            for k in range(most + 1)
        ]
    )


def weighted_draws(rng, draws, mean, sd, scale):
    """Parameters, risk difference, likelihood, and likelihood given at least one excluded placebo patient."""
    alpha, beta = rng.normal(0, 1.5, draws), rng.normal(mean, sd, draws)
    tau_u, tau_v = np.abs(rng.normal(0, 1, draws)), np.abs(rng.normal(0, 1, draws)) * scale
    u = tau_u[:, None] * rng.standard_normal((draws, SITES))
    v = tau_v[:, None] * rng.standard_normal((draws, SITES))
    share = rng.dirichlet(np.full(SITES, 1.2), draws)
    p = [expit(alpha[:, None] + u + x * (beta[:, None] + v)) for x in (-0.5, 0.5)]
    likelihood, present = np.ones(draws), np.ones(draws)
    for (arm, response), (inside, outside, possible) in CLASSES.items():
        chance = share * (p[arm] if response else 1 - p[arm])
        parts = (chance[:, EXCLUDED:].sum(axis=1), chance[:, :EXCLUDED].sum(axis=1))
        terms = by_number_excluded(inside, outside, possible, *parts) * 1e12
        likelihood *= terms.sum(axis=0)
        present *= terms[1:].sum(axis=0) if (arm, response) == (0, 1) else terms.sum(axis=0)
    difference = (share * (p[1] - p[0])).sum(axis=1)
    return {"beta": beta, "tau_u": tau_u, "risk_difference": difference}, likelihood, present


def estimate(value, weight):
    """Weighted mean and its standard error."""
    weight = weight / weight.sum()
    mean = float((weight * value).sum())
    return mean, float(np.sqrt((weight**2 * (value - mean) ** 2).sum()))


@pytest.fixture(scope="module", params=MODELS)
def sampled(request):
    rng = np.random.default_rng(20261122)
    parts = [weighted_draws(rng, 40_000, *MODELS[request.param]) for _ in range(10)]
    values = {name: np.concatenate([part[0][name] for part in parts]) for name in parts[0][0]}
    return request.param, values, np.concatenate([p[1] for p in parts]), np.concatenate([p[2] for p in parts])


def test_the_tracked_posterior_is_the_posterior(sampled):
    name, values, weight, _ = sampled
    assert weight.sum() ** 2 / (weight**2).sum() > 5000  # independent draws' worth
    summary = pd.read_csv(OUTPUTS / name / "summary.csv", index_col="name")
    for quantity, value in values.items():
        mean, error = estimate(value, weight)
        both = np.hypot(error, summary.loc[quantity, "mcse_mean"])
        assert abs(mean - summary.loc[quantity, "mean"]) < 4 * both, quantity
    ladder = pd.read_csv(OUTPUTS / name / "benefit.csv")
    for row in ladder[ladder["kind"] == "benefit"].itertuples():
        chance, error = estimate(values["risk_difference"] > row.threshold, weight)
        assert abs(chance - row.probability) < 4 * np.hypot(error, row.mcse), row.threshold


def test_that_the_two_sites_had_placebo_patients_hardly_matters(sampled):
    """A note of the trial says so: P(benefit) moves by less than 0.01 if that is added to what is known."""
    _, values, weight, present = sampled
    gain = values["risk_difference"] > 0
    (before, error), (after, error_after) = estimate(gain, weight), estimate(gain, present)
    assert abs(after - before) + 2 * np.hypot(error, error_after) < 0.02
    assert abs(after - before) < 0.01
