"""The command line: parses, calls, prints."""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Callable
from contextlib import nullcontext
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Column, Table

from bayes_lupil import __version__
from bayes_lupil.errors import BayesLupilError
from bayes_lupil.files import make_folder

if TYPE_CHECKING:
    from bayes_lupil.reanalysis import Analysis
    from bayes_lupil.spec import ModelSpec
    from bayes_lupil.trials import Trial
    from bayes_lupil.trials.trial import Direction

__all__ = ["app", "main"]

FAILED = 3
"""Exit status where a fit ran but its diagnostics failed, or the sampler could not run."""

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    help=(
        "Bayesian reanalysis of a multicentre randomised trial: hierarchical site models beside the trial's own "
        "frequentist hierarchy.\n\nStart with [bold]bayes-lupil reanalyse[/bold] (the LUPIL-2 trial), or fit one "
        "model: [bold]bayes-lupil fit site_effects my_trial.csv --control placebo --active drug[/bold].\n\n"
        "Exit status: 0 fine, 2 bad input (nothing is written), 3 a fit failed its diagnostics."
    ),
)
_PLAIN: dict[str, Any] = {"box": None, "pad_edge": False}
out, err = Console(), Console(stderr=True)


class Better(StrEnum):
    """Which response is good for the patient."""

    HIGHER = "higher"
    LOWER = "lower"


TrialArgument = Annotated[
    str,
    typer.Argument(help="A built-in trial (see 'trials'), a trial file (.toml), or a table (.csv).", show_default=True),
]
Control = Annotated[str | None, typer.Option(help="CSV: name of the control arm.")]
Active = Annotated[str | None, typer.Option(help="CSV: name of the active arm.")]
EndPointName = Annotated[
    str | None, typer.Option("--end-point", help="CSV: name of the end point; for patient data its column (0/1).")
]
BenefitOption = Annotated[
    Better, typer.Option(help="CSV: whether a 'higher' or 'lower' response is good for the patient.")
]
SingleArm = Annotated[
    bool, typer.Option("--single-arm-sites", help="CSV: accept sites that have a row for one arm only.")
]
Seed = Annotated[int | None, typer.Option(min=0, max=2**32 - 1, help="In place of the seed in the model file.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no notices.")]


def _version(asked: bool) -> None:
    if asked:
        out.print(f"bayes-lupil {__version__}", highlight=False)
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """Options that come before a command."""


@app.command()
def reanalyse(
    trial: TrialArgument = "lupil2",
    models: Annotated[
        Path | None, typer.Option(help="Folder of model files, or one of them; the built-in ones by default.")
    ] = None,
    folder: Annotated[Path | None, typer.Option("--out", help="Where results go (default: outputs/TRIAL).")] = None,
    seed: Seed = None,
    control: Control = None,
    active: Active = None,
    end_point: EndPointName = None,
    benefit: BenefitOption = Better.HIGHER,
    single_arm_sites: SingleArm = False,
    one_engine: Annotated[
        bool, typer.Option("--one-engine", help="Do not check models that two engines can fit against the second.")
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Fit every model to a trial and write tables and figures beside its frequentist hierarchy."""
    from bayes_lupil.reanalysis import reanalyse as run
    from bayes_lupil.report import write_reanalysis
    from bayes_lupil.report.terminal import print_reanalysis
    from bayes_lupil.spec import load_models

    data = _trial(trial, control, active, end_point, benefit, single_arm_sites)
    specs = load_models(models)
    target = folder or Path("outputs") / data.name
    make_folder(target)
    show = _interactive(quiet)
    if not quiet:
        _notes(data, trial)

    def announce(i: int, of: int, spec: ModelSpec, done: Analysis | None) -> None:
        if not quiet:
            if done is None:
                err.print(f"[{i}/{of}] {spec.name}: {spec.title}", highlight=False, markup=False)
            elif done.status != "ok":
                err.print(f"      {done.status}: {done.reason}", highlight=False, markup=False)

    result = run(data, specs, seed=seed, check_engines=not one_engine, progress=show, announce=announce)
    write_reanalysis(result, target)
    print_reanalysis(result, target, out)
    if not result.ok:
        raise typer.Exit(FAILED)


@app.command()
def fit(
    model: Annotated[str, typer.Argument(help="A built-in model (see 'models') or a model file (.toml).")],
    trial: TrialArgument,
    control: Control = None,
    active: Active = None,
    folder: Annotated[Path | None, typer.Option("--out", help="Write posterior, tables and manifest here.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")] = False,
    seed: Seed = None,
    end_point: EndPointName = None,
    benefit: BenefitOption = Better.HIGHER,
    single_arm_sites: SingleArm = False,
    quiet: Quiet = False,
) -> None:
    """Fit one model to one trial."""
    from bayes_lupil.likelihoods import build_likelihood
    from bayes_lupil.report.terminal import print_posterior
    from bayes_lupil.spec import load_model

    spec = load_model(model)
    data = _trial(trial, control, active, end_point, benefit, single_arm_sites)
    build_likelihood(spec, data)  # a model that the trial cannot support is refused before anything is written
    if folder is not None:
        make_folder(folder)
    if not quiet:
        _notes(data, trial)
    show = _interactive(quiet) and not as_json
    with err.status("Compiling and sampling ...") if show else nullcontext():
        from bayes_lupil.fitting import fit as run

        posterior = run(spec, data, seed=seed)
    if folder is not None:
        from bayes_lupil.report import write_fit

        write_fit(posterior, folder)
    if as_json:
        sys.stdout.write(json.dumps(posterior.to_json(), indent=2, ensure_ascii=False, allow_nan=False) + "\n")
    else:
        print_posterior(posterior, out)
        if folder is not None:
            out.print(f"Written to {folder}", highlight=False, markup=False)
    if not posterior.verdict.ok:
        err.print(posterior.verdict.text, highlight=False, markup=False)
        raise typer.Exit(FAILED)


@app.command()
def check(
    files: Annotated[list[str], typer.Argument(help="Model files, trial files and tables, or built-in names.")],
    control: Control = None,
    active: Active = None,
    end_point: EndPointName = None,
    benefit: BenefitOption = Better.HIGHER,
    single_arm_sites: SingleArm = False,
) -> None:
    """Check files without fitting; models and trials given together are checked against each other too."""
    from bayes_lupil.engines import engine_for
    from bayes_lupil.likelihoods import build_likelihood
    from bayes_lupil.spec import builtin_models, load_model

    specs, trials = [], []
    for name in files:
        if name in builtin_models() or _looks_like_model(name):
            spec = load_model(name)
            specs.append(spec)
            out.print(f"ok: model '{spec.name}', hash {spec.hash[:12]}", highlight=False, markup=False)
        else:
            trial = _trial(name, control, active, end_point, benefit, single_arm_sites)
            trials.append(trial)
            _notes(trial, name)
            out.print(
                f"ok: trial '{trial.name}' ({trial.resolution}), hash {trial.data_hash[:12]}",
                highlight=False,
                markup=False,
            )
    for trial in trials:
        for spec in specs:
            engine_for(build_likelihood(spec, trial))
            out.print(f"ok: model '{spec.name}' can be fitted to trial '{trial.name}'", highlight=False, markup=False)


@app.command()
def trials(
    name: Annotated[
        str | None, typer.Argument(help="Show one trial with the source and grade of every number.")
    ] = None,
    control: Control = None,
    active: Active = None,
    end_point: EndPointName = None,
    benefit: BenefitOption = Better.HIGHER,
    single_arm_sites: SingleArm = False,
) -> None:
    """List the built-in trials, or show one (a built-in name, .toml or .csv)."""
    from bayes_lupil.report.terminal import print_trial
    from bayes_lupil.trials import builtin_trials, load_trial

    if name is not None:
        print_trial(_trial(name, control, active, end_point, benefit, single_arm_sites), out)
        return
    table = Table(Column("trial", no_wrap=True), "what is known", "patients", "sites", "end point", **_PLAIN)
    for known in builtin_trials():
        trial = load_trial(known)
        table.add_row(
            trial.name, trial.resolution, str(trial.analysis_set().patients), str(len(trial.site_names)),
            f"{trial.end_point.label} ({trial.end_point.benefit} is better)",
        )  # fmt: skip
    out.print(table)
    out.print("\nOne of them in full: bayes-lupil trials NAME", highlight=False)


@app.command()
def models(
    name: Annotated[str | None, typer.Argument(help="Print one model file.")] = None,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON schema of model files, for editors.")
    ] = False,
) -> None:
    """List the built-in models, or print one of them as a file to start from."""
    from bayes_lupil.spec import load_model, load_models, model_path, model_schema

    if schema:
        sys.stdout.write(json.dumps(model_schema(), indent=2) + "\n")
        return
    if name is not None:
        load_model(name)
        sys.stdout.write(model_path(name).read_text(encoding="utf-8"))
        return
    table = Table(
        Column("model", no_wrap=True), "role", "population", "sites: levels, effects", "what it assumes", **_PLAIN
    )
    for spec in load_models():
        table.add_row(
            spec.name, spec.role, spec.population, f"{spec.sites.intercepts}, {spec.sites.effects}", spec.title
        )
    out.print(table)
    out.print("\nOne of them as a file to start from: bayes-lupil models NAME > mine.toml", highlight=False)


def _trial(
    name: str, control: str | None, active: str | None, end_point: str | None, benefit: Better, single: bool
) -> Trial:
    from bayes_lupil.trials import load_trial

    direction: Direction = "higher" if benefit is Better.HIGHER else "lower"
    return load_trial(
        name, control=control, active=active, end_point=end_point, benefit=direction, single_arm_sites=single
    )


def _notes(trial: Trial, name: str) -> None:
    """What was left out or assumed when a file was read; the notes of built-in trials stand in the tables."""
    if Path(name).suffix:
        for note in trial.notes:
            err.print(f"note: {note}", highlight=False, markup=False)


def _looks_like_model(name: str) -> bool:
    path = Path(name)
    if path.suffix.lower() != ".toml" or not path.is_file():
        return False
    try:
        return "priors" in tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        return False  # reading it as a trial says what is wrong, and where


def _interactive(quiet: bool) -> bool:
    return not quiet and sys.stderr.isatty()


def main(run: Callable[[], Any] = app) -> None:
    """Entry point: errors of this package become a message and an exit status, never a traceback."""
    try:
        run()
    except BayesLupilError as problem:
        err.print("error:", style="bold red", end=" ")
        err.print(str(problem), highlight=False, markup=False, soft_wrap=True)
        raise SystemExit(problem.exit_status) from None
    except KeyboardInterrupt:
        err.print("interrupted")
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
