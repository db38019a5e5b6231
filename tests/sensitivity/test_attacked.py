"""Numbers that code of somebody else's found to be wrong, each against a closed form, a grid, or the same draws."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import gammaln, logsumexp, ndtri
from scipy.stats import halfcauchy

import bayes_lupil as bl
from bayes_lupil import Arms, Cells, EndPoint, Trial, priors, sensitivity, sites
from bayes_lupil.posterior.diagnostics import MAX_TAIL, describe, describe_independent, has_mean
from bayes_lupil.sites.influence import site_cells, site_log_odds_ratios
from tests.proofs import FIT

NAMES = "ABCDEFGH"


def trial_of(*rows):
    """(control responders, patients, active responders, patients) of each site."""
    y, n = (np.array([[row[k], row[k + 2]] for row in rows]) for k in (0, 1))
    return Trial.from_cells(
        Cells(tuple(NAMES[: len(rows)]), y, n), Arms("c", "t"), EndPoint("y", "y"), "made", synthetic=True
    )


def quadrature(name, **changes):
    return bl.model(name, engine="quadrature", only_for=[], **changes)


# evidence


def ways(y, n):
    return gammaln(n + 1) - gammaln(y + 1) - gammaln(n - y + 1)


@pytest.mark.parametrize(
    "rows",
    [
        ((4, 20, 9, 21), (2, 6, 0, 9)), ((1, 40, 20, 40), (0, 5, 0, 3)), ((5, 10, 5, 10),),
        ((0, 3, 3, 3), (3, 3, 0, 3), (1, 8, 2, 9)),
    ],
)  # fmt: skip
def test_evidence_of_a_pooled_model_is_of_the_table_of_sites(rows):
    """Against a grid over alpha and beta with the binomial probabilities of every cell."""
    trial = trial_of(*rows)
    alpha, beta = priors.normal(0, 1.5), priors.normal(0, 1)
    posterior = bl.fit(quadrature("itt_pooled", alpha=alpha, beta=beta, points=16_384), trial)
    z = ndtri((np.arange(1200) + 0.5) / 1200)
    a, b = 1.5 * z[:, None], 1.0 * z[None, :]
    total = np.zeros((1200, 1200))
    for y0, n0, y1, n1 in rows:
        for y, n, eta in ((y0, n0, a - b / 2), (y1, n1, a + b / 2)):
            total += ways(y, n) - y * np.logaddexp(0, -eta) - (n - y) * np.logaddexp(0, eta)
    right = logsumexp(total) - 2 * np.log(1200)
    found, error = sensitivity.log_evidence(posterior)
    assert abs(found - right) < 5 * error + 1e-3  # midpoints in 1,200 parts are right to 1e-3


def test_pooled_sites_and_sites_that_hardly_differ_have_one_evidence():
    trial = trial_of((4, 20, 9, 21), (2, 6, 0, 9))
    same = {"alpha": priors.normal(0, 1.5), "beta": priors.normal(0, 1)}
    pooled, error = sensitivity.log_evidence(bl.fit(quadrature("itt_pooled", **same), trial))
    alike, its_error = sensitivity.log_evidence(
        bl.fit(quadrature("site_intercepts", tau_u=priors.half_normal(1e-4), **same), trial)
    )
    assert abs(pooled - alike) < 5 * np.hypot(error, its_error)


def test_totals_without_a_table_have_the_evidence_of_totals():
    totals = trial_of((6, 26, 9, 30))
    assert bl.fit(quadrature("itt_pooled"), totals).diagnostics["log_evidence"] == pytest.approx(
        bl.fit(quadrature("itt_pooled"), trial_of((4, 20, 9, 21), (2, 6, 0, 9))).diagnostics["log_evidence"]
        + float(ways(6, 26) + ways(9, 30) - ways(4, 20) - ways(9, 21) - ways(2, 6) - ways(0, 9)), abs=1e-9,
    )  # fmt: skip


@pytest.mark.parametrize(
    "changes",
    [
        {"alpha": priors.uniform(-30, 30), "beta": priors.uniform(-20, 20)},
        {"alpha": priors.uniform(-8, 8), "beta": priors.uniform(-8, 8)},
        {"alpha": priors.student_t(2, 0, 5), "beta": priors.student_t(1, 0, 2.5)},
    ],
    ids=["wide", "narrower", "heavy"],
)
@pytest.mark.proof(*FIT, "sensitivity")
def test_an_evidence_without_any_draw_has_the_error_of_its_integrals(changes):
    """Each site alone, on a grid over its two log odds of 4,000 x 4,000 midpoints of the priors' quantiles."""
    rows = ((0, 20, 21, 21), (3, 200, 40, 210), (10, 10, 10, 10))
    spec = quadrature("site_fixed", effects="fixed", **changes)
    found, error = sensitivity.log_evidence(bl.fit(spec, trial_of(*rows)))
    assert error > 0
    q, right = (np.arange(4000) + 0.5) / 4000, 0.0
    a, b = changes["alpha"].ppf(q)[:, None], changes["beta"].ppf(q)[None, :]
    for y0, n0, y1, n1 in rows:
        total = sum(
            ways(y, n) - y * np.logaddexp(0, -eta) - (n - y) * np.logaddexp(0, eta)
            for y, n, eta in ((y0, n0, a - b / 2), (y1, n1, a + b / 2))
        )
        right += logsumexp(total) - 2 * np.log(4000)
    assert abs(found - right) < 5 * error + 5e-3


# log odds where probabilities are 0 or 1 to the last digit

ALL_RESPOND = ((10, 10, 12, 12), (5, 5, 5, 5), (8, 8, 7, 7))


LEVELS = {"uniform": priors.uniform(-100, 100), "wide": priors.normal(0, 25), "usual": priors.normal(0, 1.5)}


@pytest.fixture(scope="module", params=list(LEVELS))
def all_respond(request):
    trial = trial_of(*ALL_RESPOND)
    return bl.fit(quadrature("site_effects", alpha=LEVELS[request.param], beta=priors.normal(0.5, 1)), trial)


def test_log_odds_ratios_of_sites_are_those_of_the_parameters(all_respond):
    posterior = all_respond
    own = posterior.draws("beta")[..., None] + posterior.draws("v")
    table = sites.site_table(posterior, refit=False)
    for s, row in enumerate(table.rows):
        assert row.log_odds_ratio.mean == pytest.approx(own[..., s].mean(), abs=1e-9)


@pytest.mark.parametrize(
    "name", ["site_intercepts", "site_effects", "site_fixed", "outliers_arms", "site_exnex", "site_student_t_df"]
)
def test_log_odds_ratios_of_every_model_are_those_of_its_probabilities(name):
    trial = bl.load_trial("beitler_landis")
    posterior = bl.fit(quadrature(name, points=1024), trial)
    p = posterior.draws("p")
    inside = (p > 1e-9).all(axis=-1) & (p < 1 - 1e-9).all(axis=-1)
    by_p = np.log(p / (1 - p))
    found = site_log_odds_ratios(posterior, site_cells(posterior))
    np.testing.assert_allclose(found[inside], (by_p[..., 1] - by_p[..., 0])[inside], atol=1e-6)


def test_weights_of_sites_are_right_within_their_errors_over_seeds():
    """SD over seeds against the error stated: 12 seeds tell an SD to a fifth, so 1.6 is 3 of its errors above 1."""
    trial, found = trial_of(*ALL_RESPOND), []
    for seed in range(12):
        spec = quadrature("site_effects", alpha=priors.normal(0, 10), seed=seed)
        weights = sites.retained_weights(bl.fit(spec, trial))
        found.append((weights.weight, weights.weight_mcse))
    weight, error = np.array(found).transpose(1, 0, 2)
    assert (weight.std(axis=0, ddof=1) < 1.6 * np.sqrt((error**2).mean(axis=0))).all()


# means that do not exist


def test_what_has_no_mean_is_told_without_one():
    """All respond at every site: the tail of tau_u falls with its square under a half-Cauchy prior."""
    trial = trial_of((10, 10, 12, 12), (5, 5, 5, 5), (2, 2, 4, 4))
    posterior = bl.fit(quadrature("site_effects", tau_u=priors.half_cauchy(1)), trial)
    assert posterior.verdict.ok
    row = posterior.row("tau_u")
    assert np.isnan([row.mean, row.sd, row.mcse_mean]).all()
    assert 0 < row.q2_5 < row.q50 < row.q97_5
    assert np.isfinite(posterior.row("risk_difference").mean)
    assert posterior.to_json()["parameters"]["tau_u"]["mean"] is None


def test_ratios_of_risks_without_a_mean():
    wide = priors.student_t(3, 0, 2.5)
    posterior = bl.fit(quadrature("site_effects", alpha=wide, beta=wide), trial_of((0, 10, 5, 12), (0, 5, 3, 5)))
    assert np.isnan(posterior.row("risk_ratio").mean)
    assert np.isnan(posterior.row("odds_ratio").mean)
    usual = bl.fit(quadrature("site_effects"), bl.load_trial("beitler_landis"))
    assert all(np.isfinite(row.mean) for row in usual.rows)


@pytest.mark.parametrize(
    ("draw", "told"),
    [
        (lambda rng, n: rng.standard_normal(n), True), (lambda rng, n: rng.exponential(size=n), True),
        (lambda rng, n: rng.uniform(size=n), True), (lambda rng, n: np.exp(rng.standard_normal(n)), True),
        (lambda rng, n: rng.standard_t(8, n), True),
        (lambda rng, n: rng.standard_cauchy(n), False),
        (lambda rng, n: halfcauchy.rvs(size=n, random_state=rng), False),
        (lambda rng, n: rng.pareto(1.2, n), False), (lambda rng, n: np.exp(8 * rng.standard_normal(n)), False),
        (lambda rng, n: 1e3 + rng.pareto(0.8, n), False),
    ],
)  # fmt: skip
def test_tails_are_told_from_one_another(draw, told):
    assert MAX_TAIL == 0.5
    for seed in range(20):
        draws = draw(np.random.default_rng(seed), 4000).reshape(4, 1000)
        assert has_mean(draws) == told
        for summary in (describe, describe_independent):
            row = summary("x", draws)
            assert np.isnan(row.mean) != told
            assert np.isfinite(row.q50)


def test_draws_that_are_all_alike_have_a_mean():
    assert has_mean(np.zeros((4, 1000)))
    assert has_mean(np.full((4, 1000), 3.5))


# priors of what was summed out, or plays no part


def test_any_prior_of_a_model_can_be_changed():
    trial = bl.load_trial("beitler_landis")
    mixed = bl.fit(quadrature("site_exnex"), trial)
    changed = sensitivity.change_prior(mixed, nonexchangeable=priors.normal(0, 0.3))
    direct = bl.fit(mixed.spec.with_(nonexchangeable=priors.normal(0, 0.3), seed=9), trial)
    assert changed.refitted
    assert abs(changed.p_benefit - direct.p_benefit.probability) < 5 * np.hypot(
        changed.p_benefit_mcse, direct.p_benefit.mcse
    )
    usual = bl.fit(quadrature("site_effects"), trial)
    for name, prior in (("retention", priors.beta(2, 3)), ("site_shares", priors.dirichlet(3))):
        same = sensitivity.change_prior(usual, **{name: prior})
        assert same.p_benefit == usual.p_benefit.probability
        assert not same.refitted
