"""One way in, and the trials that come with the package against their sources."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bayes_lupil.errors import InputError, TrialError
from bayes_lupil.outcomes import read_outcomes
from bayes_lupil.trials import Cells, Trial, builtin_trials, load_trial
from bayes_lupil.trials.end_point import SYNTHETIC

# built-in trials


def test_the_trials_that_come_with_the_package() -> None:
    assert builtin_trials() == (
        "beitler_landis",
        "he2020",
        "indo_rct",
        "lupil2",
        "magnesium",
        "synthetic_outlier",
        "topcat",
    )


@pytest.fixture(params=builtin_trials())
def trial(request: pytest.FixtureRequest) -> Trial:
    return load_trial(request.param)


def test_a_trial_is_called_what_its_file_is_called(trial: Trial) -> None:
    assert trial.name in builtin_trials()
    file = Path(str(files("bayes_lupil"))) / "trials" / "library" / f"{trial.name}.toml"
    assert load_trial(file).data_hash == trial.data_hash


def test_a_built_in_trial_is_real_and_every_number_has_a_source(trial: Trial) -> None:
    assert trial.synthetic == trial.name.startswith("synthetic")
    assert trial.title
    assert trial.provenance
    known = {source.id for source in trial.sources}
    for item in trial.provenance:
        assert item["source"] in known
        assert item["grade"] in ({"declared"} if trial.synthetic else {"A", "B"})
    for step in trial.hierarchy:
        for result in step.published:
            assert result.source in known
            assert result.population in trial.populations


def test_an_mcid_says_who_chose_it(trial: Trial) -> None:
    assert (trial.end_point.mcid is None) == (trial.end_point.mcid_source == "")


def test_lupil_2_is_what_the_facts_say() -> None:
    """facts.md, 'Results' and 'Sites'."""
    lupil = load_trial("lupil2")
    assert lupil.arms.names == ("placebo", "ILT-101")
    assert lupil.end_point.benefit == "higher"
    assert lupil.analysis_set("itt").totals == ((29, 50), (34, 50))
    assert lupil.analysis_set("pp").totals == ((15, 29), (20, 24))
    assert len(lupil.site_names) == 25
    assert lupil.site_names[:2] == ("Bulgaria 1", "Bulgaria 2")
    printed = {
        (step.role, item.population): (item.printed, item.p) for step in lupil.hierarchy for item in step.published
    }
    assert printed["primary", "itt"] == ("68 % v 58 %, p = 0.3439", 0.3439)
    assert printed["primary", "pp"] == ("83.3 % v 51.7 %, p = 0.0168", 0.0168)
    assert [(step.role, step.recomputable) for step in lupil.hierarchy] == [
        ("primary", True),
        ("key secondary", False),
        ("key secondary", False),
    ]
    assert "relative" in lupil.hierarchy[1].name
    assert "absolute" in lupil.hierarchy[2].name
    assert len(lupil.not_published) == 7
    assert "patients per site" in lupil.not_published
    assert lupil.sources[0].doi == "10.1136/ard-2022-222501"


def test_the_percentages_printed_for_lupil_2_are_those_of_its_counts() -> None:
    (r0, n0), (r1, n1) = load_trial("lupil2").analysis_set("itt").totals
    assert (f"{100 * r1 / n1:g}", f"{100 * r0 / n0:g}") == ("68", "58")
    (r0, n0), (r1, n1) = load_trial("lupil2").analysis_set("pp").totals
    assert (f"{100 * r1 / n1:.1f}", f"{100 * r0 / n0:.1f}") == ("83.3", "51.7")


def test_he_2020_is_what_the_facts_say() -> None:
    """facts.md, 'Evidence outside the trial': 55.17 % v 30.00 %, 16/29 v 9/30."""
    he = load_trial("he2020")
    assert he.arms.control == "placebo"
    assert he.end_point.benefit == "higher"
    assert he.analysis_set("itt").totals == ((9, 30), (16, 29))
    published = he.hierarchy[0].published[0]
    assert published.printed == f"{100 * 16 / 29:.2f} % v {100 * 9 / 30:.2f} %, p = 0.052"
    assert published.p == 0.052


def rows(path: Path) -> dict[tuple[str, str], tuple[int, int]]:
    with path.open(encoding="utf-8", newline="") as file:
        return {(row["site"], row["arm"]): (int(row["responders"]), int(row["n"])) for row in csv.DictReader(file)}


def cells_of(trial: Trial) -> Iterator[tuple[tuple[str, str], tuple[int, int]]]:
    assert isinstance(trial.data, Cells)
    for s, site in enumerate(trial.data.sites):
        for a, arm in enumerate(trial.arms.names):
            yield (site, arm), (int(trial.data.responders[s, a]), int(trial.data.n[s, a]))


@pytest.mark.parametrize(
    ("name", "file"), [("beitler_landis", "beitler_landis_1985.csv"), ("indo_rct", "indo_rct_pep.csv")]
)
def test_built_in_tables_of_sites_are_those_of_the_validation_data(validation: Path, name: str, file: str) -> None:
    assert dict(cells_of(load_trial(name))) == rows(validation / "data" / file)


def test_indomethacin_is_to_lower_the_event() -> None:
    indo = load_trial("indo_rct")
    assert indo.end_point.sign == -1
    assert indo.analysis_set("itt").totals == ((52, 307), (27, 295))
    assert indo.hierarchy[0].published[0].printed == "27/295 v 52/307, p = 0.005"


# files of others

ARMS: dict[str, dict[str, Any]] = {
    "bugs_blocker_22trials": {},
    "opt_preterm37_excl_elective_abortion": {},
    "ist_hospital_aspirin_death14d": {"control": "no_aspirin", "single_arm_sites": True},
    "ist_hospital_aspirin_deaddep6m": {"control": "no_aspirin", "single_arm_sites": True},
}


@pytest.mark.parametrize(
    ("name", "sites", "patients"),
    [
        ("beitler_landis_1985", 8, 273),
        ("hartzel_8centre_muchbetter", 8, 272),
        ("fungal_5centre_sparse", 5, 94),
        ("indo_rct_pep", 4, 602),
        ("opt_preterm37_excl_elective_abortion", 4, 812),
        ("ist_hospital_aspirin_death14d", 466, 19435),
        ("ist_hospital_aspirin_deaddep6m", 464, 19285),
        ("bugs_blocker_22trials", 22, 20290),
    ],
)
def test_every_table_of_sites_of_the_validation_data_loads(
    validation: Path, name: str, sites: int, patients: int
) -> None:
    """Sites and patients as the table in its README.md gives them; counts as the csv module reads them."""
    file = validation / "data" / f"{name}.csv"
    trial = load_trial(file, benefit="lower", **ARMS.get(name, {}))
    assert len(trial.site_names) == sites
    assert trial.analysis_set("itt").patients == patients
    raw = rows(file)
    assert {key: value for key, value in cells_of(trial) if key in raw} == raw
    assert all(value == (0, 0) for key, value in cells_of(trial) if key not in raw)


def test_hospitals_with_one_arm_are_accepted_on_request_only(validation: Path) -> None:
    """24 of them by the README.md of the validation data."""
    file = validation / "data" / "ist_hospital_aspirin_death14d.csv"
    with pytest.raises(TrialError, match="single_arm_sites=True"):
        load_trial(file, control="no_aspirin", active="aspirin")
    with pytest.raises(TrialError, match="one named as control"):
        load_trial(file, single_arm_sites=True)
    data = load_trial(file, control="no_aspirin", single_arm_sites=True).data
    assert isinstance(data, Cells)
    assert np.sum((data.n == 0).any(axis=1)) == 24


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("cdiscpilot_adascog_week24_locf", "the arms 'Placebo', 'Xanomeline_High_Dose', 'Xanomeline_Low_Dose'"),
        ("opt_pocketdepth_change", "no column 'response'"),
        ("seeds_21plates", "unknown column 'plate'|no column 'arm'"),
        ("surgical_12hospitals", "no column 'arm'"),
    ],
)
def test_files_that_are_no_binary_two_arm_trial_are_refused(validation: Path, name: str, words: str) -> None:
    with pytest.raises(TrialError, match=words) as caught:
        load_trial(validation / "data" / f"{name}.csv")
    assert f"{name}.csv" in caught.value.where


# ways in


def test_an_unknown_name() -> None:
    with pytest.raises(TrialError, match="Did you mean 'lupil2'") as caught:
        load_trial("LUPIL-2")
    assert caught.value.where == "trial 'LUPIL-2'"


@pytest.mark.parametrize("name", ["none.csv", "none.toml"])
def test_a_file_that_is_not_there(tmp_path: Path, name: str) -> None:
    with pytest.raises(TrialError, match="no such file") as caught:
        load_trial(tmp_path / name)
    assert caught.value.where == str(tmp_path / name)


def table(folder: Path, name: str = "t.csv") -> Path:
    path = folder / name
    path.write_text("site,arm,responders,n\nA,drug,1,2\nA,placebo,0,3\n", encoding="utf-8")
    return path


def test_what_is_said_of_a_csv_file_is_taken_over(tmp_path: Path) -> None:
    trial = load_trial(table(tmp_path), end_point="relapse", benefit="lower", mcid=0.05)
    assert (trial.name, trial.title) == ("t", "t.csv")
    assert (trial.end_point.name, trial.end_point.sign, trial.end_point.mcid) == ("relapse", -1, 0.05)
    assert trial.end_point.mcid_source == "given by the user"
    assert trial.synthetic == trial.name.startswith("synthetic")
    assert load_trial(table(tmp_path)).end_point.mcid_source == ""


@pytest.mark.parametrize("name", ["Synthetic_table.csv", "photosynthetic_acne.csv", "synthetic.csv"])
def test_the_name_of_a_file_says_nothing_of_its_data(tmp_path: Path, name: str) -> None:
    path = table(tmp_path, name)
    assert not load_trial(path).synthetic
    assert not read_outcomes(path).synthetic


@pytest.mark.parametrize("mark", [SYNTHETIC, "SYNTHETIC DATA: made up", "Synthetic", "a synthetic trial"])
@pytest.mark.parametrize("kind", ["sites", "patients"])
def test_data_that_say_so_are_made_up(tmp_path: Path, mark: str, kind: str) -> None:
    head, row = ("responders,n", "1,2") if kind == "sites" else ("response,age", "1,30")
    path = tmp_path / "t.csv"
    path.write_text(f'data,site,arm,{head}\n"{mark}",A,drug,{row}\n"{mark}",A,placebo,{row}\n', encoding="utf-8")
    assert load_trial(path).synthetic
    assert read_outcomes(path).synthetic
    declared = tmp_path / "t.toml"
    declared.write_text(
        f"""schema = 1\nname = "t"\ntitle = "t"\n[arms]\ncontrol = "placebo"\nactive = "drug"\n[end_point]
        name = "response"\nlabel = "R"\nbenefit = "higher"\n[[sources]]\nid = "s"\ncitation = "c"
        [data]\nfile = "{path.name}"\nsource = "s"\ngrade = "A"\n""",
        encoding="utf-8",
    )
    assert load_trial(declared).synthetic


@pytest.mark.parametrize("text", ["photosynthetic", "first cut", "", "synthetically sweetened", "real"])
def test_a_column_called_data_may_be_something_else_of_patients(tmp_path: Path, text: str) -> None:
    path = tmp_path / "synthetic.csv"
    path.write_text(f"data,site,arm,response\n{text},A,drug,1\n{text},A,placebo,0\n", encoding="utf-8")
    assert not load_trial(path).synthetic
    assert not read_outcomes(path).synthetic


def test_a_column_called_data_is_nothing_in_real_tables_of_sites(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("data,site,arm,responders,n\nx,A,drug,1,2\nx,A,placebo,0,3\n", encoding="utf-8")
    assert not load_trial(path).synthetic


def test_the_ending_may_be_in_capitals(tmp_path: Path) -> None:
    assert load_trial(table(tmp_path, "T.CSV")).name == "T"


@pytest.mark.parametrize(
    ("options", "where", "required"),
    [
        ({"benefit": "lowr"}, "load_trial()", "benefit: 'higher' or 'lower' or None"),
        ({"mcid": 5.0}, "mcid", "a risk difference between 0 and 1"),
    ],
)
def test_options_that_cannot_be(tmp_path: Path, options: dict[str, Any], where: str, required: str) -> None:
    with pytest.raises(InputError) as caught:
        load_trial(table(tmp_path), **options)
    assert caught.value.where.endswith(where)
    assert caught.value.required == required


@pytest.mark.parametrize(
    "options",
    [{"control": "ILT-101"}, {"active": "placebo"}, {"benefit": "lower"}, {"mcid": 0.2}, {"end_point": "cure"}],
    ids=str,
)
def test_a_declared_trial_is_not_declared_otherwise(options: dict[str, Any]) -> None:
    """An option that was ignored would let the user believe that it had been heeded."""
    with pytest.raises(TrialError) as caught:
        load_trial("lupil2", **options)
    assert caught.value.where == f"lupil2, option {next(iter(options))}"


def test_saying_what_is_declared_does_no_harm() -> None:
    said = load_trial("indo_rct", control="placebo", active="indomethacin", benefit="lower", end_point="pep")
    assert said.data_hash == load_trial("indo_rct").data_hash
