"""The command for several active arms against one control."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bayes_lupil.cli.common import Force, Quiet, Seed, TrialArgument, app, err, interactive, out, results
from bayes_lupil.cli.reading import ReadTrial, reads_trials
from bayes_lupil.cli.usage import examples
from bayes_lupil.errors import InputError


@app.command(
    epilog=examples(
        "arms doses.csv --control placebo",
        "arms doses.csv --control placebo --active low --active high --exchangeable --out doses",
    )
)
@reads_trials
def arms(
    *,
    trial: TrialArgument,
    exchangeable: Annotated[
        bool, typer.Option("--exchangeable", help="Shrink the effects of the active arms towards each other.")
    ] = False,
    between_arms: Annotated[
        float | None,
        typer.Option(
            help="Of exchangeable arms: scale of the half-normal prior of the SD between log odds ratios (0.5)."
        ),
    ] = None,
    model: Annotated[str, typer.Option(help="A model of sites that are pooled, or differ normally.")] = "site_effects",
    folder: Annotated[
        str | None, typer.Option("--out", metavar="FOLDER", help="Write page, table, figure and posterior here.")
    ] = None,
    force: Force = False,
    seed: Seed = None,
    quiet: Quiet = False,
    load: ReadTrial,
) -> None:
    """Several active arms against one control in one model: each effect, and which arm is best."""
    from bayes_lupil.arms import compare_arms
    from bayes_lupil.report import show
    from bayes_lupil.report.arms.page import ARMS_FILES, arms_summary, write_arms

    trials = load(trial, active="each")
    if len(trials) < 2:
        raise InputError(
            "arms", "one active arm", "two or more", f"Two arms are compared by: bayes-lupil fit {model} {trial}."
        )
    with results(folder, lambda: list(ARMS_FILES), [trial, model], force) as new:
        found = compare_arms(
            {item.arms.active: item for item in trials.values()}, exchangeable=exchangeable, between_arms=between_arms,
            model=model, seed=seed, progress=interactive(quiet),
        )  # fmt: skip
        for note in () if quiet else found.reading:
            err.print(f"note: {note}", highlight=False, markup=False)
        if new is not None:
            write_arms(found, new)
        show(arms_summary(found), out)
    if folder is not None:
        out.print(f"Written to {Path(folder)}: arms.html first", highlight=False, markup=False)
