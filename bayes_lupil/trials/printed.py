"""Numbers as a paper prints them: rounded, so that each stands for a range; and whether several agree."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace

from bayes_lupil.errors import TrialError

__all__ = ["Printed", "count_for_percentage", "does_percentage_agree", "printed_together"]

_NUMBER = re.compile(r"([<>=]?)\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(%?)")
_HALF = 0.5 + 1e-9
"""Of a unit in the last digit: a half may have been rounded up or down."""


def printed_together(*given: str | float, where: str) -> list[Printed]:
    """Numbers that stand together in print, which have as many decimals as the one of them with the most.

    Of texts that have decimals these are counted; a number of Python, or a whole one, may have lost its zeros ('1.00').

    Examples
    --------
    >>> [number.half for number in printed_together(0.8, "0.55", 1, where="estimate")]
    [0.005, 0.005, 0.005]
    """
    found = [Printed.of(item, where) for item in given]
    least = min(number.half for number in found)
    kept = [isinstance(item, str) and "." in item for item in given]
    return [number if keep else replace(number, half=least) for number, keep in zip(found, kept, strict=True)]


@dataclass(frozen=True)
class Printed:
    """A printed number and the range of what may have been rounded to it.

    Attributes
    ----------
    value : float
    half : float
        Half a unit of the last digit printed.
    """

    value: float
    half: float

    @classmethod
    def of(cls, given: str | float, where: str) -> Printed:
        """From the text, which says how many digits were printed, or from a number, as Python writes it.

        Raises
        ------
        TrialError
            Where it is no finite number.

        Examples
        --------
        >>> Printed.of("0.80", "estimate"), Printed.of(0.8, "estimate")
        (Printed(value=0.8, half=0.005), Printed(value=0.8, half=0.05))
        """
        text = str(given).strip().replace("\u2212", "-").replace("\u00b7", ".")
        if re.fullmatch(r"[+-]?\d+,\d+", text):
            text = text.replace(",", ".")
        found = _NUMBER.fullmatch(text)
        value = float(found[2]) if found and not found[1] and not found[3] else math.nan
        if not math.isfinite(value):
            raise TrialError(where, f"'{given}'", "a number, as it is printed")
        mantissa, _, power = found[2].lower().partition("e") if found else ("", "", "")
        decimals = len(mantissa.partition(".")[2]) - int(power or 0)
        return cls(value, 0.5 * 10.0**-decimals)

    @property
    def range(self) -> tuple[float, float]:
        """The least and the most that may have been rounded to it."""
        return self.value - 2 * _HALF * self.half, self.value + 2 * _HALF * self.half

    def holds(self, low: float, high: float | None = None) -> bool:
        """Whether a value, or one within a range, may have been printed so."""
        least, most = self.range
        return least <= (low if high is None else high) and low <= most


def does_percentage_agree(count: int, patients: int, percentage: str | float) -> bool:
    """Whether a count of patients is the percentage printed, within rounding.

    Examples
    --------
    >>> does_percentage_agree(34, 50, "68"), does_percentage_agree(34, 50, "67.5")
    (True, False)
    """
    return Printed.of(percentage, "percentage").holds(100 * count / patients)


def count_for_percentage(patients: int, percentage: str | float) -> tuple[int, ...]:
    """The counts that a printed percentage of so many patients can be; none where it cannot be one of them.

    Brown and Heathers 2017 (Soc Psychol Personal Sci 8:363) ask the same of means (GRIM).

    Examples
    --------
    >>> count_for_percentage(30, "83.3"), count_for_percentage(30, "84.0")
    ((25,), ())
    """
    low, high = Printed.of(percentage, "percentage").range
    least, most = math.ceil(low * patients / 100 - 1e-9), math.floor(high * patients / 100 + 1e-9)
    return tuple(range(max(least, 0), min(most, patients) + 1))
