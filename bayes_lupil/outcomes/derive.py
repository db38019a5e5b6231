"""End points as a plan declares them, made from what was recorded of each patient; a trial of each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.arguments import checked
from bayes_lupil.errors import TrialError, nearest
from bayes_lupil.frozen import ReadOnly
from bayes_lupil.outcomes.change import absolute_change, relative_change
from bayes_lupil.outcomes.sri import SRI, SRIColumns, sri
from bayes_lupil.outcomes.table import Outcomes
from bayes_lupil.spec import Plan, PlannedEndPoint
from bayes_lupil.trials.end_point import Arms, EndPoint
from bayes_lupil.trials.measurements import Measurements
from bayes_lupil.trials.patients import Patients
from bayes_lupil.trials.populations import Population
from bayes_lupil.trials.reading import Reading, of_another_arm, patients_left_out
from bayes_lupil.trials.trial import Trial
from bayes_lupil.trials.values import canonical_text

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Compared",
    "Derived",
    "check_arms",
    "column_of",
    "compared",
    "derive",
    "members",
    "missing_table",
    "trial_of",
]

Floats = NDArray[np.float64]
_FLAG = "pop_"


@dataclass(frozen=True, eq=False)
class Derived(ReadOnly):
    """One end point of every patient.

    Attributes
    ----------
    plan : PlannedEndPoint
    values : array, shape (patients,)
        0 or 1, or numbers; NaN where the end point is missing. No rule for missing values has been applied.
    baseline : array, shape (patients,), or None
        The covariate, NaN where missing.
    limits : (array, array) or None
        Of a change: what the instrument allows each patient at the least and at the most.
    sri : SRI or None
        Where it is an SLE responder index: its components.
    """

    plan: PlannedEndPoint
    values: Floats
    baseline: Floats | None = None
    limits: tuple[Floats, Floats] | None = None
    sri: SRI | None = None

    @property
    def end_point(self) -> EndPoint:
        """As trials know it."""
        p = self.plan
        unit = p.unit or ("proportion of patients" if p.kind == "binary" else "")
        return EndPoint(p.name, p.label, p.benefit, unit, p.mcid, p.mcid_source, p.kind)

    @property
    def missing(self) -> NDArray[np.bool_]:
        """Whose end point (of a continuous one: or covariate) is missing, shape (patients,)."""
        gaps = np.isnan(self.values)
        if self.plan.kind == "continuous" and self.baseline is not None:
            gaps = gaps | np.isnan(self.baseline)
        return gaps

    @property
    def counted(self) -> Floats:
        """The values with the plan's rule for missing ones applied; NaN for patients who are left out."""
        if self.plan.missing_rule == "non_responder":
            return np.where(np.isnan(self.values), 0.0, self.values)
        return np.where(self.missing, np.nan, self.values)


@checked
def derive(point: PlannedEndPoint, outcomes: Outcomes) -> Derived:
    """One planned end point from the data.

    Raises
    ------
    TrialError
        Naming file, line and column, for columns that are not there or hold what they must not.
    """
    baseline = None if point.covariate is None else outcomes.number(point.covariate)
    for column in (point.response, point.value):
        if column is not None and column.startswith(_FLAG):
            flag = f"'{column}' as the end point '{point.name}', which is a population flag"
            raise TrialError(outcomes.where(column), flag, "the column of an outcome")
    if point.response is not None:
        return Derived(point, outcomes.binary(point.response), baseline)
    if point.value is not None:
        return Derived(point, outcomes.number(point.value), baseline)
    if point.sri is not None:
        columns = point.sri.model_dump(exclude={"threshold"})
        found = sri(outcomes, SRIColumns(**columns), point.sri.threshold)
        return Derived(point, found.response, baseline, sri=found)
    assert point.change is not None  # exactly one of the four is given
    of = absolute_change if point.change.scale == "absolute" else relative_change
    made = of(outcomes, point.change.baseline, point.change.followup, point.change.lowest, point.change.highest)
    return Derived(point, made.values, baseline, made.limits)


def check_arms(plan: Plan, outcomes: Outcomes) -> None:
    """That the arms of the plan are arms of the data.

    Raises
    ------
    TrialError
    """
    for role, name in (("control", plan.arms.control), *(("active", arm) for arm in plan.arms.actives)):
        if name not in outcomes.arms:
            raise TrialError(
                outcomes.where("arm"),
                f"the arms {', '.join(outcomes.arms)}, no '{name}'",
                f"the {role} arm that the plan names",
                nearest(name, outcomes.arms),
            )


def column_of(outcomes: Outcomes, name: str) -> tuple[str, ...]:
    """A column as texts, numbers among them; nothing where nothing was recorded.

    Raises
    ------
    TrialError
        Where there is no such column.
    """
    roles = {"patient", "site", "arm"} | set(outcomes.origins.values())
    if name in roles and name not in outcomes.columns:
        raise TrialError(outcomes.where(name), "the column of patients, sites or arms", "the column of a covariate")
    if name.startswith(_FLAG):
        found = "a population flag, which may be known only after treatment"
        raise TrialError(outcomes.where(name), found, "the column of a covariate")
    if name in outcomes.texts:
        return outcomes.texts[name]
    if name not in outcomes.numbers:
        hint = nearest(name, outcomes.columns)
        raise TrialError(outcomes.where(name), "no such column", "the column of a covariate", hint)
    return tuple(["" if value != value else canonical_text(repr(float(value))) for value in outcomes.numbers[name]])


@checked
def trial_of(derived: Derived, outcomes: Outcomes, arms: Arms, covariates: Sequence[str] = ()) -> Trial:
    """A trial of two arms and this one end point, with the plan's rule for missing values applied.

    Parameters
    ----------
    derived : Derived
    outcomes : Outcomes
    arms : Arms
    covariates : sequence of str
        Columns that a model adjusts for, which the trial keeps.

    Raises
    ------
    TrialError
        Where an arm has no patient whose end point is known, or there is no such column.
    """
    names = np.array(outcomes.arm)
    here = np.isin(names, arms.names)
    counted = derived.counted
    binary = derived.plan.kind == "binary"
    lost = int((here & np.isnan(counted)).sum())
    imputed = int((here & np.isnan(derived.values) & ~np.isnan(counted)).sum())
    notes = [of_another_arm(arm, int((names == arm).sum())) for arm in outcomes.arms if arm not in arms.names]
    if lost:
        notes.append(f"{patients_left_out(lost)}: '{derived.plan.name}' is missing (complete cases)")
    if imputed:
        notes.append(f"{imputed} patients counted as non-responders, because '{derived.plan.name}' is missing")
    keep = here & ~np.isnan(counted) if binary else here
    site = tuple(s for s, k in zip(outcomes.site, keep, strict=True) if k)
    arm = (names[keep] == arms.active).astype(np.int64)
    kept = {name: tuple(np.array(column_of(outcomes, name))[keep].tolist()) for name in covariates}
    flags = {
        name.removeprefix(_FLAG): _member(outcomes, name)[keep]
        for name in outcomes.numbers
        if name.startswith(_FLAG) and name != f"{_FLAG}itt"
    }
    data: Patients | Measurements
    if binary:
        for a, name in enumerate(arms.names):
            if not (arm == a).any():
                raise TrialError(
                    outcomes.where("arm"),
                    f"no patient of arm '{name}' whose '{derived.plan.name}' is known",
                    "at least one in each arm",
                )
        data = Patients(site, arm, counted[keep].astype(np.int64), flags, kept)
    else:
        limits = None if derived.limits is None else (derived.limits[0][keep], derived.limits[1][keep])
        baseline = None if derived.baseline is None else derived.baseline[keep]
        data = Measurements(site, arm, derived.values[keep], baseline, limits, flags, kept)
    everyone = {"itt": Population("itt", "intention to treat", "everyone in the file")}
    return Trial(
        name=outcomes.name,
        title=f"{outcomes.name}: {derived.plan.label}",
        arms=arms,
        end_point=derived.end_point,
        data=data,
        populations=everyone | {name: Population(name, name, f"column {_FLAG}{name}") for name in flags},
        provenance=({"number": "patients", "what": f"{outcomes.source or outcomes.name}", "source": "", "grade": ""},),
        synthetic=outcomes.synthetic,
        notes=tuple(notes),
        reading=_reading(derived, outcomes, data, arms, notes),
    )


def _reading(
    derived: Derived, outcomes: Outcomes, data: Patients | Measurements, arms: Arms, notes: list[str]
) -> Reading:
    """How the trial of one end point came out of everything that was recorded."""
    plan = derived.plan
    good = data.response.astype(bool) if isinstance(data, Patients) else data.measured
    counts = {name: (int(good[data.arm == a].sum()), int((data.arm == a).sum())) for a, name in enumerate(arms.names)}
    made = {"response": plan.response, "value": plan.value} | ({} if plan.change is None else plan.change.model_dump())
    made |= {} if plan.sri is None else plan.sri.model_dump(exclude={"threshold"})
    columns = {role: str(column) for role, column in made.items() if column in outcomes.columns}
    codings = [f"end point '{plan.name}': {plan.label}", f"missing values: {plan.missing_rule}"]
    if plan.kind == "continuous":
        codings.append("of each arm: patients whose value is known, of all")
    return Reading(
        source=outcomes.source or outcomes.name,
        shape="a row a patient",
        rows=len(outcomes),
        patients=len(data.site),
        sites=len(set(data.site)),
        arms=counts,
        columns=outcomes.origins | columns,
        codings=tuple(codings),
        exclusions=tuple(notes),
        guesses=outcomes.guesses,
    )


def _member(outcomes: Outcomes, column: str) -> NDArray[np.bool_]:
    values = outcomes.binary(column)
    if np.isnan(values).any():
        i = int(np.argmax(np.isnan(values)))
        raise TrialError(outcomes.where(column, i), "nothing", "0 or 1: membership of a population is always known")
    return values.astype(bool)


def members(outcomes: Outcomes, population: str) -> NDArray[np.bool_]:
    """Who belongs to a population, shape (patients,).

    Raises
    ------
    TrialError
        Where the data have no such column.
    """
    if population == "itt":
        return np.ones(len(outcomes), bool)
    if f"{_FLAG}{population}" not in outcomes.numbers:
        known = [name.removeprefix(_FLAG) for name in outcomes.numbers if name.startswith(_FLAG)]
        raise TrialError(
            outcomes.where(),
            f"no population '{population}'",
            f"a column '{_FLAG}{population}' of 0 and 1",
            nearest(population, ["itt", *known]),
        )
    return _member(outcomes, f"{_FLAG}{population}")


@dataclass(frozen=True, eq=False)
class Compared(ReadOnly):
    """The patients of a population who are in one of two arms.

    Attributes
    ----------
    here : array of bool, shape (all patients,)
        Who they are.
    sites : tuple of str
        In order of first appearance.
    site, arm : array of int, shape (compared patients,)
        Index of each one's site; 0 control, 1 active.
    """

    here: NDArray[np.bool_]
    sites: tuple[str, ...]
    site: NDArray[np.int64]
    arm: NDArray[np.int64]


def compared(outcomes: Outcomes, arms: Arms, population: str) -> Compared:
    """Who is compared, at which site and in which arm.

    Raises
    ------
    TrialError
        Where the data have no such population.
    """
    names = np.array(outcomes.arm)
    here = np.isin(names, arms.names) & members(outcomes, population)
    where = np.array(outcomes.site)[here]
    sites = tuple(dict.fromkeys(where.tolist()))
    index = {name: i for i, name in enumerate(sites)}
    site = np.array([index[name] for name in where], dtype=np.int64)
    return Compared(here, sites, site, (names[here] == arms.active).astype(np.int64))


@checked
def missing_table(derived: Derived, outcomes: Outcomes, arms: Arms, population: str = "itt") -> pd.DataFrame:
    """Patients and missing values by site and arm, with the totals as the last row ('all sites').

    Returns
    -------
    DataFrame
        Index site; columns n_control, missing_control, n_active, missing_active.
    """
    import pandas as pd

    member, gaps = members(outcomes, population), derived.missing
    sites, names = np.array(outcomes.site), np.array(outcomes.arm)
    rows = {}
    for site in (*outcomes.sites, None):
        here = member & ((sites == site) if site is not None else True)
        row: dict[str, int] = {}
        for role, arm in zip(("control", "active"), arms.names, strict=True):
            chosen = here & (names == arm)
            row |= {f"n_{role}": int(chosen.sum()), f"missing_{role}": int((chosen & gaps).sum())}
        if row["n_control"] + row["n_active"]:
            rows["all sites" if site is None else site] = row
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("site")
