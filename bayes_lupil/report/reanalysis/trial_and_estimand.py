"""The trial, its estimand by the attributes of ICH E9(R1), and where each of its numbers comes from.

Nothing is filled in that the trial file or the model file does not say: it is then 'not stated in the trial file', or
'never published' where the trial file lists it as such.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bayes_lupil.numbers import in_points
from bayes_lupil.report.media.blocks import Block, Bullets, Page, Paragraph, Table, warnings_first
from bayes_lupil.trials.estimates import Estimate
from bayes_lupil.trials.margins import Margins
from bayes_lupil.trials.measurements import Measurements
from bayes_lupil.trials.patients import Patients
from bayes_lupil.trials.populations import Exclusion
from bayes_lupil.trials.trial import Trial

if TYPE_CHECKING:
    from bayes_lupil.report.reanalysis.contents import Contents
    from bayes_lupil.spec import ModelSpec

__all__ = ["MOST_ROWS", "data_blocks", "estimand_blocks", "trial_blocks", "trial_summary"]

MOST_ROWS = 60
"""Rows of a table of numbers; of more, the largest are shown."""
NOT_STATED = "not stated in the trial file"
GRADES = {
    "A": "A: read in a published source",
    "B": "B: arithmetic or inference from what was read",
    "C": "C: common knowledge",
    "declared": "declared: chosen by whoever wrote the trial file, and not read anywhere",
    "": "no grade: from the user's own file, as it stands there",
}
_EVENTS = ("intercurrent", "discontinu", "rescue", "withdr", "death")
_MISSING = ("missing", "drop-out", "dropout")


def trial_blocks(contents: Contents) -> list[Block]:
    """The trial: arms, end point, sites, and its populations with their counts and who is left out of them."""
    trial = contents.trial
    page = warnings_first(trial.synthetic)
    page.append(Paragraph(_sentence(trial.title)))
    rows = [
        ("control arm", trial.arms.control),
        ("active arm", trial.arms.active),
        ("end point", f"{trial.end_point.label} ({trial.end_point.unit})"),
        ("what is good", _good(trial)),
        ("important difference", _important(trial)),
        ("sites", _sites(trial)),
        ("what is known of the patients", _resolution(trial)),
    ]
    page.append(Table.of(("the trial", "as its file declares it"), rows, "The trial"))
    page.append(_populations(trial))
    left_out = _exclusions(trial)
    if left_out:
        page += [Paragraph("Left out:"), Bullets(tuple(left_out))]
    return page


def estimand_blocks(contents: Contents) -> list[Block]:
    """What is estimated, by the attributes of ICH E9(R1), as the main analysis declares it."""
    lead = contents.lead
    if lead is not None:
        spec, first = (
            lead.spec,
            Paragraph(f"The question of `{lead.spec.name}`, the main analysis: {lead.spec.question}"),
        )
    else:
        chosen = contents.reanalysis.primary or contents.reanalysis.analyses[0]
        spec = chosen.model
        first = Paragraph(f"No analysis is sound. The question of `{spec.name}`, which has no result: {spec.question}")
    trial = contents.trial
    side = "above" if trial.end_point.sign > 0 else "below"
    rows = [
        ("treatments", f"{trial.arms.active} against {trial.arms.control}"),
        ("population", _analysed(trial, spec)),
        ("variable", f"{trial.end_point.label} ({trial.end_point.unit}); {_good(trial)}"),
        ("intercurrent events and their strategy", _events(trial, spec)),
        ("missing outcomes", _unpublished(trial, _MISSING) or NOT_STATED),
        ("population-level summary", f"{_sentence(spec.estimand)} A difference {side} 0 is a benefit."),
    ]
    return [first, Table.of(("attribute", "this analysis"), rows, "The estimand, by the attributes of ICH E9(R1)")]


def data_blocks(contents: Contents) -> list[Block]:
    """Every number that was analysed, with its source and grade; what was printed of the results, apart from it."""
    trial = contents.trial
    page = warnings_first(trial.synthetic)
    single = [row for row in trial.provenance if row["number"] != "counts"]
    files = [row for row in trial.provenance if row["number"] == "counts"]
    if single:
        page += _numbers(trial, single)
    for row in files:
        page.append(Paragraph(f"The counts are those of the {row['what']} ({row['source']})."))
    if files or not trial.provenance:
        page += _by_site(trial)
    grades = [row["grade"] for row in trial.provenance]
    printed = _printed(trial)
    if printed:
        grades += [item.grade for step in trial.hierarchy for item in step.published]
        page += [
            printed,
            Paragraph(
                "These results stand as they were printed. What the counts give is computed here, and is shown beside "
                "them with the trial's hierarchy of end points; the one is never put in the place of the other."
            ),
        ]
    if grades:
        page += [Paragraph("Grades:"), Bullets(tuple(text for key, text in GRADES.items() if key in grades))]
    if trial.reading is not None:
        page += [Paragraph("How the data were read:"), Bullets(trial.reading.lines)]
    elif trial.notes:
        page += [Paragraph("Notes on the data:"), Bullets(trial.notes)]
    page.append(Paragraph(f"SHA-256 of arms, end point and data: `{trial.data_hash}`."))
    return page


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _good(trial: Trial) -> str:
    what = "value" if trial.end_point.kind == "continuous" else trial.end_point.words.probability
    return f"a {'higher' if trial.end_point.sign > 0 else 'lower'} {what} is the benefit"


def _important(trial: Trial) -> str:
    end_point = trial.end_point
    if end_point.mcid is None:
        return NOT_STATED
    amount = (
        in_points(100 * end_point.mcid, "percentage point")
        if end_point.kind == "binary"
        else f"{end_point.mcid:g} {end_point.unit}"
    )
    return f"{amount} ({end_point.mcid_source or 'its source is ' + NOT_STATED})"


def _sites(trial: Trial) -> str:
    number = len(trial.site_names)
    if isinstance(trial.data, Margins):
        excluded = ", ".join(trial.data.excluded_sites)
        return f"{number}; patients by site never published; left out of the smaller population: {excluded}"
    known = getattr(trial.data, "sites_known", True)
    return f"{number}" if known else "not known: arm totals only"


def _resolution(trial: Trial) -> str:
    return {
        "patients": "one row a patient",
        "cells": "counts by site and arm",
        "margins": "arm totals of two populations, the smaller one within the larger; the site of no patient",
    }[trial.resolution]


def _set(trial: Trial, name: str) -> tuple[tuple[str, str], tuple[Exclusion, ...]]:
    """(control, active) in numbers, and who is left out."""
    if isinstance(trial.data, Measurements):
        measured = trial.measured_set(name)
        control, active = measured.patients
        return (f"{control} measured", f"{active} measured"), measured.exclusions
    counted = trial.analysis_set(name)
    (r0, n0), (r1, n1) = counted.totals
    return (f"{r0}/{n0}", f"{r1}/{n1}"), counted.exclusions


def _populations(trial: Trial) -> Table:
    rows = []
    for population in trial.populations.values():
        counts, exclusions = _set(trial, population.name)
        known = {True: "prespecified", False: "not prespecified", None: NOT_STATED}[population.prespecified]
        declared = f"{known}; analysed post hoc" if population.post_hoc else known
        rows.append(
            (
                population.label, *counts, str(sum(item.patients for item in exclusions)), declared,
                population.description or NOT_STATED, _origin(population.source, population.grade),
            )
        )  # fmt: skip
    header = (
        "population", trial.arms.control, trial.arms.active, "patients left out", "prespecified", "who they are",
        "source (grade)",
    )  # fmt: skip
    unit = "patients measured" if isinstance(trial.data, Measurements) else f"{trial.end_point.words.patients}/patients"
    return Table.of(header, rows, f"Populations of the trial: {unit} in each arm")


def _origin(source: str, grade: str) -> str:
    if not source:
        return NOT_STATED
    return f"{source} ({grade})" if grade else source


def _exclusions(trial: Trial) -> list[str]:
    found = []
    for population in trial.populations.values():
        for item in _set(trial, population.name)[1]:
            arm = trial.arms.names[item.arm]
            responders = (
                "" if item.responders is None else f", {item.responders} of them {trial.end_point.words.patients}"
            )
            patients = f"{item.patients} patient{'' if item.patients == 1 else 's'}"
            found.append(f"{population.label}: {patients} of {arm}{responders} ({item.reason}).")
    return found


def _analysed(trial: Trial, spec: ModelSpec) -> str:
    population = trial.populations.get(spec.population)
    label = population.label if population is not None else f"'{spec.population}', which this trial does not have"
    told = f": {population.description}" if population is not None and population.description else ""
    without = f"; without {', '.join(spec.without_sites)}" if spec.without_sites else ""
    return f"{label}{told}{without}"


def _unpublished(trial: Trial, words: Sequence[str]) -> str:
    listed = [entry for entry in trial.not_published if any(word in entry.lower() for word in words)]
    return f"never published: {'; '.join(listed)}" if listed else ""


def _events(trial: Trial, spec: ModelSpec) -> str:
    said = _unpublished(trial, _EVENTS) or NOT_STATED
    phrase = "whatever happened after randomisation"
    if phrase in spec.estimand:
        said += f"; the model file takes outcomes {phrase}, as the trial counted them"
    return said


def _numbers(trial: Trial, rows: Sequence[dict[str, str]]) -> list[Block]:
    last = [row["number"].rpartition("/")[2] for row in rows]
    shown, note = _largest(rows, [int(number) if number.isdecimal() else 0 for number in last])
    cells = [(row["number"], _what(trial, row["what"]), row["source"], row["grade"] or "none") for row in shown]
    counted = trial.end_point.words.patients
    caption = f"Numbers that were analysed, each with its source and grade (counts are {counted}/patients)"
    return [Table.of(("number", "what", "source", "grade"), cells, caption + note)]


def _what(trial: Trial, what: str) -> str:
    """The text with the label of a population in the place of its short name, and no 'site site 05'."""
    if what.startswith("site site "):
        return what.removeprefix("site ")
    name, comma, rest = what.partition(", ")
    population = trial.populations.get(name)
    return f"{population.label}{comma}{rest}" if population is not None and comma else what


def _largest(rows: Sequence[dict[str, str]], sizes: Sequence[int]) -> tuple[list[dict[str, str]], str]:
    """The rows with the largest sizes, in their own order, and what to say of it."""
    if len(rows) <= MOST_ROWS:
        return list(rows), ""
    kept = sorted(sorted(range(len(rows)), key=lambda i: -sizes[i])[:MOST_ROWS])
    return [rows[i] for i in kept], f"; the {MOST_ROWS} largest of {len(rows):,}"


def _by_site(trial: Trial) -> list[Block]:
    """Counts by site, which a user's own file does not have one by one in the list of numbers."""
    data = trial.data
    if isinstance(data, Margins | Estimate):
        return []
    if isinstance(data, Measurements):
        counts = [_measured_at(data, site) for site in data.sites]
    else:
        cells = data.cells() if isinstance(data, Patients) else data
        counts = [
            ((int(n[0]), int(n[1])), (f"{r[0]}/{n[0]}", f"{r[1]}/{n[1]}"))
            for r, n in zip(cells.responders, cells.n, strict=True)
        ]
    rows = [
        {"site": site, "control": text[0], "active": text[1]}
        for site, (_, text) in zip(data.sites, counts, strict=True)
    ]
    shown, note = _largest(rows, [sum(patients) for patients, _ in counts])
    unit = "patients measured" if isinstance(data, Measurements) else f"{trial.end_point.words.patients}/patients"
    header = ("site", trial.arms.control, trial.arms.active)
    table = [(row["site"], row["control"], row["active"]) for row in shown]
    return [Table.of(header, table, f"Counts by site ({unit}){note}")]


def _measured_at(data: Measurements, site: str) -> tuple[tuple[int, int], tuple[str, str]]:
    here = [i for i, name in enumerate(data.site) if name == site and data.measured[i]]
    active = sum(int(data.arm[i]) for i in here)
    patients = (len(here) - active, active)
    return patients, (str(patients[0]), str(patients[1]))


def _printed(trial: Trial) -> Table | None:
    rows = [
        (
            str(i),
            step.name,
            trial.populations[item.population].label,
            item.printed or (f"reported {item.reported}, without a figure" if item.reported else NOT_STATED),
            _origin(item.source, item.grade),
        )
        for i, step in enumerate(trial.hierarchy, start=1)
        for item in step.published
    ]
    if not rows:
        return None
    header = ("step", "end point", "population", "as printed", "source (grade)")
    return Table.of(header, rows, "Results as they were printed")


def trial_summary(trial: Trial) -> Page:
    """A trial with the source and grade of every number."""
    mcid = trial.end_point.mcid
    lines = [
        f"Known as {trial.resolution}; {len(trial.site_names)} sites; data hash {trial.data_hash[:12]}",
        f"Arms: {trial.arms.active} against {trial.arms.control}",
        f"End point: {trial.end_point.directed}",
    ]
    if mcid is not None:
        amount = f"{in_points(100 * mcid, 'percentage point')} ({trial.end_point.mcid_source})"
        lines.append(f"Minimal clinically important difference: {amount}")
    for population in trial.populations.values():
        analysed = trial.analysis_set(population.name)
        (r0, n0), (r1, n1) = analysed.totals
        lines.append(
            f"Population {population.name} ({population.label}): {r1}/{n1} v {r0}/{n0}; "
            f"{analysed.excluded} patients excluded"
        )
    heads = ("number", "what", "source", "grade")
    blocks: list[Block] = [
        *(Paragraph(text) for text in lines),
        Table.of(heads, [tuple(str(item[name]) for name in heads) for item in trial.provenance]),
    ]
    for title, listed in (("Notes", trial.notes), ("Never published", trial.not_published)):
        if listed:
            blocks += [Paragraph(f"{title}:"), *(Paragraph(f"  - {text}") for text in listed)]
    blocks += [Paragraph(f"{s.id}: {s.citation}{f', doi {s.doi}' if s.doi else ''}") for s in trial.sources]
    return Page(trial.title, tuple(blocks), synthetic=trial.synthetic, warnings=trial.warnings)
