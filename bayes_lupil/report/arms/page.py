"""The page of several active arms against one control."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from bayes_lupil.arms.result import ArmsAnalysis
from bayes_lupil.numbers import percent, points, points_interval
from bayes_lupil.report.arms.forest import arms_in_words, figure_arms
from bayes_lupil.report.media.blocks import Block, Bullets, Figure, Heading, Page, Paragraph, Table, warnings_first
from bayes_lupil.report.media.plot_rows import upward
from bayes_lupil.report.media.plot_style import figure_files

__all__ = ["ARMS_FILES", "arms_page", "arms_summary", "write_arms"]

ARMS_FILES = ("arms.html", "arms.md", "arms.docx", "arms.csv", "posterior.nc", *figure_files("arms"))
"""What `write_arms` writes."""


def arms_summary(found: ArmsAnalysis) -> Page:
    """What the command prints."""
    texts = (_sentence(found), _analysed(found))
    blocks: list[Block] = [*map(Paragraph, texts), _table(found), Paragraph(_errors(found))]
    return Page(_title(found), tuple(blocks), synthetic=found.synthetic, warnings=found.cautions)


def arms_page(found: ArmsAnalysis) -> Page:
    """The page with its figure, table and data."""
    model = found.model
    related = (
        "Effects of the active arms have priors of their own, and the control in common. Where other arms too do "
        "better than one control, it is more probable that the control did badly by chance, and each effect is smaller "
        "than by itself; and the other way round."
        if model.between_arms is None
        else "Effects of the active arms come from one distribution: each leans on the others', and where these are "
        "large it is larger than by itself."
    )
    priors = [(item.name, item.prior) for item in model.parameters if item.name not in ("z", "e", "f", "g")]
    blocks: list[Block] = [
        Heading(_title(found), level=1),
        *warnings_first(found.synthetic, found.cautions),
        Paragraph(_sentence(found)),
        Paragraph(_analysed(found)),
        Figure("arms", arms_in_words(found), "Each active arm against the control", partial(figure_arms, found)),
        Heading("Each active arm"),
        _table(found, "arms.csv"),
        Paragraph(_errors(found)),
        Heading("How to read it"),
        Bullets(
            (
                related,
                "By itself: P(benefit) where the arm is compared with the control alone, over the patients of both; "
                "none where the diagnostics of that fit failed. Best: of these arms, the control among them.",
                "Risks are averaged over all patients analysed, each arm as if they had all been in it; at a site that "
                "had no patients of an arm, its risk is what the model expects there. Odds ratios are at an average "
                "site.",
                *found.reading,
                *(f"Prior of {name}: {prior.describe()}. {prior.reason}" for name, prior in priors),
                f"Diagnostics {found.verdict.text}. {found.sampler}; seed {model.sampler.seed}.",
                *found.notes,
            )
        ),
    ]
    return Page(
        _title(found), tuple(blocks), "arms", ("md", "html", "docx"), found.synthetic, "Several active arms",
        found.trial.end_point.directed, found.cautions, files={"posterior.nc": found.save},
    )  # fmt: skip


def write_arms(found: ArmsAnalysis, folder: str | Path, *, force: bool = False) -> Path:
    """Write the page, its table and figure, and the posterior (`ARMS_FILES`).

    Parameters
    ----------
    force : bool
        Whether files in the way are replaced that no earlier run wrote, or that were changed since.

    Raises
    ------
    OutputError
        Where the folder cannot be written to.
    """
    from bayes_lupil.report.media.write import write

    return write(arms_page(found), folder, ARMS_FILES, force=force)


def _title(found: ArmsAnalysis) -> str:
    return f"{len(found.rows)} active arms against {found.control}"


def _sentence(found: ArmsAnalysis) -> str:
    chances = {found.control: found.control_best.mean} | {row.arm: row.p_best.mean for row in found.rows}
    first = max(chances, key=lambda arm: chances[arm])
    text = f"The most probable to be best of these arms is {first} ({percent(chances[first])})"
    for row in found.rows:
        if row.arm == first:
            text += f"; it is better than {found.control} with probability {percent(row.p_benefit.mean)}"
    if first != found.control:
        text += f". That none is better than {found.control} has probability {percent(chances[found.control])}"
    return f"{text}."


def _analysed(found: ArmsAnalysis) -> str:
    """Who was analysed, and by which model."""
    spec, patients = found.model.spec, sum(n for _, n in found.model.table.totals)
    population = found.trial.population(spec.population).label
    sites = len(found.model.table.sites)
    return (
        f"{found.trial.end_point.directed}; {population}, {patients} patients at {sites} site{'s' * (sites != 1)}; "
        f"arms analysed: {', '.join(found.model.table.arms)}. Model {spec.name}: {spec.title}."
    )


def _errors(found: ArmsAnalysis) -> str:
    chances = [found.control_best, *(item for row in found.rows for item in (row.p_benefit, row.p_best, row.p_alone))]
    worst = max(item.mcse for item in chances if item.mcse == item.mcse)
    return f"Monte Carlo error of each probability: at most {upward(worst)}."


def _table(found: ArmsAnalysis, source: str = "") -> Table:
    rows = []
    for row in found.rows:
        rd, alone = row.risk_difference, row.p_alone.mean
        rows.append((
            row.arm,
            f"{row.responders[1]}/{row.n[1]}", f"{row.responders[0]}/{row.n[0]}", row.observed_words,
            row.shrunken_words, f"{points(rd.q50)} ({points_interval(rd.q2_5, rd.q97_5)})",
            percent(row.p_benefit.mean), "none" if alone != alone else percent(alone), percent(row.p_best.mean),
        ))  # fmt: skip
    words = found.trial.end_point.words.patients
    header = (
        "arm", f"{words}/patients", f"of {found.control}", "odds ratio observed (95 % CI)", "posterior (95 % CrI)",
        "risk difference, points", "P(benefit)", "by itself", "P(best)",
    )  # fmt: skip
    frame = found.to_frame().reset_index() if source else None
    return Table(header, tuple(rows), f"Each active arm against {found.control}, in one model", source, frame)
