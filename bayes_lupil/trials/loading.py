"""One way in: a built-in name, a trial file (TOML), a table in a file of any common kind, or a data frame."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from bayes_lupil.arguments import checked
from bayes_lupil.characters import one_line
from bayes_lupil.errors import TrialError, nearest, within
from bayes_lupil.trials.asked import Asked, Label, MissingRule
from bayes_lupil.trials.declaration import read_trial_file
from bayes_lupil.trials.direction import counted_words
from bayes_lupil.trials.end_point import Arms, Direction, EndPoint
from bayes_lupil.trials.formats import UNREAD
from bayes_lupil.trials.populations import Population
from bayes_lupil.trials.published_trials import published_names, published_trial
from bayes_lupil.trials.readers import read_counts
from bayes_lupil.trials.sources import ENDINGS, is_path, read_source
from bayes_lupil.trials.tables import Table, sheets_told
from bayes_lupil.trials.trial import OfTrial, Trial

__all__ = ["BY_USER", "builtin_trials", "load_trial", "read_trial"]

P = ParamSpec("P")
R = TypeVar("R")

BY_USER = "given by the user"
"""Source of a minimal important difference that was handed over beside a table."""


def builtin_trials() -> tuple[str, ...]:
    """Names of the trials that come with the package.

    Examples
    --------
    >>> "lupil2" in builtin_trials()
    True
    """
    return tuple(sorted(path.stem for path in _library().glob("*.toml")))


def _two_arms(call: Callable[P, R]) -> Callable[P, R]:
    """Tell who names several active arms what reads them, before anything else is said."""

    @functools.wraps(call)
    def same(*args: P.args, **kwargs: P.kwargs) -> R:
        for role in ("active", "control"):
            given = kwargs.get(role)
            if isinstance(given, str) or not isinstance(given, Collection):
                continue
            one = f"{role}={next(iter(given))!r}" if len(given) == 1 else f"{role}=NAME"
            several = (
                "Several arms, each against the control: load_comparisons(source, control=..., active=[...]), a trial "
                "for each (on the command line: --active several times, or --active each). "
            )
            raise TrialError(
                role, f"{len(given)} names ({', '.join(map(str, given))})", f"one arm: a trial has two ({one})",
                several if role == "active" else "",
            )  # fmt: skip
        return call(*args, **kwargs)

    return same


@_two_arms
@checked
def load_trial(
    source: Any,
    *,
    control: Label | None = None,
    active: Label | None = None,
    site: str | None = None,
    arm: str | None = None,
    outcome: str | None = None,
    id: str | None = None,  # noqa: A002  what such a column is called
    n: str | None = None,
    where: str | None = None,
    population: Mapping[str, str] | None = None,
    responder: Label | Sequence[Label] | None = None,
    missing: MissingRule | None = None,
    na: Label | Sequence[Label] | None = None,
    wide: Mapping[str, Sequence[str]] | None = None,
    sheet: str | None = None,
    end_point: str | None = None,
    benefit: Direction | None = None,
    mcid: float | None = None,
    single_arm_sites: bool = False,
    name: str | None = None,
) -> Trial:
    """Load a trial from a file, a data frame, a dictionary of columns, or by its built-in name.

    A table has a row a patient (site, arm, the outcome, and any further columns), a row a site and arm (site, arm,
    responders and n, or responders and nonresponders), or a row a site (ai, n1i, ci, n2i and the like). Columns are
    found by names that are commonly used, where exactly one fits, and `Trial.reading` says which; whatever is missing
    or ambiguous is told at once. Where a column `data` says SYNTHETIC, the data are taken for made-up ones.

    Parameters
    ----------
    source : str, Path, data frame or dict of columns
        A built-in name (`builtin_trials`), a trial file (.toml), or a table: text with commas, semicolons, tabs or
        bars (.csv, .tsv, .txt), Excel (.xlsx), Stata (.dta), SAS (.xpt, .sas7bdat), SPSS (.sav), Parquet or Feather; or
        a frame of pandas, polars or Arrow.
    control, active : str or number, optional
        The arms compared. Needed unless there are two arms of which one is called control or placebo.
    site, arm, outcome, id, n : str, optional
        Names of columns: sites, arms, the outcome (of counts: the responders), the identifier of patients, and of
        counts the number of patients. Without a column of sites the trial is one of one centre.
    where : str, optional
        Which rows are read: comparisons joined by and, or, not, as in ``"visit == 4 and itt != 'N'"``.
    population : dict of str to str, optional
        Further populations by name: the column of their members (1, Y, yes, TRUE), or a condition as in `where`.
        Columns called `pop_NAME` are taken without being named.
    responder : str, number or sequence of them, optional
        The values of the outcome that are responses, or from where on a number is one (``"<= 3"``); needed unless
        the values are 0 and 1, yes and no, TRUE and FALSE.
    missing : {"non_responder", "complete_cases", "event"}, optional
        How missing outcomes count: as non-responders, not at all (left out), or, where lower is better, as events.
        Needed where there are any.
    na : str, number or sequence of them, optional
        Further values that mean a missing outcome, besides NA, '.', nothing, -99 and 'missing'.
    wide : dict of str to (str, str), optional
        Of a row a site: ``{"active": ("ai", "n1i"), "control": ("ci", "n2i")}``, events and patients.
    sheet : str, optional
        Of an Excel file; the first one with values by default.
    end_point : str, optional
        Name of the end point; by default that of its column. For patients, the column itself where `outcome` is not
        given.
    benefit : {"higher", "lower"}, optional
        Whether a higher or a lower response is good for the patient; 'higher' where nothing is said.
    mcid : float, optional
        Minimal clinically important difference, as a risk difference between 0 and 1. A model that is fitted to this
        trial then gives the probability of a difference at least as large.
    single_arm_sites : bool
        Accept tables of sites that have a row for one arm only, and trials of which no site has both arms.
    name : str, optional
        What the trial is called; by default the file's name.

    Returns
    -------
    Trial

    Raises
    ------
    TrialError
        Naming the file, line or key, what was found and what is required.

    Examples
    --------
    >>> trial = load_trial("lupil2")
    >>> trial.resolution, trial.arms.names, list(trial.populations)
    ('margins', ('placebo', 'ILT-101'), ['itt', 'pp'])

    >>> columns = {"centre": ["A", "A", "B", "B"], "treat": ["P", "D", "P", "D"]}
    >>> columns["status"] = ["poor", "good", "good", "good"]
    >>> trial = load_trial(columns, control="P", responder="good")
    >>> print(trial.reading)
    the dictionary: 4 rows, a row a patient; 4 patients, 2 sites
    active 'D': 2 of 2
    control 'P': 1 of 2
    no column identifies patients (id=...): a patient with several rows would be counted several times
    columns: site = 'centre', arm = 'treat', outcome = 'status'
    coding: responders: 'good'; non-responders: 'poor'
    guessed: column 'centre' taken for the site
    guessed: column 'treat' taken for the arm
    guessed: column 'status' taken for the outcome
    """
    given = {
        "control": control, "active": active, "site": site, "arm": arm, "outcome": outcome, "id": id, "n": n,
        "where": where, "population": population, "responder": responder, "missing": missing, "na": na, "wide": wide,
        "sheet": sheet, "end_point": end_point, "benefit": benefit, "mcid": mcid,
        "single_arm_sites": single_arm_sites or None, "name": name,
    }  # fmt: skip
    if is_path(source):
        path = Path(source)
        if path.suffix.lower() == ".toml":
            return _declared(path, str(path), given)
        if path.suffix.lower() not in (*ENDINGS, *UNREAD):
            if str(source) in builtin_trials():
                return _declared(_library() / f"{source}.toml", str(source), given)
            if str(source) in published_names():
                return _consistent(published_trial(str(source)), str(source), given)
            raise TrialError(
                f"trial '{source}'",
                "no built-in trial of that name",
                f"a built-in name, a trial file (.toml), or a file that ends in {', '.join(ENDINGS)}",
                nearest(str(source), (*builtin_trials(), *published_names())),
            )
    return _read(source, read_source(source, sheet), given)


def read_trial(source: Any, reading: Mapping[str, Any]) -> Trial:
    """A trial that is at hand, or the one that a source holds.

    Parameters
    ----------
    source : Trial or anything that `load_trial` takes
    reading : mapping
        Options of `load_trial`.

    Raises
    ------
    TrialError
        As `load_trial`, for an option that it does not have, and for any option beside a trial that was read already.
    """
    known = [name for name in inspect.signature(load_trial).parameters if name != "source"]
    for name in reading:
        if name not in known:
            raise TrialError("options of reading", f"'{name}'", "an option of load_trial", nearest(name, known))
    if isinstance(source, OfTrial):
        source = source.trial
    if not isinstance(source, Trial):
        return load_trial(source, **reading)
    if given := [name for name, value in reading.items() if value is not None]:
        found = f"{', '.join(given)} beside a trial that was read already"
        raise TrialError(f"trial '{source.name}'", found, "a file or data frame, or no options of reading")
    return source


def _read(source: Any, table: Table, given: dict[str, Any]) -> Trial:
    end_point, benefit, mcid = given["end_point"], given["benefit"], given["mcid"]
    asked = Asked.of(
        **{key: value for key, value in given.items() if key in Asked.__dataclass_fields__ and value is not None},
        harmful=benefit == "lower",
    )
    with sheets_told(table.sheets):
        read = read_counts(table, asked)
    populations = {"itt": Population("itt", "intention to treat", "everyone in the file")}
    populations |= {flag: Population(flag, flag, origin) for flag, origin in read.flags.items()}
    called = end_point if end_point is not None else read.outcome or "response"
    title = one_line(Path(source).name) if is_path(source) else str(table.path).removeprefix("the ")
    with within(table.path):
        label = _label(called, read.outcome, read.reading.counted)
        point = EndPoint(called, label, benefit or "higher", mcid=mcid, mcid_source=BY_USER if mcid else "")
        arms = Arms(*read.arms)
    return Trial(
        name=given["name"] or (one_line(Path(source).stem) if is_path(source) else "trial"),
        title=given["name"] or title,
        arms=arms,
        end_point=point,
        data=read.data,
        populations=populations,
        provenance=({"number": "counts", "what": f"file {title}" if is_path(source) else title,
                     "source": "the user's file" if is_path(source) else "the user's data", "grade": ""},),
        notes=read.reading.notes,
        synthetic=read.synthetic,
        reading=replace(read.reading, direction_declared=benefit is not None),
    )  # fmt: skip


def _label(called: str, column: str, counted: tuple[str, ...]) -> str:
    """The end point with what is counted, where its name does not say it."""
    words = counted_words(column, counted) if counted else column
    if words == column:
        return called
    return words if called == column else f"{called} ({words})"


def _library() -> Path:
    return Path(str(files("bayes_lupil"))) / "trials" / "library"


def _declared(path: Path, where: str, given: dict[str, Any]) -> Trial:
    """A trial file's trial; it declares its own arms and end point, and naming others would be a contradiction."""
    return _consistent(read_trial_file(path), where, given)


def _consistent(trial: Trial, where: str, given: dict[str, Any]) -> Trial:
    """A trial that declares its own arms and end point, beside which nobody names others."""
    own = trial.end_point
    declared = {
        "control": trial.arms.control, "active": trial.arms.active, "end_point": own.name, "benefit": own.benefit,
        "mcid": own.mcid,
    }  # fmt: skip
    for option, value in given.items():
        if value is None or value == declared.get(option):
            continue
        required = f"what the trial file declares ({declared[option]!r}), or nothing" if option in declared else (
            "nothing: a trial file says itself, in [data], how its data are read"
        )  # fmt: skip
        raise TrialError(f"{where}, option {option}", repr(value), required)
    return trial
