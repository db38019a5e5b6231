"""Any source of data (a file, a data frame, a dictionary of columns) as one table of texts."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from bayes_lupil.errors import TrialError
from bayes_lupil.trials.delimited import read_table
from bayes_lupil.trials.formats import FORMATS, UNREAD, read_format
from bayes_lupil.trials.frames import table_of_frame
from bayes_lupil.trials.tables import Table

__all__ = ["DELIMITED", "ENDINGS", "is_path", "read_source"]

DELIMITED = (".csv", ".tsv", ".tab", ".txt", ".dat")
"""Endings of tables that are text."""
ENDINGS = (*DELIMITED, *FORMATS)
"""Endings of all files that hold a table which can be read."""


def is_path(source: Any) -> bool:
    """Whether a source is a file's name rather than the data themselves."""
    return isinstance(source, str | os.PathLike)


def read_source(source: Any, sheet: str | None = None) -> Table:
    """The table that a source holds, every value in one spelling, with what was guessed in its notes.

    Parameters
    ----------
    source : str, Path, data frame or dict of columns
        A file that ends in one of `ENDINGS`, or the data themselves: a frame of pandas, polars or Arrow.
    sheet : str, optional
        Of an Excel file: the sheet; the first with values in it by default.

    Raises
    ------
    TrialError
        Naming the place, what was found and what is required.

    Examples
    --------
    >>> table = read_source({"site": [1.0, 2.0], "arm": ["placebo", "drug"], "cured": [True, None]})
    >>> table.columns, [fields for _, fields in table.rows]
    (('site', 'arm', 'cured'), [('1', 'placebo', 'TRUE'), ('2', 'drug', '')])
    """
    if not is_path(source):
        if sheet is not None:
            raise TrialError("sheet", f"'{sheet}'", "nothing: only Excel files have sheets")
        return table_of_frame(source)
    path = Path(source)
    ending = path.suffix.lower()
    if ending in FORMATS:
        return read_format(path, sheet)
    if sheet is not None:
        raise TrialError(str(path), f"sheet = '{sheet}'", "nothing: only Excel files have sheets")
    if ending in UNREAD:
        raise TrialError(str(path), UNREAD[ending], f"a file that ends in {', '.join(ENDINGS)}")
    return read_table(path)
