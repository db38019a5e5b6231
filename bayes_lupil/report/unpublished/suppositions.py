"""What only assumptions about sites determine, and who was left out: tables and sentences, where margins are known."""

from __future__ import annotations

from functools import partial
from math import isfinite

from bayes_lupil.numbers import interval, percent, points, probability, small
from bayes_lupil.report.media.blocks import Block, Figure, Paragraph, Table
from bayes_lupil.report.unpublished.retention_figure import figure_who_stayed
from bayes_lupil.trials.margins import Margins
from bayes_lupil.trials.trial import Trial
from bayes_lupil.unpublished.alternatives import alternatives_frame
from bayes_lupil.unpublished.analysis import UnpublishedAnalysis
from bayes_lupil.unpublished.explained import explained_frame
from bayes_lupil.unpublished.retention import Kept, WhoStayed, kept_frame

__all__ = ["by_number", "left_out", "left_out_words", "supposed_words", "under_suppositions"]


def supposed_words(result: UnpublishedAnalysis) -> list[str]:
    """What assumptions about the sites make of the answer over all patients, and single tables do."""
    known = [item for item in result.alternatives if item.ok]
    if not known:
        return []
    lowest, highest = result.hidden.lowest, result.hidden.highest
    low, high = (pick(known, key=lambda item: item.p_benefit) for pick in (min, max))
    return [
        f"Over all randomised patients the probability of benefit lies between "
        f"{percent(low.p_benefit, low.p_benefit_mcse)} ({low.name}) and {percent(high.p_benefit, high.p_benefit_mcse)} "
        f"({high.name}) under the {len(known)} assumptions about the sites tried. If all counts were known it would "
        f"lie between {percent(lowest.p_benefit, lowest.p_benefit_mcse)} and "
        f"{percent(highest.p_benefit, highest.p_benefit_mcse)} for the tables computed, most of which are improbable."
    ]


def under_suppositions(result: UnpublishedAnalysis) -> list[Block]:
    """The answer under every declared alternative, in a table; nothing where there is none but the model's own."""
    if len(result.alternatives) < 2:
        return []
    rows = []
    for item in result.alternatives:
        if not item.ok:
            rows.append([item.name, item.where, f"not computed: {item.why_not}", *[""] * 5])
            continue
        rows.append(
            [
                item.name, item.where, probability(item.p_benefit, item.p_benefit_mcse),
                points(item.risk_difference), points(item.risk_difference_ordinary), f"{item.control_there:.1f}",
                points(item.raw_risk_difference), probability(item.p_explains, item.p_explains_mcse),
            ]
        )  # fmt: skip
    arms = result.trial.arms
    header = [
        "assumed", "declared in", "P(benefit), all sites", "risk difference, all sites", "at the other sites",
        f"{arms.control} patients at the excluded sites", "observed difference without these sites",
        "P(that alone gives p < 0.05, Pearson)",
    ]  # fmt: skip
    caption = (
        f"What depends on assumptions about the sites: posterior means of differences, {arms.active} minus "
        f"{arms.control}, in percentage points; probabilities with Monte Carlo standard errors (MCSE)"
    )
    implied = result.hidden.implied
    given = f" All rows are given that there was {implied}; they are means, not medians." if implied else ""
    return [
        *(Paragraph(text) for text in supposed_words(result)),
        Table.of(header, rows, caption, "alternatives.csv", alternatives_frame(result.alternatives).reset_index()),
        Paragraph(
            "Nothing published says how many patients the excluded sites had: what is said of them follows from what "
            f"is believed of the sizes of sites, and differs from row to row.{given}"
        ),
    ]


def by_number(result: UnpublishedAnalysis) -> list[Block]:
    """Whether leaving out the excluded sites alone would have given p < 0.05, by how many control patients they had."""
    found, control = result.hidden.by_number, result.trial.arms.control
    rows = [
        [
            str(item.control_there), f"{item.explaining:,} of {item.tables:,}",
            probability(item.probability, item.probability_mcse),
            probability(item.p_explains, item.p_explains_mcse) if isfinite(item.p_explains) else "too few draws",
        ]
        for item in found
    ]  # fmt: skip
    header = [
        f"{control} patients at the excluded sites", "tables that give p < 0.05 (Pearson)", "probability of the number",
        "P(p < 0.05), given the number",
    ]  # fmt: skip
    caption = (
        f"Whether leaving out the excluded sites alone would have given p < 0.05, by the number of {control} patients "
        "there, under the model as declared; with Monte Carlo standard errors (MCSE)"
    )
    return [Table.of(header, rows, caption, "explained_by_number.csv", explained_frame(found).reset_index())]


def left_out_words(stayed: WhoStayed, trial: Trial) -> str:
    """Who the published subset leaves out: the response whose patients stayed most unlike in the two arms."""
    assert isinstance(trial.data, Margins)  # what is hidden is hidden in margins
    response = max((0, 1), key=lambda r: abs(stayed.p_unlike[r] - 0.5))
    control, active = (stayed.group(arm, response) for arm in (0, 1))
    label = trial.populations[trial.data.subset].label
    p, error = stayed.p_unlike[response], stayed.p_unlike_mcse[response]
    low = control if p < 0.5 else active
    groups = (stayed.group(*key) for key in trial.data.impossible_at_excluded)
    elsewhere, certain = next((item for item in groups if item.outside), None), ""
    if elsewhere is not None:
        certain = (
            f"All {elsewhere.outside} {elsewhere.label} left out were at other sites, so that the {label} population "
            "is more than leaving out the excluded sites: that is certain. The rest is estimated, and depends on what "
            "is believed of the sizes of sites. "
        )
    return (
        f"{certain}At the other sites the {label} population kept an estimated {_chance(active)} of {active.label} and "
        f"{_chance(control)} of {control.label}; fewer of the {low.label} with probability "
        f"{percent(max(p, 1 - p), error)}. Of "
        f"the {low.outside} {low.label} left out, about {low.other_reasons:.0f} left for other reasons than their "
        "site. So the comparison in that population is not the trial without the excluded sites."
    )


def _chance(item: Kept) -> str:
    limits = interval(percent(item.chance_lower), percent(item.chance_upper))
    return f"{percent(item.chance)} (95 % credible interval {limits})"


def left_out(result: UnpublishedAnalysis) -> list[Block]:
    """Sentence, figure and table on who was left out of the published subset."""
    stayed, trial = result.stayed, result.trial
    assert isinstance(trial.data, Margins)
    rows = [
        [
            item.label, f"{item.inside} of {item.patients}", f"{item.chance:.2f}",
            interval(f"{item.chance_lower:.2f}", f"{item.chance_upper:.2f}"), small(item.chance_mcse),
            str(item.outside), f"{item.other_reasons:.1f}",
        ]
        for item in stayed.groups
    ]  # fmt: skip
    header = [
        "patients", trial.populations[trial.data.subset].label, "chance to stay, at another site",
        "95 % credible interval", "MCSE", "left out", "for other reasons than their site",
    ]  # fmt: skip
    caption = "Who was left out of the published subset: posterior means of chances and numbers"
    words = left_out_words(stayed, trial)
    return [
        Paragraph(words),
        Figure(
            "who_stayed",
            words,
            "The chance to stay in the published subset, by arm and response",
            partial(figure_who_stayed, stayed, trial),
        ),
        Table.of(header, rows, caption, "who_stayed.csv", kept_frame(stayed).reset_index()),
    ]
