"""Every command that writes: only what this run made, nothing that it read, nothing of somebody else."""

from __future__ import annotations

import base64
import json
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace

import pytest

from bayes_lupil.cli.endpoints import _places
from bayes_lupil.folders import MANIFEST, WORK, output_folder
from bayes_lupil.report import Page
from bayes_lupil.spec import load_plan
from tests.folders.test_folder import tree
from tests.folders.without_pictures import without_pictures

CELLS = "site,arm,responders,n\nA,placebo,3,10\nA,drug,5,10\nB,placebo,2,8\nB,drug,4,9\n"

BL = Path(sys.executable).parent / "bayes-lupil"


@pytest.fixture(autouse=True)
def quick_reports(monkeypatch, request):
    """Reports without pictures and other priors; one test is of whole ones."""
    if request.node.name != "test_a_report_holds_only_what_its_run_made[older files]":
        without_pictures(monkeypatch)


@pytest.fixture
def trial(tmp_path):
    path = tmp_path / "good.csv"
    path.write_text(CELLS)
    return path


@pytest.fixture
def models(tmp_path, run):
    """A folder with one model."""
    folder = tmp_path / "mods"
    folder.mkdir()
    (folder / "itt_pooled.toml").write_text(run("models", "itt_pooled")[1])
    return folder


def names(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def bytes_of(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def downloads(folder):
    """The tables that a report holds inside, by their names."""
    page = (folder / "report.html").read_text(encoding="utf-8")
    found = re.findall(r'href="data:[^;"]+;base64,([^"]+)"[^>]*download="([^"]+)"', page)
    found += [
        (data, name) for name, data in re.findall(r'download="([^"]+)"[^>]*href="data:[^;"]+;base64,([^"]+)"', page)
    ]
    return {name: base64.b64decode(data) for data, name in found}


# a run's outputs are of that run


@pytest.mark.parametrize("then", ["fails", "another trial", "fewer models", "older files"])
def test_a_report_holds_only_what_its_run_made(run, fake_engine, trial, models, tmp_path, then):
    folder = tmp_path / "w"
    (models / "itt_pooled_primary_priors.toml").write_text(run("models", "itt_pooled_primary_priors")[1])
    assert run("reanalyse", "he2020", "--models", models, "--out", folder)[0] == 0
    assert {"benefit.docx", "benefit.tex"} <= set(downloads(folder))
    before = names(folder)
    if then == "older files":  # of a version whose manifests listed none
        for path in folder.rglob(MANIFEST):
            content = json.loads(path.read_text())
            if path.parent == folder:
                path.unlink()
            else:
                path.write_text(json.dumps({k: v for k, v in content.items() if k not in ("files", "folders")}))
    (models / "itt_pooled_primary_priors.toml").unlink()
    fake_engine.diverge = then in ("fails", "older files")
    status, out, err = run("reanalyse", trial, "--models", models, "--out", folder)
    assert status == (3 if fake_engine.diverge else 0), err
    clean = tmp_path / "clean"
    run("reanalyse", trial, "--models", models, "--out", clean)
    assert names(folder) == names(clean)
    assert names(folder) < before
    assert set(downloads(folder)) == set(downloads(clean))
    for name, content in downloads(folder).items():
        assert content == (folder / name).read_bytes(), name
        assert b"He 2020" not in content
    if fake_engine.diverge:
        assert "benefit" not in out[out.index("Written to") :]
        assert len((folder / "benefit.csv").read_text().splitlines()) == 1


def test_without_sites_no_sites_of_an_earlier_run_stay(run, fake_engine, trial, models, tmp_path, monkeypatch):
    folder = tmp_path / "w"
    run("reanalyse", trial, "--models", models, "--out", folder)
    plain = names(folder)
    for name, stand_in in {  # a look at the sites that costs nothing
        "site_analysis.analyse": lambda *_, **__: SimpleNamespace(ok=True),
        "report.reanalysis.page.look_page": lambda _: Page("Sites", (), files={"sites.csv": "x"}),
        "report.media.html.html": lambda _: "page",
        "report.reanalysis.page.findings": lambda _: (),
        "report.reanalysis.first_screen.suspects_answer": lambda _: (),
        "report.reanalysis.page.sites_answer": lambda _: [],
        "report.reanalysis.page.reference_blocks": lambda _: [],
    }.items():
        monkeypatch.setattr(f"bayes_lupil.{name}", stand_in)
    assert run("reanalyse", trial, "--models", models, "--out", folder, "--sites")[0] == 0
    assert names(folder) == plain | {"sites/sites.csv", "sites/manifest.json"}
    assert run("reanalyse", trial, "--models", models, "--out", folder)[0] == 0
    assert names(folder) == plain


@pytest.mark.parametrize("model", ["sites", "Sites"])
def test_a_model_named_like_the_folder_of_the_sites(run, fake_engine, trial, models, tmp_path, model):
    path = models / "itt_pooled.toml"
    path.write_text(path.read_text().replace('name = "itt_pooled"', f'name = "{model}"'))
    assert run("reanalyse", trial, "--models", models, "--out", tmp_path / "w")[0] == 0
    assert (tmp_path / "w" / f"{model}_2" / "summary.csv").is_file()
    assert f"{model}_2/summary.csv" in (tmp_path / "w" / "report.html").read_text()


@pytest.mark.parametrize(
    ("arms", "expected"),
    [
        (["<5 mg", ">5 mg"], ["_5_mg/", "_5_mg_2/"]),
        (["Drug", "drug"], ["Drug/", "drug_2/"]),
        (["a/b", "a\\b", "a:b"], ["a_b/", "a_b_2/", "a_b_3/"]),
        (["..", "."], ["_/", "__2/"]),
        (["caf\u00e9", "cafe\u0301"], ["caf\u00e9/", "caf\u00e9_2/"]),
        (["5 mg"], [""]),
    ],
)
def test_every_arm_has_a_folder_of_its_own(arms, expected):
    plan, _ = load_plan("lupil2_hierarchy")
    chosen = plan.model_copy(update={"arms": plan.arms.model_copy(update={"active": arms})})
    assert tuple(arms) == tuple(chosen.arms.actives)
    assert _places(chosen, chosen.arms.actives) == expected
    # one arm alone has the folder that it has among all
    assert [_places(chosen, (arm,))[0] for arm in arms] == expected


# no path that was read is written


@pytest.mark.parametrize("force", [(), ("--force",)])
@pytest.mark.parametrize(
    ("command", "file"),
    [
        (("sites", "sites.csv"), "sites.csv"),
        (("sites", "site_models.csv"), "site_models.csv"),
        (("reanalyse", "comparison.csv"), "comparison.csv"),
        (("reanalyse", "benefit.csv"), "benefit.csv"),
        (("reanalyse", "./priors.csv"), "priors.csv"),
        (("reanalyse", "itt_pooled/summary.csv"), "itt_pooled/summary.csv"),
        (("fit", "itt_pooled", "summary.csv"), "summary.csv"),
        (("fit", "itt_pooled", "link.csv"), "benefit.csv"),
        (("endpoints", "hierarchy.csv"), "hierarchy.csv"),
    ],
)
def test_no_command_writes_over_what_it_reads(run, fake_engine, tmp_path, monkeypatch, command, file, force):
    monkeypatch.chdir(tmp_path)
    Path("itt_pooled").mkdir()
    if command[0] == "endpoints":
        assert run("synthetic", file)[0] == 0
    else:
        Path(file).write_text(CELLS)
    if command[-1] == "link.csv":
        Path("link.csv").symlink_to(file)
    before = bytes_of(tmp_path)
    status, out, err = run(*command, "--out", ".", *force)
    assert (status, out) == (2, "")
    assert f"{file}: found a file that this run reads" in err
    assert err.count("\n") == 1
    assert bytes_of(tmp_path) == before


def test_a_model_or_plan_that_is_a_link_to_a_result_is_kept(run, fake_engine, trial, tmp_path):
    folder = tmp_path / "w"
    folder.mkdir()
    (folder / "summary.csv").write_text(run("models", "itt_pooled")[1])
    (tmp_path / "mine.toml").symlink_to(folder / "summary.csv")
    status, _, err = run("fit", tmp_path / "mine.toml", trial, "--out", folder, "--force")
    assert status == 2
    assert "a file that this run reads" in err


@pytest.mark.parametrize("command", ["reanalyse", "fit", "sites", "endpoints"])
def test_what_somebody_else_wrote_stays_without_force(run, fake_engine, trial, tmp_path, command):
    file, arguments = {
        "reanalyse": ("comparison.md", ["he2020"]),
        "fit": ("diagnostics.json", ["itt_pooled", trial]),
        "sites": ("sites.md", [trial]),
        "endpoints": ("endpoints.md", [tmp_path / "patients.csv"]),
    }[command]
    run("synthetic", tmp_path / "patients.csv")
    (tmp_path / "w").mkdir()
    (tmp_path / "w" / file).write_text("mine")
    status, out, err = run(command, *arguments, "--out", tmp_path / "w")
    assert (status, out) == (2, "")
    assert f"'{file}' in the way" in err
    assert "--force" in err
    assert tree(tmp_path / "w") == {file: "mine"}


def test_force_replaces_what_is_in_the_way(run, fake_engine, trial, tmp_path):
    (tmp_path / "w").mkdir()
    (tmp_path / "w" / "summary.csv").write_text("mine")
    (tmp_path / "w" / "other.csv").write_text("mine")
    assert run("fit", "itt_pooled", trial, "--out", tmp_path / "w", "--force")[0] == 0
    assert (tmp_path / "w" / "summary.csv").read_text() != "mine"
    assert (tmp_path / "w" / "other.csv").read_text() == "mine"
    assert run("fit", "itt_pooled", trial, "--out", tmp_path / "w")[0] == 0


@pytest.mark.parametrize("there", ["file", "link", "broken link", "made up", "empty"])
def test_synthetic_replaces_no_file(run, tmp_path, there):
    path, other = tmp_path / "patients.csv", tmp_path / "other.csv"
    other.write_text("real patients")
    if there in ("link", "broken link"):
        path.symlink_to(other if there == "link" else tmp_path / "nowhere")
    elif there == "made up":
        assert run("synthetic", path)[0] == 0
    else:
        path.write_text("" if there == "empty" else "real patients")
    before = path.readlink() if path.is_symlink() else path.read_bytes()
    status, out, err = run("synthetic", path)
    assert (status, out) == (2, "")
    assert "patients.csv: found a file of that name" in err
    assert (path.readlink() if path.is_symlink() else path.read_bytes()) == before
    assert run("synthetic", path, "--force")[0] == 0
    assert "SYNTHETIC" in path.read_text()
    assert other.read_text() == "real patients"


# odd names


@pytest.mark.parametrize(
    ("file", "expected"),
    [("...csv", "_"), ("my trial.csv", "my_trial"), ("v1.2.csv", "v1.2"), ("con.csv", "_con"), ("a:b.csv", "a_b")],
)
def test_results_go_into_a_folder_below_outputs(run, fake_engine, models, tmp_path, monkeypatch, file, expected):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    Path(file).write_text(CELLS)
    assert run("reanalyse", file, "--models", models, "--one-engine")[0] == 0
    assert {path.name for path in Path().iterdir()} == {file, "outputs"}
    assert [path.name for path in Path("outputs").iterdir()] == [expected]


@pytest.mark.parametrize("command", [("reanalyse", "he2020"), ("fit", "itt_pooled", "he2020"), ("sites", "indo_rct")])
def test_an_empty_name_is_no_folder(run, fake_engine, tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    status, _, err = run(*command, "--out", "")
    assert status == 2
    assert "an empty name" in err
    assert list(tmp_path.iterdir()) == []


# nothing written


@pytest.mark.parametrize(
    "command",
    [
        ("reanalyse", "lupil2", "--models", "fixed.toml"),
        ("reanalyse", "he2020", "--sites"),
        ("reanalyse", "he2020", "--seed", str(2**32 - 1)),
        ("fit", "site_fixed", "lupil2"),
        ("sites", "he2020"),
        ("sites", "lupil2", "--suspect", "x"),
        ("endpoints", "patients.csv", "--active", "nobody"),
    ],
)
@pytest.mark.parametrize("place", ["new", "new/deeper"])
def test_no_empty_folder_stays(run, fake_engine, tmp_path, monkeypatch, command, place):
    monkeypatch.chdir(tmp_path)
    Path("fixed.toml").write_text(run("models", "site_fixed")[1])
    run("synthetic", "patients.csv")
    status, out, err = run(*command, "--out", place)
    assert (status, out) == (2, ""), err
    assert {path.name for path in tmp_path.iterdir()} == {"fixed.toml", "patients.csv"}


def test_the_fits_are_kept_where_the_look_at_the_sites_fails(run, fake_engine, trial, models, tmp_path, monkeypatch):
    from bayes_lupil.errors import SamplerError

    def fails(*_, **__):
        raise SamplerError("no finite density")

    monkeypatch.setattr("bayes_lupil.site_analysis.analyse", fails)
    status, out, err = run("reanalyse", trial, "--models", models, "--sites", "--out", tmp_path / "w")
    assert status == 3
    assert "Written to" in out
    assert "no section on the sites. no finite density" in err
    assert (tmp_path / "w" / "itt_pooled" / "summary.csv").is_file()
    assert not (tmp_path / "w" / "sites").exists()


@pytest.mark.parametrize("command", ["reanalyse", "fit"])
def test_an_interrupted_command_says_that_nothing_is_written(run, fake_engine, trial, tmp_path, monkeypatch, command):
    def interrupted(*_arguments, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr("bayes_lupil.fitting.run_engine", interrupted)
    model = ["itt_pooled"] if command == "fit" else []
    status, out, err = run(command, *model, trial, "--out", tmp_path / "w", "-q")
    assert (status, out, err) == (130, "", "interrupted, nothing written\n")
    assert not (tmp_path / "w").exists()
    monkeypatch.setattr("bayes_lupil.likelihoods.build_likelihood", interrupted)
    assert run("fit", "itt_pooled", trial)[::2] == (130, "interrupted\n")


# processes


@pytest.mark.slow
def test_an_interrupt_from_the_keyboard(trial, tmp_path):
    command = [BL, "reanalyse", trial, "--sites", "--out", tmp_path / "w"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not (tmp_path / "w" / WORK).exists() and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert (process.returncode, out) == (130, ""), err
    assert err.splitlines()[-1] == "interrupted, nothing written"
    assert not (tmp_path / "w").exists()


CHEAP = """
import sys
import bayes_lupil.report.media.write as write
import bayes_lupil.report.reanalysis.page as page
import bayes_lupil.sites.analysis as analysis
from bayes_lupil import cli, site_models
from bayes_lupil.report.media import html

few = tuple(model.edited(sampler__points=2048) for model in site_models()[:2])
analysis.site_models = lambda: few  # two of the nine
page.analyse_priors = lambda _: None
for name in ("save_figure", "save_chart"):  # files that hold what they drew from, since pictures take most of the time
    setattr(write, name, lambda drawn, folder, name: [
        (folder / f"{name}.{ending}").write_text(f"{drawn} {sys.argv}") for ending in ("png", "svg")])
for name in ("_picture", "_drawing"):
    setattr(html, name, lambda *_: ("data:,", 1, 1))
html._chart_data = lambda _: "{}"
html.library = write.library = str
cli.main(lambda: cli.app(sys.argv[1:]))
"""


@pytest.mark.slow
def test_of_two_runs_at_once_one_is_whole_and_the_other_says_why_not(trial, models, tmp_path):
    options = ["--models", models, "--one-engine", "-q", "--out", tmp_path / "w"]
    command = [sys.executable, "-c", CHEAP, "reanalyse", trial, *options]
    runs = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    said = [(*process.communicate(), process.returncode) for process in runs]
    whole = [out for out, _, status in said if status == 0]
    others = [err for _, err, status in said if status == 2]
    assert len(whole) + len(others) == 3
    assert len(whole) >= 1
    # one that began when another had ended has run as well; each else says why not
    assert all("another run that is writing there" in err for err in others)
    content = json.loads((tmp_path / "w" / MANIFEST).read_text())
    assert {path.name for path in (tmp_path / "w").iterdir()} == {MANIFEST, *content["files"], *content["folders"]}


def visible(folder):
    """SHA-256 of every file of a run that is not hidden, by name."""
    return {
        name: sha256(content).hexdigest()
        for name, content in bytes_of(folder).items()
        if name != "mine.txt" and not any(part.startswith(".") for part in Path(name).parts)
    }


def is_of_the_new_run(folder, name, digest):
    """By the manifest of its folder, which is moved in after it."""
    places = [base / Path(name).parent / MANIFEST for base in (folder / WORK / "new", folder)]
    manifest = next((place for place in places if place.exists()), None)
    return Path(name).name == MANIFEST or (
        manifest is not None and json.loads(manifest.read_text())["files"].get(Path(name).name) == digest
    )


def is_whole(folder):
    """Whether all that the manifests list is there, and nothing else."""
    listed = set()
    for name in (name for name in visible(folder) if Path(name).name == MANIFEST):
        content, place = json.loads((folder / name).read_text()), Path(name).parent
        listed |= {(place / file).as_posix() for file in (MANIFEST, *content["files"])}
    return set(visible(folder)) == listed


@pytest.mark.proof("folders", "files.py", "cli/fits.py", "report/media/write.py", "report/reanalysis/page.py")
def test_whenever_a_reanalysis_is_killed_no_file_of_two_runs_is_there(trial, models, tmp_path):
    rng = random.Random(20260802)
    folder, other = tmp_path / "w", tmp_path / "other"
    command = [sys.executable, "-c", CHEAP, "reanalyse", trial, "--models", models, "--one-engine", "--sites", "-q"]

    def start(seed):
        return subprocess.Popen(
            [*command, "--seed", str(seed), "--out", folder], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )

    started = time.monotonic()
    assert start(0).communicate()[1] == b""
    lasts, whole = time.monotonic() - started, visible(folder)
    assert is_whole(folder)
    (folder / "mine.txt").write_text("mine")
    remains = swaps = 0
    for k in range(1, 31):
        process = start(k)
        if k % 3:
            time.sleep(rng.uniform(0, lasts))
        else:  # when the results are put in place, which chance would not find
            while process.poll() is None and not (folder / WORK / "coming.json").exists():
                time.sleep(0.0005)
            time.sleep(rng.uniform(0, 0.01))
        process.kill()
        process.communicate()
        there = visible(folder)
        as_before = there.items() <= whole.items()
        assert as_before or all(is_of_the_new_run(folder, *item) for item in there.items()), (k, there)
        if (folder / WORK / "old").exists():
            swaps += 1
        else:
            assert is_whole(folder), k
            whole = there
        # a second run, into a copy: what the first left is told and cleared, and nothing of it remains
        shutil.rmtree(other, ignore_errors=True)
        shutil.copytree(folder, other)
        told = []
        with output_folder(other, list(whole), tell=told.append) as new:
            (new / "report.html").write_text("the next")
        assert len(told) == (folder / WORK).exists()
        assert tree(other) == {"mine.txt": "mine", "report.html": "the next"}
        remains += len(told)
    assert start(31).communicate()[1].count(b"a run was ended") == len(told)
    assert is_whole(folder)
    assert (folder / "mine.txt").read_text() == "mine"
    assert {path.name for path in folder.glob(".*")} == set()
    assert remains > 15
    assert swaps > 0
