"""Draws of the site effects given theta against their conditional density by brute force."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from scipy import stats
from scipy.special import log_expit

from bayes_lupil import ModelSpec
from tests.likelihoods.brute_force import (
    FAR_OUT,
    HEAVY,
    LONG,
    MODELS,
    Floats,
    latents_of,
    log_integral,
    marginal_of,
    spec_of,
)
from tests.proofs import FIT

# draws of the site effects


@dataclass(frozen=True)
class DrawCase:
    """One site at one theta."""

    spec: ModelSpec
    y: tuple[int, int]
    n: tuple[int, int]
    theta: dict[str, float]


THETA = {"alpha": -0.5, "beta": 0.6, "tau_u": 1.2, "tau_v": 0.8}


def _only(*names: str) -> dict[str, float]:
    return {name: THETA[name] for name in names}


TWO = spec_of("partial", "partial", **HEAVY, sites__df=4)
CASES = {
    "sparse, by rejection": DrawCase(MODELS["both"], (1, 3), (4, 5), THETA),
    "none of 20, a vast SD": DrawCase(
        MODELS["random intercept"], (0, 0), (10, 10), {"alpha": 2.0, "beta": 0.0, "tau_u": 1e3}
    ),
    "none of 500, by the chain": DrawCase(MODELS["both"], (0, 2), (500, 500), THETA | {"tau_u": 4.0, "alpha": -2.0}),
    "dense, by the chain": DrawCase(MODELS["both"], (130, 210), (500, 500), THETA),
    "none of 50, SDs of 30": DrawCase(MODELS["both"], (0, 0), (50, 50), THETA | {"tau_u": 30.0, "tau_v": 30.0}),
    "none of 500, SDs of 7": DrawCase(MODELS["both"], (0, 0), (500, 500), THETA | {"tau_u": 7.0, "tau_v": 7.0}),
    "half and none, SDs of 10": DrawCase(MODELS["both"], (0, 50), (100, 100), THETA | {"tau_u": 10.0, "tau_v": 10.0}),
    "all of 9, large tau": DrawCase(MODELS["both"], (9, 9), (9, 9), THETA | {"tau_u": 5.0}),
    "correlated": DrawCase(MODELS["correlated"], (2, 9), (10, 11), THETA | {"correlation": -0.7}),
    "intercept alone": DrawCase(MODELS["random intercept"], (2, 9), (10, 11), _only("alpha", "beta", "tau_u")),
    "slope alone, one arm": DrawCase(MODELS["random slope"], (0, 30), (0, 40), _only("alpha", "beta", "tau_v")),
    "t with 4": DrawCase(TWO, (2, 9), (10, 11), THETA),
    "t with 4, two modes": DrawCase(TWO, (2, 25), (24, 28), FAR_OUT),
    "t with 2, dense": DrawCase(spec_of("partial", "partial", **HEAVY, sites__df=2), (0, 200), (400, 400), THETA),
    "t with 4, correlated": DrawCase(MODELS["t with 4, correlated"], (1, 9), (10, 9), THETA | {"correlation": 0.6}),
    "fixed intercepts": DrawCase(MODELS["fixed intercepts, t prior"], (2, 9), (10, 11), _only("beta", "tau_v")),
}  # fmt: skip


def _conditional(case: DrawCase, which: int) -> tuple[Floats, Floats]:
    """Points and cdf of one of the site's two parameters given theta and the data, by brute force.

    The other one is integrated out at every point, on the scale of the integration variable s; the density of both is
    the likelihood times the two priors.
    """
    x = np.array([-0.5, 0.5])
    first, second = latents_of(case.spec)
    t = case.theta
    r, tau = t.get("correlation", 0.0), (t.get("tau_u", 1.0), t.get("tau_v", 1.0))

    def log_joint(s1: Any, s2: Any) -> Any:
        a = first.value(s1) if first else 0.0
        b = second.value(s2) if second else 0.0
        u, v = t.get("alpha", 0.0) + tau[0] * a, t.get("beta", 0.0) + tau[1] * (r * a + np.sqrt(1 - r**2) * b)
        cells = zip(case.y, case.n, x, strict=True)
        log = sum(k * log_expit(u + v * c) + (m - k) * log_expit(-u - v * c) for k, m, c in cells)
        return log + (first.log_density(s1) if first else 0.0) + (second.log_density(s2) if second else 0.0)

    mine, other = (first, second) if which == 0 else (second, first)
    assert mine is not None

    def log_marginal(s: Floats) -> Floats:
        if other is None:
            return np.asarray(log_joint(s, None) if which == 0 else log_joint(None, s))
        return log_integral(
            lambda q: log_joint(s[:, None], q) if which == 0 else log_joint(q, s[:, None]),
            np.full(s.shape, other.low), np.full(s.shape, other.high),
        )  # fmt: skip

    low, high = mine.low, mine.high
    for _ in range(3):
        s = np.linspace(low, high, 400)
        value = log_marginal(s)
        near = np.flatnonzero(value > value.max() - 25)
        low, high = s[max(near[0] - 1, 0)], s[min(near[-1] + 1, 399)]
    s = np.linspace(low, high, 1500)
    density = np.exp(log_marginal(s) - value.max())
    cdf = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2)])
    return mine.value(s), cdf / cdf[-1]


def _draws(case: DrawCase, many: int, seed: int) -> list[tuple[int, Floats]]:
    marginal = marginal_of(case.spec, [case.y], [case.n])
    theta = {name: np.full(many, value) for name, value in case.theta.items()}
    found = marginal.draw(theta, np.random.SeedSequence(seed))
    return [
        (which, found[name][:, 0])
        for which, names in enumerate((("e", "alpha"), ("f", "beta")))
        for name in names
        if name in found
    ]


MANY = 4000


@pytest.mark.parametrize(
    "case", [pytest.param(case, marks=pytest.mark.proof(*FIT)) if case in LONG else case for case in CASES]
)
def test_site_draws_follow_their_conditional_density(case: str) -> None:
    """Kolmogorov-Smirnov (p > 0.0001, of some 20), mean, and 5 / 50 / 95 % quantiles within 4 Monte Carlo errors."""
    found = _draws(CASES[case], MANY, 20260520)
    assert found
    for which, draws in found:
        at, cdf = _conditional(CASES[case], which)
        assert stats.kstest(draws, lambda q, at=at, cdf=cdf: np.interp(q, at, cdf)).pvalue > 1e-4, which
        for p in (0.05, 0.5, 0.95):
            # the share below a quantile is binomial whatever the density
            below = float((draws <= np.interp(p, cdf, at)).mean())
            assert abs(below - p) < 4 * np.sqrt(p * (1 - p) / MANY), (which, p)
        middle = (at[1:] + at[:-1]) / 2
        mean = float(np.diff(cdf) @ middle)
        sd = float(np.sqrt(np.diff(cdf) @ (middle - mean) ** 2))
        if (
            CASES[case].spec.sites.df != 2 and "two modes" not in case
        ):  # elsewhere no fourth moment, and no error of an SD
            assert abs(draws.mean() - mean) < 4 * sd / np.sqrt(MANY), which
            kurtosis = float(np.diff(cdf) @ ((middle - mean) / sd) ** 4)
            assert abs(draws.var() / sd**2 - 1) < 4 * np.sqrt(max(kurtosis - 1, 0.1) / MANY), which


def test_both_parameters_of_a_site_are_drawn_together() -> None:
    """With 500 patients in one arm u - v / 2 is known: its draws vary as the data say, though u and v vary far more."""
    case = DrawCase(MODELS["both"], (200, 0), (500, 0), THETA)
    (_, e), (_, f) = _draws(case, MANY, 20260521)
    eta = THETA["alpha"] + THETA["tau_u"] * e - 0.5 * (THETA["beta"] + THETA["tau_v"] * f)
    # binomial information n p (1 - p) plus the prior's, with kurtosis next to 3
    prior = THETA["tau_u"] ** 2 + (0.5 * THETA["tau_v"]) ** 2
    sd = 1 / np.sqrt(500 * 0.4 * 0.6 + 1 / prior)
    assert abs(eta.std() / sd - 1) < 4 / np.sqrt(2 * MANY) + 0.01
    assert THETA["tau_v"] * f.std() > 5 * sd


def test_the_samplers_are_the_ones_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which site goes to which sampler: information below 30 is drawn by rejection, above by the chain, t on grids."""
    from bayes_lupil.integrals import kernel_draws, kernel_modes

    def information(case: DrawCase) -> float:
        table = marginal_of(case.spec, [case.y], [case.n]).table
        tau = case.theta.get("tau_u", 0.0), case.theta.get("tau_v", 0.0)
        offset = case.theta["alpha"] + case.theta["beta"] * table.x
        j1, j2 = np.full((table.x.size, 1), tau[0]), (tau[1] * table.x)[:, None]
        at, ended = np.empty((8, 1)), np.empty(1, dtype=bool)
        kernel_modes._modes(at, table.y, table.n, offset[:, None], j1, j2, ended)
        assert ended.all()
        return float(at[5, 0] * at[7, 0] - at[6, 0] ** 2)

    assert kernel_draws._FLAT == 30
    assert information(CASES["sparse, by rejection"]) < 30
    assert information(CASES["none of 500, by the chain"]) > 30
    assert information(CASES["dense, by the chain"]) > 30
    for case, linear in (("dense, by the chain", True), ("t with 4", False)):
        spec = CASES[case].spec
        form = marginal_of(spec, [[1, 2]], [[3, 4]]).form({k: np.array([v]) for k, v in THETA.items()})
        assert form.is_linear is linear
