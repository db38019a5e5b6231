"""Simulation-based calibration of the quadrature engine: the stored ranks, their age, and whether faults are found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bayes_lupil import ModelSpec, load_model
from bayes_lupil.engines import quadrature
from bayes_lupil.engines.draws import Draws
from bayes_lupil.likelihoods import BinomialCells
from bayes_lupil.operating.staleness import model_hash
from tests.proofs import FIT
from validation import runner, sbc_cells
from validation.sbc_cells import (
    DESIGNS,
    POINTS,
    SETTINGS,
    CellsCalibration,
    Design,
    calibrate_cells,
    current_hash,
    read_results,
    simulate_cells,
)
from validation.uniformity import uniformity

STORED = Path(__file__).with_name("sbc_cells.json")
RENEW = "python -W ignore -m validation.sbc_cells"
FALSE_ALARM = 0.01
"""Chance that a right calibration fails when it is renewed, over designs, quantities and both tests (Bonferroni)."""
EACH = FALSE_ALARM / sum(len(design.quantities) for design in DESIGNS.values())
BINS = 16


@pytest.fixture(scope="module")
def stored() -> dict[str, CellsCalibration]:
    return read_results(STORED)


def _spec(model: str) -> ModelSpec:
    """With as many points as the stored ranks were made with."""
    return load_model(model).edited(sampler__points=POINTS)


def _rejected(found: CellsCalibration) -> dict[str, float]:
    """Quantities whose ranks are not uniform, at the false-alarm rate of the stored ranks, with the smaller p-value."""
    results = {name: uniformity(ranks, found.draws, BINS) for name, ranks in found.ranks.items()}
    return {name: min(r.chi_square, r.ecdf) for name, r in results.items() if not r.passes(EACH)}


@pytest.mark.parametrize("design", DESIGNS)
def test_ranks_are_uniform(stored: dict[str, CellsCalibration], design: str) -> None:
    found = stored[design]
    assert found.design == DESIGNS[design].__dict__
    assert set(found.ranks) == set(DESIGNS[design].quantities)
    assert all(len(ranks) == found.simulations >= 1000 for ranks in found.ranks.values())
    assert _rejected(found) == {}


MAY_FAIL = 0.005
"""Share of fits whose verdict may fail; measured: none."""


@pytest.mark.parametrize("design", DESIGNS)
def test_few_fits_fail(stored: dict[str, CellsCalibration], design: str) -> None:
    """Ranks of fits that failed are among the others; none failed for want of a mode, or of draws to rank among."""
    found = stored[design]
    failed = [number for numbers in found.failures.values() for number in numbers]
    assert len(failed) <= MAY_FAIL * found.simulations, {why: len(n) for why, n in found.failures.items()}
    assert not any("integrals" in reason for reason in found.failures)
    assert found.repeated <= found.simulations / 200
    # their mean ranks are those of uniform ones, within 4 standard errors
    for name, ranks in found.ranks.items() if failed else ():
        mean = np.mean([ranks[number - 1] for number in failed]) / found.draws
        assert abs(mean - 0.5) < 4 * np.sqrt(1 / 12 / len(failed)), name


def test_ranks_could_have_shown_a_fault(stored: dict[str, CellsCalibration]) -> None:
    """Had the posterior been the prior, ranks would be uniform whatever the likelihood (but for the last one's)."""
    for design, names in {
        "sparse": ("alpha", "beta", "risk_difference"),
        "dense": ("alpha", "beta", "tau_u", "risk_difference", "u"),
    }.items():
        for name in names:
            assert stored[design].spread[name] < 0.75, (design, name)


def test_shifted_ranks_are_refused(stored: dict[str, CellsCalibration]) -> None:
    """The same ranks, had every true value been a sixth of a posterior SD higher (about 16 ranks of 256)."""
    for found in stored.values():
        shifted = {name: [min(r + 16, found.draws) for r in ranks] for name, ranks in found.ranks.items()}
        assert set(_rejected(replace(found, ranks=shifted))) == set(found.ranks)


def test_stored_ranks_are_of_this_code(stored: dict[str, CellsCalibration]) -> None:
    """Not a failure of the method, but of its proof: the ranks were made by other code or another model."""
    for found in stored.values():
        old = [
            what
            for what, then, now in (
                ("the code behind them", found.code_hash, current_hash()),
                (f"the model '{found.model}'", found.model_hash, model_hash(_spec(found.model), SETTINGS)),
            )
            if then != now
        ]
        told = f"{STORED.name} ({found.created}) is out of date: {' and '.join(old)} changed. Renew it: {RENEW}"
        assert not old, told


def test_simulated_trials_follow_the_likelihood() -> None:
    """The simulator and the likelihood share no code: risks to rounding, mean responders within 4 standard errors."""
    spec, rng, many, design = load_model("site_effects"), np.random.default_rng(20260361), 2000, Design(5, 7, 4)
    truth = sbc_cells._one_truth(spec, design, rng)
    cells = [simulate_cells(spec, truth, design, rng) for _ in range(many)]
    assert all((table.n == [7, 4]).all() for table in cells)
    likelihood = BinomialCells(spec, cells[0])
    p = likelihood.probabilities(truth)
    np.testing.assert_allclose(sbc_cells._risks(spec, truth), p, rtol=1e-12)
    mean = np.mean([table.responders for table in cells], axis=0)
    assert (np.abs(mean - [7, 4] * p) < 4 * np.sqrt([7, 4] * p * (1 - p) / many)).all()
    true = sbc_cells._true_values(likelihood, truth)
    assert true["log_likelihood"] == pytest.approx(float(likelihood.log_likelihood(truth)), rel=1e-12)


def test_truths_come_from_the_priors() -> None:
    """Means and SDs of 4,000 truths within 4 standard errors of those of the priors in the model file."""
    spec, rng, many = load_model("site_effects"), np.random.default_rng(20260362), 4000
    truths = [sbc_cells._one_truth(spec, DESIGNS["sparse"], rng) for _ in range(many)]
    for name in ("alpha", "beta", "tau_u", "tau_v"):
        drawn, prior = np.array([truth[name] for truth in truths]), getattr(spec.priors, name)
        grid = prior.ppf((np.arange(10_000) + 0.5) / 10_000)
        assert abs(drawn.mean() - grid.mean()) < 4 * grid.std() / np.sqrt(many), name
        assert abs(drawn.std() / grid.std() - 1) < 4 * np.sqrt(0.75 / many), name  # kurtosis at most 4: half-normal


def test_file_and_back(stored: dict[str, CellsCalibration], tmp_path: Path) -> None:
    path = tmp_path / "calibration.json"
    runner.write_results(stored, path)
    assert read_results(path) == stored


def test_failed_fits_are_counted_and_kept() -> None:
    """A fit whose verdict fails is counted by its reason and still ranked; one with too few draws is run again."""
    runs = []

    def few(likelihood: BinomialCells) -> Draws:
        points = likelihood.spec.sampler.points
        runs.append(points)
        found = quadrature.sample(likelihood)
        kept = 25 if points == 256 else found.statistics["lp"].shape[1]
        return replace(
            found,
            values={name: value[:, :kept] for name, value in found.values.items()},
            statistics={"lp": found.statistics["lp"][:, :kept]},
            diagnostics=found.diagnostics | {"pareto_k": 0.9},
        )

    spec = load_model("site_effects").edited(sampler__points=256)
    found = calibrate_cells(spec, Design(3, 4, 4), 2, 1, fit=few)
    assert runs == [256, 1024] * 2
    assert found.failures == {"k-hat": [1, 2]}
    assert (found.repeated, found.min_draws, found.max_k_hat) == (2, 100, 0.9)
    assert all(len(ranks) == 2 for ranks in found.ranks.values())


def test_command(
    stored: dict[str, CellsCalibration],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The way it is renewed: arguments reach the runner, progress is printed, the file is written."""
    asked = []

    def fake(spec, design, simulations, seed, progress):
        asked.append((spec.name, design, simulations, seed))
        progress("10 of 12 simulations, 3 s")
        return replace(stored["sparse"], simulations=simulations)

    monkeypatch.setattr(sbc_cells, "calibrate_cells", fake)
    path = tmp_path / "out.json"
    assert sbc_cells._main(["--simulations", "12", "--seed", "5", "--out", str(path)]) == 0
    assert asked == [(design.model, design, 12, 5) for design in DESIGNS.values()]
    assert "10 of 12 simulations" in capsys.readouterr().out
    assert read_results(path)["dense"].simulations == 12


Fault = Callable[[BinomialCells], Draws]


def _scaled(likelihood: BinomialCells) -> Draws:
    """Every site effect, and with it its SD, shrunk by a tenth."""
    found = quadrature.sample(likelihood)
    return replace(found, values=found.values | {tau: 0.9 * found.values[tau] for tau in ("tau_u", "tau_v")})


def _shrunk(likelihood: BinomialCells) -> Draws:
    """The site effects alone shrunk by a fifth, their SDs left as they are."""
    found = quadrature.sample(likelihood)
    return replace(found, values=found.values | {name: 0.8 * found.values[name] for name in ("e", "f")})


def _narrow_prior(likelihood: BinomialCells) -> Draws:
    """A prior of beta with half of the SD that it should have."""
    return quadrature.sample(BinomialCells(likelihood.spec.edited(priors__beta__sd=0.5), likelihood.cells))


def _forgetful(likelihood: BinomialCells) -> Draws:
    """Site effects drawn from their prior in place of their posterior: right given nothing, wrong given the data."""
    found = quadrature.sample(likelihood)
    rng = np.random.default_rng(likelihood.spec.sampler.seed)
    return replace(found, values=found.values | {n: rng.standard_normal(found.values[n].shape) for n in ("e", "f")})


def _uncoupled(likelihood: BinomialCells) -> Draws:
    """Site effects of another draw of theta: each margin is right, their joint distribution is not."""
    found = quadrature.sample(likelihood)
    return replace(found, values=found.values | {n: np.roll(found.values[n], 1, axis=1) for n in ("e", "f")})


@pytest.mark.proof(*FIT)
@pytest.mark.parametrize(
    ("fault", "design", "seen_in"),
    [
        (_scaled, "dense", "tau_u"),
        (_shrunk, "dense", "log_likelihood"),
        (_narrow_prior, "sparse", "beta"),
        (_forgetful, "sparse", "log_likelihood"),
        (_uncoupled, "dense", "log_likelihood"),
    ],
)
def test_a_fault_is_found(stored: dict[str, CellsCalibration], fault: Fault, design: str, seen_in: str) -> None:
    """In 200 trials, a fifth of what is stored, at the same false-alarm rate; without the fault they pass."""
    spec, many = _spec("site_effects"), 200
    found = calibrate_cells(spec, DESIGNS[design], many, stored[design].seed, fit=fault)
    assert seen_in in _rejected(found)
    first = {name: ranks[:many] for name, ranks in stored[design].ranks.items()}
    assert _rejected(replace(stored[design], ranks=first)) == {}


@pytest.mark.proof(*FIT)
@pytest.mark.parametrize("design", DESIGNS)
def test_live_run(stored: dict[str, CellsCalibration], design: str) -> None:
    """The first 20 simulations again. The engine's results do not depend on the number of cores, so ranks are equal but
    where another version of a package rounds otherwise: then as far apart as two sets of draws would be.
    """
    lines: list[str] = []
    found = stored[design]
    live = calibrate_cells(_spec(found.model), DESIGNS[design], 20, found.seed, progress=lines.append)
    assert lines[-1].startswith("20 of 20 simulations")
    for name, ranks in live.ranks.items():
        then, now = np.array(found.ranks[name][:20]), np.array(ranks)
        p = (then + now + 2) / (2 * found.draws + 4)
        assert (np.abs(then - now) <= 4 * np.sqrt(2 * found.draws * p * (1 - p))).all(), (name, then, now)
