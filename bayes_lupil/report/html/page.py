"""The report as one HTML file that needs nothing else: styles, scripts, figures and tables are inside."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from bayes_lupil.characters import visible
from bayes_lupil.numbers import interval, points, probability
from bayes_lupil.report.blocks import pieces
from bayes_lupil.report.checklists import checklists
from bayes_lupil.report.contents import Contents
from bayes_lupil.report.html.pictures import Picture
from bayes_lupil.report.html.your_prior import payload, static_table
from bayes_lupil.report.sections.order import sections_of
from bayes_lupil.trials.trial import SYNTHETIC

__all__ = ["render_page"]

_TYPES = {
    ".csv": "text/csv", ".md": "text/markdown", ".tex": "text/x-tex",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}  # fmt: skip
_LONGEST = 28
_FILES = {".csv": "CSV", ".md": "Markdown", ".tex": "LaTeX", ".docx": "Word"}


def render_page(contents: Contents, pictures: dict[str, Picture], files: Mapping[str, bytes]) -> str:
    """The page.

    Parameters
    ----------
    pictures : dict of str to Picture
        By the names that the figures of the sections have.
    files : mapping of str to bytes
        The tables to take away (`takeaway`), which are embedded as downloads.
    """
    environment = Environment(
        loader=PackageLoader("bayes_lupil.report.html"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, finalize=_finalize,
    )  # fmt: skip
    environment.filters |= {"text": _text, "mathml": _mathml}
    environment.tests["long"] = _long
    sections = sections_of(contents)
    anchors = {section.anchor: section.title for section in sections}
    return environment.get_template("page.html.j2").render(
        trial=contents.trial,
        sections=sections,
        anchors=anchors,
        pictures=pictures,
        key_numbers=_key_numbers(contents),
        checklists=checklists(contents, frozenset(anchors)),
        downloads=_downloads(files),
        synthetic=SYNTHETIC if contents.trial.synthetic else "",
        warnings=contents.reanalysis.cautions,
        your_prior=payload(contents.priors) if contents.priors is not None else None,
        your_prior_table=static_table(contents.priors) if contents.priors is not None else None,
        styles=_source("page.css") + _source("your_prior.css"),
        script=_source("page.js") + _source("your_prior.js"),
    )


def _source(name: str) -> Markup:
    text = (Path(__file__).parent / "templates" / name).read_text(encoding="utf-8")
    return Markup(text)  # noqa: S704 (a file of the package)


def _finalize(value: Any) -> Any:
    """Whatever a name holds is shown: marks that would hide or turn text become codes."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _text(text: str) -> Markup:
    """Plain text, in which what stands between two single backticks is code."""
    return Markup("").join(
        Markup("<code>{}</code>").format(piece) if code else escape(piece) for piece, code in pieces(text)
    )


def _long(text: str) -> bool:
    """Whether a cell holds a word that a column cannot hold."""
    return max((len(word) for word in text.split()), default=0) > _LONGEST


def _mathml(latex: str) -> Markup:
    """LaTeX as MathML, which browsers draw without a script."""
    from latex2mathml.converter import convert

    return Markup(convert(latex, display="block"))  # noqa: S704 (the equations are the package's own)


def _key_numbers(contents: Contents) -> list[tuple[str, str, str]]:
    """(what, value, in small) of the lead analysis; nothing where there is none."""
    lead = contents.lead
    if lead is None:
        return []
    arms, rd = lead.provenance.arms, lead.row("risk_difference")
    benefit, relevant = lead.chances["benefit"], lead.chances["relevant"]
    limits = interval(points(rd.q2_5), points(rd.q97_5))
    important = f"{100 * lead.spec.decision.relevant:g} points"
    return [
        (f"Risk difference, {arms.active} minus {arms.control}", f"{points(rd.q50)} points",
         f"95 % credible interval {limits}"),
        (f"Probability that {arms.active} is better", *_apart(probability(benefit.probability, benefit.mcse))),
        (f"Probability that it is better by at least {important}",
         *_apart(probability(relevant.probability, relevant.mcse))),
    ]  # fmt: skip


def _apart(chance: str) -> tuple[str, str]:
    value, error = chance.split(" (")
    return value, f"Monte Carlo standard error {error.removeprefix('MCSE ').removesuffix(')')}"


def _downloads(files: Mapping[str, bytes]) -> list[tuple[str, list[tuple[str, str, str]]]]:
    """(table, [(kind, file name, data URI)]) of the tables to take away that there are."""
    named = {
        "Comparison of all analyses": ("comparison.csv", "comparison_table.md", "comparison_table.tex",
                                       "comparison_table.docx"),
        "Benefit by model, prior and threshold": ("benefit.csv", "benefit.md", "benefit.tex", "benefit.docx"),
    }  # fmt: skip
    found = []
    for title, names in named.items():
        links = [(_FILES[Path(n).suffix], n, _uri(n, files[n])) for n in names if n in files]
        if links:
            found.append((title, links))
    return found


def _uri(name: str, content: bytes) -> str:
    return f"data:{_TYPES[Path(name).suffix]};base64,{base64.b64encode(content).decode()}"
