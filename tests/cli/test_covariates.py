"""Covariates named on the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest


@pytest.fixture
def patients(tmp_path: Path) -> str:
    rng = np.random.default_rng(1)
    rows = ["id,site,arm,response,age,stage"]
    for i in range(120):
        site, arm = "ABCD"[i % 4], ("placebo", "drug")[i // 4 % 2]
        rows.append(f"{i},{site},{arm},{rng.integers(2)},{rng.integers(20, 80)},{('I', 'II', 'III')[rng.integers(3)]}")
    path = tmp_path / "patients.csv"
    path.write_text("\n".join(rows) + "\n")
    return str(path)


def test_a_spline_and_steps_are_fitted(run: Any, patients: str) -> None:
    status, out, err = run(
        "fit", "site_effects_adjusted", patients, "--control", "placebo", "--spline", "age=3", "--ordered",
        "stage=I, II, III", "--json",
    )  # fmt: skip
    assert status == 0, err
    told = json.dumps(json.loads(out))
    for words in (
        "age, by SD",
        "age: curve 2 of 2 beside the line",
        "stage: II or higher v I",
        "stage: III v II or lower",
    ):
        assert words in told


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--spline", "age"], "option --spline: found 'age'; required: COLUMN=..."),
        (["--spline", "age=four"], "a whole number of degrees of freedom"),
        (["--spline", "age=1"], "covariates.splines"),
        (["--spline", "age=3", "--continuous", "age"], "'age' twice"),
        (["--ordered", "=I,II"], "option --ordered: found '=I,II'"),
        (["--ordered", "stage=I"], "covariates.ordered"),
        (["--ordered", "stage=I,II"], "'III'"),
        (["--spline", "age=3", "--spline", "age=4"], "column 'age' twice"),
        (["--ordered", "stage=I,II,III", "--ordered", "stage=III,II,I"], "column 'stage' twice"),
    ],
)
def test_what_is_no_covariate_is_told(run: Any, patients: str, arguments: list[str], said: str) -> None:
    status, _, err = run("fit", "site_effects_adjusted", patients, "--control", "placebo", *arguments)
    assert status == 2
    assert said in " ".join(err.split())


def test_a_model_without_covariates_takes_none(run: Any, patients: str) -> None:
    status, _, err = run("fit", "site_effects", patients, "--control", "placebo", "--spline", "age=3")
    assert status == 2
    assert "site_effects_adjusted" in err
