"""Integrals on grids at sites of 100,000 to 1,000 million patients, under priors with heavy tails.

There the likelihood of a site is normal about its empirical log odds, with SDs far below those of the prior, so that
the integral is the likelihood at its maximum times 2 pi times these SDs times the prior's density there, up to terms
of the order of 1 / patients, written here with SciPy's densities alone.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from bayes_lupil import Cells, load_model
from bayes_lupil.engines import quadrature
from bayes_lupil.likelihoods import BinomialCells
from tests.proofs import FIT

Floats = NDArray[np.float64]
RISKS = ((0.3, 0.302), (0.001, 0.4), (0.5, 0.5), (0.9, 0.2))
T_PRIORS = ((3.0, 0.0, 2.5), (1.0, 0.0, 2.5), (30.0, 0.0, 1.0), (7.0, 3.0, 10.0))
SIZES = (10**5, 10**6, 10**7, 10**9)


def _student(df: float, mean: float, scale: float) -> dict[str, Any]:
    return {"family": "student_t", "df": df, "mean": mean, "scale": scale, "reason": "heavy tails at large sites"}


def _likelihood(y: Any, n: Any, **changes: Any) -> BinomialCells:
    spec = load_model("site_effects").edited(sampler__engine="quadrature", sampler__points=256, **changes)
    return BinomialCells(spec, Cells(tuple(f"s{i}" for i in range(len(y))), np.array(y), np.array(n)))


def _expected(y: Floats, n: Floats, level: Any, slope: Any) -> tuple[Floats, Floats]:
    """Log integral of one site under densities of level and slope (centred coding), and the next term's size."""
    p = y / n
    eta, v = np.log(p / (1 - p)), 1 / (n * p * (1 - p))
    top = stats.binom.logpmf(y, n, p).sum() + 0.5 * np.log(2 * np.pi * v).sum()

    def prior(eta0: float, eta1: float) -> Floats:
        return np.asarray(level(0.5 * (eta0 + eta1)) + slope(eta1 - eta0))

    # second differences of the prior's density over its own scale say how much it bends within the likelihood's SDs
    here, bend = prior(*eta), 0.0
    for k in range(2):
        step = np.sqrt(v[k]) * np.eye(2)[k]
        up, down = prior(*(eta + step)), prior(*(eta - step))
        bend = bend + 0.5 * (np.exp(up - here) + np.exp(down - here) - 2)
    likelihood = np.sum(1 / (n * p * (1 - p)))  # of Stirling's series and of the likelihood's third derivatives
    return top + here + np.log1p(bend), np.abs(bend) + likelihood


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("df", T_PRIORS)
def test_free_intercepts_with_a_heavy_tailed_prior(df: tuple[float, float, float], size: int) -> None:
    rng = np.random.default_rng(20261126)
    beta, tau = rng.normal(0, 1, 64), np.exp(rng.normal(-1, 1, 64))
    for risks in RISKS:
        y, n = np.floor(np.array([risks]) * size), np.full((1, 2), size)
        likelihood = _likelihood(
            y.astype(int), n, sites__intercepts="fixed", priors__tau_u=None, priors__alpha=_student(*df)
        )
        found, failed = likelihood.site_marginal.log_sites({"beta": beta, "tau_v": tau}, 13)
        expected, slack = _expected(
            y[0], n[0].astype(float),
            lambda a: stats.t.logpdf(a, df[0], df[1], df[2]), lambda b: stats.norm.logpdf(b, beta, tau),
        )  # fmt: skip
        assert failed == 0
        near = slack < 0.1
        assert near.sum() > 6
        # the term after the next is smaller by the same ratio again
        assert (np.abs(found[:, 0] - expected) < 4 * slack**2 + 2 * slack / 10 + 1e-3)[near].all()


@pytest.mark.parametrize("size", SIZES)
def test_free_effects_with_a_heavy_tailed_prior(size: int) -> None:
    """The same with the normal effects inside and the heavy tails outside."""
    rng = np.random.default_rng(20261127)
    alpha, tau = rng.normal(0, 1, 64), np.exp(rng.normal(-0.5, 0.7, 64))
    for risks in RISKS:
        y, n = np.floor(np.array([risks]) * size), np.full((1, 2), size)
        likelihood = _likelihood(
            y.astype(int), n, sites__effects="fixed", priors__tau_v=None, priors__beta=_student(3.0, 0.0, 1.0)
        )
        found, failed = likelihood.site_marginal.log_sites({"alpha": alpha, "tau_u": tau}, 13)
        expected, slack = _expected(
            y[0], n[0].astype(float),
            lambda a: stats.norm.logpdf(a, alpha, tau), lambda b: stats.t.logpdf(b, 3.0, 0.0, 1.0),
        )  # fmt: skip
        assert failed == 0
        near = slack < 0.1
        assert near.sum() > 6
        assert (np.abs(found[:, 0] - expected) < 4 * slack**2 + 2 * slack / 10 + 1e-3)[near].all()


@pytest.mark.proof(*FIT)
@pytest.mark.parametrize("size", [10**4, 10**6, 10**8])
@pytest.mark.parametrize(
    "changes",
    [
        {"sites__intercepts": "fixed", "priors__tau_u": None, "priors__alpha": _student(3, 0, 2.5)},
        {"sites__effects": "fixed", "priors__tau_v": None, "priors__beta": _student(1, 0, 2.5)},
        {"sites__distribution": "student_t", "sites__df": 4.0},
    ],
    ids=["free intercepts", "free effects", "Student-t sites"],
)
def test_fits_of_large_sites_end(changes: dict[str, Any], size: int) -> None:
    """They wrote beyond the end of their arrays, and died or went on for ever; now every integral does."""
    y = np.array([[300, 320], [400, 420], [200, 220], [100, 120]]) * (size // 1000)
    draws = quadrature.sample(_likelihood(y, np.full((4, 2), size), **changes))
    assert draws.diagnostics["failed_integrals"] == 0
    assert draws.diagnostics["quadrature_error"] < 1e-3
    likelihood = _likelihood(y, np.full((4, 2), size), **changes)
    p = likelihood.probabilities(draws.values)
    # every site's own risks are known to a few SDs of a proportion
    sd = np.sqrt(y / size * (1 - y / size) / size)
    assert (np.abs(p.reshape(-1, 4, 2).mean(axis=0) - y / size) < 4 * sd / np.sqrt(p.shape[0] * p.shape[1]) + sd).all()
    assert (np.abs(p.reshape(-1, 4, 2).std(axis=0) / sd - 1) < 0.3).all()
