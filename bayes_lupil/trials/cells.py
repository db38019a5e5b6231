"""Counts by site and arm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.arguments import check_fields
from bayes_lupil.errors import TrialError, nearest
from bayes_lupil.frozen import ReadOnly
from bayes_lupil.limits import MOST_PATIENTS
from bayes_lupil.trials.names import check_names

__all__ = ["ALL_SITES", "Cells"]

ALL_SITES = "all sites"
"""Name of the one row of a table whose sites are not known."""


@dataclass(frozen=True, eq=False)
class Cells(ReadOnly):
    """Responders and patients by site and arm.

    Parameters
    ----------
    sites : tuple of str
        Site names, without repetition.
    responders, n : array of int, shape (sites, 2)
        Column 0 is control, column 1 active. A site with n = 0 in one arm is allowed; one with n = 0 in both is not.
    sites_known : bool
        False for arm totals without a site table; the one row is then named 'all sites'.
    countries : tuple of str, optional
        The country, or other group, that each site lies in, in the order of the sites; None where it is not known.

    Raises
    ------
    TrialError
        For responders outside 0..n, repeated or empty sites, or an arm with no patients at all.

    Examples
    --------
    >>> n = np.full((3, 2), 10)
    >>> cells = Cells(("A", "B", "C"), n // 2, n, countries=("Italy", "Italy", "Spain"))
    >>> cells.without(("A",)).countries
    ('Italy', 'Spain')
    """

    sites: tuple[str, ...]
    responders: NDArray[np.int64]
    n: NDArray[np.int64]
    sites_known: bool = True
    countries: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        check_fields(self, TrialError)
        check_names(self.sites, "site")
        for name in ("responders", "n"):
            given = np.asarray(getattr(self, name))
            if given.shape != (len(self.sites), 2):
                raise TrialError(
                    name, f"an array of shape {given.shape}", f"shape ({len(self.sites)}, 2): sites by arms"
                )
            if not np.issubdtype(given.dtype, np.integer):
                raise TrialError(name, f"numbers of type {given.dtype}", "whole numbers")
            frozen = given.astype(np.int64)
            frozen.setflags(write=False)
            object.__setattr__(self, name, frozen)
        if self.countries is not None:
            check_names(self.countries, "country", "countries")
            if len(self.countries) != len(self.sites) or not self.sites_known:
                found = f"{len(self.countries)} of them for {len(self.sites)} sites"
                raise TrialError("countries", found, "one for each site of a table of sites")
        if len(set(self.sites)) != len(self.sites):
            twice = next(site for site in self.sites if self.sites.count(site) > 1)
            raise TrialError("sites", f"site '{twice}' twice", "each site once")
        bad = (self.responders < 0) | (self.responders > self.n)
        if bad.any():
            s, a = (int(i) for i in np.argwhere(bad)[0])
            raise TrialError(
                f"site '{self.sites[s]}', {('control', 'active')[a]} arm",
                f"{self.responders[s, a]} responders of {self.n[s, a]}",
                "0 <= responders <= n",
            )
        if (self.n > MOST_PATIENTS).any() or (self.n.sum(axis=0) > MOST_PATIENTS).any():
            most = max(sum(map(int, column)) for column in self.n.T)  # whole numbers without a largest one
            raise TrialError("patients", f"{most:,} in one arm", f"at most {MOST_PATIENTS:,} in each arm")
        empty = np.flatnonzero(self.n.sum(axis=1) == 0)
        if empty.size:
            raise TrialError(f"site '{self.sites[empty[0]]}'", "no patients", "at least one patient", "Leave it out.")
        for a, arm in enumerate(("control", "active")):
            if self.n[:, a].sum() == 0:
                raise TrialError(f"{arm} arm", "no patients", "at least one patient in each arm")

    @property
    def totals(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """(responders, patients) of control and active."""
        r, n = self.responders.sum(axis=0), self.n.sum(axis=0)
        return ((int(r[0]), int(n[0])), (int(r[1]), int(n[1])))

    @property
    def site_shares(self) -> NDArray[np.float64]:
        """Share of the patients at each site, shape (sites,), summing to 1."""
        per_site: NDArray[np.float64] = self.n.sum(axis=1) / self.n.sum()
        return per_site

    def without(self, sites: tuple[str, ...]) -> Cells:
        """The table without some of its sites."""
        keep = np.array([site not in sites for site in self.sites])
        if not keep.any():
            raise TrialError("sites left out", "every site", "at least one site kept")
        for a, arm in enumerate(("control", "active")):
            if not self.n[keep, a].any():
                found = f"every site with patients in the {arm} arm"
                raise TrialError("sites left out", found, "at least one patient kept in each arm")
        rows = np.flatnonzero(keep)
        countries = None if self.countries is None else tuple(self.countries[s] for s in rows)
        kept = tuple(self.sites[s] for s in rows)
        return Cells(kept, self.responders[keep], self.n[keep], self.sites_known, countries)

    def sites_in(self, country: str) -> tuple[str, ...]:
        """The sites that lie in a country: `without_sites` leaves the country out.

        Raises
        ------
        TrialError
            Where there is no such country.

        Examples
        --------
        >>> n = np.full((3, 2), 10)
        >>> Cells(("A", "B", "C"), n // 2, n, countries=("Italy", "Italy", "Spain")).sites_in("Italy")
        ('A', 'B')
        """
        known = self.countries or ()
        if country not in known:
            raise TrialError("country", f"'{country}'", "a country of the sites", nearest(country, known))
        return tuple(site for site, its in zip(self.sites, known, strict=True) if its == country)

    def pooled(self) -> Cells:
        """Arm totals as a table of one row."""
        if len(self.sites) == 1:
            return self
        return Cells((ALL_SITES,), self.responders.sum(axis=0)[None], self.n.sum(axis=0)[None], sites_known=False)

    def content(self) -> dict[str, Any]:
        """The table as plain lists, by the names of the sites: the same in whatever order they were given."""
        order = sorted(range(len(self.sites)), key=self.sites.__getitem__)
        countries = {} if self.countries is None else {"countries": [self.countries[i] for i in order]}
        return {
            "resolution": "cells",
            "sites": [self.sites[i] for i in order],
            "responders": self.responders[order].tolist(),
            "n": self.n[order].tolist(),
            "sites_known": self.sites_known,
            **countries,
        }
