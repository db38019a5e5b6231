"""How probable is benefit beyond each threshold, by model and by prior: as a table, and unrounded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_lupil.numbers import in_points, probability
from bayes_lupil.posterior import Posterior
from bayes_lupil.posterior.estimands import Benefit
from bayes_lupil.report.direction import beyond_words
from bayes_lupil.report.media.blocks import Table
from bayes_lupil.report.reanalysis.contents import Contents
from bayes_lupil.trials.end_point import EndPoint

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["benefit_frame", "benefit_table", "benefits_shown", "ladders"]


def benefit_table(contents: Contents, *, papers: bool = False) -> Table | None:
    """Benefit by model, then by prior of the lead model, threshold by threshold; None where nothing is sound.

    Parameters
    ----------
    papers : bool
        With relevant benefit, trivial effects and harm, events in words, and the numbers as file; else benefit alone.
    """
    lead = contents.lead
    if lead is None:
        return None
    # by statement: what is trivial depends on two thresholds, and models may differ in either
    wanted = [item for item in lead.ladder if papers or item.kind == "benefit"]
    rows, arms, end_point = [], contents.trial.arms, contents.trial.end_point
    for model, prior, population, ladder in ladders(contents):
        by_event = {(item.kind, item.statement): item for item in ladder}
        found = [by_event.get((item.kind, item.statement)) for item in wanted]
        if papers or all(found):
            name = _named(model, prior) if papers else (f"`{model}`, {prior} prior" if prior else f"`{model}`",)
            cells = (probability(item.probability, item.mcse) if item else "not asked" for item in found)
            rows.append((*name, population, *cells))
    if not papers:
        heads = ("analysis", "population", *(f"P({item.statement})" for item in wanted))
        caption = "Probability that the effect lies beyond each threshold, with its Monte Carlo standard error"
        return Table.of(heads, rows, caption, "benefit.csv")
    heads = ("analysis", "kind", "population", *(_head(item, end_point) for item in wanted))
    caption = (
        f"{end_point.directed}: probabilities of more or fewer {end_point.words.many} on {arms.active} than on "
        f"{arms.control}, with their Monte Carlo standard errors"
    )
    return Table.of(heads, rows, caption, "benefit.csv", benefit_frame(contents))


def _head(item: Benefit, end_point: EndPoint) -> str:
    """The event as it reads for the end point: a benefit may be fewer responses."""
    more, fewer = ("more", "fewer") if end_point.sign > 0 else ("fewer", "more")
    size, what = in_points(100 * abs(item.threshold), "percentage point"), end_point.words.many
    if item.kind == "trivial":
        return "P(neither harm nor relevant benefit)"
    if item.kind == "relevant":
        return f"P(relevant benefit: at least {size} {more} {what})"
    if item.kind == "harm":
        return f"P(harm: {fewer} {what}{f' by more than {size}' if item.threshold else ''})"
    if item.threshold < 0:
        return f"P(not {fewer} {what} by {size} or more)"
    return f"P({beyond_words(item.threshold, end_point)})"


def ladders(contents: Contents) -> list[tuple[str, str, str, tuple[Benefit, ...]]]:
    """(model, prior, population, ladder) of the sound models, then of the lead one under other priors.

    The prior is empty where it is that of the model file.
    """
    found = [(p.spec.name, "", p.provenance.population_label, p.ladder) for p in contents.sound]
    if contents.priors is not None:
        lead = contents.priors.posterior
        found += [
            (lead.spec.name, row.prior.name, lead.provenance.population_label, row.ladder)
            for row in contents.priors.rows
            if row.ladder
        ]
    return found


def _named(model: str, prior: str) -> tuple[str, str]:
    """What a row is of, and of which kind."""
    return (f"{model}, {prior} prior", "prior") if prior else (model, "model")


def benefit_frame(contents: Contents) -> pd.DataFrame:
    """The same unrounded: one row an analysis and event."""
    import pandas as pd

    rows: list[dict[str, Any]] = [
        {
            **dict(zip(("analysis", "kind"), _named(model, prior), strict=True)), "population": population,
            "event": item.kind, "threshold": item.threshold, "statement": item.statement,
            "probability": item.probability, "mcse": item.mcse,
        }
        for model, prior, population, ladder in ladders(contents)
        for item in ladder
    ]  # fmt: skip
    columns = ["analysis", "kind", "population", "event", "threshold", "statement", "probability", "mcse"]
    return pd.DataFrame(rows, columns=columns)


def benefits_shown(posteriors: list[Posterior]) -> tuple[float, float]:
    """Thresholds of benefit shown: -0.2 to 0.4, and where effects are smaller or larger what holds the curves."""
    sign, relevant = posteriors[0].provenance.end_point.sign, posteriors[0].spec.decision.relevant
    draws = np.concatenate([sign * posterior.draws("risk_difference").ravel() for posterior in posteriors])
    worst, best = (float(q) for q in np.quantile(draws, [0.001, 0.999]))
    furthest = max(-worst, best)
    if furthest > 0.1 and worst > -0.2 and best < 0.4:
        return -0.2, 0.4
    best = max(best, 0.0, relevant if relevant < 3 * furthest else 0.0)
    pad = 0.06 * (best - min(worst, 0.0))
    return min(worst, 0.0) - pad, best + pad
