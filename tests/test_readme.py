"""The README: its result table is the tracked one, and its commands and its snippet run."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import xarray as xr

from bayes_lupil import cli
from bayes_lupil.report.reanalysis.comparison import in_words
from tests.proofs import WHOLE

ROOT = Path(__file__).parents[1]
README, MODELS = ((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "models/README.md"))


def blocks(language, text=README):
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def result_rows():
    table = pd.read_csv(ROOT / "outputs" / "lupil2" / "comparison.csv")
    rows = []
    for row in table[(table["status"] == "ok") & table["p_benefit"].notna()].itertuples():
        name, title = row.analysis.split(": ", 1)
        told = in_words(row._asdict())
        limits = f"{told['risk_difference']} ({told['limits']}) points"
        star = " (primary)" if row.kind.endswith("primary") else ""
        rows.append(
            f"| `{name}`{star}: {title[0].lower()}{title[1:]} | {row.population} | {limits} | {told['p_benefit']} |"
        )
    return rows


def numbers(row):
    """Risk difference, its limits, P(benefit) and the Monte Carlo error of that, as shown."""
    *rest, error = re.findall(r"[-+]?\d+\.\d+", row.split("|", 3)[3])
    return [float(value) for value in rest], float(error)


def test_the_result_table_is_that_of_the_outputs():
    start = README.index("|---|---|---|---|")
    shown = README[start:].split("\n\n", 1)[0].splitlines()[1:]
    advice = "put these rows into README.md:\n" + "\n".join(result_rows())
    assert [row.split("|")[1:3] for row in shown] == [row.split("|")[1:3] for row in result_rows()], advice
    for mine, theirs in zip(shown, result_rows(), strict=True):
        (values, error), (again, _) = numbers(mine), numbers(theirs)
        # outputs made afresh differ by Monte Carlo error: 4 of it for the difference of two runs, and the rounding;
        # that of the limits is at most 0.4 points
        assert abs(values[-1] - again[-1]) <= 4 * 1.5 * error + 0.001, advice
        assert all(abs(x - y) <= 4 * 1.5 * 0.4 + 0.1 for x, y in zip(values[:-1], again[:-1], strict=True)), advice


def test_every_link_and_picture_is_there():
    for folder, text in ((ROOT, README), (ROOT / "models", MODELS)):
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", text):
            assert (folder / target).exists(), target


def test_the_two_commands_are_targets_of_the_makefile():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = re.findall(r"^make (\S+)", blocks("sh")[0], re.MULTILINE)
    assert named == ["reanalysis", "test"]
    for target in named:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)


def test_ci_runs_what_the_readme_says():
    lines = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    # step NAME COMMAND, or beside NAME COMMAND with its end: a command that fails makes the whole run fail
    steps = [line.split()[2:] for line in lines if line.startswith("step ")]
    steps += [line.split()[2:] for line in lines if line.startswith("beside ") and f"end {line.split()[1]}" in lines]
    assert ["make", "check"] in steps
    assert ["make", "reanalysis"] in [step[:2] for step in steps]
    assert ["make", "test"] in steps, "with nothing left out"


@pytest.mark.parametrize("another", [True, False], ids=["with another Python", "without"])
@pytest.mark.parametrize("broken", ["", "check", "reanalysis", "test", "test-stack"])
def test_ci_runs_every_step_and_fails_where_one_did(tmp_path, broken, another):
    here = tmp_path / "checkout"
    stand_ins = {here / "bin" / "make": f'echo "made $1"\n[ "$1" != "{broken}" ]\n'}
    if another:
        stand_ins[tmp_path / "shared" / "tools" / "on-python313"] = '"$@"\n'
    for path, text in stand_ins.items():
        path.parent.mkdir(parents=True)
        path.write_text("#!/bin/sh\n" + text)
        path.chmod(0o755)
    (here / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "run", here / ".ci" / "run")
    path = os.environ | {"PATH": f"{here / 'bin'}:/usr/bin:/bin"}
    done = subprocess.run([here / ".ci" / "run"], capture_output=True, text=True, env=path)
    steps = {name: name for name in ("setup", "check", "reanalysis", "browser", "test")}
    steps |= {"setup-313": "setup", "test-313": "test-stack"} if another else {}
    rows = dict(re.findall(r"^([\w-]+) +\d+ s +(.*)$", done.stdout, re.MULTILINE))
    fails = broken in steps.values()
    assert (done.returncode != 0) == fails
    assert rows.pop("all") == ("FAILED" if fails else "passed")
    assert rows == {name: "FAILED" if target == broken else "passed" for name, target in steps.items()}
    assert all(f"made {target}" in done.stdout for target in steps.values())
    assert ("NOT TESTED ON PYTHON 3.13" in done.stdout) == (not another)


COMMANDS = [line for block in blocks("sh")[1:] for line in block.splitlines() if line.strip()]

IN_A_NEW_PROCESS = ".venv/bin/bayes-lupil fit site_effects beitler_landis --json"
"""One, as a reader would start it; the others in this process, which has loaded what they need."""


PROVED_ON = (3, 11)
"""The Python of the proofs kept: what another one must run itself is no proof there."""


def marks_of(line):
    """What another Python runs too: a fit in a new process, and the whole hierarchy with its joint model.

    What takes half a minute or more is a proof: run again when anything of the package has changed.
    """
    if line == IN_A_NEW_PROCESS:
        return [pytest.mark.stack]
    if "endpoints" in line and sys.version_info[:2] != PROVED_ON:
        return [pytest.mark.stack]
    long = any(word in line for word in ("endpoints", "reanalyse", "sites "))
    return [pytest.mark.proof(*WHOLE, "README.md")] if long else []


def test_one_command_is_started_as_a_reader_would():
    assert IN_A_NEW_PROCESS in COMMANDS


@pytest.mark.slow
@pytest.mark.parametrize("line", [pytest.param(line, marks=marks_of(line)) for line in COMMANDS])
def test_the_commands_run(line, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_trial.csv").write_text(
        "site,country,arm,responders,n\nA,Italy,placebo,3,10\nA,Italy,drug,5,10\nB,Italy,placebo,2,8\n"
        "B,Italy,drug,4,9\nC,Malta,placebo,4,9\nC,Malta,drug,7,12\n"
    )
    if "endpoints" in line:  # the command before it in the README writes this file
        from bayes_lupil import synthetic_patients

        patients = synthetic_patients(seed=1, margins="lupil2")
        patients.to_frame().to_csv(tmp_path / "patients_synthetic.csv", index=False)
    program, *arguments = shlex.split(line)
    assert program == ".venv/bin/bayes-lupil"
    if line == IN_A_NEW_PROCESS:
        done = subprocess.run([Path(sys.executable).parent / "bayes-lupil", *arguments], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert "Warning" not in done.stderr
        assert json.loads(done.stdout)["model"] == "site_effects"
        return
    with pytest.raises(SystemExit) as done:
        cli.main(lambda: cli.app(arguments, prog_name="bayes-lupil"))
    told = capsys.readouterr()
    assert done.value.code == 0, told.err
    assert told.out
    assert "Warning" not in told.err
    if "endpoints" in line:
        check_the_hierarchy(tmp_path / arguments[-1])


def check_the_hierarchy(folder):
    """Three end points, two of them nearly the same, 25 sites, 100 patients: sound as the plan stands."""
    table = pd.read_csv(folder / "hierarchy.csv")
    assert len(table) == 3
    assert list(table["p_all"]) == sorted(table["p_all"], reverse=True)
    assert (table["p_all"] <= table["p_all_upper_bound"] + 1e-6).all()
    assert (table["p_all"] >= table["p_all_lower_bound"] - 1e-6).all()
    with xr.open_datatree(folder / "joint.nc", engine="h5netcdf") as joint:
        effect = joint["posterior"]["effect"].values
    good = effect * [1, -1, -1] > 0  # an SRI is better higher, a SLEDAI lower
    for k in range(3):
        assert table["p_all"][k] == pytest.approx(good[..., : k + 1].all(axis=-1).mean(), abs=1e-6)
    correlations = pd.read_csv(folder / "correlations.csv")
    (row,) = (row for row in correlations.itertuples() if {"patients", "sledai_relative ~ sledai_absolute"} <= set(row))
    assert row.mean > 0.8
    page = (folder / "endpoints.md").read_text(encoding="utf-8")
    assert "P(benefit), all together" in page
    assert f"{table['p_all'][2]:.3f}" in page


@pytest.mark.stack
@pytest.mark.slow
def test_the_snippets_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for snippet in [*blocks("python"), *blocks("python", MODELS)]:
        exec(compile(snippet, "README.md", "exec"), {"__name__": "__main__"})
    assert (tmp_path / "posterior.nc").is_file()
