"""A trial known by what its paper prints of the effect: a ratio or a difference with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from bayes_lupil.arguments import checked
from bayes_lupil.errors import TrialError
from bayes_lupil.trials.end_point import Arms, Direction, EndPoint
from bayes_lupil.trials.estimates import Estimate
from bayes_lupil.trials.measures import MEASURES
from bayes_lupil.trials.populations import Population
from bayes_lupil.trials.reading_estimates import read_estimate
from bayes_lupil.trials.trial import Trial

__all__ = ["ASSUMED", "from_estimate", "trial_of_estimate"]

Number = str | float
_LARGE = 0.2
"""A risk difference that treatments seldom have, and that points below 1 may be mistaken for."""
ASSUMED = "nobody said which direction is a benefit"
"""How the note begins that the direction was assumed."""


@checked
def from_estimate(
    *,
    hr: Number | None = None,
    or_: Number | None = None,
    rr: Number | None = None,
    irr: Number | None = None,
    rd: Number | None = None,
    md: Number | None = None,
    ci: str | Sequence[Number] | None = None,
    lower: Number | None = None,
    upper: Number | None = None,
    se: Number | None = None,
    p: Number | None = None,
    level: float = 0.95,
    benefit: Direction | None = None,
    centre: Literal["estimate", "midpoint"] = "estimate",
    arms: Arms | None = None,
    end_point: str = "",
    name: str = "trial",
) -> Trial:
    """A trial of which one estimate of the effect is known, active against control.

    Parameters
    ----------
    hr, or_, rr, irr, rd, md : float or str
        Hazard ratio, odds ratio, risk ratio, rate ratio, risk difference (between -1 and 1) or mean difference: one
        of them, as printed. A text keeps the digits of the print ("0.80"), which say how far it was rounded.
    ci : (lower, upper) or str, optional
        Limits of the interval, as printed; or both in one text, "0.55 to 1.04".
    lower, upper : float or str, optional
        The same, one by one.
    se : float or str, optional
        Standard error, of a ratio that of its logarithm.
    p : float or str, optional
        Two-sided p-value.
    level : float
        Of the interval, as a probability.
    benefit : {"higher", "lower"}, optional
        Which direction is good for the patient. Where nothing is said a hazard or rate ratio below 1 is taken for a
        benefit and of the others a higher value, and the trial notes that.
    centre : {"estimate", "midpoint"}
        Which of the two is taken where the interval is not symmetrical about the estimate.
    arms : Arms, optional
    end_point, name : str
        What the end point and the trial are called.

    Raises
    ------
    TrialError
        With everything that is wrong with what was given.

    Examples
    --------
    >>> trial = from_estimate(hr=0.76, ci=(0.55, 1.04), benefit="lower")
    >>> trial.data.words
    '0.76 (95 % interval 0.55 to 1.04)'
    """
    keys = {"hr": hr, "or": or_, "rr": rr, "irr": irr, "rd": rd, "md": md}
    given = {key: value for key, value in keys.items() if value is not None}
    if len(given) != 1:
        told = " and ".join(given) or "none of them"
        raise TrialError("from_estimate", told, f"one of {', '.join('or_' if key == 'or' else key for key in keys)}")
    [(measure, value)] = given.items()
    if lower is not None or upper is not None:
        if ci is not None or lower is None or upper is None:
            found = f"lower = {lower}, upper = {upper}, ci = {ci}"
            raise TrialError("from_estimate", found, "both limits, or ci with the two")
        ci = (lower, upper)
    estimate = read_estimate(measure, value, ci, se, p, level, centre)
    return trial_of_estimate(estimate, benefit, arms, end_point, name)


def trial_of_estimate(
    estimate: Estimate, benefit: Direction | None, arms: Arms | None = None, end_point: str = "", name: str = "trial"
) -> Trial:
    """The trial of an estimate that was read already; see `from_estimate`."""
    kind = MEASURES[estimate.measure]
    notes = list(estimate.discrepancies)
    if estimate.measure == "rd" and abs(estimate.value) >= _LARGE and "%" not in estimate.printed["estimate"]:
        points = f"{100 * estimate.value:g} percentage points; {estimate.value:g} points are {estimate.value / 100:g}"
        notes.insert(0, f"a risk difference of {estimate.value:g} is taken for {points}, or '{estimate.value:g}%'")
    if benefit is None:
        side = "below" if kind.benefit == "lower" else "above"
        notes.insert(0, f"{ASSUMED}: {kind.one} {side} {kind.null:g} is taken for one")
    called = end_point or kind.name
    point = EndPoint("end_point", called, benefit or kind.benefit, unit=kind.scale, kind="estimate")
    everyone = {"itt": Population("itt", "as published", "those whom the estimate is of")}
    return Trial(name, name, arms or Arms("control", "active"), point, estimate, everyone, notes=tuple(notes))
