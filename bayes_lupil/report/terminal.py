"""What a run prints in the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from bayes_lupil.characters import visible
from bayes_lupil.numbers import interval, p_value, points, probability
from bayes_lupil.trials.trial import SYNTHETIC, Trial

if TYPE_CHECKING:  # one fit is printed without loading what a reanalysis needs
    from bayes_lupil.posterior import Posterior
    from bayes_lupil.posterior.agreement import Agreement
    from bayes_lupil.reanalysis import Analysis, Reanalysis
    from bayes_lupil.report.contents import Contents

__all__ = ["print_posterior", "print_reanalysis", "print_trial"]


def print_posterior(posterior: Posterior, out: Console) -> None:
    """The summary, the benefit ladder and the verdict of one fit."""
    p = posterior.provenance
    if p.synthetic:
        _line(out, SYNTHETIC, "bold red")
    if p.totals is not None:
        (r0, n0), (r1, n1) = p.totals
        counts = f"{p.arms.active} {r1}/{n1} against {p.arms.control} {r0}/{n0}"
    else:
        n0, n1 = p.patients or (0, 0)
        counts = f"{p.arms.active} {n1} patients against {p.arms.control} {n0}"
    unit = f", in {p.end_point.unit}" if p.end_point.unit and p.end_point.kind == "continuous" else ""
    for caution in p.cautions:
        _line(out, f"Warning: {caution}", "bold")
    _line(out, p.title, "bold")
    _line(out, f"Arms: {counts} ({p.population_label})")
    _line(out, f"End point: {p.end_point.directed}{unit}")
    _line(out, f"Model: {posterior.spec.name}: {posterior.spec.title}")
    of_effect = "mean difference" if posterior.spec.continuous else "log odds ratio"
    _line(out, f"Prior of the effect (beta, {of_effect}): {posterior.spec.priors.beta.describe()}")
    best = posterior.p_benefit
    if best is None:
        _line(out, "No probability is given, because the diagnostics failed.", "bold")
    else:
        name = posterior.effect.replace("_", " ")
        chance = f"P(benefit: {best.statement}) = {probability(best.probability, best.mcse)}"
        _line(out, f"Answer: {name} {posterior.effect_words}; {chance}", "bold")
    independent = posterior.verdict.pareto_k is not None
    heads = ["", "mean", "sd", "2.5 %", "50 %", "97.5 %", *(["draws"] if independent else ["ESS", "R-hat"])]
    table = Table(*heads, box=None, pad_edge=False)
    for row in posterior.rows:
        if "[" not in row.name:
            numbers = (row.mean, row.sd, row.q2_5, row.q50, row.q97_5)
            cells = ["none" if value != value else f"{value:.3f}" for value in numbers]
            chains = [] if independent else [f"{row.r_hat:.3f}"]
            table.add_row(row.name, *cells, f"{row.ess_bulk:.0f}", *chains)
    out.print(table)
    if posterior.ladder:
        ladder = Table("probability of", "", box=None, pad_edge=False)
        for line in posterior.ladder:
            ladder.add_row(f"{line.kind}: {line.statement}", probability(line.probability, line.mcse))
        out.print(ladder)
        if posterior.nnt is not None:
            _line(out, f"Number needed to treat: {posterior.nnt.text}")
    _line(out, f"Diagnostics {posterior.verdict.text}")
    if p.handed_over:
        _line(out, f"Note: {p.handed_over}")


def print_reanalysis(contents: Contents, folder: Path, out: Console) -> None:
    """The answer, the trial's own hierarchy, every Bayesian analysis, and where the files are."""
    from bayes_lupil.report.answer import reanalysed, sure

    result = contents.reanalysis
    if result.trial.synthetic:
        _line(out, SYNTHETIC, "bold red")
    for caution in result.cautions:
        _line(out, f"Warning: {caution}", "bold")
    end_point, arms = result.trial.end_point, result.trial.arms
    _line(out, f"{result.trial.title}: {end_point.directed}", "bold")
    for text in (*reanalysed(contents), *sure(contents)[:1]):
        _line(out, text.replace("`", ""))
    _line(out, "The trial's own hierarchy", "bold")
    out.print(_hierarchy(result))
    effect = f"risk difference in points, {arms.active} minus {arms.control}; {end_point.benefit} is better"
    _line(out, f"Bayesian analyses: {effect} (95 % credible interval)", "bold")
    for item in result.analyses:
        _print_analysis(item, out)
    if result.agreements:
        worst_name, worst = max(result.agreements, key=lambda pair: _badness(pair[1]))
        agree = all(item.status == "agree" for _, item in result.agreements)
        _line(
            out,
            f"engines agree: {'yes' if agree else 'NO'}, {len(result.agreements)} models fitted by both; worst: "
            f"{worst_name}, {worst.text}",
        )
    _line(out, f"Written to {folder}")
    for name, what in (
        ("report.html", "the whole report; open it first, in a browser"),
        ("comparison.md", "every analysis and test"),
        (
            "comparison_table" if contents.lead is None else "benefit, comparison_table",
            "to take away, as .docx (Word), .tex and .md",
        ),
    ):
        _line(out, f"- {name}: {what}")


def _hierarchy(result: Reanalysis) -> Table:
    """Long names are folded, so that they never squeeze a number."""
    from bayes_lupil.frequentist.hierarchy import RECOMPUTED

    table = Table(
        Column("step", overflow="fold"),
        Column("population", overflow="fold"),
        Column("p", no_wrap=True, min_width=19),
        Column("status", overflow="fold", min_width=12),
        box=None,
        pad_edge=False,
    )
    for row in result.hierarchy:
        how = "recomputed" if row.gate_basis == RECOMPUTED else "printed"
        p = f"{p_value(row.gate.p)} {how}" if row.gate.p is not None else ""
        table.add_row(_text(f"{row.step} {row.name}"), _text(row.population.label), p, _text(row.gate.status))
    return table


def _print_analysis(item: Analysis, out: Console) -> None:
    """Two lines, since beside a name the numbers would not fit a narrow window."""
    posterior = item.posterior
    role = " (primary)" if item.model.role == "primary" else ""
    if posterior is None or not posterior.verdict.ok or posterior.p_benefit is None:
        _line(out, f"{item.model.name}{role}, {item.model.population}: {item.status}")
        return
    rd, best = posterior.row("risk_difference"), posterior.p_benefit
    limits = interval(points(rd.q2_5), points(rd.q97_5))
    _line(out, f"{item.model.name}{role}, {posterior.provenance.population_label}:")
    _line(out, f"  {points(rd.q50)} ({limits})  P(benefit) {probability(best.probability, best.mcse)}")


def _text(text: str, style: str = "") -> Text:
    """Text in which nothing is markup, an emoji's code or hidden, whatever names it holds."""
    return Text(visible(text), style=style)


def _line(out: Console, text: str, style: str = "") -> None:
    out.print(_text(text, style))


def _badness(agreement: Agreement) -> float:
    return float("inf") if agreement.status == "not compared" else agreement.difference


def print_trial(trial: Trial, out: Console) -> None:
    """A trial with the source and grade of every number."""

    def line(text: str) -> None:
        _line(out, text)

    if trial.synthetic:
        _line(out, SYNTHETIC, "bold red")
    for warning in trial.warnings:
        _line(out, f"Warning: {warning}", "bold")
    _line(out, trial.title, "bold")
    line(f"Known as {trial.resolution}; {len(trial.site_names)} sites; data hash {trial.data_hash[:12]}")
    line(f"Arms: {trial.arms.active} against {trial.arms.control}")
    line(f"End point: {trial.end_point.directed}")
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
        table.add_row(*(_text(str(item[name])) for name in ("number", "what", "source", "grade")))
    out.print(table)
    for title, lines in (("Notes", trial.notes), ("Never published", trial.not_published)):
        if lines:
            line(f"{title}:")
            for text in lines:
                line(f"  - {text}")
    for source in trial.sources:
        line(f"{source.id}: {source.citation}{f', doi {source.doi}' if source.doi else ''}")
