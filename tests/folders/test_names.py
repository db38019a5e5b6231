"""Names of any kind as names of folders: fit for every file system, and told apart."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayes_lupil.folders import folder_names


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["<5 mg", ">5 mg"], ["_5_mg", "_5_mg_2"]),
        (["5 mg", "5/mg", "5:mg", "5_mg"], ["5_mg", "5_mg_2", "5_mg_3", "5_mg_4"]),
        (["Drug", "drug", "DRUG"], ["Drug", "drug_2", "DRUG_3"]),
        (["caf\u00e9", "cafe\u0301"], ["caf\u00e9", "caf\u00e9_2"]),
        (["a", "a_2", "a"], ["a", "a_2", "a_3"]),
        (["stra\u00dfe", "STRASSE"], ["stra\u00dfe", "STRASSE_2"]),
        ([".", "..", "...", ""], ["_", "__2", "__3", "__4"]),
        (["con", "NUL.csv", "com1", "console"], ["_con", "_NUL.csv", "_com1", "console"]),
        (["x" * 80, "x" * 79], ["x" * 60, "x" * 60 + "_2"]),
        (["a\u202eb", "a\x1bb", "a\0b", "\udcff"], ["a_b", "a_b_2", "a_b_3", "_"]),
        (["my.trial-v1.2", ".hidden."], ["my.trial-v1.2", "hidden"]),
    ],
)
def test_names_become_folders_of_their_own(names, expected):
    assert folder_names(names) == expected


def test_a_name_that_is_taken_is_not_given():
    assert folder_names(["Sites", "sites_2"], taken=["sites"]) == ["Sites_2", "sites_2_2"]


@given(st.lists(st.text(max_size=70), max_size=8))
def test_whatever_the_names_they_are_plain_and_distinct(names):
    found = folder_names(names)
    assert len({unicodedata.normalize("NFKC", name).casefold() for name in found}) == len(names)
    for name in found:
        assert name
        assert name[0] != "."
        assert name[-1] != "."
        assert all(c.isalnum() or c in "-_." for c in name)
        assert len(name.encode()) <= 255
        assert folder_names([name]) == [name] or len(name) > 60
