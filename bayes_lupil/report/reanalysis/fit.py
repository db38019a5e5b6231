"""One fit: its files, what it prints, and its table for a manuscript."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from bayes_lupil.characters import escaped
from bayes_lupil.errors import InputError
from bayes_lupil.files import made_folder, write_bytes
from bayes_lupil.folders import MANIFEST
from bayes_lupil.frequentist.hierarchy import FORMAL
from bayes_lupil.numbers import probability
from bayes_lupil.posterior import Posterior
from bayes_lupil.report.media.blocks import Block, Heading, Page, Paragraph, Table, Verdict
from bayes_lupil.report.media.write import write
from bayes_lupil.report.reanalysis.card import effect_words
from bayes_lupil.report.reanalysis.verdict import verdict_words
from bayes_lupil.trials.end_point import SYNTHETIC

__all__ = ["FIT_FILES", "fit_page", "fit_summary", "result_page", "write_fit", "write_result"]

FIT_FILES = ("posterior.nc", "summary.csv", "benefit.csv", "diagnostics.json")
"""What `write_fit` writes, beside the manifest."""


def write_fit(posterior: Posterior, folder: str | Path, *, force: bool = False) -> Path:
    """Write posterior.nc, summary.csv, benefit.csv, diagnostics.json and manifest.json.

    Parameters
    ----------
    force : bool
        Whether files in the way are replaced that no earlier run wrote, or that were changed since.

    Raises
    ------
    OutputError
        Where the folder cannot be written to.
    """
    return write(fit_page(posterior), folder, FIT_FILES, force=force)


def fit_page(posterior: Posterior) -> Page:
    """The files of a fit, which has no page of its own."""
    summary = posterior.summary(sites=True).reset_index()
    summary["diagnostics"] = "ok" if posterior.verdict.ok else "FAILED: not to be reported"
    return Page(
        posterior.provenance.title, (), synthetic=posterior.provenance.synthetic,
        beside=(Table.data("summary.csv", summary), Table.data("benefit.csv", posterior.benefit())),
        files={
            "posterior.nc": posterior.save,
            "diagnostics.json": _json(posterior.verdict.to_dict(), posterior),
            MANIFEST: _json({"model": posterior.spec.to_dict(), **posterior.provenance.to_dict()}, posterior),
        },
    )  # fmt: skip


def _json(content: dict[str, Any], posterior: Posterior) -> str:
    head = {"SYNTHETIC": SYNTHETIC} if posterior.provenance.synthetic else {}
    plain = {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in content.items()}
    return escaped(json.dumps({**head, **plain}, indent=2, ensure_ascii=False)) + "\n"


def fit_summary(posterior: Posterior) -> Page:
    """The answer first, then every quantity, the benefit ladder and the verdict."""
    p, spec, best = posterior.provenance, posterior.spec, posterior.p_benefit
    if p.totals is not None:
        (r0, n0), (r1, n1) = p.totals
        counts = f"{p.arms.active} {r1}/{n1} against {p.arms.control} {r0}/{n0}"
    elif p.patients is not None:
        n0, n1 = p.patients
        counts = f"{p.arms.active} {n1} patients against {p.arms.control} {n0}"
    else:
        counts = f"{p.arms.active} against {p.arms.control}, known by one estimate"
    unit = f", in {p.end_point.unit}" if p.end_point.unit and p.end_point.kind == "continuous" else ""
    answer = "No probability is given, because the diagnostics failed."
    if best is not None:
        said_of_it = probability(best.probability, best.mcse)
        equals = "" if said_of_it[0] in "<>" else "= "
        chance = f"P(benefit: {best.statement}) {equals}{said_of_it}"
        answer = f"Answer: {posterior.effect.replace('_', ' ')} {effect_words(posterior)}; {chance}"
    said = [Verdict(verdict_words(best.probability, p.arms))] if best is not None and p.population == FORMAL else []
    blocks: list[Block] = [
        *said,
        Paragraph(answer, strong=True),
        Paragraph(f"Arms: {counts} ({p.population_label})"),
        Paragraph(f"End point: {p.end_point.directed}{unit}"),
        Paragraph(f"Model: {spec.headed}"),
        Paragraph(f"Prior of the effect (beta, {spec.effect_scale}): {spec.priors.beta.describe()}"),
    ]
    if posterior.ladder:
        relevant = {item.threshold for item in posterior.ladder if item.kind == "relevant"}
        rows = [
            (f"{item.kind}: {item.statement}", probability(item.probability, item.mcse))
            for item in posterior.ladder
            if item.kind != "benefit" or item.threshold not in relevant  # said twice, but for ties
        ]
        blocks.append(Table.of(("probability of", ""), rows))
        if posterior.nnt is not None:
            blocks.append(Paragraph(f"Number needed to treat: {posterior.nnt.text}"))
    blocks.append(Paragraph(f"Diagnostics {posterior.verdict.text}"))
    if p.handed_over:
        blocks.append(Paragraph(f"Note: {p.handed_over}"))
    blocks += [Heading("Details"), _quantities(posterior)]
    return Page(p.title, tuple(blocks), synthetic=p.synthetic, warnings=p.cautions)


def _quantities(posterior: Posterior) -> Table:
    independent = posterior.verdict.pareto_k is not None
    rows, named = [], {row.name for row in posterior.rows}
    for row in posterior.rows:
        if row.name == "conditional_log_odds_ratio" and "beta" in named:
            continue  # the same
        if "[" not in row.name:
            numbers = (row.mean, row.sd, row.q2_5, row.q50, row.q97_5)
            cells = ["none" if value != value else f"{value:.3f}" for value in numbers]
            rows.append([row.name, *cells, f"{row.ess_bulk:.0f}", *([] if independent else [f"{row.r_hat:.3f}"])])
    return Table.of(
        ["", "mean", "sd", "2.5 %", "50 %", "97.5 %", *(["draws"] if independent else ["ESS", "R-hat"])], rows
    )


def result_page(posterior: Posterior) -> Page:
    """One fit for a manuscript: counts, effect with its interval, probabilities with their errors, prior and verdict.

    No estimate and no probability where the diagnostics failed.
    """
    source, spec, name = posterior.provenance, posterior.spec, posterior.effect
    arms = source.arms.active, source.arms.control
    rows = [("population", source.population_label)]
    if source.totals is not None:
        control, active = source.totals
        counts = zip(arms, (active, control), strict=True)
        counted = source.end_point.words.patients
        rows += [(f"{counted}, {arm}", f"{found} of {patients}") for arm, (found, patients) in counts]
    if posterior.verdict.ok:
        rows.append((f"{name.replace('_', ' ')}, {arms[0]} minus {arms[1]}", effect_words(posterior)))
        rows += [(f"P({item.statement})", probability(item.probability, item.mcse)) for item in posterior.ladder]
    used = posterior.data["posterior"].data_vars
    rows += [(f"prior of {key}", prior.describe()) for key, prior in spec.priors.items() if key in used]
    rows.append(("diagnostics", posterior.verdict.text))
    better = f"{source.end_point.label}; {source.end_point.benefit} is better"
    table = Table.of(("quantity", "result"), rows, f"{spec.title} (model '{spec.name}'). End point: {better}")
    notes = [SYNTHETIC] if source.synthetic else []
    notes += [*source.notes, "MCSE: Monte Carlo standard error; probabilities and differences are rounded to it."]
    notes.append(f"Seed {source.seed}; {source.sampler}; data {source.data_hash[:12]}, model {source.model_hash[:12]}.")
    title = f"{SYNTHETIC}. {source.title}" if source.synthetic else source.title
    return Page(title, (table, *(Paragraph(note) for note in notes)), formats=("docx",), synthetic=source.synthetic)


def write_result(posterior: Posterior, path: Path) -> Path:
    """Write `result_page` as a Word document, whole or not at all.

    Raises
    ------
    OutputError
        Where the file cannot be written.
    InputError
        Where the name does not end in .docx.
    """
    from bayes_lupil.report.media.word import word_page

    if path.suffix.lower() != ".docx":
        raise InputError("to_word()", f"the path '{path}'", "a name that ends in .docx")
    with made_folder(path.parent):
        write_bytes(path, word_page(result_page(posterior)))
    return path
