"""Names of any kind as names of folders."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

__all__ = ["folder_names"]

_LONGEST = 60
_DEVICES = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")
"""What Windows takes for a device, whatever its ending."""


def folder_names(names: Iterable[str], taken: Iterable[str] = ()) -> list[str]:
    """Names of any kind as names of folders, told apart also where upper and lower case are the same.

    Parameters
    ----------
    names : iterable of str
    taken : iterable of str
        Names that are not to be given.

    Examples
    --------
    >>> folder_names(["<5 mg", ">5 mg", "Placebo", "placebo", ".."])
    ['_5_mg', '_5_mg_2', 'Placebo', 'placebo_2', '_']
    """
    seen, found = {_alike(name) for name in taken}, []
    for name in names:
        kept = "".join(c if c.isalnum() or c in "-_." else "_" for c in unicodedata.normalize("NFC", name))
        first = kept[:_LONGEST].strip(".") or "_"
        chosen = first = f"_{first}" if _DEVICES.fullmatch(first) else first
        i = 1
        while _alike(chosen) in seen:
            i += 1
            chosen = f"{first}_{i}"
        seen.add(_alike(chosen))
        found.append(chosen)
    return found


def _alike(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold()
