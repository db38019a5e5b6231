"""One published result, reread: symmetries, checks of what is printed, refusals."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import norm

import bayes_lupil as bl
from bayes_lupil.errors import InputError, TrialError

HR = {"hr": "0.76", "ci": ("0.55", "1.04")}


@pytest.fixture(scope="module")
def counts():
    return bl.benefit("44/125", "62/124", benefit="lower", beyond=[0.9, 0.8], margin=1.1, rope=(0.9, 1.1))


def by_name(found):
    return {item.prior.name: item for item in found.answers}


def test_nine_priors_a_flat_one_and_uniform_arms(counts):
    names = [item.prior.name for item in counts.answers]
    assert names[:3] == ["neutral moderate", "flat", "uniform arms"]
    assert len(names) == len(set(names)) == 11
    assert [event.statement for event in counts.events] == [
        "P(OR < 1)", "P(OR < 0.9)", "P(OR < 0.8)", "non-inferiority, P(OR < 1.1)", "P(0.9 < OR < 1.1)",
    ]  # fmt: skip


def test_events_are_parts_of_one_distribution(counts):
    for item in counts.answers:
        benefit, beyond9, beyond8, margin, rope = item.chances
        assert beyond8 < beyond9 < benefit < margin
        assert margin - beyond9 == pytest.approx(rope, abs=1e-9)
        assert item.lower < item.median < item.upper
        assert item.below(item.median) == pytest.approx(0.5, abs=1e-6)
        assert item.below(item.upper) - item.below(item.lower) == pytest.approx(0.95, abs=1e-6)


def test_priors_are_ordered_by_belief(counts):
    found = by_name(counts)
    for strength in ("weak", "moderate", "strong"):
        worse, middle, better = (
            found[f"{belief} {strength}"].p_benefit for belief in ("pessimistic", "neutral", "optimistic")
        )
        assert worse < middle < better


@settings(max_examples=25, deadline=None)
@given(
    log_value=st.floats(-2, 2), se=st.floats(0.05, 1), key=st.sampled_from(["hr", "or_", "rr", "irr"]),
    side=st.sampled_from(["lower", "higher"]),
)  # fmt: skip
def test_a_ratio_and_its_inverse(log_value, se, key, side):
    """Arms swapped: the inverse ratio, the other direction, the same answers under every prior."""
    other = {"lower": "higher", "higher": "lower"}[side]
    one = bl.benefit(bl.from_estimate(**{key: math.exp(log_value)}, se=se, benefit=side), beyond=0.8)
    two = bl.benefit(bl.from_estimate(**{key: math.exp(-log_value)}, se=se, benefit=other), beyond=1 / 0.8)
    for name, item in by_name(one).items():
        same = by_name(two)[name]
        assert item.chances == pytest.approx(same.chances, abs=1e-9)
        assert item.median == pytest.approx(1 / same.median)


@settings(max_examples=25, deadline=None)
@given(value=st.floats(-0.4, 0.4), se=st.floats(0.01, 0.2), key=st.sampled_from(["rd", "md"]))
def test_a_direction_turned(value, se, key):
    """The same estimate with the other direction: benefit and harm change places under mirrored priors."""
    assume(abs(value) > 1e-6)
    one = by_name(bl.benefit(bl.from_estimate(**{key: value}, se=se, benefit="higher")))
    two = by_name(bl.benefit(bl.from_estimate(**{key: value}, se=se, benefit="lower")))
    for name in ("flat", "neutral moderate", "neutral strong"):
        assert one[name].p_benefit == pytest.approx(1 - two[name].p_benefit, abs=1e-9)
    for strength in ("weak", "strong"):
        first, second = one[f"optimistic {strength}"], two[f"pessimistic {strength}"]
        assert first.p_benefit == pytest.approx(1 - second.p_benefit, abs=1e-9)


@pytest.mark.parametrize("measure", ["or", "rr", "rd"])
def test_counts_as_an_estimate_are_their_ratio(measure):
    """Counts taken as normal are what somebody gets who types the ratio and the standard error."""
    counts = bl.benefit("44/125", "62/124", benefit="lower", measure=measure, approximate=True)
    item = counts.estimate
    key = "or_" if measure == "or" else measure
    typed = bl.benefit(
        bl.from_estimate(**{key: repr(item.kind.printed(item.value))}, se=repr(item.se), benefit="lower")
    )
    for name, answer in by_name(typed).items():
        assert answer.p_benefit == pytest.approx(by_name(counts)[name].p_benefit, abs=1e-9)


@pytest.mark.parametrize("measure", ["rr", "rd"])
def test_measures_share_what_is_a_benefit(counts, measure):
    shown = bl.benefit("44/125", "62/124", benefit="lower", measure=measure)
    for item, other in zip(counts.answers, shown.answers, strict=True):
        assert item.p_benefit == pytest.approx(other.p_benefit, abs=1e-6)


def test_many_patients_are_nearly_normal():
    """With 10,000 events an arm the exact posterior is that of the normal approximation."""
    exact = bl.benefit("10000/40000", "10200/40000", benefit="lower")
    near = bl.benefit("10000/40000", "10200/40000", benefit="lower", approximate=True)
    for name, item in by_name(near).items():
        assert item.p_benefit == pytest.approx(by_name(exact)[name].p_benefit, abs=2e-4)


def test_absolute_effect_at_the_observed_risk(counts):
    lead, absolute = counts.lead, counts.absolute
    assert absolute.control_risk == 0.5
    odds = lead.median * 1.0
    assert absolute.median == pytest.approx(odds / (1 + odds) - 0.5)
    given = bl.benefit(bl.from_estimate(**HR, benefit="lower"), control_risk=0.3)
    assert given.absolute.median == pytest.approx(1 - 0.7**given.lead.median - 0.3)
    assert bl.benefit(bl.from_estimate(**HR, benefit="lower")).absolute is None


def test_the_direction_that_nobody_said_is_told_first():
    found = bl.benefit("44/125", "62/124")
    assert found.notes[0].startswith("nobody said which direction is a benefit: a higher risk is taken for one")
    assert found.trial.end_point.benefit == "higher"
    assert bl.benefit(bl.from_estimate(**HR)).notes[0].endswith("a hazard ratio below 1 is taken for one")
    assert bl.benefit(bl.from_estimate(or_=0.8, se=0.2)).notes[0].endswith("an odds ratio above 1 is taken for one")
    for found in (bl.benefit("44/125", "62/124", benefit="lower"), bl.benefit("1/2", "2/2", benefit="higher")):
        assert not any("nobody said which" in note for note in found.notes)


def test_what_rounding_leaves_open_is_told():
    rough = bl.benefit(bl.from_estimate(hr="0.8", ci=("0.6", "1.0"), benefit="lower"))
    [note] = [note for note in rough.remarks if "rounded" in note]
    low, high = (float(text) for text in note.removeprefix(note.split("between ")[0] + "between ").split(" and "))
    assert low < by_name(rough)["flat"].p_benefit < high
    fine = bl.benefit(bl.from_estimate(hr="0.8000", ci=("0.6202", "1.0319"), benefit="lower"))
    assert not any("rounded" in note for note in fine.remarks)


def test_what_does_not_follow_from_the_counts_is_told():
    printed = {"or": "0.62", "ci": ("0.33", "0.90"), "p": "0.19"}
    found = bl.benefit("44/125", "62/124 (51%)", benefit="lower", printed=printed, percentages=("35.2", None))
    assert any("the p-value printed is 0.19; the counts give" in note for note in found.notes)
    narrow = bl.benefit("44/125", "62/124", benefit="lower", printed={"or": "0.54 (0.45 to 0.65)"})
    assert any("the interval printed is 0.45 to 0.65; the counts give 0.327 to 0.903" in note for note in narrow.notes)
    hazard = bl.benefit("44/125", "62/124", benefit="lower", printed={"hr": "0.54"})
    assert any("hazard ratio printed beside the counts cannot be held" in note for note in hazard.notes)
    assert any("odds ratio printed is 0.62; the counts give 0.543" in note for note in found.notes)
    assert any("51 % is printed of the control arm; 62/124 are 50.0 %" in note for note in found.notes)
    same = {"or": "0.54", "ci": "0.33 to 0.90", "p": "0.02"}
    assert bl.benefit("44/125", "62/124", benefit="lower", printed=same, percentages=("35.2", "50")).notes == ()


def test_an_empty_arm_has_no_flat_prior():
    found = bl.benefit("0/20", "5/20", benefit="lower")
    assert [text.split(":")[0] for text in found.left_out] == ["flat"]
    assert by_name(found)["neutral moderate"].p_benefit > 0.5
    assert found.estimate is None
    assert found.limits is None
    nobody = bl.benefit("0/20", "0/20", benefit="lower")
    assert nobody.lead.p_benefit == pytest.approx(0.5)
    assert any("the answer is" in note or "priors give" in note for note in nobody.notes)


def test_the_priors_asked_for_lead():
    found = bl.benefit("44/125", "62/124", benefit="lower", prior=["0,0.3", "sceptical"])
    assert [item.prior.name for item in found.answers][:2] == ["normal(0, 0.3)", "sceptical strong"]
    assert found.lead.prior.name == "normal(0, 0.3)"
    assert len(found.answers) == 13


def test_a_prior_of_the_nine_is_not_told_twice():
    found = bl.benefit("44/125", "62/124", benefit="lower", prior=["neutral strong", "flat"])
    names = [item.prior.name for item in found.answers]
    assert len(names) == len(set(names)) == 11
    assert names[:2] == ["neutral strong", "flat"]


@pytest.mark.parametrize("prior", ["0,0.35", "N(0, 0.35)", "normal(0,0.35)", (0, 0.35), bl.priors.normal(0, 0.35)])
def test_priors_in_every_form(prior):
    found = bl.benefit("44/125", "62/124", benefit="lower", prior=prior)
    assert (found.lead.prior.mean, found.lead.prior.sd) == (0.0, 0.35)


def test_priors_of_counts_are_of_the_log_odds_ratio_and_say_so():
    found = bl.benefit("44/125", "62/124", benefit="lower", measure="rd", prior="0,0.05")
    assert any("of the log odds ratio, though the risk difference is shown" in note for note in found.notes)
    own = bl.benefit("44/125", "62/124", benefit="lower", measure="rd", prior="0,0.05", approximate=True)
    assert not any("though the" in note for note in own.notes)
    with pytest.raises(InputError, match="one of the log odds ratio"):
        bl.benefit("44/125", "62/124", benefit="lower", measure="rr", prior="P(RR<0.8)=0.05")


def test_points_that_may_be_mistaken_are_told():
    found = bl.benefit(bl.from_estimate(rd="-0.4", ci=("-0.9", "0.1"), benefit="lower"))
    assert any("taken for -40 percentage points; -0.4 points are -0.004" in note for note in found.notes)
    percent = bl.benefit(bl.from_estimate(rd="-0.4%", ci="-0.9% to 0.1%", benefit="lower"))
    assert percent.trial.data.value == pytest.approx(-0.004)
    assert not any("taken for" in note for note in percent.notes)


def test_a_risk_beyond_one_is_told():
    found = bl.benefit(bl.from_estimate(rr="1.5", ci=("1.1", "2.0"), benefit="higher"), control_risk=0.8)
    assert found.absolute.is_cut
    assert not bl.benefit(bl.from_estimate(rr="1.1", se="0.02", benefit="higher"), control_risk=0.5).absolute.is_cut


def test_a_result_stands_for_its_trial():
    found = bl.benefit("34/50", "29/50", benefit="higher")
    assert bl.fit("itt_pooled", found).trial == found.trial


def test_a_trial_is_asked_by_population():
    trial = bl.load_trial("lupil2")
    whole, part = bl.benefit(trial), bl.benefit(trial, population="pp")
    assert whole.counts == ((29, 50), (34, 50))
    assert part.counts == ((15, 29), (20, 24))
    assert by_name(part)["flat"].p_benefit > by_name(whole)["flat"].p_benefit


def test_plain_data_and_frame(counts):
    content = json.loads(json.dumps(counts.to_json(), allow_nan=False))
    frame = counts.to_frame()
    assert list(frame["prior"]) == [item["prior"] for item in content["priors"]]
    assert frame["p_benefit"].tolist() == [item.p_benefit for item in counts.answers]
    flat = frame.set_index("prior").loc["flat"]
    assert math.isinf(flat["sd"])
    assert flat["effective_patients"] == 0


def test_the_card_is_short(counts):
    assert len(str(counts).splitlines()) <= 20
    assert "0.973 under the neutral moderate prior" in str(counts)


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: bl.benefit("44/125"), "the active arm alone"),
        (lambda: bl.benefit("44/125", "62"), "responders and patients"),
        (lambda: bl.benefit("144/125", "62/124"), "The other way round: 125/144"),
        (lambda: bl.benefit("44/125", "62/124", level=95), "95 % is 0.95"),
        (lambda: bl.benefit("44/125", "62/124", beyond=-0.1), "above 0"),
        (lambda: bl.benefit("44/125", "62/124", measure="rd", beyond=5.0), "5 points are 0.05"),
        (lambda: bl.benefit("44/125", "62/124", benefit="lower", margin=0.9), "on the side of harm"),
        (lambda: bl.benefit("44/125", "62/124", benefit="higher", measure="rd", margin=0.1), "--beyond 0.1"),
        (lambda: bl.benefit("0/50", "5/50", benefit="lower", prior="flat"), "nobody, or everybody"),
        (lambda: bl.benefit("44/125", "62/124", rope=(1.1, 0.9)), "the lower one first"),
        (lambda: bl.benefit("44/125", "62/124", rope=(0.9,)), "the lower one first"),
        (lambda: bl.benefit("44/125", "62/124", control_risk=30.0), "30 % is 0.3"),
        (lambda: bl.benefit("44/125", "62/124", benefit="lower", expected=1.5), "lower is better"),
        (lambda: bl.benefit("44/125", "62/124", measure="hr"), "or"),
        (lambda: bl.benefit("44/125", "62/124", prior="sceptic"), "sceptical"),
        (lambda: bl.benefit(bl.from_estimate(**HR), "62/124"), "a trial alone"),
        (lambda: bl.benefit(bl.from_estimate(**HR), measure="or"), "the hazard ratio is what is known"),
        (lambda: bl.benefit(bl.from_estimate(**HR, benefit="lower"), benefit="higher"), "as the trial has it"),
        (lambda: bl.benefit(bl.from_estimate(md=2.0, se=1.0), control_risk=0.3), "a measure of events"),
        (lambda: bl.benefit(bl.load_trial("lupil2"), population="ppp"), "population"),
    ],
)
def test_refusals_help(call, told):
    with pytest.raises(InputError, match=r"found .*; required: ") as caught:
        call()
    assert told in str(caught.value)


def test_an_estimate_has_no_counts():
    trial = bl.from_estimate(**HR)
    with pytest.raises(InputError, match="one estimate, a hazard ratio"):
        trial.analysis_set()
    assert trial.resolution == "estimate"
    assert trial.data_hash == bl.from_estimate(hr=0.76, ci=(0.55, 1.04)).data_hash
    assert trial.data_hash != bl.from_estimate(hr=0.77, ci=(0.55, 1.04)).data_hash
    assert "0.76 (95 % interval 0.55 to 1.04)" in str(trial)


def test_flat_is_the_one_sided_p():
    """Without a prior P(benefit) of an estimate is 1 less half its two-sided p-value."""
    found = bl.benefit(bl.from_estimate(hr="0.76", p="0.08", benefit="lower"))
    assert by_name(found)["flat"].p_benefit == pytest.approx(0.96)
    z = math.log(0.76) / found.trial.data.se
    assert 2 * norm.sf(abs(z)) == pytest.approx(0.08)


def test_trials_of_published_reanalyses_are_built_in():
    trial = bl.load_trial("excel_deaths")
    assert trial.analysis_set().totals == ((89, 957), (119, 948))
    assert {row["grade"] for row in trial.provenance} == {"A"}
    with pytest.raises(TrialError, match="excel_deaths"):
        bl.load_trial("excel_death")
