"""Files of other programs: Excel, Stata, SAS, SPSS, Parquet and Feather. Each needs a package that is loaded here."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bayes_lupil.errors import TrialError, did_you_mean
from bayes_lupil.limits import MOST_BYTES_OF_A_TABLE
from bayes_lupil.texts import read_bytes
from bayes_lupil.trials.frames import needed, table_of_columns
from bayes_lupil.trials.tables import Table, check_size, listed, sheets_told

__all__ = ["FORMATS", "UNREAD", "read_format"]

_SAS_ZERO = 1e-70

UNREAD = {
    ".xls": "an Excel file of before 2007: save it as .xlsx",
    ".xlsb": "a binary Excel file: save it as .xlsx",
    ".ods": "an OpenDocument sheet: save it as .xlsx or .csv",
    ".rds": "a file of R: in R, write.csv(data, 'data.csv')",
    ".rdata": "a file of R: in R, write.csv(data, 'data.csv')",
    ".rda": "a file of R: in R, write.csv(data, 'data.csv')",
    ".json": "JSON: make a data frame of it, and hand that over",
}
"""Endings that are known and not read, with what to do."""


def read_format(path: Path, sheet: str | None = None) -> Table:
    """The table in a file whose ending is one of `FORMATS`.

    Raises
    ------
    TrialError
        Where the file cannot be read, or the package that reads it is not installed.
    """
    if not read_bytes(path, TrialError, MOST_BYTES_OF_A_TABLE, only=1):  # that it is an ordinary file
        raise TrialError(str(path), "an empty file", "a file with content")
    reader = FORMATS[path.suffix.lower()]
    if sheet is not None and reader is not _excel:
        raise TrialError(str(path), f"sheet = '{sheet}'", "nothing: only Excel files have sheets")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the readers, about themselves
            return reader(path, sheet) if reader is _excel else reader(path)
    except TrialError:
        raise
    except Exception as problem:  # noqa: BLE001  a damaged file may fail anywhere in a reader
        what = f"what {path.suffix.lower()} files do not hold ({type(problem).__name__}: {str(problem)[:150]})"
        raise TrialError(str(path), what, "a sound file of this kind") from None


def _excel(path: Path, sheet: str | None) -> Table:
    openpyxl = needed("openpyxl", path)
    book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    try:
        names = [page.title for page in book.worksheets]
        if sheet is not None and sheet not in names:
            told = f"The sheets: {listed([repr(name) for name in names], 12)}."
            hint = f"{did_you_mean(sheet, names)} {told}".strip()
            raise TrialError(str(path), f"no sheet '{sheet}'", "one of its sheets", hint)
        filled: tuple[str, list[tuple[int, list[Any]]]] | None = None
        for page in book.worksheets if sheet is None else [book[sheet]]:
            rows = _rows(page, path)
            if rows:
                filled = (page.title, rows)
                break
        if filled is None:
            raise TrialError(str(path), "no sheet with values in it", "a header row and rows")
    finally:
        book.close()
    title, rows = filled
    notes: tuple[str, ...] = ()
    sheets = (title, *(name for name in names if name != title)) if sheet is None and len(names) > 1 else ()
    if sheets:
        notes = (f"sheet '{title}', the first of {len(names)} ({', '.join(names[:6])}); sheet= takes another",)
    width = max(len(cells) for _, cells in rows)
    table = [(line, cells + [None] * (width - len(cells))) for line, cells in rows]
    header = table[0][1]
    used = [j for j in range(width) if header[j] is not None or any(cells[j] is not None for _, cells in table)]
    body = table[1:]
    columns = [[cells[j] for _, cells in body] for j in used]
    named = ["" if header[j] is None else header[j] for j in used]
    lines = [line for line, _ in body]
    with sheets_told(sheets):
        return replace(table_of_columns(named, columns, path, notes, lines, table[0][0]), sheets=sheets)


def _rows(page: Any, path: Path) -> list[tuple[int, list[Any]]]:
    """The rows of a sheet that hold anything, numbered as in Excel."""
    found: list[tuple[int, list[Any]]] = []
    page.reset_dimensions()  # some programs write wrong ones
    width = 0
    for i, cells in enumerate(page.iter_rows(values_only=True), start=1):
        values = [None if isinstance(value, str) and not value.strip() else value for value in cells]
        while values and values[-1] is None:
            values.pop()
        if values:
            found.append((i, values))
            width = max(width, len(values))
            check_size(str(path), width, len(found))
    return found


def _of_pandas(frame: Any, path: Path, notes: Sequence[str] = ()) -> Table:
    names = list(frame.columns)
    return table_of_columns(names, [frame.iloc[:, j].tolist() for j in range(len(names))], path, tuple(notes))


def _stata(path: Path) -> Table:
    import pandas as pd

    try:
        frame = pd.read_stata(path)
    except ValueError as problem:
        if "label" not in str(problem).lower() and "categor" not in str(problem).lower():
            raise
        return _of_pandas(
            pd.read_stata(path, convert_categoricals=False), path, ["value labels are repeated and not used"]
        )
    labelled = [str(name) for name in frame.columns if str(frame[name].dtype) == "category"]
    return _of_pandas(frame, path, _labels(labelled))


def _labels(names: list[str]) -> list[str]:
    return [f"value labels used as values in {', '.join(names[:8])}{' ...' if len(names) > 8 else ''}"] if names else []


def _sas(path: Path) -> Table:
    import pandas as pd

    kind: Any = "xport" if path.suffix.lower() in (".xpt", ".xport") else "sas7bdat"
    try:
        frame, notes = pd.read_sas(path, format=kind, encoding="utf-8"), []
    except UnicodeDecodeError:
        notes = ["not encoded in UTF-8: taken for Windows-1252 (Latin-1)"]
        frame = pd.read_sas(path, format=kind, encoding="cp1252")
    for name in frame.select_dtypes("number"):  # pandas reads a zero of some writers as 5e-79, the least IBM number
        frame.loc[frame[name].abs() < _SAS_ZERO, name] = 0.0
    return _of_pandas(frame, path, notes)


def _spss(path: Path) -> Table:
    pyreadstat = needed("pyreadstat", path)
    read = pyreadstat.read_por if path.suffix.lower() == ".por" else pyreadstat.read_sav
    frame, about = read(str(path), apply_value_formats=True, formats_as_category=False)
    return _of_pandas(frame, path, _labels([str(name) for name in about.variable_value_labels]))


def _arrow(path: Path) -> Table:
    if path.suffix.lower() == ".parquet":
        table = needed("pyarrow.parquet", path).read_table(path)
    else:
        table = needed("pyarrow.feather", path).read_table(path)
    names = [name for name in table.column_names if not name.startswith("__index_level_")]
    return table_of_columns(names, [table.column(name).to_pylist() for name in names], path)


FORMATS: dict[str, Callable[..., Table]] = {
    ".xlsx": _excel, ".xlsm": _excel, ".dta": _stata, ".xpt": _sas, ".xport": _sas, ".sas7bdat": _sas, ".sav": _spss,
    ".zsav": _spss, ".por": _spss, ".parquet": _arrow, ".feather": _arrow, ".arrow": _arrow,
}  # fmt: skip
"""Readers by ending."""
