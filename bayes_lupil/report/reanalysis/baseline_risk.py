"""What the effect means for patients of different baseline risk: a curve and a table."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from bayes_lupil.numbers import percent, points, points_interval, ratio
from bayes_lupil.posterior import Posterior
from bayes_lupil.report.media.blocks import Block, Figure, Heading, Paragraph, Table
from bayes_lupil.report.media.plot_rows import better, end_point_title, frame, upward
from bayes_lupil.report.media.plot_style import COLOURS, clip, new_figure, styled
from bayes_lupil.subgroups.baseline_risk import (
    EFFECT,
    RiskRow,
    by_baseline_risk,
    check_common_effect,
    default_risks,
    difference_at,
    has_common_effect,
    risks_frame,
)

if TYPE_CHECKING:
    import matplotlib.figure

__all__ = ["baseline_risk_blocks", "figure_baseline_risk"]

_GRID = 99


@styled
def figure_baseline_risk(posterior: Posterior, width: float = 7.5) -> matplotlib.figure.Figure:
    """Risk difference against the risk without the treatment: median, 50 % and 95 % credible intervals.

    Parameters
    ----------
    posterior : Posterior
        Of a binary end point.
    width : float
        In inches.
    """
    check_common_effect(posterior)
    risks, source = default_risks(posterior), posterior.provenance
    low, high = risks[0], risks[-1]
    grid = np.linspace(low, high, _GRID) if high > low else np.array([low])
    # the risk difference rises with the log odds ratio, so that its quantiles are those of the ratio
    quantiles = np.quantile(posterior.draws(EFFECT), [0.025, 0.25, 0.5, 0.75, 0.975])
    curves = 100 * np.array([difference_at(risk, quantiles) for risk in grid]).T
    inside = 3.4
    figure, axes, _ = new_figure(width, inside, source.synthetic)
    for lower, upper, alpha in ((0, 4, 0.18), (1, 3, 0.32)):
        axes.fill_between(100 * grid, curves[lower], curves[upper], color=COLOURS[0], alpha=alpha, lw=0)
    axes.plot(100 * grid, curves[2], color=COLOURS[0], lw=2.2, gid="median")
    axes.axhline(0, color="black", lw=0.8)
    relevant = source.end_point.sign * posterior.spec.decision.relevant
    axes.axhline(100 * relevant, color="black", lw=0.8, ls=(0, (2, 2)), gid="relevant")
    axes.annotate("relevant", (1, 100 * relevant), (-2, 2), xycoords=("axes fraction", "data"),
                  textcoords="offset points", ha="right", va="bottom", fontsize=8)  # fmt: skip
    if source.totals is not None:
        (responders, patients), _ = source.totals
        axes.axvline(100 * responders / patients, color="#777777", lw=1, ls=(0, (5, 1.5)), gid="control")
    axes.set_xlim(100 * low, 100 * high) if high > low else None
    rate = source.end_point.words.rate.capitalize()
    axes.set_xlabel(f"{rate} on {clip(source.arms.control, 25)} (%)", fontsize=9)
    axes.set_ylabel(f"Risk difference (percentage points)\n{better(source.end_point.sign)}", fontsize=9)
    axes.grid(color="#E5E5E5", lw=0.6)
    footnote = (
        f"Line: posterior median; bands: 50 % and 95 % credible intervals, by the odds ratio at an average site under "
        f"'{clip(posterior.spec.called)}', taken to be the same at every rate. Dashed upright: the trial's own rate on "
        f"{clip(source.arms.control, 25)}."
    )
    frame(figure, f"{end_point_title(source.end_point)}: effect by baseline risk", footnote, source.synthetic, inside)
    return figure


def baseline_risk_blocks(posterior: Posterior) -> list[Block]:
    """The curve and the table; empty where the end point is not binary, or sites' effects have nothing in common."""
    source = posterior.provenance
    if not has_common_effect(posterior) or source.totals is None:
        return []
    rows, arms, words = by_baseline_risk(posterior), source.arms, source.end_point.words
    relevant = points(posterior.spec.decision.relevant).lstrip("+")
    header = (
        f"{words.rate} on {arms.control}", "risk difference, points (95 % CrI)", "number needed to treat",
        f"P(at least {relevant} points better)",
    )  # fmt: skip
    worst = max(row.relevant.mcse for row in rows)
    return [
        Heading("By baseline risk", 3),
        Paragraph(
            f"The same odds ratio makes different differences for patients with another {words.rate} on "
            f"{arms.control}. That it is the same for all of them is an assumption. NNTB: patients to be treated "
            f"for one more to benefit; NNTH: for one more to fare worse.{_of_average_site(posterior)}"
        ),
        Figure(
            "baseline_risk", _in_words(rows, words.rate, arms.control),
            "What the effect means for patients of another baseline risk.", partial(figure_baseline_risk, posterior),
        ),
        Table(
            header, tuple(_cells(row) for row in rows),
            f"By the {words.rate} on {arms.control}; Monte Carlo error of each probability at most {upward(worst)}",
            "baseline_risk.csv", risks_frame(rows),
        ),
    ]  # fmt: skip


def _of_average_site(posterior: Posterior) -> str:
    """That the ratio is that of an average site and of patients alike in covariates: larger than over all patients."""
    of = posterior.spec.covariates
    if (posterior.spec.sites.pooled and of is None) or posterior.provenance.totals is None:
        return ""
    (responders, patients), _ = posterior.provenance.totals
    effect, rd = posterior.row(EFFECT), posterior.row("risk_difference")
    here = float(difference_at(responders / patients, np.array([effect.q50]))[0])
    where = "over all sites" if posterior.spec.sites.pooled else "at an average site"
    same = "" if of is None else f", between patients alike in {', '.join(of.columns)}"
    said = f" The odds ratio is that {where}{same} (conditional; posterior median {ratio(math.exp(effect.q50))})."
    if abs(here) <= abs(rd.q50):
        return said
    return (
        f"{said} Averaged over {_who_differ(posterior)} it comes out closer to 1, so that over all patients the "
        f"difference is {points(rd.q50)} points and not the {points(here)} that it would give at the trial's own rate."
    )


def _who_differ(posterior: Posterior) -> str:
    whose = [] if posterior.spec.sites.pooled else ["sites that differ in level"]
    if posterior.spec.covariates is not None:
        whose.append(f"patients who differ in {', '.join(posterior.spec.covariates.columns)}")
    return " and ".join(whose)


def _cells(row: RiskRow) -> tuple[str, ...]:
    rd = row.risk_difference
    return (
        f"{100 * row.risk:g} %", f"{points(rd.q50)} ({points_interval(rd.q2_5, rd.q97_5)})", row.nnt.text,
        percent(row.relevant.probability),
    )  # fmt: skip


def _in_words(rows: tuple[RiskRow, ...], rate: str, control: str) -> str:
    told = (f"{points(row.risk_difference.q50)} points at {100 * row.risk:g} %" for row in (rows[0], rows[-1]))
    return f"Median risk difference by the {rate} on {control}: {', '.join(told)}."
