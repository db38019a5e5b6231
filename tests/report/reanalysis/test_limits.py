"""The limitations that stand unfolded: what they quote is what is stored, and they stand where they apply."""

from __future__ import annotations

import json
import math
from pathlib import Path

from bayes_lupil import load_trial, reanalyse
from bayes_lupil.report.reanalysis.contents import Contents
from bayes_lupil.report.reanalysis.diagnostics import CONTAMINATED, limits

OPERATING = Path(__file__).parents[2] / "operating" / "operating.json"


def test_what_is_said_of_contaminated_sites_is_what_was_simulated() -> None:
    stored = json.loads(OPERATING.read_text(encoding="utf-8"))["scenarios"]["contaminated_or2"]
    (found,) = [item for item in stored["performances"] if item["analysis"] == "site_effects"]
    value = {name: figure["value"] for name, figure in found["figures"].items()}
    odds_ratio = stored["scenario"]["odds_ratio"]
    assert f"In {found['trials']:,} simulated trials" in CONTAMINATED
    assert f"an odds ratio of {odds_ratio:g} at all others" in CONTAMINATED
    scenario = stored["scenario"]
    patients = 2 * scenario["large_sites"] * scenario["large_arm"] + scenario["other_patients"]
    assert f"of {patients} patients at {scenario['large_sites'] + scenario['other_sites']} sites" in CONTAMINATED
    assert scenario["contaminated"] == 2
    all_patients = f"bias {100 * value['rd_bias']:.1f} points, coverage of 95 % intervals {value['rd_coverage']:.0%}"
    assert all_patients.replace("97%", "97 %") in CONTAMINATED
    others = f"log odds ratio {value['log_or_bias']:.2f} of {math.log(odds_ratio):.2f}, coverage"
    assert f"{others} {100 * value['log_or_coverage']:.0f} %" in CONTAMINATED


def test_it_is_said_where_every_control_patient_of_the_excluded_sites_responded(lupil2_report) -> None:
    (told,) = limits(lupil2_report)
    assert CONTAMINATED in told.items
    other = Contents(reanalyse(load_trial("beitler_landis"), ["itt_pooled"], check_engines=False))
    (told,) = limits(other)
    assert CONTAMINATED not in told.items
    assert any("adverse events are not analysed" in line for line in told.items)
