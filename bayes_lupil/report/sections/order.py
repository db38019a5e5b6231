"""The sections in the order in which published reanalyses tell them."""

from __future__ import annotations

from bayes_lupil.report.answer import findings
from bayes_lupil.report.blocks import Block, Figure, Heading, Paragraph
from bayes_lupil.report.comparison_page import gate_notes, hierarchy_table, recomputed
from bayes_lupil.report.contents import Contents
from bayes_lupil.report.estimand import data_blocks, estimand_blocks, trial_blocks
from bayes_lupil.report.figures import alternatives
from bayes_lupil.report.hidden_page import hidden_page
from bayes_lupil.report.sections.closing import (
    diagnostics_blocks,
    limitation_blocks,
    reference_blocks,
    software_blocks,
)
from bayes_lupil.report.sections.models import model_blocks, prior_effects_table
from bayes_lupil.report.sections.results import result_blocks, sensitivity_blocks
from bayes_lupil.report.sections.section import Section, nested
from bayes_lupil.report.site_page import sites_page
from bayes_lupil.report.supposed import left_out_words
from bayes_lupil.sites.analysis import SiteAnalysis
from bayes_lupil.unpublished.analysis import UnpublishedAnalysis

__all__ = ["sections_of"]


def sections_of(contents: Contents) -> tuple[Section, ...]:
    """Every section that the run has something for."""
    every = [
        Section("answer", "In short", tuple(_answer(contents)), directed=True),
        Section("trial", "The trial and the question", (
            *trial_blocks(contents), Heading("Estimand, by the attributes of ICH E9(R1)", 3),
            *estimand_blocks(contents),
        )),
        Section("data", "The data, with the source of every number", tuple(data_blocks(contents))),
        Section("models", "Models and priors", tuple(model_blocks(contents))),
        Section("prior-predictive", "What the priors expect before the data", tuple(_prior_predictive(contents))),
        Section("results", "Results", tuple(result_blocks(contents)), directed=True),
        Section("your-prior", "Your prior", (), "your_prior") if contents.priors is not None else None,
        Section("hierarchy", "The trial's own hierarchy, beside it", tuple(_hierarchy(contents))),
        Section("sites", "Sites", tuple(_sites(contents.sites)), directed=True) if contents.sites is not None else None,
        Section("sensitivity", "Sensitivity to the prior", tuple(sensitivity_blocks(contents)), directed=True)
        if contents.priors is not None else None,
        Section("diagnostics", "Diagnostics", tuple(diagnostics_blocks(contents))),
        Section("limitations", "Limitations", tuple(limitation_blocks(contents))),
        Section("checklists", "Reporting checklists", (), "checklists"),
        Section("software", "Software, seeds, files", tuple(software_blocks(contents)), "downloads"),
        Section("references", "References", tuple(reference_blocks(contents))),
    ]  # fmt: skip
    return tuple(item for item in every if item is not None and (item.blocks or item.widget))


def _answer(contents: Contents) -> list[Block]:
    blocks: list[Block] = []
    for question, lines in findings(contents):
        blocks += [Heading(question, 3), *(Paragraph(line) for line in lines)]
    return blocks


def _prior_predictive(contents: Contents) -> list[Block]:
    if contents.lead is None:
        return []
    before = "Response probabilities" if contents.trial.end_point.sign > 0 else "Risks"
    return [
        Paragraph(
            f"Before any data, the priors of `{contents.lead.spec.name}` spread response and effect as below. They are "
            "to be wide enough to let the data speak, and not so wide that absurd trials are expected."
        ),
        Figure(
            "prior_predictive", alternatives.prior_predictive(contents.lead),
            f"{before} and risk difference before the data; the lines mark what was observed.",
        ),
        prior_effects_table(contents),
        Figure(
            "prior_posterior", alternatives.prior_posterior(contents.lead),
            "Main parameters before (dashed) and after the data (filled).",
        ),
    ]  # fmt: skip


def _hierarchy(contents: Contents) -> list[Block]:
    result, sites = contents.reanalysis, contents.sites
    unlike = [Paragraph(left_out_words(sites.stayed, sites.trial))] if isinstance(sites, UnpublishedAnalysis) else []
    return [
        hierarchy_table(result),
        *unlike,
        *gate_notes(result),
        Heading("What the counts give (recomputed here)", 3),
        *recomputed(result),
        Heading("Frequentist and Bayesian intervals", 3),
        Figure(
            "intervals", alternatives.intervals(result),
            "Confidence intervals and credible intervals of the risk difference on one axis. They answer different "
            "questions: what would hold in repeated trials, and what is probable given this one and the priors.",
        ),
    ]  # fmt: skip


def _sites(sites: SiteAnalysis | UnpublishedAnalysis | None) -> list[Block]:
    """The page on sites, as a section: without its title, which the report has."""
    page = (
        hidden_page(sites) if isinstance(sites, UnpublishedAnalysis) else sites_page(sites) if sites is not None else []
    )
    inside = [block for block in page if not (isinstance(block, Heading) and block.level == 1)]
    return nested((block for block in inside if not (isinstance(block, Paragraph) and block.strong)), "sites/")
