"""Tables as Word documents: what stands in them, and that the same table gives the same bytes."""

from __future__ import annotations

import io
import shutil
import struct
import subprocess
import time
import zipfile

import pytest
from docx import Document
from docx.enum.section import WD_ORIENT
from docx.oxml.ns import qn

from bayes_lupil.errors import OutputError
from bayes_lupil.files import write_bytes
from bayes_lupil.report.media.blocks import Page, Paragraph, Table
from bayes_lupil.report.media.word import word_page

TABLE = Table.of(
    ("analysis", "P(benefit)"), [("first <b>&amp;", "0.811 (MCSE 0.004)"), ("=1+1", "")], "What it shows, in points"
)


def write_word(table, path, title, notes=()):
    write_bytes(path, word_page(Page(title, (table, *map(Paragraph, notes)))))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "table.docx"


def test_it_holds_the_table_and_what_is_said_of_it(path):
    write_word(TABLE, path, "A trial", ["A note.", "Another."])
    document = Document(str(path))
    (grid,) = document.tables
    assert [tuple(cell.text for cell in row.cells) for row in grid.rows] == [TABLE.header, *TABLE.rows]
    assert [paragraph.text for paragraph in document.paragraphs] == ["A trial", TABLE.caption, "A note.", "Another."]
    assert document.paragraphs[1].style.name == "Caption"


def test_the_page_is_landscape_a4_and_the_header_row_is_repeated(path):
    write_word(TABLE, path, "A trial")
    document = Document(str(path))
    page = document.sections[0]
    assert page.orientation == WD_ORIENT.LANDSCAPE
    assert (round(page.page_width.mm), round(page.page_height.mm)) == (297, 210)
    repeated = [row._tr.find(f".//{qn('w:tblHeader')}") is not None for row in document.tables[0].rows]
    assert repeated == [True, False, False]


def test_the_same_table_gives_the_same_bytes_at_another_time(path, tmp_path, monkeypatch):
    write_word(TABLE, path, "A trial", ["A note."])
    monkeypatch.setattr(time, "time", lambda: 2_000_000_000.0)
    monkeypatch.setattr(time, "localtime", lambda *_: time.gmtime(2_000_000_000))
    other = tmp_path / "other.docx"
    write_word(TABLE, other, "A trial", ["A note."])
    assert path.read_bytes() == other.read_bytes()
    with zipfile.ZipFile(path) as parts:
        assert {part.date_time for part in parts.infolist()} == {(2000, 1, 1, 0, 0, 0)}


@pytest.mark.parametrize("seconds", [-2_000_000_000, 0, 315_000_000, 4_354_819_200, 7_300_000_000])
def test_a_clock_that_zip_cannot_hold_does_no_harm(path, tmp_path, monkeypatch, seconds):
    write_word(TABLE, path, "A trial")
    monkeypatch.setattr(time, "time", lambda: float(seconds))
    with pytest.raises((ValueError, struct.error)):  # what a ZIP file of the day does
        zipfile.ZipFile(io.BytesIO(), "w").writestr("part", "")
    other = tmp_path / "other.docx"
    write_word(TABLE, other, "A trial")
    assert path.read_bytes() == other.read_bytes()


def test_it_names_no_author(path):
    write_word(TABLE, path, "t" * 400)
    properties = Document(str(path)).core_properties
    assert properties.author == properties.last_modified_by == properties.comments == ""
    assert properties.title == "t" * 255
    assert properties.created.year == properties.modified.year == 2000


@pytest.mark.parametrize("sign", ["\x00", "\x0b", "\x1b", "\u202e", "\ud800", "\ufffe", "\uffff"])
def test_what_xml_refuses_or_hides_is_shown(path, sign):
    write_word(Table.of((f"a{sign}",), [(f"b{sign}",)], f"c{sign}"), path, f"d{sign}", [f"e{sign}"])
    document = Document(str(path))
    code = f"[U+{ord(sign):04X}]"
    assert [row.cells[0].text for row in document.tables[0].rows] == [f"a{code}", f"b{code}"]
    assert [paragraph.text for paragraph in document.paragraphs] == [f"d{code}", f"c{code}", f"e{code}"]


def test_it_is_there_whole_or_not_at_all(path):
    with pytest.raises(OutputError):
        write_word(TABLE, path.parent / "missing" / "table.docx", "A trial")
    write_word(TABLE, path, "A trial")
    assert [item.name for item in path.parent.iterdir()] == ["table.docx"]


@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed")
def test_another_program_opens_it(path):
    write_word(TABLE, path, "A trial")
    subprocess.run(
        ["soffice", "--headless", "--convert-to", "txt:Text", "--outdir", str(path.parent), str(path)], check=True
    )
    assert "0.811 (MCSE 0.004)" in path.with_suffix(".txt").read_text(encoding="utf-8-sig")
