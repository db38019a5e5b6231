"""Commands for patient data: the whole hierarchy of end points, and made-up patients to try it on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bayes_lupil.cli.common import FAILED, Force, Quiet, app, err, interactive, out, results
from bayes_lupil.cli.streams import write_document
from bayes_lupil.cli.usage import examples
from bayes_lupil.files import made_folder, refuse_existing, write_text
from bayes_lupil.folders import folder_names

if TYPE_CHECKING:
    from bayes_lupil.spec import Plan


@app.command(
    epilog=examples(
        "endpoints patients.csv --plan my_plan.toml --out hierarchy",
        "endpoints patients.csv --no-joint --no-tipping",
    )
)
def endpoints(
    patients: Annotated[
        Path,
        typer.Argument(
            metavar="PATIENTS",
            help="A table (.csv, .xlsx, .sav ...), one row a patient: site, arm, and what was recorded.",
        ),
    ],
    plan: Annotated[
        str, typer.Option(help="The end-point plan: built-in (see 'plans') or a file (.toml).")
    ] = "lupil2_hierarchy",
    folder: Annotated[
        str | None,
        typer.Option("--out", metavar="FOLDER", help="Write the page, tables (CSV, Markdown, LaTeX) and figures here."),
    ] = None,
    force: Force = False,
    active: Annotated[
        str | None, typer.Option(help="The one active arm to compare, where the plan names several; all by default.")
    ] = None,
    joint: Annotated[bool, typer.Option(help="Fit the model of all end points together.")] = True,
    tipping: Annotated[bool, typer.Option(help="Look for tipping points where values are missing.")] = True,
    one_engine: Annotated[
        bool, typer.Option("--one-engine", help="Do not check models that two engines can fit against the second.")
    ] = False,
    seed: Annotated[
        int | None, typer.Option(min=0, max=2**32 - 100, help="In place of the seeds in the files.")
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Run a hierarchy of end points on patient data, frequentist and Bayesian side by side.

    The plan says how each end point is made (an SRI from its components, a change, a column), which direction is a
    benefit, how missing values count, and which model is fitted; `bayes-lupil plans lupil2_hierarchy` prints one to
    start from. Without patient data of your own: `bayes-lupil synthetic patients_synthetic.csv`.
    """
    from bayes_lupil.endpoints.analysis import analyse_end_points
    from bayes_lupil.outcomes import read_outcomes
    from bayes_lupil.report import end_point_files, show, write_end_points
    from bayes_lupil.report.endpoints.page import end_points_summary
    from bayes_lupil.spec import load_plan

    chosen, models = load_plan(plan)
    data = read_outcomes(patients, chosen.columns.model_dump())
    wanted = (active,) if active is not None else chosen.arms.actives
    places = _places(chosen, wanted)
    files = end_point_files(chosen, models)
    read = [patients, *_plan_files(plan, chosen)]
    found = []
    with results(folder, lambda: [f"{place}{name}" for place in places for name in files], read, force) as new:
        for arm, place in zip(wanted, places, strict=True):
            result = analyse_end_points(
                chosen,
                data,
                active=arm,
                models=models,
                joint=joint,
                tipping=tipping,
                check_engines=not one_engine,
                seed=seed,
                progress=interactive(quiet),
                announce=None if quiet else _say,
            )
            if new is not None:
                write_end_points(result, new / place)
            found.append(result)
    for result, place in zip(found, places, strict=True):
        show(end_points_summary(result), out)
        if folder is not None:
            out.print(f"Written to {Path(folder) / place}: endpoints.html first", highlight=False, markup=False)
    if not all(result.ok for result in found):
        raise typer.Exit(FAILED)


def _places(plan: Plan, wanted: tuple[str, ...]) -> list[str]:
    """What stands before the names of an arm's files: a folder of its own, where there are several arms."""
    if len(plan.arms.actives) == 1:
        return [""]
    folders = dict(zip(plan.arms.actives, folder_names(plan.arms.actives), strict=True))
    return [f"{folders.get(arm, folder_names([arm])[0])}/" for arm in wanted]


def _plan_files(name: str, plan: Plan) -> list[Path]:
    """The plan and the model files beside it."""
    from bayes_lupil.spec.library import plan_path

    path = plan_path(name)
    return [path, *(path.parent / point.model for point in plan.end_points if point.model)]


def _say(line: str) -> None:
    err.print(line, highlight=False, markup=False)


@app.command(
    epilog=examples(
        "plans",
        "plans lupil2_hierarchy > my_plan.toml",
    )
)
def plans(
    plan: Annotated[str | None, typer.Argument(metavar="PLAN", help="Print this plan, to start your own from.")] = None,
) -> None:
    """List the built-in end-point plans, or print one."""
    from bayes_lupil.spec import builtin_plans, load_plan
    from bayes_lupil.spec.library import plan_path

    if plan is not None:
        load_plan(plan)
        write_document(plan_path(plan).read_text(encoding="utf-8"))
        return
    for name in builtin_plans():
        found, _ = load_plan(name)
        out.print(f"{name}: {found.title}", highlight=False, markup=False)
    out.print("\nOne of them as a file to start from: bayes-lupil plans NAME > mine.toml", highlight=False)


@app.command(
    epilog=examples(
        "synthetic patients.csv",
        "synthetic patients.csv --lupil2-margins --seed 2",
    )
)
def synthetic(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="The CSV file to write.")],
    margins: Annotated[
        bool,
        typer.Option(
            "--lupil2-margins",
            help="Make the published counts of LUPIL-2 hold exactly; the patients are as made up as without it.",
        ),
    ] = False,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="The same seed gives the same patients.")] = 1,
    force: Annotated[bool, typer.Option("--force", help="Replace a file of that name.")] = False,
) -> None:
    """Write made-up patients of a trial like LUPIL-2, to try things on; every row says SYNTHETIC."""
    from bayes_lupil.outcomes.synthetic import synthetic_patients
    from bayes_lupil.report.media.csv_text import csv_text

    refuse_existing(path, force)
    data = synthetic_patients(seed=seed, margins="lupil2" if margins else None)
    with made_folder(path.parent):
        write_text(path, csv_text(data.to_frame()))
    arms = ", ".join(f"{data.arm.count(arm)} {arm}" for arm in data.arms)
    told = f"SYNTHETIC patients written to {path}: {len(data)} ({arms}) at {len(data.sites)} sites"
    out.print(told, highlight=False, markup=False)
