"""One section of a report."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from bayes_lupil.report.blocks import Block, Figure, Folded, Heading, Table

__all__ = ["Section", "nested"]


@dataclass(frozen=True)
class Section:
    """A titled part of the page.

    Attributes
    ----------
    anchor : str
        Its id in the page; the checklists point to it.
    blocks : tuple of Block
    widget : {"", "your_prior", "checklists"}
        What the page adds that is no block.
    directed : bool
        Whether its heading names the end point and the direction that is a benefit.
    """

    anchor: str
    title: str
    blocks: tuple[Block, ...]
    widget: str = ""
    directed: bool = False


def nested(blocks: Iterable[Block], folder: str = "") -> list[Block]:
    """Blocks of a page of its own, as part of a section: headings a level lower, files in their folder."""
    moved: list[Block] = []
    for block in blocks:
        match block:
            case Heading(_, level):
                moved.append(replace(block, level=level + 1))
            case Table(source=source) if source:
                moved.append(replace(block, source=f"{folder}{source}"))
            case Figure(name):
                moved.append(replace(block, name=f"{folder}{name}"))
            case Folded(_, inside):
                moved.append(replace(block, blocks=tuple(nested(inside, folder))))
            case _:
                moved.append(block)
    return moved
