"""The page of countries, or other groups of sites."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from bayes_lupil.numbers import percent, points, points_interval
from bayes_lupil.report.countries.forest import countries_in_words, figure_countries, outlying
from bayes_lupil.report.countries.likelihood import likelihood_blocks
from bayes_lupil.report.media.blocks import Block, Bullets, Figure, Heading, Page, Paragraph, Table
from bayes_lupil.report.media.plot_rows import upward
from bayes_lupil.report.media.plot_style import figure_files
from bayes_lupil.sites.countries import CountryRow, CountryTable
from bayes_lupil.sites.influence import estimates_of

__all__ = ["COUNTRY_FILES", "countries_page", "countries_summary", "write_countries"]

COUNTRY_FILES = (
    "countries.html", "countries.md", "countries.docx", "countries.csv", "posterior.nc", *figure_files("countries")
)  # fmt: skip
"""What `write_countries` writes."""


def countries_summary(table: CountryTable) -> Page:
    """What the command prints."""
    source = table.posterior.provenance
    blocks: list[Block] = [Paragraph(_sentence(table)), _table(table), Paragraph(_errors(table))]
    return Page(source.title, tuple(blocks), synthetic=source.synthetic, warnings=table.cautions)


def countries_page(table: CountryTable) -> Page:
    """The page with its figure, table and data."""
    source = table.posterior.provenance
    priors = ((name, getattr(table.posterior.spec.priors, name)) for name in ("tau_c", "tau_d", "tau_u", "tau_v"))
    marks = Page("", (), synthetic=source.synthetic, warnings=table.cautions).marks
    blocks: list[Block] = [
        Heading(source.title, level=1),
        *(Paragraph(text, strong=True) for text in marks),
        Paragraph(_sentence(table)),
        Figure("countries", countries_in_words(table), "Effects by country", partial(figure_countries, table)),
        Heading("Each country"),
        _table(table, "countries.csv"),
        Paragraph(_errors(table)),
        *likelihood_blocks(table.posterior),
        Heading("How to read it"),
        Bullets(
            (
                "P(benefit) in the whole trial is of the risk difference over all patients; the average country's odds "
                "ratio answers another question, and the less surely the fewer countries there are. Observed odds "
                "ratios are crude, over all patients of the country.",
                "A country is any group of sites that the data name. Its effect is shrunken towards that of an average "
                "country, and its sites' effects towards its own, the more so the fewer patients they have.",
                *_fixed_levels(table),
                "Without a country: the same model fitted to the trial without its sites; where one other country is "
                "left, its sites alone. A country that moves the answer when it is left out is not thereby shown to be "
                "wrong.",
                *(f"Prior of {name}: {prior.describe()}. {prior.reason}" for name, prior in priors if prior),
                f"Diagnostics {table.posterior.verdict.text}. {source.sampler}; seed {source.seed}.",
            )
        ),
    ]
    return Page(
        source.title, tuple(blocks), "countries", ("md", "html", "docx"), source.synthetic, "Effects by country",
        source.end_point.directed, table.cautions, files={"posterior.nc": table.posterior.save},
    )  # fmt: skip


def write_countries(table: CountryTable, folder: str | Path, *, force: bool = False) -> Path:
    """Write the page, its table and figure, and the posterior (`COUNTRY_FILES`).

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

    return write(countries_page(table), folder, COUNTRY_FILES, force=force)


def _fixed_levels(table: CountryTable) -> tuple[str, ...]:
    above = table.posterior.spec.countries
    if above is None or above.fixed_sd is None:
        return ()
    return (f"Levels of countries are each one's own, with the known SD {above.fixed_sd:g}, and hardly shrunken.",)


def _sentence(table: CountryTable) -> str:
    whole = table.posterior.p_benefit
    assert whole is not None  # the diagnostics are sound
    words = f"P(benefit) in the whole trial is {percent(whole.probability, whole.mcse)}."
    known = [(row.country, row.without_p_benefit.mean) for row in table.rows if row.without_p_benefit is not None]
    if known:
        highest, lowest = (pick(known, key=lambda pair: pair[1]) for pick in (max, min))
        ends = [f"{percent(value)} (without {country})" for country, value in (lowest, highest)]
        words += f" Without one country it is {' to '.join(ends)}."
    if any(row.outlier for row in table.rows):
        named = [row.country for row in table.rows if outlying(row)]
        words += f" Probably outlying in one arm: {', '.join(named) or 'no country'}."
    return words + _levels(table)


def _levels(table: CountryTable) -> str:
    """Countries whose level is another than the average one's, by the 95 % credible interval of its effect."""
    if "c" not in table.posterior.data["posterior"]:
        return ""
    words = table.posterior.provenance.end_point.words.rate
    levels = estimates_of(table.posterior, table.posterior.draws("c"))
    apart = {
        "higher": [row.country for row, level in zip(table.rows, levels, strict=True) if level.q2_5 > 0],
        "lower": [row.country for row, level in zip(table.rows, levels, strict=True) if level.q97_5 < 0],
    }
    told = [f"{way} in {', '.join(names)}" for way, names in apart.items() if names]
    if not told:
        return ""
    return f" The {words} is {' and '.join(told)} than in an average country (95 % credible intervals of levels)."


def _errors(table: CountryTable) -> str:
    errors = [row.without_p_benefit.mcse for row in table.rows if row.without_p_benefit is not None]
    errors += [item.mcse for row in table.rows for item in row.outlier or ()]
    return f"Monte Carlo error of each probability: at most {upward(max(errors))}." if errors else ""


def _table(table: CountryTable, source: str = "") -> Table:
    arms = table.posterior.provenance.arms
    with_outliers = any(row.outlier for row in table.rows)
    header = (
        "country", "sites", arms.active, arms.control, "odds ratio observed (95 % CI)", "shrunken (95 % CrI)",
        "risk difference, points", *((f"P(outlier): {arms.control}", arms.active) if with_outliers else ()),
        "P(benefit) without it",
    )  # fmt: skip
    rows = tuple(_cells(row, with_outliers) for row in table.rows)
    frame = table.to_frame().reset_index() if source else None
    return Table(header, rows, "Effects by country, active against control", source, frame)


def _cells(row: CountryRow, with_outliers: bool) -> tuple[str, ...]:
    rd, out = row.risk_difference, row.without_p_benefit
    return (
        row.country, str(len(row.sites)), f"{row.responders[1]}/{row.n[1]}", f"{row.responders[0]}/{row.n[0]}",
        row.observed_words, row.shrunken_words,
        f"{points(rd.q50)} ({points_interval(rd.q2_5, rd.q97_5)})",
        *(percent(item.mean) for item in (row.outlier or () if with_outliers else ())),
        f"none: {row.why_not}" if out is None else percent(out.mean),
    )  # fmt: skip
