"""One item of a checklist: what it asks, and how a run answers it, or why it does not."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ANCHORS", "Checklist", "Finding", "Item", "filled", "found", "inapplicable", "unanswered"]

ANCHORS = (
    "answer", "trial", "data", "models", "prior-predictive", "results", "your-prior", "hierarchy", "sites",
    "sites-in-full", "sensitivity", "diagnostics", "limitations", "checklists", "software", "references",
)  # fmt: skip
"""Sections that a report may have; an answer may point to nothing else."""


@dataclass(frozen=True)
class Item:
    """One item, filled.

    Attributes
    ----------
    number : str
        As in the checklist's source, where that numbers its items.
    asks : str
        What it asks for, in our words.
    answered : bool
        Whether the run did it and the report shows it.
    applies : bool
        Whether it can be asked of this run at all.
    sections : tuple of str
        Anchors of the report where the answer stands; empty where there is none.
    words : str
        How it is answered, with the run's own facts; or 'Not addressed: ' or 'Does not apply: ' and why.
    """

    number: str
    asks: str
    answered: bool
    applies: bool
    sections: tuple[str, ...]
    words: str


@dataclass(frozen=True)
class Checklist:
    """A checklist, filled.

    Attributes
    ----------
    source : str
        Citation, and how much of the source the items rest on where that is not all of it.
    """

    name: str
    source: str
    items: tuple[Item, ...]


@dataclass(frozen=True)
class Finding:
    """What a run says to one question: facts and the sections that show them, or the reason why there are none."""

    answered: bool
    words: str
    sections: tuple[str, ...] = ()
    applies: bool = True


def found(words: str, *sections: str) -> Finding:
    """An answer that all of these sections are needed for."""
    if not sections or not set(sections) <= set(ANCHORS):
        raise ValueError(f"sections {sections}: an answer points to sections of the report")
    return Finding(True, words, sections)


def unanswered(why: str) -> Finding:
    """No answer, and why."""
    return Finding(False, why)


def inapplicable(why: str) -> Finding:
    """That the item cannot be asked of this run, and why."""
    return Finding(False, why, applies=False)


def filled(number: str, asks: str, finding: Finding, sections: frozenset[str]) -> Item:
    """The item: answered only where the run has the answer and the report has every section that it stands in."""
    why, missing = finding.words, [f"'{name}'" for name in finding.sections if name not in sections]
    if missing:
        why = f"this report has no section {', '.join(missing)}, where the answer would stand."
    if missing or not finding.answered:
        said = "Not addressed" if finding.applies else "Does not apply"
        return Item(number, asks, False, finding.applies, (), f"{said}: {why}")
    return Item(number, asks, True, True, finding.sections, finding.words)
