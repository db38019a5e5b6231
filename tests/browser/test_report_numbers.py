"""Every number in a table of the report is one of the file that the table names, rounded."""

from __future__ import annotations

import re

import pytest

from tests.browser.tables import PageTable, numbers_of, tables_of, tokens, unmatched

# (section, how the caption begins) of the tables without a file, and why they have none
WITHOUT_A_FILE = {
    ("details", "The trial"): "words, and the number of sites",
    ("details", "Populations of the trial"): "input: counts of the trial file",
    ("details", "The estimand"): "words of the model file",
    ("details", "Numbers that were analysed"): "input: the trial file, with the source of each number",
    ("details", "Counts by site"): "input: the table of sites",
    ("details", "Verdict of the diagnostics"): "a sentence a model, whose numbers are in its diagnostics.json",
    ("details", "BARG"): "numbers of the items of published lists, and words",
    ("details", "ROBUST"): "the same",
    ("details", "Points that regulators ask about"): "the same",
    ("details", "How each model was fitted"): "seeds, hashes and times, which are in each manifest.json",
}


def has_numbers(table):
    return any(tokens(cell) for cell in table.cells)


def test_every_number_is_one_of_the_file(report):
    tables = [table for table in tables_of(report.page) if table.source]
    assert len(tables) >= 3
    wrong = {}
    for table in tables:
        assert re.fullmatch(r"[\w/.-]+\.csv", table.source)
        file = report.folder / table.source
        missing = unmatched(table, numbers_of(file)) if file.is_file() else ["no such file"]
        if missing:
            wrong[f"{table.section}: {table.caption} ({table.source})"] = missing
    assert wrong == {}


def test_every_table_with_numbers_names_its_file(report):
    bare = [table for table in tables_of(report.page) if not table.source and has_numbers(table)]
    assert [
        (table.section, table.caption)
        for table in bare
        if not any(table.section == where and table.caption.startswith(begins) for where, begins in WITHOUT_A_FILE)
    ] == []


@pytest.mark.parametrize(
    ("cell", "known"),
    [
        ("0.817 (MCSE 0.003)", True),
        ("0.816 (MCSE 0.003)", False),
        ("+7.7 (-9.0 to +24.2) points", True),
        ("+7.7 (+9.0 to +24.2) points", False),
        ("9.0 points in favour of control", True),  # the direction is in the words
        ("34/50", True),
        ("33/50", False),
        ("< 0.001", True),
        ("< 0.0001", False),
        ("> 0.99", True),
        ("2,730 tables", True),
        ("2,731 tables", False),
        ("he2020 and site_7", True),  # digits in names are none of our numbers
        ("SRI-4", True),
        ("\u22129.0", True),
    ],
)
def test_the_comparison_tells_right_from_wrong(cell, known, tmp_path):
    (tmp_path / "x.csv").write_text(
        "name,p,mcse,rd,low,high,tests,small,large\n"
        "\"SRI-4, 34/50\",0.8166,0.0031,0.0771,-0.0898,0.2424,2730,0.0004,0.9996\n"
    )  # fmt: skip
    assert (unmatched(PageTable("x.csv", "", rows=[[cell]]), numbers_of(tmp_path / "x.csv")) == []) == known


def test_tables_are_read_as_they_stand(tmp_path):
    (tmp_path / "page.html").write_text(
        "<section id='a'><h2>A</h2><table data-source='x.csv'><caption>Cap</caption><thead><tr><th>1</th></tr></thead>"
        "<tbody><tr><th>one</th><td>0.<b>5</b></td></tr></tbody></table></section>"
        "<h2>B &amp; C</h2><table><tr><td>2</td></tr></table>"
    )
    first, second = tables_of(tmp_path / "page.html")
    assert (first.source, first.section, first.caption, first.rows) == ("x.csv", "a", "Cap", [["one", "0.5"]])
    assert (second.source, second.section, second.rows) == ("", "B & C", [["2"]])
