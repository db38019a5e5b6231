"""One tree of exceptions: every error says where, what was found, what was required and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = [
    "BayesLupilError",
    "InputError",
    "ModelError",
    "OutputError",
    "SamplerError",
    "SavedFileError",
    "TrialError",
    "UnsupportedModelError",
    "nearest",
]


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
        self.where = where
        self.found = found
        self.required = required
        self.hint = hint
        text = f"{where}: found {found}; required: {required}"
        super().__init__(f"{text}. {hint}" if hint else f"{text}.")

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


class OutputError(InputError):
    """A place that results cannot be written to."""


class SamplerError(BayesLupilError, RuntimeError):
    """The sampler itself could not run; distinct from a run whose diagnostics fail."""

    exit_status = 3


def nearest(word: str, known: Iterable[str]) -> str:
    """The nearest valid spelling as a sentence, or the list of valid ones.

    Examples
    --------
    >>> nearest("poled", ["pooled", "partial", "fixed"])
    "Did you mean 'pooled'?"
    >>> nearest("xyz", ["pooled", "partial"])
    'Valid: partial, pooled.'
    """
    choices = sorted(known)
    match = get_close_matches(word, choices, n=1, cutoff=0.6)
    if match:
        return f"Did you mean '{match[0]}'?"
    return f"Valid: {', '.join(choices)}." if choices else ""
