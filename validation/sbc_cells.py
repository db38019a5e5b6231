"""Simulation-based calibration of the quadrature engine on site tables (Talts et al. 2018, arXiv:1804.06788).

As in `validation.sbc_margins`, a truth is drawn from the model's prior and a trial is simulated from it; here
the trial is a table of sites of given size. If the site integrals, the importance sampling, the resampling, the draws
of the site effects and the estimands are all right, the rank of the true value among independent posterior draws is
uniform. The log likelihood is ranked too: unlike the parameters it looks at the data, and so finds draws that forget
them (Modrak et al. 2023, Bayesian Analysis, doi 10.1214/23-BA1404).

No simulation is left out, whatever its verdict: a fit that fails enters with the draws that it gave, and is counted.
One with fewer draws than are ranked is run again with more points, and counted too.
Trials are simulated by code of this module's own, which shares nothing with the likelihood.

Renew the stored result with `python -m validation.sbc_cells` (a few minutes on two cores).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.engines.draws import Draws
from bayes_lupil.likelihoods import BinomialCells
from bayes_lupil.operating.staleness import model_hash
from bayes_lupil.posterior.diagnostics import describe_independent, judge
from bayes_lupil.posterior.estimands import estimate
from bayes_lupil.spec import ModelSpec, load_model
from bayes_lupil.trials.cells import Cells
from validation import runner

__all__ = [
    "DEPENDS_ON", "DESIGNS", "CellsCalibration", "Design", "calibrate_cells", "current_hash", "read_results",
    "simulate_cells",
]  # fmt: skip

Floats = runner.Floats
Values = Mapping[str, Any]
Fit = Callable[[BinomialCells], Draws]

_PARAMETERS = ("alpha", "beta", "tau_u", "tau_v")
QUANTITIES = (*_PARAMETERS, "risk_difference", "u", "v", "log_likelihood")
"""u and v are those of the first site; which one does not matter, since all are alike."""
SHARE = "outlier_share"
"""Ranked too where the model has one."""
RANKED_AMONG = 255
"""Thinned draws: 256 possible ranks."""
POINTS = 1024
"""Importance points of the stored ranks: a quarter of the default, to be quick, and for errors to show the more."""
SETTINGS = ("points", "nodes", "chains")
"""Settings of the sampler that the engine reads."""

DEPENDS_ON: dict[str, tuple[str, ...]] = {
    "engines/climb.py": (),
    "engines/importance.py": (),
    "engines/proposal.py": (),
    "engines/quadrature.py": (),
    "posterior/estimands.py": ("estimate",),
    "likelihoods/base.py": (),
    "likelihoods/density.py": (),
    "likelihoods/binomial.py": (),
    "integrals/cell_table.py": (),
    "integrals/compiled.py": ("compiled",),
    "likelihoods/spike_and_slab.py": (),
    "integrals/kernel_draws.py": (),
    "integrals/kernel_modes.py": (),
    "integrals/kernels.py": (),
    "likelihoods/mixture.py": (),
    "integrals/site_integral.py": (),
    "likelihoods/binomial_marginal.py": (),
    "likelihoods/site_effects.py": (),
    "priors/base.py": (),
    "priors/families.py": ("Normal", "HalfNormal", "Beta"),
}
"""Files that the ranks depend on, with the parts of them that do; () for all of the file."""


def current_hash() -> str:
    """Hash of the code that the ranks depend on, as it is now."""
    return runner.hash_of(DEPENDS_ON, __file__)


@dataclass(frozen=True)
class Design:
    """Size of the simulated trials: sites, and patients in each arm of each site; and the model."""

    n_sites: int
    control: int
    active: int
    model: str = "site_effects"

    @property
    def quantities(self) -> tuple[str, ...]:
        """What is ranked."""
        return (*QUANTITIES, SHARE) if load_model(self.model).sites.is_mixture else QUANTITIES


DESIGNS = {
    "sparse": Design(25, 2, 2),
    "dense": Design(12, 40, 40),
    "sparse, outlying arms": Design(25, 2, 2, "outliers_arms"),
    "dense, outlying arms": Design(12, 40, 40, "outliers_arms"),
    "dense, exchangeable or not": Design(12, 40, 40, "site_exnex"),
}
"""Four patients a site, as in LUPIL-2, where the prior still matters; and sites that speak for themselves."""


@dataclass(frozen=True, kw_only=True)
class CellsCalibration(runner.Calibration):
    """Ranks of true values, and what they were made with.

    The log likelihood has no spread, since it has no prior before the data. A simulation is repeated, with more points,
    for want of draws to rank among.

    Attributes
    ----------
    failures : dict of str to list of int
        Numbers of the simulations whose verdict failed, by its first reason; their ranks are among the others.
    min_draws, max_k_hat, max_quadrature_error : float
        Worst over simulations.
    """

    design: dict[str, int]
    model: str
    failures: dict[str, list[int]]
    min_draws: int
    max_k_hat: float
    max_quadrature_error: float


def read_results(path: Path) -> dict[str, CellsCalibration]:
    """Read a file that `runner.write_results` wrote: calibrations by the name of their design."""
    content = json.loads(path.read_text(encoding="utf-8"))
    return {name: CellsCalibration(**result) for name, result in content.items()}


def simulate_cells(spec: ModelSpec, truth: Values, design: Design, rng: np.random.Generator) -> Cells:
    """A table of sites simulated from one value of each parameter.

    Parameters
    ----------
    spec : ModelSpec
        For the coding of the arms.
    truth : dict of str to array
        alpha, beta, tau_u, tau_v, the standardised site effects e and f, and what an outlying arm adds to its log odds
        ('shift', shape (sites, 2)), or the effect of a site that stands alone ('own', NaN at others).
    design : Design
        Size of the trial.
    rng : numpy.random.Generator
        Source of the responses.
    """
    n = np.tile([design.control, design.active], (design.n_sites, 1))
    return Cells(tuple(f"site {s + 1}" for s in range(design.n_sites)), rng.binomial(n, _risks(spec, truth)), n)


def _log_odds(spec: ModelSpec, truth: Values) -> Floats:
    """True log odds by site and arm, written out and not taken from the likelihood."""
    level = truth["alpha"] + truth["tau_u"] * np.asarray(truth["e"])
    effect = truth["beta"] + truth["tau_v"] * np.asarray(truth["f"])
    if "own" in truth:
        effect = np.where(np.isnan(truth["own"]), effect, truth["own"])
    found: Floats = np.stack([level + effect * x for x in spec.sites.x], axis=-1) + truth.get("shift", 0.0)
    return found


def _risks(spec: ModelSpec, truth: Values) -> Floats:
    risks: Floats = 1 / (1 + np.exp(-_log_odds(spec, truth)))
    return risks


def calibrate_cells(
    spec: ModelSpec,
    design: Design,
    simulations: int,
    seed: int,
    progress: Callable[[str], None] | None = None,
    fit: Fit | None = None,
) -> CellsCalibration:
    """Rank true values among posterior draws over many simulated trials.

    Parameters
    ----------
    spec : ModelSpec
        A model with partially pooled intercepts and effects, independent of each other: the design's own or one like
        it. Its seed is not used.
    design : Design
        Size of the trials.
    simulations, seed, progress
        See `runner.rank`.
    fit : callable, optional
        In place of the quadrature engine, for tests that must fail.
    """
    from bayes_lupil.engines import quadrature

    engine: Fit = fit or quadrature.sample

    def simulate(rng: np.random.Generator, sampler: int) -> runner.Simulated:
        one = spec.edited(sampler__seed=sampler)
        truth = _one_truth(one, design, rng)
        likelihood = BinomialCells(one, simulate_cells(one, truth, design, rng))
        found = engine(likelihood)
        size = found.statistics["lp"].size
        facts = {"why_not": _why_not(found), "size": size, "repeated": size < RANKED_AMONG, **found.diagnostics}
        if size < RANKED_AMONG:
            found = _again(likelihood, engine)
        return runner.Simulated(_true_values(likelihood, truth), _thinned(likelihood, found), facts)

    found = runner.rank(simulate, simulations, seed, RANKED_AMONG, current_hash(), progress, every=50)
    failures: dict[str, list[int]] = {}
    for i, reasons in enumerate(found.facts["why_not"], start=1):
        for reason in reasons:
            failures.setdefault(reason, []).append(i)
    quantities = (*QUANTITIES, SHARE) if spec.sites.is_mixture else QUANTITIES
    prior = {name: found.truths[name] for name in quantities if name != "log_likelihood"}
    return CellsCalibration(
        **{**found.common, "ranks": {name: found.common["ranks"][name] for name in quantities}},
        design=asdict(design),
        model=spec.name,
        model_hash=model_hash(spec, SETTINGS),
        spread=runner.relative_spread(found.spreads, prior),
        failures=failures,
        min_draws=min(found.facts["size"]),
        max_k_hat=round(max(found.facts["pareto_k"]), 3),
        max_quadrature_error=float(f"{max(0.0, *found.facts['quadrature_error']):.2g}"),
    )


def _one_truth(spec: ModelSpec, design: Design, rng: np.random.Generator) -> dict[str, Floats]:
    """One draw from the prior; the site effects are standard normal, or Student-t, or of several kinds."""
    df, sites = spec.sites.df, design.n_sites
    truth = {name: prior.sample(rng) for name, prior in spec.priors.items() if name in (*_PARAMETERS, SHARE)}
    truth |= {name: rng.standard_normal(sites) if df is None else rng.standard_t(df, sites) for name in ("e", "f")}
    if spec.sites.outliers == "arms" and spec.sites.outlier_sd is not None:
        out = rng.random((sites, 2)) < truth[SHARE]
        truth["shift"] = np.where(out, spec.sites.outlier_sd * rng.standard_normal((sites, 2)), 0.0)
    elif spec.sites.distribution == "exnex":
        prior, alone = spec.priors.nonexchangeable, rng.random(sites) < truth[SHARE]
        assert prior is not None
        truth["own"] = np.where(alone, rng.normal(prior.mean, prior.sd, sites), np.nan)
    return truth


def _why_not(found: Draws) -> list[str]:
    """The first reason of a failed verdict, its numbers taken out so that like ones are counted together."""
    rows = [describe_independent(name, found.values[name]) for name in _PARAMETERS]
    verdict = judge(rows, found.statistics, found.diagnostics)
    if verdict.ok:
        return []
    return [re.sub(r"(^| )-?[0-9.]+(e[-+]?[0-9]+)?\b", "", verdict.failures[0].split(" (")[0]).strip()]


def _again(likelihood: BinomialCells, engine: Fit) -> Draws:
    """The same fit with ever more points, until there are draws enough."""
    settings = likelihood.spec.sampler
    for points in (settings.points * 4**k for k in range(1, 5)):
        found = engine(BinomialCells(likelihood.spec.edited(sampler__points=points), likelihood.cells))
        if found.statistics["lp"].size >= RANKED_AMONG:
            return found
    raise RuntimeError(f"fewer than {RANKED_AMONG} draws from {points} points, seed {settings.seed}")


def _thinned(likelihood: BinomialCells, found: Draws) -> dict[str, Floats]:
    """Every quantity at evenly spaced draws, which the engine gives in random order; shape (RANKED_AMONG,)."""
    size = found.statistics["lp"].size
    kept = runner.thinned(size, RANKED_AMONG)
    values = {name: value.reshape(size, *value.shape[2:])[kept][None] for name, value in found.values.items()}
    estimands = estimate(likelihood, values, np.random.default_rng(likelihood.spec.sampler.seed))
    effects = {name: value[..., 0] for name, value in likelihood.sites.effects(values).items()}
    quantities = {name: values[name] for name in (*_PARAMETERS, SHARE) if name in values} | effects
    quantities |= {"risk_difference": estimands["risk_difference"], "log_likelihood": likelihood.log_likelihood(values)}
    return {name: draws[0] for name, draws in quantities.items()}


def _true_values(likelihood: BinomialCells, truth: Values) -> dict[str, float]:
    log_odds, x = _log_odds(likelihood.spec, truth), likelihood.spec.sites.x
    risks, n, y = _risks(likelihood.spec, truth), likelihood.cells.n, likelihood.cells.responders
    difference = (risks[:, 1] - risks[:, 0]) @ n.sum(axis=1) / n.sum()
    found = {name: truth[name] for name in (*_PARAMETERS, SHARE) if name in truth} | {"risk_difference": difference}
    slope = (log_odds[0, 1] - log_odds[0, 0]) / (x[1] - x[0])
    found |= {"u": log_odds[0, 0] - x[0] * slope - truth["alpha"], "v": slope - truth["beta"]}
    found["log_likelihood"] = _log_probability(y, n, risks)
    return {name: float(value) for name, value in found.items()}


def _log_probability(y: NDArray[np.int64], n: NDArray[np.int64], risks: Floats) -> float:
    from scipy import stats

    return float(stats.binom.logpmf(y, n, risks).sum())


def _main(arguments: list[str] | None = None) -> int:
    out = "tests/validation/sbc_cells.json"
    parser = runner.arguments("validation.sbc_cells", "New ranks.", 1000, 20260202, out)
    parser.add_argument("--model", help="in place of the model of each design")
    given = parser.parse_args(arguments)
    results = {}
    for design, size in DESIGNS.items():
        runner.say(f"{design}: {size}")
        spec = load_model(given.model or size.model).edited(sampler__points=POINTS)
        results[design] = calibrate_cells(spec, size, given.simulations, given.seed, runner.say)
        runner.write_results(results, given.out)
    runner.say(f"written to {given.out}")
    return 0


if __name__ == "__main__":
    raise SystemExit(_main())
