"""Checklists of what a report of a Bayesian analysis must hold, filled from the run: only what it did is ticked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bayes_lupil.report.checklists.barg import barg
from bayes_lupil.report.checklists.item import ANCHORS, Checklist, Item
from bayes_lupil.report.checklists.regulators import regulators
from bayes_lupil.report.checklists.robust import robust

if TYPE_CHECKING:
    from bayes_lupil.report.reanalysis.contents import Contents

__all__ = ["ANCHORS", "Checklist", "Item", "checklists"]


def checklists(contents: Contents, sections: frozenset[str]) -> tuple[Checklist, ...]:
    """Every checklist, each item decided by the run.

    Parameters
    ----------
    contents : Contents
    sections : frozenset of str
        Anchors of the sections that the report has; an item whose section is missing is not addressed.
    """
    return (barg(contents, sections), robust(contents, sections), regulators(contents, sections))
