"""CSV tables as text: their limits, their names, and what stands for an end point."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bayes_lupil import load_trial, read_outcomes
from bayes_lupil.errors import InputError, TrialError
from bayes_lupil.limits import MOST_COLUMNS, MOST_LETTERS
from bayes_lupil.trials.delimited import read_table

PATIENTS = (
    "site,arm,response,pop_pp,patient,age\nA,placebo,1,1,a,30\nA,drug,0,1,b,40\nB,placebo,0,0,c,50\nB,drug,1,1,d,60\n"
)


@pytest.fixture
def refused(tmp_path: Path) -> Callable[..., InputError]:
    def refused(text: str, read: Callable[..., object] = load_trial, **options: str) -> InputError:
        path = tmp_path / "t.csv"
        path.write_text(text, encoding="utf-8", newline="")
        with pytest.raises(TrialError) as caught:
            read(path, **options)
        assert caught.value.where.startswith(str(path))
        return caught.value

    return refused


Refused = Callable[..., InputError]


# limits


@pytest.mark.parametrize("more", [1, 58_000])
@pytest.mark.parametrize("read", [load_trial, read_outcomes, read_table])
def test_too_many_columns(refused: Refused, more: int, read: Callable[..., object]) -> None:
    columns = ["site", "arm", *(f"c{i}" for i in range(MOST_COLUMNS - 2 + more))]
    problem = refused(",".join(columns) + "\n" + ",".join("1" * len(columns)) + "\n", read)
    assert problem.found == f"{len(columns):,} columns"
    assert problem.required == "at most 2,000"


def test_as_many_columns_as_may_be(tmp_path: Path) -> None:
    columns = ["site", "arm", *(f"c{i}" for i in range(MOST_COLUMNS - 2))]
    path = tmp_path / "t.csv"
    path.write_text(",".join(columns) + "\n" + ",".join("1" * len(columns)) + "\n", encoding="utf-8")
    assert len(read_outcomes(path).numbers) == MOST_COLUMNS - 2


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_too_many_lines(refused: Refused, monkeypatch: pytest.MonkeyPatch, end: str) -> None:
    monkeypatch.setattr("bayes_lupil.trials.tables.MOST_LINES", 100)
    assert refused("site,arm" + f"{end}A,b" * 101 + end).found.endswith(" lines")


def test_too_many_cells(refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bayes_lupil.trials.tables.MOST_CELLS", 100)
    problem = refused("site,arm,x,y\n" + "A,b,1,2\n" * 30)
    assert problem.found == "31 lines of 4 columns"
    assert problem.required == "at most 100 cells"


@pytest.mark.parametrize("patients", ["1000000000000", "9999999999999", "9" * 400, "1000000000000.0", "1e12"])
def test_too_many_patients_in_a_cell(refused: Refused, patients: str) -> None:
    problem = refused(f"site,arm,responders,n\nA,placebo,1,{patients}\nA,drug,1,2\n")
    assert problem.where.endswith("line 2, column 'n'")
    assert problem.required == "a whole number from 0 to 999,999,999,999"


def test_too_many_patients_in_an_arm(tmp_path: Path) -> None:
    rows = "".join(f"{site},{arm},1,900000000000\n" for site in "AB" for arm in ("placebo", "drug"))
    (tmp_path / "t.csv").write_text("site,arm,responders,n\n" + rows, encoding="utf-8")
    with pytest.raises(
        TrialError, match=r"t\.csv, patients: found 1,800,000,000,000 in one arm; required: at most 999,999,999,999 "
    ):
        load_trial(tmp_path / "t.csv")


# names


@pytest.mark.parametrize("column", ["site", "arm", "patient"])
@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("a\tb", "a tab (U+0009)"), ("a\nb", "a line break (U+000A)"), ("a\r\nb", "a line break (U+000D)"),
        ("a\u2028b", "a line break (U+2028)"), ("", "nothing"), ("  ", "nothing"), ("x" * 301, "a name of 301 letters"),
    ],
)  # fmt: skip
def test_a_name_that_no_table_can_show_is_refused_at_its_line(
    refused: Refused, column: str, name: str, found: str
) -> None:
    cells = {"site": "A", "arm": "drug", "patient": "p"} | {column: f'"{name}"'}
    text = "site,arm,patient,x\nB,placebo,q,1\n" + ",".join([*cells.values(), "1"]) + "\n"
    problem = refused(text, read_outcomes)
    assert problem.where.endswith(f", line {3 + name.count(chr(10))}, column '{column}'")
    assert found in problem.found


@pytest.mark.parametrize("name", ["a\tb", "a\nb", "x" * 301])
def test_a_column_has_a_name_on_one_line(refused: Refused, name: str) -> None:
    for read in (load_trial, read_outcomes):
        problem = refused(f'site,arm,"{name}"\nA,drug,1\n', read)
        assert ", line " in problem.where


def test_a_name_may_be_as_long_as_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(PATIENTS.replace("A,", "x" * MOST_LETTERS + ","), encoding="utf-8")
    assert load_trial(path).site_names[0] == "x" * MOST_LETTERS


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Paris", "PARIS"), ("Paris", "paris"), ("K\u00f6ln", "Ko\u0308ln"), ("Paris", "Par\u200bis"), ("P 1", "P  1"),
        ("P 1", "P\u00a01"), ("Paris", "\u202eParis"), ("\uff21", "A"), ("Stra\u00dfe", "STRASSE"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("column", ["site", "arm"])
def test_two_spellings_of_one_name_are_refused(refused: Refused, one: str, other: str, column: str) -> None:
    rows = (
        [(one, "placebo"), (other, "drug")] if column == "site" else [("A", one), ("B", other), ("A", "x"), ("B", "x")]
    )
    table = "\n".join(["site,arm,responders,n", *(f"{s},{a},1,2" for s, a in rows)])
    patients = "\n".join(["site,arm,response", *(f"{s},{a},1" for s, a in rows)])
    for text, read in ((table, load_trial), (patients, load_trial), (patients, read_outcomes)):
        problem = refused(text, read)
        assert problem.where.endswith(f"line 3, column '{column}'") or column == "arm"
        assert problem.required == f"one spelling of each {column}"
        assert str(problem).isprintable()


# what may be an end point


@pytest.mark.parametrize("name", ["arm", "site", "patient", "pop_pp", "", "  "])
def test_what_is_no_outcome_is_no_end_point(refused: Refused, name: str) -> None:
    problem = refused(PATIENTS, end_point=name)
    assert problem.required == "the column of an outcome"
    assert problem.hint == "Columns of 0 and 1: response."


@pytest.mark.parametrize("name", ["data", "pop_itt", "pop_", "arm", "site"])
def test_nor_are_other_columns_with_a_meaning(refused: Refused, name: str) -> None:
    text = "site,arm,pop_itt,pop_,data,age\n0,0,1,1,1,30\n0,1,1,1,0,40\n"
    problem = refused(text, end_point=name, control="0", active="1")
    assert problem.required == "the column of an outcome"
    assert problem.hint == "No column has only 0 and 1."


@pytest.mark.parametrize("name", ["", "   "])
def test_the_end_point_of_a_table_of_sites_has_a_name(refused: Refused, name: str) -> None:
    problem = refused("site,arm,responders,n\nA,placebo,1,2\nA,drug,1,2\n", end_point=name)
    assert ", end point" in problem.where
    assert problem.required.startswith("a name")


@pytest.mark.parametrize("one", ["1", "1.0"])
@pytest.mark.parametrize("zero", ["0", "0.0"])
def test_flags_and_outcomes_as_programs_write_them(tmp_path: Path, one: str, zero: str) -> None:
    path = tmp_path / "t.csv"
    rows = [f"A,placebo,{one},{one}", f"A,drug,{zero},{one}", f"B,placebo,{zero},{zero}", f"B,drug,{one},{one}"]
    path.write_text("\n".join(["site,arm,response,pop_pp", *rows]), encoding="utf-8")
    assert load_trial(path).analysis_set("pp").totals == ((1, 1), (1, 2))


@pytest.mark.parametrize("cell", ["2", "1.5", "-1", "true", "yes", "1e0", "\uff11", "0.", "1.00x", "nan"])
def test_other_flags_are_refused(refused: Refused, cell: str) -> None:
    problem = refused(PATIENTS.replace("A,drug,0,1,b", f"A,drug,0,{cell},b"))
    assert problem.where.endswith("line 3, column 'pop_pp'")
    assert problem.required == "0 or 1"
