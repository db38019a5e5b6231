"""What the joint model is fitted to: several outcomes of the same patients, each with its own model file."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.cards import Brief
from bayes_lupil.documents import canonical_hash
from bayes_lupil.errors import TrialError, UnsupportedModelError
from bayes_lupil.spec import ModelSpec

__all__ = ["JointData", "JointOutcome"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class JointOutcome(Brief):
    """One end point of the joint model.

    Attributes
    ----------
    name, label : str
        Short name, unique within a fit, and name in words.
    spec : ModelSpec
        Its own model: priors, coding of the arms, and which site effects there are ('pooled' or 'partial'). Its sampler
        is not used.
    kind : {"binary", "continuous"}
    benefit : {"higher", "lower"}
        Which is the good direction.
    y : array, shape (patients,)
        NaN where missing; 0 and 1 for a binary outcome.
    baseline : array, shape (patients,), optional
        Covariate of a continuous outcome, needed where y is there.

    Raises
    ------
    TrialError
        Where the arrays are not what they must be.
    UnsupportedModelError
        Where the model is of a form that the joint model does not have, or its priors do not go with the data.
    """

    name: str
    label: str
    spec: ModelSpec
    kind: Literal["binary", "continuous"]
    benefit: Literal["higher", "lower"]
    y: Floats
    baseline: Floats | None = None

    def __post_init__(self) -> None:
        where = f"outcome '{self.name}'"
        for name, allowed in (("kind", ("binary", "continuous")), ("benefit", ("higher", "lower"))):
            if getattr(self, name) not in allowed:
                raise TrialError(where, f"{name} = '{getattr(self, name)}'", " or ".join(f"'{a}'" for a in allowed))
        object.__setattr__(self, "y", self._column("y", self.y))
        if not self.observed.any():
            raise TrialError(where, "no value at all", "at least one")
        if self.kind == "binary" and not np.isin(self.y[self.observed], (0.0, 1.0)).all():
            wrong = int(np.argmax(self.observed & ~np.isin(self.y, (0.0, 1.0))))
            raise TrialError(where, f"{self.y[wrong]:g} in row {wrong + 1}", "0 or 1, or NaN where missing")
        if self.baseline is not None:
            baseline = self._column("baseline", self.baseline)
            object.__setattr__(self, "baseline", baseline)
            if baseline.shape != self.y.shape:
                raise TrialError(where, f"{baseline.size} baselines", f"one for each of {self.y.size} patients")
            gap = self.observed & np.isnan(baseline)
            if gap.any():
                raise TrialError(where, f"no baseline in row {int(np.argmax(gap)) + 1}", "one wherever y is there")
        self._check_model()

    def _column(self, name: str, values: Any) -> Floats:
        array = np.array(values, dtype=float)
        if array.ndim != 1 or not array.size or np.isinf(array).any():
            found = f"{name} of shape {array.shape}" if array.ndim != 1 or not array.size else f"infinity in {name}"
            raise TrialError(f"outcome '{self.name}'", found, "one finite number a patient, or NaN where missing")
        array.setflags(write=False)
        return array

    def _check_model(self) -> None:
        where, sites, priors = f"outcome '{self.name}', model '{self.spec.name}'", self.spec.sites, self.spec.priors
        if "fixed" in (sites.intercepts, sites.effects):
            raise UnsupportedModelError(where, "fixed site effects", "'pooled' or 'partial' in a joint model")
        if self.spec.countries is not None:
            raise UnsupportedModelError(where, "countries above the sites", "no [countries] in a joint model")
        if self.spec.covariates is not None:
            hint = "Leave [joint] out of the plan (joint=False, or --no-joint): each model is then fitted by itself."
            raise UnsupportedModelError(where, "covariates", "no [covariates] in a joint model", hint)
        if sites.distribution != "normal":
            raise UnsupportedModelError(where, f"distribution = '{sites.distribution}'", "'normal' in a joint model")
        if sites.correlated:
            required = "false in a joint model, whose site effects are correlated between end points"
            raise UnsupportedModelError(where, "correlated = true", required)
        if self.spec.errors is not None and self.spec.errors.distribution != "normal":
            raise UnsupportedModelError(where, "Student-t errors", "normal errors in a joint model")
        continuous, covariate = self.kind == "continuous", self.baseline is not None
        if covariate and not continuous:
            raise UnsupportedModelError(where, "a baseline", "none, because the outcome is binary")
        for name, wanted, why in (
            ("sigma", continuous, f"the outcome is {self.kind}"),
            ("gamma", covariate, f"there is {'a' if covariate else 'no'} baseline"),
        ):
            if wanted and getattr(priors, name) is None:
                raise UnsupportedModelError(where, f"no prior for {name}", f"priors.{name}, because {why}")
            if not wanted and getattr(priors, name) is not None:
                raise UnsupportedModelError(where, f"a prior for {name}", f"none, because {why}")

    @property
    def sign(self) -> int:
        """+1 where higher is better, -1 where lower is."""
        return 1 if self.benefit == "higher" else -1

    @cached_property
    def observed(self) -> NDArray[np.bool_]:
        """Who has a value, shape (patients,)."""
        return ~np.isnan(self.y)

    @cached_property
    def centred_baseline(self) -> Floats | None:
        """Baseline minus its mean over the patients who have the outcome; 0 for those who have not."""
        if self.baseline is None:
            return None
        centred = self.baseline - self.baseline[self.observed].mean()
        return np.where(self.observed, centred, 0.0)


@dataclass(frozen=True, eq=False)
class JointData(Brief):
    """Outcomes of the same patients, who come in the same order in each.

    Attributes
    ----------
    outcomes : tuple of JointOutcome
        In the order of the hierarchy.
    site_names : tuple of str
    site : array of int, shape (patients,)
        Index of each patient's site among the names.
    arm : array of int, shape (patients,)
        0 for control, 1 for active.

    Raises
    ------
    TrialError
        Where the arrays do not go together, two outcomes have the same name, or an arm is empty.
    """

    outcomes: tuple[JointOutcome, ...]
    site_names: tuple[str, ...]
    site: Integers
    arm: Integers

    def __post_init__(self) -> None:
        object.__setattr__(self, "outcomes", tuple(self.outcomes))
        object.__setattr__(self, "site_names", tuple(self.site_names))
        if not self.outcomes:
            raise TrialError("joint model", "no outcome", "at least one")
        for what, labels in (("outcome", self.names), ("site", self.site_names)):
            if len(set(labels)) < len(labels):
                twice = next(label for label in labels if labels.count(label) > 1)
                raise TrialError("joint model", f"{what} '{twice}' twice", "each name once")
        size = self.outcomes[0].y.size
        for item in self.outcomes:
            if item.y.size != size:
                raise TrialError(
                    f"outcome '{item.name}'", f"{item.y.size} patients", f"{size}, as the first outcome has"
                )
        for name, below in (("site", len(self.site_names)), ("arm", 2)):
            array = np.asarray(getattr(self, name), dtype=float)
            if array.shape != (size,):
                raise TrialError("joint model", f"{name} of shape {array.shape}", f"one for each of {size} patients")
            wrong = (array != np.floor(array)) | ~((array >= 0) & (array < below))
            if wrong.any():
                row = int(np.argmax(wrong))
                found = f"{name} = {array[row]:g} in row {row + 1}"
                raise TrialError("joint model", found, f"a whole number, 0 to {below - 1}")
            object.__setattr__(self, name, array.astype(np.int64))
        for arm, word in enumerate(("control", "active")):
            if not (self.arm == arm).any():
                raise TrialError("joint model", f"nobody in the {word} arm", "patients in both arms")

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the outcomes."""
        return tuple(item.name for item in self.outcomes)

    @cached_property
    def site_weights(self) -> Floats:
        """Share of all patients, whether an outcome is missing or not, at each site, shape (sites,)."""
        return np.bincount(self.site, minlength=len(self.site_names)) / self.site.size

    @property
    def data_hash(self) -> str:
        """SHA-256 over outcomes, sites and arms."""

        def plain(values: Floats | None) -> list[float | None] | None:
            return None if values is None else [None if v != v else float(v) for v in values]

        rows = [[item.name, item.kind, item.benefit, plain(item.y), plain(item.baseline)] for item in self.outcomes]
        return canonical_hash([rows, self.site_names, self.site.tolist(), self.arm.tolist()])
