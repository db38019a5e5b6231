"""What a model file may say: one complete, prespecified analysis. All defaults of the package live here."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, field_validator, model_validator

from bayes_lupil.characters import name_fault, repeated
from bayes_lupil.documents import NAME_PATTERN, Document, canonical_hash, parse_document, requirement
from bayes_lupil.errors import ModelError
from bayes_lupil.priors import (
    LKJ,
    Averaged,
    Beta,
    ControlRiskBeta,
    DfPrior,
    Dirichlet,
    EffectOnRisk,
    EffectPrior,
    LevelPrior,
    LocationPrior,
    Normal,
    Prior,
    ScalePrior,
    Univariate,
)  # fmt: skip
from bayes_lupil.spec.sites import Sites

__all__ = ["Decision", "Errors", "ModelSpec", "Priors", "Role", "Sampler"]

Text = Annotated[str, StringConstraints(min_length=1, max_length=1000)]
Role = Literal["primary", "secondary", "sensitivity", "reference"]


class Priors(Document):
    """Priors, each with its reason.

    alpha is the average log odds (of the control arm under reference coding), beta the average log odds ratio, tau_u
    and tau_v the between-site SDs (scales), correlation that of u and v; df is for Student-t sites, outlier_share for
    contaminated and exnex ones, nonexchangeable the treatment effect (log odds ratio) of a site that is not
    exchangeable; site_shares and retention are used only for trials known by their margins; sigma, the SD of patients
    within a site and arm (their scale where errors are Student-t), gamma, the slope on the baseline, and error_df are
    used only for continuous end points, and a prior for sigma is what tells a model of one.

    What a prior is stated for need not be the parameter itself. Of a between-site SD it may be the variance
    (variance_uniform, variance_half_normal, variance_inverse_gamma), the precision 1 / variance (precision_uniform;
    precision_gamma, another name for variance_inverse_gamma) or how far it shrinks a typical site (uniform_shrinkage,
    dumouchel). With coding = 'reference', where alpha is the control arm's log odds, alpha may be stated for the
    control risk (control_risk_beta; a = b = 1 is uniform), and beta, given alpha, for the log risk ratio
    (log_risk_ratio_normal) or the risk difference (risk_difference_normal), cut off to what is possible at that control
    risk; where sites differ in level, all this is said of a site with average log odds.
    """

    alpha: LevelPrior
    beta: EffectPrior
    tau_u: ScalePrior | None = None
    tau_v: ScalePrior | None = None
    correlation: LKJ | None = None
    df: DfPrior | None = None
    outlier_share: Beta | None = None
    nonexchangeable: Normal | None = None
    site_shares: Dirichlet | None = None
    retention: Beta | None = None
    sigma: ScalePrior | None = None
    gamma: LocationPrior | None = None
    error_df: DfPrior | None = None

    @field_validator("tau_u", "tau_v", "sigma")
    @classmethod
    def _not_negative(cls, prior: Any) -> Any:
        if prior is not None and getattr(prior, "lower", 0.0) < 0:
            raise requirement("lower", f"{prior.lower:g}", "0 or more, since it is a standard deviation")
        return prior

    @field_validator("error_df")
    @classmethod
    def _with_a_variance(cls, prior: Any) -> Any:
        if prior is not None and prior.lower < 2:
            raise requirement("lower", f"{prior.lower:g}", "2 or more, so that patients have a variance")
        return prior

    @field_validator("df")
    @classmethod
    def _at_least_one(cls, prior: Any) -> Any:
        if prior is not None and prior.lower < 1:
            raise requirement("lower", f"{prior.lower:g}", "1 or more: fewer degrees of freedom have no place here")
        return prior

    def items(self) -> list[tuple[str, Prior]]:
        """(name, prior) of those that are given."""
        return [(name, prior) for name in type(self).model_fields if (prior := getattr(self, name)) is not None]

    def marginal(self, name: str) -> Univariate:
        """The prior of one parameter alone: averaged over alpha's, where it depends on that."""
        prior = getattr(self, name)
        found: Univariate = Averaged(prior, self.alpha) if isinstance(prior, EffectOnRisk) else prior
        return found


class Errors(Document):
    """How patients of one site and arm differ in a continuous end point.

    Attributes
    ----------
    distribution : {"normal", "student_t"}
        student_t lets single patients lie far out without moving the mean by much; sigma is then its scale.
    df : float, optional
        Degrees of freedom, above 2; left out where `priors.error_df` says that they are estimated.
    """

    distribution: Literal["normal", "student_t"]
    df: Annotated[float, Field(gt=2, le=1000)] | None = None


class Decision(Document):
    """What is asked of the posterior of the effect, on the benefit scale (positive is good).

    The effect is the risk difference, between -1 and 1, or the mean difference of a continuous end point, in its units.

    Attributes
    ----------
    ladder : tuple of float
        Thresholds d of the reported P(effect > d); 0 is always among them.
    harm : float
        An effect below -harm counts as harm.
    relevant : float
        An effect of at least this much counts as a relevant benefit.
    """

    ladder: tuple[float, ...] = (0.0, 0.05, 0.10, 0.15, 0.20)
    harm: Annotated[float, Field(ge=0)] = 0.0
    relevant: Annotated[float, Field(gt=0)] = 0.10

    @field_validator("ladder")
    @classmethod
    def _with_zero(cls, ladder: tuple[float, ...]) -> tuple[float, ...]:
        if 0.0 not in ladder or list(ladder) != sorted(set(ladder)):
            raise ValueError("thresholds in rising order, 0 among them")
        return ladder


class Sampler(Document):
    """Engine and its settings.

    Attributes
    ----------
    engine : {"auto", "nuts", "quadrature"}
        quadrature: site effects integrated out, importance sampling of the rest; nuts: the No-U-Turn Sampler;
        auto: quadrature for trials whose site table is known, and NUTS where its diagnostics fail or it would take
        hours; NUTS for those known by their margins.
    points, nodes : int
        Quadrature: importance points (a power of 2; more are taken where they do not do) and the most Gauss-Hermite
        nodes along an axis of a site's integral.
    backend, chains, tune, draws, target_accept
        NUTS. `backend = "nutpie"` falls back to PyMC's own sampler where nutpie is not installed, and the result says
        so.
    seed : int
    """

    engine: Literal["auto", "nuts", "quadrature"] = "auto"
    points: Annotated[int, Field(ge=256, le=2**20)] = 4096
    nodes: Annotated[int, Field(ge=3, le=101)] = 13
    backend: Literal["nutpie", "pymc"] = "nutpie"
    chains: Annotated[int, Field(ge=2, le=64)] = 4
    tune: Annotated[int, Field(ge=100, le=100_000)] = 1000
    draws: Annotated[int, Field(ge=100, le=1_000_000)] = 2000
    target_accept: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    seed: Annotated[int, Field(ge=0, lt=2**32)]

    @field_validator("points")
    @classmethod
    def _power_of_two(cls, points: int) -> int:
        if points & (points - 1):
            raise ValueError("a power of 2, such as 4096")
        return points


class ModelSpec(Document):
    """One declared analysis, as its file in `models/` states it."""

    schema_version: Literal[1] = Field(alias="schema")
    name: Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
    title: Text
    role: Role
    question: Text
    end_point: Annotated[str, StringConstraints(pattern=NAME_PATTERN)] = "primary"
    population: Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
    without_sites: tuple[Text, ...] = ()
    estimand: Text
    only_for: tuple[Text, ...] = ()
    sites: Sites
    errors: Errors | None = None
    priors: Priors
    decision: Decision = Decision()
    sampler: Sampler

    @field_validator("without_sites", "only_for")
    @classmethod
    def _each_once(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if twice := repeated(names):
            raise requirement("", f"'{twice}' twice", "each once")
        if faults := [fault for name in names if (fault := name_fault(name))]:
            raise requirement("", faults[0], "names on one line")
        return names

    @model_validator(mode="after")
    def _priors_fit_pooling(self) -> ModelSpec:
        for part, tau in (("intercepts", "tau_u"), ("effects", "tau_v")):
            pooling, given = getattr(self.sites, part), getattr(self.priors, tau) is not None
            if pooling == "partial" and not given:
                raise requirement(f"priors.{tau}", "nothing", f"a prior, because sites.{part} = 'partial'")
            if pooling != "partial" and given:
                raise requirement(f"priors.{tau}", "a prior", f"none, because sites.{part} = '{pooling}'")
        if self.sites.correlated and self.priors.correlation is None:
            raise requirement("priors.correlation", "nothing", "a prior, because sites.correlated = true")
        if not self.sites.correlated and self.priors.correlation is not None:
            raise requirement("priors.correlation", "a prior", "none, because sites.correlated = false")
        return self

    @model_validator(mode="after")
    def _priors_fit_distribution(self) -> ModelSpec:
        kind = self.sites.distribution
        for key, wanted in (("df", kind == "student_t"), ("outlier_share", self.sites.is_mixture)):
            fixed, prior = getattr(self.sites, key), getattr(self.priors, key)
            if wanted and fixed is None and prior is None:
                either = f"a number there, or the prior priors.{key}, because sites.distribution = '{kind}'"
                raise requirement(f"sites.{key}", "nothing", either)
            if wanted and fixed is not None and prior is not None:
                raise requirement(f"priors.{key}", "a prior", f"none, because sites.{key} = {fixed:g} fixes it")
            if not wanted and prior is not None:
                raise requirement(f"priors.{key}", "a prior", f"none, because sites.distribution = '{kind}'")
        given, wanted = self.priors.nonexchangeable is not None, kind == "exnex"
        if given != wanted:
            found, required = ("a prior", "none") if given else ("nothing", "a prior")
            raise requirement("priors.nonexchangeable", found, f"{required}, because sites.distribution = '{kind}'")
        return self

    @model_validator(mode="after")
    def _risks_are_told(self) -> ModelSpec:
        """A prior stated for risks needs to know the control arm's."""
        for key, prior in (("alpha", self.priors.alpha), ("beta", self.priors.beta)):
            if not isinstance(prior, ControlRiskBeta | EffectOnRisk):
                continue
            found = f"'{prior.family}'"
            if self.continuous:
                raise requirement(f"priors.{key}.family", found, "one of means: with priors.sigma there are no risks")
            if self.sites.coding != "reference":
                why = "with centred coding alpha is midway between the arms, and no control risk"
                raise requirement("sites.coding", f"'{self.sites.coding}'", f"'reference', because of {found}: {why}")
            for part in ("intercepts", "effects"):
                if key == "beta" and getattr(self.sites, part) == "fixed":
                    why = "it is a prior of one effect at one control risk"
                    raise requirement(f"sites.{part}", "'fixed'", f"'pooled' or 'partial', because of {found}: {why}")
        return self

    @model_validator(mode="after")
    def _fits_kind(self) -> ModelSpec:
        """What only one kind of end point has."""
        priors, errors = self.priors, self.errors
        if self.continuous:
            student = errors is not None and errors.distribution == "student_t"
            fixed = errors is not None and errors.df is not None
            if student and not fixed and priors.error_df is None:
                raise requirement("errors.df", "nothing", "a number there, or the prior priors.error_df")
            if priors.error_df is not None and (fixed or not student):
                required = "none, because " + ("errors.df fixes it" if fixed else "errors are normal")
                raise requirement("priors.error_df", "a prior", required)
            if fixed and not student:
                raise requirement("errors.df", "a number", "none, because errors.distribution = 'normal'")
            return self
        for key, given in (("errors", errors), ("priors.error_df", priors.error_df), ("priors.gamma", priors.gamma)):
            if given is not None:
                raise requirement(key, "a table", "none, because without priors.sigma the end point is binary")
        decision = self.decision
        for key, values in (
            ("ladder", decision.ladder),
            ("harm", (decision.harm,)),
            ("relevant", (decision.relevant,)),
        ):
            for value in values:
                if not -1 < value < 1:
                    required = "a risk difference between -1 and 1, because the end point is binary"
                    raise requirement(f"decision.{key}", f"{value:g}", required)
        return self

    @property
    def continuous(self) -> bool:
        """Whether the model is of a continuous end point."""
        return self.priors.sigma is not None

    @property
    def hash(self) -> str:
        """SHA-256 of the analysis; comments and layout of the file do not enter."""
        return canonical_hash(self.to_dict())

    def to_dict(self) -> dict[str, Any]:
        """As plain data, which `ModelSpec.from_dict` reads back."""
        content: dict[str, Any] = json.loads(self.model_dump_json(by_alias=True))
        # keys that came later do not enter where they are not used, so that models keep their hashes
        for table, key in ((content, "errors"), (content["priors"], "error_df")):
            if table[key] is None:
                del table[key]
        return content

    @classmethod
    def from_dict(cls, content: dict[str, Any], where: str = "model") -> ModelSpec:
        """A model from plain data, checked like a file.

        Raises
        ------
        ModelError
            Naming the key, what was found and what is required.
        """
        return parse_document(content, cls, ModelError, where)

    def edited(self, **changes: Any) -> ModelSpec:
        """A copy with some values changed, checked afresh; nested keys are written with a double underscore.

        Examples
        --------
        >>> from bayes_lupil.spec import load_model
        >>> spec = load_model("itt_pooled")
        >>> spec.edited(sampler__seed=7, name="mine").sampler.seed
        7
        """
        content = self.to_dict()
        for key, value in changes.items():
            *parents, last = key.split("__")
            table = content
            for parent in parents:  # a table that is not there becomes an empty one, for the check to complain of
                if table.get(parent) is None:
                    table[parent] = {}
                table = table[parent]
                if not isinstance(table, dict):
                    where = f"model '{self.name}', edited, key '{key.replace('__', '.')}'"
                    raise ModelError(where, f"'{parent}', which is no table", "the name of a value")
            table[last] = value
        return self.from_dict(content, f"model '{self.name}', edited")
