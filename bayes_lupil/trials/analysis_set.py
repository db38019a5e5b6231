"""What a model is fitted to: the patients of a population, with every exclusion counted."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from bayes_lupil.errors import TrialError
from bayes_lupil.trials.cells import Cells
from bayes_lupil.trials.margins import Margins, one_row
from bayes_lupil.trials.patients import Patients
from bayes_lupil.trials.populations import Exclusion, Population

__all__ = ["AnalysisSet", "analysis_set"]


@dataclass(frozen=True)
class AnalysisSet:
    """What a model is fitted to.

    Attributes
    ----------
    data : Cells or Margins
        Counts by site and arm, or classes of patients whose sites are not published.
    totals : tuple of (int, int)
        (responders, patients) of control and active.
    exclusions : tuple of Exclusion
        Everyone in the trial who is not in this set.
    members : tuple of int, optional
        Numbers of the trial's patients in it, from 0, where they are known one by one.
    """

    population: str
    label: str
    data: Cells | Margins
    totals: tuple[tuple[int, int], tuple[int, int]]
    exclusions: tuple[Exclusion, ...] = ()
    members: tuple[int, ...] | None = field(default=None, repr=False)

    @property
    def patients(self) -> int:
        """Number of patients analysed."""
        return self.totals[0][1] + self.totals[1][1]

    @property
    def excluded(self) -> int:
        """Number of patients left out."""
        return sum(item.patients for item in self.exclusions)


def analysis_set(
    data: Cells | Margins | Patients, population: Population, without_sites: tuple[str, ...] = ()
) -> AnalysisSet:
    """See `Trial.analysis_set`; sites are never left out of margins."""
    match data:
        case Cells():
            return _of_cells(data, population, without_sites)
        case Margins():
            return _of_margins(data, population)
        case Patients():
            return _of_patients(data, population, without_sites)


def _of_cells(cells: Cells, population: Population, without_sites: tuple[str, ...]) -> AnalysisSet:
    kept = cells.without(without_sites) if without_sites else cells
    exclusions = [
        Exclusion(a, int(cells.n[s, a]), int(cells.responders[s, a]), f"site '{site}' left out")
        for s, site in enumerate(cells.sites)
        if site in without_sites
        for a in (0, 1)
        if cells.n[s, a]
    ]
    return AnalysisSet(population.name, population.label_without(without_sites), kept, kept.totals, tuple(exclusions))


def _of_margins(margins: Margins, population: Population) -> AnalysisSet:
    """Everyone as margins; the published subset as arm totals, which is all that is known of it."""
    if population.name == "itt":
        return AnalysisSet("itt", population.label, margins, margins.totals)
    exclusions = []
    for arm in (0, 1):
        (r, n), (sub_r, sub_n) = margins.totals[arm], margins.subset_totals[arm]
        if n > sub_n:
            reason = f"outside the published subset '{margins.subset}', reason by patient not published"
            exclusions.append(Exclusion(arm, n - sub_n, r - sub_r, reason))
    cells = one_row(margins.subset_totals)
    return AnalysisSet(population.name, population.label, cells, cells.totals, tuple(exclusions))


def _of_patients(patients: Patients, population: Population, without_sites: tuple[str, ...]) -> AnalysisSet:
    member = np.ones(len(patients.site), bool) if population.name == "itt" else patients.flags[population.name]
    dropped = np.array([site in without_sites for site in patients.site])
    exclusions = []
    sites = np.array(patients.site)
    # a site that loses all its patients is lost to the site models: it is counted by itself
    lost = [site for site in patients.sites if site not in set(sites[member].tolist())]
    for out, reason in (
        (~member & ~np.isin(sites, lost), f"not in population '{population.name}'"),
        *((sites == site, f"not in population '{population.name}', like everyone of site '{site}'") for site in lost),
        *((member & (sites == site), f"site '{site}' left out") for site in patients.sites if site in without_sites),
    ):
        for arm in (0, 1):
            chosen = out & (patients.arm == arm)
            if chosen.any():
                exclusions.append(Exclusion(arm, int(chosen.sum()), int(patients.response[chosen].sum()), reason))
    keep = member & ~dropped
    label = population.label_without(without_sites)
    if len(set(patients.arm[keep])) < 2:
        found = "patients of one arm only" if keep.any() else "no patients"
        raise TrialError(f"population '{label}'", found, "at least one patient in each arm")
    cells = patients.cells(keep)
    return AnalysisSet(
        population.name, label, cells, cells.totals, tuple(exclusions), tuple(np.flatnonzero(keep).tolist())
    )
