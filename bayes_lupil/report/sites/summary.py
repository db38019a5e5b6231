"""What a look at the sites prints."""

from __future__ import annotations

from collections.abc import Sequence

from bayes_lupil.numbers import points, probability
from bayes_lupil.report.media.blocks import Block, Page, Paragraph, Table
from bayes_lupil.report.media.plot_rows import counts
from bayes_lupil.report.sites.page import path_cells
from bayes_lupil.report.sites.sentences import (
    DELETION,
    conflict_words,
    headline,
    log_ratio_words,
    most_telling,
    outlier_words,
    retained_words,
    table_notes,
    without_words,
)
from bayes_lupil.sites.analysis import SiteAnalysis
from bayes_lupil.sites.table import SiteRow

__all__ = ["sites_summary"]


_MOST = 30  # sites in a terminal


def sites_summary(result: SiteAnalysis) -> Page:
    """The table of sites, and where they were made the comparison of models and the exclusion path."""
    table, kind = result.table, "95 % credible interval"
    rows = most_telling(table, _MOST)
    blocks: list[Block] = [*(Paragraph(text) for text in headline(result)), _narrow_table(rows)]
    if left_out := len(table.rows) - len(rows):
        blocks.append(Paragraph(f"{left_out} more sites are not shown here (the most outlying and the largest are)."))
    blocks += [Paragraph(text) for text in table_notes(table)]
    if result.comparison is not None:
        header = ("model", "P(benefit)", f"log OR, average site ({kind})", "elpd difference (SE)")
        cells = []
        for score in result.comparison.models:
            best, log_or = (
                result.sound[score.name].p_benefit, result.sound[score.name].row("conditional_log_odds_ratio")
            )  # fmt: skip
            assert best is not None  # it is sound
            difference = f"{score.difference:.1f} ({score.difference_se:.1f})"
            cells.append((score.name, probability(best.probability, best.mcse), log_ratio_words(log_or), difference))
        blocks += [Table.of(header, cells, "Site models"), *map(Paragraph, result.comparison.warnings)]
    if result.path is not None:
        header = ("counts", f"RD, % points ({kind})", "P(benefit)", f"log OR, average site ({kind})")
        cells = [
            (f"{point.power:g}", *(path_cells(point) if point.ok else ("diagnostics failed", "none", "none")))
            for point in result.path.points
        ]
        caption = f"From kept (1) to excluded (0): {', '.join(result.path.sites)} ({result.why_suspect})"
        blocks += [Table.of(header, cells, caption), Paragraph(DELETION)]
    blocks += [Paragraph(f"{item.model.name}: {item.reason}") for item in result.attempts if item.reason]
    title = f"{result.trial.title}: {result.trial.end_point.directed}"
    return Page(title, tuple(blocks), synthetic=table.synthetic, warnings=result.cautions)


def _narrow_table(rows: Sequence[SiteRow]) -> Table:
    has = any(outlier_words(row) for row in rows)
    what = "P(alone)" if rows[0].nonexchangeable is not None else "P(out) c, a"
    header = [
        "site", "active v control", "RD raw, shrunken", "shrink", *([what] if has else []), "weight", "P without",
        "conflict c, a",
    ]  # fmt: skip
    cells = []
    for row in rows:
        raw = points(row.raw.risk_difference) if row.raw.risk_difference == row.raw.risk_difference else "-"
        cells.append(
            [
                row.site, counts(row.responders, row.n), f"{raw}, {points(row.risk_difference.mean)}",
                f"{row.shrinkage.mean:.2f}", *([outlier_words(row)] if has else []), retained_words(row),
                without_words(row)[1].replace(" (MCSE ", " ("), conflict_words(row),
            ]
        )  # fmt: skip
    return Table.of(header, cells)
