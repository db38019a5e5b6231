"""Tipping points of a binary end point: how many of the missing patients would have to be responders, by arm.

Every cell of the surface is a refit: k of an arm's missing patients are responders, which of them is drawn at random
(all of an arm's missing patients alike, so that sites get them hypergeometrically), and the result is averaged over
draws.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.endpoints.tipping.surface import Surface, SurfacePoint
from bayes_lupil.engines import quadrature
from bayes_lupil.errors import InputError
from bayes_lupil.likelihoods import BinomialCells
from bayes_lupil.posterior.diagnostics import describe_independent, effective_draws, judge, mcse_proportion
from bayes_lupil.posterior.estimands import estimate
from bayes_lupil.spec import ModelSpec
from bayes_lupil.trials.cells import Cells
from bayes_lupil.trials.end_point import Arms, EndPoint

__all__ = ["imputed_counts_surface"]

Counts = NDArray[np.int64]
_AXIS = "responders among the missing"


@dataclass(frozen=True)
class _Result:
    p: float = np.nan
    mcse: float = np.nan
    effect: float = np.nan
    why: str = ""


def imputed_counts_surface(
    spec: ModelSpec,
    sites: tuple[str, ...],
    responders: Counts,
    n: Counts,
    missing: Counts,
    end_point: EndPoint,
    arms: Arms,
    *,
    rule: str = "non_responder",
    threshold: float = 0.975,
    most: int = 100,
    allocations: int = 4,
) -> Surface:
    """P(benefit) for each number of responders among the missing patients of each arm.

    Parameters
    ----------
    spec : ModelSpec
        Of a binary end point; fitted by quadrature.
    sites : tuple of str
    responders, n, missing : array of int, shape (sites, 2)
        Responders and patients among those seen, and patients whose response is missing; control and active.
    end_point : EndPoint
    arms : Arms
    rule : {"non_responder", "complete_cases"}
        Of the primary analysis: the first of the named points.
    threshold : float
    most : int
        Cells; where there would be more, the axes are thinned evenly, their ends kept.
    allocations : int
        Draws of which missing patients respond; one where there is nothing to choose.

    Raises
    ------
    InputError
        Where nothing is missing.
    """
    total = missing.sum(axis=0)
    if not total.any():
        raise InputError("tipping points", "no missing response", "at least one")
    pooled = spec.sites.pooled
    seeds = np.random.SeedSequence([spec.sampler.seed, 5]).spawn(allocations)
    # a sampler seed of its own for each allocation, so that their Monte Carlo errors are independent
    models = [spec.edited(sampler__seed=(spec.sampler.seed + i) % 2**32) for i in range(allocations)]

    def fitted(k: tuple[int, int]) -> _Result:
        ends = all(k[a] in (0, total[a]) for a in (0, 1))
        found = [
            _fit(models[i], sites, *_filled(responders, n, missing, k, seed), end_point, pooled)
            for i, seed in enumerate(seeds[:1] if ends else seeds)
        ]
        return _average(found)

    axes = _axes(int(total[0]), int(total[1]), most)
    cells = {(i, j): fitted((i, j)) for i in axes[0] for j in axes[1]}
    control, active = (np.array(axis, dtype=float) for axis in axes)
    grid = np.array([(r.p, r.mcse, r.effect) for r in cells.values()]).reshape(control.size, active.size, 3)
    good = 1 if end_point.sign > 0 else 0
    worst = (int(total[0]) * good, int(total[1]) * (1 - good))
    best = (int(total[0]) - worst[0], int(total[1]) - worst[1])
    none_seen = not n.sum(axis=0).all()
    seen = _Result() if none_seen else _fit(spec, sites, responders, n, end_point, pooled)
    rates = responders.sum(axis=0) / np.maximum(n.sum(axis=0), 1)
    points = [
        _point("non_responder", "missing counted as non-responders", (0, 0), cells[0, 0]),
        SurfacePoint(
            "complete_cases", "complete cases: missing patients like those seen", float(rates[0] * total[0]),
            float(rates[1] * total[1]), False, seen.p, seen.mcse, seen.effect,
        ),
        _point("worst_case", "worst case for the active arm", worst, cells[worst]),
        _point("best_case", "best case for the active arm", best, cells[best]),
    ]  # fmt: skip
    if none_seen:  # there are no complete cases to speak of
        points = [point for point in points if point.name != "complete_cases"]
    points.sort(key=lambda point: point.name != rule)
    failures = [f"{i} control and {j} active responders: {r.why}" for (i, j), r in cells.items() if r.why]
    failures += [f"complete cases: {seen.why}"] if seen.why else []
    everyone = n.sum(axis=0) + total
    return Surface(
        end_point, arms, spec.name, (int(total[0]), int(total[1])), (int(everyone[0]), int(everyone[1])), _AXIS,
        control, active, grid[..., 0], grid[..., 1], grid[..., 2], tuple(points), threshold, tuple(failures),
    )  # fmt: skip


def _axes(control: int, active: int, most: int) -> tuple[list[int], list[int]]:
    """All counts, or as many evenly spread ones as `most` cells allow."""
    sizes = [control + 1, active + 1]
    while sizes[0] * sizes[1] > most and max(sizes) > 2:
        sizes[int(np.argmax(sizes))] -= 1
    first, second = (
        sorted({round(k) for k in np.linspace(0, total, size)})
        for total, size in zip((control, active), sizes, strict=True)
    )
    return first, second


def _filled(
    responders: Counts, n: Counts, missing: Counts, k: tuple[int, int], seed: np.random.SeedSequence
) -> tuple[Counts, Counts]:
    """The table with k responders among the missing patients of each arm, spread over sites at random."""
    rng = np.random.default_rng(seed)
    drawn = [
        rng.multivariate_hypergeometric(missing[:, a], k[a]) if missing[:, a].any() else missing[:, a] for a in (0, 1)
    ]
    return responders + np.column_stack(drawn), n + missing


def _fit(
    spec: ModelSpec, sites: tuple[str, ...], responders: Counts, n: Counts, end_point: EndPoint, pooled: bool
) -> _Result:
    some = n.sum(axis=1) > 0
    cells = Cells(tuple(s for s, k in zip(sites, some, strict=True) if k), responders[some], n[some])
    likelihood = BinomialCells(spec.edited(sampler__engine="quadrature"), cells.pooled() if pooled else cells)
    draws = quadrature.sample(likelihood)
    values = likelihood.with_components(draws.values, np.random.default_rng(spec.sampler.seed))
    effect = estimate(likelihood, values, np.random.default_rng(spec.sampler.seed))["risk_difference"]
    verdict = judge([describe_independent("risk_difference", effect)], draws.statistics, draws.diagnostics)
    if not verdict.ok:
        return _Result(why=verdict.text)
    event = end_point.sign * effect > 0
    error = mcse_proportion(event, effective_draws(effect))
    return _Result(float(event.mean()), error, float(effect.mean()))


def _average(found: list[_Result]) -> _Result:
    why = next((item.why for item in found if item.why), "")
    p = np.array([item.p for item in found])
    # fits have seeds of their own, so that the spread of their results holds the Monte Carlo error too
    within = np.mean([item.mcse**2 for item in found]) / p.size
    between = p.var(ddof=1) / p.size if p.size > 1 else 0.0
    error = float(np.sqrt(np.maximum(within, between)))
    return _Result(float(p.mean()), error, float(np.mean([i.effect for i in found])), why)


def _point(name: str, label: str, k: tuple[int, int], result: _Result) -> SurfacePoint:
    return SurfacePoint(name, label, float(k[0]), float(k[1]), True, result.p, result.mcse, result.effect)
