"""Fit one model to one trial."""

from __future__ import annotations

import time
from pathlib import Path

from bayes_lupil.agreement import Agreement, compare_engines
from bayes_lupil.engines import engine_for, run_engine
from bayes_lupil.likelihoods import build_likelihood
from bayes_lupil.posterior import Posterior
from bayes_lupil.provenance import provenance_of
from bayes_lupil.spec import ModelSpec, load_model
from bayes_lupil.tree import build_tree
from bayes_lupil.trials.loading import load_trial
from bayes_lupil.trials.trial import Trial

__all__ = ["fit", "fit_checked"]


def fit(
    model: ModelSpec | str | Path, trial: Trial | str | Path, *, seed: int | None = None, progress: bool = False
) -> Posterior:
    """Fit a model to a trial.

    Parameters
    ----------
    model : ModelSpec, str or Path
        A model, a built-in name or a TOML file.
    trial : Trial, str or Path
        A trial, or anything `load_trial` takes.
    seed : int, optional
        In place of the model file's own seed.
    progress : bool
        Whether the sampler shows its progress.

    Returns
    -------
    Posterior
        Look at its `verdict` first.

    Raises
    ------
    ModelError, TrialError
        For bad input.
    UnsupportedModelError
        Where the trial cannot support the model.
    SamplerError
        Where the sampler cannot run.
    """
    spec = model if isinstance(model, ModelSpec) else load_model(model)
    if seed is not None:
        spec = spec.edited(sampler__seed=seed)
    data = trial if isinstance(trial, Trial) else load_trial(trial)
    likelihood = build_likelihood(spec, data)
    draws = run_engine(likelihood, progress)
    started = time.perf_counter()
    tree = build_tree(likelihood, draws)
    draws.seconds["derive"] = time.perf_counter() - started
    return Posterior(tree, spec, provenance_of(spec, data, draws))


def fit_checked(
    spec: ModelSpec, trial: Trial, *, check_engines: bool = True, progress: bool = False
) -> tuple[Posterior, Agreement | None]:
    """Fit a model, by both engines where both can, and let the verdict say whether they agree.

    Parameters
    ----------
    spec : ModelSpec
    trial : Trial
    check_engines : bool
        Whether the second engine is run at all.
    progress : bool
        Whether the sampler shows its progress.

    Returns
    -------
    posterior : Posterior
        Of the engine that the model file names.
    agreement : Agreement or None
        None where the model was fitted by one engine only.

    Raises
    ------
    UnsupportedModelError
        Where the trial cannot support the model.
    SamplerError
        Where a sampler cannot run.
    """
    likelihood = build_likelihood(spec, trial)
    posterior = fit(spec, trial, progress=progress)
    if not check_engines or likelihood.site_marginal is None:
        return posterior, None
    other = "nuts" if engine_for(likelihood) == "quadrature" else "quadrature"
    return compare_engines(posterior, fit(spec.edited(sampler__engine=other), trial, progress=progress))
