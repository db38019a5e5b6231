"""The tables of a page beside the files that hold the same numbers: read from the HTML itself, without a browser."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

__all__ = ["PageTable", "numbers_of", "tables_of", "unmatched"]

# a hyphen is a sign only where nothing stands before it that it could join; digits within a name are no number
_NUMBER = re.compile(r"(?:(?<![\w.)\]])[-+\u2212])?(?<![\w.])\d[\d,]*(?:\.\d+)?(?:[eE][-+]?\d+)?(?![\w])")
_BOUND = re.compile(r"(?:[<>\u2264\u2265]|below|above|under|over)\s*$")


@dataclass
class PageTable:
    """A table as it stands on the page."""

    source: str
    section: str
    caption: str = ""
    rows: list[list[str]] = field(default_factory=list)

    @property
    def cells(self):
        return [cell for row in self.rows for cell in row]


class _Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tables, self.open, self.ids, self.text, self.head = [], None, [], None, False
        self.heading, self.in_heading = "", False

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        if tag == "section":
            self.ids.append(values.get("id", ""))
        elif tag in ("h1", "h2", "h3", "h4"):
            self.heading, self.in_heading = "", True
        elif tag == "table":
            self.open = PageTable(values.get("data-source") or "", next((i for i in reversed(self.ids) if i), ""))
            self.open.section = self.open.section or self.heading.strip()
        elif self.open is not None and tag == "thead":
            self.head = True
        elif self.open is not None and tag == "tr" and not self.head:
            self.open.rows.append([])
        elif self.open is not None and tag in ("td", "th", "caption"):
            self.text = ""
        elif tag == "br" and self.text is not None:
            self.text += " "

    def handle_endtag(self, tag):
        if tag == "section" and self.ids:
            self.ids.pop()
        elif tag in ("h1", "h2", "h3", "h4"):
            self.in_heading = False
        elif tag == "thead":
            self.head = False
        elif tag == "table" and self.open is not None:
            self.tables.append(self.open)
            self.open = None
        elif tag == "caption" and self.open is not None:
            self.open.caption, self.text = re.sub(r"^\s*Table \d+\. ", "", self.text), None
        elif tag in ("td", "th") and self.open is not None:
            if not self.head:
                self.open.rows[-1].append(" ".join(self.text.split()))
            self.text = None

    def handle_data(self, data):
        if self.text is not None:
            self.text += data
        if self.in_heading:
            self.heading += data


def tables_of(page: Path):
    """Every table of the page, its head left out."""
    reader = _Reader()
    reader.feed(page.read_text(encoding="utf-8"))
    return reader.tables


def tokens(text):
    """(number as written, whether it is a bound as in '< 0.001')."""
    return [(m.group().replace("\u2212", "-"), bool(_BOUND.search(text[: m.start()]))) for m in _NUMBER.finditer(text)]


def numbers_of(file: Path):
    """Every number of a CSV file, those within texts too."""
    found = set()
    with file.open(encoding="utf-8", newline="") as lines:
        for row in csv.reader(lines):
            for cell in row:
                try:
                    found.add(float(cell))
                except ValueError:
                    found.update(float(token.replace(",", "")) for token, _ in tokens(cell))
    return {value for value in found if value == value}


def unmatched(table: PageTable, numbers):
    """What the table says and the file does not: numbers that are none of its values, or 100 times one, rounded."""
    return [
        f"{token} in '{cell}'"
        for cell in table.cells
        for token, bound in tokens(cell)
        if not _known(token, bound, numbers)
    ]


def _known(token, bound, numbers):
    value = float(token.replace(",", ""))
    mantissa = token.lower().partition("e")
    decimals = len(mantissa[0].partition(".")[2]) - int(mantissa[2] or 0)
    # half a unit of the last digit, and the six decimals that the files have
    for scale in (1, 100):
        slack = 0.5 * 10.0**-decimals * (1 + 1e-9) + scale * 1e-6
        for known in numbers:
            known *= scale
            # a difference without a sign is one whose direction is told in words
            if abs(known - value) <= slack or (token[0] not in "+-" and abs(abs(known) - value) <= slack):
                return True
            if bound and scale == 1 and (0 <= known < value < 0.5 or 0.5 < value < known <= 1):
                return True
    return False
