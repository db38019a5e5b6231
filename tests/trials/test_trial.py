"""The trial: named populations, and a hash that holds the data and no prose."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayes_lupil.errors import InputError, TrialError, UnsupportedModelError
from bayes_lupil.trials import Arms, Cells, EndPoint, Margins, Patients, Population, Trial, load_trial


def trial(**changes: Any) -> Trial:
    cells = Cells(("A", "B", "C"), np.array([[1, 3], [0, 2], [2, 1]]), np.array([[4, 5], [2, 2], [3, 3]]))
    return replace(Trial.from_cells(cells, Arms("placebo", "drug"), EndPoint("cure", "Cure")), **changes)


def patients() -> Trial:
    data = Patients(
        ("A", "A", "B", "B"), np.array([0, 1, 0, 1]), np.array([0, 1, 1, 1]), {"pp": np.array([1, 1, 0, 1])}
    )
    return trial(data=data, populations={"itt": Population("itt", "everyone"), "pp": Population("pp", "per protocol")})


# populations


def test_the_resolution_is_told() -> None:
    assert [item.resolution for item in (trial(), patients(), load_trial("lupil2"))] == ["cells", "patients", "margins"]


def test_itt_is_everyone() -> None:
    for item, size in ((trial(), 19), (patients(), 4), (load_trial("lupil2"), 100)):
        analysed = item.analysis_set()
        assert (analysed.population, analysed.patients, analysed.exclusions) == ("itt", size, ())


def test_without_a_site() -> None:
    analysed = trial().analysis_set("itt", ("B",))
    assert analysed.label == "intention to treat without B"
    assert (analysed.patients, analysed.excluded) == (15, 4)
    assert trial().analysis_set("itt", ("C", "B")).patients == 9


def test_an_unknown_population() -> None:
    with pytest.raises(UnsupportedModelError) as caught:
        patients().analysis_set("PP")
    assert caught.value.found == "no population 'PP'"
    assert caught.value.hint == "Did you mean 'pp'?"
    with pytest.raises(UnsupportedModelError, match="Valid: itt"):
        trial().population("safety")


def test_an_unknown_site() -> None:
    with pytest.raises(UnsupportedModelError) as caught:
        load_trial("indo_rct").analysis_set("itt", ("Cas",))
    assert (caught.value.found, caught.value.hint) == ("no site 'Cas'", "Did you mean 'Case'?")


def test_a_site_cannot_be_left_out_of_margins() -> None:
    with pytest.raises(UnsupportedModelError) as caught:
        load_trial("lupil2").analysis_set("itt", ("Bulgaria 1",))
    assert caught.value.required == "a site table, which was never published for this trial"
    assert caught.value.hint == "Its populations are itt, pp."


def test_a_text_is_not_taken_for_a_list_of_sites() -> None:
    """'12' would otherwise leave out the sites 1 and 2."""
    with pytest.raises(InputError, match=r"For one: without_sites=\('12',\)"):
        load_trial("beitler_landis").analysis_set("itt", "12")  # type: ignore[arg-type]


# arms and end point


def test_arms_are_two() -> None:
    assert Arms("placebo", "drug").names == ("placebo", "drug")
    with pytest.raises(TrialError, match="'x' twice"):
        Arms("x", "x")


def test_the_sign_of_benefit() -> None:
    assert EndPoint("cure", "Cure", "higher").sign == 1
    assert EndPoint("death", "Death", "lower").sign == -1


@pytest.mark.parametrize("benefit", ["Higher", "high", "", None])
def test_a_direction_that_is_none_is_refused(benefit: Any) -> None:
    """It would otherwise count as 'lower' and turn every probability of benefit into its opposite."""
    with pytest.raises(TrialError, match="required: benefit: 'higher' or 'lower'"):
        EndPoint("cure", "Cure", benefit)


@pytest.mark.parametrize("mcid", [0, 1, -0.1, 10, float("nan")])
def test_an_mcid_that_is_no_risk_difference_is_refused(mcid: float) -> None:
    with pytest.raises(TrialError, match="a risk difference between 0 and 1"):
        EndPoint("cure", "Cure", mcid=mcid)


# the hash


@given(st.sampled_from(["responders", "n"]), st.integers(0, 2), st.integers(0, 1))
def test_the_hash_changes_with_any_count(which: str, site: int, arm: int) -> None:
    before = trial().data
    assert isinstance(before, Cells)
    counts = {"responders": before.responders.copy(), "n": before.n.copy()}
    counts[which][site, arm] += 1 if which == "n" or counts["responders"][site, arm] < before.n[site, arm] else -1
    assert trial(data=Cells(before.sites, **counts)).data_hash != trial().data_hash


def edited(data: Any, **changes: Any) -> Trial:
    return trial(data=replace(data, **changes))


MARGINS: Any = load_trial("lupil2").data
PATIENTS: Any = patients().data
CELLS: Any = trial().data


@pytest.mark.parametrize(
    "change",
    [
        lambda: trial(arms=Arms("control", "drug")),
        lambda: trial(arms=Arms("placebo", "drug 2")),
        lambda: trial(arms=Arms("drug", "placebo")),
        lambda: trial(end_point=EndPoint("cure", "Cure", "lower")),
        lambda: trial(end_point=EndPoint("cured", "Cure")),
        lambda: trial(end_point=EndPoint("cure", "Cure", mcid=0.1)),
        lambda: edited(CELLS, sites=("A", "B", "D")),
        lambda: edited(CELLS, sites=("B", "A", "C")),
        lambda: trial(data=CELLS.pooled()),
    ],
)
def test_the_hash_changes_with_arms_direction_end_point_and_sites(change: Callable[[], Trial]) -> None:
    assert change().data_hash != trial().data_hash


@pytest.mark.parametrize(
    "changes",
    [
        {"totals": ((29, 50), (35, 50))},
        {"totals": ((29, 51), (34, 50))},
        {"subset_totals": ((15, 29), (20, 25))},
        {"subset_totals": ((15, 29), (19, 24))},
        {"subset": "per_protocol"},
        {"excluded_sites": ("Bulgaria 1",)},
        {"n_sites": 26, "countries": None},
        {"countries": None},
        {"countries": ("Bulgaria", "Spain", *MARGINS.countries[2:])},
        {"impossible_at_excluded": ()},
    ],
)
def test_the_hash_changes_with_any_margin(changes: dict[str, Any]) -> None:
    assert edited(MARGINS, **changes).data_hash != trial(data=MARGINS).data_hash


@pytest.mark.parametrize(
    "changes",
    [
        {"site": ("A", "A", "B", "A")},
        {"arm": np.array([1, 1, 0, 1])},
        {"response": np.array([1, 1, 1, 1])},
        {"flags": {"pp": np.array([1, 1, 1, 1])}},
        {"flags": {"safety": np.array([1, 1, 0, 1])}},
        {"flags": {}},
        {"covariates": {"age": ("1", "2", "3", "4")}},
    ],
)
def test_the_hash_changes_with_any_column(changes: dict[str, Any]) -> None:
    assert edited(PATIENTS, **changes).data_hash != patients().data_hash


def test_the_hash_does_not_change_with_prose() -> None:
    told = replace(
        trial(),
        name="other",
        title="Another title",
        end_point=EndPoint("cure", "Cure at last", unit="%", mcid_source="nobody"),
        populations={"itt": Population("itt", "all", "a description", prespecified=True, source="s", grade="A")},
        hierarchy=load_trial("lupil2").hierarchy,
        sources=load_trial("lupil2").sources,
        provenance=({"number": "1", "what": "x", "source": "y", "grade": "A"},),
        not_published=("nothing",),
        notes=("a note",),
    )
    assert told.data_hash == trial().data_hash


def test_the_hash_does_not_change_with_the_kind_of_integer() -> None:
    small = Cells(CELLS.sites, CELLS.responders.astype(np.int8), CELLS.n.astype(np.uint16))
    assert trial(data=small).data_hash == trial().data_hash


def test_margins_are_margins() -> None:
    assert isinstance(MARGINS, Margins)
    assert load_trial("lupil2").site_names == MARGINS.sites
