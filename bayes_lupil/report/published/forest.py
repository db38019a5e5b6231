"""Many published results under the same priors: one table and one forest plot."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from bayes_lupil.published.analysis import BenefitAnalysis, chance_words, equals
from bayes_lupil.report.media.blocks import Block, Figure, Page, Paragraph, Table
from bayes_lupil.report.media.plot_rows import better, frame, row_names
from bayes_lupil.report.media.plot_style import COLOURS, figure_files, new_figure, styled
from bayes_lupil.report.published.sentences import effect_words

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure as Drawing

__all__ = ["FOREST_FILES", "figure_forest", "forest_page"]

FOREST_FILES = ("results.html", "results.md", "results.docx", "results.csv", *figure_files("forest"))
"""What a table of results may write."""


def forest_page(found: Sequence[BenefitAnalysis]) -> Page:
    """The table, the forest, and what each row assumes."""
    from bayes_lupil.report.published.page import benefit_summary

    header = ["trial", "measure", "P(benefit)", "effect", "P(benefit), flat", "effect, flat", "over the priors"]
    asked = any(len(item.events) > 1 for item in found)
    rows = []
    for item in found:
        flat, (low, high) = item.answer_under("flat"), item.span
        cells = [
            item.trial.title, f"{item.measure.symbol}, {item.trial.end_point.benefit} is better",
            chance_words(item.lead.p_benefit), effect_words(item.measure, item.lead),
            chance_words(flat.p_benefit) if flat else "none", effect_words(item.measure, flat) if flat else "none",
            f"{chance_words(low.p_benefit)} to {chance_words(high.p_benefit)}",
        ]  # fmt: skip
        pairs = zip(item.events[1:], item.lead.chances[1:], strict=True)
        rows.append([*cells, *(["; ".join(f"{event.statement} {equals(p)}" for event, p in pairs)] if asked else [])])
    leads = ", ".join(sorted({item.lead.prior.name for item in found}))
    caption = f"Effect and probability of benefit; leading prior: {leads}; risk differences in percentage points"
    notes = tuple(dict.fromkeys(f"{item.trial.title}: {note}" for item in found for note in item.notes))
    title = f"{len(found)} published {'result' if len(found) == 1 else 'results'} under standard priors"
    blocks: list[Block] = [
        Table.of([*header, *(["asked"] if asked else [])], rows, caption, "results.csv", _frame(found)),
        Figure("forest", _words(found), "Each trial with a flat prior (squares) and its leading one (circles)",
               partial(figure_forest, found)),
    ]  # fmt: skip
    blocks += [Paragraph(text.text) for text in benefit_summary(found[0]).blocks[-1:] if isinstance(text, Paragraph)]
    synthetic = any(item.trial.synthetic for item in found)
    return Page(title, tuple(blocks), "results", ("md", "html", "docx"), synthetic, warnings=notes)


def _frame(found: Sequence[BenefitAnalysis]) -> pd.DataFrame:
    import pandas as pd

    rows = [
        {"trial": item.trial.title, "measure": item.measure.key, **item.row(answer)}
        for item in found
        for answer in item.answers
    ]
    return pd.DataFrame(rows)


def _words(found: Sequence[BenefitAnalysis]) -> str:
    parts = [f"{item.trial.title} {chance_words(item.lead.p_benefit)}" for item in found[:20]]
    return f"Probability of benefit under the leading prior: {', '.join(parts)}."


@styled
def figure_forest(found: Sequence[BenefitAnalysis], width: float = 7.5) -> Drawing:
    """Effects with intervals under a flat and the leading prior, a row a trial; ratios on a log scale.

    Where ratios and differences are among them, each is shown in its own standard errors.
    """
    height = 0.42 * len(found) + 0.6
    synthetic = any(item.trial.synthetic for item in found)
    figure, axes, words = new_figure(width, height, synthetic, side=0.36)
    same = len({item.measure.is_ratio for item in found}) == 1
    ratio = found[0].measure.is_ratio and same
    # those for whom lower is better are turned where both kinds are among them, so that one side is the better one
    turned = not same or len({item.sign for item in found}) > 1
    for row, item in enumerate(reversed(found)):
        flat = next((answer for answer in item.answers if answer.prior.is_flat), None)
        for answer, offset, mark, number in ((flat, 0.14, "s", 1), (item.lead, -0.14, "o", 0)):
            if answer is None:
                continue
            low, middle, high = (item.measure.scaled(max(edge, 1e-9) if item.measure.is_ratio else edge)
                                 for edge in (answer.lower, answer.median, answer.upper))  # fmt: skip
            scale = (item.sign if turned else 1) * (1.0 if same else 1 / item.likelihood.se)
            edges = sorted((low * scale, high * scale))
            axes.plot(edges, [row + offset] * 2, color=COLOURS[number], lw=1.6)
            axes.plot([middle * scale], [row + offset], mark, color=COLOURS[number], ms=5.5)
        effect = f"{item.measure.symbol} {effect_words(item.measure, item.lead)}"
        words.text(0, row, f"{chance_words(item.lead.p_benefit)}   {effect}", va="center", fontsize=8.5)
    titles = row_names([item.trial.title for item in found], int(3.2 * width))
    axes.set_yticks(range(len(found)), titles[::-1], fontsize=8.5)
    axes.set_ylim(-0.6, len(found) - 0.2)
    words.text(0, len(found) - 0.35, "P(benefit), effect", fontsize=8.5, va="center", weight="bold")
    axes.axvline(0, color="black", lw=0.8, ls=(0, (2, 2)))
    axes.grid(axis="x", color="#E5E5E5", lw=0.6)
    if ratio and not turned:
        low, high = axes.get_xlim()
        marks = [m * 10.0**e for e in range(-4, 5) for m in (1, 2, 5)]
        ticks = [math.log(mark) for mark in marks if low <= math.log(mark) <= high]
        axes.set_xticks(ticks, [f"{math.exp(tick):.3g}" for tick in ticks])
    sign = 1 if turned else found[0].sign
    turning = "Effect, turned so that right is better" if turned else "Effect"
    scale_words = turning if same else "Effect in standard errors, turned so that right is better"
    axes.set_xlabel(f"{scale_words}\n{better(sign)}", fontsize=9)
    axes.tick_params(labelsize=8.5)
    lead = {item.lead.prior.name for item in found}
    level, names = f"{100 * found[0].level:g} %", ", ".join(sorted(lead))
    footnote = f"Squares: flat prior, the data alone. Circles: {names} prior. Intervals hold {level}."
    frame(figure, "Published results under standard priors", footnote, synthetic, height)
    return figure
