"""A page as files: in its formats, its tables as CSV and its figures as PNG and SVG."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from bayes_lupil.files import make_folder, write_bytes, write_text
from bayes_lupil.folders import output_folder
from bayes_lupil.report.media.blocks import Chart, Figure, Page, Table, inside
from bayes_lupil.report.media.csv_text import csv_text, marked
from bayes_lupil.report.media.latex import latex
from bayes_lupil.report.media.markdown import markdown
from bayes_lupil.report.media.plot_style import save_figure
from bayes_lupil.report.media.vega import save_chart

if TYPE_CHECKING:
    import matplotlib.figure

__all__ = ["charts_of", "documents", "figures_of", "fill", "tables_of", "write"]


def write(page: Page, folder: str | Path, names: Iterable[str], *, force: bool = False) -> Path:
    """Write a page with all that is beside it, whole or not at all.

    Parameters
    ----------
    names : iterable of str
        Everything that such a page may write, relative to the folder.
    force : bool
        Whether files in the way are replaced that no earlier run wrote, or that were changed since.

    Raises
    ------
    OutputError
        Where the folder cannot be written to.
    """
    with output_folder(folder, names, force=force) as new:
        fill(page, new)
    return Path(folder)


def fill(page: Page, folder: Path) -> None:
    """The same into a folder that is at hand."""
    for name, content in page.files.items():
        if isinstance(content, str):
            write_text(folder / name, content)
        else:
            content(folder / name)
    for place, part in page.parts.items():
        fill(part, make_folder(folder / place))
    for name, text in tables_of(page):
        write_text(folder / name, text)
    for stem, draw in figures_of(page):
        save_figure(draw(), folder, stem)
    for chart in charts_of(page):
        if "/" not in chart.name:
            save_chart(chart.draw(), folder, chart.name)
    for other in page.beside:
        if isinstance(other, Page):
            fill(other, folder)
    for name, document in documents(page).items():
        write_bytes(folder / name, document)


def tables_of(page: Page) -> Iterator[tuple[str, str]]:
    """The numbers behind tables and charts of a page, unrounded, as CSV under the names of their files."""
    for block in (*inside(page.blocks), *page.beside):
        if isinstance(block, Table | Chart) and block.frame is not None:
            yield block.source, csv_text(marked(block.frame, page.synthetic).round(6))


def figures_of(page: Page) -> Iterator[tuple[str, Callable[..., matplotlib.figure.Figure]]]:
    """The figures that are written beside a page, by name, with what draws them; those of its parts are not."""
    for block in (*inside(page.blocks), *page.beside):
        if isinstance(block, Figure) and block.draw is not None and "/" not in block.name:
            yield block.name, block.draw


def charts_of(page: Page) -> Iterator[Chart]:
    """The charts of a page, and those that are written beside it alone."""
    for block in (*inside(page.blocks), *page.beside):
        if isinstance(block, Chart):
            yield block


def documents(page: Page) -> dict[str, bytes]:
    """A page in each of its formats, by the name of the file."""
    return {f"{page.name}.{ending}": _FORMATS[ending](page) for ending in page.formats if page.name}


def _html(page: Page) -> bytes:
    from bayes_lupil.report.media.html import html

    return html(page).encode()


def _word(page: Page) -> bytes:
    from bayes_lupil.report.media.word import word_page

    return word_page(page)


_FORMATS: dict[str, Callable[[Page], bytes]] = {
    "md": lambda page: markdown(page.blocks).encode(), "tex": lambda page: latex(page).encode(), "html": _html,
    "docx": _word,
}  # fmt: skip
