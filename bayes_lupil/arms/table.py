"""Patients and responders by site, of one control and several active arms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.errors import TrialError, UnsupportedModelError
from bayes_lupil.frozen import ReadOnly
from bayes_lupil.trials.cells import Cells
from bayes_lupil.trials.names import check_names
from bayes_lupil.trials.trial import Trial

__all__ = ["ArmsTable", "arms_table"]


@dataclass(frozen=True, eq=False)
class ArmsTable(ReadOnly):
    """Responders of patients by site and arm.

    Attributes
    ----------
    arms : tuple of str
        The control first.
    sites : tuple of str
    responders, n : array of int, shape (sites, arms)
    """

    arms: tuple[str, ...]
    sites: tuple[str, ...]
    responders: NDArray[np.int64]
    n: NDArray[np.int64]

    @property
    def totals(self) -> tuple[tuple[int, int], ...]:
        """Responders and patients of each arm."""
        return tuple(zip(self.responders.sum(axis=0).tolist(), self.n.sum(axis=0).tolist(), strict=True))

    @property
    def site_shares(self) -> NDArray[np.float64]:
        """Share of all patients at each site, shape (sites,)."""
        return np.asarray(self.n.sum(axis=1) / self.n.sum())


def arms_table(comparisons: Mapping[str, Trial], population: str = "itt") -> ArmsTable:
    """One table of what `load_comparisons` read as several trials.

    Parameters
    ----------
    comparisons : dict of str to Trial
        Each active arm against the same control.
    population : str

    Raises
    ------
    UnsupportedModelError
        Where an end point is not binary, or the trial is known by its margins.
    TrialError
        For fewer than two active arms, or comparisons whose controls or end points differ.

    Examples
    --------
    >>> from bayes_lupil import load_comparisons
    >>> columns = {"site": ["A"] * 3 + ["B"] * 3, "arm": ["placebo", "low", "high"] * 2}
    >>> columns |= {"responders": [2, 3, 5, 1, 4, 4], "n": [9, 9, 9, 8, 8, 8]}
    >>> table = arms_table(load_comparisons(columns))
    >>> table.arms, table.responders.tolist()
    (('placebo', 'low', 'high'), [[2, 3, 5], [1, 4, 4]])
    """
    trials = tuple(comparisons.values())
    names = tuple(trial.arms.active for trial in trials)
    where = f"trial '{trials[0].title}'" if trials else "comparisons"
    if len(set(names)) < 2 or len(set(names)) < len(names):
        raise TrialError(where, f"the active arms {', '.join(names) or 'none'}", "two or more, each once",
                         "One active arm: bayes_lupil.fit.")  # fmt: skip
    for what, of_all in (
        ("controls", {trial.arms.control for trial in trials}),
        ("end points", {(trial.end_point.name, trial.end_point.benefit) for trial in trials}),
    ):
        if len(of_all) > 1:
            raise TrialError(where, f"comparisons with different {what}", f"the same {what[:-1]} in all")
    check_names((trials[0].arms.control, *names), "arm")
    found: dict[str, list[tuple[int, int]]] = {}
    for k, trial in enumerate(trials):
        cells = trial.analysis_set(population).data if trial.end_point.kind == "binary" else None
        if not isinstance(cells, Cells):
            kind = f"a {trial.end_point.kind} end point" if cells is None else "margins"
            raise UnsupportedModelError(f"trial '{trial.title}'", kind, "counts by site and arm, or by arm")
        counts = np.stack([cells.responders, cells.n], axis=-1)
        for site, ((y0, n0), (y1, n1)) in zip(cells.sites, counts.tolist(), strict=True):
            row = found.setdefault(site, [(0, 0)] * (2 * len(trials)))
            row[2 * k : 2 * k + 2] = (y0, n0), (y1, n1)
    check_names(tuple(found), "site")
    table = np.array(list(found.values()), dtype=np.int64)  # of each comparison its control, then its active arm
    controls, actives = table[:, ::2], table[:, 1::2]
    differ = (controls != controls[:, :1]).any(axis=(1, 2))
    if differ.any():
        sites = ", ".join(f"'{site}'" for site, other in zip(found, differ, strict=True) if other)
        raise TrialError(where, f"other patients of the control in one comparison than in another (site {sites})",
                         "the same in all: comparisons of one table, read in the same way")  # fmt: skip
    both = np.concatenate([controls[:, :1], actives], axis=1)
    return ArmsTable((trials[0].arms.control, *names), tuple(found), both[..., 0], both[..., 1])
