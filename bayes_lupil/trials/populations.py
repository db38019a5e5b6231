"""Named populations, and the analysis set that one of them gives, with every exclusion counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bayes_lupil.trials.names import check_names, check_texts

if TYPE_CHECKING:
    from bayes_lupil.trials.cells import Cells
    from bayes_lupil.trials.margins import Margins

__all__ = ["AnalysisSet", "Exclusion", "Population"]


@dataclass(frozen=True)
class Population:
    """A named population of the trial.

    Attributes
    ----------
    prespecified : bool or None
        Whether the population was prespecified; None where that is not known.
    post_hoc : bool
        Whether its analysis was decided on after the results were known.
    """

    name: str
    label: str
    description: str = ""
    prespecified: bool | None = None
    source: str = ""
    grade: str = ""
    post_hoc: bool = False

    def __post_init__(self) -> None:
        check_names((self.name,), "population")
        check_texts("population", label=self.label, description=self.description, source=self.source)


@dataclass(frozen=True)
class Exclusion:
    """Patients of one arm who are left out, and why; of a continuous end point there are no responders (None)."""

    arm: int
    patients: int
    responders: int | None
    reason: str


@dataclass(frozen=True)
class AnalysisSet:
    """What a model is fitted to.

    Attributes
    ----------
    data : Cells or Margins
        Counts by site and arm, or classes of patients whose sites are not published.
    totals : tuple of (int, int)
        (responders, patients) of control and active.
    exclusions : tuple of Exclusion
        Everyone in the trial who is not in this set.
    """

    population: str
    label: str
    data: Cells | Margins
    totals: tuple[tuple[int, int], tuple[int, int]]
    exclusions: tuple[Exclusion, ...] = ()

    @property
    def patients(self) -> int:
        """Number of patients analysed."""
        return self.totals[0][1] + self.totals[1][1]

    @property
    def excluded(self) -> int:
        """Number of patients left out."""
        return sum(item.patients for item in self.exclusions)
