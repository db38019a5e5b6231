"""Engines: ways of fitting the same likelihood. Each takes a likelihood and gives `Draws`."""

from __future__ import annotations

import sys
from dataclasses import replace
from threading import Lock
from typing import Literal

from bayes_lupil.engines.draws import Draws
from bayes_lupil.errors import UnsupportedModelError
from bayes_lupil.likelihoods import Likelihood, MarginsLikelihood
from bayes_lupil.progress import in_notebook

__all__ = ["Draws", "engine_for", "fast_engine", "run_engine", "takes_too_long"]

Fast = Literal["quadrature", "importance"]

_compiling = Lock()  # PyTensor makes one graph at a time, while fits may run beside each other
_MOST_OUTSIDE = 5_000
"""Patients outside the subset, whose site is not known: each is a term of a sum at every point of 'importance'."""
_MOST_EXCLUDED = 25
"""Excluded sites where counts are known, each with dimensions of its own: 25 of them take a minute and 900 MB."""


def run_engine(likelihood: Likelihood, progress: bool = False, *, keep: str = "") -> Draws:
    """Fit with the engine that the model file names, or with the one that 'auto' means for this trial.

    Parameters
    ----------
    likelihood : Likelihood
    progress : bool
        Whether progress is shown.
    keep : str
        Hashes of model and trial where the draws of NUTS are to be kept for the next run, and those of an earlier one
        taken (`engines/kept.py`). Those of the fast engines are made in seconds and take more place.

    Raises
    ------
    UnsupportedModelError
        Where the engine named cannot fit this trial.
    SamplerError
        Where the engine cannot run.
    """
    engine = engine_for(likelihood)
    if engine == "nuts" and keep:
        from bayes_lupil.engines.kept import kept_or_made

        return kept_or_made(likelihood, keep, lambda: run_engine(likelihood, progress))
    if engine == "nuts":
        from bayes_lupil.engines import nuts

        if progress and not in_notebook():  # the sampler shows nothing before it begins
            sys.stderr.write(f"compiling '{likelihood.spec.name}' for NUTS\n")
        with _compiling:
            draws = nuts.sample(likelihood, progress)
        if likelihood.spec.sampler.engine == "auto" and (why := _too_long(likelihood)):
            told = f"sampled by NUTS, because {fast_engine(likelihood)} would {why}"
            return replace(draws, notes=(*draws.notes, told))
        return draws
    if isinstance(likelihood, MarginsLikelihood):
        from bayes_lupil.engines import margins

        return margins.sample(likelihood, progress and not in_notebook())
    from bayes_lupil.engines import quadrature

    return quadrature.sample(likelihood, progress and not in_notebook())


def fast_engine(likelihood: Likelihood) -> Fast | None:
    """The engine without Markov chains: quadrature for tables of sites, importance for margins; None for neither."""
    if isinstance(likelihood, MarginsLikelihood):
        return "importance"
    return None if likelihood.marginal is None else "quadrature"


def engine_for(likelihood: Likelihood) -> Literal["nuts", "quadrature", "importance"]:
    """The engine named, or for 'auto' the fast one, and NUTS where there is none or it would take too long.

    Raises
    ------
    UnsupportedModelError
        Where the engine named cannot fit this trial.
    """
    engine, fast = likelihood.spec.sampler.engine, fast_engine(likelihood)
    if engine == "auto":
        return "nuts" if fast is None or takes_too_long(likelihood) else fast
    if engine not in ("nuts", fast):
        margins = isinstance(likelihood, MarginsLikelihood)
        raise UnsupportedModelError(
            f"model '{likelihood.spec.name}'",
            f"engine '{engine}' and a trial whose site table is {'not ' if margins else ''}known",
            " or ".join(f"engine '{name}'" for name in (fast, "nuts") if name) + " (or 'auto')",
            likelihood.why_no_marginal,
        )
    return engine


def takes_too_long(likelihood: Likelihood) -> bool:
    """Whether the fast engine would take minutes or hours."""
    return bool(_too_long(likelihood))


def _too_long(likelihood: Likelihood) -> str:
    """What the fast engine would take; empty where that is not too much."""
    if isinstance(likelihood, MarginsLikelihood):
        outside = sum(item.count for item in likelihood.margins.classes if item.may_be_excluded and not item.in_subset)
        if outside > _MOST_OUTSIDE:
            return f"sum over {outside:,} patients of unknown sites at every point"
        known = any(item.must_be_excluded and item.count for item in likelihood.margins.classes)
        excluded = len(likelihood.margins.excluded_sites) if known else 0
        return f"look for the effects of {excluded} excluded sites" if excluded > _MOST_EXCLUDED else ""
    settings, marginal = likelihood.spec.sampler, likelihood.marginal
    if marginal is not None and settings.points > marginal.most_draws(settings.nodes):
        return f"take minutes or hours for {settings.points:,} points (sampler.points)"
    return ""
