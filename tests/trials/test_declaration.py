"""Trial files: what is declared is what is read, and a slip is met with its key and the nearest spelling."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayes_lupil.errors import InputError, TrialError
from bayes_lupil.trials import Cells, Margins, Patients, load_trial

LIBRARY = Path(str(files("bayes_lupil"))) / "trials" / "library"
LUPIL = (LIBRARY / "lupil2.toml").read_text(encoding="utf-8")
HEAD = """schema = 1
name = "t"
title = "A trial"
[arms]
control = "placebo"
active = "drug"
[end_point]
name = "cure"
label = "Cure"
benefit = "higher"
mcid = 0.1
[[sources]]
id = "us"
citation = "Us, today"
"""
CELLS = (
    HEAD
    + """[cells]
source = "us"
grade = "A"
rows = [
  { site = "A", arm = "placebo", responders = 1, n = 4 },
  { site = "A", arm = "drug", responders = 3, n = 5 },
  { site = "B", arm = "drug", responders = 2, n = 2 },
  { site = "B", arm = "placebo", responders = 0, n = 0 },
]
[[hierarchy]]
name = "cure"
role = "primary"
[[hierarchy.published]]
population = "itt"
p = 0.04
source = "us"
grade = "A"
"""
)
DATA = (
    HEAD
    + """[data]
file = "t.csv"
source = "us"
grade = "A"
"""
)


@pytest.fixture
def refusal(tmp_path: Path) -> Callable[[str], InputError]:
    """The error for a text; its place told from the file's name on."""

    def refusal(text: str) -> InputError:
        path = tmp_path / "t.toml"
        path.write_text(text, encoding="utf-8")
        with pytest.raises(TrialError) as caught:
            load_trial(path)
        assert caught.value.where.startswith(f"{tmp_path}/t.")
        caught.value.where = caught.value.where.removeprefix(f"{tmp_path}/")
        return caught.value

    return refusal


def changed(text: str, old: str, new: str) -> str:
    assert old in text
    return text.replace(old, new, 1)


# sound files


def test_a_table_of_sites(tmp_path: Path) -> None:
    (tmp_path / "t.toml").write_text(CELLS, encoding="utf-8")
    trial = load_trial(tmp_path / "t.toml")
    assert (trial.name, trial.title, trial.arms.names, trial.synthetic) == ("t", "A trial", ("placebo", "drug"), False)
    assert (trial.end_point.benefit, trial.end_point.mcid) == ("higher", 0.1)
    assert isinstance(trial.data, Cells)
    assert trial.data.responders.tolist() == [[1, 3], [0, 2]]
    assert trial.data.n.tolist() == [[4, 5], [0, 2]]
    assert trial.hierarchy[0].published[0].p == 0.04
    assert trial.provenance[0] == {"number": "1/4", "what": "site A, placebo", "source": "us", "grade": "A"}
    assert len(trial.provenance) == 4


def test_data_in_a_csv_file_beside_it(tmp_path: Path) -> None:
    (tmp_path / "t.toml").write_text(DATA, encoding="utf-8")
    (tmp_path / "t.csv").write_text("site,arm,responders,n\nA,drug,1,2\nA,placebo,0,3\nA,x,1,1\n", encoding="utf-8")
    trial = load_trial(tmp_path / "t.toml")
    assert trial.analysis_set("itt").totals == ((0, 3), (1, 2))
    assert trial.notes == ("1 patient left out: arm 'x' is not compared",)
    assert trial.provenance == ({"number": "counts", "what": "file t.csv", "source": "us", "grade": "A"},)


def test_patients_in_a_csv_file_beside_it(tmp_path: Path) -> None:
    more = '[[populations]]\nname = "pp"\nlabel = "per protocol"\nprespecified = false\n'
    (tmp_path / "t.toml").write_text(DATA + more, encoding="utf-8")
    text = "site,arm,cure,pop_pp,pop_safe\nA,drug,1,1,1\nA,placebo,0,1,1\nB,drug,0,0,1\n"
    (tmp_path / "t.csv").write_text(text, encoding="utf-8")
    trial = load_trial(tmp_path / "t.toml")
    assert isinstance(trial.data, Patients)
    assert {name: item.label for name, item in trial.populations.items()} == {
        "itt": "intention to treat",
        "pp": "per protocol",
        "safe": "safe",
    }
    assert trial.populations["pp"].prespecified is False
    assert trial.analysis_set("pp").patients == 2


def test_the_outcome_column_may_have_a_name_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "t.toml").write_text(DATA + 'outcome = "y"\n', encoding="utf-8")
    (tmp_path / "t.csv").write_text("site,arm,y\nA,drug,1\nA,placebo,0\n", encoding="utf-8")
    assert load_trial(tmp_path / "t.toml").end_point.name == "cure"


def test_single_arm_sites_can_be_declared(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("site,arm,responders,n\nA,drug,1,2\nA,placebo,0,3\nB,drug,1,1\n", encoding="utf-8")
    path = tmp_path / "t.toml"
    path.write_text(DATA, encoding="utf-8")
    with pytest.raises(TrialError, match="no row for site 'B', arm 'placebo'"):
        load_trial(path)
    path.write_text(DATA + "single_arm_sites = true\n", encoding="utf-8")
    assert load_trial(path).site_names == ("A", "B")


def test_synthetic_data_say_so(tmp_path: Path) -> None:
    (tmp_path / "t.toml").write_text("synthetic = true\n" + CELLS, encoding="utf-8")
    assert load_trial(tmp_path / "t.toml").synthetic


# faults


@pytest.mark.parametrize(
    ("old", "new", "key", "found", "hint"),
    [
        ("schema = 1", "schem = 1", "schem", "the unknown key 'schem'", "Did you mean 'schema'?"),
        ("[arms]", "[arm]", "arm", "the unknown key 'arm'", "Did you mean 'arms'?"),
        ("[end_point]", "[endpoint]", "endpoint", "the unknown key 'endpoint'", "Did you mean 'end_point'?"),
        ("mcid", "mcdi", "end_point.mcdi", "the unknown key 'mcdi'", "Did you mean 'mcid'?"),
        (
            "responders",
            "responder",
            "cells.rows.0.responder",
            "the unknown key 'responder'",
            "Did you mean 'responders'",
        ),
        ('"higher"', '"hihger"', "end_point.benefit", "'hihger'", "Did you mean 'higher'?"),
        ('grade = "A"', 'grade = "a"', "cells.grade", "'a'", "Did you mean 'A'?"),
        ("mcid = 0.1", "mcid = 10", "end_point.mcid", "10", ""),
        ("responders = 1,", "responders = -1,", "cells.rows.0.responders", "-1", ""),
        ("responders = 1,", "responders = 1.5,", "cells.rows.0.responders", "1.5", ""),
        ("responders = 1,", 'responders = "1",', "cells.rows.0.responders", "'1'", ""),
        ("responders = 1, ", "", "cells.rows.0.responders", "nothing", ""),
        ("n = 4", f"n = {10**30}", "cells.rows.0.n", str(10**30), ""),
        (
            "responders = 1, n = 4",
            "responders = 5, n = 4",
            "cells.rows.0",
            "5 responders of n = 4 (site 'A', arm 'placebo')",
            "",
        ),
        ('site = "B", arm = "drug"', 'site = "A", arm = "drug"', "cells.rows.2", "site 'A', arm 'drug' again", ""),
        ('arm = "drug"', 'arm = "drugg"', "cells.rows.1", "the arm 'drugg'", "Did you mean 'drug'?"),
        (
            '{ site = "B", arm = "drug", responders = 2, n = 2 },',
            "",
            "cells.rows",
            "one arm of site 'B'",
            "",
        ),
        ('source = "us"', 'source = "use"', "cells.source", "'use'", "Did you mean 'us'?"),
        (
            'p = 0.04\nsource = "us"',
            'p = 0.04\nsource = "them"',
            "hierarchy.0.published.0.source",
            "'them'",
            "Valid: us.",
        ),
        ("p = 0.04", "p = 1.4", "hierarchy.0.published.0.p", "1.4", ""),
        ('population = "itt"', 'population = "pp"', "hierarchy.0", "population 'pp'", "Valid: itt."),
        (
            "[[sources]]",
            '[[sources]]\nid = "us"\ncitation = "Us, yesterday"\n[[sources]]',
            "sources",
            "'us' twice",
            "",
        ),
        (
            "[cells]",
            '[[populations]]\nname = "pp"\nlabel = "per protocol"\n[cells]',
            "populations",
            "'pp'",
            "Valid: itt.",
        ),
        (
            "[cells]",
            '[[populations]]\nname = "itt"\nlabel = "a"\n[[populations]]\nname = "itt"\nlabel = "b"\n[cells]',
            "populations",
            "'itt' twice",
            "",
        ),
    ],
)
def test_a_slip_is_named_by_key_and_find(
    refusal: Callable[[str], InputError], old: str, new: str, key: str, found: str, hint: str
) -> None:
    problem = refusal(changed(CELLS, old, new))
    assert problem.where == f"t.toml, key '{key}'"
    assert problem.found == found
    assert problem.hint.startswith(hint)
    assert bool(problem.hint) == bool(hint)


@pytest.mark.parametrize(
    ("old", "new", "where", "found"),
    [
        ('active = "drug"', 'active = "placebo"', "t.toml, arms", "'placebo' twice"),
        ("responders = 2, n = 2", "responders = 0, n = 0", "t.toml, site 'B'", "no patients"),
        ("responders = 1, n = 4", "responders = 0, n = 0", "t.toml, control arm", "no patients"),
    ],
)
def test_what_does_not_add_up_is_named_with_its_file(
    refusal: Callable[[str], InputError], old: str, new: str, where: str, found: str
) -> None:
    problem = refusal(changed(CELLS, old, new))
    assert (problem.where, problem.found) == (where, found)


@pytest.mark.parametrize(
    ("text", "found"),
    [(HEAD, "none of them"), (CELLS + DATA.removeprefix(HEAD), "[cells] and [data]")],
)
def test_the_counts_must_stand_in_one_place(refusal: Callable[[str], InputError], text: str, found: str) -> None:
    problem = refusal(text)
    assert (problem.where, problem.found) == ("t.toml", found)
    assert problem.required == "exactly one of the tables [cells], [margins] and [data]"


def test_text_that_is_not_toml(refusal: Callable[[str], InputError]) -> None:
    problem = refusal(changed(CELLS, "n = 4", "n = "))
    assert problem.required == "a TOML document"
    assert "at line 19" in problem.found


@pytest.mark.parametrize(
    ("table", "where", "found"),
    [
        (None, "t.csv", "no such file"),
        ("site,arm,responders,n\nA,drug,3,2\nA,placebo,1,2\n", "t.csv, line 2", "3 responders of n = 2"),
        ("site,arm,responders,n\nA,Drug,1,2\nA,placebo,1,2\n", "t.csv", "no arm 'drug'"),
        ("site,arm,y\nA,drug,1\nA,placebo,1\n", "t.csv, line 1", "no column 'cure' (columns: site, arm, y)"),
    ],
)
def test_faults_of_the_csv_file_name_that_file(
    refusal: Callable[[str], InputError], tmp_path: Path, table: str | None, where: str, found: str
) -> None:
    if table is not None:
        (tmp_path / "t.csv").write_text(table, encoding="utf-8")
    problem = refusal(DATA)
    assert problem.where == where
    assert problem.found.startswith(found)


# margins


@pytest.mark.parametrize(
    ("old", "new", "where", "found"),
    [
        ("responders = 20, n = 24", "responders = 25, n = 24", "key 'margins.rows.2'", "25 responders of n = 24"),
        (
            "responders = 20, n = 24",
            "responders = 35, n = 45",
            "margins, active arm",
            "responders in 'pp' above all responders (35 > 34)",
        ),
        (
            "responders = 15, n = 29",
            "responders = 7, n = 29",
            "margins, control arm",
            "non-responders in 'pp' above all non-responders (22 > 21)",
        ),
        ("value = 25", "value = 2", "key 'margins.countries.sites'", "25 sites"),
        ("value = 25", "value = 1", "key 'margins.n_sites.value'", "1"),
        ('["Bulgaria 1", "Bulgaria 2"]', "[]", "key 'margins.excluded_sites.names'", "[]"),
        ('["Bulgaria 1", "Bulgaria 2"]', '["X", "X"]', "margins.excluded_sites", "a site named twice"),
        ("Mexico = 5", "Mexico = 6", "key 'margins.countries.sites'", "26 sites"),
        ("Mexico = 5", "Mexico = 0", "key 'margins.countries.sites.Mexico'", "0"),
        ("Mexico = 5, ", "", "key 'margins.countries.sites'", "20 sites"),
        ('excluded = ["Bulgaria", "Bulgaria"]', 'excluded = ["Bulgaria"]', "key 'margins.countries.excluded'", "1"),
        ('excluded = ["Bulgaria", "Bulgaria"]', "excluded = []", "key 'margins.countries.excluded'", "[]"),
        (
            'excluded = ["Bulgaria", "Bulgaria"]',
            'excluded = ["Italy", "Italy"]',
            "key 'margins.countries.excluded'",
            "2 excluded sites in 'Italy'",
        ),
        (
            'excluded = ["Bulgaria", "Bulgaria"]',
            'excluded = ["Bulgaria", "Bulgarie"]',
            "key 'margins.countries.excluded'",
            "'Bulgarie'",
        ),
        (
            'excluded = ["Bulgaria", "Bulgaria"], source = "registry"',
            'excluded = ["Bulgaria", "Bulgaria"], source = "nowhere"',
            "key 'margins.countries.source'",
            "'nowhere'",
        ),
        (
            'population = "pp", arm = "ILT-101"',
            'population = "fas", arm = "ILT-101"',
            "key 'margins.rows.2'",
            "population",
        ),
        (
            'population = "pp", arm = "ILT-101"',
            'population = "itt", arm = "ILT-101"',
            "key 'margins.rows.2'",
            "population",
        ),
        (
            'arm = "ILT-101", responders = 34',
            'arm = "ILT 101", responders = 34',
            "key 'margins.rows.0'",
            "the arm 'ILT",
        ),
        (
            'response = "non-responder"',
            'response = "nonresponder"',
            "key 'margins.impossible_at_excluded_sites.0.response'",
            "'",
        ),
        ('subset = "pp"', 'subset = "itt"', "key 'margins.rows.2'", "population 'pp'"),
        ('name = "pp"', 'name = "fas"', "key 'populations'", "'fas'"),
        (
            'printed = "51.7 %", source = "humrich2022"',
            'source = "humrich"',
            "key 'margins.rows.3.source'",
            "'humrich'",
        ),
    ],
)
def test_margins_that_do_not_add_up(
    refusal: Callable[[str], InputError], old: str, new: str, where: str, found: str
) -> None:
    problem = refusal(changed(LUPIL, old, new))
    assert problem.where == f"t.toml, {where}"
    assert problem.found.startswith(found)


def test_margins_need_four_rows(refusal: Callable[[str], InputError]) -> None:
    row = next(line for line in LUPIL.splitlines(keepends=True) if 'population = "pp", arm = "placebo"' in line)
    problem = refusal(changed(LUPIL, row, ""))
    assert problem.where == "t.toml, key 'margins.rows'"
    assert problem.required == "at least 4 items"


def test_every_number_of_a_margins_trial_has_its_source_and_grade() -> None:
    trial = load_trial("lupil2")
    assert isinstance(trial.data, Margins)
    known = {source.id for source in trial.sources}
    assert {item["number"] for item in trial.provenance} == {"34/50", "29/50", "20/24", "15/29", "25", "2", "10", "0"}
    assert all(item["source"] in known and item["grade"] in "AB" and item["what"] for item in trial.provenance)


# whatever may come


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("declaration") / "t.toml"


@given(
    st.sampled_from([CELLS, DATA, LUPIL]),
    st.data(),
    st.integers(0, 40),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.sampled_from(["[", "1", '"', "=", "\n", "nan"]),
)
def test_any_slip_of_the_hand_is_read_or_refused(
    file: Path, text: str, data: st.DataObject, length: int, typed: str
) -> None:
    at = data.draw(st.integers(0, len(text)))
    file.write_text(text[:at] + typed + text[at + length :], encoding="utf-8")
    problem = None
    try:
        load_trial(file)
    except TrialError as caught:
        problem = caught
    if problem:
        assert str(file.parent) in problem.where
        assert str(problem).isprintable()
