"""Lists of blocks: all that they hold, as part of another page, without headings that nothing follows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from bayes_lupil.report.media.blocks import Block, Chart, Figure, Folded, Heading, Table

__all__ = ["inside", "nested", "without_empty"]


def inside(blocks: Iterable[Block]) -> Iterator[Block]:
    """All blocks in their order, those that are folded included."""
    for block in blocks:
        yield block
        if isinstance(block, Folded):
            yield from inside(block.blocks)


def nested(blocks: Iterable[Block], folder: str = "") -> list[Block]:
    """Blocks of a page of its own, as part of another: headings a level lower, files in their folder."""
    moved: list[Block] = []
    for block in blocks:
        match block:
            case Heading(_, level):
                moved.append(replace(block, level=level + 1))
            case Table(source=source) if source:
                moved.append(replace(block, source=f"{folder}{source}", frame=None))
            case Figure(name):
                moved.append(replace(block, name=f"{folder}{name}", draw=block.drawn if block.draw else None))
            case Chart(name, source=source):
                within = f"{folder}{source}" if source else ""
                moved.append(replace(block, name=f"{folder}{name}", source=within, frame=None))
            case Folded(_, held):
                moved.append(replace(block, blocks=tuple(nested(held, folder))))
            case _:
                moved.append(block)
    return moved


def without_empty(blocks: Iterable[Block]) -> list[Block]:
    """Without the headings that nothing follows but the next of their level."""
    kept: list[Block] = []
    for block in blocks:
        while (
            isinstance(block, Heading) and kept and isinstance(last := kept[-1], Heading) and last.level >= block.level
        ):
            kept.pop()
        kept.append(block)
    return kept
