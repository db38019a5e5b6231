"""The options that say how a table is read: the same for every command that takes a trial."""

from __future__ import annotations

import functools
import inspect
import typing
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bayes_lupil.cli.common import err, out, pairs
from bayes_lupil.errors import InputError
from bayes_lupil.folders import folder_names

if TYPE_CHECKING:
    from rich.console import Console

    from bayes_lupil.trials import Trial

__all__ = ["ReadTrial", "reads_trials", "tell_notes", "tell_reading"]

ReadTrial = Callable[..., dict[str, "Trial"]]
"""What a command is handed: reads the trial of that name, with the options that were given, or those named by default.

By what stands before the names of its files: nothing, or of several active arms a folder for each.
"""

_PANEL = "How a table is read"


class Better(StrEnum):
    """Which response is good for the patient."""

    HIGHER = "higher"
    LOWER = "lower"


class Missing(StrEnum):
    """How missing outcomes count."""

    NON_RESPONDER = "non_responder"
    COMPLETE_CASES = "complete_cases"
    EVENT = "event"


def _option(*names: str, help: str, metavar: str = "COLUMN") -> Any:  # noqa: A002  as Typer calls it
    return typer.Option(*names, help=help, metavar=metavar, rich_help_panel=_PANEL)


def _options(
    control: Annotated[str | None, _option(help="Name of the control arm.", metavar="ARM")] = None,
    active: Annotated[
        list[str] | None,
        _option(
            help="Name of the active arm; several times, or 'each', for each against the control, in folders of "
            "their own.",
            metavar="ARM",
        ),
    ] = None,
    end_point: Annotated[
        str | None,
        _option(
            "--end-point", help="Name of the end point; of patients its column, without --outcome.", metavar="NAME"
        ),
    ] = None,
    benefit: Annotated[
        Better | None,
        typer.Option(
            help="Whether a 'higher' or 'lower' response is good for the patient (higher where nothing is said).",
            rich_help_panel=_PANEL,
        ),
    ] = None,
    mcid: Annotated[
        float | None, _option(help="Minimal important difference of risks, between 0 and 1.", metavar="NUMBER")
    ] = None,
    site: Annotated[str | None, _option(help="Column of sites.")] = None,
    arm: Annotated[str | None, _option(help="Column of arms.")] = None,
    outcome: Annotated[
        str | None, _option(help="Column of the outcome, or of the responders in a table of counts.")
    ] = None,
    id: Annotated[str | None, _option("--id", help="Column that identifies patients.")] = None,  # noqa: A002
    n: Annotated[str | None, _option("--n", help="Column with the number of patients, in a table of counts.")] = None,
    where: Annotated[
        str | None,
        _option(help="Which rows are read, for example \"visit == 4 and itt == 'Y'\".", metavar="CONDITION"),
    ] = None,
    population: Annotated[
        list[str] | None,
        _option(help="A population and the column of its members (or a condition): pp=pp_flag.", metavar="NAME=COLUMN"),
    ] = None,
    responder: Annotated[
        list[str] | None,
        _option(help="A value of the outcome that is a response, or a condition: '<= 3'.", metavar="VALUE"),
    ] = None,
    missing: Annotated[Missing | None, typer.Option(help="How missing outcomes count.", rich_help_panel=_PANEL)] = None,
    na: Annotated[
        list[str] | None, _option(help="A further value that means a missing outcome.", metavar="VALUE")
    ] = None,
    wide: Annotated[
        str | None,
        _option(help="Of a row a site: events and patients of active, then of control.", metavar="EVENTS,N,EVENTS,N"),
    ] = None,
    sheet: Annotated[str | None, _option(help="Sheet of an Excel file.", metavar="SHEET")] = None,
    single_arm_sites: Annotated[
        bool,
        typer.Option(
            "--single-arm-sites",
            help="Accept sites with a row for one arm only, and trials in which no site has both arms.",
            rich_help_panel=_PANEL,
        ),
    ] = False,
    country: Annotated[
        str | None, _option(help="Column of the country, or other group, that each site lies in (never guessed).")
    ] = None,
) -> dict[str, Any]:
    """The options as `load_trial` takes them."""
    given = {
        "control": control, "active": _one_or_more(active), "end_point": end_point,
        "benefit": benefit and benefit.value, "mcid": mcid, "site": site, "arm": arm, "outcome": outcome, "id": id,
        "n": n, "where": where,
        "population": dict(pairs("--population", population, "NAME=COLUMN", "pp=pp_flag")) or None,
        "responder": _one_or_more(responder),
        "missing": missing and missing.value, "na": _one_or_more(na), "wide": _wide(wide), "sheet": sheet,
        "country": country,
    }  # fmt: skip
    return {name: value for name, value in given.items() if value is not None} | {"single_arm_sites": single_arm_sites}


def _one_or_more(given: list[str] | None) -> str | list[str] | None:
    return given[0] if given and len(given) == 1 else given or None


def _wide(given: str | None) -> dict[str, tuple[str, str]] | None:
    if given is None:
        return None
    names = [name.strip() for name in given.split(",")]
    if len(names) != 4 or not all(names):
        required = "four columns: events and patients of the active arm, then of control"
        raise InputError("option --wide", f"'{given}'", required, "For example: --wide ai,n1i,ci,n2i")
    return {"active": (names[0], names[1]), "control": (names[2], names[3])}


def reads_trials(command: Callable[..., None]) -> Callable[..., None]:
    """Gives a command the options of reading, and in their place, as the argument `load`, what reads with them."""
    asked = inspect.signature(_options).parameters
    hints = typing.get_type_hints(_options, include_extras=True)
    own = typing.get_type_hints(command, include_extras=True, localns={"ReadTrial": Any})

    @functools.wraps(command)
    def with_options(**given: Any) -> None:
        options = {name: given.pop(name) for name in asked}

        def load(name: str, **by_default: Any) -> dict[str, Trial]:
            from bayes_lupil.spec import is_plan
            from bayes_lupil.trials import load_comparisons, load_trial
            from bayes_lupil.trials.comparisons import EACH

            if is_plan(name):
                hint = f"A plan is run with patient data: bayes-lupil endpoints patients.csv --plan {name}."
                raise InputError(f"trial '{name}'", "a plan of end points", "a trial", hint)
            asked_for = by_default | _options(**options)
            if not isinstance(asked_for.get("active"), list) and asked_for.get("active") != EACH:
                return {"": load_trial(name, **asked_for)}
            found = load_comparisons(name, **asked_for)
            places = (f"{folder}/" for folder in folder_names(found))
            return dict(zip(places, found.values(), strict=True))

        command(**given, load=load)

    kept = [
        item.replace(annotation=own[name], kind=inspect.Parameter.KEYWORD_ONLY)
        for name, item in inspect.signature(command).parameters.items()
        if name != "load"
    ]
    more = [item.replace(annotation=hints[name], kind=inspect.Parameter.KEYWORD_ONLY) for name, item in asked.items()]
    with_options.__signature__ = inspect.Signature([*kept, *more])  # type: ignore[attr-defined]
    with_options.__annotations__ = {item.name: item.annotation for item in (*kept, *more)}
    return with_options


def tell_notes(trial: Trial, name: str, warn: bool = True) -> None:
    """What must be known first, unless the result is about to say it; and what was left out or assumed in reading.

    The notes of built-in trials stand in the tables.
    """
    if warn:
        tell_warnings(trial, err)
    if Path(name).suffix:
        for note in trial.notes:
            err.print(f"note: {note}", highlight=False, markup=False)


def tell_warnings(trial: Trial, console: Console) -> None:
    """What must be known before any result."""
    for warning in trial.warnings:
        console.print(f"Warning: {warning}", style="bold", highlight=False, markup=False, soft_wrap=True)


def tell_reading(trial: Trial, name: str) -> None:
    """What must be known first, and how a table was understood; or the notes of another file."""
    tell_warnings(trial, out)
    if trial.reading is None:
        tell_notes(trial, name, warn=False)
    else:
        out.print(f"End point: {trial.end_point.directed}", highlight=False, markup=False, soft_wrap=True)
        for line in trial.reading.lines:
            out.print(line, highlight=False, markup=False, soft_wrap=True)
