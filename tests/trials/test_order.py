"""The order of rows and columns is no part of a trial's data, and sites in another order are never mixed up."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bayes_lupil import fit, load_trial
from bayes_lupil.errors import InputError
from bayes_lupil.sensitivity import leave_one_site_out, loo_sites
from bayes_lupil.sites import compare_models, site_table
from bayes_lupil.trials import Measurements

READ: dict[str, Any] = {"control": "placebo", "active": "drug"}


def _patients(seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    n = 60
    return pd.DataFrame(
        {
            "site": rng.choice(["B", "a", "C 2", "C 10", "é"], n),
            "arm": np.where(np.arange(n) % 2 == 0, "placebo", "drug"),
            "response": rng.integers(0, 2, n),
            "pop_pp": rng.integers(0, 2, n),
            "age": rng.integers(20, 80, n),
        }
    )


def _counts(seed: int) -> pd.DataFrame:
    table = _patients(seed).groupby(["site", "arm"], sort=False)["response"].agg(["sum", "size"]).reset_index()
    return table.set_axis(["site", "arm", "responders", "n"], axis=1)


def _wide(seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    n = rng.integers(5, 20, (6, 2))
    y = rng.binomial(n, 0.4)
    return pd.DataFrame({"study": list("fbdace"), "ai": y[:, 1], "n1i": n[:, 1], "ci": y[:, 0], "n2i": n[:, 0]})


MADE = {
    "patients": (_patients, READ),
    "counts": (_counts, READ | {"single_arm_sites": True}),
    "a row a site": (_wide, {}),
}


@pytest.mark.parametrize("shape", MADE)
@given(seed=st.integers(0, 2**16), order=st.randoms(use_true_random=False))
@settings(max_examples=15, deadline=None)
def test_shuffled_rows_and_columns_are_the_same_trial(shape: str, seed: int, order: Any) -> None:
    made, reading = MADE[shape]
    frame = made(seed)
    rows, columns = list(range(len(frame))), list(frame.columns)
    order.shuffle(rows)
    order.shuffle(columns)
    given_as, shuffled = (load_trial(table, **reading) for table in (frame, frame.iloc[rows][columns]))
    assert given_as.data_hash == shuffled.data_hash
    changed = frame.copy()
    count = {"patients": "response", "counts": "n", "a row a site": "n1i"}[shape]
    changed.loc[0, count] = 1 - changed.loc[0, count] if shape == "patients" else changed.loc[0, count] + 1
    assert load_trial(changed, **reading).data_hash != given_as.data_hash


def test_measurements_in_another_order_are_the_same_data() -> None:
    rng = np.random.default_rng(3)
    n = 40
    columns = {
        "site": rng.choice(["A", "B", "C"], n), "arm": np.arange(n) % 2, "value": rng.normal(size=n).round(1),
        "baseline": rng.normal(size=n).round(1), "late": rng.integers(0, 2, n),
    }  # fmt: skip
    columns["value"][3] = np.nan

    def made(rows: Any) -> Measurements:
        part = {name: column[rows] for name, column in columns.items()}
        flags = {"late": part.pop("late")}
        return Measurements(site=tuple(part.pop("site").tolist()), flags=flags, **part)

    first, second = made(np.arange(n)), made(rng.permutation(n))
    assert first.content() == second.content()
    assert first.site != second.site


def test_sites_in_another_order_are_refused_and_not_mixed_up() -> None:
    """The same data, and so the same hash; but the draws of one order are not those of the other's sites."""
    frame = _wide(1)
    trial, other = load_trial(frame), load_trial(frame.iloc[::-1])
    assert trial.data_hash == other.data_hash
    posterior, reversed_ = fit("site_effects", trial), fit("site_intercepts", other)
    for call in (site_table, leave_one_site_out):
        with pytest.raises(InputError, match="sites in another order"):
            call(posterior, other)
    by_site = compare_models([posterior, reversed_]).by_site
    assert by_site["site_intercepts"] == loo_sites(reversed_).by_site
