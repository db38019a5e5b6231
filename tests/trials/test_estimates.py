"""What is printed of an effect, held against the rest of it; every fault named at once."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from bayes_lupil.errors import TrialError
from bayes_lupil.trials.beside_counts import counts_against
from bayes_lupil.trials.estimates import estimate_of_counts
from bayes_lupil.trials.from_print import from_estimate
from bayes_lupil.trials.measures import MEASURES
from bayes_lupil.trials.printed import (
    Printed,
    count_for_percentage,
    does_percentage_agree,
    printed_together,
    read_p,
    split_interval,
)
from bayes_lupil.trials.reading_estimates import read_estimate
from bayes_lupil.trials.stored import trial_from_dict, trial_to_dict

Z = norm.ppf(0.975)


@given(value=st.floats(-2, 2), se=st.floats(0.02, 1.5), level=st.sampled_from([0.9, 0.95, 0.99]))
def test_an_interval_gives_its_standard_error_back(value, se, level):
    z = norm.ppf(0.5 + level / 2)
    limits = [repr(math.exp(value + side * z * se)) for side in (-1, 1)]
    found = read_estimate("or", repr(math.exp(value)), limits, level=level)
    assert found.se == pytest.approx(se, rel=1e-6)
    assert found.discrepancies == ()
    assert found.se_range[0] <= found.se * (1 + 1e-9)
    assert found.se_range[1] >= found.se * (1 - 1e-9)


@given(value=st.floats(0.05, 2), se=st.floats(0.02, 1.5), decimals=st.integers(2, 4))
def test_rounding_is_never_called_a_discrepancy(value, se, decimals):
    """Whatever is printed of a normal estimate, rounded, follows from the rest."""
    printed = [f"{math.exp(value + side * Z * se):.{decimals}f}" for side in (-1, 0, 1)]
    p = 2 * norm.sf(value / se)
    if float(printed[0]) <= 0 or len(set(printed)) < 3 or p < 1e-4:
        return
    found = read_estimate("hr", printed[1], (printed[0], printed[2]), p=f"{p:.3f}" if p >= 0.001 else None)
    assert found.discrepancies == ()
    assert found.se_range[0] <= se <= found.se_range[1]


def test_an_interval_askew_is_told_with_its_scale():
    [told] = read_estimate("or", "0.80", ("0.60", "1.00")).discrepancies
    assert "not symmetrical about the estimate 0.8 as a log odds ratio: its middle is 0.775" in told
    assert "it is symmetrical as an odds ratio itself" in told
    [told] = read_estimate("or", "0.75", ("0.60", "1.00")).discrepancies
    assert "as the inverse of the odds ratio" in told
    [told] = read_estimate("md", "2.0", ("1.0", "4.0")).discrepancies
    assert "its middle is 2.5" in told
    assert read_estimate("md", "2.0", ("1.0", "4.0"), centre="midpoint").value == 2.5


def test_p_values_that_do_not_follow_are_told():
    [told] = read_estimate("hr", "0.76", ("0.55", "1.04"), p="0.30").discrepancies
    assert "the p-value printed is 0.30; estimate and interval give 0.091" in told
    for p in ("0.09", "0.091", "< 0.1", "<0.10"):
        assert read_estimate("hr", "0.76", ("0.55", "1.04"), p=p).discrepancies == ()
    assert read_estimate("hr", "0.76", ("0.55", "1.04"), p="<0.05").discrepancies
    [told] = read_estimate("hr", "0.76", ("0.55", "1.04"), se="0.3").discrepancies
    assert "standard error printed is 0.3; the interval gives 0.163" in told


def test_a_p_value_alone_gives_the_standard_error():
    found = read_estimate("md", "2.0", p="0.045500")
    assert found.se == pytest.approx(1.0, rel=1e-4)
    assert found.basis == "p-value"


@pytest.mark.parametrize(
    ("given_", "told"),
    [
        ({"hr": "0.76", "ci": ("1.04", "0.55")}, "lower limit 1.04, upper limit 0.55"),
        ({"hr": "0.76", "ci": ("0.8", "1.04")}, "estimate 0.76 outside 0.8 to 1.04"),
        ({"hr": "0.76", "ci": ("0", "1.04")}, "lower limit 0; required: a hazard ratio above 0"),
        ({"hr": "-0.27", "se": "0.16"}, "not as its logarithm"),
        ({"hr": "0.76", "ci": ("0.55", "1.04"), "level": 95}, "Level 95 is 0.95"),
        ({"hr": "0.76", "ci": ("0.55", "1.04"), "level": 0.05}, "level 0.05"),
        ({"hr": "0.76", "ci": ("0.55",)}, "1 limits"),
        ({"hr": "0.76"}, "no interval"),
        ({"hr": "0.76", "p": "<0.001"}, "p <0.001, and no interval"),
        ({"hr": "0.76", "p": "0"}, "p-value 0"),
        ({"hr": "0.76", "p": "1.2"}, "p-value 1.2"),
        ({"hr": "1.00", "p": "0.9"}, "no effect"),
        ({"hr": "0.76", "se": "0"}, "standard error 0"),
        ({"hr": "0.76", "se": "-0.2"}, "standard error -0.2"),
        ({"hr": "a lot", "se": "0.2"}, "estimate 'a lot'"),
        ({"rd": "3.2", "ci": ("0.4", "6.1")}, "3.2 percentage points are 0.032"),
        ({"hr": "0.76", "lower": "0.55"}, "both limits"),
        ({"hr": "nan", "se": "0.2"}, "estimate 'nan'"),
        ({"hr": "0.76", "rr": "0.8", "se": "0.1"}, "hr and rr"),
        ({"se": "0.1"}, "none of them"),
    ],
)
def test_faults_are_named(given_, told):
    with pytest.raises(TrialError, match=r"found .*; required: ") as caught:
        from_estimate(**given_)
    assert told in str(caught.value)


def test_all_faults_at_once():
    with pytest.raises(TrialError) as caught:
        from_estimate(hr="x", ci=("0", "1.04"), se="-1", level=95)
    for told in ("level 95", "estimate 'x'", "lower limit 0", "standard error -1"):
        assert told in str(caught.value)


@pytest.mark.parametrize("text", ["0,76", "0.76", " 0.76 ", "+0.76", "0\u00b776"])
def test_decimals_as_journals_write_them(text):
    assert Printed.of(text, "x") == Printed(0.76, 0.005)


def test_minus_signs_of_print():
    assert read_estimate("md", "\u22122.5", ("\u22124.7", "\u22120.3")).value == -2.5


@given(count=st.integers(0, 500), patients=st.integers(1, 500), decimals=st.integers(0, 2))
def test_percentages_of_counts_agree(count, patients, decimals):
    count = min(count, patients)
    printed = f"{100 * count / patients:.{decimals}f}"
    assert does_percentage_agree(count, patients, printed)
    assert count in count_for_percentage(patients, printed)


def test_percentages_that_nobody_can_have():
    assert count_for_percentage(30, "84.0") == ()
    assert count_for_percentage(24, "83.3") == (20,)
    assert len(count_for_percentage(1000, "50")) == 11


def test_decimals_together():
    assert [number.half for number in printed_together(0.8, "0.55", 1, where="x")] == [0.005] * 3
    assert [number.half for number in printed_together("12.3", "1.52", "99.5", where="x")] == [0.05, 0.005, 0.05]


@pytest.mark.parametrize("measure", ["or", "rr", "rd"])
def test_counts_as_estimates_against_statsmodels(measure):
    from statsmodels.stats.contingency_tables import Table2x2

    table = Table2x2([[44, 81], [62, 62]])
    found = estimate_of_counts(measure, (62, 124), (44, 125))
    if measure == "rd":
        p0, p1 = 62 / 124, 44 / 125
        wanted = (p1 - p0, math.sqrt(p0 * (1 - p0) / 124 + p1 * (1 - p1) / 125))
    else:
        wanted = (
            (table.log_oddsratio, table.log_oddsratio_se)
            if measure == "or"
            else (table.log_riskratio, table.log_riskratio_se)
        )
    assert (found.value, found.se) == (pytest.approx(wanted[0]), pytest.approx(wanted[1]))


@pytest.mark.parametrize(
    ("measure", "control", "active"),
    [
        ("or", (0, 5), (1, 5)),
        ("or", (5, 5), (1, 5)),
        ("rr", (0, 5), (1, 5)),
        ("rd", (0, 5), (5, 5)),
        ("hr", (1, 5), (2, 5)),
    ],
)
def test_estimates_that_do_not_exist_are_refused(measure, control, active):
    with pytest.raises(TrialError, match="required"):
        estimate_of_counts(measure, control, active)


@pytest.mark.parametrize("measure", ["or", "rr", "rd"])
@pytest.mark.parametrize(
    ("control", "active"), [((62, 124), (44, 125)), ((5, 400), (12, 390)), ((900, 1800), (850, 1790))]
)
def test_what_counts_give_is_never_a_discrepancy(measure, control, active):
    from scipy import stats

    again = estimate_of_counts(measure, control, active)
    kind = MEASURES[measure]
    for decimals in (3, 4):
        low, high = (f"{edge:.{decimals}f}" for edge in again.interval)
        table = [[y, n - y] for y, n in (active, control)]
        for p in (stats.fisher_exact(table).pvalue, stats.chi2_contingency(table, correction=False).pvalue):
            printed = {measure: f"{kind.printed(again.value):.{decimals}f}", "ci": (low, high), "p": f"{p:.2g}"}
            assert counts_against(control, active, printed) == ()
            assert counts_against(control, active, {"p": "<0.0000001"}) != ()


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("P = .09", ("=", 0.09)), ("p<0.001", ("<", 0.001)), ("\u2264 0.05", ("<", 0.05)), (">0.05", (">", 0.05)),
        ("NS", (">", 0.05)), ("0.09*", ("=", 0.09)), (0.25, ("=", 0.25)),
    ],
)  # fmt: skip
def test_p_values_as_printed(text, wanted):
    sign, number = read_p(text, "p")
    assert (sign, number.value) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "0.55 to 1.04",
        "0.55-1.04",
        "0.55 - 1.04",
        "0.55\u20131.04",
        "(0.55, 1.04)",
        "[0.55; 1.04]",
        "0\u00b755 to 1\u00b704",
    ],
)
def test_intervals_in_one_text(text):
    assert split_interval(text) == ("0.55", "1.04")
    assert from_estimate(hr="0.76", ci=text).data == from_estimate(hr="0.76", ci=("0.55", "1.04")).data
    assert from_estimate(hr=f"0.76 ({text.strip('()[]')})").data.interval == pytest.approx((0.5528, 1.0449), abs=1e-3)


@pytest.mark.parametrize("text", ["1,200", "2,300,400", "-1,050"])
def test_thousands_and_decimals_are_not_guessed(text):
    with pytest.raises(TrialError, match="thousands"):
        Printed.of(text, "x")


@pytest.mark.parametrize(("text", "wanted"), [("-4.4%", "-0.044"), ("3 %", "0.03"), ("0.25 points", "0.0025")])
def test_risk_differences_in_per_cent(text, wanted):
    assert read_estimate("rd", text, se="0.01").printed["estimate"] == wanted


@pytest.mark.parametrize("key", list(MEASURES))
def test_it_is_stored_and_read_back(key):
    given_ = {"or_" if key == "or" else key: "0.5"}
    trial = from_estimate(**given_, ci=("0.3", "0.8"), p="0.01")
    again = trial_from_dict(trial_to_dict(trial))
    assert again == trial
    assert again.data_hash == trial.data_hash


def significant(value, digits):
    """A number as printed to so many significant digits, without a point where there is no digit behind it."""
    return f"{value:.{max(digits - 1 - math.floor(math.log10(abs(value))), 0)}f}"


@pytest.mark.parametrize("digits", [2, 3, 4])
@pytest.mark.parametrize(
    ("measure", "value", "se"),
    [("hr", 2.37, 0.94), ("or", 2.5, 1.14), ("rr", 3.1, 0.8), ("irr", 2.0, 1.3), ("or", 4.7, 0.9),
     ("md", 34.707, 32.817), ("md", 8.225, 7.26), ("md", -55.4, 21.36), ("md", -8.4, 45.3), ("md", 0.77, 6.66)],
)  # fmt: skip
def test_significant_digits_are_never_a_discrepancy(measure, value, se, digits):
    kind = MEASURES[measure]
    true = [kind.printed(value + side * norm.ppf(0.975) * se) for side in (0, -1, 1)]
    point, *limits = (significant(x, digits) for x in true)
    found = read_estimate(measure, point, limits, se=f"{se:.2f}", p=f"{2 * norm.sf(abs(value) / se):.1e}")
    assert found.discrepancies == ()
    assert found.value_range[0] <= value <= found.value_range[1]
    assert found.se_range[0] <= se <= found.se_range[1]


@pytest.mark.parametrize(("p", "agrees"), [("<0.05", False), ("<0.06", True), (">0.05", True), (">0.06", False)])
def test_bounds_of_p_values_are_not_rounded(p, agrees):
    """The interval gives p = 0.0524, which is not below 0.05, whatever its digits."""
    found = read_estimate("md", "1.9400", ("-0.0200", "3.9000"), p=p)
    assert (found.discrepancies == ()) == agrees
    # of counts with 0.0507 by the test that gives least, and 0.0616 by the one that gives most
    assert (counts_against((120, 300), (97, 300), {"p": p}) == ()) == (p != "<0.05")


@pytest.mark.parametrize("text", ["\u22120.10", "-0,10", "-0.10"])
def test_limits_of_a_risk_difference_are_shown_however_written(text):
    assert read_estimate("rd", "-0.05", (text, "0.00")).words.endswith("interval -10.0 to 0.0)")
