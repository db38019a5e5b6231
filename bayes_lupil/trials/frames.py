"""Data frames (pandas, polars, Arrow and whatever narwhals knows) and dictionaries of columns as tables."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

from bayes_lupil.arguments import found_in_words
from bayes_lupil.characters import one_line, unholdable
from bayes_lupil.errors import TrialError
from bayes_lupil.trials.tables import Table, check_header, check_size, without_row_names
from bayes_lupil.trials.values import in_columns

__all__ = ["FRAME", "needed", "table_of_columns", "table_of_frame"]

FRAME = "the data frame"
"""How messages and pages call a frame, which has no name."""
_PLAIN = (str, int, float, bool, bytes, type(None), datetime.date, datetime.time, datetime.timedelta)


def table_of_frame(source: Any, name: str = FRAME) -> Table:
    """The table that a data frame or a dictionary of columns is.

    Raises
    ------
    TrialError
        For anything else, and where columns have no name, the same name or different lengths.
    """
    if isinstance(source, Mapping):
        return _table_of_mapping(source, "the dictionary" if name == FRAME else name)
    kind = type(source).__module__.partition(".")[0]
    notes: tuple[str, ...] = ()
    if kind == "pandas" and hasattr(source, "columns"):
        source, notes = _with_named_index(source)
        names = list(source.columns)
        columns = [source.iloc[:, j].tolist() for j in range(len(names))]
    else:
        names, columns = _by_narwhals(source, name)
    return table_of_columns(names, columns, name, notes)


def _with_named_index(frame: Any) -> tuple[Any, tuple[str, ...]]:
    """An index with names holds data, for example the sites; one without counts the rows."""
    names = list(frame.index.names)
    if any(level is None for level in names) or getattr(frame.columns, "nlevels", 1) > 1:
        return frame, ()
    if any(level in frame.columns for level in names):
        return frame, (f"the index {', '.join(map(str, names))} is not used: a column has its name",)
    return frame.reset_index(), ()


def _by_narwhals(source: Any, name: str) -> tuple[list[Any], list[Sequence[Any]]]:
    nw = needed("narwhals", name)

    try:
        frame = nw.from_native(source)
    except TypeError:
        raise TrialError(
            "source",
            found_in_words(source),
            "a path, a built-in name, a data frame (pandas, polars, Arrow), or a dictionary of columns",
        ) from None
    if isinstance(frame, nw.LazyFrame):
        frame = frame.collect()
    if not isinstance(frame, nw.DataFrame):
        raise TrialError(name, found_in_words(source), "a data frame with several columns")
    return list(frame.columns), [frame[column].to_list() for column in frame.columns]


def _table_of_mapping(source: Mapping[Any, Any], name: str) -> Table:
    columns = []
    for key, values in source.items():
        if isinstance(values, str | bytes) or not hasattr(values, "__len__") or not hasattr(values, "__iter__"):
            raise TrialError(f"{name}, column '{key}'", found_in_words(values), "a sequence with a value for each row")
        columns.append(values.tolist() if hasattr(values, "tolist") else list(values))
    sizes = {str(key): len(column) for key, column in zip(source, columns, strict=True)}
    if len(set(sizes.values())) > 1:
        told = ", ".join(f"'{key}' {size}" for key, size in list(sizes.items())[:10])
        raise TrialError(name, f"columns of different lengths ({told})", "a value for each row in every column")
    return table_of_columns(list(source), columns, name)


def table_of_columns(
    names: Sequence[Any],
    columns: Sequence[Sequence[Any]],
    path: Any,
    notes: tuple[str, ...] = (),
    lines: Sequence[int] | None = None,
    header_line: int = 0,
) -> Table:
    """The table that columns of Python values are.

    Parameters
    ----------
    lines : sequence of int, optional
        Number of each row, for messages; counted from 1 where it is not given.
    """
    if not names:
        raise TrialError(str(path), "no columns", "a column for the arm, and the outcome or counts")
    size = len(columns[0])
    check_size(str(path), len(names), size)
    titles = [" ".join(map(str, name)) if isinstance(name, tuple) else str(name) for name in names]
    titles = [" ".join(title.split("\n")).strip() for title in titles]
    if not size:
        raise TrialError(str(path), "a header and no rows", "at least one row for each arm")
    for title, column in zip(titles, columns, strict=True):
        odd = next((value for value in column if not _is_plain(value)), None)
        if odd is not None:
            raise TrialError(
                f"{path}, column '{one_line(title)}'", found_in_words(odd), "a text or a number in each row"
            )
    texts = in_columns(columns)
    for title, column in zip(titles, texts, strict=True):
        for text in set(column):
            if sign := unholdable(text):
                found = f"the character U+{ord(sign[0]):04X}"
                raise TrialError(f"{path}, column '{one_line(title)}'", found, "text without control characters")
    rows = list(zip(lines or range(1, size + 1), zip(*texts, strict=True), strict=True))
    kept, cells, more = without_row_names(titles, rows)
    where = f"{path}, row {header_line}" if header_line else str(path)
    check_header(kept, where)
    return Table(path, kept, cells, header_line, "row", (*notes, *more))


def _is_plain(value: Any) -> bool:
    return isinstance(value, _PLAIN) or (not hasattr(value, "__len__") and not callable(value))


def needed(package: str, where: Any) -> Any:
    """A package of the extra 'files', loaded.

    Raises
    ------
    TrialError
        Naming the extra, where it is not installed.
    """
    try:
        return import_module(package)
    except ImportError:
        raise TrialError(
            str(where),
            f"data that {package.partition('.')[0]} reads, which is not installed",
            "this package",
            "pip install 'bayes-lupil[files]'",
        ) from None
