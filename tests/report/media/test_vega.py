"""Charts in Vega-Lite in every medium: one specification, a picture of it where nothing draws it."""

from __future__ import annotations

import base64
import gzip
import html as escapes
import json
import re
import xml.etree.ElementTree as ET

import pandas as pd
import pytest
from rich.console import Console

from bayes_lupil.report.media.block_lists import nested
from bayes_lupil.report.media.blocks import Chart, Folded, Heading, Page, Paragraph, Slider
from bayes_lupil.report.media.html import html
from bayes_lupil.report.media.markdown import markdown
from bayes_lupil.report.media.terminal import show
from bayes_lupil.report.media.vega import PALETTES, colour, finished, library, placed, rows_of, svg_of_chart, texts_at
from bayes_lupil.report.media.write import tables_of, write
from bayes_lupil.trials.end_point import SYNTHETIC
from tests.report.charts import words_of

NASTY = "</script><script>alert(1)</script> \u202e"


def drawing(width=8.0, synthetic=False, name="a name"):
    import altair as alt

    points = rows_of([{"x": 1, "level": 20}, {"x": 3, "level": 40}]).mark_point(color=colour("accent"))
    layers = [
        points.encode(x="x:Q", y=placed(60)),
        texts_at([{"text": name, "level": 20}], 60, alt.ExprRef("width - 4")),
    ]
    return finished(
        layers, inches=width, height=60, title=f"Title of {name}", synthetic=synthetic,
        values={"threshold": 0, "said": ["first", "line"]}
    )  # fmt: skip


def chart(**options):
    steps = ((0.0, "0 points", ("first", "line"), ("wide",)), (1.0, "1 point", ("second",), ("wide too",)))
    frame = pd.DataFrame({"at": [0.0, 1.0]})
    draw = lambda width=8.0: drawing(width, **options)  # noqa: E731
    return Chart("dots", "What it shows.", "Below `it`.", draw, Slider("At least:", steps), "dots.csv", frame)


def page(*blocks, **options):
    return Page("T", (Heading("T", 1), Heading("First"), *blocks), "page", ("html", "md"), **options)


def test_files_beside_the_page(tmp_path):
    names = ["page.html", "page.md", "dots.svg", "dots.png", "dots.csv"]
    folder = write(page(Folded("more", (chart(),))), tmp_path / "out", names)
    assert (folder / "dots.png").read_bytes().startswith(b"\x89PNG")
    drawn = ET.parse(folder / "dots.svg").getroot()
    assert float(drawn.get("width")) == pytest.approx(768, abs=1)
    assert (folder / "dots.csv").read_text().startswith("at\n")
    assert "![What it shows.](dots.png)" in (folder / "page.md").read_text()


def test_words_where_there_are_no_pictures():
    assert markdown([chart()]) == "![What it shows.](dots.png)\n\nBelow `it`.\n"
    console = Console(record=True, width=60)
    show(Page("T", (chart(),)), console)
    assert "What it shows." in console.export_text()


def test_as_part_of_another_page():
    (moved,) = nested([chart()], "part/")
    assert (moved.name, moved.source, moved.frame) == ("part/dots", "part/dots.csv", None)
    assert list(tables_of(page(moved))) == []


def test_the_library_comes_once_and_only_with_a_chart():
    assert "chart-library" not in html(page(Paragraph("none")))
    text = html(page(chart(), Folded("more", (chart(),))))
    assert text.count('id="chart-library"') == 1
    assert text.count("data-chart=") == 2
    assert "unsafe-eval" not in text
    script = gzip.decompress(base64.b64decode(library())).decode()
    assert "window.vegaEmbed" in script
    assert "</script" not in script.lower()
    assert len(library()) < 500_000


def held(text):
    return json.loads(escapes.unescape(re.search(r"data-chart='([^']*)'", text)[1]))


def test_a_page_holds_both_widths_and_every_step():
    found = held(html(page(chart())))
    assert found["narrow"]["width"] == 384
    assert found["wide"]["width"] == 768
    assert found["steps"][1] == [1.0, "1 point", ["second"], ["wide too"]]
    assert found["palettes"] == PALETTES
    names = {item["name"] for item in found["wide"]["params"]}
    assert names == {*PALETTES["light"], "threshold", "said"}


def test_every_colour_follows_the_page():
    """No mark has a colour of its own: all of them are parameters, which a page sets."""
    spec = json.dumps(held(html(page(chart())))["wide"])
    literal = set(re.findall(r'"#[0-9a-fA-F]{3,6}"', spec))
    assert literal == {f'"{value}"' for value in PALETTES["light"].values()}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_are_legible_on_their_paper(scheme):
    def light(value):
        parts = (int(value[i : i + 2], 16) / 255 for i in (1, 3, 5))
        red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    palette = PALETTES[scheme]
    for name in ("ink", "muted", "accent", "soft", "other", "warn"):
        low, high = sorted((light(palette[name]), light(palette["paper"])))
        assert (high + 0.05) / (low + 0.05) >= 4.5, name


def test_names_are_text_and_nothing_is_hidden():
    text = html(page(chart(name=NASTY)))
    assert "<script>alert" not in text
    assert "\u202e" not in text
    assert "[U+202E]" in held(text)["wide"]["title"]["text"][0] + "".join(held(text)["wide"]["title"]["text"])
    drawn = svg_of_chart(drawing(name=NASTY))
    ET.fromstring(drawn)
    assert "\u202e" not in drawn


def test_made_up_data_are_marked_at_the_foot():
    assert SYNTHETIC in words_of(drawing(synthetic=True))
    assert SYNTHETIC not in words_of(drawing())
    marked, plain = (ET.fromstring(svg_of_chart(drawing(synthetic=value))) for value in (True, False))
    assert float(marked.get("height")) > float(plain.get("height"))


def test_the_same_chart_has_the_same_bytes():
    assert svg_of_chart(drawing()) == svg_of_chart(drawing())
