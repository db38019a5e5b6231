"""Tables in LaTeX."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from bayes_lupil.characters import visible
from bayes_lupil.report.media.blocks import Page

__all__ = ["latex", "latex_table"]


_TEX_LINE = 100  # characters


# "<", ">" and "|" are other signs in LaTeX's default encoding; "[" and "*" after the end of a row would be its options
_TEX = str.maketrans(
    {
        "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "`": r"\textasciigrave{}",
        "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", "[": "{[}", "*": "{*}",
        **{sign: f"\\{sign}" for sign in "{}$&#_%"},
    }
)  # fmt: skip


def latex(page: Page) -> str:
    """The table of a page; its title, the table's caption and what stands below the table are the caption."""
    table, notes = page.table
    caption = f"{page.title}. {table.caption}. {' '.join(notes)}" if table.caption else page.title
    return latex_table(table.header, [[cell.replace("`", "") for cell in row] for row in table.rows], caption)


def latex_table(header: Sequence[str], rows: Sequence[Sequence[str]], caption: str) -> str:
    r"""A LaTeX table (booktabs), caption and every cell escaped; where it is wide, the columns share the line's width.

    Examples
    --------
    >>> "5 \\% & x\\_1" in latex_table(("a", "b"), [["5 %", "x_1"]], "c")
    True
    """

    def line(cells: Iterable[str]) -> str:
        return " & ".join(_tex(cell) for cell in cells) + r" \\"

    columns, wide = _tex_columns(header, rows)
    return "\n".join(
        [
            r"\begin{table}", rf"\caption{{{_tex(caption)}}}",
            *([r"\footnotesize", r"\setlength{\tabcolsep}{2pt}"] if wide else []),
            rf"\begin{{tabular}}{{{columns}}}", r"\toprule", line(header), r"\midrule", *(line(row) for row in rows),
            r"\bottomrule", r"\end{tabular}", r"\end{table}", "",
        ]
    )  # fmt: skip


def _tex_columns(header: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[str, bool]:
    longest = [max(len(cell) for cell in column) for column in zip(header, *rows, strict=True)]
    if sum(longest) <= _TEX_LINE:
        return "l" * len(header), False
    wanted = [min(max(length, 8), 30) for length in longest]  # a long name is broken, a short number is not
    # some of the line goes to the gaps between columns
    return "".join(f"p{{{0.85 * one / sum(wanted):.3f}\\linewidth}}" for one in wanted), True


def _tex(text: str) -> str:
    """Text as LaTeX: on one line, since a blank one would end the cell, with no sign that LaTeX takes for its own."""
    plain = " ".join(visible(text).split()).translate(_TEX)
    return re.sub(r"-(?=-)", "-{}", plain)  # two hyphens would become a dash
