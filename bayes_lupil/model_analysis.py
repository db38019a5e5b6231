"""A model, and what became of fitting it to a trial: the posterior, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from bayes_lupil.cards import Brief
from bayes_lupil.errors import ModelError, SamplerError, UnsupportedModelError
from bayes_lupil.fitting import fit_checked
from bayes_lupil.likelihoods import build_likelihood
from bayes_lupil.posterior import Posterior
from bayes_lupil.posterior.agreement import Agreement
from bayes_lupil.progress import counting
from bayes_lupil.spec import ModelSpec
from bayes_lupil.trials.trial import Trial

__all__ = ["Analysis", "Announce", "analyse_model", "analyse_models", "refusal", "sound_by_model"]


@dataclass(frozen=True)
class Analysis(Brief):
    """One model, and what became of fitting it to the trial.

    Attributes
    ----------
    status : {"ok", "diagnostics failed", "refused", "failed"}
        refused: the trial cannot support the model, which is no fault; failed: the sampler could not run, or a prior
        lies beyond what the engines were tested for.
    posterior : Posterior or None
        None where the model was refused or failed.
    reason : str
        Why the status is not ok.
    agreement : Agreement or None
        Comparison with the other engine, where the model can be fitted by both and was.
    """

    model: ModelSpec
    status: str
    posterior: Posterior | None
    reason: str = ""
    agreement: Agreement | None = None

    @classmethod
    def of(cls, model: ModelSpec, posterior: Posterior, agreement: Agreement | None = None) -> Analysis:
        """Of a fit that has been made, sound or not."""
        verdict = posterior.verdict
        status, reason = ("ok", "") if verdict.ok else ("diagnostics failed", verdict.text)
        return cls(model, status, posterior, reason, agreement)

    @property
    def is_failure(self) -> bool:
        """Whether the whole run must end with an exit status other than 0."""
        return self.status in ("diagnostics failed", "failed")

    @property
    def sound(self) -> Posterior | None:
        """The posterior, if its diagnostics let it be reported."""
        return self.posterior if self.posterior is not None and self.posterior.verdict.ok else None


def sound_by_model(analyses: Iterable[Analysis]) -> dict[str, Posterior]:
    """Posteriors whose diagnostics are sound, by the name of the model."""
    return {item.model.name: item.sound for item in analyses if item.sound is not None}


Announce = Callable[[int, int, ModelSpec, Analysis | None], None]
"""Called as announce(i, of, model, None) before model i (from 1), and with its `Analysis` after it."""


def refusal(model: ModelSpec, trial: Trial) -> str:
    """Why the trial cannot support a model; empty where it can, and where the fault is the model's own."""
    try:
        build_likelihood(model, trial)
    except UnsupportedModelError as problem:
        return str(problem)
    except ModelError:
        return ""
    return ""


def analyse_model(
    model: ModelSpec, trial: Trial, *, check_engines: bool = True, progress: bool | None = None
) -> Analysis:
    """Fit a model, and keep the reason where that cannot be done."""
    if reason := refusal(model, trial):
        return Analysis(model, "refused", None, reason)
    try:
        posterior, agreement = fit_checked(model, trial, check_engines=check_engines, progress=progress)
    except (SamplerError, ModelError) as problem:
        return Analysis(model, "failed", None, str(problem))
    return Analysis.of(model, posterior, agreement)


def analyse_models(
    trial: Trial,
    models: Sequence[ModelSpec],
    *,
    fitted: Sequence[Posterior] = (),
    seed: int | None = None,
    check_engines: bool = True,
    announce: Announce | None = None,
    progress: bool | None = None,
) -> tuple[Analysis, ...]:
    """Fit several models; one that the trial cannot support is kept with the reason.

    Parameters
    ----------
    fitted : sequence of Posterior
        Of models that have been fitted to this trial already: they are not fitted again.
    seed : int, optional
        Replaces the seed of every model (model i gets seed + i).
    check_engines : bool
        Whether models that two engines can fit are fitted by both.
    announce : callable, optional
    """
    known = {posterior.spec: posterior for posterior in fitted}
    found = []
    with counting(progress, len(models), announced=announce is not None) as step:
        for i, given in enumerate(models):
            step(f"model {given.name}")
            model = given if seed is None else given.edited(sampler__seed=seed + i)
            if announce:
                announce(i + 1, len(models), model, None)
            if model in known:
                done = Analysis.of(model, known[model])
            else:
                shown = progress if announce else None
                done = analyse_model(model, trial, check_engines=check_engines, progress=shown)
            found.append(done)
            if announce:
                announce(i + 1, len(models), model, done)
    return tuple(found)
