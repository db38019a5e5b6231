"""Characters of texts that come from outside: what no output can hold, what no reader can see, which names look alike.

Whatever is shown to anybody (pages, tables, figures, the terminal, messages) passes through `visible`, in one place of
each medium. What no medium can hold is refused where it is read.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

__all__ = ["alike", "escaped", "folded", "name_fault", "one_line", "repeated", "unholdable", "visible"]

_NEVER = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef" + "".join(
    f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}" for plane in range(0, 0x110000, 0x10000)
)
# Unicode's default ignorable code points, line and paragraph separator, and the marks of annotations
_UNSEEN = (
    r"\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    r"\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_UNHOLDABLE = re.compile(f"[{_NEVER}]")
_HIDDEN = re.compile(f"[\r{_NEVER}{_UNSEEN}]")
_BREAKS = re.compile("[\t\n\r\u2028\u2029]")


def _code(found: re.Match[str]) -> str:
    return f"[U+{ord(found[0]):04X}]"


def visible(text: str) -> str:
    r"""Text in which nothing is hidden: control characters, marks of direction and what has no width become codes.

    Line feeds and tabs stay. Applied twice it does no more than once.

    Examples
    --------
    >>> visible("site\u202e 1"), visible("a\x00b"), visible("\u05d0")
    ('site[U+202E] 1', 'a[U+0000]b', 'א')
    """
    return _HIDDEN.sub(_code, text)


def one_line(text: str) -> str:
    r"""Visible text on one line: line feeds, tabs and unusual spaces become codes too.

    Examples
    --------
    >>> one_line("A\nB\xa0C")
    'A[U+000A]B[U+00A0]C'
    """
    return "".join(c if c.isprintable() else f"[U+{ord(c):04X}]" for c in visible(text))


def escaped(json: str) -> str:
    r"""JSON with the same content, in which what is hidden is written in JSON's own way.

    Examples
    --------
    >>> escaped('{"site": "A\u202e"}')
    '{"site": "A\\u202e"}'
    """

    def units(found: re.Match[str]) -> str:
        pair = found[0].encode("utf-16-be", "surrogatepass")
        return "".join(f"\\u{pair[i : i + 2].hex()}" for i in range(0, len(pair), 2))

    return _HIDDEN.sub(units, json)


def unholdable(text: str) -> re.Match[str] | None:
    """The first character that no output can hold: a control character, half of a pair, or one that is none."""
    return _UNHOLDABLE.search(text)


def name_fault(name: str) -> str:
    r"""What keeps a text from being a name, in words; empty where nothing does.

    Examples
    --------
    >>> name_fault("Paris"), name_fault("Pa\nris"), name_fault("a\x07b")
    ('', "'Pa[U+000A]ris', with a line break (U+000A)", "'a[U+0007]b', with a control character (U+0007)")
    """
    if not name.strip():
        return "a name of spaces only" if name else "an empty name"
    if (found := _UNHOLDABLE.search(name)) is not None:
        what = "a control character" if unicodedata.category(found[0]) == "Cc" else "a character that is none"
    elif (found := _BREAKS.search(name)) is not None:
        what = "a tab" if found[0] == "\t" else "a line break"
    else:
        return ""
    return f"'{one_line(name)}', with {what} (U+{ord(found[0]):04X})"


def folded(name: str) -> str:
    r"""A name without what hardly tells names apart: case, width, the form of its letters, spaces and hidden marks.

    Examples
    --------
    >>> folded("Köln  1") == folded("KO\u0308LN\xa01\u200b")
    True
    """
    if name.isascii():
        return " ".join(name.casefold().split())
    plain = unicodedata.normalize("NFKC", _HIDDEN.sub("", name)).casefold()
    return " ".join(unicodedata.normalize("NFKC", plain).split())


def repeated(names: Iterable[str]) -> str:
    """The first name that comes a second time; empty where each comes once.

    Examples
    --------
    >>> repeated(["a", "b", "a", "b"]), repeated(["a", "b"])
    ('a', '')
    """
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return ""


def alike(names: Iterable[str]) -> tuple[str, str] | None:
    """The first two different names that differ only by what `folded` leaves out.

    Examples
    --------
    >>> alike(["Paris", "Rome", "PARIS", "Paris"])
    ('Paris', 'PARIS')
    """
    seen: dict[str, str] = {}
    for name in names:
        twin = seen.setdefault(folded(name), name)
        if twin != name:
            return twin, name
    return None
