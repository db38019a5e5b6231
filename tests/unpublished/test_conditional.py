"""Fewer draws for what is computed often: the first of them, and models that ask for fewer."""

from __future__ import annotations

import numpy as np
import pytest

from bayes_lupil import Posterior, fit, load_model, load_trial
from bayes_lupil.unpublished.conditional import quicker, thinned


@pytest.fixture(scope="module")
def posterior() -> Posterior:
    return fit(load_model("site_effects"), load_trial("lupil2"))


def test_the_first_draws_of_every_chain(posterior: Posterior) -> None:
    few = thinned(posterior, 4000)
    chains = posterior.draws("beta").shape[0]
    assert few.draws("beta").shape == (chains, 4000 // chains)
    for name in ("beta", "u", "retention", "risk_difference"):
        assert np.array_equal(few.draws(name), posterior.draws(name)[:, : 4000 // chains])
    assert few.data["log_likelihood"].sizes["draw"] == 4000 // chains
    assert few.data["prior"].sizes == posterior.data["prior"].sizes
    assert few.verdict.ok
    assert few.verdict.min_ess_bulk <= 4000  # draws of one point are worth one
    assert few.diagnostics == posterior.diagnostics
    assert few.p_benefit is not None
    assert posterior.p_benefit is not None
    error = np.hypot(few.p_benefit.mcse, posterior.p_benefit.mcse)
    assert abs(few.p_benefit.probability - posterior.p_benefit.probability) < 4 * error


def test_where_there_are_no_more_nothing_changes(posterior: Posterior) -> None:
    assert thinned(posterior, 1_000_000) is posterior


@pytest.mark.parametrize(("draws", "expected", "points"), [(2000, 2000, 8192), (50_000, 4000, 16_384), (100, 100, 512)])
def test_a_quicker_model(draws: int, expected: int, points: int) -> None:
    spec = load_model("lupil2/site_effects")
    assert spec.sampler.points > 2**18
    assert spec.sampler.chains == 4
    found = quicker(spec, draws)
    assert found.sampler.draws == expected
    assert found.sampler.points == points
    assert found.priors == spec.priors
