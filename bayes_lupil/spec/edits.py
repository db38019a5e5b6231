"""What was changed of a model since its file: told wherever the model is named, and no part of its hash."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field, StringConstraints

from bayes_lupil.documents import NAME_PATTERN, Document

if TYPE_CHECKING:
    from bayes_lupil.spec.model import ModelSpec

__all__ = ["Change", "Edits", "edits_between"]

_MOST_TOLD = 900
_MOST_SITES = 3


class Change(Document):
    """One value that is no longer that of the file.

    Attributes
    ----------
    key : str
        As 'priors.beta'.
    told : str
        What it is now, in words: 'beta ~ normal(mean 0, sd 0.5)'.
    """

    key: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    told: Annotated[str, StringConstraints(min_length=1, max_length=1000)]


class Edits(Document):
    """The model that was edited, by name, and what was changed of its priors, sites, errors and population."""

    of: Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
    changes: Annotated[tuple[Change, ...], Field(min_length=1)]

    @property
    def words(self) -> str:
        """In one line, as a title."""
        told = f"{self.of}, edited: {'; '.join(change.told for change in self.changes)}"
        return told if len(told) <= _MOST_TOLD else f"{told[: _MOST_TOLD - 4]} ..."


def edits_between(before: ModelSpec, after: ModelSpec) -> Edits | None:
    """What was changed from one model to the other, with what was changed before; None where nothing ever was."""
    found = {change.key: change for change in before.edits.changes} if before.edits else {}
    old, new = dict(before.priors.items()), dict(after.priors.items())
    for name in {**old, **new}:
        if name not in new:
            told = f"no prior of {name}"
        elif name not in old or new[name].model_copy(update={"reason": old[name].reason}) != old[name]:
            told = f"{name} ~ {new[name].describe()}"
        else:
            continue
        found[f"priors.{name}"] = Change(key=f"priors.{name}", told=told)
    for table in ("sites", "countries", "covariates", "errors"):
        first, then = (_values(getattr(spec, table)) for spec in (before, after))
        for key in {**first, **then}:
            if first.get(key) != then.get(key):
                place, value = f"{table}.{key}", then.get(key)
                told = f"no {place}" if value in (None, (), [], {}) else f"{place} = {_said(value)}"
                found[place] = Change(key=place, told=told)
    if before.population != after.population:
        found["population"] = Change(key="population", told=f"population {after.population}")
    if before.without_sites != after.without_sites:
        sites = after.without_sites
        named = ", ".join(sites) if len(sites) <= _MOST_SITES else f"{len(sites)} sites"
        found["without_sites"] = Change(key="without_sites", told=f"without {named}" if sites else "with all sites")
    return Edits(of=before.edits.of if before.edits else before.name, changes=tuple(found.values())) if found else None


def _said(value: object) -> str:
    """A value of a table in words: names with commas between them."""
    if isinstance(value, dict):
        return "; ".join(f"{name}: {_said(item)}" for name, item in value.items())
    return ", ".join(map(str, value)) if isinstance(value, tuple | list) else str(value)


def _values(table: Document | None) -> dict[str, object]:
    return {} if table is None else {key: value for key, value in table.model_dump().items() if value is not None}
