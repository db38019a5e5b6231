"""A CSV file as text, every complaint naming file and line; and its mark, where its data are made up."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bayes_lupil.characters import name_fault, one_line
from bayes_lupil.errors import TrialError, closest, nearest
from bayes_lupil.limits import MOST_BYTES_OF_A_TABLE, MOST_CELLS, MOST_COLUMNS, MOST_LETTERS, MOST_LINES
from bayes_lupil.texts import read_text

__all__ = ["CELL_COLUMNS", "MARK", "Table", "read_table"]

CELL_COLUMNS = ("site", "arm", "responders", "n")
MARK = "data"
"""The column that says of every row that it is made up; of real data it may hold anything else."""

_MADE_UP = re.compile(r"\bsynthetic\b", re.IGNORECASE)


@dataclass(frozen=True)
class Table:
    """A CSV file as text: column names and rows, each with its line in the file."""

    path: Path
    columns: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]
    header_line: int = 1

    @property
    def is_cells(self) -> bool:
        """Whether the columns are those of a table of sites rather than of patients."""
        return {"responders", "n"} <= set(self.columns)

    @property
    def synthetic(self) -> bool:
        """Whether a row says that it is made up."""
        return MARK in self.columns and any(_MADE_UP.search(text) for text in set(self.column(MARK)))

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
        place = self.columns.index(name)
        return [fields[place] for _, fields in self.rows]

    @property
    def header(self) -> str:
        """File and line of the header, for messages."""
        return f"{self.path}, line {self.header_line}"

    def names(self, column: str) -> list[str]:
        """A column of names; an empty one, or one that no table or figure can show, is an error at its line."""
        found = self.column(column)
        faults = {name: fault for name in set(found) if (fault := _fault_of(name))}
        if faults:
            i = next(i for i, name in enumerate(found) if name in faults)
            raise TrialError(self.where(i, column), *faults[found[i]])
        return found

    def where(self, i: int, column: str) -> str:
        """File, line and column of row i, for messages."""
        return f"{self.path}, line {self.rows[i][0]}, column '{column}'"


def _fault_of(name: str) -> tuple[str, str] | None:
    """Found and required, of what cannot be a name."""
    if not name:
        return "nothing", "a name"
    if fault := name_fault(name):
        return fault, "a name on one line, without control characters"
    if len(name) > MOST_LETTERS:
        return f"a name of {len(name):,} letters", f"at most {MOST_LETTERS}"
    return None


def listed(columns: tuple[str, ...], most: int = 20) -> str:
    """The names of columns, the first of many."""
    more = f", ... ({len(columns)} in all)" if len(columns) > most else ""
    return ", ".join(columns[:most]) + more


def read_table(path: Path) -> Table:
    """Read a comma-separated file with a header line.

    Raises
    ------
    TrialError
        For an empty file, one larger than the limits, a wrong delimiter or encoding, repeated columns, ragged or
        missing rows.
    """
    text = read_text(path, TrialError, MOST_BYTES_OF_A_TABLE)
    lines = max(text.count("\n"), text.count("\r"))
    if lines > MOST_LINES:
        raise TrialError(str(path), f"{lines:,} lines", f"at most {MOST_LINES:,}")
    reader = _checked(csv.reader(io.StringIO(text, newline=""), strict=True), path)
    header_line, header = next(reader, (0, []))
    if not header:
        raise TrialError(str(path), "blank lines only", "a header line and rows")
    columns = tuple(name.strip() for name in header)
    where = f"{path}, line {header_line}"
    _check_header(columns, where, lines)
    rows = []
    for line, fields in reader:
        if len(fields) != len(columns):
            found = f"{len(fields):,} fields"
            raise TrialError(f"{path}, line {line}", found, f"{len(columns):,} fields, as in the header")
        rows.append((line, tuple([value.strip() for value in fields])))
    if not rows:
        raise TrialError(str(path), "a header and no rows", "at least one row for each arm")
    return Table(path, columns, tuple(rows), header_line)


def _check_header(columns: tuple[str, ...], where: str, lines: int) -> None:
    if len(columns) == 1:
        for sign, word in ((";", "semicolons"), ("\t", "tabs"), ("|", "vertical bars")):
            if sign in columns[0]:
                raise TrialError(where, f"columns separated by {word}", "columns separated by commas")
    if len(columns) > MOST_COLUMNS:
        raise TrialError(where, f"{len(columns):,} columns", f"at most {MOST_COLUMNS:,}", "Leave out what is not used.")
    if len(columns) * lines > MOST_CELLS:
        found = f"{lines:,} lines of {len(columns):,} columns"
        raise TrialError(where, found, f"at most {MOST_CELLS:,} cells", "Leave out what is not used.")
    seen = set()
    for name in columns:
        if not name:
            raise TrialError(where, "a column without a name", "a name for each column")
        if fault := _fault_of(name):
            raise TrialError(where, f"a column named {fault[0]}", fault[1])
        if name in seen:
            raise TrialError(where, f"column '{one_line(name)}' twice", "each column once")
        seen.add(name)


def _checked(reader: Iterator[list[str]], path: Path) -> Iterator[tuple[int, list[str]]]:
    """Non-blank lines with their number; a malformed one is an error."""
    while True:
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as problem:
            line = getattr(reader, "line_num", 0)
            raise TrialError(
                f"{path}, line {line}", f"text that is not CSV ({problem})", "a comma-separated file"
            ) from None
        if any(field.strip() for field in fields):
            yield getattr(reader, "line_num", 0), fields
