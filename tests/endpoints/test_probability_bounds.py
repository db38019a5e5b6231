"""Fréchet bounds: reached by extreme joint distributions, never crossed by others."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayes_lupil.endpoints.probability_bounds import cumulative_bounds, frechet
from bayes_lupil.errors import InputError

chances = st.lists(st.floats(0, 1), min_size=1, max_size=5)


@given(chances, st.integers(0, 2**32 - 1))
def test_any_joint_distribution_lies_within(p, seed) -> None:
    """Events cut from one uniform variable each, mixed from comonotone, countermonotone and independent ones."""
    rng = np.random.default_rng(seed)
    u = rng.random((2000, len(p)))
    common = rng.random(2000) < rng.random()
    u[common] = u[common][:, :1]
    events = u < np.array(p)
    seen = events.mean(axis=0)
    found = frechet(seen, np.zeros(len(p)))
    joint = events.all(axis=1).mean()
    assert found.lower - 1e-12 <= joint <= found.upper + 1e-12


def test_both_bounds_are_reached() -> None:
    u = (np.arange(10_000) + 0.5) / 10_000
    one, two = u < 0.7, u < 0.6
    assert (one & two).mean() == pytest.approx(frechet([0.7, 0.6], [0, 0]).upper)
    assert (one & (u >= 0.4)).mean() == pytest.approx(frechet([0.7, 0.6], [0, 0]).lower)


@given(chances)
def test_steps_only_narrow_downwards(p) -> None:
    steps = cumulative_bounds(p, [0.01] * len(p))
    assert len(steps) == len(p)
    assert steps[0].lower == pytest.approx(p[0])
    assert steps[0].upper == p[0]
    for before, after in pairwise(steps):
        assert after.upper <= before.upper
        assert after.lower <= before.lower + 1e-12
        assert 0 <= after.lower <= after.upper + 1e-12


def test_errors_of_the_bounds() -> None:
    found = frechet([0.9, 0.8, 0.95], [0.003, 0.004, 0.0])
    assert found.lower_mcse == pytest.approx(0.005)
    assert found.upper_mcse == 0.004
    assert frechet([0.9, 0.8, 0.95], [0.003, 0.004, 0.0], independent=False).lower_mcse == pytest.approx(0.007)
    assert frechet([0.2, 0.3], [0.01, 0.01]).lower_mcse == 0


@pytest.mark.parametrize(("p", "e"), [([], []), ([0.5], []), ([1.2], [0.1]), ([float("nan")], [0.1])])
def test_what_is_refused(p, e) -> None:
    with pytest.raises(InputError):
        frechet(p, e)
