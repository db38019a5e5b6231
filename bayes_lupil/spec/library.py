"""Model files: the built-in ones, one by name or path, all of a folder, and their schema."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, get_args

from bayes_lupil.arguments import checked
from bayes_lupil.documents import read_content, read_toml
from bayes_lupil.errors import ModelError, nearest
from bayes_lupil.spec.model import ModelSpec, Role

__all__ = [
    "PLANS",
    "builtin_models",
    "builtin_plans",
    "country_models",
    "end_point_models",
    "is_model",
    "is_plan",
    "load_model",
    "load_models",
    "model",
    "model_path",
    "model_schema",
    "of_another_trial",
    "plan_path",
    "site_models",
]  # fmt: skip

_ROLES = get_args(Role)
PLANS = "plans"
"""Folder of the end-point plans inside `models/`; a plan is no model."""
_FOR_ANY_TRIAL = (".", "sites", "countries", "adjusted", "endpoints")
"""Folders inside `models/` whose models serve any trial; every other bears the name of the trial that it is of."""


def builtin_models() -> tuple[str, ...]:
    """Names of the models that come with the package; those of one trial's own are named TRIAL/NAME.

    Examples
    --------
    >>> {"site_effects", "lupil2/site_effects"} <= set(builtin_models())
    True
    """
    return tuple(sorted(_builtin()))


def _builtin() -> dict[str, Path]:
    """Model files by name; a trial's own model goes by its bare name too where no other has it."""
    general = {path.stem: path for folder in _FOR_ANY_TRIAL for path in (_folder() / folder).glob("*.toml")}
    own = {f"{trial}/{path.stem}": path for trial, folder in _own().items() for path in folder.glob("*.toml")}
    return own | {path.stem: path for path in own.values()} | general


def _own() -> dict[str, Path]:
    """Folders with models of one trial's own, by the name of the trial."""
    others = {PLANS, *_FOR_ANY_TRIAL}
    return {path.name: path for path in _folder().iterdir() if path.is_dir() and path.name not in others}


def builtin_plans() -> tuple[str, ...]:
    """Names of the end-point plans that come with the package: `models/plans/`."""
    return tuple(sorted(path.stem for path in (_folder() / PLANS).glob("*.toml")))


def plan_path(plan: str | Path) -> Path:
    """The file of a plan given by built-in name or by its path."""
    path = Path(plan)
    if path.suffix.lower() == ".toml":
        return path
    if str(plan) not in builtin_plans():
        raise ModelError(
            f"plan '{plan}'",
            "no built-in plan of that name",
            "a built-in name or a file that ends in .toml",
            nearest(str(plan), builtin_plans()),
        )
    return _folder() / PLANS / f"{plan}.toml"


def site_models() -> tuple[ModelSpec, ...]:
    """The primary model, and the same with other distributions of the site effects: `models/sites/`.

    Examples
    --------
    >>> [model.sites.distribution for model in site_models()][:2]
    ['normal', 'contaminated']
    """
    others = sorted((_folder() / "sites").glob("*.toml"))
    return (load_model("site_effects"), *(load_model(path) for path in others))


def country_models() -> tuple[ModelSpec, ...]:
    """Models of trials whose sites lie in countries (or other groups) that are known: `models/countries/`.

    Examples
    --------
    >>> [model.name for model in country_models()]
    ['country_outliers', 'site_in_country']
    """
    return tuple(load_model(path) for path in sorted((_folder() / "countries").glob("*.toml")))


def end_point_models() -> tuple[ModelSpec, ...]:
    """Models of the single end points of a hierarchy: `models/endpoints/`."""
    return tuple(load_model(path) for path in sorted((_folder() / "endpoints").glob("*.toml")))


@checked
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


@checked
def model(base: ModelSpec | str | Path = "site_effects", **changes: Any) -> ModelSpec:
    """A model by built-in name, file or from another, with some values changed.

    Parameters
    ----------
    base : ModelSpec, str or Path
        What is not changed is taken from here.
    **changes
        See `ModelSpec.with_`.

    Raises
    ------
    ModelError
        Naming the key, what was found and what is required, with the nearest valid spelling.

    Examples
    --------
    >>> from bayes_lupil import priors
    >>> model("site_effects", beta=priors.normal(0, 0.5), tau_v=priors.half_normal(0.25), seed=1).priors.tau_v.sd
    0.25
    """
    return (base if isinstance(base, ModelSpec) else load_model(base)).with_(**changes)


def of_another_trial(spec: ModelSpec, trial: str) -> dict[str, str]:
    """Priors whose reasons were written for another trial than the one named, with the name of that trial.

    Told from the reasons themselves, which a model keeps when it is copied, edited or saved.

    Examples
    --------
    >>> of_another_trial(load_model("lupil2/site_effects"), "mine")
    {'site_shares': 'lupil2'}
    >>> of_another_trial(load_model("site_effects"), "mine")
    {}
    """
    written = _reasons_of_one_trial()
    found = ((name, written.get(prior.reason, {trial})) for name, prior in spec.priors.items())
    return {name: ", ".join(sorted(trials)) for name, trials in found if trial not in trials}


@functools.cache
def _reasons_of_one_trial() -> dict[str, set[str]]:
    """The trials that the reasons of priors were written for, where no model for any trial gives the same reason."""

    def reasons(folder: Path) -> set[str]:
        contents = [read_content(path, ModelError)["priors"].values() for path in folder.glob("*.toml")]
        return {prior["reason"] for priors in contents for prior in priors}

    general = set().union(*(reasons(_folder() / name) for name in _FOR_ANY_TRIAL))
    found: dict[str, set[str]] = {}
    for trial, folder in _own().items():
        for reason in reasons(folder) - general:
            found.setdefault(reason, set()).add(trial)
    return found


def is_model(name: object) -> bool:
    """Whether something is a model, the name of a built-in one or a model file, and not a trial.

    Examples
    --------
    >>> is_model("site_effects"), is_model("lupil2"), is_model("my_trial.csv")
    (True, False, False)
    """
    if isinstance(name, ModelSpec):
        return True
    if not isinstance(name, str | os.PathLike):
        return False
    path = Path(name)
    return _has_key(path, "priors") if path.suffix.lower() == ".toml" else path.as_posix() in builtin_models()


def is_plan(name: object) -> bool:
    """Whether something is a plan of end points, the name of a built-in one or its file, and no trial or model.

    Examples
    --------
    >>> is_plan("lupil2_hierarchy"), is_plan("lupil2"), is_plan("my_trial.csv")
    (True, False, False)
    """
    if not isinstance(name, str | os.PathLike):
        return False
    path = Path(name)
    return _has_key(path, "end_points") if path.suffix.lower() == ".toml" else path.as_posix() in builtin_plans()


def _has_key(path: Path, key: str) -> bool:
    try:
        return key in read_content(path, ModelError)
    except ModelError:
        return False  # reading it says what is wrong, and where


def model_path(model: str | Path) -> Path:
    """The file of a model given by built-in name or by its path."""
    path = Path(model)
    if path.suffix.lower() != ".toml":
        if path.as_posix() not in builtin_models():
            raise ModelError(
                f"model '{model}'",
                "no built-in model of that name",
                "a built-in name or a file that ends in .toml",
                nearest(str(model), builtin_models()),
            )
        path = _builtin()[path.as_posix()]
    return path


@checked
def load_models(
    source: ModelSpec | Sequence[ModelSpec | str | Path] | str | Path | None = None,
    *,
    trial: str = "",
) -> tuple[ModelSpec, ...]:
    """The models of a folder, primary first, then by name; the one of a file or a built-in name; or those listed.

    Parameters
    ----------
    source : ModelSpec, str, Path, or sequence of these, optional
        By default the models of a trial's own (`models/TRIAL/`), where it has some, and else those for any trial
        (`models/` itself). Other distributions of the site effects are in `site_models`.
    trial : str
        Name of the trial that they are for.

    Raises
    ------
    ModelError
        For a folder without models, two models of one name, and what `load_model` refuses.

    Examples
    --------
    >>> len(load_models(trial="lupil2")) - len(load_models(trial="beitler_landis"))  # a prior from an earlier trial
    1
    """
    if isinstance(source, ModelSpec):
        return (source,)
    if source is not None and not isinstance(source, str | os.PathLike):
        models = tuple(item if isinstance(item, ModelSpec) else load_model(item) for item in source)
        if not models:
            raise ModelError("models", "none", "at least one")
        _distinct(models, "models")
        return models
    path = _own().get(trial, _folder()) if source is None else Path(source)
    if path.suffix.lower() == ".toml" or (str(source) in builtin_models() and not path.is_dir()):
        return (load_model(path),)
    found = sorted(path.glob("*.toml"))
    if not found:
        raise ModelError(
            str(path),
            "no model files",
            "a folder with *.toml files, one such file, or a built-in name",
            nearest(str(path), builtin_models()),
        )
    models = tuple(sorted((load_model(file) for file in found), key=lambda model: _ROLES.index(model.role)))
    _distinct(models, path)
    return models


def _distinct(models: Iterable[ModelSpec], path: str | Path) -> None:
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
