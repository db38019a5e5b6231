"""Data classes that stay what they were: their arrays are read-only and their dictionaries cannot be changed.

A frozen dataclass alone keeps its fields from being exchanged, but not what is in them. An array that somebody scales
in place "to have percentage points" would change every result that is made from it later, under a verdict that was
given before.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import numpy as np

from bayes_lupil.cards import Brief

if TYPE_CHECKING:
    from xarray import DataTree

__all__ = ["FrozenDict", "ReadOnly", "make_read_only", "read_only"]

K = TypeVar("K")
V = TypeVar("V")


class FrozenDict(dict[K, V]):
    """A dictionary that cannot be changed; `dict(it)` gives one that can.

    Examples
    --------
    >>> ages = FrozenDict({"a": 1})
    >>> ages["a"], ages == {"a": 1}
    (1, True)
    >>> ages["a"] = 2
    Traceback (most recent call last):
        ...
    TypeError: this dictionary is part of a result and cannot be changed; dict(...) makes a copy that can
    """

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError("this dictionary is part of a result and cannot be changed; dict(...) makes a copy that can")

    __setitem__ = __delitem__ = clear = pop = popitem = setdefault = update = _refuse
    __ior__ = _refuse

    def __reduce__(self) -> tuple[type[FrozenDict[K, V]], tuple[dict[K, V]]]:
        return type(self), (dict(self),)


def read_only(value: Any) -> Any:
    """The same value, its arrays read-only (copies where they were not), in dictionaries and tuples too."""
    if isinstance(value, np.ndarray):
        if value.flags.writeable:
            value = value.copy()
            value.setflags(write=False)
        return value
    if type(value) is tuple:
        return tuple(read_only(item) for item in value)
    if isinstance(value, Mapping):
        return FrozenDict({key: read_only(item) for key, item in value.items()})
    return value


class ReadOnly(Brief):
    """Base of frozen dataclasses that hold arrays or dictionaries: both become read-only, and stay so in copies.

    A class that has a `__post_init__` of its own calls this one at its end.
    """

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            found = read_only(value)
            if found is not value:
                object.__setattr__(self, name, found)

    def __setstate__(self, state: dict[str, Any]) -> None:
        # NumPy forgets the flag in a pickle, and in a deep copy
        vars(self).update({name: read_only(value) for name, value in state.items()})


def make_read_only(tree: DataTree) -> None:
    """Take the permission to write from all arrays of a tree, in place: they may be too large to be copied."""
    for node in tree.subtree:
        for variable in node.variables.values():
            variable.values.setflags(write=False)
