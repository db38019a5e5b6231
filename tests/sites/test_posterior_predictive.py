"""Predictive checks against enumeration and integrals by SciPy where the shared parameters are known, and simulated."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad
from scipy.special import expit

from bayes_lupil import Arms, Cells, EndPoint, Posterior, Trial, fit, load_model, load_trial
from bayes_lupil.engines.draws import Draws
from bayes_lupil.errors import InputError, UnsupportedModelError
from bayes_lupil.likelihoods import build_likelihood
from bayes_lupil.posterior.diagnostics import mcse_proportion
from bayes_lupil.sites.posterior_predictive import (
    NEW,
    SAME,
    STATISTICS,
    _mcse_score,
    draw_new_sites,
    predicted_by_site,
    predictive_checks,
    statistics_of_rates,
)
from tests.proofs import FIT

MANY = 4.5  # Monte Carlo errors
THETA = {"alpha": -0.4, "beta": 0.7, "tau_u": 0.8, "tau_v": 0.5}


def table(r, n):
    cells = Cells(tuple(f"s{i}" for i in range(len(r))), np.asarray(r), np.asarray(n))
    return Trial.from_cells(cells, Arms("placebo", "drug"), EndPoint("cure", "Cure"), "made up", synthetic=True)


def known(trial, theta, draws=10_000, without=()):
    """A posterior that is sure of the shared parameters."""
    likelihood = build_likelihood(load_model("site_effects").edited(without_sites=list(without)), trial)
    values = {name: np.full((4, draws // 4), value) for name, value in theta.items()}
    flat = {name: value.ravel() for name, value in values.items()}
    local = likelihood.site_marginal.draw(flat, np.random.SeedSequence(1))
    values |= {name: value.reshape(4, draws // 4, -1) for name, value in local.items()}
    sound = {"pareto_k": 0.0, "quadrature_error": 0.0, "failed_integrals": 0.0}
    found = Draws(values, {"lp": np.zeros((4, draws // 4))}, "known", {"sample": 0.0}, diagnostics=sound)
    return Posterior.from_draws(likelihood, found, trial)


SMALL = table([[3, 1], [0, 2], [1, 0], [2, 3]], [[4, 3], [2, 5], [2, 2], [3, 4]])
ONE_ARM = table([[3, 1], [0, 2], [0, 0], [2, 3]], [[4, 3], [2, 5], [0, 2], [3, 4]])


def new_site_pmf(n, arm, theta):
    """Probabilities of 0..n responders at a new site; its log odds are normal with variance tau_u^2 + (tau_v / 2)^2."""
    mean = theta["alpha"] + theta["beta"] * (arm - 0.5)
    sd = np.hypot(theta["tau_u"], 0.5 * theta["tau_v"])
    return [
        quad(lambda z, y=y: stats.binom.pmf(y, n, expit(mean + sd * z)) * stats.norm.pdf(z), -9, 9)[0]
        for y in range(n + 1)
    ]


@pytest.mark.parametrize("trial", [SMALL, ONE_ARM], ids=["all sites", "a site of one arm"])
@pytest.mark.parametrize("theta", [THETA, THETA | {"tau_u": 0.0, "tau_v": 0.0}], ids=["sites differ", "sites alike"])
def test_new_sites_by_enumeration(trial, theta):
    checks = predictive_checks(known(trial, theta))
    for a, arm in enumerate(("control", "active")):
        n = trial.data.n[:, a]
        n, y = n[n > 0], trial.data.responders[:, a][n > 0]
        pmf = [new_site_pmf(size, a, theta) for size in n]
        expected = dict.fromkeys(STATISTICS, 0.0)
        at = of_table(y, n)
        for counts in product(*(range(size + 1) for size in n)):
            chance = np.prod([pmf[s][c] for s, c in enumerate(counts)])
            for name, value in of_table(np.array(counts), n).items():
                tie = abs(value - at[name]) < 1e-12
                expected[name] += chance * (0.5 if tie else float(value > at[name]))
        for name in STATISTICS:
            found = checks.get(name, arm)
            assert found.observed == pytest.approx(at[name])
            assert abs(found.p_high - expected[name]) < MANY * found.mcse, (arm, name)
            assert found.p_low + found.p_high == pytest.approx(1)


def of_table(y, n):
    """The statistics of one table, in plain Python."""
    rates = [a / b for a, b in zip(y, n, strict=True)]
    mean = sum(rates) / len(rates)
    sd = (sum((r - mean) ** 2 for r in rates) / (len(rates) - 1)) ** 0.5
    return {
        "largest rate": max(rates), "smallest rate": min(rates), "all-responder sites": sum(r == 1 for r in rates),
        "no-responder sites": sum(r == 0 for r in rates), "SD of rates": sd,
    }  # fmt: skip


def test_the_same_sites_keep_their_effects():
    # a site of 2,000 patients has effects that are known, and a replicate of it its own rate
    trial = table([[1800, 200], [200, 1800]], [[2000, 2000], [2000, 2000]])
    checks = predictive_checks(known(trial, THETA | {"tau_u": 2.0, "tau_v": 2.0}))
    same, new = (checks.get("largest rate", "control", kind) for kind in (SAME, NEW))
    # the rate of a replicate has twice the variance of one binomial
    sd = np.sqrt(2 * 0.9 * 0.1 / 2000)
    assert same.q97_5 - same.q2_5 == pytest.approx(2 * 1.96 * sd, rel=0.1)
    assert abs(same.p_high - 0.5) < 0.05
    assert new.q97_5 - new.q2_5 > 0.3


def test_p_values_of_known_parameters_are_uniform():
    # trials drawn from the model itself: the SD of rates is all but continuous, and mid-p values average 1/2
    n = np.array([[9, 11], [14, 8], [6, 7], [20, 22], [5, 5], [10, 9]])
    start = table(np.zeros_like(n), n)
    likelihood = build_likelihood(load_model("site_effects"), start)
    rng = np.random.default_rng(11)
    theta = {name: np.full(300, value) for name, value in THETA.items()}
    trials = draw_new_sites(likelihood, theta, rng)
    replicates = draw_new_sites(likelihood, {name: np.full(20_000, v) for name, v in THETA.items()}, rng)
    for a in (0, 1):
        observed, again = (statistics_of_rates(y[..., a], n[:, a]) for y in (trials, replicates))
        for name in STATISTICS:
            above = again[name] > observed[name][:, None] + 1e-12
            tied = abs(again[name] - observed[name][:, None]) <= 1e-12
            p = (above + 0.5 * tied).mean(axis=1)
            assert abs(p.mean() - 0.5) < MANY * p.std() / np.sqrt(300), name
            if name == "SD of rates":
                assert stats.kstest(p, "uniform").pvalue > 1e-4


@pytest.mark.proof(*FIT, "sites", "sensitivity")
def test_trials_of_the_model_are_seldom_flagged():
    """Of trials drawn from prior and model, at most twice the nominal 5 % have a p-value in a tail (Meng 1994)."""
    n = np.array([[9, 11], [14, 8], [6, 7], [20, 22], [5, 5], [10, 9], [12, 12], [8, 15]])
    start = table(np.zeros_like(n), n)
    spec = load_model("site_effects")
    likelihood = build_likelihood(spec, start)
    rng = np.random.default_rng(4)
    values = likelihood.prior_draws(60, rng)
    flagged = dict.fromkeys(STATISTICS, 0)
    for i, y in enumerate(likelihood.simulate(values, rng).values):
        trial = table(y, n)
        checks = predictive_checks(fit(spec.edited(sampler__seed=i, sampler__points=1024), trial))
        for name in STATISTICS:
            found = checks.get(name, "control")
            flagged[name] += min(found.p_low, found.p_high) < 0.025
    for name, count in flagged.items():
        assert count <= stats.binom.ppf(0.999, 60, 0.10), name


def planted():
    """12 sites of 15 patients an arm, about half of them responders; at one all on control respond."""
    return table(np.column_stack([[6, 8, 7] * 3 + [6, 8, 15], [7, 8, 6] * 4]), np.full((12, 2), 15))


def test_a_planted_site_is_flagged_and_less_so_where_tails_are_heavy():
    trial, spec = planted(), load_model("site_effects").edited(sampler__points=2048)
    normal = predictive_checks(fit(spec, trial))
    heavy = spec.edited(name="heavy", sites__distribution="student_t", sites__df=2)
    student = predictive_checks(fit(heavy, trial))
    for name in ("largest rate", "all-responder sites"):
        first, second = normal.get(name, "control"), student.get(name, "control")
        assert first.p_high < 0.025, name
        assert second.p_high - first.p_high > 3 * np.hypot(first.mcse, second.mcse), name
    assert normal.get("largest rate", "active").p_high > 0.1
    assert not normal.notes


def test_pooling_is_refuted_where_sites_differ():
    trial = load_trial("beitler_landis")
    pooled = predictive_checks(fit("itt_pooled", trial))
    assert {item.replicates for item in pooled.checks} == {SAME}
    assert pooled.get("SD of rates", "control", SAME).p_high < 0.01
    assert predictive_checks(fit("site_effects", trial)).get("SD of rates", "control").p_high > 0.05
    assert any("says nothing of new sites" in note for note in pooled.notes)


def test_free_levels_have_no_new_sites():
    trial = load_trial("beitler_landis")
    checks = predictive_checks(fit("site_fixed", trial))
    assert {item.replicates for item in checks.checks} == {SAME}


def test_what_small_sites_hide_is_said():
    trial = table([[2, 1]] * 12, [[2, 2]] * 12)
    checks = predictive_checks(known(trial, THETA))
    [note] = [n for n in checks.notes if n.startswith("control") and "everyone" in n]
    # the chance of no such site among 12
    share = 1 - (1 - new_site_pmf(2, 0, THETA)[2]) ** 12
    told = float(note.split(" %")[0].split()[-1])
    assert abs(told / 100 - share) < MANY * np.sqrt(share * (1 - share) / 10_000) + 0.0005
    assert "smallest 2" in note


def test_one_site_has_no_spread():
    trial = table([[3, 5], [1, 2]], [[8, 9], [3, 3]])
    found = predictive_checks(known(trial, THETA, without=("s1",)))
    assert "SD of rates" not in {item.statistic for item in found.checks}
    with pytest.raises(InputError, match="SD of rates"):
        found.get("SD of rates", "control")


def test_the_error_of_a_score():
    rng = np.random.default_rng(2)
    event = rng.random((4, 500)) < 0.3
    assert _mcse_score(event.astype(float)) == pytest.approx(mcse_proportion(event, 2000.0), rel=1e-6)
    sure = np.ones((4, 500))
    assert _mcse_score(sure) == pytest.approx(mcse_proportion(sure.astype(bool), 2000.0), rel=1e-6)
    assert 0 < _mcse_score(np.full((4, 500), 0.5)) <= 1e-3


def test_predicted_counts_are_binomial_where_sites_are_alike():
    found = predicted_by_site(known(ONE_ARM, THETA | {"tau_u": 0.0, "tau_v": 0.0}, draws=40_000))
    assert len(found) == 7  # of 8 cells one has no patients
    for row in found.itertuples():
        p = expit(THETA["alpha"] + THETA["beta"] * (0.5 if row.arm == "active" else -0.5))
        for prob in (2.5, 25, 50, 75, 97.5):
            count = getattr(row, f"q{prob:g}".replace(".", "_"))
            near = {stats.binom.ppf(prob / 100 + e, row.n, p) for e in (-0.01, 0.0, 0.01)}  # 4 Monte Carlo errors
            assert count in near
        assert row.rate == row.responders / row.n


def test_as_a_table():
    checks = predictive_checks(known(SMALL, THETA))
    frame = checks.to_frame()
    assert len(frame) == 5 * 2 * 2
    assert frame.notna().all(axis=None)
    assert (frame["mcse"] > 0).all()
    assert checks.synthetic
    assert predictive_checks(known(SMALL, THETA)) == checks


def test_what_is_refused():
    trial = load_trial("lupil2")
    with pytest.raises(UnsupportedModelError, match="no site table"):
        predictive_checks(fit("itt_pooled", trial))


def test_trials_known_by_margins_have_no_counts_by_site(fake_engine):
    trial = load_trial("lupil2")
    with pytest.raises(UnsupportedModelError, match="no counts by site"):
        predicted_by_site(fit("site_effects", trial))
