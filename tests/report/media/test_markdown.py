"""Pages as Markdown: whatever a name holds comes out as text, judged by a parser that is not ours (markdown-it-py)."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from bayes_lupil.characters import visible
from bayes_lupil.report.media.blocks import Bullets, Equation, Figure, Heading, Paragraph, Table
from bayes_lupil.report.media.markdown import markdown

NAMES = {
    "script": "<script>alert(1)</script>",
    "bar": "a|b",
    "link": "[x](javascript:1)",
    "picture": "![x](http://example.org/a.png)",
    "strong": "**b**",
    "line breaks": "first\nsecond\n\n# third",
    "right to left": "\u202esite 1",
    "long": "x" * 300,
    "underscores": "_a_ __b__",
    "an entity": "&lt;b&gt; &#60;",
    "backslashes": "a\\|b\\",
    "uneven backticks": "``[x](http://example.org)<b>`",
    "heading": "# site #",
    "list": "- site",
    "number": "1. site",
    "quotation": "> site",
    "rule": "---",
    "indented": "    site",
    "fence": "~~~ site",
}
PLACES = {
    "heading": Heading,
    "paragraph": Paragraph,
    "strong paragraph": lambda text: Paragraph(text, strong=True),
    "bullet": lambda text: Bullets((text,)),
    "table head": lambda text: Table.of((text,), [("y",)]),
    "table cell": lambda text: Table.of(("x",), [(text,)]),
    "figure": lambda text: Figure("f", text),
}
FRAME = {
    "heading": ["heading_open"],
    "paragraph": ["paragraph_open"],
    "strong paragraph": ["paragraph_open"],
    "bullet": ["bullet_list_open", "list_item_open", "paragraph_open"],
    "table head": ["table_open", "thead_open", "tr_open", "th_open", "tbody_open", "tr_open", "td_open"],
    "table cell": ["table_open", "thead_open", "tr_open", "th_open", "tbody_open", "tr_open", "td_open"],
    "figure": ["paragraph_open"],
}
STARTS = ("paragraph", "bullet")
STRONG = ["strong_open", "strong_close"]
INLINE = {"text", "code_inline", "softbreak"}


def parsed(place: str, text: str) -> tuple[list[str], list[str], str]:
    """Kinds of blocks opened, kinds of what is inside, and the text shown."""
    tokens = MarkdownIt("commonmark").enable("table").parse(markdown([PLACES[place](text)]))
    opened = [token.type for token in tokens if token.nesting == 1 or (token.nesting == 0 and token.type != "inline")]
    inline = [token for token in tokens if token.type == "inline"]
    children = list(inline[-1 if place == "table cell" else 0].children or ()) if inline else []
    if place == "figure" and [child.type for child in children] == ["image"]:
        children = list(children[0].children or ())
    shown = "".join(" " if child.type == "softbreak" else child.content for child in children)
    return opened, [child.type for child in children], shown


def same(shown: str, text: str) -> bool:
    """White space aside, and the backticks, which make code."""
    return "".join(shown.split()).replace("`", "") == "".join(visible(text).split()).replace("`", "")


def check(place: str, text: str) -> None:
    opened, kinds, shown = parsed(place, text)
    assert opened == FRAME[place]
    assert [kind for kind in kinds if kind not in INLINE] == (STRONG if place == "strong paragraph" else [])
    assert same(shown, text)


def cases():
    for name in NAMES:
        for place in PLACES:
            yield pytest.param(name, place, id=f"{name} in {place}")


@pytest.mark.parametrize(("name", "place"), list(cases()))
def test_a_name_is_text_wherever_it_stands(name, place):
    check(place, NAMES[name])


MARKUP = st.text(st.sampled_from("ab1 \n\t#*_`[]()<>!&;|\\~-+=.:$\"'\u202e\u200b\u05d0é"), min_size=1, max_size=40)


@given(text=MARKUP | st.text(min_size=1, max_size=60), place=st.sampled_from(list(PLACES)))
@example(text="`` `<b>`", place="paragraph")
def test_any_text_is_text(text, place):
    if "".join(visible(text).split()).replace("`", ""):
        check(place, text)


def test_code_is_code_and_keeps_what_it_holds():
    for place in PLACES:
        _, kinds, shown = parsed(place, "model `site_effects`: a_b")
        assert set(kinds) - set(STRONG) == {"text", "code_inline"}
        assert shown == "model site_effects: a_b"
    assert parsed("table cell", "`a|b`")[2] == "a|b"


def test_marks_that_turn_text_are_named():
    page = markdown([Paragraph("\u202esite"), Table.of(("\u2066a",), [("b\u200b",)])])
    assert not any(mark in page for mark in "\u202e\u2066\u200b")
    assert "U+202E" in page


def test_a_page_has_one_block_after_the_other():
    page = markdown(
        [
            Heading("Trial", 1), Paragraph("SYNTHETIC", strong=True), Heading("Part"), Heading("Smaller", 3),
            Bullets(("one", "two")), Table.of(("a", "b"), [("1", "2"), ("3", "4")], "caption", "a.csv"),
            Figure("curve", "what it shows"), Equation(("x = 1", "y = 2")),
        ]
    )  # fmt: skip
    tokens = MarkdownIt("commonmark").enable("table").parse(page)
    tags = [token.tag for token in tokens if token.nesting == 1]
    cells = ["tr", "td", "td"]
    assert tags == [
        "h1", "p", "h2", "h3", "ul", "li", "p", "li", "p", "table", "thead", "tr", "th", "th", "tbody", *cells, *cells,
        "p", "p", "p",
    ]  # fmt: skip
    assert page.endswith("\n")
    assert "curve.png" in page
