"""The joint model inside the hierarchy: the built-in plan on a LUPIL-2-like trial."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from bayes_lupil.endpoints.analysis import analyse_end_points
from bayes_lupil.outcomes.synthetic import synthetic_patients
from bayes_lupil.report.endpoint_page import end_points_page
from bayes_lupil.report.markdown import markdown


@pytest.mark.slow
def test_a_trial_like_lupil2(tmp_path: Path) -> None:
    """Three end points, two of them nearly the same, 25 sites, 100 patients: sound as the plan stands."""
    patients = synthetic_patients(seed=2, margins="lupil2")
    found = analyse_end_points("lupil2_hierarchy", patients, tipping=False, check_engines=False)
    joint = found.joint
    assert joint is not None
    assert joint.verdict.ok, joint.verdict.text
    assert found.ok
    chances = joint.chances()
    assert chances is not None
    falling = [chance.all_above for chance in chances]
    assert falling == sorted(falling, reverse=True)
    frame = found.to_frame()
    assert list(frame["p_all"]) == falling
    assert (frame["p_all"] <= frame["p_all_upper_bound"] + 1e-12).all()
    assert (frame["p_all"] >= frame["p_all_lower_bound"] - 1e-12).all()
    assert joint.correlations().loc[("patients", "sledai_relative ~ sledai_absolute"), "mean"] > 0.8
    page = markdown(end_points_page(found))
    assert "P(benefit), all together" in page
    assert f"{chances[2].all_above:.3f}" in page
    with xr.open_datatree(joint.save(tmp_path / "joint.nc"), engine="h5netcdf") as back:
        np.testing.assert_array_equal(back["posterior"]["effect"].values, joint.data["posterior"]["effect"].values)
