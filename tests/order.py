"""In which order several workers run the tests: long ones first, so that none is left alone at the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import pytest

__all__ = ["long_first", "takes_long"]

Item = TypeVar("Item")


def takes_long(item: pytest.Item) -> bool:
    """Whether a test is marked as slow, or is a proof that is not skipped."""
    if item.get_closest_marker("proof") is not None:
        return item.get_closest_marker("skip") is None
    return item.get_closest_marker("slow") is not None


def long_first(items: Sequence[Item], is_long: Callable[[Item], bool], workers: int) -> list[Item]:
    """The items in another order, the rest as they were.

    xdist cuts the list into one piece for each worker, and they take tests from one another only towards the end. So
    each piece starts with its share of the long ones.
    """
    if workers == 1:
        return list(items)
    long = [item for item in items if is_long(item)]
    short = [item for item in items if not is_long(item)]
    found: list[Item] = []
    for i in range(workers):
        mine = long[i::workers]
        size = (len(items) - len(found)) // (workers - i)
        taken = max(size - len(mine), 0) if i < workers - 1 else len(short)
        found, short = [*found, *mine, *short[:taken]], short[taken:]
    return found
