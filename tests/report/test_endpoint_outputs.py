"""What a hierarchy of end points writes: files, units, directions, the synthetic mark, text that is only text."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

from bayes_lupil import EndPoint
from bayes_lupil.endpoints.analysis import EndPointAnalysis, analyse_end_points
from bayes_lupil.errors import InputError
from bayes_lupil.outcomes.synthetic import synthetic_patients
from bayes_lupil.report.endpoint_markdown import end_points_markdown, hierarchy_latex
from bayes_lupil.report.endpoint_outputs import write_end_points
from bayes_lupil.report.endpoint_terminal import print_end_points
from bayes_lupil.report.endpoint_words import gate_words, headline, in_units
from bayes_lupil.report.figures import figure_further, figure_hierarchy, figure_tipping
from bayes_lupil.spec import load_plan
from bayes_lupil.trials.trial import SYNTHETIC


@pytest.fixture(scope="module")
def result() -> EndPointAnalysis:
    patients = synthetic_patients(seed=1, margins="lupil2")
    return analyse_end_points("lupil2_hierarchy", patients, joint=False, check_engines=False)


@pytest.fixture(scope="module")
def folder(result: EndPointAnalysis, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_end_points(result, tmp_path_factory.mktemp("endpoints"))


def test_all_files_are_there_and_say_synthetic(folder: Path) -> None:
    names = {path.name for path in folder.iterdir()}
    assert {
        "endpoints.md", "hierarchy.csv", "hierarchy.tex", "hierarchy.png", "hierarchy.svg", "frequentist.csv",
        "missing.csv", "exploratory.csv", "exploratory.png", "components_sri4.csv", "tipping_sri4.csv",
        "tipping_sledai_absolute.png", "limits_sledai_relative.csv", "plan.json", "sri4", "sledai_absolute",
    } <= names  # fmt: skip
    for path in folder.rglob("*.csv"):
        table = pd.read_csv(path)
        assert (table.iloc[:, 0] == SYNTHETIC).all(), path.name
    for path in (*folder.glob("*.md"), *folder.glob("*.tex"), *folder.glob("*.json"), *folder.glob("*.svg")):
        assert "SYNTHETIC" in path.read_text(encoding="utf-8"), path.name
    assert not list(folder.rglob("*partial*"))


def test_every_picture_of_the_page_is_there(folder: Path) -> None:
    page = (folder / "endpoints.md").read_text(encoding="utf-8")
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", page)
    assert len(pictures) == 5
    assert all((folder / name).exists() for name in pictures)


def test_numbers_of_the_page_are_those_of_the_table(folder: Path, result: EndPointAnalysis) -> None:
    page = (folder / "endpoints.md").read_text(encoding="utf-8")
    table = pd.read_csv(folder / "hierarchy.csv")
    for row in table.itertuples():
        point = EndPoint("x", "x", row.benefit, row.unit.lstrip("'") if isinstance(row.unit, str) else "",
                         kind="binary" if row.effect == "risk difference" else "continuous")  # fmt: skip
        assert in_units(row.median, point) in page
        assert f"{row.p_benefit:.3f} (MCSE" in page
        assert f"{row.p_recomputed:.4f}" in page
    assert list(table["p_adjusted"]) == sorted(table["p_adjusted"])
    assert table["p_printed"].isna().all()
    assert (table["p_all_lower_bound"] <= table["p_all_upper_bound"]).all()
    first = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    assert first["plan_hash"] == result.plan.hash


def test_latex_is_whole(result: EndPointAnalysis) -> None:
    text = hierarchy_latex(result)
    assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") == 1
    assert r"\toprule" in text
    body = text.split(r"\midrule")[1].split(r"\bottomrule")[0]
    assert body.count(r"\\") == 3
    assert not re.search(r"(?<!\\)[%_#]", text)


def test_what_the_words_say(result: EndPointAnalysis) -> None:
    assert gate_words(result).startswith("Formal testing stops here: step 1, SRI-4 response at week 12")
    lines = headline(result)
    assert len(lines) == 4
    assert "counted as non-responders" in lines[1]
    assert all("MCSE" in line for line in lines[1:])
    assert "ILT-101" in lines[1]


def test_words_follow_the_declared_direction(result: EndPointAnalysis) -> None:
    """With the other direction the same draws are harm, and every sentence turns."""
    plan, models = load_plan("lupil2_hierarchy")
    last = plan.steps[2].model_copy(update={"benefit": "higher"})
    turned = plan.model_copy(update={"end_points": (last,), "joint": None, "exploratory": None})
    found = analyse_end_points(turned, result.outcomes, models=models, tipping=False, check_engines=False)
    before, after = result.steps[2].posterior.p_benefit, found.steps[0].posterior.p_benefit
    assert after.probability == pytest.approx(1 - before.probability)
    assert "the estimate points to harm" in gate_words(found)
    assert "higher is better" in end_points_markdown(found)
    assert "mean difference at least 2" in headline(found)[1]


def test_terminal_fits_eighty_columns(result: EndPointAnalysis) -> None:
    out = Console(width=80, record=True, color_system=None, file=io.StringIO())
    print_end_points(result, out)
    text = out.export_text()
    assert max(len(line) for line in text.splitlines()) <= 80
    assert SYNTHETIC in text
    assert "Formal testing stops here" in text
    assert "P(all favour the active arm): between" in text  # bounds, since there is no joint model here


def test_raw_results_by_arm_are_on_the_page(result: EndPointAnalysis) -> None:
    page = end_points_markdown(result)
    assert "Analysed: ILT-101 34/50 (68.0 %), placebo 29/50 (58.0 %)." in page
    found = result.steps[2].trial.measured_set()
    mean = found.value[found.arm == 1].mean()
    assert f"ILT-101 mean {mean:+.2f} (SD" in page


def test_figures_have_no_colour_alone(result: EndPointAnalysis) -> None:
    figure = figure_hierarchy(result)
    lines = [line for line in figure.axes[0].lines if line.get_marker() not in ("None", None, "")]
    assert {line.get_marker() for line in lines} >= {"o", "s"}
    tipping = figure_tipping(result.steps[0], result)
    assert {line.get_marker() for line in tipping.axes[0].lines} >= {"o", "s", "v", "^"}
    assert figure_further(result).axes
    assert any("SYNTHETIC" in text.get_text() for text in figure.texts)


def test_figures_refuse_what_is_not_there(result: EndPointAnalysis) -> None:
    with pytest.raises(InputError, match="no tipping-point surface"):
        figure_tipping(replace(result.steps[0], tipping=None), result)
    with pytest.raises(InputError, match="no exploratory end points"):
        figure_further(replace(result, further=None))


def test_names_are_only_text(result: EndPointAnalysis, tmp_path: Path) -> None:
    plan, models = load_plan("lupil2_hierarchy")
    evil = plan.steps[2].model_copy(update={"label": "=1+1 <script>alert(1)</script> | $x$ " + "y" * 200, "unit": "@a"})
    only = plan.model_copy(update={"end_points": (evil,), "joint": None, "exploratory": None})
    found = analyse_end_points(only, result.outcomes, models=models, tipping=False, check_engines=False)
    folder = write_end_points(found, tmp_path)
    assert (
        "<script>"
        not in (folder / "endpoints.md").read_text(encoding="utf-8").split("## The hierarchy")[1].split("##")[0]
    )
    cells = pd.read_csv(folder / "hierarchy.csv", dtype=str).iloc[0]
    assert cells["label"].startswith("'=1+1")
    assert cells["unit"] == "'@a"
