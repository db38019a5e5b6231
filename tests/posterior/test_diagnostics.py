"""Monte Carlo errors against processes whose error is known, and the verdict of the diagnostics."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from bayes_lupil.posterior.diagnostics import (
    MAX_R_HAT,
    MIN_ESS,
    UNSEEN,
    Row,
    describe,
    effective_draws,
    judge,
    mcse_mean,
    mcse_proportion,
    mcse_quantile,
)

CHAINS, DRAWS, RHO = 4, 500, 0.6
REPLICATES = 300


def _autoregressive(rng: np.random.Generator, chains: int, draws: int, rho: float) -> NDArray[np.float64]:
    """Stationary AR(1) with N(0, 1) margins, shape (chain, draw)."""
    x = np.empty((chains, draws))
    x[:, 0] = rng.standard_normal(chains)
    for t in range(1, draws):
        x[:, t] = rho * x[:, t - 1] + np.sqrt(1 - rho**2) * rng.standard_normal(chains)
    return x


@pytest.fixture(scope="module")
def runs() -> list[NDArray[np.float64]]:
    rng = np.random.default_rng(20260321)
    return [_autoregressive(rng, CHAINS, DRAWS, RHO) for _ in range(REPLICATES)]


def _true_error(threshold: float) -> float:
    """Exact standard error of the proportion above a threshold, from the bivariate normal at each lag."""
    p = stats.norm.sf(threshold)
    total = p * (1 - p)
    for lag in range(1, 40):  # 0.6^40 is 1e-9
        joint = stats.multivariate_normal.cdf([-threshold, -threshold], cov=[[1, RHO**lag], [RHO**lag, 1]])
        total += 2 * (1 - lag / DRAWS) * (joint - p**2)
    return float(np.sqrt(total / (CHAINS * DRAWS)))


@pytest.mark.parametrize("p", [0.5, 0.85, 0.98])
def test_error_of_a_proportion(runs: list[NDArray[np.float64]], p: float) -> None:
    """The stated error is the spread over repeated runs, and the exact one.

    The SD of `REPLICATES` proportions has a relative error of 1 / sqrt(2 * REPLICATES), taken 4 times; so is the
    standard error of the mean of the stated errors, with 2 % more because an effective sample size is an estimate.
    """
    threshold = float(stats.norm.isf(p))
    proportions = [float((x > threshold).mean()) for x in runs]
    stated = np.array([mcse_proportion(x > threshold, effective_draws(x)) for x in runs])
    exact = _true_error(threshold)
    assert abs(np.std(proportions) / exact - 1) < 4 / np.sqrt(2 * REPLICATES)
    # and the four draws that are added on the rarer side, among as many as are effective
    effective = p * (1 - p) / exact**2
    exact *= np.sqrt(1 + UNSEEN / effective / (p * (1 - p)))
    assert abs(stated.mean() / exact - 1) < 0.02 + 4 * stated.std() / exact / np.sqrt(REPLICATES)
    # had dependence been ignored, the error would have been far too small
    assert np.sqrt(p * (1 - p) / (CHAINS * DRAWS)) < 0.8 * stated.mean()


def test_error_of_a_rare_event_is_not_too_small(runs: list[NDArray[np.float64]]) -> None:
    """2 draws of 2,000 on average: too few to tell the error, so it must err on the large side."""
    threshold = float(stats.norm.isf(0.999))
    stated = np.array([mcse_proportion(x > threshold, effective_draws(x)) for x in runs])
    missed = np.array([(x > threshold).mean() for x in runs]) - 0.999
    assert stated.mean() > _true_error(threshold)
    assert np.sqrt(np.mean((missed / stated) ** 2)) < 1
    assert stated.min() > 1 / (CHAINS * DRAWS + 3)


def test_error_of_a_mean_and_of_quantiles(runs: list[NDArray[np.float64]]) -> None:
    """Exact for the mean: sqrt((1 + rho) / (1 - rho) / N); for quantiles the spread over repeated runs."""
    exact = np.sqrt((1 + RHO) / (1 - RHO) / (CHAINS * DRAWS))
    assert np.mean([mcse_mean(x) for x in runs]) == pytest.approx(exact, rel=0.05)
    for prob in (0.025, 0.5):
        spread = np.std([np.quantile(x, prob) for x in runs])
        stated = np.mean([mcse_quantile(x, prob) for x in runs])
        # 4 standard errors of the spread, plus 5 % for the estimated effective sample size
        assert stated == pytest.approx(spread, rel=4 / np.sqrt(2 * REPLICATES) + 0.05), prob


@pytest.mark.parametrize("p", [0.0, 1.0])
def test_no_probability_is_without_error(p: float) -> None:
    """All of N effective draws on one side: as if a few had fallen on the other, 2 / N."""
    event = np.full((CHAINS, DRAWS), bool(p))
    error = mcse_proportion(event, effective=400.0)
    assert error == pytest.approx(2 / 400)
    # a side that 13 draws in N would be expected on is empty once in 400,000 runs: within 7 such errors
    assert stats.binom.cdf(0, 400, 7 * error) < 1e-5
    assert mcse_proportion(event, effective=4000.0) < error


def test_no_probability_is_further_than_five_errors_from_the_truth() -> None:
    """However few draws are on the rarer side: the chance of so few under a truth 5 errors away, at most 1 in 10,000.

    By the exact binomial distribution; with a normal error it would be 1 in 3.5 million, and without the added draws
    one in 50 where a single draw is seen.
    """
    for seen in range(200):
        event = np.zeros((4, 1000), dtype=bool)
        event.ravel()[np.random.default_rng(1).permutation(4000)[:seen]] = True
        error = mcse_proportion(event, effective=4000.0)
        assert stats.binom.cdf(seen, 4000, seen / 4000 + 5 * error) < 1e-4, seen


def test_one_draw_on_the_other_side() -> None:
    """One of 2,000 independent draws: about sqrt(5) / 2000, where the draws alone would say 1 / 2000."""
    event = np.ones((CHAINS, DRAWS), dtype=bool)
    event[0, 0] = False
    assert mcse_proportion(event, effective=2000.0) == pytest.approx(np.sqrt(5) / 2000, rel=0.02)


def _good(name: str = "good", seed: int = 1) -> Row:
    return describe(name, np.random.default_rng(seed).standard_normal((4, 1000)))


NO_DIVERGENCE = {"diverging": np.zeros((4, 1000), dtype=bool)}


def test_describe() -> None:
    draws = np.random.default_rng(3).normal(2.0, 3.0, (4, 2000))
    row = describe("x", draws)
    assert (row.name, row.mean, row.sd) == ("x", draws.mean(), draws.std(ddof=1))
    assert (row.q2_5, row.q50, row.q97_5) == tuple(np.quantile(draws, [0.025, 0.5, 0.975]))
    # independent draws: ESS is their number, within the 10 % that it is known to
    assert row.ess_bulk == pytest.approx(8000, rel=0.1)
    assert row.mcse_mean == pytest.approx(row.sd / np.sqrt(8000), rel=0.05)
    assert row.r_hat == pytest.approx(1.0, abs=0.002)


def test_passes() -> None:
    verdict = judge([_good("a", 1), _good("b", 2)], NO_DIVERGENCE)
    assert verdict.ok
    assert verdict.failures == ()
    assert verdict.text.startswith("ok: R-hat at most")
    assert verdict.quantities == 2


def test_fails_for_r_hat() -> None:
    """One chain of four shifted by half an SD, long enough for everything else to be fine."""
    draws = np.random.default_rng(4).standard_normal((4, 20_000))
    draws[0] += 0.5
    verdict = judge([_good(), describe("shifted", draws)], NO_DIVERGENCE)
    assert not verdict.ok
    assert any(text.startswith("R-hat 1.0") and "of shifted" in text for text in verdict.failures)


def test_fails_for_few_effective_draws() -> None:
    draws = _autoregressive(np.random.default_rng(5), 4, 1000, 0.97)
    verdict = judge([_good(), describe("sticky", draws)], NO_DIVERGENCE)
    assert not verdict.ok
    assert any("bulk ESS" in text and "of sticky" in text for text in verdict.failures)
    assert any("tail ESS" in text and "of sticky" in text for text in verdict.failures)


def test_fails_for_the_tail_alone() -> None:
    """Each failure by itself, at the limit: rows made by hand."""
    good = _good()
    for change, word in (
        ({"ess_tail": MIN_ESS - 1}, "tail ESS"),
        ({"ess_bulk": MIN_ESS - 1}, "bulk ESS"),
        ({"r_hat": MAX_R_HAT + 1e-4}, "R-hat"),
    ):
        verdict = judge([good, Row(**{**good.to_dict(), "name": "bad", **change})], NO_DIVERGENCE)
        assert len(verdict.failures) == 1, change
        assert verdict.failures[0].startswith(word)
        assert "of bad" in verdict.failures[0]
        assert verdict.text == f"FAILED: {verdict.failures[0]}"
    limit = Row(**{**good.to_dict(), "ess_tail": MIN_ESS, "ess_bulk": MIN_ESS, "r_hat": MAX_R_HAT})
    assert judge([limit], NO_DIVERGENCE).ok


def test_fails_for_one_divergence() -> None:
    diverging = np.zeros((4, 1000), dtype=bool)
    diverging[2, 17] = True
    verdict = judge([_good()], {"diverging": diverging})
    assert verdict.failures == ("1 divergent transitions (0 required: raise sampler.target_accept towards 1)",)
    assert verdict.divergences == 1


@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")
@pytest.mark.parametrize("what", ["one NaN", "all NaN", "constant"])
def test_fails_for_what_is_not_a_number(what: str) -> None:
    """NaN compares false with everything, so a careless test would let it pass; a stuck sampler gives constants."""
    draws = np.random.default_rng(6).standard_normal((4, 1000))
    if what == "one NaN":
        draws[1, 5] = np.nan
    else:
        draws[:] = np.nan if what == "all NaN" else 1.0
    verdict = judge([_good(), describe("broken", draws)], NO_DIVERGENCE)
    assert not verdict.ok, verdict.text
    assert "broken" in verdict.text
