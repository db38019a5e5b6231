"""All figures, drawn on Matplotlib figures of their own (no global state, any backend), and charts of Altair.

Every `figure_...` takes, beside what it shows and its `width` in inches:

height : float
    In inches; left out, what the rows need.
labels : dict of str to str
    Other texts: for 'title', 'x' and 'y', or for any text of the figure as it stands there.
colours : list or dict
    Colours in place of the package's, in its order, or new ones by the old.
axes : matplotlib.axes.Axes
    One of a grid (`plt.subplots`), in place of which the figure is drawn; a part of that figure is returned.

What they return has `save(path, width=..., dpi=...)`: a journal's width in one call. The ending of the path says which
kind of file it becomes: .pdf, .svg, .png, .tiff, .eps.

Examples
--------
>>> import tempfile
>>> import bayes_lupil as bl
>>> figure = bl.figures.figure_risk_difference([bl.fit("itt_pooled", "beitler_landis")], labels={"title": ""})
>>> with tempfile.TemporaryDirectory() as folder:
...     figure.save(f"{folder}/figure1.pdf", width="85 mm", dpi=600).name
'figure1.pdf'
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from bayes_lupil.report.arms.forest import figure_arms
from bayes_lupil.report.countries.forest import figure_countries
from bayes_lupil.report.endpoints.figures import figure_further, figure_hierarchy, figure_tipping
from bayes_lupil.report.look import look_page
from bayes_lupil.report.media.blocks import Page
from bayes_lupil.report.media.write import figures_of as _figures_of
from bayes_lupil.report.reanalysis.baseline_risk import figure_baseline_risk
from bayes_lupil.report.reanalysis.contents import Contents
from bayes_lupil.report.reanalysis.figures.effects import figure_benefit_curve, figure_intervals, figure_risk_difference
from bayes_lupil.report.reanalysis.figures.prior_map import figure_prior_map
from bayes_lupil.report.reanalysis.figures.priors import figure_prior_posterior, figure_prior_predictive
from bayes_lupil.report.reanalysis.figures.ranks import figure_ranks, has_ranks
from bayes_lupil.report.reanalysis.figures.site_rates import figure_shrinkage
from bayes_lupil.report.reanalysis.page import reanalysis_page
from bayes_lupil.report.sites.exclusion_figure import figure_exclusion_path
from bayes_lupil.report.sites.figures import figure_caterpillar, figure_outliers
from bayes_lupil.report.sites.predictive_figure import figure_predictive
from bayes_lupil.report.sites.shrinkage_chart import chart_sites
from bayes_lupil.report.subgroups.forest import figure_subgroups
from bayes_lupil.report.unpublished.counts_figure import figure_hidden_counts
from bayes_lupil.report.unpublished.retention_figure import figure_who_stayed

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from bayes_lupil.reanalysis import Reanalysis
    from bayes_lupil.sites.analysis import SiteAnalysis
    from bayes_lupil.unpublished.analysis import UnpublishedAnalysis

__all__ = [
    "chart_sites",
    "figure_arms",
    "figure_baseline_risk",
    "figure_benefit_curve",
    "figure_caterpillar",
    "figure_countries",
    "figure_exclusion_path",
    "figure_further",
    "figure_hidden_counts",
    "figure_hierarchy",
    "figure_intervals",
    "figure_outliers",
    "figure_predictive",
    "figure_prior_map",
    "figure_prior_posterior",
    "figure_prior_predictive",
    "figure_ranks",
    "figure_risk_difference",
    "figure_shrinkage",
    "figure_subgroups",
    "figure_tipping",
    "figure_who_stayed",
    "figures_of",
    "has_ranks",
    "site_figures_of",
]


def figures_of(result: Reanalysis, width: float | None = None) -> Iterator[tuple[str, Figure]]:
    """(file name, figure) of every figure that the results support; shrinkage only where sites are known. No charts.

    Parameters
    ----------
    width : float, optional
        In inches, for all of them; 4 is a phone. Left out, each has its own.
    """
    return _drawn(reanalysis_page(Contents(result)), width)


def site_figures_of(
    sites: SiteAnalysis | UnpublishedAnalysis, width: float | None = None
) -> Iterator[tuple[str, Figure]]:
    """The same of a look at the sites."""
    return _drawn(look_page(sites), width)


def _drawn(page: Page, width: float | None) -> Iterator[tuple[str, Figure]]:
    given = {} if width is None else {"width": width}
    for figure in _figures_of(page):
        yield figure.name, figure.drawn(**given)
