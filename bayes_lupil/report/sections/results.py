"""The result: the figure, and the probability of benefit under models and priors, threshold by threshold."""

from __future__ import annotations

import math

from bayes_lupil.numbers import interval, points, probability
from bayes_lupil.posterior.estimands import Benefit
from bayes_lupil.report.blocks import Block, Figure, Heading, Paragraph, Table
from bayes_lupil.report.comparison_page import bayesian_analyses, definitions, not_reported
from bayes_lupil.report.contents import Contents
from bayes_lupil.report.figures import alternatives
from bayes_lupil.report.prior_rows import BEFORE, before_the_data
from bayes_lupil.report.takeaway import ladders
from bayes_lupil.sensitivity.effect_priors import PriorAnalysis

__all__ = ["priors_table", "result_blocks", "sensitivity_blocks", "tipping_table"]


def result_blocks(contents: Contents) -> list[Block]:
    """Main figure, effects, benefit by model and threshold, and the curve over all thresholds."""
    if contents.lead is None:
        return [Paragraph("No analysis has sound diagnostics: there is no result.", strong=True),
                *not_reported(contents.reanalysis)]  # fmt: skip
    sound, failed = list(contents.sound), contents.reanalysis.unsound
    blocks: list[Block] = [
        Figure(
            "risk_difference", alternatives.risk_difference(sound, failed),
            "Posterior of the risk difference under each model, over regions of harm, trivial and relevant benefit.",
        ),
        bayesian_analyses(contents.reanalysis),
        *definitions(contents.reanalysis),
        Heading("Probability of benefit, threshold by threshold", 3),
        _benefit_table(contents),
        Figure(
            "benefit_curve", alternatives.benefit_curve(sound, failed),
            "How probable is a benefit greater than d? The same as the table, for every threshold.",
        ),
    ]  # fmt: skip
    return blocks + not_reported(contents.reanalysis)


def _benefit_table(contents: Contents) -> Table:
    """P(benefit beyond d) by model, and by prior where other priors were tried."""
    lead = contents.lead
    assert lead is not None  # or there is no result
    rows = [
        (f"`{model}`, {prior} prior" if prior else f"`{model}`", population, *_cells(ladder))
        for model, prior, population, ladder in ladders(contents)
        if _thresholds(ladder) == _thresholds(lead.ladder)
    ]
    heads = tuple(item.statement for item in lead.ladder if item.kind == "benefit")
    return Table.of(
        ("analysis", "population", *(f"P({head})" for head in heads)),
        rows,
        "Probability that the effect lies beyond each threshold (risk differences as proportions), with its Monte "
        "Carlo standard error",
        "benefit.csv",
    )


def _thresholds(ladder: tuple[Benefit, ...]) -> list[float]:
    return [item.threshold for item in ladder if item.kind == "benefit"]


def _cells(ladder: tuple[Benefit, ...]) -> list[str]:
    return [probability(item.probability, item.mcse) for item in ladder if item.kind == "benefit"]


def sensitivity_blocks(contents: Contents) -> list[Block]:
    """Other priors of the treatment effect: the standard ones, the map, and those that would turn the answer."""
    priors = contents.priors
    assert priors is not None  # or there is no such section
    return [
        Paragraph(
            f"The lead analysis, `{priors.posterior.spec.name}`, under other priors of the treatment effect (log odds "
            "ratio at an average site); everything else as its model file says. Draws are reweighted; where they "
            "cannot carry a prior, the model is fitted again."
        ),
        priors_table(priors),
        Figure(
            "prior_map", alternatives.prior_map(priors),
            "Probability of benefit for each normal prior, by the odds ratio at its centre and its SD. Hatched: the "
            "draws cannot tell.",
        ),
        Heading("Which prior would change the answer", 3),
        tipping_table(priors),
    ]  # fmt: skip


def priors_table(priors: PriorAnalysis) -> Table:
    """Each standard prior, and the posterior under it."""
    end_point = priors.posterior.provenance.end_point
    rows = []
    for row in priors.rows:
        rd = row.changed.estimates["risk_difference"]
        how = "fitted again" if row.changed.refitted else f"reweighted, k-hat {_k_hat(row.changed.k_hat)}"
        shown = [points(rd.q50), interval(points(rd.q2_5), points(rd.q97_5))] if row.changed.ok else ["no figure"] * 2
        chance = probability(row.changed.p_benefit, row.changed.p_benefit_mcse) if row.changed.ok else "no figure"
        rows.append((*before_the_data(row.prior, end_point), *shown, chance, how, row.prior.reason))
    return Table.of(
        (
            *BEFORE, "risk difference, median (points)", "95 % credible interval", "P(benefit) after", "how", "why",
        ),
        rows,
        "Standard priors of the log odds ratio, and the posterior under each",
        "effect_priors.csv",
    )  # fmt: skip


def _k_hat(value: float) -> str:
    return "none (the declared prior)" if math.isinf(value) else f"{value:.2f}"


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
                target, f"{item.sd:.3f}", f"{item.mean:+.2f} (MCSE {item.mcse:.1g})", f"{math.exp(item.mean):.2f}",
                f"{item.p_benefit_prior:.2f}",
            )
        )  # fmt: skip
    return Table.of(
        ("to get", "SD of the prior", "mean of the prior must be", "as an odds ratio", "P(benefit) before"),
        rows,
        "Priors of the log odds ratio that would change the answer",
        "tipping_priors.csv",
    )
