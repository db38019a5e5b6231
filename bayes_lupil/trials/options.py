"""What a caller of `load_trial` may say beside the source."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bayes_lupil.arguments import check_fields
from bayes_lupil.errors import InputError, TrialError, nearest
from bayes_lupil.trials.asked import Asked, Label, MissingRule
from bayes_lupil.trials.end_point import Direction

__all__ = ["Options"]


@dataclass(frozen=True)
class Options:
    """The options of `load_trial`, which says what each is; None or False where nothing was said.

    Raises
    ------
    TrialError
        Where several arms are named as one.
    InputError
        Where an option is not of its kind.
    """

    control: Label | None = None
    active: Label | None = None
    site: str | None = None
    arm: str | None = None
    outcome: str | None = None
    id: str | None = None
    n: str | None = None
    where: str | None = None
    population: Mapping[str, str] | None = None
    responder: Label | Sequence[Label] | None = None
    missing: MissingRule | None = None
    na: Label | Sequence[Label] | None = None
    wide: Mapping[str, Sequence[str]] | None = None
    sheet: str | None = None
    end_point: str | None = None
    benefit: Direction | None = None
    mcid: float | None = None
    single_arm_sites: bool = False
    country: str | None = None
    name: str | None = None

    def __post_init__(self) -> None:
        for role in ("active", "control"):
            given = getattr(self, role)
            if isinstance(given, str) or not isinstance(given, Collection):
                continue
            one = f"{role}={next(iter(given))!r}" if len(given) == 1 else f"{role}=NAME"
            several = (
                "Several arms, each against the control: load_comparisons(source, control=..., active=[...]), a trial "
                "for each (on the command line: --active several times, or --active each). "
            )
            raise TrialError(
                role, f"{len(given)} names ({', '.join(map(str, given))})", f"one arm: a trial has two ({one})",
                several if role == "active" else "",
            )  # fmt: skip
        check_fields(self, InputError, "load_trial()")

    @classmethod
    def of(cls, reading: Mapping[str, Any]) -> Options:
        """Options by name.

        Raises
        ------
        TrialError
            For a name that is none of them.
        """
        for name in reading:
            if name not in cls.__dataclass_fields__:
                required = "an option of load_trial"
                raise TrialError("options of reading", f"'{name}'", required, nearest(name, cls.__dataclass_fields__))
        return cls(**reading)

    @property
    def given(self) -> dict[str, Any]:
        """What was said."""
        found = {name: value for name, value in vars(self).items() if value is not None}
        return found if self.single_arm_sites else {n: v for n, v in found.items() if n != "single_arm_sites"}

    @property
    def asked(self) -> Asked:
        """What the readers of a table need to know of them."""
        known = {name: value for name, value in self.given.items() if name in Asked.__dataclass_fields__}
        return Asked.of(**known, harmful=self.benefit == "lower")
