"""Commands that show what there is: trials and models."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.table import Column, Table

from bayes_lupil.cli.common import (
    PLAIN,
    app,
    out,
)
from bayes_lupil.cli.reading import ReadTrial, reads_trials
from bayes_lupil.cli.streams import write_document
from bayes_lupil.cli.usage import examples


@app.command(
    epilog=examples(
        "trials",
        "trials lupil2",
        "trials my_trial.csv --control placebo --active drug",
    )
)
@reads_trials
def trials(
    *,
    name: Annotated[
        str | None, typer.Argument(metavar="TRIAL", help="Show one trial with the source and grade of every number.")
    ] = None,
    load: ReadTrial,
) -> None:
    """List the built-in trials, or show one (a built-in name, .toml or .csv)."""
    from bayes_lupil.report import show
    from bayes_lupil.report.reanalysis.trial_and_estimand import trial_summary
    from bayes_lupil.trials import builtin_trials, load_trial

    if name is not None:
        for trial in load(name).values():
            show(trial_summary(trial), out)
        return
    table = Table(Column("trial", no_wrap=True), "arms", "patients", "sites", "known as", "end point", **PLAIN)
    for known in builtin_trials():
        trial = load_trial(known)
        table.add_row(
            trial.name, f"{trial.arms.active} v {trial.arms.control}", str(trial.analysis_set().patients),
            str(len(trial.site_names)), trial.resolution,
            trial.end_point.directed,
        )  # fmt: skip
    out.print(table)
    out.print("\nOne of them in full: bayes-lupil trials NAME", highlight=False)


@app.command(
    epilog=examples(
        "models",
        "models site_effects > mine.toml",
        "models --schema > schema.json",
    )
)
def models(
    name: Annotated[str | None, typer.Argument(metavar="MODEL", help="Print one model file.")] = None,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON schema of model files, for editors.")
    ] = False,
) -> None:
    """List the built-in models, or print one of them as a file to start from."""
    from bayes_lupil.spec import (
        builtin_models,
        end_point_models,
        load_model,
        load_models,
        model_path,
        model_schema,
        site_models,
    )

    if schema:
        write_document(json.dumps(model_schema(), indent=2) + "\n")
        return
    if name is not None:
        load_model(name)
        write_document(model_path(name).read_text(encoding="utf-8"))
        return
    table = Table(
        Column("model", no_wrap=True),
        "what it assumes",
        "end point",
        "population",
        "sites: levels, effects",
        "role",
        **PLAIN,
    )
    for spec in (*load_models(), *site_models()[1:], *end_point_models()):
        table.add_row(
            spec.name, spec.title, "continuous" if spec.continuous else "binary", spec.population,
            f"{spec.sites.intercepts}, {spec.sites.effects}", spec.role,
        )  # fmt: skip
    out.print(table)
    own = ", ".join(name for name in builtin_models() if "/" in name)
    out.print(f"\nOf one trial's own, and what 'reanalyse' fits to it in place of these: {own}", highlight=False)
    out.print("\nOne of them as a file to start from: bayes-lupil models NAME > mine.toml", highlight=False)
