"""Arguments and fields of the public calls, held to what their annotations say.

Where somebody calls with a table for a path, a text for a number, or nothing at all, the message names the argument,
what came and what is required, as it does for a file. Nothing is converted.
"""

from __future__ import annotations

import builtins
import functools
import inspect
import os
import sys
import types
import typing
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping, Sequence
from numbers import Integral, Real
from pathlib import Path
from typing import Any, Literal, ParamSpec, TypeVar, Union, get_args, get_origin

from bayes_lupil.errors import InputError, did_you_mean

__all__ = ["check_fields", "checked", "found_in_words"]

P = ParamSpec("P")
R = TypeVar("R")

_NUMBERS: dict[object, tuple[Any, str]] = {int: (Integral, "a whole number"), float: (Real, "a number")}


def checked(call: Callable[P, R]) -> Callable[P, R]:
    """Check the arguments of a function against its annotations, at every call and before anything else.

    Raises
    ------
    InputError
        From the function that comes back, naming every argument that is not what its annotation says.

    Examples
    --------
    >>> @checked
    ... def half(number: float) -> float:
    ...     return number / 2
    >>> half("3")
    Traceback (most recent call last):
        ...
    bayes_lupil.errors.InputError: half(): found number = '3', a text; required: number: a number.
    """
    signature = inspect.signature(call)

    @functools.wraps(call)
    def same(*args: P.args, **kwargs: P.kwargs) -> R:
        given = signature.bind(*args, **kwargs).arguments
        kinds = {name: item.kind for name, item in signature.parameters.items()}
        hints = _hints(call)
        values = (
            (name, item, hints.get(name, Any))
            for name, value in given.items()
            for item in (
                value if kinds[name] is inspect.Parameter.VAR_POSITIONAL
                else value.values() if kinds[name] is inspect.Parameter.VAR_KEYWORD
                else (value,)
            )
        )  # fmt: skip
        _complain(f"{call.__qualname__}()", values, InputError)
        return call(*args, **kwargs)

    return same


def check_fields(instance: Any, error: type[InputError] = InputError, where: str = "") -> None:
    """Check the fields of a dataclass against their annotations; for its `__post_init__`.

    Parameters
    ----------
    where : str
        What the message names; by default the class.

    Raises
    ------
    InputError
        Of the given kind, naming every field that is not what its annotation says.
    """
    kind: Any = type(instance)
    hints = _hints(kind)
    values = ((name, value, hints.get(name, Any)) for name, value in vars(instance).items())
    _complain(where or kind.__name__, values, error)


def found_in_words(value: object) -> str:
    """A value as a message shows it: short ones themselves, and always what it is.

    Examples
    --------
    >>> found_in_words(None), found_in_words("x"), found_in_words([1, 2])
    ('None', "'x', a text", 'a list of 2')
    """
    if value is None or isinstance(value, bool):
        return str(value)
    if isinstance(value, str):
        return f"'{value}', a text" if len(value) <= 60 else f"'{value[:56]} ...', a text"
    if isinstance(value, Integral):
        return f"{value}, a whole number"
    if isinstance(value, Real):
        return f"{value}, a number"
    if isinstance(value, type):
        return f"the class {value.__name__} itself"
    name = type(value).__name__
    article = "an" if name[0] in "aeiouAEIOU" else "a"
    size = f" of {len(value)}" if isinstance(value, list | tuple | set | dict) else ""
    return f"{article} {name}{size}"


def _complain(where: str, values: Iterator[tuple[str, Any, Any]], error: type[InputError]) -> None:
    found, required, hint = [], [], ""
    for name, value, hint_of_type in values:
        if not _fits(value, hint_of_type):
            found.append(f"{name} = {found_in_words(value)}")
            required.append(f"{name}: {_words(hint_of_type)}")
            if isinstance(value, str) and not hint:
                hint = did_you_mean(value, _texts(hint_of_type))
                if not hint and _fits((value,), hint_of_type):
                    hint = f"For one: {name}=('{value}',)."
    if found:
        raise error(where, "; ".join(found), "; ".join(required), hint)


class _Anything(type):
    def __getattr__(cls, name: str) -> type:
        if name.startswith("__"):  # what Python itself asks of a class, such as what it wraps
            raise AttributeError(name)
        return cls


class _Unknown(metaclass=_Anything):
    """Stands for a type that is not loaded while the program runs; it allows everything."""


class _Scope(dict[str, Any]):
    def __init__(self, module: str) -> None:
        super().__init__(vars(sys.modules[module]))

    def __missing__(self, name: str) -> Any:
        return getattr(builtins, name, _Unknown)


@functools.cache
def _hints(subject: Hashable) -> dict[str, Any]:
    return typing.get_type_hints(subject, localns=_Scope(str(subject.__module__)))


def _fits(value: Any, hint: Any) -> bool:
    origin, inner = get_origin(hint), get_args(hint)
    if hint in (Any, object, _Unknown) or isinstance(hint, TypeVar):
        return True
    if hint is None or hint is type(None):
        return value is None
    if origin in (Union, types.UnionType):
        return any(_fits(value, one) for one in inner)
    if origin is Literal:
        return isinstance(value, str | int) and value in inner
    if hint in _NUMBERS:
        return isinstance(value, _NUMBERS[hint][0]) and not isinstance(value, bool)
    if hint is bool:
        return isinstance(value, bool) or type(value).__name__ in ("bool", "bool_")
    if hint is Path:
        return isinstance(value, os.PathLike)
    if origin is None:
        return _is_a(value, hint) if isinstance(hint, type) else True
    return _holds(value, origin, inner)


def _is_a(value: Any, kind: type) -> bool:
    """Whether a value is of a class, also where its module was loaded again since it was made, as notebooks may do."""
    return isinstance(value, kind) or any(
        (one.__module__, one.__qualname__) == (kind.__module__, kind.__qualname__) for one in type(value).__mro__
    )


def _holds(value: Any, origin: Any, inner: tuple[Any, ...]) -> bool:
    """Whether a container is one of the kind, and all that is in it too."""
    if not isinstance(origin, type) or origin.__module__ == "numpy":
        return True  # arrays are checked where they are made
    a_kind_of = isinstance(value, origin) and not (isinstance(value, str | bytes) and issubclass(origin, Collection))
    if not a_kind_of or not issubclass(origin, Collection):  # what is read only once is not read here
        return a_kind_of
    if issubclass(origin, Mapping):
        return all(_fits(key, inner[0]) and _fits(item, inner[1]) for key, item in value.items())
    if origin is tuple and inner[-1:] != (...,):
        return len(value) == len(inner) and all(_fits(item, one) for item, one in zip(value, inner, strict=True))
    if inner[0] is str:  # a million names in a moment
        return all(isinstance(item, str) for item in value)
    return all(_fits(item, inner[0]) for item in value)


def _words(hint: Any) -> str:
    """A type as a reader would say it."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        # containers last, so that what may be an item is not read as one of the choices
        inner = tuple(sorted(inner, key=lambda one: get_origin(one) is not None))
        # None last: the order of a union is that of its first use anywhere
        *first, last = dict.fromkeys(_words(one) for one in sorted(inner, key=lambda one: one is type(None)))
        return f"{', '.join(first)} or {last}" if first else last
    if origin is Literal:
        return " or ".join(f"'{value}'" for value in inner)
    if hint is None or hint is type(None):
        return "None"
    if hint in _NUMBERS:
        return _NUMBERS[hint][1]
    if origin is not None and isinstance(origin, type):
        return _container(origin, inner)
    named = {str: "a text", bool: "True or False", Path: "a path", Any: "anything"}
    return named.get(hint, f"a {getattr(hint, '__name__', hint)}")


def _container(origin: type, inner: tuple[Any, ...]) -> str:
    if issubclass(origin, Mapping):
        return f"a dictionary of {_words(inner[0])} to {_words(inner[1])}"
    if origin is tuple and inner[-1:] != (...,):
        return "(" + ", ".join(_words(one) for one in inner) + ")"
    if issubclass(origin, Collection):
        return f"a {'tuple' if origin is tuple else 'sequence'}, each item {_words(inner[0])}"
    return "a function" if issubclass(origin, Callable) else f"a {origin.__name__}"  # type: ignore[arg-type]


def _texts(hint: Any) -> Sequence[str]:
    """The words that a type allows, where it allows certain words only."""
    inner = get_args(hint)
    if get_origin(hint) is Literal:
        return [value for value in inner if isinstance(value, str)]
    return [text for one in inner for text in _texts(one)]
