"""Monte Carlo error, effective sample size and R-hat (by ArviZ), and the verdict they give.

Vehtari et al. 2021, Bayesian Analysis 16:667-718 (rank-normalised R-hat, bulk and tail ESS, MCSE of quantiles);
Vehtari et al. 2024, JMLR 25:72 (k-hat of importance sampling).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.engines.importance import smooth_weights
from bayes_lupil.numbers import small
from bayes_lupil.posterior.estimates import weighted_sum

__all__ = [
    "MAX_DIFFERENCE",
    "MAX_K_HAT",
    "MAX_LOST",
    "MAX_QUADRATURE_ERROR",
    "MAX_R_HAT",
    "MAX_TAIL",
    "MIN_ESS",
    "UNSEEN",
    "Row",
    "Verdict",
    "describe",
    "describe_independent",
    "effective_draws",
    "has_mean",
    "judge",
    "mcse_mean",
    "mcse_proportion",
    "mcse_quantile",
]

Floats = NDArray[np.float64]

MAX_R_HAT = 1.01
MIN_ESS = 400
MAX_K_HAT = 0.7
MAX_QUADRATURE_ERROR = 0.02
"""Of a log posterior density, as an SD over the points that matter: shifts a mean by at most 2 % of its SD."""
UNSEEN = 4.0
"""Draws on the rarer side of a threshold by which the variance of their number is taken to be larger than that number.

A number that is 0 may well have been 3, so an error of 0, or of the one draw that is there, would be too small by far:
true probabilities further than 5 errors away are to be as rare as with a normal error (Agresti and Coull 1998, Am Stat
52:119-126, add as many in all)."""
MAX_TAIL = 0.5
"""k-hat of the distances from the mean, up to which a quantity has a variance, and so a mean with an error."""
_FAR = 12.0  # SDs

MAX_LOST = 1e-4
"""Share of draws that stand where numbers end, or show no difference at all for want of digits: moves no probability by
more than this, which is below any Monte Carlo error."""
MAX_DIFFERENCE = 4.0
"""Between two engines, or two halves of an importance sample, in combined Monte Carlo errors."""


@dataclass(frozen=True)
class Row:
    """Summary of one scalar quantity; R-hat is NaN for independent draws, which have no chains to compare."""

    name: str
    mean: float
    sd: float
    mcse_mean: float
    q2_5: float
    q50: float
    q97_5: float
    ess_bulk: float
    ess_tail: float
    r_hat: float

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)


@dataclass(frozen=True)
class Verdict:
    """Whether the diagnostics let the result be reported.

    Attributes
    ----------
    ok : bool
    failures : tuple of str
        Why not, worst first; empty where ok.
    max_r_hat, min_ess_bulk, min_ess_tail : float
        Worst values over all quantities judged; R-hat is NaN for independent draws.
    divergences : int
    pareto_k, quadrature_error : float or None
        Of importance samples; the second of the quadrature engine.
    engine_difference : float or None
        Largest difference from the other engine, in Monte Carlo errors, where it was run too.
    """

    ok: bool
    failures: tuple[str, ...]
    max_r_hat: float
    min_ess_bulk: float
    min_ess_tail: float
    divergences: int
    quantities: int
    pareto_k: float | None = None
    quadrature_error: float | None = None
    engine_difference: float | None = None

    def of_effect(self, draws: NDArray[np.float64]) -> Verdict:
        """The verdict once the draws of the effect are seen, which fails where too many of them are no difference."""
        lost = float((draws == 0).mean())
        if lost <= MAX_LOST:
            return self
        why = (
            f"no difference at all between the arms at {100 * lost:.3g} % of the draws, where response probabilities "
            f"are 0 or 1 to the last digit (at most {100 * MAX_LOST:g} % required: narrower priors of the log odds)"
        )
        return replace(self, ok=False, failures=(*self.failures, why))

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)

    @property
    def text(self) -> str:
        """In one line."""
        if not self.ok:
            return "FAILED: " + "; ".join(self.failures)
        if self.pareto_k is not None:
            error = self.quadrature_error
            told = "" if error is None else f", quadrature error {small(error, 1e-6)} of a log density"
            return (
                f"ok: k-hat {self.pareto_k:.2f}, {self.min_ess_bulk:.0f} independent draws{told}, "
                f"over {self.quantities} quantities"
            )
        return (
            f"ok: R-hat at most {self.max_r_hat:.4f}, ESS at least {self.min_ess_bulk:.0f} (bulk) and "
            f"{self.min_ess_tail:.0f} (tail), no divergence, over {self.quantities} quantities"
        )


def _statistics() -> Any:
    from arviz_stats.base import array_stats

    return array_stats


def mcse_mean(draws: Floats) -> float:
    """Monte Carlo standard error of a mean, from draws of shape (chain, draw)."""
    return float(_statistics().mcse(draws))


def mcse_proportion(event: NDArray[np.bool_], effective: float) -> float:
    """Monte Carlo standard error of a probability, from an indicator of shape (chain, draw).

    The effective sample size is the indicator's own: draws cross a threshold in the tail more independently than they
    move. Where (nearly) all draws are alike their own spread says nothing, so the error is that of a few more draws on
    the rarer side (`UNSEEN`); where all are alike, of the `effective` draws of the quantity behind the event.

    Examples
    --------
    >>> import numpy as np
    >>> mcse_proportion(np.ones((4, 1000), dtype=bool), effective=2000.0)
    0.001
    """
    alike = event.all() or not event.any()
    n = effective if alike else float(_statistics().ess(event.astype(float), method="mean"))
    p = float(event.mean())
    return float(np.sqrt((p * (1 - p) + UNSEEN / n) / n))


def effective_draws(draws: Floats) -> float:
    """Effective sample size, the smaller of bulk and tail."""
    stats = _statistics()
    return min(float(stats.ess(draws, method="bulk")), float(stats.ess(draws, method="tail", prob=(0.05, 0.95))))


def mcse_quantile(draws: Floats, prob: float) -> float:
    """Monte Carlo standard error of a quantile."""
    return float(_statistics().mcse(draws, method="quantile", prob=prob))


def has_mean(draws: Floats) -> bool:
    """Whether the tail of the draws is light enough for a mean with an error: k-hat of the distances at most 0.5.

    A distribution whose tail has more, such as that of a between-site SD under a half-Cauchy prior where few sites are
    left, has no variance, or no mean either, and an average of draws then tells how many were made.
    """
    distance = np.abs(draws - draws.mean())
    # with a tail of that kind the furthest of thousands of draws is dozens of SDs away; quick, for light ones. Draws of
    # probabilities, all within 1 of each other, always have a mean
    if np.isfinite(distance).all() and distance.max() <= max(_FAR * draws.std(), 1.0):
        return True
    with np.errstate(divide="ignore"):
        return bool(smooth_weights(np.log(distance.ravel()))[1] <= MAX_TAIL)


def describe(name: str, draws: Floats) -> Row:
    """Summary of a quantity from draws of shape (chain, draw); without mean, SD and error where `has_mean` says so."""
    stats = _statistics()
    low, middle, high = (float(q) for q in np.quantile(draws, [0.025, 0.5, 0.975]))
    told = has_mean(draws)
    return Row(
        name,
        float(draws.mean()) if told else np.nan,
        float(draws.std(ddof=1)) if told else np.nan,
        mcse_mean(draws) if told else np.nan,
        low,
        middle,
        high,
        float(stats.ess(draws, method="bulk")),
        float(stats.ess(draws, method="tail", prob=(0.05, 0.95))),
        float(stats.rhat(draws)),
    )


def describe_independent(name: str, draws: Floats, points: NDArray[np.int64] | None = None) -> Row:
    """Summary of a quantity from independent draws, of any shape: the closed forms, without a chain's detours.

    Where `points` says which draws are of one importance point, these are independent, and draws of one are not.
    """
    with np.errstate(invalid="ignore"):  # ratios of very wide priors may be infinite, and have no SD
        low, early, middle, late, high = (float(q) for q in np.quantile(draws, [0.025, 0.05, 0.5, 0.95, 0.975]))
        sd = float(draws.std(ddof=1))
        told = has_mean(draws)
    n = tail = float(draws.size)
    if points is not None:
        n = _worth(draws, points) if told else _worth(draws <= middle, points)
        tail = min(_worth(draws <= end, points) for end in (early, late))
    mean, sd = (float(draws.mean()), sd) if told else (np.nan, np.nan)
    return Row(name, mean, sd, sd / np.sqrt(n), low, middle, high, n, tail, np.nan)


def _worth(draws: NDArray[Any], points: NDArray[np.int64]) -> float:
    """How many independent draws the mean of draws is worth, some of which are of one point; at most their number."""
    distance = (draws - draws.mean()).ravel()
    squares, together = weighted_sum(distance, distance), np.bincount(points.ravel(), weights=distance)
    return draws.size * min(squares / weighted_sum(together, together), 1.0) if squares > 0 else float(draws.size)


def judge(
    rows: Iterable[Row], statistics: Mapping[str, NDArray[np.generic]], diagnostics: Mapping[str, float] | None = None
) -> Verdict:
    """The verdict over all reported quantities.

    Markov chains fail where any R-hat is above 1.01, any bulk or tail ESS is below 400 (or either is not a number), or
    any transition diverged; importance samples where k-hat is above 0.7, fewer than 400 draws are effective, an
    integral failed, twice the nodes would change the log density, or two independent halves differ; either where the
    other engine disagrees.

    Parameters
    ----------
    rows : iterable of Row
    statistics : dict of str to array
        By draw, as in the group sample_stats.
    diagnostics : dict of str to float, optional
        Of the result as a whole; 'pareto_k' marks an importance sample.
    """
    table, whole = list(rows), dict(diagnostics or {})
    bulk, tail = _worst(table, "ess_bulk", False), _worst(table, "ess_tail", False)
    failures = _engines_differ(whole)
    if "pareto_k" in whole:
        failures += _importance_failures(whole)
        r_hat, divergences = np.nan, 0
    else:
        if "diverging" not in statistics:
            failures.append("the sampler did not say whether it diverged")
        divergences = int(np.sum(statistics.get("diverging", 0)))
        if divergences:
            failures.append(f"{divergences} divergent transitions (0 required: raise sampler.target_accept towards 1)")
        worst = _worst(table, "r_hat", True)
        r_hat = worst.r_hat
        if not r_hat <= MAX_R_HAT:
            failures.append(f"R-hat {_told(r_hat, MAX_R_HAT, 4)} of {worst.name} (at most {MAX_R_HAT} required)")
    raised = "raise sampler.points" if "pareto_k" in whole else "raise sampler.draws"
    for label, row, value in (("bulk", bulk, bulk.ess_bulk), ("tail", tail, tail.ess_tail)):
        if not value >= MIN_ESS:
            found = _told(value, MIN_ESS, 0)
            failures.append(f"{label} ESS {found} of {row.name} (at least {MIN_ESS} required: {raised})")
    return Verdict(
        not failures, tuple(failures), r_hat, bulk.ess_bulk, tail.ess_tail, divergences, len(table),
        whole.get("pareto_k"), whole.get("quadrature_error"), whole.get("engine_difference"),
    )  # fmt: skip


def _told(value: float, limit: float, decimals: int) -> str:
    """A value with so many decimals, or with as many as tell it from the limit that it misses."""
    text = f"{value:.{decimals}f}"
    return text if float(text) != limit or value == limit else f"{value:.10g}"


def _worst(table: list[Row], kind: str, high_is_bad: bool) -> Row:
    def badness(row: Row) -> float:
        value = float(getattr(row, kind))
        return np.inf if np.isnan(value) else value if high_is_bad else -value

    return max(table, key=badness)


def _importance_failures(diagnostics: Mapping[str, float]) -> list[str]:
    k_hat, error = diagnostics["pareto_k"], diagnostics.get("quadrature_error")
    halves = diagnostics.get("halves_difference", 0.0)
    failed, at_limit = int(diagnostics.get("failed_integrals", 0)), diagnostics.get("at_limit", 0.0)
    way_out = "use sampler.engine = 'nuts'"
    failures = []
    if not k_hat <= MAX_K_HAT:
        failures.append(f"k-hat {_told(k_hat, MAX_K_HAT, 2)} (at most {MAX_K_HAT} required: {way_out})")
    if error is not None and not error <= MAX_QUADRATURE_ERROR:
        found = _told(error, MAX_QUADRATURE_ERROR, 3)
        failures.append(f"quadrature error {found} (at most {MAX_QUADRATURE_ERROR} required: {way_out})")
    if not halves <= MAX_DIFFERENCE:
        found = _told(halves, MAX_DIFFERENCE, 1)
        failures.append(
            f"two halves of the sample differ by {found} Monte Carlo errors (at most {MAX_DIFFERENCE:g} required: "
            f"{way_out})"
        )
    if failed:
        failures.append(f"{failed} integrals that failed (0 required: {way_out})")
    if at_limit > MAX_LOST:
        failures.append(
            f"{100 * at_limit:.3g} % of the draws stand at the limit of 1,000,000 that parameters have in this engine "
            f"(at most {100 * MAX_LOST:g} % required: {way_out}, or narrower priors)"
        )
    return failures


def _engines_differ(diagnostics: Mapping[str, float]) -> list[str]:
    difference = diagnostics.get("engine_difference", 0.0)
    if difference <= MAX_DIFFERENCE:
        return []
    found = _told(difference, MAX_DIFFERENCE, 1)
    return [f"the engines differ by {found} Monte Carlo errors (at most {MAX_DIFFERENCE:g} required)"]
