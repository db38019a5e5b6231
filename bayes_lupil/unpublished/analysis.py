"""All that is asked of a trial's sites where their table was never published, in one run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bayes_lupil.arguments import checked
from bayes_lupil.cards import Brief
from bayes_lupil.cores import at_once
from bayes_lupil.errors import DiagnosticsError
from bayes_lupil.likelihoods import build_likelihood
from bayes_lupil.model_analysis import Analysis, Announce, analyse_models, sound_by_model
from bayes_lupil.posterior import Posterior
from bayes_lupil.spec import ModelSpec, load_models, site_models
from bayes_lupil.trials.trial import Trial
from bayes_lupil.unpublished.alternatives import Supposed, margins_alternatives
from bayes_lupil.unpublished.counts import UnpublishedCounts, unpublished_counts
from bayes_lupil.unpublished.exclusion import PathPoint, margins_path
from bayes_lupil.unpublished.retention import WhoStayed, who_stayed

__all__ = ["UnpublishedAnalysis", "analyse_unpublished", "own_model"]

MOST_DRAWS, REFIT_DRAWS = 16_000, 1_000
MOST_REFITS = 14
"""Enough for LUPIL-2: every single count, the map of two, and the corners of all."""


@dataclass(frozen=True, eq=False)
class UnpublishedAnalysis(Brief):
    """What `analyse_unpublished` found.

    Attributes
    ----------
    attempts : tuple of Analysis
        Every site model asked for, the primary one first.
    hidden : UnpublishedCounts
        What the unpublished counts could do, under the primary model.
    paths : tuple of (dict of str to int, tuple of PathPoint)
        P(benefit) as the patients at the excluded sites count 1 or 0, for a central table (the posterior mean of each
        count) and for the one with the most patients there; empty where it was not asked for.
    alternatives : tuple of Supposed
        The answer as declared and under each declared alternative; empty where it was not asked for.
    stayed : WhoStayed
        Who was left out of the published subset.
    """

    trial: Trial
    attempts: tuple[Analysis, ...]
    hidden: UnpublishedCounts
    paths: tuple[tuple[dict[str, int], tuple[PathPoint, ...]], ...]
    alternatives: tuple[Supposed, ...]
    stayed: WhoStayed

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        return (
            all(point.computed for _, path in self.paths for point in path)
            and all(item.ok for item in self.alternatives)
            and not self.hidden.failed
            and not any(item.is_failure for item in self.attempts)
        )

    @property
    def sound(self) -> dict[str, Posterior]:
        """Posteriors whose diagnostics are sound, by model."""
        return sound_by_model(self.attempts)


def own_model(trial: Trial) -> ModelSpec:
    """The primary one of the models that are for this trial."""
    return next(model for model in load_models(trial=trial.name) if model.role == "primary")


@checked
def analyse_unpublished(
    trial: Trial,
    model: ModelSpec | None = None,
    *,
    seed: int | None = None,
    compare: bool = True,
    progress: bool | None = None,
    fitted: Sequence[Posterior] = (),
    announce: Announce | None = None,
) -> UnpublishedAnalysis:
    """What this package says of sites whose table was never published.

    Parameters
    ----------
    trial : Trial
        Known by its margins.
    model : ModelSpec, optional
        The primary model, with sites; by default the trial's own, or else `site_effects`.
    seed : int, optional
        Replaces the seed of every model file (model i gets seed + i).
    compare : bool
        Whether the other site models are fitted as well as the primary one, the excluded patients' way from kept to
        left out is followed, and the answer is given under every declared alternative.
    fitted : sequence of Posterior
        Of models that have been fitted to this trial already: they are not fitted again.
    progress : bool, optional
        Whether progress is shown while models are fitted; by default on a terminal and in a notebook.
    announce : callable, optional
        Called as announce(i, of, model, None) before model i (from 1) and with its `Analysis` after it.

    Raises
    ------
    UnsupportedModelError
        Where the trial is not known by its margins.
    InputError
        Where the fit of the primary model failed its diagnostics.
    """
    first = model or own_model(trial)
    build_likelihood(first, trial)  # refuses what cannot be fitted before anything is
    others = [other for other in site_models() if other.name != first.name] if compare else []
    models = [first, *others]
    attempts = analyse_models(
        trial, models, fitted=fitted, seed=seed, check_engines=False, announce=announce, progress=progress
    )
    primary = attempts[0].sound
    if primary is None:
        raise DiagnosticsError(f"model '{models[0].name}'", attempts[0].reason)
    hidden = unpublished_counts(primary, most_refits=MOST_REFITS, refit_draws=REFIT_DRAWS, most_draws=MOST_DRAWS)
    central = {c.name: round(mean) for c, mean in zip(hidden.counts, hidden.expected, strict=True)}
    largest = {c.name: c.most for c in hidden.counts}
    tables = (central, largest) if compare else ()
    followed = at_once(lambda table: margins_path(primary, table, powers=(1.0, 0.0)), tables)
    paths = tuple(zip(tables, followed, strict=True))
    supposed = margins_alternatives(primary) if compare else ()
    return UnpublishedAnalysis(trial, attempts, hidden, paths, supposed, who_stayed(primary))
