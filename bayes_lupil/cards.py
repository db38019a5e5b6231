"""How objects show themselves at a prompt and in a notebook: a heading, a few rows, and what to call next.

Results hold thousands of numbers, and none of them prints more than twenty lines.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from html import escape
from textwrap import shorten, wrap
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.characters import one_line

__all__ = ["Brief", "Card", "Shown", "picture_of_draws"]

MOST_LINES = 20
"""Of the text of a card; rows that would go beyond are left out, and counted."""
_WIDTH = 100
_STYLE = (
    "<style>.blp{font:14px/1.45 system-ui,sans-serif;max-width:46em}.blp table{border-collapse:collapse;margin:.3em 0}"
    ".blp th{text-align:left!important;font-weight:600;padding:.1em 1em .1em 0;vertical-align:top;white-space:nowrap}"
    ".blp th{background:none}.blp table{font:inherit}"
    ".blp td{text-align:left!important;padding:.1em 0;background:none}.blp tr{background:none!important}"
    ".blp .alert{font-weight:700}.blp code{white-space:nowrap}.blp svg{display:block;margin:.3em 0}</style>"
)


@dataclass(frozen=True)
class Card:
    """What an object shows of itself.

    Attributes
    ----------
    heading : str
    rows : tuple of (str, str)
        What, and its value in words.
    alert : str
        What must be known before anything else, such as that data are made up; empty where there is nothing.
    calls : tuple of str
        What can be called next.
    picture : str
        An SVG image, for notebooks.
    """

    heading: str
    rows: tuple[tuple[str, str], ...]
    alert: str = ""
    calls: tuple[str, ...] = ()
    picture: str = ""

    def text(self) -> str:
        """At most 20 lines.

        Examples
        --------
        >>> print(Card("Trial 'x'", (("patients", "100"), ("sites", "25")), calls=("bl.fit(...)",)).text())
        Trial 'x'
          patients  100
          sites     25
        next: bl.fit(...)
        """
        width = max((len(label) for label, _ in self.rows), default=0) + 4
        head = [line for line in (self.alert, self.heading) if line]
        tail = [f"next: {', '.join(map(one_line, self.calls))}"] if self.calls else []
        body = []
        for label, words in self.rows:
            first, *more = wrap(one_line(words), _WIDTH - width) or [""]
            body.append(f"  {one_line(label):<{width - 2}}{first}".rstrip())
            body += [" " * width + line for line in more]
        room = MOST_LINES - len(head) - len(tail)
        if len(body) > room:
            body = [*body[: room - 1], f"  ... and {len(body) - room + 1} lines more"]
        return "\n".join([*map(one_line, head), *body, *tail])

    def html(self) -> str:
        """The same for a notebook, with the picture."""

        def safe(text: str) -> str:
            return escape(one_line(text))

        alert = f'<div class="alert">{safe(self.alert)}</div>' if self.alert else ""
        rows = "".join(f"<tr><th>{safe(label)}</th><td>{safe(words)}</td></tr>" for label, words in self.rows)
        calls = ", ".join(f"<code>{safe(call)}</code>" for call in self.calls)
        last = f"<div>Next: {calls}</div>" if calls else ""
        return (
            f'<div class="blp">{_STYLE}{alert}<div><b>{safe(self.heading)}</b></div>{self.picture}'
            f"<table>{rows}</table>{last}</div>"
        )


class Brief:
    """Base of dataclasses that are told by the kind and size of what they hold, in one line.

    Examples
    --------
    >>> @dataclass
    ... class Two(Brief):
    ...     name: str
    ...     values: Any
    >>> Two("x", np.zeros((3, 2)))
    Two(name='x', values=<array 3 x 2>)
    """

    def __init_subclass__(cls, **given: Any) -> None:
        super().__init_subclass__(**given)
        if "__repr__" not in vars(cls):  # a dataclass would write one of its own
            cls.__repr__ = cls.__repr__  # type: ignore[method-assign]

    def __repr__(self) -> str:
        told = [f"{item.name}={_brief(getattr(self, item.name, None))}" for item in fields(self) if item.repr]  # type: ignore[arg-type]
        return f"{type(self).__name__}({', '.join(told)})"


class Shown(Brief):
    """Base of what shows itself as a card."""

    def card(self) -> Card:
        """What the object shows of itself."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return self.card().text()

    def __str__(self) -> str:
        return self.card().text()

    def _repr_html_(self) -> str:
        return self.card().html()


def _brief(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"<array {' x '.join(map(str, value.shape))}>" if value.size > 4 else repr(value.tolist())
    if isinstance(value, Mapping | tuple | list) and len(value) > 4:
        return f"<{len(value)} items>"
    if isinstance(value, tuple | list) and all(isinstance(item, str | int | float) for item in value):
        return shorten(repr(value), 80, placeholder=" ...)")
    if isinstance(value, str):
        return repr(shorten(value, 60, placeholder=" ..."))
    if value is None or isinstance(value, int | float):
        return repr(value)
    if isinstance(value, Mapping | tuple | list):
        return f"<{len(value)} items>"
    return f"<{type(value).__name__}>"


def picture_of_draws(draws: NDArray[np.float64], sign: int, words: str) -> str:
    """A small histogram of the effect as SVG, what lies on the side of benefit in a stronger colour.

    Parameters
    ----------
    draws : array
        Of the effect, active minus control.
    sign : {1, -1}
        Whether an effect above or below 0 is a benefit.
    words : str
        What the picture shows, for those who do not see it.
    """
    values = np.asarray(draws, dtype=float).ravel()
    low, high = np.quantile(values, [0.001, 0.999])
    low, high = min(low, 0.0), max(high, 0.0)
    counts, edges = np.histogram(np.clip(values, low, high), bins=48, range=(low, high if high > low else low + 1e-12))
    width, height = 336, 56
    scale, most = width / (edges[-1] - edges[0]), max(int(counts.max()), 1)
    bars = []
    for count, left, right in zip(counts, edges[:-1], edges[1:], strict=True):
        tall = height * count / most
        x, wide = (left - edges[0]) * scale, (right - left) * scale - 0.8
        strong = 1.0 if sign * (left + right) > 0 else 0.3
        bars.append(
            f'<rect x="{x:.1f}" y="{height - tall:.1f}" width="{wide:.1f}" height="{tall:.1f}" opacity="{strong}"/>'
        )
    zero = (0 - edges[0]) * scale
    return (
        f'<svg role="img" aria-label="{escape(one_line(words))}" width="{width}" height="{height + 16}" '
        f'viewBox="0 0 {width} {height + 16}" fill="#3b6ea8"><g>{"".join(bars)}</g>'
        f'<path d="M{zero:.1f} 0V{height + 3}" stroke="currentColor" stroke-dasharray="3 2"/>'
        f'<text x="{min(max(zero, 4), width - 4):.1f}" y="{height + 14}" font-size="11" text-anchor="middle" '
        f'fill="currentColor">0</text></svg>'
    )
