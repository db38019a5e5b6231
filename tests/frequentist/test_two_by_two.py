"""One table: against printed values, other software, brute force and itself turned round."""

from __future__ import annotations

import dataclasses
import doctest
import importlib
import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from bayes_lupil.frequentist import TwoByTwo, two_by_two

# The package exports a function of the same name, which hides the module from `import ... as`.
module = importlib.import_module("bayes_lupil.frequentist.two_by_two")

pytestmark = pytest.mark.filterwarnings("error")

# LUPIL-2, facts.md: (placebo, ILT-101)
ITT = ((29, 50), (34, 50))
PP = ((15, 29), (20, 24))


def test_doctests() -> None:
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0


@pytest.mark.parametrize(
    ("arms", "chi_square", "fisher", "mid"),
    [(ITT, 0.3004, 0.4076, 0.3107), (PP, 0.0156, 0.0209, 0.0145)],
    ids=["ITT", "PP"],
)
def test_p_values_of_lupil_2(arms, chi_square, fisher, mid) -> None:
    """The table in facts.md, to its 4 decimals. Its Boschloo row is tested further down."""
    table = two_by_two(*arms)
    assert round(table.p_chi_square, 4) == chi_square
    assert round(table.p_fisher, 4) == fisher
    assert round(table.p_mid, 4) == mid


@pytest.mark.parametrize(
    ("cells", "p"),
    # R package contingencytables (ocbe-uio), tests/testthat ("Issue 51"): tea, Perondi 2004, Lampasona 2013,
    # Ritland 2007 and one more; rows are groups, columns responders and non-responders.
    [
        ((3, 1, 1, 3), 0.25714),
        ((7, 27, 1, 33), 0.02966),
        ((9, 4, 4, 10), 0.03914),
        ((0, 16, 15, 57), 0.04466),
        ((745, 3, 127, 2), 0.09193139),
    ],
)
def test_mid_p_against_contingencytables(cells, p) -> None:
    a, b, c, d = cells
    assert two_by_two((c, c + d), (a, a + b)).p_mid == pytest.approx(p, abs=6e-6)


def _boschloo_by_hand(r0: int, n0: int, r1: int, n1: int) -> float:
    """Twice the smaller one-sided p, each maximised over the common rate on a fine grid."""
    active, control = np.meshgrid(np.arange(n1 + 1), np.arange(n0 + 1), indexing="ij")
    rates = np.linspace(0.0005, 0.9995, 2000)
    likely = [
        np.outer(stats.binom.pmf(np.arange(n1 + 1), n1, rate), stats.binom.pmf(np.arange(n0 + 1), n0, rate))
        for rate in rates
    ]
    sides = (
        stats.hypergeom.sf(active - 1, n0 + n1, active + control, n1),
        stats.hypergeom.cdf(active, n0 + n1, active + control, n1),
    )
    worst = [max(float(p[side <= side[r1, r0] * (1 + 1e-9)].sum()) for p in likely) for side in sides]
    return min(1.0, 2.0 * min(worst))


@pytest.mark.parametrize(
    ("arms", "printed"), [(ITT, 0.3248), (PP, 0.0168), (((1, 8), (5, 7)), None)], ids=["ITT", "PP", "small"]
)
def test_boschloo_holds_the_arm_sizes_fixed(arms, printed) -> None:
    """Brute force over the nuisance rate. Tolerance 1e-4: the grid only approaches the maximum.

    The table handed to scipy with the arms as rows gives 0.3094 and 0.0171 (the row in facts.md): that
    is Boschloo's test with the numbers of responders fixed, which no trial has.
    """
    table = two_by_two(*arms)
    (r0, n0), (r1, n1) = arms
    assert table.p_boschloo == pytest.approx(_boschloo_by_hand(r0, n0, r1, n1), rel=1e-4)
    if printed is not None:
        assert round(table.p_boschloo, 4) == printed


def test_boschloo_is_left_out_of_very_large_tables_with_a_reason() -> None:
    table = two_by_two((985, 9849), (826, 10441))
    assert table.p_boschloo is None
    assert any(note.startswith("Boschloo: not computed") for note in table.notes)
    assert table.p_fisher == pytest.approx(1.9643089e-07, rel=1e-6)  # references.csv: R 4.2.2, bugs_blocker


# Newcombe 1998, Stat Med 17:873, table II, hybrid score and Miettinen-Nurminen, as carried by the test
# suite of mergeron (test_propn_diff_ci); rows 1, 2 and 7 also as SAS gives them (WUSS 2016, paper 127,
# page 9), as is the last row, which Newcombe does not have.
NEWCOMBE_1998 = [
    ((56, 70), (48, 80), (0.0524, 0.3339), (0.0528, 0.3382)),
    ((9, 10), (3, 10), (0.1705, 0.8090), (0.1700, 0.8406)),
    ((6, 7), (2, 7), (0.0582, 0.8062), (0.0342, 0.8534)),
    ((5, 56), (0, 29), (-0.0381, 0.1926), (-0.0326, 0.1933)),
    ((0, 10), (0, 20), (-0.1611, 0.2775), (-0.1658, 0.2844)),
    ((0, 10), (0, 10), (-0.2775, 0.2775), (-0.2879, 0.2879)),
    ((10, 10), (0, 20), (0.6791, 1.0), (0.7156, 1.0)),
    ((10, 10), (0, 10), (0.6075, 1.0), (0.6636, 1.0)),
    ((84, 101), (89, 105), (-0.1177, 0.0851), (-0.1191, 0.0860)),
]


@pytest.mark.parametrize(("active", "control", "newcombe", "score"), NEWCOMBE_1998)
def test_risk_difference_intervals_against_newcombe_1998(active, control, newcombe, score) -> None:
    table = two_by_two(control, active)
    # Printed to 4 decimals.
    got = table.risk_difference_newcombe
    assert (got.lower, got.upper) == pytest.approx(newcombe, abs=6e-5)
    got = table.risk_difference_mn
    assert (got.lower, got.upper) == pytest.approx(score, abs=6e-5)


@pytest.mark.parametrize("arms", [ITT, PP, ((3, 10), (9, 10)), ((0, 29), (5, 56)), ((1, 3), (2, 40))])
def test_constrained_rate_maximises_the_likelihood(arms) -> None:
    """The closed form of the cubic against a search for the maximum, to the search's 1e-6."""
    (r0, n0), (r1, n1) = arms
    for difference in (-0.6, -0.2, -0.01, 0.05, 0.3, 0.8):
        floor, ceiling = max(0.0, -difference), min(1.0, 1.0 - difference)

        def deviance(rate: float, difference: float = difference) -> float:
            return -float(stats.binom.logpmf(r0, n0, rate) + stats.binom.logpmf(r1, n1, rate + difference))

        found = optimize.minimize_scalar(
            deviance, bounds=(floor + 1e-9, ceiling - 1e-9), method="bounded", options={"xatol": 1e-10}
        )
        assert module._constrained_rate(r0, n0, r1, n1, difference) == pytest.approx(found.x, abs=1e-6)


def test_ratios_against_their_textbook_formulas() -> None:
    """Katz and Woolf written out; only rounding (1e-12) may differ."""
    table = two_by_two(*PP, confidence=0.9)
    z = stats.norm.isf(0.05)
    ratio, se = (20 / 24) / (15 / 29), math.sqrt(1 / 20 - 1 / 24 + 1 / 15 - 1 / 29)
    assert table.risk_ratio == pytest.approx(ratio, rel=1e-12)
    assert table.risk_ratio_interval.lower == pytest.approx(ratio * math.exp(-z * se), rel=1e-12)
    assert table.risk_ratio_interval.upper == pytest.approx(ratio * math.exp(z * se), rel=1e-12)
    odds, se = 20 * 14 / (4 * 15), math.sqrt(1 / 20 + 1 / 4 + 1 / 15 + 1 / 14)
    assert table.odds_ratio == pytest.approx(odds, rel=1e-12)
    assert table.odds_ratio_interval.lower == pytest.approx(odds * math.exp(-z * se), rel=1e-12)
    assert table.odds_ratio_interval.upper == pytest.approx(odds * math.exp(z * se), rel=1e-12)


def _numbers(table: TwoByTwo) -> list[float]:
    flat: list[float] = []
    for value in dataclasses.asdict(table).values():
        if isinstance(value, dict):
            flat += [value["lower"], value["upper"]]
        elif isinstance(value, float):
            flat.append(value)
    return flat


@pytest.mark.parametrize(("n0", "n1"), [(1, 1), (1, 4), (3, 2), (6, 5)])
def test_every_small_table_is_finite_and_says_why_not(n0: int, n1: int) -> None:
    for r0, r1 in itertools.product(range(n0 + 1), range(n1 + 1)):
        table = two_by_two((r0, n0), (r1, n1))
        assert all(math.isfinite(number) for number in _numbers(table))
        missing = [name for name, value in dataclasses.asdict(table).items() if value is None]
        assert len(table.notes) == len(missing)
        assert (table.risk_ratio is None) == (r0 == 0)
        assert (table.odds_ratio is None) == (r0 == 0 or r1 == n1)
        assert (table.odds_ratio_interval is None) == (r0 in (0, n0) or r1 in (0, n1))
        assert (table.p_chi_square is None) == (r0 + r1 in (0, n0 + n1))
        for interval in (table.risk_difference_newcombe, table.risk_difference_mn):
            # Both limits meet the estimate up to rounding at 0 or 1.
            assert -1.0 <= interval.lower <= table.risk_difference + 1e-12
            assert table.risk_difference - 1e-12 <= interval.upper <= 1.0


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_swapping_the_arms_turns_every_result_round(data) -> None:
    n0, n1 = data.draw(st.integers(1, 40)), data.draw(st.integers(1, 40))
    r0, r1 = data.draw(st.integers(0, n0)), data.draw(st.integers(0, n1))
    one, other = two_by_two((r0, n0), (r1, n1)), two_by_two((r1, n1), (r0, n0))
    assert one.p_fisher == pytest.approx(other.p_fisher, rel=1e-9)
    assert one.risk_difference == pytest.approx(-other.risk_difference)
    for name in ("risk_difference_newcombe", "risk_difference_mn"):
        a, b = getattr(one, name), getattr(other, name)
        assert (a.lower, a.upper) == pytest.approx((-b.upper, -b.lower), abs=1e-8)
    # Fisher's sum holds the tables that the mid-p halves, so the mid-p is never larger.
    if one.p_mid is not None:
        assert 0.0 < one.p_mid < one.p_fisher


def test_a_higher_level_gives_wider_intervals() -> None:
    narrow, wide = two_by_two(*ITT, confidence=0.8), two_by_two(*ITT, confidence=0.99)
    for measure in ("risk_difference_newcombe", "risk_difference_mn", "risk_ratio", "odds_ratio"):
        name = measure if measure.startswith("risk_difference") else f"{measure}_interval"
        assert getattr(wide, name).lower < getattr(narrow, name).lower
        assert getattr(narrow, name).upper < getattr(wide, name).upper


@pytest.mark.parametrize("arm", [(1, 0), (-1, 5), (6, 5), (1.5, 5), (1, 2, 3), None, ("1", "5"), (float("nan"), 5)])
def test_impossible_arms_are_refused_by_name(arm) -> None:
    with pytest.raises(ValueError, match=r"control arm: .*required.*responders <= patients"):
        two_by_two(arm, (1, 5))
    with pytest.raises(ValueError, match="active arm"):
        two_by_two((1, 5), arm)


@pytest.mark.parametrize("confidence", [0.0, 1.0, 95, -0.5, float("nan"), "high", None])
def test_impossible_levels_are_refused(confidence) -> None:
    with pytest.raises(ValueError, match="confidence"):
        two_by_two(*ITT, confidence=confidence)


def test_numpy_integers_are_whole_numbers_too() -> None:
    assert two_by_two((np.int64(29), np.int64(50)), (np.int64(34), np.int64(50))) == two_by_two(*ITT)


@pytest.mark.parametrize("patients", [10**7 + 1, 10**8, 10**9, 10**10, 999_999_999_999])
def test_exact_tests_say_where_there_are_too_many_patients(patients: int) -> None:
    table = two_by_two((3 * patients // 10, patients), (3 * patients // 10 + 2000, patients))
    assert table.p_fisher is table.p_mid is table.p_boschloo is None
    assert [note.split(":")[0] for note in table.notes] == ["Fisher", "mid-p", "Boschloo"]
    assert all("not computed" in note for note in table.notes)
    # the normal approximation is exact enough with so many patients
    se = math.sqrt(2 * 0.3 * 0.7 / patients)
    assert table.p_chi_square == pytest.approx(2 * stats.norm.sf(2000 / patients / se), rel=1e-3)
    assert table.risk_difference_mn.lower == pytest.approx(2000 / patients - stats.norm.isf(0.025) * se, abs=1e-3 * se)


def test_exact_tests_agree_with_the_normal_approximation_where_there_are_many_patients() -> None:
    table = two_by_two((300_000, 10**6), (302_000, 10**6))
    assert table.p_mid == pytest.approx(table.p_chi_square, rel=1e-3)


def test_rare_events_of_many_patients_are_not_left_to_rounding() -> None:
    assert two_by_two((40, 10**9), (60, 10**9)).p_fisher is None
    few = two_by_two((40, 10**7), (60, 10**7))  # almost a binomial test of 60 in 100
    assert few.p_fisher == pytest.approx(stats.binomtest(60, 100).pvalue, rel=1e-4)
