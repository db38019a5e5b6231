"""The trial's own result and the Bayesian one side by side, population by population."""

from __future__ import annotations

from bayes_lupil.frequentist.hierarchy import HierarchyRow
from bayes_lupil.numbers import in_points, p_value, percent, points, points_interval
from bayes_lupil.posterior import Posterior
from bayes_lupil.report.media.blocks import Table
from bayes_lupil.report.reanalysis.contents import Contents
from bayes_lupil.report.reanalysis.figures.answer_lines import trial_line

__all__ = ["of_population", "paired_table", "test_words"]


def paired_table(contents: Contents) -> Table:
    """One row a population: counts, the trial's difference with its test, the leading Bayesian analysis of it."""
    arms, result = contents.trial.arms, contents.reanalysis
    relevant = in_points(100 * contents.lead.spec.decision.relevant) if contents.lead is not None else ""
    rows, methods, models = [], list[str](), list[str]()
    for row in result.hierarchy:
        t = row.two_by_two
        if t is None:
            continue
        trial = points(t.risk_difference)
        if not row.clustered:  # the interval that goes with the test, as in the figure
            line = trial_line(row, t)
            trial = f"{points(line.middle)} ({points_interval(line.low, line.high)})"
            methods.append(line.method.partition("(")[2].rstrip(")"))
        posterior = of_population(contents, row)
        bayes = ("no analysis", "", "")
        if posterior is not None:
            rd, chances = posterior.row("risk_difference"), posterior.chances
            models.append(f"{row.population.label} by `{posterior.spec.name}` ({posterior.spec.title.lower()})")
            bayes = (
                f"{points(rd.q50)} ({points_interval(rd.q2_5, rd.q97_5)})",
                percent(chances["benefit"].probability, chances["benefit"].mcse),
                percent(chances["relevant"].probability, chances["relevant"].mcse),
            )
        after = ", analysed post hoc" if row.population.post_hoc else ""
        rows.append(
            (
                f"{row.population.label}{after}", f"{t.active[0]}/{t.active[1]} v {t.control[0]}/{t.control[1]}",
                trial, test_words(row), *bayes,
            )
        )  # fmt: skip
    by = f", {' or '.join(dict.fromkeys(methods))}" if methods else ""
    header = (
        "population", f"{arms.active} v {arms.control}", f"difference (95 % confidence interval{by})", "p",
        "difference, median (95 % credible interval)", f"P({arms.active} better)", f"P(by at least {relevant})",
    )  # fmt: skip
    caption = (
        f"The trial's result beside the reanalysis: {arms.active} minus {arms.control}, in percentage points; "
        f"reanalysis of {', '.join(models) or 'none'}"
    )
    return Table.of(header, rows, caption, "comparison.csv")


def of_population(contents: Contents, row: HierarchyRow) -> Posterior | None:
    """The analysis that leads for a population: the report's own where it is of this one, else the first sound one."""
    same = [p for p in contents.sound if p.provenance.population == row.population.name]
    return contents.lead if contents.lead in same else next(iter(same), None)


def test_words(row: HierarchyRow) -> str:
    """The p-value of a population's primary end point, with whose it is."""
    if row.published is not None and row.published.p is not None:
        return f"{p_value(row.published.p)}, as printed{' (nominal)' if row.population.post_hoc else ''}"
    if row.clustered or row.two_by_two is None:
        return "none: no site has patients of both arms" if row.clustered else ""
    if row.stratified is not None and row.stratified.cmh is not None:
        return f"{p_value(row.stratified.cmh.p)}, Cochran-Mantel-Haenszel, computed here"
    return f"{p_value(row.two_by_two.p_chi_square)}, Pearson, computed here"
