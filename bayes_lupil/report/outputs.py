"""What a run leaves behind: one folder a model, and the comparison with its figures beside them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bayes_lupil.characters import escaped
from bayes_lupil.files import write_bytes, write_text
from bayes_lupil.folders import MANIFEST, output_folder
from bayes_lupil.posterior import Posterior
from bayes_lupil.reanalysis import Reanalysis
from bayes_lupil.report.comparison_page import comparison_page
from bayes_lupil.report.contents import Contents
from bayes_lupil.report.figures import figure_prior_map, figures_of
from bayes_lupil.report.html import pictures_of, render_page
from bayes_lupil.report.markdown import markdown
from bayes_lupil.report.places import SITES, begin_manifest, model_places
from bayes_lupil.report.sections.models import prior_effects, prior_records
from bayes_lupil.report.site_outputs import SITE_FILES, write_look
from bayes_lupil.report.style import figure_files, save_figure
from bayes_lupil.report.tables import csv_text, marked
from bayes_lupil.report.takeaway import TAKEAWAY, takeaway
from bayes_lupil.sensitivity.effect_priors import analyse_priors
from bayes_lupil.sites.analysis import SiteAnalysis
from bayes_lupil.spec import ModelSpec
from bayes_lupil.trials.trial import SYNTHETIC
from bayes_lupil.unpublished.analysis import UnpublishedAnalysis

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FIT_FILES", "collect", "reanalysis_files", "write_fit", "write_reanalysis"]

FIT_FILES = ("posterior.nc", "summary.csv", "benefit.csv", "diagnostics.json")
"""What `write_fit` writes, beside the manifest."""
_REPORT = "report.html"
_TABLES = ("priors", "priors_of_effect", "effect_priors", "tipping_priors", "prior_map")
_FIGURES = (
    "prior_predictive", "prior_posterior", "risk_difference", "benefit_curve", "ranks", "site_shrinkage", "intervals",
    "prior_map",
)  # fmt: skip


def reanalysis_files(models: Sequence[ModelSpec], sites: bool) -> list[str]:
    """Everything that `write_reanalysis` may write, relative to its folder.

    Parameters
    ----------
    sites : bool
        Whether the folder 'sites' is one of its parts.
    """
    return [
        _REPORT, *TAKEAWAY, "comparison.md", *(f"{name}.csv" for name in _TABLES), *figure_files(*_FIGURES),
        *(f"{place}/{name}" for place in model_places(models).values() for name in FIT_FILES),
        *(f"{SITES}/{name}" for name in SITE_FILES if sites),
    ]  # fmt: skip


def write_fit(posterior: Posterior, folder: str | Path, *, force: bool = False) -> Path:
    """Write posterior.nc, summary.csv, benefit.csv, diagnostics.json and manifest.json.

    Parameters
    ----------
    force : bool
        Whether files in the way are replaced that no earlier run wrote, or that were changed since.

    Raises
    ------
    OutputError
        Where the folder cannot be written to.
    """
    with output_folder(folder, FIT_FILES, force=force) as new:
        _fill_fit(posterior, new)
    return Path(folder)


def _fill_fit(posterior: Posterior, folder: Path) -> None:
    posterior.save(folder / "posterior.nc")
    summary, benefit = posterior.summary(sites=True).reset_index(), posterior.benefit()
    summary["diagnostics"] = "ok" if posterior.verdict.ok else "FAILED: not to be reported"
    if posterior.provenance.synthetic:
        summary.insert(0, "data", SYNTHETIC)
        benefit.insert(0, "data", SYNTHETIC)
    write_text(folder / "summary.csv", csv_text(summary.round(6)))
    write_text(folder / "benefit.csv", csv_text(benefit.round(6)))
    write_text(folder / "diagnostics.json", _json(posterior.verdict.to_dict(), posterior))
    write_text(folder / MANIFEST, _json(_manifest(posterior), posterior))


def collect(result: Reanalysis, sites: SiteAnalysis | UnpublishedAnalysis | None = None) -> Contents:
    """What a report is made from: the reanalysis, its lead analysis under other priors, and the look at the sites.

    Parameters
    ----------
    result : Reanalysis
    sites : SiteAnalysis or UnpublishedAnalysis, optional
        Left out, the report has no section on sites.
    """
    contents = Contents(result, None, sites)
    lead = contents.lead
    if lead is None or lead.draws("beta").ndim != 2:  # no result, or no treatment effect that sites share
        return contents
    return Contents(result, analyse_priors(lead, result.trial), sites)


def write_reanalysis(result: Contents | Reanalysis, folder: str | Path, *, force: bool = False) -> Path:
    """Write report.html, the comparison, tables to take away, figures (PNG and SVG) and a folder for each model fitted.

    Where the sites were looked at, their tables and figures are in the folder 'sites'.

    Parameters
    ----------
    result : Reanalysis or Contents
        What `bayes_lupil.reanalyse` gave, or `collect` made of it together with a look at the sites.
    folder : str or Path
    force : bool
        Whether files in the way are replaced that no earlier run wrote, or that were changed since.

    Raises
    ------
    OutputError
        Where the folder cannot be written to.
    """
    contents = result if isinstance(result, Contents) else collect(result)
    models = [item.model for item in contents.reanalysis.analyses]
    names = reanalysis_files(models, contents.sites is not None)
    with output_folder(folder, names, force=force) as new:
        _fill_reanalysis(contents, new)
    return Path(folder)


def _fill_reanalysis(contents: Contents, folder: Path) -> None:
    result, synthetic = contents.reanalysis, contents.trial.synthetic
    begin_manifest(folder, contents.trial.data_hash, synthetic, contents.trial.reading)
    places = model_places(item.model for item in result.analyses)
    for posterior in result.posteriors:
        write_fit(posterior, folder / places[posterior.spec.name])
    write_text(folder / "comparison.md", markdown(comparison_page(result)))
    for name, table in _tables(contents):
        write_text(folder / f"{name}.csv", csv_text(marked(table, synthetic).round(6)))
    for name, figure in figures_of(result):
        save_figure(figure, folder, name)
    if contents.priors is not None:
        save_figure(figure_prior_map(contents.priors), folder, "prior_map")
    if contents.sites is not None:
        write_look(contents.sites, folder / SITES)
    files = takeaway(contents)
    for name, content in files.items():
        write_bytes(folder / name, content)
    write_text(folder / _REPORT, render_page(contents, pictures_of(contents), files))


def _tables(contents: Contents) -> Iterator[tuple[str, pd.DataFrame]]:
    """The unrounded numbers behind the report's tables, by file name."""
    import pandas as pd

    yield "priors", pd.DataFrame(prior_records(contents))
    yield "priors_of_effect", pd.DataFrame(prior_effects(contents))
    if contents.priors is not None:
        yield "effect_priors", contents.priors.to_frame()
        yield "tipping_priors", contents.priors.tipping_frame()
        yield "prior_map", contents.priors.map.to_frame()


def _manifest(posterior: Posterior) -> dict[str, Any]:
    return {"model": posterior.spec.to_dict(), **posterior.provenance.to_dict()}


def _json(content: dict[str, Any], posterior: Posterior) -> str:
    head = {"SYNTHETIC": SYNTHETIC} if posterior.provenance.synthetic else {}
    plain = {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in content.items()}
    return escaped(json.dumps({**head, **plain}, indent=2, ensure_ascii=False)) + "\n"
