"""The commands of published results, as they are typed."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest
from typer.testing import CliRunner

import bayes_lupil as bl
from bayes_lupil import cli
from bayes_lupil.report.published.page import BENEFIT_FILES


def run(*arguments, capsys):
    """What a command says, says of errors, and ends with."""
    with pytest.raises(SystemExit) as end:
        cli.main(lambda: cli.app(list(arguments), standalone_mode=False))
    told = capsys.readouterr()
    return told.out, told.err, end.value.code or 0


def test_counts(capsys):
    out, _, status = run("benefit", "44/125", "62/124", "--lower-is-better", capsys=capsys)
    assert status == 0
    assert "P(OR < 1) = 0.973 under the neutral moderate prior" in " ".join(out.split())
    assert "Warning" not in out


def test_the_direction_is_said_first(capsys):
    out, _, _ = run("benefit", "44/125", "62/124", capsys=capsys)
    assert out.startswith("Warning: nobody said which direction is a benefit")
    out, _, _ = run("benefit", "--hr", "0.76", "0.55", "1.04", capsys=capsys)
    assert out.startswith("Warning: nobody said which direction is a benefit: a hazard ratio below 1")


@pytest.mark.parametrize(
    ("arguments", "same"),
    [
        (["--hr", "0.76", "0.55", "1.04"], {"hr": "0.76", "ci": ("0.55", "1.04")}),
        (["--or", "1.4", "--se", "0.2", "--higher-is-better"], {"or_": "1.4", "se": "0.2", "benefit": "higher"}),
        (["--rd", "-0.018", "-0.045", "0.009", "--lower-is-better"],
         {"rd": "-0.018", "ci": ("-0.045", "0.009"), "benefit": "lower"}),
        (["--md", "-2.5", "--p", "0.02", "--lower-is-better"], {"md": "-2.5", "p": "0.02", "benefit": "lower"}),
        (["--rr", "0.9", "0.8", "1.01", "--level", "0.9"], {"rr": "0.9", "ci": ("0.8", "1.01"), "level": 0.9}),
        (["--irr", "0.87", "0.75", "1.01"], {"irr": "0.87", "ci": ("0.75", "1.01")}),
    ],
)  # fmt: skip
def test_estimates_are_those_of_python(arguments, same, capsys):
    out, _, status = run("benefit", *arguments, "--json", capsys=capsys)
    assert status == 0
    found = json.loads(out)
    level = same.get("level", 0.95)
    wanted = bl.benefit(bl.from_estimate(**same), level=level).to_json()
    assert found["priors"] == wanted["priors"]
    assert found["notes"] == wanted["notes"]


def test_what_is_asked(capsys):
    out, _, _ = run(
        "benefit", "--hr", "0.76", "0.55", "1.04", "--prior", "sceptical", "--prior", "0,0.35", "--beyond", "0.9",
        "--beyond", "0.8", "--margin", "1.25", "--rope", "0.91", "1.1", "--control-risk", "0.3", "--expected", "0.7",
        "--json", capsys=capsys,
    )  # fmt: skip
    found = json.loads(out)
    assert [item["prior"] for item in found["priors"]][:2] == ["sceptical strong", "normal(0, 0.35)"]
    assert [item["key"] for item in found["events"]] == [
        "p_benefit", "p_beyond_0.9", "p_beyond_0.8", "p_within_margin_1.25", "p_rope"
    ]  # fmt: skip
    assert found["absolute"]["control_risk"] == 0.3


@pytest.mark.parametrize(
    "arguments",
    [["--hr", "0.76", "0.55-1.04"], ["--hr", "0.76 (0.55 to 1.04)"], ["--hr", "0,76", "0,55", "1,04"],
     ["--hr", "0\u00b776", "0.55 to 1.04"]],
)  # fmt: skip
def test_as_papers_print_it(arguments, capsys):
    out, _, status = run("benefit", *arguments, "--lower-is-better", "--beyond", "0,9", "--json", capsys=capsys)
    assert status == 0
    found = json.loads(out)
    assert found["priors"][1]["p_benefit"] == pytest.approx(0.9544, abs=1e-4)
    assert found["events"][1]["statement"] == "P(HR < 0.9)"


def test_files_and_pictures(tmp_path, capsys):
    out, _, status = run(
        "benefit", "44/125", "62/124", "--lower-is-better", "--out", str(tmp_path / "out"), "--plot",
        str(tmp_path / "plot.svg"), capsys=capsys,
    )  # fmt: skip
    assert status == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} - {"manifest.json"} == set(BENEFIT_FILES)
    assert "<svg" in (tmp_path / "plot.svg").read_text()
    assert f"Written to {tmp_path / 'out'}" in "".join(out.splitlines())


def test_many_results(tmp_path, capsys):
    path = tmp_path / "results.csv"
    path.write_text("trial,hr,lower,upper\nA,0.76,0.55,1.04\nB,0.9,0.7,1.16\n")
    out, _, status = run("benefit", str(path), "--lower-is-better", "--out", str(tmp_path / "forest"), capsys=capsys)
    assert status == 0
    assert (tmp_path / "forest" / "forest.png").is_file()
    assert (tmp_path / "forest" / "results.html").is_file()
    for name in ("A", "B"):
        assert name in out
    out, _, _ = run("benefit", str(path), "--lower-is-better", "--json", capsys=capsys)
    assert [item["trial"] for item in json.loads(out)] == ["A", "B"]


def test_trials(capsys):
    out, _, _ = run("benefit", "lupil2", "--population", "pp", "--json", capsys=capsys)
    assert json.loads(out)["limits"]["limit"] == pytest.approx(7.6, abs=0.05)
    out, _, _ = run("benefit", "cabana", "--measure", "rr", capsys=capsys)
    assert "Risk ratio" in out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["benefit"], "nothing"),
        (["benefit", "44/125"], "two counts, active first"),
        (["benefit", "44/125", "62/124", "1/2"], "two counts, active first"),
        (["benefit", "44/125", "0.5"], "two counts"),
        (["benefit", "--hr", "0.76", "0.55"], "two counts, active first, or one estimate"),
        (["benefit", "44/125", "62/124", "--se", "5"], "--se 5"),
        (["benefit", "--md", "1,200", "--se", "250"], "thousands"),
        (["benefit", "--hr", "0.76", "0.55", "1.04", "--lower-is-better", "--margin", "0.85"], "--beyond 0.85"),
        (["benefit", "--hr", "0.76", "0.55", "1.04", "--prior", "0,35"], "decimal comma"),
        (["benefit", "--rd", "-0.018", "--se", "0.01", "--prior", "0,2"], "5 points are 0.05"),
        (["benefit", "--hr", "0.76", "0.55", "1.04", "--prior", "P(OR<0.5)=0.05"], "P(HR>"),
        (["benefit", "--hr", "0.76", "--or", "0.8"], "--hr 0.76 --or 0.8"),
        (["benefit", "--hr", "0.76", "1.04", "0.55"], "the lower limit below the upper one"),
        (["benefit", "--hr", "0.76", "0.55", "1.04", "--level", "95"], "Level 95 is 0.95"),
        (["benefit", "--hr", "0.76", "0.55", "1.04", "--hrr", "2"], "the option --hrr"),
        (["benefit", "--hr", "0.76", "0.55", "1.04", "--measure", "irr"], "--measure or, rr or rd"),
        (["benefit", "44/125", "62/124", "--percent", "35"], "two percentages, active first"),
        (["benefit", "44/125", "62/124", "--plot", "x.gif"], ".png, .svg or .pdf"),
        (["benefit", "44/125", "62/124", "--prior", "septical"], "sceptical"),
        (["benefit", "lupil3"], "lupil2"),
        (["benefit", "nowhere.csv"], "nowhere.csv"),
        (["published", "cabanna"], "cabana"),
    ],
)
def test_refusals_end_with_two(arguments, told, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    out, err, status = run(*arguments, capsys=capsys)
    assert status == 2
    assert told in " ".join(err.split())
    assert "Traceback" not in err
    assert out == ""
    assert list(tmp_path.iterdir()) == []


def test_published_is_a_table(capsys):
    out, _, status = run("published", capsys=capsys)
    assert status == 0
    assert "agree with what the stated inputs give" in out
    assert "does not follow" in " ".join(out.split())
    out, _, _ = run("published", "topcat", "--json", capsys=capsys)
    assert {item["name"] for item in json.loads(out)} == {"topcat"}
    out, _, _ = run("published", "clear_outcomes", capsys=capsys)
    assert "minimal important difference" in " ".join(out.split())


def test_help_shows_both_ways():
    told = CliRunner().invoke(cli.app, ["benefit", "--help"], env={"COLUMNS": "120"}).output
    for text in ("--lower-is-better", "--prior", "--beyond", "bayes-lupil benefit --hr 0.76 0.55 1.04"):
        assert text in told


HEAVY = (
    "pymc", "pytensor", "arviz", "statsmodels", "pandas", "matplotlib", "numba", "xarray", "altair", "vl_convert",
)  # fmt: skip


@pytest.mark.stack
def test_a_cold_process_loads_nothing_heavy():
    code = (
        "import sys; from bayes_lupil.cli import app; "
        "app(['benefit', '44/125', '62/124', '--lower-is-better'], standalone_mode=False); "
        "print(*{name.split('.')[0] for name in sys.modules})"
    )
    started = time.perf_counter()
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(told.stdout.splitlines()[-1].split()) & set(HEAVY) == set()
    assert time.perf_counter() - started < 15  # a second and a half on an idle core; benchmarks say how long
