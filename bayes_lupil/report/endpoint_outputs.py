"""What a hierarchy of end points leaves behind: a page, tables, figures, and one folder a model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from bayes_lupil.characters import escaped
from bayes_lupil.endpoints.analysis import EndPointAnalysis
from bayes_lupil.endpoints.tables import counterpart_table, missing_frame
from bayes_lupil.files import write_text
from bayes_lupil.folders import output_folder
from bayes_lupil.report.endpoint_page import end_points_page, hierarchy_latex
from bayes_lupil.report.figures.endpoints import figure_further, figure_hierarchy, figure_tipping
from bayes_lupil.report.markdown import markdown
from bayes_lupil.report.outputs import FIT_FILES, write_fit
from bayes_lupil.report.places import begin_manifest, end_point_places, models_of_steps, step_places
from bayes_lupil.report.style import figure_files, save_figure
from bayes_lupil.report.tables import csv_text, marked
from bayes_lupil.spec import ModelSpec, Plan
from bayes_lupil.trials.trial import SYNTHETIC

__all__ = ["end_point_files", "write_end_points"]


def end_point_files(plan: Plan, models: Mapping[str, ModelSpec]) -> list[str]:
    """Everything that `write_end_points` may write, relative to its folder.

    Parameters
    ----------
    models : mapping of str to ModelSpec
        By the name of the end point.
    """
    names = end_point_places(plan).values()
    return [
        "endpoints.md", "hierarchy.csv", "hierarchy.tex", "frequentist.csv", "missing.csv", "joint.nc",
        "correlations.csv", "exploratory.csv", "plan.json", *figure_files("hierarchy", "exploratory"),
        *(f"{table}_{name}.csv" for name in names for table in ("components", "limits", "tipping")),
        *figure_files(*(f"tipping_{name}" for name in names)),
        *(f"{place}/{name}" for place in step_places(plan, models).values() for name in FIT_FILES),
    ]  # fmt: skip


def write_end_points(result: EndPointAnalysis, folder: str | Path, *, force: bool = False) -> Path:
    """Write endpoints.md, hierarchy.csv and .tex, frequentist.csv, missing.csv, figures and a folder for each model.

    Parameters
    ----------
    force : bool
        Whether files in the way are replaced that no earlier run wrote, or that were changed since.

    Raises
    ------
    OutputError
        Where the folder cannot be written to.
    """
    with output_folder(folder, end_point_files(result.plan, models_of_steps(result)), force=force) as new:
        _fill_end_points(result, new)
    return Path(folder)


def _fill_end_points(result: EndPointAnalysis, folder: Path) -> None:
    synthetic = result.synthetic
    begin_manifest(folder, result.outcomes.data_hash, synthetic, result.outcomes.record())
    names, places = end_point_places(result.plan), step_places(result.plan, models_of_steps(result))
    write_text(folder / "hierarchy.csv", csv_text(marked(result.to_frame().reset_index(), synthetic).round(6)))
    write_text(folder / "hierarchy.tex", hierarchy_latex(result))
    write_text(folder / "frequentist.csv", csv_text(marked(counterpart_table(result), synthetic).round(6)))
    write_text(folder / "missing.csv", csv_text(marked(missing_frame(result), synthetic)))
    save_figure(figure_hierarchy(result), folder, "hierarchy")
    for step in result.steps:
        name = names[step.derived.plan.name]
        if step.posterior is not None:
            write_fit(step.posterior, folder / places[step.derived.plan.name])
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
