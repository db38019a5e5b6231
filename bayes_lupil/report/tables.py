"""The comparison of a reanalysis as one table, and CSV that is safe to open in a spreadsheet."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from bayes_lupil.characters import visible
from bayes_lupil.frequentist.hierarchy import HierarchyRow
from bayes_lupil.frequentist.mixed_logistic import MixedLogistic
from bayes_lupil.reanalysis import Analysis, Reanalysis
from bayes_lupil.trials.trial import SYNTHETIC

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["comparison_table", "csv_text", "latex_table", "marked"]

_COLUMNS = (
    "analysis", "kind", "population", "patients", "control", "active", "risk_difference", "rd_lower", "rd_upper",
    "interval", "odds_ratio", "or_lower", "or_upper", "or_interval", "p_printed", "p_recomputed", "p_benefit",
    "p_benefit_mcse", "p_relevant", "p_relevant_mcse", "p_harm", "p_harm_mcse", "status", "note",
)  # fmt: skip
# at the beginning, or after a sign at which a spreadsheet may split the line: in German at a semicolon
_SIGNS = "=+\\-@|%\uff1d\uff0b\uff0d\uff20\uff5c\uff05\ufe66\ufe62\ufe63\ufe6b\ufe6a"  # those of full width too
_FORMULA = re.compile(rf"(^|[;\t\n\r])([^\S\t\n\r]*[{_SIGNS}])")
_TEX_LINE = 100  # characters
# "<", ">" and "|" are other signs in LaTeX's default encoding; "[" and "*" after the end of a row would be its options
_TEX = str.maketrans(
    {
        "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "`": r"\textasciigrave{}",
        "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", "[": "{[}", "*": "{*}",
        **{sign: f"\\{sign}" for sign in "{}$&#_%"},
    }
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


def _mixed_row(fit: MixedLogistic, row: HierarchyRow, head: dict[str, Any]) -> dict[str, Any]:
    random = "intercepts" if fit.effects == "pooled" else "intercepts and effects"
    spread = f"SD over sites {fit.tau_u:.2f}" + (f", of the effect {fit.tau_v:.2f}" if fit.effects == "partial" else "")
    return {
        **head,
        "analysis": f"step {row.step}, recomputed: logistic regression, random site {random}",
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


def csv_text(table: pd.DataFrame, index: bool = False) -> str:
    """CSV that says the same to every program that opens it.

    No cell can be run as a formula by a spreadsheet, wherever that splits the line (an apostrophe is put before the
    sign); nothing in a name is hidden; and what is infinite is left out, because spreadsheets know no such number.
    """
    safe = table.copy()
    for position, name in enumerate(safe.columns):
        if not _is_number(safe.dtypes.iloc[position]):
            safe[name] = [_neutral(value) for value in safe[name]]
        elif safe.dtypes.iloc[position].kind == "f":
            safe[name] = safe[name].where(abs(safe[name]) != math.inf)
    safe.columns = safe.columns.map(_neutral)
    if index:
        safe.index = safe.index.map(_neutral)
    return str(safe.to_csv(index=index, lineterminator="\n"))


def marked(table: pd.DataFrame, synthetic: bool) -> pd.DataFrame:
    """The table, its first column saying so where the data are made up."""
    if synthetic and "data" not in table.columns:
        table = table.copy()
        table.insert(0, "data", SYNTHETIC)
    return table


def latex_table(header: tuple[str, ...], rows: list[list[str]], caption: str) -> str:
    r"""A LaTeX table (booktabs), caption and every cell escaped; where it is wide, the columns share the line's width.

    Examples
    --------
    >>> "5 \\% & x\\_1" in latex_table(("a", "b"), [["5 %", "x_1"]], "c")
    True
    """

    def line(cells: Iterable[str]) -> str:
        return " & ".join(_tex(cell) for cell in cells) + r" \\"

    columns, wide = _tex_columns(header, rows)
    return "\n".join(
        [
            r"\begin{table}", rf"\caption{{{_tex(caption)}}}",
            *([r"\footnotesize", r"\setlength{\tabcolsep}{2pt}"] if wide else []),
            rf"\begin{{tabular}}{{{columns}}}", r"\toprule", line(header), r"\midrule", *(line(row) for row in rows),
            r"\bottomrule", r"\end{tabular}", r"\end{table}", "",
        ]
    )  # fmt: skip


def _tex_columns(header: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[str, bool]:
    longest = [max(len(cell) for cell in column) for column in zip(header, *rows, strict=True)]
    if sum(longest) <= _TEX_LINE:
        return "l" * len(header), False
    wanted = [min(max(length, 8), 30) for length in longest]  # a long name is broken, a short number is not
    # some of the line goes to the gaps between columns
    return "".join(f"p{{{0.85 * one / sum(wanted):.3f}\\linewidth}}" for one in wanted), True


def _tex(text: str) -> str:
    """Text as LaTeX: on one line, since a blank one would end the cell, with no sign that LaTeX takes for its own."""
    plain = " ".join(visible(text).split()).translate(_TEX)
    return re.sub(r"-(?=-)", "-{}", plain)  # two hyphens would become a dash


def _is_number(kind: Any) -> bool:
    import pandas as pd

    return bool(pd.api.types.is_numeric_dtype(kind))


def _neutral(value: Any) -> Any:
    if isinstance(value, float) and math.isinf(value):
        return None
    return _FORMULA.sub(r"\1'\2", visible(value)) if isinstance(value, str) else value
