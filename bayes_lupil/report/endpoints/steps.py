"""One end point of a hierarchy on the page: what it is, what was seen, every analysis of it."""

from __future__ import annotations

from functools import partial

from bayes_lupil.endpoints.result import EndPointAnalysis, Step, counterpart_rows
from bayes_lupil.numbers import interval, p_value, probability
from bayes_lupil.report.endpoints.figures import figure_tipping, tipping_words
from bayes_lupil.report.endpoints.sentences import in_units, missing_words, observed_words
from bayes_lupil.report.media.blocks import Block, Figure, Paragraph, Table
from bayes_lupil.report.places import end_point_places, models_of_steps, step_places

__all__ = ["one_step"]


def one_step(result: EndPointAnalysis, step: Step) -> list[Block]:
    """One end point: what it is, what was seen, every analysis of it, and what is missing."""
    point = step.derived.plan
    good = "higher" if point.benefit == "higher" else "lower"
    missing = missing_words(step)
    unit = f" in {point.unit}" if point.unit else ""
    section: list[Block] = [
        Paragraph(
            f"{point.role.capitalize()}, {point.kind}{unit}; {good} is better. {_source(step)} "
            f"{missing[:1].upper()}{missing[1:]}."
        ),
        Paragraph(f"Analysed: {observed_words(step)}."),
    ]
    if step.derived.sri is not None:
        section += [Paragraph("Who fails on what (a patient may fail on several):"), _components(result, step)]
        section += [Paragraph(note) for note in step.derived.sri.notes]
    section += [_analyses(result, step), *(Paragraph(note) for note in step.counterpart.notes)]
    if step.posterior is not None:
        labels = "; ".join(step.posterior.likelihood.coefficient_labels.values())
        adjusted = f", adjusted for covariates ({labels})" if labels else ""
        about = f"Model `{step.model.name}`: {step.model.title}{adjusted}."
        section.append(Paragraph(f"{about} Diagnostics {step.posterior.verdict.text}."))
        section += [Paragraph(text, strong=True) for text in step.posterior.provenance.cautions]
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
                partial(figure_tipping, step, result),
            ),
        ]
    return section


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
        table,
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
            own = f"model `{step.model.name}`" + (" with its covariates" if step.model.covariates else "")
            rows.append([own, name.replace("_", " "), told(found.q50), limits, chance])
    place = step_places(result.plan, models_of_steps(result))[step.derived.plan.name]
    own = f"differences in {point.unit or 'units of the end point'}"
    units = "risk differences in percentage points" if point.kind == "binary" else own
    caption = (
        f"{point.label}: {result.arms.active} minus {result.arms.control}; {units}; tests with confidence intervals, "
        f"the model with credible intervals (its numbers are in {place}/summary.csv)"
    )
    header = ("analysis", "measure", "estimate", "95 % confidence or credible interval", "p or probability")
    return Table.of(header, rows, caption, "frequentist.csv")
