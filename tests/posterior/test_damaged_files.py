"""Files with seeded damage: whatever comes, a reader reads it or says what is wrong, and no number of a fit changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bayes_lupil import ModelSpec, Outcomes, Plan, Posterior, Trial, load_model, load_plan, load_trial, read_outcomes
from bayes_lupil.characters import unholdable
from bayes_lupil.errors import InputError, SavedFileError
from bayes_lupil.outcomes import synthetic_patients
from bayes_lupil.outcomes.synthetic import Design
from bayes_lupil.spec.library import model_path, plan_path
from tests.posterior.damage import damaged, flipped
from tests.proofs import ROOT

READERS = (
    "characters.py", "documents.py", "errors.py", "limits.py", "outcomes/table.py", "priors", "spec", "texts.py",
    "trials",
)  # fmt: skip
SAVED = ("documents.py", "posterior/provenance.py", "posterior/saved.py", "spec")

_CELLS = b"""site,arm,responders,n
"K\xc3\xb6ln, S\xc3\xbcd",placebo,3,10
"K\xc3\xb6ln, S\xc3\xbcd",drug,5,10
Site 2,placebo,0,8
Site 2,drug,4,9
Site 3,placebo,1,1
Site 3,drug,0,2
"""
_PATIENTS = b"""site,arm,response,pop_pp,age
A,placebo,0,1,30
A,drug,1,1,41
B,placebo,1,0,
B,drug,1,1,52
C,drug,0.0,0,33
C,placebo,1.0,1,27
"""
_DATA = b"""schema = 1
name = "t"
title = "A trial in a table"
[arms]
control = "placebo"
active = "drug"
[end_point]
name = "response"
label = "Response"
benefit = "higher"
[[sources]]
id = "s"
citation = "c"
[data]
file = "sound.csv"
source = "s"
grade = "A"
"""


def _check_trial(trial: Trial) -> None:
    assert trial.analysis_set().patients >= 2
    assert len(trial.data_hash) == 64
    assert not any(map(unholdable, (trial.title, *trial.arms.names, *trial.site_names, *trial.populations)))


def _check_model(model: ModelSpec) -> None:
    assert ModelSpec.from_dict(model.to_dict()).hash == model.hash


def _check_plan(loaded: tuple[Plan, dict[str, ModelSpec]]) -> None:
    plan, models = loaded
    assert {point.name for point in plan.steps} <= set(models)
    assert len(plan.hash) == 64


def _check_outcomes(outcomes: Outcomes) -> None:
    assert all(np.isfinite(values[~np.isnan(values)]).all() for values in outcomes.numbers.values())
    assert len(outcomes.data_hash) == 64
    assert not any(map(unholdable, (*outcomes.arms, *outcomes.sites, *outcomes.patient, *outcomes.columns)))


@cache
def _synthetic() -> bytes:
    return synthetic_patients(Design(per_arm=6)).to_frame().to_csv(index=False).encode()


@dataclass(frozen=True)
class Kind:
    """A kind of file: its reader, what must hold of whatever is read, and sound files to damage."""

    suffix: str
    read: Callable[[Path], Any]
    check: Callable[[Any], None]
    sound: Callable[[], list[bytes]]


def _library(name: str) -> bytes:
    return (ROOT / "bayes_lupil" / "trials" / "library" / f"{name}.toml").read_bytes()


KINDS = {
    "table": Kind(".csv", load_trial, _check_trial, lambda: [_CELLS, _PATIENTS]),
    "trial": Kind(".toml", load_trial, _check_trial, lambda: [_library("lupil2"), _library("beitler_landis"), _DATA]),
    "model": Kind(
        ".toml", load_model, _check_model,
        lambda: [model_path(name).read_bytes() for name in ("site_effects", "informed_he2020", "outliers_arms")],
    ),
    "plan": Kind(".toml", load_plan, _check_plan, lambda: [plan_path("lupil2_hierarchy").read_bytes()]),
    "patients": Kind(".csv", read_outcomes, _check_outcomes, lambda: [_synthetic(), _PATIENTS]),
}  # fmt: skip


def read_damaged(name: str, cases: int, folder: Path) -> tuple[int, int]:
    """How many files were read, and how many refused; anything else is an error."""
    kind = KINDS[name]
    sound, path = kind.sound(), folder / f"damaged{kind.suffix}"
    (folder / "sound.csv").write_bytes(_CELLS)
    for content in sound:
        path.write_bytes(content)
        kind.check(kind.read(path))
    read = refused = 0
    for case in range(cases):
        rng = np.random.default_rng([20240607, sorted(KINDS).index(name), case])
        path.write_bytes(damaged(sound[case % len(sound)], rng))
        try:
            found = kind.read(path)
        except InputError as problem:
            refused += 1
            said = problem
        except BaseException as problem:
            problem.add_note(f"{name}, case {case}: {path.read_bytes()!r}")
            raise
        else:
            read += 1
            kind.check(found)
            continue
        assert str(said).isprintable(), case
        assert said.where, case
        assert said.found, case
        assert said.required, case
    return read, refused


@pytest.mark.parametrize("name", KINDS)
def test_a_damaged_file_is_read_or_refused(name: str, tmp_path: Path) -> None:
    read, refused = read_damaged(name, 60, tmp_path)
    assert read > 0
    assert refused > 20


@pytest.mark.proof(*READERS)
@pytest.mark.parametrize(
    ("name", "cases"), [("table", 8000), ("trial", 4000), ("model", 4000), ("plan", 2000), ("patients", 2000)]
)
def test_twenty_thousand_damaged_files_are_read_or_refused(name: str, cases: int, tmp_path: Path) -> None:
    read, refused = read_damaged(name, cases, tmp_path)
    assert read > cases / 50
    assert refused > cases / 3


def load_flipped(post: Posterior, first: int, last: int, folder: Path) -> int:
    """How many of the files with one flipped bit were refused; those read must say what was saved."""
    path = folder / "posterior.nc"
    post.save(path)
    sound = Posterior.load(path)
    whole, refused = path.read_bytes(), 0
    for case in range(first, last):
        path.write_bytes(flipped(whole, np.random.default_rng([20240608, case])))
        try:
            again = Posterior.load(path)
        except SavedFileError:
            refused += 1
            continue
        assert again.spec == post.spec, case
        assert again.provenance == sound.provenance, case
        assert again.data.identical(sound.data), case
    return refused


@pytest.fixture
def small(resampled: Callable[..., Posterior]) -> Posterior:
    return resampled(load_model("itt_pooled"), load_trial("beitler_landis"))


def test_a_flipped_bit_of_a_saved_posterior_changes_nothing(small: Posterior, tmp_path: Path) -> None:
    assert load_flipped(small, 0, 15, tmp_path) > 5


@pytest.mark.proof(*SAVED)
def test_five_hundred_flipped_bits_of_a_saved_posterior_change_nothing(small: Posterior, tmp_path: Path) -> None:
    assert load_flipped(small, 0, 500, tmp_path) > 250
