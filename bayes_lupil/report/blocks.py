"""What a page consists of, before it is Markdown, HTML or Word: headings, paragraphs, tables, figures, equations.

A page is a list of blocks, made once from a result, and rendered by `markdown` and `html`: so both hold the same
numbers. Text is plain; a word between backticks is code, and whatever else it holds is shown as it stands.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bayes_lupil.characters import visible

__all__ = ["Block", "Bullets", "Equation", "Figure", "Folded", "Heading", "Paragraph", "Table", "pieces"]


@dataclass(frozen=True)
class Heading:
    """A heading; level 1 is the page's title."""

    text: str
    level: int = 2


@dataclass(frozen=True)
class Paragraph:
    """A paragraph; `strong` where it must not be overlooked, as what says that data are made up."""

    text: str
    strong: bool = False


@dataclass(frozen=True)
class Bullets:
    """A list."""

    items: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """A table of text, the first column naming the row.

    Attributes
    ----------
    caption : str
        What it shows, with units; the name by which a screen reader announces it.
    source : str
        The CSV file (relative to the page) that holds the same numbers unrounded; empty where there is none.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""
    source: str = ""

    @classmethod
    def of(cls, header: Sequence[str], rows: Sequence[Sequence[str]], caption: str = "", source: str = "") -> Table:
        """A table from any sequences; every row must have the header's length."""
        for row in rows:
            if len(row) != len(header):
                raise ValueError(f"a row of {len(row)} cells in a table of {len(header)} columns: {row}")
        return cls(tuple(header), tuple(tuple(row) for row in rows), caption, source)


@dataclass(frozen=True)
class Figure:
    """A figure by the stem of its files (NAME.png, NAME.svg).

    Attributes
    ----------
    alternative : str
        What it shows, for those who cannot see it: the finding with its numbers, not the looks.
    caption : str
        Printed below it.
    """

    name: str
    alternative: str
    caption: str = ""


@dataclass(frozen=True)
class Equation:
    """One or more displayed equations, in LaTeX."""

    latex: tuple[str, ...]


@dataclass(frozen=True)
class Folded:
    """What few readers need: shut on the screen until it is opened, open in print.

    Attributes
    ----------
    summary : str
        What is inside, in a line.
    """

    summary: str
    blocks: tuple[Block, ...]


Block = Heading | Paragraph | Bullets | Table | Figure | Equation | Folded


def pieces(text: str) -> list[tuple[str, bool]]:
    """The parts of a text, and whether each is code: what stands between two single backticks; all of it visible.

    Examples
    --------
    >>> pieces("model `site_effects`.")
    [('model ', False), ('site_effects', True), ('.', False)]
    """
    parts = re.split(r"(?<!`)`([^`\s](?:[^`\n]*[^`\s])?)`(?!`)", visible(text))
    return [(part, i % 2 == 1) for i, part in enumerate(parts)]
