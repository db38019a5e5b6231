"""What an end-point plan may say: the hierarchy of end points, how each comes from the data, and its analysis."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from bayes_lupil.arguments import checked
from bayes_lupil.characters import alike, repeated
from bayes_lupil.documents import NAME_PATTERN, Document, canonical_hash, read_toml, requirement
from bayes_lupil.documents import Name as Named
from bayes_lupil.errors import ModelError, nearest, within
from bayes_lupil.priors import LKJ, Normal, ScalePrior
from bayes_lupil.spec.library import load_model, plan_path
from bayes_lupil.spec.model import ModelSpec
from bayes_lupil.spec.tables import Sampler, Text

__all__ = [
    "Change", "Columns", "Components", "Exploratory", "Joint", "Plan", "PlannedArms", "PlannedEndPoint", "Printed",
    "load_plan",
]  # fmt: skip

Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
EXPLORATORY = "exploratory"


class PlannedArms(Document):
    """The arms compared.

    Attributes
    ----------
    control : str
    active : str or list of str
        One arm, or several of which each is compared with control: the Bayesian models take two arms at a time, the
        frequentist ones all that are named here.
    """

    control: Named
    active: Named | Annotated[tuple[Named, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _different(self) -> PlannedArms:
        named = [self.control, *self.actives]
        if twice := repeated(named):
            raise requirement("active", f"'{twice}' twice", "different arms")
        if (twins := alike(named)) is not None:
            raise requirement("active", f"the arms '{twins[0]}' and '{twins[1]}'", "one spelling of each arm")
        return self

    @property
    def actives(self) -> tuple[str, ...]:
        """The arms that are compared with control."""
        return (self.active,) if isinstance(self.active, str) else self.active


class Columns(Document):
    """Names of the columns that say who a patient is, where they differ from these."""

    patient: Text = "patient"
    site: Text = "site"
    arm: Text = "arm"


class Components(Document):
    """Columns of the components of the SLE responder index (Furie et al. 2009, Arthritis Rheum 61:1143-1151).

    Attributes
    ----------
    threshold : int
        Reduction of SELENA-SLEDAI that a response needs; 4 for SRI-4.
    sledai_baseline, sledai_visit, pga_baseline, pga_visit : str
        SELENA-SLEDAI (0 to 105) and the physician's global assessment.
    pga_maximum : float
        Largest value of the global assessment's scale; an increase of a tenth of it is a worsening.
    bilag_new_a, bilag_new_b : str, optional
        Numbers of organ domains with a new BILAG A and with a new B, where they were counted; or else:
    bilag_baseline, bilag_visit : list of str, optional
        Grades (A to E) of the organ domains, one column a domain, in the same order.
    withdrawn, rescue : str, optional
        1 where the patient left treatment, or had rescue medication: no response, whatever else.
    """

    threshold: Annotated[int, Field(ge=1, le=105)] = 4
    sledai_baseline: Text
    sledai_visit: Text
    pga_baseline: Text
    pga_visit: Text
    pga_maximum: Annotated[float, Field(gt=0)] = 3.0
    bilag_new_a: Text | None = None
    bilag_new_b: Text | None = None
    bilag_baseline: tuple[Text, ...] = ()
    bilag_visit: tuple[Text, ...] = ()
    withdrawn: Text | None = None
    rescue: Text | None = None


class Change(Document):
    """A change from baseline: follow-up minus baseline, or that in per cent of baseline.

    Attributes
    ----------
    baseline, followup : str
        Columns of the score.
    scale : {"absolute", "relative"}
    lowest, highest : float, optional
        Least and largest score of the instrument, which bound the change of each patient.
    """

    baseline: Text
    followup: Text
    scale: Literal["absolute", "relative"]
    lowest: float | None = None
    highest: float | None = None

    @model_validator(mode="after")
    def _possible(self) -> Change:
        if self.baseline == self.followup:
            raise requirement("followup", f"'{self.followup}', which is the baseline too", "another column")
        if self.lowest is not None and self.highest is not None and not self.lowest < self.highest:
            raise requirement("highest", f"{self.highest:g}", f"above the lowest score, {self.lowest:g}")
        return self


class Printed(Document):
    """A p-value as a publication printed it, never recomputed; needs real data."""

    p: Annotated[float, Field(ge=0, le=1)]
    source: Text


class PlannedEndPoint(Document):
    """One end point: where it comes from, which direction is a benefit, how it is analysed.

    Exactly one of `response` (a column of 0 and 1), `sri`, `value` (a column of numbers) and `change` says what it is.

    Attributes
    ----------
    role : {"primary", "secondary", "exploratory"}
        Primary and secondary end points are tested in the order of the file, each the gate to the next; exploratory
        ones are analysed together, with shrinkage.
    group : str
        Exploratory end points are shrunk towards others of their group only.
    mcid : float, optional
        Minimal clinically important difference: of risks (0 to 1), or in units.
    baseline : str, optional
        Column of the covariate; that of `change` if nothing is said.
    missing : {"non_responder", "complete_cases"}, optional
        How missing values count; non_responder for sri and complete_cases for all others if nothing is said.
    test : {"cmh", "logistic", "ancova"}, optional
        Whose p-value goes through the gate: cmh for binary end points (by site), ancova for continuous ones if nothing
        is said.
    model : str, optional
        Model file, built-in or by its path from the plan; needed unless exploratory.
    """

    name: Name
    label: Text
    role: Literal["primary", "secondary", "exploratory"]
    benefit: Literal["higher", "lower"]
    unit: str = ""
    group: Name = "efficacy"
    mcid: Annotated[float, Field(gt=0)] | None = None
    mcid_source: str = ""
    response: Text | None = None
    sri: Components | None = None
    value: Text | None = None
    change: Change | None = None
    baseline: Text | None = None
    missing: Literal["non_responder", "complete_cases"] | None = None
    test: Literal["cmh", "logistic", "ancova"] | None = None
    model: Text | None = None
    printed: Printed | None = None

    @model_validator(mode="after")
    def _complete(self) -> PlannedEndPoint:
        sources = [name for name in ("response", "sri", "value", "change") if getattr(self, name) is not None]
        if len(sources) != 1:
            found = " and ".join(sources) or "none of them"
            raise requirement("", f"{found} (end point '{self.name}')", "one of response, sri, value and change")
        if self.role != EXPLORATORY and self.model is None:
            raise requirement("model", "nothing", f"a model file, because '{self.name}' is {self.role}")
        if self.missing == "non_responder" and (self.kind != "binary" or self.benefit != "higher"):
            raise requirement(
                "missing", "'non_responder'", "'complete_cases', unless the end point is a response and a benefit"
            )
        if self.test is not None and (self.test == "ancova") != (self.kind == "continuous"):
            raise requirement("test", f"'{self.test}'", f"a test for a {self.kind} end point")
        if self.kind == "binary" and self.mcid is not None and self.mcid >= 1:
            raise requirement("mcid", f"{self.mcid:g}", "a risk difference below 1")
        return self

    @property
    def kind(self) -> Literal["binary", "continuous"]:
        """Binary or continuous, as its source says."""
        return "binary" if self.response is not None or self.sri is not None else "continuous"

    @property
    def missing_rule(self) -> Literal["non_responder", "complete_cases"]:
        """The rule in force."""
        return self.missing or ("non_responder" if self.sri is not None else "complete_cases")

    @property
    def gate_test(self) -> Literal["cmh", "logistic", "ancova"]:
        """The test in force."""
        return self.test or ("cmh" if self.kind == "binary" else "ancova")

    @property
    def covariate(self) -> str | None:
        """Column of the baseline."""
        return self.baseline or (self.change.baseline if self.change is not None else None)


class Joint(Document):
    """The model of all primary and secondary end points together: how they are correlated, and its sampler.

    Attributes
    ----------
    patients : LKJ, optional
        Prior of the correlations of end points within patients, which their site effects follow; none where left out.
    """

    patients: LKJ | None = None
    sampler: Sampler


class Exploratory(Document):
    """Shrinkage of exploratory end points, on the scale of log odds ratios (positive is a benefit).

    Attributes
    ----------
    mean : Normal
        Prior of the average effect over the end points of a group.
    spread : ScalePrior
        Prior of the SD of effects around it.
    """

    mean: Normal
    spread: ScalePrior


class Plan(Document):
    """The hierarchy of end points of a trial, in the order in which they are tested.

    Attributes
    ----------
    level : float
        Two-sided level of the fixed sequence.
    threshold : float
        The P(benefit) whose crossing the tipping points look for.
    population : str
        'itt', or the NAME of a column pop_NAME (0/1).
    """

    schema_version: Literal[1] = Field(alias="schema")
    name: Name
    title: Text
    arms: PlannedArms
    columns: Columns = Columns()
    population: Name = "itt"
    level: Annotated[float, Field(gt=0, lt=0.5)] = 0.05
    threshold: Annotated[float, Field(gt=0.5, lt=1)] = 0.975
    end_points: Annotated[tuple[PlannedEndPoint, ...], Field(min_length=1)]
    joint: Joint | None = None
    exploratory: Exploratory | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Plan:
        if twice := repeated(point.name for point in self.end_points):
            raise requirement("end_points", f"'{twice}' twice", "each end point once")
        roles = [["primary", "secondary", "exploratory"].index(point.role) for point in self.end_points]
        if roles != sorted(roles):
            raise requirement("end_points", "a primary after a secondary or exploratory one", "primary ones first")
        if self.joint is not None and len(self.steps) < 2:
            raise requirement("joint", "a table", "two primary or secondary end points, or no such table")
        if self.exploratory is None and self.further:
            raise requirement("exploratory", "nothing", "its priors, because there are exploratory end points")
        return self

    @property
    def steps(self) -> tuple[PlannedEndPoint, ...]:
        """Primary and secondary end points, in the order of testing."""
        return tuple(point for point in self.end_points if point.role != EXPLORATORY)

    @property
    def further(self) -> tuple[PlannedEndPoint, ...]:
        """Exploratory end points."""
        return tuple(point for point in self.end_points if point.role == EXPLORATORY)

    @property
    def hash(self) -> str:
        """SHA-256 of the plan; comments and layout of the file do not enter."""
        return canonical_hash(self.model_dump(mode="json", by_alias=True))


@checked
def load_plan(plan: str | Path) -> tuple[Plan, dict[str, ModelSpec]]:
    """Load a plan by built-in name or from a TOML file, with the model of each primary and secondary end point.

    Raises
    ------
    ModelError
        Naming file and key, for the plan or a model file that it names.

    Examples
    --------
    >>> plan, models = load_plan("lupil2_hierarchy")
    >>> [(point.name, point.kind, models[point.name].end_point) for point in plan.steps][0]
    ('sri4', 'binary', 'sri4')
    """
    path = plan_path(plan)
    found = read_toml(path, Plan, ModelError)
    models = {}
    for i, point in enumerate(found.end_points):
        if point.model is None:
            continue
        where = f"{path}, key 'end_points.{i}.model'"
        beside = path.parent / point.model
        with within(where):
            model = load_model(beside if beside.suffix.lower() == ".toml" else point.model)
        if model.continuous != (point.kind == "continuous"):
            kind = "continuous" if model.continuous else "binary"
            raise ModelError(where, f"a model of a {kind} end point", f"one of a {point.kind} end point")
        if model.end_point not in ("primary", point.name):
            raise ModelError(
                where, f"a model of '{model.end_point}'", f"one of '{point.name}'", "See its key end_point."
            )
        check_patients(found, model, where)
        models[point.name] = model
    return found, models


def check_patients(plan: Plan, model: ModelSpec, where: str) -> None:
    """That a model is of the plan's patients.

    Raises
    ------
    ModelError
        At `where`, for another population or sites left out.
    """
    if model.population != plan.population:
        raise ModelError(
            where, f"a model of population '{model.population}'", f"one of '{plan.population}', like the plan",
            nearest(model.population, [plan.population]),
        )  # fmt: skip
    if model.without_sites:
        raise ModelError(where, f"a model without {', '.join(model.without_sites)}", "one of all sites")
