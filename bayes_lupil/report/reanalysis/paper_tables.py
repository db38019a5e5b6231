"""Tables to take away: comparison and benefit, as CSV, Markdown, LaTeX and Word, with their interval types named."""

from __future__ import annotations

from bayes_lupil.report.media.blocks import Block, Page, Paragraph, Table, warnings_first
from bayes_lupil.report.reanalysis.benefit import benefit_frame, benefit_table
from bayes_lupil.report.reanalysis.comparison import comparison_for_papers
from bayes_lupil.report.reanalysis.contents import Contents
from bayes_lupil.trials.end_point import SYNTHETIC

__all__ = ["TAKEAWAY", "paper_pages"]

TAKEAWAY = (
    "comparison.csv", "comparison_table.md", "comparison_table.tex", "comparison_table.docx",
    "benefit.csv", "benefit.md", "benefit.tex", "benefit.docx",
)  # fmt: skip
"""Names of the files, where there is something to put into them."""

_NOTE = "MCSE: Monte Carlo standard error; probabilities and differences are rounded to it."


def paper_pages(contents: Contents) -> tuple[tuple[str, Page], ...]:
    """(what it shows, page) of both tables.

    Without a sound analysis `benefit.csv` has no row, and there is no other table of benefit.
    """
    synthetic = contents.trial.synthetic
    title = f"{SYNTHETIC}. {contents.trial.title}" if synthetic else contents.trial.title
    marks = warnings_first(synthetic, contents.reanalysis.cautions)
    notes = [*(Paragraph(block.text) for block in marks if isinstance(block, Paragraph)), Paragraph(_NOTE)]
    found = []
    for what, name, table in (
        ("Comparison of all analyses", "comparison_table", comparison_for_papers(contents)),
        ("Benefit by model, prior and threshold", "benefit", benefit_table(contents, papers=True)),
    ):
        if table is None:
            data = Table.data(f"{name}.csv", benefit_frame(contents))
            found.append((what, Page(title, (), synthetic=synthetic, beside=(data,))))
            continue
        blocks: tuple[Block, ...] = (Paragraph(title, strong=True), Paragraph(table.caption), table, *notes)
        found.append((what, Page(title, blocks, name, ("md", "tex", "docx"), synthetic)))
    return tuple(found)
