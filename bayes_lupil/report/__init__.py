"""Tables and figures of finished fits; the only room that computes them.

Public names are loaded on first use: what prints one fit waits for no figure.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bayes_lupil.report import figures
    from bayes_lupil.report.contents import Contents
    from bayes_lupil.report.outputs import FIT_FILES, collect, reanalysis_files, write_fit, write_reanalysis
    from bayes_lupil.report.plots import Plots, write_result
    from bayes_lupil.report.site_outputs import SITE_FILES, write_hidden, write_look, write_sites

_HOMES = {
    "FIT_FILES": "outputs", "SITE_FILES": "site_outputs", "Contents": "contents", "Plots": "plots",
    "collect": "outputs", "reanalysis_files": "outputs", "write_fit": "outputs", "write_hidden": "site_outputs",
    "write_look": "site_outputs", "write_reanalysis": "outputs", "write_result": "plots", "write_sites": "site_outputs",
}  # fmt: skip

__all__ = [
    "FIT_FILES", "SITE_FILES", "Contents", "Plots", "collect", "figures", "reanalysis_files", "write_fit",
    "write_hidden", "write_look", "write_reanalysis", "write_result", "write_sites",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name == "figures":
        return import_module("bayes_lupil.report.figures")
    if name in _HOMES:
        return getattr(import_module(f"bayes_lupil.report.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'bayes_lupil.report' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
