"""The joint model's density: PyMC against NumPy, patients against SciPy, priors of correlations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import special, stats

from bayes_lupil import ModelSpec, load_model
from bayes_lupil.endpoints.joint.data import JointData, JointOutcome
from bayes_lupil.endpoints.joint.density import Partials, correlations, cut, factor, log_normal_cdf, place
from bayes_lupil.endpoints.joint.model import JointModel
from bayes_lupil.engines.nuts import _no_speed_warnings
from bayes_lupil.priors import LKJ
from tests.proofs import FIT

Floats = NDArray[np.float64]
WHY = "for this test only"
LKJ_2, LKJ_HALF = LKJ(eta=2, reason=WHY), LKJ(eta=0.5, reason=WHY)
RELATIVE = 1e-10
SAMPLER = load_model("site_effects").sampler


def _normal(sd: float) -> dict[str, Any]:
    return {"family": "normal", "mean": 0.3, "sd": sd, "reason": WHY}


def _half(sd: float) -> dict[str, Any]:
    return {"family": "half_normal", "sd": sd, "reason": WHY}


def _spec(kind: str, pooled: str = "", coding: str = "centred") -> ModelSpec:
    """A letter of `pooled` (u, v) takes that site effect away."""
    changes: dict[str, Any] = {"priors__alpha": _normal(1), "priors__beta": _normal(1), "sites__coding": coding}
    for letter, part in (("u", "intercepts"), ("v", "effects")):
        changes[f"priors__tau_{letter}"] = None if letter in pooled else _half(0.7)
        changes[f"sites__{part}"] = "pooled" if letter in pooled else "partial"
    if kind != "b":
        changes["priors__sigma"] = _half(2)
    if kind == "g":
        changes["priors__gamma"] = _normal(0.5)
    return load_model("site_effects").edited(**changes)


def _data(kinds: str, size: int = 24, missing: float = 0.3, pooled: tuple[str, ...] = (), seed: int = 1) -> JointData:
    """Kinds are b (binary), c (continuous), g (continuous with a baseline); values are arbitrary."""
    rng = np.random.default_rng(seed)
    outcomes = []
    for k, kind in enumerate(kinds):
        y = (rng.random(size) < 0.5).astype(float) if kind == "b" else rng.normal(1, 2, size)
        y[rng.random(size) < missing] = np.nan
        spec = _spec(kind, pooled[k] if pooled else "", "reference" if k % 2 else "centred")
        baseline = rng.normal(8, 2, size) if kind == "g" else None
        name = "binary" if kind == "b" else "continuous"
        outcomes.append(JointOutcome(f"e{k}", f"End point {k}", spec, name, "higher", y, baseline))  # type: ignore[arg-type]
    site = np.arange(size) % 4
    return JointData(tuple(outcomes), ("A", "B", "C", "D"), site, np.arange(size) // 4 % 2)


def _function(model: JointModel, gradient: bool = False) -> Any:
    """PyMC's joint log density at untransformed values, run by Python, without compiling."""
    from pymc.model.transform.conditioning import remove_value_transforms
    from pytensor.compile.mode import Mode

    graph = remove_value_transforms(model.pymc_model())
    mode = Mode(linker="py", optimizer="fast_run").excluding("fusion")  # fused nodes may have too many inputs for NumPy
    with _no_speed_warnings():
        return graph.compile_fn(graph.dlogp() if gradient else graph.logp(jacobian=False), mode=mode)


def _extremes(model: JointModel) -> list[dict[str, Any]]:
    start = {name: value[0] for name, value in model.prior_draws(1, np.random.default_rng(5)).items()}
    found = [
        {**start, "alpha_0": np.float64(a), "beta_0": np.float64(b)}
        for a, b in ((40.0, -3.0), (-40.0, 3.0), (300.0, 250.0), (-300.0, -250.0), (0.0, 800.0))
    ]
    found += [{**start, **dict.fromkeys([n for n in start if n.startswith("tau")], np.float64(t))} for t in (1e-12, 25)]
    found += [
        {**start, **dict.fromkeys([n for n in start if n.startswith("sigma")], np.float64(t))} for t in (1e-4, 1e4)
    ]
    for share in (1e-9, 1 - 1e-9):
        found.append({**start, **{n: np.full_like(v, share) for n, v in start.items() if n.startswith("share")}})
    if "w" in start:
        found += [{**start, "w": np.full_like(start["w"], w)} for w in (-30.0, 30.0)]
    return found


CASES: dict[str, dict[str, Any]] = {
    "one binary and two continuous": {"kinds": "bgc"},
    "several binary": {"kinds": "bcbb", "size": 12},
    "no gaps": {"kinds": "bcc", "missing": 0.0},
    "no correlation": {"kinds": "bcg", "patients": None},
    "no correlation, no gaps": {"kinds": "bbc", "patients": None, "missing": 0.0},
    "some pooled": {"kinds": "bcc", "pooled": ("u", "", "v")},
    "one partial": {"kinds": "bc", "pooled": ("", "uv")},
    "all pooled": {"kinds": "bcb", "pooled": ("uv", "uv", "uv")},
    "one end point": {"kinds": "b"},
    "five end points": {"kinds": "bcbcb", "size": 8},
}


def _model(kinds: str, patients: LKJ | None = LKJ_2, **given: Any) -> JointModel:
    return JointModel(_data(kinds, **given), patients, SAMPLER)


PROOF = pytest.mark.proof(*FIT, "endpoints")
FAST = ("one binary and two continuous", "no correlation", "one end point")


@pytest.mark.parametrize(
    "case",
    [pytest.param(case, marks=pytest.mark.stack if name in FAST else PROOF, id=name) for name, case in CASES.items()],
)
def test_pymc_is_numpy(case: dict[str, Any]) -> None:
    model = _model(**case)
    density = _function(model)
    drawn = model.prior_draws(6, np.random.default_rng(2))
    points = [{name: value[i] for name, value in drawn.items()} for i in range(6)] + _extremes(model)
    for point in points:
        ours = float(model.log_joint(point))
        assert np.isfinite(ours), point
        assert float(density(point)) == pytest.approx(ours, rel=RELATIVE, abs=RELATIVE), point


@PROOF
@pytest.mark.parametrize("kinds", ["bgc", "bcb"])
def test_gradient_is_finite(kinds: str) -> None:
    """NUTS visits such points while it tunes."""
    model = _model(kinds, size=6)
    gradient = _function(model, gradient=True)
    for point in _extremes(model):
        assert np.isfinite(gradient(point)).all(), point


def test_leading_axes() -> None:
    model = _model("bcb")
    drawn = model.prior_draws(6, np.random.default_rng(3))
    stacked = {name: value.reshape(2, 3, *value.shape[1:]) for name, value in drawn.items()}
    singly = [model.log_joint({name: value[i] for name, value in drawn.items()}) for i in range(6)]
    np.testing.assert_allclose(model.log_joint(stacked), np.reshape(singly, (2, 3)), rtol=1e-12)


# the likelihood of a patient, by SciPy


def _correlation_matrix(shares: Floats, size: int) -> Floats:
    """By the recursion of partial correlations (Yule), not by a Cholesky factor."""
    found, partial = np.eye(size), {}
    for (i, j), share in zip(Partials(1.0, size).pairs, shares, strict=True):
        partial[i, j] = 2 * share - 1
    for (i, j), value in partial.items():
        r = value
        for m in range(i - 1, -1, -1):  # of i and j given 0 .. m, to given 0 .. m - 1
            a, b = partial[m, i], partial[m, j]
            r = r * np.sqrt((1 - a**2) * (1 - b**2)) + a * b
        found[i, j] = found[j, i] = r
    return found


def _by_scipy(model: JointModel, point: dict[str, Any], i: int) -> float:
    """Density of patient i's continuous outcomes times the probability of the binary ones given them."""
    r = _correlation_matrix(point["share"], len(model.order))
    eta = model.linear(point)
    seen = [place for place, item in enumerate(model.ordered) if item.observed[i]]
    continuous = [p for p in seen if model.ordered[p].kind == "continuous"]
    binary = [p for p in seen if model.ordered[p].kind == "binary"]
    log, mean, covariance = 0.0, np.zeros(len(binary)), r[np.ix_(binary, binary)]
    if continuous:
        sigma = np.array([point[f"sigma_{model.order[p]}"] for p in continuous])
        q = np.array([model.ordered[p].y[i] - eta[model.order[p], i] for p in continuous]) / sigma
        block, across = r[np.ix_(continuous, continuous)], r[np.ix_(binary, continuous)]
        log = stats.multivariate_normal.logpdf(q, np.zeros(len(q)), block) - np.log(sigma).sum()
        mean = across @ np.linalg.solve(block, q)
        covariance = covariance - across @ np.linalg.solve(block, across.T)
    if binary:
        # a response where the latent q is above -Phi^-1(p)
        sign = np.array([2 * model.ordered[p].y[i] - 1 for p in binary])
        edge = np.array([special.ndtri(special.expit(eta[model.order[p], i])) for p in binary])
        turned = covariance * np.outer(sign, sign)
        upper = sign * (edge + mean)
        chance = stats.multivariate_normal.cdf(upper, np.zeros(len(binary)), turned, abseps=1e-7, rng=1)
        log += np.log(chance)
    return float(log)


@pytest.mark.parametrize("kinds", ["cbcb", "bbcb", "bcc"])
def test_patients_by_scipy(kinds: str) -> None:
    """Every pattern of gaps; the hidden variables are summed out by Gauss-Hermite quadrature.

    SciPy's probabilities of three binary outcomes are good to 1e-7; quadrature with 25 nodes to 1e-6 of each.
    """
    model = _model(kinds, missing=0.5, seed=4)
    point = {name: value[0] for name, value in model.prior_draws(1, np.random.default_rng(7)).items()}
    point["share"] = np.clip(point["share"], 0.2, 0.8)
    most = int((model.hidden >= 0).sum(axis=0).max())
    nodes, weights = np.polynomial.hermite_e.hermegauss(25)
    grid = np.stack(np.meshgrid(*[nodes] * most, indexing="ij"), axis=-1).reshape(-1, most)
    log_weight = np.log(weights / weights.sum())
    log_grid = np.stack(np.meshgrid(*[log_weight] * most, indexing="ij"), axis=-1).reshape(-1, most).sum(axis=-1)
    w = np.zeros((len(grid), int((model.hidden >= 0).sum())))
    for i in range(24):
        mine = model.hidden[:, i][model.hidden[:, i] >= 0]
        w[:, mine] = grid[:, : mine.size]
    many = {name: np.broadcast_to(value, (len(grid), *np.shape(value))) for name, value in point.items()}
    logs = model.patient_log_likelihood({**many, "w": w}) + log_grid[:, None]
    ours = special.logsumexp(logs, axis=0)
    patterns = {tuple(item.observed[i] for item in model.ordered) for i in range(24)}
    assert len(patterns) >= 2 ** len(kinds) - 4
    for i in range(24):
        assert ours[i] == pytest.approx(_by_scipy(model, point, i), abs=2e-6), (i, model.hidden[:, i])


def test_the_sign_of_a_binary_outcome() -> None:
    """A positive correlation: response goes with higher values of the other outcome."""
    data = _data("bc", missing=0.0)
    model = JointModel(data, LKJ_2, SAMPLER)
    point = {name: value[0] for name, value in model.prior_draws(1, np.random.default_rng(1)).items()}
    point |= {name: np.zeros_like(value) for name, value in point.items() if name in "ef"}  # sites depend on R too
    high = data.outcomes[1].y - model.linear(point)[1] > 0
    gain = model.patient_log_likelihood({**point, "share": np.array([0.9])}) - model.patient_log_likelihood(
        {**point, "share": np.array([0.1])}
    )
    agree = high == (data.outcomes[0].y == 1)
    assert (gain[agree] > 0).all()
    assert (gain[~agree] < 0).all()


def test_margins_are_logistic_and_normal() -> None:
    """The first half have the binary outcome only, the others the continuous one: as in each end point's own model.

    The missing continuous one, which comes first, is summed out by Gauss-Hermite quadrature.
    """
    old = _data("bc", missing=0.0)
    first = np.arange(24) < 12
    outcomes = tuple(
        JointOutcome(o.name, o.label, o.spec, o.kind, o.benefit, np.where(seen, o.y, np.nan))
        for o, seen in zip(old.outcomes, (first, ~first), strict=True)
    )
    model = JointModel(JointData(outcomes, old.site_names, old.site, old.arm), LKJ_2, SAMPLER)
    point = {name: value[0] for name, value in model.prior_draws(1, np.random.default_rng(8)).items()}
    point["share"] = np.array([0.8])
    eta, (y, z) = model.linear(point), (item.y for item in outcomes)
    logistic = stats.bernoulli.logpmf(np.nan_to_num(y), special.expit(eta[0]))
    expected = np.where(first, logistic, stats.norm.logpdf(z, eta[1], point["sigma_1"]))
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    many = {name: np.broadcast_to(value, (60, *np.shape(value))) for name, value in point.items()}
    assert point["w"].shape == (12,)
    logs = model.patient_log_likelihood({**many, "w": np.repeat(nodes[:, None], 12, axis=1)})
    found = special.logsumexp(logs, axis=0, b=(weights / weights.sum())[:, None])
    np.testing.assert_allclose(found, expected, rtol=1e-9)


# functions


def test_normal_functions_by_scipy() -> None:
    x = np.concatenate([np.linspace(-1000, 37, 5000), [-1.0, 0.0]])
    np.testing.assert_allclose(log_normal_cdf(x), special.log_ndtr(x), rtol=1e-12)
    log = -np.concatenate([np.geomspace(1e-15, 0.69, 300), np.geomspace(0.7, 1e6, 500), [500.0, 500.0001, np.log(2)]])
    np.testing.assert_allclose(place(log), special.ndtri_exp(log), rtol=1e-11, atol=1e-15)
    eta = np.linspace(-30, 30, 601)
    np.testing.assert_allclose(log_normal_cdf(cut(eta)), special.log_expit(eta), rtol=1e-11)


# priors of correlations


@pytest.mark.parametrize("eta", [0.5, 1.0, 3.0])
def test_two_variables_are_lkj(eta: float) -> None:
    """The density of r = 2 share - 1 is that of `priors.LKJ`, Jacobian 2 included."""
    prior, partials = LKJ(eta=eta, reason=WHY), Partials(eta, 2)
    share = np.linspace(0.01, 0.99, 50)[:, None]
    np.testing.assert_allclose(partials.logpdf(share)[:, 0], prior.logpdf(2 * share[:, 0] - 1) + np.log(2), rtol=1e-12)
    np.testing.assert_allclose(correlations(factor(share, 2)), 2 * share - 1, atol=1e-15)


@pytest.mark.parametrize("eta", [0.7, 2.0])
def test_margins_of_lkj(eta: float) -> None:
    """Each correlation of 4 variables is Beta(eta + 1, eta + 1) on (-1, 1) (Lewandowski et al. 2009, section 3)."""
    partials = Partials(eta, 4)
    found = correlations(factor(partials.sample(np.random.default_rng(9), (4000, 6)), 4))
    margin = stats.beta(eta + 1, eta + 1, loc=-1, scale=2)
    assert all(stats.kstest(found[:, p], margin.cdf).pvalue > 0.001 / 6 for p in range(6))


def test_density_of_lkj() -> None:
    """p(shares) = c det(R)^(eta - 1) |dR / d shares|, the Jacobian by differences: c is one number over points.

    Its value is that of Lewandowski et al. (2009), equation 17, by their recursion for K = 3.
    """
    eta, rng = 1.7, np.random.default_rng(10)
    partials, found = Partials(eta, 3), []
    for _ in range(5):
        share = rng.uniform(0.2, 0.8, 3)
        step = 1e-6 * np.eye(3)
        columns = [(correlations(factor(share + h, 3)) - correlations(factor(share - h, 3))) / 2e-6 for h in step]
        log_jacobian = np.linalg.slogdet(np.array(columns))[1]
        log_det = 2 * np.log(np.diagonal(factor(share, 3))).sum()
        found.append(partials.logpdf(share).sum() - (eta - 1) * log_det - log_jacobian)
    # volume: sum over k = 1, 2 of (2 eta - 2 + 3 - k)(3 - k) log 2 + (3 - k) log B(eta + (3 - k - 1) / 2, same)
    volume = sum(
        (2 * eta - 2 + 3 - k) * (3 - k) * np.log(2) + (3 - k) * special.betaln(eta + (2 - k) / 2, eta + (2 - k) / 2)
        for k in (1, 2)
    )
    np.testing.assert_allclose(found, -volume, atol=1e-7)


def test_factor_is_of_the_matrix() -> None:
    """Against the recursion of partial correlations; rows have length 1 next to the edge too."""
    rng = np.random.default_rng(11)
    for share in (rng.uniform(0.05, 0.95, 15), np.full(15, 1 - 1e-9)):
        lower = factor(share, 6)
        np.testing.assert_allclose(lower @ lower.T, _correlation_matrix(share, 6), atol=1e-12)
        assert (np.triu(lower, 1) == 0).all()
    np.testing.assert_allclose((factor(rng.uniform(0.05, 0.95, 15), 6) ** 2).sum(axis=1), 1, rtol=1e-14)


# site effects


def test_site_effects_follow_the_patients() -> None:
    """Their covariance matrix, written out: what is foretold by R, and a part of its own for each end point."""
    model = _model("bcc")
    point = {name: value[0] for name, value in model.prior_draws(1, np.random.default_rng(11)).items()}
    r = _correlation_matrix(point["share"], 3)
    lower = np.linalg.cholesky(r)  # in the order of conditioning: c, c, b
    unit = np.array([point["sigma_1"], point["sigma_2"], np.sqrt(8 / np.pi)])
    own = np.array([point["tau_u_1"], point["tau_u_2"], point["tau_u_0"]]) / unit
    covariance = np.outer(unit, unit) * (lower @ np.diag(own**2) @ lower.T)
    root = model.roots(point)["u"]
    turn = [1, 2, 0]
    np.testing.assert_allclose((root @ root.T)[np.ix_(turn, turn)], covariance, rtol=1e-12)
    np.testing.assert_allclose(model.site_effects(point)["u"], root @ point["e"], rtol=1e-12)


def test_sites_alike_in_every_unit_have_the_correlations_of_patients() -> None:
    """Where every end point has the same own part in its unit, sites are correlated as patients are."""
    model = _model("bcc")
    point = {name: value[0] for name, value in model.prior_draws(1, np.random.default_rng(12)).items()}
    units = {"tau_u_0": np.sqrt(8 / np.pi), "tau_u_1": point["sigma_1"], "tau_u_2": point["sigma_2"]}
    root = model.roots({**point, **{name: 0.3 * unit for name, unit in units.items()}})["u"]
    covariance = root @ root.T
    sd = np.sqrt(np.diagonal(covariance))
    within = _correlation_matrix(point["share"], 3)[np.ix_([2, 0, 1], [2, 0, 1])]
    np.testing.assert_allclose(covariance / np.outer(sd, sd), within, atol=1e-12)


def test_without_correlation_each_has_its_own() -> None:
    model = _model("bcg", patients=None)
    point = {name: value[0] for name, value in model.prior_draws(1, np.random.default_rng(13)).items()}
    for effect, standard, tau in (("u", "e", "tau_u"), ("v", "f", "tau_v")):
        expected = np.array([point[f"{tau}_{k}"] for k in range(3)])[:, None] * point[standard]
        np.testing.assert_allclose(model.site_effects(point)[effect], expected, rtol=1e-14)
