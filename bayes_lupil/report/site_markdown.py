"""The page on a trial's sites, in Markdown."""

from __future__ import annotations

from bayes_lupil.posterior import Posterior
from bayes_lupil.report.markdown import markdown_table
from bayes_lupil.report.numbers import interval, points, probability
from bayes_lupil.report.site_rows import (
    conflict_words,
    counts,
    log_ratio_words,
    outlier_words,
    retained_words,
    without_words,
)
from bayes_lupil.report.site_terminal import DELETION, WEIGHT, headline, table_notes
from bayes_lupil.sites.analysis import OUTLYING, Attempt, SiteAnalysis
from bayes_lupil.sites.checks import PredictiveChecks
from bayes_lupil.sites.exclusion import ExclusionPoint
from bayes_lupil.trials.trial import SYNTHETIC

_ODD = 0.025

__all__ = ["in_short", "models_markdown", "provenance_line", "sites_markdown"]


def sites_markdown(result: SiteAnalysis) -> str:
    """Table of sites, models against each other, the way from kept to excluded, predictive checks."""
    trial, table = result.trial, result.table
    good = "higher" if trial.end_point.sign > 0 else "lower"
    lines = [f"# Sites: {trial.title}", ""]
    if table.synthetic:
        lines += [f"**{SYNTHETIC}**", ""]
    lines += [
        f"End point: {trial.end_point.label}; a {good} response is the benefit. Risk differences are "
        f"{trial.arms.active} minus {trial.arms.control}, in percentage points.",
        "",
        "## In short",
        "",
        *(f"- {text}" for text in in_short(result)),
        "",
        f"## Site by site, under `{table.model}`",
        "",
        f"{result.shown.spec.title} ({table.population}). Column by column: responders of patients; risk difference, "
        "raw and given the model; shrinkage, the share of the way from the site's own effect to an ordinary site's "
        "that the model takes (an outlier is left where it is); weight; the trial less the site; two-sided conflict "
        "p-values ('small': too few patients for any outcome to show a conflict). In brackets Monte Carlo standard "
        "errors, or 95 % credible intervals.",
        "",
        _table(result),
        "",
        WEIGHT[0].upper() + WEIGHT[1:],
        "",
        *(text for note in table_notes(table)[1:] for text in (note, "")),
        "![Raw and shrunken effects by site](site_shrinkage.png)",
        "",
    ]
    if any(row.outlier is not None or row.nonexchangeable is not None for row in table.rows):
        lines += ["![Probability of being outlying, by site and arm](site_outliers.png)", ""]
    lines += ["## Site models against each other", "", models_markdown(result.attempts), ""]
    lines += _comparison(result) + _path(result)
    if result.checks:
        lines += ["## What the models predict of sites", ""]
        for checks in result.checks:
            lines += [*_checks(checks), *(t for n in checks.notes for t in (n, ""))]
        lines += ["All checks are in predictive_checks.csv.", ""]
        lines += ["![Predicted and observed response rates by site and arm](predicted_by_site.png)", ""]
    lines += [provenance_line(result.shown), ""]
    return "\n".join(lines)


def _table(result: SiteAnalysis) -> str:
    table = result.table
    alone = table.rows[0].nonexchangeable is not None
    outlying = "P(not exchangeable)" if alone else "P(outlier), control and active arm"
    has = any(outlier_words(row) for row in table.rows)
    header = [
        "site", f"{table.arms[1]} v {table.arms[0]}", "raw difference", "shrunken difference (95 % CrI)", "shrinkage",
        *([outlying] if has else []), "weight retained", "difference without the site", "P(benefit) without it",
        "conflict p, control and active arm",
    ]  # fmt: skip
    rows = []
    for row in table.rows:
        rd, raw = row.risk_difference, row.raw.risk_difference
        limits = interval(points(rd.q2_5), points(rd.q97_5))
        rows.append(
            [
                row.site, counts(row), points(raw) if raw == raw else "one arm", f"{points(rd.mean)} ({limits})",
                f"{row.shrinkage.mean:.2f}", *([outlier_words(row)] if has else []), retained_words(row),
                *without_words(row), conflict_words(row),
            ]
        )  # fmt: skip
    return markdown_table(header, rows)


def models_markdown(attempts: tuple[Attempt, ...]) -> str:
    """Risk difference and P(benefit) under each site model, and why one has none."""
    rows = []
    for item in attempts:
        posterior = item.sound
        if posterior is None:
            rows.append([f"`{item.model.name}`", item.model.title, item.reason, "", ""])
            continue
        rd, best = posterior.row("risk_difference"), posterior.p_benefit
        assert best is not None  # it is sound
        limits = interval(points(rd.q2_5), points(rd.q97_5))
        rows.append(
            [
                f"`{item.model.name}`", item.model.title, f"{points(rd.q50)} ({limits})",
                probability(best.probability, best.mcse), log_ratio_words(posterior.row("conditional_log_odds_ratio")),
            ]
        )  # fmt: skip
    header = [
        "model", "what it assumes", "risk difference, median (95 % CrI)", "P(benefit)",
        "log odds ratio at an ordinary site",
    ]  # fmt: skip
    return markdown_table(header, rows)


def in_short(result: SiteAnalysis) -> list[str]:
    """The answer in a few sentences, every number from the result."""
    table, lines = result.table, headline(result)[1:]
    marked = [
        f"{row.site} in the {arm} arm (P {probability(item.mean, item.mcse)})"
        for row in table.rows
        for arm, item in zip(("control", "active"), row.outlier or (), strict=False)
        if item.mean > OUTLYING
    ]
    alone = [
        f"{row.site} (P {probability(row.nonexchangeable.mean, row.nonexchangeable.mcse)})"
        for row in table.rows
        if row.nonexchangeable is not None and row.nonexchangeable.mean > OUTLYING
    ]
    found = marked or alone
    has = any(row.outlier is not None or row.nonexchangeable is not None for row in table.rows)
    if found:
        lines.append(f"Outlying more probably than not: {', '.join(found)}.")
    elif has:
        lines.append("No site is outlying more probably than not.")
    path = result.path
    if path is not None and path.ok:
        first, last = path.points[0], path.points[-1]
        lines.append(
            f"Excluding {', '.join(path.sites)} ({result.why_suspect}) would move the risk difference from "
            f"{points(first.risk_difference.q50)} to {points(last.risk_difference.q50)} points and P(benefit) from "
            f"{probability(first.p_benefit, first.p_benefit_mcse)} to "
            f"{probability(last.p_benefit, last.p_benefit_mcse)}. {DELETION}"
        )
    if result.comparison is not None:
        lines += result.comparison.warnings[:1]
    return lines


def _how(point: ExclusionPoint) -> str:
    if point.power == 1:
        return "the fit itself"
    return "fitted again" if point.refitted else f"reweighted, k-hat {point.k_hat:.2f}"


def _comparison(result: SiteAnalysis) -> list[str]:
    found = result.comparison
    if found is None:
        return []
    rows = [
        [
            f"`{item.name}`", f"{item.elpd:.1f} ({item.se:.1f})", f"{item.difference:.1f} ({item.difference_se:.1f})",
            f"{item.difference_mcse:.2f}", f"{item.weight:.2f}",
        ]
        for item in found.models
    ]  # fmt: skip
    header = ["model", "elpd of a site left out (SE)", "difference to the best (SE)", "MCSE of it", "stacking weight"]
    return [
        markdown_table(header, rows), "",
        "elpd: expected log predictive density of the sites, each foretold from the others; higher is better. SE: over "
        "sites; MCSE: Monte Carlo.", "",
        *(text for warning in found.warnings for text in (warning, "")),
    ]  # fmt: skip


def _path(result: SiteAnalysis) -> list[str]:
    path = result.path
    if path is None:
        return []
    rows = []
    for point in path.points:
        rd = point.risk_difference
        rows.append(
            [
                f"{point.power:g}",
                f"{points(rd.q50)} ({interval(points(rd.q2_5), points(rd.q97_5))})" if point.ok else "no figure",
                probability(point.p_benefit, point.p_benefit_mcse) if point.ok else "no figure",
                log_ratio_words(point.conditional_log_odds_ratio) if point.ok else "no figure",
                _how(point),
            ]
        )
    header = [
        "each suspect patient counts", "risk difference, median (95 % CrI)", "P(benefit)",
        "log odds ratio at an ordinary site", "how",
    ]  # fmt: skip
    return [
        "## From kept to excluded", "",
        f"Suspect: {', '.join(path.sites)} ({path.patients} patients; {result.why_suspect}). At 1 these sites are "
        "kept, at 0 excluded post hoc, as if their patients said nothing; between, their likelihood has that power. "
        f"{DELETION}", "",
        markdown_table(header, rows), "",
        "![Risk difference and P(benefit) from kept to excluded](exclusion_path.png)", "",
    ]  # fmt: skip


def _checks(checks: PredictiveChecks) -> list[str]:
    """Those statistics that the model would hardly show again."""
    odd = [item for item in checks.checks if min(item.p_low, item.p_high) < _ODD]
    many = len(checks.checks)
    if not odd:
        return [
            f"`{checks.model}`: none of {many} statistics over sites is in the outer {_ODD:.1%} of its replicates.",
            "",
        ]
    rows = [
        [
            item.statistic, item.arm, item.replicates, f"{item.observed:.2f}", f"{item.q50:.2f}",
            interval(f"{item.q2_5:.2f}", f"{item.q97_5:.2f}"), probability(min(item.p_low, item.p_high), item.mcse),
        ]
        for item in odd
    ]  # fmt: skip
    header = [
        "statistic over sites",
        "arm",
        "replicates of",
        "observed",
        "median",
        "95 % of replicates",
        "as far out or further",
    ]
    said = (
        f"`{checks.model}`: {len(odd)} of {many} statistics over sites are in the outer {_ODD:.1%} of their replicates."
    )
    return [said, "", markdown_table(header, rows), ""]


def provenance_line(posterior: Posterior) -> str:
    """What the page was made from."""
    source = posterior.provenance
    return (
        f"Made by {source.sampler}; model `{posterior.spec.name}` (hash {source.model_hash[:12]}), data hash "
        f"{source.data_hash[:12]}, seed {source.seed}."
    )
