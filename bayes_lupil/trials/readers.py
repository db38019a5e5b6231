"""A table and what was said of it, as a trial."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bayes_lupil.errors import TrialError
from bayes_lupil.frozen import ReadOnly
from bayes_lupil.trials.arms import declare_arms
from bayes_lupil.trials.asked import Asked
from bayes_lupil.trials.cells import ALL_SITES, Cells
from bayes_lupil.trials.countries import country_of_sites
from bayes_lupil.trials.counts import cells_by_arm, cells_by_site
from bayes_lupil.trials.patients import Patients
from bayes_lupil.trials.people import people
from bayes_lupil.trials.reading import Reading
from bayes_lupil.trials.roles import Roles, find_roles
from bayes_lupil.trials.tables import MARK, Table
from bayes_lupil.trials.vocabulary import NEUTRAL, plain
from bayes_lupil.trials.where import rows_where

__all__ = ["ReadTable", "read_counts", "rows_asked"]

SHAPES = {"patients": "a row a patient", "cells": "a row a site and arm", "wide": "a row a site"}


@dataclass(frozen=True)
class ReadTable(ReadOnly):
    """The data of a trial, and the record of how they were read.

    Attributes
    ----------
    outcome : str
        The column of the outcome, or of counts with a name of its own, such as deaths; '' of one with none.
    flags : dict of str to str
        Populations, and where their members come from.
    """

    data: Cells | Patients
    arms: tuple[str, str]
    outcome: str
    flags: dict[str, str]
    reading: Reading
    synthetic: bool


def read_counts(table: Table, asked: Asked) -> ReadTable:
    """The data of a trial in a table, whatever its shape.

    Raises
    ------
    TrialError
        Naming file, line and column, what was found and what is required.
    """
    synthetic, rows = table.synthetic, len(table.rows)
    whole = table
    table = rows_asked(table, asked)
    roles = find_roles(table, asked)
    left_out = _left_out(whole, table, roles, asked)
    country_of = country_of_sites(table, roles, asked.country) if asked.country is not None else None
    guesses = [*table.notes, *roles.guesses]
    if roles.shape == "wide":
        arms = (asked.control or "control", asked.active or "active")
        if arms[0] == arms[1]:
            raise TrialError(str(table.path), f"'{arms[0]}' as control and as active", "two different arms")
    else:
        assert roles.arm is not None  # found, or refused
        arms = declare_arms(table, roles.arm, asked.control, asked.active)
        if asked.control is None and asked.active is None:
            guesses.append(f"control taken to be '{arms[0]}', active '{arms[1]}'")
    columns = {name: column for name in ("site", "arm", "id", "outcome", "responders", "non_responders", "n")
               if (column := getattr(roles, name)) is not None}  # fmt: skip
    if asked.country is not None:
        columns["country"] = asked.country
    data: Cells | Patients
    flags: dict[str, str] = {}
    cautions: tuple[str, ...] = ()
    counts_of: tuple[str, ...] = ()
    if roles.shape == "patients":
        found = people(table, roles, arms, asked)
        patients, flags, cautions, counts_of = found.patients, found.flags, found.cautions, found.coding.counted
        if country_of is not None:
            patients = replace(patients, country={site: country_of[site] for site in patients.sites})
        data = patients
        guesses += found.guesses
        exclusions, codings = found.exclusions, found.codings
        cells = data.cells()
    else:
        _no_patients_options(table, asked)
        counted = (cells_by_site if roles.shape == "wide" else cells_by_arm)(table, roles, arms, asked)
        data = cells = counted.cells
        if country_of is not None:
            data = cells = replace(cells, countries=tuple(country_of[site] for site in cells.sites))
        exclusions = counted.exclusions
        less = roles.shape == "cells" and roles.responders is None
        codings = (f"responders: '{roles.n}' less '{roles.non_responders}'",) if less else ()
        if roles.shape == "wide":
            columns |= dict(zip(_WIDE_NAMES[roles.wide_non], roles.wide, strict=True))
    totals = cells.totals
    kept = set(columns.values()) | {origin.removeprefix("column ") for origin in flags.values()}
    reading = Reading(
        source=str(table.path),
        shape=SHAPES[roles.shape],
        rows=rows,
        patients=totals[0][1] + totals[1][1],
        sites=0 if cells.sites == (ALL_SITES,) and roles.site is None else len(cells.sites),
        arms=dict(zip(arms, totals, strict=True)),
        columns=columns,
        codings=codings,
        exclusions=(*left_out, *exclusions),
        guesses=tuple(guesses),
        unused=tuple(name for name in table.columns if name not in kept and name != MARK),
        cautions=cautions,
        counted=counts_of,
        identified=roles.shape != "patients" or (roles.id is not None and any(table.column(roles.id))),
    )
    events = roles.responders or ""
    called = roles.outcome or ("" if plain(events) in NEUTRAL else events)
    return ReadTable(data, arms, called, flags, reading, synthetic)


def rows_asked(table: Table, asked: Asked) -> Table:
    """The rows that the caller's condition leaves.

    Raises
    ------
    TrialError
        Where it leaves none.
    """
    if asked.where is None:
        return table
    chosen = rows_where(table, asked.where)
    if not any(chosen):
        raise TrialError(f"{table.path}, where", f"no row that fulfils '{asked.where}'", "at least one for each arm")
    return table.part([i for i, good in enumerate(chosen) if good])


_WIDE_NAMES = {
    False: ("active responders", "active n", "control responders", "control n"),
    True: ("active responders", "active non-responders", "control responders", "control non-responders"),
}


def _left_out(whole: Table, table: Table, roles: Roles, asked: Asked) -> list[str]:
    """The rows that a condition left out, by arm, and the sites that it left empty."""
    lost = len(whole.rows) - len(table.rows)
    if not lost:
        return []
    by_arm = ""
    if roles.arm is not None:
        before, after = whole.column(roles.arm), table.column(roles.arm)
        counts = [(arm, before.count(arm) - after.count(arm)) for arm in dict.fromkeys(before)]
        by_arm = f" ({', '.join(f'{arm} {n}' for arm, n in counts[:8] if n)})"
    found = [f"{lost:,} of {len(whole.rows):,} rows left out: {asked.where} is not fulfilled{by_arm}"]
    if roles.site is not None:
        kept = set(table.column(roles.site))
        empty = [site for site in dict.fromkeys(whole.column(roles.site)) if site not in kept]
        found += [f"site '{site}' left out: no row fulfils {asked.where}" for site in empty]
    return found


def _no_patients_options(table: Table, asked: Asked) -> None:
    """Options that only patients have, and that would do nothing."""
    for option, given in (
        ("responder", asked.responder), ("missing", asked.missing), ("na", asked.na), ("id", asked.id),
        ("population", asked.population),
    ):  # fmt: skip
        if given:
            raise TrialError(
                f"{table.path}, {option}",
                f"{option} = {given!r} with a table of counts",
                "a row a patient for this option",
                "Name the column of outcomes (outcome=...) where each row is a patient.",
            )
