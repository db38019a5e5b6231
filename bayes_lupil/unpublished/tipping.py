"""P(benefit) and the risk difference at every possible value of one or more unpublished counts."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.cards import Brief
from bayes_lupil.posterior.diagnostics import mcse_mean
from bayes_lupil.unpublished.conditional import HiddenCount, HiddenDraws, Known, Weighted

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Given", "Surface", "SurfaceMaker"]

Floats = NDArray[np.float64]
_BETTER = 1.5
Refit = Callable[[Known], HiddenDraws]


@dataclass(frozen=True)
class Given:
    """What would be known if some unpublished counts were.

    Attributes
    ----------
    counts : tuple of int
        In the order of the surface's names.
    probability, probability_mcse : float
        Posterior probability of these counts, given what the publication implies.
    p_benefit, p_benefit_mcse : float
        About the marginal risk difference over all sites, the excluded ones included; NaN where not computed.
    change, change_mcse : float
        P(benefit) less P(benefit) without knowing them.
    risk_difference, risk_difference_mcse : float
        Posterior mean, active minus control, over all sites.
    risk_difference_ordinary, risk_difference_ordinary_mcse : float
        The same at the ordinary sites alone.
    p_ordinary, p_ordinary_mcse : float
        P(benefit) there.
    k_hat, effective : float
        Of the weights, and the draws that the row is worth.
    source : str
        'reweighted', 'refitted' (with these counts known), 'reweighted from the refit at ...', or 'not computed'.
    """

    counts: tuple[int, ...]
    probability: float
    probability_mcse: float
    p_benefit: float
    p_benefit_mcse: float
    change: float
    change_mcse: float
    risk_difference: float
    risk_difference_mcse: float
    risk_difference_ordinary: float
    risk_difference_ordinary_mcse: float
    p_ordinary: float
    p_ordinary_mcse: float
    k_hat: float
    effective: float
    source: str

    @property
    def computed(self) -> bool:
        """Whether there is a P(benefit)."""
        return bool(np.isfinite(self.p_benefit))


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

    @property
    def not_computed(self) -> float:
        """Posterior probability of the rows that have no P(benefit)."""
        return float(sum(row.probability for row in self.rows if not row.computed))

    def to_frame(self) -> pd.DataFrame:
        """One row a combination, indexed by the counts."""
        import pandas as pd

        columns = [name for name in Given.__dataclass_fields__ if name != "counts"]
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
    failed: list[dict[str, int]] = field(default_factory=list)

    def surface(self, names: tuple[str, ...], refits: bool) -> Surface:
        """The surface over some counts, with refits where they are needed, if wanted and as long as any are left."""
        counts = tuple(c for c in self.base.counts if c.name in names)
        cells = list(itertools.product(*(c.values for c in counts)))
        found = {cell: self._best(self._known(counts, cell)) for cell in cells}
        if refits:
            for cell in self._worst_first(counts, found):
                found[cell] = self._refitted(self._known(counts, cell))
        for cell, pair in found.items():
            found[cell] = self._better(self._known(counts, cell), pair)
        return Surface(counts, tuple(self._row(counts, cell, pair) for cell, pair in found.items()))

    def fit_corners(self, names: tuple[str, ...]) -> None:
        """Refits with all of some counts at their smallest or largest number, where no draws carry that."""
        counts = tuple(c for c in self.base.counts if c.name in names)
        for corner in itertools.product(*((c.least, c.most) for c in counts)):
            known = self._known(counts, corner)
            if known not in self.failed and self._best(known) is None:
                self._refitted(known)

    @staticmethod
    def _known(counts: tuple[HiddenCount, ...], cell: tuple[int, ...]) -> dict[str, int]:
        return {c.name: value for c, value in zip(counts, cell, strict=True)}

    def _worst_first(
        self, counts: tuple[HiddenCount, ...], found: dict[tuple[int, ...], tuple[Weighted, str] | None]
    ) -> Iterator[tuple[int, ...]]:
        """Values that no draws carry, those farthest from any draws first, until none is left or none may be fitted."""
        missing = [cell for cell, pair in found.items() if pair is None]
        while missing and self.left > 0:
            rough = [max(d.rough_effective(self._known(counts, cell)) for d in self._all()) for cell in missing]
            yield missing[int(np.argmin(rough))]
            for cell in missing:
                found[cell] = found[cell] or self._best(self._known(counts, cell))
            missing = [cell for cell in missing if found[cell] is None and self._known(counts, cell) not in self.failed]

    def _all(self) -> tuple[HiddenDraws, ...]:
        return (self.base, *self.refits)

    def _best(self, known: Known) -> tuple[Weighted, str] | None:
        """From the draws that carry it best, with a word on which these are; None where none do."""
        rough = sorted(((d.rough_effective(known), i) for i, d in enumerate(self._all())), reverse=True)
        for _, i in rough:
            draws = self._all()[i]
            if draws.carries_roughly(known):
                found = draws.reweighted(known)
                if found is not None:
                    return found, self._source(draws, known)
        return None

    def _better(self, known: Known, pair: tuple[Weighted, str] | None) -> tuple[Weighted, str] | None:
        """What later refits are worth to their neighbours; they replace only what they clearly better."""
        if pair is not None:
            rough = max((d.rough_effective(known) for d in self.refits), default=0.0)
            if rough < _BETTER * pair[0].effective:
                return pair
        return self._best(known) or pair

    @staticmethod
    def _source(draws: HiddenDraws, known: Known) -> str:
        if not draws.known:
            return "reweighted"
        if dict(draws.known) == dict(known):
            return "refitted"
        there = ", ".join(f"{name} {count}" for name, count in draws.known.items())
        return f"reweighted from the refit at {there}"

    def _refitted(self, known: dict[str, int]) -> tuple[Weighted, str] | None:
        if self.left <= 0:
            return None
        self.left -= 1
        draws = self.refit(known)
        found = draws.reweighted(known) if draws.posterior.verdict.ok else None
        if found is None:
            self.failed.append(known)
            return None
        self.refits.append(draws)
        return found, "refitted"

    def _row(self, counts: tuple[HiddenCount, ...], cell: tuple[int, ...], pair: tuple[Weighted, str] | None) -> Given:
        chance, error = self.base.probability(self._known(counts, cell))
        if pair is None:
            no = np.nan
            return Given(cell, chance, error, no, no, no, no, no, no, no, no, no, no, no, no, "not computed")
        w, source = pair
        if source == "reweighted":
            # the same draws on both sides, so the error of the change is smaller than those of its parts
            change_error = mcse_mean(w.influence - self.baseline.influence)
        else:
            change_error = float(np.hypot(w.p_benefit_mcse, self.baseline.p_benefit_mcse))
        return Given(
            cell, chance, error, w.p_benefit, w.p_benefit_mcse, w.p_benefit - self.baseline.p_benefit, change_error,
            w.risk_difference, w.risk_difference_mcse, w.risk_difference_ordinary, w.risk_difference_ordinary_mcse,
            w.p_ordinary, w.p_ordinary_mcse, w.k_hat, w.effective, source,
        )  # fmt: skip
