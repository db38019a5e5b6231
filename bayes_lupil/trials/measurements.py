"""One row a patient with the value of a continuous end point: missing where it was not measured."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.arguments import check_fields
from bayes_lupil.errors import TrialError
from bayes_lupil.frozen import ReadOnly
from bayes_lupil.trials.names import check_names
from bayes_lupil.trials.patients import frozen
from bayes_lupil.trials.populations import Exclusion, Population

__all__ = ["MeasuredSet", "Measurements"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Measurements(ReadOnly):
    """A continuous end point of a two-arm trial.

    Parameters
    ----------
    site : tuple of str
        Site of each patient.
    arm : array of int, shape (patients,)
        0 control, 1 active.
    value : array, shape (patients,)
        In units of the end point; NaN where it is missing.
    baseline : array, shape (patients,), optional
        A covariate; NaN where it is missing, and such patients are then left out like those without a value.
    limits : (array, array), optional
        What the instrument allows each patient's value to be at the least and at the most, shape (patients,) each.
    flags : dict of str to array of bool
        Membership of each population other than 'itt', shape (patients,).
    covariates : dict of str to tuple of str
        Further columns as they stand in the file.

    Raises
    ------
    TrialError
        For columns of another length, values that are infinite, or an arm with no measured patient.
    """

    site: tuple[str, ...]
    arm: NDArray[np.int64]
    value: Floats
    baseline: Floats | None = None
    limits: tuple[Floats, Floats] | None = None
    flags: dict[str, NDArray[np.bool_]] = field(default_factory=dict)
    covariates: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_fields(self, TrialError)
        check_names(self.site, "site")
        check_names(tuple(self.flags), "population")
        size = len(self.site)
        for name, texts in self.covariates.items():
            if len(texts) != size:
                raise TrialError(f"column '{name}'", f"{len(texts)} values", f"one value for each of {size} patients")
        if "itt" in self.flags:
            raise TrialError("flags", "a flag 'itt'", "other names: 'itt' is every patient")
        columns: dict[str, Any] = {"arm": self.arm, "value": self.value, **self.flags}
        if self.baseline is not None:
            columns["baseline"] = self.baseline
        for name, column in columns.items():
            if np.shape(column) != (size,):
                found = f"shape {np.shape(column)}"
                raise TrialError(f"column '{name}'", found, f"one value for each of {size} patients")
            try:
                numbers = np.asarray(column, dtype=float)
            except (TypeError, ValueError):
                raise TrialError(f"column '{name}'", f"values of type {np.asarray(column).dtype}", "numbers") from None
            if name in ("value", "baseline"):
                if np.isinf(numbers).any():
                    raise TrialError(f"column '{name}'", "an infinite number", "finite numbers, NaN where missing")
            elif not np.isin(numbers, (0, 1)).all():
                raise TrialError(f"column '{name}'", "values other than 0 and 1", "0 or 1")
        if self.limits is not None:
            self._check_limits(*(np.asarray(side, dtype=float) for side in self.limits))
        for name, kind in (("arm", np.int64), ("value", float), ("baseline", float)):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, frozen(getattr(self, name), kind))
        object.__setattr__(self, "flags", {name: frozen(flag, np.bool_) for name, flag in self.flags.items()})
        super().__post_init__()
        for a, word in enumerate(("control", "active")):
            if not (self.measured & (self.arm == a)).any():
                raise TrialError(f"{word} arm", "no patient whose value is known", "at least one in each arm")

    def _check_limits(self, low: Floats, high: Floats) -> None:
        """That every patient has limits, the least below the largest."""
        for side in (low, high):
            if side.shape != (len(self.site),):
                found = f"shape {side.shape}"
                raise TrialError("limits", found, f"a least and a largest value for each of {len(self.site)} patients")
        reversed_ = low >= high  # NaN, of a patient without a baseline, compares with nothing
        if reversed_.any():
            i = int(np.argmax(reversed_))
            raise TrialError("limits", f"{low[i]:g} to {high[i]:g} (patient {i + 1})", "the least below the largest")

    @property
    def sites(self) -> tuple[str, ...]:
        """Site names in order of first appearance."""
        return tuple(dict.fromkeys(self.site))

    @property
    def measured(self) -> NDArray[np.bool_]:
        """Whose value, and baseline where there is one, is known; shape (patients,)."""
        known = ~np.isnan(self.value)
        return known if self.baseline is None else known & ~np.isnan(self.baseline)

    def measured_set(self, population: Population, without_sites: tuple[str, ...] = ()) -> MeasuredSet:
        """See `bayes_lupil.trials.Trial.measured_set`."""
        member = np.ones(len(self.site), bool) if population.name == "itt" else self.flags[population.name]
        sites = np.array(self.site)
        here = member & ~np.isin(sites, without_sites)
        keep = here & self.measured
        reasons = [(~member, f"not in population '{population.name}'")]
        reasons += [(member & (sites == s), f"site '{s}' left out") for s in self.sites if s in without_sites]
        reasons.append((here & ~self.measured, "value missing"))
        exclusions = tuple(
            Exclusion(a, int((out & (self.arm == a)).sum()), None, reason)
            for out, reason in reasons
            for a in (0, 1)
            if (out & (self.arm == a)).any()
        )
        label = population.label_without(without_sites)
        for a, word in enumerate(("control", "active")):
            if not (keep & (self.arm == a)).any():
                found = f"no patient of the {word} arm whose value is known"
                raise TrialError(f"population '{label}'", found, "at least one in each arm")
        # sites of everyone in the population, so that the effect is averaged over those whose value is missing too
        names = tuple(dict.fromkeys(sites[here].tolist()))
        index = {name: i for i, name in enumerate(names)}
        everyone = np.array([index[name] for name in sites[here]], dtype=np.int64)
        return MeasuredSet(
            population.name,
            label,
            names,
            np.array([index[name] for name in sites[keep]], dtype=np.int64),
            self.arm[keep],
            self.value[keep],
            None if self.baseline is None else self.baseline[keep],
            None if self.limits is None else (self.limits[0][keep], self.limits[1][keep]),
            np.bincount(everyone, minlength=len(names)) / everyone.size,
            tuple(np.flatnonzero(keep).tolist()),
            exclusions,
        )

    def content(self) -> dict[str, Any]:
        """The columns as plain lists, with None where a value is missing, patients in one order as those of counts."""

        def plain(values: Floats | None) -> list[float | None] | None:
            return None if values is None else [None if v != v else float(v) for v in values]

        flags = {name: self.flags[name].astype(int) for name in sorted(self.flags)}
        baseline = np.zeros(self.value.size) if self.baseline is None else self.baseline
        covariates = {name: np.array(self.covariates[name]) for name in sorted(self.covariates)}
        columns = (*covariates.values(), *flags.values())
        keys: tuple[Any, ...] = (*columns, baseline, self.value, self.arm, np.array(self.site))
        order = np.lexsort(keys)  # the last key first; NaN last
        return {
            "resolution": "patients",
            "site": [self.site[i] for i in order],
            "arm": self.arm[order].tolist(),
            "value": plain(self.value[order]),
            "baseline": None if self.baseline is None else plain(baseline[order]),
            "flags": {name: flag[order].tolist() for name, flag in flags.items()},
            **(
                {"covariates": {name: texts[order].tolist() for name, texts in covariates.items()}}
                if covariates
                else {}
            ),
        }


@dataclass(frozen=True, eq=False)
class MeasuredSet(ReadOnly):
    """The patients of a population whose value is known: what a model is fitted to.

    Attributes
    ----------
    sites : tuple of str
        Sites of everyone in the population.
    site, arm : array of int, shape (patients,)
        Index of each patient's site; 0 control, 1 active.
    value : array, shape (patients,)
    baseline : array, shape (patients,), or None
    limits : (array, array) or None
        Least and largest value that the instrument allows each patient.
    shares : array, shape (sites,)
        Share of the population at each site, those without a value among them.
    members : tuple of int
        Which patients of the `Measurements` they are, in order.
    exclusions : tuple of Exclusion
        Everyone in the trial who is not in this set.
    """

    population: str
    label: str
    sites: tuple[str, ...]
    site: NDArray[np.int64]
    arm: NDArray[np.int64]
    value: Floats
    baseline: Floats | None
    limits: tuple[Floats, Floats] | None
    shares: Floats
    members: tuple[int, ...]
    exclusions: tuple[Exclusion, ...] = ()

    @property
    def patients(self) -> tuple[int, int]:
        """Patients of control and active."""
        control, active = np.bincount(self.arm, minlength=2)
        return int(control), int(active)
