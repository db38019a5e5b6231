"""The forest of active arms: what each shows against the control by itself, and the posterior of all in one model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bayes_lupil.arms.result import ArmsAnalysis
from bayes_lupil.report.media.forest import odds_ratio_forest
from bayes_lupil.report.media.plot_style import LONGEST, clip, styled
from bayes_lupil.report.subgroups.forest import line_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["arms_in_words", "figure_arms"]


@styled
def figure_arms(found: ArmsAnalysis, width: float = 8.0) -> Figure:
    """Odds ratio of each active arm, observed (square) and posterior (circle), with 95 % intervals; log scale.

    Parameters
    ----------
    found : ArmsAnalysis
    width : float
        In inches; below 6 the numbers stand under the names.
    """
    point, control = found.trial.end_point, found.control
    return odds_ratio_forest(
        [line_of(row.arm, row.log_odds_ratio, row, row.p_benefit) for row in found.rows],
        width=width, arms=("each arm", control), sign=point.sign,
        heading=f"{clip(point.directed, LONGEST)}: each active arm against {clip(control, 30)}",
        footnote=f"Under each name: {point.words.patients}/patients, this arm v {clip(control, 20)}. Squares: "
        "observed, 95 % confidence interval. Circles: posterior median at an average site, 95 % credible interval.",
        said="posterior odds ratio", synthetic=found.synthetic,
    )  # fmt: skip


def arms_in_words(found: ArmsAnalysis) -> str:
    """The figure for those who cannot see it."""
    return f"Posterior odds ratios: {'; '.join(f'{row.arm} {row.shrunken_words}' for row in found.rows)}."
