"""Conflict p-values: whether a site fits what the model, fitted without it, expects of a new site of its size.

Marshall and Spiegelhalter 2007 (Bayesian Analysis 2:409-444), in the cross-validatory mixed predictive form: the
posterior without the site, a new site's effects drawn from the model, and counts of the site's size drawn given these.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.arguments import checked
from bayes_lupil.cards import Brief
from bayes_lupil.errors import InputError, UnsupportedModelError
from bayes_lupil.likelihoods import BinomialCells
from bayes_lupil.posterior import Posterior
from bayes_lupil.posterior.diagnostics import UNSEEN
from bayes_lupil.posterior.estimates import weighted_sum
from bayes_lupil.posterior.own_trial import own_trial
from bayes_lupil.sensitivity import Deletion, deletions
from bayes_lupil.sensitivity.reweighting import BaseDraws, WeightedDraws
from bayes_lupil.sites.influence import site_cells

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["LEVEL", "Conflict", "Conflicts", "NewSites", "SiteConflict", "adjust", "columns", "conflict_p_values"]

Floats = NDArray[np.float64]

LEVEL = 0.05
"""Two-sided p-values up to here are called a conflict."""
_EACH = 4  # new sites for each draw of the shared parameters
_STREAM = 2007
_NAMED = 5  # sites in conflict that are told by name


@dataclass(frozen=True)
class Conflict:
    """A two-sided mid-p-value.

    Attributes
    ----------
    p, mcse : float
        Twice the smaller of P(Y < y) + P(Y = y) / 2 and P(Y > y) + P(Y = y) / 2, with its Monte Carlo standard error;
        NaN where the diagnostics fail.
    smallest : float
        The smallest p that any outcome at a site of that size could have had.
    by_chance : float
        How often p is 0.05 or less at a site of that size which is drawn from the model, about (from simulated counts):
        0.05 at large sites, less at small ones, whose p-values are few.
    adjusted : float or None
        By Benjamini and Hochberg over the sites tested, for the same quantity; None for a site whose smallest p is
        above 0.05, which can show no conflict and is not counted among those tested.
    """

    p: float
    mcse: float
    smallest: float
    by_chance: float
    adjusted: float | None = None

    @property
    def testable(self) -> bool:
        """Whether any outcome could have shown a conflict."""
        return self.smallest <= LEVEL

    @property
    def reading(self) -> str:
        """In plain words."""
        if np.isnan(self.p):
            return "not known"
        if not self.testable:
            return "too small to tell"
        return "conflict" if self.p <= LEVEL else "no conflict"


@dataclass(frozen=True)
class SiteConflict:
    """Conflict p-values of one site.

    Attributes
    ----------
    control, active, difference : Conflict or None
        Of the responders in the control arm, in the active arm, and of the difference of rates; None where an arm that
        is needed has no patients.
    k_hat : float
        Of the weights that leave the site out.
    refitted : bool
        Whether the model was fitted without the site, because weighted draws could not carry that.
    """

    site: str
    control: Conflict | None
    active: Conflict | None
    difference: Conflict | None
    k_hat: float
    refitted: bool


@dataclass(frozen=True)
class Conflicts(Brief):
    """Conflict p-values of all sites."""

    sites: tuple[SiteConflict, ...]

    def found(self, quantity: str) -> int:
        """Number of sites in conflict in 'control', 'active' or 'difference', before adjustment."""
        return sum(item.reading == "conflict" for item in self._of(quantity))

    def tested(self, quantity: str) -> int:
        """Number of sites whose size lets a conflict show."""
        return sum(item.testable and not np.isnan(item.p) for item in self._of(quantity))

    def expected(self, quantity: str) -> float:
        """Number of conflicts expected where all sites come from the model, about."""
        return float(sum(item.by_chance for item in self._of(quantity) if not np.isnan(item.p)))

    def _of(self, quantity: str) -> list[Conflict]:
        return [item for site in self.sites if (item := getattr(site, quantity)) is not None]

    @property
    def reading(self) -> str:
        """In plain words, a sentence for each quantity."""
        words = {"control": "the control arm", "active": "the active arm", "difference": "the difference of rates"}
        lines, adjusted = [], False
        for name, text in words.items():
            named = [(site.site, item) for site in self.sites if (item := getattr(site, name)) is not None]
            sites = [
                f"{site} (p {item.p:.3f}, adjusted {item.adjusted:.3f})"
                for site, item in named
                if item.reading == "conflict" and item.adjusted is not None
            ]
            which = f": {', '.join(sites)}" if 0 < len(sites) <= _NAMED else ""
            adjusted |= bool(which)
            small = sum(not item.testable for _, item in named)
            too_small = f"; {small} more are too small to tell" if small else ""
            lines.append(
                f"In {text} {self.found(name)} of {self.tested(name)} sites conflict with the others (about "
                f"{self.expected(name):.1f} expected by chance){which}{too_small}."
            )
        how = " Adjusted: by Benjamini and Hochberg over the sites of that sentence." if adjusted else ""
        return " ".join(lines) + how

    def to_frame(self) -> pd.DataFrame:
        """One row a site: p, error, smallest possible p, adjusted p and reading for each quantity."""
        import pandas as pd

        rows = []
        for site in self.sites:
            row: dict[str, object] = {"site": site.site}
            for name in ("control", "active", "difference"):
                row |= columns(name, getattr(site, name))
            rows.append(row | {"k_hat": site.k_hat, "refitted": site.refitted})
        return pd.DataFrame(rows).set_index("site")


def columns(name: str, item: Conflict | None) -> dict[str, object]:
    """The cells that one p-value takes in a table."""
    values = {field.name: getattr(item, field.name, None) for field in fields(Conflict)}
    cells = {key: np.nan if value is None else value for key, value in values.items()}
    cells["reading"] = "no patients" if item is None else item.reading
    return {f"conflict_{name}_{key}": value for key, value in cells.items()}


@own_trial
@checked
def conflict_p_values(posterior: Posterior, *, refit: bool = True) -> Conflicts:
    """Conflict p-values of every site.

    A site of a model whose site effects have heavy tails, or are contaminated, conflicts less: such a model expects
    some sites far out. The mid-p-value of a small site is discrete, and that of a tiny one can never be small: look at
    `Conflict.smallest`.

    Parameters
    ----------
    posterior : Posterior
        From either engine, of a trial of two sites or more.
    refit : bool
        Whether the model is fitted without those sites that weighted draws cannot leave out; their p-values are NaN if
        not.

    Raises
    ------
    UnsupportedModelError
        Where the trial has no site table, the model no sites, or nothing that a new site's log odds could be drawn from
        (fixed intercepts or effects).
    InputError
        Where its diagnostics failed, or there is one site only.
    """
    new = NewSites(posterior)
    return Conflicts(adjust(new.conflict(deletion) for deletion in deletions(posterior, refit)))


def adjust(found: Iterable[SiteConflict]) -> tuple[SiteConflict, ...]:
    """With p-values adjusted over the sites whose size lets a conflict show (Benjamini and Hochberg 1995).

    Sites are chosen for it by the smallest p that they could have had, not by their p, in the spirit of Gilbert 2005
    (Appl Stat 54:143-158); the others would only make it blunt. The control of false discoveries is approximate: mid-p
    values are not conservative, and the sites' p-values share the other sites' data.
    """
    from scipy.stats import false_discovery_control

    sites = list(found)
    for name in ("control", "active", "difference"):
        items = [(i, item) for i, site in enumerate(sites) if (item := getattr(site, name)) is not None]
        tested = [(i, item) for i, item in items if item.testable and not np.isnan(item.p)]
        if tested:
            values = false_discovery_control([item.p for _, item in tested])
            for (i, item), value in zip(tested, values, strict=True):
                sites[i] = replace(sites[i], **{name: replace(item, adjusted=float(value))})
    return tuple(sites)


class NewSites:
    """New sites drawn from the model at every draw of a posterior.

    Raises
    ------
    UnsupportedModelError, InputError
        As `conflict_p_values`.
    """

    def __init__(self, posterior: Posterior) -> None:
        likelihood = site_cells(posterior)
        names = likelihood.site_names
        if len(names) < 2:
            raise InputError("conflict p-values", "one site", "two sites or more")
        self.posterior = posterior
        self._cells = likelihood.cells
        self._index = {name: s for s, name in enumerate(names)}
        self._p = _new_site(posterior, likelihood)

    def conflict(self, deletion: Deletion) -> SiteConflict:
        """The p-values of the site that is left out."""
        s = self._index[deletion.site]
        n = self._cells.n[s]
        nothing = Conflict(np.nan, np.nan, np.nan, np.nan)
        arms = [nothing if n[a] else None for a in (0, 1)]
        refitted, found = False, None
        if not deletion.impossible:
            found = self._p_values(deletion.draws, self._p, s)
            if found is None and deletion.refit is not None:
                refitted = True
                if deletion.refit.verdict.ok:
                    likelihood = deletion.refit.likelihood
                    assert isinstance(likelihood, BinomialCells)  # as of the whole trial
                    again = WeightedDraws(BaseDraws(deletion.refit))
                    found = self._p_values(again, _new_site(deletion.refit, likelihood), s)
        control, active, difference = found or (arms[0], arms[1], nothing if n.all() else None)
        return SiteConflict(deletion.site, control, active, difference, deletion.draws.k_hat, refitted)

    def _p_values(self, draws: WeightedDraws, p: Floats, s: int) -> tuple[Conflict | None, ...] | None:
        """Of control, active and difference; None where the weighted draws cannot tell one of them."""
        y, n = self._cells.responders[s], self._cells.n[s]
        stream = np.random.SeedSequence(self.posterior.spec.sampler.seed, spawn_key=(_STREAM, s))
        again = np.random.default_rng(stream).binomial(n, p)
        lower: list[Floats | None] = [_lower_tail(y[a], n[a], p[..., a]) if n[a] else None for a in (0, 1)]
        lower.append(_lower_tail_of_difference(y, n, p, again[..., 0]) if n.all() else None)
        if not all(draws.holds_rare(tail.mean(axis=1)) for tail in lower if tail is not None):
            return None
        (none_0, none_1), (all_0, all_1) = ([q[..., a] ** n[a] for a in (0, 1)] for q in (1 - p, p))
        ends = [(none_0, all_0), (none_1, all_1), (none_1 * all_0, all_1 * none_0)]
        shown = [again[..., 0], again[..., 1], again[..., 1] * n[0] - again[..., 0] * n[1]]
        return tuple(
            None if tail is None else _conflict(tail, end, outcome, draws)
            for tail, end, outcome in zip(lower, ends, shown, strict=True)
        )


def _new_site(posterior: Posterior, likelihood: BinomialCells) -> Floats:
    """Response probabilities of new sites, shape (draws, new sites of each, 2)."""
    from scipy.special import expit

    sites = likelihood.spec.sites
    if "fixed" in (sites.intercepts, sites.effects):
        part = "intercepts" if sites.intercepts == "fixed" else "effects"
        raise UnsupportedModelError(
            f"model '{likelihood.spec.name}'", f"sites.{part} = 'fixed', which say nothing of a new site",
            "partially pooled or pooled intercepts and effects",
        )  # fmt: skip
    shared = [item.name for item in likelihood.parameters if not item.dims]
    values = {name: np.repeat(posterior.draws(name).reshape(-1, 1), _EACH, axis=1) for name in shared}
    rng = np.random.default_rng(np.random.SeedSequence(posterior.spec.sampler.seed, spawn_key=(_STREAM,)))
    return np.asarray(expit(likelihood.sites.new_site(values, rng)["linear_predictor"]))


def _conflict(lower: Floats, ends: tuple[Floats, Floats], again: NDArray[np.int64], draws: WeightedDraws) -> Conflict:
    """From P(Y < y) + P(Y = y) / 2, the chances of the lowest and highest outcome, and an outcome, at every new site.

    The mid-p of the lowest outcome, twice half its own probability, is that probability, and no other outcome below
    the middle has a smaller one; likewise at the top.
    """
    weights = draws.weights
    by_draw = lower.mean(axis=1)
    # each tail by itself: 1 less the other has lost its digits where it is small
    tail, rarer = min(
        ((weighted_sum(weights, side), side) for side in (by_draw, 1 - by_draw)), key=lambda pair: pair[0]
    )
    error = draws.error(weights * (rarer - tail))
    if not draws.carries(rarer):  # few draws make it, and some that nobody saw may make more
        error = float(np.hypot(error, np.sqrt(UNSEEN) * weights.max()))
    smallest = min(weighted_sum(weights, end.mean(axis=1)) for end in ends)
    _, which = np.unique(again, return_inverse=True)
    chance = np.bincount(which.ravel(), np.repeat(weights / again.shape[1], again.shape[1]))
    middle = np.cumsum(chance) - chance / 2
    by_chance = float(chance[np.minimum(middle, 1 - middle) <= LEVEL / 2].sum())
    return Conflict(min(max(2 * tail, 0.0), 1.0), 2 * error, smallest, by_chance)


def _lower_tail(y: int, n: int, p: Floats) -> Floats:
    """P(Y < y) + P(Y = y) / 2 of a binomial count, exactly."""
    return (_cdf(np.asarray(y - 1), n, p) + _cdf(np.asarray(y), n, p)) / 2


def _lower_tail_of_difference(
    y: NDArray[np.int64], n: NDArray[np.int64], p: Floats, control: NDArray[np.int64]
) -> Floats:
    """P(D < d) + P(D = d) / 2 of the difference of two rates, exactly given a drawn count of the control arm."""
    equal = y[1] * n[0] + (control - y[0]) * n[1]  # n_0 times the active arm's count that makes D = d; whole numbers
    return (_cdf((equal - 1) // n[0], n[1], p[..., 1]) + _cdf(equal // n[0], n[1], p[..., 1])) / 2


def _cdf(k: NDArray[np.int64], n: int, p: Floats) -> Floats:
    """P(Y <= k) for any whole k; not `scipy.stats.binom`, which takes several times as long."""
    from scipy.special import betainc

    inside = np.clip(k, 0, n - 1)
    return np.asarray(np.where(k < 0, 0.0, np.where(k >= n, 1.0, betainc(n - inside, inside + 1.0, 1 - p))))
