"""Files as people have them, written again by real writers of other kinds: the same trials, from each in one call."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bayes_lupil import Trial, fit, load_trial
from bayes_lupil.spec import load_model
from tests.proofs import FIT
from tests.reading.test_cases import HIGH, RAW, WEEK_24

pyreadstat = pytest.importorskip("pyreadstat")
pytest.importorskip("openpyxl")
pytest.importorskip("pyarrow")

WRITERS: dict[str, Callable[[pd.DataFrame, Path], object]] = {
    "xlsx": lambda frame, path: frame.to_excel(path, index=False),
    "dta": lambda frame, path: frame.to_stata(path, write_index=False, version=118),
    "sav": lambda frame, path: pyreadstat.write_sav(frame, str(path)),
    "parquet": lambda frame, path: frame.to_parquet(path),
}
OF_OPT = ["PID", "Clinic", "Group", "Birth.outcome", "Preg.ended...37.wk"]
"""Of 171 columns, those that are read."""


def plain(name: str) -> str:
    """A name that Stata and SPSS take."""
    return re.sub(r"\W", "_", name)


def table(path: Path) -> pd.DataFrame:
    """The file as pandas and pyreadstat read it; texts in columns that hold texts alone."""
    frame = pyreadstat.read_xport(str(path))[0] if path.suffix == ".xpt" else pd.read_csv(path)
    if "opt" in path.name:
        frame = frame[OF_OPT].copy()
    for name, column in frame.items():
        if not pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
            frame[name] = ["" if value is None or value != value else str(value) for value in column]
    names = {name: "row_name" if name.startswith("Unnamed") else plain(name) for name in frame.columns}
    return frame.rename(columns=names)


def renamed(value: Any) -> Any:
    """Options with the names of columns as they became."""
    if isinstance(value, str):
        return re.sub(r"[A-Za-z]\w*(?:\.+\w+)+", lambda found: plain(found[0]), value)
    if isinstance(value, dict):
        return {key: renamed(item) for key, item in value.items()}
    return tuple(renamed(item) for item in value) if isinstance(value, tuple) else value


@pytest.mark.parametrize("ending", WRITERS)
@pytest.mark.parametrize(("name", "options", "totals", "sites"), RAW, ids=[row[0] for row in RAW])
def test_the_same_trial_from_another_kind_of_file(
    validation: Path, tmp_path: Path, name: str, options: dict, totals: tuple, sites: int, ending: str
) -> None:
    raw, frame = validation / "raw" / name, table(validation / "raw" / name)
    path = tmp_path / f"{raw.stem}.{ending}"
    WRITERS[ending](frame, path)
    trial, same = load_trial(path, **renamed(options)), load_trial(raw, **options)
    assert trial.analysis_set().totals == totals
    assert len(trial.site_names) == sites
    assert trial.data_hash == load_trial(frame, **renamed(options)).data_hash
    assert counted(trial) == counted(same)


def counted(trial: Trial) -> dict[str, Any]:
    """What the analysis is of, without the other columns: in some of them pandas takes '0001' for 1."""
    return {key: value for key, value in trial.data.content().items() if key != "covariates"}


@pytest.mark.proof(*FIT)
@pytest.mark.parametrize("model", ["site_effects", "site_intercepts"])
def test_subgroup_counts_by_site_of_a_transport_file_by_both_engines(validation: Path, model: str) -> None:
    """ADaM in long form, responders by SITEID: quadrature and NUTS agree within their combined Monte Carlo errors."""
    options = {"outcome": "AVAL", "responder": "<= 3", "where": WEEK_24, "single_arm_sites": True, **HIGH}
    trial = load_trial(validation / "raw" / "cdiscpilot_adcibc.xpt", **options)
    cells = trial.analysis_set().data
    frame = pyreadstat.read_xport(str(validation / "raw" / "cdiscpilot_adcibc.xpt"))[0]
    chosen = frame[(frame.AVISIT == "Week 24") & (frame.ANL01FL == "Y") & frame.TRTP.isin(HIGH.values())]
    by_hand = chosen.assign(good=chosen.AVAL <= 3).groupby(["SITEID", "TRTP"]).good.agg(["sum", "size"])
    for i, site in enumerate(cells.sites):
        for a, arm in enumerate(trial.arms.names):
            counts = tuple(by_hand.loc[site, arm]) if (site, arm) in by_hand.index else (0, 0)
            assert (cells.responders[i, a], cells.n[i, a]) == counts, (site, arm)
    spec = load_model(model)
    fast, slow = (fit(spec.edited(sampler__engine=engine), trial) for engine in ("quadrature", "nuts"))
    assert fast.verdict.ok
    assert slow.verdict.ok
    for name in ("alpha", "beta", "risk_difference", "risk_control", "risk_active", "conditional_log_odds_ratio"):
        one, other = fast.row(name), slow.row(name)
        assert abs(one.mean - other.mean) < 4 * np.hypot(one.mcse_mean, other.mcse_mean), name
    one_chance, other_chance = fast.p_benefit, slow.p_benefit
    assert one_chance is not None
    assert other_chance is not None
    error = np.hypot(one_chance.mcse, other_chance.mcse)
    assert abs(one_chance.probability - other_chance.probability) < 4 * error


def test_every_file_of_the_folders_is_in_a_test(validation: Path) -> None:
    assert {row[0] for row in RAW} == {path.name for path in (validation / "raw").iterdir()} - {"README.md"}
    said = Path(__file__).with_name("test_cases.py").read_text(encoding="utf-8")
    cases = validation.parent / "cases"
    assert [path.name for path in cases.glob("*.csv") if f'"{path.name}"' not in said] == []
