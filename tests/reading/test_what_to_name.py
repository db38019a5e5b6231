"""Messages that name what to say: the column of sites, the sheet, the call for several arms."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import bayes_lupil as bl
from bayes_lupil.errors import InputError, TrialError, UnsupportedModelError

READ: dict[str, Any] = {"active": "drug", "control": "placebo"}


@pytest.fixture
def patients() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Pat-Nr": range(60),
            "ort": list("ABCDEF") * 10,
            "arm": ["drug"] * 30 + ["placebo"] * 30,
            "response": [0, 1, 1] * 20,
            "age": [30.5 + i / 7 for i in range(60)],
            "sex": ["f", "m"] * 30,
        }
    )


@pytest.mark.parametrize("name", ["ort", "Zentrum X", "facility_code", "ward", "abc"])
@pytest.mark.parametrize("model", ["site_effects", "site_fixed", "site_intercepts", "site_exnex"])
def test_the_column_of_sites_that_nobody_found_is_named(patients: pd.DataFrame, name: str, model: str) -> None:
    table = patients.rename(columns={"ort": name})
    with pytest.raises(UnsupportedModelError) as problem:
        bl.fit(model, table, **READ)
    assert (
        f"--site COLUMN (in Python: site=...). It could be '{name}' (6 different values), 'sex'" in problem.value.hint
    )
    assert "age" not in problem.value.hint
    assert "Pat-Nr" not in problem.value.hint
    assert "published" not in str(problem.value)
    assert bl.load_trial(table, site=name, **READ).site_names == tuple("ABCDEF")


@pytest.mark.parametrize("name", ["ort", "Zentrum X", "facility_code"])
def test_counts_by_a_site_that_nobody_found(name: str) -> None:
    long = pd.DataFrame(
        {name: list("AABBCC"), "arm": ["drug", "placebo"] * 3, "responders": [1, 2, 3, 1, 2, 3], "n": 9}
    )
    with pytest.raises(TrialError, match=f"--site COLUMN.*'{name}'") as problem:
        bl.load_trial(long, **READ)
    assert "no column of sites" in problem.value.found
    assert bl.load_trial(long, site=name, **READ).site_names == tuple("ABC")
    wide = pd.DataFrame({name: list("ABC"), "ai": [1, 2, 3], "n1i": 9, "ci": [1, 2, 2], "n2i": 8})
    with pytest.raises(TrialError, match=f"{name}.*--site") as problem:
        bl.load_trial(wide)
    assert "all sites" not in str(problem.value)


@pytest.mark.parametrize("active", [["low", "high"], ("low", "high"), ["low"], {"low", "high"}])
@pytest.mark.parametrize("call", ["fit", "load_trial"])
def test_several_active_arms_name_what_reads_them(active: Any, call: str) -> None:
    table = pd.DataFrame({"arm": ["low", "high", "placebo"] * 4, "response": [0, 1] * 6})
    asked = {"control": "placebo", "active": active}
    with pytest.raises(TrialError, match=r"load_comparisons.*--active each"):
        bl.fit("itt_pooled", table, **asked) if call == "fit" else bl.load_trial(table, **asked)


BAD: dict[str, pd.DataFrame] = {
    "words": pd.DataFrame({"Study report": ["made by", "on"], "x": ["somebody", "Monday"]}),
    "no arm": pd.DataFrame({"centre": [1, 2], "visits": [3, 4]}),
    "header only": pd.DataFrame({"site": [], "arm": [], "response": []}),
    "codes": pd.DataFrame({"arm": ["drug", "placebo"], "response": ["yes maybe", "no maybe"]}),
    "nameless": pd.DataFrame({"": ["arm", "drug"], "response": [1, 0]}),
}


@pytest.mark.parametrize("kind", list(BAD))
@pytest.mark.parametrize("call", [bl.load_trial, bl.load_comparisons])
def test_sheets_are_listed_where_the_first_is_no_trial(
    patients: pd.DataFrame, tmp_path: Path, kind: str, call: Any
) -> None:
    path = tmp_path / "book.xlsx"
    with pd.ExcelWriter(path) as book:
        BAD[kind].to_excel(book, sheet_name="About", index=False)
        patients.to_excel(book, sheet_name="Data 2024", index=False)
        BAD["words"].to_excel(book, sheet_name="Codes", index=False)
    with pytest.raises(TrialError) as problem:
        call(path, control="placebo")
    assert (
        "'About'; the file has others: 'Data 2024', 'Codes'. --sheet NAME (in Python: sheet=...)" in problem.value.hint
    )
    trial = bl.load_trial(path, sheet="Data 2024", site="ort", **READ)
    assert trial.analysis_set().totals == ((20, 30), (20, 30))
    with pytest.raises(TrialError, match="'About', 'Data 2024', 'Codes'"):
        bl.load_trial(path, sheet="Sheet 9", **READ)


def test_one_sheet_is_not_one_of_several(tmp_path: Path) -> None:
    BAD["no arm"].to_excel(tmp_path / "one.xlsx", index=False)
    with pytest.raises(TrialError) as problem:
        bl.load_trial(tmp_path / "one.xlsx")
    assert "--sheet" not in str(problem.value)


@pytest.mark.parametrize(
    ("model", "trial", "words"),
    [
        ("itt_pooled", "beitler_landis", "model 'itt_pooled', which has no site effects.*site_effects"),
        ("itt_pooled", "lupil2", "no site effects"),
        ("itt_pooled_primary_priors", "beitler_landis", "no site effects"),
    ],
)
def test_a_model_without_site_effects_has_no_figure_of_sites(model: str, trial: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        bl.fit(model, trial).plot.sites()
