"""Commands that fit: reanalyse, fit; and check, which sees whether they would."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bayes_lupil.characters import repeated
from bayes_lupil.cli.common import (
    FAILED,
    Force,
    Quiet,
    Seed,
    Suspect,
    Thresholds,
    TrialArgument,
    app,
    err,
    interactive,
    out,
    pairs,
    results,
    thresholds_of,
)
from bayes_lupil.cli.reading import ReadTrial, reads_trials, tell_notes, tell_reading
from bayes_lupil.cli.streams import write_document
from bayes_lupil.cli.usage import examples
from bayes_lupil.errors import BayesLupilError, InputError, ModelError
from bayes_lupil.folders import folder_names

if TYPE_CHECKING:
    from bayes_lupil.model_analysis import Analysis
    from bayes_lupil.posterior import Posterior
    from bayes_lupil.report import Contents
    from bayes_lupil.spec import ModelSpec


@app.command(
    epilog=examples(
        "reanalyse",
        "reanalyse my_trial.csv --control placebo --active drug --sites --out my_trial",
        "reanalyse topcat --suspect Russia --suspect Georgia",
        "reanalyse my_trial.csv --models my_models --benefit lower",
        "reanalyse rare.csv --benefit lower --mcid 0.01 --thresholds 0.005,0.01",
    )
)
@reads_trials
def reanalyse(
    *,
    trial: TrialArgument = "lupil2",
    models: Annotated[
        Path | None, typer.Option(help="Folder of model files, or one of them; the built-in ones by default.")
    ] = None,
    folder: Annotated[
        str | None, typer.Option("--out", metavar="FOLDER", help="Where results go (default: outputs/TRIAL).")
    ] = None,
    force: Force = False,
    seed: Seed = None,
    thresholds: Thresholds = None,
    one_engine: Annotated[
        bool, typer.Option("--one-engine", help="Do not check models that two engines can fit against the second.")
    ] = False,
    with_sites: Annotated[
        bool, typer.Option("--sites", help="Look at the sites too, as the command 'sites' does, and report on them.")
    ] = False,
    suspect: Suspect = None,
    quiet: Quiet = False,
    load: ReadTrial,
) -> None:
    """Fit every model to a trial and write a report: one page (report.html), tables and figures.

    The report tells what the trial found, what the reanalysis finds, how sure that is and what it depends on: open it
    in a browser. With --sites it has a section on the sites, which takes a minute or two more for a trial whose
    site table was never published (LUPIL-2). --suspect names sites to be followed from kept to excluded, and asks for
    that section.

    The results of an earlier run in the same folder are replaced as a whole when this one is complete; other files in
    it stay, and nothing is written where one is in the way (see --force).
    """
    from bayes_lupil.reanalysis import reanalyse as run
    from bayes_lupil.report import collect, reanalysis_files, show, write_reanalysis
    from bayes_lupil.report.media.vega import check_docstrings
    from bayes_lupil.report.reanalysis.summary import reanalysis_summary
    from bayes_lupil.spec import load_models

    check_docstrings()
    trials = load(trial)
    name = next(iter(trials.values())).name
    specs = load_models(models, trial=name)
    if thresholds is not None:
        ladder = thresholds_of(thresholds)
        specs = tuple(spec.with_(thresholds=ladder) for spec in specs)
    target = str(Path("outputs") / folder_names([name])[0]) if folder is None else folder
    read: list[str | Path] = [trial, *([] if models is None else [models, *models.glob("*.toml")])]
    suspects = suspect or []
    with_sites = with_sites or bool(suspects)
    if with_sites:
        from bayes_lupil.cli.sites import announce as tell
        from bayes_lupil.site_analysis import analyse, check_sites

        for data in trials.values():
            check_sites(data, None, suspects)

    def announce(i: int, of: int, spec: ModelSpec, done: Analysis | None) -> None:
        if not quiet:
            if done is None:
                err.print(f"[{i}/{of}] {spec.headed}", highlight=False, markup=False)
            elif done.status != "ok":
                err.print(f"      {done.status}: {done.reason}", highlight=False, markup=False)
            if done is not None and done.posterior is not None and done.posterior.provenance.handed_over:
                err.print(f"      {done.posterior.provenance.handed_over}", highlight=False, markup=False)

    files = reanalysis_files(specs, with_sites)
    lost: list[BayesLupilError] = []
    found: dict[str, Contents] = {}
    with results(target, lambda: [f"{place}{file}" for place in trials for file in files], read, force) as new:
        assert new is not None
        for place, data in trials.items():
            if not quiet:
                tell_notes(data, trial)
            watched = interactive(quiet)
            result = run(data, specs, seed=seed, check_engines=not one_engine, progress=watched, announce=announce)
            contents = collect(result)
            if with_sites:
                try:
                    look = analyse(
                        data,
                        suspects=suspects,
                        fitted=result.posteriors,
                        progress=watched,
                        announce=None if quiet else tell,
                    )
                    contents = replace(contents, sites=look)
                except BayesLupilError as problem:  # the fits are worth keeping without it
                    lost.append(problem)
            write_reanalysis(contents, new / place)
            found[place] = contents
    for place, contents in found.items():
        show(reanalysis_summary(contents, Path(target) / place), out)
    for lack in lost:
        err.print(f"The report has no section on the sites. {lack}", highlight=False, markup=False, soft_wrap=True)
    if lost or not all(item.reanalysis.ok and (item.sites is None or item.sites.ok) for item in found.values()):
        raise typer.Exit(FAILED)


@app.command(
    epilog=examples(
        "fit site_effects beitler_landis",
        "fit site_effects my_trial.csv --control placebo --active drug --out fit",
        "fit my_model.toml patients.xlsx --outcome cured --responder yes --where 'visit == 4'",
        "fit site_effects_adjusted patients.csv --continuous age --categorical sex",
        "fit site_effects_adjusted patients.csv --spline age=4 --ordered stage=I,II,III",
    )
)
@reads_trials
def fit(
    *,
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="A built-in model (see 'models') or a model file (.toml).")
    ],
    trial: TrialArgument,
    folder: Annotated[
        str | None, typer.Option("--out", metavar="FOLDER", help="Write posterior, tables and manifest here.")
    ] = None,
    force: Force = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")] = False,
    seed: Seed = None,
    thresholds: Thresholds = None,
    continuous: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN", help="Adjust for these numbers of the patients (more than once for more)."),
    ] = None,
    categorical: Annotated[
        list[str] | None, typer.Option(metavar="COLUMN", help="Adjust for these categories of the patients.")
    ] = None,
    ordered: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN=LOW,...,HIGH", help="Adjust for ordered categories, step by step."),
    ] = None,
    spline: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN=DF", help="Adjust for numbers by a natural cubic spline with DF degrees of freedom."
        ),
    ] = None,
    quiet: Quiet = False,
    load: ReadTrial,
) -> None:
    """Fit one model to one trial: the answer first, then everything that was estimated.

    --continuous, --categorical, --ordered and --spline stand in place of the covariates that the model file names: use
    them with site_effects_adjusted, or another model with a table of covariates.
    """
    from bayes_lupil.fitting import fit as run
    from bayes_lupil.fitting import swapped
    from bayes_lupil.likelihoods import build_likelihood
    from bayes_lupil.report import show
    from bayes_lupil.report.reanalysis.fit import fit_summary
    from bayes_lupil.spec import load_model

    if swapped(model, trial):
        model, trial = trial, model
        if not quiet:
            said = f"'{model}' is the model and '{trial}' the trial; the order is: fit MODEL TRIAL"
            err.print(f"note: {said}", highlight=False, markup=False, soft_wrap=True)
    spec = load_model(model)
    if thresholds is not None:
        spec = spec.with_(thresholds=thresholds_of(thresholds))
    if continuous or categorical or ordered or spline:
        if spec.covariates is None:
            raise ModelError(
                f"model '{spec.name}'", "no [covariates], which options such as --continuous are of",
                "site_effects_adjusted, or a model file with [covariates] and priors.coefficients",
            )  # fmt: skip
        steps = {
            column: [level.strip() for level in levels.split(",")]
            for column, levels in _by_column("--ordered", ordered, "stage=I,II,III")
        }
        curves = {column: _whole(column, degrees) for column, degrees in _by_column("--spline", spline, "age=4")}
        spec = spec.edited(
            covariates__continuous=continuous or [], covariates__categorical=categorical or [],
            covariates__ordered=steps, covariates__splines=curves,
        )  # fmt: skip
    trials = load(trial)
    for data in trials.values():
        build_likelihood(spec, data)  # a model that the trial cannot support is refused before anything is written
    found: dict[str, Posterior] = {}
    with results(folder, lambda: _fit_files(trials), [model, trial], force) as new:
        for place, data in trials.items():
            if not quiet:
                tell_notes(data, trial, warn=as_json)
            found[place] = run(spec, data, seed=seed, progress=interactive(quiet) and not as_json)
            if new is not None:
                from bayes_lupil.report import write_fit

                write_fit(found[place], new / place)
    if as_json:
        by_arm = {posterior.provenance.arms.active: posterior.to_json() for posterior in found.values()}
        content = found[""].to_json() if list(found) == [""] else {"comparisons": by_arm}
        write_document(json.dumps(content, indent=2, allow_nan=False) + "\n")
    for place, posterior in found.items() if not as_json else ():
        show(fit_summary(posterior), out)
        if folder is not None:
            out.print(f"Written to {Path(folder) / place}", highlight=False, markup=False)
    failed = [posterior for posterior in found.values() if not posterior.verdict.ok]
    for posterior in failed:
        err.print(posterior.verdict.text, highlight=False, markup=False)
    if failed:
        raise typer.Exit(FAILED)


def _by_column(option: str, given: list[str] | None, example: str) -> list[tuple[str, str]]:
    """(column, what is said of it), each column once."""
    found = pairs(option, given, "COLUMN=...", example)
    if twice := repeated([column for column, _ in found]):
        raise InputError(f"option {option}", f"column '{twice}' twice", "each column once")
    return found


def _whole(column: str, text: str) -> int:
    if not text.isdecimal():
        raise InputError("option --spline", f"'{column}={text}'", "a whole number of degrees of freedom", "As age=4.")
    return int(text)


def _fit_files(places: Iterable[str]) -> list[str]:
    from bayes_lupil.report import FIT_FILES

    return [f"{place}{file}" for place in places for file in FIT_FILES]


@app.command(
    epilog=examples(
        "check my_trial.csv",
        "check my_model.toml my_trial.csv --control placebo --active drug",
        "check my_plan.toml",
    )
)
@reads_trials
def check(
    *,
    files: Annotated[
        list[str],
        typer.Argument(metavar="FILE...", help="Model files, plans, trial files and tables, or built-in names."),
    ],
    load: ReadTrial,
) -> None:
    """Check files without fitting; models and trials given together are checked against each other too."""
    from bayes_lupil.engines import engine_for
    from bayes_lupil.likelihoods import build_likelihood
    from bayes_lupil.spec import is_model, is_plan, load_model, load_plan

    specs, trials = [], []
    for name in files:
        if is_model(name):
            spec = load_model(name)
            specs.append(spec)
            out.print(f"ok: model '{spec.name}', hash {spec.hash[:12]}", highlight=False, markup=False)
        elif is_plan(name):
            plan, models = load_plan(name)
            said = f"ok: plan '{plan.title}', {len(plan.end_points)} end points with {len(models)} models"
            out.print(f"{said}, hash {plan.hash[:12]}", highlight=False, markup=False)
        else:
            for trial in load(name).values():
                trials.append(trial)
                tell_reading(trial, name)
                out.print(
                    f"ok: trial '{trial.name}' ({trial.resolution}), hash {trial.data_hash[:12]}",
                    highlight=False,
                    markup=False,
                )
    for trial in trials:
        for spec in specs:
            engine_for(build_likelihood(spec, trial))
            out.print(f"ok: model '{spec.name}' can be fitted to trial '{trial.name}'", highlight=False, markup=False)
