"""Columns that could be what nobody found: told in messages, never taken."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from bayes_lupil.trials.tables import MARK
from bayes_lupil.trials.values import MISSING, number
from bayes_lupil.trials.vocabulary import IDS, VISITS, fits, plain

__all__ = ["no_sites_hint"]

_MOST = 6
_LIKE_SITE = re.compile(
    r"sit|cent|zent|clin|klin|hosp|hop|prax|pract|inst|unit|ward|location|ort|investig|facil|region"
)


def no_sites_hint(columns: Mapping[str, Sequence[str]]) -> str:
    """How the column of sites is named, with the columns that could be it, those called like one first.

    Parameters
    ----------
    columns : mapping
        Cells of the columns without a role, by name.

    Examples
    --------
    >>> no_sites_hint({"zentrum": ["A", "A", "B", "B"], "age": ["31.5", "40.2", "55.1", "62.9"]})
    "Name the column of sites: --site COLUMN (in Python: site=...). It could be 'zentrum' (2 different values)."
    """
    told = "Name the column of sites: --site COLUMN (in Python: site=...)."
    found = sorted(
        ((name, len(set(cells))) for name, cells in columns.items() if _could_be_sites(name, cells)),
        key=lambda one: (_LIKE_SITE.search(plain(one[0])) is None, -one[1], one[0]),
    )
    if not found:
        return told
    named = [f"'{name}' ({values} different values)" for name, values in found[:_MOST]]
    return f"{told} It could be {', '.join(named)}{', ...' if len(found) > _MOST else ''}."


def _could_be_sites(name: str, cells: Sequence[str]) -> bool:
    """Whether several rows share each of two values or more, none of them a measurement or nothing."""
    held = set(cells)
    if name == MARK or fits(name, IDS) or fits(name, VISITS) or not 2 <= len(held) <= len(cells) / 2:
        return False
    numbers = [value for cell in held if (value := number(cell)) is not None]
    return not any(cell.casefold() in MISSING for cell in held) and all(value == int(value) for value in numbers)
