"""The trial: frozen, validated, at one of four resolutions (patients, cells, margins, one printed estimate)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from bayes_lupil.arguments import check_fields, checked
from bayes_lupil.cards import Card, Shown
from bayes_lupil.documents import canonical_hash
from bayes_lupil.errors import TrialError, UnsupportedModelError, nearest
from bayes_lupil.frozen import ReadOnly
from bayes_lupil.trials.analysis_set import AnalysisSet, analysis_set
from bayes_lupil.trials.cautions import cautions
from bayes_lupil.trials.cells import ALL_SITES, Cells
from bayes_lupil.trials.end_point import SYNTHETIC, Arms, EndPoint
from bayes_lupil.trials.estimates import Estimate
from bayes_lupil.trials.from_table import fields_of_table
from bayes_lupil.trials.margins import Margins
from bayes_lupil.trials.measurements import MeasuredSet, Measurements
from bayes_lupil.trials.names import check_names, check_texts
from bayes_lupil.trials.options import Options
from bayes_lupil.trials.patients import Patients
from bayes_lupil.trials.populations import Population
from bayes_lupil.trials.published import PublishedResult, Source, Step
from bayes_lupil.trials.reading import Reading
from bayes_lupil.trials.tabled import counts_of, frame_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["OfTrial", "PublishedResult", "Source", "Step", "Trial"]

Resolution = Literal["patients", "cells", "margins", "estimate"]


class OfTrial:
    """Base of results that stand for their trial where one is asked for."""

    trial: Trial


@dataclass(frozen=True)
class Trial(Shown, ReadOnly):
    """A randomised two-arm trial with one end point.

    Build one with `bayes_lupil.load_trial`, or directly from counts with `Trial.from_cells`.

    Attributes
    ----------
    data : Patients, Cells, Margins, Measurements or Estimate
        The finest data known; `resolution` names which. Measurements are the values of a continuous end point.
    populations : dict of str to Population
        Named analysis populations. 'itt' is always there and is everyone randomised.
    hierarchy : tuple of Step
        The trial's own fixed sequence of hypotheses, with what was published of each.
    not_published : tuple of str
        What a reader would want and the publication does not give.
    synthetic : bool
        True for made-up data; carried into every table, figure and file.
    notes : tuple of str
        What was left out, decided or guessed when the data were read, and what a trial file says.
    reading : Reading or None
        How a table was understood; None of a trial that a trial file declares, or that was built in Python.
    claims : tuple of str
        What the publication claims of its result, each a sentence that says who claims it.
    """

    name: str
    title: str
    arms: Arms
    end_point: EndPoint
    data: Patients | Cells | Margins | Measurements | Estimate
    populations: dict[str, Population]
    hierarchy: tuple[Step, ...] = ()
    sources: tuple[Source, ...] = ()
    provenance: tuple[dict[str, str], ...] = ()
    not_published: tuple[str, ...] = ()
    synthetic: bool = False
    notes: tuple[str, ...] = field(default=())
    reading: Reading | None = None
    claims: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_fields(self, TrialError)
        check_names((self.name,), "trial", "trial")
        check_texts("trial", title=self.title)
        super().__post_init__()

    @classmethod
    @checked
    def from_cells(
        cls,
        cells: Cells,
        arms: Arms,
        end_point: EndPoint,
        name: str = "trial",
        title: str = "",
        synthetic: bool = False,
    ) -> Trial:
        """A trial from a table of sites held in memory.

        Examples
        --------
        >>> import numpy as np
        >>> cells = Cells(("A", "B"), np.array([[3, 5], [2, 4]]), np.array([[10, 10], [8, 9]]))
        >>> trial = Trial.from_cells(cells, Arms("placebo", "drug"), EndPoint("cure", "Cure"))
        >>> trial.resolution, trial.analysis_set("itt").totals
        ('cells', ((5, 18), (9, 19)))
        """
        everyone = {"itt": Population("itt", "intention to treat", "everyone randomised")}
        return cls(name, title or name, arms, end_point, cells, everyone, synthetic=synthetic)

    @classmethod
    @checked
    def from_counts(
        cls,
        active: str | tuple[int, int],
        control: str | tuple[int, int],
        *,
        arms: Arms | None = None,
        end_point: EndPoint | None = None,
        name: str = "trial",
        title: str = "",
    ) -> Trial:
        """A trial from the totals of its two arms, as they are printed: active first.

        Examples
        --------
        >>> trial = Trial.from_counts("34/50", "29/50")
        >>> trial.arms.names, trial.analysis_set().totals
        (('control', 'active'), ((29, 50), (34, 50)))
        """
        (r1, n1), (r0, n0) = counts_of(active, "active"), counts_of(control, "control")
        cells = Cells((ALL_SITES,), np.array([[r0, r1]]), np.array([[n0, n1]]), sites_known=False)
        point = end_point or EndPoint("response", "response")
        return cls.from_cells(cells, arms or Arms("control", "active"), point, name, title)

    @classmethod
    def from_frame(cls, frame: Any, **reading: Any) -> Trial:
        """A trial from a data frame (pandas, polars, Arrow) or a dictionary of columns; see `load_trial`.

        Examples
        --------
        >>> columns = {"site": ["A", "A"], "arm": ["placebo", "drug"], "responders": [3, 5], "n": [10, 10]}
        >>> Trial.from_frame(columns).analysis_set().totals
        ((3, 10), (5, 10))
        """
        return cls(**fields_of_table(frame, Options.of(reading)))

    def to_frame(self) -> pd.DataFrame:
        """The data as a table that `load_trial` reads again: a row a patient, or a row a site and arm.

        Raises
        ------
        UnsupportedModelError
            Where sites were not published, or of a continuous end point.
        """
        return frame_of(self.data, self.arms.names, self.end_point.name, self.name)

    @property
    def resolution(self) -> Resolution:
        """'patients', 'cells', 'margins' or 'estimate'."""
        if isinstance(self.data, Margins | Estimate):
            return "margins" if isinstance(self.data, Margins) else "estimate"
        return "cells" if isinstance(self.data, Cells) else "patients"

    @property
    def warnings(self) -> tuple[str, ...]:
        """What must be known before any result: arms that sites do not share, a direction that nobody declared ..."""
        return cautions(self.data, self.end_point, self.reading, bool(self.provenance))

    @property
    def site_names(self) -> tuple[str, ...]:
        """Names of the sites; under margins the ordinary sites are interchangeable and only numbered."""
        return self.data.sites

    @property
    def country_names(self) -> tuple[str, ...]:
        """Names of the countries (or other groups) that the sites lie in; none where that is not known."""
        data = self.data.cells() if isinstance(self.data, Patients) else self.data
        return tuple(dict.fromkeys((data.countries or ()) if isinstance(data, Cells | Margins) else ()))

    @checked
    def population(self, name: str) -> Population:
        """The named population.

        Raises
        ------
        UnsupportedModelError
            Where the trial has no such population.
        """
        try:
            return self.populations[name]
        except KeyError:
            raise UnsupportedModelError(
                f"trial '{self.name}'",
                f"no population '{name}'",
                "one of the trial's populations",
                nearest(name, self.populations),
            ) from None

    @checked
    def analysis_set(self, population: str = "itt", without_sites: Sequence[str] = ()) -> AnalysisSet:
        """The patients of a population, less those of the named sites, with every exclusion counted.

        Parameters
        ----------
        population : str
            Name of one of `populations`.
        without_sites : tuple of str
            Sites to leave out on top of that.

        Returns
        -------
        AnalysisSet
            Its `data` is a `Cells`, or for everyone in a margins trial the `Margins` themselves.

        Raises
        ------
        UnsupportedModelError
            For an unknown population or site, a site left out of a trial whose sites were not published, or a
            continuous end point, which has a `measured_set`.
        """
        chosen = self.population(population)
        self._check_sites(without_sites)
        if isinstance(self.data, Estimate):
            raise UnsupportedModelError(
                f"trial '{self.name}'", f"one estimate, {self.data.kind.one}", "counts of patients",
                "What can be asked of an estimate: bayes_lupil.benefit, and fit with a model whose sites are pooled.",
            )  # fmt: skip
        if isinstance(self.data, Measurements):
            raise UnsupportedModelError(
                f"trial '{self.name}'",
                f"the continuous end point '{self.end_point.name}'",
                "a binary one, with responders to count",
                "Continuous end points: bayes_lupil.fit with a model that has priors.sigma, and bayes-lupil endpoints.",
            )
        return analysis_set(self.data, chosen, tuple(without_sites))

    @checked
    def measured_set(self, population: str = "itt", without_sites: Sequence[str] = ()) -> MeasuredSet:
        """The same as `analysis_set` for a continuous end point: the patients whose value is known.

        Raises
        ------
        UnsupportedModelError
            For an unknown population or site, or a binary end point.
        """
        chosen = self.population(population)
        self._check_sites(without_sites)
        if not isinstance(self.data, Measurements):
            raise UnsupportedModelError(
                f"trial '{self.name}'", f"the binary end point '{self.end_point.name}'", "a continuous one"
            )
        return self.data.measured_set(chosen, tuple(without_sites))

    def _check_sites(self, without_sites: Sequence[str]) -> None:
        """That sites to be left out are sites of the trial, and can be."""
        for site in without_sites:
            if isinstance(self.data, Margins):
                raise UnsupportedModelError(
                    f"trial '{self.name}'",
                    f"site '{site}' to be left out",
                    "a site table, which was never published for this trial",
                    f"Its populations are {', '.join(self.populations)}.",
                )
            if site not in self.site_names:
                raise UnsupportedModelError(
                    f"trial '{self.name}'", f"no site '{site}'", "a site of the trial", nearest(site, self.site_names)
                )

    def content(self) -> dict[str, Any]:
        """What the data hash is taken over: arms, end point and every count, but no prose."""
        end_point = {"name": self.end_point.name, "benefit": self.end_point.benefit, "mcid": self.end_point.mcid}
        if self.end_point.kind != "binary":
            end_point["kind"] = self.end_point.kind
        return {"arms": list(self.arms.names), "end_point": end_point, "data": self.data.content()}

    @property
    def data_hash(self) -> str:
        """SHA-256 over arms, end point and data; changes when, and only when, one of these does."""
        return canonical_hash(self.content())

    def card(self) -> Card:
        """Arms with their counts, end point with its direction, sites and populations."""
        point, sites = self.end_point, len(self.site_names)
        rows = [("warning", text) for text in self.warnings]
        rows.append(("end point", f"{point.label}: {point.benefit} is better"))
        if isinstance(self.data, Measurements):
            known = self.data.measured
            words = [f"{name} {int((known & (self.data.arm == a)).sum())}" for a, name in enumerate(self.arms.names)]
            rows.append(("patients", f"{' v '.join(words)}, with a value of {point.unit}"))
        elif isinstance(self.data, Estimate):
            rows.append((self.data.kind.name, self.data.words))
            rows += [("does not follow", told) for told in self.data.discrepancies]
        else:
            arms = zip(self.arms.names, self.analysis_set().totals, strict=True)
            words = [f"{name} {r}/{n} ({100 * r / n:.1f} %)" for name, (r, n) in arms]
            rows.append((point.words.patients, " v ".join(words)))
        where = str(sites) if sites != 1 else "one site, or totals only"
        where += f" in {len(self.country_names)} countries" if self.country_names else ""
        rows.append(("sites", f"{where}, patients by site not published" if self.resolution == "margins" else where))
        rows.append(("populations", ", ".join(f"{name} ({item.label})" for name, item in self.populations.items())))
        rows += [("note", note) for note in self.notes]
        model = "site_effects" if sites > 1 else "itt_pooled"
        calls: tuple[str, ...] = (f"bl.fit('{model}', trial)", "bl.reanalyse(trial)", "bl.trial_hierarchy(trial)")
        if point.kind == "estimate":
            calls = ("bl.benefit(trial)", "bl.fit('itt_pooled', trial)")
        elif point.kind == "continuous":  # priors are in the end point's units, so that no built-in model is of any
            calls = ("bl.fit(bl.model('sledai_absolute', end_point=..., alpha=..., beta=..., sigma=...), trial)",)
        heading = f"Trial '{self.name}'" + (f": {self.title}" if self.title != self.name else "")
        return Card(heading, tuple(rows), SYNTHETIC if self.synthetic else "", calls)
