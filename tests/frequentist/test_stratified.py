"""Stratified analyses: against R (references.csv), metafor's own tests, exact fractions and special cases."""

from __future__ import annotations

import csv
import dataclasses
import doctest
import importlib
import itertools
import math
import re
from fractions import Fraction
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from bayes_lupil.frequentist import Stratified, stratified, two_by_two

# The package exports a function of the same name, which hides the module from `import ... as`.
module = importlib.import_module("bayes_lupil.frequentist.stratified")

pytestmark = pytest.mark.filterwarnings("error")

VALIDATION = Path(__file__).resolve().parents[2].parent / "shared" / "validation"
needs_validation = pytest.mark.skipif(
    not (VALIDATION / "references.csv").is_file(), reason=f"no reference results: {VALIDATION} is missing"
)
DATASETS = [
    "beitler_landis_1985",
    "hartzel_8centre_muchbetter",
    "indo_rct_pep",
    "fungal_5centre_sparse",
    "opt_preterm37_excl_elective_abortion",
    "bugs_blocker_22trials",
    "ist_hospital_aspirin_death14d",
    "ist_hospital_aspirin_deaddep6m",
]
# references.csv prints estimates to 8 digits, p-values and intervals in its notes to 5 or 6.
PRINTED, NOTED = 1e-6, 2e-5
# R's glm takes its standard error from the weights before the last step, so it misses the value at the
# maximum by its stopping rule (fungal: R 0.620373, on paper sqrt(1/4 + 1/42 + 1/12 + 1/36) = 0.620420).
R_GLM_SE = 1e-4


@cache
def _references(dataset: str) -> tuple[dict[str, str], ...]:
    with (VALIDATION / "references.csv").open(newline="") as file:
        return tuple(row for row in csv.DictReader(file) if row["dataset"] == dataset)


def _reference(dataset: str, model: str, term: str) -> dict[str, str]:
    rows = [r for r in _references(dataset) if r["model"].startswith(model) and r["term"] == term]
    assert len(rows) == 1, (dataset, model, term)
    return rows[0]


@cache
def _fit(dataset: str) -> Stratified:
    note = _reference(dataset, "crude totals", "responders_ref")["note"]
    match = re.fullmatch(r"ref arm=(\w+), active=(\w+)", note)
    assert match is not None, note
    arms = match.groups()
    sites: dict[str, dict[str, tuple[int, int]]] = {}
    with (VALIDATION / "data" / f"{dataset}.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            assert row["arm"] in arms
            sites.setdefault(row["site"], {})[row["arm"]] = (int(row["responders"]), int(row["n"]))
    # A site without patients in an arm has no row for it.
    cells = np.array([[site.get(arm, (0, 0)) for arm in arms] for site in sites.values()])
    return stratified(cells[:, :, 0], cells[:, :, 1])


def _noted(note: str, pattern: str) -> list[float]:
    match = re.search(pattern, note)
    assert match is not None, note
    return [float(number) for number in match.groups()]


@needs_validation
@pytest.mark.parametrize(
    "dataset",
    [pytest.param(name, marks=[pytest.mark.proof("frequentist")] * name.startswith("ist_")) for name in DATASETS],
)
def test_crude_totals_pooled_logit_and_fisher_against_r(dataset: str) -> None:
    fit = _fit(dataset)

    def total(term: str) -> int:
        return int(_reference(dataset, "crude totals", term)["estimate"])

    assert fit.control == (total("responders_ref"), total("n_ref"))
    assert fit.active == (total("responders_active"), total("n_active"))
    assert fit.n_sites == total("n_sites")
    row = _reference(dataset, "glm pooled logit", "x")
    assert fit.pooled_logit.estimate == pytest.approx(float(row["estimate"]), rel=PRINTED)
    assert fit.pooled_logit.se == pytest.approx(float(row["se"]), rel=R_GLM_SE)
    fisher = _reference(dataset, "Fisher exact pooled 2x2", "p_two_sided")
    p_fisher = two_by_two(fit.control, fit.active).p_fisher
    assert p_fisher == pytest.approx(float(fisher["estimate"]), rel=PRINTED)


@needs_validation
@pytest.mark.parametrize(
    "dataset",
    [
        pytest.param(name, marks=pytest.mark.proof("frequentist")) if name.startswith("ist_") else name
        for name in DATASETS
    ],
)
def test_mantel_haenszel_family_against_r_and_metafor(dataset: str) -> None:
    fit = _fit(dataset)
    for correct, test in (("TRUE", fit.cmh_corrected), ("FALSE", fit.cmh)):
        row = _reference(dataset, f"CMH correct={correct}", "chisq")
        assert fit.n_informative == int(_noted(row["model"], r"informative sites only, (\d+)")[0])
        assert test.statistic == pytest.approx(float(row["estimate"]), rel=PRINTED)
        assert test.p == pytest.approx(_noted(row["note"], r"p=([\d.e-]+)")[0], rel=NOTED)
    row = _reference(dataset, "CMH", "MH_common_OR")
    assert fit.mh_odds_ratio == pytest.approx(float(row["estimate"]), rel=PRINTED)
    limits = _noted(row["note"], r"95%CI ([\d.]+)-([\d.]+)")
    interval = fit.mh_odds_ratio_interval
    assert [interval.lower, interval.upper] == pytest.approx(limits, abs=6e-6)
    row = _reference(dataset, "rma.mh logOR", "b")
    assert math.log(fit.mh_odds_ratio) == pytest.approx(float(row["estimate"]), rel=PRINTED)
    assert fit.mh_log_odds_ratio_se == pytest.approx(float(row["se"]), rel=PRINTED)
    row = _reference(dataset, "Breslow-Day", "chisq")
    assert fit.breslow_day.statistic == pytest.approx(float(row["estimate"]), rel=PRINTED)
    df, p = _noted(row["note"], r"df=(\d+) p=([\d.e-]+)")
    assert fit.breslow_day.df == df
    assert fit.breslow_day.p == pytest.approx(p, rel=NOTED)


@pytest.mark.proof("frequentist", "trials")
@needs_validation
@pytest.mark.parametrize("dataset", DATASETS)
def test_fixed_site_logit_against_r(dataset: str) -> None:
    fit = _fit(dataset).fixed_site_logit
    row = _reference(dataset, "glm fixed site effects + x (informative sites)", "x")
    assert fit.estimate == pytest.approx(float(row["estimate"]), rel=PRINTED)
    assert fit.se == pytest.approx(float(row["se"]), rel=R_GLM_SE)
    assert fit.p == pytest.approx(2 * stats.norm.sf(abs(fit.estimate / fit.se)), rel=1e-9)
    half = stats.norm.isf(0.025) * fit.se
    expected = (fit.estimate - half, fit.estimate + half)
    assert (fit.interval.lower, fit.interval.upper) == pytest.approx(expected, rel=1e-9)


@needs_validation
def test_sites_are_sorted_into_informative_and_not() -> None:
    fungal = _fit("fungal_5centre_sparse")
    assert (fungal.n_informative, fungal.one_arm, fungal.one_outcome) == (3, (), (0, 2))
    stroke = _fit("ist_hospital_aspirin_death14d")
    assert len(stroke.one_arm) == 24  # README of the data: 24 hospitals have a single arm
    assert stroke.n_sites == stroke.n_informative + len(stroke.one_arm) + len(stroke.one_outcome)
    assert stroke.n_two_arm == stroke.n_sites - 24


@pytest.mark.parametrize(
    ("cells", "estimate", "se"),
    # (active responders, non-responders, control responders, non-responders) per stratum.
    # MetidaFreq.jl test suite, from OpenMeta[Analyst] (metafor): rma.mh(measure="RD").
    [([(21, 20, 2, 10), (14, 17, 12, 22), (11, 12, 9, 7)], 0.114863, 0.082751)],
)
def test_risk_difference_against_metafor(cells, estimate, se) -> None:
    a, b, c, d = np.array(cells).T
    fit = stratified(np.column_stack([c, a]), np.column_stack([c + d, a + b]))
    assert fit.mh_risk_difference == pytest.approx(estimate, abs=6e-7)
    assert fit.mh_risk_difference_se == pytest.approx(se, abs=6e-7)


@needs_validation
def test_risk_difference_of_beitler_and_landis() -> None:
    """R package cardx, snapshot of ci_prop_diff_mh_strata (Sato variance) on the same 8 centres."""
    interval = _fit("beitler_landis_1985").mh_risk_difference_interval
    assert (round(interval.lower, 4), round(interval.upper, 4)) == (0.0313, 0.2284)


def _binomial(n: int, p: Fraction) -> list[Fraction]:
    return [math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)]


@pytest.mark.parametrize(("n0", "n1"), [(1, 1), (3, 2), (4, 7)])
def test_sato_variance_is_unbiased_in_exact_fractions(n0: int, n1: int) -> None:
    """E[difference * P + Q] = Var(weighted difference) for each stratum, exactly; the reason for P and Q."""
    p0, difference = Fraction(1, 5), Fraction(3, 10)
    p1, total = p0 + difference, n0 + n1
    expected = Fraction(0)
    for (r1, w1), (r0, w0) in itertools.product(enumerate(_binomial(n1, p1)), enumerate(_binomial(n0, p0))):
        p = (n1**2 * r0 - n0**2 * r1 + Fraction(n1 * n0 * (n0 - n1), 2)) / Fraction(total**2)
        q = Fraction(r1 * (n0 - r0) + r0 * (n1 - r1), 2 * total)
        expected += w1 * w0 * (difference * p + q)
    weight = Fraction(n0 * n1, total)
    assert expected == weight**2 * (p1 * (1 - p1) / n1 + p0 * (1 - p0) / n0)


counts = st.integers(1, 25)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_one_stratum_is_the_crude_table(data) -> None:
    n0, n1 = data.draw(counts), data.draw(counts)
    r0, r1 = data.draw(st.integers(0, n0)), data.draw(st.integers(0, n1))
    fit = stratified([[r0, r1]], [[n0, n1]])
    p0, p1 = r0 / n0, r1 / n1
    assert fit.mh_risk_difference == pytest.approx(p1 - p0, abs=1e-12)
    wald = math.sqrt(p1 * (1 - p1) / n1 + p0 * (1 - p0) / n0)
    assert (fit.mh_risk_difference_se or 0.0) == pytest.approx(wald, abs=1e-7)
    table = two_by_two((r0, n0), (r1, n1))
    assert (fit.mh_odds_ratio is None) == (table.odds_ratio is None)
    if table.odds_ratio_interval is not None:
        assert fit.mh_odds_ratio == pytest.approx(table.odds_ratio, rel=1e-9)
        assert fit.mh_odds_ratio_interval.upper == pytest.approx(table.odds_ratio_interval.upper, rel=1e-9)
        assert fit.fixed_site_logit.estimate == pytest.approx(fit.pooled_logit.estimate, abs=1e-7)
        assert fit.fixed_site_logit.se == pytest.approx(fit.pooled_logit.se, rel=1e-6)
    if fit.cmh is not None:  # CMH of one stratum is Pearson's chi-square times (N - 1) / N
        n = n0 + n1
        pearson = stats.chi2.isf(table.p_chi_square, 1)
        assert fit.cmh.statistic == pytest.approx(pearson * (n - 1) / n, rel=1e-6, abs=1e-9)


def test_sato_error_is_the_spread_in_many_small_sites() -> None:
    """200 sites of 2 + 3 patients, one common difference; every tolerance is 4 Monte Carlo errors."""
    rng = np.random.default_rng(20220822)
    p0 = rng.uniform(0.1, 0.6, 200)
    estimates, errors = [], []
    for _ in range(300):
        x = np.column_stack([rng.binomial(2, p0), rng.binomial(3, p0 + 0.2)])
        found = module._risk_difference(x, np.tile([2, 3], (200, 1)), 0.95, [])
        estimates.append(found[0])
        errors.append(found[1])
    spread = float(np.std(estimates, ddof=1))
    assert np.mean(estimates) == pytest.approx(0.2, abs=4 * spread / math.sqrt(300))
    # The spread of 300 draws has a relative error of 1 / sqrt(600) = 0.041.
    assert np.mean(errors) == pytest.approx(spread, rel=4 * 0.041)


def test_an_odds_ratio_of_exactly_one() -> None:
    """statsmodels divides by zero in Breslow-Day there; its value just beside 1 must agree (limit, 1e-4)."""
    x, m = np.array([[10, 20], [20, 10]]), np.array([[40, 40], [40, 40]])
    fit = stratified(x, m)
    assert fit.mh_odds_ratio == 1.0
    assert fit.breslow_day.df == 1
    beside = stratified(x * 10**4 + [[0, 1], [0, 0]], m * 10**4)
    assert fit.breslow_day.statistic == pytest.approx(beside.breslow_day.statistic / 10**4, rel=1e-4)


def test_a_shift_below_one_half_is_not_corrected() -> None:
    """R's mantelhaen.test: YATES <- if (correct && abs(DELTA) >= .5) .5 else 0."""
    fit = stratified([[5, 5], [4, 4]], [[10, 11], [9, 9]])
    assert 0.0 < fit.cmh.statistic == fit.cmh_corrected.statistic


def test_non_informative_sites_change_the_risk_difference_only() -> None:
    x, m = [[8, 14], [6, 11]], [[20, 20], [15, 16]]
    alone, more = stratified(x, m), stratified([*x, [0, 0], [4, 4], [3, 0]], [*m, [9, 5], [4, 4], [7, 0]])
    for name in ("cmh", "cmh_corrected", "mh_odds_ratio", "mh_odds_ratio_interval", "breslow_day"):
        assert getattr(alone, name) == getattr(more, name)
    assert (more.n_sites, more.n_two_arm, more.n_informative) == (5, 4, 2)
    assert (more.one_arm, more.one_outcome) == ((4,), (2, 3))
    # Two sites where nothing differs pull the common difference towards 0.
    assert 0.0 < more.mh_risk_difference < alone.mh_risk_difference


@pytest.mark.parametrize(
    ("x", "m"),
    [
        ([[0, 0]], [[5, 5]]),
        ([[5, 5]], [[5, 5]]),
        ([[0, 5]], [[5, 5]]),
        ([[0, 3], [0, 2]], [[5, 5], [4, 4]]),
        ([[3, 0], [2, 0]], [[5, 5], [4, 4]]),
        ([[3, 0]], [[5, 0]]),
        ([[0, 5], [5, 0]], [[5, 5], [5, 5]]),
        ([[1, 1], [2, 2]], [[2, 2], [4, 4]]),
    ],
)
def test_what_does_not_exist_is_none_with_a_reason(x, m) -> None:
    fit = stratified(x, m)
    for name, value in dataclasses.asdict(fit).items():
        numbers = value.values() if isinstance(value, dict) else [value]
        assert all(math.isfinite(v) for v in numbers if isinstance(v, float)), name
    starts = {
        "cmh": "CMH",
        "mh_odds_ratio": "Mantel-Haenszel odds ratio",
        "mh_odds_ratio_interval": "Mantel-Haenszel odds ratio",
        "mh_risk_difference_interval": "Mantel-Haenszel risk difference",
        "breslow_day": "Breslow-Day",
        "fixed_site_logit": "fixed-site logit",
        "pooled_logit": "pooled logit",
    }
    for name, start in starts.items():
        if getattr(fit, name) is None:
            assert any(note.startswith(start) for note in fit.notes), name


def test_separation_is_seen_before_the_regression_runs() -> None:
    fit = stratified([[0, 3], [0, 2]], [[5, 5], [4, 4]])  # no control patient responded
    assert fit.cmh is not None
    assert fit.mh_odds_ratio is None
    assert fit.fixed_site_logit is None
    assert fit.breslow_day is None
    turned = stratified([[3, 0], [2, 0]], [[5, 5], [4, 4]])
    assert turned.mh_odds_ratio == 0.0
    assert turned.mh_odds_ratio_interval is None


def test_pooled_logit_of_lupil_2() -> None:
    """facts.md: ITT 0.431 (0.417), PP 1.540 (0.662)."""
    itt, pp = (stratified(*t).pooled_logit for t in (([[29, 34]], [[50, 50]]), ([[15, 20]], [[29, 24]])))
    assert (round(itt.estimate, 3), round(itt.se, 3)) == (0.431, 0.417)
    assert (round(pp.estimate, 3), round(pp.se, 3)) == (1.540, 0.662)
    assert stratified([[0, 3]], [[5, 5]]).pooled_logit is None


def test_doctests() -> None:
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0


@pytest.mark.parametrize(
    ("x", "m", "message"),
    [
        ([[6, 1]], [[5, 5]], r"site 0 \(row index\), control arm: found 6 responders of 5"),
        ([[1, 1], [1, -1]], [[5, 5], [5, 5]], "site 1 .*active arm"),
        ([1, 2], [5, 5], r"shape \(2,\)"),
        ([[1, 2, 3]], [[5, 5, 5]], r"shape \(1, 3\)"),
        ([[1, 2]], [[5, 5], [5, 5]], "the same shape"),
        ([[1.5, 2]], [[5, 5]], "whole numbers"),
        ([[float("nan"), 2]], [[5, 5]], "whole numbers"),
        ([["1", "2"]], [[5, 5]], "whole numbers"),
        ([[1, 2], [1]], [[5, 5], [5]], "unequal length"),
        (np.empty((0, 2), int), np.empty((0, 2), int), r"shape \(0, 2\)"),
        ([[0, 0]], [[0, 0]], "at least one patient"),
    ],
)
def test_bad_tables_are_refused_with_the_place(x, m, message) -> None:
    with pytest.raises(ValueError, match=message):
        stratified(x, m)


def test_bad_level_is_refused_and_floats_that_are_whole_pass() -> None:
    with pytest.raises(ValueError, match="confidence"):
        stratified([[1, 2]], [[5, 5]], confidence=95)
    assert stratified([[1.0, 2.0]], [[5.0, 5.0]]) == stratified([[1, 2]], [[5, 5]])
