"""The look at the sites of a trial, whichever there is: of a table of sites, or of what was never published of them."""

from __future__ import annotations

from pathlib import Path

from bayes_lupil.report.media.blocks import Page
from bayes_lupil.report.media.plot_style import figure_files
from bayes_lupil.report.media.write import write
from bayes_lupil.report.sites.page import sites_page
from bayes_lupil.report.sites.summary import sites_summary
from bayes_lupil.report.unpublished.page import unpublished_page, unpublished_summary
from bayes_lupil.sites.analysis import SiteAnalysis
from bayes_lupil.unpublished.analysis import UnpublishedAnalysis

__all__ = ["SITE_FILES", "look_page", "look_summary", "write_sites"]

SITE_FILES = (
    "sites.md", "site_models.csv", "exclusion_path.csv",
    "sites.csv", "predictive_checks.csv", "predicted_by_site.csv",
    *figure_files("site_shrinkage", "site_outliers", "exclusion_path", "predicted_by_site"),
    "unpublished_counts.csv", "unpublished_tables.csv", "excluded_sites.csv", "bounds_without_model.csv",
    "bounds_of_model.csv", "bounds_and_posterior.csv",
    *(f"by_{arm}_{what}.csv" for arm in ("control", "active") for what in ("responders", "nonresponders")),
    "alternatives.csv", "explained_by_number.csv", "who_stayed.csv",
    *figure_files("unpublished_counts", "who_stayed", "without_excluded_sites"),
)  # fmt: skip
"""What `write_sites` may write."""


def look_page(result: SiteAnalysis | UnpublishedAnalysis) -> Page:
    """The page, with its tables and figures."""
    return unpublished_page(result) if isinstance(result, UnpublishedAnalysis) else sites_page(result)


def look_summary(result: SiteAnalysis | UnpublishedAnalysis) -> Page:
    """What is printed."""
    return unpublished_summary(result) if isinstance(result, UnpublishedAnalysis) else sites_summary(result)


def write_sites(result: SiteAnalysis | UnpublishedAnalysis, folder: str | Path, *, force: bool = False) -> Path:
    """Write sites.md and its figures, and their numbers as CSV (`SITE_FILES`).

    Parameters
    ----------
    force : bool
        Whether files in the way are replaced that no earlier run wrote, or that were changed since.

    Raises
    ------
    OutputError
        Where the folder cannot be written to.
    """
    return write(look_page(result), folder, SITE_FILES, force=force)
