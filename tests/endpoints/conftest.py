"""Plans of real trials that more than one file of tests needs."""

from __future__ import annotations

from pathlib import Path

import pytest

MODEL = """
schema = 1
name = "change"
title = "Sites differ in level and in effect"
role = "primary"
question = "How much more does the active arm change?"
population = "itt"
estimand = "Mean difference, active minus control"
[sites]
intercepts = "partial"
effects = "partial"
coding = "centred"
[priors]
alpha = {{ family = "normal", mean = 0, sd = {0}, reason = "For this test only." }}
beta = {{ family = "normal", mean = 0, sd = {0}, reason = "For this test only." }}
tau_u = {{ family = "half_normal", sd = {1}, reason = "For this test only." }}
tau_v = {{ family = "half_normal", sd = {1}, reason = "For this test only." }}
sigma = {{ family = "half_normal", sd = {0}, reason = "For this test only." }}
gamma = {{ family = "normal", mean = 0, sd = 1, reason = "For this test only." }}
[decision]
ladder = [0.0, {1}]
relevant = {1}
[sampler]
target_accept = 0.99
seed = 20261101
"""
PLAN = """
schema = 1
name = "{name}"
title = "{name}"
[arms]
control = "{control}"
active = {active}
[columns]
{columns}
[[end_points]]
name = "change"
label = "Change"
role = "primary"
benefit = "lower"
unit = "{unit}"
value = "change"
baseline = "baseline"
model = "change.toml"
"""


@pytest.fixture
def cdisc(tmp_path: Path, validation: Path) -> tuple[Path, Path]:
    """(plan, data) of the CDISC pilot: three arms, both active ones against placebo, by site group."""
    (tmp_path / "change.toml").write_text(MODEL.format(5, 2), encoding="utf-8")
    path = tmp_path / "plan.toml"
    active = '["Xanomeline_Low_Dose", "Xanomeline_High_Dose"]'
    columns = 'patient = "id"\nsite = "site_group"'
    text = PLAN.format(name="cdisc", control="Placebo", active=active, columns=columns, unit="points")
    path.write_text(text, encoding="utf-8")
    return path, validation / "data" / "cdiscpilot_adascog_week24_locf.csv"


@pytest.fixture
def pockets(tmp_path: Path, validation: Path) -> tuple[Path, Path]:
    """(plan, data) of pocket depth in the OPT trial."""
    (tmp_path / "change.toml").write_text(MODEL.format(1, 0.2), encoding="utf-8")
    path = tmp_path / "plan.toml"
    text = PLAN.format(name="opt", control="control", active='"treatment"', columns="", unit="mm")
    path.write_text(text, encoding="utf-8")
    return path, validation / "data" / "opt_pocketdepth_change.csv"
