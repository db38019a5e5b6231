"""The country of each site: where it is read from, kept, left out and refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bayes_lupil import Arms, Cells, EndPoint, Trial, load_trial
from bayes_lupil.errors import TrialError
from bayes_lupil.trials.patients import Patients
from bayes_lupil.trials.populations import Population
from bayes_lupil.trials.stored import trial_from_dict, trial_to_dict

CSV = """site,country,arm,responders,n
A,Italy,placebo,3,10
A,Italy,drug,5,10
B,Italy,placebo,1,4
B,Italy,drug,2,5
C,Spain,placebo,2,8
C,Spain,drug,4,9
"""
COUNTS = np.array([[3, 5], [1, 2], [2, 4]]), np.array([[10, 10], [4, 5], [8, 9]])
CELLS = Cells(("A", "B", "C"), *COUNTS, countries=("Italy", "Italy", "Spain"))


def _file(folder: Path, text: str = CSV) -> Path:
    path = folder / "trial.csv"
    path.write_text(text, encoding="utf-8")
    return path


def _patients(text: str = CSV) -> str:
    rows = ["patient,site,country,arm,response"]
    for line in text.splitlines()[1:]:
        site, country, arm, y, n = line.split(",")
        rows += [f"{len(rows) + i},{site},{country},{arm},{int(i < int(y))}" for i in range(int(n))]
    return "\n".join(rows) + "\n"


def test_a_column_is_one_of_countries_where_it_is_named_and_only_there(tmp_path: Path) -> None:
    named, plain = load_trial(_file(tmp_path), country="country"), load_trial(_file(tmp_path))
    assert named.data == CELLS or named.data.content() == CELLS.content()
    assert named.country_names == ("Italy", "Spain")
    assert plain.country_names == ()
    assert named.reading is not None
    assert plain.reading is not None
    assert named.reading.columns["country"] == "country"
    assert "country = 'country'" in str(named.reading)
    assert "country" in plain.reading.unused
    assert "3 in 2 countries" in named.card().text()


def test_a_hash_is_of_the_countries_where_they_are_known() -> None:
    without = Cells(CELLS.sites, *COUNTS)
    assert "countries" not in without.content()
    assert CELLS.content() == {**without.content(), "countries": ["Italy", "Italy", "Spain"]}
    turned = Cells(("C", "A", "B"), COUNTS[0][[2, 0, 1]], COUNTS[1][[2, 0, 1]], countries=("Spain", "Italy", "Italy"))
    assert turned.content() == CELLS.content()


def test_patients_lie_in_the_country_of_their_site(tmp_path: Path) -> None:
    found = load_trial(_file(tmp_path, _patients()), country="country", end_point="response")
    assert found.analysis_set().data.content() == CELLS.content()
    assert found.analysis_set("itt", ("A",)).data.countries == ("Italy", "Spain")
    assert found.data.covariates["country"].count("Italy") == 29  # still a factor of the patients
    plain = load_trial(_file(tmp_path, _patients()), end_point="response")
    assert plain.analysis_set().data.countries is None
    assert plain.data_hash != found.data_hash


def test_leaving_out_a_country_is_leaving_out_its_sites() -> None:
    assert CELLS.sites_in("Italy") == ("A", "B")
    assert CELLS.without(CELLS.sites_in("Italy")).countries == ("Spain",)
    assert CELLS.pooled().countries is None
    with pytest.raises(TrialError, match="Did you mean 'Italy'"):
        CELLS.sites_in("Itali")


def test_a_site_in_two_countries_is_refused_with_its_rows(tmp_path: Path) -> None:
    text = CSV.replace("B,Italy,drug", "B,Spain,drug")
    with pytest.raises(TrialError, match=r"site 'B' in 'Italy' \(line 4\) and in 'Spain' \(line 5\)"):
        load_trial(_file(tmp_path, text), country="country")
    with pytest.raises(TrialError, match="site 'B' in 'Italy'"):
        load_trial(_file(tmp_path, _patients(text)), country="country", end_point="response")


@pytest.mark.parametrize(
    ("column", "found"),
    [("land", "no column 'land'"), ("arm", "has another role"), ("site", "has another role")],
)
def test_columns_that_are_none_of_countries(tmp_path: Path, column: str, found: str) -> None:
    with pytest.raises(TrialError, match=found):
        load_trial(_file(tmp_path), country=column)


def test_a_country_is_named_everywhere_and_in_one_spelling(tmp_path: Path) -> None:
    with pytest.raises(TrialError):
        load_trial(_file(tmp_path, CSV.replace("C,Spain,drug", "C,,drug")), country="country")
    with pytest.raises(TrialError):
        load_trial(_file(tmp_path, CSV.replace("B,Italy", "B,italy")), country="country")


def test_a_trial_of_one_centre_has_no_countries(tmp_path: Path) -> None:
    text = "country,arm,responders,n\nItaly,placebo,3,10\nItaly,drug,5,10\n"
    with pytest.raises(TrialError, match="no column of sites"):
        load_trial(_file(tmp_path, text), country="country")


@pytest.mark.parametrize("countries", [("Italy",), ("Italy", "Italy", "italy")])
def test_impossible_tables(countries: tuple[str, ...]) -> None:
    with pytest.raises(TrialError, match="countries"):
        Cells(CELLS.sites, *COUNTS, countries=countries)


def test_a_trial_is_stored_and_written_with_its_countries(tmp_path: Path) -> None:
    trial = load_trial(_file(tmp_path), country="country")
    again = trial_from_dict(trial_to_dict(trial))
    assert again.data_hash == trial.data_hash
    assert again.country_names == trial.country_names
    assert Trial.from_frame(trial.to_frame(), country="country").data.content() == CELLS.content()
    patients = load_trial(_file(tmp_path, _patients()), country="country", end_point="response")
    assert trial_from_dict(trial_to_dict(patients)).data_hash == patients.data_hash


FILE = """schema = 1
name = "made_up"
title = "Made up"
synthetic = true

[arms]
control = "placebo"
active = "drug"

[end_point]
name = "cure"
label = "Cure"
benefit = "higher"

[[sources]]
id = "us"
citation = "Ourselves"

[cells]
source = "us"
grade = "declared"
rows = [
{rows}
]
"""


def _rows(**country: str) -> str:
    lines = []
    for line in CSV.splitlines()[1:]:
        site, its, arm, y, n = line.split(",")
        its = country.get(f"{site}_{arm}", its)
        told = f', country = "{its}"' if its else ""
        lines.append(f'{{ site = "{site}", arm = "{arm}", responders = {y}, n = {n}{told} }},')
    return "\n".join(lines)


def test_a_trial_file_names_the_country_of_each_row(tmp_path: Path) -> None:
    path = tmp_path / "made_up.toml"
    path.write_text(FILE.replace("{rows}", _rows()), encoding="utf-8")
    assert load_trial(path).data.content() == CELLS.content()
    for changed, found in (
        ({"B_drug": "Spain"}, "and before in 'Italy'"),
        ({"A_placebo": "", "A_drug": ""}, "no country"),
    ):
        path.write_text(FILE.replace("{rows}", _rows(**changed)), encoding="utf-8")
        with pytest.raises(TrialError, match=found):
            load_trial(path)


def test_the_table_of_patients_holds_their_country() -> None:
    patients = Patients(
        ("A", "A", "B", "B"), np.array([0, 1, 0, 1]), np.array([0, 1, 1, 0]), country={"A": "I", "B": "J"}
    )
    everyone = {"itt": Population("itt", "intention to treat", "everyone")}
    trial = Trial("t", "t", Arms("placebo", "drug"), EndPoint("cure", "Cure"), patients, everyone)
    frame = trial.to_frame()
    assert list(frame["country"]) == ["I", "I", "J", "J"]
    again = load_trial(frame, control="placebo", country="country")
    assert again.country_names == ("I", "J")
