"""What the report says of trials unlike the one that it was written for: rare events, few sites, nothing published."""

from __future__ import annotations

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from bayes_lupil import Arms, Cells, EndPoint, Trial, load_model, reanalyse
from bayes_lupil.report import collect
from bayes_lupil.report.media.block_lists import without_empty
from bayes_lupil.report.media.blocks import Bullets, Folded, Heading, Paragraph, Table
from bayes_lupil.report.media.plot_style import LONGEST
from bayes_lupil.report.reanalysis.contents import Contents
from bayes_lupil.report.reanalysis.figures.effects import figure_benefit_curve, figure_risk_difference
from bayes_lupil.report.reanalysis.figures.prior_chart import at_average_site
from bayes_lupil.report.reanalysis.figures.priors import figure_prior_predictive
from bayes_lupil.report.reanalysis.first_screen import answer_blocks, in_short, no_error_words, prior_span
from bayes_lupil.report.reanalysis.hierarchy import gate_notes, hierarchy_table, not_reported
from bayes_lupil.report.reanalysis.page import reanalysis_page
from bayes_lupil.report.reanalysis.paired import paired_table
from bayes_lupil.report.reanalysis.plain_language import findings, prior_words, tipping_words

ARMS = Arms("placebo", "drug")


def contents_of(responders, n, end_point, sites=("A", "B"), models=("itt_pooled",), *, priors=False):
    trial = Trial.from_cells(Cells(sites, responders, n), ARMS, end_point)
    some = [load_model(model) if isinstance(model, str) else model for model in models]
    found = reanalyse(trial, [model.edited(sampler__points=4096) for model in some], check_engines=False)
    return collect(found) if priors else Contents(found)


@pytest.fixture(scope="module")
def rare():
    """Deaths: 6 of 1,000 on placebo, 2 of 1,000 on drug, where 1 point would matter."""
    model = load_model("itt_pooled").edited(decision__relevant=0.01)
    end_point = EndPoint("death", "Death", "lower")
    return contents_of([[3, 1], [3, 1]], [[500, 500], [500, 500]], end_point, models=(model,), priors=True)


def told(contents):
    """Every sentence of the first screen and of the answer in sentences."""
    return [text for _, text in in_short(contents)] + [line for _, lines in findings(contents) for line in lines]


def test_one_point_is_no_points(rare):
    words = " ".join(told(rare)) + " ".join(paired_table(rare).header)
    assert "at least 1 point lower" in words
    assert "1 points" not in words
    assert "1 percentage points" not in words


def test_a_relevant_difference_without_room_is_said():
    """10 points are more than there are events to prevent, or than responders to gain."""
    for counts, end_point, told in (
        ([[3, 1], [3, 1]], EndPoint("death", "Death", "lower"), "would exceed the whole event rate on placebo"),
        ([[497, 499]], EndPoint("cure", "Cure"), "would exceed what is left to gain from the response rate on placebo"),
    ):
        n, sites = [[500, 500]] * len(counts), ("a", "b")[: len(counts)]
        found = dict(in_short(contents_of(counts, n, end_point, sites)))["This reanalysis"]
        assert f"a relevant difference, in the model file 10 points, {told}: declare one that fits (mcid)" in found


def test_what_the_trial_observed_is_told_apart_from_what_matters(rare):
    """0.4 points were observed and 1 matters: within a point of each other, and not the same."""
    assert not any("is just what the trial observed" in line for line in prior_words(rare))


def test_events_are_events_of_patients(rare):
    trial = dict(in_short(rare))["The trial"]
    assert trial.startswith("Events in 2 of 1,000 patients (0.20 %) on drug, 6 of 1,000 (0.60 %) on placebo")
    assert not any("respon" in text.lower() for text in told(rare))


def test_rates_of_large_trials_have_a_decimal():
    found = contents_of([[351, 320]], [[1723, 1722]], EndPoint("event", "Event", "lower"), ("all",))
    assert "(18.6 %)" in dict(in_short(found))["The trial"]
    assert "(20.4 %)" in dict(in_short(found))["The trial"]


def test_figures_of_rare_events_show_the_part_of_the_axis_that_they_take(rare):
    posterior = rare.lead
    low, high = np.quantile(100 * posterior.draws("risk_difference"), [0.001, 0.999])
    curve = figure_benefit_curve([posterior]).axes[0].get_xlim()
    ridge = figure_risk_difference([posterior]).axes[0].get_xlim()
    assert curve[0] < -high < -low < curve[1]
    assert ridge[0] < low < high < ridge[1]
    for limits in (curve, ridge):
        assert limits[1] - limits[0] < 4 * (high - low)
    labels = figure_prior_predictive(posterior).axes[0].get_legend().get_texts()
    assert {"observed, 0.6 %", "observed, 0.2 %"} <= {text.get_text() for text in labels}


def test_titles_wrap_and_are_not_cut():
    label = "cardiovascular death, aborted cardiac arrest or hospitalisation for heart failure, whichever came first"
    assert len(label) < LONGEST
    found = contents_of([[9, 5], [8, 6]], [[30, 30], [30, 30]], EndPoint("event", label, "lower"))
    for width in (4.0, 8.0):
        for figure in (
            figure_risk_difference([found.lead], width=width),
            figure_benefit_curve([found.lead], width=width),
        ):
            title = figure.get_suptitle() or figure.axes[0].get_title(loc="left")
            assert label[1:] in title.replace("\n", " ")
            figure.canvas.draw()
            texts = [figure._suptitle, figure.axes[0].title, figure.axes[0]._left_title]
            ends = [text.get_window_extent().x1 for text in texts if text is not None and text.get_text()]
            assert max(ends) <= figure.bbox.x1


def test_nothing_is_said_to_be_unprinted(rare):
    """That a file holds no printed result does not say that there is none."""
    blocks = [*gate_notes(rare.reanalysis), *answer_blocks(rare)]
    words = " ".join([*told(rare), *(block.text for block in blocks if isinstance(block, Paragraph))])
    assert "was printed" not in words
    assert "as printed" not in hierarchy_table(rare.reanalysis).caption
    assert "the trial's own" in words  # the rule of the report is not


def test_the_interval_beside_a_test_is_of_that_test(rare):
    """Stratified by site as the test is, and the same in figure and table."""
    table = paired_table(rare)
    row = next(row for row in rare.reanalysis.hierarchy)
    limits = row.stratified.mh_risk_difference_interval
    assert f"({100 * limits.lower:+.1f} to {100 * limits.upper:+.1f})" in table.rows[0][2]
    assert "Mantel-Haenszel, by site" in table.header[2]
    assert "Cochran-Mantel-Haenszel" in table.rows[0][3]


def test_the_largest_error_of_the_first_screen_is_of_all_its_probabilities(rare):
    """Also of the priors', which may be larger than any model's."""
    rows = tuple(replace(row, changed=replace(row.changed, p_benefit_mcse=0.042)) for row in rare.priors.rows)
    assert "at most 4.2 percentage points" in no_error_words(Contents(rare.reanalysis, replace(rare.priors, rows=rows)))


def test_a_population_that_a_trial_lacks_is_said_in_words():
    found = contents_of([[9, 5]], [[30, 30]], EndPoint("x", "Cure"), ("all",), ("itt_pooled", "pp_pooled"))
    (reason,) = next(block for block in not_reported(found.reanalysis) if isinstance(block, Bullets)).items
    assert reason == "`pp_pooled`: it is of the population 'pp', which this trial does not have."


def test_what_would_turn_the_answer_agrees_with_the_map(rare):
    """Where a prior of the map turns it, that is not denied."""
    empty = replace(rare.priors.map, cells=(None,) * len(rare.priors.map.cells))
    assert tipping_words(replace(rare.priors, tipping=(), map=empty)).startswith("None of the priors tried")
    # nor does one whose result has no number, for too few draws
    cell = next(one for one in rare.priors.map.cells if one is not None)
    unknown = replace(cell, ladder=tuple(replace(row, probability=math.nan) for row in cell.ladder))
    unsaid = replace(rare.priors.map, cells=tuple(unknown for _ in rare.priors.map.cells))
    assert tipping_words(replace(rare.priors, tipping=(), map=unsaid)).startswith("None of the priors tried")
    assert (rare.priors.map.p_benefit < 0.5).any()
    words = tipping_words(replace(rare.priors, tipping=()))
    assert "those that turn the answer held placebo to be better" in words


def test_no_heading_stands_alone():
    blocks = [Heading("a", 2), Heading("b", 3), Heading("c", 2), Paragraph("x"), Heading("d", 2), Heading("e", 3),
              Paragraph("y")]  # fmt: skip
    kept = [block.text for block in without_empty(blocks)]
    assert kept == ["c", "x", "d", "e", "y"]


@pytest.mark.parametrize("sites", [("all",), ("A", "B")])
def test_a_trial_of_one_site_is_not_called_multicentre(sites):
    counts = [[9, 5]] * len(sites)
    page = reanalysis_page(contents_of(counts, [[30, 30]] * len(sites), EndPoint("x", "Cure"), sites))
    many = len(sites) > 1
    assert ("multicentre" in page.kind) == many
    words = " ".join(b.text for b in page.blocks if isinstance(b, Paragraph))
    assert "1 sites" not in words
    assert any(isinstance(block, Table) for block in page.blocks)


def test_an_average_site_that_points_the_other_way_is_told():
    """One large site decides over all patients, the many small ones on what an average site shows."""
    sites = ("Main", *map(str, range(7)))
    responders = [[60, 84], *[[6, 3]] * 7]
    n = [[140, 140], *[[9, 9]] * 7]
    found = contents_of(responders, n, EndPoint("x", "Response"), sites, ("site_effects",))
    assert found.lead.row("risk_difference").q50 > 0 > found.lead.row("conditional_log_odds_ratio").q50
    assert "At an average site the effect points the other way" in dict(in_short(found))["This reanalysis"]


@pytest.mark.parametrize(("sceptical", "said"), [(0.95, True), (0.85, False), (0.7, False)])
def test_doubt_that_makes_a_benefit_more_probable_is_explained(rare, sceptical, said):
    """The prior is of an average site's effect, the probability of all patients'."""
    now = replace(rare.lead.chances["benefit"], probability=0.84)
    posterior = SimpleNamespace(chances={"benefit": now})
    rows = tuple(
        replace(row, changed=replace(row.changed, p_benefit=sceptical if row.prior.name == "sceptical" else 0.9))
        for row in rare.priors.rows
    )
    (words,) = prior_span(SimpleNamespace(rows=rows, posterior=posterior))
    assert ("of the effect at an average site" in words) == said


def test_one_site_has_no_average_site():
    alone = contents_of(
        [[9, 5]], [[30, 30]], EndPoint("x", "Cure"), ("all",), ("itt_pooled", "site_effects"), priors=True
    )
    (reason,) = next(block for block in not_reported(alone.reanalysis) if isinstance(block, Bullets)).items
    assert reason == "`site_effects`: it is of how sites differ, and there is one site, or totals alone."
    assert at_average_site(alone.lead) == ""
    page = reanalysis_page(alone)
    words = [name for block in page.blocks if isinstance(block, Folded) and block.anchor == "glossary"
             for part in block.blocks for name, _ in part.items]  # fmt: skip
    assert "Prior, posterior" in words
    assert "Shrinkage" not in words
