"""What a hierarchy of end points leaves behind: a page, tables, figures, and one folder a model."""

from __future__ import annotations

import json
from pathlib import Path

from bayes_lupil.characters import escaped
from bayes_lupil.endpoints.analysis import EndPointAnalysis
from bayes_lupil.endpoints.frames import counterpart_table, missing_frame
from bayes_lupil.files import make_folder, write_text
from bayes_lupil.report.endpoint_page import end_points_page, hierarchy_latex
from bayes_lupil.report.figures.endpoints import figure_further, figure_hierarchy, figure_tipping
from bayes_lupil.report.markdown import markdown
from bayes_lupil.report.outputs import write_fit
from bayes_lupil.report.style import save_figure
from bayes_lupil.report.tables import csv_text, marked
from bayes_lupil.trials.trial import SYNTHETIC

__all__ = ["write_end_points"]


def write_end_points(result: EndPointAnalysis, folder: str | Path) -> Path:
    """Write endpoints.md, hierarchy.csv and .tex, frequentist.csv, missing.csv, figures and a folder for each model.

    Raises
    ------
    OutputError
        Where the folder cannot be written to.
    """
    folder = make_folder(Path(folder))
    synthetic = result.synthetic
    write_text(folder / "hierarchy.csv", csv_text(marked(result.to_frame().reset_index(), synthetic).round(6)))
    write_text(folder / "hierarchy.tex", hierarchy_latex(result))
    write_text(folder / "frequentist.csv", csv_text(marked(counterpart_table(result), synthetic).round(6)))
    write_text(folder / "missing.csv", csv_text(marked(missing_frame(result), synthetic)))
    save_figure(figure_hierarchy(result), folder, "hierarchy")
    for step in result.steps:
        name = step.derived.plan.name
        if step.posterior is not None:
            write_fit(step.posterior, folder / step.model.name)
        if step.derived.sri is not None:
            table = step.derived.sri.components().reset_index()
            write_text(folder / f"components_{name}.csv", csv_text(marked(table, synthetic)))
        if step.limits is not None:
            table = step.limits.to_frame().reset_index()
            write_text(folder / f"limits_{name}.csv", csv_text(marked(table, synthetic).round(6)))
        if step.tipping is not None:
            write_text(folder / f"tipping_{name}.csv", csv_text(marked(step.tipping.to_frame(), synthetic).round(6)))
            save_figure(figure_tipping(step, result), folder, f"tipping_{name}")
    if result.joint is not None:
        result.joint.save(folder / "joint.nc")
        table = result.joint.correlations().reset_index()
        write_text(folder / "correlations.csv", csv_text(marked(table, synthetic).round(6)))
    if result.further is not None:
        write_text(
            folder / "exploratory.csv", csv_text(marked(result.further.to_frame().reset_index(), synthetic).round(6))
        )
        save_figure(figure_further(result), folder, "exploratory")
    content = {"plan": result.plan.model_dump(mode="json", by_alias=True), "plan_hash": result.plan.hash}
    content |= {
        "data_hash": result.outcomes.data_hash,
        "arms": {"control": result.arms.control, "active": result.arms.active},
    }
    head = {"SYNTHETIC": SYNTHETIC} if synthetic else {}
    write_text(folder / "plan.json", escaped(json.dumps({**head, **content}, indent=2, ensure_ascii=False)) + "\n")
    write_text(folder / "endpoints.md", markdown(end_points_page(result)))
    return folder
