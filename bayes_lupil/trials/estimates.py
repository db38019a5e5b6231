"""One printed estimate of a treatment effect, with its standard error, held to what else is printed of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from bayes_lupil.arguments import check_fields
from bayes_lupil.errors import TrialError
from bayes_lupil.frozen import ReadOnly
from bayes_lupil.trials.cells import ALL_SITES
from bayes_lupil.trials.measures import MEASURES, Measure, MeasureName
from bayes_lupil.trials.printed import Printed

__all__ = ["Estimate", "estimate_of_counts", "normal_quantile", "two_sided_p"]


@dataclass(frozen=True)
class Estimate(ReadOnly):
    """An estimate of the effect, active against control, about normal on its scale.

    Attributes
    ----------
    measure : {"hr", "or", "rr", "irr", "rd", "md"}
    value, se : float
        Estimate and standard error on the measure's scale: the log of a ratio, a difference itself.
    value_range, se_range : (float, float)
        The estimates and standard errors that rounding allows.
    level : float
        Of the interval printed.
    basis : str
        What the standard error was worked out from: 'interval', 'standard error', 'p-value', or 'counts'.
    printed : dict of str to str
        What was given, as it was given.
    discrepancies : tuple of str
        What of it does not follow from the rest, with the value that would.
    """

    measure: MeasureName
    value: float
    se: float
    value_range: tuple[float, float]
    se_range: tuple[float, float]
    level: float
    basis: str
    printed: dict[str, str]
    discrepancies: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_fields(self, TrialError)
        if not (math.isfinite(self.value) and 0 < self.se < math.inf):
            required = "a finite estimate and a positive standard error"
            raise TrialError("estimate", f"{self.value:g} with standard error {self.se:g}", required)
        super().__post_init__()

    @property
    def kind(self) -> Measure:
        """The measure, with its scale."""
        return MEASURES[self.measure]

    @property
    def sites(self) -> tuple[str, ...]:
        """One name for all sites together."""
        return (ALL_SITES,)

    @property
    def interval(self) -> tuple[float, float]:
        """The interval of its level that value and standard error make, as printed."""
        far = normal_quantile(self.level) * self.se
        return self.kind.printed(self.value - far), self.kind.printed(self.value + far)

    @property
    def words(self) -> str:
        """Estimate and interval: as printed, or else those that value and standard error make."""
        if self.basis == "interval" and self.measure != "rd":
            point, low, high = (self.printed[name] for name in ("estimate", "lower", "upper"))
            return f"{point} ({100 * self.level:g} % interval {low} to {high})"
        edges = self.interval
        if self.basis == "interval":  # as printed, in points
            edges = Printed.of(self.printed["lower"], "").value, Printed.of(self.printed["upper"], "").value
        low, high = map(self.kind.words, edges)
        unit = " percentage points" if self.measure == "rd" else ""
        return (
            f"{self.kind.words(self.kind.printed(self.value))}{unit} ({100 * self.level:g} % interval {low} to {high})"
        )

    @property
    def p(self) -> float:
        """Two-sided p-value that value and standard error make."""
        return two_sided_p(self.value / self.se)

    def content(self) -> dict[str, Any]:
        """What the data hash is taken over."""
        return {"measure": self.measure, "value": self.value, "se": self.se}


def two_sided_p(z: float) -> float:
    """Two-sided p-value of a standard normal statistic.

    Examples
    --------
    >>> round(two_sided_p(1.959964), 4)
    0.05
    """
    return math.erfc(abs(z) / math.sqrt(2))


def estimate_of_counts(
    measure: str, control: tuple[int, int], active: tuple[int, int], level: float = 0.95
) -> Estimate:
    """The estimate that counts give, with its usual standard error: Woolf, Katz or Wald.

    Parameters
    ----------
    measure : {"or", "rr", "rd"}
    control, active : (int, int)
        Events and patients.

    Raises
    ------
    TrialError
        For a measure that counts do not have, or a standard error that does not exist.

    Examples
    --------
    >>> found = estimate_of_counts("or", (62, 124), (44, 125))
    >>> round(found.value, 3), round(found.se, 3)
    (-0.61, 0.259)
    """
    (y0, n0), (y1, n1) = control, active
    given = f"{y1}/{n1} v {y0}/{n0}"
    if measure not in ("or", "rr", "rd"):
        raise TrialError("counts", f"the {MEASURES[measure].name}", "an odds ratio, a risk ratio or a risk difference")
    if (measure == "rr" and not (y0 and y1)) or (measure == "or" and not (0 < y0 < n0 and 0 < y1 < n1)):
        needed = "events in both arms" + (", and patients without" if measure == "or" else "")
        raise TrialError(f"{MEASURES[measure].name} of counts", given, needed)
    if measure == "or":
        value, variance = math.log(y1 / (n1 - y1) * (n0 - y0) / y0), 1 / y1 + 1 / (n1 - y1) + 1 / y0 + 1 / (n0 - y0)
    elif measure == "rr":
        value, variance = math.log(y1 / n1 * n0 / y0), 1 / y1 - 1 / n1 + 1 / y0 - 1 / n0
    else:
        value, variance = y1 / n1 - y0 / n0, sum(y * (n - y) / n**3 for y, n in (control, active))
    if variance <= 0:
        raise TrialError(f"{MEASURES[measure].name} of counts", given, "an arm with and without events")
    se = math.sqrt(variance)
    return Estimate(MEASURES[measure].key, value, se, (value, value), (se, se), level, "counts", {"counts": given})


def normal_quantile(level: float) -> float:
    """How many standard errors an interval of a level reaches to either side."""
    from scipy.special import ndtri

    return float(ndtri(0.5 + level / 2))
