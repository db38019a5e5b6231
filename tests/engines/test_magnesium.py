"""Eight trials of magnesium under six priors of the between-trial SD, against published posteriors and a dense grid.

The model is that of the BUGS examples (volume I, 'Magnesium'), after Spiegelhalter, Abrams and Myles 2004: binomial
counts, a control risk of its own for every trial with a uniform prior, log odds ratios from a normal distribution with
the mean mu, uniform from -10 to 10, and the SD tau. `magnesium.csv` holds the rows that the example prints as
distributed with MultiBUGS (github.com/MultiBUGS/MultiBUGS-txt, Examples/Magnesium.odc.cp): three runs of 2,000,000
draws, each with its Monte Carlo error of the mean and its effective sample size. The book's own table was not at hand.

The grid is written here: the control risk of each trial and then its log odds ratio are integrated out by the trapezoid
rule, and mu and tau stay; only the prior of tau is the package's.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import TypeAdapter
from scipy import stats
from scipy.interpolate import CubicSpline
from scipy.special import log_expit, logsumexp

from bayes_lupil import ModelSpec, fit, load_trial
from bayes_lupil.posterior.diagnostics import mcse_mean, mcse_quantile
from bayes_lupil.priors import ScalePrior, typical_error
from tests.proofs import FIT

Floats = NDArray[np.float64]

MANY = 4.0
"""Monte Carlo errors that two posteriors may lie apart: about 1 in 16,000 comparisons by chance."""

DEATHS = np.array([[2, 1], [23, 9], [7, 2], [1, 1], [8, 10], [9, 1], [3, 1], [118, 90]])
PATIENTS = np.array([[36, 40], [135, 135], [200, 200], [46, 48], [148, 150], [56, 59], [23, 25], [1157, 1159]])
"""Of control and magnesium, as the example lists them."""

S0 = typical_error((1 / (DEATHS + 0.5) + 1 / (PATIENTS - DEATHS + 0.5)).sum(axis=1))
"""The example's s0: 0.5 added to every count."""

TAU: dict[int, dict[str, Any]] = {
    1: {"family": "variance_inverse_gamma", "shape": 0.001, "scale": 0.001},
    2: {"family": "variance_uniform", "lower": 0, "upper": 50},
    3: {"family": "uniform", "lower": 0, "upper": 50},
    4: {"family": "uniform_shrinkage", "scale": S0},
    5: {"family": "dumouchel", "scale": S0},
    # the example's precision is Phi(0.75) / s0^2, though the book means that of a 75 % quantile
    6: {"family": "variance_half_normal", "sd": S0 / stats.norm.cdf(0.75) ** 0.5},
}
WHY = "as in the published analysis"


@dataclass(frozen=True)
class Published:
    """What one run printed of one quantity; `mc_error` is that of the mean."""

    mean: float
    median: float
    sd: float
    mc_error: float
    q2_5: float
    q97_5: float
    ess: float


@cache
def published(prior: int, quantity: str) -> tuple[Published, ...]:
    with Path(__file__).with_name("magnesium.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if (row["prior"], row["quantity"]) == (str(prior), quantity)]
    return tuple(Published(*(float(row[name]) for name in Published.__annotations__)) for row in rows)


# the grid


MU = np.linspace(-10, 10, 1001)
LOG_TAU = np.log(50) - (np.arange(220) + 0.5)[::-1] * np.log(50) / 48
"""Middles of cells; the upper bounds of the uniform priors, 50 and 50^(1/2), lie between two."""


@cache
def log_likelihood() -> Floats:
    """Log likelihood at (tau, mu), every trial's control risk and log odds ratio integrated out."""
    theta = np.linspace(-24, 24, 1201)
    phi = np.linspace(-40, 10, 1251)[:, None]  # the control log odds; a uniform risk has the density p (1 - p) there
    uniform = log_expit(phi) + log_expit(-phi)
    by_trial = []
    for (r0, r1), (n0, n1) in zip(DEATHS, PATIENTS, strict=True):
        given = r0 * log_expit(phi) + (n0 - r0) * log_expit(-phi) + uniform
        given = given + r1 * log_expit(phi + theta) + (n1 - r1) * log_expit(-phi - theta)
        by_trial.append(logsumexp(given, axis=0))
    smooth = CubicSpline(theta, np.array(by_trial), axis=1)
    peaks = np.max(by_trial, axis=1)
    found = np.empty((LOG_TAU.size, MU.size))
    for i, tau in enumerate(np.exp(LOG_TAU)):
        if tau < 0.15:  # over standard normal steps around mu
            z = np.arange(-8, 8.01, 0.5)
            weight = stats.norm.pdf(z) * 0.5
            found[i] = logsumexp(smooth(MU[:, None] + tau * z), b=weight, axis=-1).sum(axis=0)
        else:
            weight = stats.norm.pdf(theta, MU[:, None], tau) * (theta[1] - theta[0])
            likelihood = np.exp(np.array(by_trial) - peaks[:, None])
            found[i] = (np.log(np.maximum(weight @ likelihood.T, 1e-300)) + peaks).sum(axis=1)
    return found


@dataclass(frozen=True)
class Exact:
    """A posterior on a grid: values of a quantity, rising, and its density over x, an increasing function of it."""

    values: Floats
    x: Floats
    density: Floats

    @property
    def mean(self) -> float:
        return float(self.values @ self.density * (self.x[1] - self.x[0]))

    @property
    def sd(self) -> float:
        return float((self.values - self.mean) ** 2 @ self.density * (self.x[1] - self.x[0])) ** 0.5

    def kurtosis(self) -> float:
        return float((self.values - self.mean) ** 4 @ self.density * (self.x[1] - self.x[0])) / self.sd**4

    def quantile(self, prob: float) -> float:
        below = CubicSpline(self.x, self.density).antiderivative()
        return float(CubicSpline(self.x, self.values)(below.solve(prob, extrapolate=False)[0]))

    def density_at(self, value: float) -> float:
        x = np.interp(value, self.values, self.x)
        return float(np.interp(x, self.x, self.density) / CubicSpline(self.x, self.values)(x, 1))


@cache
def exact(prior: int) -> dict[str, Exact]:
    family = TypeAdapter(ScalePrior).validate_python({**TAU[prior], "reason": WHY})
    tau = np.exp(LOG_TAU)
    log_density = log_likelihood() + (family.logpdf(tau) + LOG_TAU)[:, None]
    joint = np.exp(log_density - log_density.max())
    of_mu, of_tau = joint.sum(axis=0), joint.sum(axis=1)
    return {
        "OR": Exact(np.exp(MU), MU, of_mu / of_mu.sum() / (MU[1] - MU[0])),
        "tau": Exact(tau, LOG_TAU, of_tau / of_tau.sum() / (LOG_TAU[1] - LOG_TAU[0])),
    }


QUANTILES = {"q2_5": 0.025, "median": 0.5, "q97_5": 0.975}


def _error(run: Published, posterior: Exact, statistic: str) -> float:
    """Monte Carlo error of what a run printed: the mean's own, the others' by its effective sample size."""
    if statistic == "mean":
        return run.mc_error
    if statistic == "sd":
        return posterior.sd * ((posterior.kurtosis() - 1) / (4 * run.ess)) ** 0.5
    prob = QUANTILES[statistic]
    return (prob * (1 - prob) / run.ess) ** 0.5 / posterior.density_at(posterior.quantile(prob))


def _rounding(printed: float) -> float:
    """Half of the last of four significant digits."""
    return 0.5 * 10 ** (np.floor(np.log10(printed)) - 3)


def _value(posterior: Exact, statistic: str) -> float:
    return posterior.quantile(QUANTILES[statistic]) if statistic in QUANTILES else getattr(posterior, statistic)


def far_from_published(prior: int, posterior: dict[str, Exact]) -> dict[str, float]:
    """Distances, in Monte Carlo errors of the published runs, of what lies further from their average than it may.

    The error is not taken below what the spread of the three runs shows, since a chain that moves slowly near tau = 0
    has fewer effective draws there. The SD of an odds ratio is left out: e^mu has no fourth moment to speak of, and
    three runs printed 0.35, 3.6 and 5.9.
    """
    found = {}
    for quantity, grid in posterior.items():
        runs = published(prior, quantity)
        for statistic in ("mean", *QUANTILES, *(["sd"] if quantity == "tau" else [])):
            printed = np.array([getattr(run, statistic) for run in runs])
            error = np.mean([_error(run, grid, statistic) for run in runs])
            error = max(float(error), float(printed.std(ddof=1))) / len(runs) ** 0.5
            distance = max(abs(printed.mean() - _value(grid, statistic)) - _rounding(printed[0]), 0.0) / error
            if distance > MANY:
                found[f"{quantity}, {statistic}"] = float(distance)
    return found


def _model(prior: int, **sampler: Any) -> ModelSpec:
    priors = {
        "alpha": {"family": "control_risk_beta", "a": 1, "b": 1},
        "beta": {"family": "uniform", "lower": -10, "upper": 10},
        "tau_v": TAU[prior],
    }
    return ModelSpec.from_dict(
        {
            "schema": 1,
            "name": f"magnesium_{prior}",
            "title": "The magnesium example",
            "role": "reference",
            "question": "Does this package give the posterior that others' software gave?",
            "end_point": "mortality",
            "population": "itt",
            "estimand": "log odds ratio",
            "sites": {"intercepts": "fixed", "effects": "partial", "coding": "reference"},
            "priors": {name: {**content, "reason": WHY} for name, content in priors.items()},
            "sampler": {"seed": 20261126, **sampler},
        }
    )


def far_from_grid(prior: int, **sampler: Any) -> dict[str, float]:
    """Distances of the engine's mean, quantiles and P(OR < 1), in its Monte Carlo errors, that are too far."""
    posterior = fit(_model(prior, **sampler), load_trial("magnesium"))
    assert posterior.verdict.ok, posterior.verdict.text
    found = {}
    for quantity, draws in (("OR", np.exp(posterior.draws("beta"))), ("tau", posterior.draws("tau_v"))):
        grid = exact(prior)[quantity]
        distances = {
            name: abs(np.quantile(draws, prob) - grid.quantile(prob)) / mcse_quantile(draws, prob)
            for name, prob in QUANTILES.items()
        }
        if quantity == "tau":  # an odds ratio's mean has an error that draws cannot tell
            distances["mean"] = abs(draws.mean() - grid.mean) / mcse_mean(draws)
        found |= {f"{quantity}, {name}": float(value) for name, value in distances.items() if value > MANY}
    return found


def test_the_counts_are_those_of_the_example() -> None:
    trial = load_trial("magnesium")
    assert trial.resolution == "cells"
    np.testing.assert_array_equal(trial.data.responders, DEATHS)
    np.testing.assert_array_equal(trial.data.n, PATIENTS)
    assert pytest.approx(0.1272041, abs=5e-8) == S0**2  # as Stan's version of the example has it


@pytest.mark.parametrize("prior", TAU)
def test_the_published_posteriors(prior: int) -> None:
    """The package's six priors of tau lead to the posteriors that MultiBUGS printed."""
    assert len(published(prior, "OR")) == len(published(prior, "tau")) == 3
    assert far_from_published(prior, exact(prior)) == {}


@pytest.mark.parametrize(("prior", "other"), [(1, 5), (2, 3), (4, 6), (5, 4)])
def test_another_prior_is_far(prior: int, other: int) -> None:
    """The comparison can fail: in every quantile and the mean of tau, even between the two most alike."""
    assert {"tau, mean", "tau, q2_5", "tau, q97_5"} <= set(far_from_published(prior, exact(other)))


@pytest.mark.parametrize(
    "prior", [pytest.param(prior, marks=[] if prior == 4 else pytest.mark.proof(*FIT)) for prior in TAU]
)
def test_quadrature_and_the_grid(prior: int) -> None:
    assert far_from_grid(prior, engine="quadrature", points=1024 if prior == 4 else 2048) == {}


@pytest.mark.proof(*FIT)
@pytest.mark.parametrize("prior", [2, 5, 6])
def test_nuts_and_the_grid(prior: int) -> None:
    """An interval, a logarithm of a scale and one of a variance: what NUTS sees of these priors is theirs."""
    assert far_from_grid(prior, engine="nuts", target_accept=0.99) == {}
