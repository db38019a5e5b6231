"""The exclusion path against fits of all sites and of the others, and against brute force in between."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.special import expit, log_expit

from bayes_lupil import Arms, Cells, EndPoint, Trial, fit, load_model, load_trial
from bayes_lupil.errors import InputError, TrialError, UnsupportedModelError
from bayes_lupil.likelihoods import build_likelihood
from bayes_lupil.sensitivity.reweighting import WeightedDraws
from bayes_lupil.sites import exclusion
from bayes_lupil.sites.exclusion import POWERS, exclusion_path
from tests.proofs import FIT

# of combined Monte Carlo errors; about 80 differences are looked at with fixed seeds, of which 4.5 would be passed by
# chance in less than 1 in 1,000 choices of the seeds
MANY = 4.5

ARMS, CURE = Arms("placebo", "drug"), EndPoint("cure", "Cure")


def table(r, n, benefit="higher"):
    sites = tuple("ABCDEFGH"[: len(r)])
    end_point = EndPoint("cure", "Cure", benefit=benefit)
    return Trial.from_cells(Cells(sites, np.array(r), np.array(n)), ARMS, end_point, "made up", synthetic=True)


@pytest.fixture(scope="module")
def trial():
    return load_trial("beitler_landis")


@pytest.fixture(scope="module")
def posterior(trial):
    """So many draws that a few hundred are on the rarer side of no difference."""
    return fit(load_model("site_effects").edited(sampler__points=65_536), trial)


@pytest.fixture(scope="module")
def path(posterior, trial):
    return exclusion_path(posterior, ["2", "8"])


@pytest.fixture
def nothing_carries(monkeypatch):
    monkeypatch.setattr(WeightedDraws, "sound", property(lambda self: self.unchanged))


def precisely(spec):
    """Another seed and four times the points, so that the reference adds little error of its own."""
    return spec.edited(sampler__seed=97, sampler__points=16384)


def far(first, second, *errors):
    """Difference in combined Monte Carlo errors."""
    return abs(first - second) / np.sqrt(np.sum(np.square(errors)))


def assert_alike(point, reference):
    """A point of the path against a fit."""
    for found, name in (
        (point.risk_difference, "risk_difference"),
        (point.conditional_log_odds_ratio, "conditional_log_odds_ratio"),
    ):
        row = reference.row(name)
        assert far(found.mean, row.mean, found.mcse, row.mcse_mean) < MANY, (point.power, name)
        if not (point.refitted or point.power > 0.99):  # draws far out have the large weights, so no error can be told
            continue
        for prob, quantile in ((0.025, found.q2_5), (0.5, found.q50), (0.975, found.q97_5)):
            # on the scale of probability, where the error of a quantile is that of a proportion
            below = (reference.draws(name) < quantile).mean()
            draws = 1 / (1 / point.effective + 1 / row.ess_bulk)
            assert far(below, prob, np.sqrt(prob * (1 - prob) / draws)) < MANY, (point.power, name, prob)
    best = reference.p_benefit
    assert far(point.p_benefit, best.probability, point.p_benefit_mcse, best.mcse) < MANY


def assert_same(first, second):
    """Two paths of the same powers."""
    for a, b in zip(first.points, second.points, strict=True):
        for name in ("risk_difference", "conditional_log_odds_ratio"):
            one, other = getattr(a, name), getattr(b, name)
            assert far(one.mean, other.mean, one.mcse, other.mcse) < MANY, (a.power, name)
        assert far(a.p_benefit, b.p_benefit, a.p_benefit_mcse, b.p_benefit_mcse) < MANY, a.power


@pytest.mark.proof(*FIT, "sites", "sensitivity")
def test_power_1_is_the_full_fit(path, posterior):
    point, row = path.points[0], posterior.row("risk_difference")
    assert point.power == 1
    assert point.risk_difference.mean == pytest.approx(row.mean, rel=1e-12)
    assert point.risk_difference.mcse == pytest.approx(row.mcse_mean, rel=1e-3)
    assert point.p_benefit == pytest.approx(posterior.p_benefit.probability, abs=1e-12)
    assert not point.refitted


def test_just_below_power_1_the_sites_drawn_afresh_are_those_of_the_fit(posterior, trial):
    # whatever is wrong with the fresh draws, the weights do not hide it here
    [near] = exclusion_path(posterior, list(trial.site_names[:-1]), (0.9999,)).points
    assert_alike(near, fit(precisely(posterior.spec), trial))


@pytest.mark.parametrize("sites", [["3", "8"], ["1"], ["5", "6"]])
def test_power_0_is_the_fit_without_the_sites(posterior, trial, sites):
    [point] = exclusion_path(posterior, sites, (0.0,)).points
    assert_alike(point, fit(precisely(posterior.spec).edited(without_sites=sites), trial))


def test_the_less_the_suspects_count_the_less_the_draws_are_worth(path):
    assert [point.power for point in path.points] == list(POWERS)
    effective = np.array([point.effective for point in path.points if not point.refitted])
    assert effective.size >= 6
    assert (np.diff(effective) < 0).all()
    assert path.points[0].k_hat == -np.inf
    assert path.points[-2].k_hat > path.points[2].k_hat


def brute_force(trial, suspects, power, kind="normal", size=1_000_000):
    """Importance sampling from the prior, the model written out: mean RD, P(RD > 0) and their errors."""
    rng = np.random.default_rng(3)
    y, n = (np.asarray(v, dtype=float) for v in (trial.data.responders, trial.data.n))
    sites = len(y)
    alpha, beta = rng.normal(0, 1.5, size), rng.normal(0, 1, size)
    tau_u, tau_v = abs(rng.normal(0, 1, size)), abs(rng.normal(0, 0.5, size))
    student = kind == "student_t"
    e, f = (rng.standard_t(4, (size, sites)) if student else rng.standard_normal((size, sites)) for _ in "ef")
    slope = beta[:, None] + tau_v[:, None] * f
    if kind == "exnex":
        slope = np.where(rng.random(slope.shape) < 0.3, rng.normal(0, 2, slope.shape), slope)
    counts = np.array([power if site in suspects else 1.0 for site in trial.site_names])
    log_weight, p = np.zeros(size), []
    for a, x in enumerate((-0.5, 0.5)):
        eta = alpha[:, None] + tau_u[:, None] * e + slope * x
        if kind == "contaminated" and a == 0:
            eta = eta + np.where(rng.random(eta.shape) < 0.3, rng.normal(0, 2, eta.shape), 0.0)
        p.append(expit(eta))
        log_weight += (counts * (y[:, a] * log_expit(eta) + (n[:, a] - y[:, a]) * log_expit(-eta))).sum(axis=1)
    share = counts * n.sum(axis=1)
    rd = (p[1] - p[0]) @ (share / share.sum())
    w = np.exp(log_weight - log_weight.max())
    w /= w.sum()
    mean, good = w @ rd, w @ (rd > 0)
    return mean, np.sqrt(w**2 @ (rd - mean) ** 2), good, np.sqrt(w**2 @ ((rd > 0) - good) ** 2)


# the first site is the largest and contradicts the others, so that its share and its shrinkage both show
SMALL = table([[3, 12], [5, 4], [4, 3]], [[16, 15], [9, 9], [8, 8]])
EDITS = {
    "normal": {},
    "student_t": {"sites__df": 4},
    "contaminated": {"sites__outliers": "control", "sites__outlier_sd": 2.0, "sites__outlier_share": 0.3},
    "exnex": {
        "sites__outlier_share": 0.3,
        "priors__nonexchangeable": {"family": "normal", "mean": 0, "sd": 2, "reason": "an effect of its own"},
    },
}


# the integrals of Student-t sites take long
SLOW = [pytest.mark.proof(*FIT, "sites", "sensitivity")]


@pytest.mark.parametrize("kind", [pytest.param(kind, marks=SLOW * (kind == "student_t")) for kind in EDITS])
@pytest.mark.parametrize("refit", [False, True])
def test_between_0_and_1_against_brute_force(request, kind, refit):
    spec = load_model("site_effects").edited(sites__distribution=kind, sampler__points=16_384, **EDITS[kind])
    posterior = fit(spec, SMALL)
    if refit:
        request.getfixturevalue("nothing_carries")
    [point] = exclusion_path(posterior, ["A"], (0.75,)).points
    assert point.refitted == refit
    mean, error, good, good_error = brute_force(SMALL, ["A"], 0.75, kind)
    assert far(point.risk_difference.mean, mean, point.risk_difference.mcse, error) < MANY
    assert far(point.p_benefit, good, point.p_benefit_mcse, good_error) < MANY
    # and the check can tell: the full fit is elsewhere
    assert far(posterior.row("risk_difference").mean, mean, point.risk_difference.mcse, error) > 2 * MANY


def test_powered_cells_are_what_their_marginal_integrates(posterior, trial):
    powers = np.linspace(0, 1, 8)
    powered = exclusion._PoweredCells(posterior.spec, trial.data, powers)
    plain = build_likelihood(posterior.spec, trial)
    values = plain.prior_draws(5, np.random.default_rng(1))
    assert powered.pointwise(values).values == pytest.approx(plain.pointwise(values).values * powers[:, None])
    assert powered.site_marginal.table.n.reshape(8, 2) == pytest.approx(trial.data.n * powers[:, None])


def test_draws_of_another_engine_do_as_well(resampled):
    posterior = resampled(load_model("site_effects"), SMALL)
    for point in exclusion_path(posterior, ["A"], (0.5,)).points:
        mean, error, good, good_error = brute_force(SMALL, ["A"], 0.5)
        # draws that were resampled from so few have ties, which their ESS does not see
        assert far(point.risk_difference.mean, mean, 2 * point.risk_difference.mcse, error) < MANY
        assert far(point.p_benefit, good, 2 * point.p_benefit_mcse, good_error) < MANY


@pytest.mark.usefixtures("nothing_carries")
def test_the_refitted_path_is_the_reweighted_one(path, posterior, trial):
    powers = (0.8, 0.5, 0.2, 0.0)
    again = exclusion_path(posterior, ["2", "8"], powers)
    assert all(point.refitted and point.ok for point in again.points)
    kept = tuple(point for point in path.points if point.power in powers)
    assert_same(again, exclusion.ExclusionPath(kept, (), 0, "", "", "", False))


def test_where_weights_do_not_carry_the_model_is_refitted():
    # one site has nearly all patients and contradicts the others
    trial = table([[150, 50], [1, 4], [1, 4], [2, 4], [1, 5]], [[200, 200], [5, 5], [5, 5], [5, 5], [5, 5]])
    spec = load_model("itt_pooled").edited(
        name="common",
        sites__intercepts="partial",
        priors__tau_u={"family": "half_normal", "sd": 0.2, "reason": "small spread"},
    )
    found = exclusion_path(fit(spec, trial), ["A"], (1.0, 0.05, 0.0)).points
    assert [point.refitted for point in found] == [False, True, True]
    assert found[2].k_hat > 0.7
    assert_alike(found[2], fit(precisely(spec).edited(without_sites=["A"]), trial))
    assert found[0].risk_difference.mean < found[1].risk_difference.mean < found[2].risk_difference.mean


@pytest.mark.parametrize("model", ["site_intercepts", "site_fixed"])
def test_other_poolings_end_at_the_fit_without_the_sites(trial, model):
    posterior = fit(model, trial)
    first, last = exclusion_path(posterior, ["2", "8"], (0.9999, 0.0)).points
    assert_alike(first, fit(precisely(posterior.spec), trial))
    assert_alike(last, fit(precisely(posterior.spec).edited(without_sites=["2", "8"]), trial))


def test_of_a_model_that_pools_all_sites_the_powered_totals_are_the_data(trial):
    spec = load_model("itt_pooled_primary_priors")
    [point] = exclusion_path(fit(spec, trial), ["2", "8"], (0.5,)).points
    counts = np.where(np.isin(trial.site_names, ["2", "8"]), 0.5, 1.0)
    y, n = counts @ trial.data.responders, counts @ trial.data.n
    # alpha ~ N(0, 1.5), beta ~ N(0, 1), on a grid
    alpha, beta = np.meshgrid(np.linspace(-3, 3, 801), np.linspace(-3, 3, 801))
    p = [expit(alpha + beta * x) for x in (-0.5, 0.5)]
    log_density = stats.norm.logpdf(alpha, 0, 1.5) + stats.norm.logpdf(beta, 0, 1)
    for a in (0, 1):
        log_density += y[a] * np.log(p[a]) + (n[a] - y[a]) * np.log1p(-p[a])
    w = np.exp(log_density - log_density.max())
    w /= w.sum()
    assert far(point.risk_difference.mean, (w * (p[1] - p[0])).sum(), point.risk_difference.mcse) < MANY
    assert far(point.p_benefit, w[p[1] > p[0]].sum(), point.p_benefit_mcse) < MANY
    assert far(point.conditional_log_odds_ratio.mean, (w * beta).sum(), point.conditional_log_odds_ratio.mcse) < MANY


def test_sites_with_patients_in_one_arm_and_a_harmful_end_point():
    r, n = [[3, 2], [4, 0], [2, 5], [5, 2], [4, 3]], [[10, 9], [4, 0], [8, 9], [9, 8], [10, 9]]
    trial = table(r, n, benefit="lower")
    posterior = fit("site_effects", trial)
    path = exclusion_path(posterior, ["B"], (1.0, 0.0))
    assert path.patients == 4
    assert_alike(path.points[0], posterior)
    assert_alike(path.points[1], fit(precisely(posterior.spec).edited(without_sites=["B"]), trial))


def test_as_a_table(path):
    frame = path.to_frame()
    assert list(frame.index) == list(POWERS)
    assert frame["q50"].tolist() == [point.risk_difference.q50 for point in path.points]
    assert frame.notna().all(axis=None)
    assert path.ok
    assert (path.sites, path.model, path.trial) == (("2", "8"), "site_effects", "beitler_landis")
    assert path.synthetic is False


def test_the_same_seed_gives_the_same_path(path, posterior, trial):
    assert exclusion_path(posterior, ["2", "8"]) == path


@pytest.mark.usefixtures("nothing_carries")
def test_no_probability_where_a_refit_fails(posterior, trial, monkeypatch):
    def worthless(self, seed, most):
        return self.points[:, :50], self.log_density[:, :50]

    monkeypatch.setattr("bayes_lupil.engines.importance.ImportanceSample.resample", worthless)
    path = exclusion_path(posterior, ["8"], (0.5,))
    [point] = path.points
    assert not point.ok
    assert not path.ok
    assert np.isnan([point.p_benefit, point.p_benefit_mcse]).all()


@pytest.mark.parametrize(
    ("sites", "powers", "error", "message"),
    [
        (["9"], (0.5,), InputError, r"'9'.*a site of the analysis"),
        ("2", (0.5,), InputError, r"For one: sites=\('2',\)"),
        ([], (0.5,), InputError, "at least one site"),
        (list("12345678"), (0.5,), TrialError, "at least one site kept"),
        (["2"], (1.5,), InputError, "1.5"),
        (["2"], (-0.1,), InputError, "-0.1"),
        (["2"], (float("nan"),), InputError, "nan"),
    ],
)
def test_what_is_refused(posterior, trial, sites, powers, error, message):
    with pytest.raises(error, match=message):
        exclusion_path(posterior, sites, powers)


def test_an_unknown_site_gets_the_nearest_spelling():
    names = Cells(("Sofia", "Berlin"), np.array([[3, 4], [2, 5]]), np.array([[9, 9], [9, 9]]))
    trial = Trial.from_cells(names, ARMS, CURE, synthetic=True)
    posterior = fit("site_effects", trial)
    with pytest.raises(InputError, match="Did you mean 'Sofia'"):
        exclusion_path(posterior, ["sophia"])


def test_a_trial_without_a_site_table_is_refused():
    trial = load_trial("lupil2")
    with pytest.raises(UnsupportedModelError, match="no site table"):
        exclusion_path(fit("itt_pooled", trial), ["x"])
