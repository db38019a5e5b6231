"""All that is asked of a trial's sites in one run: the table, the models against each other, the exclusion path."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from bayes_lupil.arguments import checked
from bayes_lupil.cards import Card, Shown
from bayes_lupil.errors import DiagnosticsError, InputError
from bayes_lupil.likelihoods import build_likelihood
from bayes_lupil.likelihoods.base import refuse_countries, refuse_covariates
from bayes_lupil.model_analysis import Analysis, Announce, analyse_models, sound_by_model
from bayes_lupil.posterior import Posterior
from bayes_lupil.sensitivity.preconditions import why_not_without
from bayes_lupil.sites.comparison import ModelComparison, compare_models
from bayes_lupil.sites.exclusion import POWERS, ExclusionPath, exclusion_path
from bayes_lupil.sites.influence import refuse_pooled
from bayes_lupil.sites.posterior_predictive import PredictiveChecks, predicted_by_site, predictive_checks
from bayes_lupil.sites.table import SiteRow, SiteTable, site_table
from bayes_lupil.spec import ModelSpec, load_model, site_models
from bayes_lupil.trials.trial import Trial

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["OUTLYING", "SHOWN", "SiteAnalysis", "analyse_sites", "p_outlying", "shown_model"]

SHOWN = "outliers_arms"
"""The model whose table is shown unless another is named: the one that lets each arm of each site be outlying."""
OUTLYING = 0.5
"""P(outlier) above which a site is called outlying."""


@dataclass(frozen=True, eq=False)
class SiteAnalysis(Shown):
    """What `analyse_sites` found.

    Attributes
    ----------
    shown : Posterior
        The fit that table, path and checks are of.
    table : SiteTable
    attempts : tuple of Analysis
        Every model asked for, the shown one among them.
    comparison : ModelComparison or None
        None where fewer than two models could be fitted.
    path : ExclusionPath or None
        None where it was not asked for, or the suspects are all sites there are.
    chosen_by_data : bool
        Whether the suspects are those that look outlying in this very trial, and not sites that were named.
    checks : tuple of PredictiveChecks
        Of the shown model and of the one with normal sites.
    """

    trial: Trial
    shown: Posterior
    table: SiteTable
    attempts: tuple[Analysis, ...]
    comparison: ModelComparison | None
    path: ExclusionPath | None
    chosen_by_data: bool
    checks: tuple[PredictiveChecks, ...]

    @cached_property
    def predicted(self) -> pd.DataFrame:
        """Response rates by site and arm that the shown model would show again."""
        return predicted_by_site(self.shown)

    @property
    def why_suspect(self) -> str:
        """How the suspects were chosen, in words."""
        if not self.chosen_by_data:
            return "named"
        chances = [p_outlying(row) for row in self.table.rows if self.path and row.site in self.path.sites]
        if not chances or chances[0] is None:
            return "the site that moves P(benefit) most; nothing says that it is outlying"
        if min(c for c in chances if c is not None) > OUTLYING:
            return "chosen because they look outlying in these data"
        return f"no site looks outlying; the most outlying one, P {max(c or 0.0 for c in chances):.2f}, is followed"

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        path_ok = self.path is None or self.path.ok
        return path_ok and not any(item.is_failure for item in self.attempts)

    def card(self) -> Card:
        """The table's, and which models were fitted."""
        table = self.table.card()
        fitted = ", ".join(f"{item.model.name}{'' if item.sound else ' (no result)'}" for item in self.attempts)
        suspects = ", ".join(self.path.sites) if self.path is not None else ""
        more = [("models", fitted)] + ([("suspects", f"{suspects}: {self.why_suspect}")] if suspects else [])
        calls = ("sites.table", "sites.comparison", "sites.path", "sites.checks")
        warnings = [("warning", text) for text in self.cautions]
        return Card(table.heading, (*warnings, *more, *table.rows), table.alert, calls)

    @property
    def cautions(self) -> tuple[str, ...]:
        """What must be known before any result: of the trial, and of the fit of the shown model."""
        return tuple(dict.fromkeys((*self.trial.warnings, *self.shown.provenance.cautions)))

    @property
    def sound(self) -> dict[str, Posterior]:
        """Posteriors whose diagnostics are sound, by model."""
        return sound_by_model(self.attempts)


def shown_model(trial: Trial, shown: ModelSpec | None = None, suspects: Sequence[str] = ()) -> ModelSpec:
    """The model whose table is shown, once it is sure that the trial supports it and has the suspects.

    Raises
    ------
    UnsupportedModelError
        Where the model pools all sites, the trial has no site table, cannot support the model, or has no such site.
    InputError
        Where there is one site only.
    """
    first = shown or load_model(SHOWN)
    refuse_pooled(first)
    refuse_countries(first)
    refuse_covariates(first)
    if len(trial.site_names) < 2:
        found = "one site" if trial.resolution == "patients" else "one row of totals, or one site"
        raise InputError(f"trial '{trial.name}'", found, "two sites or more")
    build_likelihood(first, trial)
    if suspects:
        trial.analysis_set(first.population, tuple(suspects))
    return first


@checked
def analyse_sites(
    trial: Trial,
    shown: ModelSpec | None = None,
    models: Sequence[ModelSpec] | None = None,
    *,
    suspects: Sequence[str] = (),
    powers: Sequence[float] = POWERS,
    follow: bool = True,
    fitted: Sequence[Posterior] = (),
    seed: int | None = None,
    progress: bool | None = None,
    announce: Announce | None = None,
) -> SiteAnalysis:
    """Everything that this package says of the sites of a trial whose site table is known.

    Parameters
    ----------
    trial : Trial
    shown : ModelSpec, optional
        The model that table, path and checks are of; by default `outliers_arms`.
    models : sequence of ModelSpec, optional
        Compared with it; by default `bayes_lupil.spec.site_models`.
    suspects : sequence of str
        Sites whose way from kept to excluded is followed. By default those with P(outlier) above 0.5 in either arm
        under the shown model, or else the one with the largest; the result then says that the data chose them.
    powers : sequence of float
        See `bayes_lupil.sites.exclusion.exclusion_path`.
    follow : bool
        Whether that way is followed, and predictive checks are made.
    fitted : sequence of Posterior
        Of models that have been fitted to this trial already: they are not fitted again.
    seed : int, optional
        Replaces the seed of every model file (model i gets seed + i).
    progress : bool, optional
        Whether progress is shown; by default on a terminal and in a notebook.
    announce : callable, optional
        Called as announce(i, of, model, None) before model i (from 1) and with its `Analysis` after it.

    Raises
    ------
    UnsupportedModelError
        Where the trial has no site table, or cannot support the shown model.
    InputError
        For a suspect that is no site of the trial; where the fit of the shown model failed its diagnostics.
    """
    first = shown_model(trial, shown, suspects)
    others = [model for model in (site_models() if models is None else models) if model.name != first.name]
    for model in others:
        refuse_countries(model)
        refuse_covariates(model)
    attempts = analyse_models(
        trial, [first, *others], fitted=fitted, seed=seed, check_engines=False, announce=announce, progress=progress
    )
    posterior = attempts[0].sound
    if posterior is None:
        raise DiagnosticsError(f"model '{first.name}'", attempts[0].reason)
    table = site_table(posterior, progress=progress)
    sound = sound_by_model(attempts)
    removable = [row.site for row in table.rows if not why_not_without(posterior, (row.site,))]
    chosen = tuple(suspects) or most_outlying(table, removable)
    possible = follow and bool(chosen) and not why_not_without(posterior, chosen)
    normal = next((p for p in sound.values() if p.spec.sites.distribution == "normal"), None)
    to_check = dict.fromkeys((posterior, normal)) if follow else {}
    return SiteAnalysis(
        trial=trial,
        shown=posterior,
        table=table,
        attempts=attempts,
        comparison=compare_models(sound) if len(sound) > 1 and len(removable) > 1 else None,
        path=exclusion_path(posterior, chosen, powers) if possible else None,
        chosen_by_data=not suspects,
        checks=tuple(predictive_checks(p) for p in to_check if p is not None),
    )


def most_outlying(table: SiteTable, among: Sequence[str]) -> tuple[str, ...]:
    """Sites with P(outlier) above 0.5 in either arm, or the one with the largest; none where there is none to choose.

    Where the model has no outliers, the one that moves P(benefit) most.

    Parameters
    ----------
    table : SiteTable
    among : sequence of str
        Sites without which there still is a trial.
    """
    rows = [row for row in table.rows if row.site in among]
    if not rows:
        return ()
    score = {row.site: p_outlying(row) for row in rows}
    known = {site: value for site, value in score.items() if value is not None}
    if not known:
        return (max(rows, key=lambda row: abs(row.change.mean)).site,)
    above = tuple(site for site, value in known.items() if value > OUTLYING)
    return above or (max(known, key=lambda site: known[site]),)


def p_outlying(row: SiteRow) -> float | None:
    """The largest probability that the model has for a site being unlike the others; None where it has none."""
    if row.outlier is not None:
        return max(row.outlier[0].mean, row.outlier[1].mean)
    return row.nonexchangeable.mean if row.nonexchangeable is not None else None
