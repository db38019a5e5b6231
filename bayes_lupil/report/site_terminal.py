"""What a look at the sites prints in the terminal."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from bayes_lupil.characters import visible
from bayes_lupil.numbers import interval, points, probability
from bayes_lupil.report.hidden_words import sentences
from bayes_lupil.report.site_rows import (
    benefit_side,
    conflict_words,
    counts,
    log_ratio_words,
    most_telling,
    outlier_error,
    outlier_words,
    retained_words,
    without_words,
)
from bayes_lupil.report.supposed import left_out_words, supposed_words
from bayes_lupil.sites.analysis import SiteAnalysis
from bayes_lupil.sites.table import SiteTable
from bayes_lupil.trials.trial import SYNTHETIC, Trial
from bayes_lupil.unpublished.analysis import UnpublishedAnalysis

__all__ = ["DELETION", "WEIGHT", "headline", "print_hidden", "print_site_analysis", "table_notes"]

_MOST = 30
DELETION = (
    "Excluding sites asks about the patients of the others. Where the outcomes suggested whom to exclude, no interval "
    "or probability here allows for that choice; powers between 0 and 1 show the way, and no trial."
)
WEIGHT = (
    "weight: of the site's own data in the log odds ratio at an ordinary site, 1 being what an ordinary site of its "
    "size has; below 0, the further out it lies the less it is believed. The risk difference over all patients still "
    "holds the site's own patients, whatever its weight."
)
_KIND = "95 % credible interval"
_PLAIN: dict[str, Any] = {"box": None, "pad_edge": False, "title_justify": "left"}


def print_site_analysis(result: SiteAnalysis, out: Console) -> None:
    """The table of sites, and where they were made the comparison of models and the way from in to out."""

    def line(text: str) -> None:
        out.print(visible(text), highlight=False, markup=False)

    table = result.table
    if table.synthetic:
        out.print(SYNTHETIC, style="bold red")
    for caution in result.cautions:
        out.print(f"Warning: {visible(caution)}", style="bold", highlight=False, markup=False)
    out.print(visible(_title(result.trial)), style="bold", highlight=False, markup=False)
    for text in headline(result):
        line(text)
    _print_table(table, out)
    for text in table_notes(table):
        line(text)
    if result.comparison is not None:
        shown = Table(
            "model",
            "P(benefit)",
            f"log OR, ordinary site ({_KIND})",
            "elpd difference (SE)",
            title="Site models",
            **_PLAIN,
        )
        scores = {item.name: item for item in result.comparison.models}
        for name, score in scores.items():
            best = result.sound[name].p_benefit
            assert best is not None  # it is sound
            log_or = result.sound[name].row("conditional_log_odds_ratio")
            shown.add_row(
                name, probability(best.probability, best.mcse),
                log_ratio_words(log_or),
                f"{score.difference:.1f} ({score.difference_se:.1f})",
            )  # fmt: skip
        out.print(shown)
        for text in result.comparison.warnings:
            line(text)
    if result.path is not None:
        _print_path(result, out)
    for item in result.attempts:
        if item.reason:
            line(f"{item.model.name}: {item.reason}")


def _title(trial: Trial) -> str:
    return f"{trial.title}: {trial.end_point.directed}"


def headline(result: SiteAnalysis) -> list[str]:
    """End point, arms, direction and overall result under the shown model."""
    trial, shown = result.trial, result.shown
    rd, log_or, best = shown.row("risk_difference"), shown.row("conditional_log_odds_ratio"), shown.p_benefit
    assert best is not None  # a table is shown of sound fits alone
    limits = interval(points(rd.q2_5), points(rd.q97_5))
    return [
        f"{trial.end_point.label}; {trial.end_point.benefit} is better. {trial.arms.active} (active) v "
        f"{trial.arms.control} (control), {result.table.population}, under '{shown.spec.name}': {shown.spec.title}.",
        f"All sites: risk difference {points(rd.q50)} points (95 % credible interval {limits}; "
        f"{benefit_side(trial.end_point)}), P(benefit) {probability(best.probability, best.mcse)}; log odds ratio at "
        f"an ordinary site {log_ratio_words(log_or, kind=True)}.",
    ]


def _print_table(table: SiteTable, out: Console) -> None:
    rows = most_telling(table, _MOST)
    has_outliers = any(outlier_words(row) for row in rows)
    what = "P(alone)" if rows[0].nonexchangeable is not None else "P(out) c, a"
    shown = Table(Column("site", overflow="fold"), "active v control", "RD raw, shrunken", "shrink", **_PLAIN)
    for head in (*([what] if has_outliers else []), "weight", "P without", "conflict c, a"):
        shown.add_column(head)
    for row in rows:
        raw = points(row.raw.risk_difference) if row.raw.risk_difference == row.raw.risk_difference else "-"
        cells: list[str | Text] = [
            Text(visible(row.site)),
            counts(row),
            f"{raw}, {points(row.risk_difference.mean)}",
            f"{row.shrinkage.mean:.2f}",
        ]
        cells += [outlier_words(row)] if has_outliers else []
        shown.add_row(*cells, retained_words(row), without_words(row)[1].replace(" (MCSE ", " ("), conflict_words(row))
    out.print(shown)
    if left_out := len(table.rows) - len(rows):
        out.print(f"{left_out} more sites are not shown here (the most outlying and the largest are).", highlight=False)


def table_notes(table: SiteTable) -> list[str]:
    """What the columns mean, and what is missing."""
    alone = any(row.nonexchangeable is not None for row in table.rows)
    lines = [
        "RD: risk difference, active minus control, in percentage points, raw and given the model. shrink: share of "
        "the way from the site's own effect to that of an ordinary site that the model takes; an outlier is left "
        f"where it is. {WEIGHT} P without: P(benefit) of the trial less the site. "
        "In brackets: Monte Carlo standard errors. conflict: two-sided mid-p of control, active "
        "arm; 'small': too few patients for any outcome to show a conflict.",
    ]
    if error := outlier_error(table):
        what = (
            "P(alone), that the site's effect stands alone," if alone else "P(out), of an outlying control, active arm,"
        )
        lines.append(f"Monte Carlo standard error of each {what} at most {max(error, 0.0001):.1g}.")
    return [*lines, *table.notes]


def _print_path(result: SiteAnalysis, out: Console) -> None:
    path = result.path
    assert path is not None
    title = Text(visible(f"From kept (1) to excluded (0): {', '.join(path.sites)} ({result.why_suspect})"))
    shown = Table(
        "counts", f"RD, % points ({_KIND})", "P(benefit)", f"log OR, ordinary site ({_KIND})", title=title, **_PLAIN
    )
    for point in path.points:
        if not point.ok:
            shown.add_row(f"{point.power:g}", "diagnostics failed", "none", "none")
            continue
        rd, log_or = point.risk_difference, point.conditional_log_odds_ratio
        limits = interval(points(rd.q2_5), points(rd.q97_5))
        shown.add_row(
            f"{point.power:g}", f"{points(rd.q50)} ({limits})", probability(point.p_benefit, point.p_benefit_mcse),
            log_ratio_words(log_or),
        )  # fmt: skip
    out.print(shown)
    out.print(DELETION, highlight=False, markup=False)


def print_hidden(result: UnpublishedAnalysis, out: Console) -> None:
    """Three sentences, what each unpublished count could do, and P(benefit) under each site model."""

    def line(text: str) -> None:
        out.print(visible(text), highlight=False, markup=False)

    hidden = result.hidden
    if result.trial.synthetic:
        out.print(SYNTHETIC, style="bold red")
    out.print(visible(_title(result.trial)), style="bold", highlight=False, markup=False)
    line("The table of sites was never published. What the unpublished counts could do:")
    for text in (*sentences(hidden), *supposed_words(result.alternatives), left_out_words(result.stayed, result.trial)):
        line(f"- {text}")
    shown = Table("if known: patients at the excluded sites", "P(benefit) from", "to", "moves it by", **_PLAIN)
    for item in hidden.values:
        shown.add_row(
            Text(visible(", ".join(item.labels))), probability(item.lowest, item.lowest_mcse),
            probability(item.highest, item.highest_mcse),
            f"{item.expected_change:.3f} (MCSE {item.expected_change_mcse:.1g})",
        )  # fmt: skip
    out.print(shown)
    line("from, to: bounds over all values computed, however improbable. moves it by: on average over the posterior.")
    if len(result.attempts) > 1:
        models = Table("site model", f"RD, % points ({_KIND})", "P(benefit)", title="Site models", **_PLAIN)
        for attempt in result.attempts:
            posterior = attempt.sound
            if posterior is None or posterior.p_benefit is None:
                models.add_row(attempt.model.name, "refused" if not attempt.is_failure else "failed", "none")
                continue
            rd, best = posterior.row("risk_difference"), posterior.p_benefit
            models.add_row(
                attempt.model.name, f"{points(rd.q50)} ({interval(points(rd.q2_5), points(rd.q97_5))})",
                probability(best.probability, best.mcse),
            )  # fmt: skip
        out.print(models)
