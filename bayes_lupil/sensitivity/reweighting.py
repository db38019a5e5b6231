"""Draws with weights that turn one posterior into another, and which of its quantities they can stand for.

k-hat of the weights speaks of averages of bounded, well-spread functions. It is blind to an event that the draws have
hardly seen, and to a function whose large values meet large weights. So each quantity is judged by itself:

- a mean of h: k-hat of weight times |h - mean| (Vehtari et al. 2024, JMLR 25:72, section 3.2), and draws enough beyond
  its reported quantiles;
- the probability of an event: enough effective draws on either side of its threshold, before the weights and after.

k-hat is held to 0.5, up to which weights have a variance and so an error that can be told; a posterior of its own may
go to 0.7, for nothing better can be had at once. Here a refit can, and takes less than a second.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.engines.importance import smooth_weights
from bayes_lupil.posterior import Posterior
from bayes_lupil.posterior.diagnostics import MAX_LOST, MAX_TAIL, MIN_ESS, UNSEEN, mcse_mean, mcse_proportion
from bayes_lupil.posterior.estimates import Estimate, weighted_quantiles, weighted_sum

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "FEWEST", "FEWEST_IN_TAIL", "MAX_WEIGHTED_K_HAT", "BaseDraws", "Changed", "WeightedDraws", "as_table", "of_refit",
    "summary",
]  # fmt: skip

Floats = NDArray[np.float64]
Event = NDArray[np.bool_]

MAX_WEIGHTED_K_HAT = 0.5
"""Of weights, and of weights times what is averaged: up to here they have a variance."""
FEWEST = 50
"""Effective draws on either side of a threshold, so that the error of the probability is known to a tenth."""
FEWEST_IN_TAIL = 10
"""Effective draws beyond a reported 2.5 % quantile: as many as the fewest draws of a sound posterior have there."""
_ROUNDING = 1e-15  # of a sum of weights
_ALIKE = 1e-9  # log weights that differ by rounding alone

_QUANTITIES = (
    "risk_difference", "conditional_log_odds_ratio", "alpha", "beta", "tau_u", "tau_v", "tau_c", "tau_d", "correlation",
    "df", "outlier_share", "country_outlier_share",
)  # fmt: skip


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
        Of the weights that the change asks for; NaN where no weights lead there.
    effective : float
        Draws that the result is worth.
    refitted : bool
        Whether the model was fitted again, because reweighted draws could not carry the change.
    ok : bool
        Whether the result may be reported.
    reason : str
        Why not; empty where it may.
    """

    label: str
    estimates: dict[str, Estimate] = field(hash=False)
    p_benefit: float
    p_benefit_mcse: float
    k_hat: float
    effective: float
    refitted: bool
    ok: bool = True
    reason: str = ""


def as_table(results: Iterable[Changed], *more: str) -> pd.DataFrame:
    """One row a change: the risk difference, P(benefit) with its error, k-hat and how it was computed.

    Parameters
    ----------
    results : iterable of Changed
    *more : str
        Other estimates that stand behind the risk difference.
    """
    import pandas as pd

    rows = []
    for item in results:
        found = asdict(item.estimates["risk_difference"])
        row = {"change": item.label, "risk_difference": found.pop("mean"), **found}
        for name in more:
            row |= item.estimates[name].columns(name, "sd", "q2_5", "q50", "q97_5")
        rows.append(row | {name: value for name, value in vars(item).items() if name not in ("label", "estimates")})
    return pd.DataFrame(rows).set_index("change")


class BaseDraws:
    """What weighted draws of one posterior share, however often it is reweighted.

    Parameters
    ----------
    posterior : Posterior
    every : int
        1 for all draws, 2 for every second of each chain, and so on.
    """

    def __init__(self, posterior: Posterior, every: int = 1) -> None:
        self.posterior = posterior
        self._values: dict[str, Floats] = {}
        self._taken = np.s_[:, ::every]
        self.shape = posterior.draws(posterior.effect)[self._taken].shape
        self.size = int(np.prod(self.shape))

    @cached_property
    def worth(self) -> float:
        """Independent draws that one draw is worth, at most 1."""
        effect = self.posterior.effect
        return min(self.posterior.row(effect).ess_bulk / self.posterior.draws(effect).size, 1.0)

    @cached_property
    def quantities(self) -> dict[str, Floats]:
        """The scalar quantities that a change is told of, each of shape (draws,)."""
        held = self.posterior.data["posterior"].to_dataset()
        return {name: self.values(name) for name in _QUANTITIES if name in held and held[name].ndim == 2}

    def values(self, name: str) -> Floats:
        """A quantity by name, shape (draws,); kept, since a tree is slow to look things up in."""
        if name not in self._values:
            self._values[name] = np.asarray(self.posterior.draws(name)[self._taken].ravel(), dtype=float)
        return self._values[name]

    @cached_property
    def orders(self) -> dict[str, NDArray[np.int64]]:
        """What sorts each of them."""
        return {name: np.argsort(values) for name, values in self.quantities.items()}

    @cached_property
    def benefit(self) -> Event:
        """Which draws show benefit, shape (draws,)."""
        sign = self.posterior.provenance.end_point.sign
        return np.asarray(sign * self.values(self.posterior.effect) > 0)

    @cached_property
    def by_points(self) -> bool:
        """Whether draws come from points that are independent of one another, as those of the fast engines do."""
        return bool(np.isfinite(self.posterior.diagnostics.get("pareto_k", np.nan)))

    @cached_property
    def _points(self) -> NDArray[np.int64] | None:
        """Which point of the parameters each draw was made from; None where each has its own, or there is none."""
        if not self.by_points:
            return None
        # one point has one log density, and hardly two points have the same
        density = np.asarray(self.posterior.data["sample_stats"]["lp"].values)[self._taken].ravel()
        found, which = np.unique(density, return_inverse=True)
        return None if found.size == density.size else which

    def by_point(self, parts: Floats) -> Floats:
        """Sums over the draws that share a point: independent of one another, as the draws themselves are not."""
        return parts if self._points is None else np.asarray(np.bincount(self._points, parts), dtype=float)

    def mean_error(self, values: Floats) -> float:
        """Monte Carlo error of a mean of 0: of independent points in closed form, a thirtieth of ArviZ's time."""
        if not self.by_points:
            return mcse_mean(values.reshape(self.shape))
        return float(np.sqrt((self.by_point(values) ** 2).sum())) / values.size


class WeightedDraws:
    """Draws of a posterior under weights.

    Parameters
    ----------
    base : BaseDraws
    log_ratio : array, shape (draws,), optional
        Log of the changed posterior's density over this one's, up to a constant; 0 if not given.
    covered : bool
        Whether the ratio is bounded where there are no draws, too, as far as is known beforehand (priors are; see
        `bayes_lupil.sensitivity.preconditions.covers`).

    Attributes
    ----------
    weights : array, shape (draws,)
        Pareto-smoothed, summing to 1.
    k_hat : float
        Of the weights.
    unchanged : bool
        Whether all weights are alike: the posterior itself, of which a refit could say nothing better.
    """

    def __init__(self, base: BaseDraws, log_ratio: Floats | None = None, covered: bool = True) -> None:
        self.base = base
        self.covered = covered
        self.unchanged = log_ratio is None or float(np.ptp(log_ratio)) < _ALIKE
        if log_ratio is None or self.unchanged:
            self.weights, self.k_hat = np.full(base.size, 1 / base.size), -np.inf
        else:
            self.weights, self.k_hat = smooth_weights(log_ratio)

    @cached_property
    def effective(self) -> float:
        """Kish's effective size; draws that share a point of the parameters count as one."""
        return self.base.worth / self._squares(self.weights)

    @cached_property
    def sound(self) -> bool:
        """Whether averages over the bulk may be taken at all."""
        if self.unchanged:
            return True
        return self.covered and self.k_hat <= MAX_WEIGHTED_K_HAT and self.effective >= MIN_ESS

    def mean(self, values: Floats | Event) -> tuple[float, float]:
        """Weighted mean, and its Monte Carlo standard error by the delta method.

        SD / sqrt(effective) where weights are equal. Where the largest weights go with the rarer values, as those of
        draws without benefit do when a site that shows benefit is left out, it is larger, in one example by half.
        """
        mean = weighted_sum(self.weights, values)
        return mean, self.error(self.weights * (values.astype(float) - mean))

    def error(self, parts: Floats) -> float:
        """Monte Carlo standard error of a sum over draws of independent parts whose sum has been centred at 0."""
        return float(np.sqrt(self._squares(parts) / self.base.worth))

    def chance(self, event: Event) -> tuple[float, float]:
        """Probability of an event and its Monte Carlo standard error; of the posterior itself, as it says itself.

        As if a few more draws had fallen on the rarer side, each of the largest weight that is seen there
        (`bayes_lupil.posterior.diagnostics.UNSEEN`), so that 0 and 1 have an error too.
        """
        if self.unchanged:
            effective = self.base.worth * self.base.size
            return float(event.mean()), mcse_proportion(event.reshape(self.base.shape), effective)
        p, error = self.mean(event)
        rarer = event if p < 0.5 else ~event
        most = float(self.weights[rarer].max() if rarer.any() else self.weights.max()) / self.base.worth
        return min(max(p, 0.0), 1.0), max(float(np.sqrt(error**2 + UNSEEN * most**2)), _ROUNDING)

    def estimate(self, values: Floats, order: NDArray[np.int64] | None = None) -> Estimate:
        """Mean with its error, SD and quantiles; `order` sorts the values.

        Without mean, error and SD where the tail of the draws is too heavy for them: k-hat of the distances from the
        mean above 0.5, as of a between-site SD whose prior has no mean where few sites are left. Quantiles there are.
        """
        mean, error = self.mean(values)
        sd = math.sqrt(weighted_sum(self.weights, (values - mean) ** 2))
        if self.unchanged and not self._tail(values - mean) <= MAX_TAIL:
            mean = error = sd = np.nan
        return Estimate(mean, error, sd, *weighted_quantiles(values, self.weights, order))

    def _tail(self, distances: Floats) -> float:
        """k-hat of weight times distance; minus infinity where all are alike."""
        if not distances.any():
            return -np.inf
        with np.errstate(divide="ignore"):
            return smooth_weights(np.log(self.weights) + np.log(np.abs(distances)))[1]

    def holds_chance(self, event: Event) -> bool:
        """Whether the probability of an event may be told from these draws.

        At least 50 effective draws are required on either side of the threshold, both before the weights and after; of
        a side that the weights make rarer still, as many as a refit of the same size would have there.
        """
        if self.unchanged:
            return True
        if not self.sound:
            return False
        for side in (event, ~event):
            if side.sum() * self.base.worth < FEWEST:
                return False
            share = weighted_sum(self.weights, side)
            if share >= FEWEST * self._largest:  # Kish's size is at least this many times the largest weight
                continue
            if self._effective_on(side) < min(FEWEST, share * self.weights.size * self.base.worth):
                return False
        return True

    def holds_mean(self, values: Floats, order: NDArray[np.int64] | None = None) -> bool:
        """Whether mean and 95 % interval of a quantity may be told from these draws."""
        if self.unchanged:
            return True
        if not self.sound:
            return False
        k_hat = self._tail(values - weighted_sum(self.weights, values))
        low, _, high = weighted_quantiles(values, self.weights, order)
        return k_hat <= MAX_WEIGHTED_K_HAT and all(
            self._effective_on(side) >= FEWEST_IN_TAIL for side in (values <= low, values >= high)
        )

    def holds_rare(self, values: Floats) -> bool:
        """Whether a mean of values from 0 to 1 may be told that is close to 0 or 1, such as a tail probability."""
        if self.unchanged:
            return True
        if not self.sound:
            return False
        values = values if weighted_sum(self.weights, values) < 0.5 else 1 - values
        return self.carries(values) and self.holds_mean(values)

    def carries(self, values: Floats) -> bool:
        """Whether 50 effective draws or more make up the mean of values that are not negative."""
        carried = self.weights * values
        total = self._squares(carried)
        return total > 0 and float(carried.sum()) ** 2 / total * self.base.worth >= FEWEST

    @cached_property
    def _largest(self) -> float:
        """The largest weight of one point, in effective draws."""
        return float(self.base.by_point(self.weights).max()) / self.base.worth

    def _effective_on(self, side: Event) -> float:
        """Kish's effective size of the draws on one side."""
        part = np.where(side, self.weights, 0.0)
        total = self._squares(part)
        return self.base.worth * float(part.sum()) ** 2 / total if total else 0.0

    def _squares(self, parts: Floats) -> float:
        """Sum of squares of independent parts. Resampling made as many draws as the points are worth, so that draws
        that share one may pass for independent, unless another weight is put on them.
        """
        return float(((parts if self.unchanged else self.base.by_point(parts)) ** 2).sum())


def summary(
    draws: WeightedDraws, label: str, difference: Floats | None = None, log_odds_ratio: Floats | None = None
) -> Changed | None:
    """The quantities of `Changed` from weighted draws; None where they cannot stand for every one of them.

    Parameters
    ----------
    draws : WeightedDraws
    label : str
    difference, log_odds_ratio : array, shape (draws,), optional
        The risk difference and the conditional log odds ratio where the change is one of the estimand as well.
    """
    base = draws.base
    quantities, orders, benefit = dict(base.quantities), dict(base.orders), base.benefit
    for name, values in (("risk_difference", difference), ("conditional_log_odds_ratio", log_odds_ratio)):
        if values is not None:
            quantities[name], orders[name] = values, np.argsort(values)
    if difference is not None:
        benefit = base.posterior.provenance.end_point.sign * difference > 0
    if not draws.holds_chance(benefit) or float((quantities["risk_difference"] == 0).mean()) > MAX_LOST:
        return None
    if not all(draws.holds_mean(values, orders[name]) for name, values in quantities.items()):
        return None
    estimates = {name: draws.estimate(values, orders[name]) for name, values in quantities.items()}
    return Changed(label, estimates, *draws.chance(benefit), draws.k_hat, draws.effective, refitted=False)


def of_refit(refit: Posterior, label: str, k_hat: float) -> Changed:
    """A fit under the change in place of weighted draws; no probability where its diagnostics fail."""
    base = BaseDraws(refit)
    if not refit.verdict.ok:
        nothing = dict.fromkeys(base.quantities, Estimate(np.nan, np.nan))
        why = refit.verdict.text
        return Changed(label, nothing, np.nan, np.nan, k_hat, np.nan, refitted=True, ok=False, reason=why)
    found = summary(WeightedDraws(base), label)
    assert found is not None  # draws without weights stand for themselves
    return replace(found, k_hat=k_hat, refitted=True)
