"""What a run leaves behind: one folder a model, and the comparison with its figures beside them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bayes_lupil.characters import escaped
from bayes_lupil.files import make_folder, write_text
from bayes_lupil.hidden.analysis import HiddenAnalysis
from bayes_lupil.posterior import Posterior
from bayes_lupil.reanalysis import Reanalysis
from bayes_lupil.report.comparison_page import comparison_page
from bayes_lupil.report.contents import Contents
from bayes_lupil.report.figures import figure_prior_map, figures_of
from bayes_lupil.report.html import pictures_of, render_page
from bayes_lupil.report.markdown import markdown
from bayes_lupil.report.sections.models import prior_effects, prior_records
from bayes_lupil.report.style import save_figure
from bayes_lupil.report.tables import comparison_table, csv_text, marked
from bayes_lupil.report.takeaway import write_takeaway
from bayes_lupil.sensitivity.effect_prior import analyse_priors
from bayes_lupil.sites.analysis import SiteAnalysis
from bayes_lupil.trials.trial import SYNTHETIC

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["collect", "write_fit", "write_reanalysis", "write_report"]


def write_fit(posterior: Posterior, folder: str | Path) -> Path:
    """Write posterior.nc, summary.csv, benefit.csv, diagnostics.json and manifest.json.

    Raises
    ------
    OutputError
        Where the folder cannot be written to.
    """
    folder = make_folder(Path(folder))
    posterior.save(folder / "posterior.nc")
    summary, benefit = posterior.summary(sites=True).reset_index(), posterior.benefit()
    summary["diagnostics"] = "ok" if posterior.verdict.ok else "FAILED: not to be reported"
    if posterior.provenance.synthetic:
        summary.insert(0, "data", SYNTHETIC)
        benefit.insert(0, "data", SYNTHETIC)
    write_text(folder / "summary.csv", csv_text(summary.round(6)))
    write_text(folder / "benefit.csv", csv_text(benefit.round(6)))
    write_text(folder / "diagnostics.json", _json(posterior.verdict.to_dict(), posterior))
    write_text(folder / "manifest.json", _json(_manifest(posterior), posterior))
    return folder


def collect(result: Reanalysis, sites: SiteAnalysis | HiddenAnalysis | None = None) -> Contents:
    """What a report is made from: the reanalysis, its lead analysis under other priors, and the look at the sites.

    Parameters
    ----------
    result : Reanalysis
    sites : SiteAnalysis or HiddenAnalysis, optional
        Left out, the report has no section on sites.
    """
    contents = Contents(result, None, sites)
    lead = contents.lead
    if lead is None or lead.draws("beta").ndim != 2:  # no result, or no treatment effect that sites share
        return contents
    return Contents(result, analyse_priors(lead, result.trial), sites)


def write_reanalysis(contents: Contents, folder: str | Path) -> Path:
    """Write report.html, the comparison, tables to take away, figures (PNG and SVG) and a folder for each model fitted.

    The tables and figures on sites are written by `write_sites` and `write_hidden`, into the folder 'sites'.

    Raises
    ------
    OutputError
        Where the folder cannot be written to.
    """
    folder = make_folder(Path(folder))
    result, synthetic = contents.reanalysis, contents.trial.synthetic
    for posterior in result.posteriors:
        write_fit(posterior, folder / posterior.spec.name)
    write_text(folder / "comparison.csv", csv_text(comparison_table(result).round(6)))
    write_text(folder / "comparison.md", markdown(comparison_page(result)))
    for name, table in _tables(contents):
        write_text(folder / f"{name}.csv", csv_text(marked(table, synthetic).round(6)))
    write_takeaway(contents, folder)
    for name, figure in figures_of(result):
        save_figure(figure, folder, name)
    if contents.priors is not None:
        save_figure(figure_prior_map(contents.priors), folder, "prior_map")
    write_report(contents, folder)
    return folder


def write_report(contents: Contents, folder: str | Path) -> Path:
    """Write report.html alone, into the folder of a reanalysis, whose tables it embeds.

    Raises
    ------
    OutputError
        Where the folder cannot be written to.
    """
    folder = make_folder(Path(folder))
    write_text(folder / "report.html", render_page(contents, pictures_of(contents), folder))
    return folder / "report.html"


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
