"""What is said of outcomes that are not understood: in the user's words, and leading to the right number."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bayes_lupil import load_trial
from bayes_lupil.errors import TrialError

ARMS = {"site": ["A", "A", "B", "B"] * 2, "arm": ["drug", "placebo"] * 4}


def refused(values: list[Any], name: str = "y", **options: Any) -> TrialError:
    with pytest.raises(TrialError) as caught:
        load_trial(ARMS | {name: values}, **options)
    return caught.value


@pytest.mark.parametrize("third", ["unclear", "withdrawn", "lost", "99", "9", "maybe"])
@pytest.mark.parametrize("pair", [("yes", "no"), ("Y", "N"), (1, 0), ("TRUE", "FALSE"), ("1_yes", "0_no")])
def test_a_third_value_may_be_missing(third: str, pair: tuple[Any, Any]) -> None:
    good, bad = pair
    values = [good, bad, third, bad] * 2
    problem = refused(values)
    assert f"If '{third}' means that the outcome is not known: na='{third}'" in problem.hint
    assert f"responder='{good}'" in problem.hint
    assert load_trial(ARMS | {"y": values}, na=third, missing="complete_cases").analysis_set().totals == (
        (0, 4),
        (2, 2),
    )


@pytest.mark.parametrize("word", ["unknown", "Unknown", "UNK", "unbekannt", "Inconnu", "not known", "?", "missing"])
@pytest.mark.parametrize("options", [{}, {"responder": "yes"}])
def test_unknown_is_missing_and_said_to_be(word: str, options: dict[str, Any]) -> None:
    problem = refused(["yes", "no", word, "no"] * 2, **options)
    assert problem.found.startswith("a missing outcome (2 in all)")
    assert f"Taken for missing: '{word}'. Decide beforehand" in problem.hint
    assert "Taken for missing" not in refused(["yes", "no", None, "no"] * 2, **options).hint


def test_two_other_values_are_no_missing_ones() -> None:
    assert "na=" not in refused(["yes", "no", "maybe", "lost"] * 2).hint


@pytest.mark.parametrize(
    ("values", "counts"),
    [([0, 2, 3, 10, 5, 6, 7, 8], True), ([0.5, 2, 3, 10, 5, 6, 7, 8], False), ([-1, 2, 3, 4] * 2, False)],
)  # fmt: skip
def test_numbers_are_measured_or_counted(values: list[float], counts: bool) -> None:
    hint = refused(values, "deaths", outcome="deaths").hint
    assert "responder='>= X' or '<= X'" in hint or not counts
    assert ("Where it holds counts" in hint) == counts
    assert ("analysed by a plan: bayes-lupil endpoints" in hint) == ("'<= X'" in hint)
    assert "<= 0" not in hint


def test_named_as_counts_they_are_read() -> None:
    table = pd.DataFrame(
        {"site": ["A", "A", "B", "B"], "arm": ["drug", "placebo"] * 2, "y": [0, 2, 3, 7], "enrolled": [9] * 4}
    )
    assert "n='NAME'" in refused([0, 2, 3, 7] * 2, outcome="y").hint
    assert load_trial(table, outcome="y", n="enrolled").analysis_set().totals == ((9, 18), (3, 18))


@pytest.mark.parametrize("bound", ["> 2,5", ">2,5", ">= 2,5", "< 2,50", "<=-2,5"])
def test_a_bound_with_a_decimal_comma(bound: str, tmp_path: Path, run: Any) -> None:
    problem = refused([1, 2.5, 3, 4, 5, 6, 7, 8], responder=bound, outcome="y")
    assert problem.where == "the dictionary, responder"
    assert (problem.found, problem.required) == (
        f"'{bound}', with a comma",
        "a number written with a point, without thousands",
    )
    pd.DataFrame(ARMS | {"y": [1, 2.5, 3, 4, 5, 6, 7, 8]}).to_csv(tmp_path / "t.csv", index=False)
    status, _, err = run("check", tmp_path / "t.csv", "--outcome", "y", f"--responder={bound}")
    assert status == 2
    assert "written with a point" in " ".join(err.split())


@pytest.mark.parametrize("bound", ["> x", "> 2 5", "> 2 and < 5", ">= 1,5 and y < 3", "> 'a'", "<= (1)(2)", "> None"])
@pytest.mark.parametrize("name", ["y", "my score"])
def test_no_name_from_inside(bound: str, name: str) -> None:
    problem = refused([1, 2.5, 3, 4, 5, 6, 7, 8], name, outcome=name, responder=bound)
    assert "column_0" not in str(problem)
    assert "in_backticks" not in str(problem)


@pytest.mark.parametrize(
    "where", ["`my score` > 2,5", "`my score` > a(1)", "`my score` > arm", "`my score` in 3", "`my score`"]
)
def test_no_name_from_inside_a_condition(where: str) -> None:
    problem = refused([1, 2.5, 3, 4, 5, 6, 7, 8], "my score", outcome="my score", responder="> 2", where=where)
    assert "column_0" not in str(problem)
    if "," in where:
        assert "Numbers are written with a point" in problem.hint


@pytest.mark.parametrize(("bound", "totals"), [("> 2.5", ((4, 4), (2, 4))), ("> 2 and y < 6", ((2, 4), (2, 4)))])
def test_bounds_that_are_read(bound: str, totals: tuple[Any, Any]) -> None:
    trial = load_trial(ARMS | {"y": [1, 2.75, 3, 4, 2, 6, 5, 8]}, outcome="y", responder=bound)
    assert trial.analysis_set().totals == totals
