"""Errors: what they say, how they travel between processes, and what may stand in them."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayes_lupil import errors
from bayes_lupil.errors import (
    BayesLupilError,
    DiagnosticsError,
    InputError,
    SamplerError,
    TrialError,
    closest,
    did_you_mean,
    nearest,
    within,
)

KINDS = [getattr(errors, name) for name in errors.__all__ if name.endswith("Error")]


def test_the_message_says_where_what_and_what_is_required() -> None:
    problem = TrialError("t.csv, line 3", "'x'", "a number")
    assert str(problem) == "t.csv, line 3: found 'x'; required: a number."


def test_a_hint_ends_the_message() -> None:
    assert str(TrialError("t.csv", "'x'", "a number", "Count again.")).endswith("required: a number. Count again.")


@pytest.mark.parametrize("kind", [kind for kind in KINDS if issubclass(kind, InputError)])
def test_an_input_error_survives_a_trip_to_another_process(kind: type[InputError]) -> None:
    before = kind("a place", "this", "that", "Do so.")
    after = pickle.loads(pickle.dumps(before))
    assert type(after) is kind
    assert (after.where, after.found, after.required, after.hint) == ("a place", "this", "that", "Do so.")
    assert str(after) == str(before)


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_has_one_root_and_an_exit_status_that_is_a_failure(kind: type[BayesLupilError]) -> None:
    assert issubclass(kind, BayesLupilError)
    assert kind.exit_status == (3 if kind in (DiagnosticsError, SamplerError) else 2)


def test_input_errors_are_value_errors_too() -> None:
    assert issubclass(InputError, ValueError)
    assert not issubclass(SamplerError, InputError)


@given(st.text(), st.text(), st.text())
def test_a_message_is_one_line_without_control_characters(where: str, found: str, hint: str) -> None:
    assert str(TrialError(where, found, "a number", hint)).isprintable()


def test_a_long_find_is_cut_and_the_requirement_is_not() -> None:
    problem = TrialError("t.csv", "x" * 10_000, "y" * 500)
    assert len(problem.found) == 300
    assert problem.found.endswith("x ...")
    assert problem.required == "y" * 500


@pytest.mark.parametrize(
    ("word", "best"),
    [("poled", "pooled"), ("POOLED", "pooled"), ("Partail", "partial"), ("fixd", "fixed"), ("xyz", ""), ("", "")],
)
def test_the_nearest_spelling(word: str, best: str) -> None:
    assert closest(word, ["pooled", "partial", "fixed"]) == best
    assert did_you_mean(word, ["pooled", "partial", "fixed"]) == (f"Did you mean '{best}'?" if best else "")


def test_the_spelling_proposed_is_the_one_that_is_valid() -> None:
    assert closest("ilt101", ["ILT-101", "placebo"]) == "ILT-101"


def test_without_a_near_one_the_valid_words_are_listed() -> None:
    assert nearest("zzz", {"b", "a"}) == "Valid: a, b."
    assert nearest("zzz", []) == ""


def test_a_long_list_is_cut_and_counted() -> None:
    text = nearest("zzz", (f"site {i:03d}" for i in range(464)))
    assert text.startswith("Valid: site 000, site 001, ")
    assert text.endswith("site 019, ... (464 in all).")


def test_a_place_is_put_before_an_error_of_its_own_kind() -> None:
    with pytest.raises(TrialError) as problem, within("t.csv"), within("end point 'y'"):
        raise TrialError("ANCOVA", "one arm", "two", "Look.")
    assert str(problem.value) == "t.csv, end point 'y', ANCOVA: found one arm; required: two. Look."
    with pytest.raises(KeyError), within("t.csv"):
        raise KeyError("a")
