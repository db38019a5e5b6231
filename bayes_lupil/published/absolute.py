"""What a relative effect means for patients of a given control risk."""

from __future__ import annotations

import math
from dataclasses import dataclass

from bayes_lupil.errors import InputError
from bayes_lupil.trials.measures import Measure

__all__ = ["AbsoluteEffect", "absolute_effect", "active_risk"]


@dataclass(frozen=True)
class AbsoluteEffect:
    """A risk difference at one control risk, active minus control, as probabilities.

    Attributes
    ----------
    control_risk : float
    median, lower, upper : float
        Of the risk difference; the control risk is held fixed.
    is_cut : bool
        Whether the effect would give a risk above 1, or below 0, and was cut off there.
    """

    control_risk: float
    median: float
    lower: float
    upper: float
    is_cut: bool = False

    def per_1000(self) -> tuple[float, float, float]:
        """More patients (fewer, where negative) of a thousand: median, lower, upper."""
        return 1000 * self.median, 1000 * self.lower, 1000 * self.upper

    def nnt(self, sign: int) -> str:
        """Number needed to treat, in the form of Altman 1998 (BMJ 317:1309).

        Examples
        --------
        >>> AbsoluteEffect(0.4, -0.05, -0.10, 0.01).nnt(-1)
        'NNTB 20 (NNTB 10 to infinity to NNTH 100)'
        """
        worst, best = sorted((sign * self.lower, sign * self.upper))
        through = "infinity to " if worst < 0 < best else ""
        return f"{_nnt(sign * self.median)} ({_nnt(best)} to {through}{_nnt(worst)})"


def _nnt(benefit: float) -> str:
    if abs(benefit) < 1e-12:
        return "infinity"
    size = max(abs(1 / benefit), 1.0)
    return f"NNT{'B' if benefit > 0 else 'H'} {size:.0f}"


def active_risk(measure: Measure, control_risk: float, effect: float) -> float:
    """The active arm's risk, from control's and an effect as printed.

    Of hazard and rate ratios, risks are of an event by some time under proportional hazards: 1 - (1 - risk)^ratio.

    Examples
    --------
    >>> from bayes_lupil.trials.measures import MEASURES
    >>> round(active_risk(MEASURES["or"], 0.5, 0.5), 4), round(active_risk(MEASURES["hr"], 0.5, 0.5), 4)
    (0.3333, 0.2929)
    """
    if measure.key == "or":
        odds = effect * control_risk / (1 - control_risk)
        return 1.0 if math.isinf(odds) else odds / (1 + odds)
    if measure.key in ("hr", "irr"):
        return -math.expm1(effect * math.log1p(-control_risk))
    return min(max(control_risk * effect if measure.key == "rr" else control_risk + effect, 0.0), 1.0)


def absolute_effect(measure: Measure, control_risk: float, quantiles: tuple[float, float, float]) -> AbsoluteEffect:
    """The risk difference at a control risk.

    Parameters
    ----------
    control_risk : float
        Between 0 and 1.
    quantiles : (lower, median, upper)
        Of the effect, as printed.

    Raises
    ------
    InputError
        For a mean difference, which has no risk, or a control risk that is none.
    """
    if measure.key == "md" or not 0 < control_risk < 1:
        found = f"{control_risk:g}, of {measure.one}"
        hint = f"{control_risk:g} % is {control_risk / 100:g}." if 1 < control_risk < 100 else ""
        raise InputError("control risk", found, "a risk between 0 and 1, of a measure of events", hint)
    low, middle, high = (active_risk(measure, control_risk, q) - control_risk for q in quantiles)
    edges = quantiles[0], quantiles[2]
    beyond = [control_risk * q if measure.key == "rr" else control_risk + q for q in edges]
    is_cut = measure.key in ("rr", "rd") and not all(0 <= risk <= 1 for risk in beyond)
    return AbsoluteEffect(control_risk, middle, low, high, is_cut)
