"""The figure on who stayed in the published subset."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bayes_lupil.report.media.plot_style import COLOURS, clip, styled, watermark, wrap
from bayes_lupil.trials.margins import Margins
from bayes_lupil.trials.trial import Trial
from bayes_lupil.unpublished.retention import WhoStayed

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["figure_who_stayed"]


@styled
def figure_who_stayed(stayed: WhoStayed, trial: Trial, width: float = 7.0) -> Figure:
    """Posterior mean and 95 % credible interval of the chance to stay, by arm and response.

    Parameters
    ----------
    stayed : WhoStayed
    trial : Trial
        Known by its margins.
    width : float
        In inches, 4 and more.
    """
    from matplotlib.figure import Figure as NewFigure

    assert isinstance(trial.data, Margins)
    groups = sorted(stayed.groups, key=lambda item: (item.response, item.arm), reverse=True)
    figure = NewFigure(figsize=(width, 2.6), layout="constrained")
    axes = figure.add_subplot()
    for y, item in enumerate(groups):
        colour = COLOURS[item.arm]
        axes.plot([item.chance_lower, item.chance_upper], [y, y], color=colour, linewidth=2.5, solid_capstyle="butt")
        axes.plot(item.chance, y, "o" if item.arm else "s", color=colour, markersize=7)
    labels = [f"{clip(item.label, 40)}\n{item.inside} of {item.patients} stayed" for item in groups]
    axes.set_yticks(range(len(groups)), labels, fontsize=9)
    axes.set_ylim(-0.6, len(groups) - 0.4)
    axes.set_xlim(0, 1)
    axes.set_xlabel(
        wrap("chance to stay, at an ordinary site (mean, 95 % credible interval)", int(11 * width)),
        fontsize=9,
    )
    axes.tick_params(axis="x", labelsize=9)
    heading = f"Who stayed in the population '{trial.data.subset}'"
    figure.suptitle(wrap(heading, int(8 * width)), x=0.01, ha="left", fontsize=12)
    if trial.synthetic:
        watermark(figure)
    return figure
