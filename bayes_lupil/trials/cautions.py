"""What must be known of a trial before any result of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.trials.cells import ALL_SITES, Cells
from bayes_lupil.trials.direction import counted_words, sense, sense_of_counted
from bayes_lupil.trials.measurements import Measurements
from bayes_lupil.trials.patients import Patients

if TYPE_CHECKING:
    from bayes_lupil.trials.trial import Trial

__all__ = ["CLUSTERS", "cautions", "is_confounded", "one_armed_sites"]

_MOST_NAMED = 12
CLUSTERS = "no site has patients of both arms"
"""How the warning begins that arm and site cannot be told apart."""


def cautions(trial: Trial) -> tuple[str, ...]:
    """Warnings about a trial, the gravest first; empty where there is nothing to say."""
    found = []
    patients = _by_site(trial)
    if patients is not None and len(patients) > 1:
        sites, n = tuple(patients), np.array(list(patients.values()))
        one_armed = [site for site, row in zip(sites, n, strict=True) if (row == 0).any()]
        if is_confounded(n):
            found.append(
                f"{CLUSTERS}: whole sites were randomised, or the table is not complete. The effect cannot be told "
                "from differences between sites, except through the prior of these; tests of the totals take the "
                "patients of a site for independent and are too sure"
            )
        elif one_armed:
            alone = int(n[(n == 0).any(axis=1)].sum())
            named = ", ".join(one_armed[:_MOST_NAMED]) + (" ..." if len(one_armed) > _MOST_NAMED else "")
            found.append(
                f"{len(one_armed)} of {len(sites)} sites have patients of one arm only ({named}; {alone} of {n.sum()} "
                "patients): they say nothing of the effect within sites, and move it only through what sites have in "
                "common"
            )
    found += _of_direction(trial)
    return (*found, *(trial.reading.cautions if trial.reading is not None else ()))


def _of_direction(trial: Trial) -> list[str]:
    """That what is counted sounds like a harm, where nobody said what a benefit is; or the other way round."""
    point, reading = trial.end_point, trial.reading
    if point.kind != "binary":
        return []
    counted = reading.counted if reading is not None else ()
    column = reading.columns.get("outcome", point.name) if reading is not None else point.name
    told = counted_words(column, counted) if counted else column
    sounds = sense_of_counted(column, counted)
    what = f"the end point '{point.name}'" if told == point.name else f"what is counted, '{told}',"
    if not sounds and "harm" in (sense(point.name), sense(point.label)):
        sounds, what = "harm", f"the end point '{point.name}'"
    if not _is_declared(trial):
        if sounds != "harm":
            return []
        less = reading.columns.get("non_responders", "") if reading is not None else ""
        if less:  # either may be meant, and each answer is the other one turned round
            return [
                f"{what} sounds like a harm, but what is counted is n less '{less}', a higher response being taken for "
                f"the benefit: right where '{less}' are those with '{point.name}'. Where they are those without it, "
                "say --benefit lower (in Python: benefit='lower')"
            ]
        return [
            f"a higher response is taken for the benefit, since nobody said otherwise; {what} "
            "sounds like a harm: --benefit lower (in Python: benefit='lower')"
        ]
    if point.benefit == "lower" and told != column and sounds == "good" and sense(column) != "good":
        return [
            f"a lower response is said to be the benefit, but {what} sounds like something good: count the harm "
            "(--responder, in Python responder=...), or say --benefit higher (in Python: benefit='higher')"
        ]
    return []


def one_armed_sites(trial: Trial, population: str) -> tuple[str, ...]:
    """Sites at which only one arm has patients that are analysed; none where no site has both, or sites are unknown."""
    if trial.end_point.kind == "binary":
        data = trial.analysis_set(population).data
        if not isinstance(data, Cells) or not data.sites_known:
            return ()
        sites, patients = data.sites, data.n
    else:
        measured = trial.measured_set(population)
        sites, patients = measured.sites, np.zeros((len(measured.sites), 2), dtype=np.int64)
        np.add.at(patients, (measured.site, measured.arm), 1)
    if is_confounded(patients):
        return ()
    return tuple(site for site, row in zip(sites, patients, strict=True) if (row == 0).any())


def _is_declared(trial: Trial) -> bool:
    """Whether anybody said which direction is a benefit; of one made in Python by default it is unknown."""
    if trial.reading is not None:
        return trial.reading.direction_declared
    return bool(trial.provenance) or trial.end_point.benefit == "lower"


def is_confounded(patients: NDArray[np.int64]) -> bool:
    """Whether, of several sites, none has patients of both arms; `patients` by site and arm."""
    return len(patients) > 1 and not (patients > 0).all(axis=1).any()


def _by_site(trial: Trial) -> dict[str, list[int]] | None:
    """Patients of control and active at each site; None where sites are not known."""
    data = trial.data
    if isinstance(data, Patients):
        data = data.cells()
    if isinstance(data, Cells):
        if not data.sites_known or data.sites == (ALL_SITES,):
            return None
        return dict(zip(data.sites, data.n.tolist(), strict=True))
    if isinstance(data, Measurements):
        found = {site: [0, 0] for site in data.sites}
        for site, arm, measured in zip(data.site, data.arm.tolist(), data.measured.tolist(), strict=True):
            if measured:
                found[site][arm] += 1
        return {site: row for site, row in found.items() if any(row)}
    return None
