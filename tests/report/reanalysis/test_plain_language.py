"""The answer in words: it follows the declared direction of benefit and who is compared with whom."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayes_lupil import Arms, Cells, EndPoint, Trial, load_model, reanalyse
from bayes_lupil.report import collect
from bayes_lupil.report.direction import beyond_words, difference_words, favoured
from bayes_lupil.report.reanalysis.contents import Contents
from bayes_lupil.report.reanalysis.plain_language import findings, question, reanalysed, tipping_words

HIGHER, LOWER = EndPoint("x", "Event"), EndPoint("x", "Event", "lower")
ARMS, SWAPPED = Arms("placebo", "drug"), Arms("drug", "placebo")
PATTERN = r"more frequent on (\w+) than on (\w+), by ([\d.]+) percentage points, which favours (\w+)"


def parsed(text):
    return re.search(PATTERN, text).groups()


@given(st.floats(0.001, 1), st.sampled_from([1, -1]), st.sampled_from([HIGHER, LOWER]))
def test_a_difference_says_where_it_is_and_whom_it_favours(size, side, end_point):
    more, less, by, good = parsed(difference_words(side * size, ARMS, end_point))
    assert more == ("drug" if side > 0 else "placebo")
    assert less != more
    assert float(by) == pytest.approx(100 * size, abs=0.051)
    assert good == (more if end_point is HIGHER else less) == favoured(side * size, ARMS, end_point)
    # the same two arms the other way round: the same fact, so the same words
    assert parsed(difference_words(-side * size, SWAPPED, end_point)) == (more, less, by, good)
    # the other direction of benefit: the same fact, the other arm is favoured
    other = LOWER if end_point is HIGHER else HIGHER
    assert parsed(difference_words(side * size, ARMS, other))[3] == (less if end_point is HIGHER else more)


def test_no_difference_favours_nobody():
    assert favoured(0.0, ARMS, HIGHER) == ""
    assert "as frequent on drug as on placebo" in difference_words(0.0002, ARMS, LOWER)


@given(st.floats(0.01, 0.5))
def test_a_threshold_is_of_more_or_fewer_responses(threshold):
    assert beyond_words(threshold, HIGHER).startswith("more")
    assert beyond_words(threshold, LOWER).startswith("fewer")


@cache
def contents(end_point, arms, responders=((14, 17), (15, 17)), models=("itt_pooled_primary_priors",), priors=False):
    order = [0, 1] if arms == ARMS else [1, 0]
    cells = Cells(("A", "B"), np.array(responders)[:, order], np.array([[25, 25], [25, 25]]))
    trial = Trial.from_cells(cells, arms, replace(end_point, mcid=0.1))
    specs = [load_model(name).edited(sampler__points=4096) for name in models]
    result = reanalyse(trial, specs, check_engines=False)
    return collect(result) if priors else Contents(result)


def stated(found: Contents):
    """(arm with more, arm favoured, P(active arm is better), P(it is worse)) as the answer states them."""
    first, second = reanalysed(found)
    more, _, _, good = parsed(first)
    better, worse = (
        float(re.search(rf"{words} (\d+) %", second).group(1)) / 100 for words in (" at all is", "it is worse")
    )
    return more, good, better, worse


def test_the_whole_answer_follows_direction_and_arms():
    told = {(e.benefit, a.active): stated(contents(e, a)) for e in (HIGHER, LOWER) for a in (ARMS, SWAPPED)}
    assert {item[0] for item in told.values()} == {"drug"}  # drug has more responses, whoever is called active
    for (benefit, active), (_, good, better, worse) in told.items():
        assert good == ("drug" if benefit == "higher" else "placebo")
        assert (better > 0.5) == (good == active)
        assert better + worse == pytest.approx(1, abs=0.02)
    assert told["higher", "drug"][2] == pytest.approx(told["lower", "placebo"][2], abs=0.02)
    assert told["higher", "drug"][2] == pytest.approx(1 - told["lower", "drug"][2], abs=0.02)


@pytest.mark.parametrize("end_point", [HIGHER, LOWER])
def test_the_question_says_which_way_is_good(end_point):
    words = question(contents(end_point, ARMS))
    assert ("more responses are the benefit" in words) == (end_point is HIGHER)
    assert ("fewer events are the benefit" in words) == (end_point is LOWER)
    assert "100 patients at 2 sites" in words  # known, so not "up to"


def test_the_prior_that_would_overturn_it_turns_with_the_direction():
    """What one would have had to believe is of the arm that is behind: more responses on drug, a benefit or not."""
    for end_point, arm in ((HIGHER, "placebo"), (LOWER, "drug")):
        told = tipping_words(contents(end_point, ARMS, priors=True).priors)
        assert f"one would have had to hold {arm} to be better, before the trial, with a probability " in told
        assert all(50 < int(chance) < 100 for chance in re.findall(r"(\d+) % \(SD", told))


def test_where_nothing_is_sound_no_number_is_given():
    found = contents(HIGHER, ARMS)
    none = Contents(replace(found.reanalysis, analyses=()))
    answers = dict(findings(none))
    assert "no probability is given" in answers["What the reanalysis finds"][0]
    assert "How sure that is" not in answers


def test_the_five_questions_of_lupil2(lupil2_report):
    answers = dict(findings(lupil2_report))
    assert list(answers) == [
        "What was asked", "What the trial found", "What the reanalysis finds", "How sure that is",
        "What the answer depends on",
    ]  # fmt: skip
    trial = " ".join(answers["What the trial found"])
    assert "not met" in trial
    assert "p = 0.3439 as printed" in trial
    assert "analysed post hoc, without 47 patients" in trial
    assert "if sceptical" in answers["What the answer depends on"][0]
