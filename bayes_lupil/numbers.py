"""How numbers are written: rounded to what their Monte Carlo error supports, intervals always with their kind."""

from __future__ import annotations

import math

__all__ = [
    "in_hundred",
    "in_points",
    "interval",
    "of_chance",
    "p_is",
    "p_value",
    "percent",
    "points",
    "points_interval",
    "probability",
    "ratio",
    "small",
]

_SMALLEST_ERROR = 1e-5
"""A Monte Carlo error below it is not written out."""


def points(value: float, error: float | None = None) -> str:
    """A difference of probabilities in percentage points, to the digit that a Monte Carlo error leaves.

    A difference that one decimal would make 0, as of rare events, has two significant digits.

    Examples
    --------
    >>> points(0.0958), points(-0.0883), points(0.0958, error=0.012), points(-0.00056)
    ('+9.6', '-8.8', '+10', '-0.056')
    """
    if error is not None and error >= 0.0095:
        return f"{100 * value:+.0f}"
    size = abs(100 * value)
    if size < 0.095 and size > 1e-6:
        return f"{100 * value:+.{1 - math.floor(math.log10(size))}f}"
    return f"{100 * value:+.1f}" if size >= 0.095 else "0.0"


def points_interval(low: float, high: float, error: float | None = None) -> str:
    """An interval of such differences, in as many digits as its width needs.

    A limit of a wide one that one decimal would make 0 has two.

    Examples
    --------
    >>> points_interval(-0.0883, 0.277), points_interval(-0.00128, -0.00008), points_interval(-0.00056, 0.22)
    ('-8.8 to +27.7', '-0.13 to -0.01', '-0.06 to +22.0')
    """
    width = 100 * (high - low)
    if width >= 1:
        return interval(
            *(points(value, error) if abs(value) >= 0.00095 else _next_to_0(value) for value in (low, high))
        )
    if width <= 0:
        return interval(points(low, error), points(high, error))
    digits = 1 - math.floor(math.log10(width))
    return interval(f"{100 * low:+.{digits}f}", f"{100 * high:+.{digits}f}")


def _next_to_0(value: float) -> str:
    return f"{100 * value:+.2f}" if abs(value) >= 0.00005 else "0.0"


def in_points(value: float, unit: str = "point") -> str:
    """A size in percentage points, in words.

    Examples
    --------
    >>> in_points(1.0), in_points(0.5), in_points(10.0, "percentage point")
    ('1 point', '0.5 points', '10 percentage points')
    """
    return f"{value:g} {unit}{'' if value == 1 else 's'}"


def small(value: float, least: float = 1e-4) -> str:
    """A size that is hardly above 0, such as an error, in one significant digit and written out.

    Examples
    --------
    >>> small(0.0031), small(0.00005), small(0.00005, 1e-6), small(0.0)
    ('0.003', 'below 0.0001', '0.00005', 'below 0.0001')
    """
    if math.isnan(value):
        return ""
    digits = -math.floor(math.log10(max(value, least)))
    return f"{value:.{max(digits, 0)}f}" if value >= least else f"below {least:.{digits}f}"


def ratio(value: float | None) -> str:
    """A ratio in three significant digits.

    Examples
    --------
    >>> ratio(1.3978), ratio(None), ratio(12.34)
    ('1.40', '', '12.3')
    """
    if value is None or not math.isfinite(value):
        return ""
    digits = max(0, 2 - math.floor(math.log10(abs(value)))) if value else 2
    return f"{value:.{min(digits, 3)}f}"


def odds_ratio(value: float, written: str) -> str:
    """An odds ratio as it was written, or words where it is so small or large that its digits say nothing.

    Examples
    --------
    >>> odds_ratio(1.5, "1.50"), odds_ratio(3e-9, "0.00"), odds_ratio(3e8, "300000000.00")
    ('1.50', 'below 0.01', 'above 1000')
    """
    return written if 0.005 <= value < 1000 else "above 1000" if value > 1 else "below 0.01"


def interval(low: str, high: str) -> str:
    """Two limits in words, since a dash reads like a minus.

    Examples
    --------
    >>> interval("-8.8", "+27.7")
    '-8.8 to +27.7'
    """
    return f"{low} to {high}"


def probability(value: float, error: float | None = None, *, digits: int = 2, least: float = 0.0) -> str:
    """A probability with its Monte Carlo standard error, to the digit that the error leaves; never as 0 or 1.

    Parameters
    ----------
    error : float, optional
        Left out where it is said elsewhere; then `digits` are written.
    least : float
        An error below it is written as this.

    Examples
    --------
    >>> probability(0.8106, 0.0042), probability(0.99963, 0.00021), probability(1.0, 0.0001)
    ('0.811 (MCSE 0.004)', '0.9996 (MCSE 0.0002)', '> 0.999 (MCSE 0.0001)')
    >>> probability(0.9998, 0.00009, least=1e-4), probability(float("nan"), 0.1), probability(0.00003, 0.00004)
    ('0.9998 (MCSE 0.0001)', 'no result', '< 0.001 (MCSE 0.00004)')
    >>> probability(0.934), probability(0.0004), probability(0.9998, digits=3), probability(float("nan"))
    ('0.93', '< 0.01', '> 0.999', '')
    """
    if math.isnan(value):
        return "" if error is None else "no result"
    if error is None:
        half = 10**-digits / 2
        if half <= value <= 1 - half:
            return f"{value:.{digits}f}"
        return f"> {1 - 2 * half:.{digits}f}" if value > half else f"< {2 * half:.{digits}f}"
    rounded = float(f"{max(error, least):.1g}")
    digits = min(4, max(2, -math.floor(math.log10(rounded)))) if rounded > 0 else 4
    written = f"{value:.{digits}f}"
    if value >= 1 - 10**-digits / 2:
        written = f"> {1 - 10 ** -(digits - 1):.{digits - 1}f}"
    elif value < 10**-digits / 2:
        written = f"< {10 ** -(digits - 1):.{digits - 1}f}"
    return f"{written} (MCSE {small(rounded, _SMALLEST_ERROR)})"


def percent(value: float, error: float = 0.0, *, short: bool = False) -> str:
    """A probability in whole per cent, with its Monte Carlo standard error where that is above half of one.

    Parameters
    ----------
    short : bool
        Whether signs stand for words, as figures need it.

    Examples
    --------
    >>> percent(0.8172, 0.0011), percent(0.0047), percent(0.9968), percent(0.71, 0.02)
    ('82 %', 'below 1 %', 'above 99 %', '71 % (MCSE 2 %)')
    >>> percent(float("nan")), percent(0.9968, short=True)
    ('no result', '> 99 %')
    """
    if math.isnan(value):
        return "no result"
    whole, (below, above) = _whole(value), ("<", ">") if short else ("below", "above")
    written = f"{below} 1 %" if whole < 1 else f"{above} 99 %" if whole > 99 else f"{whole} %"
    return f"{written} (MCSE {math.ceil(round(1000 * error, 6)) / 10:g} %)" if error > 0.005 else written


def of_chance(value: float, error: float = 0.0) -> str:
    """The same after 'a probability'.

    Examples
    --------
    >>> of_chance(0.394), of_chance(0.0047), of_chance(0.0047, 0.0062)
    ('of 39 %', 'below 1 %', 'below 1 % (MCSE 0.7 %)')
    """
    written = percent(value, error)
    return written if written.startswith(("below", "above")) else f"of {written}"


def in_hundred(value: float) -> str:
    """The same as a frequency, which readers who do not think in probabilities take in best.

    Examples
    --------
    >>> in_hundred(0.8172), in_hundred(0.9968), in_hundred(0.0047)
    ('82 in 100', 'more than 99 in 100', 'fewer than 1 in 100')
    """
    whole = _whole(value)
    return "fewer than 1 in 100" if whole < 1 else "more than 99 in 100" if whole > 99 else f"{whole} in 100"


def _whole(value: float) -> int:
    """Per cent, rounded half up, so that a probability and its complement are not both rounded to the even one."""
    return math.floor(100 * value + 0.5)


def p_is(value: float | None) -> str:
    """A p-value after its letter.

    Examples
    --------
    >>> p_is(0.3439), p_is(0.00001)
    ('= 0.3439', '< 0.0001')
    """
    written = p_value(value)
    return written if written.startswith("<") else f"= {written}"


def p_value(value: float | None) -> str:
    """A p-value in four decimals.

    Examples
    --------
    >>> p_value(0.3439), p_value(0.00001), p_value(None)
    ('0.3439', '< 0.0001', '')
    """
    if value is None:
        return ""
    return "< 0.0001" if value < 0.00005 else f"{value:.4f}"
