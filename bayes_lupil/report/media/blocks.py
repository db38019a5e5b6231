"""What a page consists of, before it is Markdown, HTML, Word or text in a terminal.

A page is a list of blocks, made once from a result and shown by every medium (`media/write.py`, `media/terminal.py`),
so that all of them hold the same numbers. A table carries its data frame and a figure its drawing. Text is plain; a
word between backticks is code, and whatever else it holds is shown as it stands.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bayes_lupil.characters import visible
from bayes_lupil.trials.end_point import SYNTHETIC

if TYPE_CHECKING:
    import altair
    import matplotlib.figure
    import pandas as pd

__all__ = [
    "Block", "Bullets", "Chart", "Downloads", "Equation", "Figure", "File", "Folded", "Heading", "Numbers", "Page",
    "Paragraph", "Points", "Slider", "Table", "Verdict", "Widget", "pieces", "warnings_first",
]  # fmt: skip

File = str | Callable[[Path], Any]
"""A file beside a page: its text, or what writes it."""


@dataclass(frozen=True)
class Heading:
    """A heading; level 1 is the page's title.

    Attributes
    ----------
    anchor : str
        Where links lead to it; made of the text where empty.
    of : str
        What it is of, which stands in the heading and not in a table of contents.
    """

    text: str
    level: int = 2
    anchor: str = ""
    of: str = ""


@dataclass(frozen=True)
class Paragraph:
    """A paragraph; `strong` where it must not be overlooked, as what says that data are made up."""

    text: str
    strong: bool = False


@dataclass(frozen=True)
class Verdict:
    """The sentence that a hurried reader takes away."""

    text: str


@dataclass(frozen=True)
class Points:
    """A few statements, each under the word or two that it answers to."""

    items: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Bullets:
    """A list."""

    items: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """A table of text, the first column naming the row, and the numbers behind it.

    Attributes
    ----------
    caption : str
        What it shows, with units; the name by which a screen reader announces it.
    source : str
        The CSV file (relative to the page) that holds the same numbers unrounded; empty where there is none.
    frame : DataFrame, optional
        What is written to that file; left out where another table of the page, or another page, has it.
    least : mapping of str to int
        Characters that a column has in a terminal that is too narrow for all.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""
    source: str = ""
    frame: pd.DataFrame | None = field(default=None, compare=False, repr=False)
    least: Mapping[str, int] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def of(
        cls,
        header: Sequence[str],
        rows: Iterable[Sequence[str]],
        caption: str = "",
        source: str = "",
        frame: pd.DataFrame | None = None,
    ) -> Table:
        """A table from any sequences; every row must have the header's length."""
        listed = tuple(tuple(row) for row in rows)
        for row in listed:
            if len(row) != len(header):
                raise ValueError(f"a row of {len(row)} cells in a table of {len(header)} columns: {row}")
        return cls(tuple(header), listed, caption, source, frame)

    @classmethod
    def data(cls, source: str, frame: pd.DataFrame) -> Table:
        """Numbers that are a file and are not shown."""
        return cls((), (), "", source, frame)


@dataclass(frozen=True)
class Figure:
    """A figure by the stem of its files (NAME.png, NAME.svg).

    Attributes
    ----------
    alternative : str
        What it shows, for those who cannot see it: the finding with its numbers, not the looks.
    caption : str
        Printed below it.
    draw : callable, optional
        Draws it, `draw(width=inches)` or in its own width; left out where it is drawn elsewhere.
    """

    name: str
    alternative: str
    caption: str = ""
    draw: Callable[..., matplotlib.figure.Figure] | None = field(default=None, compare=False, repr=False)

    @cached_property
    def own(self) -> matplotlib.figure.Figure:
        """The drawing in its own width, made once for all files and pages that show it."""
        assert self.draw is not None
        return self.draw()

    def drawn(self, **width: float) -> matplotlib.figure.Figure:
        """A drawing, of a block that has one: `drawn(width=inches)`, or in its own width."""
        assert self.draw is not None
        return self.draw(**width) if width else self.own


@dataclass(frozen=True)
class Slider:
    """What a reader may set in a chart in a browser: its parameter 'threshold', and with it the text 'said'.

    Attributes
    ----------
    label : str
    steps : tuple of (float, str, tuple of str, tuple of str)
        Of each position the value of 'threshold', the value in words, and the lines of 'said' in a narrow chart and in
        a wide one. The chart is drawn at the first.
    """

    label: str
    steps: tuple[tuple[float, str, tuple[str, ...], tuple[str, ...]], ...]


@dataclass(frozen=True)
class Chart:
    """A chart in Vega-Lite by the stem of its files (NAME.png, NAME.svg): drawn by a browser, a picture elsewhere.

    Attributes
    ----------
    alternative : str
        As of a figure.
    caption : str
        Printed below it.
    draw : callable
        Makes it, `draw(width=inches)` or in its own width.
    slider : Slider, optional
    source : str
        The CSV file that holds its numbers unrounded; empty where there is none.
    frame : DataFrame, optional
        What is written to that file; left out where another block, or another page, has it.
    """

    name: str
    alternative: str
    caption: str
    draw: Callable[..., altair.LayerChart] = field(compare=False, repr=False)
    slider: Slider | None = None
    source: str = ""
    frame: pd.DataFrame | None = field(default=None, compare=False, repr=False)

    @cached_property
    def _drawings(self) -> dict[float, altair.LayerChart]:
        return {}

    def drawn(self, width: float) -> altair.LayerChart:
        """In a width in inches, made once for the files, the page and its data."""
        if width not in self._drawings:
            self._drawings[width] = self.draw(width=width)
        return self._drawings[width]


@dataclass(frozen=True)
class Equation:
    """One or more displayed equations, in LaTeX."""

    latex: tuple[str, ...]


@dataclass(frozen=True)
class Numbers:
    """The few numbers that a page begins with on a screen: (what, value, in small), which its text says too."""

    items: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class Widget:
    """What only a browser can show: a Jinja template of the package, filled with values.

    Attributes
    ----------
    folder : str
        The package that holds the folder 'templates' with NAME.html.j2 and, where there are any, NAME.css and NAME.js.
    """

    folder: str
    name: str
    values: Mapping[str, Any] = field(compare=False, repr=False)


@dataclass(frozen=True)
class Downloads:
    """Pages whose files a reader may take out of the page in a browser, each under a name."""

    items: tuple[tuple[str, Page], ...]


@dataclass(frozen=True)
class Folded:
    """What few readers need: shut on the screen until it is opened, open in print.

    Attributes
    ----------
    summary : str
        What is inside, in a line.
    anchor : str
        Where links lead to it; empty where none does.
    """

    summary: str
    blocks: tuple[Block, ...]
    anchor: str = ""


Block = (
    Heading
    | Paragraph
    | Verdict
    | Points
    | Bullets
    | Table
    | Figure
    | Chart
    | Equation
    | Numbers
    | Widget
    | Downloads
    | Folded
)


@dataclass(frozen=True)
class Page:
    """A page, and what is written beside it.

    Attributes
    ----------
    title : str
    blocks : tuple of Block
        All of it; a medium that shows the title itself leaves out a heading of level 1.
    name : str
        The stem of its files.
    formats : tuple of str
        Endings of these: md, html, tex, docx.
    synthetic : bool
        Whether the data are made up, which every file then says.
    kind, subtitle : str
        Above and below the title in a browser.
    warnings : tuple of str
        What must be known before any result.
    beside : tuple of Table, Figure, Chart and Page
        Written into the same folder, and not shown on the page.
    parts : mapping of str to Page
        Pages with folders of their own, by the folder's name.
    files : mapping of str to str or callable
        What is no page, table or figure, by its name: its text, or who writes it, called with the path.
    """

    title: str
    blocks: tuple[Block, ...]
    name: str = ""
    formats: tuple[str, ...] = ("md",)
    synthetic: bool = False
    kind: str = ""
    subtitle: str = ""
    warnings: tuple[str, ...] = ()
    beside: tuple[Table | Figure | Chart | Page, ...] = ()
    parts: Mapping[str, Page] = field(default_factory=dict)
    files: Mapping[str, File] = field(default_factory=dict)

    @property
    def marks(self) -> tuple[str, ...]:
        """What must stand first, whoever shows it: that data are made up, and the warnings."""
        return (*([SYNTHETIC] if self.synthetic else []), *(f"Warning: {text}." for text in self.warnings))

    @property
    def table(self) -> tuple[Table, list[str]]:
        """The first table and the paragraphs below it: all that a document of one table holds beside its title."""
        first = next(i for i, block in enumerate(self.blocks) if isinstance(block, Table))
        found = self.blocks[first]
        assert isinstance(found, Table)
        return found, [block.text for block in self.blocks[first:] if isinstance(block, Paragraph)]


def warnings_first(synthetic: bool, cautions: Iterable[str] = ()) -> list[Block]:
    """The same as blocks."""
    return [Paragraph(text, strong=True) for text in Page("", (), synthetic=synthetic, warnings=tuple(cautions)).marks]


def pieces(text: str) -> list[tuple[str, bool]]:
    """The parts of a text, and whether each is code: what stands between two single backticks; all of it visible.

    Examples
    --------
    >>> pieces("model `site_effects`.")
    [('model ', False), ('site_effects', True), ('.', False)]
    """
    parts = re.split(r"(?<!`)`([^`\s](?:[^`\n]*[^`\s])?)`(?!`)", visible(text))
    return [(part, i % 2 == 1) for i, part in enumerate(parts)]
