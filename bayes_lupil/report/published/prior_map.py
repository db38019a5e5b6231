"""P(an effect better than a threshold) over the mean and SD of a normal prior, as maps: what prior it would take."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.published.analysis import BenefitAnalysis
from bayes_lupil.published.reverse import prior_map
from bayes_lupil.report.media.plot_rows import better, end_point_title, frame
from bayes_lupil.report.media.plot_style import new_figure, styled
from bayes_lupil.report.published.figures import effect_axis, thresholds_of
from bayes_lupil.report.published.sentences import location_words
from bayes_lupil.trials.measures import MEASURES

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["figure_prior_map", "map_frame", "map_words"]

Floats = NDArray[np.float64]

_LEVELS = (0.5, 0.8, 0.9, 0.95, 0.975)
_SHADES = ("#FFFFFF", "#EAF1F8", "#D3E3F1", "#B7D1E8", "#97BBDC", "#76A3CE")
_SIDE_BY_SIDE = 6.0
_TICKS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)


# Matplotlib: ArviZ has no map over priors
@styled
def figure_prior_map(found: BenefitAnalysis, width: float = 7.5) -> Figure:
    """Maps of P(benefit) and of P(beyond a threshold), with the priors of the table marked."""
    means, sds, thresholds, chances = _map(found)
    beside = width >= _SIDE_BY_SIDE and len(thresholds) > 1
    each = min(0.62 * width, 3.4) if beside else min(0.75 * width, 4.0)
    height = each if beside else each * len(thresholds)
    figure, axes, _ = new_figure(width, height, found.trial.synthetic)
    axes.remove()
    shape = (1, len(thresholds)) if beside else (len(thresholds), 1)
    panels = figure.subplots(*shape, squeeze=False, sharey=beside).ravel()
    for panel, threshold, values in zip(panels, thresholds, chances, strict=True):
        _panel(panel, found, means, sds, values)
        kind, mark = found.likelihood.measure, "<" if found.sign < 0 else ">"
        panel.set_title(f"P({kind.symbol} {mark} {kind.words(threshold)})", fontsize=9)
    kind = found.likelihood.measure
    panels[0].set_ylabel(f"SD of the prior ({kind.scale}{', points' if kind.key == 'rd' else ''})", fontsize=9)
    footnote = "Lines and shades: the probability after the data. Circles: those priors of the table that lie here."
    frame(
        figure,
        f"{end_point_title(found.trial.end_point)}: probability under other priors",
        footnote,
        found.trial.synthetic,
        height,
    )
    return figure


def _panel(axes: Axes, found: BenefitAnalysis, means: Floats, sds: Floats, chances: Floats) -> None:
    from scipy.special import ndtr, ndtri

    kind = found.likelihood.measure
    # on the probit scale the probability is nearly a plane, so that lines lie right between the points of the map
    probit, levels = np.ma.masked_invalid(ndtri(np.clip(chances, 1e-6, 1 - 1e-6))), ndtri(_LEVELS)
    axes.contourf(means, sds, probit, levels=levels, colors=_SHADES, extend="both")
    lines = axes.contour(means, sds, probit, levels=levels, colors="black", linewidths=1.0)
    axes.clabel(lines, fmt=lambda level: f"{100 * float(ndtr(level)):.3g} %", fontsize=7.5)
    axes.set(yscale="log", ylim=(sds[0], sds[-1]))
    effect_axis(axes, kind, float(means[0]), float(means[-1]), found.sign)
    axes.set_xlabel(f"Mean of the prior, as {kind.one}\n{better(found.sign)}", fontsize=9)
    ticks = [tick for tick in _TICKS if sds[0] <= tick <= sds[-1]]
    axes.set_yticks(ticks, [location_words(kind, tick) for tick in ticks])
    axes.minorticks_off()
    for item in found.answers:
        prior = item.prior
        if means[0] <= prior.mean <= means[-1] and sds[0] <= prior.sd <= sds[-1]:
            axes.plot([prior.mean], [prior.sd], "o", ms=5.5, mfc="white", mec="black", zorder=4)


def _map(found: BenefitAnalysis) -> tuple[Floats, Floats, list[float], Floats]:
    """Means, SDs, thresholds as printed, and the probabilities."""
    kind, se = found.likelihood.measure, found.likelihood.se
    size = max(abs(found.expected), min(2.5 * se, 1.5) if kind.is_ratio else 2.5 * se)
    means = np.linspace(-1.6 * size, 1.6 * size, 33)
    known = [item.prior.sd for item in found.answers if not item.prior.is_flat]
    sds = np.geomspace(0.8 * min(*known, 0.25 * size), min(1.2 * max(known), 4 * size), 17)
    thresholds = _thresholds(found)
    return means, sds, thresholds, prior_map(
        found.likelihood, found.sign, means, sds, tuple(kind.scaled(value) for value in thresholds)
    )  # fmt: skip


def _thresholds(found: BenefitAnalysis) -> list[float]:
    """No effect, and one threshold that was asked about, or else one that is usual."""
    kind = found.likelihood.measure
    if kind != found.measure:  # priors are of another measure than thresholds
        return [kind.null]
    asked = [event for event in found.events if event.key.startswith("p_beyond")]
    if asked:
        edge = asked[0].high if found.sign < 0 else asked[0].low
        return [kind.null, edge] if edge != kind.null else [kind.null]
    usual = [value for value in thresholds_of(found) if value != kind.null]
    return [kind.null, usual[min(1, len(usual) - 1)]]


def map_frame(found: BenefitAnalysis) -> pd.DataFrame:
    """The maps as a table: a row a threshold (as printed), mean and SD (on the scale of priors)."""
    import pandas as pd

    means, sds, thresholds, chances = _map(found)
    rows = [
        {"threshold": threshold, "mean": mean, "sd": sd, "probability": chances[t, i, j]}
        for t, threshold in enumerate(thresholds)
        for i, sd in enumerate(sds.tolist())
        for j, mean in enumerate(means.tolist())
    ]
    return pd.DataFrame(rows)


def map_words(found: BenefitAnalysis) -> str:
    """The finding of the map."""
    lead = MEASURES[found.lead.prior.measure]
    parts = [
        f"{item.target:g} at a mean of {lead.words(lead.printed(item.mean))}"
        for item in found.tipping
        if item.mean is not None
    ]
    sd = found.tipping[0].sd
    return f"P(benefit) over priors: with an SD of {sd:.3g} it is {', '.join(parts) or 'never at a usual border'}."
