"""The command line: help that teaches, JSON that parses, and bad input that ends with status 2 and nothing written."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

from bayes_lupil import Posterior, builtin_models, builtin_trials, cli, fit
from bayes_lupil.report.reanalysis.card import effect_words
from tests.proofs import WHOLE

CELLS = "site,arm,responders,n\nA,placebo,3,10\nA,drug,5,10\nB,placebo,2,8\nB,drug,4,9\n"


@pytest.mark.stack
@pytest.mark.parametrize(
    "command",
    [
        [],
        ["reanalyse"],
        ["fit"],
        ["sites"],
        ["check"],
        ["trials"],
        ["models"],
        ["endpoints"],
        ["synthetic"],
        ["benefit"],
        ["published"],
    ],
)
def test_help_teaches(command):
    told = CliRunner().invoke(cli.app, [*command, "--help"], env={"COLUMNS": "100"})
    assert told.exit_code == 0
    assert "Usage" in told.output
    assert len(told.output) > 300


COMMANDS = [
    "reanalyse", "fit", "sites", "check", "trials", "models", "endpoints", "plans", "synthetic", "benefit", "published",
]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_examples_of_the_help_are_understood(command):
    """Each is taken apart as the command itself would, and names of built-in models and trials are such."""
    told = CliRunner().invoke(cli.app, [command, "--help"], env={"COLUMNS": "200"}).output
    group = typer.main.get_command(cli.app)
    found = group.commands[command]
    lines = [line.strip() for line in told.partition("Examples")[2].splitlines() if line.strip()]
    assert len(lines) >= 2
    for line in lines:
        program, name, *arguments = shlex.split(line.partition(" > ")[0])
        assert (program, name) == ("bayes-lupil", command)
        given = found.make_context(name, arguments).params
        for key, known in (("model", builtin_models()), ("trial", builtin_trials())):
            value = given.get(key)
            assert value is None or "." in value or value in known, line


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["fit", "site_effects"], "missing argument 'TRIAL'"),
        (["fitt"], "no such command 'fitt'. Did you mean 'fit'?"),
        (["fit", "site_effects", "lupil2", "--activ", "x"], "no such option: --activ"),
        (["fit", "site_effects", "lupil2", "--seed", "x"], "invalid value for '--seed'"),
        (["fit", "site_effects", "lupil2", "extra"], "unexpected extra argument"),
        (["reanalyse", "--benefit", "up"], "'up' is not one of 'higher', 'lower'"),
        (["endpoints"], "missing argument 'PATIENTS'"),
        (["synthetic", "x.csv", "--seed", "-1"], "invalid value for '--seed'"),
    ],
)
def test_what_a_command_is_told_wrongly_is_one_line_that_helps(run, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    status, out, err = run(*arguments)
    assert (status, out) == (2, "")
    (line,) = err.splitlines()
    assert said in line
    assert "Usage: " in line
    assert "For example: bayes-lupil " in line
    assert list(tmp_path.iterdir()) == []


def test_without_anything_the_help_is_shown_and_nothing_is_done(run):
    status, out, err = run()
    assert (status, err) == (2, "")
    assert "reanalyse" in out


def test_swapped_arguments_are_recognised(run, fake_engine):
    right, other = run("fit", "itt_pooled", "he2020", "--json"), run("fit", "he2020", "itt_pooled", "--json")
    assert right[:2] == other[:2]
    assert right[0] == 0
    assert right[2] == ""
    assert "'itt_pooled' is the model and 'he2020' the trial" in other[2]
    assert run("fit", "he2020", "itt_pooled", "--json", "--quiet")[2] == ""


def test_neither_a_model_nor_swapped(run):
    status, _, err = run("fit", "sitefx", "lupil2")
    assert status == 2
    assert "no built-in model" in err


def test_fit_says_the_answer_first_then_arms_direction_and_prior_before_the_parameters(run, fake_engine):
    _, out, _ = run("fit", "site_intercepts", "indo_rct")
    post, text = fit("site_intercepts", "indo_rct"), " ".join(out.split())
    best, prior = post.p_benefit, post.spec.priors.beta.describe()
    expected = [
        post.provenance.title, "Indomethacin was almost certainly better than placebo",
        f"Answer: risk difference {effect_words(post)}; P(benefit: risk difference < 0) = {best.probability:.3f}",
        "Arms: indomethacin 27/295 against placebo 52/307", "lower is better", "Model: site_intercepts",
        f"Prior of the effect (beta, log odds ratio): {prior}", "2.5 % 50 %",
    ]  # fmt: skip
    places = [text.index(words) for words in expected]
    assert places == sorted(places)


@pytest.mark.stack
def test_fit_prints_one_json_object_and_saves(run, fake_engine, tmp_path):
    table = tmp_path / "trial.csv"
    table.write_text(CELLS)
    status, out, err = run(
        "fit", "site_effects", table, "--control", "placebo", "--active", "drug", "--json", "--out", tmp_path / "fit"
    )
    assert status == 0, err
    told = json.loads(out)
    for group, name in (("parameters", "beta"), ("parameters", "tau_v"), ("estimands", "risk_difference")):
        assert set(told[group][name]) >= {"mean", "sd", "mcse_mean", "q2_5", "q50", "q97_5", "ess_bulk", "r_hat"}
    assert 0 < told["p_benefit"]["mcse"] < 0.05
    assert told["diagnostics"]["ok"]
    back = Posterior.load(tmp_path / "fit" / "posterior.nc")
    assert back.p_benefit.probability == told["p_benefit"]["probability"]


def test_fit_prints_tables(run, fake_engine):
    status, out, _ = run("fit", "site_intercepts", "indo_rct")
    assert status == 0
    assert "benefit: risk difference < 0" in out
    assert "MCSE" in out
    assert "Diagnostics ok" in out


def test_the_seed_of_the_command_line_counts(run, fake_engine):
    said = [json.loads(run("fit", "itt_pooled", "he2020", "--json", "--seed", seed)[1]) for seed in (1, 1, 2)]
    assert said[0] == said[1]
    assert said[0]["parameters"] != said[2]["parameters"]
    assert said[0]["provenance"]["seed"] == 1


def test_failed_diagnostics_end_with_status_3_and_no_probability(run, fake_engine):
    fake_engine.diverge = True
    status, out, err = run("fit", "itt_pooled", "he2020")
    assert status == 3
    assert "No probability" in out
    assert "probability of" not in out
    assert "divergent" in err
    status, out, _ = run("fit", "itt_pooled", "he2020", "--json")
    assert status == 3
    assert json.loads(out)["p_benefit"] is None


@pytest.mark.proof(*WHOLE)
def test_reanalyse_writes_its_folder(run, fake_engine, tmp_path):
    status, out, err = run("reanalyse", "--out", tmp_path / "o", "--seed", 5)
    assert status == 0
    assert "refused" in err
    assert "SRI-4" in out
    assert (tmp_path / "o" / "comparison.md").is_file()
    # again into the same folder
    status, _, err = run("reanalyse", "--out", tmp_path / "o", "--quiet")
    assert (status, err) == (0, "")
    # the models of another trial: what only the first had is removed, and said to be
    status, _, err = run("reanalyse", "he2020", "--out", tmp_path / "o", "--quiet")
    assert status == 0
    assert "such as 'informed_he2020/benefit.csv'" in err
    assert not (tmp_path / "o" / "informed_he2020").exists()


def test_reanalyse_ends_with_3_where_a_fit_failed(run, fake_engine, tmp_path):
    fake_engine.diverge = True
    assert run("reanalyse", "he2020", "--out", tmp_path / "o")[0] == 3
    assert (tmp_path / "o" / "comparison.md").is_file()


@pytest.mark.parametrize(
    "asked",
    [
        ("subgroups", "topcat", "--group", "Russia=East", "--group", "Georgia=East", "--others", "Americas"),
        ("sites", "lupil2"),
    ],
    ids=" ".join,
)
def test_what_takes_a_sound_fit_ends_with_3_and_writes_nothing(run, fake_engine, tmp_path, asked):
    fake_engine.diverge = True
    status, out, err = run(*asked, "--out", tmp_path / "o")
    assert status == 3, err
    assert "divergent" in err
    assert "required: a fit whose diagnostics are sound" in err
    assert "P(benefit)" not in out
    assert not (tmp_path / "o").exists()


def test_lists(run):
    status, out, _ = run("trials")
    assert status == 0
    assert all(name in out for name in ("lupil2", "he2020", "beitler_landis", "indo_rct"))
    status, out, _ = run("trials", "lupil2")
    assert "humrich2022" in out
    assert "patients per site" in out
    status, out, _ = run("models")
    assert all(name in out for name in ("site_effects", "informed_he2020"))
    status, out, _ = run("models", "site_effects")
    assert out.startswith("#:schema")
    assert run("--version")[0] == 0


def test_schema_is_printed_whole(run):
    assert json.loads(run("models", "--schema")[1])["title"] == "bayes_lupil model file"


def test_check_says_what_fits_what(run, tmp_path):
    table = tmp_path / "trial.csv"
    table.write_text(CELLS)
    status, out, _ = run("check", "site_effects", table, "--control", "placebo")
    assert status == 0
    assert "can be fitted" in out
    status, _, err = run("check", "site_fixed", "lupil2")
    assert status == 2
    assert "not published" in err


def test_check_reads_plans_with_their_models(run, tmp_path):
    status, out, _ = run("check", "lupil2_hierarchy")
    assert status == 0
    assert "7 end points with 3 models" in out
    text = run("plans", "lupil2_hierarchy")[1]
    plan = tmp_path / "my_plan.toml"
    plan.write_text(text.replace('role = "primary"', 'role = "first"'))
    status, out, err = run("check", plan)
    assert (status, out) == (2, "")
    assert "end_points.0.role" in err


@pytest.mark.parametrize("before", [["fit", "site_effects"], ["sites"], ["reanalyse"]], ids=str)
def test_a_plan_is_no_trial(run, tmp_path, before):
    plan = tmp_path / "my_plan.toml"
    plan.write_text(run("plans", "lupil2_hierarchy")[1])
    status, _, err = run(*before, plan)
    assert status == 2
    assert "found a plan of end points; required: a trial" in err
    assert f"bayes-lupil endpoints patients.csv --plan {plan}" in err


def test_check_refuses_what_fit_would(run, tmp_path):
    model = tmp_path / "mine.toml"
    text = run("models", "site_effects")[1]
    model.write_text(text.replace('engine = "auto"', 'engine = "quadrature"'))
    status, _, told = run("check", model, "lupil2")
    assert status == 2
    assert "found engine 'quadrature' and a trial whose site table is not known" in " ".join(told.split())


BAD_TABLES = {
    "responders above n": (CELLS.replace("3,10", "11,10"), ["line 2", "11", "at most n"]),
    "negative": (CELLS.replace("3,10", "-3,10"), ["line 2", "-3", "whole number"]),
    "not whole": (CELLS.replace("3,10", "3.5,10"), ["line 2", "3.5", "whole number"]),
    "missing cell": (CELLS.replace("B,drug,4,9\n", ""), ["site 'B'", "drug", "--single-arm-sites"]),
    "empty value": (CELLS.replace("3,10", ",10"), ["line 2", "nothing"]),
    "duplicate cell": (CELLS + "A,drug,5,10\n", ["line 6", "line 3"]),
    "third arm": (CELLS + "A,other,1,2\n", ["'other'", "--control NAME"]),
    "arm without patients": ("site,arm,responders,n\nA,placebo,0,0\nA,drug,1,2\n", ["placebo", "at least one patient"]),
    "empty file": ("", ["empty file"]),
    "unknown column": (CELLS.replace("responders", "respnders"), ["respnders"]),
    "two columns of arms": (
        "site,treat,trt,responders,n\nA,placebo,a,1,2\nA,drug,b,1,2\n",
        ["'treat' and 'trt'", "arm='treat'"],
    ),
    "a total": (CELLS + "Total,placebo,1,2\nTotal,drug,1,2\n", ["'Total'", "where="]),
}


@pytest.mark.parametrize("name", BAD_TABLES)
def test_bad_tables_end_with_status_2_and_nothing_written(run, fake_engine, tmp_path, name):
    text, words = BAD_TABLES[name]
    table = tmp_path / "trial.csv"
    table.write_text(text)
    for command in (["fit", "site_effects", table], ["reanalyse", table]):
        status, out, err = run(*command, "--out", tmp_path / "out")
        assert status == 2
        assert out == ""
        assert "Traceback" not in err
        assert "trial.csv" in err
        for word in words:
            assert word in err.replace("\n", " ")
    assert [path.name for path in tmp_path.iterdir()] == ["trial.csv"]


def test_other_bad_input_ends_with_status_2_and_nothing_written(run, fake_engine, tmp_path):
    latin, model, trial = tmp_path / "latin.csv", tmp_path / "m.toml", tmp_path / "t.toml"
    latin.write_bytes(CELLS.replace("A", "\xc4").encode("latin-1") + "\xc4\n".encode())
    model.write_text("[priors]\nalpha = 1\n")
    trial.write_text("name = ")
    before = {path.name for path in tmp_path.iterdir()}
    for command, word in (
        (["fit", "site_effects", latin], "UTF-8"),
        (["fit", "site_efects", "lupil2"], "Did you mean 'site_effects'?"),
        (["fit", "site_effects", "lupil"], "Did you mean 'lupil2'?"),
        (["fit", "site_fixed", "lupil2"], "not published"),
        (["fit", "pp_pooled", "beitler_landis"], "no population 'pp'"),
        (["fit", "informed_he2020", "beitler_landis"], "lupil2"),
        (["fit", model, "lupil2"], "m.toml"),
        (["fit", "site_effects", trial], "t.toml"),
        (["fit", "site_effects", "no_such.csv"], "no such file"),
        (["reanalyse", "lupil2", "--models", tmp_path / "none"], "model files"),
        (["check", model], "m.toml"),
        (["trials", "nope"], "no built-in trial"),
        (["models", "nope"], "no built-in model"),
    ):
        extra = ["--out", tmp_path / "out"] if command[0] in ("fit", "reanalyse") else []
        status, out, err = run(*command, *extra)
        assert status == 2, command
        assert word in err.replace("\n", " "), (command, err)
        assert "Traceback" not in err
        assert out == ""
    assert {path.name for path in tmp_path.iterdir()} == before


def test_an_output_folder_that_cannot_be_written(run, fake_engine, tmp_path):
    (tmp_path / "file").write_text("")
    for command in (["fit", "itt_pooled", "he2020"], ["reanalyse", "he2020"]):
        status, _, err = run(*command, "--out", tmp_path / "file" / "x")
        assert status == 2
        assert "folder that can be written" in err


def test_a_fit_by_quadrature_loads_no_sampler(tmp_path):
    """P(benefit) from a cold start waits for neither PyMC nor ArviZ nor statsmodels (ArviZ's PSIS alone is used)."""
    table = tmp_path / "trial.csv"
    table.write_text(CELLS)
    arguments = ["bayes-lupil", "fit", "site_effects", str(table), "--control", "placebo", "--active", "drug"]
    code = (
        f"import sys; from bayes_lupil.cli import app; sys.argv = {arguments!r}\n"
        "app(standalone_mode=False)\n"
        "print('loaded', *{name.split('.')[0] for name in sys.modules}, *sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "risk difference > 0" in told
    loaded = set(told.rsplit("loaded", 1)[1].split())
    assert not loaded & {"pymc", "pytensor", "arviz", "arviz_plots", "nutpie", "statsmodels"}
    assert not loaded & {"bayes_lupil.report.figures", "bayes_lupil.reanalysis", "bayes_lupil.endpoints"}


def test_sites_prints_the_table(run):
    status, out, err = run("sites", "beitler_landis", "--suspect", "5", "--quiet")
    assert status == 0, err
    assert "P(out)" in out
    assert "6/17 v 0/12" in out.replace("\n", " ") or "0/12" in out
    assert "From kept (1) to excluded (0): 5 (named)" in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("beitler_landis", "--suspect", "55"), "no site '55'"),
        (("beitler_landis", "--model", "outliers_amrs"), "Did you mean 'outliers_arms'?"),
        (("he2020",), "two sites or more"),
        (("lupil2", "--suspect", "Bulgaria 1"), "never published"),
    ],
)
def test_sites_refuses_what_it_cannot_do_and_writes_nothing(run, tmp_path, arguments, said):
    status, _, err = run("sites", *arguments, "--quiet", "--out", tmp_path / "out")
    assert status == 2
    assert said in " ".join(err.split())
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("beitler_landis", "--suspect", "55"), "no site '55'"),
        (("lupil2", "--suspect", "Bulgaria 1"), "never published"),
    ],
)
def test_reanalyse_refuses_suspects_that_are_no_sites_before_it_fits(run, tmp_path, arguments, said):
    status, _, err = run("reanalyse", *arguments, "--quiet", "--out", tmp_path / "out")
    assert status == 2
    assert said in " ".join(err.split())
    assert not (tmp_path / "out").exists()


# end points


def test_synthetic_patients_are_written_and_say_so(run, tmp_path):
    path, again = tmp_path / "patients_synthetic.csv", tmp_path / "again.csv"
    status, out, err = run("synthetic", path, "--lupil2-margins", "--seed", 4)
    assert status == 0, err
    assert "SYNTHETIC patients written" in out
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("data,patient,site,arm,")
    assert len(lines) == 101
    assert all(line.lstrip('"').startswith("SYNTHETIC DATA") for line in lines[1:])
    run("synthetic", again, "--lupil2-margins", "--seed", 4)
    assert again.read_bytes() == path.read_bytes()


def test_plans_are_listed_and_printed(run):
    status, out, _ = run("plans")
    assert status == 0
    assert "lupil2_hierarchy" in out
    _, text, _ = run("plans", "lupil2_hierarchy")
    assert "[joint.patients]" in text
    status, _, err = run("plans", "lupil2_hierachy")
    assert status == 2
    assert "Did you mean 'lupil2_hierarchy'" in err


def test_the_hierarchy_from_a_file(run, tmp_path):
    path, folder = tmp_path / "patients_synthetic.csv", tmp_path / "out"
    run("synthetic", path, "--lupil2-margins")
    status, out, err = run("endpoints", path, "--no-joint", "--one-engine", "--out", folder)
    assert status == 0, err
    assert "SYNTHETIC DATA" in out
    assert "Formal testing stops here: step 1" in out
    assert (folder / "endpoints.md").exists()
    assert "[1/3] SRI-4 response at week 12" in err


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (("pga_week12", "pga_wk12"), "no column 'pga_week12'"),
        (("placebo", "sham"), "no 'placebo'"),
        ((",ILT-101,", ",,"), "column 'arm': found nothing"),
    ],
)
def test_patients_that_cannot_be_end_with_status_2_and_nothing_written(run, tmp_path, edit, said):
    path, folder = tmp_path / "patients_synthetic.csv", tmp_path / "out"
    run("synthetic", path)
    path.write_text(path.read_text(encoding="utf-8").replace(*edit), encoding="utf-8")
    status, _, err = run("endpoints", path, "--out", folder)
    assert status == 2
    assert said in " ".join(err.split())
    assert "Traceback" not in err
    assert not folder.exists() or not list(folder.iterdir())


def test_no_folder_is_left_where_input_is_bad(run, tmp_path):
    path, folder = tmp_path / "patients_synthetic.csv", tmp_path / "new"
    run("synthetic", path)
    path.write_text(path.read_text(encoding="utf-8").replace("pga_week12", "pga_wk12"), encoding="utf-8")
    assert run("endpoints", path, "--out", folder)[0] == 2
    assert not folder.exists()


def test_thresholds_take_the_place_of_the_models(run, fake_engine):
    status, out, _ = run("fit", "itt_pooled", "lupil2", "--json", "--thresholds", "0.12,0.02")
    assert status == 0
    ladder = [row["threshold"] for row in json.loads(out)["ladder"] if row["kind"] == "benefit"]
    assert ladder == [0.0, 0.02, 0.12]  # none at all is always among them


@pytest.mark.parametrize("text", ["", "x", "0.1;0.2", "-0.1", "1", "5 %", "nan", "0.1,,0.2", "inf", "10"])
def test_thresholds_that_are_no_differences_are_refused(run, text):
    status, out, err = run("fit", "itt_pooled", "lupil2", "--thresholds", text)
    assert (status, out) == (2, "")
    assert "option --thresholds" in err
    assert "0.01,0.02" in err
