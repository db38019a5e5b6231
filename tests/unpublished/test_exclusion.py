"""The path from 'kept' to 'left out' for margins with a known split, against brute force at draws from the prior."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bayes_lupil import Arms, Cells, EndPoint, Margins, Trial, load_model
from bayes_lupil.engines.draws import Draws
from bayes_lupil.errors import InputError
from bayes_lupil.likelihoods import build_likelihood
from bayes_lupil.posterior import Posterior
from bayes_lupil.sensitivity.reweighting import WeightedDraws
from bayes_lupil.unpublished.exclusion import margins_path, path_frame

ERRORS = 4.0
KNOWN = {"control_responders": 3, "active_responders": 1, "active_nonresponders": 2}


def _resample(likelihood, progress=False):
    """In place of a sampler: prior draws, weighted and drawn again, with next to no noise against ties."""
    rng = np.random.default_rng(likelihood.spec.sampler.seed)
    values = likelihood.prior_draws(200_000, rng)
    weight = likelihood.log_likelihood(values)
    weight = np.exp(weight - weight.max())
    chosen = rng.choice(weight.size, size=(4, 2000), p=weight / weight.sum())
    picked = {name: value[chosen] * (1 + 1e-6 * rng.random(value[chosen].shape)) for name, value in values.items()}
    return Draws(picked, {"diverging": np.zeros((4, 2000), dtype=bool)}, "resampling for tests", {})


@pytest.fixture(scope="module")
def small_margins():
    margins = Margins(((5, 9), (6, 10)), ((2, 4), (3, 5)), "pp", ("X", "Y"), 4, ((0, 0),))
    table = Cells(("A",), np.array([[1, 2]]), np.array([[5, 5]]))
    trial = replace(Trial.from_cells(table, Arms("placebo", "drug"), EndPoint("cure", "Cure")), data=margins)
    likelihood = build_likelihood(load_model("site_effects"), trial)
    return Posterior.from_draws(likelihood, _resample(likelihood), trial)


@pytest.fixture(scope="module")
def prior_weights():
    """Priors of the model file and the likelihood with the split, written out; nothing of the package."""
    rng, many, sites = np.random.default_rng(20260601), 300_000, 4
    alpha, beta = rng.normal(0, 1.5, many), rng.normal(0, 1, many)
    tau_u, tau_v = np.abs(rng.normal(0, 1, many)), np.abs(rng.normal(0, 0.5, many))
    level = alpha[:, None] + tau_u[:, None] * rng.normal(size=(many, sites))
    slope = beta[:, None] + tau_v[:, None] * rng.normal(size=(many, sites))
    p = {arm: 1 / (1 + np.exp(-(level + x * slope))) for arm, x in ((0, -0.5), (1, 0.5))}
    share, rho = rng.dirichlet([1.2] * sites, many), rng.uniform(size=(many, 2, 2))
    ordinary, there = np.ones(many), np.ones(many)
    # (arm, response, in the subset, outside it at ordinary sites, at the excluded sites)
    for arm, r, inside, outside, excluded in ((0, 1, 2, 0, 3), (0, 0, 2, 2, 0), (1, 1, 3, 2, 1), (1, 0, 2, 0, 2)):
        by_site = share * (p[arm] if r else 1 - p[arm])
        elsewhere = by_site[:, 2:].sum(axis=1)
        ordinary *= elsewhere ** (inside + outside) * rho[:, arm, r] ** inside * (1 - rho[:, arm, r]) ** outside
        there *= by_site[:, :2].sum(axis=1) ** excluded
    effect = p[1] - p[0]
    rest = share[:, 2:]
    return ordinary, there, (share * effect).sum(axis=1), (rest * effect[:, 2:]).sum(axis=1) / rest.sum(axis=1)


def _mean(weights, values):
    mean = float(weights @ values / weights.sum())
    return mean, float(np.sqrt((weights**2 * (values - mean) ** 2).sum()) / weights.sum())


@pytest.mark.parametrize("refit", [False, True])
def test_every_power_against_brute_force(monkeypatch, small_margins, prior_weights, refit):
    posterior = small_margins
    monkeypatch.setattr("bayes_lupil.unpublished.exclusion.run_engine", _resample)
    if refit:
        # weights that are not all alike do not carry
        monkeypatch.setattr(WeightedDraws, "sound", property(lambda self: self.unchanged))
    points = margins_path(posterior, KNOWN, powers=(1, 0.8, 0))
    assert [point.refitted for point in points] == [False, refit, True]  # too few draws would be left at 0
    ordinary, there, difference, at_ordinary = prior_weights
    for point in points:
        weights = ordinary * there**point.power
        for ours, error, values in (
            (point.p_benefit, point.p_benefit_mcse, (difference > 0).astype(float)),
            (point.risk_difference, point.risk_difference_mcse, difference),
            (point.risk_difference_ordinary, point.risk_difference_ordinary_mcse, at_ordinary),
        ):
            theirs, their_error = _mean(weights, values)
            assert abs(ours - theirs) <= ERRORS * np.hypot(error, their_error), (point, theirs)
    assert list(path_frame(points).index) == [1, 0.8, 0]


def test_refusals(small_margins):
    posterior = small_margins
    with pytest.raises(InputError, match="control_responders, active_responders"):
        margins_path(posterior, {"control_responders": 1})
    with pytest.raises(InputError, match="between 0 and 1"):
        margins_path(posterior, KNOWN, powers=(1.5,))
