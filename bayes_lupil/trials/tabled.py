"""A trial as a data frame, and totals as they are printed ('34/50')."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from bayes_lupil.arguments import found_in_words
from bayes_lupil.errors import TrialError, UnsupportedModelError
from bayes_lupil.trials.cells import ALL_SITES, Cells
from bayes_lupil.trials.patients import Patients

if TYPE_CHECKING:
    import pandas as pd


__all__ = ["counts_of", "frame_of"]

_COUNTS = re.compile(r"\s*(\d{1,12}|\d{1,3}(?:,\d{3})+)\s*(?:/|of|out of)\s*(\d{1,12}|\d{1,3}(?:,\d{3})+)\s*")


def counts_of(text: Any, arm: str) -> tuple[int, int]:
    """Responders and patients from '34/50', '34 of 50' or (34, 50).

    Examples
    --------
    >>> counts_of("34/50", "active"), counts_of((29, 50), "control"), counts_of("1,044 of 10,125", "active")
    ((34, 50), (29, 50), (1044, 10125))
    """
    if isinstance(text, str) and (found := _COUNTS.fullmatch(text)) is not None:
        return _possible(int(found[1].replace(",", "")), int(found[2].replace(",", "")), arm)
    whole = isinstance(text, tuple | list) and len(text) == 2
    if whole and all(isinstance(number, int) and not isinstance(number, bool) for number in text):
        return _possible(text[0], text[1], arm)
    raise TrialError(f"{arm} arm", found_in_words(text), "responders and patients, as '34/50' or (34, 50)")


def _possible(events: int, patients: int, arm: str) -> tuple[int, int]:
    if not 0 <= events <= patients or patients < 1:
        hint = f"The other way round: {patients}/{events}?" if events > patients > 0 else ""
        raise TrialError(
            f"{arm} arm", f"{events}/{patients}", "at most as many responders as patients, of whom one", hint
        )
    return events, patients


def frame_of(data: object, arms: tuple[str, str], end_point: str, trial: str) -> pd.DataFrame:
    """The data of a trial as a table that `load_trial` reads again: a row a patient, or a row a site and arm."""
    import pandas as pd

    if isinstance(data, Patients):
        columns: dict[str, Any] = {"site": list(data.site)} if data.sites != (ALL_SITES,) else {}
        if data.country is not None:
            columns["country"] = [data.country[site] for site in data.site]
        columns["arm"] = [arms[a] for a in data.arm]
        columns[end_point] = data.response
        columns |= {f"pop_{name}": flag.astype(int) for name, flag in data.flags.items()}
        columns |= {name: list(texts) for name, texts in data.covariates.items()}
        return pd.DataFrame(columns)
    if isinstance(data, Cells):
        rows = [
            (site, arm, int(data.responders[s, a]), int(data.n[s, a]))
            for s, site in enumerate(data.sites)
            for a, arm in enumerate(arms)
        ]
        frame = pd.DataFrame(rows, columns=["site", "arm", "responders", "n"])
        if data.countries is not None:
            frame["country"] = [country for country in data.countries for _ in arms]
        return frame if data.sites_known else frame.drop(columns="site")
    raise UnsupportedModelError(
        f"trial '{trial}'", "no table of sites or of patients with a binary end point", "one of these"
    )
