"""Nothing that is handed out can change a result: arrays are read-only, dictionaries refuse, copies stay so."""

from __future__ import annotations

import ast
import copy
import json
import pickle
import re
from collections.abc import Callable, Iterator
from dataclasses import asdict, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bayes_lupil
from bayes_lupil import Posterior, fit, load_model, load_trial
from bayes_lupil.frozen import FrozenDict, ReadOnly, read_only
from bayes_lupil.outcomes.change import absolute_change
from bayes_lupil.outcomes.table import Outcomes
from bayes_lupil.trials.cells import Cells
from bayes_lupil.trials.end_point import Arms, EndPoint
from bayes_lupil.trials.measurements import Measurements
from bayes_lupil.trials.patients import Patients
from bayes_lupil.trials.trial import Trial


@pytest.fixture(scope="module")
def posterior() -> Posterior:
    return fit(load_model("site_effects").edited(sampler__points=1024, sampler__engine="quadrature"), "beitler_landis")


ARM, YES = np.array([0, 1, 0, 1]), np.array([0, 1, 1, 1])
FLAG = np.array([True, True, False, True])
VALUES = np.array([1.0, 2.0, np.nan, 4.0])
SITES = ("a", "a", "b", "b")


def _patients() -> Patients:
    return Patients(SITES, ARM, YES, {"pp": FLAG}, {"sex": ("f", "m", "f", "f")})


def _outcomes() -> Outcomes:
    numbers = {"before": VALUES + 10, "after": VALUES}
    return Outcomes(
        "made up", ("1", "2", "3", "4"), SITES, ("p", "d", "p", "d"), numbers, {"sex": ("f", "m", "f", "f")}
    )


def _trial() -> Trial:
    cells = Cells(("a", "b"), np.array([[3, 5], [2, 4]]), np.array([[10, 10], [8, 9]]))
    return Trial.from_cells(cells, Arms("p", "d"), EndPoint("cure", "Cure"))


MADE: dict[str, Callable[[], Any]] = {
    "patients": _patients,
    "cells": lambda: _trial().data,
    "trial of cells": _trial,
    "trial of patients": lambda: replace(_trial(), data=_patients()),
    "built-in trial": lambda: load_trial("lupil2"),
    "measurements": lambda: Measurements(SITES, ARM, VALUES, VALUES + 1, (VALUES - 9, VALUES + 9), {"pp": FLAG}),
    "measured set": lambda: replace(
        _trial(), end_point=EndPoint("c", "C", kind="continuous"), data=Measurements(SITES, ARM, VALUES + 0)
    ).measured_set(),
    "outcomes": _outcomes,
    "change": lambda: absolute_change(_outcomes(), "before", "after"),
    "analysis set": lambda: _trial().analysis_set(),
}


def _parts(value: Any) -> Iterator[Any]:
    """All arrays and dictionaries in a data class."""
    if isinstance(value, np.ndarray | dict):
        yield value
    if isinstance(value, dict):
        for item in value.values():
            yield from _parts(item)
    elif isinstance(value, tuple | list):
        for item in value:
            yield from _parts(item)
    elif is_dataclass(value) and not isinstance(value, type):
        for item in fields(value):
            yield from _parts(getattr(value, item.name))


def _cannot_be_changed(value: Any) -> int:
    parts = list(_parts(value))
    for part in parts:
        if isinstance(part, np.ndarray):
            with pytest.raises(ValueError, match="read-only"):
                part[...] = 0
        else:
            with pytest.raises(TypeError, match="cannot be changed"):
                part["x"] = 1
    return len(parts)


WAYS: dict[str, Callable[[Any], Any]] = {
    "itself": lambda value: value,
    "copy": copy.copy,
    "deep copy": copy.deepcopy,
    "replaced": replace,
    **{
        f"pickle {protocol}": lambda value, protocol=protocol: pickle.loads(pickle.dumps(value, protocol))
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
    },
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", MADE)
def test_data_classes_cannot_be_changed(name: str, way: str) -> None:
    made = MADE[name]()
    got = WAYS[way](made)
    assert type(got) is type(made)
    assert _cannot_be_changed(got) > 0


@pytest.mark.parametrize("name", ["patients", "cells", "measurements", "outcomes"])
def test_what_was_given_stays_the_givers(name: str) -> None:
    """Arrays given by the user are neither frozen nor kept."""
    before = [array.copy() for array in (ARM, YES, FLAG, VALUES)]
    MADE[name]()
    for array, old in zip((ARM, YES, FLAG, VALUES), before, strict=True):
        assert array.flags.writeable
        np.testing.assert_array_equal(array, old)


def test_the_hash_of_a_trial_survives_its_copies() -> None:
    trial = load_trial("lupil2")
    for way in ("deep copy", "pickle 2", f"pickle {pickle.HIGHEST_PROTOCOL}"):
        assert WAYS[way](trial).data_hash == trial.data_hash
        assert WAYS[way](trial) == trial


@pytest.mark.parametrize("name", ["risk_difference", "beta", "p", "u", "tau_v"])
def test_draws_cannot_be_scaled_in_place(posterior: Posterior, name: str) -> None:
    before = posterior.draws(name).copy()
    with pytest.raises(ValueError, match="read-only"):
        posterior.draws(name)[...] *= 100
    points = posterior.draws(name)
    with pytest.raises(ValueError, match="read-only"):
        points *= 100
    np.testing.assert_array_equal(posterior.draws(name), before)
    free = posterior.draws(name).copy()
    free *= 100
    np.testing.assert_array_equal(posterior.draws(name), before)


@pytest.mark.parametrize("way", [way for way in WAYS if way not in ("replaced", "pickle 0", "pickle 1")])
def test_arrays_of_a_posterior_are_read_only(posterior: Posterior, way: str) -> None:
    got = WAYS[way](posterior)
    found = 0
    for node in got.data.subtree:
        for variable in node.data_vars.values():
            with pytest.raises(ValueError, match="read-only"):
                variable.values[...] = 0
            found += 1
    assert found > 30
    with pytest.raises(ValueError, match="read-only"):
        got.draws("risk_difference")[...] = 0
    assert got.benefit().equals(posterior.benefit())
    assert got.verdict.text == posterior.verdict.text
    assert _cannot_be_changed(got.provenance) > 1


@pytest.mark.parametrize("first", [False, True], ids=["asked before", "asked after"])
def test_what_is_put_into_the_tree_changes_no_answer(posterior: Posterior, first: bool) -> None:
    """Whole variables may be exchanged in the tree that is handed out; the result keeps its own."""
    mine = replace(posterior, data=posterior.data.copy())
    if not first:
        assert mine.benefit().equals(posterior.benefit())
    group = mine.data["posterior"].to_dataset()
    mine.data["posterior"] = group.assign(risk_difference=100 * group["risk_difference"])
    mine.data["diagnostics"] = mine.data["diagnostics"].to_dataset().assign(pareto_k=-1.0)
    assert mine.benefit().equals(posterior.benefit())
    assert mine.row("risk_difference") == posterior.row("risk_difference")
    assert mine.verdict == posterior.verdict
    assert mine.to_json()["estimands"] == posterior.to_json()["estimands"]
    np.testing.assert_array_equal(mine.draws("risk_difference"), posterior.draws("risk_difference"))


def test_provenance_and_its_plain_form(posterior: Posterior) -> None:
    source = posterior.provenance
    with pytest.raises(TypeError, match="cannot be changed"):
        source.versions["numpy"] = "0"
    with pytest.raises(TypeError, match="cannot be changed"):
        source.seconds.update(sample=0.0)
    plain = source.to_dict()
    plain["versions"]["numpy"] = "0"  # a copy, which is the reader's
    assert source.versions["numpy"] != "0"
    assert json.loads(json.dumps(plain))["trial"] == source.trial


CHANGES: dict[str, Callable[[dict[str, int]], object]] = {
    "item": lambda d: d.__setitem__("a", 2),
    "delete": lambda d: d.__delitem__("a"),
    "clear": lambda d: d.clear(),
    "pop": lambda d: d.pop("a"),
    "popitem": lambda d: d.popitem(),
    "setdefault": lambda d: d.setdefault("b", 2),
    "update": lambda d: d.update(a=2),
    "or": lambda d: d.__ior__({"a": 2}),
}


@pytest.mark.parametrize("change", CHANGES)
def test_every_way_of_changing_a_dictionary(change: str) -> None:
    frozen = FrozenDict({"a": 1})
    with pytest.raises(TypeError, match="cannot be changed"):
        CHANGES[change](frozen)
    assert frozen == {"a": 1}
    assert frozen | {"b": 2} == {"a": 1, "b": 2}
    assert json.loads(json.dumps(frozen)) == {"a": 1}


def test_read_only_goes_into_what_it_is_given() -> None:
    array = np.arange(3)
    found = read_only(({"a": (array, {"b": array})}, "text", None))
    assert _cannot_be_changed(found) == 4
    assert array.flags.writeable
    assert read_only(found[0]["a"][0]) is found[0]["a"][0]  # no second copy


def test_asdict_of_one_is_made() -> None:
    assert asdict(_trial().population("itt"))["name"] == "itt"
    assert isinstance(asdict(_trial())["populations"], dict)
    assert issubclass(Trial, ReadOnly)


OPEN = {
    "Draws": "what an engine hands on to the tree, which is then read-only",
    "ImportanceSample": "within an engine", "Rung": "within an engine", "Proposal": "within an engine",
    "_Fit": "within a function", "Step": "a table of pandas",
    "JointPosterior": "has its own way, as Posterior has", "Posterior": "tested above",
    "JointOutcome": "its arrays are read-only by its own hand",
    "Table": "text of a file, on its way into a trial",
}  # fmt: skip
"""Frozen data classes with arrays or dictionaries that need not be `ReadOnly`, with the reason."""


@pytest.mark.parametrize(
    "room", ["trials", "outcomes", "posterior/provenance.py", "posterior/posterior.py", "frequentist", "endpoints"]
)
def test_every_result_is_read_only(room: str) -> None:
    place = Path(bayes_lupil.__file__).parent / room
    found = 0
    for path in [place] if place.is_file() else sorted(place.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.ClassDef) or node.name in OPEN:
                continue
            kinds = [ast.unparse(item.annotation) for item in node.body if isinstance(item, ast.AnnAssign)]
            made = any("dataclass" in ast.unparse(decorator) for decorator in node.decorator_list)
            if made and any(re.search(r"\b(dict|NDArray|Floats|DataTree)\b", kind) for kind in kinds):
                assert "ReadOnly" in [ast.unparse(base) for base in node.bases], f"{path.name}: {node.name}"
                found += 1
    assert found or room == "posterior/posterior.py"
