"""Conditions on rows: comparisons of a column with a literal, joined by and, or, not. Read as a tree, never run."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from typing import Any, NoReturn

from bayes_lupil.errors import TrialError, nearest
from bayes_lupil.trials.tables import Table
from bayes_lupil.trials.values import MISSING, canonical, number

__all__ = ["rows_where"]

_LONGEST = 2_000
_QUOTED = re.compile(r"`([^`]+)`")
_COMMA = re.compile(r"[<>=]\s*[+-]?\d+,\d")
_DATE = re.compile(r"\d{4}-\d\d-\d\d([ T].*)?")
_SIGNS: dict[type[ast.cmpop], str] = {
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.In: "in",
    ast.NotIn: "not in", ast.Is: "==", ast.IsNot: "!=",
}  # fmt: skip
_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}
_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda a, b: a < b, "<=": lambda a, b: a <= b, ">": lambda a, b: a > b, ">=": lambda a, b: a >= b,
}  # fmt: skip


def rows_where(table: Table, condition: str, option: str = "where") -> list[bool]:
    """Which rows of a table fulfil a condition.

    Parameters
    ----------
    condition : str
        For example ``visit == 4 and arm in ('A', 'B')``. Names that are no words of Python stand in backticks:
        ```Preg.ended...37.wk` == 'Yes'``. `None` is a missing value; a missing value is neither above nor below a
        number.
    option : str
        How the condition was handed over, for messages.

    Raises
    ------
    TrialError
        For anything but such comparisons, an unknown column, a text that the column never holds, or an order
        between a number and a text.

    Examples
    --------
    >>> table = Table("t", ("visit", "arm"), ((1, ("1", "a")), (2, ("4", "a")), (3, ("4", "b"))))
    >>> rows_where(table, "visit == 4 and not arm == 'b'")
    [False, True, False]
    """
    return _Condition(table, condition, option).rows()


class _Condition:
    def __init__(self, table: Table, text: str, option: str) -> None:
        self.table, self.text = table, text
        self.place = f"{table.path}, {option}"
        self.names: dict[str, str] = {}
        if len(text) > _LONGEST:
            raise TrialError(self.place, f"a condition of {len(text):,} letters", f"at most {_LONGEST:,}")

    def rows(self) -> list[bool]:
        def named(found: re.Match[str]) -> str:
            word = f"column_{len(self.names)}_in_backticks"
            self.names[word] = found[1]
            return word

        try:
            tree = ast.parse(_QUOTED.sub(named, self.text.strip()), mode="eval")
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            self.refuse(f"'{self.text}'")
        try:
            return self.fulfilled(tree.body)
        except (RecursionError, MemoryError):
            self.refuse(f"'{self.text}'")

    def said(self, node: ast.expr) -> str:
        """A part of the condition as the caller wrote it."""
        text = ast.unparse(node)
        for word, name in self.names.items():
            text = text.replace(word, f"`{name}`")
        return text

    def refuse(self, found: str, hint: str = "") -> NoReturn:
        if not hint and _COMMA.search(self.text):
            hint = "Numbers are written with a point: score > 2.5, not 2,5."
        raise TrialError(
            self.place,
            found,
            "comparisons of a column with a value, joined by and, or, not",
            hint or "For example: visit == 4 and status != 'withdrawn'. Other names stand in `backticks`.",
        )

    def fulfilled(self, node: ast.expr) -> list[bool]:
        if isinstance(node, ast.BoolOp):
            parts = [self.fulfilled(part) for part in node.values]
            joined = all if isinstance(node.op, ast.And) else any
            return [joined(row) for row in zip(*parts, strict=True)]
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return [not row for row in self.fulfilled(node.operand)]
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            found = [
                self.compared(left, _SIGNS[type(sign)], right)
                for left, sign, right in zip(sides, node.ops, sides[1:], strict=False)
            ]
            return [all(row) for row in zip(*found, strict=True)]
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitAnd | ast.BitOr):
            self.refuse(f"'{self.text}'", "Say 'and' and 'or' in place of & and |.")
        return self.refuse(f"'{self.said(node)}', which compares nothing")

    def compared(self, left: ast.expr, sign: str, right: ast.expr) -> list[bool]:
        name, literal = self.column(left), right
        if name is None:
            name, literal = self.column(right), left
            if sign not in _TURNED:
                self.refuse(f"'{self.text}'")
            sign = _TURNED[sign]
        if name is None:
            self.refuse(f"'{self.text}', a comparison without a column")
        if self.column(literal) is not None:
            hint = f"A text stands in quotes: {name} {sign} '{self.column(literal)}'."
            self.refuse(f"'{self.said(left)}' compared with '{self.said(right)}', two columns", hint)
        cells = self.table.column(self.known(name))
        if sign in ("in", "not in"):
            if not isinstance(literal, ast.Tuple | ast.List | ast.Set):
                self.refuse(f"'{self.said(literal)}' after '{sign}'", "A list of values: visit in (1, 4).")
            wanted = [self.value(item) for item in literal.elts]
            chosen = {cell for value in wanted for cell in self.equal(name, cells, value, sign)}
            return [(cell in chosen) == (sign == "in") for cell in cells]
        value = self.value(literal)
        if sign in ("==", "!="):
            chosen = self.equal(name, cells, value, sign)
            return [(cell in chosen) == (sign == "==") for cell in cells]
        return self.ordered(name, cells, sign, value)

    def column(self, node: ast.expr) -> str | None:
        """The name of a column; None for anything else. A name may hold points."""
        if isinstance(node, ast.Name):
            return self.names.get(node.id, node.id)
        if isinstance(node, ast.Attribute) and (before := self.column(node.value)) is not None:
            return f"{before}.{node.attr}"
        return None

    def known(self, name: str) -> str:
        if name not in self.table.columns:
            hint = nearest(name, self.table.columns)
            raise TrialError(self.place, f"no column '{name}'", "a column of the table", hint)
        return name

    def value(self, node: ast.expr) -> Any:
        try:
            value = ast.literal_eval(node)
        except (ValueError, TypeError, SyntaxError):
            return self.refuse(f"'{self.said(node)}'")
        if value is not None and not isinstance(value, str | int | float | bool):
            self.refuse(f"'{self.said(node)}'")
        return value

    def equal(self, name: str, cells: list[str], value: Any, sign: str) -> set[str]:
        """The different cells that are a value."""
        distinct = set(cells)
        if value is None or (isinstance(value, str) and not value.strip()):
            return {cell for cell in distinct if not cell or (value is None and cell.casefold() in MISSING)}
        if isinstance(value, int | float) and not isinstance(value, bool):
            found = {cell for cell in distinct if number(cell) == value}
        else:
            found = {cell for cell in distinct if cell == canonical(value)}
        if not found and (sign in ("==", "in") or isinstance(value, str)):
            held = sorted(distinct)
            told = ", ".join(f"'{cell}'" for cell in held[:12]) + (", ..." if len(held) > 12 else "")
            raise TrialError(
                self.place,
                f"'{canonical(value)}', which the column '{name}' never holds",
                f"one of its values: {told}",
                nearest(canonical(value), held) if len(held) > 12 else "",
            )
        return found

    def ordered(self, name: str, cells: list[str], sign: str, value: Any) -> list[bool]:
        by = _ORDER[sign]
        if isinstance(value, str) and _DATE.fullmatch(value.strip()):
            return [_DATE.fullmatch(cell) is not None and by(cell, value.strip()) for cell in cells]
        if not isinstance(value, int | float) or isinstance(value, bool):
            self.refuse(f"'{name} {sign} {value!r}'", "Above and below are said of numbers and dates (2024-01-31).")
        fulfilled = {}
        for cell in set(cells):
            held = number(cell)
            if held is None and cell.casefold() not in MISSING:
                place = self.table.where(cells.index(cell), name)
                raise TrialError(place, f"'{cell}'", f"a number, since it is compared ({name} {sign} {value})")
            fulfilled[cell] = held is not None and cell.casefold() not in MISSING and by(held, value)
        return [fulfilled[cell] for cell in cells]
