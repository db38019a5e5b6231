"""Measures of a treatment effect as papers print them, and the scale on which their estimates are about normal."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.errors import InputError, nearest

__all__ = ["MEASURES", "Measure", "MeasureName", "measure_of"]

MeasureName = Literal["hr", "or", "rr", "irr", "rd", "md"]


@dataclass(frozen=True)
class Measure:
    """A measure of effect, active against control.

    Attributes
    ----------
    key : str
    name, symbol : str
        In words, and as tables head it.
    is_ratio : bool
        Whether its estimates are about normal as logarithms; no effect is then 1, and otherwise 0.
    benefit : {"higher", "lower"}
        Taken for the direction of benefit where nobody says.
    """

    key: MeasureName
    name: str
    symbol: str
    is_ratio: bool
    benefit: Literal["higher", "lower"]

    @property
    def null(self) -> float:
        """No effect, as it is printed."""
        return 1.0 if self.is_ratio else 0.0

    @property
    def one(self) -> str:
        """The name with its article.

        Examples
        --------
        >>> MEASURES["or"].one, MEASURES["hr"].one
        ('an odds ratio', 'a hazard ratio')
        """
        return f"{'an' if self.name[0] in 'aeiou' else 'a'} {self.name}"

    @property
    def scale(self) -> str:
        """The scale of priors and posteriors."""
        return f"log {self.name}" if self.is_ratio else self.name

    def scaled(self, printed: float) -> float:
        """From what is printed to the scale of priors and posteriors."""
        return math.log(printed) if self.is_ratio else float(printed)

    def printed(self, scaled: float) -> float:
        """Back to what is printed; infinity where a ratio is larger than numbers are.

        Examples
        --------
        >>> MEASURES["hr"].printed(MEASURES["hr"].scaled(0.76))
        0.76
        """
        if not self.is_ratio:
            return float(scaled)
        return math.exp(scaled) if scaled < 709 else math.inf

    def printed_array(self, scaled: NDArray[np.float64]) -> NDArray[np.float64]:
        """The same of an array."""
        return np.exp(scaled) if self.is_ratio else scaled

    def words(self, printed: float) -> str:
        """A value as tables show it: ratios in three digits, risk differences in points, others in four digits.

        Examples
        --------
        >>> MEASURES["or"].words(0.7623), MEASURES["rd"].words(-0.018), MEASURES["md"].words(2.5)
        ('0.76', '-1.8', '2.5')
        """
        if self.key == "rd":
            return f"{100 * printed + 0.0:.1f}" if abs(printed) >= 0.01 or printed == 0 else f"{100 * printed:.2g}"
        if not self.is_ratio:
            return _digits(printed)
        if not 0.001 <= printed <= 1000:
            return "< 0.001" if printed < 0.001 else "> 1000"
        return f"{printed:.2g}" if printed < 0.1 else f"{printed:.2f}" if printed < 10 else f"{printed:.1f}"


def measure_of(given: Measure | str) -> Measure:
    """A measure, or that of a key or name.

    Raises
    ------
    InputError
        Where there is none of that name.

    Examples
    --------
    >>> measure_of("hr") == measure_of("hazard ratio")
    True
    """
    if isinstance(given, Measure):
        return given
    found = next((kind for kind in MEASURES.values() if given in (kind.key, kind.name)), None)
    if found is None:
        raise InputError("measure", f"'{given}'", f"one of {', '.join(MEASURES)}", nearest(str(given), MEASURES))
    return found


def _digits(value: float) -> str:
    """Three digits, written out.

    Examples
    --------
    >>> _digits(-2.1284), _digits(1173.0), _digits(0.0)
    ('-2.13', '1,173', '0')
    """
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value + 0.0:.3g}"


MEASURES: dict[str, Measure] = {
    item.key: item
    for item in (
        Measure("hr", "hazard ratio", "HR", True, "lower"),
        Measure("or", "odds ratio", "OR", True, "higher"),
        Measure("rr", "risk ratio", "RR", True, "higher"),
        Measure("irr", "rate ratio", "rate ratio", True, "lower"),
        Measure("rd", "risk difference", "RD", False, "higher"),
        Measure("md", "mean difference", "MD", False, "higher"),
    )
}
"""By key. Hazards and rates are of events, which are taken for harms where nobody says otherwise."""
