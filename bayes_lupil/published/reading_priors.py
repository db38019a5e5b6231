"""Priors of an effect as they are written: by name, by mean and SD, or by a statement of a tail."""

from __future__ import annotations

import math
import re
from typing import Any

from bayes_lupil.errors import InputError, did_you_mean
from bayes_lupil.published.priors import BELIEFS, STRENGTHS, EffectPrior, flat, from_tail, prior_of_belief
from bayes_lupil.trials.measures import Measure

__all__ = ["read_prior"]

_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)"
_PAIR = re.compile(rf"\s*(?:n|normal)?\(?\s*({_NUMBER})\s*[,;]\s*({_NUMBER})\s*\)?\s*", re.IGNORECASE)
_TAIL = re.compile(rf"\s*[Pp]\(\s*([A-Za-z ]*?)\s*([<>])\s*({_NUMBER})\s*\)\s*=\s*({_NUMBER})\s*(%?)\s*")
_DEFAULT_STRENGTH = {"sceptical": "strong", "neutral": "moderate", "optimistic": "moderate", "pessimistic": "moderate"}


def read_prior(written: Any, measure: Measure, expected: float, where: str) -> EffectPrior:
    """The prior that a text names.

    Parameters
    ----------
    written : str, (float, float), EffectPrior or normal prior of a model file
        'sceptical', 'neutral weak', 'flat', 'MEAN,SD' or 'N(MEAN, SD)' on the measure's scale, or 'P(OR>2)=0.05'.
    expected : float
        The expected effect on the measure's scale.
    where : str
        Where that comes from.

    Raises
    ------
    InputError
        For what is none of them, or a prior of another measure.

    Examples
    --------
    >>> from bayes_lupil.trials.measures import MEASURES
    >>> read_prior("0, 0.35", MEASURES["hr"], -0.4, "").name
    'normal(0, 0.35)'
    >>> round(read_prior("sceptical", MEASURES["or"], -0.4155, "").sd, 4)
    0.2526
    """
    if isinstance(written, tuple | list) and len(written) == 2:
        written = f"{written[0]}, {written[1]}"
    if getattr(written, "family", None) == "normal":  # a prior family of model files
        written = f"{written.mean}, {written.sd}"
    if not isinstance(written, str | EffectPrior):
        raise InputError("prior", repr(written), "a text, a mean and an SD, or a normal prior")
    if isinstance(written, EffectPrior):
        if written.measure != measure.key:
            raise InputError(f"prior '{written.name}'", f"one of '{written.measure}'", f"one of '{measure.key}'")
        return written
    written = written.replace("\u2212", "-").replace("\u00b7", ".")
    if (found := _PAIR.fullmatch(written)) is not None:
        mean, sd = float(found[1]), float(found[2])
        most = 1.0 if measure.key == "rd" else 10.0 if measure.is_ratio else math.inf
        if sd > most or (measure.is_ratio and abs(mean) > most):
            hint = "It is of the logarithm: 'flat' is a prior without a centre."
            if measure.key == "rd":
                hint = "Risk differences are proportions: 5 points are 0.05."
            elif re.fullmatch(r"\s*0,\d+\s*", written):
                hint = f"Is that a decimal comma? Write 0.{found[2]} for it."
            raise InputError(f"prior '{written}'", f"mean {mean:g}, SD {sd:g}", f"an SD of at most {most:g}", hint)
        if sd <= 0:
            raise InputError(f"prior '{written}'", f"SD {sd:g}", "an SD above 0")
        reason = f"normal on the {measure.scale}, as it was given"
        return EffectPrior(f"normal({mean:g}, {sd:g})", mean, sd, reason, measure.key)
    if (found := _TAIL.fullmatch(written)) is not None:
        named = found[1].strip().casefold()
        if named not in ("", measure.key, measure.symbol.casefold(), measure.name):
            hint = f"Write it of {measure.one}: P({measure.symbol}>...)=..."
            raise InputError(f"prior '{written}'", f"one of '{found[1].strip()}'", f"one of the {measure.scale}", hint)
        share = float(found[4]) / (100 if found[5] else 1)
        beyond = float(found[3])
        if measure.key == "rd" and abs(beyond) >= 1:
            hint = f"{beyond:g} points are {beyond / 100:g}."
            raise InputError(f"prior '{written}'", f"{beyond:g}", "a risk difference between -1 and 1", hint)
        if measure.is_ratio and beyond <= 0:
            raise InputError(f"prior '{written}'", f"{measure.symbol} {beyond:g}", f"{measure.one} above 0")
        above = measure.scaled(beyond) > measure.scaled(measure.null)
        if above != (found[2] == ">"):
            required = f"one away from it: '<' with a value below {measure.null:g}, '>' with one above it"
            raise InputError(f"prior '{written}'", f"a tail that holds {measure.null:g}, the centre", required)
        return from_tail(measure, beyond, share)
    words = re.split(r"[\s_-]+", written.strip().casefold().replace("skept", "scept"))
    if words == ["flat"]:
        return flat(measure)
    belief = next((word for word in words if word in BELIEFS), "")
    strength = next((word for word in words if word in STRENGTHS), _DEFAULT_STRENGTH.get(belief, ""))
    if not belief or any(word not in (belief, strength) for word in words):
        known = [*BELIEFS, *(f"{belief} {strength}" for belief in BELIEFS for strength in STRENGTHS), "flat"]
        required = (
            "flat; sceptical, neutral, optimistic or pessimistic, with weak, moderate or strong; MEAN,SD on the "
            f"{measure.scale}; or a tail, such as 'P({measure.symbol}>2)=0.05'"
        )
        hint = did_you_mean(written.casefold(), known)
        raise InputError(f"prior '{written}'", "no prior of that name", required, hint)
    return prior_of_belief(belief, strength, measure, expected, where)
