"""The report of a reanalysis of a trial of which one estimate is known: models beside standard priors."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bayes_lupil.numbers import probability
from bayes_lupil.published.rereading import benefit
from bayes_lupil.report.media.blocks import Block, Heading, Page, Paragraph, Table
from bayes_lupil.report.published.page import benefit_page, benefit_summary
from bayes_lupil.report.reanalysis.card import effect_words

if TYPE_CHECKING:
    from bayes_lupil.reanalysis import Reanalysis

__all__ = ["estimate_page", "estimate_summary"]


def estimate_page(result: Reanalysis) -> Page:
    """The page of `benefit`, with what the models make of the estimate."""
    page = benefit_page(benefit(result.trial))
    at = next(i for i, block in enumerate(page.blocks) if isinstance(block, Heading) and block.level == 2)
    blocks = (*page.blocks[:at], *_models(result), *page.blocks[at:])
    return replace(page, name="report", formats=("html",), blocks=blocks, kind="Bayesian reanalysis of one estimate")


def _models(result: Reanalysis) -> list[Block]:
    rows = []
    for item in result.fitted:
        assert item.posterior is not None  # it was fitted
        best = item.posterior.p_benefit
        told = ("no result", "diagnostics failed") if best is None else (
            effect_words(item.posterior), probability(best.probability, best.mcse)
        )  # fmt: skip
        rows.append((item.model.name, item.model.priors.beta.describe(), *told))
    if not rows:
        return []
    header = ("model", "prior of the effect", f"effect ({result.trial.end_point.unit})", "P(benefit)")
    return [
        Heading("What the models make of it"),
        Table.of(header, rows, "Models that an estimate allows"),
        Paragraph(
            "Models of sites, and of other populations, need counts that one estimate does not hold. These "
            "probabilities are sampled, and have a Monte Carlo standard error (MCSE)."
        ),
    ]


def estimate_summary(result: Reanalysis) -> Page:
    """What the command prints: the page of `benefit`, and the models below."""
    page = benefit_summary(benefit(result.trial))
    return replace(page, blocks=(*page.blocks, *_models(result)))
