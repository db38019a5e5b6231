"""More than two arms: each active arm against the control, in a trial of its own, and what must be said of that."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import bayes_lupil as bl
from bayes_lupil.errors import TrialError
from tests.folders.without_pictures import without_pictures

SHARED = "one of 2 comparisons with the same control group ('placebo', 60 patients)"


@pytest.fixture(scope="module")
def patients() -> pd.DataFrame:
    rng = random.Random(4)
    rows = [
        {"site": site, "arm": arm, "response": int(rng.random() < chance), "visit": visit, "pid": f"{site}{arm}{i}"}
        for site in "ABCD"
        for arm, chance in (("placebo", 0.3), ("low/dose", 0.4), ("high dose", 0.6))
        for i in range(15)
        for visit in (1, 2)
    ]
    return pd.DataFrame(rows)


@pytest.fixture
def table(patients: pd.DataFrame, tmp_path: Path) -> Path:
    path = tmp_path / "three.csv"
    patients[patients.visit == 2].drop(columns="visit").to_csv(path, index=False)
    return path


def test_each_comparison_is_the_trial_of_its_two_arms(patients: pd.DataFrame) -> None:
    found = bl.load_comparisons(patients, control="placebo", where="visit == 2")
    assert list(found) == ["low/dose", "high dose"]
    counts = patients[patients.visit == 2].groupby("arm").response.agg(["sum", "size"])
    for arm, trial in found.items():
        two = bl.load_trial(patients, control="placebo", active=arm, where="visit == 2")
        assert trial.data_hash == two.data_hash
        assert trial.analysis_set().totals == tuple(tuple(counts.loc[name]) for name in ("placebo", arm))
        assert trial.warnings[0].startswith(SHARED)
        assert "multiplicity" in trial.warnings[0]
        assert trial.title.endswith(f", {arm} against placebo")
        assert not two.warnings
    text = repr(found)
    assert text.splitlines()[0] == "2 active arms, each against 'placebo'"
    assert "multiplicity" in text
    assert len(text.splitlines()) <= 20


def test_some_of_the_arms(patients: pd.DataFrame) -> None:
    found = bl.load_comparisons(patients, active=["high dose"], where="visit == 2")
    assert list(found) == ["high dose"]
    assert not found["high dose"].warnings  # nothing is shared
    four = pd.concat([patients, patients[patients.arm == "high dose"].assign(arm="each", pid=range(120))])
    assert list(bl.load_comparisons(four, active="each", where="visit == 2")) == ["each"]  # an arm may be called so
    assert len(bl.load_comparisons(four, where="visit == 2", active=["each", "high dose"])) == 2


def test_arms_that_a_condition_leaves_out_are_not_compared(patients: pd.DataFrame) -> None:
    found = bl.load_comparisons(patients, where="visit == 2 and arm != 'low/dose'")
    assert list(found) == ["high dose"]


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"control": "placbo"}, "no arm 'placbo'"),
        ({"active": ["high dos"]}, "'high dos' as an active arm"),
        ({"active": ["placebo"]}, "'placebo' as an active arm"),
        ({"where": "arm == 'placebo'"}, "only the arm 'placebo'"),
        ({"where": "arm != 'placebo'"}, "the arms 'low/dose', 'high dose'"),
        ({"where": "visit == 2", "sites": "site"}, "'sites'"),
    ],
)
def test_what_is_refused(patients: pd.DataFrame, options: dict[str, Any], found: str) -> None:
    with pytest.raises((TrialError, TypeError), match=found.replace("(", r"\(")):
        bl.load_comparisons(patients, **{"where": "visit == 2", **options})


def test_two_arms_side_by_side_or_declared_are_refused() -> None:
    wide = {"study": ["A", "B"], "ai": [1, 2], "n1i": [9, 9], "ci": [2, 3], "n2i": [9, 9]}
    with pytest.raises(TrialError, match="side by side"):
        bl.load_comparisons(wide, control="placebo")
    with pytest.raises(TrialError, match="built-in trial"):
        bl.load_comparisons("lupil2")


def test_whoever_asks_for_two_arms_is_told_of_each(patients: pd.DataFrame) -> None:
    for options in ({"control": "placebo"}, {"control": "placebo", "active": "each"}):
        with pytest.raises(TrialError, match="load_comparisons"):
            bl.load_trial(patients, where="visit == 2", **options)  # type: ignore[arg-type]


# on the command line


def test_fit_of_each_arm(table: Path, run: Any, fake_engine: Any, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    status, out, _ = run("fit", "itt_pooled", table, "--active", "each", "--out", folder)
    assert status == 0
    assert [path.name for path in sorted(folder.iterdir()) if path.is_dir()] == ["high_dose", "low_dose"]
    assert out.index("Warning: one of 2 comparisons") < out.index("low/dose against placebo")
    assert out.count("Warning: one of 2 comparisons") == 2
    for place, arm in (("low_dose", "low/dose"), ("high_dose", "high dose")):
        manifest = json.loads((folder / place / "manifest.json").read_text(encoding="utf-8"))
        assert manifest["arms"] == {"control": "placebo", "active": arm}
        assert manifest["warnings"][0].startswith(SHARED)
    assert run("fit", "itt_pooled", table, "--active", "each", "--out", folder)[0] == 0  # once more, nothing in the way
    status, out, _ = run("fit", "itt_pooled", table, "--active", "high dose", "--active", "low/dose", "--json")
    content = json.loads(out)["comparisons"]
    assert list(content) == ["high dose", "low/dose"]
    assert all(item["warnings"][0].startswith(SHARED) for item in content.values())


def test_a_model_that_one_comparison_does_not_support_writes_nothing(
    run: Any, fake_engine: Any, tmp_path: Path
) -> None:
    rows = ["site,arm,responders,n", "A,placebo,3,9", "A,low,2,9", "B,placebo,1,9", "B,low,4,9", "C,high,4,9"]
    (tmp_path / "t.csv").write_text("\n".join(rows))
    options = ("--active", "each", "--single-arm-sites", "--out", tmp_path / "out")
    status, _, err = run("fit", "site_fixed", tmp_path / "t.csv", *options)
    assert status == 2
    assert not (tmp_path / "out").exists()
    assert "both arms" in err


def test_reanalysis_and_check_of_each_arm(
    table: Path, run: Any, fake_engine: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_pictures(monkeypatch)
    model = tmp_path / "m.toml"
    model.write_text(run("models", "itt_pooled_primary_priors")[1])
    folder = tmp_path / "out"
    status, out, _ = run("reanalyse", table, "--models", model, "--active", "each", "--out", folder, "--one-engine")
    assert status == 0
    for place in ("low_dose", "high_dose"):
        page = (folder / place / "report.html").read_text(encoding="utf-8")
        assert page.index("Warning: one of 2 comparisons") < page.index("<h1")
        assert (folder / place / "itt_pooled_primary_priors" / "manifest.json").is_file()
        assert f"Written to {folder / place}" in out.replace("\n", "")
    status, out, _ = run("check", "site_effects", table, "--active", "each")
    assert status == 0
    assert out.count("can be fitted to trial 'three'") == 2
    assert out.index("Warning: one of 2 comparisons") < out.index("ok: trial 'three'")


@pytest.fixture
def graded(patients: pd.DataFrame) -> pd.DataFrame:
    """Nobody is cured but under the high dose, and only there were patients of stratum III."""
    once = patients[patients.visit == 2].drop(columns=["visit", "response"])
    high = once.arm == "high dose"
    grade = ["cured" if h and i % 3 == 0 else "better" if i % 2 else "same" for i, h in enumerate(high)]
    return once.assign(grade=grade, stratum=["III" if h and i % 4 == 0 else "I" for i, h in enumerate(high)])


def test_a_value_of_another_arm_is_no_misspelling(graded: pd.DataFrame) -> None:
    """A comparison in whose rows nobody responded is one of 0 against 0, not a table to be refused."""
    found = bl.load_comparisons(graded, outcome="grade", responder="cured", benefit="higher", id="pid")
    cured = int((graded.grade == "cured").sum())
    assert found["low/dose"].analysis_set().totals == ((0, 60), (0, 60))
    assert found["high dose"].analysis_set().totals == ((0, 60), (cured, 60))
    with pytest.raises(TrialError, match="no 'curd'"):
        bl.load_comparisons(graded, outcome="grade", responder="curd", benefit="higher", id="pid")


def test_a_population_of_another_arm_is_no_misspelling(graded: pd.DataFrame) -> None:
    given = {"outcome": "grade", "responder": ["cured", "better"], "benefit": "higher", "id": "pid"}
    in_one = {"first": "stratum != 'III'"}
    found = bl.load_comparisons(graded, population=in_one, **given)
    low, high = (found[arm].analysis_set("first").totals for arm in ("low/dose", "high dose"))
    assert low == found["low/dose"].analysis_set().totals
    assert high[1][1] == int(((graded.arm == "high dose") & (graded.stratum != "III")).sum())
    with pytest.raises(TrialError, match="never holds"):
        bl.load_comparisons(graded, population={"first": "stratum == 'IV'"}, **given)


@pytest.mark.parametrize("there", ["Cured", "CURED", "1_cured"])
def test_another_spelling_in_the_arms_compared_is_refused(graded: pd.DataFrame, there: str) -> None:
    """Else its patients would count as non-responders, and the arm with the spelling named would win."""
    low = (graded.arm == "low/dose") & (graded.grade == "better")
    mixed = graded.assign(grade=graded.grade.where(~low, there))
    given = {"outcome": "grade", "responder": "cured", "benefit": "higher", "id": "pid"}
    with pytest.raises(TrialError, match="no 'cured'"):
        bl.load_trial(mixed, control="placebo", active="low/dose", **given)
    told = bl.load_trial(graded, control="placebo", active="low/dose", **given).reading
    assert told is not None
    assert any("only in other arms: nobody here" in coding for coding in told.codings)
