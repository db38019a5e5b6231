"""Who is a patient: what columns of identifiers are called, and what is said where there is none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import combinations, permutations
from typing import Any

import numpy as np
import pytest
from scipy import stats

from bayes_lupil import load_trial
from bayes_lupil.errors import TrialError
from bayes_lupil.trials.repeats import equal_pairs_by_chance, is_far_above
from bayes_lupil.trials.vocabulary import IDS, fits, fitting

UNIDENTIFIED = "no column identifies patients (id=...): a patient with several rows would be counted several times"
NAMES = [
    "Screening-Nr", "numéro patient", "n° patient", "N\u00ba patient", "Patientennummer", "Randomisation no.",
    "Randomization Number", "Patienten-Nr.", "Probanden-ID", "Fallnummer", "Numéro du patient", "Code patient",
    "código del paciente", "Codice paziente", "numero sujet", "Participant no", "Subject code", "Pat-Nr", "subj_num",
    "pt_code", "Screening number", "Patientenschlüssel", "PATIENT #", "nume\u0301ro patient", "ID Patient",
]  # fmt: skip
COUNTS = [
    "No. patients", "number of patients", "Number of subjects", "n", "patients", "N patients", "nb patients",
    "patientsn", "Anzahl Patienten", "numéro de patients", "No. cases", "fall no", "number of falls",
    "randomisation code", "randomisation", "screening", "case", "age", "number", "code",
]  # fmt: skip


def rows(size: int, rng: np.random.Generator, **more: list[Any]) -> dict[str, list[Any]]:
    return {
        "site": rng.integers(1, 6, size).tolist(), "arm": ["placebo", "drug"] * (size // 2),
        "response": rng.integers(0, 2, size).tolist(), **more,
    }  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_column_that_identifies_patients(name: str) -> None:
    once = rows(40, np.random.default_rng(1), **{name: [f"p{i}" for i in range(40)]})
    trial = load_trial(once)
    assert trial.reading is not None
    assert trial.reading.columns["id"] == name
    assert UNIDENTIFIED not in (*trial.notes, *trial.reading.lines)
    with pytest.raises(TrialError, match="80 rows of 40 patients, 40 of whom come more than once"):
        load_trial({column: [*cells, *cells] for column, cells in once.items()})


@pytest.mark.parametrize("name", COUNTS)
def test_a_count_identifies_nobody(name: str) -> None:
    assert not fits(name, IDS)


def test_a_number_of_screening_or_randomisation_comes_last() -> None:
    assert fitting(["Screening no", "Randomisation-Nr", "ID"], IDS) == ("ID",)
    assert fitting(["randno", "Patientennummer", "id"], IDS) == ("Patientennummer",)
    assert fitting(["Screening no", "age"], IDS) == ("Screening no",)


@pytest.mark.parametrize("ids", [{}, {"patient": [""] * 60}, {"usubjid": [None] * 60}])
def test_where_nobody_is_identified_a_note_says_so_first(ids: dict[str, list[Any]]) -> None:
    trial = load_trial(rows(60, np.random.default_rng(2), **ids))
    assert trial.notes[0] == UNIDENTIFIED
    assert trial.reading is not None
    assert trial.reading.lines[3] == UNIDENTIFIED
    assert not trial.warnings


def test_counts_need_no_identifier() -> None:
    counts = {"site": ["A", "A"], "arm": ["placebo", "drug"], "responders": [3, 5], "n": [10, 10]}
    assert UNIDENTIFIED not in load_trial(counts).notes


# rows that are equal more often than by chance


def told_of_equal_rows(columns: dict[str, list[Any]], **options: Any) -> list[str]:
    return [text for text in load_trial(columns, **options).warnings if "equal an earlier one" in text]


def described(size: int, seed: int) -> dict[str, list[Any]]:
    """Patients with an age and two scales, and a country that follows from the site."""
    rng = np.random.default_rng(seed)
    columns = rows(size, rng)
    country = ["north" if site < 3 else "south" for site in columns["site"]]
    return columns | {
        "country": country, "age": rng.integers(20, 80, size).tolist(), "sex": rng.choice(["f", "m"], size).tolist(),
        "score": rng.integers(0, 30, size).tolist(),
    }  # fmt: skip


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("again", [10, 40])
def test_patients_entered_twice(seed: int, again: int) -> None:
    once = described(120, seed)
    assert not load_trial(once).warnings
    chosen = np.random.default_rng(100 + seed).choice(120, again, replace=False).tolist()
    twice = {name: [*cells, *(cells[i] for i in chosen)] for name, cells in once.items()}
    trial = load_trial(twice)
    (told,) = trial.warnings
    by_chance = 120 - len(set(zip(*once.values(), strict=True)))
    assert f"{again + by_chance} rows equal an earlier one in all columns" in told
    assert trial.notes[0] == UNIDENTIFIED
    identified = twice | {"code": list(range(120 + again))}
    assert not load_trial(identified, id="code").warnings


@pytest.mark.parametrize("sites", [1, 3, 20])
def test_equal_rows_of_different_patients_are_no_matter(sites: int) -> None:
    """Few columns with few values, uneven, dependent on one another, and some that follow from others."""
    for seed in range(40):
        rng = np.random.default_rng([sites, seed])
        size = int(rng.integers(20, 400)) * 2
        site = rng.choice(sites, size, p=rng.dirichlet(np.ones(sites)))
        frailty = rng.normal(size=size) + site / sites
        columns: dict[str, list[Any]] = {
            "site": site.tolist(), "arm": ["placebo", "drug"] * (size // 2),
            "response": (rng.normal(size=size) > frailty).astype(int).tolist(),
            "age group": np.clip(np.round(frailty + 3), 0, 6).astype(int).tolist(),
            "elderly": (np.round(frailty + 3) > 4).tolist(),
            "severe": (rng.normal(size=size) < frailty - 1).tolist(),
        }  # fmt: skip
        assert not told_of_equal_rows(columns), seed


def tables() -> Iterator[list[tuple[str, ...]]]:
    rng = np.random.default_rng(3)
    for size, columns in ((4, 2), (5, 2), (6, 2), (4, 3), (5, 3)):
        yield [tuple(map(str, row)) for row in rng.integers(0, 3, (size, columns))]


@pytest.mark.parametrize("table", list(tables()), ids=lambda table: f"{len(table)}x{len(table[0])}")
def test_the_number_by_chance_is_the_mean_over_all_orders_of_each_column(table: list[tuple[str, ...]]) -> None:
    first, *others = zip(*table, strict=True)
    found = []

    def over_orders(columns: list[tuple[str, ...]], made: list[tuple[str, ...]]) -> None:
        if not columns:
            found.append(sum(a == b for a, b in combinations(zip(*made, strict=True), 2)))
            return
        for order in permutations(columns[0]):
            over_orders(columns[1:], [*made, order])

    over_orders(others, [first])
    shares = [sum(a == b for a, b in combinations(column, 2)) for column in (first, *others)]
    varied = int(np.argmin(shares))
    rest = [tuple(cell for j, cell in enumerate(row) if j != varied) for row in table]
    dependent = sum(a == b for a, b in combinations(rest, 2)) * shares[varied] / (len(table) * (len(table) - 1) / 2)
    assert equal_pairs_by_chance(Counter(table)) == pytest.approx(max(np.mean(found), dependent))


def test_a_column_that_follows_from_another_does_not_make_equal_rows_rarer() -> None:
    rng = np.random.default_rng(4)
    plain = [tuple(map(str, row)) for row in rng.integers(0, 12, (500, 2))]
    more = [(a, b, str(int(a) // 3), str(int(b) % 2), "same") for a, b in plain]
    assert equal_pairs_by_chance(Counter(more)) == pytest.approx(equal_pairs_by_chance(Counter(plain)))
    free = [(a, b, str(c)) for (a, b), c in zip(plain, rng.integers(0, 2, 500), strict=True)]
    assert equal_pairs_by_chance(Counter(free)) == pytest.approx(equal_pairs_by_chance(Counter(plain)) / 2, rel=0.05)


def test_far_above_is_beyond_the_tail_of_five_times_chance() -> None:
    for expected in (1e-6, 0.01, 0.3, 2.0, 40.0, 1000.0):
        observed = np.arange(0, int(20 * expected) + 30)
        far = np.array([is_far_above(int(k), expected) for k in observed])
        assert (stats.poisson.sf(observed[far] - 1, 5 * expected) < 0.001).all()
        assert far[-1]
        assert not far[observed <= 5 * expected].any()
    assert is_far_above(1, 0.0)
    assert not is_far_above(0, 0.0)
