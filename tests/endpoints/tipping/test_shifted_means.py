"""Tipping points of continuous end points: the shift of the draws against closed forms and against explicit latents."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from bayes_lupil import Arms, EndPoint, Trial, fit, load_model
from bayes_lupil.endpoints.tipping.shifted_means import _even, shifted_means_surface
from bayes_lupil.endpoints.tipping.surface import Surface
from bayes_lupil.errors import InputError
from bayes_lupil.posterior.diagnostics import effective_draws
from bayes_lupil.trials import Measurements, Population
from tests.proofs import FIT

MANY = 4.0
ARMS = Arms("placebo", "drug")
POINT = EndPoint("change", "Change", "lower", "points", kind="continuous")
WHY = "For this test only."
RNG = np.random.default_rng(20261124)
ARM = np.arange(80) % 2
VALUE = np.where(RNG.random(80) < 0.2, np.nan, RNG.normal(-3 - 1.0 * ARM, 4.0))
LOST = (int(np.isnan(VALUE[ARM == 0]).sum()), int(np.isnan(VALUE[ARM == 1]).sum()))


def _flat(name: str, sd: float) -> dict:
    return {f"priors__{name}": {"family": "normal", "mean": 0, "sd": sd, "reason": WHY}}


@pytest.fixture(scope="module")
def posterior():
    """Sites pooled, no baseline, nearly flat priors: the textbook's two samples with one variance."""
    spec = load_model("sledai_absolute").edited(
        end_point="primary", sites__intercepts="pooled", sites__effects="pooled", priors__tau_u=None,
        priors__tau_v=None, priors__gamma=None, **_flat("alpha", 1e4), **_flat("beta", 1e4), sampler__points=16384,
        priors__sigma={"family": "half_normal", "sd": 1e4, "reason": WHY},
    )  # fmt: skip
    data = Measurements(("A",) * 80, ARM, VALUE)
    trial = Trial("t", "t", ARMS, POINT, data, {"itt": Population("itt", "ITT")})
    return fit(spec, trial)


@pytest.fixture(scope="module")
def surface(posterior) -> Surface:
    return shifted_means_surface(posterior.draws("mean_difference"), 4.0, LOST, (40, 40), POINT, ARMS, model="m")


def test_twenty_random_cells_in_closed_form(posterior, surface: Surface) -> None:
    """With flat priors (and 1 for sigma) the mean difference is Student-t around the difference of means.

    n - 3 degrees of freedom and sums of squares over n - 3, since the flat prior is on sigma, not on its logarithm.
    """
    samples = [VALUE[(a == ARM) & ~np.isnan(VALUE)] for a in (0, 1)]
    n = np.array([s.size for s in samples])
    squares = sum(((s - s.mean()) ** 2).sum() for s in samples)
    df = n.sum() - 3
    scale = np.sqrt(squares / df * (1 / n).sum())
    rng = np.random.default_rng(8)
    for i, j in rng.integers(0, surface.control.size, (20, 2)):
        shift = LOST[1] / 40 * surface.active[j] - LOST[0] / 40 * surface.control[i]
        centre = samples[1].mean() - samples[0].mean() + shift
        exact = stats.t.cdf(0, df, centre, scale)
        assert abs(surface.p[i, j] - exact) < MANY * surface.mcse[i, j] + 1e-4
        error = scale / np.sqrt(effective_draws(posterior.draws("mean_difference")))
        assert abs(surface.effect[i, j] - centre) < 1.1 * MANY * error


def test_named_points(surface: Surface) -> None:
    mid = surface.control.size // 2
    assert surface.point("complete_cases").p == surface.p[mid, mid]
    assert surface.point("worst_case").p == surface.p[0, -1] == surface.p.min()
    assert surface.point("best_case").p == surface.p[-1, 0] == surface.p.max()
    assert (surface.control[mid], surface.active[mid]) == (0, 0)
    assert surface.points[0].name == "complete_cases"
    jump = surface.point("jump_to_control")
    assert jump.p == surface.point("complete_cases").p  # the effect shrinks by a share, which moves nothing over 0
    assert jump.effect == pytest.approx((1 - LOST[1] / 40) * surface.point("complete_cases").effect)


def test_a_higher_value_that_is_better_turns_it_round(posterior) -> None:
    up = EndPoint("change", "Change", "higher", "points", kind="continuous")
    turned = shifted_means_surface(posterior.draws("mean_difference"), 4.0, LOST, (40, 40), up, ARMS)
    worst = turned.point("worst_case")
    assert worst.control > 0 > worst.active
    assert worst.p == turned.p.min()


@pytest.mark.proof(*FIT, "endpoints")
def test_missing_values_as_parameters(posterior, surface: Surface) -> None:
    """NUTS on a model in which each missing value is a parameter with its shift; the estimand is over all patients."""
    import pymc as pm

    known = ~np.isnan(VALUE)
    for i, j in ((0, -1), (4, 12)):
        delta = np.array([surface.control[i], surface.active[j]])
        with pm.Model():
            mean = pm.Normal("mean", 0, 1e4, shape=2)
            sigma = pm.HalfNormal("sigma", 1e4)
            pm.Normal("seen", mean[ARM[known]], sigma, observed=VALUE[known])
            lost = pm.Normal("lost", mean[ARM[~known]] + delta[ARM[~known]], sigma, shape=int((~known).sum()))
            draws = pm.sample(1500, tune=1000, chains=4, cores=1, random_seed=7, progressbar=False, target_accept=0.9)
        assert lost.ndim == 1
        post = draws.posterior
        mean = post["mean"].values
        # the expected values of everyone: those of missing patients have the shift
        seen, gone = (np.array([(k & (a == ARM)).sum() for a in (0, 1)]) for k in (known, ~known))
        averages = (mean * (seen + gone) + delta * gone) / (seen + gone)
        effect = averages[..., 1] - averages[..., 0]
        error = effect.std() / np.sqrt(effective_draws(effect))
        here = surface.effect[i, j]
        mine = error * np.sqrt(effective_draws(effect) / effective_draws(posterior.draws("mean_difference")))
        assert abs(effect.mean() - here) < MANY * np.hypot(error, mine)
        p = (effect < 0).mean()
        assert abs(p - surface.p[i, j]) < MANY * np.hypot(surface.mcse[i, j], np.sqrt(p * (1 - p) / 2000) + 1e-3)


def test_nothing_missing_is_refused() -> None:
    with pytest.raises(InputError, match="no missing value"):
        shifted_means_surface(np.zeros((2, 500)), 1.0, (0, 0), (10, 10), POINT, ARMS)


@pytest.mark.parametrize("value", [0.013, 0.9, 1.0, 7.75, 62.0, 1e4])
def test_round_steps(value: float) -> None:
    top = _even(value)
    assert 0.6 < top / value < 1.7
    step = top / 8
    assert step / 10 ** np.floor(np.log10(step) + 1e-9) == pytest.approx(
        min((1, 2, 2.5, 5), key=lambda k: abs(k - step / 10 ** np.floor(np.log10(step) + 1e-9)))
    )
