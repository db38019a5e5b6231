"""Old name of `bayes_lupil.unpublished`; it goes with the next release."""

from __future__ import annotations

import warnings
from typing import Any

_RENAMED = {
    "HiddenAnalysis": "UnpublishedAnalysis", "HiddenCounts": "UnpublishedCounts",
    "analyse_hidden": "analyse_unpublished", "hidden_counts": "unpublished_counts",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    from bayes_lupil import unpublished

    new = _RENAMED.get(name, name)
    if new not in unpublished.__all__:
        raise AttributeError(f"module 'bayes_lupil.hidden' has no attribute '{name}'")
    warnings.warn(f"bayes_lupil.hidden.{name} is now bayes_lupil.unpublished.{new}", DeprecationWarning, stacklevel=2)
    return getattr(unpublished, new)
