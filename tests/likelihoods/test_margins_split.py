"""Margins of which it is known how many patients of a class are at the excluded sites."""

from __future__ import annotations

import itertools
from dataclasses import replace
from math import comb, lgamma
from typing import Any

import numpy as np
import pytest

from bayes_lupil import Margins, load_model, load_trial
from bayes_lupil.errors import TrialError
from bayes_lupil.likelihoods import MarginsLikelihood

SPEC = load_model("site_effects")
EXACT = 1e-12
"""Relative: both sides are the same sums of products, rounded in another order."""

OPEN = Margins(((4, 6), (4, 5)), ((1, 2), (1, 2)), "pp", ("X", "Y"), 4, ((0, 0),))
SPLITS = {
    "one count": ((0, 1, 2),),
    "one count, nobody": ((1, 0, 0),),
    "all counts": ((0, 1, 1), (1, 1, 3), (1, 0, 0)),
    "everybody at the excluded sites": ((0, 1, 3), (1, 1, 3)),
}


def _points(likelihood: MarginsLikelihood, many: int, seed: int) -> list[dict[str, Any]]:
    drawn = likelihood.prior_draws(many, np.random.default_rng(seed))
    return [{name: value[i] for name, value in drawn.items()} for i in range(many)]


def _patients(margins: Margins) -> list[tuple[int, int, bool]]:
    found = []
    for arm in (0, 1):
        (r, n), (sub_r, sub_n) = margins.totals[arm], margins.subset_totals[arm]
        found += [(arm, 1, True)] * sub_r + [(arm, 0, True)] * (sub_n - sub_r)
        found += [(arm, 1, False)] * (r - sub_r) + [(arm, 0, False)] * (n - r - (sub_n - sub_r))
    return found


def _by_split(margins: Margins, point: dict[str, Any]) -> dict[tuple[int, ...], float]:
    """Sum of products over all assignments of patients to sites, by how many of each class are at excluded sites.

    Keys are the numbers of (control responders, active responders, active non-responders) there.
    """
    x = np.array([-0.5, 0.5])
    level = point["alpha"] + point["tau_u"] * point["e"]
    slope = point["beta"] + point["tau_v"] * point["f"]
    p = 1 / (1 + np.exp(-(level[:, None] + slope[:, None] * x)))
    kinds = [(0, 1), (1, 1), (1, 0)]
    sums: dict[tuple[int, ...], float] = {(0, 0, 0): 1.0}
    for arm, response, in_subset in _patients(margins):
        after: dict[tuple[int, ...], float] = {}
        for so_far, product in sums.items():
            for site in range(margins.n_sites):
                responds = p[site, arm] if response else 1 - p[site, arm]
                keep = point["retention"][arm, response]
                key = list(so_far)
                if site < 2:
                    if in_subset or (arm, response) not in kinds:
                        continue
                    seen = 1.0
                    key[kinds.index((arm, response))] += 1
                else:
                    seen = keep if in_subset else 1 - keep
                chance = point["site_share"][site] * responds * seen
                after[tuple(key)] = after.get(tuple(key), 0.0) + product * chance
        sums = after
    return sums


@pytest.mark.parametrize("split", SPLITS.values(), ids=SPLITS)
def test_sum_over_the_assignments_with_that_split(split: tuple[tuple[int, int, int], ...]) -> None:
    """Assignments of named patients: which of a class are the ones there is a factor that no parameter enters."""
    likelihood = MarginsLikelihood(SPEC, replace(OPEN, at_excluded=split))
    kinds = [(0, 1), (1, 1), (1, 0)]
    sizes = [3, 3, 0]  # outside the subset
    for point in _points(likelihood, 3, seed=20260401):
        total = 0.0
        for key, value in _by_split(OPEN, point).items():
            if all(key[kinds.index((arm, response))] == there for arm, response, there in split):
                total += value
        ways = np.prod([comb(sizes[kinds.index((arm, response))], there) for arm, response, there in split])
        assert float(likelihood.log_likelihood(point)) == pytest.approx(np.log(total / ways), rel=EXACT)


def test_splits_add_up_to_the_undivided_likelihood() -> None:
    """Law of total probability: over every split, with the number of ways to choose the patients."""
    (point,) = _points(MarginsLikelihood(SPEC, OPEN), 1, seed=20260402)
    total = 0.0
    for k, j in itertools.product(range(4), range(4)):
        divided = MarginsLikelihood(SPEC, replace(OPEN, at_excluded=((0, 1, k), (1, 1, j))))
        total += comb(3, k) * comb(3, j) * np.exp(float(divided.log_likelihood(point)))
    undivided = float(MarginsLikelihood(SPEC, OPEN).log_likelihood(point))
    assert np.log(total) == pytest.approx(undivided, rel=EXACT)


@pytest.mark.parametrize(
    ("model", "power"),
    [("site_effects", 1.0), ("site_effects", 0.4), ("site_effects", 0.0), ("site_in_country", 1.0)],
)
def test_pymc_density_equals_numpy_density(model: str, power: float) -> None:
    """Joint log densities at draws from the prior, constants included."""
    lupil2 = load_trial("lupil2").data
    assert isinstance(lupil2, Margins)
    margins = replace(lupil2, at_excluded=((0, 1, 5), (1, 1, 14), (1, 0, 0)))
    likelihood = MarginsLikelihood(load_model(model), margins, excluded_power=power)
    from pymc.model.transform.conditioning import remove_value_transforms
    from pytensor.compile.mode import Mode

    model = remove_value_transforms(likelihood.pymc_model())
    density = model.compile_fn(model.logp(jacobian=False), mode=Mode(linker="py", optimizer="fast_run"))
    for point in _points(likelihood, 5, seed=20260403):
        assert float(density(point)) == pytest.approx(float(likelihood.log_joint(point)), rel=1e-10)


def test_countries_without_a_spread_are_none() -> None:
    """With SDs of 0 between countries, and so effects of 0, the likelihood is that of sites alone."""
    lupil2 = load_trial("lupil2").data
    assert isinstance(lupil2, Margins)
    within = MarginsLikelihood(load_model("site_in_country"), lupil2)
    alone = MarginsLikelihood(load_model("lupil2/site_effects"), lupil2)
    assert within.coords["country"][0] == "Bulgaria"
    for point in _points(within, 5, seed=20260405):
        still = point | {"tau_c": np.float64(0), "tau_d": np.float64(0)}
        assert float(within.log_likelihood(still)) == float(alone.log_likelihood(still))
        assert abs(float(within.log_likelihood(point)) - float(alone.log_likelihood(point))) > 1e-6


def test_power_is_on_the_patients_at_the_excluded_sites_alone() -> None:
    margins = replace(OPEN, at_excluded=((0, 1, 2), (1, 1, 1)))
    (point,) = _points(MarginsLikelihood(SPEC, margins), 1, seed=20260404)
    full, half, none = (
        float(MarginsLikelihood(SPEC, margins, excluded_power=power).log_likelihood(point)) for power in (1, 0.5, 0)
    )
    share, x = point["site_share"][:2], np.array([-0.5, 0.5])
    level = point["alpha"] + point["tau_u"] * point["e"][:2]
    slope = point["beta"] + point["tau_v"] * point["f"][:2]
    p = 1 / (1 + np.exp(-(level[:, None] + slope[:, None] * x)))
    there = 2 * np.log(share @ p[:, 0]) + np.log(share @ p[:, 1])
    assert full - none == pytest.approx(there, rel=1e-10)
    assert full - half == pytest.approx(there / 2, rel=1e-10)


def test_at_power_zero_the_ordinary_sites_are_a_trial_of_their_own() -> None:
    """A trial of the ordinary sites alone, its shares a Dirichlet of its own, up to a factor (1 - excluded share)^n.

    The ratio of two points that share everything at the ordinary sites must be that factor and nothing else.
    """
    margins = replace(OPEN, at_excluded=((0, 1, 2), (1, 1, 1), (1, 0, 0)))
    likelihood = MarginsLikelihood(SPEC, margins, excluded_power=0.0)
    first, second = _points(likelihood, 2, seed=20260405)
    within = first["site_share"][2:] / first["site_share"][2:].sum()
    rest = second["site_share"][:2].sum()
    moved = {
        **first,
        "site_share": np.concatenate([second["site_share"][:2], within * (1 - rest)]),
        "e": np.concatenate([second["e"][:2], first["e"][2:]]),
    }
    elsewhere = len(_patients(margins)) - 3
    expected = elsewhere * (np.log1p(-rest) - np.log1p(-first["site_share"][:2].sum()))
    got = float(likelihood.log_likelihood(moved) - likelihood.log_likelihood(first))
    assert got == pytest.approx(expected, rel=1e-10)


def test_classes_and_totals_of_a_split() -> None:
    margins = replace(OPEN, at_excluded=((0, 1, 2),))
    counts = {item.label: item.count for item in margins.classes}
    assert counts["control, responder, outside the subset"] == 1
    assert counts["control, responder, at an excluded site"] == 2
    assert sum(counts.values()) == 11
    drawn = MarginsLikelihood(SPEC, margins).prior_draws(20, np.random.default_rng(1))
    simulated = MarginsLikelihood(SPEC, margins).simulate(drawn, np.random.default_rng(2)).values
    arms = np.array([item.arm for item in margins.classes])
    assert (simulated[:, arms == 0].sum(axis=1) == 6).all()
    assert (simulated[:, arms == 1].sum(axis=1) == 5).all()


def test_a_trial_without_known_counts_keeps_its_content() -> None:
    assert "at_excluded" not in OPEN.content()
    assert replace(OPEN, at_excluded=((0, 1, 2),)).content()["at_excluded"] == [[0, 1, 2]]


@pytest.mark.parametrize(
    ("split", "what"),
    [
        (((0, 1, 4),), "4 patients of arm 0"),
        (((0, 1, -1),), "-1 patients"),
        (((0, 0, 0),), "response 0"),
        (((0, 1, 1), (0, 1, 2)), "named twice"),
    ],
)
def test_impossible_counts_are_refused(split: tuple[tuple[int, int, int], ...], what: str) -> None:
    with pytest.raises(TrialError, match=what):
        replace(OPEN, at_excluded=split)


def test_probability_of_a_split_is_binomial() -> None:
    """Enumerated assignments of named patients against Binomial(m, q) for each class, at fixed parameters."""
    (point,) = _points(MarginsLikelihood(SPEC, OPEN), 1, seed=20260406)
    sums = _by_split(OPEN, point)
    total = sum(sums.values())
    x = np.array([-0.5, 0.5])
    level = point["alpha"] + point["tau_u"] * point["e"]
    slope = point["beta"] + point["tau_v"] * point["f"]
    p = 1 / (1 + np.exp(-(level[:, None] + slope[:, None] * x)))
    for axis, arm in ((0, 0), (1, 1)):
        by_site = point["site_share"] * p[:, arm] * np.where(np.arange(4) < 2, 1, 1 - point["retention"][arm, 1])
        q = by_site[:2].sum() / by_site.sum()
        for there in range(4):
            seen = sum(value for key, value in sums.items() if key[axis] == there) / total
            ways = lgamma(4) - lgamma(there + 1) - lgamma(4 - there)
            binomial = np.exp(ways + there * np.log(q) + (3 - there) * np.log1p(-q))
            assert seen == pytest.approx(binomial, rel=1e-10)
