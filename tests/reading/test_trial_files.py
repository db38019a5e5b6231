"""A trial file whose [data] names a table: read with the same options, and to the same trial, as the table itself."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import tomli_w

from bayes_lupil import load_trial
from bayes_lupil.errors import TrialError
from bayes_lupil.trials.asked import Asked
from bayes_lupil.trials.trial_file import DataTable

PATIENTS = pd.DataFrame(
    [
        {
            "clinic": site, "group": arm, "pat": f"{site}{arm}{i}", "week": week, "pp_flag": "Y" if i % 2 else "N",
            "healed": "well" if i < good else "ill" if i < 7 else "lost",
        }
        for site, few in (("A", 2), ("B", 4))
        for arm, good in (("placebo", few), ("drug", few + 2), ("other", 1))
        for i in range(9)
        for week in (4, 8)
    ]
)  # fmt: skip
COUNTS = pd.DataFrame(
    {
        "hosp": list("AAB"), "land": list("FFG"), "treatm": ["drug", "placebo", "drug"], "ev": [1, 2, 3],
        "tot": [9, 8, 7],
    }
)  # fmt: skip
WIDE = pd.DataFrame({"trialid": ["A", "B"], "e1": [1, 2], "m1": [9, 8], "e0": [3, 4], "m0": [9, 9]})

ROWS_OF_PATIENTS: dict[str, Any] = {
    "site": "clinic", "arm": "group", "outcome": "healed", "id": "pat", "where": "week == 8", "responder": "well",
    "population": {"pp": "pp_flag", "first": "pat != 'Adrug0'"}, "missing": "non_responder", "na": ["lost"],
}  # fmt: skip
CASES: list[tuple[pd.DataFrame, dict[str, Any]]] = [
    (PATIENTS, ROWS_OF_PATIENTS),
    (PATIENTS, {**ROWS_OF_PATIENTS, "missing": "complete_cases", "na": "lost", "responder": ["well", "ill"]}),
    (
        COUNTS,
        {"site": "hosp", "country": "land", "arm": "treatm", "outcome": "ev", "n": "tot", "single_arm_sites": True},
    ),
    (WIDE, {"site": "trialid", "wide": {"active": ["e1", "m1"], "control": ["e0", "m0"]}}),
]


def written(folder: Path, file: str, options: dict[str, Any]) -> Path:
    content = {
        "schema": 1, "name": "t", "title": "A trial", "arms": {"control": "placebo", "active": "drug"},
        "end_point": {"name": "healed", "label": "Healed", "benefit": "higher"},
        "sources": [{"id": "us", "citation": "Us"}],
        "data": {"file": file, "source": "us", "grade": "A", **options},
    }  # fmt: skip
    path = folder / "t.toml"
    path.write_text(tomli_w.dumps(content), encoding="utf-8")
    return path


def test_every_option_of_reading_is_one_of_a_trial_file() -> None:
    declared_elsewhere = {"control", "active", "end_point", "harmful"}
    assert {item.name for item in fields(Asked)} - declared_elsewhere == set(DataTable.model_fields) - {
        "file", "sheet", "source", "grade",
    }  # fmt: skip
    assert {key for _, options in CASES for key in options} == {
        item.name for item in fields(Asked)
    } - declared_elsewhere


@pytest.mark.parametrize(("frame", "options"), CASES, ids=["patients", "complete", "counts", "wide"])
@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_the_same_trial_as_from_the_table(
    frame: pd.DataFrame, options: dict[str, Any], ending: str, tmp_path: Path
) -> None:
    sheet = {}
    if ending == "csv":
        frame.to_csv(tmp_path / "t.csv", index=False)
    else:
        sheet = {"sheet": "second"}
        with pd.ExcelWriter(tmp_path / "t.xlsx") as book:
            pd.DataFrame({"x": [1]}).to_excel(book, sheet_name="first", index=False)
            frame.to_excel(book, sheet_name="second", index=False)
    trial = load_trial(written(tmp_path, f"t.{ending}", options | sheet))
    same = load_trial(
        tmp_path / f"t.{ending}", control="placebo", active="drug", end_point="healed", **options, **sheet
    )
    assert trial.data_hash == same.data_hash
    assert list(trial.populations) == list(same.populations)
    assert trial.reading is not None
    assert same.reading is not None
    assert trial.reading.to_dict() == same.reading.to_dict()
    assert set(same.notes) <= set(trial.notes)


@pytest.mark.parametrize(
    ("options", "where", "found"),
    [
        ({"where": "week == 7"}, "t.csv", "never holds"),
        ({"sites": "clinic"}, "data.sites", "'sites'"),
        ({"missing": "none"}, "data.missing", "none"),
        ({"site": "clinik"}, "t.csv", "clinik"),
        ({"wide": {"drug": ["a", "b"]}}, "data.wide", "drug"),
    ],
)
def test_what_is_refused(options: dict[str, Any], where: str, found: str, tmp_path: Path) -> None:
    PATIENTS.to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(TrialError) as problem:
        load_trial(written(tmp_path, "t.csv", ROWS_OF_PATIENTS | options))
    assert where in problem.value.where
    assert found in str(problem.value)


def test_options_beside_a_trial_file_are_refused_and_told_where_they_stand(tmp_path: Path) -> None:
    PATIENTS.to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(TrialError, match=r"in \[data\]"):
        load_trial(written(tmp_path, "t.csv", ROWS_OF_PATIENTS), where="week == 8")
