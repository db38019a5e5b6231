"""Rows that are not what they are counted as: patients who come again, totals among the sites, two spellings."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import reduce
from math import gcd

from bayes_lupil.characters import alike, folded
from bayes_lupil.errors import TrialError
from bayes_lupil.trials.names import several
from bayes_lupil.trials.repeats import equal_pairs_by_chance, is_far_above
from bayes_lupil.trials.tables import Table
from bayes_lupil.trials.vocabulary import IDS, VISITS, plain

__all__ = ["check_patients_once", "check_totals", "is_total", "one_spelling", "without_zeros"]

_TOTALS = re.compile(
    r"((sub|grand )?totals?|overall|all|sum|pooled|combined|(all|total|sum of) (sites|centres|centers|studies|patients)"
    r"|all arms|everyone|together|gesamt|summe|ensemble)[: ]*"
)
_ROW_NUMBERS = {"rownames", "row", "rownumber", "obs", "observation", "index", "line", "no", "nr", "seq"}
_LEAST_DISTINCT = 10


def one_spelling(table: Table, column: str, names: Sequence[str], what: str = "") -> None:
    """That no two names differ only by case, spaces, hidden marks, the form of their letters or leading zeros."""
    what = what or column
    distinct = list(dict.fromkeys(names))
    reason = "They differ only by case, spaces, signs that nobody sees or the form of a letter."
    twins = alike(distinct)
    if twins is None and what == "site":
        reason = "They differ only by zeros before a number."
        seen: dict[str, str] = {}
        for name in distinct:
            twin = seen.setdefault(without_zeros(name), name)
            if twin != name:
                twins = (twin, name)
                break
    if twins is not None:
        i = table.column(column).index(twins[1])
        raise TrialError(
            table.where(i, column),
            f"the {several(what)} '{twins[0]}' and '{twins[1]}'",
            f"one spelling of each {what}",
            reason,
        )


def without_zeros(name: str) -> str:
    """A name without zeros before its numbers, and without what `folded` leaves out.

    Examples
    --------
    >>> without_zeros("Site 007"), without_zeros("1.05"), without_zeros("0")
    ('site 7', '1.05', '0')
    """
    return re.sub(r"(?<![\d.,])0+(?=\d)", "", folded(name))


def is_total(name: str) -> bool:
    """Whether a site is named like a total."""
    return _TOTALS.fullmatch(folded(name)) is not None


def check_patients_once(
    table: Table, name: str | None, site: Sequence[str], arm: Sequence[str], visits: Sequence[str], given: bool
) -> tuple[list[str], list[str]]:
    """That every row is another patient, as far as a table lets it be seen.

    Parameters
    ----------
    name : str or None
        The column that identifies patients.
    site, arm : sequence of str
        Of each row.
    visits : sequence of str
        Columns that may tell visits apart.
    given : bool
        Whether the caller named the column of identifiers.

    Returns
    -------
    guesses, warnings : list of str

    Raises
    ------
    TrialError
        Naming the first patient who comes again, how many rows there are of how many patients, and what to choose.
    """
    if name is None:
        return [], _without_identifier(table, visits)
    ids = table.column(name)
    blank = next((i for i, value in enumerate(ids) if not value), None)
    if blank is not None:
        if not given and not any(ids):
            return [], _without_identifier(table, visits)
        raise TrialError(table.where(blank, name), "no identifier of the patient", "one in every row")
    if len(set(ids)) == len(ids):
        return [], []
    again = sum(1 for count in Counter(ids).values() if count > 1)
    numbered = again >= len(set(ids)) / 2  # by each site anew, as most numbers then are; and not one patient moved
    if plain(name) not in IDS[0] and numbered and len(set(zip(site, ids, strict=True))) == len(ids):
        return [f"patients are numbered within sites in column '{name}'"], []
    by_site = plain(name) not in IDS[0] and numbered and len(set(site)) > 1
    keys = list(zip(site, ids, strict=True)) if by_site else [("", value) for value in ids]
    seen: dict[tuple[str, str], int] = {}
    for i, key in enumerate(keys):
        if key in seen:
            break
        seen[key] = i
    first = seen[key]
    counts = Counter(keys)
    repeated = sum(1 for count in counts.values() if count > 1)
    found = (
        f"patient '{ids[i]}' again (first on {table.unit} {table.rows[first][0]}); "
        f"{len(ids):,} rows of {len(counts):,} patients, {repeated:,} of whom come more than once"
    )
    if arm[i] != arm[first]:
        found += f"; in the arms '{arm[first]}' and '{arm[i]}'"
    raise TrialError(table.where(i, name), found, "each patient once in what is analysed", _choice(table, keys, visits))


def _choice(table: Table, keys: Sequence[tuple[str, str]], visits: Sequence[str]) -> str:
    """What to choose from, so that each patient comes once."""
    for column in visits:
        cells = table.column(column)
        values = list(dict.fromkeys(cells))
        if len(values) > 1 and len(set(zip(keys, cells, strict=True))) == len(keys):
            return _visit(column, values)
    for column in visits:
        if len(values := list(dict.fromkeys(table.column(column)))) > 1:
            return f"{_visit(column, values)} Other columns (PARAMCD, ANL01FL ...) may have to be chosen from too."
    return "Choose rows (where=...), or name the column that identifies patients (id=...)."


def _visit(column: str, values: Sequence[str]) -> str:
    told = ", ".join(values[:8]) + (", ..." if len(values) > 8 else "")
    last = values[-1] if re.fullmatch(r"-?\d+(\.\d+)?", values[-1]) else repr(values[-1])
    name = column if column.isidentifier() else f"`{column}`"
    held = f"Column '{column}' holds {len(values)} different values ({told})"
    return f'{held}: choose one, as in where="{name} == {last}".'


def _without_identifier(table: Table, visits: Sequence[str]) -> list[str]:
    for column in visits:
        held = Counter(table.column(column))
        few = 1 < len(held) <= 20 and len(table.rows) >= 2 * len(held)
        certain = plain(column) in VISITS[0]
        if few and len(set(held.values())) == 1 if not certain else few and "followup" not in plain(column):
            raise TrialError(
                f"{table.path}, column '{column}'",
                f"{len(held)} different values ({', '.join(list(held)[:8])}) and no column that identifies patients",
                "one row a patient",
                f"{_visit(column, list(held))} Or name the identifier: id='NAME'.",
            )
    others = [name for name in table.columns if plain(name) not in _ROW_NUMBERS]
    rows = Counter(zip(*(table.column(name) for name in others), strict=True))
    times = reduce(gcd, rows.values())
    if times > 1 and len(others) > 3 and len(rows) >= _LEAST_DISTINCT:
        raise TrialError(
            str(table.path),
            f"every row {times} times, in all columns ({len(table.rows):,} rows, {len(rows):,} different ones)",
            "one row a patient",
            "If they are different patients, name a column that identifies them: id='NAME'.",
        )
    if times > 1 and len(rows) >= 8:
        return [f"every row comes a multiple of {times} times: see that no patient is counted {times} times"]
    again = len(table.rows) - len(rows)
    if again and is_far_above(again, expected := equal_pairs_by_chance(rows)):
        return [
            f"no column identifies patients (id=...), and {again:,} rows equal an earlier one in all columns, where "
            f"chance would have about {expected:.2g}: see that no patient is counted several times"
        ]
    return []


def check_totals(table: Table, column: str | None, counts: Mapping[str, Sequence[tuple[int, int]]]) -> None:
    """That no site is the sum of the others.

    Parameters
    ----------
    column : str or None
        The column of sites.
    counts : mapping
        Responders and patients of each arm, by site.

    Raises
    ------
    TrialError
        Where a site is named like a total, or has the counts of all others together.
    """
    if column is None or len(counts) < 2:
        return
    arms = range(len(next(iter(counts.values()))))
    total = [tuple(sum(by_arm[a][k] for by_arm in counts.values()) for k in (0, 1)) for a in arms]
    for site, by_arm in counts.items():
        named = is_total(site)
        others = [(total[a][0] - by_arm[a][0], total[a][1] - by_arm[a][1]) for a in arms]
        is_sum = len(counts) > 2 and all(tuple(by_arm[a]) == others[a] for a in arms) and any(n for _, n in others)
        if not named and not (is_sum and len(counts) > 3):
            continue
        what = "whose counts are the sum of the others" if is_sum else "which is named like a total"
        i = table.column(column).index(site)
        raise TrialError(
            table.where(i, column), f"the site '{site}', {what}", "sites only",
            f"Leave it out: where=\"{column if column.isidentifier() else f'`{column}`'} != {site!r}\".",
        )  # fmt: skip
