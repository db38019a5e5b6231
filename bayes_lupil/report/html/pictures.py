"""The figures of a report, each drawn wide and narrow, as they are embedded in the page."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bayes_lupil.hidden.analysis import HiddenAnalysis
from bayes_lupil.report.contents import Contents
from bayes_lupil.report.figures import (
    figure_caterpillar,
    figure_exclusion_path,
    figure_hidden_counts,
    figure_outliers,
    figure_predictive,
    figure_prior_map,
    figures_of,
)
from bayes_lupil.report.style import svg_text
from bayes_lupil.sites.analysis import SiteAnalysis
from bayes_lupil.sites.checks import predicted_by_site

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["NARROW", "Picture", "pictures_of"]

NARROW, WIDE = 4.0, 8.0
"""Inches: a phone's column and the page's."""

Draw = Callable[[float], "Figure"]


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
    found = dict(zip(("wide", "narrow"), (dict(_all(contents, width)) for width in (WIDE, NARROW)), strict=True))
    made = {}
    for name, (wide, wide_size) in found["wide"].items():
        narrow, narrow_size = found["narrow"][name]
        made[name] = Picture(wide, narrow, wide_size, narrow_size)
    return made


def _all(contents: Contents, width: float) -> Iterable[tuple[str, tuple[str, tuple[int, int]]]]:
    for name, figure in figures_of(contents.reanalysis, width=width):
        yield name, _uri(figure)
    if contents.priors is not None:
        yield "prior_map", _uri(figure_prior_map(contents.priors, width=width))
    if contents.sites is not None:
        for name, draw in _of_sites(contents.sites):
            yield f"sites/{name}", _uri(draw(width))


def _of_sites(sites: SiteAnalysis | HiddenAnalysis) -> list[tuple[str, Draw]]:
    if isinstance(sites, HiddenAnalysis):
        hidden = sites.hidden
        return [("unpublished_counts", lambda width: figure_hidden_counts(hidden, width=width))]
    table, shown, path = sites.table, sites.shown, sites.path
    draws: list[tuple[str, Draw]] = [("site_shrinkage", lambda width: figure_caterpillar(table, shown, width=width))]
    if any(row.outlier is not None or row.nonexchangeable is not None for row in table.rows):
        draws.append(("site_outliers", lambda width: figure_outliers(table, shown, width=width)))
    if path is not None:
        others = {name: found for name, found in sites.sound.items() if found is not shown}
        draws.append(("exclusion_path", lambda width: figure_exclusion_path(path, shown, others, width=width)))
    if sites.checks:
        predicted = predicted_by_site(shown)
        draws.append(("predicted_by_site", lambda width: figure_predictive(predicted, shown, width=width)))
    return draws


def _uri(figure: Figure) -> tuple[str, tuple[int, int]]:
    """The image, and its size in points."""
    written = "data:image/svg+xml;base64," + base64.b64encode(svg_text(figure).encode()).decode()
    width, height = figure.get_size_inches()
    return written, (round(72 * width), round(72 * height))
