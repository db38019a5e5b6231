"""Response probabilities next to 0 and 1: the arms differ still, though the probabilities have no digits left."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import log_expit, logsumexp
from scipy.stats import cauchy, norm

from bayes_lupil import Arms, Cells, EndPoint, Trial, fit, load_model
from bayes_lupil.likelihoods import build_likelihood
from bayes_lupil.posterior.estimands import estimate

MANY = 4.5
WHY = "declared for this test"


def trial_of(*sites):
    r, n = (np.array([[row[k], row[k + 2]] for row in sites]) for k in (0, 1))
    names = tuple(f"site {k}" for k in range(len(sites)))
    return Trial.from_cells(Cells(names, r, n), Arms("c", "t"), EndPoint("y", "y"), "made up", synthetic=True)


def pooled(alpha, beta, **changes):
    return load_model("itt_pooled").edited(
        only_for=[], priors__alpha=alpha, priors__beta=beta, sampler__engine="quadrature", **changes
    )


def wide(scale):
    return {"family": "student_t", "df": 1, "mean": 0, "scale": scale, "reason": WHY}


def normal(sd):
    return {"family": "normal", "mean": 0, "sd": sd, "reason": WHY}


def p_beta_positive(alpha, beta, counts):
    """By a grid over quantiles of both priors, each arm's cells at log odds alpha -+ beta / 2."""
    q = (np.arange(2000) + 0.5) / 2000
    a, b = alpha.ppf(q)[:, None], beta.ppf(q)
    log = 0.0
    for x, (y, n) in zip((-0.5, 0.5), counts, strict=True):
        eta = a + x * b
        log = log + y * log_expit(eta) + (n - y) * log_expit(-eta)
    weight = np.exp(log - logsumexp(log))
    return float(weight[:, b > 0].sum())


@pytest.mark.parametrize("counts", [((20, 20), (14, 14)), ((20, 20), (20, 20)), ((0, 20), (0, 14)), ((0, 9), (0, 30))])
@pytest.mark.parametrize("priors", ["cauchy", "normal"])
def test_benefit_and_harm_share_everything_between_them(counts, priors):
    """P(benefit) was 0.378 (0.002) where 0.496 is right."""
    if priors == "cauchy":
        spec, alpha, beta = pooled(wide(10.0), wide(2.5)), cauchy(0, 10), cauchy(0, 2.5)
    else:
        spec, alpha, beta = pooled(normal(100.0), normal(100.0)), norm(0, 100), norm(0, 100)
    posterior = fit(spec, trial_of((*counts[0], *counts[1])))
    assert posterior.verdict.ok, posterior.verdict.text
    chances = posterior.chances
    assert chances["benefit"].probability + chances["harm"].probability == pytest.approx(1.0, abs=1e-12)
    right = p_beta_positive(alpha, beta, counts)
    assert abs(chances["benefit"].probability - right) < MANY * chances["benefit"].mcse + 1e-3  # of the grid


@pytest.mark.parametrize("level", [-2000.0, -800.0, -40.0, 0.0, 5.0, 40.0, 800.0, 2000.0])
def test_the_difference_has_the_sign_of_the_effect(level):
    """At any level, with sites, the risk difference is above 0 where, and only where, the common effect is."""
    trial = trial_of((3, 9, 4, 9), (5, 8, 6, 9))
    likelihood = build_likelihood(load_model("site_intercepts"), trial)
    beta = np.array([[-3.0, -0.1, 0.1, 3.0]])
    values = {
        "alpha": np.full(beta.shape, level), "beta": beta, "tau_u": np.full(beta.shape, 0.5),
        "e": np.broadcast_to([0.3, -1.2], (*beta.shape, 2)),
    }  # fmt: skip
    with np.errstate(under="ignore"):
        found = estimate(likelihood, values, np.random.default_rng(1))
    assert (np.sign(found["risk_difference"]) == np.sign(beta)).all()
    if abs(level) < 700:
        eta = level + 0.5 * np.array([0.3, -1.2])[:, None] + beta[..., None, None] * np.array([-0.5, 0.5])
        lacking = np.exp(log_expit(-eta)) if level > 0 else np.exp(log_expit(eta))
        shares = likelihood.site_weights({})
        exact = (np.diff(lacking, axis=-1)[..., 0] @ shares) * (-1 if level > 0 else 1)
        np.testing.assert_allclose(found["risk_difference"], exact, rtol=1e-9)


def test_with_sites_it_is_the_same():
    """Leaving out either of two sites where everybody responded."""
    from bayes_lupil import sensitivity

    trial = trial_of((20, 20, 14, 14), (9, 9, 12, 12), (7, 7, 9, 9))
    spec = load_model("site_intercepts").edited(priors__alpha=normal(100.0), priors__beta=normal(10.0))
    posterior = fit(spec, trial)
    chances = posterior.chances
    assert chances["benefit"].probability + chances["harm"].probability == pytest.approx(1.0, abs=1e-12)
    assert chances["benefit"].probability == pytest.approx(float((posterior.draws("beta") > 0).mean()), abs=1e-12)
    for changed in sensitivity.leave_one_site_out(posterior):
        assert changed.ok
        assert abs(changed.p_benefit - 0.5) < 0.05  # next to no information
