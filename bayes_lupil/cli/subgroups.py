"""The command for effects by subgroup."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bayes_lupil.cli.common import Force, Quiet, Seed, TrialArgument, app, out, results
from bayes_lupil.cli.reading import ReadTrial, reads_trials, tell_notes
from bayes_lupil.cli.usage import examples
from bayes_lupil.errors import InputError


@app.command(
    epilog=examples(
        "subgroups my_patients.csv --by sex",
        "subgroups my_patients.csv --by sledai --cut 10 --out by_activity",
        "subgroups topcat --group Russia=East --group Georgia=East --others Americas",
    )
)
@reads_trials
def subgroups(
    *,
    trial: TrialArgument,
    by: Annotated[str | None, typer.Option(help="A column of the patients.")] = None,
    cut: Annotated[
        float | None, typer.Option(help="For a column of numbers: at most so much, and more, are the subgroups.")
    ] = None,
    group: Annotated[
        list[str] | None,
        typer.Option(metavar="SITE=SUBGROUP", help="The subgroup of a site; may be given several times."),
    ] = None,
    others: Annotated[str | None, typer.Option(help="The subgroup of all sites not named by --group.")] = None,
    model: Annotated[str, typer.Option(help="A model in which sites differ in level and in effect.")] = "site_effects",
    folder: Annotated[
        str | None, typer.Option("--out", metavar="FOLDER", help="Write page, table, figure and posterior here.")
    ] = None,
    force: Force = False,
    seed: Seed = None,
    quiet: Quiet = False,
    load: ReadTrial,
) -> None:
    """Effects by subgroup: observed, shrunken towards each other, P(benefit) in each, and tests of interaction."""
    from bayes_lupil.report import show
    from bayes_lupil.report.subgroups.page import SUBGROUP_FILES, subgroups_summary, write_subgroups
    from bayes_lupil.subgroups import subgroup_effects

    if (by is None) == (not group):
        raise InputError(
            "subgroups", "neither --by nor --group" if by is None else "both --by and --group", "one of them"
        )
    trials = load(trial)
    with results(
        folder, lambda: [f"{place}{file}" for place in trials for file in SUBGROUP_FILES], [trial, model], force
    ) as new:
        for place, data in trials.items():
            if not quiet:
                tell_notes(data, trial, warn=False)
            asked = by if by is not None else _groups(group or [], others, data.site_names)
            found = subgroup_effects(data, asked, cut=cut, model=model, seed=seed)
            if new is not None:
                write_subgroups(found, new / place)
            show(subgroups_summary(found), out)
    if folder is not None:
        out.print(f"Written to {Path(folder)}: subgroups.html first", highlight=False, markup=False)


def _groups(given: list[str], others: str | None, sites: tuple[str, ...]) -> dict[str, str]:
    named = {}
    for item in given:
        site, _, name = item.rpartition("=")
        if not (site and name):
            raise InputError("--group", f"'{item}'", "SITE=SUBGROUP")
        named[site] = name
    rest = {} if others is None else dict.fromkeys(sites, others)
    return {**rest, **named}
