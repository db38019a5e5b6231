"""Trials of more than two arms: each active arm against the control, as a trial of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bayes_lupil.arguments import checked
from bayes_lupil.cards import Card, Shown
from bayes_lupil.errors import TrialError, did_you_mean
from bayes_lupil.frozen import ReadOnly
from bayes_lupil.trials.arms import the_control
from bayes_lupil.trials.asked import Asked, Label, labels
from bayes_lupil.trials.loading import builtin_trials, load_trial
from bayes_lupil.trials.readers import rows_asked
from bayes_lupil.trials.roles import find_roles
from bayes_lupil.trials.sources import is_path, read_source
from bayes_lupil.trials.tables import Table, listed, sheets_told
from bayes_lupil.trials.trial import Trial

__all__ = ["EACH", "Comparisons", "load_comparisons"]

EACH = "each"
"""In place of the active arm: every arm but the control."""


@dataclass(frozen=True, repr=False)
class Comparisons(Shown, ReadOnly, Mapping[str, Trial]):
    """Trials of two arms by the name of the active one; the control is the same in all."""

    trials: Mapping[str, Trial]

    def __getitem__(self, arm: str) -> Trial:
        return self.trials[arm]

    def __iter__(self) -> Iterator[str]:
        return iter(self.trials)

    def __len__(self) -> int:
        return len(self.trials)

    def card(self) -> Card:
        """The arms with their counts, and what the comparisons share."""
        first = next(iter(self.trials.values()))
        arms = [(first.arms.control, first.analysis_set().totals[0])]
        arms += [(arm, trial.analysis_set().totals[1]) for arm, trial in self.trials.items()]
        rows = [("warning", text) for text in first.warnings]
        rows.append(("end point", f"{first.end_point.label}: {first.end_point.benefit} is better"))
        rows += [(f"arm '{arm}'", f"{r} of {n}") for arm, (r, n) in arms]
        calls = ("{arm: bl.fit(model, trial) for arm, trial in comparisons.items()}",)
        return Card(f"{len(self)} active arms, each against '{first.arms.control}'", tuple(rows), calls=calls)


@checked
def load_comparisons(
    source: Any, *, control: Label | None = None, active: Label | Sequence[Label] = EACH, **reading: Any
) -> Comparisons:
    """Read a table of more than two arms as several trials: each active arm against the control.

    Each comparison is an analysis of its own. They share the patients of the control, so they are not independent, and
    nothing is adjusted for their number; the warnings of every trial say so.

    Parameters
    ----------
    source : str, Path, data frame or dict of columns
        A table as `load_trial` takes it, with a row a patient, or a row a site and arm.
    control : str or number, optional
        Needed unless exactly one arm is called control or placebo.
    active : str, number or sequence of them
        The arms compared with it; 'each' for all others (unless an arm is called so).
    **reading
        Further options of `load_trial`.

    Returns
    -------
    Comparisons
        A mapping from the name of the active arm to its trial.

    Raises
    ------
    TrialError
        As `load_trial`, and for a table in which the two arms stand side by side.

    Examples
    --------
    >>> columns = {"site": ["A"] * 3 + ["B"] * 3, "arm": ["placebo", "low", "high"] * 2}
    >>> columns |= {"responders": [2, 3, 5, 1, 4, 4], "n": [9, 9, 9, 8, 8, 8]}
    >>> {arm: trial.analysis_set().totals for arm, trial in load_comparisons(columns).items()}
    {'low': ((3, 17), (7, 17)), 'high': ((3, 17), (9, 17))}
    """
    if is_path(source) and (Path(source).suffix.lower() == ".toml" or str(source) in builtin_trials()):
        required = "a table of several arms: a trial file declares the two that it is about"
        raise TrialError(f"trial '{source}'", "a trial file or built-in trial", required)
    first, actives = _arms(source, control, active, reading)
    trials = {arm: load_trial(source, control=first, active=arm, **reading) for arm in actives}
    return Comparisons({arm: _told(trial, len(trials)) for arm, trial in trials.items()})


def _arms(
    source: Any, control: Label | None, active: Label | Sequence[Label], reading: Mapping[str, Any]
) -> tuple[str, tuple[str, ...]]:
    """The control, and the arms that are compared with it."""
    known = {key: value for key, value in reading.items() if key in Asked.__dataclass_fields__ and value is not None}
    asked = Asked.of(control=control, **known)
    table = read_source(source, reading.get("sheet"))
    with sheets_told(table.sheets):
        return _arms_of(rows_asked(table, asked), asked, active)


def _arms_of(table: Table, asked: Asked, active: Label | Sequence[Label]) -> tuple[str, tuple[str, ...]]:
    column = find_roles(table, asked).arm
    if column is None:
        raise TrialError(str(table.path), "a row a site, its two arms side by side", "a column of arms")
    names = list(dict.fromkeys(table.names(column)))
    first = the_control(table, names, asked.control)
    others = tuple(name for name in names if name != first)
    chosen = tuple(dict.fromkeys(labels(active)))
    if chosen == (EACH,) and EACH not in names:
        chosen = others
    for name in chosen:
        if name not in others:
            required = f"an arm other than the control '{first}': {listed(others, 12)}"
            raise TrialError(str(table.path), f"'{name}' as an active arm", required, did_you_mean(name, others))
    if not chosen:
        raise TrialError(str(table.path), f"only the arm '{first}'", "two arms or more")
    return first, chosen


def _told(trial: Trial, comparisons: int) -> Trial:
    """The trial under a title that tells its arms, with a warning where the control is compared with others too."""
    arms, reading = trial.arms, trial.reading
    assert reading is not None  # it was read from a table
    if comparisons > 1:
        patients = trial.analysis_set().totals[0][1]
        shared = (
            f"one of {comparisons} comparisons with the same control group ('{arms.control}', {patients} patients): "
            "they are not independent of each other, and nothing here is adjusted for their number (multiplicity)"
        )
        reading = replace(reading, cautions=(shared, *reading.cautions))
    return replace(trial, title=f"{trial.title}, {arms.active} against {arms.control}", reading=reading)
