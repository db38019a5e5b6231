"""Counts that are all 0 or 1 beside numbers of patients, harms counted by site, and patients who come twice."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from bayes_lupil import load_trial
from bayes_lupil.errors import TrialError

READ: dict[str, Any] = {"active": "drug", "control": "placebo"}
RARE = pd.DataFrame(
    {
        "centre": [1, 1, 2, 2, 3, 3, 4, 4],
        "arm": ["drug", "placebo"] * 4,
        "cured": [1, 0, 1, 0, 1, 0, 1, 0],
        "n": [40, 8, 38, 9, 45, 7, 41, 6],
    }
)


@pytest.mark.parametrize("event", ["cured", "died", "deaths", "events", "event", "status", "responders"])
@pytest.mark.parametrize("size", ["n", "N", "total", "patients", "randomised", "size"])
@pytest.mark.parametrize("named", [True, False])
def test_small_counts_are_counts_whatever_their_columns_are_called(event: str, size: str, named: bool) -> None:
    table = RARE.rename(columns={"cured": event, "n": size})
    trial = load_trial(table, **READ, **({"outcome": event} if named else {}))
    assert trial.reading is not None
    assert trial.reading.arms == {"placebo": (0, 30), "drug": (4, 164)}


def test_nobody_responded() -> None:
    trial = load_trial(RARE.assign(cured=0), outcome="cured", **READ)
    assert trial.reading is not None
    assert trial.reading.arms == {"placebo": (0, 30), "drug": (0, 164)}


def test_a_column_called_like_a_number_of_patients_does_not_make_patients_counts() -> None:
    """Several patients of one site and arm: 'size' is then something of theirs."""
    rows = pd.concat([RARE, RARE]).rename(columns={"n": "size"})
    trial = load_trial(rows, outcome="cured", **READ)
    assert trial.reading is not None
    assert trial.reading.arms == {"placebo": (0, 8), "drug": (8, 8)}


@pytest.mark.parametrize("event", ["deaths", "died", "events", "relapses", "mortality"])
@pytest.mark.parametrize("named", [True, False])
def test_counts_of_a_harm_warn_as_patients_do(event: str, named: bool) -> None:
    table = RARE.assign(cured=[5, 2, 7, 1, 6, 0, 4, 3]).rename(columns={"cured": event})
    if not named and event in ("relapses", "mortality"):
        with pytest.raises(TrialError):
            load_trial(table, **READ)
        return
    trial = load_trial(table, **READ, **({"outcome": event} if named else {}))
    assert trial.end_point.name == event
    assert any("sounds like a harm" in warning for warning in trial.warnings)
    declared = load_trial(table, benefit="lower", **READ, **({"outcome": event} if named else {}))
    assert not any("sounds like a harm" in warning for warning in declared.warnings)


@pytest.fixture
def patients() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "hospital": list("ABCDE") * 12,
            "arm": ["drug", "placebo"] * 30,
            "response": [0, 1, 1] * 20,
            "id": [f"P{i:03d}" for i in range(60)],
        }
    )


@pytest.mark.parametrize("name", ["id", "patient", "patnr", "Pat.-Nr.", "Patientennummer", "case no"])
@pytest.mark.parametrize("again", [1, 2])
def test_a_patient_again_at_another_hospital_is_not_another_patient(
    patients: pd.DataFrame, name: str, again: int
) -> None:
    more = pd.concat([patients, patients.iloc[4 : 4 + again].assign(hospital="F")]).rename(columns={"id": name})
    with pytest.raises(TrialError, match="again"):
        load_trial(more, **READ)


def test_patients_numbered_anew_at_each_hospital_are_as_before(patients: pd.DataFrame) -> None:
    numbered = patients.assign(id=patients.groupby("hospital").cumcount() + 1)
    trial = load_trial(numbered, **READ)
    assert trial.reading is not None
    assert any("numbered within sites" in guess for guess in trial.reading.guesses)
    assert trial.reading.patients == 60


def test_unknown_is_missing(patients: pd.DataFrame) -> None:
    words = patients.assign(response=["no", "yes", "unknown"] * 20)
    with pytest.raises(TrialError, match="missing outcome"):
        load_trial(words, **READ)
    trial = load_trial(words, missing="non_responder", **READ)
    assert trial.reading is not None
    assert sum(responders for responders, _ in trial.reading.arms.values()) == 20
