"""CSV readers: a table of sites (cells) or one row a patient. Every complaint names file and line."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bayes_lupil.documents import NAME_PATTERN, read_text
from bayes_lupil.errors import TrialError, closest, did_you_mean, nearest
from bayes_lupil.trials.cells import Cells
from bayes_lupil.trials.patients import Patients

__all__ = ["CELL_COLUMNS", "Table", "cells_from_table", "declare_arms", "patients_from_table", "read_table"]

CELL_COLUMNS = ("site", "arm", "responders", "n")
FLAG_PREFIX = "pop_"
_CONTROL_NAMES = ("control", "placebo")
_WHOLE = re.compile(r"[+-]?\d{1,12}")


@dataclass(frozen=True)
class Table:
    """A CSV file as text: column names and rows, each with its line in the file."""

    path: Path
    columns: tuple[str, ...]
    rows: tuple[tuple[int, dict[str, str]], ...]
    header_line: int = 1

    @property
    def is_cells(self) -> bool:
        """Whether the columns are those of a table of sites rather than of patients."""
        return {"responders", "n"} <= set(self.columns)

    def column(self, name: str) -> list[str]:
        """One column; an unknown name is an error with the nearest valid spelling."""
        if name not in self.columns:
            found = f"no column '{name}' (columns: {', '.join(self.columns)})"
            hint = nearest(name, self.columns)
            if name in CELL_COLUMNS:  # the name is fixed, so it is the file that must change
                spare = [column for column in self.columns if column not in CELL_COLUMNS]
                match = closest(name, spare)
                hint = f"Should '{match}' be called '{name}'?" if match else ""
            raise TrialError(f"{self.path}, line {self.header_line}", found, f"a column '{name}'", hint)
        return [row[name] for _, row in self.rows]

    def where(self, i: int, column: str) -> str:
        """File, line and column of row i, for messages."""
        return f"{self.path}, line {self.rows[i][0]}, column '{column}'"


def read_table(path: Path) -> Table:
    """Read a comma-separated file with a header line.

    Raises
    ------
    TrialError
        For an empty file, a wrong delimiter or encoding, repeated columns, ragged or missing rows.
    """
    text = read_text(path, TrialError)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    lines = list(_checked(reader, path))
    if not lines:
        raise TrialError(str(path), "blank lines only", "a header line and rows")
    header_line, header = lines[0]
    columns = tuple(name.strip() for name in header)
    if len(columns) == 1:
        for sign, word in ((";", "semicolons"), ("\t", "tabs"), ("|", "vertical bars")):
            if sign in columns[0]:
                raise TrialError(
                    f"{path}, line {header_line}", f"columns separated by {word}", "columns separated by commas"
                )
    for name in columns:
        if not name:
            raise TrialError(f"{path}, line {header_line}", "a column without a name", "a name for each column")
        if columns.count(name) > 1:
            raise TrialError(f"{path}, line {header_line}", f"column '{name}' twice", "each column once")
    rows = []
    for line, fields in lines[1:]:
        if len(fields) != len(columns):
            raise TrialError(
                f"{path}, line {line}", f"{len(fields)} fields", f"{len(columns)} fields, as in the header"
            )
        rows.append((line, {name: value.strip() for name, value in zip(columns, fields, strict=True)}))
    if not rows:
        raise TrialError(str(path), "a header and no rows", "at least one row for each arm")
    return Table(path, columns, tuple(rows), header_line)


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


def declare_arms(table: Table, control: str | None, active: str | None) -> tuple[str, str]:
    """Which arm is control and which active.

    One of two arms named 'control' or 'placebo' is taken for the control; nothing else is guessed, because a wrong
    guess would turn the direction of every effect.
    """
    table.column("arm")
    found = list(dict.fromkeys(_filled(table, i, "arm") for i in range(len(table.rows))))
    for role, name in (("control", control), ("active", active)):
        if name is not None and name not in found:
            raise TrialError(str(table.path), f"no arm '{name}'", f"the {role} arm named", nearest(name, found))
    if control is not None and control == active:
        raise TrialError(str(table.path), f"'{control}' as control and as active", "two different arms")
    folded: dict[str, str] = {}
    for name in found:
        twin = folded.setdefault(name.casefold(), name)
        if twin != name:
            raise TrialError(str(table.path), f"the arms '{twin}' and '{name}'", "one spelling of each arm")
    if len(found) < 2:
        raise TrialError(str(table.path), f"only the arm '{found[0]}'", "two arms")
    if control is None and active is None:
        known = [name for name in found if name.casefold() in _CONTROL_NAMES]
        control = known[0] if len(found) == 2 and len(known) == 1 else None
    if len(found) == 2:
        other = {found[0]: found[1], found[1]: found[0]}
        control = control or (other[active] if active else None)
        active = active or (other[control] if control else None)
    if control is None or active is None:
        raise TrialError(
            str(table.path),
            f"the arms {', '.join(repr(name) for name in found)}",
            "one named as control and one as active",
            "Say which two to compare: --control NAME --active NAME (in Python: control=..., active=...).",
        )
    return control, active


def cells_from_table(table: Table, arms: tuple[str, str], single_arm_sites: bool = False) -> tuple[Cells, list[str]]:
    """Counts by site and arm.

    Parameters
    ----------
    arms : (str, str)
        Control and active; rows of other arms are left out and counted in the notes.
    single_arm_sites : bool
        Whether a site may lack the row of one arm, which then counts as n = 0. Without it a missing row is an
        error, since it may as well be a row that was lost.

    Returns
    -------
    cells : Cells
    notes : list of str
        What was left out.
    """
    for name in table.columns:
        if name not in CELL_COLUMNS:
            raise TrialError(
                f"{table.path}, line {table.header_line}",
                f"the unknown column '{name}'",
                f"the columns {', '.join(CELL_COLUMNS)}",
                nearest(name, CELL_COLUMNS),
            )
    for name in CELL_COLUMNS:
        table.column(name)
    seen: dict[tuple[str, str], int] = {}
    counts: dict[str, dict[str, tuple[int, int]]] = {}
    other_arms: dict[str, int] = {}
    for i, (line, _row) in enumerate(table.rows):
        site, arm = _filled(table, i, "site"), _filled(table, i, "arm")
        responders, n = _count(table, i, "responders"), _count(table, i, "n")
        if responders > n:
            raise TrialError(
                f"{table.path}, line {line}",
                f"{responders} responders of n = {n} (site '{site}', arm '{arm}')",
                "responders at most n",
            )
        if (site, arm) in seen:
            raise TrialError(
                f"{table.path}, line {line}",
                f"site '{site}', arm '{arm}' again (first on line {seen[site, arm]})",
                "one row for each site and arm",
            )
        seen[site, arm] = line
        if arm in arms:
            counts.setdefault(site, {})[arm] = (responders, n)
        else:
            other_arms[arm] = other_arms.get(arm, 0) + n
    for site, by_arm in counts.items():
        for arm in arms:
            if arm not in by_arm and not single_arm_sites:
                raise TrialError(
                    str(table.path),
                    f"no row for site '{site}', arm '{arm}'",
                    "a row for each site and arm",
                    f"If no patient was randomised there, add the row '{site},{arm},0,0', "
                    "or allow it for all sites: --single-arm-sites (in Python: single_arm_sites=True).",
                )
    nobody = [site for site, by_arm in counts.items() if not any(n for _, n in by_arm.values())]
    counts = {site: by_arm for site, by_arm in counts.items() if site not in nobody}
    _both_arms(table, arms, {arm: sum(by_arm.get(arm, (0, 0))[1] for by_arm in counts.values()) for arm in arms})
    grid = np.array([[by_arm.get(arm, (0, 0)) for arm in arms] for by_arm in counts.values()])
    notes = [f"arm '{arm}' not compared: {n} patients left out" for arm, n in other_arms.items()]
    notes += [f"site '{site}' has no patients in either arm and is left out" for site in nobody]
    return Cells(tuple(counts), grid[:, :, 0], grid[:, :, 1]), notes


def patients_from_table(table: Table, arms: tuple[str, str], end_point: str) -> tuple[Patients, list[str]]:
    """One row a patient; `end_point` names the column of 0/1 outcomes, 'pop_...' columns are population flags."""
    table.column("site")
    arm_column = table.column("arm")
    outcome = _outcome(table, end_point)
    keep = [i for i, arm in enumerate(arm_column) if _filled(table, i, "arm") in arms]
    _both_arms(table, arms, {arm: arm_column.count(arm) for arm in arms})
    missing = [i for i in keep if outcome[i] == ""]
    if missing:
        raise TrialError(
            table.where(missing[0], end_point),
            f"a missing outcome ({len(missing)} in all)",
            "0 or 1 for each patient",
            "Decide beforehand how missing outcomes count, for example as 0 (non-responder), and write that down.",
        )
    flag_columns = [name for name in table.columns if name.startswith(FLAG_PREFIX) and name != end_point]
    flags = {_population(table, name): np.array([_binary(table, i, name) for i in keep], bool) for name in flag_columns}
    if not flags.pop("itt", np.True_).all():
        raise TrialError(
            f"{table.path}, column '{FLAG_PREFIX}itt'",
            "patients outside 'itt'",
            "everyone in the file: 'itt' is all who were randomised",
            "Leave out the rows of patients who were not randomised, or give the population another name.",
        )
    others = [name for name in table.columns if name not in {"site", "arm", end_point, *flag_columns}]
    patients = Patients(
        site=tuple(_filled(table, i, "site") for i in keep),
        arm=np.array([arms.index(arm_column[i]) for i in keep], dtype=np.int64),
        response=np.array([_binary(table, i, end_point) for i in keep], dtype=np.int64),
        flags=flags,
        covariates={name: tuple(table.rows[i][1][name] for i in keep) for name in others},
    )
    left_out = {arm: arm_column.count(arm) for arm in dict.fromkeys(arm_column) if arm not in arms}
    return patients, [f"arm '{arm}' not compared: {n} patients left out" for arm, n in left_out.items()]


def _outcome(table: Table, end_point: str) -> list[str]:
    """The outcome column; where it is not there, a table of sites with a column missing may be meant."""
    if end_point in table.columns:
        return table.column(end_point)
    absent = [name for name in CELL_COLUMNS if name not in table.columns]
    if len(absent) == 1:
        table.column(absent[0])
    raise TrialError(
        f"{table.path}, line {table.header_line}",
        f"no column '{end_point}' (columns: {', '.join(table.columns)})",
        f"the end point '{end_point}' as 0 or 1 (one row a patient), or the columns {', '.join(CELL_COLUMNS)} "
        "(one row for each site and arm)",
        did_you_mean(end_point, table.columns) or "The column of the end point can be named (end_point).",
    )


def _population(table: Table, column: str) -> str:
    name = column.removeprefix(FLAG_PREFIX)
    if not re.fullmatch(NAME_PATTERN, name):
        raise TrialError(
            f"{table.path}, line {table.header_line}",
            f"column '{column}'",
            f"'{FLAG_PREFIX}' and the name of a population: 1 to 60 letters, digits, '_' and '-'",
        )
    return name


def _both_arms(table: Table, arms: tuple[str, str], patients: dict[str, int]) -> None:
    for arm in arms:
        if patients[arm] == 0:
            raise TrialError(str(table.path), f"no patients in arm '{arm}'", "at least one patient in each arm")


def _filled(table: Table, i: int, column: str) -> str:
    value = table.rows[i][1][column]
    if not value:
        raise TrialError(table.where(i, column), "nothing", "a name")
    return value


def _count(table: Table, i: int, column: str) -> int:
    value = table.rows[i][1][column]
    if not _WHOLE.fullmatch(value) or int(value) < 0:
        required = "a whole number from 0 to 999,999,999,999"
        raise TrialError(table.where(i, column), f"'{value}'" if value else "nothing", required)
    return int(value)


def _binary(table: Table, i: int, column: str) -> int:
    value = table.rows[i][1][column]
    if value not in {"0", "1"}:
        raise TrialError(table.where(i, column), f"'{value}'" if value else "nothing", "0 or 1")
    return int(value)
