"""What the values of a column mean: which is the event, which are missing, and how missing outcomes count."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bayes_lupil.errors import TrialError, nearest
from bayes_lupil.trials.asked import Asked
from bayes_lupil.trials.tables import Table
from bayes_lupil.trials.values import MISSING, number
from bayes_lupil.trials.where import rows_where

__all__ = ["Coded", "coded_flags", "coded_outcome", "is_missing", "nothing_recorded"]

_PAIRS = (
    ("1", "0"), ("yes", "no"), ("y", "n"), ("true", "false"), ("t", "f"), ("responder", "non-responder"),
    ("responder", "nonresponder"), ("responder", "non responder"), ("event", "no event"), ("event", "none"),
    ("event", "non-event"),
)  # fmt: skip
"""Values of which one is plainly the event."""
_NUMBERED = re.compile(r"\d+[_ .:=-]+(.*)")
_BOUND = re.compile(r"^(<=|>=|<|>)\s*")
_MORE = re.compile(r"\d{4}-\d\d-\d\d|\b(and|or)\b")
_DECIMAL_COMMA = re.compile(r"(<=|>=|<|>)\s*([+-]?\d+),(\d+)")
_NOTHING = frozenset({"", ".", "na", "n/a", "#n/a", "<na>", "nan", "nat", "null"})
"""What software writes where nothing was recorded, in lower case."""
_CONDITION = re.compile(r"\s*(<=|>=|<|>)\s*\S")


@dataclass(frozen=True)
class Coded:
    """Outcomes as 1 and 0, None where they are missing; and how that was come to, where it is not 1 and 0 itself.

    Attributes
    ----------
    counted : tuple of str
        The values that are 1, or the condition.
    """

    values: list[int | None]
    coding: str
    told: bool
    counted: tuple[str, ...]


def is_missing(text: str, na: Sequence[str] = ()) -> bool:
    """Whether a cell holds nothing that was recorded."""
    return text.casefold() in MISSING or text in na


def nothing_recorded(text: str, numbers: bool) -> bool:
    """Whether a cell of a column of numbers, or of categories, holds nothing that was recorded.

    Of categories, words such as 'none' and 'unknown' are categories themselves.

    Examples
    --------
    >>> [nothing_recorded(text, numbers) for text, numbers in (("none", True), ("none", False), ("NaN", False))]
    [True, False, True]
    """
    return is_missing(text) if numbers else text.casefold() in _NOTHING


def coded_outcome(table: Table, column: str, asked: Asked, keep: Sequence[int], arms: Sequence[str]) -> Coded:
    """The outcomes of the rows kept.

    Parameters
    ----------
    keep : sequence of int
        Rows that are analysed.
    arms : sequence of str
        The arm of each row of the table, for messages.

    Raises
    ------
    TrialError
        Where nobody said which value is the event and it is not plain, or one that is not there was named.
    """
    cells = table.column(column)
    held = dict(Counter(cells[i] for i in keep if not is_missing(cells[i], asked.na)))
    if not held:
        raise TrialError(f"{table.path}, column '{column}'", "no value in any row", "outcomes")
    if len(asked.responder) == 1 and _CONDITION.match(asked.responder[0]):
        condition = asked.responder[0].strip()
        if (comma := _DECIMAL_COMMA.fullmatch(condition)) is not None:
            written = f"{comma[1]} {comma[2]}.{comma[3]}"
            hint = f"If a decimal is meant, write it with a point: responder={written!r}."
            found = f"{condition!r}, with a comma"
            raise TrialError(
                f"{table.path}, responder", found, "a number written with a point, without thousands", hint
            )
        if number(_BOUND.sub("", condition)) is None and not _MORE.search(condition):
            found = repr(condition)
            hint = f"For example responder='{condition[: 1 + (condition[1:2] == '=')]} 2.5'."
            raise TrialError(f"{table.path}, responder", found, "one bound, a number or a date (2024-01-31)", hint)
        part = table.part(keep)
        blank = dict.fromkeys(asked.na, "")
        if blank:
            kept = [[blank.get(cell, cell) for cell in part.column(name)] for name in part.columns]
            part = part.with_columns(part.columns, kept)
        fulfilled = rows_where(part, f"`{column}` {condition}", "responder")
        values = [
            None if is_missing(cells[i], asked.na) else int(good) for i, good in zip(keep, fulfilled, strict=True)
        ]
        return Coded(values, f"responders: {column} {condition}", True, (condition,))
    if asked.responder:
        for label in asked.responder:
            # in other arms alone it is no misspelling, unless these arms have it in another spelling
            spelled = label in cells and not is_missing(label, asked.na)
            if label not in held and (not spelled or _bare(label) in {_bare(text) for text in held}):
                told = ", ".join(f"'{text}'" for text in sorted(held)[:10])
                where = f"{table.path}, column '{column}'"
                raise TrialError(
                    where, f"no '{label}' (values: {told})", "the value of responders", nearest(label, held)
                )
        rest = [text for text in held if text not in asked.responder]
        good = set(asked.responder)
        named = ", ".join(f"'{text}'" for text in asked.responder)
        others = ", ".join(f"'{text}'" for text in rest[:8]) + (" ..." if len(rest) > 8 else "")
        nobody = "" if good & set(held) else " (only in other arms: nobody here)"
        coding = f"responders: {named}{nobody}; non-responders: {others or 'no other value'}"
    else:
        good = _plain_event(table, column, held, keep, arms)
        coding = f"responders: {', '.join(sorted(good & set(held))) or 'nobody'}"
    values = [None if is_missing(cells[i], asked.na) else int(cells[i] in good) for i in keep]
    counted = asked.responder or tuple(sorted(good & set(held)))
    return Coded(values, coding, bool(asked.responder) or not set(held) <= {"0", "1"}, counted)


def _plain_event(table: Table, column: str, held: dict[str, int], keep: Sequence[int], arms: Sequence[str]) -> set[str]:
    """The spellings of the event, where two values are a pair of which one is plainly it."""
    bare = {text: _bare(text) for text in held}
    for event, other in _PAIRS:
        if set(bare.values()) <= {event, other}:
            return {text for text, word in bare.items() if word == event}
    cells = table.column(column)
    stray = len(held) > 6 or (len(held) > 2 and bool(set(held) & {"0", "1"}))
    first = next(i for i in keep if cells[i] in held and cells[i] not in ("0", "1"))
    if not stray:
        by_arm = Counter((cells[i], arms[i]) for i in keep)
        names = list(dict.fromkeys(arms[i] for i in keep))
        either = " or ".join(f"responder={value!r}" for value in sorted(held)[:2])
        told = "; ".join(f"'{v}' ({', '.join(f'{a} {by_arm[v, a]}' for a in names)})" for v in sorted(held))
        raise TrialError(
            f"{table.path}, column '{column}'",
            f"the values {told}",
            "0 or 1, or to be told which value is the response",
            _unless_missing(bare)
            or f"Say which: --responder NAME (in Python: {either}), and --benefit lower where that is a harm.",
        )
    raise TrialError(table.where(first, column), f"'{cells[first]}'", "0 or 1", _unless_missing(bare) or _bound(held))


def _unless_missing(bare: Mapping[str, str]) -> str:
    """What to say where all but one value are a pair of which one is the event: the third may be no outcome at all."""
    for pair in _PAIRS:
        others = [text for text, word in bare.items() if word not in pair]
        if len(others) == 1 and set(pair) <= set(bare.values()):
            event = next(text for text, word in bare.items() if word == pair[0])
            return (
                f"If {others[0]!r} means that the outcome is not known: na={others[0]!r}; "
                f"if it is one of the outcomes, say which value is the response: responder={event!r}."
            )
    return ""


def _bound(held: Mapping[str, int]) -> str:
    """What to do with a column of numbers: a bound where each row is a patient, and counts where it is not."""
    numbers = [number(text) for text in held]
    if len(held) < 3 or None in numbers:
        return ""
    hint = "Where each row is a patient, say from where on a number is a response: responder='>= X' or '<= X'."
    if all(value is not None and value >= 0 and value == int(value) for value in numbers):
        hint += " Where it holds counts of responders, name the column of the numbers of patients: n='NAME'."
    return f"{hint} A continuous end point is analysed by a plan: bayes-lupil endpoints --help."


def _bare(text: str) -> str:
    """A label without its case and without the number that stands before it ('1_yes')."""
    word = text.casefold()
    found = _NUMBERED.fullmatch(word)
    return found[1] if found is not None and found[1] else word


def coded_flags(table: Table, column: str, keep: Sequence[int]) -> list[bool]:
    """A column of membership: 0 and 1, Y and N, yes and no, TRUE and FALSE; or Y alone, as in ADaM.

    Raises
    ------
    TrialError
        At the first row that is none of these.
    """
    cells = table.column(column)
    held = {cells[i].casefold() for i in keep}
    for event, other in _PAIRS[:4]:
        if held <= {event, other} or (event == "y" and held <= {event, ""}):
            return [cells[i].casefold() == event for i in keep]
    allowed = {"0", "1"} if held & {"0", "1"} else {"y", "n", "yes", "no", "true", "false"}
    i = next((i for i in keep if cells[i].casefold() not in allowed), keep[0])
    raise TrialError(table.where(i, column), f"'{cells[i]}'" if cells[i] else "nothing", "0 or 1")
