"""One spelling of every value, so that the same data are the same data whatever they came in."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np

__all__ = ["MISSING", "canonical", "canonical_text", "in_columns", "number"]

MISSING = frozenset(
    {"", ".", "na", "n/a", "#n/a", "<na>", "nan", "nat", "none", "null", "missing", "unknown", "unk", "-99", "-999"}
    | {
        "not known",
        "not recorded",
        "not available",
        "?",
        "unbekannt",
        "nicht bekannt",
        "keine angabe",
        "k.a.",
        "inconnu",
        "inconnue",
        "desconocido",
        "desconocida",
    }
    | {f".{letter}" for letter in "abcdefghijklmnopqrstuvwxyz_"}
)
"""What a cell may hold where nothing was recorded, in lower case; `.a` to `.z` are SAS's and Stata's."""

_WHOLE_FLOAT = re.compile(r"([+-]?)0*(\d+)\.0+")
_MIDNIGHT = re.compile(r"(\d{4}-\d\d-\d\d)[ T]00:00:00(\.0+)?")
_TRUTH = {"true": "TRUE", "True": "TRUE", "false": "FALSE", "False": "FALSE"}


def canonical_text(text: str) -> str:
    """The one spelling of a text: whole floats as whole numbers, truth values in capitals, dates without midnight.

    Examples
    --------
    >>> [canonical_text(text) for text in (" 3.0 ", "True", "0.50", "007", "2014-01-02 00:00:00")]
    ['3', 'TRUE', '0.50', '007', '2014-01-02']
    """
    text = text.strip()
    if text[-1:] == "0" and "0" in text[-2:]:
        if (found := _WHOLE_FLOAT.fullmatch(text)) is not None:
            sign = "-" if found[1] == "-" and found[2] != "0" else ""
            return sign + found[2]
        if (found := _MIDNIGHT.fullmatch(text)) is not None:
            return found[1]
    elif text[-1:] in "eE" and len(text) < 6:
        return _TRUTH.get(text, text)
    return text


def canonical(value: Any) -> str:
    """The one spelling of a value of a data frame or a sheet; a missing one is ''.

    Examples
    --------
    >>> [canonical(value) for value in (3.0, 0.5, True, None, float("nan"), 7, "3.0")]
    ['3', '0.5', 'TRUE', '', '', '7', '3']
    """
    if isinstance(value, str):
        return canonical_text(value)
    if value is None or type(value).__name__ in ("NAType", "NaTType") or value != value:
        return ""
    if isinstance(value, bool | np.bool_):
        return "TRUE" if value else "FALSE"
    if isinstance(value, Integral):
        return str(int(value))
    if isinstance(value, Real):
        if float(value).is_integer():
            return str(int(float(value)))
        return str(value)  # of a float of 32 bits the shortest spelling of these
    if isinstance(value, bytes):
        return canonical_text(value.decode("latin-1"))
    if isinstance(value, datetime.datetime):
        return canonical_text(value.isoformat(" "))
    return canonical_text(str(value))


def in_columns(columns: Iterable[Sequence[Any]]) -> list[list[str]]:
    """Columns of values as columns of texts, each different value looked at once."""
    found = []
    for column in columns:
        seen: dict[tuple[type, Any], str] = {}
        texts = []
        for value in column:
            try:
                text = seen.get((type(value), value))
                if text is None:
                    text = seen[type(value), value] = canonical(value)
            except (TypeError, ValueError):  # what cannot be a key of a dictionary, or is no value of its own
                text = canonical(value) if not hasattr(value, "__len__") else str(value)
            texts.append(text)
        found.append(texts)
    return found


def number(text: str) -> float | None:
    """The finite number that a text is; None where it is none.

    Examples
    --------
    >>> number("1.5"), number("1_000"), number("nan"), number("a")
    (1.5, None, None, None)
    """
    try:
        value = float(text)
    except ValueError:
        return None
    return value if np.isfinite(value) and "_" not in text else None
