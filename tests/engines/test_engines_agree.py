"""Engines give one posterior: quadrature, and importance for margins, against stored long NUTS runs, wherever both can.

`nuts_reference.py` says which and makes `nuts_reference.json`. The engine's own error is that of independent draws, as
many as it gives: the sharper of its claims, held here too.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from bayes_lupil import fit
from bayes_lupil.engines import margins, quadrature
from bayes_lupil.likelihoods import MarginsLikelihood
from bayes_lupil.posterior.diagnostics import describe_independent, judge
from tests.proofs import FIT


def _load() -> Any:
    """The generator that lies beside this file, which is no part of the package."""
    path = Path(__file__).with_name("nuts_reference.py")
    spec = importlib.util.spec_from_file_location("nuts_reference", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


reference = _load()
CASES = {case.name: case for case in reference.cases()}
STORED = reference.read()

POINTS = 16_384
FALSE_ALARM = 0.01
"""Chance that a right engine fails anywhere in one run with new seeds, over all comparisons (Bonferroni)."""

MAX_TAIL = {"mean": 0.5, "sd": 0.25}
"""Where the tail index k is larger, moments of order 1/k and above do not exist: the error of a mean needs the second,
that of an SD the fourth. Quantiles are compared all the same."""

STACK = {
    "itt_pooled on lupil2", "site_effects on lupil2", "outliers_arms on beitler_landis_1985",
    "site_effects on beitler_landis_1985", "site_exnex on beitler_landis_1985",
}  # fmt: skip
"""Run on a second Python too."""

FAST = ("beitler_landis_1985", "lupil2")


def _compared(stored: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """(quantity, statistic) of everything that is compared."""
    for name, statistics in stored["quantities"].items():
        tail = statistics.get("tail", [0.0])[0]
        for statistic in statistics:
            if statistic != "tail" and tail <= MAX_TAIL.get(statistic, np.inf):
                yield name, statistic


COMPARISONS = sum(1 for case in STORED.values() for _ in _compared(case))
MANY = float(stats.norm.isf(FALSE_ALARM / 2 / max(COMPARISONS, 1)))
"""Combined Monte Carlo errors that two numbers may lie apart: 4.8 for 6,000 comparisons."""


def _renew(name: str, why: str) -> str:
    return f"nuts_reference.json is out of date ({why}): run {reference.GENERATOR} --only '{name}'"


def _tier(name: str, case: Any) -> Any:
    slow = (
        case.of_margins
        or case.data not in FAST
        or case.model.startswith(("informed", "itt_pooled_", "site_fixed", "site_student_t", "student_t"))
    )
    marks = [pytest.mark.proof(*FIT)] if slow else []
    return pytest.param(name, marks=[*marks, pytest.mark.stack] if name in STACK else marks)


@cache
def _distances(name: str, folder: Path) -> dict[tuple[str, str], float]:
    """The fast engine less NUTS, in combined Monte Carlo errors."""
    case, stored = CASES[name], STORED[name]
    seed = (case.seed + 1) % 2**32
    likelihood = case.likelihood(folder, sampler__points=POINTS, sampler__seed=seed)
    engine = margins if isinstance(likelihood, MarginsLikelihood) else quadrature
    draws = engine.sample(likelihood)
    points = draws.statistics.get("point")
    scalars = {name: values.reshape(*values.shape[:2], -1)[..., 0] for name, values in draws.values.items()}
    rows = [describe_independent(name, values, points) for name, values in scalars.items()]
    verdict = judge(rows, draws.statistics, draws.diagnostics)
    assert verdict.ok, verdict.text
    ours = reference.quantities(likelihood, draws.values, seed, points is None)  # else as of chains, by ArviZ
    assert set(ours) == set(stored["quantities"]), _renew(name, "other quantities are reported")
    found = {}
    for key in _compared(stored):
        (value, error), (theirs, their_error) = ours[key[0]][key[1]], stored["quantities"][key[0]][key[1]]
        found[key] = float((value - theirs) / np.hypot(error, their_error))
    return found


def _folder(name: str, request: pytest.FixtureRequest) -> Path:
    """Where the trials lie; a trial of the package needs no folder."""
    return reference.VALIDATION if CASES[name].data in reference.ON_PACKAGE else request.getfixturevalue("validation")


@pytest.mark.parametrize("name", [_tier(name, case) for name, case in CASES.items()])
def test_posteriors_agree(name: str, request: pytest.FixtureRequest) -> None:
    folder = _folder(name, request)
    if name not in STORED:
        pytest.skip(f"not stored yet: run {reference.GENERATOR}")
    changed = reference.is_of(STORED[name], CASES[name], folder)
    assert not changed, _renew(name, f"{' and '.join(changed)} changed")
    distances = _distances(name, folder)
    assert {key: distance for key, distance in distances.items() if abs(distance) > MANY} == {}


@pytest.mark.proof(*FIT)
def test_no_small_error_runs_through_all(validation: Path) -> None:
    """Distances in Monte Carlo errors have mean square 1 at most (Sobol points do better than independent ones).

    A shift of 1 error in every mean would give 2, and pass each comparison alone. The distances of one case hang
    together, so that the bound is 4 standard errors of their average over cases, each case being one observation.
    """
    squares: dict[str, list[float]] = {}
    for name in STORED:
        by_statistic: dict[str, list[float]] = {}
        for (_, statistic), distance in _distances(name, validation).items():
            by_statistic.setdefault(statistic, []).append(distance**2)
        for statistic, values in by_statistic.items():
            squares.setdefault(statistic, []).append(float(np.mean(values)))
    for statistic, values in squares.items():
        assert np.mean(values) < 1 + 4 * np.std(values) / np.sqrt(len(values)), statistic


def test_the_reference_is_whole() -> None:
    """No case that is not asked for; every run long, converged and without divergence; few moments left out."""
    assert set(STORED) <= set(CASES), _renew("", "too many cases")
    for name, stored in STORED.items():
        assert stored["draws"] >= 20_000, name
        assert stored["divergences"] == 0, name
        assert stored["max_r_hat"] <= 1.01, name
        assert stored["min_ess"] >= 2000, name
    left_out = [
        (name, quantity, statistic)
        for name, stored in STORED.items()
        for quantity, statistics in stored["quantities"].items()
        for statistic in statistics
        if statistic != "tail" and (quantity, statistic) not in set(_compared(stored))
    ]
    assert len(left_out) <= COMPARISONS / 50, left_out
    assert 4.0 < MANY < 5.0
    if missing := set(CASES) - set(STORED):
        pytest.skip(f"{len(missing)} of {len(CASES)} cases are not stored yet: run {reference.GENERATOR}")


def test_another_model_is_far(validation: Path) -> None:
    """The comparison can fail: a prior of tau_v half as wide, or effects alike at all sites, are told apart."""
    case = CASES["site_effects on beitler_landis_1985"]
    stored = STORED[case.name]["quantities"]
    for change in ({"priors__tau_v__sd": 0.4}, {"priors__beta__sd": 0.8}, {"sites__coding": "reference"}):
        likelihood = case.likelihood(validation, sampler__points=POINTS, **change)
        ours = reference.quantities(likelihood, quadrature.sample(likelihood).values, 1, independent=True)
        far = [
            abs(ours[q][s][0] - stored[q][s][0]) / np.hypot(ours[q][s][1], stored[q][s][1])
            for q, s in _compared(STORED[case.name])
        ]
        assert max(far) > MANY, change


def test_age_sees_model_and_data(validation: Path) -> None:
    """Changed priors, sites and counts, but neither reasons nor what is left at its default."""
    case = CASES["site_effects on beitler_landis_1985"]
    stored = STORED[case.name]
    assert reference.is_of(stored, case, validation) == []
    other = {**stored["model"]["priors"], "beta": {**stored["model"]["priors"]["beta"], "sd": 1.1}}
    assert reference.is_of({**stored, "model": {**stored["model"], "priors": other}}, case, validation) == ["the model"]
    fewer = {key: value for key, value in stored["model"]["sites"].items() if key != "correlated"}
    assert reference.is_of({**stored, "model": {**stored["model"], "sites": fewer}}, case, validation) == []
    assert reference.is_of({**stored, "data_hash": ""}, case, validation) == ["the data"]


def test_what_is_compared_is_what_is_reported(validation: Path) -> None:
    """The numbers of this file's summary are those of a fit: the same draws through the posterior's own rows."""
    case = CASES["site_effects on beitler_landis_1985"]
    likelihood = case.likelihood(validation, sampler__points=1024)
    ours = reference.quantities(likelihood, quadrature.sample(likelihood).values, 1, independent=True)
    posterior = fit(likelihood.spec, case.trial(validation))
    for name in ("alpha", "tau_v", "risk_difference", "u[8]"):
        row, told = posterior.row(name), ours[name]
        np.testing.assert_allclose([row.mean, row.sd, row.mcse_mean], [told["mean"][0], told["sd"][0], told["mean"][1]])
        if "q2.5" in told:
            np.testing.assert_allclose([row.q2_5, row.q97_5], [told["q2.5"][0], told["q97.5"][0]])
