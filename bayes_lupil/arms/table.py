"""Patients and responders by site, of one control and several active arms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.errors import TrialError, UnsupportedModelError
from bayes_lupil.frozen import ReadOnly
from bayes_lupil.trials.cells import Cells
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
        Where an end point is not binary, or sites are not known.
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
    found: dict[str, dict[int, tuple[int, int]]] = {}
    for k, trial in enumerate(trials, start=1):
        cells = trial.analysis_set(population).data if trial.end_point.kind == "binary" else None
        if not isinstance(cells, Cells) or not cells.sites_known:
            kind = trial.end_point.kind if cells is None else "totals of arms, or margins"
            raise UnsupportedModelError(f"trial '{trial.title}'", kind, "a binary end point in a table of sites")
        for s, site in enumerate(cells.sites):
            for arm, column in ((0, 0), (k, 1)):
                counts = int(cells.responders[s, column]), int(cells.n[s, column])
                if found.setdefault(site, {}).setdefault(arm, counts) != counts:
                    control = trial.arms.control
                    raise TrialError(
                        where, f"two tables of the control '{control}' at site '{site}'", "the same in all"
                    )
    for what, of_all in (
        ("controls", {trial.arms.control for trial in trials}),
        ("end points", {(trial.end_point.name, trial.end_point.benefit) for trial in trials}),
    ):
        if len(of_all) > 1:
            raise TrialError(where, f"comparisons with different {what}", f"the same {what[:-1]} in all")
    table = np.array(
        [[by_arm.get(arm, (0, 0)) for arm in range(len(trials) + 1)] for by_arm in found.values()], dtype=np.int64
    )
    return ArmsTable((trials[0].arms.control, *names), tuple(found), table[..., 0], table[..., 1])
