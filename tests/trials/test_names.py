"""Names that Python hands over: held to what files are held to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from bayes_lupil import Arms, Cells, EndPoint, Margins, Measurements, Outcomes, Patients, Trial
from bayes_lupil.errors import InputError, TrialError
from bayes_lupil.trials import Population

TWO = np.array([[1, 2], [2, 3]])
ARM = np.array([0, 1])


def _margins(sites: tuple[str, ...], **more: Any) -> Margins:
    given = {"subset": "pp", "n_sites": 12} | more
    return Margins(((5, 9), (6, 9)), ((4, 7), (5, 7)), excluded_sites=sites, **given)


MAKE: dict[str, Callable[[str, str], object]] = {
    "cells": lambda a, b: Cells((a, b), TWO, TWO + 3),
    "patients": lambda a, b: Patients((a, b), ARM, ARM),
    "flags": lambda a, b: Patients(("A", "B"), ARM, ARM, {a: ARM == 1, b: ARM == 1}),
    "measurements": lambda a, b: Measurements((a, b), ARM, np.array([1.0, 2.0])),
    "excluded sites": lambda a, b: _margins((a, b)),
    "outcomes, site": lambda a, b: Outcomes("t", ("1", "2"), (a, b), ("x", "y"), {}),
    "outcomes, arm": lambda a, b: Outcomes("t", ("1", "2"), ("A", "B"), (a, b), {}),
    "arms": Arms,
}


@pytest.mark.parametrize("make", MAKE)
@pytest.mark.parametrize(
    "name", ["a\x00b", "a\x0b", "\x1b[2J", "a\x9bb", "a\ud800", "a\uffff", "a\nb", "a\tb", "a\u2028b", " ", ""]
)
def test_a_name_that_no_output_can_hold(make: str, name: str) -> None:
    with pytest.raises(TrialError) as caught:
        MAKE[make](name, "other")
    assert str(caught.value).isprintable()
    with pytest.raises(TrialError):
        MAKE[make]("other", name)


@pytest.mark.parametrize("make", MAKE)
@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Paris", "PARIS"),
        ("K\u00f6ln", "Ko\u0308ln"),
        ("a", "a\u200b"),
        ("a b", "a  b"),
        ("a", "\u202ea"),
        ("A", "\uff21"),
    ],
)
def test_two_spellings_of_one_name(make: str, one: str, other: str) -> None:
    with pytest.raises(TrialError, match="one spelling of each"):
        MAKE[make](one, other)


@pytest.mark.parametrize("make", MAKE)
def test_names_of_any_writing(make: str) -> None:
    for one, other in (
        ("Köln", "Koln"),
        ("東京", "大阪"),
        ("a-1", "a 1"),
        ("\U0001f600", "\U0001f601"),
        ("=1+1", "<b>"),
    ):
        MAKE[make](one, other)


@pytest.mark.parametrize("text", ["a\x00b", "\x1b[2J", "a\ud800", "a\x85b", "\ufffe"])
@pytest.mark.parametrize(
    "make",
    [
        lambda text: EndPoint(text, "label"),
        lambda text: EndPoint("name", text),
        lambda text: EndPoint("name", "label", unit=text),
        lambda text: EndPoint("name", "label", mcid=0.1, mcid_source=text),
        lambda text: Population(text, "label"),
        lambda text: Population("name", text),
        lambda text: Population("name", "label", description=text),
        lambda text: Trial.from_cells(Cells(("A", "B"), TWO, TWO + 3), Arms("c", "a"), EndPoint("y", "Y"), name=text),
        lambda text: Trial.from_cells(Cells(("A", "B"), TWO, TWO + 3), Arms("c", "a"), EndPoint("y", "Y"), title=text),
        lambda text: _margins(("A",), subset=text),
    ],
)
def test_titles_and_labels(make: Callable[[str], object], text: str) -> None:
    with pytest.raises(InputError) as caught:
        make(text)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("name", ["ordinary 01", "ORDINARY 02", "ordinary  11", "ordinary\u200b 05", "Ordinary 07"])
def test_an_excluded_site_is_not_called_as_the_others_are(name: str) -> None:
    with pytest.raises(TrialError, match=r"excluded_sites: found 'ordinary' and a number"):
        _margins((name,), n_sites=12)
    _margins(("ordinary 13", "ordinary", "ordinary 1x"))


@pytest.mark.parametrize("sites", [10_001, 2 * 10**9, 10**12, 10**30])
def test_too_many_unpublished_sites(sites: int) -> None:
    with pytest.raises(TrialError, match=r"n_sites: found [\d,]+; required: at most 10,000"):
        _margins(("A",), n_sites=sites)


def test_too_many_patients() -> None:
    with pytest.raises(TrialError, match="at most 999,999,999,999"):
        Margins(((5, 10**12), (6, 9)), ((4, 7), (5, 7)), "pp", ("A",), 5)
    for n in ([[6 * 10**11, 5], [6 * 10**11, 5]], [[10**12, 5], [4, 5]], [[2**62, 5], [2**62, 5]]):
        with pytest.raises(TrialError, match="at most 999,999,999,999"):
            Cells(("A", "B"), TWO, np.array(n))
