"""Tables to take away: comparison and benefit, as CSV, Markdown, LaTeX and Word, with their interval types named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bayes_lupil.numbers import interval, p_value, points, probability
from bayes_lupil.posterior.diagnostics import mcse_quantile
from bayes_lupil.posterior.estimands import Benefit
from bayes_lupil.report.answer import beyond_words
from bayes_lupil.report.blocks import Block, Paragraph, Table
from bayes_lupil.report.contents import Contents
from bayes_lupil.report.markdown import markdown
from bayes_lupil.report.tables import comparison_table, csv_text, latex_table, marked
from bayes_lupil.report.word import word_document
from bayes_lupil.trials.trial import SYNTHETIC, EndPoint

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["TAKEAWAY", "benefit_frame", "benefit_table", "comparison_for_papers", "ladders", "takeaway"]

TAKEAWAY = (
    "comparison.csv", "comparison_table.md", "comparison_table.tex", "comparison_table.docx",
    "benefit.csv", "benefit.md", "benefit.tex", "benefit.docx",
)  # fmt: skip
"""Names of the files, where there is something to put into them."""

_NOTE = "MCSE: Monte Carlo standard error; probabilities and differences are rounded to it."


def comparison_for_papers(contents: Contents) -> Table:
    """Frequentist and Bayesian analyses side by side, numbers rounded, the kind of every interval named."""
    frame = comparison_table(contents.reanalysis)
    errors = {
        p.spec.name: max(mcse_quantile(p.draws("risk_difference"), q) for q in (0.025, 0.5, 0.975))
        for p in contents.sound
    }
    rows = []
    for item in frame.astype(object).where(frame.notna(), None).to_dict("records"):
        if item["kind"] == "check":
            continue
        error = errors.get(str(item["analysis"]).split(":")[0]) if str(item["kind"]).startswith("Bayesian") else None
        rd = "" if item["risk_difference"] is None else points(item["risk_difference"], error)
        told = ("risk_difference", "p_printed", "p_recomputed", "p_benefit")
        limits = (  # a row without any number says why
            ("" if any(item[name] is not None for name in told) else str(item["status"] or ""))
            if item["rd_lower"] is None
            else f"{interval(points(item['rd_lower'], error), points(item['rd_upper'], error))} ({item['interval']})"
        )  # fmt: skip
        chances = [
            "" if item[name] is None else probability(item[name], item[f"{name}_mcse"])
            for name in ("p_benefit", "p_relevant")
        ]
        rows.append(
            [
                str(item["analysis"]), str(item["kind"]), str(item["population"]), item["active"] or "",
                item["control"] or "", rd, limits, p_value(item["p_printed"]), p_value(item["p_recomputed"]), *chances,
            ]
        )  # fmt: skip
    arms = contents.trial.arms
    return Table.of(
        (
            "analysis", "kind", "population", arms.active, arms.control, "risk difference (points)", "interval",
            "p as printed", "p recomputed", "P(benefit)", "P(relevant benefit)",
        ),
        rows,
        f"{contents.trial.end_point.directed}: risk differences are {arms.active} minus {arms.control}, in points",
        "comparison.csv",
    )  # fmt: skip


def benefit_table(contents: Contents) -> Table | None:
    """Benefit by model, then by prior of the lead model, threshold by threshold; None where nothing is sound."""
    lead = contents.lead
    if lead is None:
        return None
    # by statement: what is trivial depends on two thresholds, and models may differ in either
    wanted = [(item.kind, item.statement) for item in lead.ladder]
    rows, arms = [], contents.trial.arms
    for model, prior, population, ladder in ladders(contents):
        by_event = {(item.kind, item.statement): item for item in ladder}
        cells = [
            probability(by_event[key].probability, by_event[key].mcse) if key in by_event else "not asked"
            for key in wanted
        ]
        rows.append([*_named(model, prior), population, *cells])
    return Table.of(
        ("analysis", "kind", "population", *(_head(item, contents.trial.end_point) for item in lead.ladder)),
        rows,
        f"{contents.trial.end_point.directed}: probabilities of more or fewer "
        f"{contents.trial.end_point.words.many} on {arms.active} than on {arms.control}, "
        "with their Monte Carlo standard errors",
        "benefit.csv",
    )


def _head(item: Benefit, end_point: EndPoint) -> str:
    """The event as it reads for the end point: a benefit may be fewer responses."""
    more, fewer = ("more", "fewer") if end_point.sign > 0 else ("fewer", "more")
    size, what = f"{100 * abs(item.threshold):g} percentage points", end_point.words.many
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


def takeaway(contents: Contents) -> dict[str, bytes]:
    """The files to take away by their names: both tables as CSV, unrounded, and as Markdown, LaTeX and Word.

    Without a sound analysis `benefit.csv` has no row, and there is no other table of benefit.
    """
    synthetic, cautions = contents.trial.synthetic, contents.reanalysis.cautions
    comparison = csv_text(comparison_table(contents.reanalysis).round(6))
    benefit = csv_text(marked(benefit_frame(contents), synthetic).round(6))
    found = {"comparison.csv": comparison.encode(), "benefit.csv": benefit.encode()}
    notes = [*([SYNTHETIC] if synthetic else []), *(f"Warning: {text}." for text in cautions), _NOTE]
    for name, table in (("comparison_table", comparison_for_papers(contents)), ("benefit", benefit_table(contents))):
        if table is None:
            continue
        title = contents.trial.title if not synthetic else f"{SYNTHETIC}. {contents.trial.title}"
        page: list[Block] = [
            Paragraph(title, strong=True),
            Paragraph(table.caption),
            table,
            *(Paragraph(note) for note in notes),
        ]
        rows = [[cell.replace("`", "") for cell in row] for row in table.rows]
        caption = f"{title}. {table.caption}. {' '.join(notes)}"
        found[f"{name}.md"] = markdown(page).encode()
        found[f"{name}.tex"] = latex_table(table.header, rows, caption).encode()
        found[f"{name}.docx"] = word_document(table, title, notes)
    return found
