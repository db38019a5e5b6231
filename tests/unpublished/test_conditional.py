"""Fewer draws for what is computed often: the first of them, and models that ask for fewer."""

from __future__ import annotations

import numpy as np
import pytest

from bayes_lupil import Posterior, fit, load_model, load_trial
from bayes_lupil.unpublished.conditional import HiddenDraws, hidden_classes, margins_of, quicker, thinned


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


@pytest.mark.parametrize("known", [{}, {"control_responders": 2}, {"control_responders": 3, "active_responders": 1}])
def test_effective_draws_of_a_whole_table_are_those_of_each_value(posterior: Posterior, known: dict[str, int]) -> None:
    margins = margins_of(posterior)
    draws = HiddenDraws(posterior, margins, hidden_classes(margins, posterior.trial.arms.names), known)
    for names in (
        ("control_responders",),
        ("active_responders", "active_nonresponders"),
        tuple(c.name for c in draws.counts),
    ):
        for shift in (0, 1, 5):
            wanted = {c.name: c.values[min(shift, len(c.values) - 1)] for c in draws.counts if c.name in names}
            logs = draws.log_ratio(wanted)
            weights = np.exp(logs - logs.max())
            assert draws.rough_effective(wanted) == pytest.approx(weights.sum() ** 2 / (weights**2).sum(), rel=1e-9)
