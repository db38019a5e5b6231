"""Average responses over sites, against the equations of the docstring written out with SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, logit

from bayes_lupil.integrals.kernel_responses import average_responses

LEVELS = np.array([0.4, 0.9])


def case(size: float, x: tuple[float, float], seed: int = 3) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Inputs for seven sites, the first two excluded, and what the kernel fills."""
    rng = np.random.default_rng(seed)
    given = {
        "share": rng.dirichlet(np.ones(7), 50), "effects": size * rng.standard_normal((50, 7, 2)), "x": np.array(x),
        "alpha": rng.standard_normal(50), "beta": rng.standard_normal(50),
    }  # fmt: skip
    moved = {name: given[name].copy() for name in ("alpha", "beta")}
    chances = np.empty((50, 2, 2, 2))
    average_responses(given["share"], given["effects"], LEVELS, given["x"], moved["alpha"], moved["beta"], 2, chances)
    return given | {f"new {name}": value for name, value in moved.items()}, chances


@pytest.mark.parametrize("x", [(-0.5, 0.5), (0.0, 1.0), (1.0, 0.0)])
@pytest.mark.parametrize("size", [0.0, 0.3, 2.0, 8.0])
def test_the_average_response_stays_where_it_was_observed(size: float, x: tuple[float, float]) -> None:
    given, _ = case(size, x)
    average = (given["share"][..., None] * expit(LEVELS + given["effects"])).sum(axis=1)
    for arm in (0, 1):
        before, now = (given[f"{word}alpha"] + x[arm] * given[f"{word}beta"] for word in ("", "new "))
        np.testing.assert_allclose(now - before, LEVELS[arm] - logit(average[:, arm]), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("size", [0.0, 0.3, 2.0, 8.0, 400.0])
def test_chances_are_sums_over_the_sites(size: float) -> None:
    given, chances = case(size, (-0.5, 0.5))
    base = given["new alpha"][:, None] + given["new beta"][:, None] * given["x"]
    eta = base[:, None] + given["effects"]
    for response, sign in ((0, -1), (1, 1)):
        by_site = given["share"][..., None] * expit(sign * eta)
        np.testing.assert_allclose(chances[:, :, response, 1], by_site[:, :2].sum(axis=1), rtol=1e-11)
        np.testing.assert_allclose(chances[:, :, response, 0], by_site[:, 2:].sum(axis=1), rtol=1e-11)


def test_effects_beyond_all_numbers_are_told_by_what_is_no_number() -> None:
    given, chances = case(1e4, (-0.5, 0.5))
    told = np.isfinite(given["new alpha"]) & np.isfinite(given["new beta"])
    assert 0 < told.sum() < 50  # in some draws every site is on one side, and the average response is 0 or 1
    np.testing.assert_allclose(chances[told].sum(axis=(2, 3)), 1.0, rtol=1e-12)
