"""Integrals over a site's effects by brute force that shares no code with the package, and models to try it on.

    L_s(theta) = log int int prod_c Binomial(y_c | n_c, alpha + u + (beta + v) x_c) p(u, v | theta) du dv

Brute force takes the site parameters on their own scale (t variables as sinh of the integration variable, so that
tails die out), finds by repeated scans what matters of each row, and integrates it by 20 Gauss-Legendre nodes on each
of 16 pieces: against scipy.integrate.quad it is right to 1e-9 (`test_site_marginal`, first test).
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from scipy.special import gammaln, log_expit

from bayes_lupil import Cells, ModelSpec, load_model
from bayes_lupil.integrals.cell_table import CellTable
from bayes_lupil.likelihoods import BinomialCells
from bayes_lupil.likelihoods.binomial_marginal import SiteMarginal
from bayes_lupil.likelihoods.site_effects import SiteModel

Floats = NDArray[np.float64]

NODES = 13
CLOSE = 1e-4
"""Of a site's log likelihood, where theta comes from a posterior: with 500 sites still 0.002 of the sum's SD, 0.02."""
EXTREME = 1e-2
"""Where theta is such that no posterior goes there."""
WHY = "For this test only."

# brute force


def _composite(pieces: int, nodes: int) -> tuple[Floats, Floats]:
    """Nodes and weights on [-1, 1]: heavy tails are too wide, and peaks on them too narrow, for one polynomial."""
    x, w = np.polynomial.legendre.leggauss(nodes)
    middle = (2 * np.arange(pieces)[:, None] + 1) / pieces - 1
    return (middle + x / pieces).ravel(), np.tile(w / pieces, pieces)


LEGENDRE = _composite(16, 20)
DEEP = 45.0


@dataclass(frozen=True)
class Latent:
    """An integration variable s: its log density, its range, and the quantity that it stands for."""

    log_density: Callable[[Floats], Floats]
    low: float
    high: float
    value: Callable[[Floats], Floats]


def latent_of(family: str, location: float = 0.0, scale: float = 1.0, df: float = 0.0) -> Latent:
    if family == "normal":
        return Latent(stats.norm.logpdf, -38, 38, lambda s: location + scale * s)
    if family == "uniform":
        return Latent(lambda s: np.full_like(s, -np.log(scale)), location, location + scale, lambda s: s)
    t = stats.t(df)
    return Latent(lambda s: t.logpdf(np.sinh(s)) + np.log(np.cosh(s)), -25, 25, lambda s: location + scale * np.sinh(s))


def log_integral(log_f: Callable[[Floats], Floats], low: ArrayLike, high: ArrayLike, scan: int = 121) -> Floats:
    """Log of the integral of exp(log_f) over [low, high], for each row; log_f takes points of shape (..., points)."""
    low, high = (np.asarray(v, dtype=float) for v in np.broadcast_arrays(low, high))
    unit = np.linspace(0, 1, scan)
    for _ in range(4):
        value = log_f(low[..., None] + (high - low)[..., None] * unit)
        near = value > value.max(axis=-1, keepdims=True) - DEEP
        first, last = near.argmax(axis=-1), scan - 1 - near[..., ::-1].argmax(axis=-1)
        step = (high - low) / (scan - 1)
        low, high = low + step * np.maximum(first - 1, 0), low + step * np.minimum(last + 1, scan - 1)
    x, w = LEGENDRE
    value = log_f(low[..., None] + (high - low)[..., None] * (x + 1) / 2)
    top = value.max(axis=-1)
    return np.asarray(top + np.log((np.exp(value - top[..., None]) * w).sum(axis=-1) * (high - low) / 2))


def brute(
    y: ArrayLike, n: ArrayLike, x: ArrayLike, first: Latent | None, second: Latent | None,
    base: float, slope: float, tau: tuple[float, float] = (1.0, 1.0), r: float = 0.0, scan: int = 121,
) -> float:  # fmt: skip
    """Log likelihood of one site: log odds base + tau_1 a + (slope + tau_2 (r a + sqrt(1 - r^2) b)) x."""
    cells = list(zip(np.asarray(y, float), np.asarray(n, float), np.asarray(x, float), strict=True))
    choose = sum(gammaln(m + 1) - gammaln(k + 1) - gammaln(m - k + 1) for k, m, _ in cells)

    def likelihood(a: Any, b: Any) -> Any:
        u, v = base + tau[0] * a, slope + tau[1] * (r * a + np.sqrt(1 - r**2) * b)
        return sum(k * log_expit(u + v * c) + (m - k) * log_expit(-u - v * c) for k, m, c in cells)

    if first is None and second is None:
        return float(likelihood(0.0, 0.0) + choose)
    if second is None:
        assert first is not None
        return float(log_integral(lambda s: likelihood(first.value(s), 0.0) + first.log_density(s), first.low,
                                  first.high, scan) + choose)  # fmt: skip
    if first is None:
        return float(log_integral(lambda s: likelihood(0.0, second.value(s)) + second.log_density(s), second.low,
                                  second.high, scan) + choose)  # fmt: skip

    def rows(s2: Floats) -> Floats:
        b = second.value(s2)[..., None]
        inner = log_integral(
            lambda s1: likelihood(first.value(s1), b) + first.log_density(s1),
            np.full(s2.shape, first.low), np.full(s2.shape, first.high), scan,
        )  # fmt: skip
        return inner + second.log_density(s2)

    return float(log_integral(rows, second.low, second.high, scan) + choose)


# site models

UNIT = {"alpha": "intercepts", "beta": "effects"}


def spec_of(intercepts: str, effects: str, **changes: Any) -> ModelSpec:
    unused = {
        f"priors__{tau}": None for tau, pooling in (("tau_u", intercepts), ("tau_v", effects)) if pooling != "partial"
    }
    return load_model("site_effects").edited(
        sites__intercepts=intercepts, sites__effects=effects, sampler__points=1024, **unused, **changes
    )


def prior_of(family: str, **arguments: float) -> dict[str, Any]:
    return {"family": family, **arguments, "reason": WHY}


HEAVY = {"sites__distribution": "student_t"}
MODELS: dict[str, ModelSpec] = {
    "random intercept": spec_of("partial", "pooled"),
    "random slope": spec_of("pooled", "partial"),
    "both": spec_of("partial", "partial"),
    "both, reference coding": spec_of("partial", "partial", sites__coding="reference"),
    "correlated": spec_of("partial", "partial", sites__correlated=True, priors__correlation=prior_of("lkj", eta=2)),
    "fixed intercepts": spec_of("fixed", "partial"),
    "fixed intercepts, t prior": spec_of(
        "fixed", "partial", priors__alpha=prior_of("student_t", df=3, mean=0, scale=2)
    ),
    "fixed intercepts, uniform prior": spec_of("fixed", "pooled", priors__alpha=prior_of("uniform", lower=-5, upper=5)),
    "fixed effects": spec_of("partial", "fixed"),
    "fixed both": spec_of("fixed", "fixed"),
    "t with 2": spec_of("partial", "partial", **HEAVY, sites__df=2),
    "t with 4": spec_of("partial", "partial", **HEAVY, sites__df=4),
    "t with 10, intercept": spec_of("partial", "pooled", **HEAVY, sites__df=10),
    "t with 4, correlated": spec_of(
        "partial", "partial", **HEAVY, sites__df=4, sites__correlated=True, priors__correlation=prior_of("lkj", eta=2)
    ),
}
QUICK = ("random intercept", "random slope", "both", "correlated", "fixed intercepts, uniform prior", "t with 4")
OUTLIER, FAR_OUT = ([2, 25], [24, 28]), {"alpha": -1.86, "beta": 2.9, "tau_u": 0.025, "tau_v": 0.02}
LONG = ("t with 2, dense", "t with 4, correlated")


def latents_of(spec: ModelSpec) -> tuple[Latent | None, Latent | None]:
    """The two site variables of a model; standardised where pooling is partial."""
    found: list[Latent | None] = []
    for pooling, prior in ((spec.sites.intercepts, spec.priors.alpha), (spec.sites.effects, spec.priors.beta)):
        if pooling == "pooled":
            found.append(None)
        elif pooling == "partial":
            found.append(latent_of("normal") if spec.sites.df is None else latent_of("t", df=spec.sites.df))
        elif prior.family == "normal":
            found.append(latent_of("normal", prior.mean, prior.sd))
        elif prior.family == "uniform":
            found.append(latent_of("uniform", prior.lower, prior.upper - prior.lower))
        else:
            found.append(latent_of("t", prior.mean, prior.scale, prior.df))
    return found[0], found[1]


def brute_site(spec: ModelSpec, theta: dict[str, float], y: ArrayLike, n: ArrayLike, scan: int = 121) -> float:
    """One site with its cells of control and active, under a model."""
    y, n, x = np.asarray(y), np.asarray(n), np.array([-0.5, 0.5] if spec.sites.coding == "centred" else [0, 1])
    return brute(
        y[n > 0], n[n > 0], x[n > 0], *latents_of(spec), theta.get("alpha", 0.0), theta.get("beta", 0.0),
        (theta.get("tau_u", 1.0), theta.get("tau_v", 1.0)), theta.get("correlation", 0.0), scan,
    )  # fmt: skip


def likelihood_of(spec: ModelSpec, responders: ArrayLike, n: ArrayLike) -> BinomialCells:
    n = np.asarray(n)
    return BinomialCells(spec, Cells(tuple(f"s{i}" for i in range(len(n))), np.asarray(responders), n))


def marginal_of(spec: ModelSpec, responders: ArrayLike, n: ArrayLike) -> SiteMarginal:
    """For any table, also one that no trial could have."""
    y, n = np.asarray(responders), np.asarray(n)
    site, arm = np.nonzero(n)
    return SiteMarginal(
        SiteModel(spec, len(n)), table_of(site, y[site, arm], n[site, arm], np.array(spec.sites.x)[arm])
    )


def log_sites_at(
    spec: ModelSpec, responders: ArrayLike, n: ArrayLike, theta: dict[str, float], nodes: int = NODES
) -> tuple[Floats, int]:
    """Log likelihood of every site at one theta, and how many integrals failed."""
    point = {name: np.array([value]) for name, value in theta.items()}
    found, failed = marginal_of(spec, responders, n).log_sites(point, nodes)
    return found[0], failed


def table_of(site: ArrayLike, y: ArrayLike, n: ArrayLike, x: ArrayLike) -> CellTable:
    x = np.asarray(x, dtype=float)
    return CellTable.from_arrays(site, y, n, x, np.column_stack([np.ones(x.size), x]))


def read_counts(path: Path) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Responders and patients, shape (sites, 2), the arm named placebo or control first."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    sites = list(dict.fromkeys(row["site"] for row in rows))
    y, n = np.zeros((len(sites), 2), dtype=np.int64), np.zeros((len(sites), 2), dtype=np.int64)
    for row in rows:
        at = sites.index(row["site"]), int(row["arm"] not in ("placebo", "control"))
        y[at], n[at] = int(row["responders"]), int(row["n"])
    return y, n
