"""Drawings of Matplotlib in fewer letters: the same shapes, and nothing that a reader could tell from the original."""

from __future__ import annotations

import re

__all__ = ["small_svg"]

_SEGMENT = re.compile(r"([MLHVCSQTAZ])|(-?[\d.]+(?:e-?\d+)?)", re.IGNORECASE)


def small_svg(svg: str) -> str:
    r"""The same drawing: places to a hundredth of a point, short names of letters, no comments and no spaces between.

    Examples
    --------
    >>> small_svg('<svg><use xlink:href="#DejaVuSans-31" transform="translate(63.476562 0)"/>\n <!-- 1 --> </svg>')
    '<svg><use href="#a" x="63.5"/></svg>'
    >>> small_svg('<path d="M 10.123 -20 L 30 40 L 50.60 60 z" id="line"/>')
    '<path d="M10.12-20 30 40 50.6 60z" id="line"/>'
    """
    svg = re.sub(r"<!--.*?-->|<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r">\s+<", "><", svg).replace(" xlink:href=", " href=")
    svg = re.sub(r' d="([^"]*)"', lambda found: f' d="{_path(found[1])}"', svg)
    names = dict.fromkeys(re.findall(r'"#?(DejaVu\w+(?:-\w+)*-[0-9a-f]+)"', svg))
    short = {name: _name(i) for i, name in enumerate(names)}
    svg = re.sub(r'"(#?)(DejaVu\w+(?:-\w+)*-[0-9a-f]+)"', lambda found: f'"{found[1]}{short[found[2]]}"', svg)
    # a letter of a word: its place within the word, in hundredths of the size of the font
    svg = re.sub(r'(<use [^>]*?) transform="translate\(([-\d.]+) ([-\d.]+)\)"', _place, svg)
    return re.sub(r"translate\(([-\d.]+) ([-\d.]+)\)", lambda at: f"translate({_short(at[1])} {_short(at[2])})", svg)


def _name(i: int) -> str:
    """A to z, then a1 to z1 ...; drawings have ids of their own with longer names."""
    return f"{chr(97 + i % 26)}{i // 26 or ''}"


def _place(found: re.Match[str]) -> str:
    across, down = (_short(number, 1) for number in found.groups()[1:])
    return found[1] + "".join(f' {axis}="{value}"' for axis, value in (("x", across), ("y", down)) if value != "0")


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
