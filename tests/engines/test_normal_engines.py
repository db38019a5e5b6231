"""Both engines on continuous end points: against exact posteriors on a grid, and against one another.

Given the SDs everything else is Gaussian, so that the exact posterior is a sum over a grid of the SDs of normal
distributions, from the normal equations of all coefficients (those of the sites too): nothing of the package is used.
"""

from __future__ import annotations

import csv
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from bayes_lupil import ModelSpec
from bayes_lupil.engines import run_engine
from bayes_lupil.likelihoods.normal import NormalPatients
from bayes_lupil.posterior.diagnostics import mcse_mean, mcse_quantile
from tests.proofs import FIT

MANY = 4.0
"""Monte Carlo errors that two posteriors may lie apart: about 1 in 16,000 comparisons by chance."""

WHY = "For this test only."
CDISC, OPT = "cdiscpilot_adascog_week24_locf", "opt_pocketdepth_change"
ARMS = {CDISC: ("Placebo", "Xanomeline_High_Dose"), OPT: ("control", "treatment")}
SITE = {CDISC: "site_group", OPT: "site"}
Floats = NDArray[np.float64]


def _normal(sd: float) -> dict[str, Any]:
    return {"family": "normal", "mean": 0, "sd": sd, "reason": WHY}


def _half_normal(sd: float) -> dict[str, Any]:
    return {"family": "half_normal", "sd": sd, "reason": WHY}


def _spec(intercepts: str, effects: str, engine: str = "quadrature", **priors: dict[str, Any]) -> ModelSpec:
    return ModelSpec.from_dict(
        {
            "schema": 1,
            "name": "continuous",
            "title": "A continuous end point",
            "role": "reference",
            "question": "Do both engines give the exact posterior?",
            "population": "itt",
            "estimand": "mean difference",
            "sites": {"intercepts": intercepts, "effects": effects, "correlated": "correlation" in priors},
            "priors": priors,
            "sampler": {"engine": engine, "points": 16384, "draws": 5000, "target_accept": 0.99, "seed": 20260421},
        }
    )


def _patients(validation: Path, dataset: str, spec: ModelSpec) -> NormalPatients:
    with (validation / "data" / f"{dataset}.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["arm"] in ARMS[dataset]]
    names = sorted({row[SITE[dataset]] for row in rows})
    return NormalPatients(
        spec,
        names,
        [names.index(row[SITE[dataset]]) for row in rows],
        [ARMS[dataset].index(row["arm"]) for row in rows],
        [float(row["change"]) for row in rows],
        [float(row["baseline"]) for row in rows],
    )


def _exact(likelihood: NormalPatients, grids: dict[str, Floats]) -> dict[str, tuple[float, float]]:
    """Posterior mean and SD of the SDs and of every coefficient: alpha, beta, gamma, and u or alpha by site.

    For intercepts pooled, partial or fixed, effects pooled, all location priors normal around 0. `grids` has equal
    steps that span the posterior of each SD.
    """
    spec, names = likelihood.spec, list(grids)
    priors = spec.priors
    x = np.array(spec.sites.x)[likelihood.arm]
    dummies = likelihood.site[:, None] == np.arange(len(likelihood.site_names))
    columns = {"beta": x, "gamma": likelihood.baseline - np.mean(likelihood.baseline)}
    sds = {"beta": priors.beta.sd, "gamma": priors.gamma.sd}
    if spec.sites.intercepts != "fixed":
        columns["alpha"], sds["alpha"] = np.ones_like(x), priors.alpha.sd
    if spec.sites.intercepts != "pooled":
        for i, name in enumerate(likelihood.site_names):
            columns[name], sds[name] = dummies[:, i].astype(float), priors.alpha.sd
    design, y = np.column_stack(list(columns.values())), likelihood.y
    points = np.array(list(itertools.product(*grids.values())))
    at = dict(zip(names, points.T, strict=True))
    scale = np.array([np.full(len(points), sds[name]) for name in columns]).T
    if spec.sites.intercepts == "partial":
        scale[:, -len(likelihood.site_names) :] = at["tau_u"][:, None]
    inverse = 1 / at["sigma"] ** 2
    precision = inverse[:, None, None] * (design.T @ design) + np.eye(design.shape[1]) * scale[:, None] ** -2.0
    covariance = np.linalg.inv(precision)
    mean = inverse[:, None] * (covariance @ (design.T @ y))
    explained = inverse * (mean @ (design.T @ y))
    log = -y.size * np.log(at["sigma"]) - np.log(scale).sum(axis=1) - 0.5 * np.linalg.slogdet(precision)[1]
    log = log - 0.5 * ((y @ y) * inverse - explained)
    log = log + sum(getattr(priors, name).logpdf(at[name]) for name in names)
    weight = np.exp(log - log.max())
    weight /= weight.sum()
    found = {}
    for name in names:
        first = weight @ at[name]
        found[name] = (float(first), float(np.sqrt(weight @ (at[name] - first) ** 2)))
    for i, name in enumerate(columns):
        first = weight @ mean[:, i]
        found[name] = (float(first), float(np.sqrt(weight @ (covariance[:, i, i] + (mean[:, i] - first) ** 2))))
    return found


def _quantities(likelihood: NormalPatients, values: dict[str, Floats]) -> dict[str, Floats]:
    """Draws by name, one quantity each, shape (chain, draw): site effects by their own names, not standardised."""
    effects = likelihood.sites.effects(values)
    found = {name: value for name, value in values.items() if value.ndim == 2}
    for letter, value in (*effects.items(), *((n, v) for n, v in values.items() if v.ndim == 3 and n not in "ef")):
        label = "" if letter in ("u", "alpha") else f"{letter} "
        found |= {f"{label}{name}": value[..., i] for i, name in enumerate(likelihood.site_names)}
    return found


SHORT = {"alpha": _normal(2), "beta": _normal(1), "gamma": _normal(1), "sigma": _half_normal(1)}
BROAD = {"alpha": _normal(10), "beta": _normal(5), "gamma": _normal(1), "sigma": _half_normal(10)}
WIDE = {"alpha": _normal(100), "beta": _normal(100), "gamma": _normal(100), "sigma": _half_normal(10)}


SIGMA = {OPT: np.linspace(0.26, 0.42, 60), CDISC: np.linspace(3.9, 6.9, 100)}
"""Grids over 4 SDs or more of each trial's posterior of sigma to either side, in steps of a third of an SD or less."""


@pytest.mark.parametrize(
    ("dataset", "spec", "tau_u"),
    [
        (OPT, _spec("pooled", "pooled", **WIDE), None),
        (OPT, _spec("fixed", "pooled", **WIDE), None),
        (CDISC, _spec("partial", "pooled", **BROAD, tau_u=_half_normal(3)), (np.arange(600) + 0.5) * 0.015),
        (OPT, _spec("partial", "pooled", **SHORT, tau_u=_half_normal(0.5)), (np.arange(600) + 0.5) * 0.005),
    ],
    ids=["pooled, wide", "fixed, wide", "partial, 11 sites", "partial, 4 sites"],
)
def test_quadrature_is_exact(validation: Path, dataset: str, spec: ModelSpec, tau_u: Floats | None) -> None:
    """Means and SDs within 4 Monte Carlo errors; an SD by its kurtosis, next to 6 for sites."""
    likelihood = _patients(validation, dataset, spec)
    draws = run_engine(likelihood)
    assert draws.sampler.startswith("quadrature")
    assert draws.diagnostics["pareto_k"] < 0.7
    assert draws.diagnostics["quadrature_error"] == draws.diagnostics["failed_integrals"] == 0
    exact = _exact(likelihood, {"sigma": SIGMA[dataset]} | ({} if tau_u is None else {"tau_u": tau_u}))
    ours = _quantities(likelihood, draws.values)
    assert set(exact) == set(ours)
    for name, (mean, sd) in exact.items():
        size = ours[name].size
        assert size > 2000
        assert abs(ours[name].mean() - mean) < MANY * sd / np.sqrt(size), name
        kurtosis = float(stats.kurtosis(ours[name], axis=None, fisher=False))
        assert abs(ours[name].std() - sd) < MANY * sd * np.sqrt((kurtosis - 1) / 4 / size), name


def test_wide_priors_give_regression(validation: Path) -> None:
    """With wide priors the exact posterior that the engine is held against is least squares: R's lm, fixed sites."""
    likelihood = _patients(validation, OPT, _spec("fixed", "pooled", **WIDE))
    exact = _exact(likelihood, {"sigma": SIGMA[OPT]})
    with (validation / "references.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["dataset"] == OPT and row["model"].startswith("lm ANCOVA")]
    printed = {row["term"]: row for row in rows}
    # lm has n - 6 degrees of freedom; under a flat prior of sigma itself the posterior is a t with one less, whose
    # variance is (n - 6) / (n - 9) of the squared standard error. The prior given is that flat to some 1e-5.
    widening = np.sqrt((likelihood.y.size - 6) / (likelihood.y.size - 9))
    for term, name in (("armtreatment", "beta"), ("baseline", "gamma")):
        assert exact[name][0] == pytest.approx(float(printed[term]["estimate"]), rel=1e-6)
        assert exact[name][1] == pytest.approx(widening * float(printed[term]["se"]), rel=1e-5)


@pytest.mark.stack
def test_the_same_seed_gives_the_same_draws(validation: Path) -> None:
    spec = _spec("partial", "partial", **SHORT, tau_u=_half_normal(0.5), tau_v=_half_normal(0.5))
    spec = spec.edited(sampler__points=1024)
    one, two = (run_engine(_patients(validation, OPT, spec)).values for _ in range(2))
    assert all((one[name] == two[name]).all() for name in one)


CORRELATION = {"correlation": {"family": "lkj", "eta": 2, "reason": WHY}}


@pytest.mark.proof(*FIT)
@pytest.mark.parametrize(
    ("dataset", "intercepts", "effects", "priors"),
    [
        (CDISC, "partial", "partial", BROAD | {"tau_u": _half_normal(3), "tau_v": _half_normal(2)}),
        (OPT, "partial", "partial", SHORT | CORRELATION | dict.fromkeys(("tau_u", "tau_v"), _half_normal(0.5))),
        (CDISC, "fixed", "partial", BROAD | {"tau_v": _half_normal(2)}),
    ],
    ids=["cdisc", "pocket depth", "cdisc, fixed intercepts"],
)
def test_engines_agree(
    validation: Path, dataset: str, intercepts: str, effects: str, priors: dict[str, dict[str, Any]]
) -> None:
    """Mean, SD (by the mean of squares) and three quantiles of every quantity, 20,000 NUTS draws, 16,384 points."""
    found = {}
    for engine in ("nuts", "quadrature"):
        likelihood = _patients(validation, dataset, _spec(intercepts, effects, engine, **priors))
        draws = run_engine(likelihood)
        found[engine] = _quantities(likelihood, draws.values)
        if engine == "nuts":
            # two sites' SDs reach 0 at the neck of a funnel; what a few divergences do to the draws is told below
            assert draws.statistics["diverging"].mean() < 1e-3
            assert draws.values["sigma"].shape == (4, 5000)
        else:
            assert draws.diagnostics["pareto_k"] < 0.7
    assert set(found["nuts"]) == set(found["quadrature"])
    far = {}
    for name, nuts in found["nuts"].items():
        other = found["quadrature"][name]
        centre = nuts.mean()
        pairs = {"mean": (nuts, other), "spread": ((nuts - centre) ** 2, (other - centre) ** 2)}
        apart = {
            what: abs(a.mean() - b.mean()) / np.hypot(mcse_mean(a), mcse_mean(b)) for what, (a, b) in pairs.items()
        }
        for q in (0.025, 0.5, 0.975):
            error = np.hypot(mcse_quantile(nuts, q), mcse_quantile(other, q))
            apart[f"{q:.1%}"] = abs(np.quantile(nuts, q) - np.quantile(other, q)) / error
        far |= {f"{name}, {what}": value for what, value in apart.items() if value > MANY}
    assert far == {}
