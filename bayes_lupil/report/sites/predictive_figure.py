"""Posterior predictive checks by site and arm as a figure: what was observed within what the model would show again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.errors import DiagnosticsError, InputError
from bayes_lupil.likelihoods import ARMS
from bayes_lupil.posterior import Posterior
from bayes_lupil.report.media.plot_rows import (
    LINE,
    better,
    chosen_rows,
    counts,
    frame,
    label_rows,
    legend_below,
    site_names,
    title,
)
from bayes_lupil.report.media.plot_style import COLOURS, clip, new_figure, styled
from bayes_lupil.report.sites.sentences import listed
from bayes_lupil.sites.posterior_predictive import predicted_by_site

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["figure_predictive", "predicted_words"]

_ARMS = {"control": (COLOURS[1], "s", -0.17), "active": (COLOURS[0], "o", 0.17)}  # the active arm above


@styled
def figure_predictive(predicted: pd.DataFrame, posterior: Posterior, most: int = 30, width: float = 7.5) -> Figure:
    """Observed response rates by site and arm over the rates that the model would show again; the largest site first.

    Parameters
    ----------
    predicted : DataFrame
        From `bayes_lupil.sites.posterior_predictive.predicted_by_site`.
    posterior : Posterior
        That it is of, for the names of the arms and the direction of benefit.
    most : int
        Sites shown; of more, those furthest outside (a third of the rows) and the largest.
    width : float
        In inches; 4 and more.

    Notes
    -----
    Thin lines hold 95 %, thick ones 50 % of the replicates. Observed rates outside the 95 % interval have a cross.

    Raises
    ------
    InputError
        Where the table is not of this posterior, or the diagnostics failed.
    """
    _check(predicted, posterior)
    sites = list(dict.fromkeys(predicted["site"]))
    rows = [predicted[predicted["site"] == site] for site in sites]
    size = [int(row["n"].sum()) for row in rows]
    beyond = np.array([float(_beyond(row).max()) for row in rows])
    shown, left_out = chosen_rows(size, most, beyond, "observed rates furthest outside")
    order = sorted(shown, key=lambda s: size[s], reverse=True)[::-1]  # the largest at the top
    synthetic = posterior.provenance.synthetic
    figure, axes, _ = new_figure(width, width, synthetic)
    for y, s in enumerate(order):
        _site(axes, y, rows[s])
    names = site_names(sites, width)
    label_rows(axes, [f"{names[s]}\n{_counts(rows[s])}" for s in order])
    furthest = 100 * max(float((rows[s][["responders", "q97_5"]].max(axis=1) / rows[s]["n"]).max()) for s in order)
    across = 100.0 if furthest > 40 else max(1.2 * furthest, 1.0)  # of rare events the part of the axis that they take
    axes.set_xlim(-0.025 * across, 1.025 * across)
    words = posterior.provenance.end_point.words
    axes.set_xlabel(
        f"{words.rate.capitalize()} (% of patients)\n{better(posterior.provenance.end_point.sign)}", fontsize=9
    )
    outside = int((_beyond(predicted) > 0).sum())
    below = legend_below(axes, _legend(predicted, posterior, int(min(2.6 * width, 18))))
    arms = posterior.provenance.arms
    frame(
        figure,
        f"{title(posterior)}: observed rates within what '{clip(posterior.spec.called)}' predicts",
        f"{left_out}{outside} of {len(predicted)} observed rates lie outside their 95 % interval. The replicates keep "
        f"each site's own effects, which were fitted to it, so that few would even where the model is wrong. Under "
        f"each name: {words.patients}/patients, {clip(arms.active, 25)} v {clip(arms.control, 25)}.",
        synthetic, LINE * len(order) + 0.1 + below,
    )  # fmt: skip
    return figure


def _check(predicted: pd.DataFrame, posterior: Posterior) -> None:
    if not posterior.verdict.ok:
        raise DiagnosticsError(f"fit '{posterior.spec.name}'", posterior.verdict.text)
    data = posterior.data
    known: set[tuple[str, str, int, int]] = set()
    if "n" in data["constant_data"].data_vars and "site" in data["constant_data"].coords:
        n, y = np.asarray(data["constant_data"]["n"]), np.asarray(data["observed_data"]["y"])
        known = {
            (str(site), arm, int(n[s, a]), int(y[s, a]))
            for s, site in enumerate(np.asarray(data["constant_data"]["site"]))
            for a, arm in enumerate(ARMS)
            if n[s, a]
        }
    columns = [predicted[name] for name in ("site", "arm", "n", "responders")]
    found_rows = {(str(s), str(a), int(n), int(y)) for s, a, n, y in zip(*columns, strict=True)}
    if not found_rows or found_rows != known:
        raise InputError(
            "predicted rates", "sites or counts of another fit", f"those of trial '{posterior.provenance.trial}'",
            "Call predicted_by_site with the same posterior.",
        )  # fmt: skip


def _beyond(row: pd.DataFrame) -> NDArray[np.float64]:
    """How far an observed rate lies outside its 95 % interval; 0 within."""
    y, n = np.asarray(row["responders"], dtype=float), np.asarray(row["n"], dtype=float)
    low, high = np.asarray(row["q2_5"], dtype=float), np.asarray(row["q97_5"], dtype=float)
    return np.asarray(np.maximum(np.maximum(low - y, y - high), 0) / n)


def _counts(row: pd.DataFrame) -> str:
    both = {str(a): (int(y), int(n)) for a, y, n in zip(row["arm"], row["responders"], row["n"], strict=True)}
    pairs = [both.get(arm, (0, 0)) for arm in ARMS]
    return counts([y for y, _ in pairs], [n for _, n in pairs])


def _site(axes: Axes, y: int, row: pd.DataFrame) -> None:
    """Two lines, one an arm."""
    for outside, (_, item) in zip(_beyond(row) > 0, row.iterrows(), strict=True):
        colour, marker, shift = _ARMS[str(item["arm"])]
        level, scale = y + shift, 100 / item["n"]
        for low, high, thick, name in (("q2_5", "q97_5", 1.3, "95 %"), ("q25", "q75", 4.5, "50 %")):
            ends = [scale * item[low], scale * item[high]]
            cap: Literal["butt", "projecting"] = "butt" if ends[1] > ends[0] else "projecting"  # one value is seen too
            axes.plot(ends, [level] * 2, color=colour, lw=thick, alpha=1 if thick < 2 else 0.45,
                      solid_capstyle=cap, zorder=2, clip_on=False, gid=name)  # fmt: skip
        axes.plot([100 * item["rate"]], [level], marker, mfc="white", mec="black", mew=1.0, ms=5.5, zorder=4,
                  clip_on=False, gid="observed")  # fmt: skip
        if outside:
            axes.plot([100 * item["rate"]], [level], "x", color="black", mew=1.8, ms=12, zorder=3, clip_on=False,
                      gid="outside")  # fmt: skip


def _legend(predicted: pd.DataFrame, posterior: Posterior, width: int) -> list[Any]:
    from matplotlib.lines import Line2D

    names = dict(zip(ARMS, posterior.provenance.arms.names, strict=True))
    found = [
        Line2D([], [], marker=_ARMS[arm][1], color=_ARMS[arm][0], mfc="white", mec="black", ms=5.5, lw=1.3,
               label=f"observed, {arm} arm: {clip(names[arm], width)}")
        for arm in ARMS[::-1]
    ]  # fmt: skip
    found.append(Line2D([], [], color="#555555", lw=1.3, label="95 % of replicates"))
    found.append(Line2D([], [], color="#AAAAAA", lw=4.5, label="50 % of replicates"))
    if (_beyond(predicted) > 0).any():
        found.append(Line2D([], [], marker="x", ls="", color="black", mew=1.8, ms=9, label="outside the 95 % interval"))
    return found


def predicted_words(posterior: Posterior) -> str:
    """How many observed response rates lie outside what the model would show again, and which."""
    table = predicted_by_site(posterior)
    names = dict(zip(("control", "active"), posterior.provenance.arms.names, strict=True))
    responded = " responded" if posterior.provenance.end_point.sign > 0 else ""
    beyond = table[(table["responders"] < table["q2_5"]) | (table["responders"] > table["q97_5"])]
    said = [
        f"{clip(str(row.site))}, {clip(names[str(row.arm)])}: {row.responders} of {row.n}{responded}, 95 % of "
        f"replicates have {row.q2_5} to {row.q97_5}"
        for row in beyond.itertuples()
    ]
    count = f"{len(said)} of {len(table)}" if said else f"None of {len(table)}"
    which = f": {listed(said)}" if said else ""
    return (
        f"{count} observed {posterior.provenance.end_point.words.rate}s, by site and arm, lie outside 95 % of the "
        f"replicates that the model makes of the same sites{which}."
    )
