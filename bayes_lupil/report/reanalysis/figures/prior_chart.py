"""Prior, likelihood and posterior of the treatment effect, on one axis of odds ratios: a chart that a page can set."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.numbers import ratio
from bayes_lupil.posterior import Posterior
from bayes_lupil.report.media.blocks import Chart
from bayes_lupil.report.media.plot_style import clip
from bayes_lupil.report.media.vega import PIXELS, colour, finished, placed
from bayes_lupil.sensitivity.effect_priors import PriorAnalysis
from bayes_lupil.sensitivity.normal_priors import AtPrior

if TYPE_CHECKING:
    import altair

__all__ = ["THOUSANDTHS", "at_average_site", "prior_chart", "start_of", "thousandths"]

THOUSANDTHS = 1000
"""Densities of the page are whole numbers, so many of which make 1: it is short, and the eye sees no difference."""
_NARROW = 5.0  # inches
_MARKS = (0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2, 4, 10, 20, 50, 100)


def at_average_site(posterior: Posterior) -> str:
    """Of which odds ratio a prior is, after these words; of a model that tells no sites apart there is one."""
    return "" if posterior.spec.pooled else " at an average site"


def prior_chart(priors: PriorAnalysis) -> Chart | None:
    """The chart with its words, drawn at the prior that the page starts with; None where no prior has a result."""
    import pandas as pd
    from scipy.stats import norm

    start = start_of(priors)
    if start is None:
        return None
    found, source, flat = priors.map, priors.posterior.provenance, priors.map.named["flat"]
    arms, end_point = source.arms, source.end_point
    low, high = start.prior.range()
    where = at_average_site(priors.posterior)
    words = (
        f"Odds ratio of {arms.active} against {arms.control}{where}. Prior ({start.prior.name}): 95 % between "
        f"{ratio(low)} and {ratio(high)}. "
        f"{'' if flat is None else f'Likelihood: highest at {_top(found.axis, flat.density)}. '}"
        f"Posterior: highest at {_top(found.axis, start.density)}."
    )
    caption = (
        f"Densities of the odds ratio{where}: what was believed, what the data alone say (the posterior under a prior "
        f"that is nearly flat), and what follows from both. {end_point.directed[:1].upper()}"
        f"{end_point.directed[1:]}."
    )
    frame = pd.DataFrame(
        {
            "odds_ratio": np.exp(found.axis),
            "prior": norm.pdf(found.axis, start.prior.mean, start.prior.sd),
            "likelihood": np.nan if flat is None else flat.density,
            "posterior": start.density,
        }
    )
    return Chart("prior_likelihood_posterior", words, caption, partial(_drawn, priors, start), None,
                 "prior_likelihood_posterior.csv", frame)  # fmt: skip


def start_of(priors: PriorAnalysis) -> AtPrior | None:
    """The declared prior where it is normal, else the neutral one."""
    named = priors.map.named
    return named.get("declared") or named["neutral"]


def thousandths(density: NDArray[np.float64]) -> list[int]:
    """A density as the page holds it."""
    return [round(THOUSANDTHS * float(value)) for value in density]


def _top(axis: NDArray[np.float64], density: NDArray[np.float64]) -> str:
    return ratio(math.exp(axis[int(density.argmax())]))


def _drawn(priors: PriorAnalysis, start: AtPrior, width: float = 8.0) -> altair.LayerChart:
    import altair as alt

    found, source = priors.map, priors.posterior.provenance
    axis, flat, narrow = found.axis, priors.map.named["flat"], width < _NARROW
    step, height = float(axis[1] - axis[0]), 170 if narrow else 210
    curves = (
        alt.Chart(alt.sequence(0, axis.size, as_="k"))
        .transform_calculate(
            x=f"{axis[0]} + {step} * datum.k",
            prior="densityNormal(datum.x, prior_mean, prior_sd)",
            likelihood=f"likelihood[datum.k] / {THOUSANDTHS}",
            posterior=f"posterior[datum.k] / {THOUSANDTHS}",
        )
        .transform_joinaggregate(top_prior="max(prior)", top_data="max(likelihood)", top="max(posterior)")
    )
    # the tallest curve takes the whole height; heights in pixels from the top, as all that a chart holds
    tallest = "max(datum.top, datum.top_data, datum.top_prior)"
    curves = curves.transform_calculate(
        **{f"{name}_at": f"{height} * (1 - datum.{name} / {tallest})" for name in ("prior", "likelihood", "posterior")}
    )
    marks = [mark for mark in _MARKS if axis[0] <= math.log(mark) <= axis[-1]]
    if narrow and len(marks) > 6:
        marks = [mark for mark in marks if mark not in (0.02, 0.05, 0.25, 4, 20, 50)]
    below, above = [clip(name, 16 if narrow else 24) for name in source.arms.names][:: source.end_point.sign]
    label = "exp(datum.value) < 0.99 ? '1/' + round(1 / exp(datum.value)) : '' + round(exp(datum.value))"
    x = alt.X(
        "x:Q", scale=alt.Scale(domain=[float(axis[0]), float(axis[-1])], nice=False, zero=False),
        axis=alt.Axis(
            values=[math.log(mark) for mark in marks], labelExpr=label, grid=False,
            title=[
                f"Odds ratio{at_average_site(priors.posterior)}", f"\u2190 {below} better  |  {above} better \u2192"
            ],
        ),
    )  # fmt: skip

    layers: list[alt.Chart] = [
        curves.mark_area(color=colour("accent"), opacity=0.25).encode(
            x=x, y=placed(height, "posterior_at"), y2=alt.Y2Datum(height)
        ),
        curves.mark_line(color=colour("accent"), strokeWidth=2.5).encode(x=x, y=placed(height, "posterior_at")),
        curves.mark_line(color=colour("other"), strokeWidth=2, strokeDash=[2, 3]).encode(
            x=x, y=placed(height, "likelihood_at")
        ),
        curves.mark_line(color=colour("muted"), strokeWidth=2, strokeDash=[8, 4]).encode(
            x=x, y=placed(height, "prior_at")
        ),
        alt.Chart(alt.InlineData(values=[{"x": 0.0}])).mark_rule(color=colour("ink")).encode(x=x),
    ]
    return finished(
        layers, inches=width - 16 / PIXELS, height=height, synthetic=source.synthetic, axis_lines=2,
        title="Prior, data and posterior",
        subtitle="Long dashes: prior. Dots: likelihood. Filled: posterior.",
        values={
            "prior_mean": start.prior.mean, "prior_sd": start.prior.sd,
            "likelihood": thousandths(np.zeros(axis.size) if flat is None else flat.density),
            "posterior": thousandths(start.density),
        },
    )  # fmt: skip
