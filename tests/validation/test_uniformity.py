"""The test of ranks: its false-alarm rate, and whether it finds a posterior that is wrong."""

from __future__ import annotations

import numpy as np
import pytest

from validation.uniformity import uniformity

DRAWS, SIMULATIONS = 99, 250


def _ranks(rng: np.random.Generator, fault: str) -> np.ndarray:
    """Calibration of a binomial trial of 20 patients with a Beta(1, 1) prior, whose posterior is a Beta."""
    n = 20
    p = rng.beta(1, 1, SIMULATIONS)
    y = rng.binomial(n, p)
    failures = n - y
    if fault == "every patient counted twice":
        y, failures = 2 * y, 2 * failures
    elif fault == "lost responders counted as failures":
        seen = rng.binomial(y, 0.8)
        y, failures = seen, failures + (y - seen)
    elif fault == "arms exchanged":
        y, failures = failures, y
    elif fault == "prior counted as data":
        y, failures = y + 3, failures + 3
    draws = rng.beta(1 + y[:, None], 1 + failures[:, None], (SIMULATIONS, DRAWS))
    return (draws < p[:, None]).sum(axis=1)


def test_false_alarms() -> None:
    """Of 500 right calibrations 10 % are to be rejected at most, within 4 standard errors, and some must be."""
    rng = np.random.default_rng(20260341)
    results = [uniformity(_ranks(rng, "none"), DRAWS) for _ in range(500)]
    error = np.sqrt(0.1 * 0.9 / 500)
    rejected = np.mean([not result.passes(0.1) for result in results])
    assert 0.02 < rejected < 0.1 + 4 * error
    for name in ("chi_square", "ecdf"):
        alarms = np.mean([getattr(result, name) < 0.1 for result in results])
        assert abs(alarms - 0.1) < 4 * error + 0.02, name  # 0.02: both statistics are discrete


@pytest.mark.parametrize(
    "fault",
    ["every patient counted twice", "lost responders counted as failures", "arms exchanged", "prior counted as data"],
)
def test_a_wrong_likelihood_is_found(fault: str) -> None:
    """At the false-alarm rate used for the stored ranks, in at least 45 of 50 calibrations."""
    rng = np.random.default_rng(20260342)
    found = [not uniformity(_ranks(rng, fault), DRAWS).passes(0.002) for _ in range(50)]
    assert np.sum(found) >= 45


@pytest.mark.parametrize(
    ("ranks", "draws", "words"),
    [
        ([*range(100), 100], 99, "required: 0 to 99"),
        ([-1, *range(99)], 99, "required: 0 to 99"),
        (list(range(100)), 98, "required: 0 to 98"),
        (list(range(98)) * 2, 97, "required: a divisor"),
        (list(range(99)), 99, "at least 5 expected"),
    ],
)
def test_refusals(ranks: list[int], draws: int, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        uniformity(ranks, draws)
