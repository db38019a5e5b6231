"""Progress of long calls, on a terminal or in a notebook, with the time that is left; nothing of it stays.

Where nothing is said (`progress=None`) it is shown if standard error is a terminal or the program runs in a Jupyter
kernel, and nowhere else: not in scripts whose output goes to a file, and not within a call that shows its own.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from html import escape
from typing import Any

from bayes_lupil.characters import visible

__all__ = ["counting", "in_notebook", "is_shown", "silent"]

_silent: ContextVar[bool] = ContextVar("silent", default=False)

Step = Callable[[str], None]
"""Called with the name of each piece of work before it begins."""


def in_notebook() -> bool:
    """Whether the program runs in a Jupyter kernel."""
    if "IPython" not in sys.modules:
        return False
    shell = sys.modules["IPython"].get_ipython()
    return getattr(shell, "kernel", None) is not None


def is_shown(progress: bool | None) -> bool:
    """Whether progress is shown: as asked for, or where somebody looks on."""
    if progress is not None:
        return progress
    return not _silent.get() and (in_notebook() or (sys.stderr is not None and sys.stderr.isatty()))


@contextmanager
def silent() -> Iterator[None]:
    """Calls within show no progress, unless they are asked to."""
    before = _silent.set(True)
    try:
        yield
    finally:
        _silent.reset(before)


@contextmanager
def counting(progress: bool | None, of: int | None, announced: bool = False) -> Iterator[Step]:
    """Show which piece of work is under way, and how long the rest takes if the pieces to come are like those done.

    Parameters
    ----------
    progress : bool, optional
        Whether anything is shown (see `is_shown`). Where the pieces are counted, or nothing is wanted, calls within
        show nothing of their own.
    of : int, optional
        The number of pieces, where it is known.
    announced : bool
        Whether somebody else tells of the pieces, and they are not counted here.

    Examples
    --------
    >>> with counting(False, 2) as step:
    ...     for name in ("first", "second"):
    ...         step(name)
    """
    if announced or not is_shown(progress):
        with silent() if progress is False else nullcontext():
            yield lambda _name: None
        return
    with silent(), (_in_cell if in_notebook() else _on_terminal)(of) as step:
        yield step


@contextmanager
def _on_terminal(of: int | None) -> Iterator[Step]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

    columns = [SpinnerColumn(), TextColumn("{task.description}", markup=False)]
    if of is not None:
        columns += [BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()]
    with Progress(*columns, console=Console(stderr=True), transient=True, speed_estimate_period=3600) as bar:
        task, begun = bar.add_task("", total=of), 0

        def step(name: str) -> None:
            nonlocal begun
            bar.update(task, description=visible(name), completed=begun)
            begun += 1

        yield step


@contextmanager
def _in_cell(of: int | None) -> Iterator[Step]:
    from IPython.display import HTML, display

    cell: Any = display(HTML(""), display_id=True)
    started, begun = time.monotonic(), 0

    def step(name: str) -> None:
        nonlocal begun
        place = "" if of is None else f"{begun + 1} of {of}: "
        cell.update(HTML(escape(f"{place}{visible(name)}{_left(time.monotonic() - started, begun, of)}")))
        begun += 1

    try:
        yield step
    finally:
        cell.update(HTML(""))


def _left(seconds: float, done: int, of: int | None) -> str:
    """How long the rest takes, in words; nothing before the first piece is done.

    Examples
    --------
    >>> _left(30.0, 2, 6), _left(600.0, 1, 5), _left(3.0, 0, 5)
    (' (about 60 s left)', ' (about 40 min left)', '')
    """
    if of is None or not done:
        return ""
    rest = seconds / done * (of - done)
    return f" (about {rest:.0f} s left)" if rest < 120 else f" (about {rest / 60:.0f} min left)"
