"""The figures of a look at the sites, under the names of their files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from bayes_lupil.report.figures.hidden import figure_hidden_counts
from bayes_lupil.report.figures.path import figure_exclusion_path
from bayes_lupil.report.figures.predictive import figure_predictive
from bayes_lupil.report.figures.sites import figure_caterpillar, figure_outliers
from bayes_lupil.report.figures.stayed import figure_who_stayed
from bayes_lupil.sites.analysis import SiteAnalysis
from bayes_lupil.unpublished.analysis import UnpublishedAnalysis

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["site_figures_of"]


def site_figures_of(
    sites: SiteAnalysis | UnpublishedAnalysis, width: float | None = None
) -> Iterator[tuple[str, Figure]]:
    """(file name, figure) of every figure that the look supports.

    Parameters
    ----------
    width : float, optional
        In inches, for all of them; 4 is a phone. Left out, each has its own.
    """
    given: dict[str, Any] = {} if width is None else {"width": width}
    if isinstance(sites, UnpublishedAnalysis):
        yield "unpublished_counts", figure_hidden_counts(sites.hidden, **given)
        yield "who_stayed", figure_who_stayed(sites.stayed, sites.trial, **given)
        return
    shown = sites.shown
    yield "site_shrinkage", figure_caterpillar(sites.table, shown, **given)
    if any(row.outlier is not None or row.nonexchangeable is not None for row in sites.table.rows):
        yield "site_outliers", figure_outliers(sites.table, shown, **given)
    if sites.path is not None:
        others = {name: found for name, found in sites.sound.items() if found is not shown}
        yield "exclusion_path", figure_exclusion_path(sites.path, shown, others, **given)
    if sites.checks:
        yield "predicted_by_site", figure_predictive(sites.predicted, shown, **given)
