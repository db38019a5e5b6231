"""Posteriors against other people's software: JAGS 4.3.1 and MultiBUGS (references.csv names them row by row)."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bayes_lupil import ModelSpec, Posterior, fit, load_trial
from tests.proofs import FIT

MANY = 4.0
"""Combined Monte Carlo errors that two posteriors may lie apart: about 1 in 16,000 comparisons by chance."""

INTERCEPTS = "RI: a~N(0,2.5^2) b~N(0,2.5^2) sigma~HalfN(0,1)"
SLOPES = "RS indep slopes x=0/1: a,b~N(0,2.5^2) sigma~HalfN(0,1) tau~HalfN(0,0.5)"
BLOCKER = "rc~Bin(logit mu_i) rt~Bin(logit mu_i+delta_i)"
OURS = {
    "a": "alpha",
    "b": "beta",
    "s": "tau_u",
    "t": "tau_v",
    "d": "beta",
    "sigma": "tau_v",
    "delta.new": "log_odds_ratio_new_site",
}
DATASETS = {
    "beitler_landis_1985": ("control", "drug"),
    "indo_rct_pep": ("placebo", "indomethacin"),
    "hartzel_8centre_muchbetter": ("placebo", "drug"),
    "fungal_5centre_sparse": ("placebo", "drug"),
}
"""Reference and active arm, as in the notes of the rows 'crude totals'."""

BLOCKER_ESS = 727
"""The least effective sample size that MultiBUGS prints on this page; stands for rows without an error of their own."""


@dataclass(frozen=True)
class Reference:
    """One row: posterior mean, SD and 2.5/50/97.5 % quantiles, the error of the mean and half of the last digit."""

    term: str
    mean: float
    sd: float
    quantiles: tuple[float, float, float]
    mcse: float
    rounding: float


@cache
def _rows(folder: Path) -> tuple[dict[str, str], ...]:
    with (folder / "references.csv").open(newline="") as file:
        return tuple(csv.DictReader(file))


def _references(folder: Path, dataset: str, model: str) -> list[Reference]:
    rows = [row for row in _rows(folder) if row["dataset"] == dataset and model in row["model"]]
    return [_reference(row) for row in rows]


def _reference(row: dict[str, str]) -> Reference:
    note, number = row["note"], r"(-?[\d.e-]+)"
    jags = re.search(f"2.5%={number} 50%={number} 97.5%={number} mcse={number}", note)
    sd = float(row["se"])
    if jags:
        low, middle, high, mcse = map(float, jags.groups())
        rounding = 0.0  # six digits and more
    else:
        bugs = re.search(f"median {number} CI {number},{number}", note)
        assert bugs, note
        middle, low, high = map(float, bugs.groups())
        printed = re.search(r"mcse ([\d.]+)", note)
        mcse = float(printed.group(1)) if printed else sd / np.sqrt(BLOCKER_ESS)
        rounding = 0.5e-4  # four decimals
    return Reference(row["term"], float(row["estimate"]), sd, (low, middle, high), mcse, rounding)


def _model(intercepts: str, effects: str, **priors: dict[str, Any]) -> ModelSpec:
    reason = "as in the published analysis that it is compared with"
    return ModelSpec.from_dict(
        {
            "schema": 1,
            "name": "published",
            "title": "A published analysis",
            "role": "reference",
            "question": "Does this package give the posterior that others' software gave?",
            "end_point": "primary",
            "population": "itt",
            "estimand": "log odds ratio",
            "sites": {"intercepts": intercepts, "effects": effects, "coding": "reference"},
            "priors": {name: {**prior, "reason": reason} for name, prior in priors.items()},
            "sampler": {"draws": 3000, "target_accept": 0.99, "seed": 20260331},
        }
    )


def _normal(sd: float) -> dict[str, Any]:
    return {"family": "normal", "mean": 0, "sd": sd}


def _half_normal(sd: float) -> dict[str, Any]:
    return {"family": "half_normal", "sd": sd}


def _random_intercepts() -> ModelSpec:
    return _model("partial", "pooled", alpha=_normal(2.5), beta=_normal(2.5), tau_u=_half_normal(1))


def _random_slopes() -> ModelSpec:
    common = {"alpha": _normal(2.5), "beta": _normal(2.5)}
    return _model("partial", "partial", **common, tau_u=_half_normal(1), tau_v=_half_normal(0.5))


def _distances(draws: NDArray[np.float64], reference: Reference) -> dict[str, float]:
    """How far our mean, SD and quantiles lie from the reference, in combined Monte Carlo errors.

    Of the reference only the error of the mean is known. Its errors of SD and quantiles are taken to stand to it as
    ours do, which holds where both chains move alike.
    """
    from arviz_stats.base import array_stats

    ours = {"mean": (float(draws.mean()), float(array_stats.mcse(draws)), reference.mean)}
    ours["sd"] = (float(draws.std(ddof=1)), float(array_stats.mcse(draws, method="sd")), reference.sd)
    for prob, theirs in zip((0.025, 0.5, 0.975), reference.quantiles, strict=True):
        error = float(array_stats.mcse(draws, method="quantile", prob=prob))
        ours[f"{prob:.1%}"] = (float(np.quantile(draws, prob)), error, theirs)
    scale = reference.mcse / ours["mean"][1]
    return {
        name: max(abs(value - theirs) - reference.rounding, 0.0) / float(np.hypot(error, error * scale))
        for name, (value, error, theirs) in ours.items()
    }


def _far(posterior: Posterior, references: list[Reference]) -> dict[str, float]:
    found = {}
    for reference in references:
        distances = _distances(posterior.draws(OURS[reference.term]), reference)
        found |= {f"{reference.term}, {name}": distance for name, distance in distances.items()}
    return {name: distance for name, distance in found.items() if distance > MANY}


def _fit(folder: Path, dataset: str, model: ModelSpec) -> Posterior:
    control, active = DATASETS[dataset]
    return fit(model, load_trial(folder / "data" / f"{dataset}.csv", control=control, active=active))


@pytest.fixture(scope="module")
def beitler() -> Callable[[Path], Posterior]:
    """Beitler & Landis with random intercepts, fitted once for the tests that use it."""
    return cache(lambda folder: _fit(folder, "beitler_landis_1985", _random_intercepts()))


def test_random_intercepts_beitler_landis(validation: Path, beitler: Callable[[Path], Posterior]) -> None:
    references = _references(validation, "beitler_landis_1985", INTERCEPTS)
    assert [reference.term for reference in references] == ["a", "b", "s"]
    posterior = beitler(validation)
    assert posterior.verdict.ok, posterior.verdict.text
    assert _far(posterior, references) == {}


def test_another_model_is_far(validation: Path, beitler: Callable[[Path], Posterior]) -> None:
    """The comparison can fail: random slopes widen b by a sixth, which no Monte Carlo error explains."""
    references = _references(validation, "beitler_landis_1985", SLOPES)
    far = _far(beitler(validation), references[:3])
    assert {"b, sd", "b, 2.5%", "b, 97.5%"} <= set(far)


@pytest.mark.proof(*FIT)
@pytest.mark.parametrize("dataset", [name for name in DATASETS if name != "beitler_landis_1985"])
def test_random_intercepts(validation: Path, dataset: str) -> None:
    references = _references(validation, dataset, INTERCEPTS)
    assert [reference.term for reference in references] == ["a", "b", "s"]
    posterior = _fit(validation, dataset, _random_intercepts())
    assert posterior.verdict.ok, posterior.verdict.text
    assert _far(posterior, references) == {}


@pytest.mark.proof(*FIT)
@pytest.mark.parametrize("dataset", DATASETS)
def test_random_slopes(validation: Path, dataset: str) -> None:
    references = _references(validation, dataset, SLOPES)
    assert [reference.term for reference in references] == ["a", "b", "s", "t"]
    posterior = _fit(validation, dataset, _random_slopes())
    assert posterior.verdict.ok, posterior.verdict.text
    assert _far(posterior, references) == {}


@pytest.mark.proof(*FIT)
def test_blocker(validation: Path) -> None:
    """MultiBUGS, 22 trials of beta-blockers: free intercepts, random effects, a gamma prior on the precision."""
    references = _references(validation, "bugs_blocker_22trials", BLOCKER)
    assert sorted(reference.term for reference in references) == ["d", "delta.new", "sigma"]
    gamma = {"family": "precision_gamma", "shape": 0.001, "rate": 0.001}
    model = _model("fixed", "partial", alpha=_normal(1e5**0.5), beta=_normal(1e3), tau_v=gamma)
    trial = load_trial(
        validation / "data" / "bugs_blocker_22trials.csv", control="control", active="betablocker", benefit="lower"
    )
    posterior = fit(model, trial)
    assert posterior.verdict.ok, posterior.verdict.text
    assert _far(posterior, references) == {}
