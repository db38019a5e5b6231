"""Changes from baseline: by hand, at the limits of the instrument, and where a percentage means nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayes_lupil.errors import TrialError
from bayes_lupil.outcomes import Outcomes, read_outcomes
from bayes_lupil.outcomes.change import absolute_change, relative_change

NAN = float("nan")


def _data(before: list, after: list) -> Outcomes:
    n = len(before)
    return Outcomes.from_frame(pd.DataFrame({"site": "A", "arm": ["drug"] * n, "b": before, "f": after}))


def test_by_hand() -> None:
    data = _data([10, 8, 6, NAN, 12], [5, 10, NAN, 4, 0])
    np.testing.assert_array_equal(absolute_change(data, "b", "f").values, [-5, 2, NAN, NAN, -12])
    np.testing.assert_array_equal(relative_change(data, "b", "f").values, [-50, 25, NAN, NAN, -100])
    assert absolute_change(data, "b", "f").limits is None
    assert relative_change(data, "b", "f").limits is None


def test_limits_by_hand() -> None:
    data = _data([10, 20, NAN], [5, 20, 3])
    low, high = absolute_change(data, "b", "f", 0, 105).limits
    np.testing.assert_array_equal(low, [-10, -20, NAN])
    np.testing.assert_array_equal(high, [95, 85, NAN])
    low, high = relative_change(data, "b", "f", 0, 105).limits
    np.testing.assert_array_equal(low, [-100, -100, NAN])
    np.testing.assert_array_equal(high, [950, 425, NAN])
    low, high = relative_change(data, "b", "f", lowest=0).limits
    np.testing.assert_array_equal(low, [-100, -100, NAN])
    np.testing.assert_array_equal(high, [np.inf, np.inf, NAN])


@given(st.lists(st.tuples(st.integers(1, 105), st.integers(0, 105)), min_size=1, max_size=20))
def test_values_lie_within_their_limits_and_reach_them(pairs: list[tuple[int, int]]) -> None:
    data = _data([b for b, _ in pairs], [f for _, f in pairs])
    for change in (absolute_change, relative_change):
        found = change(data, "b", "f", 0, 105)
        low, high = found.limits
        assert (low <= found.values).all()
        assert (found.values <= high).all()
        for end, limit in ((0, low), (105, high)):
            at_end = data.with_numbers(f=np.full(len(data), float(end)))
            np.testing.assert_allclose(change(at_end, "b", "f", 0, 105).values, limit, rtol=1e-12)


@pytest.mark.parametrize("bad", [0, -2])
def test_a_baseline_without_a_percentage(tmp_path: Path, bad: int) -> None:
    path = tmp_path / "trial.csv"
    path.write_text(f"patient,site,arm,b,f\np1,A,drug,8,4\np2,A,drug,{bad},\np3,A,drug,0,1\n", encoding="utf-8")
    data = read_outcomes(path)
    with pytest.raises(TrialError) as caught:
        relative_change(data, "b", "f")
    assert caught.value.where == f"{path}, line 3, column 'b'"
    assert caught.value.found == f"a baseline of {bad} (patient 'p2'; 2 such in all)"
    np.testing.assert_array_equal(absolute_change(data, "b", "f").values, [-4, NAN, 1])


@pytest.mark.parametrize("change", [absolute_change, relative_change])
@pytest.mark.parametrize(
    ("before", "after", "column"),
    [([8, 9], [4, 106], "f"), ([8, 106], [4, 4], "b"), ([8, 8], [4, -1], "f")],
)
def test_scores_outside_the_instrument(change, before: list, after: list, column: str) -> None:
    data = _data(before, after)
    with pytest.raises(TrialError, match=f"row 2, column '{column}'.*'2'.*a score from 0 to 105"):
        change(data, "b", "f", 0, 105)


@pytest.mark.parametrize("change", [absolute_change, relative_change])
def test_slips_of_the_caller(change) -> None:
    data = _data([8], [4])
    with pytest.raises(TrialError, match="'b' as baseline and as follow-up"):
        change(data, "b", "b")
    with pytest.raises(TrialError, match="the least below the largest"):
        change(data, "b", "f", 105, 0)
    with pytest.raises(TrialError, match="the least below the largest"):
        change(data, "b", "f", NAN, 105)
    with pytest.raises(TrialError, match="no column 'g'"):
        change(data, "b", "g")


def test_the_result_is_frozen() -> None:
    found = absolute_change(_data([8], [4]), "b", "f", 0, 105)
    for array in (found.values, *found.limits):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
