"""The command for effects by country."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bayes_lupil.cli.common import Force, Quiet, Seed, TrialArgument, app, out, results
from bayes_lupil.cli.reading import ReadTrial, reads_trials, tell_notes
from bayes_lupil.cli.usage import examples


@app.command(
    epilog=examples(
        "countries my_patients.csv --site centre --country region",
        "countries my_sites.csv --country country --model country_outliers --out by_country",
    )
)
@reads_trials
def countries(
    *,
    trial: TrialArgument,
    model: Annotated[str, typer.Option(help="A model with countries.")] = "site_in_country",
    folder: Annotated[
        str | None, typer.Option("--out", metavar="FOLDER", help="Write page, table, figure and posterior here.")
    ] = None,
    force: Force = False,
    seed: Seed = None,
    quiet: Quiet = False,
    load: ReadTrial,
) -> None:
    """Effects by country, or other group of sites: observed, shrunken, and the trial without each."""
    from bayes_lupil.fitting import fit
    from bayes_lupil.report import show
    from bayes_lupil.report.countries.page import COUNTRY_FILES, countries_summary, write_countries
    from bayes_lupil.sites import country_table

    trials = load(trial)
    with results(
        folder, lambda: [f"{place}{file}" for place in trials for file in COUNTRY_FILES], [trial, model], force
    ) as new:
        for place, data in trials.items():
            if not quiet:
                tell_notes(data, trial, warn=False)
            found = country_table(fit(model, data, seed=seed))
            if new is not None:
                write_countries(found, new / place)
            show(countries_summary(found), out)
    if folder is not None:
        out.print(f"Written to {Path(folder)}: countries.html first", highlight=False, markup=False)
