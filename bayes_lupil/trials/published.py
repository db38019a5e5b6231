"""What was published of a trial, and where its numbers come from."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["PublishedResult", "Source", "Step"]


@dataclass(frozen=True)
class Source:
    """Where numbers come from."""

    id: str
    citation: str
    doi: str = ""
    licence: str = ""


@dataclass(frozen=True)
class PublishedResult:
    """What a publication printed of one hypothesis in one population, as printed and never recomputed."""

    population: str
    printed: str
    p: float | None = None
    reported: str = ""
    source: str = ""
    grade: str = ""


@dataclass(frozen=True)
class Step:
    """One step of the trial's fixed sequence of hypotheses."""

    name: str
    role: str
    recomputable: bool
    published: tuple[PublishedResult, ...] = ()
