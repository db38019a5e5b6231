"""Trials from CSV tables: of sites (cells), or one row a patient. Every complaint names file and line."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np

from bayes_lupil.characters import alike
from bayes_lupil.documents import NAME_PATTERN
from bayes_lupil.errors import TrialError, did_you_mean, nearest, within
from bayes_lupil.limits import MOST_PATIENTS
from bayes_lupil.trials.cells import Cells
from bayes_lupil.trials.patients import Patients
from bayes_lupil.trials.tables import CELL_COLUMNS, MARK, Table, listed

__all__ = ["cells_from_table", "declare_arms", "patients_from_table"]

FLAG_PREFIX = "pop_"
_CONTROL_NAMES = ("control", "placebo")
_NO_OUTCOMES = ("site", "arm", "patient", MARK)
_BINARY = {"0": 0, "1": 1, "0.0": 0, "1.0": 1}
_WHOLE = re.compile(r"[+-]?(\d{1,12})(\.0{1,12})?")


def declare_arms(table: Table, control: str | None, active: str | None) -> tuple[str, str]:
    """Which arm is control and which active.

    One of two arms named 'control' or 'placebo' is taken for the control; nothing else is guessed, because a wrong
    guess would turn the direction of every effect.
    """
    found = list(dict.fromkeys(table.names("arm")))
    for role, name in (("control", control), ("active", active)):
        if name is not None and name not in found:
            raise TrialError(str(table.path), f"no arm '{name}'", f"the {role} arm named", nearest(name, found))
    if control is not None and control == active:
        raise TrialError(str(table.path), f"'{control}' as control and as active", "two different arms")
    one_spelling(table, "arm", found)
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
        if name not in CELL_COLUMNS and not (name == MARK and table.synthetic):
            raise TrialError(
                table.header,
                f"the unknown column '{name}'",
                f"the columns {', '.join(CELL_COLUMNS)}",
                nearest(name, CELL_COLUMNS),
            )
    site_column, arm_column = table.names("site"), table.names("arm")
    count_columns = [(name, table.column(name)) for name in ("responders", "n")]
    one_spelling(table, "site", site_column)
    seen: dict[tuple[str, str], int] = {}
    counts: dict[str, dict[str, tuple[int, int]]] = {}
    other_arms: dict[str, int] = {}
    for i, (line, _row) in enumerate(table.rows):
        site, arm = site_column[i], arm_column[i]
        responders, n = (_count(table, i, name, cells[i]) for name, cells in count_columns)
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
    with within(table.path):
        return Cells(tuple(counts), grid[:, :, 0], grid[:, :, 1]), notes


def patients_from_table(table: Table, arms: tuple[str, str], end_point: str) -> tuple[Patients, list[str]]:
    """One row a patient; `end_point` names the column of 0/1 outcomes, 'pop_...' columns are population flags."""
    site_column, arm_column = table.names("site"), table.names("arm")
    one_spelling(table, "site", site_column)
    outcome = _outcome(table, end_point)
    keep = [i for i, arm in enumerate(arm_column) if arm in arms]
    patients_of = Counter(arm_column)
    _both_arms(table, arms, patients_of)
    missing = [i for i in keep if outcome[i] == ""]
    if missing:
        raise TrialError(
            table.where(missing[0], end_point),
            f"a missing outcome ({len(missing)} in all)",
            "0 or 1 for each patient",
            "Decide beforehand how missing outcomes count, for example as 0 (non-responder), and write that down.",
        )
    flag_columns = [name for name in table.columns if name.startswith(FLAG_PREFIX)]
    flags = {_population(table, name): np.array(_binary(table, keep, name), bool) for name in flag_columns}
    if not flags.pop("itt", np.True_).all():
        raise TrialError(
            f"{table.path}, column '{FLAG_PREFIX}itt'",
            "patients outside 'itt'",
            "everyone in the file: 'itt' is all who were randomised",
            "Leave out the rows of patients who were not randomised, or give the population another name.",
        )
    others = [name for name in table.columns if name not in {"site", "arm", end_point, *flag_columns}]
    response = _binary(table, keep, end_point)
    with within(table.path):
        patients = Patients(
            site=tuple(site_column[i] for i in keep),
            arm=np.array([arms.index(arm_column[i]) for i in keep], dtype=np.int64),
            response=np.array(response, dtype=np.int64),
            flags=flags,
            covariates={name: _part(table.column(name), keep) for name in others},
        )
    left_out = {arm: n for arm, n in patients_of.items() if arm not in arms}
    return patients, [f"arm '{arm}' not compared: {n} patients left out" for arm, n in left_out.items()]


def _part(column: list[str], keep: list[int]) -> tuple[str, ...]:
    return tuple(column[i] for i in keep)


def one_spelling(table: Table, column: str, names: list[str]) -> None:
    """That no two names differ only by case, spaces, hidden marks or the form of their letters."""
    if (twins := alike(names)) is not None:
        i = table.column(column).index(twins[1])
        raise TrialError(
            table.where(i, column),
            f"the {column}s '{twins[0]}' and '{twins[1]}'",
            f"one spelling of each {column}",
            "They differ only by case, spaces, signs that nobody sees or the form of a letter.",
        )


def _outcome(table: Table, end_point: str) -> list[str]:
    """The outcome column; where it is not there, a table of sites with a column missing may be meant."""
    free = [name for name in table.columns if name not in _NO_OUTCOMES and not name.startswith(FLAG_PREFIX)]
    if end_point in free:
        return table.column(end_point)
    binary = tuple(name for name in free if {*table.column(name)} <= {*_BINARY, ""})
    if end_point in table.columns or not end_point.strip():
        flag = end_point.startswith(FLAG_PREFIX)
        what = f"'{end_point}', which is {'a population flag' if flag else 'no outcome'}" if end_point else "nothing"
        hint = f"Columns of 0 and 1: {listed(binary)}." if binary else "No column has only 0 and 1."
        raise TrialError(f"{table.header}, end point", what, "the column of an outcome", hint)
    absent = [name for name in CELL_COLUMNS if name not in table.columns]
    if len(absent) == 1:
        table.column(absent[0])
    raise TrialError(
        table.header,
        f"no column '{end_point}' (columns: {listed(table.columns)})",
        f"the end point '{end_point}' as 0 or 1 (one row a patient), or the columns {', '.join(CELL_COLUMNS)} "
        "(one row for each site and arm)",
        did_you_mean(end_point, free) or "The column of the end point can be named (end_point).",
    )


def _population(table: Table, column: str) -> str:
    name = column.removeprefix(FLAG_PREFIX)
    if not re.fullmatch(NAME_PATTERN, name):
        raise TrialError(
            table.header,
            f"column '{column}'",
            f"'{FLAG_PREFIX}' and the name of a population: 1 to 60 letters, digits, '_' and '-'",
        )
    return name


def _both_arms(table: Table, arms: tuple[str, str], patients: dict[str, int]) -> None:
    for arm in arms:
        if patients[arm] == 0:
            raise TrialError(str(table.path), f"no patients in arm '{arm}'", "at least one patient in each arm")


def _count(table: Table, i: int, column: str, value: str) -> int:
    found = _WHOLE.fullmatch(value)
    count = -1 if found is None or (value.startswith("-") and int(found[1])) else int(found[1])
    if not 0 <= count <= MOST_PATIENTS:
        required = f"a whole number from 0 to {MOST_PATIENTS:,}"
        raise TrialError(table.where(i, column), f"'{value}'" if value else "nothing", required)
    return count


def _binary(table: Table, keep: list[int], column: str) -> list[int]:
    """A column of 0 and 1, also as programs write them that know no whole numbers (0.0 and 1.0)."""
    cells = table.column(column)
    for i in keep:
        if cells[i] not in _BINARY:
            raise TrialError(table.where(i, column), f"'{cells[i]}'" if cells[i] else "nothing", "0 or 1")
    return [_BINARY[cells[i]] for i in keep]
