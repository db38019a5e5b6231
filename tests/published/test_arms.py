"""Risk differences and ratios where the integrand is steep or wide, against dense graded sums written here."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate, stats
from scipy.special import expit, log_expit, logit

from bayes_lupil.published.arms import ArmsPosterior
from bayes_lupil.published.library import _of_arms
from bayes_lupil.published.likelihoods import ArmPrior, CountsLikelihood
from bayes_lupil.published.priors import EffectPrior
from bayes_lupil.trials.measures import MEASURES

X, W = np.polynomial.legendre.leggauss(8)
UNIFORM = ArmPrior("uniform")


def composite(left, right, parts):
    """Nodes and weights of many short panels between each pair of ends."""
    step = (np.arange(parts)[:, None] + 0.5 + 0.5 * X).ravel() / parts
    width = np.asarray(right - left)[..., None]
    return np.asarray(left)[..., None] + width * step, width * np.tile(W, parts) / 2 / parts


def dense(control, active, key, value, mean, sd, reach):
    """P(measure < value): control's log odds outside, panels graded towards where the cut is infinite."""
    (y0, n0), (y1, n1) = control, active
    kink = -math.log(value - 1) if key == "rr" and value > 1 else logit(1 - value if value > 0 else -value)
    edges = np.linspace(-reach, reach, 301)
    if math.isfinite(kink):
        edges = np.unique([*edges, kink, *(kink + side * 2.0**-k for k in range(30) for side in (-1, 1))])
    h0, w0 = composite(edges[:-1], edges[1:], 1)
    h0, w0 = h0.ravel(), w0.ravel()
    other = np.clip(expit(h0) * value if key == "rr" else expit(h0) + value, 0, 1)
    cut = np.clip(logit(other), -reach, reach)

    def inner(left, right):
        h1, w1 = composite(left, right, 150)
        log = y1 * log_expit(h1) + (n1 - y1) * log_expit(-h1) - 0.5 * ((h1 - h0[:, None] - mean) / sd) ** 2
        log = log + (y0 * log_expit(h0) + (n0 - y0) * log_expit(-h0))[:, None]
        return float((w0[:, None] * w1 * np.exp(log - top)).sum())

    top = sum(y * math.log(y / n) if y else 0.0 for y, n in ((y0, n0), (n0 - y0, n0), (y1, n1), (n1 - y1, n1)))
    low, high = np.full(h0.shape, -reach), np.full(h0.shape, reach)
    if sd < 1:  # the other arm's log odds are near
        low, high = (np.clip(h0 + mean + side * 9 * sd, -reach, reach) for side in (-1, 1))
        cut = np.clip(cut, low, high)
    under, above = inner(low, cut), inner(cut, high)
    return under / (under + above)


@pytest.mark.parametrize(
    ("control", "active", "key", "value", "mean", "sd", "reach"),
    [
        ((1, 2), (1, 2), "rd", 0.5, -2.0, 20.0, 45.0),
        ((1, 2), (1, 2), "rd", -0.5, 0.0, 5.0, 40.0),
        ((1, 2), (1, 2), "rr", 2.0, 0.0, 5.0, 40.0),
        ((0, 20), (5, 20), "rd", 0.238095, 0.0, 5.0, 60.0),
        ((0, 20), (5, 20), "rd", 0.01, 0.0, 5.0, 60.0),
        ((20, 20), (18, 20), "rr", 0.902439, 0.0, 5.0, 60.0),
        ((20, 20), (18, 20), "rd", 0.021429, 0.3, 0.05, 20.0),
        ((20, 20), (18, 20), "rd", 0.02381, -2.0, 20.0, 180.0),
        ((29, 50), (34, 50), "rd", 0.048, 0.2, 0.001, 4.0),
        ((62, 124), (44, 125), "rd", -0.1, -0.4, 0.002, 4.0),
        ((29, 50), (34, 50), "rr", 1.08, 0.2, 0.001, 4.0),
    ],
)
def test_steep_and_wide(control, active, key, value, mean, sd, reach):
    arms = ArmsPosterior(CountsLikelihood(control, active), EffectPrior("x", mean, sd, ""))
    found, wanted = arms.below(MEASURES[key], value), dense(control, active, key, value, mean, sd, reach)
    assert found == pytest.approx(wanted, abs=1e-7)
    [edge] = arms.quantiles(MEASURES[key], (wanted,))
    assert arms.below(MEASURES[key], edge) == pytest.approx(wanted, abs=1e-7)


@pytest.mark.parametrize("shift", [-1e-5, -3e-6, -1e-6, 0.0, 1e-6, 1e-3])
def test_one_arm_at_the_edge(shift):
    """All but one of a million: P(RD < -1/2) turns within a millionth of the other arm's risk."""
    arms = ArmsPosterior(CountsLikelihood((999_999, 1_000_000), (5, 10), UNIFORM), UNIFORM)
    gap, other = stats.beta(2, 1_000_000), stats.beta(6, 6)
    value = -0.499999 + shift
    exact = integrate.quad(
        lambda q: gap.pdf(q) * other.cdf(1 - q + value), 0, 1e-4, points=[1e-6, 5e-6, 2e-5], epsabs=1e-13, limit=400
    )[0]
    assert arms.below(MEASURES["rd"], value) == pytest.approx(exact, abs=1e-8)


@pytest.mark.parametrize(
    ("control", "active", "value"),
    [((1500, 2000), (3, 4), 0.25), ((1500, 2000), (3, 4), -0.75), ((3, 10), (1500, 20_000), -0.3),
     ((1, 2), (1, 2), 0.5), ((0, 20), (5, 20), 0.95), ((3, 4), (1500, 2000), -0.25), ((20, 20), (18, 20), -0.02)],
)  # fmt: skip
def test_where_no_risk_gives_the_difference(control, active, value):
    arms = ArmsPosterior(CountsLikelihood(control, active, UNIFORM), UNIFORM)
    first, second = (stats.beta(y + 1, n - y + 1) for y, n in (control, active))
    points = sorted({*first.ppf([0.001, 0.1, 0.5, 0.9, 0.999]), min(max(1 - value, 0), 1), min(max(-value, 0), 1)})
    exact = integrate.quad(lambda p: first.pdf(p) * second.cdf(p + value), 0, 1, points=points, epsabs=1e-12, limit=900)
    assert arms.below(MEASURES["rd"], value) == pytest.approx(exact[0], abs=1e-8)


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize("what", ["p_beyond", "p_harm_beyond"])
@pytest.mark.parametrize("value", [-0.05, 0.02])
def test_harm_lies_on_the_other_side(sign, what, value):
    """Claims of reanalyses with priors of each arm: draws of the betas say which side is meant."""
    arms = ArmsPosterior(CountsLikelihood((29, 50), (34, 50), UNIFORM), UNIFORM)
    found = _of_arms(arms, MEASURES["rd"], sign, [{"what": what, "beyond": value}])
    rng = np.random.default_rng(4)
    draws = rng.beta(35, 17, 200_000) - rng.beta(30, 22, 200_000)
    side = sign if what == "p_beyond" else -sign
    assert found[f"{what} {value:g}"] == pytest.approx((side * draws > side * value).mean(), abs=0.006)
    assert found["p_harm"] == pytest.approx((sign * draws < 0).mean(), abs=0.006)
