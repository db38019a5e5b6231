"""The page on a trial's sites."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from bayes_lupil.folders import MANIFEST
from bayes_lupil.model_analysis import Analysis
from bayes_lupil.numbers import interval, points, points_interval, probability, small
from bayes_lupil.posterior import Posterior
from bayes_lupil.report.direction import directions
from bayes_lupil.report.media.blocks import (
    Block,
    Bullets,
    Figure,
    Folded,
    Heading,
    Page,
    Paragraph,
    Table,
    warnings_first,
)
from bayes_lupil.report.media.plot_rows import counts
from bayes_lupil.report.places import manifest_text
from bayes_lupil.report.sites.exclusion_figure import exclusion_words, figure_exclusion_path
from bayes_lupil.report.sites.figures import figure_outliers, outliers_words
from bayes_lupil.report.sites.predictive_figure import figure_predictive, predicted_words
from bayes_lupil.report.sites.sentences import (
    DELETION,
    WEIGHT,
    conflict_words,
    headline,
    log_ratio_words,
    outlier_error,
    outlier_words,
    retained_words,
    suspects_answer,
    without_words,
)
from bayes_lupil.report.sites.shrinkage_chart import shrinkage_chart
from bayes_lupil.sites.analysis import SiteAnalysis
from bayes_lupil.sites.comparison import ModelComparison
from bayes_lupil.sites.exclusion import ExclusionPoint
from bayes_lupil.sites.posterior_predictive import PredictiveChecks

if TYPE_CHECKING:
    import pandas as pd

_ODD = 0.025

__all__ = [
    "in_short",
    "kept_to_excluded",
    "models_compared",
    "models_frame",
    "models_table",
    "path_cells",
    "predictive",
    "provenance_line",
    "site_by_site",
    "sites_answer",
    "sites_page",
]  # fmt: skip


def sites_page(result: SiteAnalysis) -> Page:
    """Table of sites, models against each other, the exclusion path, predictive checks."""
    trial, table = result.trial, result.table
    title = f"Sites: {trial.title}, {trial.end_point.directed}"
    page: list[Block] = [
        Heading(title, 1),
        *warnings_first(table.synthetic, result.cautions),
        Paragraph(directions(trial)),
        Heading("In short"),
        *sites_answer(result),
        Heading(f"Site by site, under `{table.model}` ({trial.end_point.benefit} is better)"),
        *site_by_site(result),
        Heading("Site models against each other"),
        *models_compared(result),
    ]
    beside = []
    if result.path is not None:
        page += [Heading("From kept to excluded"), *kept_to_excluded(result)]
    if result.checks:
        import pandas as pd

        page += [Heading("What the models predict of sites"), *predictive(result)]
        frames = [checks.to_frame().assign(model=checks.model) for checks in result.checks]
        beside = [
            Table.data("predictive_checks.csv", pd.concat(frames)),
            Table.data("predicted_by_site.csv", result.predicted),
        ]
    return Page(
        title, (*page, Paragraph(provenance_line(result.shown))), "sites", synthetic=trial.synthetic,
        warnings=result.cautions, beside=tuple(beside),
        files={MANIFEST: manifest_text(trial.data_hash, trial.synthetic, trial.reading)},
    )  # fmt: skip


def sites_answer(result: SiteAnalysis) -> list[Block]:
    """The answer in a few sentences, and every site from what it saw to what the model makes of it."""
    return [Bullets(tuple(in_short(result))), shrinkage_chart(result)]


def in_short(result: SiteAnalysis) -> list[str]:
    """The answer in a few sentences, every number from the result."""
    return [*suspects_answer(result), *([] if result.comparison is None else [_told_apart(result.comparison)])]


def _told_apart(found: ModelComparison) -> str:
    """How many models for sites predict them about as well as the best."""
    best, many = found.models[0].name, len(found.models)
    alike = sum(not item.distinct for item in found.models[1:])
    if alike == many - 1:
        return f"The {many} models for sites predict sites about equally well: these data do not tell them apart."
    if not alike:
        return f"Of {many} models for sites, `{best}` predicts sites better than the others."
    return f"Of {many} models for sites, `{best}` and {alike} more predict sites about equally well, the others worse."


def site_by_site(result: SiteAnalysis) -> list[Block]:
    """The table of sites, what its columns mean, and its figures."""
    table = result.table
    section: list[Block] = [
        Paragraph(
            f"{headline(result)[1]} {result.shown.spec.title} ({table.population}). Column by column: "
            f"{result.trial.end_point.words.patients} of patients; risk "
            "difference, raw and given the model; shrinkage, the share of the way from the site's own effect to an "
            "average site's that the model takes (an outlier is left where it is); weight; the trial less the site; "
            "two-sided conflict p-values ('small': too few patients for any outcome to show a conflict). In brackets "
            "Monte Carlo standard errors, or 95 % credible intervals."
        ),
        _table(result),
        Paragraph(WEIGHT[0].upper() + WEIGHT[1:]),
        *(Paragraph(note) for note in table.notes),
    ]
    if _has_outliers(result):
        caption = "Probability of being outlying, by site and arm"
        draw = partial(figure_outliers, table, result.shown)
        section.append(Figure("site_outliers", outliers_words(result), caption, draw))
    return section


def _has_outliers(result: SiteAnalysis) -> bool:
    return any(row.outlier is not None or row.nonexchangeable is not None for row in result.table.rows)


def _table(result: SiteAnalysis) -> Table:
    table = result.table
    alone = table.rows[0].nonexchangeable is not None
    both = f"{table.arms[0]} and {table.arms[1]}"
    outlying = "P(not exchangeable)" if alone else f"P(outlier), {both}"
    has = any(outlier_words(row) for row in table.rows)
    header = [
        "site", f"{table.arms[1]} v {table.arms[0]}", "raw difference", "shrunken difference (95 % credible interval)",
        "shrinkage", *([outlying] if has else []), "weight retained",
        "difference without the site (95 % credible interval)", "P(benefit) without it",
        f"conflict p, {both}",
    ]  # fmt: skip
    rows = []
    for row in table.rows:
        rd, raw = row.risk_difference, row.raw.risk_difference
        limits = points_interval(rd.q2_5, rd.q97_5)
        rows.append(
            [
                row.site, counts(row.responders, row.n), points(raw) if raw == raw else "one arm",
                f"{points(rd.mean)} ({limits})", f"{row.shrinkage.mean:.2f}", *([outlier_words(row)] if has else []),
                retained_words(row), *without_words(row), conflict_words(row),
            ]
        )  # fmt: skip
    counted, error = result.trial.end_point.words.patients, outlier_error(table)
    of_outliers = f" (of each {outlying.split(',')[0]} at most {small(max(error, 0.0001))})" if error else ""
    caption = (
        f"Sites under `{table.model}`: {counted}/patients; risk differences, {table.arms[1]} minus {table.arms[0]}, "
        f"in percentage points; probabilities and weights with Monte Carlo standard errors in brackets{of_outliers}"
    )
    frame = table.to_frame().reset_index()
    # the page shows the median of the trial without a site
    medians = [row.without.estimates["risk_difference"].q50 for row in table.rows]
    frame.insert(list(frame.columns).index("without_risk_difference") + 1, "without_risk_difference_q50", medians)
    return Table.of(header, rows, caption, "sites.csv", frame)


def models_compared(result: SiteAnalysis) -> list[Block]:
    """The answer under each site model, and how well each predicts a site that it has not seen."""
    found = result.comparison
    if found is None:
        return [models_table(result.attempts)]
    frame = models_frame(result.attempts).merge(found.to_frame().reset_index(), on="model", how="left")
    rows = [
        [
            f"`{item.name}`", f"{item.elpd:.1f} ({item.se:.1f})", f"{item.difference:.1f} ({item.difference_se:.1f})",
            f"{item.difference_mcse:.2f}", f"{item.weight:.2f}",
        ]
        for item in found.models
    ]  # fmt: skip
    header = ["model", "elpd of a site left out (SE)", "difference to the best (SE)", "MCSE of it", "stacking weight"]
    caption = "Site models by how well they predict a site left out: expected log predictive density (elpd), best first"
    return [
        replace(models_table(result.attempts), frame=None),
        Table.of(header, rows, caption, "site_models.csv", frame),
        Paragraph(
            "elpd: expected log predictive density of the sites, each predicted from the others; higher is better. SE: "
            "over sites; MCSE: Monte Carlo."
        ),
        *(Paragraph(warning) for warning in found.warnings),
    ]


def models_table(attempts: tuple[Analysis, ...]) -> Table:
    """Risk difference and P(benefit) under each site model, and why one has none."""
    rows = []
    for item in attempts:
        posterior = item.sound
        if posterior is None:
            rows.append([f"`{item.model.name}`", item.model.title, f"{item.status} (why: site_models.csv)", "", ""])
            continue
        rd, best = posterior.row("risk_difference"), posterior.p_benefit
        assert best is not None  # it is sound
        limits = points_interval(rd.q2_5, rd.q97_5)
        rows.append(
            [
                f"`{item.model.name}`", item.model.title, f"{points(rd.q50)} ({limits})",
                probability(best.probability, best.mcse), log_ratio_words(posterior.row("conditional_log_odds_ratio")),
            ]
        )  # fmt: skip
    header = [
        "model", "what it assumes", "risk difference, median (95 % credible interval)", "P(benefit)",
        "log odds ratio at an average site, median (95 % credible interval)",
    ]  # fmt: skip
    caption = "The whole trial under each site model: risk differences in percentage points, active minus control"
    return Table.of(header, rows, caption, "site_models.csv", models_frame(attempts))


def models_frame(attempts: tuple[Analysis, ...]) -> pd.DataFrame:
    """Risk difference and P(benefit) under each site model; why not, where there is none."""
    import pandas as pd

    rows = []
    for item in attempts:
        row: dict[str, object] = {"model": item.model.name, "title": item.model.title, "status": item.reason or "ok"}
        posterior = item.sound
        if posterior is not None and posterior.p_benefit is not None:
            rd, best = posterior.row("risk_difference"), posterior.p_benefit
            log_or, source = posterior.row("conditional_log_odds_ratio"), posterior.provenance
            row |= {
                "risk_difference": rd.q50, "rd_lower": rd.q2_5, "rd_upper": rd.q97_5,
                "p_benefit": best.probability, "p_benefit_mcse": best.mcse,
                "conditional_log_odds_ratio": log_or.q50, "log_or_lower": log_or.q2_5, "log_or_upper": log_or.q97_5,
                "model_hash": source.model_hash, "data_hash": source.data_hash, "seed": source.seed,
                "sampler": source.sampler,
            }  # fmt: skip
        rows.append(row)
    return pd.DataFrame(rows)


def kept_to_excluded(result: SiteAnalysis) -> list[Block]:
    """What becomes of the result as the suspect sites count less and less; nothing where that was not followed."""
    path = result.path
    if path is None:
        return []
    rows = []
    for point in path.points:
        how = "fitted again" if point.refitted else f"reweighted, k-hat {point.k_hat:.2f}"
        told = path_cells(point) if point.ok else ("no figure",) * 3
        rows.append((f"{point.power:g}", *told, "the fit itself" if point.power == 1 else how))
    header = [
        "each suspect patient counts", "risk difference, median (95 % credible interval)", "P(benefit)",
        "log odds ratio at an average site, median (95 % credible interval)", "how",
    ]  # fmt: skip
    others = {name: found for name, found in result.sound.items() if found is not result.shown}
    arms = result.trial.arms
    caption = (
        f"From the suspect sites kept (1) to excluded (0): risk differences, {arms.active} minus {arms.control}, in "
        "percentage points"
    )
    return [
        Paragraph(
            f"Suspect: {', '.join(path.sites)} ({path.patients} patients; {result.why_suspect}). At 1 "
            f"{'this site is' if len(path.sites) == 1 else 'these sites are'} kept, at 0 excluded post hoc, as if "
            "there were no such patients; between, their likelihood has that power (a patient counts for half at "
            f"0.5). {DELETION}"
        ),
        Table.of(header, rows, caption, "exclusion_path.csv", path.to_frame().reset_index()),
        Figure(
            "exclusion_path", exclusion_words(result), "Risk difference and P(benefit) from kept to excluded",
            partial(figure_exclusion_path, path, result.shown, others),
        ),
    ]  # fmt: skip


def path_cells(point: ExclusionPoint) -> tuple[str, str, str]:
    """Risk difference, P(benefit) and log odds ratio at a point of the exclusion path."""
    rd = point.risk_difference
    return (
        f"{points(rd.q50)} ({points_interval(rd.q2_5, rd.q97_5)})",
        probability(point.p_benefit, point.p_benefit_mcse), log_ratio_words(point.conditional_log_odds_ratio),
    )  # fmt: skip


def predictive(result: SiteAnalysis) -> list[Block]:
    """Whether the models would show sites as extreme as those observed; nothing where that was not asked."""
    if not result.checks:
        return []
    section: list[Block] = []
    for checks in result.checks:
        section += _checks(checks)
    if unseen := list(dict.fromkeys(note for checks in result.checks for note in checks.notes)):
        words = "Which checks the size of the sites leaves without force, model by model"
        section.append(Folded(words, (Bullets(tuple(f"{note[:1].upper()}{note[1:]}." for note in unseen)),)))
    caption = f"Predicted and observed {result.trial.end_point.words.rate}s by site and arm"
    return [
        *section,
        Paragraph("All checks are in predictive_checks.csv."),
        Figure(
            "predicted_by_site",
            predicted_words(result.shown),
            caption,
            partial(figure_predictive, result.predicted, result.shown),
        ),
    ]


def _checks(checks: PredictiveChecks) -> list[Block]:
    """Those statistics that the model would hardly show again."""
    odd = [item for item in checks.checks if min(item.p_low, item.p_high) < _ODD]
    many = len(checks.checks)
    if not odd:
        return [
            Paragraph(
                f"`{checks.model}`: none of {many} statistics over sites is in the outer {100 * _ODD:g} % of its "
                "replicates."
            )
        ]
    rows = [
        [
            item.statistic, item.arm, item.replicates, f"{item.observed:.2f}", f"{item.q50:.2f}",
            interval(f"{item.q2_5:.2f}", f"{item.q97_5:.2f}"), probability(min(item.p_low, item.p_high), item.mcse),
        ]
        for item in odd
    ]  # fmt: skip
    header = [
        "statistic over sites", "arm", "replicates of", "observed", "median", "95 % of replicates",
        "as far out or further",
    ]  # fmt: skip
    caption = (
        f"What `{checks.model}` would hardly show again: rates as fractions of patients, all-responder and "
        "no-responder sites as counts"
    )
    said = (
        f"`{checks.model}`: {len(odd)} of {many} statistics over sites {'is' if len(odd) == 1 else 'are'} in the outer "
        f"{100 * _ODD:g} % of {'its' if len(odd) == 1 else 'their'} replicates."
    )
    return [Paragraph(said), Table.of(header, rows, caption, "predictive_checks.csv")]


def provenance_line(posterior: Posterior) -> str:
    """What the page was made from."""
    source = posterior.provenance
    return (
        f"Made by {source.sampler}; model `{posterior.spec.called}` (hash {source.model_hash[:12]}), data hash "
        f"{source.data_hash[:12]}, seed {source.seed}."
    )
