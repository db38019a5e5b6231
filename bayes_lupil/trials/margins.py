"""Published margins: arm totals and a published subset, with the site of each patient unknown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from bayes_lupil.arguments import check_fields
from bayes_lupil.characters import alike
from bayes_lupil.errors import TrialError
from bayes_lupil.limits import MOST_PATIENTS, MOST_UNPUBLISHED_SITES
from bayes_lupil.trials.cells import ALL_SITES, Cells
from bayes_lupil.trials.names import check_names

__all__ = ["Margins", "PatientClass", "Supposition"]


@dataclass(frozen=True)
class PatientClass:
    """Patients who look alike in the publication.

    Attributes
    ----------
    arm : int
        0 control, 1 active.
    response : int
        1 responder, 0 not.
    in_subset : bool
        Whether they belong to the published subset (which holds nobody from an excluded site).
    may_be_excluded : bool
        Whether such a patient can come from one of the excluded sites.
    must_be_excluded : bool
        Whether such a patient is known to come from one of the excluded sites.
    """

    arm: int
    response: int
    in_subset: bool
    count: int
    may_be_excluded: bool
    must_be_excluded: bool = False

    @property
    def label(self) -> str:
        """For coordinates and tables, e.g. 'control, responder, outside the subset'."""
        arm = ("control", "active")[self.arm]
        response = ("non-responder", "responder")[self.response]
        if self.must_be_excluded:
            return f"{arm}, {response}, at an excluded site"
        return f"{arm}, {response}, {'in' if self.in_subset else 'outside'} the subset"


@dataclass(frozen=True)
class Supposition:
    """Something that may be so and was not published, under which the answer is given beside the trial's own.

    Attributes
    ----------
    name : str
        What would be so, in words.
    n_sites : int, optional
        So many sites recruited.
    excluded_control_at_least : int, optional
        At least so many patients of the control arm were at the excluded sites.
    excluded_arms_differ_at_most : int, optional
        By at most so many patients did the arms differ at the excluded sites, as where patients are randomised in
        blocks within sites.
    """

    name: str
    n_sites: int | None = None
    excluded_control_at_least: int | None = None
    excluded_arms_differ_at_most: int | None = None

    def __post_init__(self) -> None:
        check_fields(self, TrialError)
        given = [value for key, value in vars(self).items() if key != "name" and value is not None]
        if len(given) != 1 or given[0] < 0:
            required = "one of n_sites, excluded_control_at_least and excluded_arms_differ_at_most, 0 or more"
            raise TrialError(f"margins.alternatives, '{self.name}'", f"{len(given)} of the keys", required)


@dataclass(frozen=True)
class Margins:
    """Two nested tables of arm totals and what is known of the sites that the smaller one leaves out.

    Parameters
    ----------
    totals, subset_totals : ((int, int), (int, int))
        (responders, patients) of control and active, among all patients and in the published subset.
    subset : str
        Name of the population that the subset is.
    excluded_sites : tuple of str
        Sites whose patients the subset leaves out.
    n_sites : int
        Number of sites in the trial, the excluded ones included.
    impossible_at_excluded : tuple of (int, int)
        (arm, response) pairs that did not occur at the excluded sites.
    at_excluded : tuple of (int, int, int)
        (arm, response, patients) at the excluded sites, for the pairs whose number there is known; usually none.
    alternatives : tuple of Supposition
        What may be so, beside which the answer is given; no part of the data.
    countries : tuple of str, optional
        The country, or other group, that each site lies in, in the order of `sites`, excluded ones first; None where it
        is not known.

    Raises
    ------
    TrialError
        Where the subset is larger than the whole in any cell, the number of sites is too small, or more patients are
        said to be at the excluded sites than can be.
    """

    totals: tuple[tuple[int, int], tuple[int, int]]
    subset_totals: tuple[tuple[int, int], tuple[int, int]]
    subset: str
    excluded_sites: tuple[str, ...]
    n_sites: int
    impossible_at_excluded: tuple[tuple[int, int], ...] = ()
    at_excluded: tuple[tuple[int, int, int], ...] = ()
    alternatives: tuple[Supposition, ...] = ()
    countries: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        check_fields(self, TrialError)
        for key, pairs in (("impossible_at_excluded", self.impossible_at_excluded), ("at_excluded", self.at_excluded)):
            for pair in pairs:
                if pair[0] not in (0, 1) or pair[1] not in (0, 1):
                    required = "arm 0 (control) or 1 (active), response 0 or 1"
                    raise TrialError(f"margins.{key}", f"arm {pair[0]}, response {pair[1]}", required)
        if not self.excluded_sites:
            raise TrialError("margins.excluded_sites", "no site", "at least one excluded site")
        if len(set(self.excluded_sites)) != len(self.excluded_sites):
            raise TrialError("margins.excluded_sites", "a site named twice", "each site once")
        check_names(self.excluded_sites, "site", "margins.excluded_sites")
        check_names((self.subset,), "population", "margins.subset")
        if self.n_sites <= len(self.excluded_sites):
            raise TrialError(
                "margins.n_sites", str(self.n_sites), f"more than the {len(self.excluded_sites)} excluded sites"
            )
        if self.n_sites > MOST_UNPUBLISHED_SITES:
            raise TrialError("margins.n_sites", f"{self.n_sites:,}", f"at most {MOST_UNPUBLISHED_SITES:,}")
        if alike(self.sites) is not None or len(set(self.sites)) < self.n_sites:
            found = "'ordinary' and a number as the name of an excluded site"
            raise TrialError("margins.excluded_sites", found, "another name: the other sites are called so")
        for a, arm in enumerate(("control", "active")):
            (r, n), (sub_r, sub_n) = self.totals[a], self.subset_totals[a]
            for what, small, large in (
                ("responders above its patients", r, n),
                (f"responders in '{self.subset}' above its patients", sub_r, sub_n),
                (f"responders in '{self.subset}' above all responders", sub_r, r),
                (f"non-responders in '{self.subset}' above all non-responders", sub_n - sub_r, n - r),
            ):
                if small > large:
                    required = "a part within its whole"
                    raise TrialError(f"margins, {arm} arm", f"{what} ({small} > {large})", required)
            if max(n, sub_n) > MOST_PATIENTS:
                raise TrialError(f"margins, {arm} arm", f"{max(n, sub_n):,} patients", f"at most {MOST_PATIENTS:,}")
            if min(r, sub_r, sub_n) < 0 or n < 1:
                raise TrialError(
                    f"margins, {arm} arm", f"{r}/{n} and {sub_r}/{sub_n}", "counts of 0 or more, n above 0"
                )
        if self.countries is not None:
            check_names(self.countries, "country", "margins.countries")
            if len(self.countries) != self.n_sites:
                found = f"{len(self.countries)} countries of {self.n_sites} sites"
                raise TrialError("margins.countries", found, "the country of each site")
        self._check_at_excluded()
        self._check_alternatives()

    def _check_at_excluded(self) -> None:
        where = "margins.at_excluded"
        pairs = [(arm, response) for arm, response, _ in self.at_excluded]
        if len(set(pairs)) != len(pairs):
            raise TrialError(where, "an arm and response named twice", "each pair once")
        for arm, response, count in self.at_excluded:
            if (arm, response) in self.impossible_at_excluded or not 0 <= count <= self._outside(arm, response):
                required = "at most the patients outside the subset, of a pair that may occur at the excluded sites"
                raise TrialError(where, f"{count} patients of arm {arm}, response {response}", required)

    def _check_alternatives(self) -> None:
        names = tuple(item.name for item in self.alternatives)
        check_names(names, "alternative", "margins.alternatives")
        if len(set(names)) < len(names):
            raise TrialError("margins.alternatives", "a name twice", "each name once")
        for item in self.alternatives:
            where = f"margins.alternatives, '{item.name}'"
            if item.n_sites is not None and item.n_sites <= len(self.excluded_sites):
                required = f"more than the {len(self.excluded_sites)} excluded sites"
                raise TrialError(where, f"n_sites = {item.n_sites}", required)
            most = sum(self._outside(0, r) for r in (0, 1) if (0, r) not in self.impossible_at_excluded)
            if (item.excluded_control_at_least or 0) > most:
                found = f"excluded_control_at_least = {item.excluded_control_at_least}"
                raise TrialError(where, found, f"at most {most}, the control patients who may be there")

    def _outside(self, arm: int, response: int) -> int:
        """Patients of the arm with the response who are not in the subset."""
        (r, n), (sub_r, sub_n) = self.totals[arm], self.subset_totals[arm]
        return r - sub_r if response else (n - r) - (sub_n - sub_r)

    @property
    def sites(self) -> tuple[str, ...]:
        """Excluded sites by name, then the ordinary ones by number: nothing tells these apart."""
        ordinary = self.n_sites - len(self.excluded_sites)
        width = len(str(ordinary))
        return (*self.excluded_sites, *(f"ordinary {i:0{width}d}" for i in range(1, ordinary + 1)))

    @property
    def excluded_mask(self) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """True at the excluded sites, shape (sites,)."""
        return np.arange(self.n_sites) < len(self.excluded_sites)

    @property
    def classes(self) -> tuple[PatientClass, ...]:
        """The eight classes (arm, response, subset), control first; one more for each pair of `at_excluded`."""
        known = {(arm, response): count for arm, response, count in self.at_excluded}
        found = []
        for arm in (0, 1):
            sub_r, sub_n = self.subset_totals[arm]
            for response, part in ((1, sub_r), (0, sub_n - sub_r)):
                outside = self._outside(arm, response)
                possible = (arm, response) not in self.impossible_at_excluded
                found.append(PatientClass(arm, response, True, part, False))
                if (arm, response) not in known:
                    found.append(PatientClass(arm, response, False, outside, possible))
                    continue
                there = known[arm, response]
                found.append(PatientClass(arm, response, False, outside - there, False))
                found.append(PatientClass(arm, response, False, there, True, must_be_excluded=True))
        return tuple(found)

    def pooled(self) -> Cells:
        """Arm totals of everyone as a table of one row."""
        return one_row(self.totals)

    def content(self) -> dict[str, Any]:
        """The margins as plain lists."""
        known = {"at_excluded": [list(item) for item in self.at_excluded]} if self.at_excluded else {}
        return {
            "resolution": "margins",
            "totals": [list(pair) for pair in self.totals],
            "subset_totals": [list(pair) for pair in self.subset_totals],
            "subset": self.subset,
            "excluded_sites": list(self.excluded_sites),
            "n_sites": self.n_sites,
            "impossible_at_excluded": [list(pair) for pair in self.impossible_at_excluded],
            **known,  # so that trials without such counts keep their hash, and without countries
            **({"countries": list(self.countries)} if self.countries else {}),
        }


def one_row(totals: tuple[tuple[int, int], tuple[int, int]]) -> Cells:
    (r0, n0), (r1, n1) = totals
    return Cells((ALL_SITES,), np.array([[r0, r1]]), np.array([[n0, n1]]), sites_known=False)
