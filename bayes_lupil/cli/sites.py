"""The command that looks at a trial's sites one by one."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bayes_lupil.cli.common import (
    FAILED,
    Force,
    Quiet,
    Seed,
    Suspect,
    TrialArgument,
    app,
    err,
    interactive,
    out,
    results,
)
from bayes_lupil.cli.reading import ReadTrial, reads_trials, tell_notes
from bayes_lupil.cli.usage import examples

if TYPE_CHECKING:
    from bayes_lupil.model_analysis import Analysis
    from bayes_lupil.sites.analysis import SiteAnalysis
    from bayes_lupil.spec import ModelSpec
    from bayes_lupil.unpublished.analysis import UnpublishedAnalysis


@app.command(
    epilog=examples(
        "sites beitler_landis",
        "sites my_trial.csv --suspect 'site 05' --suspect 'site 09' --out sites",
        "sites my_trial.csv --model site_effects",
    )
)
@reads_trials
def sites(
    *,
    trial: TrialArgument = "lupil2",
    model: Annotated[
        str | None,
        typer.Option(
            help="The model that is looked at, built-in (see 'models') or a file (.toml); by default outliers_arms, "
            "or site_effects where the site table was never published."
        ),
    ] = None,
    suspect: Suspect = None,
    folder: Annotated[
        str | None,
        typer.Option(
            "--out", metavar="FOLDER", help="Write tables, figures and the comparison of all site models here."
        ),
    ] = None,
    force: Force = False,
    seed: Seed = None,
    quiet: Quiet = False,
    load: ReadTrial,
) -> None:
    """Look at the sites one by one: shrinkage, outliers by arm, weights, the trial without each.

    With --out the site distributions are compared as well, and the way from keeping the suspect sites to excluding them
    is followed. For a trial whose site table was never published (LUPIL-2): what the unpublished counts could do, which
    takes several minutes.
    """
    from bayes_lupil.report import show
    from bayes_lupil.report.look import look_summary
    from bayes_lupil.site_analysis import analyse, check_sites
    from bayes_lupil.spec import load_model

    spec = None if model is None else load_model(model)
    trials = load(trial)
    for data in trials.values():
        check_sites(data, spec, suspect or [])
    found: dict[str, SiteAnalysis | UnpublishedAnalysis] = {}
    with results(folder, lambda: _files(trials), [trial, model or ""], force) as new:
        for place, data in trials.items():
            if not quiet:
                tell_notes(data, trial, warn=False)
            found[place] = analyse(
                data,
                spec,
                suspects=suspect or [],
                compare=new is not None,
                seed=seed,
                progress=interactive(quiet),
                announce=None if quiet else announce,
            )
            if new is not None:
                from bayes_lupil.report import write_sites

                write_sites(found[place], new / place)
    for place, result in found.items():
        show(look_summary(result), out)
        if folder is not None:
            out.print(f"Written to {Path(folder) / place}: sites.md first", highlight=False, markup=False)
    if not all(result.ok for result in found.values()):
        raise typer.Exit(FAILED)


def _files(places: Iterable[str]) -> list[str]:
    from bayes_lupil.report import SITE_FILES

    return [f"{place}{file}" for place in places for file in SITE_FILES]


def announce(i: int, of: int, spec: ModelSpec, done: Analysis | None) -> None:
    """Tell of a site model before it is fitted, and of what went wrong with it."""
    if done is None:
        err.print(f"[{i}/{of}] {spec.headed}", highlight=False, markup=False)
    elif done.reason:
        err.print(f"      {done.reason}", highlight=False, markup=False)
