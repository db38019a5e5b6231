"""The order of the tests."""

from __future__ import annotations

import pytest

from tests.order import long_first


@pytest.mark.parametrize(("long", "short", "workers"), [(5, 20, 2), (4, 21, 2), (0, 5, 2), (5, 30, 4), (7, 31, 3)])
def test_long_tests_start_the_pieces_and_none_is_lost(long, short, workers):
    items = [*(f"quick {k}" for k in range(short)), *(f"slow {k}" for k in range(long))]
    found = long_first(items, lambda item: item.startswith("slow"), workers)
    assert sorted(found) == sorted(items)
    start, first = 0, []
    for i in range(workers):  # as xdist cuts it
        size = (len(found) - start) // (workers - i)
        piece, start = found[start : start + size], start + size
        share = sum(item.startswith("slow") for item in piece)
        assert long // workers <= share <= -(-long // workers)
        assert all(item.startswith("slow") for item in piece[:share])
        first += [item for item in piece if item.startswith("quick")]
    assert first == items[:short]  # tests of one module stay together


def test_more_long_tests_than_a_piece_holds_and_one_worker():
    items = [*"abc", *(f"slow {k}" for k in range(9))]
    assert sorted(long_first(items, lambda item: len(item) > 1, 4)) == sorted(items)
    assert long_first(items, lambda item: len(item) > 1, 1) == items
