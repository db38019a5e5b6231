"""One tree of exceptions: every error says where, what was found, what was required and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path

from bayes_lupil.characters import one_line

__all__ = [
    "BayesLupilError",
    "DiagnosticsError",
    "InputError",
    "ModelError",
    "OutputError",
    "SamplerError",
    "SavedFileError",
    "TrialError",
    "UnsupportedModelError",
    "closest",
    "did_you_mean",
    "nearest",
    "within",
]

_MOST_LISTED = 20


class BayesLupilError(Exception):
    """Root of all errors that this package raises on purpose.

    Attributes
    ----------
    exit_status : int
        What the command line ends with: 2 for anything the user can put right, 3 for a fit that failed.
    """

    exit_status = 2


class InputError(BayesLupilError, ValueError):
    """Something that came in is not what it must be.

    Parameters
    ----------
    where : str
        File, row or key, as the user would look it up.
    found : str
        What stands there.
    required : str
        What must stand there.
    hint : str, optional
        What to do about it.
    """

    def __init__(self, where: str, found: str, required: str, hint: str = "") -> None:
        self.where = one_line(where)
        self.found = _cut(one_line(found), 300)
        self.required = one_line(required)
        self.hint = one_line(hint)
        text = f"{self.where}: found {self.found}; required: {self.required}"
        super().__init__(f"{text}. {self.hint}" if hint else f"{text}.")

    def __reduce__(self) -> tuple[type[InputError], tuple[str, str, str, str]]:
        return type(self), (self.where, self.found, self.required, self.hint)


class TrialError(InputError):
    """A trial (CSV, TOML or counts handed over in Python) that cannot be read or does not add up."""


class ModelError(InputError):
    """A model file with an unknown key, an impossible value or something missing."""


class UnsupportedModelError(InputError):
    """A sound model and a sound trial that do not fit each other, for example fixed sites without a site table."""


class SavedFileError(InputError):
    """A saved posterior that is damaged or was not written by this package."""


class DiagnosticsError(InputError):
    """A fit whose diagnostics failed, where what is asked for takes one that is sound."""

    exit_status = 3

    def __init__(
        self, where: str, found: str, required: str = "a fit whose diagnostics are sound", hint: str = ""
    ) -> None:
        super().__init__(where, found, required, hint)


class OutputError(InputError):
    """A place that results cannot be written to."""


class SamplerError(BayesLupilError, RuntimeError):
    """The sampler itself could not run; distinct from a run whose diagnostics fail."""

    exit_status = 3


@contextmanager
def within(place: str | Path) -> Iterator[None]:
    """Puts the place, such as a file, before where an error says that it is."""
    try:
        yield
    except InputError as problem:
        raise type(problem)(f"{place}, {problem.where}", problem.found, problem.required, problem.hint) from None


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 4] + " ..."


def closest(word: str, known: Iterable[str]) -> str:
    """The nearest of the known words, whatever the case of its letters; empty where none is near.

    Examples
    --------
    >>> closest("ITT", ["itt", "pp"])
    'itt'
    """
    spelling = {choice.casefold(): choice for choice in sorted(known, reverse=True)}
    match = get_close_matches(word.casefold(), spelling, n=1, cutoff=0.6)
    return spelling[match[0]] if match else ""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The nearest valid spelling as a question; empty where none is near."""
    match = closest(word, known)
    return f"Did you mean '{match}'?" if match else ""


def nearest(word: str, known: Iterable[str]) -> str:
    """The nearest valid spelling as a question, or the list of valid ones.

    Examples
    --------
    >>> nearest("poled", ["pooled", "partial", "fixed"])
    "Did you mean 'pooled'?"
    >>> nearest("xyz", ["pooled", "partial"])
    'Valid: partial, pooled.'
    """
    choices = sorted(known)
    if question := did_you_mean(word, choices):
        return question
    if len(choices) > _MOST_LISTED:
        return f"Valid: {', '.join(choices[:_MOST_LISTED])}, ... ({len(choices)} in all)."
    return f"Valid: {', '.join(choices)}." if choices else ""
