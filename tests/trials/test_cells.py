"""Counts by site and arm: what they must be, and what is left when sites are left out or pooled."""

from __future__ import annotations

import pickle
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayes_lupil.errors import TrialError
from bayes_lupil.trials import Cells, Population
from bayes_lupil.trials.analysis_set import analysis_set
from bayes_lupil.trials.cells import ALL_SITES

ITT = Population("itt", "intention to treat")


def cells() -> Cells:
    return Cells(("A", "B", "C"), np.array([[1, 3], [0, 2], [0, 1]]), np.array([[4, 5], [2, 2], [0, 3]]))


def test_totals_and_shares() -> None:
    table = cells()
    assert table.totals == ((1, 6), (6, 10))
    np.testing.assert_allclose(table.site_shares, [9 / 16, 4 / 16, 3 / 16])


def test_the_counts_are_frozen_and_a_copy() -> None:
    given_counts = np.array([[1, 3]])
    table = Cells(("A",), given_counts, np.array([[4, 5]]))
    given_counts[0, 0] = 4
    assert table.responders.tolist() == [[1, 3]]
    assert given_counts.flags.writeable
    with pytest.raises(ValueError, match="read-only"):
        table.responders[0, 0] = 2
    with pytest.raises(ValueError, match="read-only"):
        table.n[0, 0] = 2
    with pytest.raises(FrozenInstanceError):
        table.sites = ("B",)  # type: ignore[misc]


def test_small_integers_are_widened() -> None:
    table = Cells(("A",), np.array([[100, 100]], dtype=np.int8), np.array([[200, 200]], dtype=np.uint8))
    assert table.n.dtype == np.int64
    assert table.totals == ((100, 200), (100, 200))


def test_cells_travel_between_processes() -> None:
    copy = pickle.loads(pickle.dumps(cells()))
    assert copy.content() == cells().content()


@pytest.mark.parametrize(
    ("sites", "responders", "n", "where", "found"),
    [
        (("A",), [[5, 3]], [[4, 5]], "site 'A', control arm", "5 responders of 4"),
        (("A",), [[1, 6]], [[4, 5]], "site 'A', active arm", "6 responders of 5"),
        (("A",), [[-1, 3]], [[4, 5]], "site 'A', control arm", "-1 responders of 4"),
        (("A",), [[0, 3]], [[-4, 5]], "site 'A', control arm", "0 responders of -4"),
        (("A", "A"), [[1, 1], [1, 1]], [[2, 2], [2, 2]], "sites", "site 'A' twice"),
        (("A", "B"), [[1, 1], [0, 0]], [[2, 2], [0, 0]], "site 'B'", "no patients"),
        (("A", "B"), [[0, 1], [0, 1]], [[0, 2], [0, 2]], "control arm", "no patients"),
        (("A", "B"), [[1, 0], [1, 0]], [[2, 0], [2, 0]], "active arm", "no patients"),
        (("A",), [[1.0, 3.0]], [[4, 5]], "responders", "numbers of type float64"),
        (("A",), [[True, False]], [[4, 5]], "responders", "numbers of type bool"),
        (("A",), [[1, 3]], [[4.5, 5]], "n", "numbers of type float64"),
        (("A",), [[1, 3, 2]], [[4, 5, 3]], "responders", "an array of shape (1, 3)"),
        (("A", "B"), [[1, 3]], [[4, 5]], "responders", "an array of shape (1, 2)"),
        (("A",), [[1, 3]], [4, 5], "n", "an array of shape (2,)"),
    ],
)
def test_counts_that_cannot_be(sites: tuple[str, ...], responders: list, n: list, where: str, found: str) -> None:
    with pytest.raises(TrialError) as caught:
        Cells(sites, np.array(responders), np.array(n))
    assert (caught.value.where, caught.value.found) == (where, found)


def test_pooled_is_one_row_whose_sites_are_not_known() -> None:
    pooled = cells().pooled()
    assert pooled.sites == (ALL_SITES,)
    assert not pooled.sites_known
    assert pooled.totals == cells().totals
    assert pooled.pooled() is pooled


def test_sites_can_be_left_out() -> None:
    table = cells().without(("B",))
    assert table.sites == ("A", "C")
    assert table.n.tolist() == [[4, 5], [0, 3]]
    assert table.sites_known


@pytest.mark.parametrize(
    ("sites", "found"),
    [(("A", "B", "C"), "every site"), (("A", "B"), "every site with patients in the control arm")],
)
def test_something_must_be_left(sites: tuple[str, ...], found: str) -> None:
    with pytest.raises(TrialError) as caught:
        cells().without(sites)
    assert (caught.value.where, caught.value.found) == ("sites left out", found)


cell = st.integers(1, 50).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(st.lists(st.tuples(cell, cell), min_size=2, max_size=8), st.data())
def test_those_left_out_and_those_analysed_are_everyone(rows: list, data: st.DataObject) -> None:
    names = tuple(f"site {i}" for i in range(len(rows)))
    grid = np.array(rows)
    table = Cells(names, grid[:, :, 0], grid[:, :, 1])
    out = tuple(data.draw(st.sets(st.sampled_from(names), max_size=len(rows) - 1)))
    analysed = analysis_set(table, ITT, out)
    assert analysed.patients + analysed.excluded == grid[:, :, 1].sum()
    for arm in (0, 1):
        gone = [item for item in analysed.exclusions if item.arm == arm]
        assert analysed.totals[arm][0] + sum(item.responders for item in gone) == grid[:, arm, 0].sum()
        assert analysed.totals[arm][1] + sum(item.patients for item in gone) == grid[:, arm, 1].sum()
        assert {item.reason for item in gone} == {f"site '{site}' left out" for site in out}
    assert analysed.data.totals == analysed.totals


def test_the_label_says_who_is_missing() -> None:
    assert analysis_set(cells(), ITT).label == "intention to treat"
    assert analysis_set(cells(), ITT).exclusions == ()
    assert analysis_set(cells(), ITT, ("B", "C")).label == "intention to treat without B, C"


def test_an_arm_with_nobody_at_a_site_is_no_exclusion() -> None:
    assert [(item.arm, item.patients) for item in analysis_set(cells(), ITT, ("C",)).exclusions] == [(1, 3)]
