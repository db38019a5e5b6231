"""What a trial file (TOML) may say."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from bayes_lupil.documents import NAME_PATTERN, Document, Name
from bayes_lupil.limits import MOST_PATIENTS, MOST_UNPUBLISHED_SITES
from bayes_lupil.trials.asked import MissingRule

__all__ = [
    "CellsTable", "DataTable", "ExcludedSites", "Impossible", "MarginRow", "MarginsTable", "NumberOfSites", "StepTable",
    "TrialFile",
]  # fmt: skip

Text = Annotated[str, StringConstraints(min_length=1, max_length=300)]
Condition = Annotated[str, StringConstraints(min_length=1, max_length=2000)]
Value = str | int | float | bool
"""A value as it stands in a cell."""
Count = Annotated[int, Field(ge=0, le=MOST_PATIENTS)]
Grade = Literal["A", "B", "C", "declared"]
"""A read in a published source, B arithmetic or inference from A, C common knowledge, declared: our own choice."""


class ArmsTable(Document):
    control: Name
    active: Name


class EndPointTable(Document):
    name: Name
    label: Text
    benefit: Literal["higher", "lower"]
    unit: Text = "proportion of patients"
    mcid: Annotated[float, Field(gt=0, lt=1)] | None = None
    mcid_source: str = ""


class SourceTable(Document):
    id: Name
    citation: Text
    doi: str = ""
    licence: str = ""


class PopulationTable(Document):
    name: Name
    label: Text
    description: str = ""
    prespecified: bool | None = None
    post_hoc: bool = False
    source: str = ""
    grade: Grade | None = None


class CellRow(Document):
    site: Name
    arm: Name
    responders: Count
    n: Count
    country: Name | None = None


class CellsTable(Document):
    """Counts by site and arm."""

    source: Name
    grade: Grade
    rows: Annotated[tuple[CellRow, ...], Field(min_length=1)]


class MarginRow(Document):
    """The total of one arm in one population."""

    population: Name
    arm: Name
    responders: Count
    n: Count
    printed: str = ""
    source: Name
    grade: Grade


class ExcludedSites(Document):
    """The sites whose patients are not in the subset."""

    names: Annotated[tuple[Name, ...], Field(min_length=1)]
    source: Name
    grade: Grade


class NumberOfSites(Document):
    """How many sites there were."""

    value: Annotated[int, Field(ge=2, le=MOST_UNPUBLISHED_SITES)]
    source: Name
    grade: Grade


class Impossible(Document):
    """Patients who, as published, cannot have been at the excluded sites."""

    arm: Name
    response: Literal["responder", "non-responder"]
    reason: Text
    source: Name
    grade: Grade


class SuppositionTable(Document):
    """Something that is supposed of what was not published."""

    name: Text
    n_sites: Annotated[int, Field(ge=2, le=MOST_UNPUBLISHED_SITES)] | None = None
    excluded_control_at_least: Count | None = None
    excluded_arms_differ_at_most: Count | None = None


class CountriesOfSites(Document):
    """How many sites each country has, and in which one each excluded site lies."""

    sites: Annotated[dict[Name, Annotated[int, Field(ge=1, le=MOST_UNPUBLISHED_SITES)]], Field(min_length=1)]
    excluded: Annotated[tuple[Name, ...], Field(min_length=1)]
    source: Name
    grade: Grade


class MarginsTable(Document):
    """Totals of all patients and of a subset, without a table of sites."""

    subset: Name
    n_sites: NumberOfSites
    excluded_sites: ExcludedSites
    countries: CountriesOfSites | None = None
    rows: Annotated[tuple[MarginRow, ...], Field(min_length=4, max_length=4)]
    impossible_at_excluded_sites: tuple[Impossible, ...] = ()
    alternatives: tuple[SuppositionTable, ...] = ()


class DataTable(Document):
    """A table in a file of any kind that `load_trial` reads, and how it is read: with the options of `load_trial`."""

    file: Name
    sheet: Name | None = None
    site: Name | None = None
    arm: Name | None = None
    outcome: Name | None = None
    id: Name | None = None
    n: Name | None = None
    where: Condition | None = None
    population: dict[Name, Condition] | None = None
    responder: Value | tuple[Value, ...] | None = None
    missing: MissingRule | None = None
    na: Value | tuple[Value, ...] | None = None
    wide: dict[Literal["active", "control"], tuple[Name, Name]] | None = None
    single_arm_sites: bool = False
    country: Name | None = None
    source: Name
    grade: Grade

    @property
    def options(self) -> dict[str, Any]:
        """What it says about the reading of its table."""
        return self.model_dump(exclude={"file", "sheet", "source", "grade"}, exclude_none=True)


class PublishedTable(Document):
    population: Name
    printed: str = ""
    p: Annotated[float, Field(ge=0, le=1)] | None = None
    reported: str = ""
    source: Name
    grade: Grade


class StepTable(Document):
    """A step of the trial's hierarchy, and what was published of it."""

    name: Text
    role: Text
    recomputable: bool = False
    published: tuple[PublishedTable, ...] = ()


class TrialFile(Document):
    """A trial as a TOML document; exactly one of `cells`, `margins` and `data` holds the counts."""

    schema_version: Literal[1] = Field(alias="schema")
    name: Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
    title: Text
    synthetic: bool = False
    notes: tuple[str, ...] = ()
    not_published: tuple[str, ...] = ()
    claims: tuple[str, ...] = ()
    arms: ArmsTable
    end_point: EndPointTable
    sources: tuple[SourceTable, ...] = ()
    populations: tuple[PopulationTable, ...] = ()
    cells: CellsTable | None = None
    margins: MarginsTable | None = None
    data: DataTable | None = None
    hierarchy: tuple[StepTable, ...] = ()
