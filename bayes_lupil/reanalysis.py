"""Fit every model to a trial beside the trial's own frequentist hierarchy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bayes_lupil.arguments import checked
from bayes_lupil.cards import Card, Shown
from bayes_lupil.errors import UnsupportedModelError
from bayes_lupil.fitting import fit, for_trial
from bayes_lupil.frequentist.hierarchy import HierarchyRow, trial_hierarchy
from bayes_lupil.model_analysis import Analysis, Announce, analyse_models, refusal
from bayes_lupil.numbers import interval, p_value, points, probability
from bayes_lupil.posterior import Posterior
from bayes_lupil.posterior.agreement import Agreement
from bayes_lupil.spec import ModelSpec, load_models
from bayes_lupil.trials.end_point import SYNTHETIC
from bayes_lupil.trials.loading import read_trial
from bayes_lupil.trials.trial import Trial
from bayes_lupil.verdict_steps import STEPS

__all__ = ["Reanalysis", "leading", "reanalyse"]

_NEAR = 4.0  # Monte Carlo errors from a step within which more draws are taken
_MORE, _MOST_INTEGRALS, _MOST_DRAWS = 8, 2**18, 10_000  # times the points and draws, up to so many


@dataclass(frozen=True)
class Reanalysis(Shown):
    """A trial's frequentist hierarchy and all the Bayesian analyses of it."""

    trial: Trial
    hierarchy: tuple[HierarchyRow, ...]
    analyses: tuple[Analysis, ...]

    @property
    def ok(self) -> bool:
        """Whether no analysis failed."""
        return not any(item.is_failure for item in self.analyses)

    @property
    def fitted(self) -> tuple[Analysis, ...]:
        """Analyses that have a posterior."""
        return tuple(item for item in self.analyses if item.posterior is not None)

    @property
    def posteriors(self) -> tuple[Posterior, ...]:
        """Every posterior, sound or not, in the order of the models."""
        return tuple(item.posterior for item in self.analyses if item.posterior is not None)

    @property
    def sound(self) -> tuple[Posterior, ...]:
        """Posteriors whose diagnostics are sound."""
        return tuple(item.sound for item in self.analyses if item.sound is not None)

    @property
    def unsound(self) -> tuple[str, ...]:
        """Names of the models that have a posterior, but one whose diagnostics failed."""
        return tuple(item.model.name for item in self.fitted if item.is_failure)

    @property
    def agreements(self) -> tuple[tuple[str, Agreement], ...]:
        """(model, comparison of the engines) where both engines ran."""
        return tuple((item.model.name, item.agreement) for item in self.analyses if item.agreement is not None)

    @property
    def primary(self) -> Analysis | None:
        """The analysis whose model file says role = 'primary'."""
        return next((item for item in self.fitted if item.model.role == "primary"), None)

    @property
    def cautions(self) -> tuple[str, ...]:
        """What must be known before any result: of the trial, and of the analysis that a report leads with."""
        lead = leading(self.sound)
        return tuple(dict.fromkeys((*self.trial.warnings, *(lead.provenance.cautions if lead is not None else ()))))

    def card(self) -> Card:
        """Every model's effect and P(benefit), beside the p-value of the primary end point."""
        first = next((row for row in self.hierarchy if row.published or row.two_by_two), None)
        rows = [("warning", text) for text in self.cautions]
        rows.append(("end point", f"{self.trial.end_point.label}: {self.trial.end_point.benefit} is better"))
        if first is not None and first.published is not None:
            rows.append(("printed", f"{first.name}, {first.population.label}: {first.published.printed}"))
        if first is not None and first.two_by_two is not None:
            rows.append(("recomputed", f"Pearson's p {p_value(first.two_by_two.p_chi_square)} of the totals"))
        for item in self.analyses:
            benefit = None if item.posterior is None else item.posterior.p_benefit
            if item.posterior is None or benefit is None:
                rows.append((item.model.name, f"{item.status}: {item.reason}"))
                continue
            row, risks = item.posterior.row(item.posterior.effect), self.trial.end_point.kind == "binary"
            middle = points(row.q50) + " points" if risks else f"{row.q50:.3g}"
            ends = interval(*((points(q) if risks else f"{q:.3g}") for q in (row.q2_5, row.q97_5)))
            chance = probability(benefit.probability, benefit.mcse)
            edited = f"{item.model.edits.words}: " if item.model.edits else ""
            rows.append((item.model.name, f"{edited}median {middle} ({ends}), P(benefit) {chance}"))
        calls = ("result.posteriors", "result.hierarchy", "bl.report.write_reanalysis(result, 'folder')")
        alert = SYNTHETIC if self.trial.synthetic else ""
        return Card(f"Reanalysis of {self.trial.title}", tuple(rows), alert, calls)


def leading(posteriors: Sequence[Posterior]) -> Posterior | None:
    """The one that a report leads with: of the primary model, else the first; None where there is none."""
    return next((p for p in posteriors if p.spec.role == "primary"), next(iter(posteriors), None))


@checked
def reanalyse(
    trial: Any = "lupil2",
    models: ModelSpec | Sequence[ModelSpec | str | Path] | str | Path | None = None,
    *,
    seed: int | None = None,
    check_engines: bool = True,
    progress: bool | None = None,
    announce: Announce | None = None,
    **reading: Any,
) -> Reanalysis:
    """Fit every model to a trial; a model that the trial cannot support becomes a row with the reason.

    Parameters
    ----------
    trial : Trial, str, Path, data frame or dict of columns
        A trial, or anything `load_trial` takes.
    models : ModelSpec, str, Path, or sequence of these, optional
        Models, names of built-in ones, model files, or a folder of them. By default the built-in models: the trial's
        own where it has some (LUPIL-2 has), and else those for any trial.
    seed : int, optional
        Replaces the seed of every model file (model i gets seed + i).
    check_engines : bool
        Whether models that both engines can fit are fitted by both, and fail where the results differ by more than 4
        Monte Carlo errors.
    progress : bool, optional
        Whether progress is shown; by default on a terminal and in a notebook.
    announce : callable, optional
        Called as announce(i, of, model, None) before model i (from 1) and with its `Analysis` after it.
    **reading
        How a table is read: control, active, outcome, where, benefit ... (see `load_trial`).

    Returns
    -------
    Reanalysis

    Raises
    ------
    ModelError, TrialError
        For bad input, before anything is fitted.
    UnsupportedModelError
        Where the trial supports none of the models.
    """
    data = read_trial(trial, reading)
    specs = tuple(for_trial(spec, data) for spec in load_models(models, trial=data.name))
    refused = [reason for spec in specs if (reason := refusal(spec, data))]
    if len(refused) == len(specs):
        raise UnsupportedModelError(
            f"trial '{data.name}'", "no model that it supports", "at least one", " ".join(refused)
        )
    hierarchy = trial_hierarchy(data)
    analyses = analyse_models(data, specs, seed=seed, check_engines=check_engines, announce=announce, progress=progress)
    lead = leading([item.sound for item in analyses if item.sound is not None])
    return Reanalysis(data, hierarchy, tuple(_clear(item) if item.posterior is lead else item for item in analyses))


def _clear(item: Analysis) -> Analysis:
    """The analysis with more draws where P(benefit) may lie on either side of a step, if an engine is quick at it."""
    posterior = item.sound
    best = None if posterior is None else posterior.p_benefit
    if posterior is None or best is None or "pareto_k" not in posterior.diagnostics:
        return item
    sampler = item.model.sampler
    most = 2 ** int(math.log2(_MOST_INTEGRALS / len(posterior.trial.site_names)))
    more = min(_MORE * sampler.points, most)
    if more <= sampler.points or not _near(best.probability, best.mcse):
        return item
    model = item.model.edited(sampler__points=more, sampler__draws=min(_MORE * sampler.draws, _MOST_DRAWS))
    clearer = fit(model, posterior.trial, progress=False)
    return _clear(Analysis.of(model, clearer, item.agreement)) if clearer.verdict.ok else item


def _near(p: float, mcse: float) -> bool:
    """Whether a step lies within a few Monte Carlo errors: those of p, or those that so many draws have at the step."""
    draws = max(p * (1 - p) / mcse**2, 1 / mcse)  # where none is on one side, the error is about 2 / draws
    return any(abs(p - step) <= _NEAR * max(mcse, math.sqrt(step * (1 - step) / draws)) for step in STEPS)
