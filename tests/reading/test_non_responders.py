"""Columns that count those who did not respond: taken from all, or refused, and never read the other way round."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bayes_lupil import load_trial
from bayes_lupil.errors import TrialError

ARMS = {"site": ["A", "A", "B", "B"], "arm": ["drug", "placebo"] * 2}
RIGHT = {"placebo": (14, 21), "drug": (15, 20)}
NAMES = [
    "nonresponders", "non_responders", "non-responders", "no_response", "not responding", "Nonresponder",
    "Non Responders", "non.response", "n_nonresponders",
]  # fmt: skip


def table(name: str, size: str = "n") -> pd.DataFrame:
    return pd.DataFrame(ARMS | {name: [1, 2, 4, 5], size: [10, 10, 10, 11]})


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", ["n", "total", "randomised", "number"])
def test_responders_are_the_others_of_all(name: str, size: str, tmp_path: Path, run: Any) -> None:
    options = {"n": size} if size == "number" else {}
    trial = load_trial(table(name, size), **options)
    assert trial.reading is not None
    assert trial.reading.arms == RIGHT
    assert f"responders: '{size}' less '{name}'" in trial.reading.codings
    assert f"coding: responders: '{size}' less '{name}'" in trial.reading.lines
    assert trial.end_point.directed == "response (higher is better)"
    assert not any("harm" in text for text in trial.warnings)
    table(name, size).to_csv(tmp_path / "t.csv", index=False)
    given = [word for option in options for word in ("--n", options[option])]
    status, out, err = run("check", tmp_path / "t.csv", *given)
    assert status == 0, err
    assert "active 'drug': 15 of 20" in out
    assert f"responders: '{size}' less '{name}'" in out


def test_small_counts_and_zeros() -> None:
    trial = load_trial(ARMS | {"nonresponders": [0, 1, 0, 1], "n": [10, 10, 10, 11]})
    assert trial.analysis_set().totals == ((19, 21), (20, 20))


@pytest.mark.parametrize("name", ["nonevents", "failures", "survivors", "noncases"])
def test_other_names_of_non_events_do_not_stand_alone(name: str) -> None:
    with pytest.raises(TrialError):
        load_trial(table(name))


def test_responders_go_before_non_responders() -> None:
    both = load_trial(table("nonresponders").assign(responders=[9, 8, 6, 6]))
    assert both.reading is not None
    assert both.reading.arms == RIGHT
    assert not both.reading.codings


def test_more_non_responders_than_patients() -> None:
    with pytest.raises(TrialError) as caught:
        load_trial(ARMS | {"nonresponders": [1, 2, 4, 12], "n": [10, 10, 10, 11]})
    assert (caught.value.where, caught.value.required) == ("the dictionary, row 4", "non-responders at most n")
    assert caught.value.found == "12 non-responders of n = 11 (site 'B', arm 'placebo')"


@pytest.mark.parametrize("name", NAMES)
def test_without_all_patients_the_hint_says_what_is_missing(name: str) -> None:
    with pytest.raises(TrialError) as caught:
        load_trial(ARMS | {name: [1, 2, 4, 5]})
    assert f"'{name}' counts those who did not respond: add a column of all patients" in caught.value.hint
    assert "outcome=" not in caught.value.hint


@pytest.mark.parametrize(("values", "no"), [([1, 0, 0, 1], "0"), (["yes", "no", "no", "yes"], "no")])
def test_of_patients_the_hint_counts_the_others(values: list[Any], no: str) -> None:
    with pytest.raises(TrialError) as caught:
        load_trial(ARMS | {"nonresponder": values})
    assert f"outcome='nonresponder', responder='{no}'" in caught.value.hint
    trial = load_trial(ARMS | {"nonresponder": values}, outcome="nonresponder", responder=no)
    assert trial.analysis_set().totals == ((1, 2), (1, 2))


@pytest.mark.parametrize("name", NAMES)
def test_named_as_the_outcome_they_sound_like_a_harm(name: str) -> None:
    trial = load_trial(table(name), outcome=name)
    assert trial.analysis_set().totals == ((7, 21), (5, 20))
    assert any("sounds like a harm" in text for text in trial.warnings)
    assert not load_trial(table(name), outcome=name, benefit="lower").warnings


def test_side_by_side_they_are_no_events() -> None:
    columns = {"site": ["A", "B"], "nonresp_t": [1, 2], "n_t": [9, 9], "nonresp_c": [3, 4], "n_c": [9, 9]}
    wide = {"active": ("nonresp_t", "n_t"), "control": ("nonresp_c", "n_c")}
    with pytest.raises(TrialError) as caught:
        load_trial(columns, wide=wide)
    assert "'nonresp_t' and 'nonresp_c' in the place of responders" in caught.value.found
    assert "responders = patients - non-responders" in caught.value.hint


@pytest.mark.parametrize("name", ["death", "verstorben", "30-Tage-Mortalität", "décès"])
def test_a_harm_beside_non_responders_may_mean_either(name):
    """Those who did not respond may be those with the harm, or those without: neither is guessed, both are told."""
    columns = {"site": ["A", "A"], "arm": ["placebo", "drug"], "n": [64, 56], "nonresponders": [27, 12]}
    trial = load_trial(columns, end_point=name)
    (warning,) = [text for text in trial.warnings if "sounds like a harm" in text]
    assert "n less 'nonresponders'" in warning
    assert f"right where 'nonresponders' are those with '{name}'" in warning
    assert "those without it, say --benefit lower" in warning
    assert trial.analysis_set().totals == ((37, 64), (44, 56))
