"""The arms of a trial, and its end point with the direction that is a benefit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bayes_lupil.arguments import check_fields
from bayes_lupil.errors import TrialError
from bayes_lupil.trials.direction import EventWords, event_words
from bayes_lupil.trials.names import check_names, check_texts

__all__ = ["SYNTHETIC", "Arms", "Direction", "EndPoint"]

SYNTHETIC = "SYNTHETIC DATA: made up, not from patients"
"""What every table, figure and file says that comes from made-up data."""

Direction = Literal["higher", "lower"]
Kind = Literal["binary", "continuous", "estimate"]


@dataclass(frozen=True)
class Arms:
    """The two arms compared; effects are always active minus control."""

    control: str
    active: str

    def __post_init__(self) -> None:
        check_fields(self, TrialError)
        if self.control == self.active:
            raise TrialError("arms", f"'{self.control}' twice", "two different arms, control and active")
        check_names((self.control, self.active), "arm")

    @property
    def names(self) -> tuple[str, str]:
        """Control first, as in every array of this package."""
        return (self.control, self.active)


@dataclass(frozen=True)
class EndPoint:
    """An end point, with the direction in which a change is a benefit, declared once.

    Attributes
    ----------
    benefit : {"higher", "lower"}
        Whether a higher or a lower response probability (binary) or value (continuous) is good for the patient.
    unit : str
        Of a continuous end point: what its values are measured in.
    mcid : float or None
        Minimal clinically important difference, without sign: on the risk-difference scale (0 to 1) of a binary end
        point, in units of a continuous one.
    kind : {"binary", "continuous", "estimate"}
        estimate: known by one printed estimate of the effect alone.
    """

    name: str
    label: str
    benefit: Direction = "higher"
    unit: str = "proportion of patients"
    mcid: float | None = None
    mcid_source: str = ""
    kind: Kind = "binary"

    def __post_init__(self) -> None:
        check_fields(self, TrialError)
        check_names((self.name,), "end point", "end point")
        check_texts("end point", label=self.label, unit=self.unit, mcid_source=self.mcid_source)
        if self.mcid is not None and self.kind == "binary" and not 0 < self.mcid < 1:
            raise TrialError("mcid", str(self.mcid), "a risk difference between 0 and 1")
        if self.mcid is not None and not 0 < self.mcid < float("inf"):
            raise TrialError("mcid", str(self.mcid), "a positive number, in units of the end point")

    @property
    def sign(self) -> int:
        """+1 where a higher response probability or value is a benefit, -1 where it is a harm."""
        return 1 if self.benefit == "higher" else -1

    @property
    def words(self) -> EventWords:
        """How what is counted is called: responses, or events where lower is better."""
        return event_words(self.benefit)

    @property
    def directed(self) -> str:
        """The end point and the direction that is a benefit, for headings.

        Examples
        --------
        >>> EndPoint("death", "death within 30 days", "lower").directed
        'death within 30 days (lower is better)'
        """
        return f"{self.label} ({self.benefit} is better)"
