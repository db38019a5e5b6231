"""Margins: eight classes that add up, and nothing impossible among them."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayes_lupil.errors import TrialError
from bayes_lupil.trials import Cells, Exclusion, Margins, Population, load_trial
from bayes_lupil.trials.analysis_set import analysis_set

ITT = Population("itt", "intention to treat")
PP = Population("pp", "per protocol")


def margins(**changes: object) -> Margins:
    """LUPIL-2 as published, control first."""
    arguments: dict[str, object] = {
        "totals": ((29, 50), (34, 50)),
        "subset_totals": ((15, 29), (20, 24)),
        "subset": "pp",
        "excluded_sites": ("Bulgaria 1", "Bulgaria 2"),
        "n_sites": 25,
        "impossible_at_excluded": ((0, 0),),
    }
    return Margins(**(arguments | changes))  # type: ignore[arg-type]


def test_the_classes_of_lupil_2_are_those_of_the_table_in_the_facts() -> None:
    """facts.md, 'What the margins say of the hidden site table': arm, response, in PP, count, may be Bulgarian."""
    table = {
        ("active", "responder", True): (20, False),
        ("active", "non-responder", True): (4, False),
        ("active", "responder", False): (14, True),
        ("active", "non-responder", False): (12, True),
        ("control", "responder", True): (15, False),
        ("control", "non-responder", True): (14, False),
        ("control", "responder", False): (14, True),
        ("control", "non-responder", False): (7, False),
    }
    trial = load_trial("lupil2").data
    assert isinstance(trial, Margins)
    assert replace(trial, alternatives=(), countries=None) == margins()
    found = {
        (("control", "active")[c.arm], ("non-responder", "responder")[c.response], c.in_subset): (
            c.count,
            c.may_be_excluded,
        )
        for c in trial.classes
    }
    assert found == table


def test_the_labels_tell_the_classes_apart() -> None:
    labels = [item.label for item in margins().classes]
    assert len(set(labels)) == 8
    assert labels[0] == "control, responder, in the subset"
    assert labels[-1] == "active, non-responder, outside the subset"


def test_the_sites_are_the_excluded_ones_and_numbers() -> None:
    sites = margins().sites
    assert len(sites) == len(set(sites)) == 25
    assert sites[:3] == ("Bulgaria 1", "Bulgaria 2", "ordinary 01")
    assert sites[-1] == "ordinary 23"
    assert margins().excluded_mask.tolist() == [True] * 2 + [False] * 23


def test_margins_are_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        margins().n_sites = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    ("changes", "where", "found"),
    [
        ({"totals": ((51, 50), (34, 50))}, "margins, control arm", "responders above its patients (51 > 50)"),
        (
            {"subset_totals": ((15, 29), (25, 24))},
            "margins, active arm",
            "responders in 'pp' above its patients (25 > 24)",
        ),
        (
            {"subset_totals": ((15, 29), (35, 40))},
            "margins, active arm",
            "responders in 'pp' above all responders (35 > 34)",
        ),
        (
            {"subset_totals": ((5, 29), (20, 24))},
            "margins, control arm",
            "non-responders in 'pp' above all non-responders (24 > 21)",
        ),
        ({"subset_totals": ((-1, 3), (20, 24))}, "margins, control arm", "29/50 and -1/3"),
        ({"totals": ((0, 0), (34, 50)), "subset_totals": ((0, 0), (20, 24))}, "margins, control arm", "0/0 and 0/0"),
        ({"excluded_sites": ()}, "margins.excluded_sites", "no site"),
        ({"excluded_sites": ("A", "A")}, "margins.excluded_sites", "a site named twice"),
        ({"n_sites": 2}, "margins.n_sites", "2"),
        ({"countries": ("A",) * 24}, "margins.countries", "24 countries of 25 sites"),
        ({"countries": ()}, "margins.countries", "0 countries of 25 sites"),
    ],
)
def test_margins_that_cannot_be(changes: dict[str, object], where: str, found: str) -> None:
    with pytest.raises(TrialError) as caught:
        margins(**changes)
    assert (caught.value.where, caught.value.found) == (where, found)


def test_everyone_is_analysed_as_margins_and_nobody_is_left_out() -> None:
    analysed = analysis_set(margins(), ITT)
    assert analysed.data == margins()
    assert analysed.totals == ((29, 50), (34, 50))
    assert (analysed.patients, analysed.excluded) == (100, 0)


def test_the_subset_is_analysed_as_totals_and_the_rest_is_counted() -> None:
    analysed = analysis_set(margins(), PP)
    assert isinstance(analysed.data, Cells)
    assert not analysed.data.sites_known
    assert analysed.totals == analysed.data.totals == ((15, 29), (20, 24))
    reason = "outside the published subset 'pp', reason by patient not published"
    assert analysed.exclusions == (Exclusion(0, 21, 14, reason), Exclusion(1, 26, 14, reason))
    assert (analysed.patients, analysed.excluded) == (53, 47)


def test_pooled_is_everyone() -> None:
    pooled = margins().pooled()
    assert pooled.totals == ((29, 50), (34, 50))
    assert not pooled.sites_known


arm = st.integers(1, 60).flatmap(
    lambda n: st.integers(0, n).flatmap(
        lambda r: st.tuples(st.just((r, n)), st.integers(0, r), st.integers(0, n - r))  # subset responders, others
    )
)


@given(arm, arm, st.sets(st.tuples(st.integers(0, 1), st.integers(0, 1))), st.integers(2, 200))
def test_classes_add_up_to_the_margins(control: tuple, active: tuple, impossible: set, n_sites: int) -> None:
    totals = (control[0], active[0])
    subset = tuple((r, r + others) for _, r, others in (control, active))
    data = margins(
        totals=totals,
        subset_totals=subset,
        excluded_sites=("X",),
        n_sites=n_sites,
        impossible_at_excluded=tuple(impossible),
    )
    count = np.zeros((2, 2, 2), int)
    for item in data.classes:
        count[item.arm, item.response, int(item.in_subset)] += item.count
        assert item.may_be_excluded == (not item.in_subset and (item.arm, item.response) not in impossible)
    assert count.min() >= 0
    for a in (0, 1):
        assert (count[a, 1].sum(), count[a].sum()) == totals[a]
        assert (count[a, 1, 1], count[a, :, 1].sum()) == subset[a]
    assert len(set(data.sites)) == n_sites
    assert list(data.sites[1:]) == sorted(data.sites[1:])
