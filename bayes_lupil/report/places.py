"""Where in its folder a part of the results stands: told alike to what writes it and to what refers to it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from bayes_lupil.characters import escaped
from bayes_lupil.endpoints.result import EndPointAnalysis
from bayes_lupil.folders import folder_names
from bayes_lupil.spec import ModelSpec, Plan
from bayes_lupil.trials.end_point import SYNTHETIC
from bayes_lupil.trials.reading import Reading

__all__ = ["SITES", "end_point_places", "manifest_text", "model_places", "models_of_steps", "step_places"]

SITES = "sites"
"""Folder of the look at the sites, beside those of the models."""


def model_places(models: Iterable[ModelSpec]) -> dict[str, str]:
    """Folders of the fits of a reanalysis, by model.

    Examples
    --------
    >>> from bayes_lupil import load_model
    >>> model = load_model("itt_pooled")
    >>> model_places([model, model.edited(name="Sites")])
    {'itt_pooled': 'itt_pooled', 'Sites': 'Sites_2'}
    """
    names = [model.name for model in models]
    return dict(zip(names, folder_names(names, taken=[SITES]), strict=True))


def end_point_places(plan: Plan) -> dict[str, str]:
    """The part of a file's name that says of which end point it is, by end point."""
    names = [point.name for point in plan.end_points]
    return dict(zip(names, folder_names(names), strict=True))


def step_places(plan: Plan, models: Mapping[str, ModelSpec]) -> dict[str, str]:
    """Folders of the fits of a hierarchy, by end point: named like the models, of which several may have the same."""
    names = [point.name for point in plan.steps if point.name in models]
    return dict(zip(names, folder_names(models[name].name for name in names), strict=True))


def models_of_steps(result: EndPointAnalysis) -> dict[str, ModelSpec]:
    """The model of each step of a hierarchy, by end point."""
    return {step.derived.plan.name: step.model for step in result.steps}


def manifest_text(data_hash: str, synthetic: bool, reading: Reading | Mapping[str, Any] | None = None) -> str:
    """The manifest of a folder, which says of which data its results are, and how these were understood.

    The files are added once they are complete.
    """
    head: dict[str, Any] = {"SYNTHETIC": SYNTHETIC} if synthetic else {}
    record = reading.to_dict() if isinstance(reading, Reading) else reading
    more = {} if record is None else {"reading": record}
    return escaped(json.dumps({**head, "data_hash": data_hash, **more})) + "\n"
