"""What the commands share: the application, its two consoles, options, and how a trial is read and told of."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from bayes_lupil.cli.console import err, out
from bayes_lupil.cli.usage import Commands, examples
from bayes_lupil.folders import output_folder

__all__ = [
    "FAILED",
    "PLAIN",
    "Force",
    "Quiet",
    "Seed",
    "Thresholds",
    "TrialArgument",
    "app",
    "err",
    "interactive",
    "out",
    "results",
    "thresholds_of",
]

FAILED = 3
"""Exit status where a fit ran but its diagnostics failed, or the sampler could not run."""


app = typer.Typer(
    cls=Commands,
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode="rich",
    epilog=examples(
        "reanalyse", "fit site_effects my_trial.csv --control placebo --active drug", "check my_trial.csv", "models"
    ),
    context_settings={"help_option_names": ["-h", "--help"]},
    help=(
        "Bayesian reanalysis of a multicentre randomised trial: hierarchical site models beside the trial's own "
        "frequentist hierarchy.\n\nStart with [bold]bayes-lupil reanalyse[/bold] (the LUPIL-2 trial), or fit one "
        "model: [bold]bayes-lupil fit site_effects my_trial.csv --control placebo --active drug[/bold].\n\n"
        "Exit status: 0 fine, 2 bad input (nothing is written), 3 a fit failed its diagnostics."
    ),
)
PLAIN: dict[str, Any] = {"box": None, "pad_edge": False}


TrialArgument = Annotated[
    str,
    typer.Argument(
        metavar="TRIAL",
        help="A built-in trial (see 'trials'), a trial file (.toml), or a table: .csv, .tsv, .xlsx, .dta, .sav, .xpt, "
        ".sas7bdat, .parquet, .feather.",
        show_default=True,
    ),
]
Suspect = Annotated[
    list[str] | None,
    typer.Option(
        help="A site whose way from kept to excluded is followed; may be given several times. "
        "By default the sites that look outlying."
    ),
]
Seed = Annotated[int | None, typer.Option(min=0, max=2**32 - 1, help="In place of the seed in the model file.")]
Thresholds = Annotated[
    str | None,
    typer.Option(
        metavar="D,D,...",
        help="Differences d of the reported P(benefit greater than d), in place of the model file's: 0.01,0.02.",
    ),
]
Force = Annotated[
    bool,
    typer.Option(
        "--force",
        help="Replace what is in the way, even if no earlier run wrote it or it was changed since; "
        "but never a file that this run reads.",
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no notices.")]


@contextmanager
def results(
    folder: str | None, names: Callable[[], Iterable[str]], read: Iterable[str | Path], force: bool
) -> Iterator[Path | None]:
    """What a command fills where it was told to write: the results of `folder`, once it has ended; else None.

    Parameters
    ----------
    names : callable
        Gives the files that the command may write.
    read : iterable of str or Path
        What the command was given to read; what is no file is built in.
    """
    if folder is None:
        yield None
        return
    inputs = [Path(name) for name in read if Path(name).is_file()]
    with output_folder(folder, names(), inputs=inputs, force=force, tell=_note) as new:
        yield new


def _note(line: str) -> None:
    err.print(f"note: {line}", highlight=False, markup=False, soft_wrap=True)


def interactive(quiet: bool) -> bool:
    """Whether progress may be shown: only where the calls of a command ask for it."""
    return not quiet and sys.stderr.isatty()


def thresholds_of(text: str) -> list[float]:
    """The differences that an option names.

    Raises
    ------
    InputError
        For what is no list of differences between 0 and 1.
    """
    from bayes_lupil.errors import InputError

    try:
        found = {float(part) for part in text.split(",")}
    except ValueError:
        found = set()
    if not found or not all(0 <= value < 1 for value in found):
        required = "differences of rates from 0 to 1, separated by commas: 0.01,0.02"
        raise InputError("option --thresholds", f"'{text}'", required)
    return sorted(found)


def pairs(option: str, given: list[str] | None, form: str, example: str) -> list[tuple[str, str]]:
    """(name, value) of each NAME=VALUE of an option that may be given more than once.

    Raises
    ------
    InputError
        For what has no name or no value.
    """
    from bayes_lupil.errors import InputError

    found = []
    for text in given or ():
        name, _, value = map(str.strip, text.partition("="))
        if not name or not value:
            raise InputError(f"option {option}", f"'{text}'", form, f"For example: {option} {example}")
        found.append((name, value))
    return found
