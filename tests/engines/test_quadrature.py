"""The quadrature engine as a whole: plain Monte Carlo from the prior, seeds and cores, powers, failures told."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats
from scipy.special import expit

from bayes_lupil import Cells, fit, load_model, load_trial
from bayes_lupil.engines import importance, quadrature
from bayes_lupil.engines.draws import Draws
from bayes_lupil.engines.proposal import Proposal
from bayes_lupil.errors import UnsupportedModelError
from bayes_lupil.likelihoods import BinomialCells, build_likelihood
from bayes_lupil.posterior.diagnostics import describe_independent, judge

MANY = 4.0
SITES = Cells(("a", "b", "c"), np.array([[0, 2], [1, 3], [4, 4]]), np.array([[4, 3], [3, 5], [6, 4]]))
SPARSE = Cells(("a", "b", "c"), np.array([[0, 0], [0, 0], [1, 7]]), np.array([[40, 30], [25, 20], [12, 13]]))


def _likelihood(model: str = "site_effects", cells: Cells = SITES, **changes: Any) -> BinomialCells:
    return BinomialCells(load_model(model).edited(**changes), cells)


def _verdict(found: Draws) -> str:
    rows = [describe_independent(name, value[..., 0] if value.ndim > 2 else value)
            for name, value in found.values.items()]  # fmt: skip
    return judge(rows, found.statistics, found.diagnostics).text


FIXED = {"sites__intercepts": "fixed", "priors__tau_u": None}
ALL_FIXED = FIXED | {"sites__effects": "fixed", "priors__tau_v": None}
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "site effects": ("site_effects", {}),
    "site intercepts": ("site_intercepts", {}),
    "pooled": ("itt_pooled", {}),
    "fixed intercepts": ("site_effects", FIXED),
    "everything fixed": ("site_effects", ALL_FIXED),
}


def _from_prior(likelihood: BinomialCells, many: int, seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Average log odds by site and arm drawn from the prior, (sites, arms, many), and the likelihood there."""
    rng, spec = np.random.default_rng(seed), likelihood.spec
    shape = {"pooled": (1, many), "partial": (1, many), "fixed": (3, many)}
    level = spec.priors.alpha.sample(rng, shape[spec.sites.intercepts])
    effect = spec.priors.beta.sample(rng, shape[spec.sites.effects])
    if spec.sites.intercepts == "partial":
        level = level + spec.priors.tau_u.sample(rng, (1, many)) * rng.standard_normal((3, many))
    if spec.sites.effects == "partial":
        effect = effect + spec.priors.tau_v.sample(rng, (1, many)) * rng.standard_normal((3, many))
    eta = np.stack([np.broadcast_to(level + effect * x, (3, many)) for x in spec.sites.x], axis=1)
    cells = likelihood.cells
    chance = stats.binom.pmf(cells.responders[..., None], cells.n[..., None], expit(eta)).prod(axis=(0, 1))
    return eta, chance


@pytest.mark.stack
@pytest.mark.parametrize("model", MODELS)
def test_against_plain_monte_carlo(model: str) -> None:
    """400,000 draws of the prior weighted by the likelihood: evidence, and the mean risk of every cell."""
    name, changes = MODELS[model]
    likelihood = _likelihood(name, sampler__engine="quadrature", **changes)
    found = quadrature.sample(likelihood)
    eta, chance = _from_prior(likelihood, 400_000, 20260601)
    evidence, error = chance.mean(), chance.std() / np.sqrt(chance.size)
    ours = found.diagnostics
    distance = ours["log_evidence"] - np.log(evidence)
    assert abs(distance) < MANY * np.hypot(error / evidence, ours["log_evidence_mcse"]) + ours["quadrature_error"]
    assert error / evidence < 0.02
    w = chance / chance.sum()
    risks = expit(eta)
    mean = risks @ w
    drawn = likelihood.probabilities(found.values).reshape(-1, 3, 2)
    errors = np.hypot(np.sqrt((risks - mean[..., None]) ** 2 @ w**2), drawn.std(axis=0) / np.sqrt(len(drawn)))
    assert np.all(np.abs(drawn.mean(axis=0) - mean) < MANY * errors)


@pytest.mark.stack
def test_the_seed_alone_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for cores in (1, 2, 7):
        monkeypatch.setenv("BAYES_LUPIL_CORES", str(cores))
        found.append(quadrature.sample(_likelihood(sampler__points=1024)))
    for other in found[1:]:
        assert other.diagnostics == found[0].diagnostics
        for name, value in found[0].values.items():
            np.testing.assert_array_equal(value, other.values[name])
    another = quadrature.sample(_likelihood(sampler__points=1024, sampler__seed=5))
    assert not np.isin(another.values["beta"], found[0].values["beta"]).any()


def test_published_margins_are_for_nuts() -> None:
    """Sites of unknown patients cannot be integrated out one by one."""
    spec = load_model("site_effects").edited(sampler__engine="quadrature")
    likelihood = build_likelihood(spec, load_trial("lupil2"))
    assert likelihood.site_marginal is None
    with pytest.raises(UnsupportedModelError, match="nuts"):
        quadrature.sample(likelihood)
    with pytest.raises(UnsupportedModelError, match="nuts"):
        fit(spec, load_trial("lupil2"))


def test_a_likelihood_to_the_power_0_leaves_the_prior() -> None:
    found = quadrature.sample(_likelihood(), likelihood_power=0.0)
    priors = load_model("site_effects").priors
    for name in ("alpha", "beta", "tau_u", "tau_v"):
        draws, prior = found.values[name].ravel(), getattr(priors, name)
        grid = prior.ppf((np.arange(20_000) + 0.5) / 20_000)
        assert abs(draws.mean() - grid.mean()) < MANY * grid.std() / np.sqrt(draws.size), name
        for p in (0.05, 0.5, 0.95):
            below = (draws < prior.ppf(p)).mean()
            assert abs(below - p) < MANY * np.sqrt(p * (1 - p) / draws.size), (name, p)
    assert abs(found.diagnostics["log_evidence"]) < MANY * found.diagnostics["log_evidence_mcse"] + 1e-9


def test_a_prior_to_the_power_2_is_a_narrower_one() -> None:
    """Normal and half-normal priors squared are those with an SD smaller by sqrt 2."""
    spec = load_model("site_effects")
    narrow = {f"priors__{name}__sd": getattr(spec.priors, name).sd / np.sqrt(2)
              for name in ("alpha", "beta", "tau_u", "tau_v")}  # fmt: skip
    squared = quadrature.sample(_likelihood(sampler__seed=1), prior_power=2.0)
    other = quadrature.sample(_likelihood(sampler__seed=2, **narrow))
    for name in ("alpha", "beta", "tau_u", "tau_v"):
        a, b = squared.values[name].ravel(), other.values[name].ravel()
        assert abs(a.mean() - b.mean()) < MANY * np.hypot(a.std() / np.sqrt(a.size), b.std() / np.sqrt(b.size)), name


def test_nodes_are_added_until_they_do() -> None:
    """Three nodes do not do for sites without a responder and a wide prior of tau_u; the engine says how many did."""
    wide = {"priors__tau_u__sd": 3.0}
    few = quadrature.sample(_likelihood(cells=SPARSE, sampler__nodes=3, **wide))
    assert few.diagnostics["nodes"] > 3
    assert few.diagnostics["quadrature_error"] <= 0.02
    many = quadrature.sample(_likelihood(cells=SPARSE, sampler__nodes=41, sampler__seed=9, **wide))
    error = np.hypot(few.diagnostics["log_evidence_mcse"], many.diagnostics["log_evidence_mcse"])
    distance = few.diagnostics["log_evidence"] - many.diagnostics["log_evidence"]
    assert abs(distance) < MANY * error + 3 * 0.02  # of each site's integral


def test_a_sound_fit_passes() -> None:
    assert _verdict(quadrature.sample(_likelihood())).startswith("ok: k-hat")


def test_a_proposal_that_is_too_narrow_fails_the_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    find = quadrature.find_proposal

    def narrow(*arguments: Any) -> Proposal:
        return Proposal(find(*arguments).mean, 0.15 * find(*arguments).factor, prior_share=0.0)

    monkeypatch.setattr(quadrature, "find_proposal", narrow)
    monkeypatch.setattr(importance, "_STAGES", 1)
    told = _verdict(quadrature.sample(_likelihood()))
    assert told.startswith("FAILED: k-hat")
    assert "nuts" in told


def test_failed_integrals_fail_the_verdict() -> None:
    found = quadrature.sample(_likelihood(sampler__points=1024))
    told = judge([describe_independent("beta", found.values["beta"])], found.statistics,
                 found.diagnostics | {"failed_integrals": 3.0}).text  # fmt: skip
    assert told.startswith("FAILED: 3 integrals")
