"""Changes of a model that is at hand: which key a change is of, and what becomes of the reasons of its priors."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from copy import deepcopy
from numbers import Real
from typing import Any

from bayes_lupil.arguments import found_in_words
from bayes_lupil.documents import Document
from bayes_lupil.errors import ModelError, nearest
from bayes_lupil.priors import NO_REASON, Prior
from bayes_lupil.spec.countries import Countries
from bayes_lupil.spec.covariates import Covariates
from bayes_lupil.spec.sites import Sites
from bayes_lupil.spec.tables import Decision, Priors, Sampler

__all__ = ["edited_content", "full_key"]

_TABLES: dict[str, type[Document]] = {
    "priors": Priors,
    "sites": Sites,
    "countries": Countries,
    "covariates": Covariates,
    "decision": Decision,
    "sampler": Sampler,
}  # of keys that both have, the site's


def edited_content(where: str, before: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The content of a model with some values changed; nested keys are written with a double underscore."""
    content = deepcopy(before)
    for key, value in changes.items():
        *parents, last = key.split("__")
        table = content
        for parent in parents:  # a table that is not there becomes an empty one, for the check to complain of
            if table.get(parent) is None:
                table[parent] = {}
            table = table[parent]
            if not isinstance(table, dict):
                place = f"{where}, key '{key.replace('__', '.')}'"
                raise ModelError(place, f"'{parent}', which is no table", "the name of a value")
        table[last] = value.model_dump(mode="json", by_alias=True) if isinstance(value, Document) else value
    _renew_reasons(before["priors"], content["priors"])
    return content


def _renew_reasons(before: dict[str, Any], after: Any) -> None:
    """Where a prior was changed, its reason is no longer the one that was written for the other."""
    for name, prior in after.items() if isinstance(after, dict) else ():
        if not isinstance(prior, dict):
            continue
        old = before.get(name) or {}
        changed = {**prior, "reason": ""} != {**old, "reason": ""}
        if "reason" not in prior or (changed and prior["reason"] == old.get("reason")):
            prior["reason"] = NO_REASON


def full_key(where: str, key: str, value: Any, own: Collection[str]) -> tuple[str, Any]:
    """A key with the table that it stands in, and its value; `own` are the keys outside all tables."""
    if key == "thresholds":
        if not isinstance(value, Iterable) or not all(isinstance(item, Real) for item in value):
            raise ModelError(f"{where}, thresholds", found_in_words(value), "a list of numbers")
        return "decision__ladder", sorted({0.0, *(float(item) for item in value)})
    if "__" in key or key in own:
        return key, value
    tables = [table for table, schema in _TABLES.items() if key in schema.model_fields]
    if not tables:
        inside = {name for schema in _TABLES.values() for name in schema.model_fields}
        known = {*own, *inside, "thresholds"}
        raise ModelError(where, f"the unknown key '{key}'", "a known key", nearest(key, known))
    if len(tables) > 1:
        is_prior = isinstance(value, Prior | Mapping)
        tables = [table for table in tables if (table == "priors") == is_prior]
    return f"{tables[0]}__{key}", value
