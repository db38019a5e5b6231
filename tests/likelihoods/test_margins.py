"""The margins likelihood against what it claims to be: a sum over the unknown sites of the patients."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bayes_lupil import Margins, load_model
from bayes_lupil.likelihoods import MarginsLikelihood

SPEC = load_model("site_effects")
EXACT = 1e-12
"""Relative: both sides are the same sums of products, rounded in another order."""

NOBODY_IMPOSSIBLE = Margins(((3, 5), (3, 4)), ((1, 3), (2, 2)), "pp", ("X",), 3)
TRIALS = {
    "open": NOBODY_IMPOSSIBLE,
    "one class impossible": replace(NOBODY_IMPOSSIBLE, impossible_at_excluded=((0, 0),)),
    "two classes impossible": replace(NOBODY_IMPOSSIBLE, impossible_at_excluded=((0, 0), (1, 1))),
    "two excluded sites": Margins(((2, 4), (4, 5)), ((1, 2), (3, 4)), "pp", ("X", "Y"), 3, ((0, 0),)),
    "an empty subset": Margins(((2, 4), (1, 4)), ((0, 0), (0, 0)), "pp", ("X",), 3),
    "12 patients": Margins(((3, 6), (4, 6)), ((2, 4), (3, 4)), "pp", ("X",), 3, ((0, 0),)),
}


def _points(likelihood: MarginsLikelihood, many: int, seed: int) -> list[dict[str, Any]]:
    drawn = likelihood.prior_draws(many, np.random.default_rng(seed))
    return [{name: value[i] for name, value in drawn.items()} for i in range(many)]


def _risks(point: dict[str, Any]) -> np.ndarray:
    """Response probability by site and arm, written out (centred coding)."""
    x = np.array([-0.5, 0.5])
    level = point["alpha"] + point["tau_u"] * point["e"]
    slope = point["beta"] + point["tau_v"] * point["f"]
    return 1 / (1 + np.exp(-(level[:, None] + slope[:, None] * x)))


def _patients(margins: Margins) -> list[tuple[int, int, bool]]:
    """(arm, response, in subset) of every patient, from the published totals alone."""
    found = []
    for arm in (0, 1):
        (r, n), (sub_r, sub_n) = margins.totals[arm], margins.subset_totals[arm]
        found += [(arm, 1, True)] * sub_r + [(arm, 0, True)] * (sub_n - sub_r)
        found += [(arm, 1, False)] * (r - sub_r) + [(arm, 0, False)] * (n - r - (sub_n - sub_r))
    return found


def _brute_force(margins: Margins, point: dict[str, Any]) -> float:
    """Log of the sum over every assignment of patients to sites, of the product over patients."""
    p, share, rho = _risks(point), point["site_share"], point["retention"]
    patients = _patients(margins)
    chance = np.zeros((len(patients), margins.n_sites))
    for i, (arm, response, in_subset) in enumerate(patients):
        for site in range(margins.n_sites):
            responds = p[site, arm] if response else 1 - p[site, arm]
            if site < len(margins.excluded_sites):
                possible = not in_subset and (arm, response) not in margins.impossible_at_excluded
                seen = 1.0 if possible else 0.0
            else:
                seen = rho[arm, response] if in_subset else 1 - rho[arm, response]
            chance[i, site] = share[site] * responds * seen
    assignments = np.array(list(itertools.product(range(margins.n_sites), repeat=len(patients))))
    products = np.ones(len(assignments))
    for i in range(len(patients)):
        products *= chance[i, assignments[:, i]]
    return float(np.log(products.sum()))


@pytest.mark.parametrize("margins", TRIALS.values(), ids=TRIALS)
def test_sum_over_all_assignments(margins: Margins) -> None:
    likelihood = MarginsLikelihood(SPEC, margins)
    for point in _points(likelihood, 3, seed=20260311):
        assert float(likelihood.log_likelihood(point)) == pytest.approx(_brute_force(margins, point), rel=EXACT)


def test_the_impossible_class_is_data() -> None:
    """Ruling out placebo non-responders at the excluded sites takes away just their chance of being there.

    One placebo non-responder lies outside the subset; with p the response probability at the excluded site X, its
    likelihood loses the term pi_X (1 - p_X0).
    """
    margins = NOBODY_IMPOSSIBLE
    (point,) = _points(MarginsLikelihood(SPEC, margins), 1, seed=20260312)
    before, after = (
        np.exp(MarginsLikelihood(SPEC, item).class_log_probability(point))
        for item in (margins, replace(margins, impossible_at_excluded=((0, 0),)))
    )
    changed = [item.label for item in margins.classes].index("control, non-responder, outside the subset")
    lost = point["site_share"][0] * (1 - _risks(point)[0, 0])
    assert before[changed] - after[changed] == pytest.approx(lost, rel=EXACT)
    np.testing.assert_allclose(np.delete(before, changed), np.delete(after, changed), rtol=EXACT)


@pytest.mark.parametrize("margins", TRIALS.values(), ids=TRIALS)
def test_class_probabilities_of_an_arm_sum_to_one(margins: Margins) -> None:
    """Together with the classes known to be empty, they are the cells of a multinomial."""
    likelihood = MarginsLikelihood(SPEC, margins)
    excluded = slice(0, len(margins.excluded_sites))
    for point in _points(likelihood, 20, seed=20260313):
        chance = np.exp(likelihood.class_log_probability(point))
        p, share = _risks(point), point["site_share"]
        for arm in (0, 1):
            total = sum(chance[i] for i, item in enumerate(margins.classes) if item.arm == arm)
            for impossible_arm, response in margins.impossible_at_excluded:
                if impossible_arm == arm:
                    responds = p[excluded, arm] if response else 1 - p[excluded, arm]
                    total += (share[excluded] * responds).sum()
            assert total == pytest.approx(1.0, abs=EXACT)


@pytest.mark.parametrize("name", ["open", "two excluded sites"])
def test_frequencies_of_simulated_patients(name: str) -> None:
    """Patients given a site, then a response, then a place in the subset, one step after another."""
    margins, many = TRIALS[name], 200_000
    likelihood = MarginsLikelihood(SPEC, margins)
    rng = np.random.default_rng(20260314)
    for point in _points(likelihood, 3, seed=20260315):
        expected = np.exp(likelihood.class_log_probability(point))
        p = _risks(point)
        for arm in (0, 1):
            site = rng.choice(margins.n_sites, size=many, p=point["site_share"])
            responds = rng.random(many) < p[site, arm]
            kept = rng.random(many) < point["retention"][arm][responds.astype(int)]
            subset = kept & (site >= len(margins.excluded_sites))
            ruled_out = np.zeros(many, dtype=bool)
            for impossible_arm, response in margins.impossible_at_excluded:
                here = site < len(margins.excluded_sites)
                ruled_out |= (impossible_arm == arm) & here & (responds == bool(response))
            for i, item in enumerate(margins.classes):
                if item.arm == arm:
                    seen = float((~ruled_out & (responds == bool(item.response)) & (subset == item.in_subset)).mean())
                    # 4 standard errors of a frequency; 48 comparisons in all give a false alarm in 0.3 % of seeds
                    error = np.sqrt(expected[i] * (1 - expected[i]) / many)
                    assert abs(seen - expected[i]) <= 4 * error + 1 / many, (item.label, seen, expected[i])


@pytest.mark.parametrize("margins", TRIALS.values(), ids=TRIALS)
def test_simulate_keeps_arm_totals(margins: Margins) -> None:
    likelihood = MarginsLikelihood(SPEC, margins)
    drawn = {name: value[None] for name, value in likelihood.prior_draws(50, np.random.default_rng(5)).items()}
    counts = likelihood.simulate(drawn, np.random.default_rng(6)).values
    assert counts.shape == (1, 50, 8)
    for arm in (0, 1):
        mine = [i for i, item in enumerate(margins.classes) if item.arm == arm]
        assert (counts[..., mine].sum(axis=-1) == margins.totals[arm][1]).all()


def test_simulate_follows_the_class_probabilities() -> None:
    """Means of simulated counts, given that the impossible class is empty, within 4 standard errors."""
    margins, many = TRIALS["one class impossible"], 20_000
    likelihood = MarginsLikelihood(SPEC, margins)
    (point,) = _points(likelihood, 1, seed=20260316)
    stacked = {name: np.broadcast_to(value, (many, *np.shape(value))) for name, value in point.items()}
    counts = likelihood.simulate(stacked, np.random.default_rng(20260317)).values
    chance = np.exp(likelihood.class_log_probability(point))
    for arm in (0, 1):
        mine = [i for i, item in enumerate(margins.classes) if item.arm == arm]
        n, p = margins.totals[arm][1], chance[mine] / chance[mine].sum()
        error = np.sqrt(n * p * (1 - p) / many)
        assert (np.abs(counts[:, mine].mean(axis=0) - n * p) <= 4 * error).all()


def test_an_empty_class_adds_nothing() -> None:
    """Nobody of a class with probability 0 was seen: log 0 times no patients is 0, not NaN."""
    margins = Margins(((2, 4), (1, 4)), ((2, 4), (1, 4)), "pp", ("X",), 3)
    likelihood = MarginsLikelihood(SPEC, margins)
    (point,) = _points(likelihood, 1, seed=1)
    point["retention"] = np.ones((2, 2))
    point["site_share"] = np.array([0.0, 0.5, 0.5])
    chance = likelihood.class_log_probability(point)
    assert np.isneginf(chance[likelihood.counts == 0]).all()
    assert np.isfinite(likelihood.log_likelihood(point))
    assert likelihood.pointwise(point).values.shape == (8,)


def test_pointwise_is_by_patient() -> None:
    margins = TRIALS["12 patients"]
    likelihood = MarginsLikelihood(SPEC, margins)
    (point,) = _points(likelihood, 1, seed=2)
    values = likelihood.pointwise(point).values
    assert values.shape == (12,)
    assert values.sum() == pytest.approx(float(likelihood.log_likelihood(point)), rel=EXACT)
