"""The page and the command of effects by subgroup."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import bayes_lupil as bl
from bayes_lupil.report.subgroups.page import SUBGROUP_FILES

REGIONS = {site: "East" if site in ("Russia", "Georgia") else "Americas" for site in bl.load_trial("topcat").site_names}


@pytest.fixture(scope="module")
def found() -> bl.subgroups.SubgroupAnalysis:
    return bl.subgroup_effects("topcat", REGIONS)


def test_the_page_has_all_its_files(found: bl.subgroups.SubgroupAnalysis, tmp_path: Path) -> None:
    bl.write_subgroups(found, tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {*SUBGROUP_FILES, "manifest.json"}
    page = (tmp_path / "out" / "subgroups.md").read_text()
    assert "2 subgroups say next to nothing" in page
    assert "| Americas | 242/886 | 280/881 | 0.81 (0.66 to 0.99) |" in page
    table = pd.read_csv(tmp_path / "out" / "subgroups.csv")
    assert table["p_benefit"].round(6).tolist() == [round(row.p_benefit.mean, 6) for row in found.rows]
    again = bl.Posterior.load(tmp_path / "out" / "posterior.nc")
    assert again.trial.site_names == ("Americas", "East")


@pytest.mark.parametrize("width", [3.5, 8.0])
def test_the_figure_shows_every_subgroup_with_its_interval(found: bl.subgroups.SubgroupAnalysis, width: float) -> None:
    axes = found.plot(width=width).axes[0]
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert [label.split("\n")[0] for label in labels] == ["Americas", "East", "average", "one not seen"]
    shrunken = [line for line in axes.lines if line.get_gid() == "shrunken" and len(line.get_xdata()) == 2]
    for row, line in zip(found.rows, shrunken, strict=False):
        assert list(line.get_xdata()) == [row.log_odds_ratio.q2_5, row.log_odds_ratio.q97_5]
    assert sum(line.get_gid() == "observed" for line in axes.lines) == 4


def test_the_command(run: Any, tmp_path: Path) -> None:
    status, out, err = run(
        "subgroups", "topcat", "--group", "Russia=East", "--group", "Georgia=East", "--others", "Americas", "--out",
        tmp_path / "out",
    )  # fmt: skip
    assert (status, err) == (0, "")
    assert "Warning: 2 subgroups say next to nothing" in " ".join(out.split())
    assert (tmp_path / "out" / "subgroups.html").is_file()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "neither --by nor --group"),
        (("--by", "sex", "--group", "a=b"), "both --by and --group"),
        (("--group", "Russia"), "SITE=SUBGROUP"),
        (("--group", "Russia=East"), "no subgroup of United States"),
        (("--by", "sex"), "no column 'sex'"),
    ],
)
def test_the_command_says_what_is_wrong_and_writes_nothing(
    run: Any, tmp_path: Path, options: tuple[str, ...], said: str
) -> None:
    status, _, err = run("subgroups", "topcat", *options, "--out", tmp_path / "out")
    assert status == 2
    assert said in " ".join(err.split())
    assert not (tmp_path / "out").exists()
