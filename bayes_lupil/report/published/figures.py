"""A published result under standard priors, as figures: prior, likelihood and posterior; thresholds; many priors."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.published.analysis import BenefitAnalysis, chance_words, equals
from bayes_lupil.published.answers import PriorAnswer
from bayes_lupil.report.media.plot_rows import better, end_point_title, frame
from bayes_lupil.report.media.plot_style import COLOURS, DASHES, clip, new_figure, styled, wrap
from bayes_lupil.trials.measures import Measure

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "curve_words",
    "effect_axis",
    "figure_prior_grid",
    "figure_threshold_curve",
    "figure_triplot",
    "grid_words",
    "threshold_frame",
    "thresholds_of",
    "triplot_words",
]  # fmt: skip

Floats = NDArray[np.float64]

_RATIOS = (1.0, 0.95, 0.9, 0.8, 0.7, 0.5)
_RISKS = (0.0, 0.01, 0.02, 0.05, 0.1)


def thresholds_of(found: BenefitAnalysis) -> list[float]:
    """Effects as printed, from none to large ones on the side of benefit, with those that were asked about."""
    sign, kind = found.sign, found.measure
    if kind.is_ratio:
        usual = [value if sign < 0 else 1 / value for value in _RATIOS]
    elif kind.key == "rd":
        usual = [sign * value for value in _RISKS]
    else:
        usual = [share * found.expected for share in (0.0, 0.25, 0.5, 0.75, 1.0)]
    asked = [edge for event in found.events[1:] if event.key.startswith("p_beyond") for edge in (event.low, event.high)]
    own = [edge for edge in asked if math.isfinite(edge) and not (kind.is_ratio and edge == 0)]
    return sorted({float(f"{value:.3g}") for value in [*usual, *own]}, key=lambda value: sign * value)


def threshold_frame(found: BenefitAnalysis) -> pd.DataFrame:
    """P(effect better than each threshold) under each prior; a row a prior and threshold."""
    import pandas as pd

    rows = [
        {"prior": item.prior.name, "threshold": value, "probability": found.better_than(item, value)}
        for item in found.answers
        for value in thresholds_of(found)
    ]
    return pd.DataFrame(rows)


def effect_axis(axes: Axes, kind: Measure, low: float, high: float, sign: int) -> None:
    """The horizontal axis: scaled values, ticks as printed."""
    axes.set_xlim(low, high)
    if kind.is_ratio:
        marks = [m * 10.0**e for e in range(-4, 5) for m in (1, 2, 5)]
        for step in (1.0, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01):  # finer ones where fewer than four are inside
            ticks = [math.log(mark) for mark in marks if low <= math.log(mark) <= high]
            if len(ticks) >= 4:
                break
            marks = [round(step * k, 2) for k in range(1, 400)]
        if len(ticks) > 9:  # decades alone
            ticks = [tick for tick in ticks if abs(tick / math.log(10) - round(tick / math.log(10))) < 1e-9]
        axes.set_xticks(ticks, [f"{math.exp(tick):.4g}" for tick in ticks])
        axes.minorticks_off()
    elif kind.key == "rd":
        ticks = [tick for tick in axes.get_xticks().tolist() if low <= tick <= high]
        axes.set_xticks(ticks, [f"{100 * tick:.3g}" for tick in ticks])
    name = kind.name.capitalize() + (" (percentage points)" if kind.key == "rd" else "")
    label = wrap(f"{name}, active against control", int(10 * axes.figure.get_figwidth()))  # type: ignore[union-attr]
    axes.set_xlabel(f"{label}\n{better(sign)}", fontsize=9)
    axes.tick_params(labelsize=8.5)


# Matplotlib here and below: these are curves from formulas, of which ArviZ, which draws samples, has none
@styled
def figure_triplot(found: BenefitAnalysis, width: float = 7.5) -> Figure:
    """Prior, likelihood and posterior of the effect under the leading prior, what is a benefit shaded.

    Parameters
    ----------
    width : float
        In inches; 4 and more.
    """
    prior, likelihood, kind = found.lead.prior, found.likelihood, found.likelihood.measure
    posterior = likelihood.under(prior)
    height = min(0.6 * width, 3.6)
    figure, axes, _ = new_figure(width, height, found.trial.synthetic)
    low, high = posterior.quantile(0.0005), posterior.quantile(0.9995)
    reach = 3.3 * min(prior.sd, 4 * likelihood.se)
    low, high = min(low, prior.mean - reach, 0.0), max(high, prior.mean + reach, 0.0)
    x = np.linspace(low, high, 801)
    shape = likelihood.relative(x)
    area = float(shape.sum() * (x[1] - x[0]))
    curves: list[tuple[str, Floats, int]] = [
        ("posterior", posterior.density(x), 0),
        ("likelihood (the data)", shape / area, 1),
    ]
    if not prior.is_flat:
        z = (x - prior.mean) / prior.sd
        curves.append((f"prior ({prior.name})", np.exp(-0.5 * z * z) / (prior.sd * math.sqrt(2 * math.pi)), 2))
    good = found.sign * x > 0
    axes.fill_between(
        x, 0, posterior.density(x), where=good.tolist(), color=COLOURS[0], alpha=0.18, lw=0, gid="benefit"
    )
    for name, values, number in curves:
        axes.plot(x, values, color=COLOURS[number], ls=DASHES[number], lw=1.9, label=name, gid=name.split()[0])
    axes.axvline(0, color="black", lw=0.8, ls=(0, (2, 2)))
    axes.set_ylim(bottom=0)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    effect_axis(axes, kind, low, high, found.sign)
    axes.legend(fontsize=8.5, frameon=False, loc="lower left", bbox_to_anchor=(0, 1.0), ncols=3 if width >= 6 else 1)
    chance = chance_words(found.lead.p_benefit)
    footnote = f"Shaded: the benefit, {chance} of the posterior's area. Curves have equal areas, in part outside."
    frame(
        figure,
        f"{end_point_title(found.trial.end_point)}: {found.events[0].statement} {equals(found.lead.p_benefit)}",
        footnote,
        found.trial.synthetic,
        height,
    )
    return figure


def triplot_words(found: BenefitAnalysis) -> str:
    """The finding of the triplot."""
    lead, kind = found.lead, found.likelihood.measure
    before = chance_words(lead.prior.p_benefit(found.sign))
    return (
        f"Prior, likelihood and posterior of the {kind.scale} under the {lead.prior.name} prior: the probability of a "
        f"benefit is {before} before the data and {chance_words(lead.p_benefit)} after."
    )


@styled
def figure_threshold_curve(found: BenefitAnalysis, width: float = 7.5) -> Figure:
    """The probability of an effect better than each value, under the leading prior, a flat one and the two extremes."""
    kind, height = found.measure, min(0.6 * width, 3.6)
    figure, axes, _ = new_figure(width, height, found.trial.synthetic)
    shown = _curves(found)
    # where an arm is empty a wide prior reaches far out, where nothing else is
    near = [
        item for item in shown if item is found.lead or item.prior.is_flat or item.prior.sd < 3 * found.likelihood.se
    ]
    printed = [edge for item in near for edge in (item.lower, item.upper)]
    edges = [kind.scaled(max(edge, 1e-6) if kind.is_ratio else edge) for edge in printed]
    low, high = min(*edges, 0.0), max(*edges, 0.0)
    x = np.linspace(low - 0.1 * (high - low), high + 0.1 * (high - low), 61)
    for number, item in enumerate(shown):
        values = [100 * found.better_than(item, kind.printed(value)) for value in x]
        axes.plot(x, values, color=COLOURS[number], ls=DASHES[number], lw=1.9, label=item.prior.name)
    axes.axvline(0, color="black", lw=0.8, ls=(0, (2, 2)))
    axes.set(ylim=(0, 100))
    axes.set_ylabel("Probability of a better effect (%)", fontsize=9)
    axes.grid(axis="y", color="#E5E5E5", lw=0.6)
    effect_axis(axes, kind, float(x[0]), float(x[-1]), found.sign)
    axes.legend(fontsize=8.5, frameon=False, loc="best", title="prior", title_fontsize=8.5)
    footnote = "How probable an effect is that is better than the value below."
    frame(
        figure,
        f"{end_point_title(found.trial.end_point)}: how large is the effect?",
        footnote,
        found.trial.synthetic,
        height,
    )
    return figure


def _curves(found: BenefitAnalysis) -> list[PriorAnswer]:
    flat = [item for item in found.answers if item.prior.is_flat]
    unique: dict[str, PriorAnswer] = {item.prior.name: item for item in (found.lead, *flat, *found.span)}
    return list(unique.values())


def curve_words(found: BenefitAnalysis) -> str:
    """The finding of the curve."""
    kind, lead = found.measure, found.lead
    parts = [
        f"{kind.words(value)}: {chance_words(found.better_than(lead, value))}" for value in thresholds_of(found)[:6]
    ]
    return f"Probability of {kind.one} better than each value under the {lead.prior.name} prior. {'; '.join(parts)}."


@styled
def figure_prior_grid(found: BenefitAnalysis, width: float = 7.5) -> Figure:
    """Probabilities of an effect better than each threshold (columns) under each prior (rows), with the numbers."""
    kind, thresholds = found.measure, thresholds_of(found)
    values = np.array([[found.better_than(item, value) for value in thresholds] for item in found.answers])
    rows = len(found.answers)
    height = 0.27 * rows + 0.7
    figure, axes, _ = new_figure(width, height, found.trial.synthetic)
    shades = _colour_map()
    axes.imshow(values, cmap=shades, vmin=0, vmax=1, aspect="auto")
    size = 8.5 if width >= 6 else 7.0
    for i in range(rows):
        for j in range(len(thresholds)):
            axes.text(j, i, chance_words(float(values[i, j])), ha="center", va="center", fontsize=size,
                      color="white" if values[i, j] > 0.6 else "black")  # fmt: skip
    mark = "<" if found.sign < 0 else ">"
    unit = " (points)" if kind.key == "rd" else ""
    axes.set_xticks(range(len(thresholds)), [f"{mark} {kind.words(value)}" for value in thresholds], fontsize=size)
    axes.set_yticks(range(rows), [clip(item.prior.name, int(3.2 * width)) for item in found.answers], fontsize=size)
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("top")
    axes.set_xlabel(f"P({kind.symbol} {mark} threshold){unit}", fontsize=9)
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    flat = " 'Flat' is the data alone." if found.answer_under("flat") else ""
    footnote = f"Darker: more probable. The first row leads.{flat}"
    frame(
        figure,
        f"{end_point_title(found.trial.end_point)}: priors and thresholds",
        footnote,
        found.trial.synthetic,
        height,
    )
    return figure


def _colour_map() -> Any:
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("chance", ["#FFFFFF", "#D3E3F1", "#97BBDC", "#2F6FA8", "#173F66"])


def grid_words(found: BenefitAnalysis) -> str:
    """The finding of the grid."""
    low, high = found.span
    return (
        f"Under {len(found.answers)} priors the probability of a benefit lies between {chance_words(low.p_benefit)} "
        f"({low.prior.name}) and {chance_words(high.p_benefit)} ({high.prior.name})."
    )
