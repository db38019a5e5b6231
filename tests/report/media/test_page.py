"""One page in every medium: what is written and shown is what its blocks hold, whatever the subject."""

from __future__ import annotations

import io
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from bayes_lupil.report.media.block_lists import nested
from bayes_lupil.report.media.blocks import (
    Bullets,
    Downloads,
    Figure,
    Folded,
    Heading,
    Numbers,
    Page,
    Paragraph,
    Table,
)
from bayes_lupil.report.media.html import html
from bayes_lupil.report.media.plot_style import figure_files, new_figure, styled
from bayes_lupil.report.media.terminal import show
from bayes_lupil.report.media.write import write
from bayes_lupil.trials.end_point import SYNTHETIC

FRAME = pd.DataFrame({"site": ["A", "=B"], "effect": [1 / 3, np.inf]})


@styled
def drawing(width=3.0):
    figure, axes, _ = new_figure(width, 2.0, False)
    axes.plot([0, 1], [0, 1])
    return figure


@pytest.fixture
def page():
    table = Table.of(("site", "effect"), [("A", "0.33"), ("=B", "none")], "Effects by site", "effects.csv", FRAME)
    other = Page("Other", (Paragraph("Beside it."),), "other")
    return Page(
        "A page", (
            Heading("A page", 1), Paragraph("First `code` [red]words[/red] :smile:."), Heading("In short"),
            Numbers((("how many", "2", "sites"),)), Bullets(("one", "two")), Heading("All of it", anchor="all", of="x"),
            table, Figure("line", "A line that rises.", "A line", drawing), Folded("more", (Paragraph("inside"),)),
            Downloads((("The other page", other),)),
        ),
        "page", ("md", "html"), kind="Page of a test", subtitle="below", warnings=("look out",),
        beside=(other, Table.data("numbers.csv", FRAME)),
        parts={"part": Page("Part", (), beside=(Table.data("part.csv", FRAME),))},
        files={"a.txt": "text", "b.bin": lambda path: path.write_bytes(b"1")},
    )  # fmt: skip


def test_everything_that_a_page_holds_is_written(page, tmp_path):
    names = [
        "page.md", "page.html", "effects.csv", "numbers.csv", "other.md", "a.txt", "b.bin", "part/part.csv",
        *figure_files("line"),
    ]  # fmt: skip
    folder = write(page, tmp_path / "out", names)
    written = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert written - {"manifest.json", "part/manifest.json"} == set(names)
    assert (folder / "effects.csv").read_text() == "site,effect\nA,0.333333\n'=B,\n"
    text = (folder / "page.md").read_text()
    assert "## All of it: x" in text
    assert "![A line that rises.](line.png)" in text
    assert "how many" not in text  # that is for a screen, and the text says it too


def test_made_up_data_are_marked_in_every_table(page, tmp_path):
    made_up = Page("x", (), beside=(Table.data("numbers.csv", FRAME),), synthetic=True)
    folder = write(made_up, tmp_path, ["numbers.csv"])
    assert (folder / "numbers.csv").read_text().count(SYNTHETIC) == len(FRAME)
    assert SYNTHETIC in html(made_up)


class Links(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.ids, self.targets = set(), []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.ids.add(found.get("id"))
        if found.get("href", "").startswith("#"):
            self.targets.append(found["href"][1:])


def test_a_browser_gets_sections_pictures_and_files(page):
    text = html(page)
    links = Links(text)
    assert links.targets == ["in-short", "in-short", "all", "figure-1"]  # the first leads past the contents
    assert set(links.targets) <= links.ids
    assert text.count("data:image/svg+xml;base64,") == 2  # wide and narrow
    assert text.index("First <code>code</code>") < text.index("<nav")
    assert text.count("<h1") == 1
    assert 'download="other.md"' in text
    assert "Warning: look out." in text


def test_a_terminal_gets_text_in_which_nothing_is_markup(page):
    stream = io.StringIO()
    show(page, Console(file=stream, width=100))
    told = stream.getvalue().splitlines()
    assert told[0] == "Warning: look out"
    assert "First code [red]words[/red] :smile:." in told
    assert any(line.split() == ["A", "0.33"] for line in told)
    assert "A line that rises." in told


def test_as_part_of_another_page_its_files_are_in_a_folder(page):
    inside = nested(page.blocks, "part/")
    assert next(block for block in inside if isinstance(block, Table)).source == "part/effects.csv"
    assert next(block for block in inside if isinstance(block, Figure)).name == "part/line"
    assert [block.level for block in inside if isinstance(block, Heading)] == [2, 3, 3]
