"""One set of data in every form that people bring: the same trial, hash and all. Files are written by real writers."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bayes_lupil import Trial, fit, load_trial, read_outcomes
from bayes_lupil.errors import TrialError
from bayes_lupil.trials.sources import read_source

polars = pytest.importorskip("polars")
pyarrow = pytest.importorskip("pyarrow")
pyreadstat = pytest.importorskip("pyreadstat")
pytest.importorskip("openpyxl")


def _r_table(frame: pd.DataFrame, path: Path) -> None:
    """As R's write.table writes it: row names without a name of their own."""
    body = frame.to_csv(sep="\t", header=False, index=False).splitlines()
    head = "\t".join(f'"{name}"' for name in frame.columns)
    lines = [head, *(f'"{i}"\t{line}' for i, line in enumerate(body, 1))]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


WRITERS: dict[str, Callable[[pd.DataFrame, Path], object]] = {
    "comma.csv": lambda f, p: f.to_csv(p, index=False),
    "index.csv": lambda f, p: f.to_csv(p),
    "quoted.csv": lambda f, p: f.to_csv(p, index=False, quoting=1),
    "bom.csv": lambda f, p: f.to_csv(p, index=False, encoding="utf-8-sig"),
    "semicolon.csv": lambda f, p: f.to_csv(p, index=False, sep=";", decimal=","),
    "bar.txt": lambda f, p: f.to_csv(p, index=False, sep="|"),
    "latin.csv": lambda f, p: f.to_csv(p, index=False, sep=";", encoding="latin-1"),
    "tab.tsv": lambda f, p: f.to_csv(p, index=False, sep="\t"),
    "r.txt": _r_table,
    "wide_letters.csv": lambda f, p: f.to_csv(p, index=False, encoding="utf-16", sep="\t"),
    "sheet.xlsx": lambda f, p: f.to_excel(p, index=False),
    "index.xlsx": lambda f, p: f.to_excel(p),
    "stata.dta": lambda f, p: f.to_stata(p, write_index=False, version=118),
    "labels.dta": lambda f, p: f.astype({"arm": "category"}).to_stata(p, write_index=False, version=118),
    "spss.sav": lambda f, p: pyreadstat.write_sav(f, str(p)),
    "old.xpt": lambda f, p: pyreadstat.write_xport(f, str(p), file_format_version=5),
    "columns.parquet": lambda f, p: f.to_parquet(p),
    "polars.parquet": lambda f, p: polars.from_pandas(f).write_parquet(p),
    "columns.feather": lambda f, p: f.to_feather(p),
    "ipc.arrow": lambda f, p: polars.from_pandas(f).write_ipc(p),
}
FRAMES: dict[str, Callable[[pd.DataFrame], Any]] = {
    "pandas": lambda f: f,
    "pandas, categories": lambda f: f.astype({"arm": "category", "site": "category"}),
    "pandas, nullable": lambda f: f.convert_dtypes(),
    "pandas, an index with a name": lambda f: f.set_index("site"),
    "pandas, objects": lambda f: f.astype(object),
    "polars": polars.from_pandas,
    "polars, lazy": lambda f: polars.from_pandas(f).lazy(),
    "arrow": lambda f: pyarrow.Table.from_pandas(f, preserve_index=False),
    "columns": lambda f: f.to_dict("list"),
    "columns of arrays": lambda f: {name: f[name].to_numpy() for name in f},
}


def _frame(rng: np.random.Generator, size: int = 40) -> pd.DataFrame:
    """Patients with every kind of column; sites and arms that all files can hold."""
    age = rng.integers(20, 80, size).astype(float)
    age[rng.random(size) < 0.2] = np.nan
    return pd.DataFrame(
        {
            "site": rng.choice(["Köln", "Paris", "Site 3"], size),
            "arm": ["placebo", "drug"] * (size // 2),
            "y": rng.integers(0, 2, size),
            "age": age,
            "weight": rng.normal(70, 9, size).round(2),
            "pop_pp": rng.integers(0, 2, size),
        }
    )


def _hash(source: Any) -> str:
    trial = load_trial(source)
    assert trial.analysis_set("pp").patients
    return trial.data_hash


@pytest.mark.parametrize("name", WRITERS)
def test_a_file_of_any_kind_gives_the_same_trial(tmp_path: Path, name: str) -> None:
    frame = _frame(np.random.default_rng(3))
    WRITERS[name](frame, tmp_path / name)
    assert _hash(tmp_path / name) == _hash(frame)


@pytest.mark.parametrize("name", FRAMES)
def test_a_frame_of_any_kind_gives_the_same_trial(name: str) -> None:
    frame = _frame(np.random.default_rng(4))
    assert _hash(FRAMES[name](frame)) == _hash(frame)


@settings(max_examples=15)
@given(seed=st.integers(0, 10_000), shuffled=st.booleans())
def test_any_data_in_four_forms_and_in_any_order(
    tmp_path_factory: pytest.TempPathFactory, seed: int, shuffled: bool
) -> None:
    rng = np.random.default_rng(seed)
    frame = _frame(rng, int(rng.integers(10, 40)) * 2)
    first = _hash(frame)
    if shuffled:  # columns in any order are the same data; rows in any order the same counts
        frame = frame[list(rng.permutation(frame.columns))]
        assert _hash(frame) == first
        cells = {site: row for site, *row in _counts(load_trial(frame))}
        frame = frame.sample(frac=1, random_state=seed)
        assert {site: row for site, *row in _counts(load_trial(frame))} == cells
    folder = tmp_path_factory.mktemp("forms")
    for name in ("comma.csv", "sheet.xlsx", "stata.dta", "semicolon.csv"):
        WRITERS[name](frame.reset_index(drop=True), folder / name)
        assert _hash(folder / name) == _hash(frame)


def _counts(trial: Trial) -> list[tuple[object, ...]]:
    cells = trial.analysis_set().data
    return [(s, *cells.responders[i], *cells.n[i]) for i, s in enumerate(cells.sites)]  # type: ignore[union-attr]


COUNTS = pd.DataFrame(
    {"centre": ["A", "A", "B", "B"], "treat": ["ctl", "new"] * 2, "events": [3, 5, 2, 6], "total": [10, 12, 9, 11]}
)


@pytest.mark.parametrize("name", [name for name in WRITERS if name != "labels.dta"])
def test_counts_in_any_file(tmp_path: Path, name: str) -> None:
    WRITERS[name](COUNTS, tmp_path / name)
    trial = load_trial(tmp_path / name, control="ctl")
    assert trial.analysis_set().totals == ((5, 19), (11, 23))
    assert trial.data_hash == load_trial(COUNTS, control="ctl").data_hash


def test_value_labels_are_values(tmp_path: Path) -> None:
    frame = pd.DataFrame({"site": [1.0, 1.0, 2.0, 2.0], "arm": [0.0, 1.0] * 2, "status": [1.0, 2.0, 2.0, 2.0]})
    labels = {"arm": {0.0: "placebo", 1.0: "drug"}, "status": {1.0: "poor", 2.0: "good"}}
    pyreadstat.write_sav(frame, str(tmp_path / "t.sav"), variable_value_labels=labels)
    pyreadstat.write_dta(frame, str(tmp_path / "t.dta"), variable_value_labels=labels)
    for name in ("t.sav", "t.dta"):
        trial = load_trial(tmp_path / name, responder="good")
        assert trial.arms.names == ("placebo", "drug")
        assert trial.site_names == ("1", "2")
        assert trial.analysis_set().totals == ((1, 2), (2, 2))
        assert any("value labels" in note for note in trial.notes)


def test_sheets(tmp_path: Path) -> None:
    path = tmp_path / "book.xlsx"
    with pd.ExcelWriter(path) as book:
        pd.DataFrame().to_excel(book, sheet_name="empty")
        COUNTS.to_excel(book, sheet_name="counts", index=False, startrow=3, startcol=2)
        COUNTS.assign(events=1).to_excel(book, sheet_name="other", index=False)
    trial = load_trial(path, control="ctl")
    assert trial.analysis_set().totals == ((5, 19), (11, 23))
    assert any("sheet 'counts'" in note for note in trial.notes)
    assert load_trial(path, control="ctl", sheet="other").analysis_set().totals == ((2, 19), (2, 23))
    with pytest.raises(TrialError, match=r"no sheet 'count'.*Did you mean 'counts'\?"):
        load_trial(path, control="ctl", sheet="count")
    with pytest.raises(TrialError, match="only Excel files have sheets"):
        load_trial(COUNTS, control="ctl", sheet="counts")


def test_a_place_in_a_sheet_is_its_row(tmp_path: Path) -> None:
    COUNTS.assign(events=[3, 50, 2, 6]).to_excel(tmp_path / "t.xlsx", index=False, startrow=2)
    with pytest.raises(TrialError, match=r"t\.xlsx, row 5: found 50 responders of n = 12"):
        load_trial(tmp_path / "t.xlsx", control="ctl")


@pytest.mark.parametrize(
    "ending", [".xlsx", ".dta", ".sav", ".xpt", ".sas7bdat", ".parquet", ".feather", ".arrow", ".por"]
)
@pytest.mark.parametrize("content", [b"", b"no such file", b"PK\x03\x04 broken", bytes(range(256)) * 20])
def test_a_damaged_file_is_refused_in_words(tmp_path: Path, ending: str, content: bytes) -> None:
    path = tmp_path / f"t{ending}"
    path.write_bytes(content)
    with pytest.raises(TrialError) as caught:
        load_trial(path)
    assert str(path) in caught.value.where


@pytest.mark.parametrize("ending", [".xls", ".ods", ".rds", ".RData", ".json"])
def test_files_that_are_known_and_not_read(tmp_path: Path, ending: str) -> None:
    (tmp_path / f"t{ending}").write_bytes(b"x")
    with pytest.raises(TrialError, match=r"save it as|in R, write\.csv|data frame"):
        load_trial(tmp_path / f"t{ending}")


@pytest.mark.parametrize(
    ("name", "package"), [("t.xlsx", "openpyxl"), ("t.sav", "pyreadstat"), ("t.parquet", "pyarrow")]
)
def test_without_the_package_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, package: str
) -> None:
    (tmp_path / name).write_bytes(b"x")
    for module in [module for module in sys.modules if module.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(TrialError, match=rf"{package} reads, which is not installed.*bayes-lupil\[files\]"):
        load_trial(tmp_path / name)


def test_reading_a_table_of_text_loads_no_reader(tmp_path: Path) -> None:
    COUNTS.to_csv(tmp_path / "t.csv", index=False)
    code = (
        f"import sys, bayes_lupil; bayes_lupil.load_trial({str(tmp_path / 't.csv')!r}, control='ctl');"
        "print(*{name.split('.')[0] for name in sys.modules})"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not {"pandas", "polars", "pyarrow", "openpyxl", "pyreadstat", "narwhals", "scipy"} & set(told.split())


@pytest.mark.parametrize(
    ("text", "totals"),
    [
        ("site;arm;y;x\nA;placebo;0;1,5\nA;drug;1;2,25\n", ((0, 1), (1, 1))),
        ("site\tarm\ty\tx\nA\tplacebo\t0\t1,5\nA\tdrug\t1\t2\n", ((0, 1), (1, 1))),
        ("site|arm|y\nA, Nord|placebo|0\nA, Nord|drug|1\n", ((0, 1), (1, 1))),
        ('site;arm;y\n"A;1";placebo;0\n"A;1";drug;1\n', ((0, 1), (1, 1))),
        ("site,arm,y,\nA,placebo,0,\nA,drug,1,\n", ((0, 1), (1, 1))),
        ("\n\nsite;arm;y\n\nA;placebo;0\nA;drug;1\n;;\n", ((0, 1), (1, 1))),
        ("centre,treatment,outcome\nA,placebo,0.0\nA,drug,1.0\n", ((0, 1), (1, 1))),
        ("SITEID,TRT01P,Y\n701,Placebo,N\n701,Drug,Y\n", ((0, 1), (1, 1))),
        ("clinic,rx,improved\nA,placebo,FALSE\nA,drug,TRUE\n", ((0, 1), (1, 1))),
        ("hospital,grp,died\nA,Control,no\nA,drug,yes\n", ((0, 1), (1, 1))),
    ],
)
def test_ways_to_write_a_table(tmp_path: Path, text: str, totals: tuple) -> None:
    (tmp_path / "t.csv").write_text(text, encoding="utf-8")
    assert load_trial(tmp_path / "t.csv").analysis_set().totals == totals


@pytest.mark.parametrize("number", ["1.000", "1,000", "12.500", "1.234.567", "1,5"])
def test_thousands_are_not_taken_for_decimals(tmp_path: Path, number: str) -> None:
    """With semicolons '1.000' may be one or a thousand."""
    text = f"site;arm;responders;n\nA;placebo;1;{number}\nA;drug;1;{number}\n"
    (tmp_path / "t.csv").write_text(text, encoding="utf-8")
    with pytest.raises(TrialError, match="required: a whole number"):
        load_trial(tmp_path / "t.csv")


def test_guesses_are_told(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes("site;arm;y;x\nKöln;placebo;0;1,5\nKöln;drug;1;2,5\n".encode("latin-1"))
    notes = " / ".join(load_trial(tmp_path / "t.csv").notes)
    for words in ("Windows-1252", "semicolons", "decimal commas in 'x'", "column 'y' taken for the outcome"):
        assert words in notes


def test_there_and_back() -> None:
    frame = _frame(np.random.default_rng(5))
    trial = Trial.from_frame(frame, benefit="lower", mcid=0.05)
    again = load_trial(trial.to_frame(), outcome="y", benefit="lower", mcid=0.05)
    assert again.data_hash == trial.data_hash
    cells = load_trial(COUNTS, control="ctl")
    again = load_trial(cells.to_frame(), control="ctl", end_point=cells.end_point.name)
    assert again.data_hash == cells.data_hash
    totals = Trial.from_counts("34/50", "29 of 50")
    assert load_trial(totals.to_frame()).analysis_set().totals == totals.analysis_set().totals == ((29, 50), (34, 50))
    for wrong in ("34", "34/50/2", "-1/5", (1.5, 2), (1, 2, 3)):
        with pytest.raises(ValueError, match=r"from_counts|active arm"):
            Trial.from_counts(wrong, "1/2")  # type: ignore[arg-type]


def test_a_model_is_fitted_to_a_frame_in_one_call() -> None:
    posterior = fit("itt_pooled", COUNTS, control="ctl", benefit="lower", mcid=0.07)
    assert posterior.provenance.totals == ((5, 19), (11, 23))
    assert posterior.spec.decision.relevant == 0.07
    assert posterior.provenance.reading is not None
    assert posterior.provenance.reading["columns"]["site"] == "centre"
    with pytest.raises(TrialError, match=r"'controll'.*Did you mean 'control'"):
        fit("itt_pooled", COUNTS, controll="ctl")
    with pytest.raises(TrialError, match="beside a trial that was read already"):
        fit("itt_pooled", load_trial(COUNTS, control="ctl"), active="new")


def test_end_points_read_the_same_sources(tmp_path: Path) -> None:
    frame = _frame(np.random.default_rng(6))
    first = read_outcomes(frame)
    for name in ("comma.csv", "sheet.xlsx", "stata.dta", "spss.sav", "columns.parquet"):
        WRITERS[name](frame, tmp_path / name)
        assert read_outcomes(tmp_path / name).data_hash == first.data_hash


@pytest.mark.parametrize("odd", [[1, 2], {"a": 1}, object, (1,), np.ones(2)])
def test_what_no_cell_can_hold(odd: object) -> None:
    with pytest.raises(TrialError, match="column 'y'"):
        read_source({"site": ["A", "A"], "arm": ["a", "b"], "y": [odd, 1]})
