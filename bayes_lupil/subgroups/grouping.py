"""A trial counted by subgroup: the same patients, with the subgroup where the site stood."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from bayes_lupil.arguments import checked
from bayes_lupil.errors import TrialError, UnsupportedModelError, nearest
from bayes_lupil.trials.cells import Cells
from bayes_lupil.trials.codes import nothing_recorded
from bayes_lupil.trials.names import check_names
from bayes_lupil.trials.patients import Patients
from bayes_lupil.trials.trial import Trial
from bayes_lupil.trials.values import number

__all__ = ["trial_by"]


@checked
def trial_by(trial: Trial, by: str | Mapping[str, str], *, cut: float | None = None, population: str = "itt") -> Trial:
    """The trial with its patients counted by subgroup and arm.

    Parameters
    ----------
    trial : Trial
        Of a binary end point, known patient by patient or as a table of sites.
    by : str or dict
        A column of the patients; or the subgroup of each site, such as its country.
    cut : float, optional
        For a column of numbers: the subgroups are those of at most so much, and of more.
    population : str
        The patients counted.

    Returns
    -------
    Trial
        Whose 'sites' are the subgroups, in the order of their names, numbers by size.

    Raises
    ------
    TrialError
        Where there is no such column, values are missing or not numbers, sites have no subgroup or are not in the
        trial, or only one subgroup is left.
    UnsupportedModelError
        Where the trial is known by its margins, or its end point is not binary.

    Examples
    --------
    >>> from bayes_lupil import load_trial
    >>> regions = {site: "East" if site in ("Russia", "Georgia") else "Americas" for site in
    ...            load_trial("topcat").site_names}
    >>> trial_by(load_trial("topcat"), regions).analysis_set().data.n.sum(axis=1).tolist()
    [1767, 1678]
    """
    if trial.end_point.kind != "binary" or not isinstance(trial.data, Patients | Cells):
        raise UnsupportedModelError(
            f"trial '{trial.name}'", f"a {trial.end_point.kind} end point, known by its {trial.resolution}",
            "a binary end point, known patient by patient or as a table of sites",
        )  # fmt: skip
    cells = _by_site(trial, by, cut, population) if isinstance(by, Mapping) else _by_column(trial, by, cut, population)
    if len(cells.sites) < 2:
        raise TrialError(f"trial '{trial.name}'", f"one subgroup, '{cells.sites[0]}'", "two or more")
    label = "group of sites" if isinstance(by, Mapping) else by
    counted = Trial.from_cells(
        cells, trial.arms, trial.end_point, trial.name, f"{trial.title}: by {label}", synthetic=trial.synthetic
    )
    # what was decided when the patients were read holds of their counts too
    return replace(counted, reading=trial.reading, notes=trial.notes, provenance=trial.provenance)


def _by_site(trial: Trial, by: Mapping[str, str], cut: float | None, population: str) -> Cells:
    data = trial.analysis_set(population).data
    assert isinstance(data, Cells)  # no margins come here
    known = set(trial.site_names)
    lacking = [site for site in data.sites if site not in by]
    strange = [site for site in by if site not in known]
    if lacking or strange or cut is not None:
        found = [f"no subgroup of {', '.join(lacking)}"] if lacking else []
        found += [f"a subgroup of '{site}', which is no site of the trial" for site in strange]
        found += ["a cut of subgroups that are named"] if cut is not None else []
        hint = nearest(strange[0], sorted(known)) if strange else ""
        raise TrialError(f"trial '{trial.name}', by", "; ".join(found), "the subgroup of each of its sites", hint)
    return _summed([by[site] for site in data.sites], data.responders, data.n)


def _by_column(trial: Trial, by: str, cut: float | None, population: str) -> Cells:
    data = trial.data
    columns = data.covariates if isinstance(data, Patients) else {}
    if by not in columns:
        hint = nearest(by, sorted(columns)) if columns else (
            "Its patients are not known one by one: give the subgroup of each site, {'site A': 'north', ...}."
        )  # fmt: skip
        raise TrialError(f"trial '{trial.name}', by", f"no column '{by}' of the patients", "a column", hint)
    assert isinstance(data, Patients)
    keep = np.ones(len(data.site), bool) if population == "itt" else _flag(trial, data, population)
    values = [value.strip() for value, kept in zip(columns[by], keep, strict=True) if kept]
    if missing := sum(nothing_recorded(value, cut is not None) for value in values):
        raise TrialError(
            f"column '{by}'", f"no value for {missing} of {len(values)} patients", "a value for everyone",
            "Say in the file what they are, such as 'unknown': they are a subgroup then.",
        )  # fmt: skip
    if cut is None:
        check_names(tuple(values), "subgroup", f"column '{by}'")
        labels = values
    else:
        labels = _cut(by, values, cut)
    if len(set(labels)) > len(labels) / 4:
        raise TrialError(
            f"column '{by}'", f"{len(set(labels))} values of {len(labels)} patients", "a few subgroups",
            "Give a value at which to cut it in two: cut=...",
        )  # fmt: skip
    counted = Patients(tuple(labels), data.arm[keep], data.response[keep]).cells()
    return _summed(counted.sites, counted.responders, counted.n)


def _flag(trial: Trial, data: Patients, population: str) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    trial.population(population)  # tells where there is none
    return np.asarray(data.flags[population], dtype=bool)


def _cut(by: str, values: list[str], cut: float) -> list[str]:
    numbers = []
    wrong: Counter[str] = Counter()
    for value in values:
        found = number(value)
        if found is None:
            wrong[value] += 1
        else:
            numbers.append(found)
    if wrong:
        told = ", ".join(f"'{value}' ({count} times)" for value, count in wrong.most_common(3))
        raise TrialError(f"column '{by}'", told, "numbers, to be cut", "Decimal points are read, commas not.")
    return [f"{by} \u2264 {cut:g}" if value <= cut else f"{by} > {cut:g}" for value in numbers]


def _summed(labels: Sequence[str], responders: np.ndarray, n: np.ndarray) -> Cells:
    names = tuple(sorted(dict.fromkeys(labels), key=_order))
    where = np.array([names.index(label) for label in labels])
    summed = np.zeros((2, len(names), 2), dtype=np.int64)
    np.add.at(summed[0], where, responders)
    np.add.at(summed[1], where, n)
    return Cells(names, summed[0], summed[1])


def _order(label: str) -> tuple[int, float, str]:
    """Numbers by size, before all else."""
    try:
        return 0, float(label), label
    except ValueError:
        return 1, 0.0, label
