"""The page on a reanalysis, its sections in the order in which published reanalyses tell them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import cast

from bayes_lupil.folders import MANIFEST
from bayes_lupil.reanalysis import Reanalysis, leading
from bayes_lupil.report.checklists import checklists
from bayes_lupil.report.direction import directions
from bayes_lupil.report.look import SITE_FILES, look_page
from bayes_lupil.report.media.block_lists import nested, without_empty
from bayes_lupil.report.media.blocks import (
    Block,
    Bullets,
    Chart,
    Downloads,
    Figure,
    Folded,
    Heading,
    Page,
    Paragraph,
    Points,
    Table,
    Verdict,
    Widget,
    warnings_first,
)
from bayes_lupil.report.media.plot_style import figure_files
from bayes_lupil.report.media.write import write
from bayes_lupil.report.places import SITES, manifest_text, model_places
from bayes_lupil.report.published.page import BENEFIT_FILES
from bayes_lupil.report.published.reanalysis import estimate_page
from bayes_lupil.report.reanalysis.comparison import bayesian_analyses
from bayes_lupil.report.reanalysis.contents import Contents
from bayes_lupil.report.reanalysis.diagnostics import (
    diagnostics_blocks,
    limitation_blocks,
    limits,
    reference_blocks,
    software_blocks,
)
from bayes_lupil.report.reanalysis.figures.effects import figure_intervals, intervals_words
from bayes_lupil.report.reanalysis.figures.prior_chart import prior_chart
from bayes_lupil.report.reanalysis.figures.priors import (
    figure_prior_posterior,
    figure_prior_predictive,
    prior_posterior_words,
    prior_predictive_words,
)
from bayes_lupil.report.reanalysis.figures.site_rates import figure_shrinkage, has_sites, site_rates_words
from bayes_lupil.report.reanalysis.first_screen import answer_blocks, in_short, verdict
from bayes_lupil.report.reanalysis.fit import FIT_FILES, fit_page
from bayes_lupil.report.reanalysis.hierarchy import (
    definitions,
    engines,
    gate_notes,
    hierarchy_table,
    not_reported,
    recomputed,
)
from bayes_lupil.report.reanalysis.models import model_blocks, prior_effects_table
from bayes_lupil.report.reanalysis.paired import paired_table
from bayes_lupil.report.reanalysis.paper_tables import TAKEAWAY, paper_pages
from bayes_lupil.report.reanalysis.plain_language import findings, prior_words
from bayes_lupil.report.reanalysis.results import priors_table, result_blocks, sensitivity_blocks
from bayes_lupil.report.reanalysis.trial_and_estimand import data_blocks, estimand_blocks, trial_blocks
from bayes_lupil.report.reanalysis.your_prior import payload
from bayes_lupil.report.sites.page import sites_answer
from bayes_lupil.report.unpublished.page import unpublished_answer
from bayes_lupil.report.unpublished.sentences import excluded_names, excluded_sites_words, what_is_explained
from bayes_lupil.report.unpublished.suppositions import left_out_words
from bayes_lupil.sensitivity.effect_priors import analyse_priors
from bayes_lupil.sites.analysis import SiteAnalysis
from bayes_lupil.spec import ModelSpec
from bayes_lupil.unpublished.analysis import UnpublishedAnalysis

__all__ = ["collect", "comparison_page", "reanalysis_files", "reanalysis_page", "write_reanalysis"]

_TABLES = (
    "answer",
    "baseline_risk",
    "priors",
    "priors_of_effect",
    "effect_priors",
    "tipping_priors",
    "prior_map",
    "prior_likelihood_posterior",
)
_FIGURES = (
    "answer", "prior_predictive", "prior_posterior", "risk_difference", "benefit_curve", "baseline_risk",
    "ranks", "site_shrinkage", "intervals", "prior_map", "prior_likelihood_posterior",
)  # fmt: skip


def reanalysis_files(models: Sequence[ModelSpec], sites: bool) -> list[str]:
    """Everything that `write_reanalysis` may write, relative to its folder.

    Parameters
    ----------
    sites : bool
        Whether the folder 'sites' is one of its parts.
    """
    return [
        "report.html", *TAKEAWAY, "comparison.md", *(f"{name}.csv" for name in _TABLES), *figure_files(*_FIGURES),
        *(f"{place}/{name}" for place in model_places(models).values() for name in FIT_FILES),
        *(f"{SITES}/{name}" for name in SITE_FILES if sites),
        *(name for name in BENEFIT_FILES if name not in TAKEAWAY),
    ]  # fmt: skip


def collect(result: Reanalysis, sites: SiteAnalysis | UnpublishedAnalysis | None = None) -> Contents:
    """What a report is made from: the reanalysis, its main analysis under other priors, and the look at the sites.

    Parameters
    ----------
    result : Reanalysis
    sites : SiteAnalysis or UnpublishedAnalysis, optional
        Left out, the report has no section on sites.
    """
    contents = Contents(result, None, sites)
    lead = contents.lead
    if lead is None or lead.draws("beta").ndim != 2 or lead.provenance.end_point.kind != "binary":
        # no result, no treatment effect that sites share, or no risks
        return contents
    return Contents(result, analyse_priors(lead), sites)


def write_reanalysis(result: Contents | Reanalysis, folder: str | Path, *, force: bool = False) -> Path:
    """Write report.html, the comparison, tables to take away, figures (PNG and SVG) and a folder for each model fitted.

    Where the sites were looked at, their tables and figures are in the folder 'sites'.

    Parameters
    ----------
    result : Reanalysis or Contents
        What `bayes_lupil.reanalyse` gave, or `collect` made of it together with a look at the sites.
    folder : str or Path
    force : bool
        Whether files in the way are replaced that no earlier run wrote, or that were changed since.

    Raises
    ------
    OutputError
        Where the folder cannot be written to.
    """
    contents = result if isinstance(result, Contents) else collect(result)
    models = [item.model for item in contents.reanalysis.analyses]
    names = reanalysis_files(models, contents.sites is not None)
    return write(reanalysis_page(contents), folder, names, force=force)


def reanalysis_page(contents: Contents) -> Page:
    """The report, and beside it the comparison, tables to take away, and a part for each model and for the sites."""
    result, trial = contents.reanalysis, contents.trial
    places = model_places(item.model for item in result.analyses)
    parts = {places[posterior.spec.name]: fit_page(posterior) for posterior in result.posteriors}
    manifest = {MANIFEST: manifest_text(trial.data_hash, trial.synthetic, trial.reading)}
    if trial.resolution == "estimate":
        return replace(estimate_page(result), parts=parts, files=manifest)
    sites = None if contents.sites is None else look_page(contents.sites)
    papers = paper_pages(contents)
    blocks = [*_first(contents), *_sites(contents), *_beside_the_trial(contents), *_details(contents, sites, papers)]
    anchors = dict(_anchors(blocks))
    filled = {"checklists": checklists(contents, frozenset(anchors)), "anchors": anchors}
    at = next(i for i, block in enumerate(blocks) if isinstance(block, Folded) and block.anchor == "checklists")
    listed = Widget("bayes_lupil.report.checklists", "checklists", filled)
    blocks[at] = replace(cast("Folded", blocks[at]), blocks=(listed,))
    return Page(
        trial.title, tuple(blocks), "report", ("html",), trial.synthetic,
        f"Bayesian reanalysis of a {'multicentre trial' if len(trial.site_names) > 1 else 'trial'}",
        trial.end_point.directed, result.cautions,
        (comparison_page(result), *(page for _, page in papers), *_beside(contents)),
        parts | ({} if sites is None else {SITES: sites}),
        manifest,
    )  # fmt: skip


def _anchors(blocks: Sequence[Block]) -> Iterator[tuple[str, str]]:
    """(anchor, title) of every section and of every folded part."""
    for block in blocks:
        if isinstance(block, Heading) and block.level == 2 and block.anchor:
            yield block.anchor, block.text
        elif isinstance(block, Folded) and block.anchor:
            yield block.anchor, block.summary


def _section(anchor: str, title: str, blocks: Sequence[Block], of: str = "") -> list[Block]:
    """A section; nothing where it has nothing to say."""
    return [Heading(title, 2, anchor, of), *blocks] if blocks else []


def _first(contents: Contents) -> list[Block]:
    """The verdict, and what it depends on."""
    return _section("answer", "In short", answer_blocks(contents), contents.trial.end_point.directed)


def _sites(contents: Contents) -> list[Block]:
    """Whether the suspect sites explain the result."""
    found = contents.sites
    if found is None:
        return []
    if isinstance(found, UnpublishedAnalysis):
        names = excluded_names(found)
        who = excluded_sites_words(found) if len(names) < 4 else f"the {len(names)} excluded sites"
        title = f"{'Do' if len(names) > 1 else 'Does'} {who} explain {what_is_explained(found)}?"
        blocks = unpublished_answer(found)
    else:
        title, blocks = "What the sites show", sites_answer(found)
    return _section("sites", title, nested(blocks, f"{SITES}/"), contents.trial.end_point.directed)


def _beside_the_trial(contents: Contents) -> list[Block]:
    """How much the prior says, the trial's own tests, and what the report cannot tell."""
    priors, result, sites = contents.priors, contents.reanalysis, contents.sites
    chosen: list[Block] = []
    if priors is not None:
        values = {"your_prior": payload(priors)}
        chosen = [
            *(Paragraph(text) for text in prior_words(contents)),
            Widget("bayes_lupil.report.reanalysis", "your_prior", values),
            *([] if (chart := prior_chart(priors)) is None else [chart]),
            priors_table(priors, widget=True),
        ]
    unlike = [Paragraph(left_out_words(sites.stayed, sites.trial))] if isinstance(sites, UnpublishedAnalysis) else []
    tests: list[Block] = [paired_table(contents), *unlike, *gate_notes(result)]
    return [
        *_section("your-prior", "How much does the prior matter?", chosen),
        *_section("hierarchy", "Beside the trial's own tests", tests, contents.trial.end_point.directed),
        *_section("limitations", "Limits", limits(contents)),
    ]


def _details(contents: Contents, sites: Page | None, papers: tuple[tuple[str, Page], ...]) -> list[Block]:
    """All that a statistician or a reviewer looks up, each part folded."""
    shown = sites_shown(contents)
    # without its title, what must be known first, and what the report has shown already
    in_full = without_empty(
        block for block in (() if sites is None else sites.blocks)
        if not (isinstance(block, Heading) and block.level == 1) and not (isinstance(block, Paragraph) and block.strong)
        and not (isinstance(block, Chart | Figure | Bullets) and block in shown)
    )  # fmt: skip
    parts = (
        ("words", "The answer in sentences", _in_sentences(contents)),
        ("results", "Results of every model", result_blocks(contents)),
        ("sites-in-full", "Sites in full", nested(in_full, f"{SITES}/")),
        ("sensitivity", "Sensitivity to the prior", sensitivity_blocks(contents.priors) if contents.priors else []),
        ("tests", "The trial's hierarchy of end points, and what its counts give", _hierarchy(contents)),
        ("trial", "The trial and the question", [
            *trial_blocks(contents), Heading("Estimand, by the attributes of ICH E9(R1)", 3), *estimand_blocks(contents)
        ]),
        ("data", "The data, with the source of every number", data_blocks(contents)),
        ("models", "Models and priors", model_blocks(contents)),
        ("prior-predictive", "What the priors expect before the data", _prior_predictive(contents)),
        ("diagnostics", "Diagnostics", diagnostics_blocks(contents)),
        ("limitations-in-full", "Limitations in full", limitation_blocks(contents)),
        ("checklists", "Reporting checklists", [Bullets(())]),
        ("software", "Software, seeds, files", [*software_blocks(contents), Heading("Tables to take away", 3),
                                               Downloads(papers)]),
        ("references", "References", reference_blocks(contents)),
    )  # fmt: skip
    folded = [Folded(title, tuple(blocks), anchor) for anchor, title, blocks in parts if blocks]
    return _section("details", "For statisticians and reviewers", folded)


def sites_shown(contents: Contents) -> list[Block]:
    """What the report shows of the sites unfolded, as it stands on their own page."""
    found = contents.sites
    if found is None:
        return []
    return unpublished_answer(found) if isinstance(found, UnpublishedAnalysis) else sites_answer(found)


def _in_sentences(contents: Contents) -> list[Block]:
    told: list[Block] = []
    for question, lines in findings(contents):
        told += [Heading(question, 3), *(Paragraph(line) for line in lines)]
    return told


def _prior_predictive(contents: Contents) -> list[Block]:
    lead = contents.lead
    if lead is None:
        return []
    before = "Response probabilities" if contents.trial.end_point.sign > 0 else "Risks"
    blocks: list[Block] = [
        Paragraph(
            f"Before any data, the priors of `{lead.spec.name}` spread response and effect as below. They are "
            "to be wide enough to let the data speak, and not so wide that absurd trials are expected."
        ),
        Figure(
            "prior_predictive", prior_predictive_words(lead),
            f"{before} and risk difference before the data; the lines mark what was observed.",
            partial(figure_prior_predictive, lead),
        ),
        prior_effects_table(contents),
    ]  # fmt: skip
    if lead.draws("beta").ndim == 2:  # a parameter that sites share
        caption = "Main parameters before (dashed) and after the data (filled)."
        draw = partial(figure_prior_posterior, lead)
        blocks.append(Figure("prior_posterior", prior_posterior_words(lead), caption, draw))
    return blocks


def _hierarchy(contents: Contents) -> list[Block]:
    result = contents.reanalysis
    return [
        hierarchy_table(result),
        *gate_notes(result),
        Heading("What the counts give (recomputed here)", 3),
        *recomputed(result),
        Heading("Frequentist and Bayesian intervals", 3),
        Figure(
            "intervals", intervals_words(result),
            "Confidence intervals and credible intervals of the risk difference on one axis. They answer different "
            "questions: how the method would fare in repeated trials, and what is probable given this one and the "
            "priors.",
            partial(figure_intervals, result),
        ),
    ]  # fmt: skip


def _beside(contents: Contents) -> Iterator[Table | Figure]:
    """Tables and figures that are files only."""
    if contents.priors is not None:
        yield Table.data("prior_map.csv", contents.priors.map.to_frame())
    if contents.lead is None:
        yield prior_effects_table(contents)
    chosen = leading([posterior for posterior in contents.sound if has_sites(posterior)])
    if chosen is not None:
        draw = partial(figure_shrinkage, chosen)
        yield Figure("site_shrinkage", site_rates_words(chosen), "Response rates by site, raw and shrunken", draw)


def comparison_page(result: Reanalysis) -> Page:
    """Hierarchy, tests of the counts, Bayesian analyses, caveats."""
    trial = result.trial
    page: list[Block] = [
        Heading(trial.title, 1),
        *warnings_first(trial.synthetic, result.cautions),
        Verdict(verdict(Contents(result))),
        Points(in_short(Contents(result))),
        Paragraph(directions(trial)),
        Heading("The trial's own hierarchy"),
        hierarchy_table(result),
        *gate_notes(result),
        Heading(f"What the counts give (recomputed here): {trial.end_point.directed}"),
        *recomputed(result),
        Heading(f"Bayesian analyses: {trial.end_point.directed}"),
        bayesian_analyses(result),
        *definitions(result),
    ]
    checked = engines(result)
    if checked is not None:
        page += [Heading("Engines agree"), checked]
    page += not_reported(result)
    cited = tuple(f"{s.citation}{f', doi {s.doi}' if s.doi else ''}" for s in trial.sources)
    for title, listed in (
        ("Never published", trial.not_published), ("Notes on the data", trial.notes), ("Sources", cited)
    ):  # fmt: skip
        if listed:
            page += [Heading(title), Bullets(tuple(listed))]
    return Page(trial.title, tuple(page), "comparison", synthetic=trial.synthetic, warnings=result.cautions)
