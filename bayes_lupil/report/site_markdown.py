"""The page on a trial's sites, in Markdown."""

from __future__ import annotations

from bayes_lupil.report.markdown import markdown_table
from bayes_lupil.report.numbers import interval, points, probability
from bayes_lupil.report.site_rows import (
    conflict_words,
    counts,
    outlier_words,
    retained_words,
    without_words,
)
from bayes_lupil.report.site_terminal import table_notes
from bayes_lupil.sites.analysis import Attempt, SiteAnalysis
from bayes_lupil.sites.checks import PredictiveChecks
from bayes_lupil.trials.trial import SYNTHETIC

__all__ = ["models_markdown", "sites_markdown"]


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
        f"## Site by site, under `{table.model}`",
        "",
        f"{result.shown.spec.title} ({table.population}).",
        "",
        _table(result),
        "",
        *(text for note in table_notes(table) for text in (note, "")),
        "![Raw and shrunken effects by site](site_shrinkage.png)",
        "",
    ]
    if any(row.outlier is not None or row.nonexchangeable is not None for row in table.rows):
        lines += ["![Probability of being outlying, by site and arm](site_outliers.png)", ""]
    lines += ["## Site models against each other", "", models_markdown(result.attempts), ""]
    lines += _comparison(result) + _path(result)
    if result.checks:
        lines += ["## What the models foretell of sites", ""]
        for checks in result.checks:
            lines += [f"`{checks.model}`:", "", _checks(checks), "", *(t for n in checks.notes for t in (n, ""))]
        lines += ["![Predicted and observed response rates by site and arm](predicted_by_site.png)", ""]
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
            rows.append([f"`{item.model.name}`", item.model.title, item.reason, ""])
            continue
        rd, best = posterior.row("risk_difference"), posterior.p_benefit
        assert best is not None  # it is sound
        limits = interval(points(rd.q2_5), points(rd.q97_5))
        rows.append(
            [
                f"`{item.model.name}`", item.model.title, f"{points(rd.q50)} ({limits})",
                probability(best.probability, best.mcse),
            ]
        )  # fmt: skip
    return markdown_table(["model", "what it assumes", "risk difference, median (95 % CrI)", "P(benefit)"], rows)


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
    why = "They were chosen because they look outlying in these data" if result.chosen_by_data else "They were named"
    rows = []
    for point in path.points:
        rd = point.risk_difference
        rows.append(
            [
                f"{point.power:g}",
                f"{points(rd.q50)} ({interval(points(rd.q2_5), points(rd.q97_5))})" if point.ok else "no figure",
                probability(point.p_benefit, point.p_benefit_mcse) if point.ok else "no figure",
                "fitted again" if point.refitted else f"reweighted, k-hat {point.k_hat:.2f}",
            ]
        )
    header = ["each suspect patient counts", "risk difference, median (95 % CrI)", "P(benefit)", "how"]
    return [
        "## From kept to excluded", "",
        f"Suspect: {', '.join(path.sites)} ({path.patients} patients). {why}. At 1 these sites are kept, at 0 excluded "
        "post hoc, as if their patients said nothing; between, their likelihood has that power.", "",
        markdown_table(header, rows), "",
        "![Risk difference and P(benefit) from kept to excluded](exclusion_path.png)", "",
    ]  # fmt: skip


def _checks(checks: PredictiveChecks) -> str:
    rows = [
        [
            item.statistic, item.arm, item.replicates, f"{item.observed:.2f}", f"{item.q50:.2f}",
            interval(f"{item.q2_5:.2f}", f"{item.q97_5:.2f}"),
            f"{probability(item.p_low, item.mcse)}, {probability(item.p_high, item.mcse)}",
        ]
        for item in checks.checks
    ]  # fmt: skip
    header = [
        "statistic over sites", "arm", "replicates of", "observed", "predicted, median", "95 % of replicates",
        "P(replicate at most, at least as observed)",
    ]  # fmt: skip
    return markdown_table(header, rows)
