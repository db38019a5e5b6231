"""What a run leaves on disk, and that the tracked reference outputs belong to the models as they stand."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bayes_lupil import Posterior, load_model, load_models, load_trial, reanalyse, site_models
from bayes_lupil.errors import OutputError, UnsupportedModelError
from bayes_lupil.likelihoods import build_likelihood
from bayes_lupil.report import collect, reanalysis_files, write_reanalysis
from tests.report.media.pictures import only_pictures

ROOT = Path(__file__).parents[3]


@pytest.mark.stack
def test_every_promised_file_is_there_and_agrees(fake_engine, tmp_path, monkeypatch):
    models = [load_model("site_effects"), load_model("itt_pooled")]
    contents = collect(reanalyse("beitler_landis", models))
    only_pictures(monkeypatch, "site_shrinkage", "answer")
    write_reanalysis(contents, tmp_path / "out")
    written = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.*")}
    assert {name for name in written if not name.endswith("manifest.json")} <= set(reanalysis_files(models, False))
    top = {path.name for path in (tmp_path / "out").iterdir()}
    figures = {
        "answer", "risk_difference", "benefit_curve", "site_shrinkage", "intervals", "prior_predictive",
        "prior_posterior", "prior_map", "prior_likelihood_posterior", "baseline_risk",
    }  # fmt: skip
    if "ranks.png" in top:  # where the lead analysis has chains
        figures.add("ranks")
    assert top == {
        "site_effects", "itt_pooled", "comparison.csv", "comparison.md", "report.html", "priors.csv",
        "priors_of_effect.csv", "effect_priors.csv", "tipping_priors.csv", "prior_map.csv",
        *(f"{table}{suffix}" for table in ("comparison_table", "benefit") for suffix in (".md", ".tex", ".docx")),
        "answer.csv", "baseline_risk.csv", "prior_likelihood_posterior.csv", "benefit.csv", "manifest.json",
        *(f"{name}{suffix}" for name in figures for suffix in (".png", ".svg")),
    }  # fmt: skip
    folder = tmp_path / "out" / "site_effects"
    assert {path.name for path in folder.iterdir()} == {
        "posterior.nc", "summary.csv", "benefit.csv", "diagnostics.json", "manifest.json",
    }  # fmt: skip
    post = Posterior.load(folder / "posterior.nc")
    benefit = pd.read_csv(folder / "benefit.csv", keep_default_na=False)
    np.testing.assert_allclose(benefit["probability"], post.benefit()["probability"], atol=1e-6)
    summary = pd.read_csv(folder / "summary.csv", index_col="name")
    assert "p[8, active]" in summary.index
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["model_hash"] == post.spec.hash == load_model("site_effects").hash
    assert manifest["data_hash"] == load_trial("beitler_landis").data_hash
    assert {"seed", "versions", "platform", "seconds", "sampler", "created"} <= set(manifest)
    assert json.loads((folder / "diagnostics.json").read_text())["ok"] is True


def test_figures_are_the_same_bytes_for_the_same_fit(fake_engine, tmp_path, monkeypatch):
    found = {name: collect(reanalyse("he2020", [load_model("itt_pooled")])) for name in ("one", "two")}
    only_pictures(monkeypatch, "intervals", "risk_difference", "prior_map", "answer")
    for name, contents in found.items():
        write_reanalysis(contents, tmp_path / name)
    for file in (
        "intervals.svg", "risk_difference.png", "comparison.csv", "itt_pooled/benefit.csv", "benefit.docx",
        "prior_map.svg", "answer.svg", "answer.png",
    ):  # fmt: skip
        one, two = ((tmp_path / name / file).read_bytes() for name in ("one", "two"))
        assert one == two, file
        assert len(one) > 100, file


def test_a_folder_that_is_a_file(fake_engine, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        write_reanalysis(collect(reanalyse("he2020", [load_model("itt_pooled")])), tmp_path / "file")


def test_the_tracked_reference_outputs_are_those_of_the_models_as_they_stand():
    folder = ROOT / "outputs" / "lupil2"
    trial = load_trial("lupil2")
    fitted = set()
    for spec in load_models(trial="lupil2"):
        try:
            build_likelihood(spec, trial)
        except UnsupportedModelError:
            continue
        fitted.add(spec.name)
        manifest = json.loads((folder / spec.name / "manifest.json").read_text())
        stale = "the outputs are out of date: run 'make reanalysis' and commit them"
        assert manifest["model_hash"] == spec.hash, stale
        assert manifest["data_hash"] == trial.data_hash, stale
        assert json.loads((folder / spec.name / "diagnostics.json").read_text())["ok"] is True
    assert {path.name for path in folder.iterdir() if path.is_dir()} == {*fitted, "sites"}
    with (folder / "sites" / "site_models.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["model"]: row for row in csv.DictReader(file)}
    assert set(rows) == {spec.name for spec in site_models()}
    own = next(spec for spec in load_models(trial="lupil2") if spec.role == "primary")
    for spec in (own, *site_models()[1:]):
        if rows[spec.name]["status"] == "ok":
            assert rows[spec.name]["model_hash"] == spec.hash, stale
            assert rows[spec.name]["data_hash"] == trial.data_hash, stale
