"""The fields of the trial that a table holds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from bayes_lupil.characters import one_line
from bayes_lupil.errors import within
from bayes_lupil.trials.direction import counted_words
from bayes_lupil.trials.end_point import Arms, EndPoint
from bayes_lupil.trials.options import Options
from bayes_lupil.trials.populations import Population
from bayes_lupil.trials.readers import read_counts
from bayes_lupil.trials.sources import is_path, read_source
from bayes_lupil.trials.tables import sheets_told

__all__ = ["BY_USER", "fields_of_table"]

BY_USER = "given by the user"
"""Source of a minimal important difference that was handed over beside a table."""


def fields_of_table(source: Any, options: Options) -> dict[str, Any]:
    """Arguments of `Trial` for a table in a file or in memory.

    Raises
    ------
    TrialError
        Naming the place, what was found and what is required.
    """
    table = read_source(source, options.sheet)
    with sheets_told(table.sheets):
        read = read_counts(table, options.asked)
    populations = {"itt": Population("itt", "intention to treat", "everyone in the file")}
    populations |= {flag: Population(flag, flag, origin) for flag, origin in read.flags.items()}
    called = options.end_point if options.end_point is not None else read.outcome or "response"
    in_file, mcid = is_path(source), options.mcid
    title = one_line(Path(source).name) if in_file else str(table.path).removeprefix("the ")
    with within(table.path):
        label = _label(called, read.outcome, read.reading.counted)
        point = EndPoint(called, label, options.benefit or "higher", mcid=mcid, mcid_source=BY_USER if mcid else "")
        arms = Arms(*read.arms)
    return {
        "name": options.name or (one_line(Path(source).stem) if in_file else "trial"),
        "title": options.name or title,
        "arms": arms,
        "end_point": point,
        "data": read.data,
        "populations": populations,
        "provenance": ({"number": "counts", "what": f"file {title}" if in_file else title,
                        "source": "the user's file" if in_file else "the user's data", "grade": ""},),
        "notes": read.reading.notes,
        "synthetic": read.synthetic,
        "reading": replace(read.reading, direction_declared=options.benefit is not None),
    }  # fmt: skip


def _label(called: str, column: str, counted: tuple[str, ...]) -> str:
    """The end point with what is counted, where its name does not say it."""
    words = counted_words(column, counted) if counted else column
    if words == column:
        return called
    return words if called == column else f"{called} ({words})"
