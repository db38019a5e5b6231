"""Monte Carlo error, effective sample size and R-hat (by ArviZ), and the verdict they give.

Vehtari et al. 2021, Bayesian Analysis 16:667-718 (rank-normalised R-hat, bulk and tail ESS, MCSE of quantiles).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "MAX_R_HAT",
    "MIN_ESS",
    "Row",
    "Verdict",
    "describe",
    "effective_draws",
    "judge",
    "mcse_mean",
    "mcse_proportion",
    "mcse_quantile",
]

Floats = NDArray[np.float64]

MAX_R_HAT = 1.01
MIN_ESS = 400


@dataclass(frozen=True)
class Row:
    """Summary of one scalar quantity."""

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
        Worst values over all quantities judged.
    divergences : int
    """

    ok: bool
    failures: tuple[str, ...]
    max_r_hat: float
    min_ess_bulk: float
    min_ess_tail: float
    divergences: int
    quantities: int

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)

    @property
    def text(self) -> str:
        """In one line."""
        if self.ok:
            return (
                f"ok: R-hat at most {self.max_r_hat:.4f}, ESS at least {self.min_ess_bulk:.0f} (bulk) and "
                f"{self.min_ess_tail:.0f} (tail), no divergence, over {self.quantities} quantities"
            )
        return "FAILED: " + "; ".join(self.failures)


def _statistics() -> Any:
    from arviz_stats.base import array_stats

    return array_stats


def mcse_mean(draws: Floats) -> float:
    """Monte Carlo standard error of a mean, from draws of shape (chain, draw)."""
    return float(_statistics().mcse(draws))


def mcse_proportion(event: NDArray[np.bool_], effective: float) -> float:
    """Monte Carlo standard error of a probability, from an indicator of shape (chain, draw).

    The effective sample size is the indicator's own: draws cross a threshold in the tail more independently than they
    move. Where (nearly) all draws are alike their own spread says nothing, so one more success and one more failure
    are counted; where all are alike, they are counted among the `effective` draws of the quantity behind the event.

    Examples
    --------
    >>> import numpy as np
    >>> 0 < mcse_proportion(np.ones((4, 1000), dtype=bool), effective=2000.0) < 0.001
    True
    """
    alike = event.all() or not event.any()
    n = effective if alike else float(_statistics().ess(event.astype(float), method="mean"))
    shrunk = (event.mean() * n + 1) / (n + 2)
    return float(np.sqrt(shrunk * (1 - shrunk) / n))


def effective_draws(draws: Floats) -> float:
    """Effective sample size, the smaller of bulk and tail."""
    stats = _statistics()
    return min(float(stats.ess(draws, method="bulk")), float(stats.ess(draws, method="tail", prob=(0.05, 0.95))))


def mcse_quantile(draws: Floats, prob: float) -> float:
    """Monte Carlo standard error of a quantile."""
    return float(_statistics().mcse(draws, method="quantile", prob=prob))


def describe(name: str, draws: Floats) -> Row:
    """Summary of a quantity from draws of shape (chain, draw)."""
    stats = _statistics()
    low, middle, high = (float(q) for q in np.quantile(draws, [0.025, 0.5, 0.975]))
    return Row(
        name,
        float(draws.mean()),
        float(draws.std(ddof=1)),
        mcse_mean(draws),
        low,
        middle,
        high,
        float(stats.ess(draws, method="bulk")),
        float(stats.ess(draws, method="tail", prob=(0.05, 0.95))),
        float(stats.rhat(draws)),
    )


def judge(rows: Iterable[Row], statistics: Mapping[str, NDArray[np.generic]]) -> Verdict:
    """The verdict over all reported quantities.

    Fails where any R-hat is above 1.01, any bulk or tail ESS is below 400 (or either is not a number), or any
    transition diverged.
    """
    table = list(rows)
    failures = []
    if "diverging" not in statistics:
        failures.append("the sampler did not say whether it diverged")
    divergences = int(np.sum(statistics.get("diverging", 0)))
    if divergences:
        failures.append(f"{divergences} divergent transitions (0 required: raise sampler.target_accept towards 1)")

    def worst(kind: str, high_is_bad: bool) -> Row:
        def badness(row: Row) -> float:
            value = float(getattr(row, kind))
            return np.inf if np.isnan(value) else value if high_is_bad else -value

        return max(table, key=badness)

    r_hat, bulk, tail = worst("r_hat", True), worst("ess_bulk", False), worst("ess_tail", False)
    if not r_hat.r_hat <= MAX_R_HAT:
        failures.append(f"R-hat {r_hat.r_hat:.4f} of {r_hat.name} (at most {MAX_R_HAT} required)")
    for label, row, value in (("bulk", bulk, bulk.ess_bulk), ("tail", tail, tail.ess_tail)):
        if not value >= MIN_ESS:
            failures.append(f"{label} ESS {value:.0f} of {row.name} (at least {MIN_ESS} required: raise sampler.draws)")
    return Verdict(not failures, tuple(failures), r_hat.r_hat, bulk.ess_bulk, tail.ess_tail, divergences, len(table))
