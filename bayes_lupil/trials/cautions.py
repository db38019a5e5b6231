"""What must be known of a trial before any result of it."""

from __future__ import annotations

import numpy as np

from bayes_lupil.trials.cells import ALL_SITES, Cells
from bayes_lupil.trials.confounding import CLUSTERS, is_confounded, is_one_armed
from bayes_lupil.trials.direction import counted_words, sense, sense_of_counted
from bayes_lupil.trials.end_point import EndPoint
from bayes_lupil.trials.measurements import Measurements
from bayes_lupil.trials.patients import Patients
from bayes_lupil.trials.reading import Reading

__all__ = ["cautions"]

_MOST_NAMED = 12


def cautions(data: object, end_point: EndPoint, reading: Reading | None, declared: bool) -> tuple[str, ...]:
    """Warnings about a trial, the gravest first; empty where there is nothing to say.

    Parameters
    ----------
    data : Patients, Cells, Margins, Measurements or Estimate
    end_point : EndPoint
    reading : Reading or None
        How a table was understood.
    declared : bool
        Whether the data are of a source that is named, and so are the arms and the end point.
    """
    found = []
    patients = _by_site(data)
    if patients is not None and len(patients) > 1:
        sites, n = tuple(patients), np.array(list(patients.values()))
        alone = is_one_armed(n)
        one_armed = [site for site, it_is in zip(sites, alone, strict=True) if it_is]
        if is_confounded(n):
            found.append(
                f"{CLUSTERS}: whole sites were randomised, or the table is not complete. The effect cannot be told "
                "from differences between sites, except through the prior of these; tests of the totals take the "
                "patients of a site for independent and are too sure"
            )
        elif one_armed:
            named = ", ".join(one_armed[:_MOST_NAMED]) + (" ..." if len(one_armed) > _MOST_NAMED else "")
            found.append(
                f"{len(one_armed)} of {len(sites)} sites have patients of one arm only ({named}; {n[alone].sum()} of "
                f"{n.sum()} patients): they say nothing of the effect within sites, and move it only through what "
                "sites have in common"
            )
    found += _of_direction(end_point, reading, declared)
    return (*found, *(reading.cautions if reading is not None else ()))


def _of_direction(point: EndPoint, reading: Reading | None, declared: bool) -> list[str]:
    """That what is counted sounds like a harm, where nobody said what a benefit is; or the other way round."""
    if point.kind != "binary":
        return []
    counted = reading.counted if reading is not None else ()
    column = reading.columns.get("outcome", point.name) if reading is not None else point.name
    told = counted_words(column, counted) if counted else column
    sounds = sense_of_counted(column, counted)
    what = f"the end point '{point.name}'" if told == point.name else f"what is counted, '{told}',"
    if not sounds and "harm" in (sense(point.name), sense(point.label)):
        sounds, what = "harm", f"the end point '{point.name}'"
    # of a trial that was made in Python by default nobody said it
    if not (reading.direction_declared if reading is not None else declared or point.benefit == "lower"):
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


def _by_site(data: object) -> dict[str, list[int]] | None:
    """Patients of control and active at each site; None where sites are not known."""
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
