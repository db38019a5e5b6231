"""Draws of a margins posterior as seen by the unpublished counts: what each count would be, and what it would change.

A class of m patients of whom each is at an excluded site with probability q has, given the parameters, a
Binomial(m, q) number of patients there (`HiddenCount`). A posterior in which some of these numbers are known therefore
differs from one in which they are not by a product of binomial probabilities, and draws of the one are draws of the
other with these as weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bayes_lupil.errors import UnsupportedModelError
from bayes_lupil.posterior import Posterior
from bayes_lupil.posterior.estimates import Estimate
from bayes_lupil.sensitivity.preconditions import check
from bayes_lupil.sensitivity.reweighting import BaseDraws, WeightedDraws
from bayes_lupil.spec import ModelSpec
from bayes_lupil.trials.margins import Margins

__all__ = [
    "Answer", "HiddenCount", "HiddenDraws", "Weighted", "hidden_classes", "margins_of", "quicker", "thinned", "weigh",
]  # fmt: skip

Floats = NDArray[np.float64]
Known = Mapping[str, int]
_PART = 2000  # draws at a time, for the memory and its caches
_TINY = 1e-300  # where a probability is 0, so that its log is a number


@dataclass(frozen=True)
class HiddenCount:
    """How many patients of one class are at the excluded sites, which was not published.

    Attributes
    ----------
    name : str
        'control_responders', 'active_nonresponders', ...
    label : str
        With the arm's own name, for tables and figures.
    arm, response : int
        0 control, 1 active; 1 responder, 0 not.
    least, most : int
        Smallest and largest number that the publication allows. `least` is 1 where it says that every patient of the
        arm at the excluded sites had this response, which implies that there was one; else 0. `most` is the size of
        the class.
    """

    name: str
    label: str
    arm: int
    response: int
    least: int
    most: int

    @property
    def values(self) -> range:
        """Every number that the publication allows."""
        return range(self.least, self.most + 1)


def margins_of(posterior: Posterior, found: str = "no unpublished counts") -> Margins:
    """The margins that a posterior is of; refused where there are none, the model has no sites, or `check` refuses.

    Parameters
    ----------
    found : str
        What there is none of, for the message.
    """
    margins = posterior.analysis_set.data
    if not isinstance(margins, Margins) or "site_share" not in posterior.data["posterior"]:
        where = f"model '{posterior.spec.name}', trial '{posterior.provenance.trial}'"
        raise UnsupportedModelError(where, found, "a model with sites and a trial known by its margins")
    check(posterior)
    return margins


def hidden_classes(margins: Margins, arms: tuple[str, str]) -> tuple[HiddenCount, ...]:
    """The unpublished counts of a trial known by its margins, control first; classes without patients left out."""
    found = []
    for item in margins.classes:
        if not item.may_be_excluded or item.must_be_excluded or item.count == 0:
            continue
        word = ("non-responders", "responders")[item.response]
        name = f"{('control', 'active')[item.arm]}_{word.replace('-', '')}"
        everyone = (item.arm, 1 - item.response) in margins.impossible_at_excluded
        found.append(HiddenCount(name, f"{arms[item.arm]} {word}", item.arm, item.response, int(everyone), item.count))
    return tuple(found)


def quicker(spec: ModelSpec, draws: int) -> ModelSpec:
    """The model with at most so many draws a chain, by whichever engine: what a refit needs."""
    fewer = min(draws, spec.sampler.draws)
    points = min(spec.sampler.points, 1 << (spec.sampler.chains * fewer - 1).bit_length())
    return spec.edited(sampler__draws=fewer, sampler__points=points)


def thinned(posterior: Posterior, most: int) -> Posterior:
    """The first of its draws, at most so many in all: those of one chain are in no order, or one after another.

    For what is computed thousands of times, as at every value of several unpublished counts.
    """
    chains, draws = posterior.draws("risk_difference").shape
    fewer = most // chains
    if draws <= fewer:
        return posterior

    def first(group: xr.Dataset) -> xr.Dataset:
        return group.isel(draw=slice(0, fewer)) if group.sizes.get("draw") == draws else group

    tree = xr.DataTree.from_dict({name: first(group.to_dataset()) for name, group in posterior.data.children.items()})
    return replace(posterior, data=tree)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """P(benefit) and risk differences with Monte Carlo standard errors; NaN where they could not be computed.

    Attributes
    ----------
    p_benefit, p_benefit_mcse : float
        About the marginal risk difference over all sites, the excluded ones included.
    risk_difference, risk_difference_mcse : float
        Posterior mean, active minus control, over all sites.
    risk_difference_ordinary, risk_difference_ordinary_mcse : float
        The same at the ordinary sites alone.
    p_ordinary, p_ordinary_mcse : float
        P(benefit) there.
    k_hat, effective : float
        Of the weights, and the draws that the answer is worth; k-hat is minus infinity where no draw is weighted.
    """

    p_benefit: float = np.nan
    p_benefit_mcse: float = np.nan
    risk_difference: float = np.nan
    risk_difference_mcse: float = np.nan
    risk_difference_ordinary: float = np.nan
    risk_difference_ordinary_mcse: float = np.nan
    p_ordinary: float = np.nan
    p_ordinary_mcse: float = np.nan
    k_hat: float = np.nan
    effective: float = np.nan

    @property
    def computed(self) -> bool:
        """Whether there is a P(benefit)."""
        return bool(np.isfinite(self.p_benefit))

    @classmethod
    def names(cls) -> list[str]:
        """Of the numbers that every answer has."""
        return [item.name for item in fields(Answer)]

    @property
    def numbers(self) -> dict[str, float]:
        """The numbers that every answer has, by name."""
        return {name: getattr(self, name) for name in self.names()}


@dataclass(frozen=True, kw_only=True)
class Weighted(Answer):
    """The answer of weighted draws.

    Attributes
    ----------
    influence : array, shape (chain, draw)
        What each draw adds to P(benefit); its mean is 0, its Monte Carlo error that of P(benefit).
    """

    influence: Floats


def weigh(draws: WeightedDraws) -> Weighted | None:
    """P(benefit) and risk differences under weights; None where the draws cannot stand for one of them."""
    benefit = draws.base.benefit
    # of the ordinary sites alone, which may leave next to no draw on one side, the error tells what nobody saw
    if not (draws.sound and draws.holds_chance(benefit)):
        return None
    sign = draws.base.posterior.provenance.end_point.sign
    numbers = {"k_hat": draws.k_hat, "effective": draws.effective}
    for chance, mean, name in (
        ("p_benefit", "risk_difference", "risk_difference"),
        ("p_ordinary", "risk_difference_ordinary", "risk_difference_ordinary_sites"),
    ):
        values = draws.base.values(name)
        numbers |= Estimate(*draws.chance(sign * values > 0)).columns(chance)
        numbers |= Estimate(*draws.mean(values)).columns(mean)
    influence = draws.weights.size * draws.weights * (benefit - numbers["p_benefit"])
    return Weighted(**numbers, influence=influence.reshape(draws.base.shape))


@dataclass(frozen=True, eq=False)
class HiddenDraws:
    """A posterior in which the counts `known` are known, and what it takes to make others of it.

    Attributes
    ----------
    counts : tuple of HiddenCount
        All that are unknown in the trial as published.
    known : dict of str to int
        Those that this posterior was fitted with; empty for the trial as published.
    """

    posterior: Posterior
    margins: Margins
    counts: tuple[HiddenCount, ...]
    known: Known

    @cached_property
    def base(self) -> BaseDraws:
        """What all weights of these draws share."""
        return BaseDraws(self.posterior)

    @cached_property
    def log_odds(self) -> dict[str, Floats]:
        """Log odds that a patient outside the subset of each class is at an excluded site, shape (draws,).

        With shares pi_s of the sites, responders' probabilities p_sa, and the chance rho_ar to stay in the subset,

            log sum over excluded sites of pi_s p_sa^r (1 - p_sa)^(1-r) / ((1 - rho_ar) the same over ordinary sites).
        """
        draws = {name: self.posterior.draws(name) for name in ("p", "site_share", "retention")}
        p, share, kept = (value.reshape(self.base.size, *value.shape[2:]) for value in draws.values())
        first = len(self.margins.excluded_sites)  # the excluded sites come first
        found = {}
        for c in self.counts:
            chance = share * (p[..., c.arm] if c.response else 1 - p[..., c.arm])
            there, elsewhere = (part.sum(axis=1) for part in (chance[:, :first], chance[:, first:]))
            elsewhere *= 1 - kept[:, c.arm, c.response]
            found[c.name] = np.log(np.maximum(there, _TINY)) - np.log(np.maximum(elsewhere, _TINY))
        return found

    @cached_property
    def log_chances(self) -> dict[str, Floats]:
        """Log probability of each number of patients 0..most of each class, shape (most + 1, draws)."""
        from scipy.special import gammaln, log_expit

        found = {}
        for c in self.counts:
            there, elsewhere = log_expit(self.log_odds[c.name]), log_expit(-self.log_odds[c.name])
            i = np.arange(c.most + 1)[:, None]
            ways = gammaln(c.most + 1) - gammaln(i + 1) - gammaln(c.most - i + 1)
            found[c.name] = ways + i * there + (c.most - i) * elsewhere
        return found

    @cached_property
    def chances(self) -> dict[str, Floats]:
        """Probability of each number of patients that the publication allows of each class, shape (values, draws)."""
        return {c.name: np.exp(self.log_chances[c.name][c.least :]) for c in self.counts}

    @cached_property
    def log_implied(self) -> dict[str, Floats]:
        """Log probability that each count is at least as large as the publication implies, shape (draws,)."""
        none = {c.name: self.log_chances[c.name][0] for c in self.counts}
        return {
            c.name: np.log(-np.expm1(none[c.name])) if c.least else np.zeros_like(none[c.name]) for c in self.counts
        }

    def log_ratio(self, known: Known) -> Floats:
        """Log of the weights that make this the posterior in which `known` are known, up to a constant, (draws,).

        What the publication implies of the other counts is conditioned on.
        """
        total = np.zeros(self.base.size)
        for c in self.counts:
            wanted, here = known.get(c.name), self.known.get(c.name)
            if wanted is not None and wanted == here:
                continue  # so that what is the same on both sides leaves no rounding behind
            total += self.log_implied[c.name] if wanted is None else self.log_chances[c.name][wanted]
            total -= 0.0 if here is None else self.log_chances[c.name][here]
        return total

    def rough_effective(self, known: Known) -> float:
        """Effective draws of the raw weights: quick, for choosing between posteriors."""
        at = tuple(c.values.index(known[c.name]) for c in self.counts if c.name in known)
        names = tuple(known)
        if names not in self._rough:
            self._rough[names] = self._rough_effective(names)
        return float(self._rough[names][at])

    @cached_property
    def _rough(self) -> dict[tuple[str, ...], Floats]:
        return {}

    def _rough_effective(self, names: tuple[str, ...]) -> Floats:
        """The same, (sum w)^2 / sum w^2, at every value of some counts, one axis a count.

        A weight is a product with a factor for each count, so sums over draws are products of matrices.
        """
        rest, factors = np.zeros(self.base.size), []
        for c in self.counts:
            here = self.log_chances[c.name][self.known[c.name]] if c.name in self.known else 0.0
            if c.name in names:
                logs = self.log_chances[c.name][c.least :] - here
                factors.append(np.exp(logs - logs.max(axis=1, keepdims=True)))
            else:
                rest += self.log_implied[c.name] - here
        factors[0] *= np.exp(rest - rest.max())
        sums = [np.zeros([len(factor) for factor in factors]) for _ in (1, 2)]
        for start in range(0, rest.size, _PART):
            for power, total in enumerate(sums, start=1):
                *others, last = (factor[:, start : start + _PART] ** power for factor in factors)
                value = np.ones((1, last.shape[1]))
                for factor in others:
                    value = (value[:, None] * factor).reshape(-1, factor.shape[1])
                total += (value @ last.T).reshape(total.shape)
        with np.errstate(invalid="ignore"):
            return np.asarray(np.nan_to_num(sums[0] ** 2 / sums[1]))

    def reweighted(self, known: Known) -> Weighted | None:
        """P(benefit) and risk differences if `known` were known; None where the draws cannot carry it."""
        return weigh(WeightedDraws(self.base, self.log_ratio(known)))

    def probability(self, known: Known) -> tuple[float, float]:
        """Posterior probability of counts, given what the publication implies, and its Monte Carlo error."""
        return self.ratio(np.exp(self.log_ratio(known)))

    def expect(self, names: tuple[str, ...], table: Floats) -> tuple[float, float]:
        """Posterior mean of a function of counts, given what the publication implies, and its Monte Carlo error.

        Of a posterior in which no count is known.

        Parameters
        ----------
        names : tuple of str
            The counts, one an axis of `table`.
        table : array
            The function at every allowed number of each count.
        """
        return self.ratio(self.chance(names, table))

    def chance(self, names: tuple[str, ...], table: Floats) -> Floats:
        """Sum over the counts of a function times their probability at each draw, and what is implied of the others.

        Parameters
        ----------
        names, table
            See `expect`.

        Returns
        -------
        array, shape (draws,)
        """
        top = np.empty(self.base.size)
        for start in range(0, top.size, _PART):
            part = slice(start, start + _PART)
            *others, last = (self.chances[name][:, part] for name in names)
            value = table @ last
            for chance in reversed(others):
                value = np.einsum("...id,id->...d", value, chance)
            rest = [self.log_implied[c.name][part] for c in self.counts if c.name not in names]
            top[part] = value * np.exp(sum(rest))
        return top

    def ratio(self, top: Floats, base: Floats | None = None) -> tuple[float, float]:
        """Mean of `top` over that of `base`, by default the chance of what is implied; error by the delta method."""
        below = self._implied if base is None else base
        mean = float(top.mean() / below.mean())
        around = (top - mean * below) / below.mean()
        return mean, 0.0 if np.abs(around).max() < 1e-12 else self.base.mean_error(around)

    @cached_property
    def _implied(self) -> Floats:
        return np.exp(self.log_ratio({}))
