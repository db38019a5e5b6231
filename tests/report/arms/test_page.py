"""The page, the figure and the command of several active arms."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import bayes_lupil as bl
from bayes_lupil.arms import ArmsAnalysis
from bayes_lupil.report.arms.page import ARMS_FILES, arms_summary
from bayes_lupil.report.media.blocks import Paragraph
from tests.arms.test_arms import DOSES
from tests.proofs import FIT


@pytest.fixture(scope="module")
def found() -> ArmsAnalysis:
    return bl.compare_arms(DOSES, model="itt_pooled_primary_priors", progress=False)


def test_the_page_has_all_its_files(found: ArmsAnalysis, tmp_path: Path) -> None:
    bl.write_arms(found, tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {*ARMS_FILES, "manifest.json"}
    page = (tmp_path / "out" / "arms.md").read_text()
    assert page.index("2 active arms share the control") < page.index(
        "The most probable to be best of these arms is high ("
    )
    assert "| high | 31/57 | 15/57 | 3.34 (1.52 to 7.33) |" in page
    assert "170 patients at 4 sites; arms analysed: placebo, low, high" in page
    table = pd.read_csv(tmp_path / "out" / "arms.csv")
    assert table["p_best"].round(6).tolist() == [round(row.p_best.mean, 6) for row in found.rows]


@pytest.mark.parametrize("width", [3.5, 8.0])
def test_the_figure_shows_every_arm_with_its_interval(found: ArmsAnalysis, width: float) -> None:
    axes = found.plot(width=width).axes[0]
    assert [label.get_text().split("\n")[0] for label in axes.get_yticklabels()] == ["low", "high"]
    shrunken = [line for line in axes.lines if line.get_gid() == "shrunken" and len(line.get_xdata()) == 2]
    for row, line in zip(found.rows, shrunken, strict=True):
        assert list(line.get_xdata()) == [row.log_odds_ratio.q2_5, row.log_odds_ratio.q97_5]


def test_the_command(run: Any, tmp_path: Path) -> None:
    pd.DataFrame(DOSES).to_csv(tmp_path / "doses.csv", index=False)
    given = ("arms", tmp_path / "doses.csv", "--model", "itt_pooled_primary_priors")
    status, out, err = run(*given, "--out", tmp_path / "out")
    assert status == 0
    assert "is not compared" not in err
    assert "170 patients at 4 sites" in " ".join(out.split())
    assert "Warning: 2 active arms share the control 'placebo'" in " ".join(out.split())
    assert (tmp_path / "out" / "arms.html").is_file()


@pytest.mark.proof(*FIT, "arms", "report/arms")
def test_where_the_control_is_best_it_is_said() -> None:
    worse = DOSES | {"responders": [18, 3, 4, 9, 1, 2, 14, 3, 3, 11, 2, 2]}
    found = bl.compare_arms(worse, model="itt_pooled_primary_priors", progress=False)
    [first, *_] = (block.text for block in arms_summary(found).blocks if isinstance(block, Paragraph))
    assert first.startswith("The most probable to be best of these arms is placebo (")
    assert "better than placebo" not in first


@pytest.mark.proof(*FIT, "arms", "report/arms")
def test_missing_outcomes_and_patients_left_out_are_told(run: Any, tmp_path: Path) -> None:
    rows = [
        {"site": site, "arm": arm, "y": "" if (i, arm) == (3, "low") else int(i < 4 + (arm == "high"))}
        for site in "ABC" for arm in ("placebo", "low", "high") for i in range(9)
    ]  # fmt: skip
    pd.DataFrame(rows).to_csv(tmp_path / "p.csv", index=False)
    given = ("arms", tmp_path / "p.csv", "--outcome", "y", "--missing", "complete_cases", "--out", tmp_path / "out")
    status, _, err = run(*given, "--model", "itt_pooled_primary_priors")
    assert status == 0
    assert "low: 3 patients left out" in " ".join(err.split())
    assert "is not compared" not in err
    assert "low: 3 patients left out" in (tmp_path / "out" / "arms.md").read_text()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--control", "placebo", "--active", "low"), "two or more"),
        (("--model", "outliers_arms"), "contaminated"),
        (("--exchangeable", "--between-arms", "0"), "a positive number"),
        (("--exchangeable", "--between-arms", "inf"), "a positive number"),
        (("--between-arms", "2"), "exchangeable"),
        (("--model", "sri4"), "sri4"),
        (("--active", "each", "--control", "nobody"), "nobody"),
    ],
)
def test_what_cannot_be_is_told_and_nothing_written(
    options: tuple[str, ...], said: str, run: Any, tmp_path: Path
) -> None:
    pd.DataFrame(DOSES).to_csv(tmp_path / "doses.csv", index=False)
    status, _, err = run("arms", tmp_path / "doses.csv", *options, "--out", tmp_path / "out")
    assert status == 2
    assert said in err
    assert not (tmp_path / "out").exists()
