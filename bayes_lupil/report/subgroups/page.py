"""The page of effects by subgroup."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from bayes_lupil.numbers import of_chance, percent, points, points_interval
from bayes_lupil.report.media.blocks import Block, Bullets, Figure, Heading, Page, Paragraph, Table
from bayes_lupil.report.media.plot_rows import upward
from bayes_lupil.report.media.plot_style import figure_files
from bayes_lupil.report.subgroups.forest import figure_subgroups, subgroups_in_words
from bayes_lupil.subgroups.analysis import SubgroupAnalysis

__all__ = ["SUBGROUP_FILES", "subgroups_page", "subgroups_summary", "write_subgroups"]

SUBGROUP_FILES = (
    "subgroups.html", "subgroups.md", "subgroups.docx", "subgroups.csv", "posterior.nc", *figure_files("subgroups")
)  # fmt: skip
"""What `write_subgroups` writes."""


def subgroups_summary(found: SubgroupAnalysis) -> Page:
    """What the command prints."""
    source = found.posterior.provenance
    blocks: list[Block] = [Paragraph(_sentence(found)), _table(found), Paragraph(_tests(found))]
    return Page(_title(found), tuple(blocks), synthetic=source.synthetic, warnings=found.cautions)


def subgroups_page(found: SubgroupAnalysis) -> Page:
    """The page with its figure, table and data."""
    source = found.posterior.provenance
    blocks: list[Block] = [
        Heading(_title(found), level=1),
        *(
            Paragraph(text, strong=True)
            for text in Page("", (), synthetic=source.synthetic, warnings=found.cautions).marks
        ),
        Paragraph(_sentence(found)),
        Figure("subgroups", subgroups_in_words(found), "Effects by subgroup", partial(figure_subgroups, found)),
        Heading("Each subgroup"),
        _table(found, "subgroups.csv"),
        Paragraph(_tests(found)),
        Heading("How to read it"),
        Bullets(
            (
                "An effect of one subgroup alone, looked at because it is large, is too large on average. The shrunken "
                "ones lean on what the subgroups have in common, the more so the fewer patients they have.",
                "Sites within the subgroups are pooled.",
                "Whether the factor was chosen before the data were seen is not in the data: say it beside the result.",
                *(f"Prior of {name}: {prior.describe()}. {prior.reason}" for name, prior in _priors(found)),
                f"Diagnostics {found.posterior.verdict.text}. {source.sampler}; seed {source.seed}.",
            )
        ),
    ]
    return Page(
        _title(found), tuple(blocks), "subgroups", ("md", "html", "docx"), source.synthetic,
        "Effects by subgroup", source.end_point.directed, found.cautions,
        files={"posterior.nc": found.posterior.save},
    )  # fmt: skip


def write_subgroups(found: SubgroupAnalysis, folder: str | Path, *, force: bool = False) -> Path:
    """Write the page, its table and figure, and the posterior (`SUBGROUP_FILES`).

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

    return write(subgroups_page(found), folder, SUBGROUP_FILES, force=force)


def _title(found: SubgroupAnalysis) -> str:
    return found.posterior.provenance.title


def _priors(found: SubgroupAnalysis) -> list[tuple[str, Any]]:
    priors = found.posterior.spec.priors
    return [(name, prior) for name in ("beta", "tau_v") if (prior := getattr(priors, name)) is not None]


def _sentence(found: SubgroupAnalysis) -> str:
    highest, lowest = (pick(found.rows, key=lambda row: row.p_benefit.mean) for pick in (max, min))
    return (
        f"P(benefit) is highest in {highest.subgroup} ({percent(highest.p_benefit.mean)}) and lowest in "
        f"{lowest.subgroup} ({percent(lowest.p_benefit.mean)}). That the treatment helps in one subgroup and harms in "
        f"another has a probability {of_chance(found.p_different.mean)}."
    )


def _tests(found: SubgroupAnalysis) -> str:
    worst = max(item.mcse for item in (found.p_different, *(row.p_benefit for row in found.rows)))
    return f"Tests of interaction: {found.tests}. Monte Carlo error of each probability: at most {upward(worst)}."


def _table(found: SubgroupAnalysis, source: str = "") -> Table:
    arms, rows = found.posterior.provenance.arms, []
    for row in found.rows:
        rd = row.risk_difference
        rows.append((
            row.subgroup,
            f"{row.responders[1]}/{row.n[1]}", f"{row.responders[0]}/{row.n[0]}", row.observed_words,
            row.shrunken_words,
            f"{points(rd.q50)} ({points_interval(rd.q2_5, rd.q97_5)})", percent(row.p_benefit.mean),
        ))  # fmt: skip
    header = (found.by, arms.active, arms.control, "odds ratio observed (95 % CI)", "shrunken (95 % CrI)",
              "risk difference, points", "P(benefit)")  # fmt: skip
    frame = found.to_frame().reset_index() if source else None
    return Table(header, tuple(rows), "Effects by subgroup, active against control", source, frame)
