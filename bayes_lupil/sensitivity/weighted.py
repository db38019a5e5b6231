"""Summaries of reweighted draws: what a posterior becomes under a change, and whether the draws carry it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.convergence import MAX_K_HAT, MIN_ESS
from bayes_lupil.posterior import Posterior

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Changed",
    "Estimate",
    "as_table",
    "carries",
    "effective_size",
    "estimate",
    "of_refit",
    "weighted",
    "weighted_chance",
    "weighted_error",
]

Floats = NDArray[np.float64]

_QUANTITIES = (
    "risk_difference", "conditional_log_odds_ratio", "alpha", "beta", "tau_u", "tau_v", "correlation", "df",
    "outlier_share",
)  # fmt: skip


@dataclass(frozen=True)
class Estimate:
    """A quantity under a change: mean with its Monte Carlo standard error, SD and quantiles."""

    mean: float
    mcse: float
    sd: float
    q2_5: float
    q50: float
    q97_5: float


@dataclass(frozen=True)
class Changed:
    """The posterior under a change.

    Attributes
    ----------
    label : str
        What was changed.
    estimates : dict of str to Estimate
        The risk difference (active minus control), the conditional log odds ratio and the parameters that sites share.
    p_benefit, p_benefit_mcse : float
        P(benefit) on the trial's benefit scale and its Monte Carlo standard error; NaN where the diagnostics of a
        refit fail.
    k_hat : float
        Of the weights that the change asks for.
    effective : float
        Draws that the result is worth.
    refitted : bool
        Whether the model was fitted again, because reweighted draws could not carry the change.
    ok : bool
        Whether the result may be reported.
    """

    label: str
    estimates: dict[str, Estimate]
    p_benefit: float
    p_benefit_mcse: float
    k_hat: float
    effective: float
    refitted: bool
    ok: bool = True


def as_table(results: Iterable[Changed]) -> pd.DataFrame:
    """One row a change: the risk difference, P(benefit) with its error, k-hat and how it was computed."""
    import pandas as pd

    rows = []
    for item in results:
        rd = item.estimates["risk_difference"]
        rows.append(
            {
                "change": item.label, "risk_difference": rd.mean, "mcse": rd.mcse, "sd": rd.sd, "q2_5": rd.q2_5,
                "q50": rd.q50, "q97_5": rd.q97_5, "p_benefit": item.p_benefit, "p_benefit_mcse": item.p_benefit_mcse,
                "k_hat": item.k_hat, "effective": item.effective, "refitted": item.refitted, "ok": item.ok,
            }
        )  # fmt: skip
    return pd.DataFrame(rows).set_index("change")


def carries(posterior: Posterior, weights: Floats, k_hat: float) -> bool:
    """Whether reweighted draws may stand for the changed posterior: the rules that a posterior itself is judged by."""
    return k_hat <= MAX_K_HAT and effective_size(posterior, weights) >= MIN_ESS


def weighted(
    posterior: Posterior, label: str, weights: Floats, k_hat: float, difference: Floats | None = None
) -> Changed:
    """Summaries from weighted draws."""
    if difference is None:
        difference = posterior.draws("risk_difference").ravel()
    draws = {
        name: posterior.draws(name).ravel()
        for name in _QUANTITIES
        if name in posterior.data["posterior"].data_vars and posterior.data["posterior"][name].ndim == 2
    }
    draws["risk_difference"] = difference
    effective = effective_size(posterior, weights)
    p, error = weighted_chance(posterior.provenance.end_point.sign * difference > 0, weights, effective)
    estimates = {name: estimate(value, weights, effective) for name, value in draws.items()}
    return Changed(label, estimates, p, error, k_hat, effective, refitted=False)


def weighted_chance(event: NDArray[np.bool_], weights: Floats, effective: float) -> tuple[float, float]:
    """Probability of an event among weighted draws, and its Monte Carlo standard error."""
    p = float(weights @ event)
    held = (p * effective + 1) / (effective + 2)  # as in `mcse_proportion`, so that 0 and 1 have an error too
    more = max(held * (1 - held) - p * (1 - p), 0.0) / effective
    return p, float(np.sqrt(weighted_error(event, p, weights, effective) ** 2 + more))


def weighted_error(values: NDArray[Any], mean: float, weights: Floats, effective: float) -> float:
    """Monte Carlo error of a weighted mean, by the delta method.

    SD / sqrt(effective) where weights are equal. Where the largest weights go with the rarer values, as those of draws
    without benefit do when a site that shows benefit is left out, it is larger, in one example by half.
    """
    return float(np.sqrt((weights**2 @ (values - mean) ** 2) / (effective * (weights**2).sum())))


def effective_size(posterior: Posterior, weights: Floats) -> float:
    """Kish's effective size, no larger than what the draws themselves were worth."""
    row = posterior.row("risk_difference")
    worth = min(row.ess_bulk / weights.size, 1.0)
    return float(worth / (weights**2).sum())


def estimate(draws: Floats, weights: Floats, effective: float) -> Estimate:
    """Mean, SD and quantiles of weighted draws; `effective` is the number of equal ones that they are worth."""
    mean = float(weights @ draws)
    sd = float(np.sqrt(weights @ (draws - mean) ** 2))
    order = np.argsort(draws)
    steps = np.cumsum(weights[order])
    low, middle, high = (
        float(draws[order[min(int(np.searchsorted(steps, q)), draws.size - 1)]]) for q in (0.025, 0.5, 0.975)
    )
    return Estimate(mean, weighted_error(draws, mean, weights, effective), sd, low, middle, high)


def of_refit(refit: Posterior, label: str, k_hat: float) -> Changed:
    """A fit under the change in place of weighted draws; no probability where its diagnostics fail."""
    equal = np.full(refit.draws("risk_difference").size, 1 / refit.draws("risk_difference").size)
    found = replace(weighted(refit, label, equal, k_hat), refitted=True)
    return found if refit.verdict.ok else replace(found, p_benefit=np.nan, p_benefit_mcse=np.nan, ok=False)
