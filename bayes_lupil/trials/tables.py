"""A table as text, every complaint naming its place; and its mark, where its data are made up."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from bayes_lupil.characters import name_fault, one_line
from bayes_lupil.errors import TrialError, closest, nearest
from bayes_lupil.limits import MOST_CELLS, MOST_COLUMNS, MOST_LETTERS, MOST_LINES

__all__ = ["CELL_COLUMNS", "MARK", "Table", "check_header", "check_size", "listed", "sheets_told", "without_row_names"]

CELL_COLUMNS = ("site", "arm", "responders", "n")
MARK = "data"
"""The column that says of every row that it is made up; of real data it may hold anything else."""

_MADE_UP = re.compile(r"\bsynthetic\b", re.IGNORECASE)
_COUNTS = ("Unnamed: 0", "...1", "__index_level_0__")
"""How pandas and R's readr call a column that had no name."""


@dataclass(frozen=True)
class Table:
    """A file or a data frame as text: column names and rows, each with its place.

    Attributes
    ----------
    path : Path or str
        The file; or what else it is, in words.
    rows : tuple of (int, tuple of str)
        Line (or row) of the file, and the cells in their one spelling (`values.canonical`).
    unit : str
        What the numbers of the rows count: 'line' or 'row'.
    notes : tuple of str
        What was guessed when it was read.
    sheets : tuple of str
        Of a file with several sheets, of which nobody chose one: that which was read, then the others.
    """

    path: Path | str
    columns: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]
    header_line: int = 1
    unit: str = "line"
    notes: tuple[str, ...] = ()
    sheets: tuple[str, ...] = ()

    @property
    def synthetic(self) -> bool:
        """Whether a row says that it is made up."""
        return MARK in self.columns and any(_MADE_UP.search(text) for text in set(self.column(MARK)))

    @cached_property
    def _columns(self) -> dict[str, list[str]]:
        cells = zip(*(fields for _, fields in self.rows), strict=True)
        return {name: list(column) for name, column in zip(self.columns, cells, strict=True)}

    def column(self, name: str) -> list[str]:
        """One column; an unknown name is an error with the nearest valid spelling."""
        if name not in self.columns:
            found = f"no column '{name}' (columns: {listed(self.columns)})"
            hint = nearest(name, self.columns)
            if name in CELL_COLUMNS:  # the name is fixed, so it is the file that must change
                spare = [column for column in self.columns if column not in CELL_COLUMNS]
                match = closest(name, spare)
                hint = f"Should '{match}' be called '{name}'?" if match else ""
            raise TrialError(self.header, found, f"a column '{name}'", hint)
        return self._columns[name] if self.rows else []

    @property
    def header(self) -> str:
        """File and line of the header, for messages."""
        return f"{self.path}, {self.unit} {self.header_line}" if self.header_line else str(self.path)

    def names(self, column: str) -> list[str]:
        """A column of names; an empty one, or one that no table or figure can show, is an error at its line."""
        found = self.column(column)
        faults = {name: fault for name in set(found) if (fault := _fault_of(name))}
        if faults:
            i = next(i for i, name in enumerate(found) if name in faults)
            raise TrialError(self.where(i, column), *faults[found[i]])
        return found

    def where(self, i: int, column: str = "") -> str:
        """File, line and column of row i, for messages."""
        place = f"{self.path}, {self.unit} {self.rows[i][0]}"
        return f"{place}, column '{column}'" if column else place

    def part(self, keep: Sequence[int]) -> Table:
        """Some of the rows."""
        return replace(self, rows=tuple(self.rows[i] for i in keep))

    def with_columns(self, columns: Sequence[str], cells: Sequence[Sequence[str]]) -> Table:
        """The same rows with other columns."""
        lines = [line for line, _ in self.rows]
        rows = zip(lines, zip(*cells, strict=True), strict=True)
        return replace(self, columns=tuple(columns), rows=tuple(rows))

    def noted(self, *notes: str) -> Table:
        """With further notes."""
        return replace(self, notes=(*self.notes, *notes))


def _fault_of(name: str) -> tuple[str, str] | None:
    """Found and required, of what cannot be a name."""
    if not name:
        return "nothing", "a name"
    if fault := name_fault(name):
        return fault, "a name on one line, without control characters"
    if len(name) > MOST_LETTERS:
        return f"a name of {len(name):,} letters", f"at most {MOST_LETTERS}"
    return None


@contextmanager
def sheets_told(sheets: Sequence[str]) -> Iterator[None]:
    """Adds to an error that the sheet read was the first of several, so that another can be named."""
    try:
        yield
    except TrialError as problem:
        if len(sheets) < 2:
            raise
        others = listed([f"'{name}'" for name in sheets[1:]], 12)
        named = "--sheet NAME (in Python: sheet=...) takes one."
        told = f"This is sheet '{sheets[0]}'; the file has others: {others}. {named}"
        hint = f"{problem.hint} {told}".strip()
        raise type(problem)(problem.where, problem.found, problem.required, hint) from None


def listed(columns: Sequence[str], most: int = 20) -> str:
    """The names of columns, the first of many."""
    more = f", ... ({len(columns)} in all)" if len(columns) > most else ""
    return ", ".join(columns[:most]) + more


def check_size(where: str, columns: int, lines: int) -> None:
    """That a table is not larger than the limits."""
    if lines > MOST_LINES:
        raise TrialError(where, f"{lines:,} lines", f"at most {MOST_LINES:,}")
    if columns > MOST_COLUMNS:
        raise TrialError(where, f"{columns:,} columns", f"at most {MOST_COLUMNS:,}", "Leave out what is not used.")
    if columns * lines > MOST_CELLS:
        found = f"{lines:,} lines of {columns:,} columns"
        raise TrialError(where, found, f"at most {MOST_CELLS:,} cells", "Leave out what is not used.")


def check_header(columns: Sequence[str], where: str, nameless: bool = False) -> None:
    """That every column has a name, and each its own; `nameless` ones may be allowed."""
    seen = set()
    for name in columns:
        if not name:
            if nameless:
                continue
            raise TrialError(where, "a column without a name", "a name for each column")
        if fault := _fault_of(name):
            raise TrialError(where, f"a column named {fault[0]}", fault[1])
        if name in seen:
            raise TrialError(where, f"column '{one_line(name)}' twice", "each column once")
        seen.add(name)


def without_row_names(
    columns: Sequence[str], rows: Sequence[tuple[int, Sequence[str]]]
) -> tuple[tuple[str, ...], tuple[tuple[int, tuple[str, ...]], ...], tuple[str, ...]]:
    """Without columns that have neither name nor content, and without row names as R and pandas write them.

    Row names are a first column that has no name and a different value in every row.

    Returns
    -------
    columns, rows, notes
    """
    keep = [
        j
        for j, name in enumerate(columns)
        if name or any(fields[j] for _, fields in rows)  # a delimiter at the end of every line makes such a column
    ]
    notes: tuple[str, ...] = ()
    first = [fields[0] for _, fields in rows]
    name = columns[0]
    counted = first == [str(i) for i in range(len(first))] or first == [str(i + 1) for i in range(len(first))]
    if len(keep) > 1 and keep[0] == 0 and len(set(first)) == len(first) and (not name or (counted and name in _COUNTS)):
        named = f" ('{name}')" if name else ""
        notes = (f"the first column, which has no name{named}, is taken for row names and not used",)
        keep = keep[1:]
    if len(keep) == len(columns):
        return tuple(columns), tuple((line, tuple(fields)) for line, fields in rows), ()
    cells = tuple((line, tuple([fields[j] for j in keep])) for line, fields in rows)
    return tuple(columns[j] for j in keep), cells, notes
