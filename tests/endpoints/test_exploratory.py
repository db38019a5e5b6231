"""Effects on one scale and their shrinkage: published posteriors, brute force, NUTS, bootstrap and simulation."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from scipy import stats

from bayes_lupil import EndPoint
from bayes_lupil.convergence import mcse_mean
from bayes_lupil.endpoints.estimates import TO_LOG_ODDS, EndPointValues, estimate_end_points
from bayes_lupil.endpoints.exploratory import explore, shrink
from bayes_lupil.errors import InputError, TrialError
from bayes_lupil.priors import HalfCauchy, HalfNormal, HalfStudentT, LogNormal, Normal, Uniform
from bayes_lupil.spec.plan import Exploratory

WHY = "For this test only."
MANY = 4.0
"""Standard errors."""
BINARY = EndPoint("response", "Response")
EVENT = EndPoint("adverse", "Adverse event", benefit="lower")
SCORE = EndPoint("score", "Score", "lower", "points", kind="continuous")
TITRE = EndPoint("titre", "Titre", "higher", "units", kind="continuous")

SCHOOLS = np.array([28.0, 8, -3, 7, -1, 1, 18, 12])
SCHOOLS_SE = np.array([15.0, 10, 16, 11, 9, 11, 10, 18])
"""Coaching effects: Rubin 1981, J Educ Stat 6:377-401, table 1, as in BDA3, table 5.2."""


def _prior(spread, mean=0.0, sd=0.5) -> Exploratory:
    return Exploratory(mean=Normal(mean=mean, sd=sd, reason=WHY), spread=spread)


def _half_normal(sd: float) -> HalfNormal:
    return HalfNormal(sd=sd, reason=WHY)


def test_eight_schools_of_posteriordb() -> None:
    """mu ~ N(0, 5), tau ~ half-Cauchy(5): reference posterior eight_schools-eight_schools_noncentered (Stan, 10,000
    draws), posterior_database/reference_posteriors/summary_statistics/mean/mean, commit e354533.
    """
    means = [6.15050229, 4.93958114, 3.90590609, 4.79601675, 3.61443632, 4.05114758, 6.31716976, 4.88399694]
    errors = [0.05573753, 0.04622938, 0.05423137, 0.04749358, 0.04614506, 0.04851954, 0.04987668, 0.05425116]
    found = shrink(SCHOOLS, np.diag(SCHOOLS_SE**2), _prior(HalfCauchy(scale=5, reason=WHY), sd=5))
    assert (np.abs([row.mean for row in found.theta] - np.array(means)) < MANY * np.array(errors)).all()
    assert abs(found.mu.mean - 4.41051834) < MANY * 0.03303747
    assert abs(found.tau_mean - 3.60205952) < MANY * 0.03186151
    assert found.error < 1e-9


def test_eight_schools_of_the_book() -> None:
    """Flat priors: BDA3, table 5.3, quantiles of 200 draws, printed as whole numbers."""
    printed = {  # 2.5 %, 50 %, 97.5 %
        0: (-2, 10, 31), 1: (-5, 8, 23), 2: (-11, 7, 19), 3: (-7, 8, 21), 4: (-9, 5, 18), 5: (-7, 6, 28),
        6: (-1, 10, 26), 7: (-6, 8, 33),
    }  # fmt: skip
    flat = _prior(Uniform(lower=0, upper=1000, reason=WHY), sd=1000)
    found = shrink(SCHOOLS, np.diag(SCHOOLS_SE**2), flat)
    for j, numbers in printed.items():
        row = found.theta[j]
        for q, mine, theirs in zip((0.025, 0.5, 0.975), (row.lower, row.median, row.upper), numbers, strict=True):
            # density at a quantile by the normal of the same SD, halved for the heavier tails
            density = stats.norm.pdf(stats.norm.ppf(q)) / row.sd / (1 if q == 0.5 else 2)
            assert abs(mine - theirs) < 0.5 + MANY * np.sqrt(q * (1 - q) / 200) / density, (j, q)


def _grid(y, v, prior, mus, taus, steps):
    """Means, SDs and P(> 0) over a grid of mu and tau, by matrices and SciPy's density."""
    k, identity, one = y.size, np.eye(y.size), np.ones(y.size)
    total, first, second, above = 0.0, np.zeros(k + 1), np.zeros(k + 1), np.zeros(k + 1)
    for tau, step in zip(taus, steps, strict=True):
        weight = step * np.exp(
            stats.multivariate_normal.logpdf(y - mus[:, None], np.zeros(k), v + tau**2 * identity)
            + prior.mean.logpdf(mus) + prior.spread.logpdf(tau)
        )  # fmt: skip
        covariance = np.linalg.inv(np.linalg.inv(v) + identity / tau**2)
        centre = (covariance @ (np.linalg.inv(v) @ y)[:, None] + covariance @ one[:, None] / tau**2 * mus).T
        sd = np.sqrt(np.diag(covariance))
        total += weight.sum()
        first += np.append(weight @ centre, weight @ mus)
        second += np.append(weight @ (centre**2 + sd**2), weight @ mus**2)
        above += np.append(weight @ stats.norm.cdf(centre / sd), weight[mus > 0].sum())
    mean = first / total
    return mean, np.sqrt(second / total - mean**2), above / total


V3 = np.array([[0.16, 0.08, -0.02], [0.08, 0.25, 0.05], [-0.02, 0.05, 0.09]])


@pytest.mark.parametrize("family", ["half_normal", "half_student_t", "log_normal", "uniform"])
def test_shrinkage_by_a_grid_over_mean_and_spread(family) -> None:
    """Correlated estimates, four priors of the spread."""
    y = np.array([0.9, -0.1, 0.3])
    spread = {
        "half_normal": _half_normal(0.5),
        "half_student_t": HalfStudentT(df=3, scale=0.4, reason=WHY),
        "log_normal": LogNormal(mean_log=-1, sd_log=0.7, reason=WHY),
        "uniform": Uniform(lower=0, upper=1.5, reason=WHY),
    }[family]
    prior = _prior(spread, mean=0.1, sd=0.6)
    if family == "uniform":  # midpoints, because its density ends at once
        taus, steps = (np.arange(1000) + 0.5) * 1.5e-3, np.ones(1000)
    else:
        taus = np.exp(np.linspace(np.log(1e-6), np.log(1e3), 800))
        steps = taus
    mean, sd, above = _grid(y, V3, prior, np.linspace(-4, 4, 602), taus, steps)
    found = shrink(y, V3, prior)
    rows = [*found.theta, found.mu]
    # what the grid leaves out below 1e-6, or steps of 0.0015 change
    np.testing.assert_allclose([row.mean for row in rows], mean, atol=2e-5)
    np.testing.assert_allclose([row.sd for row in rows], sd, atol=2e-5)
    np.testing.assert_allclose([row.p_benefit for row in rows], above, atol=2e-5)
    assert max(row.p_error for row in rows) < 1e-9


def test_quantiles_by_draws() -> None:
    """Draws of the same two stages: tau from its grid by inversion is replaced by resampled prior draws."""
    rng, y, draws = np.random.default_rng(2), np.array([0.9, -0.1, 0.3]), 400_000
    prior = _prior(_half_normal(0.5))
    tau, mu = prior.spread.sample(rng, (draws,)), prior.mean.sample(rng, (draws,))
    theta = mu[:, None] + tau[:, None] * rng.standard_normal((draws, 3))
    log = stats.multivariate_normal.logpdf(y - theta, np.zeros(3), V3)
    weight = np.exp(log - log.max())
    found = shrink(y, V3, prior)
    size = weight.sum() ** 2 / (weight**2).sum()
    for j, row in enumerate(found.theta):
        for q, at in ((0.025, row.lower), (0.5, row.median), (0.975, row.upper)):
            below = weight[theta[:, j] < at].sum() / weight.sum()
            assert abs(below - q) < MANY * np.sqrt(q * (1 - q) / size), (j, q)


def test_one_end_point_with_the_spread_given() -> None:
    """tau next to nothing, or given: a product of normal densities. tau huge: its own estimate."""
    y, v, s = 1.0, 0.3, 0.5
    for tau in (1e-9, 0.4, 3.0):
        prior = _prior(Uniform(lower=tau * (1 - 1e-7), upper=tau * (1 + 1e-7), reason=WHY), sd=s)
        found = shrink([y], [[v]], prior)
        before = s**2 + tau**2
        mean, variance = y * before / (before + v), v * before / (before + v)
        row = found.theta[0]
        assert row.mean == pytest.approx(mean, rel=1e-6)
        assert row.sd == pytest.approx(np.sqrt(variance), rel=1e-6)
        assert row.p_benefit == pytest.approx(stats.norm.cdf(mean / np.sqrt(variance)), abs=1e-7)
        limits = stats.norm.ppf([0.025, 0.975], mean, np.sqrt(variance))
        assert (row.lower, row.upper) == pytest.approx(tuple(limits), rel=1e-6)
        assert found.mu.mean == pytest.approx(y * s**2 / (before + v), rel=1e-6)
        assert row.factor == pytest.approx(v / (v + tau**2), rel=1e-6)


def test_limits_of_the_spread() -> None:
    y, v = np.array([0.9, -0.1, 0.3]), np.diag([0.1, 0.2, 0.4])
    none = shrink(y, v, _prior(Uniform(lower=0, upper=1e-8, reason=WHY), sd=1e4))
    pooled = (y / np.diag(v)).sum() / (1 / np.diag(v)).sum()  # the fixed-effect meta-analysis
    for row in (*none.theta, none.mu):
        assert row.mean == pytest.approx(pooled, rel=1e-6)
        assert row.sd == pytest.approx((1 / np.diag(v)).sum() ** -0.5, rel=1e-6)
    wide = shrink(y, v, _prior(Uniform(lower=1e4, upper=2e4, reason=WHY), sd=1e4))
    np.testing.assert_allclose([row.mean for row in wide.theta], y, rtol=1e-6)
    np.testing.assert_allclose([row.sd for row in wide.theta], np.sqrt(np.diag(v)), rtol=1e-6)
    assert max(row.factor for row in wide.theta) < 1e-7


def test_same_end_point_twice_counts_once() -> None:
    """A covariance without an inverse: two estimates that are one."""
    prior = _prior(Uniform(lower=0, upper=1e-7, reason=WHY))
    twice = shrink([1.0, 1.0], [[0.3, 0.3], [0.3, 0.3]], prior)
    once = shrink([1.0], [[0.3]], prior)
    assert twice.theta[0].mean == pytest.approx(once.theta[0].mean, rel=1e-6)
    assert twice.theta[1].sd == pytest.approx(once.theta[0].sd, rel=1e-6)
    apart = shrink([1.0, 1.0], [[0.3, 0.0], [0.0, 0.3]], prior)
    assert apart.theta[0].sd < 0.9 * once.theta[0].sd


@pytest.mark.parametrize(
    ("y", "v", "words"),
    [
        ([], np.zeros((0, 0)), "shape"),
        ([1.0, np.nan], np.eye(2), "finite"),
        ([1.0, 2.0], np.eye(3), "covariance of shape"),
        ([1.0, 2.0], [[1.0, 2.0], [2.0, 1.0]], "eigenvalue -1"),
        ([1.0, 2.0], [[1.0, 0.5], [0.0, 1.0]], "covariance matrix"),
        ([1.0], [[0.0]], "covariance matrix"),
    ],
)
def test_what_cannot_be_shrunk(y, v, words) -> None:
    with pytest.raises(InputError, match=words):
        shrink(y, v, _prior(_half_normal(0.5)))


@pytest.mark.slow
def test_shrinkage_by_nuts() -> None:
    import pymc as pm

    prior, y = _prior(_half_normal(0.5)), np.array([0.9, -0.1, 0.3])
    with pm.Model():
        mu, tau = prior.mean.pymc("mu"), prior.spread.pymc("tau")
        theta = pm.Deterministic("theta", mu + tau * pm.Normal("z", 0, 1, shape=3))
        pm.MvNormal("y", theta, cov=V3, observed=y)
        drawn = pm.sample(
            4000, tune=1000, chains=4, cores=1, random_seed=3, progressbar=False, target_accept=0.95,
            compute_convergence_checks=False,
        ).posterior  # fmt: skip
    found = shrink(y, V3, prior)
    for name, values, row in (
        *((f"theta {j}", drawn["theta"].values[..., j], found.theta[j]) for j in range(3)),
        ("mu", drawn["mu"].values, found.mu),
    ):
        assert abs(values.mean() - row.mean) < MANY * mcse_mean(values), name
        assert abs((values > 0).mean() - row.p_benefit) < MANY * mcse_mean((values > 0).astype(float)), name
        square = (values - row.mean) ** 2
        assert abs(square.mean() - row.sd**2) < MANY * mcse_mean(square), name
    tau = drawn["tau"].values
    assert abs(tau.mean() - found.tau_mean) < MANY * mcse_mean(tau)


def _patients(rng, n=(70, 50), cut=0.3):
    """Four end points of the same patients, correlated, with unlike variances by arm and gaps."""
    arm = np.repeat([0, 1], n)
    size = arm.size
    common = rng.standard_normal(size)
    baseline = 10 + 3 * rng.standard_normal(size)
    wide = np.where(arm == 1, 2.0, 1.0)
    response = (0.8 * common + rng.standard_normal(size) + 0.7 * arm > cut).astype(float)
    adverse = (-0.7 * common + rng.standard_normal(size) - 0.2 * arm > 0.5).astype(float)
    score = 0.5 * baseline - 2 * arm - 1.5 * common + wide * rng.standard_normal(size)
    titre = 1.0 * common + 0.6 * arm + rng.standard_normal(size)
    titre[rng.random(size) < 0.15] = np.nan
    response[rng.random(size) < 0.10] = np.nan
    items = [
        EndPointValues(BINARY, response), EndPointValues(EVENT, adverse, group="safety"),
        EndPointValues(SCORE, score, baseline), EndPointValues(TITRE, titre),
    ]  # fmt: skip
    return items, arm


def _taken(items, rows):
    return [
        EndPointValues(i.end_point, i.values[rows], None if i.baseline is None else i.baseline[rows], i.group)
        for i in items
    ]


def _close_covariance(found, draws) -> None:
    """Against the sampling covariance: the error of a covariance of normal draws."""
    sampled = np.cov(draws.T)
    error = np.sqrt((sampled**2 + np.outer(np.diag(sampled), np.diag(sampled))) / len(draws))
    assert (np.abs(found - sampled) < MANY * error).all(), np.round((found - sampled) / error, 1)


def test_covariance_by_bootstrap() -> None:
    """Patients drawn again within arms; large arms, so that terms of higher order do not count."""
    rng = np.random.default_rng(4)
    items, arm = _patients(rng, (420, 280))
    found = estimate_end_points(items, arm)
    draws = []
    for _ in range(300):
        rows = np.concatenate([rng.choice(np.flatnonzero(arm == a), (arm == a).sum()) for a in (0, 1)])
        again = estimate_end_points(_taken(items, rows), arm[rows])
        draws.append([item.estimate for item in again.items])
    _close_covariance(found.covariance, np.array(draws))
    correlation = found.covariance / np.outer(*[np.sqrt(np.diag(found.covariance))] * 2)
    assert (correlation[np.triu_indices(4, 1)] > 0.15).all()  # or there would be nothing to compare


@pytest.mark.slow
def test_covariance_by_simulation() -> None:
    """Arms of the size of a small trial: the mean of V over trials against the covariance of the estimates."""
    rng = np.random.default_rng(5)
    made = [estimate_end_points(*_patients(rng)) for _ in range(1200)]
    draws = np.array([[item.estimate for item in found.items] for found in made])
    _close_covariance(np.mean([found.covariance for found in made], axis=0), draws)


def test_variances_in_closed_form() -> None:
    """Woolf's for odds ratios; Welch's for means without a covariate, and what the SD adds where there is no effect."""
    rng = np.random.default_rng(6)
    items, arm = _patients(rng)
    found = estimate_end_points(items, arm)
    y = items[1].values
    table = np.array([[(y[arm == a] == e).sum() for e in (1, 0)] for a in (0, 1)])
    adverse = found.items[1]
    log_odds = np.log(table[1, 0] * table[0, 1] / (table[1, 1] * table[0, 0]))
    assert adverse.raw == pytest.approx(log_odds)
    assert adverse.estimate == pytest.approx(-log_odds)  # fewer are better
    assert adverse.se == pytest.approx(np.sqrt((1 / table).sum()))
    assert adverse.p == pytest.approx(2 * stats.norm.sf(abs(log_odds) / adverse.se))
    flat = rng.standard_normal(120) * np.where(arm == 1, 3.0, 1.0)
    flat[arm == 1] -= flat[arm == 1].mean() - flat[arm == 0].mean()
    (row,) = estimate_end_points([EndPointValues(TITRE, flat)], arm).items
    s = [flat[arm == a].var(ddof=1) / (arm == a).sum() for a in (0, 1)]
    pooled = np.sqrt(sum(flat[arm == a].var(ddof=1) * ((arm == a).sum() - 1) for a in (0, 1)) / 118)
    assert row.estimate == pytest.approx(0.0, abs=1e-12)
    assert row.se == pytest.approx(TO_LOG_ODDS * np.sqrt(sum(s)) / pooled)
    assert row.raw_se == pytest.approx(pooled * np.sqrt(1 / 70 + 1 / 50))


def test_the_standard_deviation_is_estimated_too() -> None:
    """Hedges and Olkin 1985, Statistical Methods for Meta-Analysis, p. 86: 1/n1 + 1/n0 + d^2 / (2 (n1 + n0))."""
    rng, n, d = np.random.default_rng(12), 3000, 2.5
    arm = np.repeat([0, 1], n)
    (row,) = estimate_end_points([EndPointValues(TITRE, 7 * (d * arm + rng.standard_normal(2 * n)))], arm).items
    variance = (row.se / TO_LOG_ODDS) ** 2
    second = d**2 / (4 * n)
    # the mean of (z^2 - 1)^2 over 2n normal z has a relative error of (56 / 2n)^(1/2) / 2
    assert abs(variance - 2 / n - second) < MANY * (second * np.sqrt(56 / (2 * n)) / 2 + 2 / n * np.sqrt(2 / (2 * n)))
    assert second > 0.4 * variance


def test_published_ancova(validation) -> None:
    """CDISC pilot, ADAS-Cog at week 24: -0.5 (.82) and -1.0 (.84), p .569 and .233, with site group and baseline."""
    with (validation / "data" / "cdiscpilot_adascog_week24_locf.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    names = np.array([row["arm"] for row in rows])
    score = EndPoint("adas", "ADAS-Cog", "lower", "points", kind="continuous")
    for active, printed in (("Low", (-0.5, 0.82)), ("High", (-1.0, 0.84))):
        here = (names == "Placebo") | np.char.endswith(names, f"{active}_Dose")
        change, baseline = (np.array([float(row[c]) for row in rows])[here] for c in ("change", "baseline"))
        sites = [row["site_group"] for row, keep in zip(rows, here, strict=True) if keep]
        item = EndPointValues(score, change, baseline)
        (found,) = estimate_end_points([item], (names[here] != "Placebo").astype(int), site=sites).items
        # two arms of three: the residual SD is not quite that of the published model, whose digits are few
        assert abs(found.raw - printed[0]) < 0.1
        assert abs(found.raw_se - printed[1]) < 0.07
        assert found.own_scale(found.estimate) == pytest.approx(found.raw)
        assert (found.estimate > 0) == (found.raw < 0)


def test_chinn_brings_both_kinds_together() -> None:
    """A logistic variable cut in two: its log odds ratio is its shift, and d on the common scale is about the same."""
    rng, n, shift = np.random.default_rng(7), 40_000, 0.6
    arm = np.repeat([0, 1], n)
    y = rng.logistic(shift * arm, 1.0)
    cut = EndPointValues(BINARY, (y > 0.2).astype(float))
    binary, continuous = estimate_end_points([cut, EndPointValues(TITRE, y)], arm).items
    assert abs(binary.estimate - shift) < MANY * binary.se
    # the pooled SD is pi / 3^(1/2): exactly for a logistic variable
    assert abs(continuous.estimate - shift) < MANY * continuous.se


def test_sites_in_the_model() -> None:
    """Stratified: the estimates of the regressions that the frequentist room has, and another SE than without."""
    from bayes_lupil.frequentist import adjusted_logistic, ancova

    rng = np.random.default_rng(8)
    items, arm = _patients(rng)
    site = [f"s{i}" for i in rng.integers(0, 5, arm.size)]
    found = estimate_end_points(items, arm, site=site)
    names = ["active" if a else "control" for a in arm]
    known = ~np.isnan(items[0].values)
    of = [[x for x, k in zip(column, known, strict=True) if k] for column in (names, site)]
    logistic = adjusted_logistic(items[0].values[known], *of, control="control").contrasts["active"].odds_ratio
    assert (found.items[0].raw, found.items[0].se) == pytest.approx((logistic.estimate, logistic.se))
    mean = ancova(items[2].values, names, site, items[2].baseline, control="control").contrasts["active"]
    assert (found.items[2].raw, found.items[2].raw_se) == pytest.approx((mean.estimate, mean.se))
    assert np.linalg.eigvalsh(found.covariance)[0] > 0
    without = estimate_end_points(items, arm)
    np.testing.assert_allclose(found.covariance, without.covariance, rtol=0.5, atol=0.03)
    assert not np.allclose(found.covariance, without.covariance, rtol=1e-3)


def test_empty_cells_and_what_cannot_be_estimated() -> None:
    arm = np.repeat([0, 1], 20)
    zero = np.zeros(40)
    zero[25:30] = 1.0  # 0/20 v 5/20
    lacking, gaps = np.zeros(40), np.where(arm == 1, np.nan, 1.0)
    gaps[:5] = 0.0
    items = [
        EndPointValues(EndPoint("zero", "Z"), zero), EndPointValues(EndPoint("none", "N"), lacking),
        EndPointValues(EndPoint("gone", "G"), gaps), EndPointValues(SCORE, np.full(40, 3.0)),
    ]  # fmt: skip
    found = estimate_end_points(items, arm)
    first = found.items[0]
    assert first.raw == pytest.approx(np.log((5.5 / 15.5) / (0.5 / 20.5)))
    assert first.se == pytest.approx(np.sqrt(1 / 5.5 + 1 / 15.5 + 1 / 0.5 + 1 / 20.5))
    assert "0.5 added" in first.note
    assert [item.ok for item in found.items] == [True, False, False, False]
    assert found.items[1].note == "no estimate: all patients lack it"
    assert "fewer than 2 patients in an arm" in found.items[2].note
    assert found.items[2].missing == (0, 20)
    assert "no residual variation" in found.items[3].note
    assert np.isnan(found.covariance[1]).all()
    assert np.isfinite(found.covariance[0, 0])
    table = explore(items, arm, _prior(_half_normal(0.5)))
    assert [row.shrunken is None for row in table.rows] == [False, True, True, True]
    frame = table.to_frame()
    assert frame.loc["none", "note"].startswith("no estimate")
    assert np.isnan(frame.loc["none", ["own", "p_benefit", "own_shrunken_lower"]].astype(float)).all()


def test_firth_by_its_penalised_likelihood() -> None:
    """0.5 in each cell is where the likelihood times Jeffreys' prior of a saturated logistic model is largest."""
    from scipy.optimize import minimize

    events, n = np.array([0.0, 5.0]), np.array([20.0, 20.0])

    def penalised(b):
        p = 1 / (1 + np.exp(-(b[0] + np.array([0, b[1]]))))
        information = n * p * (1 - p)
        determinant = information.prod()  # of X'WX with an intercept and one indicator
        return -(events @ np.log(p) + (n - events) @ np.log(1 - p) + 0.5 * np.log(determinant))

    best = minimize(penalised, [-2.0, 1.0], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-12})
    y = np.repeat([0.0, 1.0, 0.0], [20, 5, 15])
    (found,) = estimate_end_points([EndPointValues(BINARY, y)], np.repeat([0, 1], 20)).items
    assert found.raw == pytest.approx(best.x[1], abs=1e-6)


def test_groups_do_not_move_each_other_unless_asked() -> None:
    rng = np.random.default_rng(9)
    items, arm = _patients(rng)
    prior = _prior(_half_normal(0.5))
    apart = explore(items, arm, prior)
    assert [(group.name, group.end_points) for group in apart.groups] == [
        ("efficacy", ("response", "score", "titre")), ("safety", ("adverse",))
    ]  # fmt: skip
    alone = shrink([apart.rows[1].own.estimate], [[apart.rows[1].own.se ** 2]], prior).theta[0]
    assert apart.rows[1].shrunken.mean == pytest.approx(alone.mean)
    together = explore(items, arm, prior, together=True)
    assert [group.name for group in together.groups] == ["all"]
    assert together.rows[1].shrunken.mean != pytest.approx(alone.mean, abs=0.01)


def test_table_on_the_own_scales() -> None:
    rng = np.random.default_rng(10)
    items, arm = _patients(rng)
    table = explore(items, arm, _prior(_half_normal(0.5)))
    frame = table.to_frame()
    for row in table.rows:
        line, small = frame.loc[row.own.end_point.name], row.shrunken
        sign = row.own.end_point.sign
        if row.own.end_point.kind == "binary":
            back = np.exp(sign * np.array([small.median, small.lower, small.upper]))
            assert line["own"] == pytest.approx(np.exp(row.own.raw))
        else:
            sd = sign * row.own.raw / row.own.estimate * TO_LOG_ODDS
            back = sign * sd / TO_LOG_ODDS * np.array([small.median, small.lower, small.upper])
            assert line["own"] == pytest.approx(row.own.raw)
        assert line["own_shrunken"] == pytest.approx(back[0])
        assert sorted(back[1:]) == pytest.approx([line["own_shrunken_lower"], line["own_shrunken_upper"]])
        assert line["p_benefit"] == small.p_benefit
        assert 0 < line["shrinkage"] < 1
        assert 0 <= line["p_benefit_error"] < 1e-9
    assert frame.loc["response", "missing_control"] == np.isnan(items[0].values[arm == 0]).sum()
    assert set(frame.loc["score", ["n_control", "n_active"]]) == {70, 50}
    lower = frame.loc[["adverse", "score"]]
    assert ((lower["estimate"] > 0) == (lower["own"] < [1, 0])).all()


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"end_points": []}, InputError, "at least one"),
        ({"end_points": [EndPointValues(BINARY, np.ones(4))] * 2}, InputError, "each once"),
        ({"end_points": [EndPointValues(BINARY, np.ones(3))]}, TrialError, "shape"),
        ({"end_points": [EndPointValues(BINARY, np.arange(4.0))]}, TrialError, "0 and 1"),
        ({"end_points": [EndPointValues(SCORE, np.array([1, 2, np.inf, 3]))]}, TrialError, "infinite"),
        ({"end_points": [EndPointValues(BINARY, np.ones(4), np.ones(4))]}, InputError, "baseline of a binary"),
        ({"arm": np.array([0, 1, 2, 1])}, InputError, "0 or 1"),
        ({"site": ["a"]}, InputError, "1 values"),
    ],
)
def test_what_does_not_go_together(changes, error, words) -> None:
    given = {"end_points": [EndPointValues(BINARY, np.ones(4))], "arm": np.array([0, 1, 0, 1])} | changes
    with pytest.raises(error, match=words):
        estimate_end_points(**given)
