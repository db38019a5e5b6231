"""Small inputs made after real ones that went wrong, and the raw files of published trials: each read in one call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bayes_lupil import fit, load_trial, read_outcomes, reanalyse
from bayes_lupil.errors import TrialError, UnsupportedModelError
from tests.folders.without_pictures import without_pictures

SHARED = Path(__file__).parents[3] / "shared"


@pytest.fixture(scope="module")
def cases() -> Path:
    if not (SHARED / "cases").is_dir():
        pytest.skip("the folder shared/cases does not lie beside this checkout")
    return SHARED / "cases"


@pytest.fixture(scope="module")
def raw() -> Path:
    if not (SHARED / "validation" / "raw").is_dir():
        pytest.skip("the folder shared/validation/raw does not lie beside this checkout")
    return SHARED / "validation" / "raw"


READ: list[tuple[str, dict[str, Any], tuple[tuple[int, int], tuple[int, int]], int]] = [
    ("repeated_visits.csv", {"where": "visit == 4"}, ((9, 12), (6, 12)), 2),
    ("total_row.csv", {"where": "site != 'Total'"}, ((7, 22), (13, 21)), 2),
    ("cluster_randomised.csv", {"single_arm_sites": True}, ((30, 75), (38, 75)), 10),
    ("one_site.csv", {}, ((17, 52), (38, 55)), 1),
    ("one_arm_sites.csv", {"single_arm_sites": True}, ((9, 24), (13, 26)), 4),
    ("one_arm_patients.csv", {"single_arm_sites": True}, ((7, 16), (11, 17)), 3),
    ("rare_events.csv", {"benefit": "lower"}, ((30, 29000), (13, 29000)), 3),
    ("outcome_12.csv", {"responder": 1}, ((0, 1), (1, 1)), 1),
    ("outcome_12.csv", {"responder": 2.0}, ((1, 1), (0, 1)), 1),
    ("outcome_TRUE.csv", {}, ((0, 1), (1, 1)), 1),
    ("outcome_NA.csv", {"missing": "non_responder"}, ((0, 1), (1, 2)), 1),
    ("outcome_NA.csv", {"missing": "complete_cases"}, ((0, 1), (1, 1)), 1),
    ("outcome_NA.csv", {"missing": "event", "benefit": "lower"}, ((0, 1), (2, 2)), 1),
    ("counts_as_float.csv", {}, ((3, 10), (6, 10)), 1),
    ("r_write_csv.csv", {}, ((3, 10), (6, 10)), 1),
    ("extra_columns.csv", {}, ((3, 10), (6, 10)), 1),
    ("nonresponders.csv", {}, ((3, 10), (6, 10)), 1),
    ("wide_2x2.csv", {}, ((11, 21), (5, 21)), 2),
]


@pytest.mark.parametrize(("name", "options", "totals", "sites"), READ)
def test_a_case_is_read_as_is_right(cases: Path, name: str, options: dict, totals: tuple, sites: int) -> None:
    trial = load_trial(cases / name, **options)
    assert trial.analysis_set().totals == totals
    assert len(trial.site_names) == sites
    assert trial.reading is not None
    assert tuple(trial.reading.arms.values()) == totals


@pytest.mark.parametrize(
    ("name", "options", "found", "to_do"),
    [
        ("repeated_visits.csv", {}, "patient 'P00' again", 'where="visit == 4"'),
        ("repeated_patients_continuous.csv", {"outcome": "score_2m", "responder": ">= 10", "control": "usual"},
         "patient 'p0_0' again (first on line 2); 192 rows of 96 patients", "where="),
        ("total_row.csv", {}, "'Total', whose counts are the sum of the others", "where=\"site != 'Total'\""),
        ("site_spelling.csv", {}, "'Paris' and 'paris'", ""),
        ("cluster_randomised.csv", {}, "no site with patients of both arms", "single_arm_sites=True"),
        ("one_arm_sites.csv", {}, "no row for site '1', arm 'control'", "single_arm_sites=True"),
        ("outcome_12.csv", {}, "'1' (placebo 0, drug 1); '2' (placebo 1, drug 0)", "responder='1' or responder='2'"),
        ("outcome_NA.csv", {}, "a missing outcome (1 in all); by arm: drug 1 of 2, placebo 0 of 1", "non_responder"),
    ],
)  # fmt: skip
def test_a_case_is_refused_with_what_to_do(cases: Path, name: str, options: dict, found: str, to_do: str) -> None:
    with pytest.raises(TrialError) as caught:
        load_trial(cases / name, **options)
    assert name in caught.value.where
    assert found in caught.value.found
    assert to_do in caught.value.hint


def test_end_points_of_patients_who_come_twice_are_refused(cases: Path) -> None:
    with pytest.raises(TrialError, match=r"patient 'p0_0' again .*192 rows of 96 patients"):
        read_outcomes(cases / "repeated_patients_continuous.csv")


def test_what_is_told_of_the_cases(cases: Path) -> None:
    trial = load_trial(cases / "extra_columns.csv")
    assert trial.reading is not None
    assert trial.reading.unused == ("country",)
    trial = load_trial(cases / "wide_2x2.csv")
    assert "active taken to be ai of ai + bi, control ci of ci + di" in trial.notes
    trial = load_trial(cases / "r_write_csv.csv")
    assert any("row names" in note for note in trial.notes)
    trial = load_trial(cases / "one_arm_patients.csv")
    assert trial.warnings[0].startswith("1 of 3 sites have patients of one arm only (C; 1 of 33 patients)")


def test_one_site_has_a_pooled_model_and_no_site_model(cases: Path) -> None:
    posterior = fit("itt_pooled", cases / "one_site.csv")
    assert posterior.provenance.totals == ((17, 52), (38, 55))
    with pytest.raises(UnsupportedModelError, match=r"one site only .*itt_pooled"):
        fit("site_effects", cases / "one_site.csv")


def test_clusters_have_no_p_value_and_no_fixed_sites(cases: Path) -> None:
    with pytest.raises(UnsupportedModelError, match="no site with patients of both arms"):
        fit("site_fixed", cases / "cluster_randomised.csv", single_arm_sites=True)
    found = reanalyse(cases / "cluster_randomised.csv", "itt_pooled", single_arm_sites=True, check_engines=False)
    row = found.hierarchy[0]
    assert row.clustered
    assert (row.gate.p, row.gate.adjusted_p) == (None, None)
    assert row.gate.status == "not tested: no site has patients of both arms"
    (warning,) = found.posteriors[0].provenance.cautions
    assert "no site has patients of both arms" in warning


def test_rare_events_are_far_from_the_prior_of_their_level(cases: Path) -> None:
    posterior = fit("site_effects", cases / "rare_events.csv", benefit="lower")
    few, caution = posterior.provenance.cautions
    assert few.startswith("3 sites only: how much they differ")
    assert "priors.alpha" in caution


def test_one_giant_site_has_two_answers(cases: Path) -> None:
    posterior = fit("site_effects", cases / "dominated_by_one_site.csv", benefit="lower")
    (caution,) = posterior.provenance.cautions
    assert "99 % of the patients are those of site 'giant'" in caution


# files as people have them

BCG = {"active": ("BCGTB", "BCGVacc"), "control": ("NoVaccTB", "NoVacc")}
WEEK_24 = "AVISIT == 'Week 24' and ANL01FL == 'Y'"
HIGH: dict[str, Any] = {"control": "Placebo", "active": "Xanomeline High Dose"}
RAW: list[tuple[str, dict[str, Any], tuple[tuple[int, int], tuple[int, int]], int]] = [
    ("HSAUR_respiratory.csv", {"where": "month == 4", "responder": "good"}, ((25, 57), (34, 54)), 2),
    ("geepack_respiratory.csv", {"where": "visit == 4", "control": "P"}, ((25, 57), (33, 54)), 2),
    ("medicaldata_indo_rct.csv", {"benefit": "lower"}, ((52, 307), (27, 295)), 4),
    (
        "medicaldata_opt.csv",
        {"outcome": "Preg.ended...37.wk", "control": "C", "benefit": "lower", "missing": "complete_cases",
         "where": "Birth.outcome != 'Elective abortion'"},
        ((52, 405), (49, 407)), 4,
    ),
    ("medicaldata_strep_tb.csv", {}, ((17, 52), (38, 55)), 1),
    ("asaur_pharmacoSmoking.csv", {"control": "patchOnly", "benefit": "lower"}, ((52, 64), (37, 61)), 1),
    ("HSAUR_BCG.csv", {"wide": BCG, "benefit": "lower"}, ((1510, 166283), (1065, 191064)), 13),
    ("cdiscpilot_adsl.xpt", {"outcome": "COMP24FL", **HIGH}, ((60, 86), (30, 84)), 16),
    ("cdiscpilot_adcibc.xpt", {"outcome": "AVAL", "responder": "<= 3", "where": WEEK_24, **HIGH},
     ((10, 80), (11, 75)), 16),
]  # fmt: skip


@pytest.mark.parametrize(("name", "options", "totals", "sites"), RAW, ids=[row[0] for row in RAW])
def test_a_raw_file_is_read_in_one_call(raw: Path, name: str, options: dict, totals: tuple, sites: int) -> None:
    """Counts as the README of the folder gives them."""
    trial = load_trial(raw / name, **options)
    assert trial.analysis_set().totals == totals
    assert len(trial.site_names) == sites


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("HSAUR_respiratory.csv", {"responder": "good"}, "where=\"month == 4\""),
        ("HSAUR_respiratory.csv", {"where": "month == 4"}, "responder='good'"),
        ("geepack_respiratory.csv", {"control": "P"}, "where=\"visit == 4\""),
        ("medicaldata_opt.csv", {"outcome": "Preg.ended...37.wk", "control": "C", "benefit": "lower"}, "T 5 of 413"),
        ("cdiscpilot_adcibc.xpt", {"outcome": "AVAL", "responder": "<= 3", **HIGH}, "where=\"AVISIT == 'Week 24'\""),
        ("HSAUR_BCG.csv", {}, "no column 'arm'"),
    ],
)  # fmt: skip
def test_a_raw_file_is_refused_where_it_would_be_misread(raw: Path, name: str, options: dict, words: str) -> None:
    with pytest.raises(TrialError) as caught:
        load_trial(raw / name, **options)
    assert words in str(caught.value)


def test_all_that_is_missing_is_told_at_once(raw: Path) -> None:
    with pytest.raises(TrialError) as caught:
        load_trial(raw / "cdiscpilot_adsl.xpt")
    assert "no column 'response'" in caught.value.found
    assert "the arms 'Placebo', 'Xanomeline High Dose', 'Xanomeline Low Dose'" in caught.value.found
    assert "control=" in caught.value.hint


def test_254_rows_of_adsl(raw: Path) -> None:
    trial = load_trial(raw / "cdiscpilot_adsl.xpt", outcome="COMP24FL", population={"safety": "SAFFL"}, **HIGH)
    assert trial.reading is not None
    assert trial.reading.rows == 254
    assert trial.reading.columns["site"] == "SITEID"
    assert trial.reading.columns["arm"] == "TRT01P"
    assert trial.analysis_set("safety").totals == trial.analysis_set().totals
    assert "site '702' left out: no patients in either arm compared" in trial.reading.exclusions


def test_how_it_was_read_is_in_the_page_and_in_every_manifest(
    cases: Path, tmp_path: Path, fake_engine: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_pictures(monkeypatch)
    import json

    from bayes_lupil.report import collect, write_reanalysis

    found = reanalyse(cases / "repeated_visits.csv", "itt_pooled", where="visit == 4", check_engines=False)
    write_reanalysis(collect(found), tmp_path / "out")
    manifests = list((tmp_path / "out").rglob("manifest.json"))
    assert len(manifests) == 2
    for path in manifests:
        reading = json.loads(path.read_text(encoding="utf-8"))["reading"]
        assert reading["rows"] == 96
        assert reading["exclusions"] == ["72 of 96 rows left out: visit == 4 is not fulfilled (placebo 36, drug 36)"]
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "96 rows, a row a patient; 24 patients, 2 sites" in page
    assert "72 of 96 rows left out: visit == 4" in page


def test_what_must_be_known_first_stands_first_in_the_page(
    cases: Path, tmp_path: Path, fake_engine: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_pictures(monkeypatch)
    from bayes_lupil.report import collect, write_reanalysis

    found = reanalyse(cases / "cluster_randomised.csv", "itt_pooled", single_arm_sites=True, check_engines=False)
    write_reanalysis(collect(found), tmp_path / "out")
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert page.index("Warning: no site has patients of both arms") < page.index("No p-value is given")
    assert "not valid here" in (tmp_path / "out" / "comparison.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--where", "visit == 4"], "24 patients, 2 sites"),
        (
            ["--where", "visit == 4", "--id", "id", "--site", "site", "--arm", "arm", "--outcome", "response"],
            "24 patients",
        ),
        (["--where", "visit == 4", "--population", "pp=visit == 4"], "24 patients"),
        (["--where", "visit == 4", "--responder", "0"], "responders: '0'"),
        (["--where", "visit == 4", "--na", "1", "--missing", "complete_cases"], "patients left out: outcome missing"),
    ],
)
def test_the_options_of_the_command_line(cases: Path, run: Any, options: list[str], words: str) -> None:
    status, out, err = run("check", cases / "repeated_visits.csv", *options)
    assert status == 0, err
    assert words in out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "patient 'P00' again"),
        (["--population", "pp"], "NAME=COLUMN"),
        (["--wide", "a,b"], "four columns"),
        (["--sheet", "x"], "only Excel files have sheets"),
        (["--site", "centre"], "no column 'centre'"),
    ],
)
def test_options_that_are_refused(cases: Path, run: Any, options: list[str], words: str) -> None:
    status, _, err = run("check", cases / "repeated_visits.csv", *options)
    assert status == 2
    assert words in " ".join(err.split())
