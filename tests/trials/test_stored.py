"""A trial as plain data and back: nothing is lost, nothing is turned, and what can be no trial is refused."""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bayes_lupil import Arms, Cells, EndPoint, Margins, Measurements, Patients, Trial, builtin_trials, load_trial
from bayes_lupil.errors import TrialError
from bayes_lupil.trials.margins import Supposition
from bayes_lupil.trials.populations import Population
from bayes_lupil.trials.published import PublishedResult, Source, Step
from bayes_lupil.trials.stored import trial_from_dict, trial_to_dict

ARMS, CURE = Arms("placebo", "drug"), EndPoint("cure", "Cure", "lower", mcid=0.1, mcid_source="a guess")
EVERYONE = {"itt": Population("itt", "intention to treat")}


def _again(trial: Trial) -> Trial:
    return trial_from_dict(json.loads(json.dumps(trial_to_dict(trial))))


def _same(one: Any, other: Any) -> bool:
    """Equal in type and value, by a walk that knows nothing of how trials are stored."""
    if isinstance(one, np.ndarray):
        return (
            isinstance(other, np.ndarray)
            and one.dtype == other.dtype
            and not other.flags.writeable
            and np.array_equal(one, other, equal_nan=one.dtype.kind == "f")
        )
    if type(one) is not type(other):
        return False
    if is_dataclass(one):
        return all(_same(getattr(one, item.name), getattr(other, item.name)) for item in fields(one))
    if isinstance(one, dict):
        return list(one) == list(other) and all(_same(one[name], other[name]) for name in one)
    if isinstance(one, tuple):
        return len(one) == len(other) and all(_same(*pair) for pair in zip(one, other, strict=True))
    return bool(one == other)


def _check(trial: Trial) -> None:
    back = _again(trial)
    assert _same(trial, back)
    assert back.data_hash == trial.data_hash
    assert back.warnings == trial.warnings
    for name in trial.populations:
        if trial.end_point.kind == "binary":
            assert _same(trial.analysis_set(name), back.analysis_set(name))  # exclusions among them
        else:
            assert _same(trial.measured_set(name), back.measured_set(name))


@pytest.mark.parametrize("name", builtin_trials())
def test_every_built_in_trial(name: str) -> None:
    _check(load_trial(name))


names = st.lists(st.text("abcXYZ äß漢-_'", max_size=8), min_size=1, max_size=6).map(
    lambda texts: [f"{text.strip()}, no. {i}" for i, text in enumerate(texts)]  # names must not look alike
)


@st.composite
def patients(draw: st.DrawFn) -> dict[str, list[Any]]:
    size = draw(st.integers(2, 25))
    sites = draw(names)
    column = lambda values: draw(st.lists(values, min_size=size, max_size=size))  # noqa: E731
    return {
        "site": column(st.sampled_from(sites)), "arm": [0, 1, *column(st.integers(0, 1))[2:]],
        "response": column(st.integers(0, 1)), "pp": [True, True, *column(st.booleans())[2:]],
        "colour": column(st.text(max_size=5)),
        "value": [0.5, -1.0, *column(st.one_of(st.just(np.nan), st.floats(-1e6, 1e6)))[2:]],
        "baseline": column(st.floats(-10, 10)),
    }  # fmt: skip


@given(patients(), st.booleans())
@settings(max_examples=60, deadline=None)
def test_patients(rows: dict[str, list[Any]], synthetic: bool) -> None:
    data = Patients(
        tuple(rows["site"]), np.array(rows["arm"]), np.array(rows["response"]), {"pp": np.array(rows["pp"])},
        {"colour": tuple(rows["colour"])},
    )  # fmt: skip
    populations = EVERYONE | {"pp": Population("pp", "per protocol", "", True, "s", "A", post_hoc=True)}
    _check(Trial("one", "A trial", ARMS, CURE, data, populations, synthetic=synthetic, notes=("a", "b")))


@given(patients(), st.booleans(), st.booleans())
@settings(max_examples=60, deadline=None)
def test_measurements(rows: dict[str, list[Any]], baseline: bool, limits: bool) -> None:
    low = np.array(rows["baseline"]) - 20
    data = Measurements(
        tuple(rows["site"]), np.array(rows["arm"]), np.array(rows["value"]),
        np.array(rows["baseline"]) if baseline else None, (low, low + 100) if limits else None,
    )  # fmt: skip
    point = EndPoint("score", "Score", unit="points", kind="continuous", mcid=5)  # a whole number stays one
    _check(Trial("two", "A trial", ARMS, point, data, EVERYONE))


@given(st.lists(st.tuples(*[st.integers(0, 9)] * 4), min_size=1, max_size=6), st.booleans())
@settings(max_examples=60, deadline=None)
def test_cells(counts: list[tuple[int, ...]], reverse: bool) -> None:
    r, n = np.array([c[:2] for c in counts]), np.array([[c[0] + c[2], c[1] + c[3]] for c in counts]) + 1
    sites = [f"s{i}" for i in range(len(counts))]
    _check(Trial.from_cells(Cells(tuple(sites[::-1] if reverse else sites), r, n), ARMS, CURE))


def test_margins_and_all_words() -> None:
    data = Margins(
        ((5, 9), (6, 10)), ((2, 4), (3, 5)), "pp", ("X", "Y"), 4, ((0, 0),), ((0, 1, 1),),
        (Supposition("six sites", n_sites=6), Supposition("some", excluded_control_at_least=1)),
    )  # fmt: skip
    published = PublishedResult("itt", "p = 0.03", 0.03, "as printed", "a", "A")
    trial = Trial(
        "three", "Köln's trial", ARMS, CURE, data, EVERYONE, (Step("first", "primary", True, (published,)),),
        (Source("a", "A 2020", "10.1/x", "CC"),), ({"what": "n", "source": "a"},), ("sites",), True, ("note",),
    )  # fmt: skip
    _check(trial)


def test_a_table_that_was_read_keeps_its_record(tmp_path: Path) -> None:
    rows = "".join(f"{'ABC'[i % 3]},{('placebo', 'drug')[i % 2]},{i % 5 == 0},{i % 4 > 0}\n" for i in range(30))
    path = tmp_path / "table.csv"
    path.write_text("site,arm,cured,flag_pp\n" + rows + ",drug,TRUE,TRUE\n".replace(",drug", "A,other"), "utf-8")
    trial = load_trial(path, control="placebo", active="drug")
    assert trial.reading is not None
    assert trial.reading.exclusions
    _check(trial)


@pytest.mark.parametrize(
    "damage",
    [
        {"data": {"Cells": {"sites": ["a"]}}}, {"data": {"Table": {}}}, {"data": {}}, {"arms": {"control": "a"}},
        {"notes": [5]}, {"sources": [{"id": 1, "citation": "x"}]}, {"populations": []}, {"extra": 1}, {"synthetic": 3},
        {"reading": {"source": "x"}}, {"end_point": None},
    ],
    ids=lambda damage: next(iter(damage)),
)  # fmt: skip
def test_what_can_be_no_trial_is_refused(damage: dict[str, Any]) -> None:
    content = trial_to_dict(load_trial("beitler_landis"))
    with pytest.raises(TrialError):
        trial_from_dict({**content, **damage})


def test_the_order_of_sites_is_kept() -> None:
    trial = load_trial("beitler_landis")
    cells = trial.data
    assert isinstance(cells, Cells)
    other = replace(trial, data=Cells(cells.sites[::-1], cells.responders[::-1], cells.n[::-1]))
    assert other.data_hash == trial.data_hash
    assert _again(other).site_names == trial.site_names[::-1]
