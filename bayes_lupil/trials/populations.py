"""Named populations of a trial, and those who are left out of one."""

from __future__ import annotations

from dataclasses import dataclass

from bayes_lupil.trials.names import check_names, check_texts

__all__ = ["Exclusion", "Population"]


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

    def label_without(self, sites: tuple[str, ...]) -> str:
        """The label, with the sites that are left out."""
        return self.label + (" without " + ", ".join(sites) if sites else "")


@dataclass(frozen=True)
class Exclusion:
    """Patients of one arm who are left out, and why; of a continuous end point there are no responders (None)."""

    arm: int
    patients: int
    responders: int | None
    reason: str
