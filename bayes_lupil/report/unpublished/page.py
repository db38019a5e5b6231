"""The page on sites whose table was never published."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace
from functools import partial
from typing import TYPE_CHECKING

from bayes_lupil.folders import MANIFEST
from bayes_lupil.numbers import interval, points, points_interval, probability, small
from bayes_lupil.report.media.blocks import Block, Bullets, Figure, Heading, Page, Paragraph, Table, warnings_first
from bayes_lupil.report.places import manifest_text
from bayes_lupil.report.sites.page import models_frame, models_table, provenance_line
from bayes_lupil.report.unpublished.counts_figure import figure_hidden_counts, hidden_figure_words
from bayes_lupil.report.unpublished.outlying import ExcludedSite, outlying_by_site
from bayes_lupil.report.unpublished.sentences import counts_words, excluded_sentences, settles_words
from bayes_lupil.report.unpublished.suppositions import (
    by_number,
    left_out,
    left_out_words,
    supposed_words,
    under_suppositions,
)
from bayes_lupil.report.unpublished.without_figure import figure_without_excluded, without_excluded_words
from bayes_lupil.unpublished.analysis import UnpublishedAnalysis
from bayes_lupil.unpublished.exclusion import path_frame

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "if_known",
    "other_site_models",
    "over_every_table",
    "paths_to_excluded",
    "unpublished_answer",
    "unpublished_page",
    "unpublished_summary",
    "what_counts_could_do",
]  # fmt: skip


def unpublished_page(result: UnpublishedAnalysis) -> Page:
    """The answer and its figure, then what each count could do, bounds, site models and the excluded patients."""
    trial = result.trial
    title = f"Sites: {trial.title}, {trial.end_point.directed}"
    page: list[Block] = [
        Heading(title, 1),
        *warnings_first(trial.synthetic),
        *unpublished_answer(result),
        Heading("What the unpublished counts could do"),
        *what_counts_could_do(result),
        Heading("Who was left out of the published subset"),
        *left_out(result),
        Heading("If a count were known"),
        *if_known(result),
        Heading("Over the tables that the publication allows"),
        *over_every_table(result),
    ]
    if assumptions := under_suppositions(result):
        page += [Heading("Under other assumptions about the sites"), *assumptions]
    if len(result.attempts) > 1:
        page += [Heading("Other site models"), *other_site_models(result)]
    if result.paths:
        page += [Heading("From kept to excluded"), *paths_to_excluded(result)]
    page.append(Paragraph(provenance_line(result.hidden.posterior)))
    return Page(
        title, tuple(page), "sites", synthetic=trial.synthetic, beside=tuple(_beside(result)),
        files={MANIFEST: manifest_text(trial.data_hash, trial.synthetic, trial.reading)},
    )  # fmt: skip


def unpublished_answer(result: UnpublishedAnalysis) -> list[Block]:
    """Whether the excluded sites explain the published result, in sentences and a figure."""
    return [
        Bullets(tuple(excluded_sentences(result))),
        Figure(
            "without_excluded_sites", without_excluded_words(result),
            "Each bar adds up the probabilities, under the model, of the site tables that fit the publication. Orange: "
            "differences from the published counts. Shaded: where some tables give p < 0.05 (Pearson). Under "
            "the model as declared; the counts of these sites were never published.",
            partial(figure_without_excluded, result),
        ),
    ]  # fmt: skip


def _beside(result: UnpublishedAnalysis) -> Iterator[Table]:
    """Numbers that are files only."""
    hidden = result.hidden
    yield Table.data("unpublished_tables.csv", hidden.full.to_frame().reset_index())
    for count in hidden.counts:
        yield Table.data(f"by_{count.name}.csv", hidden.one(count.name).to_frame().reset_index())
    yield Table.data("bounds_without_model.csv", hidden.bounds.to_frame().reset_index())
    yield Table.data("bounds_of_model.csv", hidden.model_bounds_frame().reset_index())
    yield Table.data("site_models.csv", models_frame(result.attempts))
    if excluded := outlying_by_site(result):
        import pandas as pd

        yield Table.data("excluded_sites.csv", pd.DataFrame(map(asdict, excluded)))


def unpublished_summary(result: UnpublishedAnalysis) -> Page:
    """The answer in sentences, what each unpublished count could do, and P(benefit) under each site model."""
    trial = result.trial
    told = (
        *excluded_sentences(result), *supposed_words(result), left_out_words(result.stayed, trial)
    )  # fmt: skip
    blocks: list[Block] = [
        Bullets(told),
        Table.of(
            ("if known: patients at the excluded sites", "P(benefit) from", "to", "moves it by"),
            [row[:4] for row in _if_known_rows(result)],
        ),
        Paragraph(
            "from, to: bounds over all values computed, however improbable. moves it by: on average over the posterior."
        ),
    ]
    if len(result.attempts) > 1:
        rows = []
        for attempt in result.attempts:
            posterior = attempt.sound
            if posterior is None or posterior.p_benefit is None:
                rows.append((attempt.model.name, "failed" if attempt.is_failure else "refused", "none"))
                continue
            rd, best = posterior.row("risk_difference"), posterior.p_benefit
            limits = points_interval(rd.q2_5, rd.q97_5)
            chance = probability(best.probability, best.mcse)
            rows.append((attempt.model.name, f"{points(rd.q50)} ({limits})", chance))
        header = ("site model", "RD, % points (95 % credible interval)", "P(benefit)")
        blocks.append(Table.of(header, rows, "Site models"))
    return Page(f"{trial.title}: {trial.end_point.directed}", tuple(blocks), synthetic=trial.synthetic)


def what_counts_could_do(result: UnpublishedAnalysis) -> list[Block]:
    """The figure, and what it is given."""
    hidden = result.hidden
    return [
        Paragraph(
            f"Model `{hidden.posterior.spec.name}`: {hidden.posterior.spec.title}. All figures assume "
            f"{hidden.implied or 'what was published'}."
        ),
        Figure(
            "unpublished_counts", hidden_figure_words(hidden), "What the unpublished counts could do",
            partial(figure_hidden_counts, hidden),
        ),
    ]  # fmt: skip


def _if_known_rows(result: UnpublishedAnalysis) -> list[tuple[str, ...]]:
    """What is known then, lowest and highest P(benefit), its average change, and its bounds at the other sites."""
    return [
        (
            ", ".join(item.labels), probability(item.lowest, item.lowest_mcse),
            probability(item.highest, item.highest_mcse),
            f"{item.expected_change:.3f} (MCSE {small(item.expected_change_mcse)})",
            f"{probability(item.ordinary_lowest, item.ordinary_lowest_mcse)} to "
            f"{probability(item.ordinary_highest, item.ordinary_highest_mcse)}",
        )
        for item in result.hidden.values
    ]  # fmt: skip


def if_known(result: UnpublishedAnalysis) -> list[Block]:
    """What knowing each count, or several, would do to P(benefit)."""
    header = [
        "patients at the excluded sites, if known", "lowest P(benefit) computed, all sites", "highest",
        "average change", "P(benefit) at the other sites alone, lowest to highest",
    ]  # fmt: skip
    caption = "P(benefit) if unpublished counts were known, with Monte Carlo standard errors (MCSE)"
    return [
        Table.of(
            header, _if_known_rows(result), caption, "unpublished_counts.csv", result.hidden.to_frame().reset_index()
        ),
        Paragraph(settles_words(result.hidden)),
        Paragraph(
            "Bounds run over all values that were computed, however improbable; averages and probabilities are over "
            "the posterior of the counts. That posterior depends on the prior of the sites' sizes, since nothing else "
            "says how many patients the excluded sites had. Over all randomised patients knowing one changes little "
            "on average; improbable values may change much, as the bounds show."
        ),
    ]


def over_every_table(result: UnpublishedAnalysis) -> list[Block]:
    """Bounds and posterior over the tables that the publication allows."""
    hidden = result.hidden
    b, t = hidden.bounds, hidden.tables
    raw_low, raw_high = t.raw_risk_difference_interval
    low, high = t.p_benefit_interval
    computed = sum(row.computed for row in hidden.full.rows)
    again = "; ".join(counts_words(hidden, known) for known in hidden.refitted)
    rows = [
        [
            "observed risk difference without the excluded sites, no model",
            *(f"{points(end)} ({counts_words(hidden, at)})"
              for end, at in ((b.lowest, b.lowest_at), (b.highest, b.highest_at))),
            points_interval(raw_low, raw_high),
        ],
        [
            "P(benefit) over all sites, by the model",
            *(probability(item.p_benefit, item.p_benefit_mcse) for item in (hidden.lowest, hidden.highest)),
            interval(f"{low:.2f}", f"{high:.2f}"),
        ],
    ]  # fmt: skip
    benefit = _in_tables(b.significant_benefit, t.p_significant_benefit, t.p_significant_benefit_mcse)
    harm = _in_tables(b.significant_harm, t.p_significant_harm, t.p_significant_harm_mcse)
    arms = result.trial.arms
    caption = (
        f"Over the {b.tables:,} tables that the publication allows (the model: over the {computed:,} that were "
        f"computed): risk difference, {arms.active} minus {arms.control}, in percentage points; P(benefit) with its "
        "Monte Carlo standard error (MCSE)"
    )
    header = ["quantity", "lowest", "highest", "95 % credible interval (posterior)"]
    return [
        Table.of(header, rows, caption, "bounds_and_posterior.csv", _bounds_frame(result)),
        *by_number(result),
        Paragraph(
            f"{b.tables:,} tables fit the publication. Without the excluded sites there would be a benefit with p < "
            f"0.05 (Pearson) {benefit}, and a harm {harm}. The model has {computed:,} of the tables computed; the "
            f"others hold {hidden.full.not_computed:.4f} of the posterior, and the model's bounds do not cover them. "
            f"Fitted again at: {again or 'none'}; elsewhere draws were reweighted."
        ),
    ]


def _bounds_frame(result: UnpublishedAnalysis) -> pd.DataFrame:
    """Bounds beside the posterior of the same quantities."""
    import pandas as pd

    hidden = result.hidden
    b, t, low, high = hidden.bounds, hidden.tables, hidden.lowest, hidden.highest
    rows = [
        ("raw risk difference without the excluded sites", b.lowest, b.highest, *t.raw_risk_difference_interval),
        ("P(benefit) over all sites", low.p_benefit, high.p_benefit, *t.p_benefit_interval),
        ("Monte Carlo error of the bounds of P(benefit)", low.p_benefit_mcse, high.p_benefit_mcse, None, None),
    ]
    columns = ["quantity", "lowest", "highest", "q2_5", "q97_5"]
    return pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(columns[1:], float))


def _in_tables(tables: int, chance: float, error: float) -> str:
    """How probable something is that is so in some of the tables."""
    return f"with probability {probability(chance, error)}" if tables else "in no table"


def other_site_models(result: UnpublishedAnalysis) -> list[Block]:
    """The answer under each site model, and whether the excluded sites are outlying in it."""
    section: list[Block] = [replace(models_table(result.attempts), frame=None)]
    found = outlying_by_site(result)
    if found:
        by_model: dict[str, list[ExcludedSite]] = {}
        for item in found:
            by_model.setdefault(item.model, []).append(item)
        rows = [
            [
                f"`{model}`",
                ", ".join(f"{item.site}: {item.control:.2f}, {item.active:.2f}" for item in items),
                f"{items[0].prior_share:.2f}", f"{max(item.mcse for item in items):.3f}",
            ]
            for model, items in by_model.items()
        ]  # fmt: skip
        header = ["model", "P(outlier) of the excluded sites, control and active arm", "prior share", "MCSE at most"]
        caption = "Probability that the excluded sites are outlying, by arm, with the largest Monte Carlo error (MCSE)"
        section.append(Table.of(header, rows, caption, "excluded_sites.csv"))
    return section


def paths_to_excluded(result: UnpublishedAnalysis) -> list[Block]:
    """P(benefit) with the patients at the excluded sites kept and left out; nothing where that was not followed."""
    if not result.paths:
        return []
    import pandas as pd

    frames = [path_frame(path).reset_index().assign(**table) for table, path in result.paths if path]
    rows = []
    for table, points_of in result.paths:
        for item in points_of:
            if item.p_benefit != item.p_benefit:
                rows.append([counts_words(result.hidden, table), f"{item.power:g}", *["diagnostics failed"] * 4])
                continue
            rows.append(
                [
                    counts_words(result.hidden, table), f"{item.power:g}",
                    probability(item.p_benefit, item.p_benefit_mcse),
                    points(item.risk_difference), probability(item.p_ordinary, item.p_ordinary_mcse),
                    points(item.risk_difference_ordinary),
                ]
            )  # fmt: skip
    header = [
        "if the counts were", "each excluded patient counts", "P(benefit), all sites", "risk difference",
        "P(benefit), other sites", "risk difference",
    ]  # fmt: skip
    arms = result.trial.arms
    caption = (
        f"Excluded patients kept (1) or left out (0): posterior means of the risk difference, {arms.active} minus "
        f"{arms.control}, in percentage points"
    )
    return [
        Paragraph(
            "The likelihood of the patients at the excluded sites kept (1) or left out (0), for a central table (the "
            "posterior mean of each count) and for the one with the most patients at the excluded sites."
        ),
        Table.of(header, rows, caption, "exclusion_path.csv", pd.concat(frames) if frames else None),
    ]
