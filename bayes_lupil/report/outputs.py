"""What a run leaves behind: one folder a model, and the comparison with its figures beside them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from bayes_lupil.files import make_folder, write_text
from bayes_lupil.posterior import Posterior
from bayes_lupil.reanalysis import Reanalysis
from bayes_lupil.report.comparison_page import comparison_page
from bayes_lupil.report.figures import figures_of
from bayes_lupil.report.markdown import markdown
from bayes_lupil.report.style import save_figure
from bayes_lupil.report.tables import comparison_table, csv_text
from bayes_lupil.trials.trial import SYNTHETIC

__all__ = ["write_fit", "write_reanalysis"]


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


def write_reanalysis(result: Reanalysis, folder: str | Path) -> Path:
    """Write comparison.csv, comparison.md, the figures (PNG and SVG) and a folder for each model fitted."""
    folder = make_folder(Path(folder))
    for item in result.fitted:
        assert item.posterior is not None  # that is what fitted means
        write_fit(item.posterior, folder / item.model.name)
    write_text(folder / "comparison.csv", csv_text(comparison_table(result).round(6)))
    write_text(folder / "comparison.md", markdown(comparison_page(result)))
    for name, figure in figures_of(result):
        save_figure(figure, folder, name)
    return folder


def _manifest(posterior: Posterior) -> dict[str, Any]:
    return {"model": posterior.spec.to_dict(), **posterior.provenance.to_dict()}


def _json(content: dict[str, Any], posterior: Posterior) -> str:
    head = {"SYNTHETIC": SYNTHETIC} if posterior.provenance.synthetic else {}
    plain = {k: None if isinstance(v, float) and pd.isna(v) else v for k, v in content.items()}
    return json.dumps({**head, **plain}, indent=2, ensure_ascii=False) + "\n"
