"""Old names of what has another name now: they work for one release, and say so."""

from __future__ import annotations

import pytest

import bayes_lupil
from bayes_lupil import unpublished


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("HiddenAnalysis", "UnpublishedAnalysis"), ("HiddenCounts", "UnpublishedCounts"),
        ("analyse_hidden", "analyse_unpublished"), ("hidden_counts", "unpublished_counts"),
        ("who_stayed", "who_stayed"), ("margins_path", "margins_path"),
    ],
)  # fmt: skip
def test_hidden_is_now_unpublished(old, new):
    with pytest.warns(DeprecationWarning, match=rf"hidden\.{old} is now bayes_lupil\.unpublished\.{new}"):
        assert getattr(bayes_lupil.hidden, old) is getattr(unpublished, new)


@pytest.mark.parametrize("old", ["write_hidden", "write_look"])
def test_one_name_for_what_writes_the_sites(old):
    with pytest.warns(DeprecationWarning, match=rf"report\.{old} is now bayes_lupil\.report\.write_sites"):
        assert getattr(bayes_lupil.report, old) is bayes_lupil.write_sites


def test_what_never_was_there_is_not_there_now():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = bayes_lupil.hidden.nothing
