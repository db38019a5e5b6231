"""Markov chains kept from an earlier run: the same draws, and never those of something else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bayes_lupil import load_model, load_trial
from bayes_lupil.engines import kept
from bayes_lupil.engines.draws import Draws
from bayes_lupil.likelihoods import Likelihood, build_likelihood
from bayes_lupil.spec import ModelSpec


def likelihood(model: str = "site_effects", trial: Any = "beitler_landis", **edits: Any) -> Likelihood:
    return build_likelihood(load_model(model).edited(**edits), load_trial(trial))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(kept.VARIABLE, str(tmp_path / "chains"))
    return tmp_path / "chains"


@pytest.fixture
def sampler() -> Callable[[], Draws]:
    """Counts its calls in `calls`; its draws are of no model."""

    def sample() -> Draws:
        sample.calls += 1  # type: ignore[attr-defined]
        rng = np.random.default_rng(sample.calls)  # type: ignore[attr-defined]
        return Draws(
            {"alpha": rng.standard_normal((2, 5)), "e": rng.standard_normal((2, 5, 3))},
            {"diverging": rng.random((2, 5)) < 0.5, "lp": rng.standard_normal((2, 5))},
            "made up", {"sample": 0.25}, ("a note: \u2265 1",), {"pareto_k": 0.1},
        )  # fmt: skip

    sample.calls = 0  # type: ignore[attr-defined]
    return sample


def same(a: Draws, b: Draws) -> bool:
    return all(
        set(x) == set(y) and all(x[name].dtype == y[name].dtype and (x[name] == y[name]).all() for name in x)
        for x, y in ((a.values, b.values), (a.statistics, b.statistics))
    ) and replace(a, values={}, statistics={}) == replace(b, values={}, statistics={})


def test_the_second_time_they_are_read(folder: Path, sampler: Any) -> None:
    first = kept.kept_or_made(likelihood(), "x", sampler)
    again = kept.kept_or_made(likelihood(), "x", sampler)
    assert sampler.calls == 1
    assert same(first, again)
    assert len(list(folder.iterdir())) == 1


OTHERS = {
    "seed": likelihood(sampler__seed=1), "draws": likelihood(sampler__draws=700), "tune": likelihood(sampler__tune=700),
    "prior": likelihood(priors__beta={"family": "normal", "mean": 0, "sd": 2, "reason": "wider than declared"}),
    "model": likelihood("site_intercepts"), "trial": likelihood(trial="synthetic_outlier"),
    "he2020": likelihood("itt_pooled", trial="he2020"),
}  # fmt: skip


@pytest.mark.parametrize("other", OTHERS)
def test_another_model_or_trial_is_never_answered_by_it(folder: Path, sampler: Any, other: str) -> None:
    kept.kept_or_made(likelihood(), "x", sampler)
    kept.kept_or_made(OTHERS[other], "x", sampler)
    assert sampler.calls == 2


def test_nor_are_other_code_versions_and_hashes(folder: Path, sampler: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    kept.kept_or_made(likelihood(), "x", sampler)
    kept.kept_or_made(likelihood(), "y", sampler)
    for name in ("_code", "_surroundings"):
        with monkeypatch.context() as patch:
            patch.setattr(kept, name, lambda: "changed")
            kept.kept_or_made(likelihood(), "x", sampler)
    assert sampler.calls == 4


@pytest.mark.parametrize("damage", ["empty", "cut", "a bit"])
def test_a_damaged_file_is_made_anew(folder: Path, sampler: Any, damage: str) -> None:
    kept.kept_or_made(likelihood(), "x", sampler)
    (path,) = folder.iterdir()
    content = path.read_bytes()
    flipped = bytes([content[200] ^ 1])
    path.write_bytes({"empty": b"", "cut": content[:-40], "a bit": content[:200] + flipped + content[201:]}[damage])
    second = kept.kept_or_made(likelihood(), "x", sampler)
    assert sampler.calls == 2
    assert same(second, kept.kept_or_made(likelihood(), "x", sampler))


def test_without_a_place_nothing_is_kept(tmp_path: Path, sampler: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    for place in ("off", "OFF", str(tmp_path / "file" / "below")):
        monkeypatch.setenv(kept.VARIABLE, place)
        kept.kept_or_made(likelihood(), "x", sampler)
    assert sampler.calls == 3
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_all_files_together_stay_small(folder: Path, sampler: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    kept.kept_or_made(likelihood(), "0", sampler)
    size = next(folder.iterdir()).stat().st_size
    monkeypatch.setattr(kept, "_LARGEST", int(3.5 * size))
    for name in "12345":
        kept.kept_or_made(likelihood(), name, sampler)
    assert len(list(folder.iterdir())) == 3


def test_the_check_of_a_fast_engine_is_answered_by_chains_kept(folder: Path) -> None:
    from bayes_lupil.fitting import fit_checked

    spec: ModelSpec = load_model("itt_pooled").edited(sampler__draws=300, sampler__tune=300)
    trial = load_trial("beitler_landis")
    (_, first), (_, again) = fit_checked(spec, trial), fit_checked(spec, trial)
    assert len(list(folder.iterdir())) == 1
    assert first == again
    assert first is not None
    assert first.status == "agree"
