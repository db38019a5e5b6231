"""Calls with what is not an argument: the package's own error, which names it, before anything else happens."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bayes_lupil as bl
from bayes_lupil import endpoints, outcomes, sensitivity, sites, unpublished
from bayes_lupil.arguments import check_fields, checked, found_in_words
from bayes_lupil.errors import BayesLupilError, InputError, TrialError
from bayes_lupil.sensitivity.effect_priors import under_prior


def takes(hint: Any) -> Callable[[Any], Any]:
    def call(x: Any) -> Any:
        return x

    call.__annotations__["x"] = hint
    return checked(call)


@pytest.mark.parametrize(
    ("hint", "right", "wrong"),
    [
        (int, [1, np.int64(2)], [1.0, "1", True, None]),
        (float, [1, 1.5, np.float32(2)], ["1", True, None, 1j]),
        (bool, [True, np.True_], [1, "yes", None]),
        (str, ["", "x"], [b"x", 1, Path("x")]),
        (str | Path, ["x", Path("x")], [None, 3, b"x"]),
        (str | None, ["x", None], [0, False]),
        (Literal["higher", "lower"], ["higher"], ["Higher", 1, [], None]),
        (tuple[str, ...], [(), ("a",)], ["a", ["a"], (1,), ("a", None)]),
        (tuple[int, int], [(1, 2)], [(1,), (1, 2, 3), (1, "2"), 1]),
        (Sequence[str], [["a"], ("a", "b")], ["ab", [1], {"a"}, None]),
        (Mapping[str, int], [{"a": 1}], [{1: 1}, {"a": "1"}, [("a", 1)]]),
        (Iterable[str], [["a"], iter(["a"])], [3, None]),
        (Callable[[int], int], [abs, lambda x: x], [3, "abs"]),
        (np.ndarray, [np.ones(2)], [[1.0], None]),
        (Any, [None, 3, "x"], []),
    ],
)
def test_what_an_annotation_says_is_held(hint, right, wrong):
    call = takes(hint)
    for value in right:
        assert call(value) is value
    for value in wrong:
        with pytest.raises(InputError, match=r"call\(\): found x = "):
            call(value)


def test_what_can_be_read_once_is_not_read():
    once = iter(["a", "b"])
    assert list(takes(Iterable[str])(once)) == ["a", "b"]


def test_all_complaints_come_at_once_with_a_hint():
    @checked
    def call(side: Literal["higher", "lower"], count: int, *names: str, **other: float) -> None: ...

    with pytest.raises(InputError) as problem:
        call("highr", "3", "a", 4, width="x")
    assert problem.value.found == "side = 'highr', a text; count = '3', a text; names = 4, a whole number; " + (
        "other = 'x', a text"
    )
    assert problem.value.required.startswith("side: 'higher' or 'lower'; count: a whole number")
    assert problem.value.hint == "Did you mean 'higher'?"


def test_a_text_for_a_sequence_is_told_how_to_be_one():
    with pytest.raises(InputError, match=r"For one: x=\('Sofia',\)\."):
        takes(tuple[str, ...])("Sofia")


def test_types_that_are_not_loaded_allow_everything():
    @checked
    def call(table: polars.DataFrame | None) -> Any:  # type: ignore[name-defined]  # noqa: F821
        return table

    assert call(3) == 3


def test_fields_of_a_class():
    @dataclass(frozen=True)
    class Pair:
        name: str
        counts: tuple[int, int]

        def __post_init__(self) -> None:
            check_fields(self, TrialError)

    assert Pair("a", (1, 2)).counts == (1, 2)
    with pytest.raises(TrialError, match=r"Pair: found name = None; counts = a list of 2; .* \(a whole number, "):
        Pair(None, [1, 2])  # type: ignore[arg-type]


@given(st.from_type(object) | st.text() | st.integers() | st.lists(st.integers()) | st.sets(st.text()))
def test_every_value_has_words(value):
    words = found_in_words(value)
    assert words
    assert len(words) < 400


NOTHINGS: list[Any] = [None, 7, 1.5, b"lupil2", [], {}, object(), pd.DataFrame({"site": ["A"]}), np.ones(3)]


def calls() -> dict[str, Callable[[Any], object]]:
    """Public calls, each with one argument that is not what it must be."""
    return {
        "load_trial": bl.load_trial,
        "load_trial control": lambda x: bl.load_trial("good.csv", control=x if x is not None else 5),
        "load_trial benefit": lambda x: bl.load_trial("good.csv", benefit=x),
        "load_model": bl.load_model,
        "load_plan": bl.load_plan,
        "read_outcomes": bl.read_outcomes,
        "fit model": lambda x: bl.fit(x, "beitler_landis"),
        "fit trial": lambda x: bl.fit("site_effects", x),
        "fit seed": lambda x: bl.fit("site_effects", "beitler_landis", seed=[x]),
        "reanalyse": bl.reanalyse,
        "Posterior.load": bl.Posterior.load,
        "trial_hierarchy": bl.trial_hierarchy,
        "analyse_end_points": lambda x: endpoints.analyse_end_points("lupil2_hierarchy", x),
        "loo_sites": lambda x: sensitivity.loo_sites(x),
        "change_prior": lambda x: sensitivity.change_prior(x),
        "power_scale": lambda x: sensitivity.power_scale(x, likelihood=0.5),
        "leave_one_site_out": lambda x: sensitivity.leave_one_site_out(x),
        "log_evidence": sensitivity.log_evidence,
        "under_prior": lambda x: under_prior(x, x),
        "site_table": lambda x: sites.site_table(x),
        "analyse_sites": sites.analyse_sites,
        "exclusion_path": lambda x: sites.exclusion_path(x, x),
        "compare_models": lambda x: sites.compare_models([x, x]),
        "predictive_checks": lambda x: sites.predictive_checks(x),
        "shrinkage_factors": lambda x: sites.shrinkage_factors(x),
        "retained_weights": lambda x: sites.retained_weights(x),
        "analyse_unpublished": unpublished.analyse_unpublished,
        "unpublished_counts": lambda x: unpublished.unpublished_counts(x),
        "absolute_change": lambda x: outcomes.absolute_change(x, "a", "b"),
        "trial_of": lambda x: outcomes.trial_of(x, x, x),
    }


@pytest.mark.parametrize("name", list(calls()))
def test_public_calls_refuse_in_the_packages_own_words(name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for value in NOTHINGS:
            if name == "reanalyse" and value is None:
                continue
            with pytest.raises(BayesLupilError) as problem:
                calls()[name](value)
            assert isinstance(problem.value, InputError)


def test_a_quantity_that_a_posterior_does_not_have_is_told_with_the_nearest():
    posterior = bl.fit("itt_pooled", "beitler_landis")
    for call in (posterior.draws, posterior.row):
        with pytest.raises(InputError, match=r"no quantity 'risk_diference'.*Did you mean 'risk_difference'\?"):
            call("risk_diference")
        with pytest.raises(InputError, match=r"required: a (parameter|row)"):
            call("x")
        with pytest.raises(InputError, match="name = None"):
            call(None)


def test_a_class_that_was_loaded_again_is_the_same_class() -> None:
    def made(module: str) -> type:
        return type("Thing", (), {"__module__": module, "__qualname__": "Thing"})

    first, again, other = made("one"), made("one"), made("two")

    take = takes(first)
    heir = type("Heir", (again,), {})
    for kind in (first, again, heir):
        assert isinstance(take(kind()), kind)
    for wrong in (other(), again, "Thing"):
        with pytest.raises(InputError, match="required: x: a Thing"):
            take(wrong)
