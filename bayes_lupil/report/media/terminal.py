"""Pages in a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console
from rich.table import Column
from rich.table import Table as Grid
from rich.text import Text

from bayes_lupil.report.media.blocks import (
    Block,
    Bullets,
    Chart,
    Equation,
    Figure,
    Folded,
    Heading,
    Page,
    Paragraph,
    Points,
    Table,
    Verdict,
    pieces,
)
from bayes_lupil.trials.end_point import SYNTHETIC

__all__ = ["PLAIN", "show"]

PLAIN: dict[str, Any] = {"box": None, "pad_edge": False, "title_justify": "left"}
"""How tables look in a terminal."""
_FOLDED = 5
"""Letters to which other columns may be folded where some keep theirs."""


def show(page: Page, out: Console) -> None:
    """Print a page: what must be known first, its title and its blocks, in which nothing is markup or hidden."""
    if page.synthetic:
        _line(out, SYNTHETIC, "bold red")
    for warning in page.warnings:
        _line(out, f"Warning: {warning}", "bold")
    if page.title:
        _line(out, page.title, "bold")
    _blocks(page.blocks, out)


def _blocks(blocks: Iterable[Block], out: Console) -> None:
    for block in blocks:
        match block:
            case Heading(text):
                _line(out, text, "bold")
            case Paragraph(text, strong):
                _line(out, text, "bold" if strong else "")
            case Verdict(text):
                _line(out, text, "bold")
            case Points(told):
                for name, text in told:
                    _line(out, f"{name}: {text}")
            case Bullets(items):
                for item in items:
                    _line(out, f"- {item}")
            case Table():
                _table(block, out)
            case Figure(_, alternative) | Chart(_, alternative):
                _line(out, alternative)
            case Folded(summary, inside):
                _line(out, summary)
                _blocks(inside, out)
            case Equation(latex):
                for line in latex:
                    _line(out, line)


def _table(table: Table, out: Console) -> None:
    """Long names are folded, so that they never squeeze a number; no column is ever left out for want of room."""
    grid = _grid(table, {})
    kept = sum(table.least.get(head, _FOLDED) + 2 for head in table.header)
    if grid.__rich_measure__(out, out.options).maximum > out.width >= kept:
        grid = _grid(table, table.least)
    out.print(grid)


def _grid(table: Table, widths: Mapping[str, int]) -> Grid:
    grid = Grid(
        *(Column(head, overflow="fold", width=widths.get(head)) for head in table.header),
        title=_text(table.caption) if table.caption else None, **PLAIN,
    )  # fmt: skip
    for row in table.rows:
        grid.add_row(*(_text(cell) for cell in row))
    return grid


def _line(out: Console, text: str, style: str = "") -> None:
    out.print(_text(text, style))


def _text(text: str, style: str = "") -> Text:
    """Text in which nothing is markup, an emoji's code or hidden, whatever names it holds."""
    return Text("".join(piece for piece, _ in pieces(text)), style=style)
