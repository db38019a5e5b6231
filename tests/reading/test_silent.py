"""Tables that would give a wrong number without a word: each kind in many variants, and what must stay readable."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bayes_lupil import Arms, Cells, EndPoint, Patients, Trial, load_trial, read_outcomes
from bayes_lupil.errors import TrialError
from bayes_lupil.trials import Population

Columns = dict[str, list[Any]]


@pytest.fixture
def patients() -> Callable[..., Columns]:
    """Twelve patients at three sites, with other columns."""

    def make(**columns: list[Any]) -> Columns:
        rng = np.random.default_rng(1)
        return {
            "site": ["A", "B", "C"] * 4, "arm": ["placebo", "drug"] * 6, "response": [0, 1, 1, 0] * 3,
            "age": rng.normal(50, 9, 12).round(1).tolist(), "weight": rng.normal(70, 9, 12).round(1).tolist(),
        } | columns  # fmt: skip

    return make


def times(columns: Columns, visits: int, **more: list[Any]) -> Columns:
    """Every row several times."""
    return {name: [value for value in values for _ in range(visits)] for name, values in columns.items()} | more


def refused(columns: Columns, **options: Any) -> TrialError:
    with pytest.raises(TrialError) as caught:
        load_trial(columns, **options)
    return caught.value


# rows that are not patients

IDS = ["id", "ID", "usubjid", "SUBJID", "patient", "patient_id", "Patient.No", "pid", "subject", "Subject ID", "ptid"]


@pytest.mark.parametrize("name", IDS)
def test_an_identifier_that_comes_again(patients: Callable[..., Columns], name: str) -> None:
    once = patients(**{name: [f"p{i}" for i in range(12)]})
    assert load_trial(once).analysis_set().patients == 12
    for visits in (2, 4):
        problem = refused(times(once, visits))
        assert problem.where == f"the dictionary, row 2, column '{name}'"
        assert f"{12 * visits} rows of 12 patients, 12 of whom come more than once" in problem.found
    one_more = {key: [*values, values[0]] for key, values in once.items()}
    assert "13 rows of 12 patients, 1 of whom" in refused(one_more).found


@pytest.mark.parametrize(
    "name", ["visit", "VISITNUM", "AVISIT", "week", "month", "period", "Time point", "wave", "time", "day"]
)
@pytest.mark.parametrize("identified", [True, False])
def test_a_visit_is_chosen_from(patients: Callable[..., Columns], name: str, identified: bool) -> None:
    ids = {"id": [f"p{i}" for i in range(12)]} if identified else {}
    columns = times(patients(**ids), 3, **{name: [1, 2, 3] * 12})
    problem = refused(columns)
    quoted = name if name.isidentifier() else f"`{name}`"
    assert f'where="{quoted} == 3"' in problem.hint
    assert load_trial(columns, where=f"{quoted} == 3").analysis_set().patients == 12


def test_a_visit_column_of_one_visit_or_of_one_row_a_patient_is_no_matter(patients: Callable[..., Columns]) -> None:
    assert load_trial(patients(visit=[4] * 12)).analysis_set().patients == 12
    several = patients(id=list(range(12)), visit=[1, 2, 3] * 4)
    assert load_trial(several).analysis_set().patients == 12


@pytest.mark.parametrize("by", [2, 3, 5])
def test_repeated_rows_without_an_identifier(patients: Callable[..., Columns], by: int) -> None:
    problem = refused(times(patients(), by))
    assert problem.found.startswith(f"every row {by} times")
    counts = times({"site": ["A", "B"] * 6, "arm": ["x", "y", "y", "x"] * 3, "response": [0, 1, 1, 1, 0, 0] * 2}, by)
    told = load_trial(counts, control="x").warnings
    assert any(f"a multiple of {by}" in text or "multiple of" in text for text in told)


def test_patients_numbered_within_sites_are_different_ones(patients: Callable[..., Columns]) -> None:
    trial = load_trial(patients(id=[1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4]))
    assert any("numbered within sites" in note for note in trial.notes)
    assert "again" in refused(patients(usubjid=[1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4])).found
    crossed = times(patients(id=list(range(12))), 2) | {"arm": ["placebo", "drug"] * 12}
    assert "in the arms 'placebo' and 'drug'" in refused(crossed).found


def test_an_identifier_that_was_named_and_has_gaps(patients: Callable[..., Columns]) -> None:
    problem = refused(patients(code=[*range(11), None]), id="code")
    assert problem.found == "no identifier of the patient"


@pytest.mark.parametrize("name", IDS)
def test_end_points_too(patients: Callable[..., Columns], name: str) -> None:
    with pytest.raises(TrialError, match=r"again|twice"):
        read_outcomes(times(patients(**{name: [f"p{i}" for i in range(12)]}), 2))


# totals


def counts(*sites: tuple[str, int, int, int, int]) -> Columns:
    rows = [(s, arm, r, n) for s, *c in sites for arm, r, n in (("placebo", *c[:2]), ("drug", *c[2:]))]
    return {name: [row[i] for row in rows] for i, name in enumerate(("site", "arm", "responders", "n"))}


TWO = (("Paris", 3, 10, 6, 10), ("Lyon", 4, 12, 7, 11))


@pytest.mark.parametrize(
    "name",
    ["Total", "TOTAL", "total:", "All", "all sites", "All centres", "Overall", "Sum", "Grand total", "Subtotal",
     "Pooled", "total\xa0", "Combined", "ALL STUDIES"],
)  # fmt: skip
@pytest.mark.parametrize("row", [(7, 22, 13, 21), (5, 20, 8, 20)])
def test_a_row_that_is_named_like_a_total(name: str, row: tuple[int, int, int, int]) -> None:
    problem = refused(counts(*TWO, (name, *row)))
    assert "whose counts are the sum" in problem.found or "named like a total" in problem.found
    assert load_trial(counts(*TWO, (name, *row)), where=f"site != {name.strip()!r}").analysis_set().totals == (
        (7, 22), (13, 21),
    )  # fmt: skip


@pytest.mark.parametrize("name", ["France", "Z", "99", "Europe"])
def test_a_row_that_is_the_sum_of_the_others(name: str) -> None:
    three = (*TWO, ("Nice", 1, 5, 2, 6))
    assert "the sum of the others" in refused(counts(*three, (name, 8, 27, 15, 27))).found
    assert len(load_trial(counts(*three, (name, 8, 27, 15, 28))).site_names) == 4


@pytest.mark.parametrize("name", ["Allenstown", "Sumter", "Total Care Clinic", "Overall Street 1", "Pooler"])
def test_names_that_only_begin_so_are_sites(name: str) -> None:
    assert name in load_trial(counts(*TWO, (name, 1, 4, 2, 5))).site_names


# spellings


@pytest.mark.parametrize(
    ("one", "other"),
    [("Paris", "paris"), ("Paris", "PARIS "), ("P 1", "P  1"), ("P 1", "P\xa01"), ("Köln", "Ko\u0308ln"), ("001", "1"),
     ("Site 01", "Site 1"), ("S007", "s7"), ("A\u200b", "A"), ("\uff21", "A"), ("05 Lyon", "5 lyon")],
)  # fmt: skip
def test_two_spellings_of_a_site(one: str, other: str) -> None:
    for columns in (
        counts((one, 1, 4, 2, 5), (other, 1, 4, 2, 5)),
        {"site": [one, other] * 2, "arm": ["placebo", "placebo", "drug", "drug"], "y": [0, 1, 1, 1]},
    ):
        assert refused(columns).required == "one spelling of each site"


@pytest.mark.parametrize(("one", "other"), [("1.05", "1.5"), ("10", "1"), ("100", "1000"), ("A1", "A10"), ("0", "O")])
def test_other_sites_are_two(one: str, other: str) -> None:
    assert load_trial(counts((one, 1, 4, 2, 5), (other, 1, 4, 2, 5))).site_names == (one, other)


# clusters and sites of one arm


def test_clusters_are_accepted_where_somebody_says_so() -> None:
    columns = {"site": list("ABCD") * 3, "arm": ["placebo", "drug"] * 6, "y": [0, 1] * 6}
    for table in (columns, counts(("A", 3, 9, 0, 0), ("B", 0, 0, 4, 9))):
        assert "no site with patients of both arms" in refused(table).found
        trial = load_trial(table, single_arm_sites=True)
        assert trial.warnings[0].startswith("no site has patients of both arms")


def test_built_in_python_they_are_told_too() -> None:
    cells = Cells(("A", "B", "C"), np.array([[1, 0], [0, 2], [1, 0]]), np.array([[4, 0], [0, 5], [4, 0]]))
    trial = Trial.from_cells(cells, Arms("p", "d"), EndPoint("x", "x"))
    assert trial.warnings[0].startswith("no site has patients of both arms")
    assert Trial.from_counts("3/9", "1/9").warnings == ()


# sites that are lost


def test_a_site_that_lost_all_its_patients_is_counted(patients: Callable[..., Columns]) -> None:
    trial = load_trial(patients(site=["A", "B", "A", "B"] * 2 + ["C"] * 4, pop_pp=[1] * 8 + [0] * 4))
    assert any("like everyone of site 'C'" in item.reason for item in trial.analysis_set("pp").exclusions)
    trial = load_trial(patients(site=["A"] * 8 + ["C"] * 4), where="site != 'C'")
    assert "site 'C' left out: no row fulfils site != 'C'" in trial.notes
    everyone = {"itt": Population("itt", "itt"), "pp": Population("pp", "pp")}
    data = Patients(("A", "A", "B"), np.array([0, 1, 1]), np.array([0, 1, 1]), {"pp": np.array([True, True, False])})
    made = Trial("t", "t", Arms("p", "d"), EndPoint("x", "x"), data, everyone)
    assert made.analysis_set("pp").excluded == 1


# direction


@pytest.mark.parametrize(
    "name",
    ["death", "died", "Dead", "mortality_30d", "relapse", "treatment_failure", "adverse event", "SAE", "stroke",
     "MI", "hospitalisation", "progression", "infection", "major.bleeding"],
)  # fmt: skip
def test_an_end_point_that_sounds_like_a_harm(patients: Callable[..., Columns], name: str) -> None:
    columns = patients()
    columns[name] = columns.pop("response")
    assert any("sounds like a harm" in text for text in load_trial(columns, outcome=name).warnings)
    for benefit in ("lower", "higher"):
        assert not load_trial(columns, outcome=name, benefit=benefit).warnings  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["response", "cure", "remission", "improved", "deadline met", "familiar", "survived"])
def test_other_end_points_do_not(patients: Callable[..., Columns], name: str) -> None:
    columns = patients()
    columns[name] = columns.pop("response")
    assert not load_trial(columns, outcome=name).warnings


# values


@pytest.mark.parametrize(
    ("good", "bad"),
    [("1", "0"), (1.0, 0.0), ("Yes", "No"), ("y", "n"), ("TRUE", "FALSE"), (True, False), ("1_yes", "0_no"),
     ("1. Yes", "2. No"), ("responder", "non-responder"), ("Event", "No event")],
)  # fmt: skip
def test_values_of_which_one_is_plainly_the_event(patients: Callable[..., Columns], good: Any, bad: Any) -> None:
    trial = load_trial(patients(response=[bad, good, good, bad] * 3))
    assert trial.analysis_set().totals == load_trial(patients()).analysis_set().totals


@pytest.mark.parametrize(
    ("one", "other"),
    [("good", "poor"), (1, 2), ("alive", "dead"), ("A", "B"), ("positive", "negative"), ("0", "2"), (5, 7),
     ("cured", "not cured"), ("high", "low"), ("M", "F")],
)  # fmt: skip
def test_values_that_nobody_can_guess(patients: Callable[..., Columns], one: Any, other: Any) -> None:
    columns = patients(response=[one, other, other, one] * 3)
    problem = refused(columns)
    assert "responder=" in problem.hint
    totals = load_trial(columns, responder=other).analysis_set().totals
    assert totals == load_trial(patients()).analysis_set().totals
    assert "no '77'" in refused(columns, responder=77).found


@pytest.mark.parametrize("nothing", ["NA", ".", "", None, float("nan"), -99, "missing", "N/A", ".a", -99.0, "NULL"])
def test_missing_outcomes_need_a_rule(patients: Callable[..., Columns], nothing: Any) -> None:
    columns = patients(response=[nothing, 1, 1, 0] * 3)
    problem = refused(columns)
    assert problem.found == "a missing outcome (3 in all); by arm: drug 0 of 6, placebo 3 of 6"
    assert load_trial(columns, missing="non_responder").analysis_set().totals == ((3, 6), (3, 6))
    assert load_trial(columns, missing="complete_cases").analysis_set().totals == ((3, 3), (3, 6))
    assert load_trial(columns, missing="event", benefit="lower").analysis_set().totals == ((6, 6), (3, 6))
    for rule, benefit in (("event", "higher"), ("non_responder", "lower")):
        assert "count against a treatment" in refused(columns, missing=rule, benefit=benefit).hint


def test_further_missing_values(patients: Callable[..., Columns]) -> None:
    columns = patients(response=["lost", 1, 1, 9] * 3)
    trial = load_trial(columns, na=("lost", 9), missing="non_responder")
    assert trial.analysis_set().totals == ((3, 6), (3, 6))


# conditions


@pytest.mark.parametrize(
    ("condition", "rows"),
    [
        ("age >= 50", 2), ("not age >= 50", 2), ("age == 40 or arm == 'b'", 3), ("visit in (1, 4)", 3),
        ("visit not in (1, 4)", 1), ("1 < visit <= 4", 2), ("visit == '4'", 1), ("4 == visit", 1), ("`a b` == 'x'", 2),
        ("a.b != None", 3), ("age < 50 and (arm == 'a' or visit == 2)", 1), ("day >= '2024-02-01'", 2),
        ("ok == True", 2),
    ],
)  # fmt: skip
def test_conditions(condition: str, rows: int) -> None:
    from bayes_lupil.trials.sources import read_source
    from bayes_lupil.trials.where import rows_where

    table = read_source(
        {"age": [40, 50, 60, None], "arm": list("abab"), "visit": [1, 1, 2, 4], "a b": list("xyxy"),
         "ok": [True, False] * 2,
         "a.b": [1, 2, 3, None], "day": ["2024-01-01", "2024-02-01", "2024-03-01", ""]}
    )  # fmt: skip
    assert sum(rows_where(table, condition)) == rows


@pytest.mark.parametrize(
    "condition",
    [
        "", "age", "age = 50", "age == ", "__import__('os').system('true')", "age.__class__ == 1",
        "(lambda: 1)() == age",
        "age == arm", "age > 'x'", "agee == 1", "arm == 'c'", "age in 5", "[x for x in age]", "age == 1 if arm else 2",
        "age == f'{1}'", "age & 1", "age == 1; import os", "1 == 1", "arm > 3", "age == " + "(" * 500 + "1" + ")" * 500,
        "age == 1 and " * 300 + "age == 1", "age == 10 ** 10 ** 10", "open('x') == age", "`age == 1", "arm != 'zz'",
    ],
)  # fmt: skip
def test_what_is_no_condition(condition: str, tmp_path: Path) -> None:
    problem = refused({"age": [1, 2], "arm": ["a", "b"], "response": [0, 1]}, where=condition, control="a")
    assert "the dictionary" in problem.where
    assert not list(tmp_path.iterdir())


def test_no_row_left() -> None:
    problem = refused({"age": [1, 2], "arm": ["a", "b"], "response": [0, 1]}, where="age > 5", control="a")
    assert problem.found == "no row that fulfils 'age > 5'"


# options that would do nothing


@pytest.mark.parametrize(
    "option", [{"responder": 1}, {"missing": "complete_cases"}, {"na": 9}, {"population": {"pp": "x"}}]
)
def test_an_option_that_would_change_nothing_is_refused(option: dict[str, Any]) -> None:
    assert "with a table of counts" in refused(counts(*TWO), **option).found
    with pytest.raises(TrialError, match=r"option \w+: found"):
        load_trial("beitler_landis", **option)
