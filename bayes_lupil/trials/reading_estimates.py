"""How an estimate is read from print: every fault of it at once, and what of it does not agree with the rest."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from bayes_lupil.errors import TrialError
from bayes_lupil.trials.estimates import Estimate, normal_quantile, two_sided_p
from bayes_lupil.trials.measures import MEASURES, Measure
from bayes_lupil.trials.printed import Printed, printed_together, read_p, split_interval, split_result

__all__ = ["read_estimate"]

_SAME = 1e-9
_NEAR = 0.01
"""By which share of its half an interval may be askew: that moves P(benefit) by less than 0.01."""


def read_estimate(
    measure: str,
    estimate: str | float,
    ci: str | Sequence[str | float] | None = None,
    se: str | float | None = None,
    p: str | float | None = None,
    level: float = 0.95,
    centre: str = "estimate",
) -> Estimate:
    """What is printed of an effect as an estimate with its standard error.

    The standard error comes from the interval, else from the one printed, else from the p-value; whatever else is
    given is compared with it, allowing for rounding, and what does not agree is told and changes nothing.

    Parameters
    ----------
    measure : {"hr", "or", "rr", "irr", "rd", "md"}
    estimate : str or float
        As printed: a ratio itself, not its logarithm. A text keeps the digits of the print ("0.80"), and may have the
        interval behind it: "0.76 (0.55 to 1.04)". A risk difference may be in per cent: "-4.4%".
    ci : (lower, upper) or str, optional
        Limits of the interval, as printed; or both in one text, "0.55 to 1.04".
    se : str or float, optional
        Standard error, of a ratio that of its logarithm.
    p : str or float, optional
        Two-sided p-value.
    level : float
        Of the interval, as a probability.
    centre : {"estimate", "midpoint"}
        What is taken for the estimate where the interval is not symmetrical about it on its scale: that printed, or
        the middle of the interval.

    Raises
    ------
    TrialError
        With every fault of what was given.

    Examples
    --------
    >>> found = read_estimate("hr", "0.76", ("0.55", "1.04"))
    >>> round(found.value, 4), round(found.se, 4), found.discrepancies
    (-0.2744, 0.1625, ())
    """
    kind, where = MEASURES[measure], f"the {MEASURES[measure].name}"
    if isinstance(estimate, str) and ci is None:
        estimate, ci = split_result(estimate)
    if isinstance(ci, str):
        ci = split_interval(ci) or (ci,)
    if kind.key == "rd":
        estimate, ci, se = _proportion(estimate), ci and tuple(map(_proportion, ci)), se and _proportion(se)
    faults = _faults(kind, where, estimate, ci, se, p, level)
    if faults:
        hint = " ".join(dict.fromkeys(fault.hint for fault in faults if fault.hint))
        required = "; ".join(dict.fromkeys(fault.required for fault in faults))
        raise TrialError(where, "; ".join(fault.found for fault in faults), required, hint)
    given = zip(("estimate", "lower", "upper", "se", "p"), (estimate, *(ci or (None, None)), se, p), strict=True)
    printed = {name: str(value) for name, value in given if value is not None}
    (point, *limits), z = printed_together(estimate, *(ci or ()), where=where), normal_quantile(level)
    value, told = kind.scaled(point.value), []
    if ci is not None:
        low, high = (kind.scaled(limit.value) for limit in limits)
        basis, error = "interval", (high - low) / (2 * z)
        spread = _scaled_range(kind, limits[1])[0] - _scaled_range(kind, limits[0])[1]
        wide = _scaled_range(kind, limits[1])[1] - _scaled_range(kind, limits[0])[0]
        errors = (max(spread, 0.0) / (2 * z), wide / (2 * z))
        told += _asymmetry(kind, point, limits)
        if centre == "midpoint":
            value = (low + high) / 2
        if se is not None and not Printed.of(se, where).holds(*errors):
            told.append(f"the standard error printed is {se}; the interval gives {error:.3g}")
    elif se is not None:
        number = Printed.of(se, where)
        basis, error, errors = "standard error", number.value, (max(number.range[0], 0.0), number.range[1])
    else:
        assert p is not None  # one of the three is given, or it was refused
        number = read_p(p, where)[1]
        basis, error = "p-value", abs(value) / _z_of_p(number.value)
        near, far = (max(edge, 1e-300) for edge in number.range)
        bounds = sorted(abs(edge) for edge in _scaled_range(kind, point))
        errors = (bounds[0] / _z_of_p(near), bounds[1] / _z_of_p(far) if far < 1 else math.inf)
    if p is not None and basis != "p-value":
        told += _p_against(kind, p, point, value, error, errors, basis)
    around = _scaled_range(kind, point) if centre == "estimate" else (value, value)
    return Estimate(kind.key, value, error, around, errors, level, basis, printed, tuple(told))


def _proportion(given: str | float) -> str | float:
    """A risk difference in per cent, or points, as a proportion with the digits of the print."""
    found = re.fullmatch(r"(.+?)\s*(?:%|points?|percentage points?)", str(given).strip())
    if not found:
        return given
    number = Printed.of(found[1], "the risk difference")
    decimals = round(-math.log10(2 * number.half)) + 2
    return f"{number.value / 100:.{max(decimals, 0)}f}"


@dataclass(frozen=True)
class _Fault:
    found: str
    required: str
    hint: str = ""


def _faults(
    kind: Measure,
    where: str,
    estimate: str | float,
    ci: Sequence[str | float] | None,
    se: str | float | None,
    p: str | float | None,
    level: float,
) -> list[_Fault]:
    """Everything that is wrong with what was given, not only the first."""
    found: list[_Fault] = []
    if not 0.5 <= level < 1:
        hint = f"Level {level:g} is {level / 100:g} as a probability." if 50 <= level < 100 else ""
        found.append(_Fault(f"level {level:g}", "a level between 0.5 and 1, such as 0.95", hint))
    if ci is not None and len(ci) != 2:
        return [*found, _Fault(f"{len(ci)} limits", "two limits, lower and upper")]
    numbers: dict[str, Printed] = {}
    for name, given in (("estimate", estimate), *zip(("lower limit", "upper limit"), ci or (), strict=False),
                        ("standard error", se), ("p-value", p)):  # fmt: skip
        if given is None:
            continue
        try:
            if name == "p-value":
                sign, number = read_p(given, where)
                if sign != "=":
                    continue
                numbers[name] = number
            else:
                numbers[name] = Printed.of(given, where)
        except TrialError as problem:
            found.append(_Fault(f"{name} {problem.found}", f"a number for the {name}", problem.hint))
    for name in ("estimate", "lower limit", "upper limit"):
        if name not in numbers:
            continue
        value = numbers[name].value
        if kind.is_ratio and value <= 0:
            hint = "A ratio is given as it is printed, not as its logarithm." if value < 0 else ""
            found.append(_Fault(f"{name} {value:g}", f"{kind.one} above 0", hint))
        if kind.key == "rd" and not -1 < value < 1:
            hint = f"{value:g} percentage points are {value / 100:g}."
            found.append(_Fault(f"{name} {value:g}", "a risk difference between -1 and 1", hint))
    if "standard error" in numbers and numbers["standard error"].value <= 0:
        found.append(_Fault(f"standard error {numbers['standard error'].value:g}", "a standard error above 0"))
    if "p-value" in numbers and not 0 < numbers["p-value"].value <= 1:
        found.append(_Fault(f"p-value {numbers['p-value'].value:g}", "a p-value above 0 and at most 1"))
    if found:
        return found
    if ci is not None:
        low, high, middle = (numbers[name].value for name in ("lower limit", "upper limit", "estimate"))
        if low >= high:
            found.append(_Fault(f"lower limit {low:g}, upper limit {high:g}", "the lower limit below the upper one"))
        elif not low <= middle <= high:
            found.append(_Fault(f"estimate {middle:g} outside {low:g} to {high:g}", "an estimate within its interval"))
    elif se is None:
        if "p-value" not in numbers:
            given = "no interval" if p is None else f"p {p}, and no interval"
            needed = "an interval (lower and upper limit), a standard error, or an exact p-value"
            found.append(_Fault(given, needed))
        elif abs(kind.scaled(numbers["estimate"].value)) < _SAME or numbers["p-value"].value == 1:
            needed = "an interval or a standard error, since a p-value says nothing of precision there"
            found.append(_Fault("an estimate of no effect, or p = 1, with a p-value only", needed))
    return found


def _asymmetry(kind: Measure, point: Printed, limits: Sequence[Printed]) -> list[str]:
    """That the interval is not symmetrical about the estimate on its scale, where rounding does not explain it."""
    ranges = [_scaled_range(kind, limit) for limit in limits]
    middle = [sum(edge) / 2 for edge in zip(*ranges, strict=True)]
    own = _scaled_range(kind, point)
    gap = max(middle[0] - own[1], own[0] - middle[1])
    if gap <= _NEAR * (middle[1] - ranges[0][0]) + _SAME:
        return []
    at = kind.printed(sum(kind.scaled(limit.value) for limit in limits) / 2)
    told = (
        f"the interval is not symmetrical about the estimate {point.value:g} as a {kind.scale}: its middle is {at:.3g}"
    )
    if kind.is_ratio:
        plain = [sum(edge) / 2 for edge in zip(*(limit.range for limit in limits), strict=True)]
        if point.holds(plain[0], plain[1]):
            told += f" (it is symmetrical as {kind.one} itself, which is no log scale)"
        inverse = [
            1 / sum(1 / edge for edge in pair) * 2 for pair in zip(*(limit.range for limit in limits), strict=True)
        ]
        if point.holds(min(inverse), max(inverse)):
            told += f" (it is symmetrical as the inverse of the {kind.name})"
    return [told]


def _p_against(
    kind: Measure, p: str | float, point: Printed, value: float, error: float, errors: tuple[float, float], basis: str
) -> list[str]:
    """That the p-value does not follow from estimate and standard error, where rounding does not explain it."""
    low, high = _scaled_range(kind, point)
    edges = sorted((abs(low), abs(high)))
    low_z = 0.0 if low <= 0 <= high else edges[0] / errors[1]
    high_z = edges[1] / errors[0] if errors[0] > 0 else math.inf
    least, most = two_sided_p(high_z), two_sided_p(low_z)
    text = str(p).strip()
    sign, number = read_p(p, "p-value")
    # a bound is not rounded: p = 0.052 is not printed as below 0.05
    agrees = {"<": least <= number.value, ">": most >= number.value}.get(sign, number.holds(least, most))
    if agrees:
        return []
    again = two_sided_p(value / error)
    return [f"the p-value printed is {text}; estimate and {basis} give {again:.2g} (a test of another kind may differ)"]


def _scaled_range(kind: Measure, number: Printed) -> tuple[float, float]:
    low, high = number.range
    if kind.is_ratio:
        low = max(low, number.value * 1e-6)
    return kind.scaled(low), kind.scaled(high)


def _z_of_p(p: float) -> float:
    from scipy.special import ndtri

    return float(-ndtri(min(p, 1.0) / 2))
