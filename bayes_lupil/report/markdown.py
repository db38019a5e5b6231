"""The comparison as a page in Markdown: hierarchy, tests of the counts, Bayesian analyses, what was never published."""

from __future__ import annotations

import math
from collections.abc import Iterable

from bayes_lupil.convergence import mcse_quantile
from bayes_lupil.frequentist.hierarchy import NONE, RECOMPUTED, HierarchyRow
from bayes_lupil.reanalysis import Reanalysis
from bayes_lupil.report.numbers import interval, p_value, points, probability, ratio
from bayes_lupil.trials.trial import SYNTHETIC

__all__ = ["comparison_markdown", "markdown_table"]


def markdown_table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table; bars and line breaks in cells are escaped."""

    def line(cells: Iterable[str]) -> str:
        safe = (cell.replace("|", "\\|").replace("\n", " ").replace("<", "&lt;") for cell in cells)
        return "| " + " | ".join(safe) + " |"

    head = list(header)
    return "\n".join([line(head), "|" + "---|" * len(head), *(line(row) for row in rows)])


def comparison_markdown(result: Reanalysis) -> str:
    """The comparison as a page that can be read: hierarchy, tests of the counts, Bayesian analyses, caveats."""
    trial = result.trial
    lines = [f"# {trial.title}", ""]
    if trial.synthetic:
        lines += [f"**{SYNTHETIC}**", ""]
    good = "higher" if trial.end_point.sign > 0 else "lower"
    lines += [
        f"End point: {trial.end_point.label}; a {good} response is the benefit. Risk differences are "
        f"{trial.arms.active} minus {trial.arms.control}, in percentage points.",
        "",
        "## The trial's own hierarchy",
        "",
        markdown_table(
            ("population", "step", "end point", "as printed", "adjusted p", "status in the fixed sequence"),
            [_hierarchy_cells(row) for row in result.hierarchy],
        ),
        "",
        *_gate_note(result),
        "## What the counts give (recomputed here)",
        "",
        *_recomputed(result),
        "## Bayesian analyses",
        "",
        _bayesian_markdown(result),
        "",
        *_definitions(result),
        *_engines(result),
    ]
    refused = [item for item in result.analyses if item.posterior is None]
    if refused:
        lines += ["Not fitted:", "", *(f"- `{item.model.name}` ({item.status}): {item.reason}" for item in refused), ""]
    failed = [item for item in result.fitted if item.is_failure]
    if failed:
        lines += ["Diagnostics failed:", "", *(f"- `{item.model.name}`: {item.reason}" for item in failed), ""]
    if trial.not_published:
        lines += ["## Never published", "", *(f"- {item}" for item in trial.not_published), ""]
    if trial.notes:
        lines += ["## Notes on the data", "", *(f"- {item}" for item in trial.notes), ""]
    if trial.sources:
        lines += ["## Sources", "", *(f"- {s.citation}{f', doi {s.doi}' if s.doi else ''}" for s in trial.sources), ""]
    return "\n".join(lines)


def _hierarchy_cells(row: HierarchyRow) -> tuple[str, ...]:
    printed = row.published.printed if row.published is not None else ""
    adjusted = row.gate.adjusted_p if row.gate.status in ("significant", "not significant") else None
    population = row.population.label + (" (post hoc)" if row.population.post_hoc else "")
    return (population, str(row.step), row.name, printed, p_value(adjusted), row.gate.status)


def _gate_note(result: Reanalysis) -> list[str]:
    lines = []
    if any(row.gate_basis == RECOMPUTED for row in result.hierarchy):
        lines += [
            "No p-value was printed: the gates go by the Cochran-Mantel-Haenszel test where sites are known, by "
            "Pearson's test where not, a rule laid down beforehand.",
            "",
        ]
    outside = dict.fromkeys(row.population for row in result.hierarchy if row.gate_basis == NONE)
    for population in outside:
        when = "analysed post hoc" if population.post_hoc else "not the primary analysis"
        lines += [
            f"{population.label[:1].upper()}{population.label[1:]} ({when}) is outside the fixed sequence: its "
            "p-values are nominal and support no formal claim.",
            "",
        ]
    return lines


def _recomputed(result: Reanalysis) -> list[str]:
    rows = []
    strata = []
    for row in result.hierarchy:
        t = row.two_by_two
        if t is None:
            continue
        printed = row.published.p if row.published is not None else None
        limits = [
            interval(points(i.lower), points(i.upper)) if i is not None else "does not exist"
            for i in (t.risk_difference_newcombe, t.risk_difference_mn)
        ]
        rows.append(
            (
                row.population.label, f"{t.active[0]}/{t.active[1]}", f"{t.control[0]}/{t.control[1]}",
                points(t.risk_difference), *limits, p_value(printed), p_value(t.p_chi_square), p_value(t.p_fisher),
                p_value(t.p_boschloo), p_value(t.p_mid),
            )
        )  # fmt: skip
        strata += _strata_lines(row)
    trial = result.trial
    header = (
        "population", trial.arms.active, trial.arms.control, "risk difference", "95 % CI, Newcombe",
        "95 % CI, Miettinen-Nurminen", "p as printed", "p Pearson", "p Fisher", "p Boschloo", "p mid-p",
    )  # fmt: skip
    return [markdown_table(header, rows), "", *strata]


def _strata_lines(row: HierarchyRow) -> list[str]:
    s = row.stratified
    if s is None:
        return []
    parts = []
    if s.cmh is not None:
        parts.append(f"Cochran-Mantel-Haenszel p {p_value(s.cmh.p)}")
    if s.mh_odds_ratio is not None and s.mh_odds_ratio_interval is not None:
        i = s.mh_odds_ratio_interval
        parts.append(
            f"Mantel-Haenszel odds ratio {ratio(s.mh_odds_ratio)} (95 % CI {interval(ratio(i.lower), ratio(i.upper))})"
        )
    if s.mh_risk_difference is not None and s.mh_risk_difference_interval is not None:
        i = s.mh_risk_difference_interval
        parts.append(
            f"Mantel-Haenszel risk difference {points(s.mh_risk_difference)} "
            f"(95 % CI {interval(points(i.lower), points(i.upper))})"
        )
    return [f"Stratified by {s.n_sites} sites ({row.population.label}): {'; '.join(parts)}.", ""] if parts else []


def _bayesian_markdown(result: Reanalysis) -> str:
    rows = []
    for item in result.fitted:
        posterior = item.posterior
        assert posterior is not None
        if not posterior.verdict.ok:
            rows.append(
                (f"`{item.model.name}`", item.model.title, posterior.provenance.population_label, *["no figure"] * 5)
            )
            continue
        rd = posterior.row("risk_difference")
        chances = [posterior.chances[kind] for kind in ("benefit", "relevant", "harm")]
        rows.append(
            (
                f"`{item.model.name}` ({item.model.role})", item.model.title, posterior.provenance.population_label,
                points(rd.q50), interval(points(rd.q2_5), points(rd.q97_5)),
                *(probability(line.probability, line.mcse) for line in chances),
            )
        )  # fmt: skip
    header = (
        "model", "what it assumes", "population", "risk difference, median", "95 % credible interval",
        "P(benefit)", "P(relevant benefit)", "P(harm)",
    )  # fmt: skip
    return markdown_table(header, rows)


def _engines(result: Reanalysis) -> list[str]:
    """One row for each model that two engines fitted."""
    if not result.agreements:
        return []
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
    return ["## Engines agree", "", markdown_table(header, rows), ""]


def _definitions(result: Reanalysis) -> list[str]:
    """What the three probabilities are of, and how exact the risk differences are."""
    sound = [item.posterior for item in result.fitted if item.posterior is not None and item.posterior.verdict.ok]
    said: dict[str, list[str]] = {}
    errors = [0.0]
    for posterior in sound:
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
    return [line for text in lines for line in (text, "")]
