"""Simulation-based calibration of margins by importance sampling: the stored ranks, their age, and a live run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bayes_lupil import load_model
from bayes_lupil.likelihoods import MarginsLikelihood
from bayes_lupil.operating.staleness import model_hash
from tests.proofs import FIT
from validation import sbc_margins
from validation.sbc_margins import Calibration, SmallTrial, calibrate, current_hash, simulate_margins
from validation.uniformity import uniformity

FILES = {known: Path(__file__).with_name(f"sbc_importance{'_known' * known}.json") for known in (False, True)}
RENEW = "python -m validation.sbc_margins --engine importance [--known]"
FALSE_ALARM = 0.01
"""Chance that a right calibration fails when it is renewed, over all quantities and both tests (Bonferroni)."""


@pytest.fixture(scope="module", params=[False, True], ids=["unknown", "known"])
def known(request):
    return request.param


@pytest.fixture(scope="module")
def stored(known):
    return Calibration.read(FILES[known])


def test_ranks_are_uniform(stored):
    assert set(stored.ranks) == set(sbc_margins.QUANTITIES)
    for name, ranks in stored.ranks.items():
        assert len(ranks) == stored.simulations >= 250
        result = uniformity(ranks, stored.draws)
        assert result.passes(FALSE_ALARM / len(stored.ranks)), f"{name}: {result}"


def test_ranks_could_have_shown_a_fault(stored, known):
    """Posteriors are not the prior; of the excluded sites' share only where patients there are known."""
    told = ("alpha", "beta", "risk_difference", "retention_control_responder")
    for name in (*told, "excluded_share") if known else told:
        assert stored.spread[name] < 0.75, name
    assert known or stored.spread["excluded_share"] > 0.75
    assert stored.min_effective >= 4 * stored.draws
    # fits whose diagnostics fail are among them all the same: at most 1 in 50
    assert stored.divergent <= stored.simulations / 50


def test_shifted_ranks_are_refused(stored):
    """The same ranks, had every true value been a third of a posterior SD higher (about 13 ranks of 100)."""
    for name, ranks in stored.ranks.items():
        shifted = np.minimum(np.array(ranks) + 13, stored.draws)
        assert not uniformity(shifted, stored.draws).passes(FALSE_ALARM / len(stored.ranks)), name


def test_the_trials_are_those_of_the_other_engine():
    """Same seeds, so same truths and trials: posterior ranks of both engines are nearly the same."""
    nuts = Calibration.read(Path(__file__).with_name("sbc_margins.json"))
    mine = Calibration.read(FILES[False])
    assert (mine.seed, mine.simulations, mine.trial) == (nuts.seed, nuts.simulations, nuts.trial)
    for name in ("alpha", "beta", "risk_difference", "excluded_share"):
        assert np.corrcoef(mine.ranks[name], nuts.ranks[name])[0, 1] > 0.95, name


@pytest.mark.stack
def test_stored_ranks_are_of_this_code(stored):
    old = []
    if stored.code_hash != current_hash("importance"):
        old.append("the code behind them")
    if stored.model_hash != model_hash(load_model(stored.model), ()):
        old.append(f"the model '{stored.model}'")
    assert not old, f"made on {stored.created}, out of date: {' and '.join(old)} changed. Renew it: {RENEW}"


def test_patients_at_the_excluded_sites_follow_the_likelihood():
    """The simulator and the likelihood share no code: mean counts by class within 4 standard errors."""
    spec, size, many = load_model("site_effects"), SmallTrial(n_excluded=2), 4000
    rng = np.random.default_rng(20260352)
    template = MarginsLikelihood(spec, sbc_margins._empty(size))
    truth = {name: value[0] for name, value in template.prior_draws(1, rng).items()}
    trials = [simulate_margins(spec, truth, size, rng, known=True) for _ in range(many)]
    assert all(len(trial.at_excluded) == 4 for trial in trials)
    counts = np.array([[item.count for item in trial.classes] for trial in trials])
    assert counts.shape[1] == 12
    chance = np.exp(MarginsLikelihood(spec, trials[0]).class_log_probability(truth))
    error = np.sqrt(size.arm_size * chance * (1 - chance) / many)
    assert (np.abs(counts.mean(axis=0) - size.arm_size * chance) < 4 * error).all()


@pytest.mark.proof(*FIT)
def test_live_run(stored, known):
    """The first 12 simulations again: the same trials and seeds, so the same ranks up to rounding elsewhere."""
    live = calibrate(load_model(stored.model), 12, stored.seed, engine="importance", known=known)
    assert live.code_hash == current_hash("importance")
    for name, ranks in live.ranks.items():
        assert np.abs(np.array(stored.ranks[name][:12]) - np.array(ranks)).max() <= 1, name
