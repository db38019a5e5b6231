"""Powers of prior and likelihood for published margins: closed forms of the priors, and weights against refits."""

from __future__ import annotations

import numpy as np
import pytest

from bayes_lupil import Posterior, Trial, fit, load_model, load_trial
from bayes_lupil.engines import margins
from bayes_lupil.likelihoods import MarginsLikelihood, build_likelihood
from bayes_lupil.sensitivity import power_scale

QUANTITIES = ("alpha", "beta", "tau_u", "tau_v")
DIFFERENT = 4.0


@pytest.fixture(scope="module")
def trial() -> Trial:
    return load_trial("lupil2")


@pytest.fixture(scope="module")
def posterior(trial: Trial) -> Posterior:
    return fit(load_model("site_effects"), trial)


def _likelihood(trial: Trial, **changes: object) -> MarginsLikelihood:
    found = build_likelihood(load_model("site_effects").edited(sampler__draws=4000, **changes), trial)
    assert isinstance(found, MarginsLikelihood)
    return found


def test_a_normal_prior_squared_is_a_narrower_one(trial: Trial) -> None:
    """N(0, s)^2 is proportional to N(0, s / sqrt 2), and so is a half-normal."""
    squared = margins.sample(_likelihood(trial, sampler__seed=1), prior_power=2.0)
    narrow = {
        f"priors__{name}__sd": getattr(load_model("site_effects").priors, name).sd / np.sqrt(2) for name in QUANTITIES
    }
    other = margins.sample(_likelihood(trial, sampler__seed=2, **narrow))
    for name in QUANTITIES:
        a, b = squared.values[name].ravel(), other.values[name].ravel()
        for f in (lambda x: x, lambda x: x**2):
            error = np.sqrt(f(a).var() / a.size + f(b).var() / b.size)
            assert abs(f(a).mean() - f(b).mean()) < DIFFERENT * error, name


def test_no_likelihood_leaves_the_prior(trial: Trial) -> None:
    draws = margins.sample(_likelihood(trial), likelihood_power=0.0).values
    for name, mean, sd in (("alpha", 0, 1.5), ("beta", 0, 1), ("tau_u", np.sqrt(2 / np.pi), np.sqrt(1 - 2 / np.pi))):
        x = draws[name].ravel()
        assert abs(x.mean() - mean) < DIFFERENT * sd / np.sqrt(x.size)
        assert x.std() == pytest.approx(sd, rel=0.03)


@pytest.mark.parametrize("powers", [{"prior": 0.8}, {"likelihood": 0.7}, {"prior": 1.25, "likelihood": 1.2}])
def test_weights_and_a_refit_agree(posterior: Posterior, trial: Trial, powers: dict[str, float]) -> None:
    weighted = power_scale(posterior, **powers)
    assert weighted.ok
    named = {f"{name}_power": power for name, power in powers.items()}
    draws = margins.sample(_likelihood(trial, sampler__seed=9), **named)
    beta = draws.values["beta"].ravel()
    ours = weighted.estimates["conditional_log_odds_ratio"]
    error = np.hypot(ours.mcse, beta.std() / np.sqrt(beta.size))
    assert abs(ours.mean - beta.mean()) < DIFFERENT * error
    assert ours.sd == pytest.approx(beta.std(), rel=0.03)
