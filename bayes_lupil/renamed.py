"""Old names of what has another name now: they work for one release, and say so."""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import Any

__all__ = ["renamed"]

_NEW: dict[str, tuple[str, dict[str, str]]] = {
    "bayes_lupil.hidden": ("bayes_lupil.unpublished", {
        "HiddenAnalysis": "UnpublishedAnalysis", "HiddenCounts": "UnpublishedCounts",
        "analyse_hidden": "analyse_unpublished", "hidden_counts": "unpublished_counts",
    }),
    "bayes_lupil.report": ("bayes_lupil.report", {"write_hidden": "write_sites", "write_look": "write_sites"}),
}  # fmt: skip
"""By module: where its names are now, and those that are others."""


def renamed(module: str, name: str) -> Any:
    """What an old name stands for; for the `__getattr__` of a module.

    Raises
    ------
    AttributeError
        Where there never was such a name.
    """
    now, names = _NEW[module]
    new = names.get(name, "" if now == module else name)
    home = import_module(now)
    if new not in home.__all__:
        raise AttributeError(f"module '{module}' has no attribute '{name}'")
    warnings.warn(f"{module}.{name} is now {now}.{new}", DeprecationWarning, stacklevel=3)
    return getattr(home, new)
