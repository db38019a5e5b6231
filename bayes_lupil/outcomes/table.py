"""Everything recorded of each patient: numbers with gaps, texts, any number of arms. The raw material of end points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.arguments import checked
from bayes_lupil.characters import one_line, repeated
from bayes_lupil.documents import canonical_hash
from bayes_lupil.errors import TrialError, nearest
from bayes_lupil.frozen import ReadOnly
from bayes_lupil.trials.checks import check_patients_once, one_spelling
from bayes_lupil.trials.end_point import SYNTHETIC
from bayes_lupil.trials.frames import table_of_frame
from bayes_lupil.trials.names import check_names
from bayes_lupil.trials.sources import is_path, read_source
from bayes_lupil.trials.tables import Table
from bayes_lupil.trials.values import number
from bayes_lupil.trials.vocabulary import IDS, VISITS, fits, fitting

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["MISSING", "Outcomes", "read_outcomes"]

Floats = NDArray[np.float64]

MISSING = frozenset({"", ".", "na", "n/a", "nan", "null"})
"""What a cell may hold where nothing was recorded, in lower case."""
_TRUTH = {"TRUE": "1", "FALSE": "0"}


@dataclass(frozen=True, eq=False)
class Outcomes(ReadOnly):
    """Patient-level data of a trial: one row a patient, any number of arms and of recorded numbers.

    Build one with `read_outcomes` or `Outcomes.from_frame`.

    Attributes
    ----------
    patient, site, arm : tuple of str
        Identifier, site and arm of each patient; none may be empty, identifiers are unique.
    numbers : dict of str to array, shape (patients,)
        Numeric columns by name, NaN where nothing was recorded.
    texts : dict of str to tuple of str
        The other columns as they stand.
    synthetic : bool
        True for made-up data; carried into everything made from it.
    source : str
        File or object that it was read from.
    lines : tuple of int
        Line of each patient in that file, for messages; empty where there is none.
    origins : dict of str to str
        What the columns patient, site and arm are called there.
    guesses : tuple of str
        What nobody said when it was read: how the file is written, that rows are patients.
    """

    name: str
    patient: tuple[str, ...]
    site: tuple[str, ...]
    arm: tuple[str, ...]
    numbers: dict[str, Floats]
    texts: dict[str, tuple[str, ...]] = field(default_factory=dict)
    synthetic: bool = False
    source: str = ""
    lines: tuple[int, ...] = ()
    origins: dict[str, str] = field(default_factory=dict)
    guesses: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        size = len(self.patient)
        if not size:
            raise TrialError(self.where(), "no patients", "at least one row")
        if self.lines and len(self.lines) != size:
            raise TrialError(self.where(), f"{len(self.lines)} lines", f"one for each of {size} patients")
        if twice := repeated(("patient", "site", "arm", *self.numbers, *self.texts)):
            raise TrialError(self.where(twice), "this column twice", "each column once")
        columns: dict[str, Sequence[str] | Floats] = {"site": self.site, "arm": self.arm, **self.texts, **self.numbers}
        for name, column in columns.items():
            if len(column) != size:
                raise TrialError(self.where(name), f"{len(column)} values", f"one for each of {size} patients")
        for name, texts in (("patient", self.patient), ("site", self.site), ("arm", self.arm)):
            for i, text in enumerate(texts):
                if not text:
                    raise TrialError(self.where(name, i), "nothing", "a name")
        # of two spellings one would be a third arm, whose patients are left out, or another site
        for name, texts in (("arm", self.arm), ("site", self.site)):
            check_names(texts, name, self.where(name))
        seen: dict[str, int] = {}
        for i, text in enumerate(self.patient):
            if text in seen:
                first = self.where("patient", seen[text])
                raise TrialError(self.where("patient", i), f"patient '{text}' again ({first})", "each patient once")
            seen[text] = i
        frozen = {}
        for name, values in self.numbers.items():
            array = np.array(values, dtype=float)
            if np.isinf(array).any():
                i = int(np.argmax(np.isinf(array)))
                raise TrialError(self.where(name, i), str(array[i]), "a finite number, or nothing")
            array.setflags(write=False)
            frozen[name] = array
        object.__setattr__(self, "numbers", frozen)
        super().__post_init__()

    @property
    def arms(self) -> tuple[str, ...]:
        """Arms in order of first appearance."""
        return tuple(dict.fromkeys(self.arm))

    @property
    def sites(self) -> tuple[str, ...]:
        """Sites in order of first appearance."""
        return tuple(dict.fromkeys(self.site))

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of all columns but patient, site and arm."""
        return (*self.numbers, *self.texts)

    def __len__(self) -> int:
        return len(self.patient)

    def number(self, name: str) -> Floats:
        """A numeric column, NaN where nothing was recorded.

        Raises
        ------
        TrialError
            For a column that does not exist, or that holds something else than numbers.
        """
        if name in self.numbers:
            return self.numbers[name]
        if name in self.texts:
            texts = self.texts[name]
            i = next(i for i, text in enumerate(texts) if _number(text) is None)
            raise TrialError(self.where(name, i), f"'{texts[i]}'", "a number, or nothing where it was not recorded")
        if name in ("patient", "site", "arm"):
            raise TrialError(self.where(name), f"names of {name}s", "a column of numbers")
        found = f"no column '{name}' (columns: {', '.join(('site', 'arm', *self.columns))})"
        raise TrialError(self.where(), found, f"a column '{name}'", nearest(name, self.columns))

    def binary(self, name: str) -> Floats:
        """A column of 0 and 1, NaN where nothing was recorded.

        Raises
        ------
        TrialError
            As `number`, and for other numbers.
        """
        values = self.number(name)
        wrong = ~(np.isnan(values) | (values == 0) | (values == 1))
        if wrong.any():
            i = int(np.argmax(wrong))
            raise TrialError(self.where(name, i), f"{values[i]:g}", "0 or 1, or nothing where it was not recorded")
        return values

    def where(self, column: str = "", i: int | None = None) -> str:
        """File, line and column, for messages."""
        place = self.source or f"outcomes '{self.name}'"
        if i is not None:
            place += f", line {self.lines[i]}" if self.lines else f", row {i + 1}"
        return f"{place}, column '{column}'" if column else place

    def with_numbers(self, **columns: Floats) -> Outcomes:
        """With further numeric columns, or others in place of old ones."""
        return Outcomes(
            self.name, self.patient, self.site, self.arm, {**self.numbers, **columns},
            {name: texts for name, texts in self.texts.items() if name not in columns},
            self.synthetic, self.source, self.lines, self.origins, self.guesses,
        )  # fmt: skip

    def record(self) -> dict[str, Any]:
        """How it was read, as plain data for manifests."""
        return {
            "source": self.source or self.name, "shape": "a row a patient", "rows": len(self), "patients": len(self),
            "sites": len(self.sites), "arms": {arm: self.arm.count(arm) for arm in self.arms},
            "columns": dict(self.origins), "guesses": list(self.guesses),
        }  # fmt: skip

    def to_frame(self) -> pd.DataFrame:
        """One row a patient, in the order of the data; of made-up ones the first column, `data`, says so.

        Whole numbers without a gap are integers.
        """
        import pandas as pd

        texts = {name: list(column) for name, column in self.texts.items()}
        head = {"data": texts.pop("data", [SYNTHETIC] * len(self))} if self.synthetic else {}
        who = {"patient": self.patient, "site": self.site, "arm": self.arm}
        numbers = {name: _whole(values) for name, values in self.numbers.items()}
        return pd.DataFrame({**head, **who, **numbers, **texts})

    @classmethod
    def from_frame(cls, frame: Any, name: str = "outcomes", synthetic: bool = False) -> Outcomes:
        """From a data frame (pandas, polars, Arrow) with the columns site, arm and, if there are identifiers, patient.

        Examples
        --------
        >>> import pandas as pd
        >>> frame = pd.DataFrame({"site": ["A", "A"], "arm": ["placebo", "drug"], "change": [-1.0, None]})
        >>> Outcomes.from_frame(frame).number("change").tolist()
        [-1.0, nan]
        """
        table = table_of_frame(frame, f"outcomes '{name}'")
        return _from_table(table, name, synthetic, "", ())

    @property
    def data_hash(self) -> str:
        """SHA-256 over all of it."""
        numbers = {name: [None if v != v else float(v) for v in values] for name, values in self.numbers.items()}
        return canonical_hash([self.patient, self.site, self.arm, numbers, self.texts])


@checked
def read_outcomes(source: Any, columns: Mapping[str, str] | None = None) -> Outcomes:
    """Read a table with one row a patient.

    Parameters
    ----------
    source : str, Path, data frame or dict of columns
        With the columns site and arm, `patient` (rows are numbered where it is not there), and any others; a file of
        any kind that `load_trial` reads. Where a column `data` says SYNTHETIC, the data are taken for made-up ones.
    columns : mapping, optional
        Names in the file of 'patient', 'site' and 'arm', where they differ.

    Raises
    ------
    TrialError
        Naming file, line and column; and where a column that identifies patients (id, subject, usubjid ...) holds one
        of them more than once.
    """
    table = read_source(source)
    path = str(table.path)
    renamed = {theirs: ours for ours, theirs in (columns or {}).items() if ours != theirs}
    for theirs in renamed:
        table.column(theirs)
    if renamed:
        # a column whose name is wanted for another one stays, under a name of its own
        pushed = {name: f"{name}_in_file" for name in renamed.values() if name in table.columns and name not in renamed}
        for name in pushed.values():
            if name in table.columns:
                raise TrialError(table.header, f"the column '{name}'", "another name for it")
        renamed = {**pushed, **renamed}
        names = tuple(renamed.get(name, name) for name in table.columns)
        table = replace(table, columns=names)
    for column in ("site", "arm"):
        one_spelling(table, column, table.names(column))
    if "patient" in table.columns:
        table.names("patient")
    else:
        _check_rows(table)
    name = one_line(Path(source).stem) if is_path(source) else "outcomes"
    lines = tuple(line for line, _ in table.rows)
    return _from_table(table, name, False, path, lines if table.unit == "line" else (), columns)


def _check_rows(table: Table) -> None:
    """That rows are patients, as far as a column called like an identifier or a visit tells."""
    free = [name for name in table.columns if name not in ("site", "arm")]
    identifier = next(iter(fitting(free, IDS)), None)
    visits = tuple(name for name in free if fits(name, VISITS))
    if identifier is not None:
        check_patients_once(table, identifier, table.column("site"), table.column("arm"), visits, False)


def _from_table(
    table: Table,
    name: str,
    synthetic: bool,
    source: str,
    lines: tuple[int, ...],
    columns: Mapping[str, str] | None = None,
) -> Outcomes:
    ours = [column for column in ("patient", "site", "arm") if column in table.columns]
    origins: dict[str, str] = {column: (columns or {}).get(column, column) for column in ours}
    site, arm = table.column("site"), table.column("arm")
    numbered = "patient" not in table.columns
    patient = [str(i + 1) for i in range(len(site))] if numbered else table.column("patient")
    numbers: dict[str, Floats] = {}
    texts: dict[str, tuple[str, ...]] = {}
    notes = [*table.notes, *(("no column 'patient': each row is taken for a patient",) if numbered else ())]
    for column in table.columns:
        if column in {"patient", "site", "arm"}:
            continue
        cells = table.column(column)
        truth = {"TRUE", "FALSE"} & set(cells) and all(
            cell in _TRUTH or cell.casefold() in MISSING for cell in set(cells)
        )
        values = [_number(_TRUTH.get(cell, cell) if truth else cell) for cell in cells]
        if all(value is not None for value in values):
            numbers[column] = np.array(values, dtype=float)
            notes += [f"column '{column}': {alike} read as the same number" for alike in _padded(cells)]
        else:
            texts[column] = tuple(cells)
    made_up = synthetic or table.synthetic
    return Outcomes(
        name, tuple(patient), tuple(site), tuple(arm), numbers, texts, made_up, source, lines, origins, tuple(notes)
    )


def _padded(cells: Sequence[str]) -> list[str]:
    """Whole numbers written with and without zeros before them, which may be codes that differ: '01' and '1'."""
    spellings: dict[str, set[str]] = {}
    for cell in set(cells):
        if cell.isdecimal():
            spellings.setdefault(cell.lstrip("0"), set()).add(cell)
    return [" and ".join(f"'{cell}'" for cell in sorted(found)) for found in spellings.values() if len(found) > 1]


def _number(cell: str) -> float | None:
    """The number in a cell, NaN where it holds nothing, None where it holds something else."""
    return float("nan") if cell.casefold() in MISSING else number(cell)


def _whole(values: Floats) -> NDArray[Any]:
    """As integers, where they are; 0 and 1 are then written as such."""
    whole = (np.abs(values) < 2**53) & (np.floor(values) == values)
    return values.astype(np.int64) if whole.all() else values
