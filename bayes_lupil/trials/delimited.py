"""Tables as text files: which character stands between columns, and how decimals are written."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path

from bayes_lupil.errors import TrialError
from bayes_lupil.limits import MOST_BYTES_OF_A_TABLE
from bayes_lupil.texts import read_any_text
from bayes_lupil.trials.tables import Table, check_header, check_size, without_row_names
from bayes_lupil.trials.values import canonical_text

__all__ = ["read_table"]

_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
_LOOKED_AT = 50
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}([.,]\d{3})+")


def read_table(path: Path) -> Table:
    """Read a text file with a header line, its columns separated by commas, semicolons, tabs or bars.

    Raises
    ------
    TrialError
        For an empty file, one larger than the limits, an unknown encoding, repeated columns, ragged or missing rows.
    """
    text, notes = read_any_text(path, TrialError, MOST_BYTES_OF_A_TABLE)
    lines = max(text.count("\n"), text.count("\r"))
    check_size(str(path), 1, lines)
    delimiter = _delimiter(text, path)
    if delimiter != ",":
        notes = (*notes, f"columns separated by {_DELIMITERS[delimiter]}")
    reader = _checked(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True), path)
    header_line, header = next(reader, (0, []))
    if not header:
        raise TrialError(str(path), "blank lines only", "a header line and rows")
    columns = [name.strip() for name in header]
    where = f"{path}, line {header_line}"
    check_size(where, len(columns), lines)
    check_header(columns, where, nameless=True)
    rows: list[tuple[int, list[str]]] = []
    seen: dict[str, str] = {}
    unnamed = False
    for line, fields in reader:
        if not rows and len(fields) == len(columns) + 1 and fields[0].strip() == "1" and fields[-1].strip():
            columns.insert(0, "")  # R's write.table names no column of row names
            unnamed = True
        if len(fields) != len(columns) or (unnamed and fields[0].strip() != str(len(rows) + 1)):
            found, header_has = f"{len(fields):,} fields", len(columns) - unnamed
            raise TrialError(f"{path}, line {line}", found, f"{header_has:,} fields, as in the header")
        for i, value in enumerate(fields):
            known = seen.get(value)
            if known is None:
                known = seen[value] = value.strip() if delimiter != "," else canonical_text(value)
            fields[i] = known
        rows.append((line, fields))
    if not rows:
        raise TrialError(str(path), "a header and no rows", "at least one row for each arm")
    if delimiter != ",":
        notes = (*notes, *_decimals(columns, rows))
    names, cells, more = without_row_names(columns, rows)
    check_header(names, where)
    return Table(path, names, cells, header_line, notes=(*notes, *more))


def _delimiter(text: str, path: Path) -> str:
    """The character between columns: that which gives the most columns, the same number in every line."""
    head = text[:200_000]
    best, most = "", 1
    loose: dict[str, int] = {}
    for sign in _DELIMITERS:
        if sign not in head:
            continue
        counts = []
        try:
            for fields in csv.reader(io.StringIO(head, newline=""), delimiter=sign):
                if any(field.strip() for field in fields):
                    counts.append(len(fields))
                if len(counts) > _LOOKED_AT:
                    break
        except csv.Error:
            counts = counts or [1]
        if not counts:
            continue
        loose[sign] = counts[0]
        whole = counts[:-1] if len(head) < len(text) and len(counts) <= _LOOKED_AT else counts
        # row names without a name of their own: one more field in every row than in the header
        even = len(set(whole[1:])) <= 1 and (len(whole) < 2 or whole[1] - whole[0] in (0, 1))
        if even and counts[0] > most:
            best, most = sign, counts[0]
    if best:
        return best
    if loose.get(",", 1) > 1 or not loose:
        return ","
    if path.suffix.lower() in (".tsv", ".tab") and loose.get("\t", 1) > 1:
        return "\t"
    sign = max(loose, key=lambda key: loose[key])
    return sign if loose[sign] > 1 else ","


def _decimals(columns: list[str], rows: list[tuple[int, list[str]]]) -> list[str]:
    """Write decimal commas as points, in place, where a column has them; whole floats as whole numbers.

    '1,234' and '1.234' may be a thousand or one and a bit: where a column has nothing else to tell by, they stay as
    they are, and are refused where they would be counted.
    """
    changed = []
    for j in range(len(columns)):
        distinct = {fields[j] for _, fields in rows}
        commas = {text for text in distinct if _DECIMAL_COMMA.fullmatch(text)}
        certain = {text for text in commas if not _THOUSANDS.fullmatch(text)}
        points = {text for text in distinct if "." in text and not _THOUSANDS.fullmatch(text)}
        to_point = bool(certain) and not points
        new = {}
        for text in distinct:
            if to_point and text in commas:
                new[text] = canonical_text(text.replace(",", "."))
            elif not _THOUSANDS.fullmatch(text):
                new[text] = canonical_text(text)
        if to_point:
            changed.append(columns[j])
        for _, fields in rows:
            fields[j] = new.get(fields[j], fields[j])
    return [f"decimal commas in {', '.join(repr(name) for name in changed[:5])}"] if changed else []


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
