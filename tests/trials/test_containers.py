"""Containers of counts and patients built in Python: what cannot be a trial is refused in the package's own words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bayes_lupil import Arms, Cells, EndPoint, Margins, Measurements, Patients, Trial, load_trial
from bayes_lupil.errors import InputError, TrialError

Y, N = np.array([[3, 5], [2, 4]]), np.array([[10, 10], [8, 9]])
TOTALS, SUBSET = ((29, 50), (34, 50)), ((15, 29), (25, 30))


def margins(**changes: Any) -> Margins:
    given: dict[str, Any] = {
        "totals": TOTALS, "subset_totals": SUBSET, "subset": "pp", "excluded_sites": ("A", "B"), "n_sites": 9,
    }  # fmt: skip
    return Margins(**given | changes)


def measured(**changes: Any) -> Measurements:
    given: dict[str, Any] = {
        "site": ("A", "A", "B", "B"), "arm": np.array([0, 1, 0, 1]), "value": np.array([1.0, 2.0, 3.0, np.nan]),
        "limits": (np.full(4, 0.0), np.full(4, 9.0)),
    }  # fmt: skip
    return Measurements(**given | changes)


def patients(**changes: Any) -> Patients:
    given: dict[str, Any] = {
        "site": ("A", "A", "B", "B"), "arm": np.array([0, 1, 0, 1]), "response": np.array([1, 0, 1, 0]),
    }  # fmt: skip
    return Patients(**given | changes)


def test_what_is_right_is_taken():
    assert Cells(("A", "B"), Y, N).totals == ((5, 18), (9, 19))
    assert len(margins().sites) == 9
    assert measured().measured.tolist() == [True, True, True, False]
    assert patients().sites == ("A", "B")


@pytest.mark.parametrize(
    ("sites", "y", "n"),
    [
        (None, Y, N), (2, Y, N), ("AB", Y, N), ((1, 2), Y, N), (("A", None), Y, N), (("A", ""), Y, N),
        (("A", b"B"), Y, N),
        (("A", "B"), Y + 0.5, N), (("A", "B"), Y.astype(float), N), (("A", "B"), Y.astype(bool), N),
        (("A", "B"), Y[0], N), (("A", "B"), N, Y), (("A", "B"), -Y, N),
        (("A", "B"), Y, N * 2**61), (("A", "B"), Y, N * 10**13),
        (("A", "B"), None, N), (("A", "B"), "3", N), (("A", "B"), np.array([["3", "5"], ["2", "4"]]), N),
        (("A", "A"), Y, N), (("A", "a"), Y, N),
    ],
)  # fmt: skip
def test_tables_that_cannot_be(sites, y, n):
    with pytest.raises(TrialError):
        Cells(sites, y, n)


@pytest.mark.parametrize(
    "changes",
    [
        {"totals": ((29.5, 50), (34, 50))}, {"totals": ((29, 50),)}, {"totals": None}, {"totals": [[29, 50], [34, 50]]},
        {"subset_totals": ((30, 29), (25, 30))}, {"subset_totals": ((15, "29"), (25, 30))}, {"subset": 3},
        {"subset": ""},
        {"excluded_sites": "AB"}, {"excluded_sites": ("A", "A")}, {"excluded_sites": (1, 2)}, {"n_sites": 9.5},
        {"n_sites": "9"}, {"n_sites": 2}, {"n_sites": 2 * 10**9}, {"impossible_at_excluded": ((7, 9),)},
        {"impossible_at_excluded": ((0, 2),)}, {"impossible_at_excluded": ((0, -1),)}, {"at_excluded": ((2, 1, 3),)},
        {"at_excluded": ((0, 1, 1.5),)}, {"at_excluded": ((0, 1, 500),)},
    ],
)  # fmt: skip
def test_margins_that_cannot_be(changes):
    with pytest.raises(TrialError):
        margins(**changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"site": "AABB"}, {"site": ("A", "A", "B")}, {"site": (1, 1, 2, 2)}, {"arm": np.array([0, 1, 0, 2])},
        {"arm": np.array([0, 0, 0, 0])}, {"value": np.array([1.0, np.inf, 3.0, 4.0])}, {"value": np.array(["x"] * 4)},
        {"limits": (np.zeros(3), np.full(3, 9.0))}, {"limits": (np.full(4, 9.0), np.zeros(4))},
        {"limits": (np.zeros(4), np.zeros(4))}, {"limits": np.zeros(4)}, {"limits": (0, 9)},
        {"baseline": np.zeros(3)}, {"flags": {"itt": np.ones(4)}}, {"flags": {"pp": np.ones(3)}}, {"flags": [True]},
    ],
)  # fmt: skip
def test_measurements_that_cannot_be(changes):
    with pytest.raises(TrialError):
        measured(**changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"site": "AABB"}, {"site": None}, {"site": (1, 2, 3, 4)}, {"arm": np.array([0, 1, 0])}, {"arm": None},
        {"response": np.array([1, 0, 1, 2])}, {"response": np.array([1, 0, 1, np.nan])}, {"response": "1010"},
        {"covariates": {"age": ("1", "2")}}, {"covariates": {"age": (1, 2, 3, 4)}}, {"flags": {"itt": np.ones(4)}},
    ],
)  # fmt: skip
def test_patients_that_cannot_be(changes):
    with pytest.raises(TrialError):
        patients(**changes)


@pytest.mark.parametrize(
    "call",
    [
        lambda: Arms(None, "b"), lambda: Arms("a", 3), lambda: EndPoint(None, "y"), lambda: EndPoint("y", 3),
        lambda: EndPoint("y", "y", mcid="x"), lambda: EndPoint("y", "y", mcid=float("nan")),
        lambda: EndPoint("y", "y", mcid=2.0), lambda: EndPoint("y", "y", kind="ordinal"),
        lambda: EndPoint("y", "y", benefit=True), lambda: Trial.from_cells(None, Arms("a", "b"), EndPoint("y", "y")),
        lambda: Trial.from_cells(Cells(("A", "B"), Y, N), ("a", "b"), EndPoint("y", "y")),
        lambda: Trial.from_cells(Cells(("A", "B"), Y, N), Arms("a", "b"), "y"),
        lambda: Trial.from_cells(Cells(("A", "B"), Y, N), Arms("a", "b"), EndPoint("y", "y"), name=None),
    ],
)  # fmt: skip
def test_other_parts_that_cannot_be(call):
    with pytest.raises(InputError):
        call()


def test_analysis_sets_of_nothing():
    trial = load_trial("beitler_landis")
    for call in (trial.analysis_set, trial.measured_set, trial.population):
        for value in (None, 3, [], "PP"):
            with pytest.raises(InputError):
                call(value)
    for sites in (None, 3, "1", [1], ["9"], [None]):
        with pytest.raises(InputError):
            trial.analysis_set("itt", sites)
    assert trial.analysis_set("itt", ["1"]).totals == trial.analysis_set("itt", ("1",)).totals
