"""The exclusion path as a figure: risk difference and P(benefit) from all sites kept to the suspects excluded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_lupil.errors import DiagnosticsError, InputError
from bayes_lupil.numbers import points, points_interval, probability
from bayes_lupil.posterior import Posterior
from bayes_lupil.report.direction import benefit_side
from bayes_lupil.report.media.plot_rows import frame, legend_below, same_fit, site_names, title
from bayes_lupil.report.media.plot_style import COLOURS, DASHES, clip, new_figure, styled
from bayes_lupil.report.sites.sentences import listed
from bayes_lupil.sites.analysis import SiteAnalysis
from bayes_lupil.sites.exclusion import ExclusionPath, ExclusionPoint

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["exclusion_words", "figure_exclusion_path"]

_NAMED = 4  # suspects; of more, the number
_MOST = 12  # references that can be told apart
_LABEL = 0.33  # inches for the two lines of a label at the right edge


@styled
def figure_exclusion_path(
    path: ExclusionPath,
    posterior: Posterior,
    references: Mapping[str, Posterior] | None = None,
    width: float = 7.5,
) -> Figure:
    """Risk difference and P(benefit) against the power of the suspect sites, from 1 (kept) to 0 (excluded).

    Parameters
    ----------
    path : ExclusionPath
    posterior : Posterior
        That the path starts from, for the direction of benefit and the names of the arms.
    references : mapping of str to Posterior, optional
        Other models of the same trial with all sites kept, by the name to show: horizontal lines, 12 at most.
    width : float
        In inches; 4 and more.

    Notes
    -----
    Diamonds are points for which the model was fitted again. Points whose diagnostics failed are left out and said to
    be. Bars of P(benefit) are 2 Monte Carlo standard errors either way.

    Raises
    ------
    InputError
        Where the posterior is not that of the path, a reference is of other data or its diagnostics failed, there are
        more than 12 references, or no point of the path may be reported.
    """
    same_fit((path.trial, path.model, path.population), posterior)
    references = dict(references or {})
    _check(references, posterior)
    sound = sorted((point for point in path.points if point.ok), key=lambda point: -point.power)
    if not sound:
        raise InputError("exclusion path", "no point whose diagnostics are sound", "at least one")
    end_point, arms = posterior.provenance.end_point, posterior.provenance.arms
    figure, whole, _ = new_figure(width, width, path.synthetic)
    whole.remove()
    upper, lower = figure.subplots(2, 1, sharex=True)
    power = [point.power for point in sound]
    differences = [point.risk_difference for point in sound]
    upper.fill_between(
        power,
        [100 * d.q2_5 for d in differences],
        [100 * d.q97_5 for d in differences],
        color="#CDE3F0",
        lw=0,
        zorder=0,
    )
    upper.axhline(0, color="black", lw=0.8, zorder=1)
    # medians, as in the tables
    _line(upper, sound, [(100 * d.q50, 100 * (d.q50 - 2 * d.mcse), 100 * (d.q50 + 2 * d.mcse)) for d in differences])
    chances = [
        (point.p_benefit, max(point.p_benefit - 2 * point.p_benefit_mcse, 0.0),
         min(point.p_benefit + 2 * point.p_benefit_mcse, 1.0))
        for point in sound
    ]  # fmt: skip
    _line(lower, sound, chances)
    height = max(2.1, _LABEL * (len(references) + 1))
    medians = {name: item.row("risk_difference") for name, item in references.items()}
    benefits = {name: item.p_benefit for name, item in references.items()}
    values = [value for point in chances for value in point]
    _limits(lower, [*values, *(b.probability for b in benefits.values() if b)])
    short = int(min(4.5 * width, 24))
    _at_the_edge(upper, [(_name(name, short), 100 * row.q50, points(row.q50)) for name, row in medians.items()], height)
    _at_the_edge(
        lower,
        [
            (_name(name, short), b.probability, probability(b.probability, b.mcse, least=1e-4))
            for name, b in benefits.items()
            if b
        ],
        height,
    )
    up = "\u2191" if end_point.sign > 0 else "\u2193"
    upper.set_ylabel(f"Risk difference\n(percentage points)\nbetter {up}", fontsize=9)
    lower.set_ylabel("P(benefit)\nbetter \u2191", fontsize=9)
    for axes in (upper, lower):
        axes.grid(color="#E5E5E5", lw=0.6)
        axes.set_axisbelow(True)
    lower.set_xlim(1.03, -0.03)
    lower.set_xticks([1, 0.75, 0.5, 0.25, 0], ["1", "0.75", "0.5", "0.25", "0"])
    lower.set_xlabel("What each suspect patient counts\n(from 1: kept, to 0: excluded)", fontsize=9)
    below = legend_below(lower, _legend(sound, bool(references)))
    gone = [f"{point.power:g}" for point in path.points if not point.ok]
    failed = f"Not shown, because the diagnostics failed: power {', '.join(gone)}. " if gone else ""
    frame(
        figure,
        f"{title(posterior)}: excluding {_suspects(path, width)} step by step, under '{clip(path.model)}'",
        f"Risk difference: {clip(arms.active, 25)} minus {clip(arms.control, 25)}, posterior medians. {_ends(sound)}"
        f"{failed}Bars: 2 Monte Carlo standard errors (MCSE; of a difference that of its mean) either way, where they "
        f"are larger than the marks.",
        path.synthetic, 2 * height + 0.3 + below,
    )  # fmt: skip
    return figure


def _check(references: Mapping[str, Posterior], posterior: Posterior) -> None:
    if len(references) > _MOST:
        raise InputError("references of an exclusion path", str(len(references)), f"{_MOST} at most")
    for name, item in references.items():
        where = f"reference '{name}'"
        if item.provenance.data_hash != posterior.provenance.data_hash:
            raise InputError(where, f"data of trial '{item.provenance.trial}'", "the data of the path")
        if not item.verdict.ok:
            raise DiagnosticsError(where, item.verdict.text)


def _line(axes: Axes, sound: Sequence[ExclusionPoint], values: Sequence[tuple[float, float, float]]) -> None:
    """Values with the ends of their bars, along the powers."""
    x = np.array([point.power for point in sound])
    again = np.array([point.refitted for point in sound])
    y, low, high = np.array(values).T
    axes.plot(x, y, color=COLOURS[0], lw=2.0, zorder=3, gid="path")
    # a probability of weighted draws may be above 1 by rounding
    axes.errorbar(
        x, y, yerr=np.maximum([y - low, high - y], 0), fmt="none", ecolor="black", elinewidth=1.1, capsize=2.5, zorder=4
    )
    axes.plot(x[~again], y[~again], "o", color=COLOURS[0], mec="white", mew=0.6, ms=6, zorder=5, gid="reweighted")
    axes.plot(x[again], y[again], "D", mfc="white", mec=COLOURS[0], mew=1.4, ms=6, zorder=5, gid="refitted")


def _limits(axes: Axes, values: Sequence[float]) -> None:
    """Of probabilities: room above and below, never narrower than 0.1, and no tick that is no probability."""
    from matplotlib.ticker import MaxNLocator

    low, high = min(values), max(values)
    pad = max(0.1 - (high - low), 0.16 * (high - low)) / 2
    edge = 0.05 * (high - low + 2 * pad)
    low, high = max(low - pad, -edge), min(high + pad, 1 + edge)
    ticks = [
        tick for tick in MaxNLocator(5).tick_values(low, high) if max(low, 0) - 1e-9 <= tick <= min(high, 1) + 1e-9
    ]
    axes.set_yticks(ticks)
    axes.set_ylim(low, high)


def _name(name: str, width: int) -> str:
    return clip(site_names([name], 99)[0], width)


def _at_the_edge(axes: Axes, lines: Sequence[tuple[str, float, str]], height: float) -> None:
    """Horizontal lines, each with its name and value to the right, pushed apart where they would overlap.

    Parameters
    ----------
    lines : sequence of (str, float, str)
        Name, value, value in words; the place in the sequence gives colour and dashes.
    height : float
        Of the axes, in inches.
    """
    if not lines:
        return
    low, high = axes.get_ylim()
    low, high = min(low, *(value for _, value, _ in lines)), max(high, *(value for _, value, _ in lines))
    axes.set_ylim(low, high)
    order = sorted(range(len(lines)), key=lambda i: lines[i][1])
    wanted = [(lines[i][1] - low) / (high - low) for i in order]
    for i, at, place in zip(order, wanted, _apart(wanted, _LABEL / height), strict=True):
        name, value, words = lines[i]
        colour, dashes = COLOURS[1 + i % 6], DASHES[1 + (i + i // 6) % 5]  # 30 pairs
        style: dict[str, Any] = {"color": colour, "lw": 1.5}
        axes.axhline(value, ls=dashes, zorder=2, gid="reference", **style)
        axes.plot([1, 1.05], [at, place], transform=axes.transAxes, clip_on=False, ls="-", color=colour, lw=0.8)
        axes.annotate(
            f"{name}\n{words}", (1.05, place), (2, 0), xycoords="axes fraction", textcoords="offset points", ha="left",
            va="center", fontsize=8, linespacing=1.15, gid="reference",
        )  # fmt: skip


def _apart(wanted: Sequence[float], gap: float) -> list[float]:
    """Places at least `gap` apart, in the order given (ascending), between 0 and 1 and near what is wanted."""
    places, floor = [], gap / 2
    for value in wanted:
        places.append(max(value, floor))
        floor = places[-1] + gap
    ceiling = 1 - gap / 2
    for i in reversed(range(len(places))):
        places[i] = min(places[i], ceiling)
        ceiling = places[i] - gap
    return places


def _suspects(path: ExclusionPath, width: float) -> str:
    names = site_names(path.sites, width)
    shown = ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
    what = "site" if len(names) == 1 else f"{len(names)} sites:"
    bare = shown.removeprefix("site ") if len(names) == 1 else shown
    return f"{what} {bare} ({path.patients} patients)"


def _ends(sound: Sequence[ExclusionPoint]) -> str:
    """Both ends of the path in words."""
    found = ""
    for word, power in (("Kept", 1.0), ("Excluded", 0.0)):
        for point in sound:
            if point.power == power:
                d = point.risk_difference
                found += (
                    f"{word}: {points(d.q50)} points (95 % credible interval {points_interval(d.q2_5, d.q97_5)}), "
                    f"P(benefit) {probability(point.p_benefit, point.p_benefit_mcse, least=1e-4)}. "
                )
    return found


def _legend(sound: Sequence[ExclusionPoint], references: bool) -> list[Any]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    found: list[Any] = []
    if any(not point.refitted for point in sound):
        found.append(Line2D([], [], marker="o", color=COLOURS[0], lw=2, ms=6, label="reweighted draws"))
    if any(point.refitted for point in sound):
        found.append(
            Line2D([], [], marker="D", color=COLOURS[0], mfc="white", mew=1.4, lw=2, ms=6, label="fitted again")
        )
    found.append(Patch(color="#CDE3F0", label="95 % credible interval"))
    if references:
        found.append(Line2D([], [], color="#555555", lw=1.5, ls=DASHES[1], label="other models, sites kept"))
    return found


def exclusion_words(result: SiteAnalysis) -> str:
    """Where the way from kept to excluded begins and ends, and half-way."""
    path = result.path
    sound = [point for point in path.points if point.ok] if path is not None else []
    if path is None or not sound:
        return "No point of the way from kept to excluded may be reported."
    order = sorted(sound, key=lambda point: -point.power)
    middle = min(order, key=lambda point: abs(point.power - 0.5))
    chosen = dict.fromkeys((order[0], middle, order[-1]))
    return (
        f"As each patient of {listed([clip(site) for site in path.sites])} counts less "
        f"({benefit_side(result.trial.end_point)}): "
        f"{'; '.join(_on_the_way(point) for point in chosen)}."
    )


def _on_the_way(point: ExclusionPoint) -> str:
    rd = point.risk_difference
    where = {1.0: "kept (counting 1)", 0.0: "excluded (counting 0)"}.get(point.power, f"counting {point.power:g}")
    return (
        f"{where}, the median risk difference is {points(rd.q50)} points (95 % credible interval "
        f"{points_interval(rd.q2_5, rd.q97_5)}) and P(benefit) "
        f"{probability(point.p_benefit, point.p_benefit_mcse)}"
    )
