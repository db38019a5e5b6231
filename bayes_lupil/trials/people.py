"""Patients, from tables with a row for each."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bayes_lupil.documents import NAME_PATTERN
from bayes_lupil.errors import TrialError, within
from bayes_lupil.frozen import ReadOnly
from bayes_lupil.trials.arms import check_both_arms, check_sites
from bayes_lupil.trials.asked import Asked
from bayes_lupil.trials.cells import ALL_SITES
from bayes_lupil.trials.checks import check_patients_once, one_spelling
from bayes_lupil.trials.codes import Coded, coded_flags, coded_outcome
from bayes_lupil.trials.patients import Patients
from bayes_lupil.trials.reading import empty_site, of_another_arm, patients_left_out
from bayes_lupil.trials.roles import FLAG_PREFIX, Roles
from bayes_lupil.trials.tables import Table
from bayes_lupil.trials.where import rows_where

__all__ = ["People", "people"]


@dataclass(frozen=True)
class People(ReadOnly):
    """Patients of two arms, with what was left out, assumed and should be known.

    Attributes
    ----------
    flags : dict of str to str
        Where the members of each population come from.
    """

    patients: Patients
    coding: Coded
    codings: tuple[str, ...]
    exclusions: tuple[str, ...]
    guesses: tuple[str, ...]
    cautions: tuple[str, ...]
    flags: dict[str, str]


def people(table: Table, roles: Roles, arms: tuple[str, str], asked: Asked) -> People:
    """The patients of two arms, each once, whose outcomes are known or count by a rule.

    Raises
    ------
    TrialError
        Naming file, line and column.
    """
    assert roles.arm is not None  # found, or refused
    assert roles.outcome is not None
    arm_column = table.names(roles.arm)
    if roles.site is None:
        site_column = [ALL_SITES] * len(arm_column)
    else:
        site_column = table.names(roles.site)
        one_spelling(table, roles.site, site_column, "site")
    guesses, cautions = check_patients_once(
        table, roles.id, site_column, arm_column, roles.visits, asked.id is not None
    )
    keep = [i for i, arm in enumerate(arm_column) if arm in arms]
    patients_of = Counter(arm_column)
    check_both_arms(table, arms, patients_of)
    coded = coded_outcome(table, roles.outcome, asked, keep, arm_column)
    exclusions = [of_another_arm(arm, n) for arm, n in patients_of.items() if arm not in arms]
    kept_sites = {site_column[i] for i in keep}
    lost = [site for site in dict.fromkeys(site_column) if site not in kept_sites]
    exclusions += [empty_site(site, "in either arm compared") for site in lost]
    rule: tuple[str, ...] = ()
    response = coded.values
    absent = [i for i, value in zip(keep, response, strict=True) if value is None]
    if absent:
        rule, more = _by_rule(table, roles.outcome, asked, absent, keep, arm_column, site_column, arms)
        exclusions += more
        if asked.missing == "complete_cases":
            left = set(absent)
            known = [(i, value) for i, value in zip(keep, response, strict=True) if i not in left]
            keep, response = [i for i, _ in known], [value for _, value in known]
            check_both_arms(table, arms, Counter(arm_column[i] for i in keep))
        else:
            counted = int(asked.missing == "event")
            response = [counted if value is None else value for value in response]
    flags, origins = _flags(table, asked, keep)
    flag_columns = {name for name in table.columns if name.startswith(FLAG_PREFIX)} | set(asked.population.values())
    used = {roles.site, roles.arm, roles.outcome}
    others = [name for name in table.columns if name not in used and name not in flag_columns]
    with within(table.path):
        patients = Patients(
            site=tuple([site_column[i] for i in keep]),
            arm=np.array([arms.index(arm_column[i]) for i in keep], dtype=np.int64),
            response=np.array(response, dtype=np.int64),
            flags=flags,
            covariates={name: _part(table.column(name), keep, asked.na) for name in others},
        )
    cells = patients.cells()
    rows = [[(int(cells.responders[s, a]), int(cells.n[s, a])) for a in (0, 1)] for s in range(len(cells.sites))]
    check_sites(table, roles.site, asked, dict(zip(cells.sites, rows, strict=True)))
    codings = ((coded.coding,) if coded.told else ()) + rule
    return People(patients, coded, codings, tuple(exclusions), tuple(guesses), tuple(cautions), origins)


def _part(column: Sequence[str], keep: Sequence[int], na: Sequence[str]) -> tuple[str, ...]:
    """Cells of some rows; nothing where they hold what was said to stand for nothing."""
    return tuple(["" if column[i] in na else column[i] for i in keep])


def _by_rule(
    table: Table, outcome: str, asked: Asked, absent: Sequence[int], keep: Sequence[int], arms: Sequence[str],
    sites: Sequence[str], names: tuple[str, str],
) -> tuple[tuple[str, ...], list[str]]:  # fmt: skip
    """How missing outcomes count, in words: as a coding, or as exclusions; refused where nobody said."""
    missing, everyone = Counter(arms[i] for i in absent), Counter(arms[i] for i in keep)
    by_arm = ", ".join(f"{arm} {missing[arm]} of {everyone[arm]}" for arm in reversed(names))
    where = table.where(absent[0], outcome)
    words = sorted({text for i in absent if (text := table.column(outcome)[i])})
    if asked.missing is None:
        raise TrialError(
            where,
            f"a missing outcome ({len(absent)} in all); by arm: {by_arm}",
            "0 or 1 for each patient, or a rule for those missing",
            (f"Taken for missing: {', '.join(map(repr, words))}. " if words else "")
            + "Decide beforehand how missing outcomes count, and say it: missing='non_responder' (for a harmful event "
            "'event'), or missing='complete_cases', which leaves them out.",
        )
    expected = "event" if asked.harmful else "non_responder"
    if asked.missing not in (expected, "complete_cases"):
        direction = "lower" if asked.harmful else "higher"
        raise TrialError(
            where,
            f"{len(absent)} missing outcomes that are to count as missing = '{asked.missing}'",
            f"'{expected}' or 'complete_cases', where a {direction} response is the benefit (benefit='{direction}')",
            "Missing outcomes count against a treatment, not for it.",
        )
    at: dict[tuple[str, str], int] = Counter((sites[i], arms[i]) for i in absent)
    if len(set(sites)) > 1:
        told = [f"{site}: {', '.join(f'{a} {at[site, a]}' for a in reversed(names) if at[site, a])}"
                for site in dict.fromkeys(sites[i] for i in absent)]  # fmt: skip
        by_site = "; by site " + "; ".join(told[:20]) + ("; ..." if len(told) > 20 else "")
    else:
        by_site = ""
    some = len(absent)
    if asked.missing == "complete_cases":
        return (), [f"{patients_left_out(some)}: outcome missing ({by_arm}{by_site})"]
    what = "event" if asked.missing == "event" else "non-responder"
    outcomes = f"1 missing outcome counts as {what}" if some == 1 else f"{some} missing outcomes count as {what}s"
    return (f"{outcomes} ({by_arm}{by_site})",), []


def _flags(table: Table, asked: Asked, keep: Sequence[int]) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Members of each population, and where that comes from."""
    flags, origins = {}, {}
    for column in table.columns:
        if column.startswith(FLAG_PREFIX):
            name = column.removeprefix(FLAG_PREFIX)
            _check_name(table.header, f"column '{column}'", name, f"'{FLAG_PREFIX}' and the name of a population")
            flags[name], origins[name] = np.array(coded_flags(table, column, keep), bool), f"column {column}"
    for name, said in asked.population.items():
        _check_name(f"{table.path}, population", f"'{name}'", name, "the name of a population")
        if name in flags:
            found = f"'{name}' and the column '{FLAG_PREFIX}{name}'"
            raise TrialError(f"{table.path}, population", found, "each population once")
        if said in table.columns:
            flags[name], origins[name] = np.array(coded_flags(table, said, keep), bool), f"column {said}"
        else:
            members = np.array(rows_where(table, said, f"population '{name}'"), bool)
            flags[name], origins[name] = members[list(keep)], said
    if not flags.pop("itt", np.True_).all():
        raise TrialError(
            f"{table.path}, column '{origins['itt'].removeprefix('column ')}'",
            "patients outside 'itt'",
            "everyone in the file: 'itt' is all who were randomised",
            "Leave out the rows of patients who were not randomised (where=...), or give the population another name.",
        )
    origins.pop("itt", None)
    return flags, origins


def _check_name(where: str, found: str, name: str, required: str) -> None:
    if not re.fullmatch(NAME_PATTERN, name):
        raise TrialError(where, found, f"{required}: 1 to 60 letters, digits, '_' and '-'")
