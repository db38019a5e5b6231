"""What the commands share: the application, its two consoles, options, and how a trial is read and told of."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from bayes_lupil.cli.console import Terminal
from bayes_lupil.documents import read_content
from bayes_lupil.errors import TrialError
from bayes_lupil.folders import output_folder

__all__ = [
    "FAILED",
    "PLAIN",
    "Force",
    "Quiet",
    "Seed",
    "TrialArgument",
    "app",
    "err",
    "interactive",
    "looks_like_model",
    "out",
    "results",
]

FAILED = 3
"""Exit status where a fit ran but its diagnostics failed, or the sampler could not run."""


class _Commands(TyperGroup):
    """The commands; one that is interrupted from the keyboard says so, and whether it wrote anything."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as stopped:
            err.print(", ".join(["interrupted", *getattr(stopped, "__notes__", [])]))
            raise typer.Exit(130) from None


app = typer.Typer(
    cls=_Commands,
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
PLAIN: dict[str, Any] = {"box": None, "pad_edge": False}
out, err = Terminal(), Terminal(stderr=True)


TrialArgument = Annotated[
    str,
    typer.Argument(
        help="A built-in trial (see 'trials'), a trial file (.toml), or a table: .csv, .tsv, .xlsx, .dta, .sav, .xpt, "
        ".sas7bdat, .parquet, .feather.",
        show_default=True,
    ),
]
Seed = Annotated[int | None, typer.Option(min=0, max=2**32 - 1, help="In place of the seed in the model file.")]
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


def looks_like_model(name: str) -> bool:
    """Whether a file is a model file and not a trial file."""
    path = Path(name)
    if path.suffix.lower() != ".toml":
        return False
    try:
        return "priors" in read_content(path, TrialError)
    except TrialError:
        return False  # reading it as a trial says what is wrong, and where


def interactive(quiet: bool) -> bool:
    """Whether progress may be shown: only where the calls of a command ask for it."""
    return not quiet and sys.stderr.isatty()
