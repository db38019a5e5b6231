"""CSV: every fault is named by file and line, and every sound table comes back as it was written."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayes_lupil.characters import alike, name_fault
from bayes_lupil.errors import InputError, TrialError
from bayes_lupil.trials import Cells, Patients, Trial, load_trial
from bayes_lupil.trials.checks import is_total, without_zeros
from bayes_lupil.trials.values import canonical_text

HEADER = "site,arm,responders,n\n"
GOOD = HEADER + "A,placebo,1,4\nA,drug,3,5\nB,placebo,0,2\nB,drug,2,2\n"
PATIENTS = "site,arm,response,pop_pp,age\nA,placebo,0,1,40\nA,drug,1,1,51\nB,placebo,1,0,\nB,drug,1,1,33\n"


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., Trial]:
    def load(text: str | bytes, **options: object) -> Trial:
        path = tmp_path / "t.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load_trial(path, **options)  # type: ignore[arg-type]

    return load


@pytest.fixture
def refusal(load: Callable[..., Trial], tmp_path: Path) -> Callable[..., InputError]:
    """The error for a text, its place told from the file's name on."""

    def refusal(text: str | bytes, **options: object) -> InputError:
        with pytest.raises(TrialError) as caught:
            load(text, **options)
        assert caught.value.where.startswith(f"{tmp_path}/t.csv")
        caught.value.where = caught.value.where.removeprefix(f"{tmp_path}/")
        assert [path.name for path in tmp_path.iterdir()] == ["t.csv"]
        return caught.value

    return refusal


def check_good(trial: Trial) -> None:
    assert trial.arms.names == ("placebo", "drug")
    assert trial.site_names == ("A", "B")
    assert isinstance(trial.data, Cells)
    assert trial.data.responders.tolist() == [[1, 3], [0, 2]]
    assert trial.data.n.tolist() == [[4, 5], [2, 2]]


# tables of sites, sound


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        GOOD.rstrip("\n"),
        "\ufeff" + GOOD,
        GOOD.replace("\n", "\r\n"),
        GOOD.replace("\n", "\r"),
        GOOD.replace("A", '"A"').replace("placebo", '"placebo"'),
        GOOD.replace(",", " , "),
        "\n\n" + GOOD.replace("\n", "\n\n"),
        GOOD + ",,,\n , ,,\n",
        GOOD.replace(",1,4", ",+1,004"),
        GOOD.replace(",1,4", ",1.0,4.00"),
        GOOD.replace(",", ";"),
        GOOD.replace(",", "\t"),
        GOOD.replace(",", "|"),
        GOOD.replace("n\n", "n,weight\n").replace("2\n", "2,3\n").replace("4\n", "4,1\n").replace("5\n", "5,2\n"),
        GOOD.replace("site", "sites"),
        GOOD.replace("site", "Centre"),
        GOOD.replace("arm", "arms"),
        GOOD.replace("arm,", "TRT01P,"),
        GOOD.replace("responders", "responder"),
        GOOD.replace("responders", "events"),
        GOOD.replace(",n\n", ",total\n"),
        GOOD.replace(",n\n", ",nonresponders\n").replace("1,4", "1,3").replace("3,5", "3,2").replace("2,2\n", "2,0\n"),
    ],
    ids=[
        "plain",
        "no last line end",
        "BOM",
        "CRLF",
        "CR",
        "quotes",
        "spaces",
        "blank lines",
        "empty rows",
        "signs",
        "floats",
        "semicolons",
        "tabs",
        "bars",
        "another column",
        "sites",
        "centres",
        "arms",
        "planned treatment",
        "responder",
        "events",
        "total",
        "non-responders",
    ],
)
def test_dialects_of_one_table(load: Callable[..., Trial], text: str) -> None:
    check_good(load(text))


def test_the_order_of_columns_does_not_matter(load: Callable[..., Trial]) -> None:
    rows = [line.split(",") for line in GOOD.splitlines()]
    check_good(load("\n".join(",".join([n, arm, r, site]) for site, arm, r, n in rows)))


def test_quoted_names_keep_commas_quotes_and_accents(load: Callable[..., Trial]) -> None:
    trial = load(HEADER + '"Köln, ""Süd"" ",placebo,1,2\n"\nKöln, ""Süd""",drug,1,2\n')
    assert trial.site_names == ('Köln, "Süd"',)


def test_a_site_may_have_nobody_in_one_arm(load: Callable[..., Trial]) -> None:
    trial = load(GOOD + "C,placebo,0,0\nC,drug,1,3\n")
    assert isinstance(trial.data, Cells)
    assert trial.data.n.tolist()[2] == [0, 3]


def test_a_site_with_nobody_at_all_is_left_out_and_told(load: Callable[..., Trial]) -> None:
    trial = load(GOOD + "C,placebo,0,0\nC,drug,0,0\n")
    check_good(trial)
    assert "site 'C' left out: no patients in either arm" in trial.notes


def test_sites_with_one_arm_are_accepted_on_request_only(
    load: Callable[..., Trial], refusal: Callable[..., InputError]
) -> None:
    text = GOOD + "C,drug,1,3\n"
    problem = refusal(text)
    assert problem.where == "t.csv"
    assert problem.found == "no row for site 'C', arm 'placebo'"
    assert "'C,placebo,0,0'" in problem.hint
    assert "single_arm_sites=True" in problem.hint
    trial = load(text, single_arm_sites=True)
    assert isinstance(trial.data, Cells)
    assert trial.data.n.tolist()[2] == [0, 3]


# arms


def test_a_third_arm_must_be_chosen_between(load: Callable[..., Trial], refusal: Callable[..., InputError]) -> None:
    text = GOOD + "A,high dose,4,5\nB,high dose,1,3\n"
    problem = refusal(text)
    assert problem.found == "the arms 'placebo', 'drug', 'high dose'"
    assert "control=..., active=..." in problem.hint
    assert refusal(text, control="placebo").found == problem.found
    check_good(load(text, control="placebo", active="drug"))
    trial = load(text, control="drug", active="high dose")
    assert trial.analysis_set("itt").totals == ((5, 7), (5, 8))
    assert trial.notes == ("6 patients left out: arm 'placebo' is not compared",)


@pytest.mark.parametrize("name", ["placebo", "Placebo", "control", "CONTROL"])
def test_control_is_known_by_its_name_and_the_guess_is_told(load: Callable[..., Trial], name: str) -> None:
    trial = load(GOOD.replace("placebo", name))
    assert trial.arms.names == (name, "drug")
    assert trial.notes == (f"control taken to be '{name}', active 'drug'",)


def test_nothing_else_is_guessed(load: Callable[..., Trial], refusal: Callable[..., InputError]) -> None:
    text = GOOD.replace("placebo", "usual care")
    assert refusal(text).required == "one named as control and one as active"
    for options in ({"control": "usual care"}, {"active": "drug"}, {"control": "usual care", "active": "drug"}):
        trial = load(text, **options)
        assert trial.arms.names == ("usual care", "drug")
        assert trial.notes == ()
    assert refusal(GOOD.replace("drug", "control")).found == "the arms 'placebo', 'control'"


def test_arms_turned_round_turn_the_columns_round(load: Callable[..., Trial]) -> None:
    trial = load(GOOD, control="drug", active="placebo")
    assert isinstance(trial.data, Cells)
    assert trial.data.responders.tolist() == [[3, 1], [2, 0]]


@pytest.mark.parametrize(
    ("options", "found", "hint"),
    [
        ({"control": "placbo"}, "no arm 'placbo'", "Did you mean 'placebo'?"),
        ({"active": "xyz"}, "no arm 'xyz'", "Valid: drug, placebo."),
        ({"control": "drug", "active": "drug"}, "'drug' as control and as active", ""),
    ],
)
def test_arms_that_are_not_there(
    refusal: Callable[..., InputError], options: dict[str, str], found: str, hint: str
) -> None:
    problem = refusal(GOOD, **options)
    assert (problem.found, problem.hint) == (found, hint)


# tables of sites, faulty


COUNT = "a whole number from 0 to 999,999,999,999"


@pytest.mark.parametrize(
    ("text", "where", "found", "required"),
    [
        (
            GOOD.replace("1,4", "5,4"),
            ", line 2",
            "5 responders of n = 4 (site 'A', arm 'placebo')",
            "responders at most n",
        ),
        (GOOD.replace("3,5", "-3,5"), ", line 3, column 'responders'", "'-3'", COUNT),
        (GOOD.replace("3,5", "3,-5"), ", line 3, column 'n'", "'-5'", COUNT),
        (GOOD.replace("3,5", "2.5,5"), ", line 3, column 'responders'", "'2.5'", COUNT),
        (GOOD.replace("3,5", "3.01,5"), ", line 3, column 'responders'", "'3.01'", COUNT),
        (GOOD.replace("3,5", "3,1e3"), ", line 3, column 'n'", "'1e3'", COUNT),
        (GOOD.replace("3,5", "NA,5"), ", line 3, column 'responders'", "'NA'", COUNT),
        (GOOD.replace("3,5", "3,nan"), ", line 3, column 'n'", "'nan'", COUNT),
        (GOOD.replace("3,5", '3,"1,000"'), ", line 3, column 'n'", "'1,000'", COUNT),
        (GOOD.replace("3,5", "3,1000000000000"), ", line 3, column 'n'", "'1000000000000'", COUNT),
        (GOOD.replace("3,5", ",5"), ", line 3, column 'responders'", "nothing", COUNT),
        (GOOD.replace("A,drug", ",drug"), ", line 3, column 'site'", "nothing", "a name"),
        (GOOD.replace("A,drug", "A,"), ", line 3, column 'arm'", "nothing", "a name"),
        (
            GOOD + "A,drug,3,5\n",
            ", line 6",
            "site 'A', arm 'drug' again (first on line 3)",
            "one row for each site and arm",
        ),
        (GOOD.replace("B,drug,2,2\n", ""), "", "no row for site 'B', arm 'drug'", "a row for each site and arm"),
        (HEADER + "A,placebo,1,4\n", "", "only the arm 'placebo'", "two arms"),
        (
            HEADER + "A,placebo,0,0\nA,drug,1,2\n",
            "",
            "no patients in arm 'placebo'",
            "at least one patient in each arm",
        ),
        ("", "", "an empty file", "a file with content"),
        ("\ufeff", "", "an empty file", "a file with content"),
        (" \r\n\t\n", "", "an empty file", "a file with content"),
        (",,,\n,,,\n", "", "blank lines only", "a header line and rows"),
        (HEADER, "", "a header and no rows", "at least one row for each arm"),
        (GOOD.replace("3,5", "3,5,6"), ", line 3", "5 fields", "4 fields, as in the header"),
        (GOOD.replace("3,5", "3"), ", line 3", "3 fields", "4 fields, as in the header"),
        (GOOD.replace("A,drug", 'A,"drug'), ", line 5", "text that is not CSV", "a comma-separated file"),
        (GOOD.replace("A,drug", '"A"x,drug'), ", line 3", "text that is not CSV", "a comma-separated file"),
        ("\n" + GOOD.replace("n\n", "n,site\n"), ", line 2", "column 'site' twice", "each column once"),
        ("site,,n\nA,b,1\n", ", line 1", "a column without a name", "a name for each column"),
    ],
)
def test_a_fault_is_named_by_line_find_and_requirement(
    refusal: Callable[..., InputError], text: str, where: str, found: str, required: str
) -> None:
    problem = refusal(text)
    assert problem.where == "t.csv" + where
    assert problem.found.startswith(found)
    assert problem.required == required


def test_the_line_is_that_of_the_file_even_after_blank_and_quoted_ones(refusal: Callable[..., InputError]) -> None:
    problem = refusal('\nsite,arm,responders,n\n\n"\nA",placebo,1,4\n"\nA",drug,9,5\n')
    assert problem.where == "t.csv, line 7"
    assert "site 'A'" in problem.found


@pytest.mark.parametrize(
    ("header", "found", "hint"),
    [
        (
            "site,a,responders,n",
            "no column 'arm' (columns: site, a, responders, n)",
            "Say which: --arm NAME (in Python",
        ),
        ("site,arms_,resp,n", "no column 'response'", ""),
        ("site,arm,responders,nn", "no column 'n'", "Should 'nn' be called 'n'?"),
        ("site,treat,group,responders,n", "the columns 'a' and 'b'", ""),
    ],
)
def test_columns_that_are_not_those_of_a_table_of_sites(
    refusal: Callable[..., InputError], header: str, found: str, hint: str
) -> None:
    if "group" in header:
        header, found = header.replace("group", "trt"), "the columns 'treat' and 'trt'"
        problem = refusal(f"\n{header}\nA,placebo,x,3,10\nA,drug,x,2,7\n")
    else:
        problem = refusal(f"\n{header}\nA,placebo,3,10\nA,drug,2,7\n")
    assert problem.where == "t.csv, line 2"
    assert problem.found.startswith(found)
    assert hint in problem.hint


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"])
def test_another_encoding(load: Callable[..., Trial], encoding: str) -> None:
    trial = load(GOOD.replace("A,", "Köln,").encode(encoding))
    assert trial.site_names == ("Köln", "B")
    told = " ".join(trial.notes)
    assert ("encod" in told) == (encoding != "utf-8-sig")


def test_one_strange_byte_among_letters_of_utf_8_is_refused(refusal: Callable[..., InputError]) -> None:
    problem = refusal(GOOD.replace("A,", "Köln,").encode().replace(b"B,drug", b"M\xfcnster,drug"))
    assert problem.where == "t.csv, line 5"
    assert problem.found == "a byte (0xfc) that is not UTF-8"


# patients


def test_patients(load: Callable[..., Trial]) -> None:
    trial = load(PATIENTS)
    assert trial.resolution == "patients"
    assert list(trial.populations) == ["itt", "pp"]
    data = trial.data
    assert isinstance(data, Patients)
    assert data.site == ("A", "A", "B", "B")
    assert data.arm.tolist() == [0, 1, 0, 1]
    assert data.response.tolist() == [0, 1, 1, 1]
    assert data.flags["pp"].tolist() == [True, True, False, True]
    assert data.covariates == {"age": ("40", "51", "", "33")}


def test_the_end_point_may_have_any_name(load: Callable[..., Trial], refusal: Callable[..., InputError]) -> None:
    text = PATIENTS.replace("response", "cured")
    trial = load(text, end_point="cured")
    assert trial.end_point.name == "cured"
    assert trial.analysis_set("itt").totals == ((1, 2), (2, 2))
    assert refusal(text, end_point="cure").hint == "Did you mean 'cured'?"
    assert "column 'cured' taken for the outcome" in load(text).notes
    problem = refusal(PATIENTS.replace("response", "better"))
    assert problem.found == "no column 'response' (columns: site, arm, better, pop_pp, age)"
    assert "the columns site, arm, responders, n" in problem.required


def test_patients_of_a_third_arm_are_left_out_and_counted(load: Callable[..., Trial]) -> None:
    trial = load(PATIENTS + "A,high,1,1,\nC,high,0,1,\n", control="placebo", active="drug")
    assert isinstance(trial.data, Patients)
    assert trial.data.site == ("A", "A", "B", "B")
    assert trial.notes == (
        "no column identifies patients (id=...): a patient with several rows would be counted several times",
        "2 patients left out: arm 'high' is not compared",
        "site 'C' left out: no patients in either arm compared",
    )


def test_a_missing_outcome_in_an_arm_not_compared_does_no_harm(load: Callable[..., Trial]) -> None:
    trial = load(PATIENTS + "A,high,,1,\n", control="placebo", active="drug")
    assert trial.analysis_set("itt").patients == 4


@pytest.mark.parametrize(
    ("text", "where", "found", "required"),
    [
        (
            PATIENTS.replace("drug,1,1,51", "drug,,1,51"),
            ", line 3, column 'response'",
            "a missing outcome (1",
            "0 or 1",
        ),
        (PATIENTS.replace(",1,1", ",,1"), ", line 3, column 'response'", "a missing outcome (2 in all)", "0 or 1"),
        (PATIENTS.replace("drug,1,1,51", "drug,2,1,51"), ", line 3, column 'response'", "'2'", "0 or 1"),
        (PATIENTS.replace("drug,1,1,51", "drug,yes,1,51"), ", line 3, column 'response'", "'yes'", "0 or 1"),
        (PATIENTS.replace("drug,1,1,51", "drug,1,,51"), ", line 3, column 'pop_pp'", "nothing", "0 or 1"),
        (PATIENTS.replace("drug,1,1,51", "drug,1,TRUE,51"), ", line 3, column 'pop_pp'", "'TRUE'", "0 or 1"),
        (PATIENTS.replace("A,drug", ",drug"), ", line 3, column 'site'", "nothing", "a name"),
        (PATIENTS.replace("A,drug", "A,"), ", line 3, column 'arm'", "nothing", "a name"),
        (PATIENTS.replace("drug", "placebo"), "", "only the arm 'placebo'", "two arms"),
        (
            PATIENTS.replace("pop_pp", "pop_per protocol"),
            ", line 1",
            "column 'pop_per protocol'",
            "'pop_' and the name",
        ),
        (PATIENTS.replace("pop_pp", "pop_"), ", line 1", "column 'pop_'", "'pop_' and the name"),
        (PATIENTS.replace("pop_pp", "pop_itt"), ", column 'pop_itt'", "patients outside 'itt'", "everyone in the file"),
    ],
)
def test_a_fault_in_patients_is_named_by_line_find_and_requirement(
    refusal: Callable[..., InputError], text: str, where: str, found: str, required: str
) -> None:
    problem = refusal(text)
    assert problem.where == "t.csv" + where
    assert problem.found.startswith(found)
    assert problem.required.startswith(required)


def test_a_flag_itt_that_holds_everyone_says_nothing_new(load: Callable[..., Trial]) -> None:
    trial = load("site,arm,response,pop_itt\nA,placebo,1,1\nA,drug,0,1\n")
    assert list(trial.populations) == ["itt"]
    assert isinstance(trial.data, Patients)
    assert trial.data.flags == {}


# whatever may come

names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8).filter(
    lambda s: s == canonical_text(s) and not name_fault(s) and not is_total(s)
)


def _a_sum(table: dict) -> bool:
    whole = np.array(list(table.values())).sum(axis=0)
    return any((2 * np.array(row) == whole).all() for row in table.values())


cell = st.integers(0, 50).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
tables = st.dictionaries(names, st.tuples(cell, cell), min_size=1, max_size=6).filter(
    lambda t: (
        # a site that is the sum of the others is refused
        not (len(t) > 3 and _a_sum(t))
        and alike(map(without_zeros, t)) is None
        and len({*map(without_zeros, t)}) == len(t)
        and all(c[1] + a[1] for c, a in t.values())
        and all(sum(row[i][1] for row in t.values()) for i in (0, 1))
    )
)


def as_csv(rows: list[tuple[object, ...]], header: tuple[str, ...] = ("site", "arm", "responders", "n")) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out).writerows([header, *rows])
    return out.getvalue().encode()


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("readers") / "t.csv"


@given(table=tables, seed=st.randoms())
def test_any_table_comes_back_as_it_was_written_in_any_order_of_rows(file: Path, table: dict, seed: object) -> None:
    rows = [(site, arm, *row[a]) for site, row in table.items() for a, arm in enumerate(("placebo", "drug"))]
    file.write_bytes(as_csv(rows))
    data = load_trial(file, single_arm_sites=True).data
    assert isinstance(data, Cells)
    assert data.sites == tuple(table)
    assert np.stack([data.responders, data.n], axis=2).tolist() == [[list(c), list(a)] for c, a in table.values()]
    seed.shuffle(rows)  # type: ignore[attr-defined]
    file.write_bytes(as_csv(rows))
    shuffled = load_trial(file, control="placebo", active="drug", single_arm_sites=True).data
    assert isinstance(shuffled, Cells)
    order = [shuffled.sites.index(site) for site in data.sites]
    assert sorted(order) == list(range(len(table)))
    np.testing.assert_array_equal(shuffled.responders[order], data.responders)
    np.testing.assert_array_equal(shuffled.n[order], data.n)


@given(table=tables, seed=st.randoms())
def test_patients_and_their_table_of_sites_are_one_trial(file: Path, table: dict, seed: object) -> None:
    patients = [
        (site, arm, int(i < row[a][0]))
        for site, row in table.items()
        for a, arm in enumerate(("placebo", "drug"))
        for i in range(row[a][1])
    ]
    seed.shuffle(patients)  # type: ignore[attr-defined]
    file.write_bytes(as_csv(patients, ("site", "arm", "response")))
    found = load_trial(file, single_arm_sites=True).analysis_set("itt").data
    assert isinstance(found, Cells)
    counts = {site: found.responders[s].tolist() + found.n[s].tolist() for s, site in enumerate(found.sites)}
    assert counts == {site: [c[0], a[0], c[1], a[1]] for site, (c, a) in table.items()}


def read_or_refuse(file: Path, content: bytes) -> None:
    """Anything but a trial and a TrialError is an error of the test."""
    file.write_bytes(content)
    problem = None
    try:
        trial = load_trial(file)
    except TrialError as caught:
        problem = caught
    if problem:
        assert str(file) in problem.where
        assert str(problem).isprintable()
    else:
        assert trial.analysis_set("itt").patients > 1


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(file: Path, content: bytes) -> None:
    read_or_refuse(file, content)


@given(st.text(st.sampled_from('ab,;"\n\r\t0123. -\x00\u2028é'), max_size=60), st.sampled_from([HEADER, PATIENTS]))
def test_any_rows_are_read_or_refused(file: Path, rows: str, head: str) -> None:
    read_or_refuse(file, (head + rows).encode())


@given(st.integers(0, len(GOOD)), st.integers(0, 12), st.text(max_size=6))
def test_any_slip_of_the_hand_is_read_or_refused(file: Path, at: int, length: int, typed: str) -> None:
    read_or_refuse(file, (GOOD[:at] + typed + GOOD[at + length :]).encode(errors="replace"))
