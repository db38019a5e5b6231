"""Made-up patients: that they say so, that published counts hold, and that the truth they are made from comes back."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bayes_lupil.errors import InputError
from bayes_lupil.outcomes import Outcomes, read_outcomes
from bayes_lupil.outcomes.derive import check_arms, derive, members
from bayes_lupil.outcomes.sri import sri
from bayes_lupil.outcomes.synthetic import COLUMNS, LUPIL2_CLASSES, LUPIL2_SITES, Design, synthetic_patients
from bayes_lupil.report.media.csv_text import csv_text
from bayes_lupil.spec import load_plan
from bayes_lupil.trials import load_trial
from bayes_lupil.trials.end_point import SYNTHETIC

SEEDS = range(20)
NULL = {"effect": 0.0, "effect_sd": 0.0, "further": 0.0, "outliers": ()}
# sites alike, no slope, improvements that hardly ever take a score to 0: what comes out is known in closed form
PLAIN = {
    "site_sd": 0.0, "effect_sd": 0.0, "slope": 0.0, "outliers": (), "improvement": 0.5, "effect": 1.0, "patient_sd": 1.2
}  # fmt: skip
VISIT = ["sledai_week12", "pga_week12", "bilag_new_a", "bilag_new_b", "steroid_reduction", "anti_dsdna_change",
         "treg_change"]  # fmt: skip


def _table(data: Outcomes) -> pd.DataFrame:
    """With SRI-4 after non-responder imputation, the change of the score, and the country."""
    frame = data.to_frame()
    frame["response"] = np.nan_to_num(sri(data, COLUMNS).response)
    frame["change"] = frame["sledai_week12"] - frame["sledai_baseline"]
    frame["country"] = frame["site"].str.rsplit(" ", n=1).str[0]
    return frame


@pytest.fixture(scope="module", params=SEEDS)
def lupil2(request: pytest.FixtureRequest) -> pd.DataFrame:
    return _table(synthetic_patients(seed=request.param, margins="lupil2"))


def test_published_counts_hold(lupil2: pd.DataFrame) -> None:
    counts = lupil2.groupby("arm")["response"].agg(["sum", "count"])
    assert counts.loc["ILT-101"].tolist() == [34, 50]
    assert counts.loc["placebo"].tolist() == [29, 50]
    counts = lupil2[lupil2["pop_pp"] == 1].groupby("arm")["response"].agg(["sum", "count"])
    assert counts.loc["ILT-101"].tolist() == [20, 24]
    assert counts.loc["placebo"].tolist() == [15, 29]


def test_the_eight_classes_hold(lupil2: pd.DataFrame) -> None:
    found = lupil2.groupby(["arm", "response", "pop_pp"]).size().to_dict()
    assert found == {
        ("ILT-101", 1, 1): 20, ("ILT-101", 0, 1): 4, ("ILT-101", 1, 0): 14, ("ILT-101", 0, 0): 12,
        ("placebo", 1, 1): 15, ("placebo", 0, 1): 14, ("placebo", 1, 0): 14, ("placebo", 0, 0): 7,
    }  # fmt: skip


def test_the_bulgarian_sites_are_as_published(lupil2: pd.DataFrame) -> None:
    bulgaria = lupil2[lupil2["country"] == "Bulgaria"]
    assert (bulgaria["pop_pp"] == 0).all()
    control = bulgaria[bulgaria["arm"] == "placebo"]
    assert (control["response"] == 1).all()
    assert set(control["site"]) == {"Bulgaria 1", "Bulgaria 2"}


def test_bulgarian_patients_on_the_active_arm_may_fail() -> None:
    """Nothing of them was published, so that the generator must not settle it."""
    found = [_table(synthetic_patients(seed=seed, margins="lupil2")) for seed in SEEDS]
    frame = pd.concat(found)
    active = frame[(frame["country"] == "Bulgaria") & (frame["arm"] == "ILT-101")]
    assert set(active["response"]) == {0, 1}


def test_the_classes_are_those_of_the_built_in_trial() -> None:
    trial = load_trial("lupil2")
    for population, flags in (("itt", (0, 1)), ("pp", (1,))):
        for role, (responders, n) in zip(("control", "active"), trial.analysis_set(population).totals, strict=True):
            assert sum(LUPIL2_CLASSES[role, 1, flag] for flag in flags) == responders
            assert sum(LUPIL2_CLASSES[role, 0, flag] for flag in flags) == n - responders
    assert set(trial.data.excluded_sites) == set(Design().excluded)


def test_sites_by_country_as_registered() -> None:
    assert len(LUPIL2_SITES) == len(set(LUPIL2_SITES)) == 25
    assert Counter(site.rsplit(" ", 1)[0] for site in LUPIL2_SITES) == {
        "Austria": 1, "Bulgaria": 2, "France": 3, "Germany": 4, "Italy": 1, "Mauritius": 1, "Mexico": 5, "Portugal": 2,
        "Romania": 3, "Spain": 3,
    }  # fmt: skip


@pytest.mark.parametrize("margins", [None, "lupil2"])
def test_scores_are_such_as_the_instruments_give(margins: str | None) -> None:
    for seed in SEEDS:
        data = synthetic_patients(seed=seed, margins=margins)
        frame = _table(data)  # sri() refuses impossible scores
        assert frame["sledai_baseline"].min() >= 6
        assert set(frame["site"]) <= set(LUPIL2_SITES)
        assert (frame.loc[frame["country"] == "Bulgaria", "pop_pp"] == 0).all()
        gone = frame["withdrawn"] == 1
        assert frame.loc[gone, VISIT].isna().all(axis=None)
        assert (frame.loc[gone, "response"] == 0).all()
        assert (frame.loc[gone, "pop_pp"] == 0).all()
        assert frame.drop(columns=[*VISIT, "change"]).notna().all(axis=None)
        assert Counter(frame["arm"]) == {"placebo": 50, "ILT-101": 50}


@pytest.mark.parametrize("margins", [None, "lupil2"])
def test_every_row_says_that_it_is_made_up(tmp_path: Path, margins: str | None) -> None:
    data = synthetic_patients(seed=4, margins=margins)
    assert data.synthetic
    lines = csv_text(data.to_frame()).splitlines()
    assert lines[0].startswith("data,patient,site,arm,")
    assert all(line.startswith((SYNTHETIC, f'"{SYNTHETIC}"')) for line in lines[1:])
    assert len(lines) == 101


@pytest.mark.parametrize("seed", [0, 7])
def test_the_file_comes_back_as_it_was(tmp_path: Path, seed: int) -> None:
    data = synthetic_patients(seed=seed)
    path = tmp_path / "patients.csv"
    path.write_text(csv_text(data.to_frame()), encoding="utf-8")
    again = read_outcomes(path)
    assert again.synthetic
    for name in data.numbers:
        np.testing.assert_array_equal(again.number(name), data.number(name))
    assert (again.patient, again.site, again.arm) == (data.patient, data.site, data.arm)
    one, other = sri(data, COLUMNS), sri(again, COLUMNS)
    np.testing.assert_array_equal(one.response, other.response)
    assert one.reasons == other.reasons


def test_the_built_in_plan_reads_them() -> None:
    data = synthetic_patients(seed=2, margins="lupil2")
    plan, _ = load_plan("lupil2_hierarchy")
    check_arms(plan, data)
    points = {point.name: derive(point, data) for point in plan.steps}
    np.testing.assert_array_equal(points["sri4"].values, sri(data, COLUMNS).response)
    assert points["sri4"].counted.sum() == 34 + 29
    assert members(data, "pp").sum() == 53
    low, high = points["sledai_relative"].limits
    assert np.nanmin(points["sledai_relative"].values - low) >= 0
    assert np.nanmin(high - points["sledai_relative"].values) >= 0


def test_the_same_seed_gives_the_same_patients() -> None:
    for margins in (None, "lupil2"):
        np.random.default_rng(1).random()
        hashes = [synthetic_patients(seed=seed, margins=margins).data_hash for seed in (1, 1, 2)]
        assert hashes[0] == hashes[1] != hashes[2]


# known truth, in samples large enough to see it; tolerances are four standard errors


def _arms(frame: pd.DataFrame, column: str) -> tuple[np.ndarray, np.ndarray]:
    values = frame.dropna(subset=column)
    return tuple(values.loc[values["arm"] == arm, column].to_numpy() for arm in ("placebo", "ILT-101"))


def _check_difference(frame: pd.DataFrame, column: str, truth: float) -> None:
    control, active = _arms(frame, column)
    se = np.sqrt(control.var(ddof=1) / control.size + active.var(ddof=1) / active.size)
    assert abs(active.mean() - control.mean() - truth) < 4 * se, column


@pytest.mark.parametrize("effect", [0.0, 1.0])
def test_effects_come_back(effect: float) -> None:
    frame = _table(synthetic_patients(Design(**{**PLAIN, "effect": effect, "per_arm": 20_000}), seed=5))
    _check_difference(frame, "change", -effect)
    _check_difference(frame, "treg_change", 35)
    _check_difference(frame, "anti_dsdna_change", -5)
    _check_difference(frame, "adverse_event", 0.12)
    control, active = _arms(frame, "change")
    assert abs(control.mean() + 0.5) < 4 * control.std() / np.sqrt(control.size)
    assert abs(active.mean() + 0.5 + effect) < 4 * active.std() / np.sqrt(active.size)


def test_arms_are_alike_where_nothing_is_meant_to_differ() -> None:
    frame = _table(synthetic_patients(Design(**NULL, per_arm=20_000), seed=6))
    for column in ["response", "change", "sledai_baseline", "pga_baseline", "withdrawn", "rescue", "pop_pp",
                   "adverse_event", *VISIT]:  # fmt: skip
        _check_difference(frame, column, 0.0)


@pytest.mark.parametrize("tie", [0.0, 0.6, 0.9])
def test_correlations_come_back(tie: float) -> None:
    """Both exploratory changes load on the patient's part by `tie`; the score by 1, blurred by rounding it to whole
    numbers (variance 1/12), three times in four to even ones (variance 4/12)."""
    design = Design(**PLAIN, tie=tie, per_arm=20_000)
    frame = _table(synthetic_patients(design, seed=8)).dropna(subset=VISIT)
    own = design.patient_sd / np.sqrt(design.patient_sd**2 + 0.75 * 4 / 12 + 0.25 / 12)
    for one, other, truth in (
        ("treg_change", "anti_dsdna_change", -(tie**2)),
        ("change", "treg_change", -own * tie),
        ("change", "anti_dsdna_change", own * tie),
    ):
        centred = frame[[one, other]] - frame.groupby("arm")[[one, other]].transform("mean")
        found = np.corrcoef(centred[one], centred[other])[0, 1]
        assert abs(found - truth) < 4 * (1 - truth**2) / np.sqrt(len(frame)) + 1e-3, (one, other)  # rounded to 0.1


def test_spread_of_sites_comes_back() -> None:
    """Method of moments over 300 sites of some 130 patients; the standard error of a variance is its chi-square one."""
    sites = tuple(f"site {i}" for i in range(300))
    design = Design(
        **{**PLAIN, "site_sd": 0.5, "effect_sd": 0.8, "improvement": 0.0, "effect": 0.0},
        per_arm=20_000, sites=sites, excluded=(), concentration=200.0,
    )  # fmt: skip
    frame = _table(synthetic_patients(design, seed=9)).dropna(subset="change")
    cells = frame.groupby(["site", "arm"])["change"].agg(["mean", "var", "count"]).unstack()
    noise = cells["var"] / cells["count"]
    level = cells["mean"]["placebo"]
    effect = cells["mean"]["ILT-101"] - level
    for values, error, truth in (
        (level, noise["placebo"], design.site_sd), (effect, noise.sum(axis=1), design.effect_sd)
    ):  # fmt: skip
        variance = values.var(ddof=1)
        assert abs(variance - error.mean() - truth**2) < 4 * variance * np.sqrt(2 / 299)


@pytest.mark.parametrize(("outlying", "hit"), [("control", (1, 0)), ("active", (0, 1)), ("both", (1, 1))])
def test_outlying_sites_are_so_in_the_arm_asked_for(outlying: str, hit: tuple[int, int]) -> None:
    design = Design(
        **{**PLAIN, "outliers": ("Italy 1",), "improvement": 0.0, "effect": 0.0, "patient_sd": 1.0},
        outlying=outlying, shift=2.0, concentration=50.0, per_arm=20_000,
    )  # fmt: skip
    frame = _table(synthetic_patients(design, seed=10)).dropna(subset="change")
    for arm, expected in zip(("placebo", "ILT-101"), hit, strict=True):
        mine = frame[frame["arm"] == arm]
        there, rest = (mine.loc[(mine["site"] == "Italy 1") == at, "change"] for at in (True, False))
        se = np.sqrt(there.var() / len(there) + rest.var() / len(rest))
        # a baseline of 6 is 4 SDs from 0, so that hardly any score is cut there
        assert abs(there.mean() - rest.mean() + 2.0 * expected) < 4 * se


def test_dropout_by_arm() -> None:
    design = Design(withdrawal=(0.1, 0.3), not_assessed=(0.2, 0.05), outliers=(), per_arm=10_000)
    frame = _table(synthetic_patients(design, seed=11))
    for arm, withdrawn, missed in (("placebo", 0.1, 0.2), ("ILT-101", 0.3, 0.05)):
        mine = frame[frame["arm"] == arm]
        gaps = withdrawn + (1 - withdrawn) * missed
        for found, truth in ((mine["withdrawn"].mean(), withdrawn), (mine["sledai_week12"].isna().mean(), gaps)):
            assert abs(found - truth) < 4 * np.sqrt(truth * (1 - truth) / len(mine))


# slips


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"outliers": ("Bulgaria 3",)}, "no site 'Bulgaria 3'.*Did you mean 'Bulgaria"),
        ({"excluded": ("Norway 1",)}, "no site 'Norway 1'"),
        ({"outlying": "controls"}, "Did you mean 'control'"),
        ({"per_arm": 0}, "per_arm: found 0"),
        ({"per_arm": 2.5}, "per_arm: found 2.5"),
        ({"control": "ILT-101"}, "'ILT-101' twice"),
        ({"sites": (), "outliers": (), "excluded": ()}, "sites: found none"),
        ({"sites": ("A", "A"), "outliers": (), "excluded": ()}, "each once"),
        ({"tie": 1.1}, "tie: found 1.1"),
        ({"concentration": 0.0}, "concentration: found 0"),
        ({"patient_sd": -1.0}, "patient_sd: found -1"),
        ({"effect": float("nan")}, "effect: found nan"),
        ({"withdrawal": (0.1, 1.2)}, "withdrawal: found 1.2"),
        ({"deviation": (0.1,)}, "two chances"),
    ],
)
def test_designs_that_cannot_be(changes: dict, words: str) -> None:
    with pytest.raises(InputError, match=words):
        Design(**changes)


@pytest.mark.parametrize(
    "changes",
    [{"per_arm": 51}, {"excluded": ()}, {"excluded": ("Spain 1", "Spain 2")},
     {"sites": LUPIL2_SITES[:24]}],
)  # fmt: skip
def test_published_counts_belong_to_one_design(changes: dict) -> None:
    with pytest.raises(InputError, match="margins of LUPIL-2: found another design"):
        synthetic_patients(Design(**changes), margins="lupil2")


def test_published_counts_that_a_design_cannot_give(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bayes_lupil.outcomes.synthetic._MOST_BATCHES", 50)
    with pytest.raises(InputError, match="one that can give the published counts"):
        synthetic_patients(Design(withdrawal=(1.0, 1.0)), margins="lupil2")


def test_other_slips() -> None:
    with pytest.raises(InputError, match="Did you mean 'lupil2'"):
        synthetic_patients(margins="lupil")  # type: ignore[arg-type]
    for seed in (-1, 1.5, True):
        with pytest.raises(InputError, match=r"seed\b.* a whole number"):
            synthetic_patients(seed=seed)  # type: ignore[arg-type]
