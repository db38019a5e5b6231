"""What is left out says so, with its number and its reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bayes_lupil import load_trial

PATIENTS = pd.DataFrame(
    {
        "site": ["A"] * 4 + ["B"] * 4 + ["C"] * 2,
        "arm": ["drug", "placebo"] * 4 + ["high"] * 2,
        "response": [1, 0, "NA", 0, 1, 1, 0, "NA", 1, 0],
        "phase": [1, 1, 1, 1, 1, 1, 2, 2, 1, 1],
    }
)
TWO = {"active": "drug", "control": "placebo"}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            {"missing": "complete_cases"},
            "2 patients left out: outcome missing (drug 1 of 4, placebo 1 of 4; by site A: drug 1; B: placebo 1)",
        ),
        (
            {"missing": "complete_cases", "where": "phase == 1"},
            "1 patient left out: outcome missing (drug 1 of 3, placebo 0 of 3; by site A: drug 1)",
        ),
        ({"missing": "complete_cases"}, "2 patients left out: arm 'high' is not compared"),
        ({"missing": "complete_cases"}, "site 'C' left out: no patients in either arm compared"),
        (
            {"missing": "non_responder", "where": "phase == 1"},
            "2 of 10 rows left out: phase == 1 is not fulfilled (drug 1, placebo 1)",
        ),
        ({"missing": "non_responder", "where": "site != 'C'"}, "site 'C' left out: no row fulfils site != 'C'"),
    ],
)
def test_of_patients(options: dict[str, Any], said: str, tmp_path: Path, run: Any) -> None:
    trial = load_trial(PATIENTS, **TWO, **options)
    assert trial.reading is not None
    assert said in trial.reading.exclusions
    assert said in trial.notes
    assert said in trial.reading.lines
    assert all(" left out: " in text for text in trial.reading.exclusions)
    PATIENTS.to_csv(tmp_path / "t.csv", index=False)
    given = [word for name, value in (TWO | options).items() for word in (f"--{name}", value)]
    status, out, err = run("check", tmp_path / "t.csv", *given)
    assert status == 0, err
    assert said in " ".join(out.split())


def test_of_counts() -> None:
    rows = [("A", "drug", 1, 5), ("A", "placebo", 2, 5), ("A", "high", 1, 1), ("B", "high", 3, 1200)]
    rows += [("C", "drug", 0, 0), ("C", "placebo", 0, 0)]
    trial = load_trial(pd.DataFrame(rows, columns=["site", "arm", "responders", "n"]), **TWO)
    assert trial.reading is not None
    assert set(trial.reading.exclusions) == {
        "1,201 patients left out: arm 'high' is not compared",
        "site 'B' left out: no patients in either arm compared",
        "site 'C' left out: no patients in either arm",
    }
