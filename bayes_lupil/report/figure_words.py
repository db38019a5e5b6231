"""What the figures of sites and of end points show, in words, for those who cannot see them.

Every number is the result's; which way is benefit comes from the declared direction. Names are clipped as in figures.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from bayes_lupil.endpoints.analysis import EndPointAnalysis, Step
from bayes_lupil.endpoints.tipping.surface import Surface
from bayes_lupil.frequentist.ancova import Ancova
from bayes_lupil.numbers import interval, points, probability
from bayes_lupil.posterior import Posterior
from bayes_lupil.report.endpoint_words import in_units
from bayes_lupil.report.site_rows import benefit_side
from bayes_lupil.report.style import clip
from bayes_lupil.sites.analysis import OUTLYING, SiteAnalysis
from bayes_lupil.sites.exclusion import ExclusionPoint
from bayes_lupil.sites.posterior_predictive import predicted_by_site
from bayes_lupil.sites.table import Mean, SiteRow
from bayes_lupil.unpublished.counts import UnpublishedCounts
from bayes_lupil.unpublished.tipping import Given
from bayes_lupil.unpublished.tipping import Surface as CountSurface

__all__ = [
    "exclusion_words",
    "hidden_figure_words",
    "hierarchy_words",
    "outliers_words",
    "predicted_words",
    "shrinkage_words",
    "tipping_words",
]  # fmt: skip

_FEW = 3  # items named one by one; of more, the number


def shrinkage_words(result: SiteAnalysis) -> str:
    """How far apart the sites' effects lie, raw and given the model, and the effect over all of them."""
    table, shown = result.table, result.shown
    arms, whole = result.trial.arms, shown.row("risk_difference")
    with_raw = [row for row in table.rows if not math.isnan(row.raw.risk_difference)]
    raw = _range(with_raw, [row.raw.risk_difference for row in with_raw])
    shrunken = _range(table.rows, [row.risk_difference.mean for row in table.rows])
    observed = f"Raw differences run from {raw}; g" if raw else "No site has patients in both arms. G"
    return (
        f"Risk differences of {len(table.rows)} sites, {clip(arms.active)} minus {clip(arms.control)}, in percentage "
        f"points; {benefit_side(result.trial.end_point)}. {observed}iven the model their means run from {shrunken}. "
        f"Over all sites the posterior mean is {points(whole.mean)} (95 % credible interval "
        f"{interval(points(whole.q2_5), points(whole.q97_5))})."
    )


def _range(rows: Iterable[SiteRow], values: list[float]) -> str:
    """Smallest and largest value, with the site of each; empty where there are none."""
    named = [row.site for row in rows]
    if not named:
        return ""
    low, high = int(np.argmin(values)), int(np.argmax(values))
    return f"{points(values[low])} ({clip(named[low])}) to {points(values[high])} ({clip(named[high])})"


def outliers_words(result: SiteAnalysis) -> str:
    """Which sites are outlying more probably than not, and the largest probability among the others."""
    rows, arms = result.table.rows, result.table.arms
    chances: list[tuple[str, Mean]] = []
    for row in rows:
        if row.outlier is not None:
            chances += [(f"{clip(row.site)}, {clip(arm)}", item) for arm, item in zip(arms, row.outlier, strict=True)]
        elif row.nonexchangeable is not None:
            chances.append((clip(row.site), row.nonexchangeable))
    if not chances:
        return "The model has no outlying sites."
    by_arm = rows[0].outlier is not None
    what = f"each of {len(rows)} sites is outlying{', by arm' if by_arm else ''}"
    found = sorted((pair for pair in chances if pair[1].mean > OUTLYING), key=lambda pair: -pair[1].mean)
    rest = [pair for pair in chances if pair[1].mean <= OUTLYING]
    said = [f"{name} {probability(item.mean, item.mcse)}" for name, item in found]
    first = (
        f"Probability that {what}: above {OUTLYING:g} for {_listed(said)}"
        if said
        else f"Probability that {what}: above {OUTLYING:g} for none"
    )
    if not rest:
        return f"{first}."
    name, item = max(rest, key=lambda pair: pair[1].mean)
    others = "the largest of the others" if said else "the largest"
    return f"{first}; {others} is {name} {probability(item.mean, item.mcse)}."


def _listed(said: list[str]) -> str:
    more = f" and {len(said) - _FEW} more" if len(said) > _FEW else ""
    return "; ".join(said[:_FEW]) + more


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
        f"As each patient of {_listed([clip(site) for site in path.sites])} counts less "
        f"({benefit_side(result.trial.end_point)}): "
        f"{'; '.join(_on_the_way(point) for point in chosen)}."
    )


def _on_the_way(point: ExclusionPoint) -> str:
    rd = point.risk_difference
    where = {1.0: "kept (counting 1)", 0.0: "excluded (counting 0)"}.get(point.power, f"counting {point.power:g}")
    return (
        f"{where}, the median risk difference is {points(rd.q50)} points (95 % credible interval "
        f"{interval(points(rd.q2_5), points(rd.q97_5))}) and P(benefit) "
        f"{probability(point.p_benefit, point.p_benefit_mcse)}"
    )


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
    which = f": {_listed(said)}" if said else ""
    return (
        f"{count} observed {posterior.provenance.end_point.words.rate}s, "
        f"by site and arm, lie outside 95 % of the replicates that the model makes of "
        f"the same sites{which}."
    )


def hidden_figure_words(hidden: UnpublishedCounts) -> str:
    """The panels one by one: the posterior of the first count, and what P(benefit) and differences depend on it."""
    first = hidden.counts[0]
    surface, origin = hidden.one(first.name), hidden.posterior.provenance
    likely = max(surface.rows, key=lambda row: row.probability)
    done = [row for row in surface.rows if row.computed]
    what = f"{clip(first.label)} at the excluded sites"
    parts = [
        f"The number of {what}, which was not published, may be {first.least} to {first.most}; the model holds "
        f"{likely.counts[0]} for the most probable (P {probability(likely.probability, likely.probability_mcse)})"
    ]
    if done:
        low, high = (pick(done, key=lambda row: row.p_benefit) for pick in (min, max))
        parts.append(
            f"P(benefit), {probability(hidden.p_benefit, hidden.p_benefit_mcse)} without knowing it, would be "
            f"{_given(low)} to {_given(high)} if it were known ({_bounds(surface)})"
        )
        parts.append(
            f"The mean risk difference ({clip(origin.arms.active)} minus {clip(origin.arms.control)}, "
            f"{benefit_side(origin.end_point)}) would be {_spread(row.risk_difference for row in done)} points over "
            f"all sites and {_spread(row.risk_difference_ordinary for row in done)} points at the other sites alone"
        )
    b = hidden.bounds
    parts.append(
        f"Without any model, the raw difference at the other sites may be {points(b.lowest)} to {points(b.highest)} "
        "points (bounds)"
    )
    pair = next((s for s in hidden.surfaces.values() if len(s.names) == 2 and s.counts[1].arm != s.counts[0].arm), None)
    both = [row for row in pair.rows if row.computed] if pair is not None else []
    if pair is not None and both:
        low, high = (pick(both, key=lambda row: row.p_benefit) for pick in (min, max))
        parts.append(
            f"If the number of {clip(pair.counts[1].label)} there were known too, P(benefit) would be "
            f"{probability(low.p_benefit, low.p_benefit_mcse)} to {probability(high.p_benefit, high.p_benefit_mcse)} "
            f"({_bounds(pair)})"
        )
    return ". ".join(parts) + "."


def _bounds(surface: CountSurface) -> str:
    return "bounds over the values computed" if surface.not_computed else "bounds"


def _given(row: Given) -> str:
    return f"{probability(row.p_benefit, row.p_benefit_mcse)} (at {row.counts[0]})"


def _spread(values: Iterable[float]) -> str:
    found = list(values)
    return interval(points(min(found)), points(max(found)))


def hierarchy_words(result: EndPointAnalysis) -> str:
    """The effects in the order of testing: by the model, and by the adjusted analysis."""
    return (
        f"Effects of {clip(result.arms.active)} against {clip(result.arms.control)} in the order of testing. "
        f"{' '.join(_step_words(step, result.arms.active) for step in result.steps)}"
    )


def _step_words(step: Step, active: str) -> str:
    point, best = step.derived.end_point, step.posterior.p_benefit if step.posterior is not None else None
    head = f"{step.number}, {clip(point.label, 60)} ({point.benefit} is better)"
    if best is None or step.posterior is None:
        said = "no result of the model"
    else:
        row = step.posterior.row(step.posterior.effect)
        limits = interval(in_units(row.q2_5, point, unit=False), in_units(row.q97_5, point, unit=False))
        said = (
            f"median {in_units(row.q50, point)} (95 % credible interval {limits}), P(benefit) "
            f"{probability(best.probability, best.mcse)}"
        )
    analysis = step.counterpart.analysis
    contrast: Any = analysis.contrasts.get(active)
    if contrast is not None and not isinstance(analysis, Ancova):
        contrast = contrast.difference
    if contrast is not None and contrast.interval is not None:
        i = contrast.interval
        limits = interval(in_units(i.lower, point, unit=False), in_units(i.upper, point, unit=False))
        said += f"; adjusted estimate {in_units(contrast.estimate, point)} (95 % confidence interval {limits})"
    relevant = in_units(step.model.decision.relevant, point, signed=False)
    return f"{head}: {said}; a relevant difference is {relevant}."


def tipping_words(surface: Surface) -> str:
    """What the surface says, and P(benefit) under each named assumption."""
    named = "; ".join(
        f"{point.label}: {'no result' if math.isnan(point.p) else probability(point.p, max(point.mcse, 1e-4))}"
        for point in surface.points
    )
    return f"P(benefit) over what the missing patients would have been. {' '.join(surface.words)} {named}."
