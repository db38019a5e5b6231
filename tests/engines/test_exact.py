"""LUPIL-2 without sites: NUTS against the exact posterior, by numerical integration in two dimensions.

With one pair of risks (p0, p1) the posterior density is the two binomials times the prior of alpha and beta, with the
Jacobian of their log odds. It is smooth on the unit square, so Gauss-Legendre gives its integrals to many digits.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from scipy.optimize import brentq
from scipy.special import logit, xlog1py, xlogy

from bayes_lupil import fit, load_model, load_trial
from bayes_lupil.posterior.diagnostics import mcse_mean, mcse_quantile
from tests.proofs import FIT

MANY = 4.0
"""Monte Carlo errors that a posterior may lie from the exact value: about 1 in 16,000 comparisons by chance."""

COUNTS = {"itt_pooled": ((29, 50), (34, 50)), "pp_pooled": ((15, 29), (20, 24))}
"""(responders, patients) of placebo and ILT-101: Humrich 2022, doi 10.1136/ard-2022-222501, by its percentages."""

INDEPENDENT_BETA = {"itt_pooled": (0.846, 0.096, (-0.088, 0.277)), "pp_pooled": (0.992, 0.295, (0.056, 0.511))}
"""P(RD > 0), median and 95 % interval of RD under independent Beta(1, 1) priors, as the task states them.

They come from draws: the exact values are 0.8471, 0.0967 (-0.0885, 0.2778) and 0.9917, 0.2945 (0.0554, 0.5111).
"""


@dataclass(frozen=True)
class Exact:
    """Posterior of (p0, p1) given ((responders, n) of control, of active).

    `sd` is that of the normal priors of alpha and beta under centred coding; None for independent Beta(1, 1) priors.
    """

    counts: tuple[tuple[int, int], tuple[int, int]]
    sd: float | None

    NODES = np.polynomial.legendre.leggauss(200)

    def density(self, p0: ArrayLike, p1: ArrayLike) -> NDArray[np.float64]:
        """Up to a constant."""
        p = np.stack(np.broadcast_arrays(p0, p1)).astype(float)
        log = sum(xlogy(y, p[a]) + xlog1py(n - y, -p[a]) for a, (y, n) in enumerate(self.counts))
        if self.sd is not None:
            eta = logit(p)
            alpha, beta = (eta[0] + eta[1]) / 2, eta[1] - eta[0]
            log = log - (alpha**2 + beta**2) / (2 * self.sd**2) - np.log(p * (1 - p)).sum(axis=0)
        return np.exp(log + 60)

    def _below(self, difference: float, power: int = 0) -> float:
        """Integral of density times RD**power where p1 - p0 is at most `difference`."""
        x, w = self.NODES
        # outer over p0; inner over p1 from 0 to p0 + difference, cut at 1, split where the cut begins
        edge = min(max(1 - difference, 0.0), 1.0)
        total = 0.0
        for low, high in ((max(0.0, -difference), edge), (edge, 1.0)):
            if high <= low:
                continue
            p0 = low + (high - low) * (x + 1) / 2
            top = np.minimum(p0 + difference, 1.0)
            p1 = top[:, None] * (x + 1) / 2
            inner = (self.density(p0[:, None], p1) * (p1 - p0[:, None]) ** power * w).sum(axis=1) * top / 2
            total += float((inner * w).sum() * (high - low) / 2)
        return total

    @cached_property
    def whole(self) -> float:
        return self._below(1.0)

    def p_benefit(self) -> float:
        return 1 - self._below(0.0) / self.whole

    def mean(self) -> float:
        return self._below(1.0, power=1) / self.whole

    def quantile(self, q: float) -> float:
        return float(brentq(lambda d: self._below(d) / self.whole - q, -0.9, 0.95, xtol=1e-10))


def _prior_sd(model: str) -> float:
    priors = load_model(model).priors
    assert (priors.alpha.family, priors.beta.family) == ("normal", "normal")
    assert (priors.alpha.mean, priors.beta.mean, priors.alpha.sd) == (0, 0, priors.beta.sd)
    return float(priors.alpha.sd)


def test_the_integration_itself() -> None:
    """Where the answer is known: a Beta posterior's mean, and the symmetric trial in which P(RD > 0) is 1/2."""
    exact = Exact(((29, 50), (34, 50)), None)
    assert exact.mean() == pytest.approx(35 / 52 - 30 / 52, rel=1e-9)
    for sd in (None, 2.5):
        even = Exact(((3, 10), (3, 10)), sd)
        assert even.p_benefit() == pytest.approx(0.5, rel=1e-9)
        assert even.mean() == pytest.approx(0.0, abs=1e-9)
        assert even.quantile(0.025) == pytest.approx(-even.quantile(0.975), rel=1e-8)


@pytest.mark.parametrize("model", COUNTS)
def test_independent_betas(model: str) -> None:
    """The stated numbers, within half of their last digit and 4 Monte Carlo errors.

    How many draws they rest on is not said; 100,000 are taken. The density at the quantiles is that of a normal.
    """
    flat, draws = Exact(COUNTS[model], None), 100_000
    p_benefit, median, interval = INDEPENDENT_BETA[model]
    sd = (flat.quantile(0.975) - flat.quantile(0.025)) / (2 * stats.norm.isf(0.025))
    p = flat.p_benefit()
    assert abs(p - p_benefit) < 0.5e-3 + MANY * np.sqrt(p * (1 - p) / draws)
    for q, stated in ((0.025, interval[0]), (0.5, median), (0.975, interval[1])):
        density = stats.norm.pdf(stats.norm.isf(q)) / sd
        assert abs(flat.quantile(q) - stated) < 0.5e-3 + MANY * np.sqrt(q * (1 - q) / draws) / density, q


@pytest.mark.parametrize("model", COUNTS)
def test_nearly_flat_priors_say_nearly_the_same(model: str) -> None:
    """What the choice of a flat prior moves, without any sampling.

    Beta(1, 1) is worth one responder and one non-responder in each arm. Another flat prior may be worth nothing or
    twice as much, so RD may differ by what these two patients move, added over arms; P(RD > 0) by what that shift of
    location does at the density of RD, at most 0.4 / SD.
    """
    flat, ours = Exact(COUNTS[model], None), Exact(COUNTS[model], _prior_sd(model))
    two_patients = sum(2 * abs(0.5 - y / n) / (n + 2) for y, n in COUNTS[model])
    sd = (flat.quantile(0.975) - flat.quantile(0.025)) / (2 * stats.norm.isf(0.025))
    for q in (0.025, 0.5, 0.975):
        assert abs(ours.quantile(q) - flat.quantile(q)) < two_patients, q
    assert abs(ours.mean() - flat.mean()) < two_patients
    assert abs(ours.p_benefit() - flat.p_benefit()) < two_patients * 0.4 / sd


@pytest.mark.stack
@pytest.mark.parametrize("model", ["itt_pooled", pytest.param("pp_pooled", marks=pytest.mark.proof(*FIT))])
@pytest.mark.parametrize("engine", ["nuts", "quadrature"])
def test_engines(model: str, engine: str) -> None:
    """P(benefit) about 0.85 in ITT and 0.99 in PP, and every number within 4 Monte Carlo errors of the exact one."""
    posterior = fit(load_model(model).edited(sampler__engine=engine), load_trial("lupil2"))
    assert posterior.provenance.totals == COUNTS[model]
    exact = Exact(COUNTS[model], _prior_sd(model))
    benefit = posterior.p_benefit
    assert benefit is not None, posterior.verdict.text
    assert abs(benefit.probability - exact.p_benefit()) < MANY * benefit.mcse
    assert benefit.mcse < 0.0075  # so that 4 of them still tell 0.85 from 0.82, and 0.99 from 0.97
    rd = posterior.draws("risk_difference")
    assert abs(rd.mean() - exact.mean()) < MANY * mcse_mean(rd)
    for q in (0.025, 0.975):
        assert abs(np.quantile(rd, q) - exact.quantile(q)) < MANY * mcse_quantile(rd, q), q
    assert round(exact.p_benefit(), 2) == {"itt_pooled": 0.85, "pp_pooled": 0.99}[model]
