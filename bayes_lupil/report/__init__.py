"""Tables and figures of finished fits, by subject, over media that know no subject.

Public names are loaded on first use: what prints one fit waits for no figure.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from bayes_lupil.renamed import renamed

if TYPE_CHECKING:
    from bayes_lupil.report import figures
    from bayes_lupil.report.endpoints.page import end_point_files, end_points_page, write_end_points
    from bayes_lupil.report.look import SITE_FILES, write_sites
    from bayes_lupil.report.media.blocks import Page
    from bayes_lupil.report.media.terminal import show
    from bayes_lupil.report.media.write import write
    from bayes_lupil.report.reanalysis.card import card_of_fit
    from bayes_lupil.report.reanalysis.contents import Contents
    from bayes_lupil.report.reanalysis.fit import FIT_FILES, write_fit, write_result
    from bayes_lupil.report.reanalysis.fit_as_data import plain_result
    from bayes_lupil.report.reanalysis.page import collect, reanalysis_files, reanalysis_page, write_reanalysis
    from bayes_lupil.report.reanalysis.plots import Plots
    from bayes_lupil.report.sites.page import sites_page
    from bayes_lupil.report.unpublished.page import unpublished_page

_HOMES = {
    "FIT_FILES": "reanalysis.fit", "SITE_FILES": "look", "Contents": "reanalysis.contents", "Page": "media.blocks",
    "Plots": "reanalysis.plots", "card_of_fit": "reanalysis.card", "collect": "reanalysis.page",
    "end_point_files": "endpoints.page", "end_points_page": "endpoints.page",
    "plain_result": "reanalysis.fit_as_data", "reanalysis_files": "reanalysis.page",
    "reanalysis_page": "reanalysis.page", "show": "media.terminal", "sites_page": "sites.page",
    "unpublished_page": "unpublished.page", "write": "media.write", "write_end_points": "endpoints.page",
    "write_fit": "reanalysis.fit", "write_reanalysis": "reanalysis.page",
    "write_result": "reanalysis.fit", "write_sites": "look",
}  # fmt: skip

__all__ = [
    "FIT_FILES", "SITE_FILES", "Contents", "Page", "Plots", "card_of_fit", "collect", "end_point_files",
    "end_points_page", "figures", "plain_result", "reanalysis_files", "reanalysis_page", "show", "sites_page",
    "unpublished_page", "write", "write_end_points", "write_fit", "write_reanalysis",
    "write_result", "write_sites",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name == "figures":
        return import_module("bayes_lupil.report.figures")
    if name in _HOMES:
        return getattr(import_module(f"bayes_lupil.report.{_HOMES[name]}"), name)
    return renamed(__name__, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
