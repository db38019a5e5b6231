"""What the columns of a table are: named by the caller, or by names that are commonly used, where exactly one fits."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from bayes_lupil.errors import TrialError, did_you_mean, nearest
from bayes_lupil.trials.arms import declare_arms
from bayes_lupil.trials.asked import Asked
from bayes_lupil.trials.tables import CELL_COLUMNS, MARK, Table, listed
from bayes_lupil.trials.values import MISSING, number
from bayes_lupil.trials.vocabulary import (
    ARMS,
    IDS,
    NON_RESPONDERS,
    NON_RESPONSE,
    NUMBERS,
    OUTCOMES,
    RESPONDERS,
    SITES,
    VISITS,
    WIDE,
    Ranks,
    fits,
    fitting,
    plain,
)  # fmt: skip

__all__ = ["FLAG_PREFIX", "Roles", "find_roles"]

FLAG_PREFIX = "pop_"
_SILENT = re.compile(r"non[^a-z]?resp|(no|not)[^a-z]resp", re.IGNORECASE)


@dataclass(frozen=True)
class Roles:
    """Which column is what; None where a table has none.

    Attributes
    ----------
    shape : {"patients", "cells", "wide"}
        A row a patient; a row a site and arm; a row a site.
    wide : tuple of str
        Events and patients (or, with `wide_non`, non-events) of active, then of control.
    guesses : tuple of str
        What nobody said.
    """

    shape: str
    site: str | None = None
    arm: str | None = None
    outcome: str | None = None
    responders: str | None = None
    non_responders: str | None = None
    n: str | None = None
    id: str | None = None
    visits: tuple[str, ...] = ()
    wide: tuple[str, ...] = ()
    wide_non: bool = False
    guesses: tuple[str, ...] = ()
    faults: tuple[tuple[str, str, str], ...] = field(default=(), repr=False)

    @property
    def used(self) -> set[str]:
        """Columns that have a role in the counts."""
        one = (self.site, self.arm, self.outcome, self.responders, self.non_responders, self.n)
        return {name for name in (*one, *self.wide) if name is not None}


def _option(name: str, value: str) -> str:
    """How a choice is made, on the command line and in Python."""
    return f"--{name.replace('_', '-')} {shlex.quote(value)} (in Python: {name}='{value}')"


class _Search:
    """Collects what is found, what was guessed and what is missing, so that all of it is told at once."""

    def __init__(self, table: Table, asked: Asked) -> None:
        self.table, self.asked = table, asked
        self.free = [name for name in table.columns if name != MARK and not name.startswith(FLAG_PREFIX)]
        self.guesses: list[str] = []
        self.faults: list[tuple[str, str, str]] = []

    def one(
        self, what: str, option: str, given: str | None, ranks: Ranks, common: str, needed: bool = True
    ) -> str | None:
        """The column of a role; a missing or ambiguous one becomes a fault where it is needed."""
        if given is not None:
            if given not in self.table.columns:
                found = f"no column '{given}' (columns: {listed(self.table.columns)})"
                self.faults.append((found, f"the column of the {what} ({option})", nearest(given, self.table.columns)))
                return None
            return self.take(given)
        found_names = fitting(self.free, ranks)
        if len(found_names) > 1 and self._same(found_names):
            found_names = found_names[:1]
        if len(found_names) == 1:
            name = found_names[0]
            if name != common:
                self.guesses.append(f"column '{name}' taken for the {what}")
            return self.take(name)
        if len(found_names) > 1:
            told = " and ".join(f"'{name}'" for name in found_names)
            self.faults.append(
                (f"the columns {told}", f"one for the {what}", f"Say which: {_option(option, found_names[0])}.")
            )
        elif needed:
            found = f"no column '{common}' (columns: {listed(self.table.columns)})"
            spare = [name for name in self.free if name not in CELL_COLUMNS]
            hint = did_you_mean(common, spare) or f"Say which: {_option(option, 'NAME')}."
            self.faults.append((found, f"a column '{common}', or another for the {what} ({option}=...)", hint))
        return None

    def site(self) -> str | None:
        """The column of sites; a trial of one centre needs none."""
        return self.one("site", "site", self.asked.site, SITES, "site", needed=False)

    def roles(self, shape: str, site: str | None, **parts: Any) -> Roles:
        """What was found, once nothing is missing."""
        if site is None:
            self.guesses.append("no column of sites: taken for one centre")
        return Roles(shape, site, guesses=tuple(self.guesses), **parts)

    def take(self, name: str) -> str:
        if name in self.free:
            self.free.remove(name)
        return name

    def _same(self, names: Sequence[str]) -> bool:
        first = self.table.column(names[0])
        return all(self.table.column(name) == first for name in names[1:])


def find_roles(table: Table, asked: Asked) -> Roles:
    """Which column is what.

    Raises
    ------
    TrialError
        Naming at once everything that is missing, or that several columns fit.
    """
    if asked.wide is not None:
        return _given_wide(table, asked)
    search = _Search(table, asked)
    counts = _counts(table, asked)
    if counts is None and asked.arm is None and (found := _known_wide(table, search)) is not None:
        return found
    site = search.site()
    arm = search.one("arm", "arm", asked.arm, ARMS, "arm")
    made: dict[str, str | None] = {}
    if counts is not None:
        shape = "cells"
        if counts[0] is not None:
            made["responders"] = search.one("responders", "outcome", counts[0], RESPONDERS, "responders")
        if counts[1] is not None:
            made["n"] = search.one("patients", "n", counts[1], NUMBERS, "n")
        if counts[2] is not None:
            made["non_responders"] = search.one("non-responders", "n", counts[2], NON_RESPONDERS, "nonresponders")
        for role, common in (("responders", "responders"), ("n", "n"), ("non_responders", "nonresponders")):
            given = asked.outcome if role == "responders" else asked.n if role == "n" else None
            if made.get(role) not in (None, common) and given is None:
                search.guesses.append(f"column '{made[role]}' taken for the {role.replace('_', '-')}")
        name = None
        visits: tuple[str, ...] = ()
    else:
        shape = "patients"
        name = search.one("identifier of patients", "id", asked.id, IDS, "patient", needed=False)
        if asked.id is None:  # that a column is called so is looked at, and needs no word
            search.guesses = [guess for guess in search.guesses if not guess.endswith("the identifier of patients")]
            search.faults = [fault for fault in search.faults if fault[1] != "one for the identifier of patients"]
            if name is None:
                name = next(iter(fitting(search.free, IDS)), None)
        visits = tuple(column for column in search.free if fits(column, VISITS))
        made["outcome"] = _outcome(search, asked, site)
    if search.faults:
        if arm is not None:
            try:
                declare_arms(table, arm, asked.control, asked.active)
            except TrialError as problem:
                search.faults.append((problem.found, problem.required, problem.hint))
        _refuse(table, search.faults)
    return search.roles(shape, site, arm=arm, id=name, visits=visits, **made)


def _refuse(table: Table, faults: Sequence[tuple[str, str, str]]) -> None:
    raise TrialError(
        table.header,
        "; ".join(fault[0] for fault in faults),
        "; ".join(fault[1] for fault in faults),
        " ".join(dict.fromkeys(fault[2] for fault in faults if fault[2])),
    )


def _counts(table: Table, asked: Asked) -> tuple[str | None, str | None, str | None] | None:
    """Columns of responders, patients and non-responders, two of them, where a table holds counts; None where not."""
    free = [name for name in table.columns if name != MARK]
    number_of = asked.n or next(iter(fitting(free, NUMBERS)), None)
    rest = next(iter(fitting(free, NON_RESPONDERS)), None)
    if asked.n is None and asked.outcome is not None:
        held = {number(cell) for cell in set(table.column(asked.outcome))} if asked.outcome in free else {None}
        counted = _are_counts(table, asked.outcome, number_of, asked)
        if not counted and (None in held or not any(value > 1 for value in held if value is not None)):
            number_of = rest = number_of if plain(asked.outcome) in RESPONDERS[0] else None
    event = asked.outcome or next(iter(fitting(free, RESPONDERS)), None)
    if event is None:
        called = next(iter(fitting(free, OUTCOMES)), None)
        silent = next(iter(fitting(free, NON_RESPONSE)), None)
        if called is None and silent is not None and number_of is not None:
            one_each = _binary(table, silent) and not _are_counts(table, silent, number_of, asked)
            return None if one_each else (None, number_of, silent)
        if asked.n is not None:
            event = called or "responders"
        elif called is not None and _are_counts(table, called, number_of, asked):
            event = called
    if event is None or (number_of is None and rest is None):
        return None
    if asked.outcome is None and asked.n is None and plain(event) in ("event", "r", "x") and _binary(table, event):
        return (event, number_of, None) if _are_counts(table, event, number_of, asked) else None
    return event, number_of, rest if number_of is None else None


def _are_counts(table: Table, event: str, size: str | None, asked: Asked) -> bool:
    """Whether a column beside one of sizes holds counts, however small: no site and arm has a second row.

    In a table of patients some site has two patients of one arm, and a column that happens to be called like a number
    of patients tells them nothing.
    """
    if size is None or size == event or event not in table.columns:
        return False
    pairs = [(number(a), number(b)) for a, b in zip(table.column(event), table.column(size), strict=True)]
    sizes = [n for _, n in pairs]
    if any(n is None or n < 0 or n != int(n) for n in sizes) or not any(n > 1 for n in sizes if n is not None):
        return False
    if any(count is None or n is None or count > n for count, n in pairs):
        return False
    free = [name for name in table.columns if name not in (event, size, MARK)]
    keys = [
        table.column(name)
        for given, ranks in ((asked.site, SITES), (asked.arm, ARMS))
        if (name := given or next(iter(fitting(free, ranks)), None)) in table.columns
    ]
    return bool(keys) and len(set(zip(*keys, strict=True))) == len(table.rows)


def _binary(table: Table, column: str) -> bool:
    return {cell for cell in table.column(column) if cell.casefold() not in MISSING} <= {"0", "1"}


def _outcome(search: _Search, asked: Asked, site: str | None) -> str | None:
    common = "response"
    free = [name for name in search.free if name not in {"site", "arm", "patient"}]
    before = len(search.faults)
    given = asked.outcome if asked.outcome is not None else asked.end_point
    if given is None:
        found = search.one("outcome", "outcome", None, OUTCOMES, common)
    elif given in free:
        found = search.take(given)
    elif given in search.table.columns or not given.strip():
        flag = given.startswith(FLAG_PREFIX)
        what = f"'{given}', which is {'a population flag' if flag else 'no outcome'}" if given else "nothing"
        binary = tuple(name for name in free if {*search.table.column(name)} <= {"0", "1", ""})
        hint = f"Columns of 0 and 1: {listed(binary)}." if binary else "No column has only 0 and 1."
        raise TrialError(f"{search.table.header}, end point", what, "the column of an outcome", hint)
    else:
        found = None
        search.faults.append(("", "", ""))
    if len(search.faults) > before and (given is not None or search.faults[-1][0].startswith("no column")):
        wanted = given or common
        absent = [name for name in CELL_COLUMNS if name not in search.table.columns]
        if site is not None and len(absent) == 1 and given is None and absent[0] in ("responders", "n"):
            search.table.column(absent[0])  # a table of sites with one column missing
        hint = _not_responded(search.table, free) if given is None else ""
        hint = hint or did_you_mean(wanted, free) or "The column of the end point can be named (end_point, outcome)."
        search.faults[-1] = (
            f"no column '{wanted}' (columns: {listed(search.table.columns)})",
            f"the end point '{wanted}' as 0 or 1 (one row a patient), or the columns {', '.join(CELL_COLUMNS)} "
            "(one row for each site and arm)",
            hint,
        )
    return found


def _not_responded(table: Table, free: Sequence[str]) -> str:
    """What to do where the only outcome is of those who did not respond."""
    name = next(iter(fitting(free, NON_RESPONSE)), None)
    if name is None:
        return ""
    held = sorted({cell for cell in table.column(name) if cell.casefold() not in MISSING})
    if any((number(cell) or 0) > 1 for cell in held):
        return f"'{name}' counts those who did not respond: add a column of all patients, n, or one of responders."
    no = next((cell for cell in held if cell.casefold() in ("0", "n", "no", "f", "false")), "0")
    return f"'{name}' is 1 of those who did not respond: outcome={name!r}, responder={no!r} counts the others."


def _known_wide(table: Table, search: _Search) -> Roles | None:
    by_name = {plain(name): name for name in table.columns}
    for names in WIDE:
        if not set(names) <= set(by_name):
            continue
        columns = tuple(search.take(by_name[name]) for name in names)
        site = search.site()
        if search.faults:
            _refuse(table, search.faults)
        guess = f"active taken to be {columns[0]} of {columns[1]}, control {columns[2]} of {columns[3]}"
        if names[1] == "bi":
            guess = (
                f"active taken to be {columns[0]} of {columns[0]} + {columns[1]}, "
                f"control {columns[2]} of {columns[2]} + {columns[3]}"
            )
        search.guesses.append(guess)
        return search.roles("wide", site, wide=columns, wide_non=names[1] == "bi")
    return None


def _given_wide(table: Table, asked: Asked) -> Roles:
    search = _Search(table, asked)
    given = asked.wide or {}
    pairs = {arm: tuple(columns) for arm, columns in given.items()}
    if set(pairs) != {"active", "control"} or any(len(pair) != 2 for pair in pairs.values()):
        raise TrialError(
            f"{table.path}, wide",
            ", ".join(f"'{arm}': {len(pair)} columns" for arm, pair in pairs.items()) or "nothing",
            "'active' and 'control', each with the columns of its events and of its patients",
            "For example: wide={'active': ('ai', 'n1i'), 'control': ('ci', 'n2i')}.",
        )
    columns = (*pairs["active"], *pairs["control"])
    if reversed_ := [name for name in columns[::2] if _SILENT.search(name)]:
        found = f"{' and '.join(repr(name) for name in reversed_)} in the place of responders"
        hint = "Make a column for each arm: responders = patients - non-responders."
        raise TrialError(f"{table.path}, wide", found, "columns of responders, or of events", hint)
    for name in columns:
        search.one("counts", "wide", name, (), name)
    if len(set(columns)) < 4:
        search.faults.append((f"the columns {', '.join(columns)}", "four different columns", ""))
    site = search.site()
    if search.faults:
        _refuse(table, search.faults)
    rest = [plain(name) in ("bi", "di") or fits(name, NON_RESPONDERS) for name in columns[1::2]]
    if all(rest):
        search.guesses.append(f"{columns[1]} and {columns[3]} taken for patients without the event")
    return search.roles("wide", site, wide=columns, wide_non=all(rest))
