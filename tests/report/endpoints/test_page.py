"""What a hierarchy of end points writes: files, units, directions, the synthetic mark, text that is only text."""

from __future__ import annotations

import io
import json
import re
from copy import copy
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.console import Console

from bayes_lupil import EndPoint
from bayes_lupil.endpoints.analysis import analyse_end_points
from bayes_lupil.endpoints.exploratory.analysis import FurtherRow
from bayes_lupil.endpoints.exploratory.effect_sizes import EffectSize
from bayes_lupil.endpoints.result import EndPointAnalysis
from bayes_lupil.errors import InputError
from bayes_lupil.report.endpoints.exploratory import exploratory
from bayes_lupil.report.endpoints.page import (
    end_point_files,
    end_points_page,
    end_points_summary,
    hierarchy_rows,
    write_end_points,
)
from bayes_lupil.report.endpoints.sentences import gate_words, headline, in_units, own_scale
from bayes_lupil.report.endpoints.steps import one_step
from bayes_lupil.report.figures import figure_further, figure_hierarchy, figure_tipping
from bayes_lupil.report.media.block_lists import inside
from bayes_lupil.report.media.blocks import Block, Figure, Heading, Page, Paragraph, Table
from bayes_lupil.report.media.markdown import markdown
from bayes_lupil.report.media.terminal import show
from bayes_lupil.report.media.write import documents
from bayes_lupil.spec import load_plan
from bayes_lupil.trials.end_point import SYNTHETIC


@pytest.fixture(scope="module")
def folder(result: EndPointAnalysis, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_end_points(result, tmp_path_factory.mktemp("endpoints"))


def test_all_files_are_there_and_say_synthetic(folder: Path, result: EndPointAnalysis) -> None:
    names = {path.name for path in folder.iterdir()}
    assert {
        "endpoints.md", "hierarchy.csv", "hierarchy.tex", "hierarchy.png", "hierarchy.svg", "frequentist.csv",
        "missing.csv", "exploratory.csv", "exploratory.png", "components_sri4.csv", "tipping_sri4.csv",
        "tipping_sledai_absolute.png", "limits_sledai_relative.csv", "plan.json", "sri4", "sledai_absolute",
    } <= names  # fmt: skip
    models = {step.derived.plan.name: step.model for step in result.steps}
    written = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert {name for name in written if not name.endswith("manifest.json")} <= set(end_point_files(result.plan, models))
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


def test_how_the_data_were_read_is_in_every_manifest(folder: Path, result: EndPointAnalysis) -> None:
    whole = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["reading"]
    patients = result.outcomes
    assert whole["rows"] == whole["patients"] == len(patients)
    assert whole["arms"] == {"placebo": 50, "ILT-101": 50}
    for step in result.steps:
        manifest = json.loads((folder / step.model.name / "manifest.json").read_text(encoding="utf-8"))
        reading = manifest["reading"]
        gaps = step.derived.missing
        counts = {
            arm: [sum(a == arm and not gap for a, gap in zip(patients.arm, gaps, strict=True)), patients.arm.count(arm)]
            for arm in ("placebo", "ILT-101")
        }
        if step.derived.plan.kind == "continuous":
            assert reading["arms"] == counts
        else:
            assert [pair[::-1] for pair in reading["arms"].values()] == [[n, r] for r, n in manifest["totals"]]
        assert f"missing values: {step.derived.plan.missing_rule}" in reading["codings"]
        assert reading["exclusions"] == list(step.trial.notes)


def hierarchy_latex(result: EndPointAnalysis) -> str:
    page = next(item for item in end_points_page(result).beside if isinstance(item, Page))
    return documents(page)["hierarchy.tex"].decode()


def test_what_was_guessed_of_the_file_comes_first(result: EndPointAnalysis) -> None:
    guessed = replace(result, outcomes=replace(result.outcomes, guesses=("decimal commas in 'change'",)))
    told = Paragraph("Guessed when the data were read: decimal commas in 'change'.")
    assert end_points_summary(guessed).blocks[1] == told
    page = end_points_page(guessed).blocks
    assert told in page[: page.index(Heading("In short"))]


def test_what_must_be_known_of_a_step_comes_first(result: EndPointAnalysis) -> None:
    """Once, with the numbers of all steps of which it is said."""
    text = "sites with patients of one arm only (3): without them P(benefit) would be 0.4 instead of 0.8"
    steps = []
    for step in result.steps:
        assert step.posterior is not None
        posterior = copy(step.posterior)
        posterior.__dict__["provenance"] = replace(posterior.provenance, notes=(text,), warnings=())
        steps.append(replace(step, posterior=posterior))
    steps[0] = replace(steps[0], posterior=None)
    found = replace(result, steps=tuple(steps))
    told = f"steps {', '.join(str(step.number) for step in steps[1:])}: {text}"
    assert end_points_summary(found).warnings == (told,)
    assert any(isinstance(b, Paragraph) and b.strong and told in b.text for b in end_points_page(found).blocks[:3])


def test_sites_of_one_arm_are_named_with_each_step_and_their_effect_first(result: EndPointAnalysis) -> None:
    named, moved = "sites have patients of one arm only", "sites with patients of one arm only ("
    first = end_points_summary(result).warnings
    for step in result.steps:
        assert step.posterior is not None
        cautions = step.posterior.provenance.cautions
        assert any(named in text for text in cautions)
        assert any(text.startswith(moved) for text in cautions)
        below = [block.text for block in one_step(result, step) if isinstance(block, Paragraph)]
        assert any(named in text for text in below)
    assert not any(named in text for text in first)
    assert sum(moved in text for text in first) == len(result.steps)


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
    assert "higher is better" in markdown(end_points_page(found).blocks)
    assert "mean difference at least 2" in headline(found)[1]


def test_terminal_fits_eighty_columns(result: EndPointAnalysis) -> None:
    out = Console(width=80, record=True, color_system=None, file=io.StringIO())
    show(end_points_summary(result), out)
    text = out.export_text()
    assert max(len(line) for line in text.splitlines()) <= 80
    assert SYNTHETIC in text
    assert "Formal testing stops here" in text
    assert "P(all favour the active arm): between" in text  # bounds, since there is no joint model here


def test_raw_results_by_arm_are_on_the_page(result: EndPointAnalysis) -> None:
    page = markdown(end_points_page(result).blocks)
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
    evil = plan.steps[2].model_copy(
        update={"label": "=1+1 <script>alert(1)</script> | $x$ [b]z[/b] \u202e" + "y" * 200, "unit": "@a"}
    )
    only = plan.model_copy(update={"end_points": (evil,), "joint": None, "exploratory": None})
    found = analyse_end_points(only, result.outcomes, models=models, tipping=False, check_engines=False)
    folder = write_end_points(found, tmp_path)
    assert (
        "<script>"
        not in (folder / "endpoints.md").read_text(encoding="utf-8").split("## The hierarchy")[1].split("##")[0]
    )
    out = Console(width=80, record=True, color_system=None, file=io.StringIO())
    show(end_points_summary(found), out)
    told = out.export_text()
    assert "[b]z[/b]" in told
    assert "\u202e" not in told + (folder / "endpoints.md").read_text(encoding="utf-8")
    cells = pd.read_csv(folder / "hierarchy.csv", dtype=str).iloc[0]
    assert cells["label"].startswith("'=1+1")
    assert cells["unit"] == "'@a"


# words and directions: the plan as it is, with every direction turned, and with its arms swapped

NUMBER = r"[-+]\d+(?:\.\d+)?"
CHANCE = r"([<>] )?(\d\.\d+)"


@pytest.fixture(scope="module")
def turned(result: EndPointAnalysis) -> dict[tuple[bool, bool], EndPointAnalysis]:
    """By whether all directions are turned, and whether the arms are swapped; missing values are left out."""
    plan, models = load_plan("lupil2_hierarchy")
    other = {"higher": "lower", "lower": "higher"}
    found = {}
    for turn in (False, True):
        points = [
            point.model_copy(
                update={"missing": "complete_cases", "benefit": other[point.benefit] if turn else point.benefit}
            )
            for point in plan.end_points
        ]
        for swap in (False, True):
            arms = plan.arms.model_copy(update={"control": "ILT-101", "active": "placebo"}) if swap else plan.arms
            chosen = plan.model_copy(update={"end_points": tuple(points), "joint": None, "arms": arms})
            found[turn, swap] = analyse_end_points(
                chosen, result.outcomes, models=models, tipping=False, check_engines=False
            )
    return found


def signs(found: EndPointAnalysis) -> list[int]:
    return [1 if step.derived.plan.benefit == "higher" else -1 for step in found.steps]


def alternatives(page: list[Block]) -> dict[str, str]:
    return {block.name: block.alternative for block in inside(page) if isinstance(block, Figure)}


def effects(found: EndPointAnalysis) -> list[tuple[float, float]]:
    """(median, P(benefit)) of each step, as the main table has them."""
    return [(float(re.match(NUMBER, row[6])[0]), float(re.match(CHANCE, row[7])[2])) for row in hierarchy_rows(found)]


@pytest.mark.parametrize("swap", [False, True])
@pytest.mark.parametrize("turn", [False, True])
def test_words_follow_directions_and_arms(
    turned: dict[tuple[bool, bool], EndPointAnalysis], turn: bool, swap: bool
) -> None:
    """A median on the side of benefit goes with P(benefit) above a half, in every table, sentence and alternative."""
    found = turned[turn, swap]
    page = end_points_page(found).blocks
    text, told = markdown(page), alternatives(page)
    active, control = ("placebo", "ILT-101") if swap else ("ILT-101", "placebo")
    assert f"{active} against {control}: every effect is {active} minus {control}." in text
    assert f"{control} minus {active}" not in text
    assert told["hierarchy"].startswith(f"Effects of {active} against {control}")
    good = turn == swap  # of every step: the made-up patients on ILT-101 did better
    parts = re.findall(
        rf"\((higher|lower) is better\): median ({NUMBER}).*?P\(benefit\) {CHANCE} .*?adjusted estimate ({NUMBER})",
        told["hierarchy"],
    )
    assert len(parts) == 3
    triples = zip(signs(found), effects(found), headline(found)[1:], parts, strict=True)
    for sign, (median, chance), line, (word, again, _, chance_again, adjusted) in triples:
        assert (sign * median > 0) == (chance > 0.5) == good
        assert word == ("higher" if sign > 0 else "lower")
        assert (float(again), float(chance_again)) == (median, chance)
        assert (sign * float(adjusted) > 0) == good
        assert re.search(rf": ({NUMBER}) ", line)[1] in again
        relevant = re.search(rf"P\([a-z ]+ difference (at least|at most) (-?)[\d.]+(?: points)?\) {CHANCE}", line)
        assert (relevant[1], relevant[2]) == (("at least", "") if sign > 0 else ("at most", "-"))
        assert float(relevant[4]) <= chance
        assert f"{word} is better" in text
    assert ("the estimate points to harm" in gate_words(found)) == (not good)
    assert f"{active} " in headline(found)[1]


def test_the_other_directions_are_the_same_trial(turned: dict[tuple[bool, bool], EndPointAnalysis]) -> None:
    """Effects keep their sign, whatever is called a benefit; probabilities change sides, exploratory ones too."""
    for swap in (False, True):
        one, other = turned[False, swap], turned[True, swap]
        assert [row[6] for row in hierarchy_rows(one)] == [row[6] for row in hierarchy_rows(other)]
        for (_, p), (_, q) in zip(effects(one), effects(other), strict=True):
            assert p + q == pytest.approx(1, abs=0.011)
        tables = [exploratory(found)[1] for found in (one, other)]
        for row, again in zip(tables[0].rows, tables[1].rows, strict=True):
            assert row[4:7] == again[4:7]  # own estimate, p, shrunken
            assert {row[2], again[2]} == {"higher", "lower"}
            assert float(row[7].lstrip("<> ")) + float(again[7].lstrip("<> ")) == pytest.approx(1, abs=0.0021)


def test_swapped_arms_turn_every_effect(turned: dict[tuple[bool, bool], EndPointAnalysis]) -> None:
    as_it_is, swapped = turned[False, False], turned[False, True]
    for (median, p), (again, q) in zip(effects(as_it_is), effects(swapped), strict=True):
        assert median * again < 0
        assert median == pytest.approx(-again, rel=0.15)  # other draws: their Monte Carlo error
        assert p + q == pytest.approx(1, abs=0.03)
    for row, again in zip(exploratory(as_it_is)[1].rows, exploratory(swapped)[1].rows, strict=True):
        if row[4].startswith("odds ratio"):
            assert float(row[4].split()[2]) * float(again[4].split()[2]) == pytest.approx(1, abs=0.02)
        else:
            assert row[4].lstrip("+-") == again[4].lstrip("+-")
            assert row[4][0] != again[4][0]


@example(estimate=6.0, benefit="lower", kind="binary", size=1.0)
@given(
    estimate=st.floats(-9, 9).filter(lambda value: abs(value) > 0.05),
    benefit=st.sampled_from(["higher", "lower"]),
    kind=st.sampled_from(["binary", "continuous"]),
    size=st.floats(0.5, 5),
)
def test_an_exploratory_effect_points_where_it_should(estimate: float, benefit: str, kind: str, size: float) -> None:
    """A positive effect is a benefit: an odds ratio above 1 or a rise exactly where higher is better."""
    point = EndPoint("x", "x", benefit, "mm", kind=kind)
    unit = (1.0 if kind == "binary" else size) * (1 if benefit == "higher" else -1)
    raw = EffectSize(point, (9, 9), estimate, 1.0, float("nan"), unit, 0.5)
    words = own_scale(FurtherRow("efficacy", (0, 0), raw, None), estimate)
    upwards = (estimate > 0) == (benefit == "higher")
    if kind == "continuous":
        assert words.startswith("+" if upwards else "-")
        assert words.endswith(" mm")
        return
    found = re.fullmatch(r"odds ratio (?:(above|below) )?([\d.]+)", words)
    assert (float(found[2]) > 1) == upwards
    assert float(found[2]) > 0  # no odds ratio is 0
    assert found[1] in (None, "above" if upwards else "below")
    assert own_scale(FurtherRow("efficacy", (0, 0), raw, None), estimate, unit=False) == words.removeprefix(
        "odds ratio "
    )


def test_what_a_missing_value_means_has_no_direction(result: EndPointAnalysis) -> None:
    """On a stand-in for the joint model: who counts as a non-responder is likened to them, not 'changed less'."""
    chances = [SimpleNamespace(benefit=0.9, benefit_mcse=0.01, all_above=0.8, all_above_mcse=0.01)] * 3
    table = pd.DataFrame({"pair": ["a ~ b"], "mean": [0.5]}).set_index("pair")
    joint = SimpleNamespace(
        save=lambda path: path,
        verdict=SimpleNamespace(ok=True, text="sound"),
        chances=lambda: chances,
        correlations=lambda: table,
    )
    page = markdown(end_points_page(replace(result, joint=joint)).blocks)
    assert "a patient counted as a non-responder is expected to resemble non-responders in the others" in page
    assert "changed less" not in page
    last = markdown(end_points_page(replace(result, joint=joint, steps=result.steps[1:])).blocks)
    assert "counted as a non-responder" not in last  # no step counts them so
    assert "0.80 (MCSE 0.01)" in page


def test_intervals_are_named_in_words(result: EndPointAnalysis) -> None:
    page = end_points_page(result).blocks
    text = markdown(page) + " ".join(alternatives(page).values())
    unnamed = r"95 %(?! (credible|confidence|confidence or credible) interval)"
    assert not [text[m.start() - 40 : m.end() + 40] for m in re.finditer(unnamed, text)]
    assert not re.search(r"\bC[Rr]?I\b", text)
    assert "95 % credible interval" in hierarchy_latex(result).replace("\\%", "%")
    for block in inside(page):
        if isinstance(block, Table) and block.header[0] == "analysis":
            for row in block.rows:
                assert row[3].endswith("(credible)" if row[0].startswith("model") else "(confidence)")


def test_blocks_have_captions_files_and_levels(result: EndPointAnalysis, folder: Path) -> None:
    page = list(inside(end_points_page(result).blocks))
    tables = [block for block in page if isinstance(block, Table)]
    assert len(tables) == 6
    assert all(block.caption and (folder / block.source).is_file() for block in tables)
    for block in page:
        if isinstance(block, Figure):
            assert block.caption
            assert (folder / f"{block.name}.svg").is_file()
            assert re.search(r"\d", block.alternative)
    assert [block.level for block in page if isinstance(block, Heading)] == [1, 2, 2, 2]


def test_alternatives_hold_the_numbers_of_the_files(result: EndPointAnalysis, folder: Path) -> None:
    told = alternatives(end_points_page(result).blocks)
    table = pd.read_csv(folder / "exploratory.csv").sort_values("p_benefit")
    least, most = table.iloc[0], table.iloc[-1]
    assert f"P(benefit) is above 0.5 in {(table['p_benefit'] > 0.5).sum()} of them" in told["exploratory"]
    assert f"the least probable benefit is in {least['label']}" in told["exploratory"]
    assert f"{least['p_benefit']:.3f}; the most probable is in {most['label']}" in told["exploratory"]
    tipping = pd.read_csv(folder / "tipping_sri4.csv")
    assert f"it runs from {tipping['p_benefit'].min():.3f} to {tipping['p_benefit'].max():.3f}" in told["tipping_sri4"]


def test_the_page_is_html_too(result: EndPointAnalysis, folder: Path) -> None:
    text = (folder / "endpoints.html").read_text(encoding="utf-8")
    assert 'id="in-short"' in text
    for step in result.steps:
        assert step.derived.end_point.label in text
    tables = [block for block in inside(end_points_page(result).blocks) if isinstance(block, Table)]
    assert text.count('<table class="data') == len(tables)
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", text)
