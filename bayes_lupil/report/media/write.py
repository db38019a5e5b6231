"""A page as files: in its formats, its tables as CSV and its figures as PNG and SVG."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bayes_lupil.files import make_folder, write_bytes, write_text
from bayes_lupil.folders import output_folder
from bayes_lupil.report.media.block_lists import inside
from bayes_lupil.report.media.blocks import Chart, Figure, File, Page, Table
from bayes_lupil.report.media.csv_text import csv_text, marked
from bayes_lupil.report.media.latex import latex
from bayes_lupil.report.media.markdown import markdown
from bayes_lupil.report.media.plot_style import save_figure
from bayes_lupil.report.media.vega import WIDE, library, save_chart

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
    """The same into a folder that is at hand; files such as posteriors are written while the figures are drawn."""
    with ThreadPoolExecutor(1) as pool:
        if "html" in page.formats and any(True for _ in charts_of(page)):
            pool.submit(library)  # which takes a second, and is ready by the time that the page is
        files = [pool.submit(_write_file, path, content) for path, content in _files(page, folder)]
        try:
            _draw(page, folder)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
        for file in files:
            file.result()


def _files(page: Page, folder: Path) -> Iterator[tuple[Path, File]]:
    """What is written as it stands, by its page or for it, with where."""
    yield from ((folder / name, content) for name, content in page.files.items())
    for place, part in page.parts.items():
        yield from _files(part, make_folder(folder / place))
    for other in page.beside:
        if isinstance(other, Page):
            yield from _files(other, folder)


def _write_file(path: Path, content: File) -> None:
    if isinstance(content, str):
        write_text(path, content)
    else:
        content(path)


def _draw(page: Page, folder: Path) -> None:
    """Tables, figures, charts and documents of a page and its parts."""
    for place, part in page.parts.items():
        _draw(part, folder / place)
    for name, text in tables_of(page):
        write_text(folder / name, text)
    for figure in figures_of(page):
        save_figure(figure.own, folder, figure.name)
    for chart in charts_of(page):
        if "/" not in chart.name:
            save_chart(chart.drawn(WIDE), folder, chart.name)
    for other in page.beside:
        if isinstance(other, Page):
            _draw(other, folder)
    for name, document in documents(page).items():
        write_bytes(folder / name, document)


def tables_of(page: Page) -> Iterator[tuple[str, str]]:
    """The numbers behind tables and charts of a page, unrounded, as CSV under the names of their files."""
    for block in (*inside(page.blocks), *page.beside):
        if isinstance(block, Table | Chart) and block.frame is not None:
            yield block.source, csv_text(marked(block.frame, page.synthetic).round(6))


def figures_of(page: Page) -> Iterator[Figure]:
    """The figures that are written beside a page; those of its parts are not."""
    for block in (*inside(page.blocks), *page.beside):
        if isinstance(block, Figure) and block.draw is not None and "/" not in block.name:
            yield block


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
