"""The page on a hierarchy of end points, and its main table in LaTeX."""

from __future__ import annotations

from bayes_lupil.endpoints.analysis import EndPointAnalysis, Step
from bayes_lupil.endpoints.tables import counterpart_rows
from bayes_lupil.numbers import interval, p_value, probability
from bayes_lupil.report.blocks import Block, Bullets, Figure, Heading, Paragraph, Table
from bayes_lupil.report.endpoint_further import exploratory
from bayes_lupil.report.endpoint_words import (
    bound_words,
    headline,
    in_units,
    missing_words,
    observed_words,
    p_all_words,
    together_words,
)
from bayes_lupil.report.figure_words import hierarchy_words, tipping_words
from bayes_lupil.report.places import end_point_places, models_of_steps, step_places
from bayes_lupil.report.tables import latex_table
from bayes_lupil.trials.trial import SYNTHETIC

__all__ = [
    "end_points_page",
    "hierarchy_latex",
    "hierarchy_rows",
    "one_step",
    "the_hierarchy",
    "together",
]  # fmt: skip

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


def hierarchy_latex(result: EndPointAnalysis) -> str:
    """The main table in LaTeX."""
    caption = f"{result.plan.title}: {result.arms.active} against {result.arms.control}"
    return latex_table(_HEAD, hierarchy_rows(result), f"{SYNTHETIC}. {caption}" if result.synthetic else caption)


def end_points_page(result: EndPointAnalysis) -> list[Block]:
    """Hierarchy, steps one by one, missing values and tipping points, the joint model, exploratory end points."""
    arms = result.arms
    page: list[Block] = [Heading(result.plan.title, 1)]
    if result.synthetic:
        page.append(Paragraph(SYNTHETIC, strong=True))
    page += [
        Paragraph(
            f"{arms.active} against {arms.control}: every effect is {arms.active} minus {arms.control}. Population: "
            f"{result.plan.population}. Data: {result.outcomes.source or result.outcomes.name}."
        ),
        Heading("In short"),
        Bullets(tuple(headline(result))),
        Heading("The hierarchy"),
        *the_hierarchy(result),
        Heading("Step by step"),
    ]
    for step in result.steps:
        page += [Heading(f"{step.number}. {step.derived.end_point.directed}", 3), *one_step(result, step)]
    if result.joint is not None or result.joint_reason:
        page += [Heading("All end points together"), *together(result)]
    if result.further is not None:
        page += [Heading("Exploratory end points"), *exploratory(result)]
    return [*page, _made(result)]


def the_hierarchy(result: EndPointAnalysis) -> list[Block]:
    """The main table, how to read it, and its figure."""
    arms = result.arms
    caption = (
        f"End points in the order of testing: effects are {arms.active} minus {arms.control}, in percentage points or "
        "in units of the end point; probabilities with their Monte Carlo standard error (MCSE)"
    )
    return [
        Table.of(_HEAD, hierarchy_rows(result), caption, "hierarchy.csv"),
        *(Paragraph(text) for text in _notes(result)),
        Figure("hierarchy", hierarchy_words(result), "Effects in the order of testing"),
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
    if result.joint is not None and result.joint.verdict.ok:
        rules = {step.derived.plan.missing_rule for step in result.steps}
        # which way that goes depends on the end points, so no direction is named
        counted = "; a patient counted as a non-responder is expected to resemble non-responders in the others, too"
        lines.append(
            "P(benefit), all together, and P(this and all above), that this end point and all before it truly favour "
            "the active arm, are of the model of all of them together. A missing value is foretold there from the "
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


def one_step(result: EndPointAnalysis, step: Step) -> list[Block]:
    """One end point: what it is, what was seen, every analysis of it, and what is missing."""
    point = step.derived.plan
    good = "higher" if point.benefit == "higher" else "lower"
    unit = f" in {point.unit}" if point.unit else ""
    section: list[Block] = [
        Paragraph(
            f"{point.role.capitalize()}, {point.kind}{unit}; {good} is better. {_source(step)} "
            f"{_upper(missing_words(step))}."
        ),
        Paragraph(f"Analysed: {observed_words(step)}."),
    ]
    if step.derived.sri is not None:
        section += [Paragraph("Who fails on what (a patient may fail on several):"), _components(result, step)]
        section += [Paragraph(note) for note in step.derived.sri.notes]
    section += [_analyses(result, step), *(Paragraph(note) for note in step.counterpart.notes)]
    if step.posterior is not None:
        section.append(
            Paragraph(f"Model `{step.model.name}`: {step.model.title}. Diagnostics {step.posterior.verdict.text}.")
        )
        if step.agreement is not None:
            section.append(Paragraph(f"Engines {step.agreement.text}."))
    if step.limits is not None:
        section.append(Paragraph(step.limits.words))
    if step.tipping is not None:
        section += [
            *(Paragraph(text) for text in step.tipping.words),
            Figure(
                f"tipping_{end_point_places(result.plan)[point.name]}",
                tipping_words(step.tipping),
                f"Tipping points of {point.label}",
            ),
        ]
    return section


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def _source(step: Step) -> str:
    point = step.derived.plan
    if point.sri is not None:
        return (
            f"SRI-{point.sri.threshold} from its components (Furie et al. 2009): SELENA-SLEDAI at least "
            f"{point.sri.threshold} points lower, no new BILAG A and at most one new B, physician's global assessment "
            f"worse by less than a tenth of its scale."
        )
    if point.change is not None:
        of = "in per cent of the baseline" if point.change.scale == "relative" else "in points"
        return f"Change of `{point.change.followup}` from `{point.change.baseline}`, {of}."
    return f"Column `{point.response or point.value}`."


def _components(result: EndPointAnalysis, step: Step) -> Table:
    assert step.derived.sri is not None
    table = step.derived.sri.components().reset_index()
    return Table.of(
        [str(c).replace("_", " ") for c in table.columns],
        table.astype(str).to_numpy().tolist(),
        f"{step.derived.plan.label}: patients who fail on each component, by arm",
        f"components_{end_point_places(result.plan)[step.derived.plan.name]}.csv",
    )


def _analyses(result: EndPointAnalysis, step: Step) -> Table:
    point = step.derived.end_point
    rows = []
    for row in counterpart_rows(step, result.arms.active):
        log = row["measure"] == "log odds ratio"

        def shown(value: float | None, log: bool = log) -> str:
            if value is None:
                return ""
            return f"{value:+.2f}" if log else in_units(value, point, unit=False)

        limits = (
            f"{interval(shown(row['lower']), shown(row['upper']))} (confidence)" if row["lower"] is not None else ""
        )
        se = f" (SE {shown(row['se']).lstrip('+')})" if row["se"] is not None else ""
        rows.append([row["analysis"], row["measure"], shown(row["estimate"]) + se, limits, p_value(row["p"])])
    if step.ok and step.posterior is not None:
        for name in (step.posterior.effect, "standardised_difference", "conditional_log_odds_ratio"):
            if name not in step.posterior.data["posterior"].data_vars:
                continue
            found = step.posterior.row(name)
            plain = name != step.posterior.effect

            def told(value: float, plain: bool = plain) -> str:
                return f"{value:+.2f}" if plain else in_units(value, point, unit=False)

            limits = f"{interval(told(found.q2_5), told(found.q97_5))} (credible)"
            best = step.posterior.p_benefit
            chance = "" if plain or best is None else f"P(benefit) {probability(best.probability, best.mcse)}"
            rows.append([f"model `{step.model.name}`", name.replace("_", " "), told(found.q50), limits, chance])
    place = step_places(result.plan, models_of_steps(result))[step.derived.plan.name]
    own = f"differences in {point.unit or 'units of the end point'}"
    units = "risk differences in percentage points" if point.kind == "binary" else own
    caption = (
        f"{point.label}: {result.arms.active} minus {result.arms.control}; {units}; tests with confidence intervals, "
        f"the model with credible intervals (its numbers are in {place}/summary.csv)"
    )
    header = ("analysis", "measure", "estimate", "95 % confidence or credible interval", "p or probability")
    return Table.of(header, rows, caption, "frequentist.csv")


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
            "Correlations between end points, by the model of all of them together", "correlations.csv",
        ),
        Paragraph(f"Diagnostics {result.joint.verdict.text}."),
    ]  # fmt: skip


def _made(result: EndPointAnalysis) -> Paragraph:
    first = next((step.posterior for step in result.steps if step.posterior is not None), None)
    versions = "" if first is None else f"; {first.provenance.sampler}"
    return Paragraph(
        f"Plan `{result.plan.name}`, hash {result.plan.hash[:12]}; data hash {result.outcomes.data_hash[:12]}"
        f"{versions}."
    )
