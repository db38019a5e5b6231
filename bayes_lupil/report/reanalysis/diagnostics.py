"""What stands at the end of a report: diagnostics, limitations, software, references."""

from __future__ import annotations

from functools import partial

from bayes_lupil.numbers import in_points, small
from bayes_lupil.posterior import Posterior
from bayes_lupil.posterior.diagnostics import MAX_K_HAT, MAX_R_HAT, MIN_ESS
from bayes_lupil.posterior.estimands import ESTIMANDS
from bayes_lupil.report.media.blocks import Block, Bullets, Figure, Folded, Heading, Paragraph, Table
from bayes_lupil.report.places import model_places
from bayes_lupil.report.reanalysis.contents import Contents
from bayes_lupil.report.reanalysis.figures.ranks import figure_ranks, has_ranks, ranks_words
from bayes_lupil.report.reanalysis.hierarchy import engines, not_reported
from bayes_lupil.report.reanalysis.models import PARAMETERS
from bayes_lupil.report.reanalysis.references import references, trial_sources
from bayes_lupil.trials.margins import Margins

__all__ = ["diagnostics_blocks", "limitation_blocks", "limits", "reference_blocks", "software_blocks"]


def diagnostics_blocks(contents: Contents) -> list[Block]:
    """The verdict on each fit, the engines against each other, and every reported quantity."""
    fitted = contents.reanalysis.posteriors
    blocks: list[Block] = [
        Paragraph(
            f"Required of Markov chains: R-hat at most {MAX_R_HAT}, bulk and tail effective sample size at least "
            f"{MIN_ESS} for every quantity, no divergent transition. Required of importance samples: k-hat at most "
            f"{MAX_K_HAT}, at least {MIN_ESS} effective draws, integrals that twice the nodes do not change. Where "
            "anything fails, no probability is given."
        ),
        Table.of(
            ("model", "verdict"),
            [(f"`{p.spec.name}`", p.verdict.text) for p in fitted],
            "Verdict of the diagnostics, over all quantities of a model, those of sites included",
        ),
    ]
    checked = engines(contents.reanalysis)
    if checked is not None:
        blocks += [Heading("Engines against each other", 3), checked]
    if contents.lead is not None and has_ranks(contents.lead):
        caption = "Ranks of the draws by chain: level lines are chains that agree."
        draw = partial(figure_ranks, contents.lead)
        blocks.append(Figure("ranks", ranks_words(contents.lead), caption, draw))
    blocks += [Heading("Every reported quantity", 3)]
    places = model_places(item.model for item in contents.reanalysis.analyses)
    for p in fitted:
        table = _quantities(p, places[p.spec.name])
        blocks.append(Folded(f"Model {p.spec.name}: {len(table.rows)} quantities", (table,)))
    return blocks + not_reported(contents.reanalysis)


def _quantities(posterior: Posterior, place: str) -> Table:
    independent = "pareto_k" in posterior.diagnostics
    rows = []
    for row in posterior.rows:
        if "[" in row.name:
            continue
        own = posterior.data["posterior"][row.name].attrs.get("long_name", "")  # as of a covariate
        words = ESTIMANDS.get(row.name) or PARAMETERS.get(row.name) or own
        words = words.replace("response probability", posterior.provenance.end_point.words.probability)
        worth = (
            [f"{row.ess_bulk:.0f}"]
            if independent
            else [f"{row.ess_bulk:.0f}", f"{row.ess_tail:.0f}", f"{row.r_hat:.4f}"]
        )
        rows.append(
            (
                f"`{row.name}`", words, _digits(row.mean), small(row.mcse_mean), _digits(row.sd), _digits(row.q2_5),
                _digits(row.q50), _digits(row.q97_5), *worth,
            )
        )  # fmt: skip
    heads = ("independent draws",) if independent else ("bulk ESS", "tail ESS", "R-hat")
    return Table.of(
        ("quantity", "what it is", "mean", "MCSE of it", "SD", "2.5 %", "median", "97.5 %", *heads),
        rows,
        f"Posterior summaries and diagnostics of {posterior.spec.name}; probabilities and differences as proportions",
        f"{place}/summary.csv",
    )


def _digits(value: float) -> str:
    return f"{value:.3f}" if abs(value) < 1000 else f"{value:.4g}"


CONTAMINATED = (
    "In 1,000 simulated trials of 100 patients at 25 sites, at two of which every control patient responds, with an "
    "odds ratio of 2 at all others, the model `site_effects`, given the table of sites, told the difference over "
    "all patients well (bias -0.7 points, coverage of 95 % intervals 97 %), but hardly any of the effect at the "
    "other sites (bias of the log odds ratio -0.66 of 0.69, coverage 72 %). If the excluded sites are of that kind, "
    "the effect elsewhere is probably larger than told here."
)
"""Of `tests/operating/operating.json`, to which a test holds it."""


def limits(contents: Contents) -> list[Block]:
    """The limitations that bear most on the answer, a line each; the others are in `limitation_blocks`."""
    trial, lines = contents.trial, list[str]()
    after = [population.label for population in trial.populations.values() if population.post_hoc]
    if trial.resolution == "margins":
        lines.append("No patient's site was published: what is said of sites comes mostly from priors.")
    if trial.not_published:
        shown = "; ".join(trial.not_published[:3])
        more = len(trial.not_published) - 3
        lines.append(f"Never published: {shown}{f'; and {more} more' if more > 0 else ''}.")
    if after:
        lines.append(f"{', '.join(after).capitalize()}: analysed post hoc, and not protected by randomisation.")
    if trial.end_point.mcid is not None:
        lines.append(
            f"The important difference, {in_points(100 * trial.end_point.mcid)}: "
            f"{trial.end_point.mcid_source or 'no source is given'}."
        )
    if isinstance(trial.data, Margins) and trial.data.excluded_sites and (0, 0) in trial.data.impossible_at_excluded:
        lines.append(CONTAMINATED)
    lines += [
        "Of this end point alone: worse means worse on it, and adverse events are not analysed.",
        "Every probability holds under its model and priors, of which no file says that they were chosen before the "
        "result was known; other evidence enters through priors alone.",
    ]
    return [Bullets(tuple(lines))]


def limitation_blocks(contents: Contents) -> list[Block]:
    """What was never published first, then what the analysis itself cannot do."""
    trial, blocks = contents.trial, list[Block]()
    if trial.not_published:
        blocks += [
            Paragraph(
                "Never published, and so not known here; whatever depends on it rests on the model's assumptions:"
            ),
            Bullets(trial.not_published),
        ]
    own = [
        "A reanalysis of one trial: it weighs no other evidence but what a prior says it takes from elsewhere.",
        "Every probability is conditional on its model and its priors; other ones stand beside it, and none is proved.",
        "No patient characteristics enter: only arm, response, and site as far as it is known.",
    ]
    if any(population.post_hoc for population in trial.populations.values()):
        names = ", ".join(population.label for population in trial.populations.values() if population.post_hoc)
        own.append(f"Analyses chosen post hoc ({names}) are not protected by randomisation.")
    if trial.resolution == "margins":
        own.append(
            "The site of no patient is known: how sites differ, and what the excluded ones held, comes mostly from the "
            "priors, as the section on sites shows where that was run."
        )
    if trial.end_point.mcid is not None:
        own.append(
            f"The important difference, {in_points(100 * trial.end_point.mcid, 'percentage point')}: "
            f"{trial.end_point.mcid_source or 'no source is given'}."
        )
    if contents.priors is None:
        own.append("Other priors of the treatment effect were not tried.")
    if contents.sites is None and len(trial.site_names) > 1:
        own.append("Sites were not looked at one by one.")
    return [*blocks, Paragraph("Of this analysis:"), Bullets(tuple(own))]


def software_blocks(contents: Contents) -> list[Block]:
    """Versions, seeds, hashes: what it takes to run it again."""
    fitted = contents.reanalysis.posteriors
    if not fitted:
        return []
    first = fitted[0].provenance
    versions = ", ".join(f"{name} {number}" for name, number in sorted(first.versions.items()))
    rows = [
        (
            f"`{p.spec.name}`", p.provenance.sampler, str(p.provenance.seed), p.provenance.model_hash[:12],
            p.provenance.created.replace("T", " ").replace("+00:00", " UTC"),
            f"{sum(p.provenance.seconds.values()):.1f}",
        )
        for p in fitted
    ]  # fmt: skip
    handed = tuple(f"`{p.spec.name}` was {p.provenance.handed_over}." for p in fitted if p.provenance.handed_over)
    return [
        Paragraph(f"Python {first.python} on {first.platform}; {versions}."),
        Table.of(
            ("model", "sampler", "seed", "model hash", "fitted", "seconds"),
            rows,
            f"How each model was fitted; SHA-256 of the data {first.data_hash[:12]}",
        ),
        *([Bullets(handed)] if handed else []),
        Paragraph(
            "The model files, with every prior and its reason, are in the manifest.json of each model's folder beside "
            "this page, with the whole hashes."
        ),
    ]


def reference_blocks(contents: Contents) -> list[Block]:
    """Sources of the trial, then the methods that this run used."""
    blocks: list[Block] = []
    for title, listed in (("Trial", trial_sources(contents)), ("Methods used", references(contents))):
        if listed:
            cited = (
                f"{item.citation.rstrip('.')}{f', doi {item.doi}' if item.doi else ''}. Used for: {item.used_for}."
                for item in listed
            )
            blocks += [Heading(title, 3), Bullets(tuple(cited))]
    return blocks
