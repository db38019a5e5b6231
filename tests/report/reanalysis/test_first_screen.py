"""The first screen: its verdict follows the probability alone, its numbers are those of the tables."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayes_lupil import Arms, Cells, EndPoint, Trial, load_model, load_trial, reanalyse
from bayes_lupil.numbers import in_hundred, percent
from bayes_lupil.report import collect
from bayes_lupil.report.media.blocks import Points, Verdict
from bayes_lupil.report.reanalysis.contents import Contents
from bayes_lupil.report.reanalysis.first_screen import answer_blocks, in_short, verdict
from bayes_lupil.report.reanalysis.paired import paired_table
from bayes_lupil.report.reanalysis.verdict import verdict_words

ARMS, SWAPPED = Arms("placebo", "drug"), Arms("drug", "placebo")
STEPS = (
    (0.999, "almost certainly", True), (0.99, "almost certainly", True), (0.98, "very probably", True),
    (0.975, "very probably", True), (0.97, "very probably", False), (0.9, "very probably", False),
    (0.85, "probably", False), (0.67, "probably", False),
)  # fmt: skip


@pytest.mark.parametrize(("p", "word", "settled"), STEPS)
def test_the_verdict_has_steps(p, word, settled):
    found = verdict_words(p, ARMS)
    assert found.startswith(f"Drug was {word} better than placebo ({in_hundred(p)})")
    assert ("does not establish" in found) != settled


@given(st.floats(0, 1))
def test_the_verdict_is_the_same_whoever_is_called_active(p):
    one, other = verdict_words(p, ARMS), verdict_words(1 - p, SWAPPED)
    if "stays open" in one or abs(p - 0.5) < 1e-9:
        assert "stays open" in other
    else:
        assert one == other


@given(st.floats(0, 1))
def test_a_probability_and_its_complement_add_up(p):
    written = [percent(value) for value in (p, 1 - p)]
    whole = [int(text.split()[0]) for text in written if text[0].isdigit()]
    if len(whole) == 2:
        assert sum(whole) in (100, 101)  # 101 where both end in one half
    assert not any(text.startswith(("0 ", "100 ")) for text in written)


@pytest.mark.parametrize(("error", "said"), [(0.0049, False), (0.0051, True), (0.03, True)])
def test_a_large_monte_carlo_error_is_said(error, said):
    assert ("MCSE" in percent(0.8, error)) == said


def test_lupil2_in_a_screen(lupil2_report):
    told = dict(in_short(lupil2_report))
    assert list(told) == ["The trial", "This reanalysis", "It depends on"]
    assert "Responses in 34 of 50 patients (68 %) on ILT-101, 29 of 50 (58 %) on placebo" in told["The trial"]
    assert "p = 0.3439 as printed: the primary end point was missed" in told["The trial"]
    assert "The authors attribute that to the two Bulgarian sites" in told["The trial"]
    lead = lupil2_report.lead
    assert verdict(lupil2_report) == verdict_words(lead.chances["benefit"].probability, lead.provenance.arms)
    size = 100 * lead.row("risk_difference").q50
    assert f"Response rate {size:.1f} percentage points higher on" in told["This reanalysis"]
    assert percent(lead.chances["relevant"].probability, lead.chances["relevant"].mcse) in told["This reanalysis"]
    words = " ".join([verdict(lupil2_report), *(f"{name} {text}" for name, text in told.items())])
    assert len(words.split()) <= 120
    assert [type(block) for block in answer_blocks(lupil2_report)[:2]] == [Verdict, Points]


def test_the_paired_table_of_lupil2(lupil2_report):
    table = paired_table(lupil2_report)
    (itt, pp) = table.rows
    assert itt[:4] == ("intention to treat", "34/50 v 29/50", "+10.0 (-8.7 to +27.8)", "0.3439, as printed")
    assert pp[0] == "per protocol, analysed post hoc"
    assert pp[3] == "0.0168, as printed (nominal)"
    rd = lupil2_report.lead.row("risk_difference")
    assert itt[4] == f"{100 * rd.q50:+.1f} ({100 * rd.q2_5:+.1f} to {100 * rd.q97_5:+.1f})"


def test_where_nothing_is_sound_no_number_is_given(lupil2_report):
    none = Contents(replace(lupil2_report.reanalysis, analyses=()))
    assert "no probability is given" in verdict(none)
    assert [name for name, _ in in_short(none)] == ["The trial"]


def of_counts(responders, n, end_point, arms=ARMS):
    trial = Trial.from_cells(Cells(("A", "B"), responders, n), arms, end_point)
    return reanalyse(trial, [load_model("itt_pooled").edited(sampler__points=4096)], check_engines=False)


def test_rare_events_keep_their_digits():
    found = Contents(of_counts([[5, 2], [4, 2]], [[4500, 4550], [4500, 4550]], EndPoint("death", "Death", "lower")))
    told = dict(in_short(found))
    assert "4 of 9,100 patients (0.044 %)" in told["The trial"]
    amount = re.match(r"Event rate ([\d.]+) percentage points lower on drug", told["This reanalysis"])
    assert amount
    assert float(amount[1]) > 0
    low, high = re.search(r"interval (\S+) to (\S+)\)", told["This reanalysis"]).groups()
    assert float(low) < float(high)


def test_a_printed_result_is_told_as_printed():
    trial = load_trial("indo_rct")
    told = dict(in_short(Contents(reanalyse(trial, ["itt_pooled"], check_engines=False))))
    assert "computed here" in told["The trial"] or "as printed" in told["The trial"]


def test_a_prior_that_turns_the_answer_is_told():
    found = collect(of_counts([[12, 13], [12, 13]], [[25, 25], [25, 25]], EndPoint("x", "Response")))
    priors = found.priors
    rows = tuple(
        replace(row, changed=replace(row.changed, p_benefit=0.4)) if row.prior.name == "sceptical" else row
        for row in priors.rows
    )
    turned = Contents(found.reanalysis, replace(priors, rows=rows))
    assert "(it decides which arm is ahead)" in dict(in_short(turned))["It depends on"]
    assert "decides" not in dict(in_short(found))["It depends on"]
