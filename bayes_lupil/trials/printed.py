"""Numbers as a paper prints them: rounded, so that each stands for a range; and whether several agree."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace

from bayes_lupil.errors import TrialError

__all__ = [
    "Printed", "count_for_percentage", "does_percentage_agree", "printed_together", "read_p", "split_interval",
    "split_result",
]  # fmt: skip

_NUMBER = re.compile(r"([<>=]?)\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(%?)")
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+")
_LIMITS = re.compile(r"[(\[]?\s*(\S+?)\s*(?:\bto\b|[;\u2013\u2014]|,\s|\s-\s|(?<=\d)-)\s*(\S+?)\s*[)\]]?")
_RESULT = re.compile(r"(\S+)\s*[(\[](?:\s*\d+\s*%\s*(?:CI|confidence interval)?[:,]?)?\s*(.+?)\s*[)\]]")
_P = re.compile(r"(?:p\s*)?([<>=\u2264\u2265]?)\s*(\S+?)\*?", re.IGNORECASE)
_HALF = 0.5 + 1e-9
"""Of a unit in the last digit: a half may have been rounded up or down."""


def printed_together(*given: str | float, where: str) -> list[Printed]:
    """Numbers that stand together in print, which have as many decimals as the one of them with the most.

    Of texts that have decimals these are counted; a number of Python, or a whole one, may have lost its zeros ('1.00').
    A whole one from 10 on may also be printed to as many digits as the others, whichever is less fine.

    Examples
    --------
    >>> [number.half for number in printed_together(0.8, "0.55", 1, where="estimate")]
    [0.005, 0.005, 0.005]
    >>> [number.half for number in printed_together("12.2", "1.30", "114", where="estimate")]
    [0.05, 0.005, 0.5]
    """
    found = [Printed.of(item, where) for item in given]
    least = min(number.half for number in found)
    kept = [isinstance(item, str) and "." in item for item in given]
    is_whole = [number.value.is_integer() and not keep for number, keep in zip(found, kept, strict=True)]
    # significant digits of those that have decimals
    digits = max([_digits(number) for number, whole in zip(found, is_whole, strict=True) if not whole], default=1)

    def together(number: Printed, whole: bool) -> Printed:
        if not whole or abs(number.value) < 10:
            return replace(number, half=least)
        unit = 10.0 ** (math.floor(math.log10(abs(number.value))) + 1 - digits)
        return replace(number, half=max(least, min(0.5, unit / 2)))

    return [
        number if keep else together(number, whole) for number, keep, whole in zip(found, kept, is_whole, strict=True)
    ]


def _digits(number: Printed) -> int:
    """Significant digits printed."""
    if not number.value:
        return 1
    return math.floor(math.log10(abs(number.value))) - round(math.log10(2 * number.half)) + 1


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
        text = _plain(str(given))
        if _THOUSANDS.fullmatch(text):
            hint = f"Write {text.replace(',', '')} for thousands, {text.replace(',', '.')} for a decimal comma."
            raise TrialError(where, f"'{given}', which may be thousands or decimals", "one of the two", hint)
        if _DECIMAL_COMMA.fullmatch(text):
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


def split_interval(text: str) -> tuple[str, str] | None:
    """The two limits of an interval in one text; None where there are not two.

    Examples
    --------
    >>> split_interval("0.55 to 1.04"), split_interval("(0.55-1.04)"), split_interval("-4.7; -0.3")
    (('0.55', '1.04'), ('0.55', '1.04'), ('-4.7', '-0.3'))
    """
    found = _LIMITS.fullmatch(_plain(text))
    return (found[1], found[2]) if found else None


def split_result(text: str) -> tuple[str, tuple[str, str] | None]:
    """An estimate, and the interval that stands behind it in brackets where one does.

    Examples
    --------
    >>> split_result("0.76 (0.55 to 1.04)"), split_result("0.76 (95% CI 0.55-1.04)"), split_result("0.76")
    (('0.76', ('0.55', '1.04')), ('0.76', ('0.55', '1.04')), ('0.76', None))
    """
    found = _RESULT.fullmatch(_plain(text))
    limits = split_interval(found[2]) if found else None
    return (found[1], limits) if found and limits else (text, None)


def read_p(given: str | float, where: str) -> tuple[str, Printed]:
    """Whether a p-value is printed as such ('='), as below ('<') or above ('>') a number, and the number.

    Raises
    ------
    TrialError
        Where it is no p-value.

    Examples
    --------
    >>> read_p("P = .09", "p"), read_p("<0.001", "p")[0], read_p("NS", "p")
    (('=', Printed(value=0.09, half=0.005)), '<', ('>', Printed(value=0.05, half=0.0)))
    """
    text = _plain(str(given))
    if text.casefold().strip(".") in ("ns", "n.s", "not significant"):
        return ">", Printed(0.05, 0.0)
    found = _P.fullmatch(text)
    number = Printed.of(found[2] if found else text, where)
    sign = {"<": "<", "\u2264": "<", ">": ">", "\u2265": ">"}.get(found[1] if found else "", "=")
    return sign, number


def _plain(text: str) -> str:
    """Print's minus signs and raised dots as those of a keyboard."""
    return text.strip().replace("\u2212", "-").replace("\u00b7", ".")


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
