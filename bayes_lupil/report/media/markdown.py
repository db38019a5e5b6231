"""Pages as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable

from bayes_lupil.report.media.blocks import (
    Block,
    Bullets,
    Chart,
    Equation,
    Figure,
    Folded,
    Heading,
    Paragraph,
    Points,
    Table,
    Verdict,
    pieces,
)

__all__ = ["markdown", "markdown_table"]


def markdown(blocks: Iterable[Block]) -> str:
    """Blocks as Markdown; whatever a text holds is shown as it stands."""
    return "\n\n".join(filter(None, map(_block, blocks))) + "\n"


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
        return "| " + " | ".join(_line(cell).replace("|", "\\|") for cell in cells) + " |"

    head = list(header)
    return "\n".join([line(head), "|" + "---|" * len(head), *(line(row) for row in rows)])


def _block(block: Block) -> str:
    match block:
        case Heading(text, level, _, of):
            text = f"{text}{'' if text.endswith('?') else ':'} {of}" if of else text
            return f"{'#' * level} " + re.sub(r"(#+)$", r"\\\1", _line(text))  # closing ones would vanish
        case Paragraph(text, strong):
            return f"**{_line(text)}**" if strong else _start(_line(text))
        case Verdict(text):
            return f"**{_line(text)}**"
        case Points(told):
            return "\n".join(f"- **{_line(name)}:** {_line(text)}" for name, text in told)
        case Bullets(items):
            return "\n".join(f"- {_start(_line(item))}" for item in items)
        case Table(header, rows):
            return markdown_table(header, rows)
        case Figure(name, alternative, caption) | Chart(name, alternative, caption):
            return f"![{_line(alternative)}]({name}.png)" + (f"\n\n{_start(_line(caption))}" if caption else "")
        case Folded(summary, blocks, anchor):
            title = _block(Heading(summary, 3)) if anchor else _start(_line(summary))
            return "\n\n".join([title, *(_block(inside) for inside in blocks)])
        case Equation(latex):
            return "\n\n".join(f"$$ {line} $$" for line in latex)
        case _:
            return ""  # what only a browser can show


def _line(text: str) -> str:
    """Text in which nothing is markup but code, on one line: a line break would end a heading, or begin a block."""
    plain = "".join(f"`{piece}`" if code else _escaped(piece) for piece, code in pieces(text))
    return " ".join(plain.split())


def _start(line: str) -> str:
    """A line that begins no list, quotation, heading, code or rule."""
    line = re.sub(r"^(\d{1,9})([.)])(?=\s|$)", r"\1\\\2", line)
    return re.sub(r"^(?=>|#{1,6}(\s|$)|[-+](\s|$)|~~~|[-\s]{3,}$)", r"\\", line)


def _escaped(text: str) -> str:
    text = re.sub(r"([\\`*$\[\]])", r"\\\1", text)
    # an underscore within a word, and a tilde between spaces, are no markup
    text = re.sub(r"(?<![^\W_])_|_(?![^\W_])|~(?=\S)|(?<=\S)~", r"\\\g<0>", text)
    return re.sub(r"&(?=#?\w+;)", "&amp;", text).replace("<", "&lt;")
