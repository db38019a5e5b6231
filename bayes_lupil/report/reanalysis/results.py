"""The result: the figure, and the probability of benefit under models and priors, threshold by threshold."""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from bayes_lupil.numbers import in_points, interval, odds_ratio, points, points_interval, probability, small
from bayes_lupil.published.priors import EffectPrior
from bayes_lupil.report.media.blocks import Block, Figure, Heading, Paragraph, Table
from bayes_lupil.report.reanalysis.baseline_risk import baseline_risk_blocks
from bayes_lupil.report.reanalysis.benefit import benefit_table
from bayes_lupil.report.reanalysis.comparison import bayesian_analyses
from bayes_lupil.report.reanalysis.contents import Contents
from bayes_lupil.report.reanalysis.figures.effects import (
    benefit_curve_words,
    figure_benefit_curve,
    figure_risk_difference,
    risk_difference_words,
)
from bayes_lupil.report.reanalysis.figures.prior_chart import at_average_site
from bayes_lupil.report.reanalysis.figures.prior_map import figure_prior_map, prior_map_words
from bayes_lupil.report.reanalysis.hierarchy import definitions, not_reported
from bayes_lupil.sensitivity.effect_priors import PriorAnalysis
from bayes_lupil.trials.end_point import EndPoint

__all__ = ["before_the_data", "priors_table", "result_blocks", "sensitivity_blocks", "tipping_table"]


def result_blocks(contents: Contents) -> list[Block]:
    """Main figure, effects, benefit by model and threshold, and the curve over all thresholds."""
    benefit = benefit_table(contents)
    if benefit is None:
        return [Paragraph("No analysis has sound diagnostics: there is no result.", strong=True),
                *not_reported(contents.reanalysis)]  # fmt: skip
    sound, failed = list(contents.sound), contents.reanalysis.unsound
    blocks: list[Block] = [
        Figure(
            "risk_difference", risk_difference_words(sound, failed),
            "Posterior of the risk difference under each model, over regions of harm, trivial and relevant benefit.",
            partial(figure_risk_difference, sound, failed),
        ),
        bayesian_analyses(contents.reanalysis),
        *definitions(contents.reanalysis),
        Heading("Probability of benefit, threshold by threshold", 3),
        benefit,
        Figure(
            "benefit_curve", benefit_curve_words(sound, failed),
            "How probable is a benefit greater than d? The same as the table, for every threshold.",
            partial(figure_benefit_curve, sound, failed),
        ),
    ]  # fmt: skip
    lead = contents.lead
    return [*blocks, *([] if lead is None else baseline_risk_blocks(lead)), *not_reported(contents.reanalysis)]


def sensitivity_blocks(priors: PriorAnalysis) -> list[Block]:
    """Other priors of the treatment effect: the standard ones, the map, and those that would turn the answer."""
    return [
        Paragraph(
            f"The main analysis, `{priors.posterior.spec.name}`, under other priors of the treatment effect (log odds "
            f"ratio{at_average_site(priors.posterior)}); everything else as its model file says. Draws are reweighted; "
            "where they cannot carry a prior, the model is fitted again."
        ),
        priors_table(priors),
        Figure(
            "prior_map", prior_map_words(priors),
            "Probability of benefit for each normal prior, by the odds ratio at its centre and its SD."
            + (" Hatched: the draws cannot tell." if np.isnan(priors.map.p_benefit).any() else ""),
            partial(figure_prior_map, priors),
        ),
        Heading("Which prior would change the answer", 3),
        tipping_table(priors),
    ]  # fmt: skip


_BEFORE = ("prior", "mean", "SD", "95 % of its odds ratios", "P(benefit) before")
_EFFECT = ("risk difference, median (points)", "95 % credible interval")


def priors_table(priors: PriorAnalysis, *, widget: bool = False) -> Table:
    """Each standard prior, what it says before the data, and the posterior under it.

    Parameters
    ----------
    widget : bool
        In place of the widget that lets a reader choose a prior: what that shows, without how it was computed and why.
    """
    end_point, relevant = priors.posterior.provenance.end_point, priors.posterior.spec.decision.relevant
    after, enough = "P(benefit) after", f"P(benefit of at least {in_points(100 * relevant)})"
    shown = (*_BEFORE, after, enough, *_EFFECT) if widget else (*_BEFORE, *_EFFECT, after, "how", "why")
    rows = []
    for row in priors.rows:
        changed, rd = row.changed, row.changed.estimates["risk_difference"]
        reweighted = "the fit itself" if math.isinf(changed.k_hat) else f"reweighted, k-hat {changed.k_hat:.2f}"
        how = "fitted again" if changed.refitted else reweighted
        cells = dict(zip(_BEFORE, before_the_data(row.prior, end_point), strict=True))
        cells |= {"how": how, "why": row.prior.reason, **dict.fromkeys((after, enough, *_EFFECT), "no figure")}
        if changed.ok:
            beyond = next(item for item in row.ladder if item.kind == "relevant")
            cells |= {
                after: probability(changed.p_benefit, changed.p_benefit_mcse),
                enough: probability(beyond.probability, beyond.mcse),
                _EFFECT[0]: points(rd.q50), _EFFECT[1]: points_interval(rd.q2_5, rd.q97_5),
            }  # fmt: skip
        rows.append([cells[name] for name in shown])
    caption = "Standard priors of the log odds ratio, and the posterior under each"
    return Table.of(shown, rows, caption, "effect_priors.csv", None if widget else priors.to_frame())


def before_the_data(prior: EffectPrior, end_point: EndPoint) -> tuple[str, ...]:
    """What a prior says before the data.

    Examples
    --------
    >>> before_the_data(EffectPrior("flat", 0.0, 10.0, ""), EndPoint("x", "x"))
    ('flat', '0.000', '10.000', 'below 0.01 to above 1000', '0.50')
    """
    odds = (odds_ratio(value, f"{value:.2f}") for value in prior.range())
    return (
        prior.name, f"{prior.mean:.3f}", f"{prior.sd:.3f}", interval(*odds),
        f"{prior.p_benefit(end_point.sign):.2f}",
    )  # fmt: skip


def tipping_table(priors: PriorAnalysis) -> Table:
    """Priors at which P(benefit) would be just one half, or just 0.975."""
    rows = []
    for item in priors.tipping:
        target = "benefit as probable as not" if item.target == 0.5 else f"P(benefit) {item.target:g}"
        if item.mean is None or item.mcse is None or item.p_benefit_prior is None:
            rows.append((target, f"{item.sd:.3f}", *["the draws cannot tell"] * 2, ""))
            continue
        rows.append(
            (
                target, f"{item.sd:.3f}", f"{item.mean:+.2f} (MCSE {small(item.mcse)})", f"{math.exp(item.mean):.2f}",
                f"{item.p_benefit_prior:.2f}",
            )
        )  # fmt: skip
    return Table.of(
        ("to get", "SD of the prior", "mean of the prior must be", "as an odds ratio", "P(benefit) before"),
        rows,
        "Priors of the log odds ratio that would change the answer",
        "tipping_priors.csv",
        priors.tipping_frame(),
    )
