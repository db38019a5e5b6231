"""Patient-level data: what a file or frame may hold, and where it is wrong if it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bayes_lupil.errors import TrialError
from bayes_lupil.outcomes import Outcomes, read_outcomes
from bayes_lupil.trials.end_point import SYNTHETIC

NAN = float("nan")


def _file(tmp_path: Path, text: str, name: str = "trial.csv") -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def _frame(**columns: list) -> pd.DataFrame:
    return pd.DataFrame({"site": ["A", "A"], "arm": ["placebo", "drug"], **columns})


def test_numbers_texts_and_gaps(tmp_path: Path) -> None:
    path = _file(
        tmp_path, "patient,site,arm,x,grade,empty\np1,A,placebo,1.5,B,\np2,B,drug, NA ,.,n/a\np3,B,high,-3,A,NaN\n"
    )
    data = read_outcomes(path)
    assert (data.name, len(data), data.synthetic) == ("trial", 3, False)
    assert data.patient == ("p1", "p2", "p3")
    assert data.arms == ("placebo", "drug", "high")
    assert data.sites == ("A", "B")
    assert data.columns == ("x", "empty", "grade")
    np.testing.assert_array_equal(data.number("x"), [1.5, NAN, -3])
    assert np.isnan(data.number("empty")).all()
    assert data.texts["grade"] == ("B", ".", "A")


@pytest.mark.parametrize(
    ("cells", "alike"),
    [
        (("1", "01"), "'01' and '1'"), (("007", "7"), "'007' and '7'"), (("01", "001"), "'001' and '01'"),
        (("0", "00"), "'0' and '00'"), (("01", "02"), ""), (("0", "1"), ""), (("0.5", "0.50"), ""), (("10", "1"), ""),
        (("1", "1"), ""), (("A1", "A01"), ""),
    ],
)  # fmt: skip
def test_codes_that_are_one_number_are_told(tmp_path: Path, cells: tuple[str, str], alike: str) -> None:
    data = read_outcomes(_file(tmp_path, f"patient,site,arm,x\na,A,placebo,{cells[0]}\nb,A,drug,{cells[1]}\n"))
    assert data.guesses == ((f"column 'x': {alike} read as the same number",) if alike else ())


@pytest.mark.parametrize("gap", ["", ".", "NA", "n/a", "nan", "NULL", " na "])
def test_every_way_to_write_nothing(tmp_path: Path, gap: str) -> None:
    path = _file(tmp_path, f"site,arm,x\nA,placebo,{gap}\nA,drug,2\n")
    np.testing.assert_array_equal(read_outcomes(path).number("x"), [NAN, 2])


@pytest.mark.parametrize("cell", ["inf", "1_000", "4 or 5", "1e999", "six"])
def test_what_is_no_number_is_named_by_line(tmp_path: Path, cell: str) -> None:
    path = _file(tmp_path, f"site,arm,x\n\nA,placebo,3\nA,drug,{cell}\n")
    with pytest.raises(TrialError) as caught:
        read_outcomes(path).number("x")
    assert caught.value.where == f"{path}, line 4, column 'x'"
    assert caught.value.found == f"'{cell}'"


def test_rows_are_numbered_where_nobody_is_named(tmp_path: Path) -> None:
    assert read_outcomes(_file(tmp_path, "site,arm\nA,placebo\nA,drug\n")).patient == ("1", "2")


def test_columns_by_other_names(tmp_path: Path) -> None:
    path = _file(tmp_path, "id,centre,trt,x\np1,A,placebo,1\np2,A,drug,2\n")
    data = read_outcomes(path, {"patient": "id", "site": "centre", "arm": "trt"})
    assert (data.patient, data.site, data.arm, data.columns) == (("p1", "p2"), ("A", "A"), ("placebo", "drug"), ("x",))
    with pytest.raises(TrialError, match=r"no column 'center'.*Did you mean 'centre'"):
        read_outcomes(path, {"site": "center"})
    both = read_outcomes(_file(tmp_path, "site,centre,arm\nA,B,placebo\n"), {"site": "centre"})
    assert (both.site, both.texts) == (("B",), {"site_in_file": ("A",)})
    with pytest.raises(TrialError, match="the column 'site_in_file'"):
        read_outcomes(_file(tmp_path, "site,centre,arm,site_in_file\nA,B,placebo,C\n"), {"site": "centre"})


@pytest.mark.parametrize(
    ("text", "where", "words"),
    [
        ("site,arm\nA,placebo\n,drug\n", "line 3, column 'site'", "found nothing; required: a name"),
        ("site,arm\nA,\n", "line 2, column 'arm'", "found nothing; required: a name"),
        ("patient,site,arm\np,A,placebo\n,A,drug\n", "line 3, column 'patient'", "found nothing"),
        ("patient,site,arm\np,A,placebo\np,A,drug\n", "line 3, column 'patient'", "patient 'p' again"),
        ("site,arm\nA,placebo\nA,Placebo\n", "line 3, column 'arm'", "the arms 'placebo' and 'Placebo'"),
        ("arm,x\nplacebo,1\n", "line 1", "no column 'site'"),
        ("site,arm\n", "", "a header and no rows"),
        ("site,arm,x,x\nA,drug,1,2\n", "line 1", "column 'x' twice"),
    ],
)
def test_slips_are_named_by_line(tmp_path: Path, text: str, where: str, words: str) -> None:
    path = _file(tmp_path, text)
    with pytest.raises(TrialError) as caught:
        read_outcomes(path)
    assert caught.value.where.startswith(f"{path}, {where}".removesuffix(", "))
    assert words in str(caught.value)


def test_unknown_columns_get_a_suggestion() -> None:
    with pytest.raises(TrialError, match=r"no column 'chnge'.*Did you mean 'change'"):
        Outcomes.from_frame(_frame(change=[1, 2])).number("chnge")


def test_binary_columns() -> None:
    data = Outcomes.from_frame(_frame(yes=[True, None], no=[0, 2]))
    np.testing.assert_array_equal(data.binary("yes"), [1, NAN])
    with pytest.raises(TrialError) as caught:
        data.binary("no")
    assert caught.value.where == "outcomes 'outcomes', row 2, column 'no'"
    assert caught.value.found == "2"


def test_frames_of_every_type() -> None:
    frame = pd.DataFrame(
        {
            "patient": [9007199254740993, 9007199254740992],  # beyond 2**53: equal as floats
            "site": [1, 2],
            "arm": pd.Categorical([" placebo", "drug "]),
            "nullable": pd.array([4, None], dtype="Int64"),
            "flag": pd.array([True, None], dtype="boolean"),
            "single": np.array([1.5, np.nan], dtype=np.float32),
            "text": pd.array([" A ", None], dtype="string"),
        }
    )
    data = Outcomes.from_frame(frame)
    assert data.patient == ("9007199254740993", "9007199254740992")
    assert (data.site, data.arm) == (("1", "2"), ("placebo", "drug"))
    for name, values in (("nullable", [4, NAN]), ("flag", [1, NAN]), ("single", [1.5, NAN])):
        np.testing.assert_array_equal(data.number(name), values)
    assert data.texts["text"] == ("A", "")


def test_whole_numbers_of_a_frame_of_numbers_stay_whole() -> None:
    frame = pd.DataFrame({"site": [1, 2], "arm": [0, 1], "x": [0.1, 0.2]})
    data = Outcomes.from_frame(frame)
    assert (data.site, data.arm) == (("1", "2"), ("0", "1"))
    np.testing.assert_array_equal(data.number("x"), [0.1, 0.2])


def test_a_frame_with_a_column_twice() -> None:
    frame = pd.concat([_frame(x=[1, 2]), pd.DataFrame({"x": [3, 4]})], axis=1)
    with pytest.raises(TrialError, match="column 'x' twice"):
        Outcomes.from_frame(frame)


def test_the_frame_comes_back() -> None:
    frame = _frame(x=[1.25, None], grade=["A", "C"])
    data = Outcomes.from_frame(frame)
    pd.testing.assert_frame_equal(data.to_frame().drop(columns="patient"), frame)
    assert Outcomes.from_frame(data.to_frame()).data_hash == data.data_hash


def test_made_up_data_say_so_in_every_row(tmp_path: Path) -> None:
    frame = Outcomes.from_frame(_frame(x=[1, 2]), synthetic=True).to_frame()
    assert frame.columns[0] == "data"
    assert set(frame["data"]) == {SYNTHETIC}
    path = tmp_path / "trial.csv"
    frame.to_csv(path, index=False)
    again = read_outcomes(path)  # its name does not say so, its rows do
    assert again.synthetic
    pd.testing.assert_frame_equal(again.to_frame(), frame, check_dtype=False)


def test_a_column_called_data_is_left_alone_in_real_data() -> None:
    data = Outcomes.from_frame(_frame(data=["first cut", "second cut"]))
    assert not data.synthetic
    assert data.to_frame()["data"].tolist() == ["first cut", "second cut"]


def test_further_columns() -> None:
    data = Outcomes.from_frame(_frame(x=[1, 2], grade=["A", "B"]))
    more = data.with_numbers(x=np.array([3.0, 4.0]), grade=np.array([0.0, NAN]))
    np.testing.assert_array_equal(more.number("x"), [3, 4])
    assert more.texts == {}
    assert data.number("x").tolist() == [1, 2]
    assert more.data_hash != data.data_hash
    with pytest.raises(TrialError, match="3 values; required: one for each of 2 patients"):
        data.with_numbers(y=np.zeros(3))
    with pytest.raises(TrialError, match="column 'site': found this column twice"):
        data.with_numbers(site=np.zeros(2))
    with pytest.raises(TrialError, match="row 2, column 'y': found inf"):
        data.with_numbers(y=np.array([0.0, np.inf]))


def test_the_numbers_are_frozen_and_a_copy() -> None:
    mine = np.array([1.0, 2.0])
    data = Outcomes.from_frame(_frame()).with_numbers(x=mine)
    mine[0] = 5
    assert data.number("x")[0] == 1
    with pytest.raises(ValueError, match="read-only"):
        data.number("x")[0] = 5


def test_columns_of_one_length() -> None:
    with pytest.raises(TrialError, match="column 'arm': found 1 values; required: one for each of 2 patients"):
        Outcomes("t", ("1", "2"), ("A", "A"), ("drug",), {})
    with pytest.raises(TrialError, match="no patients"):
        Outcomes("t", (), (), (), {})
    with pytest.raises(TrialError, match="1 lines; required: one for each of 2"):
        Outcomes("t", ("1", "2"), ("A", "A"), ("drug", "drug"), {}, lines=(2,))
