"""All that is asked of a trial's sites where their table was never published, in one run."""

from __future__ import annotations

from dataclasses import dataclass

from bayes_lupil.errors import InputError
from bayes_lupil.hidden.counts import HiddenCounts, hidden_counts
from bayes_lupil.hidden.path import PathPoint, margins_path
from bayes_lupil.posterior import Posterior
from bayes_lupil.sites.analysis import Announce, Attempt, fit_site_models
from bayes_lupil.spec import load_model, site_models
from bayes_lupil.trials.trial import Trial

__all__ = ["HiddenAnalysis", "analyse_hidden"]

MOST_REFITS = 14
"""Enough for LUPIL-2: every single count, the map of two, and the corners of all."""


@dataclass(frozen=True, eq=False)
class HiddenAnalysis:
    """What `analyse_hidden` found.

    Attributes
    ----------
    attempts : tuple of Attempt
        Every site model asked for, the primary one first.
    hidden : HiddenCounts
        What the unpublished counts could do, under the primary model.
    path_at : dict of str to int
        The table along whose excluded patients `path` goes: the most probable one.
    path : tuple of PathPoint
        P(benefit) as the patients at the excluded sites count less and less; empty where it was not asked for.
    """

    trial: Trial
    attempts: tuple[Attempt, ...]
    hidden: HiddenCounts
    path_at: dict[str, int]
    path: tuple[PathPoint, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        path_ok = all(point.p_benefit == point.p_benefit for point in self.path)
        return path_ok and not self.hidden.failed and not any(item.is_failure for item in self.attempts)

    @property
    def sound(self) -> dict[str, Posterior]:
        """Posteriors whose diagnostics are sound, by model."""
        return {item.model.name: item.sound for item in self.attempts if item.sound is not None}


def analyse_hidden(
    trial: Trial, *, seed: int | None = None, compare: bool = True, announce: Announce | None = None
) -> HiddenAnalysis:
    """What this package says of sites whose table was never published.

    Parameters
    ----------
    trial : Trial
        Known by its margins.
    seed : int, optional
        Replaces the seed of every model file (model i gets seed + i).
    compare : bool
        Whether the other site models are fitted as well as the primary one, and the excluded patients' way from kept
        to left out is followed.

    Raises
    ------
    UnsupportedModelError
        Where the trial is not known by its margins.
    InputError
        Where the fit of the primary model failed its diagnostics.
    """
    models = site_models() if compare else (load_model("site_effects"),)
    attempts = fit_site_models(trial, models, seed=seed, announce=announce)
    primary = attempts[0].sound
    if primary is None:
        raise InputError(f"model '{models[0].name}'", attempts[0].reason, "a fit whose diagnostics are sound")
    hidden = hidden_counts(primary, trial, most_refits=MOST_REFITS)
    most_probable = hidden.full.known(max(hidden.full.rows, key=lambda row: row.probability))
    path = margins_path(primary, trial, most_probable, powers=(1.0, 0.5, 0.0)) if compare else ()
    return HiddenAnalysis(trial, attempts, hidden, most_probable, path)
