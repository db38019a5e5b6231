"""What a model file may say: one complete, prespecified analysis. All defaults of the package live here."""

from __future__ import annotations

import json
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, StringConstraints, field_validator, model_validator

from bayes_lupil.documents import NAME_PATTERN, Document, canonical_hash, parse_document, read_toml, requirement
from bayes_lupil.errors import ModelError, nearest
from bayes_lupil.priors import LKJ, Beta, Dirichlet, LocationPrior, Prior, ScalePrior

__all__ = [
    "Decision",
    "ModelSpec",
    "Priors",
    "Sampler",
    "Sites",
    "builtin_models",
    "load_model",
    "load_models",
    "model_path",
    "model_schema",
]

Text = Annotated[str, StringConstraints(min_length=1, max_length=1000)]
Role = Literal["primary", "secondary", "sensitivity", "reference"]
_ROLES = get_args(Role)
Pooling = Literal["pooled", "partial", "fixed"]
Threshold = Annotated[float, Field(gt=-1, lt=1)]


class Sites(Document):
    """How sites enter: logit p = alpha + u_site + (beta + v_site) x.

    Attributes
    ----------
    intercepts, effects : {"pooled", "partial", "fixed"}
        pooled: the same at every site; partial: drawn from a common distribution and so shrunk; fixed: one free
        parameter for each site.
    distribution : {"normal", "student_t"}
        Distribution of u and v where pooling is partial; tau_u and tau_v are its scales.
    df : float, optional
        Degrees of freedom of "student_t"; small ones let single sites lie far out.
    correlated : bool
        Whether u and v may be correlated over sites (both must be partial), with priors.correlation.
    coding : {"centred", "reference"}
        centred: x is -1/2 for control and +1/2 for active; reference: 0 and 1, as in most published fits. With
        partially pooled effects the coding changes the model.
    """

    intercepts: Pooling
    effects: Pooling
    distribution: Literal["normal", "student_t"] = "normal"
    df: Annotated[float, Field(ge=1, le=1000)] | None = None
    correlated: bool = False
    coding: Literal["centred", "reference"] = "centred"

    @model_validator(mode="after")
    def _complete(self) -> Sites:
        if self.distribution == "student_t" and self.df is None:
            raise requirement("df", "nothing", "degrees of freedom, because distribution = 'student_t'")
        if self.distribution == "normal" and self.df is not None:
            raise requirement("df", f"{self.df:g}", "none, because distribution = 'normal'")
        if self.correlated and (self.intercepts, self.effects) != ("partial", "partial"):
            raise requirement("correlated", "true", "false, unless intercepts and effects are both 'partial'")
        return self

    @property
    def pooled(self) -> bool:
        """Whether sites play no part at all."""
        return self.intercepts == "pooled" and self.effects == "pooled"

    @property
    def x(self) -> tuple[float, float]:
        """Treatment code of control and active."""
        return (-0.5, 0.5) if self.coding == "centred" else (0.0, 1.0)


class Priors(Document):
    """Priors, each with its reason.

    alpha is the average log odds (of the control arm under reference coding), beta the average log odds ratio, tau_u
    and tau_v the between-site SDs (scales), correlation that of u and v; site_shares and retention are used only for
    trials known by their margins; sigma, the SD of patients within a site and arm, and gamma, the slope on the
    baseline, are used only for continuous end points.
    """

    alpha: LocationPrior
    beta: LocationPrior
    tau_u: ScalePrior | None = None
    tau_v: ScalePrior | None = None
    correlation: LKJ | None = None
    site_shares: Dirichlet | None = None
    retention: Beta | None = None
    sigma: ScalePrior | None = None
    gamma: LocationPrior | None = None

    @field_validator("tau_u", "tau_v", "sigma")
    @classmethod
    def _not_negative(cls, prior: Any) -> Any:
        if prior is not None and getattr(prior, "lower", 0.0) < 0:
            raise requirement("lower", f"{prior.lower:g}", "0 or more, since it is a standard deviation")
        return prior

    def items(self) -> list[tuple[str, Prior]]:
        """(name, prior) of those that are given."""
        return [(name, prior) for name in type(self).model_fields if (prior := getattr(self, name)) is not None]


class Decision(Document):
    """What is asked of the posterior of the risk difference, on the benefit scale (positive is good).

    Attributes
    ----------
    ladder : tuple of float
        Thresholds d of the reported P(risk difference > d); 0 is always among them.
    harm : float
        A risk difference below -harm counts as harm.
    relevant : float
        A risk difference of at least this much counts as a relevant benefit.
    """

    ladder: tuple[Threshold, ...] = (0.0, 0.05, 0.10, 0.15, 0.20)
    harm: Annotated[float, Field(ge=0, lt=1)] = 0.0
    relevant: Annotated[float, Field(gt=0, lt=1)] = 0.10

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
        auto: quadrature for trials whose site table is known, NUTS for those known by their margins.
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
    end_point: Literal["primary"] = "primary"
    population: Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
    without_sites: tuple[Text, ...] = ()
    estimand: Text
    only_for: tuple[Text, ...] = ()
    sites: Sites
    priors: Priors
    decision: Decision = Decision()
    sampler: Sampler

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

    @property
    def hash(self) -> str:
        """SHA-256 of the analysis; comments and layout of the file do not enter."""
        return canonical_hash(self.to_dict())

    def to_dict(self) -> dict[str, Any]:
        """As plain data, which `ModelSpec.from_dict` reads back."""
        content: dict[str, Any] = json.loads(self.model_dump_json(by_alias=True))
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


def builtin_models() -> tuple[str, ...]:
    """Names of the models that come with the package."""
    return tuple(sorted(path.stem for path in _folder().glob("*.toml")))


def load_model(model: str | Path) -> ModelSpec:
    """Load a model by built-in name or from a TOML file.

    Raises
    ------
    ModelError
        Naming file and key, what was found and what is required, with the nearest valid spelling.

    Examples
    --------
    >>> load_model("site_effects").sites.effects
    'partial'
    """
    return read_toml(model_path(model), ModelSpec, ModelError)


def model_path(model: str | Path) -> Path:
    """The file of a model given by built-in name or by its path."""
    path = Path(model)
    if path.suffix.lower() != ".toml":
        if str(model) not in builtin_models():
            raise ModelError(
                f"model '{model}'",
                "no built-in model of that name",
                "a built-in name or a file that ends in .toml",
                nearest(str(model), builtin_models()),
            )
        path = _folder() / f"{model}.toml"
    return path


def load_models(folder: str | Path | None = None) -> tuple[ModelSpec, ...]:
    """All models of a folder (the built-in ones by default), or the one in a file; primary first, then by name."""
    path = _folder() if folder is None else Path(folder)
    if path.suffix.lower() == ".toml":
        return (load_model(path),)
    found = sorted(path.glob("*.toml"))
    if not found:
        raise ModelError(str(path), "no model files", "a folder with *.toml files, or one such file")
    models = tuple(sorted((load_model(file) for file in found), key=lambda model: _ROLES.index(model.role)))
    _distinct(models, path)
    return models


def _distinct(models: Iterable[ModelSpec], path: Path) -> None:
    seen: set[str] = set()
    for model in models:
        if model.name in seen:
            raise ModelError(str(path), f"two models named '{model.name}'", "a name of its own for each model")
        seen.add(model.name)


def model_schema() -> dict[str, Any]:
    """JSON schema of a model file, for editors."""
    schema = ModelSpec.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "bayes_lupil model file"}


def _folder() -> Path:
    """`models/` inside an installed package, or beside it in a checkout."""
    inside = Path(str(files("bayes_lupil"))) / "models"
    return inside if inside.is_dir() else inside.parent.parent / "models"
