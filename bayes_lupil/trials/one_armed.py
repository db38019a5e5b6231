"""Sites of a trial at which only one arm has patients that are analysed."""

from __future__ import annotations

import numpy as np

from bayes_lupil.trials.cells import Cells
from bayes_lupil.trials.confounding import is_confounded, is_one_armed
from bayes_lupil.trials.trial import Trial

__all__ = ["one_armed_sites"]


def one_armed_sites(trial: Trial, population: str) -> tuple[str, ...]:
    """Their names; none where no site has both arms, or sites are unknown."""
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
    return tuple(site for site, alone in zip(sites, is_one_armed(patients), strict=True) if alone)
