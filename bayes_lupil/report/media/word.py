"""Tables as Word documents."""

from __future__ import annotations

import io
import re
import zipfile
from datetime import UTC, datetime
from typing import Any

from bayes_lupil.characters import visible
from bayes_lupil.report.media.blocks import Page

__all__ = ["word_page"]

_WHEN = datetime(2000, 1, 1, tzinfo=UTC)  # a document says nothing of when it was made: the same table, the same bytes


def word_page(page: Page) -> bytes:
    """The table of a page, with its title and what stands below the table, on a landscape page of its own.

    The header row is repeated on every page. What says that data are made up stands in the title and below.
    """
    from docx import Document
    from docx.enum.section import WD_ORIENT
    from docx.oxml import OxmlElement
    from docx.shared import Mm, Pt

    table, notes = page.table
    document = Document()
    sheet = document.sections[0]
    sheet.orientation, sheet.page_width, sheet.page_height = WD_ORIENT.LANDSCAPE, Mm(297), Mm(210)
    sheet.left_margin = sheet.right_margin = Mm(15)
    document.styles["Normal"].font.size = Pt(9)
    document.add_heading(_plain(page.title), 1)
    document.add_paragraph(_plain(table.caption), style="Caption")
    grid = document.add_table(rows=0, cols=len(table.header), style="Light Grid Accent 1")
    for row in (table.header, *table.rows):
        for cell, text in zip(grid.add_row().cells, row, strict=True):
            cell.text = _plain(text)
    repeated = OxmlElement("w:tblHeader")
    grid.rows[0]._tr.get_or_add_trPr().append(repeated)  # noqa: SLF001 (python-docx has no name for it)
    for note in notes:
        document.add_paragraph(_plain(note))
    document.core_properties.author = document.core_properties.comments = ""
    document.core_properties.title = _plain(page.title)[:255]
    document.core_properties.created = document.core_properties.modified = _WHEN.replace(tzinfo=None)
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as packed:
        _save(document.part.package, packed)
    return made.getvalue()


def _save(package: Any, packed: zipfile.ZipFile) -> None:
    """What a document's own `save` writes, but for the dates, as ZIP holds none before 1980 or after 2107."""
    from docx.opc.pkgwriter import PackageWriter

    class Dated:
        def write(self, uri: Any, content: bytes) -> None:
            packed.writestr(zipfile.ZipInfo(uri.membername, _WHEN.timetuple()[:6]), content, zipfile.ZIP_DEFLATED)

    for part in package.parts:
        part.before_marshal()
    steps: Any = PackageWriter  # those of its `write`, which makes a ZIP file of the day
    steps._write_content_types_stream(Dated(), package.parts)  # noqa: SLF001
    steps._write_pkg_rels(Dated(), package.rels)  # noqa: SLF001
    steps._write_parts(Dated(), package.parts)  # noqa: SLF001


def _plain(text: str) -> str:
    """Text as Word shows it: no backticks, and nothing that XML refuses."""
    seen = visible(text).replace("`", "")
    return re.sub("[\ufffe\uffff]", lambda match: f"[U+{ord(match[0]):04X}]", seen)  # no characters, says Unicode
