"""Forests of odds ratios: names that would look alike once cut."""

from __future__ import annotations

import pytest

from bayes_lupil.report.media.forest import Line, odds_ratio_forest
from bayes_lupil.report.media.plot_rows import row_names

LONG = "Department of rheumatology and clinical immunology"


@pytest.mark.parametrize("width", [3.5, 8.0])
def test_names_that_are_cut_stay_apart(width: float) -> None:
    lines = [Line(f"{LONG}, {town}", (0.5, 1.0, 2.0), "1.00", "3/9 v 4/9") for town in ("Sofia", "Varna")]
    lines.append(Line("average", (0.5, 1.0, 2.0), "1.00"))
    figure = odds_ratio_forest(
        lines, width=width, arms=("drug", "placebo"), sign=1, heading="Cure", footnote="", said="odds ratio",
        synthetic=True,
    )  # fmt: skip
    names = [label.get_text().split("\n")[0] for label in figure.axes[0].get_yticklabels()]
    assert len(set(names)) == 3
    assert [name[:6] for name in names] == ["no. 1:", "no. 2:", "averag"]


def test_short_names_stay_as_they_are() -> None:
    assert row_names(["Sofia", "Varna"], 28) == ["Sofia", "Varna"]
