"""SRI against a table of edge cases worked by hand, and against what must hold for any patient."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayes_lupil.errors import InputError, TrialError
from bayes_lupil.outcomes import Outcomes, read_outcomes
from bayes_lupil.outcomes.sri import SRI, SRIColumns, sri
from bayes_lupil.trials.end_point import SYNTHETIC

NAN = float("nan")
COUNTS = SRIColumns(
    "s0", "s12", "p0", "p12", bilag_new_a="a", bilag_new_b="b", withdrawn="withdrawn", rescue="rescue"
)  # fmt: skip
DOMAINS = ("skin", "joints", "kidney")
GRADES = SRIColumns(
    "s0", "s12", "p0", "p12", bilag_baseline=tuple(f"{d}_0" for d in DOMAINS),
    bilag_visit=tuple(f"{d}_12" for d in DOMAINS),
)  # fmt: skip
GOOD = {"s0": 10, "s12": 6, "p0": 1.2, "p12": 1.0, "a": 0, "b": 0, "withdrawn": 0, "rescue": 0}


def _patients(*rows: dict) -> Outcomes:
    return Outcomes.from_frame(pd.DataFrame([{"site": "A", "arm": "drug", **GOOD, **row} for row in rows]))


def _one(threshold: int = 4, **changes: float | None) -> SRI:
    return sri(_patients(changes), COUNTS, threshold)


# (what is special, SRI-4, why not): each worked by hand from the definition
HAND = [
    ("exactly 4 points", {}, 1, ()),
    ("3 points", {"s12": 7}, 0, ("SELENA-SLEDAI down by 3, not by 4",)),
    ("unchanged", {"s12": 10}, 0, ("SELENA-SLEDAI down by 0, not by 4",)),
    ("worse", {"s12": 12}, 0, ("SELENA-SLEDAI up by 2",)),
    ("nothing left", {"s12": 0}, 1, ()),
    ("4 of 4 points", {"s0": 4, "s12": 0}, 1, ()),
    ("starts at 3", {"s0": 3, "s12": 0}, 0, ("SELENA-SLEDAI down by 3, not by 4",)),
    ("one new B", {"b": 1}, 1, ()),
    ("two new B", {"b": 2}, 0, ("2 new BILAG B",)),
    ("one new A", {"a": 1}, 0, ("1 new BILAG A",)),
    ("new A and two new B", {"a": 1, "b": 2}, 0, ("1 new BILAG A, 2 new BILAG B",)),
    ("PGA +0.29", {"p12": 1.49}, 1, ()),
    ("PGA +0.30", {"p12": 1.5}, 0, ("global assessment up by 0.3",)),
    ("PGA +0.31", {"p12": 1.51}, 0, ("global assessment up by 0.31",)),
    ("PGA to the top", {"p0": 2.7, "p12": 3.0}, 0, ("global assessment up by 0.3",)),
    ("PGA near the top", {"p0": 2.71, "p12": 3.0}, 1, ()),
    ("withdrawn", {"withdrawn": 1}, 0, ("withdrawn",)),
    ("rescue", {"rescue": 1}, 0, ("rescue medication",)),
    ("withdrawn, no visit", {"s12": None, "p12": None, "a": None, "b": None, "withdrawn": 1}, 0, ("withdrawn",)),
    ("no visit, not withdrawn", {"s12": None, "p12": None, "a": None, "b": None}, NAN,
     ("SELENA-SLEDAI missing", "BILAG missing", "physician's global assessment missing")),
    ("no score, all else met", {"s12": None}, NAN, ("SELENA-SLEDAI missing",)),
    ("no score, PGA fails", {"s12": None, "p12": 1.5}, 0, ("global assessment up by 0.3",)),
    ("no baseline score", {"s0": None}, NAN, ("SELENA-SLEDAI missing",)),
    ("no score, but starts at 3", {"s0": 3, "s12": None}, 0, ("SELENA-SLEDAI of 3 at baseline cannot fall by 4",)),
    ("no PGA, all else met", {"p0": None}, NAN, ("physician's global assessment missing",)),
    ("no PGA, 3 points", {"p12": None, "s12": 7}, 0, ("SELENA-SLEDAI down by 3, not by 4",)),
    ("new B not known", {"b": None}, NAN, ("BILAG missing",)),
    ("new B not known, one new A", {"b": None, "a": 1}, 0, ("1 new BILAG A",)),
    ("new A not known, one new B", {"a": None, "b": 1}, NAN, ("BILAG missing",)),
    ("new A not known, two new B", {"a": None, "b": 2}, 0, ("2 new BILAG B",)),
    ("whether withdrawn not known", {"withdrawn": None}, NAN, ("withdrawal missing",)),
    ("everything wrong", {"s12": 11, "p12": 2, "a": 2, "b": 3, "withdrawn": 1, "rescue": 1}, 0,
     ("SELENA-SLEDAI up by 1", "2 new BILAG A, 3 new BILAG B", "global assessment up by 0.8", "withdrawn",
      "rescue medication")),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "response", "reasons"), [row[1:] for row in HAND], ids=[row[0] for row in HAND])
def test_edge_cases_by_hand(changes: dict, response: float, reasons: tuple[str, ...]) -> None:
    found = _one(**changes)
    np.testing.assert_array_equal(found.response, [response])
    assert found.reasons == (reasons,)


def test_all_cases_at_once_are_as_each_alone() -> None:
    found = sri(_patients(*[row[1] for row in HAND]), COUNTS)
    np.testing.assert_array_equal(found.response, [row[2] for row in HAND])


def test_a_rise_of_the_global_assessment_is_exact() -> None:
    """From 0.00, 0.01, ... 2.70: +0.30 fails and +0.29 does not, whatever floating point makes of the difference."""
    for rise, response in ((30, 0), (29, 1)):
        rows = [{"p0": low / 100, "p12": (low + rise) / 100} for low in range(271)]
        assert set(sri(_patients(*rows), COUNTS).response) == {response}


@pytest.mark.parametrize(("maximum", "start", "fails", "passes"), [(10, 4.1, 5.1, 5.0), (100, 40, 50, 49)])
def test_other_scales_of_the_global_assessment(maximum: float, start: float, fails: float, passes: float) -> None:
    """A tenth of the scale is a worsening: 1 of 10, 10 of 100."""
    columns = SRIColumns("s0", "s12", "p0", "p12", maximum, "a", "b")
    data = _patients({"p0": start, "p12": fails}, {"p0": start, "p12": passes})
    assert sri(data, columns).response.tolist() == [0, 1]
    with pytest.raises(TrialError, match=r"a number from 0 to 3.*declared by pga_maximum"):
        sri(data, COUNTS)


@pytest.mark.parametrize(("threshold", "response"), [(3, 1), (4, 1), (5, 1), (6, 1), (7, 0), (8, 0)])
def test_other_thresholds(threshold: int, response: int) -> None:
    assert _one(threshold, s0=12, s12=6).response[0] == response


# grades at baseline and visit, domain by domain: skin, joints, kidney
BILAG = [
    ("one new B", "CDE", "BDE", 0, 1, 1),
    ("two new B in two domains", "CDE", "BBE", 0, 2, 0),
    ("B stays B", "BBE", "BBE", 0, 0, 1),
    ("A to B is no new B", "AAE", "BBE", 0, 0, 1),
    ("A to B and one new B", "AAE", "BBB", 0, 1, 1),
    ("A stays A", "AEE", "AEE", 0, 0, 1),
    ("B to A is a new A", "BEE", "AEE", 1, 0, 0),
    ("E to A is a new A", "EEE", "EEA", 1, 0, 0),
    ("E to B is a new B", "EEE", "EEB", 0, 1, 1),
    ("C and D count as none", "EED", "DCC", 0, 0, 1),
    ("everything better", "AAA", "CDD", 0, 0, 1),
    ("a visit not known", "CCC", "C.C", 0, 0, NAN),
    ("a baseline not known", "C.C", "CBC", 0, 0, NAN),
    ("not known, but a new A elsewhere", "CCC", "A.C", 1, 0, 0),
    ("not known, but two new B elsewhere", "CCC", "B.B", 0, 2, 0),
    ("not known, and one new B elsewhere", "CCC", "B.C", 0, 1, NAN),
    ("nothing known", "CCC", "...", NAN, NAN, NAN),
    ("small letters", "cde", "bde", 0, 1, 1),
]


@pytest.mark.parametrize(
    ("before", "after", "new_a", "new_b", "response"), [row[1:] for row in BILAG], ids=[r[0] for r in BILAG]
)
def test_grades_domain_by_domain(before: str, after: str, new_a: float, new_b: float, response: float) -> None:
    grades = {f"{d}_0": g for d, g in zip(DOMAINS, before, strict=True)}
    grades |= {f"{d}_12": g for d, g in zip(DOMAINS, after, strict=True)}
    found = sri(_patients(grades), GRADES)
    np.testing.assert_array_equal([found.new_a[0], found.new_b[0], found.response[0]], [new_a, new_b, response])
    assert set(found.met) == {"sledai", "bilag", "pga"}


def test_every_pair_of_grades() -> None:
    """All 25 steps of one domain against the words of the definition."""
    worse_than = {"A": "BCDE", "B": "CDE", "C": "", "D": "", "E": ""}
    for before, after in product("ABCDE", repeat=2):
        found = sri(
            _patients({"g0": before, "g12": after}),
            SRIColumns("s0", "s12", "p0", "p12", bilag_baseline=("g0",), bilag_visit=("g12",)),
        )
        step = before in worse_than[after]
        assert (found.new_a[0], found.new_b[0]) == (step and after == "A", step and after == "B"), (before, after)


def test_components_by_hand() -> None:
    rows = [
        {"arm": "drug"},
        {"arm": "drug", "s12": 7},
        {"arm": "drug", "s12": 7, "p12": 2.0},
        {"arm": "drug", "s12": None, "b": 2},
        {"arm": "placebo", "withdrawn": 1},
        {"arm": "placebo", "s12": None},
    ]
    found = sri(_patients(*rows), COUNTS)
    table = found.components()
    assert table.columns.tolist() == ["patients", "met", "fails", "missing", "only_reason"]
    drug = table.loc["drug"]
    assert drug.loc["SELENA-SLEDAI"].tolist() == [4, 1, 2, 1, 1]
    assert drug.loc["BILAG"].tolist() == [4, 3, 1, 0, 0]  # the other component is missing, so it is not alone
    assert drug.loc["physician's global assessment"].tolist() == [4, 3, 1, 0, 0]
    assert drug.loc["withdrawal"].tolist() == [4, 4, 0, 0, 0]
    placebo = table.loc["placebo"]
    assert placebo.loc["withdrawal"].tolist() == [2, 1, 1, 0, 1]
    assert placebo.loc["SELENA-SLEDAI"].tolist() == [2, 1, 0, 1, 0]
    first = found.components(among=np.array([True, True, False, False, False, False])).loc["drug"]
    assert first.loc["SELENA-SLEDAI"].tolist() == [2, 1, 1, 0, 1]


def test_one_row_a_patient() -> None:
    frame = sri(_patients({}, {"s12": 7, "p12": 1.5}), COUNTS).to_frame()
    assert frame["sri4"].tolist() == [1, 0]
    assert frame["sledai_reduction"].tolist() == [4, 3]
    assert frame["met_sledai"].tolist() == [1, 0]
    assert frame["reasons"].tolist() == ["", "SELENA-SLEDAI down by 3, not by 4; global assessment up by 0.3"]
    assert "data" not in frame
    made_up = Outcomes.from_frame(_patients({}).to_frame(), synthetic=True)
    assert sri(made_up, COUNTS).to_frame()["data"].tolist() == [SYNTHETIC]


def test_notes_count_whom_they_speak_of() -> None:
    rows = [{}, {"s0": 3, "s12": 0}, {"s12": None}, {"p12": None}, {"s12": None, "b": 2}]
    assert sri(_patients(*rows), COUNTS).notes == (
        "SRI-4: of 5 patients 1 start below 4 points of SELENA-SLEDAI and can never respond; "
        "counted as non-responders.",
        "SRI-4: of 5 patients 1 lack a component but fail on another for sure; counted as non-responders.",
        "SRI-4: of 5 patients 2 lack a component and fail on no other; the response is missing.",
    )
    assert _one().notes == ()


@pytest.mark.parametrize(
    ("column", "value", "found", "required"),
    [
        ("s0", 106, "106", "a whole number from 0 to 105"),
        ("s12", -1, "-1", "a whole number from 0 to 105"),
        ("s12", 6.5, "6.5", "a whole number from 0 to 105"),
        ("p0", 3.1, "3.1", "a number from 0 to 3"),
        ("p12", -0.1, "-0.1", "a number from 0 to 3"),
        ("a", 10, "10", "a whole number from 0 to 9"),
        ("b", 0.5, "0.5", "a whole number from 0 to 9"),
        ("withdrawn", 2, "2", "0 or 1"),
        ("rescue", 7, "7", "0 or 1"),
        ("s0", "ten", "'ten'", "a number"),
    ],
)
def test_scores_that_cannot_be(tmp_path: Path, column: str, value: object, found: str, required: str) -> None:
    path = tmp_path / "trial.csv"
    rows = pd.DataFrame([{"patient": f"p{i}", "site": "A", "arm": "drug", **GOOD} for i in range(3)]).astype(object)
    rows.loc[1, column] = value
    rows.to_csv(path, index=False)
    with pytest.raises(TrialError) as caught:
        sri(read_outcomes(path), COUNTS)
    assert caught.value.where == f"{path}, line 3, column '{column}'"
    assert caught.value.found.startswith(found)
    assert required in caught.value.required


@pytest.mark.parametrize("value", ["F", "AB", 3])
def test_grades_that_cannot_be(value: object) -> None:
    columns = SRIColumns("s0", "s12", "p0", "p12", bilag_baseline=("g0",), bilag_visit=("g12",))
    with pytest.raises(TrialError, match=r"column 'g12': found .* required: a BILAG grade"):
        sri(_patients({"g0": "A", "g12": value}), columns)


@pytest.mark.parametrize("threshold", [0, -4, 4.5, 106, True])
def test_thresholds_that_cannot_be(threshold: float) -> None:
    with pytest.raises(InputError, match="a whole number"):
        sri(_patients({}), COUNTS, threshold)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "found no column"),
        ({"bilag_new_a": "a"}, "found a;"),
        ({"bilag_new_a": "a", "bilag_new_b": "b", "bilag_baseline": ("g0",), "bilag_visit": ("g12",)}, "a, b, g0, g12"),
        ({"bilag_baseline": ("g0", "h0"), "bilag_visit": ("g12",)}, "2 domains at baseline and 1 at the visit"),
        ({"bilag_new_a": "a", "bilag_new_b": "a"}, "'a' twice"),
        ({"bilag_new_a": "a", "bilag_new_b": "b", "rescue": "s0"}, "'s0' twice"),
        ({"bilag_new_a": "a", "bilag_new_b": "b", "pga_maximum": 0}, "pga_maximum"),
    ],
)
def test_columns_that_cannot_be(given: dict, words: str) -> None:
    with pytest.raises(TrialError, match=words):
        SRIColumns("s0", "s12", "p0", "p12", **given)


def test_the_result_is_frozen() -> None:
    found = _one()
    for array in (found.response, found.reduction, found.new_a, *found.met.values()):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


# what must hold for any patient

_maybe = st.none()
_rows = st.fixed_dictionaries(
    {
        "s0": st.integers(0, 20) | _maybe,
        "s12": st.integers(0, 20) | _maybe,
        "p0": st.integers(0, 300).map(lambda x: x / 100) | _maybe,
        "p12": st.integers(0, 300).map(lambda x: x / 100) | _maybe,
        "a": st.integers(0, 2) | _maybe,
        "b": st.integers(0, 3) | _maybe,
        "withdrawn": st.integers(0, 1) | _maybe,
        "rescue": st.integers(0, 1) | _maybe,
    }
)


def _rank(response: float) -> int:
    """No response, not known, response."""
    return 1 if np.isnan(response) else 2 * int(response)


def _better(row: dict, part: str, by: int) -> dict:
    """The patient with one component better, or known to be good where it was missing."""
    good = {"s12": 0, "p12": 0.0, "a": 0, "b": 0, "withdrawn": 0, "rescue": 0}
    value = row[part]
    if value is None:
        return {**row, part: good[part]} if part != "s12" else row
    return {**row, part: max(good[part], round(value - (by / 100 if part == "p12" else by), 2))}


@given(_rows, st.sampled_from(["s12", "p12", "a", "b", "withdrawn", "rescue"]), st.integers(1, 100))
def test_a_better_component_never_costs_the_response(row: dict, part: str, by: int) -> None:
    found = sri(_patients(row, _better(row, part, by)), COUNTS).response
    assert _rank(found[1]) >= _rank(found[0])


@given(st.lists(_rows, min_size=1, max_size=8), st.integers(1, 20), st.integers(1, 20))
def test_a_higher_threshold_never_adds_responders(rows: list[dict], one: int, other: int) -> None:
    low, high = (sri(_patients(*rows), COUNTS, k).response for k in sorted((one, other)))
    assert all(_rank(more) <= _rank(less) for less, more in zip(low, high, strict=True))


@given(st.lists(_rows, min_size=1, max_size=8))
def test_against_the_definition_in_plain_words(rows: list[dict]) -> None:
    """Every way to fill the gaps: a response that is told holds in all of them, and no gap is taken for a response."""
    found = sri(_patients(*rows), COUNTS).response
    fill = {"s0": (0, 20), "s12": (0, 20), "p0": (0, 3), "p12": (0, 3), "a": (0, 1), "b": (0, 2)}
    for row, response in zip(rows, found, strict=True):
        options = [[row[k]] if row[k] is not None else fill.get(k, (0, 1)) for k in row]
        results = {_plain(**dict(zip(row, values, strict=True))) for values in product(*options)}
        if not np.isnan(response):
            assert results == {bool(response)}
        else:
            assert False in results


def _plain(s0: int, s12: int, p0: float, p12: float, a: int, b: int, withdrawn: int, rescue: int) -> bool:
    rise = round(100 * p12) - round(100 * p0)
    return s0 - s12 >= 4 and a == 0 and b <= 1 and rise < 30 and not withdrawn and not rescue


@given(st.permutations(range(len(HAND))))
def test_the_order_of_patients_does_not_matter(order: list[int]) -> None:
    found = sri(_patients(*[HAND[i][1] for i in order]), COUNTS)
    np.testing.assert_array_equal(found.response, [HAND[i][2] for i in order])
