"""From 'excluded sites kept' to 'left out', for a trial known by its margins, if the unpublished counts were known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.arguments import checked
from bayes_lupil.engines import run_engine
from bayes_lupil.errors import InputError
from bayes_lupil.likelihoods import MarginsLikelihood
from bayes_lupil.posterior import Posterior
from bayes_lupil.posterior.own_trial import own_trial
from bayes_lupil.sensitivity.exclusion_path import checked_powers, path_points
from bayes_lupil.sensitivity.reweighting import BaseDraws, WeightedDraws
from bayes_lupil.trials.margins import Margins
from bayes_lupil.unpublished.conditional import Answer, hidden_classes, margins_of, quicker, weigh

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["POWERS", "PathPoint", "margins_path", "path_frame"]

POWERS = (1.0, 0.75, 0.5, 0.25, 0.0)


@dataclass(frozen=True, kw_only=True)
class PathPoint(Answer):
    """One power of the likelihood of the patients at the excluded sites; NaN where the diagnostics of a refit fail.

    At power 0 the excluded sites count as having had next to no patients, and the risk difference at the ordinary sites
    is the intention-to-treat effect without them.

    Attributes
    ----------
    power : float
        1 keeps these patients, 0 leaves them out.
    refitted : bool
        Whether the model was fitted again, because reweighted draws could not carry the change.
    """

    power: float
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
    wanted = checked_powers(powers)
    there = tuple((c.arm, c.response, known[c.name]) for c in counts)
    divided = replace(margins, at_excluded=(*margins.at_excluded, *there))
    spec = quicker(posterior.spec, refit_draws)
    published = replace(trial, data=divided)

    def fitted(power: float) -> Posterior:
        likelihood = MarginsLikelihood(spec, divided, excluded_power=power)
        return Posterior.from_draws(likelihood, run_engine(likelihood), published, alone=True)

    def point(power: float, draws: WeightedDraws, refitted: bool = False) -> PathPoint | None:
        answer = weigh(draws) if draws.base.posterior.verdict.ok else None
        return None if answer is None else PathPoint(power=power, refitted=refitted, **answer.numbers)

    def refitted(power: float, _: float) -> PathPoint:
        if power == 1:  # as `kept`, which does not do
            return PathPoint(power=power, refitted=False)
        found = point(power, WeightedDraws(BaseDraws(fitted(power))), refitted=True)
        return found or PathPoint(power=power, refitted=True)

    kept = fitted(1.0)
    at_excluded = _log_likelihood_there(kept, divided)
    return path_points(BaseDraws(kept), wanted, lambda power: (power - 1) * at_excluded, point, refitted)


def path_frame(points: Iterable[PathPoint]) -> pd.DataFrame:
    """One row a power."""
    import pandas as pd

    return pd.DataFrame([vars(point) for point in points]).set_index("power")


def _log_likelihood_there(posterior: Posterior, margins: Margins) -> NDArray[np.float64]:
    """Log likelihood of the patients known to be at the excluded sites, shape (draws,)."""
    from scipy.special import logit

    likelihood = MarginsLikelihood(posterior.spec, margins)
    values = {name: posterior.draws(name) for name in ("site_share", "retention")}
    chance = likelihood.class_log_probability_at(np.clip(logit(posterior.draws("p")), -40, 40), values)
    there = np.array([item.must_be_excluded for item in margins.classes])
    total: NDArray[np.float64] = (chance[..., there] * likelihood.counts[there]).sum(axis=-1).ravel()
    return total
