"""Cells in the order of their sites, as the compiled integrals take them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["CellTable"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class CellTable:
    """Cells in the order of their sites, for the compiled integrals.

    Attributes
    ----------
    starts : array of int, shape (sites + 1,)
        Where each site's cells begin and end; a site may have any number of cells.
    y, n, x : array, shape (cells,)
        Responders, patients, treatment code.
    design : array, shape (cells, P)
        Columns of the fixed effects.
    """

    starts: NDArray[np.int64]
    y: Floats
    n: Floats
    x: Floats
    design: Floats

    @classmethod
    def from_arrays(cls, site: ArrayLike, y: ArrayLike, n: ArrayLike, x: ArrayLike, design: ArrayLike) -> CellTable:
        """From one row for each cell; `site` numbers the sites from 0 and rows may come in any order."""
        site = np.asarray(site)
        order = np.argsort(site, kind="stable")
        starts = np.concatenate([[0], np.cumsum(np.bincount(site))]).astype(np.int64)
        columns = [np.ascontiguousarray(np.asarray(v, dtype=float)[order]) for v in (y, n, x, design)]
        return cls(starts, *columns)

    @property
    def n_sites(self) -> int:
        """Number of sites."""
        return self.starts.size - 1

    def site(self, s: int) -> CellTable:
        """One site alone."""
        cells = slice(self.starts[s], self.starts[s + 1])
        starts = np.array([0, self.starts[s + 1] - self.starts[s]])
        return CellTable(starts, self.y[cells], self.n[cells], self.x[cells], self.design[cells])

    def log_coefficients(self) -> Floats:
        """Log binomial coefficients summed over each site's cells, shape (sites,)."""
        from scipy.special import gammaln

        per_cell = gammaln(self.n + 1) - gammaln(self.y + 1) - gammaln(self.n - self.y + 1)
        return np.asarray(np.add.reduceat(per_cell, self.starts[:-1]))

    def distinct(self) -> tuple[CellTable, NDArray[np.int64]]:
        """One site of each kind of counts, and for every site which of them it is: equal sites share an integral."""
        kinds: dict[bytes, int] = {}
        first: list[int] = []
        which = np.empty(self.n_sites, dtype=np.int64)
        for s in range(self.n_sites):
            cells = slice(self.starts[s], self.starts[s + 1])
            key = b"".join(np.ascontiguousarray(v[cells]).tobytes() for v in (self.y, self.n, self.x, self.design))
            if key not in kinds:
                kinds[key] = len(first)
                first.append(s)
            which[s] = kinds[key]
        rows = [np.arange(self.starts[s], self.starts[s + 1]) for s in first]
        starts = np.concatenate([[0], np.cumsum([row.size for row in rows])]).astype(np.int64)
        kept = np.concatenate(rows)
        return CellTable(starts, self.y[kept], self.n[kept], self.x[kept], self.design[kept]), which
