"""The analysis of a trial's sites, by what is known of them: a table of sites, or published margins alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bayes_lupil.arguments import checked
from bayes_lupil.errors import UnsupportedModelError
from bayes_lupil.likelihoods import build_likelihood
from bayes_lupil.model_analysis import Announce
from bayes_lupil.posterior import Posterior
from bayes_lupil.sites.analysis import SiteAnalysis, analyse_sites, shown_model
from bayes_lupil.spec import ModelSpec, load_model
from bayes_lupil.trials.loading import read_trial
from bayes_lupil.trials.trial import Trial
from bayes_lupil.unpublished.analysis import UnpublishedAnalysis, analyse_unpublished, own_model

__all__ = ["analyse", "check_sites"]


@checked
def analyse(
    trial: Any = "lupil2",
    model: ModelSpec | str | Path | None = None,
    *,
    suspects: Sequence[str] = (),
    compare: bool = True,
    fitted: Sequence[Posterior] = (),
    seed: int | None = None,
    progress: bool | None = None,
    announce: Announce | None = None,
    **reading: Any,
) -> SiteAnalysis | UnpublishedAnalysis:
    """What can be said of the sites of a trial: `analyse_sites` where their table is known, else `analyse_unpublished`.

    Parameters
    ----------
    trial : Trial, str, Path, data frame or dict of columns
        A trial, or anything `load_trial` takes.
    model : ModelSpec, str or Path, optional
        The model whose sites are shown; by default `outliers_arms`, or the trial's primary model where no table of
        sites was published.
    suspects : sequence of str
        Sites that are followed from kept to excluded; of a table of sites alone. By default those that look outlying.
    compare : bool
        Whether the other site models are fitted as well, and the exclusion path is followed.
    fitted : sequence of Posterior
        Of models that have been fitted to this trial already: they are not fitted again.
    seed : int, optional
        Replaces the seed of every model file (model i gets seed + i).
    progress : bool, optional
        Whether progress is shown; by default on a terminal and in a notebook.
    announce : callable, optional
        Called as announce(i, of, model, None) before model i (from 1) and with its `Analysis` after it.
    **reading
        How a table is read: control, active, outcome, where, benefit ... (see `load_trial`).

    Returns
    -------
    SiteAnalysis or UnpublishedAnalysis

    Raises
    ------
    UnsupportedModelError
        Where the trial cannot support the model, or has no table of sites and suspects are named.
    InputError
        Where there is one site only, a suspect is no site of the trial, or the diagnostics of the fit shown failed.

    Examples
    --------
    >>> found = analyse("beitler_landis", compare=False)
    >>> [row.site for row in found.table.rows][:3]
    ['1', '2', '3']
    """
    data = read_trial(trial, reading)
    spec = load_model(model) if isinstance(model, str | Path) else model
    if data.resolution == "margins":
        _refuse_suspects(data, suspects)
        return analyse_unpublished(
            data, spec, seed=seed, compare=compare, fitted=fitted, progress=progress, announce=announce
        )
    return analyse_sites(
        data,
        spec,
        None if compare else (),
        suspects=suspects,
        follow=compare or bool(suspects),
        fitted=fitted,
        seed=seed,
        progress=progress,
        announce=announce if compare else None,
    )


def check_sites(trial: Trial, model: ModelSpec | None, suspects: Sequence[str]) -> None:
    """That there is something to say of the sites of a trial, before anything is fitted.

    Raises
    ------
    InputError
        Where the trial does not support the model, has one site only or no such suspect.
    """
    if trial.resolution != "margins":
        shown_model(trial, model, suspects)
        return
    _refuse_suspects(trial, suspects)
    build_likelihood(model or own_model(trial), trial)


def _refuse_suspects(trial: Trial, suspects: Sequence[str]) -> None:
    if suspects:
        raise UnsupportedModelError(
            f"trial '{trial.name}'",
            f"site '{suspects[0]}' as a suspect",
            "a site table, which was never published for this trial",
            "Leave --suspect out: what the excluded sites could have held is shown instead.",
        )
