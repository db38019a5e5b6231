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
    ci : (lower, upper), optional
        Limits of the interval, as printed.
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
    estimate = read_estimate(measure, value, ci, se, p, level, centre)
    return trial_of_estimate(estimate, benefit, arms, end_point, name)


def trial_of_estimate(
    estimate: Estimate, benefit: Direction | None, arms: Arms | None = None, end_point: str = "", name: str = "trial"
) -> Trial:
    """The trial of an estimate that was read already; see `from_estimate`."""
    kind = MEASURES[estimate.measure]
    notes = list(estimate.discrepancies)
    if benefit is None:
        side = "below" if kind.benefit == "lower" else "above"
        notes.insert(0, f"{ASSUMED}: {kind.one} {side} {kind.null:g} is taken for one")
    called = end_point or kind.name
    point = EndPoint("end_point", called, benefit or kind.benefit, unit=kind.scale, kind="estimate")
    everyone = {"itt": Population("itt", "as published", "those whom the estimate is of")}
    return Trial(name, name, arms or Arms("control", "active"), point, estimate, everyone, notes=tuple(notes))
