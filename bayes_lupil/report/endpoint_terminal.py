"""What a hierarchy of end points prints in the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from bayes_lupil.characters import visible
from bayes_lupil.endpoints.analysis import EndPointAnalysis
from bayes_lupil.report.endpoint_page import hierarchy_rows
from bayes_lupil.report.endpoint_words import gate_words, missing_words
from bayes_lupil.trials.trial import SYNTHETIC

__all__ = ["print_end_points"]


def print_end_points(result: EndPointAnalysis, out: Console) -> None:
    """The hierarchy, what is missing, and what failed."""

    def line(text: str) -> None:
        out.print(visible(text), highlight=False, markup=False)

    if result.synthetic:
        out.print(SYNTHETIC, style="bold red")
    out.print(visible(result.plan.title), style="bold", highlight=False, markup=False)
    line(f"{result.arms.active} against {result.arms.control}; effects are active minus control")
    together = result.joint is not None and result.joint.verdict.ok
    last = ["P(all)"] if together else []
    table = Table(
        Column("step", overflow="fold"),
        "p",
        "effect (95 % credible interval)",
        "P(benefit)",
        *last,
        box=None,
        pad_edge=False,
    )
    for row in hierarchy_rows(result):
        printed = f"{row[2]} printed" if row[2] else row[3]
        cells = (f"{row[0]} {row[1]}", printed, row[6], row[7], *([row[9]] if together else []))
        table.add_row(*(Text(visible(cell)) for cell in cells))  # names are no markup
    out.print(table)
    if together:
        line("P(all): that this end point and all above favour the active arm, by the model of all together.")
    elif result.bounds:
        bound = result.bounds[-1]
        line(f"P(all favour the active arm): between {bound.lower:.3f} and {bound.upper:.3f} (bounds; no joint model)")
    line(gate_words(result))
    for step in result.steps:
        line(f"{step.number}: {missing_words(step)}")
    if result.joint_reason:
        line(f"Joint model: {result.joint_reason}")
