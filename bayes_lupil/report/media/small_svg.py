"""Drawings of Matplotlib in fewer letters: the same shapes, and nothing that a reader could tell from the original."""

from __future__ import annotations

import re

__all__ = ["small_svg"]

_SEGMENT = re.compile(r"([MLHVCSQTAZ])|(-?[\d.]+(?:e-?\d+)?)", re.IGNORECASE)


def small_svg(svg: str) -> str:
    r"""The same drawing: places to a hundredth of a point, no comments and no spaces between.

    Examples
    --------
    >>> small_svg('<svg><g transform="translate(63.476562 0)"/>\n <!-- 1 --> </svg>')
    '<svg><g transform="translate(63.48 0)"/></svg>'
    >>> small_svg('<path d="M 10.123 -20 L 30 40 L 50.60 60 z" id="line"/>')
    '<path d="M10.12-20 30 40 50.6 60z" id="line"/>'
    """
    svg = re.sub(r"<!--.*?-->|<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r">\s+<", "><", svg).replace(" xlink:href=", " href=")
    svg = re.sub(r' d="([^"]*)"', lambda found: f' d="{_path(found[1])}"', svg)
    return re.sub(r"translate\(([-\d.]+) ([-\d.]+)\)", lambda at: f"translate({_short(at[1])} {_short(at[2])})", svg)


def _short(number: str, digits: int = 2) -> str:
    written = f"{float(number):.{digits}f}".rstrip("0").rstrip(".") if "." in number or "e" in number else number
    return "0" if written in ("-0", "") else written


def _path(path: str) -> str:
    """Commands that repeat are left out, as are spaces that separate nothing."""
    text, last = "", ""
    for command, number in _SEGMENT.findall(path):
        if command:
            following = "L" if last == "M" else last
            if command != following or command in "zZMm":
                text += command
            last = command
        else:
            value = _short(number)
            text += value if not text or text[-1].isalpha() or value[0] == "-" else f" {value}"
    return text
