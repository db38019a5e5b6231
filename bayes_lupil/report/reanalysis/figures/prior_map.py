"""P(benefit) over priors of the treatment effect, as a map."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_lupil.numbers import probability
from bayes_lupil.report.media.plot_rows import frame, no_result, title
from bayes_lupil.report.media.plot_style import clip, new_figure, styled
from bayes_lupil.sensitivity.effect_priors import PriorAnalysis

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.contour import QuadContourSet
    from matplotlib.figure import Figure

__all__ = ["figure_prior_map", "prior_map_words"]

_LEVELS = (0.5, 0.8, 0.9, 0.95, 0.975)
_SHADES = ("#FFFFFF", "#EAF1F8", "#D3E3F1", "#B7D1E8", "#97BBDC", "#76A3CE")  # each darker, in grey too
_LETTER, _LINE = 0.073, 0.16  # inches of a letter and a line of 8.5 points
_HALO: dict[str, Any] = {"facecolor": "white", "alpha": 0.85, "lw": 0, "pad": 1.0}

Box = tuple[float, float, float, float]


# Matplotlib: ArviZ has no map over priors
@styled
def figure_prior_map(priors: PriorAnalysis, width: float = 7.5) -> Figure:
    """P(benefit) over means and SDs of a normal prior of the log odds ratio; hatched where the draws cannot tell.

    Raises
    ------
    InputError
        Where the diagnostics of the fit failed.
    """
    from scipy.special import ndtri

    posterior, found = priors.posterior, priors.map
    if not posterior.verdict.ok:
        raise no_result("map of priors", posterior)
    source = posterior.provenance
    height = min(0.85 * width, 4.6)
    figure, axes, _ = new_figure(width, height, source.synthetic)
    axes.set(xscale="log", yscale="log", xlim=np.exp(found.means[[0, -1]]), ylim=found.sds[[0, -1]])
    gaps = bool(np.isnan(found.p_benefit).any())
    if gaps:
        _hatch(axes)
    # on the probit scale P(benefit) is nearly a plane, so that lines lie right between the points of the map
    probit = np.ma.masked_invalid(ndtri(np.clip(found.p_benefit, 1e-6, 1 - 1e-6)))
    x, levels = np.exp(found.means), ndtri(_LEVELS)
    axes.contourf(x, found.sds, probit, levels=levels, colors=_SHADES, extend="both", zorder=1)
    lines = axes.contour(x, found.sds, probit, levels=levels, colors="black", linewidths=1.0, zorder=2)
    marks, outside = _marks(priors)
    size = (width - 0.6, height - 0.55)  # of the map, about
    taken = _name_marks(axes, marks, size)
    _label_lines(axes, lines, taken, size)
    marks_of = [mark for mark in (1, 2, 3, 5, 10, 20) if math.log(mark) <= found.means[-1]]
    axes.set_xticks([*(1 / mark for mark in marks_of[:0:-1]), *marks_of])
    axes.set_xticklabels([*(f"1/{mark}" for mark in marks_of[:0:-1]), *map(str, marks_of)])
    axes.set_yticks([0.2, 0.5, 1, 2], ["0.2", "0.5", "1", "2"])
    axes.minorticks_off()
    low, high = source.arms.control, source.arms.active
    if source.end_point.sign < 0:
        low, high = high, low
    letters = int(2.8 * width)
    sides = f"\u2190 favours {clip(low, letters)}      favours {clip(high, letters)} \u2192"
    axes.set_xlabel(f"Mean of the prior, as an odds ratio\n{sides}", fontsize=9)
    axes.set_ylabel("SD of the prior (log odds ratio)", fontsize=9)
    axes.tick_params(labelsize=8.5)
    words = "Lines and shades: P(benefit) after the data, under a normal prior; darker is more. "
    words += "Hatched: the draws cannot tell. " if gaps else ""
    words += f"Not on the map: {'; '.join(outside)}." if outside else ""
    frame(figure, f"{title(posterior)}: P(benefit) under other priors", words, source.synthetic, height)
    return figure


def _hatch(axes: Axes) -> None:
    from matplotlib.patches import Rectangle

    axes.add_patch(
        Rectangle((0, 0), 1, 1, transform=axes.transAxes, facecolor="white", edgecolor="#8C8C8C", hatch="////", lw=0,
                  zorder=0, gid="cannot_tell")
    )  # fmt: skip


def _marks(priors: PriorAnalysis) -> tuple[list[tuple[float, float, str]], list[str]]:
    """(mean, SD, name) of the priors on the map, and those beside it in words."""
    found: dict[tuple[float, float], list[str]] = {}
    for row in priors.rows:
        found.setdefault((row.prior.mean, row.prior.sd), []).append(row.prior.name)
    outside: list[str] = []
    declared = priors.posterior.spec.priors.beta
    if declared.family == "normal":
        found.setdefault((float(declared.mean), float(declared.sd)), []).append("declared")
    else:
        outside.append(f"the declared prior, {declared.describe()}")
    inside, means, sds = [], priors.map.means, priors.map.sds
    for (mean, sd), names in found.items():
        name = " and ".join(names)
        if means[0] <= mean <= means[-1] and sds[0] <= sd <= sds[-1]:
            inside.append((mean, sd, name))
        else:
            outside.append(f"{name} (odds ratio {math.exp(mean):.2g}, SD {sd:.3g})")
    return inside, outside


def _inches(axes: Axes, mean: Any, log_sd: Any, size: tuple[float, float]) -> tuple[Any, Any]:
    """Where priors lie, in inches from the lower left corner of the map."""
    (x0, x1), (y0, y1) = np.log(axes.get_xlim()), np.log(axes.get_ylim())
    return size[0] * (mean - x0) / (x1 - x0), size[1] * (log_sd - y0) / (y1 - y0)


def _name_marks(axes: Axes, marks: list[tuple[float, float, str]], size: tuple[float, float]) -> list[Box]:
    """Points with their names, each where it covers no other; the inches that they take."""
    at = [_inches(axes, mean, math.log(sd), size) for mean, sd, _ in marks]
    taken: list[Box] = [(x - 0.07, y - 0.07, x + 0.07, y + 0.07) for x, y in at]
    for (mean, sd, name), (x, y) in zip(marks, at, strict=True):
        axes.plot([math.exp(mean)], [sd], "o", color="black", mec="white", ms=7, zorder=5, gid=f"prior: {name}")
        wide, half = _LETTER * len(name), _LINE / 2
        places: list[tuple[Box, float, float, str, str]] = [
            ((x + 0.1, y - half, x + 0.1 + wide, y + half), 0.1, 0, "left", "center"),
            ((x - 0.1 - wide, y - half, x - 0.1, y + half), -0.1, 0, "right", "center"),
            ((x - wide / 2, y + 0.1, x + wide / 2, y + 0.1 + 2 * half), 0, 0.1, "center", "bottom"),
            ((x - wide / 2, y - 0.1 - 2 * half, x + wide / 2, y - 0.1), 0, -0.1, "center", "top"),
        ]
        free = [
            place for place in places
            if place[0][0] > 0 and place[0][2] < size[0] and place[0][1] > 0 and place[0][3] < size[1]
            and not any(
                place[0][0] < b[2] and b[0] < place[0][2] and place[0][1] < b[3] and b[1] < place[0][3] for b in taken
            )
        ]  # fmt: skip
        box, dx, dy, ha, va = (free or places)[0]
        taken.append(box)
        axes.annotate(
            name, (math.exp(mean), sd), (72 * dx, 72 * dy), textcoords="offset points", ha=ha, va=va, fontsize=8.5,
            fontweight="bold", bbox=_HALO, zorder=6,
        )  # fmt: skip
    return taken


def _label_lines(axes: Axes, lines: QuadContourSet, taken: list[Box], size: tuple[float, float]) -> None:
    """The level on each line, at the place furthest from names, other labels and other lines."""
    taken = list(taken)
    vertices = [np.concatenate([np.empty((0, 2)), *segments]) for segments in lines.allsegs]
    inches = [np.column_stack(_inches(axes, np.log(v[:, 0]), np.log(v[:, 1]), size)) for v in vertices]
    for i, level in enumerate(_LEVELS):
        others = np.concatenate(inches[:i] + inches[i + 1 :])
        best, gap = None, 0.15
        for vertex, (x, y) in zip(vertices[i], inches[i], strict=True):
            if min(x - 0.25, size[0] - 0.25 - x, y - 0.12, size[1] - 0.12 - y) < 0:
                continue
            near = [math.hypot(max(b[0] - x, 0, x - b[2]), max(b[1] - y, 0, y - b[3])) for b in taken]
            line = float(np.hypot(*(others - (x, y)).T).min()) if others.size else math.inf
            room = min([*near, 2 * line, 1.0])
            if room > gap:
                best, gap = (vertex, (x - 0.2, y - 0.09, x + 0.2, y + 0.09)), room
        if best is not None:
            taken.append(best[1])
            axes.text(
                best[0][0], best[0][1], f"{level:g}", ha="center", va="center", fontsize=8.5, bbox=_HALO, zorder=4
            )


def prior_map_words(priors: PriorAnalysis) -> str:
    """Of P(benefit) over the mean and SD of the prior."""
    known = priors.map.p_benefit[np.isfinite(priors.map.p_benefit)]
    told = "; ".join(
        f"{row.prior.name} prior {probability(row.changed.p_benefit, row.changed.p_benefit_mcse)}"
        for row in priors.rows
        if row.changed.ok
    )
    reach = (
        f" Over all priors shown it runs from {probability(known.min())} to {probability(known.max())}."
        if known.size
        else ""
    )
    low, high = (math.exp(priors.map.means[i]) for i in (0, -1))
    return (
        f"Probability of benefit by the prior of the treatment effect, centred at odds ratios from {low:.2g} to "
        f"{high:.2g}: {told}.{reach}"
    )
