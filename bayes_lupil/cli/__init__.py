"""The command line: parses, calls, prints."""

from __future__ import annotations

import atexit
import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from bayes_lupil.cli import arms as _arms  # noqa: F401
from bayes_lupil.cli import benefit as _benefit  # noqa: F401
from bayes_lupil.cli import countries as _countries  # noqa: F401
from bayes_lupil.cli import endpoints as _endpoints  # noqa: F401
from bayes_lupil.cli import fits as _fits  # noqa: F401  adds its commands, as those below
from bayes_lupil.cli import shows as _shows  # noqa: F401
from bayes_lupil.cli import sites as _sites  # noqa: F401
from bayes_lupil.cli import subgroups as _subgroups  # noqa: F401
from bayes_lupil.cli.common import FAILED, app, err, out
from bayes_lupil.cli.streams import quiet_surroundings, streams
from bayes_lupil.errors import BayesLupilError
from bayes_lupil.progress import silent
from bayes_lupil.version import __version__

__all__ = ["FAILED", "app", "err", "main", "out"]


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


def main(run: Callable[[], Any] = app) -> None:
    """Entry point: errors of this package become a message and an exit status, never a traceback."""
    quiet_surroundings()
    with streams() as said, _few_collections():
        status = _status(run)
        if lost := said.lost:
            _tell(lost)
            status = status or lost.exit_status
    raise SystemExit(status)


@contextmanager
def _few_collections() -> Iterator[None]:
    """Look for garbage less often: what is imported is none, and looking through it is a fifth of a short command."""
    before = gc.get_threshold()
    gc.set_threshold(200_000, *before[1:])
    atexit.unregister(gc.freeze)
    atexit.register(gc.freeze)  # nor looked through once more, when the process ends
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _status(run: Callable[[], Any]) -> int | str:
    """What the command ends with."""
    try:
        with silent():  # a command asks for what it shows
            run()
    except BayesLupilError as problem:
        _tell(problem)
        return problem.exit_status
    except KeyboardInterrupt:
        err.print("interrupted")
        return 130
    except SystemExit as end:
        return end.code or 0
    return 0


def _tell(problem: BayesLupilError) -> None:
    err.print("error:", style="bold red", end=" ")
    err.print(str(problem), highlight=False, markup=False, soft_wrap=True)
