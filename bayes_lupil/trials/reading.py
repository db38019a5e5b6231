"""How a source was understood."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from bayes_lupil.characters import one_line
from bayes_lupil.frozen import ReadOnly
from bayes_lupil.trials.tables import listed

__all__ = ["Reading", "empty_site", "of_another_arm", "patients_left_out"]

_MOST_LINES = 40
_UNIDENTIFIED = "no column identifies patients (id=...): a patient with several rows would be counted several times"


@dataclass(frozen=True)
class Reading(ReadOnly):
    """What was read, how it was understood and what was left out.

    Attributes
    ----------
    source : str
        File or object.
    shape : str
        'a row a patient', 'a row a site and arm' or 'a row a site'.
    rows : int
        Rows of the source.
    patients, sites : int
        Analysed in the two arms; sites is 0 where there is no column of sites.
    arms : dict of str to (int, int)
        Responders and patients by arm, control first.
    columns : dict of str to str
        By role: 'site', 'arm', 'outcome', 'id', ...
    codings : tuple of str
        What values mean.
    exclusions : tuple of str
        What was left out, one by one, with the reason.
    guesses : tuple of str
        What nobody said: taken from names, or from how the file is written.
    unused : tuple of str
        Columns without a role.
    cautions : tuple of str
        What should be known before any result.
    direction_declared : bool
        Whether somebody said which direction is a benefit.
    counted : tuple of str
        Of a row a patient: the values of the outcome that are responses, or a condition.
    identified : bool
        False where each row is taken for a patient and no column says who it is.
    """

    source: str
    shape: str
    rows: int
    patients: int
    sites: int
    arms: dict[str, tuple[int, int]]
    columns: dict[str, str] = field(default_factory=dict)
    codings: tuple[str, ...] = ()
    exclusions: tuple[str, ...] = ()
    guesses: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    cautions: tuple[str, ...] = ()
    direction_declared: bool = True
    counted: tuple[str, ...] = ()
    identified: bool = True

    @property
    def notes(self) -> tuple[str, ...]:
        """What was left out, decided or guessed, for whoever only reads a list."""
        return (*self._of_patients, *self.exclusions, *self.codings, *self.guesses)

    @property
    def _of_patients(self) -> tuple[str, ...]:
        return () if self.identified else (_UNIDENTIFIED,)

    @property
    def lines(self) -> tuple[str, ...]:
        """The record in words, a line each."""
        sites = f"{self.sites:,} site{'s' if self.sites != 1 else ''}" if self.sites else "no sites"
        found = [f"{self.source}: {self.rows:,} rows, {self.shape}; {self.patients:,} patients, {sites}"]
        control, active = self.arms
        found += [
            f"{role} '{arm}': {self.arms[arm][0]:,} of {self.arms[arm][1]:,}"
            for role, arm in (("active", active), ("control", control))
        ]
        found += self._of_patients
        if self.columns:
            found.append("columns: " + ", ".join(f"{role} = '{name}'" for role, name in self.columns.items()))
        found += [f"coding: {text}" for text in self.codings]
        found += self.exclusions
        found += [f"guessed: {text}" for text in self.guesses]
        if self.unused:
            found.append(f"without a part in the counts: {listed(self.unused, 12)}")
        if len(found) > _MOST_LINES:
            found = [*found[: _MOST_LINES - 1], f"... ({len(found) - _MOST_LINES + 1} more lines)"]
        return tuple(one_line(text) for text in found)

    def to_dict(self) -> dict[str, Any]:
        """As plain data, for manifests."""
        return {
            "source": self.source, "shape": self.shape, "rows": self.rows, "patients": self.patients,
            "sites": self.sites, "arms": {arm: list(counts) for arm, counts in self.arms.items()},
            "columns": dict(self.columns), "codings": list(self.codings), "exclusions": list(self.exclusions),
            "guesses": list(self.guesses), "unused": list(self.unused), "cautions": list(self.cautions),
        }  # fmt: skip

    def __str__(self) -> str:
        return "\n".join(self.lines)


def patients_left_out(patients: int) -> str:
    """How many patients are left out; the reason follows.

    Examples
    --------
    >>> patients_left_out(1), patients_left_out(1200)
    ('1 patient left out', '1,200 patients left out')
    """
    return f"{patients:,} patient{'s' if patients != 1 else ''} left out"


def of_another_arm(arm: str, patients: int) -> str:
    """That the patients of an arm are left out."""
    return f"{patients_left_out(patients)}: arm '{arm}' is not compared"


def empty_site(site: str, where: str) -> str:
    """That a site without patients is left out."""
    return f"site '{site}' left out: no patients {where}"
