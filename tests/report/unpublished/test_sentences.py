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
from bayes_lupil.report.unpublished.sentences import excluded_answer, excluded_sentences, subset_difference
from bayes_lupil.report.unpublished.suppositions import left_out_words, supposed_words
from bayes_lupil.report.unpublished.without_figure import (
    figure_without_excluded,
    without_excluded_title,
    without_excluded_words,
)
from bayes_lupil.unpublished.alternatives import AS_DECLARED, Supposed
from bayes_lupil.unpublished.analysis import UnpublishedAnalysis
from bayes_lupil.unpublished.counts import unpublished_counts
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


def test_the_answer_takes_the_declared_supposition_and_the_furthest(result):
    told = excluded_answer(result)
    assert told.startswith("Leaving out Bulgaria 1 and Bulgaria 2 alone almost certainly would not have given p < 0.05")
    assert told.endswith("(Pearson's test; probability below 1 %, up to 6 % under other suppositions).")


@pytest.mark.parametrize(
    ("p", "word"),
    [(0.2, "probably would not have"), (0.6, "perhaps would have"), (0.009, "almost certainly would not")],
)
def test_the_answer_follows_the_probability(result, p, word):
    changed = replace(result, alternatives=(supposed(AS_DECLARED, 0.8, p),))
    assert word in excluded_answer(changed)
    assert "up to" not in excluded_answer(changed)


def test_the_numbers_of_the_sentences(result):
    explains, observed, needed, settle = excluded_sentences(result)
    low, high = result.hidden.tables.raw_risk_difference_interval
    assert explains.startswith(
        "Bulgaria 1 and Bulgaria 2 almost certainly do not explain the missed end point by themselves"
    )
    assert "(Pearson's test) with probability below 1 % as declared, and up to 6 % under one of the 1 other" in explains
    assert "at least 8 placebo patients" in explains
    assert "depends on how large they are believed to be" in explains
    assert "the observed difference" in observed
    assert f"({100 * low:+.1f} to {100 * high:+.1f} is 95 % probable)" in observed
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
    fewest = {"significant": 99, "as large": 99}
    for k, r, n in itertools.product(range(1, 15), range(15), range(13)):
        left = [[7 + 14 - 0, 29 - k], [16 - n, 34 - r]]
        left[0][0] = 50 - 29
        rates = [row[1] / sum(row) for row in left]
        if rates[1] <= rates[0]:
            continue
        if chi2_contingency(np.array(left), correction=False).pvalue < 0.05:
            fewest["significant"] = min(fewest["significant"], k + r + n)
        if rates[1] - rates[0] >= subset_difference(result):
            fewest["as large"] = min(fewest["as large"], k + r + n)
    told = [int(number) for number in re.findall(r"at least (\d+) patients", excluded_sentences(result)[2])]
    assert told == list(fewest.values())


def test_p_benefit_over_all_patients_hardly_depends_on_the_sites(result):
    (told,) = supposed_words(result)
    assert "between 79 % (at least 8 placebo patients there) and 82 % (as declared)" in told
    low, high = (percent(item.p_benefit, item.p_benefit_mcse) for item in (result.hidden.lowest, result.hidden.highest))
    assert f"between {low} and {high}, for tables that are improbable" in told
    assert supposed_words(replace(result, alternatives=())) == []


def test_who_was_left_out_has_one_error_at_most(result):
    told = left_out_words(result.stayed, result.trial)
    assert told.count("MCSE") <= 1
    assert "not the trial without the excluded sites" in told


@pytest.mark.parametrize(
    ("p", "answer"),
    [(0.2, "probably do not explain"), (0.6, "perhaps explain"), (0.009, "almost certainly do not explain")],
)
def test_the_first_sentence_is_yes_or_no(result, p, answer):
    changed = replace(result, alternatives=(supposed(AS_DECLARED, 0.8, p),))
    assert f"Bulgaria 1 and Bulgaria 2 {answer} the missed end point" in excluded_sentences(changed)[0]


@pytest.mark.parametrize("width", [4.0, 7.5])
def test_the_figure_is_of_the_weighted_tables(result, width):
    figure = figure_without_excluded(result, width)
    axes = figure.axes[0]
    values = 100 * result.hidden.bounds.risk_difference.ravel()
    weights = result.hidden.full.table("probability").ravel()
    for bar in axes.patches:
        low = bar.get_x()
        inside = (values >= low - 1e-7) & (values < low + 2 - 1e-7)
        assert bar.get_height() == pytest.approx(100 * weights[inside].sum(), abs=0.02)
    assert sum(bar.get_height() for bar in axes.patches) == pytest.approx(100, abs=0.2)
    marked = sorted(line.get_xdata()[0] for line in axes.lines)
    assert marked == pytest.approx([0, 10, 100 * subset_difference(result)])
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    boxes = [t.get_window_extent(canvas.get_renderer()) for t in axes.texts]
    assert not any(one.overlaps(other) for one, other in itertools.combinations(boxes, 2))
    across, _ = canvas.get_width_height()
    assert all(box.x0 >= -1 and box.x1 <= across + 1 for box in boxes)
    assert any("given p < 0.05" in text.get_text().replace("\n", " ") for text in figure.findobj(Text))


def test_the_figure_in_words(result):
    told = without_excluded_words(result)
    assert without_excluded_title(result) in told
    assert percent(result.hidden.tables.p_significant_benefit) in told
    assert "+31.6 per protocol" in told
