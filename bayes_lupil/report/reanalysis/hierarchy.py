"""The trial's own hierarchy and tests of its counts, and what is said beside the Bayesian analyses."""

from __future__ import annotations

import math

from bayes_lupil.frequentist.hierarchy import NONE, RECOMPUTED, HierarchyRow
from bayes_lupil.model_analysis import Analysis
from bayes_lupil.numbers import interval, p_value, points, points_interval, ratio
from bayes_lupil.posterior.diagnostics import mcse_quantile
from bayes_lupil.reanalysis import Reanalysis
from bayes_lupil.report.media.blocks import Block, Bullets, Paragraph, Table
from bayes_lupil.trials.trial import Trial

__all__ = [
    "definitions",
    "engines",
    "gate_notes",
    "hierarchy_table",
    "not_reported",
    "recomputed",
]  # fmt: skip


def hierarchy_table(result: Reanalysis) -> Table:
    """What was printed, and what the fixed sequence says of it."""
    known = any(row.published is not None for row in result.hierarchy)
    return Table.of(
        ("population", "step", "end point", "as printed", "adjusted p", "status in the fixed sequence"),
        [_hierarchy_cells(row) for row in result.hierarchy],
        "The trial's own hierarchy of end points, as printed"
        if known
        else "The trial's end points; no published result is known here, so each status is by the test computed here",
        "comparison.csv",
    )


def _hierarchy_cells(row: HierarchyRow) -> tuple[str, ...]:
    printed = row.published.printed if row.published is not None else ""
    adjusted = row.gate.adjusted_p if row.gate.status in ("significant", "not significant") else None
    population = row.population.label + (" (post hoc)" if row.population.post_hoc else "")
    return (population, str(row.step), row.name, printed, p_value(adjusted), row.gate.status)


def gate_notes(result: Reanalysis) -> list[Block]:
    """What the gates go by, and which populations are outside the sequence."""
    notes: list[Block] = []
    computed = [row for row in result.hierarchy if row.gate_basis == RECOMPUTED]
    if computed:
        by_site = [row.stratified is not None and row.stratified.cmh is not None for row in computed]
        tests = ["the Cochran-Mantel-Haenszel test, stratified by site"] if any(by_site) else []
        tests += [] if all(by_site) else ["Pearson's test of the totals"]
        notes.append(
            Paragraph(
                "No published p-value of these counts is known here: whether an end point was met goes by "
                f"{', or '.join(tests)}. That rule is this report's, the same for every trial, and not the trial's own."
            )
        )
    outside = dict.fromkeys(row.population for row in result.hierarchy if row.gate_basis == NONE)
    for population in outside:
        when = "analysed post hoc" if population.post_hoc else "not the primary analysis"
        notes.append(
            Paragraph(
                f"{population.label[:1].upper()}{population.label[1:]} ({when}) is outside the fixed sequence: its "
                "p-values are nominal and support no formal claim."
            )
        )
    return notes


def recomputed(result: Reanalysis) -> list[Block]:
    """Intervals and tests of the counts, and the analyses stratified by site where these are known."""
    rows = []
    strata: list[Block] = []
    for row in result.hierarchy:
        t = row.two_by_two
        if t is None:
            continue
        printed = row.published.p if row.published is not None else None
        limits = [
            points_interval(i.lower, i.upper) if i is not None else "does not exist"
            for i in (t.risk_difference_newcombe, t.risk_difference_mn)
        ]
        tests = [p_value(p) for p in (t.p_chi_square, t.p_fisher, t.p_boschloo, t.p_mid)]
        if row.clustered:  # they take the patients of a site for independent
            limits, tests = ["not valid here"] * 2, ["not valid here"] * 4
        rows.append(
            (
                row.population.label, f"{t.active[0]}/{t.active[1]}", f"{t.control[0]}/{t.control[1]}",
                points(t.risk_difference), *limits, p_value(printed), *tests,
            )
        )  # fmt: skip
        strata += _stratified(row)
    trial = result.trial
    header = (
        "population", trial.arms.active, trial.arms.control, "risk difference", "95 % confidence interval, Newcombe",
        "95 % confidence interval, Miettinen-Nurminen", "p as printed", "p Pearson", "p Fisher", "p Boschloo",
        "p mid-p",
    )  # fmt: skip
    counted = trial.end_point.words.patients
    caption = f"Counts ({counted}/patients), risk differences in percentage points, and two-sided p-values"
    return [Table.of(header, rows, caption, "comparison.csv"), *strata]


def _stratified(row: HierarchyRow) -> list[Block]:
    s = row.stratified
    if s is None:
        return []
    parts = []
    if s.cmh is not None:
        parts.append(f"Cochran-Mantel-Haenszel p {p_value(s.cmh.p)}")
    if s.mh_odds_ratio is not None and s.mh_odds_ratio_interval is not None:
        i = s.mh_odds_ratio_interval
        parts.append(
            f"Mantel-Haenszel odds ratio {ratio(s.mh_odds_ratio)} (95 % confidence interval "
            f"{interval(ratio(i.lower), ratio(i.upper))})"
        )
    if s.mh_risk_difference is not None and s.mh_risk_difference_interval is not None:
        i = s.mh_risk_difference_interval
        parts.append(
            f"Mantel-Haenszel risk difference {points(s.mh_risk_difference)} "
            f"points (95 % confidence interval {points_interval(i.lower, i.upper)})"
        )
    if not parts:
        return []
    return [Paragraph(f"Stratified by {s.n_sites} sites ({row.population.label}): {'; '.join(parts)}.")]


def engines(result: Reanalysis) -> Table | None:
    """One row for each model that two engines fitted; None where there is none."""
    if not result.agreements:
        return None
    rows = [
        (
            f"`{name}`",
            *item.engines,
            "yes" if item.status == "agree" else f"NO ({item.status})",
            item.reason or f"{item.difference:.1f}",
            item.quantity,
        )
        for name, item in result.agreements
    ]
    header = ("model", "reported", "checked by", "engines agree", "largest difference, Monte Carlo errors", "of")
    return Table.of(header, rows, "The same model fitted by two engines", "comparison.csv")


def not_reported(result: Reanalysis) -> list[Block]:
    """Models without a result, and why."""
    page: list[Block] = []
    refused = [item for item in result.analyses if item.posterior is None]
    if refused:
        reasons = (f"`{item.model.name}`: {_why_not(item, result.trial)}" for item in refused)
        page += [Paragraph("Not fitted:"), Bullets(tuple(reasons))]
    failed = [item for item in result.fitted if item.is_failure]
    if failed:
        reasons = (f"`{item.model.name}`: {item.reason}" for item in failed)
        page += [Paragraph("Diagnostics failed:"), Bullets(tuple(reasons))]
    return page


def _why_not(item: Analysis, trial: Trial) -> str:
    """Why a model was not fitted, in words where that is common."""
    if item.model.population not in trial.populations:
        return f"it is of the population '{item.model.population}', which this trial does not have."
    if trial.resolution == "cells" and len(trial.site_names) == 1 and not item.model.sites.pooled:
        return "it is of how sites differ, and there is one site, or totals alone."
    return f"{item.status}: {item.reason}"


def definitions(result: Reanalysis) -> list[Block]:
    """What the three probabilities are of, and how exact the risk differences are."""
    said: dict[str, list[str]] = {}
    errors = [0.0]
    for posterior in result.sound:
        words = "; ".join(
            f"{name}: {posterior.chances[kind].statement}"
            for kind, name in (("benefit", "benefit"), ("relevant", "relevant benefit"), ("harm", "harm"))
        )
        said.setdefault(words, []).append(f"`{posterior.spec.name}`")
        errors += [mcse_quantile(posterior.draws("risk_difference"), q) for q in (0.025, 0.5, 0.975)]
    lines = [
        f"{', '.join(names)}: {words}." if len(said) > 1 else f"{words[0].upper()}{words[1:]}."
        for words, names in said.items()
    ]
    if lines:
        worst = math.ceil(1000 * max(errors)) / 10
        lines.append(f"MCSE: Monte Carlo standard error; that of the risk differences is at most {worst:.1f} points.")
    return [Paragraph(text) for text in lines]
