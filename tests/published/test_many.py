"""A table of results: each row as if typed alone; complaints of all rows at once."""

from __future__ import annotations

import pytest

import bayes_lupil as bl
from bayes_lupil.errors import TrialError

TABLE = """trial,measure,estimate,lower,upper,benefit,margin
A,hr,0.76,0.55,1.04,lower,
B,or,1.40,0.90,2.10,higher,0.8
C,rd,-0.02,-0.05,0.01,lower,
"""


def test_rows_are_as_typed_alone(tmp_path):
    path = tmp_path / "results.csv"
    path.write_text(TABLE)
    found = bl.benefit_many(path)
    assert [item.trial.title for item in found] == ["A", "B", "C"]
    alone = bl.benefit(bl.from_estimate(hr="0.76", ci=("0.55", "1.04"), benefit="lower"))
    assert [a.p_benefit for a in found[0].answers] == [a.p_benefit for a in alone.answers]
    assert [event.statement for event in found[1].events] == ["P(OR > 1)", "non-inferiority, P(OR > 0.8)"]
    assert [event.statement for event in found[2].events] == ["P(RD < 0)"]


@pytest.mark.parametrize(
    "columns",
    [
        {"study": ["A"], "active": ["44/125"], "control": ["62/124"]},
        {"name": ["A"], "ai": [44], "n1i": [125], "ci": [62], "n2i": [124]},
        {"Trial": ["A"], "events_t": [44], "n_t": [125], "events_c": [62], "n_c": [124]},
    ],
)
def test_counts_in_any_shape(columns):
    [found] = bl.benefit_many(columns, benefit="lower")
    assert found.counts == ((62, 124), (44, 125))
    assert found.trial.title == "A"


def test_a_column_a_measure():
    [one, two] = bl.benefit_many(
        {"trial": ["A", "B"], "hr": ["0.8", ""], "md": ["", "-2.5"], "se": ["0.1", "1.1"]},
        benefit="lower",
        prior="flat",
    )
    assert (one.measure.key, two.measure.key) == ("hr", "md")
    assert one.lead.prior.name == "flat"


def test_whole_limits_keep_their_decimals():
    """A CSV's '1.00' is read as '1': it was printed with as many decimals as the others."""
    [found] = bl.benefit_many({"hr": ["0.87"], "lower": ["0.75"], "upper": ["1.00"]}, benefit="lower")
    assert not any("symmetrical" in note for note in found.notes)
    assert found.trial.data.se_range[1] < 0.08


def test_columns_by_other_names_and_those_not_used_are_told():
    columns = {"Study": ["A"], "HR": ["0.76"], "95% CI": ["0.55-1.04"], "p value": ["0.30"], "remark": ["none"]}
    [found] = bl.benefit_many(columns, benefit="lower")
    assert found.trial.data.printed["upper"] == "1.04"
    assert found.notes[0] == "columns that are not used: remark"
    assert any("the p-value printed is 0.30" in note for note in found.notes)


def test_what_stands_beside_counts_is_held_against_them():
    [found] = bl.benefit_many(
        {"active": ["44/125"], "control": ["62/124"], "p": ["0.19"], "or": ["0.62"]}, benefit="lower"
    )
    assert any("p-value printed is 0.19" in note for note in found.notes)
    assert any("odds ratio printed is 0.62" in note for note in found.notes)


@pytest.mark.parametrize(("measure", "benefit"), [("hazard ratio", "Lower"), ("HR", "lower is better")])
def test_words_for_measures_and_directions(measure, benefit):
    [found] = bl.benefit_many({"measure": [measure], "estimate": ["0.8"], "se": ["0.1"], "benefit": [benefit]})
    assert (found.measure.key, found.sign) == ("hr", -1)


def test_all_rows_are_complained_of():
    with pytest.raises(TrialError) as caught:
        bl.benefit_many({"hr": ["0.8", "x", "0.9"], "lower": ["0.9", "0.5", "0.7"], "upper": ["0.7", "1.1", "1.2"]})
    told = str(caught.value)
    assert "row 1" in told
    assert "row 2" in told
    assert "row 3" not in told


@pytest.mark.parametrize(
    "columns",
    [
        {"trial": ["A"], "value": ["1"]},
        {"measure": ["ratio"], "estimate": ["0.8"], "se": ["0.1"]},
        {"hr": ["0.8"], "rr": ["0.8"], "se": ["0.1"]},
        {"hr": ["0.8"], "se": ["0.1"], "benefit": ["less"]},
        {"hr": ["0.8"], "se": ["0.1"], "margin": ["wide"]},
    ],
)
def test_rows_that_say_too_little_are_refused(columns):
    with pytest.raises(TrialError, match="row 1"):
        bl.benefit_many(columns)
