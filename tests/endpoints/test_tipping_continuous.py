"""Tipping points of a continuous end point, against multiple imputation, closed forms and explicit missing values."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from bayes_lupil import Arms, EndPoint, Trial, fit, load_model
from bayes_lupil.convergence import effective_draws, mcse_proportion
from bayes_lupil.endpoints.tipping_continuous import missing_shares, shifted_surface
from bayes_lupil.errors import InputError, TrialError, UnsupportedModelError
from bayes_lupil.trials import Measurements, Population

MANY = 4.0
"""Combined Monte Carlo errors."""
ARMS = Arms("placebo", "drug")
POINT = EndPoint("change", "Change", "lower", "points", kind="continuous")
HIGHER = EndPoint("change", "Change", "higher", "points", kind="continuous")
SITES = ("A", "B", "C", "D")
SIGMA = 4.0


def _cells(seed: int = 5):
    """A value (NaN where missing) for each patient of four sites; unlike sizes, arms and shares missing."""
    rng = np.random.default_rng(seed)
    randomised = np.array([[9, 12], [20, 8], [5, 5], [14, 17]])
    missing = np.array([[3, 1], [5, 2], [0, 2], [2, 6]])
    cells = {}
    for s in range(4):
        for a in (0, 1):
            y = rng.normal(-3 - 1.2 * a + s, SIGMA, randomised[s, a])
            y[: missing[s, a]] = np.nan
            cells[s, a] = y
    return randomised, missing, cells


def _draws(randomised, missing, cells, rng, shape=(4, 5000)):
    """Posterior of each site's difference, with known SD and flat priors of the cells' means: in closed form."""
    v = np.empty((*shape, 4))
    for s in range(4):
        mean = [np.nanmean(cells[s, a]) for a in (0, 1)]
        sd = SIGMA * np.sqrt((1 / (randomised - missing)[s]).sum())
        v[..., s] = rng.normal(mean[1] - mean[0], sd, shape)
    return np.zeros(shape), v


@pytest.fixture(scope="module")
def closed():
    randomised, missing, cells = _cells()
    beta, v = _draws(randomised, missing, cells, np.random.default_rng(6))
    surface = shifted_surface(beta, v, SITES, missing, randomised, POINT, ARMS, largest=6.0)
    return randomised, missing, cells, beta, v, surface


def test_twenty_random_cells_by_multiple_imputation(closed) -> None:
    """Rubin 1987: draw the means, impute with the shift, analyse the completed data; the mixture is the posterior."""
    randomised, missing, cells, _, _, surface = closed
    rng, imputations = np.random.default_rng(7), 4000
    weight = randomised.sum(axis=1) / randomised.sum()
    for i, j in zip(rng.integers(0, 17, 20), rng.integers(0, 17, 20), strict=True):
        deltas = (surface.control[i], surface.active[j])
        effect, variance = np.zeros(imputations), 0.0
        for (s, a), y in cells.items():
            m, n = missing[s, a], randomised[s, a]
            mean = rng.normal(np.nanmean(y), SIGMA / np.sqrt(n - m), imputations)
            imputed = rng.normal(mean[:, None] + deltas[a], SIGMA, (imputations, m))
            completed = (np.nansum(y) + imputed.sum(axis=1)) / n
            effect += weight[s] * (1 if a else -1) * completed
            variance += (weight[s] * SIGMA) ** 2 / n
        chances = stats.norm.cdf(-effect / np.sqrt(variance))
        error = chances.std() / np.sqrt(imputations)
        assert abs(surface.p[i, j] - chances.mean()) < MANY * np.hypot(surface.mcse[i, j], error), deltas


def test_named_points_in_closed_form(closed) -> None:
    """With known SD the effect is normal, and P(benefit) a normal probability at every point."""
    randomised, missing, cells, _, _, surface = closed
    weight = randomised.sum(axis=1) / randomised.sum()
    difference = np.array([np.nanmean(cells[s, 1]) - np.nanmean(cells[s, 0]) for s in range(4)])
    variance = SIGMA**2 * (1 / (randomised - missing)).sum(axis=1)
    share = missing / randomised
    pi = weight @ share
    mean, sd = weight @ difference, np.sqrt(weight**2 @ variance)
    corner = surface.control[-1]
    assert corner == 6.0
    for name, control, active in (
        ("complete_cases", 0, 0), ("worst_case", -corner, corner), ("best_case", corner, -corner)
    ):  # fmt: skip
        found = surface.point(name)
        assert (found.control, found.active, found.on_grid) == (control, active, True)
        shifted = mean + pi[1] * active - pi[0] * control
        assert abs(found.p - stats.norm.cdf(-shifted / sd)) < MANY * found.mcse
        assert abs(found.effect - shifted) < MANY * sd / np.sqrt(20_000)
    assert surface.points[0].name == "complete_cases"
    # missing active patients like control at their site: only those seen show an effect
    kept = weight * (1 - share[:, 1])
    jump = surface.point("jump_to_control")
    assert abs(jump.p - stats.norm.cdf(-(kept @ difference) / np.sqrt(kept**2 @ variance))) < MANY * jump.mcse
    assert abs(jump.effect - kept @ difference) < MANY * np.sqrt(kept**2 @ variance / 20_000)
    assert jump.active == pytest.approx((jump.effect - surface.point("complete_cases").effect) / pi[1])
    # the shift of one arm that leads to the threshold
    needed = stats.norm.ppf(0.025) * sd - mean
    for name, exact in (("active_alone", needed / pi[1]), ("control_alone", -needed / pi[0])):
        point = surface.point(name)
        place, arm = (point.active, 1) if name == "active_alone" else (point.control, 0)
        error = sd * np.sqrt(0.025 * 0.975 / 20_000) / stats.norm.pdf(stats.norm.ppf(0.025)) / pi[arm]
        assert abs(place - exact) < MANY * error
        assert point.p == pytest.approx(0.975, abs=1e-3)
        assert ARMS.names[arm] in point.label


def test_grid_and_points_agree(closed) -> None:
    *_, surface = closed
    assert surface.p.shape == (17, 17)
    assert surface.control[8] == surface.active[8] == 0.0
    assert surface.p[8, 8] == surface.point("complete_cases").p
    assert surface.p[0, -1] == surface.point("worst_case").p
    assert surface.p[-1, 0] == surface.point("best_case").p
    assert (np.diff(surface.p, axis=0) >= 0).all()  # a higher control mean, where lower is good
    assert (np.diff(surface.p, axis=1) <= 0).all()
    crossing = surface.crossing
    i = int(np.flatnonzero(surface.control == crossing.cell[0])[0])
    j = int(np.flatnonzero(surface.active == crossing.cell[1])[0])
    assert (surface.p[i, j] > 0.975) != (surface.points[0].p > 0.975)
    frame = surface.to_frame()
    assert len(frame) == 17 * 17 + 3
    assert set(frame["point"]) - {""} == {point.name for point in surface.points}


def test_rubin_with_plain_shares() -> None:
    """One row: the completed-data mean is normal with the variance of those seen (Rubin's total variance)."""
    rng, n, m, means = np.random.default_rng(8), np.array([[50, 60]]), np.array([[10, 24]]), (1.0, 2.4)
    sd = SIGMA * np.sqrt((1 / (n - m)).sum())
    beta = rng.normal(means[1] - means[0], sd, (4, 4000))
    surface = shifted_surface(beta, None, ("all",), m, n, HIGHER, ARMS, largest=3.0)
    for i, j in ((0, 0), (3, 12), (16, 1), (8, 8)):
        within, between = SIGMA**2 / n[0], SIGMA**2 * m[0] / (n[0] * (n - m)[0])
        shift = m[0] / n[0] * (surface.control[i], surface.active[j])
        exact = stats.norm.cdf((means[1] + shift[1] - means[0] - shift[0]) / np.sqrt((within + between).sum()))
        assert abs(surface.p[i, j] - exact) < MANY * surface.mcse[i, j]


def test_higher_is_the_mirror_image(closed) -> None:
    randomised, missing, _, beta, v, surface = closed
    turned = shifted_surface(beta, v, SITES, missing, randomised, HIGHER, ARMS, largest=6.0)
    np.testing.assert_allclose(turned.p, 1 - surface.p, atol=1e-12)
    np.testing.assert_allclose(turned.effect, surface.effect, atol=1e-12)
    assert turned.point("worst_case").control == 6.0
    assert turned.point("worst_case").active == -6.0


def test_shares_by_site() -> None:
    """By hand: the missing share of an arm weighed by everyone at the site, not by the arm's patients there."""
    randomised, missing = np.array([[8, 2], [2, 8]]), np.array([[0, 1], [1, 0]])
    found = missing_shares(missing, randomised)
    np.testing.assert_allclose(found, [[0.0, 0.5], [0.5, 0.0]])
    surface = shifted_surface(np.ones((4, 500)) + np.arange(500) * 1e-6, None, ("A", "B"), missing, randomised, HIGHER,
                              ARMS, largest=1.0)  # fmt: skip
    # half of site A's patients would be missing under active: 0.5 * 0.5, and not 1 of 10
    moved = surface.effect[8, -1] - surface.effect[8, 8]
    assert moved == pytest.approx(0.25)
    alone = missing_shares(np.array([[1, 1], [1, 0]]), np.array([[4, 3], [2, 0]]))
    np.testing.assert_allclose(alone, [[0.25, 1 / 3], [0.5, 1 / 3]])


def test_fixed_effects_of_sites(closed) -> None:
    randomised, missing, _, _, v, surface = closed
    fixed = shifted_surface(v, None, SITES, missing, randomised, POINT, ARMS, largest=6.0)
    np.testing.assert_array_equal(fixed.p, surface.p)


def test_axes_by_the_residual_sd(closed) -> None:
    randomised, missing, _, beta, v, _ = closed
    found = shifted_surface(beta, v, SITES, missing, randomised, POINT, ARMS, residual_sd=5.1678, side=5)
    np.testing.assert_allclose(found.control, [-10, -5, 0, 5, 10])
    assert "points" in found.axis
    one_arm = shifted_surface(beta, v, SITES, missing * [1, 0], randomised, POINT, ARMS, largest=1.0)
    assert "active_alone" not in [point.name for point in one_arm.points]
    assert "jump_to_control" not in [point.name for point in one_arm.points]
    assert np.ptp(one_arm.p, axis=1).max() == 0.0


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"missing": np.zeros((4, 2), dtype=int)}, InputError, "no missing value"),
        ({"missing": np.full((4, 2), 50)}, TrialError, "row 1, control arm.*50 missing of 9"),
        ({"missing": np.ones((4, 2))}, TrialError, "float64"),
        ({"randomised": np.ones((3, 2), dtype=int)}, TrialError, "shape"),
        ({"v": np.zeros((4, 100, 3))}, InputError, "finite draws of shape"),
        ({"v": np.full((4, 100, 4), np.nan)}, InputError, "finite draws"),
        ({"end_point": EndPoint("x", "x")}, UnsupportedModelError, "binary"),
        ({"largest": None}, InputError, "one of the two"),
        ({"largest": 0.0}, InputError, "positive"),
        ({"side": 4}, InputError, "odd"),
        ({"threshold": 0.0}, InputError, "threshold"),
    ],
)
def test_what_does_not_go_together(changes, error, words) -> None:
    randomised, missing, _ = _cells()
    given = {
        "beta": np.zeros((4, 100)), "v": np.zeros((4, 100, 4)), "sites": SITES, "missing": missing,
        "randomised": randomised, "end_point": POINT, "arms": ARMS, "largest": 2.0,
    } | changes  # fmt: skip
    with pytest.raises(error, match=words):
        shifted_surface(**given)


def _trial(seed: int = 3) -> Trial:
    rng = np.random.default_rng(seed)
    site, arm = rng.integers(0, 6, 90), rng.integers(0, 2, 90)
    baseline = 6 + rng.poisson(4, 90).astype(float)
    value = -3 - 1.5 * arm + rng.normal(0, 1, 6)[site] - 0.4 * (baseline - 10) + rng.normal(0, 4, 90)
    value[rng.random(90) < np.where(arm == 1, 0.35, 0.2)] = np.nan
    data = Measurements(tuple(f"site {s}" for s in site), arm, value, baseline)
    return Trial("made_up", "Made up", ARMS, POINT, data, {"itt": Population("itt", "ITT")})


def _tables(trial: Trial):
    data = trial.data
    names = trial.measured_set().sites
    index = np.array([names.index(site) for site in data.site])
    randomised, missing = (np.zeros((len(names), 2), dtype=int) for _ in range(2))
    np.add.at(randomised, (index, data.arm), 1)
    np.add.at(missing, (index, data.arm), np.isnan(data.value).astype(int))
    return names, index, randomised, missing


@pytest.fixture(scope="module")
def fitted():
    spec, trial = load_model("sledai_absolute").edited(end_point="change"), _trial()
    posterior = fit(spec, trial)
    names, index, randomised, missing = _tables(trial)
    surface = shifted_surface(
        posterior.draws("beta"), posterior.draws("v"), names, missing, randomised, POINT, ARMS,
        residual_sd=float(np.median(posterior.draws("sigma"))), model=spec.name,
    )  # fmt: skip
    return spec, trial, posterior, index, surface


def test_complete_cases_are_the_fit(fitted) -> None:
    _, _, posterior, _, surface = fitted
    point = surface.point("complete_cases")
    assert point.p == posterior.p_benefit.probability
    assert point.mcse == pytest.approx(posterior.p_benefit.mcse)
    assert point.effect == pytest.approx(posterior.draws("mean_difference").mean())


@pytest.mark.slow
@pytest.mark.parametrize("cell", [(3, 10), (12, 13)])
def test_explicit_missing_values_by_nuts(fitted, cell) -> None:
    """Missing values as parameters with the shift; the effect is the average over all patients of both arms' means."""
    import pymc as pm

    spec, trial, _, index, surface = fitted
    data, priors = trial.data, spec.priors
    gap = np.isnan(data.value)
    delta = np.array([surface.control[cell[0]], surface.active[cell[1]]])
    centred = data.baseline - data.baseline[~gap].mean()
    with pm.Model():
        alpha, beta, tau_u, tau_v, gamma, sigma = (
            getattr(priors, name).pymc(name) for name in ("alpha", "beta", "tau_u", "tau_v", "gamma", "sigma")
        )
        u, v = tau_u * pm.Normal("e", 0, 1, shape=6), tau_v * pm.Normal("f", 0, 1, shape=6)
        x = data.arm - 0.5
        mean = alpha + u[index] + (beta + v[index]) * x + gamma * centred
        pm.Normal("seen", mean[~gap], sigma, observed=data.value[~gap])
        pm.Normal("absent", mean[gap] + delta[data.arm[gap]], sigma)
        pm.Deterministic("v", v)
        drawn = pm.sample(
            1500, tune=1000, chains=4, cores=1, random_seed=21, progressbar=False, target_accept=0.97,
            compute_convergence_checks=False,
        ).posterior  # fmt: skip
    # for each site and arm the mean over the arm's patients there, with their shifts; sites by everyone's shares
    effect = np.zeros(drawn["beta"].shape)
    for s in range(6):
        level = {}
        for a in (0, 1):
            here = (index == s) & (data.arm == a)
            own = drawn["beta"].values + drawn["v"].values[..., s]
            level[a] = np.stack([own * (a - 0.5) + delta[a] * gap[i] for i in np.flatnonzero(here)]).mean(axis=0)
        effect += (index == s).mean() * (level[1] - level[0])
    event = effect < 0
    error = mcse_proportion(event, effective_draws(effect))
    assert abs(event.mean() - surface.p[cell]) < MANY * np.hypot(error, surface.mcse[cell])
    assert 0.1 < event.mean() < 0.9  # where the two could differ
