"""The figures of a report, each drawn wide and narrow, as they are embedded in the page."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bayes_lupil.report.contents import Contents
from bayes_lupil.report.figures import figure_prior_map, figures_of, site_figures_of
from bayes_lupil.report.style import svg_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["NARROW", "Picture", "pictures_of"]

NARROW, WIDE = 4.0, 8.0
"""Inches: a phone's column and the page's."""


@dataclass(frozen=True)
class Picture:
    """A figure as two SVG images, in the form of data URIs, with their width and height in points.

    The browser keeps their place by the sizes before it has drawn them, so that links land where they should.
    """

    wide: str
    narrow: str
    wide_size: tuple[int, int]
    narrow_size: tuple[int, int]


def pictures_of(contents: Contents) -> dict[str, Picture]:
    """Every figure of the report by its name."""
    wide, narrow = (dict(_all(contents, width)) for width in (WIDE, NARROW))
    return {name: Picture(image, narrow[name][0], size, narrow[name][1]) for name, (image, size) in wide.items()}


def _all(contents: Contents, width: float) -> Iterable[tuple[str, tuple[str, tuple[int, int]]]]:
    for name, figure in figures_of(contents.reanalysis, width=width):
        yield name, _uri(figure)
    if contents.priors is not None:
        yield "prior_map", _uri(figure_prior_map(contents.priors, width=width))
    if contents.sites is not None:
        for name, figure in site_figures_of(contents.sites, width=width):
            yield f"sites/{name}", _uri(figure)


def _uri(figure: Figure) -> tuple[str, tuple[int, int]]:
    """The image, and its size in points."""
    written = "data:image/svg+xml;base64," + base64.b64encode(svg_text(figure).encode()).decode()
    width, height = figure.get_size_inches()
    return written, (round(72 * width), round(72 * height))
