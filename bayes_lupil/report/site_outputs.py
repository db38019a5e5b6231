"""What a look at the sites leaves behind: a page, tables, and figures."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from bayes_lupil.files import write_text
from bayes_lupil.folders import output_folder
from bayes_lupil.report.figures import site_figures_of
from bayes_lupil.report.hidden_page import excluded_sites, hidden_page
from bayes_lupil.report.markdown import markdown
from bayes_lupil.report.places import begin_manifest
from bayes_lupil.report.site_page import sites_page
from bayes_lupil.report.style import figure_files, save_figure
from bayes_lupil.report.tables import csv_text, marked
from bayes_lupil.sites.analysis import Attempt, SiteAnalysis
from bayes_lupil.trials.trial import Trial
from bayes_lupil.unpublished.alternatives import alternatives_frame
from bayes_lupil.unpublished.analysis import UnpublishedAnalysis
from bayes_lupil.unpublished.exclusion import path_frame
from bayes_lupil.unpublished.retention import kept_frame

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SITE_FILES", "write_hidden", "write_look", "write_sites"]

_PAGE = "sites.md"
SITE_FILES = (
    _PAGE, "site_models.csv", "exclusion_path.csv",
    "sites.csv", "predictive_checks.csv", "predicted_by_site.csv",
    *figure_files("site_shrinkage", "site_outliers", "exclusion_path", "predicted_by_site"),
    "unpublished_counts.csv", "unpublished_tables.csv", "excluded_sites.csv", "bounds_without_model.csv",
    "bounds_of_model.csv", "bounds_and_posterior.csv",
    *(f"by_{arm}_{what}.csv" for arm in ("control", "active") for what in ("responders", "nonresponders")),
    "alternatives.csv", "who_stayed.csv", *figure_files("unpublished_counts", "who_stayed"),
)  # fmt: skip
"""What `write_sites` and `write_hidden` may write."""


def write_look(result: SiteAnalysis | UnpublishedAnalysis, folder: Path) -> None:
    """`write_sites` or `write_hidden`, whichever the look at the sites is for."""
    if isinstance(result, UnpublishedAnalysis):
        write_hidden(result, folder)
    else:
        write_sites(result, folder)


def write_sites(result: SiteAnalysis, folder: str | Path, *, force: bool = False) -> Path:
    """Write sites.md and the figures, and their numbers as CSV.

    These are sites.csv, site_models.csv, exclusion_path.csv, predictive_checks.csv and predicted_by_site.csv.

    Parameters
    ----------
    force : bool
        Whether files in the way are replaced that no earlier run wrote, or that were changed since.

    Raises
    ------
    OutputError
        Where the folder cannot be written to.
    """
    with output_folder(folder, SITE_FILES, force=force) as new:
        _fill_sites(result, new)
    return Path(folder)


def _fill_sites(result: SiteAnalysis, folder: Path) -> None:
    import pandas as pd

    trial = result.trial
    begin_manifest(folder, trial.data_hash, trial.synthetic, trial.reading)
    table = result.table.to_frame().reset_index()
    # the page shows the median of the trial without a site
    medians = [row.without.estimates["risk_difference"].q50 for row in result.table.rows]
    table.insert(list(table.columns).index("without_risk_difference") + 1, "without_risk_difference_q50", medians)
    _write_frame(table, folder / "sites.csv", trial)
    models = _models_frame(result.attempts)
    if result.comparison is not None:
        models = models.merge(result.comparison.to_frame().reset_index(), on="model", how="left")
    _write_frame(models, folder / "site_models.csv", trial)
    if result.path is not None:
        _write_frame(result.path.to_frame().reset_index(), folder / "exclusion_path.csv", trial)
    if result.checks:
        frames = [checks.to_frame().assign(model=checks.model) for checks in result.checks]
        _write_frame(pd.concat(frames), folder / "predictive_checks.csv", trial)
        _write_frame(result.predicted, folder / "predicted_by_site.csv", trial)
    for name, figure in site_figures_of(result):
        save_figure(figure, folder, name)
    write_text(folder / _PAGE, markdown(sites_page(result)))


def _write_frame(table: pd.DataFrame, path: Path, trial: Trial) -> None:
    """A table as CSV, six digits, marked where the data are made up."""
    write_text(path, csv_text(marked(table, trial.synthetic).round(6)))


def _models_frame(attempts: tuple[Attempt, ...]) -> pd.DataFrame:
    """Risk difference and P(benefit) under each site model; why not, where there is none."""
    import pandas as pd

    rows = []
    for item in attempts:
        row: dict[str, object] = {"model": item.model.name, "title": item.model.title, "status": item.reason or "ok"}
        posterior = item.sound
        if posterior is not None and posterior.p_benefit is not None:
            rd, best = posterior.row("risk_difference"), posterior.p_benefit
            log_or = posterior.row("conditional_log_odds_ratio")
            row |= {
                "risk_difference": rd.q50, "rd_lower": rd.q2_5, "rd_upper": rd.q97_5,
                "p_benefit": best.probability, "p_benefit_mcse": best.mcse,
                "conditional_log_odds_ratio": log_or.q50, "log_or_lower": log_or.q2_5, "log_or_upper": log_or.q97_5,
                "model_hash": posterior.provenance.model_hash, "data_hash": posterior.provenance.data_hash,
                "seed": posterior.provenance.seed, "sampler": posterior.provenance.sampler,
            }  # fmt: skip
        rows.append(row)
    return pd.DataFrame(rows)


def _bounds_frame(result: UnpublishedAnalysis) -> pd.DataFrame:
    """Bounds beside the posterior of the same quantities."""
    import pandas as pd

    hidden = result.hidden
    b, t, low, high = hidden.bounds, hidden.tables, hidden.lowest, hidden.highest
    rows = [
        ("raw risk difference without the excluded sites", b.lowest, b.highest, *t.raw_risk_difference_interval),
        ("P(benefit) over all sites", low.p_benefit, high.p_benefit, *t.p_benefit_interval),
        ("Monte Carlo error of the bounds of P(benefit)", low.p_benefit_mcse, high.p_benefit_mcse, None, None),
    ]
    columns = ["quantity", "lowest", "highest", "q2_5", "q97_5"]
    return pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(columns[1:], float))


def write_hidden(result: UnpublishedAnalysis, folder: str | Path, *, force: bool = False) -> Path:
    """Write sites.md, the tables of the unpublished counts, site_models.csv and the figure.

    Parameters
    ----------
    force : bool
        Whether files in the way are replaced that no earlier run wrote, or that were changed since.

    Raises
    ------
    OutputError
        Where the folder cannot be written to.
    """
    with output_folder(folder, SITE_FILES, force=force) as new:
        _fill_hidden(result, new)
    return Path(folder)


def _fill_hidden(result: UnpublishedAnalysis, folder: Path) -> None:
    import pandas as pd

    hidden, trial = result.hidden, result.trial
    begin_manifest(folder, trial.data_hash, trial.synthetic, trial.reading)
    _write_frame(hidden.to_frame().reset_index(), folder / "unpublished_counts.csv", trial)
    _write_frame(hidden.full.to_frame().reset_index(), folder / "unpublished_tables.csv", trial)
    for count in hidden.counts:
        _write_frame(hidden.one(count.name).to_frame().reset_index(), folder / f"by_{count.name}.csv", trial)
    _write_frame(hidden.bounds.to_frame().reset_index(), folder / "bounds_without_model.csv", trial)
    _write_frame(hidden.model_bounds_frame().reset_index(), folder / "bounds_of_model.csv", trial)
    _write_frame(_bounds_frame(result), folder / "bounds_and_posterior.csv", trial)
    _write_frame(_models_frame(result.attempts), folder / "site_models.csv", trial)
    if len(result.alternatives) > 1:
        _write_frame(alternatives_frame(result.alternatives).reset_index(), folder / "alternatives.csv", trial)
    _write_frame(kept_frame(result.stayed).reset_index(), folder / "who_stayed.csv", trial)
    if excluded := excluded_sites(result):
        _write_frame(pd.DataFrame(map(asdict, excluded)), folder / "excluded_sites.csv", trial)
    frames = [path_frame(path).reset_index().assign(**table) for table, path in result.paths if path]
    if frames:
        _write_frame(pd.concat(frames), folder / "exclusion_path.csv", trial)
    for name, figure in site_figures_of(result):
        save_figure(figure, folder, name)
    write_text(folder / _PAGE, markdown(hidden_page(result)))
