"""Simulation-based calibration of the margins likelihood: the stored ranks, their age, and the runner."""

from __future__ import annotations

from dataclasses import replace
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

STORED = Path(__file__).with_name("sbc_margins.json")
RENEW = "python -m validation.sbc_margins"
FALSE_ALARM = 0.01
"""Chance that a right calibration fails when it is renewed, over all quantities and both tests (Bonferroni)."""


@pytest.fixture(scope="module")
def stored() -> Calibration:
    return Calibration.read(STORED)


def test_ranks_are_uniform(stored: Calibration) -> None:
    assert set(stored.ranks) == set(sbc_margins.QUANTITIES)
    for name, ranks in stored.ranks.items():
        assert len(ranks) == stored.simulations >= 250
        result = uniformity(ranks, stored.draws)
        assert result.passes(FALSE_ALARM / len(stored.ranks)), f"{name}: {result}"


def test_ranks_could_have_shown_a_fault(stored: Calibration) -> None:
    """Had the posterior been the prior, ranks would be uniform whatever the likelihood.

    The data of 40 patients narrow beta and the risk difference to two thirds of the prior; they hardly narrow tau_u
    and tau_v, so that these ranks say little.
    """
    assert stored.trial == {"n_sites": 6, "n_excluded": 1, "arm_size": 20}
    for name in ("alpha", "beta", "risk_difference", "retention_control_responder"):
        assert stored.spread[name] < 0.75, name
    assert stored.min_effective >= 4 * stored.draws
    # no ranks were taken from a sampler in trouble: at most 1 simulation in 50
    assert stored.divergent <= stored.simulations / 50


def test_shifted_ranks_are_refused(stored: Calibration) -> None:
    """The same ranks, had every true value been a third of a posterior SD higher (about 13 ranks of 100)."""
    for name, ranks in stored.ranks.items():
        shifted = np.minimum(np.array(ranks) + 13, stored.draws)
        assert not uniformity(shifted, stored.draws).passes(FALSE_ALARM / len(stored.ranks)), name


@pytest.mark.stack
def test_stored_ranks_are_of_this_code(stored: Calibration) -> None:
    """Not a failure of the method, but of its proof: the ranks were made by other code or another model."""
    old = [
        what
        for what, then, now in (
            ("the code behind them", stored.code_hash, current_hash("nuts")),
            (f"the model '{stored.model}'", stored.model_hash, model_hash(load_model(stored.model))),
        )
        if then != now
    ]
    assert not old, f"{STORED.name} ({stored.created}) is out of date: {' and '.join(old)} changed. Renew it: {RENEW}"


def test_simulated_trials_follow_the_likelihood() -> None:
    """The simulator and the likelihood share no code: mean counts by class within 4 standard errors."""
    spec, size, many = load_model("site_effects"), SmallTrial(), 4000
    rng = np.random.default_rng(20260351)
    template = MarginsLikelihood(spec, sbc_margins._empty(size))
    truth = {name: value[0] for name, value in template.prior_draws(1, rng).items()}
    trials = [simulate_margins(spec, truth, size, rng) for _ in range(many)]
    assert all(trial.totals[arm][1] == size.arm_size for trial in trials for arm in (0, 1))
    assert not any(trial.impossible_at_excluded for trial in trials)
    counts = np.array([[item.count for item in trial.classes] for trial in trials])
    chance = np.exp(MarginsLikelihood(spec, trials[0]).class_log_probability(truth))
    error = np.sqrt(size.arm_size * chance * (1 - chance) / many)
    assert (np.abs(counts.mean(axis=0) - size.arm_size * chance) < 4 * error).all()


def test_file_and_back(stored: Calibration, tmp_path: Path) -> None:
    path = tmp_path / "calibration.json"
    stored.write(path)
    assert Calibration.read(path) == stored


def test_command(
    stored: Calibration, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The way it is renewed: arguments reach the runner, progress is printed, the file is written."""
    asked = []

    def fake(spec, simulations, seed, progress, engine, known):
        asked.append((spec.name, simulations, seed, engine, known))
        progress("10 of 12 simulations, 3 s")
        return replace(stored, simulations=simulations)

    monkeypatch.setattr(sbc_margins, "calibrate", fake)
    path = tmp_path / "out.json"
    assert sbc_margins._main(["--simulations", "12", "--seed", "5", "--out", str(path)]) == 0
    assert asked == [("site_effects", 12, 5, "nuts", False)]
    assert "10 of 12 simulations" in capsys.readouterr().out
    assert Calibration.read(path).simulations == 12
    assert sbc_margins._main(["--engine", "importance", "--known", "--out", str(path)]) == 0
    assert asked[1][3:] == ("importance", True)
    with pytest.raises(SystemExit):
        sbc_margins._main(["--known"])


@pytest.mark.proof(*FIT)
def test_live_run(stored: Calibration) -> None:
    """The first 12 simulations again: same truths, same trials, so nearly the same ranks.

    Draws may differ from machine to machine. Two ranks of one truth are two binomials out of 99 with the same chance,
    so they may lie 4 * sqrt(2 * 99 * p (1 - p)) apart; p is estimated from both, with one draw more on either side.
    """
    lines: list[str] = []
    live = calibrate(load_model(stored.model), 12, stored.seed, progress=lines.append)
    assert live.code_hash == current_hash("nuts")
    assert lines[-1].startswith("12 of 12 simulations")
    for name, ranks in live.ranks.items():
        then, now = np.array(stored.ranks[name][:12]), np.array(ranks)
        p = (then + now + 2) / (2 * stored.draws + 4)
        assert (np.abs(then - now) <= 4 * np.sqrt(2 * stored.draws * p * (1 - p))).all(), (name, then, now)
    assert live.min_effective >= 4 * live.draws
