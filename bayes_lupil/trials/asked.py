"""What a caller may say about the reading of a source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from bayes_lupil.arguments import found_in_words
from bayes_lupil.errors import TrialError, did_you_mean
from bayes_lupil.trials.values import canonical

__all__ = ["RULES", "Asked", "Label", "MissingRule"]

Label = str | int | float | bool
"""A value as it stands in a cell."""

MissingRule = Literal["non_responder", "complete_cases", "event"]
RULES: tuple[MissingRule, ...] = ("non_responder", "complete_cases", "event")
"""How missing outcomes may count."""


@dataclass(frozen=True)
class Asked:
    """Names of columns and of values that a caller gave; None where nothing was said.

    See `bayes_lupil.load_trial`, which has the same arguments.
    """

    site: str | None = None
    arm: str | None = None
    outcome: str | None = None
    end_point: str | None = None
    id: str | None = None
    n: str | None = None
    where: str | None = None
    population: Mapping[str, str] = field(default_factory=dict)
    control: str | None = None
    active: str | None = None
    responder: tuple[str, ...] = ()
    missing: MissingRule | None = None
    na: tuple[str, ...] = ()
    wide: Mapping[str, Sequence[str]] | None = None
    single_arm_sites: bool = False
    country: str | None = None
    harmful: bool = False

    @classmethod
    def of(cls, **given: Any) -> Asked:
        """With labels in their one spelling, so that control=0 names the arm '0'."""
        for name in ("control", "active"):
            if given.get(name) is not None:
                given[name] = canonical(given[name])
        for name in ("responder", "na"):
            given[name] = labels(given.get(name))
        for name in ("site", "arm", "outcome", "id", "n", "country"):
            if isinstance(given.get(name), str):
                given[name] = given[name].strip()
        rule = given.get("missing")
        if rule is not None and rule not in RULES:
            words = " or ".join(f"'{word}'" for word in RULES)
            raise TrialError("missing", found_in_words(rule), words, did_you_mean(str(rule), RULES))
        given["population"] = dict(given.get("population") or {})
        return cls(**given)


def labels(given: Any) -> tuple[str, ...]:
    """One value or several, each in its one spelling."""
    if given is None:
        return ()
    if isinstance(given, Sequence | set | frozenset) and not isinstance(given, str | bytes):
        return tuple(canonical(value) for value in given)
    return (canonical(given),)
