"""The page of a published result under standard priors: as text, in a terminal, and as files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from bayes_lupil.numbers import interval
from bayes_lupil.published.analysis import BenefitAnalysis, chance_words
from bayes_lupil.published.likelihoods import CountsLikelihood
from bayes_lupil.report.media.blocks import Block, Bullets, Equation, Figure, Heading, Numbers, Page, Paragraph, Table
from bayes_lupil.report.published.sentences import (
    absolute_words,
    effect_words,
    headline,
    limit_words,
    location_words,
    reported_words,
    tipping_words,
)
from bayes_lupil.trials.measures import MEASURES

__all__ = ["BENEFIT_FILES", "benefit_page", "benefit_summary", "write_benefit"]

_FIGURES = ("triplot", "threshold_curve", "prior_grid", "prior_map")
BENEFIT_FILES = (
    "benefit.html", "benefit.md", "benefit.docx", "benefit.csv", "thresholds.csv", "prior_map.csv", "benefit.json",
    *(f"{name}{suffix}" for name in _FIGURES for suffix in (".png", ".svg")),
)  # fmt: skip
"""What `write_benefit` may write."""


def benefit_summary(found: BenefitAnalysis) -> Page:
    """What the command prints."""
    remarks = [f"Note: {text}." for text in found.remarks]
    said = [*headline(found), absolute_words(found), limit_words(found), *remarks]
    blocks: list[Block] = [Paragraph(_given(found))]
    blocks += [Paragraph(text) for text in said if text]
    blocks.append(_table(found))
    blocks += [Paragraph(f"Left out: {text}.") for text in found.left_out]
    blocks.append(Paragraph(_exact(found)))
    return Page(
        found.trial.end_point.directed, tuple(blocks), synthetic=found.trial.synthetic, warnings=found.notes
    )  # fmt: skip


def benefit_page(found: BenefitAnalysis) -> Page:
    """The page with its figures, tables and data."""
    from bayes_lupil.report.published import figures, prior_map

    trial, said = found.trial, headline(found)
    take = [text for text in (limit_words(found), tipping_words(found)) if text]
    blocks: list[Block] = [Heading(f"{trial.title}: {trial.end_point.directed}", level=1)]
    page = Page("", (), synthetic=trial.synthetic, warnings=found.notes)
    blocks += [Paragraph(text, strong=True) for text in page.marks]
    blocks += [_numbers(found), *map(Paragraph, said)]
    if text := absolute_words(found):
        blocks.append(Paragraph(text))
    blocks += [
        Figure("triplot", figures.triplot_words(found), "Prior, likelihood and posterior, each with area 1",
               partial(figures.figure_triplot, found)),
        Heading("How much does the prior matter?"),
        _table(found, "benefit.csv"),
        Figure("prior_grid", figures.grid_words(found), "Probability of an effect better than each threshold",
               partial(figures.figure_prior_grid, found)),
        Heading("How large is the effect?"),
        Figure("threshold_curve", figures.curve_words(found), "Probability of an effect better than a value",
               partial(figures.figure_threshold_curve, found)),
        Heading("What would it take to think otherwise?"),
        *map(Paragraph, take),
        Figure("prior_map", prior_map.map_words(found), "Probability over the mean and SD of a normal prior",
               partial(prior_map.figure_prior_map, found)),
        Heading("What was given, and how it was used"),
        *_used(found),
    ]  # fmt: skip
    return Page(
        f"{trial.title}: {trial.end_point.directed}", tuple(blocks), "benefit", ("md", "html", "docx"),
        trial.synthetic, "A published result under standard priors", _given(found), found.notes,
        beside=(
            Table.data("thresholds.csv", figures.threshold_frame(found)),
            Table.data("prior_map.csv", prior_map.map_frame(found)),
        ),
        files={"benefit.json": json.dumps(found.to_json(), indent=2, allow_nan=False) + "\n"},
    )  # fmt: skip


def write_benefit(
    found: BenefitAnalysis | Sequence[BenefitAnalysis], folder: str | Path, *, force: bool = False
) -> Path:
    """Write the page, its tables and figures (`BENEFIT_FILES`); of several results one page with their forest.

    Parameters
    ----------
    force : bool
        Whether files in the way are replaced that no earlier run wrote, or that were changed since.

    Raises
    ------
    OutputError
        Where the folder cannot be written to.

    Examples
    --------
    >>> import tempfile
    >>> from bayes_lupil.published.rereading import benefit
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     written = write_benefit(benefit("44/125", "62/124", benefit="lower"), f"{folder}/out")
    ...     sorted(path.name for path in written.iterdir())[:3]
    ['benefit.csv', 'benefit.docx', 'benefit.html']
    """
    from bayes_lupil.report.media.write import write
    from bayes_lupil.report.published.forest import FOREST_FILES, forest_page

    if not isinstance(found, BenefitAnalysis):
        return write(forest_page(found), folder, FOREST_FILES, force=force)
    return write(benefit_page(found), folder, BENEFIT_FILES, force=force)


def _numbers(found: BenefitAnalysis) -> Numbers:
    """The answer in four numbers."""
    low, high = found.span
    alone = [item for item in found.answers if item.prior.is_flat]
    items = [(found.events[0].statement, chance_words(found.lead.p_benefit), f"{found.lead.prior.name} prior")]
    items += [("by the data alone", chance_words(item.p_benefit), "flat prior") for item in alone]
    between = interval(chance_words(low.p_benefit), chance_words(high.p_benefit))
    items.append((f"over {len(found.answers)} priors", between, f"{low.prior.name}, {high.prior.name}"))
    level = f"{100 * found.level:g} % interval, {found.lead.prior.name} prior"
    items.append((found.measure.name, effect_words(found.measure, found.lead), level))
    return Numbers(tuple(items))


def _given(found: BenefitAnalysis) -> str:
    """The data and what is reported of them."""
    reported = reported_words(found)
    counted = f"{found.printed()}. " if found.patients is not None else ""
    return f"{counted}{reported[:1].upper()}{reported[1:]}{'.' if reported else ''}".strip()


def _exact(found: BenefitAnalysis) -> str:
    level = f"{100 * found.level:g} %"
    return (
        f"Intervals hold {level}. Probabilities are integrals, exact to 1e-6: nothing was sampled, and there is no "
        "Monte Carlo error."
    )


def _table(found: BenefitAnalysis, source: str = "") -> Table:
    """One row a prior."""
    kind, patients = MEASURES[found.lead.prior.measure], found.patients
    worth = "its weight in the mean" if patients is None else "how many patients it is worth"
    effect = f"{found.measure.symbol} ({100 * found.level:g} %)"
    asked = [event.statement.removeprefix("non-inferiority, ") for event in found.events]
    header = ["prior", *asked, effect, "mean, SD", "95 %", "before", "worth" if patients else "weight"]
    rows = []
    for item in found.answers:
        prior = item.prior
        cells = ["flat", "", "", "0"]
        if not prior.is_flat:
            of_patients = 0.0 if patients is None else prior.patients(found.likelihood.se, patients)
            share = f"{100 * prior.weight(found.likelihood.se):.0f} %"
            cells[0] = f"{location_words(kind, prior.mean)}, {location_words(kind, prior.sd)}"
            cells[1] = interval(*map(kind.words, prior.range()))
            cells[2] = chance_words(prior.p_benefit(found.sign))
            cells[3] = share if patients is None else f"{of_patients:,.0f}"
        rows.append([prior.name, *map(chance_words, item.chances), effect_words(found.measure, item), *cells])
    points = ", in points" if kind.key == "rd" else ""
    caption = (
        f"{found.measure.name.capitalize()} under each prior{_unit(found)}. Of the prior: mean and SD on the "
        f"{kind.scale}{points}, where 95 % of it lie ({kind.symbol}), P(benefit) before the data, and {worth}"
    )
    table = Table.of(header, rows, caption, source, found.to_frame() if source else None)
    return replace(table, least={"prior": 11, **{text: len(text) for text in asked}})


def _unit(found: BenefitAnalysis) -> str:
    return " (in percentage points)" if found.measure.key == "rd" else ""


def _used(found: BenefitAnalysis) -> list[Block]:
    """The numbers with their sources, the likelihood and the priors' reasons."""
    trial = found.trial
    if trial.provenance:
        rows = [(row["what"], row["number"], row["source"], row["grade"]) for row in trial.provenance]
        numbers = Table.of(("what", "printed", "source", "grade"), rows, "What was given")
    else:
        given = trial.data.printed if trial.resolution == "estimate" else {"counts": found.printed()}  # type: ignore[union-attr]
        numbers = Table.of(("what", "printed"), list(given.items()), "What was given")
    blocks: list[Block] = [numbers]
    if isinstance(found.likelihood, CountsLikelihood):
        blocks += [Paragraph(_COUNTS), Equation(_BINOMIAL)]
    else:
        scale = found.likelihood.measure.scale
        blocks += [Paragraph(f"The estimate is taken as normal on the {scale}, with its standard error known.")]
        blocks.append(Equation((_NORMAL,)))
    blocks.append(Bullets(tuple(f"{item.prior.name}: {item.prior.reason}." for item in found.answers)))
    blocks += [Paragraph(f"Left out: {text}.") for text in found.left_out]
    blocks += [Paragraph(f"Note: {text}.") for text in found.remarks]
    return [*blocks, Paragraph(_exact(found)), Paragraph(_LITERATURE)]


_COUNTS = (
    "Counts are binomial in each arm. Priors are of the log odds ratio; the prior of the control arm's log odds is "
    "flat, so that it does not move the effect. 'Uniform arms' has a uniform prior of each arm's risk instead."
)
_BINOMIAL = (
    r"y_0 \sim \mathrm{Binomial}(n_0, \mathrm{logit}^{-1}\alpha)",
    r"y_1 \sim \mathrm{Binomial}(n_1, \mathrm{logit}^{-1}(\alpha + \theta))",
    r"\theta \sim \mathrm{Normal}(m, v^2)",
)
_NORMAL = r"\hat\theta \sim \mathrm{Normal}(\theta, s^2), \quad \theta \sim \mathrm{Normal}(m, v^2)"
_LITERATURE = (
    "Beliefs and strengths: Zampieri et al. 2021, Am J Respir Crit Care Med 203:543. Scepticism and advocacy limits: "
    "Matthews 2018, R Soc Open Sci 5:171047. Intrinsic credibility: Held 2019, R Soc Open Sci 6:181534."
)
