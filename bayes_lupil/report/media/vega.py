"""Charts in Vega-Lite, by Altair: their look, light and dark, how they become pictures, and the library for a browser.

A chart takes its colours from parameters of its own (`colour`), so that a page sets them where it is light or dark.
Rows and what stands in them are placed in pixels from the top (`LEVEL`), numbers on the horizontal axis.
"""

from __future__ import annotations

import base64
import functools
import gzip
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from bayes_lupil.characters import visible
from bayes_lupil.errors import InputError
from bayes_lupil.files import write_bytes, write_text
from bayes_lupil.report.media.plot_style import wrap
from bayes_lupil.trials.end_point import SYNTHETIC

if TYPE_CHECKING:
    import altair

__all__ = [
    "NARROW", "PALETTES", "PIXELS", "WIDE", "check_docstrings",
    "colour", "finished", "library", "minus", "placed", "rows_of", "save_chart", "specification",
    "svg_of_chart", "texts_at",
]  # fmt: skip

PIXELS = 96
"""Of an inch."""
NARROW, WIDE = 4.0, 8.0
"""Inches: a phone's column and the page's."""
# what each colour is for; ink, muted, rule and paper are those of the page; told apart by colour-blind readers
PALETTES = {
    "light": {
        "ink": "#1b1f24", "muted": "#57606a", "rule": "#d5dae0", "paper": "#ffffff", "accent": "#0b5cad",
        "soft": "#3872b0", "other": "#b24a00", "warn": "#8f1414",
    },
    "dark": {
        "ink": "#e8ebee", "muted": "#a4adb8", "rule": "#3b434c", "paper": "#14181d", "accent": "#6db3f2",
        "soft": "#4f8fd0", "other": "#f0985a", "warn": "#ff9d9d",
    },
}  # fmt: skip
_FONT = "system-ui, -apple-system, Segoe UI, Roboto, DejaVu Sans, sans-serif"
_SCALE = 2.0  # of a PNG file: dots to a pixel
_LETTER = 0.56  # of the size of the font, on average

Layers: TypeAlias = "Sequence[altair.Chart]"


def check_docstrings() -> None:
    """Altair reads docstrings, also its own.

    Raises
    ------
    InputError
        Where Python was told to leave them out.
    """
    if sys.flags.optimize > 1:
        raise InputError("Python", "run without docstrings (-OO, PYTHONOPTIMIZE=2)",
                         "docstrings, which the library of the charts needs: -O, or neither")  # fmt: skip


def colour(name: str) -> altair.ExprRef:
    """A colour of the palette in use, by its name."""
    import altair as alt

    return alt.ExprRef(name)


def placed(height: float, field: str = "level") -> altair.Y:
    """The vertical place of what is drawn: `field` holds pixels from the top of a chart of that height."""
    import altair as alt

    scale = alt.Scale(domain=[height, 0], nice=False, zero=False)
    return alt.Y(f"{field}:Q", scale=scale, axis=None)


def rows_of(rows: Sequence[Mapping[str, Any]]) -> altair.Chart:
    """The beginning of a layer that draws these rows."""
    import altair as alt

    return alt.Chart(alt.InlineData(values=[dict(row) for row in rows]))


def minus(text: str) -> str:
    """Numbers with minus signs, as those of the axes have."""
    return text.replace("-", "\u2212")


def texts_at(rows: Sequence[Mapping[str, Any]], height: float, x: Any, **mark: Any) -> altair.Chart:
    """Words at `level`, one a row of data, from its field `text`.

    Parameters
    ----------
    x : number, expression or channel
        In pixels from the left of the chart, or by a field.
    **mark
        As of `altair.Chart.mark_text`.
    """
    import altair as alt

    across = x if isinstance(x, alt.X) else alt.value(x)
    options: dict[str, Any] = {"baseline": "middle", "align": "left", "color": colour("ink"), "fontSize": 12.5} | mark
    words = rows_of(rows).mark_text(**options)
    made: altair.Chart = words.encode(x=across, y=placed(height), text="text:N", tooltip=alt.value(None))
    return made


def finished(
    layers: Layers,
    *,
    inches: float,
    height: float,
    title: str,
    subtitle: str = "",
    left: float = 0,
    synthetic: bool = False,
    values: Mapping[str, Any] | None = None,
    axis_lines: int = 1,
) -> altair.LayerChart:
    """Layers as a chart of the common look.

    Parameters
    ----------
    inches : float
        Of the whole.
    left : float
        Pixels before the axes that words of the rows take, where the title begins too.
    height : float
        Of what is between title and axis, in pixels.
    values : mapping of str to number or list, optional
        Parameters beside the colours, which a page may set.
    axis_lines : int
        Of the title of the axis, below which the synthetic mark stands.
    """
    import altair as alt

    layers, across = list(layers), round(PIXELS * inches)
    if synthetic:
        mark = [{"text": SYNTHETIC, "level": height + 45 + 17 * axis_lines}]
        layers.append(texts_at(mark, height, -left, color=colour("warn"), fontWeight="bold", fontSize=11))
    heading = alt.TitleParams(
        text=_lines(title, across, 16), subtitle=_lines(subtitle, across, 13) if subtitle else [],
        anchor="start", frame="group", dx=-left, offset=12,
    )  # fmt: skip
    params = [alt.param(name=name, value=value) for name, value in PALETTES["light"].items()]
    params += [alt.param(name=name, value=value) for name, value in (values or {}).items()]
    chart = alt.layer(
        *layers, width=across, height=height, title=heading, background=colour("paper"), padding=8,
        autosize=alt.AutoSizeParams(type="fit-x", contains="padding"), config=_config(),
    )  # fmt: skip
    assert isinstance(chart, alt.LayerChart)  # not one in facets
    return chart.add_params(*params)


def _lines(text: str, across: float, size: float) -> list[str]:
    return wrap(text, int((across - 16) / (_LETTER * size))).split("\n")


def _config() -> dict[str, Any]:
    ink, muted, rule = colour("ink"), colour("muted"), colour("rule")
    return {
        "font": _FONT,
        "aria": False, "mark": {"aria": False},  # the figure has words of its own
        "view": {"stroke": None},
        "axis": {
            "labelColor": ink, "titleColor": ink, "gridColor": rule, "domainColor": muted, "tickColor": muted,
            "labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal", "titlePadding": 8,
            "titleLineHeight": 17, "labelFlush": False, "labelOverlap": True,
        },
        "title": {
            "color": ink, "subtitleColor": muted, "fontSize": 16, "subtitleFontSize": 13, "lineHeight": 20,
            "subtitleLineHeight": 16, "subtitlePadding": 5,
        },
    }  # fmt: skip


def specification(chart: altair.LayerChart) -> dict[str, Any]:
    """A chart as JSON, in which nothing is hidden, whatever names it holds."""
    # not checked against the schema, which takes longer than to draw it; tests check every chart
    shown: dict[str, Any] = _shown(chart.to_dict(validate=False))
    return shown


def _shown(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _shown(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_shown(item) for item in value]
    return visible(value) if isinstance(value, str) else value


def svg_of_chart(chart: altair.LayerChart) -> str:
    """A chart as a picture, drawn without a browser."""
    import vl_convert

    return str(vl_convert.vegalite_to_svg(specification(chart)))


def save_chart(chart: altair.LayerChart, folder: Path, name: str) -> None:
    """Write NAME.png and NAME.svg."""
    import vl_convert

    write_text(folder / f"{name}.svg", svg_of_chart(chart))
    write_bytes(folder / f"{name}.png", vl_convert.vegalite_to_png(specification(chart), scale=_SCALE))


@functools.cache
def library() -> str:
    """Vega, Vega-Lite and Vega-Embed for a browser: packed by gzip, in base64."""
    import vl_convert

    script = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    return base64.b64encode(gzip.compress(script.encode(), mtime=0)).decode()
