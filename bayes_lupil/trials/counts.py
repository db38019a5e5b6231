"""Counts of responders by site and arm, from tables that hold counts: a row a site and arm, or a row a site."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from bayes_lupil.errors import TrialError, within
from bayes_lupil.limits import MOST_PATIENTS
from bayes_lupil.trials.arms import check_both_arms, check_sites
from bayes_lupil.trials.asked import Asked
from bayes_lupil.trials.candidates import no_sites_hint
from bayes_lupil.trials.cells import ALL_SITES, Cells
from bayes_lupil.trials.checks import one_spelling
from bayes_lupil.trials.reading import empty_site, of_another_arm
from bayes_lupil.trials.roles import Roles
from bayes_lupil.trials.tables import Table

__all__ = ["Counted", "cells_by_arm", "cells_by_site"]

_WHOLE = re.compile(r"[+-]?\d{1,12}")
_GROUPED = re.compile(r"[+-]?\d{1,3}([.,]\d{3})+")


@dataclass(frozen=True)
class Counted:
    """Counts by site and arm, and what was left out on the way."""

    cells: Cells
    exclusions: tuple[str, ...]


def cells_by_arm(table: Table, roles: Roles, arms: tuple[str, str], asked: Asked) -> Counted:
    """Counts from a row for each site and arm.

    Parameters
    ----------
    arms : (str, str)
        Control and active; rows of other arms are left out and counted.
    asked : Asked
        `single_arm_sites` allows a site to lack the row of one arm, which then counts as n = 0. Without it a missing
        row is an error, since it may as well be a row that was lost.
    """
    assert roles.arm is not None  # found, or refused
    site_column, arm_column = _sites(table, roles), table.names(roles.arm)
    first, second = [name for name in (roles.responders, roles.non_responders, roles.n) if name is not None]
    count_columns = [(name, table.column(name)) for name in (first, second)]
    seen: dict[tuple[str, str], int] = {}
    counts: dict[str, dict[str, tuple[int, int]]] = {}
    other_arms: dict[str, int] = {}
    for i, (line, _row) in enumerate(table.rows):
        site, arm = site_column[i], arm_column[i]
        counted, n = (_count(table, i, name, cells[i]) for name, cells in count_columns)
        if roles.n is None:
            n += counted
        if counted > n:
            who = "responders" if roles.responders is not None else "non-responders"
            raise TrialError(
                f"{table.path}, {table.unit} {line}",
                f"{counted} {who} of n = {n} (site '{site}', arm '{arm}')",
                f"{who} at most n",
            )
        responders = counted if roles.responders is not None else n - counted
        if (site, arm) in seen:
            first = f"arm '{arm}' again (first on {table.unit} {seen[site, arm]})"
            without = roles.site is None
            raise TrialError(
                f"{table.path}, {table.unit} {line}",
                f"{first}, and no column of sites" if without else f"site '{site}', {first}",
                "one row for each site and arm",
                _no_sites(table, roles) if without else "",
            )
        seen[site, arm] = line
        if arm in arms:
            counts.setdefault(site, {})[arm] = (responders, n)
        else:
            other_arms[arm] = other_arms.get(arm, 0) + n
    check_sites(table, roles.site, asked, _in_order(counts, arms))
    for site, by_arm in counts.items():
        for arm in arms:
            if arm not in by_arm and not asked.single_arm_sites:
                raise TrialError(
                    str(table.path),
                    f"no row for site '{site}', arm '{arm}'",
                    "a row for each site and arm",
                    f"If no patient was randomised there, add the row '{site},{arm},0,0', "
                    "or allow it for all sites: --single-arm-sites (in Python: single_arm_sites=True).",
                )
    exclusions = [of_another_arm(arm, n) for arm, n in other_arms.items()]
    exclusions += [empty_site(s, "in either arm compared") for s in dict.fromkeys(site_column) if s not in counts]
    return _counted(table, arms, counts, exclusions)


def cells_by_site(table: Table, roles: Roles, arms: tuple[str, str], asked: Asked) -> Counted:
    """Counts from a row for each site, with the two arms side by side."""
    site_column = _sites(table, roles)
    if len(set(site_column)) < len(site_column):
        first = next(i for i, site in enumerate(site_column) if site in site_column[:i])
        distinct = [
            name for name in table.columns
            if name not in roles.used and len(set(table.column(name))) == len(table.rows) and all(table.column(name))
        ]  # fmt: skip
        told = f"Columns with another value in every row: {', '.join(distinct[:6])}"
        hint = f"{told} (--site, in Python site=...)." if distinct else ""
        if roles.site is None:
            found, hint = f"{len(site_column)} rows and no column of sites", hint or _no_sites(table, roles)
            raise TrialError(str(table.path), found, "a column of sites (site, --site), or one row", hint)
        raise TrialError(
            table.where(first, roles.site), f"site '{site_column[first]}' again", "a row for each site", hint
        )
    counts: dict[str, dict[str, tuple[int, int]]] = {}
    for i, site in enumerate(site_column):
        by_arm = {}
        for arm, (event, second) in zip(reversed(arms), (roles.wide[:2], roles.wide[2:]), strict=True):
            responders, n = (_count(table, i, name, table.column(name)[i]) for name in (event, second))
            if roles.wide_non:
                n += responders
            if responders > n:
                found = f"{responders} responders of n = {n} (site '{site}', {event} of {second})"
                raise TrialError(table.where(i), found, "responders at most n")
            by_arm[arm] = (responders, n)
        counts[site] = by_arm
    check_sites(table, roles.site, asked, _in_order(counts, arms))
    return _counted(table, arms, counts, [])


def _sites(table: Table, roles: Roles) -> list[str]:
    if roles.site is None:
        return [ALL_SITES] * len(table.rows)
    names = table.names(roles.site)
    one_spelling(table, roles.site, names, "site")
    return names


def _no_sites(table: Table, roles: Roles) -> str:
    return no_sites_hint({name: table.column(name) for name in table.columns if name not in roles.used})


def _in_order(counts: dict[str, dict[str, tuple[int, int]]], arms: tuple[str, str]) -> dict[str, list[tuple[int, int]]]:
    """Responders and patients of control and then of active, by site; an arm without a row has nobody."""
    return {site: [by_arm.get(arm, (0, 0)) for arm in arms] for site, by_arm in counts.items()}


def _counted(
    table: Table, arms: tuple[str, str], counts: dict[str, dict[str, tuple[int, int]]], exclusions: list[str]
) -> Counted:
    nobody = [site for site, by_arm in counts.items() if not any(n for _, n in by_arm.values())]
    counts = {site: by_arm for site, by_arm in counts.items() if site not in nobody}
    patients = {arm: sum(by_arm.get(arm, (0, 0))[1] for by_arm in counts.values()) for arm in arms}
    check_both_arms(table, arms, patients)
    grid = np.array(list(_in_order(counts, arms).values()))
    exclusions += [empty_site(site, "in either arm") for site in nobody]
    with within(table.path):
        known = tuple(counts) != (ALL_SITES,)
        return Counted(Cells(tuple(counts), grid[:, :, 0], grid[:, :, 1], known), tuple(exclusions))


def _count(table: Table, i: int, column: str, value: str) -> int:
    count = int(value) if _WHOLE.fullmatch(value) else -1
    if not 0 <= count <= MOST_PATIENTS:
        required = f"a whole number from 0 to {MOST_PATIENTS:,}"
        grouped = _GROUPED.fullmatch(value) is not None
        hint = "Write thousands without a sign between the digits." if grouped else ""
        raise TrialError(table.where(i, column), f"'{value}'" if value else "nothing", required, hint)
    return count
