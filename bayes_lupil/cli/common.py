"""What the commands share: the application, its two consoles, options, and how a trial is read and told of."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from bayes_lupil.cli.console import Terminal
from bayes_lupil.documents import read_content
from bayes_lupil.errors import TrialError
from bayes_lupil.folders import output_folder

if TYPE_CHECKING:
    from bayes_lupil.trials import Trial
    from bayes_lupil.trials.trial import Direction

__all__ = [
    "FAILED",
    "PLAIN",
    "Active",
    "BenefitOption",
    "Better",
    "Control",
    "EndPointName",
    "Force",
    "Quiet",
    "Seed",
    "SingleArm",
    "TrialArgument",
    "app",
    "err",
    "interactive",
    "looks_like_model",
    "out",
    "read_trial",
    "results",
    "tell_notes",
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


def read_trial(
    name: str, control: str | None, active: str | None, end_point: str | None, benefit: Better, single: bool
) -> Trial:
    """The trial that a command's options name."""
    from bayes_lupil.trials import load_trial

    direction: Direction = "higher" if benefit is Better.HIGHER else "lower"
    return load_trial(
        name, control=control, active=active, end_point=end_point, benefit=direction, single_arm_sites=single
    )


def tell_notes(trial: Trial, name: str) -> None:
    """What was left out or assumed when a file was read; the notes of built-in trials stand in the tables."""
    if Path(name).suffix:
        for note in trial.notes:
            err.print(f"note: {note}", highlight=False, markup=False)


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
    """Whether progress may be shown."""
    return not quiet and sys.stderr.isatty()
