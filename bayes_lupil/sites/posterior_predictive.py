"""Posterior predictive checks by site and arm: whether the model reproduces sites as extreme as those observed.

Statistics of the response rates over the sites with patients in an arm are held against those of replicated trials of
the same numbers of patients, of two kinds:

- 'same sites': each site keeps its own effects, which were fitted to it, so that the check is mild;
- 'new sites': each site's effects are drawn anew from the site distribution, which is what is checked (the mixed
  predictive of Marshall and Spiegelhalter 2007, Bayesian Analysis 2:409-444).

The p-values are mid-p values: ties, which small sites bring, count half. Since the shared parameters are fitted to the
same sites, p-values of either kind are closer to 1/2 than uniform ones (Meng 1994, Ann Statist 22:1142-1160).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.arguments import checked
from bayes_lupil.cards import Brief
from bayes_lupil.errors import InputError, UnsupportedModelError
from bayes_lupil.likelihoods import ARMS, BinomialCells
from bayes_lupil.posterior import Posterior
from bayes_lupil.posterior.diagnostics import UNSEEN, mcse_proportion
from bayes_lupil.posterior.own_trial import own_trial
from bayes_lupil.sensitivity.preconditions import site_table_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["STATISTICS", "PredictiveCheck", "PredictiveChecks", "predicted_by_site", "predictive_checks"]

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

STATISTICS = ("largest rate", "smallest rate", "all-responder sites", "no-responder sites", "SD of rates")
SAME, NEW = "same sites", "new sites"
_TAIL = 0.025


@dataclass(frozen=True)
class PredictiveCheck:
    """One statistic in one arm against its replicates.

    Attributes
    ----------
    statistic : str
        One of `STATISTICS`; rates as fractions, sites as counts.
    arm : {"control", "active"}
    replicates : {"same sites", "new sites"}
    observed : float
    q2_5, q50, q97_5 : float
        Quantiles of the replicates.
    p_low, p_high : float
        Mid-p values: the chance that a replicate is lower (higher) than what was observed, and half that of a tie.
    mcse : float
        Monte Carlo standard error of either.
    """

    statistic: str
    arm: str
    replicates: str
    observed: float
    q2_5: float
    q50: float
    q97_5: float
    p_low: float
    p_high: float
    mcse: float


@dataclass(frozen=True)
class PredictiveChecks(Brief):
    """Posterior predictive checks of one model.

    Attributes
    ----------
    checks : tuple of PredictiveCheck
    notes : tuple of str
        What small sites make impossible to see, and which replicates the model does not have, in words.
    model, trial, population : str
    synthetic : bool
        Whether the data are made up.
    """

    checks: tuple[PredictiveCheck, ...]
    notes: tuple[str, ...]
    model: str
    trial: str
    population: str
    synthetic: bool

    def get(self, statistic: str, arm: str, replicates: str = NEW) -> PredictiveCheck:
        """One of the checks.

        Raises
        ------
        InputError
            Where there is none of that name.
        """
        for item in self.checks:
            if (item.statistic, item.arm, item.replicates) == (statistic, arm, replicates):
                return item
        known = sorted({f"{item.statistic}, {item.arm}, {item.replicates}" for item in self.checks})
        raise InputError("predictive checks", f"'{statistic}, {arm}, {replicates}'", f"one of: {'; '.join(known)}")

    def to_frame(self) -> pd.DataFrame:
        """One row a statistic, arm and kind of replicates."""
        import pandas as pd

        return pd.DataFrame([asdict(item) for item in self.checks])


@own_trial
@checked
def predictive_checks(posterior: Posterior) -> PredictiveChecks:
    """Check rates by site and arm against replicates of the same sites and of new ones.

    Parameters
    ----------
    posterior : Posterior
        From either engine, of a trial with a site table. A model that pools all sites has no site distribution, and so
        replicates of the same sites alone; so has one whose levels are free at every site.

    Raises
    ------
    UnsupportedModelError
        Where the trial's site table is not known.
    InputError
        Where its diagnostics failed.
    """
    cells, spec = site_table_of(posterior, "look at single sites"), posterior.spec
    likelihood = BinomialCells(spec, cells)
    rng = np.random.default_rng(np.random.SeedSequence((spec.sampler.seed, 2)))  # no stream of the fit
    replicates = {SAME: _same_sites(posterior, likelihood, rng)}
    new = None if spec.sites.pooled else _new_sites(posterior, likelihood, rng)
    if new is not None:
        replicates[NEW] = new
    checks, notes = [], []
    for a, arm in enumerate(ARMS):
        observed = statistics_of_rates(cells.responders[:, a], cells.n[:, a])
        for kind, found in replicates.items():
            checks += [_compare(name, arm, kind, value, found[arm][name]) for name, value in observed.items()]
        kind = NEW if NEW in replicates else SAME
        notes += _unseen(arm, kind, cells.n[:, a], replicates[kind][arm])
    if NEW not in replicates:
        notes.append(f"model '{spec.name}' says nothing of new sites, so that there is no check of a site distribution")
    source = posterior.provenance
    return PredictiveChecks(
        tuple(checks), tuple(notes), spec.called, source.trial, source.population_label, source.synthetic
    )


def statistics_of_rates(y: Counts, n: Counts) -> dict[str, Floats]:
    """`STATISTICS` over the sites with patients.

    Parameters
    ----------
    y : array of int, shape (..., sites)
        Responders.
    n : array of int, shape (sites,)
        Patients.

    Returns
    -------
    dict of str to array, shape (...)
        Without the SD (with sites - 1 in the denominator) where only one site has patients.
    """
    y, n = np.asarray(y)[..., n > 0], n[n > 0]
    rates = y / n
    found = (
        rates.max(axis=-1), rates.min(axis=-1), (y == n).sum(axis=-1), (y == 0).sum(axis=-1),
        *((rates.std(axis=-1, ddof=1),) if n.size > 1 else ()),
    )  # fmt: skip
    return {name: np.asarray(value, dtype=float) for name, value in zip(STATISTICS, found, strict=False)}


@checked
def predicted_by_site(posterior: Posterior) -> pd.DataFrame:
    """What each site and arm would show again: quantiles of the count of responders, given the site's own effects.

    Returns
    -------
    DataFrame
        One row for each site and arm with patients: site, arm, n, responders, rate, and q2_5, q25, q50, q75, q97_5,
        counts that replicates take. One row an arm for a model that pools all sites.

    Raises
    ------
    UnsupportedModelError
        For a trial known by its margins, whose counts by site are not known.
    """
    import pandas as pd

    data = posterior.data
    if "n" not in data["constant_data"].data_vars or "site" not in data["posterior_predictive"].dims:
        raise UnsupportedModelError(
            f"posterior of trial '{posterior.provenance.trial}'", "no counts by site", "a trial with a site table"
        )
    n, y = (np.asarray(data[group][name].values) for group, name in (("constant_data", "n"), ("observed_data", "y")))
    again = np.asarray(data["posterior_predictive"]["y"].values)
    probs = {"q2_5": 0.025, "q25": 0.25, "q50": 0.5, "q75": 0.75, "q97_5": 0.975}
    quantiles = np.quantile(again.reshape(-1, *n.shape), list(probs.values()), axis=0, method="inverted_cdf")
    rows = [
        {
            "site": str(site), "arm": arm, "n": int(n[s, a]), "responders": int(y[s, a]), "rate": y[s, a] / n[s, a],
            **dict(zip(probs, map(int, quantiles[:, s, a]), strict=True)),
        }
        for s, site in enumerate(np.asarray(data["constant_data"]["site"]))
        for a, arm in enumerate(ARMS)
        if n[s, a]
    ]  # fmt: skip
    return pd.DataFrame(rows)


def _by_arm(y: Counts, n: Counts) -> dict[str, dict[str, Floats]]:
    return {arm: statistics_of_rates(y[..., a], n[:, a]) for a, arm in enumerate(ARMS)}


def _stacked(chains: list[dict[str, dict[str, Floats]]]) -> dict[str, dict[str, Floats]]:
    """Statistics of shape (chain, draw), by arm and name."""
    return {arm: {name: np.stack([c[arm][name] for c in chains]) for name in chains[0][arm]} for arm in ARMS}


def _same_sites(
    posterior: Posterior, likelihood: BinomialCells, rng: np.random.Generator
) -> dict[str, dict[str, Floats]]:
    n = likelihood.cells.n
    if posterior.spec.sites.pooled:  # the tree has replicates of arm totals
        p = posterior.draws("p")
        again = [rng.binomial(n, np.broadcast_to(chain, (chain.shape[0], *n.shape))) for chain in p]
    else:
        again = list(np.asarray(posterior.data["posterior_predictive"]["y"].values))
    return _stacked([_by_arm(chain, n) for chain in again])


def _new_sites(
    posterior: Posterior, likelihood: BinomialCells, rng: np.random.Generator
) -> dict[str, dict[str, Floats]] | None:
    """None where the model says nothing of the level of a new site."""
    theta = {item.name: posterior.draws(item.name) for item in likelihood.site_marginal.parameters}
    chains = []
    for c in range(posterior.draws("risk_difference").shape[0]):
        y = draw_new_sites(likelihood, {name: value[c] for name, value in theta.items()}, rng)
        if y is None:
            return None
        chains.append(_by_arm(y, likelihood.cells.n))
    return _stacked(chains)


def draw_new_sites(likelihood: BinomialCells, theta: Mapping[str, Floats], rng: np.random.Generator) -> Counts | None:
    """Responders at new sites of the trial's sizes, one trial for each draw of the parameters that sites share.

    Parameters
    ----------
    likelihood : BinomialCells
    theta : dict of str to array, shape (draws,)
    rng : numpy.random.Generator

    Returns
    -------
    array of int, shape (draws, sites, 2), or None
        None where the model says nothing of the level of a new site.
    """
    from scipy.special import expit

    n = likelihood.cells.n
    if "fixed" in (likelihood.spec.sites.intercepts, likelihood.spec.sites.effects):
        return None
    each = {name: np.repeat(value[:, None], n.shape[0], axis=1) for name, value in theta.items()}
    new = likelihood.sites.new_site(each, rng)
    return np.asarray(rng.binomial(n, expit(new["linear_predictor"])))


def _compare(statistic: str, arm: str, kind: str, observed: Floats, again: Floats) -> PredictiveCheck:
    """Mid-p values from replicates of shape (chain, draw)."""
    score = (again > observed) + 0.5 * (again == observed)
    p_high = float(score.mean())
    low, middle, high = (float(q) for q in np.quantile(again, [0.025, 0.5, 0.975], method="inverted_cdf"))
    return PredictiveCheck(
        statistic, arm, kind, float(observed), low, middle, high, 1 - p_high, p_high, _mcse_score(score)
    )


def _mcse_score(score: Floats) -> float:
    """Monte Carlo standard error of a mean of numbers from 0 to 1, shape (chain, draw).

    As `mcse_proportion`, to which it is equal where all are 0 or 1.
    """
    from arviz_stats.base import array_stats

    n = float(score.size) if np.ptp(score) == 0 else float(array_stats.ess(score, method="mean"))
    return float(np.sqrt((score.var() + UNSEEN / n) / n))


def _unseen(arm: str, kind: str, n: Counts, again: Mapping[str, Floats]) -> list[str]:
    """Where even the most extreme rate there is would be no surprise."""
    n, found = n[n > 0], []
    for statistic, word in (("all-responder sites", "everyone"), ("no-responder sites", "nobody")):
        event = again[statistic] > 0
        if 0.5 * event.mean() <= _TAIL:
            continue
        share, error = 100 * float(event.mean()), 100 * mcse_proportion(event, event.size)
        found.append(
            f"{arm} arm: with sites this small (median {np.median(n):g} patients in this arm, smallest {n.min()}), "
            f"{share:.1f} % (Monte Carlo error {error:.1f} %) of replicated trials of {kind} have one where {word} "
            f"responded, so that the most extreme rate cannot speak against the model here, however large its site"
        )
    return found
