"""What the README says of TOPCAT is what the commands give."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import bayes_lupil as bl
from bayes_lupil.numbers import percent

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


def row(start: str) -> list[str]:
    line = next(line for line in README.splitlines() if line.startswith(f"| {start}"))
    return [cell.strip() for cell in line.strip("|").split("|")][1:]


@pytest.mark.parametrize(("start", "without"), [("all, countries", ()), ("without Russia", ("Russia", "Georgia"))])
def test_all_countries_and_without_two(start: str, without: tuple[str, ...]) -> None:
    post = bl.fit(bl.model("site_effects").edited(without_sites=list(without)), "topcat")
    assert post.p_benefit is not None
    middle, low, high = np.quantile(post.draws("odds_ratio"), [0.5, 0.025, 0.975])
    assert row(start) == [f"{middle:.2f} ({low:.2f} to {high:.2f})", percent(post.p_benefit.probability)]


def test_both_regions() -> None:
    regions = {
        site: "East" if site in ("Russia", "Georgia") else "Americas" for site in bl.load_trial("topcat").site_names
    }
    found = bl.subgroup_effects("topcat", regions)
    for start, item in zip(("the Americas", "the East"), found.rows, strict=True):
        assert row(start) == [item.shrunken_words, percent(item.p_benefit.mean)]
    assert found.breslow_day is not None
    assert f"(p {found.breslow_day.p:.2f})" in README
