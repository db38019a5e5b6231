"""Calibration of the joint model: stored ranks, P(all) against what came true, their age, and the simulator."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from bayes_lupil.endpoints.joint.model import JointModel
from bayes_lupil.endpoints.probability_bounds import frechet
from validation import sbc_joint
from validation.sbc_joint import (
    CORRELATION,
    NAMES,
    QUANTITIES,
    SITES,
    JointCalibration,
    current_hash,
    joint_models_hash,
    onion,
    simulate_joint,
)
from validation.uniformity import uniformity

STORED = Path(__file__).with_name("sbc_joint.json")
RENEW = "python -W ignore -m validation.sbc_joint"
FALSE_ALARM = 0.01
"""Chance that a right calibration fails when it is renewed, over quantities and both tests (Bonferroni)."""
EACH = FALSE_ALARM / len(QUANTITIES)
BINS = 10
MANY = 4.0


@pytest.fixture(scope="module")
def stored() -> JointCalibration:
    return JointCalibration.read(STORED)


def _off(p: np.ndarray, held: np.ndarray) -> float:
    """Standard errors between how often it came true and how often it was said to: variance p (1 - p) each."""
    variance = (p * (1 - p)).sum()
    # one trial more of even odds, for a bin in which everything is as good as certain
    return float(abs((held - p).sum()) / np.sqrt(variance + 0.25))


def test_ranks_are_uniform(stored: JointCalibration) -> None:
    assert set(stored.ranks) == set(QUANTITIES)
    assert all(len(ranks) == stored.simulations >= 200 for ranks in stored.ranks.values())
    results = {name: uniformity(ranks, stored.draws, BINS) for name, ranks in stored.ranks.items()}
    assert {name: result for name, result in results.items() if not result.passes(EACH)} == {}


def test_all_benefit_as_often_as_stated(stored: JointCalibration) -> None:
    """Over all trials, and in four bins of the stated probability."""
    p, held = np.array(stored.p_all), np.array(stored.all_benefit)
    assert p.size == held.size == stored.simulations
    assert _off(p, held) < MANY
    for chosen in np.array_split(np.argsort(p), 4):
        assert _off(p[chosen], held[chosen]) < MANY
    # it could have shown a fault: the stated probabilities tell trials apart, and many are neither 0 nor 1
    assert ((p > 0.05) & (p < 0.95)).mean() > 0.2
    assert held[p > np.median(p)].mean() > held[p <= np.median(p)].mean() + 0.2


def test_overconfidence_would_be_found(stored: JointCalibration) -> None:
    """Had every log odds of P(all) been doubled, or the product been stated, some bin would be off.

    Log scores need no bins: the stated probability scores better than a doubled one.
    """
    p, held = np.clip(np.array(stored.p_all), 1e-3, 1 - 1e-3), np.array(stored.all_benefit)
    odds = (p / (1 - p)) ** 2
    doubled = odds / (1 + odds)

    def score(q: np.ndarray) -> float:
        return float(np.mean(held * np.log(q) + (1 - held) * np.log(1 - q)))

    assert score(p) > score(doubled)


def test_within_frechet_bounds(stored: JointCalibration) -> None:
    """Of the same draws, so to rounding; and not at the product, because effects are correlated."""
    margins = np.array([stored.p_benefit[name] for name in NAMES]).T
    for p, joint in zip(margins, stored.p_all, strict=True):
        bound = frechet(p.tolist(), [0.0] * 3)
        assert bound.lower - 3e-6 <= joint <= bound.upper + 3e-6
    apart = np.abs(np.array(stored.p_all) - margins.prod(axis=1))
    assert np.quantile(apart, 0.9) > 0.02


def test_ranks_could_have_shown_a_fault(stored: JointCalibration) -> None:
    """Had the posterior been the prior, ranks would be uniform whatever the likelihood."""
    for name in ("alpha_change", "beta_score", "effect[response]", "effect[score]", "correlation[change ~ score]"):
        assert stored.spread[name] < 0.75, name
    assert stored.min_effective >= 3 * stored.draws
    # no ranks from a sampler in trouble: at most 1 simulation in 25
    assert stored.divergent <= stored.simulations / 25
    # had every true value been a third of a posterior SD higher (about 6 ranks of 50)
    for name, ranks in stored.ranks.items():
        shifted = np.minimum(np.array(ranks) + 6, stored.draws)
        assert not uniformity(shifted, stored.draws, BINS).passes(EACH), name


def test_stored_ranks_are_of_this_code(stored: JointCalibration) -> None:
    """Not a failure of the method, but of its proof: the ranks were made by other code or another model."""
    old = [
        what
        for what, then, now in (
            ("the code behind them", stored.code_hash, current_hash()),
            ("the models", stored.model_hash, joint_models_hash()),
        )
        if then != now
    ]
    assert not old, f"{STORED.name} ({stored.created}) is out of date: {' and '.join(old)} changed. Renew it: {RENEW}"


def test_onion_is_lkj() -> None:
    """Margins Beta(eta + 1/2, eta + 1/2) on (-1, 1) for three variables (Lewandowski et al. 2009)."""
    rng = np.random.default_rng(20261120)
    drawn = np.array([onion(2.0, 3, rng) for _ in range(4000)])
    for i, j in ((0, 1), (0, 2), (1, 2)):
        assert stats.kstest(drawn[:, i, j], stats.beta(2.5, 2.5, loc=-1, scale=2).cdf).pvalue > 0.001 / 3


def test_simulated_trials_follow_the_model() -> None:
    """The simulator and the model share no code: site effects, means, spreads and correlations of many trials."""
    rng = np.random.default_rng(20261121)
    truth = sbc_joint._truth(rng)
    truth |= {"u": np.zeros((SITES, 3)), "v": np.zeros((SITES, 3))}
    many = [simulate_joint(truth, rng) for _ in range(600)]
    first = many[0]
    model = JointModel(first, CORRELATION, sbc_joint._sampler(100, 1))
    point = {f"{name}_{k}": np.float64(truth[f"{name}_{item.name}"])
             for k, item in enumerate(first.outcomes) for name in ("alpha", "beta", "tau_u", "tau_v", "sigma", "gamma")
             if f"{name}_{item.name}" in truth}  # fmt: skip
    point |= {name: np.zeros((3, SITES)) for name in "ef"}
    eta = model.linear(point)
    response, change, score = (np.array([trial.outcomes[k].y for trial in many]) for k in range(3))
    p = 1 / (1 + np.exp(-eta[0]))
    seen = ~np.isnan(response[0])
    # chi-square over patients: means of 600 trials
    z = (response.mean(axis=0) - p)[seen] / np.sqrt(p * (1 - p) / 600)[seen]
    assert stats.chi2.sf((z**2).sum(), seen.sum()) > 0.001
    residuals = {}
    for k, y in ((1, change), (2, score)):
        residual = (y - eta[k]) / truth[f"sigma_{NAMES[k]}"]
        residuals[k] = residual
        flat = residual[~np.isnan(residual)]
        assert abs(flat.mean()) < MANY / np.sqrt(flat.size)
        assert abs(flat.var() - 1) < MANY * np.sqrt(2 / flat.size)
    both = residuals[1] * residuals[2]
    both = both[~np.isnan(both)]
    r = truth["r"][1, 2]
    assert abs(both.mean() - r) < MANY * np.sqrt((1 + r**2) / both.size)
    # response with the change: E[change given a response] has the sign of their correlation
    product = (response - p) * residuals[1]
    product = product[~np.isnan(product)]
    assert np.sign(product.mean()) == np.sign(truth["r"][0, 1])
    assert abs(product.mean()) > MANY * product.std() / np.sqrt(product.size)


def test_site_effects_of_truths_follow_the_model() -> None:
    """Whitened by the matrix of the model at the true correlations, their squares sum to the number of dimensions."""
    rng, found = np.random.default_rng(20261122), []
    for _ in range(150):
        truth = sbc_joint._truth(rng)
        data = simulate_joint(truth, rng)
        model = JointModel(data, CORRELATION, sbc_joint._sampler(100, 1))
        r, turn = truth["r"], list(model.order)
        a, b, c = (r[turn[i], turn[j]] for i, j in ((0, 1), (0, 2), (1, 2)))
        partial = (c - a * b) / np.sqrt((1 - a**2) * (1 - b**2))
        point = {f"{name}_{k}": np.float64(truth[f"{name}_{item.name}"])
                 for k, item in enumerate(data.outcomes) for name in ("alpha", "tau_u", "tau_v", "sigma")
                 if f"{name}_{item.name}" in truth}  # fmt: skip
        roots = model.roots({**point, "share": (1 + np.array([a, b, partial])) / 2})
        for effect in "uv":
            standard = np.linalg.solve(roots[effect], truth[effect].T)
            found.append((standard**2).sum())
    assert abs(np.mean(found) - 3 * SITES) < MANY * np.sqrt(2 * 3 * SITES / len(found))


def test_file_and_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The way it is renewed: arguments reach the runner, progress is printed, the file is written and read back."""
    asked = []
    made = JointCalibration(
        ranks={"x": [1]}, p_benefit={"x": [0.5]}, p_all=[0.5], all_benefit=[1], draws=49, simulations=1, seed=5,
        model_hash="m", code_hash="c", spread={"x": 0.5}, repeated=0, divergent=0, min_effective=200.0, created="now",
        seconds=1.0,
    )  # fmt: skip

    def fake(simulations, seed, progress):
        asked.append((simulations, seed))
        progress("10 of 12 simulations, 3 s")
        return replace(made, simulations=simulations)

    monkeypatch.setattr(sbc_joint, "calibrate_joint", fake)
    path = tmp_path / "out.json"
    assert sbc_joint._main(["--simulations", "12", "--seed", "5", "--out", str(path)]) == 0
    assert asked == [(12, 5)]
    assert "10 of 12 simulations" in capsys.readouterr().out
    assert JointCalibration.read(path) == replace(made, simulations=12)
