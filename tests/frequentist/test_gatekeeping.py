"""The fixed sequence: against closed testing written out, and its own promises."""

from __future__ import annotations

import doctest
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

import bayes_lupil.frequentist.gatekeeping as module
from bayes_lupil.frequentist import Hypothesis, fixed_sequence

P = st.floats(0.0, 1.0, allow_nan=False)
SAID = st.sampled_from(["", "significant", "not significant"])
STEPS = st.lists(st.tuples(st.none() | P, SAID), min_size=1, max_size=7)
STOPPED = "no formal claim: formal testing stops at step 1"


def _sequence(ps):
    return [Hypothesis(f"H{i}", p) for i, p in enumerate(ps, start=1)]


def test_doctests() -> None:
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0


def test_lupil_2() -> None:
    """Printed p-values of Humrich et al. 2022: ITT stops at once, PP goes on by word of the paper."""
    itt = fixed_sequence([Hypothesis("SRI-4", 0.3439), Hypothesis("%", None), Hypothesis("SLEDAI", None)])
    assert [g.status for g in itt] == ["not significant", STOPPED, STOPPED]
    assert [g.adjusted_p for g in itt] == [0.3439, None, None]
    pp = fixed_sequence(
        [
            Hypothesis("SRI-4", 0.0168),
            Hypothesis("SLEDAI %", None, "significant"),
            Hypothesis("SLEDAI", None, "significant"),
        ]
    )
    assert [g.status for g in pp] == ["significant"] + ["reported significant, no figure published"] * 2
    assert [g.adjusted_p for g in pp] == [0.0168, None, None]


def test_an_unpublished_step_leaves_no_adjusted_p_behind_it() -> None:
    unpublished = Hypothesis("b", None, "significant")
    gates = fixed_sequence([Hypothesis("a", 0.01), unpublished, Hypothesis("c", 0.02)])
    said = "reported significant, no figure published"
    assert [g.status for g in gates] == ["significant", said, "significant"]
    assert [g.adjusted_p for g in gates] == [0.01, None, None]


@pytest.mark.parametrize(
    ("reported", "status"),
    [
        ("", "unknown: neither figure nor result published"),
        ("not significant", "reported not significant, no figure published"),
    ],
)
def test_without_figure_and_without_claim_the_gate_closes(reported, status) -> None:
    gates = fixed_sequence([Hypothesis("a", None, reported), Hypothesis("b", 0.001)])
    assert [g.status for g in gates] == [status, STOPPED]
    assert gates[1].adjusted_p is None


def test_a_figure_outranks_the_words_of_the_paper() -> None:
    assert fixed_sequence([Hypothesis("a", 0.2, "significant")])[0].status == "not significant"


def test_the_order_matters() -> None:
    a, b = Hypothesis("a", 0.01), Hypothesis("b", 0.2)
    assert {g.name: g.status for g in fixed_sequence([a, b])}["a"] == "significant"
    assert {g.name: g.status for g in fixed_sequence([b, a])}["a"] == STOPPED


@given(st.lists(P, min_size=1, max_size=6))
def test_adjusted_p_is_the_closed_test_of_the_first_hypotheses(ps) -> None:
    """Marcus, Peritz and Gabriel 1976: every intersection is tested by its first member; no tolerance."""
    closed = [0.0] * len(ps)
    for size in range(1, len(ps) + 1):
        for members in itertools.combinations(range(len(ps)), size):
            for i in members:
                closed[i] = max(closed[i], ps[members[0]])
    assert [g.adjusted_p for g in fixed_sequence(_sequence(ps))] == closed


@given(st.lists(P, min_size=1, max_size=7), st.floats(0.001, 0.5))
def test_rejected_exactly_if_adjusted_p_is_at_most_alpha(ps, alpha) -> None:
    gates = fixed_sequence(_sequence(ps), alpha)
    assert all((g.status == "significant") == (g.adjusted_p <= alpha) for g in gates)


@given(STEPS, st.floats(0.001, 0.5))
def test_adjusted_p_rises_and_nothing_reopens_a_gate(steps, alpha) -> None:
    gates = fixed_sequence([Hypothesis(f"H{i}", p, said) for i, (p, said) in enumerate(steps)], alpha)
    assert [g.step for g in gates] == list(range(1, len(steps) + 1))
    known = [g.adjusted_p for g in gates if g.adjusted_p is not None]
    assert known == sorted(known)
    assert [g.adjusted_p is None for g in gates] == sorted(g.adjusted_p is None for g in gates)
    assert all(g.adjusted_p is not None or any(p is None for p, _ in steps[: g.step]) for g in gates)
    passed = [g.status in ("significant", "reported significant, no figure published") for g in gates]
    assert passed == sorted(passed, reverse=True)
    if not all(passed):
        stop = passed.index(False) + 1
        assert all(g.status == f"no formal claim: formal testing stops at step {stop}" for g in gates[stop:])


def test_p_equal_to_alpha_is_significant() -> None:
    assert fixed_sequence([Hypothesis("a", 0.05)], 0.05)[0].status == "significant"


@pytest.mark.parametrize("p", [-0.1, 1.1, float("nan"), "0.05", [0.1]])
def test_impossible_p_values_are_refused(p) -> None:
    with pytest.raises(ValueError, match="p of 'a'"):
        Hypothesis("a", p)


def test_other_bad_input_is_refused() -> None:
    with pytest.raises(ValueError, match="hypothesis name"):
        Hypothesis(" ", 0.1)
    with pytest.raises(ValueError, match="reported of 'a'"):
        Hypothesis("a", None, "yes")
    with pytest.raises(ValueError, match="at least one"):
        fixed_sequence([])
    for alpha in (0.0, 1.0, float("nan"), "low", None):
        with pytest.raises(ValueError, match="alpha"):
            fixed_sequence([Hypothesis("a", 0.1)], alpha)
