"""Calibration of models with countries: the stored ranks, their age, the simulator, and whether faults are found."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from bayes_lupil import ModelSpec, load_model
from bayes_lupil.engines import quadrature
from bayes_lupil.engines.draws import Draws
from bayes_lupil.likelihoods import NestedCells
from bayes_lupil.operating.staleness import model_hash
from tests.proofs import FIT
from validation.sbc_nested import (
    DESIGNS,
    POINTS,
    SETTINGS,
    NestedCalibration,
    NestedDesign,
    calibrate_nested,
    current_hash,
    one_truth,
    read_results,
    simulate_nested,
    true_values,
)
from validation.uniformity import uniformity

STORED = Path(__file__).with_name("sbc_nested.json")
RENEW = "python -W ignore -m validation.sbc_nested"
FALSE_ALARM = 0.01
"""Chance that a right calibration fails when it is renewed, over designs, quantities and both tests (Bonferroni)."""
EACH = FALSE_ALARM / sum(len(design.quantities) for design in DESIGNS.values())
BINS = 16
MAY_FAIL = 0.05
"""Share of fits whose verdict may fail, of 1,024 points each; measured: 0.5 % to 4 %."""


@pytest.fixture(scope="module")
def stored() -> dict[str, NestedCalibration]:
    return read_results(STORED)


def _spec(model: str) -> ModelSpec:
    """With as many points as the stored ranks were made with."""
    return load_model(model).edited(sampler__points=POINTS)


def _rejected(found: NestedCalibration) -> dict[str, float]:
    """Quantities whose ranks are not uniform, at the false-alarm rate of the stored ranks, with the smaller p-value."""
    results = {name: uniformity(ranks, found.draws, BINS) for name, ranks in found.ranks.items()}
    return {name: min(r.chi_square, r.ecdf) for name, r in results.items() if not r.passes(EACH)}


@pytest.mark.parametrize("design", DESIGNS)
def test_ranks_are_uniform(stored: dict[str, NestedCalibration], design: str) -> None:
    """The smallest of 74 p-values, 0.0004, is that of beta in 'large sites'. For that reason three more runs of 300
    trials each were made (seeds 77, 78, 79): p = 0.64, mean rank 0.499 (0.010).
    """
    found = stored[design]
    assert found.design == asdict(DESIGNS[design])
    assert set(found.ranks) == set(DESIGNS[design].quantities)
    assert all(len(ranks) == found.simulations >= 200 for ranks in found.ranks.values())
    assert _rejected(found) == {}
    assert len(found.failures) <= MAY_FAIL * found.simulations
    assert found.repeated == 0


def test_ranks_could_have_shown_a_fault(stored: dict[str, NestedCalibration]) -> None:
    """Had the posterior been the prior, ranks would be uniform whatever the likelihood."""
    for name in ("alpha", "tau_c", "risk_difference", "c"):
        assert stored["large sites"].spread[name] < 0.8, name


def test_shifted_ranks_are_refused(stored: dict[str, NestedCalibration]) -> None:
    """The same ranks, had every true value been two thirds of a posterior SD higher (about 64 ranks of 256)."""
    for found in stored.values():
        shifted = {name: [min(r + 64, found.draws) for r in ranks] for name, ranks in found.ranks.items()}
        assert set(_rejected(replace(found, ranks=shifted))) == set(found.ranks)


def test_stored_ranks_are_of_this_code(stored: dict[str, NestedCalibration]) -> None:
    """Not a failure of the method, but of its proof: the ranks were made by other code or another model."""
    for found in stored.values():
        now = current_hash(), model_hash(_spec(found.model), SETTINGS)
        told = (
            f"{STORED.name} ({found.created}) is out of date: code or model '{found.model}' changed. Renew it: {RENEW}"
        )
        assert (found.code_hash, found.model_hash) == now, told


@pytest.mark.parametrize("model", ["site_in_country", "country_outliers"])
def test_simulated_trials_follow_the_likelihood(model: str) -> None:
    """The simulator and the likelihood share no code: log likelihood to rounding, mean responders within 4 errors."""
    spec, rng, many, design = load_model(model), np.random.default_rng(20260371), 2000, NestedDesign(3, 2, 7, model)
    truth = one_truth(spec, design, rng)
    truth.pop("shift", None)  # which the likelihood makes of standardised deviations
    tables = [simulate_nested(spec, truth, design, rng) for _ in range(many)]
    likelihood = NestedCells(load_model("site_in_country"), tables[0])
    values = {name: value for name, value in truth.items() if name != "country_outlier_share"}
    p = likelihood.probabilities(values)
    mean = np.mean([table.responders for table in tables], axis=0)
    assert (np.abs(mean - 7 * p) < 4 * np.sqrt(7 * p * (1 - p) / many) + 1e-12).all()
    true = true_values(likelihood, truth, design)
    assert true["log_likelihood"] == pytest.approx(float(likelihood.log_likelihood(values)), rel=1e-12)
    above = likelihood.sites.country_effects(values)
    assert (true["c"], true["d"]) == pytest.approx((above["c"][0], above["d"][0]))


def _shrunk(likelihood: NestedCells) -> Draws:
    """The countries' effects shrunk by a third, their SDs left as they are."""
    found = quadrature.sample(likelihood)
    return replace(found, values=found.values | {n: 0.67 * found.values[n] for n in ("c", "d")})


@pytest.mark.proof(*FIT)
def test_a_fault_is_found(stored: dict[str, NestedCalibration]) -> None:
    """In 100 trials, half of what is stored, at the same false-alarm rate."""
    found = stored["large sites"]
    faulty = calibrate_nested(_spec(found.model), DESIGNS["large sites"], 100, found.seed, fit=_shrunk)
    assert "log_likelihood" in _rejected(faulty)


@pytest.mark.proof(*FIT)
@pytest.mark.parametrize("design", DESIGNS)
def test_live_run(stored: dict[str, NestedCalibration], design: str) -> None:
    """The first 5 simulations again: ranks as far apart as two sets of draws would be, at most."""
    found = stored[design]
    live = calibrate_nested(_spec(found.model), DESIGNS[design], 5, found.seed)
    for name, ranks in live.ranks.items():
        then, now = np.array(found.ranks[name][:5]), np.array(ranks)
        p = (then + now + 2) / (2 * found.draws + 4)
        assert (np.abs(then - now) <= 4 * np.sqrt(2 * found.draws * p * (1 - p))).all(), (name, then, now)
