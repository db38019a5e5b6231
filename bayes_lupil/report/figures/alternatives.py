"""Alternative texts of the figures: the finding with its numbers, for those who cannot see it.

Each function takes what its figure takes.
"""

from __future__ import annotations

import math

import numpy as np

from bayes_lupil.numbers import interval, points, probability
from bayes_lupil.posterior import Posterior
from bayes_lupil.reanalysis import Reanalysis, leading
from bayes_lupil.report.answer import difference_words
from bayes_lupil.report.figures.ranks import has_ranks
from bayes_lupil.report.site_rows import benefit_side
from bayes_lupil.sensitivity.effect_priors import PriorAnalysis

__all__ = [
    "benefit_curve", "intervals", "prior_map", "prior_posterior", "prior_predictive", "ranks", "risk_difference",
    "shrinkage",
]  # fmt: skip


def risk_difference(posteriors: list[Posterior], failed: tuple[str, ...] = ()) -> str:
    """Of the densities by model."""
    lead = _lead(posteriors)
    rd, benefit, source = lead.row("risk_difference"), lead.chances["benefit"], lead.provenance
    others = [p for p in posteriors if p is not lead]
    spread = sorted(p.row("risk_difference").q50 for p in others)
    rest = f" The medians of the others run from {points(spread[0])} to {points(spread[-1])} points." if spread else ""
    return (
        f"Posterior of the risk difference under {_counted(len(posteriors))}. {lead.spec.name}: "
        f"the {source.end_point.words.one.split()[1]} is "
        f"{difference_words(rd.q50, source.arms, source.end_point)} (median; 95 % credible interval "
        f"{interval(points(rd.q2_5), points(rd.q97_5))}), P(benefit) {probability(benefit.probability, benefit.mcse)}."
        f"{rest}{_failed(failed)}"
    )


def benefit_curve(posteriors: list[Posterior], failed: tuple[str, ...] = ()) -> str:
    """Of the curves of P(benefit greater than d)."""
    lead = _lead(posteriors)
    steps = ", ".join(
        f"{100 * item.threshold:g} points {probability(item.probability, item.mcse)}"
        for item in lead.ladder
        if item.kind == "benefit"
    )
    return (
        f"Probability that the benefit of {lead.provenance.arms.active} is greater than d, falling as d grows, under "
        f"{_counted(len(posteriors))}. {lead.spec.name}: beyond {steps}.{_failed(failed)}"
    )


def intervals(result: Reanalysis) -> str:
    """Of the confidence and credible intervals on one axis."""
    told = []
    for row in result.hierarchy:
        t = row.two_by_two
        if t is not None and t.risk_difference_newcombe is not None:
            i = t.risk_difference_newcombe
            told.append(
                f"{row.population.label}, {points(t.risk_difference)}, 95 % confidence interval "
                f"{interval(points(i.lower), points(i.upper))}"
            )
    for posterior in result.sound:
        rd = posterior.row("risk_difference")
        told.append(
            f"{posterior.spec.name}, {points(rd.q50)}, 95 % credible interval "
            f"{interval(points(rd.q2_5), points(rd.q97_5))}"
        )
    trial = result.trial
    return (
        f"Intervals of the risk difference, {trial.arms.active} minus {trial.arms.control}, in percentage points; "
        f"{benefit_side(trial.end_point)}. Frequentist ones first: {'; '.join(told)}.{_failed(result.unsound)}"
    )


def shrinkage(posterior: Posterior) -> str:
    """Of raw and shrunken rates by site."""
    shrunk = posterior.draws("p").mean(axis=(0, 1))
    y, n = (np.asarray(posterior.data[g][v]) for g, v in (("observed_data", "y"), ("constant_data", "n")))
    arms = posterior.provenance.arms.names
    told = []
    for a in (1, 0):
        raw = 100 * y[n[:, a] > 0, a] / n[n[:, a] > 0, a]
        told.append(
            f"on {arms[a]} raw rates run from {raw.min():.0f} to {raw.max():.0f} %, shrunken ones from "
            f"{100 * shrunk[:, a].min():.0f} to {100 * shrunk[:, a].max():.0f} %"
        )
    rates = f"{posterior.provenance.end_point.words.rate.capitalize()}s"
    return f"{rates} at {len(y)} sites, raw and shrunken by {posterior.spec.name}: {'; '.join(told)}."


def prior_predictive(posterior: Posterior) -> str:
    """Of response and effect before the data."""
    prior, source = posterior.data["prior"], posterior.provenance
    control, active, difference = (
        np.quantile(100 * np.asarray(prior[name].values, dtype=float), [0.025, 0.975])
        for name in ("risk_control", "risk_active", "risk_difference")
    )
    assert source.totals is not None  # the end point is binary
    what = source.end_point.words.probability
    (r0, n0), (r1, n1) = source.totals
    return (
        f"Before the data, 95 % of the prior of the {what} lie between {control[0]:.0f} and "
        f"{control[1]:.0f} % on {source.arms.control} (observed {100 * r0 / n0:.1f} %), and between "
        f"{active[0]:.0f} and {active[1]:.0f} % on {source.arms.active} (observed {100 * r1 / n1:.1f} %); of the "
        f"risk difference between {difference[0]:+.0f} and {difference[1]:+.0f} points (observed "
        f"{points(r1 / n1 - r0 / n0)})."
    )


def prior_posterior(posterior: Posterior) -> str:
    """Of the main parameters before and after the data."""
    told = []
    for name in ("beta", "tau_u", "tau_v"):
        if name in posterior.data["prior"].data_vars and posterior.data["posterior"][name].ndim == 2:
            before = np.quantile(np.asarray(posterior.data["prior"][name].values, dtype=float), [0.025, 0.975])
            after = posterior.row(name)
            told.append(
                f"{name}, 95 % of the prior from {before[0]:.2f} to {before[1]:.2f}, 95 % credible interval after the "
                f"data {after.q2_5:.2f} to {after.q97_5:.2f}"
            )
    return f"Parameters of {posterior.spec.name} before and after the data: {'; '.join(told)}."


def ranks(posterior: Posterior) -> str:
    """Of the rank plot of the chains.

    Raises
    ------
    ValueError
        Where the fit has no chains, as its figure does.
    """
    if not has_ranks(posterior):
        raise ValueError(f"fit '{posterior.spec.name}' has no chains whose ranks could be compared")
    verdict = posterior.verdict
    why = "; ".join(verdict.failures)
    return (
        f"Ranks of the draws of {posterior.spec.name} by chain, level where chains agree: R-hat is "
        f"at most {verdict.max_r_hat:.4f} over all quantities, and 1 where they agree wholly."
        if verdict.ok
        else f"Ranks of the draws of {posterior.spec.name} by chain; the diagnostics failed: {why}."
    )


def prior_map(priors: PriorAnalysis) -> str:
    """Of P(benefit) over the mean and SD of the prior."""
    known = priors.map.p_benefit[np.isfinite(priors.map.p_benefit)]
    told = "; ".join(
        f"{row.prior.name} prior {probability(row.changed.p_benefit, row.changed.p_benefit_mcse)}"
        for row in priors.rows
        if row.changed.ok
    )
    reach = f" Over all priors shown it runs from {_rough(known.min())} to {_rough(known.max())}." if known.size else ""
    low, high = (math.exp(priors.map.means[i]) for i in (0, -1))
    return (
        f"Probability of benefit by the prior of the treatment effect, centred at odds ratios from {low:.2g} to "
        f"{high:.2g}: {told}.{reach}"
    )


def _lead(posteriors: list[Posterior]) -> Posterior:
    lead = leading(posteriors)
    assert lead is not None  # a figure of no model is not drawn
    return lead


def _rough(chance: float) -> str:
    """Two digits, and never a certainty."""
    return "< 0.01" if chance < 0.005 else "> 0.99" if chance > 0.995 else f"{chance:.2f}"


def _counted(number: int) -> str:
    return "one model" if number == 1 else f"{number} models"


def _failed(failed: tuple[str, ...]) -> str:
    return f" Not shown, because the diagnostics failed: {', '.join(failed)}." if failed else ""
