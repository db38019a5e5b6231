"""Effects by subgroup: how patients are counted, and the answer against other ways to the same numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy.stats import chi2

import bayes_lupil as bl
from bayes_lupil.errors import BayesLupilError, InputError, TrialError, UnsupportedModelError
from bayes_lupil.sites import site_table
from bayes_lupil.subgroups import SubgroupAnalysis, subgroup_effects, trial_by
from bayes_lupil.subgroups.analysis import likelihood_ratio, odds_words
from tests.proofs import FIT

TOPCAT = bl.load_trial("topcat")
REGIONS = {site: "East" if site in ("Russia", "Georgia") else "Americas" for site in TOPCAT.site_names}


def patients(seed: int = 5, size: int = 400, effect: float = 0.8) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    arm, sex, age = rng.integers(0, 2, size), rng.integers(0, 2, size), rng.normal(50, 12, size).round(1)
    p = 1 / (1 + np.exp(0.3 - 0.4 * sex - effect * arm * sex))
    return pd.DataFrame(
        {"site": rng.choice(list("abcd"), size), "arm": np.where(arm, "active", "control"),
         "response": (rng.random(size) < p).astype(int), "sex": np.where(sex, "female", "male"), "age": age}
    )  # fmt: skip


@pytest.fixture(scope="module")
def people() -> bl.Trial:
    return bl.load_trial(patients())


@pytest.fixture(scope="module")
def topcat() -> SubgroupAnalysis:
    return subgroup_effects(TOPCAT, REGIONS)


def test_regions_are_those_that_topcat_printed(topcat: SubgroupAnalysis) -> None:
    americas, east = topcat.rows
    assert [row.subgroup for row in topcat.rows] == ["Americas", "East"]
    rates = [round(100 * r / n, 1) for r, n in zip(americas.responders, americas.n, strict=True)]
    assert rates == [31.8, 27.3]  # Pfeffer et al. 2015
    assert round(100 * east.responders[0] / east.n[0], 1) == 8.4
    assert sum(sum(row.n) for row in topcat.rows) == 3445


def test_a_column_counts_its_patients(people: bl.Trial) -> None:
    frame = patients()
    by_sex = trial_by(people, "sex").analysis_set().data
    assert by_sex.sites == ("female", "male")
    for s, sex in enumerate(by_sex.sites):
        for a, arm in enumerate(("control", "active")):
            chosen = frame[(frame.sex == sex) & (frame.arm == arm)]
            assert (by_sex.n[s, a], by_sex.responders[s, a]) == (len(chosen), chosen.response.sum())


def test_a_column_of_numbers_is_cut(people: bl.Trial) -> None:
    frame, data = patients(), trial_by(people, "age", cut=50).analysis_set().data
    assert data.sites == ("age > 50", "age \u2264 50")
    assert data.n.sum(axis=1).tolist() == [(frame.age > 50).sum(), (frame.age <= 50).sum()]


@pytest.mark.parametrize("text", ["NaN", "nan", "NA", "", ".", "n/a", "unknown", "NULL"])
def test_missing_numbers_are_not_cut(text: str) -> None:
    frame = patients().astype({"age": str})
    frame.loc[:9, "age"] = text
    with pytest.raises(TrialError, match="no value for 10 of 400 patients"):
        trial_by(bl.load_trial(frame), "age", cut=50)


@pytest.mark.parametrize("text", ["inf", "-inf", "1,234", "50 y", "old", "1e999"])
def test_what_is_no_number_is_not_cut(text: str) -> None:
    frame = patients().astype({"age": str})
    frame.loc[:9, "age"] = text
    with pytest.raises(TrialError, match="numbers, to be cut"):
        trial_by(bl.load_trial(frame), "age", cut=50)


@pytest.mark.parametrize("text", ["NaN", "nan", "NA", "#N/A", "<NA>"])
def test_missing_categories_are_no_subgroup(text: str) -> None:
    frame = patients()
    frame.loc[:6, "sex"] = text
    with pytest.raises(TrialError, match="no value for 7 of 400 patients"):
        trial_by(bl.load_trial(frame), "sex")


def test_each_site_its_own_subgroup_is_the_table_of_sites() -> None:
    trial = bl.load_trial("beitler_landis")
    found = subgroup_effects(trial, {site: site for site in trial.site_names})
    spec = found.posterior.spec
    table = site_table(bl.fit(spec, trial), refit=False)
    by_name = {row.site: row for row in table.rows}
    for row in found.rows:
        same = by_name[row.subgroup]
        assert (row.n, row.responders) == (same.n, same.responders)
        assert row.log_odds_ratio.mean == pytest.approx(same.log_odds_ratio.mean, abs=4 * same.log_odds_ratio.mcse)
        assert row.risk_difference.mean == pytest.approx(same.risk_difference.mean, abs=4 * same.risk_difference.mcse)


@pytest.mark.proof(*FIT, "subgroups")
def test_both_engines_agree(topcat: SubgroupAnalysis) -> None:
    other = subgroup_effects(TOPCAT, REGIONS, model=bl.model("site_effects", engine="nuts", draws=2000))
    for mine, its in zip(topcat.rows, other.rows, strict=True):
        for name in ("log_odds_ratio", "risk_difference", "p_benefit"):
            a, b = getattr(mine, name), getattr(its, name)
            assert abs(a.mean - b.mean) < 4 * math.hypot(a.mcse, b.mcse), name
    assert abs(topcat.p_different.mean - other.p_different.mean) < 4 * math.hypot(
        topcat.p_different.mcse, other.p_different.mcse
    )


def test_shrunken_lies_between_observed_and_average_and_the_smaller_moves_more() -> None:
    cells = {"subgroup": ["big", "big", "small", "small"], "arm": ["control", "active"] * 2,
             "responders": [200, 300, 8, 4], "patients": [500, 500, 20, 20]}  # fmt: skip
    trial = bl.load_trial(
        {"site": cells["subgroup"], "arm": cells["arm"], "responders": cells["responders"], "n": cells["patients"]}
    )
    big, small = subgroup_effects(trial, {"big": "big", "small": "small"}).rows
    assert big.observed is not None
    assert small.observed is not None
    assert abs(big.log_odds_ratio.mean - big.observed.estimate) < 0.1
    assert small.observed.estimate + 0.5 < small.log_odds_ratio.mean < big.log_odds_ratio.mean


def test_p_different_is_counted_from_the_draws(topcat: SubgroupAnalysis) -> None:
    post = topcat.posterior
    beta, v = post.draws("beta"), post.draws("v")
    helped = beta[..., None] + v < 0  # lower is better
    assert topcat.p_different.mean == pytest.approx((helped.any(-1) & ~helped.all(-1)).mean(), abs=1e-12)
    for s, row in enumerate(topcat.rows):
        assert row.p_benefit.mean == pytest.approx(helped[..., s].mean(), abs=1e-12)


def test_the_likelihood_ratio_test_is_that_of_a_patients_regression() -> None:
    rows = [(12, 40, 22, 41), (30, 55, 28, 60), (7, 33, 19, 30)]
    r = np.array([[row[0], row[2]] for row in rows])
    n = np.array([[row[1], row[3]] for row in rows])
    y, arm, group = [], [], []
    for s, row in enumerate(rows):
        for a, (hits, size) in enumerate(((row[0], row[1]), (row[2], row[3]))):
            y += [1] * hits + [0] * (size - hits)
            arm += [a] * size
            group += [s] * size
    levels = np.eye(3)[group]
    treated = np.array(arm)[:, None]
    fits = [sm.Logit(y, np.hstack([levels, x])).fit(disp=0).llf for x in (treated, levels * treated)]
    found = likelihood_ratio(r, n)
    assert found is not None
    assert (found.statistic, found.df) == (pytest.approx(2 * (fits[1] - fits[0]), rel=1e-8), 2)
    assert found.p == pytest.approx(chi2.sf(found.statistic, 2), rel=1e-12)


@pytest.mark.parametrize(("r", "n"), [([[0, 0], [3, 4]], [[5, 5], [9, 9]]), ([[3, 0], [3, 4]], [[5, 0], [9, 9]])])
def test_without_two_subgroups_that_tell_there_is_no_test(r: Any, n: Any) -> None:
    assert likelihood_ratio(np.array(r), np.array(n)) is None


@pytest.mark.parametrize(
    ("by", "options", "found"),
    [
        ("nothing", {}, "no column 'nothing'"),
        ("sx", {}, "Did you mean 'sex'|sex"),
        ("age", {}, "cut=..."),
        ("sex", {"cut": 3}, "numbers, to be cut"),
        ({"a": "x", "b": "x", "c": "y"}, {}, "no subgroup of d"),
        ({"a": "x", "b": "x", "c": "y", "d": "y", "e": "y"}, {}, "'e', which is no site"),
        ({"a": "x", "b": "x", "c": "x", "d": "x"}, {}, "one subgroup, 'x'"),
        ({"a": "x", "b": "x", "c": "y", "d": "y"}, {"cut": 1}, "a cut of subgroups"),
        ("sex", {"model": "itt_pooled"}, "effects = 'partial'"),
        ("sex", {"model": "site_exnex"}, "normal or Student-t"),
    ],
)
def test_what_cannot_be_done_is_said(people: bl.Trial, by: Any, options: dict[str, Any], found: str) -> None:
    with pytest.raises(BayesLupilError, match=found):
        subgroup_effects(people, by, **options)


def test_a_model_with_countries_is_refused() -> None:
    with pytest.raises(InputError, match="subgroups stand for sites"):
        subgroup_effects(TOPCAT, REGIONS, model="site_in_country")


def test_missing_values_are_not_a_subgroup_unless_they_are_named() -> None:
    frame = patients()
    frame.loc[:6, "sex"] = ""
    with pytest.raises(TrialError, match="no value for 7 of 400 patients"):
        trial_by(bl.load_trial(frame), "sex")
    frame.loc[:6, "sex"] = "unknown"
    assert trial_by(bl.load_trial(frame), "sex").site_names == ("female", "male", "unknown")


@pytest.mark.parametrize("other", ["Male", "MALE", " male", "ma\u00adle"])
def test_a_subgroup_has_one_spelling(other: str) -> None:
    frame = patients()
    frame.loc[:6, "sex"] = other
    if other.strip() == "male":
        assert trial_by(bl.load_trial(frame), "sex").site_names == ("female", "male")
    else:
        with pytest.raises(TrialError, match=r"column 'sex': found the subgroups .* one spelling of each subgroup"):
            trial_by(bl.load_trial(frame), "sex")


@pytest.mark.parametrize(
    ("third", "silent"),
    [((0, 27, 0, 39), True), ((27, 27, 39, 39), True), ((0, 27, 1, 39), False), ((27, 27, 0, 39), False)],
)
def test_a_subgroup_that_tells_nothing_is_told(third: tuple[int, int, int, int], silent: bool) -> None:
    """The test of interaction leaves it out: its degrees of freedom are those of the other two."""
    r, n = [[20, 30], [25, 28], [third[2], third[0]]], [[60, 60], [70, 66], [third[3], third[1]]]
    cells = bl.Cells(("I", "II", "III"), np.array(r), np.array(n))
    trial = bl.Trial.from_cells(cells, bl.Arms("placebo", "drug"), bl.EndPoint("cure", "Cure"))
    found = subgroup_effects(trial, {name: name for name in cells.sites})
    told = [text for text in found.cautions if "tell nothing of their own odds ratio" in text]
    assert len(told) == silent
    assert all("(III)" in text for text in told)
    assert found.likelihood_ratio is not None
    assert found.likelihood_ratio.df == (1 if silent else 2)


def test_what_was_decided_when_the_patients_were_read_is_told() -> None:
    frame = patients().rename(columns={"response": "death"}).astype({"death": float})
    frame.loc[[1, 4, 7, 8], "death"] = np.nan
    trial = bl.load_trial(frame, control="control", outcome="death", missing="complete_cases")
    counted = trial_by(trial, "sex")
    assert counted.warnings == trial.warnings
    assert any("sounds like a harm" in text for text in counted.warnings)
    assert counted.notes == trial.notes
    assert any("missing" in text for text in counted.notes)
    found = subgroup_effects(trial, "sex")
    assert set(trial.warnings) <= set(found.cautions)


@pytest.mark.parametrize("trial", ["lupil2", "published:charm"])
def test_trials_whose_patients_are_not_known_are_refused(trial: str) -> None:
    data = (
        bl.load_trial("lupil2") if trial == "lupil2" else bl.from_estimate(hr="0.8", ci="0.6 to 1.1", benefit="lower")
    )
    with pytest.raises(UnsupportedModelError, match="patient by patient"):
        subgroup_effects(data, "sex")


def test_few_subgroups_are_told_and_synthetic_data_marked(topcat: SubgroupAnalysis) -> None:
    assert "2 subgroups say next to nothing" in topcat.cautions[-1]
    assert "warning" in dict(topcat.card().rows)
    trial = bl.load_trial("synthetic_outlier")
    many = subgroup_effects(trial, {site: site for site in trial.site_names})
    assert not any("subgroups say" in text for text in many.cautions)
    assert many.to_frame().columns[0] == "data"
    assert "SYNTHETIC" in str(many)


def test_the_table_is_whole(topcat: SubgroupAnalysis) -> None:
    frame = topcat.to_frame()
    assert frame.index.tolist() == ["Americas", "East"]
    assert frame["n_control"].tolist() == [881, 842]
    assert not frame.isna().any().any()


@pytest.mark.parametrize("size", [1e-9, 1.0, 900.0])
def test_odds_ratios_beyond_numbers_are_words(size: float) -> None:
    said = odds_words(-size, 0.0, size)
    assert said.startswith("1.00 (")
    assert ("below 0.01 to above 1000" in said) == (size > 100)


def test_a_model_with_wider_priors_shrinks_less(topcat: SubgroupAnalysis) -> None:
    wide = bl.priors.half_normal(3, reason="effects may differ as they like here")
    loose = subgroup_effects(TOPCAT, REGIONS, model=bl.model("site_effects", tau_v=wide))
    gaps = [abs(np.subtract(*(row.log_odds_ratio.mean for row in item.rows))) for item in (topcat, loose)]
    assert gaps[0] < gaps[1]
    with pytest.raises(InputError):
        bl.subgroup_effects(TOPCAT, REGIONS, model=bl.model("site_effects", tau_v=None))
