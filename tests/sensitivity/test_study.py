"""The claim of every Monte Carlo error: stored studies of it, up to date and passed, and a sample of one done again.

`study.py` says what was done. Stated errors may be too large: importance points are spread more evenly than independent
ones, which brings most direct results closer to the truth than their error says, and the draws that nobody saw
(`convergence.UNSEEN`) weigh where a probability is next to 0 or 1. They may not be too small.
"""

from __future__ import annotations

import numpy as np
import pytest

from bayes_lupil.operating.staleness import code_hash
from tests.proofs import FIT
from tests.sensitivity import study

FURTHEST = 5.0
TOO_SMALL = 1.25
"""SD over seeds, over the error stated; 200 seeds tell an SD to 5 %, and errors are a tenth of P's own error apart."""
SAMPLE = 20


@pytest.fixture(scope="module")
def stored():
    return study.read()


@pytest.fixture(scope="module")
def densities(stored):
    if "densities" not in stored:
        pytest.skip(f"not made yet for the rules of today: {study.GENERATOR} densities")
    return stored["densities"]["results"]


@pytest.mark.parametrize("name", ["spread", "far"])
def test_stored_studies_are_of_this_code(stored, name):
    assert stored[name]["code_hash"] == code_hash(study.DEPENDS_ON), f"run {study.GENERATOR} {name}"


def test_densities_of_sites_are_as_right(stored, densities):
    assert stored["densities"]["code_hash"] == code_hash(study.DENSITIES_DEPEND_ON), f"run {study.GENERATOR} densities"
    for setting in study.SETTINGS:
        for name, item in densities[setting].items():
            assert item["sd"] <= TOO_SMALL * item["stated"], (setting, name)
            assert item["furthest"] <= FURTHEST, (setting, name)
    for case in densities["far"]:
        assert abs(case["furthest"].get("loo_sites", 0.0)) <= FURTHEST, case["number"]


def quantities(stored):
    for setting, results in stored["spread"]["results"].items():
        for name, item in results.items():
            yield setting, name, item


def test_every_setting_and_function_was_looked_at(stored):
    results = stored["spread"]["results"]
    assert set(results) == set(study.SETTINGS)
    assert len(results) >= 10
    functions = {name.split(":")[0].split()[0] for _, name, _ in quantities(stored)}
    assert functions == {"direct", "site_table", *study.FUNCTIONS}
    for setting, found in results.items():
        assert max(item["fits"] for item in found.values()) == study.SEEDS, setting
    chances = [item["mean"] for _, name, item in quantities(stored) if "p_benefit" in name]
    for low, high in ((0, 0.02), (0.4, 0.6), (0.98, 1)):
        assert sum(low <= chance <= high for chance in chances) >= 5, (low, high)
    share = [item["refitted"] for _, name, item in quantities(stored) if not name.startswith("direct")]
    assert np.mean(np.array(share) > 0.9) > 0.1  # both ways to a result are among them
    assert np.mean(np.array(share) < 0.1) > 0.1


def test_no_stated_error_is_too_small(stored):
    small = {
        (setting, name): round(item["sd"] / item["stated"], 2)
        for setting, name, item in quantities(stored)
        if item["fits"] >= 40 and item["sd"] > TOO_SMALL * item["stated"]
    }
    assert small == {}


def test_stated_errors_are_not_idle(stored):
    """Too large they may be, but not without bound: over quantities away from 0 and 1, half as large at the least."""
    ratios = [
        item["sd"] / item["stated"]
        for _, name, item in quantities(stored)
        if item["fits"] >= 40 and ("p_" not in name or 0.02 < item["mean"] < 0.98)
    ]
    assert len(ratios) > 100
    assert np.median(ratios) > 0.5


def test_no_result_of_any_seed_is_far_off(stored):
    far = {
        (setting, name): item["furthest"] for setting, name, item in quantities(stored) if item["furthest"] > FURTHEST
    }
    assert far == {}


def test_no_reweighted_result_is_far_from_a_direct_fit(stored):
    cases = stored["far"]["results"]
    assert [case["number"] for case in cases] == list(range(study.TRIALS))
    assert sum(case["compared"] for case in cases) > 20_000
    assert {name for case in cases for name in case["furthest"]} == set(study.FUNCTIONS)
    far = {
        (case["number"], name): distance
        for case in cases
        for name, distance in case["furthest"].items()
        if abs(distance) > FURTHEST
    }
    assert far == {}


@pytest.mark.proof(*FIT, "sites", "sensitivity")
def test_a_sample_of_the_cases_is_so_again(stored):
    """Which ones follows from the code, so that a change of it looks at others."""
    rng = np.random.default_rng(int(code_hash(study.DEPENDS_ON)[:12], 16))
    compared = 0
    for number in rng.choice(study.TRIALS, SAMPLE, replace=False).tolist():
        theirs = stored["far"]["results"][number]["direct"]
        for function, name, distance in study.distances(study.reweighted(number, 10 * number), theirs):
            compared += 1
            assert abs(distance) <= FURTHEST, (number, function, name)
    assert compared > 20 * SAMPLE


def test_the_comparison_can_fail():
    """A result moved by 6 of its errors is seen."""
    theirs = {"power_scale": {"beta": (0.5, 0.01)}}
    [(_, _, distance)] = study.distances({"power_scale": {"beta": (0.5 + 6 * np.hypot(0.01, 0.02), 0.02)}}, theirs)
    assert distance == pytest.approx(6.0)
