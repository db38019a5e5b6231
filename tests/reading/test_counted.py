"""What is counted of an end point: its label, and whether it sounds like a harm whose direction nobody declared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bayes_lupil import fit, load_trial
from bayes_lupil.trials.direction import sense

ARMS = {"site": ["A", "A", "B", "B"] * 4, "arm": ["drug", "placebo"] * 8}
WARNED, TURNED = "sounds like a harm: --benefit lower", "sounds like something good"


def patients(column: str, good: Any, bad: Any) -> pd.DataFrame:
    return pd.DataFrame(ARMS | {column: [good, bad, bad, good] * 4})


@pytest.mark.parametrize(
    ("column", "value", "other"),
    [
        ("death", "no", "yes"), ("death", "No", "Yes"), ("died", 0, 1), ("died", "n", "y"), ("dead", False, True),
        ("death", "alive", "dead"), ("mortality", "survived", "died"), ("Tod", "nein", "ja"), ("Tod", "lebt", "tot"),
        ("status", "lebend", "verstorben"), ("mort", "non", "oui"), ("décès", "vivant", "décédé"),
        ("relapse", "0_no", "1_yes"), ("relapse", "relapse-free", "relapsed"), ("outcome", "no event", "event"),
        ("outcome", "not dead", "dead"), ("Rückfall", "kein Rückfall", "Rückfall"), ("muerte", "vivo", "muerto"),
    ],
)  # fmt: skip
def test_the_good_outcome_of_a_harm(column: str, value: Any, other: Any, tmp_path: Path, run: Any) -> None:
    table = patients(column, value, other)
    trial = load_trial(table, outcome=column, responder=value)
    written = {False: "FALSE"}.get(value, str(value)) if isinstance(value, bool) else str(value)
    assert trial.end_point.label == f"{column} = {written}"
    assert trial.end_point.name == column
    assert f"end point    {column} = {written}: higher is better" in str(trial)
    assert not trial.warnings
    turned = load_trial(table, outcome=column, responder=value, benefit="lower")
    assert [TURNED in text for text in turned.warnings] == [True]
    assert not load_trial(table, outcome=column, responder=value, benefit="higher").warnings
    table.to_csv(tmp_path / "t.csv", index=False)
    status, out, err = run("check", tmp_path / "t.csv", "--outcome", column, "--responder", written)
    assert status == 0, err
    assert f"End point: {column} = {written} (higher is better)" in out
    assert "--benefit lower" not in out + err


@pytest.mark.parametrize("column", ["status", "outcome", "vital_status", "result"])
@pytest.mark.parametrize(
    ("value", "other"),
    [
        ("dead", "alive"), ("died", "alive"), ("Deceased", "Living"), ("DEATH", "ALIVE"), ("tot", "lebt"),
        ("verstorben", "lebend"), ("gestorben", "lebt"), ("décédé", "vivant"), ("mort", "vivant"),
        ("muerto", "vivo"), ("2: dead", "1: alive"), ("relapse", "remission"), ("non-responder", "responder"),
        ("not improved", "improved"), ("failure", "success"),
    ],
)  # fmt: skip
def test_a_harm_by_its_value(column: str, value: str, other: str, tmp_path: Path, run: Any) -> None:
    table = patients(column, value, other)
    trial = load_trial(table, outcome=column, responder=value)
    assert trial.end_point.label == f"{column} = {value}"
    (warning,) = trial.warnings
    assert WARNED in warning
    assert f"what is counted, '{column} = {value}'," in warning
    assert not load_trial(table, outcome=column, responder=value, benefit="lower").warnings
    assert not load_trial(table, outcome=column, responder=other).warnings
    table.to_csv(tmp_path / "t.csv", index=False)
    status, out, err = run("check", tmp_path / "t.csv", "--outcome", column, "--responder", value)
    assert status == 0, err
    assert WARNED in " ".join(out.split())


@pytest.mark.parametrize("value", ["yes", 1, True, "Y", "1_yes"])
@pytest.mark.parametrize("column", ["Tod", "mort", "décès", "muerte", "Sterblichkeit", "Rückfall", "De\u0301ce\u0300s"])
def test_a_harm_by_its_column(column: str, value: Any) -> None:
    other = {"yes": "no", 1: 0, "Y": "N", "1_yes": "0_no"}.get(value, 0) if value is not True else False
    for options in ({}, {"responder": value}):
        trial = load_trial(patients(column, other, value), outcome=column, **options)
        assert trial.end_point.label == column
        assert any(WARNED in text and f"the end point '{column}'" in text for text in trial.warnings)


def test_the_absence_of_something_good_is_a_harm() -> None:
    for column, value, other in (("survived", "no", "yes"), ("cured", 0, 1), ("response", "N", "Y")):
        (warning,) = load_trial(patients(column, other, value), outcome=column, responder=value).warnings
        assert f"what is counted, '{column} = {value}', {WARNED}" in warning


def test_a_name_of_its_own_does_not_hide_what_is_counted() -> None:
    table = patients("death", "no", "yes")
    trial = load_trial(table, outcome="death", end_point="survival", responder="no")
    assert (trial.end_point.name, trial.end_point.label) == ("survival", "survival (death = no)")
    assert not trial.warnings
    (warning,) = load_trial(table, outcome="death", end_point="survival", responder="yes").warnings
    assert f"what is counted, 'death', {WARNED}" in warning
    assert load_trial(table, outcome="death", end_point="Death at day 28", responder="yes").end_point.label == (
        "Death at day 28"
    )


def test_conditions_and_several_values() -> None:
    table = pd.DataFrame(ARMS | {"relapses": [0, 1, 2, 3] * 4})
    assert not load_trial(table, outcome="relapses", responder="<= 0").warnings
    trial = load_trial(table, outcome="relapses", responder="> 1")
    assert trial.end_point.directed == "relapses > 1 (higher is better)"
    assert any(WARNED in text for text in trial.warnings)
    several = load_trial(patients("status", "a", "b").replace({"b": "c"}), outcome="status", responder=["a", "c"])
    assert several.end_point.label == "status = a or c"


def test_in_a_fit(fake_engine: object) -> None:
    posterior = fit("itt_pooled", patients("death", "no", "yes"), outcome="death", responder="no")
    assert "death = no" in str(posterior)
    assert "--benefit lower" not in str(posterior)
    posterior = fit("itt_pooled", patients("status", "alive", "dead"), responder="dead")
    assert WARNED in " ".join(str(posterior).split())


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("Non-fatal MI", "harm"), ("non-cardiac death", "harm"), ("No. of deaths", "harm"), ("nonresponder", "harm"),
        ("steroid-free remission", "good"), ("progression-free survival", "good"), ("free of relapse", "good"),
        ("rezidivfrei", "good"), ("überlebt", "good"), ("Exitus", "harm"), ("éxito", "good"), ("uncured", "harm"),
        ("today", ""), ("total", ""), ("liver", ""), ("obscure", ""), ("status", ""), ("PFS", ""), ("y", ""),
    ],
)  # fmt: skip
def test_words(name: str, found: str) -> None:
    assert sense(name) == found
