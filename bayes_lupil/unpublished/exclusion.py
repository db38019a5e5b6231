"""From 'excluded sites kept' to 'left out', for a trial known by its margins, if the unpublished counts were known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.arguments import checked
from bayes_lupil.engines import run_engine
from bayes_lupil.errors import InputError
from bayes_lupil.likelihoods import MarginsLikelihood
from bayes_lupil.posterior import Posterior
from bayes_lupil.posterior.own_trial import own_trial
from bayes_lupil.sensitivity.reweighting import BaseDraws
from bayes_lupil.trials.margins import Margins
from bayes_lupil.unpublished.conditional import hidden_classes, margins_of, quicker, weigh

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["POWERS", "PathPoint", "margins_path", "path_frame"]

POWERS = (1.0, 0.75, 0.5, 0.25, 0.0)


@dataclass(frozen=True)
class PathPoint:
    """One power of the likelihood of the patients at the excluded sites.

    Attributes
    ----------
    power : float
        1 keeps these patients, 0 leaves them out.
    p_benefit, p_benefit_mcse : float
        About the marginal risk difference over all sites. NaN where the diagnostics of a refit fail.
    risk_difference, risk_difference_mcse : float
        Posterior mean over all sites, active minus control.
    risk_difference_ordinary, risk_difference_ordinary_mcse : float
        At the ordinary sites alone. At power 0 the excluded sites count as having had next to no patients, and this
        is the intention-to-treat effect without them.
    p_ordinary, p_ordinary_mcse : float
        P(benefit) there.
    k_hat, effective : float
        Of the weights; k-hat is minus infinity for a refit.
    refitted : bool
    """

    power: float
    p_benefit: float
    p_benefit_mcse: float
    risk_difference: float
    risk_difference_mcse: float
    risk_difference_ordinary: float
    risk_difference_ordinary_mcse: float
    p_ordinary: float
    p_ordinary_mcse: float
    k_hat: float
    effective: float
    refitted: bool


@own_trial
@checked
def margins_path(
    posterior: Posterior,
    known: Mapping[str, int],
    *,
    powers: Iterable[float] = POWERS,
    refit_draws: int = 2000,
) -> tuple[PathPoint, ...]:
    """P(benefit) and risk differences as the patients at the excluded sites count less and less.

    Every unpublished count must be given: only then is it known whose likelihood loses weight. With their outcomes,
    what these patients say of their sites' share goes too.

    Parameters
    ----------
    posterior : Posterior
        Of a trial known by its margins, as published; its model is fitted again with the counts.
    known : dict of str to int
        All unpublished counts by name, as `UnpublishedCounts` names them.
    powers : iterable of float
        Between 0 and 1.
    refit_draws : int
        Draws a chain of each fit.

    Raises
    ------
    UnsupportedModelError
        Where the trial is not known by its margins.
    InputError
        For counts or powers that are missing or impossible; where the diagnostics of the posterior failed.
    """
    margins, trial = margins_of(posterior), posterior.trial
    counts = hidden_classes(margins, trial.arms.names)
    if set(known) != {c.name for c in counts}:
        raise InputError("known counts", ", ".join(known) or "none", ", ".join(c.name for c in counts))
    wanted = tuple(powers)
    if not all(0 <= power <= 1 for power in wanted):
        raise InputError("powers", ", ".join(f"{power:g}" for power in wanted), "numbers between 0 and 1")
    there = tuple((c.arm, c.response, known[c.name]) for c in counts)
    divided = replace(margins, at_excluded=(*margins.at_excluded, *there))
    spec = quicker(posterior.spec, refit_draws)
    published = replace(trial, data=divided)

    def fitted(power: float) -> Posterior:
        likelihood = MarginsLikelihood(spec, divided, excluded_power=power)
        return Posterior.from_draws(likelihood, run_engine(likelihood), published)

    kept = fitted(1.0)
    at_excluded = _log_likelihood_there(kept, divided)
    found = []
    for power in wanted:
        weighted = weigh(BaseDraws(kept), (power - 1) * at_excluded) if kept.verdict.ok else None
        refit = None if weighted is not None or power == 1 else fitted(power)
        if refit is not None and refit.verdict.ok:
            weighted = weigh(BaseDraws(refit), np.zeros(at_excluded.size))
        if weighted is None:
            no = np.nan
            found.append(PathPoint(power, no, no, no, no, no, no, no, no, no, no, refitted=refit is not None))
            continue
        w = weighted
        found.append(
            PathPoint(
                power, w.p_benefit, w.p_benefit_mcse, w.risk_difference, w.risk_difference_mcse,
                w.risk_difference_ordinary, w.risk_difference_ordinary_mcse, w.p_ordinary, w.p_ordinary_mcse,
                w.k_hat, w.effective,
                refitted=refit is not None,
            )
        )  # fmt: skip
    return tuple(found)


def path_frame(points: Iterable[PathPoint]) -> pd.DataFrame:
    """One row a power."""
    import pandas as pd

    return pd.DataFrame([asdict(point) for point in points]).set_index("power")


def _log_likelihood_there(posterior: Posterior, margins: Margins) -> NDArray[np.float64]:
    """Log likelihood of the patients known to be at the excluded sites, shape (draws,)."""
    from scipy.special import logit

    likelihood = MarginsLikelihood(posterior.spec, margins)
    values = {name: posterior.draws(name) for name in ("site_share", "retention")}
    chance = likelihood.class_log_probability_at(np.clip(logit(posterior.draws("p")), -40, 40), values)
    there = np.array([item.must_be_excluded for item in margins.classes])
    total: NDArray[np.float64] = (chance[..., there] * likelihood.counts[there]).sum(axis=-1).ravel()
    return total
