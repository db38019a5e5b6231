"""Posteriors under priors stated for risks: both engines against a dense grid over the risks themselves.

With a uniform control risk p0 and a prior of phi = log(p1 / p0) or p1 - p0 the posterior of (p0, p1) is the product of
the two binomials and the prior of phi, cut off at what is possible, times the slope of phi in p1: no log odds.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from bayes_lupil import ModelSpec, fit, load_model, load_trial
from bayes_lupil.posterior.diagnostics import mcse_mean, mcse_quantile
from tests.proofs import FIT

MANY = 4.0
"""Monte Carlo errors that a posterior may lie from the grid: about 1 in 16,000 comparisons by chance."""

COUNTS = (9, 30), (16, 29)
"""He 2020: responders and patients of control and active."""

FAMILIES = {"log_risk_ratio_normal": (0.5, 0.8), "risk_difference_normal": (0.3, 0.3)}
"""Mean and SD; at a control risk of 30 % a fifth or a tenth of each is not possible."""

CELLS = 1500
WHY = "for this test only"


@cache
def grid(family: str) -> dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Sorted values and their cumulative probability, from the middles of cells over the unit square of (p0, p1)."""
    mean, sd = FAMILIES[family]
    middle = (np.arange(CELLS) + 0.5) / CELLS
    p0, p1 = (axis.ravel() for axis in np.meshgrid(middle, middle, indexing="ij"))
    if family == "log_risk_ratio_normal":
        prior = stats.norm.pdf(np.log(p1 / p0), mean, sd) / p1 / stats.norm.cdf(-np.log(p0), mean, sd)
    else:
        possible = stats.norm.cdf(1 - p0, mean, sd) - stats.norm.cdf(-p0, mean, sd)
        prior = stats.norm.pdf(p1 - p0, mean, sd) / possible
    weight = prior * stats.binom.pmf(*COUNTS[0], p0) * stats.binom.pmf(*COUNTS[1], p1)
    weight = weight / weight.sum()
    found = {}
    for name, value in (("risk_control", p0), ("risk_active", p1), ("risk_difference", p1 - p0)):
        order = np.argsort(value)
        found[name] = value[order], np.cumsum(weight[order])
    return found


def _exact(family: str) -> Iterator[tuple[str, float, float, NDArray[np.float64]]]:
    """Name, mean, P(above 0.2) and quantiles at 2.5, 25, 50, 75 and 97.5 %."""
    for name, (value, below) in grid(family).items():
        weight = np.diff(below, prepend=0)
        quantiles = np.interp([0.025, 0.25, 0.5, 0.75, 0.975], below, value)
        yield name, float(value @ weight), float(weight[value > 0.2].sum()), quantiles


def _model(family: str, **changes: Any) -> ModelSpec:
    mean, sd = FAMILIES[family]
    return load_model("itt_pooled").edited(
        only_for=[], sites__coding="reference", sampler__seed=20261126, **changes,
        priors__alpha={"family": "control_risk_beta", "a": 1, "b": 1, "reason": WHY},
        priors__beta={"family": family, "mean": mean, "sd": sd, "reason": WHY},
    )  # fmt: skip


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("engine", ["quadrature", pytest.param("nuts", marks=pytest.mark.proof(*FIT))])
def test_both_engines_give_the_posterior_of_the_risks(engine: str, family: str) -> None:
    posterior = fit(_model(family, sampler__engine=engine, sampler__points=32_768), load_trial("he2020"))
    assert posterior.verdict.ok, posterior.verdict.text
    for name, mean, above, quantiles in _exact(family):
        draws = posterior.draws(name)
        assert abs(draws.mean() - mean) < MANY * mcse_mean(draws), name
        assert abs((draws > 0.2).mean() - above) < MANY * max(mcse_mean(1.0 * (draws > 0.2)), 1 / draws.size), name
        for prob, quantile in zip((0.025, 0.25, 0.5, 0.75, 0.975), quantiles, strict=True):
            error = mcse_quantile(draws, prob)
            assert abs(np.quantile(draws, prob) - quantile) < MANY * error + 0.5 / CELLS, (name, prob)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_comparison_can_fail(family: str) -> None:
    """A prior of the log odds ratio that is as wide leads to another posterior of the risk difference."""
    changes = {"family": "normal", "mean": 0.0, "sd": 1.0, "reason": WHY}
    posterior = fit(_model(family, sampler__points=32_768).edited(priors__beta=changes), load_trial("he2020"))
    draws = posterior.draws("risk_difference")
    mean = next(mean for name, mean, *_ in _exact(family) if name == "risk_difference")
    assert abs(draws.mean() - mean) > 2 * MANY * mcse_mean(draws)


@pytest.mark.parametrize("family", FAMILIES)
def test_before_the_data_the_effect_is_a_truncated_normal(family: str) -> None:
    """The prior draws that a result keeps: control risk uniform, and the effect of the declared family given it."""
    mean, sd = FAMILIES[family]
    posterior = fit(_model(family), load_trial("he2020"))
    p0, p1 = (np.asarray(posterior.data["prior"][f"risk_{arm}"]).ravel() for arm in ("control", "active"))
    assert stats.kstest(p0, "uniform").pvalue > 1e-3
    low, high, effect = (
        (np.full_like(p0, -np.inf), -np.log(p0), np.log(p1 / p0))
        if family == "log_risk_ratio_normal"
        else (-p0, 1 - p0, p1 - p0)
    )
    shares = stats.truncnorm.cdf((effect - mean) / sd, (low - mean) / sd, (high - mean) / sd)
    assert stats.kstest(shares, "uniform").pvalue > 1e-3
