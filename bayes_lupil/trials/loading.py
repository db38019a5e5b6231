"""One way in: a built-in name, a trial file (TOML) or a table (CSV)."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from bayes_lupil.arguments import checked
from bayes_lupil.characters import one_line
from bayes_lupil.errors import TrialError, nearest, within
from bayes_lupil.trials.cells import Cells
from bayes_lupil.trials.declaration import read_trial_file
from bayes_lupil.trials.patients import Patients
from bayes_lupil.trials.populations import Population
from bayes_lupil.trials.readers import cells_from_table, declare_arms, patients_from_table
from bayes_lupil.trials.tables import read_table
from bayes_lupil.trials.trial import Arms, Direction, EndPoint, Trial

__all__ = ["builtin_trials", "load_trial"]


def builtin_trials() -> tuple[str, ...]:
    """Names of the trials that come with the package.

    Examples
    --------
    >>> "lupil2" in builtin_trials()
    True
    """
    return tuple(sorted(path.stem for path in _library().glob("*.toml")))


@checked
def load_trial(
    trial: str | Path,
    *,
    control: str | None = None,
    active: str | None = None,
    end_point: str | None = None,
    benefit: Direction = "higher",
    mcid: float | None = None,
    single_arm_sites: bool = False,
) -> Trial:
    """Load a trial.

    Parameters
    ----------
    trial : str or Path
        A built-in name (`builtin_trials`), a trial file (.toml), or a CSV file: a table of sites with the columns
        site, arm, responders, n, or one row a patient with site, arm, the end point (0/1), any `pop_NAME` columns
        (0/1, membership of a population) and covariates. Where a column `data` says SYNTHETIC, the data are taken for
        made-up ones.
    control, active : str, optional
        For CSV: the arms compared. Needed unless there are two arms of which one is called control or placebo.
    end_point : str, optional
        For CSV: name of the end point; for patient data the column that holds it (default 'response').
    benefit : {"higher", "lower"}
        For CSV: whether a higher or a lower response is good for the patient.
    mcid : float, optional
        For CSV: minimal clinically important difference, as a risk difference between 0 and 1.
    single_arm_sites : bool
        For CSV tables: accept sites that have a row for one arm only.

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
    """
    path = Path(trial)
    if path.suffix.lower() not in {".csv", ".toml"}:
        if str(trial) in builtin_trials():
            source = _library() / f"{trial}.toml"
            loaded = read_trial_file(source)
            _only_for_csv(str(trial), loaded, control, active, end_point, benefit, mcid)
            return loaded
        raise TrialError(
            f"trial '{trial}'",
            "no built-in trial of that name",
            "a built-in name, or a file that ends in .csv or .toml",
            nearest(str(trial), builtin_trials()),
        )
    if path.suffix.lower() == ".toml":
        loaded = read_trial_file(path)
        _only_for_csv(str(path), loaded, control, active, end_point, benefit, mcid)
        return loaded
    name = "response" if end_point is None else end_point
    table = read_table(path)
    arms = Arms(*declare_arms(table, control, active))
    populations = {"itt": Population("itt", "intention to treat", "everyone in the file")}
    data: Cells | Patients
    if table.is_cells:
        data, notes = cells_from_table(table, arms.names, single_arm_sites)
    else:
        data, notes = patients_from_table(table, arms.names, name)
        populations |= {flag: Population(flag, flag, f"column pop_{flag}") for flag in data.flags}
    with within(path):
        point = EndPoint(name, name, benefit, mcid=mcid, mcid_source="given by the user" if mcid else "")
    title = one_line(path.name)
    guessed = control is None and active is None
    if guessed:
        notes.append(f"control taken to be '{arms.control}', active '{arms.active}'")
    return Trial(
        name=one_line(path.stem),
        title=title,
        arms=arms,
        end_point=point,
        data=data,
        populations=populations,
        provenance=({"number": "counts", "what": f"file {title}", "source": "the user's file", "grade": ""},),
        notes=tuple(notes),
        synthetic=table.synthetic,
    )


def _library() -> Path:
    return Path(str(files("bayes_lupil"))) / "trials" / "library"


def _only_for_csv(
    where: str,
    trial: Trial,
    control: str | None,
    active: str | None,
    end_point: str | None,
    benefit: str,
    mcid: float | None,
) -> None:
    """A trial file declares its own arms and end point; naming others would be a contradiction."""
    own = trial.end_point
    for option, given, declared in (
        ("control", control, trial.arms.control),
        ("active", active, trial.arms.active),
        ("end_point", end_point, own.name),
        ("benefit", None if benefit == "higher" else benefit, own.benefit),
        ("mcid", mcid, own.mcid),
    ):
        if given is not None and given != declared:
            required = f"what the trial file declares ({declared!r}), or nothing"
            raise TrialError(f"{where}, option {option}", repr(given), required)
