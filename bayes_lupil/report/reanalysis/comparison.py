"""The comparison of all analyses of a trial: one table of numbers, from which every text of it is made."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from bayes_lupil.frequentist.hierarchy import HierarchyRow, Unfitted
from bayes_lupil.frequentist.mixed_logistic import MixedLogistic
from bayes_lupil.model_analysis import Analysis
from bayes_lupil.numbers import p_value, points, points_interval, probability
from bayes_lupil.posterior.diagnostics import mcse_quantile
from bayes_lupil.reanalysis import Reanalysis
from bayes_lupil.report.media.blocks import Table
from bayes_lupil.report.media.csv_text import marked
from bayes_lupil.report.reanalysis.contents import Contents

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["bayesian_analyses", "comparison_for_papers", "comparison_table", "in_words", "lines"]

_COLUMNS = (
    "analysis", "kind", "population", "patients", "control", "active", "risk_difference", "rd_lower", "rd_upper",
    "interval", "odds_ratio", "or_lower", "or_upper", "or_interval", "p_printed", "p_recomputed", "p_benefit",
    "p_benefit_mcse", "p_relevant", "p_relevant_mcse", "p_harm", "p_harm_mcse", "status", "note",
)  # fmt: skip

CLUSTERED = "not valid: no site has patients of both arms, and the patients of a site are not independent"
"""In place of p-values and intervals that take patients for independent."""


def comparison_table(result: Reanalysis) -> pd.DataFrame:
    """Frequentist and Bayesian analyses side by side, one row an analysis.

    Risk differences are active minus control, as proportions. What was printed and what was recomputed stand in
    columns of their own; probabilities come with their Monte Carlo error and are missing where diagnostics fail.
    """
    import pandas as pd

    rows = [row for item in result.hierarchy for row in _frequentist_rows(item)]
    rows += [_bayesian_row(item, result) for item in result.analyses]
    rows += [
        {"analysis": f"engines agree: {name}", "kind": "check", "status": item.status, "note": item.text}
        for name, item in result.agreements
    ]
    table = pd.DataFrame(rows, columns=list(_COLUMNS)).astype({"patients": "Int64"})
    return marked(table, result.trial.synthetic)


def in_words(row: Mapping[Any, Any], error: float | None = None) -> dict[str, str]:
    """The numbers of a row of the comparison as they are shown; empty where there is none.

    Parameters
    ----------
    error : float, optional
        Monte Carlo standard error of the risk difference, by which it is rounded.

    Returns
    -------
    dict of str to str
        risk_difference, limits (without its kind), p_benefit, p_relevant, p_harm.
    """

    def known(name: str) -> bool:
        return row[name] is not None and row[name] == row[name]

    return {
        "risk_difference": points(row["risk_difference"], error) if known("risk_difference") else "",
        "limits": points_interval(row["rd_lower"], row["rd_upper"], error) if known("rd_lower") else "",
        **{
            name: probability(row[name], row[f"{name}_mcse"]) if known(name) else ""
            for name in ("p_benefit", "p_relevant", "p_harm")
        },
    }


def bayesian_analyses(result: Reanalysis) -> Table:
    """Risk difference and probabilities of benefit, relevant benefit and harm, one row a model fitted."""
    rows = []
    for item in result.fitted:
        row = _bayesian_row(item, result)
        name = f"`{item.model.name}`"
        told = tuple(in_words(row).values()) if item.status == "ok" else ("no figure",) * 5
        rows.append(
            (f"{name} ({item.model.role})" if item.status == "ok" else name, item.model.title, row["population"], *told)
        )
    header = (
        "model", "what it assumes", "population", "risk difference, median", "95 % credible interval",
        "P(benefit)", "P(relevant benefit)", "P(harm)",
    )  # fmt: skip
    caption = "Bayesian analyses: risk differences in percentage points; probabilities with their Monte Carlo error"
    return Table.of(header, rows, caption, "comparison.csv")


def lines(result: Reanalysis) -> Iterator[str]:
    """The same in two lines a model, since beside a name the numbers would not fit a narrow window."""
    for item in result.analyses:
        row = _bayesian_row(item, result)
        role = " (primary)" if item.model.role == "primary" else ""
        if item.status != "ok":
            yield f"{item.model.called}{role}, {item.model.population}: {item.status}"
            continue
        told = in_words(row)
        yield f"{item.model.called}{role}, {row['population']}:"
        yield f"  {told['risk_difference']} ({told['limits']})  P(benefit) {told['p_benefit']}"


def comparison_for_papers(contents: Contents) -> Table:
    """Frequentist and Bayesian analyses side by side, numbers rounded, the kind of every interval named."""
    frame = comparison_table(contents.reanalysis)
    errors = {
        p.spec.name: max(mcse_quantile(p.draws("risk_difference"), q) for q in (0.025, 0.5, 0.975))
        for p in contents.sound
    }
    rows = []
    for item in frame.astype(object).where(frame.notna(), None).to_dict("records"):
        if item["kind"] == "check":
            continue
        error = errors.get(str(item["analysis"]).split(":")[0]) if str(item["kind"]).startswith("Bayesian") else None
        told = in_words(item, error)
        numbers = ("risk_difference", "p_printed", "p_recomputed", "p_benefit")
        limits = f"{told['limits']} ({item['interval']})" if told["limits"] else ""
        if not limits and all(item[name] is None for name in numbers):
            limits = str(item["status"] or "")  # a row without any number says why
        rows.append(
            (
                str(item["analysis"]), str(item["kind"]), str(item["population"]), item["active"] or "",
                item["control"] or "", told["risk_difference"], limits, p_value(item["p_printed"]),
                p_value(item["p_recomputed"]), told["p_benefit"], told["p_relevant"],
            )
        )  # fmt: skip
    arms = contents.trial.arms
    header = (
        "analysis", "kind", "population", arms.active, arms.control, "risk difference (points)", "interval",
        "p as printed", "p recomputed", "P(benefit)", "P(relevant benefit)",
    )  # fmt: skip
    caption = f"{contents.trial.end_point.directed}: risk differences are {arms.active} minus {arms.control}, in points"
    return Table.of(header, rows, caption, "comparison.csv", frame)


def _frequentist_rows(row: HierarchyRow) -> list[dict[str, Any]]:
    head = {"kind": "frequentist", "population": row.population.label}
    found: list[dict[str, Any]] = []
    published = row.published
    if published is not None or row.two_by_two is None:
        words = published.printed or f"reported {published.reported}, no figure published" if published else ""
        found.append(
            {
                **head,
                "analysis": f"step {row.step}{', as printed' if published else ''}: {row.name}",
                "p_printed": published.p if published else None,
                "status": row.gate.status,
                "note": words if words != row.gate.status else "",
            }
        )
    if row.two_by_two is None:
        return found
    t = row.two_by_two
    counts: dict[str, Any] = {
        "patients": t.control[1] + t.active[1],
        "control": f"{t.control[0]}/{t.control[1]}",
        "active": f"{t.active[0]}/{t.active[1]}",
    }
    n, mn, odds = t.risk_difference_newcombe, t.risk_difference_mn, t.odds_ratio_interval
    or_columns: dict[str, Any] = {"odds_ratio": t.odds_ratio}
    if odds is not None:
        or_columns |= {"or_lower": odds.lower, "or_upper": odds.upper, "or_interval": f"95 % confidence, {odds.method}"}
    for name, p, limits in (
        ("Pearson chi-square", t.p_chi_square, n),
        ("Fisher exact", t.p_fisher, None),
        ("Boschloo exact", t.p_boschloo, None),
        ("mid-p", t.p_mid, None),
        ("score interval", None, mn),
    ):
        entry = {**head, **counts, "analysis": f"step {row.step}, recomputed: {name}", "p_recomputed": p}
        if limits is not None:
            entry |= {
                "risk_difference": t.risk_difference, "rd_lower": limits.lower, "rd_upper": limits.upper,
                "interval": f"95 % confidence, {limits.method}",
            }  # fmt: skip
        if row.clustered:
            entry |= {"p_recomputed": None, "note": CLUSTERED}
            if limits is not None:
                entry |= {"rd_lower": None, "rd_upper": None}
        elif name == "Pearson chi-square":
            entry |= or_columns
        found.append(entry)
    found += _stratified_rows(row, {**head, **counts})
    found += [_mixed_row(item, row, {**head, **counts}) for item in row.mixed]
    return found


def _mixed_row(fit: MixedLogistic | Unfitted, row: HierarchyRow, head: dict[str, Any]) -> dict[str, Any]:
    random = "intercepts" if fit.effects == "pooled" else "intercepts and effects"
    name = f"step {row.step}, recomputed: logistic regression, random site {random}"
    if isinstance(fit, Unfitted):
        return {**head, "analysis": name, "note": f"maximum likelihood has no estimate: {fit.why}"}
    spread = f"SD over sites {fit.tau_u:.2f}" + (f", of the effect {fit.tau_v:.2f}" if fit.effects == "partial" else "")
    return {
        **head,
        "analysis": name,
        "odds_ratio": math.exp(fit.beta),
        "or_lower": math.exp(fit.interval.lower),
        "or_upper": math.exp(fit.interval.upper),
        "or_interval": f"95 % confidence, {fit.interval.method}",
        "p_recomputed": fit.p,
        "note": f"maximum likelihood, p by likelihood ratio; {spread}",
    }


def _stratified_rows(row: HierarchyRow, head: dict[str, Any]) -> list[dict[str, Any]]:
    s = row.stratified
    if s is None:
        return []
    mantel: dict[str, Any] = {
        **head,
        "analysis": f"step {row.step}, recomputed: Mantel-Haenszel over {s.n_sites} sites",
    }
    if s.cmh is not None:
        mantel["p_recomputed"] = s.cmh.p
        mantel["note"] = f"p: Cochran-Mantel-Haenszel without correction; {s.n_informative} informative sites"
    if s.mh_risk_difference is not None:
        mantel["risk_difference"] = s.mh_risk_difference
    if s.mh_risk_difference_interval is not None:
        limits = s.mh_risk_difference_interval
        mantel |= {"rd_lower": limits.lower, "rd_upper": limits.upper, "interval": f"95 % confidence, {limits.method}"}
    if s.mh_odds_ratio is not None:
        mantel["odds_ratio"] = s.mh_odds_ratio
    if s.mh_odds_ratio_interval is not None:
        limits = s.mh_odds_ratio_interval
        mantel |= {
            "or_lower": limits.lower,
            "or_upper": limits.upper,
            "or_interval": f"95 % confidence, {limits.method}",
        }
    found = [mantel]
    if s.fixed_site_logit is not None:
        fit = s.fixed_site_logit
        found.append(
            {
                **head,
                "analysis": f"step {row.step}, recomputed: logistic regression, sites fixed",
                "odds_ratio": math.exp(fit.estimate), "or_lower": math.exp(fit.interval.lower),
                "or_upper": math.exp(fit.interval.upper), "or_interval": "95 % confidence, Wald",
                "p_recomputed": fit.p,
                "note": f"{len(s.one_arm) + len(s.one_outcome)} sites without information left out",
            }
        )  # fmt: skip
    return found


def _bayesian_row(item: Analysis, result: Reanalysis) -> dict[str, Any]:
    spec, posterior = item.model, item.posterior
    population = result.trial.populations.get(spec.population)
    row: dict[str, Any] = {
        "analysis": f"{spec.name}: {spec.title}",
        "kind": f"Bayesian, {spec.role}",
        "population": population.label if population else spec.population,
        "status": item.status,
        "note": item.reason,
    }
    if posterior is None:
        return row
    assert posterior.provenance.totals is not None  # a reanalysis is of a binary end point
    (r0, n0), (r1, n1) = posterior.provenance.totals
    rd, odds = posterior.row("risk_difference"), posterior.row("odds_ratio")
    row |= {
        "population": posterior.provenance.population_label, "patients": n0 + n1,
        "control": f"{r0}/{n0}", "active": f"{r1}/{n1}",
    }  # fmt: skip
    if item.status == "ok":
        benefit, relevant, harm = (posterior.chances[kind] for kind in ("benefit", "relevant", "harm"))
        row |= {
            "risk_difference": rd.q50, "rd_lower": rd.q2_5, "rd_upper": rd.q97_5, "interval": "95 % credible, median",
            "odds_ratio": odds.q50, "or_lower": odds.q2_5, "or_upper": odds.q97_5,
            "or_interval": "95 % credible, median",
            "p_benefit": benefit.probability, "p_benefit_mcse": benefit.mcse,
            "p_relevant": relevant.probability, "p_relevant_mcse": relevant.mcse,
            "p_harm": harm.probability, "p_harm_mcse": harm.mcse,
        }  # fmt: skip
    return row
