"""Checklists of what a report of a Bayesian analysis must hold, filled from the run: only what it did is ticked.

What each asks stands in a TOML file of its own: an item names the fact (`facts.py`) that answers it, or says why no run
ever does.
"""

from __future__ import annotations

import tomllib
from importlib.resources import files
from typing import TYPE_CHECKING

from bayes_lupil.report.checklists.facts import FACTS
from bayes_lupil.report.checklists.item import ANCHORS, Checklist, Item, filled, inapplicable, unanswered

if TYPE_CHECKING:
    from bayes_lupil.report.reanalysis.contents import Contents

__all__ = ["ANCHORS", "Checklist", "Item", "checklists"]

_FILES = ("barg", "robust", "regulators")


def checklists(contents: Contents, sections: frozenset[str]) -> tuple[Checklist, ...]:
    """Every checklist, each item decided by the run.

    Parameters
    ----------
    contents : Contents
    sections : frozenset of str
        Anchors of the sections that the report has; an item whose section is missing is not addressed.
    """
    return tuple(_filled(name, contents, sections) for name in _FILES)


def _filled(name: str, contents: Contents, sections: frozenset[str]) -> Checklist:
    declared = tomllib.loads((files(__package__) / f"{name}.toml").read_text(encoding="utf-8"))
    items = []
    for asked in declared["item"]:
        if "inapplicable" in asked:
            finding = inapplicable(asked["inapplicable"])
        else:
            finding = unanswered(asked["never"]) if "never" in asked else FACTS[asked["fact"]](contents)
        items.append(filled(asked["number"], asked["asks"], finding, sections))
    return Checklist(declared["name"], declared["source"], tuple(items))
