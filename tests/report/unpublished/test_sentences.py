"""Whether the excluded sites explain the published result, in sentences whose every number is that of the result."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text
from scipy.stats import chi2_contingency

from bayes_lupil import load_model, load_trial
from bayes_lupil.numbers import percent
from bayes_lupil.report.unpublished.sentences import (
    excluded_answer,
    excluded_sentences,
    settles_words,
    subset_difference,
    would_have_given,
)
from bayes_lupil.report.unpublished.suppositions import by_number, left_out_words, supposed_words
from bayes_lupil.report.unpublished.without_figure import figure_without_excluded, without_excluded_words
from bayes_lupil.unpublished.alternatives import AS_DECLARED, Supposed
from bayes_lupil.unpublished.analysis import UnpublishedAnalysis
from bayes_lupil.unpublished.counts import unpublished_counts
from bayes_lupil.unpublished.exclusion import PathPoint
from bayes_lupil.unpublished.retention import who_stayed


def supposed(name, p_benefit, p_explains):
    """The numbers of one supposition, as if computed."""
    return Supposed(
        name=name,
        where="trial file",
        p_benefit=p_benefit,
        p_benefit_mcse=0.001,
        risk_difference=0.08,
        risk_difference_mcse=0.001,
        risk_difference_ordinary=0.1,
        risk_difference_ordinary_mcse=0.001,
        control_there=3.0,
        control_there_mcse=0.1,
        raw_risk_difference=0.11,
        raw_risk_difference_mcse=0.001,
        p_explains=p_explains,
        p_explains_mcse=0.0005,
    )


@pytest.fixture(scope="module")
def result(resampled):
    """LUPIL-2 with few draws and no refits, and two suppositions."""
    posterior = resampled(load_model("site_effects"), load_trial("lupil2"))
    told = (supposed(AS_DECLARED, 0.817, 0.0047), supposed("at least 8 placebo patients there", 0.79, 0.06))
    hidden = unpublished_counts(posterior, most_refits=0)
    return UnpublishedAnalysis(posterior.trial, (), hidden, (), told, who_stayed(posterior))


def test_the_answer_takes_the_declared_assumption_and_the_furthest(result):
    told = excluded_answer(result)
    assert told.startswith("Leaving out Bulgaria 1 and Bulgaria 2 alone very probably would not have given p < 0.05")
    assert told.endswith("up to 6 % under 1 other assumption: their counts were not published).")
    assert "(probability below 1 % as declared" in told


def test_the_answer_says_what_leaving_out_would_change(result):
    kept = PathPoint(power=1.0, refitted=False, p_benefit=0.806, risk_difference=0.0754)
    left_out = PathPoint(power=0.0, refitted=True, p_benefit=0.862, risk_difference=0.0962)
    known = {count.name: count.least for count in result.hidden.counts}
    followed = replace(result, paths=((known, (kept, left_out)),))
    assert excluded_answer(followed).endswith(", and would move the probability of benefit from about 81 % to 86 %.")
    (told,) = [line for line in excluded_sentences(followed) if line.startswith("Had there been 1 placebo responder")]
    assert "difference by the model from +7.5 to +9.6 points, and the probability of benefit from 81 % to 86 %" in told
    failed = replace(result, paths=((known, (kept, PathPoint(power=0.0, refitted=True))),))
    assert "probability of benefit" not in excluded_answer(failed)
    assert not any(line.startswith("Had there been") for line in excluded_sentences(failed))


def test_one_site_is_told_as_one(result):
    data = replace(result.trial.data, excluded_sites=("Sofia",), countries=None)
    one = replace(result, trial=replace(result.trial, data=data))
    assert "Leaving out Sofia alone very probably would not" in excluded_answer(one)
    assert "its counts were not published" in excluded_answer(one)
    first = excluded_sentences(one)[0]
    assert first.startswith("Sofia very probably does not explain the missed end point by itself: leaving it out alone")


ADVERBS = [
    ((0.009,), "almost certainly would not have"),
    ((0.004, 0.06), "very probably would not have"),
    ((0.004, 0.2), "probably would not have"),
    ((0.2,), "probably would not have"),
    ((0.004, 0.4), "stays open"),
    ((0.6,), "stays open"),
    ((0.8,), "probably would have"),
    ((0.95,), "very probably would have"),
    ((0.995,), "almost certainly would have"),
    ((0.995, 0.7), "probably would have"),
    ((0.995, 0.3), "stays open"),
]
"""Probabilities that the exclusion explains the result, as declared and under another assumption."""


@pytest.mark.parametrize(("chances", "words"), ADVERBS)
def test_the_word_is_that_of_the_least_favourable_assumption(result, chances, words):
    names = (AS_DECLARED, "another")
    told = tuple(supposed(name, 0.8, p) for name, p in zip(names, chances, strict=False))
    changed = replace(result, alternatives=told)
    assert words in would_have_given(changed)
    assert ("under 1 other assumption" in excluded_answer(changed)) == (len(chances) > 1)
    first = excluded_sentences(changed)[0]
    assert ("stays open" in words) == first.startswith("Whether Bulgaria 1 and Bulgaria 2 explain the missed")
    assert (" not " in words) == ("do not explain the missed end point by themselves" in first)


def test_the_numbers_of_the_sentences(result):
    explains, observed, needed = excluded_sentences(result)
    settle = settles_words(result.hidden)
    low, high = result.hidden.tables.raw_risk_difference_interval
    assert explains.startswith(
        "Bulgaria 1 and Bulgaria 2 very probably do not explain the missed end point by themselves"
    )
    assert "below 1 % under the model as declared, and up to 6 % under the 1 other assumptions tried" in explains
    assert "at least 8 placebo patients" in explains
    assert "depends on how many patients they had" in explains
    for item in result.hidden.by_number:
        if f"with {item.control_there} placebo patients there" in explains:
            assert f"{percent(item.p_explains, item.p_explains_mcse)} with {item.control_there} placebo" in explains
            break
    else:
        raise AssertionError(explains)
    assert "the observed difference" in observed
    assert f"95 % credible interval {100 * low:+.1f} to {100 * high:+.1f}; under other assumptions +11.0" in observed
    assert "not how large the effect is" in observed
    assert "not the +31.6 points of the per protocol analysis" in observed
    assert "between -1.6 and +47.8" in observed  # facts.md, bounds over every table
    assert "placebo" in needed
    best = max((v for v in result.hidden.values if len(v.names) == 1), key=lambda item: item.expected_change)
    assert settle.startswith("Knowing one of the missing numbers")
    assert f"at most {100 * best.expected_change:.1f} percentage points on average" in settle
    for text in (explains, observed, needed, settle):
        assert text.count("MCSE") <= 1
        assert text.endswith(".")


def test_the_fewest_patients_that_explain_it_by_brute_force(result):
    """All tables of LUPIL-2, by hand: (placebo responders, ILT-101 responders and non-responders) at the two sites."""
    fewest, alone = {"significant": 99, "as large": 99}, 99
    for k, r, n in itertools.product(range(1, 15), range(15), range(13)):
        left = [[7 + 14 - 0, 29 - k], [16 - n, 34 - r]]
        left[0][0] = 50 - 29
        rates = [row[1] / sum(row) for row in left]
        if rates[1] <= rates[0]:
            continue
        if chi2_contingency(np.array(left), correction=False).pvalue < 0.05:
            fewest["significant"] = min(fewest["significant"], k + r + n)
            alone = min(alone, k) if r == n == 0 else alone
        if rates[1] - rates[0] >= subset_difference(result):
            fewest["as large"] = min(fewest["as large"], k + r + n)
    words = excluded_sentences(result)[2]
    assert [int(number) for number in re.findall(r"at least (\d+) patients", words)] == list(fewest.values())
    assert f", {alone} if all were placebo responders;" in words
    chance = result.hidden.full.table("probability")  # of fewer draws
    for i, (mean, count) in enumerate(zip(result.hidden.expected, result.hidden.counts, strict=True)):
        by_number = chance.sum(axis=tuple(j for j in range(3) if j != i))
        assert mean == pytest.approx((by_number * np.array(count.values)).sum(), abs=0.1)
        assert f"{mean:.1f} {count.label}" in words


def test_the_table_by_number_of_patients(result):
    (table,) = by_number(result)
    assert len(table.rows) == 14
    assert table.rows[0][:2] == ("1", "63 of 195")
    assert sum(item.tables for item in result.hidden.by_number) == result.hidden.bounds.tables
    assert sum(item.explaining for item in result.hidden.by_number) == result.hidden.bounds.significant_benefit
    assert sum(item.probability for item in result.hidden.by_number) == pytest.approx(1, abs=1e-9)


def test_p_benefit_over_all_patients_hardly_depends_on_the_sites(result):
    (told,) = supposed_words(result)
    assert "between 79 % (at least 8 placebo patients there) and 82 % (as declared)" in told
    low, high = (percent(item.p_benefit, item.p_benefit_mcse) for item in (result.hidden.lowest, result.hidden.highest))
    assert f"between {low} and {high} for the tables computed, most of which are improbable" in told
    assert supposed_words(replace(result, alternatives=())) == []


def test_who_was_left_out_has_one_error_at_most(result):
    told = left_out_words(result.stayed, result.trial)
    assert told.count("MCSE") <= 1
    assert "not the trial without the excluded sites" in told
    assert told.startswith("All 7 placebo non-responders left out were at other sites")
    assert "that is certain" in told


@pytest.mark.parametrize("width", [4.0, 7.5])
def test_the_figure_is_of_the_weighted_tables(result, width):
    figure = figure_without_excluded(result, width)
    axes = figure.axes[0]
    values = 100 * result.hidden.bounds.risk_difference.ravel()
    weights = result.hidden.full.table("probability").ravel()
    bars = [patch for patch in axes.patches if patch.get_gid() is None]
    for bar in bars:
        low = bar.get_x()
        inside = (values >= low - 1e-7) & (values < low + 2 - 1e-7)
        assert bar.get_height() == pytest.approx(100 * weights[inside].sum(), abs=0.02)
    assert sum(bar.get_height() for bar in bars) == pytest.approx(100, abs=0.2)
    marked = sorted(line.get_xdata()[0] for line in axes.lines)
    assert marked == pytest.approx([0, 10, 100 * subset_difference(result)])
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    boxes = [t.get_window_extent(canvas.get_renderer()) for t in axes.texts]
    assert not any(one.overlaps(other) for one, other in itertools.combinations(boxes, 2))
    across, _ = canvas.get_width_height()
    assert all(box.x0 >= -1 and box.x1 <= across + 1 for box in boxes)
    assert any("given p < 0.05" in text.get_text().replace("\n", " ") for text in figure.findobj(Text))


def test_the_figure_shades_where_some_table_is_significant(result):
    """By SciPy's test of every table."""
    first = 100.0
    for k, r, n in itertools.product(range(1, 15), range(15), range(13)):
        table = [[21, 29 - k], [16 - n, 34 - r]]
        difference = 100 * ((34 - r) / (50 - r - n) - (29 - k) / (50 - k))
        if 0 < difference < first and chi2_contingency(np.array(table), correction=False).pvalue < 0.05:
            first = difference
    (span,) = [patch for patch in figure_without_excluded(result).axes[0].patches if patch.get_gid() == "significant"]
    assert span.get_x() == pytest.approx(first)


def test_the_figure_in_words(result):
    told = without_excluded_words(result)
    assert would_have_given(result) in told
    assert percent(result.hidden.tables.p_significant_benefit) in told
    assert "+31.6 per protocol" in told
