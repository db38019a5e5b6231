"""A trial as plain data, all of it and in its own order, and back: what a saved posterior holds of its trial."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, Union, get_args, get_origin

import numpy as np

from bayes_lupil.arguments import check_fields
from bayes_lupil.errors import TrialError
from bayes_lupil.trials.cells import Cells
from bayes_lupil.trials.estimates import Estimate
from bayes_lupil.trials.margins import Margins
from bayes_lupil.trials.measurements import Measurements
from bayes_lupil.trials.patients import Patients
from bayes_lupil.trials.trial import Trial

__all__ = ["trial_from_dict", "trial_to_dict"]

_KINDS = {kind.__name__: kind for kind in (Cells, Estimate, Margins, Measurements, Patients)}


def trial_to_dict(trial: Trial) -> dict[str, Any]:
    """A trial as dictionaries, lists, texts and numbers; NaN where a measurement is missing.

    Unlike `Trial.content`, which is what a hash is taken over, it has all words and keeps the order of sites and
    patients.

    Examples
    --------
    >>> from bayes_lupil import load_trial
    >>> trial = load_trial("lupil2")
    >>> trial_to_dict(trial)["data"]["Margins"]["totals"]
    [[29, 50], [34, 50]]
    """
    found: dict[str, Any] = _plain(trial)
    return found | {"data": {type(trial.data).__name__: _plain(trial.data)}}


def trial_from_dict(content: Mapping[str, Any]) -> Trial:
    """The trial that `trial_to_dict` told of, exactly.

    Raises
    ------
    TrialError
        For what cannot be a trial.

    Examples
    --------
    >>> from bayes_lupil import load_trial
    >>> trial = load_trial("beitler_landis")
    >>> trial_from_dict(trial_to_dict(trial)).data_hash == trial.data_hash
    True
    """
    try:
        [(name, data)] = content["data"].items()
        found: Trial = _of_fields(Trial, {**content, "data": _of_fields(_KINDS[name], data)})
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as problem:
        if isinstance(problem, TrialError):
            raise
        raise TrialError(
            "stored trial", f"{type(problem).__name__}: {problem}", "what a saved trial holds"
        ) from problem
    return found


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {item.name: _plain(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, tuple | list) else value


def _of_fields(kind: Any, content: Mapping[str, Any]) -> Any:
    """A dataclass from its fields, each of the type that it must have."""
    hints = _hints(kind)
    found = kind(**{name: _rebuilt(hints[name], value) for name, value in content.items()})
    check_fields(found, TrialError)
    return found


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _rebuilt(hint: Any, value: Any) -> Any:
    """From lists, dictionaries and values to what the annotation of a field says; numbers as they are."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return None if value is None else _rebuilt(next(one for one in inner if one is not types.NoneType), value)
    if origin is np.ndarray:
        return np.array(value, dtype=get_args(inner[1])[0])
    if origin is dict:
        return {name: _rebuilt(inner[1], item) for name, item in value.items()}
    if origin is tuple:
        each = inner[:1] * len(value) if inner[-1] is Ellipsis else inner
        return tuple(_rebuilt(one, item) for one, item in zip(each, value, strict=True))
    return _of_fields(hint, value) if is_dataclass(hint) and isinstance(value, Mapping) else value
