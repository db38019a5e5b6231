"""Data and priors far from the ordinary: posteriors a million times narrower than the prior, or far out in it.

Means and SDs are held against a grid over the log odds of the two arms, laid about the maximum likelihood estimate and
written here with SciPy's functions alone; tolerances are Monte Carlo errors of as many independent draws.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, log_expit

from bayes_lupil import Cells, load_model
from bayes_lupil.engines import quadrature
from bayes_lupil.engines.climb import climb
from bayes_lupil.engines.draws import Draws
from bayes_lupil.engines.importance import sample_density, smooth_weights
from bayes_lupil.engines.proposal import Proposal, find_proposal
from bayes_lupil.errors import SamplerError
from bayes_lupil.likelihoods import BinomialCells
from bayes_lupil.posterior.diagnostics import Verdict, describe_independent, judge

MANY = 4.0
"""Monte Carlo errors that a mean may be off."""
Floats = NDArray[np.float64]


def _normal(mean: float, sd: float) -> dict[str, Any]:
    return {"family": "normal", "mean": mean, "sd": sd, "reason": "far from ordinary"}


def _fit(model: str, y: Any, n: Any, **changes: Any) -> tuple[Draws, Verdict]:
    spec = load_model(model).edited(sampler__engine="quadrature", only_for=[], **changes)
    cells = Cells(tuple(f"s{i}" for i in range(len(y))), np.array(y), np.array(n))
    draws = quadrature.sample(BinomialCells(spec, cells.pooled() if spec.sites.pooled else cells))
    rows = [
        describe_independent(name, value) for name, value in draws.values.items() if value.ndim == 2
    ]  # of the parameters that sites share
    return draws, judge(rows, draws.statistics, draws.diagnostics)


def _grid(
    y: Any, n: Any, x: tuple[float, float], priors: tuple[tuple[float, float], tuple[float, float]]
) -> tuple[Floats, Floats]:
    """Posterior means and SDs of alpha and beta under normal priors."""
    (m_a, s_a), (m_b, s_b) = priors
    y, n = np.asarray(y, dtype=float), np.asarray(n, dtype=float)

    def log_density(eta0: Floats, eta1: Floats) -> Floats:
        found = np.zeros(np.broadcast(eta0, eta1).shape)
        for eta, yes, all_ in ((eta0, y[0], n[0]), (eta1, y[1], n[1])):
            found = found + yes * log_expit(eta) + (all_ - yes) * log_expit(-eta)
        slope = (eta1 - eta0) / (x[1] - x[0])
        level = eta0 - slope * x[0]
        return np.asarray(found - 0.5 * ((level - m_a) / s_a) ** 2 - 0.5 * ((slope - m_b) / s_b) ** 2)

    # scaled by the likelihood's own SDs, so that the search and the grid are about a unit wide
    guess = np.log((y + 0.5) / (n - y + 0.5))
    width = np.sqrt(1 / (y + 0.5) + 1 / (n - y + 0.5))
    width = np.where(width > 1, max(s_a, s_b), width)
    best = minimize(lambda z: -float(log_density(*(guess + width * z))), np.zeros(2), method="Nelder-Mead",
                    options={"xatol": 1e-6, "fatol": 1e-9, "maxiter": 20_000, "maxfev": 40_000}).x  # fmt: skip
    line = np.linspace(-12, 12, 2401)
    eta0 = (guess[0] + width[0] * (best[0] + line))[:, None]
    eta1 = (guess[1] + width[1] * (best[1] + line))[None, :]
    log = log_density(eta0, eta1)
    w = np.exp(log - log.max())
    w /= w.sum()
    assert max(w[0].sum(), w[-1].sum(), w[:, 0].sum(), w[:, -1].sum()) < 1e-8  # nothing lies outside
    slope = (eta1 - eta0) / (x[1] - x[0])
    level = eta0 - slope * x[0]
    means = np.array([(w * level).sum(), (w * slope).sum()])
    sds = np.sqrt([(w * (level - means[0]) ** 2).sum(), (w * (slope - means[1]) ** 2).sum()])
    return means, sds


def _thousandths(control: int, active: int, n: int) -> tuple[list[list[int]], list[list[int]]]:
    return [[control * n // 1000, active * n // 1000]], [[n, n]]


WIDE = ((0.0, 10.0), (0.0, 10.0))
PEAKS: dict[str, tuple[Any, Any, str, tuple[tuple[float, float], tuple[float, float]]]] = {
    "the first one reported": (*_thousandths(300, 302, 10**6), "reference", WIDE),
    "centred": (*_thousandths(300, 302, 10**6), "centred", WIDE),
    "the package's own priors": (*_thousandths(300, 302, 10**6), "centred", ((0.0, 1.5), (0.0, 1.0))),
    "a thousand": (*_thousandths(300, 302, 10**3), "reference", WIDE),
    "ten million": (*_thousandths(300, 302, 10**7), "centred", ((0.0, 100.0), (0.0, 100.0))),
    "a thousand million": (*_thousandths(300, 302, 10**9), "reference", ((0.0, 1.5), (0.0, 1.0))),
    "the most that a file may hold": ([[3 * 10**11, 302 * 10**9]], [[999_999_999_999] * 2], "centred", WIDE),
    "a prior of 10,000 log odds": (*_thousandths(300, 302, 10**6), "centred", ((0.0, 1e4), (0.0, 1e4))),
    "equal halves": ([[500_000, 500_000]], [[10**6, 10**6]], "centred", ((0.0, 1e4), (0.0, 1e4))),
    "rare events": ([[40, 60]], [[10**9, 10**9]], "reference", ((0.0, 100.0), (0.0, 100.0))),
    "one arm a million times the other": ([[300_000, 1]], [[10**6, 3]], "reference", ((0.0, 1.5), (0.0, 1.0))),
    "prior 20 SDs away": (*_thousandths(300, 302, 10**6), "centred", ((20.0, 1.0), (-20.0, 1.0))),
    "prior 1,000 SDs away": (*_thousandths(300, 302, 10**6), "centred", ((1000.0, 1.0), (-1000.0, 1.0))),
    "prior as strong as the data": (*_thousandths(300, 302, 10**6), "centred", ((5.0, 1e-3), (-5.0, 1e-3))),
    "nobody of 22": ([[0, 0]], [[10, 12]], "centred", ((0.0, 1.5), (0.0, 1.0))),
    "everybody of 22": ([[10, 12]], [[10, 12]], "reference", ((0.0, 1.5), (0.0, 1.0))),
    "all against none": ([[0, 12]], [[10, 12]], "centred", ((0.0, 1.5), (0.0, 1.0))),
    "one patient in each arm": ([[1, 0]], [[1, 1]], "reference", ((0.0, 1.5), (0.0, 1.0))),
}


@pytest.mark.parametrize("case", PEAKS)
def test_pooled_against_a_grid(case: str) -> None:
    y, n, coding, priors = PEAKS[case]
    draws, verdict = _fit(
        "itt_pooled", y, n, sites__coding=coding, priors__alpha=_normal(*priors[0]), priors__beta=_normal(*priors[1])
    )
    assert verdict.ok, verdict.text
    means, sds = _grid(y[0], n[0], (-0.5, 0.5) if coding == "centred" else (0.0, 1.0), priors)
    for name, mean, sd in zip(("alpha", "beta"), means, sds, strict=True):
        found = draws.values[name]
        assert abs(found.mean() - mean) < MANY * sd / np.sqrt(found.size), name
        assert abs(found.std() / sd - 1) < MANY / np.sqrt(2 * found.size) * np.sqrt(1 + _excess(found)), name


def _excess(draws: Floats) -> float:
    """Excess kurtosis over 2, which widens the error of an SD."""
    z = (draws - draws.mean()) / draws.std()
    return max(float((z**4).mean() - 3) / 2, 0.0)


def _intercepts_grid(y: Floats, n: Floats, sd: tuple[float, float, float]) -> dict[str, tuple[float, float]]:
    """Means and SDs under random intercepts where every site is so large that its log odds are known normally.

    Site s then says log odds y_s ~ N(alpha + u_s, v_s) of control and the difference beta ~ N(d_s, w_s); for v_s far
    below tau^2 the posterior is that of a normal random-effects model, with alpha integrated out in closed form.
    """
    p = y / n
    logit = np.log(p / (1 - p))
    v = 1 / (n * p * (1 - p))
    # centred coding: the level is the mean of the arms' log odds, up to the precisions' imbalance, which is slight here
    w = v.sum(axis=1)
    beta = logit[:, 1] - logit[:, 0]
    precision = (1 / w).sum() + 1 / sd[1] ** 2
    b = (beta / w).sum() / precision
    weight = 1 / v
    share = weight / weight.sum(axis=1, keepdims=True)
    level = (share * (logit - b * np.array([-0.5, 0.5]))).sum(axis=1)
    tau = np.linspace(1e-3, 8, 40_001)
    s2 = tau[:, None] ** 2 + 1 / weight.sum(axis=1)
    total = (1 / s2).sum(axis=1) + 1 / sd[0] ** 2
    centre = (level / s2).sum(axis=1) / total
    log = -0.5 * np.log(s2).sum(axis=1) - 0.5 * np.log(total) - 0.5 * (level**2 / s2).sum(axis=1)
    log += 0.5 * centre**2 * total - 0.5 * (tau / sd[2]) ** 2
    q = np.exp(log - log.max())
    q /= q.sum()
    mean_a, mean_t = float(q @ centre), float(q @ tau)
    return {
        "alpha": (mean_a, float(np.sqrt(q @ (1 / total + centre**2) - mean_a**2))),
        "beta": (float(b), float(1 / np.sqrt(precision))),
        "tau_u": (mean_t, float(np.sqrt(q @ tau**2 - mean_t**2))),
    }


@pytest.mark.parametrize("size", [10**6, 10**7, 10**9, 10**11])
def test_large_sites_against_a_normal_model(size: int) -> None:
    """Random intercepts over four sites of up to 100,000 million patients in each arm, where digits may run out."""
    y = np.array([[300, 302], [400, 402], [200, 202], [100, 102]]) * (size // 1000)
    n = np.full((4, 2), size)
    draws, verdict = _fit("site_intercepts", y, n, priors__alpha=_normal(0, 10), priors__beta=_normal(0, 10))
    if size > 10**9 and not verdict.ok:
        assert "integrals that failed" in verdict.text
        return
    assert verdict.ok, verdict.text
    sd_tau = load_model("site_intercepts").priors.tau_u.sd  # type: ignore[union-attr]
    for name, (mean, sd) in _intercepts_grid(y.astype(float), n.astype(float), (10, 10, sd_tau)).items():
        found = draws.values[name]
        # the mean, and as much again for a likelihood that is only nearly normal
        slack = 1 / np.sqrt(size)
        assert abs(found.mean() - mean) < MANY * sd / np.sqrt(found.size) + slack * sd, name
        assert abs(found.std() / sd - 1) < MANY / np.sqrt(2 * found.size) * np.sqrt(1 + _excess(found)) + slack, name


def _one_each(sites: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(1)
    arm, yes = rng.integers(2, size=sites), rng.random(sites) < 0.4
    n = np.stack([arm == 0, arm == 1], axis=1).astype(int)
    return n * yes[:, None], n


ODD: dict[str, tuple[Any, Any]] = {
    "500 sites of one patient": _one_each(500),
    "nobody anywhere": ([[0, 0]] * 4, [[30, 30]] * 4),
    "everybody everywhere": ([[7, 5]] * 4, [[7, 5]] * 4),
    "nobody of a million": ([[0, 0]], [[10**6, 10**6]]),
    "all against none of a million": ([[0, 10**6]], [[10**6, 10**6]]),
    "a million beside threes": ([[1, 2]] * 3 + [[300_000, 320_000]] + [[1, 2]] * 4,
                                [[3, 3]] * 3 + [[10**6, 10**6]] + [[3, 3]] * 4),
    "two patients": ([[1, 0]], [[1, 1]]),
    "arms at different sites": ([[3, 0], [0, 4]], [[9, 0], [0, 9]]),
}  # fmt: skip


@pytest.mark.parametrize("model", ["site_effects", "site_intercepts", "itt_pooled"])
@pytest.mark.parametrize("case", ODD)
def test_odd_tables_end_with_a_verdict(case: str, model: str) -> None:
    """Whatever the table: numbers with a verdict, and where it is sound, moments as by plain importance sampling."""
    y, n = ODD[case]
    draws, verdict = _fit(model, y, n)
    assert all(np.isfinite(value).all() for value in draws.values.values())
    assert verdict.ok or verdict.failures[0].startswith("k-hat"), verdict.text
    if model == "itt_pooled" and verdict.ok:
        spec = load_model(model)
        alpha, beta = spec.priors.alpha, spec.priors.beta
        priors = ((alpha.mean, alpha.sd), (beta.mean, beta.sd))  # type: ignore[union-attr]
        totals = np.sum(y, axis=0), np.sum(n, axis=0)
        means, sds = _grid(*totals, (-0.5, 0.5), priors)
        for name, mean, sd in zip(("alpha", "beta"), means, sds, strict=True):
            found = draws.values[name]
            assert abs(found.mean() - mean) < MANY * sd / np.sqrt(found.size), name


def _narrow(width: float, centre: float) -> Any:
    """A standard normal prior times a normal likelihood: all of the posterior in closed form."""

    def log_density(g: Floats) -> Floats:
        return np.asarray(-0.5 * (g**2).sum(axis=-1) - 0.5 * (((g - centre) / width) ** 2).sum(axis=-1))

    return log_density


@pytest.mark.parametrize("dimension", [1, 2, 5])
@pytest.mark.parametrize(("width", "centre"), [(1e-2, 0.3), (1e-4, 1.0), (1e-6, -2.0), (1e-8, 0.5), (0.5, 300.0),
                                               (1e-3, 30.0), (1e-9, 3.0)])  # fmt: skip
def test_narrow_and_distant_peaks(width: float, centre: float, dimension: int) -> None:
    density = _narrow(width, centre)
    proposal = find_proposal(density, dimension, (), np.random.SeedSequence(1))
    precision = 1 + width**-2
    mean, sd = centre * width**-2 / precision, precision**-0.5
    assert np.abs(proposal.mean - mean).max() < 0.1 * sd
    found = sample_density(density, proposal, 2048, 4, np.random.SeedSequence(2))
    assert found.k_hat < 0.5
    assert found.effective > 1000
    w = found.weights.ravel()
    assert np.abs(w @ found.points.reshape(-1, dimension) - mean).max() < MANY * sd / np.sqrt(found.effective)


def test_climb_says_where_there_is_no_mode() -> None:
    search = climb(np.zeros(2))
    points = next(search)
    with pytest.raises(StopIteration) as end:
        search.send(np.full(len(points), -np.inf))
    assert end.value.value is None


def test_one_point_that_outweighs_all_others_is_not_trusted() -> None:
    ratios = np.full(4096, -1e7)
    ratios[17] = 0.0
    weights, k_hat = smooth_weights(ratios)
    assert np.isfinite(weights).all()
    assert weights.sum() == pytest.approx(1.0, abs=1e-12)
    assert not k_hat <= 0.7


@pytest.mark.parametrize("value", [-np.inf, np.nan])
def test_a_density_that_is_nowhere_a_number(value: float) -> None:
    def nowhere(g: Floats) -> Floats:
        return np.full(g.shape[0], value)

    with pytest.raises(SamplerError, match="nowhere a number"):
        find_proposal(nowhere, 2, (), np.random.SeedSequence(1))
    with pytest.raises(SamplerError, match="nowhere a number"):
        sample_density(nowhere, Proposal(np.zeros(2), np.eye(2)), 256, 4, np.random.SeedSequence(1))


def test_the_grid_of_this_file_against_a_known_answer() -> None:
    """A beta posterior: with log odds uniform over (nearly) all reals, the risk is Beta(y, n - y)."""
    y, n = [30, 60], [100, 100]
    means, sds = _grid(y, n, (0.0, 1.0), ((0.0, 1e4), (0.0, 1e4)))
    rng = np.random.default_rng(3)
    risk = rng.beta(y, np.subtract(n, y), size=(400_000, 2))
    eta = np.log(risk / (1 - risk))
    drawn = np.column_stack([eta[:, 0], eta[:, 1] - eta[:, 0]])
    assert np.abs(drawn.mean(axis=0) - means).max() < MANY * sds.max() / np.sqrt(400_000)
    assert np.abs(drawn.std(axis=0) / sds - 1).max() < MANY / np.sqrt(800_000) * 1.05
    assert expit(means[0]) == pytest.approx(0.3, abs=0.01)
