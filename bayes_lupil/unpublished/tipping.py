"""P(benefit) and the risk difference at every possible value of one or more unpublished counts."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from operator import attrgetter
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.cards import Brief
from bayes_lupil.cores import at_once
from bayes_lupil.posterior.diagnostics import MIN_ESS
from bayes_lupil.unpublished.conditional import Answer, HiddenCount, HiddenDraws, Known, Weighted

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Given", "Surface", "SurfaceMaker"]

Floats = NDArray[np.float64]
_BETTER = 1.5
Refit = Callable[[Known], HiddenDraws]
Found = tuple[Weighted, str]


@dataclass(frozen=True, kw_only=True)
class Given(Answer):
    """What would be known if some unpublished counts were.

    Attributes
    ----------
    counts : tuple of int
        In the order of the surface's names.
    probability, probability_mcse : float
        Posterior probability of these counts, given what the publication implies.
    change, change_mcse : float
        P(benefit) less P(benefit) without knowing them.
    source : str
        'reweighted', 'refitted' (with these counts known), 'reweighted from the refit at ...', or 'not computed'.
    """

    counts: tuple[int, ...]
    probability: float
    probability_mcse: float
    change: float = np.nan
    change_mcse: float = np.nan
    source: str = "not computed"


@dataclass(frozen=True)
class Surface(Brief):
    """A row for every combination of the counts that the publication allows."""

    counts: tuple[HiddenCount, ...]
    rows: tuple[Given, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Of the counts."""
        return tuple(c.name for c in self.counts)

    def table(self, what: str) -> Floats:
        """A column of the rows as an array with one axis a count."""
        return np.array([getattr(row, what) for row in self.rows]).reshape([len(c.values) for c in self.counts])

    def known(self, row: Given) -> dict[str, int]:
        """The counts of a row by name."""
        return dict(zip(self.names, row.counts, strict=True))

    def extremes(self, what: str) -> tuple[Given, Given]:
        """The rows in which a number is smallest and largest: bounds over the values computed, no posterior."""
        rows = [row for row in self.rows if row.computed]
        return min(rows, key=attrgetter(what)), max(rows, key=attrgetter(what))

    @property
    def not_computed(self) -> float:
        """Posterior probability of the rows that have no P(benefit)."""
        return float(sum(row.probability for row in self.rows if not row.computed))

    def to_frame(self) -> pd.DataFrame:
        """One row a combination, indexed by the counts."""
        import pandas as pd

        p, p_error, *rest = Answer.names()
        columns = ["probability", "probability_mcse", p, p_error, "change", "change_mcse", *rest, "source"]
        content = [self.known(row) | {name: getattr(row, name) for name in columns} for row in self.rows]
        return pd.DataFrame(content).set_index(list(self.names))


@dataclass
class SurfaceMaker:
    """Makes surfaces from one posterior, and from refits with counts known where its draws cannot carry them.

    Attributes
    ----------
    base : HiddenDraws
        Of the trial as published.
    baseline : Weighted
        The base, given what the publication implies.
    refit : callable
        Fits the model with counts known.
    left : int
        Refits that may still be made.
    refits : list of HiddenDraws
        Those made; kept, because their draws carry neighbouring counts too.
    failed : list of dict
        Counts whose refit failed its diagnostics.
    """

    base: HiddenDraws
    baseline: Weighted
    refit: Refit
    left: int
    refits: list[HiddenDraws] = field(default_factory=list)
    failed: list[Known] = field(default_factory=list)
    _first: dict[tuple[tuple[str, int], ...], tuple[int, Found]] = field(default_factory=dict, init=False, repr=False)

    def surface(self, names: tuple[str, ...]) -> Surface:
        """The surface over some counts, each of its values by the draws that carry it best."""
        counts = self._counts(names)
        rows = [self._row(known, self._better(known)) for known in _tables(counts, [c.values for c in counts])]
        return Surface(counts, tuple(rows))

    def fit_surfaces(self, several: Iterable[tuple[str, ...]]) -> None:
        """Refits until every value of some counts is carried, or no refit is left: the farthest of each at once."""
        surfaces = [_tables(counts, [c.values for c in counts]) for counts in map(self._counts, several)]
        while self.left > 0:
            missing = [found for tables in surfaces if (found := self._missing(tables))]
            if not missing:
                return
            self._fit([min(tables, key=self._nearest) for tables in missing])

    def fit_corners(self, names: tuple[str, ...]) -> None:
        """Refits with all of some counts at their smallest or largest number, where no draws carry that."""
        counts = self._counts(names)
        self._fit(self._missing(_tables(counts, [(c.least, c.most) for c in counts])))

    def _counts(self, names: tuple[str, ...]) -> tuple[HiddenCount, ...]:
        return tuple(c for c in self.base.counts if c.name in names)

    def _missing(self, tables: Iterable[Known]) -> list[Known]:
        return [known for known in tables if known not in self.failed and self._carried(known) is None]

    def _nearest(self, known: Known) -> float:
        return self._rough(known)[0][0]

    def _fit(self, tables: list[Known]) -> None:
        """Refits with each of some counts known, as many as are left."""
        chosen = tables[: self.left]
        self.left -= len(chosen)
        for known, draws in zip(chosen, at_once(self.refit, chosen), strict=True):
            if draws.posterior.verdict.ok and draws.reweighted(known) is not None:
                self.refits.append(draws)
            else:
                self.failed.append(known)

    def _rough(self, known: Known) -> list[tuple[float, int]]:
        """Effective draws that each fit would have, the largest number first, and which fit it is."""
        fits = (self.base, *self.refits)
        return sorted(((draws.rough_effective(known), i) for i, draws in enumerate(fits)), reverse=True)

    def _best(self, known: Known) -> Found | None:
        """From the draws that carry it best, with a word on which these are; None where none do."""
        for rough, i in self._rough(known):
            draws = self.refits[i - 1] if i else self.base
            if rough >= MIN_ESS / 2 and (weighted := draws.reweighted(known)) is not None:
                return weighted, _source(draws, known)
        return None

    def _carried(self, known: Known) -> Found | None:
        """The same from the first draws that carried it at all, which take seconds to find for thousands of values."""
        key = tuple(known.items())
        if key not in self._first and (found := self._best(known)) is not None:
            self._first[key] = len(self.refits), found
        return self._first[key][1] if key in self._first else None

    def _better(self, known: Known) -> Found | None:
        """What later refits are worth to their neighbours; they replace only what they clearly better."""
        if (found := self._carried(known)) is None:
            return None
        later = self.refits[self._first[tuple(known.items())][0] :]
        if max((draws.rough_effective(known) for draws in later), default=0.0) < _BETTER * found[0].effective:
            return found
        return self._best(known)

    def _row(self, known: Known, found: Found | None) -> Given:
        counts, (chance, error) = tuple(known.values()), self.base.probability(known)
        if found is None:
            return Given(counts=counts, probability=chance, probability_mcse=error)
        answer, source = found
        change = answer.p_benefit - self.baseline.p_benefit
        if source == "reweighted":
            # the same draws on both sides, so the error of the change is smaller than those of its parts
            change_error = self.base.base.mean_error((answer.influence - self.baseline.influence).ravel())
        else:
            change_error = float(np.hypot(answer.p_benefit_mcse, self.baseline.p_benefit_mcse))
        return Given(
            counts=counts, probability=chance, probability_mcse=error, change=change, change_mcse=change_error,
            source=source, **answer.numbers,
        )  # fmt: skip


def _tables(counts: tuple[HiddenCount, ...], values: Iterable[Iterable[int]]) -> list[Known]:
    """Every combination of values of the counts."""
    return [{c.name: value for c, value in zip(counts, cell, strict=True)} for cell in itertools.product(*values)]


def _source(draws: HiddenDraws, known: Known) -> str:
    if not draws.known:
        return "reweighted"
    if draws.known == known:
        return "refitted"
    return f"reweighted from the refit at {', '.join(f'{name} {count}' for name, count in draws.known.items())}"
