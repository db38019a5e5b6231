"""What a run prints in the terminal."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from bayes_lupil.agreement import Agreement
from bayes_lupil.frequentist.hierarchy import RECOMPUTED
from bayes_lupil.posterior import Posterior
from bayes_lupil.report.answer import reanalysed, sure
from bayes_lupil.report.blocks import visible
from bayes_lupil.report.contents import Contents
from bayes_lupil.report.numbers import interval, points, probability
from bayes_lupil.trials.trial import SYNTHETIC, Trial

__all__ = ["print_posterior", "print_reanalysis", "print_trial"]


def print_posterior(posterior: Posterior, out: Console) -> None:
    """The summary, the benefit ladder and the verdict of one fit."""
    p = posterior.provenance
    if p.synthetic:
        out.print(SYNTHETIC, style="bold red")
    if p.totals is not None:
        (r0, n0), (r1, n1) = p.totals
        counts = f"{p.arms.active} {r1}/{n1}, {p.arms.control} {r0}/{n0}"
    else:
        n0, n1 = p.patients or (0, 0)
        unit = f" in {p.end_point.unit}" if p.end_point.unit else ""
        counts = f"{p.end_point.label}{unit}; {p.arms.active} {n1} patients, {p.arms.control} {n0}"
    out.print(f"{p.title}", style="bold", highlight=False, markup=False)
    out.print(
        f"{posterior.spec.title} ({p.population_label}): {counts}",
        highlight=False,
        markup=False,
    )
    independent = posterior.verdict.pareto_k is not None
    heads = ["", "mean", "sd", "2.5 %", "50 %", "97.5 %", *(["draws"] if independent else ["ESS", "R-hat"])]
    table = Table(*heads, box=None, pad_edge=False)
    for row in posterior.rows:
        if "[" not in row.name:
            cells = [f"{value:.3f}" for value in (row.mean, row.sd, row.q2_5, row.q50, row.q97_5)]
            chains = [] if independent else [f"{row.r_hat:.3f}"]
            table.add_row(row.name, *cells, f"{row.ess_bulk:.0f}", *chains)
    out.print(table)
    if posterior.ladder:
        ladder = Table("probability of", "", box=None, pad_edge=False)
        for line in posterior.ladder:
            ladder.add_row(f"{line.kind}: {line.statement}", probability(line.probability, line.mcse))
        out.print(ladder)
        if posterior.nnt is not None:
            out.print(f"Number needed to treat: {posterior.nnt.text}", highlight=False)
    else:
        out.print("No probability is given, because the diagnostics failed.", style="bold")
    out.print(f"Diagnostics {posterior.verdict.text}", highlight=False, markup=False)


def print_reanalysis(contents: Contents, folder: Path, out: Console) -> None:
    """The answer, the frequentist hierarchy, one line a model, and where the files are."""
    result = contents.reanalysis
    if result.trial.synthetic:
        out.print(SYNTHETIC, style="bold red")
    out.print(visible(result.trial.title), style="bold", highlight=False, markup=False)
    for text in (*reanalysed(contents), *sure(contents)[:1]):
        out.print(visible(text).replace("`", ""), highlight=False, markup=False)
    printed = Table(
        "step",
        "population",
        "p",
        "status",
        box=None,
        pad_edge=False,
        title_justify="left",
        title="The trial's own hierarchy",
    )
    for row in result.hierarchy:
        p = (
            ""
            if row.gate.p is None
            else f"{row.gate.p:.4f} {'recomputed' if row.gate_basis == RECOMPUTED else 'printed'}"
        )
        printed.add_row(_name(f"{row.step} {row.name}"), _name(row.population.label), p, row.gate.status)
    out.print(printed)
    table = Table(
        Column("model", overflow="fold"),
        "population",
        "risk difference, points (95 % credible interval)",
        "P(benefit)",
        box=None,
        pad_edge=False,
        title_justify="left",
        title="Bayesian analyses",
    )
    for item in result.analyses:
        posterior = item.posterior
        if posterior is None or not posterior.verdict.ok:
            table.add_row(item.model.name, _name(item.model.population), item.status, "none")
            continue
        rd = posterior.row("risk_difference")
        best = posterior.p_benefit
        assert best is not None
        table.add_row(
            item.model.name + (" *" if item.model.role == "primary" else ""),
            _name(posterior.provenance.population_label),
            f"{points(rd.q50)} ({interval(points(rd.q2_5), points(rd.q97_5))})",
            probability(best.probability, best.mcse),
        )
    out.print(table)
    out.print("* primary analysis", highlight=False)
    if result.agreements:
        worst_name, worst = max(result.agreements, key=lambda pair: _badness(pair[1]))
        agree = all(item.status == "agree" for _, item in result.agreements)
        out.print(
            f"engines agree: {'yes' if agree else 'NO'}, {len(result.agreements)} models fitted by both; worst: "
            f"{worst_name}, {worst.text}",
            highlight=False, markup=False,
        )  # fmt: skip
    out.print(f"Written to {folder}", highlight=False, markup=False)
    out.print("  report.html   the whole report: open it in a browser", highlight=False, markup=False)
    out.print("  benefit, comparison_table   .docx .tex .md .csv: tables to take away", highlight=False, markup=False)


def _name(text: str) -> Text:
    """A name as text, whatever it holds."""
    return Text(visible(text))


def _badness(agreement: Agreement) -> float:
    return float("inf") if agreement.status == "not compared" else agreement.difference


def print_trial(trial: Trial, out: Console) -> None:
    """A trial with the source and grade of every number."""

    def line(text: str) -> None:
        out.print(text, highlight=False, markup=False)

    if trial.synthetic:
        out.print(SYNTHETIC, style="bold red")
    out.print(trial.title, style="bold", highlight=False, markup=False)
    line(f"Known as {trial.resolution}; {len(trial.site_names)} sites; data hash {trial.data_hash[:12]}")
    line(f"Arms: {trial.arms.active} against {trial.arms.control}")
    line(f"End point: {trial.end_point.label} ({trial.end_point.benefit} is better)")
    if trial.end_point.mcid is not None:
        mcid = f"{100 * trial.end_point.mcid:g} percentage points ({trial.end_point.mcid_source})"
        line(f"Minimal clinically important difference: {mcid}")
    for population in trial.populations.values():
        analysed = trial.analysis_set(population.name)
        (r0, n0), (r1, n1) = analysed.totals
        line(
            f"Population {population.name} ({population.label}): {r1}/{n1} v {r0}/{n0}; "
            f"{analysed.excluded} patients excluded"
        )
    table = Table("number", "what", "source", "grade", box=None, pad_edge=False)
    for item in trial.provenance:
        table.add_row(item["number"], item["what"], item["source"], item["grade"])
    out.print(table)
    for title, lines in (("Notes", trial.notes), ("Never published", trial.not_published)):
        if lines:
            line(f"{title}:")
            for text in lines:
                line(f"  - {text}")
    for source in trial.sources:
        line(f"{source.id}: {source.citation}{f', doi {source.doi}' if source.doi else ''}")
