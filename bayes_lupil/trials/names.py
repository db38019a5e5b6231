"""Names in data classes: texts that every table and figure can show, and that are told apart by what can be seen."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from bayes_lupil.characters import alike, name_fault, one_line, unholdable
from bayes_lupil.errors import TrialError

__all__ = ["check_names", "check_texts", "several"]


def check_names(names: Any, what: str, where: str = "") -> None:
    """That these are names, and that no two differ only by case, spaces, hidden marks or the form of a letter.

    Parameters
    ----------
    names : tuple of str
    what : str
        Whose they are: 'site', 'arm', 'patient'.
    where : str, optional
        For messages; `what` with an s where nothing is said.

    Raises
    ------
    TrialError
    """
    where = where or several(what)
    if not isinstance(names, tuple):
        raise TrialError(where, f"a {type(names).__name__}", "a tuple of names")
    # numbers first: 1, 1.0 and True are one key of the cache, and none of them is a name
    odd = next((name for name in names if not isinstance(name, str)), "")
    if odd != "":
        raise TrialError(where, f"{odd!r}, a {type(odd).__name__}", f"text as the name of each {what}")
    if fault := _fault(names, what):
        raise TrialError(where, *fault)


@lru_cache(maxsize=16)  # the same names pass through many objects of one analysis
def _fault(names: tuple[str, ...], what: str) -> tuple[str, str] | None:
    distinct = dict.fromkeys(names)
    for name in distinct:
        if fault := name_fault(name):
            return fault, "a name on one line, without control characters"
    if (twins := alike(distinct)) is not None:
        return f"the {several(what)} '{twins[0]}' and '{twins[1]}'", f"one spelling of each {what}"
    return None


def several(what: str) -> str:
    """The plural.

    Examples
    --------
    >>> several("site"), several("country")
    ('sites', 'countries')
    """
    return f"{what[:-1]}ies" if what.endswith("y") else f"{what}s"


def check_texts(where: str, **texts: Any) -> None:
    """That texts for titles and labels hold nothing that no output can hold.

    Raises
    ------
    TrialError
        Naming the field.
    """
    for field, text in texts.items():
        if not isinstance(text, str):
            raise TrialError(f"{where}, {field}", f"{text!r}, a {type(text).__name__}", "text")
        if sign := unholdable(text):
            found = f"'{one_line(text)}', with the character U+{ord(sign[0]):04X}"
            raise TrialError(f"{where}, {field}", found, "text without control characters")
