"""Old name of `bayes_lupil.unpublished`; it goes with the next release."""

from __future__ import annotations

from typing import Any

from bayes_lupil.renamed import renamed


def __getattr__(name: str) -> Any:
    return renamed("bayes_lupil.hidden", name)
