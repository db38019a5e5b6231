"""What a reanalysis prints."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

from bayes_lupil.frequentist.hierarchy import RECOMPUTED
from bayes_lupil.numbers import p_value
from bayes_lupil.report.media.blocks import Block, Bullets, Heading, Page, Paragraph, Points, Table, Verdict
from bayes_lupil.report.published.reanalysis import estimate_summary
from bayes_lupil.report.reanalysis.comparison import lines
from bayes_lupil.report.reanalysis.contents import Contents
from bayes_lupil.report.reanalysis.first_screen import in_short, verdict

__all__ = ["reanalysis_summary"]


def reanalysis_summary(contents: Contents, folder: Path) -> Page:
    """The answer, the trial's own hierarchy, every Bayesian analysis, and where the files are."""
    result, trial = contents.reanalysis, contents.trial
    if trial.resolution == "estimate":
        page = estimate_summary(result)
        written = Paragraph(f"Written to {folder}; open report.html first, in a browser")
        return replace(page, blocks=(*page.blocks, written))
    end_point, arms = trial.end_point, trial.arms
    steps = Table.of(
        ("step", "population", "p", "status"),
        [
            (
                f"{row.step} {row.name}", row.population.label,
                "" if row.gate.p is None
                else f"{p_value(row.gate.p)} {'recomputed' if row.gate_basis == RECOMPUTED else 'printed'}",
                row.gate.status,
            )
            for row in result.hierarchy
        ],
    )  # fmt: skip
    checks: list[str] = []
    if result.agreements:
        name, worst = max(
            result.agreements, key=lambda pair: math.inf if pair[1].status == "not compared" else pair[1].difference
        )
        found = {item.status for _, item in result.agreements}
        agree = "NO" if "disagree" in found else "yes" if found == {"agree"} else "not all were compared"
        checks.append(
            f"engines agree: {agree}; {len(result.agreements)} models fitted by both; worst: {name}, {worst.text}"
        )
    tables = "comparison_table" if contents.lead is None else "benefit, comparison_table"
    files = (
        "report.html: the whole report; open it first, in a browser", "comparison.md: every analysis and test",
        f"{tables}: to take away, as .docx (Word), .tex and .md",
    )  # fmt: skip
    effect = f"risk difference in points, {arms.active} minus {arms.control}; {end_point.benefit} is better"
    blocks: tuple[Block, ...] = (
        Verdict(verdict(contents)),
        Points(in_short(contents)),
        Heading("The trial's own hierarchy"),
        replace(steps, least={"p": 19, "status": 12}),
        Heading(f"Bayesian analyses: {effect} (95 % credible interval)"),
        *(Paragraph(text) for text in (*lines(result), *checks, f"Written to {folder}")),
        Bullets(files),
    )
    title = f"{trial.title}: {end_point.directed}"
    return Page(title, blocks, synthetic=trial.synthetic, warnings=result.cautions)
