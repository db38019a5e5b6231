"""Tipping points of a binary end point: how many of the missing patients would have to respond, by arm.

Yan, Lee and Li 2009 (J Biopharm Stat 19:1085-1098) and Liublinska and Rubin 2014 (Stat Med 33:4170-4185): the analysis
is repeated for k0 = 0..m0 responders among the m0 missing patients of the control arm and k1 = 0..m1 of the active one.
Which of them respond is drawn at random, all missing patients of an arm alike, so that the sites of an arm get theirs
multivariate hypergeometrically; a cell is the average over such allocations. The error of a cell holds both the Monte
Carlo error of the fits and the spread over allocations.
"""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayes_lupil.convergence import describe_independent, effective_draws, judge, mcse_proportion
from bayes_lupil.engines import engine_for, quadrature
from bayes_lupil.errors import InputError, SamplerError, TrialError, UnsupportedModelError, nearest
from bayes_lupil.estimands import estimate
from bayes_lupil.fitting import fit
from bayes_lupil.likelihoods import BinomialCells
from bayes_lupil.spec import ModelSpec
from bayes_lupil.trials.cells import Cells
from bayes_lupil.trials.trial import Arms, EndPoint, Trial

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Crossing", "TippingPoint", "TippingSurface", "allocations_of", "tipping_surface"]

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

_UNDECIDED = 2.0  # Monte Carlo errors from the threshold
_STREAM = 5  # parts the seeds of allocations from all others made of the model's seed


@dataclass(frozen=True)
class TippingPoint:
    """A named assumption about the missing patients.

    Attributes
    ----------
    name, label : str
    control, active : float
        Its place on the axes of the surface.
    on_grid : bool
        Whether it is a cell of the surface.
    p, mcse : float
        P(benefit) and its error; NaN where there is none, and `why` says the reason.
    effect : float
        Posterior mean of the effect, active minus control.
    """

    name: str
    label: str
    control: float
    active: float
    on_grid: bool
    p: float
    mcse: float
    effect: float
    why: str = ""


@dataclass(frozen=True, eq=False)
class Crossing:
    """Where P(benefit) crosses the threshold.

    Attributes
    ----------
    above : array of bool, shape (rows, columns)
        Cells whose P(benefit) is above the threshold; False where there is none.
    undecided : array of bool, shape (rows, columns)
        Cells within two Monte Carlo errors of it.
    cell : (float, float) or None
        Control and active of the cell on the other side that is the smallest change (summed over both arms) away from
        the primary rule; None where there is none.
    words : str
    """

    above: NDArray[np.bool_]
    undecided: NDArray[np.bool_]
    cell: tuple[float, float] | None
    words: str


@dataclass(frozen=True, eq=False)
class TippingSurface:
    """P(benefit) over a grid of assumptions about the missing patients.

    Attributes
    ----------
    model : str
    sites : tuple of str
    missing, randomised : array of int, shape (sites, 2)
        Patients whose value is missing, and all of them; control and active.
    axis : str
        What the axes are, such as 'responders among the missing'.
    control, active : array, shape (rows,) and (columns,)
        Of a binary end point the number of responders among the arm's missing patients; of a continuous one the shift
        of their mean, in units.
    p, mcse, effect : array, shape (rows, columns)
        P(benefit), its error, and the posterior mean of the effect (active minus control); NaN where a fit failed.
    points : tuple of TippingPoint
        The rule of the primary analysis first.
    threshold : float
        Of P(benefit).
    failures : tuple of str
        Why a cell or point has no probability; empty where all have one.
    """

    end_point: EndPoint
    arms: Arms
    model: str
    sites: tuple[str, ...]
    missing: Counts
    randomised: Counts
    axis: str
    control: Floats
    active: Floats
    p: Floats
    mcse: Floats
    effect: Floats
    points: tuple[TippingPoint, ...]
    threshold: float
    failures: tuple[str, ...] = ()

    def point(self, name: str) -> TippingPoint:
        """A named point; an InputError where there is none of that name."""
        points = {point.name: point for point in self.points}
        if name not in points:
            raise InputError("tipping points", f"no point '{name}'", "a named point", nearest(name, points))
        return points[name]

    @property
    def crossing(self) -> Crossing:
        """Which cells lie above the threshold, and the smallest change of the primary rule that crosses it."""
        known = np.isfinite(self.p)
        above = known & (np.nan_to_num(self.p) > self.threshold)
        undecided = known & (np.abs(np.nan_to_num(self.p) - self.threshold) < _UNDECIDED * np.nan_to_num(self.mcse))
        start, limit = self.points[0], f"{self.threshold:g}"
        near = f" {int(undecided.sum())} cells lie within two Monte Carlo errors of it." if undecided.any() else ""
        if not np.isfinite(start.p):
            return Crossing(above, undecided, None, f"The primary rule ({start.label}) has no probability.")
        is_above = start.p > self.threshold
        there = f"By the primary rule ({start.label}) P(benefit) is {_shown(start.p)} (MCSE {start.mcse:.1g})"
        there += f", {'above' if is_above else 'not above'} {limit}"
        rows, columns = np.nonzero(known & (above != is_above))
        if not rows.size:
            extent = "cell of the grid" if known.all() else "cell of the grid that has a probability"
            return Crossing(above, undecided, None, f"{there}; so it is in every {extent}.{near}")
        size = np.abs(self.control[rows] - start.control) + np.abs(self.active[columns] - start.active)
        margin = np.abs(self.p[rows, columns] - self.threshold)
        best = int(np.lexsort((-margin, np.round(size, 9)))[0])
        i, j = int(rows[best]), int(columns[best])
        cell = (float(self.control[i]), float(self.active[j]))
        words = (
            f"{there}. The nearest cell on the other side has {cell[0]:g} on {self.arms.control} and {cell[1]:g} on "
            f"{self.arms.active} ({self.axis}): {_shown(self.p[i, j])} (MCSE {self.mcse[i, j]:.1g}).{near}"
        )
        return Crossing(above, undecided, cell, words)

    def to_frame(self) -> pd.DataFrame:
        """One row a cell, with the names of the points that it is, and one for every point that is no cell."""
        import pandas as pd

        rows: list[tuple[object, ...]] = []
        for (i, j), p in np.ndenumerate(self.p):
            at = (float(self.control[i]), float(self.active[j]))
            names = ", ".join(q.name for q in self.points if q.on_grid and (q.control, q.active) == at)
            rows.append((*at, float(p), float(self.mcse[i, j]), float(self.effect[i, j]), names))
        rows += [(q.control, q.active, q.p, q.mcse, q.effect, q.name) for q in self.points if not q.on_grid]
        frame = pd.DataFrame(rows, columns=["control", "active", "p_benefit", "p_benefit_mcse", "effect", "point"])
        near = (frame["p_benefit"] - self.threshold).abs() < _UNDECIDED * frame["p_benefit_mcse"]
        return frame.assign(above=frame["p_benefit"] > self.threshold, undecided=near)


def tipping_surface(
    spec: ModelSpec,
    sites: tuple[str, ...],
    responders: ArrayLike,
    n: ArrayLike,
    missing: ArrayLike,
    end_point: EndPoint,
    arms: Arms,
    *,
    primary: Literal["non_responder", "complete_cases"] = "non_responder",
    threshold: float = 0.975,
    allocations: int = 4,
    most: int = 150,
) -> TippingSurface:
    """P(benefit) for each number of responders among the missing patients of each arm.

    Parameters
    ----------
    spec : ModelSpec
        Of a binary end point. Fitted by quadrature, or by NUTS where it names that engine.
    sites : tuple of str
    responders, n, missing : array of int, shape (sites, 2)
        Responders and patients among those whose response is known, and patients whose response is missing; control
        and active. The population is chosen before: that of the model file is not looked at.
    primary : {"non_responder", "complete_cases"}
        Rule of the primary analysis, from which changes are counted.
    threshold : float
        Of P(benefit).
    allocations : int
        Draws of which patients respond; fewer fits where they coincide, one where there is nothing to choose.
    most : int
        Cells: where there would be more, the axes are thinned evenly and keep their ends.

    Returns
    -------
    TippingSurface
        Its points are 'non_responder' (none of the missing responds), 'worst_case' and 'best_case' for the active arm,
        all three of them cells, and 'complete_cases', which leaves the missing patients out, in the site weights too,
        and so is no cell; it is placed where the missing patients of an arm respond as often as the others of it.

    Raises
    ------
    InputError, TrialError
        Where nothing is missing, or the tables do not go together.
    UnsupportedModelError
        For a model of a continuous end point.
    """
    observed, known, gaps = _checked(sites, responders, n, missing)
    if spec.continuous or end_point.kind != "binary":
        where = f"model '{spec.name}', end point '{end_point.name}'"
        raise UnsupportedModelError(where, "a continuous one", "a model of a binary end point, and such an end point")
    if not 0 < threshold < 1 or allocations < 1 or most < 4:
        found = f"threshold {threshold}, {allocations} allocations, {most} cells"
        raise InputError("tipping points", found, "a threshold between 0 and 1, 1 allocation, 4 cells or more")
    fits = _Fits(spec, tuple(sites), end_point, arms)
    m0, m1 = (int(m) for m in gaps.sum(axis=0))
    rows, columns = _axes(m0, m1, most)
    cells = {}
    for k in itertools.product(rows, columns):
        drawn = allocations_of(gaps, k, allocations, spec.sampler.seed)
        cells[k] = fits.average([(observed + extra, known + gaps) for extra in drawn])
    seen = fits.average([(observed, known)]) if known.sum(axis=0).all() else _Cell(why="an arm has no known response")
    with np.errstate(invalid="ignore"):
        place = gaps.sum(axis=0) * observed.sum(axis=0) / known.sum(axis=0)
    worst, best = ((m0, 0), (0, m1))[:: end_point.sign]
    none = "missing counted as " + ("non-responders" if end_point.sign > 0 else "without the event")
    points = [
        _point("non_responder", none, (0, 0), cells[0, 0]),
        _point("complete_cases", "complete cases: missing patients left out", (place[0], place[1]), seen, False),
        _point("worst_case", "worst case for the active arm", worst, cells[worst]),
        _point("best_case", "best case for the active arm", best, cells[best]),
    ]
    points.sort(key=lambda point: point.name != primary)
    failures = [f"{c} control and {a} active responders: {cell.why}" for (c, a), cell in cells.items() if cell.why]
    failures += [f"complete cases: {seen.why}"] if seen.why else []

    def table(what: str) -> Floats:
        return np.array([[getattr(cells[c, a], what) for a in columns] for c in rows], dtype=float)

    return TippingSurface(
        end_point, arms, spec.name, tuple(sites), gaps, known + gaps, "responders among the missing",
        np.array(rows, dtype=float), np.array(columns, dtype=float), table("p"), table("mcse"), table("effect"),
        tuple(points), threshold, tuple(failures),
    )  # fmt: skip


def allocations_of(missing: Counts, k: tuple[int, int], draws: int, seed: int) -> list[Counts]:
    """Which missing patients respond: draws of responders by site and arm, each of shape (sites, 2).

    Examples
    --------
    >>> allocations_of(np.array([[2, 0], [1, 3]]), (3, 1), 2, seed=1)[0].tolist()
    [[2, 0], [1, 1]]
    """
    rng = np.random.default_rng([seed, _STREAM, *k])
    pairs = list(zip(missing.T, k, strict=True))
    return [
        np.column_stack([rng.multivariate_hypergeometric(gaps, count, method="count") for gaps, count in pairs])
        for _ in range(draws)
    ]


@dataclass(frozen=True)
class _Cell:
    p: float = np.nan
    mcse: float = np.nan
    effect: float = np.nan
    why: str = ""


class _Fits:
    """P(benefit) of tables, averaged."""

    def __init__(self, spec: ModelSpec, sites: tuple[str, ...], end_point: EndPoint, arms: Arms) -> None:
        # who is in the tables was settled before
        self.spec = spec.edited(population="itt", without_sites=(), only_for=(), end_point="primary")
        self.sites, self.end_point, self.arms = sites, end_point, arms

    def average(self, tables: list[tuple[Counts, Counts]]) -> _Cell:
        """Over allocations; the error is a little too large where these differ, whose spread holds the fits' own."""
        made = [self._cells(*table) for table in tables]
        times = Counter(cells.responders.tobytes() for cells in made)
        distinct = {cells.responders.tobytes(): cells for cells in made}
        # the first with the model's own seed: what a direct fit of the same table gives
        later = np.random.SeedSequence([self.spec.sampler.seed, _STREAM]).generate_state(len(distinct))
        seeds = [self.spec.sampler.seed, *(int(seed) for seed in later[1:])]
        found = [self._fitted(cells, seed) for cells, seed in zip(distinct.values(), seeds, strict=True)]
        if why := next((cell.why for cell in found if cell.why), ""):
            return _Cell(why=why)
        weight = np.array([times[key] for key in distinct]) / len(made)
        p, mcse, effect = (np.array([getattr(cell, what) for cell in found]) for what in ("p", "mcse", "effect"))
        mean = float(weight @ p)
        between = float(weight @ (p - mean) ** 2) / max(len(made) - 1, 1)
        return _Cell(mean, float(np.sqrt((weight**2) @ mcse**2 + between)), float(weight @ effect))

    def _cells(self, responders: Counts, n: Counts) -> Cells:
        some = n.sum(axis=1) > 0
        names = tuple(name for name, keep in zip(self.sites, some, strict=True) if keep)
        cells = Cells(names, responders[some], n[some])
        return cells.pooled() if self.spec.sites.pooled else cells

    def _fitted(self, cells: Cells, seed: int) -> _Cell:
        spec = self.spec.edited(sampler__seed=seed)
        likelihood = BinomialCells(spec, cells)
        if engine_for(likelihood) == "nuts":
            try:
                posterior = fit(spec, Trial.from_cells(cells, self.arms, self.end_point))
            except SamplerError as problem:
                return _Cell(why=str(problem))
            verdict, effect = posterior.verdict, posterior.draws("risk_difference")
        else:
            draws = quadrature.sample(likelihood)
            rng = np.random.default_rng([seed, _STREAM])
            effect = estimate(likelihood, likelihood.with_kinds(draws.values, rng), rng)["risk_difference"]
            verdict = judge([describe_independent("effect", effect)], draws.statistics, draws.diagnostics)
        if not verdict.ok:
            return _Cell(why=verdict.text)
        event = self.end_point.sign * effect > 0
        return _Cell(float(event.mean()), mcse_proportion(event, effective_draws(effect)), float(effect.mean()))


def _checked(sites: tuple[str, ...], *tables: ArrayLike) -> tuple[Counts, Counts, Counts]:
    """Responders, patients with a known response, and missing ones: tables of whole numbers that go together."""
    for name, table in zip(("responders", "n", "missing"), tables, strict=True):
        array = np.asarray(table)
        if array.shape != (len(sites), 2) or not np.issubdtype(array.dtype, np.integer) or (array < 0).any():
            required = f"whole numbers, none negative, of shape ({len(sites)}, 2): sites by arms"
            raise TrialError(f"tipping points, {name}", f"{array.dtype} of shape {array.shape}", required)
    responders, n, missing = (np.asarray(table, dtype=np.int64) for table in tables)
    Cells(sites, responders + missing, n + missing)  # complains of more responders than patients, and of empty sites
    if not missing.any():
        raise InputError("tipping points", "no missing response", "at least one")
    return responders, n, missing


def _axes(m0: int, m1: int, most: int) -> tuple[list[int], list[int]]:
    """Every count, or evenly spread ones with both ends where the cells would be more than `most`."""
    sizes = [m0 + 1, m1 + 1]
    while sizes[0] * sizes[1] > most and max(sizes) > 2:
        sizes[int(np.argmax(sizes))] -= 1
    first, second = (np.unique(np.round(np.linspace(0, m, size))) for m, size in zip((m0, m1), sizes, strict=True))
    return [int(k) for k in first], [int(k) for k in second]


def _point(name: str, label: str, at: tuple[float, float], cell: _Cell, on_grid: bool = True) -> TippingPoint:
    return TippingPoint(name, label, float(at[0]), float(at[1]), on_grid, cell.p, cell.mcse, cell.effect, cell.why)


def _shown(p: float) -> str:
    """Three decimals, never 0 or 1."""
    return "above 0.999" if p > 0.9995 else "below 0.001" if p < 0.0005 else f"{p:.3f}"
