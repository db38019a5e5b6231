"""One way in: a built-in name, a trial file (TOML), a table in a file of any common kind, or a data frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from bayes_lupil.errors import TrialError, nearest
from bayes_lupil.trials.asked import Label, MissingRule
from bayes_lupil.trials.declaration import read_trial_file
from bayes_lupil.trials.end_point import Direction
from bayes_lupil.trials.formats import UNREAD
from bayes_lupil.trials.from_table import fields_of_table
from bayes_lupil.trials.options import Options
from bayes_lupil.trials.published_trials import published_names, published_trial
from bayes_lupil.trials.sources import ENDINGS, is_path
from bayes_lupil.trials.trial import OfTrial, Trial

__all__ = ["builtin_trials", "load_trial", "read_trial"]


def builtin_trials() -> tuple[str, ...]:
    """Names of the trials that come with the package.

    Examples
    --------
    >>> "lupil2" in builtin_trials()
    True
    """
    return tuple(sorted(path.stem for path in _library().glob("*.toml")))


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
    country: str | None = None,
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
    country : str, optional
        Name of the column that says in which country (or region, network, ...) each site lies, for models with a level
        of countries above the sites. It is never guessed: without it such a column is one like any other.
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
    options = Options(
        control=control, active=active, site=site, arm=arm, outcome=outcome, id=id, n=n, where=where,
        population=population, responder=responder, missing=missing, na=na, wide=wide, sheet=sheet,
        end_point=end_point, benefit=benefit, mcid=mcid, single_arm_sites=single_arm_sites,
        country=country, name=name,
    )  # fmt: skip
    return _load(source, options)


def _load(source: Any, options: Options) -> Trial:
    if is_path(source):
        path = Path(source)
        if path.suffix.lower() == ".toml":
            return _declared(path, str(path), options)
        if path.suffix.lower() not in (*ENDINGS, *UNREAD):
            if str(source) in builtin_trials():
                return _declared(_library() / f"{source}.toml", str(source), options)
            if str(source) in published_names():
                return _consistent(published_trial(str(source)), str(source), options)
            raise TrialError(
                f"trial '{source}'",
                "no built-in trial of that name",
                f"a built-in name, a trial file (.toml), or a file that ends in {', '.join(ENDINGS)}",
                nearest(str(source), (*builtin_trials(), *published_names())),
            )
    return Trial(**fields_of_table(source, options))


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
    options = Options.of(reading)
    if isinstance(source, OfTrial):
        source = source.trial
    if not isinstance(source, Trial):
        return _load(source, options)
    if given := [name for name, value in reading.items() if value is not None]:
        found = f"{', '.join(given)} beside a trial that was read already"
        raise TrialError(f"trial '{source.name}'", found, "a file or data frame, or no options of reading")
    return source


def _library() -> Path:
    return Path(str(files("bayes_lupil"))) / "trials" / "library"


def _declared(path: Path, where: str, options: Options) -> Trial:
    """A trial file's trial; it declares its own arms and end point, and naming others would be a contradiction."""
    return _consistent(read_trial_file(path), where, options)


def _consistent(trial: Trial, where: str, options: Options) -> Trial:
    """A trial that declares its own arms and end point, beside which nobody names others."""
    own = trial.end_point
    declared = {
        "control": trial.arms.control, "active": trial.arms.active, "end_point": own.name, "benefit": own.benefit,
        "mcid": own.mcid,
    }  # fmt: skip
    for option, value in options.given.items():
        if value == declared.get(option):
            continue
        required = f"what the trial file declares ({declared[option]!r}), or nothing" if option in declared else (
            "nothing: a trial file says itself, in [data], how its data are read"
        )  # fmt: skip
        raise TrialError(f"{where}, option {option}", repr(value), required)
    return trial
