"""One 2 x 2 table: the tests and intervals that a trial report prints for two arms.

Arm totals only: sites are left to `bayes_lupil.frequentist.stratified`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from operator import index

from bayes_lupil.errors import InputError
from bayes_lupil.frequentist.arguments import level_of

__all__ = ["Interval", "TwoByTwo", "two_by_two"]

# scipy goes through all (n0 + 1) * (n1 + 1) possible tables for each trial value of the common rate:
# 100,000 tables took 1.1 s on one core, and the time grows in proportion at least.
_BOSCHLOO_MOST_TABLES = 100_000

# The conditional tests go through all tables with the same totals: 10 million in an arm took 4 s and 0.5 GB. Their
# probabilities come from logarithms of factorials, whose rounding grows with the number of patients: 3e-9 of a
# probability there, 2e-7 with a thousand million in an arm, where equally probable tables are told from others no more.
_EXACT_MOST_PATIENTS = 20_000_000

# Probabilities that differ by less than this factor are equal: the same relative error as R's
# fisher.test and scipy's fisher_exact, so that the mid-p halves what Fisher's test counted whole.
_TIE = 1e-7


@dataclass(frozen=True, slots=True)
class Interval:
    """A two-sided confidence interval.

    Attributes
    ----------
    lower, upper : float
        Limits, on the scale of the quantity that they belong to; always finite.
    method : str
        Name of the method, fit to be printed.
    """

    lower: float
    upper: float
    method: str


@dataclass(frozen=True, slots=True)
class TwoByTwo:
    """Tests and effect measures of two arms; made by `two_by_two`.

    A quantity that does not exist for the table is None, and `notes` says why. Nothing is infinite,
    nothing is NaN, and no half patient is added to any cell.

    Attributes
    ----------
    control, active : tuple of int
        (responders, patients) per arm, as given.
    confidence : float
        Level of every interval, as a probability.
    rate_control, rate_active : float
        Responders divided by patients.
    p_chi_square : float or None
        Pearson chi-square without continuity correction, two-sided. None if nobody or everybody responded.
    p_fisher : float or None
        Fisher's exact test, two-sided: all tables no more probable than the observed one. None where there are too many
        patients for it.
    p_mid : float or None
        Mid-p of that same two-sided Fisher test: tables as probable as the observed one count half.
        None if nobody or everybody responded, or where there are too many patients for it.
    p_boschloo : float or None
        Boschloo's exact unconditional test with both arm sizes fixed, two-sided as twice the smaller
        one-sided p-value. None where the table is too large for it.
    risk_difference : float
        Active minus control, as a probability (0.1 is ten percentage points).
    risk_difference_newcombe, risk_difference_mn : Interval
        Newcombe's hybrid score interval, and the score interval of Miettinen and Nurminen.
    risk_ratio, odds_ratio : float or None
        Active over control. None where the divisor is zero.
    risk_ratio_interval, odds_ratio_interval : Interval or None
        Katz log interval and Woolf log interval. None where the standard error does not exist.
    notes : tuple of str
        One sentence for each None above.
    """

    control: tuple[int, int]
    active: tuple[int, int]
    confidence: float
    rate_control: float
    rate_active: float
    p_chi_square: float | None
    p_fisher: float | None
    p_mid: float | None
    p_boschloo: float | None
    risk_difference: float
    risk_difference_newcombe: Interval
    risk_difference_mn: Interval
    risk_ratio: float | None
    risk_ratio_interval: Interval | None
    odds_ratio: float | None
    odds_ratio_interval: Interval | None
    notes: tuple[str, ...]


def two_by_two(control: tuple[int, int], active: tuple[int, int], confidence: float = 0.95) -> TwoByTwo:
    """Compare the response rates of two arms.

    Parameters
    ----------
    control, active : tuple of int
        (responders, patients) of the arm, with 0 <= responders <= patients and patients >= 1.
    confidence : float
        Level of the intervals, between 0 and 1.

    Returns
    -------
    TwoByTwo
        Effects are active minus control, or active over control.

    Raises
    ------
    InputError
        (a ValueError) If an arm is no pair of such whole numbers, or `confidence` is not between 0 and 1.

    Notes
    -----
    - Chi-square, Fisher and Boschloo: `scipy.stats`. scipy reads each *column* as one binomial sample,
      so the table goes in with the arms as columns; with the arms as rows Boschloo's test would hold
      the numbers of responders fixed in place of the arm sizes.
    - Mid-p: Lancaster 1961 (J Am Stat Assoc 56:223), two-sided as in Fagerland, Lydersen and Laake
      2017 (Statistical Analysis of Contingency Tables, chapter 4): P(less probable tables) plus half
      of P(equally probable tables). Halving the observed table alone, or doubling a one-sided mid-p,
      gives other numbers.
    - Newcombe 1998 (Stat Med 17:873), method 10: `statsmodels`.
    - Miettinen and Nurminen 1985 (Stat Med 4:213), with their factor N / (N - 1).
    - Risk ratio: Katz et al. 1978 (Biometrics 34:469). Odds ratio: Woolf 1955 (Ann Hum Genet 19:251).
      Both: `statsmodels`, without its shift of zero cells.

    Examples
    --------
    >>> itt = two_by_two(control=(29, 50), active=(34, 50))
    >>> round(itt.risk_difference, 2), round(itt.p_chi_square, 4), round(itt.p_mid, 4)
    (0.1, 0.3004, 0.3107)
    >>> empty = two_by_two(control=(0, 20), active=(5, 20))
    >>> empty.risk_ratio is None, empty.notes[0]
    (True, 'risk ratio: does not exist, no control patient responded')
    """
    r0, n0 = _arm("control", control)
    r1, n1 = _arm("active", active)
    level = level_of(confidence)
    notes: list[str] = []
    risk_ratio, risk_ratio_interval, odds_ratio, odds_ratio_interval = _ratios(r0, n0, r1, n1, level, notes)
    p_chi_square, p_fisher, p_mid, p_boschloo = _p_values(r0, n0, r1, n1, notes)
    return TwoByTwo(
        control=(r0, n0),
        active=(r1, n1),
        confidence=level,
        rate_control=r0 / n0,
        rate_active=r1 / n1,
        p_chi_square=p_chi_square,
        p_fisher=p_fisher,
        p_mid=p_mid,
        p_boschloo=p_boschloo,
        risk_difference=r1 / n1 - r0 / n0,
        risk_difference_newcombe=_newcombe(r0, n0, r1, n1, level),
        risk_difference_mn=_miettinen_nurminen(r0, n0, r1, n1, level),
        risk_ratio=risk_ratio,
        risk_ratio_interval=risk_ratio_interval,
        odds_ratio=odds_ratio,
        odds_ratio_interval=odds_ratio_interval,
        notes=tuple(notes),
    )


def _arm(name: str, arm: tuple[int, int]) -> tuple[int, int]:
    required = "two whole numbers (responders, patients), 0 <= responders <= patients and patients >= 1"
    try:
        responders, patients = (index(count) for count in arm)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} arm", repr(arm), required) from error
    if not 0 <= responders <= patients or patients < 1:
        raise InputError(f"{name} arm", repr(arm), required)
    return responders, patients


def _p_values(
    r0: int, n0: int, r1: int, n1: int, notes: list[str]
) -> tuple[float | None, float | None, float | None, float | None]:
    from scipy import stats

    by_column = [[r1, r0], [n1 - r1, n0 - r0]]
    responders, patients = r0 + r1, n0 + n1
    p_chi_square: float | None = None
    p_fisher: float | None = None
    p_mid: float | None = None
    if 0 < responders < patients:
        p_chi_square = float(stats.chi2_contingency(by_column, correction=False).pvalue)
    if 0 < responders < patients and patients > _EXACT_MOST_PATIENTS:
        why = f"not computed, {patients:,} patients (limit {_EXACT_MOST_PATIENTS:,})"
        notes += [f"Fisher: {why}", f"mid-p: {why}"]
    elif 0 < responders < patients:
        p_fisher = float(stats.fisher_exact(by_column).pvalue)
        fewest, most = max(0, responders - n0), min(n1, responders)
        probability = stats.hypergeom(patients, responders, n1).pmf(range(fewest, most + 1))
        observed = probability[r1 - fewest]
        tied = probability[abs(probability - observed) <= _TIE * observed].sum()
        p_mid = float(p_fisher - 0.5 * tied)
    else:
        # Only one table has these margins. Fisher's sum over it is 1; half of it would be 0.5 and would
        # look like a result.
        p_fisher = 1.0
        who = "nobody" if responders == 0 else "everybody"
        notes.append(f"chi-square: does not exist, {who} responded")
        notes.append(f"mid-p: does not exist, {who} responded")
    p_boschloo: float | None = None
    tables = (n0 + 1) * (n1 + 1)
    if tables <= _BOSCHLOO_MOST_TABLES:
        # Where every table counts as extreme, the sum can pass 1 by rounding.
        p_boschloo = min(1.0, float(stats.boschloo_exact(by_column).pvalue))
    else:
        notes.append(f"Boschloo: not computed, {tables:,} possible tables (limit {_BOSCHLOO_MOST_TABLES:,})")
    return p_chi_square, p_fisher, p_mid, p_boschloo


def _newcombe(r0: int, n0: int, r1: int, n1: int, level: float) -> Interval:
    from statsmodels.stats.proportion import confint_proportions_2indep

    lower, upper = confint_proportions_2indep(r1, n1, r0, n0, method="newcomb", compare="diff", alpha=1.0 - level)
    # A limit at -1 or 1 is reached exactly on paper (10/10 v 0/10) and up to rounding here.
    return Interval(max(-1.0, float(lower)), min(1.0, float(upper)), "Newcombe hybrid score")


def _miettinen_nurminen(r0: int, n0: int, r1: int, n1: int, level: float) -> Interval:
    """Invert the score test. z falls as the assumed difference rises, so each limit is one root.

    statsmodels has this interval (method="score"), but up to 0.15 its cubic has a wrong coefficient
    (statsmodels issue #10269: 56/70 v 48/80 gives an upper limit of 0.3440 where Newcombe 1998, table
    II, prints 0.3382), and its bracket often holds no root in small arms. So it is written here, and
    the tests hold it to Newcombe's printed values, zero cells included, and to a direct maximisation.
    """
    from scipy.optimize import brentq
    from scipy.stats import norm

    z_limit = float(norm.isf((1.0 - level) / 2.0))
    estimate = r1 / n1 - r0 / n0

    def limit(end: float) -> float:
        # At the far end (-1 or 1) both constrained rates are 0 or 1, the variance is 0 and z has no
        # value; just inside, |z| below the critical value means that no difference is rejected.
        inside = end * (1.0 - 1e-12)
        excess = z_limit if end < 0 else -z_limit

        def off(difference: float) -> float:
            return _score_z(r0, n0, r1, n1, difference) - excess

        near = off(inside)
        if (end < 0 and near <= 0.0) or (end > 0 and near >= 0.0):
            return end
        # z is 0 at the estimate itself, unless the estimate is the end and has no variance.
        return float(brentq(off, *sorted((inside, estimate)), xtol=1e-13, rtol=1e-13))

    lower = -1.0 if estimate == -1.0 else limit(-1.0)
    upper = 1.0 if estimate == 1.0 else limit(1.0)
    return Interval(lower, upper, "Miettinen-Nurminen score")


def _score_z(r0: int, n0: int, r1: int, n1: int, difference: float) -> float:
    gap = r1 / n1 - r0 / n0 - difference
    if gap == 0.0:
        return 0.0
    patients = n0 + n1
    p0 = _constrained_rate(r0, n0, r1, n1, difference)
    p1 = min(1.0, max(0.0, p0 + difference))
    variance = (p1 * (1.0 - p1) / n1 + p0 * (1.0 - p0) / n0) * patients / (patients - 1)
    if variance <= 0.0:
        return math.copysign(math.inf, gap)
    return gap / math.sqrt(variance)


def _constrained_rate(r0: int, n0: int, r1: int, n1: int, difference: float) -> float:
    """Most likely control rate when the active rate is `difference` higher.

    The likelihood equation is a cubic; Miettinen and Nurminen 1985, appendix, give the root that lies
    within the bounds.
    """
    floor, ceiling = max(0.0, -difference), min(1.0, 1.0 - difference)
    patients, responders = n0 + n1, r0 + r1
    c3 = float(patients)
    c2 = (n1 + 2 * n0) * difference - patients - responders
    c1 = (n0 * difference - patients - 2 * r0) * difference + responders
    c0 = r0 * difference * (1.0 - difference)
    shift = c2 / (3.0 * c3)
    q = shift**3 - c1 * c2 / (6.0 * c3**2) + c0 / (2.0 * c3)
    # Both are within their bounds on paper; rounding carries them out where two roots meet.
    p = math.copysign(math.sqrt(max(0.0, shift**2 - c1 / (3.0 * c3))), q)
    cosine = 1.0 if p == 0.0 else min(1.0, max(-1.0, q / p**3))
    root = 2.0 * p * math.cos((math.pi + math.acos(cosine)) / 3.0) - shift
    return min(ceiling, max(floor, root))


def _ratios(
    r0: int, n0: int, r1: int, n1: int, level: float, notes: list[str]
) -> tuple[float | None, Interval | None, float | None, Interval | None]:
    import numpy as np
    from statsmodels.stats.contingency_tables import Table2x2

    table = Table2x2(np.array([[r1, n1 - r1], [r0, n0 - r0]], dtype=float), shift_zeros=False)
    risk_ratio: float | None = None
    risk_ratio_interval: Interval | None = None
    if r0 == 0:
        notes.append("risk ratio: does not exist, no control patient responded")
        notes.append("risk ratio interval: does not exist, no control patient responded")
    else:
        risk_ratio = float(table.riskratio)
        if r1 == 0:
            notes.append("risk ratio interval: Katz's does not exist, no active patient responded")
        elif r0 == n0 and r1 == n1:
            notes.append("risk ratio interval: Katz's has no width, everybody responded")
        else:
            lower, upper = table.riskratio_confint(alpha=1.0 - level)
            risk_ratio_interval = Interval(float(lower), float(upper), "Katz log")
    odds_ratio: float | None = None
    odds_ratio_interval: Interval | None = None
    if r0 == 0 or r1 == n1:
        why = "no control patient responded" if r0 == 0 else "every active patient responded"
        notes.append(f"odds ratio: does not exist, {why}")
        notes.append(f"odds ratio interval: does not exist, {why}")
    else:
        odds_ratio = float(table.oddsratio)
        if r1 == 0 or r0 == n0:
            why = "no active patient responded" if r1 == 0 else "every control patient responded"
            notes.append(f"odds ratio interval: Woolf's does not exist, {why}")
        else:
            lower, upper = table.oddsratio_confint(alpha=1.0 - level)
            odds_ratio_interval = Interval(float(lower), float(upper), "Woolf log")
    return risk_ratio, risk_ratio_interval, odds_ratio, odds_ratio_interval
