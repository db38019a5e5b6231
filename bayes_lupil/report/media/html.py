"""Pages as one HTML file that needs nothing else: styles, scripts, figures and tables are inside."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from bayes_lupil.characters import visible
from bayes_lupil.report.media.block_lists import inside
from bayes_lupil.report.media.blocks import (
    Block,
    Chart,
    Downloads,
    Figure,
    Folded,
    Heading,
    Page,
    Paragraph,
    Table,
    Widget,
    pieces,
)
from bayes_lupil.report.media.plot_style import svg_text
from bayes_lupil.report.media.vega import NARROW, PALETTES, WIDE, library, specification, svg_of_chart
from bayes_lupil.report.media.write import charts_of, documents, tables_of

__all__ = ["html"]

_NEAR = 0.5
"""Inches by which the drawing of the files may be narrower or wider, and is the page's too."""
_TYPES = {
    ".csv": ("CSV", "text/csv"), ".md": ("Markdown", "text/markdown"), ".tex": ("LaTeX", "text/x-tex"),
    ".docx": ("Word", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
}  # fmt: skip
_LONGEST = 28  # letters of a word that a column can hold


def html(page: Page) -> str:
    """The page; its sections begin at the headings of level 2.

    Its title, and what must be known first, stand in its head in any case, and are not repeated from its blocks.
    """
    known = [Paragraph(text, strong=True) for text in page.marks]
    widgets = [block for block in inside(page.blocks) if isinstance(block, Widget)]
    charts = any(charts_of(replace(page, beside=())))
    first: list[Block] = []
    sections: list[tuple[Heading, list[Block]]] = []
    for block in page.blocks:
        if isinstance(block, Heading) and block.level == 2:
            sections.append((block, []))
        elif sections:
            sections[-1][1].append(block)
        elif not (isinstance(block, Heading) and block.level == 1) and block not in known:
            first.append(block)
    return _environment(__package__).get_template("page.html.j2").render(
        page=page,
        first=first,
        sections=[(anchor_of(head), head, blocks) for head, blocks in sections],
        numbers=_numbers(page.blocks),
        id=id,
        styles=Markup("").join(_sources("css", widgets, charts)),
        script=Markup("").join(_sources("js", widgets, charts)),
        library=library() if charts else "",
    )  # fmt: skip


def _numbers(blocks: Iterable[Block]) -> dict[int, int]:
    """The number of every figure and of every table with a caption, each counted in its own order, by `id`."""
    numbers: dict[int, int] = {}
    counted = {"Figure": 0, "Table": 0}
    for block in inside(blocks):
        if isinstance(block, Figure | Chart) or (isinstance(block, Table) and block.caption):
            kind = "Table" if isinstance(block, Table) else "Figure"
            counted[kind] += 1
            numbers[id(block)] = counted[kind]
    return numbers


def anchor_of(heading: Heading) -> str:
    """Where links to a section lead."""
    return heading.anchor or re.sub(r"\W+", "-", heading.text.lower()).strip("-")


def _environment(package: str) -> Environment:
    environment = Environment(
        loader=PackageLoader(package), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, finalize=_finalize,
    )  # fmt: skip
    environment.filters |= {
        "text": _text, "typeset": _typeset, "parts": _parts, "mathml": _mathml, "picture": _picture,
        "widget": _widget, "downloads": _downloads, "drawing": _drawing, "chart_data": _chart_data,
    }  # fmt: skip
    environment.tests["long"] = _long
    return environment


def _sources(ending: str, widgets: list[Widget], charts: bool) -> Iterator[Markup]:
    own = [(__package__, name) for name in ("page", "chart") if charts or name == "page"]
    for package, name in (*own, *((widget.folder, widget.name) for widget in widgets)):
        source = files(package) / "templates" / f"{name}.{ending}"
        if source.is_file():
            yield Markup(source.read_text(encoding="utf-8"))  # noqa: S704 (a file of the package)


def _finalize(value: Any) -> Any:
    """Whatever a name holds is shown: marks that would hide or turn text become codes."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _text(text: str) -> Markup:
    """Plain text, in which what stands between two single backticks is code."""
    return Markup("").join(
        Markup("<code>{}</code>").format(piece) if code else escape(piece) for piece, code in pieces(text)
    )


_TYPESET = (
    (re.compile(r"(?<![\w.\-])-(?=\d)"), "\N{MINUS SIGN}"),
    (re.compile(r"(?<=\d) (?=%|points?\b|percentage\b)"), "\N{NO-BREAK SPACE}"),
    (re.compile(r"\b(p|n) (=|<|>) (?=\d)"), "\\1\N{NO-BREAK SPACE}\\2\N{NO-BREAK SPACE}"),
    (re.compile(r"(?<=[A-Z])-(?=\d)"), "\N{NON-BREAKING HYPHEN}"),
)
"""What prose has and a table of numbers, which may be copied, has not."""
_LINKED = re.compile(r"\b(doi (10\.\d{4,9}/[^\s,;<>]*[^\s,;.<>])|(NCT\d{8}))")


def _typeset(text: str) -> Markup:
    """The same as prose: true minus signs, no line break within a quantity, links of DOIs and registry numbers."""

    def prose(piece: str) -> Markup:
        told, at = Markup(), 0
        for found in _LINKED.finditer(piece):
            doi, trial = found[2], found[3]
            where = f"https://doi.org/{doi}" if doi else f"https://clinicaltrials.gov/study/{trial}"
            told += _broken(piece[at : found.start()]) + Markup('<a href="{}">{}</a>').format(where, found[1])
            at = found.end()
        return told + _broken(piece[at:])

    return Markup("").join(
        Markup("<code>{}</code>").format(piece) if code else prose(piece) for piece, code in pieces(text)
    )


def _broken(text: str) -> Markup:
    for pattern, put in _TYPESET:
        text = pattern.sub(put, text)
    return escape(text)


def _parts(blocks: Iterable[Block]) -> list[Folded]:
    """Folded parts that links may lead to."""
    return [block for block in blocks if isinstance(block, Folded) and block.anchor and block.anchor != "glossary"]


def _long(text: str) -> bool:
    """Whether a cell holds a word that a column cannot hold."""
    return max((len(word) for word in text.split()), default=0) > _LONGEST


def _mathml(latex: str) -> Markup:
    """LaTeX as MathML, which browsers draw without a script."""
    from latex2mathml.converter import convert

    return Markup(convert(latex, display="block"))  # noqa: S704 (the equations are the package's own)


def _widget(block: Widget) -> Markup:
    shown = _environment(block.folder).get_template(f"{block.name}.html.j2").render(**block.values)
    return Markup(shown)  # noqa: S704 (its values were escaped by the template)


def _picture(block: Figure, width: float) -> tuple[str, int, int]:
    """A figure as an image in the form of a data URI, with its width and height in points.

    The browser keeps its place by the sizes before it has drawn it, so that links land where they should.
    """
    near = abs(block.own.get_figwidth() - width) <= _NEAR
    figure = block.own if near else block.drawn(width=width)
    image = base64.b64encode(svg_text(figure).encode()).decode()
    across, down = figure.get_size_inches()
    return f"data:image/svg+xml;base64,{image}", round(72 * across), round(72 * down)


def _drawing(block: Chart, width: float) -> tuple[str, int, int]:
    """The same of a chart."""
    picture = svg_of_chart(block.drawn(width))
    head = picture[: picture.index(">")]
    across, down = (round(float(re.findall(rf' {side}="([\d.]+)"', head)[0])) for side in ("width", "height"))
    image = base64.b64encode(picture.encode()).decode()
    return f"data:image/svg+xml;base64,{image}", across, down


def _chart_data(block: Chart) -> Markup:
    """What a browser draws a chart from, as the value of an attribute between single quotation marks."""
    held = {
        "narrow": specification(block.drawn(NARROW)), "wide": specification(block.drawn(WIDE)),
        "palettes": PALETTES, "steps": block.slider.steps if block.slider else (),
    }  # fmt: skip
    text = json.dumps(held, separators=(",", ":")).replace("&", "&amp;").replace("'", "&#39;").replace("<", "&lt;")
    return Markup(text)  # noqa: S704 (escaped above; JSON is full of the other quotation marks)


def _downloads(block: Downloads) -> list[tuple[str, list[tuple[str, str, str]]]]:
    """(what, [(kind, file name, data URI)]) of every page with a file to take away."""
    found = []
    for title, page in block.items:
        content = {name: text.encode() for name, text in tables_of(page)} | documents(page)
        links = []
        for name, held in content.items():
            kind, media_type = _TYPES[Path(name).suffix]
            links.append((kind, name, f"data:{media_type};base64,{base64.b64encode(held).decode()}"))
        if links:
            found.append((title, links))
    return found
