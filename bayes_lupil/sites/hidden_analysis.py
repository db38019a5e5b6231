"""All that is asked of a trial's sites where their table was never published, in one run."""

from __future__ import annotations

from dataclasses import dataclass

from bayes_lupil.errors import InputError
from bayes_lupil.posterior import Posterior
from bayes_lupil.sites.analysis import Announce, Attempt, fit_site_models
from bayes_lupil.sites.hidden import HiddenCounts, hidden_counts
from bayes_lupil.spec import load_model, site_models
from bayes_lupil.trials.trial import Trial

__all__ = ["HiddenAnalysis", "analyse_hidden"]


@dataclass(frozen=True, eq=False)
class HiddenAnalysis:
    """What `analyse_hidden` found.

    Attributes
    ----------
    attempts : tuple of Attempt
        Every site model asked for, the primary one first.
    hidden : HiddenCounts
        What the unpublished counts could do, under the primary model.
    """

    trial: Trial
    attempts: tuple[Attempt, ...]
    hidden: HiddenCounts

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        return not self.hidden.failed and not any(item.is_failure for item in self.attempts)

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
        Whether the other site models are fitted as well as the primary one.

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
    return HiddenAnalysis(trial, attempts, hidden_counts(primary, trial))
