"""Patients: frozen columns, their table of sites, and populations whose exclusions add up."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayes_lupil.errors import TrialError
from bayes_lupil.trials import Cells, Exclusion, Patients, Population
from bayes_lupil.trials.analysis_set import analysis_set

ITT = Population("itt", "intention to treat")
PP = Population("pp", "per protocol")


def patients(**changes: object) -> Patients:
    columns: dict[str, object] = {
        "site": ("B", "A", "A", "B", "A", "C"),
        "arm": np.array([0, 0, 1, 1, 1, 0]),
        "response": np.array([1, 0, 1, 0, 1, 1]),
        "flags": {"pp": np.array([True, True, True, True, False, False])},
        "covariates": {"age": ("40", "", "51", "33", "60", "28")},
    }
    return Patients(**(columns | changes))  # type: ignore[arg-type]


def test_sites_stand_in_order_of_appearance() -> None:
    assert patients().sites == ("B", "A", "C")
    cells = patients().cells()
    assert cells.sites == ("B", "A", "C")
    assert cells.responders.tolist() == [[1, 0], [0, 2], [1, 0]]
    assert cells.n.tolist() == [[1, 1], [1, 2], [1, 0]]


def test_columns_are_frozen_copies() -> None:
    arm, flag = np.array([0, 0, 1, 1, 1, 0]), np.ones(6, dtype=bool)
    data = patients(arm=arm, flags={"pp": flag})
    for own, column in ((arm, data.arm), (flag, data.flags["pp"]), (None, data.response)):
        with pytest.raises(ValueError, match="read-only"):
            column[0] = 1
        if own is not None:
            assert own.flags.writeable
            before = column.copy()
            own[:] = 1 - own
            np.testing.assert_array_equal(column, before)


def test_flags_written_as_0_and_1_are_flags() -> None:
    """~1 is -2 for integers, so a flag must become a truth value before anybody is counted."""
    counted = analysis_set(patients(flags={"pp": np.array([1, 1, 1, 1, 0, 0])}), PP)
    assert counted.totals == analysis_set(patients(), PP).totals == ((1, 2), (1, 2))
    assert counted.exclusions == (
        Exclusion(1, 1, 1, "not in population 'pp'"),
        Exclusion(0, 1, 1, "not in population 'pp', like everyone of site 'C'"),
    )


def test_lists_will_do() -> None:
    data = patients(arm=[0, 0, 1, 1, 1, 0], response=[1, 0, 1, 0, 1, 1], flags={"pp": [1, 1, 1, 1, 0, 0]})
    assert data.content() == patients().content()


@pytest.mark.parametrize(
    ("changes", "where", "found"),
    [
        ({"arm": np.array([0, 0, 1, 1, 2, 0])}, "column 'arm'", "values other than 0 and 1"),
        ({"response": np.array([0, 0, 1, 1, -1, 0])}, "column 'response'", "values other than 0 and 1"),
        ({"response": np.array([0, 0, 1, 1, np.nan, 0])}, "column 'response'", "values other than 0 and 1"),
        ({"arm": np.array([0, 1])}, "column 'arm'", "shape (2,)"),
        ({"flags": {"pp": np.array([True])}}, "column 'pp'", "shape (1,)"),
        ({"flags": {"itt": np.ones(6, bool)}}, "flags", "a flag 'itt'"),
        ({"covariates": {"age": ("40",)}}, "column 'age'", "1 values"),
        ({"arm": np.zeros(6, int)}, "active arm", "no patients"),
        ({"arm": np.ones(6, int)}, "control arm", "no patients"),
    ],
)
def test_columns_that_cannot_be(changes: dict[str, object], where: str, found: str) -> None:
    with pytest.raises(TrialError) as caught:
        patients(**changes)
    assert (caught.value.where, caught.value.found) == (where, found)


def test_a_population_and_a_site_left_out_are_two_reasons_and_nobody_counts_twice() -> None:
    analysed = analysis_set(patients(), PP, ("A",))
    assert analysed.label == "per protocol without A"
    assert analysed.exclusions == (
        Exclusion(1, 1, 1, "not in population 'pp'"),
        Exclusion(0, 1, 1, "not in population 'pp', like everyone of site 'C'"),
        Exclusion(0, 1, 0, "site 'A' left out"),
        Exclusion(1, 1, 1, "site 'A' left out"),
    )
    assert analysed.totals == ((1, 1), (0, 1))


@pytest.mark.parametrize(
    ("flag", "found"),
    [([0, 0, 0, 0, 0, 0], "no patients"), ([1, 1, 0, 0, 0, 1], "patients of one arm only")],
)
def test_a_population_needs_both_arms(flag: list[int], found: str) -> None:
    with pytest.raises(TrialError) as caught:
        analysis_set(patients(flags={"pp": flag}), PP)
    assert (caught.value.where, caught.value.found) == ("population 'per protocol'", found)


people = st.lists(
    st.tuples(st.sampled_from("ABCD"), st.integers(0, 1), st.integers(0, 1), st.booleans()), min_size=2, max_size=40
)


@given(people, st.sets(st.sampled_from("ABCD")), st.sampled_from([ITT, PP]))
def test_those_left_out_and_those_analysed_are_everyone(
    rows: list[tuple[str, int, int, bool]], out: set[str], population: Population
) -> None:
    rows = [*rows, ("E", 0, 1, True), ("E", 1, 0, True)]  # somebody is left in each arm
    site, arm, response, flag = (list(column) for column in zip(*rows, strict=True))
    data = Patients(tuple(site), np.array(arm), np.array(response), {"pp": np.array(flag)})
    analysed = analysis_set(data, population, tuple(sorted(out)))
    stay = [row for row in rows if row[0] not in out and (row[3] or population is ITT)]
    for a in (0, 1):
        gone = [item for item in analysed.exclusions if item.arm == a]
        assert analysed.totals[a] == (sum(r[2] for r in stay if r[1] == a), sum(r[1] == a for r in stay))
        assert analysed.totals[a][1] + sum(item.patients for item in gone) == arm.count(a)
        assert analysed.totals[a][0] + sum(item.responders for item in gone) == sum(r[2] for r in rows if r[1] == a)
    assert analysed.patients + analysed.excluded == len(rows)
    assert all(item.patients > 0 for item in analysed.exclusions)
    assert isinstance(analysed.data, Cells)
    assert set(analysed.data.sites) == {row[0] for row in stay}


def test_leaving_out_a_site_is_the_same_for_patients_and_for_their_table() -> None:
    by_patient, by_cell = analysis_set(patients(), ITT, ("A", "C")), analysis_set(patients().cells(), ITT, ("A", "C"))
    assert isinstance(by_patient.data, Cells)
    assert by_patient.data.content() == by_cell.data.content()
    assert by_patient.exclusions == by_cell.exclusions
    assert by_patient.label == by_cell.label
