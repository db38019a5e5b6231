"""The page on a hierarchy of end points, and its main table in LaTeX."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from bayes_lupil.characters import escaped
from bayes_lupil.endpoints.result import EndPointAnalysis, counterpart_table, missing_frame
from bayes_lupil.folders import MANIFEST
from bayes_lupil.frequentist.hierarchy import FORMAL
from bayes_lupil.numbers import interval, p_value, probability
from bayes_lupil.posterior.provenance import ONE_ARMED
from bayes_lupil.report.endpoints.exploratory import exploratory
from bayes_lupil.report.endpoints.figures import figure_hierarchy, hierarchy_words
from bayes_lupil.report.endpoints.sentences import (
    bound_words,
    gate_words,
    headline,
    in_units,
    missing_words,
    p_all_words,
    together_words,
)
from bayes_lupil.report.endpoints.steps import one_step
from bayes_lupil.report.media.blocks import (
    Block,
    Bullets,
    Figure,
    Folded,
    Heading,
    Page,
    Paragraph,
    Table,
    Verdict,
    warnings_first,
)
from bayes_lupil.report.media.plot_style import figure_files
from bayes_lupil.report.media.write import write
from bayes_lupil.report.places import end_point_places, manifest_text, models_of_steps, step_places
from bayes_lupil.report.reanalysis.fit import FIT_FILES, fit_page
from bayes_lupil.report.reanalysis.verdict import verdict_words
from bayes_lupil.spec import ModelSpec, Plan
from bayes_lupil.trials.end_point import SYNTHETIC

__all__ = [
    "end_point_files",
    "end_points_page",
    "end_points_summary",
    "hierarchy_rows",
    "the_hierarchy",
    "together",
    "write_end_points",
]  # fmt: skip

_NAMED = "sites have patients of one arm only"  # in the warning of a trial that names them
_HEAD = (
    "step", "end point", "p printed", "p recomputed", "p adjusted", "gate",
    "effect, median (95 % credible interval)", "P(benefit)", "P(benefit), all together", "P(this and all above)",
    "bounds of that",
)  # fmt: skip


def hierarchy_rows(result: EndPointAnalysis) -> list[list[str]]:
    """The cells of the main table, one row a step."""
    rows = []
    for i, step in enumerate(result.steps):
        point = step.derived.plan
        best = step.posterior.p_benefit if step.posterior is not None else None
        if best is None or step.posterior is None:
            effect, chance = "no result", step.reason
        else:
            row, of = step.posterior.row(step.posterior.effect), step.derived.end_point
            limits = interval(in_units(row.q2_5, of, unit=False), in_units(row.q97_5, of, unit=False))
            effect = f"{in_units(row.q50, of)} ({limits})"
            chance = probability(best.probability, best.mcse)
        rows.append(
            [
                str(step.number), step.derived.end_point.directed, p_value(point.printed.p if point.printed else None),
                p_value(step.counterpart.p), p_value(step.gate.adjusted_p), step.gate.status, effect, chance,
                together_words(result, i), p_all_words(result, i), bound_words(result, i),
            ]
        )  # fmt: skip
    return rows


def end_point_files(plan: Plan, models: Mapping[str, ModelSpec]) -> list[str]:
    """Everything that `write_end_points` may write, relative to its folder.

    Parameters
    ----------
    models : mapping of str to ModelSpec
        By the name of the end point.
    """
    names = end_point_places(plan).values()
    return [
        "endpoints.md", "endpoints.html", "hierarchy.csv", "hierarchy.tex", "frequentist.csv", "missing.csv",
        "joint.nc", "correlations.csv", "exploratory.csv", "plan.json", *figure_files("hierarchy", "exploratory"),
        *(f"{table}_{name}.csv" for name in names for table in ("components", "limits", "tipping")),
        *figure_files(*(f"tipping_{name}" for name in names)),
        *(f"{place}/{name}" for place in step_places(plan, models).values() for name in FIT_FILES),
    ]  # fmt: skip


def write_end_points(result: EndPointAnalysis, folder: str | Path, *, force: bool = False) -> Path:
    """Write endpoints.html and .md, hierarchy.csv and .tex, other tables, figures and a folder for each model.

    Parameters
    ----------
    force : bool
        Whether files in the way are replaced that no earlier run wrote, or that were changed since.

    Raises
    ------
    OutputError
        Where the folder cannot be written to.
    """
    return write(end_points_page(result), folder, end_point_files(result.plan, models_of_steps(result)), force=force)


def end_points_page(result: EndPointAnalysis) -> Page:
    """Hierarchy, steps one by one, missing values and tipping points, the joint model, exploratory end points."""
    arms = result.arms
    page: list[Block] = [
        Heading(result.plan.title, 1),
        *warnings_first(result.synthetic, _cautions(result)),
        Paragraph(
            f"{arms.active} against {arms.control}: every effect is {arms.active} minus {arms.control}. Population: "
            f"{result.plan.population}. Data: {result.outcomes.source or result.outcomes.name}."
        ),
        *_guesses(result),
        Heading("In short"),
        *_verdict(result),
        Bullets(tuple(headline(result))),
        Heading("The hierarchy"),
        *the_hierarchy(result),
        Heading("Step by step, for statisticians and reviewers"),
    ]
    for step in result.steps:
        title = f"{step.number}. {step.derived.end_point.directed}"
        page.append(Folded(title, tuple(one_step(result, step)), f"step-{step.number}"))
    if result.joint is not None or result.joint_reason:
        page.append(Folded("All end points together", tuple(together(result)), "together"))
    if result.further is not None:
        page.append(Folded("Exploratory end points", tuple(exploratory(result)), "exploratory"))
    places = step_places(result.plan, models_of_steps(result))
    fits = {places[step.derived.plan.name]: step.posterior for step in result.steps}
    return Page(
        result.plan.title, (*page, _made(result)), "endpoints", ("md", "html"), result.synthetic,
        "Hierarchical end points of a multicentre trial", beside=tuple(_beside(result)),
        parts={place: fit_page(posterior) for place, posterior in fits.items() if posterior is not None},
        files={
            MANIFEST: manifest_text(result.outcomes.data_hash, result.synthetic, result.outcomes.record()),
            "plan.json": _plan(result), **({} if result.joint is None else {"joint.nc": result.joint.save}),
        },
    )  # fmt: skip


def _beside(result: EndPointAnalysis) -> Iterator[Table | Page]:
    """What is a file only: the main table in LaTeX, and numbers."""
    title = f"{result.plan.title}: {result.arms.active} against {result.arms.control}"
    title = f"{SYNTHETIC}. {title}" if result.synthetic else title
    yield Page(title, (Table.of(_HEAD, hierarchy_rows(result)),), "hierarchy", ("tex",), result.synthetic)
    yield Table.data("frequentist.csv", counterpart_table(result))
    yield Table.data("missing.csv", missing_frame(result))
    names = end_point_places(result.plan)
    for step in result.steps:
        name = names[step.derived.plan.name]
        if step.limits is not None:
            yield Table.data(f"limits_{name}.csv", step.limits.to_frame().reset_index())
        if step.tipping is not None:
            yield Table.data(f"tipping_{name}.csv", step.tipping.to_frame())
    if result.joint is not None and not result.joint.verdict.ok:
        yield Table.data("correlations.csv", result.joint.correlations().reset_index())


def _plan(result: EndPointAnalysis) -> str:
    content = {
        **({"SYNTHETIC": SYNTHETIC} if result.synthetic else {}),
        "plan": result.plan.model_dump(mode="json", by_alias=True), "plan_hash": result.plan.hash,
        "data_hash": result.outcomes.data_hash,
        "arms": {"control": result.arms.control, "active": result.arms.active},
    }  # fmt: skip
    return escaped(json.dumps(content, indent=2, ensure_ascii=False)) + "\n"


def end_points_summary(result: EndPointAnalysis) -> Page:
    """The hierarchy, what is missing, and what failed."""
    joint = result.joint is not None and result.joint.verdict.ok
    rows = [
        (f"{row[0]} {row[1]}", f"{row[2]} printed" if row[2] else row[3], row[6], row[7], *([row[9]] if joint else []))
        for row in hierarchy_rows(result)
    ]
    heads = ("step", "p", "effect (95 % credible interval)", "P(benefit)", *(["P(all)"] if joint else []))
    told = [gate_words(result), *(f"{step.number}: {missing_words(step)}" for step in result.steps)]
    if joint:
        told.insert(0, "P(all): that this end point and all above favour the active arm, by the model of all together.")
    elif len(result.bounds) > 1:
        bound = result.bounds[-1]
        told.insert(
            0, f"P(all favour the active arm): between {bound.lower:.3f} and {bound.upper:.3f} (bounds; no joint model)"
        )
    if result.joint_reason:
        told.append(f"Joint model: {result.joint_reason}")
    first = Paragraph(f"{result.arms.active} against {result.arms.control}; effects are active minus control")
    told += _adjusting(result)
    blocks: tuple[Block, ...] = (first, *_guesses(result), Table.of(heads, rows), *map(Paragraph, told))
    return Page(result.plan.title, blocks, synthetic=result.synthetic, warnings=_cautions(result))


def _cautions(result: EndPointAnalysis) -> tuple[str, ...]:
    """What must be known before the result of each step, once for all steps of which it is said.

    Which sites have patients of one arm only stands with each step where it is said here what they do to the answer.
    """
    steps: dict[str, list[str]] = {}
    for step in result.steps:
        cautions = step.posterior.provenance.cautions if step.posterior is not None else ()
        moved = any(text.startswith(ONE_ARMED) for text in cautions)
        for text in cautions:
            if not (moved and _NAMED in text):
                steps.setdefault(text, []).append(str(step.number))
    return tuple(f"step{'s' if len(of) > 1 else ''} {', '.join(of)}: {text}" for text, of in steps.items())


def _adjusting(result: EndPointAnalysis) -> list[str]:
    """That models adjust for what tests do not."""
    adjusting = [(step.number, step.model.covariates) for step in result.steps if step.model.covariates is not None]
    if not adjusting:
        return []
    named = "; ".join(f"{number}: {', '.join(covariates.columns)}" for number, covariates in adjusting)
    return [
        f"The models of some steps adjust for covariates of patients ({named}), the tests of the plan do not; "
        "analyses of covariance with the same covariates stand beside them on the page, with each end point."
    ]


def _guesses(result: EndPointAnalysis) -> list[Paragraph]:
    """What nobody said of the file, and was taken for granted."""
    return [Paragraph(f"Guessed when the data were read: {text}.") for text in result.outcomes.guesses]


def the_hierarchy(result: EndPointAnalysis) -> list[Block]:
    """The main table, how to read it, and its figure."""
    arms = result.arms
    caption = (
        f"End points in the order of testing: effects are {arms.active} minus {arms.control}, in percentage points or "
        "in units of the end point; probabilities with their Monte Carlo standard error (MCSE)"
    )
    return [
        Table.of(_HEAD, hierarchy_rows(result), caption, "hierarchy.csv", result.to_frame().reset_index()),
        *(Paragraph(text) for text in _notes(result)),
        Figure(
            "hierarchy", hierarchy_words(result), "Effects in the order of testing", partial(figure_hierarchy, result)
        ),
    ]


def _notes(result: EndPointAnalysis) -> list[str]:
    tests = "; ".join(f"{step.number}: {step.counterpart.words}" for step in result.steps)
    lines = [
        f"p-values are two-sided. Recomputed ones by step: {tests}. Adjusted ones are those of the fixed sequence (the "
        "largest so far); a step whose estimate points to harm enters it with 1. P(benefit) is of each end point's own "
        "model, with its Monte Carlo standard error (MCSE). The tests take sites as fixed strata; the models shrink "
        "them, have priors, and ask another question, so that a p-value above its level may stand beside a high "
        "P(benefit)."
    ]
    lines += _adjusting(result)
    if result.joint is not None and result.joint.verdict.ok:
        rules = {step.derived.plan.missing_rule for step in result.steps}
        # which way that goes depends on the end points, so no direction is named
        counted = "; a patient counted as a non-responder is expected to resemble non-responders in the others, too"
        lines.append(
            "P(benefit), all together, and P(this and all above), that this end point and all before it truly favour "
            "the active arm, are of the model of all of them together. A missing value is predicted there from the "
            f"patient's other outcomes{counted if len(rules) > 1 else ''}, so that P(benefit) may differ from that of "
            "the end point's own model, which takes it as missing at random given arm, site and baseline. The bounds "
            "(Fréchet) are what the separate probabilities alone would allow, whatever the correlation."
        )
    elif result.bounds:
        lines.append(
            "There is no joint model here, so P(this and all above) is only known between bounds (Fréchet): the least "
            "and the largest value that the separate probabilities allow, whatever the correlation. They are no "
            "estimates."
        )
    return lines


def together(result: EndPointAnalysis) -> list[Block]:
    """What the model of all end points says of their correlations, or why there is none; nothing if not asked for."""
    if result.joint is None:
        return [Paragraph(result.joint_reason)] if result.joint_reason else []
    if not result.joint.verdict.ok:
        return [Paragraph(f"No probability is given: {result.joint.verdict.text}.")]
    table = result.joint.correlations().reset_index()
    shown = [[f"{v:.2f}" if isinstance(v, float) else str(v) for v in row] for row in table.to_numpy().tolist()]
    return [
        Paragraph(
            "Each end point keeps its own model within a site; residuals of a patient are correlated between end "
            "points, and site effects follow these correlations, each end point with a part of its own besides."
        ),
        Paragraph(
            "A positive correlation: response (or a higher value) of the one goes with response (or a higher value) "
            "of the other, whichever is the benefit."
        ),
        Table.of(
            [str(c).replace("_", " ") for c in table.columns], shown,
            "Correlations between end points, by the model of all of them together", "correlations.csv", table,
        ),
        Paragraph(f"Diagnostics {result.joint.verdict.text}."),
    ]  # fmt: skip


def _verdict(result: EndPointAnalysis) -> list[Block]:
    """What the first end point amounts to; nothing where it has no sound posterior, or is not of all randomised."""
    posterior = result.steps[0].posterior
    best = posterior.p_benefit if posterior is not None else None
    if posterior is None or best is None or posterior.provenance.population != FORMAL:
        return []
    return [Verdict(f"{result.steps[0].derived.plan.label}: {verdict_words(best.probability, result.arms)}")]


def _made(result: EndPointAnalysis) -> Paragraph:
    first = next((step.posterior for step in result.steps if step.posterior is not None), None)
    versions = "" if first is None else f"; {first.provenance.sampler}"
    return Paragraph(
        f"Plan `{result.plan.name}`, hash {result.plan.hash[:12]}; data hash {result.outcomes.data_hash[:12]}"
        f"{versions}."
    )
