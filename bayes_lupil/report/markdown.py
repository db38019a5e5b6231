"""Pages as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable

from bayes_lupil.report.blocks import Block, Bullets, Equation, Figure, Heading, Paragraph, Table, visible

__all__ = ["markdown", "markdown_table"]


def markdown(blocks: Iterable[Block]) -> str:
    """A page as Markdown; whatever a text holds is shown as it stands."""
    return "\n\n".join(_block(block) for block in blocks) + "\n"


def markdown_table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    r"""A Markdown table; bars and line breaks in cells are escaped.

    Examples
    --------
    >>> print(markdown_table(["a", "b"], [["x|y", "<b>"]]))
    | a | b |
    |---|---|
    | x\|y | &lt;b> |
    """

    def line(cells: Iterable[str]) -> str:
        return "| " + " | ".join(_plain(cell).replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"

    head = list(header)
    return "\n".join([line(head), "|" + "---|" * len(head), *(line(row) for row in rows)])


def _block(block: Block) -> str:
    match block:
        case Heading(text, level):
            return f"{'#' * level} {_plain(text)}"
        case Paragraph(text, strong):
            return f"**{_plain(text)}**" if strong else _plain(text)
        case Bullets(items):
            return "\n".join(f"- {_plain(item)}" for item in items)
        case Table(header, rows):
            return markdown_table(header, rows)
        case Figure(name, alternative, caption):
            words = _plain(caption or alternative).replace("\n", " ")
            return f"![{words}]({name}.png)"
        case Equation(latex):
            return "\n\n".join(f"$$ {line} $$" for line in latex)


def _plain(text: str) -> str:
    """Text in which nothing is markup, but for what stands between backticks."""
    pieces = re.split(r"(`[^`\n]+`)", visible(text))
    return "".join(piece if i % 2 else _escaped(piece) for i, piece in enumerate(pieces))


def _escaped(text: str) -> str:
    return re.sub(r"([\\*\[\]])", r"\\\1", text).replace("<", "&lt;")
